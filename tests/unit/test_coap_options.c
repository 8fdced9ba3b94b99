// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/coap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BUF_MAX 4096

static struct mn_coap read_ok(const void *data, size_t len)
{
	struct mn_coap m;

	assert_int_equal(mn_coap_read(data, len, &m, NULL), 0);
	return m;
}

static size_t one_option(uint8_t *buf, uint16_t number, const void *value, size_t len)
{
	struct mn_coap_writer w;

	mn_coap_begin(&w, buf, BUF_MAX, MN_COAP_CON, MN_COAP_205, 1, NULL);
	mn_coap_put(&w, number, value, len);
	return (size_t)mn_coap_finish(&w);
}

/* Max-Age 0-4, Observe 0-3, Content-Format 0-2, Block 0-3 bytes (RFC 7252 5.10, RFC 7641 2, RFC 7959 2.1) */
static void unsigned_options_have_a_largest_length(void **state)
{
	static const struct {
		uint16_t number;
		size_t max;
	} rules[] = {
		{ MN_COAP_OPT_MAX_AGE, 4 },        { MN_COAP_OPT_OBSERVE, 3 },
		{ MN_COAP_OPT_CONTENT_FORMAT, 2 }, { MN_COAP_OPT_BLOCK1, 3 },
		{ MN_COAP_OPT_BLOCK2, 3 },
	};
	static const uint8_t bytes[] = { 0x01, 0x02, 0x03, 0x04, 0x05 };
	uint8_t buf[BUF_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(rules); i++) {
		uint32_t want = 0, got;

		for (size_t len = 0; len <= sizeof(bytes); len++) {
			size_t n = one_option(buf, rules[i].number, bytes, len);
			struct mn_coap m = read_ok(buf, n);

			want = len ? want << 8 | bytes[len - 1] : 0;
			got = 4711;
			if (len <= rules[i].max) {
				assert_int_equal(mn_coap_option_uint(&m, rules[i].number,
								     rules[i].max, &got),
						 0);
				assert_int_equal(got, want);
			} else {
				assert_int_equal(mn_coap_option_uint(&m, rules[i].number,
								     rules[i].max, &got),
						 -EBADMSG);
				assert_int_equal(got, 4711);
			}
			assert_int_equal(mn_coap_option_uint(&m, 61, 4, &got), -ENOENT);
		}
	}
}

static void unsigned_options_never_exceed_32_bits_and_may_have_leading_zeroes(void **state)
{
	uint8_t buf[BUF_MAX];
	struct mn_coap m;
	uint32_t got;

	(void)state;
	m = read_ok(buf, one_option(buf, 14, "\0\0\x01\x02", 4));
	assert_int_equal(mn_coap_option_uint(&m, 14, 4, &got), 0);
	assert_int_equal(got, 0x0102);
	m = read_ok(buf, one_option(buf, 14, "\0\0\0\0\x01", 5));
	assert_int_equal(mn_coap_option_uint(&m, 14, 8, &got), -EBADMSG);
	m = read_ok(buf, one_option(buf, 14, "\xff\xff\xff\xff", 4));
	assert_int_equal(mn_coap_option_uint(&m, 14, 4, &got), 0);
	assert_true(got == UINT32_MAX);
}

static void unsigned_options_are_written_in_the_shortest_form(void **state)
{
	static const struct {
		uint32_t value;
		size_t len;
	} cases[] = {
		{ 0, 0 },     { 1, 1 },       { 255, 1 },        { 256, 2 },
		{ 65535, 2 }, { 65536, 3 },   { 0xffffff, 3 },   { 0x1000000, 4 },
		{ 86400, 3 }, { 0x10000, 3 }, { UINT32_MAX, 4 }, { 60, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct mn_coap_writer w;
		uint8_t buf[32];
		struct mn_coap m;
		uint32_t got;

		mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_CON, MN_COAP_205, 1, NULL);
		mn_coap_put_uint(&w, 12, cases[i].value);
		assert_int_equal(mn_coap_finish(&w), 5 + cases[i].len);
		m = read_ok(buf, 5 + cases[i].len);
		assert_int_equal(mn_coap_option_uint(&m, 12, 4, &got), 0);
		assert_true(got == cases[i].value);
	}
}

static struct mn_coap with_path(uint8_t *buf, const char *path)
{
	struct mn_coap_writer w;
	int len;

	mn_coap_begin(&w, buf, BUF_MAX, MN_COAP_CON, MN_COAP_GET, 1, NULL);
	mn_coap_put_uint(&w, MN_COAP_OPT_OBSERVE, 0);
	mn_coap_put_path(&w, path);
	mn_coap_put(&w, MN_COAP_OPT_CONTENT_FORMAT, NULL, 0);
	len = mn_coap_finish(&w);
	assert_true(len > 0);
	return read_ok(buf, (size_t)len);
}

