// SPDX-License-Identifier: GPL-2.0-or-later
#include "context.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"
#include "core/ksx.h"
#include "group.h"

static uint64_t salt_number(const uint8_t salt[MNT_SALT_LEN])
{
	uint64_t v;

	memcpy(&v, salt, sizeof(v));
	return be64toh(v);
}

struct mnt_context *mnt_context_find(const struct mnt_ksx *k, const uint8_t salt[MNT_SALT_LEN])
{
	for (unsigned int i = 0; i < k->live_n; i++)
		if (!memcmp(k->live[i]->salt, salt, MNT_SALT_LEN))
			return k->live[i];
	return NULL;
}

/* Where the salt is among the spent ones, or belongs. */
static unsigned int spent_at(const struct mnt_ksx *k, uint64_t salt)
{
	unsigned int low = 0, high = k->spent_n;

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (k->spent[mid] < salt)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool mnt_context_spent(const struct mnt_ksx *k, const uint8_t salt[MNT_SALT_LEN])
{
	unsigned int at = spent_at(k, salt_number(salt));

	return at < k->spent_n && k->spent[at] == salt_number(salt);
}

/* Room for one more spent salt: at most MNT_CONTEXTS_MAX, since so many are ever created. */
static int spent_room(struct mnt_ksx *k)
{
	unsigned int max = k->spent_max ? k->spent_max * 2 : 8;
	uint64_t *to;

	if (k->spent_n < k->spent_max)
		return 0;
	to = realloc(k->spent, max * sizeof(*to));
	if (!to)
		return -ENOMEM;
	k->spent = to;
	k->spent_max = max;
	return 0;
}

static void spent_add(struct mnt_ksx *k, uint64_t salt)
{
	unsigned int at = spent_at(k, salt);

	memmove(k->spent + at + 1, k->spent + at, (k->spent_n - at) * sizeof(*k->spent));
	k->spent[at] = salt;
	k->spent_n++;
}

/* 16 at once, then one a minute: creation_ms is the time at which all creations so far are paid off. */
int mnt_context_may_create(const struct mnt_device *d, const struct mnt_ksx *k, uint64_t now_ms,
			   uint32_t *wait_s)
{
	uint64_t ahead = d->creation_ms > now_ms ? d->creation_ms - now_ms : 0;
	const uint64_t most = (uint64_t)(MNT_CREATION_BURST - 1) * MNT_CREATION_MS;

	if (k && k->created >= MNT_CONTEXTS_MAX)
		return -ENOSPC;
	if (ahead <= most)
		return 0;
	*wait_s = (uint32_t)((ahead - most + 999) / 1000);
	return -EAGAIN;
}

static int prk_get(const struct mnt_device *d, struct mnt_ksx *k, const uint8_t rand[MN_RAND_LEN])
{
	uint8_t ksx[MN_KSX_LEN];
	int err;

	if (k->has_prk)
		return 0;
	err = mn_ksx_derive(d->key.bytes, d->key.len, d->id, strlen(d->id), rand, ksx);
	if (!err)
		err = mn_oscore_extract(ksx, sizeof(ksx), NULL, 0, k->prk);
	mn_zero(ksx, sizeof(ksx));
	k->has_prk = !err;
	return err;
}

int mnt_context_derive(const struct mnt_device *d, struct mnt_ksx *k,
		       const uint8_t rand[MN_RAND_LEN], const uint8_t salt[MNT_SALT_LEN],
		       struct mn_oscore *out)
{
	static const uint8_t in_kid = MN_OSCORE_IN_KID;
	uint8_t id_context[MN_OSCORE_KID_CONTEXT_LEN];
	uint32_t generation = htobe32(k->generation);
	int err = prk_get(d, k, rand);

	if (err)
		return err;
	memcpy(id_context, &generation, sizeof(generation));
	memcpy(id_context + sizeof(generation), salt, MNT_SALT_LEN);
	return mn_oscore_derive(out, k->prk, &in_kid, 1, d->kid, MN_KID_LEN, id_context,
				sizeof(id_context));
}

int mnt_context_key(const struct mnt_device *d, struct mnt_ksx *k, const uint8_t rand[MN_RAND_LEN],
		    struct mnt_context *ctx)
{
	struct mn_replay window = ctx->oscore.window;
	int err;

	if (ctx->keyed)
		return 0;
	err = mnt_context_derive(d, k, rand, ctx->salt, &ctx->oscore);
	ctx->oscore.window = window;
	ctx->keyed = !err;
	return err;
}

void mnt_context_touch(struct mnt_devices *t, struct mnt_context *ctx)
{
	ctx->used = ++t->stamp;
}

/* Writes into the open batch. */
static void put(struct mnt_commit *c, const struct mnt_device *d, uint32_t generation,
		const uint8_t salt[MNT_SALT_LEN], bool spent, int64_t now)
{
	struct mn_context_record r = { .generation = generation, .spent = spent, .used = now };

	if (mnt_commit_begin(c))
		return;
	snprintf(r.device_id, sizeof(r.device_id), "%s", d->id);
	memcpy(r.salt, salt, MNT_SALT_LEN);
	if (mn_store_context_put(c->store, &r))
		mnt_commit_fail(c);
}

static void drop(struct mnt_ksx *k, struct mnt_context *ctx)
{
	for (unsigned int i = 0; i < k->live_n; i++) {
		if (k->live[i] != ctx)
			continue;
		k->live[i] = k->live[--k->live_n];
		break;
	}
	mn_oscore_fini(&ctx->oscore);
	free(ctx);
}

bool mnt_context_crowded(const struct mnt_ksx *k)
{
	for (unsigned int i = 0; i < k->live_n; i++)
		if (!k->live[i]->held)
			return false;
	return k->live_n == MNT_CONTEXTS_LIVE;
}

/* Makes room for one: the least recently used context without held answers becomes spent. */
static int make_room(struct mnt_commit *c, const struct mnt_device *d, struct mnt_ksx *k,
		     int64_t now)
{
	struct mnt_context *oldest = NULL;

	if (k->live_n < MNT_CONTEXTS_LIVE)
		return 0;
	for (unsigned int i = 0; i < k->live_n; i++)
		if (!k->live[i]->held && (!oldest || k->live[i]->used < oldest->used))
			oldest = k->live[i];
	if (!oldest || spent_room(k))
		return -EBUSY;
	put(c, d, k->generation, oldest->salt, true, now);
	spent_add(k, salt_number(oldest->salt));
	drop(k, oldest);
	return 0;
}

struct mnt_context *mnt_context_create(struct mnt_commit *c, struct mnt_devices *t,
				       struct mnt_device *d, struct mnt_ksx *k,
				       const uint8_t salt[MNT_SALT_LEN], const struct mn_oscore *o,
				       uint64_t now_ms, int64_t now)
{
	struct mnt_context *ctx;

	if (make_room(c, d, k, now))
		return NULL;
	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return NULL;
	memcpy(ctx->salt, salt, MNT_SALT_LEN);
	ctx->oscore = *o;
	ctx->keyed = true;
	mnt_context_touch(t, ctx);
	k->live[k->live_n++] = ctx;
	k->created++;
	d->creation_ms = (d->creation_ms > now_ms ? d->creation_ms : now_ms) + MNT_CREATION_MS;
	put(c, d, k->generation, salt, false, now);
	mnt_commit_mark(c);
	return ctx;
}

void mnt_context_undo(struct mnt_ksx *k, struct mnt_context *ctx)
{
	k->created--;
	drop(k, ctx);
}

static int load_one(void *arg, const struct mn_context_record *r)
{
	struct mnt_devices *t = arg;
	struct mnt_device *d = mnt_device_by_id(t, r->device_id);
	struct mnt_context *ctx;
	struct mnt_ksx *k;

	if (!d)
		return 0;
	if (!mnt_group_generation(d->group, r->generation)) {
		d->outdated = true;
		return 0;
	}
	k = mnt_device_ksx_get(d, r->generation);
	if (!k || spent_room(k))
		return -ENOMEM;
	if (k->created >= MNT_CONTEXTS_MAX)
		return 0;
	k->created++;
	if (r->spent || !r->has_window || k->live_n == MNT_CONTEXTS_LIVE) {
		spent_add(k, salt_number(r->salt));
		return 0;
	}
	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return -ENOMEM;
	memcpy(ctx->salt, r->salt, MNT_SALT_LEN);
	ctx->durable = true;
	mnt_context_touch(t, ctx);
	ctx->oscore.window = (struct mn_replay){ .next = r->window_next, .seen = r->window_seen };
	k->live[k->live_n++] = ctx;
	return 0;
}

/* Rows of generations that ended while the IN was down. */
static int delete_outdated(struct mnt_devices *t, struct mn_store *s)
{
	struct mnt_node *n = NULL;
	int err = 0;

	while (!err && (n = mnt_table_walk(&t->by_id, n))) {
		struct mnt_device *d = mnt_of(n, struct mnt_device, by_id);

		if (!d->outdated)
			continue;
		d->outdated = false;
		err = mn_store_context_del_generation(s, d->id, mnt_group_oldest(d->group));
	}
	return err;
}

int mnt_contexts_load(struct mnt_devices *t, struct mn_store *s)
{
	int err = mn_store_context_each(s, load_one, t);

	if (!err)
		err = mn_store_begin(s);
	if (err)
		return err;
	err = delete_outdated(t, s);
	if (!err)
		err = mn_store_context_start(s);
	if (!err)
		return mn_store_commit(s);
	mn_store_rollback(s);
	return err;
}

static int save_one(struct mn_store *s, const struct mnt_device *d, const struct mnt_ksx *k,
		    const struct mnt_context *ctx, int64_t now)
{
	struct mn_context_record r = {
		.generation = k->generation,
		.has_window = true,
		.window_next = ctx->oscore.window.next,
		.window_seen = ctx->oscore.window.seen,
		.used = now,
	};

	snprintf(r.device_id, sizeof(r.device_id), "%s", d->id);
	memcpy(r.salt, ctx->salt, MNT_SALT_LEN);
	return mn_store_context_put(s, &r);
}

static int save_device(struct mn_store *s, const struct mnt_device *d, int64_t now)
{
	int err = 0;

	for (int i = 0; i < 2 && !err; i++)
		for (unsigned int j = 0; d->ksx[i] && j < d->ksx[i]->live_n && !err; j++)
			err = save_one(s, d, d->ksx[i], d->ksx[i]->live[j], now);
	return err;
}

/* One transaction: all windows, or none and every context is spent at the next start. */
int mnt_contexts_save(struct mnt_devices *t, struct mn_store *s, int64_t now)
{
	struct mnt_node *n = NULL;
	int err = mn_store_begin(s);

	if (err)
		return err;
	while (!err && (n = mnt_table_walk(&t->by_id, n)))
		err = save_device(s, mnt_of(n, struct mnt_device, by_id), now);
	if (!err)
		return mn_store_commit(s);
	mn_store_rollback(s);
	return err;
}
