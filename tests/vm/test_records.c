// SPDX-License-Identifier: GPL-2.0-or-later
/* Records through a taken socket, against OpenSSL. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "peer.h"
#include "vm.h"

static struct vm_req r;
static uint8_t text[MNCSE_RECORD_PLAIN_MAX], got[MNCSE_RECORD_PLAIN_MAX + 64];

struct world {
	int nl, udp;
	uint32_t socket;
	struct vm_peer p;
};

static void world_init(struct world *w, int family, uint16_t suite)
{
	w->nl = vm_nl_open();
	w->udp = vm_udp(family);
	w->socket = vm_take(w->nl, w->udp);
	vm_peer_init(&w->p, w->udp, 7, suite);
	assert_int_equal(vm_session_add(w->nl, &w->p, w->socket, 0), 0);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7);
}

static void world_fini(struct world *w)
{
	vm_peer_fini(&w->p);
	close(w->udp);
	vm_nl_close(w->nl);
}

/* The socket's next datagram is this record, opened. */
static void expect(struct world *w, uint8_t type, uint64_t sequence, const void *data, size_t len)
{
	struct mncse_kernel_record head;
	int n = vm_recv(w->udp, got, sizeof(got), 2000);

	assert_int_equal(n, (int)(sizeof(head) + len));
	memcpy(&head, got, sizeof(head));
	assert_int_equal(head.magic, MNCSE_KERNEL_MAGIC);
	assert_int_equal(head.type, type);
	assert_int_equal(ntohs(head.epoch), w->p.epoch);
	assert_int_equal(be64toh(head.session_id), w->p.id);
	assert_int_equal(be64toh(head.sequence), sequence);
	assert_memory_equal(got + sizeof(head), data, len);
}

static void expect_nothing(struct world *w)
{
	assert_int_equal(vm_recv(w->udp, got, sizeof(got), 50), -1);
}

/* Waits for an asynchronous cipher, then: the counter is v. */
static void expect_stat(struct world *w, const char *name, uint64_t v)
{
	for (int i = 0; i < 200 && vm_stat(w->nl, name) != v; i++)
		usleep(10000);
	assert_int_equal(vm_stat(w->nl, name), v);
}

static void all_suites_and_lengths_both_ways(void **state)
{
	static const uint16_t suites[] = { VM_GCM, 0x00aa, VM_CCM, VM_CCM_8 };
	static const int families[] = { AF_INET, AF_INET6 };
	uint64_t sequence;
	uint8_t type;

	(void)state;
	for (int f = 0; f < 2; f++)
		for (int s = 0; s < 4; s++) {
			uint64_t in = 0, out = 0;
			struct world w;

			world_init(&w, families[f], suites[s]);
			if (suites[s] == 0x00aa)
				w.p.suite = VM_GCM;
			for (size_t len = 1; len <= sizeof(text);
			     len = len < 40 ? len + 1 : len * 5 / 2) {
				vm_say(&w.p, MNCSE_APPLICATION, text, len);
				expect(&w, MNCSE_APPLICATION, in++, text, len);
				assert_int_equal(vm_send(w.nl, 7, MNCSE_APPLICATION, text, len), 0);
				assert_int_equal(vm_hear(&w.p, &type, &sequence, got, sizeof(got)),
						 (int)len);
				assert_int_equal(type, MNCSE_APPLICATION);
				assert_int_equal(sequence, out++);
				assert_memory_equal(got, text, len);
			}
			vm_say(&w.p, MNCSE_ALERT, "\1\0", 2);
			expect(&w, MNCSE_ALERT, in++, "\1\0", 2);
			vm_say(&w.p, MNCSE_APPLICATION, NULL, 0);
			expect(&w, MNCSE_APPLICATION, in, NULL, 0);
			world_fini(&w);
		}
}

