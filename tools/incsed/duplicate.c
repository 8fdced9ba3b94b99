// SPDX-License-Identifier: GPL-2.0-or-later
#include "duplicate.h"

#include <stdlib.h>
#include <string.h>

int mnt_duplicates_init(struct mnt_duplicates *t)
{
	*t = (struct mnt_duplicates){ 0 };
	mn_pool_init(&t->pool, sizeof(struct mnt_duplicate), MNT_DUPLICATES_MAX);
	return mnt_table_init(&t->table);
}

static void drop_oldest(struct mnt_duplicates *t)
{
	struct mnt_duplicate *e = t->oldest;

	t->oldest = e->newer;
	if (!t->oldest)
		t->newest = NULL;
	mnt_table_del(&t->table, &e->node);
	t->bytes -= e->len;
	free(e->bytes);
	mn_pool_put(&t->pool, e);
}

void mnt_duplicates_fini(struct mnt_duplicates *t)
{
	while (t->oldest)
		drop_oldest(t);
	mnt_table_fini(&t->table);
	mn_pool_fini(&t->pool);
}

uint64_t mnt_duplicate_hash(uint64_t session, const uint8_t *data, size_t len)
{
	return mnt_table_hash(data, len) ^ session * 0x9e3779b97f4a7c15ULL;
}

struct mnt_duplicate *mnt_duplicate_find(struct mnt_duplicates *t, uint64_t hash, uint64_t session,
					 uint16_t id, uint64_t now_ms)
{
	struct mnt_node *n;

	while (t->oldest && now_ms - t->oldest->at_ms > MNT_DUPLICATE_MS)
		drop_oldest(t);
	for (n = mnt_table_first(&t->table, hash); n; n = mnt_table_next(n)) {
		struct mnt_duplicate *e = mnt_of(n, struct mnt_duplicate, node);

		if (e->session == session && e->id == id)
			return e;
	}
	return NULL;
}

void mnt_duplicate_add(struct mnt_duplicates *t, uint64_t hash, uint64_t session, uint16_t id,
		       uint64_t now_ms)
{
	struct mnt_duplicate *e;

	if (t->table.n >= MNT_DUPLICATES_MAX)
		drop_oldest(t);
	e = mn_pool_get(&t->pool);
	if (!e)
		return;
	e->at_ms = now_ms;
	e->session = session;
	e->id = id;
	if (t->newest)
		t->newest->newer = e;
	else
		t->oldest = e;
	t->newest = e;
	mnt_table_add(&t->table, &e->node, hash);
}

void mnt_duplicate_answer(struct mnt_duplicates *t, struct mnt_duplicate *e, const uint8_t *data,
			  size_t len)
{
	if (e->bytes || !len || len > UINT16_MAX)
		return;
	e->bytes = malloc(len);
	if (!e->bytes)
		return;
	memcpy(e->bytes, data, len);
	e->len = (uint16_t)len;
	t->bytes += len;
	while (t->bytes > MNT_DUPLICATE_BYTES && t->oldest != e)
		drop_oldest(t);
}
