// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tools/device/agent_credentials.c */
#include "../../tools/device/agent_credentials.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HEADER "device_id,inner_id,inner_key_hex,in_id,in_key_hex,group,gateway_id,cse_id\n"
#define KEY_A "000102030405060708090a0b0c0d0e0f"
#define KEY_B "101112131415161718191a1b1c1d1e1f"
#define ROW(id) id "," id "@mn-cse-1," KEY_A "," id "@in-cse-1," KEY_B ",g1,mn-cse-1,in-cse-1\n"

static char err[MNT_CREDENTIALS_ERR];

static int parse(const char *text, const char *only, size_t max, struct mnt_credentials *out)
{
	err[0] = '\0';
	return mnt_credentials_parse("f.csv", text, strlen(text), only, max, out, err);
}

static void reads_rows_by_column_name(void **state)
{
	struct mnt_credentials c;

	(void)state;
	assert_int_equal(
		parse("in_key_hex,extra,gateway_id,in_id,inner_key_hex,inner_id,device_id\n" KEY_B
		      ",x,mn-cse-1,C1@in," KEY_A ",C1@mn,C1\n",
		      NULL, 0, &c),
		0);
	assert_int_equal(c.n, 1);
	assert_string_equal(c.list[0].device_id, "C1");
	assert_string_equal(c.list[0].inner_id, "C1@mn");
	assert_string_equal(c.list[0].in_id, "C1@in");
	assert_string_equal(c.list[0].gateway_id, "mn-cse-1");
	assert_string_equal(c.list[0].group, "");
	assert_int_equal(c.list[0].inner_key_len, 16);
	assert_int_equal(c.list[0].inner_key[15], 0x0f);
	assert_int_equal(c.list[0].in_key[15], 0x1f);
	mnt_credentials_fini(&c);
	assert_null(c.list);
}

static void takes_quotes_crlf_and_a_mark(void **state)
{
	struct mnt_credentials c;

	(void)state;
	assert_int_equal(parse("\xef\xbb\xbf" HEADER "\"a,\"\"b\"\"\",\"A1@mn\"," KEY_A
			       ",A1@in," KEY_B ",\"g\n2\",mn-cse-1,in-cse-1\r\n" ROW("C2"),
			       NULL, 0, &c),
			 0);
	assert_int_equal(c.n, 2);
	assert_string_equal(c.list[0].device_id, "a,\"b\"");
	assert_string_equal(c.list[1].device_id, "C2");
	mnt_credentials_fini(&c);
}

static void last_line_needs_no_newline(void **state)
{
	char text[] = HEADER ROW("C1");
	struct mnt_credentials c;

	(void)state;
	text[strlen(text) - 1] = '\0';
	assert_int_equal(parse(text, NULL, 0, &c), 0);
	assert_int_equal(c.n, 1);
	mnt_credentials_fini(&c);
}

static void takes_one_device_or_the_first_few(void **state)
{
	static const char text[] = HEADER ROW("C1") ROW("C2") ROW("C3");
	struct mnt_credentials c;

	(void)state;
	assert_int_equal(parse(text, "C2", 0, &c), 0);
	assert_int_equal(c.n, 1);
	assert_string_equal(c.list[0].device_id, "C2");
	mnt_credentials_fini(&c);
	assert_int_equal(parse(text, NULL, 2, &c), 0);
	assert_int_equal(c.n, 2);
	mnt_credentials_fini(&c);
	assert_int_equal(parse(text, "C4", 0, &c), -ENOENT);
	assert_string_equal(err, "f.csv: no device C4");
}

static void normalises_entity_ids(void **state)
{
	struct mnt_credentials c;

	(void)state;
	/* U+212B ANGSTROM SIGN is U+00C5 in NFKC */
	assert_int_equal(parse(HEADER "\xe2\x84\xab,C1@mn," KEY_A ",C1@in," KEY_B ",g1,m,i\n",
			       "\xc3\x85", 0, &c),
			 0);
	assert_string_equal(c.list[0].device_id, "\xc3\x85");
	mnt_credentials_fini(&c);
}

