// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/crypto.h"
#include "core/identity.h"
#include "core/oscore.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BUF_MAX 512

struct blob {
	uint8_t data[BUF_MAX];
	size_t len;
};

static struct blob unhex(const char *hex)
{
	struct blob b = { 0 };

	assert_non_null(hex);
	assert_int_equal(mn_hex_decode(hex, strlen(hex), b.data, sizeof(b.data), &b.len), 0);
	return b;
}

static void assert_blob(const void *got, size_t len, const struct blob *want)
{
	assert_int_equal(len, want->len);
	assert_memory_equal(got, want->data, len);
}

static struct mn_coap parse(const struct blob *b)
{
	struct mn_coap m;

	assert_int_equal(mn_coap_read(b->data, b->len, &m, NULL), 0);
	return m;
}

static struct mn_coap text_answer(const char *text, uint8_t buf[BUF_MAX])
{
	struct mn_coap_writer w;
	struct mn_coap m;
	int n;

	mn_coap_begin(&w, buf, BUF_MAX, MN_COAP_CON, MN_COAP_205, 0, NULL);
	mn_coap_put_payload(&w, text, strlen(text));
	n = mn_coap_finish(&w);
	assert_true(n > 0);
	assert_int_equal(mn_coap_read(buf, (size_t)n, &m, NULL), 0);
	return m;
}

/* A device and an IN as docs/protocol.md has them. */

static const uint8_t device_kid[MN_KID_LEN] = { 1, 2, 3, 4, 5, 6, 7 };
static const uint8_t in_kid[1] = { MN_OSCORE_IN_KID };
static const uint8_t kid_context[MN_OSCORE_KID_CONTEXT_LEN] = {
	0, 0, 0, 9, 1, 1, 2, 3, 5, 8, 13, 21
};
static const struct mn_coap_token token = { 4, { 0xde, 0xad, 0xbe, 0xef } };

struct pair {
	struct mn_oscore device;
	struct mn_oscore in;
};

static struct pair new_pair(void)
{
	uint8_t ksx[32], prk[32];
	struct pair p;

	memset(ksx, 0x5a, sizeof(ksx));
	assert_int_equal(mn_oscore_extract(ksx, sizeof(ksx), NULL, 0, prk), 0);
	assert_int_equal(mn_oscore_derive(&p.device, prk, device_kid, sizeof(device_kid), in_kid, 1,
					  kid_context, sizeof(kid_context)),
			 0);
	assert_int_equal(mn_oscore_derive(&p.in, prk, in_kid, 1, device_kid, sizeof(device_kid),
					  kid_context, sizeof(kid_context)),
			 0);
	return p;
}

static struct mn_coap post(uint8_t buf[BUF_MAX], const char *payload)
{
	struct mn_coap_writer w;
	struct mn_coap m;
	int n;

	mn_coap_begin(&w, buf, BUF_MAX, MN_COAP_CON, MN_COAP_POST, 0, NULL);
	mn_coap_put_path(&w, "in-cse/cnt");
	mn_coap_put_uint(&w, MN_COAP_OPT_CONTENT_FORMAT, MN_COAP_FORMAT_JSON);
	mn_coap_put(&w, 279, "C00001", 6);
	mn_coap_put_payload(&w, payload, strlen(payload));
	n = mn_coap_finish(&w);
	assert_true(n > 0);
	assert_int_equal(mn_coap_read(buf, (size_t)n, &m, NULL), 0);
	return m;
}

static struct blob protect(struct mn_oscore *c, const char *payload, struct mn_oscore_request *rq)
{
	struct blob out = { 0 };
	uint8_t buf[BUF_MAX];
	struct mn_coap inner = post(buf, payload);
	int n;

	n = mn_oscore_protect_request(c, &inner, MN_COAP_NON, 0x1234, &token, true, out.data,
				      sizeof(out.data), rq);
	assert_true(n > 0);
	out.len = (size_t)n;
	return out;
}

