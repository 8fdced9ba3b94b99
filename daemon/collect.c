// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"

/* What one worker has found: its part's result. */
struct found {
	bool no_memory;
	size_t n, room;
	struct mnd_session_row *sessions;
	struct mnd_group_count *groups;
	struct mnd_stats stats;
};

static bool same_host(const union mn_addr *a, const union mn_addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return !memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr));
}

static bool wanted(const struct mnd_session_filter *f, const struct mnd_device *d)
{
	const union mn_addr *peer = mn_session_peer(d->messenger.session);

	if (f->group[0] && strcmp(f->group, mnd_device_group(d)->name))
		return false;
	if (f->state[0] && strcmp(f->state, mnd_state_name(d->state)))
		return false;
	if (f->by_port)
		return mn_addr_equal(&f->address, peer);
	return !f->by_address || same_host(&f->address, peer);
}

static struct mnd_session_row *another(struct found *f)
{
	if (f->n == f->room) {
		size_t room = f->room ? f->room * 2 : 256;
		struct mnd_session_row *rows =
			reallocarray(f->sessions, room, sizeof(f->sessions[0]));

		if (!rows) {
			f->no_memory = true;
			return NULL;
		}
		f->sessions = rows;
		f->room = room;
	}
	return &f->sessions[f->n++];
}

static void note_session(struct found *f, const struct mnd_session_filter *filter,
			 const struct mnd_device *d)
{
	uint64_t now = mn_loop_now(d->gateway->loop);
	struct mn_session *s = d->messenger.session;
	struct mnd_session_row *row;

	/* a session that is closed but not yet gone has no suite any more */
	if (!mn_session_is_open(s) || !wanted(filter, d))
		return;
	row = another(f);
	if (!row)
		return;
	*row = (struct mnd_session_row){
		.id = mn_session_id(s),
		.age_ms = now - mn_session_opened_ms(s),
		.idle_ms = now - mn_session_active_ms(s),
		.requests = d->n_requests,
		.answers = d->n_answers,
		.entity = d->credential->entity,
		.group = mnd_device_group(d)->name,
		.peer = *mn_session_peer(s),
		.key_slot = d->credential->key_slot,
		.handshake_us = mn_session_handshake_us(s),
		.generation = d->offer.generation,
		.suite = (uint16_t)mn_session_suite(s),
		.state = d->state,
		.has_generation = d->offer.sent,
	};
}

static void find_sessions(struct mnd_gateway *g, struct found *f,
			  const struct mnd_session_filter *filter)
{
	struct mnd_group *group;
	struct mnd_device *d;

	if (filter->entity[0]) {
		struct mnd_credential *c =
			mnd_credentials_by_entity(&g->credentials, filter->entity);

		if (c && c->device)
			note_session(f, filter, c->device);
		return;
	}
	TAILQ_FOREACH(group, &g->groups.all, link)
	{
		TAILQ_FOREACH(d, &group->connected, link)
		note_session(f, filter, d);
	}
}

static void find_groups(struct mnd_gateway *g, struct found *f)
{
	struct mnd_group *group;
	size_t n = 0;

	TAILQ_FOREACH(group, &g->groups.all, link)
	n++;
	f->groups = calloc(n ? n : 1, sizeof(f->groups[0]));
	if (!f->groups) {
		f->no_memory = true;
		return;
	}
	TAILQ_FOREACH(group, &g->groups.all, link)
	{
		f->groups[f->n++] = (struct mnd_group_count){
			.name = group->name,
			.connected = group->n_connected,
			.confirmed = group->n_confirmed,
			.authenticated = group->n_authenticated,
		};
	}
}

static void run(struct mnd_gateway *g, struct mnd_call *call)
{
	struct mnd_collection *c = (struct mnd_collection *)call;
	struct found *f = calloc(1, sizeof(*f));

	call->part[g->index].result = f;
	if (!f)
		return;
	switch (c->what) {
	case MND_COLLECT_SESSIONS:
		find_sessions(g, f, &c->filter);
		return;
	case MND_COLLECT_GROUPS:
		find_groups(g, f);
		return;
	case MND_COLLECT_STATS:
		mnd_stats_take(g, &f->stats);
		return;
	}
}

static void add_groups(struct mnd_gateway *g, const struct found *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct mnd_group_count *from = &f->groups[i];
		struct mnd_group *to = mnd_group_find(&g->groups, from->name, false);

		if (!to)
			continue;
		to->sum.connected += from->connected;
		to->sum.confirmed += from->confirmed;
		to->sum.authenticated += from->authenticated;
	}
}

/* Takes the rows of the first that has some, and adds the others' to them. */
static int add_sessions(struct mnd_collection *c, struct found *f)
{
	struct mnd_session_row *rows;

	if (!c->n) {
		c->sessions = f->sessions;
		c->n = f->n;
		f->sessions = NULL;
		return 0;
	}
	if (!f->n)
		return 0;
	rows = reallocarray(c->sessions, c->n + f->n, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	memcpy(rows + c->n, f->sessions, f->n * sizeof(*rows));
	c->sessions = rows;
	c->n += f->n;
	return 0;
}

static void merge(struct mnd_gateway *g, struct mnd_collection *c, struct found *f)
{
	if (!f || f->no_memory) {
		c->err = -ENOMEM;
		return;
	}
	switch (c->what) {
	case MND_COLLECT_SESSIONS:
		if (add_sessions(c, f))
			c->err = -ENOMEM;
		return;
	case MND_COLLECT_GROUPS:
		add_groups(g, f);
		return;
	case MND_COLLECT_STATS:
		mnd_stats_add(&c->stats, &f->stats);
		return;
	}
}

static void done(struct mnd_gateway *g, struct mnd_call *call)
{
	struct mnd_collection *c = (struct mnd_collection *)call;
	struct mnd_group *group;

	TAILQ_FOREACH(group, &g->groups.all, link)
	group->sum = (struct mnd_group_count){ 0 };
	for (unsigned int i = 0; i < call->n; i++) {
		struct found *f = call->part[i].result;

		if (!call->cancelled)
			merge(g, c, f);
		if (f) {
			free(f->sessions);
			free(f->groups);
		}
		free(f);
	}
	if (call->cancelled)
		c->err = -ECANCELED;
	mn_ctl_finish(c->request, c->err ? c->err : c->fn(g, c));
	free(c->sessions);
}

struct mnd_collection *
mnd_collection_new(struct mnd_gateway *g, enum mnd_collect_what what, struct mn_ctl_request *r,
		   int (*fn)(struct mnd_gateway *g, struct mnd_collection *c))
{
	struct mnd_collection *c = mnd_call_new(g, sizeof(*c), run, done);

	if (!c)
		return NULL;
	c->what = what;
	c->request = r;
	c->fn = fn;
	return c;
}

int mnd_collect(struct mnd_collection *c)
{
	if (!c)
		return -ENOMEM;
	mnd_call_all(&c->call);
	return MN_CTL_LATER;
}