static void refuses_malformed_files(void **state)
{
	static const struct {
		const char *text, *err;
	} cases[] = {
		{ "", "f.csv:1: the header has no column device_id" },
		{ "device_id,inner_id\nC1,C1@m\n",
		  "f.csv:1: the header has no column inner_key_hex" },
		{ "device_id,device_id\n", "f.csv:1: the column device_id is there twice" },
		{ HEADER, "f.csv: no devices" },
		{ HEADER "C1,C1@m\n", "f.csv:2: 2 fields, the header has 8" },
		{ HEADER ROW("C1") "C1,,,,,,,,\n", "f.csv:3: more fields than the header has" },
		{ HEADER "\"C1,C1@m\n", "f.csv:2: a quoted field does not end" },
		{ HEADER "\"C1\"x,\n", "f.csv:2: text after a quoted field" },
		{ HEADER "C\"1,\n", "f.csv:2: a quote inside a field that is not quoted" },
		{ HEADER "C1\rC2\n", "f.csv:2: 1 fields, the header has 8" },
		{ HEADER "C1,C1,,,,,m,i\n", "f.csv:2: inner_id: " },
		{ HEADER "C1,C1@m,xy,C1@i," KEY_B ",g,m,i\n",
		  "f.csv:2: inner_key_hex is not a key" },
		{ HEADER "C1,C1@m,,C1@i," KEY_B ",g,m,i\n", "f.csv:2: inner_key_hex is empty" },
		{ HEADER "C1,C1@m,0011,C1@i," KEY_B ",g,m,i\n",
		  "f.csv:2: inner_key_hex has 2 bytes" },
		{ HEADER "\xff,C1@m," KEY_A ",C1@i," KEY_B ",g,m,i\n", "f.csv:2: device_id: " },
	};
	struct mnt_credentials c;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(parse(cases[i].text, NULL, 0, &c) < 0);
		if (strncmp(err, cases[i].err, strlen(cases[i].err)) != 0)
			fail_msg("got '%s', expected '%s'", err, cases[i].err);
		assert_null(c.list);
		assert_int_equal(c.n, 0);
	}
}

static void refuses_one_key_for_two_uses(void **state)
{
	struct mnt_credentials c;

	(void)state;
	assert_int_equal(parse(HEADER "C1,C1@m," KEY_A ",C1@i," KEY_A ",g,m,i\n", NULL, 0, &c),
			 -EINVAL);
	assert_non_null(strstr(err, "a key serves one use"));
}

static void refuses_long_fields(void **state)
{
	char text[4096] = HEADER;
	size_t len = strlen(text);
	struct mnt_credentials c;

	(void)state;
	memset(text + len, 'x', 2000);
	assert_int_equal(parse(text, NULL, 0, &c), -EINVAL);
	assert_string_equal(err, "f.csv:2: a field is longer than 1023 bytes");
}

static void names_a_file_that_cannot_be_read(void **state)
{
	struct mnt_credentials c;

	(void)state;
	assert_int_equal(mnt_credentials_read("/nonexistent/d.csv", NULL, 0, &c, err), -ENOENT);
	assert_string_equal(err, "/nonexistent/d.csv: No such file or directory");
	assert_int_equal(mnt_credentials_read("/dev/null", NULL, 0, &c, err), -EFBIG);
}

static void reads_a_file(void **state)
{
	char path[] = "/tmp/mncse-credentials-XXXXXX";
	int fd = mkstemp(path);
	struct mnt_credentials c;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, HEADER ROW("C1"), strlen(HEADER ROW("C1"))),
			 strlen(HEADER ROW("C1")));
	close(fd);
	assert_int_equal(mnt_credentials_read(path, NULL, 0, &c, err), 0);
	assert_int_equal(c.n, 1);
	mnt_credentials_fini(&c);
	unlink(path);
}

static void grows_over_many_rows(void **state)
{
	size_t room = 1 << 20, len;
	char *text = malloc(room);
	struct mnt_credentials c;

	(void)state;
	assert_non_null(text);
	len = (size_t)sprintf(text, "%s", HEADER);
	for (int i = 0; i < 1000; i++)
		len += (size_t)snprintf(text + len, room - len,
					"C%d,C%d@m," KEY_A ",C%d@i," KEY_B ",g,m,i\n", i, i, i);
	assert_int_equal(mnt_credentials_parse("f", text, len, NULL, 0, &c, err), 0);
	assert_int_equal(c.n, 1000);
	assert_string_equal(c.list[999].device_id, "C999");
	assert_memory_not_equal(c.list[0].kid, c.list[999].kid, MN_KID_LEN);
	mnt_credentials_fini(&c);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_rows_by_column_name),
		cmocka_unit_test(takes_quotes_crlf_and_a_mark),
		cmocka_unit_test(last_line_needs_no_newline),
		cmocka_unit_test(takes_one_device_or_the_first_few),
		cmocka_unit_test(normalises_entity_ids),
		cmocka_unit_test(refuses_malformed_files),
		cmocka_unit_test(refuses_one_key_for_two_uses),
		cmocka_unit_test(refuses_long_fields),
		cmocka_unit_test(names_a_file_that_cannot_be_read),
		cmocka_unit_test(reads_a_file),
		cmocka_unit_test(grows_over_many_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
