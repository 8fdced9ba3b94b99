// SPDX-License-Identifier: GPL-2.0-or-later
#include "reply.h"

#include <string.h>

#include "device.h"
#include "gateway.h"

struct mnd_origin mnd_origin_of(const struct mn_coap *request)
{
	return (struct mnd_origin){
		.con = request->type == MN_COAP_CON,
		.id = request->id,
		.token = request->token,
	};
}

static void forget(struct mnd_replies *c, struct mnd_reply *r)
{
	TAILQ_REMOVE(&c->fifo, r, fifo);
	TAILQ_REMOVE(&r->device->replies, r, mine);
	r->device->n_replies--;
	mnd_buffer_put(c->buffers, &r->bytes);
	mn_pool_put(&c->pool, r);
}

/* All live equally long, so that the queue is in the order of expiry. */
static void sweep(struct mn_timer *t)
{
	struct mnd_replies *c = mnd_container(t, struct mnd_replies, sweep);
	uint64_t now = mn_loop_now(c->loop);
	struct mnd_reply *r;

	while ((r = TAILQ_FIRST(&c->fifo)) && r->until_ms <= now)
		forget(c, r);
	if (r)
		mn_timer_set(mn_loop_timers(c->loop), &c->sweep, r->until_ms - now);
}

void mnd_replies_init(struct mnd_replies *c, struct mn_loop *l, struct mnd_buffers *b)
{
	*c = (struct mnd_replies){ .loop = l, .buffers = b };
	mn_pool_init(&c->pool, sizeof(struct mnd_reply), SIZE_MAX);
	TAILQ_INIT(&c->fifo);
	mn_timer_init(&c->sweep, sweep);
}

void mnd_replies_fini(struct mnd_replies *c)
{
	mn_timer_del(&c->sweep);
	while (!TAILQ_EMPTY(&c->fifo))
		forget(c, TAILQ_FIRST(&c->fifo));
	mn_pool_fini(&c->pool);
}

void mnd_replies_drop(struct mnd_replies *c, struct mnd_device *d)
{
	while (!TAILQ_EMPTY(&d->replies))
		forget(c, TAILQ_FIRST(&d->replies));
}

static void send_empty(struct mnd_device *d, enum mn_coap_type type, uint16_t id)
{
	uint8_t buf[16];
	size_t len = mn_coap_empty(buf, type, id);

	if (mn_session_send(d->messenger.session, buf, len))
		d->gateway->counters.inner_send_failed++;
}

bool mnd_replies_repeat(struct mnd_replies *c, struct mnd_device *d, uint16_t id)
{
	uint64_t now = mn_loop_now(c->loop);
	struct mnd_reply *r;

	TAILQ_FOREACH(r, &d->replies, mine)
	{
		if (r->id != id || r->until_ms <= now)
			continue;
		if (r->bytes.data &&
		    mn_session_send(d->messenger.session, r->bytes.data, r->bytes.len))
			d->gateway->counters.inner_send_failed++;
		else if (!r->bytes.data && r->con)
			send_empty(d, MN_COAP_ACK, id);
		return true;
	}
	return false;
}

/* Without memory nothing is remembered: a duplicate is then treated as a new request, which OSCORE's replay window refuses. */
static void remember(struct mnd_replies *c, struct mnd_device *d, const struct mnd_origin *o,
		     const void *data, size_t len)
{
	struct mnd_reply *r;

	while (d->n_replies >= MND_REPLIES_A_DEVICE)
		forget(c, TAILQ_FIRST(&d->replies));
	while (c->buffers->bytes > MND_REPLIES_BYTES && !TAILQ_EMPTY(&c->fifo))
		forget(c, TAILQ_FIRST(&c->fifo));
	r = mn_pool_get(&c->pool);
	if (!r)
		return;
	if (len && mnd_buffer_get(c->buffers, len, &r->bytes)) {
		mn_pool_put(&c->pool, r);
		return;
	}
	if (len)
		memcpy(r->bytes.data, data, len);
	r->device = d;
	r->id = o->id;
	r->con = o->con;
	r->until_ms = mn_loop_now(c->loop) + MND_EXCHANGE_LIFETIME_MS;
	TAILQ_INSERT_TAIL(&c->fifo, r, fifo);
	TAILQ_INSERT_TAIL(&d->replies, r, mine);
	d->n_replies++;
	if (!mn_timer_pending(&c->sweep))
		mn_timer_set(mn_loop_timers(c->loop), &c->sweep, MND_EXCHANGE_LIFETIME_MS);
}

void mnd_reply_begin(struct mnd_device *d, const struct mnd_origin *o, uint8_t code,
		     struct mn_coap_writer *w, uint8_t *buf, size_t max)
{
	if (o->con && !o->acked)
		mn_coap_begin(w, buf, max, MN_COAP_ACK, code, o->id, &o->token);
	else
		mn_coap_begin(w, buf, max, o->con ? MN_COAP_CON : MN_COAP_NON, code,
			      mn_messenger_id(&d->messenger), &o->token);
}

/* 0 or the error of the send. *length: what mn_coap_finish said. */
static int transmit(struct mnd_device *d, const struct mnd_origin *o, struct mn_coap_writer *w,
		    int *length)
{
	int len = *length = mn_coap_finish(w);
	int err = len < 0 ? len : 0;

	if (!err && o->con && o->acked)
		err = mn_exchange_send(&d->messenger, w->buf, (size_t)len, NULL, NULL);
	else if (!err)
		err = mn_session_send(d->messenger.session, w->buf, (size_t)len);
	if (err)
		d->gateway->counters.inner_send_failed++;
	return err;
}

int mnd_reply_send_fresh(struct mnd_device *d, const struct mnd_origin *o, struct mn_coap_writer *w)
{
	int len;

	return transmit(d, o, w, &len);
}

int mnd_reply_send(struct mnd_device *d, const struct mnd_origin *o, struct mn_coap_writer *w)
{
	struct mnd_replies *c = &d->gateway->replies;
	int len, err = transmit(d, o, w, &len);

	if (o->con && !o->acked && len > 0) {
		remember(c, d, o, w->buf, (size_t)len);
		return 0;
	}
	if (!err)
		remember(c, d, o, NULL, 0);
	return err;
}

void mnd_reply_ack(struct mnd_device *d, struct mnd_origin *o)
{
	o->acked = true;
	send_empty(d, MN_COAP_ACK, o->id);
}

int mnd_reply_text(struct mnd_device *d, const struct mnd_origin *o, uint8_t code, int max_age,
		   const char *text)
{
	struct mn_coap_writer w;

	mnd_reply_begin(d, o, code, &w, d->gateway->scratch, sizeof(d->gateway->scratch));
	if (max_age >= 0)
		mn_coap_put_uint(&w, MN_COAP_OPT_MAX_AGE, (uint32_t)max_age);
	if (text)
		mn_coap_put_payload(&w, text, strlen(text));
	return mnd_reply_send(d, o, &w);
}
