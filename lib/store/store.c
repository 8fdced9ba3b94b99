// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/crypto.h"

#define BUSY_MS 5000
#define WAL_KEEP 67108864 /* a larger -wal file is cut after a checkpoint */
#define BULK_CACHE_KB 262144
#define TEXT(x) TEXT_OF(x)
#define TEXT_OF(x) #x

static const char *const role_names[] = { [MN_STORE_GATEWAY] = "gateway", [MN_STORE_IN] = "in" };

static int text_fail(char err[256], int code, const char *path, const char *why)
{
	if (snprintf(err, 256, "%s: %s", path, why) >= 256)
		memcpy(err + 252, "...", 4);
	return code;
}

/* ---- files ---- */

/* Not by a descriptor: closing any descriptor of the file would drop the locks of another handle of this process. */
static int check_file(const char *path, struct stat *st, char err[256])
{
	if (stat(path, st))
		return text_fail(err, -errno, path, strerror(errno));
	if (!S_ISREG(st->st_mode))
		return text_fail(err, -EPROTO, path, "not a file");
	if (st->st_mode & 077) {
		snprintf(err, 256, "%s holds keys and others may read it (mode %03o): chmod 600 %s",
			 path, (unsigned int)(st->st_mode & 0777), path);
		return -EACCES;
	}
	return 0;
}

/* The daemon's lock is a file of its own, beside the store: SQLite's locks come and go with each transaction. It stays when
 * the store is closed, since a name that is unlinked could be locked twice. */
int mn_store_lock(const char *path, int *fd_out, char err[256])
{
	char real[PATH_MAX];
	char name[PATH_MAX + sizeof(".lock")];
	struct stat st;
	int fd;

	if (!realpath(path, real))
		return text_fail(err, -errno, path, strerror(errno));
	snprintf(name, sizeof(name), "%s.lock", real);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return text_fail(err, -errno, name, strerror(errno));
	/* Made by root for a daemon's file, it must be the daemon's too. */
	if (geteuid() == 0 && !stat(real, &st) && fchown(fd, st.st_uid, st.st_gid)) {
		int code = -errno;

		close(fd);
		return text_fail(err, code, name, strerror(-code));
	}
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		int code = errno == EWOULDBLOCK ? -EBUSY : -errno;

		close(fd);
		return text_fail(err, code, path,
				 code == -EBUSY ? "in use by another process" : strerror(-code));
	}
	*fd_out = fd;
	return 0;
}

/* ---- opening ---- */

static int pragmas(struct mn_store *s)
{
	static const char text[] = "PRAGMA trusted_schema = OFF;"
				   "PRAGMA cell_size_check = ON;"
				   "PRAGMA foreign_keys = ON;"
				   "PRAGMA secure_delete = ON;"
				   "PRAGMA synchronous = FULL;"
				   "PRAGMA temp_store = MEMORY;"
				   "PRAGMA journal_size_limit = " TEXT(WAL_KEEP) ";";
	int rc;

	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, MN_SQL_ROW_MAX);
	sqlite3_limit(s->db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	rc = sqlite3_exec(s->db, text, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : mn_sql_fail(s, rc, "opening");
}

static int pragma_int(struct mn_store *s, const char *sql, int64_t *out)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);

	if (rc == SQLITE_OK) {
		rc = sqlite3_step(st);
		*out = sqlite3_column_int64(st, 0);
		sqlite3_finalize(st);
	}
	return rc == SQLITE_ROW ? 0 : mn_sql_fail(s, rc, "reading the header");
}

/* The first row of a PRAGMA is the word that is wanted. */
static int pragma_is(struct mn_store *s, const char *sql, const char *want, int code)
{
	sqlite3_stmt *st;
	const char *got;
	int err = 0;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);

	if (rc != SQLITE_OK)
		return mn_sql_fail(s, rc, "checking the file");
	rc = sqlite3_step(st);
	got = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
	if (rc != SQLITE_ROW)
		err = mn_sql_fail(s, rc, "checking the file");
	else if (!got || strcmp(got, want))
		err = mn_store_fail(s, code, "checking the file: %s", got ? got : "no answer");
	sqlite3_finalize(st);
	return err;
}

static int read_meta(struct mn_store *s)
{
	MN_SQL_STMT st = NULL;
	char role[16];
	int err = mn_sql_get(s, MN_SQL_META_GET, &st);

	if (err)
		return err;
	err = mn_sql_step(s, st, "reading the role");
	if (err <= 0)
		return err ? err : mn_store_fail(s, -EPROTO, "a store without a role");
	err = mn_sql_text(s, st, 0, MN_SQL_LINE, role, sizeof(role));
	if (!err)
		err = mn_sql_text(s, st, 1, MN_SQL_ENTITY, s->own_id, sizeof(s->own_id));
	if (err)
		return err;
	if (!strcmp(role, role_names[MN_STORE_GATEWAY]))
		s->role = MN_STORE_GATEWAY;
	else if (!strcmp(role, role_names[MN_STORE_IN]))
		s->role = MN_STORE_IN;
	else
		return mn_store_fail(s, -EPROTO, "a store of an unknown role");
	return 0;
}

