/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
/* What mncse.ko adds to the control protocol of mncse.h: commands and attributes of the generic netlink family "mncse", in the same number
 * space, from 64 on. kmod/mncse.yaml is the same as a netlink spec. Every command needs CAP_NET_ADMIN in the user namespace that owns
 * the network namespace, works on the network namespace of the netlink socket, and refuses what it does not know with an extack text.
 * Keys go in and never come out.
 *
 *   SOCKET_ADD   { FD } -> SOCKET { SOCKET_ID }      takes over a UDP socket of the caller, which goes on with recvmsg and sendmsg on it;
 *                                                    its sessions end with its last descriptor
 *   SOCKET_DEL   { SOCKET_ID }                       gives it back, sessions end
 *   SESSION_ADD  { SESSION_ID SOCKET_ID PEER_ADDR PEER_PORT [LOCAL_ADDR] SUITE KEY [GROUP_ID] [OUTER_ID KID]
 *                  [GENERATION] }
 *   SESSION_SET  { SESSION_ID [GROUP_ID] [OUTER_ID] [KID] [GENERATION] }    another group, outer hop (0: none), or generation
 *   SESSION_DEL  { SESSION_ID } -> SESSION           the state with which userspace can go on
 *   SESSION_GET  { SESSION_ID } -> SESSION; dump: every session
 *       SESSION { SESSION_ID SOCKET_ID PEER_ADDR PEER_PORT [LOCAL_ADDR] SUITE [GROUP_ID] IDLE_MS RX_RECORDS TX_RECORDS
 *                 [OUTER_ID KID GENERATION CARRIED ANSWERED] SLOT* }
 *       SLOT    { KEY_EPOCH KEY_WRITE_SEQUENCE KEY_REPLAY_NEXT KEY_REPLAY_SEEN KEY_RECORDS_MAX }   the first one sends
 *   KEY_SET      { SESSION_ID KEY }                  the new key sends; the old one goes on receiving when its epoch is another
 *   KEY_DEL      { SESSION_ID EPOCH }
 *       KEY     { KEY_EPOCH KEY_WRITE KEY_WRITE_IV KEY_READ KEY_READ_IV [KEY_WRITE_SEQUENCE] [KEY_REPLAY_NEXT KEY_REPLAY_SEEN]
 *                 [KEY_RECORDS_MAX] }
 *   GROUP_ADD    { GROUP_ID }
 *   GROUP_DEL    { GROUP_ID }                        members stay sessions
 *   GROUP_GET    dump -> GROUP { GROUP_ID MEMBERS }
 *   SEND         { SESSION_ID CONTENT PAYLOAD }      one record
 *   FANOUT       { GROUP_ID CONTENT PAYLOAD } -> FANOUT_DONE { SENT FAILED FAILURE* }    a record to every member
 *       FAILURE { FAILURE_SESSION_ID FAILURE_ERROR }     the first MNCSE_KERNEL_FAILURES of them
 *   OUTER_SET    { OUTER_ID [SESSION_ID] [PENDING_MAX] [RATE] [DEVICE_RATE] [MESSAGE_MAX] [MAX_AGE] }   an outer hop, made when there is none;
 *                                                    SESSION_ID is its session to the IN (0: none from now on)
 *   OUTER_DEL    { OUTER_ID }
 *   OUTER_GET    dump -> OUTER { OUTER_ID SESSION_ID PENDING CARRIED ANSWERED PENDING_MAX RATE DEVICE_RATE MESSAGE_MAX MAX_AGE }
 *   LIMITS_GET   -> LIMITS { SESSIONS_MAX GROUPS_MAX INFLIGHT_MAX CARRY_BYTES_MAX FAILURES IDLE_MAX_MS }
 *   LIMITS_SET   { any of them }
 *   STATS_GET    dump -> STAT { NAME VALUE }         as in mncse.h
 *   STATUS_GET   -> STATUS { ROLE("kernel") VERSION UPTIME_MS SESSIONS GROUPS UPSTREAM }     as in mncse.h
 *   LAYERS_GET   dump -> LAYERS { LAYER ACTIVE REASON TEXT }                                 "offload" and "carry"
 *
 * Multicast group "events": EVENT { REASON SESSION_ID EPOCH }, of a reason that repeats at most one a session and second.
 *
 * What a taken socket receives: a record of an epoch without protection, and whatever comes from a peer without a session, arrives as it
 * came. A record of a session arrives opened, a datagram each, as struct mncse_kernel_record and the plaintext. Datagrams that do not
 * begin with a DTLS content type are dropped, so nobody can forge the first octet of that structure.
 *
 * Carrying: a service request (POST with the OSCORE option, no other critical option but Uri-Host and Uri-Port, KID as its kid and GENERATION
 * at the head of its kid context) of a session with OUTER_ID goes to that hop's session, and the answer back, as docs/protocol.md says of a
 * gateway, and no socket receives any of it. GENERATION is the one that userspace has seen the device authenticated in; until it is given,
 * and for all that is not as above, or has no room within the limits, the message is received by the socket, and so are its
 * retransmissions. Of both hops the message IDs from MNCSE_KERNEL_MESSAGE_ID on are the kernel's: userspace uses those below, and on the
 * outer hop what the limits leave of the hop's 1,024 requests and 30,000 a second. The kernel's tokens have 7 bytes. */
