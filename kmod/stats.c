// SPDX-License-Identifier: GPL-2.0-or-later
#include "stats.h"

#include <linux/percpu.h>

#include "net.h"

static const char *const names[] = {
#define X(NAME, name) [MNK_##NAME] = "kernel." #name,
	MNK_COUNTERS(X)
#undef X
};

/* May be called with or without bottom halves off: one instruction on x86, interrupts off elsewhere. */
void mnk_count_n(struct mnk_net *n, enum mnk_counter c, u64 by)
{
	this_cpu_add(n->stats->value[c], by);
}

u64 mnk_counter_read(struct mnk_net *n, enum mnk_counter c)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu) sum += READ_ONCE(per_cpu_ptr(n->stats, cpu)->value[c]);
	return sum;
}

const char *mnk_counter_name(enum mnk_counter c)
{
	return names[c];
}
