// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/coap.h"

#include <errno.h>
#include <string.h>

/*
 * RFC 7252 3:
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +---+---+-------+---------------+-------------------------------+
 *   |Ver| T |  TKL  |      Code     |          Message ID           |
 *   +---+---+-------+---------------+-------------------------------+
 *   |   Token (TKL bytes) ...       |   Options ...                 |
 *   +---------------+---------------+-------------------------------+
 *   |1 1 1 1 1 1 1 1|    Payload ...
 */
#define HEADER_LEN 4
#define MARKER 0xff
#define NIBBLE_8 13  /* an extension of one byte follows, less 13 */
#define NIBBLE_16 14 /* two bytes, less 269 */
#define NIBBLE_RESERVED 15
#define EXT_8 13
#define EXT_16 269
/* The writer's "last option" once the payload is in: no option may follow. */
#define NUMBER_AFTER_PAYLOAD (UINT16_MAX + 1U)

/* Extends a nibble from *at on. -EBADMSG when it is reserved or its bytes are not all there. */
static int read_nibble(unsigned int nibble, const uint8_t **at, const uint8_t *end, uint32_t *out)
{
	const uint8_t *p = *at;

	if (nibble < NIBBLE_8) {
		*out = nibble;
	} else if (nibble == NIBBLE_8) {
		if (end - p < 1)
			return -EBADMSG;
		*out = EXT_8 + (uint32_t)p[0];
		*at = p + 1;
	} else if (nibble == NIBBLE_16) {
		if (end - p < 2)
			return -EBADMSG;
		*out = EXT_16 + ((uint32_t)p[0] << 8 | p[1]);
		*at = p + 2;
	} else {
		return -EBADMSG;
	}
	return 0;
}

/* Reads the option at *at (at < end, not the marker), which follows option `number`. */
static int read_option(const uint8_t **at, const uint8_t *end, uint32_t number,
		       struct mn_coap_option *out)
{
	const uint8_t *p = *at;
	unsigned int head = *p++;
	uint32_t delta, len;

	if (read_nibble(head >> 4, &p, end, &delta) || read_nibble(head & 0xf, &p, end, &len))
		return -EBADMSG;
	if (number + delta > UINT16_MAX || len > UINT16_MAX || len > (size_t)(end - p))
		return -EBADMSG;
	out->number = (uint16_t)(number + delta);
	out->len = (uint16_t)len;
	out->value = p;
	*at = p + len;
	return 0;
}

/* Which codes a type may carry (RFC 7252 4.2, 4.3, table 1) and which classes exist (12.1). */
static bool code_fits(enum mn_coap_type type, uint8_t code)
{
	unsigned int class = mn_coap_class(code);

	if (class == 1 || class > 5)
		return false;
	switch (type) {
	case MN_COAP_CON:
		return true;
	case MN_COAP_NON:
		return code != MN_COAP_EMPTY;
	case MN_COAP_ACK:
		return code == MN_COAP_EMPTY || class != 0;
	case MN_COAP_RST:
		return code == MN_COAP_EMPTY;
	}
	return false;
}

static int read_options(const uint8_t *p, const uint8_t *end, struct mn_coap *out)
{
	struct mn_coap_option o = { 0 };

	out->options = p;
	while (p < end && *p != MARKER)
		if (read_option(&p, end, o.number, &o))
			return -EBADMSG;
	out->options_len = (size_t)(p - out->options);
	if (p == end)
		return 0;
	if (++p == end)
		return -EBADMSG; /* a marker and no payload */
	out->payload = p;
	out->payload_len = (size_t)(end - p);
	return 0;
}

int mn_coap_read(const void *data, size_t len, struct mn_coap *out, bool *headed)
{
	const uint8_t *p = data, *end = p + len;
	size_t token_len;

	memset(out, 0, sizeof(*out));
	if (headed)
		*headed = false;
	if (len < HEADER_LEN || p[0] >> 6 != 1)
		return -EBADMSG;
	out->type = (enum mn_coap_type)(p[0] >> 4 & 3);
	out->code = p[1];
	out->id = (uint16_t)(p[2] << 8 | p[3]);
	if (headed)
		*headed = true;
	token_len = p[0] & 0xf;
	p += HEADER_LEN;
	if (token_len > MN_COAP_TOKEN_MAX || token_len > (size_t)(end - p))
		return -EBADMSG;
	out->token.len = (uint8_t)token_len;
	memcpy(out->token.bytes, p, token_len);
	p += token_len;
	if (!code_fits(out->type, out->code))
		return -EBADMSG;
	if (out->code == MN_COAP_EMPTY && len != HEADER_LEN)
		return -EBADMSG;
	return read_options(p, end, out);
}

