// SPDX-License-Identifier: GPL-2.0-or-later
/* Examples of docs/protocol.md: Ksx, the OSCORE context, and the service request with all that leads to its bytes. */
#include "protocol_examples.h"

#include "core/onem2m.h"

enum { KSX_INPUT, KSX, ID_CONTEXT, PRK, SENDER_KEY, RECIPIENT_KEY, COMMON_IV };
enum { PLAINTEXT, OPTION, AAD_ARRAY, AAD, NONCE, CIPHERTEXT };

#define LABEL "oneM2M Group Secure Connection Key derivation"

/* ---- Ksx and keys ---- */

static struct blob ksx_input(void)
{
	struct blob b = { 0 }, rand = world_rand();

	blob_put_text(&b, LABEL);
	blob_put_text(&b, WORLD_DEVICE);
	blob_put(&b, rand.bytes, rand.len);
	return b;
}

static struct blob ksx(void)
{
	struct blob b = { .len = MN_KSX_LEN }, key = world_kpsaxi(), rand = world_rand();
	struct blob input = ksx_input();
	const struct mn_bytes part = { input.bytes, input.len };
	uint8_t again[MN_SHA256_LEN];

	assert_int_equal(mn_ksx_derive(key.bytes, key.len, WORLD_DEVICE, strlen(WORLD_DEVICE),
				       rand.bytes, b.bytes),
			 0);
	/* HMAC of the page's input is the same. */
	assert_int_equal(mn_hmac_sha256(key.bytes, key.len, &part, 1, again), 0);
	assert_memory_equal(again, b.bytes, sizeof(again));
	return b;
}

static struct blob prk(void)
{
	struct blob b = { .len = 32 }, secret = ksx();

	assert_int_equal(mn_oscore_extract(secret.bytes, secret.len, NULL, 0, b.bytes), 0);
	return b;
}

static struct mn_oscore context(bool is_device)
{
	static const uint8_t in_kid = MN_OSCORE_IN_KID;
	struct blob kid = world_kid(), id_context = world_id_context(), key = prk();
	struct mn_oscore c;

	assert_int_equal(mn_oscore_derive(&c, key.bytes, is_device ? kid.bytes : &in_kid,
					  is_device ? kid.len : 1, is_device ? &in_kid : kid.bytes,
					  is_device ? 1 : kid.len, id_context.bytes,
					  id_context.len),
			 0);
	return c;
}

struct mn_oscore device_context(void)
{
	return context(true);
}

struct mn_oscore in_context(void)
{
	return context(false);
}

static void make_derived(const struct example *e, struct blob *out)
{
	struct mn_oscore c = device_context();

	switch (e->number) {
	case KSX_INPUT:
		*out = ksx_input();
		break;
	case KSX:
		*out = ksx();
		break;
	case ID_CONTEXT:
		*out = world_id_context();
		break;
	case PRK:
		*out = prk();
		break;
	case SENDER_KEY:
		blob_put(out, c.sender_key, sizeof(c.sender_key));
		break;
	case RECIPIENT_KEY:
		blob_put(out, c.recipient_key, sizeof(c.recipient_key));
		break;
	case COMMON_IV:
		blob_put(out, c.common_iv, sizeof(c.common_iv));
		break;
	}
}

/* CBOR of info (RFC 8613 3.2.1); expanded, it is what the library derives. */
static void make_info(const struct example *e, struct blob *out)
{
	struct blob kid = world_kid(), id_context = world_id_context(), key = prk();
	struct mn_oscore c = device_context();
	const uint8_t *want = e->number == SENDER_KEY    ? c.sender_key :
			      e->number == RECIPIENT_KEY ? c.recipient_key :
							   c.common_iv;
	const size_t len = e->number == COMMON_IV ? 13 : 16;
	uint8_t got[16];

	blob_put_byte(out, 0x85);
	if (e->number == SENDER_KEY) {
		blob_put_byte(out, 0x40 + (unsigned int)kid.len);
		blob_put(out, kid.bytes, kid.len);
	} else if (e->number == RECIPIENT_KEY) {
		blob_put(out, "\x41\x43", 2);
	} else {
		blob_put_byte(out, 0x40);
	}
	blob_put_byte(out, 0x40 + (unsigned int)id_context.len);
	blob_put(out, id_context.bytes, id_context.len);
	blob_put_byte(out, 10);
	blob_put_byte(out, e->number == COMMON_IV ? 0x62 : 0x63);
	blob_put_text(out, e->number == COMMON_IV ? "IV" : "Key");
	blob_put_byte(out, (unsigned int)len);
	assert_int_equal(mn_hkdf_expand(key.bytes, out->bytes, out->len, got, len), 0);
	assert_memory_equal(got, want, len);
}

