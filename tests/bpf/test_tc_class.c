// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/bpf/frame.c */
/* LIBS: -lbpf */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/bpf.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "dtls/filter.h"
#include "frame.h"
#include "tc_class.skel.h"

enum { SERVICE_MIN = 48, RAND_LEN = 69, OUTER_RAND = 80, OUTER_SERVICE = 56, GROUP = 3 };

static struct tc_class *class;
static int in, out;

static void configure(const struct mncse_bpf_config *c)
{
	uint32_t zero = 0;

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(class->maps.config), &zero, c, BPF_ANY),
			 0);
}

static struct mncse_bpf_config standard(void)
{
	struct mncse_bpf_config c;

	frame_config(&c);
	c.outer_service_min = OUTER_SERVICE;
	c.rand_lengths[OUTER_RAND / 8] |= 1 << OUTER_RAND % 8;
	return c;
}

static void generation(uint32_t n)
{
	struct mncse_bpf_group g = { .generation = n };
	uint32_t group = GROUP;

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(class->maps.groups), &group, &g, BPF_ANY),
			 0);
}

static int setup(void **state)
{
	struct mncse_bpf_config c = standard();

	(void)state;
	class = tc_class__open_and_load();
	if (!class)
		return -1;
	in = bpf_program__fd(class->progs.tc_ingress);
	out = bpf_program__fd(class->progs.tc_egress);
	configure(&c);
	generation(100);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tc_class__destroy(class);
	class = NULL;
	return 0;
}

static struct mncse_bpf_counters counted(void)
{
	struct mncse_bpf_counters n;

	frame_counters(bpf_map__fd(class->maps.counters), &n);
	return n;
}

static void open_session(bool six, uint32_t device)
{
	struct mncse_bpf_session s = { .group = GROUP,
				       .rand_len = RAND_LEN,
				       .service_min = SERVICE_MIN };
	union mn_addr a = frame_device(six, device);
	struct mncse_bpf_peer p = frame_peer(&a, six);

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(class->maps.sessions), &p, &s, BPF_ANY),
			 0);
}

/* Runs it and says as which class of its hop and direction it was counted, once and with the payload's length. */
static int class_of(const struct shape *s, const void *payload, size_t len)
{
	struct mncse_bpf_counters before = counted(), after;
	struct frame f;
	int found = -1;

	frame_build(&f, s, payload, len);
	assert_int_equal((int)frame_run(s->out ? out : in, &f, NULL), -1); /* TC_ACT_UNSPEC */
	after = counted();
	for (int hop = 0; hop < __MNCSE_HOP_MAX; hop++)
		for (int d = 0; d < __MNCSE_DIRECTION_MAX; d++)
			for (int k = 0; k < __MNCSE_CLASS_MAX; k++) {
				uint64_t n = after.wire[hop][d][k].packets -
					     before.wire[hop][d][k].packets;
				uint64_t b =
					after.wire[hop][d][k].bytes - before.wire[hop][d][k].bytes;

				if (!n)
					continue;
				assert_int_equal(n, 1);
				assert_int_equal(found, -1);
				found = k;
				assert_int_equal(d, s->out);
				if (k == MNCSE_CLASS_OTHER || k == MNCSE_CLASS_FRAGMENT)
					continue;
				assert_int_equal(hop, s->outer);
				assert_int_equal(b, len);
			}
	return found;
}

static int record_class(const struct shape *s, uint8_t type, uint16_t epoch, size_t n)
{
	uint8_t payload[2048];

	return class_of(s, payload, frame_record(payload, type, epoch, 2, n));
}

static uint64_t messages(enum mncse_message m)
{
	return counted().message[m];
}