/* What the server says to these bytes; -ENOMSG when they are no CoAP. */
static int open_bytes(struct mn_oscore *c, const struct blob *b)
{
	struct mn_oscore_request rq;
	uint8_t buf[BUF_MAX + 16];
	struct mn_coap inner;
	struct mn_coap msg;

	if (mn_coap_read(b->data, b->len, &msg, NULL))
		return -ENOMSG;
	return mn_oscore_open_request(c, &msg, buf, sizeof(buf), &inner, &rq);
}

static void a_request_and_its_answer_go_both_ways(void **state)
{
	struct mn_oscore_request asked, seen;
	struct mn_coap_option option;
	struct pair p = new_pair();
	struct mn_coap msg, inner;
	struct blob b, answer = { 0 };
	uint8_t buf[BUF_MAX];
	uint8_t plain[BUF_MAX];
	int n;

	(void)state;
	b = protect(&p.device, "{\"m2m:cin\":{}}", &asked);
	msg = parse(&b);
	assert_int_equal(msg.type, MN_COAP_NON);
	assert_int_equal(msg.code, MN_COAP_POST);
	assert_int_equal(msg.id, 0x1234);
	assert_memory_equal(&msg.token, &token, sizeof(token));
	assert_true(mn_coap_option_find(&msg, MN_COAP_OPT_OSCORE, &option));
	assert_int_equal(option.len, 1 + 1 + 1 + 12 + 7);
	assert_int_equal(option.value[0], 0x19);

	assert_int_equal(mn_oscore_open_request(&p.in, &msg, buf, sizeof(buf), &inner, &seen), 0);
	assert_memory_equal(&asked, &seen, sizeof(asked));
	assert_int_equal(inner.code, MN_COAP_POST);
	assert_int_equal(inner.type, MN_COAP_NON);
	assert_int_equal(inner.id, 0x1234);
	assert_true(mn_coap_path_is(&inner, "in-cse/cnt"));
	assert_int_equal(inner.payload_len, 14);
	assert_memory_equal(inner.payload, "{\"m2m:cin\":{}}", 14);

	inner = text_answer("done", plain);
	n = mn_oscore_protect_response(&p.in, &inner, &seen, false, MN_COAP_ACK, 7, &token,
				       answer.data, sizeof(answer.data));
	assert_true(n > 0);
	answer.len = (size_t)n;
	msg = parse(&answer);
	assert_int_equal(msg.code, MN_COAP_204);
	assert_true(mn_coap_option_find(&msg, MN_COAP_OPT_OSCORE, &option));
	assert_int_equal(option.len, 0);
	assert_int_equal(msg.options_len, 1);
	assert_int_equal(mn_oscore_open_response(&p.device, &msg, &asked, buf, sizeof(buf), &inner),
			 0);
	assert_int_equal(inner.code, MN_COAP_205);
	assert_int_equal(inner.type, MN_COAP_ACK);
	assert_memory_equal(inner.payload, "done", 4);

	/* It answers that request and no other. */
	seen.piv[0]++;
	assert_int_equal(mn_oscore_open_response(&p.device, &msg, &seen, buf, sizeof(buf), &inner),
			 -EBADMSG);
	/* Nor does a request open as an answer to itself, or at its sender. */
	msg = parse(&b);
	assert_int_equal(mn_oscore_open_request(&p.device, &msg, buf, sizeof(buf), &inner, &seen),
			 -ENOENT);
}

/* Header and token of the outer message are not protected (RFC 8613 4.2): all bits behind them
 * are. */
static void a_request_with_any_bit_flipped_is_refused(void **state)
{
	struct pair p = new_pair();
	struct mn_oscore_request rq;
	struct blob b = protect(&p.device, "{\"m2m:cin\":{}}", &rq);
	size_t bit;

	(void)state;
	for (bit = (4 + token.len) * 8; bit < b.len * 8; bit++) {
		struct mn_oscore in = p.in;
		struct blob bad = b;

		bad.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (!open_bytes(&in, &bad))
			fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
		assert_memory_equal(&in, &p.in, sizeof(in));
	}
	assert_int_equal(open_bytes(&p.in, &b), 0);
}

