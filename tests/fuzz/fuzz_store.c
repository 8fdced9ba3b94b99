// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/fuzz/fuzz.c */
/* A store that somebody has changed: persisted credentials, generations, contexts, answers and resources, of either role. The input is a
 * program that sets columns by SQL and damages bytes of the file. Whatever is read of it must be in bounds; opening
 * may fail, with a text. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "fuzz.h"
#include "store/store.h"

static struct {
	uint8_t *bytes;
	size_t len;
} whole[2];
static char path[64];

static void remove_store(void)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal", ".lock" };
	char name[96];

	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		unlink(name);
	}
}

static void read_file(enum mn_store_role role)
{
	FILE *f = fopen(path, "re");

	MUST(f && !fseek(f, 0, SEEK_END));
	whole[role].len = (size_t)ftell(f);
	whole[role].bytes = malloc(whole[role].len);
	MUST(whole[role].bytes);
	rewind(f);
	MUST(fread(whole[role].bytes, 1, whole[role].len, f) == whole[role].len);
	fclose(f);
}

static void fill_in(struct mn_store *s)
{
	const struct mn_context_record c = {
		.device_id = "D1", .generation = 5, .salt = { 1 }, .has_window = true, .used = 6
	};
	const struct mn_answer_record a = { .device_id = "D1",
					    .rqi = "r1",
					    .when = 7,
					    .answer = (const uint8_t *)"answer",
					    .answer_len = 6 };
	struct mn_resource_record r = {
		.path = "in-cse", .parent = "", .ri = "cb0", .ty = 5, .json = "{\"csi\":\"/in\"}"
	};

	MUST(!mn_store_context_put(s, &c) && !mn_store_answer_put(s, &a));
	MUST(!mn_store_resource_put(s, &r));
	r.path = "in-cse/cnt";
	r.parent = "in-cse";
	r.ri = "cnt1";
	r.ty = 3;
	MUST(!mn_store_resource_put(s, &r));
}

static void make(enum mn_store_role role)
{
	struct mn_device_record d = {
		.id = "D1", .kpsa_id = "D1@x.y", .group = "g1", .key = { 16, { 1 } }
	};
	struct mn_peer_record p = { .entity_id = "peer", .kpsa_id = "p@x.y", .key = { 16, { 2 } } };
	struct mn_generation g = { .group = "g1", .generation = 5, .created = 1 };
	struct mn_store *s = NULL;
	char err[256];

	MUST(!mn_store_create(path, role, "me", true));
	MUST(!mn_store_open(path, role, false, &s, err));
	if (role == MN_STORE_IN) {
		strcpy(d.gateway_id, "peer");
		strcpy(g.gateway_id, "peer");
	}
	MUST(!mn_kid(d.kpsa_id, strlen(d.kpsa_id), d.kid));
	MUST(!mn_store_peer_add(s, &p) && !mn_store_device_add(s, &d));
	MUST(!mn_store_generation_put(s, &g));
	if (role == MN_STORE_IN)
		fill_in(s);
	mn_store_close(s);
	read_file(role);
}

static void write_file(const uint8_t *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	MUST(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	close(fd);
}

/* ---- changing ---- */

static void set_column(struct fuzz *f)
{
	static const char *const columns[][2] = {
		{ "meta", "role" },
		{ "meta", "own_id" },
		{ "device", "id" },
		{ "device", "kpsa_id" },
		{ "device", "psk" },
		{ "device", "grp" },
		{ "device", "gateway_id" },
		{ "device", "kid" },
		{ "device", "use" },
		{ "device", "auth_at" },
		{ "peer", "entity_id" },
		{ "peer", "kpsa_id" },
		{ "peer", "psk" },
		{ "generation", "grp" },
		{ "generation", "generation" },
		{ "generation", "rand" },
		{ "generation", "acked" },
		{ "context", "generation" },
		{ "context", "salt" },
		{ "context", "spent" },
		{ "context", "window_next" },
		{ "answer", "rqi" },
		{ "answer", "digest" },
		{ "answer", "answer" },
		{ "resource", "path" },
		{ "resource", "parent" },
		{ "resource", "ri" },
		{ "resource", "ty" },
		{ "resource", "json" },
		{ "generation", "gateway_id" },
		{ "device", "n" },
		{ "answer", "device" },
	};
	const char *const *c = columns[fuzz_u8(f) % 32];
	uint8_t type = fuzz_u8(f);
	sqlite3_stmt *st = NULL;
	sqlite3 *db = NULL;
	char sql[96];
	const uint8_t *p;
	size_t len;

	snprintf(sql, sizeof(sql), "UPDATE OR IGNORE %s SET %s = ?1", c[0], c[1]);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK) {
		if (type & 1) {
			sqlite3_bind_int64(st, 1, (sqlite3_int64)fuzz_u64(f));
		} else {
			p = fuzz_bytes(f, 300, &len);
			if (type & 2)
				sqlite3_bind_text(st, 1, (const char *)p, (int)len, NULL);
			else
				sqlite3_bind_blob(st, 1, p, (int)len, NULL);
		}
		sqlite3_step(st);
	}
	sqlite3_finalize(st);
	sqlite3_close(db);
}

