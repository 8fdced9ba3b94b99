// SPDX-License-Identifier: GPL-2.0-or-later
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect.h"
#include "control_dump.h"
#include "core/crypto.h"
#include "gateway.h"
#include "log.h"
#include "tell.h"

static int answer_status(struct mnd_gateway *g, struct mnd_collection *c)
{
	struct mn_ctl_request *r = c->request;
	uint64_t now = mn_loop_now(g->loop);
	struct nl_msg *m = mn_ctl_message(r, MNCSE_CMD_STATUS);
	int rc = 0;

	if (!m)
		return -ENOMEM;
	rc |= nla_put_string(m, MNCSE_A_ROLE, "gateway");
	rc |= nla_put_string(m, MNCSE_A_NAME, g->settings.gateway_id);
	rc |= nla_put_string(m, MNCSE_A_VERSION, MN_VERSION);
	rc |= nla_put_u32(m, MNCSE_A_PID, (uint32_t)getpid());
	rc |= nla_put_u64(m, MNCSE_A_UPTIME_MS, now - g->started_ms);
	rc |= nla_put_u64(m, MNCSE_A_SESSIONS, c->stats.inner.sessions);
	rc |= nla_put_u64(m, MNCSE_A_HALF_OPEN, c->stats.inner.half_open);
	rc |= nla_put_u64(m, MNCSE_A_DEVICES, g->credentials.n);
	rc |= nla_put_u32(m, MNCSE_A_GROUPS, (uint32_t)mnd_groups_count(&g->groups));
	rc |= nla_put_string(m, MNCSE_A_UPSTREAM, mnd_upstream_state_name(g->upstream.state));
	rc |= nla_put_string(m, MNCSE_A_UPSTREAM_ADDR, g->settings.upstream_address);
	rc |= nla_put_u64(m, MNCSE_A_UPSTREAM_SINCE_MS, now - g->upstream.since_ms);
	rc |= nla_put_u64(m, MNCSE_A_RSS_BYTES, mnd_stats_rss_bytes());
	rc |= nla_put_u64(m, MNCSE_A_CPU_US, mnd_stats_cpu_us());
	rc |= nla_put_string(m, MNCSE_A_STORE, g->settings.store);
	for (size_t i = 0; i < g->settings.listen.n; i++)
		rc |= nla_put_string(m, MNCSE_A_LISTEN, g->settings.listen.items[i]);
	return mnd_control_answer(r, m, rc);
}

static int status_get(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	(void)attrs;
	return mnd_collect(mnd_collection_new(arg, MND_COLLECT_STATS, r, answer_status));
}

static int config_get(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	const struct mnd_gateway *g = arg;
	struct nl_msg *m;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int rc;

	(void)attrs;
	if (!f)
		return -ENOMEM;
	mnd_settings_print(f, &g->settings);
	if (fclose(f)) {
		free(text);
		return -ENOMEM;
	}
	m = mn_ctl_message(r, MNCSE_CMD_CONFIG);
	if (!m) {
		free(text);
		return -ENOMEM;
	}
	rc = nla_put_string(m, MNCSE_A_TEXT, text);
	free(text);
	return mnd_control_answer(r, m, rc);
}

static int rekey(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	const struct mnd_gateway *g = arg;

	(void)attrs;
	return mn_ctl_fail(
		r, -EOPNOTSUPP,
		"only the IN draws a Rand: send rekey to incsed of %s (mncsectl --socket)",
		g->settings.in_id);
}

/* Ends the session of that entity, or with that ID, at whichever worker has it. */
struct eviction {
	struct mnd_call call;
	struct mn_ctl_request *request;
	uint64_t id; /* 0: by entity */
	char entity[MN_ENTITY_MAX + 1];
};

static struct mnd_device *find_session(struct mnd_gateway *g, uint64_t id)
{
	struct mnd_group *group;
	struct mnd_device *d;

	TAILQ_FOREACH(group, &g->groups.all, link)
	{
		TAILQ_FOREACH(d, &group->connected, link)
		{
			if (mn_session_id(d->messenger.session) == id)
				return d;
		}
	}
	return NULL;
}

static void run_evict(struct mnd_gateway *g, struct mnd_call *call)
{
	struct eviction *e = (struct eviction *)call;
	struct mnd_credential *c =
		e->id ? NULL : mnd_credentials_by_entity(&g->credentials, e->entity);
	struct mnd_device *d = e->id ? find_session(g, e->id) : c ? c->device : NULL;

	if (!d)
		return;
	mn_session_close(d->messenger.session);
	call->part[g->index].result = e;
}

