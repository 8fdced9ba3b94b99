/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Service requests on their way from devices to the IN and back (docs/protocol.md "Service request", Gateway): tokens and
 * message IDs of the outer hop, repeats, time-outs, and the limits of that hop with a queue in front of them. */
#ifndef MND_RELAY_H
#define MND_RELAY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "core/coap.h"
#include "loop/loop.h"
#include "buffer.h"
#include "reply.h"

#define MND_ACK_AFTER_MS 1000
#define MND_GIVE_UP_MS 30000
#define MND_WAITING_MAX 65536 /* requests that wait for the limits */
#define MND_OPEN_A_DEVICE 16  /* as many as a device may have open (docs/protocol.md "RQIs") */
/* The outer hop's message IDs may come round after 2 s: never more than 30,000 in any one second. */
#define MND_OUTER_RATE 29000
#define MND_OUTER_BURST 1000

struct mnd_device;
struct mnd_gateway;
struct mnd_parcel;

struct mnd_request {
	struct mn_timer timer;
	struct mnd_relay *relay;
	struct mnd_device *device;     /* NULL: at another worker, whose parcel this is */
	struct mnd_parcel *parcel;     /* with a device: on its way to worker 0 */
	TAILQ_ENTRY(mnd_request) link; /* all that are open */
	TAILQ_ENTRY(mnd_request) wait; /* those without a slot */
	LIST_ENTRY(mnd_request) mine;  /* of the device */
	struct mnd_buffer bytes;       /* the outer message; ID and token are set when it is sent */
	uint64_t arrived_ms, sent_ms;
	struct mnd_origin origin;
	uint32_t generation; /* of the kid context; valid with has_generation */
	int slot;            /* < 0: none */
	bool waits;          /* for one */
	uint8_t repeats;
	bool has_generation;
};

struct mnd_relay_slot {
	struct mnd_request *request; /* NULL = free */
	uint32_t serial;             /* of the token; counts */
	int next_free;
};

struct mnd_relay {
	struct mnd_gateway *gateway;
	struct mn_pool pool;
	TAILQ_HEAD(, mnd_request) all, waiting;
	struct mnd_relay_slot *slots; /* MND_PENDING_MAX; worker 0 */
	int free_slot;
	uint32_t n_open, n_pending, n_waiting;
	uint32_t credit; /* sends allowed now */
	uint64_t credit_ms;
	struct mn_timer pump;
};

int mnd_relay_init(struct mnd_relay *r, struct mnd_gateway *g);
/* No device is left. */
void mnd_relay_fini(struct mnd_relay *r);

/* Takes a checked request: option is the OSCORE option's value, unchanged as the payload is. Answers it itself when it cannot be
 * carried (4.13, 4.29, 5.03). true: it is on its way. */
bool mnd_relay_submit(struct mnd_relay *r, struct mnd_device *d, const struct mn_coap *msg,
		      const struct mn_coap_option *option, const uint32_t *generation);
/* The open request of the device with that message ID (a duplicate gets the empty ACK), NULL when there is none. */
struct mnd_request *mnd_relay_find(struct mnd_device *d, uint16_t id);
/* A response of the IN. false: its token is nobody's. */
bool mnd_relay_answer(struct mnd_relay *r, const struct mn_coap *msg);
/* The session to the IN is gone: everything open is answered 5.03, so that the devices send the same bytes again. */
void mnd_relay_interrupt(struct mnd_relay *r);
/* Worker 0: a request of another worker has come; its parcel goes home when it is answered. */
void mnd_relay_take(struct mnd_relay *r, struct mnd_parcel *p);
/* Elsewhere: it is home again, and its request still open. */
void mnd_relay_home(struct mnd_relay *r, struct mnd_parcel *p);
/* Forgets what is open of a device whose session is gone. */
void mnd_relay_drop(struct mnd_relay *r, struct mnd_device *d);

#endif
