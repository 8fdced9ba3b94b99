/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands before wolfSSL and the record engine: reads record headers and the ClientHello strictly, so that nothing which no honest
 * peer sends gets further. Pure. */
#ifndef MN_DTLS_FILTER_H
#define MN_DTLS_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uapi/record.h"

struct mn_record {
	uint8_t type;
	uint16_t version;
	uint16_t epoch;
	uint64_t sequence; /* 48 bits */
	uint8_t *header;   /* start of the record */
	uint8_t *body;
	size_t len; /* of body */
};

/* Reads the record at data[*at] and moves *at behind it. 1 = a record, 0 = end, -EBADMSG: unknown type or version, a length of 0, above
 * 2^14 + 256 or beyond the datagram, an epoch above 1, or a protected record shorter than nonce and tag. */
int mn_record_next(uint8_t *data, size_t len, size_t *at, struct mn_record *out);
/* All records of a datagram pass mn_record_next and there is at least one. */
bool mn_datagram_ok(uint8_t *data, size_t len);

struct mn_client_hello {
	uint16_t version;
	uint16_t message_seq;
	uint64_t record_sequence;
	const uint8_t *random; /* 32 bytes */
	const uint8_t *cookie;
	size_t cookie_len;
	bool encrypt_then_mac; /* offered, RFC 7366 */
};

/* The record is epoch 0 and starts a ClientHello. */
bool mn_is_client_hello(const struct mn_record *r);
/* Checks a ClientHello whole. 0; -EBADMSG malformed or truncated; -EMSGSIZE fragmented, or not alone in its record. */
int mn_client_hello_read(const struct mn_record *r, struct mn_client_hello *out);

/* Writes a HelloVerifyRequest (RFC 6347 4.2.1) that answers hello. Returns its length (28 + cookie_len), 0 when max is too small. */
size_t mn_hello_verify_write(const struct mn_client_hello *hello, const uint8_t *cookie,
			     size_t cookie_len, uint8_t *out, size_t max);

/* Writes a fatal alert in clear, as it is before there are keys: MN_ALERT_LEN bytes. */
#define MN_ALERT_LEN (MNCSE_RECORD_HEADER + 2)
enum { MN_ALERT_FATAL = 2, MN_ALERT_HANDSHAKE_FAILURE = 40, MN_ALERT_PROTOCOL_VERSION = 70 };
void mn_alert_write(uint8_t description, uint64_t record_sequence, uint8_t out[MN_ALERT_LEN]);

static inline uint16_t mn_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t mn_get24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}
static inline uint64_t mn_get48(const uint8_t *p)
{
	return (uint64_t)mn_get16(p) << 32 | (uint64_t)mn_get24(p + 2) << 8 | p[5];
}
static inline void mn_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
static inline void mn_put48(uint8_t *p, uint64_t v)
{
	for (int i = 5; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

#endif
