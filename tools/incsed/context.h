/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OSCORE contexts of devices (docs/protocol.md "IN"): who may create one, how many live, what remains of a spent one. Their windows are in
 * memory; their existence is durable before anything is answered under them (commit.h). */
#ifndef MNT_INCSED_CONTEXT_H
#define MNT_INCSED_CONTEXT_H

#include "commit.h"
#include "device.h"

#define MNT_CREATION_BURST 16
#define MNT_CREATION_MS 60000

struct mnt_context *mnt_context_find(const struct mnt_ksx *k, const uint8_t salt[MNT_SALT_LEN]);
bool mnt_context_spent(const struct mnt_ksx *k, const uint8_t salt[MNT_SALT_LEN]);
/* 0, -EAGAIN with the seconds until one may be created, -ENOSPC (4,096 of this generation are used up). k may be NULL. */
int mnt_context_may_create(const struct mnt_device *d, const struct mnt_ksx *k, uint64_t now_ms,
			   uint32_t *wait_s);
/* Derives the keys of a context, PRK first when it is not cached. */
int mnt_context_derive(const struct mnt_device *d, struct mnt_ksx *k,
		       const uint8_t rand[MN_RAND_LEN], const uint8_t salt[MNT_SALT_LEN],
		       struct mn_oscore *out);
/* Derives the keys of a context that was loaded at start; its window stays. */
int mnt_context_key(const struct mnt_device *d, struct mnt_ksx *k, const uint8_t rand[MN_RAND_LEN],
		    struct mnt_context *ctx);
/* All 16 are live and have answers held: end the batch before one more is created. */
bool mnt_context_crowded(const struct mnt_ksx *k);
/* A message has authenticated under o: it becomes a live context, the least recently used of 16 becomes spent, both
 * are written into the open batch. NULL: no memory, or crowded. */
struct mnt_context *mnt_context_create(struct mnt_commit *c, struct mnt_devices *t,
				       struct mnt_device *d, struct mnt_ksx *k,
				       const uint8_t salt[MNT_SALT_LEN], const struct mn_oscore *o,
				       uint64_t now_ms, int64_t now);
/* Its creation was rolled back: as if it had never been. */
void mnt_context_undo(struct mnt_ksx *k, struct mnt_context *ctx);
void mnt_context_touch(struct mnt_devices *t, struct mnt_context *ctx);

/* At start: loads what the store has for acceptable generations, deletes the rest and marks the store as running
 * (mn_store_context_start). */
int mnt_contexts_load(struct mnt_devices *t, struct mn_store *s);
/* At an orderly stop: saves every window. */
int mnt_contexts_save(struct mnt_devices *t, struct mn_store *s, int64_t now);

#endif
