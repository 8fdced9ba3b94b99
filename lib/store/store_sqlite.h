/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the store share: the handle, the cached statements and checked reading of columns. The file is
 * treated as hostile: a column is used only after its type, length and form were checked. */
#ifndef MN_STORE_STORE_SQLITE_H
#define MN_STORE_STORE_SQLITE_H

#include <sqlite3.h>
#include <string.h>

#include "store/remember.h"
#include "store/store.h"

#define MN_SQL_APPLICATION_ID 0x6d6e6373 /* "mncs" */
#define MN_SQL_VERSION 2
#define MN_SQL_ROW_MAX (4 << 20) /* no row of ours comes near */

#define MN_SQL_PLAIN_BYTES 24

enum mn_sql {
	MN_SQL_BEGIN,
	MN_SQL_COMMIT,
	MN_SQL_ROLLBACK,
	MN_SQL_SAVEPOINT,
	MN_SQL_RELEASE,
	MN_SQL_ROLLBACK_TO,
	MN_SQL_META_PUT,
	MN_SQL_META_GET,
	MN_SQL_DEVICE_ADD,
	MN_SQL_DEVICE_CLASH,
	MN_SQL_DEVICE_DEL,
	MN_SQL_DEVICE_GET,
	MN_SQL_DEVICE_NUMBER,
	MN_SQL_DEVICE_EACH,
	MN_SQL_DEVICE_COUNT,
	MN_SQL_DEVICE_AUTHENTICATED,
	MN_SQL_DEVICE_PROVEN,
	MN_SQL_PEER_ADD,
	MN_SQL_PEER_CLASH,
	MN_SQL_PEER_DEL,
	MN_SQL_PEER_EACH,
	MN_SQL_GENERATION_LAST,
	MN_SQL_GENERATION_PUT,
	MN_SQL_GENERATION_TRIM,
	MN_SQL_GENERATION_ACKED,
	MN_SQL_GENERATION_EACH,
	MN_SQL_CONTEXT_PUT,
	MN_SQL_CONTEXT_EACH,
	MN_SQL_CONTEXT_START,
	MN_SQL_CONTEXT_DEL,
	MN_SQL_ANSWER_PUT,
	MN_SQL_ANSWER_DEL,
	MN_SQL_ANSWER_EACH,
	MN_SQL_RESOURCE_PUT,
	MN_SQL_RESOURCE_PLAIN,
	MN_SQL_RESOURCE_TAKEN,
	MN_SQL_RESOURCE_SET,
	MN_SQL_RESOURCE_SET_PLAIN,
	MN_SQL_RESOURCE_DEL,
	MN_SQL_RESOURCE_DEL_PLAIN,
	MN_SQL_RESOURCE_LAST,
	MN_SQL_RESOURCE_BY_SERIAL,
	MN_SQL_RESOURCE_BY_PATH,
	MN_SQL_RESOURCE_BY_RI,
	MN_SQL_RESOURCE_OLDEST,
	MN_SQL_RESOURCE_NEWEST,
	MN_SQL_RESOURCE_CHILDREN,
	MN_SQL_MAX,
};

struct mn_store {
	sqlite3 *db;
	sqlite3_stmt *stmts[MN_SQL_MAX]; /* prepared at first use */
	int lock_fd;                     /* -1 without the daemon's lock */
	enum mn_store_role role;
	bool allow_short_keys;
	bool in_transaction; /* between begin and commit or rollback of the caller */
	struct mn_remembered answers;
	/* Of a resource that has no columns for them, while it is given. */
	char path[1024 + MN_SQL_PLAIN_BYTES];
	char ri[MN_SQL_PLAIN_BYTES];
	char own_id[MN_GATEWAY_ID_MAX + 1];
	char error[256];
};

/* ---- errors ---- */

