// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: kmod/coap.c */
/* The kernel's reading and writing of CoAP against lib/core's, which userspace uses for the same messages. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../kmod/coap.h"
#include "core/coap.h"
#include "core/oscore.h"

enum { ROUNDS = 200000, LEN_MAX = 64 };

static uint32_t state_of_random = 12345;

/* The same messages every time. */
static uint32_t next(uint32_t below)
{
	state_of_random = state_of_random * 1103515245 + 12345;
	return (state_of_random >> 8) % below;
}

/* Mostly well-formed: options of all lengths and distances, then a few bits may be wrong. */
static size_t make_message(uint8_t *out)
{
	static const uint16_t numbers[] = {
		0, 1, 2, 3, 3, 4, 7, 9, 9, 9, 11, 14, 14, 35, 300, 700
	};
	static const uint8_t codes[] = { 0, 1, 2, 2, 2, 2, 68, 68, 129, 163, 32, 193, 31 };
	struct mn_coap_token token = { .len = (uint8_t)next(9), .bytes = "tokentok" };
	uint8_t value[300] = { 1, 2, 3, 4 };
	struct mn_coap_writer w;
	size_t at = 0;
	int len;

	mn_coap_begin(&w, out, 512, (enum mn_coap_type)next(4), codes[next(sizeof(codes))],
		      (uint16_t)next(65536), &token);
	for (uint32_t n = next(5); n; n--) {
		at += next(4);
		if (at >= sizeof(numbers) / sizeof(numbers[0]))
			break;
		mn_coap_put(&w, numbers[at], value, next(8) ? next(10) : next(300));
	}
	if (next(2))
		mn_coap_put_payload(&w, "payload", next(8));
	len = mn_coap_finish(&w);
	if (len < 0)
		return 0;
	for (uint32_t flips = next(3) ? 0 : next(4); flips; flips--)
		out[next((uint32_t)len)] ^= (uint8_t)(1 << next(8));
	return next(8) ? (size_t)len : next((uint32_t)len + 1);
}

static void compare(const uint8_t *data, size_t len, unsigned int *read)
{
	static const uint16_t known[] = { MN_COAP_OPT_URI_HOST, MN_COAP_OPT_URI_PORT,
					  MN_COAP_OPT_OSCORE };
	struct mn_coap_option o;
	struct mnk_coap k;
	struct mn_coap m;
	uint32_t age = 0;
	bool has;
	int err = mn_coap_read(data, len, &m, NULL);

	assert_int_equal(mnk_coap_read(data, len, &k), err);
	if (err)
		return;
	++*read;
	assert_int_equal(k.type, m.type);
	assert_int_equal(k.code, m.code);
	assert_int_equal(k.id, m.id);
	assert_int_equal(k.token_len, m.token.len);
	assert_memory_equal(k.token, m.token.bytes, m.token.len);
	assert_ptr_equal(k.payload, m.payload);
	assert_int_equal(k.payload_len, m.payload_len);
	assert_int_equal(mnk_coap_is_request(&k), mn_coap_is_request(&m));
	assert_int_equal(mnk_coap_is_response(&k), mn_coap_is_response(&m));
	has = mn_coap_option_find(&m, MN_COAP_OPT_OSCORE, &o);
	assert_int_equal(k.oscore != NULL, has);
	if (has) {
		assert_ptr_equal(k.oscore, o.value);
		assert_int_equal(k.oscore_len, o.len);
	}
	assert_int_equal(k.plain, !mn_coap_critical_unknown(&m, known, 3));
	assert_int_equal(k.has_max_age, !mn_coap_option_uint(&m, MN_COAP_OPT_MAX_AGE, 4, &age));
	if (k.has_max_age)
		assert_int_equal(k.max_age, age);
}

