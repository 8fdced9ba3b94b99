// SPDX-License-Identifier: GPL-2.0-or-later
#include "container.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attribute.h"
#include "instance.h"
#include "table.h"

static void container_free(struct mnt_container *c)
{
	if (!c)
		return;
	mnt_row_fini(&c->row);
	free(c);
}

static struct mnt_container *load(struct mnt_resources *t, const char *path)
{
	struct mnt_container *c = calloc(1, sizeof(*c));
	const char *ri;

	if (!c)
		return NULL;
	if (mnt_row_get(t->commit->store, path, &c->row) || c->row.ty != MNT_TY_CNT ||
	    strcmp(c->row.path, path)) {
		container_free(c);
		return NULL;
	}
	ri = mnt_row_text(&c->row, "ri");
	if (strlen(ri) >= sizeof(c->ri)) {
		container_free(c);
		return NULL;
	}
	strcpy(c->ri, ri);
	c->shared = mnt_resource_open(t, path);
	c->cni = mnt_row_number(&c->row, "cni", 0);
	c->cbs = mnt_row_number(&c->row, "cbs", 0);
	c->st = mnt_row_number(&c->row, "st", 0);
	c->instances_max = mnt_instances_max(&c->row, c->shared);
	c->bytes_max = mnt_instance_bytes_max(&c->row, c->shared);
	return c;
}

struct mnt_container *mnt_container_get(struct mnt_resources *t, const char *path)
{
	uint64_t hash = mnt_table_hash(path, strlen(path));
	struct mnt_container **slot, *c;

	if (!t->containers)
		t->containers = calloc(1, sizeof(*t->containers));
	if (!t->containers)
		return NULL;
	slot = &t->containers->slots[hash % MNT_CONTAINERS_MAX];
	c = *slot;
	if (c && !strcmp(c->row.path, path))
		return c;
	if (c && c->dirty && mnt_containers_write(t))
		return NULL;
	c = load(t, path);
	if (!c)
		return NULL;
	container_free(*slot);
	*slot = c;
	return c;
}

void mnt_container_added(struct mnt_resources *t, struct mnt_container *c, int64_t size,
			 int64_t now)
{
	c->cni++;
	c->cbs += size;
	c->st++;
	c->changed = now;
	if (c->dirty)
		return;
	c->dirty = true;
	c->dirty_next = t->containers->dirty;
	t->containers->dirty = c;
}

static int write_one(struct mnt_resources *t, struct mnt_container *c)
{
	int err = mnt_row_set_number(&c->row, "cni", c->cni);

	if (!err)
		err = mnt_row_set_number(&c->row, "cbs", c->cbs);
	if (!err) /* mnt_row_changed counts one more */
		err = mnt_row_set_number(&c->row, "st", c->st - 1);
	if (!err)
		err = mnt_row_changed(&c->row, c->changed);
	if (!err)
		return mnt_row_set(t->commit, &c->row);
	mnt_commit_fail(t->commit);
	return err;
}

int mnt_containers_write(struct mnt_resources *t)
{
	int err = 0;

	while (t->containers && t->containers->dirty && !err) {
		struct mnt_container *c = t->containers->dirty;

		t->containers->dirty = c->dirty_next;
		c->dirty = false;
		err = write_one(t, c);
	}
	return err;
}

void mnt_containers_drop(struct mnt_resources *t)
{
	for (size_t i = 0; t->containers && i < MNT_CONTAINERS_MAX; i++)
		container_free(t->containers->slots[i]);
	free(t->containers);
	t->containers = NULL;
}
