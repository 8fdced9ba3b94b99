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

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "dtls/cookie.h"
#include "dtls/filter.h"
#include "frame.h"
#include "xdp_guard.skel.h"

enum { XDP_DROPPED = 1, XDP_PASSED = 2, XDP_SENT = 3, SERVICE_MIN = 62, VERIFY = 36 };

static struct xdp_guard *guard;
static int prog;
static const struct mn_cookies cookies = { .key = { { 1, 2 }, { 3, 4 } } };

static void configure(const struct mncse_bpf_config *c)
{
	uint32_t zero = 0;

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(guard->maps.config), &zero, c, BPF_ANY),
			 0);
}

static int setup(void **state)
{
	struct mncse_bpf_config c;
	uint32_t zero = 0;

	(void)state;
	guard = xdp_guard__open_and_load();
	if (!guard)
		return -1;
	prog = bpf_program__fd(guard->progs.xdp_guard);
	frame_config(&c);
	configure(&c);
	return bpf_map_update_elem(bpf_map__fd(guard->maps.keys), &zero, cookies.key, BPF_ANY);
}

static int teardown(void **state)
{
	(void)state;
	xdp_guard__destroy(guard);
	guard = NULL;
	return 0;
}

static struct mncse_bpf_counters counted(void)
{
	struct mncse_bpf_counters n;

	frame_counters(bpf_map__fd(guard->maps.counters), &n);
	return n;
}

static void reconciles(void)
{
	struct mncse_bpf_counters n = counted();
	uint64_t seen = 0, done = 0;

	for (int i = 0; i < __MNCSE_CLASS_MAX; i++)
		seen += n.guard[i].packets;
	for (int i = 0; i < __MNCSE_VERDICT_MAX; i++)
		done += n.verdict[i];
	assert_int_equal(seen, done);
	assert_int_equal(n.verdict[MNCSE_VERDICT_DROP_ERROR], 0);
}

static void open_session(bool six, uint32_t device)
{
	struct mncse_bpf_session s = { .service_min = SERVICE_MIN };
	union mn_addr a = frame_device(six, device);
	struct mncse_bpf_peer p = frame_peer(&a, six);

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(guard->maps.sessions), &p, &s, BPF_ANY),
			 0);
}

/* Runs it and says which class it was counted as; *verdict: XDP's. */
static int class_of(const struct frame *f, uint32_t *verdict)
{
	struct mncse_bpf_counters before = counted(), after;
	int class = -1;

	*verdict = frame_run(prog, f, NULL);
	after = counted();
	for (int i = 0; i < __MNCSE_CLASS_MAX; i++) {
		if (after.guard[i].packets == before.guard[i].packets)
			continue;
		assert_int_equal(class, -1);
		class = i;
	}
	return class;
}

static void expect(const struct shape *s, const void *payload, size_t len, int class,
		   uint32_t verdict)
{
	struct frame f;
	uint32_t got;

	frame_build(&f, s, payload, len);
	assert_int_equal(class_of(&f, &got), class);
	assert_int_equal(got, verdict);
}

/* Every way to wrap a datagram: calls fn with each shape of both families. */
static void each_shape(void (*fn)(const struct shape *s))
{
	for (int six = 0; six < 2; six++)
		for (unsigned int vlans = 0; vlans <= 2; vlans++)
			for (unsigned int more = 0; more <= (six ? 4 : 40); more += six ? 1 : 20) {
				struct shape s = { .six = six, .vlans = vlans, .device = 7 };

				if (six)
					s.extensions = more;
				else
					s.options = more;
				fn(&s);
			}
}

static struct mn_client_hello read_hello(uint8_t *payload, size_t len)
{
	struct mn_client_hello h;
	struct mn_record r;
	size_t at = 0;

	assert_int_equal(mn_record_next(payload, len, &at, &r), 1);
	assert_int_equal(mn_client_hello_read(&r, &h), 0);
	return h;
}

static void cookie_of(const struct shape *s, uint8_t seed, unsigned int key,
		      uint8_t out[MNCSE_COOKIE_LEN])
{
	struct mn_cookies c = { .key = { cookies.key[key], cookies.key[!key] } };
	union mn_addr from = frame_device(s->six, s->device);
	uint8_t hello[128];
	struct mn_client_hello h = read_hello(hello, frame_hello(hello, seed, NULL, 0));

	mn_cookie_make(&c, 0, &from, &h, out);
}

