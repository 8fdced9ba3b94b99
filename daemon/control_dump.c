// SPDX-License-Identifier: GPL-2.0-or-later
#include "control_dump.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect.h"
#include "gateway.h"

int mnd_control_answer(struct mn_ctl_request *r, struct nl_msg *m, int rc)
{
	if (rc) {
		nlmsg_free(m);
		return mn_ctl_fail(r, -EMSGSIZE, "the answer does not fit into a message");
	}
	return mn_ctl_answer(r, m);
}

int mnd_control_entity(struct mn_ctl_request *r, struct nlattr **attrs, char out[MN_ENTITY_MAX + 1])
{
	const char *text = nla_get_string(attrs[MNCSE_A_ENTITY]);
	size_t len;
	int rc = mn_entity_normalise(text, strlen(text), out, &len);

	return rc ? mn_ctl_fail(r, -EINVAL, "entity: %s", mn_identity_strerror(rc)) : 0;
}

/* detail: of an active one; NULL: none. */
static int layer(struct mn_ctl_request *r, const char *name, const char *why_not,
		 const char *detail)
{
	struct nl_msg *m = mn_ctl_message(r, MNCSE_CMD_LAYERS);
	int rc = 0;

	if (!m)
		return -ENOMEM;
	rc |= nla_put_string(m, MNCSE_A_LAYER, name);
	rc |= nla_put_u8(m, MNCSE_A_ACTIVE, why_not == NULL);
	if (why_not)
		rc |= nla_put_string(m, MNCSE_A_REASON, why_not);
	else if (detail)
		rc |= nla_put_string(m, MNCSE_A_TEXT, detail);
	return mnd_control_answer(r, m, rc);
}

int mnd_control_layers(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	const struct mnd_gateway *g = arg;
	char text[512];
	bool active = mnd_steer_layer(g->classify.steer, text);
	int rc = layer(r, "control", NULL, NULL);

	(void)attrs;
	if (!rc)
		rc = layer(r, "data", NULL, NULL);
	if (!rc)
		rc = layer(r, "classify", active ? NULL : text, text);
	return rc ? rc : layer(r, "offload", "this build has no kernel module", NULL);
}

static int session(struct mn_ctl_request *r, const struct mnd_session_row *s)
{
	struct nl_msg *m = mn_ctl_message(r, MNCSE_CMD_SESSION);
	char text[MN_ADDR_TEXT];
	int rc = 0;

	if (!m)
		return -ENOMEM;
	rc |= nla_put_u64(m, MNCSE_A_SESSION_ID, s->id);
	rc |= nla_put_string(m, MNCSE_A_ENTITY, s->entity);
	rc |= nla_put_string(m, MNCSE_A_GROUP, s->group);
	rc |= nla_put_string(m, MNCSE_A_ADDRESS, mn_addr_text(&s->peer, text));
	rc |= nla_put_string(m, MNCSE_A_STATE, mnd_state_name((enum mnd_state)s->state));
	rc |= nla_put_string(m, MNCSE_A_SUITE, mn_suite_name((enum mn_suite)s->suite));
	rc |= nla_put_u64(m, MNCSE_A_AGE_MS, s->age_ms);
	rc |= nla_put_u64(m, MNCSE_A_IDLE_MS, s->idle_ms);
	rc |= nla_put_u32(m, MNCSE_A_HANDSHAKE_US, s->handshake_us);
	if (s->has_generation)
		rc |= nla_put_u32(m, MNCSE_A_GENERATION, s->generation);
	rc |= nla_put_u64(m, MNCSE_A_REQUESTS, s->requests);
	rc |= nla_put_u64(m, MNCSE_A_ANSWERS, s->answers);
	return mnd_control_answer(r, m, rc);
}

static int answer_sessions(struct mnd_gateway *g, struct mnd_collection *c)
{
	int rc = 0;

	(void)g;
	for (size_t i = 0; i < c->n && !rc; i++)
		rc = session(c->request, &c->sessions[i]);
	return rc;
}

/* A text longer than any name there is matches nothing, as it should. */
static void filter_text(char *out, size_t size, struct nlattr *a)
{
	if (a)
		snprintf(out, size, "%s", nla_get_string(a));
}

static int read_filter(struct mnd_session_filter *f, struct mn_ctl_request *r,
		       struct nlattr **attrs)
{
	const char *address;

	filter_text(f->group, sizeof(f->group), attrs[MNCSE_A_GROUP]);
	filter_text(f->state, sizeof(f->state), attrs[MNCSE_A_STATE]);
	if (attrs[MNCSE_A_ENTITY] && mnd_control_entity(r, attrs, f->entity))
		return -EINVAL;
	if (!attrs[MNCSE_A_ADDRESS])
		return 0;
	address = nla_get_string(attrs[MNCSE_A_ADDRESS]);
	f->by_address = true;
	f->by_port = !mn_addr_parse(address, 0, &f->address);
	if (!f->by_port && mn_addr_parse(address, 1, &f->address))
		return mn_ctl_fail(r, -EINVAL,
				   "address: expected one such as 192.0.2.1 or [2001:db8::1]:5684");
	return 0;
}

