// SPDX-License-Identifier: GPL-2.0-or-later
#include "stats.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "in.h"

uint64_t mnt_cpu_us(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u))
		return 0;
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

uint64_t mnt_rss_bytes(void)
{
	unsigned long size, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (fscanf(f, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	fclose(f);
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

struct counter {
	const char *name;
	uint64_t value;
};

static int each(const struct counter *c, size_t n, int (*fn)(void *, const char *, uint64_t),
		void *arg)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = fn(arg, c[i].name, c[i].value);
	return err;
}
#define EACH(list, fn, arg) each(list, sizeof(list) / sizeof((list)[0]), fn, arg)

static int each_own(const struct mnt_stats *s, int (*fn)(void *, const char *, uint64_t), void *arg)
{
	const struct counter list[] = {
#define COUNTER(name) { "outer." #name, s->name },
		MNT_STATS(COUNTER)
#undef COUNTER
	};

	return EACH(list, fn, arg);
}

static int each_endpoint(const struct mn_endpoint_stats *s,
			 int (*fn)(void *, const char *, uint64_t), void *arg)
{
	const struct counter list[] = {
#define COUNTER(name) { "outer." #name, s->name }
		COUNTER(datagrams_in),      COUNTER(bytes_in),      COUNTER(datagrams_out),
		COUNTER(bytes_out),         COUNTER(records_in),    COUNTER(records_out),
		COUNTER(sessions),          COUNTER(half_open),     COUNTER(handshakes),
		COUNTER(handshakes_failed), COUNTER(hello_verify),  COUNTER(drop_junk),
		COUNTER(drop_unknown),      COUNTER(drop_epoch),    COUNTER(drop_short),
		COUNTER(drop_replay),       COUNTER(drop_auth),     COUNTER(drop_cookie),
		COUNTER(drop_half_open),    COUNTER(drop_fragment), COUNTER(drop_identity),
		COUNTER(in_handshake),      COUNTER(in_session),    COUNTER(in_relayed),
		COUNTER(drop_large),        COUNTER(drop_buffer),   COUNTER(closed_idle),
		COUNTER(closed_age),        COUNTER(closed_peer),   COUNTER(replaced),
#undef COUNTER
	};

	return EACH(list, fn, arg);
}

int mnt_stats_each(const struct mnt_in *in, int (*fn)(void *arg, const char *name, uint64_t value),
		   void *arg)
{
	const struct counter process[] = {
		{ "outer.direct_sessions", in->directs.connected },
		{ "store.commits", in->commit.commits },
		{ "store.failures", in->commit.failures },
		{ "store.generations", in->groups.draws },
		{ "process.cpu_us", mnt_cpu_us() },
		{ "process.rss_bytes", mnt_rss_bytes() },
	};
	struct mn_endpoint_stats e;
	int err = each_own(&in->stats, fn, arg);

	mn_endpoint_stats(in->endpoint, &e);
	if (!err)
		err = each_endpoint(&e, fn, arg);
	return err ? err : EACH(process, fn, arg);
}