/* ---- answers ---- */

static void check_answer(const struct shape *s)
{
	uint8_t hello[128], cookie[MNCSE_COOKIE_LEN], verify[64];
	size_t len = frame_hello(hello, 3, NULL, 0);
	struct mn_client_hello h = read_hello(hello, len);
	struct mn_cookies check = cookies;
	union mn_addr from = frame_device(s->six, s->device);
	struct shape back = *s;
	struct frame f, out, want;

	frame_build(&f, s, hello, len);
	if (s->options || s->extensions) {
		assert_int_equal(frame_run(prog, &f, NULL), XDP_PASSED);
		return;
	}
	assert_int_equal(frame_run(prog, &f, &out), XDP_SENT);
	assert_true(out.len < f.len);

	/* what the daemon would have said, in a frame the other way round */
	cookie_of(s, 3, 0, cookie);
	assert_int_equal(mn_hello_verify_write(&h, cookie, sizeof(cookie), verify, sizeof(verify)),
			 VERIFY);
	back.out = true;
	frame_build(&want, &back, verify, VERIFY);
	memcpy(want.bytes, f.bytes + 6, 6);
	memcpy(want.bytes + 6, f.bytes, 6);
	if (s->six) {
		memcpy(want.bytes + want.network, "\x60\0\0\0", 4);
		want.bytes[want.network + 7] = 64;
	} else {
		uint8_t *ip = want.bytes + want.network;

		ip[1] = 0;
		ip[4] = ip[5] = 0;
		ip[8] = 64;
		ip[10] = ip[11] = 0;
		mn_put16(ip + 10, frame_fold(frame_sum(ip, 20, 0)));
	}
	assert_int_equal(out.len, want.len);
	assert_memory_equal(out.bytes, want.bytes, want.len);

	/* and the daemon takes it */
	h.cookie = out.bytes + out.udp + 8 + 28;
	h.cookie_len = MNCSE_COOKIE_LEN;
	assert_true(mn_cookie_check(&check, 0, &from, &h));
}

static void answers_a_hello_byte_for_byte_as_the_daemon(void **state)
{
	(void)state;
	each_shape(check_answer);
	reconciles();
}

static void checksums_are_right_whatever_the_cookie(void **state)
{
	(void)state;
	for (int i = 0; i < 512; i++) {
		struct shape s = { .six = i & 1, .device = (uint32_t)i };
		uint8_t hello[128];
		struct frame f, out;
		uint16_t had;

		frame_build(&f, &s, hello, frame_hello(hello, (uint8_t)i, NULL, 0));
		assert_int_equal(frame_run(prog, &f, &out), XDP_SENT);
		had = mn_get16(out.bytes + out.udp + 6);
		assert_int_equal(had, frame_udp_checksum(&out));
		if (!s.six)
			assert_int_equal(frame_fold(frame_sum(out.bytes + out.network, 20, 0)), 0);
	}
}

static void takes_the_cookies_of_both_keys(void **state)
{
	uint8_t hello[128], cookie[MNCSE_COOKIE_LEN];

	(void)state;
	for (int six = 0; six < 2; six++)
		for (unsigned int key = 0; key < 2; key++) {
			struct shape s = { .six = six, .device = 20 + key };

			cookie_of(&s, 5, key, cookie);
			expect(&s, hello, frame_hello(hello, 5, cookie, sizeof(cookie)),
			       MNCSE_CLASS_HELLO_COOKIE, XDP_PASSED);
		}
	assert_int_equal(counted().bad_cookie, 0);
}

static void answers_a_wrong_cookie_with_a_right_one(void **state)
{
	struct shape s = { .device = 1 }, other = { .device = 2 };
	uint8_t hello[300], cookie[255] = { 0 };

	(void)state;
	cookie_of(&s, 5, 0, cookie);
	/* of another address, of another random, with a bit changed, of another length */
	expect(&other, hello, frame_hello(hello, 5, cookie, 8), MNCSE_CLASS_HELLO_COOKIE, XDP_SENT);
	expect(&s, hello, frame_hello(hello, 6, cookie, 8), MNCSE_CLASS_HELLO_COOKIE, XDP_SENT);
	cookie[3] ^= 1;
	expect(&s, hello, frame_hello(hello, 5, cookie, 8), MNCSE_CLASS_HELLO_COOKIE, XDP_SENT);
	cookie[3] ^= 1;
	expect(&s, hello, frame_hello(hello, 5, cookie, 7), MNCSE_CLASS_HELLO_COOKIE, XDP_SENT);
	expect(&s, hello, frame_hello(hello, 5, cookie, 20), MNCSE_CLASS_HELLO_COOKIE, XDP_SENT);
	expect(&s, hello, frame_hello(hello, 5, cookie, 200), MNCSE_CLASS_HELLO_COOKIE, XDP_SENT);
	assert_int_equal(counted().bad_cookie, 6);
	reconciles();
}

