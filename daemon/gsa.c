// SPDX-License-Identifier: GPL-2.0-or-later
/* GET /gsa on the inner hop, with Observe (RFC 7641): how off-the-shelf CoAP clients fetch the Rand. One observation a session:
 * a later registration takes the place of an earlier one. */
#include "service.h"

#include <errno.h>
#include <string.h>

#include "gateway.h"

enum {
	MAX_AGE_S = 86400,
	NO_RAND_S = 5,     /* Max-Age of 5.03 while there is no Rand */
	BLOCK_SZX_MIN = 2, /* 64 bytes: the whole rand-message */
	BLOCK_SZX_MAX = 6,
	OBSERVE_MASK = 0xffffff,
};

static void answer(struct mnd_device *d, const struct mn_coap *msg, uint8_t code, int max_age,
		   const char *text)
{
	struct mnd_origin o = mnd_origin_of(msg);

	mnd_reply_text(d, &o, code, max_age, text);
}

/* Block2 is recognised, not served: a first block that would hold everything is answered whole and without the option
 * (RFC 7959 2.4 allows it); anything else is refused. */
static bool block2_fits(const struct mn_coap *msg)
{
	uint32_t v;
	int err = mn_coap_option_uint(msg, MN_COAP_OPT_BLOCK2, 3, &v);

	if (err == -ENOENT)
		return true;
	return !err && v >> 4 == 0 && (v & 7) >= BLOCK_SZX_MIN && (v & 7) <= BLOCK_SZX_MAX;
}

static bool accepts_cbor(const struct mn_coap *msg)
{
	uint32_t v;
	int err = mn_coap_option_uint(msg, MN_COAP_OPT_ACCEPT, 2, &v);

	return err == -ENOENT || (!err && v == MN_COAP_FORMAT_CBOR);
}

static bool same_token(const struct mn_coap_token *a, const struct mn_coap_token *b)
{
	return a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

/* 0 registers, 1 ends the registration of that token, anything else means nothing (RFC 7641 2). */
static void observe(struct mnd_device *d, const struct mn_coap *msg)
{
	uint32_t v;

	if (mn_coap_option_uint(msg, MN_COAP_OPT_OBSERVE, 3, &v))
		return;
	if (v == 0) {
		d->observes = true;
		d->observe_token = msg->token;
	} else if (v == 1 && d->observes && same_token(&d->observe_token, &msg->token)) {
		d->observes = false;
	}
}

static void get(struct mnd_device *d, const struct mn_coap *msg)
{
	struct mnd_gateway *g = d->gateway;
	struct mnd_group *group = mnd_device_group(d);
	struct mnd_origin o = mnd_origin_of(msg);
	struct mn_coap_writer w;
	uint32_t v;
	bool notify;

	if (!group->has_rand) {
		/* an error does not register, and ends a registration (RFC 7641 4.2) */
		d->observes = false;
		answer(d, msg, MN_COAP_503, NO_RAND_S, "No Rand yet");
		return;
	}
	observe(d, msg);
	notify = d->observes && !mn_coap_option_uint(msg, MN_COAP_OPT_OBSERVE, 3, &v) && v == 0;
	mnd_reply_begin(d, &o, MN_COAP_205, &w, g->scratch, sizeof(g->scratch));
	if (notify) {
		d->observe_seq = (d->observe_seq + 1) & OBSERVE_MASK;
		mn_coap_put_uint(&w, MN_COAP_OPT_OBSERVE, d->observe_seq);
	}
	mn_coap_put_uint(&w, MN_COAP_OPT_CONTENT_FORMAT, MN_COAP_FORMAT_CBOR);
	mn_coap_put_uint(&w, MN_COAP_OPT_MAX_AGE, MAX_AGE_S);
	mn_coap_put_payload(&w, group->message, group->message_len);
	if (mnd_reply_send_fresh(d, &o, &w))
		return;
	/* A CON GET is repeated by the device until this answer has come. A NON one proves nothing, but ends the POSTs of an
	 * observer all the same. */
	d->offer.sent = true;
	d->offer.generation = group->generation;
	if (o.con)
		mnd_fanout_taken(&g->fanout, d);
	else if (notify)
		mnd_fanout_stop(&g->fanout, d);
}

void mnd_gsa_request(struct mnd_device *d, const struct mn_coap *msg)
{
	static const uint16_t known[] = { MN_COAP_OPT_URI_HOST, MN_COAP_OPT_URI_PORT,
					  MN_COAP_OPT_URI_PATH, MN_COAP_OPT_ACCEPT,
					  MN_COAP_OPT_BLOCK2 };

	if (mn_coap_critical_unknown(msg, known, sizeof(known) / sizeof(known[0])))
		answer(d, msg, MN_COAP_402, -1, NULL);
	else if (msg->code != MN_COAP_GET)
		answer(d, msg, MN_COAP_405, -1, NULL);
	else if (!block2_fits(msg))
		answer(d, msg, MN_COAP_402, -1, "No block-wise transfer");
	else if (!accepts_cbor(msg))
		answer(d, msg, MN_COAP_406, -1, NULL);
	else
		get(d, msg);
}
