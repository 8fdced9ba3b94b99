// SPDX-License-Identifier: GPL-2.0-or-later
/* Examples of docs/protocol.md: answers, protected and not, and other oneM2M messages inside. */
#include "protocol_examples.h"

#include "core/onem2m.h"

#define CONTENT "{\"m2m:cin\":{\"ty\":4,\"ri\":\"cin_1\",\"con\":\"21.5\"}}"

enum { PLAINTEXT, CIPHERTEXT };
enum { OUTER, PIGGYBACKED, SEPARATE };

/* ---- the protected answer ---- */

/* The inner answer as an ordinary CoAP message. */
static void response(struct blob *out, enum mn_rsc rsc, enum mn_onem2m_numbering numbering,
		     const char *content)
{
	struct mn_onem2m_response r = { .rsc = rsc,
					.op = MN_OP_CREATE,
					.numbering = numbering,
					.rqi = WORLD_RQI,
					.rvi = "3",
					.content_format = MN_COAP_FORMAT_JSON };
	struct mn_onem2m_response back;
	struct mn_coap m;
	json_error_t err;
	int len;

	r.content = content ? json_loads(content, 0, &err) : NULL;
	assert_true(!content || r.content);
	len = mn_onem2m_response_write(&r, out->bytes, sizeof(out->bytes));
	json_decref(r.content);
	assert_true(len > 0);
	out->len = (size_t)len;
	m = coap_of(out);
	assert_int_equal(mn_onem2m_response_read(&m, &back), 0);
	assert_int_equal(back.rsc, rsc);
	mn_onem2m_response_fini(&back);
}

static void protect(struct blob *out, enum mn_coap_type type, uint16_t id,
		    const struct mn_coap_token *token)
{
	struct mn_oscore in = in_context(), device = device_context();
	struct blob request = { 0 }, inner = { 0 };
	struct mn_oscore_request rq;
	struct mn_coap m, opened;
	uint8_t buf[512];
	int len;

	service_request(&request, &rq, 0, ID_REQUEST);
	response(&inner, MN_RSC_CREATED, MN_NUMBERS_TS0008_V3_9, CONTENT);
	m = coap_of(&inner);
	len = mn_oscore_protect_response(&in, &m, &rq, false, type, id, token, out->bytes,
					 sizeof(out->bytes));
	assert_true(len > 0);
	out->len = (size_t)len;

	/* The device opens it to the same. */
	m = coap_of(out);
	assert_int_equal(m.code, MN_COAP_204);
	assert_int_equal(oscore_option(&m).len, 0);
	assert_int_equal(mn_oscore_open_response(&device, &m, &rq, buf, sizeof(buf), &opened), 0);
	assert_int_equal(opened.code, MN_COAP_201);
	assert_memory_equal(opened.payload, CONTENT, opened.payload_len);
}

static void make_protected(const struct example *e, struct blob *out)
{
	const struct mn_coap_token device = device_token(), outer = outer_token();

	switch (e->number) {
	case OUTER:
		protect(out, MN_COAP_NON, ID_ANSWER_OUTER, &outer);
		break;
	case PIGGYBACKED:
		protect(out, MN_COAP_ACK, ID_REQUEST, &device);
		break;
	case SEPARATE:
		protect(out, MN_COAP_CON, ID_SEPARATE, &device);
		break;
	}
}

static void make_protected_part(const struct example *e, struct blob *out)
{
	const struct mn_coap_token token = outer_token();
	struct blob message = { 0 };
	struct mn_coap m;

	if (e->number == PLAINTEXT) {
		response(&message, MN_RSC_CREATED, MN_NUMBERS_TS0008_V3_9, CONTENT);
		put_plaintext(out, &message);
		return;
	}
	protect(&message, MN_COAP_NON, ID_ANSWER_OUTER, &token);
	m = coap_of(&message);
	blob_put(out, m.payload, m.payload_len);
}

/* number: message ID that is acknowledged */
static void make_ack(const struct example *e, struct blob *out)
{
	out->len = mn_coap_empty(out->bytes, MN_COAP_ACK, (uint16_t)e->number);
}

/* ---- unprotected answers ---- */

/* number: the code. form: on which hop and how. */
static void unprotected(const struct example *e, int form, struct blob *out)
{
	const struct mn_coap_token token = form == OUTER ? outer_token() : device_token();
	struct mn_coap_writer w;

	mn_coap_begin(&w, out->bytes, sizeof(out->bytes),
		      form == OUTER    ? MN_COAP_NON :
		      form == SEPARATE ? MN_COAP_CON :
					 MN_COAP_ACK,
		      (uint8_t)e->number,
		      form == OUTER    ? ID_ANSWER_OUTER :
		      form == SEPARATE ? ID_SEPARATE :
					 ID_REQUEST,
		      &token);
	if (e->max_age >= 0)
		mn_coap_put_uint(&w, MN_COAP_OPT_MAX_AGE, (uint32_t)e->max_age);
	if (e->text)
		mn_coap_put_payload(&w, e->text, strlen(e->text));
	blob_finish(out, &w);
}

static void make_unprotected(const struct example *e, struct blob *out)
{
	unprotected(e, PIGGYBACKED, out);
}

static void make_unprotected_outer(const struct example *e, struct blob *out)
{
	unprotected(e, OUTER, out);
}

static void make_unprotected_late(const struct example *e, struct blob *out)
{
	unprotected(e, SEPARATE, out);
}

/* ---- other oneM2M messages ---- */

