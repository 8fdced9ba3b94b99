// SPDX-License-Identifier: GPL-2.0-or-later
#include "store_fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char store_err[256];

int store_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	strcpy(f->folder, "/tmp/test_store.XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	snprintf(f->in_path, sizeof(f->in_path), "%s/in.db", f->folder);
	snprintf(f->gateway_path, sizeof(f->gateway_path), "%s/gateway.db", f->folder);
	if (mn_store_create(f->in_path, MN_STORE_IN, "in-cse-1", false) ||
	    mn_store_create(f->gateway_path, MN_STORE_GATEWAY, "mn-cse-1", false) ||
	    mn_store_open(f->in_path, MN_STORE_IN, false, &f->in, store_err) ||
	    mn_store_open(f->gateway_path, MN_STORE_GATEWAY, false, &f->gateway, store_err))
		return -1;
	*state = f;
	return 0;
}

int store_teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	mn_store_close(f->in);
	mn_store_close(f->gateway);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->folder);
	free(f);
	return system(command);
}

void store_close(struct fixture *f)
{
	mn_store_close(f->in);
	mn_store_close(f->gateway);
	f->in = f->gateway = NULL;
}

struct mn_device_record store_device(enum mn_store_role role, unsigned int n)
{
	struct mn_device_record d = { .group = "g1" };

	snprintf(d.id, sizeof(d.id), "C%05u", n);
	snprintf(d.kpsa_id, sizeof(d.kpsa_id), "C%05u@%s", n,
		 role == MN_STORE_IN ? "in-cse-1" : "mn-cse-1");
	d.key.len = role == MN_STORE_IN ? 32 : 16;
	memset(d.key.bytes, 0xa0 + (int)role, d.key.len);
	memcpy(d.key.bytes, &n, sizeof(n));
	if (role == MN_STORE_IN) {
		strcpy(d.gateway_id, "mn-cse-1");
		assert_int_equal(mn_kid(d.kpsa_id, strlen(d.kpsa_id), d.kid), 0);
	} else {
		memcpy(d.kid, &n, sizeof(n));
	}
	return d;
}

struct mn_peer_record store_peer(const char *id, unsigned int n)
{
	struct mn_peer_record p = { .key.len = 32 };

	snprintf(p.entity_id, sizeof(p.entity_id), "%s", id);
	snprintf(p.kpsa_id, sizeof(p.kpsa_id), "peer%u@in-cse-1", n);
	memset(p.key.bytes, 0xcc, sizeof(p.key.bytes));
	memcpy(p.key.bytes, &n, sizeof(n));
	return p;
}

void store_add(struct mn_store *s, unsigned int n)
{
	struct mn_device_record d = store_device(mn_store_role(s), n);

	assert_int_equal(mn_store_device_add(s, &d), 0);
}

uint64_t store_count(struct mn_store *s)
{
	uint64_t n = UINT64_MAX;

	assert_int_equal(mn_store_count(s, &n), 0);
	return n;
}

void assert_text(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

void store_sql(const char *path, const char *text)
{
	sqlite3 *db;
	char *why = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", text, why);
	sqlite3_close(db);
}

int64_t store_sql_int(const char *path, const char *text)
{
	sqlite3_stmt *st;
	sqlite3 *db;
	int64_t n;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}
