/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CoAP message format (RFC 7252 section 3) over datagrams: a reader that checks a message whole and a
 * writer with a fixed buffer. No allocation, no I/O. */
#ifndef MN_CORE_COAP_H
#define MN_CORE_COAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mn_coap_type { MN_COAP_CON, MN_COAP_NON, MN_COAP_ACK, MN_COAP_RST };

#define MN_COAP_CODE(class, detail) ((uint8_t)((class) << 5 | (detail)))
enum {
	MN_COAP_EMPTY = 0,
	MN_COAP_GET = 1,
	MN_COAP_POST,
	MN_COAP_PUT,
	MN_COAP_DELETE,
	MN_COAP_FETCH,
	MN_COAP_PATCH,
	MN_COAP_IPATCH,
	MN_COAP_201 = MN_COAP_CODE(2, 1),
	MN_COAP_202 = MN_COAP_CODE(2, 2),
	MN_COAP_203 = MN_COAP_CODE(2, 3),
	MN_COAP_204 = MN_COAP_CODE(2, 4),
	MN_COAP_205 = MN_COAP_CODE(2, 5),
	MN_COAP_400 = MN_COAP_CODE(4, 0),
	MN_COAP_401 = MN_COAP_CODE(4, 1),
	MN_COAP_402 = MN_COAP_CODE(4, 2),
	MN_COAP_403 = MN_COAP_CODE(4, 3),
	MN_COAP_404 = MN_COAP_CODE(4, 4),
	MN_COAP_405 = MN_COAP_CODE(4, 5),
	MN_COAP_406 = MN_COAP_CODE(4, 6),
	MN_COAP_409 = MN_COAP_CODE(4, 9),
	MN_COAP_413 = MN_COAP_CODE(4, 13),
	MN_COAP_415 = MN_COAP_CODE(4, 15),
	MN_COAP_429 = MN_COAP_CODE(4, 29),
	MN_COAP_500 = MN_COAP_CODE(5, 0),
	MN_COAP_501 = MN_COAP_CODE(5, 1),
	MN_COAP_503 = MN_COAP_CODE(5, 3),
	MN_COAP_504 = MN_COAP_CODE(5, 4),
};

enum {
	MN_COAP_OPT_IF_MATCH = 1,
	MN_COAP_OPT_URI_HOST = 3,
	MN_COAP_OPT_ETAG = 4,
	MN_COAP_OPT_IF_NONE_MATCH = 5,
	MN_COAP_OPT_OBSERVE = 6,
	MN_COAP_OPT_URI_PORT = 7,
	MN_COAP_OPT_LOCATION_PATH = 8,
	MN_COAP_OPT_OSCORE = 9,
	MN_COAP_OPT_URI_PATH = 11,
	MN_COAP_OPT_CONTENT_FORMAT = 12,
	MN_COAP_OPT_MAX_AGE = 14,
	MN_COAP_OPT_URI_QUERY = 15,
	MN_COAP_OPT_ACCEPT = 17,
	MN_COAP_OPT_LOCATION_QUERY = 20,
	MN_COAP_OPT_BLOCK2 = 23,
	MN_COAP_OPT_BLOCK1 = 27,
	MN_COAP_OPT_SIZE2 = 28,
	MN_COAP_OPT_PROXY_URI = 35,
	MN_COAP_OPT_PROXY_SCHEME = 39,
	MN_COAP_OPT_SIZE1 = 60,
};

enum { MN_COAP_FORMAT_TEXT = 0, MN_COAP_FORMAT_JSON = 50, MN_COAP_FORMAT_CBOR = 60 };

#define MN_COAP_TOKEN_MAX 8
#define MN_COAP_MESSAGE_MAX 1152 /* what we send, unless configured otherwise (protocol.md) */
#define MN_COAP_MAX_AGE_DEFAULT 60

struct mn_coap_token {
	uint8_t len;
	uint8_t bytes[MN_COAP_TOKEN_MAX];
};

/* A message as read: pointers go into the caller's datagram. */
struct mn_coap {
	enum mn_coap_type type;
	uint8_t code;
	uint16_t id;
	struct mn_coap_token token;
	const uint8_t *options; /* raw options area, already checked */
	size_t options_len;
	const uint8_t *payload; /* NULL when there is none */
	size_t payload_len;
};

