// SPDX-License-Identifier: GPL-2.0-or-later
/* From a YAML node or a preset to a field of the caller's structure. */
#include "config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/internal.h"
#include "log.h"

#define ITEM_MAX 255
#define ITEMS_MAX 65536
/* An absolute path that every system call takes. */
#define PATH_LEN_MAX 4095

/* One scalar, from the file or from a preset. */
struct scalar {
	const char *text;
	size_t len;
	bool plain;  /* not quoted: may be a number or a boolean */
	size_t line; /* 0 for a preset */
};

bool mn_config_is_null(const yaml_node_t *node)
{
	const char *v;

	if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	v = (const char *)node->data.scalar.value;
	return !*v || strcmp(v, "~") == 0 || strcmp(v, "null") == 0 || strcmp(v, "Null") == 0 ||
	       strcmp(v, "NULL") == 0;
}

const char *mn_config_describe(const yaml_node_t *node, char out[96])
{
	char text[80];

	if (node->type == YAML_SEQUENCE_NODE)
		snprintf(out, 96, "a list");
	else if (node->type == YAML_MAPPING_NODE)
		snprintf(out, 96, "a mapping");
	else if (mn_config_is_null(node))
		snprintf(out, 96, "nothing");
	else
		snprintf(out, 96, "%s\"%s\"",
			 node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? "" : "the string ",
			 mn_log_quote(text, sizeof(text), node->data.scalar.value,
				      node->data.scalar.length));
	return out;
}

const char *mn_config_choice(const char *choices, size_t n, size_t *len)
{
	while (n > 0) {
		choices = strchr(choices, '|');
		if (!choices)
			return NULL;
		choices++;
		n--;
	}
	*len = strcspn(choices, "|");
	return choices;
}

static uint32_t upper(const struct mn_config_key *k)
{
	uint32_t fits;

	switch (k->type) {
	case MN_CONFIG_STRING:
		fits = (uint32_t)k->size - 1;
		return k->max && k->max < fits ? k->max : fits;
	case MN_CONFIG_PATH:
		fits = k->size - 1 < PATH_LEN_MAX ? (uint32_t)k->size - 1 : PATH_LEN_MAX;
		return k->max && k->max < fits ? k->max : fits;
	case MN_CONFIG_STRINGS:
		return k->max ? k->max : ITEMS_MAX;
	case MN_CONFIG_UINT:
		return k->max ? k->max : UINT32_MAX;
	case MN_CONFIG_BOOL:
	case MN_CONFIG_CHOICE:
		return 0;
	}
	return 0;
}

/* What a key wants, for "expected ...". */
static void wanted(const struct mn_config_key *k, char out[160])
{
	size_t at = 0, len;
	const char *c;

	switch (k->type) {
	case MN_CONFIG_STRING:
		snprintf(out, 160, "text of %u to %u bytes", k->min, upper(k));
		return;
	case MN_CONFIG_PATH:
		snprintf(out, 160, "a path of at most %u bytes", upper(k));
		return;
	case MN_CONFIG_UINT:
		snprintf(out, 160, "a whole number from %u to %u", k->min, upper(k));
		return;
	case MN_CONFIG_BOOL:
		snprintf(out, 160, "true or false");
		return;
	case MN_CONFIG_STRINGS:
		snprintf(out, 160, "a list of %u to %u strings", k->min, upper(k));
		return;
	case MN_CONFIG_CHOICE:
		break;
	}
	out[0] = '\0';
	for (size_t i = 0; at < 160 && (c = mn_config_choice(k->choices, i, &len)); i++)
		at += (size_t)snprintf(out + at, 160 - at, "%s%.*s",
				       i == 0 ? "" :
				       c[len] ? ", " :
						" or ",
				       (int)len, c);
}

static int fail_scalar(struct mn_config_reader *r, const struct mn_config_key *k,
		       const struct scalar *s, const char *expected)
{
	char text[80];

	return mn_config_fail(r, s->line, k->name, "expected %s, found %s\"%s\"", expected,
			      s->plain ? "" : "the string ",
			      mn_log_quote(text, sizeof(text), s->text, s->len));
}