static void paths_are_compared_segment_by_segment(void **state)
{
	static const char *const paths[] = { "",           "gsa",    "gsa/x", "gs",          "gsaa",
					     "in-cse/cnt", "in-cse", "gsa/",  "/gsa",        "a//b",
					     "a/b",        "GSA",    "/",     "in-cse/cnt/x" };
	uint8_t buf[BUF_MAX];
	struct mn_coap m;

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		char joined[64];

		m = with_path(buf, paths[i]);
		for (size_t k = 0; k < COUNT(paths); k++)
			assert_int_equal(mn_coap_path_is(&m, paths[k]), i == k);
		assert_int_equal(mn_coap_path(&m, joined, sizeof(joined)), strlen(paths[i]));
		assert_string_equal(joined, paths[i]);
	}
	/* one segment "a/b" is not two */
	m = read_ok(buf, one_option(buf, MN_COAP_OPT_URI_PATH, "a/b", 3));
	assert_false(mn_coap_path_is(&m, "a/b"));
	/* neither is "gsa" with a NUL after it */
	m = read_ok(buf, one_option(buf, MN_COAP_OPT_URI_PATH, "gsa\0", 4));
	assert_false(mn_coap_path_is(&m, "gsa"));
}

static void paths_of_messages_that_end_with_them_are_read(void **state)
{
	uint8_t buf[BUF_MAX];
	struct mn_coap m = read_ok(buf, one_option(buf, MN_COAP_OPT_URI_PATH, "gsa", 3));
	char out[8] = "x";

	(void)state;
	assert_true(mn_coap_path_is(&m, "gsa"));
	assert_false(mn_coap_path_is(&m, "gsa/x"));
	assert_int_equal(mn_coap_path(&m, out, sizeof(out)), 3);
	m = read_ok(buf, one_option(buf, MN_COAP_OPT_OBSERVE, NULL, 0));
	assert_true(mn_coap_path_is(&m, ""));
	assert_int_equal(mn_coap_path(&m, out, 0), -ENAMETOOLONG);
	assert_int_equal(mn_coap_path(&m, out, 1), 0);
	assert_string_equal(out, "");
}

/* A message that was put together without mn_coap_read */
static void broken_options_end_the_walk(void **state)
{
	static const char *const areas[] = {
		"\xb3gs", "\xf1g", "\x1f", "\xff", "\xd0", "\xe0\xff"
	};

	(void)state;
	for (size_t i = 0; i < COUNT(areas); i++) {
		const struct mn_coap m = { .options = (const uint8_t *)areas[i],
					   .options_len = strlen(areas[i]) };
		struct mn_coap_cursor c = { 0 };
		struct mn_coap_option o;

		assert_false(mn_coap_option_next(&m, &c, &o));
		assert_false(mn_coap_option_next(&m, &c, &o));
	}
}

static void joined_paths_are_bounded_and_unambiguous(void **state)
{
	uint8_t buf[BUF_MAX];
	struct mn_coap m = with_path(buf, "in-cse/cnt");

	(void)state;
	for (size_t max = 0; max <= 12; max++) {
		char *out = malloc(max ? max : 1);

		assert_non_null(out);
		assert_int_equal(mn_coap_path(&m, out, max), max > 10 ? 10 : -ENAMETOOLONG);
		free(out);
	}
	{
		char out[16];

		m = read_ok(buf, one_option(buf, MN_COAP_OPT_URI_PATH, "a/b", 3));
		assert_int_equal(mn_coap_path(&m, out, sizeof(out)), -EBADMSG);
		m = read_ok(buf, one_option(buf, MN_COAP_OPT_URI_PATH, "a\0b", 3));
		assert_int_equal(mn_coap_path(&m, out, sizeof(out)), -EBADMSG);
	}
}

static uint16_t critical(const uint8_t *buf, size_t len)
{
	static const uint16_t known[] = { MN_COAP_OPT_URI_PATH,     MN_COAP_OPT_URI_QUERY,
					  MN_COAP_OPT_URI_HOST,     MN_COAP_OPT_OSCORE,
					  MN_COAP_OPT_IF_MATCH,     MN_COAP_OPT_IF_NONE_MATCH,
					  MN_COAP_OPT_PROXY_SCHEME, MN_COAP_OPT_ACCEPT,
					  MN_COAP_OPT_BLOCK1,       279 };
	struct mn_coap m = read_ok(buf, len);

	return mn_coap_critical_unknown(&m, known, COUNT(known));
}

static void unknown_critical_options_are_found_and_elective_ones_passed(void **state)
{
	uint8_t buf[BUF_MAX];

	(void)state;
	assert_int_equal(critical(buf, one_option(buf, MN_COAP_OPT_PROXY_URI, "x", 1)),
			 MN_COAP_OPT_PROXY_URI);
	assert_int_equal(critical(buf, one_option(buf, 65001, NULL, 0)), 65001);
	for (unsigned int number = 0; number < 1000; number += 2)
		assert_int_equal(critical(buf, one_option(buf, (uint16_t)number, "abc", 3)), 0);
	assert_int_equal(
		mn_coap_critical_unknown(
			&(struct mn_coap){ .options = (const uint8_t *)"\x10", .options_len = 1 },
			NULL, 0),
		1);
}

