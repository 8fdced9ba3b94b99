/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests of direct devices that were seen within EXCHANGE_LIFETIME, with their answers (RFC 7252 4.5): a retransmission gets the
 * same answer's bytes and is not carried out again. One list for all sessions, bounded in number and bytes: what an idle device once
 * asked costs nothing. What has been pushed out counts as a new request, which the answers kept by RQI (answer.h) make harmless. */
#ifndef MNT_INCSED_DUPLICATE_H
#define MNT_INCSED_DUPLICATE_H

#include <stddef.h>
#include <stdint.h>

#include "core/pool.h"
#include "table.h"

#define MNT_DUPLICATE_MS 247000
#define MNT_DUPLICATES_MAX 131072
#define MNT_DUPLICATE_BYTES (16u << 20)

struct mnt_duplicate {
	struct mnt_node node; /* hash: of the message's bytes and the session */
	struct mnt_duplicate *newer;
	uint64_t at_ms;
	uint64_t session; /* mn_session_id */
	uint8_t *bytes;   /* the answer, NULL while there is none */
	uint16_t len;
	uint16_t id; /* message ID */
};

struct mnt_duplicates {
	struct mnt_table table;
	struct mn_pool pool;
	struct mnt_duplicate *oldest, *newest;
	size_t bytes;
};

int mnt_duplicates_init(struct mnt_duplicates *t); /* -ENOMEM */
void mnt_duplicates_fini(struct mnt_duplicates *t);
/* The hash of a message for the two below. */
uint64_t mnt_duplicate_hash(uint64_t session, const uint8_t *data, size_t len);
struct mnt_duplicate *mnt_duplicate_find(struct mnt_duplicates *t, uint64_t hash, uint64_t session,
					 uint16_t id, uint64_t now_ms);
/* Adds one that is not there. Without memory it is not remembered. */
void mnt_duplicate_add(struct mnt_duplicates *t, uint64_t hash, uint64_t session, uint16_t id,
		       uint64_t now_ms);
/* Keeps a copy of the answer to it. */
void mnt_duplicate_answer(struct mnt_duplicates *t, struct mnt_duplicate *e, const uint8_t *data,
			  size_t len);

#endif
