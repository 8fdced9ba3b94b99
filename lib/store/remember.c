// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/remember.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"
#include "core/identity.h"

#define FIRST_SIZE 256
#define TEXT_WORDS ((MN_ENTITY_MAX + 1 + 64 + 8) / 8)

int mn_remember_init(struct mn_remembered *m)
{
	*m = (struct mn_remembered){ 0 };
	mn_pool_init(&m->entry_pool, sizeof(struct mn_entry), SIZE_MAX);
	mn_pool_init(&m->batch_pool, sizeof(struct mn_batch), SIZE_MAX);
	m->fresh_tail = &m->fresh;
	m->surplus_tail = &m->surplus;
	m->entries = calloc(FIRST_SIZE, sizeof(struct mn_entry *));
	m->holders = calloc(FIRST_SIZE, sizeof(struct mn_holder *));
	m->entries_size = FIRST_SIZE;
	m->holders_size = FIRST_SIZE;
	if (m->entries && m->holders && !mn_random(&m->key, sizeof(m->key)))
		return 0;
	mn_remember_fini(m);
	return -ENOMEM;
}

/* The pools cannot find what is still handed out. */
static void free_all(struct mn_remembered *m)
{
	while (m->surplus) {
		struct mn_entry *e = m->surplus;

		m->surplus = e->surplus;
		if (!e->holder)
			mn_pool_put(&m->entry_pool, e);
	}
	if (m->open && !m->open->live)
		mn_pool_put(&m->batch_pool, m->open);
	for (size_t i = 0; m->entries && i < m->entries_size; i++)
		while (m->entries[i]) {
			struct mn_entry *e = m->entries[i];

			m->entries[i] = e->chain;
			if (--e->batch->live == 0 && !e->batch->sparse)
				mn_pool_put(&m->batch_pool, e->batch);
			mn_pool_put(&m->entry_pool, e);
		}
	while (m->sparse) {
		struct mn_batch *b = m->sparse;

		m->sparse = b->next;
		mn_pool_put(&m->batch_pool, b);
	}
}

void mn_remember_fini(struct mn_remembered *m)
{
	free_all(m);
	for (size_t i = 0; m->holders && i < m->holders_size; i++)
		while (m->holders[i]) {
			struct mn_holder *h = m->holders[i];

			m->holders[i] = h->chain;
			free(h);
		}
	free(m->entries);
	free(m->holders);
	if (m->records)
		mn_zero(m->records, m->max);
	free(m->records);
	mn_pool_fini(&m->entry_pool);
	mn_pool_fini(&m->batch_pool);
	*m = (struct mn_remembered){ 0 };
}

uint64_t mn_remember_hash(const struct mn_remembered *m, const char *device, const char *rqi)
{
	__u64 words[TEXT_WORDS] = { 0 };
	size_t a = strlen(device), b = strlen(rqi);

	memcpy(words, device, a);
	memcpy((char *)words + a + 1, rqi, b); /* a NUL between the two */
	return mncse_siphash(&m->key, words, (unsigned int)((a + 1 + b + 7) / 8));
}

struct mn_entry *mn_remember_find(const struct mn_remembered *m, uint64_t hash)
{
	struct mn_entry *e = m->entries[hash & (m->entries_size - 1)];

	while (e && e->hash != hash)
		e = e->chain;
	return e;
}

/* Without memory the chains only get longer. */
static void grow_entries(struct mn_remembered *m)
{
	size_t size = m->entries_size * 2;
	struct mn_entry **to = calloc(size, sizeof(struct mn_entry *));

	if (!to)
		return;
	for (size_t i = 0; i < m->entries_size; i++)
		while (m->entries[i]) {
			struct mn_entry *e = m->entries[i];

			m->entries[i] = e->chain;
			e->chain = to[e->hash & (size - 1)];
			to[e->hash & (size - 1)] = e;
		}
	free(m->entries);
	m->entries = to;
	m->entries_size = size;
}

static void grow_holders(struct mn_remembered *m)
{
	size_t size = m->holders_size * 2;
	struct mn_holder **to = calloc(size, sizeof(struct mn_holder *));

	if (!to)
		return;
	for (size_t i = 0; i < m->holders_size; i++)
		while (m->holders[i]) {
			struct mn_holder *h = m->holders[i];

			m->holders[i] = h->chain;
			h->chain = to[h->hash & (size - 1)];
			to[h->hash & (size - 1)] = h;
		}
	free(m->holders);
	m->holders = to;
	m->holders_size = size;
}

struct mn_holder *mn_remember_holder(const struct mn_remembered *m, const char *device)
{
	uint64_t hash = mn_remember_hash(m, device, "");
	struct mn_holder *h = m->holders[hash & (m->holders_size - 1)];