/* ---- the service request ---- */

/* The inner message as an ordinary CoAP message. */
static void create_instance(struct blob *out)
{
	struct mn_onem2m_request r = { .op = MN_OP_CREATE,
				       .to = "in-cse/cnt",
				       .from = WORLD_DEVICE,
				       .has_from = true,
				       .rqi = WORLD_RQI,
				       .rvi = "3",
				       .ty = 4,
				       .content_format = MN_COAP_FORMAT_JSON };
	json_error_t err;
	int len;

	r.content = json_loads("{\"m2m:cin\":{\"con\":\"21.5\"}}", 0, &err);
	assert_non_null(r.content);
	len = mn_onem2m_request_write(&r, out->bytes, sizeof(out->bytes));
	json_decref(r.content);
	assert_true(len > 0);
	out->len = (size_t)len;
}

void service_request(struct blob *out, struct mn_oscore_request *rq, uint64_t seq, uint16_t id)
{
	struct mn_coap_token token = device_token();
	struct mn_oscore c = device_context(), in = in_context();
	struct mn_oscore_request seen;
	struct mn_coap inner, m, opened;
	struct blob plain = { 0 };
	uint8_t buf[512];
	int len;

	/* A retry is a message of its own. */
	token.bytes[3] = (uint8_t)(token.bytes[3] + seq);
	create_instance(&plain);
	inner = coap_of(&plain);
	c.sender_seq = seq;
	len = mn_oscore_protect_request(&c, &inner, MN_COAP_CON, id, &token, true, out->bytes,
					sizeof(out->bytes), rq);
	assert_true(len > 0);
	out->len = (size_t)len;

	/* The IN opens it to the same plaintext. */
	m = coap_of(out);
	assert_int_equal(mn_oscore_open_request(&in, &m, buf, sizeof(buf), &opened, &seen), 0);
	assert_int_equal(opened.code, inner.code);
	assert_int_equal(opened.options_len, inner.options_len);
	assert_memory_equal(opened.options, inner.options, inner.options_len);
	assert_int_equal(opened.payload_len, inner.payload_len);
	assert_memory_equal(opened.payload, inner.payload, inner.payload_len);
	assert_memory_equal(&seen, rq, sizeof(seen));
}

struct mn_coap_option oscore_option(const struct mn_coap *m)
{
	struct mn_coap_option o;

	assert_true(mn_coap_option_find(m, MN_COAP_OPT_OSCORE, &o));
	return o;
}

void put_plaintext(struct blob *out, const struct blob *message)
{
	struct mn_coap m = coap_of(message);

	blob_put_byte(out, m.code);
	blob_put(out, m.options, message->len - (size_t)(m.options - message->bytes));
}

static void make_request_part(const struct example *e, struct blob *out)
{
	struct mn_oscore c = device_context();
	struct mn_oscore_request rq;
	struct blob message = { 0 }, inner = { 0 };
	struct mn_coap m;

	create_instance(&inner);
	service_request(&message, &rq, 0, ID_REQUEST);
	m = coap_of(&message);
	switch (e->number) {
	case PLAINTEXT:
		put_plaintext(out, &inner);
		break;
	case OPTION:
		blob_put(out, oscore_option(&m).value, oscore_option(&m).len);
		break;
	case AAD:
		out->len = mn_oscore_aad(&rq, out->bytes);
		break;
	case AAD_ARRAY: /* what the Enc_structure holds as its last byte string */
		out->len = mn_oscore_aad(&rq, out->bytes);
		assert_memory_equal(out->bytes,
				    "\x83\x68"
				    "Encrypt0\x40",
				    11);
		assert_int_equal(out->bytes[11], 0x40 + out->len - 12);
		out->len -= 12;
		memmove(out->bytes, out->bytes + 12, out->len);
		break;
	case NONCE:
		mn_oscore_nonce(&c, rq.kid, rq.kid_len, rq.piv, rq.piv_len, out->bytes);
		out->len = MN_OSCORE_NONCE_LEN;
		break;
	case CIPHERTEXT:
		blob_put(out, m.payload, m.payload_len);
		break;
	}
}

