/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers kept for retries (docs/protocol.md "IN"): a device's last 16 requests and those of the last 300 s, by RQI, with the digest of the inner
 * request. Written in the transaction of the effect. */
#ifndef MNT_INCSED_ANSWER_H
#define MNT_INCSED_ANSWER_H

#include "commit.h"
#include "core/coap.h"
#include "core/crypto.h"

/* SHA-256 of the inner request as it was encrypted: code, options, payload marker and payload. */
int mnt_answer_digest(const struct mn_coap *inner, uint8_t out[MN_SHA256_LEN]);

/* Looks for the answer to (device, RQI). Returns its length in buf; -ENOENT: a new request; -EEXIST: the RQI belongs to another
 * request; -EINPROGRESS: started, and its outcome was lost; other errors of the store. */
int mnt_answer_find(struct mn_store *s, const char *device_id, const char *rqi,
		    const uint8_t digest[MN_SHA256_LEN], uint8_t *buf, size_t max);
/* Writes the answer into the open batch; a failure fails the batch. */
void mnt_answer_keep(struct mnt_commit *c, const char *device_id, const char *rqi,
		     const uint8_t digest[MN_SHA256_LEN], int64_t now, const uint8_t *answer,
		     size_t len);

#endif
