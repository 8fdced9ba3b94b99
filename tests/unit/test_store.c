// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/unit/store_fixture.c */
#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/crypto.h"
#include "store/store_sqlite.h"

static void refused(struct mn_store *s, const struct mn_device_record *d, int code,
		    const char *part)
{
	uint64_t before = store_count(s);

	assert_int_equal(mn_store_device_add(s, d), code);
	assert_text(mn_store_error(s), part);
	assert_int_equal(store_count(s), before);
}

static unsigned int mode_of(const char *path, const char *suffix)
{
	char name[128];
	struct stat st;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	assert_int_equal(stat(name, &st), 0);
	return st.st_mode & 07777;
}

/* ---- files ---- */

static void files_are_private(void **state)
{
	struct fixture *f = *state;

	store_add(f->in, 1);
	assert_int_equal(mode_of(f->in_path, ""), 0600);
	assert_int_equal(mode_of(f->in_path, "-wal"), 0600);
	assert_int_equal(mode_of(f->in_path, "-shm"), 0600);
}

static void store_knows_role_and_owner(void **state)
{
	struct fixture *f = *state;
	enum mn_store_role role;

	assert_int_equal(mn_store_role(f->in), MN_STORE_IN);
	assert_int_equal(mn_store_role(f->gateway), MN_STORE_GATEWAY);
	assert_string_equal(mn_store_own_id(f->in), "in-cse-1");
	assert_string_equal(mn_store_own_id(f->gateway), "mn-cse-1");
	assert_int_equal(mn_store_probe(f->gateway_path, &role, store_err), 0);
	assert_int_equal(role, MN_STORE_GATEWAY);
	assert_int_equal(mn_store_probe(f->in_path, &role, store_err), 0);
	assert_int_equal(role, MN_STORE_IN);
}

static void create_refuses_what_exists(void **state)
{
	struct fixture *f = *state;

	store_add(f->in, 1);
	store_close(f);
	assert_int_equal(mn_store_create(f->in_path, MN_STORE_IN, "in-cse-1", false), -EEXIST);
	assert_int_equal(store_sql_int(f->in_path, "SELECT count(*) FROM device"), 1);
	assert_int_equal(mn_store_create(f->in_path, MN_STORE_IN, "", true), -EINVAL);
	assert_int_equal(mn_store_create(f->in_path, MN_STORE_IN, "\xef\xbc\xa1", true), -EINVAL);
}

static void force_replaces_whole(void **state)
{
	struct fixture *f = *state;
	int lock;

	store_add(f->in, 1);
	store_close(f);
	assert_int_equal(mn_store_lock(f->in_path, &lock, store_err), 0);
	assert_int_equal(mn_store_create(f->in_path, MN_STORE_IN, "in-cse-2", true), -EBUSY);
	close(lock);
	assert_int_equal(mn_store_create(f->in_path, MN_STORE_IN, "in-cse-2", true), 0);
	assert_int_equal(mn_store_open(f->in_path, MN_STORE_IN, true, &f->in, store_err), 0);
	assert_string_equal(mn_store_own_id(f->in), "in-cse-2");
	assert_int_equal(store_count(f->in), 0);
	assert_int_equal(mode_of(f->in_path, ""), 0600);
}

static void not_opened(const char *path, enum mn_store_role role, int code, const char *part)
{
	struct mn_store *untouched = (struct mn_store *)store_err;
	struct mn_store *s = untouched;

	assert_int_equal(mn_store_open(path, role, true, &s, store_err), code);
	assert_ptr_equal(s, untouched);
	assert_text(store_err, part);
}

static void open_refuses_other_files(void **state)
{
	struct fixture *f = *state;
	char path[96];
	FILE *file;

	store_close(f);
	not_opened(f->in_path, MN_STORE_GATEWAY, -EPROTO, "store of an IN");
	not_opened(f->gateway_path, MN_STORE_IN, -EPROTO, "store of a gateway");
	snprintf(path, sizeof(path), "%s/x", f->folder);
	not_opened(path, MN_STORE_IN, -ENOENT, "No such file");
	file = fopen(path, "w");
	fchmod(fileno(file), 0600);
	fclose(file);
	not_opened(path, MN_STORE_IN, -EPROTO, "not a store");
	file = fopen(path, "w");
	for (int i = 0; i < 1000; i++)
		fputs("in_id: in-cse-1\n", file);
	fclose(file);
	not_opened(path, MN_STORE_IN, -EPROTO, "not a database");
	unlink(path);
	store_sql(path, "CREATE TABLE device (id TEXT)");
	chmod(path, 0600);
	not_opened(path, MN_STORE_IN, -EPROTO, "not a store");
	not_opened(f->folder, MN_STORE_IN, -EPROTO, "not a file");
}

