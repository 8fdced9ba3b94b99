// SPDX-License-Identifier: GPL-2.0-or-later
#include "answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mnt_answer_digest(const struct mn_coap *inner, uint8_t out[MN_SHA256_LEN])
{
	size_t len = 1 + inner->options_len + (inner->payload_len ? 1 + inner->payload_len : 0);
	uint8_t some[1024];
	uint8_t *p = len > sizeof(some) ? malloc(len) : some;
	int err;

	if (!p)
		return -ENOMEM;
	p[0] = inner->code;
	if (inner->options_len)
		memcpy(p + 1, inner->options, inner->options_len);
	if (inner->payload_len) {
		p[1 + inner->options_len] = 0xff;
		memcpy(p + 2 + inner->options_len, inner->payload, inner->payload_len);
	}
	err = mn_sha256(p, len, out);
	mn_zero(p, len);
	if (p != some)
		free(p);
	return err;
}

int mnt_answer_find(struct mn_store *s, const char *device_id, const char *rqi,
		    const uint8_t digest[MN_SHA256_LEN], uint8_t *buf, size_t max)
{
	struct mn_answer_record r;
	int err = mn_store_answer_get(s, device_id, rqi, &r, buf, max);

	if (err)
		return err;
	if (!mn_equal(r.digest, digest, MN_SHA256_LEN))
		return -EEXIST;
	return r.answer ? (int)r.answer_len : -EINPROGRESS;
}

void mnt_answer_keep(struct mnt_commit *c, const char *device_id, const char *rqi,
		     const uint8_t digest[MN_SHA256_LEN], int64_t now, const uint8_t *answer,
		     size_t len)
{
	struct mn_answer_record r = { .when = now, .answer = answer, .answer_len = len };

	if (mnt_commit_begin(c))
		return;
	snprintf(r.device_id, sizeof(r.device_id), "%s", device_id);
	snprintf(r.rqi, sizeof(r.rqi), "%s", rqi);
	memcpy(r.digest, digest, MN_SHA256_LEN);
	if (mn_store_answer_put(c->store, &r))
		mnt_commit_fail(c);
}
