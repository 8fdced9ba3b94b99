// SPDX-License-Identifier: GPL-2.0-or-later
#include "outer.h"

#include <linux/slab.h>

#include "carry.h"
#include "compat.h"
#include "exchange.h"
#include "net.h"
#include "session.h"
#include "uapi/mncse_kernel.h"

enum { OUTERS_MAX = 64 };

/* Of the hop's 1,024 and 30,000 a second (RFC 7252 4.8.1 with a MAX_LATENCY of 1 s) the rest is userspace's. */
static const struct mnk_outer_limits default_limits = {
	.pending = 896,
	.rate = 28000,
	.device_rate = 0,
	.message = 1152,
	.max_age = 1,
};

struct mnk_outer *mnk_outer_find(struct mnk_net *n, u32 id)
{
	return xa_load(&n->outers, id);
}

struct mnk_outer *mnk_outer_get(struct mnk_outer *o)
{
	kref_get(&o->ref);
	return o;
}

static void outer_release(struct kref *ref)
{
	kfree_rcu(container_of(ref, struct mnk_outer, ref), rcu);
}

void mnk_outer_put(struct mnk_outer *o)
{
	kref_put(&o->ref, outer_release);
}

int mnk_outer_make(struct mnk_net *n, u32 id, struct mnk_outer **out)
{
	struct mnk_outer *o = mnk_outer_find(n, id);
	int err;

	if (o)
		goto out;
	if (n->n_outers >= OUTERS_MAX)
		return -ENOSPC;
	o = kzalloc(sizeof(*o), GFP_KERNEL_ACCOUNT);
	if (!o)
		return -ENOMEM;
	o->net = n;
	o->id = id;
	o->limits = default_limits;
	o->next_id = get_random_u32();
	kref_init(&o->ref);
	err = xa_insert(&n->outers, id, o, GFP_KERNEL_ACCOUNT);
	if (err) {
		kfree(o);
		return err;
	}
	n->n_outers++;
	n->generation++;
out:
	*out = o;
	return 0;
}

/* carry.lock. The session, whose reference is the caller's then. */
static struct mnk_session *release_session(struct mnk_outer *o)
{
	struct mnk_session *s = o->session;

	if (s)
		WRITE_ONCE(s->outer, NULL);
	o->session = NULL;
	o->life++;
	if (o->n_pending)
		mnk_carry_kick(o->net);
	return s;
}

int mnk_outer_set_session(struct mnk_outer *o, struct mnk_session *s)
{
	struct mnk_session *old = NULL;
	int err = 0;

	spin_lock_bh(&o->net->carry.lock);
	if (s && s->outer == o)
		goto out;
	if (s && s->outer)
		err = -EBUSY;
	else if (s && s->client && s->client->outer)
		err = -EINVAL;
	else if (s && !mnk_session_get(s))
		err = -ENOENT;
	if (err)
		goto out;
	old = release_session(o);
	if (s) {
		o->session = s;
		o->n_seen = 0;
		o->credit = 0;
		o->credit_at = jiffies - HZ;
		WRITE_ONCE(s->outer, o);
	}
out:
	spin_unlock_bh(&o->net->carry.lock);
	if (old)
		mnk_session_put(old);
	return err;
}

void mnk_outer_set_limits(struct mnk_outer *o, const struct mnk_outer_limits *l)
{
	spin_lock_bh(&o->net->carry.lock);
	o->limits = *l;
	spin_unlock_bh(&o->net->carry.lock);
}

void mnk_outer_get_limits(struct mnk_outer *o, struct mnk_outer_limits *l)
{
	spin_lock_bh(&o->net->carry.lock);
	*l = o->limits;
	spin_unlock_bh(&o->net->carry.lock);
}

void mnk_outer_del(struct mnk_outer *o)
{
	mnk_outer_set_session(o, NULL);
	xa_erase(&o->net->outers, o->id);
	o->net->n_outers--;
	o->net->generation++;
	mnk_outer_put(o);
}

/* carry.lock */
static struct mnk_outer *client_ends(struct mnk_session *s, struct mnk_client *c)
{
	struct mnk_outer *o = c->outer;
	struct mnk_exchange *e, *next;

	c->gone = true;
	list_for_each_entry_safe(e, next, &c->open, mine)
	{
		mnk_count(s->net, MNK_CARRY_ABANDONED);
		mnk_exchange_end(e);
	}
	list_for_each_entry_safe(e, next, &c->confirms, mine) mnk_exchange_end(e);
	while (!list_empty(&c->replies))
		mnk_reply_forget(list_first_entry(&c->replies, struct mnk_reply, mine));
	c->outer = NULL;
	return o;
}

void mnk_outer_session_ends(struct mnk_session *s)
{
	struct mnk_session *lost = NULL;
	struct mnk_outer *of_client = NULL;

	spin_lock_bh(&s->net->carry.lock);
	if (s->outer)
		lost = release_session(s->outer);
	if (s->client)
		of_client = client_ends(s, s->client);
	spin_unlock_bh(&s->net->carry.lock);
	if (of_client)
		mnk_outer_put(of_client);
	if (lost) {
		mnk_session_event(s, MNCSE_REASON_OUTER_LOST, 0);
		mnk_session_put(lost);
	}
}

/* net->lock. Once made it stays: receivers find it without a lock. */
static int make_client(struct mnk_session *s)
{
	struct mnk_client *c;

	if (s->client)
		return 0;
	c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	if (!c)
		return -ENOMEM;
	INIT_LIST_HEAD(&c->open);
	INIT_LIST_HEAD(&c->confirms);
	INIT_LIST_HEAD(&c->replies);
	c->next_id = get_random_u32();
	c->credit_at = jiffies - HZ;
	smp_store_release(&s->client, c);
	return 0;
}

int mnk_client_set(struct mnk_session *s, const struct mnk_client_config *config)
{
	struct mnk_outer *old = NULL;
	struct mnk_client *c;
	int err;

	err = make_client(s);
	if (err)
		return err;
	c = s->client;
	spin_lock_bh(&s->net->carry.lock);
	if (config->kid)
		memcpy(c->kid, config->kid, MNK_KID_LEN);
	if (config->has_generation)
		c->generation = config->generation;
	if (config->has_outer) {
		old = c->outer;
		c->outer = config->outer ? mnk_outer_get(config->outer) : NULL;
	}
	spin_unlock_bh(&s->net->carry.lock);
	if (old)
		mnk_outer_put(old);
	return 0;
}

/* One second's worth at most; burst limits that further. */
static bool take_credit(u64 *credit, unsigned long *at, u32 rate, u32 burst)
{
	unsigned long now = jiffies;

	*credit = min_t(u64, *credit + (u64)min_t(unsigned long, now - *at, HZ) * rate,
			(u64)burst * HZ);
	*at = now;
	if (*credit < HZ)
		return false;
	*credit -= HZ;
	return true;
}

bool mnk_outer_credit(struct mnk_outer *o)
{
	u32 rate = o->limits.rate;

	return take_credit(&o->credit, &o->credit_at, rate, rate / 28 + 1);
}

bool mnk_client_credit(struct mnk_client *c)
{
	u32 rate = c->outer->limits.device_rate;

	return !rate || take_credit(&c->credit, &c->credit_at, rate, rate);
}

u16 mnk_message_id(u16 *next)
{
	if (*next < MNCSE_KERNEL_MESSAGE_ID)
		*next = MNCSE_KERNEL_MESSAGE_ID;
	return (*next)++;
}
