// SPDX-License-Identifier: GPL-2.0-or-later
/* LIBS: -lcbor */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cbor.h>
#include <cmocka.h>

#include "core/rand_message.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Where the shortest form changes. */
static const uint32_t generations[] = {
	0, 1, 23, 24, 255, 256, 65535, 65536, 1700000000, UINT32_MAX
};

static struct mn_rand_message message(uint32_t generation, size_t group_len)
{
	struct mn_rand_message m = { .generation = generation };

	for (size_t i = 0; i < MN_RAND_LEN; i++)
		m.rand[i] = (uint8_t)(0xa0 + i);
	memset(m.group, 'g', group_len);
	return m;
}

static size_t encode(const struct mn_rand_message *m, enum mn_hop hop, uint8_t *out)
{
	int n = mn_rand_message_encode(m, hop, out, MN_RAND_MESSAGE_MAX);

	assert_true(n > 0 && n <= MN_RAND_MESSAGE_MAX);
	return (size_t)n;
}

/* Decodes from a heap block of just that length; on error the result must be untouched. */
static int decode(const uint8_t *in, size_t len, enum mn_hop hop, struct mn_rand_message *out)
{
	struct mn_rand_message before = *out;
	uint8_t *copy = malloc(len ? len : 1);
	int ret;

	assert_non_null(copy);
	if (len)
		memcpy(copy, in, len);
	ret = mn_rand_message_decode(copy, len, hop, out);
	free(copy);
	if (ret) {
		assert_int_equal(ret, -EBADMSG);
		assert_memory_equal(out, &before, sizeof(before));
	}
	return ret;
}

static void assert_refused(const uint8_t *in, size_t len, enum mn_hop hop)
{
	struct mn_rand_message m;

	memset(&m, 0x5a, sizeof(m));
	assert_int_equal(decode(in, len, hop, &m), -EBADMSG);
}

/* The same message by libcbor, which writes whatever form it is told: the oracle for the shortest. */
static size_t encode_by_libcbor(const struct mn_rand_message *m, enum mn_hop hop, uint8_t *out)
{
	cbor_item_t *array = cbor_new_definite_array(hop == MN_HOP_OUTER ? 3 : 2);
	uint32_t g = m->generation;
	size_t len;

	assert_true(cbor_array_push(array, cbor_move(g <= 255   ? cbor_build_uint8((uint8_t)g) :
						     g <= 65535 ? cbor_build_uint16((uint16_t)g) :
								  cbor_build_uint32(g))));
	assert_true(cbor_array_push(array, cbor_move(cbor_build_bytestring(m->rand, MN_RAND_LEN))));
	if (hop == MN_HOP_OUTER)
		assert_true(cbor_array_push(array, cbor_move(cbor_build_string(m->group))));
	len = cbor_serialize(array, out, MN_RAND_MESSAGE_MAX);
	cbor_decref(&array);
	assert_true(len > 0);
	return len;
}

static void messages_are_what_libcbor_writes_and_come_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(generations); i++) {
		for (size_t group_len = 0; group_len <= MN_GROUP_MAX; group_len++) {
			struct mn_rand_message m = message(generations[i], group_len), back;
			enum mn_hop hop = group_len ? MN_HOP_OUTER : MN_HOP_INNER;
			uint8_t ours[MN_RAND_MESSAGE_MAX], theirs[MN_RAND_MESSAGE_MAX];
			size_t len = encode(&m, hop, ours);

			assert_int_equal(len, encode_by_libcbor(&m, hop, theirs));
			assert_memory_equal(ours, theirs, len);
			assert_int_equal(decode(ours, len, hop, &back), 0);
			assert_memory_equal(&back, &m, sizeof(m));
		}
	}
}

static void the_layout_is_the_documented_one(void **state)
{
	static const uint8_t head[] = { 0x83, 0x1a, 0x65, 0x53, 0xf1, 0x00, 0x58, 0x20, 0xa0 };
	static const uint8_t tail[] = { 0xbf, 0x62, 'g', 'g' };
	struct mn_rand_message m = message(0x6553f100, 2);
	uint8_t out[MN_RAND_MESSAGE_MAX];
	size_t len = encode(&m, MN_HOP_OUTER, out);

	(void)state;
	assert_int_equal(len, 1 + 5 + 2 + 32 + 3);
	assert_memory_equal(out, head, sizeof(head));
	assert_memory_equal(out + len - sizeof(tail), tail, sizeof(tail));
	assert_int_equal(encode(&m, MN_HOP_INNER, out), 1 + 5 + 2 + 32);
	assert_int_equal(out[0], 0x82);
	m = message(UINT32_MAX, MN_GROUP_MAX);
	assert_int_equal(encode(&m, MN_HOP_OUTER, out), MN_RAND_MESSAGE_MAX);
}

