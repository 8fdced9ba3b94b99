// SPDX-License-Identifier: GPL-2.0-or-later
/* Who gets a place when all half-open handshakes are taken (dtls/endpoint.h): a server on loopback, silent peers with valid cookies on
 * addresses of their own, and real clients. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "dtls/session.h"
#include "log.h"

enum { WATCHDOG_MS = 30000, NEVER_MS = 3600000, CAP = 4, HELLO = 67, COOKIE_AT = 60 };

static struct mn_loop *loop;
static struct mn_endpoint *server, *client;
static struct mn_timer watchdog, tick;
static union mn_addr server_addr;
static unsigned int n_opened, wanted;
static int watched, barrier = -1;
static uint64_t later_ms;
static bool (*done)(void);

static void too_late(struct mn_timer *t)
{
	(void)t;
	fail_msg("nothing happened for %d ms", WATCHDOG_MS);
}

static void look(struct mn_timer *t)
{
	if (done())
		mn_loop_stop(loop);
	else
		mn_timer_set(mn_loop_timers(loop), t, 1);
}

static void run_until(bool (*fn)(void))
{
	done = fn;
	mn_timer_set(mn_loop_timers(loop), &watchdog, WATCHDOG_MS);
	mn_timer_set(mn_loop_timers(loop), &tick, 1);
	assert_int_equal(mn_loop_run(loop), 0);
	mn_timer_del(&tick);
	mn_timer_del(&watchdog);
}

static int psk(void *arg, const uint8_t *id, size_t len, uint8_t key[MN_KEY_MAX], size_t *key_len,
	       void **owner)
{
	(void)arg;
	if (len != 4)
		return -ENOENT;
	memset(key, 7, 16);
	*key_len = 16;
	*owner = (void *)(uintptr_t)(id[3] + 1);
	return 0;
}

static void opened(void *arg, struct mn_session *s)
{
	(void)s;
	n_opened += arg != NULL;
}

static void message(void *arg, struct mn_session *s, uint8_t *data, size_t len)
{
	(void)arg;
	(void)s;
	(void)data;
	(void)len;
}

static void closed(void *arg, struct mn_session *s, enum mn_close why, bool was_open)
{
	(void)arg;
	(void)s;
	(void)why;
	(void)was_open;
}

static void start(unsigned int chance_ms)
{
	static const struct mn_endpoint_ops ops = {
		.psk = psk, .opened = opened, .message = message, .closed = closed
	};
	struct mn_endpoint_config c = { .hint = "mn-cse-1",
					.half_open = CAP,
					.half_open_addr = 100,
					.half_open_ms = NEVER_MS,
					.half_chance_ms = chance_ms };
	const char *why;

	n_opened = 0;
	assert_int_equal(mn_loop_new(NULL, &loop, &why), 0);
	mn_timer_init(&watchdog, too_late);
	mn_timer_init(&tick, look);
	assert_int_equal(mn_endpoint_new(loop, &c, &ops, &server, &server), 0);
	c = (struct mn_endpoint_config){ 0 };
	assert_int_equal(mn_endpoint_new(loop, &c, &ops, NULL, &client), 0);
	server_addr = (union mn_addr){ .in.sin_family = AF_INET };
	server_addr.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(mn_endpoint_listen(server, &server_addr, false), 0);
	mn_udp_bound(server->listeners[0], &server_addr);
}

static int setup(void **state)
{
	(void)state;
	start(NEVER_MS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mn_endpoint_free(client);
	mn_endpoint_free(server);
	mn_loop_free(loop);
	if (barrier >= 0)
		close(barrier);
	barrier = -1;
	return 0;
}

/* ---- peers that go no further than their second ClientHello ---- */

static bool answered(void)
{
	uint8_t byte;

	return recv(watched, &byte, 1, MSG_PEEK) > 0;
}

