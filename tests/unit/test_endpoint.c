// SPDX-License-Identifier: GPL-2.0-or-later
/* A server and clients of lib/dtls on loopback sockets, and a raw socket that forges. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/crypto.h"
#include "dtls/filter.h"
#include "dtls/session.h"
#include "log.h"

enum { WATCHDOG_MS = 30000 };

static struct mn_loop *loop;
static struct mn_endpoint *server, *client;
static struct mn_timer watchdog, pause_timer;
static union mn_addr server_addr;

static struct {
	struct mn_session *session; /* server's newest */
	unsigned int opened, closed, messages;
	enum mn_close why;
	char last[32];
} srv;

static struct {
	unsigned int opened, closed, messages;
	enum mn_close why;
	bool was_open;
} cli;

static bool (*done)(void); /* the loop stops when it says so */

static void look(void)
{
	if (done && done())
		mn_loop_stop(loop);
}

static void too_late(struct mn_timer *t)
{
	(void)t;
	fail_msg("nothing happened for %d ms", WATCHDOG_MS);
}

static void run_until(bool (*fn)(void))
{
	done = fn;
	mn_timer_set(mn_loop_timers(loop), &watchdog, WATCHDOG_MS);
	if (!fn())
		assert_int_equal(mn_loop_run(loop), 0);
	mn_timer_del(&watchdog);
}

static void paused(struct mn_timer *t)
{
	(void)t;
	mn_loop_stop(loop);
}

/* For what must not happen: the loop goes on for so long. */
static void run_for(unsigned int ms)
{
	done = NULL;
	mn_timer_init(&pause_timer, paused);
	mn_timer_set(mn_loop_timers(loop), &pause_timer, ms);
	assert_int_equal(mn_loop_run(loop), 0);
}

/* ---- server: dev0..dev9 with key 00..0f, owner is the number + 1 ---- */

static const uint8_t good_key[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
static const uint8_t wrong_key[16] = { 9 };

static int srv_psk(void *arg, const uint8_t *id, size_t len, uint8_t key[MN_KEY_MAX],
		   size_t *key_len, void **owner)
{
	(void)arg;
	if (len != 4 || memcmp(id, "dev", 3) || id[3] < '0' || id[3] > '9')
		return -ENOENT;
	memcpy(key, good_key, sizeof(good_key));
	*key_len = sizeof(good_key);
	*owner = (void *)(uintptr_t)(id[3] - '0' + 1);
	return 0;
}

static void srv_opened(void *arg, struct mn_session *s)
{
	(void)arg;
	srv.session = s;
	srv.opened++;
	look();
}

static void srv_message(void *arg, struct mn_session *s, uint8_t *data, size_t len)
{
	(void)arg;
	srv.messages++;
	snprintf(srv.last, sizeof(srv.last), "%.*s", (int)len, (char *)data);
	mn_session_send(s, data, len);
	look();
}

static void srv_closed(void *arg, struct mn_session *s, enum mn_close why, bool was_open)
{
	(void)arg;
	assert_true(was_open);
	if (srv.session == s)
		srv.session = NULL;
	srv.closed++;
	srv.why = why;
	look();
}

static void cli_opened(void *arg, struct mn_session *s)
{
	(void)arg;
	(void)s;
	cli.opened++;
	look();
}

static void cli_message(void *arg, struct mn_session *s, uint8_t *data, size_t len)
{
	(void)arg;
	(void)s;
	(void)data;
	(void)len;
	cli.messages++;
	look();
}

static void cli_closed(void *arg, struct mn_session *s, enum mn_close why, bool was_open)
{
	(void)arg;
	(void)s;
	cli.closed++;
	cli.why = why;
	cli.was_open = was_open;
	look();
}

static const struct mn_endpoint_ops srv_ops = { srv_psk, srv_opened, srv_message, srv_closed };
static const struct mn_endpoint_ops cli_ops = { NULL, cli_opened, cli_message, cli_closed };

static void start(const struct mn_endpoint_config *config)
{
	struct mn_endpoint_config c = config ? *config : (struct mn_endpoint_config){ 0 };
	const char *why;

	memset(&srv, 0, sizeof(srv));
	memset(&cli, 0, sizeof(cli));
	assert_int_equal(mn_loop_new(NULL, &loop, &why), 0);
	mn_timer_init(&watchdog, too_late);
	c.hint = "mn-cse-1";
	assert_int_equal(mn_endpoint_new(loop, &c, &srv_ops, NULL, &server), 0);
	c = (struct mn_endpoint_config){ .dhe = true };
	assert_int_equal(mn_endpoint_new(loop, &c, &cli_ops, NULL, &client), 0);
	memset(&server_addr, 0, sizeof(server_addr));
	server_addr.in.sin_family = AF_INET;
	server_addr.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(mn_endpoint_listen(server, &server_addr, false), 0);
	mn_udp_bound(server->listeners[0], &server_addr);
}

static int setup(void **state)
{
	(void)state;
	start(NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	done = NULL;
	mn_endpoint_free(client);
	mn_endpoint_free(server);
	mn_loop_free(loop);
	return 0;
}

static bool hint_is_ours(void *arg, void *user, const uint8_t *hint, size_t len)
{
	(void)arg;
	return len == strlen(user) && !memcmp(hint, user, len);
}

static struct mn_session *dial(const char *identity, const uint8_t *key, const uint16_t *suites,
			       const char *hint)
{
	struct mn_connect c = {
		.peer = server_addr,
		.identity = identity,
		.key = key,
		.key_len = 16,
		.hint_ok = hint ? hint_is_ours : NULL,
		.user = (void *)(uintptr_t)hint,
		.give_up_ms = 1500,
		.suites = suites,
	};
	struct mn_session *s;

	assert_int_equal(mn_endpoint_connect(client, &c, &s), 0);
	return s;
}

static bool both_open(void)
{
	return srv.opened && cli.opened;
}

static bool two_open(void)
{
	return srv.opened == 2 && cli.opened == 2;
}

static bool answered(void)
{
	return cli.messages >= 1;
}

static bool client_closed(void)
{
	return cli.closed >= 1;
}

static bool server_closed(void)
{
	return srv.closed >= 1;
}

static struct mn_endpoint_stats stats_of(struct mn_endpoint *e)
{
	struct mn_endpoint_stats s;

	mn_endpoint_stats(e, &s);
	return s;
}

/* ---- a socket that speaks no DTLS of its own ---- */

static int raw_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, &server_addr.sa, sizeof(server_addr.in)), 0);
	return fd;
}

