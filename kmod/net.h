/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State of a network namespace. */
#ifndef MNK_NET_H
#define MNK_NET_H

#include <linux/mutex.h>
#include <linux/rhashtable.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>

#include "stats.h"

struct mnk_limits {
	u32 sessions, groups, inflight;
};

/* lock serialises everything that adds or takes away. It nests inside lock_sock(): a socket that is closed comes here with that held.
 * Readers are under RCU. */
struct mnk_net {
	struct net *net;
	struct mutex lock;
	struct xarray sessions;      /* by id */
	struct rhashtable addresses; /* the same, by struct mnk_address */
	struct xarray sockets;       /* by id */
	struct xarray groups;        /* by id */
	u32 socket_next;
	u32 n_sessions, n_groups;
	unsigned int
		generation; /* changes with every session or group that comes or goes: dumps tell that they are torn */
	struct mnk_limits limits;
	atomic_t inflight; /* records in an asynchronous cipher */
	struct mnk_stats __percpu *stats;
};

struct mnk_net *mnk_net(const struct net *net);

/* Records of the whole module that are in an asynchronous cipher: the module waits for them. */
void mnk_inflight_get(struct mnk_net *n);
void mnk_inflight_put(struct mnk_net *n);

#endif
