// SPDX-License-Identifier: GPL-2.0-or-later
/* Service requests through the kernel: what both hops see, byte for byte, and what is left to userspace. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "carry.h"
#include "vm.h"

static struct vm_carry c;

/* One request, carried and answered with a protected 2.04. */
static void exchange(const struct vm_request *q, enum mn_coap_type answer)
{
	struct mn_coap m;

	vm_ask(&c, q);
	m = vm_at_in(&c, q);
	vm_answer_as(&c, MN_COAP_NON, 99, &m.token, MN_COAP_204, "", "protected answer", 16);
	vm_at_device(&c, q, answer, MN_COAP_204, "protected answer", 16);
}

static void requests_and_answers_of_every_kind_are_carried(void **state)
{
	static const uint16_t suites[] = { VM_GCM, VM_CCM_8, VM_CCM };
	struct vm_request q;

	(void)state;
	for (int i = 0; i < 6; i++) {
		uint64_t up;

		vm_carry_start(&c, i % 2 ? AF_INET6 : AF_INET, suites[i % 3], suites[i / 2]);
		up = vm_stat(c.nl, "kernel.carry_up_other");
		for (uint8_t len = 0; len <= 8; len++) {
			q = vm_request(&c, (uint16_t)(len + 1));
			q.token.len = len;
			q.type = len % 2 ? MN_COAP_NON : MN_COAP_CON;
			exchange(&q, len % 2 ? MN_COAP_NON : MN_COAP_ACK);
		}
		/* outer options that a gateway drops, and a request without a payload */
		q = vm_request(&c, 20);
		q.extra = MN_COAP_OPT_URI_HOST;
		exchange(&q, MN_COAP_ACK);
		q = vm_request(&c, 21);
		q.extra = MN_COAP_OPT_SIZE1;
		q.payload_len = 0;
		exchange(&q, MN_COAP_ACK);
		assert_int_equal(vm_stat(c.nl, "kernel.carry_up_other"), up);
		assert_true(vm_silent(c.udp) && vm_silent(c.outer_udp));
		vm_carry_stop(&c);
	}
}

/* Options of the answer: OSCORE and Max-Age go on, the ETAG does not. */
static void an_answer_keeps_code_option_max_age_and_payload(void **state)
{
	static uint8_t big[16000];
	struct vm_request q;
	struct mn_coap m;
	struct mn_coap_option o;
	uint32_t age;

	(void)state;
	vm_carry_start(&c, AF_INET, VM_GCM, VM_CCM_8);
	for (int is_protected = 0; is_protected < 2; is_protected++) {
		q = vm_request(&c, (uint16_t)(is_protected + 1));
		vm_ask(&c, &q);
		m = vm_at_in(&c, &q);
		vm_answer_as(&c, MN_COAP_NON, 7, &m.token, MN_COAP_503,
			     is_protected ? "value" : NULL, "text", 4);
		m = vm_message(&c.device);
		assert_int_equal(m.code, MN_COAP_503);
		assert_int_equal(mn_coap_option_find(&m, MN_COAP_OPT_OSCORE, &o), is_protected);
		if (is_protected)
			assert_memory_equal(o.value, "value", o.len);
		assert_int_equal(mn_coap_option_uint(&m, MN_COAP_OPT_MAX_AGE, 4, &age), 0);
		assert_int_equal(age, 5);
		assert_false(mn_coap_option_find(&m, MN_COAP_OPT_ETAG, &o));
		assert_memory_equal(m.payload, "text", 4);
	}
	/* an answer may be as long as a record */
	q = vm_request(&c, 3);
	vm_ask(&c, &q);
	m = vm_at_in(&c, &q);
	memset(big, 'b', sizeof(big));
	vm_answer_as(&c, MN_COAP_NON, 8, &m.token, MN_COAP_204, "", big, sizeof(big));
	vm_at_device(&c, &q, MN_COAP_ACK, MN_COAP_204, big, sizeof(big));
	vm_carry_stop(&c);
}

