/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The carry path: service requests of devices go to the IN, and its answers back, without waking anybody (docs/protocol.md "Service request",
 * Gateway; daemon/relay.c is the same in userspace). Carried is what is plain: a request of the device's own kid and of the generation that
 * it was authenticated in, on a session with a hop that has room. All else goes up, and so do its retransmissions. */
#ifndef MNK_CARRY_H
#define MNK_CARRY_H

#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

struct mnk_net;
struct mnk_session;

/* Of a namespace. lock guards all of carry, outers' and clients' state and what exchange.h declares; taken with bottom halves off, inside
 * net->lock; nothing is sent with it held. */
struct mnk_carry {
	spinlock_t lock;
	struct list_head
		exchanges; /* all that are open, in the order in which the sweep looks at them */
	struct list_head replies;
	DECLARE_HASHTABLE(tokens, 10);
	u64 serial; /* of the last token */
	u64 bytes;  /* of exchanges, replies and messages */
	u32 n_exchanges, n_replies;
	struct delayed_work sweep;
	bool soon; /* the sweep comes in PERIOD, else when replies are old */
};

void mnk_carry_init(struct mnk_net *n);
/* No session is left. Sleeps. */
void mnk_carry_fini(struct mnk_net *n);
/* carry.lock: the sweep comes at once. */
void mnk_carry_kick(struct mnk_net *n);
/* carry.lock: there is something that it has to look after. */
void mnk_carry_attend(struct mnk_net *n);

/* An authenticated message of the session. true: it is done with; false: it goes up. Bottom halves off, under RCU. */
bool mnk_carry_receive(struct mnk_session *s, const u8 *data, unsigned int len);

/* carry.c, for the sweep as well. */
struct mnk_coap;
struct mnk_message;
struct mnk_origin;
/* carry.lock. An answer's type, ID and token. */
void mnk_carry_begin(struct mnk_session *s, const struct mnk_origin *o, struct mnk_coap *m);
/* carry.lock. The answer was sent (err: it was not): remembers it for duplicates, or has it confirmed. false: it has to be made again. */
bool mnk_carry_sent(struct mnk_session *s, const struct mnk_origin *o, struct mnk_message *m,
		    int err);
/* Bottom halves off, under RCU. Whole small messages. */
void mnk_carry_send_empty(struct mnk_session *s, u8 type, u16 id);
int mnk_carry_send(struct mnk_session *s, const struct mnk_message *m);

#endif
