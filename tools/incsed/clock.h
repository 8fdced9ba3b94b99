/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two clocks: the loop's monotonic milliseconds for limits and deadlines, Unix seconds for what is stored.
 * Without a loop (unit tests) the fields are the time. */
#ifndef MNT_INCSED_CLOCK_H
#define MNT_INCSED_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "loop/loop.h"

struct mnt_clock {
	const struct mn_loop *loop;
	uint64_t ms;
	int64_t unix_s;
};

static inline uint64_t mnt_clock_ms(const struct mnt_clock *c)
{
	return c->loop ? mn_loop_now(c->loop) : c->ms;
}

static inline int64_t mnt_clock_unix(const struct mnt_clock *c)
{
	return c->loop ? time(NULL) : c->unix_s;
}

#endif
