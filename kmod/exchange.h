/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is open and what is remembered of carried messages (RFC 7252 4.2, 4.5): exchanges and answers, each with its bytes.
 *
 *	 request of a device              the IN's answer
 *	--------------------> WAITS ---------------------> gone, remembered as a reply for its retransmissions
 *	                        |  after the empty ACK
 *	                        +------------------------> CONFIRMS, until the device acknowledges
 *
 * Everything here is under carry.lock, bottom halves off. */
#ifndef MNK_EXCHANGE_H
#define MNK_EXCHANGE_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "coap.h"

struct mnk_client;
struct mnk_net;
struct mnk_outer;
struct mnk_session;

/* Bytes that are sent more than once. Immutable. */
struct mnk_message {
	struct mnk_net *net; /* whose carry.bytes it is counted in */
	refcount_t ref;
	u32 len;
	u8 data[];
};
/* The oldest replies go when CARRY_BYTES_MAX is reached. NULL: no memory, or nothing left to go. */
struct mnk_message *mnk_message_new(struct mnk_net *n, const struct mnk_coap *m);
struct mnk_message *mnk_message_get(struct mnk_message *m);
void mnk_message_put(struct mnk_message *m); /* may be NULL */

/* Of a device's request, what its answer needs. */
struct mnk_origin {
	u16 id;
	bool con;
	bool acked; /* the empty ACK is out: the answer is a CON of its own (5.2.2) */
	u8 token_len;
	u8 token[MNK_COAP_TOKEN_MAX];
};

enum mnk_exchange_state {
	MNK_WAITS,     /* for the IN */
	MNK_ANSWERING, /* its answer is being sent, without the lock */
	MNK_CONFIRMS,  /* a CON of ours waits for the device's ACK */
	MNK_ENDED,     /* in no list */
};

struct mnk_exchange {
	struct list_head all;        /* carry.exchanges */
	struct list_head mine;       /* client->open or client->confirms */
	struct hlist_node by_token;  /* carry.tokens, but for MNK_CONFIRMS */
	struct mnk_session *session; /* the device's; a reference */
	struct mnk_outer *outer;     /* a reference; NULL in MNK_CONFIRMS */
	struct mnk_message *message; /* the request as it goes to the IN, or the CON */
	u64 serial;                  /* of the token */
	u32 life;                    /* of the outer session that it was sent on */
	unsigned long arrived;       /* jiffies */
	unsigned long due;           /* MNK_CONFIRMS: the next repetition */
	unsigned long interval;      /* MNK_CONFIRMS */
	struct mnk_origin origin;
	u16 own_id; /* MNK_CONFIRMS */
	u8 state;
	u8 repeats;
	refcount_t ref;
};

/* Takes a reference of the session and of outer (which may be NULL), and the message. In no list yet. NULL: no memory (then the message is
 * still the caller's), or the session ends. */
struct mnk_exchange *mnk_exchange_new(struct mnk_session *s, struct mnk_outer *outer,
				      struct mnk_message *m);
void mnk_exchange_put(struct mnk_exchange *e);
/* Into the lists, which hold the first reference; a token for an MNK_WAITS. */
void mnk_exchange_begin(struct mnk_exchange *e, struct mnk_client *c);
/* Out of them. */
void mnk_exchange_end(struct mnk_exchange *e);

/* A token of ours; false: it is none. */
#define MNK_TOKEN_LEN 7
void mnk_token_write(u64 serial, u8 token[MNK_COAP_TOKEN_MAX]);
bool mnk_token_read(const struct mnk_coap *m, u64 *serial);
struct mnk_exchange *mnk_exchange_find(struct mnk_net *n, u64 serial);

/* An exchange of the last 247 s that is over. */
struct mnk_reply {
	struct list_head fifo; /* carry.replies, oldest first */
	struct list_head mine; /* client->replies, oldest first */
	struct mnk_client *client;
	struct mnk_net *net;
	struct mnk_message *message; /* NULL: a duplicate gets an empty ACK (con) or nothing */
	unsigned long until;
	u16 id;
	bool con;
	bool up; /* it is userspace's, and so are its duplicates */
};
/* Takes a reference of the message (NULL: none). Without memory nothing is remembered: OSCORE's replay window refuses the duplicate. */
void mnk_reply_remember(struct mnk_net *n, struct mnk_client *c, const struct mnk_origin *o,
			struct mnk_message *m, bool up);
struct mnk_reply *mnk_reply_find(struct mnk_client *c, u16 id);
void mnk_reply_forget(struct mnk_reply *r);

#endif
