// SPDX-License-Identifier: GPL-2.0-or-later
#include "fanout.h"

#include <errno.h>
#include <time.h>

#include "gateway.h"
#include "log.h"

enum {
	RETRY_MS = 4,
	LATER_MS = 1000, /* how exactly a postponed offer keeps its time */
	MAX_AGE_S = 86400,
	OBSERVE_MASK = 0xffffff,
	SEPARATE_MS =
		93000, /* MAX_TRANSMIT_WAIT (RFC 7252 4.8.2) for an answer after the empty ACK */
};

static void run(struct mnd_fanout *f);

static void run_deferred(struct mn_defer *d)
{
	run(mnd_container(d, struct mnd_fanout, defer));
}

static void run_timer(struct mn_timer *t)
{
	run(mnd_container(t, struct mnd_fanout, retry));
}

/* Timers
 *   fanout.retry   send buffers were exhausted
 *   fanout.later   looks through the postponed offers, while there are any */

static void queue(struct mnd_fanout *f, struct mnd_device *d);
static void unqueue(struct mnd_fanout *f, struct mnd_device *d);

static bool too_soon(const struct mnd_fanout *f, const struct mnd_device *d)
{
	return d->offer.again_ms &&
	       (uint32_t)mn_loop_now(f->gateway->loop) - d->offer.again_ms < MND_REOFFER_MS;
}

static void run_later(struct mn_timer *t)
{
	struct mnd_fanout *f = mnd_container(t, struct mnd_fanout, later_timer);
	struct mnd_device *d = TAILQ_FIRST(&f->later), *next;

	for (; d; d = next) {
		next = TAILQ_NEXT(d, offer.link);
		if (too_soon(f, d))
			continue;
		unqueue(f, d);
		d->offer.again_ms = (uint32_t)mn_loop_now(f->gateway->loop);
		queue(f, d);
	}
	if (!TAILQ_EMPTY(&f->later))
		mn_timer_set(mn_loop_timers(f->gateway->loop), t, LATER_MS);
}

void mnd_fanout_init(struct mnd_fanout *f, struct mnd_gateway *g)
{
	*f = (struct mnd_fanout){ .gateway = g };
	TAILQ_INIT(&f->queue);
	TAILQ_INIT(&f->later);
	f->defer.fn = run_deferred;
	mn_timer_init(&f->retry, run_timer);
	mn_timer_init(&f->later_timer, run_later);
}

void mnd_fanout_fini(struct mnd_fanout *f)
{
	mn_timer_del(&f->retry);
	mn_timer_del(&f->later_timer);
}

static void queue(struct mnd_fanout *f, struct mnd_device *d)
{
	if (d->offer.postponed)
		unqueue(f, d);
	if (!d->offer.queued) {
		d->offer.queued = true;
		TAILQ_INSERT_TAIL(&f->queue, d, offer.link);
	}
	if (!mn_timer_pending(&f->retry))
		mn_loop_defer(f->gateway->loop, &f->defer);
}

static void unqueue(struct mnd_fanout *f, struct mnd_device *d)
{
	if (d->offer.queued)
		TAILQ_REMOVE(&f->queue, d, offer.link);
	else if (d->offer.postponed)
		TAILQ_REMOVE(&f->later, d, offer.link);
	d->offer.queued = d->offer.postponed = false;
}

static void stop_exchange(struct mnd_device *d)
{
	if (d->offer.open && !d->offer.separate)
		mn_exchange_stop(&d->messenger, d->offer.id);
	d->offer.open = false;
	d->offer.separate = false;
}

void mnd_fanout_stop(struct mnd_fanout *f, struct mnd_device *d)
{
	unqueue(f, d);
	stop_exchange(d);
}

static void declined(struct mnd_device *d)
{
	d->gateway->counters.inner_rand_declined++;
	d->offer.declined = true;
	if (d->state == MND_RAND_SENT)
		mnd_device_set_state(d, MND_CONNECTED);
}

