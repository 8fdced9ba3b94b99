/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The outer hop: one authenticated DTLS session to the IN, kept alive and made anew (docs/protocol.md "Outer authentication"). */
#ifndef MND_UPSTREAM_H
#define MND_UPSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/coap.h"
#include "core/identity.h"
#include "dtls/endpoint.h"
#include "dtls/exchange.h"
#include "loop/loop.h"

#define MND_KEEPALIVE_MS 15000
#define MND_KEEPALIVE_LOST 3
#define MND_BACKOFF_MIN_MS 1000
#define MND_BACKOFF_MAX_MS 60000
#define MND_CONNECT_MS 10000 /* a handshake that the IN does not answer */

struct mnd_gateway;

enum mnd_upstream_state { MND_UPSTREAM_DOWN, MND_UPSTREAM_CONNECTING, MND_UPSTREAM_UP };

/* An answered message of the IN, for its retransmissions (RFC 7252 4.5). */
struct mnd_upstream_answer {
	uint64_t until_ms;
	uint16_t id;
	uint8_t code; /* of the ACK; MN_COAP_EMPTY: a response that was acknowledged */
	bool open;    /* the ACK has not left yet */
};

/* A rand-message that was taken; its 2.04 leaves when it is durable. */
struct mnd_upstream_ack {
	bool con;
	uint16_t id;
	struct mn_coap_token token;
};

enum { MND_UPSTREAM_ANSWERS = 64, MND_UPSTREAM_ACKS = 32 };

/* Worker 0's. The other workers have state, retry_at_ms and address as they were told (tell.h), and nothing else. */
struct mnd_upstream {
	struct mnd_gateway *gateway;
	struct mn_endpoint *endpoint;
	struct mn_session *session; /* connecting or up */
	struct mn_messenger messenger;
	enum mnd_upstream_state state;
	uint64_t since_ms, retry_at_ms;
	uint32_t backoff_ms;
	uint32_t key_slot;
	uint8_t key_len;
	uint8_t pings_lost;
	bool stopped;      /* draining: no new session */
	bool renew;        /* closed on purpose: the next session is made at once */
	bool hint_refused; /* of this handshake, for the log */
	struct mn_timer retry, keepalive;
	struct mn_defer commit;
	union mn_addr address;
	char kpsa_id[MN_KPSA_ID_MAX + 1];
	char in_id[MN_GATEWAY_ID_MAX + 1];
	struct mnd_upstream_answer answers[MND_UPSTREAM_ANSWERS];
	struct mnd_upstream_ack acks[MND_UPSTREAM_ACKS];
	unsigned int answers_at, n_acks;
};

/* Makes the endpoint; nothing is sent yet. */
int mnd_upstream_init(struct mnd_upstream *u, struct mnd_gateway *g);
void mnd_upstream_fini(struct mnd_upstream *u);
/* Takes address, IN's ID and Kpsami from the settings and the store, and connects when they have changed. -ENOENT: the store has no
 * credential for that IN; then nothing changes and err says so. */
int mnd_upstream_configure(struct mnd_upstream *u, const char *address, const char *in_id,
			   char err[256]);
/* Ends the session for good (draining). */
void mnd_upstream_stop(struct mnd_upstream *u);
/* Ends the session and makes a new one: the IN then sends the rand-messages of all groups. */
void mnd_upstream_refresh(struct mnd_upstream *u);
const char *mnd_upstream_state_name(enum mnd_upstream_state s);
/* Max-Age in seconds for a 5.03: until the next attempt at least. */
int mnd_upstream_max_age(struct mnd_upstream *u);
/* Sends a message on the session. -ENOTCONN when it is not up, else as mn_session_send. */
int mnd_upstream_send(struct mnd_upstream *u, const void *data, size_t len);

/* upstream_gsa.c: a request of the IN: POST /gsa, and the errors for all else. */
void mnd_upstream_request(struct mnd_upstream *u, const struct mn_coap *msg);
/* Sends the ACK again when that CON was seen before: true. Else remembers it as open. */
bool mnd_upstream_seen(struct mnd_upstream *u, const struct mn_coap *msg);
/* Acknowledges a CON with code (MN_COAP_EMPTY for a response), or answers a NON request. */
void mnd_upstream_acknowledge(struct mnd_upstream *u, const struct mnd_upstream_ack *to,
			      uint8_t code);
/* Deferred: makes the taken rand-messages durable, then acknowledges them. */
void mnd_upstream_commit(struct mn_defer *d);

#endif
