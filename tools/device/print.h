/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each step of a device as a line on stdout: text, or a JSON object a line. */
#ifndef MNT_PRINT_H
#define MNT_PRINT_H

#include "agent.h"

/* start_us: CLOCK_MONOTONIC of the time that lines count from. */
void mnt_print_event(const struct mnt_agent *a, const struct mnt_event *e, uint64_t start_us,
		     bool json);

#endif