static void check_shape(const struct shape *base)
{
	static const uint8_t cookie[8] = { 1 };
	struct shape s = *base;
	uint8_t hello[128];

	open_session(s.six, s.device);
	assert_int_equal(class_of(&s, hello, frame_hello(hello, 1, NULL, 0)), MNCSE_CLASS_HELLO);
	assert_int_equal(class_of(&s, hello, frame_hello(hello, 1, cookie, 8)),
			 MNCSE_CLASS_HELLO_COOKIE);
	assert_int_equal(record_class(&s, 22, 0, 40), MNCSE_CLASS_HANDSHAKE);
	assert_int_equal(record_class(&s, 20, 0, 1), MNCSE_CLASS_HANDSHAKE);
	assert_int_equal(record_class(&s, 21, 1, 26), MNCSE_CLASS_ALERT);
	assert_int_equal(class_of(&s, "junk", 4), MNCSE_CLASS_JUNK);
	assert_int_equal(class_of(&s, "", 0), MNCSE_CLASS_JUNK);
	assert_int_equal(record_class(&s, 23, 1, s.out ? RAND_LEN : SERVICE_MIN),
			 s.out ? MNCSE_CLASS_RAND : MNCSE_CLASS_SERVICE);
	assert_int_equal(record_class(&s, 23, 1, 200),
			 s.out ? MNCSE_CLASS_ANSWER : MNCSE_CLASS_SERVICE);
	assert_int_equal(record_class(&s, 23, 1, SERVICE_MIN - 1), MNCSE_CLASS_APPLICATION);
	s.device++;
	assert_int_equal(record_class(&s, 23, 1, 200), MNCSE_CLASS_UNKNOWN);
}

static void classifies_the_inner_hop_in_every_wrapping(void **state)
{
	uint32_t device = 0;

	(void)state;
	for (int six = 0; six < 2; six++)
		for (unsigned int vlans = 0; vlans <= 2; vlans++)
			for (unsigned int more = 0; more < 3; more++)
				for (int way = 0; way < 2; way++) {
					struct shape s = { .six = six,
							   .vlans = vlans,
							   .out = way,
							   .options = six ? 0 : more * 20,
							   .extensions = six ? more : 0,
							   .device = device += 2 };

					check_shape(&s);
				}
}

static void classifies_the_outer_hop(void **state)
{
	struct shape from_in = { .outer = true }, to_in = { .outer = true, .out = true };

	(void)state;
	assert_int_equal(record_class(&from_in, 23, 1, OUTER_RAND), MNCSE_CLASS_RAND);
	assert_int_equal(record_class(&from_in, 23, 1, OUTER_RAND + 1), MNCSE_CLASS_ANSWER);
	assert_int_equal(record_class(&from_in, 23, 1, OUTER_SERVICE - 1), MNCSE_CLASS_APPLICATION);
	assert_int_equal(record_class(&to_in, 23, 1, OUTER_RAND), MNCSE_CLASS_SERVICE);
	assert_int_equal(record_class(&to_in, 23, 1, OUTER_SERVICE), MNCSE_CLASS_SERVICE);
	assert_int_equal(record_class(&to_in, 23, 1, OUTER_SERVICE - 1), MNCSE_CLASS_APPLICATION);
	assert_int_equal(messages(MNCSE_MESSAGE_OUTER_RAND_IN), 1);
	assert_int_equal(messages(MNCSE_MESSAGE_OUTER_SERVICE_OUT), 2);
}

static void others_and_fragments_are_counted_apart(void **state)
{
	struct shape s = { .fragment = true };
	uint8_t payload[64];
	struct frame f;

	(void)state;
	assert_int_equal(record_class(&s, 23, 1, 40), MNCSE_CLASS_FRAGMENT);
	s.six = true;
	assert_int_equal(record_class(&s, 23, 1, 40), MNCSE_CLASS_FRAGMENT);
	s = (struct shape){ 0 };
	frame_build(&f, &s, payload, frame_record(payload, 23, 1, 2, 40));
	f.bytes[f.udp + 3]++;
	frame_run(in, &f, NULL);
	assert_int_equal(counted().wire[0][0][MNCSE_CLASS_OTHER].packets, 1);
	assert_int_equal(counted().wire[0][0][MNCSE_CLASS_OTHER].bytes, f.len);
}

static void a_handshake_is_one_message_however_often_its_flight_goes(void **state)
{
	struct shape device = { .out = true, .device = 1 }, upstream = { .outer = true };

	(void)state;
	record_class(&device, 20, 0, 1);
	assert_int_equal(messages(MNCSE_MESSAGE_INNER_HANDSHAKES_IN), 0); /* nobody's session */
	open_session(false, 1);
	for (int i = 0; i < 3; i++)
		record_class(&device, 20, 0, 1);
	assert_int_equal(messages(MNCSE_MESSAGE_INNER_HANDSHAKES_IN), 1);
	open_session(false, 1); /* it comes again: the daemon writes the session anew */
	record_class(&device, 20, 0, 1);
	assert_int_equal(messages(MNCSE_MESSAGE_INNER_HANDSHAKES_IN), 2);
	for (int i = 0; i < 3; i++)
		record_class(&upstream, 20, 0, 1);
	assert_int_equal(messages(MNCSE_MESSAGE_OUTER_HANDSHAKES_OUT), 1);
}

