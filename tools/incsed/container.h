/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Containers that requests put contentInstances into, in memory: read once, counted here, and written once a batch, before it is committed.
 * A batch that fails, and whatever else is done with resources, empties the table. */
#ifndef MNT_INCSED_CONTAINER_H
#define MNT_INCSED_CONTAINER_H

#include "row.h"

#define MNT_CONTAINERS_MAX 1024 /* held at a time */

struct mnt_container {
	struct mnt_row row; /* its counters are as of the last writing */
	bool shared;        /* a container of the configuration, or below one */
	char ri[256];
	int64_t cni, cbs, st;
	int64_t instances_max, bytes_max;
	int64_t changed; /* Unix seconds */
	struct mnt_container *dirty_next;
	bool dirty;
};

struct mnt_containers {
	struct mnt_container *slots[MNT_CONTAINERS_MAX]; /* by the path's hash */
	struct mnt_container *dirty;
};

/* The container of that path (not resource ID); NULL when there is none, or it cannot be had. Reads the store at the first call. */
struct mnt_container *mnt_container_get(struct mnt_resources *t, const char *path);
/* It has one more instance of so many bytes. */
void mnt_container_added(struct mnt_resources *t, struct mnt_container *c, int64_t size,
			 int64_t now);
/* Writes what has changed into the open batch; a failure fails the batch. */
int mnt_containers_write(struct mnt_resources *t);
/* Forgets all, written or not. */
void mnt_containers_drop(struct mnt_resources *t);

#endif
