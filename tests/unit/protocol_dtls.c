// SPDX-License-Identifier: GPL-2.0-or-later
/* Examples of docs/protocol.md: the handshake's messages and protected records. Those that wolfSSL makes are taken out of real
 * handshakes in memory. */
#include "protocol_examples.h"

#include <arpa/inet.h>
#include <errno.h>

#include "dtls/cookie.h"
#include "dtls/filter.h"
#include "dtls/handshake.h"
#include "dtls/record.h"

enum { SERVER_HELLO_DONE = 14, SERVER_KEY_EXCHANGE = 12, COOKIE_NONE = 0, COOKIE_GIVEN = 1 };
enum { SUITE_GCM, SUITE_CCM_8, SUITE_CBC };

/* ---- ClientHello and HelloVerifyRequest ---- */

/* GCM, CCM_8, CBC */
static const uint8_t offered[] = { 0x00, 0xa8, 0xc0, 0xa8, 0x00, 0xae };

/* Record, handshake header and body as RFC 6347 4.1, 4.2.2, 4.2.1 draw them; the lengths are put in at the end. */
static void hello(struct blob *out, const void *cookie, size_t cookie_len)
{
	static const uint8_t extensions[] = { 0, 8, 0, 22, 0, 0, 0, 23, 0, 0 };
	static const uint8_t zero[8];
	const uint8_t number = cookie_len ? 1 : 0; /* of the record and of the message */
	const struct blob random = world_run(0, 32);
	size_t body;

	blob_put(out, "\x16\xfe\xff\0\0\0\0\0\0\0", 10);
	blob_put_byte(out, number);
	blob_put(out, zero, 2);
	blob_put(out, "\x01\0\0\0\0", 5);
	blob_put_byte(out, number);
	blob_put(out, zero, 6);
	blob_put(out, "\xfe\xfd", 2);
	blob_put(out, random.bytes, random.len);
	blob_put_byte(out, 0);
	blob_put_byte(out, (unsigned int)cookie_len);
	blob_put(out, cookie, cookie_len);
	blob_put(out, "\0\6", 2);
	blob_put(out, offered, sizeof(offered));
	blob_put(out, "\x01\0", 2);
	blob_put(out, extensions, sizeof(extensions));

	body = out->len - MNCSE_RECORD_HEADER - MNCSE_HANDSHAKE_HEADER;
	mn_put16(out->bytes + 11, (uint16_t)(body + MNCSE_HANDSHAKE_HEADER));
	mn_put16(out->bytes + MNCSE_RECORD_HEADER + 2, (uint16_t)body);
	mn_put16(out->bytes + MNCSE_RECORD_HEADER + 10, (uint16_t)body);
}

static void read_hello(struct blob *b, struct mn_client_hello *out)
{
	struct mn_record r;
	size_t at = 0;

	assert_int_equal(mn_record_next(b->bytes, b->len, &at, &r), 1);
	assert_int_equal(at, b->len);
	assert_true(mn_is_client_hello(&r));
	assert_int_equal(mn_client_hello_read(&r, out), 0);
}

/* The cookie of the page's device at 192.0.2.10:40000, under a key that runs upwards from 00. */
static void make_cookie(struct blob *out)
{
	struct mn_cookies c = { 0 };
	union mn_addr from = { .in = { .sin_family = AF_INET, .sin_port = htons(40000) } };
	struct mn_client_hello h;
	struct blob key = world_run(0, sizeof(c.key[0])), first = { 0 };

	memcpy(&c.key[0], key.bytes, sizeof(c.key[0]));
	assert_int_equal(inet_pton(AF_INET, "192.0.2.10", &from.in.sin_addr), 1);
	hello(&first, NULL, 0);
	read_hello(&first, &h);
	mn_cookie_make(&c, 0, &from, &h, out->bytes);
	out->len = MNCSE_COOKIE_LEN;

	/* It counts for the second ClientHello, and only from there. */
	first = (struct blob){ 0 };
	hello(&first, out->bytes, out->len);
	read_hello(&first, &h);
	assert_true(mn_cookie_check(&c, MN_COOKIE_TURN_MS, &from, &h));
	from.in.sin_port++;
	assert_false(mn_cookie_check(&c, MN_COOKIE_TURN_MS, &from, &h));
}

