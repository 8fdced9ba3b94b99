/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the gateway tells the classify layer (steer.h), and when. */
#ifndef MND_CLASSIFY_H
#define MND_CLASSIFY_H

#include "loop/timer.h"
#include "steer.h"

struct mnd_gateway;
struct mnd_group;

struct mnd_classify {
	struct mnd_steer *steer;
	struct mn_timer tick;
	uint64_t checked_ms;
};

/* After the store is loaded and the inner endpoint is made, before it listens. 0 or -errno with a text in err. */
int mnd_classify_start(struct mnd_gateway *g, char err[512]);
void mnd_classify_fini(struct mnd_gateway *g);
void mnd_classify_opened(struct mnd_gateway *g, const struct mn_session *s);
void mnd_classify_closed(struct mnd_gateway *g, const struct mn_session *s);
/* A group has a new Rand; before it goes out. */
void mnd_classify_rand(struct mnd_gateway *g, const struct mnd_group *group);
/* The outer session is being made (s NULL), or is up. */
void mnd_classify_upstream(struct mnd_gateway *g, const union mn_addr *address,
			   const struct mn_session *s);

#endif
