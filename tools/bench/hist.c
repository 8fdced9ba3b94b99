// SPDX-License-Identifier: GPL-2.0-or-later
#include "hist.h"

#include <math.h>

unsigned int mnt_hist_slot(uint32_t value)
{
	unsigned int shift;

	if (value < MNT_HIST_SUB)
		return value;
	shift = (unsigned int)(32 - __builtin_clz(value)) - MNT_HIST_SUB_BITS;
	return MNT_HIST_SUB + (shift - 1) * (MNT_HIST_SUB / 2) + (value >> shift) -
	       MNT_HIST_SUB / 2;
}

uint32_t mnt_hist_highest(unsigned int slot)
{
	unsigned int shift, step;

	if (slot < MNT_HIST_SUB)
		return slot;
	slot -= MNT_HIST_SUB;
	shift = slot / (MNT_HIST_SUB / 2) + 1;
	step = slot % (MNT_HIST_SUB / 2) + MNT_HIST_SUB / 2;
	return (uint32_t)(((uint64_t)step + 1) << shift) - 1;
}

void mnt_hist_add(struct mnt_hist *h, uint64_t value)
{
	uint32_t v = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;

	if (!h->count || v < h->min)
		h->min = v;
	if (!h->count || v > h->max)
		h->max = v;
	h->count++;
	h->sum += v;
	h->slots[mnt_hist_slot(v)]++;
}

uint32_t mnt_hist_percentile(const struct mnt_hist *h, double p)
{
	uint64_t rank = (uint64_t)ceil(p / 100 * (double)h->count), seen = 0;

	if (!h->count)
		return 0;
	if (rank < 1)
		rank = 1;
	for (unsigned int i = 0; i < MNT_HIST_SLOTS; i++) {
		seen += h->slots[i];
		if (seen >= rank)
			return mnt_hist_highest(i) < h->max ? mnt_hist_highest(i) : h->max;
	}
	return h->max;
}
