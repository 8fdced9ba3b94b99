// SPDX-License-Identifier: GPL-2.0-or-later
/* Which Rand a device holds, which it trusts, and the OSCORE contexts made from it (docs/protocol.md "Rand", "Ksx"). */
#include "agent_state.h"

#include <errno.h>
#include <string.h>

#include "core/crypto.h"
#include "core/ksx.h"

enum {
	OBSERVE_ANSWER_MS = 40000, /* the answer to an acknowledged GET */
	OBSERVE_FRESH_MS = 128000, /* RFC 7641 3.4 */
};

static bool same(const struct mnt_rand *a, const struct mnt_rand *b)
{
	return a->held && b->held && a->generation == b->generation &&
	       !memcmp(a->rand, b->rand, MN_RAND_LEN);
}

uint64_t mnt_backoff(struct mnt_agent *a)
{
	uint64_t delay;

	a->backoff_ms = a->backoff_ms ? a->backoff_ms * 2 : MNT_BACKOFF_MIN_MS;
	if (a->backoff_ms > MNT_BACKOFF_MAX_MS)
		a->backoff_ms = MNT_BACKOFF_MAX_MS;
	/* devices that failed together must not come back together */
	delay = a->backoff_ms + mnt_jitter(a->backoff_ms / 8);
	a->backoff_until_ms = mn_loop_now(a->config.loop) + delay;
	return delay;
}

/* Below the confirmed generation, or with another Rand for it, nothing is taken; above it the newest message counts, whatever
 * came before, so that a lying gateway can deny service and nothing more. */
static uint8_t take(struct mnt_agent *a, const struct mn_rand_message *m, bool *known)
{
	struct mnt_rand r = { .held = true, .generation = m->generation };

	memcpy(r.rand, m->rand, MN_RAND_LEN);
	if (a->confirmed.held && r.generation <= a->confirmed.generation &&
	    !same(&r, &a->confirmed))
		return MN_COAP_409;
	*known = same(&r, &a->newest);
	if (!*known || a->want_rand) {
		a->use_confirmed = false;
		a->want_fresh = true;
		a->stage = 0;
	}
	a->newest = r;
	a->want_rand = false;
	return MN_COAP_204;
}

static uint8_t take_payload(struct mnt_agent *a, const struct mn_coap *m)
{
	struct mnt_event e = { .type = MNT_EVENT_RAND_REFUSED, .code = MN_COAP_400 };
	struct mn_rand_message r;
	uint32_t format;

	if (mn_coap_option_uint(m, MN_COAP_OPT_CONTENT_FORMAT, 2, &format) ||
	    format != MN_COAP_FORMAT_CBOR) {
		e.code = MN_COAP_415;
	} else if (!mn_rand_message_decode(m->payload, m->payload_len, MN_HOP_INNER, &r)) {
		e.code = take(a, &r, &e.known);
		e.generation = r.generation;
	}
	if (e.code == MN_COAP_204) {
		e.type = MNT_EVENT_RAND;
		a->offered = true;
	}
	mnt_agent_emit(a, &e);
	return e.code;
}

uint8_t mnt_rand_request(struct mnt_agent *a, const struct mn_coap *m)
{
	static const uint16_t known[] = { MN_COAP_OPT_URI_HOST, MN_COAP_OPT_URI_PORT,
					  MN_COAP_OPT_URI_PATH };

	if (a->config.direct || !mn_coap_path_is(m, "gsa"))
		return MN_COAP_404;
	if (m->code != MN_COAP_POST)
		return MN_COAP_405;
	if (mn_coap_critical_unknown(m, known, sizeof(known) / sizeof(known[0])))
		return MN_COAP_402;
	return take_payload(a, m);
}

/* ---- contexts ---- */

static const struct mnt_rand *chosen(const struct mnt_agent *a)
{
	return a->use_confirmed ? &a->confirmed : &a->newest;
}

bool mnt_rand_stale(const struct mnt_agent *a)
{
	return !a->has_context || a->want_fresh || !same(&a->context_rand, chosen(a));
}

/* kid context: generation, 8 random bytes. They are new each time, so no sequence number has to survive a restart. */
static int install(struct mnt_agent *a, const struct mnt_rand *r)
{
	static const uint8_t in_kid = MN_OSCORE_IN_KID;
	const struct mnt_credential *c = a->config.credential;
	uint8_t ksx[MN_KSX_LEN], prk[32], id_context[MN_OSCORE_KID_CONTEXT_LEN];
	int err = mn_random(a->salt, sizeof(a->salt));

	for (int i = 0; i < 4; i++)
		id_context[i] = (uint8_t)(r->generation >> (24 - 8 * i));
	memcpy(id_context + 4, a->salt, sizeof(a->salt));
	if (!err)
		err = mn_ksx_derive(c->in_key, c->in_key_len, c->device_id, strlen(c->device_id),
				    r->rand, ksx);
	if (!err)
		err = mn_oscore_extract(ksx, sizeof(ksx), NULL, 0, prk);
	mn_oscore_fini(&a->context);
	a->has_context = false;
	if (!err)
		err = mn_oscore_derive(&a->context, prk, c->kid, sizeof(c->kid), &in_kid,
				       sizeof(in_kid), id_context, sizeof(id_context));
	mn_zero(ksx, sizeof(ksx));
	mn_zero(prk, sizeof(prk));
	if (err)
		return err;
	a->has_context = true;
	a->context_rand = *r;
	a->want_fresh = false;
	a->rqi_count = 0;
	return 0;
}

