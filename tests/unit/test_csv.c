// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tools/keys/csv.c tools/keys/idformat.c */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../tools/keys/csv.h"
#include "../../tools/keys/idformat.h"

static struct mnt_csv csv;
static char *input;
static FILE *file;

static int start_bytes(const char *text, size_t len)
{
	input = malloc(len + 1);
	memcpy(input, text, len);
	file = fmemopen(input, len ? len : 1, "r");
	if (!len)
		getc(file); /* fmemopen has no empty file */
	return mnt_csv_init(&csv, file);
}

static int start(const char *text)
{
	return start_bytes(text, strlen(text));
}

static int finish(void **state)
{
	(void)state;
	if (file)
		fclose(file);
	free(input);
	file = NULL;
	input = NULL;
	mnt_csv_fini(&csv);
	return 0;
}

/* The record's fields with '|' between them. */
static const char *record(void)
{
	static char text[2 * MNT_CSV_RECORD_MAX];

	text[0] = '\0';
	for (size_t i = 0; i < csv.n; i++)
		strcat(strcat(text, i ? "|" : ""), csv.fields[i]);
	return text;
}

static void next_is(const char *fields, size_t line)
{
	assert_int_equal(mnt_csv_next(&csv), 1);
	assert_string_equal(record(), fields);
	assert_int_equal(csv.line, line);
}

static void next_is_bad(const char *why, size_t line)
{
	assert_int_equal(mnt_csv_next(&csv), -EBADMSG);
	assert_string_equal(csv.error, why);
	assert_int_equal(csv.line, line);
}

static void next_is_end(void)
{
	assert_int_equal(mnt_csv_next(&csv), 0);
}

static void plain_lines_are_read(void **state)
{
	(void)state;
	assert_int_equal(start("a,b,c\n1,2,3\n,,\n x , y ,\n"), 0);
	assert_int_equal(csv.columns, 3);
	next_is("1|2|3", 2);
	next_is("||", 3);
	next_is(" x | y |", 4);
	next_is_end();
	next_is_end();
}

static void last_newline_may_be_missing(void **state)
{
	(void)state;
	assert_int_equal(start("a,b\n1,2"), 0);
	next_is("1|2", 2);
	next_is_end();
	finish(state);
	assert_int_equal(start("a,b\n1,"), 0);
	next_is("1|", 2);
	next_is_end();
	finish(state);
	assert_int_equal(start("a,b\n1,\"2\""), 0);
	next_is("1|2", 2);
	next_is_end();
}

static void quotes_are_rfc_4180(void **state)
{
	(void)state;
	assert_int_equal(
		start("a,b\n\"1,2\",\"say \"\"x\"\"\"\n\"\",\"\"\"\"\n\"two\nlines\",x\ny,z\n"), 0);
	next_is("1,2|say \"x\"", 2);
	next_is("|\"", 3);
	next_is("two\nlines|x", 4);
	next_is("y|z", 6);
	next_is_end();
}

static void crlf_ends_lines(void **state)
{
	(void)state;
	assert_int_equal(start("a,b\r\n1,2\r\n\"3\",\"4\"\r\n\"x\r\ny\",5\r\n"), 0);
	assert_int_equal(mnt_csv_column(&csv, "b"), 1);
	next_is("1|2", 2);
	next_is("3|4", 3);
	next_is("x\r\ny|5", 4);
	next_is_end();
}

static void empty_lines_are_skipped(void **state)
{
	(void)state;
	assert_int_equal(start("\n\r\na\n\n1\n\r\n2\n\n"), 0);
	next_is("1", 5);
	next_is("2", 7);
	next_is_end();
	finish(state);
	assert_int_equal(start("a\n\"\"\n"), 0); /* an empty field is not an empty line */
	next_is("", 2);
	next_is_end();
}

static void columns_have_names(void **state)
{
	(void)state;
	assert_int_equal(start("\xef\xbb\xbf"
			       "device_id,\"in_id\",group\n"),
			 0);
	assert_int_equal(mnt_csv_column(&csv, "device_id"), 0);
	assert_int_equal(mnt_csv_column(&csv, "in_id"), 1);
	assert_int_equal(mnt_csv_column(&csv, "group"), 2);
	assert_int_equal(mnt_csv_column(&csv, "Group"), -1);
	assert_int_equal(mnt_csv_column(&csv, ""), -1);
	next_is_end();
}

static void bad_headers_are_refused(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *why;
	} bad[] = {
		{ "", -ENODATA, "" },
		{ "\n\n", -ENODATA, "" },
		{ "\xef\xbb\xbf", -ENODATA, "" },
		{ "a,,b\n", -EBADMSG, "column 2 has no name" },
		{ "a,b,a\n", -EBADMSG, "column 3 repeats a name" },
		{ "a,\"b\n", -EBADMSG, "a quote that is never closed" },
		{ "a,b\"\n", -EBADMSG, "a quote inside an unquoted field" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(start(bad[i].text), bad[i].code);
		assert_string_equal(csv.error, bad[i].why);
		finish(state);
	}
}

static void bad_lines_are_told_and_passed(void **state)
{
	(void)state;
	assert_int_equal(start("a,b\n"
			       "1\n"
			       "1,2,3\n"
			       "x\"y,2\n"
			       "\"x\"y,2\n"
			       "\"x\" ,2\n"
			       "1,2\rx\n"
			       "ok,1\n"
			       "1\r,2\n"
			       "ok,\"2\"\n"
			       "1,\"2"),
			 0);
	next_is_bad("1 fields, the header has 2", 2);
	next_is_bad("3 fields, the header has 2", 3);
	next_is_bad("a quote inside an unquoted field", 4);
	next_is_bad("text after a closing quote", 5);
	next_is_bad("text after a closing quote", 6);
	next_is_bad("a carriage return without a newline", 7);
	next_is("ok|1", 8);
	next_is_bad("a carriage return without a newline", 9);
	next_is("ok|2", 10);
	next_is_bad("a quote that is never closed", 11);
	next_is_end();
}

