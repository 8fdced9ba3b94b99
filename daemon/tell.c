// SPDX-License-Identifier: GPL-2.0-or-later
#include "tell.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/crypto.h"
#include "gateway.h"
#include "log.h"

/* Pointers to a credential or a group of worker 0 may be in a call: what is read of them never changes, a credential stays in its grave for
 * ten minutes, and groups stay. */

static void *new_call(struct mnd_gateway *g, size_t size, mnd_call_fn *run, mnd_call_fn *done)
{
	void *c = mnd_call_new(g, size, run, done);

	if (!c)
		mn_error("out of memory: not all workers know of a change; restart the gateway");
	return c;
}

struct rand_call {
	struct mnd_call call;
	struct mn_generation stored;
	uint32_t number;
};

static void run_rand(struct mnd_gateway *g, struct mnd_call *call)
{
	struct rand_call *c = (struct rand_call *)call;
	struct mnd_group *group;

	if (g->index == 0)
		return;
	group = mnd_group_set(&g->groups, &c->stored);
	if (group) {
		group->number = c->number;
		mnd_fanout_group(&g->fanout, group);
		return;
	}
	mn_error("out of memory: group %s has no Rand at worker %u", c->stored.group, g->index);
}

void mnd_tell_rand(struct mnd_gateway *g, const struct mnd_group *group)
{
	struct rand_call *c = g->crew ? new_call(g, sizeof(*c), run_rand, NULL) : NULL;

	if (!c)
		return;
	snprintf(c->stored.group, sizeof(c->stored.group), "%s", group->name);
	c->number = group->number;
	c->stored.generation = group->generation;
	c->stored.created = group->created;
	memcpy(c->stored.rand, group->rand, MN_RAND_LEN);
	mnd_call_all(&c->call);
}

struct upstream_call {
	struct mnd_call call;
	enum mnd_upstream_state state;
	uint64_t retry_at_ms;
	union mn_addr address;
};

static void run_upstream(struct mnd_gateway *g, struct mnd_call *call)
{
	struct upstream_call *c = (struct upstream_call *)call;

	if (g->index == 0)
		return;
	g->upstream.state = c->state;
	g->upstream.retry_at_ms = c->retry_at_ms;
	g->upstream.address = c->address;
}

void mnd_tell_upstream(struct mnd_gateway *g)
{
	struct upstream_call *c = g->crew ? new_call(g, sizeof(*c), run_upstream, NULL) : NULL;

	if (!c)
		return;
	c->state = g->upstream.state;
	c->retry_at_ms = g->upstream.retry_at_ms;
	c->address = g->upstream.address;
	mnd_call_all(&c->call);
}

static void run_drain(struct mnd_gateway *g, struct mnd_call *call)
{
	(void)call;
	g->draining = true;
	mn_endpoint_drain(g->inner);
}

/* Requests that are on their way here arrive before the last of the others has come back. */
static void drained(struct mnd_gateway *g, struct mnd_call *call)
{
	if (!call->cancelled)
		mnd_gateway_drain_begin(g);
}

void mnd_tell_drain(struct mnd_gateway *g)
{
	struct mnd_call *c = mnd_call_new(g, sizeof(*c), run_drain, drained);

	if (c)
		mnd_call_all(c);
	else
		mn_loop_stop(g->loop);
}

struct settings_call {
	struct mnd_call call;
	struct mnd_settings settings;
};

static void run_settings(struct mnd_gateway *g, struct mnd_call *call)
{
	struct settings_call *c = (struct settings_call *)call;
	int err;

	if (g->index == 0)
		return;
	g->settings = c->settings;
	err = mnd_gateway_limits(g);
	if (err)
		mn_error("worker %u: limits: %s", g->index, strerror(-err));
}

void mnd_tell_settings(struct mnd_gateway *g)
{
	struct settings_call *c = g->crew ? new_call(g, sizeof(*c), run_settings, NULL) : NULL;

	if (!c)
		return;
	mnd_settings_share(&c->settings, &g->settings);
	mnd_call_all(&c->call);
}

struct keys_call {
	struct mnd_call call;
	struct mncse_cookie_key keys[2];
};

