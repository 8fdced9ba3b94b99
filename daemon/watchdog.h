/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The service manager's watchdog (systemd.service(5), WatchdogSec=): it is told that the gateway lives only when every worker has
 * answered, so that one that hangs ends in a restart. */
#ifndef MND_WATCHDOG_H
#define MND_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/timer.h"

struct mnd_gateway;

struct mnd_watchdog {
	struct mn_timer timer;
	struct mnd_gateway *gateway;
	void (*notify)(const char *state); /* sd_notify's second argument */
	uint64_t every_ms;
	bool asked; /* and not answered yet */
};

/* every_ms: half the time that the manager allows; 0: nobody watches, nothing happens. */
void mnd_watchdog_start(struct mnd_watchdog *w, struct mnd_gateway *g, uint64_t every_ms,
			void (*notify)(const char *state));
/* Before the gateway is freed. */
void mnd_watchdog_stop(struct mnd_watchdog *w);

#endif
