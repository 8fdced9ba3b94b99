// SPDX-License-Identifier: GPL-2.0-or-later
/* One oneM2M request, under OSCORE or on a session with the IN itself, and what is done about each answer (docs/protocol.md "Service request", "Device:").
 *
 * WAITING -> SENT -> ACKED -> answer. From each of them back to WAITING for another try; `timer` says when, or, in ACKED,
 * for how long the separate answer is awaited. */
#include "agent_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"

enum {
	REQUEST_MS = 240000,
	ANSWER_MS = 35000, /* the gateway says 5.04 after 30 s */
	NO_BUFFER_MS = 200,
	TEXT_MAX = 64,
};

enum state { WAITING, SENT, ACKED };

struct mnt_open_request {
	struct mnt_agent *agent;
	struct mn_onem2m_request primitive; /* content is a reference */
	enum state state;
	bool same_bytes; /* the next try sends wire as it is */
	uint8_t inner[MN_COAP_MESSAGE_MAX];
	size_t inner_len; /* 0: not yet built, no RQI yet */
	uint8_t wire[MNT_WIRE_MAX];
	size_t wire_len;
	struct mn_oscore_request bound;
	struct mn_coap_token token;
	uint16_t id;
	unsigned int attempts, timeouts, unverified, replays;
	uint64_t sent_us;     /* first try */
	enum mnt_result last; /* how it ends when no time is left */
	uint8_t last_code;
	size_t last_text_len;
	uint8_t last_text[TEXT_MAX];
	struct mn_timer timer;
	struct mn_timer deadline;
};

static void free_request(struct mnt_open_request *q)
{
	mn_timer_del(&q->timer);
	mn_timer_del(&q->deadline);
	json_decref(q->primitive.content);
	mn_zero(q, sizeof(*q));
	free(q);
}

/* The request is detached before the event, so that the next one may begin in it. */
static void finish(struct mnt_open_request *q, enum mnt_result result,
		   const struct mn_onem2m_response *response)
{
	struct mnt_agent *a = q->agent;
	struct mnt_event e = {
		.type = MNT_EVENT_DONE,
		.result = result,
		.response = response,
		.rqi = q->primitive.rqi,
		.attempt = q->attempts,
		.code = q->last_code,
		.text = q->last_text,
		.text_len = q->last_text_len,
		.took_us = q->sent_us ? (uint32_t)(mnt_now_us() - q->sent_us) : 0,
	};

	if (q->state == SENT)
		mn_exchange_stop(&a->messenger, q->id);
	a->request = NULL;
	mnt_agent_emit(a, &e);
	free_request(q);
}

/* ---- sending ---- */

static int build(struct mnt_open_request *q)
{
	struct mnt_agent *a = q->agent;
	char salt[2 * MNT_SALT_LEN + 1];
	int len;

	mn_hex_encode(a->salt, sizeof(a->salt), salt);
	snprintf(q->primitive.rqi, sizeof(q->primitive.rqi), "%s-%u", salt, a->rqi_count++);
	len = mn_onem2m_request_write(&q->primitive, q->inner, sizeof(q->inner));
	if (len < 0)
		return len;
	q->inner_len = (size_t)len;
	return 0;
}

static int protect(struct mnt_open_request *q)
{
	struct mnt_agent *a = q->agent;
	struct mn_coap inner;
	int len, err = mnt_rand_context(a);

	if (a->request != q) /* dropped in the event */
		return -ECANCELED;
	if (!err && !q->inner_len)
		err = build(q);
	if (!err)
		err = mn_coap_read(q->inner, q->inner_len, &inner, NULL);
	if (err)
		return err;
	q->token = mnt_agent_token(a);
	len = mn_oscore_protect_request(&a->context, &inner, MN_COAP_CON, 0, &q->token, true,
					q->wire, sizeof(q->wire), &q->bound);
	if (len < 0)
		return len;
	q->wire_len = (size_t)len;
	return 0;
}

/* A direct agent's session is with the IN itself: the primitive goes as it is. */
static int wrap(struct mnt_open_request *q)
{
	int err = q->inner_len ? 0 : build(q);

	if (err)
		return err;
	q->token = mnt_agent_token(q->agent);
	memcpy(q->wire, q->inner, 4);
	q->wire[0] |= q->token.len;
	memcpy(q->wire + 4, q->token.bytes, q->token.len);
	memcpy(q->wire + 4 + q->token.len, q->inner + 4, q->inner_len - 4);
	q->wire_len = q->inner_len + q->token.len;
	return 0;
}

