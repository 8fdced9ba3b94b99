// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "core/crypto.h"
#include "core/identity.h"
#include "core/oscore.h"

#define VECTORS "tests/vectors/oscore.json"
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

/* The vectors of RFC 8613 appendix C. */

static json_t *vectors;

static int load_vectors(void **state)
{
	json_error_t err;

	(void)state;
	vectors = json_load_file(VECTORS, JSON_REJECT_DUPLICATES, &err);
	return vectors && !mn_crypto_init() ? 0 : -1;
}

static int free_vectors(void **state)
{
	(void)state;
	json_decref(vectors);
	return 0;
}

static const char *member(const json_t *v, const char *key)
{
	return json_string_value(json_object_get(v, key));
}

static json_t *vector(const char *kind, const char *name)
{
	json_t *v;
	size_t i;

	json_array_foreach(json_object_get(vectors, kind), i,
			   v) if (!strcmp(member(v, "name"), name)) return v;
	fail_msg("no vector %s %s", kind, name);
	return NULL;
}

/* The security context of a derivation vector, or that of its peer. */
static struct mn_oscore vector_context(const char *name, bool peer)
{
	json_t *v = vector("derivation", name);
	struct blob secret = unhex(member(vectors, "master_secret"));
	struct blob salt = unhex(member(v, "salt"));
	struct blob sender = unhex(member(v, peer ? "recipient_id" : "sender_id"));
	struct blob recipient = unhex(member(v, peer ? "sender_id" : "recipient_id"));
	struct blob id_context = { 0 };
	struct mn_oscore c;
	uint8_t prk[32];
	bool has_context = !json_is_null(json_object_get(v, "id_context"));

	if (has_context)
		id_context = unhex(member(v, "id_context"));
	assert_int_equal(mn_oscore_extract(secret.data, secret.len, salt.data, salt.len, prk), 0);
	assert_int_equal(mn_oscore_derive(&c, prk, sender.data, sender.len, recipient.data,
					  recipient.len, has_context ? id_context.data : NULL,
					  id_context.len),
			 0);
	return c;
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

/* The vector's message as we send it: the appendix' examples have a Uri-Host outside. */
static struct blob only_oscore_outside(const struct blob *b)
{
	struct mn_coap m = parse(b);
	struct mn_coap_option o;
	struct mn_coap_writer w;
	struct blob out = { 0 };
	int n;

	assert_true(mn_coap_option_find(&m, MN_COAP_OPT_OSCORE, &o));
	mn_coap_begin(&w, out.data, sizeof(out.data), m.type, m.code, m.id, &m.token);
	mn_coap_put(&w, MN_COAP_OPT_OSCORE, o.value, o.len);
	mn_coap_put_payload(&w, m.payload, m.payload_len);
	n = mn_coap_finish(&w);
	assert_true(n > 0);
	out.len = (size_t)n;
	return out;
}

static void derivation_gives_the_vectors_keys_in_both_roles(void **state)
{
	json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(json_object_get(vectors, "derivation"), i, v)
	{
		struct mn_oscore client = vector_context(member(v, "name"), false);
		struct mn_oscore server = vector_context(member(v, "name"), true);
		struct blob sender = unhex(member(v, "sender_key"));
		struct blob recipient = unhex(member(v, "recipient_key"));
		struct blob iv = unhex(member(v, "common_iv"));

		assert_blob(client.sender_key, 16, &sender);
		assert_blob(client.recipient_key, 16, &recipient);
		assert_blob(client.common_iv, 13, &iv);
		assert_blob(server.sender_key, 16, &recipient);
		assert_blob(server.recipient_key, 16, &sender);
		assert_blob(server.common_iv, 13, &iv);
		assert_int_equal(client.sender_seq, 0);
		assert_int_equal(client.window.next, 0);
	}
	assert_int_equal(i, 3);
}

/* The inner request of C.4 to C.6: GET /tv1. */
static struct mn_coap get_tv1(uint8_t buf[BUF_MAX])
{
	struct mn_coap_writer w;
	struct mn_coap m;
	int n;

	mn_coap_begin(&w, buf, BUF_MAX, MN_COAP_CON, MN_COAP_GET, 0, NULL);
	mn_coap_put_path(&w, "tv1");
	n = mn_coap_finish(&w);
	assert_true(n > 0);
	assert_int_equal(mn_coap_read(buf, (size_t)n, &m, NULL), 0);
	return m;
}

/* Protects C.4, C.5 or C.6 at the client, which is left with what it knows of the request. */
static struct mn_oscore_request protect_vector(json_t *v, struct mn_oscore *client,
					       struct blob *out)
{
	struct blob wanted = unhex(member(v, "protected"));
	struct mn_coap outer = parse(&wanted);
	struct blob piv = unhex(member(v, "partial_iv"));
	struct mn_oscore_request rq;
	uint8_t buf[BUF_MAX];
	struct mn_coap inner = get_tv1(buf);
	int n;