int mnd_control_sessions(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	struct mnd_session_filter f = { 0 };
	struct mnd_collection *c;
	int rc = read_filter(&f, r, attrs);

	if (rc)
		return rc;
	c = mnd_collection_new(arg, MND_COLLECT_SESSIONS, r, answer_sessions);
	if (c)
		c->filter = f;
	return mnd_collect(c);
}

static int answer_groups(struct mnd_gateway *g, struct mnd_collection *c)
{
	struct mn_ctl_request *r = c->request;
	struct mnd_group *group;

	TAILQ_FOREACH(group, &g->groups.all, link)
	{
		struct nl_msg *m;
		int rc = 0;

		if (!mnd_group_known(group))
			continue;
		m = mn_ctl_message(r, MNCSE_CMD_GROUP);
		if (!m)
			return -ENOMEM;
		rc |= nla_put_string(m, MNCSE_A_GROUP, group->name);
		rc |= nla_put_string(m, MNCSE_A_GATEWAY, g->settings.gateway_id);
		if (group->has_rand) {
			rc |= nla_put_u32(m, MNCSE_A_GENERATION, group->generation);
			rc |= nla_put_u64(m, MNCSE_A_SINCE, (uint64_t)group->created);
		}
		rc |= nla_put_u64(m, MNCSE_A_MEMBERS, group->members);
		rc |= nla_put_u64(m, MNCSE_A_CONNECTED, group->sum.connected);
		rc |= nla_put_u64(m, MNCSE_A_CONFIRMED, group->sum.confirmed);
		rc |= nla_put_u64(m, MNCSE_A_AUTHENTICATED, group->sum.authenticated);
		rc = mnd_control_answer(r, m, rc);
		if (rc)
			return rc;
	}
	return 0;
}

int mnd_control_groups(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	(void)attrs;
	return mnd_collect(mnd_collection_new(arg, MND_COLLECT_GROUPS, r, answer_groups));
}

static int device(struct mnd_gateway *g, struct mn_ctl_request *r, const struct mnd_credential *c,
		  const struct mnd_session_row *s)
{
	struct nl_msg *m = mn_ctl_message(r, MNCSE_CMD_DEVICE);
	int rc = 0;

	if (!m)
		return -ENOMEM;
	rc |= nla_put_string(m, MNCSE_A_ENTITY, c->entity);
	rc |= nla_put_string(m, MNCSE_A_GROUP, c->group->name);
	rc |= nla_put_string(m, MNCSE_A_GATEWAY, g->settings.gateway_id);
	rc |= nla_put_string(m, MNCSE_A_KPSA_ID, c->kpsa_id);
	rc |= nla_put_string(m, MNCSE_A_STATE,
			     s ? mnd_state_name((enum mnd_state)s->state) : "offline");
	if (s && s->has_generation)
		rc |= nla_put_u32(m, MNCSE_A_GENERATION, s->generation);
	return mnd_control_answer(r, m, rc);
}

static int answer_devices(struct mnd_gateway *g, struct mnd_collection *c)
{
	const struct mnd_session_row **by_slot =
		calloc(g->credentials.keys->used + 1, sizeof(*by_slot));
	struct mnd_credential *each;
	int rc = by_slot ? 0 : -ENOMEM;

	for (size_t i = 0; i < c->n && !rc; i++)
		by_slot[c->sessions[i].key_slot] = &c->sessions[i];
	TAILQ_FOREACH(each, &g->credentials.all, link)
	{
		if (!rc)
			rc = device(g, c->request, each, by_slot[each->key_slot]);
	}
	free(by_slot);
	return rc;
}

int mnd_control_devices(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	(void)attrs;
	return mnd_collect(mnd_collection_new(arg, MND_COLLECT_SESSIONS, r, answer_devices));
}

static int stat_one(void *arg, const char *name, uint64_t value)
{
	struct mn_ctl_request *r = arg;
	struct nl_msg *m = mn_ctl_message(r, MNCSE_CMD_STAT);
	int rc = 0;

	if (!m)
		return -ENOMEM;
	rc |= nla_put_string(m, MNCSE_A_NAME, name);
	rc |= nla_put_u64(m, MNCSE_A_VALUE, value);
	return mnd_control_answer(r, m, rc);
}

static int answer_stats(struct mnd_gateway *g, struct mnd_collection *c)
{
	int rc = mnd_stats_each(&c->stats, stat_one, c->request);

	return rc ? rc : mnd_steer_stats(g->classify.steer, stat_one, c->request);
}

int mnd_control_stats(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	(void)attrs;
	return mnd_collect(mnd_collection_new(arg, MND_COLLECT_STATS, r, answer_stats));
}
