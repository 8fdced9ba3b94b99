// SPDX-License-Identifier: GPL-2.0-or-later
/* One plaintext to every member of a group. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "peer.h"
#include "vm.h"

enum { N = 1000 };

static struct vm_req r;
static struct vm_peer *peers;

struct outcome {
	uint32_t sent, failed, named;
	uint64_t id;
	int error;
};

static void read_outcome(void *arg, const struct vm_attrs *a)
{
	struct outcome *o = arg;
	struct vm_attrs f;

	o->sent = (uint32_t)vm_number(a, MNCSE_KA_SENT);
	o->failed = (uint32_t)vm_number(a, MNCSE_KA_FAILED);
	f.data = vm_find(a, MNCSE_KA_FAILURE, &f.len);
	if (f.data) {
		o->named++;
		o->id = vm_number(&f, MNCSE_FAILURE_SESSION_ID);
		o->error = (int)vm_number(&f, MNCSE_FAILURE_ERROR);
	}
}

static int fanout(int nl, uint32_t group, const void *data, size_t len, struct outcome *o)
{
	memset(o, 0, sizeof(*o));
	vm_req(&r, MNCSE_KCMD_FANOUT);
	vm_put_u32(&r, MNCSE_KA_GROUP_ID, group);
	vm_put_u8(&r, MNCSE_KA_CONTENT, MNCSE_APPLICATION);
	vm_put(&r, MNCSE_KA_PAYLOAD, data, len);
	return vm_call(nl, &r, false, read_outcome, o);
}

static void everybody_gets_the_record_sealed_for_him(void **state)
{
	static const uint16_t suites[] = { VM_GCM, VM_CCM_8, VM_CCM };
	static const char rand[] = "a rand-message of the group, 64 bytes long or something near.";
	int nl = vm_nl_open(), udp[2] = { vm_udp(AF_INET), vm_udp(AF_INET6) };
	uint32_t socket[2] = { vm_take(nl, udp[0]), vm_take(nl, udp[1]) };
	struct outcome o;

	(void)state;
	peers = calloc(N, sizeof(*peers));
	assert_int_equal(vm_group(nl, MNCSE_KCMD_GROUP_ADD, 5), 0);
	for (uint64_t i = 0; i < N; i++) {
		vm_peer_init(&peers[i], udp[i % 4 == 3], i + 1, suites[i % 3]);
		assert_int_equal(vm_session_add(nl, &peers[i], socket[i % 4 == 3], 5), 0);
	}
	for (uint64_t round = 0; round < 3; round++) {
		assert_int_equal(fanout(nl, 5, rand, sizeof(rand), &o), 0);
		assert_int_equal(o.sent, N);
		assert_int_equal(o.failed, 0);
		for (int i = 0; i < N; i++) {
			uint8_t got[200], type;
			uint64_t sequence;

			assert_int_equal(vm_hear(&peers[i], &type, &sequence, got, sizeof(got)),
					 sizeof(rand));
			assert_memory_equal(got, rand, sizeof(rand));
			assert_int_equal(sequence, round);
		}
	}
	/* who lacks a key is named; who left is not counted */
	vm_req(&r, MNCSE_KCMD_KEY_DEL);
	vm_put_u64(&r, MNCSE_KA_SESSION_ID, 17);
	vm_put_u16(&r, MNCSE_KA_EPOCH, 1);
	assert_int_equal(vm_call(nl, &r, false, NULL, NULL), 0);
	vm_req(&r, MNCSE_KCMD_SESSION_SET);
	vm_put_u64(&r, MNCSE_KA_SESSION_ID, 18);
	vm_put_u32(&r, MNCSE_KA_GROUP_ID, 0);
	assert_int_equal(vm_call(nl, &r, false, NULL, NULL), 0);
	assert_int_equal(vm_session_del(nl, 19, NULL, NULL), 0);
	assert_int_equal(fanout(nl, 5, rand, sizeof(rand), &o), 0);
	assert_int_equal(o.sent, N - 3);
	assert_int_equal(o.failed, 1);
	assert_int_equal(o.named, 1);
	assert_int_equal(o.id, 17);
	assert_int_equal(o.error, -ENOKEY);
	assert_int_equal(vm_group(nl, MNCSE_KCMD_GROUP_DEL, 5), 0);
	assert_int_equal(fanout(nl, 5, rand, sizeof(rand), &o), -ENOENT);
	for (int i = 0; i < N; i++)
		vm_peer_fini(&peers[i]);
	free(peers);
	close(udp[0]);
	close(udp[1]);
	vm_nl_close(nl);
}

static void a_fanout_to_nobody_succeeds(void **state)
{
	int nl = vm_nl_open();
	struct outcome o;

	(void)state;
	assert_int_equal(vm_group(nl, MNCSE_KCMD_GROUP_ADD, 6), 0);
	assert_int_equal(fanout(nl, 6, "x", 1, &o), 0);
	assert_int_equal(o.sent + o.failed, 0);
	assert_int_equal(vm_group(nl, MNCSE_KCMD_GROUP_DEL, 6), 0);
	vm_nl_close(nl);
}

int vm_test_fanout(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everybody_gets_the_record_sealed_for_him),
		cmocka_unit_test(a_fanout_to_nobody_succeeds),
	};

	return cmocka_run_group_tests_name("kernel fan-out", tests, NULL, NULL);
}
