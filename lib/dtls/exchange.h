/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Outgoing confirmable CoAP messages over a session (RFC 7252 4.2, 4.4, 4.7), and the message IDs of both directions.
 * A struct mn_messenger is embedded in whatever owns a session. */
#ifndef MN_DTLS_EXCHANGE_H
#define MN_DTLS_EXCHANGE_H

#include <stdint.h>

#include "core/coap.h"
#include "dtls/endpoint.h"

#define MN_ACK_TIMEOUT_MS 2000 /* times 1.0 to 1.5, doubled MN_MAX_RETRANSMIT times */
#define MN_MAX_RETRANSMIT 4

enum mn_outcome {
	MN_OUTCOME_ACK, /* empty ACK or ACK with the response (msg is the message) */
	MN_OUTCOME_RST,
	MN_OUTCOME_TIMEOUT, /* retransmissions ended */
	MN_OUTCOME_CLOSED,  /* the session went first, or the exchange was cancelled by fini */
};

struct mn_messenger;
/* msg: NULL but for ACK and RST. */
typedef void mn_exchange_fn(void *arg, struct mn_messenger *m, enum mn_outcome outcome,
			    const struct mn_coap *msg);

struct mn_exchange;
struct mn_messenger {
	struct mn_session *session;
	struct mn_exchange *pending; /* confirmable messages not yet acknowledged */
	uint16_t next_id;
};

/* next_id starts at random. */
void mn_messenger_init(struct mn_messenger *m, struct mn_session *s);
/* Cancels what is pending (callbacks with MN_OUTCOME_CLOSED). Call it in closed(). */
void mn_messenger_fini(struct mn_messenger *m);
uint16_t mn_messenger_id(struct mn_messenger *m);

/* Sends a CON message (whole bytes; its message ID was taken by mn_messenger_id) and repeats it until ACK, RST or the end of the
 * retransmissions. The bytes are copied. fn may be NULL. Returns 0, -ENOMEM, or as mn_session_send (then fn is not called). */
int mn_exchange_send(struct mn_messenger *m, const uint8_t *data, size_t len, mn_exchange_fn *fn,
		     void *arg);
/* Gives an incoming ACK or RST to the exchange it answers. Returns true when there was one. A separate response (CON or NON with
 * the request's token) is the caller's; it may stop retransmission by mn_exchange_stop. */
bool mn_exchange_input(struct mn_messenger *m, const struct mn_coap *msg);
/* Ends the exchange of that message ID without a callback. */
void mn_exchange_stop(struct mn_messenger *m, uint16_t id);

/* CoAP ping: empty CON, answered by RST. fn gets MN_OUTCOME_RST when the peer is there. */
int mn_exchange_ping(struct mn_messenger *m, mn_exchange_fn *fn, void *arg);

/* Duplicate detection of incoming messages (4.5) for sessions that need no stored answers: a ring of the last n message IDs. */
struct mn_dedup {
	uint16_t ids[16];
	uint8_t count, at;
};
/* true when id was among the last 16; remembers it otherwise. */
bool mn_dedup_seen(struct mn_dedup *d, uint16_t id);

#endif
