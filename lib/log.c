// SPDX-License-Identifier: GPL-2.0-or-later
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_LEN 1024
#define CUT "..."
#define CUT_LEN (sizeof(CUT) - 1)

static const struct {
	const char *name;
	char priority; /* syslog's, sd-daemon(3) */
} levels[] = {
	[MN_LOG_ERROR] = { "error", '3' },
	[MN_LOG_WARN] = { "warn", '4' },
	[MN_LOG_INFO] = { "info", '6' },
	[MN_LOG_DEBUG] = { "debug", '7' },
};

/* Written by mn_log_init before there are threads; the level also later, atomically. */
static const char *program;
static bool to_journal;
static int max_level = MN_LOG_INFO;

/* JOURNAL_STREAM is "device:inode" of the stream that systemd gave us: stderr may have been
 * redirected since. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;
	int end = 0;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	if (sscanf(stream, "%ju:%ju%n", &device, &inode, &end) != 2 || stream[end] != '\0')
		return false;
	return device == st.st_dev && inode == st.st_ino;
}

void mn_log_init(const char *name, enum mn_log_level max)
{
	program = name;
	to_journal = stderr_is_journal();
	mn_log_set_level(max);
}

void mn_log_set_level(enum mn_log_level max)
{
	__atomic_store_n(&max_level, (int)max, __ATOMIC_RELAXED);
}

int mn_log_level_parse(const char *name, enum mn_log_level *out)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(name, levels[i].name) == 0) {
			*out = (enum mn_log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

static void write_whole(const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(STDERR_FILENO, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nowhere to complain to */
		text += n;
		len -= (size_t)n;
	}
}

/* One write(2) a line, so that lines of several threads do not mix. */
void mn_log(enum mn_log_level level, const char *fmt, ...)
{
	char line[LINE_MAX_LEN + 1];
	int saved = errno, head, n;
	size_t len;
	va_list ap;

	if ((int)level > __atomic_load_n(&max_level, __ATOMIC_RELAXED))
		return;
	head = snprintf(line, sizeof(line), "%s%.*s%s%.200s: %s: ", to_journal ? "<" : "",
			to_journal, &levels[level].priority, to_journal ? ">" : "",
			program ? program : program_invocation_short_name, levels[level].name);
	va_start(ap, fmt);
	n = vsnprintf(line + head, LINE_MAX_LEN - (size_t)head, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	len = (size_t)head + (size_t)n;
	if (len >= LINE_MAX_LEN) {
		len = LINE_MAX_LEN - 1;
		memcpy(line + len - CUT_LEN, CUT, CUT_LEN);
	}
	/* A line is one line, whatever a caller let through. */
	for (size_t i = (size_t)head; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = ' ';
	line[len++] = '\n';
	write_whole(line, len);
	errno = saved;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '\\';
}

const char *mn_log_quote(char *out, size_t out_size, const void *text, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = text;
	size_t at = 0, need = 0, room;

	if (out_size == 0)
		return out;
	room = out_size - 1;
	for (size_t i = 0; i < len && need <= room; i++)
		need += is_plain(p[i]) ? 1 : 4;
	if (need > room)
		room -= room < CUT_LEN ? room : CUT_LEN;
	for (size_t i = 0; i < len; i++) {
		if (at + (is_plain(p[i]) ? 1 : 4) > room)
			break;
		if (is_plain(p[i])) {
			out[at++] = (char)p[i];
			continue;
		}
		out[at++] = '\\';
		out[at++] = 'x';
		out[at++] = digits[p[i] >> 4];
		out[at++] = digits[p[i] & 0xf];
	}
	for (size_t i = 0; need > room && i < CUT_LEN && at < out_size - 1; i++)
		out[at++] = '.';
	out[at] = '\0';
	return out;
}
