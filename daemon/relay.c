// SPDX-License-Identifier: GPL-2.0-or-later
#include "relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"

/* Timers: each request's own (empty ACK after 1 s, repeats, 5.04 after 30 s), and the pump that sends what waits for credit. */

enum {
	TOKEN_LEN = 6, /* slot, serial */
	TOKEN_AT = 4,
	TOKEN_MAX = 8,
	PUMP_MS = 4,
	REPEATS = 3,
	BUSY_S = 2, /* Max-Age of the refusals that pass soon */
};

static const uint32_t repeat_ms[REPEATS] = { 2000, 6000, 14000 };

static void request_timer(struct mn_timer *t);
static void pump_timer(struct mn_timer *t);

int mnd_relay_init(struct mnd_relay *r, struct mnd_gateway *g)
{
	*r = (struct mnd_relay){ .gateway = g, .free_slot = 0 };
	if (g->index == 0) {
		r->slots = calloc(MND_PENDING_MAX, sizeof(*r->slots));
		if (!r->slots)
			return -ENOMEM;
	}
	for (int i = 0; r->slots && i < MND_PENDING_MAX; i++)
		r->slots[i].next_free = i + 1 < MND_PENDING_MAX ? i + 1 : -1;
	mn_pool_init(&r->pool, sizeof(struct mnd_request), MND_PENDING_MAX + MND_WAITING_MAX);
	TAILQ_INIT(&r->all);
	TAILQ_INIT(&r->waiting);
	r->credit = MND_OUTER_BURST;
	r->credit_ms = mn_loop_now(g->loop);
	mn_timer_init(&r->pump, pump_timer);
	return 0;
}

void mnd_relay_fini(struct mnd_relay *r)
{
	mn_timer_del(&r->pump);
	mn_pool_fini(&r->pool);
	free(r->slots);
	r->slots = NULL;
}

static struct mn_timers *timers(struct mnd_relay *r)
{
	return mn_loop_timers(r->gateway->loop);
}

static uint64_t now_ms(const struct mnd_relay *r)
{
	return mn_loop_now(r->gateway->loop);
}

/* ---- slots and sending ---- */

static void take_slot(struct mnd_relay *r, struct mnd_request *q)
{
	struct mnd_relay_slot *s = &r->slots[r->free_slot];
	uint8_t *token = q->bytes.data + TOKEN_AT;

	q->slot = r->free_slot;
	r->free_slot = s->next_free;
	s->request = q;
	s->serial++;
	token[0] = (uint8_t)(q->slot >> 8);
	token[1] = (uint8_t)q->slot;
	token[2] = (uint8_t)(s->serial >> 24);
	token[3] = (uint8_t)(s->serial >> 16);
	token[4] = (uint8_t)(s->serial >> 8);
	token[5] = (uint8_t)s->serial;
	r->n_pending++;
}

static void give_slot(struct mnd_relay *r, struct mnd_request *q)
{
	struct mnd_relay_slot *s = &r->slots[q->slot];

	s->request = NULL;
	s->next_free = r->free_slot;
	r->free_slot = q->slot;
	q->slot = -1;
	r->n_pending--;
}

static struct mnd_request *find_token(const struct mnd_relay *r, const struct mn_coap_token *t)
{
	const uint8_t *b = t->bytes;
	const struct mnd_relay_slot *s;
	unsigned int slot = (unsigned int)b[0] << 8 | b[1];
	uint32_t serial = (uint32_t)b[2] << 24 | (uint32_t)b[3] << 16 | (uint32_t)b[4] << 8 | b[5];

	if (t->len != TOKEN_LEN || slot >= MND_PENDING_MAX)
		return NULL;
	s = &r->slots[slot];
	return s->request && s->serial == serial ? s->request : NULL;
}

static bool take_credit(struct mnd_relay *r)
{
	uint64_t passed = now_ms(r) - r->credit_ms;
	uint64_t credit = r->credit + passed * (MND_OUTER_RATE / 1000);

	r->credit = (uint32_t)(credit > MND_OUTER_BURST ? MND_OUTER_BURST : credit);
	r->credit_ms += passed;
	if (r->credit == 0)
		return false;
	r->credit--;
	return true;
}

