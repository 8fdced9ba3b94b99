// SPDX-License-Identifier: GPL-2.0-or-later
#include "carry.h"

#include "exchange.h"
#include "net.h"
#include "netlink.h"
#include "outer.h"
#include "record.h"
#include "session.h"

enum {
	OPEN_A_DEVICE = 16,
	CONFIRMS_A_DEVICE = 16,
	BUSY_S = 2, /* Max-Age of the refusals that pass soon */
};
#define ACK_TIMEOUT (2 * HZ) /* times 1.0 to 1.5 */

/* ---- sending ---- */

int mnk_carry_send(struct mnk_session *s, const struct mnk_message *m)
{
	int err = mnk_record_send(s, MNCSE_APPLICATION, m->data, m->len, NULL);

	if (err)
		mnk_count(s->net, MNK_CARRY_UNSENT);
	return err;
}

void mnk_carry_send_empty(struct mnk_session *s, u8 type, u16 id)
{
	const struct mnk_coap m = { .type = type, .id = id };
	u8 data[MNK_COAP_HEADER];

	if (mnk_record_send(s, MNCSE_APPLICATION, data, mnk_coap_write(&m, data), NULL))
		mnk_count(s->net, MNK_CARRY_UNSENT);
}

void mnk_carry_begin(struct mnk_session *s, const struct mnk_origin *o, struct mnk_coap *m)
{
	bool piggybacked = o->con && !o->acked;

	m->type = piggybacked ? MNK_COAP_ACK : o->con ? MNK_COAP_CON : MNK_COAP_NON;
	m->id = piggybacked ? o->id : mnk_message_id(&s->client->next_id);
	m->token_len = o->token_len;
	memcpy(m->token, o->token, sizeof(m->token));
}

/* The device acknowledges what answers an acknowledged request. */
static void confirm(struct mnk_session *s, struct mnk_message *m)
{
	struct mnk_client *c = s->client;
	struct mnk_exchange *e;

	if (c->n_confirms >= CONFIRMS_A_DEVICE)
		mnk_exchange_end(list_first_entry(&c->confirms, struct mnk_exchange, mine));
	e = mnk_exchange_new(s, NULL, m);
	if (!e)
		return;
	mnk_message_get(m);
	e->own_id = m->data[2] << 8 | m->data[3];
	e->interval = ACK_TIMEOUT + get_random_u32() % (ACK_TIMEOUT / 2);
	e->due = jiffies + e->interval;
	mnk_exchange_begin(e, c);
	mnk_carry_attend(s->net);
}

/* An ACK that could not be sent is remembered all the same: the device's retransmission fetches it. */
bool mnk_carry_sent(struct mnk_session *s, const struct mnk_origin *o, struct mnk_message *m,
		    int err)
{
	struct mnk_client *c = s->client;
	bool piggybacked = o->con && !o->acked;

	if (err && !piggybacked)
		return false;
	if (c->gone)
		return true;
	mnk_reply_remember(s->net, c, o, piggybacked ? m : NULL, false);
	if (o->con && o->acked)
		confirm(s, m);
	mnk_carry_attend(s->net);
	return true;
}

/* ---- of a device ---- */

static struct mnk_origin origin_of(const struct mnk_coap *m)
{
	struct mnk_origin o = {
		.id = m->id,
		.con = m->type == MNK_COAP_CON,
		.token_len = m->token_len,
	};

	memcpy(o.token, m->token, sizeof(o.token));
	return o;
}

