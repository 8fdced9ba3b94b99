// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/bpf/frame.c */
/* LIBS: -lbpf */
/* There is no test run for SK_REUSEPORT: real sockets, on the loopback of a network namespace of its own. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/bpf.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "frame.h"
#include "reuseport.skel.h"
#include "uapi/slot.h"

enum { WORKERS = 4, DEVICES = 10000, PORT = 5684, DEVICE_PORT = 20000, ARRIVAL_MS = 30000 };
/* costs: the best of so many rounds counts; hot: so few sessions that they stay in the processor's cache */
enum { ROUNDS = 50, ROUND = 200, HOT = 100 };

static struct reuseport *steer;
static bool is_six;
static int workers[WORKERS];
static int device; /* speaks for all devices, each from its own address */

static union mn_addr gateway(void)
{
	union mn_addr a;

	assert_int_equal(mn_addr_parse(is_six ? "[::1]:5684" : "127.0.0.1:5684", 0, &a), 0);
	return a;
}

/* IPv4: an address of loopback's each; IPv6 has but one there: a port each. */
static union mn_addr device_addr(uint32_t i)
{
	union mn_addr a;

	memset(&a, 0, sizeof(a));
	if (is_six) {
		a.in6.sin6_family = AF_INET6;
		a.in6.sin6_addr = in6addr_loopback;
		a.in6.sin6_port = htons((uint16_t)(DEVICE_PORT + i));
	} else {
		a.in.sin_family = AF_INET;
		a.in.sin_addr.s_addr = htonl(0x7f010001u + i);
		a.in.sin_port = htons(DEVICE_PORT);
	}
	return a;
}

static int socket_at(const union mn_addr *a, bool reuse)
{
	int fd = socket(a->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1;

	assert_true(fd >= 0);
	if (reuse)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	assert_int_equal(bind(fd, &a->sa, mn_addr_len(a)), 0);
	return fd;
}

static void start_worker(uint32_t i)
{
	union mn_addr a = gateway();
	uint64_t fd = (uint64_t)socket_at(&a, true);
	int prog = bpf_program__fd(steer->progs.steer);

	workers[i] = (int)fd;
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(steer->maps.workers), &i, &fd, BPF_ANY),
			 0);
	assert_int_equal(
		setsockopt((int)fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &prog, sizeof(prog)), 0);
}

static void slots(const uint32_t *of, uint32_t n)
{
	for (uint32_t i = 0; i < MNCSE_BPF_SLOTS; i++) {
		uint32_t w = of[i % n];

		assert_int_equal(
			bpf_map_update_elem(bpf_map__fd(steer->maps.slots), &i, &w, BPF_ANY), 0);
	}
}

static int setup(void **state)
{
	static const uint32_t all[] = { 0, 1, 2, 3 };
	struct mncse_bpf_config c;
	union mn_addr a, any;
	uint32_t zero = 0;

	is_six = *state != NULL;
	a = gateway();
	steer = reuseport__open_and_load();
	if (!steer)
		return -1;
	frame_config(&c);
	c.n_listeners = 1;
	c.listeners[0] = frame_peer(&a, 0);
	bpf_map_update_elem(bpf_map__fd(steer->maps.config), &zero, &c, BPF_ANY);
	slots(all, WORKERS);
	for (uint32_t i = 0; i < WORKERS; i++)
		start_worker(i);
	any = device_addr(0);
	any.in.sin_addr.s_addr = is_six ? any.in.sin_addr.s_addr : 0;
	device = is_six ? -1 : socket_at(&any, false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < WORKERS; i++)
		if (workers[i] >= 0)
			close(workers[i]);
	if (device >= 0)
		close(device);
	reuseport__destroy(steer);
	return 0;
}

