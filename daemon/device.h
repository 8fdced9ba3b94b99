/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connected device: its session's CoAP state, where it stands with the group's current Rand, and what it observes. One for
 * each open inner session; found by mn_session_user(). */
#ifndef MND_DEVICE_H
#define MND_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "dtls/exchange.h"
#include "relay.h"
#include "reply.h"

struct mnd_credential;
struct mnd_gateway;
struct mnd_group;

/* Where the device stands with the current generation of its group:
 *
 *   connected --offer--> rand_sent --2.04 / service request--> confirmed --answer of the IN--> authenticated
 *                          |   ^
 *                  time-out|   |offer
 *                          v   |
 *                     rand_unconfirmed
 *
 * A new generation, and a device that declines the Rand, lead back to connected. */
enum mnd_state {
	MND_CONNECTED,
	MND_RAND_SENT,
	MND_RAND_UNCONFIRMED,
	MND_CONFIRMED,
	MND_AUTHENTICATED,
};

/* Rand on its way to this device (fanout.c). */
struct mnd_offer {
	TAILQ_ENTRY(mnd_device) link; /* in the fan-out's queue, or among its postponed */
	uint32_t at_ms;               /* of the last one sent; low bits of the loop's time */
	uint32_t again_ms;   /* of the last one that an answer of the IN caused, 0 = none */
	uint32_t generation; /* last one sent in this session */
	uint16_t id;         /* message ID of the open exchange */
	uint16_t serial;     /* its token; counts */
	bool queued, postponed, open;
	bool sent;     /* generation is valid */
	bool declined; /* 4.xx or RST: not offered again in this generation */
	bool separate; /* empty ACK came, the answer has not */
};

struct mnd_device {
	struct mnd_gateway *gateway;
	struct mnd_credential *credential;
	struct mn_messenger messenger; /* has the session */
	TAILQ_ENTRY(mnd_device) link;  /* its group's connected */
	struct mnd_offer offer;
	LIST_HEAD(, mnd_request) requests; /* open service requests */
	struct mnd_reply_list replies;
	uint32_t n_requests, n_answers;
	uint32_t rate_ms; /* limits.rate: when credit was last added; low bits of the loop's time */
	uint32_t rate_credit; /* thousandths of a request */
	uint64_t tag;         /* of this session among those of all workers, 0 with one (crew.h) */
	uint32_t observe_seq;
	struct mn_coap_token observe_token;
	uint8_t state : 7; /* enum mnd_state */
	bool observes : 1;
	uint8_t n_replies, n_open;
};

const char *mnd_state_name(enum mnd_state s);
/* The only place that changes d->state; a transition outside the picture above is a bug: logged and not made. */
void mnd_device_set_state(struct mnd_device *d, enum mnd_state next);
struct mnd_group *mnd_device_group(const struct mnd_device *d);

/* The endpoint's callbacks of an inner session. open: -ENOMEM or -EACCES (credential removed meanwhile). */
int mnd_device_open(struct mnd_gateway *g, struct mn_session *s);
void mnd_device_input(struct mnd_device *d, const uint8_t *data, size_t len);
void mnd_device_close(struct mnd_device *d);

#endif
