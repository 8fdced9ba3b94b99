// SPDX-License-Identifier: GPL-2.0-or-later
#include "init.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include "core/crypto.h"
#include "csv.h"
#include "idformat.h"
#include "log.h"

#define INNER_KEY_LEN 16 /* Kpsaxm: as long as the keys of the suites' AES-128 */
#define OUTER_KEY_LEN 32 /* Kpsami, Kpsaxi: as long as the HMAC's output */
#define PROGRESS_S 2

struct work {
	const struct mnt_init *a;
	struct mn_store *in;
	struct mn_store *gateway;
	struct mnt_file csv;
	time_t told; /* when the progress was printed last */
};

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static int open_store(const char *folder, const char *name, enum mn_store_role role,
		      const char *own_id, struct mn_store **out)
{
	char path[PATH_MAX];
	char text[256];
	int err;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	err = mn_store_create(path, role, own_id, false);
	if (err) {
		mn_error("%s: %s", path, strerror(-err));
		return err;
	}
	err = mn_store_open(path, role, true, out, text);
	if (err) {
		mn_error("%s", text);
		return err;
	}
	mn_store_bulk(*out);
	err = mn_store_begin(*out);
	if (err)
		mn_error("%s: %s", path, mn_store_error(*out));
	return err;
}

static int store_fail(int err, const struct mn_store *s, const char *id)
{
	mn_error("%s: %s", id, mn_store_error(s));
	return err;
}

static int make_key(struct mn_key *key, uint8_t len)
{
	int err = mn_random(key->bytes, len);

	if (err)
		mn_error("no random numbers: %s", strerror(-err));
	key->len = len;
	return err;
}

/* RELATIVE@ISSUER. */
static int make_kpsa_id(char out[MN_KPSA_ID_MAX + 1], const char *relative, const char *issuer)
{
	int err;

	if (strlen(relative) + 1 + strlen(issuer) > MN_KPSA_ID_MAX) {
		mn_error("%s: its identifiers would be longer than %d bytes", relative,
			 MN_KPSA_ID_MAX);
		return -E2BIG;
	}
	stpcpy(stpcpy(stpcpy(out, relative), "@"), issuer);
	err = mn_kpsa_id_check(out, strlen(out));
	if (err)
		mn_error("%s: %s", out, mn_identity_strerror(err));
	return err;
}

/* Kpsami, in both stores. */
static int add_peers(const struct work *w)
{
	__attribute__((cleanup(mn_peer_record_fini))) struct mn_peer_record p = { 0 };
	int err = make_kpsa_id(p.kpsa_id, w->a->gateway_issuer, w->a->in_issuer);

	if (!err)
		err = make_key(&p.key, OUTER_KEY_LEN);
	if (err)
		return err;
	strcpy(p.entity_id, w->a->in_id);
	err = mn_store_peer_add(w->gateway, &p);
	if (err)
		return store_fail(err, w->gateway, p.entity_id);
	strcpy(p.entity_id, w->a->gateway_id);
	err = mn_store_peer_add(w->in, &p);
	return err ? store_fail(err, w->in, p.entity_id) : 0;
}

/* The same device as the gateway and as the IN see it. index counts from 0. */
static int make_device(const struct mnt_init *a, unsigned int index, struct mn_device_record *inner,
		       struct mn_device_record *in)
{
	char text[2 * MN_ENTITY_MAX + 1];
	int err = mnt_idformat(a->id_format, index + 1, text, sizeof(text));

