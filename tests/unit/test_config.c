// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/config: what is read, what is refused and with which text, and that what is printed is read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"

struct sample {
	char name[33];
	char store[4096];
	struct mn_config_strings listen;
	struct mn_config_strings extra;
	char address[64];
	char in_id[129];
	bool dhe;
	uint32_t half_open, idle_s, any;
	int log;
};

static const char *even(const char *text)
{
	return strlen(text) % 2 ? "text of even length" : NULL;
}

#define AT(field) \
	.offset = offsetof(struct sample, field), .size = sizeof(((struct sample *)0)->field)

static const struct mn_config_key keys[] = {
	{ "name", MN_CONFIG_STRING, AT(name), .min = 1, .max = 16, .required = true,
	  .help = "who we are" },
	{ "store", MN_CONFIG_PATH, AT(store), .min = 1, .preset = "a.db", .help = "the store" },
	{ "listen", MN_CONFIG_STRINGS, AT(listen), .min = 1, .max = 3, .preset = "127.0.0.1:5684",
	  .help = "addresses" },
	{ "upstream.address", MN_CONFIG_STRING, AT(address), .min = 1, .max = 63, .help = "where" },
	{ "extra", MN_CONFIG_STRINGS, AT(extra), .check = even, .help = "more" },
	{ "upstream.in_id", MN_CONFIG_STRING, AT(in_id), .preset = "in-cse-1", .check = even,
	  .help = "whom" },
	{ "dhe", MN_CONFIG_BOOL, AT(dhe), .help = "forward secrecy" },
	{ "limits.half_open", MN_CONFIG_UINT, AT(half_open), .min = 1, .max = 65536,
	  .preset = "4096", .help = "handshakes at once" },
	{ "limits.idle_s", MN_CONFIG_UINT, AT(idle_s), .preset = "600", .help = "seconds" },
	{ "limits.deep.any", MN_CONFIG_UINT, AT(any), .help = "a number" },
	{ "log", MN_CONFIG_CHOICE, AT(log), .choices = "error|warn|info|debug|off",
	  .preset = "info", .help = "level" },
};
#define N (sizeof(keys) / sizeof(*keys))

static char folder[64], path[96], err[512];

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/mncse-config-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/x.yaml", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void write_file(const void *text, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	fclose(f);
}

static int read_text(const char *text, struct sample *s)
{
	write_file(text, strlen(text));
	return mn_config_read(path, keys, N, s, sizeof(*s), err);
}

/* The text is refused, with this message after "PATH:". */
static void refused(const char *text, const char *message)
{
	struct sample s, zero;
	char want[700];

	memset(&s, 0xa5, sizeof(s));
	memset(&zero, 0, sizeof(zero));
	assert_int_equal(read_text(text, &s), -EINVAL);
	snprintf(want, sizeof(want), "%s:%s", path, message);
	assert_string_equal(err, want);
	assert_memory_equal(&s, &zero, sizeof(s));
}

static void defaults_are_set(void **state)
{
	struct sample s;
	char want[200];

	(void)state;
	assert_int_equal(read_text("name: gw\n", &s), 0);
	assert_string_equal(s.name, "gw");
	snprintf(want, sizeof(want), "%s/a.db", folder);
	assert_string_equal(s.store, want);
	assert_int_equal(s.listen.n, 1);
	assert_string_equal(s.listen.items[0], "127.0.0.1:5684");
	assert_int_equal(s.extra.n, 0);
	assert_string_equal(s.address, "");
	assert_string_equal(s.in_id, "in-cse-1");
	assert_false(s.dhe);
	assert_int_equal(s.half_open, 4096);
	assert_int_equal(s.idle_s, 600);
	assert_int_equal(s.log, 2);
	mn_config_free(keys, N, &s);
}

static void values_replace_defaults(void **state)
{
	struct sample s;

	(void)state;
	assert_int_equal(
		read_text("# a comment\n---\nname: 'gw 1'\nstore: /var/x.db\n"
			  "listen: [\"[::1]:1\", 10.0.0.1:2]\nextra:\n  - aa\n  - bbbb\n"
			  "upstream: {address: \"10.0.0.2:5685\", in_id: inin}\ndhe: true\n"
			  "limits:\n  half_open: 1\n  deep: {any: 4294967295}\n  idle_s: 0\n"
			  "log: \"off\"\n",
			  &s),
		0);
	assert_string_equal(s.name, "gw 1");
	assert_string_equal(s.store, "/var/x.db");
	assert_int_equal(s.listen.n, 2);
	assert_string_equal(s.listen.items[0], "[::1]:1");
	assert_string_equal(s.listen.items[1], "10.0.0.1:2");
	assert_int_equal(s.extra.n, 2);
	assert_string_equal(s.extra.items[1], "bbbb");
	assert_string_equal(s.address, "10.0.0.2:5685");
	assert_string_equal(s.in_id, "inin");
	assert_true(s.dhe);
	assert_int_equal(s.half_open, 1);
	assert_int_equal(s.idle_s, 0);
	assert_int_equal(s.any, UINT32_MAX);
	assert_int_equal(s.log, 4);
	mn_config_free(keys, N, &s);
	assert_int_equal(s.listen.n, 0);
}

