/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
/* Where a remote end without a session belongs: one function for reuseport.bpf.c, which steers, and for the daemon, which checks. */
#ifndef MNCSE_UAPI_SLOT_H
#define MNCSE_UAPI_SLOT_H

#include "bpf.h"

static inline __u32 mncse_bpf_mix(__u32 h, __u32 v)
{
	h = (h ^ v) * 0x9e3779b1u;
	return h ^ h >> 15;
}

/* Its place in the map `slots`. */
static inline __u32 mncse_bpf_slot(const struct mncse_bpf_peer *p)
{
	const __u32 *a = (const __u32 *)(const void *)p->addr;
	__u32 h = p->port;

	for (int i = 0; i < 4; i++)
		h = mncse_bpf_mix(h, a[i]);
	return mncse_bpf_mix(h, 0x85ebca6bu) % MNCSE_BPF_SLOTS;
}

#endif