bool mn_coap_option_next(const struct mn_coap *m, struct mn_coap_cursor *c,
			 struct mn_coap_option *out)
{
	const uint8_t *p, *end;

	if (c->at >= m->options_len)
		return false;
	p = m->options + c->at;
	end = m->options + m->options_len;
	/* mn_coap_read has checked the area; a message that somebody put together by hand ends here. */
	if (*p == MARKER || read_option(&p, end, c->number, out)) {
		c->at = m->options_len;
		return false;
	}
	c->at = (size_t)(p - m->options);
	c->number = out->number;
	return true;
}

bool mn_coap_option_find(const struct mn_coap *m, uint16_t number, struct mn_coap_option *out)
{
	struct mn_coap_cursor c = { 0 };
	struct mn_coap_option o;

	while (mn_coap_option_next(m, &c, &o) && o.number <= number) {
		if (o.number == number) {
			*out = o;
			return true;
		}
	}
	return false;
}

int mn_coap_option_uint(const struct mn_coap *m, uint16_t number, size_t max_len, uint32_t *out)
{
	struct mn_coap_option o;
	uint32_t v = 0;

	if (!mn_coap_option_find(m, number, &o))
		return -ENOENT;
	if (o.len > max_len || o.len > sizeof(v))
		return -EBADMSG;
	for (size_t i = 0; i < o.len; i++)
		v = v << 8 | o.value[i];
	*out = v;
	return 0;
}

bool mn_coap_path_is(const struct mn_coap *m, const char *path)
{
	struct mn_coap_cursor c = { 0 };
	struct mn_coap_option o;
	bool more = *path != '\0';

	while (mn_coap_option_next(m, &c, &o) && o.number <= MN_COAP_OPT_URI_PATH) {
		size_t len;

		if (o.number != MN_COAP_OPT_URI_PATH)
			continue;
		len = strcspn(path, "/");
		if (!more || o.len != len || memcmp(o.value, path, len) != 0)
			return false;
		more = path[len] == '/';
		path += len + more;
	}
	return !more;
}

int mn_coap_path(const struct mn_coap *m, char *out, size_t max)
{
	struct mn_coap_cursor c = { 0 };
	struct mn_coap_option o;
	size_t len = 0;
	bool first = true;

	while (mn_coap_option_next(m, &c, &o) && o.number <= MN_COAP_OPT_URI_PATH) {
		if (o.number != MN_COAP_OPT_URI_PATH)
			continue;
		if (memchr(o.value, '\0', o.len) || memchr(o.value, '/', o.len))
			return -EBADMSG;
		if (len + !first + o.len >= max)
			return -ENAMETOOLONG;
		if (!first)
			out[len++] = '/';
		memcpy(out + len, o.value, o.len);
		len += o.len;
		first = false;
	}
	if (len >= max)
		return -ENAMETOOLONG;
	out[len] = '\0';
	return (int)len;
}

/* Lengths of the critical options that we know (RFC 7252 5.10, RFC 7959 2.1, RFC 8613 2). Others are
 * their readers' affair. */
static bool length_fits(const struct mn_coap_option *o)
{
	switch (o->number) {
	case MN_COAP_OPT_IF_MATCH:
		return o->len <= 8;
	case MN_COAP_OPT_IF_NONE_MATCH:
		return o->len == 0;
	case MN_COAP_OPT_URI_HOST:
	case MN_COAP_OPT_PROXY_SCHEME:
		return o->len >= 1 && o->len <= 255;
	case MN_COAP_OPT_URI_PATH:
	case MN_COAP_OPT_URI_QUERY:
	case MN_COAP_OPT_OSCORE:
		return o->len <= 255;
	case MN_COAP_OPT_URI_PORT:
	case MN_COAP_OPT_ACCEPT:
		return o->len <= 2;
	case MN_COAP_OPT_BLOCK1:
	case MN_COAP_OPT_BLOCK2:
		return o->len <= 3;
	case MN_COAP_OPT_PROXY_URI:
		return o->len >= 1 && o->len <= 1034;
	default:
		return true;
	}
}

static bool may_repeat(uint16_t number)
{
	return number == MN_COAP_OPT_IF_MATCH || number == MN_COAP_OPT_URI_PATH ||
	       number == MN_COAP_OPT_URI_QUERY;
}

uint16_t mn_coap_critical_unknown(const struct mn_coap *m, const uint16_t *known, size_t n)
{
	struct mn_coap_cursor c = { 0 };
	struct mn_coap_option o;
	uint16_t last = 0;

	while (mn_coap_option_next(m, &c, &o)) {
		bool repeated = o.number == last;
		size_t i = 0;

		last = o.number;
		if (o.number % 2 == 0)
			continue;
		while (i < n && known[i] != o.number)
			i++;
		if (i == n || !length_fits(&o) || (repeated && !may_repeat(o.number)))
			return o.number;
	}
	return 0;
}

