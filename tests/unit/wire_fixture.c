// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUE = 256, SOCKETS = 64, FIRST_PORT = 40000 };

struct mn_udp {
	struct mn_loop *loop;
	bool used;
	union mn_addr local, peer;
	bool connected;
	mn_udp_fn *fn;
	void *arg;
	struct mn_udp_stats stats;
};

/* Fixed sizes and one allocation: nothing here fails while allocations are made to. */
struct mn_loop {
	struct mn_timers *timers;
	uint64_t now_ms;
	struct mn_defer *deferred;
	struct mn_udp sockets[SOCKETS];
	unsigned int first, n, starve;
	uint16_t next_port;
	struct wire_datagram queue[QUEUE];
	uint8_t buffer[WIRE_MAX];
};

struct mn_loop *wire_new(void)
{
	struct mn_loop *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->now_ms = 1000000;
	l->next_port = FIRST_PORT;
	l->timers = mn_timers_new(l->now_ms);
	if (l->timers)
		return l;
	free(l);
	return NULL;
}

void wire_free(struct mn_loop *l)
{
	/* a timer that was left behind runs in freed memory now: AddressSanitizer sees it */
	mn_timers_run(l->timers, l->now_ms + 30ULL * 86400 * 1000);
	mn_timers_free(l->timers);
	free(l);
}

uint64_t mn_loop_now(const struct mn_loop *l)
{
	return l->now_ms;
}

struct mn_timers *mn_loop_timers(struct mn_loop *l)
{
	return l->timers;
}

void mn_loop_defer(struct mn_loop *l, struct mn_defer *d)
{
	struct mn_defer **at = &l->deferred;

	if (d->queued)
		return;
	while (*at)
		at = &(*at)->next;
	d->queued = true;
	d->next = NULL;
	*at = d;
}

void mn_loop_undefer(struct mn_loop *l, struct mn_defer *d)
{
	struct mn_defer **at = &l->deferred;

	while (*at && *at != d)
		at = &(*at)->next;
	if (*at)
		*at = d->next;
	d->queued = false;
}

static void run_deferred(struct mn_loop *l)
{
	while (l->deferred) {
		struct mn_defer *d = l->deferred;

		l->deferred = d->next;
		d->queued = false;
		d->fn(d);
	}
}

void wire_pass(struct mn_loop *l, uint64_t ms)
{
	uint64_t end = l->now_ms + ms;

	run_deferred(l);
	while (l->now_ms < end) {
		uint64_t wait = mn_timers_next(l->timers);

		l->now_ms += wait < end - l->now_ms ? (wait ? wait : 1) : end - l->now_ms;
		mn_timers_run(l->timers, l->now_ms);
		run_deferred(l);
	}
}

/* ---- sockets ---- */

int mn_udp_new(struct mn_loop *l, const union mn_addr *local, const union mn_addr *peer,
	       bool reuseport, mn_udp_fn *fn, void *arg, struct mn_udp **out)
{
	unsigned int i = 0;
	struct mn_udp *u;

	(void)reuseport;
	while (i < SOCKETS && l->sockets[i].used)
		i++;
	if (i == SOCKETS)
		return -EMFILE;
	u = &l->sockets[i];
	*u = (struct mn_udp){ .loop = l, .used = true, .fn = fn, .arg = arg };
	if (local)
		u->local = *local;
	u->local.in.sin_family = AF_INET;
	if (!u->local.in.sin_addr.s_addr)
		u->local.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!u->local.in.sin_port)
		u->local.in.sin_port = htons(l->next_port++);
	u->connected = peer != NULL;
	if (peer)
		u->peer = *peer;
	*out = u;
	return 0;
}

void mn_udp_free(struct mn_udp *u)
{
	if (u)
		u->used = false;
}

void mn_udp_bound(const struct mn_udp *u, union mn_addr *out)
{
	*out = u->local;
}

int mn_udp_fd(const struct mn_udp *u)
{
	(void)u;
	return -1;
}

void mn_udp_receive_room(struct mn_udp *u, int bytes)
{
	(void)u;
	(void)bytes;
}

void mn_udp_enlarge(struct mn_udp *u)
{
	(void)u;
}

const struct mn_udp_stats *mn_udp_stats(const struct mn_udp *u)
{
	return &u->stats;
}

uint8_t *mn_send_buffer(struct mn_loop *l, size_t *size)
{
	if (l->starve) {
		l->starve--;
		return NULL;
	}
	*size = sizeof(l->buffer);
	return l->buffer;
}

void mn_send_buffer_put(struct mn_loop *l, uint8_t *data)
{
	(void)l;
	(void)data;
}

void wire_starve(struct mn_loop *l, unsigned int n)
{
	l->starve = n;
}

/* A full queue loses what comes, as a network does. */
void mn_udp_send(struct mn_udp *u, uint8_t *data, size_t len, const union mn_addr *to,
		 const struct mn_local *from)
{
	struct mn_loop *l = u->loop;
	struct wire_datagram *d;

	(void)from;
	u->stats.out++;
	u->stats.out_bytes += len;
	if (l->n == QUEUE || len > WIRE_MAX || !len)
		return;
	d = &l->queue[(l->first + l->n++) % QUEUE];
	d->from = u->local;
	d->to = to ? *to : u->peer;
	d->len = len;
	memcpy(d->data, data, len);
}

bool wire_take(struct mn_loop *l, struct wire_datagram *out)
{
	if (!l->n)
		return false;
	*out = l->queue[l->first];
	l->first = (l->first + 1) % QUEUE;
	l->n--;
	return true;
}

void wire_deliver(struct mn_loop *l, struct wire_datagram *d)
{
	struct mn_local to = { .family = AF_INET };

	for (unsigned int i = 0; i < SOCKETS; i++) {
		struct mn_udp *u = &l->sockets[i];

		if (!u->used || !mn_addr_equal(&u->local, &d->to) ||
		    (u->connected && !mn_addr_equal(&u->peer, &d->from)))
			continue;
		memcpy(to.addr, &d->to.in.sin_addr, 4);
		u->stats.in++;
		u->stats.in_bytes += d->len;
		u->fn(u->arg, u, d->data, d->len, &d->from, &to);
		break;
	}
	run_deferred(l);
}

void wire_flow(struct mn_loop *l, unsigned int n)
{
	struct wire_datagram d;

	run_deferred(l);
	while (n-- && wire_take(l, &d))
		wire_deliver(l, &d);
}

void wire_count(struct mn_loop *l, const union mn_addr *at, uint64_t *in, uint64_t *out)
{
	*in = *out = 0;
	for (unsigned int i = 0; i < SOCKETS; i++) {
		if (!l->sockets[i].used || !mn_addr_equal(&l->sockets[i].local, at))
			continue;
		*in += l->sockets[i].stats.in_bytes;
		*out += l->sockets[i].stats.out_bytes;
	}
}