static const uint8_t raw_hello[] = {
	0x16, 0xfe, 0xff, 0,  0,  0,  0,  0,    0,    0,    0,  0,  0x36, 1,    0,  0,  0x2a,
	0,    0,    0,    0,  0,  0,  0,  0x2a, 0xfe, 0xfd, 1,  2,  3,    4,    5,  6,  7,
	8,    9,    10,   11, 12, 13, 14, 15,   16,   17,   18, 19, 20,   21,   22, 23, 24,
	25,   26,   27,   28, 29, 30, 31, 32,   0,    0,    0,  2,  0xc0, 0xa8, 1,  0,
};

/* Puts a cookie into a copy of raw_hello, as its second ClientHello. Returns the length. */
static size_t hello_with(const uint8_t *cookie, size_t len, uint8_t *out)
{
	memcpy(out, raw_hello, 60);
	out[10] = 1; /* record sequence */
	out[12] = (uint8_t)(0x36 + len);
	out[16] = out[24] = (uint8_t)(0x2a + len);
	out[18] = 1; /* message_seq */
	out[60] = (uint8_t)len;
	memcpy(out + 61, cookie, len);
	memcpy(out + 61 + len, raw_hello + 61, sizeof(raw_hello) - 61);
	return sizeof(raw_hello) + len;
}

static ssize_t ask(int fd, const void *data, size_t len, uint8_t *reply, size_t max)
{
	ssize_t n;

	assert_int_equal(send(fd, data, len, 0), len);
	run_for(40);
	n = recv(fd, reply, max, 0);
	return n < 0 ? 0 : n;
}

/* ---- tests ---- */

static void every_suite_opens_and_carries_data(void **state)
{
	static const uint16_t suites[] = { MN_SUITE_PSK_AES_128_GCM, MN_SUITE_PSK_AES_128_CCM_8,
					   MN_SUITE_PSK_AES_128_CBC, MN_SUITE_DHE_PSK_AES_128_GCM };
	struct mn_endpoint_config dhe = { .dhe = true };

	for (size_t i = 0; i < 4; i++) {
		uint16_t one[2] = { suites[i], 0 };
		struct mn_session *s;

		start(&dhe);
		s = dial("dev1", good_key, one, "mn-cse-1");
		run_until(both_open);
		assert_int_equal(mn_session_suite(s), suites[i]);
		assert_int_equal(mn_session_suite(srv.session), suites[i]);
		assert_int_equal(mn_session_send(s, "hello", 5), 0);
		run_until(answered);
		assert_string_equal(srv.last, "hello");
		mn_session_close(s);
		run_until(server_closed);
		assert_int_equal(srv.why, MN_CLOSE_PEER);
		assert_int_equal(stats_of(server).sessions, 0);
		teardown(state);
	}
}

