/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gateway's workers (gateway.h has the threading model): their start and end, calls that all of them run, and which worker
 * has the live session of a device. Without a crew (one worker) all of it works on the caller's thread. */
#ifndef MND_CREW_H
#define MND_CREW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "loop/worker.h"
#include "parcel.h"
#include "uapi/cookie.h"

#define MND_WORKERS_MAX 64

struct mnd_credential;
struct mnd_device;
struct mnd_gateway;

/* ---- calls (call.c) ---- */

/* Something that every worker does, worker 0 (the caller) first and at once. Calls are run by each worker in the order in which they were made.
 * Embedded first in a structure with its arguments: they are not changed until done. */
struct mnd_call;
typedef void mnd_call_fn(struct mnd_gateway *g, struct mnd_call *c);

struct mnd_call_part {
	struct mn_mail mail;
	struct mnd_call *call;
	void *result; /* the worker's, by its index; whatever run made of it */
};

struct mnd_call {
	LIST_ENTRY(mnd_call) link;
	struct mnd_gateway *gateway; /* worker 0 */
	mnd_call_fn *run;            /* on each worker's thread */
	mnd_call_fn *done;           /* on worker 0's, when all have; may be NULL */
	unsigned int left;
	bool cancelled; /* in done: the gateway ends, not all have run it */
	unsigned int n; /* workers */
	struct mnd_call_part *part;
};

LIST_HEAD(mnd_call_list, mnd_call);

/* A zeroed structure of size bytes with a call at its start, freed after done. NULL: no memory. */
void *mnd_call_new(struct mnd_gateway *g, size_t size, mnd_call_fn *run, mnd_call_fn *done);
void mnd_call_all(struct mnd_call *c);
/* Ends what is not done; only when no other worker runs any more. */
void mnd_calls_cancel(struct mnd_call_list *calls);

/* ---- what the workers share ---- */

struct mnd_crew {
	unsigned int n;
	struct mnd_gateway
		*worker[MND_WORKERS_MAX]; /* [0]: all of the gateway that there is once */
	struct mn_workers *threads;       /* of [1] and the following; for worker 0's eyes only */
	uint64_t *homes;                  /* by key slot; atomic, see mnd_home_claim */
	struct mncse_cookie_key cookie_keys[2]; /* worker 0's, as the others were told last */
	struct mnd_call_list calls;             /* worker 0: not done yet */
	bool stopped;  /* worker 0's loop has ended and submits nothing any more */
	char err[512]; /* of a worker that did not start: atomic in failed */
	bool failed;
	unsigned int begun; /* of the others, while they start: atomic */
};

/* Processors that this process may use. */
unsigned int mnd_crew_processors(void);
/* For n > 1 workers; nothing runs yet. */
int mnd_crew_new(struct mnd_gateway *first, unsigned int n);
/* Starts the other workers with what the first one has. 0 or -errno with a text. */
int mnd_crew_start(struct mnd_crew *crew, char err[512]);
/* Worker 0's loop has ended: the others deliver what is on its way to them, end, and calls that are not done are cancelled. */
void mnd_crew_stop(struct mnd_crew *crew);
void mnd_crew_free(struct mnd_crew *crew);
/* Mail between workers. */
void mnd_crew_post(struct mnd_gateway *from, unsigned int to, struct mn_mail *m);

/* ---- homes of devices (home.c) ---- */

/* A device has one live session, on whichever worker its datagrams reach. A session that completes takes its device's home by one
 * atomic exchange: what it finds there is the session that it replaces, whose worker is told to close it, and it alone. Of several
 * that complete at once the last exchange wins, and every other one is found by exactly one successor. */
void mnd_home_claim(struct mnd_device *d);
void mnd_home_release(struct mnd_device *d);
/* At the worker that is told. */
void mnd_home_lost(struct mnd_gateway *g, struct mnd_parcel *p);

#endif