/* 4.29, made and remembered like any answer. Comes with the lock, leaves without. */
static void refuse(struct mnk_session *s, const struct mnk_coap *request, u32 max_age,
		   const char *text)
{
	struct mnk_carry *carry = &s->net->carry;
	struct mnk_origin o = origin_of(request);
	struct mnk_coap m = {
		.code = MNK_COAP_429,
		.has_max_age = true,
		.max_age = max_age,
		.payload = (const u8 *)text,
		.payload_len = strlen(text),
	};
	struct mnk_message *message;
	int err;

	mnk_count(s->net, MNK_CARRY_REFUSED);
	mnk_carry_begin(s, &o, &m);
	message = mnk_message_new(s->net, &m);
	if (!message) {
		mnk_count(s->net, MNK_CARRY_DROP_MEMORY);
		spin_unlock(&carry->lock);
		return;
	}
	spin_unlock(&carry->lock);
	err = mnk_carry_send(s, message);
	spin_lock(&carry->lock);
	mnk_carry_sent(s, &o, message, err);
	mnk_message_put(message);
	spin_unlock(&carry->lock);
}

static struct mnk_exchange *find_open(struct mnk_client *c, u16 id)
{
	struct mnk_exchange *e;

	list_for_each_entry(e, &c->open, mine) if (e->origin.id == id) return e;
	return NULL;
}

/* A retransmission. 1: done with; 0: goes up; -ENOENT: it is none. Comes with the lock, leaves without unless it is none. */
static int duplicate(struct mnk_session *s, const struct mnk_coap *m)
{
	struct mnk_carry *carry = &s->net->carry;
	struct mnk_exchange *e = find_open(s->client, m->id);
	struct mnk_reply *r = e ? NULL : mnk_reply_find(s->client, m->id);
	struct mnk_message *message = NULL;
	bool empty = false;

	if (!e && !r)
		return -ENOENT;
	if (r && r->up) {
		spin_unlock(&carry->lock);
		return 0;
	}
	mnk_count(s->net, MNK_CARRY_DUPLICATES);
	if (r && r->message) {
		message = mnk_message_get(r->message);
	} else if (r) {
		empty = r->con;
	} else if (e->state == MNK_WAITS && e->origin.con) {
		e->origin.acked = true;
		empty = true;
	}
	spin_unlock(&carry->lock);
	if (message) {
		mnk_carry_send(s, message);
		spin_lock(&carry->lock);
		mnk_message_put(message);
		spin_unlock(&carry->lock);
	} else if (empty) {
		mnk_carry_send_empty(s, MNK_COAP_ACK, m->id);
	}
	return 1;
}

/* carry.lock. Is it one that we carry? */
static bool is_ours(struct mnk_client *c, const struct mnk_coap *m)
{
	u32 generation;

	return m->code == MNK_COAP_POST && m->oscore && m->plain && c->generation && c->outer &&
	       mnk_oscore_names(m->oscore, m->oscore_len, c->kid, &generation) &&
	       generation == c->generation;
}

/* carry.lock. The exchange with a reference for the caller, and its outer session with one too; NULL: no room. */
static struct mnk_exchange *open_exchange(struct mnk_session *s, const struct mnk_coap *request,
					  struct mnk_session **outer)
{
	struct mnk_client *c = s->client;
	struct mnk_outer *o = c->outer;
	struct mnk_coap m = *request;
	struct mnk_message *message;
	struct mnk_exchange *e;
	u64 serial = ++s->net->carry.serial & ((1ULL << 48) - 1);

	m.type = MNK_COAP_NON;
	m.id = mnk_message_id(&o->next_id);
	m.token_len = MNK_TOKEN_LEN;
	mnk_token_write(serial, m.token);
	m.has_max_age = false;
	message = mnk_message_new(s->net, &m);
	e = message ? mnk_exchange_new(s, o, message) : NULL;
	if (!e || !mnk_session_get(o->session)) {
		if (e)
			mnk_exchange_put(e);
		else
			mnk_message_put(message);
		return NULL;
	}
	*outer = o->session;
	e->serial = serial;
	e->life = o->life;
	e->origin = origin_of(request);
	mnk_exchange_begin(e, c);
	refcount_inc(&e->ref);
	o->requests++;
	c->requests++;
	mnk_carry_attend(s->net);
	return e;
}