#ifndef MNCSE_UAPI_KERNEL_H
#define MNCSE_UAPI_KERNEL_H

#include <linux/types.h>

#include "mncse.h"

#define MNCSE_KERNEL_EVENTS "events"
#define MNCSE_KERNEL_FAILURES 256
#define MNCSE_KERNEL_MAGIC 0x4d
#define MNCSE_KERNEL_MESSAGE_ID 0x1000
#define MNCSE_KERNEL_KID_LEN 7

/* Header of an opened record: as long as the record's header and its explicit nonce. Numbers in network order. */
struct mncse_kernel_record {
	__u8 magic; /* MNCSE_KERNEL_MAGIC */
	__u8 type;  /* enum mncse_content */
	__u8 reserved;
	__be16 epoch;
	__be64 session_id;
	__be64 sequence;
} __attribute__((packed));

_Static_assert(sizeof(struct mncse_kernel_record) == 21, "header and nonce");

enum mncse_kernel_cmd {
	MNCSE_KCMD_SOCKET_ADD = 64,
	MNCSE_KCMD_SOCKET_DEL,
	MNCSE_KCMD_SESSION_ADD,
	MNCSE_KCMD_SESSION_SET,
	MNCSE_KCMD_SESSION_DEL,
	MNCSE_KCMD_SESSION_GET,
	MNCSE_KCMD_KEY_SET,
	MNCSE_KCMD_KEY_DEL,
	MNCSE_KCMD_GROUP_ADD,
	MNCSE_KCMD_GROUP_DEL,
	MNCSE_KCMD_GROUP_GET,
	MNCSE_KCMD_SEND,
	MNCSE_KCMD_FANOUT,
	MNCSE_KCMD_LIMITS_GET,
	MNCSE_KCMD_LIMITS_SET,
	/* answers and events; STATS_GET answers with MNCSE_CMD_STAT */
	MNCSE_KCMD_SOCKET,
	MNCSE_KCMD_SESSION,
	MNCSE_KCMD_GROUP,
	MNCSE_KCMD_FANOUT_DONE,
	MNCSE_KCMD_LIMITS,
	MNCSE_KCMD_EVENT,
	/* outer hops */
	MNCSE_KCMD_OUTER_SET,
	MNCSE_KCMD_OUTER_DEL,
	MNCSE_KCMD_OUTER_GET,
	MNCSE_KCMD_OUTER,
};

