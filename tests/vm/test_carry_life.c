// SPDX-License-Identifier: GPL-2.0-or-later
/* Ends of everything under carry traffic: one thread is eight devices, another the IN, and meanwhile sessions, hops, keys and sockets
 * come and go, processes are killed, namespaces and the module end. What is looked for shows in the kernel's log. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "carry.h"
#include "vm.h"

enum { DEVICES = 8, IN = 100, ROUNDS = 16 };

struct traffic {
	pthread_t devices, in_thread;
	atomic_bool stop;
	atomic_uint answers;
	int nl, udp, outer_udp;
	uint32_t socket, outer_socket;
	struct vm_peer device[DEVICES], in;
};

/* Each peer is one thread's. */
static void say(struct vm_peer *p, const void *data, size_t len)
{
	uint8_t wire[300];

	send(p->fd, wire, vm_seal(p, MNCSE_APPLICATION, data, len, wire), MSG_DONTWAIT);
}

static void drain(int fd)
{
	uint8_t sink[400];

	while (recv(fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
		;
}

static void *devices_run(void *arg)
{
	struct traffic *t = arg;
	const struct vm_carry names = { .kid = "a kid." };
	uint8_t data[VM_MESSAGE];

	while (!atomic_load(&t->stop)) {
		for (int i = 0; i < DEVICES; i++) {
			struct vm_request q = vm_request(&names, (uint16_t)random());

			q.type = (enum mn_coap_type)(random() % 2);
			say(&t->device[i], data, vm_request_write(&q, data));
			if (random() % 4 == 0)
				say(&t->device[i], data, vm_request_write(&q, data));
			drain(t->device[i].fd);
		}
		drain(t->udp);
		drain(t->outer_udp);
	}
	return NULL;
}

/* Answers three of four. */
static void *in_run(void *arg)
{
	struct traffic *t = arg;
	uint8_t record[400], data[400], type;
	uint64_t sequence;

	while (!atomic_load(&t->stop)) {
		int n = vm_recv(t->in.fd, record, sizeof(record), 20);
		struct mn_coap_writer w;
		struct mn_coap m;

		n = n < 0 ? n : vm_open(&t->in, record, n, &type, &sequence, data, sizeof(data));
		if (n < 0 || mn_coap_read(data, (size_t)n, &m, NULL) || random() % 4 == 0)
			continue;
		mn_coap_begin(&w, record, sizeof(record), random() % 8 ? MN_COAP_NON : MN_COAP_CON,
			      MN_COAP_204, (uint16_t)random(), &m.token);
		mn_coap_put(&w, MN_COAP_OPT_OSCORE, "", 0);
		mn_coap_put_payload(&w, "answer", 6);
		say(&t->in, record, (size_t)mn_coap_finish(&w));
		atomic_fetch_add(&t->answers, 1);
	}
	return NULL;
}

static void add_device(struct traffic *t, int i)
{
	static struct vm_req r;

	vm_session_add_req(&r, &t->device[i], t->socket);
	vm_put_key(&r, &t->device[i], 0);
	vm_put_u32(&r, MNCSE_KA_OUTER_ID, VM_HOP);
	vm_put(&r, MNCSE_KA_KID, "a kid.", 7);
	vm_put_u32(&r, MNCSE_KA_GENERATION, VM_GENERATION);
	assert_int_equal(vm_call(t->nl, &r, false, NULL, NULL), 0);
}

static void begin(struct traffic *t)
{
	memset(t, 0, sizeof(*t));
	t->nl = vm_nl_open();
	t->udp = vm_udp(AF_INET);
	t->outer_udp = vm_udp(AF_INET);
	t->socket = vm_take(t->nl, t->udp);
	t->outer_socket = vm_take(t->nl, t->outer_udp);
	vm_peer_init(&t->in, t->outer_udp, IN, VM_GCM);
	assert_int_equal(vm_session_add(t->nl, &t->in, t->outer_socket, 0), 0);
	assert_int_equal(vm_outer_set(t->nl, VM_HOP, IN, 0, 0), 0);
	for (int i = 0; i < DEVICES; i++) {
		vm_peer_init(&t->device[i], t->udp, (uint64_t)i + 1, i % 2 ? VM_CCM_8 : VM_GCM);
		add_device(t, i);
	}
	assert_int_equal(pthread_create(&t->devices, NULL, devices_run, t), 0);
	assert_int_equal(pthread_create(&t->in_thread, NULL, in_run, t), 0);
	/* it flows */
	for (int i = 0; i < 30000 && atomic_load(&t->answers) < 20; i++)
		usleep(10000);
	assert_true(atomic_load(&t->answers) >= 20);
}

static void halt(struct traffic *t)
{
	atomic_store(&t->stop, true);
	pthread_join(t->devices, NULL);
	pthread_join(t->in_thread, NULL);
}

static void end(struct traffic *t)
{
	halt(t);
	for (int i = 0; i < DEVICES; i++)
		vm_peer_fini(&t->device[i]);
	vm_peer_fini(&t->in);
	close(t->udp);
	close(t->outer_udp);
	for (int i = 0; i < 3000 && vm_stat(t->nl, "kernel.sessions"); i++)
		usleep(10000);
	assert_int_equal(vm_stat(t->nl, "kernel.sessions"), 0);
	assert_int_equal(vm_stat(t->nl, "kernel.carry_open"), 0);
	assert_int_equal(vm_stat(t->nl, "kernel.carry_replies"), 0);
	assert_int_equal(vm_stat(t->nl, "kernel.carry_bytes"), 0);
	vm_nl_close(t->nl);
}

static struct traffic t;

static void devices_come_and_go(void **state)
{
	(void)state;
	begin(&t);
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < DEVICES; i++) {
			assert_int_equal(vm_session_del(t.nl, (uint64_t)i + 1, NULL, NULL), 0);
			add_device(&t, i);
		}
	end(&t);
}

/* Every way to lose a hop and to get one. */
static void hops_come_and_go(void **state)
{
	static struct vm_req r;

	(void)state;
	begin(&t);
	for (int round = 0; round < ROUNDS; round++) {
		switch (round % 4) {
		case 0:
			assert_int_equal(vm_outer_set(t.nl, VM_HOP, 0, 0, 0), 0);
			break;
		case 1:
			assert_int_equal(vm_session_del(t.nl, IN, NULL, NULL), 0);
			assert_int_equal(vm_session_add(t.nl, &t.in, t.outer_socket, 0), 0);
			break;
		case 2:
			vm_req(&r, MNCSE_KCMD_OUTER_DEL);
			vm_put_u32(&r, MNCSE_KA_OUTER_ID, VM_HOP);
			assert_int_equal(vm_call(t.nl, &r, false, NULL, NULL), 0);
			break;
		case 3:
			for (int i = 0; i < DEVICES; i++)
				assert_int_equal(
					vm_session_set(t.nl, (uint64_t)i + 1, MNCSE_KA_OUTER_ID, 0),
					0);
			break;
		}
		assert_int_equal(vm_outer_set(t.nl, VM_HOP, IN, 0, 0), 0);
		for (int i = 0; i < DEVICES; i++)
			assert_int_equal(
				vm_session_set(t.nl, (uint64_t)i + 1, MNCSE_KA_OUTER_ID, VM_HOP),
				0);
	}
	/* and it flows again */
	atomic_store(&t.answers, 0);
	for (int i = 0; i < 30000 && !atomic_load(&t.answers); i++)
		usleep(10000);
	assert_true(atomic_load(&t.answers) > 0);
	end(&t);
}

static void keys_and_limits_change(void **state)
{
	(void)state;
	begin(&t);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < DEVICES; i++)
			assert_int_equal(vm_key_set(t.nl, &t.device[i]), 0);
		assert_int_equal(vm_key_set(t.nl, &t.in), 0);
		assert_int_equal(
			vm_limit(t.nl, MNCSE_KA_CARRY_BYTES_MAX, round % 2 ? 64 << 20 : 500), 0);
		assert_int_equal(
			vm_outer_set(t.nl, VM_HOP, IN, MNCSE_KA_PENDING_MAX, round % 3 ? 900 : 1),
			0);
		assert_int_equal(vm_limit(t.nl, MNCSE_KA_IDLE_MAX_MS, round % 2 ? 10 : 0), 0);
	}
	assert_int_equal(vm_limit(t.nl, MNCSE_KA_CARRY_BYTES_MAX, 64 << 20), 0);
	assert_int_equal(vm_limit(t.nl, MNCSE_KA_IDLE_MAX_MS, 0), 0);
	end(&t);
}

