// SPDX-License-Identifier: GPL-2.0-or-later
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "in.h"

/* ---- filters: an absent attribute takes everything ---- */

static bool text_is(struct nlattr *a, const char *text)
{
	return !a || !strcmp(nla_get_string(a), text);
}

/* "192.0.2.1:5684", or without the port. */
static bool address_is(struct nlattr *a, const char *text)
{
	const char *want = a ? nla_get_string(a) : NULL;
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);

	if (!want || !strcmp(want, text))
		return true;
	if (text[0] == '[' && want[0] != '[') {
		text++;
		len -= 2;
	}
	return strlen(want) == len && !strncmp(want, text, len);
}

/* ---- STATUS, LAYERS, CONFIG, STATS ---- */

static int status(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	const struct mnt_in *in = arg;
	struct nl_msg *m = mn_ctl_message(r, MNCSE_CMD_STATUS);
	struct mn_endpoint_stats e;
	bool bad = !m;

	(void)attrs;
	mn_endpoint_stats(in->endpoint, &e);
	bad = bad || nla_put_string(m, MNCSE_A_ROLE, "in") ||
	      nla_put_string(m, MNCSE_A_NAME, in->settings.in_id) ||
	      nla_put_string(m, MNCSE_A_VERSION, MN_VERSION) ||
	      nla_put_u32(m, MNCSE_A_PID, (uint32_t)getpid()) ||
	      nla_put_u64(m, MNCSE_A_UPTIME_MS, mn_loop_now(in->loop) - in->started_ms) ||
	      nla_put_u64(m, MNCSE_A_SESSIONS, e.sessions) ||
	      nla_put_u64(m, MNCSE_A_HALF_OPEN, e.half_open) ||
	      nla_put_u64(m, MNCSE_A_DEVICES, in->devices.by_id.n) ||
	      nla_put_u32(m, MNCSE_A_GROUPS, (uint32_t)in->groups.table.n) ||
	      nla_put_u64(m, MNCSE_A_RSS_BYTES, mnt_rss_bytes()) ||
	      nla_put_u64(m, MNCSE_A_CPU_US, mnt_cpu_us()) ||
	      nla_put_string(m, MNCSE_A_STORE, in->settings.store);
	for (size_t i = 0; i < in->settings.listen.n && !bad; i++)
		bad = nla_put_string(m, MNCSE_A_LISTEN, in->settings.listen.items[i]);
	if (bad) {
		nlmsg_free(m);
		return -ENOMEM;
	}
	return mn_ctl_answer(r, m);
}

static int layers(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	static const struct {
		const char *name;
		const char *reason; /* NULL: active */
	} list[] = {
		{ "control", NULL },
		{ "data", NULL },
		{ "classify", "the IN has no device traffic to classify" },
		{ "offload", "the IN has no device sessions to offload" },
	};

	(void)arg;
	(void)attrs;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct nl_msg *m = mn_ctl_message(r, MNCSE_CMD_LAYERS);
		int err;

		if (!m || nla_put_string(m, MNCSE_A_LAYER, list[i].name) ||
		    nla_put_u8(m, MNCSE_A_ACTIVE, !list[i].reason) ||
		    (list[i].reason && nla_put_string(m, MNCSE_A_REASON, list[i].reason))) {
			nlmsg_free(m);
			return -ENOMEM;
		}
		err = mn_ctl_answer(r, m);
		if (err)
			return err;
	}
	return 0;
}

static int config(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	const struct mnt_in *in = arg;
	struct nl_msg *m = mn_ctl_message(r, MNCSE_CMD_CONFIG);
	char *text = NULL;
	size_t len;
	FILE *f = m ? open_memstream(&text, &len) : NULL;
	bool bad = true;

	(void)attrs;
	if (f) {
		mnt_settings_print(f, &in->settings);
		bad = fclose(f) || nla_put_string(m, MNCSE_A_TEXT, text);
	}
	free(text);
	if (bad) {
		nlmsg_free(m);
		return -ENOMEM;
	}
	return mn_ctl_answer(r, m);
}