static void unconfirmed(struct mnd_device *d)
{
	d->gateway->counters.inner_rand_unconfirmed++;
	/* RFC 7641 4.5: a client that does not acknowledge a notification is no longer interested */
	d->observes = false;
	if (d->state == MND_RAND_SENT)
		mnd_device_set_state(d, MND_RAND_UNCONFIRMED);
}

void mnd_fanout_taken(struct mnd_fanout *f, struct mnd_device *d)
{
	mnd_fanout_stop(f, d);
	if (d->state == MND_CONFIRMED || d->state == MND_AUTHENTICATED)
		return;
	d->gateway->counters.inner_rand_confirmed++;
	mnd_device_set_state(d, MND_CONFIRMED);
}

/* Any answer ends the offer; 5.xx is not the device's last word, 4.xx is. */
static void answered(struct mnd_device *d, uint8_t code)
{
	switch (mn_coap_class(code)) {
	case 2:
		mnd_fanout_taken(&d->gateway->fanout, d);
		return;
	case 4:
		declined(d);
		return;
	default:
		unconfirmed(d);
	}
}

static void offer_done(void *arg, struct mn_messenger *m, enum mn_outcome outcome,
		       const struct mn_coap *msg)
{
	struct mnd_device *d = arg;

	(void)m;
	switch (outcome) {
	case MN_OUTCOME_ACK:
		if (msg->code == MN_COAP_EMPTY && !d->observes) {
			d->offer.separate = true;
			return;
		}
		d->offer.open = false;
		answered(d, msg->code == MN_COAP_EMPTY ? MN_COAP_204 : msg->code);
		return;
	case MN_OUTCOME_RST:
		d->offer.open = false;
		d->observes = false; /* RFC 7641 3.6 */
		declined(d);
		return;
	case MN_OUTCOME_TIMEOUT:
		d->offer.open = false;
		unconfirmed(d);
		return;
	case MN_OUTCOME_CLOSED:
		d->offer.open = false;
		return;
	}
}

bool mnd_fanout_response(struct mnd_fanout *f, struct mnd_device *d, const struct mn_coap *msg)
{
	const struct mn_coap_token *t = &msg->token;

	(void)f;
	if (!d->offer.open || d->observes || t->len != 2 ||
	    (t->bytes[0] << 8 | t->bytes[1]) != d->offer.serial)
		return false;
	stop_exchange(d);
	answered(d, msg->code);
	return true;
}

static int write_offer(struct mnd_device *d, const struct mnd_group *group, uint16_t id,
		       uint8_t *buf, size_t max)
{
	struct mn_coap_token token = { .len = 2 };
	struct mn_coap_writer w;

	if (d->observes) {
		mn_coap_begin(&w, buf, max, MN_COAP_CON, MN_COAP_205, id, &d->observe_token);
		d->observe_seq = (d->observe_seq + 1) & OBSERVE_MASK;
		mn_coap_put_uint(&w, MN_COAP_OPT_OBSERVE, d->observe_seq);
	} else {
		d->offer.serial++;
		token.bytes[0] = (uint8_t)(d->offer.serial >> 8);
		token.bytes[1] = (uint8_t)d->offer.serial;
		mn_coap_begin(&w, buf, max, MN_COAP_CON, MN_COAP_POST, id, &token);
		mn_coap_put_path(&w, "gsa");
	}
	mn_coap_put_uint(&w, MN_COAP_OPT_CONTENT_FORMAT, MN_COAP_FORMAT_CBOR);
	if (d->observes)
		mn_coap_put_uint(&w, MN_COAP_OPT_MAX_AGE, MAX_AGE_S);
	mn_coap_put_payload(&w, group->message, group->message_len);
	return mn_coap_finish(&w);
}

