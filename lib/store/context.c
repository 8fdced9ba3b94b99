// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/store_sqlite.h"

#include <errno.h>

int mn_store_context_put(struct mn_store *s, const struct mn_context_record *c)
{
	MN_SQL_STMT st = NULL;
	int64_t n = 0;
	int err = mn_store_need_in(s, "contexts");

	if (!err)
		err = mn_store_device_number(s, c->device_id, &n);
	if (!err)
		err = mn_sql_get(s, MN_SQL_CONTEXT_PUT, &st);
	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_I(n), MN_SQL_I(c->generation),
				  MN_SQL_B(c->salt, sizeof(c->salt)), MN_SQL_I(c->spent),
				  MN_SQL_I(c->has_window), MN_SQL_I((int64_t)c->window_next),
				  MN_SQL_I((int64_t)c->window_seen), MN_SQL_I(c->used));
	if (!err)
		err = mn_sql_step(s, st, "putting a context");
	if (!err && sqlite3_changes(s->db) == 0)
		err = mn_store_fail(s, -ESTALE, "the context is spent");
	return err;
}

static int read_context(struct mn_store *s, sqlite3_stmt *st, struct mn_context_record *c)
{
	int64_t generation, spent, has_window, next, seen;
	int err = mn_sql_text(s, st, 0, MN_SQL_ENTITY, c->device_id, sizeof(c->device_id));

	if (!err)
		err = mn_sql_int(s, st, 1, 0, UINT32_MAX, &generation);
	if (!err)
		err = mn_sql_blob(s, st, 2, c->salt, sizeof(c->salt));
	if (!err)
		err = mn_sql_int(s, st, 3, 0, 1, &spent);
	if (!err)
		err = mn_sql_int(s, st, 4, 0, 1, &has_window);
	if (!err)
		err = mn_sql_int(s, st, 5, INT64_MIN, INT64_MAX, &next);
	if (!err)
		err = mn_sql_int(s, st, 6, INT64_MIN, INT64_MAX, &seen);
	if (!err)
		err = mn_sql_int(s, st, 7, INT64_MIN, INT64_MAX, &c->used);
	if (err)
		return err;
	c->generation = (uint32_t)generation;
	c->spent = spent;
	c->has_window = has_window;
	c->window_next = (uint64_t)next;
	c->window_seen = (uint64_t)seen;
	return 0;
}

int mn_store_context_each(struct mn_store *s,
			  int (*fn)(void *arg, const struct mn_context_record *c), void *arg)
{
	struct mn_context_record c = { 0 };
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_CONTEXT_EACH, &st);

	if (err)
		return err;
	while ((err = mn_sql_step(s, st, "reading the contexts")) > 0) {
		err = read_context(s, st, &c);
		if (!err)
			err = fn(arg, &c);
		if (err)
			break;
	}
	return err;
}

int mn_store_context_start(struct mn_store *s)
{
	int err = mn_store_need_in(s, "contexts");

	return err ? err : mn_sql_run(s, MN_SQL_CONTEXT_START, "spending the contexts");
}

static int run_older(struct mn_store *s, enum mn_sql which, const char *device_id,
		     uint32_t older_than)
{
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, which, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(device_id), MN_SQL_I(older_than));
	return err ? err : mn_sql_step(s, st, "removing contexts");
}

int mn_store_context_del_generation(struct mn_store *s, const char *device_id, uint32_t older_than)
{
	int err = mn_store_need_in(s, "contexts");

	if (!err)
		err = mn_sql_atomic_begin(s);
	if (err)
		return err;
	err = run_older(s, MN_SQL_DEVICE_PROVEN, device_id, older_than);
	if (!err)
		err = run_older(s, MN_SQL_CONTEXT_DEL, device_id, older_than);
	return mn_sql_atomic_end(s, err);
}
