// SPDX-License-Identifier: GPL-2.0-or-later
#include "dtls/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"
#include "log.h"

/* Timers
 *   endpoint.sweep_timer   looks at the next sessions in turn, at all of them in a sixteenth of the idle or age limit: a
 *                          timer each would be a sixth of a session's memory */

enum { SWEEP = 256, SWEEPS = 16 }; /* sessions a turn; times that each is looked at in its limit */

enum { ALERT_WARNING = 1, ALERT_FATAL = 2, ALERT_CLOSE_NOTIFY = 0 };

static size_t owner_slot(const struct mn_endpoint *e, const void *owner)
{
	__u64 word = (uintptr_t)owner;

	return mncse_siphash(&e->sessions.key, &word, 1) & (e->owner_size - 1);
}

static void owners_grow(struct mn_endpoint *e)
{
	size_t old_size = e->owner_size;
	struct mn_session **old = e->owners;
	struct mn_session **fresh = calloc(old_size ? old_size * 2 : 64, sizeof(*fresh));

	if (!fresh)
		return;
	e->owners = fresh;
	e->owner_size = old_size ? old_size * 2 : 64;
	for (size_t i = 0; i < old_size; i++) {
		struct mn_session *s = old[i];

		while (s) {
			struct mn_session *next = s->owner_next;
			size_t slot = owner_slot(e, s->owner);

			s->owner_next = fresh[slot];
			fresh[slot] = s;
			s = next;
		}
	}
	free(old);
}

struct mn_session *mn_endpoint_session(struct mn_endpoint *e, const void *owner)
{
	struct mn_session *s = e->owner_size ? e->owners[owner_slot(e, owner)] : NULL;

	while (s && s->owner != owner)
		s = s->owner_next;
	return s;
}

static void owner_add(struct mn_session *s)
{
	struct mn_endpoint *e = s->endpoint;
	size_t slot;

	if (!s->owner)
		return;
	if (e->sessions.count >= e->owner_size)
		owners_grow(e);
	if (!e->owner_size)
		return;
	slot = owner_slot(e, s->owner);
	s->owner_next = e->owners[slot];
	e->owners[slot] = s;
}

static void owner_del(struct mn_session *s)
{
	struct mn_endpoint *e = s->endpoint;
	struct mn_session **at;

	if (!s->owner || !e->owner_size)
		return;
	at = &e->owners[owner_slot(e, s->owner)];
	while (*at && *at != s)
		at = &(*at)->owner_next;
	if (*at)
		*at = s->owner_next;
}

static void list_add(struct mn_session **head, struct mn_session *s)
{
	s->next = *head;
	s->prev = head;
	if (s->next)
		s->next->prev = &s->next;
	*head = s;
}

void mn_session_unlink(struct mn_session *s)
{
	if (s->endpoint->sweep == s)
		s->endpoint->sweep = s->next;
	*s->prev = s->next;
	if (s->next)
		s->next->prev = s->prev;
}

struct mn_session *mn_session_new(struct mn_endpoint *e, const struct mn_peer *peer)
{
	struct mn_session *s = mn_pool_get(&e->session_pool);

	if (!s)
		return NULL;
	s->peer = *peer;
	s->endpoint = e;
	s->id = e->last_id += e->id_step;
	s->state = MN_SESSION_CONNECTING;
	list_add(&e->all, s);
	return s;
}

/* Time since then, of the loop's low 32 bits. */
static uint32_t since(const struct mn_session *s, uint32_t then)
{
	return (uint32_t)mn_loop_now(s->endpoint->loop) - then;
}

static void check(struct mn_session *s)
{
	struct mn_endpoint *e = s->endpoint;

	if (s->state != MN_SESSION_OPEN)
		return;
	if (e->config.age_ms && since(s, s->opened_ms) >= e->config.age_ms) {
		e->stats.closed_age++;
		mn_session_end(s, MN_CLOSE_AGE, false);
	} else if (e->config.idle_ms && since(s, s->active_ms) >= e->config.idle_ms) {
		e->stats.closed_idle++;
		mn_session_end(s, MN_CLOSE_IDLE, false);
	}
}

static void arm(struct mn_endpoint *e)
{
	uint64_t limit = e->config.idle_ms;

	if (e->config.age_ms && (!limit || e->config.age_ms < limit))
		limit = e->config.age_ms;
	if (!limit || !e->stats.sessions)
		return;
	limit /= SWEEPS * (e->stats.sessions / SWEEP + 1);
	mn_timer_set(mn_loop_timers(e->loop), &e->sweep_timer, limit ? limit : 1);
}