static void retransmissions_reach_the_in_once(void **state)
{
	struct vm_request q, non, later;
	struct mn_coap m;
	uint64_t before;
	uint16_t id;

	(void)state;
	vm_carry_start(&c, AF_INET, VM_CCM_8, VM_GCM);
	before = vm_stat(c.nl, "kernel.carry_duplicates");
	q = vm_request(&c, 1);
	exchange(&q, MN_COAP_ACK);
	for (int i = 0; i < 3; i++) {
		vm_ask(&c, &q);
		vm_at_device(&c, &q, MN_COAP_ACK, MN_COAP_204, "protected answer", 16);
	}
	/* of a NON nothing is repeated; of an open CON the ACK; its answer is a CON then */
	non = vm_request(&c, 2);
	non.type = MN_COAP_NON;
	exchange(&non, MN_COAP_NON);
	vm_ask(&c, &non);
	later = vm_request(&c, 3);
	vm_ask(&c, &later);
	m = vm_at_in(&c, &later);
	vm_ask(&c, &later);
	vm_at_device(&c, &later, MN_COAP_ACK, MN_COAP_EMPTY, NULL, 0);
	vm_answer_as(&c, MN_COAP_NON, 3, &m.token, MN_COAP_204, "", "late", 4);
	id = vm_at_device(&c, &later, MN_COAP_CON, MN_COAP_204, "late", 4);
	vm_ask(&c, &later);
	vm_at_device(&c, &later, MN_COAP_ACK, MN_COAP_EMPTY, NULL, 0);
	/* until it is acknowledged it comes again, the same */
	assert_int_equal(vm_at_device(&c, &later, MN_COAP_CON, MN_COAP_204, "late", 4), id);
	vm_empty(&c.device, MN_COAP_ACK, id);
	vm_stat_reaches(c.nl, "kernel.carry_duplicates", before + 6);
	for (int i = 0; i < 3000 && vm_stat(c.nl, "kernel.carry_open"); i++)
		;
	assert_int_equal(vm_stat(c.nl, "kernel.carry_open"), 0);
	/* an ACK of nothing is userspace's */
	vm_empty(&c.device, MN_COAP_ACK, id);
	assert_int_equal(vm_recv(c.udp, (uint8_t[64]){ 0 }, 64, 30000), 21 + 4);
	assert_true(vm_silent(c.in.fd));
	vm_carry_stop(&c);
}

/* Each of them, and its retransmission even after it could be carried. */
static void what_is_not_plain_goes_up_and_stays_up(void **state)
{
	static uint8_t big[2000];
	struct vm_request q;

	(void)state;
	vm_carry_start(&c, AF_INET, VM_GCM, VM_GCM);
	for (uint16_t i = 0; i < 10; i++) {
		q = vm_request(&c, (uint16_t)(i + 1));
		switch (i) {
		case 0:
			q.code = MN_COAP_GET;
			break;
		case 1:
			q.option_len = 0;
			break;
		case 2: /* another kid */
			q.option[q.option_len - 1] ^= 1;
			break;
		case 3: /* another generation */
			q.option[4] ^= 1;
			break;
		case 4: /* no kid context */
			q.option_len = (size_t)mn_coap_empty(q.option, MN_COAP_CON, 0);
			break;
		case 5:
			q.extra = MN_COAP_OPT_URI_PATH;
			break;
		case 6:
			q.extra = 0x801;
			break;
		case 7:
			q.payload = big;
			q.payload_len = 1152;
			break;
		case 8: /* a reserved flag */
			q.option[0] |= 0x20;
			break;
		case 9: /* a partial IV that is not in its shortest form */
			q.option[1] = 0;
			break;
		}
		vm_ask(&c, &q);
		vm_went_up(&c, &q);
		vm_ask(&c, &q);
		vm_went_up(&c, &q);
		q = vm_request(&c, (uint16_t)(i + 1));
		vm_ask(&c, &q);
		vm_went_up(&c, &q);
	}
	vm_empty(&c.device, MN_COAP_CON, 50); /* ping */
	assert_int_equal(vm_recv(c.udp, big, sizeof(big), 30000), 21 + 4);
	vm_say(&c.device, MNCSE_APPLICATION, "rubbish", 7);
	assert_int_equal(vm_recv(c.udp, big, sizeof(big), 30000), 21 + 7);
	q = vm_request(&c, 60);
	exchange(&q, MN_COAP_ACK);
	assert_true(vm_silent(c.in.fd));
	vm_carry_stop(&c);
}

