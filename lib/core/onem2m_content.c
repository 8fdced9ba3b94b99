// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/onem2m.h"

#include <cbor/callbacks.h>
#include <cbor/encoding.h>
#include <cbor/streaming.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* jansson refuses what is no JSON, but its own limit of the depth is 2048. */

static bool json_depth_fits(const char *text, size_t len)
{
	bool in_string = false;
	size_t depth = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		switch (text[i]) {
		case '"':
			in_string = !in_string;
			break;
		case '\\': /* outside of a string the parser refuses it anyway */
			i++;
			break;
		case '[':
		case '{':
			if (!in_string && ++depth > MN_ONEM2M_CONTENT_DEPTH)
				return false;
			break;
		case ']':
		case '}':
			if (!in_string && depth)
				depth--;
			break;
		default:
			break;
		}
	}
	return true;
}

static json_t *read_json(const char *text, size_t len)
{
	json_error_t err;

	return json_depth_fits(text, len) ? json_loadb(text, len, JSON_REJECT_DUPLICATES, &err) :
					    NULL;
}

/* CBOR: libcbor's stateless decoder tells one item after the other, which are put together
 * here. So nothing is allocated by a declared length, and what no callback takes (tags, indefinite
 * lengths, undefined) is refused because the item counts as not taken. */

struct frame {
	json_t *container; /* owned by its parent, the outermost by struct builder */
	size_t left;       /* items (a map's keys and values) still to come */
	const char *key;   /* in the input; NULL: a key comes next */
	size_t key_len;
};

struct builder {
	json_t *root;
	struct frame frames[MN_ONEM2M_CONTENT_DEPTH];
	size_t depth;
	bool taken; /* a callback has taken the item */
};

/* Takes ownership of v; NULL is refused. */
static bool append(struct frame *f, json_t *v)
{
	f->left--;
	if (json_is_array(f->container))
		return !json_array_append_new(f->container, v);
	if (!f->key || json_object_getn(f->container, f->key, f->key_len)) {
		json_decref(v);
		return false;
	}
	if (json_object_setn_new(f->container, f->key, f->key_len, v))
		return false;
	f->key = NULL;
	return true;
}

static void leave_complete(struct builder *b)
{
	while (b->depth && !b->frames[b->depth - 1].left)
		b->depth--;
}

static void take(struct builder *b, json_t *v)
{
	if (!b->depth) { /* a scalar alone is no content */
		json_decref(v);
		return;
	}
	b->taken = v && append(&b->frames[b->depth - 1], v);
	leave_complete(b);
}

static void enter(struct builder *b, json_t *container, size_t items)
{
	if (!container || b->depth == MN_ONEM2M_CONTENT_DEPTH) {
		json_decref(container);
		return;
	}
	if (b->depth) {
		b->taken = append(&b->frames[b->depth - 1], container);
	} else {
		b->root = container;
		b->taken = true;
	}
	if (!b->taken)
		return;
	b->frames[b->depth++] = (struct frame){ .container = container, .left = items };
	leave_complete(b);
}

static void on_uint(void *b, uint64_t v)
{
	if (v <= INT64_MAX)
		take(b, json_integer((json_int_t)v));
}

static void on_uint8(void *b, uint8_t v)
{
	on_uint(b, v);
}

static void on_uint16(void *b, uint16_t v)
{
	on_uint(b, v);
}

static void on_uint32(void *b, uint32_t v)
{
	on_uint(b, v);
}

static void on_negint(void *b, uint64_t v)
{
	if (v <= INT64_MAX)
		take(b, json_integer(-1 - (json_int_t)v));
}

static void on_negint8(void *b, uint8_t v)
{
	on_negint(b, v);
}

static void on_negint16(void *b, uint16_t v)
{
	on_negint(b, v);
}

static void on_negint32(void *b, uint32_t v)
{
	on_negint(b, v);
}

static void on_double(void *b, double v)
{
	take(b, json_real(v)); /* NULL for NaN and infinities */
}

static void on_float(void *b, float v)
{
	on_double(b, v);
}

static void on_null(void *b)
{
	take(b, json_null());
}

static void on_bool(void *b, bool v)
{
	take(b, json_boolean(v));
}

static void on_string(void *context, cbor_data data, size_t len)
{
	const char *text = len ? (const char *)data : "";
	struct builder *b = context;
	struct frame *f = b->depth ? &b->frames[b->depth - 1] : NULL;

	if (memchr(text, '\0', len))
		return;
	if (f && json_is_object(f->container) && !f->key) {
		f->key = text; /* its UTF-8 is checked when the value comes */
		f->key_len = len;
		f->left--;
		b->taken = true;
		return;
	}
	take(b, json_stringn(text, len)); /* NULL when it is not UTF-8 */
}

