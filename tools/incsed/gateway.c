// SPDX-License-Identifier: GPL-2.0-or-later
#include "gateway.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"
#include "in.h"
#include "log.h"
#include "verify.h"

#define RAND_IN_FLIGHT_MAX 64 /* rand-messages of one session on their way */
/* After retransmission ended, for a group that is unknown there, or when an answer that was promised did not come. */
#define RAND_AGAIN_MS 10000

int mnt_gateways_init(struct mnt_gateways *t)
{
	*t = (struct mnt_gateways){ 0 };
	if (mnt_table_init(&t->by_kpsa) || mnt_table_init(&t->by_id)) {
		mnt_table_fini(&t->by_kpsa);
		return -ENOMEM;
	}
	return 0;
}

void mnt_gateways_fini(struct mnt_gateways *t)
{
	struct mnt_node *n;

	if (!t->by_id.size)
		return;
	while ((n = mnt_table_walk(&t->by_id, NULL))) {
		struct mnt_gateway *w = mnt_of(n, struct mnt_gateway, by_id);

		mnt_table_del(&t->by_id, n);
		mnt_table_del(&t->by_kpsa, &w->by_kpsa);
		mn_zero(w, sizeof(*w));
		free(w);
	}
	mnt_table_fini(&t->by_kpsa);
	mnt_table_fini(&t->by_id);
}

int mnt_gateway_add(struct mnt_in *in, const struct mn_peer_record *p, struct mnt_gateway **out)
{
	struct mnt_gateway *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->in = in;
	snprintf(w->id, sizeof(w->id), "%s", p->entity_id);
	snprintf(w->kpsa_id, sizeof(w->kpsa_id), "%s", p->kpsa_id);
	w->key = p->key;
	mnt_table_add(&in->gateways.by_id, &w->by_id, mnt_table_hash(w->id, strlen(w->id)));
	mnt_table_add(&in->gateways.by_kpsa, &w->by_kpsa,
		      mnt_table_hash(w->kpsa_id, strlen(w->kpsa_id)));
	*out = w;
	return 0;
}

struct mnt_gateway *mnt_gateway_by_id(const struct mnt_gateways *t, const char *id)
{
	struct mnt_node *n = mnt_table_first(&t->by_id, mnt_table_hash(id, strlen(id)));

	for (; n; n = mnt_table_next(n)) {
		struct mnt_gateway *w = mnt_of(n, struct mnt_gateway, by_id);

		if (!strcmp(w->id, id))
			return w;
	}
	return NULL;
}

int mnt_gateway_psk(struct mnt_in *in, const uint8_t *identity, size_t len, uint8_t key[MN_KEY_MAX],
		    size_t *key_len, void **owner)
{
	struct mnt_node *n = mnt_table_first(&in->gateways.by_kpsa, mnt_table_hash(identity, len));

	for (; n; n = mnt_table_next(n)) {
		struct mnt_gateway *w = mnt_of(n, struct mnt_gateway, by_kpsa);

		if (strlen(w->kpsa_id) != len || memcmp(w->kpsa_id, identity, len))
			continue;
		memcpy(key, w->key.bytes, w->key.len);
		*key_len = w->key.len;
		*owner = w;
		return 0;
	}
	return -ENOENT;
}

/* ---- rand-messages ---- */

static void pump(struct mnt_link *l);

static void again(struct mn_timer *t)
{
	struct mnt_group *g = mnt_of(t, struct mnt_group, again);

	g->wanted = true;
	if (g->gateway->link)
		pump(g->gateway->link);
}

static void again_later(struct mnt_group *g)
{
	g->again.fn = again;
	mn_timer_set(g->all->timers, &g->again, RAND_AGAIN_MS);
}

/* The gateway's answer to generation g->sent. */
static void rand_answered(struct mnt_group *g, uint8_t code)
{
	struct mnt_stats *st = &g->gateway->in->stats;
	char name[8];

	mn_timer_del(&g->again);
	if (code == MN_COAP_204) {
		st->rand_acked++;
		g->refused = false;
		mnt_group_acked(g, g->sent);
		return;
	}
	if (code == MN_COAP_409) {
		st->rand_conflict++;
		mnt_group_conflict(g);
		return;
	}
	st->rand_refused++;
	if (code == MN_COAP_404)
		again_later(g); /* the group may come to the gateway after it came here */
	if (!g->refused)
		mn_warn("gateway %s refused the Rand of group %s: %s", g->gateway->id, g->name,
			mn_coap_code_name(code, name));
	g->refused = true;
}

