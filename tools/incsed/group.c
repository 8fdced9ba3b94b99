// SPDX-License-Identifier: GPL-2.0-or-later
#include "group.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"
#include "device.h"
#include "gateway.h"
#include "log.h"

/* Timers of a group: rotate (a new Rand after rotate_s), expire (the previous generation ends), again (gateway.c). */

#define DRAW_AGAIN_MS 10000 /* after the store failed */
#define TURN_MS (30 * 86400 * 1000ULL)
#define FORGET_AT_ONCE 512 /* devices whose rows one round deletes */
#define FORGET_MS 20

int mnt_groups_init(struct mnt_groups *t, struct mnt_commit *c, struct mnt_clock *clock,
		    struct mn_timers *timers)
{
	*t = (struct mnt_groups){ .commit = c, .clock = clock, .timers = timers };
	return mnt_table_init(&t->table);
}

static void timer_set(struct mnt_group *g, struct mn_timer *t, uint64_t ms)
{
	if (g->all->timers)
		mn_timer_set(g->all->timers, t, ms);
}

void mnt_groups_fini(struct mnt_groups *t)
{
	struct mnt_node *n;

	while ((n = mnt_table_walk(&t->table, NULL))) {
		struct mnt_group *g = mnt_of(n, struct mnt_group, node);

		mnt_table_del(&t->table, n);
		mn_timer_del(&g->rotate);
		mn_timer_del(&g->expire);
		mn_timer_del(&g->again);
		mn_zero(g, sizeof(*g));
		free(g);
	}
	mnt_table_fini(&t->table);
}

static uint64_t group_hash(const struct mnt_gateway *w, const char *name)
{
	return mnt_table_hash(name, strlen(name)) ^ mnt_table_hash(&w, sizeof(w));
}

struct mnt_group *mnt_group_find(const struct mnt_groups *t, const struct mnt_gateway *w,
				 const char *name)
{
	struct mnt_node *n = mnt_table_first(&t->table, group_hash(w, name));

	for (; n; n = mnt_table_next(n)) {
		struct mnt_group *g = mnt_of(n, struct mnt_group, node);

		if (g->gateway == w && !strcmp(g->name, name))
			return g;
	}
	return NULL;
}

static void rotate_due(struct mn_timer *t);
static void expire_due(struct mn_timer *t);

struct mnt_group *mnt_group_get(struct mnt_groups *t, struct mnt_gateway *w, const char *name)
{
	struct mnt_group *g = mnt_group_find(t, w, name);

	if (g)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->all = t;
	g->gateway = w;
	snprintf(g->name, sizeof(g->name), "%s", name);
	mn_timer_init(&g->rotate, rotate_due);
	mn_timer_init(&g->expire, expire_due);
	mn_timer_init(&g->again, NULL);
	g->next = w->groups;
	w->groups = g;
	w->group_n++;
	mnt_table_add(&t->table, &g->node, group_hash(w, name));
	return g;
}

void mnt_group_load(struct mnt_group *g, const struct mn_generation *r)
{
	g->previous = g->current;
	g->current = (struct mnt_generation){
		.number = r->generation,
		.created = r->created,
		.acked = r->acked,
	};
	memcpy(g->current.rand, r->rand, sizeof(r->rand));
}

/* The deadline in Unix time, as far ahead of now as the rules allow; a clock that was set back gains nothing. */
static uint64_t grace_ms(const struct mnt_group *g, int64_t now)
{
	int64_t most = g->current.acked ? g->all->grace_s : MNT_GRACE_MAX_S;
	int64_t left = g->current.created + MNT_GRACE_MAX_S - now;

	if (g->current.acked && g->current.acked + g->all->grace_s - now < left)
		left = g->current.acked + g->all->grace_s - now;
	if (left > most)
		left = most;
	return left > 0 ? (uint64_t)left * 1000 : 0;
}

/* The wheel's timers are shorter than a rotation may be: what is left is waited for in turns. */
static void rotate_in(struct mnt_group *g, uint64_t ms)
{
	uint64_t turn = ms < TURN_MS ? ms : TURN_MS;

	g->rotate_left = ms - turn;
	timer_set(g, &g->rotate, turn);
}

