// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/store_sqlite.h"

#include <errno.h>

/* Whole tables and indices, word for word as SQLite keeps them in sqlite_schema. Both roles have all tables. Every
 * question of the programs has its index, so that none costs more when there are more devices. */
static const struct {
	const char *name;
	const char *sql;
} schema[] = {
	{ "meta",
	  "CREATE TABLE meta ("
	  "one INTEGER PRIMARY KEY CHECK (one = 1), role TEXT NOT NULL, own_id TEXT NOT NULL"
	  ") STRICT" },
	{ "device",
	  "CREATE TABLE device ("
	  "n INTEGER PRIMARY KEY, id TEXT NOT NULL, kpsa_id TEXT NOT NULL, psk BLOB NOT NULL,"
	  " grp TEXT NOT NULL, gateway_id TEXT NOT NULL, kid BLOB NOT NULL,"
	  " use INTEGER NOT NULL, auth_generation INTEGER NOT NULL DEFAULT 0,"
	  " auth_at INTEGER NOT NULL DEFAULT 0"
	  ") STRICT" },
	{ "device_id", "CREATE UNIQUE INDEX device_id ON device (id)" },
	{ "device_kpsa_id", "CREATE UNIQUE INDEX device_kpsa_id ON device (kpsa_id)" },
	{ "device_psk", "CREATE UNIQUE INDEX device_psk ON device (psk)" },
	{ "device_kid", "CREATE UNIQUE INDEX device_kid ON device (kid)" },
	{ "peer", "CREATE TABLE peer ("
		  "entity_id TEXT PRIMARY KEY NOT NULL, kpsa_id TEXT NOT NULL UNIQUE,"
		  " psk BLOB NOT NULL UNIQUE"
		  ") STRICT" },
	{ "generation", "CREATE TABLE generation ("
			"gateway_id TEXT NOT NULL, grp TEXT NOT NULL, generation INTEGER NOT NULL,"
			" rand BLOB NOT NULL, created INTEGER NOT NULL, acked INTEGER NOT NULL,"
			" PRIMARY KEY (gateway_id, grp, generation)"
			") STRICT, WITHOUT ROWID" },
	{ "context", "CREATE TABLE context ("
		     "device INTEGER NOT NULL REFERENCES device (n) ON DELETE CASCADE,"
		     " generation INTEGER NOT NULL, salt BLOB NOT NULL, spent INTEGER NOT NULL,"
		     " has_window INTEGER NOT NULL, window_next INTEGER NOT NULL,"
		     " window_seen INTEGER NOT NULL, used INTEGER NOT NULL,"
		     " PRIMARY KEY (device, generation, salt)"
		     ") STRICT, WITHOUT ROWID" },
	/* A row holds what one transaction remembers (answer.c); which of it, and for whom, is in memory. */
	{ "answer", "CREATE TABLE answer (seq INTEGER PRIMARY KEY, records BLOB NOT NULL) STRICT" },
	/* A contentInstance that is named by its serial (resource.c) has neither path nor ri here, and is in no index of them. */
	{ "resource", "CREATE TABLE resource ("
		      "serial INTEGER PRIMARY KEY, path TEXT, parent TEXT NOT NULL,"
		      " ri TEXT, ty INTEGER NOT NULL, json TEXT NOT NULL"
		      ") STRICT" },
	{ "resource_path",
	  "CREATE UNIQUE INDEX resource_path ON resource (path) WHERE path IS NOT NULL" },
	{ "resource_ri", "CREATE UNIQUE INDEX resource_ri ON resource (ri) WHERE ri IS NOT NULL" },
	{ "resource_parent", "CREATE INDEX resource_parent ON resource (parent, ty)" },
};
#define SCHEMA_N (sizeof(schema) / sizeof(schema[0]))

/* A context exists because a message has authenticated under it: that is the proof of its generation. */
#define DEVICE_COLUMNS                                                                             \
	"id, kpsa_id, psk, grp, gateway_id, kid, use,"                                             \
	" coalesce((SELECT max(c.generation, auth_generation) FROM context c WHERE c.device = n"   \
	" ORDER BY c.generation DESC LIMIT 1), auth_generation),"                                  \
	" coalesce((SELECT CASE WHEN c.generation >= auth_generation THEN c.used ELSE auth_at END" \
	" FROM context c WHERE c.device = n ORDER BY c.generation DESC LIMIT 1), auth_at),"        \
	" n FROM device"
#define RESOURCE_COLUMNS "path, parent, ri, ty, json, serial FROM resource"

