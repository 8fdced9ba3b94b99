/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames written out octet by octet for BPF_PROG_TEST_RUN, and what the programs counted. Checksums are computed here by themselves, so
 * that a program's are checked against others than its own. */
#ifndef MNT_FRAME_H
#define MNT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"
#include "uapi/bpf.h"

#define FRAME_MAX 4096

struct frame {
	uint8_t bytes[FRAME_MAX];
	size_t len;
	size_t network, udp; /* offsets */
};

/* How a frame is built; all zero: IPv4, nothing beside the headers. */
struct shape {
	bool six;
	unsigned int vlans;   /* 0..2 */
	unsigned int options; /* IPv4: octets of options, a multiple of 4 */
	unsigned int
		extensions; /* IPv6: extension headers of 8 octets (hop-by-hop, routing, destination, in turn) */
	bool fragment;   /* IPv4: more fragments; IPv6: a fragment header */
	bool out;        /* from the gateway */
	bool outer;      /* between the gateway and the IN */
	uint32_t device; /* number of the device; its address and port follow from it */
};

union mn_addr frame_device(bool six, uint32_t device);
struct mncse_bpf_peer frame_peer(const union mn_addr *a, uint16_t listener);
void frame_build(struct frame *f, const struct shape *s, const void *payload, size_t len);
/* One's complement sum of n octets, added to sum; folded and inverted by frame_fold. */
uint32_t frame_sum(const void *p, size_t n, uint32_t sum);
uint16_t frame_fold(uint32_t sum);
/* The UDP checksum that the frame should have (0 in the field while it is computed). */
uint16_t frame_udp_checksum(const struct frame *f);

/* A DTLS record with a body of n octets of `first, 1, 2, ...`; returns its length. */
size_t frame_record(uint8_t *out, uint8_t type, uint16_t epoch, uint8_t first, size_t n);
/* A ClientHello with this cookie (may be NULL). random is seeded by seed. */
size_t frame_hello(uint8_t *out, uint8_t seed, const void *cookie, size_t cookie_len);

/* Fills in listeners 0 (IPv4) and 1 (IPv6), no limits, and the IN. */
void frame_config(struct mncse_bpf_config *c);
void frame_counters(int map, struct mncse_bpf_counters *out); /* sum over processors */
/* Runs once; out may be NULL. Returns the program's result, or fails the test. */
uint32_t frame_run(int prog, const struct frame *f, struct frame *out);
/* ns a run, over many. */
unsigned int frame_time(int prog, const struct frame *f);
/* Ends the program with 77 when BPF may not be used here. */
void frame_need_bpf(void);

#endif
