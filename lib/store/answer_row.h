/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of the table `answer` and the records in them. */
#ifndef MN_STORE_ANSWER_ROW_H
#define MN_STORE_ANSWER_ROW_H

#include "store/store_sqlite.h"

#define MN_ANSWER_DEAD 1    /* overwritten */
#define MN_ANSWER_STARTED 2 /* no outcome yet */

/* A record of a row; numbers are big-endian. The same (device, RQI) in a later row is its outcome, or the record moved. */
struct mn_answer_head {
	uint32_t len; /* of the whole record */
	uint8_t flags;
	uint8_t device_len;
	uint8_t rqi_len;
	uint8_t reserved;
	uint64_t order; /* of the requests, rising */
	uint64_t when;
	uint8_t digest[32];
	/* then device, RQI, answer */
};
_Static_assert(sizeof(struct mn_answer_head) == 56, "a record's head has no padding");

struct mn_answer_row {
	struct mn_answer_head head; /* in the machine's order */
	char device[MN_ENTITY_MAX + 1];
	char rqi[65];
	const uint8_t *answer;
	size_t answer_len;
};

/* Builds the index at the first use. */
int mn_answer_load(struct mn_store *s);
int mn_answer_damaged(struct mn_store *s); /* -EBADMSG */

/* Reads the record at the beginning of p. */
int mn_answer_read(struct mn_store *s, const uint8_t *p, size_t len, struct mn_answer_row *r);
/* The record of e; *copy is to be freed. -EBADMSG when the file has another one there. */
int mn_answer_fetch(struct mn_store *s, const struct mn_entry *e, const char *device,
		    const char *rqi, struct mn_answer_row *r, uint8_t **copy);

/* Room in the open batch for len more bytes. */
int mn_answer_room(struct mn_store *s, size_t len);
/* Writes a record there; room was made. */
void mn_answer_append(struct mn_remembered *m, const struct mn_answer_record *a, uint64_t order);

int mn_answer_row_del(struct mn_store *s, int64_t seq);
/* A record of b is of no more use. A row without any goes; one with few is written anew when there is time. */
int mn_answer_less(struct mn_store *s, struct mn_batch *b);

#endif
