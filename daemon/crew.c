// SPDX-License-Identifier: GPL-2.0-or-later
#include "crew.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/crypto.h"
#include "dtls/handshake.h"
#include "gateway.h"

enum { HOMES = MND_CREDENTIALS_MAX + 1024 }; /* as many as the keyring has slots, rounded up */

unsigned int mnd_crew_processors(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);

	return n < 1 ? 1 : n > MND_WORKERS_MAX ? MND_WORKERS_MAX : (unsigned int)n;
}

int mnd_crew_new(struct mnd_gateway *first, unsigned int n)
{
	struct mnd_crew *crew = calloc(1, sizeof(*crew));
	void *homes;

	if (!crew)
		return -ENOMEM;
	homes = mmap(NULL, HOMES * sizeof(uint64_t), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (homes == MAP_FAILED) {
		free(crew);
		return -ENOMEM;
	}
	crew->homes = homes;
	crew->n = n;
	crew->worker[0] = first;
	LIST_INIT(&crew->calls);
	first->crew = crew;
	return 0;
}

/* Worker 0 waits meanwhile, so that its tables stand still. */
static int copy_tables(struct mnd_gateway *g, const struct mnd_gateway *first)
{
	const struct mnd_group *from;
	const struct mnd_credential *c;
	int err;

	TAILQ_FOREACH(from, &first->groups.all, link)
	{
		struct mnd_group *to = mnd_group_find(&g->groups, from->name, true);

		if (!to)
			return -ENOMEM;
		mnd_group_copy(to, from);
	}
	err = mnd_credentials_init_with(&g->credentials, first->credentials.keys);
	TAILQ_FOREACH(c, &first->credentials.all, link)
	{
		struct mnd_group *group = mnd_group_find(&g->groups, c->group->name, false);

		if (!err)
			err = mnd_credentials_copy(&g->credentials, c, group);
		if (err)
			return err;
		group->members++;
	}
	return err;
}

static int start(struct mnd_gateway *g, char err[512])
{
	const struct mnd_gateway *first = g->crew->worker[0];
	int rc;

	snprintf(err, 512, "worker %u: out of memory", g->index);
	rc = copy_tables(g, first);
	g->upstream.gateway = g;
	g->upstream.state = first->upstream.state;
	g->upstream.retry_at_ms = first->upstream.retry_at_ms;
	g->upstream.address = first->upstream.address;
	/* with the lists of addresses, which only the start needs */
	g->settings = first->settings;
	g->classify.steer = first->classify.steer;
	if (!rc)
		rc = mnd_gateway_front(g, err);
	if (!rc)
		mn_endpoint_set_cookie_keys(g->inner, g->crew->cookie_keys);
	mnd_settings_share(&g->settings, &first->settings);
	return rc;
}

static int init(void *arg, unsigned int index, struct mn_loop *l)
{
	struct mnd_crew *crew = arg;
	struct mnd_gateway *g = calloc(1, sizeof(*g));
	char err[512] = "out of memory";
	int rc = -ENOMEM;

	if (g) {
		g->crew = crew;
		g->index = index + 1;
		g->loop = l;
		crew->worker[g->index] = g;
		mnd_gateway_prepare(g);
		rc = start(g, err);
		if (rc)
			mnd_gateway_front_end(g);
		/* the last one opens the door: none runs before all are done with this, and worker 0 waits meanwhile */
		else if (__atomic_add_fetch(&crew->begun, 1, __ATOMIC_ACQ_REL) == crew->n - 1)
			mnd_classify_serve(crew->worker[0], crew->n);
	}
	/* the first that fails tells why */
	if (rc && !__atomic_exchange_n(&crew->failed, true, __ATOMIC_ACQ_REL))
		memcpy(crew->err, err, sizeof(crew->err));
	return rc;
}

static void fini(void *arg, unsigned int index, struct mn_loop *l)
{
	struct mnd_crew *crew = arg;

	(void)l;
	mnd_gateway_front_end(crew->worker[index + 1]);
}

int mnd_crew_start(struct mnd_crew *crew, char err[512])
{
	static const struct mn_worker_ops ops = { .init = init, .fini = fini };
	const char *why = NULL;
	int rc = mn_hs_warm_up();

	if (rc) {
		snprintf(err, 512, "no handshake succeeds on this machine: %s", strerror(-rc));
		return rc;
	}
	mn_endpoint_cookie_keys(crew->worker[0]->inner, crew->cookie_keys);
	rc = mn_workers_start(crew->n - 1, NULL, &ops, crew, &crew->threads, &why);

	if (rc && crew->failed)
		snprintf(err, 512, "%s", crew->err);
	else if (rc)
		snprintf(err, 512, "%u workers: %s (%s)", crew->n, strerror(-rc),
			 why ? why : "no more is known");
	return rc;
}

void mnd_crew_post(struct mnd_gateway *from, unsigned int to, struct mn_mail *m)
{
	struct mnd_crew *crew = from->crew;

	mn_mail_send(from->index == 0 && crew->stopped ? NULL : from->loop, crew->worker[to]->loop,
		     m);
}

void mnd_crew_stop(struct mnd_crew *crew)
{
	if (!crew || crew->stopped)
		return;
	crew->stopped = true;
	if (crew->threads) {
		mnd_relay_interrupt(&crew->worker[0]->relay);
		mn_workers_stop(crew->threads);
		crew->threads = NULL;
	}
	mnd_calls_cancel(&crew->calls);
}

void mnd_crew_free(struct mnd_crew *crew)
{
	if (!crew)
		return;
	for (unsigned int i = 1; i < crew->n; i++) {
		if (crew->worker[i])
			mnd_parcels_fini(&crew->worker[i]->parcels);
		free(crew->worker[i]);
	}
	mnd_parcels_fini(&crew->worker[0]->parcels);
	mn_zero(crew->cookie_keys, sizeof(crew->cookie_keys));
	munmap(crew->homes, HOMES * sizeof(uint64_t));
	free(crew);
}
