// SPDX-License-Identifier: GPL-2.0-or-later
/* A simulated device: what it begins, and what its events mean to the phase under way. */
#include <stdio.h>
#include <string.h>

#include "run_state.h"

enum {
	TRIES = 3, /* handshakes that are not answered */
	FAILURES_SHOWN = 10,
	HANDSHAKE_MS = 30000,
	UNVERIFIED = 3, /* tries whose answers do not verify */
};

static size_t index_of(const struct mnt_run *run, const struct mnt_device *d)
{
	return (size_t)(d - run->devices);
}

static uint8_t phase_number(const struct mnt_run *run)
{
	return (uint8_t)run->r->phase_n;
}

static void show_failure(struct mnt_run *run, struct mnt_device *d, const char *why)
{
	if (run->shown++ < FAILURES_SHOWN)
		fprintf(stderr, "%s%s: %s\n", run->tty && run->drawn ? "\n" : "",
			run->o->credentials->list[index_of(run, d)].device_id, why);
}

/* Its request, or what it is waited for in this phase, has come to an end. */
static void leave(struct mnt_run *run, struct mnt_device *d)
{
	if (d->state == MNT_DEVICE_CONNECTING || d->away ||
	    (d->busy && d->busy == phase_number(run)))
		run->under_way--;
	d->busy = 0;
	d->away = false;
}

void mnt_device_fail(struct mnt_run *run, struct mnt_device *d, const char *why)
{
	if (d->state == MNT_DEVICE_FAILED)
		return;
	leave(run, d);
	if (run->waited && ((run->phase->kind == MNT_PHASE_RAND && !d->fresh_rand) ||
			    run->phase->kind == MNT_PHASE_RECONNECT))
		run->waited--;
	d->state = MNT_DEVICE_FAILED;
	run->r->failed++;
	run->phase->failed++;
	if (d->agent)
		mnt_agent_stop(d->agent);
	show_failure(run, d, why);
	mnt_run_progress(run);
	mnt_run_advance(run);
}

static void event(void *arg, struct mnt_agent *a, const struct mnt_event *e);

void mnt_device_start(struct mnt_run *run, struct mnt_device *d)
{
	const struct mnt_sources *sources = &run->o->sources;
	struct mnt_agent_config config = {
		.loop = run->loop,
		.endpoint = run->endpoint,
		.credential = &run->o->credentials->list[index_of(run, d)],
		.gateway = run->o->gateway,
		.suites = run->o->suites,
		.direct = run->o->proxy,
		.handshake_ms = HANDSHAKE_MS,
		.unverified = UNVERIFIED,
		.fn = event,
		.arg = d,
	};

	if (sources->n) {
		config.shared = true;
		config.local.in.sin_family = AF_INET;
		config.local.in.sin_addr.s_addr =
			htonl(sources->first + (uint32_t)index_of(run, d));
	}
	d->run = run;
	d->state = MNT_DEVICE_CONNECTING;
	run->under_way++;
	if (mnt_agent_new(&config, &d->agent))
		mnt_device_fail(run, d, "out of memory");
}

void mnt_device_reconnect(struct mnt_run *run, struct mnt_device *d)
{
	d->away = true;
	d->tries = 0;
	run->under_way++;
	mnt_agent_reconnect(d->agent);
}

/* A request that ended, well or not. */
static void answered(struct mnt_run *run, struct mnt_device *d, bool ok, uint64_t now_us)
{
	struct mnt_phase_result *p = run->phase;

	if (d->busy != phase_number(run)) { /* left over from a phase that is over */
		d->busy = 0;
		return;
	}
	leave(run, d);
	if (!ok) {
		p->failed++;
		return;
	}
	p->done++;
	p->end_us = p->last_us = now_us;
	if (!p->first_us)
		p->first_us = now_us;
	mnt_hist_add(&p->hist, now_us - d->began_us);
}

void mnt_device_ask(struct mnt_run *run, struct mnt_device *d, uint64_t intended_us)
{
	const struct mnt_request request = {
		.op = MN_OP_CREATE,
		.to = "in-cse/cnt",
		.ty = 4,
		.content = run->content,
		.content_format = MN_COAP_FORMAT_JSON,
	};
	bool get = run->phase->kind == MNT_PHASE_GET;

	d->busy = phase_number(run);
	d->began_us = intended_us;
	run->under_way++;
	if (get ? mnt_agent_get(d->agent) : mnt_agent_request(d->agent, &request)) {
		answered(run, d, false, mnt_now_us());
		mnt_run_advance(run);
	}
}

/* ---- events ---- */

