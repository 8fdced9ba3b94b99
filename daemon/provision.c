// SPDX-License-Identifier: GPL-2.0-or-later
/* Devices of the store in the gateway's table: at start, on reload, and one by one at run time. */
#include "provision.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/crypto.h"
#include "gateway.h"
#include "log.h"
#include "tell.h"

/* The group to serve a device in, NULL when `groups` leaves it out; *err is -ENOMEM or 0. */
static struct mnd_group *served(struct mnd_gateway *g, const char *name, int *err)
{
	struct mnd_group *group = mnd_group_find(&g->groups, name, g->settings.groups.n == 0);

	*err = !group && g->settings.groups.n == 0 ? -ENOMEM : 0;
	return group && (group->configured || g->settings.groups.n == 0) ? group : NULL;
}

static void remove_credential(struct mnd_gateway *g, struct mnd_credential *c)
{
	if (c->device)
		mn_session_close(c->device->messenger.session);
	c->group->members--;
	mnd_tell_del(g, c, mnd_credentials_del(&g->credentials, c, mn_loop_now(g->loop)));
}

static int add_credential(struct mnd_gateway *g, const struct mn_device_record *r,
			  struct mnd_group *group)
{
	struct mnd_credential *c;
	int err = mnd_credentials_add(&g->credentials, r, group, &c);

	if (err)
		return err;
	c->seen = true;
	group->members++;
	mnd_tell_add(g, c);
	if (g->credentials.keys->lock_error && !g->lock_told) {
		g->lock_told = true;
		mn_event(
			MN_EVENT_KEYS_UNLOCKED, MN_LOG_WARN,
			"keys could not be locked in memory (%s) and may reach swap: raise RLIMIT_MEMLOCK",
			strerror(g->credentials.keys->lock_error));
	}
	return 0;
}

int mnd_provision_groups(struct mnd_gateway *g)
{
	struct mnd_group *group;

	TAILQ_FOREACH(group, &g->groups.all, link)
	group->configured = false;
	for (size_t i = 0; i < g->settings.groups.n; i++) {
		group = mnd_group_find(&g->groups, g->settings.groups.items[i], true);
		if (!group)
			return -ENOMEM;
		group->configured = true;
	}
	return 0;
}

static int sync_one(void *arg, const struct mn_device_record *r)
{
	struct mnd_gateway *g = arg;
	struct mnd_credential *c;
	int err;
	struct mnd_group *group = served(g, r->group, &err);

	if (!group)
		return err;
	c = mnd_credentials_by_entity(&g->credentials, r->id);
	if (c && c->group == group && mnd_credential_same(&g->credentials, c, r)) {
		c->seen = true;
		return 0;
	}
	if (c)
		remove_credential(g, c);
	/* The identity may have been another device's before the store changed. */
	c = mnd_credentials_by_id(&g->credentials, r->kpsa_id, strlen(r->kpsa_id));
	if (c)
		remove_credential(g, c);
	return add_credential(g, r, group);
}

int mnd_provision_sync(struct mnd_gateway *g)
{
	struct mnd_credential *c, *next;
	int err;

	TAILQ_FOREACH(c, &g->credentials.all, link)
	c->seen = false;
	err = mn_store_device_each(g->store, sync_one, g);
	if (err)
		return err;
	for (c = TAILQ_FIRST(&g->credentials.all); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (!c->seen)
			remove_credential(g, c);
	}
	return 0;
}

int mnd_gateway_add(struct mnd_gateway *g, const struct mn_device_record *r, char err[256])
{
	int rc;
	struct mnd_group *group = served(g, r->group, &rc);

	if (!group) {
		snprintf(err, 256, "group %s is not served here: see `groups` in the configuration",
			 r->group);
		return rc ? rc : -EINVAL;
	}
	rc = mn_store_device_add(g->store, r);
	if (rc) {
		snprintf(err, 256, "%s", mn_store_error(g->store));
		return rc;
	}
	rc = add_credential(g, r, group);
	if (rc) {
		mn_store_device_del(g->store, r->id);
		snprintf(err, 256, "device %.200s: %s", r->id, strerror(-rc));
		return rc;
	}
	mn_event(MN_EVENT_DEVICE_ADDED, MN_LOG_INFO, "device %s added to group %s", r->id,
		 group->name);
	return 0;
}

int mnd_gateway_del(struct mnd_gateway *g, const char *entity, char err[256])
{
	struct mnd_credential *c = mnd_credentials_by_entity(&g->credentials, entity);
	int rc = mn_store_device_del(g->store, entity);

	if (rc) {
		snprintf(err, 256, "%s", mn_store_error(g->store));
		/* What the store no longer has is not served either. */
		if (rc != -ENOENT || !c)
			return rc;
	}
	if (c)
		remove_credential(g, c);
	mn_event(MN_EVENT_DEVICE_REMOVED, MN_LOG_INFO, "device %s removed", entity);
	return 0;
}
