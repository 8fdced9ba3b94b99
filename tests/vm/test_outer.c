// SPDX-License-Identifier: GPL-2.0-or-later
/* Outer hops and clients as the family shows and refuses them; STATUS and LAYERS. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "carry.h"
#include "vm.h"

static struct vm_req r;
static struct vm_carry c;

static void keep(void *arg, const struct vm_attrs *a)
{
	static uint8_t copy[4096];
	struct vm_attrs *out = arg;

	assert_true(a->len <= sizeof(copy));
	memcpy(copy, a->data, a->len);
	*out = (struct vm_attrs){ a->cmd, copy, a->len };
}

static void refused(int err, int want, const char *words)
{
	if (err != want || !strstr(vm_answer.text, words) || !vm_answer.marked)
		fail_msg("%d instead of %d: \"%s\", marked %d", err, want, vm_answer.text,
			 vm_answer.marked);
}

static void hops_and_clients_are_shown(void **state)
{
	struct vm_attrs a = { 0 };
	struct vm_request q;
	struct mn_coap m;
	size_t len;

	(void)state;
	vm_carry_start(&c, AF_INET, VM_GCM, VM_GCM);
	assert_int_equal(vm_outer_set(c.nl, VM_HOP, VM_OUTER, MNCSE_KA_RATE, 1234), 0);
	assert_int_equal(vm_outer_set(c.nl, VM_HOP, VM_OUTER, MNCSE_KA_MAX_AGE, 9), 0);
	for (uint16_t id = 1; id <= 3; id++) {
		q = vm_request(&c, id);
		vm_ask(&c, &q);
		m = vm_at_in(&c, &q);
	}
	vm_answer_as(&c, MN_COAP_NON, 1, &m.token, MN_COAP_204, "", "x", 1);
	vm_at_device(&c, &q, MN_COAP_ACK, MN_COAP_204, "x", 1);
	vm_req(&r, MNCSE_KCMD_OUTER_GET);
	assert_int_equal(vm_call(c.nl, &r, true, keep, &a), 0);
	assert_int_equal(vm_answer.n, 1);
	assert_int_equal(a.cmd, MNCSE_KCMD_OUTER);
	assert_int_equal(vm_number(&a, MNCSE_KA_OUTER_ID), VM_HOP);
	assert_int_equal(vm_number(&a, MNCSE_KA_SESSION_ID), VM_OUTER);
	assert_int_equal(vm_number(&a, MNCSE_KA_PENDING), 2);
	assert_int_equal(vm_number(&a, MNCSE_KA_CARRIED), 3);
	assert_int_equal(vm_number(&a, MNCSE_KA_ANSWERED), 1);
	assert_int_equal(vm_number(&a, MNCSE_KA_RATE), 1234);
	assert_int_equal(vm_number(&a, MNCSE_KA_MAX_AGE), 9);
	assert_int_equal(vm_number(&a, MNCSE_KA_PENDING_MAX), 896);
	assert_int_equal(vm_number(&a, MNCSE_KA_MESSAGE_MAX), 1152);
	vm_req(&r, MNCSE_KCMD_SESSION_GET);
	vm_put_u64(&r, MNCSE_KA_SESSION_ID, VM_DEVICE);
	assert_int_equal(vm_call(c.nl, &r, false, keep, &a), 0);
	assert_int_equal(vm_number(&a, MNCSE_KA_OUTER_ID), VM_HOP);
	assert_int_equal(vm_number(&a, MNCSE_KA_GENERATION), VM_GENERATION);
	assert_memory_equal(vm_find(&a, MNCSE_KA_KID, &len), c.kid, 7);
	assert_int_equal(vm_number(&a, MNCSE_KA_CARRIED), 3);
	assert_int_equal(vm_number(&a, MNCSE_KA_ANSWERED), 1);
	vm_carry_stop(&c);
}

static void what_makes_no_sense_is_refused_and_named(void **state)
{
	static const struct {
		uint16_t attr;
		uint32_t low, high; /* first values beyond; UINT32_MAX: none is */
	} ranges[] = { { MNCSE_KA_PENDING_MAX, 0, 65537 },
		       { MNCSE_KA_RATE, 0, 1000001 },
		       { MNCSE_KA_MESSAGE_MAX, 15, 16385 },
		       { MNCSE_KA_MAX_AGE, UINT32_MAX, 3601 } };

	(void)state;
	vm_carry_start(&c, AF_INET, VM_GCM, VM_GCM);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		refused(vm_outer_set(c.nl, VM_HOP, VM_OUTER, ranges[i].attr, ranges[i].high),
			-ERANGE, "range");
		if (ranges[i].low != UINT32_MAX)
			refused(vm_outer_set(c.nl, VM_HOP, VM_OUTER, ranges[i].attr, ranges[i].low),
				-ERANGE, "range");
	}
	refused(vm_outer_set(c.nl, 0, VM_OUTER, 0, 0), -ERANGE, "range");
	refused(vm_outer_set(c.nl, VM_HOP, 999, 0, 0), -ENOENT, "no such session");
	refused(vm_outer_set(c.nl, VM_HOP, VM_DEVICE, 0, 0), -EINVAL, "are carried");
	refused(vm_outer_set(c.nl, VM_HOP + 1, VM_OUTER, 0, 0), -EBUSY, "another outer hop");
	refused(vm_session_set(c.nl, VM_DEVICE, MNCSE_KA_OUTER_ID, 99), -ENOENT,
		"no such outer hop");
	refused(vm_session_set(c.nl, VM_OUTER, MNCSE_KA_OUTER_ID, VM_HOP), -EINVAL,
		"itself one to an IN");
	assert_int_equal(vm_limit(c.nl, MNCSE_KA_FAILURES, 0), -ERANGE);
	/* a refused hop was not made */
	vm_req(&r, MNCSE_KCMD_OUTER_GET);
	assert_int_equal(vm_call(c.nl, &r, true, NULL, NULL), 0);
	assert_int_equal(vm_answer.n, 1);
	vm_req(&r, MNCSE_KCMD_OUTER_DEL);
	vm_put_u32(&r, MNCSE_KA_OUTER_ID, 99);
	refused(vm_call(c.nl, &r, false, NULL, NULL), -ENOENT, "no such outer hop");
	vm_carry_stop(&c);
}

