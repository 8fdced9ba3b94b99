// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"
#include "loop/loop.h"
#include "loop/uring.h"

enum { WATCHDOG_MS = 20000 };

static struct mn_loop *loop;
static struct mn_timer watchdog;

static void too_late(struct mn_timer *t)
{
	(void)t;
	fail_msg("nothing happened for %d ms", WATCHDOG_MS);
}

static int setup(void **state)
{
	const char *why;

	(void)state;
	assert_int_equal(mn_loop_new(NULL, &loop, &why), 0);
	mn_timer_init(&watchdog, too_late);
	mn_timer_set(mn_loop_timers(loop), &watchdog, WATCHDOG_MS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mn_timer_del(&watchdog);
	mn_loop_free(loop);
	return 0;
}

static void addresses_are_read_and_written(void **state)
{
	static const char *const good[] = { "192.0.2.1:5684", "[2001:db8::1]:1", "[::]:65535" };
	static const char *const bad[] = {
		"",           "192.0.2.1",  "192.0.2.1:",  "192.0.2.1:65536",
		"192.0.2:1",  "[::1]",      "[::1:5",      "::1:5",
		"host:5684",  "1.2.3.4:5x", "[1.2.3.4]:5", "1.2.3.4: 5",
		"1.2.3.4:+5", "[::1]x:5684"
	};
	char text[MN_ADDR_TEXT];
	union mn_addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(mn_addr_parse(good[i], 0, &a), 0);
		assert_string_equal(mn_addr_text(&a, text), good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(mn_addr_parse(bad[i], 0, &a), -EINVAL);
	assert_int_equal(mn_addr_parse("::1", 5684, &a), 0);
	assert_string_equal(mn_addr_text(&a, text), "[::1]:5684");
}

struct peer {
	struct mn_udp *udp;
	union mn_addr from;
	struct mn_local to;
	unsigned int got;
	size_t last;
};

static void count(void *arg, struct mn_udp *u, uint8_t *data, size_t len, const union mn_addr *from,
		  const struct mn_local *to)
{
	struct peer *p = arg;

	(void)u;
	(void)data;
	p->from = *from;
	p->to = *to;
	p->last = len;
	if (++p->got == 3)
		mn_loop_stop(loop);
}

static void echo(void *arg, struct mn_udp *u, uint8_t *data, size_t len, const union mn_addr *from,
		 const struct mn_local *to)
{
	size_t size;
	uint8_t *buf = mn_send_buffer(loop, &size);

	(void)arg;
	assert_true(size >= len);
	memcpy(buf, data, len);
	mn_udp_send(u, buf, len, from, to);
}

/* The server is bound to the wildcard and asked at 127.0.0.5: the answer must come from there, or the connected client would not take
 * it. */
static void answer_from(const char *wildcard, const char *at)
{
	struct mn_udp *server;
	struct peer client = { 0 };
	union mn_addr local, bound, to;
	size_t size;

	assert_int_equal(mn_addr_parse(wildcard, 0, &local), 0);
	assert_int_equal(mn_udp_new(loop, &local, NULL, false, echo, NULL, &server), 0);
	mn_udp_bound(server, &bound);
	assert_int_equal(mn_addr_parse(at, 0, &to), 0);
	to.in.sin_port = bound.in.sin_port; /* same place in both families */
	assert_int_equal(mn_udp_new(loop, NULL, &to, false, count, &client, &client.udp), 0);
	for (int i = 0; i < 3; i++) {
		uint8_t *buf = mn_send_buffer(loop, &size);

		memset(buf, 'x', 100);
		mn_udp_send(client.udp, buf, 100, NULL, NULL);
	}
	assert_int_equal(mn_loop_run(loop), 0);
	assert_int_equal(client.got, 3);
	assert_int_equal(client.last, 100);
	assert_true(mn_addr_equal(&client.from, &to));
	assert_int_equal(mn_udp_stats(server)->in, 3);
	assert_int_equal(mn_udp_stats(server)->in_bytes, 300);
	assert_int_equal(mn_udp_stats(server)->out, 3);
	mn_udp_free(client.udp);
	mn_udp_free(server);
}

static void a_wildcard_socket_answers_from_the_address_it_was_asked_at(void **state)
{
	(void)state;
	answer_from("0.0.0.0:0", "127.0.0.5:1");
	answer_from("[::]:0", "[::1]:1");
}

enum { RUN = 150 };

static struct {
	unsigned int got;
	bool ordered;
} run;

static void in_order_of_number(void *arg, struct mn_udp *u, uint8_t *data, size_t len,
			       const union mn_addr *from, const struct mn_local *to)
{
	(void)arg;
	(void)u;
	(void)from;
	(void)to;
	run.ordered = run.ordered && data[0] == run.got && len == (run.got == RUN - 1 ? 40u : 100u);
	if (++run.got == RUN)
		mn_loop_stop(loop);
}

/* As many as need several calls with UDP_SEGMENT, the last one shorter; then the same where the kernel does without. */
static void a_run_of_datagrams_to_one_peer_arrives_whole_and_in_order(void **state)
{
	union mn_addr local, bound;
	struct mn_udp *server, *client;
	size_t size;

	(void)state;
	mn_addr_parse("127.0.0.1:1", 0, &local);
	local.in.sin_port = 0;
	assert_int_equal(mn_udp_new(loop, &local, NULL, false, in_order_of_number, NULL, &server),
			 0);
	mn_udp_bound(server, &bound);
	assert_int_equal(mn_udp_new(loop, NULL, &bound, false, in_order_of_number, NULL, &client),
			 0);
	for (int pass = 0; pass < 2; pass++) {
		client->no_segments = pass;
		run.got = 0;
		run.ordered = true;
		for (int i = 0; i < RUN; i++) {
			uint8_t *buf = mn_send_buffer(loop, &size);

			memset(buf, i, 100);
			mn_udp_send(client, buf, i == RUN - 1 ? 40 : 100, NULL, NULL);
		}
		assert_int_equal(mn_loop_run(loop), 0);
		assert_true(run.ordered);
	}
	assert_false(mn_udp_stats(client)->send_errors);
	mn_udp_free(client);
	mn_udp_free(server);
}

static void a_datagram_larger_than_a_buffer_is_counted_and_dropped(void **state)
{
	struct mn_loop_config config = { .receive_buffers = 8,
					 .receive_size = 512,
					 .send_size = 4096 };
	struct peer server = { 0 };
	union mn_addr local, bound;
	struct mn_udp *client;
	const char *why;
	size_t size;
	uint8_t *buf;

	teardown(state);
	assert_int_equal(mn_loop_new(&config, &loop, &why), 0);
	mn_timer_set(mn_loop_timers(loop), &watchdog, WATCHDOG_MS);
	mn_addr_parse("127.0.0.1:0", 0, &local);
	local.in.sin_port = 0;
	assert_int_equal(mn_udp_new(loop, &local, NULL, false, count, &server, &server.udp), 0);
	mn_udp_bound(server.udp, &bound);
	assert_int_equal(mn_udp_new(loop, NULL, &bound, false, count, &server, &client), 0);
	buf = mn_send_buffer(loop, &size);
	memset(buf, 0, 2000);
	mn_udp_send(client, buf, 2000, NULL, NULL);
	server.got = 2;
	buf = mn_send_buffer(loop, &size);
	memset(buf, 0, 512);
	mn_udp_send(client, buf, 512, NULL, NULL);
	assert_int_equal(mn_loop_run(loop), 0);
	assert_int_equal(server.last, 512);
	assert_int_equal(mn_udp_stats(server.udp)->truncated, 1);
	mn_udp_free(client);
	mn_udp_free(server.udp);
}

static void send_buffers_run_out_and_come_back(void **state)
{
	struct mn_loop_config config = { .send_buffers = 2 };
	uint8_t *a, *b;
	const char *why;
	size_t size;

	teardown(state);
	assert_int_equal(mn_loop_new(&config, &loop, &why), 0);
	a = mn_send_buffer(loop, &size);
	b = mn_send_buffer(loop, &size);
	assert_non_null(a);
	assert_non_null(b);
	assert_null(mn_send_buffer(loop, &size));
	mn_send_buffer_put(loop, a);
	assert_ptr_equal(mn_send_buffer(loop, &size), a);
}

struct order {
	struct mn_defer defer;
	struct mn_defer *other;
	unsigned int ran;
};

static unsigned int tick;

static void in_order(struct mn_defer *d)
{
	struct order *o = (struct order *)d;

	o->ran = ++tick;
	if (o->other)
		mn_loop_undefer(loop, o->other);
	if (tick == 1)
		mn_loop_stop(loop);
}

static void deferred_functions_run_once_and_can_be_taken_back(void **state)
{
	struct order a = { .defer.fn = in_order }, b = { .defer.fn = in_order };

	(void)state;
	tick = 0;
	a.other = &b.defer;
	mn_loop_defer(loop, &a.defer);
	mn_loop_defer(loop, &b.defer);
	mn_loop_defer(loop, &a.defer);
	assert_int_equal(mn_loop_run(loop), 0);
	assert_int_equal(a.ran, 1);
	assert_int_equal(b.ran, 0);
}

static void stop(void *arg)
{
	(void)arg;
	mn_loop_stop(loop);
}

static void a_wake_up_from_elsewhere_ends_the_wait(void **state)
{
	(void)state;
	mn_loop_on_wake(loop, stop, NULL);
	mn_loop_wake(loop);
	assert_int_equal(mn_loop_run(loop), 0);
}

static void readable(void *arg, int fd)
{
	char c[16];
	ssize_t n = read(fd, c, sizeof(c));

	*(ssize_t *)arg += n > 0 ? n : 0;
	if (*(ssize_t *)arg >= 2)
		mn_loop_stop(loop);
}

static struct mn_timer later;
static int later_fd;

static void write_more(struct mn_timer *t)
{
	(void)t;
	assert_int_equal(write(later_fd, "b", 1), 1);
}

static void a_descriptor_is_reported_each_time_it_becomes_readable(void **state)
{
	struct mn_poll *p;
	ssize_t n = 0;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(mn_poll_new(loop, fds[0], readable, &n, &p), 0);
	assert_int_equal(write(fds[1], "a", 1), 1);
	later_fd = fds[1];
	mn_timer_init(&later, write_more);
	mn_timer_set(mn_loop_timers(loop), &later, 20);
	assert_int_equal(mn_loop_run(loop), 0);
	assert_int_equal(n, 2);
	mn_poll_free(p);
	close(fds[0]);
	close(fds[1]);
}

static uint64_t monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

enum { IDLE_MS = 200, DELAY_MS = 150 };
static uint64_t woken_ms, fired_ms;

static void fire(struct mn_timer *t)
{
	(void)t;
	fired_ms = monotonic_ms();
	mn_loop_stop(loop);
}

static void set_later(void *arg, int fd)
{
	uint64_t n;

	(void)arg;
	if (read(fd, &n, sizeof(n)) != sizeof(n))
		return;
	woken_ms = monotonic_ms();
	mn_timer_init(&later, fire);
	mn_timer_set(mn_loop_timers(loop), &later, DELAY_MS);
}

static void a_timer_that_is_set_after_an_idle_time_is_not_early(void **state)
{
	const struct itimerspec once = { .it_value = { 0, IDLE_MS * 1000000L } };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct mn_poll *p;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(mn_poll_new(loop, fd, set_later, NULL, &p), 0);
	assert_int_equal(timerfd_settime(fd, 0, &once, NULL), 0);
	assert_int_equal(mn_loop_run(loop), 0);
	assert_in_range(fired_ms - woken_ms, DELAY_MS - 1, WATCHDOG_MS);
	mn_poll_free(p);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_written),
		cmocka_unit_test_setup_teardown(
			a_wildcard_socket_answers_from_the_address_it_was_asked_at, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_run_of_datagrams_to_one_peer_arrives_whole_and_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_datagram_larger_than_a_buffer_is_counted_and_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(send_buffers_run_out_and_come_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(deferred_functions_run_once_and_can_be_taken_back,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_wake_up_from_elsewhere_ends_the_wait, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_descriptor_is_reported_each_time_it_becomes_readable, setup, teardown),
		cmocka_unit_test_setup_teardown(a_timer_that_is_set_after_an_idle_time_is_not_early,
						setup, teardown),
	};

	mn_log_init("test_loop", MN_LOG_WARN);
	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
