/* SPDX-License-Identifier: GPL-2.0-or-later */
/* contentInstances of a container: its counters cni and cbs, and its limits mni and mbs (TS-0004 7.4.6, 7.4.7). */
#ifndef MNT_INCSED_INSTANCE_H
#define MNT_INCSED_INSTANCE_H

#include "row.h"

/* What the container may have at most: its own limits, or ours where they are lower. */
int64_t mnt_instances_max(const struct mnt_row *container, bool shared);
int64_t mnt_instance_bytes_max(const struct mnt_row *container, bool shared);
/* Whether a con of so many bytes can be in the container at all. */
bool mnt_instance_fits(const struct mnt_row *container, bool shared, int64_t size);
/* One of so many bytes was put into the container, or was taken out: counts, lets the oldest go while the limits are exceeded, and
 * writes the container. */
int mnt_instance_added(struct mnt_commit *c, struct mnt_row *container, bool shared, int64_t size,
		       int64_t now);
int mnt_instance_removed(struct mnt_commit *c, struct mnt_row *container, int64_t size,
			 int64_t now);
/* The container's limits were changed: as above. */
int mnt_instance_limit(struct mnt_commit *c, struct mnt_row *container, bool shared);

#endif
