/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the control socket is asked for, collected from all workers: worker 0 makes the answer of it. */
#ifndef MND_COLLECT_H
#define MND_COLLECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/identity.h"
#include "crew.h"
#include "ctl/ctl.h"
#include "group.h"
#include "loop/loop.h"
#include "stats.h"

/* A session as it is told of. Texts are the worker's own and outlive the answer (a removed credential is in its grave). */
struct mnd_session_row {
	uint64_t id, age_ms, idle_ms, requests, answers;
	const char *entity, *group;
	union mn_addr peer;
	uint32_t key_slot, handshake_us, generation;
	uint16_t suite; /* enum mn_suite */
	uint8_t state;  /* enum mnd_state */
	bool has_generation;
};

struct mnd_session_filter {
	char group[MN_GROUP_MAX + 1], state[32], entity[MN_ENTITY_MAX + 1]; /* "" = any */
	union mn_addr address;
	bool by_address, by_port;
};

enum mnd_collect_what { MND_COLLECT_SESSIONS, MND_COLLECT_GROUPS, MND_COLLECT_STATS };

struct mnd_collection {
	struct mnd_call call;
	enum mnd_collect_what what;
	struct mn_ctl_request *request;
	struct mnd_session_filter filter;
	/* What comes of it: fn answers the request and returns what it ends with. */
	int (*fn)(struct mnd_gateway *g, struct mnd_collection *c);
	int err; /* -ENOMEM of a worker */
	size_t n;
	struct mnd_session_row *sessions; /* n */
	struct mnd_stats stats;
};

/* NULL without memory. Groups: the sums are in worker 0's groups, as `sum`. */
struct mnd_collection *
mnd_collection_new(struct mnd_gateway *g, enum mnd_collect_what what, struct mn_ctl_request *r,
		   int (*fn)(struct mnd_gateway *g, struct mnd_collection *c));
/* Returns what the handler returns. */
int mnd_collect(struct mnd_collection *c);

#endif
