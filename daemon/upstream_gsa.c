// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests of the IN on the outer session: POST /gsa brings a group's rand-message (docs/protocol.md "Rand"). */
#include "upstream.h"

#include <string.h>
#include <time.h>

#include "core/rand_message.h"
#include "gateway.h"
#include "log.h"
#include "tell.h"

static struct mnd_upstream_answer *find(struct mnd_upstream *u, uint16_t id)
{
	uint64_t now = mn_loop_now(u->gateway->loop);

	for (unsigned int i = 0; i < MND_UPSTREAM_ANSWERS; i++)
		if (u->answers[i].id == id && u->answers[i].until_ms > now)
			return &u->answers[i];
	return NULL;
}

static void send_ack(struct mnd_upstream *u, const struct mnd_upstream_ack *to, uint8_t code)
{
	struct mn_coap_writer w;
	uint8_t buf[32];
	int len;

	if (code == MN_COAP_EMPTY) {
		len = (int)mn_coap_empty(buf, MN_COAP_ACK, to->id);
	} else {
		mn_coap_begin(&w, buf, sizeof(buf), to->con ? MN_COAP_ACK : MN_COAP_NON, code,
			      to->con ? to->id : mn_messenger_id(&u->messenger), &to->token);
		len = mn_coap_finish(&w);
	}
	if (len > 0)
		mnd_upstream_send(u, buf, (size_t)len);
}

bool mnd_upstream_seen(struct mnd_upstream *u, const struct mn_coap *msg)
{
	const struct mnd_upstream_ack to = { msg->type == MN_COAP_CON, msg->id, msg->token };
	struct mnd_upstream_answer *a = find(u, msg->id);

	if (a) {
		if (!a->open && to.con)
			send_ack(u, &to, a->code);
		return true;
	}
	a = &u->answers[u->answers_at++ % MND_UPSTREAM_ANSWERS];
	*a = (struct mnd_upstream_answer){
		.until_ms = mn_loop_now(u->gateway->loop) + MND_EXCHANGE_LIFETIME_MS,
		.id = msg->id,
		.open = true,
	};
	return false;
}

void mnd_upstream_acknowledge(struct mnd_upstream *u, const struct mnd_upstream_ack *to,
			      uint8_t code)
{
	struct mnd_upstream_answer *a = find(u, to->id);

	if (a) {
		a->code = code;
		a->open = false;
	}
	send_ack(u, to, code);
}

void mnd_upstream_commit(struct mn_defer *d)
{
	struct mnd_upstream *u = mnd_container(d, struct mnd_upstream, commit);
	struct mnd_gateway *g = u->gateway;

	/* A Rand that cannot be written is used all the same: without it the group could not go on, and what is lost is
	 * the floor for generations after a restart. Housekeeping tries again. */
	if (mnd_groups_save(&g->groups, g->store))
		mn_event(MN_EVENT_STORE_FAILED, MN_LOG_ERROR,
			 "store: the generation was not written: %s", mn_store_error(g->store));
	for (unsigned int i = 0; i < u->n_acks; i++)
		mnd_upstream_acknowledge(u, &u->acks[i], MN_COAP_204);
	u->n_acks = 0;
}

static void log_refused(const struct mn_rand_message *m, uint8_t code)
{
	char group[4 * MN_GROUP_MAX + 1];

	mn_warn("IN: generation %u of group %s refused: %s", m->generation,
		mn_log_quote(group, sizeof(group), m->group, strlen(m->group)),
		code == MN_COAP_404 ? "the group is not known here" :
				      "not above the generation that is held");
}

/* The code to answer with, or MN_COAP_EMPTY when the answer waits for the store. */
static uint8_t post(struct mnd_upstream *u, const struct mn_coap *msg)
{
	struct mnd_gateway *g = u->gateway;
	struct mn_rand_message m;
	struct mnd_group *group;
	uint32_t format;
	uint8_t code;
	bool taken;

	if (mn_coap_option_uint(msg, MN_COAP_OPT_CONTENT_FORMAT, 2, &format) ||
	    format != MN_COAP_FORMAT_CBOR)
		return MN_COAP_415;
	if (mn_rand_message_decode(msg->payload, msg->payload_len, MN_HOP_OUTER, &m))
		return MN_COAP_400;
	g->counters.outer_rand_in++;
	code = mnd_group_take(&g->groups, &m, time(NULL), &taken, &group);
	if (code != MN_COAP_204)
		log_refused(&m, code);
	if (!taken)
		return code;
	mn_event(MN_EVENT_RAND, MN_LOG_INFO, "group %s: generation %u for %llu members",
		 group->name, group->generation, (unsigned long long)group->members);
	if (u->n_acks == MND_UPSTREAM_ACKS)
		mnd_upstream_commit(&u->commit);
	u->acks[u->n_acks++] =
		(struct mnd_upstream_ack){ msg->type == MN_COAP_CON, msg->id, msg->token };
	mn_loop_defer(g->loop, &u->commit);
	mnd_classify_rand(g, group);
	mnd_fanout_group(&g->fanout, group);
	mnd_tell_rand(g, group);
	return MN_COAP_EMPTY;
}

void mnd_upstream_request(struct mnd_upstream *u, const struct mn_coap *msg)
{
	static const uint16_t known[] = { MN_COAP_OPT_URI_HOST, MN_COAP_OPT_URI_PORT,
					  MN_COAP_OPT_URI_PATH };
	const struct mnd_upstream_ack to = { msg->type == MN_COAP_CON, msg->id, msg->token };
	struct mnd_counters *n = &u->gateway->counters;
	uint8_t code;

	if (mnd_upstream_seen(u, msg))
		return;
	if (!mn_coap_path_is(msg, "gsa"))
		code = MN_COAP_404;
	else if (mn_coap_critical_unknown(msg, known, sizeof(known) / sizeof(known[0])))
		code = MN_COAP_402;
	else if (msg->code != MN_COAP_POST)
		code = MN_COAP_405;
	else
		code = post(u, msg);
	if (code != MN_COAP_204 && code != MN_COAP_EMPTY)
		n->outer_rand_refused++;
	if (code != MN_COAP_EMPTY)
		mnd_upstream_acknowledge(u, &to, code);
}