static void make_client_hello(const struct example *e, struct blob *out)
{
	struct mn_client_hello h;
	struct blob cookie = { 0 };

	if (e->number == COOKIE_GIVEN)
		make_cookie(&cookie);
	hello(out, cookie.bytes, cookie.len);
	read_hello(out, &h);
	assert_int_equal(h.version, MNCSE_VERSION_DTLS12);
	assert_int_equal(h.cookie_len, cookie.len);
	assert_true(h.encrypt_then_mac);
}

static void make_hello_verify(const struct example *e, struct blob *out)
{
	struct blob first = { 0 }, cookie = { 0 };
	struct mn_client_hello h;

	(void)e;
	hello(&first, NULL, 0);
	read_hello(&first, &h);
	make_cookie(&cookie);
	out->len =
		mn_hello_verify_write(&h, cookie.bytes, cookie.len, out->bytes, sizeof(out->bytes));
	assert_true(out->len > 0 && out->len < first.len);
}

/* ---- the rest of the handshake ---- */

/* All that one side has sent. */
struct side {
	struct mn_hs *hs;
	struct blob sent;
	size_t read; /* of the other side's */
	const char *identity;
	struct blob key;
	bool knows;
};

static void take(void *arg, const uint8_t *datagram, size_t len)
{
	struct side *s = arg;

	blob_put(&s->sent, datagram, len);
}

static int key_of(void *arg, const uint8_t *identity, size_t len, uint8_t key[MN_KEY_MAX],
		  size_t *key_len)
{
	struct side *s = arg;

	if (len != strlen(s->identity) || memcmp(identity, s->identity, len))
		return -1;
	memcpy(key, s->key.bytes, s->key.len);
	*key_len = s->key.len;
	s->knows = true;
	return 0;
}

static const struct mn_hs_ops ops = { .send = take, .psk = key_of };

/* Hands s what the other side has sent since. */
static int feed(struct side *s, const struct side *from)
{
	struct blob datagram = { 0 };

	blob_put(&datagram, from->sent.bytes + s->read, from->sent.len - s->read);
	s->read = from->sent.len;
	return datagram.len ? mn_hs_input(s->hs, datagram.bytes, datagram.len, true) : 0;
}

/* A whole handshake of the library with itself, cookie exchange and all; client and server keep what they sent. */
static void handshake(const char *hint, const char *identity, struct blob key, struct side *client,
		      struct side *server)
{
	const struct mn_hs_factory_config config = { .hint = hint };
	struct mn_client_hello h;
	struct mn_hs_factory *f;
	const struct blob cookie = world_run(1, MNCSE_COOKIE_LEN);
	struct blob verify = { 0 }, second = { 0 };
	size_t first;

	*client = (struct side){ .identity = identity, .key = key };
	*server = *client;
	assert_int_equal(mn_hs_factory_new(&config, &f), 0);
	assert_int_equal(
		mn_hs_client(f, identity, key.bytes, key.len, NULL, &ops, client, &client->hs), 0);
	assert_int_equal(mn_hs_start(client->hs), 0);
	first = client->sent.len;
	read_hello(&client->sent, &h);
	verify.len = mn_hello_verify_write(&h, cookie.bytes, cookie.len, verify.bytes,
					   sizeof(verify.bytes));
	assert_int_equal(mn_hs_input(client->hs, verify.bytes, verify.len, true), 0);
	blob_put(&second, client->sent.bytes + first, client->sent.len - first);
	read_hello(&second, &h);
	assert_int_equal(mn_hs_server(f, &h, &ops, server, &server->hs), 0);
	server->read = first;
	assert_int_equal(feed(server, client), 0);
	assert_int_equal(feed(client, server), 0);
	assert_int_equal(feed(server, client), 1);
	assert_int_equal(feed(client, server), 1);
	assert_true(server->knows);
	mn_hs_free(client->hs);
	mn_hs_free(server->hs);
	mn_hs_factory_free(f);
}

/* The one handshake message of that type among unprotected records, with its header. */
static void find_message(struct blob *sent, uint8_t type, struct blob *out)
{
	struct mn_record r;
	size_t at = 0;

	while (mn_record_next(sent->bytes, sent->len, &at, &r) > 0) {
		if (r.epoch || r.type != MNCSE_HANDSHAKE || r.body[0] != type)
			continue;
		assert_int_equal(out->len, 0);
		blob_put(out, r.body, r.len);
	}
	assert_true(out->len > 0);
}