static void exchanged(void *arg, struct mn_messenger *m, enum mn_outcome outcome,
		      const struct mn_coap *msg);

static void send_wire(struct mnt_open_request *q, bool again)
{
	struct mnt_agent *a = q->agent;
	struct mnt_event e = { .type = MNT_EVENT_SENT, .rqi = q->primitive.rqi };
	int err;

	/* A message of its own each time: the gateway takes a repeated message ID for a retransmission. */
	q->id = mn_messenger_id(&a->messenger);
	q->wire[2] = (uint8_t)(q->id >> 8);
	q->wire[3] = (uint8_t)q->id;
	if (q->wire_len > mn_session_room(a->session)) {
		finish(q, MNT_RESULT_FAILED, NULL);
		return;
	}
	err = mn_exchange_send(&a->messenger, q->wire, q->wire_len, exchanged, a);
	if (err) {
		q->same_bytes = true;
		mnt_agent_timer(a, &q->timer, NO_BUFFER_MS);
		return;
	}
	a->sent_ms = mn_loop_now(a->config.loop);
	q->state = SENT;
	if (!q->attempts++)
		q->sent_us = mnt_now_us();
	e.attempt = q->attempts;
	e.same_bytes = again;
	mnt_agent_emit(a, &e);
}

void mnt_request_kick(struct mnt_agent *a)
{
	struct mnt_open_request *q = a->request;
	uint64_t now = mn_loop_now(a->config.loop);
	bool again;
	int err = 0;

	if (!q || q->state != WAITING || !a->open || mn_timer_pending(&q->timer))
		return;
	if (a->backoff_until_ms > now) {
		mnt_agent_timer(a, &q->timer, a->backoff_until_ms - now);
		return;
	}
	again = q->same_bytes && q->wire_len && (a->config.direct || !mnt_rand_stale(a));
	q->same_bytes = false;
	if (!again)
		err = a->config.direct ? wrap(q) : protect(q);
	if (err == -ERANGE) { /* the context's sequence numbers are used up */
		a->want_fresh = true;
		err = protect(q);
	}
	if (err == -EAGAIN || err == -ECANCELED)
		return; /* the next rand-message kicks */
	if (err)
		finish(q, MNT_RESULT_FAILED, NULL);
	else
		send_wire(q, again);
}

/* ---- after an answer, or none ---- */

static void plan(struct mnt_open_request *q, enum mnt_retry retry, uint64_t delay_ms)
{
	struct mnt_agent *a = q->agent;
	struct mnt_event e = { .type = MNT_EVENT_RETRY, .retry = retry, .delay_ms = delay_ms };

	if (a->config.unverified &&
	    (q->unverified >= a->config.unverified || retry == MNT_RETRY_RAND)) {
		finish(q, q->last, NULL);
		return;
	}
	q->same_bytes = retry == MNT_RETRY_SAME;
	mnt_agent_timer(a, &q->timer, delay_ms);
	if (retry == MNT_RETRY_RAND)
		e.delay_ms = UINT64_MAX;
	mnt_agent_emit(a, &e);
}

static void timed_out(struct mnt_open_request *q)
{
	struct mnt_agent *a = q->agent;
	struct mnt_event e = { .type = MNT_EVENT_TIMEOUT, .attempt = q->attempts };
	enum mnt_retry retry = MNT_RETRY_PROTECT;

	q->state = WAITING;
	q->last = MNT_RESULT_SILENT;
	mnt_agent_emit(a, &e);
	if (a->request != q)
		return;
	if (++q->timeouts >= 2 && !a->config.direct) {
		q->timeouts = 0;
		retry = mnt_rand_context_failed(a);
	}
	plan(q, retry, mnt_backoff(a));
}

static bool text_is(const struct mn_coap *m, const char *text)
{
	return m->payload_len == strlen(text) && !memcmp(m->payload, text, m->payload_len);
}

static void keep_last(struct mnt_open_request *q, const struct mn_coap *m, enum mnt_result result)
{
	q->last = result;
	q->last_code = m->code;
	q->last_text_len = m->payload_len < TEXT_MAX ? m->payload_len : TEXT_MAX;
	if (q->last_text_len)
		memcpy(q->last_text, m->payload, q->last_text_len);
}

