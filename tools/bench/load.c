// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * When devices begin what they do.
 *
 * With --rate requests arrive by a Poisson process that knows nothing of the answers (open loop): each has its time, and its
 * latency counts from there, also when it could not begin then because no device was free or this program was late. Otherwise a
 * new one begins whenever one has ended (closed loop), which hides what a slow server would have done to its clients.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/crypto.h"
#include "run_state.h"

enum {
	STEP = 1024,      /* begun in one iteration: the send buffers must hold them */
	TICK_MIN_US = 50, /* between two looks at the arrivals */
	TRY_DEVICES = 64, /* looked at for a free one */
	BACKLOG_MAX = 1 << 22,
	DRAIN_US = 10000000, /* after the end of a phase of some seconds, for the last answers */
};

/* ---- times to come ---- */

/* Uniform in (0, 1]. */
static double uniform(void)
{
	uint64_t v = 0;

	mn_random(&v, sizeof(v));
	return ((double)(v >> 11) + 1) / 9007199254740992.0;
}

static double gap_us(double rate)
{
	return -log(uniform()) / rate * 1e6;
}

static void arm(struct mnt_run *run, uint64_t at_us)
{
	uint64_t now = mnt_now_us(), delay = at_us > now + TICK_MIN_US ? at_us - now : TICK_MIN_US;
	struct itimerspec t = { .it_value = { .tv_sec = (time_t)(delay / 1000000),
					      .tv_nsec = (long)(delay % 1000000) * 1000 } };

	timerfd_settime(run->timer_fd, 0, &t, NULL);
}

static void tick(void *arg, int fd)
{
	struct mnt_run *run = arg;
	uint64_t n;

	if (read(fd, &n, sizeof(n)) > 0)
		mnt_run_advance(run);
}

int mnt_load_init(struct mnt_run *run)
{
	run->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (run->timer_fd < 0)
		return -errno;
	return mn_poll_new(run->loop, run->timer_fd, tick, run, &run->timer_poll);
}

void mnt_load_fini(struct mnt_run *run)
{
	mn_poll_free(run->timer_poll);
	if (run->timer_fd > 0)
		close(run->timer_fd);
	free(run->backlog.us);
}

/* ---- the backlog ---- */

static bool push(struct mnt_backlog *b, uint64_t us)
{
	if (b->n == b->room) {
		size_t room = b->room ? 2 * b->room : 1024;
		uint64_t *grown = room > BACKLOG_MAX ? NULL : malloc(room * sizeof(*grown));

		if (!grown)
			return false;
		for (size_t i = 0; i < b->n; i++)
			grown[i] = b->us[(b->at + i) & (b->room - 1)];
		free(b->us);
		*b = (struct mnt_backlog){ .us = grown, .n = b->n, .room = room };
	}
	b->us[(b->at + b->n++) & (b->room - 1)] = us;
	return true;
}

static uint64_t pop(struct mnt_backlog *b)
{
	uint64_t us = b->us[b->at];

	b->at = (b->at + 1) & (b->room - 1);
	b->n--;
	return us;
}

/* ---- phases of some seconds ---- */

static struct mnt_device *next_device(struct mnt_run *run)
{
	struct mnt_device *d = &run->devices[run->next];

	run->next = run->next + 1 == run->r->devices ? 0 : run->next + 1;
	return d;
}

/* The next in turn that has nothing open (NSTART of RFC 7252 4.7). */
static struct mnt_device *free_device(struct mnt_run *run)
{
	for (int i = 0; i < TRY_DEVICES; i++) {
		struct mnt_device *d = next_device(run);

		if (d->state == MNT_DEVICE_READY && !d->busy)
			return d;
	}
	return NULL;
}

static void arrive(struct mnt_run *run, uint64_t now)
{
	struct mnt_backlog *b = &run->backlog;

	while (run->arrival_us <= (double)now && run->arrival_us < (double)run->end_us) {
		if (!push(b, (uint64_t)run->arrival_us))
			run->phase->failed++;
		run->arrival_us += gap_us(run->o->rate);
	}
	if (run->arrival_us < (double)run->end_us)
		arm(run, (uint64_t)run->arrival_us);
	else if (now < run->end_us)
		arm(run, run->end_us);
}

static bool pump_open(struct mnt_run *run, uint64_t now)
{
	struct mnt_backlog *b = &run->backlog;

	arrive(run, now);
	for (int i = 0; b->n && i < STEP; i++) {
		struct mnt_device *d = free_device(run);

		if (!d)
			break;
		mnt_device_ask(run, d, pop(b));
	}
	if (b->n > run->phase->backlog)
		run->phase->backlog = b->n;
	return b->n > 0;
}