void mnt_group_reschedule(struct mnt_group *g)
{
	int64_t left;

	mn_timer_del(&g->rotate);
	if (!g->all->rotate_s || !g->current.number)
		return;
	left = g->current.created + g->all->rotate_s - mnt_clock_unix(g->all->clock);
	if (left > g->all->rotate_s)
		left = g->all->rotate_s;
	rotate_in(g, left > 0 ? (uint64_t)left * 1000 : 0);
}

void mnt_group_start(struct mnt_group *g)
{
	uint64_t grace = grace_ms(g, mnt_clock_unix(g->all->clock));

	if (g->previous.number) {
		g->previous_until = mnt_clock_ms(g->all->clock) + grace;
		timer_set(g, &g->expire, grace);
	}
	mnt_group_reschedule(g);
}

static void authenticated_anew(struct mnt_group *g)
{
	g->authenticated = 0;
	for (struct mnt_device *d = g->devices; d; d = d->next)
		g->authenticated += d->authenticated == g->current.number;
}

/* The draft is durable, or was rolled back with its batch. */
static void draft_done(struct mnt_after *a, int err)
{
	struct mnt_group *g = mnt_of(a, struct mnt_group, drawn);

	if (err) {
		mn_error("group %s of %s: no new Rand, the store did not take it; next try in %d s",
			 g->name, g->gateway->id, DRAW_AGAIN_MS / 1000);
		mn_zero(&g->draft, sizeof(g->draft));
		rotate_in(g, DRAW_AGAIN_MS);
		return;
	}
	g->previous = g->conflicts ? (struct mnt_generation){ 0 } : g->current;
	g->current = g->draft;
	mn_zero(&g->draft, sizeof(g->draft));
	g->previous_until = mnt_clock_ms(g->all->clock) + MNT_GRACE_MAX_S * 1000;
	timer_set(g, &g->expire, g->previous.number ? MNT_GRACE_MAX_S * 1000 : 0);
	authenticated_anew(g);
	mnt_group_reschedule(g);
	g->all->draws++;
	mn_event(MN_EVENT_RAND, MN_LOG_INFO, "group %s of %s: generation %u drawn", g->name,
		 g->gateway->id, g->current.number);
	if (g->all->drawn)
		g->all->drawn(g);
}

static int put(struct mnt_group *g, const struct mnt_generation *n)
{
	struct mn_generation r = { .generation = n->number, .created = n->created };
	struct mnt_commit *c = g->all->commit;
	int err = mnt_commit_begin(c);

	if (err)
		return err;
	snprintf(r.gateway_id, sizeof(r.gateway_id), "%s", g->gateway->id);
	snprintf(r.group, sizeof(r.group), "%s", g->name);
	memcpy(r.rand, n->rand, sizeof(r.rand));
	err = mn_store_generation_put(c->store, &r);
	mn_zero(&r, sizeof(r));
	if (err)
		mnt_commit_fail(c);
	mnt_commit_mark(c);
	return err;
}

static int draw_number(const struct mnt_group *g, int64_t now, uint32_t *out)
{
	uint64_t number = (uint64_t)g->current.number + 1;

	if (now > 0 && (uint64_t)now > number)
		number = (uint64_t)now;
	/* A gateway ahead of the clock is caught up with in a few rounds. */
	if (g->conflicts > 1)
		number += 60ULL << (g->conflicts < 24 ? g->conflicts : 24);
	if (number > UINT32_MAX - 1)
		return -EOVERFLOW;
	*out = (uint32_t)number;
	return 0;
}

int mnt_group_draw(struct mnt_group *g)
{
	struct mnt_generation n = { .created = mnt_clock_unix(g->all->clock), .trusted = true };
	int err;

	if (g->draft.number)
		return -EINPROGRESS;
	err = draw_number(g, n.created, &n.number);
	if (!err)
		err = mn_random(n.rand, sizeof(n.rand));
	/* In place of the generation that a newer one was seen of: a Rand that nobody gets. The store keeps two, so that nothing
	 * from before the copy is accepted after the next start either. */
	if (!err && g->conflicts) {
		put(g, &n);
		n.number++;
		err = mn_random(n.rand, sizeof(n.rand));
	}
	if (!err) {
		put(g, &n); /* a failure reaches draft_done with the batch */
		g->draft = n;
		g->drawn.fn = draft_done;
		mnt_commit_after(g->all->commit, &g->drawn);
	}
	mn_zero(&n, sizeof(n));
	return err;
}