static void every_truncation_and_every_extension_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(generations); i++) {
		for (size_t group_len = 0; group_len <= MN_GROUP_MAX; group_len++) {
			struct mn_rand_message m = message(generations[i], group_len);
			enum mn_hop hop = group_len ? MN_HOP_OUTER : MN_HOP_INNER;
			uint8_t out[MN_RAND_MESSAGE_MAX + 1];
			size_t len = encode(&m, hop, out);

			for (size_t cut = 0; cut < len; cut++)
				assert_refused(out, cut, hop);
			for (unsigned int c = 0; c < 256; c += 15) {
				out[len] = (uint8_t)c;
				assert_refused(out, len + 1, hop);
			}
		}
	}
}

static void a_message_of_the_other_hop_is_refused(void **state)
{
	struct mn_rand_message m = message(1700000000, 2);
	uint8_t out[MN_RAND_MESSAGE_MAX];
	size_t len;

	(void)state;
	len = encode(&m, MN_HOP_INNER, out);
	assert_refused(out, len, MN_HOP_OUTER);
	len = encode(&m, MN_HOP_OUTER, out);
	assert_refused(out, len, MN_HOP_INNER);
}

/* Every message has one form: what is accepted after any change of one byte is written back as just those bytes. */
static void a_changed_byte_is_refused_or_is_another_message_in_shortest_form(void **state)
{
	unsigned long taken = 0, refused = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(generations); i++) {
		for (size_t group_len = 0; group_len <= 26; group_len++) {
			struct mn_rand_message m = message(generations[i], group_len);
			enum mn_hop hop = group_len ? MN_HOP_OUTER : MN_HOP_INNER;
			uint8_t out[MN_RAND_MESSAGE_MAX], again[MN_RAND_MESSAGE_MAX];
			size_t len = encode(&m, hop, out);

			for (size_t at = 0; at < len; at++) {
				uint8_t right = out[at];

				for (unsigned int c = 0; c < 256; c++) {
					out[at] = (uint8_t)c;
					if (decode(out, len, hop, &m)) {
						refused++;
						continue;
					}
					taken++;
					assert_int_equal(encode(&m, hop, again), len);
					assert_memory_equal(again, out, len);
				}
				out[at] = right;
			}
		}
	}
	assert_true(taken > 10000 && refused > 10000);
}

#define RAND "0123456789abcdef0123456789abcdef"

static bool is_cbor(const uint8_t *in, size_t len)
{
	struct cbor_load_result result;
	cbor_item_t *item = cbor_load(in, len, &result);

	if (!item)
		return false;
	cbor_decref(&item);
	return result.read == len;
}

/* head, rand_len bytes of Rand, tail. valid_cbor: libcbor takes it, so that the form is all that is wrong. */
static void refuse_built(const char *head, size_t head_len, size_t rand_len, const char *tail,
			 size_t tail_len, enum mn_hop hop, bool valid_cbor)
{
	uint8_t in[128] = { 0 };
	size_t len = head_len + rand_len + tail_len;

	memcpy(in, head, head_len);
	memset(in + head_len, 0x33, rand_len);
	memcpy(in + head_len + rand_len, tail, tail_len);
	assert_true(!valid_cbor || is_cbor(in, len));
	assert_refused(in, len, hop);
}
#define REFUSE_IF(head, rand_len, tail, hop, valid_cbor) \
	refuse_built(head, sizeof(head) - 1, rand_len, tail, sizeof(tail) - 1, hop, valid_cbor)
#define REFUSE(head, rand_len, tail, hop) REFUSE_IF(head, rand_len, tail, hop, true)
#define REFUSE_BROKEN(head, rand_len, tail, hop) REFUSE_IF(head, rand_len, tail, hop, false)

