// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"

#define OUT_MAX (1 << 20)

/* While a test runs, stderr is a file. */
static int saved_stderr, out_fd;
static char out_text[OUT_MAX];

static int capture(void **state)
{
	char name[] = "/tmp/test_log.XXXXXX";

	(void)state;
	out_fd = mkstemp(name);
	if (out_fd < 0 || unlink(name) < 0)
		return -1;
	saved_stderr = dup(STDERR_FILENO);
	if (saved_stderr < 0 || dup2(out_fd, STDERR_FILENO) < 0)
		return -1;
	unsetenv("JOURNAL_STREAM");
	mn_log_journal("/nonexistent/journal");
	return 0;
}

static int release(void **state)
{
	(void)state;
	if (dup2(saved_stderr, STDERR_FILENO) < 0)
		return -1;
	close(saved_stderr);
	close(out_fd);
	return 0;
}

/* What was logged since the start of the test. */
static const char *output(void)
{
	ssize_t n = pread(out_fd, out_text, sizeof(out_text) - 1, 0);

	out_text[n < 0 ? 0 : n] = '\0';
	return out_text;
}

static void set_journal_stream(long inode_offset)
{
	char value[64];
	struct stat st;

	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(value, sizeof(value), "%ju:%ju", (uintmax_t)st.st_dev,
		 (uintmax_t)st.st_ino + (uintmax_t)inode_offset);
	setenv("JOURNAL_STREAM", value, 1);
}

static void a_line_names_program_and_level(void **state)
{
	(void)state;
	mn_log_init("prog", MN_LOG_DEBUG);
	mn_error("a %d", 1);
	mn_warn("b %s", "two");
	mn_info("c");
	mn_debug("d");
	assert_string_equal(output(), "prog: error: a 1\nprog: warn: b two\n"
				      "prog: info: c\nprog: debug: d\n");
}

static void lines_above_the_level_are_left_out(void **state)
{
	(void)state;
	mn_log_init("prog", MN_LOG_WARN);
	mn_info("no");
	mn_warn("1");
	mn_log_set_level(MN_LOG_ERROR);
	mn_warn("no");
	mn_error("2");
	mn_log_set_level(MN_LOG_INFO);
	mn_debug("no");
	mn_info("3");
	assert_string_equal(output(), "prog: warn: 1\nprog: error: 2\nprog: info: 3\n");
}

static void the_journal_gets_priorities(void **state)
{
	(void)state;
	set_journal_stream(0);
	mn_log_init("prog", MN_LOG_DEBUG);
	mn_error("a");
	mn_warn("b");
	mn_info("c");
	mn_debug("d");
	assert_string_equal(output(), "<3>prog: error: a\n<4>prog: warn: b\n"
				      "<6>prog: info: c\n<7>prog: debug: d\n");
}

/* A socket takes the place of the journal's. */
static int listen_as_journal(char path[64])
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(path, 64, "/tmp/test_log.%d", (int)getpid());
	unlink(path);
	strcpy(addr.sun_path, path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static const char *received(int fd)
{
	static char text[2048];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void the_journal_gets_fields(void **state)
{
	char path[64];
	int fd = listen_as_journal(path);

	(void)state;
	set_journal_stream(0);
	mn_log_journal(path);
	mn_log_init("prog", MN_LOG_INFO);
	unlink(path);
	mn_warn("a\nMESSAGE_ID=forged");
	assert_string_equal(received(fd), "PRIORITY=4\nSYSLOG_IDENTIFIER=prog\n"
					  "MESSAGE=prog: warn: a MESSAGE_ID=forged\n");
	mn_event(MN_EVENT_IN_UP, MN_LOG_INFO, "b %d", 1);
	assert_string_equal(received(fd), "PRIORITY=6\nSYSLOG_IDENTIFIER=prog\n"
					  "MESSAGE_ID=774818d724204e5b94aca3b8a145b0dc\n"
					  "MESSAGE=prog: info: b 1\n");
	mn_debug("not at this level");
	assert_string_equal(received(fd), "");
	assert_string_equal(output(), "");
	/* a journal that has gone: the line is not lost */
	close(fd);
	mn_event(MN_EVENT_STORE_FAILED, MN_LOG_ERROR, "c");
	assert_string_equal(output(), "<3>prog: error: c\n");
}

static void events_are_lines_elsewhere(void **state)
{
	(void)state;
	mn_log_init("prog", MN_LOG_INFO);
	mn_event(MN_EVENT_STARTED, MN_LOG_INFO, "a");
	assert_string_equal(output(), "prog: info: a\n");
}

/* 32 hex digits, each once. */
static void identifiers_are_lawful(void **state)
{
#define X(name, id) id,
	static const char *const ids[] = { MN_EVENTS(X) };
#undef X
	size_t n = sizeof(ids) / sizeof(ids[0]);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(strspn(ids[i], "0123456789abcdef"), 32);
		assert_int_equal(strlen(ids[i]), 32);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(ids[i], ids[k]);
	}
}

/* The variable is inherited: it means nothing once stderr is something else. */
static void another_stream_than_the_journals_gets_no_priorities(void **state)
{
	static const char *const others[] = { "", "1", "1:", "x:y", "1:2:3" };

	(void)state;
	set_journal_stream(1);
	mn_log_init("prog", MN_LOG_INFO);
	mn_info("a");
	assert_string_equal(output(), "prog: info: a\n");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		setenv("JOURNAL_STREAM", others[i], 1);
		mn_log_init("prog", MN_LOG_INFO);
		mn_info("b");
	}
	assert_null(strchr(output(), '<'));
}