static void empty_section_means_defaults(void **state)
{
	struct sample s;

	(void)state;
	assert_int_equal(read_text("name: gw\nlimits:\n  # half_open: 1\nlisten: [a]\n", &s), 0);
	assert_int_equal(s.half_open, 4096);
	mn_config_free(keys, N, &s);
}

static void relative_path_starts_at_the_files_folder(void **state)
{
	struct sample s;
	char want[200];

	(void)state;
	snprintf(want, sizeof(want), "%s/sub/b.db", folder);
	write_file("name: gw\nstore: sub/b.db\n", 25);
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(mn_config_read("x.yaml", keys, N, &s, sizeof(s), err), 0);
	assert_string_equal(s.store, want);
	mn_config_free(keys, N, &s);
	assert_int_equal(chdir("/"), 0);
}

static void missing_required_key_is_named(void **state)
{
	(void)state;
	refused("dhe: true\n", "1: name: expected this key (who we are), found nothing");
	refused("", "1: name: expected this key (who we are), found nothing");
}

static void unknown_key_suggests_the_nearest(void **state)
{
	(void)state;
	refused("name: gw\nstroe: x\n",
		"2: stroe: expected a known key (store?), found an unknown one");
	refused("name: gw\nlimits:\n  half_opn: 1\n",
		"3: limits.half_opn: expected a known key (limits.half_open?), found an unknown one");
	refused("in_id: a\n",
		"1: in_id: expected a known key (upstream.in_id?), found an unknown one");
	refused("workers: 1\n", "1: workers: expected a known key, found an unknown one");
	refused("upstream.address: x\n",
		"1: upstream.address: expected a key without dots (write a.b as \"a: {b: ...}\"), "
		"found upstream.address");
	refused("\"a\\eb\": x\n", "1: a\\x1bb: expected a known key, found an unknown one");
	refused("[name]: gw\n", "1: file: expected a key, found a list");
}

static void repeated_key_is_refused(void **state)
{
	(void)state;
	refused("name: gw\ndhe: true\nname: gw\n",
		"3: name: expected each key once, found it in line 1 too");
	refused("name: gw\nlimits: {idle_s: 1}\n\nlimits: {half_open: 2}\n",
		"4: limits: expected each key once, found it in line 2 too");
	refused("name: gw\nlimits: {idle_s: 1, \"idle_s\": 1}\n",
		"2: limits.idle_s: expected each key once, found it in line 2 too");
}

static void numbers_are_strict(void **state)
{
	static const char *const bad[] = { "0",   "65537", "-1",  "+1",  "01",         "0x10",
					   "1.0", "1e3",   "1_0", "abc", "99999999999" };
	char text[128], message[200];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(text, sizeof(text), "name: gw\nlimits:\n  half_open: %s\n", bad[i]);
		snprintf(
			message, sizeof(message),
			"3: limits.half_open: expected a whole number from 1 to 65536, found \"%s\"",
			bad[i]);
		refused(text, message);
	}
	refused("limits: {half_open: '5'}\n",
		"1: limits.half_open: expected a whole number from 1 to 65536, found the string \"5\"");
	refused("limits: {idle_s: 4294967296}\n",
		"1: limits.idle_s: expected a whole number from 0 to "
		"4294967295, found \"4294967296\"");
	refused("limits: {half_open: }\n",
		"1: limits.half_open: expected a whole number from 1 to 65536, found nothing");
	refused("limits: {half_open: [1]}\n",
		"1: limits.half_open: expected a whole number from 1 to 65536, found a list");
}

