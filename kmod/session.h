/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A DTLS session whose handshake userspace has done: peer, keys, group. */
#ifndef MNK_SESSION_H
#define MNK_SESSION_H

#include <linux/kref.h>
#include <linux/rhashtable.h>
#include <net/dst_cache.h>

#include "keyslot.h"
#include "uapi/mncse_kernel.h"

struct mnk_net;
struct mnk_socket;
struct mnk_group;
struct mnk_client;
struct mnk_outer;

/* A peer as it is found. IPv4 addresses are the first 4 bytes, the others are 0. No padding. */
struct mnk_address {
	u8 addr[16];
	u32 socket_id;
	u16 family;
	__be16 port;
};
static_assert(sizeof(struct mnk_address) == 24);

struct mnk_session_config {
	u64 id;
	struct mnk_address peer;
	bool has_local;
	u8 local[16]; /* of the peer's family */
	const struct mnk_suite *suite;
};

/* Found under RCU by id and by address. net->lock protects what is marked L. */
struct mnk_session {
	struct rhash_head node;
	struct mnk_address peer;
	bool has_local;
	bool dead; /* L: no longer found */
	u8 local[16];
	u64 id;
	const struct mnk_suite *suite;
	struct mnk_net *net;
	struct mnk_socket *socket;  /* a reference */
	struct list_head of_socket; /* L: socket->sessions */
	struct mnk_group *group;    /* L: not a reference, the group lets go of its members first */
	u32 member;                 /* L: index in group->members */
	struct mnk_key __rcu *key[2]; /* L to change. [0] seals, both open, by epoch */
	struct dst_cache dst;
	unsigned long active;      /* jiffies of the last authenticated record */
	unsigned long idle_at;     /* active, when an event told of it */
	struct mnk_client *client; /* its device's requests are carried; made once (outer.h) */
	struct mnk_outer *outer;   /* carry.lock: it is the session of that hop */
	struct {
		unsigned long since;  /* jiffies; a second from there */
		u32 n;                /* times in that second */
	} events[__MNCSE_REASON_MAX]; /* under no lock: what is lost is one of many */
	atomic64_t rx_records, tx_records;
	struct kref ref;
	struct rcu_head rcu;
};

extern const struct rhashtable_params mnk_session_by_address;

/* Under RCU; NULL when there is none. */
struct mnk_session *mnk_session_find(struct mnk_net *n, u64 id);
struct mnk_session *mnk_session_find_peer(struct mnk_net *n, const struct mnk_address *peer);

/* The functions below want net->lock. add takes a reference of the socket and, on success, the key. -EEXIST: the id; -EADDRINUSE: the peer;
 * -ENOSPC: the limit. */
int mnk_session_add(struct mnk_net *n, struct mnk_socket *socket,
		    const struct mnk_session_config *c, struct mnk_key *key);
/* It is found no more; records in a cipher keep it until they are done. */
void mnk_session_del(struct mnk_session *s);
/* Its keys are closed: their state is the last. */
void mnk_session_retire(struct mnk_session *s);
/* Takes the key. */
void mnk_session_set_key(struct mnk_session *s, struct mnk_key *key);
/* -ENOENT */
int mnk_session_del_key(struct mnk_session *s, u16 epoch);

bool mnk_session_get(struct mnk_session *s);
void mnk_session_put(struct mnk_session *s);

/* Under RCU: the key of an epoch, the key that seals; NULL. */
struct mnk_key *mnk_session_key(struct mnk_session *s, u16 epoch);

/* Tells listeners, of what is repeated once a second at most. Any context. */
void mnk_session_event(struct mnk_session *s, enum mncse_kernel_reason why, u16 epoch);

#endif
