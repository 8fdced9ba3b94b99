// SPDX-License-Identifier: GPL-2.0-or-later
#include "direct.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/coap.h"
#include "in.h"
#include "log.h"
#include "service.h"

/* An answer, held until the batch is durable. */
struct held {
	struct mnt_after after;
	struct mnt_in *in;
	struct mnt_direct *direct;
	uint64_t hash; /* of the request, as a duplicate */
	enum mn_coap_type type;
	uint16_t id;
	struct mn_coap_token token;
	struct mnt_service service;
};

static int session_send(struct mnt_direct *p, const uint8_t *data, size_t len)
{
	return mn_session_send(p->session, data, len);
}

int mnt_directs_init(struct mnt_directs *t)
{
	*t = (struct mnt_directs){ .send = session_send };
	mn_pool_init(&t->held, sizeof(struct held), SIZE_MAX);
	if (mnt_table_init(&t->by_kpsa))
		return -ENOMEM;
	if (!mnt_duplicates_init(&t->duplicates))
		return 0;
	mnt_table_fini(&t->by_kpsa);
	return -ENOMEM;
}

void mnt_directs_fini(struct mnt_directs *t)
{
	struct mnt_node *n;

	if (!t->by_kpsa.size)
		return;
	while ((n = mnt_table_walk(&t->by_kpsa, NULL))) {
		mnt_table_del(&t->by_kpsa, n);
		free(mnt_of(n, struct mnt_direct, by_kpsa));
	}
	while (t->grave) {
		struct mnt_direct *p = t->grave;

		t->grave = p->next;
		free(p);
	}
	mnt_table_fini(&t->by_kpsa);
	mnt_duplicates_fini(&t->duplicates);
	mn_pool_fini(&t->held);
}

int mnt_direct_add(struct mnt_directs *t, struct mnt_device *d)
{
	struct mnt_direct *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->peer.kind = MNT_PEER_DEVICE;
	p->device = d;
	d->direct = p;
	mnt_table_add(&t->by_kpsa, &p->by_kpsa, mnt_table_hash(d->kpsa_id, strlen(d->kpsa_id)));
	return 0;
}

void mnt_direct_revoke(struct mnt_in *in, struct mnt_direct *p)
{
	struct mnt_directs *t = &in->directs;

	mnt_table_del(&t->by_kpsa, &p->by_kpsa);
	p->device->direct = NULL;
	p->device = NULL;
	p->removed_ms = mnt_clock_ms(&in->clock);
	p->next = t->grave;
	t->grave = p;
	if (p->session)
		mn_session_close(p->session);
}

void mnt_directs_bury(struct mnt_in *in)
{
	uint64_t now = mnt_clock_ms(&in->clock);
	struct mnt_direct **at = &in->directs.grave;

	while (*at) {
		struct mnt_direct *p = *at;

		if (p->session || now - p->removed_ms < MNT_GRAVE_MS) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		free(p);
	}
}

const char *mnt_direct_state(const struct mnt_direct *p)
{
	if (!p->session)
		return "offline";
	return p->authenticated ? "authenticated" : "connected";
}

/* ---- sessions ---- */

int mnt_direct_psk(struct mnt_in *in, const uint8_t *identity, size_t len, uint8_t key[MN_KEY_MAX],
		   size_t *key_len, void **owner)
{
	struct mnt_node *n = mnt_table_first(&in->directs.by_kpsa, mnt_table_hash(identity, len));

	for (; n; n = mnt_table_next(n)) {
		struct mnt_direct *p = mnt_of(n, struct mnt_direct, by_kpsa);
		const struct mnt_device *d = p->device;

		if (strlen(d->kpsa_id) != len || memcmp(d->kpsa_id, identity, len))
			continue;
		memcpy(key, d->key.bytes, d->key.len);
		*key_len = d->key.len;
		*owner = p;
		return 0;
	}
	return -ENOENT;
}

