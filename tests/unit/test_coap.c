// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/coap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BUF_MAX 4096

/* Reads from a heap block of just that length, so that a byte too far is seen. The caller frees *copy after its use of m. */
static int read_exact(const void *data, size_t len, struct mn_coap *m, bool *headed, uint8_t **copy)
{
	*copy = malloc(len ? len : 1);
	assert_non_null(*copy);
	if (len)
		memcpy(*copy, data, len);
	return mn_coap_read(*copy, len, m, headed);
}

static void assert_malformed(const void *data, size_t len, bool want_headed)
{
	struct mn_coap m;
	bool headed = !want_headed;
	uint8_t *copy;

	assert_int_equal(read_exact(data, len, &m, &headed, &copy), -EBADMSG);
	assert_int_equal(headed, want_headed);
	if (headed) {
		assert_int_equal(m.type, copy[0] >> 4 & 3);
		assert_int_equal(m.code, copy[1]);
		assert_int_equal(m.id, copy[2] << 8 | copy[3]);
		assert_true(m.token.len <= MN_COAP_TOKEN_MAX);
	}
	free(copy);
}
#define MALFORMED(text) assert_malformed(text, sizeof(text) - 1, true)
#define NO_COAP(text) assert_malformed(text, sizeof(text) - 1, false)

static struct mn_coap read_ok(const void *data, size_t len)
{
	struct mn_coap m;
	bool headed = false;

	assert_int_equal(mn_coap_read(data, len, &m, &headed), 0);
	assert_true(headed);
	return m;
}
#define READ(text) read_ok(text, sizeof(text) - 1)

static void a_whole_message_is_read(void **state)
{
	/* RFC 7252 figure 16 with a token, Uri-Path in two segments, and a payload */
	static const uint8_t in[] = "\x52\x02\x7d\x34\xab\xcd\xb3gsa\x01x\x11\x3c\xffpay";
	struct mn_coap m = read_ok(in, sizeof(in) - 1);
	struct mn_coap_cursor c = { 0 };
	struct mn_coap_option o;

	(void)state;
	assert_int_equal(m.type, MN_COAP_NON);
	assert_int_equal(m.code, MN_COAP_POST);
	assert_int_equal(m.id, 0x7d34);
	assert_int_equal(m.token.len, 2);
	assert_memory_equal(m.token.bytes, "\xab\xcd", 2);
	assert_int_equal(m.payload_len, 3);
	assert_memory_equal(m.payload, "pay", 3);
	assert_true(mn_coap_option_next(&m, &c, &o));
	assert_int_equal(o.number, MN_COAP_OPT_URI_PATH);
	assert_int_equal(o.len, 3);
	assert_memory_equal(o.value, "gsa", 3);
	assert_true(mn_coap_option_next(&m, &c, &o));
	assert_int_equal(o.number, MN_COAP_OPT_URI_PATH);
	assert_int_equal(o.len, 1);
	assert_true(mn_coap_option_next(&m, &c, &o));
	assert_int_equal(o.number, MN_COAP_OPT_CONTENT_FORMAT);
	assert_int_equal(o.value[0], MN_COAP_FORMAT_CBOR);
	assert_false(mn_coap_option_next(&m, &c, &o));
	assert_false(mn_coap_option_next(&m, &c, &o));
	assert_true(mn_coap_is_request(&m));
	assert_false(mn_coap_is_response(&m));
}

static void what_is_no_coap_has_no_header(void **state)
{
	(void)state;
	NO_COAP("");
	NO_COAP("\x40");
	NO_COAP("\x40\x01");
	NO_COAP("\x40\x01\x12");
	NO_COAP("\x00\x01\x12\x34");
	NO_COAP("\x80\x01\x12\x34");
	NO_COAP("\xc0\x01\x12\x34");
	assert_int_equal(mn_coap_read("\x40", 1, &(struct mn_coap){ 0 }, NULL), -EBADMSG);
}