static void rand_outcome(void *arg, struct mn_messenger *m, enum mn_outcome outcome,
			 const struct mn_coap *msg)
{
	struct mnt_group *g = arg;
	struct mnt_link *l = mnt_of(m, struct mnt_link, messenger);

	l->in_flight--;
	if (l->gateway->link != l) /* the group is busy with a newer session, or none */
		return;
	g->in_flight = false;
	switch (outcome) {
	case MN_OUTCOME_ACK:
		if (msg->code == MN_COAP_EMPTY)
			again_later(g); /* the answer comes by itself */
		else
			rand_answered(g, msg->code);
		break;
	case MN_OUTCOME_RST:
		l->gateway->in->stats.rand_refused++;
		mn_warn("gateway %s reset the Rand of group %s", l->gateway->id, g->name);
		break;
	case MN_OUTCOME_TIMEOUT:
		l->gateway->in->stats.rand_timeout++;
		again_later(g);
		break;
	case MN_OUTCOME_CLOSED:
		return;
	}
	pump(l);
}

static int rand_write(struct mnt_link *l, struct mnt_group *g, uint8_t *buf, size_t max)
{
	struct mn_rand_message m = { .generation = g->current.number };
	struct mn_coap_token token = { .len = 4 };
	uint8_t payload[MN_RAND_MESSAGE_MAX];
	struct mn_coap_writer w;
	int len;

	memcpy(m.rand, g->current.rand, sizeof(m.rand));
	memcpy(m.group, g->name, sizeof(m.group));
	len = mn_rand_message_encode(&m, MN_HOP_OUTER, payload, sizeof(payload));
	mn_zero(&m, sizeof(m));
	if (len < 0)
		return len;
	g->token = ++l->next_token;
	memcpy(token.bytes, &g->token, sizeof(g->token));
	g->exchange = mn_messenger_id(&l->messenger);
	mn_coap_begin(&w, buf, max, MN_COAP_CON, MN_COAP_POST, g->exchange, &token);
	mn_coap_put_path(&w, "gsa");
	mn_coap_put_uint(&w, MN_COAP_OPT_CONTENT_FORMAT, MN_COAP_FORMAT_CBOR);
	mn_coap_put_payload(&w, payload, (size_t)len);
	mn_zero(payload, sizeof(payload));
	return mn_coap_finish(&w);
}

static int rand_send(struct mnt_link *l, struct mnt_group *g)
{
	uint8_t buf[64 + MN_RAND_MESSAGE_MAX];
	int len = rand_write(l, g, buf, sizeof(buf));
	int err =
		len < 0 ? len : mn_exchange_send(&l->messenger, buf, (size_t)len, rand_outcome, g);

	mn_zero(buf, sizeof(buf));
	if (err)
		return err;
	g->sent = g->current.number;
	g->wanted = false;
	g->in_flight = true;
	l->in_flight++;
	if (!g->counted)
		l->gateway->in->stats.rand_out++;
	g->counted = true;
	return 0;
}

/* Sends what is wanted, as far as the session may have messages on their way. */
static void pump(struct mnt_link *l)
{
	for (struct mnt_group *g = l->gateway->groups; g; g = g->next) {
		if (l->in_flight >= RAND_IN_FLIGHT_MAX)
			return;
		if (!g->wanted || g->in_flight || !g->current.number || !g->members)
			continue;
		if (g->conflicts && !g->current.trusted)
			continue; /* a newer one is being drawn */
		if (rand_send(l, g)) {
			g->wanted = false;
			again_later(g);
		}
	}
}

void mnt_gateway_offer(struct mnt_group *g)
{
	struct mnt_link *l = g->gateway->link;

	g->wanted = true;
	g->counted = false;
	if (!l)
		return;
	/* An older generation on its way is of no use to anyone. */
	if (g->in_flight) {
		mn_exchange_stop(&l->messenger, g->exchange);
		g->in_flight = false;
		l->in_flight--;
	}
	pump(l);
}

/* ---- sessions ---- */

static int link_send(struct mnt_link *l, const uint8_t *data, size_t len)
{
	return mn_session_send(l->session, data, len);
}

int mnt_link_init(struct mnt_link *l, struct mnt_gateway *w, struct mn_session *s)
{
	*l = (struct mnt_link){ .gateway = w, .session = s, .send = link_send };
	mn_messenger_init(&l->messenger, s);
	return mnt_repeats_init(&l->repeats);
}