static int fail_type(struct mn_config_reader *r, const struct mn_config_key *k,
		     const struct scalar *s)
{
	char expected[160];

	wanted(k, expected);
	return fail_scalar(r, k, s, expected);
}

/* C0, DEL and C1 (as UTF-8; libyaml has checked the encoding). */
static bool has_control(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c == 0x7f)
			return true;
		if (c == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] < 0xa0)
			return true;
	}
	return false;
}

static int check_text(struct mn_config_reader *r, const struct mn_config_key *k,
		      const struct scalar *s)
{
	const char *expected;

	if (has_control(s->text, s->len))
		return fail_scalar(r, k, s, "text without control characters");
	expected = k->check ? k->check(s->text) : NULL;
	return expected ? fail_scalar(r, k, s, expected) : 0;
}

static int set_string(struct mn_config_reader *r, const struct mn_config_key *k,
		      const struct scalar *s, char *field)
{
	int err;

	if (s->len < k->min || s->len > upper(k))
		return fail_type(r, k, s);
	err = check_text(r, k, s);
	if (err)
		return err;
	memcpy(field, s->text, s->len);
	field[s->len] = '\0';
	return 0;
}

static int set_path(struct mn_config_reader *r, const struct mn_config_key *k,
		    const struct scalar *s, char *field)
{
	bool relative = s->len > 0 && s->text[0] != '/';
	const char *folder = strcmp(r->folder, "/") == 0 ? "" : r->folder;
	size_t before = relative ? strlen(folder) + 1 : 0;
	int err;

	if (s->len < k->min || before + s->len > upper(k))
		return fail_type(r, k, s);
	err = check_text(r, k, s);
	if (err)
		return err;
	if (relative)
		sprintf(field, "%s/", folder);
	memcpy(field + before, s->text, s->len);
	field[before + s->len] = '\0';
	return 0;
}

static int set_uint(struct mn_config_reader *r, const struct mn_config_key *k,
		    const struct scalar *s, uint32_t *field)
{
	uint64_t v = 0;

	/* No sign, no leading zero, no octal, no underscore: YAML versions read those differently. */
	if (!s->plain || s->len == 0 || s->len > 10 || (s->len > 1 && s->text[0] == '0') ||
	    strspn(s->text, "0123456789") != s->len)
		return fail_type(r, k, s);
	for (size_t i = 0; i < s->len; i++)
		v = v * 10 + (uint64_t)(s->text[i] - '0');
	if (v < k->min || v > upper(k))
		return fail_type(r, k, s);
	if (check_text(r, k, s))
		return -EINVAL;
	*field = (uint32_t)v;
	return 0;
}

static int set_bool(struct mn_config_reader *r, const struct mn_config_key *k,
		    const struct scalar *s, bool *field)
{
	if (!s->plain || (strcmp(s->text, "true") != 0 && strcmp(s->text, "false") != 0))
		return fail_type(r, k, s);
	*field = s->text[0] == 't';
	return 0;
}

static int set_choice(struct mn_config_reader *r, const struct mn_config_key *k,
		      const struct scalar *s, int *field)
{
	const char *c;
	size_t len;

	for (size_t i = 0; (c = mn_config_choice(k->choices, i, &len)); i++) {
		if (len == s->len && memcmp(c, s->text, len) == 0) {
			*field = (int)i;
			return 0;
		}
	}
	return fail_type(r, k, s);
}

static void strings_free(struct mn_config_strings *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i]);
	free(list->items);
	list->items = NULL;
	list->n = 0;
}

static int add_item(struct mn_config_reader *r, const struct mn_config_key *k,
		    const struct scalar *s, struct mn_config_strings *list)
{
	int err;

	if (s->len == 0 || s->len > ITEM_MAX)
		return fail_scalar(r, k, s, "items of 1 to 255 bytes");
	err = check_text(r, k, s);
	if (err)
		return err;
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->items[i], s->text) == 0)
			return fail_scalar(r, k, s, "each item once");
	list->items[list->n] = strndup(s->text, s->len);
	if (!list->items[list->n])
		return -ENOMEM;
	list->n++;
	return 0;
}