static int stat_one(void *arg, const char *name, uint64_t value)
{
	struct mn_ctl_request *r = arg;
	struct nl_msg *m = mn_ctl_message(r, MNCSE_CMD_STAT);

	if (!m || nla_put_string(m, MNCSE_A_NAME, name) || nla_put_u64(m, MNCSE_A_VALUE, value)) {
		nlmsg_free(m);
		return -ENOMEM;
	}
	return mn_ctl_answer(r, m);
}

static int stats(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	(void)attrs;
	return mnt_stats_each(arg, stat_one, r);
}

/* ---- SESSION: gateways and direct devices ---- */

/* confirmed: the gateway has taken the current Rand of all its groups. */
static const char *link_state(const struct mnt_gateway *w)
{
	bool any = false;

	for (const struct mnt_group *g = w->groups; g; g = g->next) {
		if (!g->members)
			continue;
		if (!g->current.acked)
			return "rand_sent";
		any = true;
	}
	return any ? "confirmed" : "connected";
}

static bool has_group(const struct mnt_gateway *w, struct nlattr *name)
{
	for (const struct mnt_group *g = w->groups; name && g; g = g->next)
		if (text_is(name, g->name))
			return true;
	return !name;
}

/* What SESSION tells of either. */
struct shown {
	const struct mn_session *session;
	const char *entity;
	const char *group; /* NULL: a gateway has several */
	const char *state;
	uint64_t requests, answers;
};

static int session_one(struct mnt_in *in, struct mn_ctl_request *r, const struct shown *s,
		       const char *address)
{
	uint64_t now = mn_loop_now(in->loop);
	struct nl_msg *m = mn_ctl_message(r, MNCSE_CMD_SESSION);

	if (!m || nla_put_u64(m, MNCSE_A_SESSION_ID, mn_session_id(s->session)) ||
	    nla_put_string(m, MNCSE_A_ENTITY, s->entity) ||
	    (s->group && nla_put_string(m, MNCSE_A_GROUP, s->group)) ||
	    nla_put_string(m, MNCSE_A_ADDRESS, address) ||
	    nla_put_string(m, MNCSE_A_STATE, s->state) ||
	    nla_put_string(m, MNCSE_A_SUITE, mn_suite_name(mn_session_suite(s->session))) ||
	    nla_put_u64(m, MNCSE_A_AGE_MS, now - mn_session_opened_ms(s->session)) ||
	    nla_put_u64(m, MNCSE_A_IDLE_MS, now - mn_session_active_ms(s->session)) ||
	    nla_put_u32(m, MNCSE_A_HANDSHAKE_US, mn_session_handshake_us(s->session)) ||
	    nla_put_u64(m, MNCSE_A_REQUESTS, s->requests) ||
	    nla_put_u64(m, MNCSE_A_ANSWERS, s->answers)) {
		nlmsg_free(m);
		return -ENOMEM;
	}
	return mn_ctl_answer(r, m);
}

static int session_if(struct mnt_in *in, struct mn_ctl_request *r, struct nlattr **attrs,
		      const struct shown *s)
{
	char address[MN_ADDR_TEXT];

	if (!text_is(attrs[MNCSE_A_ENTITY], s->entity) || !text_is(attrs[MNCSE_A_STATE], s->state))
		return 0;
	mn_addr_text(mn_session_peer(s->session), address);
	return address_is(attrs[MNCSE_A_ADDRESS], address) ? session_one(in, r, s, address) : 0;
}

static int gateway_sessions(struct mnt_in *in, struct mn_ctl_request *r, struct nlattr **attrs)
{
	struct mnt_node *n = NULL;
	int err = 0;

	while (!err && (n = mnt_table_walk(&in->gateways.by_id, n))) {
		const struct mnt_gateway *w = mnt_of(n, struct mnt_gateway, by_id);
		const struct mnt_link *l = w->link;

		if (l && has_group(w, attrs[MNCSE_A_GROUP]))
			err = session_if(in, r, attrs,
					 &(struct shown){ .session = l->session,
							  .entity = w->id,
							  .state = link_state(w),
							  .requests = l->requests,
							  .answers = l->answers });
	}
	return err;
}

