// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl_fixture.h"

char folder[64], path[96], err[256];
struct fixture t;

/* ---- handlers ---- */

static int status_get(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	struct nl_msg *msg = mn_ctl_message(r, MNCSE_CMD_STATUS);

	(void)attrs;
	assert_ptr_equal(arg, &t);
	nla_put_string(msg, MNCSE_A_ROLE, "gateway");
	nla_put_string(msg, MNCSE_A_LISTEN, "127.0.0.1:1");
	nla_put_string(msg, MNCSE_A_LISTEN, "127.0.0.1:2");
	nla_put_u64(msg, MNCSE_A_SESSIONS, 1234567890123);
	return mn_ctl_answer(r, msg);
}

static int layers_get(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	char text[513];

	(void)arg;
	(void)attrs;
	memset(text, 'x', sizeof(text));
	text[t.text_len] = '\0';
	for (unsigned int i = 0; i < t.answers; i++) {
		struct nl_msg *msg = mn_ctl_message(r, MNCSE_CMD_LAYERS);

		nla_put_u32(msg, MNCSE_A_PID, i);
		nla_put_string(msg, MNCSE_A_REASON, text);
		t.answer_err = mn_ctl_answer(r, msg);
		if (t.answer_err)
			return t.answer_err;
	}
	return 0;
}

static int rekey(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	(void)arg;
	if (strcmp(nla_get_string(attrs[MNCSE_A_GROUP]), "now") == 0) {
		mn_ctl_finish(r, mn_ctl_fail(r, -EBUSY, "finished at once"));
		return MN_CTL_LATER;
	}
	t.later = r;
	sem_post(&t.told);
	return MN_CTL_LATER;
}

static int evict(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	(void)arg;
	return mn_ctl_fail(r, -ENOENT, "no session of \"%s\"",
			   nla_get_string(attrs[MNCSE_A_ENTITY]));
}

static int device_add(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	(void)arg;
	(void)r;
	t.key_len = (size_t)nla_len(attrs[MNCSE_A_KEY]);
	memcpy(t.key, nla_data(attrs[MNCSE_A_KEY]), t.key_len);
	return 0;
}

static int config_get(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	struct nl_msg *msg = mn_ctl_message(r, MNCSE_CMD_CONFIG);

	(void)arg;
	(void)attrs;
	nla_put_string(msg, MNCSE_A_TEXT, "\x1b[31m");
	mn_ctl_answer(r, msg);
	return 0;
}

static const uint8_t group_only[] = { MNCSE_A_GROUP, 0 };
static const uint8_t gateway_too[] = { MNCSE_A_GATEWAY, 0 };
static const uint8_t entity_only[] = { MNCSE_A_ENTITY, 0 };
static const uint8_t device[] = { MNCSE_A_ENTITY, MNCSE_A_KEY, 0 };

static const struct mn_ctl_command commands[] = {
	{ .cmd = MNCSE_CMD_STATUS_GET, .fn = status_get },
	{ .cmd = MNCSE_CMD_LAYERS_GET, .dump = true, .fn = layers_get },
	{ .cmd = MNCSE_CMD_REKEY,
	  .change = true,
	  .required = group_only,
	  .allowed = gateway_too,
	  .fn = rekey },
	{ .cmd = MNCSE_CMD_EVICT, .change = true, .required = entity_only, .fn = evict },
	{ .cmd = MNCSE_CMD_DEVICE_ADD, .change = true, .required = device, .fn = device_add },
	{ .cmd = MNCSE_CMD_CONFIG_GET, .fn = config_get },
};

/* ---- the loop's thread ---- */

static void on_wake(void *arg)
{
	void (*job)(void) = __atomic_exchange_n(&t.job, NULL, __ATOMIC_ACQ_REL);

	(void)arg;
	if (!job)
		return;
	job();
	sem_post(&t.told);
}

int new_server(struct mn_ctl_server **out)
{
	return mn_ctl_server_new(t.loop, path, commands, sizeof(commands) / sizeof(*commands), &t,
				 out, err);
}

static void *run(void *arg)
{
	const char *why;

	(void)arg;
	t.started = mn_loop_new(NULL, &t.loop, &why);
	if (!t.started) {
		mn_loop_on_wake(t.loop, on_wake, NULL);
		t.started = new_server(&t.server);
	}
	sem_post(&t.ready);
	if (!t.started)
		mn_loop_run(t.loop);
	mn_ctl_server_free(t.server);
	mn_loop_free(t.loop);
	return NULL;
}

void on_loop(void (*job)(void))
{
	__atomic_store_n(&t.job, job, __ATOMIC_RELEASE);
	mn_loop_wake(t.loop);
	sem_wait(&t.told);
}

static void stop(void)
{
	mn_loop_stop(t.loop);
}

int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	snprintf(folder, sizeof(folder), "/tmp/mncse-ctl-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/s", folder);
	sem_init(&t.ready, 0, 0);
	sem_init(&t.told, 0, 0);
	if (pthread_create(&t.thread, NULL, run, NULL))
		return -1;
	sem_wait(&t.ready);
	if (t.started)
		print_error("server: %s\n", err);
	return t.started;
}

int teardown(void **state)
{
	(void)state;
	on_loop(stop);
	pthread_join(t.thread, NULL);
	assert_int_equal(access(path, F_OK), -1);
	return rmdir(folder);
}

void free_server(void)
{
	mn_ctl_server_free(t.server);
	t.server = NULL;
}
