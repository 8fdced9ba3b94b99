// SPDX-License-Identifier: GPL-2.0-or-later
#include "stats.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gateway.h"

/* Fields of struct mn_endpoint_stats, in its order. */
#define ENDPOINT_STATS(X)    \
	X(datagrams_in)      \
	X(bytes_in)          \
	X(datagrams_out)     \
	X(bytes_out)         \
	X(records_in)        \
	X(records_out)       \
	X(sessions)          \
	X(half_open)         \
	X(handshakes)        \
	X(handshakes_failed) \
	X(hello_verify)      \
	X(in_handshake)      \
	X(in_session)        \
	X(in_relayed)        \
	X(drop_junk)         \
	X(drop_unknown)      \
	X(drop_epoch)        \
	X(drop_short)        \
	X(drop_replay)       \
	X(drop_auth)         \
	X(drop_cookie)       \
	X(drop_half_open)    \
	X(drop_fragment)     \
	X(drop_identity)     \
	X(drop_large)        \
	X(drop_buffer)       \
	X(closed_idle)       \
	X(closed_age)        \
	X(closed_peer)       \
	X(replaced)

#define X(name) +1
_Static_assert(sizeof(struct mn_endpoint_stats) == (0 ENDPOINT_STATS(X)) * sizeof(uint64_t),
	       "every counter of the endpoint has a name here");
#undef X

struct named {
	const char *name;
	uint64_t value;
};

static int each(const struct named *list, size_t n,
		int (*fn)(void *arg, const char *name, uint64_t value), void *arg)
{
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++)
		rc = fn(arg, list[i].name, list[i].value);
	return rc;
}

#define EACH(list, fn, arg) each(list, sizeof(list) / sizeof((list)[0]), fn, arg)

/* The hop's datagrams, those that are relayed unopened among them. */
static void add_proxy(struct mn_endpoint_stats *s, const struct mnd_proxy *p, bool is_inner)
{
	struct mn_udp_stats inner = { 0 }, outer = { 0 }, *hop = is_inner ? &inner : &outer;

	mnd_proxy_traffic(p, &inner, &outer);
	s->datagrams_in += hop->in;
	s->in_relayed += hop->in;
	s->bytes_in += hop->in_bytes;
	s->datagrams_out += hop->out;
	s->bytes_out += hop->out_bytes;
}

/* What the guard answers is the gateway's traffic, too. */
static void add_answered(struct mn_endpoint_stats *s, struct mnd_steer *steer)
{
	struct mnd_steer_answered a;

	mnd_steer_answered(steer, &a);
	s->datagrams_in += a.datagrams;
	s->datagrams_out += a.datagrams;
	s->bytes_in += a.bytes_in;
	s->bytes_out += a.bytes_out;
	s->hello_verify += a.datagrams;
}

void mnd_stats_take(const struct mnd_gateway *g, struct mnd_stats *out)
{
	*out = (struct mnd_stats){
		.counters = g->counters,
		.replies = g->replies.pool.used,
		.buffer_bytes = g->buffers.bytes,
		.flows_now = g->proxy.n_fresh + g->proxy.n_open,
		.pending = g->relay.n_pending,
		.waiting = g->relay.n_waiting,
		.workers = 1,
		.rand_span_us = g->fanout.span_us,
	};
	mn_endpoint_stats(g->inner, &out->inner);
	if (g->upstream.endpoint)
		mn_endpoint_stats(g->upstream.endpoint, &out->outer);
	add_proxy(&out->inner, &g->proxy, true);
	add_proxy(&out->outer, &g->proxy, false);
	if (g->index == 0)
		add_answered(&out->inner, g->classify.steer);
}

_Static_assert(sizeof(struct mnd_stats) % sizeof(uint64_t) == 0, "it is nothing but counters");

void mnd_stats_add(struct mnd_stats *sum, const struct mnd_stats *s)
{
	uint64_t *to = (uint64_t *)(void *)sum;
	const uint64_t *from = (const uint64_t *)(const void *)s;
	uint64_t span = sum->rand_span_us > s->rand_span_us ? sum->rand_span_us : s->rand_span_us;

	for (size_t i = 0; i < sizeof(*s) / sizeof(*from); i++)
		to[i] += from[i];
	sum->rand_span_us = span;
}

int mnd_stats_each(const struct mnd_stats *s,
		   int (*fn)(void *arg, const char *name, uint64_t value), void *arg)
{
	const struct named counters[] = {
#define X(hop, name) { #hop "." #name, s->counters.hop##_##name },
		MND_COUNTERS(X)
#undef X
			{ "inner.replies", s->replies },
		{ "inner.buffer_bytes", s->buffer_bytes },
		{ "inner.rand_span_us", s->rand_span_us },
		{ "proxy.flows_now", s->flows_now },
		{ "outer.service_pending", s->pending },
		{ "outer.service_waiting", s->waiting },
		{ "process.workers", s->workers },
		{ "process.cpu_us", mnd_stats_cpu_us() },
		{ "process.rss_bytes", mnd_stats_rss_bytes() },
#define X(name) { "inner." #name, s->inner.name },
		ENDPOINT_STATS(X)
#undef X
#define X(name) { "outer." #name, s->outer.name },
			ENDPOINT_STATS(X)
#undef X
	};

	return EACH(counters, fn, arg);
}

uint64_t mnd_stats_rss_bytes(void)
{
	unsigned long long size, resident = 0;
	char text[64];
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	if (sscanf(text, "%llu %llu", &size, &resident) != 2)
		return 0;
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t mnd_stats_cpu_us(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u))
		return 0;
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}
