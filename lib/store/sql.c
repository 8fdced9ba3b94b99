// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/store_sqlite.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int mn_store_fail(struct mn_store *s, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->error, sizeof(s->error), fmt, ap);
	va_end(ap);
	return err;
}

int mn_sql_errno(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_CANTOPEN:
		return -EACCES;
	case SQLITE_CORRUPT:
		return -EBADMSG;
	case SQLITE_NOTADB:
		return -EPROTO;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_TOOBIG:
		return -E2BIG;
	}
	return -EIO;
}

/* SQLite's text for a file that cannot be opened, read or written does not say why: the system's does. */
int mn_sql_fail(struct mn_store *s, int rc, const char *doing)
{
	int why = s->db && ((rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_IOERR) ?
			  sqlite3_system_errno(s->db) :
			  0;

	return mn_store_fail(s, mn_sql_errno(rc), "%s: %s%s%s", doing,
			     s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc), why ? ": " : "",
			     why ? strerror(why) : "");
}

/* After an I/O error or a full disk SQLite may have rolled back by itself. What follows must not be committed one by one, as if
 * the caller's transaction still stood. */
static bool transaction_lost(const struct mn_store *s)
{
	return s->in_transaction && sqlite3_get_autocommit(s->db);
}

int mn_sql_get(struct mn_store *s, enum mn_sql which, sqlite3_stmt **out)
{
	sqlite3_stmt **st = &s->stmts[which];
	int rc;

	if (transaction_lost(s) && which != MN_SQL_ROLLBACK)
		return mn_store_fail(s, -EIO, "the transaction was undone by an earlier error");
	if (!*st) {
		rc = sqlite3_prepare_v3(s->db, mn_sql_statement(which), -1,
					SQLITE_PREPARE_PERSISTENT, st, NULL);
		if (rc != SQLITE_OK)
			return mn_sql_fail(s, rc, "preparing a statement");
	}
	if (sqlite3_stmt_busy(*st))
		return mn_store_fail(s, -EBUSY, "called from within its own callback");
	*out = *st;
	return 0;
}

void mn_sql_done(sqlite3_stmt **st)
{
	if (!*st)
		return;
	sqlite3_reset(*st);
	sqlite3_clear_bindings(*st);
}

int mn_sql_bind_all(struct mn_store *s, sqlite3_stmt *st, const struct mn_sql_value *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int at = (int)i + 1;
		int rc;

		if (v[i].type == SQLITE_TEXT)
			rc = sqlite3_bind_text64(st, at, v[i].data, v[i].len, SQLITE_STATIC,
						 SQLITE_UTF8);
		else if (v[i].type == SQLITE_BLOB)
			rc = sqlite3_bind_blob64(st, at, v[i].data, v[i].len, SQLITE_STATIC);
		else
			rc = sqlite3_bind_int64(st, at, v[i].number);
		if (rc != SQLITE_OK)
			return mn_sql_fail(s, rc, "binding a value");
	}
	return 0;
}

int mn_sql_step(struct mn_store *s, sqlite3_stmt *st, const char *doing)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return mn_sql_fail(s, rc, doing);
}

int mn_sql_run(struct mn_store *s, enum mn_sql which, const char *doing)
{
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, which, &st);

	return err ? err : mn_sql_step(s, st, doing);
}

int mn_sql_atomic_begin(struct mn_store *s)
{
	if (s->in_transaction)
		return mn_sql_run(s, MN_SQL_SAVEPOINT, "opening a savepoint");
	return mn_sql_run(s, MN_SQL_BEGIN, "beginning a transaction");
}

int mn_sql_atomic_end(struct mn_store *s, int err)
{
	char text[sizeof(s->error)];

	if (!err) {
		err = mn_sql_run(s, s->in_transaction ? MN_SQL_RELEASE : MN_SQL_COMMIT,
				 "committing");
		if (!err)
			return 0;
	}
	memcpy(text, s->error, sizeof(text)); /* the undoing must not hide the reason */
	if (s->in_transaction) {
		if (!mn_sql_run(s, MN_SQL_ROLLBACK_TO, "undoing"))
			mn_sql_run(s, MN_SQL_RELEASE, "undoing");
	} else if (!sqlite3_get_autocommit(s->db)) {
		mn_sql_run(s, MN_SQL_ROLLBACK, "undoing");
	}
	memcpy(s->error, text, sizeof(text));
	return err;
}

static int bad_column(struct mn_store *s, sqlite3_stmt *st, int col, const char *why)
{
	return mn_store_fail(s, -EBADMSG, "the file is damaged: %s %s",
			     sqlite3_column_name(st, col), why);
}

