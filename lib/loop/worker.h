/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threading model. A worker is a thread with a loop of its own; what a worker has is touched by no other thread. Workers
 * talk by mail: a message is handed over whole and belongs to the receiver from then on. There is no lock: an inbox is a
 * list that senders push onto by compare-and-swap and its owner takes whole, and one MSG_RING completion wakes the owner
 * when its inbox was empty.
 */
#ifndef MN_LOOP_WORKER_H
#define MN_LOOP_WORKER_H

#include "loop/loop.h"

struct mn_mail {
	struct mn_mail *next;
	/* On the receiver's thread. m is the receiver's: it frees it or sends it on. */
	void (*fn)(struct mn_loop *l, struct mn_mail *m);
};

/* Hands m to another loop. from: the caller's own loop, NULL on a thread without one. Messages of one sender arrive in order.
 * to must not be freed before its thread has stopped and senders have. */
void mn_mail_send(struct mn_loop *from, struct mn_loop *to, struct mn_mail *m);

struct mn_workers;

struct mn_worker_ops {
	/* On each worker's own thread, before its loop runs: makes what the worker has. 0 or -errno, which ends the start. */
	int (*init)(void *arg, unsigned int index, struct mn_loop *l);
	/* On the same thread after its loop has stopped (also after a failed start of another worker). */
	void (*fini)(void *arg, unsigned int index, struct mn_loop *l);
};

/* Starts n threads (n >= 1), waits until each has made its loop, then calls init on all, and returns when all are done with it. On any
 * failure all are stopped and joined. why as mn_loop_new. Signals are blocked in the threads. */
int mn_workers_start(unsigned int n, const struct mn_loop_config *config,
		     const struct mn_worker_ops *ops, void *arg, struct mn_workers **out,
		     const char **why);
struct mn_loop *mn_workers_loop(struct mn_workers *w, unsigned int index);
unsigned int mn_workers_count(const struct mn_workers *w);
/* Stops all loops, joins the threads and frees. Mail still under way is delivered or dropped with its fn not called. */
void mn_workers_stop(struct mn_workers *w);

#endif
