// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dtls/cookie.h"
#include "dtls/filter.h"

/* A ClientHello as in docs/protocol.md: record 22, version fe ff, epoch 0, sequence 5; message_seq 0; TLS_PSK_WITH_AES_128_CCM_8 and
 * the encrypt_then_mac extension. */
static const uint8_t hello[] = {
	0x16, 0xfe, 0xff, 0,    0,  0,  0,  0,  0,  0,  5,  0,    0x3c, /* record header */
	1,    0,    0,    0x30, 0,  0,  0,  0,  0,  0,  0,  0x30,       /* handshake header */
	0xfe, 0xfd,                                                     /* client_version */
	1,    2,    3,    4,    5,  6,  7,  8,  9,  10, 11, 12,   13,   14, 15, 16, /* random */
	17,   18,   19,   20,   21, 22, 23, 24, 25, 26, 27, 28,   29,   30, 31, 32,
	0,                             /* session_id */
	0,                             /* cookie */
	0,    2,    0xc0, 0xa8,        /* cipher_suites */
	1,    0,                       /* compression_methods */
	0,    4,    0,    22,   0,  0, /* extensions */
};

/* Records are read from exact heap copies, so that ASan sees a byte too many. */
static uint8_t *copy_of(const void *p, size_t len)
{
	uint8_t *c = malloc(len ? len : 1);

	memcpy(c, p, len);
	return c;
}

static int read_hello(const uint8_t *data, size_t len, struct mn_client_hello *out)
{
	uint8_t *c = copy_of(data, len);
	struct mn_record r;
	size_t at = 0;
	int ret = mn_record_next(c, len, &at, &r);

	if (ret == 1)
		ret = mn_is_client_hello(&r) ? mn_client_hello_read(&r, out) : -ENOENT;
	else
		ret = -EBADMSG;
	free(c);
	return ret;
}

static void reads_a_client_hello(void **state)
{
	struct mn_client_hello h;
	uint8_t *c = copy_of(hello, sizeof(hello));
	struct mn_record r;
	size_t at = 0;

	(void)state;
	assert_int_equal(mn_record_next(c, sizeof(hello), &at, &r), 1);
	assert_int_equal(mn_client_hello_read(&r, &h), 0);
	assert_int_equal(h.version, 0xfefd);
	assert_int_equal(h.record_sequence, 5);
	assert_int_equal(h.message_seq, 0);
	assert_int_equal(h.cookie_len, 0);
	assert_true(h.encrypt_then_mac);
	assert_int_equal(h.random[31], 32);
	assert_int_equal(mn_record_next(c, sizeof(hello), &at, &r), 0);
	free(c);
}

/* Also with the record's and the message's lengths mended to fit, so that the inner checks are what refuses. */
static void refuses_every_truncation_of_a_client_hello(void **state)
{
	struct mn_client_hello h;

	(void)state;
	for (size_t len = 0; len < sizeof(hello); len++) {
		uint8_t cut[sizeof(hello)];

		memcpy(cut, hello, sizeof(hello));
		assert_int_not_equal(read_hello(cut, len, &h), 0);
		if (len <= MNCSE_RECORD_HEADER)
			continue;
		mn_put16(cut + 11, (uint16_t)(len - MNCSE_RECORD_HEADER));
		assert_int_not_equal(read_hello(cut, len, &h), 0);
		if (len <= MNCSE_RECORD_HEADER + MNCSE_HANDSHAKE_HEADER)
			continue;
		cut[16] = cut[24] = (uint8_t)(len - MNCSE_RECORD_HEADER - MNCSE_HANDSHAKE_HEADER);
		if (len == sizeof(hello) - 6)
			assert_int_equal(read_hello(cut, len, &h), 0); /* without extensions */
		else
			assert_int_not_equal(read_hello(cut, len, &h), 0);
	}
}

static void tells_fragments_from_malformed_hellos(void **state)
{
	struct mn_client_hello h;
	uint8_t m[sizeof(hello)];

	(void)state;
	memcpy(m, hello, sizeof(m));
	m[21] = 1; /* fragment_offset */
	assert_int_equal(read_hello(m, sizeof(m), &h), -EMSGSIZE);
	memcpy(m, hello, sizeof(m));
	m[16] = 0x40; /* length above fragment_length */
	assert_int_equal(read_hello(m, sizeof(m), &h), -EMSGSIZE);
	memcpy(m, hello, sizeof(m));
	m[25] = 0x03; /* client_version */
	assert_int_equal(read_hello(m, sizeof(m), &h), -EBADMSG);
	memcpy(m, hello, sizeof(m));
	m[62] = 3; /* odd suites */
	assert_int_equal(read_hello(m, sizeof(m), &h), -EBADMSG);
	memcpy(m, hello, sizeof(m));
	m[66] = 1; /* no null compression */
	assert_int_equal(read_hello(m, sizeof(m), &h), -EBADMSG);
}

static bool datagram(const uint8_t *head, size_t head_len, size_t len)
{
	uint8_t *c = calloc(1, len ? len : 1);
	bool ok;

	memcpy(c, head, head_len < len ? head_len : len);
	ok = mn_datagram_ok(c, len);
	free(c);
	return ok;
}

