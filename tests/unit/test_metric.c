// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/metrics.h"

static void is(const char *stat, const char *family, const char *labels, enum mn_metric_type type,
	       const char *unit, unsigned int divisor)
{
	struct mn_metric m;

	mn_metric_of_stat(stat, &m);
	assert_string_equal(m.family, family);
	assert_string_equal(m.labels, labels);
	assert_int_equal(m.type, type);
	if (unit)
		assert_string_equal(m.unit, unit);
	else
		assert_null(m.unit);
	assert_int_equal(m.divisor, divisor);
	assert_non_null(m.help);
}

static void hop_and_reason_are_labels(void **state)
{
	(void)state;
	is("inner.service_in", "mncse_service_in", "hop=\"inner\"", MN_METRIC_COUNTER, NULL, 1);
	is("outer.drop_junk", "mncse_drops", "hop=\"outer\",reason=\"junk\"", MN_METRIC_COUNTER,
	   NULL, 1);
	is("inner.refused_rate", "mncse_refused", "hop=\"inner\",reason=\"rate\"",
	   MN_METRIC_COUNTER, NULL, 1);
	is("inner.closed_idle", "mncse_closed", "hop=\"inner\",reason=\"idle\"", MN_METRIC_COUNTER,
	   NULL, 1);
	is("proxy.flows_now", "mncse_flows_now", "hop=\"proxy\"", MN_METRIC_GAUGE, NULL, 1);
}

static void units_stand_at_the_end_of_names(void **state)
{
	(void)state;
	is("inner.bytes_in", "mncse_received_bytes", "hop=\"inner\"", MN_METRIC_COUNTER, "bytes",
	   1);
	is("inner.buffer_bytes", "mncse_buffer_bytes", "hop=\"inner\"", MN_METRIC_GAUGE, "bytes",
	   1);
	is("process.cpu_us", "mncse_process_cpu_seconds", "", MN_METRIC_COUNTER, "seconds",
	   1000000);
	is("process.rss_bytes", "mncse_process_resident_bytes", "", MN_METRIC_GAUGE, "bytes", 1);
}

static void gauges_are_what_is_now(void **state)
{
	(void)state;
	is("inner.sessions", "mncse_sessions", "hop=\"inner\"", MN_METRIC_GAUGE, NULL, 1);
	is("outer.half_open", "mncse_half_open", "hop=\"outer\"", MN_METRIC_GAUGE, NULL, 1);
	is("bpf.sessions", "mncse_bpf_sessions", "", MN_METRIC_GAUGE, NULL, 1);
	is("inner.sessions_refused", "mncse_sessions_refused", "hop=\"inner\"", MN_METRIC_COUNTER,
	   NULL, 1);
}

static void the_programs_counters_have_classes(void **state)
{
	(void)state;
	is("bpf.guard.hello_cookie_packets", "mncse_bpf_guard_packets", "class=\"hello_cookie\"",
	   MN_METRIC_COUNTER, NULL, 1);
	is("bpf.guard.drop_junk", "mncse_bpf_guard_drops", "reason=\"junk\"", MN_METRIC_COUNTER,
	   NULL, 1);
	is("bpf.inner.out.rand_bytes", "mncse_bpf_bytes",
	   "hop=\"inner\",direction=\"out\",class=\"rand\"", MN_METRIC_COUNTER, "bytes", 1);
	is("bpf.outer.rand_in", "mncse_bpf_rand_in", "hop=\"outer\"", MN_METRIC_COUNTER, NULL, 1);
	is("bpf.steer.owner", "mncse_bpf_steer", "to=\"owner\"", MN_METRIC_COUNTER, NULL, 1);
	is("bpf.group.plant.7.service_in_packets", "mncse_bpf_group_packets",
	   "group=\"plant.7\",class=\"service_in\"", MN_METRIC_COUNTER, NULL, 1);
}

/* Counters that this version does not know have a lawful name, too. */
static void any_name_becomes_a_lawful_one(void **state)
{
	static const char *const names[] = {
		"",
		".",
		"x",
		"bpf.",
		"bpf.group.",
		"bpf.a",
		"inner.",
		"a.b.c",
		"inner.\xc3\xa4",
		"kernel.drop-x y",
		"bpf.group..",
		"inner.drop_",
	};
	char longest[600];
	struct mn_metric m;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		mn_metric_of_stat(names[i], &m);
		assert_int_equal(strspn(m.family, "abcdefghijklmnopqrstuvwxyz0123456789_"),
				 strlen(m.family));
		assert_int_equal(strncmp(m.family, "mncse_", 6), 0);
	}
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	mn_metric_of_stat(longest, &m);
	assert_int_equal(strlen(m.family), MN_METRIC_NAME - 1);
	memcpy(longest, "bpf.group.", 10);
	longest[500] = '.';
	mn_metric_of_stat(longest, &m);
	assert_int_equal(m.family[MN_METRIC_NAME - 1], '\0');
}

static void label_values_are_escaped(void **state)
{
	struct mn_metric m = { 0 };

	(void)state;
	mn_metric_label(&m, "a", "x\"y\\z\nw");
	mn_metric_label(&m, "b", "");
	assert_string_equal(m.labels, "a=\"x\\\"y\\\\z\\nw\",b=\"\"");
}

static void a_label_that_does_not_fit_is_left_out(void **state)
{
	char big[2 * MN_METRIC_LABELS];
	struct mn_metric m = { 0 };

	(void)state;
	memset(big, '"', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	mn_metric_label(&m, "a", "1");
	for (size_t n = sizeof(big) - 1; n > 0; n--) {
		big[n] = '\0';
		m.labels[5] = '\0';
		mn_metric_label(&m, "b", big);
		assert_true(strlen(m.labels) < sizeof(m.labels));
		assert_int_equal(m.labels[strlen(m.labels) - 1], '"');
	}
	m.labels[5] = '\0';
	mn_metric_label(&m, "a", "2");
	assert_string_equal(m.labels, "a=\"1\",a=\"2\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hop_and_reason_are_labels),
		cmocka_unit_test(units_stand_at_the_end_of_names),
		cmocka_unit_test(gauges_are_what_is_now),
		cmocka_unit_test(the_programs_counters_have_classes),
		cmocka_unit_test(any_name_becomes_a_lawful_one),
		cmocka_unit_test(label_values_are_escaped),
		cmocka_unit_test(a_label_that_does_not_fit_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
