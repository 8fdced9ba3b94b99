/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters of a network namespace. rx_datagrams = rx_passed + rx_gso + rx_short + rx_junk + rx_session; every record of a datagram of a
 * session ends in one of rx_opened and rx_drop_*; of those opened, rx_carried went no further. carry_requests = carry_answers +
 * carry_timeouts + carry_interrupted + carry_abandoned + what is open. */
#ifndef MNK_STATS_H
#define MNK_STATS_H

#include <linux/types.h>

struct mnk_net;

#define MNK_COUNTERS(X)                                                                            \
	X(RX_DATAGRAMS, rx_datagrams)                                                              \
	X(RX_BYTES, rx_bytes)                                                                      \
	X(RX_PASSED, rx_passed)   /* as it came: no session, or an epoch without protection */     \
	X(RX_GSO, rx_gso)         /* several datagrams in one: UDP_GRO is of no use here */        \
	X(RX_SHORT, rx_short)     /* no record header */                                           \
	X(RX_JUNK, rx_junk)       /* no DTLS content type */                                       \
	X(RX_SESSION, rx_session) /* of a session */                                               \
	X(RX_OPENED, rx_opened)                                                                    \
	X(RX_DROP_HEADER,                                                                          \
	  rx_drop_header)               /* version, length, or an epoch 0 behind another record */ \
	X(RX_DROP_EPOCH, rx_drop_epoch) /* no key of that epoch */                                 \
	X(RX_DROP_LENGTH, rx_drop_length) /* no room for nonce and tag, or too long */             \
	X(RX_DROP_REPLAY, rx_drop_replay)                                                          \
	X(RX_DROP_AUTH, rx_drop_auth)                                                              \
	X(RX_DROP_LIMIT,                                                                           \
	  rx_drop_limit) /* the key's number of records, or asynchronous records, is used up */    \
	X(RX_DROP_MEMORY, rx_drop_memory)                                                          \
	X(RX_DROP_QUEUE, rx_drop_queue) /* the socket's receive queue is full */                   \
	X(RX_ASYNC, rx_async)           /* opened later: not a drop */                             \
	X(RX_CARRIED, rx_carried)       /* opened, and not userspace's */                          \
	X(TX_RECORDS, tx_records)                                                                  \
	X(TX_BYTES, tx_bytes) /* UDP payload */                                                    \
	X(TX_ASYNC, tx_async) /* sealed later */                                                   \
	X(TX_DROP_SEQUENCE,                                                                        \
	  tx_drop_sequence)         /* end of the sequence space or of the key's records */        \
	X(TX_DROP_KEY, tx_drop_key) /* no key */                                                   \
	X(TX_DROP_ROUTE, tx_drop_route)                                                            \
	X(TX_DROP_QUEUE, tx_drop_queue) /* SO_SNDBUF is full */                                    \
	X(TX_DROP_LIMIT, tx_drop_limit) /* too many asynchronous records */                        \
	X(TX_DROP_MEMORY, tx_drop_memory)                                                          \
	X(TX_DROP_CIPHER, tx_drop_cipher)                                                          \
	X(FANOUTS, fanouts)                                                                        \
	X(CARRY_REQUESTS, carry_requests)         /* sent to the IN */                             \
	X(CARRY_ANSWERS, carry_answers)           /* sent to their devices */                      \
	X(CARRY_DUPLICATES, carry_duplicates)     /* retransmissions, of both hops */              \
	X(CARRY_REPEATS, carry_repeats)           /* requests sent to the IN again */              \
	X(CARRY_ACKNOWLEDGED, carry_acknowledged) /* answers of their own, by the device */        \
	X(CARRY_UNCONFIRMED, carry_unconfirmed)   /* the same, never acknowledged */               \
	X(CARRY_REFUSED, carry_refused)           /* 4.29: too many, or too fast */                \
	X(CARRY_TIMEOUTS, carry_timeouts)         /* 5.04: the IN is silent */                     \
	X(CARRY_INTERRUPTED, carry_interrupted)   /* 5.03: the outer session is gone */            \
	X(CARRY_ABANDONED, carry_abandoned)       /* open when the device's session ended */       \
	X(CARRY_UP_OTHER, carry_up_other)         /* requests that are not ours to carry */        \
	X(CARRY_UP_LIMIT,                                                                          \
	  carry_up_limit) /* no outer session, too many open, too fast, too long */                \
	X(CARRY_UP_MEMORY, carry_up_memory)                                                        \
	X(CARRY_DROP_LATE, carry_drop_late)   /* answers that nobody waits for */                  \
	X(CARRY_DROP_LARGE, carry_drop_large) /* answers that fit no record */                     \
	X(CARRY_DROP_MEMORY, carry_drop_memory)                                                    \
	X(CARRY_UNSENT, carry_unsent) /* messages that did not leave: tx_drop_* says why */        \
	X(EVENTS, events)

enum mnk_counter {
#define X(NAME, name) MNK_##NAME,
	MNK_COUNTERS(X)
#undef X
		__MNK_COUNTERS_MAX,
};

struct mnk_stats {
	u64 value[__MNK_COUNTERS_MAX];
};

void mnk_count_n(struct mnk_net *n, enum mnk_counter c, u64 by);
#define mnk_count(n, c) mnk_count_n(n, c, 1)
u64 mnk_counter_read(struct mnk_net *n, enum mnk_counter c);
const char *mnk_counter_name(enum mnk_counter c);

#endif
