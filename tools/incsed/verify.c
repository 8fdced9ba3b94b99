// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "in.h"
#include "log.h"
#include "service.h"

enum refusal {
	TAKEN,
	REFUSE_COSE,
	REFUSE_CONTEXT,
	REFUSE_REPLAY,
	REFUSE_DECRYPT,
	REFUSE_RATE,
	REFUSE_CONTEXTS,
	REFUSE_OPTION,
	REFUSE_METHOD,
	REFUSE_PATH,
	REFUSE_STORE,
	REPEATED, /* the stored answer again, or nothing while there is none yet */
	DROPPED,
};

#define COUNTER(name) offsetof(struct mnt_stats, name)
#define STORE_RETRY_S 5

/* RFC 8613 8.2, and what docs/protocol.md adds. Max-Age 0 unless the refusal says when to come again. */
static const struct {
	uint8_t code;
	const char *text;
	size_t counter;
} refusals[] = {
	[REFUSE_COSE] = { MN_COAP_402, "Failed to decode COSE", COUNTER(refused_cose) },
	[REFUSE_CONTEXT] = { MN_COAP_401, "Security context not found", COUNTER(refused_context) },
	[REFUSE_REPLAY] = { MN_COAP_401, "Replay detected", COUNTER(refused_replay) },
	[REFUSE_DECRYPT] = { MN_COAP_400, "Decryption failed", COUNTER(refused_decrypt) },
	[REFUSE_RATE] = { MN_COAP_429, "Too many new contexts", COUNTER(refused_rate) },
	[REFUSE_CONTEXTS] = { MN_COAP_403, "Too many contexts", COUNTER(refused_contexts) },
	[REFUSE_OPTION] = { MN_COAP_402, "Unknown critical option", COUNTER(refused_option) },
	[REFUSE_METHOD] = { MN_COAP_405, "POST only", COUNTER(refused_method) },
	[REFUSE_PATH] = { MN_COAP_404, "No OSCORE option", COUNTER(refused_path) },
	[REFUSE_STORE] = { MN_COAP_503, "Store unavailable", COUNTER(refused_store) },
};

static void refuse(struct mnt_link *l, const struct mn_coap_token *token, enum refusal why,
		   uint32_t max_age)
{
	struct mn_coap_writer w;
	uint8_t buf[64];
	int len;

	++*(uint64_t *)((char *)&l->gateway->in->stats + refusals[why].counter);
	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_NON, refusals[why].code,
		      mn_messenger_id(&l->messenger), token);
	mn_coap_put_uint(&w, MN_COAP_OPT_MAX_AGE, max_age);
	mn_coap_put_payload(&w, refusals[why].text, strlen(refusals[why].text));
	len = mn_coap_finish(&w);
	if (len > 0)
		l->send(l, buf, (size_t)len);
}

/* ---- the answer, held until the batch is durable ---- */

struct held {
	struct mnt_after after;
	struct mnt_link *link;
	struct mnt_device *device;
	struct mnt_ksx *ksx;
	struct mnt_context *context;
	struct mn_oscore_request rq;
	struct mn_coap_token token;
	uint8_t digest[MN_SHA256_LEN]; /* of the request's bytes */
	bool proof;                    /* the first of its generation */
	struct mnt_service service;
};

static void send_answer(struct held *h)
{
	struct mnt_link *l = h->link;
	struct mnt_repeat *e = mnt_repeat_find(&l->repeats, h->digest);
	uint8_t buf[MN_COAP_MESSAGE_MAX];
	struct mn_coap inner;
	int len;

	if (!h->service.len)
		return;
	len = mn_coap_read(h->service.answer, h->service.len, &inner, NULL);
	if (!len)
		len = mn_oscore_protect_response(&h->context->oscore, &inner, &h->rq, false,
						 MN_COAP_NON, mn_messenger_id(&l->messenger),
						 &h->token, buf, sizeof(buf));
	if (len < 0) {
		mn_error("an answer could not be protected: %s", strerror(-len));
		return;
	}
	if (e)
		mnt_repeat_answer(&l->repeats, e, buf, (size_t)len);
	l->answers++;
	l->gateway->in->stats.answers_out++;
	l->send(l, buf, (size_t)len);
}

/* The context is as if it had never been, so the same bytes may come again: nothing was encrypted under it. */
static void creation_failed(struct held *h)
{
	struct mnt_repeat *e = mnt_repeat_find(&h->link->repeats, h->digest);

	if (e)
		e->opened = false;
	if (!h->context->held)
		mnt_context_undo(h->ksx, h->context);
	refuse(h->link, &h->token, REFUSE_STORE, STORE_RETRY_S);
}

static void proof_seen(struct held *h)
{
	struct mnt_device *d = h->device;

	if (d->authenticated == h->ksx->generation)
		return;
	d->authenticated = h->ksx->generation;
	if (d->group->current.number == h->ksx->generation)
		d->group->authenticated++;
	h->link->gateway->in->stats.authenticated++;
}

