// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/crypto.h"
#include "dtls/session.h"
#include "log.h"

/* Timers
 *   half.repeat   the last flight again: 1 s, doubling to 8 s (RFC 6347 4.2.4.1)
 *   half.end      the handshake is given up */

enum {
	REPEAT_MS = 1000,
	REPEAT_MAX_MS = 8000,
	ECHO_MS = 400,
	GIVE_UP_MS = 30000,
	CHANCE_MS = 1000,
	HALF_OPEN = 4096,
	LOOK = 64 /* how many of the oldest are looked at for one to end */
};

static uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void half_send(void *arg, const uint8_t *datagram, size_t len)
{
	struct mn_half *h = arg;
	struct mn_loop *l = h->endpoint->loop;
	size_t size;
	uint8_t *buf = mn_send_buffer(l, &size);

	if (!buf)
		return;
	if (len > size) {
		mn_send_buffer_put(l, buf);
		return;
	}
	memcpy(buf, datagram, len);
	h->sent_ms = mn_loop_now(l);
	mn_udp_send(h->peer.udp, buf, len,
		    h->session ? mn_session_destination(h->session) : &h->peer.addr, &h->local);
}

static int half_psk(void *arg, const uint8_t *identity, size_t len, uint8_t key[MN_KEY_MAX],
		    size_t *key_len)
{
	struct mn_half *h = arg;
	struct mn_endpoint *e = h->endpoint;
	int err = e->ops.psk(e->arg, identity, len, key, key_len, &h->owner);

	if (err)
		e->stats.drop_identity++;
	return err;
}

static bool half_hint(void *arg, const uint8_t *hint, size_t len)
{
	struct mn_half *h = arg;

	return !h->hint_ok || h->hint_ok(h->endpoint->arg, h->session->user, hint, len);
}

static const struct mn_hs_ops half_ops = {
	.send = half_send,
	.psk = half_psk,
	.hint = half_hint,
};

static struct mn_timers *timers(struct mn_half *h)
{
	return mn_loop_timers(h->endpoint->loop);
}

static void fail(struct mn_half *h, enum mn_close why)
{
	struct mn_session *s = h->session;

	h->endpoint->stats.handshakes_failed++;
	if (s)
		mn_session_end(s, why, false); /* frees h */
	else
		mn_half_free(h);
}

static void on_repeat(struct mn_timer *t)
{
	struct mn_half *h = (void *)((char *)t - offsetof(struct mn_half, repeat));

	/* who has sent its key exchange has our flight; wolfSSL repeats no more: half.end will come */
	if (mn_hs_identified(h->hs) || mn_hs_repeat(h->hs))
		return;
	h->repeat_ms = h->repeat_ms * 2 > REPEAT_MAX_MS ? REPEAT_MAX_MS : h->repeat_ms * 2;
	mn_timer_set(timers(h), &h->repeat, h->repeat_ms);
}

static void on_end(struct mn_timer *t)
{
	fail((void *)((char *)t - offsetof(struct mn_half, end)), MN_CLOSE_TIMEOUT);
}

static struct mn_half *half_new(struct mn_endpoint *e, struct mn_udp *udp,
				const union mn_addr *addr, unsigned int end_ms)
{
	struct mn_half *h = mn_pool_get(&e->half_pool);

	if (!h)
		return NULL;
	h->endpoint = e;
	h->peer.udp = udp;
	h->peer.addr = *addr;
	h->began_us = clock_us();
	h->began_ms = mn_loop_now(e->loop);
	h->repeat_ms = REPEAT_MS;
	mn_timer_init(&h->repeat, on_repeat);
	mn_timer_init(&h->end, on_end);
	mn_timer_set(timers(h), &h->repeat, h->repeat_ms);
	mn_timer_set(timers(h), &h->end, end_ms);
	return h;
}

