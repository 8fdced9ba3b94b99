// SPDX-License-Identifier: GPL-2.0-or-later
#include "upstream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/crypto.h"
#include "gateway.h"
#include "log.h"
#include "tell.h"

/* Timers: retry (next attempt to connect), keepalive (15 s after the last record of the IN, then every 15 s). */

static const char *const state_names[] = {
	[MND_UPSTREAM_DOWN] = "down",
	[MND_UPSTREAM_CONNECTING] = "connecting",
	[MND_UPSTREAM_UP] = "up",
};

const char *mnd_upstream_state_name(enum mnd_upstream_state s)
{
	return state_names[s];
}

static void set_state(struct mnd_upstream *u, enum mnd_upstream_state s)
{
	if (u->state == s)
		return;
	u->state = s;
	u->since_ms = mn_loop_now(u->gateway->loop);
	mnd_tell_upstream(u->gateway);
}

static struct mn_timers *timers(struct mnd_upstream *u)
{
	return mn_loop_timers(u->gateway->loop);
}

static bool hint_ok(void *arg, void *user, const uint8_t *hint, size_t len)
{
	struct mnd_upstream *u = user;

	(void)arg;
	u->hint_refused = len != strlen(u->in_id) || memcmp(hint, u->in_id, len);
	return !u->hint_refused;
}

/* Between base and one and a half of it, so that gateways of one IN do not come back in step. */
static uint32_t jitter(uint32_t base)
{
	uint32_t r = 0;

	if (mn_random(&r, sizeof(r)))
		return base;
	return base + r % (base / 2 + 1);
}

static void plan_retry(struct mnd_upstream *u, bool at_once)
{
	uint32_t delay = 0;

	if (!at_once) {
		delay = jitter(u->backoff_ms);
		if (delay > MND_BACKOFF_MAX_MS)
			delay = MND_BACKOFF_MAX_MS;
		u->backoff_ms = u->backoff_ms * 2 > MND_BACKOFF_MAX_MS ? MND_BACKOFF_MAX_MS :
									 u->backoff_ms * 2;
	}
	u->retry_at_ms = mn_loop_now(u->gateway->loop) + delay;
	mn_timer_set(timers(u), &u->retry, delay);
	mnd_tell_upstream(u->gateway);
}

static void connect_now(struct mnd_upstream *u)
{
	struct mn_connect c = {
		.peer = u->address,
		.trunk = true, /* answers to all that wait come at once */
		.identity = u->kpsa_id,
		.key = mnd_keyring_key(u->gateway->credentials.keys, u->key_slot),
		.key_len = u->key_len,
		.hint_ok = hint_ok,
		.user = u,
		.give_up_ms = MND_CONNECT_MS,
	};
	int err;

	u->hint_refused = false;
	u->gateway->counters.outer_connects++;
	mnd_classify_upstream(u->gateway, &u->address, NULL);
	err = mn_endpoint_connect(u->endpoint, &c, &u->session);
	if (err) {
		mn_error("IN %s: cannot connect: %s", u->in_id, strerror(-err));
		set_state(u, MND_UPSTREAM_DOWN);
		plan_retry(u, false);
		return;
	}
	set_state(u, MND_UPSTREAM_CONNECTING);
}

static void retry(struct mn_timer *t)
{
	struct mnd_upstream *u = mnd_container(t, struct mnd_upstream, retry);

	if (!u->stopped && !u->session)
		connect_now(u);
}

static void keepalive(struct mn_timer *t)
{
	struct mnd_upstream *u = mnd_container(t, struct mnd_upstream, keepalive);
	struct mnd_counters *n = &u->gateway->counters;
	uint64_t silent = mn_loop_now(u->gateway->loop) - mn_session_active_ms(u->session);

	if (silent < MND_KEEPALIVE_MS) {
		u->pings_lost = 0;
		mn_timer_set(timers(u), t, MND_KEEPALIVE_MS - silent);
		return;
	}
	/* silent for n periods: n - 1 pings have had their 15 s */
	if (silent >= 2 * MND_KEEPALIVE_MS) {
		u->pings_lost++;
		n->outer_pings_lost++;
	}
	if (u->pings_lost >= MND_KEEPALIVE_LOST) {
		mn_warn("IN %s: %d pings in a row were lost", u->in_id, MND_KEEPALIVE_LOST);
		mn_session_close(u->session);
		return;
	}
	if (!mn_exchange_ping(&u->messenger, NULL, NULL))
		n->outer_pings_out++;
	mn_timer_set(timers(u), t, MND_KEEPALIVE_MS);
}