static int direct_sessions(struct mnt_in *in, struct mn_ctl_request *r, struct nlattr **attrs)
{
	struct mnt_node *n = NULL;
	int err = 0;

	while (!err && (n = mnt_table_walk(&in->directs.by_kpsa, n))) {
		const struct mnt_direct *p = mnt_of(n, struct mnt_direct, by_kpsa);
		const char *group = p->device->group->name;

		if (p->session && text_is(attrs[MNCSE_A_GROUP], group))
			err = session_if(in, r, attrs,
					 &(struct shown){ .session = p->session,
							  .entity = p->device->id,
							  .group = group,
							  .state = mnt_direct_state(p),
							  .requests = p->requests,
							  .answers = p->answers });
	}
	return err;
}

static int sessions(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	int err = gateway_sessions(arg, r, attrs);

	return err ? err : direct_sessions(arg, r, attrs);
}

/* ---- GROUP ---- */

int mnt_control_group(struct mn_ctl_request *r, const struct mnt_group *g)
{
	struct nl_msg *m = mn_ctl_message(r, MNCSE_CMD_GROUP);

	/* Which devices are connected and hold the Rand is the gateway's knowledge. */
	if (!m || nla_put_string(m, MNCSE_A_GROUP, g->name) ||
	    nla_put_string(m, MNCSE_A_GATEWAY, g->gateway->id) ||
	    nla_put_u32(m, MNCSE_A_GENERATION, g->current.number) ||
	    nla_put_u64(m, MNCSE_A_MEMBERS, g->members + g->direct) ||
	    nla_put_u64(m, MNCSE_A_AUTHENTICATED, g->authenticated) ||
	    (g->current.number && nla_put_u64(m, MNCSE_A_SINCE, (uint64_t)g->current.created))) {
		nlmsg_free(m);
		return -ENOMEM;
	}
	return mn_ctl_answer(r, m);
}

static int by_group(const void *a, const void *b)
{
	const struct mnt_group *g = mnt_of(*(struct mnt_node *const *)a, struct mnt_group, node);
	const struct mnt_group *h = mnt_of(*(struct mnt_node *const *)b, struct mnt_group, node);

	return strcmp(g->gateway->id, h->gateway->id) ?: strcmp(g->name, h->name);
}

static int groups(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	struct mnt_in *in = arg;
	struct mnt_node **list = mnt_table_sorted(&in->groups.table, by_group);
	int err = list ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < in->groups.table.n; i++) {
		const struct mnt_group *g = mnt_of(list[i], struct mnt_group, node);

		if (text_is(attrs[MNCSE_A_GROUP], g->name) &&
		    text_is(attrs[MNCSE_A_GATEWAY], g->gateway->id))
			err = mnt_control_group(r, g);
	}
	free(list);
	return err;
}

/* ---- DEVICE ---- */

static const char *device_state(const struct mnt_device *d)
{
	const struct mnt_group *g = d->group;

	if (d->direct)
		return mnt_direct_state(d->direct);
	if (d->authenticated && d->authenticated == g->current.number)
		return "authenticated";
	return g->gateway->link && g->current.acked ? "rand_sent" : "offline";
}

static int device_one(struct mn_ctl_request *r, const struct mnt_device *d)
{
	struct nl_msg *m = mn_ctl_message(r, MNCSE_CMD_DEVICE);

	if (!m || nla_put_string(m, MNCSE_A_ENTITY, d->id) ||
	    nla_put_string(m, MNCSE_A_GROUP, d->group->name) ||
	    nla_put_string(m, MNCSE_A_GATEWAY, d->group->gateway->id) ||
	    nla_put_string(m, MNCSE_A_KPSA_ID, d->kpsa_id) ||
	    nla_put_string(m, MNCSE_A_STATE, device_state(d)) ||
	    nla_put_u32(m, MNCSE_A_GENERATION, d->authenticated)) {
		nlmsg_free(m);
		return -ENOMEM;
	}
	return mn_ctl_answer(r, m);
}