struct mn_coap_option {
	uint16_t number;
	uint16_t len;
	const uint8_t *value;
};

/* Reads and checks a whole message. -EBADMSG when malformed (RFC 7252 3, 4.1, 5.4: reserved nibbles, token
 * length > 8, option number above 65535, marker without payload, Empty with anything else, reserved
 * class 1/6/7, a code that the type does not carry: RST not Empty, NON Empty, ACK with a request). type, code, id and token are set whenever the first 4 bytes are readable and version is 1 with
 * *headed = true (so that a CON can be answered by RST); headed may be NULL. */
int mn_coap_read(const void *data, size_t len, struct mn_coap *out, bool *headed);

/* Options in order. Start with a zeroed cursor; false at the end. */
struct mn_coap_cursor {
	size_t at;
	uint32_t number;
};
bool mn_coap_option_next(const struct mn_coap *m, struct mn_coap_cursor *c,
			 struct mn_coap_option *out);
/* First option of that number; false when there is none. */
bool mn_coap_option_find(const struct mn_coap *m, uint16_t number, struct mn_coap_option *out);
/* The option's value as an unsigned integer of at most max_len bytes (RFC 7252 3.2; leading zeroes taken). -ENOENT,
 * -EBADMSG when longer. */
int mn_coap_option_uint(const struct mn_coap *m, uint16_t number, size_t max_len, uint32_t *out);
/* Uri-Path equals the segments of path ("gsa", "in-cse/cnt"). No leading slash. */
bool mn_coap_path_is(const struct mn_coap *m, const char *path);
/* Joins Uri-Path with '/' into out, terminated. Length, -ENAMETOOLONG, -EBADMSG (a segment with NUL or '/'). */
int mn_coap_path(const struct mn_coap *m, char *out, size_t max);
/* First critical option (odd number) that is not in known[n], has a length that RFC 7252 5.10 does not allow (5.4.3),
 * or is repeated though it must not be (5.4.5: all but Uri-Path, Uri-Query, If-Match). 0 when there is none. Of repeated
 * elective options mn_coap_option_find takes the first. */
uint16_t mn_coap_critical_unknown(const struct mn_coap *m, const uint16_t *known, size_t n);

static inline unsigned int mn_coap_class(uint8_t code)
{
	return code >> 5;
}
static inline bool mn_coap_is_request(const struct mn_coap *m)
{
	return m->code != MN_COAP_EMPTY && mn_coap_class(m->code) == 0;
}
static inline bool mn_coap_is_response(const struct mn_coap *m)
{
	return mn_coap_class(m->code) >= 2;
}
/* "2.05" into out, terminated. Returns out. */
const char *mn_coap_code_name(uint8_t code, char out[8]);

/* Writer. Options must be added in ascending order. Errors stick: mn_coap_finish reports the first one. */
struct mn_coap_writer {
	uint8_t *buf;
	size_t max;
	size_t len;
	uint32_t number; /* last option */
	int err;
};
void mn_coap_begin(struct mn_coap_writer *w, uint8_t *buf, size_t max, enum mn_coap_type type,
		   uint8_t code, uint16_t id, const struct mn_coap_token *token);
void mn_coap_put(struct mn_coap_writer *w, uint16_t number, const void *value, size_t len);
/* Shortest form, 0 is the empty value. */
void mn_coap_put_uint(struct mn_coap_writer *w, uint16_t number, uint32_t value);
/* One Uri-Path option a segment. */
void mn_coap_put_path(struct mn_coap_writer *w, const char *path);
/* Adds marker and payload when len > 0. */
void mn_coap_put_payload(struct mn_coap_writer *w, const void *data, size_t len);
/* Length of the message, -EMSGSIZE when it did not fit, -EINVAL when options were out of order. */
int mn_coap_finish(struct mn_coap_writer *w);

/* Whole small messages into buf (>= 16 bytes); return the length. Empty ACK / RST / CON ping (RFC 7252 4.2, 4.3). */
size_t mn_coap_empty(uint8_t *buf, enum mn_coap_type type, uint16_t id);

#endif
