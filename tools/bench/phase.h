/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a run does, one phase after the other, and what came of each. */
#ifndef MNT_PHASE_H
#define MNT_PHASE_H

#include <stdbool.h>
#include <stdint.h>

#include "hist.h"

enum mnt_phase_kind {
	MNT_PHASE_HANDSHAKE, /* all devices connect and take Rand, so many at a time */
	MNT_PHASE_RAND,      /* the IN draws a new Rand for every group */
	MNT_PHASE_REQUEST,   /* a service request a device, so many at a time */
	MNT_PHASE_GET,       /* GET /gsa for some seconds */
	MNT_PHASE_STEADY,    /* service requests for some seconds */
	MNT_PHASE_RECONNECT, /* all devices connect anew at once */
};

enum { MNT_PHASES_MAX = 16 };

struct mnt_phases {
	enum mnt_phase_kind kind[MNT_PHASES_MAX];
	unsigned int n;
};

const char *mnt_phase_name(enum mnt_phase_kind k);
/* "handshake,get,steady": handshake is the first and comes once. -EINVAL with a sentence in err. */
int mnt_phases_parse(const char *text, struct mnt_phases *out, char err[256]);
/* handshake, then one request a device: the run that figure 8.2.1-2 counts. */
bool mnt_phases_are_counted(const struct mnt_phases *p);

struct mnt_phase_result {
	enum mnt_phase_kind kind;
	uint64_t start_us, end_us; /* CLOCK_MONOTONIC; end: the last answer, 0 = none */
	uint64_t first_us, last_us;
	uint64_t done, failed;
	uint64_t backlog; /* most requests that waited for a device that is free */
	double rate;      /* requests a second that were to arrive, 0 = as fast as answers come */
	bool known;       /* the daemons were asked: */
	uint64_t cpu_gateway_us, cpu_in_us, rss_bytes;
	uint64_t
		span_us; /* rand: the gateway's own, from its arrival to the last first transmission */
	struct mnt_hist hist; /* microseconds */
};

#endif
