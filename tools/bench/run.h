/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many devices on one loop. All authenticate and take Rand; what comes then is chosen phase by phase. */
#ifndef MNT_RUN_H
#define MNT_RUN_H

#include "../device/agent.h"
#include "counters.h"
#include "phase.h"

/* Addresses that are local to the machine, one a device. */
struct mnt_sources {
	uint32_t first; /* host order; the network's own address is left out */
	uint32_t n;     /* 0 = none: a socket a device */
};
/* "127.1.0.0/16". -EINVAL with a sentence in err. */
int mnt_sources_parse(const char *text, struct mnt_sources *out, char err[256]);

struct mnt_run_options {
	union mn_addr gateway;
	const struct mnt_credentials *credentials; /* one a device */
	struct mnt_sources sources;                /* at least as many as devices, or none */
	const uint16_t *suites;                    /* 0-terminated; NULL = all */
	bool proxy;                                /* devices authenticate to the IN itself */
	struct mnt_phases phases;
	unsigned int in_flight;        /* handshakes, then requests */
	unsigned int reconnect_flight; /* handshakes of a reconnect phase; 0 = all */
	unsigned int timeout_s;        /* without any progress */
	double rate;           /* of get and steady, requests a second; 0 = in_flight at a time */
	unsigned int seconds;  /* of get and steady */
	const char *restart;   /* command before a reconnect phase, NULL = none */
	const char *in_socket; /* for rand */
	unsigned int groups;   /* distinct ones among the credentials */
	struct mnt_counters *counters; /* NULL = none asked */
};

/* What had been done at a point of time. */
struct mnt_point {
	uint64_t us; /* since the start */
	uint64_t handshakes, rands, requests, gets;
};

struct mnt_run_result {
	size_t devices, authenticated, failed;
	unsigned int groups;
	bool proxy;
	bool counted; /* figure 8.2.1-2 says what the counts must be */
	struct mnt_phase_result *phases;
	unsigned int phase_n; /* begun */
	struct mnt_point *points;
	size_t point_n;
	uint64_t rands, first_rand_us, last_rand_us; /* of the handshake phase */
	uint64_t lost;                               /* sessions that ended by themselves */
	const char *suite;
	struct mnt_snapshot before; /* zero when the daemons were fresh */
	bool fresh;                 /* the outer authentication and its Rand belong to this run */
	struct mnt_snapshot counts; /* since before */
	uint64_t cpu_gateway_us, cpu_in_us; /* during the run */
	int64_t rss_grown;                  /* the gateway's */
	bool bpf, kmod;
	bool interrupted;
	char error[256]; /* of the control sockets or of a command, "" = none */
};

/* 0, or -errno of the loop or of memory. What failed at a device is in the result and on stderr. Free with mnt_run_fini. */
int mnt_run(const struct mnt_run_options *o, struct mnt_run_result *out);
void mnt_run_fini(struct mnt_run_result *r);

#endif
