// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/crypto.h"
#include "csv.h"
#include "log.h"

enum { OPT_STORE = 1000, OPT_FORMAT, OPT_OUT, OPT_FORCE };

struct arguments {
	const char *store;
	const char *out;
	bool psk;
	bool force;
};

static const struct argp_option options[] = {
	{ "store", OPT_STORE, "PATH", 0, "the store", 0 },
	{ "format", OPT_FORMAT, "csv|psk", 0,
	  "csv, or lines \"identity:hexkey\" of a gateway's devices", 0 },
	{ "out", OPT_OUT, "FILE", 0, "write a file of mode 0600 instead of standard output", 0 },
	{ "force", OPT_FORCE, NULL, 0, "replace FILE", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case OPT_STORE:
		a->store = arg;
		return 0;
	case OPT_FORMAT:
		a->psk = !strcmp(arg, "psk");
		if (!a->psk && strcmp(arg, "csv"))
			argp_error(state, "--format: csv or psk");
		return 0;
	case OPT_OUT:
		a->out = arg;
		return 0;
	case OPT_FORCE:
		a->force = true;
		return 0;
	case ARGP_KEY_END:
		if (!a->store)
			argp_error(state, "--store is needed");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

struct work {
	FILE *f;
	struct mn_store *store;
	char peer[MN_GATEWAY_ID_MAX + 1]; /* the gateway's IN, when there is one */
};

static int stopped(FILE *f)
{
	if (ferror(f))
		return -EIO;
	return mnt_stop ? -EINTR : 0;
}

static int put_psk(void *arg, const struct mn_device_record *d)
{
	struct work *w = arg;
	char hex[2 * MN_KEY_MAX + 1];

	mn_hex_encode(d->key.bytes, d->key.len, hex);
	fprintf(w->f, "%s:%s\n", d->kpsa_id, hex);
	mn_zero(hex, sizeof(hex));
	return stopped(w->f);
}

/* The columns of devices.csv, those that this store does not know empty, and one of its own. */
static int put_csv(void *arg, const struct mn_device_record *d)
{
	struct work *w = arg;
	bool in = mn_store_role(w->store) == MN_STORE_IN;
	const char *own = mn_store_own_id(w->store);
	char key[2 * MN_KEY_MAX + 1], kid[2 * MN_KID_LEN + 1];
	const char *const fields[] = {
		d->id,
		in ? "" : d->kpsa_id,
		in ? "" : key,
		in ? d->kpsa_id : "",
		in ? key : "",
		d->group,
		in ? d->gateway_id : own,
		in ? own : w->peer,
		in ? (d->use == MN_USE_DIRECT ? "direct" : "group") : kid,
	};
	const size_t n = sizeof(fields) / sizeof(fields[0]);

	mn_hex_encode(d->key.bytes, d->key.len, key);
	mn_hex_encode(d->kid, sizeof(d->kid), kid);
	for (size_t i = 0; i < n; i++) {
		mnt_csv_put(w->f, fields[i]);
		putc(i + 1 < n ? ',' : '\n', w->f);
	}
	mn_zero(key, sizeof(key));
	return stopped(w->f);
}

static int write_all(struct work *w, bool psk)
{
	int err;

	if (!psk)
		fprintf(w->f,
			"device_id,inner_id,inner_key_hex,in_id,in_key_hex,group,gateway_id,cse_id,%s\n",
			mn_store_role(w->store) == MN_STORE_IN ? "use" : "kid_hex");
	err = mn_store_device_each(w->store, psk ? put_psk : put_csv, w);
	if (err == -EINTR)
		mn_error("interrupted");
	else if (err)
		mn_error("%s",
			 err == -EIO && ferror(w->f) ? "writing failed" : mn_store_error(w->store));
	return err;
}

static int to_file(struct work *w, const struct arguments *a)
{
	__attribute__((cleanup(mnt_file_fini))) struct mnt_file file = { 0 };
	int err;

	if (!a->force && !access(a->out, F_OK)) {
		mn_error("%s is there already: --force replaces it", a->out);
		return -EEXIST;
	}
	err = mnt_file_new(&file, a->out);
	if (err)
		return err;
	w->f = file.f;
	err = write_all(w, a->psk);
	return err ? err : mnt_file_commit(&file);
}

int mnt_export(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Writes a store's devices WITH THEIR KEYS.",
	};
	__attribute__((cleanup(mnt_store_close))) struct mn_store *s = NULL;
	static char buffer[BUFSIZ];
	struct arguments a = { 0 };
	struct work w = { 0 };
	int err;

	mnt_parse(&argp, argc, argv, &a);
	if (mnt_store_open(a.store, false, &s))
		return MNT_ERROR;
	if (a.psk && mn_store_role(s) != MN_STORE_GATEWAY) {
		mn_error("%s: --format psk is for a gateway's store", a.store);
		return MNT_ERROR;
	}
	w.store = s;
	if (!mnt_only_peer(s, w.peer))
		w.peer[0] = '\0';
	if (a.out)
		return to_file(&w, &a) ? MNT_ERROR : MNT_OK;
	signal(SIGPIPE, SIG_DFL);
	w.f = stdout;
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	err = write_all(&w, a.psk);
	if (fflush(stdout) && !err) {
		mn_error("standard output: %s", strerror(errno));
		err = -EIO;
	}
	mn_zero(buffer, sizeof(buffer));
	return err ? MNT_ERROR : MNT_OK;
}