static uint64_t max_age_ms(struct mnt_agent *a, const struct mn_coap *m)
{
	uint32_t age;

	if (mn_coap_option_uint(m, MN_COAP_OPT_MAX_AGE, 4, &age))
		age = MN_COAP_MAX_AGE_DEFAULT;
	return age ? (uint64_t)age * 1000 + mnt_jitter(1000) : mnt_backoff(a);
}

static void not_verified(struct mnt_open_request *q, const struct mn_coap *m, enum mnt_retry retry)
{
	keep_last(q, m, MNT_RESULT_UNVERIFIED);
	q->unverified++;
	plan(q, retry, mnt_backoff(q->agent));
}

/* The gateway's word, or the IN's before it could verify: it may be a lie, so it only chooses how the request is tried again. */
static void unprotected(struct mnt_open_request *q, const struct mn_coap *m)
{
	struct mnt_agent *a = q->agent;
	struct mnt_event e = { .type = MNT_EVENT_UNPROTECTED,
			       .code = m->code,
			       .text = m->payload,
			       .text_len = m->payload_len };

	mnt_agent_emit(a, &e);
	if (a->request != q)
		return;
	if (m->code == MN_COAP_503 || m->code == MN_COAP_429) {
		keep_last(q, m, MNT_RESULT_REFUSED);
		plan(q, MNT_RETRY_SAME, max_age_ms(a, m));
	} else if (m->code == MN_COAP_504) {
		keep_last(q, m, MNT_RESULT_REFUSED);
		plan(q, MNT_RETRY_PROTECT, mnt_backoff(a));
	} else if (a->config.direct) {
		keep_last(q, m, MNT_RESULT_REFUSED);
		finish(q, MNT_RESULT_REFUSED, NULL);
	} else if (m->code == MN_COAP_401 && text_is(m, "Replay detected")) {
		keep_last(q, m, MNT_RESULT_UNVERIFIED);
		plan(q, MNT_RETRY_PROTECT, q->replays++ ? mnt_backoff(a) : 0);
	} else if (m->code == MN_COAP_401 ||
		   (m->code == MN_COAP_400 && text_is(m, "Decryption failed"))) {
		not_verified(q, m, mnt_rand_context_failed(a));
	} else if (mn_coap_class(m->code) == 2) {
		not_verified(q, m, MNT_RETRY_PROTECT);
	} else if (m->code == MN_COAP_402 && text_is(m, "Failed to decode COSE")) {
		keep_last(q, m, MNT_RESULT_UNVERIFIED);
		finish(q, MNT_RESULT_UNVERIFIED, NULL);
	} else {
		keep_last(q, m, MNT_RESULT_REFUSED);
		finish(q, MNT_RESULT_REFUSED, NULL);
	}
}

static void protected_answer(struct mnt_open_request *q, const struct mn_coap *m)
{
	struct mnt_agent *a = q->agent;
	struct mnt_event e = { .type = MNT_EVENT_UNVERIFIED, .code = m->code };
	struct mn_onem2m_response response = { .content = NULL };
	struct mn_coap inner;
	uint8_t buf[2 * MN_COAP_MESSAGE_MAX];
	int err = mn_oscore_open_response(&a->context, m, &q->bound, buf, sizeof(buf), &inner);

	if (!err)
		err = mn_onem2m_response_read(&inner, &response);
	if (!err && strcmp(response.rqi, q->primitive.rqi) != 0)
		err = -EBADMSG;
	if (!err) {
		mnt_rand_confirm(a);
		finish(q, MNT_RESULT_VERIFIED, &response);
	} else {
		mnt_agent_emit(a, &e);
		if (a->request == q)
			not_verified(q, m, MNT_RETRY_PROTECT);
	}
	json_decref(response.content);
	mn_zero(buf, sizeof(buf));
}

/* The session is the IN's proof. */
static void direct_answer(struct mnt_open_request *q, const struct mn_coap *m)
{
	struct mnt_agent *a = q->agent;
	struct mnt_event e = { .type = MNT_EVENT_UNVERIFIED, .code = m->code };
	struct mn_onem2m_response response = { .content = NULL };

	if (mn_onem2m_response_read(m, &response)) {
		unprotected(q, m);
		return;
	}
	if (!strcmp(response.rqi, q->primitive.rqi)) {
		a->backoff_ms = 0;
		a->backoff_until_ms = 0;
		finish(q, MNT_RESULT_VERIFIED, &response);
	} else {
		mnt_agent_emit(a, &e);
		if (a->request == q)
			not_verified(q, m, MNT_RETRY_PROTECT);
	}
	json_decref(response.content);
}