static void evicted(struct mnd_gateway *g, struct mnd_call *call)
{
	struct eviction *e = (struct eviction *)call;
	bool found = false;
	int rc = 0;

	(void)g;
	for (unsigned int i = 0; i < call->n; i++)
		found |= call->part[i].result != NULL;
	if (!found && e->id)
		rc = mn_ctl_fail(e->request, -ENOENT, "no session %llu", (unsigned long long)e->id);
	else if (!found)
		rc = mn_ctl_fail(e->request, -ENOENT, "device %s has no session", e->entity);
	mn_ctl_finish(e->request, rc);
}

static int evict(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	struct mnd_gateway *g = arg;
	char entity[MN_ENTITY_MAX + 1] = "";
	struct eviction *e;
	uint64_t id = 0;

	if (!attrs[MNCSE_A_ENTITY] == !attrs[MNCSE_A_SESSION_ID])
		return mn_ctl_fail(r, -EINVAL, "either entity or session_id is needed");
	if (attrs[MNCSE_A_ENTITY]) {
		int rc = mnd_control_entity(r, attrs, entity);

		if (rc)
			return rc;
		if (!mnd_credentials_by_entity(&g->credentials, entity))
			return mn_ctl_fail(r, -ENOENT, "no device %s", entity);
	} else {
		id = nla_get_u64(attrs[MNCSE_A_SESSION_ID]);
		if (!id)
			return mn_ctl_fail(r, -ENOENT, "no session 0");
	}
	e = mnd_call_new(g, sizeof(*e), run_evict, evicted);
	if (!e)
		return -ENOMEM;
	e->request = r;
	e->id = id;
	memcpy(e->entity, entity, sizeof(entity));
	mnd_call_all(&e->call);
	return MN_CTL_LATER;
}

/* The kid is provisioned with the device. Without one it is that of the KpsaxiId that mncse-keys makes, <entity>@<IN's ID>: for a device
 * whose KpsaxmId was made so, <entity>@<gateway's ID>. Of another's nobody here can know it, and a wrong one shuts the device out. */
static int read_kid(const struct mnd_gateway *g, struct mn_ctl_request *r, struct nlattr **attrs,
		    struct mn_device_record *d)
{
	char id[MN_ENTITY_MAX + MN_GATEWAY_ID_MAX + 2];

	if (attrs[MNCSE_A_KID]) {
		if (nla_len(attrs[MNCSE_A_KID]) != MN_KID_LEN)
			return mn_ctl_fail(r, -EINVAL, "kid: expected %d bytes, found %d",
					   MN_KID_LEN, nla_len(attrs[MNCSE_A_KID]));
		memcpy(d->kid, nla_data(attrs[MNCSE_A_KID]), MN_KID_LEN);
		return 0;
	}
	snprintf(id, sizeof(id), "%s@%s", d->id, g->settings.gateway_id);
	if (strcmp(id, d->kpsa_id) != 0)
		return mn_ctl_fail(
			r, -EINVAL,
			"kid: needed, with --kid or --in-id: %s does not tell the KpsaxiId",
			d->kpsa_id);
	snprintf(id, sizeof(id), "%s@%s", d->id, g->settings.in_id);
	if (mn_kpsa_id_check(id, strlen(id)))
		return mn_ctl_fail(r, -EINVAL, "kid: needed, because %s is no KpsaxiId", id);
	mn_info("device %s: no kid was given, taken is that of %s", d->id, id);
	return mn_kid(id, strlen(id), d->kid);
}

static int read_device(const struct mnd_gateway *g, struct mn_ctl_request *r, struct nlattr **attrs,
		       struct mn_device_record *d)
{
	const char *group = nla_get_string(attrs[MNCSE_A_GROUP]);
	const char *id = nla_get_string(attrs[MNCSE_A_KPSA_ID]);
	int key_len = nla_len(attrs[MNCSE_A_KEY]);
	char name[MN_ENTITY_MAX + 1];
	size_t len;
	int rc = mnd_control_entity(r, attrs, d->id);

