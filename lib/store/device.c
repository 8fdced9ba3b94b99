// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/store_sqlite.h"

#include <errno.h>

#include "core/crypto.h"

void mn_device_record_fini(struct mn_device_record *d)
{
	mn_zero(d, sizeof(*d));
}

void mn_peer_record_fini(struct mn_peer_record *p)
{
	mn_zero(p, sizeof(*p));
}

/* What of these three a peer has already: an entity has one ID, a credential and a key one use, on whichever hop. */
static int check_peers(struct mn_store *s, const char *id, const char *kpsa_id,
		       const struct mn_key *key)
{
	static const char *const what[] = { "a peer of this ID", "a peer with this KpsaId",
					    "a peer with this key" };
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_PEER_CLASH, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(id), MN_SQL_T(kpsa_id),
				  MN_SQL_B(key->bytes, key->len));
	if (!err)
		err = mn_sql_step(s, st, "looking for the same in the peers");
	if (err < 0)
		return err;
	for (int i = 0; i < 3; i++)
		if (sqlite3_column_int(st, i))
			return mn_store_fail(s, -EEXIST, "the store has %s already", what[i]);
	return 0;
}

/* kid NULL: not asked. */
static int check_devices(struct mn_store *s, const char *id, const char *kpsa_id,
			 const struct mn_key *key, const uint8_t *kid)
{
	static const char *const what[] = { "a device of this ID", "a device with this KpsaId",
					    "a device with this key", "a device with this kid" };
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_DEVICE_CLASH, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(id), MN_SQL_T(kpsa_id),
				  MN_SQL_B(key->bytes, key->len),
				  MN_SQL_B(kid, kid ? MN_KID_LEN : 0));
	if (!err)
		err = mn_sql_step(s, st, "looking for the same in the devices");
	if (err < 0)
		return err;
	for (int i = 0; i < 4; i++)
		if (sqlite3_column_int(st, i))
			return mn_store_fail(s, -EEXIST, "the store has %s already", what[i]);
	return 0;
}

/* ---- devices ---- */

static int check_role_fields(struct mn_store *s, const struct mn_device_record *d)
{
	uint8_t kid[MN_KID_LEN];
	int err;

	if (s->role == MN_STORE_GATEWAY) {
		if (d->gateway_id[0] || d->use != MN_USE_GROUP)
			return mn_store_need_in(s, "gateway of a device and no use of a key");
		return 0;
	}
	err = mn_store_check_text(s, d->gateway_id, sizeof(d->gateway_id), MN_SQL_ENTITY,
				  "the gateway's ID");
	if (err)
		return err;
	err = mn_kid(d->kpsa_id, strlen(d->kpsa_id), kid);
	if (err)
		return mn_store_fail(s, err, "computing the kid");
	if (memcmp(kid, d->kid, sizeof(kid)))
		return mn_store_fail(s, -EINVAL, "the kid is not that of the KpsaxiId");
	return 0;
}

static int check_device(struct mn_store *s, const struct mn_device_record *d)
{
	int err = mn_store_check_text(s, d->id, sizeof(d->id), MN_SQL_ENTITY, "the device's ID");

	if (!err)
		err = mn_store_check_text(s, d->kpsa_id, sizeof(d->kpsa_id), MN_SQL_KPSA,
					  "the KpsaId");
	if (!err)
		err = mn_store_check_text(s, d->group, sizeof(d->group), MN_SQL_ENTITY,
					  "the group");
	if (!err)
		err = mn_store_check_key(s, &d->key);
	if (!err && d->use != MN_USE_GROUP && d->use != MN_USE_DIRECT)
		err = mn_store_fail(s, -EINVAL, "unknown use of a key");
	if (!err)
		err = check_role_fields(s, d);
	if (!err && !strcmp(d->id, s->own_id))
		err = mn_store_fail(s, -EEXIST, "the ID is the store owner's");
	return err;
}

