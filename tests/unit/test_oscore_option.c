// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/identity.h"
#include "core/oscore.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BUF_MAX 512

struct blob {
	uint8_t data[BUF_MAX];
	size_t len;
};

static struct blob unhex(const char *hex)
{
	struct blob b = { 0 };

	assert_non_null(hex);
	assert_int_equal(mn_hex_decode(hex, strlen(hex), b.data, sizeof(b.data), &b.len), 0);
	return b;
}

static void assert_blob(const void *got, size_t len, const struct blob *want)
{
	assert_int_equal(len, want->len);
	assert_memory_equal(got, want->data, len);
}

static void malformed_option_values_are_refused(void **state)
{
	static const char *const bad[] = {
		"00", /* all zero, given explicitly */
		"0000",
		"20", /* reserved bits */
		"40",
		"80",
		"2900",
		"06010203040506", /* n of 6 and 7 */
		"0701020304050607",
		"01", /* lengths that leave the value */
		"0201",
		"05ffffffff",
		"09",
		"10",
		"1001",
		"1905",
		"190505aabbccdd",
		"1900ff",
		"0100ff", /* bytes left over without k */
		"1001aabb",
		"020001", /* leading zeroes */
		"0300ffff",
		"050000000000",
	};
	struct mn_oscore_option o = { .piv_len = 77 };
	uint8_t long_value[256] = { 0x08 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		struct blob b = unhex(bad[i]);
		int r = mn_oscore_option_read(b.data, b.len, &o);

		if (r != -EBADMSG)
			fail_msg("%s: %d", bad[i], r);
		assert_int_equal(o.piv_len, 77);
	}
	assert_int_equal(mn_oscore_option_read(long_value, 255, &o), 0);
	assert_int_equal(o.kid_len, 254);
	assert_int_equal(mn_oscore_option_read(long_value, 256, &o), -EBADMSG);
}

static void options_are_read_as_they_are_written(void **state)
{
	static const struct {
		const char *value, *piv, *kid, *context; /* NULL: absent */
	} cases[] = {
		{ "", "", NULL, NULL },
		{ "0100", "00", NULL, NULL },
		{ "0914", "14", "", NULL },
		{ "091400", "14", "00", NULL },
		{ "090000", "00", "00", NULL },
		{ "19140837cbf3210017a2d3", "14", "", "37cbf3210017a2d3" },
		{ "190500", "05", "", "" },
		{ "1000", "", NULL, "" },
		{ "0801", "", "01", NULL },
		{ "1d01020304050201020708", "0102030405", "0708", "0102" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct blob want = unhex(cases[i].value);
		struct blob piv = unhex(cases[i].piv);
		struct blob kid = unhex(cases[i].kid ? cases[i].kid : "");
		struct blob context = unhex(cases[i].context ? cases[i].context : "");
		struct mn_oscore_option o;
		uint8_t out[64];
		int n;

		n = mn_oscore_option_write(piv.data, piv.len, kid.data, kid.len, cases[i].kid,
					   cases[i].context ? context.data : NULL, context.len, out,
					   want.len);
		assert_int_equal(n, want.len);
		assert_memory_equal(out, want.data, want.len);
		if (want.len)
			assert_int_equal(mn_oscore_option_write(
						 piv.data, piv.len, kid.data, kid.len, cases[i].kid,
						 cases[i].context ? context.data : NULL,
						 context.len, out, want.len - 1),
					 -EMSGSIZE);
		assert_int_equal(mn_oscore_option_read(want.data, want.len, &o), 0);
		assert_blob(o.piv, o.piv_len, &piv);
		assert_int_equal(o.has_kid, cases[i].kid != NULL);
		assert_blob(o.kid, o.kid_len, &kid);
		assert_int_equal(o.has_kid_context, cases[i].context != NULL);
		assert_blob(o.kid_context, o.kid_context_len, &context);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(malformed_option_values_are_refused),
		cmocka_unit_test(options_are_read_as_they_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
