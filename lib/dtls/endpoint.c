// SPDX-License-Identifier: GPL-2.0-or-later
#include "dtls/endpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"
#include "dtls/session.h"

/* A datagram that may go to a handshake after it failed on the live session: larger ones are no handshake's. */
enum { HANDSHAKE_DATAGRAM_MAX = 2048 };

/* One socket for many clients holds what comes for all of them at once: about 1.3 KB of the kernel's memory a small datagram. */
enum { SHARED_ROOM = 128 << 20 };

const char *mn_suite_name(enum mn_suite s)
{
	switch (s) {
	case MN_SUITE_PSK_AES_128_GCM:
		return "TLS_PSK_WITH_AES_128_GCM_SHA256";
	case MN_SUITE_PSK_AES_128_CCM_8:
		return "TLS_PSK_WITH_AES_128_CCM_8";
	case MN_SUITE_PSK_AES_128_CBC:
		return "TLS_PSK_WITH_AES_128_CBC_SHA256";
	case MN_SUITE_DHE_PSK_AES_128_GCM:
		return "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256";
	}
	return "unknown";
}

const char *mn_close_name(enum mn_close c)
{
	switch (c) {
	case MN_CLOSE_PEER:
		return "closed by the peer";
	case MN_CLOSE_LOCAL:
		return "closed";
	case MN_CLOSE_REPLACED:
		return "replaced by a newer session";
	case MN_CLOSE_IDLE:
		return "idle";
	case MN_CLOSE_AGE:
		return "too old";
	case MN_CLOSE_SEQUENCE:
		return "out of record numbers";
	case MN_CLOSE_TIMEOUT:
		return "no answer to the handshake";
	case MN_CLOSE_HANDSHAKE:
		return "handshake refused";
	}
	return "unknown";
}

static int make_factory(struct mn_endpoint *e)
{
	struct mn_hs_factory_config c = {
		.hint = e->config.hint,
		.dhe = e->config.dhe,
	};
	struct mn_hs_factory *f;
	int err = mn_hs_factory_new(&c, &f);

	if (err)
		return err;
	mn_hs_factory_free(e->factory); /* handshakes under way keep what they need of it */
	e->factory = f;
	return 0;
}

static int take_config(struct mn_endpoint *e, const struct mn_endpoint_config *c)
{
	if (c->hint && strlen(c->hint) > MN_GATEWAY_ID_MAX)
		return -EINVAL;
	e->config = *c;
	if (c->hint) {
		strcpy(e->hint, c->hint);
		e->config.hint = e->hint;
	}
	return 0;
}

int mn_endpoint_new(struct mn_loop *l, const struct mn_endpoint_config *c,
		    const struct mn_endpoint_ops *ops, void *arg, struct mn_endpoint **out)
{
	struct mn_endpoint *e = calloc(1, sizeof(*e));
	int err;

	if (!e)
		return -ENOMEM;
	e->loop = l;
	e->ops = *ops;
	e->arg = arg;
	e->bury.fn = mn_session_bury;
	e->admit.fn = mn_waiting_admit;
	e->waiting_tail = &e->waiting;
	e->id_step = c->id_step ? c->id_step : 1;
	e->last_id = (c->first_id ? c->first_id : 1) - e->id_step;
	mn_pool_init(&e->session_pool, sizeof(struct mn_session), SIZE_MAX);
	mn_pool_init(&e->flight_pool, sizeof(struct mn_flight), SIZE_MAX);
	mn_pool_init(&e->local_pool, sizeof(struct mn_local_ref), SIZE_MAX);
	LIST_INIT(&e->locals);
	mn_timer_init(&e->sweep_timer, mn_session_sweep);
	mn_pool_init(&e->half_pool, sizeof(struct mn_half), SIZE_MAX);
	mn_pool_init(&e->waiting_pool, sizeof(struct mn_waiting), SIZE_MAX);
	err = take_config(e, c);
	if (!err)
		err = mn_table_init(&e->sessions);
	if (!err)
		err = mn_table_init(&e->halves);
	if (!err)
		err = mn_cookies_init(&e->cookies, mn_loop_now(l));
	if (!err)
		err = make_factory(e);
	if (err) {
		mn_endpoint_free(e);
		return err;
	}
	*out = e;
	return 0;
}

