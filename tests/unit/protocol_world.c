// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocol_examples.h"

void blob_put(struct blob *b, const void *data, size_t len)
{
	assert_true(len <= sizeof(b->bytes) - b->len);
	if (len)
		memcpy(b->bytes + b->len, data, len);
	b->len += len;
}

void blob_put_text(struct blob *b, const char *text)
{
	blob_put(b, text, strlen(text));
}

void blob_put_byte(struct blob *b, unsigned int byte)
{
	uint8_t v = (uint8_t)byte;

	blob_put(b, &v, 1);
}

struct blob world_run(uint8_t first, size_t len)
{
	struct blob b = { 0 };

	for (size_t i = 0; i < len; i++)
		blob_put_byte(&b, first + (unsigned int)i);
	return b;
}

struct blob world_kpsaxm(void)
{
	return world_run(0x10, 16);
}

struct blob world_kpsami(void)
{
	return world_run(0x20, 32);
}

struct blob world_kpsaxi(void)
{
	return world_run(0xd0, 32);
}

struct blob world_rand(void)
{
	return world_run(0x80, MN_RAND_LEN);
}

struct blob world_rand_next(void)
{
	return world_run(0xa0, MN_RAND_LEN);
}

struct blob world_kid(void)
{
	struct blob b = { .len = MN_KID_LEN };

	assert_int_equal(mn_kid(WORLD_KPSAXI_ID, strlen(WORLD_KPSAXI_ID), b.bytes), 0);
	return b;
}

struct blob world_id_context(void)
{
	static const uint8_t salt[] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };
	struct blob b = { 0 };

	for (int shift = 24; shift >= 0; shift -= 8)
		blob_put_byte(&b, WORLD_GENERATION >> shift);
	blob_put(&b, salt, sizeof(salt));
	return b;
}

struct mn_coap_token token_of(const void *bytes, size_t len)
{
	struct mn_coap_token t = { .len = (uint8_t)len };

	memcpy(t.bytes, bytes, len);
	return t;
}

struct mn_coap_token device_token(void)
{
	return token_of("\xd0\x0d\x00\x02", 4);
}

struct mn_coap_token outer_token(void)
{
	return token_of("\x00\x00\x00\x00\x00\x07", 6);
}

void blob_finish(struct blob *b, struct mn_coap_writer *w)
{
	int n = mn_coap_finish(w);

	assert_true(n > 0);
	b->len = (size_t)n;
}

struct mn_coap coap_of(const struct blob *b)
{
	struct mn_coap m;

	assert_int_equal(mn_coap_read(b->bytes, b->len, &m, NULL), 0);
	return m;
}