static void tokens_end_at_8_bytes(void **state)
{
	uint8_t in[32] = { 0x40, 0x01, 0x12, 0x34 };

	(void)state;
	for (unsigned int tkl = 0; tkl <= 15; tkl++) {
		in[0] = (uint8_t)(0x40 | tkl);
		for (size_t len = 4; len < 4 + tkl; len++)
			assert_malformed(in, len, true);
		if (tkl > MN_COAP_TOKEN_MAX)
			assert_malformed(in, 4 + tkl, true);
		else
			assert_int_equal(read_ok(in, 4 + tkl).token.len, tkl);
	}
}

static void types_carry_only_their_codes(void **state)
{
	(void)state;
	for (unsigned int type = 0; type < 4; type++) {
		for (unsigned int code = 0; code < 256; code++) {
			const uint8_t in[] = { (uint8_t)(0x40 | type << 4), (uint8_t)code, 1, 2 };
			unsigned int class = code >> 5;
			/* RFC 7252 table 1, and the registry of 12.1 */
			bool exists = class == 0 || (class >= 2 && class <= 5);
			bool fits = type == MN_COAP_CON ? true :
				    type == MN_COAP_NON ? code != 0 :
				    type == MN_COAP_ACK ? code == 0 || class >= 2 :
							  code == 0;

			if (exists && fits)
				assert_int_equal(read_ok(in, sizeof(in)).code, code);
			else
				assert_malformed(in, sizeof(in), true);
		}
	}
}

static void an_empty_message_has_nothing_but_its_header(void **state)
{
	(void)state;
	MALFORMED("\x41\x00\x12\x34\xaa");
	MALFORMED("\x40\x00\x12\x34\xff");
	MALFORMED("\x40\x00\x12\x34\xffx");
	MALFORMED("\x40\x00\x12\x34\x10");
	MALFORMED("\x60\x00\x12\x34\x00");
	MALFORMED("\x70\x00\x12\x34\x00");
	READ("\x40\x00\x12\x34");
	READ("\x60\x00\x12\x34");
	READ("\x70\x00\x12\x34");
}

static void a_marker_needs_a_payload(void **state)
{
	struct mn_coap m;

	(void)state;
	MALFORMED("\x40\x01\x12\x34\xff");
	MALFORMED("\x40\x01\x12\x34\xb1g\xff");
	m = READ("\x40\x01\x12\x34\xff\xff");
	assert_int_equal(m.payload_len, 1);
	m = READ("\x40\x01\x12\x34\xb1\xff\xff\x00");
	assert_int_equal(m.payload_len, 1);
	assert_int_equal(m.options_len, 2);
	assert_null(READ("\x40\x01\x12\x34").payload);
}

static void reserved_nibbles_are_refused(void **state)
{
	uint8_t in[64] = { 0x40, 0x01, 0x12, 0x34 };

	(void)state;
	for (unsigned int n = 0; n < 15; n++) {
		in[4] = (uint8_t)(0xf0 | n);
		assert_malformed(in, sizeof(in), true);
		in[4] = (uint8_t)(n << 4 | 0x0f);
		assert_malformed(in, sizeof(in), true);
	}
}

static void option_lengths_stay_in_the_message(void **state)
{
	(void)state;
	MALFORMED("\x40\x01\x12\x34\xb3gs");
	MALFORMED("\x40\x01\x12\x34\xbc");
	MALFORMED("\x40\x01\x12\x34\xbd");     /* no extended length */
	MALFORMED("\x40\x01\x12\x34\xbd\x00"); /* 13 bytes, none there */
	MALFORMED("\x40\x01\x12\x34\xbe\x00"); /* half of it */
	MALFORMED("\x40\x01\x12\x34\xbe\xff\xff"
		  "abcdefgh");             /* 65804 bytes */
	MALFORMED("\x40\x01\x12\x34\xd0"); /* no extended delta */
	MALFORMED("\x40\x01\x12\x34\xe0\x00");
	MALFORMED("\x40\x01\x12\x34\xdd\x00"); /* one extension of two */
	MALFORMED("\x40\x01\x12\x34\xee\x00\x00\x00");
}