void mn_endpoint_free(struct mn_endpoint *e)
{
	if (!e)
		return;
	while (e->oldest)
		mn_half_free(e->oldest);
	while (e->all)
		mn_session_end(e->all, MN_CLOSE_LOCAL, true);
	mn_session_bury(&e->bury);
	mn_loop_undefer(e->loop, &e->bury);
	mn_loop_undefer(e->loop, &e->admit);
	for (unsigned int i = 0; i < e->listener_n; i++)
		mn_udp_free(e->listeners[i]);
	for (unsigned int i = 0; i < e->shared_n; i++)
		mn_udp_free(e->shared[i].udp);
	mn_table_fini(&e->sessions);
	mn_table_fini(&e->halves);
	free(e->owners);
	mn_pool_fini(&e->session_pool);
	mn_pool_fini(&e->flight_pool);
	mn_pool_fini(&e->local_pool);
	mn_timer_del(&e->sweep_timer);
	mn_pool_fini(&e->half_pool);
	while (e->waiting) {
		struct mn_waiting *w = e->waiting;

		e->waiting = w->next;
		mn_pool_put(&e->waiting_pool, w);
	}
	mn_pool_fini(&e->waiting_pool);
	mn_hs_factory_free(e->factory);
	mn_cookies_fini(&e->cookies);
	free(e);
}

int mn_endpoint_reconfigure(struct mn_endpoint *e, const struct mn_endpoint_config *c)
{
	struct mn_endpoint_config before = e->config;
	char hint[sizeof(e->hint)];
	int err;

	memcpy(hint, e->hint, sizeof(hint));
	err = take_config(e, c);
	if (!err)
		err = make_factory(e);
	if (err) {
		e->config = before;
		memcpy(e->hint, hint, sizeof(hint));
	}
	mn_session_limits(e);
	return err;
}

void mn_endpoint_drain(struct mn_endpoint *e)
{
	e->draining = true;
}

void mn_endpoint_divert(struct mn_endpoint *e,
			bool (*fn)(void *arg, struct mn_udp *u, uint8_t *data, size_t len,
				   const union mn_addr *from, const struct mn_local *to),
			void *arg)
{
	e->divert = fn;
	e->divert_arg = arg;
}

void mn_endpoint_watch(struct mn_endpoint *e,
		       void (*fn)(void *arg, const union mn_addr *from, unsigned int listener,
				  bool begins),
		       void *arg)
{
	e->watch = fn;
	e->watch_arg = arg;
}

static unsigned int listener_of(const struct mn_endpoint *e, const struct mn_udp *u)
{
	unsigned int i = 0;

	while (i < e->listener_n && e->listeners[i] != u)
		i++;
	return i;
}

static void stray(struct mn_endpoint *e, struct mn_udp *u, const union mn_addr *from, bool begins)
{
	if (e->watch)
		e->watch(e->watch_arg, from, listener_of(e, u), begins);
}

static void send_hello_verify(struct mn_endpoint *e, struct mn_udp *u, const union mn_addr *from,
			      const struct mn_local *to, const struct mn_client_hello *hello)
{
	uint8_t cookie[MNCSE_COOKIE_LEN];
	size_t size;
	uint8_t *buf = mn_send_buffer(e->loop, &size);

	if (!buf) {
		e->stats.drop_buffer++;
		return;
	}
	mn_cookie_make(&e->cookies, mn_loop_now(e->loop), from, hello, cookie);
	e->stats.hello_verify++;
	mn_udp_send(u, buf, mn_hello_verify_write(hello, cookie, sizeof(cookie), buf, size), from,
		    to);
}

