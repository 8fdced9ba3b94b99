// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "log.h"

enum { OPT_STORE = 1000, OPT_PEERS };

struct arguments {
	const char *store;
	bool json;
	bool peers;
};

static const struct argp_option options[] = {
	{ "store", OPT_STORE, "PATH", 0, "the store, a gateway's or an IN's", 0 },
	{ "json", 'j', NULL, 0, "a JSON array", 0 },
	{ "peers", OPT_PEERS, NULL, 0, "the other ends of the outer hop instead of devices", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case OPT_STORE:
		a->store = arg;
		return 0;
	case OPT_PEERS:
		a->peers = true;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case ARGP_KEY_END:
		if (!a->store)
			argp_error(state, "--store is needed");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

struct work {
	bool json;
	bool in;
	size_t n;
};

static int stopped(void)
{
	return ferror(stdout) ? -EPIPE : mnt_stop ? -EINTR : 0;
}

/* Takes the object. One line each, so that a list of very many needs no memory. */
static int put_json(struct work *w, json_t *o)
{
	if (!o)
		return -ENOMEM;
	fputs(w->n++ ? ",\n" : "[\n", stdout);
	json_dumpf(o, stdout, JSON_COMPACT);
	json_decref(o);
	return stopped();
}

static const char *use_name(enum mn_store_use use)
{
	return use == MN_USE_DIRECT ? "direct" : "group";
}

static int put_device(void *arg, const struct mn_device_record *d)
{
	struct work *w = arg;
	char kid[2 * MN_KID_LEN + 1];

	mn_hex_encode(d->kid, sizeof(d->kid), kid);
	if (w->json && w->in)
		return put_json(w, json_pack("{ss ss ss ss ss ss sI sI}", "device_id", d->id,
					     "group", d->group, "kpsa_id", d->kpsa_id, "kid", kid,
					     "gateway_id", d->gateway_id, "use", use_name(d->use),
					     "authenticated_generation",
					     (json_int_t)d->auth_generation, "authenticated_at",
					     (json_int_t)d->auth_when));
	if (w->json)
		return put_json(w, json_pack("{ss ss ss ss}", "device_id", d->id, "group", d->group,
					     "kpsa_id", d->kpsa_id, "kid", kid));
	printf("%s\t%s\t%s\t%s", d->id, d->group, d->kpsa_id, kid);
	if (w->in)
		printf("\t%s\t%s\t%" PRIu32 "\t%" PRId64, d->gateway_id, use_name(d->use),
		       d->auth_generation, d->auth_when);
	putchar('\n');
	return stopped();
}

static int put_peer(void *arg, const struct mn_peer_record *p)
{
	struct work *w = arg;

	if (w->json)
		return put_json(
			w, json_pack("{ss ss}", "entity_id", p->entity_id, "kpsa_id", p->kpsa_id));
	printf("%s\t%s\n", p->entity_id, p->kpsa_id);
	return stopped();
}

static void put_header(const struct arguments *a, bool in)
{
	if (a->json)
		return;
	if (a->peers)
		puts("entity_id\tkpsa_id");
	else
		printf("device_id\tgroup\tkpsa_id\tkid%s\n",
		       in ? "\tgateway_id\tuse\tauthenticated_generation\tauthenticated_at" : "");
}

int mnt_list(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Lists a store's devices: a header and a line each, columns separated by "
		       "tabs. Keys are never shown.",
	};
	__attribute__((cleanup(mnt_store_close))) struct mn_store *s = NULL;
	struct arguments a = { 0 };
	struct work w = { 0 };
	int err;

	mnt_parse(&argp, argc, argv, &a);
	if (mnt_store_open(a.store, false, &s))
		return MNT_ERROR;
	signal(SIGPIPE, SIG_DFL); /* `mncse-keys list | head` is no error */
	w.json = a.json;
	w.in = mn_store_role(s) == MN_STORE_IN;
	put_header(&a, w.in);
	err = a.peers ? mn_store_peer_each(s, put_peer, &w) :
			mn_store_device_each(s, put_device, &w);
	if (!err && a.json)
		puts(w.n ? "\n]" : "[]");
	if (!err && fflush(stdout))
		err = -EPIPE;
	if (err)
		mn_error("%s", err == -EPIPE ? "writing failed" :
			       err == -EINTR ? "interrupted" :
					       mn_store_error(s));
	return err ? MNT_ERROR : MNT_OK;
}
