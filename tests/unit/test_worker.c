// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop/worker.h"

enum { WORKERS = 4, LETTERS = 20000 };

/* Each worker sends LETTERS numbered letters to its neighbour, in bursts, and checks what comes from the other one. */
struct office {
	struct mn_loop *loop;
	struct mn_loop *neighbour;
	struct mn_timer timer;
	unsigned int sent, got;
	bool ordered;
};

struct letter {
	struct mn_mail mail;
	struct office *to;
	unsigned int number;
};

static struct office offices[WORKERS];
static struct mn_workers *workers;
static unsigned int finished, inits, finis;

static void read_letter(struct mn_loop *l, struct mn_mail *m)
{
	struct letter *letter = (struct letter *)m;
	struct office *o = letter->to;

	o->ordered = o->ordered && letter->number == o->got && l == o->loop;
	if (++o->got == LETTERS)
		__atomic_add_fetch(&finished, 1, __ATOMIC_RELEASE);
	free(letter);
}

static void send_burst(struct mn_timer *t)
{
	struct office *o = (struct office *)((char *)t - offsetof(struct office, timer));
	unsigned int me = (unsigned int)(o - offices);

	for (unsigned int i = 0; i < 500 && o->sent < LETTERS; i++) {
		struct letter *letter = calloc(1, sizeof(*letter));

		letter->mail.fn = read_letter;
		letter->to = &offices[(me + 1) % WORKERS];
		letter->number = o->sent++;
		mn_mail_send(o->loop, letter->to->loop, &letter->mail);
	}
	if (o->sent < LETTERS)
		mn_timer_set(mn_loop_timers(o->loop), t, 0);
}

static void start_sending(struct mn_loop *l, struct mn_mail *m)
{
	for (unsigned int i = 0; i < WORKERS; i++)
		if (offices[i].loop == l)
			send_burst(&offices[i].timer);
	free(m);
}

static int open_office(void *arg, unsigned int index, struct mn_loop *l)
{
	(void)arg;
	offices[index] = (struct office){ .loop = l, .ordered = true };
	mn_timer_init(&offices[index].timer, send_burst);
	__atomic_add_fetch(&inits, 1, __ATOMIC_RELAXED);
	return 0;
}

static void close_office(void *arg, unsigned int index, struct mn_loop *l)
{
	(void)arg;
	assert_ptr_equal(offices[index].loop, l);
	__atomic_add_fetch(&finis, 1, __ATOMIC_RELAXED);
}

static const struct mn_worker_ops ops = { open_office, close_office };

static void mail_arrives_once_in_order_at_the_right_thread(void **state)
{
	const char *why;

	(void)state;
	inits = finis = finished = 0;
	assert_int_equal(mn_workers_start(WORKERS, NULL, &ops, NULL, &workers, &why), 0);
	assert_int_equal(inits, WORKERS);
	assert_int_equal(mn_workers_count(workers), WORKERS);
	for (unsigned int i = 0; i < WORKERS; i++) {
		struct mn_mail *m = calloc(1, sizeof(*m));

		m->fn = start_sending;
		mn_mail_send(NULL, mn_workers_loop(workers, i), m);
	}
	for (int ms = 0; __atomic_load_n(&finished, __ATOMIC_ACQUIRE) < WORKERS; ms++) {
		assert_true(ms < 30000);
		usleep(1000);
	}
	mn_workers_stop(workers);
	assert_int_equal(finis, WORKERS);
	for (unsigned int i = 0; i < WORKERS; i++) {
		assert_int_equal(offices[i].got, LETTERS);
		assert_true(offices[i].ordered);
	}
}

static int second_fails(void *arg, unsigned int index, struct mn_loop *l)
{
	return index == 1 ? -EADDRINUSE : open_office(arg, index, l);
}

static void a_worker_that_cannot_start_stops_all(void **state)
{
	const struct mn_worker_ops failing = { second_fails, close_office };
	const char *why;

	(void)state;
	inits = finis = 0;
	workers = NULL;
	assert_int_equal(mn_workers_start(3, NULL, &failing, NULL, &workers, &why), -EADDRINUSE);
	assert_null(workers);
	assert_int_equal(inits, 2);
	assert_int_equal(finis, 2);
}

static void a_loop_that_cannot_be_made_stops_all(void **state)
{
	const struct mn_loop_config odd = { .receive_buffers = 3 };
	const char *why;

	(void)state;
	inits = 0;
	assert_int_equal(mn_workers_start(2, &odd, &ops, NULL, &workers, &why), -EINVAL);
	assert_non_null(why);
	assert_int_equal(inits, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mail_arrives_once_in_order_at_the_right_thread),
		cmocka_unit_test(a_worker_that_cannot_start_stops_all),
		cmocka_unit_test(a_loop_that_cannot_be_made_stops_all),
	};

	return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
