// SPDX-License-Identifier: GPL-2.0-or-later
#include "group.h"

#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "net.h"
#include "record.h"
#include "session.h"
#include "udp.h"

/* Records with bottom halves off: some 100 us. */
enum { CHUNK = 32 };
/* How long a fan-out waits for room in send buffers, in all. */
#define WAIT_MAX HZ

int mnk_group_add(struct mnk_net *n, u32 id)
{
	struct mnk_group *g;
	int err;

	if (n->n_groups >= n->limits.groups)
		return -ENOSPC;
	g = kzalloc(sizeof(*g), GFP_KERNEL_ACCOUNT);
	if (!g)
		return -ENOMEM;
	g->id = id;
	xa_init_flags(&g->members, XA_FLAGS_ALLOC);
	kref_init(&g->ref);
	err = xa_insert(&n->groups, id, g, GFP_KERNEL_ACCOUNT);
	if (err) {
		kfree(g);
		return err == -EBUSY ? -EEXIST : err;
	}
	n->n_groups++;
	n->generation++;
	return 0;
}

struct mnk_group *mnk_group_find(struct mnk_net *n, u32 id)
{
	return xa_load(&n->groups, id);
}

void mnk_group_del(struct mnk_net *n, struct mnk_group *g)
{
	struct mnk_session *s;
	unsigned long i;

	xa_for_each(&g->members, i, s) mnk_group_leave(s);
	g->dead = true;
	xa_erase(&n->groups, g->id);
	n->n_groups--;
	n->generation++;
	mnk_group_put(g);
}

int mnk_group_join(struct mnk_session *s, struct mnk_group *g)
{
	u32 member;
	int err;

	if (g == s->group)
		return 0;
	if (g) {
		err = xa_alloc_cyclic(&g->members, &member, s, xa_limit_32b, &g->next,
				      GFP_KERNEL_ACCOUNT);
		if (err < 0)
			return err;
	}
	mnk_group_leave(s);
	if (g) {
		s->group = g;
		s->member = member;
		g->n_members++;
	}
	return 0;
}

void mnk_group_leave(struct mnk_session *s)
{
	if (!s->group)
		return;
	xa_erase(&s->group->members, s->member);
	s->group->n_members--;
	s->group = NULL;
}

struct mnk_group *mnk_group_get(struct mnk_group *g)
{
	kref_get(&g->ref);
	return g;
}

static void group_release(struct kref *ref)
{
	struct mnk_group *g = container_of(ref, struct mnk_group, ref);

	xa_destroy(&g->members);
	kfree_rcu(g, rcu);
}

void mnk_group_put(struct mnk_group *g)
{
	kref_put(&g->ref, group_release);
}

/* ---- fan-out ---- */

struct cursor {
	unsigned long index;
	bool full; /* the member at index has no room to send */
	struct mnk_op *spare;
};

static void result(struct mnk_fanout *out, const struct mnk_session *s, int err)
{
	if (!err) {
		out->sent++;
		return;
	}
	out->failed++;
	if (out->n_failures < MNCSE_KERNEL_FAILURES)
		out->failures[out->n_failures++] = (struct mnk_failure){ s->id, err };
}

/* false: that was the last one. */
static bool chunk(struct mnk_group *g, struct cursor *c, u8 type, const void *data,
		  unsigned int len, bool may_wait, struct mnk_fanout *out)
{
	XA_STATE(xas, &g->members, c->index);
	struct mnk_session *s;
	unsigned int n = 0;

	c->full = false;
	local_bh_disable();
	rcu_read_lock();
	xas_for_each(&xas, s, ULONG_MAX)
	{
		if (xas_retry(&xas, s))
			continue;
		c->index = xas.xa_index;
		if (n == CHUNK)
			break;
		if (may_wait && !mnk_udp_writable(s->socket)) {
			c->full = true;
			break;
		}
		result(out, s, mnk_record_send(s, type, data, len, &c->spare));
		n++;
	}
	rcu_read_unlock();
	local_bh_enable();
	return s != NULL;
}

int mnk_group_fanout(struct mnk_group *g, u8 type, const void *data, unsigned int len,
		     struct mnk_fanout *out)
{
	struct cursor c = {};
	unsigned long end = jiffies + WAIT_MAX;
	bool may_wait = true;
	int err = 0;

	while (chunk(g, &c, type, data, len, may_wait, out)) {
		if (fatal_signal_pending(current)) {
			err = -EINTR;
			break;
		}
		if (!c.full) {
			cond_resched();
			continue;
		}
		/* Devices drain their queues by themselves; nobody wakes us for it. */
		schedule_timeout_uninterruptible(1);
		may_wait = time_before(jiffies, end);
	}
	kfree(c.spare);
	return err;
}