	if (rc)
		return rc;
	rc = mn_entity_normalise(group, strlen(group), name, &len);
	if (rc || len > MN_GROUP_MAX)
		return mn_ctl_fail(r, -EINVAL, "group: %s",
				   rc ? mn_identity_strerror(rc) : "longer than 64 bytes");
	memcpy(d->group, name, len + 1);
	rc = mn_kpsa_id_check(id, strlen(id));
	if (rc)
		return mn_ctl_fail(r, -EINVAL, "kpsa_id: %s", mn_identity_strerror(rc));
	snprintf(d->kpsa_id, sizeof(d->kpsa_id), "%s", id);
	if (key_len < 1 || key_len > MN_KEY_MAX)
		return mn_ctl_fail(r, -EINVAL, "key: expected %d to %d bytes, found %d", MN_KEY_MIN,
				   MN_KEY_MAX, key_len);
	memcpy(d->key.bytes, nla_data(attrs[MNCSE_A_KEY]), (size_t)key_len);
	d->key.len = (uint8_t)key_len;
	return read_kid(g, r, attrs, d);
}

static int device_add(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	struct mnd_gateway *g = arg;
	struct mn_device_record d = { 0 };
	char err[256];
	int rc = read_device(g, r, attrs, &d);

	if (!rc) {
		rc = mnd_gateway_add(g, &d, err);
		if (rc)
			mn_ctl_fail(r, rc, "%s", err);
	}
	mn_zero(&d, sizeof(d));
	return rc ? rc : mnd_tell_finish(g, r, 0);
}

static int device_del(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	struct mnd_gateway *g = arg;
	char entity[MN_ENTITY_MAX + 1], err[256];
	int rc = mnd_control_entity(r, attrs, entity);

	if (rc)
		return rc;
	rc = mnd_gateway_del(g, entity, err);
	return rc ? mn_ctl_fail(r, rc, "%s", err) : mnd_tell_finish(g, r, 0);
}

static int reload(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	struct mnd_gateway *g = arg;
	char err[512];
	int rc = mnd_gateway_reload(g, err);

	(void)attrs;
	if (rc) {
		mn_event(MN_EVENT_RELOAD_REFUSED, MN_LOG_ERROR, "reload: %s", err);
		return mn_ctl_fail(r, rc, "%s", err);
	}
	mn_event(MN_EVENT_RELOADED, MN_LOG_INFO, "configuration and store read again");
	return mnd_tell_finish(g, r, 0);
}

#define LIST(...) ((const uint8_t[]){ __VA_ARGS__, 0 })
#define NOTHING ((const uint8_t[]){ 0 })

static const struct mn_ctl_command commands[] = {
	{ MNCSE_CMD_STATUS_GET, false, false, NULL, NOTHING, status_get },
	{ MNCSE_CMD_LAYERS_GET, false, true, NULL, NOTHING, mnd_control_layers },
	{ MNCSE_CMD_SESSION_GET, false, true, NULL,
	  LIST(MNCSE_A_GROUP, MNCSE_A_ENTITY, MNCSE_A_ADDRESS, MNCSE_A_STATE),
	  mnd_control_sessions },
	{ MNCSE_CMD_GROUP_GET, false, true, NULL, NOTHING, mnd_control_groups },
	{ MNCSE_CMD_DEVICE_GET, false, true, NULL, NOTHING, mnd_control_devices },
	{ MNCSE_CMD_STATS_GET, false, true, NULL, NOTHING, mnd_control_stats },
	{ MNCSE_CMD_CONFIG_GET, false, false, NULL, NOTHING, config_get },
	{ MNCSE_CMD_REKEY, true, false, NULL, LIST(MNCSE_A_GROUP, MNCSE_A_GATEWAY), rekey },
	{ MNCSE_CMD_EVICT, true, false, NULL, LIST(MNCSE_A_ENTITY, MNCSE_A_SESSION_ID), evict },
	{ MNCSE_CMD_DEVICE_ADD, true, false,
	  LIST(MNCSE_A_ENTITY, MNCSE_A_GROUP, MNCSE_A_KPSA_ID, MNCSE_A_KEY), LIST(MNCSE_A_KID),
	  device_add },
	{ MNCSE_CMD_DEVICE_DEL, true, false, LIST(MNCSE_A_ENTITY), NOTHING, device_del },
	{ MNCSE_CMD_RELOAD, true, false, NULL, NOTHING, reload },
};

int mnd_control_start(struct mnd_gateway *g, char err[256])
{
	return mn_ctl_server_new(g->loop, g->settings.control, commands,
				 sizeof(commands) / sizeof(commands[0]), g, &g->control, err);
}
