// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/answer_row.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#define BATCH_BYTES 65536 /* a row takes no more records then */

int mn_answer_damaged(struct mn_store *s)
{
	return mn_store_fail(s, -EBADMSG, "the file is damaged: answer.records");
}

int mn_answer_read(struct mn_store *s, const uint8_t *p, size_t len, struct mn_answer_row *r)
{
	struct mn_answer_head *h = &r->head;

	if (len < sizeof(*h))
		return mn_answer_damaged(s);
	memcpy(h, p, sizeof(*h));
	h->len = be32toh(h->len);
	h->order = be64toh(h->order);
	h->when = be64toh(h->when);
	if (h->len > len || h->len < sizeof(*h) + h->device_len + h->rqi_len ||
	    h->rqi_len >= sizeof(r->rqi))
		return mn_answer_damaged(s);
	p += sizeof(*h);
	memcpy(r->device, p, h->device_len);
	r->device[h->device_len] = '\0';
	memcpy(r->rqi, p + h->device_len, h->rqi_len);
	r->rqi[h->rqi_len] = '\0';
	r->answer = p + h->device_len + h->rqi_len;
	r->answer_len = h->len - sizeof(*h) - h->device_len - h->rqi_len;
	return 0;
}

/* ---- the file ---- */

int mn_answer_row_del(struct mn_store *s, int64_t seq)
{
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_ANSWER_DEL, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_I(seq));
	return err ? err : mn_sql_step(s, st, "removing old answers");
}

int mn_store_answers_flush(struct mn_store *s)
{
	struct mn_remembered *m = &s->answers;
	MN_SQL_STMT st = NULL;
	int err;

	if (!m->open)
		return 0;
	err = mn_sql_get(s, MN_SQL_ANSWER_PUT, &st);
	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_I(m->last_seq + 1), MN_SQL_B(m->records, m->len));
	if (!err)
		err = mn_sql_step(s, st, "putting answers");
	if (err)
		return err;
	m->open->seq = ++m->last_seq;
	m->open = NULL;
	m->len = 0;
	return 0;
}

int mn_answer_less(struct mn_store *s, struct mn_batch *b)
{
	struct mn_remembered *m = &s->answers;
	int err;

	b->live--;
	if (b == m->open)
		return 0;
	if (!b->live) {
		err = mn_answer_row_del(s, b->seq);
		if (!b->sparse)
			mn_pool_put(&m->batch_pool, b);
		return err;
	}
	if (b->sparse || b->live > b->total / 4)
		return 0;
	b->sparse = true;
	b->next = m->sparse;
	m->sparse = b;
	return 0;
}

int mn_answer_room(struct mn_store *s, size_t len)
{
	struct mn_remembered *m = &s->answers;
	size_t max = m->max ? m->max : BATCH_BYTES / 4;
	uint8_t *to;
	int err = m->open && m->len >= BATCH_BYTES ? mn_store_answers_flush(s) : 0;

	if (err)
		return err;
	while (m->len + len > max)
		max *= 2;
	if (max != m->max) {
		to = realloc(m->records, max);
		if (!to)
			return mn_store_fail(s, -ENOMEM, "no memory");
		m->records = to;
		m->max = max;
	}
	if (!m->open)
		m->open = mn_remember_batch(m, 0);
	return m->open ? 0 : mn_store_fail(s, -ENOMEM, "no memory");
}

/* ---- loading ---- */

/* What was loaded, to be put in the order of the requests: a record that was moved lies in a later row. */
struct loading {
	struct {
		uint64_t order;
		struct mn_entry *entry;
	} * list;
	size_t n, max;
};

static int loaded(struct loading *l, uint64_t order, struct mn_entry *e)
{
	if (l->n == l->max) {
		size_t max = l->max ? l->max * 2 : 1024;
		void *to = realloc(l->list, max * sizeof(*l->list));

		if (!to)
			return -ENOMEM;
		l->list = to;
		l->max = max;
	}
	l->list[l->n].order = order;
	l->list[l->n++].entry = e;
	return 0;
}

static int load_record(struct mn_store *s, struct loading *l, struct mn_batch *b,
		       const struct mn_answer_row *r, uint32_t at)
{
	struct mn_remembered *m = &s->answers;
	uint64_t hash = mn_remember_hash(m, r->device, r->rqi);
	struct mn_entry *e = mn_remember_find(m, hash);
	struct mn_holder *h;

	if (r->head.order > m->last_order)
		m->last_order = r->head.order;
	if (e) {
		if (--e->batch->live == 0)
			mn_pool_put(&m->batch_pool, e->batch);
		e->batch = b;
		e->at = at;
		e->when = (int64_t)r->head.when;
		b->live++;
		return 0;
	}
	h = mn_remember_holder(m, r->device);
	if (!h)
		h = mn_remember_holder_add(m, r->device);
	e = h ? mn_remember_add(m, h, hash, b, at, (int64_t)r->head.when) : NULL;
	return e && !loaded(l, r->head.order, e) ? 0 : mn_store_fail(s, -ENOMEM, "no memory");
}

