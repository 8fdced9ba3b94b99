// SPDX-License-Identifier: GPL-2.0-or-later
#include "classify.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/crypto.h"
#include "gateway.h"
#include "log.h"
#include "tell.h"

/* Timers: tick, every second while the layer is active: cookie keys (worker 0), a part of the session map (every worker). */
enum {
	TICK_MS = 1000,
	CHECK_STEPS = 60,
	SESSIONS_MIN = 4096,
	GROUPS_MORE = 64, /* that may come at run time and still be counted by themselves */
	GROUPS_MAX = 4096
};

static void push_keys(struct mnd_gateway *g)
{
	struct mncse_cookie_key keys[2];

	mn_endpoint_cookie_keys(g->inner, keys);
	mnd_steer_cookie_keys(g->classify.steer, keys);
	mnd_tell_cookie_keys(g, keys);
	mn_zero(keys, sizeof(keys));
}

static void push_groups(struct mnd_gateway *g)
{
	struct mnd_group *group;

	TAILQ_FOREACH(group, &g->groups.all, link)
	mnd_classify_rand(g, group);
}

static void session_map_is_full(struct mn_loop *l, struct mn_mail *m)
{
	struct mnd_gateway *from = mnd_container(m, struct mnd_gateway, classify.full);

	(void)l;
	mnd_steer_open(from->classify.steer);
}

/* What the programs are told, worker 0 alone changes. */
static void tell_full(struct mnd_gateway *g)
{
	if (g->classify.full_told)
		return;
	g->classify.full_told = true;
	g->classify.full.fn = session_map_is_full;
	if (g->index == 0)
		session_map_is_full(g->loop, &g->classify.full);
	else
		mnd_crew_post(g, 0, &g->classify.full);
}

static bool is_live(void *arg, const union mn_addr *remote, unsigned int listener)
{
	return mn_endpoint_knows(arg, remote, listener);
}

static void add(struct mnd_gateway *g, const struct mn_session *s)
{
	const struct mnd_credential *c = mn_session_owner(s);

	if (mnd_steer_session_add(g->classify.steer, mn_session_peer(s), mn_session_listener(s),
				  g->index, c->group->number, mn_session_suite(s)))
		tell_full(g);
}

static void is_in_map(void *arg, struct mn_session *s)
{
	struct mnd_gateway *g = arg;

	if (mnd_steer_check_session(g->classify.steer, mn_session_peer(s), mn_session_listener(s),
				    g->index))
		add(g, s);
}

/* A part of a lap, so that nobody waits for it: with many sessions a lap takes CHECK_STEPS ticks. */
static void check_some(struct mnd_gateway *g)
{
	struct mnd_classify *c = &g->classify;
	size_t n = mnd_steer_entries(c->steer) / CHECK_STEPS;

	for (size_t done = 0; done <= n; done += MND_STEER_CHECK_BATCH)
		if (mnd_steer_check_entries(c->steer, &c->lap, g->index, is_live, g->inner))
			break;
	c->walk = mn_endpoint_walk(g->inner, c->walk, n + MND_STEER_CHECK_BATCH, is_in_map, g);
}

static void tick(struct mn_timer *t)
{
	struct mnd_gateway *g = mnd_container(t, struct mnd_gateway, classify.tick);

	if (g->index == 0) {
		push_keys(g);
		push_groups(g);
	}
	check_some(g);
	mn_timer_set(mn_loop_timers(g->loop), t, TICK_MS);
}

/* One of its own for each gateway of the machine, the same after a restart: network namespace and store. */
static void name_pins(const struct mnd_gateway *g, char out[64])
{
	uint64_t hash = 14695981039346656037u;
	struct stat ns = { 0 };

	stat("/proc/self/ns/net", &ns);
	for (const char *p = g->settings.store; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 1099511628211u;
	snprintf(out, 64, "%llx-%llx", (unsigned long long)ns.st_ino, (unsigned long long)hash);
}

static size_t ranges(const struct mnd_settings *s, struct mncse_bpf_range *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s->proxy_sources.n && n < MND_STEER_RANGES; i++) {
		struct mnd_prefix p;

		if (mnd_prefix_parse(s->proxy_sources.items[i], &p))
			continue;
		memset(&out[n], 0, sizeof(out[n]));
		out[n].bits = p.bits + (p.v6 ? 0 : 96u);
		if (!p.v6)
			out[n].addr[10] = out[n].addr[11] = 0xff;
		memcpy(out[n].addr + (p.v6 ? 0 : 12), p.addr, p.v6 ? 16 : 4);
		n++;
	}
	return n;
}

struct shape {
	struct mnd_steer_config config;
	struct mncse_bpf_range relayed[MND_STEER_RANGES];
	char name[64];
};

