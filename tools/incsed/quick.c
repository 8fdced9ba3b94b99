// SPDX-License-Identifier: GPL-2.0-or-later
#include "quick.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attribute.h"
#include "container.h"

#define CNF_MAX 1024 /* as attribute.c */
#define WRAPPER "{\"m2m:cin\":{"
/* What stands around con and cnf, with IDs of 255 bytes. */
#define ROW_MAX (MN_ONEM2M_CONTENT_MAX + 2048)

/* Bytes that are themselves in a JSON text. */
static bool plain(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] < 0x20 || s[i] > 0x7e || s[i] == '"' || s[i] == '\\')
			return false;
	return true;
}

static bool take(const char **p, const char *end, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(end - *p) < len || memcmp(*p, word, len))
		return false;
	*p += len;
	return true;
}

/* The rest of a string, up to its quotation mark. */
static bool take_string(const char **p, const char *end, const char **out, size_t *len)
{
	const char *quote = memchr(*p, '"', (size_t)(end - *p));

	if (*out || !quote || !plain(*p, (size_t)(quote - *p)))
		return false;
	*out = *p;
	*len = (size_t)(quote - *p);
	*p = quote + 1;
	return true;
}

bool mnt_quick_read(const struct mn_onem2m_request *r, struct mnt_quick *q)
{
	const char *p = r->raw, *end = p + r->raw_len;

	*q = (struct mnt_quick){ 0 };
	if (r->op != MN_OP_CREATE || r->ty != MNT_TY_CIN ||
	    r->content_format != MN_COAP_FORMAT_JSON || !p || !take(&p, end, WRAPPER))
		return false;
	do {
		if (take(&p, end, "\"con\":\"")) {
			if (!take_string(&p, end, &q->con, &q->con_len))
				return false;
		} else if (!take(&p, end, "\"cnf\":\"") ||
			   !take_string(&p, end, &q->cnf, &q->cnf_len)) {
			return false;
		}
	} while (take(&p, end, ","));
	return take(&p, end, "}}") && p == end && q->con && q->cnf_len <= CNF_MAX;
}

/* A text as it grows; what does not fit is found at the end. */
struct text {
	char *buf;
	size_t len, max;
};

static void put(struct text *t, const char *s, size_t len)
{
	if (len <= t->max - t->len)
		memcpy(t->buf + t->len, s, len);
	t->len = len <= t->max - t->len ? t->len + len : t->max;
}
#define PUT(t, literal) put((t), "" literal, sizeof(literal) - 1)

static void put_word(struct text *t, const char *s)
{
	put(t, s, strlen(s));
}

static void put_number(struct text *t, int64_t v)
{
	char digits[24];
	char *p = digits + sizeof(digits);
	uint64_t n = (uint64_t)v;

	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	put(t, p, (size_t)(digits + sizeof(digits) - p));
}

struct made {
	const struct mnt_quick *q;
	const struct mnt_container *parent;
	const char *from;
	char ri[32];
	uint64_t serial;
	const char *time;
};

/* The attributes in the order of resource.c; `own` with those that are the store's alone. */
static void put_attributes(struct text *t, const struct made *m, bool own)
{
	PUT(t, "{\"ty\":4,\"ri\":\"");
	put_word(t, m->ri);
	PUT(t, "\",\"rn\":\"");
	put_word(t, m->ri);
	PUT(t, "\",\"pi\":\"");
	put_word(t, m->parent->ri);
	PUT(t, "\",\"ct\":\"");
	put_word(t, m->time);
	PUT(t, "\",\"lt\":\"");
	put_word(t, m->time);
	PUT(t, "\",\"et\":\"" MNT_NEVER "\",\"cs\":");
	put_number(t, (int64_t)m->q->con_len);
	PUT(t, ",\"st\":");
	put_number(t, m->parent->st + 1);
	if (own) {
		PUT(t, ",\"_o\":\"");
		put_word(t, m->from);
		PUT(t, "\"");
	}
	if (m->q->cnf) {
		PUT(t, ",\"cnf\":\"");
		put(t, m->q->cnf, m->q->cnf_len);
		PUT(t, "\"");
	}
	PUT(t, ",\"con\":\"");
	put(t, m->q->con, m->q->con_len);
	PUT(t, "\"}");
}

/* The instance's row, in the open batch. 0 or -errno as mn_store_resource_put. */
static int put_row(struct mnt_resources *t, const struct made *m)
{
	char path[MN_TO_MAX + 1 + sizeof(m->ri)];
	char json[ROW_MAX];
	struct text text = { .buf = json, .max = sizeof(json) - 1 };
	struct mn_resource_record r = {
		.path = path,
		.parent = m->parent->row.path,
		.ri = m->ri,
		.ty = MNT_TY_CIN,
		.json = json,
		.serial = (int64_t)m->serial,
	};
	struct text name = { .buf = path, .max = sizeof(path) - 1 };
	int err;

	put_word(&name, r.parent);
	PUT(&name, "/");
	put_word(&name, m->ri);
	path[name.len] = '\0';
	put_attributes(&text, m, true);
	json[text.len] = '\0';
	err = mnt_commit_begin(t->commit);
	if (!err)
		err = mn_store_resource_put(t->commit->store, &r);
	if (err && err != -EEXIST)
		mnt_commit_fail(t->commit);
	return err;
}

/* Texts of the device and the container are written as they are. */
static bool ids_plain(const char *from, const struct mnt_container *c)
{
	return plain(from, strlen(from)) && plain(c->ri, strlen(c->ri));
}

bool mnt_quick_execute(struct mnt_resources *t, const struct mn_onem2m_request *r,
		       const struct mnt_quick *q, const char *from, int64_t now, enum mn_rsc *rsc,
		       const char **text, size_t *len)
{
	const char *path = mnt_resource_local(t, r->to);
	struct mnt_container *c = path ? mnt_container_get(t, path) : NULL;
	struct made m = { .q = q, .parent = c, .from = from };
	struct text out = { .buf = t->text, .max = sizeof(t->text) };
	int64_t size = (int64_t)q->con_len;
	int err;

	/* Where others have to go first, or it is refused, nothing is quick. */
	if (!c || c->cni >= c->instances_max || c->cbs + size > c->bytes_max || c->st < 0 ||
	    (!c->shared && strcmp(mnt_row_text(&c->row, "_o"), from)) || !ids_plain(from, c) ||
	    strlen(c->row.path) + 1 + sizeof(m.ri) > MN_TO_MAX)
		return false;
	m.serial = mnt_resource_next_id(t);
	snprintf(m.ri, sizeof(m.ri), "cin_%llx", (unsigned long long)m.serial);
	m.time = mnt_resource_time(t, now);
	err = put_row(t, &m);
	*text = NULL;
	*len = 0;
	*rsc = err == -EEXIST ? MN_RSC_CONFLICT : MN_RSC_INTERNAL;
	if (err)
		return true;
	PUT(&out, "{\"m2m:cin\":");
	put_attributes(&out, &m, false);
	PUT(&out, "}");
	mnt_container_added(t, c, size, now);
	*rsc = MN_RSC_CREATED;
	*text = out.buf;
	*len = out.len;
	return true;
}