static void dhe_is_opt_in(void **state)
{
	static const uint16_t dhe[] = { MN_SUITE_DHE_PSK_AES_128_GCM, 0 };

	(void)state;
	dial("dev1", good_key, dhe, NULL);
	run_until(client_closed);
	assert_false(cli.was_open);
	assert_int_equal(cli.why, MN_CLOSE_HANDSHAKE); /* by an alert: it need not wait */
	assert_int_equal(srv.opened, 0);
	assert_int_equal(stats_of(server).half_open, 0);
}

static void the_server_chooses_gcm_before_ccm_before_cbc(void **state)
{
	static const uint16_t reverse[] = { MN_SUITE_PSK_AES_128_CBC, MN_SUITE_PSK_AES_128_CCM_8,
					    MN_SUITE_PSK_AES_128_GCM, 0 };
	struct mn_session *s = dial("dev1", good_key, reverse, NULL);

	(void)state;
	run_until(both_open);
	assert_int_equal(mn_session_suite(s), MN_SUITE_PSK_AES_128_GCM);
}

static void a_hint_that_is_not_the_gateways_ends_the_handshake(void **state)
{
	(void)state;
	dial("dev1", good_key, NULL, "another-gateway");
	run_until(client_closed);
	assert_int_equal(cli.why, MN_CLOSE_HANDSHAKE);
	assert_false(cli.was_open);
}

/* What a wrong key and an unknown identity draw: the same number of datagrams and of bytes, no alert. */
static void a_wrong_key_looks_like_an_unknown_identity(void **state)
{
	struct mn_endpoint_stats seen[2];

	for (int i = 0; i < 2; i++) {
		start(NULL);
		dial(i ? "devX" : "dev1", i ? good_key : wrong_key, NULL, NULL);
		run_until(client_closed);
		assert_int_equal(cli.why, MN_CLOSE_TIMEOUT);
		seen[i] = stats_of(server);
		assert_int_equal(srv.opened, 0);
		if (!i)
			teardown(state);
	}
	assert_int_equal(seen[0].datagrams_out, seen[1].datagrams_out);
	assert_int_equal(seen[0].bytes_out, seen[1].bytes_out);
	assert_int_equal(seen[1].drop_identity, 1);
	teardown(state);
}

static void a_second_handshake_replaces_the_first_session(void **state)
{
	struct mn_session *first = dial("dev1", good_key, NULL, NULL);

	(void)state;
	(void)first;
	run_until(both_open);
	dial("dev1", good_key, NULL, NULL);
	run_until(two_open);
	assert_int_equal(srv.closed, 1);
	assert_int_equal(srv.why, MN_CLOSE_REPLACED);
	assert_int_equal(stats_of(server).sessions, 1);
	assert_ptr_equal(mn_endpoint_session(server, (void *)2), srv.session);
}

static void a_failed_handshake_leaves_the_identitys_session_alone(void **state)
{
	struct mn_session *s = dial("dev1", good_key, NULL, NULL);

	(void)state;
	run_until(both_open);
	dial("dev1", wrong_key, NULL, NULL);
	run_until(client_closed);
	assert_int_equal(srv.closed, 0);
	assert_int_equal(mn_session_send(s, "still", 5), 0);
	run_until(answered);
	assert_string_equal(srv.last, "still");
}

static void forge(struct mn_session *s, const void *data, size_t len)
{
	union mn_addr own;
	size_t size;
	uint8_t *buf = mn_send_buffer(loop, &size);

	/* from the client's own address: its socket sends it */
	mn_udp_bound(s->peer.udp, &own);
	memcpy(buf, data, len);
	mn_udp_send(s->peer.udp, buf, len, NULL, NULL);
}

