// SPDX-License-Identifier: GPL-2.0-or-later
#include "gateway.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "core/crypto.h"
#include "log.h"
#include "metrics.h"
#include "provision.h"
#include "tell.h"

/* Timers: housekeeping every second (graves, generations that could not be written, groups without a Rand), drain every 20 ms
 * while it lasts. */

enum { DRAIN_STEP_MS = 20 };

/* ---- the inner endpoint's callbacks ---- */

static int psk(void *arg, const uint8_t *identity, size_t len, uint8_t key[MN_KEY_MAX],
	       size_t *key_len, void **owner)
{
	struct mnd_gateway *g = arg;

	return mnd_credentials_psk(&g->credentials, identity, len, key, key_len, owner);
}

static void opened(void *arg, struct mn_session *s)
{
	struct mnd_gateway *g = arg;

	mnd_classify_opened(g, s);
	if (mnd_device_open(g, s)) {
		g->counters.inner_sessions_refused++;
		mn_session_close(s);
		return;
	}
	g->counters.inner_handshakes_in++;
}

static void message(void *arg, struct mn_session *s, uint8_t *data, size_t len)
{
	struct mnd_device *d = mn_session_user(s);

	(void)arg;
	if (d)
		mnd_device_input(d, data, len);
}

static void closed(void *arg, struct mn_session *s, enum mn_close why, bool was_open)
{
	struct mnd_device *d = mn_session_user(s);

	if (was_open)
		mnd_classify_closed(arg, s);
	if (!d)
		return;
	mn_debug("device %s: session closed: %s", d->credential->entity, mn_close_name(why));
	mnd_device_close(d);
}

static bool divert(void *arg, struct mn_udp *u, uint8_t *data, size_t len,
		   const union mn_addr *from, const struct mn_local *to)
{
	struct mnd_gateway *g = arg;

	return mnd_proxy_take(&g->proxy, u, data, len, from, to);
}

static struct mn_endpoint_config endpoint_config(const struct mnd_gateway *g,
						 const struct mnd_settings *s)
{
	unsigned int n = g->crew ? g->crew->n : 1;
	uint32_t half_open = (s->half_open + n - 1) / n;

	return (struct mn_endpoint_config){
		.hint = s->gateway_id,
		.dhe = s->dhe,
		.half_open = half_open,
		/* one address never takes the last quarter from the others */
		.half_open_addr = half_open - half_open / 4,
		.first_id = g->index + 1,
		.id_step = n,
		.half_open_ms = s->half_open_s * 1000,
		.idle_ms = (uint64_t)s->idle_s * 1000,
		.age_ms = MND_SESSION_AGE_MS,
	};
}

/* ---- housekeeping ---- */

static void housekeeping(struct mn_timer *t)
{
	struct mnd_gateway *g = mnd_container(t, struct mnd_gateway, housekeeping);
	struct mnd_group *group;

	mnd_credentials_bury(&g->credentials, mn_loop_now(g->loop));
	TAILQ_FOREACH(group, &g->groups.all, link)
	{
		if (group->dirty) {
			mn_loop_defer(g->loop, &g->upstream.commit);
			break;
		}
	}
	mn_timer_set(mn_loop_timers(g->loop), t, MND_HOUSEKEEPING_MS);
}

static void drain_step(struct mn_timer *t)
{
	struct mnd_gateway *g = mnd_container(t, struct mnd_gateway, drain);

	if (g->relay.n_open > 0 && mn_loop_now(g->loop) < g->drain_until_ms) {
		mn_timer_set(mn_loop_timers(g->loop), t, DRAIN_STEP_MS);
		return;
	}
	mnd_relay_interrupt(&g->relay);
	mn_loop_stop(g->loop);
}

void mnd_gateway_drain(struct mnd_gateway *g)
{
	if (g->draining) {
		mn_loop_stop(g->loop);
		return;
	}
	g->drain_until_ms = mn_loop_now(g->loop) + MND_DRAIN_MS;
	mnd_tell_drain(g);
}