static void replays_are_dropped_after_authentication_only(void **state)
{
	uint8_t first[100], forged[100], late[100];
	uint64_t replays, auth;
	struct world w;
	size_t n, m;

	(void)state;
	world_init(&w, AF_INET, VM_CCM_8);
	replays = vm_stat(w.nl, "kernel.rx_drop_replay");
	auth = vm_stat(w.nl, "kernel.rx_drop_auth");
	n = vm_seal(&w.p, MNCSE_APPLICATION, "first", 5, first);
	send(w.p.fd, first, n, 0);
	expect(&w, MNCSE_APPLICATION, 0, "first", 5);
	send(w.p.fd, first, n, 0);
	expect_nothing(&w);
	expect_stat(&w, "kernel.rx_drop_replay", replays + 1);
	/* A forged record far ahead must not move the window. */
	memcpy(forged, first, n);
	forged[10] = 0xff;
	send(w.p.fd, forged, n, 0);
	expect_nothing(&w);
	expect_stat(&w, "kernel.rx_drop_auth", auth + 1);
	w.p.sequence = 63;
	vm_say(&w.p, MNCSE_APPLICATION, "ahead", 5);
	expect(&w, MNCSE_APPLICATION, 63, "ahead", 5);
	w.p.sequence = 1;
	m = vm_seal(&w.p, MNCSE_APPLICATION, "late", 4, late);
	send(w.p.fd, late, m, 0);
	expect(&w, MNCSE_APPLICATION, 1, "late", 4);
	send(w.p.fd, late, m, 0);
	w.p.sequence = 200;
	vm_say(&w.p, MNCSE_APPLICATION, "far", 3);
	expect(&w, MNCSE_APPLICATION, 200, "far", 3);
	w.p.sequence = 136;
	vm_say(&w.p, MNCSE_APPLICATION, "too old", 7);
	w.p.sequence = 137;
	vm_say(&w.p, MNCSE_APPLICATION, "just", 4);
	expect(&w, MNCSE_APPLICATION, 137, "just", 4);
	expect_stat(&w, "kernel.rx_drop_replay", replays + 3);
	world_fini(&w);
}

static void no_bit_may_change(void **state)
{
	static const uint16_t suites[] = { VM_GCM, VM_CCM, VM_CCM_8 };
	uint8_t wire[100], changed[100];
	struct world w;

	(void)state;
	for (int s = 0; s < 3; s++) {
		size_t n;

		world_init(&w, AF_INET, suites[s]);
		n = vm_seal(&w.p, MNCSE_APPLICATION, "do not touch", 12, wire);
		for (size_t bit = 0; bit < n * 8; bit++) {
			/* a datagram of epoch 0 or of no record goes up as it is, or is dropped: not this test's */
			if (bit / 8 == 3 || bit / 8 == 4)
				continue;
			memcpy(changed, wire, n);
			changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
			send(w.p.fd, changed, n, 0);
		}
		for (size_t len = 1; len < n; len++)
			send(w.p.fd, wire, len, 0);
		send(w.p.fd, wire, n, 0);
		expect(&w, MNCSE_APPLICATION, 0, "do not touch", 12);
		expect_nothing(&w);
		world_fini(&w);
	}
}

static void what_is_not_of_a_session_comes_as_it_is(void **state)
{
	static const uint8_t magic[] = {
		MNCSE_KERNEL_MAGIC, 23, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 9, 'x'
	};
	uint8_t hello[60] = { MNCSE_HANDSHAKE, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 3, 0, 47 };
	struct world w;
	struct vm_peer stranger;
	uint64_t junk;
	uint8_t wire[100];
	size_t n;

	(void)state;
	world_init(&w, AF_INET, VM_GCM);
	vm_peer_init(&stranger, w.udp, 8, VM_GCM);
	send(w.p.fd, hello, sizeof(hello), 0);
	assert_int_equal(vm_recv(w.udp, got, sizeof(got), 2000), sizeof(hello));
	assert_memory_equal(got, hello, sizeof(hello));
	n = vm_seal(&stranger, MNCSE_APPLICATION, "who?", 4, wire);
	send(stranger.fd, wire, n, 0);
	assert_int_equal(vm_recv(w.udp, got, sizeof(got), 2000), n);
	assert_memory_equal(got, wire, n);
	junk = vm_stat(w.nl, "kernel.rx_junk");
	send(w.p.fd, magic, sizeof(magic), 0);
	send(stranger.fd, magic, sizeof(magic), 0);
	expect_nothing(&w);
	expect_stat(&w, "kernel.rx_junk", junk + 2);
	send(w.p.fd, magic, 0, 0);
	send(w.p.fd, hello, 12, 0);
	expect_nothing(&w);
	/* the datagrams of the socket are all accounted for */
	assert_int_equal(vm_stat(w.nl, "kernel.rx_datagrams"),
			 vm_stat(w.nl, "kernel.rx_passed") + vm_stat(w.nl, "kernel.rx_gso") +
				 vm_stat(w.nl, "kernel.rx_short") +
				 vm_stat(w.nl, "kernel.rx_junk") +
				 vm_stat(w.nl, "kernel.rx_session"));
	vm_peer_fini(&stranger);
	world_fini(&w);
}

static void records_of_one_datagram_come_one_by_one(void **state)
{
	uint8_t wire[200];
	size_t n = 0;
	struct world w;

	(void)state;
	world_init(&w, AF_INET6, VM_GCM);
	n += vm_seal(&w.p, MNCSE_APPLICATION, "one", 3, wire + n);
	n += vm_seal(&w.p, MNCSE_APPLICATION, "second", 6, wire + n);
	n += vm_seal(&w.p, MNCSE_ALERT, "\2\50", 2, wire + n);
	memset(wire + n, 0, 9); /* and rubbish */
	send(w.p.fd, wire, n + 9, 0);
	expect(&w, MNCSE_APPLICATION, 0, "one", 3);
	expect(&w, MNCSE_APPLICATION, 1, "second", 6);
	expect(&w, MNCSE_ALERT, 2, "\2\50", 2);
	expect_nothing(&w);
	world_fini(&w);
}