static void batch_done(struct mnt_after *a, int err)
{
	struct held *h = mnt_of(a, struct held, after);

	h->context->held--;
	if (!err) {
		h->context->durable = true;
		if (h->proof)
			proof_seen(h);
	}
	if (!h->context->durable)
		creation_failed(h);
	else if (!err || !mnt_service_failed(&h->service))
		send_answer(h);
	mn_pool_put(&h->link->gateway->in->held, h);
}

/* ---- the checks ---- */

/* A request as it goes through them. */
struct checked {
	struct mnt_in *in;
	struct mnt_link *link;
	const struct mn_coap *m;
	struct mnt_repeat *repeat; /* what its bytes were before, or are now */
	struct mn_oscore_option option;
	const uint8_t *salt;
	struct mnt_device *device;
	const struct mnt_generation *generation;
	struct mnt_ksx *ksx;         /* NULL: nothing of that generation yet */
	struct mnt_context *context; /* NULL: to be created */
	uint32_t max_age;
};

static enum refusal check_outer(struct checked *c)
{
	static const uint16_t known[] = { MN_COAP_OPT_OSCORE, MN_COAP_OPT_URI_HOST,
					  MN_COAP_OPT_URI_PORT };
	struct mn_coap_option o;

	if (!mn_coap_option_find(c->m, MN_COAP_OPT_OSCORE, &o))
		return REFUSE_PATH;
	if (mn_oscore_option_read(o.value, o.len, &c->option) || !c->option.has_kid ||
	    !c->option.piv_len || !c->m->payload_len)
		return REFUSE_COSE;
	if (mn_coap_critical_unknown(c->m, known, sizeof(known) / sizeof(known[0])))
		return REFUSE_OPTION;
	if (c->m->code != MN_COAP_POST)
		return REFUSE_METHOD;
	return TAKEN;
}

/* Unknown, revoked and foreign kids look the same, and so does a generation that is not acceptable. */
static enum refusal check_device(struct checked *c)
{
	uint32_t generation;

	c->device = mnt_device_by_kid(&c->in->devices, c->option.kid, c->option.kid_len);
	if (!c->device || c->device->group->gateway != c->link->gateway)
		return REFUSE_CONTEXT;
	if (!c->option.has_kid_context || c->option.kid_context_len != MN_OSCORE_KID_CONTEXT_LEN)
		return REFUSE_CONTEXT;
	memcpy(&generation, c->option.kid_context, sizeof(generation));
	c->salt = c->option.kid_context + sizeof(generation);
	c->generation = mnt_group_accepts(c->device->group, be32toh(generation));
	if (!c->generation)
		return REFUSE_CONTEXT;
	/* The gateway repeats the request; by then it has said whether this store is up to date. */
	if (!c->generation->trusted) {
		c->in->stats.drop_untrusted++;
		return DROPPED;
	}
	return TAKEN;
}

static enum refusal check_context(struct checked *c)
{
	uint64_t seq = mn_oscore_piv(c->option.piv, c->option.piv_len);

	c->ksx = mnt_device_ksx(c->device, c->generation->number);
	if (c->ksx && mnt_context_spent(c->ksx, c->salt))
		return REFUSE_CONTEXT;
	c->context = c->ksx ? mnt_context_find(c->ksx, c->salt) : NULL;
	if (c->context) {
		if (mn_replay_check(&c->context->oscore.window, seq, MN_OSCORE_WINDOW))
			return TAKEN;
		return c->repeat && c->repeat->opened ? REPEATED : REFUSE_REPLAY;
	}
	switch (mnt_context_may_create(c->device, c->ksx, mnt_clock_ms(&c->in->clock),
				       &c->max_age)) {
	case 0:
		return TAKEN;
	case -EAGAIN:
		return REFUSE_RATE;
	default:
		return REFUSE_CONTEXTS;
	}
}

/* Derives what is missing and opens the message; what authenticates under a new context makes it live. */
static enum refusal open_request(struct checked *c, struct mn_coap *inner,
				 struct mn_oscore_request *rq)
{
	struct mnt_in *in = c->in;
	struct mn_oscore fresh = { 0 };
	struct mn_oscore *o = c->context ? &c->context->oscore : &fresh;
	int err;