static void a_line_stays_one_line(void **state)
{
	(void)state;
	mn_log_init("prog", MN_LOG_INFO);
	mn_info("%s", "a\nprog: error: forged\r\x1b[31m\x7f");
	assert_string_equal(output(), "prog: info: a prog: error: forged  [31m \n");
}

static void a_long_line_is_cut_with_dots(void **state)
{
	char *text = malloc(5000);
	const char *got;

	(void)state;
	assert_non_null(text);
	mn_log_init("prog", MN_LOG_INFO);
	memset(text, 'x', 4999);
	text[4999] = '\0';
	mn_info("%s", text);
	free(text);
	got = output();
	assert_int_equal(strlen(got), 1024);
	assert_string_equal(got + 1024 - 5, "x...\n");
}

/* "prog: info: " and the newline leave 1011 bytes. */
static void a_line_that_just_fits_is_whole(void **state)
{
	char text[1013];

	(void)state;
	mn_log_init("prog", MN_LOG_INFO);
	memset(text, 'x', sizeof(text));
	text[1011] = '\0';
	mn_info("%s", text);
	assert_int_equal(strlen(output()), 1024);
	assert_string_equal(output() + 1024 - 5, "xxxx\n");
	text[1011] = 'x';
	text[1012] = '\0';
	mn_info("%s", text);
	assert_int_equal(strlen(output()), 2048);
	assert_string_equal(output() + 2048 - 5, "x...\n");
}

static void errno_survives(void **state)
{
	(void)state;
	mn_log_init("prog", MN_LOG_INFO);
	close(STDERR_FILENO);
	errno = ERANGE;
	mn_info("to nowhere");
	assert_int_equal(errno, ERANGE);
}

#define THREADS 4
#define LINES 500

static void *log_lines(void *arg)
{
	for (int i = 0; i < LINES; i++)
		mn_info("thread %d", *(int *)arg);
	return NULL;
}

static void lines_of_several_threads_stay_whole(void **state)
{
	pthread_t threads[THREADS];
	int numbers[THREADS], count = 0;
	char *line, *rest;

	(void)state;
	mn_log_init("prog", MN_LOG_INFO);
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, log_lines, &numbers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	output();
	rest = out_text;
	while ((line = strsep(&rest, "\n")) && *line) {
		assert_int_equal(strlen(line), strlen("prog: info: thread 0"));
		assert_memory_equal(line, "prog: info: thread ", 19);
		count++;
	}
	assert_int_equal(count, THREADS * LINES);
}

static void level_names_are_parsed(void **state)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	static const char *const bad[] = { "", "warning", "INFO", "info ", "4" };
	enum mn_log_level level;

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(mn_log_level_parse(names[i], &level), 0);
		assert_int_equal(level, i);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(mn_log_level_parse(bad[i], &level), -EINVAL);
}

static void quoted_text_is_printable_and_unambiguous(void **state)
{
	char out[64];

	(void)state;
	assert_string_equal(mn_log_quote(out, sizeof(out), "C0 ~x", 5), "C0 ~x");
	assert_string_equal(mn_log_quote(out, sizeof(out), "a\0b\n\x7f\xff\x1b", 7),
			    "a\\x00b\\x0a\\x7f\\xff\\x1b");
	assert_string_equal(mn_log_quote(out, sizeof(out), "\\x41", 4), "\\x5cx41");
	assert_string_equal(mn_log_quote(out, sizeof(out), NULL, 0), "");
	assert_ptr_equal(mn_log_quote(out, sizeof(out), "a", 1), out);
}

/* Every size of the output, in a heap block of just that size. */
static void quoted_text_that_does_not_fit_is_cut_with_dots(void **state)
{
	static const char text[] = "ab\ncdefgh\n";
	static const char whole[] = "ab\\x0acdefgh\\x0a";

	(void)state;
	for (size_t size = 1; size <= sizeof(whole) + 3; size++) {
		char *out = malloc(size);
		size_t len;

		assert_non_null(out);
		mn_log_quote(out, size, text, sizeof(text) - 1);
		len = strlen(out);
		assert_true(len < size);
		if (size >= sizeof(whole)) {
			assert_string_equal(out, whole);
		} else {
			size_t dots = size - 1 < 3 ? size - 1 : 3;

			assert_memory_equal(out + len - dots, "...", dots);
			assert_memory_equal(out, whole, len - dots);
		}
		free(out);
	}
	{
		char out[8];

		assert_string_equal(mn_log_quote(out, sizeof(out), "abcdefgh", 8), "abcd...");
		assert_string_equal(mn_log_quote(out, sizeof(out), "a\nbcdefgh", 9), "a...");
		assert_string_equal(mn_log_quote(out, sizeof(out), "abcdefg", 7), "abcdefg");
	}
}

#define logging_test(f) cmocka_unit_test_setup_teardown(f, capture, release)

int main(void)
{
	const struct CMUnitTest tests[] = {
		logging_test(a_line_names_program_and_level),
		logging_test(lines_above_the_level_are_left_out),
		logging_test(the_journal_gets_priorities),
		logging_test(the_journal_gets_fields),
		logging_test(events_are_lines_elsewhere),
		cmocka_unit_test(identifiers_are_lawful),
		logging_test(another_stream_than_the_journals_gets_no_priorities),
		logging_test(a_line_stays_one_line),
		logging_test(a_long_line_is_cut_with_dots),
		logging_test(a_line_that_just_fits_is_whole),
		logging_test(errno_survives),
		logging_test(lines_of_several_threads_stay_whole),
		cmocka_unit_test(level_names_are_parsed),
		cmocka_unit_test(quoted_text_is_printable_and_unambiguous),
		cmocka_unit_test(quoted_text_that_does_not_fit_is_cut_with_dots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