static void wrong_types_are_refused(void **state)
{
	(void)state;
	refused("name: {a: b}\n", "1: name: expected text of 1 to 16 bytes, found a mapping");
	refused("name: ~\n", "1: name: expected text of 1 to 16 bytes, found nothing");
	refused("name: \"\"\n", "1: name: expected text of 1 to 16 bytes, found the string \"\"");
	refused("name: 12345678901234567\n",
		"1: name: expected text of 1 to 16 bytes, found \"12345678901234567\"");
	refused("dhe: yes\n", "1: dhe: expected true or false, found \"yes\"");
	refused("dhe: 'true'\n", "1: dhe: expected true or false, found the string \"true\"");
	refused("log: loud\n", "1: log: expected error, warn, info, debug or off, found \"loud\"");
	refused("limits: 3\n", "1: limits: expected a mapping, found \"3\"");
	refused("- name\n", "1: file: expected a mapping of keys, found a list");
	refused("listen: 10.0.0.1:1\n",
		"1: listen: expected a list of 1 to 3 strings, found \"10.0.0.1:1\"");
	refused("listen: []\n", "1: listen: expected a list of 1 to 3 strings, found 0");
	refused("listen: [a, b, c, d]\n", "1: listen: expected a list of 1 to 3 strings, found 4");
	refused("listen: [a,\n  [b]]\n", "2: listen: expected a string in the list, found a list");
	refused("listen: [a, ~]\n", "1: listen: expected a string in the list, found nothing");
	refused("listen: [a, '']\n",
		"1: listen: expected items of 1 to 255 bytes, found the string \"\"");
	refused("listen: [a, b, a]\n", "1: listen: expected each item once, found \"a\"");
}

static void control_characters_are_refused(void **state)
{
	(void)state;
	refused("name: \"a\\0b\"\n",
		"1: name: expected text without control characters, found the string \"a\\x00b\"");
	refused("name: \"a\\x1bb\"\n",
		"1: name: expected text without control characters, found the string \"a\\x1bb\"");
	refused("name: \"a\\x85b\"\n",
		"1: name: expected text without control characters, found the string \"a\\xc2\\x85b\"");
	refused("listen: [\"a\\nb\"]\n",
		"1: listen: expected text without control characters, found the string \"a\\x0ab\"");
}

static void further_checks_are_made(void **state)
{
	(void)state;
	refused("upstream: {in_id: abc}\n",
		"1: upstream.in_id: expected text of even length, found \"abc\"");
	refused("extra: [aa, b]\n", "1: extra: expected text of even length, found \"b\"");
}

static void yaml_features_are_refused(void **state)
{
	(void)state;
	refused("name: &a gw\nstore: *a\n", "1: file: expected plain YAML, found an anchor (&)");
	refused("name: !!str gw\n", "1: file: expected plain YAML, found a tag (!)");
	refused("name: gw\nlisten: !x [a]\n", "2: file: expected plain YAML, found a tag (!)");
	refused("name: gw\nlimits: !x {idle_s: 1}\n",
		"2: file: expected plain YAML, found a tag (!)");
	refused("name: gw\n---\nname: gw\n",
		"2: file: expected plain YAML, found a second document");
	refused("%YAML 1.1\n---\nname: gw\n",
		"1: file: expected plain YAML, found a directive (%)");
	refused("%TAG !e! tag:e,2000:\n---\nname: gw\n",
		"1: file: expected plain YAML, found a directive (%)");
}

static void broken_yaml_names_the_line(void **state)
{
	struct sample s;

	(void)state;
	refused("name: gw\nlisten: [a, b\nstore: x\n",
		"3: file: expected YAML, found an error: while parsing a flow sequence, did not find "
		"expected ',' or ']'");
	assert_int_equal(read_text("name: \"\xff\"\n", &s), -EINVAL);
	assert_non_null(strstr(err, "x.yaml: file: expected YAML in UTF-8, found at byte 7"));
	assert_int_equal(read_text("name: *a\n", &s), -EINVAL);
}

static void unreadable_files_have_a_text(void **state)
{
	struct sample s;
	char *big;

	(void)state;
	unlink(path);
	assert_int_equal(mn_config_read(path, keys, N, &s, sizeof(s), err), -ENOENT);
	assert_non_null(strstr(err, "x.yaml: file: cannot be read: No such file"));
	assert_int_equal(mn_config_read(folder, keys, N, &s, sizeof(s), err), -EISDIR);

	big = malloc((1 << 20) + 1);
	assert_non_null(big);
	memset(big, '#', (1 << 20) + 1);
	memcpy(big, "name: gw\n", 9);
	write_file(big, 1 << 20);
	assert_int_equal(mn_config_read(path, keys, N, &s, sizeof(s), err), 0);
	mn_config_free(keys, N, &s);
	write_file(big, (1 << 20) + 1);
	assert_int_equal(mn_config_read(path, keys, N, &s, sizeof(s), err), -EFBIG);
	free(big);
}

static void long_path_keeps_the_reason(void **state)
{
	struct sample s;
	char long_path[600];

	(void)state;
	write_file("nam: x\n", 7);
	snprintf(long_path, sizeof(long_path), "%s", folder);
	while (strlen(long_path) < 550)
		strcat(long_path, "/.");
	strcat(long_path, "/x.yaml");
	assert_int_equal(mn_config_read(long_path, keys, N, &s, sizeof(s), err), -EINVAL);
	assert_non_null(strstr(err, "x.yaml:1: nam: expected a known key (name?)"));
}