static void on_bytes(void *context, cbor_data data, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = (len + 2) / 3 * 4;
	struct builder *b = context;
	char *text;
	size_t i;

	text = malloc(n + 1);
	if (!text)
		return;
	for (i = 0; i < n; i++) {
		size_t bit = i * 6;
		unsigned int pair = 0;

		if (bit >= len * 8) {
			text[i] = '=';
			continue;
		}
		pair = (unsigned int)data[bit / 8] << 8;
		if (bit / 8 + 1 < len)
			pair |= data[bit / 8 + 1];
		text[i] = digits[pair >> (10 - bit % 8) & 63];
	}
	take(b, json_stringn(text, n));
	free(text);
}

static void on_array(void *b, size_t len)
{
	enter(b, json_array(), len);
}

static void on_map(void *b, size_t len)
{
	/* More cannot follow, and twice that must not overflow. */
	if (len <= MN_ONEM2M_CONTENT_MAX)
		enter(b, json_object(), 2 * len);
}

static struct cbor_callbacks callbacks(void)
{
	struct cbor_callbacks c = cbor_empty_callbacks;

	c.uint8 = on_uint8;
	c.uint16 = on_uint16;
	c.uint32 = on_uint32;
	c.uint64 = on_uint;
	c.negint8 = on_negint8;
	c.negint16 = on_negint16;
	c.negint32 = on_negint32;
	c.negint64 = on_negint;
	c.byte_string = on_bytes;
	c.string = on_string;
	c.array_start = on_array;
	c.map_start = on_map;
	c.float2 = on_float;
	c.float4 = on_float;
	c.float8 = on_double;
	c.null = on_null;
	c.boolean = on_bool;
	return c;
}

static json_t *read_cbor(const uint8_t *data, size_t len)
{
	const struct cbor_callbacks cb = callbacks();
	struct builder b = { 0 };
	size_t at = 0;

	do {
		struct cbor_decoder_result r;

		b.taken = false;
		r = cbor_stream_decode(data + at, len - at, &cb, &b);
		if (r.status != CBOR_DECODER_FINISHED || !b.taken)
			goto refuse;
		at += r.read;
	} while (b.depth && at < len);
	if (b.depth || at != len)
		goto refuse;
	return b.root;
refuse:
	json_decref(b.root);
	return NULL;
}

json_t *mn_onem2m_content_read(int content_format, const void *data, size_t len)
{
	if (!len || len > MN_ONEM2M_CONTENT_MAX)
		return NULL;
	if (content_format == MN_COAP_FORMAT_JSON)
		return read_json(data, len);
	if (content_format == MN_COAP_FORMAT_CBOR)
		return read_cbor(data, len);
	return NULL;
}

/* What content_read would take: depth, and no U+0000 that json_stringn() lets in. The recursion
 * ends with the depth. */
static bool writable(const json_t *v, size_t depth)
{
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_string(v))
		return strlen(json_string_value(v)) == json_string_length(v);
	if (!json_is_object(v) && !json_is_array(v))
		return true;
	if (depth == MN_ONEM2M_CONTENT_DEPTH)
		return false;
	json_array_foreach(v, i, item) if (!writable(item, depth + 1)) return false;
	json_object_foreach(
		(json_t *)v, key,
		item) if (strlen(key) != json_object_iter_key_len(json_object_key_to_iter(key)) ||
			  !writable(item, depth + 1)) return false;
	return true;
}

struct sink {
	uint8_t *buf; /* MN_ONEM2M_CONTENT_MAX bytes */
	size_t len;
	bool full;
};

/* libcbor's encoders return 0 when the item does not fit. */
#define PUT(s, encode, ...) \
	wrote(s, encode(__VA_ARGS__, (s)->buf + (s)->len, MN_ONEM2M_CONTENT_MAX - (s)->len))

static void wrote(struct sink *s, size_t n)
{
	s->len += n;
	s->full |= !n;
}

static void put_text(struct sink *s, const char *text, size_t len)
{
	PUT(s, cbor_encode_string_start, len);
	if (s->full || len > MN_ONEM2M_CONTENT_MAX - s->len) {
		s->full = true;
		return;
	}
	memcpy(s->buf + s->len, text, len);
	s->len += len;
}