static void start_handshake(struct mn_endpoint *e, struct mn_udp *u, uint8_t *data, size_t len,
			    const union mn_addr *from, const struct mn_local *to,
			    const struct mn_client_hello *hello)
{
	struct mn_half *h;
	int err = mn_half_accept(e, u, from, to, hello, &h);

	if (!err)
		mn_half_input(h, data, len);
	else if (err == -EAGAIN)
		mn_waiting_add(e, u, data, len, from, to);
	else
		e->stats.drop_half_open++;
}

/* Nothing is kept before a valid cookie, and nothing that is open is touched. */
void mn_endpoint_hello(struct mn_endpoint *e, struct mn_udp *u, uint8_t *data, size_t len,
		       const union mn_addr *from, const struct mn_local *to)
{
	struct mn_client_hello hello;
	struct mn_record r;
	struct mn_half *h;
	size_t at = 0;
	int err;

	mn_record_next(data, len, &at, &r);
	err = mn_client_hello_read(&r, &hello);
	if (err || r.len + MNCSE_RECORD_HEADER != len) {
		if (err == -EMSGSIZE)
			e->stats.drop_fragment++;
		else
			e->stats.drop_junk++;
		return;
	}
	if (e->draining) {
		e->stats.in_handshake++;
		e->stats.drop_half_open++;
		return;
	}
	if (!mn_cookie_check(&e->cookies, mn_loop_now(e->loop), from, &hello)) {
		if (hello.cookie_len)
			e->stats.drop_cookie++;
		send_hello_verify(e, u, from, to, &hello);
		return;
	}
	e->stats.in_handshake++;
	h = (struct mn_half *)mn_table_find(&e->halves, u, from);
	if (h && !memcmp(h->random, hello.random, sizeof(h->random))) {
		mn_half_repeat(h);
		return;
	}
	if (h)
		mn_half_free(h);
	else if (!mn_table_find(&e->sessions, u, from))
		stray(e, u, from, true);
	start_handshake(e, u, data, len, from, to, &hello);
}

static void session_records(struct mn_endpoint *e, struct mn_session *s, uint8_t *data, size_t len)
{
	struct mn_record r;
	size_t at = 0;

	while (s->state == MN_SESSION_OPEN && mn_record_next(data, len, &at, &r) > 0) {
		if (r.epoch != 1)
			e->stats.drop_epoch++;
		else if (!mn_session_record(s, &r))
			e->stats.drop_auth++;
	}
}

/* A record that the live session cannot open may be the Finished of a handshake beside it. Opening changes the bytes in place, so they are
 * kept first; only while there is such a handshake. */
static void session_or_half(struct mn_endpoint *e, struct mn_session *s, struct mn_half *h,
			    struct mn_record *r, size_t left)
{
	uint8_t copy[HANDSHAKE_DATAGRAM_MAX];

	if (left <= sizeof(copy))
		memcpy(copy, r->header, left);
	if (mn_session_record(s, r))
		session_records(e, s, r->body + r->len, left - MNCSE_RECORD_HEADER - r->len);
	else if (left <= sizeof(copy))
		mn_half_input(h, copy, left);
	else
		e->stats.drop_auth++;
}

static void unknown(struct mn_endpoint *e, struct mn_udp *u, const union mn_addr *from)
{
	e->stats.drop_unknown++;
	stray(e, u, from, false);
}

static void server_input(void *arg, struct mn_udp *u, uint8_t *data, size_t len,
			 const union mn_addr *from, const struct mn_local *to)
{
	struct mn_endpoint *e = arg;
	struct mn_session *s;
	struct mn_half *h;
	struct mn_record r;
	size_t at = 0;

	if (e->divert && e->divert(e->divert_arg, u, data, len, from, to)) {
		e->stats.in_relayed++;
		return;
	}
	if (!mn_datagram_ok(data, len)) {
		e->stats.drop_junk++;
		return;
	}
	mn_record_next(data, len, &at, &r);
	if (mn_is_client_hello(&r)) {
		mn_endpoint_hello(e, u, data, len, from, to);
		return;
	}
	s = (struct mn_session *)mn_table_find(&e->sessions, u, from);
	h = e->halves.count ? (struct mn_half *)mn_table_find(&e->halves, u, from) : NULL;
	e->stats.in_handshake += h != NULL;
	e->stats.in_session += s && !h;
	if (s && h && r.epoch == 1)
		session_or_half(e, s, h, &r, len);
	else if (h)
		mn_half_input(h, data, len);
	else if (s)
		session_records(e, s, data, len);
	else
		unknown(e, u, from);
}