static void answers_no_group_and_not_itself(void **state)
{
	struct shape s = { .device = 1 };
	uint8_t hello[128];
	size_t len = frame_hello(hello, 1, NULL, 0);
	struct frame f;

	(void)state;
	frame_build(&f, &s, hello, len);
	f.bytes[0] |= 1;
	assert_int_equal(frame_run(prog, &f, NULL), XDP_PASSED);
	frame_build(&f, &s, hello, len);
	f.bytes[f.network + 12] = 224;
	assert_int_equal(frame_run(prog, &f, NULL), XDP_PASSED);
	frame_build(&f, &s, hello, len);
	f.bytes[f.network + 12] = 0;
	assert_int_equal(frame_run(prog, &f, NULL), XDP_PASSED);
	frame_build(&f, &s, hello, len);
	memcpy(f.bytes + f.network + 12, f.bytes + f.network + 16, 4);
	assert_int_equal(frame_run(prog, &f, NULL), XDP_PASSED);
}

/* ---- classes ---- */

static void check_classes(const struct shape *s)
{
	static const struct {
		uint8_t type;
		uint16_t epoch;
		size_t n;
		int session, pending, unknown; /* -1: dropped as unknown */
	} table[] = {
		{ 22, 0, 60, MNCSE_CLASS_HANDSHAKE, MNCSE_CLASS_HANDSHAKE, -1 },
		{ 22, 1, 40, MNCSE_CLASS_HANDSHAKE, MNCSE_CLASS_HANDSHAKE, -1 },
		{ 20, 0, 1, MNCSE_CLASS_HANDSHAKE, MNCSE_CLASS_HANDSHAKE, -1 },
		{ 21, 1, 26, MNCSE_CLASS_ALERT, MNCSE_CLASS_ALERT, -1 },
		{ 21, 0, 2, MNCSE_CLASS_ALERT, MNCSE_CLASS_ALERT, -1 },
		{ 23, 1, SERVICE_MIN - 1, MNCSE_CLASS_APPLICATION, -1, -1 },
		{ 23, 1, SERVICE_MIN, MNCSE_CLASS_SERVICE, -1, -1 },
		{ 23, 1, 1200, MNCSE_CLASS_SERVICE, -1, -1 },
	};
	uint8_t payload[1400], hello[128], cookie[MNCSE_COOKIE_LEN];
	struct shape live = *s, half = *s, none = *s;

	live.device = 300;
	half.device = 301;
	none.device = 302;
	open_session(s->six, live.device);
	cookie_of(&half, 1, 0, cookie);
	expect(&half, hello, frame_hello(hello, 1, cookie, sizeof(cookie)),
	       MNCSE_CLASS_HELLO_COOKIE, XDP_PASSED);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		/* the body's first octet 2 is no ClientHello */
		size_t n = frame_record(payload, table[i].type, table[i].epoch, 2, table[i].n);
		int p = table[i].pending;

		expect(&live, payload, n, table[i].session, XDP_PASSED);
		expect(&half, payload, n, p < 0 ? MNCSE_CLASS_UNKNOWN : p,
		       p < 0 ? XDP_DROPPED : XDP_PASSED);
		expect(&none, payload, n, MNCSE_CLASS_UNKNOWN, XDP_DROPPED);
	}
}

static void knows_live_pending_and_unknown_senders(void **state)
{
	(void)state;
	each_shape(check_classes);
	reconciles();
}

