/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Offers the current Rand to devices: CON POST /gsa, or a CON notification while the device observes /gsa. Paced, so that a
 * large group does not exhaust the send buffers. */
#ifndef MND_FANOUT_H
#define MND_FANOUT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "core/coap.h"
#include "loop/loop.h"

#define MND_FANOUT_BATCH 256 /* offers a loop iteration */
#define MND_REOFFER_MS 30000 /* a Rand is offered again at most that often */

struct mnd_device;
struct mnd_gateway;
struct mnd_group;

struct mnd_fanout {
	struct mnd_gateway *gateway;
	TAILQ_HEAD(, mnd_device) queue, later; /* later: postponed offers of mnd_fanout_again */
	struct mn_defer defer;
	struct mn_timer retry, later_timer;
	uint64_t began_us; /* of a fan-out to a group under way, 0 = none */
	uint64_t
		span_us; /* of the last one: from the rand-message to the last first transmission handed to the kernel */
	bool handed_over; /* the queue is empty and the loop has submitted since */
};

void mnd_fanout_init(struct mnd_fanout *f, struct mnd_gateway *g);
void mnd_fanout_fini(struct mnd_fanout *f);
/* Queues an offer of the group's current Rand; nothing when there is none yet. */
void mnd_fanout_device(struct mnd_fanout *f, struct mnd_device *d);
/* A new generation: all connected devices of the group, whatever they were offered before. */
void mnd_fanout_group(struct mnd_fanout *f, struct mnd_group *group);
/* An answer of the IN says that the device has no context there: offered again, at most once in 30 s;
 * sooner than that it is postponed until they are over. */
void mnd_fanout_again(struct mnd_fanout *f, struct mnd_device *d);
/* The device has spoken: a rand_unconfirmed one is offered the Rand again. */
void mnd_fanout_heard(struct mnd_fanout *f, struct mnd_device *d);
/* The device has the current Rand, by what it sent (a service request of the generation, GET /gsa): ends the offer. */
void mnd_fanout_taken(struct mnd_fanout *f, struct mnd_device *d);
/* A response of the device with a token of ours: true when it answers the offer (a separate response, RFC 7252 5.2.2). */
bool mnd_fanout_response(struct mnd_fanout *f, struct mnd_device *d, const struct mn_coap *msg);
/* Takes the device out of the queue and stops its offer, without any further effect. */
void mnd_fanout_stop(struct mnd_fanout *f, struct mnd_device *d);

#endif
