/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages between two workers, from the sender's own store of them: a service request on its way to worker 0 and back with its
 * answer, or word of a replaced session. A parcel always comes home; nothing is allocated for one but when more are under way than
 * ever before. */
#ifndef MND_PARCEL_H
#define MND_PARCEL_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/worker.h"
#include "buffer.h"

#define MND_PARCELS_MAX 16384 /* service requests of one worker under way */

struct mnd_gateway;
struct mnd_request;

enum mnd_parcel_kind {
	MND_PARCEL_REQUEST, /* data: the outer message; comes back with the answer */
	MND_PARCEL_LOST,    /* data: entity ID of a device whose session `tag` is replaced */
};

struct mnd_parcel {
	struct mn_mail mail;
	struct mnd_gateway *owner;   /* who sends it and gets it back */
	struct mnd_parcel *next;     /* owner's free ones */
	struct mnd_request *request; /* the owner's alone: NULL when nobody waits any more */
	bool abandoned;              /* atomic: the same, for worker 0 */
	uint8_t kind;                /* enum mnd_parcel_kind */
	unsigned int to;
	uint64_t tag;
	/* the answer when it comes back: data, or with code one of the gateway's own */
	uint8_t code;
	int max_age;
	const char *text; /* static */
	uint16_t len;
	uint8_t data[MND_BUFFER_MAX];
};

struct mnd_parcel_slab;

/* Of one worker, used by its thread alone. */
struct mnd_parcels {
	struct mnd_parcel_slab *slabs;
	struct mnd_parcel *free;
	unsigned int used;
};

/* Not zeroed but for its header. NULL without memory. */
struct mnd_parcel *mnd_parcel_get(struct mnd_gateway *g, enum mnd_parcel_kind kind);
void mnd_parcel_put(struct mnd_gateway *g, struct mnd_parcel *p);
/* Hands it over; it comes back by itself but for requests, which worker 0 sends home. */
void mnd_parcel_send(struct mnd_gateway *g, struct mnd_parcel *p, unsigned int to);
void mnd_parcel_home(struct mnd_gateway *g, struct mnd_parcel *p);
/* When all threads have ended. */
void mnd_parcels_fini(struct mnd_parcels *t);

#endif
