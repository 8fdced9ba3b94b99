// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/store_sqlite.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include "core/crypto.h"

/* docs/protocol.md "IN": a device's last 16 requests (remember.h), and all of the last 300 s. */
#define KEEP_S 300
#define EXPIRE_AT_ONCE 512
#define COMPACT_AT_ONCE 64
#define ANSWER_MAX 65535
#define BATCH_BYTES 65536 /* a row takes no more records then */
#define DEAD 1
#define STARTED 2 /* no outcome yet */

/* A record of a row; numbers are big-endian. The same (device, RQI) in a later row is its outcome, or the record moved. */
struct head {
	uint32_t len; /* of the whole record */
	uint8_t flags;
	uint8_t device_len;
	uint8_t rqi_len;
	uint8_t reserved;
	uint64_t order; /* of the requests, rising */
	uint64_t when;
	uint8_t digest[32];
	uint8_t rest[]; /* device, RQI, answer */
};
_Static_assert(sizeof(struct head) == 56, "a record's head has no padding");

struct record {
	struct head head; /* in the machine's order */
	char device[MN_ENTITY_MAX + 1];
	char rqi[65];
	const uint8_t *answer;
	size_t answer_len;
};

static int damaged(struct mn_store *s)
{
	return mn_store_fail(s, -EBADMSG, "the file is damaged: answer.records");
}