static void answered(struct mnt_open_request *q, const struct mn_coap *m)
{
	struct mn_coap_option oscore;

	mn_timer_del(&q->timer);
	q->state = WAITING;
	q->timeouts = 0;
	if (q->agent->config.direct)
		direct_answer(q, m);
	else if (mn_coap_option_find(m, MN_COAP_OPT_OSCORE, &oscore))
		protected_answer(q, m);
	else
		unprotected(q, m);
}

static bool has_token(const struct mnt_open_request *q, const struct mn_coap *m)
{
	return m->token.len == q->token.len &&
	       !memcmp(m->token.bytes, q->token.bytes, m->token.len);
}

bool mnt_request_is(const struct mnt_agent *a, const struct mn_coap *m)
{
	return a->request && a->request->state != WAITING && has_token(a->request, m);
}

void mnt_request_answered(struct mnt_agent *a, const struct mn_coap *m)
{
	/* it says as well that the request has arrived */
	if (a->request->state == SENT)
		mn_exchange_stop(&a->messenger, a->request->id);
	answered(a->request, m);
}

static void exchanged(void *arg, struct mn_messenger *m, enum mn_outcome outcome,
		      const struct mn_coap *msg)
{
	struct mnt_agent *a = arg;
	struct mnt_open_request *q = a->request;
	struct mnt_event e = { .type = MNT_EVENT_ACKED };

	(void)m;
	if (!q || q->state != SENT)
		return;
	switch (outcome) {
	case MN_OUTCOME_ACK:
		if (msg->code != MN_COAP_EMPTY && has_token(q, msg)) {
			answered(q, msg);
			break;
		}
		q->state = ACKED;
		mnt_agent_timer(a, &q->timer, ANSWER_MS);
		mnt_agent_emit(a, &e);
		break;
	case MN_OUTCOME_TIMEOUT:
		/* in this order: giving up the session must find the request waiting */
		timed_out(q);
		mnt_agent_silence(a);
		break;
	case MN_OUTCOME_RST:
		timed_out(q);
		break;
	case MN_OUTCOME_CLOSED:
		break;
	}
}

/* ---- life ---- */

static void timer_due(struct mn_timer *t)
{
	struct mnt_open_request *q = mnt_container(t, struct mnt_open_request, timer);

	if (q->state == ACKED)
		timed_out(q);
	else
		mnt_request_kick(q->agent);
}

static void deadline_due(struct mn_timer *t)
{
	struct mnt_open_request *q = mnt_container(t, struct mnt_open_request, deadline);

	finish(q, q->last, NULL);
}

void mnt_request_closed(struct mnt_agent *a)
{
	struct mnt_open_request *q = a->request;

	if (!q)
		return;
	if (q->state == ACKED)
		mn_timer_del(&q->timer);
	q->state = WAITING;
	q->same_bytes = false;
}

void mnt_request_drop(struct mnt_agent *a)
{
	struct mnt_open_request *q = a->request;

	if (!q)
		return;
	if (q->state == SENT)
		mn_exchange_stop(&a->messenger, q->id);
	a->request = NULL;
	free_request(q);
}

int mnt_agent_request(struct mnt_agent *a, const struct mnt_request *r)
{
	struct mnt_open_request *q;
	unsigned int ms = a->config.request_ms;

	if (a->request)
		return -EBUSY;
	if (a->stopped || strlen(r->to) > MN_TO_MAX)
		return -EINVAL;
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->agent = a;
	q->last = MNT_RESULT_SILENT;
	q->primitive.op = r->op;
	q->primitive.numbering = MN_NUMBERS_TS0008_V3_9;
	strcpy(q->primitive.to, r->to);
	strcpy(q->primitive.from, a->config.credential->device_id);
	q->primitive.has_from = true;
	strcpy(q->primitive.rvi, "3");
	q->primitive.ty = r->op == MN_OP_CREATE ? r->ty : 0;
	q->primitive.content = json_incref(r->content);
	q->primitive.content_format = r->content ? r->content_format : -1;
	mn_timer_init(&q->timer, timer_due);
	mn_timer_init(&q->deadline, deadline_due);
	mnt_agent_timer(a, &q->deadline, ms && ms < REQUEST_MS ? ms : REQUEST_MS);
	/* A new request is worth a try with a fresh context, after whatever backoff is left. */
	if (a->want_rand) {
		a->want_rand = false;
		a->want_fresh = true;
		a->use_confirmed = false;
	}
	a->request = q;
	mnt_request_kick(a);
	return 0;
}