static void forged_records_leave_a_live_session_alive(void **state)
{
	static const uint8_t shorts[] = { 23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 1, 0 };
	static const uint8_t alert[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40 };
	static const uint8_t ccs[] = { 20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 1 };
	uint8_t far[13 + 32] = { 23, 0xfe, 0xfd, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 32 };
	uint8_t epoch[13 + 32] = { 23, 0xfe, 0xfd, 0, 2, 0, 0, 0, 0, 0, 9, 0, 32 };
	uint8_t finished[13 + 40] = { 22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 40 };
	struct mn_session *s = dial("dev1", good_key, NULL, NULL);
	struct mn_endpoint_stats st;

	(void)state;
	run_until(both_open);
	forge(s, shorts, sizeof(shorts));
	forge(s, alert, sizeof(alert));
	forge(s, ccs, sizeof(ccs));
	forge(s, far, sizeof(far));
	forge(s, epoch, sizeof(epoch));
	forge(s, finished, sizeof(finished));
	forge(s, raw_hello, sizeof(raw_hello));
	assert_int_equal(mn_session_send(s, "alive", 5), 0);
	run_until(answered);
	assert_string_equal(srv.last, "alive");
	assert_int_equal(srv.closed, 0);
	st = stats_of(server);
	assert_int_equal(st.drop_junk, 2);  /* shorts, epoch */
	assert_int_equal(st.drop_epoch, 2); /* alert, ccs */
	assert_int_equal(st.drop_auth, 2);  /* far, finished */
	assert_int_equal(st.half_open, 0);
}

static void a_replayed_record_is_dropped(void **state)
{
	struct mn_session *s = dial("dev1", good_key, NULL, NULL);
	uint8_t wire[128];
	int n;

	(void)state;
	run_until(both_open);
	n = mn_record_seal(&s->record, MNCSE_APPLICATION, "once", 4, wire, sizeof(wire));
	forge(s, wire, (size_t)n);
	forge(s, wire, (size_t)n);
	run_until(answered);
	run_for(50);
	assert_int_equal(srv.messages, 1);
	assert_int_equal(stats_of(server).drop_replay, 1);
}

static void nothing_is_kept_before_a_valid_cookie(void **state)
{
	uint8_t reply[512], again[128];
	struct mn_endpoint_stats st;
	int fd = raw_socket(), other = raw_socket();
	size_t len;
	ssize_t n = ask(fd, raw_hello, sizeof(raw_hello), reply, sizeof(reply));

	(void)state;
	assert_int_equal(n, 36); /* a HelloVerifyRequest, smaller than what was sent */
	assert_int_equal(reply[13], MNCSE_HELLO_VERIFY_REQUEST);
	st = stats_of(server);
	assert_int_equal(st.half_open, 0);
	/* the cookie from another address is no cookie */
	len = hello_with(reply + 28, 8, again);
	assert_int_equal(ask(other, again, len, reply + 64, 128), 36);
	st = stats_of(server);
	assert_int_equal(st.half_open, 0);
	assert_int_equal(st.drop_cookie, 1);
	/* from its own address it is */
	assert_true(ask(fd, again, len, reply + 64, 400) > 60);
	assert_int_equal(stats_of(server).half_open, 1);
	close(fd);
	close(other);
}

static void a_fragmented_client_hello_leaves_no_trace(void **state)
{
	uint8_t part[sizeof(raw_hello)], reply[128];
	int fd = raw_socket();
	struct mn_endpoint_stats st;

	(void)state;
	memcpy(part, raw_hello, sizeof(part));
	part[16] = 0x60; /* length of the whole */
	assert_int_equal(ask(fd, part, sizeof(part), reply, sizeof(reply)), 0);
	st = stats_of(server);
	assert_int_equal(st.drop_fragment, 1);
	assert_int_equal(st.half_open, 0);
	assert_int_equal(st.hello_verify, 0);
	close(fd);
}

static void half_open_handshakes_are_capped_and_end(void **state)
{
	struct mn_endpoint_config c = { .half_open = 4,
					.half_open_addr = 100,
					.half_open_ms = 300 };
	uint8_t reply[512], again[128];
	int fd[8];

	start(&c);
	for (int i = 0; i < 8; i++) {
		fd[i] = raw_socket();
		assert_int_equal(ask(fd[i], raw_hello, sizeof(raw_hello), reply, sizeof(reply)),
				 36);
		assert_int_equal(send(fd[i], again, hello_with(reply + 28, 8, again), 0), 75);
	}
	run_for(20);
	assert_true(stats_of(server).half_open <= 4);
	/* a device gets in all the same: they end, or yield (test_half_open.c) */
	dial("dev1", good_key, NULL, NULL);
	run_until(both_open);
	run_for(600);
	assert_int_equal(stats_of(server).half_open, 0);
	for (int i = 0; i < 8; i++)
		close(fd[i]);
	teardown(state);
}

