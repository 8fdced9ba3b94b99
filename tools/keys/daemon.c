// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys.h"

#include <errno.h>
#include <limits.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "log.h"

#define TIMEOUT_MS 10000

static const char *daemon_name(enum mn_store_role role)
{
	return role == MN_STORE_IN ? "incsed" : "mncsed";
}

/* Where init's configuration puts the control socket, then where the packaged daemons have it. */
static void find_socket(const char *store, enum mn_store_role role, char *out, size_t size)
{
	const char *slash = strrchr(store, '/');
	int folder = slash ? (int)(slash - store) + 1 : 0;

	if (snprintf(out, size, "%.*s%s.sock", folder, store, daemon_name(role)) < (int)size &&
	    !access(out, F_OK))
		return;
	snprintf(out, size, "/run/mncse/%s.sock", daemon_name(role));
}

/* Sends msg and frees it. */
static int ask(const char *store, const char *socket, enum mn_store_role role, struct nl_msg *msg)
{
	struct mn_ctl_client *c;
	char path[PATH_MAX];
	char text[256];
	int err;

	if (socket)
		snprintf(path, sizeof(path), "%s", socket);
	else
		find_socket(store, role, path, sizeof(path));
	err = mn_ctl_connect(path, TIMEOUT_MS, &c, text);
	if (err) {
		nlmsg_free(msg);
		mn_error("%s is in use by another process, and %s cannot be asked: %s", store,
			 daemon_name(role), text);
		return err;
	}
	err = mn_ctl_call(c, msg, NULL, NULL, text);
	mn_ctl_disconnect(c);
	if (err)
		mn_error("%s: %s", daemon_name(role), text);
	return err;
}

static int no_memory(struct nl_msg *msg)
{
	nlmsg_free(msg);
	mn_error("no memory");
	return -ENOMEM;
}

int mnt_daemon_add(const char *store, const char *socket, enum mn_store_role role,
		   const struct mn_device_record *d)
{
	struct nl_msg *msg = mn_ctl_request_new(MNCSE_CMD_DEVICE_ADD, false);
	int err;

	if (!msg)
		return no_memory(msg);
	err = nla_put_string(msg, MNCSE_A_ENTITY, d->id);
	err = err ?: nla_put_string(msg, MNCSE_A_GROUP, d->group);
	err = err ?: nla_put_string(msg, MNCSE_A_KPSA_ID, d->kpsa_id);
	err = err ?: nla_put(msg, MNCSE_A_KEY, d->key.len, d->key.bytes);
	if (role == MN_STORE_IN) {
		err = err ?: nla_put_string(msg, MNCSE_A_GATEWAY, d->gateway_id);
		err = err   ?:
			      nla_put_string(msg, MNCSE_A_USE,
					     d->use == MN_USE_DIRECT ? "direct" : "group");
	} else {
		err = err ?: nla_put(msg, MNCSE_A_KID, sizeof(d->kid), d->kid);
	}
	return err ? no_memory(msg) : ask(store, socket, role, msg);
}

int mnt_daemon_remove(const char *store, const char *socket, enum mn_store_role role,
		      const char *id)
{
	struct nl_msg *msg = mn_ctl_request_new(MNCSE_CMD_DEVICE_DEL, false);

	if (!msg || nla_put_string(msg, MNCSE_A_ENTITY, id))
		return no_memory(msg);
	return ask(store, socket, role, msg);
}
