// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads docs/protocol.md. An example is a fenced block with the info string "hex NAME"; in it, '#' begins a comment and white space
 * means nothing. */
#include "protocol_examples.h"

#include <ctype.h>
#include <stdio.h>

struct reader {
	struct page *page;
	const char *path;
	unsigned int line;
	bool in_fence;
	struct page_example *open; /* the example that the lines go into */
};

static void begin_example(struct reader *r, const char *name)
{
	struct page *p = r->page;
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	if (!len || name[len] || len >= sizeof(p->list->name))
		fail_msg("%s:%u: hex block without a name of its own: \"%s\"", r->path, r->line,
			 name);
	if (page_find(p, name))
		fail_msg("%s:%u: a second example %s", r->path, r->line, name);
	p->list = realloc(p->list, (p->n + 1) * sizeof(*p->list));
	assert_non_null(p->list);
	r->open = &p->list[p->n++];
	memset(r->open, 0, sizeof(*r->open));
	memcpy(r->open->name, name, len);
	r->open->line = r->line;
}

static void fence(struct reader *r, const char *info)
{
	if (r->in_fence) {
		if (*info)
			fail_msg("%s:%u: a fence in a fence", r->path, r->line);
		if (r->open && !r->open->blob.len)
			fail_msg("%s:%u: example %s is empty", r->path, r->line, r->open->name);
		r->in_fence = false;
		r->open = NULL;
		return;
	}
	r->in_fence = true;
	if (!strncmp(info, "hex", 3) && (!info[3] || isspace((unsigned char)info[3])))
		begin_example(r, info + 3 + strspn(info + 3, " "));
}

static void hex_line(struct reader *r, const char *text)
{
	struct blob *b = &r->open->blob;
	char pair[2];
	uint8_t byte;
	size_t n = 0, len;

	for (; *text && *text != '#'; text++) {
		if (isspace((unsigned char)*text))
			continue;
		pair[n++] = *text;
		if (n < 2)
			continue;
		if (mn_hex_decode(pair, 2, &byte, 1, &len))
			fail_msg("%s:%u: \"%.2s\" is not hex", r->path, r->line, pair);
		blob_put_byte(b, byte);
		n = 0;
	}
	if (n)
		fail_msg("%s:%u: an odd number of digits", r->path, r->line);
}

void page_read(struct page *p, const char *path)
{
	struct reader r = { .page = p, .path = path };
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;

	*p = (struct page){ 0 };
	if (!f)
		fail_msg("%s cannot be read", path);
	while (getline(&text, &room, f) >= 0) {
		char *at = text + strspn(text, " ");

		r.line++;
		text[strcspn(text, "\n")] = '\0';
		if (!strncmp(at, "```", 3))
			fence(&r, at + 3);
		else if (r.open)
			hex_line(&r, text);
	}
	if (r.in_fence)
		fail_msg("%s: the last fence is not closed", path);
	free(text);
	fclose(f);
}

void page_free(struct page *p)
{
	free(p->list);
	*p = (struct page){ 0 };
}

const struct page_example *page_find(const struct page *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->list[i].name, name))
			return &p->list[i];
	return NULL;
}
