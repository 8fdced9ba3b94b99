// SPDX-License-Identifier: GPL-2.0-or-later
/* Limits, time and ends of the carry path. What takes time is waited for, however long it takes; no test says that it is soon. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "carry.h"
#include "vm.h"

static struct vm_carry c;

static uint32_t max_age(const struct mn_coap *m)
{
	uint32_t age = UINT32_MAX;

	mn_coap_option_uint(m, MN_COAP_OPT_MAX_AGE, 4, &age);
	return age;
}

static void refused(const struct vm_request *q, uint32_t age, const char *text)
{
	struct mn_coap m = vm_message(&c.device);

	assert_int_equal(m.type, MN_COAP_ACK);
	assert_int_equal(m.code, MN_COAP_429);
	assert_int_equal(m.id, q->id);
	assert_int_equal(max_age(&m), age);
	assert_int_equal(m.payload_len, strlen(text));
	assert_memory_equal(m.payload, text, m.payload_len);
}

static void a_device_has_sixteen_open(void **state)
{
	struct mn_coap_token tokens[16];
	struct vm_request q;

	(void)state;
	vm_carry_start(&c, AF_INET, VM_GCM, VM_GCM);
	for (uint16_t i = 0; i < 16; i++) {
		q = vm_request(&c, i);
		q.type = MN_COAP_NON;
		vm_ask(&c, &q);
		tokens[i] = vm_at_in(&c, &q).token;
		for (uint16_t j = 0; j < i; j++)
			assert_memory_not_equal(tokens[i].bytes, tokens[j].bytes, 7);
	}
	q = vm_request(&c, 16);
	vm_ask(&c, &q);
	refused(&q, 2, "Too many open requests");
	vm_ask(&c, &q); /* the refusal is remembered */
	refused(&q, 2, "Too many open requests");
	/* one of them is answered: there is room */
	vm_answer_as(&c, MN_COAP_NON, 1, &tokens[5], MN_COAP_204, "", "five", 4);
	q = vm_request(&c, 5);
	vm_at_device(&c, &q, MN_COAP_NON, MN_COAP_204, "five", 4);
	q = vm_request(&c, 17);
	vm_ask(&c, &q);
	vm_at_in(&c, &q);
	vm_carry_stop(&c);
}

/* true: it reached the IN; false: the device has an answer. */
static bool was_carried(void)
{
	struct pollfd fds[] = { { c.in.fd, POLLIN, 0 }, { c.device.fd, POLLIN, 0 } };

	assert_true(poll(fds, 2, 30000) > 0);
	return fds[0].revents;
}

/* How many of them come within a second is this machine's affair: some time one is refused. */
static void a_fast_device_is_told_to_be_slower(void **state)
{
	struct vm_request q;
	struct mn_coap m;
	uint16_t id = 1;

	(void)state;
	vm_carry_start(&c, AF_INET, VM_GCM, VM_GCM);
	assert_int_equal(vm_outer_set(c.nl, VM_HOP, VM_OUTER, MNCSE_KA_DEVICE_RATE, 1), 0);
	for (;;) {
		q = vm_request(&c, id++);
		vm_ask(&c, &q);
		if (!was_carried())
			break;
		m = vm_at_in(&c, &q);
		vm_answer_as(&c, MN_COAP_NON, 1, &m.token, MN_COAP_204, "", "x", 1);
		vm_at_device(&c, &q, MN_COAP_ACK, MN_COAP_204, "x", 1);
		assert_true(id < 1000);
	}
	assert_true(id > 2);
	refused(&q, 1, "Too many requests");
	vm_carry_stop(&c);
}

/* What has no room is userspace's, and stays so. */
static void goes_up(uint16_t id)
{
	struct vm_request q = vm_request(&c, id);

	vm_ask(&c, &q);
	vm_went_up(&c, &q);
}

static void is_carried(uint16_t id)
{
	struct vm_request q = vm_request(&c, id);

	vm_ask(&c, &q);
	vm_at_in(&c, &q);
}

