/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State of a network namespace. */
#ifndef MNK_NET_H
#define MNK_NET_H

#include <linux/mutex.h>
#include <linux/rhashtable.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>

#include "carry.h"
#include "stats.h"

struct mnk_limits {
	u32 sessions, groups, inflight;
	u32 carry_bytes; /* of exchanges, replies and their messages */
	u32 failures;    /* of a session in a second: that many are told of */
	u32 idle_ms;     /* without a record in: told of; 0: never */
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
	struct xarray outers;        /* by id */
	u32 socket_next;
	u32 n_sessions, n_groups, n_outers;
	unsigned int
		generation; /* changes with every session or group that comes or goes: dumps tell that they are torn */
	struct mnk_limits limits;
	atomic_t inflight; /* records in an asynchronous cipher */
	struct mnk_carry carry;
	struct delayed_work idle;
	unsigned long since; /* jiffies when it began */
	struct mnk_stats __percpu *stats;
};

struct mnk_net *mnk_net(const struct net *net);

/* idle.c: looks for idle sessions as often as limits.idle_ms asks. */
void mnk_idle_init(struct mnk_net *n);
void mnk_idle_start(struct mnk_net *n);
void mnk_idle_stop(struct mnk_net *n);

/* Records of the whole module that are in an asynchronous cipher: the module waits for them. */
void mnk_inflight_get(struct mnk_net *n);
void mnk_inflight_put(struct mnk_net *n);

#endif