static int read_header(struct mn_store *s)
{
	int64_t id, version;
	int err = pragma_int(s, "PRAGMA application_id", &id);

	if (!err)
		err = pragma_int(s, "PRAGMA user_version", &version);
	if (err)
		return err;
	if (id != MN_SQL_APPLICATION_ID)
		return mn_store_fail(s, -EPROTO, "not a store of mncse");
	if (version != MN_SQL_VERSION)
		return mn_store_fail(s, -EPROTO, "a store of version %lld, expected %d",
				     (long long)version, MN_SQL_VERSION);
	err = mn_sql_schema_check(s);
	return err ? err : read_meta(s);
}

static struct mn_store *store_new(void)
{
	struct mn_store *s = calloc(1, sizeof(*s));

	if (s)
		s->lock_fd = -1;
	return s;
}

static void store_free(struct mn_store **s)
{
	mn_store_close(*s);
}

/* Before SQLite's first use in this process; later it is refused, and nothing is lost. Counting memory takes a lock at every
 * allocation. */
static void configure(void)
{
	static bool done;

	if (!done)
		sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	done = true;
}

static int open_database(struct mn_store *s, const char *path, int flags)
{
	int rc;

	configure();
	rc = sqlite3_open_v2(path, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL);

	return rc == SQLITE_OK ? pragmas(s) : mn_sql_fail(s, rc, "opening");
}

/* role NULL: any. */
static int open_any(const char *path, const enum mn_store_role *role, bool exclusive,
		    struct mn_store **out, char err[256])
{
	__attribute__((cleanup(store_free))) struct mn_store *s = store_new();
	char real[PATH_MAX];
	struct stat st;
	int code;

	if (!s)
		return text_fail(err, -ENOMEM, path, "no memory");
	code = check_file(path, &st, err);
	if (!code && !realpath(path, real))
		code = text_fail(err, -errno, path, strerror(errno));
	if (!code && exclusive)
		code = mn_store_lock(path, &s->lock_fd, err);
	if (code)
		return code;
	code = open_database(s, real, SQLITE_OPEN_READWRITE);
	if (!code)
		code = read_header(s);
	if (!code && role && *role != s->role)
		code = mn_store_fail(s, -EPROTO, "this is the store of %s",
				     s->role == MN_STORE_IN ? "an IN" : "a gateway");
	if (!code)
		code = pragma_is(s, "PRAGMA journal_mode = WAL", "wal", -EIO);
	/* A daemon lives with the file for months: it starts only on a whole one. */
	if (!code && exclusive)
		code = pragma_is(s, "PRAGMA quick_check(1)", "ok", -EBADMSG);
	if (code)
		return text_fail(err, code, path, s->error);
	*out = s;
	s = NULL;
	return 0;
}

int mn_store_open(const char *path, enum mn_store_role role, bool exclusive, struct mn_store **out,
		  char err[256])
{
	return open_any(path, &role, exclusive, out, err);
}

int mn_store_probe(const char *path, enum mn_store_role *role, char err[256])
{
	struct mn_store *s;
	int code = open_any(path, NULL, false, &s, err);

	if (code)
		return code;
	*role = s->role;
	mn_store_close(s);
	return 0;
}

void mn_store_close(struct mn_store *s)
{
	if (!s)
		return;
	if (s->answers.loaded)
		mn_remember_fini(&s->answers);
	for (int i = 0; i < MN_SQL_MAX; i++)
		sqlite3_finalize(s->stmts[i]);
	sqlite3_close(s->db);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	mn_zero(s, sizeof(*s));
	free(s);
}

/* ---- creating ---- */

static int fill_new(struct mn_store *s, enum mn_store_role role, const char *own_id)
{
	static const char header[] = "PRAGMA application_id = " TEXT(
		MN_SQL_APPLICATION_ID) ";"
				       "PRAGMA user_version = " TEXT(MN_SQL_VERSION) ";";
	MN_SQL_STMT st = NULL;
	int err = pragma_is(s, "PRAGMA journal_mode = WAL", "wal", -EIO);
	int rc;

	if (!err)
		err = mn_sql_run(s, MN_SQL_BEGIN, "creating");
	if (err)
		return err;
	rc = sqlite3_exec(s->db, header, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return mn_sql_fail(s, rc, "creating");
	err = mn_sql_schema_create(s);
	if (!err)
		err = mn_sql_get(s, MN_SQL_META_PUT, &st);
	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(role_names[role]), MN_SQL_T(own_id));
	if (!err)
		err = mn_sql_step(s, st, "creating");
	return err ? err : mn_sql_run(s, MN_SQL_COMMIT, "creating");
}

