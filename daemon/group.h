/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Groups of devices: the current rand-message of each, its connected members and their counts, and what of it is durable
 * (docs/protocol.md "Rand"). */
#ifndef MND_GROUP_H
#define MND_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "core/rand_message.h"

struct mnd_credential;
struct mnd_device;
struct mnd_gateway;
struct mn_generation;
struct mn_store;

/* Of one worker's group, or of all workers'. */
struct mnd_group_count {
	const char *name;
	uint64_t connected, confirmed, authenticated;
};

struct mnd_group {
	struct mnd_group *next; /* hash chain */
	TAILQ_ENTRY(mnd_group) link;
	TAILQ_HEAD(, mnd_device) connected;
	uint64_t members;                                   /* credentials */
	uint64_t n_connected, n_confirmed, n_authenticated; /* confirmed: took the current Rand */
	struct mnd_group_count sum; /* worker 0, while an answer is made of it */
	bool configured;            /* named in `groups` */
	bool has_rand;
	bool dirty;      /* the current rand-message is not in the store yet */
	int64_t created; /* Unix seconds: when this Rand came */
	uint32_t number; /* from 0, in the order in which they were made */
	uint32_t generation;
	uint8_t rand[MN_RAND_LEN];
	uint8_t message_len;
	uint8_t message[MN_RAND_MESSAGE_MAX]; /* the inner hop's, encoded */
	char name[MN_GROUP_MAX + 1];
};

#define MND_GROUP_BUCKETS 1024

struct mnd_groups {
	struct mnd_group *buckets[MND_GROUP_BUCKETS];
	TAILQ_HEAD(, mnd_group) all;
	uint32_t made;
};

void mnd_groups_init(struct mnd_groups *t);
void mnd_groups_fini(struct mnd_groups *t);
/* The group of that name, made when there is none and make; NULL: not there, or no memory. */
struct mnd_group *mnd_group_find(struct mnd_groups *t, const char *name, bool make);
/* Known = named in the configuration or has a device: what an unknown group gets is 4.04. */
bool mnd_group_known(const struct mnd_group *g);
size_t mnd_groups_count(const struct mnd_groups *t);

/* Judges a rand-message of the IN's (authenticated) session: 2.04 (*taken tells whether it is a new one; it is then the group's
 * current one and dirty), 4.09 (lower generation, or this one with another Rand), 4.04. */
uint8_t mnd_group_take(struct mnd_groups *t, const struct mn_rand_message *m, int64_t now_s,
		       bool *taken, struct mnd_group **out);
/* At a worker that is told: makes the group when there is none and gives it that Rand. NULL without memory. */
struct mnd_group *mnd_group_set(struct mnd_groups *t, const struct mn_generation *m);
/* Takes over name, configured and Rand of another worker's. */
void mnd_group_copy(struct mnd_group *to, const struct mnd_group *from);
/* Loads what the last run has left: the generation is a floor, the Rand is offered until the IN sends another. 0 or -errno. */
int mnd_groups_load(struct mnd_groups *t, struct mn_store *s);
/* Writes all dirty groups in one transaction; on error they stay dirty. */
int mnd_groups_save(struct mnd_groups *t, struct mn_store *s);

#endif
