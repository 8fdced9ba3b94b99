// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/store_sqlite.h"

#include <errno.h>

#include "core/crypto.h"

/* The IN accepts the one before the current for a while (docs/protocol.md "IN"); a gateway only hands on the last. */
static int kept(const struct mn_store *s)
{
	return s->role == MN_STORE_IN ? 2 : 1;
}

static int check_generation(struct mn_store *s, const struct mn_generation *g)
{
	int err = mn_store_check_text(s, g->group, sizeof(g->group), MN_SQL_ENTITY, "the group");

	if (err)
		return err;
	if (s->role == MN_STORE_IN)
		return mn_store_check_text(s, g->gateway_id, sizeof(g->gateway_id), MN_SQL_ENTITY,
					   "the gateway's ID");
	return g->gateway_id[0] ? mn_store_need_in(s, "gateway of a group") : 0;
}

/* -ESTALE when g is below the last one, or is the last one with another Rand. */
static int check_last(struct mn_store *s, const struct mn_generation *g)
{
	MN_SQL_STMT st = NULL;
	uint8_t rand[MN_RAND_LEN];
	int64_t last;
	int err = mn_sql_get(s, MN_SQL_GENERATION_LAST, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(g->gateway_id), MN_SQL_T(g->group));
	if (!err)
		err = mn_sql_step(s, st, "reading the last generation");
	if (err <= 0)
		return err;
	err = mn_sql_int(s, st, 0, 0, UINT32_MAX, &last);
	if (!err)
		err = mn_sql_blob(s, st, 1, rand, sizeof(rand));
	if (err)
		return err;
	if (g->generation < last)
		return mn_store_fail(s, -ESTALE, "generation %lu is below the last one, %lu",
				     (unsigned long)g->generation, (unsigned long)last);
	if (g->generation == last && memcmp(rand, g->rand, sizeof(rand)))
		return mn_store_fail(s, -ESTALE, "generation %lu has another Rand",
				     (unsigned long)last);
	return 0;
}

static int insert(struct mn_store *s, const struct mn_generation *g)
{
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_GENERATION_PUT, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(g->gateway_id), MN_SQL_T(g->group),
				  MN_SQL_I(g->generation), MN_SQL_B(g->rand, sizeof(g->rand)),
				  MN_SQL_I(g->created), MN_SQL_I(g->acked));
	return err ? err : mn_sql_step(s, st, "putting a generation");
}

static int trim(struct mn_store *s, const struct mn_generation *g)
{
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_GENERATION_TRIM, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(g->gateway_id), MN_SQL_T(g->group),
				  MN_SQL_I(kept(s)));
	return err ? err : mn_sql_step(s, st, "removing old generations");
}

int mn_store_generation_put(struct mn_store *s, const struct mn_generation *g)
{
	int err = check_generation(s, g);

	if (err)
		return err;
	err = mn_sql_atomic_begin(s);
	if (err)
		return err;
	err = check_last(s, g);
	if (!err)
		err = insert(s, g);
	if (!err)
		err = trim(s, g);
	return mn_sql_atomic_end(s, err);
}

int mn_store_generation_acked(struct mn_store *s, const char *gateway_id, const char *group,
			      uint32_t generation, int64_t when)
{
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_GENERATION_ACKED, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(gateway_id), MN_SQL_T(group),
				  MN_SQL_I(generation), MN_SQL_I(when));
	if (!err)
		err = mn_sql_step(s, st, "noting an acknowledgement");
	if (!err && sqlite3_changes(s->db) == 0)
		err = mn_store_fail(s, -ENOENT, "the store has no such generation");
	return err;
}

static int read_generation(struct mn_store *s, sqlite3_stmt *st, struct mn_generation *g)
{
	int64_t generation;
	int err = mn_sql_text(s, st, 0, s->role == MN_STORE_IN ? MN_SQL_ENTITY : MN_SQL_LINE,
			      g->gateway_id, sizeof(g->gateway_id));

	if (!err)
		err = mn_sql_text(s, st, 1, MN_SQL_ENTITY, g->group, sizeof(g->group));
	if (!err)
		err = mn_sql_int(s, st, 2, 0, UINT32_MAX, &generation);
	if (!err)
		err = mn_sql_blob(s, st, 3, g->rand, sizeof(g->rand));
	if (!err)
		err = mn_sql_int(s, st, 4, INT64_MIN, INT64_MAX, &g->created);
	if (!err)
		err = mn_sql_int(s, st, 5, INT64_MIN, INT64_MAX, &g->acked);
	if (!err)
		g->generation = (uint32_t)generation;
	return err;
}

int mn_store_generation_each(struct mn_store *s,
			     int (*fn)(void *arg, const struct mn_generation *g), void *arg)
{
	struct mn_generation g = { 0 };
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_GENERATION_EACH, &st);

	if (err)
		return err;
	while ((err = mn_sql_step(s, st, "reading the generations")) > 0) {
		err = read_generation(s, st, &g);
		if (!err)
			err = fn(arg, &g);
		if (err)
			break;
	}
	return err;
}
