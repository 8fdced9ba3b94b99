// SPDX-License-Identifier: GPL-2.0-or-later
#include "loop/timer.h"

#include <errno.h>
#include <stdlib.h>

/* A timer hangs at the level of the highest 6-bit digit in which its due step differs from the
 * wheel's; that digit names the slot. Everything below a level is therefore due before anything at it,
 * and reaching a slot of a higher level spreads its timers over the lower ones. */
enum { DIGIT = 6, SLOTS = 1 << DIGIT, LEVELS = 7, STEP_MS = 4 };
static const uint64_t DELAY_MAX_MS = 10ULL * 365 * 86400 * 1000;

struct mn_timers {
	uint64_t now_ms;
	uint64_t step;
	uint64_t map[LEVELS]; /* occupied slots */
	struct mn_timer *slot[LEVELS][SLOTS];
};

struct mn_timers *mn_timers_new(uint64_t now_ms)
{
	struct mn_timers *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->now_ms = now_ms;
	w->step = now_ms / STEP_MS;
	return w;
}

void mn_timers_free(struct mn_timers *w)
{
	free(w);
}

static void push(struct mn_timer **head, struct mn_timer *t)
{
	t->next = *head;
	t->prev = head;
	if (t->next)
		t->next->prev = &t->next;
	*head = t;
}

void mn_timer_del(struct mn_timer *t)
{
	if (!t->prev)
		return;
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
	t->next = NULL;
	t->prev = NULL;
}

/* due > step. The occupancy bit may stay set when a slot empties by mn_timer_del: cleared when it is reached. */
static void place(struct mn_timers *w, struct mn_timer *t)
{
	unsigned int level = (63 - __builtin_clzll(t->due ^ w->step)) / DIGIT;
	unsigned int slot = t->due >> (DIGIT * level) & (SLOTS - 1);

	push(&w->slot[level][slot], t);
	w->map[level] |= 1ULL << slot;
}

void mn_timer_set(struct mn_timers *w, struct mn_timer *t, uint64_t delay_ms)
{
	mn_timer_del(t);
	if (delay_ms > DELAY_MAX_MS)
		delay_ms = DELAY_MAX_MS;
	t->due = (w->now_ms + delay_ms + STEP_MS - 1) / STEP_MS;
	if (t->due <= w->step)
		t->due = w->step + 1;
	place(w, t);
}

/* The first step at which a slot must be looked at; false when the wheel is empty. */
static bool next_slot(const struct mn_timers *w, unsigned int *level, unsigned int *slot,
		      uint64_t *step)
{
	for (unsigned int l = 0; l < LEVELS; l++) {
		unsigned int shift = DIGIT * l;

		if (!w->map[l])
			continue;
		*level = l;
		*slot = __builtin_ctzll(w->map[l]);
		*step = (w->step >> shift & ~(uint64_t)(SLOTS - 1)) << shift | (uint64_t)*slot
										       << shift;
		return true;
	}
	return false;
}

void mn_timers_tick(struct mn_timers *w, uint64_t now_ms)
{
	w->now_ms = now_ms;
}

void mn_timers_run(struct mn_timers *w, uint64_t now_ms)
{
	uint64_t target = now_ms / STEP_MS;
	unsigned int level, slot;
	uint64_t step;

	mn_timers_tick(w, now_ms);
	while (next_slot(w, &level, &slot, &step) && step <= target) {
		struct mn_timer *due = w->slot[level][slot];
		struct mn_timer *t;

		w->step = step;
		w->map[level] &= ~(1ULL << slot);
		w->slot[level][slot] = NULL;
		if (due)
			due->prev = &due; /* callbacks may delete any timer of this list */
		while ((t = due)) {
			mn_timer_del(t);
			if (t->due > step)
				place(w, t);
			else
				t->fn(t);
		}
	}
	if (target > w->step)
		w->step = target;
}

uint64_t mn_timers_next(const struct mn_timers *w)
{
	unsigned int level, slot;
	uint64_t step;

	if (!next_slot(w, &level, &slot, &step))
		return UINT64_MAX;
	step *= STEP_MS;
	return step > w->now_ms ? step - w->now_ms : 0;
}
