// SPDX-License-Identifier: GPL-2.0-or-later
/* The sequence: LOAD (the phases chosen, one after the other), SETTLE (until the counters stand still and agree, sessions still
 * open), CLOSE. */
#include "run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "result.h"
#include "run_state.h"

enum {
	SETTLE_STEP_MS = 25,
	SETTLE_MS = 5000,
	CLOSE_STEP_MS = 4,
	CLOSE_STEP = 1024, /* close_notify alerts that the send buffers hold */
	CLOSE_MS = 10000,
	TTY_STEP_MS = 100,
	LINE_STEP_MS = 1000,
	SAMPLE_MS = 100,
	SEND_BUFFERS = 16384,
	RECEIVE_BUFFERS = 8192,
};

int mnt_sources_parse(const char *text, struct mnt_sources *out, char err[256])
{
	char address[INET_ADDRSTRLEN] = "", *end = NULL;
	const char *slash = strchr(text, '/');
	unsigned long bits = slash ? strtoul(slash + 1, &end, 10) : 33;
	struct in_addr in;
	uint32_t size;

	if (slash && (size_t)(slash - text) < sizeof(address))
		memcpy(address, text, (size_t)(slash - text));
	if (!slash || *end || end == slash + 1 || bits < 8 || bits > 30 ||
	    inet_pton(AF_INET, address, &in) != 1) {
		snprintf(err, 256, "%.60s: expected an IPv4 prefix such as 127.1.0.0/16, /8 to /30",
			 text);
		return -EINVAL;
	}
	size = 1U << (32 - bits);
	*out = (struct mnt_sources){ .first = (ntohl(in.s_addr) & ~(size - 1)) + 1, .n = size - 2 };
	return 0;
}

static uint64_t now_ms(const struct mnt_run *run)
{
	return mn_loop_now(run->loop);
}

void mnt_run_progress(struct mnt_run *run)
{
	run->progress_ms = now_ms(run);
}

void mnt_run_advance(struct mnt_run *run)
{
	mn_loop_defer(run->loop, &run->advance);
}

/* ---- the live line, and the course of the run ---- */

static void show(struct mnt_run *run)
{
	struct mnt_run_result *r = run->r;
	const struct mnt_phase_result *p = run->phase;
	uint64_t us = mnt_now_us() - p->start_us;

	fprintf(stderr, "%s%zu devices, %s: %llu done", run->tty ? "\r" : "", r->devices,
		mnt_phase_name(p->kind), (unsigned long long)p->done);
	if (us > 100000)
		fprintf(stderr, " (%.0f/s)", (double)p->done / (double)us * 1e6);
	fprintf(stderr, ", %zu under way, %zu authenticated, %zu failed%s", run->under_way,
		r->authenticated, r->failed, run->tty ? "     " : "\n");
	run->drawn = true;
}

static void sample(struct mnt_run *run)
{
	struct mnt_run_result *r = run->r;

	if (r->point_n == run->point_room) {
		size_t room = run->point_room ? 2 * run->point_room : 256;
		struct mnt_point *grown = realloc(r->points, room * sizeof(*grown));

		if (!grown)
			return;
		r->points = grown;
		run->point_room = room;
	}
	run->totals.us = mnt_now_us() - run->start_us;
	r->points[r->point_n++] = run->totals;
}

static void sample_due(struct mn_timer *t)
{
	struct mnt_run *run = (void *)((char *)t - offsetof(struct mnt_run, sample_timer));

	if (run->stage != MNT_STAGE_LOAD)
		return;
	sample(run);
	mn_timer_set(mn_loop_timers(run->loop), t, SAMPLE_MS);
}

/* ---- phases ---- */

static void begin_stage(struct mnt_run *run, enum mnt_stage s)
{
	run->stage = s;
	run->step_ms = now_ms(run);
	mnt_run_progress(run);
	if (s != MNT_STAGE_LOAD)
		mn_timer_set(mn_loop_timers(run->loop), &run->step_timer, 0);
}

void mnt_run_broken(struct mnt_run *run, const char *text)
{
	snprintf(run->r->error, sizeof(run->r->error), "%s", text);
	if (run->stage == MNT_STAGE_LOAD)
		begin_stage(run, MNT_STAGE_CLOSE);
}

/* CPU time of the daemons at the border of two phases. */
static bool read_cpu(struct mnt_run *run, uint64_t *gateway, uint64_t *in,
		     struct mnt_phase_result *p)
{
	struct mnt_snapshot s;
	char err[256];
	bool still;

	if (!run->o->counters || mnt_counters_read(run->o->counters, &s, &still, err))
		return false;
	*gateway = s.gateway.v[MNT_CPU_US];
	*in = s.in.v[MNT_CPU_US];
	p->rss_bytes = s.gateway.v[MNT_RSS_BYTES];
	p->span_us = s.gateway.v[MNT_RAND_SPAN_US];
	return true;
}

