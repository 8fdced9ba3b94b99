// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "loop/timer.h"

enum { N = 2000 };

struct probe {
	struct mn_timer timer;
	uint64_t due_ms;
	unsigned int fired;
};

static uint64_t now;
static struct probe *victim;
static struct mn_timers *wheel;

static void fire(struct mn_timer *t)
{
	struct probe *p = (struct probe *)t;

	p->fired++;
	assert_true(now >= p->due_ms);
	assert_true(now <= p->due_ms + 4);
}

/* Steps of the clock are what mn_timers_next() asks for: nothing may be late. */
static void fires_each_timer_once_and_on_time(void **state)
{
	struct probe *p = calloc(N, sizeof(*p));

	(void)state;
	now = 123456789;
	wheel = mn_timers_new(now);
	srand(1);
	for (int i = 0; i < N; i++) {
		uint64_t delay = (uint64_t)rand() % (i % 2 ? 5000 : 400000000);

		mn_timer_init(&p[i].timer, fire);
		p[i].due_ms = now + delay;
		mn_timer_set(wheel, &p[i].timer, delay);
	}
	while (mn_timers_next(wheel) != UINT64_MAX) {
		now += mn_timers_next(wheel);
		mn_timers_run(wheel, now);
	}
	for (int i = 0; i < N; i++)
		assert_int_equal(p[i].fired, 1);
	mn_timers_free(wheel);
	free(p);
}

static void late_fire(struct mn_timer *t)
{
	((struct probe *)t)->fired++;
}

static void catches_up_after_a_pause(void **state)
{
	struct probe p[64] = { 0 };

	(void)state;
	wheel = mn_timers_new(7);
	for (int i = 0; i < 64; i++) {
		mn_timer_init(&p[i].timer, late_fire);
		mn_timer_set(wheel, &p[i].timer, (uint64_t)1 << (i % 40));
	}
	mn_timers_run(wheel, 7 + (1ULL << 40) + 4);
	for (int i = 0; i < 64; i++)
		assert_int_equal(p[i].fired, 1);
	mn_timers_free(wheel);
}

static void deleted_and_moved_timers_do_not_fire(void **state)
{
	struct probe a = { 0 }, b = { 0 };

	(void)state;
	wheel = mn_timers_new(0);
	mn_timer_init(&a.timer, late_fire);
	mn_timer_init(&b.timer, late_fire);
	mn_timer_set(wheel, &a.timer, 100);
	mn_timer_set(wheel, &b.timer, 100);
	mn_timer_del(&a.timer);
	assert_false(mn_timer_pending(&a.timer));
	mn_timer_set(wheel, &b.timer, 1000);
	mn_timers_run(wheel, 500);
	assert_int_equal(a.fired + b.fired, 0);
	mn_timers_run(wheel, 1004);
	assert_int_equal(b.fired, 1);
	mn_timers_free(wheel);
}

static void kill_victim(struct mn_timer *t)
{
	((struct probe *)t)->fired++;
	if (victim) {
		mn_timer_del(&victim->timer);
		victim = NULL;
	}
}

static void a_callback_may_delete_one_due_at_the_same_time(void **state)
{
	struct probe a = { 0 }, b = { 0 };

	(void)state;
	wheel = mn_timers_new(0);
	mn_timer_init(&a.timer, kill_victim);
	mn_timer_init(&b.timer, late_fire);
	mn_timer_set(wheel, &b.timer, 40);
	mn_timer_set(wheel, &a.timer, 40); /* the later one is first in its slot */
	victim = &b;
	mn_timers_run(wheel, 48);
	assert_int_equal(a.fired, 1);
	assert_int_equal(b.fired, 0);
	mn_timers_free(wheel);
}

static void again(struct mn_timer *t)
{
	if (++((struct probe *)t)->fired < 10)
		mn_timer_set(wheel, t, 0);
}

static void a_timer_set_in_its_callback_waits_for_the_next_step(void **state)
{
	struct probe a = { 0 };

	(void)state;
	wheel = mn_timers_new(0);
	mn_timer_init(&a.timer, again);
	mn_timer_set(wheel, &a.timer, 0);
	mn_timers_run(wheel, 4);
	assert_int_equal(a.fired, 1);
	mn_timers_run(wheel, 7);
	assert_int_equal(a.fired, 1);
	mn_timers_run(wheel, 8);
	assert_int_equal(a.fired, 2);
	mn_timers_free(wheel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fires_each_timer_once_and_on_time),
		cmocka_unit_test(catches_up_after_a_pause),
		cmocka_unit_test(deleted_and_moved_timers_do_not_fire),
		cmocka_unit_test(a_callback_may_delete_one_due_at_the_same_time),
		cmocka_unit_test(a_timer_set_in_its_callback_waits_for_the_next_step),
	};

	return cmocka_run_group_tests_name("timer", tests, NULL, NULL);
}
