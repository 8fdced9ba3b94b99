/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CoAP (RFC 7252) and the OSCORE option (RFC 8613 6.1) as far as messages are carried from one hop to the other. Also compiles in userspace,
 * where its test compares it with lib/core, which says more of each rule. */
#ifndef MNK_COAP_H
#define MNK_COAP_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

enum { MNK_COAP_CON, MNK_COAP_NON, MNK_COAP_ACK, MNK_COAP_RST };

#define MNK_COAP_CODE(class, detail) ((class) << 5 | (detail))
enum {
	MNK_COAP_EMPTY = 0,
	MNK_COAP_POST = 2,
	MNK_COAP_204 = MNK_COAP_CODE(2, 4),
	MNK_COAP_400 = MNK_COAP_CODE(4, 0),
	MNK_COAP_401 = MNK_COAP_CODE(4, 1),
	MNK_COAP_429 = MNK_COAP_CODE(4, 29),
	MNK_COAP_503 = MNK_COAP_CODE(5, 3),
	MNK_COAP_504 = MNK_COAP_CODE(5, 4),
};

#define MNK_COAP_HEADER 4
#define MNK_COAP_TOKEN_MAX 8
#define MNK_KID_LEN 7

/* A message as read, or to be written: pointers go into others' bytes. Of its options it knows OSCORE and Max-Age. */
struct mnk_coap {
	uint8_t type, code;
	uint16_t id;
	uint8_t token_len;
	uint8_t token[MNK_COAP_TOKEN_MAX];
	const uint8_t *oscore; /* the first one's value; NULL: none */
	uint16_t oscore_len;
	/* Read: no critical option but OSCORE, Uri-Host and Uri-Port, each once and of a length that fits */
	bool plain;
	bool has_max_age; /* the first one, when it has at most 4 bytes */
	uint32_t max_age;
	const uint8_t *payload; /* NULL: none */
	size_t payload_len;
};

static inline bool mnk_coap_is_request(const struct mnk_coap *m)
{
	return m->code && m->code >> 5 == 0;
}
static inline bool mnk_coap_is_response(const struct mnk_coap *m)
{
	return m->code >> 5 >= 2;
}

/* Takes what mn_coap_read takes. -EBADMSG */
int mnk_coap_read(const uint8_t *data, size_t len, struct mnk_coap *out);
/* Header, token, OSCORE, Max-Age, payload. Its length; out may be NULL. */
size_t mnk_coap_write(const struct mnk_coap *m, uint8_t *out);

/* Is the option's value well formed, with that kid and a kid context of 12 bytes? Then *generation is the context's. */
bool mnk_oscore_names(const uint8_t *value, size_t len, const uint8_t kid[MNK_KID_LEN],
		      uint32_t *generation);

#endif
