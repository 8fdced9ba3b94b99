// SPDX-License-Identifier: GPL-2.0-or-later
/* The family: who may, what is refused and with which words, what is shown. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "peer.h"
#include "vm.h"

static struct vm_req r;

/* Every command with what it needs, in an order that does not matter. size 0: any (payload). */
struct need {
	uint16_t attr;
	uint8_t size;
};
static const struct command {
	uint8_t cmd;
	bool dump;
	struct need need[7];
} commands[] = {
	{ MNCSE_KCMD_SOCKET_ADD, false, { { MNCSE_KA_FD, 4 } } },
	{ MNCSE_KCMD_SOCKET_DEL, false, { { MNCSE_KA_SOCKET_ID, 4 } } },
	{ MNCSE_KCMD_SESSION_ADD,
	  false,
	  { { MNCSE_KA_SESSION_ID, 8 },
	    { MNCSE_KA_SOCKET_ID, 4 },
	    { MNCSE_KA_PEER_ADDR, 4 },
	    { MNCSE_KA_PEER_PORT, 2 },
	    { MNCSE_KA_SUITE, 2 },
	    { MNCSE_KA_KEY, 0 } } },
	{ MNCSE_KCMD_SESSION_SET, false, { { MNCSE_KA_SESSION_ID, 8 }, { MNCSE_KA_GROUP_ID, 4 } } },
	{ MNCSE_KCMD_SESSION_DEL, false, { { MNCSE_KA_SESSION_ID, 8 } } },
	{ MNCSE_KCMD_SESSION_GET, false, { { MNCSE_KA_SESSION_ID, 8 } } },
	{ MNCSE_KCMD_KEY_SET, false, { { MNCSE_KA_SESSION_ID, 8 }, { MNCSE_KA_KEY, 0 } } },
	{ MNCSE_KCMD_KEY_DEL, false, { { MNCSE_KA_SESSION_ID, 8 }, { MNCSE_KA_EPOCH, 2 } } },
	{ MNCSE_KCMD_GROUP_ADD, false, { { MNCSE_KA_GROUP_ID, 4 } } },
	{ MNCSE_KCMD_GROUP_DEL, false, { { MNCSE_KA_GROUP_ID, 4 } } },
	{ MNCSE_KCMD_GROUP_GET, true, { { 0, 0 } } },
	{ MNCSE_KCMD_SEND,
	  false,
	  { { MNCSE_KA_SESSION_ID, 8 }, { MNCSE_KA_CONTENT, 1 }, { MNCSE_KA_PAYLOAD, 0 } } },
	{ MNCSE_KCMD_FANOUT,
	  false,
	  { { MNCSE_KA_GROUP_ID, 4 }, { MNCSE_KA_CONTENT, 1 }, { MNCSE_KA_PAYLOAD, 0 } } },
	{ MNCSE_KCMD_OUTER_SET, false, { { MNCSE_KA_OUTER_ID, 4 } } },
	{ MNCSE_KCMD_OUTER_DEL, false, { { MNCSE_KA_OUTER_ID, 4 } } },
	{ MNCSE_KCMD_OUTER_GET, true, { { 0, 0 } } },
	{ MNCSE_CMD_STATUS_GET, false, { { 0, 0 } } },
	{ MNCSE_CMD_LAYERS_GET, true, { { 0, 0 } } },
	{ MNCSE_KCMD_LIMITS_GET, false, { { 0, 0 } } },
	{ MNCSE_KCMD_LIMITS_SET, false, { { 0, 0 } } },
	{ MNCSE_CMD_STATS_GET, true, { { 0, 0 } } },
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

/* A value that the policy takes. */
static void put_good(uint16_t attr, uint8_t size)
{
	struct vm_peer p = { .epoch = 1 };
	uint8_t one[8] = { 1 };

	if (attr == MNCSE_KA_KEY) {
		vm_put_key(&r, &p, 0);
	} else if (attr == MNCSE_KA_SUITE) {
		vm_put_u16(&r, attr, VM_GCM);
	} else if (attr == MNCSE_KA_CONTENT) {
		vm_put_u8(&r, attr, MNCSE_APPLICATION);
	} else {
		if (attr == MNCSE_KA_FD)
			one[1] = 0x70; /* none that is open */
		vm_put(&r, attr, one, size ? size : 8);
	}
}

static void what_is_missing_is_said(void **state)
{
	int fd = vm_nl_open();

	(void)state;
	for (size_t i = 0; i < COMMANDS; i++)
		for (const struct need *missing = commands[i].need; missing->attr; missing++) {
			vm_req(&r, commands[i].cmd);
			for (const struct need *n = commands[i].need; n->attr; n++)
				if (n != missing)
					put_good(n->attr, n->size);
			if (vm_call(fd, &r, false, NULL, NULL) != -EINVAL ||
			    vm_answer.missing != missing->attr ||
			    !strstr(vm_answer.text, "missing"))
				fail_msg("command %u without %u: %s, missing %u", commands[i].cmd,
					 missing->attr, vm_answer.text, vm_answer.missing);
		}
	vm_nl_close(fd);
}

static void wrong_sizes_and_unknown_attributes_are_refused_and_named(void **state)
{
	int fd = vm_nl_open();
	uint8_t big[20] = { 1 };

	(void)state;
	for (size_t i = 0; i < COMMANDS; i++) {
		for (const struct need *wrong = commands[i].need; wrong->attr; wrong++)
			for (int more = -1; more <= 1; more += 2) {
				vm_req(&r, commands[i].cmd);
				for (const struct need *n = commands[i].need; n->attr; n++)
					if (n != wrong)
						put_good(n->attr, n->size);
				/* a key: its nest is broken; a payload: empty; a peer: 3 and 5 bytes */
				if (wrong->attr == MNCSE_KA_PAYLOAD)
					vm_put(&r, wrong->attr, NULL, 0);
				else if (wrong->attr == MNCSE_KA_KEY)
					vm_put(&r, wrong->attr | NLA_F_NESTED, big, 3);
				else
					vm_put(&r, wrong->attr, big, (size_t)(wrong->size + more));
				if (vm_call(fd, &r, false, NULL, NULL) >= 0 || !vm_answer.text[0])
					fail_msg("command %u attribute %u size %d: %s",
						 commands[i].cmd, wrong->attr, wrong->size + more,
						 vm_answer.text);
			}
		/* of another command, of no command */
		for (int unknown = 0; unknown < 2; unknown++) {
			vm_req(&r, commands[i].cmd);
			for (const struct need *n = commands[i].need; n->attr; n++)
				put_good(n->attr, n->size);
			vm_put_u32(&r, unknown ? 300 : MNCSE_KA_REASON, 1);
			if (vm_call(fd, &r, commands[i].dump, NULL, NULL) >= 0 ||
			    !vm_answer.text[0])
				fail_msg("command %u took a foreign attribute", commands[i].cmd);
		}
	}
	vm_nl_close(fd);
}

static void values_out_of_range_are_refused_and_named(void **state)
{
	int fd = vm_nl_open(), udp = vm_udp(AF_INET);
	uint32_t socket = vm_take(fd, udp);
	uint8_t mapped[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };
	struct vm_peer p;
	size_t nest;

	(void)state;
	vm_peer_init(&p, udp, 1, VM_GCM);
	for (int i = 0; i < 12; i++) {
		struct vm_peer bad = p;
		uint32_t of = socket;
		uint16_t epoch = 1;

		if (i == 0)
			bad.id = 0;
		if (i == 1)
			of = 0;
		if (i == 2)
			of = socket + 1;
		if (i == 3)
			bad.addr.in.sin_port = 0;
		if (i == 4)
			bad.suite = 0x00ae;
		if (i == 5)
			bad.epoch = 0;
		vm_session_add_req(&r, &bad, of);
		if (i == 6)
			vm_put(&r, MNCSE_KA_LOCAL_ADDR, mapped, 16);
		if (i == 7)
			vm_put_u32(&r, MNCSE_KA_GROUP_ID, 0);
		if (i == 8)
			vm_put_u32(&r, MNCSE_KA_GROUP_ID, 77);
		if (i == 9)
			vm_put(&r, MNCSE_KA_LOCAL_ADDR, (uint8_t[16]){ 1 }, 16);
		if (i < 10) {
			vm_put_key(&r, &bad, 0);
		} else {
			nest = vm_nest(&r, MNCSE_KA_KEY);
			vm_put(&r, MNCSE_KEY_EPOCH, &epoch, 2);
			vm_put(&r, MNCSE_KEY_WRITE, p.key_in, i == 10 ? 15 : 16);
			vm_put(&r, MNCSE_KEY_WRITE_IV, p.iv_in, 4);
			vm_put(&r, MNCSE_KEY_READ, p.key_in, 16);
			vm_put(&r, MNCSE_KEY_READ_IV, p.iv_in, 4);
			vm_put_u64(&r, MNCSE_KEY_WRITE_SEQUENCE, i == 11 ? 1ULL << 48 : 0);
			vm_nest_end(&r, nest);
		}
		if (vm_call(fd, &r, false, NULL, NULL) >= 0 || !vm_answer.text[0] ||
		    !vm_answer.marked)
			fail_msg("case %d: \"%s\" marked %d", i, vm_answer.text, vm_answer.marked);
	}
	for (unsigned int a = MNCSE_KEY_EPOCH; a <= MNCSE_KEY_READ_IV; a++) {
		vm_session_add_req(&r, &p, socket);
		vm_put_key(&r, &p, 1U << a);
		assert_int_equal(vm_call(fd, &r, false, NULL, NULL), -EINVAL);
		assert_int_equal(vm_answer.missing, a);
		assert_non_null(strstr(vm_answer.text, "KEY lacks"));
	}
	assert_int_equal(vm_stat(fd, "kernel.sessions"), 0);
	assert_int_equal(vm_send(fd, 5, 23, "x", 1), -ENOENT);
	assert_int_equal(vm_send(fd, 5, 19, "x", 1), -ERANGE);
	assert_int_equal(vm_send(fd, 5, 24, "x", 1), -ERANGE);
	vm_peer_fini(&p);
	close(udp);
	vm_nl_close(fd);
}

static void only_udp_sockets_of_this_namespace_are_taken_once(void **state)
{
	int fd = vm_nl_open(), udp = vm_udp(AF_INET), file = open("/proc/self/stat", O_RDONLY);
	int others[] = { file, socket(AF_INET, SOCK_STREAM, 0), socket(AF_UNIX, SOCK_DGRAM, 0),
			 socket(AF_INET, SOCK_DGRAM, 0) };
	static const char *const words[] = { "no open socket", "no UDP", "no UDP", "not bound" };
	uint32_t id = vm_take(fd, udp);

	(void)state;
	for (int i = 0; i < 4; i++) {
		vm_req(&r, MNCSE_KCMD_SOCKET_ADD);
		vm_put_u32(&r, MNCSE_KA_FD, (uint32_t)others[i]);
		assert_true(vm_call(fd, &r, false, NULL, NULL) < 0);
		assert_non_null(strstr(vm_answer.text, words[i]));
		close(others[i]);
	}
	vm_req(&r, MNCSE_KCMD_SOCKET_ADD);
	vm_put_u32(&r, MNCSE_KA_FD, (uint32_t)udp);
	assert_int_equal(vm_call(fd, &r, false, NULL, NULL), -EBUSY);
	assert_non_null(strstr(vm_answer.text, "taken already"));
	vm_req(&r, MNCSE_KCMD_SOCKET_DEL);
	vm_put_u32(&r, MNCSE_KA_SOCKET_ID, id);
	assert_int_equal(vm_call(fd, &r, false, NULL, NULL), 0);
	vm_req(&r, MNCSE_KCMD_SOCKET_DEL);
	vm_put_u32(&r, MNCSE_KA_SOCKET_ID, id);
	assert_int_equal(vm_call(fd, &r, false, NULL, NULL), -ENOENT);
	assert_int_not_equal(vm_take(fd, udp), id);
	close(udp);
	vm_nl_close(fd);
}

/* The child's exit status is the first command that was not refused, or 0. */
static void nobody_but_an_administrator_may(void **state)
{
	int status, fd = vm_nl_open();
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		if (setresuid(65534, 65534, 65534))
			_exit(99);
		for (size_t i = 0; i < COMMANDS; i++) {
			int one = 1, user = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);

			setsockopt(user, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
			vm_req(&r, commands[i].cmd);
			for (const struct need *n = commands[i].need; n->attr; n++)
				put_good(n->attr, n->size);
			if (vm_call(user, &r, commands[i].dump, NULL, NULL) != -EPERM)
				_exit(commands[i].cmd);
			close(user);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	vm_nl_close(fd);
}

static void namespaces_do_not_see_each_other(void **state)
{
	int fd = vm_nl_open(), udp = vm_udp(AF_INET), inner,
	    home = open("/proc/self/ns/net", O_RDONLY);
	uint32_t socket = vm_take(fd, udp);
	struct vm_peer p;

	(void)state;
	vm_peer_init(&p, udp, 42, VM_GCM);
	assert_int_equal(vm_session_add(fd, &p, socket, 0), 0);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	inner = vm_nl_open();
	vm_req(&r, MNCSE_KCMD_SESSION_GET);
	assert_int_equal(vm_call(inner, &r, true, NULL, NULL), 0);
	assert_int_equal(vm_answer.n, 0);
	assert_int_equal(vm_session_del(inner, 42, NULL, NULL), -ENOENT);
	vm_req(&r, MNCSE_KCMD_SOCKET_ADD);
	vm_put_u32(&r, MNCSE_KA_FD, (uint32_t)udp);
	assert_int_equal(vm_call(inner, &r, false, NULL, NULL), -EINVAL);
	assert_non_null(strstr(vm_answer.text, "another network namespace"));
	assert_int_equal(vm_group(inner, MNCSE_KCMD_GROUP_ADD, 3), 0);
	vm_nl_close(inner);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	close(home);
	assert_int_equal(vm_group(fd, MNCSE_KCMD_GROUP_DEL, 3), -ENOENT);
	assert_int_equal(vm_session_del(fd, 42, NULL, NULL), 0);
	vm_peer_fini(&p);
	close(udp);
	vm_nl_close(fd);
}

static void limits(int fd, uint16_t attr, uint32_t value)
{
	vm_req(&r, MNCSE_KCMD_LIMITS_SET);
	vm_put_u32(&r, attr, value);
	assert_int_equal(vm_call(fd, &r, false, NULL, NULL), 0);
}

static void sessions_are_unique_counted_and_limited(void **state)
{
	int fd = vm_nl_open(), udp = vm_udp(AF_INET);
	uint32_t socket = vm_take(fd, udp);
	struct vm_peer a, b;
	uint64_t id;

	(void)state;
	vm_peer_init(&a, udp, 1, VM_GCM);
	vm_peer_init(&b, udp, 2, VM_CCM_8);
	assert_int_equal(vm_session_add(fd, &a, socket, 0), 0);
	assert_int_equal(vm_session_add(fd, &a, socket, 0), -EEXIST);
	id = a.id;
	a.id = 3;
	assert_int_equal(vm_session_add(fd, &a, socket, 0), -EADDRINUSE);
	a.id = id;
	limits(fd, MNCSE_KA_SESSIONS_MAX, 1);
	assert_int_equal(vm_session_add(fd, &b, socket, 0), -ENOSPC);
	assert_non_null(strstr(vm_answer.text, "SESSIONS_MAX"));
	limits(fd, MNCSE_KA_SESSIONS_MAX, 1 << 20);
	assert_int_equal(vm_session_add(fd, &b, socket, 0), 0);
	assert_int_equal(vm_stat(fd, "kernel.sessions"), 2);
	limits(fd, MNCSE_KA_GROUPS_MAX, 0);
	assert_int_equal(vm_group(fd, MNCSE_KCMD_GROUP_ADD, 1), -ENOSPC);
	limits(fd, MNCSE_KA_GROUPS_MAX, 4096);
	assert_int_equal(vm_group(fd, MNCSE_KCMD_GROUP_ADD, 1), 0);
	assert_int_equal(vm_group(fd, MNCSE_KCMD_GROUP_ADD, 1), -EEXIST);
	assert_int_equal(vm_group(fd, MNCSE_KCMD_GROUP_DEL, 1), 0);
	close(udp); /* takes both along */
	assert_int_equal(vm_stat(fd, "kernel.sessions"), 0);
	vm_peer_fini(&a);
	vm_peer_fini(&b);
	vm_nl_close(fd);
}

struct seen {
	unsigned int n, keys, slots;
	uint64_t sum;
};

/* Key bytes never come out: no attribute of an answer is as long as a key, and the keys of a slot are absent. */
static void see(void *arg, const struct vm_attrs *a)
{
	struct seen *s = arg;
	struct vm_attrs slot;
	size_t len;

	s->n++;
	s->sum += vm_number(a, MNCSE_KA_SESSION_ID);
	s->keys += vm_find(a, MNCSE_KA_KEY, &len) != NULL;
	slot.data = vm_find(a, MNCSE_KA_SLOT, &slot.len);
	if (slot.data) {
		s->slots++;
		s->keys += vm_find(&slot, MNCSE_KEY_WRITE, &len) ||
			   vm_find(&slot, MNCSE_KEY_READ, &len) ||
			   vm_find(&slot, MNCSE_KEY_WRITE_IV, &len);
	}
}

static void a_dump_shows_every_session_and_no_key(void **state)
{
	enum { N = 300 };
	int fd = vm_nl_open(), udp = vm_udp(AF_INET);
	uint32_t socket = vm_take(fd, udp);
	struct seen seen = { 0 };
	struct vm_peer p;

	(void)state;
	vm_peer_init(&p, udp, 1, VM_GCM);
	for (p.id = 1; p.id <= N; p.id++) {
		p.addr.in.sin_port = htons((uint16_t)(1000 + p.id));
		assert_int_equal(vm_session_add(fd, &p, socket, 0), 0);
	}
	vm_req(&r, MNCSE_KCMD_SESSION_GET);
	assert_int_equal(vm_call(fd, &r, true, see, &seen), 0);
	assert_int_equal(seen.n, N);
	assert_int_equal(seen.slots, N);
	assert_int_equal(seen.keys, 0);
	assert_int_equal(seen.sum, N * (N + 1) / 2);
	assert_false(vm_answer.torn);
	vm_peer_fini(&p);
	close(udp);
	vm_nl_close(fd);
}

struct meddler {
	int fd;
	uint64_t id;
};

static void meddle(void *arg, const struct vm_attrs *a)
{
	struct meddler *m = arg;
	struct vm_answer kept = vm_answer;
	static struct vm_req del;

	(void)a;
	if (m->id > 200)
		return;
	/* on a socket of its own: vm_call's buffer is the dump's, so nothing is read here */
	vm_req(&del, MNCSE_KCMD_SESSION_DEL);
	vm_put_u64(&del, MNCSE_KA_SESSION_ID, m->id++);
	send(m->fd, &del, del.h.nlmsg_len, 0);
	vm_answer = kept;
}

static void a_dump_that_is_torn_says_so(void **state)
{
	enum { N = 300 };
	int fd = vm_nl_open(), udp = vm_udp(AF_INET);
	uint32_t socket = vm_take(fd, udp);
	struct meddler m = { vm_nl_open(), 1 };
	struct vm_peer p;

	(void)state;
	vm_peer_init(&p, udp, 1, VM_GCM);
	for (p.id = 1; p.id <= N; p.id++) {
		p.addr.in.sin_port = htons((uint16_t)(1000 + p.id));
		assert_int_equal(vm_session_add(fd, &p, socket, 0), 0);
	}
	vm_req(&r, MNCSE_KCMD_SESSION_GET);
	assert_int_equal(vm_call(fd, &r, true, meddle, &m), 0);
	assert_true(vm_answer.torn);
	vm_nl_close(m.fd);
	vm_peer_fini(&p);
	close(udp);
	vm_nl_close(fd);
}

int vm_test_netlink(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_missing_is_said),
		cmocka_unit_test(wrong_sizes_and_unknown_attributes_are_refused_and_named),
		cmocka_unit_test(values_out_of_range_are_refused_and_named),
		cmocka_unit_test(only_udp_sockets_of_this_namespace_are_taken_once),
		cmocka_unit_test(nobody_but_an_administrator_may),
		cmocka_unit_test(namespaces_do_not_see_each_other),
		cmocka_unit_test(sessions_are_unique_counted_and_limited),
		cmocka_unit_test(a_dump_shows_every_session_and_no_key),
		cmocka_unit_test(a_dump_that_is_torn_says_so),
	};

	return cmocka_run_group_tests_name("kernel netlink", tests, NULL, NULL);
}
