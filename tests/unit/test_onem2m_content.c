// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/onem2m.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BUF_MAX 2048

static void assert_json(const json_t *got, const char *text)
{
	json_t *want = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(want);
	assert_true(json_equal(got, want));
	json_decref(want);
}

static json_t *read_text(const char *text)
{
	return mn_onem2m_content_read(50, text, strlen(text));
}

static void json_is_strict(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"1",
		"\"a\"",
		"null",
		"{",
		"{}}",
		"{} x",
		"{}{}",
		"{\"a\":1,\"a\":2}",
		"{\"b\":{\"a\":1,\"a\":1}}",
		"{\"a\":1,}",
		"[1,]",
		"{'a':1}",
		"{\"a\":01}",
		"{\"a\":NaN}",
		"{\"a\":1e999}",
		"{\"a\":9223372036854775808}",
		"{\"a\":-9223372036854775809}",
		"{\"a\":\"\\u0000\"}",
		"{\"\\u0000\":1}",
		"{\"a\":\"\xff\"}",
		"{\"a\":\"\\ud800\"}",
		"{\"a\":\"\n\"}",
		"\xef\xbb\xbf{}",
	};
	json_t *v;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		v = read_text(bad[i]);
		if (v)
			fail_msg("taken: %s", bad[i]);
	}
	assert_null(mn_onem2m_content_read(50, "{}\0", 3));
	assert_null(mn_onem2m_content_read(41, "{}", 2));
	assert_null(mn_onem2m_content_read(-1, "{}", 2));
	v = read_text(
		" [{\"a\":9223372036854775807,\"b\":-9223372036854775808,\"c\":\"}]\\\"[\"}] ");
	assert_non_null(v);
	json_decref(v);
}

/* Nested arrays, n deep. */
static size_t nest(char *out, size_t n, char open, char close)
{
	memset(out, open, n);
	if (close)
		memset(out + n, close, n);
	return close ? 2 * n : n;
}

static void content_is_bounded_in_depth_and_size(void **state)
{
	char *big = malloc(MN_ONEM2M_CONTENT_MAX + 1);
	char text[256];
	json_t *v, *inner;
	void *out;
	size_t len, n;

	(void)state;
	for (n = 31; n <= 34; n++) {
		bool fits = n <= MN_ONEM2M_CONTENT_DEPTH;

		v = mn_onem2m_content_read(50, text, nest(text, n, '[', ']'));
		assert_int_equal(v != NULL, fits);
		json_decref(v);
		/* [[..[[]]..]]: heads of one item each, the innermost empty */
		len = nest(text, n, '\x81', 0);
		text[len - 1] = '\x80';
		v = mn_onem2m_content_read(60, text, len);
		assert_int_equal(v != NULL, fits);
		json_decref(v);
	}
	/* brackets in strings nest nothing, and those behind an escaped quote are in the string
	 * still */
	memset(text, 0, sizeof(text));
	strcpy(text, "[\"\\\"");
	memset(text + 4, '[', 100);
	strcpy(text + 104, "\"]");
	v = read_text(text);
	assert_non_null(v);
	json_decref(v);

	v = json_array();
	for (n = 1; n < MN_ONEM2M_CONTENT_DEPTH; n++) {
		inner = json_array();
		json_array_append_new(inner, v);
		v = inner;
	}
	assert_int_equal(mn_onem2m_content_write(60, v, &out, &len), 0);
	assert_int_equal(len, MN_ONEM2M_CONTENT_DEPTH);
	free(out);
	inner = json_array();
	json_array_append_new(inner, v);
	assert_int_equal(mn_onem2m_content_write(60, inner, &out, &len), -EINVAL);
	assert_int_equal(mn_onem2m_content_write(50, inner, &out, &len), -EINVAL);
	json_decref(inner);

	memset(big, ' ', MN_ONEM2M_CONTENT_MAX + 1);
	memcpy(big, "{}", 2);
	v = mn_onem2m_content_read(50, big, MN_ONEM2M_CONTENT_MAX);
	assert_non_null(v);
	assert_null(mn_onem2m_content_read(50, big, MN_ONEM2M_CONTENT_MAX + 1));
	/* the largest text of each form, then one byte more */
	memset(big, 'a', MN_ONEM2M_CONTENT_MAX + 1);
	json_object_set_new(v, "k", json_stringn(big, MN_ONEM2M_CONTENT_MAX - 8));
	assert_int_equal(mn_onem2m_content_write(50, v, &out, &len), 0);
	assert_int_equal(len, MN_ONEM2M_CONTENT_MAX);
	free(out);
	json_object_set_new(v, "k", json_stringn(big, MN_ONEM2M_CONTENT_MAX - 7));
	assert_int_equal(mn_onem2m_content_write(50, v, &out, &len), -EMSGSIZE);
	json_object_set_new(v, "k", json_stringn(big, MN_ONEM2M_CONTENT_MAX - 6));
	assert_int_equal(mn_onem2m_content_write(60, v, &out, &len), 0);
	assert_int_equal(len, MN_ONEM2M_CONTENT_MAX);
	free(out);
	json_object_set_new(v, "k", json_stringn(big, MN_ONEM2M_CONTENT_MAX - 5));
	assert_int_equal(mn_onem2m_content_write(60, v, &out, &len), -EMSGSIZE);
	json_decref(v);
	free(big);
}