	c->ksx = mnt_device_ksx_get(c->device, c->generation->number);
	if (!c->ksx)
		return DROPPED;
	if (c->context)
		err = mnt_context_key(c->device, c->ksx, c->generation->rand, c->context);
	else
		err = mnt_context_derive(c->device, c->ksx, c->generation->rand, c->salt, o);
	if (!err)
		err = mn_oscore_open_request(o, c->m, in->scratch, sizeof(in->scratch), inner, rq);
	if (!err && !c->context) {
		unsigned int spent = c->ksx->spent_n;

		c->context =
			mnt_context_create(&in->commit, &in->devices, c->device, c->ksx, c->salt, o,
					   mnt_clock_ms(&in->clock), mnt_clock_unix(&in->clock));
		in->stats.contexts_new += c->context != NULL;
		in->stats.contexts_spent += c->ksx->spent_n - spent;
		err = c->context ? 0 : -ENOMEM;
	}
	mn_oscore_fini(&fresh);
	switch (err) {
	case 0:
		mnt_context_touch(&in->devices, c->context);
		return TAKEN;
	case -EBADMSG:
		return REFUSE_DECRYPT;
	case -EPROTO:
		return REFUSE_COSE;
	default:
		in->stats.drop_memory++;
		return DROPPED;
	}
}

/* The first proof of Ksx in this generation. In the store the context says so. */
static bool is_proof(const struct checked *c)
{
	return c->device->authenticated != c->generation->number &&
	       c->generation == &c->device->group->current;
}

static void execute(struct checked *c, struct held *h, const struct mn_coap *inner)
{
	struct mnt_in *in = c->in;
	int err;

	h->link = c->link;
	h->device = c->device;
	h->ksx = c->ksx;
	h->context = c->context;
	h->token = c->m->token;
	h->proof = is_proof(c);
	c->device->requests++;
	err = mnt_service_execute(&in->resources, &in->commit, c->device->id, inner,
				  mnt_clock_unix(&in->clock), &h->service);
	in->stats.executed += h->service.executed;
	in->stats.retries += h->service.retry;
	if (err)
		mn_error("no answer could be written: %s", strerror(-err));
	h->after.fn = batch_done;
	h->context->held++;
	mnt_commit_after(&in->commit, &h->after);
}

static void repeated(struct checked *c)
{
	struct mnt_repeat *e = c->repeat;
	uint16_t id;

	if (!e->bytes)
		return;
	/* All but the message ID is as before. */
	id = mn_messenger_id(&c->link->messenger);
	e->bytes[2] = (uint8_t)(id >> 8);
	e->bytes[3] = (uint8_t)id;
	c->in->stats.answers_again++;
	c->link->send(c->link, e->bytes, e->len);
}

/* Digest of all but the message ID. It is written over the header, which has been read. */
static int bytes_digest(uint8_t *data, size_t len, uint8_t out[MN_SHA256_LEN])
{
	data[2] = data[0];
	data[3] = data[1];
	return mn_sha256(data + 2, len - 2, out);
}

static enum refusal take(struct checked *c, const uint8_t digest[MN_SHA256_LEN])
{
	enum refusal r = check_outer(c);
	struct mn_coap inner;
	struct held *h;

	if (r == TAKEN)
		r = check_device(c);
	if (r == TAKEN)
		r = check_context(c);
	if (r != TAKEN)
		return r;
	if (!c->in->held.size)
		mn_pool_init(&c->in->held, sizeof(*h), SIZE_MAX);
	h = mn_pool_get(&c->in->held);
	if (!h) {
		c->in->stats.drop_memory++;
		return DROPPED;
	}
	memcpy(h->digest, digest, MN_SHA256_LEN);
	if (!c->context && c->ksx && mnt_context_crowded(c->ksx)) {
		mnt_commit_now(&c->in->commit);
		c->repeat = mnt_repeat_find(&c->link->repeats,
					    digest); /* answers may have pushed it out */
	}
	r = open_request(c, &inner, &h->rq);
	if (r != TAKEN) {
		mn_pool_put(&c->in->held, h);
		return r;
	}
	if (c->repeat)
		c->repeat->opened = true;
	execute(c, h, &inner);
	mn_zero(c->in->scratch, c->m->payload_len + 16);
	return TAKEN;
}

void mnt_verify_request(struct mnt_link *l, const struct mn_coap *m, uint8_t *data, size_t len)
{
	struct mnt_in *in = l->gateway->in;
	struct checked c = { .in = in, .link = l, .m = m };
	uint8_t digest[MN_SHA256_LEN];
	struct mn_coap_option o;
	enum refusal r;

	if (bytes_digest(data, len, digest))
		return;
	if (mn_coap_option_find(m, MN_COAP_OPT_OSCORE, &o)) {
		c.repeat = mnt_repeat_find(&l->repeats, digest);
		if (c.repeat) {
			in->stats.repeats_in++;
		} else {
			in->stats.service_in++;
			l->requests++;
			c.repeat = mnt_repeat_add(&l->repeats, digest, mnt_clock_ms(&in->clock));
		}
	}
	r = take(&c, digest);
	if (r == REPEATED)
		repeated(&c);
	else if (r != TAKEN && r != DROPPED)
		refuse(l, &m->token, r, c.max_age);
}
