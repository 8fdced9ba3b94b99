// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/crypto.h"
#include "core/identity.h"
#include "dtls/record.h"

#include "../../kmod/selftest/vectors.h"

static const enum mn_suite suites[] = {
	MN_SUITE_PSK_AES_128_GCM,
	MN_SUITE_PSK_AES_128_CCM_8,
	MN_SUITE_PSK_AES_128_CBC,
	MN_SUITE_DHE_PSK_AES_128_GCM,
};
enum { SUITES = sizeof(suites) / sizeof(suites[0]) };

static struct mn_record_mac mac_a, mac_b;

/* Two ends of one session. */
static void pair(enum mn_suite suite, struct mn_record_state *a, struct mn_record_state *b)
{
	memset(a, 0, sizeof(*a));
	a->suite = suite;
	a->write_sequence = 1;
	assert_int_equal(mn_random(&a->write, sizeof(a->write)), 0);
	assert_int_equal(mn_random(&a->read, sizeof(a->read)), 0);
	assert_int_equal(mn_random(&mac_a, sizeof(mac_a)), 0);
	*b = *a;
	b->write = a->read;
	b->read = a->write;
	memcpy(mac_b.write, mac_a.read, 32);
	memcpy(mac_b.read, mac_a.write, 32);
	if (suite == MN_SUITE_PSK_AES_128_CBC) {
		a->mac = &mac_a;
		b->mac = &mac_b;
	}
}

static int open_copy(const struct mn_record_state *s, const uint8_t *wire, size_t len, uint8_t *out)
{
	uint8_t *c = malloc(len), *data;
	struct mn_record r;
	size_t at = 0;
	int n;

	memcpy(c, wire, len);
	n = mn_record_next(c, len, &at, &r) == 1 && at == len ? mn_record_open(s, &r, &data) :
								-EPROTO;
	if (n > 0 && out)
		memcpy(out, data, (size_t)n);
	free(c);
	return n;
}

static void every_length_goes_through_every_suite(void **state)
{
	static uint8_t text[MNCSE_RECORD_PLAIN_MAX], wire[MNCSE_RECORD_PLAIN_MAX + 128],
		back[MNCSE_RECORD_PLAIN_MAX];
	struct mn_record_state a, b;

	(void)state;
	assert_int_equal(mn_random(text, sizeof(text)), 0);
	for (size_t i = 0; i < SUITES; i++) {
		pair(suites[i], &a, &b);
		for (size_t len = 1; len <= sizeof(text); len += len < 300 ? 1 : 1361) {
			int n = mn_record_seal(&a, MNCSE_APPLICATION, text, len, wire,
					       sizeof(wire));

			assert_true(n > 0);
			assert_true((size_t)n <= len + mn_record_overhead(suites[i]));
			assert_int_equal(open_copy(&b, wire, (size_t)n, back), len);
			assert_memory_equal(text, back, len);
		}
	}
}

static void no_bit_may_change_and_nothing_may_be_cut(void **state)
{
	uint8_t wire[256], text[40] = "the record that somebody changes";
	struct mn_record_state a, b;

	(void)state;
	for (size_t i = 0; i < SUITES; i++) {
		int n;

		pair(suites[i], &a, &b);
		n = mn_record_seal(&a, MNCSE_APPLICATION, text, sizeof(text), wire, sizeof(wire));
		assert_true(n > 0);
		for (int bit = 0; bit < n * 8; bit++) {
			wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_true(open_copy(&b, wire, (size_t)n, NULL) < 0);
			wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (int len = 14; len < n; len++) {
			uint8_t cut[256];

			memcpy(cut, wire, (size_t)len);
			mn_put16(cut + 11, (uint16_t)(len - 13));
			assert_true(open_copy(&b, cut, (size_t)len, NULL) < 0);
		}
		assert_int_equal(open_copy(&b, wire, (size_t)n, NULL), sizeof(text));
	}
}

static void the_sequence_space_ends(void **state)
{
	struct mn_record_state a, b;
	uint8_t wire[128], *data = wire;

	(void)state;
	pair(MN_SUITE_PSK_AES_128_CCM_8, &a, &b);
	a.write_sequence = MNCSE_SEQUENCE_MAX;
	assert_true(mn_record_seal(&a, MNCSE_APPLICATION, "x", 1, wire, sizeof(wire)) > 0);
	memset(wire, 0xee, sizeof(wire));
	assert_int_equal(mn_record_seal(&a, MNCSE_APPLICATION, "x", 1, wire, sizeof(wire)),
			 -ERANGE);
	assert_int_equal(data[0], 0xee);
}

static void buffers_too_small_and_lengths_out_of_range_are_refused(void **state)
{
	struct mn_record_state a, b;
	uint8_t wire[128];

	(void)state;
	pair(MN_SUITE_PSK_AES_128_GCM, &a, &b);
	assert_int_equal(mn_record_seal(&a, MNCSE_APPLICATION, "x", 0, wire, sizeof(wire)),
			 -EMSGSIZE);
	assert_int_equal(mn_record_seal(&a, MNCSE_APPLICATION, "x", 1, wire, 37), -EMSGSIZE);
	assert_int_equal(mn_record_seal(&a, MNCSE_APPLICATION, wire, MNCSE_RECORD_PLAIN_MAX + 1,
					wire, MNCSE_RECORD_PLAIN_MAX + 100),
			 -EMSGSIZE);
	assert_int_equal(mn_record_seal(&a, MNCSE_APPLICATION, "x", 1, wire, 38), 38);
	assert_int_equal(a.write_sequence, 2);
}

/* The module's selftest has the same ones. */
static void known_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mncse_record_vectors) / sizeof(mncse_record_vectors[0]);
	     i++) {
		const struct mncse_record_vector *v = &mncse_record_vectors[i];
		struct mn_record_state s = { .suite = v->suite, .write_sequence = 7 };
		uint8_t wire[64];
		int n;

		for (uint8_t k = 0; k < 16; k++)
			s.write.key[k] = k;
		for (uint8_t k = 0; k < 4; k++)
			s.write.iv[k] = (uint8_t)(0x10 + k);
		n = mn_record_seal(&s, MNCSE_APPLICATION, "hello", 5, wire, sizeof(wire));
		assert_int_equal(n, v->len);
		assert_memory_equal(wire, v->record, v->len);
	}
}

static void known_replays(void **state)
{
	struct mn_replay w = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(mncse_replay_vectors) / sizeof(mncse_replay_vectors[0]);
	     i++) {
		const struct mncse_replay_vector *v = &mncse_replay_vectors[i];

		assert_int_equal(mn_replay_check(&w, v->sequence, MN_REPLAY_WINDOW), v->taken);
		if (v->taken)
			mn_replay_update(&w, v->sequence);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_goes_through_every_suite),
		cmocka_unit_test(no_bit_may_change_and_nothing_may_be_cut),
		cmocka_unit_test(the_sequence_space_ends),
		cmocka_unit_test(buffers_too_small_and_lengths_out_of_range_are_refused),
		cmocka_unit_test(known_records),
		cmocka_unit_test(known_replays),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
