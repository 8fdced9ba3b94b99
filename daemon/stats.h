/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the gateway counts, by the names that STATS_GET answers with (mncsed(8), "COUNTERS"). */
#ifndef MND_STATS_H
#define MND_STATS_H

#include <stdint.h>

#include "dtls/endpoint.h"

/* X(hop, name). The first six are the messages of TR-0012 figure 8.2.1-2: first transmissions only. Every decrypted message of a
 * device ends in exactly one of malformed, pings, acknowledgements, unmatched, responses, duplicates, requests_gsa, requests_other,
 * service_in and the refused_*. */
#define MND_COUNTERS(X)               \
	X(inner, handshakes_in)       \
	X(inner, rand_out)            \
	X(inner, service_in)          \
	X(outer, handshakes_out)      \
	X(outer, rand_in)             \
	X(outer, service_out)         \
	X(inner, messages_in)         \
	X(inner, malformed)           \
	X(inner, pings)               \
	X(inner, acknowledgements)    \
	X(inner, unmatched)           \
	X(inner, responses)           \
	X(inner, duplicates)          \
	X(inner, requests_gsa)        \
	X(inner, requests_other)      \
	X(inner, refused_method)      \
	X(inner, refused_option)      \
	X(inner, refused_kid)         \
	X(inner, refused_size)        \
	X(inner, refused_rate)        \
	X(inner, refused_busy)        \
	X(inner, refused_unavailable) \
	X(inner, service_answers)     \
	X(inner, service_timeouts)    \
	X(inner, service_interrupted) \
	X(inner, service_abandoned)   \
	X(inner, send_failed)         \
	X(inner, rand_again)          \
	X(inner, rand_confirmed)      \
	X(inner, rand_unconfirmed)    \
	X(inner, rand_declined)       \
	X(inner, sessions_refused)    \
	X(outer, messages_in)         \
	X(outer, malformed)           \
	X(outer, pings)               \
	X(outer, unmatched)           \
	X(outer, requests_other)      \
	X(outer, rand_refused)        \
	X(outer, service_repeats)     \
	X(outer, service_answers)     \
	X(outer, service_us)          \
	X(outer, answers_late)        \
	X(outer, answers_large)       \
	X(outer, pings_out)           \
	X(outer, pings_lost)          \
	X(outer, connects)            \
	X(proxy, handshakes_in)       \
	X(proxy, handshakes_out)      \
	X(proxy, replies_in)          \
	X(proxy, replies_out)         \
	X(proxy, service_in)          \
	X(proxy, service_out)         \
	X(proxy, flows)               \
	X(proxy, flows_unfinished)    \
	X(proxy, flows_idle)          \
	X(proxy, flows_refused)       \
	X(proxy, drop_junk)           \
	X(proxy, drop_unknown)        \
	X(proxy, drop_full)

struct mnd_counters {
#define X(hop, name) uint64_t hop##_##name;
	MND_COUNTERS(X)
#undef X
};

struct mnd_gateway;

/* What one worker has counted, and the sum of several. */
struct mnd_stats {
	struct mnd_counters counters;
	uint64_t replies, buffer_bytes, flows_now, pending, waiting, workers;
	uint64_t rand_span_us; /* the longest of all workers */
	struct mn_endpoint_stats inner, outer;
};

/* On the worker's own thread. */
void mnd_stats_take(const struct mnd_gateway *g, struct mnd_stats *out);
void mnd_stats_add(struct mnd_stats *sum, const struct mnd_stats *s);
/* Calls fn for every counter, the process's too; stops at the first non-zero result. */
int mnd_stats_each(const struct mnd_stats *s,
		   int (*fn)(void *arg, const char *name, uint64_t value), void *arg);
uint64_t mnd_stats_rss_bytes(void);
uint64_t mnd_stats_cpu_us(void); /* user and system */

#endif
