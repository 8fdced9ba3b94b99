/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The maps of uapi/bpf.h. mncsed makes them with the sizes that its configuration asks for and gives them to each program, so that
 * all share one set; the sizes here are those of a program that is loaded by itself. A program defines the maps that it names before it
 * includes this file (MNB_KEYS, MNB_PENDING, ...): an object makes no map that it does not use. */
#ifndef MNB_MAPS_H
#define MNB_MAPS_H

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include "uapi/bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mncse_bpf_config);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct mncse_bpf_peer);
	__type(value, struct mncse_bpf_session);
} sessions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mncse_bpf_counters);
} counters SEC(".maps");

#if defined(MNB_GUARD_MAPS) || defined(MNB_CLASS_MAPS)
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 64);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct mncse_bpf_range);
	__type(value, __u32);
} relayed SEC(".maps");

/* A device of proxy mode: its datagrams go to the IN unopened, and the cookies are the IN's. */
static __always_inline bool mnb_relayed(const struct mncse_bpf_config *c,
					const struct mncse_bpf_peer *remote)
{
	struct mncse_bpf_range key = { .bits = 128 };

	if (!(c->flags & MNCSE_CONFIG_RELAYED))
		return false;
	__builtin_memcpy(key.addr, remote->addr, sizeof(key.addr));
	return bpf_map_lookup_elem(&relayed, &key);
}
#endif

#ifdef MNB_GUARD_MAPS
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mncse_bpf_keys);
} keys SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct mncse_bpf_peer);
	__type(value, __u64);
} pending SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct mncse_bpf_prefix);
	__type(value, __u64);
} prefixes SEC(".maps");
#endif

#ifdef MNB_CLASS_MAPS
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct mncse_bpf_group);
} groups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct mncse_bpf_share);
} shares SEC(".maps");
#endif

#ifdef MNB_STEER_MAPS
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MNCSE_BPF_SLOTS);
	__type(key, __u32);
	__type(value, __u32);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);
	__uint(max_entries, MNCSE_BPF_SOCKETS);
	__type(key, __u32);
	__type(value, __u64);
} workers SEC(".maps");
#endif

static __always_inline const struct mncse_bpf_config *mnb_config(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&config, &zero);
}

static __always_inline struct mncse_bpf_counters *mnb_counters(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&counters, &zero);
}

static __always_inline void mnb_count(struct mncse_bpf_cell *c, __u64 packets, __u64 bytes)
{
	c->packets += packets;
	c->bytes += bytes;
}

#endif
