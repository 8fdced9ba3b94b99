/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the gateway tells the classify layer (steer.h), and when. */
#ifndef MND_CLASSIFY_H
#define MND_CLASSIFY_H

#include "loop/timer.h"
#include "loop/worker.h"
#include "steer.h"

struct mnd_gateway;
struct mnd_group;

/* Each worker has one; the layer itself is worker 0's, and the others see it. */
struct mnd_classify {
	struct mnd_steer *steer;
	struct mn_timer tick;
	struct mnd_steer_lap lap; /* over the session map */
	size_t walk;              /* over the sessions */
	struct mn_mail full;      /* to worker 0, once: a session did not fit */
	bool full_told;
	struct mn_poll *watch; /* worker 0: changes of interfaces and addresses */
	int watch_fd;
	struct mn_timer changed;
};

/* After the store is loaded and the inner endpoint is made, before it listens. 0 or -errno with a text in err. */
int mnd_classify_start(struct mnd_gateway *g, char err[512]);
void mnd_classify_fini(struct mnd_gateway *g);
/* A worker's endpoint listens. */
void mnd_classify_listening(struct mnd_gateway *g);
/* A worker ends. */
void mnd_classify_front_end(struct mnd_gateway *g);
/* All workers' do, and none has begun to run. By worker 0, or by another while that waits for it. */
void mnd_classify_serve(struct mnd_gateway *first, unsigned int workers);
/* classify_watch.c, worker 0. 0 or -errno. */
int mnd_classify_watch(struct mnd_gateway *g);
void mnd_classify_unwatch(struct mnd_gateway *g);
/* Interfaces or addresses may have changed. */
void mnd_classify_refresh(struct mnd_gateway *g);
void mnd_classify_opened(struct mnd_gateway *g, const struct mn_session *s);
void mnd_classify_closed(struct mnd_gateway *g, const struct mn_session *s);
/* A group has a new Rand; before it goes out. */
void mnd_classify_rand(struct mnd_gateway *g, const struct mnd_group *group);
/* The outer session is being made (s NULL), or is up. */
void mnd_classify_upstream(struct mnd_gateway *g, const union mn_addr *address,
			   const struct mn_session *s);

#endif