void mnt_link_fini(struct mnt_link *l)
{
	mn_messenger_fini(&l->messenger);
	mnt_repeats_fini(&l->repeats);
}

void mnt_gateway_opened(struct mnt_in *in, struct mn_session *s)
{
	struct mnt_gateway *w = mn_session_owner(s);
	struct mnt_link *l = malloc(sizeof(*l));
	char addr[MN_ADDR_TEXT];

	in->stats.handshakes_in++;
	if (!l || mnt_link_init(l, w, s)) {
		free(l);
		mn_session_close(s);
		return;
	}
	mn_session_set_user(s, l);
	w->link = l;
	mn_event(MN_EVENT_GATEWAY_UP, MN_LOG_INFO, "gateway %s connected from %s, %s", w->id,
		 mn_addr_text(mn_session_peer(s), addr), mn_suite_name(mn_session_suite(s)));
	for (struct mnt_group *g = w->groups; g; g = g->next) {
		g->wanted = true;
		g->in_flight = false;
		g->counted = false;
		if (!g->current.number && g->members)
			mnt_group_draw(g); /* offered when durable */
	}
	pump(l);
}

void mnt_gateway_message(struct mnt_in *in, struct mn_session *s, uint8_t *data, size_t len)
{
	struct mnt_link *l = mn_session_user(s);

	(void)in;
	if (l)
		mnt_link_input(l, data, len);
}

void mnt_gateway_closed(struct mnt_in *in, struct mn_session *s, enum mn_close why)
{
	struct mnt_link *l = mn_session_user(s);

	if (!l)
		return;
	mnt_commit_now(&in->commit); /* answers that are held name the link */
	mn_event(MN_EVENT_GATEWAY_DOWN, MN_LOG_INFO, "gateway %s disconnected: %s", l->gateway->id,
		 mn_close_name(why));
	mn_session_set_user(s, NULL);
	if (l->gateway->link == l)
		l->gateway->link = NULL;
	mnt_link_fini(l);
	free(l);
}

/* ---- CoAP ---- */

static void send_empty(struct mnt_link *l, enum mn_coap_type type, uint16_t id)
{
	uint8_t buf[16];

	l->send(l, buf, mn_coap_empty(buf, type, id));
	if (type == MN_COAP_RST)
		l->gateway->in->stats.resets_out++;
}

/* A response that did not come in the ACK (RFC 7252 5.2.2). True when it answers a rand-message. */
static bool separate_response(struct mnt_link *l, const struct mn_coap *m)
{
	uint32_t token;

	if (m->token.len != sizeof(token))
		return false;
	memcpy(&token, m->token.bytes, sizeof(token));
	for (struct mnt_group *g = l->gateway->groups; g; g = g->next) {
		if (!g->sent || g->token != token)
			continue;
		if (g->in_flight) {
			mn_exchange_stop(&l->messenger, g->exchange);
			g->in_flight = false;
			l->in_flight--;
		}
		rand_answered(g, m->code);
		pump(l);
		return true;
	}
	return false;
}

static void response(struct mnt_link *l, const struct mn_coap *m)
{
	bool ours = separate_response(l, m);

	if (m->type == MN_COAP_CON)
		send_empty(l, ours ? MN_COAP_ACK : MN_COAP_RST, m->id);
	if (!ours)
		l->gateway->in->stats.drop_coap++;
}

void mnt_link_input(struct mnt_link *l, uint8_t *data, size_t len)
{
	struct mnt_stats *st = &l->gateway->in->stats;
	struct mn_coap m = { 0 };
	bool headed = false;

	if (mn_coap_read(data, len, &m, &headed)) {
		st->drop_coap++;
		if (headed && m.type == MN_COAP_CON)
			send_empty(l, MN_COAP_RST, m.id);
		return;
	}
	if (m.type == MN_COAP_ACK || m.type == MN_COAP_RST) {
		if (!mn_exchange_input(&l->messenger, &m))
			st->drop_coap++;
		return;
	}
	if (m.code == MN_COAP_EMPTY) {
		if (m.type == MN_COAP_CON) {
			st->pings_in++;
			send_empty(l, MN_COAP_RST, m.id);
		} else {
			st->drop_coap++;
		}
		return;
	}
	if (mn_coap_is_response(&m)) {
		response(l, &m);
		return;
	}
	if (m.type == MN_COAP_CON)
		send_empty(l, MN_COAP_ACK, m.id);
	mnt_verify_request(l, &m, data, len);
}