static void an_answer_with_any_bit_flipped_is_refused(void **state)
{
	struct pair p = new_pair();
	struct mn_oscore_request rq;
	uint8_t plain[BUF_MAX], buf[BUF_MAX];
	struct mn_coap inner = text_answer("done", plain);
	struct blob b = { 0 };
	int own_piv;

	(void)state;
	protect(&p.device, "{}", &rq);
	for (own_piv = 0; own_piv < 2; own_piv++) {
		int n = mn_oscore_protect_response(&p.in, &inner, &rq, own_piv, MN_COAP_NON, 1,
						   &token, b.data, sizeof(b.data));
		size_t bit;

		assert_true(n > 0);
		b.len = (size_t)n;
		for (bit = (4 + token.len) * 8; bit < b.len * 8; bit++) {
			struct blob bad = b;
			struct mn_coap msg, got;

			bad.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (!mn_coap_read(bad.data, bad.len, &msg, NULL) &&
			    !mn_oscore_open_response(&p.device, &msg, &rq, buf, sizeof(buf), &got))
				fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
		}
	}
}

static void a_truncated_request_is_refused(void **state)
{
	struct pair p = new_pair();
	struct mn_oscore_request rq;
	struct blob b = protect(&p.device, "{\"m2m:cin\":{}}", &rq);
	struct blob cut = b;

	(void)state;
	for (cut.len = 0; cut.len < b.len; cut.len++) {
		struct mn_oscore in = p.in;

		if (!open_bytes(&in, &cut))
			fail_msg("%zu bytes", cut.len);
		assert_memory_equal(&in, &p.in, sizeof(in));
	}
	assert_int_equal(open_bytes(&p.in, &b), 0);
}

static int open_seq(struct pair *p, uint64_t seq)
{
	struct mn_oscore_request rq;
	struct blob b;

	p->device.sender_seq = seq;
	b = protect(&p->device, "{}", &rq);
	return open_bytes(&p->in, &b);
}

static void the_window_takes_each_number_once_and_32_back(void **state)
{
	struct pair p = new_pair();

	(void)state;
	assert_int_equal(open_seq(&p, 0), 0);
	assert_int_equal(open_seq(&p, 0), -EALREADY);
	assert_int_equal(open_seq(&p, 40), 0);
	assert_int_equal(open_seq(&p, 40), -EALREADY);
	assert_int_equal(open_seq(&p, 8), -EALREADY);
	assert_int_equal(open_seq(&p, 9), 0);
	assert_int_equal(open_seq(&p, 9), -EALREADY);
	assert_int_equal(open_seq(&p, 39), 0);
	assert_int_equal(open_seq(&p, 41), 0);
	assert_int_equal(open_seq(&p, 10), 0);
	assert_int_equal(open_seq(&p, MN_OSCORE_SEQ_MAX), 0);
	assert_int_equal(open_seq(&p, MN_OSCORE_SEQ_MAX), -EALREADY);
	assert_int_equal(open_seq(&p, MN_OSCORE_SEQ_MAX - 31), 0);
	assert_int_equal(open_seq(&p, MN_OSCORE_SEQ_MAX - 32), -EALREADY);
}

static void a_forgery_does_not_move_the_window(void **state)
{
	struct pair p = new_pair();
	struct mn_oscore_request rq;
	struct mn_replay before;
	struct blob b;

	(void)state;
	assert_int_equal(open_seq(&p, 5), 0);
	before = p.in.window;
	p.device.sender_seq = 1000;
	b = protect(&p.device, "{}", &rq);
	b.data[b.len - 1] ^= 1;
	assert_int_equal(open_bytes(&p.in, &b), -EBADMSG);
	assert_memory_equal(&p.in.window, &before, sizeof(before));
	assert_int_equal(open_seq(&p, 6), 0);
	/* A used number is refused before anything is decrypted. */
	p.device.sender_seq = 6;
	b = protect(&p.device, "{}", &rq);
	b.data[b.len - 1] ^= 1;
	assert_int_equal(open_bytes(&p.in, &b), -EALREADY);
}

