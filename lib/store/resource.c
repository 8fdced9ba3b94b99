// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/store_sqlite.h"

#include <errno.h>
#include <stdio.h>

#define PATH_BYTES 1024
#define PLAIN "cin_"
#define PLAIN_TY 4 /* contentInstance, TS-0001 */
#define PLAIN_BYTES MN_SQL_PLAIN_BYTES
#define RI_BYTES 256
#define JSON_MAX (1 << 20)

static int check_resource(struct mn_store *s, const struct mn_resource_record *r)
{
	if (strlen(r->path) >= PATH_BYTES || !r->path[0] || strlen(r->parent) >= PATH_BYTES)
		return mn_store_fail(s, -EINVAL, "a resource's path has 1 to %d bytes",
				     PATH_BYTES - 1);
	if (strlen(r->ri) >= RI_BYTES || !r->ri[0])
		return mn_store_fail(s, -EINVAL, "a resource ID has 1 to %d bytes", RI_BYTES - 1);
	if (strlen(r->json) > JSON_MAX)
		return mn_store_fail(s, -EINVAL, "a resource has at most %d bytes", JSON_MAX);
	return 0;
}

/* ---- contentInstances that are named by their serial ---- */

/* "cin_" and hex digits without leading zeros -> the number, 0 = of another form. */
static int64_t plain_number(const char *name)
{
	int64_t n = 0;
	size_t i = 4;

	if (strncmp(name, PLAIN, 4) || name[4] == '0')
		return 0;
	for (; i < PLAIN_BYTES - 1 && name[i]; i++) {
		const char *digit = strchr("0123456789abcdef", name[i]);

		if (!digit || n >> 59)
			return 0;
		n = n << 4 | (digit - "0123456789abcdef");
	}
	return name[i] ? 0 : n;
}

static void plain_name(int64_t serial, char out[PLAIN_BYTES])
{
	snprintf(out, PLAIN_BYTES, PLAIN "%llx", (unsigned long long)serial);
}

/* The last name of the path, where what it is in ends before '/'. */
static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_plain(const struct mn_resource_record *r)
{
	const char *name = last_name(r->path);
	size_t parent = strlen(r->parent);

	return r->ty == PLAIN_TY && r->serial > 0 && plain_number(r->ri) == r->serial &&
	       !strcmp(name, r->ri) && name == r->path + parent + 1 &&
	       !memcmp(r->path, r->parent, parent);
}

/* Serial of the row that has this path without a column for it; 0 = none. as_ri: a resource ID instead. */
static int find_plain(struct mn_store *s, const char *path, bool as_ri, int64_t *serial)
{
	const char *name = as_ri ? path : last_name(path);
	int64_t n = plain_number(name);
	MN_SQL_STMT st = NULL;
	int err;

	*serial = 0;
	if (!n || (!as_ri && name == path))
		return 0;
	err = mn_sql_get(s, MN_SQL_RESOURCE_BY_SERIAL, &st);
	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_I(n));
	if (!err)
		err = mn_sql_step(s, st, "looking for a resource");
	if (err <= 0)
		return err;
	if (as_ri || ((size_t)sqlite3_column_bytes(st, 1) == (size_t)(name - path - 1) &&
		      !memcmp(sqlite3_column_text(st, 1), path, (size_t)(name - path - 1))))
		*serial = n;
	return 0;
}

/* Whether a name that somebody chose looks like this one. */
static int path_taken(struct mn_store *s, const char *path)
{
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_RESOURCE_TAKEN, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(path));
	return err ? err : mn_sql_step(s, st, "looking for a resource");
}

static int put_plain(struct mn_store *s, const struct mn_resource_record *r)
{
	MN_SQL_STMT st = NULL;
	int err = path_taken(s, r->path);

	if (err)
		return err < 0 ? err : mn_store_fail(s, -EEXIST, "another resource has this path");
	err = mn_sql_get(s, MN_SQL_RESOURCE_PLAIN, &st);
	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_I(r->serial), MN_SQL_T(r->parent), MN_SQL_I(r->ty),
				  MN_SQL_T(r->json));
	return err ? err : mn_sql_step(s, st, "creating a resource");
}