static void to_client(struct mn_session *s, uint8_t *data, size_t len)
{
	struct mn_endpoint *e = s->endpoint;

	if (s->state == MN_SESSION_CLOSED) {
		e->stats.drop_unknown++;
	} else if (!mn_datagram_ok(data, len)) {
		e->stats.drop_junk++;
	} else if (s->half) {
		e->stats.in_handshake++;
		mn_half_input(s->half, data, len);
	} else {
		e->stats.in_session++;
		session_records(e, s, data, len);
	}
}

static void client_input(void *arg, struct mn_udp *u, uint8_t *data, size_t len,
			 const union mn_addr *from, const struct mn_local *to)
{
	(void)u;
	(void)from;
	(void)to;
	to_client(arg, data, len);
}

/* Our own address as a key: without a port, which all have in common. */
static void local_key(const struct mn_local *l, union mn_addr *key)
{
	memset(key, 0, sizeof(*key));
	key->sa.sa_family = l->family;
	if (l->family == AF_INET6)
		memcpy(&key->in6.sin6_addr, l->addr, 16);
	else
		memcpy(&key->in.sin_addr, l->addr, 4);
}

/* The socket is not connected, so that the sender is checked here. */
static void shared_input(void *arg, struct mn_udp *u, uint8_t *data, size_t len,
			 const union mn_addr *from, const struct mn_local *to)
{
	struct mn_endpoint *e = arg;
	struct mn_session *s;
	union mn_addr key;

	local_key(to, &key);
	s = (struct mn_session *)mn_table_find(&e->sessions, u, &key);
	if (s && mn_addr_equal(from, mn_session_destination(s)))
		to_client(s, data, len);
	else
		e->stats.drop_unknown++;
}

static int shared_socket(struct mn_endpoint *e, const union mn_addr *peer, uint8_t *out)
{
	union mn_addr any = { .sa.sa_family = peer->sa.sa_family };
	unsigned int i = 0;
	int err;

	while (i < e->shared_n && !mn_addr_equal(&e->shared[i].peer, peer))
		i++;
	if (i == e->shared_n) {
		if (i == MN_SHARED_MAX)
			return -ENOSPC;
		err = mn_udp_new(e->loop, &any, NULL, false, shared_input, e, &e->shared[i].udp);
		if (err)
			return err;
		mn_udp_receive_room(e->shared[i].udp, SHARED_ROOM);
		e->shared[i].peer = *peer;
		e->shared_n++;
	}
	*out = (uint8_t)(i + 1);
	return 0;
}

static int share(struct mn_session *s, const union mn_addr *local)
{
	struct mn_endpoint *e = s->endpoint;
	struct mn_local own = { 0 };
	uint8_t shared;
	int err;

	if (!local || local->sa.sa_family != s->peer.addr.sa.sa_family)
		return -EINVAL;
	err = shared_socket(e, &s->peer.addr, &shared);
	if (err)
		return err;
	s->peer.udp = e->shared[shared - 1].udp;
	own.family = local->sa.sa_family;
	if (own.family == AF_INET6)
		memcpy(own.addr, &local->in6.sin6_addr, 16);
	else
		memcpy(own.addr, &local->in.sin_addr, 4);
	local_key(&own, &s->peer.addr);
	if (mn_table_find(&e->sessions, s->peer.udp, &s->peer.addr))
		return -EEXIST;
	s->shared = shared;
	mn_table_add(&e->sessions, &s->peer);
	return 0;
}

void mn_endpoint_cookie_keys(struct mn_endpoint *e, struct mncse_cookie_key out[2])
{
	mn_cookies_turn(&e->cookies, mn_loop_now(e->loop));
	memcpy(out, e->cookies.key, sizeof(e->cookies.key));
}