void mnd_gateway_drain_begin(struct mnd_gateway *g)
{
	mn_event(MN_EVENT_STOPPING, MN_LOG_INFO, "draining: %u service requests open",
		 g->relay.n_open);
	mn_timer_set(mn_loop_timers(g->loop), &g->drain, 0);
}

/* ---- start ---- */

static int open_store(const struct mnd_settings *s, bool exclusive, struct mn_store **out,
		      char err[512])
{
	char why[256];
	int rc = mn_store_open(s->store, MN_STORE_GATEWAY, exclusive, out, why);

	if (rc) {
		snprintf(err, 512, "store: %s", why);
		return rc;
	}
	if (strcmp(mn_store_own_id(*out), s->gateway_id)) {
		snprintf(err, 512, "gateway_id: expected the store's, %.128s, found %.128s",
			 mn_store_own_id(*out), s->gateway_id);
		mn_store_close(*out);
		return -EINVAL;
	}
	return 0;
}

static int start_loop(struct mnd_gateway *g, char err[512])
{
	const char *why = NULL;
	int rc = mn_loop_new(NULL, &g->loop, &why);

	if (rc)
		snprintf(err, 512, "event loop: %s (%s)", strerror(-rc),
			 why ? why : "no more is known");
	return rc;
}

static int listen_all(struct mnd_gateway *g, char err[512])
{
	for (size_t i = 0; i < g->settings.listen.n; i++) {
		const char *text = g->settings.listen.items[i];
		union mn_addr a;
		int rc = mn_addr_parse(text, 5684, &a);

		if (!rc)
			rc = mn_endpoint_listen(g->inner, &a, g->crew != NULL);
		if (rc) {
			snprintf(err, 512, "listen: %.64s: %s", text, strerror(-rc));
			return rc;
		}
	}
	return 0;
}

static int start_endpoint(struct mnd_gateway *g, char err[512])
{
	static const struct mn_endpoint_ops ops = {
		.psk = psk, .opened = opened, .message = message, .closed = closed
	};
	const struct mn_endpoint_config c = endpoint_config(g, &g->settings);
	int rc = mn_endpoint_new(g->loop, &c, &ops, g, &g->inner);

	if (rc) {
		snprintf(err, 512, "endpoint: %s", strerror(-rc));
		return rc;
	}
	if (g->index == 0)
		rc = mnd_classify_start(g, err);
	if (!rc)
		rc = listen_all(g, err);
	if (!rc)
		mnd_classify_listening(g);
	return rc;
}

void mnd_gateway_prepare(struct mnd_gateway *g)
{
	mnd_groups_init(&g->groups);
	mnd_buffers_init(&g->buffers);
	mn_pool_init(&g->devices, sizeof(struct mnd_device), SIZE_MAX);
	mn_timer_init(&g->housekeeping, housekeeping);
	mn_timer_init(&g->drain, drain_step);
}

int mnd_gateway_front(struct mnd_gateway *g, char err[512])
{
	int rc;

	mnd_replies_init(&g->replies, g->loop, &g->buffers);
	mnd_fanout_init(&g->fanout, g);
	snprintf(err, 512, "out of memory");
	rc = mnd_relay_init(&g->relay, g);
	if (!rc)
		rc = start_endpoint(g, err);
	if (!rc)
		rc = mnd_proxy_init(&g->proxy, g, err);
	if (rc)
		return rc;
	if (g->proxy.n_prefixes)
		mn_endpoint_divert(g->inner, divert, g);
	mn_timer_set(mn_loop_timers(g->loop), &g->housekeeping, MND_HOUSEKEEPING_MS);
	return 0;
}