static void make_message(const struct example *e, struct blob *out)
{
	const bool outer = !strcmp(e->text, "outer");
	struct side client, server;

	handshake(outer ? WORLD_IN : WORLD_GATEWAY, outer ? WORLD_KPSAMI_ID : WORLD_KPSAXM_ID,
		  outer ? world_kpsami() : world_kpsaxm(), &client, &server);
	find_message(e->number == MNCSE_CLIENT_KEY_EXCHANGE ? &client.sent : &server.sent,
		     (uint8_t)e->number, out);
}

/* What the page's own second ClientHello draws; suites takes the place of those that it offers. */
static int answer_hello(const uint8_t suites[6], struct side *server)
{
	const struct mn_hs_factory_config config = { .hint = WORLD_GATEWAY };
	struct blob cookie = { 0 }, second = { 0 };
	struct mn_client_hello h;
	struct mn_hs_factory *f;
	uint8_t *at;
	int result;

	make_cookie(&cookie);
	hello(&second, cookie.bytes, cookie.len);
	at = memmem(second.bytes, second.len, offered, sizeof(offered));
	assert_non_null(at);
	memcpy(at, suites, sizeof(offered));
	read_hello(&second, &h);
	assert_int_equal(mn_hs_factory_new(&config, &f), 0);
	assert_int_equal(mn_hs_server(f, &h, &ops, server, &server->hs), 0);
	result = mn_hs_input(server->hs, second.bytes, second.len, true);
	mn_hs_free(server->hs);
	mn_hs_factory_free(f);
	return result;
}

static void make_message_after_hello(const struct example *e, struct blob *out)
{
	struct side server = { .identity = WORLD_KPSAXM_ID };

	assert_int_equal(answer_hello(offered, &server), 0);
	find_message(&server.sent, (uint8_t)e->number, out);
}

static void make_alert(const struct example *e, struct blob *out)
{
	/* AES-256 with GCM, CBC, CCM */
	static const uint8_t others[] = { 0x00, 0xa9, 0x00, 0xaf, 0xc0, 0xa5 };
	struct side server = { .identity = WORLD_KPSAXM_ID };

	(void)e;
	assert_int_equal(answer_hello(others, &server), -EPROTO);
	*out = server.sent;
}

static void make_change_cipher_spec(const struct example *e, struct blob *out)
{
	struct side client, server;
	struct mn_record r;
	size_t at = 0;

	(void)e;
	handshake(WORLD_GATEWAY, WORLD_KPSAXM_ID, world_kpsaxm(), &client, &server);
	while (mn_record_next(client.sent.bytes, client.sent.len, &at, &r) > 0)
		if (r.type == MNCSE_CHANGE_CIPHER_SPEC)
			blob_put(out, r.header, MNCSE_RECORD_HEADER + r.len);
}

/* ---- records ---- */

static const enum mn_suite suites[] = {
	[SUITE_GCM] = MN_SUITE_PSK_AES_128_GCM,
	[SUITE_CCM_8] = MN_SUITE_PSK_AES_128_CCM_8,
	[SUITE_CBC] = MN_SUITE_PSK_AES_128_CBC,
};

static struct blob write_key(void)
{
	return world_run(0x90, 16);
}

static struct blob write_iv(void)
{
	return world_run(0xf0, 4);
}

static struct blob write_mac_key(void)
{
	return world_run(0xa0, 32);
}

static void make_write_key(const struct example *e, struct blob *out)
{
	*out = e->number == 0 ? write_key() : e->number == 1 ? write_iv() : write_mac_key();
}

