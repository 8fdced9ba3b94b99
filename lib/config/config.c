// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the file, walks its mappings and finds each key in the table. Two passes: the events show what libyaml's
 * document hides (aliases, anchors, tags, further documents); the document has the values and their lines. */
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/internal.h"
#include "log.h"

#define FILE_MAX (1u << 20)
#define NAME_MAX_KEY 128

int mn_config_fail(struct mn_config_reader *r, size_t line, const char *key, const char *fmt, ...)
{
	size_t len = strlen(r->path);
	/* A long path must not push the reason out of the text: its end says enough. */
	const char *path = len > 200 ? r->path + len - 200 : r->path;
	va_list ap;
	int n;

	if (line)
		n = snprintf(r->err, 512, "%s:%zu: %s: ", path, line, key);
	else
		n = snprintf(r->err, 512, "%s: %s: ", path, key);
	if (n < 0 || n >= 512)
		return -EINVAL;
	va_start(ap, fmt);
	vsnprintf(r->err + n, 512 - (size_t)n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Levenshtein distance; both at most NAME_MAX_KEY bytes. */
static size_t distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	size_t row[NAME_MAX_KEY + 1];

	if (la > NAME_MAX_KEY || lb > NAME_MAX_KEY)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[lb];
}

static const char *last_part(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

/* The known key nearest to name: by spelling, or the same word in another section. NULL when none is near. */
static const char *nearest(const struct mn_config_reader *r, const char *name)
{
	size_t limit = 2 + strlen(name) / 5, best = SIZE_MAX;
	const char *found = NULL;

	for (size_t i = 0; i < r->n; i++) {
		size_t d = distance(name, r->keys[i].name);

		if (d > 1 && strcmp(last_part(name), last_part(r->keys[i].name)) == 0)
			d = 1;
		if (d < best) {
			best = d;
			found = r->keys[i].name;
		}
	}
	return best <= limit ? found : NULL;
}

static int fail_unknown(struct mn_config_reader *r, size_t line, const char *name)
{
	const char *near = nearest(r, name);

	if (near)
		return mn_config_fail(r, line, name,
				      "expected a known key (%s?), found an unknown one", near);
	return mn_config_fail(r, line, name, "expected a known key, found an unknown one");
}

/* Index of the key with this full name, -1 when there is none. */
static int find_key(const struct mn_config_reader *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->keys[i].name, name) == 0)
			return (int)i;
	return -1;
}

static bool is_section(const struct mn_config_reader *r, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < r->n; i++)
		if (strncmp(r->keys[i].name, name, len) == 0 && r->keys[i].name[len] == '.')
			return true;
	return false;
}

static bool same_scalar(const yaml_node_t *a, const yaml_node_t *b)
{
	return a->type == YAML_SCALAR_NODE && b->type == YAML_SCALAR_NODE &&
	       a->data.scalar.length == b->data.scalar.length &&
	       memcmp(a->data.scalar.value, b->data.scalar.value, a->data.scalar.length) == 0;
}

/* Earlier key of the mapping that is written like the one of pair. Every key before pair is known and none
 * came twice, so the loop is bounded by the table. */
static const yaml_node_t *repeated(struct mn_config_reader *r, const yaml_node_t *map,
				   const yaml_node_pair_t *pair, const yaml_node_t *key)
{
	const yaml_node_pair_t *p;

	for (p = map->data.mapping.pairs.start; p < pair; p++) {
		const yaml_node_t *k = yaml_document_get_node(r->doc, p->key);

		if (same_scalar(k, key))
			return k;
	}
	return NULL;
}

/* Full dotted name of a key into name; -EINVAL with text when it cannot be one. */
static int key_name(struct mn_config_reader *r, const char *prefix, const yaml_node_t *key,
		    char name[NAME_MAX_KEY])
{
	size_t line = key->start_mark.line + 1;
	const char *text = (const char *)key->data.scalar.value;
	char quoted[96];
	int n;

	if (key->type != YAML_SCALAR_NODE)
		return mn_config_fail(r, line, *prefix ? prefix : "file",
				      "expected a key, found %s", mn_config_describe(key, quoted));
	mn_log_quote(quoted, sizeof(quoted), text, key->data.scalar.length);
	if (memchr(text, '.', key->data.scalar.length))
		return mn_config_fail(r, line, quoted,
				      "expected a key without dots (write a.b as \"a: {b: ...}\"), "
				      "found %s",
				      quoted);
	n = snprintf(name, NAME_MAX_KEY, "%s%s%s", prefix, *prefix ? "." : "", quoted);
	if (n < 0 || n >= NAME_MAX_KEY)
		return mn_config_fail(r, line, quoted,
				      "expected a known key, found an unknown one");
	return 0;
}