static void open_refuses_readable_by_others(void **state)
{
	struct fixture *f = *state;
	static const mode_t modes[] = { 0644, 0640, 0604, 0660, 0601 };

	store_close(f);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		chmod(f->in_path, modes[i]);
		not_opened(f->in_path, MN_STORE_IN, -EACCES, "chmod 600 ");
	}
	chmod(f->in_path, 0400);
	if (geteuid() == 0) /* root may write it anyway */
		assert_int_equal(mn_store_open(f->in_path, MN_STORE_IN, true, &f->in, store_err),
				 0);
}

static void open_refuses_other_versions_and_tables(void **state)
{
	struct fixture *f = *state;

	store_close(f);
	store_sql(f->in_path, "PRAGMA user_version = 1");
	not_opened(f->in_path, MN_STORE_IN, -EPROTO, "version 1, expected 2");
	store_sql(f->in_path, "PRAGMA user_version = 2");
	store_sql(f->in_path,
		  "CREATE TRIGGER t AFTER INSERT ON device BEGIN DELETE FROM peer; END");
	not_opened(f->in_path, MN_STORE_IN, -EPROTO, "tables differ");
	store_sql(f->in_path, "DROP TRIGGER t; CREATE VIEW v AS SELECT 1");
	not_opened(f->in_path, MN_STORE_IN, -EPROTO, "tables differ");
	store_sql(f->in_path, "DROP VIEW v; DROP INDEX device_psk");
	not_opened(f->in_path, MN_STORE_IN, -EPROTO, "tables differ");
	store_sql(f->in_path, "CREATE UNIQUE INDEX device_psk ON device (psk)");
	store_sql(f->in_path, "DELETE FROM meta");
	not_opened(f->in_path, MN_STORE_IN, -EPROTO, "without a role");
	store_sql(f->in_path, "INSERT INTO meta VALUES (1, 'device', 'x')");
	not_opened(f->in_path, MN_STORE_IN, -EPROTO, "unknown role");
	store_sql(f->in_path, "UPDATE meta SET role = 'in', own_id = ''");
	not_opened(f->in_path, MN_STORE_IN, -EBADMSG, "own_id");
	store_sql(f->in_path, "UPDATE meta SET own_id = 'in-cse-1'");
	assert_int_equal(mn_store_open(f->in_path, MN_STORE_IN, true, &f->in, store_err), 0);
}

static void open_refuses_damaged_files(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	int fd;

	mn_store_begin(f->in);
	for (unsigned int i = 0; i < 1000; i++)
		store_add(f->in, i);
	assert_int_equal(mn_store_commit(f->in), 0);
	store_close(f);
	assert_int_equal(stat(f->in_path, &st), 0);
	assert_int_equal(truncate(f->in_path, st.st_size / 2), 0);
	not_opened(f->in_path, MN_STORE_IN, -EBADMSG, "malformed");

	assert_int_equal(mn_store_create(f->in_path, MN_STORE_IN, "in-cse-1", true), 0);
	assert_int_equal(mn_store_open(f->in_path, MN_STORE_IN, true, &f->in, store_err), 0);
	mn_store_begin(f->in);
	for (unsigned int i = 0; i < 1000; i++)
		store_add(f->in, i);
	assert_int_equal(mn_store_commit(f->in), 0);
	store_close(f);
	fd = open(f->in_path, O_WRONLY);
	for (off_t at = st.st_size / 2; at < st.st_size / 2 + 8192; at += 8)
		assert_int_equal(pwrite(fd, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, at), 8);
	close(fd);
	not_opened(f->in_path, MN_STORE_IN, -EBADMSG, "");
}