void mnt_direct_begin(struct mnt_in *in, struct mnt_direct *p, struct mn_session *s,
		      uint64_t session_id)
{
	/* What is held answers requests of the session before. */
	if (p->held)
		mnt_commit_now(&in->commit);
	/* TR-0012 figure 8.2.1-2: the device's authentication in, the server's reply to it out. */
	in->stats.direct_handshakes_in++;
	in->stats.direct_replies_out++;
	if (!p->session)
		in->directs.connected++;
	p->session = s;
	p->session_id = session_id;
	p->authenticated = false;
	p->next_id = 0;
	p->requests = 0;
	p->answers = 0;
}

void mnt_direct_opened(struct mnt_in *in, struct mn_session *s)
{
	struct mnt_direct *p = mn_session_owner(s);
	char addr[MN_ADDR_TEXT];

	/* A handshake that was half open when the device was revoked. */
	if (!p->device) {
		mn_session_close(s);
		return;
	}
	mn_session_set_user(s, p);
	mnt_direct_begin(in, p, s, mn_session_id(s));
	mn_debug("device %s connected from %s, %s", p->device->id,
		 mn_addr_text(mn_session_peer(s), addr), mn_suite_name(mn_session_suite(s)));
}

void mnt_direct_message(struct mnt_in *in, struct mn_session *s, const uint8_t *data, size_t len)
{
	struct mnt_direct *p = mn_session_user(s);

	if (p && p->device)
		mnt_direct_input(in, p, data, len);
}

void mnt_direct_closed(struct mnt_in *in, struct mn_session *s, enum mn_close why)
{
	struct mnt_direct *p = mn_session_user(s);

	if (!p)
		return;
	mn_session_set_user(s, NULL);
	/* A newer session may have taken its place before this one is told of. */
	if (p->session != s)
		return;
	if (p->held)
		mnt_commit_now(&in->commit);
	p->session = NULL;
	in->directs.connected--;
	if (p->device)
		mn_debug("device %s disconnected: %s", p->device->id, mn_close_name(why));
}

/* ---- answers ---- */

/* The inner message of an answer has neither token nor message ID yet: both go into its header. */
static size_t write_answer(const struct held *h, uint16_t id, uint8_t buf[MN_COAP_MESSAGE_MAX])
{
	const struct mnt_service *s = &h->service;
	struct mn_coap inner;

	if (mn_coap_read(s->answer, s->len, &inner, NULL) || inner.token.len)
		return 0;
	buf[0] = (uint8_t)(1 << 6 | (h->type == MN_COAP_CON ? MN_COAP_ACK : MN_COAP_NON) << 4 |
			   h->token.len);
	buf[1] = inner.code;
	buf[2] = (uint8_t)(id >> 8);
	buf[3] = (uint8_t)id;
	memcpy(buf + 4, h->token.bytes, h->token.len);
	memcpy(buf + 4 + h->token.len, s->answer + 4, s->len - 4);
	return s->len + h->token.len;
}

/* Answers the request of that hash and message ID. */
static void answer(struct mnt_in *in, struct mnt_direct *p, uint64_t hash, uint16_t id,
		   const uint8_t *data, size_t len)
{
	struct mnt_duplicate *e = mnt_duplicate_find(&in->directs.duplicates, hash, p->session_id,
						     id, mnt_clock_ms(&in->clock));

	if (e)
		mnt_duplicate_answer(&in->directs.duplicates, e, data, len);
	p->answers++;
	in->stats.direct_answers_out++;
	in->directs.send(p, data, len);
}

/* Piggybacked on the ACK of a CON, NON for a NON (RFC 7252 5.2). */
static void send_answer(struct held *h)
{
	struct mnt_direct *p = h->direct;
	uint8_t buf[MN_COAP_MESSAGE_MAX];
	size_t len;

	len = h->service.len ? write_answer(h, h->type == MN_COAP_CON ? h->id : p->next_id++, buf) :
			       0;
	if (!len) {
		mn_error("no answer could be written");
		return;
	}
	p->authenticated = true;
	answer(h->in, p, h->hash, h->id, buf, len);
}

static void batch_done(struct mnt_after *a, int err)
{
	struct held *h = mnt_of(a, struct held, after);

	h->direct->held--;
	if (!err || !mnt_service_failed(&h->service))
		send_answer(h);
	mn_pool_put(&h->in->directs.held, h);
}