static void both_read_the_same(void **state)
{
	unsigned int read = 0;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t data[512], *exact;
		size_t len = make_message(data);

		/* a block of just that length, so that a byte too far is seen */
		exact = malloc(len ? len : 1);
		assert_non_null(exact);
		memcpy(exact, data, len);
		compare(exact, len, &read);
		free(exact);
	}
	/* both kinds are there */
	assert_in_range(read, ROUNDS / 10, ROUNDS - ROUNDS / 10);
}

static void both_write_the_same(void **state)
{
	static const uint16_t lengths[] = { 0, 1, 12, 13, 14, 255, 268, 269, 270, 300 };
	static const uint32_t ages[] = { 0, 1, 255, 256, 65535, 65536, 1U << 24, UINT32_MAX };
	static uint8_t value[300], got[2048], want[2048];
	const struct mn_coap_token token = { 8, "tokentok" };

	(void)state;
	for (unsigned int i = 0; i < 9 * 10 * 9 * 2 * 2; i++) {
		struct mnk_coap k = { .type = i % 4, .code = 68, .id = (uint16_t)(i * 77) };
		uint16_t len = lengths[i / 9 % 10];
		struct mn_coap_writer w;

		k.token_len = (uint8_t)(i % 9);
		memcpy(k.token, token.bytes, k.token_len);
		if (i / 90 % 9 < 8) {
			k.has_max_age = true;
			k.max_age = ages[i / 90 % 9];
		}
		k.oscore = i / 810 % 2 ? value : NULL;
		k.oscore_len = len;
		k.payload = value;
		k.payload_len = i / 1620 % 2 ? len : 0;
		mn_coap_begin(&w, want, sizeof(want), (enum mn_coap_type)k.type, k.code, k.id,
			      &(struct mn_coap_token){ k.token_len, "tokentok" });
		if (k.oscore)
			mn_coap_put(&w, MN_COAP_OPT_OSCORE, value, len);
		if (k.has_max_age)
			mn_coap_put_uint(&w, MN_COAP_OPT_MAX_AGE, k.max_age);
		mn_coap_put_payload(&w, value, k.payload_len);
		assert_int_equal(mnk_coap_write(&k, NULL), mn_coap_finish(&w));
		assert_int_equal(mnk_coap_write(&k, got), mn_coap_finish(&w));
		assert_memory_equal(got, want, w.len);
	}
}

/* What the kernel takes for its own is what userspace would have forwarded under that generation. */
static void the_option_names_device_and_generation(void **state)
{
	static const uint8_t kid[7] = "kid...";
	unsigned int named = 0;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t context[12] = { 1, 2, 3, 4 }, piv[5] = { 1, 2, 3, 4, 5 }, option[64];
		struct mn_oscore_option o = { 0 };
		uint32_t generation = 0;
		bool ours;
		int len = mn_oscore_option_write(piv, next(6), kid, next(8) ? 7 : next(8), next(8),
						 next(8) ? context : NULL, next(8) ? 12 : next(13),
						 option, sizeof(option));

		if (len <= 0)
			continue;
		if (!next(3))
			option[next((uint32_t)len)] ^= (uint8_t)(1 << next(8));
		if (!next(8))
			len = (int)next((uint32_t)len + 1);
		ours = !mn_oscore_option_read(option, (size_t)len, &o) && o.has_kid &&
		       o.kid_len == 7 && !memcmp(o.kid, kid, 7) && o.has_kid_context &&
		       o.kid_context_len == 12;
		assert_int_equal(mnk_oscore_names(option, (size_t)len, kid, &generation), ours);
		if (!ours)
			continue;
		named++;
		assert_int_equal(generation, (uint32_t)o.kid_context[0] << 24 |
						     o.kid_context[1] << 16 |
						     o.kid_context[2] << 8 | o.kid_context[3]);
	}
	assert_in_range(named, ROUNDS / 10, ROUNDS - ROUNDS / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_read_the_same),
		cmocka_unit_test(both_write_the_same),
		cmocka_unit_test(the_option_names_device_and_generation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
