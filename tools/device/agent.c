// SPDX-License-Identifier: GPL-2.0-or-later
/* The session of one device: handshakes, message dispatch, pings. Everything runs on the loop's thread. */
#include "agent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent_state.h"
#include "core/crypto.h"

enum {
	CONNECT_BACKOFF_MIN_MS = 1000,
	CONNECT_BACKOFF_MAX_MS = 60000,
	SILENT_MAX = 2, /* exchanges without any message from the gateway */
	RAND_MS = 30000,
};

uint64_t mnt_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t mnt_jitter(uint64_t n)
{
	uint64_t r = 0;

	mn_random(&r, sizeof(r));
	return n ? r % n : 0;
}

void mnt_agent_emit(struct mnt_agent *a, struct mnt_event *e)
{
	e->now_us = mnt_now_us();
	a->config.fn(a->config.arg, a, e);
}

void mnt_agent_timer(struct mnt_agent *a, struct mn_timer *t, uint64_t delay_ms)
{
	mn_timer_set(mn_loop_timers(a->config.loop), t, delay_ms);
}

int mnt_agent_send(struct mnt_agent *a, const uint8_t *data, size_t len)
{
	if (!a->open)
		return -ENOTCONN;
	a->sent_ms = mn_loop_now(a->config.loop);
	return mn_session_send(a->session, data, len);
}

struct mn_coap_token mnt_agent_token(struct mnt_agent *a)
{
	struct mn_coap_token t = { .len = sizeof(a->next_token) };

	memcpy(t.bytes, &a->next_token, sizeof(a->next_token));
	a->next_token++;
	return t;
}

/* ---- handshakes ---- */

static void plan_connect(struct mnt_agent *a, struct mnt_event *closed)
{
	uint64_t half = a->connect_backoff_ms / 2;

	closed->delay_ms = UINT64_MAX;
	if (a->stopped)
		return;
	closed->delay_ms = a->hurry ? 0 : half + mnt_jitter(2 * half);
	a->hurry = false;
	a->connect_backoff_ms *= 2;
	if (a->connect_backoff_ms > CONNECT_BACKOFF_MAX_MS)
		a->connect_backoff_ms = CONNECT_BACKOFF_MAX_MS;
	mnt_agent_timer(a, &a->connect_timer, closed->delay_ms);
}

/* The server says whom it claims to be; only the one that this credential is for will do. */
static bool hint_ok(void *arg, void *user, const uint8_t *hint, size_t len)
{
	const struct mnt_agent *a = user;
	const char *want;

	(void)arg;
	if (!a)
		return false;
	want = a->config.direct ? a->config.credential->cse_id : a->config.credential->gateway_id;
	return len == strlen(want) && !memcmp(hint, want, len);
}

static void connect_due(struct mn_timer *t)
{
	struct mnt_agent *a = mnt_container(t, struct mnt_agent, connect_timer);
	const struct mnt_credential *credential = a->config.credential;
	struct mn_connect c = {
		.peer = a->config.gateway,
		.local = a->config.shared ? &a->config.local : NULL,
		.shared = a->config.shared,
		.suites = a->config.suites,
		.identity = credential->inner_id,
		.key = credential->inner_key,
		.key_len = credential->inner_key_len,
		.hint_ok = hint_ok,
		.user = a,
		.give_up_ms = a->config.handshake_ms,
	};
	struct mnt_event e = { .type = MNT_EVENT_CONNECTING };

	if (a->config.direct) {
		c.identity = credential->in_id;
		c.key = credential->in_key;
		c.key_len = credential->in_key_len;
	}
	mnt_agent_emit(a, &e);
	if (a->stopped || a->session)
		return;
	if (mn_endpoint_connect(a->config.endpoint, &c, &a->session)) {
		/* no descriptor or no memory: as if nobody had answered */
		a->session = NULL;
		e = (struct mnt_event){ .type = MNT_EVENT_CLOSED, .close = MN_CLOSE_TIMEOUT };
		plan_connect(a, &e);
		mnt_agent_emit(a, &e);
	}
}

/* All of the gateway's offers may have been lost. It makes them again at our next message, so there has to be one. */
static unsigned int ping_ms(const struct mnt_agent *a)
{
	unsigned int ms = a->config.ping_ms;
	unsigned int rand_ms = a->config.rand_ms ? a->config.rand_ms : RAND_MS;

	if (a->offered || a->config.direct)
		return ms;
	return ms && ms < rand_ms ? ms : rand_ms;
}