/* A socket of 127.0.0.host. */
static int peer_socket(unsigned int host)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	union mn_addr a = { .in.sin_family = AF_INET };

	a.in.sin_addr.s_addr = htonl(0x7f000000 | host);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &a.sa, sizeof(a.in)), 0);
	assert_int_equal(connect(fd, &server_addr.sa, sizeof(server_addr.in)), 0);
	return fd;
}

/* One offering CCM_8, cookie NULL in the first. */
static size_t write_hello(uint8_t out[HELLO + 255], const uint8_t *cookie, size_t len)
{
	static const uint8_t start_of[] = { 0x16, 0xfe, 0xff, 0,    0, 0, 0, 0,   0,
					    0,    0,    0,    0x36, 1, 0, 0, 0x2a };
	static const uint8_t end_of[] = { 0, 2, 0xc0, 0xa8, 1, 0 };

	memset(out, 0, HELLO);
	memcpy(out, start_of, sizeof(start_of));
	out[24] = 0x2a;
	out[25] = 0xfe;
	out[26] = 0xfd;
	memset(out + 26 + 1, 9, 32);
	if (cookie) {
		out[10] = 1; /* record sequence */
		out[12] = (uint8_t)(out[12] + len);
		out[16] = out[24] = (uint8_t)(out[16] + len);
		out[18] = 1; /* message_seq */
		out[COOKIE_AT] = (uint8_t)len;
		memcpy(out + COOKIE_AT + 1, cookie, len);
	}
	memcpy(out + COOKIE_AT + 1 + len, end_of, sizeof(end_of));
	return HELLO + len;
}

static void await(int fd, uint8_t *reply, size_t max)
{
	watched = fd;
	run_until(answered);
	assert_true(recv(fd, reply, max, 0) > 0);
}

/* All that was sent before has been dealt with: a socket's datagrams are taken in order. */
static void settle(void)
{
	uint8_t hello[HELLO + 255], reply[512];

	if (barrier < 0)
		barrier = peer_socket(250);
	assert_int_equal(send(barrier, hello, write_hello(hello, NULL, 0), 0), HELLO);
	await(barrier, reply, sizeof(reply));
}

/* A peer that has sent a ClientHello with a valid cookie and says no more. */
static int silent_peer(unsigned int host)
{
	uint8_t hello[HELLO + 255], reply[512];
	int fd = peer_socket(host);
	size_t len;

	assert_int_equal(send(fd, hello, write_hello(hello, NULL, 0), 0), HELLO);
	await(fd, reply, sizeof(reply));
	assert_int_equal(reply[13], MNCSE_HELLO_VERIFY_REQUEST);
	len = write_hello(hello, reply + 28, reply[27]);
	assert_int_equal(send(fd, hello, len, 0), (ssize_t)len);
	settle();
	return fd;
}

static bool has_flight(int fd)
{
	watched = fd;
	return answered();
}

static struct mn_endpoint_stats stats(void)
{
	struct mn_endpoint_stats s;

	mn_endpoint_stats(server, &s);
	return s;
}

static void close_all(const int *fd, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fd[i]);
}

/* ---- tests ---- */

static void a_newcomer_waits_while_all_are_young(void **state)
{
	int fd[CAP + 1];

	(void)state;
	for (unsigned int i = 0; i <= CAP; i++) {
		fd[i] = silent_peer(1 + i);
		assert_int_equal(has_flight(fd[i]), i < CAP);
	}
	assert_int_equal(stats().half_open, CAP);
	assert_int_equal(stats().handshakes_failed, 0);
	assert_int_equal(stats().drop_half_open, 0);
	/* one ends: the place is the newcomer's (no time passes here, so that it has not waited too long) */
	server->waiting->came_ms = mn_loop_now(loop);
	mn_half_free(server->oldest);
	assert_true(server->admit.queued);
	mn_waiting_admit(&server->admit);
	settle();
	assert_true(has_flight(fd[CAP]));
	assert_int_equal(stats().half_open, CAP);
	assert_null(server->waiting);
	close_all(fd, CAP + 1);
}