static void a_new_key_seals_and_the_old_one_still_opens(void **state)
{
	struct vm_peer old;
	struct world w;
	uint64_t sequence, drops;
	uint8_t type;

	(void)state;
	world_init(&w, AF_INET, VM_GCM);
	vm_say(&w.p, MNCSE_APPLICATION, "a", 1);
	expect(&w, MNCSE_APPLICATION, 0, "a", 1);
	old = w.p;
	vm_peer_rekey(&w.p, 2);
	assert_int_equal(vm_key_set(w.nl, &w.p), 0);
	assert_int_equal(vm_send(w.nl, 7, MNCSE_APPLICATION, "b", 1), 0);
	assert_int_equal(vm_hear(&w.p, &type, &sequence, got, sizeof(got)), 1);
	assert_int_equal(sequence, 0);
	vm_say(&w.p, MNCSE_APPLICATION, "c", 1);
	expect(&w, MNCSE_APPLICATION, 0, "c", 1);
	vm_say(&old, MNCSE_APPLICATION, "d", 1);
	w.p.epoch = 1;
	expect(&w, MNCSE_APPLICATION, 1, "d", 1);
	w.p.epoch = 2;
	vm_req(&r, MNCSE_KCMD_KEY_DEL);
	vm_put_u64(&r, MNCSE_KA_SESSION_ID, 7);
	vm_put_u16(&r, MNCSE_KA_EPOCH, 1);
	assert_int_equal(vm_call(w.nl, &r, false, NULL, NULL), 0);
	drops = vm_stat(w.nl, "kernel.rx_drop_epoch");
	vm_say(&old, MNCSE_APPLICATION, "e", 1);
	expect_nothing(&w);
	expect_stat(&w, "kernel.rx_drop_epoch", drops + 1);
	/* The same epoch again: a peer that shook hands anew. The old key is gone at once. */
	old = w.p;
	vm_peer_rekey(&w.p, 2);
	assert_int_equal(vm_key_set(w.nl, &w.p), 0);
	vm_say(&old, MNCSE_APPLICATION, "f", 1);
	expect_nothing(&w);
	vm_say(&w.p, MNCSE_APPLICATION, "g", 1);
	expect(&w, MNCSE_APPLICATION, 0, "g", 1);
	world_fini(&w);
}

struct state {
	uint64_t write, next, seen;
};

static void read_state(void *arg, const struct vm_attrs *a)
{
	struct state *s = arg;
	struct vm_attrs slot;

	slot.data = vm_find(a, MNCSE_KA_SLOT, &slot.len);
	assert_non_null(slot.data);
	s->write = vm_number(&slot, MNCSE_KEY_WRITE_SEQUENCE);
	s->next = vm_number(&slot, MNCSE_KEY_REPLAY_NEXT);
	s->seen = vm_number(&slot, MNCSE_KEY_REPLAY_SEEN);
}

