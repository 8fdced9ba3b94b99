// SPDX-License-Identifier: GPL-2.0-or-later
/* Output for people and for programs. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mncsectl.h"

/* ---- quoting ---- */

/* Length of the well-formed UTF-8 sequence at s (RFC 3629) and its code point; 0 when it is none. */
static size_t code_point(const unsigned char *s, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = s[0] < 0x80 ? 1 :
		     s[0] < 0xc2 ? 0 :
		     s[0] < 0xe0 ? 2 :
		     s[0] < 0xf0 ? 3 :
		     s[0] < 0xf5 ? 4 :
				   0;
	uint32_t v;

	if (len <= 1) {
		*cp = s[0];
		return len;
	}
	v = s[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (s[i] & 0x3f);
	}
	*cp = v;
	return v < least[len] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000) ? 0 : len;
}

/* What could steer a terminal or let one text look like another: controls, line separators, directions, invisible ones. */
static bool is_unsafe(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0xad || cp == 0x61c ||
	       (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff || (cp >= 0xfff9 && cp <= 0xfffb) ||
	       (cp >= 0xe0000 && cp <= 0xe007f);
}

static char *quote(const char *text, bool backslash)
{
	const unsigned char *s = (const unsigned char *)text;
	char *out = malloc(4 * strlen(text) + 1), *at = out;

	while (out && *s) {
		uint32_t cp;
		size_t len = code_point(s, &cp);
		bool plain = len && !is_unsafe(cp) && !(backslash && cp == '\\');

		if (!len)
			len = 1;
		for (size_t i = 0; i < len; i++) {
			if (plain)
				*at++ = (char)s[i];
			else
				at += sprintf(at, "\\x%02x", s[i]);
		}
		s += len;
	}
	if (out)
		*at = '\0';
	return out;
}

char *mnt_quote(const char *text)
{
	return quote(text, true);
}

char *mnt_quote_once(const char *text)
{
	return quote(text, false);
}

/* Columns of a quoted text, a code point each. */
static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* ---- values ---- */

static char *print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *print(const char *fmt, ...)
{
	char *out = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&out, fmt, ap) < 0)
		out = NULL;
	va_end(ap);
	return out;
}

/* The two largest units: "3 d 4 h", "5 min 2 s", "250 ms". */
static char *duration_ms(uint64_t ms)
{
	uint64_t s = ms / 1000;

	if (ms < 1000)
		return print("%" PRIu64 " ms", ms);
	if (s < 60)
		return print("%" PRIu64 " s", s);
	if (s < 3600)
		return print("%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
	if (s < 86400)
		return print("%" PRIu64 " h %" PRIu64 " min", s / 3600, s % 3600 / 60);
	return print("%" PRIu64 " d %" PRIu64 " h", s / 86400, s % 86400 / 3600);
}

static char *duration_us(uint64_t us)
{
	if (us < 1000)
		return print("%" PRIu64 " us", us);
	if (us < 1000000)
		return print("%.1f ms", (double)us / 1e3);
	if (us < 60000000)
		return print("%.2f s", (double)us / 1e6);
	return duration_ms(us / 1000);
}

static char *bytes(uint64_t n)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double v = (double)n / 1024;
	size_t i = 0;

	if (n < 1024)
		return print("%" PRIu64 " B", n);
	for (; v >= 1024 && i + 1 < sizeof(units) / sizeof(*units); i++)
		v /= 1024;
	return print("%.1f %s", v, units[i]);
}

static char *date(uint64_t seconds)
{
	time_t t = (time_t)seconds;
	char text[32];
	struct tm tm;

	/* 0 is "never": a group without a generation. */
	if (seconds == 0)
		return print("-");
	if (!gmtime_r(&t, &tm) || !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%SZ", &tm))
		return print("%" PRIu64, seconds);
	return print("%s", text);
}

static char *number(uint64_t v, enum mnt_format format)
{
	switch (format) {
	case MNT_TEXT:
	case MNT_COUNT:
		return print("%" PRIu64, v);
	case MNT_MS:
		return duration_ms(v);
	case MNT_US:
		return duration_us(v);
	case MNT_BYTES:
		return bytes(v);
	case MNT_DATE:
		return date(v);
	}
	return NULL;
}

static char *joined(const json_t *list)
{
	char *all = strdup("");
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		char *one = mnt_text(item, MNT_TEXT);
		char *more = all && one ? print("%s%s%s", all, *all ? ", " : "", one) : NULL;

		free(one);
		free(all);
		all = more;
	}
	return all;
}

char *mnt_text(const json_t *value, enum mnt_format format)
{
	if (json_is_string(value))
		return *json_string_value(value) ? mnt_quote(json_string_value(value)) :
						   strdup("-");
	if (json_is_integer(value))
		return number((uint64_t)json_integer_value(value), format);
	if (json_is_boolean(value))
		return strdup(json_is_true(value) ? "yes" : "no");
	if (json_is_array(value))
		return joined(value);
	return strdup("-");
}

/* ---- tables ---- */

static void pad(size_t from, size_t to)
{
	for (; from < to; from++)
		putchar(' ');
}

/* Numbers stand at the right, so that their digits do. */
static void cell(const char *text, size_t to, bool right, bool last)
{
	if (right)
		pad(width(text), to);
	fputs(text, stdout);
	if (!right && !last)
		pad(width(text), to);
	fputs(last ? "\n" : "  ", stdout);
}

void mnt_table(const json_t *rows, const struct mnt_column *columns, size_t n, const char *indent)
{
	size_t lines = json_array_size(rows), widths[16];
	char **cells = calloc(lines * n + 1, sizeof(*cells));

	for (size_t c = 0; c < n; c++)
		widths[c] = width(columns[c].title);
	for (size_t i = 0; cells && i < lines * n; i++) {
		const struct mnt_column *c = &columns[i % n];

		cells[i] =
			mnt_text(json_object_get(json_array_get(rows, i / n), c->key), c->format);
		if (cells[i] && width(cells[i]) > widths[i % n])
			widths[i % n] = width(cells[i]);
	}
	for (size_t c = 0; c < n; c++) {
		if (c == 0)
			fputs(indent, stdout);
		cell(columns[c].title, widths[c], columns[c].format != MNT_TEXT, c + 1 == n);
	}
	for (size_t i = 0; cells && i < lines * n; i++) {
		if (i % n == 0)
			fputs(indent, stdout);
		cell(cells[i] ? cells[i] : "?", widths[i % n], columns[i % n].format != MNT_TEXT,
		     i % n + 1 == n);
		free(cells[i]);
	}
	free(cells);
}

void mnt_list(const json_t *object, const struct mnt_column *columns, size_t n)
{
	size_t most = 0;

	for (size_t i = 0; i < n; i++)
		if (json_object_get(object, columns[i].key) && width(columns[i].title) > most)
			most = width(columns[i].title);
	for (size_t i = 0; i < n; i++) {
		const json_t *value = json_object_get(object, columns[i].key);
		char *text;

		if (!value)
			continue;
		text = mnt_text(value, columns[i].format);
		printf("%s:", columns[i].title);
		pad(width(columns[i].title), most);
		printf("  %s\n", text ? text : "?");
		free(text);
	}
}

int mnt_json(json_t *value)
{
	/* ASCII only: no text of the daemon's can steer a terminal. */
	int failed = !value || json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);

	json_decref(value);
	if (failed)
		return mnt_fail(MNT_FAILED, "cannot write the output");
	putchar('\n');
	return MNT_OK;
}