/* The parts of the page put together give its message: nobody needs the library for it. */
static void make_request(const struct example *e, struct blob *out)
{
	const struct example parts[] = { { .number = PLAINTEXT },
					 { .number = AAD },
					 { .number = NONCE } };
	struct blob part[3] = { 0 }, sealed;
	struct mn_oscore c = device_context();
	struct mn_oscore_request rq;
	uint8_t tag[MN_OSCORE_TAG_LEN];
	struct mn_coap m;

	(void)e;
	service_request(out, &rq, 0, ID_REQUEST);
	for (int i = 0; i < 3; i++)
		make_request_part(&parts[i], &part[i]);
	sealed = part[0];
	assert_int_equal(mn_aead_seal(MN_AEAD_AES_128_CCM, c.sender_key, part[2].bytes, part[2].len,
				      part[1].bytes, part[1].len, part[0].bytes, part[0].len,
				      sealed.bytes, tag, sizeof(tag)),
			 0);
	blob_put(&sealed, tag, sizeof(tag));
	m = coap_of(out);
	assert_int_equal(m.payload_len, sealed.len);
	assert_memory_equal(m.payload, sealed.bytes, sealed.len);
}

static void make_retry(const struct example *e, struct blob *out)
{
	struct mn_oscore_request rq;

	(void)e;
	service_request(out, &rq, 1, ID_RETRY);
}

/* number: message ID on the outer hop */
static void make_outer(const struct example *e, struct blob *out)
{
	struct mn_coap_token token = outer_token();
	struct mn_oscore_request rq;
	struct blob inner_hop = { 0 };
	struct mn_coap_option o;
	struct mn_coap_writer w;
	struct mn_coap m;

	service_request(&inner_hop, &rq, 0, ID_REQUEST);
	m = coap_of(&inner_hop);
	o = oscore_option(&m);
	mn_coap_begin(&w, out->bytes, sizeof(out->bytes), MN_COAP_NON, MN_COAP_POST,
		      (uint16_t)e->number, &token);
	mn_coap_put(&w, MN_COAP_OPT_OSCORE, o.value, o.len);
	mn_coap_put_payload(&w, m.payload, m.payload_len);
	blob_finish(out, &w);
}

const struct example oscore_examples[] = {
	{ .name = "ksx-input", .make = make_derived, .number = KSX_INPUT },
	{ .name = "ksx", .make = make_derived, .number = KSX },
	{ .name = "id-context", .make = make_derived, .number = ID_CONTEXT },
	{ .name = "prk", .make = make_derived, .number = PRK },
	{ .name = "info-sender-key", .make = make_info, .number = SENDER_KEY },
	{ .name = "sender-key", .make = make_derived, .number = SENDER_KEY },
	{ .name = "info-recipient-key", .make = make_info, .number = RECIPIENT_KEY },
	{ .name = "recipient-key", .make = make_derived, .number = RECIPIENT_KEY },
	{ .name = "info-common-iv", .make = make_info, .number = COMMON_IV },
	{ .name = "common-iv", .make = make_derived, .number = COMMON_IV },
	{ .name = "service-request-inner", .make = make_request_part, .number = PLAINTEXT },
	{ .name = "service-request-option", .make = make_request_part, .number = OPTION },
	{ .name = "service-request-aad-array", .make = make_request_part, .number = AAD_ARRAY },
	{ .name = "service-request-aad", .make = make_request_part, .number = AAD },
	{ .name = "service-request-nonce", .make = make_request_part, .number = NONCE },
	{ .name = "service-request-ciphertext", .make = make_request_part, .number = CIPHERTEXT },
	{ .name = "service-request", .make = make_request },
	{ .name = "service-request-retry", .make = make_retry },
	{ .name = "service-request-outer", .make = make_outer, .number = ID_REQUEST_OUTER },
	{ .name = "service-request-outer-again", .make = make_outer, .number = ID_REPEAT_OUTER },
};
const size_t oscore_examples_n = sizeof(oscore_examples) / sizeof(oscore_examples[0]);
