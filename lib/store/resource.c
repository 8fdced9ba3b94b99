// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/store_sqlite.h"

#include <errno.h>

#define PATH_BYTES 1024
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

int mn_store_resource_put(struct mn_store *s, const struct mn_resource_record *r)
{
	MN_SQL_STMT st = NULL;
	int err = mn_store_need_in(s, "resources");

	if (!err)
		err = check_resource(s, r);
	if (!err)
		err = mn_sql_get(s, MN_SQL_RESOURCE_PUT, &st);
	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(r->path), MN_SQL_T(r->parent), MN_SQL_T(r->ri),
				  MN_SQL_I(r->ty), MN_SQL_T(r->json));
	return err ? err : mn_sql_step(s, st, "creating a resource");
}

int mn_store_resource_set(struct mn_store *s, const char *path, const char *json)
{
	MN_SQL_STMT st = NULL;
	int err = mn_store_need_in(s, "resources");

	if (!err && strlen(json) > JSON_MAX)
		err = mn_store_fail(s, -EINVAL, "a resource has at most %d bytes", JSON_MAX);
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
	int err = mn_store_need_in(s, "resources");

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
	int err = mn_sql_string(s, st, 0, PATH_BYTES - 1, &r->path);

	if (!err)
		err = mn_sql_string(s, st, 1, PATH_BYTES - 1, &r->parent);
	if (!err)
		err = mn_sql_string(s, st, 2, RI_BYTES - 1, &r->ri);
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
	int err = get_by(s, MN_SQL_RESOURCE_BY_PATH, path, call_once, &once);

	if (err != -ENOENT || once.called)
		return err;
	return get_by(s, MN_SQL_RESOURCE_BY_RI, path, fn, arg);
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
