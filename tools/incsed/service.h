/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An opened service request: the oneM2M primitive in it, who it is from, whether it is a retry, its execution and its answer. */
#ifndef MNT_INCSED_SERVICE_H
#define MNT_INCSED_SERVICE_H

#include "commit.h"
#include "core/onem2m.h"
#include "resource.h"

/* Largest inner message of an answer: with header, token, OSCORE option, marker and tag around it, it stays within 1,152 bytes
 * whatever the token. */
#define MNT_ANSWER_MAX (MN_COAP_MESSAGE_MAX - 19)

struct mnt_service {
	bool executed; /* an operation was carried out, with whatever RSC */
	bool retry;    /* the answer is an earlier one's */
	/* What an answer needs besides RSC and content: for the 5000 when the store then fails. */
	struct mn_onem2m_response head;
	size_t len;
	uint8_t answer[MNT_ANSWER_MAX]; /* inner CoAP message */
};

/* Executes inner for the device of that entity ID, into the open batch of c. An RQI that cannot be read is missing
 * in the answer too. 0, or -EBADMSG when no answer could be written; len is 0 then. */
int mnt_service_execute(struct mnt_resources *t, struct mnt_commit *c, const char *device_id,
			const struct mn_coap *inner, int64_t now, struct mnt_service *out);
/* Replaces the answer by RSC 5000: the batch was rolled back. */
int mnt_service_failed(struct mnt_service *s);

#endif
