/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the store is the one that this IN wrote last, or an older copy put back (docs/protocol.md "IN"). A random tag is in the store and in a file
 * beside it, STORE.lineage; both change at every start and with every batch that draws a Rand or creates an OSCORE context. A copy has an
 * older tag: what was accepted under its generations since then is unknown, so none of them is accepted any more. A store
 * without its file (moved to another machine) counts as a copy.
 *
 * The store changes first and names the file's tag beside its own, then the file follows, then what waits for the batch
 * is sent: a crash in between leaves a pair that fits. */
#ifndef MNT_INCSED_LINEAGE_H
#define MNT_INCSED_LINEAGE_H

#include <stdbool.h>

#include "store/store.h"

#define MNT_LINEAGE_TAG 32 /* hex digits */

struct mnt_lineage {
	int fd;
	bool stored;                     /* the store has a row */
	char tag[MNT_LINEAGE_TAG + 1];   /* in the file */
	char draft[MNT_LINEAGE_TAG + 1]; /* in the open batch */
};

/* Opens or makes the file. *copy: the store is not what was written last. Error text in err. */
int mnt_lineage_open(struct mnt_lineage *l, struct mn_store *s, const char *store_path, bool *copy,
		     char err[512]);
/* Writes a new tag into the open batch. 0 or -errno; the batch must fail then. */
int mnt_lineage_advance(struct mnt_lineage *l, struct mn_store *s);
/* The batch was committed: the file gets its tag. */
void mnt_lineage_settle(struct mnt_lineage *l);
void mnt_lineage_close(struct mnt_lineage *l);

#endif