/* 0, or the error of the send (then nothing has changed but the sequence of numbers). */
static int offer(struct mnd_device *d)
{
	struct mnd_group *group = mnd_device_group(d);
	struct mnd_gateway *g = d->gateway;
	uint16_t id = mn_messenger_id(&d->messenger);
	int len = write_offer(d, group, id, g->scratch, sizeof(g->scratch));
	bool again = d->offer.sent && d->offer.generation == group->generation;
	int err;

	if (len < 0)
		return len;
	err = mn_exchange_send(&d->messenger, g->scratch, (size_t)len, offer_done, d);
	if (err)
		return err;
	if (again)
		g->counters.inner_rand_again++;
	else
		g->counters.inner_rand_out++;
	d->offer.open = true;
	d->offer.separate = false;
	d->offer.id = id;
	d->offer.sent = true;
	d->offer.generation = group->generation;
	d->offer.at_ms = (uint32_t)mn_loop_now(g->loop);
	/* what the device has proven in this generation stays proven */
	if (d->state != MND_AUTHENTICATED)
		mnd_device_set_state(d, MND_RAND_SENT);
	return 0;
}

static uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* The queue is empty: what was taken from it goes to the kernel at the end of this iteration, and the next one knows the time. */
static void measure(struct mnd_fanout *f)
{
	if (!f->began_us)
		return;
	if (f->handed_over) {
		f->span_us = clock_us() - f->began_us;
		f->began_us = 0;
	} else {
		mn_loop_defer(f->gateway->loop, &f->defer);
	}
	f->handed_over = !f->handed_over;
}

static void run(struct mnd_fanout *f)
{
	struct mnd_device *d;

	for (unsigned int n = 0; n < MND_FANOUT_BATCH; n++) {
		int err;

		d = TAILQ_FIRST(&f->queue);
		if (!d) {
			measure(f);
			return;
		}
		f->handed_over = false;
		stop_exchange(d);
		err = offer(d);
		if (err == -ENOBUFS || err == -ENOMEM) {
			mn_timer_set(mn_loop_timers(f->gateway->loop), &f->retry, RETRY_MS);
			return;
		}
		unqueue(f, d);
		if (err && err != -ENOTCONN)
			mn_warn("device %s: the Rand could not be sent (error %d)",
				d->credential->entity, -err);
	}
	if (!TAILQ_EMPTY(&f->queue) || f->began_us)
		mn_loop_defer(f->gateway->loop, &f->defer);
}

void mnd_fanout_device(struct mnd_fanout *f, struct mnd_device *d)
{
	struct mnd_group *group = mnd_device_group(d);

	if (group->has_rand)
		queue(f, d);
}

void mnd_fanout_group(struct mnd_fanout *f, struct mnd_group *group)
{
	struct mnd_device *d;

	if (!f->began_us && !TAILQ_EMPTY(&group->connected)) {
		f->began_us = clock_us();
		f->handed_over = false;
	}
	TAILQ_FOREACH(d, &group->connected, link)
	{
		stop_exchange(d);
		d->offer.declined = false;
		mnd_device_set_state(d, MND_CONNECTED);
		queue(f, d);
	}
}

void mnd_fanout_again(struct mnd_fanout *f, struct mnd_device *d)
{
	struct mnd_group *group = mnd_device_group(d);
	uint32_t now = (uint32_t)mn_loop_now(f->gateway->loop);

	if (!group->has_rand || d->offer.declined || d->offer.open || d->offer.queued ||
	    d->offer.postponed)
		return;
	if (too_soon(f, d)) {
		/* a device that has run out of contexts waits for this offer: it comes when its time is there */
		d->offer.postponed = true;
		TAILQ_INSERT_TAIL(&f->later, d, offer.link);
		if (!mn_timer_pending(&f->later_timer))
			mn_timer_set(mn_loop_timers(f->gateway->loop), &f->later_timer, LATER_MS);
		return;
	}
	d->offer.again_ms = now;
	queue(f, d);
}

void mnd_fanout_heard(struct mnd_fanout *f, struct mnd_device *d)
{
	uint32_t since = (uint32_t)mn_loop_now(f->gateway->loop) - d->offer.at_ms;

	if (d->offer.open && d->offer.separate && since >= SEPARATE_MS) {
		stop_exchange(d);
		unconfirmed(d);
	}
	if (d->state != MND_RAND_UNCONFIRMED || d->offer.queued)
		return;
	/* a 5.xx came at once: no ping-pong */
	if (since < MND_REOFFER_MS)
		return;
	queue(f, d);
}