static void one_daemon_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct mn_store *daemon, *second = NULL;

	assert_int_equal(mn_store_open(f->in_path, MN_STORE_IN, true, &daemon, store_err), 0);
	assert_int_equal(mn_store_open(f->in_path, MN_STORE_IN, true, &second, store_err), -EBUSY);
	assert_text(store_err, "in use");
	assert_null(second);
	assert_int_equal(mn_store_open(f->in_path, MN_STORE_IN, false, &second, store_err), 0);
	mn_store_close(second);
	/* Other names of the file do not help. */
	assert_int_equal(chdir(f->folder), 0);
	assert_int_equal(symlink("in.db", "other.db"), 0);
	assert_int_equal(mn_store_open("other.db", MN_STORE_IN, true, &second, store_err), -EBUSY);
	mn_store_close(daemon);
	assert_int_equal(mn_store_open("other.db", MN_STORE_IN, true, &second, store_err), 0);
	mn_store_close(second);
	assert_int_equal(chdir("/"), 0);
}

/* ---- devices and peers ---- */

static void device_comes_back_whole(void **state)
{
	struct fixture *f = *state;
	struct mn_device_record d = store_device(MN_STORE_IN, 7), got;

	strcpy(d.id, "C\xc3\xa9"); /* NFKC already */
	d.use = MN_USE_DIRECT;
	assert_int_equal(mn_store_device_add(f->in, &d), 0);
	memset(&got, 0xff, sizeof(got));
	assert_int_equal(mn_store_device_get(f->in, d.id, &got), 0);
	assert_string_equal(got.id, d.id);
	assert_string_equal(got.kpsa_id, d.kpsa_id);
	assert_string_equal(got.group, "g1");
	assert_string_equal(got.gateway_id, "mn-cse-1");
	assert_int_equal(got.key.len, 32);
	assert_memory_equal(got.key.bytes, d.key.bytes, 32);
	assert_memory_equal(got.kid, d.kid, MN_KID_LEN);
	assert_int_equal(got.use, MN_USE_DIRECT);
	assert_int_equal(got.auth_generation, 0);
	assert_int_equal(mn_store_device_get(f->in, "C00008", &got), -ENOENT);
	mn_device_record_fini(&got);
	assert_int_equal(got.key.bytes[0] | got.key.len | got.id[0], 0);
}

static void unique_values_are_refused_twice(void **state)
{
	struct fixture *f = *state;
	struct mn_store *stores[] = { f->in, f->gateway };

	for (int i = 0; i < 2; i++) {
		struct mn_store *s = stores[i];
		enum mn_store_role role = mn_store_role(s);
		struct mn_device_record one = store_device(role, 1), d;

		store_add(s, 1);
		d = store_device(role, 2);
		strcpy(d.id, one.id);
		refused(s, &d, -EEXIST, "a device of this ID");
		d = store_device(role, 2);
		strcpy(d.kpsa_id, one.kpsa_id);
		if (role == MN_STORE_IN)
			memcpy(d.kid, one.kid, sizeof(d.kid));
		refused(s, &d, -EEXIST, "a device with this KpsaId");
		d = store_device(role, 2);
		d.key = one.key;
		refused(s, &d, -EEXIST, "a device with this key");
	}
	{
		struct mn_device_record d = store_device(MN_STORE_GATEWAY, 2);

		memcpy(d.kid, store_device(MN_STORE_GATEWAY, 1).kid, sizeof(d.kid));
		refused(f->gateway, &d, -EEXIST, "a device with this kid");
	}
	store_add(f->gateway, 2);
	assert_int_equal(store_count(f->gateway), 2);
}