/* Sessions end first, while all that their closing touches is there. */
void mnd_gateway_front_end(struct mnd_gateway *g)
{
	mnd_classify_front_end(g);
	mnd_proxy_fini(&g->proxy);
	mn_endpoint_free(g->inner);
	if (g->index == 0)
		mnd_upstream_fini(&g->upstream);
	if (g->fanout.gateway) {
		mnd_fanout_fini(&g->fanout);
		mnd_relay_fini(&g->relay);
		mnd_replies_fini(&g->replies);
	}
	mn_timer_del(&g->housekeeping);
	mn_timer_del(&g->drain);
	mn_pool_fini(&g->devices);
	mnd_buffers_fini(&g->buffers);
	if (g->index == 0)
		return;
	mnd_groups_fini(&g->groups);
	mnd_credentials_fini(&g->credentials);
}

static int load_store(struct mnd_gateway *g, char err[512])
{
	int rc = mnd_provision_groups(g);

	if (!rc)
		rc = mnd_groups_load(&g->groups, g->store);
	if (!rc)
		rc = mnd_provision_sync(g);
	if (rc)
		snprintf(err, 512, "store: %s: %.256s", strerror(-rc), mn_store_error(g->store));
	return rc;
}

static unsigned int workers(const struct mnd_settings *s)
{
	return s->workers ? s->workers : mnd_crew_processors();
}

static int start(struct mnd_gateway *g, char err[512])
{
	struct mnd_settings *s = &g->settings;
	char why[256];
	int rc = open_store(s, true, &g->store, err);

	if (!rc)
		rc = start_loop(g, err);
	if (rc)
		return rc;
	g->started_ms = mn_loop_now(g->loop);
	snprintf(err, 512, "out of memory");
	rc = mnd_upstream_init(&g->upstream, g);
	if (!rc)
		rc = load_store(g, err);
	if (!rc && workers(s) > 1)
		rc = mnd_crew_new(g, workers(s));
	if (!rc)
		rc = mnd_gateway_front(g, err);
	if (rc)
		return rc;
	rc = mnd_control_start(g, why);
	if (!rc)
		rc = mnd_metrics_new(s->metrics, s->control, &g->metrics, why);
	if (!rc)
		rc = mnd_upstream_configure(&g->upstream, s->upstream_address, s->in_id, why);
	if (rc)
		snprintf(err, 512, "%s", why);
	else if (g->crew)
		rc = mnd_crew_start(g->crew, err);
	else
		mnd_classify_serve(g, 1);
	return rc;
}

int mnd_gateway_new(const char *path, struct mnd_settings *settings, struct mnd_gateway **out,
		    char err[512])
{
	struct mnd_gateway *g = calloc(1, sizeof(*g));
	int rc;

	if (!g) {
		snprintf(err, 512, "out of memory");
		return -ENOMEM;
	}
	g->path = path;
	g->settings = *settings;
	memset(settings, 0, sizeof(*settings));
	mnd_gateway_prepare(g);
	rc = mnd_credentials_init(&g->credentials);
	if (rc)
		snprintf(err, 512, "no memory for credentials");
	else
		rc = start(g, err);
	if (rc) {
		mnd_gateway_free(g);
		return rc;
	}
	mn_event(MN_EVENT_STARTED, MN_LOG_INFO, "%s: %zu devices in %zu groups, %u workers",
		 g->settings.gateway_id, g->credentials.n, mnd_groups_count(&g->groups),
		 g->crew ? g->crew->n : 1);
	*out = g;
	return 0;
}

/* The other workers end first; the loop goes last, with the datagrams that are queued. */
void mnd_gateway_free(struct mnd_gateway *g)
{
	if (!g)
		return;
	mnd_crew_stop(g->crew);
	mn_ctl_server_free(g->control);
	mnd_metrics_free(g->metrics);
	mnd_gateway_front_end(g);
	mnd_classify_fini(g);
	mnd_crew_free(g->crew);
	if (g->store && mnd_groups_save(&g->groups, g->store))
		mn_event(MN_EVENT_STORE_FAILED, MN_LOG_ERROR,
			 "store: the generations were not written: %s", mn_store_error(g->store));
	mnd_groups_fini(&g->groups);
	mnd_credentials_fini(&g->credentials);
	mn_store_close(g->store);
	mnd_settings_free(&g->settings);
	mn_loop_free(g->loop);
	mn_zero(g, sizeof(*g));
	free(g);
}

