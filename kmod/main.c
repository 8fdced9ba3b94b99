// SPDX-License-Identifier: GPL-2.0-or-later
/* mncse.ko: DTLS records of sessions whose handshakes userspace did.
 *
 * Order of the exit: no command comes in any more; every socket is given back, which takes its sessions along; each namespace waits for
 * its records in a cipher; the barrier waits for the callbacks that free keys and sessions, and for readers in this text. */
#include <linux/module.h>
#include <linux/wait_bit.h>
#include <net/netns/generic.h>

#include "group.h"
#include "keyslot.h"
#include "net.h"
#include "netlink.h"
#include "outer.h"
#include "selftest/selftest.h"
#include "session.h"
#include "udp.h"

static unsigned int net_id;

static const struct mnk_limits default_limits = {
	.sessions = 1 << 20,
	.groups = 4096,
	.inflight = 4096,
	.carry_bytes = 64 << 20,
	.failures = 1,
};

struct mnk_net *mnk_net(const struct net *net)
{
	return net_generic(net, net_id);
}

void mnk_inflight_get(struct mnk_net *n)
{
	atomic_inc(&n->inflight);
}

void mnk_inflight_put(struct mnk_net *n)
{
	atomic_dec(&n->inflight);
}

static int __net_init net_init(struct net *net)
{
	struct mnk_net *n = mnk_net(net);
	int err;

	n->net = net;
	mutex_init(&n->lock);
	xa_init(&n->sessions);
	xa_init_flags(&n->sockets, XA_FLAGS_ALLOC1);
	xa_init(&n->groups);
	xa_init(&n->outers);
	mnk_carry_init(n);
	mnk_idle_init(n);
	n->since = jiffies;
	n->limits = default_limits;
	/* 0 would mean that nothing is known */
	n->generation = 1;
	n->stats = alloc_percpu(struct mnk_stats);
	if (!n->stats)
		return -ENOMEM;
	err = rhashtable_init(&n->addresses, &mnk_session_by_address);
	if (err)
		free_percpu(n->stats);
	return err;
}

/* A namespace ends after its last socket: then there are no sessions left to end here. */
static void __net_exit net_exit(struct net *net)
{
	struct mnk_net *n = mnk_net(net);
	struct mnk_group *g;
	struct mnk_outer *o;
	unsigned long id;

	mnk_socket_detach_all(n);
	mutex_lock(&n->lock);
	xa_for_each(&n->groups, id, g) mnk_group_del(n, g);
	xa_for_each(&n->outers, id, o) mnk_outer_del(o);
	mutex_unlock(&n->lock);
	/* New ones cannot begin once readers who found a session are through. */
	synchronize_net();
	mnk_idle_stop(n);
	mnk_carry_fini(n);
	while (atomic_read(&n->inflight))
		schedule_timeout_uninterruptible(1);
	/* Who brought it to 0 has bottom halves off until it has left our text. */
	synchronize_net();
	WARN_ON(!xa_empty(&n->sessions) || !xa_empty(&n->sockets));
	rhashtable_destroy(&n->addresses);
	xa_destroy(&n->sessions);
	xa_destroy(&n->sockets);
	xa_destroy(&n->groups);
	xa_destroy(&n->outers);
	free_percpu(n->stats);
}

static struct pernet_operations net_ops = {
	.init = net_init,
	.exit = net_exit,
	.id = &net_id,
	.size = sizeof(struct mnk_net),
};

static int __init mncse_init(void)
{
	int err = mnk_ciphers_init();

	if (err)
		return err;
	err = mnk_selftest();
	if (err)
		return err;
	err = register_pernet_subsys(&net_ops);
	if (err)
		return err;
	err = mnk_netlink_init();
	if (err)
		unregister_pernet_subsys(&net_ops);
	return err;
}

static void __exit mncse_exit(void)
{
	struct net *net;

	mnk_netlink_exit();
	down_read(&net_rwsem);
	for_each_net(net) mnk_socket_detach_all(mnk_net(net));
	up_read(&net_rwsem);
	/* Who closes a socket may still be on the last instructions of encap_destroy, and may have been preempted there. */
	synchronize_rcu_tasks();
	unregister_pernet_subsys(&net_ops);
	rcu_barrier();
}

module_init(mncse_init);
module_exit(mncse_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("DTLS records of an MN-CSE's sessions");
MODULE_ALIAS_GENL_FAMILY(MNCSE_GENL_NAME);
MODULE_SOFTDEP("pre: aesni_intel gcm ccm ctr ghash_generic");