/* ---- all ---- */

static int put_named(struct mn_store *s, const struct mn_resource_record *r)
{
	MN_SQL_STMT st = NULL;
	int64_t path = 0, ri = 0;
	int err = find_plain(s, r->path, false, &path);

	if (!err)
		err = find_plain(s, r->ri, true, &ri);
	if (!err && (path || ri))
		err = mn_store_fail(s, -EEXIST, "another resource has this path or ID");
	if (!err)
		err = mn_sql_get(s, MN_SQL_RESOURCE_PUT, &st);
	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(r->path), MN_SQL_T(r->parent), MN_SQL_T(r->ri),
				  MN_SQL_I(r->ty), MN_SQL_T(r->json), MN_SQL_I(r->serial));
	return err ? err : mn_sql_step(s, st, "creating a resource");
}

int mn_store_resource_put(struct mn_store *s, const struct mn_resource_record *r)
{
	int err = mn_store_need_in(s, "resources");

	if (!err)
		err = check_resource(s, r);
	if (err)
		return err;
	return is_plain(r) ? put_plain(s, r) : put_named(s, r);
}

int mn_store_resource_last(struct mn_store *s, int64_t *serial)
{
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_RESOURCE_LAST, &st);

	if (!err)
		err = mn_sql_step(s, st, "reading a resource");
	return err < 0 ? err : mn_sql_int(s, st, 0, INT64_MIN, INT64_MAX, serial);
}

/* Runs a statement for the row of that serial. */
static int run_plain(struct mn_store *s, enum mn_sql which, int64_t serial, const char *json,
		     const char *doing)
{
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, which, &st);

	if (!err && json)
		err = mn_sql_bind(s, st, MN_SQL_I(serial), MN_SQL_T(json));
	else if (!err)
		err = mn_sql_bind(s, st, MN_SQL_I(serial));
	return err ? err : mn_sql_step(s, st, doing);
}

int mn_store_resource_set(struct mn_store *s, const char *path, const char *json)
{
	MN_SQL_STMT st = NULL;
	int64_t serial = 0;
	int err = mn_store_need_in(s, "resources");

	if (!err && strlen(json) > JSON_MAX)
		err = mn_store_fail(s, -EINVAL, "a resource has at most %d bytes", JSON_MAX);
	if (!err)
		err = find_plain(s, path, false, &serial);
	if (!err && serial)
		return run_plain(s, MN_SQL_RESOURCE_SET_PLAIN, serial, json, "changing a resource");
	if (!err)
		err = mn_sql_get(s, MN_SQL_RESOURCE_SET, &st);
	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(path), MN_SQL_T(json));
	if (!err)
		err = mn_sql_step(s, st, "changing a resource");
	if (!err && sqlite3_changes(s->db) == 0)
		err = mn_store_fail(s, -ENOENT, "no such resource");
	return err;
}

int mn_store_resource_del(struct mn_store *s, const char *path)
{
	MN_SQL_STMT st = NULL;
	int64_t serial = 0;
	int err = mn_store_need_in(s, "resources");

	if (!err)
		err = find_plain(s, path, false, &serial);
	if (!err && serial)
		return run_plain(s, MN_SQL_RESOURCE_DEL_PLAIN, serial, NULL, "removing a resource") ?:
			       1;
	if (!err)
		err = mn_sql_get(s, MN_SQL_RESOURCE_DEL, &st);
	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(path));
	if (!err)
		err = mn_sql_step(s, st, "removing a resource");
	if (err)
		return err;
	err = sqlite3_changes(s->db);
	return err ? err : mn_store_fail(s, -ENOENT, "no such resource");
}

