/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A group at a gateway and its generations of Rand (docs/protocol.md "Rand", "Life of a group"): drawn, durable before they are
 * sent, rotated by a timer or the operator; the one before the current is accepted for a while. Sending is gateway.c's. */
#ifndef MNT_INCSED_GROUP_H
#define MNT_INCSED_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "commit.h"
#include "core/rand_message.h"
#include "loop/timer.h"
#include "table.h"

#define MNT_GRACE_MAX_S \
	600 /* the previous generation ends then, whether or not the gateway has answered */

struct mnt_device;
struct mnt_gateway;

struct mnt_generation {
	uint32_t number; /* 0 = none */
	uint8_t rand[MN_RAND_LEN];
	int64_t created; /* Unix seconds */
	int64_t acked;   /* the gateway's first 2.04, 0 = not yet */
	/* Drawn by this process, or the gateway has answered 2.04 since it started: before that the store might be an
	 * older copy, whose contexts do not know what was sent under them since. */
	bool trusted;
};

struct mnt_groups;

struct mnt_group {
	struct mnt_node node;   /* of the table, by gateway and name */
	struct mnt_group *next; /* of its gateway */
	struct mnt_groups *all;
	struct mnt_gateway *gateway;
	char name[MN_GROUP_MAX + 1];
	struct mnt_generation current, previous;
	uint64_t previous_until; /* milliseconds of the clock */
	struct mnt_device *devices;
	uint64_t members, authenticated; /* those that derive Ksx */
	uint64_t direct; /* those with a session of their own: Rand is nothing to them */

	struct mnt_generation draft; /* being committed, number 0 = none */
	struct mnt_after drawn;
	unsigned int conflicts; /* 4.09 in a row, or 1 for a copy found at start */
	struct mn_timer rotate;
	uint64_t rotate_left;   /* milliseconds after this turn of rotate */
	struct mn_timer expire; /* previous_until, and what it leaves to do */

	/* gateway.c: the rand-message on its way */
	struct mn_timer again;
	bool wanted; /* to be sent on the live session */
	bool in_flight;
	bool refused; /* the gateway's last answer was an error: said once */
	bool counted; /* this generation was counted in rand_out of this session */
	uint16_t exchange;
	uint32_t token;
	uint32_t sent; /* generation of the last transmission */
};

struct mnt_groups {
	struct mnt_table table;
	struct mnt_commit *commit;
	struct mnt_clock *clock;
	struct mn_timers *timers; /* NULL: no timers (unit tests) */
	uint32_t grace_s;
	uint32_t rotate_s; /* 0 = never */
	/* A new generation is current and durable. */
	void (*drawn)(struct mnt_group *g);
	uint64_t draws;
};

int mnt_groups_init(struct mnt_groups *t, struct mnt_commit *c, struct mnt_clock *clock,
		    struct mn_timers *timers);
/* Frees the groups. Their devices are gone before (mnt_devices_fini). */
void mnt_groups_fini(struct mnt_groups *t);
struct mnt_group *mnt_group_find(const struct mnt_groups *t, const struct mnt_gateway *w,
				 const char *name);
/* Finds or makes. NULL without memory. */
struct mnt_group *mnt_group_get(struct mnt_groups *t, struct mnt_gateway *w, const char *name);

/* Takes what the store has; called in the order of mn_store_generation_each, before mnt_group_start. */
void mnt_group_load(struct mnt_group *g, const struct mn_generation *r);
/* After all is loaded: the end of the previous generation and the rotation. */
void mnt_group_start(struct mnt_group *g);
/* A changed rotate_s takes effect. */
void mnt_group_reschedule(struct mnt_group *g);

/* Draws a new generation, max(last + 1, now), into the open batch; it is current once that is durable. -EINPROGRESS while one is
 * being drawn. */
int mnt_group_draw(struct mnt_group *g);
/* The gateway took this generation. */
void mnt_group_acked(struct mnt_group *g, uint32_t generation);
/* The gateway has seen a newer one: the store is an older copy. Nothing drawn so far is accepted any more. */
void mnt_group_conflict(struct mnt_group *g);
/* The same, found at start (lineage.h). */
void mnt_group_restored(struct mnt_group *g);

/* The generation of that number if the group has it, accepted or not; NULL otherwise. */
const struct mnt_generation *mnt_group_generation(const struct mnt_group *g, uint32_t number);
/* The same if messages under it are accepted now (which includes ones not yet trusted). */
const struct mnt_generation *mnt_group_accepts(const struct mnt_group *g, uint32_t number);
/* Number of the oldest generation that it has, 0 = none. */
uint32_t mnt_group_oldest(const struct mnt_group *g);

#endif