static void pending_ends(void **state)
{
	struct shape s = { .device = 400 };
	uint8_t hello[128], cookie[MNCSE_COOKIE_LEN], payload[64];
	struct mncse_bpf_config c;

	(void)state;
	frame_config(&c);
	c.pending_ns = 0;
	configure(&c);
	cookie_of(&s, 1, 0, cookie);
	expect(&s, hello, frame_hello(hello, 1, cookie, sizeof(cookie)), MNCSE_CLASS_HELLO_COOKIE,
	       XDP_PASSED);
	expect(&s, payload, frame_record(payload, 22, 0, 16, 40), MNCSE_CLASS_UNKNOWN, XDP_DROPPED);
}

static void unknown_senders_pass_while_the_session_map_is_not_whole(void **state)
{
	struct shape s = { .device = 500 };
	uint8_t payload[128];
	struct mncse_bpf_config c;

	(void)state;
	frame_config(&c);
	c.flags = MNCSE_CONFIG_OPEN;
	configure(&c);
	expect(&s, payload, frame_record(payload, 23, 1, 2, 80), MNCSE_CLASS_UNKNOWN, XDP_PASSED);
	expect(&s, "junk", 4, MNCSE_CLASS_JUNK, XDP_DROPPED);
}

static void another_listeners_session_is_not_this_ones(void **state)
{
	struct shape s = { .device = 9 };
	union mn_addr a = frame_device(false, 9);
	struct mncse_bpf_peer p = frame_peer(&a, 1);
	struct mncse_bpf_session session = { .service_min = 1 };
	uint8_t payload[128];

	(void)state;
	bpf_map_update_elem(bpf_map__fd(guard->maps.sessions), &p, &session, BPF_ANY);
	expect(&s, payload, frame_record(payload, 23, 1, 2, 80), MNCSE_CLASS_UNKNOWN, XDP_DROPPED);
}

static void check_foreign(const struct shape *s)
{
	uint8_t hello[128];
	size_t len = frame_hello(hello, 1, NULL, 0);
	struct frame f;
	uint32_t verdict;
	int class;

	frame_build(&f, s, hello, len);
	f.bytes[f.udp + 3]++; /* another port */
	class = class_of(&f, &verdict);
	assert_int_equal(class, MNCSE_CLASS_OTHER);
	assert_int_equal(verdict, XDP_PASSED);
	frame_build(&f, s, hello, len);
	f.bytes[f.network + (s->six ? 39 : 19)]++; /* another address */
	assert_int_equal(class_of(&f, &verdict), MNCSE_CLASS_OTHER);
	assert_int_equal(verdict, XDP_PASSED);
	if (!s->extensions) {
		frame_build(&f, s, hello, len);
		f.bytes[f.network + (s->six ? 6 : 9)] = 6; /* TCP */
		assert_int_equal(class_of(&f, &verdict), MNCSE_CLASS_OTHER);
		assert_int_equal(verdict, XDP_PASSED);
	}
}

static void passes_what_is_for_others(void **state)
{
	struct frame arp = { .len = 60 };
	uint32_t verdict;

	(void)state;
	each_shape(check_foreign);
	mn_put16(arp.bytes + 12, 0x0806);
	assert_int_equal(class_of(&arp, &verdict), MNCSE_CLASS_OTHER);
	assert_int_equal(verdict, XDP_PASSED);
	reconciles();
}

static void passes_fragments_and_counts_them(void **state)
{
	uint8_t hello[128];
	size_t len = frame_hello(hello, 1, NULL, 0);

	(void)state;
	for (int six = 0; six < 2; six++)
		for (unsigned int vlans = 0; vlans <= 2; vlans++)
			for (unsigned int x = 0; x <= (six ? 3u : 0); x++) {
				struct shape s = { .six = six,
						   .vlans = vlans,
						   .extensions = x,
						   .fragment = true };

				expect(&s, hello, len, MNCSE_CLASS_FRAGMENT, XDP_PASSED);
			}
}

/* ---- the daemon's filter is the oracle ---- */

/* As endpoint.c decides before it looks for a session. */
static bool daemon_drops(const uint8_t *payload, size_t len, bool *hello)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct mn_client_hello h;
	struct mn_record r;
	size_t at = 0;
	bool drop;

	*hello = false;
	memcpy(copy, payload, len);
	drop = !mn_datagram_ok(copy, len);
	if (!drop) {
		mn_record_next(copy, len, &at, &r);
		*hello = mn_is_client_hello(&r);
		if (*hello)
			drop = mn_client_hello_read(&r, &h) || at != len;
	}
	free(copy);
	return drop;
}

