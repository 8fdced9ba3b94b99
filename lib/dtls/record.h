/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record engine: seals and opens records of an established session (RFC 5246 6.2.3, RFC 5288, RFC 6655, RFC 7366). Epoch is always 1:
 * renegotiation is refused. No allocation, no I/O. */
#ifndef MN_DTLS_RECORD_H
#define MN_DTLS_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "core/replay.h"
#include "dtls/endpoint.h"
#include "dtls/filter.h"

#define MN_REPLAY_WINDOW 64

/* One direction. CBC also needs a MAC key: mn_record_mac, which AEAD sessions do not carry. */
struct mn_record_key {
	uint8_t key[16];
	uint8_t iv[4]; /* AEAD: implicit part of the nonce */
};
struct mn_record_mac {
	uint8_t write[32], read[32];
};

struct mn_record_state {
	enum mn_suite suite;
	struct mn_record_key write, read;
	struct mn_record_mac *mac; /* CBC only, else NULL; owned by whoever owns the state */
	uint64_t write_sequence;   /* next to use; ends at MNCSE_SEQUENCE_MAX */
	struct mn_replay replay;
};

/* Bytes that sealing adds at most, header included. */
size_t mn_record_overhead(enum mn_suite suite);
/* Writes one record of len bytes (1..2^14) into out (max >= len + overhead). Returns its length, -ERANGE at the end of the sequence space,
 * -EMSGSIZE. */
int mn_record_seal(struct mn_record_state *s, uint8_t type, const void *data, size_t len,
		   uint8_t *out, size_t max);
/* Opens r in place: *data points into its body, length is returned (>= 0). -EBADMSG: does not authenticate. Checks no replay and changes no state:
 * that is mn_replay_check before and mn_replay_update after. */
int mn_record_open(const struct mn_record_state *s, struct mn_record *r, uint8_t **data);

#endif
