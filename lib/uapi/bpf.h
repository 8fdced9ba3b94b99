/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
/* What the BPF programs of bpf/ and mncsed share: classes, maps, counters. Every structure has the same size on both sides; bpf/ and the
 * daemon include this file, and the assertions below hold in both.
 *
 *   config    ARRAY 1           struct mncse_bpf_config     daemon writes
 *   keys      ARRAY 1           struct mncse_bpf_keys       daemon writes; never pinned
 *   sessions  HASH              mncse_bpf_peer -> session   only the daemon adds and deletes; `wire` is the programs'
 *   groups    ARRAY             struct mncse_bpf_group      daemon writes
 *   relayed   LPM_TRIE          mncse_bpf_range -> __u32    daemon writes: proxy mode's devices, none of our business
 *   pending   LRU_HASH          mncse_bpf_peer -> ns        peers whose cookie was right, until when
 *   prefixes  LRU_HASH          mncse_bpf_prefix -> ns      rate of ClientHellos
 *   counters  PERCPU_ARRAY 1    struct mncse_bpf_counters   programs write
 *   shares    PERCPU_ARRAY      struct mncse_bpf_share      by group, programs write
 *   slots     ARRAY 256         __u32 worker                new peers, by hash; daemon writes
 *   workers   REUSEPORT_SOCKARRAY   sockets, [listener * MNCSE_BPF_WORKERS + worker]
 *
 * A record's class is known by direction, session, type and length: nothing is decrypted. A service request is an application record of a
 * device that is long enough to hold an OSCORE request; a Rand one to a device whose session has not had the group's generation yet, of the
 * length that a rand-message has on that session; on the outer hop one of the length that a group's rand-message has there. */
#ifndef MNCSE_UAPI_BPF_H
#define MNCSE_UAPI_BPF_H

#include <linux/types.h>

#include "cookie.h"

#define MNCSE_BPF_LISTENERS 32 /* a wildcard listener counts once an address of the machine */
#define MNCSE_BPF_WORKERS 64
#define MNCSE_BPF_SOCKETS 1024 /* 16 listeners */
#define MNCSE_BPF_SLOTS 256
#define MNCSE_BPF_RAND_LENGTHS 2048 /* longest record body that the table of lengths covers */

/* X(NAME, name) */
#define MNCSE_CLASSES(X)              \
	X(HELLO, hello)               \
	X(HELLO_COOKIE, hello_cookie) \
	X(HANDSHAKE, handshake)       \
	X(RAND, rand)                 \
	X(SERVICE, service)           \
	X(ANSWER, answer)             \
	X(ALERT, alert)               \
	X(APPLICATION, application)   \
	X(UNKNOWN, unknown)           \
	X(JUNK, junk)                 \
	X(FRAGMENT, fragment)         \
	X(OTHER, other)

enum mncse_class {
#define X(NAME, name) MNCSE_CLASS_##NAME,
	MNCSE_CLASSES(X)
#undef X
		__MNCSE_CLASS_MAX,
};

/* What xdp_guard did; their sum is what it saw. */
#define MNCSE_VERDICTS(X)             \
	X(PASS, pass)                 \
	X(ANSWERED, answered)         \
	X(DROP_JUNK, drop_junk)       \
	X(DROP_UNKNOWN, drop_unknown) \
	X(DROP_LIMIT, drop_limit)     \
	X(DROP_ERROR, drop_error)

enum mncse_verdict {
#define X(NAME, name) MNCSE_VERDICT_##NAME,
	MNCSE_VERDICTS(X)
#undef X
		__MNCSE_VERDICT_MAX,
};

/* Messages of TR-0012 figure 8.2.1-2, as tc_class saw them on the wire. */
#define MNCSE_MESSAGES(X)                             \
	X(INNER_HANDSHAKES_IN, inner.handshakes_in)   \
	X(INNER_RAND_OUT, inner.rand_out)             \
	X(INNER_SERVICE_IN, inner.service_in)         \
	X(OUTER_HANDSHAKES_OUT, outer.handshakes_out) \
	X(OUTER_RAND_IN, outer.rand_in)               \
	X(OUTER_SERVICE_OUT, outer.service_out)

enum mncse_message {
#define X(NAME, name) MNCSE_MESSAGE_##NAME,
	MNCSE_MESSAGES(X)
#undef X
		__MNCSE_MESSAGE_MAX,
};

/* How reuseport chose: the owner of a session, by hash, or the kernel because the chosen worker has no socket. */
#define MNCSE_STEERS(X) \
	X(OWNER, owner) \
	X(HASH, hash)   \
	X(KERNEL, kernel)

enum mncse_steer {
#define X(NAME, name) MNCSE_STEER_##NAME,
	MNCSE_STEERS(X)
#undef X
		__MNCSE_STEER_MAX,
};