static void drops_what_no_honest_peer_sends(void **state)
{
	uint8_t h[] = { 23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0, 16 };

	(void)state;
	assert_true(datagram(h, sizeof(h), 13 + 16));
	assert_false(datagram(h, sizeof(h), 13 + 15)); /* leaves the datagram */
	assert_false(datagram(h, sizeof(h), 13 + 17)); /* a tail that is no record */
	assert_false(datagram(h, sizeof(h), 0));
	assert_false(datagram(h, sizeof(h), 12));
	h[12] = 15; /* shorter than nonce and tag */
	assert_false(datagram(h, sizeof(h), 13 + 15));
	h[12] = 0;
	assert_false(datagram(h, sizeof(h), 13));
	h[12] = 16;
	h[4] = 2; /* epoch */
	assert_false(datagram(h, sizeof(h), 13 + 16));
	h[4] = 1;
	h[2] = 0xff; /* DTLS 1.0 in epoch 1 */
	assert_false(datagram(h, sizeof(h), 13 + 16));
	h[2] = 0xfd;
	h[0] = 24;
	assert_false(datagram(h, sizeof(h), 13 + 16));
	h[0] = 19;
	assert_false(datagram(h, sizeof(h), 13 + 16));
	h[0] = 23;
	h[11] = 0x41, h[12] = 0x00; /* 16,640 */
	assert_true(datagram(h, sizeof(h), 13 + 16640));
	h[12] = 0x01;
	assert_false(datagram(h, sizeof(h), 13 + 16641));
}

static void answers_with_a_hello_verify_request_no_longer_than_the_hello(void **state)
{
	static const uint8_t
		want[] = {
			0x16, 0xfe, 0xff, 0,    0,    0,    0,    0,    0,    0,    5,    0,
			0x17, /* the hello's sequence */
			3,    0,    0,    0x0b, 0,    0,    0,    0,    0,    0,    0,    0x0b,
			0xfe, 0xff, 8,    0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
		};
	struct mn_client_hello h;
	uint8_t out[64];

	(void)state;
	assert_int_equal(read_hello(hello, sizeof(hello), &h), 0);
	assert_int_equal(mn_hello_verify_write(&h, want + 28, 8, out, sizeof(out)), sizeof(want));
	assert_memory_equal(out, want, sizeof(want));
	assert_true(sizeof(want) <= sizeof(hello));
	assert_int_equal(mn_hello_verify_write(&h, want + 28, 8, out, sizeof(want) - 1), 0);
}

/* SipHash-2-4 reference vector for the 8 bytes 00..07 under the key 00..0f. */
static void siphash_is_siphash(void **state)
{
	struct mncse_cookie_key key = { 0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL };
	__u64 word = 0x0706050403020100ULL;

	(void)state;
	assert_true(mncse_siphash(&key, &word, 1) == 0x93f5f5799a932462ULL);
}

static void a_cookie_is_bound_to_address_port_version_and_random_and_dies(void **state)
{
	struct mn_client_hello h = { .version = 0xfefd, .random = hello + 27 };
	struct mn_client_hello other = { .version = 0xfefd, .random = hello + 26 };
	uint8_t cookie[MNCSE_COOKIE_LEN];
	struct mn_cookies c;
	union mn_addr a, b;

	(void)state;
	assert_int_equal(mn_cookies_init(&c, 1000), 0);
	assert_int_equal(mn_addr_parse("192.0.2.1:1000", 0, &a), 0);
	mn_cookie_make(&c, 1000, &a, &h, cookie);
	h.cookie = other.cookie = cookie;
	h.cookie_len = other.cookie_len = sizeof(cookie);
	assert_true(mn_cookie_check(&c, 1000, &a, &h));
	assert_true(mn_cookie_check(&c, 1000 + MN_COOKIE_TURN_MS, &a, &h));
	assert_false(mn_cookie_check(&c, 1000, &a, &other));
	mn_addr_parse("192.0.2.2:1000", 0, &b);
	assert_false(mn_cookie_check(&c, 1000, &b, &h));
	mn_addr_parse("192.0.2.1:1001", 0, &b);
	assert_false(mn_cookie_check(&c, 1000, &b, &h));
	mn_addr_parse("[2001:db8::1]:1000", 0, &b);
	assert_false(mn_cookie_check(&c, 1000, &b, &h));
	h.version = 0xfeff;
	assert_false(mn_cookie_check(&c, 1000, &a, &h));
	h.version = 0xfefd;
	h.cookie_len = 7;
	assert_false(mn_cookie_check(&c, 1000, &a, &h));
	h.cookie_len = 8;
	assert_false(mn_cookie_check(&c, 1000 + 2 * MN_COOKIE_TURN_MS, &a, &h));
	mn_cookies_fini(&c);
}

static void a_cookie_does_not_survive_a_long_pause(void **state)
{
	struct mn_client_hello h = { .version = 0xfefd, .random = hello + 27 };
	uint8_t cookie[MNCSE_COOKIE_LEN];
	struct mn_cookies c;
	union mn_addr a;

	(void)state;
	assert_int_equal(mn_cookies_init(&c, 0), 0);
	mn_addr_parse("192.0.2.1:1000", 0, &a);
	mn_cookie_make(&c, 0, &a, &h, cookie);
	h.cookie = cookie;
	h.cookie_len = sizeof(cookie);
	assert_false(mn_cookie_check(&c, 10 * MN_COOKIE_TURN_MS, &a, &h));
	mn_cookies_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_client_hello),
		cmocka_unit_test(refuses_every_truncation_of_a_client_hello),
		cmocka_unit_test(tells_fragments_from_malformed_hellos),
		cmocka_unit_test(drops_what_no_honest_peer_sends),
		cmocka_unit_test(answers_with_a_hello_verify_request_no_longer_than_the_hello),
		cmocka_unit_test(siphash_is_siphash),
		cmocka_unit_test(a_cookie_is_bound_to_address_port_version_and_random_and_dies),
		cmocka_unit_test(a_cookie_does_not_survive_a_long_pause),
	};

	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