static void begin_phase(struct mnt_run *run)
{
	struct mnt_run_result *r = run->r;
	struct mnt_phase_result *p = &r->phases[r->phase_n];

	p->kind = run->o->phases.kind[r->phase_n++];
	p->known = read_cpu(run, &run->cpu_gateway_us, &run->cpu_in_us, p);
	p->start_us = mnt_now_us();
	run->phase = p;
	mnt_run_progress(run);
	mnt_load_begin(run);
}

/* A restarted gateway counts from zero: what it used is what it has used. */
static void end_phase(struct mnt_run *run)
{
	struct mnt_phase_result *p = run->phase;
	uint64_t gateway, in;

	mnt_load_end(run);
	if (!p->known)
		return;
	p->known = read_cpu(run, &gateway, &in, p);
	p->cpu_gateway_us =
		gateway >= run->cpu_gateway_us ? gateway - run->cpu_gateway_us : gateway;
	p->cpu_in_us = in - run->cpu_in_us;
}

static void advance(struct mn_defer *d)
{
	struct mnt_run *run = (void *)((char *)d - offsetof(struct mnt_run, advance));

	while (run->stage == MNT_STAGE_LOAD && mnt_load_pump(run)) {
		if (run->stage != MNT_STAGE_LOAD)
			return;
		end_phase(run);
		if (run->r->phase_n == run->o->phases.n) {
			sample(run);
			begin_stage(run, MNT_STAGE_SETTLE);
		} else {
			begin_phase(run);
		}
	}
}

static void woken(void *arg)
{
	mnt_run_advance(arg);
}

static void close_some(struct mnt_run *run)
{
	struct mnt_run_result *r = run->r;

	for (int i = 0; i < CLOSE_STEP && run->closing < r->devices; i++) {
		struct mnt_device *d = &run->devices[run->closing++];

		d->closing = d->agent && mnt_agent_stop(d->agent);
		run->still_open += d->closing;
	}
	if (run->closing == r->devices &&
	    (!run->still_open || now_ms(run) > run->step_ms + CLOSE_MS))
		mn_loop_stop(run->loop);
	else
		mn_timer_set(mn_loop_timers(run->loop), &run->step_timer, CLOSE_STEP_MS);
}

/* Acknowledgements may still be under way, so the counters are read until they stand still and agree, or time is up. */
static bool settled(struct mnt_run *run)
{
	struct mnt_run_result *r = run->r;
	struct mnt_snapshot now;
	char why[256];
	bool still;

	if (!run->o->counters)
		return true;
	if (mnt_counters_read(run->o->counters, &now, &still, r->error))
		return true;
	r->counts = mnt_snapshot_since(&r->before, &now);
	return (still && mnt_result_exact(r, why)) || now_ms(run) > run->step_ms + SETTLE_MS;
}

static void step_due(struct mn_timer *t)
{
	struct mnt_run *run = (void *)((char *)t - offsetof(struct mnt_run, step_timer));

	if (run->stage == MNT_STAGE_CLOSE) {
		close_some(run);
	} else if (settled(run)) {
		begin_stage(run, MNT_STAGE_CLOSE);
		close_some(run);
	} else {
		mn_timer_set(mn_loop_timers(run->loop), t, SETTLE_STEP_MS);
	}
}

/* Whoever is not through by now has failed. An identity that the gateway does not know gets no alert, as a wrong key does. */
static void give_up(struct mnt_run *run)
{
	static const char no_handshake[] =
		"no answer: the gateway is not there, or does not know this device or its key";
	bool all = run->phase->kind == MNT_PHASE_HANDSHAKE;

	fprintf(stderr, "\nno progress for %u s\n", run->o->timeout_s);
	for (size_t i = 0; i < run->r->devices; i++) {
		struct mnt_device *d = &run->devices[i];

		if (d->busy || d->away || (all && d->state < MNT_DEVICE_READY) ||
		    (run->phase->kind == MNT_PHASE_RAND && !d->fresh_rand))
			mnt_device_fail(run, d, all ? no_handshake : "no answer");
	}
	run->waited = all ? run->r->failed : 0;
	mnt_run_advance(run);
}

static void show_due(struct mn_timer *t)
{
	struct mnt_run *run = (void *)((char *)t - offsetof(struct mnt_run, show_timer));

	if (run->stage == MNT_STAGE_LOAD) {
		show(run);
		mnt_run_advance(run);
		if (!run->job.running &&
		    now_ms(run) > run->progress_ms + run->o->timeout_s * 1000ULL)
			give_up(run);
	}
	mn_timer_set(mn_loop_timers(run->loop), t, run->tty ? TTY_STEP_MS : LINE_STEP_MS);
}

