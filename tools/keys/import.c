// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"
#include "csv.h"
#include "log.h"

enum { OPT_STORE = 1000, OPT_SHORT };

struct arguments {
	const char *store;
	const char *file;
	bool allow_short;
};

static const struct argp_option options[] = {
	{ "store", OPT_STORE, "PATH", 0, "the store, a gateway's or an IN's", 0 },
	{ "allow-short-keys", OPT_SHORT, NULL, 0,
	  "take keys of less than 16 bytes, as test suites have them", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case OPT_STORE:
		a->store = arg;
		return 0;
	case OPT_SHORT:
		a->allow_short = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->file)
			return ARGP_ERR_UNKNOWN;
		a->file = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->store || !a->file)
			argp_error(state, "--store and a CSV file are needed");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

enum column {
	DEVICE_ID,
	INNER_ID,
	INNER_KEY,
	IN_ID,
	IN_KEY,
	GROUP,
	GATEWAY_ID,
	CSE_ID,
	KID, /* instead of IN_ID, as a gateway's export has it */
	USE,
	COLUMNS_N,
};

static const char *const names[COLUMNS_N] = {
	[DEVICE_ID] = "device_id",
	[INNER_ID] = "inner_id",
	[INNER_KEY] = "inner_key_hex",
	[IN_ID] = "in_id",
	[IN_KEY] = "in_key_hex",
	[GROUP] = "group",
	[GATEWAY_ID] = "gateway_id",
	[CSE_ID] = "cse_id",
	[KID] = "kid_hex",
	[USE] = "use",
};

struct work {
	struct mn_store *store;
	bool in;
	struct mnt_csv csv;
	int at[COLUMNS_N]; /* index in the record, -1 = not in the file */
	size_t good, bad, shorts;
	char why[320]; /* of the bad line */
};

static int bad(struct work *w, const char *name, const char *why)
{
	snprintf(w->why, sizeof(w->why), "%s%s%s", name ? name : "", name ? ": " : "", why);
	return -EINVAL;
}

static const char *field(const struct work *w, enum column c)
{
	return w->at[c] < 0 ? "" : w->csv.fields[w->at[c]];
}

static int take_entity(struct work *w, enum column c, char *out, size_t size)
{
	const char *text = field(w, c);
	char normal[MN_ENTITY_MAX + 1];
	size_t len;
	int err = mn_entity_normalise(text, strlen(text), normal, &len);

	if (err)
		return bad(w, names[c], mn_identity_strerror(err));
	if (len >= size)
		return bad(w, names[c], "too long");
	memcpy(out, normal, len + 1);
	return 0;
}

static int take_kpsa_id(struct work *w, enum column c, char out[MN_KPSA_ID_MAX + 1])
{
	const char *text = field(w, c);
	int err = mn_kpsa_id_check(text, strlen(text));

	if (err)
		return bad(w, names[c], mn_identity_strerror(err));
	strcpy(out, text);
	return 0;
}

static int take_key(struct work *w, enum column c, struct mn_key *out)
{
	const char *text = field(w, c);
	size_t len;

	if (mn_hex_decode(text, strlen(text), out->bytes, sizeof(out->bytes), &len) || !len)
		return bad(w, names[c], "expected the hex digits of 16 to 64 bytes");
	out->len = (uint8_t)len;
	return 0;
}

/* An optional column must agree with the store that the line goes to. */
static int check_owner(struct work *w, enum column c)
{
	char id[MN_ENTITY_MAX + 1];
	int err;

	if (!field(w, c)[0])
		return 0;
	err = take_entity(w, c, id, sizeof(id));
	if (!err && strcmp(id, mn_store_own_id(w->store)))
		err = bad(w, names[c], "another one than the store's");
	return err;
}