static void partial_ivs_are_shortest_and_end_at_2_to_the_40(void **state)
{
	static const struct {
		uint64_t seq;
		const char *piv;
	} cases[] = {
		{ 0, "00" },
		{ 1, "01" },
		{ 0xff, "ff" },
		{ 0x100, "0100" },
		{ 0xffff, "ffff" },
		{ 0x10000, "010000" },
		{ 0x1000000, "01000000" },
		{ 0x100000000, "0100000000" },
		{ MN_OSCORE_SEQ_MAX, "ffffffffff" },
	};
	struct pair p = new_pair();
	uint8_t inner_buf[BUF_MAX], out[BUF_MAX], untouched[BUF_MAX];
	struct mn_coap inner = post(inner_buf, "{}");
	struct mn_oscore_request rq;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct blob piv = unhex(cases[i].piv);

		p.device.sender_seq = cases[i].seq;
		protect(&p.device, "{}", &rq);
		assert_blob(rq.piv, rq.piv_len, &piv);
		assert_int_equal(mn_oscore_piv(rq.piv, rq.piv_len), cases[i].seq);
	}
	memset(out, 0xaa, sizeof(out));
	memset(untouched, 0xaa, sizeof(untouched));
	assert_int_equal(p.device.sender_seq, MN_OSCORE_SEQ_MAX + 1);
	assert_int_equal(mn_oscore_protect_request(&p.device, &inner, MN_COAP_NON, 1, &token, true,
						   out, sizeof(out), &rq),
			 -ERANGE);
	inner = text_answer("x", inner_buf);
	assert_int_equal(mn_oscore_protect_response(&p.device, &inner, &rq, true, MN_COAP_NON, 1,
						    &token, out, sizeof(out)),
			 -ERANGE);
	assert_memory_equal(out, untouched, sizeof(out));
	/* An answer under the request's nonce needs no number. */
	assert_true(mn_oscore_protect_response(&p.device, &inner, &rq, false, MN_COAP_NON, 1,
					       &token, out, sizeof(out)) > 0);
}

/* An outer request put together by hand. */
static int open_handmade(struct mn_oscore *c, const char *option, const char *second_option,
			 const void *payload, size_t payload_len)
{
	struct blob value = unhex(option), second = { 0 };
	struct mn_coap_writer w;
	struct blob b = { 0 };
	int n;

	mn_coap_begin(&w, b.data, sizeof(b.data), MN_COAP_NON, MN_COAP_POST, 1, &token);
	mn_coap_put(&w, MN_COAP_OPT_OSCORE, value.data, value.len);
	if (second_option) {
		second = unhex(second_option);
		mn_coap_put(&w, MN_COAP_OPT_OSCORE, second.data, second.len);
	}
	mn_coap_put_payload(&w, payload, payload_len);
	n = mn_coap_finish(&w);
	assert_true(n > 0);
	b.len = (size_t)n;
	return open_bytes(c, &b);
}

static void requests_that_are_not_for_us_are_refused(void **state)
{
#define OUR_CONTEXT "0c000000090101020305080d15"
#define OUR_KID "01020304050607"
	static const uint8_t payload[16];
	struct pair p = new_pair();
	struct mn_oscore no_context = p.in;
	struct mn_oscore *in = &p.in;
	struct mn_oscore_request rq;
	struct mn_coap msg, inner;
	uint8_t buf[BUF_MAX];
	struct blob b = { 0 };

	(void)state;
	no_context.has_id_context = false;
	/* malformed, or no kid or Partial IV */
	assert_int_equal(open_handmade(in, "", NULL, payload, 16), -EPROTO);
	assert_int_equal(open_handmade(in, "0100", NULL, payload, 16), -EPROTO);
	assert_int_equal(open_handmade(in, "08" OUR_KID, NULL, payload, 16), -EPROTO);
	assert_int_equal(open_handmade(in, "20", NULL, payload, 16), -EPROTO);
	assert_int_equal(open_handmade(in, "0900" OUR_KID, "0900" OUR_KID, payload, 16), -EPROTO);
	assert_int_equal(open_handmade(in, "0900" OUR_KID, NULL, NULL, 0), -EPROTO);
	/* another context */
	assert_int_equal(open_handmade(in, "090001020304050608", NULL, payload, 16), -ENOENT);
	assert_int_equal(open_handmade(in, "0900010203040506", NULL, payload, 16), -ENOENT);
	assert_int_equal(open_handmade(in, "0900" OUR_KID "08", NULL, payload, 16), -ENOENT);
	assert_int_equal(open_handmade(in, "0900", NULL, payload, 16), -ENOENT);
	assert_int_equal(open_handmade(in, "190000" OUR_KID, NULL, payload, 16), -ENOENT);
	assert_int_equal(open_handmade(in, "190001ff" OUR_KID, NULL, payload, 16), -ENOENT);
	assert_int_equal(open_handmade(&no_context, "1900" OUR_CONTEXT OUR_KID, NULL, payload, 16),
			 -ENOENT);
	/* not even a code, then no authentic one */
	assert_int_equal(open_handmade(in, "1900" OUR_CONTEXT OUR_KID, NULL, payload, 8), -EBADMSG);
	assert_int_equal(open_handmade(in, "1900" OUR_CONTEXT OUR_KID, NULL, payload, 16),
			 -EBADMSG);

	b.len = mn_coap_empty(b.data, MN_COAP_CON, 1);
	msg = parse(&b);
	assert_int_equal(mn_oscore_open_request(in, &msg, buf, sizeof(buf), &inner, &rq), -EPROTO);
}