/* Sets the text of mn_store_error and returns err. */
int mn_store_fail(struct mn_store *s, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for a result of SQLite: -errno that fits. */
int mn_sql_fail(struct mn_store *s, int rc, const char *doing);
int mn_sql_errno(int rc);

/* ---- schema ---- */

int mn_sql_schema_create(struct mn_store *s);
/* -EPROTO unless the file holds exactly our tables and indices, word for word: no trigger, view or other text
 * of a stranger is ever run. */
int mn_sql_schema_check(struct mn_store *s);

/* ---- statements ---- */

const char *mn_sql_statement(enum mn_sql which);

/* The cached statement, ready to bind. -EBUSY while it is in use (a callback called the function that called it); -EIO after
 * SQLite has rolled the caller's transaction back. */
int mn_sql_get(struct mn_store *s, enum mn_sql which, sqlite3_stmt **out);
/* Resets, and forgets what was bound (pointers of the caller, keys). */
void mn_sql_done(sqlite3_stmt **st);
#define MN_SQL_STMT __attribute__((cleanup(mn_sql_done))) sqlite3_stmt *

struct mn_sql_value {
	int type; /* SQLITE_TEXT, ... */
	const void *data;
	size_t len;
	int64_t number;
};
#define MN_SQL_T(s) ((struct mn_sql_value){ .type = SQLITE_TEXT, .data = (s), .len = strlen(s) })
#define MN_SQL_B(p, n) ((struct mn_sql_value){ .type = SQLITE_BLOB, .data = (p), .len = (n) })
#define MN_SQL_I(n) ((struct mn_sql_value){ .type = SQLITE_INTEGER, .number = (n) })
/* Parameters ?1, ?2, ... in order. A blob without data is bound as NULL. What they point to must stay until mn_sql_done. */
int mn_sql_bind_all(struct mn_store *s, sqlite3_stmt *st, const struct mn_sql_value *v, size_t n);
#define mn_sql_bind(s, st, ...)                                                  \
	mn_sql_bind_all((s), (st), (const struct mn_sql_value[]){ __VA_ARGS__ }, \
			sizeof((const struct mn_sql_value[]){ __VA_ARGS__ }) /   \
				sizeof(struct mn_sql_value))

/* 1 = a row, 0 = no more, -errno. */
int mn_sql_step(struct mn_store *s, sqlite3_stmt *st, const char *doing);
/* Gets and runs a statement without parameters and rows. */
int mn_sql_run(struct mn_store *s, enum mn_sql which, const char *doing);

/* Several statements as one: a transaction of its own, or a savepoint in the caller's. end gets the outcome so far and returns
 * the final one: everything of this step or nothing is in the file. */
int mn_sql_atomic_begin(struct mn_store *s);
int mn_sql_atomic_end(struct mn_store *s, int err);

/* ---- columns; -EBADMSG with a text that names the column ---- */

enum mn_sql_form {
	MN_SQL_ENTITY, /* normalised, 1..size-1 bytes */
	MN_SQL_KPSA,   /* mn_kpsa_id_check */
	MN_SQL_LINE,   /* UTF-8 without control characters, 0..size-1 bytes */
};
bool mn_sql_form_ok(const char *text, size_t len, size_t size, enum mn_sql_form form);
int mn_sql_text(struct mn_store *s, sqlite3_stmt *st, int col, enum mn_sql_form form, char *out,
		size_t size);
int mn_sql_blob(struct mn_store *s, sqlite3_stmt *st, int col, void *out, size_t len);
int mn_sql_key(struct mn_store *s, sqlite3_stmt *st, int col, struct mn_key *out);
int mn_sql_int(struct mn_store *s, sqlite3_stmt *st, int col, int64_t min, int64_t max,
	       int64_t *out);
/* A terminated text of at most max bytes in SQLite's memory, valid until the next step. */
int mn_sql_string(struct mn_store *s, sqlite3_stmt *st, int col, size_t max, const char **out);

/* Ends the caller's own mn_store_begin: commits, or undoes it and returns err with its text. */
int mn_store_end(struct mn_store *s, int err);

/* ---- remembered answers (answer.c) ---- */

/* Before COMMIT: what the transaction has added becomes a row. */
int mn_store_answers_flush(struct mn_store *s);
/* The number of a device's row, from memory but for the first time. -ENOENT. */
int mn_store_device_number(struct mn_store *s, const char *device_id, int64_t *n);
/* Keeps a number that was read. Without memory it is read again. */
void mn_store_device_known(struct mn_store *s, const char *device_id, int64_t n);
/* With the device's row: its answers are overwritten and forgotten. Inside a transaction. */
int mn_store_answers_forget(struct mn_store *s, const char *device_id);

/* ---- rules that several nouns share ---- */

/* -EPERM with a text when the store is a gateway's. */
int mn_store_need_in(struct mn_store *s, const char *what);
/* Form of an argument; -EINVAL with "WHAT ...". */
int mn_store_check_text(struct mn_store *s, const char *text, size_t size, enum mn_sql_form form,
			const char *what);
int mn_store_check_key(struct mn_store *s, const struct mn_key *key);

#endif