/* The gateway's kid: of KpsaxiId where the file has it, else as an export has it. */
static int take_kid(struct work *w, struct mn_device_record *d)
{
	const char *hex = field(w, KID);
	char in_id[MN_KPSA_ID_MAX + 1];
	uint8_t kid[MN_KID_LEN];
	size_t len;
	int err;

	if (hex[0] &&
	    (mn_hex_decode(hex, strlen(hex), kid, sizeof(kid), &len) || len != sizeof(kid)))
		return bad(w, names[KID], "expected the hex digits of 7 bytes");
	if (!field(w, IN_ID)[0] && hex[0]) {
		memcpy(d->kid, kid, sizeof(kid));
		return 0;
	}
	err = take_kpsa_id(w, IN_ID, in_id);
	if (!err && mn_kid(in_id, strlen(in_id), d->kid))
		err = bad(w, names[KID], "cannot be computed");
	if (!err && hex[0] && memcmp(kid, d->kid, sizeof(kid)))
		err = bad(w, names[KID], "is not that of in_id");
	return err;
}

static int take_use(struct work *w, enum mn_store_use *out)
{
	const char *text = field(w, USE);

	if (text[0] && strcmp(text, "group") && strcmp(text, "direct"))
		return bad(w, names[USE], "expected group or direct");
	*out = strcmp(text, "direct") ? MN_USE_GROUP : MN_USE_DIRECT;
	return 0;
}

static int take_for_gateway(struct work *w, struct mn_device_record *d)
{
	int err = take_kpsa_id(w, INNER_ID, d->kpsa_id);

	if (!err)
		err = take_key(w, INNER_KEY, &d->key);
	if (!err)
		err = take_kid(w, d);
	return err ? err : check_owner(w, GATEWAY_ID);
}

static int take_for_in(struct work *w, struct mn_device_record *d)
{
	int err = take_kpsa_id(w, IN_ID, d->kpsa_id);

	if (!err)
		err = take_key(w, IN_KEY, &d->key);
	if (!err && mn_kid(d->kpsa_id, strlen(d->kpsa_id), d->kid))
		err = bad(w, names[KID], "cannot be computed");
	if (!err)
		err = take_entity(w, GATEWAY_ID, d->gateway_id, sizeof(d->gateway_id));
	if (!err)
		err = take_use(w, &d->use);
	return err ? err : check_owner(w, CSE_ID);
}

/* Only here and at the device both keys are seen together. Hex digits may be of either case. */
static int check_distinct(struct work *w)
{
	const char *inner = field(w, INNER_KEY);

	if (inner[0] && !strcasecmp(inner, field(w, IN_KEY)))
		return bad(w, NULL, "inner_key_hex and in_key_hex are one key");
	return 0;
}

static int take_line(struct work *w)
{
	__attribute__((cleanup(mn_device_record_fini))) struct mn_device_record d = { 0 };
	int err = take_entity(w, DEVICE_ID, d.id, sizeof(d.id));

	if (!err)
		err = take_entity(w, GROUP, d.group, sizeof(d.group));
	if (!err)
		err = w->in ? take_for_in(w, &d) : take_for_gateway(w, &d);
	if (!err)
		err = check_distinct(w);
	if (err)
		return err;
	err = mn_store_device_add(w->store, &d);
	w->shorts += !err && d.key.len < MN_KEY_MIN;
	if (err == -EEXIST || err == -EINVAL || err == -EPERM)
		return bad(w, NULL, mn_store_error(w->store));
	return err;
}

/* Adds what is good and reports what is bad, whole; the caller keeps all or nothing. */
static int take_all(struct work *w)
{
	int ret;

	while ((ret = mnt_csv_next(&w->csv)) != 0) {
		if (mnt_stop)
			return -EINTR;
		if (ret == 1)
			ret = take_line(w);
		else if (ret == -EBADMSG)
			ret = bad(w, NULL, w->csv.error);
		if (ret && ret != -EINVAL)
			return ret;
		if (ret)
			mn_error("line %zu: %s", w->csv.line, w->why);
		w->bad += ret != 0;
		w->good += ret == 0;
	}
	return 0;
}