static void opened(void *arg, struct mn_session *s)
{
	struct mnd_upstream *u = arg;
	char text[MN_ADDR_TEXT];

	u->session = s;
	mn_messenger_init(&u->messenger, s);
	u->backoff_ms = MND_BACKOFF_MIN_MS;
	u->pings_lost = 0;
	u->n_acks = 0;
	memset(u->answers, 0, sizeof(u->answers));
	mnd_classify_upstream(u->gateway, &u->address, s);
	set_state(u, MND_UPSTREAM_UP);
	u->gateway->counters.outer_handshakes_out++;
	mn_timer_set(timers(u), &u->keepalive, MND_KEEPALIVE_MS);
	mn_event(MN_EVENT_IN_UP, MN_LOG_INFO, "IN %s: session up with %s, %s", u->in_id,
		 mn_addr_text(&u->address, text), mn_suite_name(mn_session_suite(s)));
}

static void closed(void *arg, struct mn_session *s, enum mn_close why, bool was_open)
{
	struct mnd_upstream *u = arg;
	bool at_once = u->renew || why == MN_CLOSE_AGE || why == MN_CLOSE_SEQUENCE;

	if (s != u->session)
		return;
	u->session = NULL;
	u->renew = false;
	mn_timer_del(&u->keepalive);
	set_state(u, MND_UPSTREAM_DOWN);
	if (!u->stopped)
		plan_retry(u, at_once);
	if (was_open) {
		mn_messenger_fini(&u->messenger);
		u->n_acks = 0;
		mnd_relay_interrupt(&u->gateway->relay);
	}
	if (u->stopped)
		return;
	if (at_once)
		mn_event(MN_EVENT_IN_DOWN, MN_LOG_INFO, "IN %s: session ended to be made anew",
			 u->in_id);
	else
		mn_event(MN_EVENT_IN_DOWN, MN_LOG_WARN,
			 "IN %s: %s: %s; next attempt in %" PRIu64 " ms", u->in_id,
			 was_open ? "session closed" : "no session",
			 u->hint_refused ? "its hint is another IN's ID" : mn_close_name(why),
			 u->retry_at_ms - mn_loop_now(u->gateway->loop));
}

static void send_empty(struct mnd_upstream *u, enum mn_coap_type type, uint16_t id)
{
	uint8_t buf[16];
	size_t len = mn_coap_empty(buf, type, id);

	mnd_upstream_send(u, buf, len);
}

/* Answers of the IN are NON; a CON one is acknowledged, once its token is known. */
static void response(struct mnd_upstream *u, const struct mn_coap *msg)
{
	const struct mnd_upstream_ack to = { true, msg->id, msg->token };

	if (msg->type == MN_COAP_NON)
		mnd_relay_answer(&u->gateway->relay, msg);
	else if (mnd_upstream_seen(u, msg))
		return;
	else if (mnd_relay_answer(&u->gateway->relay, msg))
		mnd_upstream_acknowledge(u, &to, MN_COAP_EMPTY);
	else
		send_empty(u, MN_COAP_RST, msg->id);
}

static void message(void *arg, struct mn_session *s, uint8_t *data, size_t len)
{
	struct mnd_upstream *u = arg;
	struct mnd_counters *n = &u->gateway->counters;
	struct mn_coap msg;
	bool headed = false;

	if (s != u->session || u->state != MND_UPSTREAM_UP)
		return;
	n->outer_messages_in++;
	if (mn_coap_read(data, len, &msg, &headed)) {
		n->outer_malformed++;
		if (headed && msg.type == MN_COAP_CON)
			send_empty(u, MN_COAP_RST, msg.id);
	} else if (msg.type == MN_COAP_ACK || msg.type == MN_COAP_RST) {
		if (!mn_exchange_input(&u->messenger, &msg))
			n->outer_unmatched++;
	} else if (msg.code == MN_COAP_EMPTY) {
		n->outer_pings++;
		if (msg.type == MN_COAP_CON)
			send_empty(u, MN_COAP_RST, msg.id);
	} else if (mn_coap_is_response(&msg)) {
		response(u, &msg);
	} else {
		mnd_upstream_request(u, &msg);
	}
}

int mnd_upstream_init(struct mnd_upstream *u, struct mnd_gateway *g)
{
	static const struct mn_endpoint_ops ops = { .opened = opened,
						    .message = message,
						    .closed = closed };
	const struct mn_endpoint_config c = {
		.dhe = g->settings.dhe,
		.age_ms = MND_SESSION_AGE_MS,
	};

	*u = (struct mnd_upstream){
		.gateway = g,
		.backoff_ms = MND_BACKOFF_MIN_MS,
		.key_slot = MND_KEYRING_NONE,
		.since_ms = mn_loop_now(g->loop),
		.commit.fn = mnd_upstream_commit,
	};
	mn_timer_init(&u->retry, retry);
	mn_timer_init(&u->keepalive, keepalive);
	return mn_endpoint_new(g->loop, &c, &ops, u, &u->endpoint);
}