const char *mn_coap_code_name(uint8_t code, char out[8])
{
	unsigned int detail = code & 0x1f;

	out[0] = (char)('0' + mn_coap_class(code));
	out[1] = '.';
	out[2] = (char)('0' + detail / 10);
	out[3] = (char)('0' + detail % 10);
	out[4] = '\0';
	return out;
}

static void fail(struct mn_coap_writer *w, int err)
{
	if (!w->err)
		w->err = err;
}

/* Room for len bytes at the end, or NULL. */
static uint8_t *grow(struct mn_coap_writer *w, size_t len)
{
	uint8_t *at = w->buf + w->len;

	if (w->err)
		return NULL;
	if (len > w->max - w->len) {
		fail(w, -EMSGSIZE);
		return NULL;
	}
	w->len += len;
	return at;
}

void mn_coap_begin(struct mn_coap_writer *w, uint8_t *buf, size_t max, enum mn_coap_type type,
		   uint8_t code, uint16_t id, const struct mn_coap_token *token)
{
	size_t token_len = token ? token->len : 0;
	uint8_t *p;

	*w = (struct mn_coap_writer){ .buf = buf, .max = max };
	if (token_len > MN_COAP_TOKEN_MAX) {
		fail(w, -EINVAL);
		return;
	}
	p = grow(w, HEADER_LEN + token_len);
	if (!p)
		return;
	p[0] = (uint8_t)(1 << 6 | type << 4 | token_len);
	p[1] = code;
	p[2] = (uint8_t)(id >> 8);
	p[3] = (uint8_t)id;
	if (token_len)
		memcpy(p + HEADER_LEN, token->bytes, token_len);
}

static unsigned int nibble(size_t v)
{
	return v < EXT_8 ? (unsigned int)v : v < EXT_16 ? NIBBLE_8 : NIBBLE_16;
}

static uint8_t *put_extension(uint8_t *p, size_t v)
{
	if (v >= EXT_16) {
		*p++ = (uint8_t)((v - EXT_16) >> 8);
		*p++ = (uint8_t)(v - EXT_16);
	} else if (v >= EXT_8) {
		*p++ = (uint8_t)(v - EXT_8);
	}
	return p;
}

void mn_coap_put(struct mn_coap_writer *w, uint16_t number, const void *value, size_t len)
{
	uint8_t head[5], *p = head, *at;
	size_t delta;

	if (number < w->number) {
		fail(w, -EINVAL);
		return;
	}
	if (len > UINT16_MAX) {
		fail(w, -EMSGSIZE);
		return;
	}
	delta = number - w->number;
	*p++ = (uint8_t)(nibble(delta) << 4 | nibble(len));
	p = put_extension(p, delta);
	p = put_extension(p, len);
	at = grow(w, (size_t)(p - head) + len);
	if (!at)
		return;
	memcpy(at, head, (size_t)(p - head));
	if (len)
		memcpy(at + (p - head), value, len);
	w->number = number;
}

void mn_coap_put_uint(struct mn_coap_writer *w, uint16_t number, uint32_t value)
{
	uint8_t bytes[4];
	size_t len = 0;

	for (int shift = 24; shift >= 0; shift -= 8)
		if (len || value >> shift)
			bytes[len++] = (uint8_t)(value >> shift);
	mn_coap_put(w, number, bytes, len);
}

void mn_coap_put_path(struct mn_coap_writer *w, const char *path)
{
	bool more = *path != '\0';

	while (more) {
		size_t len = strcspn(path, "/");

		mn_coap_put(w, MN_COAP_OPT_URI_PATH, path, len);
		more = path[len] == '/';
		path += len + more;
	}
}

void mn_coap_put_payload(struct mn_coap_writer *w, const void *data, size_t len)
{
	uint8_t *p;

	if (len == 0)
		return;
	if (w->number == NUMBER_AFTER_PAYLOAD) {
		fail(w, -EINVAL);
		return;
	}
	if (len > SIZE_MAX - 1) {
		fail(w, -EMSGSIZE);
		return;
	}
	p = grow(w, 1 + len);
	if (!p)
		return;
	p[0] = MARKER;
	memcpy(p + 1, data, len);
	w->number = NUMBER_AFTER_PAYLOAD;
}

int mn_coap_finish(struct mn_coap_writer *w)
{
	return w->err ? w->err : (int)w->len;
}

size_t mn_coap_empty(uint8_t *buf, enum mn_coap_type type, uint16_t id)
{
	buf[0] = (uint8_t)(1 << 6 | type << 4);
	buf[1] = MN_COAP_EMPTY;
	buf[2] = (uint8_t)(id >> 8);
	buf[3] = (uint8_t)id;
	return HEADER_LEN;
}