static int insert_device(struct mn_store *s, const struct mn_device_record *d)
{
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_DEVICE_ADD, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(d->id), MN_SQL_T(d->kpsa_id),
				  MN_SQL_B(d->key.bytes, d->key.len), MN_SQL_T(d->group),
				  MN_SQL_T(d->gateway_id), MN_SQL_B(d->kid, MN_KID_LEN),
				  MN_SQL_I(d->use));
	return err ? err : mn_sql_step(s, st, "adding a device");
}

int mn_store_device_add(struct mn_store *s, const struct mn_device_record *d)
{
	int err = check_device(s, d);

	if (err)
		return err;
	err = mn_sql_atomic_begin(s);
	if (err)
		return err;
	err = check_peers(s, d->id, d->kpsa_id, &d->key);
	if (!err) {
		err = insert_device(s, d);
		/* The indices have refused it; a second look, only then, says which. */
		if (err == -EEXIST)
			err = check_devices(s, d->id, d->kpsa_id, &d->key, d->kid) ?: err;
	}
	return mn_sql_atomic_end(s, err);
}

/* Runs a DELETE of one text. */
static int delete_by(struct mn_store *s, enum mn_sql which, const char *id, const char *what)
{
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, which, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(id));
	if (!err)
		err = mn_sql_step(s, st, "removing");
	if (!err && sqlite3_changes(s->db) == 0)
		err = mn_store_fail(s, -ENOENT, "the store has no %s of this ID", what);
	return err;
}

int mn_store_device_del(struct mn_store *s, const char *id)
{
	bool own = !s->in_transaction;
	int err = own ? mn_store_begin(s) : 0;

	if (err)
		return err;
	err = delete_by(s, MN_SQL_DEVICE_DEL, id, "device");
	if (!err && s->role == MN_STORE_IN)
		err = mn_store_answers_forget(s, id);
	return own ? mn_store_end(s, err) : err;
}

static int read_device(struct mn_store *s, sqlite3_stmt *st, struct mn_device_record *d)
{
	int64_t use, generation;
	int err = mn_sql_text(s, st, 0, MN_SQL_ENTITY, d->id, sizeof(d->id));

	if (!err)
		err = mn_sql_text(s, st, 1, MN_SQL_KPSA, d->kpsa_id, sizeof(d->kpsa_id));
	if (!err)
		err = mn_sql_key(s, st, 2, &d->key);
	if (!err)
		err = mn_sql_text(s, st, 3, MN_SQL_ENTITY, d->group, sizeof(d->group));
	if (!err)
		err = mn_sql_text(s, st, 4, s->role == MN_STORE_IN ? MN_SQL_ENTITY : MN_SQL_LINE,
				  d->gateway_id, sizeof(d->gateway_id));
	if (!err)
		err = mn_sql_blob(s, st, 5, d->kid, sizeof(d->kid));
	if (!err)
		err = mn_sql_int(s, st, 6, MN_USE_GROUP, MN_USE_DIRECT, &use);
	if (!err)
		err = mn_sql_int(s, st, 7, 0, UINT32_MAX, &generation);
	if (!err)
		err = mn_sql_int(s, st, 8, INT64_MIN, INT64_MAX, &d->auth_when);
	if (err)
		return err;
	d->use = (enum mn_store_use)use;
	d->auth_generation = (uint32_t)generation;
	return 0;
}

int mn_store_device_get(struct mn_store *s, const char *id, struct mn_device_record *out)
{
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_DEVICE_GET, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(id));
	if (err)
		return err;
	err = mn_sql_step(s, st, "reading a device");
	if (err <= 0)
		return err ? err : mn_store_fail(s, -ENOENT, "the store has no device of this ID");
	err = read_device(s, st, out);
	if (err)
		mn_device_record_fini(out);
	return err;
}

int mn_store_device_each(struct mn_store *s, int (*fn)(void *arg, const struct mn_device_record *d),
			 void *arg)
{
	__attribute__((cleanup(mn_device_record_fini))) struct mn_device_record d = { 0 };
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_DEVICE_EACH, &st);

	if (err)
		return err;
	while ((err = mn_sql_step(s, st, "reading the devices")) > 0) {
		err = read_device(s, st, &d);
		/* A daemon will need it. */
		if (!err && s->role == MN_STORE_IN && s->lock_fd >= 0)
			mn_store_device_known(s, d.id, sqlite3_column_int64(st, 9));
		if (!err)
			err = fn(arg, &d);
		if (err)
			return err;
	}
	return err;
}