static void a_rand_is_one_message_a_session_and_generation(void **state)
{
	struct shape a = { .out = true, .device = 1 }, b = { .out = true, .device = 2 };

	(void)state;
	open_session(false, 1);
	open_session(false, 2);
	assert_int_equal(record_class(&a, 23, 1, RAND_LEN), MNCSE_CLASS_RAND);
	assert_int_equal(record_class(&a, 23, 1, RAND_LEN), MNCSE_CLASS_ANSWER);
	assert_int_equal(record_class(&b, 23, 1, RAND_LEN + 1), MNCSE_CLASS_ANSWER);
	assert_int_equal(record_class(&b, 23, 1, RAND_LEN), MNCSE_CLASS_RAND);
	generation(101);
	assert_int_equal(record_class(&a, 23, 1, RAND_LEN), MNCSE_CLASS_RAND);
	assert_int_equal(record_class(&a, 23, 1, RAND_LEN), MNCSE_CLASS_ANSWER);
	assert_int_equal(messages(MNCSE_MESSAGE_INNER_RAND_OUT), 3);
}

static void groups_have_counters_of_their_own(void **state)
{
	struct shape to = { .out = true, .device = 1 }, from = { .device = 1 };
	int n = libbpf_num_possible_cpus();
	struct mncse_bpf_share *all = calloc((size_t)n, sizeof(*all)), sum = { 0 };
	uint32_t group = GROUP;

	(void)state;
	open_session(false, 1);
	record_class(&to, 23, 1, RAND_LEN);
	record_class(&from, 23, 1, 100);
	record_class(&from, 23, 1, 100);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(class->maps.shares), &group, all), 0);
	for (int i = 0; i < n; i++) {
		sum.rand_out.packets += all[i].rand_out.packets;
		sum.service_in.packets += all[i].service_in.packets;
		sum.service_in.bytes += all[i].service_in.bytes;
	}
	free(all);
	assert_int_equal(sum.rand_out.packets, 1);
	assert_int_equal(sum.service_in.packets, 2);
	assert_int_equal(sum.service_in.bytes, 200);
}

/* As UDP_SEGMENT sends: a run of equal datagrams and a shorter one in one skb. */
static void every_datagram_of_a_run_is_counted(void **state)
{
	struct shape s = { .outer = true, .out = true };
	struct __sk_buff ctx = { 0 };
	uint8_t payload[4000];
	struct frame f;
	size_t one = frame_record(payload, 23, 1, 2, 100);

	(void)state;
	for (size_t i = 0; i < 30; i++)
		frame_record(payload + i * one, 23, 1, 2, 100);
	frame_record(payload + 30 * one, 23, 1, 2, 60);
	frame_build(&f, &s, payload, 30 * one + 73);
	ctx.gso_size = (uint32_t)one;
	ctx.gso_segs = 31;
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f.bytes, .data_size_in = (uint32_t)f.len,
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));
	assert_int_equal(bpf_prog_test_run_opts(out, &o), 0);
	assert_int_equal(messages(MNCSE_MESSAGE_OUTER_SERVICE_OUT), 31);
	assert_int_equal(counted().wire[1][1][MNCSE_CLASS_SERVICE].bytes, 30 * one + 73);
}

static void check_mark(bool six, bool way, int want_dscp, uint32_t want_priority)
{
	struct shape s = { .six = six, .out = way, .device = 1 };
	struct __sk_buff ctx = { .priority = 1 };
	struct frame f, got;
	uint8_t payload[64], *ip;

	frame_build(&f, &s, payload, frame_record(payload, 22, 0, 2, 40));
	f.bytes[f.network + 1] |= six ? 0x10 : 1; /* ECN */
	if (!six) {
		mn_put16(f.bytes + f.network + 10, 0);
		mn_put16(f.bytes + f.network + 10,
			 frame_fold(frame_sum(f.bytes + f.network, 20, 0)));
	}
	got = f;
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f.bytes, .data_size_in = (uint32_t)f.len,
		    .data_out = got.bytes, .data_size_out = FRAME_MAX, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .ctx_out = &ctx, .ctx_size_out = sizeof(ctx));
	assert_int_equal(bpf_prog_test_run_opts(way ? out : in, &o), 0);
	ip = got.bytes + got.network;
	if (six)
		assert_int_equal(mn_get16(ip) >> 6 & 63, want_dscp);
	else
		assert_int_equal(ip[1] >> 2, want_dscp);
	assert_int_equal(six ? ip[1] >> 4 & 3 : ip[1] & 3, 1);
	assert_int_equal(ctx.priority, want_priority);
	if (!six)
		assert_int_equal(frame_fold(frame_sum(ip, 20, 0)), 0);
	/* nothing else has changed */
	memcpy(got.bytes + got.network, f.bytes + f.network, 2);
	if (!six)
		memcpy(got.bytes + got.network + 10, f.bytes + f.network + 10, 2);
	assert_memory_equal(got.bytes, f.bytes, f.len);
}

