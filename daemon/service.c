// SPDX-License-Identifier: GPL-2.0-or-later
#include "service.h"

#include <errno.h>
#include <string.h>

#include "core/oscore.h"
#include "gateway.h"

static void refuse(struct mnd_device *d, const struct mn_coap *msg, uint8_t code, const char *text)
{
	struct mnd_origin o = mnd_origin_of(msg);

	mnd_reply_text(d, &o, code, -1, text);
}

/* limits.rate as a token bucket that holds one second's worth. */
static bool within_rate(struct mnd_device *d)
{
	uint32_t rate = d->gateway->settings.rate;
	uint32_t now = (uint32_t)mn_loop_now(d->gateway->loop);
	uint64_t credit;

	if (rate == 0)
		return true;
	credit = d->rate_credit + (uint64_t)(now - d->rate_ms) * rate;
	if (credit > (uint64_t)rate * 1000)
		credit = (uint64_t)rate * 1000;
	d->rate_ms = now;
	d->rate_credit = (uint32_t)(credit >= 1000 ? credit - 1000 : credit);
	return credit >= 1000;
}

static uint32_t generation_of(const struct mn_oscore_option *o)
{
	const uint8_t *p = o->kid_context;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Code, then outer options, then kid. A value that cannot be read, or that names no kid, goes to the IN: it answers
 * 4.02 "Failed to decode COSE". */
static void protected_request(struct mnd_device *d, const struct mn_coap *msg,
			      const struct mn_coap_option *option)
{
	static const uint16_t known[] = { MN_COAP_OPT_URI_HOST, MN_COAP_OPT_URI_PORT,
					  MN_COAP_OPT_OSCORE };
	struct mnd_gateway *g = d->gateway;
	struct mnd_counters *n = &g->counters;
	struct mn_oscore_option o = { 0 };
	struct mnd_origin origin = mnd_origin_of(msg);
	uint32_t generation;
	bool in_context;

	if (msg->code != MN_COAP_POST) {
		n->inner_refused_method++;
		refuse(d, msg, MN_COAP_405, "The outer code of OSCORE is POST");
		return;
	}
	if (mn_coap_critical_unknown(msg, known, sizeof(known) / sizeof(known[0]))) {
		n->inner_refused_option++;
		refuse(d, msg, MN_COAP_402, "A critical option outside of OSCORE");
		return;
	}
	if (mn_oscore_option_read(option->value, option->len, &o))
		o = (struct mn_oscore_option){ 0 };
	if (o.has_kid &&
	    (o.kid_len != MN_KID_LEN || memcmp(o.kid, d->credential->kid, MN_KID_LEN))) {
		n->inner_refused_kid++;
		refuse(d, msg, MN_COAP_403, "Another device's kid");
		return;
	}
	in_context =
		o.has_kid && o.has_kid_context && o.kid_context_len == MN_OSCORE_KID_CONTEXT_LEN;
	generation = in_context ? generation_of(&o) : 0;
	if (in_context && mnd_device_group(d)->has_rand &&
	    mnd_device_group(d)->generation == generation)
		mnd_fanout_taken(&g->fanout, d);
	if (!within_rate(d)) {
		n->inner_refused_rate++;
		mnd_reply_text(d, &origin, MN_COAP_429, 1, "Too many requests");
		return;
	}
	mnd_relay_submit(&g->relay, d, msg, option, in_context ? &generation : NULL);
}

void mnd_service_request(struct mnd_device *d, const struct mn_coap *msg)
{
	struct mn_coap_option option;

	if (mn_coap_option_find(msg, MN_COAP_OPT_OSCORE, &option)) {
		protected_request(d, msg, &option);
	} else if (mn_coap_path_is(msg, "gsa")) {
		d->gateway->counters.inner_requests_gsa++;
		mnd_gsa_request(d, msg);
	} else {
		d->gateway->counters.inner_requests_other++;
		refuse(d, msg, MN_COAP_404, NULL);
	}
}