static void send_from(uint32_t i)
{
	union mn_addr to = gateway(), from = device_addr(i);
	char control[CMSG_SPACE(sizeof(struct in_pktinfo))] = { 0 };
	struct iovec v = { &i, sizeof(i) };
	struct msghdr m = {
		.msg_name = &to, .msg_namelen = mn_addr_len(&to), .msg_iov = &v, .msg_iovlen = 1
	};

	if (is_six) {
		int fd = socket_at(&from, false);

		assert_int_equal(sendmsg(fd, &m, 0), sizeof(i));
		close(fd);
		return;
	}
	m.msg_control = control;
	m.msg_controllen = sizeof(control);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct in_pktinfo info = { .ipi_spec_dst = from.in.sin_addr };

	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	assert_int_equal(sendmsg(device, &m, 0), sizeof(i));
}

/* Which worker has got the datagram of device i. */
static int taker(uint32_t i)
{
	struct pollfd any[WORKERS];
	int who = -1;

	send_from(i);
	for (int w = 0; w < WORKERS; w++)
		any[w] = (struct pollfd){ .fd = workers[w], .events = POLLIN };
	/* loopback delivers before send returns, but for a busy machine */
	assert_int_equal(poll(any, WORKERS, ARRIVAL_MS), 1);
	for (int w = 0; w < WORKERS; w++) {
		uint32_t got;

		if (workers[w] < 0 || recv(workers[w], &got, sizeof(got), MSG_DONTWAIT) < 0)
			continue;
		assert_int_equal(who, -1);
		assert_int_equal(got, i);
		who = w;
	}
	assert_true(who >= 0);
	return who;
}

static uint32_t owner(uint32_t i)
{
	return i * 7 / 3 % WORKERS;
}

static void own(uint32_t i, uint32_t worker)
{
	union mn_addr a = device_addr(i);
	struct mncse_bpf_peer p = frame_peer(&a, 0);
	struct mncse_bpf_session s = { .worker = worker };

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(steer->maps.sessions), &p, &s, BPF_ANY),
			 0);
}

static void disown(uint32_t i)
{
	union mn_addr a = device_addr(i);
	struct mncse_bpf_peer p = frame_peer(&a, 0);

	assert_int_equal(bpf_map_delete_elem(bpf_map__fd(steer->maps.sessions), &p), 0);
}

static struct mncse_bpf_counters counted(void)
{
	struct mncse_bpf_counters n;

	frame_counters(bpf_map__fd(steer->maps.counters), &n);
	return n;
}

static uint32_t devices(void)
{
	return is_six ? 1000 : DEVICES;
}

static void every_session_is_its_owners(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < devices(); i++)
		own(i, owner(i));
	for (uint32_t i = 0; i < devices(); i++)
		assert_int_equal(taker(i), owner(i));
	assert_int_equal(counted().steer[MNCSE_STEER_OWNER], devices());
}

static void new_peers_stay_where_their_hash_puts_them(void **state)
{
	unsigned int load[WORKERS] = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		union mn_addr a = device_addr(i);
		struct mncse_bpf_peer p = frame_peer(&a, 0);
		int w = taker(i);

		load[w]++;
		/* as the daemon, too, finds it */
		assert_int_equal(w, mncse_bpf_slot(&p) % WORKERS);
		assert_int_equal(taker(i), w);
	}
	for (int w = 0; w < WORKERS; w++)
		assert_in_range(load[w], 150, 350);
	assert_int_equal(counted().steer[MNCSE_STEER_HASH], 2000);
}