/* Numbers in host order unless the type says otherwise. */
enum mncse_kernel_attr {
	MNCSE_KA_FD = 64,    /* u32 */
	MNCSE_KA_SOCKET_ID,  /* u32, from 1, the kernel's */
	MNCSE_KA_SESSION_ID, /* u64, not 0, the caller's */
	MNCSE_KA_PEER_ADDR,  /* binary, 4 or 16 bytes; IPv4 always as 4 */
	MNCSE_KA_PEER_PORT,  /* be16 */
	MNCSE_KA_LOCAL_ADDR, /* binary, 4 or 16 bytes as PEER_ADDR: where the peer sent to, for a socket that is bound to no address */
	MNCSE_KA_SUITE, /* u16: 0x00a8, 0x00aa (AES-128-GCM), 0xc0a8 (AES-128-CCM_8), 0xc0a4 (AES-128-CCM) */
	MNCSE_KA_KEY,          /* nested, enum mncse_kernel_key_attr */
	MNCSE_KA_SLOT,         /* nested, the same, without keys */
	MNCSE_KA_EPOCH,        /* u16 */
	MNCSE_KA_GROUP_ID,     /* u32, from 1, the caller's */
	MNCSE_KA_MEMBERS,      /* u32 */
	MNCSE_KA_IDLE_MS,      /* u64: since the last authenticated record in */
	MNCSE_KA_RX_RECORDS,   /* u64: opened */
	MNCSE_KA_TX_RECORDS,   /* u64: sealed */
	MNCSE_KA_CONTENT,      /* u8: 20 to 23 */
	MNCSE_KA_PAYLOAD,      /* binary, 1 to 16,384 bytes */
	MNCSE_KA_SENT,         /* u32 */
	MNCSE_KA_FAILED,       /* u32 */
	MNCSE_KA_FAILURE,      /* nested, enum mncse_kernel_failure_attr */
	MNCSE_KA_SESSIONS_MAX, /* u32, a network namespace, as all limits */
	MNCSE_KA_GROUPS_MAX,   /* u32 */
	MNCSE_KA_INFLIGHT_MAX, /* u32: records in an asynchronous cipher */
	MNCSE_KA_REASON,       /* u32, enum mncse_kernel_reason */
	MNCSE_KA_PAD,
	MNCSE_KA_OUTER_ID,   /* u32, from 1, the caller's; at most 64 */
	MNCSE_KA_KID,        /* binary, 7 bytes */
	MNCSE_KA_GENERATION, /* u32; 0: nothing is carried */
	MNCSE_KA_CARRIED,    /* u64: requests */
	MNCSE_KA_ANSWERED, /* u64: of an outer hop all, of a session those with a protected 2.04 */
	MNCSE_KA_PENDING,  /* u32: requests that wait for the IN */
	MNCSE_KA_PENDING_MAX,     /* u32 */
	MNCSE_KA_RATE,            /* u32: requests and their repetitions a second */
	MNCSE_KA_DEVICE_RATE,     /* u32: requests a second of one session; 0: any */
	MNCSE_KA_MESSAGE_MAX,     /* u32: bytes of a message to the IN */
	MNCSE_KA_MAX_AGE,         /* u32: seconds, of the 5.03 when the session to the IN is lost */
	MNCSE_KA_CARRY_BYTES_MAX, /* u32: memory of what is carried or remembered */
	MNCSE_KA_FAILURES, /* u32, from 1: an event tells when a session had that many failures in a second */
	MNCSE_KA_IDLE_MAX_MS, /* u32: an event tells when a session was idle for so long; 0: none does */
	__MNCSE_KA_MAX,
};
#define MNCSE_KA_MAX (__MNCSE_KA_MAX - 1)

enum mncse_kernel_key_attr {
	MNCSE_KEY_UNSPEC,
	MNCSE_KEY_EPOCH,          /* u16, not 0 */
	MNCSE_KEY_WRITE,          /* binary, 16 bytes */
	MNCSE_KEY_WRITE_IV,       /* binary, 4 bytes: implicit part of the nonce */
	MNCSE_KEY_READ,           /* binary, 16 bytes */
	MNCSE_KEY_READ_IV,        /* binary, 4 bytes */
	MNCSE_KEY_WRITE_SEQUENCE, /* u64: next to use; 0 when absent */
	MNCSE_KEY_REPLAY_NEXT,    /* u64: highest seen + 1; 0 when absent */
	MNCSE_KEY_REPLAY_SEEN,    /* u64: bit i: next - 1 - i was seen */
	MNCSE_KEY_RECORDS_MAX, /* u64: how many records the key may seal, and how many open; 2^48 when absent */
	MNCSE_KEY_PAD,
	__MNCSE_KEY_MAX,
};
#define MNCSE_KEY_MAX (__MNCSE_KEY_MAX - 1)

enum mncse_kernel_failure_attr {
	MNCSE_FAILURE_UNSPEC,
	MNCSE_FAILURE_SESSION_ID, /* u64 */
	MNCSE_FAILURE_ERROR,      /* s32, -errno */
	MNCSE_FAILURE_PAD,
	__MNCSE_FAILURE_MAX,
};
#define MNCSE_FAILURE_MAX (__MNCSE_FAILURE_MAX - 1)

enum mncse_kernel_reason {
	MNCSE_REASON_UNSPEC,
	MNCSE_REASON_SEQUENCE, /* seven eighths of the key's records or sequence numbers are used, or all */
	MNCSE_REASON_AUTH,   /* FAILURES records in a second did not authenticate */
	MNCSE_REASON_REPLAY, /* the same of records seen before, or too old to tell */
	MNCSE_REASON_CLOSED, /* the session ended with its socket */
	MNCSE_REASON_IDLE, /* nothing came for IDLE_MAX_MS; again when something came and it is idle once more */
	MNCSE_REASON_OUTER_LOST, /* the session was an outer hop's, and ended */
	MNCSE_REASON_CONTEXT, /* the IN does not know the device's context: it wants the Rand again */
	__MNCSE_REASON_MAX,
};

#endif