/* Reads the record at the beginning of p. */
static int record_read(struct mn_store *s, const uint8_t *p, size_t len, struct record *r)
{
	struct head *h = &r->head;

	if (len < sizeof(*h))
		return damaged(s);
	memcpy(h, p, sizeof(*h));
	h->len = be32toh(h->len);
	h->order = be64toh(h->order);
	h->when = be64toh(h->when);
	if (h->len > len || h->len < sizeof(*h) + h->device_len + h->rqi_len ||
	    h->rqi_len >= sizeof(r->rqi))
		return damaged(s);
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

static int row_del(struct mn_store *s, int64_t seq)
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

/* A record of b is of no more use. A row without any goes; one with few is written anew when there is time. */
static int batch_less(struct mn_store *s, struct mn_batch *b)
{
	struct mn_remembered *m = &s->answers;
	int err;

	b->live--;
	if (b == m->open)
		return 0;
	if (!b->live) {
		err = row_del(s, b->seq);
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

/* Room in the open batch for len more bytes. */
static int room(struct mn_store *s, size_t len)
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
		       const struct record *r, uint32_t at)
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
	struct record r;
	int err = mn_sql_int(s, st, 0, 1, INT64_MAX - 1, &s->answers.last_seq);

	if (!err && (sqlite3_column_type(st, 1) != SQLITE_BLOB || !len))
		err = damaged(s);
	b = err ? NULL : mn_remember_batch(&s->answers, s->answers.last_seq);
	if (!b)
		return err ? err : mn_store_fail(s, -ENOMEM, "no memory");
	b->live = 1; /* held while it is filled */
	for (; at < len && !err; at += r.head.len) {
		err = record_read(s, p + at, len - at, &r);
		if (err)
			break;
		b->total++;
		if (!(r.head.flags & DEAD))
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

static int need_loaded(struct mn_store *s)
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

/* The record of e; *copy is to be freed. -EBADMSG when the file has another one there. */
static int record_get(struct mn_store *s, const struct mn_entry *e, const char *device,
		      const char *rqi, struct record *r, uint8_t **copy)
{
	struct mn_remembered *m = &s->answers;
	uint8_t head[sizeof(struct head)];
	sqlite3_blob *blob;
	uint8_t *p = NULL;
	uint32_t len = 0;
	int err = 0;
	int rc;

	*copy = NULL;
	if (e->batch == m->open) {
		err = record_read(s, m->records + e->at, m->len - e->at, r);
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
			err = record_read(s, p, len, r);
		else
			err = mn_sql_fail(s, rc, "reading an answer");
	}
	if (!err && (strcmp(r->device, device) || strcmp(r->rqi, rqi)))
		err = damaged(s);
	if (err)
		free(p);
	else
		*copy = p;
	return err;
}

static void append(struct mn_remembered *m, const struct mn_answer_record *a, uint64_t order)
{
	size_t device_len = strlen(a->device_id), rqi_len = strlen(a->rqi);
	struct head h = {
		.len = htobe32((uint32_t)(sizeof(h) + device_len + rqi_len + a->answer_len)),
		.flags = a->answer ? 0 : STARTED,
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

static int read_number(struct mn_store *s, const char *device, int64_t *n)
{
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_DEVICE_NUMBER, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(device));
	if (!err)
		err = mn_sql_step(s, st, "reading a device");
	if (err <= 0)
		return err ? err : mn_store_fail(s, -ENOENT, "the store has no device of this ID");
	return mn_sql_int(s, st, 0, 1, INT64_MAX, n);
}

/* The device's list; made when the device is first met. */
static int holder_get(struct mn_store *s, const char *device, struct mn_holder **out)
{
	struct mn_remembered *m = &s->answers;
	struct mn_holder *h = mn_remember_holder(m, device);
	int64_t n = h ? h->n : 0;
	int err = n ? 0 : read_number(s, device, &n);

	if (err)
		return err;
	if (!h)
		h = mn_remember_holder_add(m, device);
	if (!h)
		return mn_store_fail(s, -ENOMEM, "no memory");
	h->n = n;
	*out = h;
	return 0;
}

int mn_store_device_number(struct mn_store *s, const char *device_id, int64_t *n)
{
	struct mn_holder *h;
	int err = strnlen(device_id, MN_ENTITY_MAX + 1) > MN_ENTITY_MAX ? -ENOENT : need_loaded(s);

	if (!err)
		err = holder_get(s, device_id, &h);
	if (!err)
		*n = h->n;
	return err;
}

void mn_store_device_known(struct mn_store *s, const char *device_id, int64_t n)
{
	struct mn_holder *h;

	if (need_loaded(s))
		return;
	h = mn_remember_holder(&s->answers, device_id);
	if (!h)
		h = mn_remember_holder_add(&s->answers, device_id);
	if (h)
		h->n = n;
}

/* The outcome of what was started, or the same again: it keeps its place among the device's requests. */
static int put_again(struct mn_store *s, struct mn_entry *e, const struct mn_answer_record *a)
{
	struct mn_remembered *m = &s->answers;
	struct mn_batch *old = e->batch;
	struct record r;
	uint8_t *copy;
	int err = record_get(s, e, a->device_id, a->rqi, &r, &copy);

	if (err)
		return err;
	free(copy);
	if (memcmp(r.head.digest, a->digest, sizeof(a->digest)))
		return mn_store_fail(s, -EEXIST, "another request has this RQI");
	err = room(s, sizeof(struct head) + sizeof(r.device) + sizeof(r.rqi) + a->answer_len);
	if (err)
		return err;
	m->torn = true;
	e->batch = m->open;
	e->at = (uint32_t)m->len;
	e->when = a->when;
	m->open->live++;
	append(m, a, r.head.order);
	return batch_less(s, old);
}

static int put_new(struct mn_store *s, uint64_t hash, const struct mn_answer_record *a)
{
	struct mn_remembered *m = &s->answers;
	struct mn_holder *h;
	int err = holder_get(s, a->device_id, &h);

	if (!err)
		err = room(s, sizeof(struct head) + sizeof(a->device_id) + sizeof(a->rqi) +
				      a->answer_len);
	if (err)
		return err;
	if (!mn_remember_add(m, h, hash, m->open, (uint32_t)m->len, a->when))
		return mn_store_fail(s, -ENOMEM, "no memory");
	append(m, a, ++m->last_order);
	return 0;
}

static int check_answer(struct mn_store *s, const struct mn_answer_record *a)
{
	int err = mn_store_need_in(s, "answers");

	if (!err)
		err = mn_store_check_text(s, a->rqi, sizeof(a->rqi), MN_SQL_LINE, "the RQI");
	if (!err && (!a->rqi[0] || a->answer_len > ANSWER_MAX || (!a->answer && a->answer_len)))
		err = mn_store_fail(s, -EINVAL, "an answer without RQI, or too long");
	if (!err && strnlen(a->device_id, sizeof(a->device_id)) == sizeof(a->device_id))
		err = mn_store_fail(s, -EINVAL, "the device's ID is too long");
	return err;
}

int mn_store_answer_put(struct mn_store *s, const struct mn_answer_record *a)
{
	bool own = !s->in_transaction;
	struct mn_entry *e;
	uint64_t hash;
	int err = check_answer(s, a);

	if (!err)
		err = need_loaded(s);
	if (!err && own)
		err = mn_store_begin(s);
	if (err)
		return err;
	hash = mn_remember_hash(&s->answers, a->device_id, a->rqi);
	e = mn_remember_find(&s->answers, hash);
	err = e ? put_again(s, e, a) : put_new(s, hash, a);
	return own ? mn_store_end(s, err) : err;
}

static int copy_out(struct mn_store *s, const struct record *r, struct mn_answer_record *out,
		    uint8_t *buf, size_t max)
{
	strcpy(out->device_id, r->device);
	strcpy(out->rqi, r->rqi);
	memcpy(out->digest, r->head.digest, sizeof(out->digest));
	out->when = (int64_t)r->head.when;
	out->answer = NULL;
	out->answer_len = 0;
	if (r->head.flags & STARTED)
		return 0;
	if (r->answer_len > max)
		return mn_store_fail(s, -EMSGSIZE, "the answer has %zu bytes, room is for %zu",
				     r->answer_len, max);
	if (r->answer_len)
		memcpy(buf, r->answer, r->answer_len);
	out->answer = buf;
	out->answer_len = r->answer_len;
	return 0;
}

int mn_store_answer_get(struct mn_store *s, const char *device_id, const char *rqi,
			struct mn_answer_record *out, uint8_t *buf, size_t max)
{
	struct mn_entry *e;
	struct record r;
	uint8_t *copy;
	int err = need_loaded(s);

	if (err)
		return err;
	if (strlen(device_id) >= sizeof(out->device_id) || strlen(rqi) >= sizeof(out->rqi))
		return mn_store_fail(s, -ENOENT, "no such answer");
	e = mn_remember_find(&s->answers, mn_remember_hash(&s->answers, device_id, rqi));
	if (!e)
		return -ENOENT;
	err = record_get(s, e, device_id, rqi, &r, &copy);
	if (err)
		return err;
	err = copy_out(s, &r, out, buf, max);
	free(copy);
	return err;
}

/* ---- what goes ---- */

/* The records of a row that are still of use move to the open batch. */
static int move_records(struct mn_store *s, struct mn_batch *b, const uint8_t *p, size_t len)
{
	struct mn_remembered *m = &s->answers;
	struct mn_entry *e;
	struct record r;
	int err = 0;

	for (size_t at = 0; at < len && !err; at += r.head.len) {
		err = record_read(s, p + at, len - at, &r);
		if (err)
			return err;
		e = mn_remember_find(m, mn_remember_hash(m, r.device, r.rqi));
		if (r.head.flags & DEAD || !e || e->batch != b || e->at != at)
			continue;
		err = room(s, r.head.len);
		if (err)
			return err;
		e->batch = m->open;
		e->at = (uint32_t)m->len;
		memcpy(m->records + m->len, p + at, r.head.len);
		m->len += r.head.len;
		m->open->live++;
		m->open->total++;
		b->live--;
	}
	return err;
}

static int compact(struct mn_store *s, struct mn_batch *b)
{
	sqlite3_blob *blob;
	uint8_t *p = NULL;
	size_t len = 0;
	int err = 0;
	int rc = sqlite3_blob_open(s->db, "main", "answer", "records", b->seq, 0, &blob);

	if (rc == SQLITE_OK) {
		len = (size_t)sqlite3_blob_bytes(blob);
		p = malloc(len);
		rc = p ? sqlite3_blob_read(blob, p, (int)len, 0) : SQLITE_NOMEM;
	}
	sqlite3_blob_close(blob);
	if (rc != SQLITE_OK)
		err = mn_sql_fail(s, rc, "reading answers");
	if (!err)
		err = move_records(s, b, p, len);
	free(p);
	if (!err && b->live)
		err = damaged(s);
	return err ? err : row_del(s, b->seq);
}

static int compact_some(struct mn_store *s)
{
	struct mn_remembered *m = &s->answers;
	int err = 0;

	for (int i = 0; i < COMPACT_AT_ONCE && m->sparse && !err; i++) {
		struct mn_batch *b = m->sparse;

		m->sparse = b->next;
		err = b->live ? compact(s, b) : 0;
		b->sparse = false;
		if (!b->live)
			mn_pool_put(&m->batch_pool, b);
	}
	return err;
}

static int expire(struct mn_store *s, int64_t now)
{
	struct mn_remembered *m = &s->answers;
	struct mn_entry *e;
	int err = 0;
	int n = 0;

	while (n < EXPIRE_AT_ONCE && !err && (e = mn_remember_expired(m, now - KEEP_S))) {
		m->torn = true;
		err = batch_less(s, e->batch);
		mn_remember_free(m, e);
		n++;
	}
	if (!err && m->sparse) {
		m->torn = true;
		err = compact_some(s);
	}
	return err ? err : n;
}

int mn_store_answer_expire(struct mn_store *s, int64_t now)
{
	bool own = !s->in_transaction;
	int n = need_loaded(s);

	if (!n && own)
		n = mn_store_begin(s);
	if (n)
		return n;
	n = expire(s, now);
	if (own) {
		int err = mn_store_end(s, n < 0 ? n : 0);

		n = err ? err : n;
	}
	return n;
}

/* Nothing of a revoked device stays in the file: its records are overwritten where they lie, from the digest on. */
static int overwrite(struct mn_store *s, const struct mn_entry *e)
{
	struct mn_remembered *m = &s->answers;
	const size_t keep = offsetof(struct head, digest);
	struct head h;
	sqlite3_blob *blob;
	uint8_t *p;
	int rc;

	if (e->batch == m->open) {
		memcpy(&h, m->records + e->at, sizeof(h));
		m->records[e->at + offsetof(struct head, flags)] |= DEAD;
		memset(m->records + e->at + keep, 0, be32toh(h.len) - keep);
		return 0;
	}
	rc = sqlite3_blob_open(s->db, "main", "answer", "records", e->batch->seq, 1, &blob);
	if (rc == SQLITE_OK)
		rc = sqlite3_blob_read(blob, &h, sizeof(h), (int)e->at);
	if (rc == SQLITE_OK) {
		size_t len = be32toh(h.len);

		p = len > keep && len <= MN_SQL_ROW_MAX ? calloc(1, len) : NULL;
		rc = p ? SQLITE_OK : SQLITE_CORRUPT;
		h.flags |= DEAD;
		if (p)
			memcpy(p, &h, keep);
		if (p)
			rc = sqlite3_blob_write(blob, p, (int)len, (int)e->at);
		free(p);
	}
	sqlite3_blob_close(blob);
	return rc == SQLITE_OK ? 0 : mn_sql_fail(s, rc, "removing answers");
}

static int forget(struct mn_store *s, struct mn_entry *e)
{
	struct mn_remembered *m = &s->answers;
	int err = overwrite(s, e);

	if (!err)
		err = batch_less(s, e->batch);
	mn_remember_unhash(m, e);
	e->holder = NULL;
	return err;
}

int mn_store_answers_forget(struct mn_store *s, const char *device_id)
{
	struct mn_remembered *m = &s->answers;
	struct mn_entry *e, *next, **at = &m->fresh;
	struct mn_holder *h;
	bool surplus = true;
	int err = need_loaded(s);

	h = err ? NULL : mn_remember_holder(m, device_id);
	if (!h)
		return err;
	m->torn = true;
	while ((e = *at)) {
		if (e->holder != h) {
			at = &e->newer;
			continue;
		}
		*at = e->newer;
		err = forget(s, e) ?: err;
		mn_remember_free(m, e);
	}
	m->fresh_tail = at;
	for (e = h->oldest; e; e = next) {
		next = e->newer;
		surplus = surplus && e != h->kept;
		err = forget(s, e) ?: err;
		if (!surplus) /* the others are still in their queue */
			mn_remember_free(m, e);
	}
	mn_remember_holder_del(m, h);
	return err;
}