/* Prints s, reads the text again into *back. */
static void print_and_read(const struct sample *s, bool comments, struct sample *back)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	mn_config_print(f, keys, N, s, comments);
	fclose(f);
	write_file(text, len);
	if (mn_config_read(path, keys, N, back, sizeof(*back), err))
		fail_msg("%s\n%s", err, text);
	free(text);
}

static void assert_same(const struct sample *a, const struct sample *b)
{
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->store, b->store);
	assert_string_equal(a->address, b->address);
	assert_string_equal(a->in_id, b->in_id);
	assert_int_equal(a->listen.n, b->listen.n);
	for (size_t i = 0; i < a->listen.n; i++)
		assert_string_equal(a->listen.items[i], b->listen.items[i]);
	assert_int_equal(a->extra.n, b->extra.n);
	assert_int_equal(a->dhe, b->dhe);
	assert_int_equal(a->half_open, b->half_open);
	assert_int_equal(a->idle_s, b->idle_s);
	assert_int_equal(a->any, b->any);
	assert_int_equal(a->log, b->log);
}

static void printed_configuration_is_read_again(void **state)
{
	static const char *const texts[] = {
		"name: gw\n",
		"name: 'null'\nlog: 'off'\ndhe: true\nlimits: {half_open: 7, deep: {any: 3}}\n",
		"name: '~'\nstore: '/a b: #c'\nlisten: ['[::1]:1', 'yes', '- x']\nextra: [aa, '12']\n"
		"upstream: {address: \"a\\\"b\\\\\", in_id: \"ab \\u2028 \\ufeff\"}\n",
		"name: \" x\xc3\xa4\xf0\x9f\x98\x80 \"\nlisten: ['a#b', \"{c\", \"!d\"]\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct sample s, back;

		if (read_text(texts[i], &s))
			fail_msg("%s", err);
		print_and_read(&s, false, &back);
		assert_same(&s, &back);
		mn_config_free(keys, N, &back);
		print_and_read(&s, true, &back);
		assert_same(&s, &back);
		mn_config_free(keys, N, &back);
		mn_config_free(keys, N, &s);
	}
}

static void print_groups_sections_and_comments(void **state)
{
	struct sample s;
	char *text = NULL;
	size_t len = 0;
	FILE *f;

	(void)state;
	assert_int_equal(read_text("name: gw\nstore: /s\n", &s), 0);
	f = open_memstream(&text, &len);
	mn_config_print(f, keys, N, &s, true);
	fclose(f);
	assert_string_equal(text,
			    "# who we are\nname: gw\n# the store\nstore: /s\n"
			    "# addresses\nlisten: [\"127.0.0.1:5684\"]\n"
			    "upstream:\n  # where\n  # address: \n  # whom\n  in_id: in-cse-1\n"
			    "# more\nextra: []\n# forward secrecy\ndhe: false\n"
			    "limits:\n  # handshakes at once\n  half_open: 4096\n"
			    "  # seconds\n  idle_s: 600\n  deep:\n    # a number\n    any: 0\n"
			    "# level\nlog: info\n");
	free(text);
	mn_config_free(keys, N, &s);
}

static void bad_preset_is_reported(void **state)
{
	static const struct mn_config_key wrong[] = {
		{ "limits.half_open", MN_CONFIG_UINT, AT(half_open), .min = 1, .preset = "none" },
	};
	struct sample s;

	(void)state;
	write_file("", 0);
	assert_int_equal(mn_config_read(path, wrong, 1, &s, sizeof(s), err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_set),
		cmocka_unit_test(values_replace_defaults),
		cmocka_unit_test(empty_section_means_defaults),
		cmocka_unit_test(relative_path_starts_at_the_files_folder),
		cmocka_unit_test(missing_required_key_is_named),
		cmocka_unit_test(unknown_key_suggests_the_nearest),
		cmocka_unit_test(repeated_key_is_refused),
		cmocka_unit_test(numbers_are_strict),
		cmocka_unit_test(wrong_types_are_refused),
		cmocka_unit_test(control_characters_are_refused),
		cmocka_unit_test(further_checks_are_made),
		cmocka_unit_test(yaml_features_are_refused),
		cmocka_unit_test(broken_yaml_names_the_line),
		cmocka_unit_test(unreadable_files_have_a_text),
		cmocka_unit_test(long_path_keeps_the_reason),
		cmocka_unit_test(printed_configuration_is_read_again),
		cmocka_unit_test(print_groups_sections_and_comments),
		cmocka_unit_test(bad_preset_is_reported),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