static int load_row(struct mn_store *s, struct loading *l, sqlite3_stmt *st)
{
	const uint8_t *p = sqlite3_column_blob(st, 1);
	size_t len = (size_t)sqlite3_column_bytes(st, 1), at = 0;
	struct mn_batch *b;
	struct mn_answer_row r;
	int err = mn_sql_int(s, st, 0, 1, INT64_MAX - 1, &s->answers.last_seq);

	if (!err && (sqlite3_column_type(st, 1) != SQLITE_BLOB || !len))
		err = mn_answer_damaged(s);
	b = err ? NULL : mn_remember_batch(&s->answers, s->answers.last_seq);
	if (!b)
		return err ? err : mn_store_fail(s, -ENOMEM, "no memory");
	b->live = 1; /* held while it is filled */
	for (; at < len && !err; at += r.head.len) {
		err = mn_answer_read(s, p + at, len - at, &r);
		if (err)
			break;
		b->total++;
		if (!(r.head.flags & MN_ANSWER_DEAD))
			err = load_record(s, l, b, &r, (uint32_t)at);
	}
	b->live--;
	if (!b->live)
		mn_pool_put(&s->answers.batch_pool, b);
	return err;
}

static int by_order(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int load_rows(struct mn_store *s, struct loading *l)
{
	struct mn_remembered *m = &s->answers;
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_ANSWER_EACH, &st);

	if (err)
		return err;
	while ((err = mn_sql_step(s, st, "reading the answers")) > 0) {
		err = load_row(s, l, st);
		if (err)
			return err;
	}
	if (err)
		return err;
	if (l->n)
		qsort(l->list, l->n, sizeof(*l->list), by_order);
	m->fresh = NULL;
	m->fresh_tail = &m->fresh;
	for (size_t i = 0; i < l->n; i++)
		mn_remember_append(m, l->list[i].entry);
	return 0;
}

int mn_answer_load(struct mn_store *s)
{
	struct loading l = { 0 };
	int err;

	if (s->answers.loaded)
		return 0;
	err = mn_remember_init(&s->answers);
	if (err)
		return mn_store_fail(s, err, "no memory");
	err = load_rows(s, &l);
	free(l.list);
	if (err)
		mn_remember_fini(&s->answers);
	else
		s->answers.loaded = true;
	return err;
}

/* ---- records ---- */

int mn_answer_fetch(struct mn_store *s, const struct mn_entry *e, const char *device,
		    const char *rqi, struct mn_answer_row *r, uint8_t **copy)
{
	struct mn_remembered *m = &s->answers;
	uint8_t head[sizeof(struct mn_answer_head)];
	sqlite3_blob *blob;
	uint8_t *p = NULL;
	uint32_t len = 0;
	int err = 0;
	int rc;

	*copy = NULL;
	if (e->batch == m->open) {
		err = mn_answer_read(s, m->records + e->at, m->len - e->at, r);
	} else {
		rc = sqlite3_blob_open(s->db, "main", "answer", "records", e->batch->seq, 0, &blob);
		if (rc == SQLITE_OK)
			rc = sqlite3_blob_read(blob, head, sizeof(head), (int)e->at);
		if (rc == SQLITE_OK) {
			memcpy(&len, head, sizeof(len));
			len = be32toh(len);
			p = len <= MN_SQL_ROW_MAX ? malloc(len) : NULL;
			rc = p ? sqlite3_blob_read(blob, p, (int)len, (int)e->at) : SQLITE_NOMEM;
		}
		sqlite3_blob_close(blob);
		if (rc == SQLITE_OK)
			err = mn_answer_read(s, p, len, r);
		else
			err = mn_sql_fail(s, rc, "reading an answer");
	}
	if (!err && (strcmp(r->device, device) || strcmp(r->rqi, rqi)))
		err = mn_answer_damaged(s);
	if (err)
		free(p);
	else
		*copy = p;
	return err;
}

void mn_answer_append(struct mn_remembered *m, const struct mn_answer_record *a, uint64_t order)
{
	size_t device_len = strlen(a->device_id), rqi_len = strlen(a->rqi);
	struct mn_answer_head h = {
		.len = htobe32((uint32_t)(sizeof(h) + device_len + rqi_len + a->answer_len)),
		.flags = a->answer ? 0 : MN_ANSWER_STARTED,
		.device_len = (uint8_t)device_len,
		.rqi_len = (uint8_t)rqi_len,
		.order = htobe64(order),
		.when = htobe64((uint64_t)a->when),
	};
	uint8_t *p = m->records + m->len;

	memcpy(h.digest, a->digest, sizeof(h.digest));
	memcpy(p, &h, sizeof(h));
	p += sizeof(h);
	memcpy(p, a->device_id, device_len);
	memcpy(p + device_len, a->rqi, rqi_len);
	if (a->answer_len)
		memcpy(p + device_len + rqi_len, a->answer, a->answer_len);
	m->len += sizeof(h) + device_len + rqi_len + a->answer_len;
	m->open->total++;
}