/* RFC 8949 appendix A, inside of an array. */
static const struct {
	const char *json, *cbor;
} cbor_cases[] = {
	{ "[0]", "8100" },
	{ "[23]", "8117" },
	{ "[24]", "811818" },
	{ "[255]", "8118ff" },
	{ "[256]", "81190100" },
	{ "[65536]", "811a00010000" },
	{ "[1000000000000]", "811b000000e8d4a51000" },
	{ "[9223372036854775807]", "811b7fffffffffffffff" },
	{ "[-1]", "8120" },
	{ "[-24]", "8137" },
	{ "[-25]", "813818" },
	{ "[-100]", "813863" },
	{ "[-1000]", "813903e7" },
	{ "[-9223372036854775808]", "813b7fffffffffffffff" },
	{ "[0.0]", "81f90000" },
	{ "[-0.0]", "81f98000" },
	{ "[1.0]", "81f93c00" },
	{ "[1.1]", "81fb3ff199999999999a" },
	{ "[1.5]", "81f93e00" },
	{ "[65504.0]", "81f97bff" },
	{ "[65536.0]", "81fa47800000" },
	{ "[100000.0]", "81fa47c35000" },
	{ "[3.4028234663852886e+38]", "81fa7f7fffff" },
	{ "[1.0e+300]", "81fb7e37e43c8800759c" },
	{ "[5.960464477539063e-8]", "81f90001" },
	{ "[1.1920928955078125e-7]", "81f90002" },
	{ "[1.7881393432617188e-7]", "81f90003" },
	{ "[2.9802322387695312e-8]", "81fa33000000" },
	{ "[0.00006103515625]", "81f90400" },
	{ "[0.000060975551605224609375]", "81f903ff" },
	{ "[-4.0]", "81f9c400" },
	{ "[-4.1]", "81fbc010666666666666" },
	{ "[false,true,null]", "83f4f5f6" },
	{ "[\"\",\"a\",\"\\\"\\\\\"]", "8360616162225c" },
	{ "[\"\xc3\xbc\",\"\xe6\xb0\xb4\",\"\xf0\x90\x85\x91\"]", "8362c3bc63e6b0b464f0908591" },
	{ "[]", "80" },
	{ "{}", "a0" },
	{ "[1,[2,3],[4,5]]", "8301820203820405" },
	{ "{\"a\":1,\"b\":[2,3]}", "a26161016162820203" },
	{ "{\"b\":[],\"a\":{\"\":{}}}", "a2616280"
					"6161a160a0" },
};

static uint8_t hex_digit(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n;

	for (n = 0; hex[2 * n]; n++)
		out[n] = (uint8_t)(hex_digit(hex[2 * n]) << 4 | hex_digit(hex[2 * n + 1]));
	return n;
}

static void cbor_is_written_shortest_and_read_back(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cbor_cases); i++) {
		json_t *v = json_loads(cbor_cases[i].json, 0, NULL), *back;
		uint8_t want[BUF_MAX];
		size_t want_len = unhex(cbor_cases[i].cbor, want), len;
		void *out = NULL;

		assert_non_null(v);
		assert_int_equal(mn_onem2m_content_write(60, v, &out, &len), 0);
		if (len != want_len || memcmp(out, want, len))
			fail_msg("%s", cbor_cases[i].json);
		back = mn_onem2m_content_read(60, out, len);
		assert_non_null(back);
		assert_true(json_equal(back, v));
		json_decref(back);
		free(out);
		json_decref(v);
	}
}