void mnt_group_acked(struct mnt_group *g, uint32_t generation)
{
	struct mnt_commit *c = g->all->commit;
	int64_t now = mnt_clock_unix(g->all->clock);

	/* What was held back for good (restored copy) does not come back by a 2.04. */
	if (generation != g->current.number || (g->conflicts && !g->current.trusted))
		return;
	g->conflicts = 0;
	g->current.trusted = true;
	g->previous.trusted = true;
	if (g->current.acked)
		return;
	g->current.acked = now;
	if (!mnt_commit_begin(c) &&
	    mn_store_generation_acked(c->store, g->gateway->id, g->name, generation, now))
		mnt_commit_fail(c);
	if (g->previous.number) {
		uint64_t until = mnt_clock_ms(g->all->clock) + (uint64_t)g->all->grace_s * 1000;

		if (until < g->previous_until) {
			g->previous_until = until;
			timer_set(g, &g->expire, (uint64_t)g->all->grace_s * 1000);
		}
	}
}

void mnt_group_restored(struct mnt_group *g)
{
	if (!g->current.number)
		return;
	g->conflicts++;
	g->current.trusted = false;
	mn_zero(&g->previous, sizeof(g->previous));
	/* Right away the first time; a gateway that goes on refusing does not make the IN write in a circle. */
	rotate_in(g, g->conflicts == 1 ? 0 : 1000ULL << (g->conflicts < 8 ? g->conflicts : 8));
}

void mnt_group_conflict(struct mnt_group *g)
{
	if (!g->conflicts)
		mn_event(
			MN_EVENT_STORE_OLDER, MN_LOG_ERROR,
			"gateway %s has seen a newer generation of group %s than %u: this store is an older copy. "
			"What was added, removed or answered since that copy is lost, and devices added since are unknown. "
			"Nothing under an earlier generation is accepted; a new Rand is drawn",
			g->gateway->id, g->name, g->current.number);
	mnt_group_restored(g);
}

static void rotate_due(struct mn_timer *t)
{
	struct mnt_group *g = mnt_of(t, struct mnt_group, rotate);
	int err;

	if (g->rotate_left) {
		rotate_in(g, g->rotate_left);
		return;
	}
	err = mnt_group_draw(g);
	if (err && err != -EINPROGRESS) {
		mn_error("group %s of %s: cannot draw a Rand: %s", g->name, g->gateway->id,
			 strerror(-err));
		rotate_in(g, DRAW_AGAIN_MS);
	}
}

/* The previous generation has ended: its keys and contexts go, a slice of the devices a round. */
static void expire_due(struct mn_timer *t)
{
	struct mnt_group *g = mnt_of(t, struct mnt_group, expire);
	struct mnt_commit *c = g->all->commit;
	unsigned int n = 0;

	mnt_commit_now(c); /* no answer is held under what goes */
	mn_zero(&g->previous, sizeof(g->previous));
	for (struct mnt_device *d = g->devices; d && n < FORGET_AT_ONCE; d = d->next) {
		if (!mnt_device_forget(d, g->current.number))
			continue;
		n++;
		if (!mnt_commit_begin(c) &&
		    mn_store_context_del_generation(c->store, d->id, g->current.number))
			mnt_commit_fail(c);
	}
	if (n == FORGET_AT_ONCE)
		timer_set(g, &g->expire, FORGET_MS);
}

const struct mnt_generation *mnt_group_generation(const struct mnt_group *g, uint32_t number)
{
	if (!number)
		return NULL;
	if (g->current.number == number)
		return &g->current;
	return g->previous.number == number ? &g->previous : NULL;
}

const struct mnt_generation *mnt_group_accepts(const struct mnt_group *g, uint32_t number)
{
	const struct mnt_generation *n = mnt_group_generation(g, number);

	if (n == &g->previous && mnt_clock_ms(g->all->clock) >= g->previous_until)
		return NULL;
	/* After a conflict nothing counts until the new Rand is durable. */
	if (n && g->conflicts && !n->trusted)
		return NULL;
	return n;
}

uint32_t mnt_group_oldest(const struct mnt_group *g)
{
	return g->previous.number ? g->previous.number : g->current.number;
}