static int read_mapping(struct mn_config_reader *r, const char *prefix, const yaml_node_t *map);

static int read_pair(struct mn_config_reader *r, const char *prefix, const yaml_node_t *map,
		     const yaml_node_pair_t *pair)
{
	const yaml_node_t *key = yaml_document_get_node(r->doc, pair->key);
	const yaml_node_t *value = yaml_document_get_node(r->doc, pair->value);
	size_t line = key->start_mark.line + 1;
	char name[NAME_MAX_KEY], found[96];
	const yaml_node_t *before;
	int i, err;

	err = key_name(r, prefix, key, name);
	if (err)
		return err;
	before = repeated(r, map, pair, key);
	if (before)
		return mn_config_fail(r, line, name,
				      "expected each key once, found it in line %zu too",
				      before->start_mark.line + 1);
	i = find_key(r, name);
	if (i >= 0) {
		r->seen[i] = true;
		return mn_config_set_node(r, &r->keys[i], value);
	}
	if (!is_section(r, name))
		return fail_unknown(r, line, name);
	if (mn_config_is_null(value))
		return 0;
	if (value->type != YAML_MAPPING_NODE)
		return mn_config_fail(r, line, name, "expected a mapping, found %s",
				      mn_config_describe(value, found));
	return read_mapping(r, name, value);
}

/* Recursion is bounded: only names of sections in the table are entered. */
static int read_mapping(struct mn_config_reader *r, const char *prefix, const yaml_node_t *map)
{
	const yaml_node_pair_t *p;

	for (p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		int err = read_pair(r, prefix, map, p);

		if (err)
			return err;
	}
	return 0;
}

static int fail_syntax(struct mn_config_reader *r, const yaml_parser_t *p)
{
	size_t line = p->problem_mark.line + 1;

	if (p->error == YAML_MEMORY_ERROR) {
		mn_config_fail(r, 0, "file", "not enough memory");
		return -ENOMEM;
	}
	/* Reader errors (not UTF-8, control characters) have an offset, no mark. */
	if (p->error == YAML_READER_ERROR)
		return mn_config_fail(r, 0, "file", "expected YAML in UTF-8, found at byte %zu: %s",
				      p->problem_offset, p->problem);
	return mn_config_fail(r, line, "file", "expected YAML, found an error: %s%s%s",
			      p->context ? p->context : "", p->context ? ", " : "",
			      p->problem ? p->problem : "unreadable");
}

/* What of an event we do not take; NULL when it is all right. */
static const char *refused(const yaml_event_t *e, unsigned int documents)
{
	switch (e->type) {
	case YAML_ALIAS_EVENT:
		return "an alias (*)";
	case YAML_DOCUMENT_START_EVENT:
		if (documents > 1)
			return "a second document";
		if (e->data.document_start.version_directive ||
		    e->data.document_start.tag_directives.start !=
			    e->data.document_start.tag_directives.end)
			return "a directive (%)";
		return NULL;
	case YAML_SCALAR_EVENT:
		if (e->data.scalar.anchor)
			return "an anchor (&)";
		return e->data.scalar.tag ? "a tag (!)" : NULL;
	case YAML_SEQUENCE_START_EVENT:
		if (e->data.sequence_start.anchor)
			return "an anchor (&)";
		return e->data.sequence_start.tag ? "a tag (!)" : NULL;
	case YAML_MAPPING_START_EVENT:
		if (e->data.mapping_start.anchor)
			return "an anchor (&)";
		return e->data.mapping_start.tag ? "a tag (!)" : NULL;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return NULL;
	}
	return NULL;
}