static void option_numbers_end_at_65535(void **state)
{
	struct mn_coap_option o;
	struct mn_coap m;

	(void)state;
	/* 269 + 0xfef2 = 65535 */
	m = READ("\x40\x01\x12\x34\xe0\xfe\xf2");
	assert_true(mn_coap_option_find(&m, 65535, &o));
	READ("\x40\x01\x12\x34\xe0\xfe\xf2\x00");
	MALFORMED("\x40\x01\x12\x34\xe0\xfe\xf3");
	MALFORMED("\x40\x01\x12\x34\xe0\xff\xff");
	MALFORMED("\x40\x01\x12\x34\xe0\xfe\xf2\x10");
	MALFORMED("\x40\x01\x12\x34\x10\xe0\xfe\xf2");
	/* the sum must not wrap into a small number */
	MALFORMED("\x40\x01\x12\x34\xe0\xff\xff\xe0\xff\xff");
}

/* Every delta and length around the limits of the forms: written, and read back. */
static void extended_deltas_and_lengths_go_both_ways(void **state)
{
	static const size_t edges[] = { 0,   1,   11,  12,  13,  14,  15,  16,  255,
					256, 267, 268, 269, 270, 271, 524, 525, 1023 };
	static uint8_t value[1023], buf[BUF_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = (uint8_t)i;
	for (size_t a = 0; a < COUNT(edges); a++) {
		for (size_t b = 0; b < COUNT(edges); b++) {
			uint16_t number = (uint16_t)(7 + edges[a]);
			size_t head = 1 + (edges[a] >= 13) + (edges[a] >= 269) + (edges[b] >= 13) +
				      (edges[b] >= 269);
			struct mn_coap_writer w;
			struct mn_coap_option o;
			struct mn_coap m;
			int len;

			mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_CON, MN_COAP_GET, 1, NULL);
			mn_coap_put(&w, 7, NULL, 0);
			mn_coap_put(&w, number, value, edges[b]);
			len = mn_coap_finish(&w);
			assert_int_equal(len, 4 + 1 + head + edges[b]);
			m = read_ok(buf, (size_t)len);
			assert_int_equal(m.options_len, 1 + head + edges[b]);
			if (number == 7)
				continue;
			assert_true(mn_coap_option_find(&m, number, &o));
			assert_int_equal(o.number, number);
			assert_int_equal(o.len, edges[b]);
			assert_memory_equal(o.value, value, o.len);
			for (size_t cut = 6; cut < (size_t)len; cut += 1 + cut / 8)
				assert_malformed(buf, cut, true);
		}
	}
}

static size_t full_message(uint8_t *buf, size_t max)
{
	const struct mn_coap_token token = { 8, { 1, 2, 3, 4, 5, 6, 7, 8 } };
	struct mn_coap_writer w;
	int len;

	mn_coap_begin(&w, buf, max, MN_COAP_CON, MN_COAP_POST, 0xbeef, &token);
	mn_coap_put(&w, MN_COAP_OPT_URI_HOST, "gateway.example.org", 19);
	mn_coap_put_uint(&w, MN_COAP_OPT_OBSERVE, 0);
	mn_coap_put_path(&w, "in-cse/cnt");
	mn_coap_put_uint(&w, MN_COAP_OPT_CONTENT_FORMAT, MN_COAP_FORMAT_CBOR);
	mn_coap_put(&w, 279, "C00001", 6);
	mn_coap_put(&w, 1000, "a rather long value of an option", 32);
	mn_coap_put_payload(&w, "payload", 7);
	len = mn_coap_finish(&w);
	assert_true(len > 0);
	return (size_t)len;
}