static void marks_by_class_on_the_way_out_alone(void **state)
{
	struct mncse_bpf_config c = standard();

	(void)state;
	check_mark(false, true, 4, 1); /* as frame_build made it */
	check_mark(true, true, 0, 1);
	c.priority[MNCSE_CLASS_HANDSHAKE] = 6;
	c.dscp[MNCSE_CLASS_HANDSHAKE] = 34;
	configure(&c);
	check_mark(false, true, 34, 6);
	check_mark(true, true, 34, 6);
	check_mark(false, false, 4, 1);
	check_mark(true, false, 0, 1);
}

static void every_truncation_is_counted_once(void **state)
{
	uint8_t payload[512];

	(void)state;
	for (int six = 0; six < 2; six++) {
		struct shape s = { .six = six, .device = 5 };
		size_t len;

		open_session(six, 5);
		len = frame_record(payload, 23, 1, 2, 150);
		for (size_t n = 0; n < len; n++)
			assert_int_equal(class_of(&s, payload, n), MNCSE_CLASS_JUNK);
		len = frame_hello(payload, 1, NULL, 0);
		for (size_t n = 0; n < len; n++)
			assert_int_equal(class_of(&s, payload, n), MNCSE_CLASS_JUNK);
	}
}

static void random_frames_do_no_harm(void **state)
{
	uint8_t payload[128];
	size_t len = frame_record(payload, 23, 1, 2, 90);
	uint64_t sum = 0;
	struct mncse_bpf_counters n;

	(void)state;
	srandom(3);
	for (int i = 0; i < 20000; i++) {
		struct shape s = { .six = i & 1, .out = i & 2, .vlans = (unsigned int)i % 3 };
		struct frame f;

		frame_build(&f, &s, payload, len);
		for (int k = (int)(random() % 6); k >= 0; k--)
			f.bytes[(size_t)random() % f.len] = (uint8_t)random();
		frame_run(s.out ? out : in, &f, NULL);
	}
	n = counted();
	for (size_t i = 0; i < sizeof(n.wire) / sizeof(n.wire[0][0][0]); i++)
		sum += (&n.wire[0][0][0])[i].packets;
	assert_int_equal(sum, 20000);
}

static void costs(void **state)
{
	uint8_t payload[256];

	(void)state;
	for (int six = 0; six < 2; six++)
		for (int way = 0; way < 2; way++) {
			struct shape s = { .six = six, .out = way, .device = 9 };
			struct frame f;
			unsigned int live, foreign;

			open_session(six, 9);
			frame_build(&f, &s, payload, frame_record(payload, 23, 1, 2, 100));
			live = frame_time(way ? out : in, &f);
			f.bytes[f.udp + 1]++;
			f.bytes[f.udp + 3]++;
			foreign = frame_time(way ? out : in, &f);
			printf("# IPv%d %s: live session %u ns, other %u ns\n", six ? 6 : 4,
			       way ? "out" : "in", live, foreign);
		}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(classifies_the_inner_hop_in_every_wrapping),
		TEST(classifies_the_outer_hop),
		TEST(others_and_fragments_are_counted_apart),
		TEST(a_handshake_is_one_message_however_often_its_flight_goes),
		TEST(a_rand_is_one_message_a_session_and_generation),
		TEST(groups_have_counters_of_their_own),
		TEST(every_datagram_of_a_run_is_counted),
		TEST(marks_by_class_on_the_way_out_alone),
		TEST(every_truncation_is_counted_once),
		TEST(random_frames_do_no_harm),
		TEST(costs),
	};

	frame_need_bpf();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