static void opened(struct mnt_run *run, struct mnt_device *d, const struct mnt_event *e)
{
	struct mnt_phase_result *p = run->phase;

	run->totals.handshakes++;
	run->r->suite = mn_suite_name(e->suite);
	if (!d->away && d->state != MNT_DEVICE_CONNECTING)
		return;
	leave(run, d);
	if (d->state == MNT_DEVICE_CONNECTING)
		d->state = MNT_DEVICE_OPEN;
	p->done++;
	p->end_us = p->last_us = e->now_us;
	if (!p->first_us)
		p->first_us = e->now_us;
	/* a storm is measured from its beginning, with all that a device had to wait for */
	mnt_hist_add(&p->hist,
		     p->kind == MNT_PHASE_RECONNECT ? e->now_us - p->start_us : e->took_us);
	/* in proxy mode there is no Rand to wait for */
	if (run->o->proxy) {
		d->state = MNT_DEVICE_READY;
		run->waited -= run->waited > 0;
	}
}

static void closed(struct mnt_run *run, struct mnt_device *d, const struct mnt_event *e)
{
	char why[64];

	if (d->closing) {
		d->closing = false;
		run->still_open--;
	} else if (e->was_open) {
		run->r->lost += !d->away;
	} else if (!d->away && (e->close == MN_CLOSE_HANDSHAKE || ++d->tries == TRIES)) {
		snprintf(why, sizeof(why), "handshake failed: %s", mn_close_name(e->close));
		mnt_device_fail(run, d, why);
	}
}

static void rand_taken(struct mnt_run *run, struct mnt_device *d, const struct mnt_event *e)
{
	struct mnt_phase_result *p = run->phase;

	run->totals.rands++;
	if (d->state == MNT_DEVICE_OPEN)
		d->state = MNT_DEVICE_READY;
	if (p->kind == MNT_PHASE_RECONNECT && run->waited) {
		run->waited--;
	} else if (p->kind == MNT_PHASE_HANDSHAKE && run->waited) {
		run->waited--;
		p->end_us = run->r->last_rand_us = e->now_us;
		if (!run->r->rands++)
			run->r->first_rand_us = e->now_us;
	} else if (p->kind == MNT_PHASE_RAND && !e->known && !d->fresh_rand) {
		d->fresh_rand = true;
		run->waited--;
		p->done++;
		if (!p->first_us)
			p->first_us = e->now_us;
		p->end_us = p->last_us = e->now_us;
		mnt_hist_add(&p->hist, e->now_us - p->start_us);
	}
}

static void done(struct mnt_run *run, struct mnt_device *d, const struct mnt_event *e)
{
	bool verified = e->result == MNT_RESULT_VERIFIED;
	bool ok = verified && e->response->rsc == MN_RSC_CREATED;
	char why[128], code[8];

	run->totals.requests += ok;
	answered(run, d, ok, e->now_us);
	if (ok) {
		run->r->authenticated += !d->authenticated;
		d->authenticated = true;
		return;
	}
	if (verified)
		snprintf(why, sizeof(why), "RSC %d", (int)e->response->rsc);
	else
		snprintf(why, sizeof(why), "service request %s, last code %s",
			 mnt_result_name(e->result), mn_coap_code_name(e->code, code));
	/* a device that never got through has failed; one that did goes on with the load */
	if (!d->authenticated) {
		run->phase->failed--;
		mnt_device_fail(run, d, why);
	} else {
		show_failure(run, d, why);
	}
}

static void got(struct mnt_run *run, struct mnt_device *d, const struct mnt_event *e)
{
	bool ok = e->code == MN_COAP_205;
	char why[64], code[8];

	run->totals.gets += ok;
	if (!ok && d->busy == phase_number(run)) {
		snprintf(why, sizeof(why), "GET /gsa: %s",
			 e->code ? mn_coap_code_name(e->code, code) : "no answer");
		show_failure(run, d, why);
	}
	answered(run, d, ok, e->now_us);
}

static void event(void *arg, struct mnt_agent *a, const struct mnt_event *e)
{
	struct mnt_device *d = arg;
	struct mnt_run *run = d->run;

	(void)a;
	switch (e->type) {
	case MNT_EVENT_OPENED:
		opened(run, d, e);
		break;
	case MNT_EVENT_CLOSED:
		closed(run, d, e);
		break;
	case MNT_EVENT_RAND:
		rand_taken(run, d, e);
		break;
	case MNT_EVENT_DONE:
		done(run, d, e);
		break;
	case MNT_EVENT_GOT:
		got(run, d, e);
		break;
	case MNT_EVENT_CONNECTING:
	case MNT_EVENT_RAND_REFUSED:
	case MNT_EVENT_RAND_NONE:
	case MNT_EVENT_CONTEXT:
	case MNT_EVENT_SENT:
	case MNT_EVENT_ACKED:
	case MNT_EVENT_UNPROTECTED:
	case MNT_EVENT_UNVERIFIED:
	case MNT_EVENT_TIMEOUT:
	case MNT_EVENT_RETRY:
		return;
	}
	mnt_run_progress(run);
	mnt_run_advance(run);
}