static void link_server(struct mn_endpoint *e, struct mn_half *h)
{
	mn_table_add(&e->halves, &h->peer);
	h->older = e->newest;
	if (e->newest)
		e->newest->newer = h;
	else
		e->oldest = h;
	e->newest = h;
	e->half_by_addr[h->bucket]++;
	e->stats.half_open++;
}

static void unlink_server(struct mn_endpoint *e, struct mn_half *h)
{
	mn_table_del(&e->halves, &h->peer);
	if (h->newer)
		h->newer->older = h->older;
	else
		e->newest = h->older;
	if (h->older)
		h->older->newer = h->newer;
	else
		e->oldest = h->newer;
	e->half_by_addr[h->bucket]--;
	e->stats.half_open--;
	if (e->waiting)
		mn_loop_defer(e->loop, &e->admit);
}

/* Addresses share buckets by a keyed hash: two that do are held to one cap between them. */
static unsigned int addr_bucket(struct mn_endpoint *e, const union mn_addr *from)
{
	union mn_addr host = *from;

	if (host.sa.sa_family == AF_INET6)
		host.in6.sin6_port = 0;
	else
		host.in.sin_port = 0;
	return mn_table_hash(&e->halves, NULL, &host) % MN_HALF_BUCKETS;
}

unsigned int mn_half_cap(const struct mn_endpoint *e)
{
	return e->config.half_open ? e->config.half_open : HALF_OPEN;
}

static bool had_its_chance(const struct mn_half *h)
{
	const struct mn_endpoint *e = h->endpoint;
	unsigned int ms = e->config.half_chance_ms ? e->config.half_chance_ms : CHANCE_MS;

	return mn_loop_now(e->loop) - h->began_ms >= ms;
}

/* Whose place a newcomer of that bucket gets when all are taken; NULL: nobody's (endpoint.h says by which rule). Addresses that
 * share a bucket without knowing of each other are far below an address' share. */
static struct mn_half *victim(struct mn_endpoint *e, unsigned int bucket)
{
	uint32_t share = mn_half_cap(e) / 256 + 1, own = e->half_by_addr[bucket] + 1;
	struct mn_half *h = e->oldest;

	if (had_its_chance(h))
		return h;
	if (share < own)
		share = own;
	for (unsigned int i = 0; h && i < LOOK; i++, h = h->newer)
		if (e->half_by_addr[h->bucket] > share)
			return h;
	return NULL;
}

static int make_room(struct mn_endpoint *e, unsigned int bucket)
{
	unsigned int cap = mn_half_cap(e), by_addr = e->config.half_open_addr;
	struct mn_half *h;

	if (!by_addr)
		by_addr = cap / 2 + 1;
	if (e->half_by_addr[bucket] >= by_addr)
		return -EBUSY;
	while (e->stats.half_open >= cap) {
		h = victim(e, bucket);
		if (!h)
			return -EAGAIN;
		e->stats.drop_half_open++;
		fail(h, MN_CLOSE_TIMEOUT);
	}
	return 0;
}

int mn_half_accept(struct mn_endpoint *e, struct mn_udp *udp, const union mn_addr *from,
		   const struct mn_local *to, const struct mn_client_hello *hello,
		   struct mn_half **out)
{
	unsigned int bucket = addr_bucket(e, from);
	struct mn_half *h;
	int err = make_room(e, bucket);

	if (err)
		return err;
	h = half_new(e, udp, from, e->config.half_open_ms ? e->config.half_open_ms : GIVE_UP_MS);
	if (!h)
		return -ENOMEM;
	h->local = *to;
	h->bucket = bucket;
	memcpy(h->random, hello->random, sizeof(h->random));
	err = mn_hs_server(e->factory, hello, &half_ops, h, &h->hs);
	link_server(e, h);
	if (err) {
		mn_half_free(h);
		return err;
	}
	*out = h;
	return 0;
}

static void complete_client(struct mn_half *h, struct mn_record_state *record)
{
	struct mn_session *s = h->session;

	s->half = NULL;
	s->handshake_us = (uint32_t)(clock_us() - h->began_us);
	mn_half_free(h);
	mn_session_open(s, record);
}

