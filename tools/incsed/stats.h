/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters of the IN, all of the outer hop. Each is documented in incsed(8). */
#ifndef MNT_INCSED_STATS_H
#define MNT_INCSED_STATS_H

#include <stdint.h>

/* handshakes_in, rand_out and service_in are the messages of TR-0012 figure 8.2.1-2 in group authentication, direct_handshakes_in,
 * direct_replies_out and direct_service_in those of the transparent proxy: first transmissions only. */
#define MNT_STATS(X)            \
	X(handshakes_in)        \
	X(rand_out)             \
	X(service_in)           \
	X(direct_handshakes_in) \
	X(direct_replies_out)   \
	X(direct_service_in)    \
	X(direct_answers_out)   \
	X(direct_duplicates)    \
	X(rand_acked)           \
	X(rand_refused)         \
	X(rand_timeout)         \
	X(rand_conflict)        \
	X(repeats_in)           \
	X(answers_out)          \
	X(answers_again)        \
	X(executed)             \
	X(retries)              \
	X(authenticated)        \
	X(contexts_new)         \
	X(contexts_spent)       \
	X(refused_cose)         \
	X(refused_context)      \
	X(refused_replay)       \
	X(refused_decrypt)      \
	X(refused_rate)         \
	X(refused_contexts)     \
	X(refused_option)       \
	X(refused_method)       \
	X(refused_path)         \
	X(refused_store)        \
	X(drop_untrusted)       \
	X(drop_coap)            \
	X(drop_memory)          \
	X(pings_in)             \
	X(resets_out)

struct mnt_stats {
#define MNT_STAT_FIELD(name) uint64_t name;
	MNT_STATS(MNT_STAT_FIELD)
#undef MNT_STAT_FIELD
};

struct mnt_in;
/* Calls fn for every counter that STATS_GET answers: "outer.x", "process.x", "store.x". Stops at fn's first error, returned. */
int mnt_stats_each(const struct mnt_in *in, int (*fn)(void *arg, const char *name, uint64_t value),
		   void *arg);

/* Of this process. */
uint64_t mnt_cpu_us(void);
uint64_t mnt_rss_bytes(void);

#endif