/* ---- requests ---- */

static void send_empty(struct mnt_in *in, struct mnt_direct *p, enum mn_coap_type type, uint16_t id)
{
	uint8_t buf[16];

	in->directs.send(p, buf, mn_coap_empty(buf, type, id));
	if (type == MN_COAP_RST)
		in->stats.resets_out++;
}

/* Nobody is between the device and the IN here, so there is nothing to prove by OSCORE, and no Ksx. */
static void refuse_oscore(struct mnt_in *in, struct mnt_direct *p, const struct mn_coap *m,
			  uint64_t hash)
{
	static const char text[] = "No OSCORE on a direct session";
	bool con = m->type == MN_COAP_CON;
	struct mn_coap_writer w;
	uint8_t buf[64];
	int len;

	in->stats.refused_option++;
	mn_coap_begin(&w, buf, sizeof(buf), con ? MN_COAP_ACK : MN_COAP_NON, MN_COAP_402,
		      con ? m->id : p->next_id++, &m->token);
	mn_coap_put_payload(&w, text, sizeof(text) - 1);
	len = mn_coap_finish(&w);
	if (len > 0)
		answer(in, p, hash, m->id, buf, (size_t)len);
}

static void execute(struct mnt_in *in, struct mnt_direct *p, const struct mn_coap *m, uint64_t hash)
{
	struct held *h = p->held < UINT16_MAX ? mn_pool_get(&in->directs.held) : NULL;
	int err;

	if (!h) {
		in->stats.drop_memory++;
		return;
	}
	h->in = in;
	h->direct = p;
	h->hash = hash;
	h->type = m->type;
	h->id = m->id;
	h->token = m->token;
	err = mnt_service_execute(&in->resources, &in->commit, p->device->id, m,
				  mnt_clock_unix(&in->clock), &h->service);
	in->stats.executed += h->service.executed;
	in->stats.retries += h->service.retry;
	if (err)
		mn_error("no answer could be written: %s", strerror(-err));
	h->after.fn = batch_done;
	p->held++;
	mnt_commit_after(&in->commit, &h->after);
}

static void request(struct mnt_in *in, struct mnt_direct *p, const struct mn_coap *m,
		    const uint8_t *data, size_t len)
{
	struct mnt_duplicates *t = &in->directs.duplicates;
	uint64_t hash = mnt_duplicate_hash(p->session_id, data, len);
	uint64_t now = mnt_clock_ms(&in->clock);
	struct mnt_duplicate *e = mnt_duplicate_find(t, hash, p->session_id, m->id, now);
	struct mn_coap_option o;

	if (e) {
		in->stats.direct_duplicates++;
		/* A NON that comes twice is ignored; so is a CON whose answer is on its way. */
		if (e->bytes && m->type == MN_COAP_CON)
			in->directs.send(p, e->bytes, e->len);
		return;
	}
	in->stats.direct_service_in++;
	p->requests++;
	p->device->requests++;
	mnt_duplicate_add(t, hash, p->session_id, m->id, now);
	if (mn_coap_option_find(m, MN_COAP_OPT_OSCORE, &o))
		refuse_oscore(in, p, m, hash);
	else
		execute(in, p, m, hash);
}

void mnt_direct_input(struct mnt_in *in, struct mnt_direct *p, const uint8_t *data, size_t len)
{
	struct mn_coap m = { 0 };
	bool headed = false;
	bool bad = mn_coap_read(data, len, &m, &headed);

	if (!bad && mn_coap_is_request(&m) && (m.type == MN_COAP_CON || m.type == MN_COAP_NON)) {
		request(in, p, &m, data, len);
		return;
	}
	if (!bad && m.code == MN_COAP_EMPTY && m.type == MN_COAP_CON)
		in->stats.pings_in++;
	else
		in->stats.drop_coap++;
	/* A ping, what is malformed, and an answer to what was never asked (RFC 7252 4.2, 4.3). */
	if ((!bad || headed) && m.type == MN_COAP_CON)
		send_empty(in, p, MN_COAP_RST, m.id);
}
