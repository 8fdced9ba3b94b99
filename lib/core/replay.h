/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sliding replay window (RFC 6347 4.1.2.6; RFC 8613 7.4 uses the first 32 bits). Also compiles in
 * the kernel. check before, update after authentication. */
#ifndef MN_CORE_REPLAY_H
#define MN_CORE_REPLAY_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stdint.h>
#endif

struct mn_replay {
	uint64_t next; /* highest number seen + 1; 0 = nothing seen */
	uint64_t seen; /* bit i: next - 1 - i was seen */
};

/* true when seq was not seen and lies in the window of `size` (1..64) numbers. */
static inline bool mn_replay_check(const struct mn_replay *w, uint64_t seq, unsigned int size)
{
	uint64_t back;

	if (seq >= w->next)
		return true;
	back = w->next - 1 - seq;
	return back < size && !(w->seen >> back & 1);
}

static inline void mn_replay_update(struct mn_replay *w, uint64_t seq)
{
	if (seq >= w->next) {
		uint64_t ahead = seq + 1 - w->next;

		w->seen = ahead >= 64 ? 1 : w->seen << ahead | 1;
		w->next = seq + 1;
	} else if (w->next - 1 - seq < 64) {
		w->seen |= 1ULL << (w->next - 1 - seq);
	}
}

#endif