static struct scalar scalar_of(const yaml_node_t *node)
{
	return (struct scalar){
		.text = (const char *)node->data.scalar.value,
		.len = node->data.scalar.length,
		.plain = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE,
		.line = node->start_mark.line + 1,
	};
}

static int set_strings(struct mn_config_reader *r, const struct mn_config_key *k,
		       const yaml_node_t *node, struct mn_config_strings *list)
{
	size_t line = node->start_mark.line + 1, n;
	const yaml_node_item_t *item;
	char expected[160], found[96];

	wanted(k, expected);
	if (node->type != YAML_SEQUENCE_NODE)
		return mn_config_fail(r, line, k->name, "expected %s, found %s", expected,
				      mn_config_describe(node, found));
	n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (n < k->min || n > upper(k))
		return mn_config_fail(r, line, k->name, "expected %s, found %zu", expected, n);
	strings_free(list);
	list->items = calloc(n ? n : 1, sizeof(*list->items));
	if (!list->items)
		return -ENOMEM;
	for (item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
		const yaml_node_t *i = yaml_document_get_node(r->doc, *item);
		struct scalar s;
		int err;

		if (i->type != YAML_SCALAR_NODE || mn_config_is_null(i))
			return mn_config_fail(r, i->start_mark.line + 1, k->name,
					      "expected a string in the list, found %s",
					      mn_config_describe(i, found));
		s = scalar_of(i);
		err = add_item(r, k, &s, list);
		if (err)
			return err;
	}
	return 0;
}

/* "a,b" of a preset. */
static int split_strings(struct mn_config_reader *r, const struct mn_config_key *k,
			 const char *text, struct mn_config_strings *list)
{
	char *copy = strdup(text), *rest = copy, *part;
	int err = 0;

	list->items = calloc(strlen(text) + 1, sizeof(*list->items));
	if (!copy || !list->items)
		err = -ENOMEM;
	while (!err && *text && (part = strsep(&rest, ","))) {
		struct scalar s = { .text = part, .len = strlen(part), .plain = true };

		err = add_item(r, k, &s, list);
	}
	free(copy);
	return err;
}

static int set_scalar(struct mn_config_reader *r, const struct mn_config_key *k,
		      const struct scalar *s)
{
	void *field = (char *)r->out + k->offset;

	switch (k->type) {
	case MN_CONFIG_STRING:
		return set_string(r, k, s, field);
	case MN_CONFIG_PATH:
		return set_path(r, k, s, field);
	case MN_CONFIG_UINT:
		return set_uint(r, k, s, field);
	case MN_CONFIG_BOOL:
		return set_bool(r, k, s, field);
	case MN_CONFIG_CHOICE:
		return set_choice(r, k, s, field);
	case MN_CONFIG_STRINGS:
		return -EINVAL;
	}
	return -EINVAL;
}

int mn_config_set_node(struct mn_config_reader *r, const struct mn_config_key *k,
		       const yaml_node_t *node)
{
	char expected[160], found[96];
	struct scalar s;

	if (k->type == MN_CONFIG_STRINGS)
		return set_strings(r, k, node,
				   (struct mn_config_strings *)((char *)r->out + k->offset));
	if (node->type != YAML_SCALAR_NODE || mn_config_is_null(node)) {
		wanted(k, expected);
		return mn_config_fail(r, node->start_mark.line + 1, k->name,
				      "expected %s, found %s", expected,
				      mn_config_describe(node, found));
	}
	s = scalar_of(node);
	return set_scalar(r, k, &s);
}

int mn_config_set_preset(struct mn_config_reader *r, const struct mn_config_key *k)
{
	struct scalar s = { .text = k->preset, .plain = true };

	if (!k->preset)
		return 0;
	if (k->type == MN_CONFIG_STRINGS)
		return split_strings(r, k, k->preset,
				     (struct mn_config_strings *)((char *)r->out + k->offset));
	s.len = strlen(k->preset);
	return set_scalar(r, k, &s);
}

void mn_config_free(const struct mn_config_key *keys, size_t n, void *out)
{
	for (size_t i = 0; i < n; i++)
		if (keys[i].type == MN_CONFIG_STRINGS)
			strings_free((struct mn_config_strings *)((char *)out + keys[i].offset));
}