/* What the library would make but for the IV, which is the page's. RFC 7366: the MAC is over what is encrypted. */
static void seal_cbc(const struct blob *plain, struct blob *out)
{
	struct blob iv = world_run(0x10, 16), key = write_key(), mac_key = write_mac_key();
	uint8_t head[13] = { 0, 1, 0, 0, 0, 0, 0, 1, MNCSE_APPLICATION, 0xfe, 0xfd };
	uint8_t mac[MN_SHA256_LEN];
	size_t padding = 16 - plain->len % 16;
	struct blob text = *plain;
	struct mn_bytes parts[2] = { { head, sizeof(head) } };

	for (size_t i = 0; i < padding; i++)
		blob_put_byte(&text, (unsigned int)padding - 1);
	blob_put(out, "\x17\xfe\xfd\0\1\0\0\0\0\0\1\0\0", MNCSE_RECORD_HEADER);
	blob_put(out, iv.bytes, iv.len);
	assert_int_equal(mn_cbc_encrypt(key.bytes, iv.bytes, text.bytes, text.len, text.bytes), 0);
	blob_put(out, text.bytes, text.len);
	mn_put16(head + 11, (uint16_t)(iv.len + text.len));
	parts[1] = (struct mn_bytes){ out->bytes + MNCSE_RECORD_HEADER, iv.len + text.len };
	assert_int_equal(mn_hmac_sha256(mac_key.bytes, mac_key.len, parts, 2, mac), 0);
	blob_put(out, mac, sizeof(mac));
	mn_put16(out->bytes + 11, (uint16_t)(out->len - MNCSE_RECORD_HEADER));
}

/* The ping as the first record after the device's Finished, which was number 0 of epoch 1. */
static void make_record(const struct example *e, struct blob *out)
{
	struct mn_record_mac mac;
	struct mn_record_state s = { .suite = suites[e->number], .write_sequence = 1, .mac = &mac };
	struct blob plain = { 0 }, key = write_key(), iv = write_iv(), mac_key = write_mac_key();
	struct blob copy;
	struct mn_record r;
	uint8_t *data;
	size_t at = 0;
	int len;

	plain.len = mn_coap_empty(plain.bytes, MN_COAP_CON, ID_PING);
	memcpy(s.write.key, key.bytes, key.len);
	memcpy(s.write.iv, iv.bytes, iv.len);
	s.read = s.write;
	memcpy(mac.read, mac_key.bytes, mac_key.len);
	if (e->number == SUITE_CBC) {
		seal_cbc(&plain, out);
	} else {
		len = mn_record_seal(&s, MNCSE_APPLICATION, plain.bytes, plain.len, out->bytes,
				     sizeof(out->bytes));
		assert_true(len > 0);
		out->len = (size_t)len;
	}
	copy = *out;
	assert_int_equal(mn_record_next(copy.bytes, copy.len, &at, &r), 1);
	assert_int_equal(mn_record_open(&s, &r, &data), plain.len);
	assert_memory_equal(data, plain.bytes, plain.len);
}

const struct example dtls_examples[] = {
	{ .name = "client-hello", .make = make_client_hello, .number = COOKIE_NONE },
	{ .name = "hello-verify-request", .make = make_hello_verify },
	{ .name = "alert-no-suite", .make = make_alert },
	{ .name = "client-hello-cookie", .make = make_client_hello, .number = COOKIE_GIVEN },
	{ .name = "server-key-exchange",
	  .make = make_message_after_hello,
	  .number = SERVER_KEY_EXCHANGE },
	{ .name = "server-hello-done",
	  .make = make_message_after_hello,
	  .number = SERVER_HELLO_DONE },
	{ .name = "client-key-exchange",
	  .make = make_message,
	  .text = "inner",
	  .number = MNCSE_CLIENT_KEY_EXCHANGE },
	{ .name = "change-cipher-spec", .make = make_change_cipher_spec },
	{ .name = "server-key-exchange-outer",
	  .make = make_message,
	  .text = "outer",
	  .number = SERVER_KEY_EXCHANGE },
	{ .name = "client-key-exchange-outer",
	  .make = make_message,
	  .text = "outer",
	  .number = MNCSE_CLIENT_KEY_EXCHANGE },
	{ .name = "client-write-key", .make = make_write_key, .number = 0 },
	{ .name = "client-write-iv", .make = make_write_key, .number = 1 },
	{ .name = "client-write-mac-key", .make = make_write_key, .number = 2 },
	{ .name = "record-gcm", .make = make_record, .number = SUITE_GCM },
	{ .name = "record-ccm-8", .make = make_record, .number = SUITE_CCM_8 },
	{ .name = "record-cbc", .make = make_record, .number = SUITE_CBC },
};
const size_t dtls_examples_n = sizeof(dtls_examples) / sizeof(dtls_examples[0]);
