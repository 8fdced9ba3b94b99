// SPDX-License-Identifier: GPL-2.0-or-later
#include "group.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/coap.h"
#include "core/crypto.h"
#include "store/store.h"

static struct mnd_group **bucket(struct mnd_groups *t, const char *name)
{
	uint32_t h = 0x811c9dc5;

	while (*name)
		h = (h ^ (uint8_t)*name++) * 0x01000193;
	return &t->buckets[(h ^ h >> 16) & (MND_GROUP_BUCKETS - 1)];
}

void mnd_groups_init(struct mnd_groups *t)
{
	memset(t, 0, sizeof(*t));
	TAILQ_INIT(&t->all);
}

void mnd_groups_fini(struct mnd_groups *t)
{
	struct mnd_group *g;

	while ((g = TAILQ_FIRST(&t->all))) {
		TAILQ_REMOVE(&t->all, g, link);
		free(g);
	}
}

struct mnd_group *mnd_group_find(struct mnd_groups *t, const char *name, bool make)
{
	struct mnd_group **head = bucket(t, name);
	struct mnd_group *g;

	for (g = *head; g; g = g->next)
		if (!strcmp(g->name, name))
			return g;
	if (!make || strlen(name) > MN_GROUP_MAX)
		return NULL;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	snprintf(g->name, sizeof(g->name), "%s", name);
	TAILQ_INIT(&g->connected);
	g->next = *head;
	*head = g;
	TAILQ_INSERT_TAIL(&t->all, g, link);
	g->number = t->made++;
	return g;
}

bool mnd_group_known(const struct mnd_group *g)
{
	return g->configured || g->members > 0;
}

size_t mnd_groups_count(const struct mnd_groups *t)
{
	struct mnd_group *g;
	size_t n = 0;

	TAILQ_FOREACH(g, &t->all, link)
	n += mnd_group_known(g);
	return n;
}

static int set_rand(struct mnd_group *g, uint32_t generation, const uint8_t *rand, int64_t created)
{
	struct mn_rand_message m = { .generation = generation };
	int len;

	memcpy(m.rand, rand, MN_RAND_LEN);
	len = mn_rand_message_encode(&m, MN_HOP_INNER, g->message, sizeof(g->message));
	if (len < 0)
		return len;
	g->message_len = (uint8_t)len;
	g->generation = generation;
	memcpy(g->rand, rand, MN_RAND_LEN);
	g->created = created;
	g->has_rand = true;
	return 0;
}

uint8_t mnd_group_take(struct mnd_groups *t, const struct mn_rand_message *m, int64_t now_s,
		       bool *taken, struct mnd_group **out)
{
	struct mnd_group *g = mnd_group_find(t, m->group, false);

	*taken = false;
	*out = g;
	if (!g || !mnd_group_known(g))
		return MN_COAP_404;
	if (g->has_rand && m->generation == g->generation)
		return mn_equal(m->rand, g->rand, MN_RAND_LEN) ? MN_COAP_204 : MN_COAP_409;
	if (g->has_rand && m->generation < g->generation)
		return MN_COAP_409;
	if (set_rand(g, m->generation, m->rand, now_s))
		return MN_COAP_500;
	g->dirty = true;
	*taken = true;
	return MN_COAP_204;
}

static int load_one(void *arg, const struct mn_generation *stored)
{
	struct mnd_group *g = mnd_group_find(arg, stored->group, true);

	if (!g)
		return -ENOMEM;
	if (g->has_rand && g->generation >= stored->generation)
		return 0;
	return set_rand(g, stored->generation, stored->rand, stored->created);
}

struct mnd_group *mnd_group_set(struct mnd_groups *t, const struct mn_generation *m)
{
	struct mnd_group *g = mnd_group_find(t, m->group, true);

	return g && !set_rand(g, m->generation, m->rand, m->created) ? g : NULL;
}

void mnd_group_copy(struct mnd_group *to, const struct mnd_group *from)
{
	to->configured = from->configured;
	to->number = from->number;
	if (from->has_rand)
		set_rand(to, from->generation, from->rand, from->created);
}

int mnd_groups_load(struct mnd_groups *t, struct mn_store *s)
{
	return mn_store_generation_each(s, load_one, t);
}

static int put(struct mn_store *s, const struct mnd_group *g)
{
	struct mn_generation row = { .generation = g->generation, .created = g->created };

	snprintf(row.group, sizeof(row.group), "%s", g->name);
	memcpy(row.rand, g->rand, MN_RAND_LEN);
	return mn_store_generation_put(s, &row);
}

static bool any_dirty(const struct mnd_groups *t)
{
	const struct mnd_group *g;

	TAILQ_FOREACH(g, &t->all, link)
	if (g->dirty)
		return true;
	return false;
}

int mnd_groups_save(struct mnd_groups *t, struct mn_store *s)
{
	struct mnd_group *g;
	int err = 0;

	if (!any_dirty(t))
		return 0;
	err = mn_store_begin(s);
	if (err)
		return err;
	TAILQ_FOREACH(g, &t->all, link)
	{
		if (g->dirty)
			err = put(s, g);
		if (err)
			break;
	}
	if (!err)
		err = mn_store_commit(s);
	if (err) {
		mn_store_rollback(s);
		return err;
	}
	TAILQ_FOREACH(g, &t->all, link)
	g->dirty = false;
	return 0;
}
