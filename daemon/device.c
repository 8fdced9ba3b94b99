// SPDX-License-Identifier: GPL-2.0-or-later
#include "device.h"

#include <errno.h>

#include "gateway.h"
#include "log.h"
#include "service.h"

static const char *const state_names[] = {
	[MND_CONNECTED] = "connected",
	[MND_RAND_SENT] = "rand_sent",
	[MND_RAND_UNCONFIRMED] = "rand_unconfirmed",
	[MND_CONFIRMED] = "confirmed",
	[MND_AUTHENTICATED] = "authenticated",
};

const char *mnd_state_name(enum mnd_state s)
{
	return state_names[s];
}

#define TO(s) (1u << (s))

/* GET /gsa and a service request confirm a Rand that was never offered; an offer that an answer of the IN caused does not
 * take `authenticated` away (fanout.c). */
static const unsigned int legal[] = {
	[MND_CONNECTED] = TO(MND_RAND_SENT) | TO(MND_CONFIRMED),
	[MND_RAND_SENT] = TO(MND_RAND_UNCONFIRMED) | TO(MND_CONFIRMED) | TO(MND_AUTHENTICATED) |
			  TO(MND_CONNECTED),
	[MND_RAND_UNCONFIRMED] =
		TO(MND_RAND_SENT) | TO(MND_CONFIRMED) | TO(MND_AUTHENTICATED) | TO(MND_CONNECTED),
	[MND_CONFIRMED] = TO(MND_RAND_SENT) | TO(MND_AUTHENTICATED) | TO(MND_CONNECTED),
	[MND_AUTHENTICATED] = TO(MND_CONNECTED),
};

struct mnd_group *mnd_device_group(const struct mnd_device *d)
{
	return d->credential->group;
}

static void count(struct mnd_group *g, enum mnd_state s, bool enter)
{
	uint64_t one = enter ? 1 : UINT64_MAX;

	if (s == MND_CONFIRMED || s == MND_AUTHENTICATED)
		g->n_confirmed += one;
	if (s == MND_AUTHENTICATED)
		g->n_authenticated += one;
}

void mnd_device_set_state(struct mnd_device *d, enum mnd_state next)
{
	enum mnd_state now = d->state;

	if (now == next)
		return;
	if (!(legal[now] & TO(next))) {
		mn_error("device %s: from %s to %s: no such transition", d->credential->entity,
			 state_names[now], state_names[next]);
		return;
	}
	mn_debug("device %s: %s -> %s", d->credential->entity, state_names[now], state_names[next]);
	count(mnd_device_group(d), now, false);
	count(mnd_device_group(d), next, true);
	d->state = next & 0x7f;
}

int mnd_device_open(struct mnd_gateway *g, struct mn_session *s)
{
	struct mnd_credential *c = mn_session_owner(s);
	struct mnd_device *d;

	/* A handshake that was half open when its credential went. */
	if (c->removed)
		return -EACCES;
	d = mn_pool_get(&g->devices);
	if (!d)
		return -ENOMEM;
	d->gateway = g;
	d->credential = c;
	mn_messenger_init(&d->messenger, s);
	LIST_INIT(&d->requests);
	TAILQ_INIT(&d->replies);
	d->rate_ms = (uint32_t)mn_loop_now(g->loop);
	d->rate_credit = g->settings.rate * 1000;
	/* A newer session of the same device: the older one's closed() comes, before or after. */
	c->device = d;
	mnd_credential_get(c);
	TAILQ_INSERT_TAIL(&c->group->connected, d, link);
	c->group->n_connected++;
	mn_session_set_user(s, d);
	if (g->crew)
		mnd_home_claim(d);
	mnd_fanout_device(&g->fanout, d);
	return 0;
}

void mnd_device_close(struct mnd_device *d)
{
	struct mnd_gateway *g = d->gateway;
	struct mnd_credential *c = d->credential;

	if (g->crew)
		mnd_home_release(d);
	mnd_fanout_stop(&g->fanout, d);
	mn_messenger_fini(&d->messenger);
	mnd_relay_drop(&g->relay, d);
	mnd_replies_drop(&g->replies, d);
	mnd_device_set_state(d, MND_CONNECTED);
	TAILQ_REMOVE(&c->group->connected, d, link);
	c->group->n_connected--;
	if (c->device == d)
		c->device = NULL;
	mnd_credential_put(c);
	mn_pool_put(&g->devices, d);
}

static void send_reset(struct mnd_device *d, uint16_t id)
{
	uint8_t buf[16];
	size_t len = mn_coap_empty(buf, MN_COAP_RST, id);

	if (mn_session_send(d->messenger.session, buf, len))
		d->gateway->counters.inner_send_failed++;
}

static void response(struct mnd_device *d, const struct mn_coap *msg)
{
	struct mnd_counters *n = &d->gateway->counters;
	uint8_t buf[16];

	if (!mnd_fanout_response(&d->gateway->fanout, d, msg)) {
		n->inner_unmatched++;
		if (msg->type == MN_COAP_CON)
			send_reset(d, msg->id);
		return;
	}
	n->inner_responses++;
	if (msg->type == MN_COAP_CON &&
	    mn_session_send(d->messenger.session, buf, mn_coap_empty(buf, MN_COAP_ACK, msg->id)))
		n->inner_send_failed++;
}

static void request(struct mnd_device *d, const struct mn_coap *msg)
{
	struct mnd_gateway *g = d->gateway;
	struct mnd_request *open = mnd_relay_find(d, msg->id);

	if (open) {
		g->counters.inner_duplicates++;
		if (open->origin.con)
			mnd_reply_ack(d, &open->origin);
	} else if (mnd_replies_repeat(&g->replies, d, msg->id)) {
		g->counters.inner_duplicates++;
	} else {
		mnd_service_request(d, msg);
	}
}

void mnd_device_input(struct mnd_device *d, const uint8_t *data, size_t len)
{
	struct mnd_gateway *g = d->gateway;
	struct mnd_counters *n = &g->counters;
	struct mn_coap msg;
	bool headed = false;

	n->inner_messages_in++;
	if (mn_coap_read(data, len, &msg, &headed)) {
		/* RFC 7252 4.2, 4.3: a CON is rejected by RST, anything else silently. */
		n->inner_malformed++;
		if (headed && msg.type == MN_COAP_CON)
			send_reset(d, msg.id);
		return;
	}
	if (msg.type == MN_COAP_ACK || msg.type == MN_COAP_RST) {
		if (mn_exchange_input(&d->messenger, &msg))
			n->inner_acknowledgements++;
		else
			n->inner_unmatched++;
	} else if (msg.code == MN_COAP_EMPTY) {
		if (msg.type == MN_COAP_CON) {
			n->inner_pings++;
			send_reset(d, msg.id);
		} else {
			n->inner_malformed++;
		}
	} else if (mn_coap_is_response(&msg)) {
		response(d, &msg);
	} else {
		request(d, &msg);
	}
	mnd_fanout_heard(&g->fanout, d);
}