/* What is one worker's end is not felt by the others' sessions, nor by the peers that are others' by hash. */
static void workers_go_and_come_back(void **state)
{
	static const uint32_t without[] = { 0, 1, 3, 3 }, all[] = { 0, 1, 2, 3 };
	int before[500];

	(void)state;
	for (uint32_t i = 0; i < 500; i++) {
		before[i] = taker(i);
		own(500 + i, owner(500 + i));
	}
	close(workers[2]);
	workers[2] = -1;
	for (uint32_t i = 0; i < 500; i++) {
		int w = taker(500 + i);

		if (owner(500 + i) != 2)
			assert_int_equal(w, owner(500 + i));
	}
	assert_true(counted().steer[MNCSE_STEER_KERNEL] > 0);
	slots(without, WORKERS);
	for (uint32_t i = 0; i < 500; i++)
		assert_int_equal(taker(i), before[i] == 2 ? 3 : before[i]);
	start_worker(2);
	slots(all, WORKERS);
	for (uint32_t i = 0; i < 500; i++) {
		assert_int_equal(taker(i), before[i]);
		assert_int_equal(taker(500 + i), owner(500 + i));
	}
}

static void a_session_that_moves_is_followed(void **state)
{
	int by_hash = taker(1);
	uint32_t other = (uint32_t)(by_hash + 1) % WORKERS;

	(void)state;
	own(1, other);
	assert_int_equal(taker(1), other);
	/* the device comes again from another address */
	own(2, other);
	disown(1);
	assert_int_equal(taker(2), other);
	assert_int_equal(taker(1), by_hash);
}

static struct bpf_prog_info told_of(int prog)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(prog, &info, &len), 0);
	return info;
}

/* ns a run of prog over n devices, as the kernel's own statistics have it; the best of several rounds, as other work on the machine only
 * adds. */
static unsigned long long cost_of(int prog, uint32_t n)
{
	unsigned long long best = ~0ull;
	int stats;

	assert_int_equal(
		setsockopt(workers[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &prog, sizeof(prog)),
		0);
	stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct bpf_prog_info before = told_of(prog), after;
		unsigned long long runs, ns;

		for (uint32_t i = 0; i < ROUND; i++)
			taker((round * ROUND + i) % n);
		after = told_of(prog);
		runs = after.run_cnt - before.run_cnt;
		ns = runs ? (after.run_time_ns - before.run_time_ns) / runs : 0;
		best = ns < best ? ns : best;
	}
	if (stats >= 0)
		close(stats);
	return best;
}

/* The statistics' clock costs as much as a short program: one that does nothing tells how much. */
static void costs(void **state)
{
	const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = SK_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, o, .expected_attach_type = BPF_SK_REUSEPORT_SELECT);
	int idle = bpf_prog_load(BPF_PROG_TYPE_SK_REUSEPORT, "nothing", "GPL", nothing, 2, &o);

	(void)state;
	assert_true(idle >= 0);
	for (uint32_t i = 0; i < devices(); i++)
		own(i, owner(i));
	for (int all = 0; all < 2; all++) {
		uint32_t n = all ? devices() : HOT;

		printf("# steering, %u of %u sessions: %llu ns; a program that does nothing: %llu ns\n",
		       n, devices(), cost_of(bpf_program__fd(steer->progs.steer), n),
		       cost_of(idle, n));
	}
	close(idle);
}

static bool own_network(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd, err;

	if (unshare(CLONE_NEWNET))
		return false;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	err = ioctl(fd, SIOCSIFFLAGS, &r);
	close(fd);
	return !err;
}

/* The initial state tells the family. */
/* clang-format off */
#define FOUR(f) { #f " IPv4", f, setup, teardown, NULL }
#define SIX(f) { #f " IPv6", f, setup, teardown, (void *)1 }
/* clang-format on */

int main(void)
{
	/* clang-format off */
	const struct CMUnitTest tests[] = {
		FOUR(every_session_is_its_owners),
		FOUR(new_peers_stay_where_their_hash_puts_them),
		FOUR(workers_go_and_come_back),
		FOUR(a_session_that_moves_is_followed),
		FOUR(costs),
		SIX(every_session_is_its_owners),
		SIX(new_peers_stay_where_their_hash_puts_them),
		SIX(workers_go_and_come_back),
		SIX(a_session_that_moves_is_followed),
	};
	/* clang-format on */

	frame_need_bpf();
	if (!own_network()) {
		printf("# no network namespace: %s\n", strerror(errno));
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