/* Each transmission has a message ID of its own. */
static int transmit(struct mnd_relay *r, struct mnd_request *q)
{
	struct mnd_upstream *u = &r->gateway->upstream;
	uint16_t id;

	if (!take_credit(r))
		return -EAGAIN;
	id = mn_messenger_id(&u->messenger);
	q->bytes.data[2] = (uint8_t)(id >> 8);
	q->bytes.data[3] = (uint8_t)id;
	return mnd_upstream_send(u, q->bytes.data, q->bytes.len);
}

/* Sent to worker 0, which does all but the empty ACK, and always answers. */
static bool is_away(const struct mnd_request *q)
{
	return q->parcel && q->device;
}

static void arm(struct mnd_relay *r, struct mnd_request *q)
{
	uint64_t due = q->arrived_ms + MND_GIVE_UP_MS;
	uint64_t now = now_ms(r);

	if (is_away(q) && (!q->origin.con || q->origin.acked))
		return;

	if (q->origin.con && !q->origin.acked && q->arrived_ms + MND_ACK_AFTER_MS < due)
		due = q->arrived_ms + MND_ACK_AFTER_MS;
	if (q->slot >= 0 && q->repeats < REPEATS && q->sent_ms + repeat_ms[q->repeats] < due)
		due = q->sent_ms + repeat_ms[q->repeats];
	mn_timer_set(timers(r), &q->timer, due > now ? due - now : 0);
}

static void unwait(struct mnd_relay *r, struct mnd_request *q)
{
	q->waits = false;
	TAILQ_REMOVE(&r->waiting, q, wait);
	r->n_waiting--;
}

static void forget(struct mnd_relay *r, struct mnd_request *q);

/* The gateway's own answer, from here or at the worker that the request came from. */
static void answer(struct mnd_request *q, uint8_t code, int max_age, const char *text)
{
	if (q->device) {
		mnd_reply_text(q->device, &q->origin, code, max_age, text);
		return;
	}
	q->parcel->code = code;
	q->parcel->max_age = max_age;
	q->parcel->text = text;
}

/* Its device's session has gone, at another worker. */
static bool abandoned(const struct mnd_request *q)
{
	return !q->device && __atomic_load_n(&q->parcel->abandoned, __ATOMIC_RELAXED);
}

/* Sends what waits, oldest first, as far as the limits go. */
static void pump(struct mnd_relay *r)
{
	struct mnd_request *q;

	while ((q = TAILQ_FIRST(&r->waiting)) && r->n_pending < r->gateway->settings.pending) {
		int err;

		if (abandoned(q)) {
			forget(r, q);
			continue;
		}
		take_slot(r, q);
		err = transmit(r, q);
		if (err == -EMSGSIZE) {
			give_slot(r, q);
			answer(q, MN_COAP_413, -1, "Too large");
			forget(r, q);
			continue;
		}
		if (err) {
			give_slot(r, q);
			if (!mn_timer_pending(&r->pump))
				mn_timer_set(timers(r), &r->pump, PUMP_MS);
			return;
		}
		unwait(r, q);
		q->sent_ms = now_ms(r);
		r->gateway->counters.outer_service_out++;
		arm(r, q);
	}
}

static void pump_timer(struct mn_timer *t)
{
	pump(mnd_container(t, struct mnd_relay, pump));
}

/* ---- life of a request ---- */

static void forget(struct mnd_relay *r, struct mnd_request *q)
{
	mn_timer_del(&q->timer);
	if (q->slot >= 0)
		give_slot(r, q);
	else if (q->waits)
		unwait(r, q);
	TAILQ_REMOVE(&r->all, q, link);
	r->n_open--;
	if (q->device) {
		LIST_REMOVE(q, mine);
		q->device->n_open--;
	}
	if (!q->parcel) {
		mnd_buffer_put(&r->gateway->buffers, &q->bytes);
	} else if (q->device) {
		q->parcel->request = NULL;
		__atomic_store_n(&q->parcel->abandoned, true, __ATOMIC_RELAXED);
	} else {
		mnd_parcel_home(r->gateway, q->parcel);
	}
	mn_pool_put(&r->pool, q);
}