/* The new session takes the place of the identity's and of the address's old ones, and only now. */
static void complete_server(struct mn_half *h, struct mn_record_state *record)
{
	struct mn_endpoint *e = h->endpoint;
	struct mn_session *s = mn_endpoint_session(e, h->owner);
	unsigned int cap = e->config.sessions ? e->config.sessions : 1 << 20;

	if (s) {
		e->stats.replaced++;
		mn_session_end(s, MN_CLOSE_REPLACED, true);
	}
	s = (struct mn_session *)mn_table_find(&e->sessions, h->peer.udp, &h->peer.addr);
	if (s) {
		e->stats.replaced++;
		mn_session_end(s, MN_CLOSE_REPLACED, true);
	}
	s = e->stats.sessions < cap ? mn_session_new(e, &h->peer) : NULL;
	if (!s) {
		if (e->stats.sessions < cap)
			mn_warn("no memory for another session");
		else
			mn_warn("no room for another session (%u)", cap);
		if (record->mac)
			mn_zero(record->mac, sizeof(*record->mac));
		free(record->mac);
		fail(h, MN_CLOSE_HANDSHAKE);
		return;
	}
	s->owner = h->owner;
	s->local = mn_local_get(e, &h->local);
	s->handshake_us = (uint32_t)(clock_us() - h->began_us);
	s->flight = mn_pool_get(&e->flight_pool);
	if (s->flight)
		s->flight->len = (uint8_t)mn_hs_flight(h->hs, s->flight->bytes);
	mn_half_free(h);
	mn_session_open(s, record);
}

static void complete(struct mn_half *h)
{
	struct mn_record_state record;

	if (mn_hs_export(h->hs, &record))
		fail(h, MN_CLOSE_HANDSHAKE);
	else if (h->session)
		complete_client(h, &record);
	else
		complete_server(h, &record);
	mn_zero(&record, sizeof(record));
}

static void advance(struct mn_half *h, int result)
{
	if (result > 0)
		complete(h);
	else if (result < 0)
		fail(h, MN_CLOSE_HANDSHAKE);
}

/* The peer asks again, by its own flight: not more often than a peer's timer would. A client that has sent its key exchange
 * gets nothing more until its Finished is right, whatever is wrong with it. */
static bool may_repeat(const struct mn_half *h)
{
	return !mn_hs_identified(h->hs) && mn_loop_now(h->endpoint->loop) - h->sent_ms >= ECHO_MS;
}

/* An application record may overtake the Finished: the handshake has no use for it. */
void mn_half_input(struct mn_half *h, uint8_t *data, size_t len)
{
	if (data[0] != MNCSE_APPLICATION)
		advance(h, mn_hs_input(h->hs, data, len, may_repeat(h)));
}

void mn_half_repeat(struct mn_half *h)
{
	if (may_repeat(h))
		mn_hs_repeat(h->hs);
}

int mn_half_connect(struct mn_session *s, const struct mn_connect *c)
{
	struct mn_endpoint *e = s->endpoint;
	struct mn_half *h =
		half_new(e, s->peer.udp, &s->peer.addr, c->give_up_ms ? c->give_up_ms : GIVE_UP_MS);
	int err;

	if (!h)
		return -ENOMEM;
	h->session = s;
	mn_session_local(s, &h->local);
	h->hint_ok = c->hint_ok;
	err = mn_hs_client(e->factory, c->identity, c->key, c->key_len, c->suites, &half_ops, h,
			   &h->hs);
	if (!err)
		err = mn_hs_start(h->hs);
	if (err < 0) {
		mn_half_free(h);
		return err;
	}
	s->half = h;
	return 0;
}

void mn_half_free(struct mn_half *h)
{
	struct mn_endpoint *e = h->endpoint;

	mn_timer_del(&h->repeat);
	mn_timer_del(&h->end);
	if (!h->session)
		unlink_server(e, h);
	mn_hs_free(h->hs);
	mn_pool_put(&e->half_pool, h);
}