enum mncse_bpf_hop { MNCSE_HOP_INNER, MNCSE_HOP_OUTER, __MNCSE_HOP_MAX };
enum mncse_bpf_direction { MNCSE_DIRECTION_IN, MNCSE_DIRECTION_OUT, __MNCSE_DIRECTION_MAX };

/* An end of a hop. addr as in mncse_cookie_input (IPv4 as ::ffff:a.b.c.d), port in network order. As a key of sessions and pending: the
 * remote end, and at which listener it is. */
struct mncse_bpf_peer {
	__u8 addr[16] __attribute__((aligned(4)));
	__u16 port;
	__u16 listener;
};

#define MNCSE_WIRE_HANDSHAKE 1u /* the Finished was seen leaving */

struct mncse_bpf_session {
	__u32 worker;
	__u32 group;
	__u16 rand_len;    /* body of the record that carries a rand-message */
	__u16 service_min; /* body of the shortest record that can carry a service request */
	__u32 wire;        /* MNCSE_WIRE_*: tc_class */
	__u32 generation;  /* last one seen leaving: tc_class */
	__u32 reserved;
};

struct mncse_bpf_group {
	__u32 generation; /* in force; 0 = none yet */
	__u32 reserved;
};

#define MNCSE_BPF_VERIFY_LEN 36 /* payload of a HelloVerifyRequest */

struct mncse_bpf_keys {
	struct mncse_cookie_key key[2]; /* [0] makes, both are accepted */
};

struct mncse_bpf_prefix {
	__u64 prefix; /* upper 64 bits of the address (IPv4: the address), masked, network order */
	__u16 family; /* 4 or 6 */
	__u16 cookie; /* 1: hellos with a valid cookie have a share of their own */
	__u32 reserved;
};

struct mncse_bpf_range {
	__u32 bits; /* of addr, 96 more for IPv4 */
	__u8 addr[16];
};

#define MNCSE_CONFIG_OPEN 1u    /* the session map is not complete: unknown peers pass */
#define MNCSE_CONFIG_RELAYED 2u /* `relayed` is not empty */

struct mncse_bpf_config {
	__u32 flags; /* MNCSE_CONFIG_* */
	__u32 n_listeners;
	struct mncse_bpf_peer listeners[MNCSE_BPF_LISTENERS]; /* local ends; address :: any */
	struct mncse_bpf_peer upstream;                       /* the IN; port 0: none */
	__u32 outer_service_min;
	__u64 hello_ns;   /* time between two hellos of a prefix; 0 = no limit */
	__u64 burst_ns;   /* how far a prefix may be ahead */
	__u64 pending_ns; /* how long a valid cookie opens the guard */
	__u64 mask4;      /* over mncse_bpf_prefix.prefix, in its order */
	__u64 mask6;
	__u32 priority[__MNCSE_CLASS_MAX]; /* skb->priority on the way out; 0 = left alone */
	__u8 dscp[__MNCSE_CLASS_MAX];      /* 0 = left alone */
	__u8 rand_lengths[MNCSE_BPF_RAND_LENGTHS /
			  8]; /* outer hop: bit of a record body's length */
	__u32 reserved;
};

struct mncse_bpf_cell {
	__u64 packets, bytes; /* bytes: UDP payload; of FRAGMENT and OTHER the frame */
};

struct mncse_bpf_counters {
	struct mncse_bpf_cell guard[__MNCSE_CLASS_MAX];
	struct mncse_bpf_cell wire[__MNCSE_HOP_MAX][__MNCSE_DIRECTION_MAX][__MNCSE_CLASS_MAX];
	__u64 verdict[__MNCSE_VERDICT_MAX];
	__u64 message[__MNCSE_MESSAGE_MAX];
	__u64 steer[__MNCSE_STEER_MAX];
	__u64 answered_bytes; /* payload of the hellos that were answered */
	__u64 bad_cookie;     /* hellos with one that is wrong or too old: answered as without */
};

struct mncse_bpf_share {
	struct mncse_bpf_cell rand_out, service_in;
};

_Static_assert(sizeof(struct mncse_cookie_input) == 56, "cookie input");
_Static_assert(sizeof(struct mncse_bpf_peer) == 20, "peer");
_Static_assert(sizeof(struct mncse_bpf_session) == 24, "session");
_Static_assert(sizeof(struct mncse_bpf_group) == 8, "group");
_Static_assert(sizeof(struct mncse_bpf_keys) == 32, "keys");
_Static_assert(sizeof(struct mncse_bpf_prefix) == 16, "prefix");
_Static_assert(sizeof(struct mncse_bpf_range) == 20, "range");
_Static_assert(sizeof(struct mncse_bpf_config) == 1032, "config");
_Static_assert(sizeof(struct mncse_bpf_counters) == 16 * 12 * 5 + 8 * (6 + 6 + 3 + 2), "counters");
_Static_assert(sizeof(struct mncse_bpf_share) == 32, "share");

#endif