	*client = vector_context(member(v, "context"), false);
	client->sender_seq = mn_oscore_piv(piv.data, piv.len);
	n = mn_oscore_protect_request(client, &inner, outer.type, outer.id, &outer.token,
				      client->has_id_context, out->data, sizeof(out->data), &rq);
	assert_true(n > 0);
	out->len = (size_t)n;
	return rq;
}

static void requests_are_the_vectors_bytes(void **state)
{
	json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(json_object_get(vectors, "request"), i, v)
	{
		struct blob given = unhex(member(v, "protected"));
		struct blob want = only_oscore_outside(&given);
		struct mn_oscore client;
		struct blob got = { 0 };

		protect_vector(v, &client, &got);
		assert_blob(got.data, got.len, &want);
		assert_int_equal(client.sender_seq, 0x15);
	}
	assert_int_equal(i, 3);
}

static void nonce_and_aad_are_the_vectors(void **state)
{
	json_t *v = vector("request", "C.4");
	struct blob nonce = unhex(member(v, "nonce"));
	struct blob aad = unhex(member(v, "aad"));
	uint8_t got_nonce[MN_OSCORE_NONCE_LEN];
	uint8_t got_aad[MN_OSCORE_AAD_MAX];
	struct mn_oscore_request rq;
	struct mn_oscore client;
	struct blob out = { 0 };

	(void)state;
	rq = protect_vector(v, &client, &out);
	mn_oscore_nonce(&client, rq.kid, rq.kid_len, rq.piv, rq.piv_len, got_nonce);
	assert_blob(got_nonce, sizeof(got_nonce), &nonce);
	assert_blob(got_aad, mn_oscore_aad(&rq, got_aad), &aad);
}

static void the_server_opens_the_vectors_requests(void **state)
{
	json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(json_object_get(vectors, "request"), i, v)
	{
		struct mn_oscore server = vector_context(member(v, "context"), true);
		struct blob given = unhex(member(v, "protected"));
		struct mn_coap msg = parse(&given);
		struct mn_oscore_request rq;
		uint8_t buf[BUF_MAX];
		struct mn_coap inner;

		assert_int_equal(
			mn_oscore_open_request(&server, &msg, buf, sizeof(buf), &inner, &rq), 0);
		assert_int_equal(inner.code, MN_COAP_GET);
		assert_true(mn_coap_path_is(&inner, "tv1"));
		assert_int_equal(inner.payload_len, 0);
		assert_int_equal(inner.id, msg.id);
		assert_memory_equal(&inner.token, &msg.token, sizeof(msg.token));
		assert_int_equal(rq.piv_len, 1);
		assert_int_equal(rq.piv[0], 0x14);
		assert_int_equal(rq.kid_len, server.recipient_id_len);
	}
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

static void answers_are_the_vectors_bytes_and_open_at_the_client(void **state)
{
	json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(json_object_get(vectors, "response"), i, v)
	{
		json_t *request = vector("request", member(v, "request"));
		struct mn_oscore server = vector_context(member(request, "context"), true);
		bool own_piv = !json_is_null(json_object_get(v, "partial_iv"));
		const char *text = member(v, "payload_text");
		struct blob want = unhex(member(v, "protected"));
		struct mn_coap outer = parse(&want);
		struct mn_oscore_request rq;
		struct mn_oscore client;
		uint8_t buf[BUF_MAX];
		struct mn_coap inner = text_answer(text, buf);
		struct blob got = { 0 };
		int n;

		rq = protect_vector(request, &client, &got);
		n = mn_oscore_protect_response(&server, &inner, &rq, own_piv, outer.type, outer.id,
					       &outer.token, got.data, sizeof(got.data));
		assert_true(n > 0);
		assert_blob(got.data, (size_t)n, &want);
		assert_int_equal(server.sender_seq, own_piv ? 1 : 0);

		assert_int_equal(
			mn_oscore_open_response(&client, &outer, &rq, buf, sizeof(buf), &inner), 0);
		assert_int_equal(inner.code, MN_COAP_205);
		assert_int_equal(inner.payload_len, strlen(text));
		assert_memory_equal(inner.payload, text, strlen(text));
	}
	assert_int_equal(i, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(derivation_gives_the_vectors_keys_in_both_roles),
		cmocka_unit_test(requests_are_the_vectors_bytes),
		cmocka_unit_test(nonce_and_aad_are_the_vectors),
		cmocka_unit_test(the_server_opens_the_vectors_requests),
		cmocka_unit_test(answers_are_the_vectors_bytes_and_open_at_the_client),
	};

	return cmocka_run_group_tests(tests, load_vectors, free_vectors);
}