static bool refuse(struct mnd_device *d, const struct mn_coap *msg, uint64_t *counter, uint8_t code,
		   int max_age, const char *text)
{
	struct mnd_origin o = mnd_origin_of(msg);

	(*counter)++;
	mnd_reply_text(d, &o, code, max_age, text);
	return false;
}

/* Outer options but OSCORE are dropped. */
static int write_outer(struct mnd_gateway *g, const struct mn_coap *msg,
		       const struct mn_coap_option *option, uint8_t *buf)
{
	static const struct mn_coap_token token = { .len = TOKEN_LEN };
	struct mn_coap_writer w;

	mn_coap_begin(&w, buf, g->settings.coap_max, MN_COAP_NON, MN_COAP_POST, 0, &token);
	mn_coap_put(&w, MN_COAP_OPT_OSCORE, option->value, option->len);
	mn_coap_put_payload(&w, msg->payload, msg->payload_len);
	return mn_coap_finish(&w);
}

/* The size is known before anything is kept. */
static int build(struct mnd_gateway *g, const struct mn_coap *msg,
		 const struct mn_coap_option *option, struct mnd_buffer *out)
{
	int len = write_outer(g, msg, option, g->scratch);
	int err;

	if (len < 0)
		return len;
	err = mnd_buffer_get(&g->buffers, (size_t)len, out);
	if (!err)
		memcpy(out->data, g->scratch, (size_t)len);
	return err;
}

static int build_parcel(struct mnd_gateway *g, const struct mn_coap *msg,
			const struct mn_coap_option *option, struct mnd_parcel **out)
{
	struct mnd_parcel *p =
		g->parcels.used < MND_PARCELS_MAX ? mnd_parcel_get(g, MND_PARCEL_REQUEST) : NULL;
	int len;

	if (!p)
		return -ENOMEM;
	len = write_outer(g, msg, option, p->data);
	if (len < 0) {
		mnd_parcel_put(g, p);
		return len;
	}
	p->len = (uint16_t)len;
	*out = p;
	return 0;
}

static void discard(struct mnd_gateway *g, struct mnd_buffer *bytes, struct mnd_parcel *p)
{
	mnd_buffer_put(&g->buffers, bytes);
	if (p)
		mnd_parcel_put(g, p);
}

static void begin(struct mnd_relay *r, struct mnd_request *q)
{
	q->relay = r;
	q->slot = -1;
	q->arrived_ms = now_ms(r);
	mn_timer_init(&q->timer, request_timer);
	TAILQ_INSERT_TAIL(&r->all, q, link);
	r->n_open++;
}

static void await_slot(struct mnd_relay *r, struct mnd_request *q)
{
	q->waits = true;
	TAILQ_INSERT_TAIL(&r->waiting, q, wait);
	r->n_waiting++;
	/* A pump that waits for credit keeps the order. */
	if (!mn_timer_pending(&r->pump))
		pump(r);
}

bool mnd_relay_submit(struct mnd_relay *r, struct mnd_device *d, const struct mn_coap *msg,
		      const struct mn_coap_option *option, const uint32_t *generation)
{
	struct mnd_gateway *g = r->gateway;
	struct mnd_counters *n = &g->counters;
	struct mnd_buffer bytes = { 0 };
	struct mnd_parcel *parcel = NULL;
	struct mnd_request *q;
	int err;

	if (g->upstream.state != MND_UPSTREAM_UP || g->draining)
		return refuse(d, msg, &n->inner_refused_unavailable, MN_COAP_503,
			      mnd_upstream_max_age(&g->upstream), "No session to the IN");
	if (d->n_open >= MND_OPEN_A_DEVICE)
		return refuse(d, msg, &n->inner_refused_rate, MN_COAP_429, BUSY_S,
			      "Too many open requests");
	err = g->index ? build_parcel(g, msg, option, &parcel) : build(g, msg, option, &bytes);
	if (err == -EMSGSIZE)
		return refuse(d, msg, &n->inner_refused_size, MN_COAP_413, -1, "Too large");
	q = !err && r->n_waiting < MND_WAITING_MAX ? mn_pool_get(&r->pool) : NULL;
	if (!q) {
		discard(g, &bytes, parcel);
		return refuse(d, msg, &n->inner_refused_busy, MN_COAP_503, BUSY_S, "Busy");
	}
	q->device = d;
	q->bytes = bytes;
	q->parcel = parcel;
	q->origin = mnd_origin_of(msg);
	q->has_generation = generation != NULL;
	q->generation = generation ? *generation : 0;
	begin(r, q);
	LIST_INSERT_HEAD(&d->requests, q, mine);
	d->n_open++;
	d->n_requests++;
	n->inner_service_in++;
	arm(r, q);
	if (parcel) {
		parcel->request = q;
		mnd_parcel_send(g, parcel, 0);
	} else {
		await_slot(r, q);
	}
	return true;
}