static void signalled(void *arg, int signo)
{
	struct mnt_run *run = arg;

	if (signo == SIGHUP || run->stage == MNT_STAGE_CLOSE)
		return;
	run->r->interrupted = true;
	begin_stage(run, MNT_STAGE_CLOSE);
}

/* ---- around it ---- */

/* A gateway that has seen no device yet: its outer authentication and the Rand that followed belong to this run, and counters
 * are taken from zero. Otherwise only what comes now is counted. */
static int read_before(struct mnt_run *run)
{
	struct mnt_run_result *r = run->r;
	struct mnt_snapshot s;
	bool still;
	int err;

	r->fresh = true;
	if (!run->o->counters)
		return 0;
	err = mnt_counters_read(run->o->counters, &s, &still, r->error);
	if (err)
		return err;
	r->cpu_gateway_us = s.gateway.v[MNT_CPU_US];
	r->cpu_in_us = s.in.v[MNT_CPU_US];
	r->rss_grown = (int64_t)s.gateway.v[MNT_RSS_BYTES];
	r->fresh = !s.gateway.v[MNT_INNER_HANDSHAKES_IN] && !s.gateway.v[MNT_PROXY_HANDSHAKES_IN];
	if (!r->fresh)
		r->before = s;
	return mnt_counters_layers(run->o->counters, &r->bpf, &r->kmod, r->error);
}

static void compare_before(struct mnt_run_result *r)
{
	r->cpu_gateway_us = r->counts.gateway.v[MNT_CPU_US] + r->before.gateway.v[MNT_CPU_US] -
			    r->cpu_gateway_us;
	r->cpu_in_us = r->counts.in.v[MNT_CPU_US] + r->before.in.v[MNT_CPU_US] - r->cpu_in_us;
	r->rss_grown = (int64_t)r->counts.gateway.v[MNT_RSS_BYTES] - r->rss_grown;
}

static int prepare(struct mnt_run *run)
{
	const struct mn_loop_config config = { .receive_buffers = RECEIVE_BUFFERS,
					       .receive_size = 2048,
					       .send_buffers = SEND_BUFFERS };
	struct mnt_run_result *r = run->r;
	const char *why = NULL;
	int err;

	run->devices = calloc(r->devices, sizeof(*run->devices));
	r->phases = calloc(run->o->phases.n, sizeof(*r->phases));
	run->content = json_pack("{s:{s:s}}", "m2m:cin", "con", "21.5");
	if (!run->devices || !r->phases || !run->content)
		return -ENOMEM;
	err = mn_loop_new(&config, &run->loop, &why);
	if (err) {
		mn_error("%s", why ? why : strerror(-err));
		return err;
	}
	run->advance.fn = advance;
	mn_loop_on_wake(run->loop, woken, run);
	err = mn_loop_signals(run->loop, signalled, run);
	if (!err)
		err = mnt_load_init(run);
	return err ? err : mnt_agent_endpoint(run->loop, &run->endpoint);
}

static void tear_down(struct mnt_run *run)
{
	mnt_job_join(run);
	if (run->endpoint)
		mn_endpoint_free(run->endpoint);
	for (size_t i = 0; run->devices && i < run->r->devices; i++)
		mnt_agent_free(run->devices[i].agent);
	mnt_load_fini(run);
	if (run->loop)
		mn_loop_free(run->loop);
	free(run->devices);
	json_decref(run->content);
}

static int load(struct mnt_run *run)
{
	struct mn_timers *timers = mn_loop_timers(run->loop);
	int err;

	mn_timer_init(&run->show_timer, show_due);
	mn_timer_init(&run->step_timer, step_due);
	mn_timer_init(&run->sample_timer, sample_due);
	mn_timer_set(timers, &run->show_timer, TTY_STEP_MS);
	mn_timer_set(timers, &run->sample_timer, SAMPLE_MS);
	run->start_us = mnt_now_us();
	sample(run);
	begin_phase(run);
	mnt_run_advance(run);
	err = mn_loop_run(run->loop);
	if (run->drawn) {
		show(run);
		if (run->tty)
			fputc('\n', stderr);
	}
	return err;
}

int mnt_run(const struct mnt_run_options *o, struct mnt_run_result *out)
{
	struct mnt_run run = { .o = o, .r = out, .tty = isatty(STDERR_FILENO) };
	int err;

	memset(out, 0, sizeof(*out));
	out->devices = o->credentials->n;
	out->groups = o->groups;
	out->proxy = o->proxy;
	out->counted = mnt_phases_are_counted(&o->phases);
	err = prepare(&run);
	if (!err)
		err = read_before(&run);
	if (!err) {
		err = load(&run);
		compare_before(out);
	}
	tear_down(&run);
	return err;
}

void mnt_run_fini(struct mnt_run_result *r)
{
	free(r->phases);
	free(r->points);
	r->phases = NULL;
	r->points = NULL;
}