static bool has_room(struct mnk_outer *o, const struct mnk_coap *m)
{
	struct mnk_coap out = *m;

	out.token_len = MNK_TOKEN_LEN;
	out.has_max_age = false;
	return o->session && mnk_coap_write(&out, NULL) <= o->limits.message &&
	       o->n_pending < o->limits.pending && mnk_outer_credit(o);
}

/* carry.lock, but not on return. Whose duplicates are whose is remembered. */
static bool goes_up(struct mnk_session *s, const struct mnk_coap *m, enum mnk_counter why)
{
	struct mnk_origin o = origin_of(m);

	mnk_count(s->net, why);
	mnk_reply_remember(s->net, s->client, &o, NULL, true);
	mnk_carry_attend(s->net);
	spin_unlock(&s->net->carry.lock);
	return false;
}

static bool request(struct mnk_session *s, const struct mnk_coap *m)
{
	struct mnk_carry *carry = &s->net->carry;
	struct mnk_client *c = s->client;
	struct mnk_session *outer;
	struct mnk_exchange *e;
	int is_duplicate;

	spin_lock(&carry->lock);
	if (c->gone) {
		spin_unlock(&carry->lock);
		return false;
	}
	is_duplicate = duplicate(s, m);
	if (is_duplicate >= 0)
		return is_duplicate;
	if (!is_ours(c, m))
		return goes_up(s, m, MNK_CARRY_UP_OTHER);
	if (!mnk_client_credit(c)) {
		refuse(s, m, 1, "Too many requests");
		return true;
	}
	if (c->n_open >= OPEN_A_DEVICE) {
		refuse(s, m, BUSY_S, "Too many open requests");
		return true;
	}
	if (!has_room(c->outer, m))
		return goes_up(s, m, MNK_CARRY_UP_LIMIT);
	e = open_exchange(s, m, &outer);
	if (!e)
		return goes_up(s, m, MNK_CARRY_UP_MEMORY);
	spin_unlock(&carry->lock);

	mnk_count(s->net, MNK_CARRY_REQUESTS);
	/* What could not be sent is as good as lost: the repetition comes. */
	mnk_carry_send(outer, e->message);
	mnk_session_put(outer);
	spin_lock(&carry->lock);
	mnk_exchange_put(e);
	spin_unlock(&carry->lock);
	return true;
}

/* An ACK or RST of the device for a CON of ours. */
static bool acknowledgement(struct mnk_session *s, const struct mnk_coap *m)
{
	struct mnk_carry *carry = &s->net->carry;
	struct mnk_exchange *e, *next;
	bool found = false;

	spin_lock(&carry->lock);
	list_for_each_entry_safe(e, next, &s->client->confirms, mine)
	{
		if (e->own_id != m->id)
			continue;
		mnk_exchange_end(e);
		found = true;
	}
	spin_unlock(&carry->lock);
	if (found)
		mnk_count(s->net, MNK_CARRY_ACKNOWLEDGED);
	return found;
}

/* ---- of the IN ---- */

static bool text_is(const struct mnk_coap *m, const char *text)
{
	return m->payload_len == strlen(text) && !memcmp(m->payload, text, m->payload_len);
}

/* What the answer says of the device's context. An unprotected answer proves nothing, but userspace wants to know of it. */
static void judge(struct mnk_session *s, const struct mnk_coap *m)
{
	if (m->oscore && m->code == MNK_COAP_204)
		s->client->answers++;
	else if (!m->oscore &&
		 ((m->code == MNK_COAP_401 && text_is(m, "Security context not found")) ||
		  (m->code == MNK_COAP_400 && text_is(m, "Decryption failed"))))
		mnk_session_event(s, MNCSE_REASON_CONTEXT, 0);
}

