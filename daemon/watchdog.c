// SPDX-License-Identifier: GPL-2.0-or-later
#include "watchdog.h"

#include "gateway.h"

/* Timers: one, every every_ms. A question that could not be asked or is not answered leaves the manager without a word. */

struct question {
	struct mnd_call call;
	struct mnd_watchdog *watchdog;
};

static void run(struct mnd_gateway *g, struct mnd_call *call)
{
	(void)g;
	(void)call;
}

static void answered(struct mnd_gateway *g, struct mnd_call *call)
{
	struct mnd_watchdog *w = ((struct question *)call)->watchdog;

	(void)g;
	w->asked = false;
	if (!call->cancelled)
		w->notify("WATCHDOG=1");
}

static void due(struct mn_timer *t)
{
	struct mnd_watchdog *w = mnd_container(t, struct mnd_watchdog, timer);
	struct question *q = NULL;

	if (!w->asked)
		q = mnd_call_new(w->gateway, sizeof(*q), run, answered);
	if (q) {
		q->watchdog = w;
		w->asked = true;
		mnd_call_all(&q->call);
	}
	mn_timer_set(mn_loop_timers(w->gateway->loop), t, w->every_ms);
}

void mnd_watchdog_start(struct mnd_watchdog *w, struct mnd_gateway *g, uint64_t every_ms,
			void (*notify)(const char *state))
{
	*w = (struct mnd_watchdog){ .gateway = g, .notify = notify, .every_ms = every_ms };
	mn_timer_init(&w->timer, due);
	if (every_ms)
		due(&w->timer);
}

void mnd_watchdog_stop(struct mnd_watchdog *w)
{
	mn_timer_del(&w->timer);
}