void mn_session_sweep(struct mn_timer *t)
{
	struct mn_endpoint *e = (void *)((char *)t - offsetof(struct mn_endpoint, sweep_timer));

	if (!e->sweep)
		e->sweep = e->all;
	for (unsigned int n = 0; n < SWEEP && e->sweep; n++) {
		struct mn_session *s = e->sweep;

		e->sweep = s->next;
		check(s);
	}
	arm(e);
}

void mn_session_limits(struct mn_endpoint *e)
{
	mn_timer_del(&e->sweep_timer);
	arm(e);
}

void mn_session_open(struct mn_session *s, struct mn_record_state *record)
{
	struct mn_endpoint *e = s->endpoint;

	s->record = *record;
	mn_zero(record, sizeof(*record));
	s->state = MN_SESSION_OPEN;
	s->was_open = true;
	s->opened_ms = s->active_ms = (uint32_t)mn_loop_now(e->loop);
	if (!s->is_client)
		mn_table_add(&e->sessions, &s->peer);
	owner_add(s);
	e->stats.sessions++;
	e->stats.handshakes++;
	if (!mn_timer_pending(&e->sweep_timer))
		arm(e);
	e->ops.opened(e->arg, s);
}

static void tell(struct mn_session *s)
{
	if (s->told)
		return;
	s->told = true;
	s->endpoint->ops.closed(s->endpoint->arg, s, s->why, s->was_open);
}

static void send_alert(struct mn_session *s, uint8_t level, uint8_t description)
{
	uint8_t alert[2] = { level, description }, out[2 + 96];
	int len = mn_record_seal(&s->record, MNCSE_ALERT, alert, sizeof(alert), out, sizeof(out));

	if (len > 0)
		mn_session_transmit(s, out, (size_t)len);
}

void mn_session_end(struct mn_session *s, enum mn_close why, bool now)
{
	struct mn_endpoint *e = s->endpoint;

	if (s->state == MN_SESSION_CLOSED)
		return;
	if (s->shared)
		mn_table_del(&e->sessions, &s->peer);
	if (s->state == MN_SESSION_OPEN) {
		if (why != MN_CLOSE_PEER && why != MN_CLOSE_REPLACED && why != MN_CLOSE_SEQUENCE)
			send_alert(s, ALERT_WARNING, ALERT_CLOSE_NOTIFY);
		if (!s->is_client)
			mn_table_del(&e->sessions, &s->peer);
		owner_del(s);
		e->stats.sessions--;
	}
	if (s->is_client && s->half) {
		mn_half_free(s->half);
		s->half = NULL;
	}
	s->state = MN_SESSION_CLOSED;
	s->why = (uint8_t)why & 15;
	mn_session_unlink(s);
	list_add(&e->dying, s);
	if (s->record.mac) {
		mn_zero(s->record.mac, sizeof(*s->record.mac));
		free(s->record.mac);
	}
	mn_zero(&s->record, sizeof(s->record));
	if (now)
		tell(s);
	mn_loop_defer(e->loop, &e->bury);
}

const union mn_addr *mn_session_destination(const struct mn_session *s)
{
	if (s->shared)
		return &s->endpoint->shared[s->shared - 1].peer;
	return s->is_client ? NULL : &s->peer.addr;
}

static void drop_flight(struct mn_session *s)
{
	if (s->is_client || !s->flight)
		return;
	mn_pool_put(&s->endpoint->flight_pool, s->flight);
	s->flight = NULL;
}

static void add_stats(struct mn_udp_stats *sum, const struct mn_udp_stats *u)
{
	sum->in += u->in;
	sum->in_bytes += u->in_bytes;
	sum->out += u->out;
	sum->out_bytes += u->out_bytes;
	sum->truncated += u->truncated;
}

/* Runs in the loop's deferred stage: nothing on the stack refers to a session any more. */
void mn_session_bury(struct mn_defer *d)
{
	struct mn_endpoint *e = (void *)((char *)d - offsetof(struct mn_endpoint, bury));
	struct mn_session *s;

	while ((s = e->dying)) {
		tell(s);
		mn_session_unlink(s);
		if (s->is_client && !s->shared) {
			add_stats(&e->gone, mn_udp_stats(s->peer.udp));
			mn_udp_free(s->peer.udp);
		}
		drop_flight(s);
		mn_local_put(e, s->local);
		mn_pool_put(&e->session_pool, s);
	}
}

void mn_session_transmit(struct mn_session *s, const uint8_t *data, size_t len)
{
	struct mn_loop *l = s->endpoint->loop;
	struct mn_local from;
	size_t size;
	uint8_t *buf = mn_send_buffer(l, &size);

	if (!buf)
		return;
	if (len > size) {
		mn_send_buffer_put(l, buf);
		return;
	}
	memcpy(buf, data, len);
	mn_session_local(s, &from);
	mn_udp_send(s->peer.udp, buf, len, mn_session_destination(s), &from);
}