/* Cut anywhere a message is malformed, save between two options and before the marker. */
static void every_truncation_is_refused_or_ends_at_an_option(void **state)
{
	uint8_t buf[256];
	const size_t len = full_message(buf, sizeof(buf));
	const struct mn_coap whole = read_ok(buf, len);
	bool ends[256] = { false };
	struct mn_coap_cursor c = { 0 };
	struct mn_coap_option o;

	(void)state;
	ends[12] = true;
	while (mn_coap_option_next(&whole, &c, &o))
		ends[(size_t)(o.value - buf) + o.len] = true;
	assert_true(ends[len - 8]);
	for (size_t cut = 0; cut < len; cut++) {
		struct mn_coap m;
		uint8_t *copy;

		if (cut > len - 7 || ends[cut]) {
			assert_int_equal(read_exact(buf, cut, &m, NULL, &copy), 0);
			assert_int_equal(m.payload_len, cut > len - 7 ? cut - (len - 7) : 0);
			free(copy);
		} else {
			assert_malformed(buf, cut, cut >= 4);
		}
	}
}

/* A buffer of every size too small: an error, and not a byte beyond its end (heap blocks, ASan). */
static void a_message_that_does_not_fit_is_reported(void **state)
{
	const struct mn_coap_token token = { 4, "abcd" };
	uint8_t big[64];
	int whole = -1;

	(void)state;
	for (size_t max = sizeof(big); max-- > 0;) {
		uint8_t *buf = malloc(max ? max : 1);
		struct mn_coap_writer w;
		int len;

		assert_non_null(buf);
		mn_coap_begin(&w, buf, max, MN_COAP_NON, MN_COAP_205, 7, &token);
		mn_coap_put_uint(&w, MN_COAP_OPT_MAX_AGE, 86400);
		mn_coap_put(&w, 300, "0123456789abcdef", 16);
		mn_coap_put_payload(&w, "xyz", 3);
		len = mn_coap_finish(&w);
		if (whole < 0)
			whole = len;
		assert_int_equal(len, max >= (size_t)whole ? whole : -EMSGSIZE);
		free(buf);
	}
	assert_int_equal(whole, 4 + 4 + 5 + 4 + 16 + 4);
}

static void the_first_writing_error_stays(void **state)
{
	const struct mn_coap_token long_token = { 9, { 0 } };
	struct mn_coap_writer w;
	uint8_t buf[64];

	(void)state;
	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_CON, MN_COAP_GET, 1, NULL);
	mn_coap_put(&w, 12, NULL, 0);
	mn_coap_put(&w, 11, "x", 1);
	mn_coap_put(&w, 60, buf, sizeof(buf));
	assert_int_equal(mn_coap_finish(&w), -EINVAL);

	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_CON, MN_COAP_GET, 1, NULL);
	mn_coap_put(&w, 60, buf, sizeof(buf));
	mn_coap_put(&w, 11, "x", 1);
	mn_coap_put_payload(&w, "x", 1);
	assert_int_equal(mn_coap_finish(&w), -EMSGSIZE);

	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_CON, MN_COAP_GET, 1, &long_token);
	assert_int_equal(mn_coap_finish(&w), -EINVAL);

	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_CON, MN_COAP_GET, 1, NULL);
	mn_coap_put(&w, 60, buf, 65536);
	assert_int_equal(mn_coap_finish(&w), -EMSGSIZE);
}

static void nothing_follows_a_payload(void **state)
{
	struct mn_coap_writer w;
	uint8_t buf[64];

	(void)state;
	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_CON, MN_COAP_POST, 1, NULL);
	mn_coap_put_payload(&w, "x", 1);
	mn_coap_put_payload(&w, NULL, 0);
	assert_int_equal(mn_coap_finish(&w), 6);
	mn_coap_put(&w, 65535, NULL, 0);
	assert_int_equal(mn_coap_finish(&w), -EINVAL);

	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_CON, MN_COAP_POST, 1, NULL);
	mn_coap_put_payload(&w, "x", 1);
	mn_coap_put_payload(&w, "y", 1);
	assert_int_equal(mn_coap_finish(&w), -EINVAL);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

