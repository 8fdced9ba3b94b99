/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers to a device's requests, and their cache for duplicate detection (RFC 7252 4.5): the 16 most recent exchanges of
 * a device, for EXCHANGE_LIFETIME, within a bound of bytes for all devices together. */
#ifndef MND_REPLY_H
#define MND_REPLY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "core/coap.h"
#include "loop/loop.h"
#include "buffer.h"

#define MND_EXCHANGE_LIFETIME_MS 247000
#define MND_REPLIES_A_DEVICE 16       /* as many as requests of a device may be open */
#define MND_REPLIES_BYTES (64u << 20) /* all devices together; the oldest go first */

struct mnd_device;

/* What an answer needs to know of its request. */
struct mnd_origin {
	bool con;
	bool acked; /* the empty ACK is out: the answer is a CON of its own (5.2.2) */
	uint16_t id;
	struct mn_coap_token token;
};

struct mnd_origin mnd_origin_of(const struct mn_coap *request);

struct mnd_reply {
	TAILQ_ENTRY(mnd_reply) fifo; /* all devices, oldest first */
	TAILQ_ENTRY(mnd_reply) mine; /* of one device, oldest first */
	struct mnd_device *device;
	struct mnd_buffer bytes; /* none: a duplicate gets an empty ACK (con) or nothing */
	uint64_t until_ms;
	uint16_t id;
	bool con;
};

TAILQ_HEAD(mnd_reply_list, mnd_reply);

struct mnd_replies {
	struct mn_pool pool;
	struct mnd_buffers *buffers;
	struct mnd_reply_list fifo;
	struct mn_loop *loop;
	struct mn_timer sweep;
};

void mnd_replies_init(struct mnd_replies *c, struct mn_loop *l, struct mnd_buffers *b);
void mnd_replies_fini(struct mnd_replies *c);
/* Forgets all of a device. */
void mnd_replies_drop(struct mnd_replies *c, struct mnd_device *d);
/* When id is one of the device's recent exchanges: sends its answer again and returns true. */
bool mnd_replies_repeat(struct mnd_replies *c, struct mnd_device *d, uint16_t id);

/* Begins an answer: ACK with the request's ID, or CON or NON with an ID of its own; the request's token. */
void mnd_reply_begin(struct mnd_device *d, const struct mnd_origin *o, uint8_t code,
		     struct mn_coap_writer *w, uint8_t *buf, size_t max);
/* Sends and remembers it. An error (as mn_session_send's) means that nothing was sent and nothing remembered; an ACK that could
 * not be sent is remembered all the same and 0: the device's retransmission fetches it. */
int mnd_reply_send(struct mnd_device *d, const struct mnd_origin *o, struct mn_coap_writer *w);
/* Sends without remembering: for an answer that is made anew when the request comes again (4.5 allows it where that has no effect). */
int mnd_reply_send_fresh(struct mnd_device *d, const struct mnd_origin *o,
			 struct mn_coap_writer *w);
/* The empty ACK of a slow request: sets o->acked. */
void mnd_reply_ack(struct mnd_device *d, struct mnd_origin *o);
/* A whole answer of the gateway's own: code, Max-Age (seconds, < 0 = none) and a diagnostic text (NULL = none). */
int mnd_reply_text(struct mnd_device *d, const struct mnd_origin *o, uint8_t code, int max_age,
		   const char *text);

#endif
