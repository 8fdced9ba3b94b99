// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tools/mncsectl/text.c tools/mncsectl/key.c */
/* mncsectl: quoting, values for people, tables, keys from files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../tools/mncsectl/mncsectl.h"

static char said[256];

/* Instead of main.c's. */
int mnt_fail(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	return code;
}

static void quoted(const char *text, const char *want)
{
	char *got = mnt_quote(text);

	assert_string_equal(got, want);
	free(got);
}

static void unsafe_characters_are_quoted(void **state)
{
	char *once;

	(void)state;
	quoted("", "");
	quoted("C00001 ~", "C00001 ~");
	quoted("a\x1b[1m\x7f\n", "a\\x1b[1m\\x7f\\x0a");
	quoted("a\\x1b", "a\\x5cx1b");
	quoted("\xc2\x9b"
	       "1m",
	       "\\xc2\\x9b1m");
	quoted("\xe2\x80\xae"
	       "abc",
	       "\\xe2\\x80\\xae"
	       "abc");
	quoted("\xef\xbb\xbf", "\\xef\\xbb\\xbf");
	quoted("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
	once = mnt_quote_once("a\\x1b\x1b");
	assert_string_equal(once, "a\\x1b\\x1b");
	free(once);
}

static void bytes_that_are_not_utf8_are_quoted(void **state)
{
	(void)state;
	quoted("a\xff"
	       "b",
	       "a\\xffb");
	quoted("\xc3", "\\xc3");
	quoted("\xe2\x82", "\\xe2\\x82");
	quoted("\xc0\xaf", "\\xc0\\xaf");
	quoted("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
	quoted("\xed\xa0\x80", "\\xed\\xa0\\x80");
	quoted("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	quoted("\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf");
}

static void shown(json_int_t v, enum mnt_format format, const char *want)
{
	json_t *j = json_integer(v);
	char *got = mnt_text(j, format);

	assert_string_equal(got, want);
	free(got);
	json_decref(j);
}

static void numbers_are_shown_for_people(void **state)
{
	(void)state;
	shown(0, MNT_COUNT, "0");
	shown(INT64_MAX, MNT_COUNT, "9223372036854775807");
	shown(0, MNT_MS, "0 ms");
	shown(999, MNT_MS, "999 ms");
	shown(1000, MNT_MS, "1 s");
	shown(59999, MNT_MS, "59 s");
	shown(60000, MNT_MS, "1 min 0 s");
	shown(3599000, MNT_MS, "59 min 59 s");
	shown(3600000, MNT_MS, "1 h 0 min");
	shown(7260000, MNT_MS, "2 h 1 min");
	shown(86399000, MNT_MS, "23 h 59 min");
	shown(90000000, MNT_MS, "1 d 1 h");
	shown(999, MNT_US, "999 us");
	shown(1500, MNT_US, "1.5 ms");
	shown(2500000, MNT_US, "2.50 s");
	shown(61000000, MNT_US, "1 min 1 s");
	shown(1023, MNT_BYTES, "1023 B");
	shown(1024, MNT_BYTES, "1.0 KiB");
	shown(1536 * 1024, MNT_BYTES, "1.5 MiB");
	shown(0, MNT_DATE, "-");
	shown(1000000000, MNT_DATE, "2001-09-09 01:46:40Z");
	shown(INT64_MAX, MNT_DATE, "9223372036854775807");
}

static void other_values_are_shown_for_people(void **state)
{
	json_t *j = json_pack("{s[ss]sss[]sbsbss}", "list", "a", "b\x01", "text", "x", "none",
			      "yes", 1, "no", 0, "empty", "");
	static const struct {
		const char *key, *want;
	} values[] = { { "list", "a, b\\x01" }, { "text", "x" }, { "none", "" },
		       { "yes", "yes" },        { "no", "no" },  { "empty", "-" },
		       { "absent", "-" } };

	(void)state;
	assert_non_null(j);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		char *got = mnt_text(json_object_get(j, values[i].key), MNT_TEXT);

		assert_string_equal(got, values[i].want);
		free(got);
	}
	json_decref(j);
}

static char printed[1024];
static int saved_stdout;
static FILE *captured;

static void capture(void)
{
	captured = tmpfile();
	assert_non_null(captured);
	fflush(stdout);
	saved_stdout = dup(1);
	dup2(fileno(captured), 1);
}

static void captured_is(const char *want)
{
	ssize_t n;

	fflush(stdout);
	dup2(saved_stdout, 1);
	close(saved_stdout);
	n = pread(fileno(captured), printed, sizeof(printed) - 1, 0);
	fclose(captured);
	assert_true(n >= 0);
	printed[n] = '\0';
	assert_string_equal(printed, want);
}

static const struct mnt_column columns[] = {
	{ "NAME", "name", MNT_TEXT },
	{ "N", "n", MNT_COUNT },
	{ "LAST", "last", MNT_TEXT },
};

static void table_is_aligned(void **state)
{
	json_t *rows = json_pack("[{sssiss}{sssi}]", "name", "\xc3\xa4", "n", 12345, "last", "x",
				 "name", "longer", "n", 7);

	(void)state;
	capture();
	mnt_table(rows, columns, 3, "  ");
	captured_is("  NAME        N  LAST\n"
		    "  \xc3\xa4       12345  x\n"
		    "  longer      7  -\n");
	json_decref(rows);
	rows = json_array();
	capture();
	mnt_table(rows, columns, 3, "");
	captured_is("NAME  N  LAST\n");
	json_decref(rows);
}

static void list_leaves_out_what_is_absent(void **state)
{
	json_t *object = json_pack("{sssi}", "name", "x", "n", 5);

	(void)state;
	capture();
	mnt_list(object, columns, 3);
	captured_is("NAME:  x\nN:     5\n");
	json_decref(object);
}

static void json_is_ascii(void **state)
{
	(void)state;
	capture();
	assert_int_equal(mnt_json(json_pack("[s]", "\xc3\xa4\xc2\x9b")), MNT_OK);
	captured_is("[\n  \"\\u00E4\\u009B\"\n]\n");
	assert_int_equal(mnt_json(NULL), MNT_FAILED);
}

/* Reads a key from a file with this content. */
static int key_of(const char *content, struct mnt_key *key)
{
	char path[] = "/tmp/mncse-key-XXXXXX", source[64];
	int fd = mkstemp(path), code;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	close(fd);
	snprintf(source, sizeof(source), "@%s", path);
	code = mnt_key_read(source, key);
	unlink(path);
	return code;
}

static void key_is_read_from_a_file(void **state)
{
	const uint8_t want[] = { 0x00, 0x11, 0xab };
	char most[130];
	struct mnt_key key;

	(void)state;
	assert_int_equal(key_of("0011ab", &key), MNT_OK);
	assert_int_equal(key.len, 3);
	assert_memory_equal(key.bytes, want, 3);
	assert_int_equal(key_of(" \r\n0011AB\r\n\n", &key), MNT_OK);
	assert_memory_equal(key.bytes, want, 3);
	memset(most, '5', 128);
	most[128] = '\0';
	assert_int_equal(key_of(most, &key), MNT_OK);
	assert_int_equal(key.len, 64);
}

static void bad_key_is_refused_and_zeroed(void **state)
{
	static const char *const bad[] = { "", "\n", "0", "001", "00 11", "xx", "0x00" };
	char many[1000];
	struct mnt_key key, zero = { .len = 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		memset(&key, 0xff, sizeof(key));
		assert_int_equal(key_of(bad[i], &key), MNT_FAILED);
		assert_non_null(strstr(said, "as hex digits"));
		assert_memory_equal(&key, &zero, sizeof(key));
	}
	memset(many, '1', sizeof(many));
	many[130] = '\0';
	memset(&key, 0xff, sizeof(key));
	assert_int_equal(key_of(many, &key), MNT_FAILED);
	assert_memory_equal(&key, &zero, sizeof(key));
	many[130] = '1';
	many[999] = '\0';
	assert_int_equal(key_of(many, &key), MNT_FAILED);
	assert_non_null(strstr(said, "File too large"));
	/* 512 bytes are the most that is read. */
	many[512] = '\0';
	memset(many + 32, '\n', 480);
	assert_int_equal(key_of(many, &key), MNT_OK);
}

static void key_is_not_taken_from_the_command_line(void **state)
{
	static const char *const bad[] = { "", "00112233", "@", "--" };
	struct mnt_key key;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(mnt_key_read(bad[i], &key), MNT_USAGE);
	assert_int_equal(mnt_key_read("@/nonexistent", &key), MNT_FAILED);
	assert_string_equal(said, "/nonexistent: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unsafe_characters_are_quoted),
		cmocka_unit_test(bytes_that_are_not_utf8_are_quoted),
		cmocka_unit_test(numbers_are_shown_for_people),
		cmocka_unit_test(other_values_are_shown_for_people),
		cmocka_unit_test(table_is_aligned),
		cmocka_unit_test(list_leaves_out_what_is_absent),
		cmocka_unit_test(json_is_ascii),
		cmocka_unit_test(key_is_read_from_a_file),
		cmocka_unit_test(bad_key_is_refused_and_zeroed),
		cmocka_unit_test(key_is_not_taken_from_the_command_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