static void peers_and_devices_share_nothing(void **state)
{
	struct fixture *f = *state;
	struct mn_device_record d = store_device(MN_STORE_IN, 1);
	struct mn_peer_record p = store_peer("mn-cse-1", 1), q;

	assert_int_equal(mn_store_peer_add(f->in, &p), 0);
	strcpy(d.id, "mn-cse-1");
	refused(f->in, &d, -EEXIST, "a peer of this ID");
	d = store_device(MN_STORE_IN, 1);
	strcpy(d.kpsa_id, p.kpsa_id);
	mn_kid(d.kpsa_id, strlen(d.kpsa_id), d.kid);
	refused(f->in, &d, -EEXIST, "a peer with this KpsaId");
	d = store_device(MN_STORE_IN, 1);
	d.key = p.key;
	refused(f->in, &d, -EEXIST, "a peer with this key");
	d = store_device(MN_STORE_IN, 1);
	strcpy(d.id, "in-cse-1");
	refused(f->in, &d, -EEXIST, "the store owner's");

	store_add(f->in, 1);
	d = store_device(MN_STORE_IN, 1);
	q = store_peer("mn-cse-1", 2);
	assert_int_equal(mn_store_peer_add(f->in, &q), -EEXIST);
	assert_text(mn_store_error(f->in), "a peer of this ID");
	q = store_peer("mn-cse-2", 1);
	memset(q.key.bytes, 1, sizeof(q.key.bytes));
	assert_int_equal(mn_store_peer_add(f->in, &q), -EEXIST);
	assert_text(mn_store_error(f->in), "a peer with this KpsaId");
	q = store_peer("mn-cse-2", 2);
	q.key = p.key;
	assert_int_equal(mn_store_peer_add(f->in, &q), -EEXIST);
	assert_text(mn_store_error(f->in), "a peer with this key");
	q = store_peer("mn-cse-2", 2);
	q.key = d.key;
	assert_int_equal(mn_store_peer_add(f->in, &q), -EEXIST);
	assert_text(mn_store_error(f->in), "a device with this key");
	q = store_peer("C00001", 2);
	assert_int_equal(mn_store_peer_add(f->in, &q), -EEXIST);
	assert_text(mn_store_error(f->in), "a device of this ID");
	q = store_peer("in-cse-1", 2);
	assert_int_equal(mn_store_peer_add(f->in, &q), -EEXIST);
	q = store_peer("mn-cse-2", 2);
	assert_int_equal(mn_store_peer_add(f->in, &q), 0);
	assert_int_equal(mn_store_peer_del(f->in, "mn-cse-2"), 0);
	assert_int_equal(mn_store_peer_del(f->in, "mn-cse-2"), -ENOENT);
}

static int take_peer(void *arg, const struct mn_peer_record *p)
{
	*(struct mn_peer_record *)arg = *p;
	return 5;
}

static void peer_comes_back_whole(void **state)
{
	struct fixture *f = *state;
	struct mn_peer_record p = store_peer("in-cse-1", 1), got;

	assert_int_equal(mn_store_peer_each(f->gateway, take_peer, &got), 0);
	assert_int_equal(mn_store_peer_add(f->gateway, &p), 0);
	assert_int_equal(mn_store_peer_each(f->gateway, take_peer, &got), 5);
	assert_string_equal(got.entity_id, "in-cse-1");
	assert_string_equal(got.kpsa_id, p.kpsa_id);
	assert_int_equal(got.key.len, 32);
	assert_memory_equal(got.key.bytes, p.key.bytes, 32);
	mn_peer_record_fini(&got);
	assert_int_equal(got.key.len, 0);
}

static void names_must_be_normalised(void **state)
{
	struct fixture *f = *state;
	static const char *const wrong[] = {
		"\xef\xbc\xa3\x31", /* fullwidth C: NFKC C1 */
		"e\xcc\x81",        /* e and an accent: NFKC one letter */
		"\xe2\x91\xa0",     /* circled 1 */
		"C\xff",            /* not UTF-8 */
		"C\n",              /* control */
		"C\xc2\x85",        /* control above ASCII */
		"\xed\xa0\x80",     /* surrogate */
	};
	struct mn_device_record d;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		d = store_device(MN_STORE_IN, 1);
		strcpy(d.id, wrong[i]);
		refused(f->in, &d, -EINVAL, "the device's ID is not a normalised");
		d = store_device(MN_STORE_IN, 1);
		strcpy(d.group, wrong[i]);
		refused(f->in, &d, -EINVAL, "the group is not a normalised");
		d = store_device(MN_STORE_IN, 1);
		strcpy(d.gateway_id, wrong[i]);
		refused(f->in, &d, -EINVAL, "the gateway's ID is not a normalised");
	}
	d = store_device(MN_STORE_IN, 1);
	d.id[0] = '\0';
	refused(f->in, &d, -EINVAL, "the device's ID is missing");
	d = store_device(MN_STORE_IN, 1);
	memset(d.group, 'g', sizeof(d.group)); /* no terminator */
	refused(f->in, &d, -EINVAL, "longer than 64 bytes");
	d = store_device(MN_STORE_IN, 1);
	strcpy(d.kpsa_id, "no-issuer");
	refused(f->in, &d, -EINVAL, "the KpsaId: ");
	/* What normalises to the same is the same, so the caller's normalisation ends in a refusal. */
	store_add(f->in, 1);
	d = store_device(MN_STORE_IN, 2);
	assert_int_equal(mn_entity_normalise("\xef\xbc\xa3\x30\x30\x30\x30\x31", 8, d.id, NULL), 0);
	refused(f->in, &d, -EEXIST, "a device of this ID");
}