static void cbor_is_mapped_to_json(void **state)
{
	static const struct {
		const char *cbor, *json;
	} cases[] = {
		/* heads need not be shortest */
		{ "9800", "[]" },
		{ "9b0000000000000001"
		  "1800",
		  "[0]" },
		{ "ba00000001"
		  "7900016101",
		  "{\"a\":1}" },
		{ "b800", "{}" },
		{ "81190001", "[1]" },
		{ "813b0000000000000000", "[-1]" },
		{ "81780161", "[\"a\"]" },
		{ "81fb3ff0000000000000", "[1.0]" },
		/* byte strings are base64 text */
		{ "8140", "[\"\"]" },
		{ "8141ff", "[\"/w==\"]" },
		{ "81420102", "[\"AQI=\"]" },
		{ "8143fbefbe", "[\"++++\"]" },
		{ "814400ff1080", "[\"AP8QgA==\"]" },
		{ "81450102030405", "[\"AQIDBAU=\"]" },
		{ "a16163"
		  "5803010203",
		  "{\"c\":\"AQID\"}" },
	};
	uint8_t in[64];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		json_t *v = mn_onem2m_content_read(60, in, unhex(cases[i].cbor, in));

		if (!v)
			fail_msg("refused: %s", cases[i].cbor);
		assert_json(v, cases[i].json);
		json_decref(v);
	}
}

static void cbor_is_strict(void **state)
{
	static const char *const bad[] = {
		"00",
		"20",
		"6161",
		"4161",
		"f4",
		"f6",
		"f93c00", /* a scalar alone */
		"81",
		"8200",
		"a1",
		"a16161",
		"a16161a1", /* not all there */
		"8000",
		"a000",
		"810000", /* something behind */
		"9fff",
		"9f00ff",
		"bfff",
		"bf616101ff", /* indefinite lengths */
		"817f6161ff",
		"815f4161ff",
		"ff",
		"81ff",
		"a10001",
		"a1416101",
		"a1f601",
		"a18001",
		"a1a001",
		"a1f93c0001",       /* keys */
		"a2616101616102",   /* twice the same */
		"a261610178016102", /* the same in another head */
		"a2616102"
		"6161a0",
		"811b8000000000000000",
		"811bffffffffffffffff", /* outside of int64 */
		"813b8000000000000000",
		"813bffffffffffffffff",
		"81f97c00",
		"81f9fc00",
		"81f97e00",
		"81fa7f800000",
		"81fb7ff0000000000000", /* no number */
		"c080",
		"81c100",
		"81d9d9f700",
		"d9d9f780", /* tags */
		"81f7",
		"81e0",
		"81f3",
		"81f800",
		"81f8ff",
		"81f818", /* undefined, simple values */
		"811c",
		"811d",
		"811e",
		"811f",
		"815c",
		"817c",
		"819c",
		"81bc",
		"81fc",
		"81fd",
		"81fe",
		"8161ff",
		"8162c328",
		"8163eda080",
		"8164f4908080",
		"8162c080", /* no UTF-8 */
		"a161ff01",
		"816100",
		"a1610001", /* U+0000 */
		"9bffffffffffffffff",
		"9b7fffffffffffffff00",
		"9affffffff00",
		"99ffff00", /* bombs */
		"bbffffffffffffffff",
		"bb800000000000000061610161610100",
		"bb8000000000000000",
		"baffffffff616101",
		"817bffffffffffffffff61",
		"815bffffffffffffffff61",
		"817b7fffffffffffffff61",
		"817affffffff61",
	};
	uint8_t in[64];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++)
		if (mn_onem2m_content_read(60, in, unhex(bad[i], in)))
			fail_msg("taken: %s", bad[i]);
	assert_null(mn_onem2m_content_read(60, in, 0));
}

static void truncated_cbor_is_refused(void **state)
{
	size_t i, len, cut;
	uint8_t in[64];

	(void)state;
	for (i = 0; i < COUNT(cbor_cases); i++) {
		len = unhex(cbor_cases[i].cbor, in);
		for (cut = 0; cut < len; cut++) {
			uint8_t *exact = malloc(cut ? cut : 1);

			memcpy(exact, in, cut);
			if (mn_onem2m_content_read(60, exact, cut))
				fail_msg("%s cut to %zu", cbor_cases[i].cbor, cut);
			free(exact);
		}
	}
}