static void damage_file(struct fuzz *f, uint8_t *bytes, size_t len)
{
	unsigned int n = fuzz_u8(f) % 8 + 1;

	while (n--) {
		size_t at = ((size_t)fuzz_u8(f) << 16 | fuzz_u16(f)) % len;

		bytes[at] = fuzz_u8(f);
	}
}

/* ---- reading ---- */

static bool ends(const char *text, size_t room)
{
	return memchr(text, 0, room) != NULL;
}

static int device(void *arg, const struct mn_device_record *d)
{
	(void)arg;
	MUST(ends(d->id, sizeof(d->id)) && d->id[0] && ends(d->kpsa_id, sizeof(d->kpsa_id)));
	MUST(ends(d->group, sizeof(d->group)) && ends(d->gateway_id, sizeof(d->gateway_id)));
	MUST(d->key.len && d->key.len <= MN_KEY_MAX);
	MUST(d->use == MN_USE_GROUP || d->use == MN_USE_DIRECT);
	return 0;
}

static int peer(void *arg, const struct mn_peer_record *p)
{
	(void)arg;
	MUST(ends(p->entity_id, sizeof(p->entity_id)) && ends(p->kpsa_id, sizeof(p->kpsa_id)));
	MUST(p->key.len && p->key.len <= MN_KEY_MAX);
	return 0;
}

static int generation(void *arg, const struct mn_generation *g)
{
	(void)arg;
	MUST(ends(g->gateway_id, sizeof(g->gateway_id)) && ends(g->group, sizeof(g->group)));
	return 0;
}

static int context(void *arg, const struct mn_context_record *c)
{
	(void)arg;
	MUST(ends(c->device_id, sizeof(c->device_id)));
	return 0;
}

static int resource(void *arg, const struct mn_resource_record *r)
{
	(void)arg;
	MUST(strlen(r->path) + strlen(r->parent) + strlen(r->ri) + strlen(r->json) < SIZE_MAX);
	return 0;
}

static void read_in(struct mn_store *s)
{
	struct mn_answer_record a;
	uint8_t *buf = malloc(64);
	int err;

	MUST(buf);
	mn_store_context_each(s, context, NULL);
	mn_store_context_start(s);
	err = mn_store_answer_get(s, "D1", "r1", &a, buf, 64);
	MUST(err || !a.answer || (a.answer == buf && a.answer_len <= 64));
	free(buf);
	mn_store_answer_expire(s, INT64_MAX);
	mn_store_resource_get(s, "in-cse", resource, NULL);
	mn_store_resource_children(s, "in-cse", resource, NULL);
	mn_store_resource_edge(s, "in-cse", 3, true, resource, NULL);
	mn_store_device_authenticated(s, "D1", 9, 9);
}

static void read_store(enum mn_store_role role, bool exclusive)
{
	enum mn_store_role found;
	struct mn_device_record d;
	struct mn_store *s = NULL;
	char err[256] = "";
	uint64_t n;
	int rc;

	rc = mn_store_probe(path, &found, err);
	MUST(!rc || (err[0] && ends(err, sizeof(err))));
	err[0] = '\0';
	if (mn_store_open(path, role, exclusive, &s, err)) {
		MUST(err[0] && ends(err, sizeof(err)) && !s);
		return;
	}
	MUST(*mn_store_own_id(s) && mn_store_role(s) == role);
	rc = mn_store_device_each(s, device, NULL);
	MUST(!rc || *mn_store_error(s));
	mn_store_device_get(s, "D1", &d);
	mn_store_peer_each(s, peer, NULL);
	mn_store_generation_each(s, generation, NULL);
	mn_store_count(s, &n);
	if (role == MN_STORE_IN)
		read_in(s);
	mn_store_device_del(s, "D1");
	mn_store_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	enum mn_store_role role;
	uint8_t *bytes, first;

	fuzz_start();
	if (!path[0]) {
		snprintf(path, sizeof(path), "%s/mncse-fuzz-%d.db",
			 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm", (int)getpid());
		make(MN_STORE_GATEWAY);
		make(MN_STORE_IN);
		atexit(remove_store);
	}
	first = fuzz_u8(&f);
	role = first & 1 ? MN_STORE_IN : MN_STORE_GATEWAY;
	remove_store();
	bytes = fuzz_copy(whole[role].bytes, whole[role].len);
	if (first & 2)
		damage_file(&f, bytes, whole[role].len);
	write_file(bytes, whole[role].len);
	free(bytes);
	for (int i = 0; i < 8 && f.left; i++)
		set_column(&f);
	read_store(role, first & 4);
	return 0;
}