static void nul_is_refused(void **state)
{
	static const char text[] = "a,b\n1,\0\n\"\0\",2\nok,2\n";

	(void)state;
	assert_int_equal(start_bytes(text, sizeof(text) - 1), 0);
	next_is_bad("a NUL", 2);
	next_is_bad("a NUL", 3);
	next_is("ok|2", 4);
	next_is_end();
}

static char *repeat(char *at, const char *what, size_t n)
{
	while (n--)
		at = stpcpy(at, what);
	return at;
}

static void records_are_bounded(void **state)
{
	static char text[8 * MNT_CSV_RECORD_MAX];
	char *at = stpcpy(text, "a\n");

	at = stpcpy(repeat(at, "x", MNT_CSV_RECORD_MAX - 1), "\n"); /* just fits */
	at = stpcpy(repeat(at, "x", MNT_CSV_RECORD_MAX + 1), "\n");
	at = stpcpy(repeat(stpcpy(at, "\""), "\"\"", MNT_CSV_RECORD_MAX), "\"\n");
	stpcpy(repeat(at, "x", 3 * MNT_CSV_RECORD_MAX), "\nok\n");
	assert_int_equal(start(text), 0);
	assert_int_equal(mnt_csv_next(&csv), 1);
	assert_int_equal(strlen(csv.fields[0]), MNT_CSV_RECORD_MAX - 1);
	next_is_bad("the line is too long", 3);
	next_is_bad("the line is too long", 4);
	next_is_bad("the line is too long", 5);
	next_is("ok", 6);
	next_is_end();
	finish(state);

	at = stpcpy(text, "a\n");
	at = stpcpy(repeat(at, ",", MNT_CSV_FIELDS_MAX - 1), "\n");
	at = stpcpy(repeat(at, ",", MNT_CSV_FIELDS_MAX), "\n");
	stpcpy(repeat(at, ",", MNT_CSV_RECORD_MAX), "\nok\n");
	assert_int_equal(start(text), 0);
	next_is_bad("64 fields, the header has 1", 2);
	next_is_bad("too many fields", 3);
	next_is_bad("too many fields", 4);
	next_is("ok", 5);
}

static void written_fields_are_read_back(void **state)
{
	static const char *const fields[] = { "plain",    "",          "a,b",
					      "\"",       "say \"x\"", "two\r\nlines",
					      " spaces ", "\xc3\xa9" };
	const size_t n = sizeof(fields) / sizeof(fields[0]);
	char text[256];
	FILE *f = fmemopen(text, sizeof(text), "w");

	(void)state;
	fputs("1,2,3,4,5,6,7,8\n", f);
	for (size_t i = 0; i < n; i++) {
		mnt_csv_put(f, fields[i]);
		putc(i + 1 < n ? ',' : '\n', f);
	}
	fclose(f);
	assert_non_null(
		strstr(text, "plain,,\"a,b\",\"\"\"\",\"say \"\"x\"\"\",\"two\r\nlines\","));
	assert_int_equal(start(text), 0);
	assert_int_equal(mnt_csv_next(&csv), 1);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(csv.fields[i], fields[i]);
}

static void id_format_takes_one_number(void **state)
{
	static const char *const good[] = { "%d", "C%05d", "%09d", "100%%-%01d", "/mn-cse-1/C%d" };
	static const char *const bad[] = { "",     "C",   "%",    "%%",    "%d%d", "%s",
					   "%05s", "%5d", "%00d", "%010d", "%d%",  "%ld",
					   "%-5d", "%n",  "%0d",  "%1$d",  "%*d",  "%05d%n" };
	char out[16];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_null(mnt_idformat_check(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!mnt_idformat_check(bad[i]))
			fail_msg("\"%s\" was taken", bad[i]);
	assert_int_equal(mnt_idformat("C%05d", 42, out, sizeof(out)), 0);
	assert_string_equal(out, "C00042");
	assert_int_equal(mnt_idformat("%%%d%%", 1000000, out, sizeof(out)), 0);
	assert_string_equal(out, "%1000000%");
	assert_int_equal(mnt_idformat("%09d%%%%%%%%%%%%", 1, out, sizeof(out)), 0);
	assert_string_equal(out, "000000001%%%%%%");
	assert_int_equal(mnt_idformat("%09d%%%%%%%%%%%%x", 1, out, sizeof(out)), -ENAMETOOLONG);
	assert_int_equal(mnt_idformat("12345678%09d", 1, out, sizeof(out)), -ENAMETOOLONG);
	assert_int_equal(mnt_idformat("1234567890123456789%d", 1, out, sizeof(out)), -ENAMETOOLONG);
}

#define CSV_TEST(name) cmocka_unit_test_teardown(name, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CSV_TEST(plain_lines_are_read),
		CSV_TEST(last_newline_may_be_missing),
		CSV_TEST(quotes_are_rfc_4180),
		CSV_TEST(crlf_ends_lines),
		CSV_TEST(empty_lines_are_skipped),
		CSV_TEST(columns_have_names),
		CSV_TEST(bad_headers_are_refused),
		CSV_TEST(bad_lines_are_told_and_passed),
		CSV_TEST(nul_is_refused),
		CSV_TEST(records_are_bounded),
		CSV_TEST(written_fields_are_read_back),
		CSV_TEST(id_format_takes_one_number),
	};

	return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