static void run_keys(struct mnd_gateway *g, struct mnd_call *call)
{
	struct keys_call *c = (struct keys_call *)call;

	if (g->index)
		mn_endpoint_set_cookie_keys(g->inner, c->keys);
}

static void keys_taken(struct mnd_gateway *g, struct mnd_call *call)
{
	struct keys_call *c = (struct keys_call *)call;

	(void)g;
	mn_zero(c->keys, sizeof(c->keys));
}

void mnd_tell_cookie_keys(struct mnd_gateway *g, const struct mncse_cookie_key keys[2])
{
	struct keys_call *c;

	if (!g->crew || !g->crew->threads ||
	    !memcmp(g->crew->cookie_keys, keys, sizeof(g->crew->cookie_keys)))
		return;
	memcpy(g->crew->cookie_keys, keys, sizeof(g->crew->cookie_keys));
	c = new_call(g, sizeof(*c), run_keys, keys_taken);
	if (!c)
		return;
	memcpy(c->keys, keys, sizeof(c->keys));
	mnd_call_all(&c->call);
}

struct credential_call {
	struct mnd_call call;
	const struct mnd_credential *credential;
	const char *group;
	uint32_t group_number;
	uint32_t key_slot;
};

static void run_add(struct mnd_gateway *g, struct mnd_call *call)
{
	struct credential_call *c = (struct credential_call *)call;
	struct mnd_group *group;

	if (g->index == 0)
		return;
	group = mnd_group_find(&g->groups, c->group, true);
	if (!group || mnd_credentials_copy(&g->credentials, c->credential, group)) {
		mn_error("out of memory: worker %u does not know device %s", g->index,
			 c->credential->entity);
		return;
	}
	group->number = c->group_number;
	group->members++;
}

void mnd_tell_add(struct mnd_gateway *g, const struct mnd_credential *credential)
{
	struct credential_call *c = g->crew ? new_call(g, sizeof(*c), run_add, NULL) : NULL;

	if (!c)
		return;
	c->credential = credential;
	c->group = credential->group->name;
	c->group_number = credential->group->number;
	mnd_call_all(&c->call);
}

static void run_del(struct mnd_gateway *g, struct mnd_call *call)
{
	struct credential_call *c = (struct credential_call *)call;
	struct mnd_credential *mine;

	if (g->index == 0)
		return;
	mine = mnd_credentials_by_entity(&g->credentials, c->credential->entity);
	if (!mine)
		return;
	if (mine->device)
		mn_session_close(mine->device->messenger.session);
	mine->group->members--;
	mnd_credentials_del(&g->credentials, mine, mn_loop_now(g->loop));
}

static void deleted(struct mnd_gateway *g, struct mnd_call *call)
{
	mnd_keyring_del(g->credentials.keys, ((struct credential_call *)call)->key_slot);
}

void mnd_tell_del(struct mnd_gateway *g, const struct mnd_credential *credential, uint32_t key_slot)
{
	struct credential_call *c = g->crew ? new_call(g, sizeof(*c), run_del, deleted) : NULL;

	if (!c) {
		if (!g->crew)
			mnd_keyring_del(g->credentials.keys, key_slot);
		return;
	}
	c->credential = credential;
	c->key_slot = key_slot;
	mnd_call_all(&c->call);
}

struct finish_call {
	struct mnd_call call;
	struct mn_ctl_request *request;
	int err;
};

static void run_nothing(struct mnd_gateway *g, struct mnd_call *call)
{
	(void)g;
	(void)call;
}

static void finished(struct mnd_gateway *g, struct mnd_call *call)
{
	struct finish_call *c = (struct finish_call *)call;

	(void)g;
	mn_ctl_finish(c->request, c->err);
}

int mnd_tell_finish(struct mnd_gateway *g, struct mn_ctl_request *r, int err)
{
	struct finish_call *c = mnd_call_new(g, sizeof(*c), run_nothing, finished);

	if (!c)
		return -ENOMEM;
	c->request = r;
	c->err = err;
	mnd_call_all(&c->call);
	return MN_CTL_LATER;
}