/* The guard never drops as junk what the daemon takes; and takes nothing that the daemon drops, but for what a ClientHello has after its
 * cipher suites. */
static void compare(const struct shape *s, const uint8_t *payload, size_t len)
{
	struct frame f, out;
	bool hello, drops = daemon_drops(payload, len, &hello);
	uint32_t verdict;
	int class;

	frame_build(&f, s, payload, len);
	class = class_of(&f, &verdict);
	if (class == MNCSE_CLASS_JUNK)
		assert_true(drops);
	else if (!hello)
		assert_false(drops);
	if (verdict == XDP_SENT) {
		frame_run(prog, &f, &out);
		assert_true(hello && out.len < f.len);
	}
}

static void every_truncation_is_judged_as_by_the_daemon(void **state)
{
	uint8_t a[2048], cookie[8] = { 1 };
	size_t len;

	(void)state;
	for (int six = 0; six < 2; six++) {
		struct shape s = { .six = six, .vlans = 1, .device = 600 };

		open_session(six, 600);
		len = frame_hello(a, 1, cookie, sizeof(cookie));
		for (size_t n = 0; n <= len; n++)
			compare(&s, a, n);
		/* a flight: ClientKeyExchange, ChangeCipherSpec, Finished */
		len = frame_record(a, 22, 0, 16, 40);
		len += frame_record(a + len, 20, 0, 1, 1);
		len += frame_record(a + len, 22, 1, 0, 40);
		for (size_t n = 0; n <= len; n++)
			compare(&s, a, n);
		len = frame_record(a, 23, 1, 2, 300);
		for (size_t n = 0; n <= len; n++)
			compare(&s, a, n);
	}
	reconciles();
}

/* The lengths in the headers stay: what the kernel would drop goes through untouched. */
static void every_truncation_of_a_frame_passes_or_drops(void **state)
{
	uint8_t hello[128];
	size_t len = frame_hello(hello, 1, NULL, 0);

	(void)state;
	for (int six = 0; six < 2; six++)
		for (unsigned int more = 0; more < 3; more++) {
			struct shape s = { .six = six,
					   .vlans = more,
					   .extensions = six ? more : 0,
					   .options = six ? 0 : more * 8 };
			struct frame f;

			frame_build(&f, &s, hello, len);
			for (size_t n = 14; n < f.len; n++) {
				struct frame cut = f;
				uint32_t verdict;

				cut.len = n;
				assert_int_equal(class_of(&cut, &verdict), MNCSE_CLASS_OTHER);
				assert_int_equal(verdict, XDP_PASSED);
			}
		}
	reconciles();
}

static void random_packets_are_judged_as_by_the_daemon(void **state)
{
	uint8_t a[512], b[512], cookie[8] = { 9 };

	(void)state;
	srandom(1);
	open_session(false, 700);
	open_session(true, 700);
	for (int i = 0; i < 20000; i++) {
		struct shape s = { .six = i & 1, .device = i & 2 ? 700 : 701 };
		size_t len;

		switch (i % 5) {
		case 0:
			len = (size_t)(random() % 120);
			for (size_t k = 0; k < len; k++)
				a[k] = (uint8_t)random();
			break;
		case 1:
			len = frame_record(a, (uint8_t)(20 + random() % 4), random() & 1,
					   (uint8_t)random(), (size_t)(random() % 200));
			break;
		case 2:
			len = frame_record(a, 22, 0, 16, 30);
			len += frame_record(a + len, 20, 0, 1, 1);
			len += frame_record(a + len, 22, 1, 1, 40);
			break;
		default:
			len = frame_hello(a, (uint8_t)i, cookie, i % 10 == 3 ? 8 : 0);
			break;
		}
		memcpy(b, a, len);
		for (int k = (int)(random() % 3); k > 0 && len; k--)
			b[(size_t)random() % len] = (uint8_t)random();
		compare(&s, b, len);
	}
	reconciles();
}

static void random_frames_do_no_harm(void **state)
{
	uint8_t hello[128];
	size_t len = frame_hello(hello, 1, NULL, 0);

	(void)state;
	srandom(2);
	for (int i = 0; i < 20000; i++) {
		struct shape s = { .six = i & 1, .vlans = (unsigned int)i % 3 };
		struct frame f, out;

		frame_build(&f, &s, hello, len);
		for (int k = (int)(random() % 6); k >= 0; k--)
			f.bytes[(size_t)random() % f.len] = (uint8_t)random();
		if (frame_run(prog, &f, &out) == XDP_SENT)
			assert_true(out.len < f.len);
	}
	reconciles();
}