static void the_first_of_several_is_found(void **state)
{
	struct mn_coap_writer w;
	struct mn_coap_option o;
	uint8_t buf[BUF_MAX];
	struct mn_coap m;
	int len;

	(void)state;
	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_CON, MN_COAP_GET, 1, NULL);
	mn_coap_put(&w, MN_COAP_OPT_URI_HOST, "h", 1);
	mn_coap_put(&w, MN_COAP_OPT_ETAG, "first", 5);
	mn_coap_put(&w, MN_COAP_OPT_ETAG, "second", 6);
	mn_coap_put_path(&w, "a/b");
	mn_coap_put(&w, 279, "x", 1);
	mn_coap_put(&w, 1001, NULL, 0);
	mn_coap_put(&w, 2001, NULL, 0);
	len = mn_coap_finish(&w);
	assert_true(len > 0);
	assert_int_equal(critical(buf, (size_t)len), 1001);
	m = read_ok(buf, (size_t)len);
	assert_true(mn_coap_option_find(&m, MN_COAP_OPT_ETAG, &o));
	assert_int_equal(o.len, 5);
	assert_memory_equal(o.value, "first", 5);
	assert_false(mn_coap_option_find(&m, MN_COAP_OPT_OBSERVE, &o));
	assert_false(mn_coap_option_find(&m, 3000, &o));
}

static size_t twice(uint8_t *buf, uint16_t number, const char *value)
{
	struct mn_coap_writer w;

	mn_coap_begin(&w, buf, BUF_MAX, MN_COAP_CON, MN_COAP_GET, 1, NULL);
	mn_coap_put(&w, number, value, strlen(value));
	mn_coap_put(&w, number, value, strlen(value));
	return (size_t)mn_coap_finish(&w);
}

static void repeated_critical_options_are_found(void **state)
{
	static const uint16_t once[] = { MN_COAP_OPT_URI_HOST, MN_COAP_OPT_OSCORE,
					 MN_COAP_OPT_ACCEPT, MN_COAP_OPT_BLOCK1, 279 };
	static const uint16_t often[] = { MN_COAP_OPT_URI_PATH, MN_COAP_OPT_URI_QUERY,
					  MN_COAP_OPT_IF_MATCH };
	static const uint16_t elective[] = { MN_COAP_OPT_ETAG, MN_COAP_OPT_OBSERVE,
					     MN_COAP_OPT_MAX_AGE, MN_COAP_OPT_LOCATION_PATH };
	uint8_t buf[BUF_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(once); i++)
		assert_int_equal(critical(buf, twice(buf, once[i], "x")), once[i]);
	for (size_t i = 0; i < COUNT(often); i++)
		assert_int_equal(critical(buf, twice(buf, often[i], "x")), 0);
	for (size_t i = 0; i < COUNT(elective); i++)
		assert_int_equal(critical(buf, twice(buf, elective[i], "x")), 0);
}

static void known_critical_options_of_a_wrong_length_are_found(void **state)
{
	static const struct {
		uint16_t number;
		size_t min, max;
	} rules[] = {
		{ MN_COAP_OPT_IF_MATCH, 0, 8 },       { MN_COAP_OPT_URI_HOST, 1, 255 },
		{ MN_COAP_OPT_URI_PATH, 0, 255 },     { MN_COAP_OPT_URI_QUERY, 0, 255 },
		{ MN_COAP_OPT_OSCORE, 0, 255 },       { MN_COAP_OPT_ACCEPT, 0, 2 },
		{ MN_COAP_OPT_BLOCK1, 0, 3 },         { MN_COAP_OPT_IF_NONE_MATCH, 0, 0 },
		{ MN_COAP_OPT_PROXY_SCHEME, 1, 255 },
	};
	static uint8_t value[300], buf[BUF_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(rules); i++) {
		for (size_t len = 0; len <= sizeof(value); len++) {
			uint16_t got = critical(buf, one_option(buf, rules[i].number, value, len));

			if (len >= rules[i].min && len <= rules[i].max)
				assert_int_equal(got, 0);
			else
				assert_int_equal(got, rules[i].number);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unsigned_options_have_a_largest_length),
		cmocka_unit_test(unsigned_options_never_exceed_32_bits_and_may_have_leading_zeroes),
		cmocka_unit_test(unsigned_options_are_written_in_the_shortest_form),
		cmocka_unit_test(paths_are_compared_segment_by_segment),
		cmocka_unit_test(paths_of_messages_that_end_with_them_are_read),
		cmocka_unit_test(broken_options_end_the_walk),
		cmocka_unit_test(joined_paths_are_bounded_and_unambiguous),
		cmocka_unit_test(unknown_critical_options_are_found_and_elective_ones_passed),
		cmocka_unit_test(the_first_of_several_is_found),
		cmocka_unit_test(repeated_critical_options_are_found),
		cmocka_unit_test(known_critical_options_of_a_wrong_length_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