static void who_has_waited_too_long_is_dropped(void **state)
{
	int fd[CAP + 1];

	(void)state;
	for (unsigned int i = 0; i <= CAP; i++)
		fd[i] = silent_peer(1 + i);
	server->waiting->came_ms -= 1000;
	mn_half_free(server->oldest);
	settle();
	assert_false(has_flight(fd[CAP]));
	assert_int_equal(stats().half_open, CAP - 1);
	assert_int_equal(stats().drop_half_open, 1);
	close_all(fd, CAP + 1);
}

static void so_many_wait_and_no_more(void **state)
{
	enum { PLACES = CAP + CAP * MN_WAITING_TIMES, ALL = PLACES + 3 };
	int fd[ALL];
	size_t most = 0;

	(void)state;
	for (unsigned int i = 0; i < ALL; i++) {
		fd[i] = silent_peer(1 + i);
		if (server->waiting_pool.used > most)
			most = server->waiting_pool.used;
	}
	/* on a machine that stands still for a second some are too old by then */
	assert_true(most <= CAP * MN_WAITING_TIMES);
	assert_true(stats().drop_half_open >= ALL - PLACES);
	assert_int_equal(server->waiting_pool.used + stats().drop_half_open, ALL - CAP);
	assert_int_equal(stats().half_open, CAP);
	close_all(fd, ALL);
}

static bool later(void)
{
	return mn_loop_now(loop) >= later_ms;
}

static void one_that_had_its_chance_yields(void **state)
{
	int fd[CAP + 1];

	start(2);
	for (unsigned int i = 0; i < CAP; i++)
		fd[i] = silent_peer(1 + i);
	later_ms = mn_loop_now(loop) + 2;
	run_until(later);
	fd[CAP] = silent_peer(1 + CAP);
	assert_true(has_flight(fd[CAP]));
	assert_int_equal(stats().half_open, CAP);
	assert_int_equal(stats().handshakes_failed, 1);
	assert_int_equal(stats().drop_half_open, 1);
	close_all(fd, CAP + 1);
	teardown(state);
}

static void an_address_with_many_yields_to_one_with_few(void **state)
{
	int fd[CAP + 3];

	(void)state;
	for (unsigned int i = 0; i < CAP; i++)
		fd[i] = silent_peer(1);
	for (unsigned int i = CAP; i < CAP + 3; i++)
		fd[i] = silent_peer(2);
	/* at two each they are equal */
	assert_true(has_flight(fd[CAP]));
	assert_true(has_flight(fd[CAP + 1]));
	assert_false(has_flight(fd[CAP + 2]));
	assert_int_equal(stats().half_open, CAP);
	assert_int_equal(stats().handshakes_failed, 2);
	close_all(fd, CAP + 3);
}

static bool all_open(void)
{
	return n_opened == wanted;
}

static void a_storm_loses_no_handshake(void **state)
{
	static const uint8_t key[16] = { 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7 };
	char id[] = "dev0";

	(void)state;
	wanted = CAP + CAP * MN_WAITING_TIMES;
	for (unsigned int i = 0; i < wanted; i++) {
		struct mn_connect c = {
			.peer = server_addr, .identity = id, .key = key, .key_len = sizeof(key)
		};
		struct mn_session *s;

		id[3] = (char)('0' + i);
		assert_int_equal(mn_endpoint_connect(client, &c, &s), 0);
	}
	run_until(all_open);
	assert_int_equal(stats().handshakes, wanted);
	assert_int_equal(stats().handshakes_failed, 0);
	assert_int_equal(stats().half_open, 0);
}

int main(void)
{
#define REAL(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		REAL(a_newcomer_waits_while_all_are_young),
		REAL(who_has_waited_too_long_is_dropped),
		REAL(so_many_wait_and_no_more),
		cmocka_unit_test(one_that_had_its_chance_yields),
		REAL(an_address_with_many_yields_to_one_with_few),
		REAL(a_storm_loses_no_handshake),
	};

	mn_log_init("test_half_open", MN_LOG_WARN);
	return cmocka_run_group_tests_name("half_open", tests, NULL, NULL);
}
