// SPDX-License-Identifier: GPL-2.0-or-later
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/crypto.h"
#include "in.h"
#include "log.h"

/* Every change ends the open batch first: nothing that waits names what changes, and the store's error is the change's own. */

/* ---- REKEY ---- */

static bool rekeys(const struct mnt_group *g, struct nlattr **attrs)
{
	return !strcmp(g->name, nla_get_string(attrs[MNCSE_A_GROUP])) &&
	       (!attrs[MNCSE_A_GATEWAY] ||
		!strcmp(g->gateway->id, nla_get_string(attrs[MNCSE_A_GATEWAY])));
}

/* A group of that name at several gateways is several groups: each gets a Rand of its own. */
int mnt_change_rekey(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	struct mnt_in *in = arg;
	struct mnt_node *n = NULL;
	unsigned int found = 0;
	int err = 0;

	mnt_commit_now(&in->commit);
	while (!err && (n = mnt_table_walk(&in->groups.table, n))) {
		struct mnt_group *g = mnt_of(n, struct mnt_group, node);

		if (!rekeys(g, attrs))
			continue;
		found++;
		err = mnt_group_draw(g);
	}
	if (!found)
		return mn_ctl_fail(
			r, -ENOENT, "no group %s%s%s", nla_get_string(attrs[MNCSE_A_GROUP]),
			attrs[MNCSE_A_GATEWAY] ? " at gateway " : "",
			attrs[MNCSE_A_GATEWAY] ? nla_get_string(attrs[MNCSE_A_GATEWAY]) : "");
	if (mnt_commit_now(&in->commit))
		return mn_ctl_fail(r, -EIO, "the store did not take the new Rand: see the log");
	if (err)
		return mn_ctl_fail(r, err, "no Rand could be drawn: %s", strerror(-err));
	while (!err && (n = mnt_table_walk(&in->groups.table, n))) {
		const struct mnt_group *g = mnt_of(n, struct mnt_group, node);

		if (rekeys(g, attrs))
			err = mnt_control_group(r, g);
	}
	return err;
}

/* ---- EVICT ---- */

/* The connected direct device that is meant, NULL when there is none. */
static struct mnt_direct *evicted(const struct mnt_in *in, struct nlattr **attrs)
{
	struct mnt_node *n = NULL;

	if (attrs[MNCSE_A_ENTITY]) {
		const struct mnt_device *d =
			mnt_device_by_id(&in->devices, nla_get_string(attrs[MNCSE_A_ENTITY]));

		return d && d->direct && d->direct->session ? d->direct : NULL;
	}
	while ((n = mnt_table_walk(&in->directs.by_kpsa, n))) {
		struct mnt_direct *p = mnt_of(n, struct mnt_direct, by_kpsa);

		if (p->session && p->session_id == nla_get_u64(attrs[MNCSE_A_SESSION_ID]))
			return p;
	}
	return NULL;
}

int mnt_change_evict(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	struct mnt_in *in = arg;
	struct mnt_node *n = NULL;
	struct mnt_direct *p;

	if (!attrs[MNCSE_A_ENTITY] == !attrs[MNCSE_A_SESSION_ID])
		return mn_ctl_fail(r, -EINVAL, "either entity or session_id is needed");
	while ((n = mnt_table_walk(&in->gateways.by_id, n))) {
		const struct mnt_gateway *w = mnt_of(n, struct mnt_gateway, by_id);

		if (!w->link)
			continue;
		if (attrs[MNCSE_A_ENTITY] ?
			    strcmp(w->id, nla_get_string(attrs[MNCSE_A_ENTITY])) != 0 :
			    mn_session_id(w->link->session) !=
				    nla_get_u64(attrs[MNCSE_A_SESSION_ID]))
			continue;
		mn_info("gateway %s: session closed by command", w->id);
		mn_session_close(w->link->session);
		return 0;
	}
	p = evicted(in, attrs);
	if (!p)
		return mn_ctl_fail(r, -ENOENT, "no such gateway or device is connected");
	mn_info("device %s: session closed by command", p->device->id);
	mn_session_close(p->session);
	return 0;
}

/* ---- devices ---- */

static int take_gateway(struct mnt_in *in, struct mn_ctl_request *r, struct nlattr *a,
			struct mn_device_record *d)
{
	struct mnt_node *n;

	if (a) {
		snprintf(d->gateway_id, sizeof(d->gateway_id), "%s", nla_get_string(a));
	} else if (in->gateways.by_id.n == 1) {
		n = mnt_table_walk(&in->gateways.by_id, NULL);
		memcpy(d->gateway_id, mnt_of(n, struct mnt_gateway, by_id)->id,
		       sizeof(d->gateway_id));
	} else {
		return mn_ctl_fail(r, -EINVAL, "gateway is needed: the IN has %zu",
				   in->gateways.by_id.n);
	}
	if (!mnt_gateway_by_id(&in->gateways, d->gateway_id))
		return mn_ctl_fail(r, -ENOENT, "the IN has no gateway %s", d->gateway_id);
	return 0;
}

