/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A loop without a kernel: sockets are entries of a list, datagrams wait in a queue until somebody delivers them, and time moves when told.
 * It takes the place of lib/loop's sockets, so that endpoints are whole and everything that happens is decided by the caller. One at a
 * time. */
#ifndef WIRE_FIXTURE_H
#define WIRE_FIXTURE_H

#include "loop/loop.h"

#define WIRE_MAX 2048

struct wire_datagram {
	union mn_addr from, to;
	size_t len;
	uint8_t data[WIRE_MAX];
};

/* NULL without memory. */
struct mn_loop *wire_new(void);
/* Endpoints must have gone before. */
void wire_free(struct mn_loop *l);

/* Takes the oldest datagram that waits; false when there is none. */
bool wire_take(struct mn_loop *l, struct wire_datagram *out);
/* Hands it to the socket at `to`, if there is one that takes it from `from`. The endpoint may write to it. Runs what is deferred. */
void wire_deliver(struct mn_loop *l, struct wire_datagram *d);
/* Delivers all that waits, at most n. */
void wire_flow(struct mn_loop *l, unsigned int n);
/* Time goes on: timers and what is deferred run in their order. */
void wire_pass(struct mn_loop *l, uint64_t ms);
/* The next n sends find no buffer. */
void wire_starve(struct mn_loop *l, unsigned int n);
/* Bytes that were sent from and delivered to the port. */
void wire_count(struct mn_loop *l, const union mn_addr *at, uint64_t *in, uint64_t *out);

#endif