/* ---- rate ---- */

static unsigned int answered_of(unsigned int n, bool six, uint32_t device, uint32_t step)
{
	unsigned int sent = 0;
	uint8_t hello[128];
	struct frame f;

	for (unsigned int i = 0; i < n; i++) {
		struct shape s = { .six = six, .device = device + i * step };

		frame_build(&f, &s, hello, frame_hello(hello, 1, NULL, 0));
		sent += frame_run(prog, &f, NULL) == XDP_SENT;
	}
	return sent;
}

static void a_prefix_has_a_rate_and_others_are_not_touched(void **state)
{
	struct shape s = { .device = 1 };
	uint8_t hello[128], cookie[MNCSE_COOKIE_LEN];
	struct mncse_bpf_config c;

	(void)state;
	frame_config(&c);
	c.hello_ns = 3600ull * 1000000000; /* none comes back while this runs */
	c.burst_ns = 9 * c.hello_ns;
	configure(&c);
	/* devices 0..200 share a /24 and a /56 */
	assert_int_equal(answered_of(50, false, 0, 1), 10);
	assert_int_equal(answered_of(50, true, 0, 1), 10);
	assert_int_equal(counted().verdict[MNCSE_VERDICT_DROP_LIMIT], 80);
	assert_int_equal(answered_of(10, false, 256, 1), 10);
	assert_int_equal(answered_of(10, true, 256, 1), 10);
	/* who has shown its address has a share of its own */
	cookie_of(&s, 1, 0, cookie);
	expect(&s, hello, frame_hello(hello, 1, cookie, sizeof(cookie)), MNCSE_CLASS_HELLO_COOKIE,
	       XDP_PASSED);
	reconciles();
}

static void the_prefix_length_is_the_configurations(void **state)
{
	struct mncse_bpf_config c;

	(void)state;
	frame_config(&c);
	c.hello_ns = 3600ull * 1000000000;
	c.mask4 = ~0ull;
	configure(&c);
	assert_int_equal(answered_of(20, false, 0, 1), 20);
	assert_int_equal(answered_of(20, false, 0, 1), 0);
}

/* ---- cost ---- */

static void costs(void **state)
{
	static const char *const names[] = { "live session", "unknown sender", "junk",
					     "other port" };
	uint8_t a[256];

	(void)state;
	for (int six = 0; six < 2; six++) {
		struct shape s = { .six = six, .device = 800 };
		unsigned int ns[4];
		struct frame f;

		open_session(six, 800);
		frame_build(&f, &s, a, frame_record(a, 23, 1, 2, 100));
		ns[0] = frame_time(prog, &f);
		s.device = 801;
		frame_build(&f, &s, a, frame_record(a, 23, 1, 2, 100));
		ns[1] = frame_time(prog, &f);
		frame_build(&f, &s, "0123456789abcdef", 16);
		ns[2] = frame_time(prog, &f);
		f.bytes[f.udp + 3]++;
		ns[3] = frame_time(prog, &f);
		for (int i = 0; i < 4; i++)
			printf("# IPv%d %s: %u ns\n", six ? 6 : 4, names[i], ns[i]);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_a_hello_byte_for_byte_as_the_daemon),
		TEST(checksums_are_right_whatever_the_cookie),
		TEST(takes_the_cookies_of_both_keys),
		TEST(answers_a_wrong_cookie_with_a_right_one),
		TEST(answers_no_group_and_not_itself),
		TEST(knows_live_pending_and_unknown_senders),
		TEST(pending_ends),
		TEST(unknown_senders_pass_while_the_session_map_is_not_whole),
		TEST(another_listeners_session_is_not_this_ones),
		TEST(passes_what_is_for_others),
		TEST(passes_fragments_and_counts_them),
		TEST(every_truncation_is_judged_as_by_the_daemon),
		TEST(every_truncation_of_a_frame_passes_or_drops),
		TEST(random_packets_are_judged_as_by_the_daemon),
		TEST(random_frames_do_no_harm),
		TEST(a_prefix_has_a_rate_and_others_are_not_touched),
		TEST(the_prefix_length_is_the_configurations),
		TEST(costs),
	};

	frame_need_bpf();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
