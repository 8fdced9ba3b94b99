// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/answer_row.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

/* docs/protocol.md "IN": a device's last 16 requests (remember.h), and all of the last 300 s. */
#define KEEP_S 300
#define EXPIRE_AT_ONCE 512
#define COMPACT_AT_ONCE 64
#define ANSWER_MAX 65535

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
	int err =
		strnlen(device_id, MN_ENTITY_MAX + 1) > MN_ENTITY_MAX ? -ENOENT : mn_answer_load(s);

	if (!err)
		err = holder_get(s, device_id, &h);
	if (!err)
		*n = h->n;
	return err;
}

void mn_store_device_known(struct mn_store *s, const char *device_id, int64_t n)
{
	struct mn_holder *h;

	if (mn_answer_load(s))
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
	struct mn_answer_row r;
	uint8_t *copy;
	int err = mn_answer_fetch(s, e, a->device_id, a->rqi, &r, &copy);

	if (err)
		return err;
	free(copy);
	if (memcmp(r.head.digest, a->digest, sizeof(a->digest)))
		return mn_store_fail(s, -EEXIST, "another request has this RQI");
	err = mn_answer_room(s, sizeof(struct mn_answer_head) + sizeof(r.device) + sizeof(r.rqi) +
					a->answer_len);
	if (err)
		return err;
	m->torn = true;
	e->batch = m->open;
	e->at = (uint32_t)m->len;
	e->when = a->when;
	m->open->live++;
	mn_answer_append(m, a, r.head.order);
	return mn_answer_less(s, old);
}

static int put_new(struct mn_store *s, uint64_t hash, const struct mn_answer_record *a)
{
	struct mn_remembered *m = &s->answers;
	struct mn_holder *h;
	int err = holder_get(s, a->device_id, &h);

	if (!err)
		err = mn_answer_room(s, sizeof(struct mn_answer_head) + sizeof(a->device_id) +
						sizeof(a->rqi) + a->answer_len);
	if (err)
		return err;
	if (!mn_remember_add(m, h, hash, m->open, (uint32_t)m->len, a->when))
		return mn_store_fail(s, -ENOMEM, "no memory");
	mn_answer_append(m, a, ++m->last_order);
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
		err = mn_answer_load(s);
	if (!err && own)
		err = mn_store_begin(s);
	if (err)
		return err;
	hash = mn_remember_hash(&s->answers, a->device_id, a->rqi);
	e = mn_remember_find(&s->answers, hash);
	err = e ? put_again(s, e, a) : put_new(s, hash, a);
	return own ? mn_store_end(s, err) : err;
}

static int copy_out(struct mn_store *s, const struct mn_answer_row *r, struct mn_answer_record *out,
		    uint8_t *buf, size_t max)
{
	strcpy(out->device_id, r->device);
	strcpy(out->rqi, r->rqi);
	memcpy(out->digest, r->head.digest, sizeof(out->digest));
	out->when = (int64_t)r->head.when;
	out->answer = NULL;
	out->answer_len = 0;
	if (r->head.flags & MN_ANSWER_STARTED)
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
	struct mn_answer_row r;
	uint8_t *copy;
	int err = mn_answer_load(s);

	if (err)
		return err;
	if (strlen(device_id) >= sizeof(out->device_id) || strlen(rqi) >= sizeof(out->rqi))
		return mn_store_fail(s, -ENOENT, "no such answer");
	e = mn_remember_find(&s->answers, mn_remember_hash(&s->answers, device_id, rqi));
	if (!e)
		return -ENOENT;
	err = mn_answer_fetch(s, e, device_id, rqi, &r, &copy);
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
	struct mn_answer_row r;
	int err = 0;

	for (size_t at = 0; at < len && !err; at += r.head.len) {
		err = mn_answer_read(s, p + at, len - at, &r);
		if (err)
			return err;
		e = mn_remember_find(m, mn_remember_hash(m, r.device, r.rqi));
		if (r.head.flags & MN_ANSWER_DEAD || !e || e->batch != b || e->at != at)
			continue;
		err = mn_answer_room(s, r.head.len);
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
		err = mn_answer_damaged(s);
	return err ? err : mn_answer_row_del(s, b->seq);
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
		err = mn_answer_less(s, e->batch);
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
	int n = mn_answer_load(s);

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
	const size_t keep = offsetof(struct mn_answer_head, digest);
	struct mn_answer_head h;
	sqlite3_blob *blob;
	uint8_t *p;
	int rc;

	if (e->batch == m->open) {
		memcpy(&h, m->records + e->at, sizeof(h));
		m->records[e->at + offsetof(struct mn_answer_head, flags)] |= MN_ANSWER_DEAD;
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
		h.flags |= MN_ANSWER_DEAD;
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
		err = mn_answer_less(s, e->batch);
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
	int err = mn_answer_load(s);

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
