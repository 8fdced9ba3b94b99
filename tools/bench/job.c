// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls that block, on a thread of their own. The thread reads the options and the credentials, which do not change, and
 * writes its result before `done`, which the loop reads. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "ctl/ctl.h"
#include "run_state.h"

/* The IN may wait for a gateway's whole retransmission (RFC 7252 4.8.2, MAX_TRANSMIT_WAIT). */
enum { REKEY_MS = 100000 };

static void *work(void *arg)
{
	struct mnt_job *j = arg;

	j->err = j->fn(j->run, j->text);
	atomic_store(&j->done, true);
	mn_loop_wake(j->run->loop);
	return NULL;
}

int mnt_job_start(struct mnt_run *run, int (*fn)(struct mnt_run *run, char text[256]))
{
	struct mnt_job *j = &run->job;
	int err;

	j->run = run;
	j->fn = fn;
	j->err = 0;
	j->text[0] = '\0';
	atomic_store(&j->done, false);
	err = pthread_create(&j->thread, NULL, work, j);
	j->running = !err;
	return -err;
}

void mnt_job_join(struct mnt_run *run)
{
	if (run->job.running)
		pthread_join(run->job.thread, NULL);
	run->job.running = false;
}

static int nothing(void *arg, enum mncse_cmd cmd, struct nlattr **attrs)
{
	(void)arg;
	(void)cmd;
	(void)attrs;
	return 0;
}

static int rekey_group(struct mn_ctl_client *c, const char *group, char text[256])
{
	struct nl_msg *msg = mn_ctl_request_new(MNCSE_CMD_REKEY, false);

	if (!msg || nla_put_string(msg, MNCSE_A_GROUP, group)) {
		mn_ctl_request_free(msg);
		snprintf(text, 256, "out of memory");
		return -ENOMEM;
	}
	return mn_ctl_call(c, msg, nothing, NULL, text);
}

/* Each group once; devices of a group mostly follow each other, and groups are few. */
int mnt_job_rekey(struct mnt_run *run, char text[256])
{
	const struct mnt_credentials *cs = run->o->credentials;
	struct mn_ctl_client *c = NULL;
	int err = mn_ctl_connect(run->o->in_socket, REKEY_MS, &c, text);

	for (size_t i = 0; !err && i < cs->n; i++) {
		const char *group = cs->list[i].group;
		size_t j = i && !strcmp(group, cs->list[i - 1].group) ? i - 1 : 0;

		while (j < i && strcmp(cs->list[j].group, group) != 0)
			j++;
		if (j == i)
			err = rekey_group(c, group, text);
	}
	if (c)
		mn_ctl_disconnect(c);
	return err;
}

int mnt_job_restart(struct mnt_run *run, char text[256])
{
	int status = system(run->o->restart);

	if (status < 0 || !WIFEXITED(status) || WEXITSTATUS(status)) {
		snprintf(text, 256, "--restart: the command failed");
		return -ECANCELED;
	}
	return 0;
}