struct sample {
	enum mn_coap_type type;
	uint8_t code;
	uint16_t id;
	struct mn_coap_token token;
	size_t n;
	struct {
		uint16_t number;
		uint16_t len;
		uint8_t value[600];
	} options[8];
	size_t payload_len;
	uint8_t payload[300];
};

static void make_sample(struct sample *s, uint32_t *seed)
{
	static const uint8_t codes[] = { MN_COAP_GET, MN_COAP_POST, MN_COAP_204,
					 MN_COAP_205, MN_COAP_404,  MN_COAP_503 };
	uint16_t number = 0;

	memset(s, 0, sizeof(*s));
	s->code = codes[next_random(seed) % COUNT(codes)];
	s->type = (enum mn_coap_type)(next_random(seed) % (s->code < 32 ? 2 : 3));
	s->id = (uint16_t)next_random(seed);
	s->token.len = (uint8_t)(next_random(seed) % (MN_COAP_TOKEN_MAX + 1));
	for (size_t i = 0; i < s->token.len; i++)
		s->token.bytes[i] = (uint8_t)next_random(seed);
	s->n = next_random(seed) % (COUNT(s->options) + 1);
	for (size_t i = 0; i < s->n; i++) {
		static const uint16_t steps[] = { 1, 3, 14, 300, 2000 };

		number = (uint16_t)(number + next_random(seed) % steps[next_random(seed) % 5]);
		s->options[i].number = number;
		s->options[i].len =
			(uint16_t)(next_random(seed) % (next_random(seed) % 4 ? 20 : 600));
		for (size_t k = 0; k < s->options[i].len; k++)
			s->options[i].value[k] = (uint8_t)next_random(seed);
	}
	s->payload_len = next_random(seed) % (sizeof(s->payload) + 1);
	for (size_t i = 0; i < s->payload_len; i++)
		s->payload[i] = (uint8_t)next_random(seed);
}

static size_t write_sample(const struct sample *s, uint8_t *buf, size_t max)
{
	struct mn_coap_writer w;
	int len;

	mn_coap_begin(&w, buf, max, s->type, s->code, s->id, &s->token);
	for (size_t i = 0; i < s->n; i++)
		mn_coap_put(&w, s->options[i].number, s->options[i].value, s->options[i].len);
	mn_coap_put_payload(&w, s->payload, s->payload_len);
	len = mn_coap_finish(&w);
	assert_true(len > 0);
	return (size_t)len;
}

static void random_messages_come_back_as_they_were_written(void **state)
{
	static uint8_t buf[8192];
	static struct sample s;
	uint32_t seed = 7252;

	(void)state;
	for (int round = 0; round < 5000; round++) {
		struct mn_coap_cursor c = { 0 };
		struct mn_coap_option o;
		struct mn_coap m;
		uint8_t *copy;
		size_t len;

		make_sample(&s, &seed);
		len = write_sample(&s, buf, sizeof(buf));
		assert_int_equal(read_exact(buf, len, &m, NULL, &copy), 0);
		assert_int_equal(m.type, s.type);
		assert_int_equal(m.code, s.code);
		assert_int_equal(m.id, s.id);
		assert_memory_equal(&m.token, &s.token, sizeof(s.token));
		for (size_t i = 0; i < s.n; i++) {
			assert_true(mn_coap_option_next(&m, &c, &o));
			assert_int_equal(o.number, s.options[i].number);
			assert_int_equal(o.len, s.options[i].len);
			assert_memory_equal(o.value, s.options[i].value, o.len);
		}
		assert_false(mn_coap_option_next(&m, &c, &o));
		assert_int_equal(m.payload_len, s.payload_len);
		if (s.payload_len)
			assert_memory_equal(m.payload, s.payload, s.payload_len);
		else
			assert_null(m.payload);
		free(copy);
	}
}

