// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tools/bench/report.c tools/bench/svg.c tools/bench/output.c tools/bench/phase.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tools/bench/phase.h"
#include "../../tools/bench/report.h"
#include "../../tools/bench/svg.h"

static char *page;
static size_t page_len;

static json_t *run_of(const char *mode, int devices, double outer)
{
	return json_pack("{s:s, s:i, s:i, s:{s:i, s:i, s:i, s:i}, s:{s:i, s:i}, s:{s:f, s:f},"
			 " s:{s:f, s:f}, s:[{s:s, s:i, s:i, s:f, s:f, s:[[f, f], [f, f], [f, f]]}],"
			 " s:[[f, i, i, i, i], [f, i, i, i, i], [f, i, i, i, i]]}",
			 "mode", mode, "devices", devices, "failed", 0, "messages", "server_in",
			 devices + 1, "server_out", 1, "gateway_in", 2 * devices + 1, "gateway_out",
			 2 * devices + 1, "outer_datagrams", "in", devices, "out", devices, "bytes",
			 "outer", outer, "inner", 1000.0 * devices, "cpu_s", "in", 0.01, "gateway",
			 0.02, "phases", "name", "handshake", "count", devices, "failed", 0,
			 "p50_ms", 1.5, "p99_ms", 2.5, "curve", 0.0, 1.0, 50.0, 1.5, 100.0, 3.0,
			 "timeline", 0.0, 0, 0, 0, 0, 0.1, 7, 0, 0, 0, 0.2, 9, 0, 0, 0);
}

static void write_page(const struct mnt_report_run *runs, size_t n)
{
	FILE *f = open_memstream(&page, &page_len);

	assert_non_null(f);
	assert_int_equal(mnt_report_write(f, runs, n), 0);
	fclose(f);
}

static int forget(void **state)
{
	(void)state;
	free(page);
	page = NULL;
	return 0;
}

static size_t count(const char *what)
{
	size_t n = 0;

	for (const char *at = page; (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

static void runs_of_both_modes_are_compared(void **state)
{
	json_t *g1 = run_of("group", 1, 300), *g2 = run_of("group", 100, 30000);
	json_t *p1 = run_of("proxy", 1, 900), *p2 = run_of("proxy", 100, 90000);
	const struct mnt_report_run runs[] = {
		{ "g1.json", g1 }, { "g2.json", g2 }, { "p1.json", p1 }, { "p2.json", p2 }
	};

	(void)state;
	write_page(runs, 4);
	/* seven figures over n, latency, throughput */
	assert_int_equal(count("<svg "), 9);
	assert_int_equal(count("</svg>"), 9);
	assert_int_equal(count(">proxy</text>"), 7);
	assert_non_null(strstr(page, "<td>p2.json</td><td>proxy</td><td>100</td>"));
	json_decref(g1);
	json_decref(g2);
	json_decref(p1);
	json_decref(p2);
}

static void the_page_needs_nothing_from_elsewhere(void **state)
{
	json_t *o = run_of("group", 10, 3000);
	const struct mnt_report_run run = { "r.json", o };

	(void)state;
	write_page(&run, 1);
	assert_null(strstr(page, "<script"));
	assert_null(strstr(page, "src="));
	assert_null(strstr(page, "href="));
	assert_null(strstr(page, "url("));
	assert_int_equal(strncmp(page, "<!DOCTYPE html>", 15), 0);
	json_decref(o);
}

static void names_cannot_bring_markup(void **state)
{
	json_t *o = run_of("<b>", 10, 3000);
	const struct mnt_report_run run = { "<script>\"&\n", o };

	(void)state;
	write_page(&run, 1);
	assert_null(strstr(page, "<script"));
	assert_null(strstr(page, "<b>"));
	assert_non_null(strstr(page, "&lt;script&gt;&quot;&amp;?"));
	json_decref(o);
}

static void members_that_are_missing_are_left_out(void **state)
{
	json_t *o = json_pack("{s:i}", "devices", 5);
	const struct mnt_report_run run = { "r", o };

	(void)state;
	write_page(&run, 1);
	assert_int_equal(count("<svg "), 0);
	assert_int_equal(count("nan"), 0);
	assert_non_null(strstr(page, "<td>5</td><td>-</td>"));
	json_decref(o);
}

static void a_chart_without_points_is_not_drawn(void **state)
{
	double xy[1][2] = { { 0, 5 } };
	const struct mnt_svg_series s = { .name = "s", .xy = xy, .n = 1 };
	struct mnt_svg_chart c = { "t", "x", "y", MNT_SVG_LOG, MNT_SVG_LINEAR, &s, 1 };
	FILE *f = open_memstream(&page, &page_len);

	(void)state;
	mnt_svg_chart(f, &c);
	fflush(f);
	assert_int_equal(page_len, 0);
	c.x = MNT_SVG_LINEAR;
	mnt_svg_chart(f, &c);
	fclose(f);
	assert_int_equal(count("<circle"), 1);
	assert_null(strstr(page, "nan"));
}

static void an_old_file_is_replaced_whole(void **state)
{
	char path[] = "/tmp/mncse-report-XXXXXX", text[64] = { 0 };
	json_t *o = json_pack("{s:i}", "devices", 5);
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, "a long text that was there before", 33), 33);
	close(fd);
	assert_int_equal(mnt_output_json(mnt_output_open(path), o), 0);
	FILE *f = fopen(path, "r");

	assert_int_equal(fread(text, 1, sizeof(text), f), strlen("{\n  \"devices\": 5\n}\n"));
	assert_string_equal(text, "{\n  \"devices\": 5\n}\n");
	fclose(f);
	unlink(path);
	assert_true(mnt_output_open("/nonexistent/x") < 0);
	json_decref(o);
}

static void phases_are_a_list_that_begins_with_handshake(void **state)
{
	static const char *const wrong[] = {
		"", "get", "handshake,", "handshake,handshake", "handshake,nothing", "handshake get"
	};
	struct mnt_phases p = { .n = 0 };
	char err[256];

	(void)state;
	assert_int_equal(mnt_phases_parse("handshake,rand,get,steady,reconnect", &p, err), 0);
	assert_int_equal(p.n, 5);
	assert_int_equal(p.kind[4], MNT_PHASE_RECONNECT);
	assert_false(mnt_phases_are_counted(&p));
	assert_int_equal(mnt_phases_parse("handshake,request", &p, err), 0);
	assert_true(mnt_phases_are_counted(&p));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		err[0] = '\0';
		assert_true(mnt_phases_parse(wrong[i], &p, err) < 0);
		assert_true(err[0] != '\0');
	}
}

int main(void)
{
#define CLEAN(t) cmocka_unit_test_teardown(t, forget)
	const struct CMUnitTest tests[] = {
		CLEAN(runs_of_both_modes_are_compared),
		CLEAN(the_page_needs_nothing_from_elsewhere),
		CLEAN(names_cannot_bring_markup),
		CLEAN(members_that_are_missing_are_left_out),
		CLEAN(a_chart_without_points_is_not_drawn),
		cmocka_unit_test(an_old_file_is_replaced_whole),
		cmocka_unit_test(phases_are_a_list_that_begins_with_handshake),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