/* Generation 0, no hop, a hop without a session. */
static void what_is_not_set_up_goes_up(void **state)
{
	struct vm_request q;

	(void)state;
	vm_carry_start(&c, AF_INET, VM_GCM, VM_GCM);
	assert_int_equal(vm_session_set(c.nl, VM_DEVICE, MNCSE_KA_GENERATION, 0), 0);
	q = vm_request(&c, 1);
	vm_ask(&c, &q);
	vm_went_up(&c, &q);
	assert_int_equal(vm_session_set(c.nl, VM_DEVICE, MNCSE_KA_GENERATION, VM_GENERATION), 0);
	assert_int_equal(vm_session_set(c.nl, VM_DEVICE, MNCSE_KA_OUTER_ID, 0), 0);
	q = vm_request(&c, 2);
	vm_ask(&c, &q);
	vm_went_up(&c, &q);
	assert_int_equal(vm_session_set(c.nl, VM_DEVICE, MNCSE_KA_OUTER_ID, VM_HOP), 0);
	assert_int_equal(vm_outer_set(c.nl, VM_HOP, 0, 0, 0), 0);
	q = vm_request(&c, 3);
	vm_ask(&c, &q);
	vm_went_up(&c, &q);
	assert_int_equal(vm_outer_set(c.nl, VM_HOP, VM_OUTER, 0, 0), 0);
	q = vm_request(&c, 4);
	exchange(&q, MN_COAP_ACK);
	vm_carry_stop(&c);
}

static void only_the_in_that_was_asked_answers(void **state)
{
	struct vm_peer other;
	struct vm_request q;
	struct mn_coap m;
	struct mn_coap_token token, wrong;
	uint64_t late;
	struct vm_peer in;

	(void)state;
	vm_carry_start(&c, AF_INET, VM_GCM, VM_GCM);
	vm_peer_init(&other, c.outer_udp, 3, VM_GCM);
	assert_int_equal(vm_session_add(c.nl, &other, c.outer_socket, 0), 0);
	assert_int_equal(vm_outer_set(c.nl, VM_HOP + 1, 3, 0, 0), 0);
	late = vm_stat(c.nl, "kernel.carry_drop_late");
	q = vm_request(&c, 1);
	vm_ask(&c, &q);
	m = vm_at_in(&c, &q);
	token = wrong = m.token;
	/* another token of that form; the right one at another hop */
	wrong.bytes[6] ^= 1;
	vm_answer_as(&c, MN_COAP_NON, 1, &wrong, MN_COAP_204, "", "x", 1);
	vm_stat_reaches(c.nl, "kernel.carry_drop_late", late + 1);
	in = c.in;
	c.in = other;
	vm_answer_as(&c, MN_COAP_NON, 2, &token, MN_COAP_204, "", "x", 1);
	vm_stat_reaches(c.nl, "kernel.carry_drop_late", late + 2);
	other = c.in;
	c.in = in;
	/* a CON with nobody's token is reset; the right one is acknowledged, each time that it comes */
	vm_answer_as(&c, MN_COAP_CON, 3, &wrong, MN_COAP_204, "", "x", 1);
	m = vm_message(&c.in);
	assert_true(m.type == MN_COAP_RST && m.id == 3 && !m.code);
	for (int i = 0; i < 2; i++) {
		vm_answer_as(&c, MN_COAP_CON, 4, &token, MN_COAP_204, "", "good", 4);
		m = vm_message(&c.in);
		assert_true(m.type == MN_COAP_ACK && m.id == 4 && !m.code);
	}
	vm_at_device(&c, &q, MN_COAP_ACK, MN_COAP_204, "good", 4);
	/* a second answer comes too late; a token of userspace's is userspace's */
	vm_answer_as(&c, MN_COAP_NON, 5, &token, MN_COAP_204, "", "x", 1);
	vm_stat_reaches(c.nl, "kernel.carry_drop_late", late + 4);
	token.len = 6;
	vm_answer_as(&c, MN_COAP_NON, 6, &token, MN_COAP_204, "", "x", 1);
	assert_true(vm_recv(c.outer_udp, (uint8_t[100]){ 0 }, 100, 30000) > 21);
	assert_true(vm_silent(c.device.fd) && vm_silent(c.udp));
	vm_peer_fini(&other);
	vm_carry_stop(&c);
	assert_int_equal(vm_outer_set((c.nl = vm_nl_open()), VM_HOP + 1, 0, 0, 0), 0);
	vm_nl_close(c.nl);
}