static void role_decides_fields(void **state)
{
	struct fixture *f = *state;
	struct mn_device_record d = store_device(MN_STORE_GATEWAY, 1);
	struct mn_generation g = { .group = "g1", .generation = 1 };

	strcpy(d.gateway_id, "mn-cse-1");
	refused(f->gateway, &d, -EPERM, "a gateway's store");
	d = store_device(MN_STORE_GATEWAY, 1);
	d.use = MN_USE_DIRECT;
	refused(f->gateway, &d, -EPERM, "a gateway's store");
	d = store_device(MN_STORE_IN, 1);
	d.gateway_id[0] = '\0';
	refused(f->in, &d, -EINVAL, "the gateway's ID is missing");
	d = store_device(MN_STORE_IN, 1);
	d.kid[0] ^= 1;
	refused(f->in, &d, -EINVAL, "the kid is not that of the KpsaxiId");
	d = store_device(MN_STORE_IN, 1);
	d.use = (enum mn_store_use)7;
	refused(f->in, &d, -EINVAL, "unknown use");
	strcpy(g.gateway_id, "mn-cse-1");
	assert_int_equal(mn_store_generation_put(f->gateway, &g), -EPERM);
	assert_int_equal(mn_store_context_start(f->gateway), -EPERM);
	assert_int_equal(mn_store_context_put(f->gateway, &(struct mn_context_record){ 0 }),
			 -EPERM);
	assert_int_equal(mn_store_answer_put(f->gateway, &(struct mn_answer_record){ 0 }), -EPERM);
	assert_int_equal(mn_store_device_authenticated(f->gateway, "C1", 1, 1), -EPERM);
	assert_int_equal(mn_store_resource_set(f->gateway, "x", "{}"), -EPERM);
}

static void short_keys_need_permission(void **state)
{
	struct fixture *f = *state;
	struct mn_device_record d = store_device(MN_STORE_IN, 1), got;
	struct mn_peer_record p = store_peer("mn-cse-1", 1);

	d.key.len = 15;
	refused(f->in, &d, -EINVAL, "shorter than 16 bytes");
	d.key.len = 0;
	refused(f->in, &d, -EINVAL, "the key is missing");
	d.key.len = MN_KEY_MAX + 1;
	refused(f->in, &d, -EINVAL, "longer than 64 bytes");
	p.key.len = 6;
	assert_int_equal(mn_store_peer_add(f->in, &p), -EINVAL);
	mn_store_allow_short_keys(f->in, true);
	d.key.len = 6; /* TS-0013 TD_M2M_SE_01 */
	assert_int_equal(mn_store_device_add(f->in, &d), 0);
	assert_int_equal(mn_store_device_get(f->in, d.id, &got), 0);
	assert_int_equal(got.key.len, 6);
	d = store_device(MN_STORE_IN, 2);
	d.key.len = 0;
	refused(f->in, &d, -EINVAL, "the key is missing");
	mn_store_allow_short_keys(f->in, false);
	d.key.len = 6;
	refused(f->in, &d, -EINVAL, "shorter than 16 bytes");
}

struct walk {
	struct mn_store *s;
	char ids[256];
	int stop_at;
	int n;
	int nested;
};

static int walk(void *arg, const struct mn_device_record *d)
{
	struct walk *w = arg;

	strcat(strcat(w->ids, d->id), " ");
	w->nested = mn_store_device_each(w->s, walk, w);
	return ++w->n == w->stop_at ? 42 : 0;
}

