// SPDX-License-Identifier: GPL-2.0-or-later
/* Sessions whose peers are silent: an event each, for userspace to end them. */
#include <linux/workqueue.h>

#include "net.h"
#include "session.h"

enum { CHUNK = 1024 };

static void look_at(struct mnk_session *s, unsigned long limit)
{
	unsigned long active = READ_ONCE(s->active);

	if (time_before(jiffies, active + limit) || s->idle_at == active)
		return;
	s->idle_at = active;
	mnk_session_event(s, MNCSE_REASON_IDLE, 0);
}

/* false: those were the last. */
static bool chunk(struct mnk_net *n, unsigned long *from, unsigned long limit)
{
	struct mnk_session *s;
	unsigned long id;
	unsigned int seen = 0;

	rcu_read_lock();
	xa_for_each_start(&n->sessions, id, s, *from)
	{
		if (seen++ == CHUNK)
			break;
		look_at(s, limit);
	}
	rcu_read_unlock();
	*from = id;
	return s;
}

static void idle_work(struct work_struct *w)
{
	struct mnk_net *n = container_of(to_delayed_work(w), struct mnk_net, idle);
	u32 ms = READ_ONCE(n->limits.idle_ms);
	unsigned long at = 0;

	if (!ms)
		return;
	while (chunk(n, &at, msecs_to_jiffies(ms)))
		cond_resched();
	queue_delayed_work(system_wq, &n->idle, msecs_to_jiffies(clamp(ms / 8, 20U, 10000U)));
}

void mnk_idle_init(struct mnk_net *n)
{
	INIT_DELAYED_WORK(&n->idle, idle_work);
}

void mnk_idle_start(struct mnk_net *n)
{
	mod_delayed_work(system_wq, &n->idle, 0);
}

void mnk_idle_stop(struct mnk_net *n)
{
	cancel_delayed_work_sync(&n->idle);
}