static void userspace_hears_of_a_context_that_the_in_lacks(void **state)
{
	static const struct {
		uint8_t code;
		const char *text;
	} lacks[] = { { MN_COAP_401, "Security context not found" },
		      { MN_COAP_400, "Decryption failed" } };
	struct vm_request q;
	struct mn_coap m;
	int events;

	(void)state;
	for (uint16_t i = 0; i < 2; i++) {
		vm_carry_start(&c, AF_INET, VM_GCM, VM_GCM);
		events = vm_events_open(c.nl);
		q = vm_request(&c, 1);
		vm_ask(&c, &q);
		m = vm_at_in(&c, &q);
		vm_answer_as(&c, MN_COAP_NON, 1, &m.token, lacks[i].code, NULL, lacks[i].text,
			     strlen(lacks[i].text));
		vm_at_device(&c, &q, MN_COAP_ACK, lacks[i].code, lacks[i].text,
			     strlen(lacks[i].text));
		assert_true(vm_event_wait(events, MNCSE_REASON_CONTEXT, VM_DEVICE));
		vm_nl_close(events);
		vm_carry_stop(&c);
	}
}

/* Whatever comes authenticated, of either hop: nothing breaks, and the counters add up. */
static void rubbish_of_peers_is_counted(void **state)
{
	uint64_t opened, carried;
	struct vm_request q;
	uint8_t data[VM_MESSAGE], sink[VM_MESSAGE];
	int up = 0, n;

	(void)state;
	vm_carry_start(&c, AF_INET, VM_GCM, VM_GCM);
	opened = vm_stat(c.nl, "kernel.rx_opened");
	carried = vm_stat(c.nl, "kernel.rx_carried");
	srandom(5);
	for (int i = 0; i < 4000; i++) {
		struct vm_peer *p = i % 4 ? &c.device : &c.in;

		q = vm_request(&c, (uint16_t)(random() % 64));
		n = (int)vm_request_write(&q, data);
		for (int flips = 1 + (int)(random() % 3); flips; flips--)
			data[random() % n] ^= (uint8_t)(1 << random() % 8);
		vm_say(p, MNCSE_APPLICATION, data, (size_t)(1 + random() % n));
		while (recv(c.udp, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			up++;
		while (recv(c.outer_udp, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			up++;
		while (recv(c.device.fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			;
		while (recv(c.in.fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			;
	}
	vm_stat_reaches(c.nl, "kernel.rx_opened", opened + 4000);
	while (vm_recv(c.udp, sink, sizeof(sink), 200) > 0 ||
	       vm_recv(c.outer_udp, sink, sizeof(sink), 200) > 0)
		up++;
	assert_int_equal(vm_stat(c.nl, "kernel.rx_carried") - carried + (uint64_t)up, 4000);
	assert_true(up > 0 && up < 4000);
	vm_carry_stop(&c);
}

int vm_test_carry(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_and_answers_of_every_kind_are_carried),
		cmocka_unit_test(an_answer_keeps_code_option_max_age_and_payload),
		cmocka_unit_test(retransmissions_reach_the_in_once),
		cmocka_unit_test(what_is_not_plain_goes_up_and_stays_up),
		cmocka_unit_test(what_is_not_set_up_goes_up),
		cmocka_unit_test(only_the_in_that_was_asked_answers),
		cmocka_unit_test(userspace_hears_of_a_context_that_the_in_lacks),
		cmocka_unit_test(rubbish_of_peers_is_counted),
	};

	return cmocka_run_group_tests_name("kernel carry", tests, NULL, NULL);
}