static const char *const statements[MN_SQL_MAX] = {
	[MN_SQL_BEGIN] = "BEGIN IMMEDIATE",
	[MN_SQL_COMMIT] = "COMMIT",
	[MN_SQL_ROLLBACK] = "ROLLBACK",
	[MN_SQL_SAVEPOINT] = "SAVEPOINT step",
	[MN_SQL_RELEASE] = "RELEASE step",
	[MN_SQL_ROLLBACK_TO] = "ROLLBACK TO step",
	[MN_SQL_META_PUT] = "INSERT INTO meta (one, role, own_id) VALUES (1, ?1, ?2)",
	[MN_SQL_META_GET] = "SELECT role, own_id FROM meta",

	[MN_SQL_DEVICE_ADD] = "INSERT INTO device (id, kpsa_id, psk, grp, gateway_id, kid, use)"
			      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[MN_SQL_DEVICE_CLASH] = "SELECT EXISTS (SELECT 1 FROM device WHERE id = ?1),"
				" EXISTS (SELECT 1 FROM device WHERE kpsa_id = ?2),"
				" EXISTS (SELECT 1 FROM device WHERE psk = ?3),"
				" EXISTS (SELECT 1 FROM device WHERE kid = ?4)",
	[MN_SQL_DEVICE_DEL] = "DELETE FROM device WHERE id = ?1",
	[MN_SQL_DEVICE_GET] = "SELECT " DEVICE_COLUMNS " WHERE id = ?1",
	[MN_SQL_DEVICE_NUMBER] = "SELECT n FROM device WHERE id = ?1",
	[MN_SQL_DEVICE_EACH] = "SELECT " DEVICE_COLUMNS " ORDER BY id",
	[MN_SQL_DEVICE_COUNT] = "SELECT count(*) AS count FROM device",
	[MN_SQL_DEVICE_AUTHENTICATED] =
		"UPDATE device SET auth_generation = ?2, auth_at = ?3 WHERE id = ?1",
	/* What the contexts that go (MN_SQL_CONTEXT_DEL) prove. */
	[MN_SQL_DEVICE_PROVEN] =
		"UPDATE device SET (auth_generation, auth_at) ="
		" (SELECT c.generation, c.used FROM context c WHERE c.device = device.n"
		" AND c.generation < ?2 ORDER BY c.generation DESC LIMIT 1)"
		" WHERE id = ?1 AND auth_generation < (SELECT c.generation FROM context c"
		" WHERE c.device = device.n AND c.generation < ?2"
		" ORDER BY c.generation DESC LIMIT 1)",

	[MN_SQL_PEER_ADD] = "INSERT INTO peer (entity_id, kpsa_id, psk) VALUES (?1, ?2, ?3)",
	[MN_SQL_PEER_CLASH] = "SELECT EXISTS (SELECT 1 FROM peer WHERE entity_id = ?1),"
			      " EXISTS (SELECT 1 FROM peer WHERE kpsa_id = ?2),"
			      " EXISTS (SELECT 1 FROM peer WHERE psk = ?3)",
	[MN_SQL_PEER_DEL] = "DELETE FROM peer WHERE entity_id = ?1",
	[MN_SQL_PEER_EACH] = "SELECT entity_id, kpsa_id, psk FROM peer ORDER BY entity_id",

	[MN_SQL_GENERATION_LAST] = "SELECT generation, rand FROM generation"
				   " WHERE gateway_id = ?1 AND grp = ?2"
				   " ORDER BY generation DESC LIMIT 1",
	[MN_SQL_GENERATION_PUT] =
		"INSERT INTO generation (gateway_id, grp, generation, rand, created, acked)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
		" ON CONFLICT DO UPDATE SET created = excluded.created, acked = excluded.acked",
	[MN_SQL_GENERATION_TRIM] =
		"DELETE FROM generation WHERE gateway_id = ?1 AND grp = ?2 AND generation NOT IN"
		" (SELECT generation FROM generation WHERE gateway_id = ?1 AND grp = ?2"
		" ORDER BY generation DESC LIMIT ?3)",
	[MN_SQL_GENERATION_ACKED] = "UPDATE generation SET acked = ?4"
				    " WHERE gateway_id = ?1 AND grp = ?2 AND generation = ?3",
	[MN_SQL_GENERATION_EACH] =
		"SELECT gateway_id, grp, generation, rand, created, acked FROM generation"
		" ORDER BY gateway_id, grp, generation",

	/* A spent context stays spent, whatever is put. */
	[MN_SQL_CONTEXT_PUT] =
		"INSERT INTO context (device, generation, salt, spent, has_window, window_next,"
		" window_seen, used)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
		" ON CONFLICT DO UPDATE SET spent = excluded.spent,"
		" has_window = excluded.has_window, window_next = excluded.window_next,"
		" window_seen = excluded.window_seen"
		" WHERE spent <= excluded.spent",
	[MN_SQL_CONTEXT_EACH] = "SELECT id, generation, salt, spent, has_window, window_next,"
				" window_seen, used FROM context JOIN device ON n = device"
				" ORDER BY device, generation, salt",
	[MN_SQL_CONTEXT_START] =
		"UPDATE context SET spent = spent OR NOT has_window, has_window = 0,"
		" window_next = 0, window_seen = 0 WHERE has_window OR NOT spent",
	[MN_SQL_CONTEXT_DEL] = "DELETE FROM context WHERE generation < ?2"
			       " AND device = (SELECT n FROM device WHERE id = ?1)",

	[MN_SQL_ANSWER_PUT] = "INSERT INTO answer (seq, records) VALUES (?1, ?2)",
	[MN_SQL_ANSWER_DEL] = "DELETE FROM answer WHERE seq = ?1",
	[MN_SQL_ANSWER_EACH] = "SELECT seq, records FROM answer ORDER BY seq",

	[MN_SQL_RESOURCE_PUT] = "INSERT INTO resource (serial, path, parent, ri, ty, json)"
				" VALUES (nullif(?6, 0), ?1, ?2, ?3, ?4, ?5)",
	[MN_SQL_RESOURCE_PLAIN] = "INSERT INTO resource (serial, parent, ty, json)"
				  " VALUES (?1, ?2, ?3, ?4)",
	[MN_SQL_RESOURCE_TAKEN] = "SELECT 1 FROM resource WHERE path = ?1",
	[MN_SQL_RESOURCE_SET] = "UPDATE resource SET json = ?2 WHERE path = ?1",
	[MN_SQL_RESOURCE_SET_PLAIN] = "UPDATE resource SET json = ?2 WHERE serial = ?1",
	/* '0' follows '/': what lies between is all that is below the path. */
	[MN_SQL_RESOURCE_DEL] = "DELETE FROM resource WHERE path = ?1"
				" OR (path >= ?1 || '/' AND path < ?1 || '0')"
				" OR parent = ?1 OR (parent >= ?1 || '/' AND parent < ?1 || '0')",
	[MN_SQL_RESOURCE_DEL_PLAIN] = "DELETE FROM resource WHERE serial = ?1",
	[MN_SQL_RESOURCE_LAST] = "SELECT coalesce(max(serial), 0) FROM resource",
	[MN_SQL_RESOURCE_BY_SERIAL] =
		"SELECT " RESOURCE_COLUMNS " WHERE serial = ?1 AND path IS NULL",
	[MN_SQL_RESOURCE_BY_PATH] = "SELECT " RESOURCE_COLUMNS " WHERE path = ?1",
	[MN_SQL_RESOURCE_BY_RI] = "SELECT " RESOURCE_COLUMNS " WHERE ri = ?1",
	[MN_SQL_RESOURCE_OLDEST] = "SELECT " RESOURCE_COLUMNS " WHERE parent = ?1 AND ty = ?2"
				   " ORDER BY serial LIMIT 1",
	[MN_SQL_RESOURCE_NEWEST] = "SELECT " RESOURCE_COLUMNS " WHERE parent = ?1 AND ty = ?2"
				   " ORDER BY serial DESC LIMIT 1",
	[MN_SQL_RESOURCE_CHILDREN] =
		"SELECT " RESOURCE_COLUMNS " WHERE parent = ?1 ORDER BY ty, serial",
};

