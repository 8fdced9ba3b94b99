/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An IN with a real store in a temporary folder, without loop and endpoint, and the devices' side of OSCORE. Time stands still unless a test
 * moves in->clock. */
#ifndef IN_FIXTURE_H
#define IN_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../../tools/incsed/context.h"
#include "../../tools/incsed/in.h"

#define SENT_MAX 64

struct fixture {
	char dir[64];
	struct mnt_in *in;
	struct mnt_gateway *gateway;
	struct mnt_link link;
	struct mnt_link other; /* of another gateway */
	/* what was sent on a link, in order */
	unsigned int sent_n;
	size_t sent_len[SENT_MAX];
	uint8_t sent[SENT_MAX][1200];
};

/* "gw1" with devices D1 and D2 in g1, "gw2" with D3 in g1; one generation drawn and taken by each. */
struct fixture *fixture_new(void);
void fixture_free(struct fixture *f);
/* Ends the IN and starts it again. A crash leaves the store as it is while the IN runs. */
void fixture_stop(struct fixture *f);
void fixture_crash(struct fixture *f);
void fixture_start(struct fixture *f);

struct mnt_device *fixture_device(struct fixture *f, const char *id);
/* Adds a device of gw1's g1 for direct use, into the store too. A restart of the IN finds it by fixture_device. What is sent to
 * direct devices is in sent[] as well. */
struct mnt_direct *fixture_direct(struct fixture *f, const char *id, uint8_t key);
struct mnt_group *fixture_group(struct fixture *f);
void fixture_draw(struct mnt_group *g);
/* cni of in-cse/cnt. */
int64_t fixture_instances(struct fixture *f);

/* A device's context; salt: a number that becomes the 8 bytes. */
struct context {
	struct mn_oscore o;
	struct mn_oscore_request rq;
	int format; /* content format of the next request (0 = JSON), then of its answer (0 = no content) */
};
void context_new(struct fixture *f, struct context *c, const char *device, uint64_t salt);
void context_new_at(struct fixture *f, struct context *c, const char *device,
		    const struct mnt_generation *g, uint64_t salt);

struct bytes {
	size_t len;
	uint8_t data[1400];
};
/* A protected request: op and TO, content as JSON text or NULL, RQI; FR is from unless NULL. token: one byte. */
struct bytes request(struct context *c, enum mn_onem2m_op op, const char *to, unsigned int ty,
		     const char *content, const char *rqi, const char *from, uint8_t token);
/* A RETRIEVE of in-cse. */
struct bytes retrieve(struct context *c, const char *rqi, uint8_t token);

/* The same as a direct device sends it. */
struct bytes plain(enum mn_coap_type type, uint16_t id, uint8_t token, enum mn_onem2m_op op,
		   const char *to, const char *content, const char *rqi, const char *from);

/* Hands it to the IN without ending the batch. */
void feed(struct mnt_link *l, const struct bytes *b);
/* Hands it over, ends the batch, and expects exactly one message sent; returns it. */
struct bytes exchange(struct fixture *f, const struct bytes *b);
/* The same, and opens the answer. content is returned (owned) when out is not NULL. RSC. */
unsigned int ask(struct fixture *f, struct context *c, const struct bytes *b, json_t **out);
unsigned int open_answer(struct context *c, const struct bytes *b, json_t **out);

/* An unprotected error: code, text, Max-Age and the token. */
void expect_error(const struct bytes *b, uint8_t code, const char *text, uint32_t max_age,
		  uint8_t token);

#endif