static void a_deleted_session_tells_its_state_and_comes_back_with_it(void **state)
{
	struct state s = { 0 };
	struct world w;
	uint64_t sequence;
	uint8_t type, wire[100];
	size_t n, nest;

	(void)state;
	world_init(&w, AF_INET, VM_CCM_8);
	for (int i = 0; i < 5; i++)
		assert_int_equal(vm_send(w.nl, 7, MNCSE_APPLICATION, "x", 1), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(vm_hear(&w.p, &type, &sequence, got, sizeof(got)), 1);
	n = vm_seal(&w.p, MNCSE_APPLICATION, "zero", 4, wire);
	send(w.p.fd, wire, n, 0);
	expect(&w, MNCSE_APPLICATION, 0, "zero", 4);
	w.p.sequence = 2;
	vm_say(&w.p, MNCSE_APPLICATION, "two", 3);
	expect(&w, MNCSE_APPLICATION, 2, "two", 3);
	assert_int_equal(vm_session_del(w.nl, 7, read_state, &s), 0);
	assert_int_equal(s.write, 5);
	assert_int_equal(s.next, 3);
	assert_int_equal(s.seen, 5);
	vm_say(&w.p, MNCSE_APPLICATION, "raw", 3);
	assert_int_equal(vm_recv(w.udp, got, sizeof(got), 2000), 13 + 8 + 3 + 8);

	vm_session_add_req(&r, &w.p, w.socket);
	nest = r.h.nlmsg_len;
	vm_put_key(&r, &w.p, 0);
	vm_put_u64(&r, MNCSE_KEY_WRITE_SEQUENCE, s.write);
	vm_put_u64(&r, MNCSE_KEY_REPLAY_NEXT, s.next);
	vm_put_u64(&r, MNCSE_KEY_REPLAY_SEEN, s.seen);
	vm_nest_end(&r, nest);
	assert_int_equal(vm_call(w.nl, &r, false, NULL, NULL), 0);
	send(w.p.fd, wire, n, 0);
	expect_nothing(&w);
	w.p.sequence = 1;
	vm_say(&w.p, MNCSE_APPLICATION, "one", 3);
	expect(&w, MNCSE_APPLICATION, 1, "one", 3);
	assert_int_equal(vm_send(w.nl, 7, MNCSE_APPLICATION, "x", 1), 0);
	assert_int_equal(vm_hear(&w.p, &type, &sequence, got, sizeof(got)), 1);
	assert_int_equal(sequence, 5);
	world_fini(&w);
}

static void add_limited(struct world *w, uint64_t first, uint64_t records)
{
	size_t nest;

	vm_session_add_req(&r, &w->p, w->socket);
	nest = r.h.nlmsg_len;
	vm_put_key(&r, &w->p, 0);
	vm_put_u64(&r, MNCSE_KEY_WRITE_SEQUENCE, first);
	vm_put_u64(&r, MNCSE_KEY_RECORDS_MAX, records);
	vm_nest_end(&r, nest);
	assert_int_equal(vm_call(w->nl, &r, false, NULL, NULL), 0);
}

static void numbers_and_records_of_a_key_end_and_it_is_told(void **state)
{
	struct world w;
	uint64_t sequence;
	uint8_t type;
	int events;

	(void)state;
	world_init(&w, AF_INET, VM_GCM);
	events = vm_events_open(w.nl);
	assert_int_equal(vm_session_del(w.nl, 7, NULL, NULL), 0);
	add_limited(&w, MNCSE_SEQUENCE_MAX, 100);
	assert_int_equal(vm_send(w.nl, 7, MNCSE_APPLICATION, "x", 1), 0);
	assert_int_equal(vm_hear(&w.p, &type, &sequence, got, sizeof(got)), 1);
	assert_int_equal(sequence, MNCSE_SEQUENCE_MAX);
	assert_int_equal(vm_send(w.nl, 7, MNCSE_APPLICATION, "x", 1), -ERANGE);
	assert_int_equal(vm_send(w.nl, 7, MNCSE_APPLICATION, "x", 1), -ERANGE);
	assert_true(vm_event_wait(events, MNCSE_REASON_SEQUENCE, 7));
	assert_int_equal(vm_session_del(w.nl, 7, NULL, NULL), 0);
	add_limited(&w, 10, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(vm_send(w.nl, 7, MNCSE_APPLICATION, "x", 1), 0);
	assert_int_equal(vm_send(w.nl, 7, MNCSE_APPLICATION, "x", 1), -ERANGE);
	for (unsigned int i = 0; i < 3; i++) {
		vm_say(&w.p, MNCSE_APPLICATION, "y", 1);
		expect(&w, MNCSE_APPLICATION, i, "y", 1);
	}
	vm_say(&w.p, MNCSE_APPLICATION, "y", 1);
	expect_nothing(&w);
	close(events);
	world_fini(&w);
}

static void forgeries_replays_and_the_end_of_a_socket_are_told(void **state)
{
	struct world w;
	uint8_t wire[100];
	size_t n;
	int events;

	(void)state;
	world_init(&w, AF_INET, VM_GCM);
	events = vm_events_open(w.nl);
	n = vm_seal(&w.p, MNCSE_APPLICATION, "x", 1, wire);
	wire[n - 1] ^= 1;
	send(w.p.fd, wire, n, 0);
	assert_true(vm_event_wait(events, MNCSE_REASON_AUTH, 7));
	close(w.udp);
	assert_true(vm_event_wait(events, MNCSE_REASON_CLOSED, 7));
	close(events);
	w.udp = vm_udp(AF_INET);
	world_fini(&w);
}

int vm_test_records(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_suites_and_lengths_both_ways),
		cmocka_unit_test(replays_are_dropped_after_authentication_only),
		cmocka_unit_test(no_bit_may_change),
		cmocka_unit_test(what_is_not_of_a_session_comes_as_it_is),
		cmocka_unit_test(records_of_one_datagram_come_one_by_one),
		cmocka_unit_test(a_new_key_seals_and_the_old_one_still_opens),
		cmocka_unit_test(a_deleted_session_tells_its_state_and_comes_back_with_it),
		cmocka_unit_test(numbers_and_records_of_a_key_end_and_it_is_told),
		cmocka_unit_test(forgeries_replays_and_the_end_of_a_socket_are_told),
	};

	return cmocka_run_group_tests_name("kernel records", tests, NULL, NULL);
}
