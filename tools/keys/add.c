// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys.h"

#include <errno.h>
#include <string.h>

#include "core/crypto.h"
#include "log.h"

enum {
	OPT_STORE = 1000,
	OPT_SOCKET,
	OPT_DEVICE,
	OPT_GROUP,
	OPT_INNER_ID,
	OPT_INNER_KEY,
	OPT_IN_ID,
	OPT_IN_KEY,
	OPT_GATEWAY,
	OPT_USE,
	OPT_PEER,
	OPT_PEER_ID,
	OPT_PEER_KEY,
	OPT_SHORT,
};

struct credential {
	char kpsa_id[MN_KPSA_ID_MAX + 1];
	struct mn_key key;
};

struct arguments {
	const char *store;
	const char *socket;
	char device[MN_ENTITY_MAX + 1];
	char group[MN_GROUP_MAX + 1];
	char gateway[MN_GATEWAY_ID_MAX + 1];
	char peer[MN_GATEWAY_ID_MAX + 1];
	struct credential inner, in, outer;
	enum mn_store_use use;
	bool has_use;
	bool allow_short;
};

static const struct argp_option options[] = {
	{ "store", OPT_STORE, "PATH", 0, "the store, a gateway's or an IN's", 0 },
	{ "socket", OPT_SOCKET, "PATH", 0,
	  "control socket of the daemon that has the store open (DIR/mncsed.sock or "
	  "DIR/incsed.sock beside the store, else in /run/mncse)",
	  0 },
	{ "device", OPT_DEVICE, "ID", 0, "the device's entity ID", 1 },
	{ "group", OPT_GROUP, "NAME", 0, "its group", 1 },
	{ "inner-id", OPT_INNER_ID, "ID", 0, "KpsaxmId (gateway's store)", 1 },
	{ "inner-key", OPT_INNER_KEY, "@FILE|-|HEX", 0, "Kpsaxm (gateway's store)", 1 },
	{ "in-id", OPT_IN_ID, "ID", 0, "KpsaxiId (both: the gateway keeps its kid)", 1 },
	{ "in-key", OPT_IN_KEY, "@FILE|-|HEX", 0, "Kpsaxi (IN's store)", 1 },
	{ "gateway", OPT_GATEWAY, "ID", 0, "the device's gateway (IN's store; its only one)", 1 },
	{ "use", OPT_USE, "group|direct", 0, "what Kpsaxi is for (IN's store; group)", 1 },
	{ "peer", OPT_PEER, "ID", 0, "instead of a device: a gateway (IN's store) or the IN", 2 },
	{ "peer-id", OPT_PEER_ID, "ID", 0, "KpsamiId", 2 },
	{ "peer-key", OPT_PEER_KEY, "@FILE|-|HEX", 0, "Kpsami", 2 },
	{ "allow-short-keys", OPT_SHORT, NULL, 0,
	  "take keys of less than 16 bytes, as test suites have them", 3 },
	{ 0 },
};