static void each_walks_in_order(void **state)
{
	struct fixture *f = *state;
	struct walk w = { .s = f->gateway };

	store_add(f->gateway, 3);
	store_add(f->gateway, 1);
	store_add(f->gateway, 2);
	assert_int_equal(mn_store_device_each(f->gateway, walk, &w), 0);
	assert_string_equal(w.ids, "C00001 C00002 C00003 ");
	assert_int_equal(w.nested, -EBUSY);
	w = (struct walk){ .s = f->gateway, .stop_at = 2 };
	assert_int_equal(mn_store_device_each(f->gateway, walk, &w), 42);
	assert_string_equal(w.ids, "C00001 C00002 ");
	assert_int_equal(mn_store_device_del(f->gateway, "C00002"), 0);
	assert_int_equal(mn_store_device_del(f->gateway, "C00002"), -ENOENT);
	w = (struct walk){ .s = f->gateway };
	assert_int_equal(mn_store_device_each(f->gateway, walk, &w), 0);
	assert_string_equal(w.ids, "C00001 C00003 ");
	store_add(f->gateway, 2); /* nothing of the removed one is in the way */
}

static void damaged_columns_are_refused(void **state)
{
	struct fixture *f = *state;
	static const char *const damage[][2] = {
		{ "id = ''", "id" },
		{ "id = 'a' || char(0) || 'b'", "id" },
		{ "id = CAST(x'ff' AS TEXT)", "id" },
		{ "id = char(10)", "id" },
		{ "id = char(65315)", "id" },
		{ "id = printf('%0256d', 1)", "id" },
		{ "kpsa_id = 'x'", "kpsa_id" },
		{ "kpsa_id = printf('%0129d', 1) || '@a'", "kpsa_id" },
		{ "psk = x''", "psk" },
		{ "psk = zeroblob(65)", "psk" },
		{ "psk = zeroblob(4000000)", "psk" },
		{ "grp = ''", "grp" },
		{ "grp = printf('%065d', 1)", "grp" },
		{ "gateway_id = ''", "gateway_id" },
		{ "kid = x'01'", "kid" },
		{ "kid = zeroblob(8)", "kid" },
		{ "use = 2", "use" },
		{ "use = -1", "use" },
		{ "auth_generation = 4294967296", "auth_generation" },
	};
	struct walk w = { .s = f->in };

	store_add(f->in, 1);
	store_sql(f->in_path, "CREATE TABLE keep AS SELECT * FROM device");
	for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		char text[256];

		snprintf(text, sizeof(text), "UPDATE device SET %s", damage[i][0]);
		store_sql(f->in_path, text);
		assert_int_equal(mn_store_device_each(f->in, walk, &w), -EBADMSG);
		assert_text(mn_store_error(f->in), damage[i][1]);
		assert_text(mn_store_error(f->in), "damaged");
		store_sql(f->in_path, "DELETE FROM device; INSERT INTO device SELECT * FROM keep");
	}
	assert_int_equal(w.n, 0);
	assert_int_equal(mn_store_device_each(f->in, walk, &w), 0);
	assert_int_equal(w.n, 1);
}

/* ---- transactions ---- */

static void transaction_is_all_or_nothing(void **state)
{
	struct fixture *f = *state;
	struct mn_device_record d = store_device(MN_STORE_IN, 1);

	assert_int_equal(mn_store_commit(f->in), -EINVAL);
	assert_int_equal(mn_store_begin(f->in), 0);
	assert_int_equal(mn_store_begin(f->in), -EBUSY);
	store_add(f->in, 1);
	assert_int_equal(mn_store_device_add(f->in, &d), -EEXIST); /* alone, not the transaction */
	store_add(f->in, 2);
	assert_int_equal(store_count(f->in), 2);
	mn_store_rollback(f->in);
	assert_int_equal(store_count(f->in), 0);
	mn_store_rollback(f->in);
	assert_int_equal(mn_store_begin(f->in), 0);
	store_add(f->in, 1);
	assert_int_equal(mn_store_commit(f->in), 0);
	assert_int_equal(store_count(f->in), 1);
}

