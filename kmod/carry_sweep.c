// SPDX-License-Identifier: GPL-2.0-or-later
/* What time does to open exchanges, looked at ten times a second while there are any:
 *
 *	WAITS	  1 s after a CON came: the empty ACK
 *		  2, 6 and 14 s after it was carried: the request again, with a new message ID
 *		  30 s: 5.04
 *		  its outer session is gone: 5.03
 *	CONFIRMS  2 to 3 s, doubling four times: the CON again; then it ends
 *
 * and replies go when they are 247 s old. */
#include "carry.h"
#include "exchange.h"
#include "net.h"
#include "outer.h"
#include "session.h"

#define PERIOD (HZ / 10)
#define REPLIES_PERIOD (10 * HZ)
#define ACK_AFTER HZ
#define GIVE_UP (30 * HZ)

enum { RETRANSMITS = 4, BATCH = 64 };
static const unsigned long repeat_after[] = { 2 * HZ, 6 * HZ, 14 * HZ };

void mnk_carry_attend(struct mnk_net *n)
{
	struct mnk_carry *c = &n->carry;

	if (c->n_exchanges && !c->soon) {
		c->soon = true;
		mod_delayed_work(system_wq, &c->sweep, PERIOD);
	} else if (!c->n_exchanges && c->n_replies && !delayed_work_pending(&c->sweep)) {
		queue_delayed_work(system_wq, &c->sweep, REPLIES_PERIOD);
	}
}

void mnk_carry_kick(struct mnk_net *n)
{
	n->carry.soon = true;
	mod_delayed_work(system_wq, &n->carry.sweep, 0);
}

/* One thing to send, with references of its own. */
struct action {
	struct mnk_session *to;
	struct mnk_message *message; /* NULL: an empty ACK of id */
	u16 id;
	bool ends; /* the exchange, when the message has been sent */
	struct mnk_exchange *exchange;
};

static bool send_message(struct action *a, struct mnk_session *to, struct mnk_message *m)
{
	if (!m || !mnk_session_get(to)) {
		mnk_message_put(m);
		return false;
	}
	a->to = to;
	a->message = m;
	return true;
}

/* The gateway's own answer; the exchange ends with it, sent or not. */
static bool give_up(struct action *a, struct mnk_exchange *e, struct mnk_coap m, const char *text)
{
	m.payload = (const u8 *)text;
	m.payload_len = strlen(text);
	mnk_carry_begin(e->session, &e->origin, &m);
	a->ends = true;
	if (send_message(a, e->session, mnk_message_new(e->session->net, &m)))
		return true;
	mnk_count(e->session->net, MNK_CARRY_DROP_MEMORY);
	mnk_exchange_end(e);
	return false;
}

static bool interrupt(struct action *a, struct mnk_exchange *e)
{
	struct mnk_net *n = e->session->net;
	/* not all in the same second */
	const struct mnk_coap m = {
		.code = MNK_COAP_503,
		.has_max_age = true,
		.max_age = e->outer->limits.max_age +
			   (u32)(mnk_counter_read(n, MNK_CARRY_INTERRUPTED) % 3),
	};

	mnk_count(n, MNK_CARRY_INTERRUPTED);
	return give_up(a, e, m, "No session to the IN");
}

static bool repeat(struct action *a, struct mnk_exchange *e)
{
	struct mnk_outer *o = e->outer;
	struct mnk_coap m;

	e->repeats++;
	/* Without credit this repetition is left out, the next one comes. What we wrote can be read. */
	if (!o->session || !mnk_outer_credit(o) ||
	    mnk_coap_read(e->message->data, e->message->len, &m))
		return false;
	m.id = mnk_message_id(&o->next_id);
	if (!send_message(a, o->session, mnk_message_new(o->net, &m))) {
		mnk_count(o->net, MNK_CARRY_DROP_MEMORY);
		return false;
	}
	mnk_count(o->net, MNK_CARRY_REPEATS);
	return true;
}

static bool wait_for_in(struct action *a, struct mnk_exchange *e)
{
	unsigned long now = jiffies;

	if (e->life != e->outer->life)
		return interrupt(a, e);
	if (time_after_eq(now, e->arrived + GIVE_UP)) {
		mnk_count(e->session->net, MNK_CARRY_TIMEOUTS);
		return give_up(a, e, (struct mnk_coap){ .code = MNK_COAP_504 },
			       "The IN does not answer");
	}
	if (e->origin.con && !e->origin.acked && time_after_eq(now, e->arrived + ACK_AFTER)) {
		if (!mnk_session_get(e->session))
			return false;
		e->origin.acked = true;
		a->to = e->session;
		a->id = e->origin.id;
		return true;
	}
	if (e->repeats < ARRAY_SIZE(repeat_after) &&
	    time_after_eq(now, e->arrived + repeat_after[e->repeats]))
		return repeat(a, e);
	return false;
}