static void a_kid_context_may_be_left_out(void **state)
{
	struct pair p = new_pair();
	uint8_t buf[BUF_MAX];
	struct mn_coap inner = post(buf, "{}");
	struct mn_oscore_request rq;
	struct blob b = { 0 };
	int n;

	(void)state;
	n = mn_oscore_protect_request(&p.device, &inner, MN_COAP_CON, 1, NULL, false, b.data,
				      sizeof(b.data), &rq);
	assert_true(n > 0);
	b.len = (size_t)n;
	assert_int_equal(open_bytes(&p.in, &b), 0);

	p.device.has_id_context = false;
	assert_int_equal(mn_oscore_protect_request(&p.device, &inner, MN_COAP_CON, 1, NULL, true,
						   b.data, sizeof(b.data), &rq),
			 -EINVAL);
}

/* Seals any plaintext under the device's next Partial IV, as no honest sender would. */
static int open_plaintext(struct pair *p, const char *hex, uint8_t *buf, size_t max)
{
	struct mn_oscore_request rq = { .kid_len = MN_KID_LEN, .piv_len = 1 };
	uint8_t nonce[MN_OSCORE_NONCE_LEN], aad[MN_OSCORE_AAD_MAX], option[64];
	struct blob plain = unhex(hex), sealed = { 0 }, b = { 0 };
	struct mn_coap msg, inner;
	struct mn_coap_writer w;
	int n;

	memcpy(rq.kid, device_kid, MN_KID_LEN);
	rq.piv[0] = (uint8_t)p->device.sender_seq++;
	mn_oscore_nonce(&p->device, rq.kid, rq.kid_len, rq.piv, rq.piv_len, nonce);
	assert_int_equal(mn_aead_seal(MN_AEAD_AES_128_CCM, p->device.sender_key, nonce,
				      sizeof(nonce), aad, mn_oscore_aad(&rq, aad), plain.data,
				      plain.len, sealed.data, sealed.data + plain.len,
				      MN_OSCORE_TAG_LEN),
			 0);
	n = mn_oscore_option_write(rq.piv, 1, rq.kid, rq.kid_len, true, kid_context,
				   sizeof(kid_context), option, sizeof(option));
	assert_true(n > 0);
	mn_coap_begin(&w, b.data, sizeof(b.data), MN_COAP_CON, MN_COAP_POST, 1, &token);
	mn_coap_put(&w, MN_COAP_OPT_OSCORE, option, (size_t)n);
	mn_coap_put_payload(&w, sealed.data, plain.len + MN_OSCORE_TAG_LEN);
	n = mn_coap_finish(&w);
	assert_true(n > 0);
	b.len = (size_t)n;
	msg = parse(&b);
	return mn_oscore_open_request(&p->in, &msg, buf, max, &inner, &rq);
}

