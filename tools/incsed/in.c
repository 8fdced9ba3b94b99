// SPDX-License-Identifier: GPL-2.0-or-later
#include "in.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "context.h"
#include "control.h"
#include "core/crypto.h"
#include "log.h"

/* Timers: expire (old answers and revoked direct devices go). The groups have theirs (group.c). */

#define ANSWERS_MS 10000        /* between two looks at what need not be kept */
#define ANSWERS_MORE_MS 50      /* when one look was not enough */
#define ANSWERS_AT_ONCE 512     /* rows of one look (lib/store) */
#define IDLE_MS (600 * 1000ULL) /* docs/protocol.md "Life of a group" */
#define AGE_MS (7 * 86400 * 1000ULL)
#define COAPS_PORT 5684
/* All devices that a gateway relays come from its address. */
#define HALF_OPEN 8192
#define HALF_OPEN_ADDR 6144

static int load_gateway(void *arg, const struct mn_peer_record *p)
{
	struct mnt_gateway *w;

	return mnt_gateway_add(arg, p, &w);
}

static int load_generation(void *arg, const struct mn_generation *r)
{
	struct mnt_in *in = arg;
	struct mnt_gateway *w = mnt_gateway_by_id(&in->gateways, r->gateway_id);
	struct mnt_group *g;

	if (!w)
		return 0; /* its gateway was removed */
	g = mnt_group_get(&in->groups, w, r->group);
	if (!g)
		return -ENOMEM;
	mnt_group_load(g, r);
	return 0;
}

int mnt_in_device(struct mnt_in *in, const struct mn_device_record *d, struct mnt_device **out)
{
	struct mnt_gateway *w = mnt_gateway_by_id(&in->gateways, d->gateway_id);
	struct mnt_group *g = w ? mnt_group_get(&in->groups, w, d->group) : NULL;

	int err;

	if (!w)
		return -ENODEV;
	err = g ? mnt_device_add(&in->devices, d, g, out) : -ENOMEM;
	if (err || d->use == MN_USE_GROUP)
		return err;
	err = mnt_direct_add(&in->directs, *out);
	if (err)
		mnt_device_del(&in->devices, *out);
	return err;
}

static int load_device(void *arg, const struct mn_device_record *r)
{
	struct mnt_device *d;
	int err = mnt_in_device(arg, r, &d);

	if (err != -ENODEV)
		return err;
	mn_warn("device %s: its gateway %s is not in the store; nobody can reach the IN as this device",
		r->id, r->gateway_id);
	return 0;
}

static void start_groups(struct mnt_in *in)
{
	struct mnt_node *n = NULL;

	while ((n = mnt_table_walk(&in->groups.table, n)))
		mnt_group_start(mnt_of(n, struct mnt_group, node));
}

/* Nothing under a generation of an older copy is accepted: what has used its contexts since is unknown. */
static void restored(struct mnt_in *in)
{
	struct mnt_node *n = NULL;
	bool any = false;

	while ((n = mnt_table_walk(&in->groups.table, n))) {
		struct mnt_group *g = mnt_of(n, struct mnt_group, node);

		any = any || g->current.number;
		mnt_group_restored(g);
	}
	if (any)
		mn_event(
			MN_EVENT_STORE_OLDER, MN_LOG_ERROR,
			"the store is not the one that was written last: an older copy was put back, or it was moved "
			"without its .lineage file. What was added, removed or answered since that copy is lost. "
			"Nothing under an earlier generation is accepted; new Rands are drawn");
}

static int load(struct mnt_in *in)
{
	int err = mn_store_peer_each(in->store, load_gateway, in);

	if (!err)
		err = mn_store_generation_each(in->store, load_generation, in);
	if (!err)
		err = mn_store_device_each(in->store, load_device, in);
	if (!err)
		err = mnt_contexts_load(&in->devices, in->store);
	if (err)
		return err;
	start_groups(in);
	return mnt_resources_start(&in->resources, &in->commit, in->settings.in_id,
				   &in->settings.containers, mnt_clock_unix(&in->clock));
}

static int check_owner(struct mn_store *store, const struct mnt_settings *s, char err[512])
{
	if (!strcmp(mn_store_own_id(store), s->in_id))
		return 0;
	snprintf(err, 512, "in_id: the store belongs to %s, not to %s", mn_store_own_id(store),
		 s->in_id);
	return -EINVAL;
}