static void without_room_requests_go_up(void **state)
{
	uint64_t before;

	(void)state;
	vm_carry_start(&c, AF_INET, VM_GCM, VM_GCM);
	before = vm_stat(c.nl, "kernel.carry_up_limit");
	assert_int_equal(vm_outer_set(c.nl, VM_HOP, VM_OUTER, MNCSE_KA_PENDING_MAX, 2), 0);
	is_carried(1);
	is_carried(2);
	goes_up(3);
	assert_int_equal(vm_outer_set(c.nl, VM_HOP, VM_OUTER, MNCSE_KA_PENDING_MAX, 900), 0);
	goes_up(3);
	is_carried(4);
	assert_int_equal(vm_outer_set(c.nl, VM_HOP, VM_OUTER, MNCSE_KA_MESSAGE_MAX, 40), 0);
	goes_up(5);
	assert_int_equal(vm_outer_set(c.nl, VM_HOP, VM_OUTER, MNCSE_KA_MESSAGE_MAX, 1152), 0);
	is_carried(6);
	assert_int_equal(vm_stat(c.nl, "kernel.carry_up_limit"), before + 2);
	before = vm_stat(c.nl, "kernel.carry_up_memory");
	assert_int_equal(vm_limit(c.nl, MNCSE_KA_CARRY_BYTES_MAX, 100), 0);
	goes_up(7);
	assert_int_equal(vm_stat(c.nl, "kernel.carry_up_memory"), before + 1);
	assert_int_equal(vm_limit(c.nl, MNCSE_KA_CARRY_BYTES_MAX, 64 << 20), 0);
	is_carried(8);
	vm_carry_stop(&c);
}

/* Replies make room for requests, oldest first; there are never more than 16 a device. */
static void remembered_answers_give_way(void **state)
{
	static uint8_t payload[1000];
	struct vm_request q;
	struct mn_coap m;

	(void)state;
	vm_carry_start(&c, AF_INET, VM_GCM, VM_GCM);
	assert_int_equal(vm_limit(c.nl, MNCSE_KA_CARRY_BYTES_MAX, 5000), 0);
	for (uint16_t i = 1; i <= 30; i++) {
		q = vm_request(&c, i);
		vm_ask(&c, &q);
		m = vm_at_in(&c, &q);
		vm_answer_as(&c, MN_COAP_NON, i, &m.token, MN_COAP_204, "", payload,
			     i < 10 ? sizeof(payload) : 3);
		vm_at_device(&c, &q, MN_COAP_ACK, MN_COAP_204, payload,
			     i < 10 ? sizeof(payload) : 3);
		assert_true(vm_stat(c.nl, "kernel.carry_bytes") <= 5000);
		assert_true(vm_stat(c.nl, "kernel.carry_replies") <= 16);
	}
	assert_int_equal(vm_stat(c.nl, "kernel.carry_replies"), 16);
	assert_int_equal(vm_limit(c.nl, MNCSE_KA_CARRY_BYTES_MAX, 64 << 20), 0);
	vm_carry_stop(&c);
}

/* RFC 7252 and docs/protocol.md: empty ACK, three repetitions with IDs of their own, 5.04 as a CON, four repetitions of that. */
static void a_silent_in_is_asked_again_and_given_up(void **state)
{
	static const char text[] = "The IN does not answer";
	struct vm_request q;
	struct mn_coap m;
	uint16_t ids[4], id;
	uint8_t token[7];

	(void)state;
	vm_carry_start(&c, AF_INET, VM_CCM_8, VM_GCM);
	q = vm_request(&c, 9);
	vm_ask(&c, &q);
	for (int i = 0; i < 4; i++) {
		m = vm_at_in(&c, &q);
		ids[i] = m.id;
		if (i == 0)
			memcpy(token, m.token.bytes, sizeof(token));
		assert_memory_equal(m.token.bytes, token, sizeof(token));
		for (int j = 0; j < i; j++)
			assert_int_not_equal(ids[i], ids[j]);
	}
	vm_at_device(&c, &q, MN_COAP_ACK, MN_COAP_EMPTY, NULL, 0);
	id = vm_at_device(&c, &q, MN_COAP_CON, MN_COAP_504, text, sizeof(text) - 1);
	assert_int_equal(vm_at_device(&c, &q, MN_COAP_CON, MN_COAP_504, text, sizeof(text) - 1),
			 id);
	vm_empty(&c.device, MN_COAP_RST, id);
	for (int i = 0; i < 3000 && vm_stat(c.nl, "kernel.carry_open"); i++)
		usleep(10000);
	assert_int_equal(vm_stat(c.nl, "kernel.carry_open"), 0);
	assert_true(vm_silent(c.udp));
	vm_carry_stop(&c);
}

static void interrupted(const struct vm_request *q)
{
	struct mn_coap m = vm_message(&c.device);

	assert_int_equal(m.code, MN_COAP_503);
	assert_memory_equal(m.token.bytes, q->token.bytes, q->token.len);
	assert_true(max_age(&m) >= 3 && max_age(&m) <= 5);
	assert_int_equal(m.payload_len, 20);
	assert_memory_equal(m.payload, "No session to the IN", 20);
}

