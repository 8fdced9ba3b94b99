// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/identity.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FULLWIDTH_C "\xef\xbc\xa3" /* U+FF23, NFKC "C" */
#define LIGATURE_18 "\xef\xb7\xba" /* U+FDFA, NFKC 18 characters, 33 bytes */

/* Fails unless the ID is refused with err and out is as it was. */
static void assert_refused(const void *in, size_t len, int err)
{
	char out[MN_ENTITY_MAX + 1], before[sizeof(out)];
	size_t out_len = 4711;

	memset(out, 0x5a, sizeof(out));
	memcpy(before, out, sizeof(out));
	assert_int_equal(mn_entity_normalise(in, len, out, &out_len), err);
	assert_memory_equal(out, before, sizeof(out));
	assert_int_equal(out_len, 4711);
}

static void assert_normal(const char *in, const char *want)
{
	char out[MN_ENTITY_MAX + 1];
	size_t len;

	memset(out, 0x5a, sizeof(out));
	assert_int_equal(mn_entity_normalise(in, strlen(in), out, &len), 0);
	assert_string_equal(out, want);
	assert_int_equal(len, strlen(want));
	assert_int_equal(mn_entity_normalise(want, len, out, NULL), 0);
	assert_string_equal(out, want); /* NFKC of NFKC is itself */
}

static void ids_are_normalised_to_nfkc(void **state)
{
	(void)state;
	assert_normal("C00001", "C00001");
	assert_normal("/mn-cse-1/C dev~42", "/mn-cse-1/C dev~42");
	assert_normal(FULLWIDTH_C "x", "Cx");
	assert_normal("\xef\xac\x81"
		      "eld",
		      "field");                    /* U+FB01 */
	assert_normal("\xe2\x84\xab", "\xc3\x85"); /* Angstrom sign */
	assert_normal("A\xcc\x8a", "\xc3\x85");    /* A, combining ring */
	assert_normal("\xe2\x91\xa0", "1");        /* U+2460 */
	assert_normal("\xf0\x9d\x90\x80", "A");    /* U+1D400 */
	assert_normal("\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8", "\xea\xb0\x81"); /* jamo */
	assert_normal("a\xcc\xa3\xcc\x87", "\xe1\xba\xa1\xcc\x87");
	assert_normal("a\xcc\x87\xcc\xa3", "\xe1\xba\xa1\xcc\x87"); /* order of the marks */
	assert_normal("\xc2\xa0", " ");                             /* no-break space */
	assert_normal("\xee\x80\x80", "\xee\x80\x80");              /* private use */
	assert_normal("\xf0\x9f\x92\xa1", "\xf0\x9f\x92\xa1");      /* U+1F4A1 */
}

static void ids_end_at_255_bytes_after_normalisation(void **state)
{
	char in[9 * MN_ENTITY_MAX], out[MN_ENTITY_MAX + 1];
	size_t len;

	(void)state;
	memset(in, 'a', sizeof(in));
	assert_int_equal(mn_entity_normalise(in, MN_ENTITY_MAX, out, &len), 0);
	assert_int_equal(len, MN_ENTITY_MAX);
	assert_int_equal(strlen(out), MN_ENTITY_MAX);
	assert_refused(in, MN_ENTITY_MAX + 1, -E2BIG);
	assert_refused(in, sizeof(in), -E2BIG);

	for (size_t i = 0; i < 3 * (MN_ENTITY_MAX + 1); i += 3)
		memcpy(in + i, FULLWIDTH_C, 3);
	assert_int_equal(mn_entity_normalise(in, 3 * MN_ENTITY_MAX, out, &len), 0);
	assert_int_equal(len, MN_ENTITY_MAX);
	assert_refused(in, 3 * (MN_ENTITY_MAX + 1), -E2BIG);

	for (size_t i = 0; i < 8; i++)
		memcpy(in + 3 * i, LIGATURE_18, 3);
	assert_int_equal(mn_entity_normalise(in, 3 * 7, out, &len), 0);
	assert_int_equal(len, 7 * 33);
	assert_refused(in, 3 * 8, -E2BIG);
}

static void empty_ids_are_refused(void **state)
{
	(void)state;
	assert_refused("", 0, -ENODATA);
	assert_refused(NULL, 0, -ENODATA);
}

static void control_characters_are_refused(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < 0xa0; c++) {
		uint8_t text[4] = { 'x' };
		size_t len = 1;

		if (c >= 0x20 && c < 0x7f)
			continue;
		if (c >= 0x80)
			text[len++] = 0xc2;
		text[len++] = (uint8_t)c;
		text[len++] = 'y';
		assert_refused(text, len, -EINVAL);
		assert_int_equal(mn_text_check(text, len), -EINVAL);
	}
}