int mnt_in_open(struct mnt_in *in, char err[512])
{
	struct mn_timers *timers = in->loop ? mn_loop_timers(in->loop) : NULL;
	bool copy = false;
	int r;

	if (in->loop)
		in->clock.loop = in->loop;
	r = mn_store_open(in->settings.store, MN_STORE_IN, true, &in->store, err);
	if (r)
		return r;
	r = check_owner(in->store, &in->settings, err);
	if (r)
		return r;
	r = mnt_lineage_open(&in->lineage, in->store, in->settings.store, &copy, err);
	if (r)
		return r;
	mnt_commit_init(&in->commit, in->store, in->loop);
	in->commit.lineage = &in->lineage;
	r = mnt_devices_init(&in->devices);
	if (!r)
		r = mnt_directs_init(&in->directs);
	if (!r)
		r = mnt_gateways_init(&in->gateways);
	if (!r)
		r = mnt_groups_init(&in->groups, &in->commit, &in->clock, timers);
	if (r) {
		snprintf(err, 512, "out of memory");
		return r;
	}
	in->groups.grace_s = in->settings.grace_s;
	in->groups.rotate_s = in->settings.rotate_s;
	in->groups.drawn = mnt_gateway_offer;
	r = load(in);
	if (!r && copy)
		restored(in);
	if (!r)
		r = mnt_commit_begin(&in->commit);
	mnt_commit_mark(&in->commit);
	if (!r)
		r = mnt_commit_now(&in->commit);
	if (r)
		snprintf(err, 512, "%.200s: %s", in->settings.store,
			 *mn_store_error(in->store) ? mn_store_error(in->store) : strerror(-r));
	return r;
}

static int any_peer(void *arg, const struct mn_peer_record *p)
{
	(void)arg;
	(void)p;
	return 0;
}

static int any_generation(void *arg, const struct mn_generation *g)
{
	(void)arg;
	(void)g;
	return 0;
}

static int any_device(void *arg, const struct mn_device_record *d)
{
	(void)arg;
	(void)d;
	return 0;
}

static int any_context(void *arg, const struct mn_context_record *c)
{
	(void)arg;
	(void)c;
	return 0;
}

int mnt_in_check(const struct mnt_settings *s, char err[512])
{
	struct mn_store *store;
	int r = mn_store_open(s->store, MN_STORE_IN, false, &store, err);

	if (r)
		return r;
	r = check_owner(store, s, err);
	if (!r) {
		r = mn_store_peer_each(store, any_peer, NULL);
		if (!r)
			r = mn_store_generation_each(store, any_generation, NULL);
		if (!r)
			r = mn_store_device_each(store, any_device, NULL);
		if (!r)
			r = mn_store_context_each(store, any_context, NULL);
		if (r)
			snprintf(err, 512, "store: %.256s", mn_store_error(store));
	}
	mn_store_close(store);
	return r;
}

static void answers_due(struct mn_timer *t)
{
	struct mnt_in *in = mnt_of(t, struct mnt_in, expire);
	int n = mnt_commit_begin(&in->commit);

	if (!n) {
		n = mn_store_answer_expire(in->store, mnt_clock_unix(&in->clock));
		if (n < 0)
			mnt_commit_fail(&in->commit);
	}
	mnt_directs_bury(in);
	mn_timer_set(mn_loop_timers(in->loop), t,
		     n >= ANSWERS_AT_ONCE ? ANSWERS_MORE_MS : ANSWERS_MS);
}

static int listen_all(struct mnt_in *in, char err[512])
{
	const struct mn_config_strings *l = &in->settings.listen;
	char name[MN_ADDR_TEXT];
	union mn_addr a;

	for (size_t i = 0; i < l->n; i++) {
		int r = mn_addr_parse(l->items[i], COAPS_PORT, &a);

		if (!r)
			r = mn_endpoint_listen(in->endpoint, &a, false);
		if (r) {
			snprintf(err, 512, "cannot listen on %s: %s", l->items[i], strerror(-r));
			return r;
		}
		mn_info("listening on %s", mn_addr_text(&a, name));
	}
	return 0;
}