/* What is accepted after damage is still walked without a byte out of bounds, and to its end. */
static void damaged_messages_are_refused_or_read_within_bounds(void **state)
{
	static uint8_t buf[8192];
	static struct sample s;
	uint32_t seed = 1997;
	int taken = 0, refused = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t len, damages = 1 + next_random(&seed) % 4;
		struct mn_coap m;
		uint8_t *copy;

		if (round % 8 == 0)
			make_sample(&s, &seed);
		len = write_sample(&s, buf, sizeof(buf));
		while (damages--)
			buf[next_random(&seed) % (len < 40 ? len : 40)] =
				(uint8_t)next_random(&seed);
		len -= next_random(&seed) % 4 ? 0 : next_random(&seed) % len;
		if (read_exact(buf, len, &m, NULL, &copy) == 0) {
			struct mn_coap_cursor c = { 0 };
			struct mn_coap_option o;
			unsigned int sum = 0;

			while (mn_coap_option_next(&m, &c, &o))
				for (size_t i = 0; i < o.len; i++)
					sum += o.value[i];
			for (size_t i = 0; i < m.payload_len; i++)
				sum += m.payload[i];
			assert_true(sum <= 255 * len);
			assert_int_equal(c.at, m.options_len);
			assert_int_equal(4 + m.token.len + m.options_len +
						 (m.payload ? 1 + m.payload_len : 0),
					 len);
			taken++;
		} else {
			refused++;
		}
		free(copy);
	}
	assert_true(taken > 1000 && refused > 1000);
}

static void empty_messages_are_four_bytes(void **state)
{
	static const enum mn_coap_type types[] = { MN_COAP_CON, MN_COAP_ACK, MN_COAP_RST };
	uint8_t buf[16];

	(void)state;
	for (size_t i = 0; i < COUNT(types); i++) {
		struct mn_coap m;

		assert_int_equal(mn_coap_empty(buf, types[i], 0xa55a), 4);
		m = read_ok(buf, 4);
		assert_int_equal(m.type, types[i]);
		assert_int_equal(m.code, MN_COAP_EMPTY);
		assert_int_equal(m.id, 0xa55a);
		assert_false(mn_coap_is_request(&m));
		assert_false(mn_coap_is_response(&m));
	}
}

static void codes_have_the_usual_names(void **state)
{
	char out[8];

	(void)state;
	assert_string_equal(mn_coap_code_name(MN_COAP_205, out), "2.05");
	assert_string_equal(mn_coap_code_name(MN_COAP_429, out), "4.29");
	assert_string_equal(mn_coap_code_name(MN_COAP_POST, out), "0.02");
	assert_string_equal(mn_coap_code_name(MN_COAP_EMPTY, out), "0.00");
	assert_string_equal(mn_coap_code_name(0xff, out), "7.31");
	assert_ptr_equal(mn_coap_code_name(0, out), out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_message_is_read),
		cmocka_unit_test(what_is_no_coap_has_no_header),
		cmocka_unit_test(tokens_end_at_8_bytes),
		cmocka_unit_test(types_carry_only_their_codes),
		cmocka_unit_test(an_empty_message_has_nothing_but_its_header),
		cmocka_unit_test(a_marker_needs_a_payload),
		cmocka_unit_test(reserved_nibbles_are_refused),
		cmocka_unit_test(option_lengths_stay_in_the_message),
		cmocka_unit_test(option_numbers_end_at_65535),
		cmocka_unit_test(extended_deltas_and_lengths_go_both_ways),
		cmocka_unit_test(every_truncation_is_refused_or_ends_at_an_option),
		cmocka_unit_test(a_message_that_does_not_fit_is_reported),
		cmocka_unit_test(the_first_writing_error_stays),
		cmocka_unit_test(nothing_follows_a_payload),
		cmocka_unit_test(random_messages_come_back_as_they_were_written),
		cmocka_unit_test(damaged_messages_are_refused_or_read_within_bounds),
		cmocka_unit_test(empty_messages_are_four_bytes),
		cmocka_unit_test(codes_have_the_usual_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