void mn_endpoint_set_cookie_keys(struct mn_endpoint *e, const struct mncse_cookie_key keys[2])
{
	memcpy(e->cookies.key, keys, sizeof(e->cookies.key));
	e->cookies.turned_ms = mn_loop_now(e->loop) + MN_COOKIE_TURN_MS;
}

unsigned int mn_session_listener(const struct mn_session *s)
{
	return listener_of(s->endpoint, s->peer.udp);
}

int mn_endpoint_listener_fd(const struct mn_endpoint *e, unsigned int listener)
{
	return mn_udp_fd(e->listeners[listener]);
}

bool mn_endpoint_knows(const struct mn_endpoint *e, const union mn_addr *peer,
		       unsigned int listener)
{
	const struct mn_udp *u = listener < e->listener_n ? e->listeners[listener] : NULL;

	if (mn_table_find(&e->sessions, u, peer))
		return true;
	for (const struct mn_session *s = e->dying; s; s = s->next)
		if (s->peer.udp == u && mn_addr_equal(&s->peer.addr, peer))
			return true;
	return false;
}

size_t mn_endpoint_walk(struct mn_endpoint *e, size_t at, size_t n,
			void (*fn)(void *arg, struct mn_session *s), void *arg)
{
	size_t end = at + n;

	for (; at < end && at < e->sessions.size; at++)
		for (struct mn_peer *p = e->sessions.slots[at]; p; p = p->next)
			fn(arg, (struct mn_session *)p);
	return at < e->sessions.size ? at : 0;
}

bool mn_session_has_heir(const struct mn_session *s)
{
	const struct mn_peer *p = mn_table_find(&s->endpoint->sessions, s->peer.udp, &s->peer.addr);

	return p && p != &s->peer;
}

int mn_endpoint_listen(struct mn_endpoint *e, const union mn_addr *local, bool reuseport)
{
	int err;

	if (e->listener_n == MN_LISTEN_MAX || !e->config.hint)
		return -EINVAL;
	err = mn_udp_new(e->loop, local, NULL, reuseport, server_input, e,
			 &e->listeners[e->listener_n]);
	if (!err)
		e->listener_n++;
	return err;
}

int mn_endpoint_connect(struct mn_endpoint *e, const struct mn_connect *c, struct mn_session **out)
{
	struct mn_peer peer = { .addr = c->peer };
	struct mn_session *s = mn_session_new(e, &peer);
	int err;

	if (!s)
		return -ENOMEM;
	s->is_client = true;
	s->user = c->user;
	if (c->shared)
		err = share(s, c->local);
	else
		err = mn_udp_new(e->loop, c->local, &c->peer, false, client_input, s, &s->peer.udp);
	if (!err && c->trunk && !c->shared)
		mn_udp_enlarge(s->peer.udp);
	if (!err)
		err = mn_half_connect(s, c);
	if (err) {
		if (s->shared)
			mn_table_del(&e->sessions, &s->peer);
		mn_session_unlink(s);
		if (!c->shared)
			mn_udp_free(s->peer.udp);
		mn_pool_put(&e->session_pool, s);
		return err;
	}
	*out = s;
	return 0;
}

static void add(struct mn_endpoint_stats *out, const struct mn_udp_stats *u)
{
	out->datagrams_in += u->in;
	out->bytes_in += u->in_bytes;
	out->datagrams_out += u->out;
	out->bytes_out += u->out_bytes;
	out->drop_large += u->truncated;
}

void mn_endpoint_stats(const struct mn_endpoint *e, struct mn_endpoint_stats *out)
{
	*out = e->stats;
	add(out, &e->gone);
	for (unsigned int i = 0; i < e->listener_n; i++)
		add(out, mn_udp_stats(e->listeners[i]));
	for (unsigned int i = 0; i < e->shared_n; i++)
		add(out, mn_udp_stats(e->shared[i].udp));
	for (const struct mn_session *s = e->all; s; s = s->next)
		if (s->is_client && !s->shared)
			add(out, mn_udp_stats(s->peer.udp));
}