/* By a new session, by none, by the end of its session, of its socket. */
static void what_is_open_is_answered_when_the_outer_session_goes(void **state)
{
	(void)state;
	for (int how = 0; how < 4; how++) {
		struct vm_request con, non;
		struct mn_coap_token token;
		struct vm_peer next;
		int events;

		vm_carry_start(&c, AF_INET, VM_GCM, VM_GCM);
		events = vm_events_open(c.nl);
		vm_peer_init(&next, c.outer_udp, 3, VM_GCM);
		assert_int_equal(vm_outer_set(c.nl, VM_HOP, VM_OUTER, MNCSE_KA_MAX_AGE, 3), 0);
		con = vm_request(&c, 1);
		vm_ask(&c, &con);
		token = vm_at_in(&c, &con).token;
		if (how == 0) {
			assert_int_equal(vm_session_add(c.nl, &next, c.outer_socket, 0), 0);
			assert_int_equal(vm_outer_set(c.nl, VM_HOP, 3, 0, 0), 0);
		} else if (how == 1) {
			assert_int_equal(vm_outer_set(c.nl, VM_HOP, 0, 0, 0), 0);
		} else if (how == 2) {
			assert_int_equal(vm_session_del(c.nl, VM_OUTER, NULL, NULL), 0);
			assert_true(vm_event_wait(events, MNCSE_REASON_OUTER_LOST, VM_OUTER));
		} else {
			close(c.outer_udp);
			assert_true(vm_event_wait(events, MNCSE_REASON_OUTER_LOST, VM_OUTER));
			c.outer_udp = vm_udp(AF_INET);
		}
		interrupted(&con);
		if (how == 0) {
			/* the next one carries; the old one's answer is nobody's */
			non = vm_request(&c, 2);
			vm_ask(&c, &non);
			vm_peer_fini(&c.in);
			c.in = next;
			vm_answer_as(&c, MN_COAP_NON, 1, &token, MN_COAP_204, "", "x", 1);
			token = vm_at_in(&c, &non).token;
			vm_answer_as(&c, MN_COAP_NON, 2, &token, MN_COAP_204, "", "y", 1);
			vm_at_device(&c, &non, MN_COAP_ACK, MN_COAP_204, "y", 1);
		} else {
			goes_up(3);
			vm_peer_fini(&next);
		}
		vm_nl_close(events);
		vm_carry_stop(&c);
	}
}

static void the_end_of_the_device_ends_its_exchanges(void **state)
{
	struct vm_request q;
	struct mn_coap m;
	uint64_t abandoned, late;

	(void)state;
	vm_carry_start(&c, AF_INET, VM_GCM, VM_GCM);
	abandoned = vm_stat(c.nl, "kernel.carry_abandoned");
	late = vm_stat(c.nl, "kernel.carry_drop_late");
	for (uint16_t id = 1; id <= 3; id++) {
		q = vm_request(&c, id);
		vm_ask(&c, &q);
		m = vm_at_in(&c, &q);
	}
	assert_int_equal(vm_session_del(c.nl, VM_DEVICE, NULL, NULL), 0);
	assert_int_equal(vm_stat(c.nl, "kernel.carry_abandoned"), abandoned + 3);
	assert_int_equal(vm_stat(c.nl, "kernel.carry_open"), 0);
	vm_answer_as(&c, MN_COAP_NON, 1, &m.token, MN_COAP_204, "", "x", 1);
	vm_stat_reaches(c.nl, "kernel.carry_drop_late", late + 1);
	vm_carry_stop(&c);
}

static void idle_sessions_are_told_of(void **state)
{
	int events;

	(void)state;
	vm_carry_start(&c, AF_INET, VM_GCM, VM_GCM);
	events = vm_events_open(c.nl);
	assert_int_equal(vm_limit(c.nl, MNCSE_KA_IDLE_MAX_MS, 300), 0);
	assert_true(vm_event_wait(events, MNCSE_REASON_IDLE, VM_DEVICE));
	/* again when something came */
	vm_empty(&c.device, MN_COAP_CON, 1);
	assert_true(vm_event_wait(events, MNCSE_REASON_IDLE, VM_DEVICE));
	assert_int_equal(vm_limit(c.nl, MNCSE_KA_IDLE_MAX_MS, 0), 0);
	vm_nl_close(events);
	vm_carry_stop(&c);
}

int vm_test_carry_limits(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_has_sixteen_open),
		cmocka_unit_test(a_fast_device_is_told_to_be_slower),
		cmocka_unit_test(without_room_requests_go_up),
		cmocka_unit_test(remembered_answers_give_way),
		cmocka_unit_test(a_silent_in_is_asked_again_and_given_up),
		cmocka_unit_test(what_is_open_is_answered_when_the_outer_session_goes),
		cmocka_unit_test(the_end_of_the_device_ends_its_exchanges),
		cmocka_unit_test(idle_sessions_are_told_of),
	};

	return cmocka_run_group_tests_name("kernel carry limits", tests, NULL, NULL);
}
