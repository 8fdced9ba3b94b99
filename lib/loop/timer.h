/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hierarchical timer wheel: embedded timers, constant-time add and del, steps of 4 ms. A timer fires never early,
 * and at most one step late. Delays are cut at ten years. */
#ifndef MN_LOOP_TIMER_H
#define MN_LOOP_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct mn_timer {
	struct mn_timer *next;
	struct mn_timer **prev; /* NULL when not pending */
	uint64_t due;           /* in steps */
	void (*fn)(struct mn_timer *t);
};

struct mn_timers;

struct mn_timers *mn_timers_new(uint64_t now_ms);
void mn_timers_free(struct mn_timers *w);
static inline void mn_timer_init(struct mn_timer *t, void (*fn)(struct mn_timer *t))
{
	t->next = 0;
	t->prev = 0;
	t->due = 0;
	t->fn = fn;
}
static inline bool mn_timer_pending(const struct mn_timer *t)
{
	return t->prev != 0;
}
/* (Re)arms t to run not before delay_ms from the wheel's now. */
void mn_timer_set(struct mn_timers *w, struct mn_timer *t, uint64_t delay_ms);
void mn_timer_del(struct mn_timer *t);
/* Takes the time and runs nothing: what is set from here on counts from it. For a caller that handles what woke it before it runs the
 * timers, or those would be early by as long as it slept. */
void mn_timers_tick(struct mn_timers *w, uint64_t now_ms);
/* Runs what is due. A callback may add and delete any timer. */
void mn_timers_run(struct mn_timers *w, uint64_t now_ms);
/* Milliseconds until something may be due; UINT64_MAX when nothing is pending. */
uint64_t mn_timers_next(const struct mn_timers *w);

#endif
