// SPDX-License-Identifier: GPL-2.0-or-later
/* The way back: a configuration as YAML, by the same table. */
#include "config/config.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "config/internal.h"

/* Words that some YAML reader takes for something else than text. */
static bool is_special_word(const char *s)
{
	static const char *const words[] = { "y",   "n",    "yes",   "no",  "on",
					     "off", "true", "false", "null" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasecmp(words[i], s) == 0)
			return true;
	return false;
}

static bool is_plain(const char *s)
{
	if (!isascii((unsigned char)*s) || (!isalpha((unsigned char)*s) && *s != '/'))
		return false;
	for (const char *p = s; *p; p++)
		if (!isascii((unsigned char)*p) ||
		    (!isalnum((unsigned char)*p) && !strchr("_-./@", *p)))
			return false;
	return !is_special_word(s);
}

/* Length of the UTF-8 sequence at s and its code point; an invalid byte counts as itself. */
static size_t code_point(const unsigned char *s, uint32_t *cp)
{
	size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 1;
	uint32_t v = len == 1 ? s[0] : s[0] & (0xffu >> (len + 1));

	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			*cp = s[0];
			return 1;
		}
		v = v << 6 | (s[i] & 0x3f);
	}
	*cp = v;
	return len;
}

/* Characters that are not allowed in YAML as they are, or that a reader folds as a line break. */
static bool needs_escape(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || cp == 0x2028 || cp == 0x2029 ||
	       cp == 0xfeff || cp == 0xfffe || cp == 0xffff;
}

static void print_string(FILE *f, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	if (is_plain(s)) {
		fputs(s, f);
		return;
	}
	fputc('"', f);
	while (*p) {
		uint32_t cp;
		size_t len = code_point(p, &cp);

		if (needs_escape(cp))
			fprintf(f, "\\u%04X", cp);
		else if (cp == '"' || cp == '\\')
			fprintf(f, "\\%c", (int)cp);
		else
			fwrite(p, 1, len, f);
		p += len;
	}
	fputc('"', f);
}

/* Whether the value is one that mn_config_read would take again. */
static bool is_set(const struct mn_config_key *k, const void *config)
{
	const void *field = (const char *)config + k->offset;

	switch (k->type) {
	case MN_CONFIG_STRING:
	case MN_CONFIG_PATH:
		return *(const char *)field || k->min == 0;
	case MN_CONFIG_UINT:
		return *(const uint32_t *)field >= k->min;
	case MN_CONFIG_STRINGS:
		return ((const struct mn_config_strings *)field)->n >= k->min;
	case MN_CONFIG_BOOL:
	case MN_CONFIG_CHOICE:
		return true;
	}
	return false;
}

static void print_choice(FILE *f, const struct mn_config_key *k, int index)
{
	char word[64];
	size_t len;
	const char *c = index < 0 ? NULL : mn_config_choice(k->choices, (size_t)index, &len);

	if (c) {
		snprintf(word, sizeof(word), "%.*s", (int)len, c);
		print_string(f, word);
	}
}

static void print_value(FILE *f, const struct mn_config_key *k, const void *config)
{
	const void *field = (const char *)config + k->offset;
	const struct mn_config_strings *list = field;

	switch (k->type) {
	case MN_CONFIG_STRING:
	case MN_CONFIG_PATH:
		print_string(f, field);
		break;
	case MN_CONFIG_UINT:
		fprintf(f, "%u", *(const uint32_t *)field);
		break;
	case MN_CONFIG_BOOL:
		fputs(*(const bool *)field ? "true" : "false", f);
		break;
	case MN_CONFIG_CHOICE:
		print_choice(f, k, *(const int *)field);
		break;
	case MN_CONFIG_STRINGS:
		fputc('[', f);
		for (size_t i = 0; i < list->n; i++) {
			if (i)
				fputs(", ", f);
			print_string(f, list->items[i]);
		}
		fputc(']', f);
		break;
	}
}

struct printer {
	FILE *f;
	const struct mn_config_key *keys;
	size_t n;
	const void *config;
	bool comments;
};

static bool has_prefix(const char *name, const char *prefix, size_t len)
{
	return strncmp(name, prefix, len) == 0;
}

/* Whether key i is the first of the table whose name starts with its own first len bytes. */
static bool is_first(const struct printer *p, size_t i, size_t len)
{
	for (size_t j = 0; j < i; j++)
		if (has_prefix(p->keys[j].name, p->keys[i].name, len))
			return false;
	return true;
}

static void print_key(const struct printer *p, const struct mn_config_key *k, const char *name,
		      int indent)
{
	bool set = is_set(k, p->config);

	if (p->comments && k->help)
		fprintf(p->f, "%*s# %s\n", indent, "", k->help);
	if (!set && !p->comments)
		return;
	fprintf(p->f, "%*s%s%s: ", indent, "", set ? "" : "# ", name);
	if (set)
		print_value(p->f, k, p->config);
	fputc('\n', p->f);
}

/* Prints the keys whose names start with the prefix of len bytes (a section and its dot), sections within it likewise. */
static void print_level(const struct printer *p, const char *prefix, size_t len, int indent)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct mn_config_key *k = &p->keys[i];
		const char *dot;
		size_t end;

		if (!has_prefix(k->name, prefix, len))
			continue;
		dot = strchr(k->name + len, '.');
		if (!dot) {
			print_key(p, k, k->name + len, indent);
			continue;
		}
		end = (size_t)(dot - k->name) + 1;
		if (!is_first(p, i, end))
			continue;
		fprintf(p->f, "%*s%.*s:\n", indent, "", (int)(end - 1 - len), k->name + len);
		print_level(p, k->name, end, indent + 2);
	}
}

void mn_config_print(FILE *f, const struct mn_config_key *keys, size_t n, const void *config,
		     bool comments)
{
	struct printer p = { .f = f, .keys = keys, .n = n, .config = config, .comments = comments };

	print_level(&p, "", 0, 0);
}