bool mn_sql_form_ok(const char *text, size_t len, size_t size, enum mn_sql_form form)
{
	char normal[MN_ENTITY_MAX + 1];
	size_t normal_len;

	if (len >= size || memchr(text, '\0', len))
		return false;
	switch (form) {
	case MN_SQL_KPSA:
		return !mn_kpsa_id_check(text, len);
	case MN_SQL_LINE:
		return !mn_text_check(text, len);
	case MN_SQL_ENTITY:
		break;
	}
	return !mn_entity_normalise(text, len, normal, &normal_len) && normal_len == len &&
	       !memcmp(normal, text, len);
}

int mn_sql_string(struct mn_store *s, sqlite3_stmt *st, int col, size_t max, const char **out)
{
	const char *text;

	if (sqlite3_column_type(st, col) != SQLITE_TEXT)
		return bad_column(s, st, col, "is not text");
	text = (const char *)sqlite3_column_text(st, col);
	if (!text)
		return mn_store_fail(s, -ENOMEM, "no memory");
	if ((size_t)sqlite3_column_bytes(st, col) > max)
		return bad_column(s, st, col, "is too long");
	if (strlen(text) != (size_t)sqlite3_column_bytes(st, col))
		return bad_column(s, st, col, "has a NUL");
	*out = text;
	return 0;
}

int mn_sql_text(struct mn_store *s, sqlite3_stmt *st, int col, enum mn_sql_form form, char *out,
		size_t size)
{
	const char *text;
	size_t len;
	int err = mn_sql_string(s, st, col, size - 1, &text);

	if (err)
		return err;
	len = strlen(text);
	if (!mn_sql_form_ok(text, len, size, form))
		return bad_column(s, st, col, "does not have its form");
	memcpy(out, text, len + 1);
	return 0;
}

int mn_sql_blob(struct mn_store *s, sqlite3_stmt *st, int col, void *out, size_t len)
{
	const void *data;

	if (sqlite3_column_type(st, col) != SQLITE_BLOB)
		return bad_column(s, st, col, "is not a blob");
	data = sqlite3_column_blob(st, col);
	if ((size_t)sqlite3_column_bytes(st, col) != len || (len && !data))
		return bad_column(s, st, col, "has a wrong length");
	if (len)
		memcpy(out, data, len);
	return 0;
}

int mn_sql_key(struct mn_store *s, sqlite3_stmt *st, int col, struct mn_key *out)
{
	int len = sqlite3_column_bytes(st, col);
	int err;

	/* A short key can only be there because mn_store_allow_short_keys was used when it was added. */
	if (len < 1 || len > MN_KEY_MAX)
		return bad_column(s, st, col, "has a wrong length");
	err = mn_sql_blob(s, st, col, out->bytes, (size_t)len);
	out->len = err ? 0 : (uint8_t)len;
	return err;
}

int mn_sql_int(struct mn_store *s, sqlite3_stmt *st, int col, int64_t min, int64_t max,
	       int64_t *out)
{
	int64_t n;

	if (sqlite3_column_type(st, col) != SQLITE_INTEGER)
		return bad_column(s, st, col, "is not a number");
	n = sqlite3_column_int64(st, col);
	if (n < min || n > max)
		return bad_column(s, st, col, "is out of range");
	*out = n;
	return 0;
}

int mn_store_need_in(struct mn_store *s, const char *what)
{
	if (s->role == MN_STORE_IN)
		return 0;
	return mn_store_fail(s, -EPERM, "this is a gateway's store: it holds no %s", what);
}

int mn_store_check_text(struct mn_store *s, const char *text, size_t size, enum mn_sql_form form,
			const char *what)
{
	size_t len = strnlen(text, size);

	if (mn_sql_form_ok(text, len, size, form))
		return 0;
	if (len == 0)
		return mn_store_fail(s, -EINVAL, "%s is missing", what);
	if (len >= size)
		return mn_store_fail(s, -EINVAL, "%s is longer than %zu bytes", what, size - 1);
	if (form == MN_SQL_KPSA)
		return mn_store_fail(s, -EINVAL, "%s: %s", what,
				     mn_identity_strerror(mn_kpsa_id_check(text, len)));
	return mn_store_fail(s, -EINVAL, "%s is not a normalised (NFKC) name", what);
}

int mn_store_check_key(struct mn_store *s, const struct mn_key *key)
{
	if (key->len > MN_KEY_MAX)
		return mn_store_fail(s, -EINVAL, "the key is longer than %d bytes", MN_KEY_MAX);
	if (key->len == 0)
		return mn_store_fail(s, -EINVAL, "the key is missing");
	if (key->len < MN_KEY_MIN && !s->allow_short_keys)
		return mn_store_fail(s, -EINVAL, "the key is shorter than %d bytes", MN_KEY_MIN);
	return 0;
}