static void check_whole(struct arguments *a, struct argp_state *state)
{
	const struct mn_key *x = &a->inner.key, *y = &a->in.key;

	if (!a->store)
		argp_error(state, "--store is needed");
	if (!a->device[0] == !a->peer[0])
		argp_error(state, "--device or --peer is needed, one of them");
	if (a->peer[0] && (!a->outer.kpsa_id[0] || !a->outer.key.len))
		argp_error(state, "--peer needs --peer-id and --peer-key");
	if (a->device[0] && !a->group[0])
		argp_error(state, "--device needs --group");
	if (x->len && x->len == y->len && mn_equal(x->bytes, y->bytes, x->len))
		argp_error(state, "--inner-key and --in-key: a key serves one use, not two");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case OPT_STORE:
		a->store = arg;
		return 0;
	case OPT_SOCKET:
		a->socket = arg;
		return 0;
	case OPT_DEVICE:
		mnt_entity_arg(state, "--device", arg, a->device, sizeof(a->device));
		return 0;
	case OPT_GROUP:
		mnt_entity_arg(state, "--group", arg, a->group, sizeof(a->group));
		return 0;
	case OPT_INNER_ID:
		mnt_kpsa_arg(state, "--inner-id", arg, a->inner.kpsa_id);
		return 0;
	case OPT_INNER_KEY:
		mnt_key_arg(state, "--inner-key", arg, &a->inner.key);
		return 0;
	case OPT_IN_ID:
		mnt_kpsa_arg(state, "--in-id", arg, a->in.kpsa_id);
		return 0;
	case OPT_IN_KEY:
		mnt_key_arg(state, "--in-key", arg, &a->in.key);
		return 0;
	case OPT_GATEWAY:
		mnt_entity_arg(state, "--gateway", arg, a->gateway, sizeof(a->gateway));
		return 0;
	case OPT_USE:
		mnt_use_arg(state, arg, &a->use);
		a->has_use = true;
		return 0;
	case OPT_PEER:
		mnt_entity_arg(state, "--peer", arg, a->peer, sizeof(a->peer));
		return 0;
	case OPT_PEER_ID:
		mnt_kpsa_arg(state, "--peer-id", arg, a->outer.kpsa_id);
		return 0;
	case OPT_PEER_KEY:
		mnt_key_arg(state, "--peer-key", arg, &a->outer.key);
		return 0;
	case OPT_SHORT:
		a->allow_short = true;
		return 0;
	case ARGP_KEY_END:
		check_whole(a, state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static int refuse(const char *why)
{
	mn_error("%s", why);
	return -EINVAL;
}

static int for_gateway(const struct arguments *a, struct mn_device_record *d)
{
	if (a->in.key.len)
		return refuse("this is a gateway's store: --in-key is for the IN's alone");
	if (a->gateway[0] || a->has_use)
		return refuse("this is a gateway's store: --gateway and --use are for the IN's");
	if (!a->inner.kpsa_id[0] || !a->inner.key.len || !a->in.kpsa_id[0])
		return refuse("a gateway's store needs --inner-id, --inner-key and --in-id");
	strcpy(d->kpsa_id, a->inner.kpsa_id);
	d->key = a->inner.key;
	return 0;
}

static int for_in(const struct arguments *a, struct mn_store *s, struct mn_device_record *d)
{
	if (a->inner.kpsa_id[0] || a->inner.key.len)
		return refuse("this is an IN's store: --inner-id and --inner-key are for a "
			      "gateway's");
	if (!a->in.kpsa_id[0] || !a->in.key.len)
		return refuse("an IN's store needs --in-id and --in-key");
	if (a->gateway[0])
		strcpy(d->gateway_id, a->gateway);
	else if (!mnt_only_peer(s, d->gateway_id))
		return refuse("--gateway is needed: the store does not have exactly one");
	strcpy(d->kpsa_id, a->in.kpsa_id);
	d->key = a->in.key;
	d->use = a->use;
	return 0;
}

static int add_device(const struct arguments *a, struct mn_store *s, bool running)
{
	__attribute__((cleanup(mn_device_record_fini))) struct mn_device_record d = { 0 };
	enum mn_store_role role = mn_store_role(s);
	int err = role == MN_STORE_IN ? for_in(a, s, &d) : for_gateway(a, &d);

	if (err)
		return err;
	strcpy(d.id, a->device);
	strcpy(d.group, a->group);
	err = mn_kid(a->in.kpsa_id, strlen(a->in.kpsa_id), d.kid);
	if (err)
		return refuse("the kid cannot be computed");
	if (running)
		return mnt_daemon_add(a->store, a->socket, role, &d);
	err = mn_store_device_add(s, &d);
	if (err)
		mn_error("%s: %s", d.id, mn_store_error(s));
	return err;
}

static int add_peer(const struct arguments *a, struct mn_store *s, bool running)
{
	__attribute__((cleanup(mn_peer_record_fini))) struct mn_peer_record p = { 0 };
	int err;

	if (running)
		return refuse("the store is in use: stop its daemon to add a peer");
	strcpy(p.entity_id, a->peer);
	strcpy(p.kpsa_id, a->outer.kpsa_id);
	p.key = a->outer.key;
	err = mn_store_peer_add(s, &p);
	if (err)
		mn_error("%s: %s", p.entity_id, mn_store_error(s));
	return err;
}

static void warn_short(const struct arguments *a)
{
	const struct mn_key *keys[] = { &a->inner.key, &a->in.key, &a->outer.key };

	for (size_t i = 0; a->allow_short && i < sizeof(keys) / sizeof(keys[0]); i++)
		mnt_key_warn(keys[i]);
}

static void wipe(struct arguments *a)
{
	mn_zero(a, sizeof(*a));
}

int mnt_add(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Adds a device to a gateway's or an IN's store. When its daemon runs, the "
		       "daemon does it, at once.",
	};
	__attribute__((cleanup(mnt_store_close))) struct mn_store *s = NULL;
	__attribute__((cleanup(wipe))) struct arguments a = { 0 };
	bool running;
	int err;

	mnt_parse(&argp, argc, argv, &a);
	err = mnt_store_open(a.store, true, &s);
	running = err == -EBUSY;
	if (running)
		err = mnt_store_open(a.store, false, &s);
	if (err)
		return MNT_ERROR;
	mn_store_allow_short_keys(s, a.allow_short);
	warn_short(&a);
	err = a.peer[0] ? add_peer(&a, s, running) : add_device(&a, s, running);
	return err ? MNT_ERROR : MNT_OK;
}