static void content_that_cannot_be_read_is_not_written(void **state)
{
	json_t *text = json_string("a"), *nul = json_pack("{s:s#}", "a", "b\0c", 3);
	json_t *key = json_object(), *good = json_object();
	void *out = (void *)1;
	size_t len;

	(void)state;
	json_object_setn_new(key, "a\0", 2, json_null());
	assert_int_equal(mn_onem2m_content_write(60, NULL, &out, &len), -EINVAL);
	assert_int_equal(mn_onem2m_content_write(50, text, &out, &len), -EINVAL);
	assert_int_equal(mn_onem2m_content_write(60, text, &out, &len), -EINVAL);
	assert_int_equal(mn_onem2m_content_write(50, nul, &out, &len), -EINVAL);
	assert_int_equal(mn_onem2m_content_write(60, key, &out, &len), -EINVAL);
	assert_int_equal(mn_onem2m_content_write(41, good, &out, &len), -EINVAL);
	assert_ptr_equal(out, (void *)1);
	json_decref(text);
	json_decref(nul);
	json_decref(key);
	json_decref(good);
}

static uint32_t seed = 8;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static json_t *random_value(int depth)
{
	static const double reals[] = { 0.5, -1.25, 3.14159, 1e30, 1e-7, 65503.0, 2.5e-8 };
	char text[24] = { 0 };
	json_t *v;
	uint32_t i, n = draw(5);

	for (i = 0; i < n * 4; i++)
		text[i] = (char)('a' + draw(26));
	switch (draw(depth ? 7 : 5)) {
	case 0:
		return json_integer((json_int_t)((uint64_t)draw(1U << 24) << draw(40)) *
				    (draw(2) ? 1 : -1));
	case 1:
		return json_real(reals[draw(COUNT(reals))]);
	case 2:
		return json_boolean(draw(2));
	case 3:
		return json_null();
	case 4:
		return json_string(text);
	case 5:
		v = json_array();
		for (i = 0; i < n; i++)
			json_array_append_new(v, random_value(depth - 1));
		return v;
	default:
		v = json_object();
		for (i = 0; i < n; i++) {
			text[0] = (char)('a' + i);
			text[1] = '\0';
			json_object_set_new(v, text, random_value(depth - 1));
		}
		return v;
	}
}

static void any_content_comes_out_as_it_went_in(void **state)
{
	int round, format;

	(void)state;
	for (round = 0; round < 400; round++) {
		json_t *v = json_object();

		json_object_set_new(v, "m2m:x", random_value(5));
		for (format = 50; format <= 60; format += 10) {
			json_t *back;
			size_t len;
			void *out;

			assert_int_equal(mn_onem2m_content_write(format, v, &out, &len), 0);
			back = mn_onem2m_content_read(format, out, len);
			assert_true(json_equal(back, v));
			json_decref(back);
			free(out);
		}
		json_decref(v);
	}
}

/* Nothing but the sanitizers' silence is asked for, and that what is taken can be written again. */
static void any_bytes_are_read_safely(void **state)
{
	uint8_t bytes[64];
	uint32_t taken = 0;
	int round;

	(void)state;
	for (round = 0; round < 20000; round++) {
		const char *base = cbor_cases[draw(COUNT(cbor_cases))].cbor;
		size_t len = unhex(base, bytes);
		uint32_t flips = draw(4);
		uint8_t *exact;
		json_t *v;

		while (flips--)
			bytes[draw((uint32_t)len)] = (uint8_t)draw(256);
		exact = malloc(len);
		memcpy(exact, bytes, len);
		v = mn_onem2m_content_read(60, exact, len);
		free(exact);
		if (v) {
			size_t out_len;
			void *out;

			taken++;
			assert_int_equal(mn_onem2m_content_write(60, v, &out, &out_len), 0);
			free(out);
			json_decref(v);
		}
	}
	assert_in_range(taken, 1000, 19000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_is_strict),
		cmocka_unit_test(content_is_bounded_in_depth_and_size),
		cmocka_unit_test(cbor_is_written_shortest_and_read_back),
		cmocka_unit_test(cbor_is_mapped_to_json),
		cmocka_unit_test(cbor_is_strict),
		cmocka_unit_test(truncated_cbor_is_refused),
		cmocka_unit_test(content_that_cannot_be_read_is_not_written),
		cmocka_unit_test(any_content_comes_out_as_it_went_in),
		cmocka_unit_test(any_bytes_are_read_safely),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