void mnd_relay_take(struct mnd_relay *r, struct mnd_parcel *p)
{
	struct mnd_gateway *g = r->gateway;
	bool up = g->upstream.state == MND_UPSTREAM_UP;
	struct mnd_request *q = up && r->n_waiting < MND_WAITING_MAX ? mn_pool_get(&r->pool) : NULL;

	if (!q) {
		/* inner.service_in has counted it at its worker */
		if (up)
			g->counters.inner_refused_busy++;
		else
			g->counters.inner_service_interrupted++;
		p->code = MN_COAP_503;
		p->max_age = up ? BUSY_S : mnd_upstream_max_age(&g->upstream);
		p->text = up ? "Busy" : "No session to the IN";
		mnd_parcel_home(g, p);
		return;
	}
	q->parcel = p;
	q->bytes = (struct mnd_buffer){ .data = p->data, .len = p->len };
	begin(r, q);
	arm(r, q);
	await_slot(r, q);
}

struct mnd_request *mnd_relay_find(struct mnd_device *d, uint16_t id)
{
	struct mnd_request *q;

	LIST_FOREACH(q, &d->requests, mine)
	if (q->origin.id == id)
		return q;
	return NULL;
}

static void repeat(struct mnd_relay *r, struct mnd_request *q)
{
	/* Without credit or buffers this repetition is left out, the next one comes. */
	if (!transmit(r, q))
		r->gateway->counters.outer_service_repeats++;
	q->repeats++;
}

static void request_timer(struct mn_timer *t)
{
	struct mnd_request *q = mnd_container(t, struct mnd_request, timer);
	struct mnd_relay *r = q->relay;
	uint64_t now = now_ms(r);

	if (abandoned(q)) {
		forget(r, q);
		pump(r);
		return;
	}
	if (now >= q->arrived_ms + MND_GIVE_UP_MS && !is_away(q)) {
		r->gateway->counters.inner_service_timeouts++;
		if (q->slot >= 0)
			answer(q, MN_COAP_504, -1, "The IN does not answer");
		else
			answer(q, MN_COAP_503, BUSY_S, "Busy");
		forget(r, q);
		pump(r);
		return;
	}
	if (q->origin.con && !q->origin.acked && now >= q->arrived_ms + MND_ACK_AFTER_MS)
		mnd_reply_ack(q->device, &q->origin);
	if (q->slot >= 0 && q->repeats < REPEATS && now >= q->sent_ms + repeat_ms[q->repeats])
		repeat(r, q);
	arm(r, q);
}

/* ---- answers ---- */

static bool text_is(const struct mn_coap *msg, const char *text)
{
	return msg->payload_len == strlen(text) && !memcmp(msg->payload, text, msg->payload_len);
}

/* What the answer says of the device's context. An unprotected answer proves nothing, but the Rand is no secret to its device. */
static void judge(struct mnd_request *q, const struct mn_coap *msg, bool is_protected)
{
	struct mnd_device *d = q->device;
	const struct mnd_group *group = mnd_device_group(d);

	if (is_protected && msg->code == MN_COAP_204) {
		d->n_answers++;
		if (q->has_generation && group->has_rand && q->generation == group->generation &&
		    d->state != MND_CONNECTED)
			mnd_device_set_state(d, MND_AUTHENTICATED);
	} else if (!is_protected &&
		   ((msg->code == MN_COAP_401 && text_is(msg, "Security context not found")) ||
		    (msg->code == MN_COAP_400 && text_is(msg, "Decryption failed")))) {
		mnd_fanout_again(&d->gateway->fanout, d);
	}
}