static void forms_that_are_not_the_shortest_are_refused(void **state)
{
	struct mn_rand_message m;

	(void)state;
	/* what the others differ from */
	assert_int_equal(decode((const uint8_t *)"\x82\x01\x58\x20" RAND, 36, MN_HOP_INNER, &m), 0);
	/* the array's length */
	REFUSE("\x98\x02\x01\x58\x20", 32, "", MN_HOP_INNER);
	REFUSE("\x99\x00\x02\x01\x58\x20", 32, "", MN_HOP_INNER);
	REFUSE("\x9a\x00\x00\x00\x02\x01\x58\x20", 32, "", MN_HOP_INNER);
	REFUSE("\x9b\x00\x00\x00\x00\x00\x00\x00\x02\x01\x58\x20", 32, "", MN_HOP_INNER);
	/* the generation */
	REFUSE("\x82\x18\x17\x58\x20", 32, "", MN_HOP_INNER);
	REFUSE("\x82\x18\x00\x58\x20", 32, "", MN_HOP_INNER);
	REFUSE("\x82\x19\x00\xff\x58\x20", 32, "", MN_HOP_INNER);
	REFUSE("\x82\x1a\x00\x00\xff\xff\x58\x20", 32, "", MN_HOP_INNER);
	REFUSE("\x82\x1b\x00\x00\x00\x00\xff\xff\xff\xff\x58\x20", 32, "", MN_HOP_INNER);
	/* Rand's length */
	REFUSE("\x82\x01\x59\x00\x20", 32, "", MN_HOP_INNER);
	REFUSE("\x82\x01\x5a\x00\x00\x00\x20", 32, "", MN_HOP_INNER);
	REFUSE("\x82\x01\x5b\x00\x00\x00\x00\x00\x00\x00\x20", 32, "", MN_HOP_INNER);
	/* the group's length */
	REFUSE("\x83\x01\x58\x20", 32, "\x78\x01g", MN_HOP_OUTER);
	REFUSE("\x83\x01\x58\x20", 32, "\x78\x17ggggggggggggggggggggggg", MN_HOP_OUTER);
	REFUSE("\x83\x01\x58\x20", 32, "\x79\x00\x18gggggggggggggggggggggggg", MN_HOP_OUTER);
}

static void indefinite_lengths_are_refused(void **state)
{
	(void)state;
	REFUSE("\x9f\x01\x58\x20", 32, "\xff", MN_HOP_INNER);
	REFUSE("\x82\x01\x5f\x58\x20", 32, "\xff", MN_HOP_INNER);
	REFUSE("\x83\x01\x58\x20", 32, "\x7f\x61g\xff", MN_HOP_OUTER);
	REFUSE("\x9f\x01\x58\x20", 32, "\x61g\xff", MN_HOP_OUTER);
}

static void other_types_and_counts_are_refused(void **state)
{
	(void)state;
	REFUSE("\x81\x58\x20", 32, "", MN_HOP_INNER);
	REFUSE("\x80", 0, "", MN_HOP_INNER);
	REFUSE("\x84\x01\x58\x20", 32, "\x61g\x00", MN_HOP_OUTER);
	REFUSE("\x83\x01\x58\x20", 32, "\x00", MN_HOP_INNER);
	REFUSE("\xa1\x01\x58\x20", 32, "", MN_HOP_INNER);
	REFUSE("\x82\x20\x58\x20", 32, "", MN_HOP_INNER); /* a negative generation */
	REFUSE("\x82\x1b\x00\x00\x00\x01\x00\x00\x00\x00\x58\x20", 32, "", MN_HOP_INNER);
	REFUSE("\x82\xfb\x40\x00\x00\x00\x00\x00\x00\x00\x58\x20", 32, "", MN_HOP_INNER);
	REFUSE("\x82\xc1\x01\x58\x20", 32, "", MN_HOP_INNER); /* a tag */
	REFUSE("\xd9\xd9\xf7\x82\x01\x58\x20", 32, "", MN_HOP_INNER);
	REFUSE("\x82\x01\x78\x20", 32, "", MN_HOP_INNER);      /* Rand as text */
	REFUSE("\x83\x01\x58\x20", 32, "\x41g", MN_HOP_OUTER); /* the group as bytes */
	REFUSE("\x82\x01\xf6", 0, "", MN_HOP_INNER);
}

