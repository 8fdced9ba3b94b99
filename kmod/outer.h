/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Outer hops: the session to the IN that requests of devices are carried to, and what of its limits is ours. */
#ifndef MNK_OUTER_H
#define MNK_OUTER_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/rcupdate.h>

#include "coap.h"

struct mnk_net;
struct mnk_session;

/* What OUTER_SET may change. */
struct mnk_outer_limits {
	u32 pending;     /* unanswered requests */
	u32 rate;        /* requests and repetitions a second */
	u32 device_rate; /* requests a second of a device; 0: any */
	u32 message;     /* bytes of a message */
	u32 max_age;     /* seconds, of the 5.03 when the session is lost */
};

enum { MNK_OUTER_SEEN = 16 };

struct mnk_outer {
	struct mnk_net *net;
	u32 id;
	/* carry.lock: */
	struct mnk_session *session; /* a reference; NULL: none */
	u32 life;                    /* counts the sessions; an exchange belongs to one */
	struct mnk_outer_limits limits;
	u32 n_pending;
	u64 credit; /* requests times HZ */
	unsigned long credit_at;
	u16 next_id;
	u16 seen[MNK_OUTER_SEEN]; /* CONs of the IN that were acknowledged */
	u8 n_seen, seen_at;
	u64 requests, answers;
	struct kref ref;
	struct rcu_head rcu;
};

/* A session whose device's requests are carried; one a session, made by need, freed with it. carry.lock. */
struct mnk_client {
	struct mnk_outer *outer; /* a reference; NULL: none */
	u8 kid[MNK_KID_LEN];
	bool gone;      /* its session is */
	u32 generation; /* requests of which are carried; 0: none are */
	struct list_head open, confirms, replies;
	u32 n_open, n_confirms, n_replies;
	u16 next_id;
	u64 credit; /* as outer's */
	unsigned long credit_at;
	u64 requests, answers;
};

/* net->lock. NULL: there is none */
struct mnk_outer *mnk_outer_find(struct mnk_net *n, u32 id);
/* net->lock; made when there is none. -ENOSPC, -ENOMEM */
int mnk_outer_make(struct mnk_net *n, u32 id, struct mnk_outer **out);
/* net->lock. s NULL: none from now on. What is open with the one before is answered 5.03. -EBUSY: it is another hop's; -EINVAL: its own
 * requests are carried. */
int mnk_outer_set_session(struct mnk_outer *o, struct mnk_session *s);
void mnk_outer_set_limits(struct mnk_outer *o, const struct mnk_outer_limits *l);
void mnk_outer_get_limits(struct mnk_outer *o, struct mnk_outer_limits *l);
/* net->lock. Its clients keep it, but it carries nothing any more. */
void mnk_outer_del(struct mnk_outer *o);
/* net->lock. The session ends: what it was for, and what is open of it. */
void mnk_outer_session_ends(struct mnk_session *s);

struct mnk_outer *mnk_outer_get(struct mnk_outer *o);
void mnk_outer_put(struct mnk_outer *o);

/* What SESSION_ADD and SESSION_SET say. */
struct mnk_client_config {
	bool has_outer, has_generation;
	struct mnk_outer *outer; /* with has_outer; NULL: none */
	const u8 *kid;           /* NULL: as it is; wanted with the first outer */
	u32 generation;
};
/* net->lock; s is not an outer session. -ENOMEM */
int mnk_client_set(struct mnk_session *s, const struct mnk_client_config *c);

/* carry.lock: one request more? */
bool mnk_outer_credit(struct mnk_outer *o);
bool mnk_client_credit(struct mnk_client *c);
/* carry.lock: message IDs of ours */
u16 mnk_message_id(u16 *next);

#endif