static void sockets_are_closed(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS / 8; round++) {
		int first, second;

		begin(&t);
		first = round % 2 ? t.udp : t.outer_udp;
		second = round % 2 ? t.outer_udp : t.udp;
		shutdown(first, SHUT_RDWR);
		close(first);
		vm_stat(t.nl, "kernel.sessions");
		shutdown(second, SHUT_RDWR);
		close(second);
		/* end() must not close descriptors that are others' by then */
		halt(&t);
		t.udp = vm_udp(AF_INET);
		t.outer_udp = vm_udp(AF_INET);
		atomic_store(&t.stop, false);
		assert_int_equal(pthread_create(&t.devices, NULL, devices_run, &t), 0);
		assert_int_equal(pthread_create(&t.in_thread, NULL, in_run, &t), 0);
		end(&t);
	}
}

/* A child with all of it; it is killed, or its namespace ends with it. */
static void child(bool own_namespace)
{
	int ready[2], status;
	pid_t pid;
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		if (own_namespace && (unshare(CLONE_NEWNET) || system("ip link set lo up")))
			_exit(1);
		alarm(600);
		begin(&t);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(ready[0]);
}

static void the_owner_is_killed(void **state)
{
	int nl = vm_nl_open();

	(void)state;
	for (int round = 0; round < ROUNDS / 8; round++) {
		child(false);
		for (int i = 0; i < 3000 && vm_stat(nl, "kernel.sessions"); i++)
			usleep(10000);
		assert_int_equal(vm_stat(nl, "kernel.sessions"), 0);
		assert_int_equal(vm_stat(nl, "kernel.carry_open"), 0);
	}
	vm_nl_close(nl);
}

static void namespaces_end(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS / 8; round++)
		child(true);
}

static void the_module_goes(void **state)
{
	(void)state;
	begin(&t);
	assert_int_equal(syscall(SYS_delete_module, "mncse", 0), 0);
	halt(&t);
	for (int i = 0; i < DEVICES; i++)
		vm_peer_fini(&t.device[i]);
	vm_peer_fini(&t.in);
	close(t.udp);
	close(t.outer_udp);
	vm_nl_close(t.nl);
}

int vm_test_carry_life(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_come_and_go),    cmocka_unit_test(hops_come_and_go),
		cmocka_unit_test(keys_and_limits_change), cmocka_unit_test(sockets_are_closed),
		cmocka_unit_test(the_owner_is_killed),    cmocka_unit_test(namespaces_end),
	};

	return cmocka_run_group_tests_name("kernel carry lifetimes", tests, NULL, NULL);
}

/* Of its own: nothing comes after it. */
int vm_test_carry_unload(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_module_goes),
	};

	return cmocka_run_group_tests_name("kernel carry unload", tests, NULL, NULL);
}