/* carry.lock. The exchange that the answer is for, with a reference, and what goes to the device. */
static struct mnk_exchange *take_answer(struct mnk_outer *o, const struct mnk_coap *answer,
					u64 serial, struct mnk_message **message)
{
	struct mnk_exchange *e = mnk_exchange_find(o->net, serial);
	struct mnk_coap m = *answer;

	if (!e || e->outer != o || e->life != o->life || e->state != MNK_WAITS) {
		mnk_count(o->net, MNK_CARRY_DROP_LATE);
		return NULL;
	}
	mnk_carry_begin(e->session, &e->origin, &m);
	if (mnk_coap_write(&m, NULL) > MNCSE_RECORD_PLAIN_MAX) {
		mnk_count(o->net, MNK_CARRY_DROP_LARGE);
		return NULL;
	}
	*message = mnk_message_new(o->net, &m);
	if (!*message) {
		mnk_count(o->net, MNK_CARRY_DROP_MEMORY);
		return NULL;
	}
	e->state = MNK_ANSWERING;
	refcount_inc(&e->ref);
	return e;
}

/* carry.lock. Not sent: it stays open, its repetition fetches the answer again. */
static void answered(struct mnk_exchange *e, struct mnk_message *message,
		     const struct mnk_coap *answer, int err)
{
	if (e->state == MNK_ANSWERING) {
		if (mnk_carry_sent(e->session, &e->origin, message, err)) {
			mnk_count(e->session->net, MNK_CARRY_ANSWERS);
			e->outer->answers++;
			judge(e->session, answer);
			mnk_exchange_end(e);
		} else {
			e->state = MNK_WAITS;
		}
	}
	mnk_exchange_put(e);
	mnk_message_put(message);
}

/* carry.lock. CONs of the IN that we acknowledged. */
static bool is_seen(const struct mnk_outer *o, u16 id)
{
	for (int i = 0; i < o->n_seen; i++)
		if (o->seen[i] == id)
			return true;
	return false;
}

static void see(struct mnk_outer *o, u16 id)
{
	o->seen[o->seen_at] = id;
	o->seen_at = (o->seen_at + 1) % MNK_OUTER_SEEN;
	o->n_seen = min(o->n_seen + 1, MNK_OUTER_SEEN);
}

/* A response with a token of ours. The IN's are NON; a CON is acknowledged, once its token is known. */
static bool response(struct mnk_session *s, const struct mnk_coap *m)
{
	struct mnk_carry *carry = &s->net->carry;
	bool con = m->type == MNK_COAP_CON, known = false;
	struct mnk_message *message;
	struct mnk_exchange *e = NULL;
	struct mnk_outer *o;
	u64 serial;
	int err;

	if (!mnk_token_read(m, &serial) || m->type == MNK_COAP_ACK)
		return false;
	spin_lock(&carry->lock);
	o = s->outer;
	if (!o) {
		spin_unlock(&carry->lock);
		return false;
	}
	known = con && is_seen(o, m->id);
	if (known)
		mnk_count(s->net, MNK_CARRY_DUPLICATES);
	else
		e = take_answer(o, m, serial, &message);
	if (e && con)
		see(o, m->id);
	spin_unlock(&carry->lock);
	if (con)
		mnk_carry_send_empty(s, known || e ? MNK_COAP_ACK : MNK_COAP_RST, m->id);
	if (!e)
		return true;
	err = mnk_carry_send(e->session, message);
	spin_lock(&carry->lock);
	answered(e, message, m, err);
	spin_unlock(&carry->lock);
	return true;
}

bool mnk_carry_receive(struct mnk_session *s, const u8 *data, unsigned int len)
{
	/* pairs with make_client() */
	struct mnk_client *client = smp_load_acquire(&s->client);
	bool outer = READ_ONCE(s->outer);
	struct mnk_coap m;

	if ((!client && !outer) || mnk_coap_read(data, len, &m))
		return false;
	if (outer)
		return mnk_coap_is_response(&m) && response(s, &m);
	if (mnk_coap_is_request(&m))
		return request(s, &m);
	return m.type >= MNK_COAP_ACK && acknowledgement(s, &m);
}
