/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Groups: whom one plaintext goes to. */
#ifndef MNK_GROUP_H
#define MNK_GROUP_H

#include <linux/kref.h>
#include <linux/xarray.h>

#include "uapi/mncse_kernel.h"

struct mnk_net;
struct mnk_session;

struct mnk_group {
	u32 id;
	bool dead;             /* net->lock */
	u32 n_members;         /* net->lock */
	struct xarray members; /* sessions, readers under RCU */
	u32 next;
	struct kref ref;
	struct rcu_head rcu;
};

/* All want net->lock. -EEXIST, -ENOSPC */
int mnk_group_add(struct mnk_net *n, u32 id);
struct mnk_group *mnk_group_find(struct mnk_net *n, u32 id);
/* Its members are in no group then. */
void mnk_group_del(struct mnk_net *n, struct mnk_group *g);
/* Leaves the group that it is in. g may be NULL. On failure it is where it was. */
int mnk_group_join(struct mnk_session *s, struct mnk_group *g);
void mnk_group_leave(struct mnk_session *s);

struct mnk_group *mnk_group_get(struct mnk_group *g);
void mnk_group_put(struct mnk_group *g);

struct mnk_fanout {
	u32 sent, failed;
	u32 n_failures; /* those that are named */
	struct mnk_failure {
		u64 session_id;
		int error;
	} failures[MNCSE_KERNEL_FAILURES];
};
/* Sends to everybody who is a member all the time; who comes or goes meanwhile may be left out. Not under net->lock: sleeps between chunks. -EINTR:
 * a fatal signal came, *out says how far it got. */
int mnk_group_fanout(struct mnk_group *g, u8 type, const void *data, unsigned int len,
		     struct mnk_fanout *out);

#endif
