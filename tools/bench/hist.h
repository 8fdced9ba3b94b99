/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log-linear histogram of times: three significant digits whatever the size, fixed memory. */
#ifndef MNT_HIST_H
#define MNT_HIST_H

#include <stddef.h>
#include <stdint.h>

/* Values below MNT_HIST_SUB stand for themselves; above, each doubling has MNT_HIST_SUB / 2 steps, so a step is at most 1/1024
 * of the value. Values end at UINT32_MAX (71 minutes in microseconds). */
enum {
	MNT_HIST_SUB_BITS = 11,
	MNT_HIST_SUB = 1 << MNT_HIST_SUB_BITS,
	MNT_HIST_SLOTS = MNT_HIST_SUB + (32 - MNT_HIST_SUB_BITS) * MNT_HIST_SUB / 2,
};

struct mnt_hist {
	uint64_t count, sum;
	uint32_t min, max; /* exact; meaningless while count is 0 */
	uint32_t slots[MNT_HIST_SLOTS];
};

/* A value above UINT32_MAX counts as that. */
void mnt_hist_add(struct mnt_hist *h, uint64_t value);
/* The highest value of the slot that holds the nearest rank of p (0..100), never above the maximum. 0 without samples. */
uint32_t mnt_hist_percentile(const struct mnt_hist *h, double p);
/* Slot of a value and the highest value of a slot. */
unsigned int mnt_hist_slot(uint32_t value);
uint32_t mnt_hist_highest(unsigned int slot);

#endif
