// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/store_sqlite.h"

#include <errno.h>

/* docs/protocol.md "IN": a device's last 16 requests, and all of the last 300 s. */
#define KEEP_LAST 16
#define KEEP_S 300
#define EXPIRE_AT_ONCE 512
#define ANSWER_MAX 65535

static int upsert(struct mn_store *s, const struct mn_answer_record *a)
{
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_ANSWER_PUT, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(a->device_id), MN_SQL_T(a->rqi),
				  MN_SQL_B(a->digest, sizeof(a->digest)), MN_SQL_I(a->when),
				  MN_SQL_B(a->answer, a->answer_len));
	return err ? err : mn_sql_step(s, st, "putting an answer");
}

/* No row was written: another request has this RQI, or there is no such device. */
static int why_not_put(struct mn_store *s, const struct mn_answer_record *a)
{
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_ANSWER_GET, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(a->device_id), MN_SQL_T(a->rqi));
	if (!err)
		err = mn_sql_step(s, st, "reading an answer");
	if (err < 0)
		return err;
	if (err > 0)
		return mn_store_fail(s, -EEXIST, "another request has this RQI");
	return mn_store_fail(s, -ENOENT, "the store has no device of this ID");
}

/* Marks what has left the device's last 16, so that expire finds it without looking at what stays. */
static int mark_surplus(struct mn_store *s, const char *device_id)
{
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_ANSWER_SURPLUS, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(device_id), MN_SQL_I(KEEP_LAST));
	return err ? err : mn_sql_step(s, st, "marking old answers");
}

int mn_store_answer_put(struct mn_store *s, const struct mn_answer_record *a)
{
	int err = mn_store_need_in(s, "answers");

	if (!err)
		err = mn_store_check_text(s, a->rqi, sizeof(a->rqi), MN_SQL_LINE, "the RQI");
	if (!err && (!a->rqi[0] || a->answer_len > ANSWER_MAX || (!a->answer && a->answer_len)))
		err = mn_store_fail(s, -EINVAL, "an answer without RQI, or too long");
	if (err)
		return err;
	err = mn_sql_atomic_begin(s);
	if (err)
		return err;
	err = upsert(s, a);
	if (!err && sqlite3_changes(s->db) == 0)
		err = why_not_put(s, a);
	if (!err)
		err = mark_surplus(s, a->device_id);
	return mn_sql_atomic_end(s, err);
}

static int read_answer(struct mn_store *s, sqlite3_stmt *st, struct mn_answer_record *out,
		       uint8_t *buf, size_t max)
{
	int len = sqlite3_column_bytes(st, 2);
	int err = mn_sql_blob(s, st, 0, out->digest, sizeof(out->digest));

	if (!err)
		err = mn_sql_int(s, st, 1, INT64_MIN, INT64_MAX, &out->when);
	if (err)
		return err;
	out->answer = NULL;
	out->answer_len = 0;
	if (sqlite3_column_type(st, 2) == SQLITE_NULL)
		return 0;
	if ((size_t)len > max)
		return mn_store_fail(s, -EMSGSIZE, "the answer has %d bytes, room is for %zu", len,
				     max);
	err = mn_sql_blob(s, st, 2, buf, (size_t)len);
	if (err)
		return err;
	out->answer = buf;
	out->answer_len = (size_t)len;
	return 0;
}

int mn_store_answer_get(struct mn_store *s, const char *device_id, const char *rqi,
			struct mn_answer_record *out, uint8_t *buf, size_t max)
{
	MN_SQL_STMT st = NULL;
	size_t id_len = strlen(device_id), rqi_len = strlen(rqi);
	int err = mn_sql_get(s, MN_SQL_ANSWER_GET, &st);

	if (!err && (id_len >= sizeof(out->device_id) || rqi_len >= sizeof(out->rqi)))
		err = mn_store_fail(s, -ENOENT, "no such answer");
	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(device_id), MN_SQL_T(rqi));
	if (err)
		return err;
	err = mn_sql_step(s, st, "reading an answer");
	if (err <= 0)
		return err ? err : mn_store_fail(s, -ENOENT, "no such answer");
	memcpy(out->device_id, device_id, id_len + 1);
	memcpy(out->rqi, rqi, rqi_len + 1);
	return read_answer(s, st, out, buf, max);
}

int mn_store_answer_expire(struct mn_store *s, int64_t now)
{
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_ANSWER_EXPIRE, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_I(now - KEEP_S), MN_SQL_I(EXPIRE_AT_ONCE));
	if (!err)
		err = mn_sql_step(s, st, "removing old answers");
	return err ? err : sqlite3_changes(s->db);
}
