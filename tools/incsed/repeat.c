// SPDX-License-Identifier: GPL-2.0-or-later
#include "repeat.h"

#include <stdlib.h>
#include <string.h>

int mnt_repeats_init(struct mnt_repeats *r)
{
	*r = (struct mnt_repeats){ 0 };
	return mnt_table_init(&r->table);
}

static void drop_oldest(struct mnt_repeats *r)
{
	struct mnt_repeat *e = r->oldest;

	r->oldest = e->newer;
	if (!r->oldest)
		r->newest = NULL;
	mnt_table_del(&r->table, &e->node);
	r->bytes -= sizeof(*e) + e->len;
	free(e->bytes);
	free(e);
}

void mnt_repeats_fini(struct mnt_repeats *r)
{
	while (r->oldest)
		drop_oldest(r);
	mnt_table_fini(&r->table);
}

/* The digest is a hash already. */
static uint64_t digest_hash(const uint8_t digest[MN_SHA256_LEN])
{
	uint64_t h;

	memcpy(&h, digest, sizeof(h));
	return h;
}

struct mnt_repeat *mnt_repeat_find(const struct mnt_repeats *r, const uint8_t digest[MN_SHA256_LEN])
{
	struct mnt_node *n = mnt_table_first(&r->table, digest_hash(digest));

	for (; n; n = mnt_table_next(n)) {
		struct mnt_repeat *e = mnt_of(n, struct mnt_repeat, node);

		if (!memcmp(e->digest, digest, MN_SHA256_LEN))
			return e;
	}
	return NULL;
}

struct mnt_repeat *mnt_repeat_add(struct mnt_repeats *r, const uint8_t digest[MN_SHA256_LEN],
				  uint64_t now_ms)
{
	struct mnt_repeat *e;

	while (r->oldest &&
	       (now_ms - r->oldest->at_ms > MNT_REPEAT_MS || r->table.n >= MNT_REPEAT_MAX))
		drop_oldest(r);
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	memcpy(e->digest, digest, MN_SHA256_LEN);
	e->at_ms = now_ms;
	if (r->newest)
		r->newest->newer = e;
	else
		r->oldest = e;
	r->newest = e;
	r->bytes += sizeof(*e);
	mnt_table_add(&r->table, &e->node, digest_hash(digest));
	return e;
}

void mnt_repeat_answer(struct mnt_repeats *r, struct mnt_repeat *e, const uint8_t *data, size_t len)
{
	if (e->bytes || !len || len > UINT16_MAX)
		return;
	e->bytes = malloc(len);
	if (!e->bytes)
		return;
	memcpy(e->bytes, data, len);
	e->len = (uint16_t)len;
	r->bytes += len;
	while (r->bytes > MNT_REPEAT_BYTES && r->oldest != e)
		drop_oldest(r);
}