static void a_client_has_a_hop_and_a_kid(void **state)
{
	struct vm_peer p;

	(void)state;
	vm_carry_start(&c, AF_INET, VM_GCM, VM_GCM);
	vm_peer_init(&p, c.udp, 3, VM_GCM);
	assert_int_equal(vm_session_add(c.nl, &p, c.socket, 0), 0);
	assert_int_equal(vm_session_set(c.nl, 3, MNCSE_KA_GENERATION, 1), -EINVAL);
	assert_non_null(strstr(vm_answer.text, "no OUTER_ID"));
	refused(vm_session_set(c.nl, 3, MNCSE_KA_OUTER_ID, VM_HOP), -EINVAL, "wants the device's");
	for (int len = 6; len <= 8; len += 2) {
		vm_req(&r, MNCSE_KCMD_SESSION_SET);
		vm_put_u64(&r, MNCSE_KA_SESSION_ID, 3);
		vm_put(&r, MNCSE_KA_KID, "eightbyt", (size_t)len);
		assert_true(vm_call(c.nl, &r, false, NULL, NULL) < 0);
		assert_true(vm_answer.marked);
	}
	/* a session that is refused for its hop is not there */
	assert_int_equal(vm_session_del(c.nl, 3, NULL, NULL), 0);
	vm_session_add_req(&r, &p, c.socket);
	vm_put_key(&r, &p, 0);
	vm_put_u32(&r, MNCSE_KA_OUTER_ID, 98);
	refused(vm_call(c.nl, &r, false, NULL, NULL), -ENOENT, "no such outer hop");
	assert_int_equal(vm_session_del(c.nl, 3, NULL, NULL), -ENOENT);
	vm_peer_fini(&p);
	vm_carry_stop(&c);
}

static void there_are_64_hops_at_most(void **state)
{
	int nl = vm_nl_open();

	(void)state;
	for (uint32_t id = 1; id <= 64; id++)
		assert_int_equal(vm_outer_set(nl, id, 0, 0, 0), 0);
	refused(vm_outer_set(nl, 65, 0, 0, 0), -ENOSPC, "64 outer hops");
	for (uint32_t id = 1; id <= 64; id++) {
		vm_req(&r, MNCSE_KCMD_OUTER_DEL);
		vm_put_u32(&r, MNCSE_KA_OUTER_ID, id);
		assert_int_equal(vm_call(nl, &r, false, NULL, NULL), 0);
	}
	vm_nl_close(nl);
}

struct layers {
	unsigned int n;
	bool offload, carry;
};

static void see_layer(void *arg, const struct vm_attrs *a)
{
	struct layers *l = arg;
	size_t len;
	const char *name = vm_find(a, MNCSE_A_LAYER, &len);

	assert_int_equal(a->cmd, MNCSE_CMD_LAYERS);
	assert_non_null(name);
	l->n++;
	if (!strcmp(name, "offload"))
		l->offload = vm_number(a, MNCSE_A_ACTIVE);
	if (!strcmp(name, "carry"))
		l->carry = vm_number(a, MNCSE_A_ACTIVE);
	assert_int_equal(!vm_number(a, MNCSE_A_ACTIVE), vm_find(a, MNCSE_A_REASON, &len) != NULL);
}

static void status_and_layers_are_told(void **state)
{
	struct vm_attrs a = { 0 };
	struct layers l = { 0 };
	size_t len;

	(void)state;
	vm_carry_start(&c, AF_INET, VM_GCM, VM_GCM);
	for (int up = 1; up >= 0; up--) {
		assert_int_equal(vm_outer_set(c.nl, VM_HOP, up ? VM_OUTER : 0, 0, 0), 0);
		vm_req(&r, MNCSE_CMD_STATUS_GET);
		assert_int_equal(vm_call(c.nl, &r, false, keep, &a), 0);
		assert_int_equal(a.cmd, MNCSE_CMD_STATUS);
		assert_string_equal(vm_find(&a, MNCSE_A_ROLE, &len), "kernel");
		assert_non_null(vm_find(&a, MNCSE_A_VERSION, &len));
		assert_int_equal(vm_number(&a, MNCSE_A_SESSIONS), 2);
		assert_int_equal(vm_number(&a, MNCSE_A_GROUPS), 0);
		assert_string_equal(vm_find(&a, MNCSE_A_UPSTREAM, &len), up ? "up" : "down");
		memset(&l, 0, sizeof(l));
		vm_req(&r, MNCSE_CMD_LAYERS_GET);
		assert_int_equal(vm_call(c.nl, &r, true, see_layer, &l), 0);
		assert_int_equal(l.n, 2);
		assert_true(l.offload);
		assert_int_equal(l.carry, up);
	}
	vm_carry_stop(&c);
}

int vm_test_outer(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hops_and_clients_are_shown),
		cmocka_unit_test(what_makes_no_sense_is_refused_and_named),
		cmocka_unit_test(a_client_has_a_hop_and_a_kid),
		cmocka_unit_test(there_are_64_hops_at_most),
		cmocka_unit_test(status_and_layers_are_told),
	};

	return cmocka_run_group_tests_name("kernel outer hops", tests, NULL, NULL);
}
