// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys.h"

#include <errno.h>

#include "log.h"

enum { OPT_STORE = 1000, OPT_SOCKET, OPT_DEVICE, OPT_PEER };

struct arguments {
	const char *store;
	const char *socket;
	char device[MN_ENTITY_MAX + 1];
	char peer[MN_GATEWAY_ID_MAX + 1];
};

static const struct argp_option options[] = {
	{ "store", OPT_STORE, "PATH", 0, "the store, a gateway's or an IN's", 0 },
	{ "socket", OPT_SOCKET, "PATH", 0,
	  "control socket of the daemon that has the store open (as for add)", 0 },
	{ "device", OPT_DEVICE, "ID", 0, "the device's entity ID", 0 },
	{ "peer", OPT_PEER, "ID", 0, "instead: a gateway (IN's store) or the IN", 0 },
	{ 0 },
};

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
	case OPT_PEER:
		mnt_entity_arg(state, "--peer", arg, a->peer, sizeof(a->peer));
		return 0;
	case ARGP_KEY_END:
		if (!a->store || !a->device[0] == !a->peer[0])
			argp_error(state, "--store, and --device or --peer, are needed");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static int remove_one(const struct arguments *a, struct mn_store *s, bool running)
{
	int err;

	if (running && a->peer[0]) {
		mn_error("the store is in use: stop its daemon to remove a peer");
		return -EBUSY;
	}
	if (running)
		return mnt_daemon_remove(a->store, a->socket, mn_store_role(s), a->device);
	err = a->peer[0] ? mn_store_peer_del(s, a->peer) : mn_store_device_del(s, a->device);
	if (err)
		mn_error("%s: %s", a->peer[0] ? a->peer : a->device, mn_store_error(s));
	return err;
}

int mnt_remove(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Removes a device from a store. When its daemon runs, the daemon does it, "
		       "at once: the device's session ends.",
	};
	__attribute__((cleanup(mnt_store_close))) struct mn_store *s = NULL;
	struct arguments a = { 0 };
	bool running;
	int err;

	mnt_parse(&argp, argc, argv, &a);
	err = mnt_store_open(a.store, true, &s);
	running = err == -EBUSY;
	if (running)
		err = mnt_store_open(a.store, false, &s);
	if (err)
		return MNT_ERROR;
	return remove_one(&a, s, running) ? MNT_ERROR : MNT_OK;
}