static int read_resource(struct mn_store *s, sqlite3_stmt *st, struct mn_resource_record *r)
{
	int64_t ty;
	bool plain = sqlite3_column_type(st, 0) == SQLITE_NULL;
	int err = mn_sql_string(s, st, 1, PATH_BYTES - 1, &r->parent);

	if (!err && plain) {
		plain_name(sqlite3_column_int64(st, 5), s->ri);
		snprintf(s->path, sizeof(s->path), "%s/%s", r->parent, s->ri);
		r->path = s->path;
		r->ri = s->ri;
	} else if (!err) {
		err = mn_sql_string(s, st, 0, PATH_BYTES - 1, &r->path);
		if (!err)
			err = mn_sql_string(s, st, 2, RI_BYTES - 1, &r->ri);
	}
	if (!err)
		err = mn_sql_int(s, st, 3, 0, UINT32_MAX, &ty);
	if (!err)
		err = mn_sql_string(s, st, 4, JSON_MAX, &r->json);
	if (!err)
		err = mn_sql_int(s, st, 5, INT64_MIN, INT64_MAX, &r->serial);
	if (!err)
		r->ty = (unsigned int)ty;
	return err;
}

/* Steps a bound statement once. */
static int give_one(struct mn_store *s, sqlite3_stmt *st, mn_store_resource_fn *fn, void *arg)
{
	struct mn_resource_record r;
	int err = mn_sql_step(s, st, "reading a resource");

	if (err <= 0)
		return err ? err : mn_store_fail(s, -ENOENT, "no such resource");
	err = read_resource(s, st, &r);
	return err ? err : fn(arg, &r);
}

static int get_by(struct mn_store *s, enum mn_sql which, const char *name, mn_store_resource_fn *fn,
		  void *arg)
{
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, which, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(name));
	return err ? err : give_one(s, st, fn, arg);
}

static int get_plain(struct mn_store *s, int64_t serial, mn_store_resource_fn *fn, void *arg)
{
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_RESOURCE_BY_SERIAL, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_I(serial));
	return err ? err : give_one(s, st, fn, arg);
}

/* Set by an answer of the first look that was the callback's own, which then must not be called again. */
struct once {
	mn_store_resource_fn *fn;
	void *arg;
	bool called;
};

static int call_once(void *arg, const struct mn_resource_record *r)
{
	struct once *o = arg;

	o->called = true;
	return o->fn(o->arg, r);
}

int mn_store_resource_get(struct mn_store *s, const char *path, mn_store_resource_fn *fn, void *arg)
{
	struct once once = { .fn = fn, .arg = arg };
	int64_t serial;
	int err = find_plain(s, path, false, &serial);

	if (!err && serial)
		return get_plain(s, serial, fn, arg);
	if (!err)
		err = get_by(s, MN_SQL_RESOURCE_BY_PATH, path, call_once, &once);
	if (err != -ENOENT || once.called)
		return err;
	err = find_plain(s, path, true, &serial);
	if (!err && serial)
		return get_plain(s, serial, fn, arg);
	return err ? err : get_by(s, MN_SQL_RESOURCE_BY_RI, path, fn, arg);
}

int mn_store_resource_edge(struct mn_store *s, const char *parent, unsigned int ty, bool newest,
			   mn_store_resource_fn *fn, void *arg)
{
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, newest ? MN_SQL_RESOURCE_NEWEST : MN_SQL_RESOURCE_OLDEST, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(parent), MN_SQL_I(ty));
	return err ? err : give_one(s, st, fn, arg);
}

int mn_store_resource_children(struct mn_store *s, const char *parent, mn_store_resource_fn *fn,
			       void *arg)
{
	struct mn_resource_record r;
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_RESOURCE_CHILDREN, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(parent));
	if (err)
		return err;
	while ((err = mn_sql_step(s, st, "reading resources")) > 0) {
		err = read_resource(s, st, &r);
		if (!err)
			err = fn(arg, &r);
		if (err)
			break;
	}
	return err;
}
