// SPDX-License-Identifier: GPL-2.0-or-later
#include "table.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_SIZE 64

int mnt_table_init(struct mnt_table *t)
{
	t->buckets = calloc(FIRST_SIZE, sizeof(*t->buckets));
	t->size = t->buckets ? FIRST_SIZE : 0;
	t->n = 0;
	return t->buckets ? 0 : -ENOMEM;
}

void mnt_table_fini(struct mnt_table *t)
{
	free(t->buckets);
	*t = (struct mnt_table){ 0 };
}

/* FNV-1a with a last mix: the keys are provisioned, so no attacker chooses what shares a bucket. */
uint64_t mnt_table_hash(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = 0xcbf29ce484222325ULL;

	while (len--)
		h = (h ^ *p++) * 0x100000001b3ULL;
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15ULL;
	return h ^ h >> 29;
}

/* Without memory the chains only get longer. */
static void grow(struct mnt_table *t)
{
	size_t size = t->size * 2;
	struct mnt_node **to = calloc(size, sizeof(*to));

	if (!to)
		return;
	for (size_t i = 0; i < t->size; i++) {
		struct mnt_node *next;

		for (struct mnt_node *n = t->buckets[i]; n; n = next) {
			next = n->next;
			n->next = to[n->hash & (size - 1)];
			to[n->hash & (size - 1)] = n;
		}
	}
	free(t->buckets);
	t->buckets = to;
	t->size = size;
}

void mnt_table_add(struct mnt_table *t, struct mnt_node *n, uint64_t hash)
{
	struct mnt_node **head;

	if (t->n >= t->size)
		grow(t);
	head = &t->buckets[hash & (t->size - 1)];
	n->hash = hash;
	n->next = *head;
	*head = n;
	t->n++;
}

void mnt_table_del(struct mnt_table *t, struct mnt_node *n)
{
	struct mnt_node **at = &t->buckets[n->hash & (t->size - 1)];

	while (*at && *at != n)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = n->next;
	n->next = NULL;
	t->n--;
}

struct mnt_node *mnt_table_first(const struct mnt_table *t, uint64_t hash)
{
	struct mnt_node *n = t->buckets[hash & (t->size - 1)];

	while (n && n->hash != hash)
		n = n->next;
	return n;
}

struct mnt_node *mnt_table_next(const struct mnt_node *n)
{
	uint64_t hash = n->hash;
	struct mnt_node *next = n->next;

	while (next && next->hash != hash)
		next = next->next;
	return next;
}

struct mnt_node *mnt_table_walk(const struct mnt_table *t, const struct mnt_node *after)
{
	size_t i = 0;

	if (after) {
		if (after->next)
			return after->next;
		i = (after->hash & (t->size - 1)) + 1;
	}
	for (; i < t->size; i++)
		if (t->buckets[i])
			return t->buckets[i];
	return NULL;
}

struct mnt_node **mnt_table_sorted(const struct mnt_table *t,
				   int (*compare)(const void *a, const void *b))
{
	struct mnt_node **list = malloc((t->n + 1) * sizeof(struct mnt_node *));
	struct mnt_node *n = NULL;
	size_t i = 0;

	if (!list)
		return NULL;
	while ((n = mnt_table_walk(t, n)))
		list[i++] = n;
	qsort(list, i, sizeof(struct mnt_node *), compare);
	return list;
}
