// SPDX-License-Identifier: GPL-2.0-or-later
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
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
static int journal_fd = -1; /* connected to journal_path */
static const char *journal_path = "/run/systemd/journal/socket";
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

static int connect_journal(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(journal_path) >= sizeof(addr.sun_path))
		return -1;
	strcpy(addr.sun_path, journal_path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof(addr))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void mn_log_journal(const char *path)
{
	journal_path = path;
}

void mn_log_init(const char *name, enum mn_log_level max)
{
	program = name;
	to_journal = stderr_is_journal();
	if (journal_fd >= 0)
		close(journal_fd);
	journal_fd = to_journal ? connect_journal() : -1;
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

/* The journal's native protocol: a datagram of FIELD=value lines; values hold no line break here. False: it did not take it. */
static bool journal_line(enum mn_log_level level, const char *id, const char *text, size_t len)
{
	char head[400];
	int n = snprintf(
		head, sizeof(head),
		"PRIORITY=%c\nSYSLOG_IDENTIFIER=%.200s\n%s%s%sMESSAGE=", levels[level].priority,
		program, id ? "MESSAGE_ID=" : "", id ? id : "", id ? "\n" : "");
	const struct iovec parts[] = {
		{ head, (size_t)n },
		{ (void *)(uintptr_t)text, len },
	};
	const struct msghdr m = { .msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = 2 };

	return journal_fd >= 0 && sendmsg(journal_fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

/* One system call a line, so that lines of several threads do not mix. line has room for a byte more. */
static void put_line(enum mn_log_level level, const char *id, char *line, size_t len)
{
	char prefix[4] = { '<', levels[level].priority, '>' };
	char whole[LINE_MAX_LEN + sizeof(prefix)];

	line[len++] = '\n';
	if (!to_journal) {
		write_whole(line, len);
	} else if (!journal_line(level, id, line, len)) {
		memcpy(whole, prefix, 3);
		memcpy(whole + 3, line, len);
		write_whole(whole, len + 3);
	}
}

static void log_line(enum mn_log_level level, const char *id, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));
static void log_line(enum mn_log_level level, const char *id, const char *fmt, va_list ap)
{
	char line[LINE_MAX_LEN + 1];
	int saved = errno, head, n;
	size_t len;

	if ((int)level > __atomic_load_n(&max_level, __ATOMIC_RELAXED))
		return;
	head = snprintf(line, sizeof(line),
			"%.200s: %s: ", program ? program : program_invocation_short_name,
			levels[level].name);
	n = vsnprintf(line + head, LINE_MAX_LEN - (size_t)head, fmt, ap);
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
	put_line(level, id, line, len);
	errno = saved;
}

void mn_log(enum mn_log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(level, NULL, fmt, ap);
	va_end(ap);
}

void mn_event(enum mn_event event, enum mn_log_level level, const char *fmt, ...)
{
	static const char *const ids[] = {
#define X(name, id) [MN_EVENT_##name] = id,
		MN_EVENTS(X)
#undef X
	};
	va_list ap;

	va_start(ap, fmt);
	log_line(level, ids[event], fmt, ap);
	va_end(ap);
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
