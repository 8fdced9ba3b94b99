/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the remembered answers are: an index in memory over the rows of the table `answer`, each of which holds the records of one
 * transaction (answer.c). So a request costs the file no look-up, no index and no row of its own. Built at the first use. */
#ifndef MN_STORE_REMEMBER_H
#define MN_STORE_REMEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/pool.h"
#include "uapi/cookie.h"

#define MN_REMEMBER_LAST 16 /* of a device, whatever their age (docs/protocol.md "IN") */

/* A row of the table. */
struct mn_batch {
	struct mn_batch *next; /* among the sparse */
	int64_t seq;           /* 0: not written yet */
	uint32_t live, total;  /* records */
	bool sparse;           /* in the list of rows that are mostly dead */
};

struct mn_entry {
	struct mn_entry *chain; /* of the bucket */
	uint64_t hash;
	struct mn_entry *newer;   /* of the device; while not committed, of the transaction */
	struct mn_entry *surplus; /* next that is no longer among its device's last 16 */
	struct mn_holder *holder; /* NULL: forgotten with its device, still among the surplus */
	struct mn_batch *batch;
	int64_t when;
	uint32_t at; /* where the record begins in the row */
};

/* A device that has any, or is known for another reason. */
struct mn_holder {
	struct mn_holder *chain;
	uint64_t hash;
	struct mn_entry *oldest, *newest;
	struct mn_entry *kept; /* the oldest that is not surplus */
	uint32_t kept_n;
	int64_t n; /* of its row; 0: not looked for yet */
	char id[];
};

struct mn_remembered {
	bool loaded;
	bool torn; /* more than additions has changed in this transaction: a rollback needs the file */
	struct mncse_cookie_key key; /* RQIs are the devices' choice */
	struct mn_entry **entries;
	size_t entries_size, entries_n;
	struct mn_holder **holders;
	size_t holders_size, holders_n;
	struct mn_pool entry_pool, batch_pool;
	struct mn_entry *fresh, **fresh_tail; /* of the open transaction */
	struct mn_entry *surplus, **surplus_tail;
	struct mn_batch *sparse;
	struct mn_batch *open; /* takes the next record, NULL = none */
	uint8_t *records;      /* of the open batch */
	size_t len, max;
	int64_t last_seq;
	uint64_t last_order;
};

int mn_remember_init(struct mn_remembered *m); /* -ENOMEM, -EIO */
void mn_remember_fini(struct mn_remembered *m);

uint64_t mn_remember_hash(const struct mn_remembered *m, const char *device, const char *rqi);
struct mn_entry *mn_remember_find(const struct mn_remembered *m, uint64_t hash);
struct mn_holder *mn_remember_holder(const struct mn_remembered *m, const char *device);
struct mn_holder *mn_remember_holder_add(struct mn_remembered *m, const char *device);
void mn_remember_holder_del(struct mn_remembered *m, struct mn_holder *h); /* has none any more */
struct mn_batch *mn_remember_batch(struct mn_remembered *m, int64_t seq);

/* A new one; it becomes one of its device's last with mn_remember_settle. NULL without memory. */
struct mn_entry *mn_remember_add(struct mn_remembered *m, struct mn_holder *h, uint64_t hash,
				 struct mn_batch *b, uint32_t at, int64_t when);
/* Puts one at the end of its device's list. */
void mn_remember_append(struct mn_remembered *m, struct mn_entry *e);
/* The transaction was committed, or undone. */
void mn_remember_settle(struct mn_remembered *m);
void mn_remember_undo(struct mn_remembered *m);

/* The oldest surplus one when it is not younger than until; no longer found then, its batch has lost it. NULL: none. */
struct mn_entry *mn_remember_expired(struct mn_remembered *m, int64_t until);
void mn_remember_free(struct mn_remembered *m, struct mn_entry *e);
/* Takes one out of the buckets, out of its device's list (of which it is the oldest, or fresh) not. */
void mn_remember_unhash(struct mn_remembered *m, struct mn_entry *e);

#endif
