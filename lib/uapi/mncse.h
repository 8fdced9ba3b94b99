/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
/* The control protocol: generic netlink messages, spoken by mncsed and incsed each on a SOCK_SEQPACKET unix socket
 * (nlmsg_type MNCSE_UNIX_TYPE, a genlmsghdr with cmd and version) and, same commands and attributes, by the kernel module.
 * Every request has NLM_F_REQUEST; a dump ends in NLMSG_DONE; anything else in NLMSG_ERROR (0 = ACK) with
 * NLMSGERR_ATTR_MSG text when it failed.
 *
 *   STATUS_GET    -> STATUS { ROLE NAME(own entity ID) VERSION PID UPTIME_MS SESSIONS HALF_OPEN DEVICES GROUPS UPSTREAM
 *                             UPSTREAM_ADDR UPSTREAM_SINCE_MS RSS_BYTES CPU_US STORE LISTEN* }
 *   LAYERS_GET    -> LAYERS (dump) { LAYER ACTIVE REASON TEXT }
 *   SESSION_GET   (dump; filter by GROUP, ENTITY, ADDRESS, STATE) -> SESSION { SESSION_ID ENTITY GROUP ADDRESS STATE SUITE AGE_MS
 *                             IDLE_MS HANDSHAKE_US GENERATION REQUESTS ANSWERS }
 *   GROUP_GET     (dump) -> GROUP { GROUP GATEWAY GENERATION MEMBERS CONNECTED CONFIRMED AUTHENTICATED SINCE }
 *   DEVICE_GET    (dump) -> DEVICE { ENTITY GROUP GATEWAY KPSA_ID STATE GENERATION }
 *   STATS_GET     (dump) -> STAT { NAME VALUE }      one a counter, names stable, "hop.thing_unit"
 *   CONFIG_GET    -> CONFIG { TEXT }                 the configuration in force as YAML, secrets never in it
 *   REKEY         { GROUP [GATEWAY] } -> ACK, or GROUP with the new GENERATION (at incsed; mncsed asks its IN: -EOPNOTSUPP text)
 *   EVICT         { ENTITY } or { SESSION_ID }       closes the session, -ENOENT
 *   DEVICE_ADD    { ENTITY GROUP KPSA_ID KEY KID?(gateway) GATEWAY(in) USE(in) }   persistent, at once
 *   DEVICE_DEL    { ENTITY }
 *   RELOAD        -> ACK or the error text of the configuration (nothing changed then)
 */
#ifndef MNCSE_UAPI_H
#define MNCSE_UAPI_H

#define MNCSE_GENL_NAME "mncse"
#define MNCSE_GENL_VERSION 1
#define MNCSE_UNIX_TYPE 0x20

enum mncse_cmd {
	MNCSE_CMD_UNSPEC,
	MNCSE_CMD_STATUS_GET,
	MNCSE_CMD_LAYERS_GET,
	MNCSE_CMD_SESSION_GET,
	MNCSE_CMD_GROUP_GET,
	MNCSE_CMD_DEVICE_GET,
	MNCSE_CMD_STATS_GET,
	MNCSE_CMD_CONFIG_GET,
	MNCSE_CMD_REKEY,
	MNCSE_CMD_EVICT,
	MNCSE_CMD_DEVICE_ADD,
	MNCSE_CMD_DEVICE_DEL,
	MNCSE_CMD_RELOAD,
	/* answers */
	MNCSE_CMD_STATUS,
	MNCSE_CMD_LAYERS,
	MNCSE_CMD_SESSION,
	MNCSE_CMD_GROUP,
	MNCSE_CMD_DEVICE,
	MNCSE_CMD_STAT,
	MNCSE_CMD_CONFIG,
	__MNCSE_CMD_MAX,
};

/* Strings are terminated (NLA_NUL_STRING), numbers in host order. */
enum mncse_attr {
	MNCSE_A_UNSPEC,
	MNCSE_A_ROLE,              /* string: "gateway" | "in" */
	MNCSE_A_NAME,              /* string */
	MNCSE_A_VERSION,           /* string */
	MNCSE_A_PID,               /* u32 */
	MNCSE_A_UPTIME_MS,         /* u64 */
	MNCSE_A_SESSIONS,          /* u64 */
	MNCSE_A_HALF_OPEN,         /* u64 */
	MNCSE_A_DEVICES,           /* u64 */
	MNCSE_A_GROUPS,            /* u32 */
	MNCSE_A_UPSTREAM,          /* string: "up" | "connecting" | "down" */
	MNCSE_A_UPSTREAM_ADDR,     /* string */
	MNCSE_A_UPSTREAM_SINCE_MS, /* u64: for how long in that state */
	MNCSE_A_RSS_BYTES,         /* u64 */
	MNCSE_A_CPU_US,            /* u64, user + system */
	MNCSE_A_STORE,             /* string: path */
	MNCSE_A_LISTEN,            /* string, one a listener */
	MNCSE_A_LAYER,             /* string: control | data | classify | offload */
	MNCSE_A_ACTIVE,            /* u8: 0 | 1 */
	MNCSE_A_REASON,            /* string: why not active; absent when active */
	MNCSE_A_SESSION_ID,        /* u64 */
	MNCSE_A_ENTITY,            /* string: entity ID */
	MNCSE_A_GROUP,             /* string */
	MNCSE_A_GATEWAY,           /* string: gateway's entity ID */
	MNCSE_A_ADDRESS,           /* string: "192.0.2.1:5684"; as a filter also without port */
	MNCSE_A_STATE, /* string: connected | rand_sent | rand_unconfirmed | confirmed | authenticated | offline */
	MNCSE_A_SUITE,        /* string: IANA name */
	MNCSE_A_AGE_MS,       /* u64 */
	MNCSE_A_IDLE_MS,      /* u64 */
	MNCSE_A_HANDSHAKE_US, /* u32 */
	MNCSE_A_GENERATION,   /* u32 */
	MNCSE_A_REQUESTS,     /* u64: service requests */
	MNCSE_A_ANSWERS,      /* u64 */
	MNCSE_A_MEMBERS,      /* u64 */
	MNCSE_A_CONNECTED,    /* u64 */
	MNCSE_A_CONFIRMED,    /* u64: took the current Rand */
	MNCSE_A_AUTHENTICATED, /* u64: sent a service request of this generation that was answered under it */
	MNCSE_A_SINCE,   /* u64: Unix seconds of the generation */
	MNCSE_A_KPSA_ID, /* string */
	MNCSE_A_KEY,     /* binary, requests only */
	MNCSE_A_KID,     /* binary, 7 bytes */
	MNCSE_A_USE,     /* string: "group" | "direct" */
	MNCSE_A_VALUE,   /* u64 */
	MNCSE_A_TEXT,    /* string */
	__MNCSE_A_MAX,
};
#define MNCSE_A_MAX (__MNCSE_A_MAX - 1)

#endif