static struct mn_endpoint_config endpoint_config(const struct mnt_settings *s)
{
	return (struct mn_endpoint_config){
		.hint = s->in_id,
		.dhe = s->dhe,
		.half_open = HALF_OPEN,
		.half_open_addr = HALF_OPEN_ADDR,
		.idle_ms = IDLE_MS,
		.age_ms = AGE_MS,
	};
}

int mnt_in_serve(struct mnt_in *in, char err[512])
{
	const struct mn_endpoint_config c = endpoint_config(&in->settings);
	int r = mn_endpoint_new(in->loop, &c, &mnt_peer_ops, in, &in->endpoint);

	if (r) {
		snprintf(err, 512, "cannot start DTLS: %s", strerror(-r));
		return r;
	}
	in->started_ms = mn_loop_now(in->loop);
	r = mnt_control_start(in, err);
	if (!r)
		r = listen_all(in, err);
	if (r)
		return r;
	mn_timer_init(&in->expire, answers_due);
	mn_timer_set(mn_loop_timers(in->loop), &in->expire, ANSWERS_MS);
	return 0;
}

static void take(struct mnt_in *in)
{
	struct mnt_node *n = NULL;
	bool rotate = in->groups.rotate_s != in->settings.rotate_s;

	in->groups.grace_s = in->settings.grace_s;
	in->groups.rotate_s = in->settings.rotate_s;
	mn_log_set_level((enum mn_log_level)in->settings.log);
	while (rotate && (n = mnt_table_walk(&in->groups.table, n)))
		mnt_group_reschedule(mnt_of(n, struct mnt_group, node));
}

static int take_dhe(struct mnt_in *in, const struct mnt_settings *from,
		    const struct mnt_settings *to)
{
	const struct mn_endpoint_config c = endpoint_config(to);

	return from->dhe == to->dhe ? 0 : mn_endpoint_reconfigure(in->endpoint, &c);
}

int mnt_in_reload(struct mnt_in *in, char err[512])
{
	struct mnt_settings fresh, old = in->settings;
	const char *fixed;
	int r = mnt_settings_read(in->settings_path, &fresh, err);

	if (r)
		return r;
	fixed = mnt_settings_fixed(&old, &fresh);
	if (fixed) {
		snprintf(err, 512, "%s: %s cannot be changed while incsed runs: restart it",
			 in->settings_path, fixed);
		mnt_settings_free(&fresh);
		return -EINVAL;
	}
	r = take_dhe(in, &old, &fresh);
	if (r) {
		snprintf(err, 512, "dhe: DTLS does not take it: %s", strerror(-r));
		mnt_settings_free(&fresh);
		return r;
	}
	mnt_commit_now(&in->commit);
	in->settings = fresh;
	r = mnt_resources_start(&in->resources, &in->commit, in->settings.in_id,
				&in->settings.containers, mnt_clock_unix(&in->clock));
	if (r) {
		snprintf(err, 512, "containers: cannot be created: %s", strerror(-r));
		in->settings = old;
		take_dhe(in, &fresh, &old);
		mnt_settings_free(&fresh);
		return r;
	}
	take(in);
	mnt_settings_free(&old);
	mn_event(MN_EVENT_RELOADED, MN_LOG_INFO, "configuration taken from %s", in->settings_path);
	return 0;
}

void mnt_in_close(struct mnt_in *in)
{
	int r;

	if (!in->store)
		return;
	if (in->control)
		mn_ctl_server_free(in->control);
	mn_timer_del(&in->expire);
	/* A store that was not taken as ours is left as it is. */
	if (in->commit.store) {
		mnt_commit_now(&in->commit);
		if (in->endpoint)
			mn_endpoint_free(in->endpoint);
		mnt_resources_fini(&in->resources);
		r = mnt_contexts_save(&in->devices, in->store, mnt_clock_unix(&in->clock));
		if (r)
			mn_error("windows were not saved, every context is spent: %s",
				 mn_store_error(in->store));
		mnt_devices_fini(&in->devices);
		mnt_directs_fini(&in->directs);
		mnt_groups_fini(&in->groups);
		mnt_gateways_fini(&in->gateways);
		mnt_lineage_close(&in->lineage);
	}
	mn_pool_fini(&in->held);
	mn_store_close(in->store);
	in->store = NULL;
}
