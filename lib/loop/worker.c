// SPDX-License-Identifier: GPL-2.0-or-later
#include "loop/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

/* The start has three steps that all threads take together: loops made, init done, result known. */
struct mn_worker {
	struct mn_workers *all;
	unsigned int index;
	pthread_t thread;
	struct mn_loop *loop;
	int err;
	const char *why;
	struct mn_mail stop;
};

struct mn_workers {
	unsigned int n;
	const struct mn_loop_config *config; /* valid during the start only */
	struct mn_worker_ops ops;
	void *arg;
	pthread_barrier_t step;
	bool failed; /* read by all between two steps, written before the first */
	struct mn_worker worker[];
};

static bool any_failed(const struct mn_workers *w)
{
	for (unsigned int i = 0; i < w->n; i++)
		if (w->worker[i].err)
			return true;
	return false;
}

static void *run(void *arg)
{
	struct mn_worker *me = arg;
	struct mn_workers *w = me->all;
	bool inited = false;

	me->err = mn_loop_new(w->config, &me->loop, &me->why);
	pthread_barrier_wait(&w->step);
	if (!any_failed(w)) {
		pthread_barrier_wait(&w->step); /* nobody writes err while another reads it */
		me->err = w->ops.init(w->arg, me->index, me->loop);
		inited = !me->err;
		pthread_barrier_wait(&w->step);
		if (!any_failed(w)) {
			pthread_barrier_wait(&w->step);
			mn_loop_run(me->loop);
		} else {
			pthread_barrier_wait(&w->step);
		}
	}
	if (inited)
		w->ops.fini(w->arg, me->index, me->loop);
	/* loops go when all threads have stopped: until then mail may be on its way to them */
	pthread_barrier_wait(&w->step);
	mn_loop_free(me->loop);
	return NULL;
}

static void join_all(struct mn_workers *w)
{
	for (unsigned int i = 0; i < w->n; i++)
		pthread_join(w->worker[i].thread, NULL);
	pthread_barrier_destroy(&w->step);
	free(w);
}

static int start_threads(struct mn_workers *w)
{
	sigset_t all, before;
	unsigned int i;
	int err = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	for (i = 0; i < w->n && !err; i++) {
		w->worker[i].all = w;
		w->worker[i].index = i;
		err = pthread_create(&w->worker[i].thread, NULL, run, &w->worker[i]);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err ? -err : 0;
}

/* The starting thread takes part in every step. */
int mn_workers_start(unsigned int n, const struct mn_loop_config *config,
		     const struct mn_worker_ops *ops, void *arg, struct mn_workers **out,
		     const char **why)
{
	struct mn_workers *w = calloc(1, sizeof(*w) + n * sizeof(w->worker[0]));
	int err = 0;

	*why = NULL;
	if (!w)
		return -ENOMEM;
	w->n = n;
	w->config = config;
	w->ops = *ops;
	w->arg = arg;
	pthread_barrier_init(&w->step, NULL, n + 1);
	if (start_threads(w)) {
		/* without all of its threads the start cannot go on, and those that exist wait for ever: as good as out of memory
		 * before anything was served */
		*why = "threads cannot be started: see RLIMIT_NPROC and the service's TasksMax";
		return -EAGAIN;
	}
	pthread_barrier_wait(&w->step);
	if (!any_failed(w)) {
		pthread_barrier_wait(&w->step);
		pthread_barrier_wait(&w->step);
		w->failed = any_failed(w);
		pthread_barrier_wait(&w->step);
	} else {
		w->failed = true;
	}
	for (unsigned int i = 0; i < n && w->failed; i++) {
		if (w->worker[i].err) {
			err = w->worker[i].err;
			*why = w->worker[i].why;
		}
	}
	if (err) {
		pthread_barrier_wait(&w->step);
		join_all(w);
		return err;
	}
	*out = w;
	return 0;
}

struct mn_loop *mn_workers_loop(struct mn_workers *w, unsigned int index)
{
	return w->worker[index].loop;
}

unsigned int mn_workers_count(const struct mn_workers *w)
{
	return w->n;
}

static void stop_loop(struct mn_loop *l, struct mn_mail *m)
{
	(void)m;
	mn_loop_stop(l);
}

void mn_workers_stop(struct mn_workers *w)
{
	if (!w)
		return;
	for (unsigned int i = 0; i < w->n; i++) {
		w->worker[i].stop.fn = stop_loop;
		mn_mail_send(NULL, w->worker[i].loop, &w->worker[i].stop);
	}
	pthread_barrier_wait(&w->step);
	join_all(w);
}