static void opened(void *arg, struct mn_session *s)
{
	struct mnt_agent *a = mn_session_user(s);
	struct mnt_event e = { .type = MNT_EVENT_OPENED };

	(void)arg;
	if (!a || a->stopped)
		return;
	a->session = s;
	a->open = true;
	a->silent = 0;
	a->connect_backoff_ms = CONNECT_BACKOFF_MIN_MS;
	a->sent_ms = mn_loop_now(a->config.loop);
	memset(a->seen, 0, sizeof(a->seen));
	mn_messenger_init(&a->messenger, s);
	a->offered = false;
	if (ping_ms(a))
		mnt_agent_timer(a, &a->ping_timer, ping_ms(a));
	e.suite = mn_session_suite(s);
	e.took_us = mn_session_handshake_us(s);
	mnt_agent_emit(a, &e);
	if (!a->open)
		return;
	mnt_rand_opened(a);
	mnt_request_kick(a);
}

static void closed(void *arg, struct mn_session *s, enum mn_close why, bool was_open)
{
	struct mnt_agent *a = mn_session_user(s);
	struct mnt_event e = { .type = MNT_EVENT_CLOSED, .close = why, .was_open = was_open };

	(void)arg;
	if (!a)
		return;
	a->open = false;
	if (a->messenger.session)
		mn_messenger_fini(&a->messenger);
	a->messenger.session = NULL;
	a->session = NULL;
	mn_timer_del(&a->ping_timer);
	mnt_rand_closed(a);
	mnt_request_closed(a);
	plan_connect(a, &e);
	mnt_agent_emit(a, &e);
}

static void give_up_session(struct mnt_agent *a)
{
	a->open = false;
	a->silent = 0;
	mn_timer_del(&a->ping_timer);
	mnt_rand_closed(a);
	mn_session_close(a->session);
}

void mnt_agent_silence(struct mnt_agent *a)
{
	if (a->open && ++a->silent >= SILENT_MAX)
		give_up_session(a);
}

/* ---- pings ---- */

static void ping_done(void *arg, struct mn_messenger *m, enum mn_outcome outcome,
		      const struct mn_coap *msg)
{
	(void)m;
	(void)msg;
	if (outcome == MN_OUTCOME_TIMEOUT)
		mnt_agent_silence(arg);
}

static void ping_due(struct mn_timer *t)
{
	struct mnt_agent *a = mnt_container(t, struct mnt_agent, ping_timer);
	uint64_t now = mn_loop_now(a->config.loop);
	unsigned int ms = ping_ms(a);
	uint64_t due = a->sent_ms + ms;

	if (!ms)
		return;
	if (now >= due) {
		a->sent_ms = now;
		mn_exchange_ping(&a->messenger, ping_done, a);
		due = now + ms;
	}
	mnt_agent_timer(a, t, due - now);
}

/* ---- messages in ---- */

static struct mnt_seen *seen(struct mnt_agent *a, uint16_t id)
{
	for (size_t i = 0; i < sizeof(a->seen) / sizeof(a->seen[0]); i++)
		if (a->seen[i].used && a->seen[i].id == id)
			return &a->seen[i];
	return NULL;
}

static void remember(struct mnt_agent *a, uint16_t id, uint8_t code)
{
	a->seen[a->seen_at++ % (sizeof(a->seen) / sizeof(a->seen[0]))] =
		(struct mnt_seen){ .id = id, .code = code, .used = true };
}

static void send_empty(struct mnt_agent *a, enum mn_coap_type type, uint16_t id)
{
	uint8_t buf[16];

	mnt_agent_send(a, buf, mn_coap_empty(buf, type, id));
}

static void send_code(struct mnt_agent *a, const struct mn_coap *m, uint8_t code)
{
	bool con = m->type == MN_COAP_CON;
	struct mn_coap_writer w;
	uint8_t buf[32];
	int len;

	mn_coap_begin(&w, buf, sizeof(buf), con ? MN_COAP_ACK : MN_COAP_NON, code,
		      con ? m->id : mn_messenger_id(&a->messenger), &m->token);
	len = mn_coap_finish(&w);
	if (len > 0)
		mnt_agent_send(a, buf, (size_t)len);
}