static int find_columns(struct work *w)
{
	static const enum column gateway[] = { DEVICE_ID, INNER_ID, INNER_KEY, GROUP };
	static const enum column in[] = { DEVICE_ID, IN_ID, IN_KEY, GROUP, GATEWAY_ID };
	const enum column *needed = w->in ? in : gateway;
	size_t n = w->in ? sizeof(in) / sizeof(in[0]) : sizeof(gateway) / sizeof(gateway[0]);

	for (int i = 0; i < COLUMNS_N; i++)
		w->at[i] = mnt_csv_column(&w->csv, names[i]);
	for (size_t i = 0; i < n; i++) {
		if (w->at[needed[i]] >= 0)
			continue;
		mn_error("the header has no column %s", names[needed[i]]);
		return -EINVAL;
	}
	if (!w->in && w->at[IN_ID] < 0 && w->at[KID] < 0) {
		mn_error("the header has no column in_id, nor kid_hex");
		return -EINVAL;
	}
	return 0;
}

static int import(struct work *w, const char *name, FILE *f)
{
	int err = mnt_csv_init(&w->csv, f);

	if (err) {
		mn_error("%s: %s", name,
			 err == -EBADMSG ? w->csv.error :
			 err == -ENODATA ? "empty" :
					   strerror(-err));
		return err;
	}
	err = find_columns(w);
	if (err)
		return err;
	err = mn_store_begin(w->store);
	if (!err)
		err = take_all(w);
	if (!err && !w->bad)
		err = mn_store_commit(w->store);
	else
		mn_store_rollback(w->store);
	if (err)
		mn_error("nothing is imported: %s", err == -EINTR ? "interrupted" :
						    ferror(f)     ? "reading failed" :
								    mn_store_error(w->store));
	else if (w->bad)
		mn_error("nothing is imported: %zu bad line%s, %zu good", w->bad,
			 w->bad == 1 ? "" : "s", w->good);
	else
		mn_info("%zu device%s imported", w->good, w->good == 1 ? "" : "s");
	if (!err && !w->bad && w->shorts)
		mn_warn("%zu of them with a key of less than %d bytes: it protects nothing",
			w->shorts, MN_KEY_MIN);
	return err || w->bad ? -EINVAL : 0;
}

static FILE *open_csv(const char *path, char *buffer, size_t size)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;

	if (!f)
		mn_error("%s: %s", path, strerror(errno));
	else
		setvbuf(f, buffer, _IOFBF, size);
	return f;
}

int mnt_import(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "FILE",
		.doc = "Adds the devices of a CSV file (- is standard input), all of them or, when "
		       "any line is bad, none. Of each line a gateway's store takes the inner "
		       "credential, an IN's the other one.",
	};
	__attribute__((cleanup(mnt_store_close))) struct mn_store *s = NULL;
	static struct work w;
	static char buffer[BUFSIZ];
	struct arguments a = { 0 };
	FILE *f;
	int err;

	mnt_parse(&argp, argc, argv, &a);
	err = mnt_store_open(a.store, true, &s);
	if (err == -EBUSY)
		mn_error("%s is in use: stop its daemon, or add one by one with "
			 "`mncse-keys add`",
			 a.store);
	if (err)
		return MNT_ERROR;
	f = open_csv(a.file, buffer, sizeof(buffer));
	if (!f)
		return MNT_ERROR;
	mn_store_allow_short_keys(s, a.allow_short);
	mn_store_bulk(s);
	w.store = s;
	w.in = mn_store_role(s) == MN_STORE_IN;
	err = import(&w, a.file, f);
	fclose(f);
	mnt_csv_fini(&w.csv);
	mn_zero(buffer, sizeof(buffer));
	return err ? MNT_ERROR : MNT_OK;
}