static void a_malformed_plaintext_is_refused_and_uses_its_number(void **state)
{
	static const char *const bad[] = {
		"00",           /* no code */
		"45",           /* an answer */
		"20",           /* reserved class */
		"02b3747631ff", /* marker without payload */
		"02b37476",     /* option cut off */
		"02f0",         /* reserved nibble */
		"023161",       /* Uri-Host */
		"02720001",     /* Uri-Port */
		"0290",         /* OSCORE in OSCORE */
		"02d11661",     /* Proxy-Uri */
		"02d11a61",     /* Proxy-Scheme */
	};
	static const uint8_t zero[BUF_MAX];
	struct pair p = new_pair();
	uint8_t buf[BUF_MAX];
	size_t i;

	(void)state;
	assert_int_equal(open_plaintext(&p, "02b3747631", buf, sizeof(buf)), 0);
	for (i = 0; i < COUNT(bad); i++) {
		int r;

		memset(buf, 0, sizeof(buf));
		r = open_plaintext(&p, bad[i], buf, sizeof(buf));
		if (r != -EPROTO)
			fail_msg("%s: %d", bad[i], r);
		assert_memory_equal(buf, zero, sizeof(buf));
		assert_int_equal(p.in.window.next, p.device.sender_seq);
		p.device.sender_seq--;
		assert_int_equal(open_plaintext(&p, "02b3747631", buf, sizeof(buf)), -EALREADY);
	}
	/* an authentic nothing is too short to be opened at all */
	assert_int_equal(open_plaintext(&p, "", buf, sizeof(buf)), -EBADMSG);
	assert_int_equal(p.in.window.next, p.device.sender_seq - 1);
	/* an elective Observe inside is the reader's to ignore */
	assert_int_equal(open_plaintext(&p, "0160", buf, sizeof(buf)), 0);
}

static void what_belongs_outside_is_not_protected(void **state)
{
	static const uint16_t refused[] = { MN_COAP_OPT_URI_HOST,  MN_COAP_OPT_OBSERVE,
					    MN_COAP_OPT_URI_PORT,  MN_COAP_OPT_OSCORE,
					    MN_COAP_OPT_PROXY_URI, MN_COAP_OPT_PROXY_SCHEME };
	struct pair p = new_pair();
	struct mn_oscore_request rq;
	uint8_t buf[BUF_MAX], out[BUF_MAX];
	struct mn_coap_writer w;
	struct mn_coap inner;
	size_t i;
	int n;

	(void)state;
	for (i = 0; i < COUNT(refused); i++) {
		mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_CON, MN_COAP_GET, 0, NULL);
		mn_coap_put(&w, refused[i], "x", 1);
		n = mn_coap_finish(&w);
		assert_true(n > 0);
		assert_int_equal(mn_coap_read(buf, (size_t)n, &inner, NULL), 0);
		assert_int_equal(mn_oscore_protect_request(&p.device, &inner, MN_COAP_CON, 1, NULL,
							   true, out, sizeof(out), &rq),
				 -EINVAL);
	}
	inner = text_answer("x", buf);
	assert_int_equal(mn_oscore_protect_request(&p.device, &inner, MN_COAP_CON, 1, NULL, true,
						   out, sizeof(out), &rq),
			 -EINVAL);
	inner = post(buf, "x");
	assert_int_equal(mn_oscore_protect_response(&p.device, &inner, &rq, true, MN_COAP_CON, 1,
						    NULL, out, sizeof(out)),
			 -EINVAL);
	assert_int_equal(p.device.sender_seq, 0);
}