	while (h && (h->hash != hash || strcmp(h->id, device)))
		h = h->chain;
	return h;
}

struct mn_holder *mn_remember_holder_add(struct mn_remembered *m, const char *device)
{
	size_t len = strlen(device);
	struct mn_holder *h = calloc(1, sizeof(*h) + len + 1);
	struct mn_holder **head;

	if (!h)
		return NULL;
	if (m->holders_n >= m->holders_size)
		grow_holders(m);
	h->hash = mn_remember_hash(m, device, "");
	memcpy(h->id, device, len + 1);
	head = &m->holders[h->hash & (m->holders_size - 1)];
	h->chain = *head;
	*head = h;
	m->holders_n++;
	return h;
}

void mn_remember_holder_del(struct mn_remembered *m, struct mn_holder *h)
{
	struct mn_holder **at = &m->holders[h->hash & (m->holders_size - 1)];

	while (*at != h)
		at = &(*at)->chain;
	*at = h->chain;
	m->holders_n--;
	free(h);
}

struct mn_batch *mn_remember_batch(struct mn_remembered *m, int64_t seq)
{
	struct mn_batch *b = mn_pool_get(&m->batch_pool);

	if (b)
		b->seq = seq;
	return b;
}

struct mn_entry *mn_remember_add(struct mn_remembered *m, struct mn_holder *h, uint64_t hash,
				 struct mn_batch *b, uint32_t at, int64_t when)
{
	struct mn_entry *e = mn_pool_get(&m->entry_pool);
	struct mn_entry **head;

	if (!e)
		return NULL;
	if (m->entries_n >= m->entries_size)
		grow_entries(m);
	e->hash = hash;
	e->holder = h;
	e->batch = b;
	e->at = at;
	e->when = when;
	b->live++;
	head = &m->entries[hash & (m->entries_size - 1)];
	e->chain = *head;
	*head = e;
	m->entries_n++;
	*m->fresh_tail = e;
	m->fresh_tail = &e->newer;
	return e;
}

void mn_remember_append(struct mn_remembered *m, struct mn_entry *e)
{
	struct mn_holder *h = e->holder;

	e->newer = NULL;
	if (h->newest)
		h->newest->newer = e;
	else
		h->oldest = e;
	h->newest = e;
	if (!h->kept)
		h->kept = e;
	if (++h->kept_n <= MN_REMEMBER_LAST)
		return;
	*m->surplus_tail = h->kept;
	m->surplus_tail = &h->kept->surplus;
	h->kept = h->kept->newer;
	h->kept_n--;
}

void mn_remember_settle(struct mn_remembered *m)
{
	struct mn_entry *e = m->fresh;

	m->fresh = NULL;
	m->fresh_tail = &m->fresh;
	m->torn = false;
	while (e) {
		struct mn_entry *next = e->newer;

		mn_remember_append(m, e);
		e = next;
	}
}

void mn_remember_unhash(struct mn_remembered *m, struct mn_entry *e)
{
	struct mn_entry **at = &m->entries[e->hash & (m->entries_size - 1)];

	while (*at && *at != e)
		at = &(*at)->chain;
	if (!*at)
		return;
	*at = e->chain;
	m->entries_n--;
}

void mn_remember_free(struct mn_remembered *m, struct mn_entry *e)
{
	mn_pool_put(&m->entry_pool, e);
}

void mn_remember_undo(struct mn_remembered *m)
{
	struct mn_entry *e = m->fresh;

	if (m->torn) { /* the file knows */
		mn_remember_fini(m);
		return;
	}
	m->fresh = NULL;
	m->fresh_tail = &m->fresh;
	while (e) {
		struct mn_entry *next = e->newer;

		mn_remember_unhash(m, e);
		if (--e->batch->live == 0) {
			if (e->batch == m->open)
				m->open = NULL;
			mn_pool_put(&m->batch_pool, e->batch);
		}
		mn_remember_free(m, e);
		e = next;
	}
	m->len = 0;
}

struct mn_entry *mn_remember_expired(struct mn_remembered *m, int64_t until)
{
	struct mn_entry *e;

	while ((e = m->surplus)) {
		if (e->holder && e->when > until)
			return NULL;
		m->surplus = e->surplus;
		if (!m->surplus)
			m->surplus_tail = &m->surplus;
		if (!e->holder) {
			mn_remember_free(m, e);
			continue;
		}
		/* What is surplus is the oldest of its device, in the same order. */
		e->holder->oldest = e->newer;
		mn_remember_unhash(m, e);
		return e;
	}
	return NULL;
}
