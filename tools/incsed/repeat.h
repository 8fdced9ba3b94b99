/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a gateway's session has brought in the last 30 s, by the digest of the bytes (all but the message ID): the gateway repeats an unanswered
 * request with the same token and bytes, and gets the same answer's bytes (docs/protocol.md "IN"). Bounded in number and bytes;
 * what has been pushed out is answered "Replay detected", which costs the device a new Partial IV and nothing else. */
#ifndef MNT_INCSED_REPEAT_H
#define MNT_INCSED_REPEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/crypto.h"
#include "table.h"

#define MNT_REPEAT_MS 16000 /* the gateway's last repetition leaves after 14 s */
#define MNT_REPEAT_MAX \
	524288 /* 30,000 requests a second, the most a gateway sends, for that time */
#define MNT_REPEAT_BYTES (128u << 20)

struct mnt_repeat {
	struct mnt_node node;
	struct mnt_repeat *newer;
	uint64_t at_ms;
	uint8_t digest[MN_SHA256_LEN];
	bool opened;    /* the request was opened: its Partial IV is used */
	uint8_t *bytes; /* the protected answer, NULL while in progress */
	uint16_t len;
};

struct mnt_repeats {
	struct mnt_table table;
	struct mnt_repeat *oldest, *newest;
	size_t bytes;
};

int mnt_repeats_init(struct mnt_repeats *r);
void mnt_repeats_fini(struct mnt_repeats *r);
struct mnt_repeat *mnt_repeat_find(const struct mnt_repeats *r,
				   const uint8_t digest[MN_SHA256_LEN]);
/* Adds one that is not there; lets the old ones go. NULL without memory: then a repetition counts as a replay. */
struct mnt_repeat *mnt_repeat_add(struct mnt_repeats *r, const uint8_t digest[MN_SHA256_LEN],
				  uint64_t now_ms);
/* Keeps a copy of the answer to it. */
void mnt_repeat_answer(struct mnt_repeats *r, struct mnt_repeat *e, const uint8_t *data,
		       size_t len);

#endif
