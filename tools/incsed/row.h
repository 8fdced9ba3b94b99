/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A resource in memory: one row of the store with its attributes parsed. Attributes with '_' are the store's own:
 * "_o" entity ID of the creator, "_n" number of containers directly below. */
#ifndef MNT_INCSED_ROW_H
#define MNT_INCSED_ROW_H

#include <jansson.h>

#include "resource.h"

struct mnt_row {
	char path[MN_TO_MAX + 1];
	unsigned int ty;
	int64_t serial;     /* of a new one; 0 = the store finds one */
	json_t *attributes; /* owned */
};
void mnt_row_fini(struct mnt_row *r);
#define MNT_ROW __attribute__((cleanup(mnt_row_fini))) struct mnt_row

/* By path, or by resource ID. -ENOENT, -EBADMSG, -ENOMEM. out is zeroed before. */
int mnt_row_get(struct mn_store *s, const char *path, struct mnt_row *out);
/* Newest or oldest contentInstance. */
int mnt_row_edge(struct mn_store *s, const char *container, bool newest, struct mnt_row *out);
/* Writes into the open batch, and fails it on any error but -EEXIST of put. */
int mnt_row_put(struct mnt_commit *c, const struct mnt_row *r, const char *parent);
int mnt_row_set(struct mnt_commit *c, const struct mnt_row *r);
int mnt_row_del(struct mnt_commit *c, const char *path);

const char *mnt_row_text(const struct mnt_row *r, const char *name); /* "" when absent */
int64_t mnt_row_number(const struct mnt_row *r, const char *name, int64_t absent);
int mnt_row_set_number(struct mnt_row *r, const char *name, int64_t value);
/* lt = now and, for a container, st + 1. */
int mnt_row_changed(struct mnt_row *r, int64_t now);
/* Path of what the resource is in; "" for the CSEBase. */
void mnt_row_parent(const struct mnt_row *r, char out[MN_TO_MAX + 1]);

#endif
