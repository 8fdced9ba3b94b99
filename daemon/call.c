// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls: what every worker does, worker 0 first. */
#include <stdlib.h>

#include "gateway.h"

void *mnd_call_new(struct mnd_gateway *g, size_t size, mnd_call_fn *run, mnd_call_fn *done)
{
	/* before the others start and after they have ended they are not asked */
	unsigned int n = g->crew && g->crew->threads ? g->crew->n : 1;
	size_t at = (size + 15) & ~(size_t)15;
	struct mnd_call *c = calloc(1, at + n * sizeof(c->part[0]));

	if (!c)
		return NULL;
	c->gateway = g;
	c->run = run;
	c->done = done;
	c->n = n;
	c->part = (struct mnd_call_part *)(void *)((char *)c + at);
	return c;
}

static void finish(struct mnd_call *c)
{
	if (c->done)
		c->done(c->gateway, c);
	free(c);
}

/* On worker 0. */
static void came_back(struct mn_loop *l, struct mn_mail *m)
{
	struct mnd_call *c = mnd_container(m, struct mnd_call_part, mail)->call;

	(void)l;
	if (--c->left)
		return;
	LIST_REMOVE(c, link);
	finish(c);
}

/* On another worker. */
static void arrived(struct mn_loop *l, struct mn_mail *m)
{
	struct mnd_call_part *part = mnd_container(m, struct mnd_call_part, mail);
	struct mnd_call *c = part->call;
	struct mnd_gateway *g = c->gateway->crew->worker[part - c->part];

	(void)l;
	c->run(g, c);
	m->fn = came_back;
	mnd_crew_post(g, 0, m);
}

void mnd_call_all(struct mnd_call *c)
{
	struct mnd_gateway *g = c->gateway;

	c->run(g, c);
	c->left = c->n - 1;
	if (!c->left) {
		finish(c);
		return;
	}
	LIST_INSERT_HEAD(&g->crew->calls, c, link);
	for (unsigned int i = 1; i < c->n; i++) {
		c->part[i].call = c;
		c->part[i].mail.fn = arrived;
		mnd_crew_post(g, i, &c->part[i].mail);
	}
}

/* Only when no other thread runs. */
void mnd_calls_cancel(struct mnd_call_list *calls)
{
	struct mnd_call *c;

	while ((c = LIST_FIRST(calls))) {
		LIST_REMOVE(c, link);
		c->cancelled = true;
		finish(c);
	}
}