int mn_store_count(struct mn_store *s, uint64_t *devices)
{
	MN_SQL_STMT st = NULL;
	int64_t n;
	int err = mn_sql_get(s, MN_SQL_DEVICE_COUNT, &st);

	if (!err)
		err = mn_sql_step(s, st, "counting the devices");
	if (err > 0)
		err = mn_sql_int(s, st, 0, 0, INT64_MAX, &n);
	if (!err)
		*devices = (uint64_t)n;
	return err;
}

int mn_store_device_authenticated(struct mn_store *s, const char *device_id, uint32_t generation,
				  int64_t when)
{
	MN_SQL_STMT st = NULL;
	int err = mn_store_need_in(s, "state of devices");

	if (!err)
		err = mn_sql_get(s, MN_SQL_DEVICE_AUTHENTICATED, &st);
	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(device_id), MN_SQL_I(generation), MN_SQL_I(when));
	if (!err)
		err = mn_sql_step(s, st, "noting an authenticated device");
	if (!err && sqlite3_changes(s->db) == 0)
		err = mn_store_fail(s, -ENOENT, "the store has no device of this ID");
	return err;
}

/* ---- peers ---- */

static int insert_peer(struct mn_store *s, const struct mn_peer_record *p)
{
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_PEER_ADD, &st);

	if (!err)
		err = mn_sql_bind(s, st, MN_SQL_T(p->entity_id), MN_SQL_T(p->kpsa_id),
				  MN_SQL_B(p->key.bytes, p->key.len));
	return err ? err : mn_sql_step(s, st, "adding a peer");
}

int mn_store_peer_add(struct mn_store *s, const struct mn_peer_record *p)
{
	int err = mn_store_check_text(s, p->entity_id, sizeof(p->entity_id), MN_SQL_ENTITY,
				      "the peer's ID");

	if (!err)
		err = mn_store_check_text(s, p->kpsa_id, sizeof(p->kpsa_id), MN_SQL_KPSA,
					  "the KpsamiId");
	if (!err)
		err = mn_store_check_key(s, &p->key);
	if (!err && !strcmp(p->entity_id, s->own_id))
		err = mn_store_fail(s, -EEXIST, "the ID is the store owner's");
	if (err)
		return err;
	err = mn_sql_atomic_begin(s);
	if (err)
		return err;
	err = check_peers(s, p->entity_id, p->kpsa_id, &p->key);
	if (!err)
		err = check_devices(s, p->entity_id, p->kpsa_id, &p->key, NULL);
	if (!err)
		err = insert_peer(s, p);
	return mn_sql_atomic_end(s, err);
}

int mn_store_peer_del(struct mn_store *s, const char *entity_id)
{
	return delete_by(s, MN_SQL_PEER_DEL, entity_id, "peer");
}

static int read_peer(struct mn_store *s, sqlite3_stmt *st, struct mn_peer_record *p)
{
	int err = mn_sql_text(s, st, 0, MN_SQL_ENTITY, p->entity_id, sizeof(p->entity_id));

	if (!err)
		err = mn_sql_text(s, st, 1, MN_SQL_KPSA, p->kpsa_id, sizeof(p->kpsa_id));
	return err ? err : mn_sql_key(s, st, 2, &p->key);
}

int mn_store_peer_each(struct mn_store *s, int (*fn)(void *arg, const struct mn_peer_record *p),
		       void *arg)
{
	__attribute__((cleanup(mn_peer_record_fini))) struct mn_peer_record p = { 0 };
	MN_SQL_STMT st = NULL;
	int err = mn_sql_get(s, MN_SQL_PEER_EACH, &st);

	if (err)
		return err;
	while ((err = mn_sql_step(s, st, "reading the peers")) > 0) {
		err = read_peer(s, st, &p);
		if (!err)
			err = fn(arg, &p);
		if (err)
			return err;
	}
	return err;
}
