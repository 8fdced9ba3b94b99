// SPDX-License-Identifier: GPL-2.0-or-later
#include "commit.h"

#include <errno.h>

#include "log.h"

/* A batch ends early at so many answers: they are held in memory. */
#define WAITING_MAX 1024

static void deferred(struct mn_defer *d)
{
	mnt_commit_now((struct mnt_commit *)d);
}

void mnt_commit_init(struct mnt_commit *c, struct mn_store *s, struct mn_loop *l)
{
	*c = (struct mnt_commit){ .loop = l, .store = s, .defer = { .fn = deferred } };
	c->tail = &c->head;
}

static void schedule(struct mnt_commit *c)
{
	if (c->loop)
		mn_loop_defer(c->loop, &c->defer);
}

int mnt_commit_begin(struct mnt_commit *c)
{
	int err;

	if (c->failed)
		return -EIO;
	if (c->open)
		return 0;
	schedule(c);
	err = mn_store_begin(c->store);
	if (err) {
		mn_event(MN_EVENT_STORE_FAILED, MN_LOG_ERROR,
			 "store: cannot begin a transaction: %s", mn_store_error(c->store));
		c->failed = true;
		return err;
	}
	c->open = true;
	return 0;
}

void mnt_commit_mark(struct mnt_commit *c)
{
	c->marked = c->lineage != NULL;
}

void mnt_commit_fail(struct mnt_commit *c)
{
	mnt_commit_fail_as(c, -EIO);
}

void mnt_commit_fail_as(struct mnt_commit *c, int err)
{
	if (!c->failed)
		mn_event(MN_EVENT_STORE_FAILED, MN_LOG_ERROR, "store: %s",
			 err == -ENOMEM ? "not enough memory" : mn_store_error(c->store));
	c->failed = true;
	schedule(c);
}

void mnt_commit_after(struct mnt_commit *c, struct mnt_after *a)
{
	a->next = NULL;
	*c->tail = a;
	c->tail = &a->next;
	if (++c->waiting < WAITING_MAX)
		schedule(c);
	else
		mnt_commit_now(c);
}

static int finish(struct mnt_commit *c)
{
	int err = c->failed ? -EIO : 0;

	if (!err && c->write_back)
		err = c->write_back(c->write_back_arg, false);
	if (c->open && !err && c->marked)
		err = mnt_lineage_advance(c->lineage, c->store);
	if (c->open && !err) {
		err = mn_store_commit(c->store);
		if (err)
			mn_event(MN_EVENT_STORE_FAILED, MN_LOG_ERROR, "store: cannot commit: %s",
				 mn_store_error(c->store));
		else
			c->commits++;
	}
	if (c->open && err)
		mn_store_rollback(c->store);
	if (c->open && c->marked && !err)
		mnt_lineage_settle(c->lineage);
	if (err && c->write_back)
		c->write_back(c->write_back_arg, true);
	if (err)
		c->failures++;
	c->open = false;
	c->failed = false;
	c->marked = false;
	return err;
}

int mnt_commit_now(struct mnt_commit *c)
{
	struct mnt_after *list = c->head;
	int err = finish(c);

	/* Taken off first: a callback may begin the next batch. */
	c->head = NULL;
	c->tail = &c->head;
	c->waiting = 0;
	while (list) {
		struct mnt_after *a = list;

		list = a->next;
		a->fn(a, err);
	}
	return err;
}