int mnt_rand_context(struct mnt_agent *a)
{
	struct mnt_event e = { .type = MNT_EVENT_CONTEXT };
	struct mnt_rand r = *chosen(a);
	int err;

	if (!r.held || a->want_rand)
		return -EAGAIN;
	if (!mnt_rand_stale(a))
		return 0;
	err = install(a, &r);
	if (err)
		return err;
	e.generation = r.generation;
	e.salt = a->salt;
	mnt_agent_emit(a, &e);
	return 0;
}

/* A fresh context first, then one of the other Rand that is held, then none before the next rand-message. */
enum mnt_retry mnt_rand_context_failed(struct mnt_agent *a)
{
	a->stage++;
	a->want_fresh = true;
	if (a->stage == 1)
		return MNT_RETRY_CONTEXT;
	if (a->stage == 2 && a->confirmed.held && !same(&a->confirmed, &a->newest)) {
		a->use_confirmed = !a->use_confirmed;
		return a->use_confirmed ? MNT_RETRY_CONFIRMED : MNT_RETRY_CONTEXT;
	}
	a->want_rand = true;
	return MNT_RETRY_RAND;
}

void mnt_rand_confirm(struct mnt_agent *a)
{
	a->stage = 0;
	a->backoff_ms = 0;
	a->backoff_until_ms = 0;
	a->want_rand = false;
	if (!a->confirmed.held || a->context_rand.generation > a->confirmed.generation)
		a->confirmed = a->context_rand;
	if (a->newest.generation <= a->confirmed.generation)
		a->newest = a->confirmed;
}

/* ---- GET /gsa with Observe ---- */

static void get_done(void *arg, struct mn_messenger *m, enum mn_outcome outcome,
		     const struct mn_coap *msg)
{
	struct mnt_agent *a = arg;

	(void)m;
	switch (outcome) {
	case MN_OUTCOME_ACK:
		if (msg->code == MN_COAP_EMPTY)
			mnt_agent_timer(a, &a->observe_timer, OBSERVE_ANSWER_MS);
		else if (mnt_rand_is_observe(a, msg))
			mnt_rand_observed(a, msg);
		mnt_request_kick(a);
		break;
	case MN_OUTCOME_RST:
		mnt_agent_timer(a, &a->observe_timer, mnt_backoff(a));
		break;
	case MN_OUTCOME_TIMEOUT:
		mnt_agent_timer(a, &a->observe_timer, mnt_backoff(a));
		mnt_agent_silence(a);
		break;
	case MN_OUTCOME_CLOSED:
		break;
	}
}

static void get(struct mnt_agent *a)
{
	struct mn_coap_writer w;
	uint8_t buf[64];
	int len;

	a->observe_token = mnt_agent_token(a);
	a->observing = true;
	a->has_sequence = false;
	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_CON, MN_COAP_GET,
		      mn_messenger_id(&a->messenger), &a->observe_token);
	mn_coap_put_uint(&w, MN_COAP_OPT_OBSERVE, 0);
	mn_coap_put_path(&w, "gsa");
	len = mn_coap_finish(&w);
	if (len < 0 || mn_exchange_send(&a->messenger, buf, (size_t)len, get_done, a))
		mnt_agent_timer(a, &a->observe_timer, mnt_backoff(a));
	a->sent_ms = mn_loop_now(a->config.loop);
}

void mnt_rand_observe_due(struct mn_timer *t)
{
	struct mnt_agent *a = mnt_container(t, struct mnt_agent, observe_timer);

	if (a->open)
		get(a);
}

bool mnt_rand_is_observe(const struct mnt_agent *a, const struct mn_coap *m)
{
	return a->observing && m->token.len == a->observe_token.len &&
	       !memcmp(m->token.bytes, a->observe_token.bytes, m->token.len);
}

/* RFC 7641 3.4: a notification that was overtaken by a later one is dropped. */
static bool is_late(struct mnt_agent *a, const struct mn_coap *m)
{
	uint64_t now = mn_loop_now(a->config.loop);
	uint32_t v;

	if (mn_coap_option_uint(m, MN_COAP_OPT_OBSERVE, 3, &v))
		return false;
	if (a->has_sequence && ((v - a->sequence) & 0xffffff) - 1 >= 0x7fffff &&
	    now <= a->sequence_ms + OBSERVE_FRESH_MS)
		return true;
	a->has_sequence = true;
	a->sequence = v;
	a->sequence_ms = now;
	return false;
}

void mnt_rand_observed(struct mnt_agent *a, const struct mn_coap *m)
{
	struct mnt_event e = { .type = MNT_EVENT_RAND_NONE, .code = m->code };
	uint32_t age;

	if (is_late(a, m))
		return;
	if (mn_coap_option_uint(m, MN_COAP_OPT_MAX_AGE, 4, &age))
		age = MN_COAP_MAX_AGE_DEFAULT;
	if (age < 1)
		age = 1;
	/* After Max-Age the GET is repeated: it registers anew where an error or an answer without Observe did not. */
	e.delay_ms = (uint64_t)age * 1000 + mnt_jitter(1000);
	mnt_agent_timer(a, &a->observe_timer, e.delay_ms);
	if (m->code == MN_COAP_205) {
		take_payload(a, m);
		mnt_request_kick(a);
	} else {
		a->observing = false;
		mnt_agent_emit(a, &e);
	}
}

void mnt_rand_opened(struct mnt_agent *a)
{
	if (a->config.observe)
		get(a);
}

void mnt_rand_closed(struct mnt_agent *a)
{
	a->observing = false;
	mn_timer_del(&a->observe_timer);
}