/* A repeated request gets the answer of the first: taking an older Rand a second time would not be harmless. */
static void request_in(struct mnt_agent *a, const struct mn_coap *m)
{
	const struct mnt_seen *before = seen(a, m->id);
	uint8_t code;

	if (before) {
		/* a response had that number: there is no code to repeat */
		if (m->type == MN_COAP_CON && !before->code)
			send_empty(a, MN_COAP_ACK, m->id);
		else if (m->type == MN_COAP_CON)
			send_code(a, m, before->code);
		return;
	}
	code = mnt_rand_request(a, m);
	remember(a, m->id, code);
	send_code(a, m, code);
	/* the acknowledgement leaves first, then what the new Rand makes possible */
	mnt_request_kick(a);
}

static void response_in(struct mnt_agent *a, const struct mn_coap *m)
{
	bool con = m->type == MN_COAP_CON;

	if (seen(a, m->id)) {
		if (con)
			send_empty(a, MN_COAP_ACK, m->id);
		return;
	}
	if (!mnt_request_is(a, m) && !mnt_rand_is_observe(a, m)) {
		if (con)
			send_empty(a, MN_COAP_RST, m->id);
		return;
	}
	remember(a, m->id, 0);
	if (con)
		send_empty(a, MN_COAP_ACK, m->id);
	if (mnt_request_is(a, m))
		mnt_request_answered(a, m);
	else
		mnt_rand_observed(a, m);
}

static void message(void *arg, struct mn_session *s, uint8_t *data, size_t len)
{
	struct mnt_agent *a = mn_session_user(s);
	struct mn_coap m;
	bool headed = false;

	(void)arg;
	if (!a || !a->open || a->session != s)
		return;
	a->silent = 0;
	if (mn_coap_read(data, len, &m, &headed)) {
		if (headed && m.type == MN_COAP_CON)
			send_empty(a, MN_COAP_RST, m.id);
	} else if (m.type == MN_COAP_ACK || m.type == MN_COAP_RST) {
		mn_exchange_input(&a->messenger, &m);
	} else if (mn_coap_is_request(&m)) {
		request_in(a, &m);
	} else if (mn_coap_is_response(&m)) {
		response_in(a, &m);
	} else if (m.type == MN_COAP_CON) {
		send_empty(a, MN_COAP_RST, m.id); /* a ping */
	}
}

/* ---- life ---- */

int mnt_agent_endpoint(struct mn_loop *l, struct mn_endpoint **out)
{
	static const struct mn_endpoint_ops ops = { .opened = opened,
						    .message = message,
						    .closed = closed };
	struct mn_endpoint_config config = { .hint = NULL };

	return mn_endpoint_new(l, &config, &ops, NULL, out);
}

int mnt_agent_new(const struct mnt_agent_config *c, struct mnt_agent **out)
{
	struct mnt_agent *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->config = *c;
	a->connect_backoff_ms = CONNECT_BACKOFF_MIN_MS;
	mn_random(&a->next_token, sizeof(a->next_token));
	if (c->direct)
		mn_random(a->salt, sizeof(a->salt));
	mn_timer_init(&a->connect_timer, connect_due);
	mn_timer_init(&a->ping_timer, ping_due);
	mn_timer_init(&a->observe_timer, mnt_rand_observe_due);
	mnt_agent_timer(a, &a->connect_timer, 0);
	*out = a;
	return 0;
}

bool mnt_agent_stop(struct mnt_agent *a)
{
	a->stopped = true;
	mn_timer_del(&a->connect_timer);
	mnt_request_drop(a);
	if (!a->session)
		return false;
	give_up_session(a);
	return true;
}

void mnt_agent_reconnect(struct mnt_agent *a)
{
	if (a->stopped)
		return;
	a->connect_backoff_ms = CONNECT_BACKOFF_MIN_MS;
	a->hurry = a->session != NULL;
	if (a->open)
		give_up_session(a);
	else if (a->session)
		mn_session_close(a->session);
	else
		mnt_agent_timer(a, &a->connect_timer, 0);
}

void mnt_agent_free(struct mnt_agent *a)
{
	if (!a)
		return;
	mnt_agent_stop(a);
	if (a->session)
		mn_session_set_user(a->session, NULL);
	if (a->messenger.session)
		mn_messenger_fini(&a->messenger);
	mn_oscore_fini(&a->context);
	mn_zero(a, sizeof(*a));
	free(a);
}

bool mnt_agent_is_open(const struct mnt_agent *a)
{
	return a->open;
}

bool mnt_agent_has_rand(const struct mnt_agent *a)
{
	return a->newest.held;
}

bool mnt_agent_is_direct(const struct mnt_agent *a)
{
	return a->config.direct;
}

const struct mnt_credential *mnt_agent_credential(const struct mnt_agent *a)
{
	return a->config.credential;
}