static bool device_is(const struct mnt_device *d, struct nlattr **attrs)
{
	return text_is(attrs[MNCSE_A_ENTITY], d->id) &&
	       text_is(attrs[MNCSE_A_GROUP], d->group->name) &&
	       text_is(attrs[MNCSE_A_GATEWAY], d->group->gateway->id) &&
	       text_is(attrs[MNCSE_A_STATE], device_state(d));
}

static int by_device(const void *a, const void *b)
{
	return strcmp(mnt_of(*(struct mnt_node *const *)a, struct mnt_device, by_id)->id,
		      mnt_of(*(struct mnt_node *const *)b, struct mnt_device, by_id)->id);
}

static int devices(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	struct mnt_in *in = arg;
	struct mnt_node **list = mnt_table_sorted(&in->devices.by_id, by_device);
	int err = list ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < in->devices.by_id.n; i++) {
		const struct mnt_device *d = mnt_of(list[i], struct mnt_device, by_id);

		if (device_is(d, attrs))
			err = device_one(r, d);
	}
	free(list);
	return err;
}

/* ---- the server ---- */

static const uint8_t filter_session[] = { MNCSE_A_GROUP, MNCSE_A_ENTITY, MNCSE_A_ADDRESS,
					  MNCSE_A_STATE, 0 };
static const uint8_t filter_group[] = { MNCSE_A_GROUP, MNCSE_A_GATEWAY, 0 };
static const uint8_t filter_device[] = { MNCSE_A_ENTITY, MNCSE_A_GROUP, MNCSE_A_GATEWAY,
					 MNCSE_A_STATE, 0 };
static const uint8_t need_group[] = { MNCSE_A_GROUP, 0 };
static const uint8_t one_session[] = { MNCSE_A_ENTITY, MNCSE_A_SESSION_ID, 0 };
static const uint8_t need_entity[] = { MNCSE_A_ENTITY, 0 };
static const uint8_t need_device[] = { MNCSE_A_ENTITY, MNCSE_A_GROUP, MNCSE_A_KPSA_ID, MNCSE_A_KEY,
				       0 };
static const uint8_t also_device[] = { MNCSE_A_GATEWAY, MNCSE_A_USE, MNCSE_A_KID, 0 };

static const struct mn_ctl_command commands[] = {
	{ .cmd = MNCSE_CMD_STATUS_GET, .fn = status },
	{ .cmd = MNCSE_CMD_LAYERS_GET, .dump = true, .fn = layers },
	{ .cmd = MNCSE_CMD_SESSION_GET, .dump = true, .allowed = filter_session, .fn = sessions },
	{ .cmd = MNCSE_CMD_GROUP_GET, .dump = true, .allowed = filter_group, .fn = groups },
	{ .cmd = MNCSE_CMD_DEVICE_GET, .dump = true, .allowed = filter_device, .fn = devices },
	{ .cmd = MNCSE_CMD_STATS_GET, .dump = true, .fn = stats },
	{ .cmd = MNCSE_CMD_CONFIG_GET, .fn = config },
	{ .cmd = MNCSE_CMD_REKEY,
	  .change = true,
	  .required = need_group,
	  .allowed = filter_group,
	  .fn = mnt_change_rekey },
	{ .cmd = MNCSE_CMD_EVICT, .change = true, .allowed = one_session, .fn = mnt_change_evict },
	{ .cmd = MNCSE_CMD_DEVICE_ADD,
	  .change = true,
	  .required = need_device,
	  .allowed = also_device,
	  .fn = mnt_change_device_add },
	{ .cmd = MNCSE_CMD_DEVICE_DEL,
	  .change = true,
	  .required = need_entity,
	  .fn = mnt_change_device_del },
	{ .cmd = MNCSE_CMD_RELOAD, .change = true, .fn = mnt_change_reload },
};

int mnt_control_start(struct mnt_in *in, char err[512])
{
	return mn_ctl_server_new(in->loop, in->settings.control, commands,
				 sizeof(commands) / sizeof(commands[0]), in, &in->control, err);
}