static int take_names(struct mn_ctl_request *r, struct nlattr **attrs, struct mn_device_record *d)
{
	const char *id = nla_get_string(attrs[MNCSE_A_ENTITY]);
	const char *kpsa = nla_get_string(attrs[MNCSE_A_KPSA_ID]);
	size_t len;
	int err = mn_entity_normalise(id, strlen(id), d->id, &len);

	if (err)
		return mn_ctl_fail(r, err, "entity: %s", mn_identity_strerror(err));
	err = mn_kpsa_id_check(kpsa, strlen(kpsa));
	if (err)
		return mn_ctl_fail(r, err, "kpsa_id: %s", mn_identity_strerror(err));
	snprintf(d->kpsa_id, sizeof(d->kpsa_id), "%s", kpsa);
	snprintf(d->group, sizeof(d->group), "%s", nla_get_string(attrs[MNCSE_A_GROUP]));
	err = mn_kid(kpsa, strlen(kpsa), d->kid);
	if (err)
		return mn_ctl_fail(r, err, "no kid could be computed");
	if (attrs[MNCSE_A_KID] && memcmp(nla_data(attrs[MNCSE_A_KID]), d->kid, MN_KID_LEN))
		return mn_ctl_fail(r, -EINVAL, "kid is not that of kpsa_id");
	return 0;
}

static int take_key(struct mn_ctl_request *r, struct nlattr **attrs, struct mn_device_record *d)
{
	const char *use = attrs[MNCSE_A_USE] ? nla_get_string(attrs[MNCSE_A_USE]) : "group";
	size_t len = (size_t)nla_len(attrs[MNCSE_A_KEY]);

	if (strcmp(use, "group") && strcmp(use, "direct"))
		return mn_ctl_fail(r, -EINVAL, "use is group or direct");
	if (len < MN_KEY_MIN || len > MN_KEY_MAX)
		return mn_ctl_fail(r, -EINVAL, "key has %d to %d bytes", MN_KEY_MIN, MN_KEY_MAX);
	d->use = strcmp(use, "group") ? MN_USE_DIRECT : MN_USE_GROUP;
	d->key.len = (uint8_t)len;
	memcpy(d->key.bytes, nla_data(attrs[MNCSE_A_KEY]), len);
	return 0;
}

/* A group that has its first device gets a Rand, and the gateway gets that. */
static void offer_first(struct mnt_group *g)
{
	if (!g->current.number)
		mnt_group_draw(g);
	else if (g->members == 1)
		mnt_gateway_offer(g);
}

static int add(struct mnt_in *in, struct mn_ctl_request *r, const struct mn_device_record *record)
{
	struct mnt_device *d;
	int err;

	mnt_commit_now(&in->commit);
	err = mn_store_device_add(in->store, record);
	if (err)
		return mn_ctl_fail(r, err, "%s", mn_store_error(in->store));
	err = mnt_in_device(in, record, &d);
	if (err) {
		mn_store_device_del(in->store, record->id);
		return mn_ctl_fail(r, err, "the device was not added: %s", strerror(-err));
	}
	mn_event(MN_EVENT_DEVICE_ADDED, MN_LOG_INFO, "device %s added to group %s of %s", d->id,
		 d->group->name, d->group->gateway->id);
	if (d->use == MN_USE_GROUP)
		offer_first(d->group);
	return 0;
}

int mnt_change_device_add(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	struct mnt_in *in = arg;
	struct mn_device_record d = { 0 };
	int err = take_names(r, attrs, &d);

	if (!err)
		err = take_gateway(in, r, attrs[MNCSE_A_GATEWAY], &d);
	if (!err)
		err = take_key(r, attrs, &d);
	if (!err)
		err = add(in, r, &d);
	mn_zero(&d, sizeof(d));
	return err;
}

/* Its Ksx and contexts die here, whatever the gateway still does with its session; so does a session of its own. */
int mnt_change_device_del(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	struct mnt_in *in = arg;
	const char *given = nla_get_string(attrs[MNCSE_A_ENTITY]);
	char id[MN_ENTITY_MAX + 1];
	struct mnt_device *d;
	size_t len;
	int err = mn_entity_normalise(given, strlen(given), id, &len);

	if (err)
		return mn_ctl_fail(r, err, "entity: %s", mn_identity_strerror(err));
	mnt_commit_now(&in->commit);
	err = mn_store_device_del(in->store, id);
	if (err)
		return mn_ctl_fail(r, err, "%s", mn_store_error(in->store));
	d = mnt_device_by_id(&in->devices, id);
	if (d && d->direct)
		mnt_direct_revoke(in, d->direct);
	if (d)
		mnt_device_del(&in->devices, d);
	mn_event(MN_EVENT_DEVICE_REMOVED, MN_LOG_INFO, "device %s revoked", id);
	return 0;
}

/* ---- RELOAD ---- */

int mnt_change_reload(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	char err[512];
	int e = mnt_in_reload(arg, err);

	(void)attrs;
	if (!e)
		return 0;
	mn_event(MN_EVENT_RELOAD_REFUSED, MN_LOG_ERROR, "nothing was changed: %s", err);
	return mn_ctl_fail(r, e, "%s", err);
}