static int check_events(struct mn_config_reader *r, const char *text, size_t len)
{
	unsigned int documents = 0;
	bool end = false;
	yaml_parser_t p;
	int err = 0;

	if (!yaml_parser_initialize(&p))
		return -ENOMEM;
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	while (!err && !end) {
		const char *what;
		yaml_event_t e;

		if (!yaml_parser_parse(&p, &e)) {
			err = fail_syntax(r, &p);
			break;
		}
		documents += e.type == YAML_DOCUMENT_START_EVENT;
		end = e.type == YAML_STREAM_END_EVENT;
		what = refused(&e, documents);
		if (what)
			err = mn_config_fail(r, e.start_mark.line + 1, "file",
					     "expected plain YAML, found %s", what);
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&p);
	return err;
}

static int check_required(struct mn_config_reader *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->keys[i].required && !r->seen[i])
			return mn_config_fail(r, 1, r->keys[i].name,
					      "expected this key (%s), found nothing",
					      r->keys[i].help ? r->keys[i].help : "required");
	return 0;
}

static int read_document(struct mn_config_reader *r)
{
	const yaml_node_t *root = yaml_document_get_root_node(r->doc);
	char found[96];
	int err;

	for (size_t i = 0; i < r->n; i++) {
		err = mn_config_set_preset(r, &r->keys[i]);
		if (err)
			return err;
	}
	if (root && !mn_config_is_null(root)) {
		if (root->type != YAML_MAPPING_NODE)
			return mn_config_fail(r, root->start_mark.line + 1, "file",
					      "expected a mapping of keys, found %s",
					      mn_config_describe(root, found));
		err = read_mapping(r, "", root);
		if (err)
			return err;
	}
	return check_required(r);
}

static int parse(struct mn_config_reader *r, const char *text, size_t len)
{
	yaml_document_t doc;
	yaml_parser_t p;
	int err;

	err = check_events(r, text, len);
	if (err)
		return err;
	if (!yaml_parser_initialize(&p))
		return -ENOMEM;
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	if (!yaml_parser_load(&p, &doc)) {
		err = fail_syntax(r, &p);
	} else {
		r->doc = &doc;
		err = read_document(r);
		yaml_document_delete(&doc);
	}
	yaml_parser_delete(&p);
	return err;
}

/* The whole file into a new buffer. -EFBIG above FILE_MAX. */
static int load(const char *path, char **out, size_t *out_len)
{
	char *buf = malloc(FILE_MAX + 1);
	size_t len = 0;
	int fd, err = 0;

	if (!buf)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
		free(buf);
		return err;
	}
	while (len <= FILE_MAX) {
		ssize_t n = read(fd, buf + len, FILE_MAX + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = -errno;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	close(fd);
	if (!err && len > FILE_MAX)
		err = -EFBIG;
	if (err) {
		free(buf);
		return err;
	}
	*out = buf;
	*out_len = len;
	return 0;
}

/* Absolute folder of path, to be freed; NULL on error (errno). */
static char *folder_of(const char *path)
{
	char *copy = strdup(path), *folder = NULL;

	if (copy)
		folder = realpath(dirname(copy), NULL);
	free(copy);
	return folder;
}

int mn_config_read(const char *path, const struct mn_config_key *keys, size_t n, void *out,
		   size_t out_size, char err[512])
{
	struct mn_config_reader r = {
		.path = path,
		.keys = keys,
		.n = n,
		.out = out,
		.err = err,
	};
	char *text = NULL, *folder = NULL;
	size_t len = 0;
	int ret;

	memset(out, 0, out_size);
	err[0] = '\0';
	ret = load(path, &text, &len);
	if (ret == -EFBIG) {
		mn_config_fail(&r, 0, "file", "expected at most %u bytes, found more", FILE_MAX);
		return ret;
	}
	if (ret) {
		mn_config_fail(&r, 0, "file", "cannot be read: %s", strerror(-ret));
		return ret;
	}
	folder = folder_of(path);
	r.folder = folder;
	r.seen = calloc(n ? n : 1, sizeof(*r.seen));
	ret = folder && r.seen ? parse(&r, text, len) : -ENOMEM;
	if (ret == -ENOMEM && !err[0])
		mn_config_fail(&r, 0, "file", "not enough memory");
	if (ret) {
		mn_config_free(keys, n, out);
		memset(out, 0, out_size);
	}
	free(r.seen);
	free(folder);
	free(text);
	return ret;
}