static void pump_closed(struct mnt_run *run, uint64_t now)
{
	while (now < run->end_us && run->under_way < run->o->in_flight) {
		struct mnt_device *d = free_device(run);

		if (!d)
			break;
		mnt_device_ask(run, d, mnt_now_us());
	}
}

static bool pump_seconds(struct mnt_run *run)
{
	uint64_t now = mnt_now_us();
	bool waiting = false;

	if (run->o->rate > 0)
		waiting = pump_open(run, now);
	else
		pump_closed(run, now);
	if (now < run->end_us)
		return false;
	if (now < run->end_us + DRAIN_US && (run->under_way || waiting)) {
		arm(run, now + 10000);
		return false;
	}
	run->phase->failed += run->under_way + run->backlog.n;
	return true;
}

/* ---- phases that every device goes through once ---- */

/* Begins in turn whatever the window allows; true when all have begun and ended. */
static bool pump_each(struct mnt_run *run, size_t window,
		      void (*begin)(struct mnt_run *run, struct mnt_device *d))
{
	int begun = 0;

	while (run->next < run->r->devices && run->under_way < window && begun < STEP) {
		struct mnt_device *d = &run->devices[run->next++];

		if (d->state != MNT_DEVICE_FAILED && !d->busy) {
			begin(run, d);
			begun++;
		}
	}
	if (run->next < run->r->devices && run->under_way < window)
		arm(run, 0);
	return run->next == run->r->devices && !run->under_way;
}

static void begin_request(struct mnt_run *run, struct mnt_device *d)
{
	mnt_device_ask(run, d, mnt_now_us());
}

static size_t living(const struct mnt_run *run)
{
	return run->r->devices - run->r->failed;
}

static bool job_is_over(struct mnt_run *run)
{
	struct mnt_job *j = &run->job;

	if (!j->running)
		return true;
	if (!atomic_load(&j->done))
		return false;
	mnt_job_join(run);
	if (j->err)
		mnt_run_broken(run, j->text);
	return true;
}

static bool pump_reconnect(struct mnt_run *run)
{
	size_t window = run->o->reconnect_flight ? run->o->reconnect_flight : run->r->devices;

	if (run->job.running) {
		if (!job_is_over(run) || run->job.err)
			return false;
		run->phase->start_us = mnt_now_us(); /* the gateway is back */
	}
	return pump_each(run, window, mnt_device_reconnect) && !run->waited;
}

static void begin_rand(struct mnt_run *run)
{
	for (size_t i = 0; i < run->r->devices; i++)
		run->devices[i].fresh_rand = false;
	run->waited = living(run);
	run->phase->start_us = mnt_now_us();
	if (mnt_job_start(run, mnt_job_rekey))
		mnt_run_broken(run, "no thread for the rekey");
}

void mnt_load_begin(struct mnt_run *run)
{
	struct mnt_phase_result *p = run->phase;

	run->next = 0;
	run->under_way = 0;
	run->backlog.at = run->backlog.n = 0;
	switch (p->kind) {
	case MNT_PHASE_HANDSHAKE:
		run->waited = run->r->devices;
		break;
	case MNT_PHASE_RAND:
		begin_rand(run);
		break;
	case MNT_PHASE_RECONNECT:
		run->waited = living(run);
		if (run->o->restart && mnt_job_start(run, mnt_job_restart))
			mnt_run_broken(run, "no thread for the restart");
		break;
	case MNT_PHASE_GET:
	case MNT_PHASE_STEADY:
		p->rate = run->o->rate;
		run->end_us = p->start_us + run->o->seconds * 1000000ULL;
		run->arrival_us = (double)p->start_us + (p->rate > 0 ? gap_us(p->rate) : 0);
		arm(run, p->rate > 0 ? (uint64_t)run->arrival_us : run->end_us);
		break;
	case MNT_PHASE_REQUEST:
		break;
	}
}

bool mnt_load_pump(struct mnt_run *run)
{
	switch (run->phase->kind) {
	case MNT_PHASE_HANDSHAKE:
		/* a failed device is no longer waited for, though its Rand might yet have come */
		return pump_each(run, run->o->in_flight, mnt_device_start) &&
		       run->waited <= run->r->failed;
	case MNT_PHASE_RAND:
		return job_is_over(run) && !run->waited;
	case MNT_PHASE_REQUEST:
		return pump_each(run, run->o->in_flight, begin_request);
	case MNT_PHASE_GET:
	case MNT_PHASE_STEADY:
		return pump_seconds(run);
	case MNT_PHASE_RECONNECT:
		return pump_reconnect(run);
	}
	return true;
}

void mnt_load_end(struct mnt_run *run)
{
	mnt_job_join(run);
}
