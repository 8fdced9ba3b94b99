/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Group commit: everything that one loop iteration writes is one transaction of the store. It begins with the first write
 * and ends in the loop's deferred stage; what depends on it (answers, Rands) waits as a struct mnt_after until then. */
#ifndef MNT_INCSED_COMMIT_H
#define MNT_INCSED_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "lineage.h"
#include "loop/loop.h"
#include "store/store.h"

/* Embedded in what waits. fn: err 0 = all written before is durable; else nothing of it was kept. */
struct mnt_after {
	struct mnt_after *next;
	void (*fn)(struct mnt_after *a, int err);
};

struct mnt_commit {
	struct mn_defer defer; /* first: the loop hands it back */
	struct mn_loop *loop;  /* NULL: only mnt_commit_now() ends a batch */
	struct mn_store *store;
	struct mnt_lineage *lineage; /* NULL: not kept (unit tests) */
	/* Writes what is only in memory at the end of a batch; with undone, forgets it instead. NULL: nothing is. */
	int (*write_back)(void *arg, bool undone);
	void *write_back_arg;
	bool open;
	bool failed;
	bool marked;
	struct mnt_after *head;
	struct mnt_after **tail;
	unsigned int waiting;
	uint64_t commits;
	uint64_t failures;
};

void mnt_commit_init(struct mnt_commit *c, struct mn_store *s, struct mn_loop *l);
/* Call before each write. On error the batch has failed already. */
int mnt_commit_begin(struct mnt_commit *c);
/* What this batch writes must not be lost unnoticed: an older copy of the store is told by it (lineage.h). */
void mnt_commit_mark(struct mnt_commit *c);
/* A write failed half-way: the whole batch will be rolled back, since parts of it may belong together. */
void mnt_commit_fail(struct mnt_commit *c);
/* The same where it may have been memory, of which the store's text says nothing. */
void mnt_commit_fail_as(struct mnt_commit *c, int err);
/* a->fn, set by the caller, runs at the end of the batch, in order; also when nothing was written, and at once when very many wait. */
void mnt_commit_after(struct mnt_commit *c, struct mnt_after *a);
/* Ends the batch at once. Returns what the waiting ones were told. */
int mnt_commit_now(struct mnt_commit *c);

#endif