/* What of the IN's answer goes on. Returns whether it is protected. */
static bool copy_answer(struct mn_coap_writer *w, const struct mn_coap *msg)
{
	struct mn_coap_option oscore;
	bool is_protected = mn_coap_option_find(msg, MN_COAP_OPT_OSCORE, &oscore);
	uint32_t max_age;

	if (is_protected)
		mn_coap_put(w, MN_COAP_OPT_OSCORE, oscore.value, oscore.len);
	if (!mn_coap_option_uint(msg, MN_COAP_OPT_MAX_AGE, 4, &max_age))
		mn_coap_put_uint(w, MN_COAP_OPT_MAX_AGE, max_age);
	mn_coap_put_payload(w, msg->payload, msg->payload_len);
	return is_protected;
}

/* To the device. 0, -EMSGSIZE, or the error of the send. */
static int deliver(struct mnd_request *q, const struct mn_coap *msg)
{
	struct mnd_gateway *g = q->relay->gateway;
	struct mn_coap_writer w;
	bool is_protected;
	int err;

	/* limits.coap_max is for what goes out to the IN; an answer is as long as a record may be */
	mnd_reply_begin(q->device, &q->origin, msg->code, &w, g->scratch, MND_COAP_MAX);
	is_protected = copy_answer(&w, msg);
	if (mn_coap_finish(&w) == -EMSGSIZE)
		return -EMSGSIZE;
	err = mnd_reply_send(q->device, &q->origin, &w);
	if (err)
		return err;
	g->counters.inner_service_answers++;
	judge(q, msg, is_protected);
	return 0;
}

/* Into the parcel that the request came in; it has the device's longest token's worth of room less than what is allowed. */
static int pack(struct mnd_request *q, const struct mn_coap *msg)
{
	struct mn_coap_writer w;
	int len;

	mn_coap_begin(&w, q->parcel->data, MND_COAP_MAX - TOKEN_MAX, MN_COAP_NON, msg->code, 0,
		      &(struct mn_coap_token){ 0 });
	copy_answer(&w, msg);
	len = mn_coap_finish(&w);
	if (len < 0)
		return len;
	q->parcel->len = (uint16_t)len;
	return 0;
}

bool mnd_relay_answer(struct mnd_relay *r, const struct mn_coap *msg)
{
	struct mnd_gateway *g = r->gateway;
	struct mnd_request *q = find_token(r, &msg->token);
	int err;

	if (!q) {
		g->counters.outer_answers_late++;
		return false;
	}
	err = q->device ? deliver(q, msg) : pack(q, msg);
	if (err == -EMSGSIZE)
		g->counters.outer_answers_large++;
	/* Not sent: the request stays open, its repetition fetches the answer again. */
	if (err)
		return true;
	g->counters.outer_service_answers++;
	g->counters.outer_service_us += (now_ms(r) - q->arrived_ms) * 1000;
	forget(r, q);
	pump(r);
	return true;
}

void mnd_relay_home(struct mnd_relay *r, struct mnd_parcel *p)
{
	struct mnd_request *q = p->request;
	struct mn_coap msg;
	bool headed;

	q->parcel = NULL;
	if (p->code)
		answer(q, p->code, p->max_age, p->text);
	else if (!mn_coap_read(p->data, p->len, &msg, &headed))
		deliver(q, &msg); /* without a buffer to send it in the device asks again */
	forget(r, q);
}

void mnd_relay_interrupt(struct mnd_relay *r)
{
	struct mnd_request *q;

	while ((q = TAILQ_FIRST(&r->all))) {
		r->gateway->counters.inner_service_interrupted++;
		answer(q, MN_COAP_503, mnd_upstream_max_age(&r->gateway->upstream),
		       "No session to the IN");
		forget(r, q);
	}
	mn_timer_del(&r->pump);
}

void mnd_relay_drop(struct mnd_relay *r, struct mnd_device *d)
{
	struct mnd_request *q;

	while ((q = LIST_FIRST(&d->requests))) {
		r->gateway->counters.inner_service_abandoned++;
		forget(r, q);
	}
	pump(r);
}