static void put_request(struct blob *out, struct mn_onem2m_request *r, const char *content)
{
	struct mn_onem2m_request back;
	struct blob message = { 0 };
	const char *why;
	struct mn_coap m;
	json_error_t err;
	int len;

	strcpy(r->from, WORLD_DEVICE);
	r->has_from = true;
	strcpy(r->rqi, WORLD_RQI);
	strcpy(r->rvi, "3");
	r->content = content ? json_loads(content, 0, &err) : NULL;
	len = mn_onem2m_request_write(r, message.bytes, sizeof(message.bytes));
	mn_onem2m_request_fini(r);
	assert_true(len > 0);
	message.len = (size_t)len;
	m = coap_of(&message);
	assert_int_equal(mn_onem2m_request_read(&m, &back, &why), 0);
	assert_int_equal(back.op, r->op);
	assert_int_equal(back.numbering, r->numbering);
	assert_string_equal(back.to, r->to);
	mn_onem2m_request_fini(&back);
	put_plaintext(out, &message);
}

static void make_retrieve(const struct example *e, struct blob *out)
{
	struct mn_onem2m_request r = { .op = MN_OP_RETRIEVE, .content_format = -1 };

	strcpy(r.to, e->text);
	put_request(out, &r, NULL);
}

static void make_create_cbor(const struct example *e, struct blob *out)
{
	struct mn_onem2m_request r = { .op = MN_OP_CREATE,
				       .to = "in-cse/cnt",
				       .ty = 4,
				       .content_format = MN_COAP_FORMAT_CBOR };

	put_request(out, &r, e->text);
}

static void make_create_before(const struct example *e, struct blob *out)
{
	struct mn_onem2m_request r = { .op = MN_OP_CREATE,
				       .numbering = MN_NUMBERS_BEFORE_2022,
				       .to = "in-cse/cnt",
				       .ty = 4,
				       .content_format = MN_COAP_FORMAT_JSON };

	put_request(out, &r, e->text);
}

static void make_answer_before(const struct example *e, struct blob *out)
{
	struct blob message = { 0 };

	response(&message, MN_RSC_CREATED, MN_NUMBERS_BEFORE_2022, e->text);
	put_plaintext(out, &message);
}

static void make_answer_refused(const struct example *e, struct blob *out)
{
	struct blob message = { 0 };

	response(&message, (enum mn_rsc)e->number, MN_NUMBERS_TS0008_V3_9, NULL);
	put_plaintext(out, &message);
}

/* clang-format off */
#define UNPROTECTED(n, code, age, words)                                                           \
	{                                                                                          \
		.name = n, .make = make_unprotected, .number = code, .max_age = age, .text = words \
	}
/* clang-format on */

const struct example answer_examples[] = {
	{ .name = "service-answer-inner", .make = make_protected_part, .number = PLAINTEXT },
	{ .name = "service-answer-ciphertext", .make = make_protected_part, .number = CIPHERTEXT },
	{ .name = "service-answer-outer", .make = make_protected, .number = OUTER },
	{ .name = "service-answer", .make = make_protected, .number = PIGGYBACKED },
	{ .name = "separate-ack", .make = make_ack, .number = ID_REQUEST },
	{ .name = "separate-answer", .make = make_protected, .number = SEPARATE },
	{ .name = "separate-answer-ack", .make = make_ack, .number = ID_SEPARATE },

	{ .name = "error-context-outer",
	  .make = make_unprotected_outer,
	  .number = MN_COAP_401,
	  .text = "Security context not found" },
	UNPROTECTED("error-context", MN_COAP_401, 0, "Security context not found"),
	UNPROTECTED("error-replay", MN_COAP_401, 0, "Replay detected"),
	UNPROTECTED("error-decryption", MN_COAP_400, 0, "Decryption failed"),
	UNPROTECTED("error-cose", MN_COAP_402, 0, "Failed to decode COSE"),
	UNPROTECTED("error-new-contexts", MN_COAP_429, 60, "Too many new contexts"),
	UNPROTECTED("error-contexts", MN_COAP_403, 0, "Too many contexts"),
	UNPROTECTED("error-no-session", MN_COAP_503, 4, "No session to the IN"),
	{ .name = "error-silent",
	  .make = make_unprotected_late,
	  .number = MN_COAP_504,
	  .max_age = -1,
	  .text = "The IN does not answer" },
	UNPROTECTED("error-size", MN_COAP_413, -1, "Too large"),
	UNPROTECTED("error-rate", MN_COAP_429, 1, "Too many requests"),
	UNPROTECTED("error-kid", MN_COAP_403, -1, "Another device's kid"),
	UNPROTECTED("error-option", MN_COAP_402, -1, "A critical option outside of OSCORE"),
	UNPROTECTED("error-method", MN_COAP_405, -1, "The outer code of OSCORE is POST"),
	UNPROTECTED("error-path", MN_COAP_404, -1, NULL),

	{ .name = "inner-retrieve", .make = make_retrieve, .text = "in-cse/cnt/la" },
	{ .name = "inner-retrieve-sp-relative", .make = make_retrieve, .text = "/in-cse-1/in-cse" },
	{ .name = "inner-create-cbor",
	  .make = make_create_cbor,
	  .text = "{\"m2m:cin\":{\"con\":\"21.5\"}}" },
	{ .name = "inner-create-before-2022",
	  .make = make_create_before,
	  .text = "{\"m2m:cin\":{\"con\":\"21.5\"}}" },
	{ .name = "inner-answer-before-2022", .make = make_answer_before, .text = CONTENT },
	{ .name = "inner-answer-4103", .make = make_answer_refused, .number = MN_RSC_NO_PRIVILEGE },
};
const size_t answer_examples_n = sizeof(answer_examples) / sizeof(answer_examples[0]);