const char *mn_sql_statement(enum mn_sql which)
{
	return statements[which];
}

int mn_sql_schema_create(struct mn_store *s)
{
	for (size_t i = 0; i < SCHEMA_N; i++) {
		int rc = sqlite3_exec(s->db, schema[i].sql, NULL, NULL, NULL);

		if (rc != SQLITE_OK)
			return mn_sql_fail(s, rc, "creating the tables");
	}
	return 0;
}

static bool is_ours(const char *name, const char *sql)
{
	for (size_t i = 0; i < SCHEMA_N; i++)
		if (!strcmp(schema[i].name, name))
			return !strcmp(schema[i].sql, sql);
	return false;
}

int mn_sql_schema_check(struct mn_store *s)
{
	size_t n = 0;
	sqlite3_stmt *st;
	int rc;

	/* Indices that SQLite makes for UNIQUE have no text. */
	rc = sqlite3_prepare_v2(s->db, "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL",
				-1, &st, NULL);
	if (rc != SQLITE_OK)
		return mn_sql_fail(s, rc, "reading the schema");
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(st, 0);
		const char *sql = (const char *)sqlite3_column_text(st, 1);

		if (!name || !sql || !is_ours(name, sql))
			break;
		n++;
	}
	sqlite3_finalize(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return mn_sql_fail(s, rc, "reading the schema");
	if (rc == SQLITE_ROW || n != SCHEMA_N)
		return mn_store_fail(s, -EPROTO, "not a store of this version: its tables differ");
	return 0;
}
