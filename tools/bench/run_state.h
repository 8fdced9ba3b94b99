/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What run.c (sequence), device.c (devices and their events), load.c (arrivals) and job.c (a call on a thread of its own) share.
 * Everything but the job runs on the loop's thread. */
#ifndef MNT_RUN_STATE_H
#define MNT_RUN_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "run.h"

enum mnt_device_state {
	MNT_DEVICE_IDLE,
	MNT_DEVICE_CONNECTING,
	MNT_DEVICE_OPEN,  /* without Rand */
	MNT_DEVICE_READY, /* with Rand */
	MNT_DEVICE_FAILED,
};

struct mnt_run;

struct mnt_device {
	struct mnt_run *run;
	struct mnt_agent *agent;
	uint64_t began_us; /* of what it is doing: when it should have begun */
	uint8_t state;     /* enum mnt_device_state */
	uint8_t busy;      /* phase whose request is open, counted from 1; 0 = none */
	uint8_t tries;     /* handshakes not answered */
	bool away;         /* reconnecting */
	bool fresh_rand;   /* has the Rand of this rand phase */
	bool authenticated;
	bool closing; /* its close is awaited */
};

/* A blocking call beside the loop: a rekey, a restart. */
struct mnt_job {
	pthread_t thread;
	bool running;
	atomic_bool done;
	int err;
	char text[256];
	int (*fn)(struct mnt_run *run, char text[256]);
	struct mnt_run *run;
};

/* Requests that should have begun when no device was free: their times, oldest first. */
struct mnt_backlog {
	uint64_t *us;
	size_t at, n, room;
};

enum mnt_stage { MNT_STAGE_LOAD, MNT_STAGE_SETTLE, MNT_STAGE_CLOSE };

struct mnt_run {
	const struct mnt_run_options *o;
	struct mnt_run_result *r;
	struct mn_loop *loop;
	struct mn_endpoint *endpoint;
	struct mnt_device *devices;
	json_t *content;
	enum mnt_stage stage;
	struct mnt_phase_result *phase; /* the one under way */
	size_t next;                    /* device to begin with */
	size_t under_way;
	size_t waited;     /* devices that this phase waits for */
	uint64_t end_us;   /* of a phase of some seconds */
	double arrival_us; /* of the next request */
	struct mnt_backlog backlog;
	int timer_fd; /* arrivals: finer than the loop's own timers */
	struct mn_poll *timer_poll;
	struct mnt_job job;
	struct mn_defer advance;

	struct mnt_point totals;
	size_t closing, still_open, shown, point_room;
	uint64_t start_us, progress_ms, step_ms, cpu_gateway_us, cpu_in_us;
	bool tty, drawn;
	struct mn_timer show_timer, step_timer, sample_timer;
};

/* run.c */
void mnt_run_progress(struct mnt_run *run);
/* Has the sequence looked at before this iteration's datagrams leave. */
void mnt_run_advance(struct mnt_run *run);
/* Ends the run with this sentence. */
void mnt_run_broken(struct mnt_run *run, const char *text);

/* device.c */
void mnt_device_start(struct mnt_run *run, struct mnt_device *d);
void mnt_device_reconnect(struct mnt_run *run, struct mnt_device *d);
/* Begins the request of a request, get or steady phase. intended_us: from when its time counts. */
void mnt_device_ask(struct mnt_run *run, struct mnt_device *d, uint64_t intended_us);
void mnt_device_fail(struct mnt_run *run, struct mnt_device *d, const char *why);

/* load.c */
void mnt_load_begin(struct mnt_run *run);
/* Begins what is due and may begin. True when the phase is over. */
bool mnt_load_pump(struct mnt_run *run);
void mnt_load_end(struct mnt_run *run);
int mnt_load_init(struct mnt_run *run);
void mnt_load_fini(struct mnt_run *run);

/* job.c */
int mnt_job_start(struct mnt_run *run, int (*fn)(struct mnt_run *run, char text[256]));
/* Waits for it. */
void mnt_job_join(struct mnt_run *run);
int mnt_job_rekey(struct mnt_run *run, char text[256]);
int mnt_job_restart(struct mnt_run *run, char text[256]);

#endif