static void a_buffer_that_is_too_small_costs_no_number(void **state)
{
	struct pair p = new_pair();
	struct mn_oscore_request rq;
	struct blob whole = protect(&p.device, "{}", &rq);
	uint8_t buf[BUF_MAX];
	struct mn_coap inner = post(buf, "{}");
	size_t max;

	(void)state;
	p.device.sender_seq = 0;
	for (max = 0; max < whole.len; max++) {
		uint8_t *out =
			malloc(max ? max : 1); /* exact: the sanitizer sees each byte too many */

		assert_int_equal(mn_oscore_protect_request(&p.device, &inner, MN_COAP_NON, 0x1234,
							   &token, true, out, max, &rq),
				 -EMSGSIZE);
		assert_int_equal(p.device.sender_seq, 0);
		inner = text_answer("{}", buf);
		assert_int_equal(mn_oscore_protect_response(&p.device, &inner, &rq, true,
							    MN_COAP_NON, 1, &token, out,
							    max < 20 ? max : 20),
				 -EMSGSIZE);
		assert_int_equal(p.device.sender_seq, 0);
		inner = post(buf, "{}");
		free(out);
	}
	assert_int_equal(mn_oscore_protect_request(&p.device, &inner, MN_COAP_NON, 0x1234, &token,
						   true, buf + 256, whole.len, &rq),
			 whole.len);
	assert_memory_equal(buf + 256, whole.data, whole.len);
}

static void a_small_buffer_does_not_use_up_the_request(void **state)
{
	struct pair p = new_pair();
	struct mn_oscore_request rq;
	struct blob b = protect(&p.device, "{}", &rq);
	struct mn_coap msg = parse(&b), inner;
	size_t need = 3 + token.len + msg.payload_len - MN_OSCORE_TAG_LEN;
	size_t max;
	uint8_t *buf;

	(void)state;
	for (max = 0; max < need; max++) {
		buf = malloc(max ? max : 1);
		assert_int_equal(mn_oscore_open_request(&p.in, &msg, buf, max, &inner, &rq),
				 -EMSGSIZE);
		free(buf);
	}
	buf = malloc(need);
	assert_int_equal(mn_oscore_open_request(&p.in, &msg, buf, need, &inner, &rq), 0);
	assert_true(mn_coap_path_is(&inner, "in-cse/cnt"));
	free(buf);
}

static void contexts_with_impossible_ids_are_refused(void **state)
{
	static const uint8_t id[MN_OSCORE_ID_CONTEXT_MAX + 1];
	struct mn_oscore c;
	uint8_t prk[32] = { 1 };

	(void)state;
	assert_int_equal(mn_oscore_derive(&c, prk, id, 8, id, 1, NULL, 0), -EINVAL);
	assert_int_equal(mn_oscore_derive(&c, prk, id, 1, id, 8, NULL, 0), -EINVAL);
	assert_int_equal(mn_oscore_derive(&c, prk, id, 1, id, 1, NULL, 0), -EINVAL);
	assert_int_equal(mn_oscore_derive(&c, prk, id, 0, id, 0, NULL, 0), -EINVAL);
	assert_int_equal(mn_oscore_derive(&c, prk, id, 1, id, 2, id, sizeof(id)), -EINVAL);
	assert_int_equal(mn_oscore_derive(&c, prk, id, 7, id, 6, id, sizeof(id) - 1), 0);
	/* an ID Context of 24 bytes and more has a longer CBOR head */
	assert_int_equal(c.id_context_len, MN_OSCORE_ID_CONTEXT_MAX);
}

static void an_empty_id_context_is_another_context_than_none(void **state)
{
	struct mn_oscore none, empty;
	uint8_t prk[32] = { 1 };

	(void)state;
	assert_int_equal(mn_oscore_derive(&none, prk, "a", 1, "b", 1, NULL, 0), 0);
	assert_int_equal(mn_oscore_derive(&empty, prk, "a", 1, "b", 1, "", 0), 0);
	assert_memory_not_equal(none.sender_key, empty.sender_key, 16);
}

static void fini_leaves_no_key(void **state)
{
	static const struct mn_oscore zero;
	struct pair p = new_pair();

	(void)state;
	mn_oscore_fini(&p.device);
	assert_memory_equal(&p.device, &zero, sizeof(zero));
}