static bool wait_for_ack(struct action *a, struct mnk_exchange *e)
{
	if (time_before(jiffies, e->due))
		return false;
	if (e->repeats == RETRANSMITS) {
		mnk_count(e->session->net, MNK_CARRY_UNCONFIRMED);
		mnk_exchange_end(e);
		return false;
	}
	e->repeats++;
	e->interval *= 2;
	e->due = jiffies + e->interval;
	return send_message(a, e->session, mnk_message_get(e->message));
}

/* carry.lock */
static bool look_at(struct mnk_exchange *e, struct action *a)
{
	bool act = false;

	*a = (struct action){ .exchange = e };
	if (e->state == MNK_WAITS)
		act = wait_for_in(a, e);
	else if (e->state == MNK_CONFIRMS)
		act = wait_for_ack(a, e);
	if (act) {
		refcount_inc(&e->ref);
		if (a->ends)
			e->state = MNK_ANSWERING;
	}
	return act;
}

static void act_on(struct mnk_carry *carry, struct action *a)
{
	struct mnk_exchange *e = a->exchange;
	int err = 0;

	local_bh_disable();
	rcu_read_lock();
	if (a->message)
		err = mnk_carry_send(a->to, a->message);
	else
		mnk_carry_send_empty(a->to, MNK_COAP_ACK, a->id);
	rcu_read_unlock();
	spin_lock(&carry->lock);
	if (a->ends && e->state == MNK_ANSWERING) {
		mnk_carry_sent(e->session, &e->origin, a->message, err);
		mnk_exchange_end(e);
	}
	mnk_message_put(a->message);
	mnk_exchange_put(e);
	spin_unlock(&carry->lock);
	local_bh_enable();
	mnk_session_put(a->to);
}

/* Each exchange once: what was looked at goes to the end. The lock is let go now and then. */
static void sweep_exchanges(struct mnk_carry *carry)
{
	struct action a;
	u32 n, batch = 0;

	spin_lock_bh(&carry->lock);
	for (n = carry->n_exchanges; n && !list_empty(&carry->exchanges); n--) {
		struct mnk_exchange *e =
			list_first_entry(&carry->exchanges, struct mnk_exchange, all);
		bool act;

		list_move_tail(&e->all, &carry->exchanges);
		act = look_at(e, &a);
		if (!act && ++batch % BATCH)
			continue;
		spin_unlock_bh(&carry->lock);
		if (act)
			act_on(carry, &a);
		cond_resched();
		spin_lock_bh(&carry->lock);
	}
	spin_unlock_bh(&carry->lock);
}

static void sweep_replies(struct mnk_carry *carry)
{
	struct mnk_reply *r;

	while (!list_empty(&carry->replies)) {
		r = list_first_entry(&carry->replies, struct mnk_reply, fifo);
		if (time_before(jiffies, r->until))
			break;
		mnk_reply_forget(r);
	}
}

static void sweep(struct work_struct *w)
{
	struct mnk_net *n = container_of(to_delayed_work(w), struct mnk_net, carry.sweep);
	struct mnk_carry *carry = &n->carry;

	sweep_exchanges(carry);
	spin_lock_bh(&carry->lock);
	sweep_replies(carry);
	carry->soon = false;
	mnk_carry_attend(n);
	spin_unlock_bh(&carry->lock);
}

void mnk_carry_init(struct mnk_net *n)
{
	struct mnk_carry *c = &n->carry;

	spin_lock_init(&c->lock);
	INIT_LIST_HEAD(&c->exchanges);
	INIT_LIST_HEAD(&c->replies);
	hash_init(c->tokens);
	c->serial = (u64)get_random_u32() << 16;
	INIT_DELAYED_WORK(&c->sweep, sweep);
}

void mnk_carry_fini(struct mnk_net *n)
{
	cancel_delayed_work_sync(&n->carry.sweep);
	WARN_ON(n->carry.n_exchanges || n->carry.n_replies || n->carry.bytes);
}