static void an_idle_session_ends(void **state)
{
	struct mn_endpoint_config c = { .idle_ms = 200 };

	start(&c);
	dial("dev1", good_key, NULL, NULL);
	run_until(both_open);
	run_until(server_closed);
	assert_int_equal(srv.why, MN_CLOSE_IDLE);
	run_until(client_closed);
	assert_int_equal(cli.why, MN_CLOSE_PEER);
	assert_true(cli.was_open);
	teardown(state);
}

static bool one_left(void)
{
	return srv.closed == 9;
}

static bool none_left(void)
{
	return srv.closed == 10;
}

/* All are looked at in turn, whoever comes and goes meanwhile; they share what they have in common. */
static void limits_end_those_alone_that_have_reached_them(void **state)
{
	enum { LIMIT = 3600000 };
	struct mn_endpoint_config c = { .idle_ms = LIMIT, .age_ms = 2 * LIMIT };
	struct mn_session *next;
	char name[] = "dev0";

	start(&c);
	for (int i = 0; i < 10; i++) {
		name[3] = (char)('0' + i);
		dial(name, good_key, NULL, NULL);
	}
	while (srv.opened < 10 || cli.opened < 10)
		run_for(20);
	assert_int_equal(LIST_FIRST(&server->locals)->refs, 10);
	assert_null(LIST_NEXT(LIST_FIRST(&server->locals), link));
	assert_true(mn_timer_pending(&server->sweep_timer));

	/* the one that would be next is closed by somebody else */
	server->sweep = server->all->next;
	next = server->sweep->next;
	mn_session_close(server->sweep);
	assert_ptr_equal(server->sweep, next);
	for (struct mn_session *s = server->all; s; s = s->next) {
		if (s == next)
			s->opened_ms -= 2 * LIMIT;
		else if (s->next)
			s->active_ms -= LIMIT;
	}
	mn_session_sweep(&server->sweep_timer); /* from next on */
	mn_session_sweep(&server->sweep_timer); /* and from the beginning */
	run_until(one_left);
	assert_int_equal(stats_of(server).closed_idle, 7);
	assert_int_equal(stats_of(server).closed_age, 1);
	assert_int_equal(stats_of(server).sessions, 1);
	run_for(20);
	assert_int_equal(LIST_FIRST(&server->locals)->refs, 1);
	mn_session_close(server->all);
	run_until(none_left);
	run_for(20);
	assert_true(LIST_EMPTY(&server->locals));
	teardown(state);
}

static void the_end_of_the_sequence_space_closes_the_session(void **state)
{
	struct mn_session *s = dial("dev1", good_key, NULL, NULL);

	(void)state;
	run_until(both_open);
	s->record.write_sequence = MNCSE_SEQUENCE_MAX + 1;
	assert_int_equal(mn_session_send(s, "x", 1), -ENOTCONN);
	run_until(client_closed);
	assert_int_equal(cli.why, MN_CLOSE_SEQUENCE);
}

static void messages_have_bounds(void **state)
{
	static uint8_t big[20000];
	struct mn_session *s = dial("dev1", good_key, NULL, NULL);

	(void)state;
	assert_int_equal(mn_session_send(s, "early", 5), -ENOTCONN);
	run_until(both_open);
	assert_int_equal(mn_session_send(s, big, mn_session_room(s) + 1), -EMSGSIZE);
	assert_int_equal(mn_session_send(s, big, 0), -EMSGSIZE);
	assert_int_equal(mn_session_send(s, big, mn_session_room(s)), 0);
	run_until(answered);
}

/* The client's Finished again, as a client does whose server's last flight was lost. */
static void a_repeated_finished_gets_the_last_flight_again(void **state)
{
	static const uint8_t finished[24] = { MNCSE_FINISHED, 0, 0, 12, 0, 3, 0, 0, 0, 0, 0, 12 };
	struct mn_session *s = dial("dev1", good_key, NULL, NULL);
	uint64_t before;
	uint8_t wire[128];
	int n;

	(void)state;
	run_until(both_open);
	before = stats_of(server).datagrams_out;
	n = mn_record_seal(&s->record, MNCSE_HANDSHAKE, finished, sizeof(finished), wire,
			   sizeof(wire));
	forge(s, wire, (size_t)n);
	run_for(50);
	assert_int_equal(stats_of(server).datagrams_out, before + 1);
	/* once data has come it is kept no longer */
	mn_session_send(s, "data", 4);
	run_until(answered);
	before = stats_of(server).datagrams_out;
	n = mn_record_seal(&s->record, MNCSE_HANDSHAKE, finished, sizeof(finished), wire,
			   sizeof(wire));
	forge(s, wire, (size_t)n);
	run_for(50);
	assert_int_equal(stats_of(server).datagrams_out, before);
}