/* ---- check and reload ---- */

static int find_peer(void *arg, const struct mn_peer_record *p)
{
	return !strcmp(p->entity_id, arg);
}

static int check_peer(struct mn_store *store, const char *in_id, char err[512])
{
	int rc = mn_store_peer_each(store, find_peer, (void *)(uintptr_t)in_id);

	if (rc < 0)
		snprintf(err, 512, "store: %.256s", mn_store_error(store));
	else if (rc == 0)
		snprintf(err, 512, "upstream.in_id: the store has no credential for the IN %.128s",
			 in_id);
	return rc < 0 ? rc : rc == 0 ? -ENOENT : 0;
}

static int readable(void *arg, const struct mn_device_record *r)
{
	(void)arg;
	(void)r;
	return 0;
}

int mnd_gateway_check(const struct mnd_settings *s, char err[512])
{
	struct mn_store *store;
	int rc = open_store(s, false, &store, err);

	if (rc)
		return rc;
	rc = check_peer(store, s->in_id, err);
	mn_store_close(store);
	return rc;
}

int mnd_gateway_limits(struct mnd_gateway *g)
{
	const struct mn_endpoint_config c = endpoint_config(g, &g->settings);

	return mn_endpoint_reconfigure(g->inner, &c);
}

static int apply(struct mnd_gateway *g, struct mnd_settings *next, char err[512])
{
	const struct mn_endpoint_config c = endpoint_config(g, next);
	const struct mn_endpoint_config outer = { .dhe = next->dhe, .age_ms = MND_SESSION_AGE_MS };
	char why[256];
	int rc = mn_endpoint_reconfigure(g->inner, &c);

	if (!rc)
		rc = mn_endpoint_reconfigure(g->upstream.endpoint, &outer);
	if (rc) {
		snprintf(err, 512, "limits: %s", strerror(-rc));
		return rc;
	}
	mnd_settings_free(&g->settings);
	g->settings = *next;
	memset(next, 0, sizeof(*next));
	mn_log_set_level((enum mn_log_level)g->settings.log);
	mnd_tell_settings(g);
	rc = mnd_upstream_configure(&g->upstream, g->settings.upstream_address, g->settings.in_id,
				    why);
	if (rc) {
		snprintf(err, 512, "%s", why);
		return rc;
	}
	rc = mnd_provision_groups(g);
	if (!rc)
		rc = mnd_provision_sync(g);
	if (rc)
		snprintf(err, 512, "store: %s: %.256s", strerror(-rc), mn_store_error(g->store));
	return rc;
}

/* All that can be wrong is looked at first; after that only a lack of memory or a failing disk can stop it half way. */
int mnd_gateway_reload(struct mnd_gateway *g, char err[512])
{
	struct mnd_settings next;
	const char *fixed;
	int rc = mnd_settings_read(g->path, &next, err);

	if (rc)
		return rc;
	fixed = mnd_settings_fixed(&g->settings, &next);
	if (fixed) {
		snprintf(err, 512,
			 "%s: %s cannot change while the gateway runs: it needs a restart", g->path,
			 fixed);
		rc = -EINVAL;
	}
	if (!rc)
		rc = check_peer(g->store, next.in_id, err);
	if (!rc) {
		rc = mn_store_device_each(g->store, readable, NULL);
		if (rc)
			snprintf(err, 512, "store: %.256s", mn_store_error(g->store));
	}
	if (!rc)
		rc = apply(g, &next, err);
	mnd_settings_free(&next);
	return rc;
}