static uint32_t seed = 8613;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static struct mn_coap random_message(uint8_t *buf, bool request)
{
	static const uint16_t options[] = { 4, 8, 11, 12, 14, 15, 17, 267, 279, 283, 2049, 65001 };
	struct mn_coap_writer w;
	uint8_t bytes[300];
	struct mn_coap m;
	size_t i;
	int n;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)draw(256);
	mn_coap_begin(&w, buf, 4096, MN_COAP_CON,
		      request ? (uint8_t)(1 + draw(7)) : MN_COAP_CODE(2 + draw(4), draw(32)), 0,
		      NULL);
	for (i = 0; i < COUNT(options); i++)
		if (!draw(3))
			mn_coap_put(&w, options[i], bytes, draw(sizeof(bytes)));
	if (draw(2))
		mn_coap_put_payload(&w, bytes, draw(sizeof(bytes)));
	n = mn_coap_finish(&w);
	assert_true(n > 0);
	assert_int_equal(mn_coap_read(buf, (size_t)n, &m, NULL), 0);
	return m;
}

static void assert_same(const struct mn_coap *a, const struct mn_coap *b)
{
	assert_int_equal(a->code, b->code);
	assert_int_equal(a->options_len, b->options_len);
	assert_memory_equal(a->options, b->options, a->options_len);
	assert_int_equal(a->payload_len, b->payload_len);
	if (a->payload_len)
		assert_memory_equal(a->payload, b->payload, a->payload_len);
}

static void any_message_comes_out_as_it_went_in(void **state)
{
	struct pair p = new_pair();
	int round;

	(void)state;
	for (round = 0; round < 500; round++) {
		struct mn_coap_token t = { .len = (uint8_t)draw(MN_COAP_TOKEN_MAX + 1) };
		uint8_t in[4096], out[4200], opened[4300];
		struct mn_oscore_request asked, seen;
		struct mn_coap inner, got, msg;
		int n;

		memset(t.bytes, round, t.len);
		p.device.sender_seq += draw(1U << draw(20));
		inner = random_message(in, true);
		n = mn_oscore_protect_request(
			&p.device, &inner, draw(2) ? MN_COAP_CON : MN_COAP_NON,
			(uint16_t)draw(65536), &t, draw(2), out, sizeof(out), &asked);
		assert_true(n > 0);
		assert_int_equal(mn_coap_read(out, (size_t)n, &msg, NULL), 0);
		assert_int_equal(mn_oscore_open_request(&p.in, &msg, opened, msg.payload_len + 16,
							&got, &seen),
				 0);
		assert_same(&inner, &got);
		assert_int_equal(got.token.len, t.len);
		assert_int_equal(got.id, msg.id);

		inner = random_message(in, false);
		n = mn_oscore_protect_response(&p.in, &inner, &seen, draw(2), MN_COAP_NON, 3, &t,
					       out, sizeof(out));
		assert_true(n > 0);
		assert_int_equal(mn_coap_read(out, (size_t)n, &msg, NULL), 0);
		assert_int_equal(mn_oscore_open_response(&p.device, &msg, &asked, opened,
							 sizeof(opened), &got),
				 0);
		assert_same(&inner, &got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_and_its_answer_go_both_ways),
		cmocka_unit_test(a_request_with_any_bit_flipped_is_refused),
		cmocka_unit_test(an_answer_with_any_bit_flipped_is_refused),
		cmocka_unit_test(a_truncated_request_is_refused),
		cmocka_unit_test(the_window_takes_each_number_once_and_32_back),
		cmocka_unit_test(a_forgery_does_not_move_the_window),
		cmocka_unit_test(partial_ivs_are_shortest_and_end_at_2_to_the_40),
		cmocka_unit_test(requests_that_are_not_for_us_are_refused),
		cmocka_unit_test(a_kid_context_may_be_left_out),
		cmocka_unit_test(a_malformed_plaintext_is_refused_and_uses_its_number),
		cmocka_unit_test(what_belongs_outside_is_not_protected),
		cmocka_unit_test(a_buffer_that_is_too_small_costs_no_number),
		cmocka_unit_test(a_small_buffer_does_not_use_up_the_request),
		cmocka_unit_test(contexts_with_impossible_ids_are_refused),
		cmocka_unit_test(an_empty_id_context_is_another_context_than_none),
		cmocka_unit_test(fini_leaves_no_key),
		cmocka_unit_test(any_message_comes_out_as_it_went_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