	if (!err)
		err = mn_entity_normalise(text, strlen(text), in->id, NULL);
	if (err) {
		mn_error("--id-format: %s",
			 err == -ENAMETOOLONG ? strerror(-err) : mn_identity_strerror(err));
		return err;
	}
	strcpy(inner->id, in->id);
	if (a->groups)
		snprintf(in->group, sizeof(in->group), "g%u",
			 (unsigned int)((uint64_t)index * a->groups / a->devices) + 1);
	else
		strcpy(in->group, a->group);
	strcpy(inner->group, in->group);
	strcpy(in->gateway_id, a->gateway_id);
	in->use = a->proxy ? MN_USE_DIRECT : MN_USE_GROUP;
	err = make_kpsa_id(inner->kpsa_id, in->id, a->gateway_issuer);
	if (!err)
		err = make_kpsa_id(in->kpsa_id, in->id, a->in_issuer);
	if (!err)
		err = mn_kid(in->kpsa_id, strlen(in->kpsa_id), in->kid);
	memcpy(inner->kid, in->kid, sizeof(in->kid));
	if (!err)
		err = make_key(&inner->key, INNER_KEY_LEN);
	return err ? err : make_key(&in->key, OUTER_KEY_LEN);
}

static void write_line(FILE *f, const struct mn_device_record *inner,
		       const struct mn_device_record *in, const char *in_id)
{
	char inner_hex[2 * MN_KEY_MAX + 1], in_hex[2 * MN_KEY_MAX + 1];
	const char *const fields[] = { in->id, inner->kpsa_id, inner_hex,      in->kpsa_id,
				       in_hex, in->group,      in->gateway_id, in_id };
	const size_t n = sizeof(fields) / sizeof(fields[0]);

	mn_hex_encode(inner->key.bytes, inner->key.len, inner_hex);
	mn_hex_encode(in->key.bytes, in->key.len, in_hex);
	for (size_t i = 0; i < n; i++) {
		mnt_csv_put(f, fields[i]);
		putc(i + 1 < n ? ',' : '\n', f);
	}
	mn_zero(inner_hex, sizeof(inner_hex));
	mn_zero(in_hex, sizeof(in_hex));
}

static int add_device(struct work *w, unsigned int index)
{
	__attribute__((cleanup(mn_device_record_fini))) struct mn_device_record inner = { 0 };
	__attribute__((cleanup(mn_device_record_fini))) struct mn_device_record in = { 0 };
	int err = make_device(w->a, index, &inner, &in);

	if (err)
		return err;
	err = mn_store_device_add(w->gateway, &inner);
	if (err)
		return store_fail(err, w->gateway, inner.id);
	err = mn_store_device_add(w->in, &in);
	if (err)
		return store_fail(err, w->in, in.id);
	write_line(w->csv.f, &inner, &in, w->a->in_id);
	return 0;
}

static void tell_progress(struct work *w, unsigned int done)
{
	time_t t;

	if (done % 1000 || (t = now()) < w->told + PROGRESS_S)
		return;
	w->told = t;
	mn_info("%u of %u devices", done, w->a->devices);
}

static int add_all(struct work *w)
{
	int err = add_peers(w);

	fputs("device_id,inner_id,inner_key_hex,in_id,in_key_hex,group,gateway_id,cse_id\n",
	      w->csv.f);
	for (unsigned int i = 0; !err && i < w->a->devices; i++) {
		if (mnt_stop) {
			mn_error("interrupted");
			return -EINTR;
		}
		err = add_device(w, i);
		tell_progress(w, i);
	}
	if (!err) {
		err = mn_store_commit(w->gateway);
		if (err)
			return store_fail(err, w->gateway, "gateway.db");
		err = mn_store_commit(w->in);
		if (err)
			return store_fail(err, w->in, "in.db");
		err = mnt_file_commit(&w->csv);
	}
	return err;
}

int mnt_init_credentials(const struct mnt_init *a, const char *folder)
{
	struct work w = { .a = a, .told = now() };
	char path[PATH_MAX];
	int err = open_store(folder, "in.db", MN_STORE_IN, a->in_id, &w.in);

	if (!err)
		err = open_store(folder, "gateway.db", MN_STORE_GATEWAY, a->gateway_id, &w.gateway);
	if (!err) {
		snprintf(path, sizeof(path), "%s/devices.csv", folder);
		err = mnt_file_new(&w.csv, path);
	}
	if (!err)
		err = add_all(&w);
	mnt_file_fini(&w.csv);
	mn_store_close(w.in);
	mn_store_close(w.gateway);
	return err;
}