/* The bits of v as a half float (RFC 8949 appendix D), when that keeps its value. Normal ones have 10
 * bits of fraction and exponents -14..15, subnormal ones count in 2^-24. */
static bool half_bits(float v, uint16_t *out)
{
	uint32_t bits, significand, lost;
	uint16_t sign;
	int exponent;

	memcpy(&bits, &v, sizeof(bits));
	sign = (uint16_t)(bits >> 16 & 0x8000);
	exponent = (int)(bits >> 23 & 0xff) - 127;
	significand = 0x800000 | (bits & 0x7fffff);
	if (!(bits & 0x7fffffff)) {
		*out = sign;
		return true;
	}
	if (exponent > 15 || exponent < -24)
		return false;
	lost = exponent >= -14 ? 13 : (uint32_t)(-1 - exponent);
	if (significand & ((1U << lost) - 1))
		return false;
	significand >>= lost;
	if (exponent >= -14)
		significand = (uint32_t)(exponent + 15) << 10 | (significand & 0x3ff);
	*out = (uint16_t)(sign | significand);
	return true;
}

/* By hand: cbor_encode_half() of libcbor 0.8 loses bits of subnormal numbers. */
static void put_half(struct sink *s, uint16_t bits)
{
	if (MN_ONEM2M_CONTENT_MAX - s->len < 3) {
		s->full = true;
		return;
	}
	s->buf[s->len++] = 0xf9;
	s->buf[s->len++] = (uint8_t)(bits >> 8);
	s->buf[s->len++] = (uint8_t)bits;
}

static void put_real(struct sink *s, double v)
{
	float single = (float)v;
	uint16_t half;

	if ((double)single != v)
		PUT(s, cbor_encode_double, v);
	else if (half_bits(single, &half))
		put_half(s, half);
	else
		PUT(s, cbor_encode_single, single);
}

static void put_item(struct sink *s, const json_t *v)
{
	const char *key;
	json_int_t n;
	json_t *item;
	size_t i;

	if (s->full)
		return;
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		PUT(s, cbor_encode_map_start, json_object_size(v));
		json_object_foreach((json_t *)v, key, item)
		{
			put_text(s, key, strlen(key));
			put_item(s, item);
		}
		break;
	case JSON_ARRAY:
		PUT(s, cbor_encode_array_start, json_array_size(v));
		json_array_foreach(v, i, item) put_item(s, item);
		break;
	case JSON_STRING:
		put_text(s, json_string_value(v), json_string_length(v));
		break;
	case JSON_INTEGER:
		n = json_integer_value(v);
		if (n >= 0)
			PUT(s, cbor_encode_uint, (uint64_t)n);
		else
			PUT(s, cbor_encode_negint, (uint64_t)(-1 - n));
		break;
	case JSON_REAL:
		put_real(s, json_real_value(v));
		break;
	case JSON_TRUE:
		PUT(s, cbor_encode_bool, true);
		break;
	case JSON_FALSE:
		PUT(s, cbor_encode_bool, false);
		break;
	case JSON_NULL:
		wrote(s, cbor_encode_null(s->buf + s->len, MN_ONEM2M_CONTENT_MAX - s->len));
		break;
	}
}

static int write_json(const json_t *content, void **out, size_t *len)
{
	const size_t flags = JSON_COMPACT;
	size_t n = json_dumpb(content, NULL, 0, flags);
	void *buf;

	if (!n)
		return -ENOMEM;
	if (n > MN_ONEM2M_CONTENT_MAX)
		return -EMSGSIZE;
	buf = malloc(n);
	if (!buf)
		return -ENOMEM;
	*len = json_dumpb(content, buf, n, flags);
	*out = buf;
	return 0;
}

static int write_cbor(const json_t *content, void **out, size_t *len)
{
	struct sink s = { .buf = malloc(MN_ONEM2M_CONTENT_MAX) };

	if (!s.buf)
		return -ENOMEM;
	put_item(&s, content);
	if (s.full) {
		free(s.buf);
		return -EMSGSIZE;
	}
	*out = s.buf;
	*len = s.len;
	return 0;
}

int mn_onem2m_content_write(int content_format, const json_t *content, void **out, size_t *len)
{
	if ((!json_is_object(content) && !json_is_array(content)) || !writable(content, 0))
		return -EINVAL;
	if (content_format == MN_COAP_FORMAT_JSON)
		return write_json(content, out, len);
	if (content_format == MN_COAP_FORMAT_CBOR)
		return write_cbor(content, out, len);
	return -EINVAL;
}