static void a_draining_server_takes_no_new_sessions(void **state)
{
	struct mn_session *s = dial("dev1", good_key, NULL, NULL);

	(void)state;
	run_until(both_open);
	mn_endpoint_drain(server);
	dial("dev2", good_key, NULL, NULL);
	run_until(client_closed);
	assert_int_equal(srv.opened, 1);
	assert_int_equal(mn_session_send(s, "on", 2), 0);
	run_until(answered);
}

static void many_sessions_live_side_by_side(void **state)
{
	char name[] = "dev0";

	(void)state;
	for (int i = 0; i < 10; i++) {
		name[3] = (char)('0' + i);
		dial(name, good_key, NULL, NULL);
	}
	while (srv.opened < 10 || cli.opened < 10)
		run_for(20);
	for (uintptr_t i = 1; i <= 10; i++)
		assert_non_null(mn_endpoint_session(server, (void *)i));
	assert_null(mn_endpoint_session(server, (void *)11));
	assert_int_equal(stats_of(server).sessions, 10);
}

/* One socket for all, each session from an address of its own; forged datagrams to it from elsewhere reach no session. */
static void sessions_can_share_a_socket(void **state)
{
	struct mn_session *s[10];
	char name[] = "dev0";
	union mn_addr local;
	uint8_t junk[16] = { 0 };
	union mn_addr bound;
	int fd;

	(void)state;
	for (int i = 0; i < 10; i++) {
		char text[32];
		struct mn_connect c = { .peer = server_addr,
					.local = &local,
					.shared = true,
					.identity = name,
					.key = good_key,
					.key_len = 16 };

		name[3] = (char)('0' + i);
		snprintf(text, sizeof(text), "127.9.0.%d", i + 1);
		assert_int_equal(mn_addr_parse(text, 1, &local), 0);
		assert_int_equal(mn_endpoint_connect(client, &c, &s[i]), 0);
		if (!i)
			assert_int_equal(mn_endpoint_connect(client, &c, &s[i + 1]), -EEXIST);
	}
	while (srv.opened < 10 || cli.opened < 10)
		run_for(20);
	assert_int_equal(client->shared_n, 1);
	mn_session_send(s[7], "seven", 5);
	run_until(answered);
	assert_string_equal(srv.last, "seven");
	mn_udp_bound(client->shared[0].udp, &bound);
	bound.in.sin_addr.s_addr = htonl(0x7f090008);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(sendto(fd, junk, sizeof(junk), 0, &bound.sa, sizeof(bound.in)), 16);
	run_for(20);
	assert_int_equal(stats_of(client).drop_unknown, 1);
	mn_session_close(s[7]);
	run_until(client_closed);
	assert_int_equal(stats_of(client).sessions, 9);
	close(fd);
}

int main(void)
{
#define REAL(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_suite_opens_and_carries_data),
		REAL(dhe_is_opt_in),
		REAL(the_server_chooses_gcm_before_ccm_before_cbc),
		REAL(a_hint_that_is_not_the_gateways_ends_the_handshake),
		cmocka_unit_test(a_wrong_key_looks_like_an_unknown_identity),
		REAL(a_second_handshake_replaces_the_first_session),
		REAL(a_failed_handshake_leaves_the_identitys_session_alone),
		REAL(forged_records_leave_a_live_session_alive),
		REAL(a_replayed_record_is_dropped),
		REAL(nothing_is_kept_before_a_valid_cookie),
		REAL(a_fragmented_client_hello_leaves_no_trace),
		cmocka_unit_test(half_open_handshakes_are_capped_and_end),
		cmocka_unit_test(an_idle_session_ends),
		cmocka_unit_test(limits_end_those_alone_that_have_reached_them),
		REAL(the_end_of_the_sequence_space_closes_the_session),
		REAL(messages_have_bounds),
		REAL(a_repeated_finished_gets_the_last_flight_again),
		REAL(a_draining_server_takes_no_new_sessions),
		REAL(many_sessions_live_side_by_side),
		REAL(sessions_can_share_a_socket),
	};

	mn_log_init("test_endpoint", MN_LOG_WARN);
	return cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
