// SPDX-License-Identifier: GPL-2.0-or-later
#include "instance.h"

#include <errno.h>

/* So many old ones go at once; the next request goes on where a limit was lowered by more. */
#define EVICT_AT_ONCE 256

static int64_t limit(const struct mnt_row *container, const char *name, int64_t ours)
{
	int64_t given = mnt_row_number(container, name, ours);

	return given < ours ? given : ours;
}

int64_t mnt_instances_max(const struct mnt_row *container, bool shared)
{
	return limit(container, "mni", shared ? MNT_INSTANCES_SHARED : MNT_INSTANCES_OWN);
}

int64_t mnt_instance_bytes_max(const struct mnt_row *container, bool shared)
{
	return limit(container, "mbs", shared ? MNT_BYTES_SHARED : MNT_BYTES_OWN);
}

bool mnt_instance_fits(const struct mnt_row *container, bool shared, int64_t size)
{
	return mnt_instances_max(container, shared) > 0 &&
	       size <= mnt_instance_bytes_max(container, shared);
}

static int count(struct mnt_row *container, int64_t n, int64_t bytes)
{
	int64_t cni = mnt_row_number(container, "cni", 0) + n;
	int64_t cbs = mnt_row_number(container, "cbs", 0) + bytes;
	int err = mnt_row_set_number(container, "cni", cni > 0 ? cni : 0);

	return err ? err : mnt_row_set_number(container, "cbs", cbs > 0 ? cbs : 0);
}

static int evict_one(struct mnt_commit *c, struct mnt_row *container)
{
	MNT_ROW oldest = { 0 };
	int err = mnt_row_edge(c->store, container->path, false, &oldest);

	if (err)
		return err;
	err = mnt_row_del(c, oldest.path);
	return err ? err : count(container, -1, -mnt_row_number(&oldest, "cs", 0));
}

static int evict(struct mnt_commit *c, struct mnt_row *container, bool shared)
{
	int err = 0;

	for (int i = 0; i < EVICT_AT_ONCE && !err; i++) {
		if (mnt_row_number(container, "cni", 0) <= mnt_instances_max(container, shared) &&
		    mnt_row_number(container, "cbs", 0) <=
			    mnt_instance_bytes_max(container, shared))
			return 0;
		err = evict_one(c, container);
	}
	return err;
}

int mnt_instance_limit(struct mnt_commit *c, struct mnt_row *container, bool shared)
{
	int err = evict(c, container, shared);

	if (!err)
		return mnt_row_set(c, container);
	mnt_commit_fail_as(c, err);
	return err;
}

int mnt_instance_added(struct mnt_commit *c, struct mnt_row *container, bool shared, int64_t size,
		       int64_t now)
{
	int err = count(container, 1, size);

	if (!err)
		err = mnt_row_changed(container, now);
	if (!err)
		return mnt_instance_limit(c, container, shared);
	mnt_commit_fail_as(c, err);
	return err;
}

int mnt_instance_removed(struct mnt_commit *c, struct mnt_row *container, int64_t size, int64_t now)
{
	int err = count(container, -1, -size);

	if (!err)
		err = mnt_row_changed(container, now);
	if (!err)
		return mnt_row_set(c, container);
	mnt_commit_fail_as(c, err);
	return err;
}
