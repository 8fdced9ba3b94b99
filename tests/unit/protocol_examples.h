/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The examples of docs/protocol.md: the page's hex blocks as read, and how each is made anew with the library. All of them are
 * of one world, whose constants are here and nowhere else in the tests. */
#ifndef PROTOCOL_EXAMPLES_H
#define PROTOCOL_EXAMPLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/coap.h"
#include "core/crypto.h"
#include "core/identity.h"
#include "core/ksx.h"
#include "core/oscore.h"
#include "core/rand_message.h"

/* ---- the world ---- */

#define WORLD_DEVICE "C00001"
#define WORLD_GATEWAY "mn-cse-1"
#define WORLD_IN "in-cse-1"
#define WORLD_GROUP "g1"
#define WORLD_KPSAXM_ID "C00001@mn-cse-1"
#define WORLD_KPSAMI_ID "mn-cse-1@in-cse-1"
#define WORLD_KPSAXI_ID "C00001@in-cse-1"
#define WORLD_RQI "0123456789abcdef-0"
#define WORLD_GENERATION 1735689600u
#define WORLD_GENERATION_NEXT 1735776000u

struct blob {
	size_t len;
	uint8_t bytes[1280];
};

/* Keys and Rands run upwards from a first byte each. */
struct blob world_run(uint8_t first, size_t len);
struct blob world_kpsaxm(void);
struct blob world_kpsami(void);
struct blob world_kpsaxi(void);
struct blob world_rand(void);
struct blob world_rand_next(void);
struct blob world_kid(void);
struct blob world_id_context(void);

/* ---- examples ---- */

struct example {
	const char *name;
	void (*make)(const struct example *e, struct blob *out);
	/* Parameters of make, where several examples share one. */
	const char *text;
	int number;  /* of a code, or what make says */
	int max_age; /* seconds, < 0 = no Max-Age */
};

extern const struct example rand_examples[], dtls_examples[], oscore_examples[], answer_examples[];
extern const size_t rand_examples_n, dtls_examples_n, oscore_examples_n, answer_examples_n;

void blob_put(struct blob *b, const void *data, size_t len);
void blob_put_text(struct blob *b, const char *text);
void blob_put_byte(struct blob *b, unsigned int byte);

/* ---- what several files make messages with ---- */

struct mn_coap_token token_of(const void *bytes, size_t len);
/* The tokens of the page: of the device's requests, of the gateway's on the outer hop. */
struct mn_coap_token device_token(void);
struct mn_coap_token outer_token(void);
/* Ends a message that was begun in b->bytes. */
void blob_finish(struct blob *b, struct mn_coap_writer *w);
struct mn_coap coap_of(const struct blob *b);

/* Message IDs of the page. */
enum {
	ID_PING = 0x7d33, /* of the device */
	ID_GET_GSA = 0x7d34,
	ID_OBSERVE = 0x7d35,
	ID_REQUEST = 0x7d38,
	ID_RETRY = 0x7d39,
	ID_POST_OUTER = 0xc001, /* of the IN */
	ID_ANSWER_OUTER = 0xc002,
	ID_POST_INNER = 0x51a0, /* of the gateway, inner hop */
	ID_NOTIFICATION = 0x51a1,
	ID_SEPARATE = 0x51a2,
	ID_REQUEST_OUTER = 0x9e10, /* of the gateway, outer hop */
	ID_REPEAT_OUTER = 0x9e11,
};

/* Both ends' OSCORE context; sequence number 0. */
struct mn_oscore device_context(void);
struct mn_oscore in_context(void);
/* The service request and its binding, as protected by the device with sequence number seq. */
void service_request(struct blob *out, struct mn_oscore_request *rq, uint64_t seq, uint16_t id);
/* The plaintext of OSCORE: code, options and payload of an ordinary message. */
void put_plaintext(struct blob *out, const struct blob *message);
/* The value of the OSCORE option of a message. */
struct mn_coap_option oscore_option(const struct mn_coap *m);

/* ---- the page ---- */

struct page_example {
	char name[64];
	unsigned int line;
	struct blob blob;
};
struct page {
	struct page_example *list;
	size_t n;
};
/* Fails the test at anything in the page that is not as it should be. */
void page_read(struct page *p, const char *path);
void page_free(struct page *p);
const struct page_example *page_find(const struct page *p, const char *name);
#endif
