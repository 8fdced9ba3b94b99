// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: daemon/proxy.c */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../daemon/proxy.h"

static bool has(const char *prefix, const char *host)
{
	struct mnd_prefix p;
	union mn_addr a;

	assert_int_equal(mnd_prefix_parse(prefix, &p), 0);
	assert_int_equal(mn_addr_parse(host, 1, &a), 0);
	return mnd_prefix_has(&p, &a);
}

static void a_prefix_has_its_addresses_and_no_others(void **state)
{
	(void)state;
	assert_true(has("198.18.7.0/24", "198.18.7.255"));
	assert_false(has("198.18.7.0/24", "198.18.6.255"));
	assert_true(has("198.18.6.0/23", "198.18.7.1"));
	assert_false(has("198.18.6.0/23", "198.18.8.1"));
	assert_true(has("192.0.2.1/32", "192.0.2.1"));
	assert_false(has("192.0.2.1/32", "192.0.2.0"));
	assert_true(has("0.0.0.0/0", "203.0.113.9"));
	assert_false(has("0.0.0.0/0", "2001:db8::1"));
	assert_true(has("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(has("2001:db8::/33", "2001:db8:8000::1"));
	assert_false(has("::/0", "192.0.2.1"));
}

static void what_is_no_prefix_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"198.18.7.0",
		"198.18.7.0/",
		"198.18.7.0/33",
		"198.18.7.1/24",
		"198.18.7.0/x",
		"198.18.7.0/24 ",
		"198.18.7.0/-1",
		"/24",
		"2001:db8::/129",
		"2001:db8::1/64",
		"host/24",
	};
	struct mnd_prefix p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(mnd_prefix_parse(bad[i], &p), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_prefix_has_its_addresses_and_no_others),
		cmocka_unit_test(what_is_no_prefix_is_refused),
	};

	return cmocka_run_group_tests_name("prefix", tests, NULL, NULL);
}