void mn_session_send_flight(struct mn_session *s)
{
	if (!s->is_client && s->flight)
		mn_session_transmit(s, s->flight->bytes, s->flight->len);
}

size_t mn_session_room(const struct mn_session *s)
{
	/* a send buffer less what sealing adds; the buffers are the loop's default size or larger */
	return 2048 - mn_record_overhead(s->record.suite);
}

int mn_session_send(struct mn_session *s, const void *data, size_t len)
{
	struct mn_endpoint *e = s->endpoint;
	struct mn_local from;
	uint8_t *buf;
	size_t size;
	int n;

	if (s->state != MN_SESSION_OPEN)
		return -ENOTCONN;
	if (!len || len > mn_session_room(s))
		return -EMSGSIZE;
	buf = mn_send_buffer(e->loop, &size);
	if (!buf)
		return -ENOBUFS;
	n = mn_record_seal(&s->record, MNCSE_APPLICATION, data, len, buf, size);
	if (n < 0) {
		mn_send_buffer_put(e->loop, buf);
		if (n == -ERANGE)
			mn_session_end(s, MN_CLOSE_SEQUENCE, false);
		return n == -ERANGE ? -ENOTCONN : n;
	}
	e->stats.records_out++;
	mn_session_local(s, &from);
	mn_udp_send(s->peer.udp, buf, (size_t)n, mn_session_destination(s), &from);
	return 0;
}

/* A Finished again: our last flight was lost. It authenticates, so nobody else can ask for it; it is answered also when its record
 * number is an old one, since some clients repeat their bytes. */
static bool handshake_record(struct mn_session *s, struct mn_record *r)
{
	uint8_t *data;
	int len = mn_record_open(&s->record, r, &data);

	if (len < 0)
		return false;
	mn_replay_update(&s->record.replay, r->sequence);
	if (len > 0 && data[0] == MNCSE_FINISHED)
		mn_session_send_flight(s);
	return true;
}

static void alert_record(struct mn_session *s, const uint8_t *data, int len)
{
	if (len != 2 || (data[0] != ALERT_FATAL && data[1] != ALERT_CLOSE_NOTIFY))
		return;
	s->endpoint->stats.closed_peer++;
	mn_session_end(s, MN_CLOSE_PEER, false);
}

bool mn_session_record(struct mn_session *s, struct mn_record *r)
{
	struct mn_endpoint *e = s->endpoint;
	uint8_t *data;
	int len;

	if (r->type == MNCSE_HANDSHAKE)
		return handshake_record(s, r);
	if (r->type == MNCSE_CHANGE_CIPHER_SPEC)
		return false;
	if (!mn_replay_check(&s->record.replay, r->sequence, MN_REPLAY_WINDOW)) {
		e->stats.drop_replay++;
		return true;
	}
	len = mn_record_open(&s->record, r, &data);
	if (len < 0)
		return false;
	mn_replay_update(&s->record.replay, r->sequence);
	s->active_ms = (uint32_t)mn_loop_now(e->loop);
	e->stats.records_in++;
	drop_flight(s);
	if (r->type == MNCSE_ALERT)
		alert_record(s, data, len);
	else if (len > 0)
		e->ops.message(e->arg, s, data, (size_t)len);
	return true;
}

void mn_session_close(struct mn_session *s)
{
	mn_session_end(s, MN_CLOSE_LOCAL, false);
}

void mn_session_replace(struct mn_session *s)
{
	if (s->state != MN_SESSION_OPEN)
		return;
	s->endpoint->stats.replaced++;
	mn_session_end(s, MN_CLOSE_REPLACED, false);
}

struct mn_loop *mn_session_loop(const struct mn_session *s)
{
	return s->endpoint->loop;
}

void mn_session_set_user(struct mn_session *s, void *user)
{
	s->user = user;
}

void *mn_session_user(const struct mn_session *s)
{
	return s->user;
}

void *mn_session_owner(const struct mn_session *s)
{
	return s->owner;
}

const union mn_addr *mn_session_peer(const struct mn_session *s)
{
	return s->shared ? mn_session_destination(s) : &s->peer.addr;
}

enum mn_suite mn_session_suite(const struct mn_session *s)
{
	return s->record.suite;
}

bool mn_session_is_open(const struct mn_session *s)
{
	return s->state == MN_SESSION_OPEN;
}

uint64_t mn_session_opened_ms(const struct mn_session *s)
{
	return mn_loop_now(s->endpoint->loop) - since(s, s->opened_ms);
}

uint64_t mn_session_active_ms(const struct mn_session *s)
{
	return mn_loop_now(s->endpoint->loop) - since(s, s->active_ms);
}

uint64_t mn_session_id(const struct mn_session *s)
{
	return s->id;
}

uint32_t mn_session_handshake_us(const struct mn_session *s)
{
	return s->handshake_us;
}