void mnd_upstream_fini(struct mnd_upstream *u)
{
	if (!u->gateway)
		return;
	u->stopped = true;
	mn_endpoint_free(u->endpoint);
	u->endpoint = NULL;
	mn_timer_del(&u->retry);
	mn_timer_del(&u->keepalive);
	if (u->key_slot != MND_KEYRING_NONE)
		mnd_keyring_del(u->gateway->credentials.keys, u->key_slot);
	u->key_slot = MND_KEYRING_NONE;
}

struct lookup {
	const char *in_id;
	struct mn_peer_record found;
	bool is_found;
};

static int find_peer(void *arg, const struct mn_peer_record *p)
{
	struct lookup *l = arg;

	if (strcmp(p->entity_id, l->in_id))
		return 0;
	l->found = *p;
	l->is_found = true;
	return 1;
}

static bool same(const struct mnd_upstream *u, const union mn_addr *a,
		 const struct mn_peer_record *p)
{
	const uint8_t *key;

	if (u->key_slot == MND_KEYRING_NONE)
		return false;
	key = mnd_keyring_key(u->gateway->credentials.keys, u->key_slot);
	return mn_addr_equal(a, &u->address) && !strcmp(p->entity_id, u->in_id) &&
	       !strcmp(p->kpsa_id, u->kpsa_id) && p->key.len == u->key_len &&
	       mn_equal(p->key.bytes, key, u->key_len);
}

static int take_peer(struct mnd_upstream *u, const union mn_addr *a, const struct mn_peer_record *p)
{
	struct mnd_keyring *keys = u->gateway->credentials.keys;
	uint32_t slot;
	int err = mnd_keyring_add(keys, p->key.bytes, p->key.len, &slot);

	if (err)
		return err;
	if (u->key_slot != MND_KEYRING_NONE)
		mnd_keyring_del(keys, u->key_slot);
	u->key_slot = slot;
	u->key_len = p->key.len;
	u->address = *a;
	snprintf(u->in_id, sizeof(u->in_id), "%s", p->entity_id);
	snprintf(u->kpsa_id, sizeof(u->kpsa_id), "%s", p->kpsa_id);
	mnd_upstream_refresh(u);
	return 0;
}

int mnd_upstream_configure(struct mnd_upstream *u, const char *address, const char *in_id,
			   char err[256])
{
	struct lookup l = { .in_id = in_id };
	union mn_addr a;
	int rc = mn_addr_parse(address, 5684, &a);

	if (!rc)
		rc = mn_store_peer_each(u->gateway->store, find_peer, &l);
	if (rc < 0) {
		snprintf(err, 256, "upstream: %s", strerror(-rc));
	} else if (!l.is_found) {
		snprintf(err, 256, "upstream.in_id: the store has no credential for the IN %.128s",
			 in_id);
		rc = -ENOENT;
	} else {
		rc = same(u, &a, &l.found) ? 0 : take_peer(u, &a, &l.found);
		if (rc)
			snprintf(err, 256, "upstream: %s", strerror(-rc));
	}
	mn_zero(&l.found, sizeof(l.found));
	return rc;
}

void mnd_upstream_stop(struct mnd_upstream *u)
{
	u->stopped = true;
	mn_timer_del(&u->retry);
	if (u->session)
		mn_session_close(u->session);
}

void mnd_upstream_refresh(struct mnd_upstream *u)
{
	if (u->stopped)
		return;
	u->backoff_ms = MND_BACKOFF_MIN_MS;
	if (u->session) {
		u->renew = true;
		mn_session_close(u->session);
	} else {
		plan_retry(u, true);
	}
}

int mnd_upstream_max_age(struct mnd_upstream *u)
{
	uint64_t now = mn_loop_now(u->gateway->loop);
	uint64_t wait =
		u->state == MND_UPSTREAM_DOWN && u->retry_at_ms > now ? u->retry_at_ms - now : 0;

	/* not all in the same second */
	return 1 + (int)(wait / 1000) + (int)(u->gateway->counters.inner_refused_unavailable % 3);
}

int mnd_upstream_send(struct mnd_upstream *u, const void *data, size_t len)
{
	return u->state == MND_UPSTREAM_UP ? mn_session_send(u->session, data, len) : -ENOTCONN;
}