/* A process that is killed says nothing more; what it had not committed must be gone, what it had must be there. */
static void killed_process_leaves_committed_state(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t pid;

	store_close(f);
	pid = fork();
	if (pid == 0) {
		struct mn_store *s;

		if (mn_store_open(f->in_path, MN_STORE_IN, true, &s, store_err))
			_exit(1);
		store_add(s, 1);
		mn_store_begin(s);
		for (unsigned int i = 2; i < 2000;
		     i++) /* enough to reach the file before the commit */
			store_add(s, i);
		mn_store_device_del(s, "C00001");
		kill(getpid(), SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(mn_store_open(f->in_path, MN_STORE_IN, true, &f->in, store_err), 0);
	assert_int_equal(store_count(f->in), 1);
	assert_int_equal(mn_store_device_get(f->in, "C00001", &(struct mn_device_record){ 0 }), 0);
}

/* A full disk: SQLite may undo the transaction itself; then nothing of it may be committed later. */
static void full_disk_loses_whole_transaction(void **state)
{
	struct fixture *f = *state;
	struct rlimit limit, small;
	int code = 0;

	signal(SIGXFSZ, SIG_IGN);
	store_add(f->in, 1);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	small = (struct rlimit){ .rlim_cur = 1 << 20, .rlim_max = limit.rlim_max };
	assert_int_equal(mn_store_begin(f->in), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (unsigned int i = 2; i < 100000 && !code; i++) {
		struct mn_device_record d = store_device(MN_STORE_IN, i);

		code = mn_store_device_add(f->in, &d);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_true(code == -EIO || code == -ENOSPC);
	if (sqlite3_get_autocommit(f->in->db)) {
		struct mn_device_record d = store_device(MN_STORE_IN, 100001);

		assert_int_equal(mn_store_device_add(f->in, &d), -EIO);
		assert_int_equal(mn_store_commit(f->in), -EIO);
		assert_text(mn_store_error(f->in), "undone");
	}
	mn_store_rollback(f->in);
	assert_int_equal(store_count(f->in), 1);
	store_add(f->in, 2); /* and the handle goes on */
	assert_int_equal(store_count(f->in), 2);
}

/* ---- cost ---- */

/* No question that a running daemon asks may cost more when there are more devices. */
static void no_statement_scans_a_table(void **state)
{
	struct fixture *f = *state;
	static const bool may_scan[MN_SQL_MAX] = {
		[MN_SQL_META_GET] = true,        [MN_SQL_DEVICE_EACH] = true,
		[MN_SQL_DEVICE_COUNT] = true,    [MN_SQL_PEER_EACH] = true,
		[MN_SQL_GENERATION_EACH] = true, [MN_SQL_CONTEXT_EACH] = true,
		[MN_SQL_CONTEXT_START] = true,   [MN_SQL_ANSWER_EACH] = true,
	};

	for (enum mn_sql i = 0; i < MN_SQL_MAX; i++) {
		char text[2048];
		sqlite3_stmt *st;

		assert_non_null(mn_sql_statement(i));
		snprintf(text, sizeof(text), "EXPLAIN QUERY PLAN %s", mn_sql_statement(i));
		assert_int_equal(sqlite3_prepare_v2(f->in->db, text, -1, &st, NULL), SQLITE_OK);
		while (sqlite3_step(st) == SQLITE_ROW) {
			const char *plan = (const char *)sqlite3_column_text(st, 3);

			/* Of a list of constants there is nothing to look up. */
			if (!may_scan[i] && strstr(plan, "SCAN") && !strstr(plan, "CONSTANT ROW"))
				fail_msg("%s: %s", mn_sql_statement(i), plan);
			if (strstr(plan, "TEMP B-TREE"))
				fail_msg("%s: %s", mn_sql_statement(i), plan);
		}
		sqlite3_finalize(st);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(files_are_private),
		STORE_TEST(store_knows_role_and_owner),
		STORE_TEST(create_refuses_what_exists),
		STORE_TEST(force_replaces_whole),
		STORE_TEST(open_refuses_other_files),
		STORE_TEST(open_refuses_readable_by_others),
		STORE_TEST(open_refuses_other_versions_and_tables),
		STORE_TEST(open_refuses_damaged_files),
		STORE_TEST(one_daemon_at_a_time),
		STORE_TEST(device_comes_back_whole),
		STORE_TEST(unique_values_are_refused_twice),
		STORE_TEST(peers_and_devices_share_nothing),
		STORE_TEST(peer_comes_back_whole),
		STORE_TEST(names_must_be_normalised),
		STORE_TEST(role_decides_fields),
		STORE_TEST(short_keys_need_permission),
		STORE_TEST(each_walks_in_order),
		STORE_TEST(damaged_columns_are_refused),
		STORE_TEST(transaction_is_all_or_nothing),
		STORE_TEST(killed_process_leaves_committed_state),
		STORE_TEST(full_disk_loses_whole_transaction),
		STORE_TEST(no_statement_scans_a_table),
	};

	if (mn_crypto_init())
		return 1;
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