static void unassigned_code_points_are_refused(void **state)
{
	static const char *const texts[] = {
		"\xcd\xb8",         /* U+0378 */
		"\xef\xbf\xbe",     /* U+FFFE, a noncharacter */
		"\xef\xbf\xbf",     /* U+FFFF */
		"\xef\xb7\x90",     /* U+FDD0 */
		"\xf0\x9f\xbf\xbe", /* U+1FFFE */
		"\xf4\x8f\xbf\xbf", /* U+10FFFF */
		"\xf3\xa0\x82\x80", /* U+E0080 */
		"C\xcd\xb8",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_refused(texts[i], strlen(texts[i]), -EILSEQ);
		/* Where no normalisation is asked for, they are text like any other. */
		assert_int_equal(mn_text_check(texts[i], strlen(texts[i])), 0);
	}
}

/* Unicode 3.9, table 3-7, word for word. 0 when p does not start with a well-formed sequence. */
static size_t well_formed(const uint8_t *p, size_t len)
{
	static const struct {
		uint8_t first, first_end, second, second_end;
		size_t len;
	} rows[] = {
		{ 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (p[0] < rows[i].first || p[0] > rows[i].first_end)
			continue;
		if (rows[i].len > len)
			return 0;
		if (rows[i].len > 1 && (p[1] < rows[i].second || p[1] > rows[i].second_end))
			return 0;
		for (size_t k = 2; k < rows[i].len; k++)
			if (p[k] < 0x80 || p[k] > 0xbf)
				return 0;
		return rows[i].len;
	}
	return 0;
}

static bool all_well_formed(const uint8_t *p, size_t len)
{
	while (len) {
		size_t n = well_formed(p, len);

		if (n == 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

/* Every first and second byte, and the third and fourth where something changes, at every length. */
static void utf8_is_taken_just_where_unicode_says_well_formed(void **state)
{
	static const uint8_t edges[] = { 0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0,
					 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xf0, 0xf4, 0xff };
	unsigned long refused = 0, taken = 0;

	(void)state;
	for (unsigned int i = 0; i < 0x10000; i++) {
		for (size_t k = 0; k < COUNT(edges) * COUNT(edges); k++) {
			const uint8_t p[4] = { (uint8_t)(i >> 8), (uint8_t)i,
					       edges[k / COUNT(edges)], edges[k % COUNT(edges)] };

			for (size_t len = 1; len <= 4; len++) {
				bool refusal = mn_text_check(p, len) == -EILSEQ;

				if (refusal == all_well_formed(p, len))
					fail_msg("%02x %02x %02x %02x, length %zu", p[0], p[1],
						 p[2], p[3], len);
				refused += refusal;
				taken += !refusal;
			}
		}
	}
	assert_true(refused > 1000000 && taken > 1000000);
	assert_int_equal(mn_text_check(NULL, 0), 0);
}

static void ids_of_bad_utf8_are_refused(void **state)
{
	static const char *const texts[] = {
		"\x80",
		"x\xff",
		"\xc0\xaf",
		"\xe0\x80\xaf",
		"\xf0\x80\x80\xaf",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf8\x88\x80\x80",
		"abc\xe2\x82",
		"\xc3\x28",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_refused(texts[i], strlen(texts[i]), -EILSEQ);
		assert_int_equal(mn_kpsa_id_check(texts[i], strlen(texts[i])), -EILSEQ);
	}
	assert_refused("\n\xff", 2, -EILSEQ);
}

static int kpsa(const char *id)
{
	return mn_kpsa_id_check(id, strlen(id));
}

static void credential_identifiers_have_the_form_relative_at_fqdn(void **state)
{
	char longest[MN_KPSA_ID_MAX + 1];

	(void)state;
	assert_int_equal(kpsa("test@onem2m.com"), 0);
	assert_int_equal(kpsa("C00001@mn-cse-1"), 0);
	assert_int_equal(kpsa("a@b@c.d"), 0);
	assert_int_equal(kpsa("\xed\x8e\x8c\xed\x94\x84@in-cse-1"), 0);
	assert_int_equal(kpsa("\xcd\xb8@x"), 0);
	assert_int_equal(kpsa(""), -ENODATA);
	assert_int_equal(kpsa("x"), -EPROTO);
	assert_int_equal(kpsa("@x"), -EPROTO);
	assert_int_equal(kpsa("x@"), -EPROTO);
	assert_int_equal(kpsa("@"), -EPROTO);
	assert_int_equal(kpsa("x@a b"), -EPROTO);
	assert_int_equal(kpsa("x@a_b"), -EPROTO);
	assert_int_equal(kpsa("x@a/b"), -EPROTO);
	assert_int_equal(kpsa("x@\xc3\x85"), -EPROTO);
	for (unsigned int c = 0x20; c < 0x7f; c++) {
		const char id[] = { 'x', '@', 'y', (char)c, 'z', '\0' };
		bool allowed = strchr("0123456789abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ-.@",
				      (int)c);

		assert_int_equal(kpsa(id), allowed ? 0 : -EPROTO);
	}
	assert_int_equal(kpsa("x\n@y"), -EINVAL);
	assert_int_equal(mn_kpsa_id_check("dev1@in\0evil", 12), -EINVAL);
	memset(longest, 'a', sizeof(longest));
	longest[1] = '@';
	assert_int_equal(mn_kpsa_id_check(longest, MN_KPSA_ID_MAX), 0);
	assert_int_equal(mn_kpsa_id_check(longest, MN_KPSA_ID_MAX + 1), -E2BIG);
}

static void every_error_has_a_sentence_of_its_own(void **state)
{
	static const int errors[] = {
		0, -EILSEQ, -EINVAL, -ENODATA, -E2BIG, -EPROTO, -ENOMEM, -EIO
	};

	(void)state;
	for (size_t i = 0; i < COUNT(errors); i++) {
		const char *text = mn_identity_strerror(errors[i]);

		assert_true(strlen(text) > 10);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(text, mn_identity_strerror(errors[k]));
	}
}

static void kid_is_the_start_of_the_digest_of_the_identifier(void **state)
{
	static const uint8_t want[] = { 0x1d, 0x0a, 0x57, 0x39, 0xaa, 0xeb, 0x67 };
	uint8_t kid[MN_KID_LEN];

	(void)state;
	assert_int_equal(mn_kid("C00001@in-cse-1", 15, kid), 0);
	assert_memory_equal(kid, want, sizeof(want));
}

static void hex_goes_both_ways(void **state)
{
	uint8_t all[256], back[256];
	char text[2 * sizeof(all) + 1];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)i;
	mn_hex_encode(all, sizeof(all), text);
	assert_int_equal(strlen(text), 2 * sizeof(all));
	assert_memory_equal(text + 2 * 0xa0, "a0a1", 4);
	assert_int_equal(mn_hex_decode(text, strlen(text), back, sizeof(back), &len), 0);
	assert_int_equal(len, sizeof(all));
	assert_memory_equal(all, back, sizeof(all));
	assert_int_equal(mn_hex_decode("aBFf", 4, back, 2, &len), 0);
	assert_int_equal(back[0], 0xab);
	assert_int_equal(back[1], 0xff);
	assert_int_equal(mn_hex_decode("A9f0", 4, back, 2, &len), 0);
	assert_int_equal(back[0], 0xa9);
	assert_int_equal(back[1], 0xf0);
	assert_int_equal(mn_hex_decode("", 0, back, 0, &len), 0);
	assert_int_equal(len, 0);
	mn_hex_encode(all, 0, text);
	assert_string_equal(text, "");
}

static void bad_hex_is_refused(void **state)
{
	uint8_t out[4] = { 1, 2, 3, 4 };
	const uint8_t before[4] = { 1, 2, 3, 4 };
	size_t len = 4711;

	(void)state;
	assert_int_equal(mn_hex_decode("abc", 3, out, 4, &len), -EINVAL);
	assert_int_equal(mn_hex_decode("abcdef00ff", 10, out, 4, &len), -E2BIG);
	for (unsigned int c = 0; c < 256; c++) {
		const char text[4] = { '1', '2', '3', (char)c };

		if (c && strchr("0123456789abcdefABCDEF", (int)c))
			continue;
		assert_int_equal(mn_hex_decode(text, 4, out, 4, &len), -EINVAL);
	}
	assert_memory_equal(out, before, sizeof(out));
	assert_int_equal(len, 4711);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_normalised_to_nfkc),
		cmocka_unit_test(ids_end_at_255_bytes_after_normalisation),
		cmocka_unit_test(empty_ids_are_refused),
		cmocka_unit_test(control_characters_are_refused),
		cmocka_unit_test(unassigned_code_points_are_refused),
		cmocka_unit_test(utf8_is_taken_just_where_unicode_says_well_formed),
		cmocka_unit_test(ids_of_bad_utf8_are_refused),
		cmocka_unit_test(credential_identifiers_have_the_form_relative_at_fqdn),
		cmocka_unit_test(every_error_has_a_sentence_of_its_own),
		cmocka_unit_test(kid_is_the_start_of_the_digest_of_the_identifier),
		cmocka_unit_test(hex_goes_both_ways),
		cmocka_unit_test(bad_hex_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