static void rand_of_another_length_is_refused(void **state)
{
	(void)state;
	REFUSE("\x82\x01\x58\x1f", 31, "", MN_HOP_INNER);
	REFUSE("\x82\x01\x58\x21", 33, "", MN_HOP_INNER);
	REFUSE("\x82\x01\x50", 16, "", MN_HOP_INNER);
	REFUSE("\x82\x01\x40", 0, "", MN_HOP_INNER);
	REFUSE("\x83\x01\x58\x1f", 31, "\x61g", MN_HOP_OUTER);
	REFUSE("\x83\x01\x58\x21", 33, "\x61g", MN_HOP_OUTER);
	REFUSE_BROKEN("\x82\x01\x5b\xff\xff\xff\xff\xff\xff\xff\xff", 32, "", MN_HOP_INNER);
	REFUSE_BROKEN("\x82\x01\x5a\xff\xff\xff\xff", 32, "", MN_HOP_INNER);
}

static void groups_must_be_text_of_1_to_64_bytes(void **state)
{
	static const char *const bad[] = { "\n", "g\x7f", "\xc2\x85", "\xff", "g\xe2\x82" };
	struct mn_rand_message m;
	uint8_t out[MN_RAND_MESSAGE_MAX + 1], in[200];
	size_t len;

	(void)state;
	REFUSE("\x83\x01\x58\x20", 32, "\x60", MN_HOP_OUTER);
	REFUSE("\x83\x01\x58\x20", 32, "\x63g\0g", MN_HOP_OUTER);
	for (size_t i = 0; i < COUNT(bad); i++) {
		m = message(5, 0);
		strcpy(m.group, bad[i]);
		assert_int_equal(mn_rand_message_encode(&m, MN_HOP_OUTER, out, sizeof(out)),
				 -EINVAL);
		m = message(5, strlen(bad[i]));
		len = encode(&m, MN_HOP_OUTER, in);
		memcpy(in + len - strlen(bad[i]), bad[i], strlen(bad[i]));
		assert_refused(in, len, MN_HOP_OUTER);
	}
	m = message(5, 0);
	strcpy(m.group, "\xea\xb0\x80");
	len = encode(&m, MN_HOP_OUTER, out);
	assert_int_equal(decode(out, len, MN_HOP_OUTER, &m), 0);
	assert_string_equal(m.group, "\xea\xb0\x80");

	/* 65 bytes: not to be written, not to be read */
	m = message(5, MN_GROUP_MAX + 1);
	assert_int_equal(mn_rand_message_encode(&m, MN_HOP_OUTER, out, sizeof(out)), -EINVAL);
	m = message(5, MN_GROUP_MAX);
	len = encode(&m, MN_HOP_OUTER, in);
	in[len - MN_GROUP_MAX - 1]++;
	in[len] = 'g';
	assert_refused(in, len + 1, MN_HOP_OUTER);
	m = message(5, 0);
	assert_int_equal(mn_rand_message_encode(&m, MN_HOP_OUTER, out, sizeof(out)), -EINVAL);
}

static void a_buffer_that_is_too_small_is_left_alone(void **state)
{
	struct mn_rand_message m = message(70000, 30);
	uint8_t out[MN_RAND_MESSAGE_MAX];
	size_t len = encode(&m, MN_HOP_OUTER, out);

	(void)state;
	for (size_t max = 0; max < len; max++) {
		uint8_t *small = calloc(1, max ? max : 1);

		assert_non_null(small);
		assert_int_equal(mn_rand_message_encode(&m, MN_HOP_OUTER, small, max), -EMSGSIZE);
		for (size_t i = 0; i < max; i++)
			assert_int_equal(small[i], 0);
		free(small);
	}
	assert_int_equal(mn_rand_message_encode(&m, MN_HOP_OUTER, out, len), (int)len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_what_libcbor_writes_and_come_back),
		cmocka_unit_test(the_layout_is_the_documented_one),
		cmocka_unit_test(every_truncation_and_every_extension_is_refused),
		cmocka_unit_test(a_message_of_the_other_hop_is_refused),
		cmocka_unit_test(a_changed_byte_is_refused_or_is_another_message_in_shortest_form),
		cmocka_unit_test(forms_that_are_not_the_shortest_are_refused),
		cmocka_unit_test(indefinite_lengths_are_refused),
		cmocka_unit_test(other_types_and_counts_are_refused),
		cmocka_unit_test(rand_of_another_length_is_refused),
		cmocka_unit_test(groups_must_be_text_of_1_to_64_bytes),
		cmocka_unit_test(a_buffer_that_is_too_small_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
