// SPDX-License-Identifier: GPL-2.0-or-later
#include "dtls/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"

/* Timers
 *   exchange.timer   the message again: ACK_TIMEOUT times 1.0 to 1.5, doubling (RFC 7252 4.2) */

struct mn_exchange {
	struct mn_exchange *next;
	struct mn_messenger *messenger;
	struct mn_timer timer;
	uint64_t timeout_ms;
	unsigned int repeats;
	uint16_t id;
	mn_exchange_fn *fn;
	void *arg;
	size_t len;
	uint8_t data[];
};

void mn_messenger_init(struct mn_messenger *m, struct mn_session *s)
{
	m->session = s;
	m->pending = NULL;
	if (mn_random(&m->next_id, sizeof(m->next_id)))
		m->next_id = 0;
}

uint16_t mn_messenger_id(struct mn_messenger *m)
{
	return m->next_id++;
}

static void release(struct mn_exchange *x)
{
	mn_timer_del(&x->timer);
	mn_zero(x->data, x->len);
	free(x);
}

static void unlink_exchange(struct mn_exchange *x)
{
	struct mn_exchange **at = &x->messenger->pending;

	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
}

/* The callback may free the messenger: nothing of it is touched afterwards. */
static void finish(struct mn_exchange *x, enum mn_outcome outcome, const struct mn_coap *msg)
{
	struct mn_messenger *m = x->messenger;
	mn_exchange_fn *fn = x->fn;
	void *arg = x->arg;

	unlink_exchange(x);
	release(x);
	if (fn)
		fn(arg, m, outcome, msg);
}

static void again(struct mn_timer *t)
{
	struct mn_exchange *x = (void *)((char *)t - offsetof(struct mn_exchange, timer));
	struct mn_messenger *m = x->messenger;

	if (x->repeats == MN_MAX_RETRANSMIT) {
		finish(x, MN_OUTCOME_TIMEOUT, NULL);
		return;
	}
	x->repeats++;
	x->timeout_ms *= 2;
	mn_timer_set(mn_loop_timers(mn_session_loop(m->session)), &x->timer, x->timeout_ms);
	mn_session_send(m->session, x->data, x->len); /* a full queue is a lost datagram */
}

void mn_messenger_fini(struct mn_messenger *m)
{
	struct mn_exchange *all = m->pending;

	m->pending = NULL;
	while (all) {
		struct mn_exchange *x = all;
		mn_exchange_fn *fn = x->fn;
		void *arg = x->arg;

		all = x->next;
		release(x);
		if (fn)
			fn(arg, m, MN_OUTCOME_CLOSED, NULL);
	}
}

int mn_exchange_send(struct mn_messenger *m, const uint8_t *data, size_t len, mn_exchange_fn *fn,
		     void *arg)
{
	struct mn_exchange *x;
	uint16_t jitter = 0;
	int err;

	if (len < 4)
		return -EINVAL;
	x = malloc(sizeof(*x) + len);
	if (!x)
		return -ENOMEM;
	err = mn_session_send(m->session, data, len);
	if (err) {
		free(x);
		return err;
	}
	mn_random(&jitter, sizeof(jitter));
	mn_timer_init(&x->timer, again);
	x->messenger = m;
	x->timeout_ms = MN_ACK_TIMEOUT_MS + jitter % (MN_ACK_TIMEOUT_MS / 2);
	x->repeats = 0;
	x->id = (uint16_t)(data[2] << 8 | data[3]);
	x->fn = fn;
	x->arg = arg;
	x->len = len;
	memcpy(x->data, data, len);
	x->next = m->pending;
	m->pending = x;
	mn_timer_set(mn_loop_timers(mn_session_loop(m->session)), &x->timer, x->timeout_ms);
	return 0;
}

static struct mn_exchange *find(struct mn_messenger *m, uint16_t id)
{
	struct mn_exchange *x = m->pending;

	while (x && x->id != id)
		x = x->next;
	return x;
}

bool mn_exchange_input(struct mn_messenger *m, const struct mn_coap *msg)
{
	struct mn_exchange *x;

	if (msg->type != MN_COAP_ACK && msg->type != MN_COAP_RST)
		return false;
	x = find(m, msg->id);
	if (!x)
		return false;
	finish(x, msg->type == MN_COAP_ACK ? MN_OUTCOME_ACK : MN_OUTCOME_RST, msg);
	return true;
}

void mn_exchange_stop(struct mn_messenger *m, uint16_t id)
{
	struct mn_exchange *x = find(m, id);

	if (!x)
		return;
	unlink_exchange(x);
	release(x);
}

int mn_exchange_ping(struct mn_messenger *m, mn_exchange_fn *fn, void *arg)
{
	uint8_t buf[16];
	size_t len = mn_coap_empty(buf, MN_COAP_CON, mn_messenger_id(m));

	return mn_exchange_send(m, buf, len, fn, arg);
}

bool mn_dedup_seen(struct mn_dedup *d, uint16_t id)
{
	for (unsigned int i = 0; i < d->count; i++)
		if (d->ids[i] == id)
			return true;
	d->ids[d->at] = id;
	d->at = (uint8_t)((d->at + 1) % 16);
	if (d->count < 16)
		d->count++;
	return false;
}
