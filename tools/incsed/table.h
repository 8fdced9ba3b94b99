/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A chained hash table of embedded nodes. It grows and never shrinks; what it holds is provisioned (devices,
 * gateways) or bounded by its owner (repeats). The owner compares keys. */
#ifndef MNT_INCSED_TABLE_H
#define MNT_INCSED_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* clang-format off */
#define mnt_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
/* clang-format on */

struct mnt_node {
	struct mnt_node *next;
	uint64_t hash;
};

struct mnt_table {
	struct mnt_node **buckets;
	size_t size; /* power of two */
	size_t n;
};

int mnt_table_init(struct mnt_table *t);  /* -ENOMEM */
void mnt_table_fini(struct mnt_table *t); /* the nodes are the owner's */
uint64_t mnt_table_hash(const void *data, size_t len);
void mnt_table_add(struct mnt_table *t, struct mnt_node *n, uint64_t hash);
void mnt_table_del(struct mnt_table *t, struct mnt_node *n);
/* First node of that hash, and the next one after n; NULL at the end. */
struct mnt_node *mnt_table_first(const struct mnt_table *t, uint64_t hash);
struct mnt_node *mnt_table_next(const struct mnt_node *n);
/* Walks all nodes: start with NULL. Nodes must not be added or taken out between two calls. */
struct mnt_node *mnt_table_walk(const struct mnt_table *t, const struct mnt_node *after);
/* All n nodes in order (compare gets two struct mnt_node **, as qsort's); free() it. NULL without memory. */
struct mnt_node **mnt_table_sorted(const struct mnt_table *t,
				   int (*compare)(const void *a, const void *b));

#endif