static int create_file(const char *path, enum mn_store_role role, const char *own_id)
{
	__attribute__((cleanup(store_free))) struct mn_store *s = store_new();
	int fd, err;

	if (!s)
		return -ENOMEM;
	/* The mode is right from the first moment; SQLite gives -wal and -shm that of the file. */
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	err = open_database(s, path, SQLITE_OPEN_READWRITE);
	return err ? err : fill_new(s, role, own_id);
}

static void remove_with(const char *path, const char *suffix)
{
	char name[PATH_MAX + 16];

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	unlink(name);
}

static int sync_folder(const char *path)
{
	char folder[PATH_MAX];
	char *slash;
	int fd, err = 0;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (!slash)
		strcpy(folder, ".");
	else
		slash[slash == folder] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fsync(fd))
		err = -errno;
	close(fd);
	return err;
}

/* Puts the new file in place of the old one, which no daemon may have open. The old write-ahead log goes first: it must
 * never meet the new file. */
static int replace(const char *new, const char *path)
{
	char text[256];
	int fd = -1;
	int err = 0;

	if (!access(path, F_OK))
		err = mn_store_lock(path, &fd, text);
	if (err)
		return err;
	remove_with(path, "-wal");
	remove_with(path, "-shm");
	if (rename(new, path))
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

int mn_store_create(const char *path, enum mn_store_role role, const char *own_id, bool force)
{
	char new[PATH_MAX];
	int err;

	if (!mn_sql_form_ok(own_id, strnlen(own_id, MN_GATEWAY_ID_MAX + 1), MN_GATEWAY_ID_MAX + 1,
			    MN_SQL_ENTITY))
		return -EINVAL;
	if (snprintf(new, sizeof(new), "%s.new.%ld", path, (long)getpid()) >= (int)sizeof(new))
		return -ENAMETOOLONG;
	if (!force && !access(path, F_OK))
		return -EEXIST;
	err = create_file(new, role, own_id);
	if (!err && force)
		err = replace(new, path);
	else if (!err && renameat2(AT_FDCWD, new, AT_FDCWD, path, RENAME_NOREPLACE))
		err = -errno;
	if (!err)
		return sync_folder(path);
	if (err != -EEXIST || access(new, F_OK) == 0)
		unlink(new);
	return err;
}

/* ---- transactions ---- */

int mn_store_begin(struct mn_store *s)
{
	int err;

	if (s->in_transaction)
		return mn_store_fail(s, -EBUSY, "a transaction is open already");
	err = mn_sql_run(s, MN_SQL_BEGIN, "beginning a transaction");
	s->in_transaction = !err;
	return err;
}

int mn_store_commit(struct mn_store *s)
{
	int err;

	if (!s->in_transaction)
		return mn_store_fail(s, -EINVAL, "no transaction is open");
	err = mn_store_answers_flush(s);
	if (!err)
		err = mn_sql_run(s, MN_SQL_COMMIT, "committing");
	if (!err)
		mn_remember_settle(&s->answers);
	if (err) {
		char text[sizeof(s->error)];

		memcpy(text, s->error, sizeof(text)); /* the undoing must not hide the reason */
		mn_store_rollback(s);
		memcpy(s->error, text, sizeof(text));
	}
	s->in_transaction = false;
	return err;
}

void mn_store_rollback(struct mn_store *s)
{
	if (s->in_transaction && !sqlite3_get_autocommit(s->db))
		mn_sql_run(s, MN_SQL_ROLLBACK, "undoing");
	if (s->in_transaction)
		mn_remember_undo(&s->answers);
	s->in_transaction = false;
}

int mn_store_end(struct mn_store *s, int err)
{
	char text[sizeof(s->error)];

	if (!err)
		return mn_store_commit(s);
	memcpy(text, s->error, sizeof(text));
	mn_store_rollback(s);
	memcpy(s->error, text, sizeof(text));
	return err;
}

/* ---- the handle ---- */

const char *mn_store_error(const struct mn_store *s)
{
	return s->error;
}

enum mn_store_role mn_store_role(const struct mn_store *s)
{
	return s->role;
}

const char *mn_store_own_id(const struct mn_store *s)
{
	return s->own_id;
}

void mn_store_allow_short_keys(struct mn_store *s, bool allow)
{
	s->allow_short_keys = allow;
}

void mn_store_bulk(struct mn_store *s)
{
	sqlite3_exec(s->db, "PRAGMA cache_size = -" TEXT(BULK_CACHE_KB), NULL, NULL, NULL);
}
