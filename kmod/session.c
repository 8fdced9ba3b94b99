// SPDX-License-Identifier: GPL-2.0-or-later
#include "session.h"

#include <linux/slab.h>

#include "group.h"
#include "net.h"
#include "netlink.h"
#include "outer.h"
#include "udp.h"

const struct rhashtable_params mnk_session_by_address = {
	.key_len = sizeof(struct mnk_address),
	.key_offset = offsetof(struct mnk_session, peer),
	.head_offset = offsetof(struct mnk_session, node),
	.automatic_shrinking = true,
};

struct mnk_session *mnk_session_find(struct mnk_net *n, u64 id)
{
	return xa_load(&n->sessions, id);
}

struct mnk_session *mnk_session_find_peer(struct mnk_net *n, const struct mnk_address *peer)
{
	return rhashtable_lookup(&n->addresses, peer, mnk_session_by_address);
}

static int link(struct mnk_net *n, struct mnk_session *s)
{
	int err = xa_insert(&n->sessions, s->id, s, GFP_KERNEL_ACCOUNT);

	if (err)
		return err == -EBUSY ? -EEXIST : err;
	err = rhashtable_lookup_insert_fast(&n->addresses, &s->node, mnk_session_by_address);
	if (err) {
		xa_erase(&n->sessions, s->id);
		return err == -EEXIST ? -EADDRINUSE : err;
	}
	return 0;
}

int mnk_session_add(struct mnk_net *n, struct mnk_socket *socket,
		    const struct mnk_session_config *c, struct mnk_key *key)
{
	struct mnk_session *s;
	int err;

	if (n->n_sessions >= n->limits.sessions)
		return -ENOSPC;
	s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	if (!s)
		return -ENOMEM;
	s->id = c->id;
	s->peer = c->peer;
	s->has_local = c->has_local;
	memcpy(s->local, c->local, sizeof(s->local));
	s->suite = c->suite;
	s->net = n;
	s->socket = mnk_socket_get(socket);
	s->active = jiffies;
	s->idle_at = s->active - 1;
	for (size_t i = 0; i < ARRAY_SIZE(s->events); i++)
		s->events[i].since = jiffies - HZ;
	RCU_INIT_POINTER(s->key[0], key);
	kref_init(&s->ref);
	err = dst_cache_init(&s->dst, GFP_KERNEL_ACCOUNT);
	if (err)
		goto free;
	err = link(n, s);
	if (err)
		goto free_dst;
	list_add_tail(&s->of_socket, &socket->sessions);
	n->n_sessions++;
	n->generation++;
	return 0;

free_dst:
	/* It was never found with its address, but perhaps for a moment by its id. */
	synchronize_rcu();
	dst_cache_destroy(&s->dst);
free:
	mnk_socket_put(s->socket);
	kfree(s);
	return err;
}

static void replace(struct mnk_session *s, int slot, struct mnk_key *key)
{
	mnk_key_put(rcu_replace_pointer(s->key[slot], key, lockdep_is_held(&s->net->lock)));
}

void mnk_session_set_key(struct mnk_session *s, struct mnk_key *key)
{
	struct mnk_key *old = rcu_dereference_protected(s->key[0], lockdep_is_held(&s->net->lock));
	struct mnk_key *second =
		rcu_dereference_protected(s->key[1], lockdep_is_held(&s->net->lock));

	if (old && old->epoch != key->epoch) {
		/* A reader between the two steps finds the old key in both slots. */
		if (mnk_key_get(old))
			replace(s, 1, old);
	} else if (second && second->epoch == key->epoch) {
		replace(s, 1, NULL);
	}
	replace(s, 0, key);
}

int mnk_session_del_key(struct mnk_session *s, u16 epoch)
{
	for (int slot = 0; slot < 2; slot++) {
		struct mnk_key *k =
			rcu_dereference_protected(s->key[slot], lockdep_is_held(&s->net->lock));

		if (k && k->epoch == epoch) {
			replace(s, slot, NULL);
			return 0;
		}
	}
	return -ENOENT;
}

void mnk_session_retire(struct mnk_session *s)
{
	for (int slot = 0; slot < 2; slot++) {
		struct mnk_key *k =
			rcu_dereference_protected(s->key[slot], lockdep_is_held(&s->net->lock));

		if (k)
			mnk_key_close(k);
	}
}

/* Order: nobody finds it any more; then what it leads to is let go. Readers that hold it under RCU find empty slots and drop. The socket's
 * reference and the memory go after a grace period, in session_free_rcu. */
void mnk_session_del(struct mnk_session *s)
{
	struct mnk_net *n = s->net;

	if (s->dead)
		return;
	s->dead = true;
	xa_erase(&n->sessions, s->id);
	rhashtable_remove_fast(&n->addresses, &s->node, mnk_session_by_address);
	list_del(&s->of_socket);
	mnk_group_leave(s);
	mnk_outer_session_ends(s);
	replace(s, 0, NULL);
	replace(s, 1, NULL);
	n->n_sessions--;
	n->generation++;
	mnk_session_put(s);
}

static void session_free_rcu(struct rcu_head *rcu)
{
	struct mnk_session *s = container_of(rcu, struct mnk_session, rcu);

	dst_cache_destroy(&s->dst);
	mnk_socket_put(s->socket);
	kfree(s->client);
	kfree(s);
}

static void session_release(struct kref *ref)
{
	call_rcu(&container_of(ref, struct mnk_session, ref)->rcu, session_free_rcu);
}

bool mnk_session_get(struct mnk_session *s)
{
	return kref_get_unless_zero(&s->ref);
}

void mnk_session_put(struct mnk_session *s)
{
	kref_put(&s->ref, session_release);
}

struct mnk_key *mnk_session_key(struct mnk_session *s, u16 epoch)
{
	for (int slot = 0; slot < 2; slot++) {
		struct mnk_key *k = rcu_dereference(s->key[slot]);

		if (k && k->epoch == epoch)
			return k;
	}
	return NULL;
}

/* Failures count from the limit on; what is told of at once is not counted. */
static bool is_due(struct mnk_session *s, enum mncse_kernel_reason why)
{
	bool failure = why == MNCSE_REASON_AUTH || why == MNCSE_REASON_REPLAY;
	unsigned long since = READ_ONCE(s->events[why].since);
	u32 n;

	if (why == MNCSE_REASON_CLOSED || why == MNCSE_REASON_IDLE ||
	    why == MNCSE_REASON_OUTER_LOST)
		return true;
	if (time_after_eq(jiffies, since + HZ)) {
		if (cmpxchg(&s->events[why].since, since, jiffies) != since)
			return false;
		WRITE_ONCE(s->events[why].n, 0);
	}
	n = READ_ONCE(s->events[why].n) + 1;
	WRITE_ONCE(s->events[why].n, n);
	return n == (failure ? READ_ONCE(s->net->limits.failures) : 1);
}

void mnk_session_event(struct mnk_session *s, enum mncse_kernel_reason why, u16 epoch)
{
	if (is_due(s, why))
		mnk_netlink_event(s->net, s->id, why, epoch);
}
