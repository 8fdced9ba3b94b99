/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A control server on a loop in a thread of its own, with handlers for every kind of answer. */
#ifndef TEST_CTL_FIXTURE_H
#define TEST_CTL_FIXTURE_H

#include <pthread.h>
#include <semaphore.h>

#include "ctl/server.h"

extern char folder[64], path[96], err[256]; /* of the socket, and of the last failed call */

extern struct fixture {
	pthread_t thread;
	sem_t ready, told;
	struct mn_loop *loop;
	struct mn_ctl_server *server;
	int started;
	/* What the loop's thread does when woken: one job at a time. */
	void (*job)(void);
	/* Of the handlers. */
	unsigned int answers; /* of a dump (LAYERS_GET, PID counts) */
	size_t text_len;      /* of each */
	struct mn_ctl_request
		*later;  /* REKEY, told is posted; group "now" finishes inside the handler */
	uint8_t key[64]; /* DEVICE_ADD */
	size_t key_len;
	int answer_err; /* of the last mn_ctl_answer */
} t;

/* A second server at the same path. */
int new_server(struct mn_ctl_server **out);
/* Does job on the loop's thread and waits for it. */
void on_loop(void (*job)(void));
/* A job. */
void free_server(void);

int setup(void **state);
/* Fails when the socket's file is still there. */
int teardown(void **state);

#endif