static void shape(struct mnd_gateway *g, struct shape *out)
{
	const struct mnd_settings *s = &g->settings;
	size_t devices = g->credentials.n * 2, groups = g->groups.made + GROUPS_MORE;
	struct mnd_steer_config *c = &out->config;

	*c = (struct mnd_steer_config){
		.mode = (enum mnd_steer_mode)s->bpf_mode,
		.xdp = (enum mnd_steer_xdp)s->bpf_xdp,
		.interfaces = &s->bpf_interfaces,
		.listen = &s->listen,
		.relayed = out->relayed,
		.n_relayed = ranges(s, out->relayed),
		.pins = s->bpf_pins,
		.name = out->name,
		.sessions = s->bpf_sessions,
		.groups = groups > GROUPS_MAX ? GROUPS_MAX : (uint32_t)groups,
		.hellos = s->bpf_hellos,
		.prefix4 = s->bpf_prefix4,
		.prefix6 = s->bpf_prefix6,
		.half_open = s->half_open,
		.half_open_ms = s->half_open_s * 1000,
		.dscp_handshake = s->bpf_dscp_handshake,
		.dscp_rand = s->bpf_dscp_rand,
		.dscp_bulk = s->bpf_dscp_bulk,
	};
	if (!c->sessions)
		c->sessions = devices < SESSIONS_MIN ? SESSIONS_MIN : (uint32_t)devices;
	name_pins(g, out->name);
	mn_addr_parse(s->upstream_address, 5684, &c->upstream);
}

int mnd_classify_start(struct mnd_gateway *g, char err[512])
{
	struct shape s;
	int rc;

	shape(g, &s);
	rc = mnd_steer_new(&s.config, &g->classify.steer, err);
	if (rc)
		return rc;
	if (!mnd_steer_active(g->classify.steer))
		return 0;
	push_keys(g);
	push_groups(g);
	mnd_classify_upstream(g, &s.config.upstream, NULL);
	rc = mnd_classify_watch(g);
	if (rc)
		mn_warn("bpf: changes of interfaces and addresses are not noticed: %s",
			strerror(-rc));
	return 0;
}

void mnd_classify_refresh(struct mnd_gateway *g)
{
	struct shape s;

	shape(g, &s);
	mnd_steer_refresh(g->classify.steer, &s.config);
}

void mnd_classify_front_end(struct mnd_gateway *g)
{
	mn_timer_del(&g->classify.tick);
	mnd_classify_unwatch(g);
}

void mnd_classify_fini(struct mnd_gateway *g)
{
	if (!g->classify.steer)
		return;
	mnd_steer_free(g->classify.steer);
	g->classify.steer = NULL;
}

/* A peer that is a stranger to this worker: is it another's? */
static void stranger(void *arg, const union mn_addr *from, unsigned int listener, bool begins)
{
	struct mnd_gateway *g = arg;

	mnd_steer_stray(g->classify.steer, from, listener, g->index, begins);
}

/* A worker that is not steered to keeps what the kernel gives it by its own hash. */
void mnd_classify_listening(struct mnd_gateway *g)
{
	struct mnd_steer *steer = g->classify.steer;

	if (!mnd_steer_active(steer))
		return;
	mn_timer_init(&g->classify.tick, tick);
	mn_timer_set(mn_loop_timers(g->loop), &g->classify.tick, TICK_MS);
	if (!g->crew)
		return;
	for (unsigned int i = 0; i < g->settings.listen.n; i++) {
		int rc = mnd_steer_listener_fd(steer, i, g->index,
					       mn_endpoint_listener_fd(g->inner, i));

		if (rc)
			mn_warn("bpf: datagrams of %.64s are not steered to worker %u: %s",
				g->settings.listen.items[i], g->index, strerror(-rc));
	}
	mn_endpoint_watch(g->inner, stranger, g);
}

void mnd_classify_serve(struct mnd_gateway *first, unsigned int workers)
{
	mnd_steer_serve(first->classify.steer, workers);
}

void mnd_classify_opened(struct mnd_gateway *g, const struct mn_session *s)
{
	add(g, s);
}

void mnd_classify_closed(struct mnd_gateway *g, const struct mn_session *s)
{
	if (!mn_session_has_heir(s))
		mnd_steer_session_del(g->classify.steer, mn_session_peer(s), mn_session_listener(s),
				      g->index);
}

void mnd_classify_rand(struct mnd_gateway *g, const struct mnd_group *group)
{
	if (g->classify.steer)
		mnd_steer_group(g->classify.steer, group->number, group->name,
				group->has_rand ? group->generation : 0);
}

void mnd_classify_upstream(struct mnd_gateway *g, const union mn_addr *address,
			   const struct mn_session *s)
{
	if (!g->classify.steer)
		return;
	mnd_steer_upstream(g->classify.steer, address, s ? mn_session_suite(s) : (enum mn_suite)0);
	/* the way to it may lead through another interface than before */
	if (!s && g->classify.watch)
		mnd_classify_refresh(g);
}
