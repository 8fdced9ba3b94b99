// SPDX-License-Identifier: GPL-2.0-or-later
/* Ends of everything while records flow both ways: a thread floods the taken socket, others fan out and change keys, sessions, groups and
 * sockets. What is looked for shows in the kernel's log and in the counters at the end. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "peer.h"
#include "vm.h"

enum { PEERS = 8, ROUNDS = 60 };

struct flood {
	pthread_t thread;
	atomic_bool stop;
	struct vm_peer peer[PEERS];
	int udp;
};

/* Records are sealed on the way, for the keys of the moment or not: both are traffic. */
static void *flood_run(void *arg)
{
	struct flood *f = arg;
	uint8_t wire[200], sink[400];

	while (!atomic_load(&f->stop)) {
		for (int i = 0; i < PEERS; i++) {
			struct vm_peer p = f->peer[i];
			size_t n;

			p.sequence = (uint64_t)random() & 0xffffff;
			n = vm_seal(&p, MNCSE_APPLICATION, "flood", 5, wire);
			send(p.fd, wire, n, MSG_DONTWAIT);
			while (recv(p.fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
				;
		}
		while (recv(f->udp, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			;
	}
	return NULL;
}

static void flood_start(struct flood *f, int udp)
{
	memset(f, 0, sizeof(*f));
	f->udp = udp;
	for (int i = 0; i < PEERS; i++)
		vm_peer_init(&f->peer[i], udp, (uint64_t)i + 1, i % 2 ? VM_CCM_8 : VM_GCM);
	assert_int_equal(pthread_create(&f->thread, NULL, flood_run, f), 0);
}

static void flood_stop(struct flood *f)
{
	atomic_store(&f->stop, true);
	pthread_join(f->thread, NULL);
	for (int i = 0; i < PEERS; i++)
		vm_peer_fini(&f->peer[i]);
}

static void add_all(int nl, struct flood *f, uint32_t socket, uint32_t group)
{
	for (int i = 0; i < PEERS; i++)
		assert_int_equal(vm_session_add(nl, &f->peer[i], socket, group), 0);
}

static void fanout(int nl, uint32_t group)
{
	static struct vm_req r;

	vm_req(&r, MNCSE_KCMD_FANOUT);
	vm_put_u32(&r, MNCSE_KA_GROUP_ID, group);
	vm_put_u8(&r, MNCSE_KA_CONTENT, MNCSE_APPLICATION);
	vm_put(&r, MNCSE_KA_PAYLOAD, "fan out", 7);
	assert_int_equal(vm_call(nl, &r, false, NULL, NULL), 0);
}

static void detach(int nl, uint32_t socket)
{
	static struct vm_req r;

	vm_req(&r, MNCSE_KCMD_SOCKET_DEL);
	vm_put_u32(&r, MNCSE_KA_SOCKET_ID, socket);
	assert_int_equal(vm_call(nl, &r, false, NULL, NULL), 0);
}

/* A thread that is in recv() on a descriptor when another closes it closes the socket a moment later, when it comes back. */
static void wait_no_sessions(int nl)
{
	for (int i = 0; i < 500 && vm_stat(nl, "kernel.sessions"); i++)
		usleep(10000);
	assert_int_equal(vm_stat(nl, "kernel.sessions"), 0);
}

static void sessions_come_and_go(void **state)
{
	int nl = vm_nl_open(), udp = vm_udp(AF_INET);
	uint32_t socket = vm_take(nl, udp);
	static struct flood f;

	(void)state;
	assert_int_equal(vm_group(nl, MNCSE_KCMD_GROUP_ADD, 1), 0);
	flood_start(&f, udp);
	for (int round = 0; round < ROUNDS; round++) {
		add_all(nl, &f, socket, 1);
		fanout(nl, 1);
		for (int i = 0; i < PEERS; i++)
			assert_int_equal(vm_session_del(nl, (uint64_t)i + 1, NULL, NULL), 0);
	}
	assert_int_equal(vm_group(nl, MNCSE_KCMD_GROUP_DEL, 1), 0);
	flood_stop(&f);
	close(udp);
	assert_int_equal(vm_stat(nl, "kernel.sessions"), 0);
	vm_nl_close(nl);
}

static void keys_and_groups_change(void **state)
{
	int nl = vm_nl_open(), udp = vm_udp(AF_INET);
	uint32_t socket = vm_take(nl, udp);
	static struct flood f;
	uint64_t opened = vm_stat(nl, "kernel.rx_opened");

	(void)state;
	flood_start(&f, udp);
	add_all(nl, &f, socket, 0);
	for (int round = 0; round < ROUNDS; round++) {
		static struct vm_req r;

		assert_int_equal(vm_group(nl, MNCSE_KCMD_GROUP_ADD, 1), 0);
		for (int i = 0; i < PEERS; i++) {
			struct vm_peer p = f.peer[i];

			p.epoch = (uint16_t)(1 + round % 3);
			assert_int_equal(vm_key_set(nl, &p), 0);
			vm_req(&r, MNCSE_KCMD_SESSION_SET);
			vm_put_u64(&r, MNCSE_KA_SESSION_ID, p.id);
			vm_put_u32(&r, MNCSE_KA_GROUP_ID, 1);
			assert_int_equal(vm_call(nl, &r, false, NULL, NULL), 0);
		}
		fanout(nl, 1);
		assert_int_equal(vm_group(nl, MNCSE_KCMD_GROUP_DEL, 1), 0);
	}
	flood_stop(&f);
	assert_true(vm_stat(nl, "kernel.rx_opened") > opened);
	close(udp);
	vm_nl_close(nl);
}

static void sockets_are_given_back_and_taken_again(void **state)
{
	int nl = vm_nl_open(), udp = vm_udp(AF_INET);
	static struct flood f;

	(void)state;
	assert_int_equal(vm_group(nl, MNCSE_KCMD_GROUP_ADD, 1), 0);
	flood_start(&f, udp);
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t socket = vm_take(nl, udp);

		add_all(nl, &f, socket, 1);
		fanout(nl, 1);
		detach(nl, socket);
	}
	flood_stop(&f);
	close(udp);
	assert_int_equal(vm_group(nl, MNCSE_KCMD_GROUP_DEL, 1), 0);
	vm_nl_close(nl);
}

static void sockets_are_closed(void **state)
{
	int nl = vm_nl_open();
	static struct flood f;

	(void)state;
	assert_int_equal(vm_group(nl, MNCSE_KCMD_GROUP_ADD, 1), 0);
	for (int round = 0; round < ROUNDS / 4; round++) {
		int udp = vm_udp(AF_INET);

		add_all(nl, (flood_start(&f, udp), &f), vm_take(nl, udp), 1);
		fanout(nl, 1);
		shutdown(udp, SHUT_RDWR);
		close(udp);
		wait_no_sessions(nl);
		fanout(nl, 1);
		flood_stop(&f);
	}
	assert_int_equal(vm_group(nl, MNCSE_KCMD_GROUP_DEL, 1), 0);
	vm_nl_close(nl);
}

/* kill -9 of who owns the socket. */
static void the_owner_is_killed(void **state)
{
	int nl = vm_nl_open(), status;

	(void)state;
	for (int round = 0; round < ROUNDS / 6; round++) {
		int ready[2];
		char c;
		pid_t pid;

		assert_int_equal(pipe(ready), 0);
		pid = fork();
		if (!pid) {
			static struct flood f;
			int child = vm_nl_open(), udp = vm_udp(AF_INET);

			alarm(20);
			flood_start(&f, udp);
			add_all(child, &f, vm_take(child, udp), 0);
			if (write(ready[1], "", 1) != 1)
				_exit(1);
			for (;;)
				vm_send(child, 1, MNCSE_APPLICATION, "x", 1);
		}
		/* what fails in the child shows as an end of the pipe */
		close(ready[1]);
		assert_int_equal(read(ready[0], &c, 1), 1);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		wait_no_sessions(nl);
		close(ready[0]);
	}
	vm_nl_close(nl);
}

static void a_namespace_ends(void **state)
{
	int status;

	(void)state;
	for (int round = 0; round < 4; round++) {
		pid_t pid = fork();

		if (!pid) {
			static struct flood f;
			int nl, udp;

			if (unshare(CLONE_NEWNET) || system("ip link set lo up"))
				_exit(1);
			nl = vm_nl_open();
			udp = vm_udp(AF_INET);
			vm_group(nl, MNCSE_KCMD_GROUP_ADD, 1);
			flood_start(&f, udp);
			add_all(nl, &f, vm_take(nl, udp), 1);
			for (int i = 0; i < 20; i++)
				fanout(nl, 1);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

/* The module goes from under a taken socket with traffic; the socket goes on as any other. */
static void the_module_goes(void **state)
{
	int nl = vm_nl_open(), udp = vm_udp(AF_INET), n;
	static struct flood f;
	uint8_t got[100];

	(void)state;
	assert_int_equal(vm_group(nl, MNCSE_KCMD_GROUP_ADD, 1), 0);
	flood_start(&f, udp);
	add_all(nl, &f, vm_take(nl, udp), 1);
	for (int i = 0; i < 20; i++)
		fanout(nl, 1);
	assert_int_equal(syscall(SYS_delete_module, "mncse", 0), 0);
	vm_nl_close(nl);
	atomic_store(&f.stop, true);
	pthread_join(f.thread, NULL);
	while (recv(udp, got, sizeof(got), MSG_DONTWAIT) > 0)
		;
	send(f.peer[0].fd, "plain", 5, 0);
	n = vm_recv(udp, got, sizeof(got), 2000);
	assert_int_equal(n, 5);
	assert_memory_equal(got, "plain", 5);
	close(udp);
}

int vm_test_life(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_come_and_go),
		cmocka_unit_test(keys_and_groups_change),
		cmocka_unit_test(sockets_are_given_back_and_taken_again),
		cmocka_unit_test(sockets_are_closed),
		cmocka_unit_test(the_owner_is_killed),
		cmocka_unit_test(a_namespace_ends),
		cmocka_unit_test(the_module_goes),
	};

	return cmocka_run_group_tests_name("kernel lifetimes", tests, NULL, NULL);
}
