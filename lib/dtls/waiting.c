// SPDX-License-Identifier: GPL-2.0-or-later
/* ClientHellos with a valid cookie that found no room (endpoint.h). Each waits for a handshake to end, in the order in which they
 * came, until its client would send it again by itself. */
#include <string.h>

#include "dtls/session.h"

enum { STALE_MS = 900 };

static void drop_first(struct mn_endpoint *e)
{
	struct mn_waiting *w = e->waiting;

	e->waiting = w->next;
	if (!e->waiting)
		e->waiting_tail = &e->waiting;
	mn_pool_put(&e->waiting_pool, w);
}

static bool stale(const struct mn_endpoint *e, const struct mn_waiting *w)
{
	return mn_loop_now(e->loop) - w->came_ms >= STALE_MS;
}

static void drop_stale(struct mn_endpoint *e)
{
	while (e->waiting && stale(e, e->waiting)) {
		e->stats.drop_half_open++;
		drop_first(e);
	}
}

void mn_waiting_add(struct mn_endpoint *e, struct mn_udp *udp, const uint8_t *hello, size_t len,
		    const union mn_addr *from, const struct mn_local *to)
{
	struct mn_waiting *w = NULL;

	drop_stale(e);
	if (len <= sizeof(w->hello) && e->waiting_pool.used < mn_half_cap(e) * MN_WAITING_TIMES)
		w = mn_pool_get(&e->waiting_pool);
	if (!w) {
		e->stats.drop_half_open++;
		return;
	}
	w->udp = udp;
	w->from = *from;
	w->to = *to;
	w->came_ms = mn_loop_now(e->loop);
	w->len = (uint16_t)len;
	memcpy(w->hello, hello, len);
	*e->waiting_tail = w;
	e->waiting_tail = &w->next;
}

void mn_waiting_admit(struct mn_defer *d)
{
	struct mn_endpoint *e = (void *)((char *)d - offsetof(struct mn_endpoint, admit));
	struct mn_waiting w;

	drop_stale(e);
	while (e->waiting && e->stats.half_open < mn_half_cap(e)) {
		w = *e->waiting;
		drop_first(e);
		mn_endpoint_hello(e, w.udp, w.hello, w.len, &w.from, &w.to);
	}
}
