/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file between preload.c and tests/netns/fault.c. */
#ifndef FAULT_PRELOAD_H
#define FAULT_PRELOAD_H

#include <stdint.h>

struct fault {
	int64_t alloc_at;     /* which allocation fails, counted from 1; 0 = none */
	int64_t alloc_calls;  /* since it was set */
	int64_t alloc_failed; /* since it was set: 0 or 1 */
	int64_t clock_s;      /* added to the wall clock */
};

#endif
