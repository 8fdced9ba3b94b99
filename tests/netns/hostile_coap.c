// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/netns/hostile/wire.c tests/netns/hostile/psk.c */
/*
 * CoAP of every wrong form over a session that is in order:
 *
 *	hostile_coap device GATEWAY KPSAXM-ID-HEX KPSAXM-HEX KID-HEX	as a device of the gateway
 *	hostile_coap gateway IN KPSAMI-ID-HEX KPSAMI-HEX KID-HEX	as a gateway of the IN; the kid is of a device that it serves
 *
 * A line "NAME|ANSWER|EXPECTED" for each, the answer a code, RST, or none.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/coap.h"
#include "core/crypto.h"
#include "core/oscore.h"
#include "hostile/psk.h"

enum { ANSWER_MS = 60000, SILENCE_MS = 1000, RECORD_MAX = 16384, NOISE = 3000 };

static struct psk peer;
static uint16_t id = 0x4000;
static uint8_t kid[MN_KID_LEN];
static unsigned int token_len = 2; /* of the message id; its first two bytes are id */
static bool as_device;
static unsigned int tried;

/* ---- what comes back ---- */

static void acknowledge(const struct mn_coap *m)
{
	struct mn_coap_writer w;
	uint8_t buf[32];

	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_ACK, MN_COAP_204, m->id, &m->token);
	psk_send(&peer, buf, (size_t)mn_coap_finish(&w));
}

static bool is_token(const struct mn_coap *m)
{
	const uint8_t expected[2] = { (uint8_t)(id >> 8), (uint8_t)id };

	return m->token.len == token_len &&
	       !memcmp(m->token.bytes, expected, token_len < 2 ? token_len : 2);
}

/* The answer to message id. An empty ACK promises one. until: the RST to this ping
 * ends the waiting, 0 = none. */
static const char *answer(uint16_t until, int ms, char out[8])
{
	static uint8_t buf[RECORD_MAX + 64];
	struct mn_coap m;
	int n;

	while ((n = psk_recv(&peer, buf, sizeof(buf), ms)) >= 0) {
		if (mn_coap_read(buf, (size_t)n, &m, NULL))
			return "malformed";
		if (m.type == MN_COAP_RST && m.id == id)
			return "RST";
		if (m.type == MN_COAP_RST && m.id == until)
			return "none";
		if (m.type == MN_COAP_CON && mn_coap_is_request(&m))
			acknowledge(&m);
		if (!mn_coap_is_response(&m))
			continue;
		if (m.type == MN_COAP_ACK ? m.id == id : is_token(&m))
			return mn_coap_code_name(m.code, out);
	}
	return peer.open ? "silence" : "closed";
}

/* What is not answered is told by a ping behind it, whose RST comes in order. */
static void expect(const char *name, const char *expected)
{
	uint16_t ping = 0;
	char code[8];

	if (!strcmp(expected, "none")) {
		uint8_t buf[16];

		ping = (uint16_t)(id | 0x8000);
		psk_send(&peer, buf, mn_coap_empty(buf, MN_COAP_CON, ping));
	}
	printf("%s|%s|%s\n", name,
	       answer(ping, strcmp(expected, "silence") ? ANSWER_MS : SILENCE_MS, code), expected);
	tried++;
}

/* ---- raw messages ---- */

/* Hex; II is the next message ID. */
static void raw(const char *name, const char *hex, const char *expected)
{
	struct wire w = { 0 };

	id++;
	for (; *hex; hex += 2) {
		char two[3] = { hex[0], hex[1], 0 };
		uint8_t byte;

		if (*hex == ' ') {
			hex--;
			continue;
		}
		if (*hex == 'I') {
			put_number(&w, id, 2);
			continue;
		}
		from_hex(two, &byte, 1);
		put_bytes(&w, &byte, 1);
	}
	psk_send(&peer, w.data, w.len);
	expect(name, expected);
}

static void malformed(void)
{
	raw("a ping", "40 00 II", "RST");
	raw("one byte", "40", "none");
	raw("two bytes", "40 01", "none");
	raw("three bytes", "40 01 00", "none");
	raw("version 0", "00 01 II b3 677361", "none");
	raw("version 2", "80 01 II b3 677361", "none");
	raw("version 3", "c0 01 II b3 677361", "none");
	raw("a token that is not there", "44 01 II 0102", "RST");
	raw("a ping with a token", "41 00 II 01", "RST");
	raw("a ping with an option", "40 00 II b0", "RST");
	raw("a ping with a payload", "40 00 II ff 01", "RST");
	raw("a ping with a byte", "40 00 II 00", "RST");
	raw("an empty NON", "50 00 II", "none");
	raw("an empty ACK", "60 00 II", "none");
	raw("an empty RST", "70 00 II", "none");
	raw("a request in an ACK", "60 01 II b3 677361", "none");
	raw("a request in a RST", "70 01 II b3 677361", "none");
	raw("a response that nobody waits for, CON", "40 45 II", "RST");
	raw("a response that nobody waits for, NON", "50 45 II", "none");
	raw("a response that nobody waits for, ACK", "60 45 II", "none");
	raw("class 1", "40 21 II", "RST");
	raw("class 6", "40 c1 II", "RST");
	raw("class 7", "40 e1 II", "RST");
	raw("class 7, NON", "50 e1 II", "none");
	raw("an option delta of 15", "40 01 II f0", "RST");
	raw("an option length of 15", "40 01 II bf", "RST");
	raw("an option longer than the message", "40 01 II b4 677361", "RST");
	raw("a delta without its byte", "40 01 II d0", "RST");
	raw("a delta without its second byte", "40 01 II e000", "RST");
	raw("a length without its byte", "40 01 II bd", "RST");
	raw("a length without its second byte", "40 01 II be00", "RST");
	raw("a length of 65,804", "40 01 II beffff", "RST");
	raw("option numbers above 65,535", "40 01 II e0fef2 e0fef2", "RST");
	raw("a marker without payload", "40 01 II b3 677361 ff", "RST");
	raw("a marker alone", "40 01 II ff", "RST");
	raw("malformed, NON", "50 01 II bf", "none");
}

/* Token lengths; what follows is GET /gsa. */
static void tokens(const char *expected)
{
	for (unsigned int len = 0; len < 16; len++) {
		struct wire w = { 0 };
		char name[64];

		id++;
		put_number(&w, 0x40 | len, 1);
		put_number(&w, MN_COAP_GET, 1);
		put_number(&w, id, 2);
		for (unsigned int i = 0; i < len; i++)
			put_number(&w, i < 2 ? (uint8_t)(id >> (8 - 8 * i)) : i, 1);
		put_number(&w, 0xb3677361, 4);
		psk_send(&peer, w.data, w.len);
		token_len = len;
		snprintf(name, sizeof(name), "a token of %u bytes", len);
		expect(name, len > 8 ? "RST" : expected);
	}
	token_len = 2;
}

/* ---- messages that can be read ---- */

struct message {
	const char *name, *expected;
	const char *path; /* NULL = none */
	uint8_t code;
	bool oscore;     /* option with the device's kid; the path comes after it */
	uint16_t number; /* of one more option, 0 = none */
	const char *value;
	size_t payload;
	enum mn_coap_type type;
};

static void put_extra(struct mn_coap_writer *w, const struct message *m, uint32_t from, uint32_t to)
{
	uint8_t value[300];

	if (m->number >= from && m->number < to && m->number)
		mn_coap_put(w, m->number, value, from_hex(m->value, value, sizeof(value)));
}

static int write_message(const struct message *m, uint8_t *buf, size_t max)
{
	static const uint8_t context[MN_OSCORE_KID_CONTEXT_LEN], piv[1];
	const struct mn_coap_token token = { 2, { (uint8_t)(id >> 8), (uint8_t)id } };
	static uint8_t payload[RECORD_MAX];
	struct mn_coap_writer w;
	uint8_t option[64];
	int len;

	mn_coap_begin(&w, buf, max, m->type, m->code, id, &token);
	put_extra(&w, m, 0, m->oscore ? MN_COAP_OPT_OSCORE + 1 : MN_COAP_OPT_URI_PATH);
	if (m->oscore) {
		len = mn_oscore_option_write(piv, sizeof(piv), kid, sizeof(kid), true, context,
					     sizeof(context), option, sizeof(option));
		mn_coap_put(&w, MN_COAP_OPT_OSCORE, option, (size_t)len);
		put_extra(&w, m, MN_COAP_OPT_OSCORE + 1, MN_COAP_OPT_URI_PATH);
	}
	if (m->path)
		mn_coap_put_path(&w, m->path);
	put_extra(&w, m, MN_COAP_OPT_URI_PATH, UINT16_MAX + 1u);
	mn_coap_put_payload(&w, payload, m->payload);
	return mn_coap_finish(&w);
}

static void try_message(const struct message *m)
{
	static uint8_t buf[RECORD_MAX];
	int len;

	id++;
	len = write_message(m, buf, sizeof(buf));
	if (len < 0)
		die(m->name);
	psk_send(&peer, buf, (size_t)len);
	expect(m->name, m->expected);
}

/* clang-format off */
#define GSA(name, expected, number, value) { name, expected, "gsa", MN_COAP_GET, false, number, value, 0, MN_COAP_CON }
#define METHOD(name, expected, path, code) { name, expected, path, code, false, 0, "", 0, MN_COAP_CON }
#define OSCORE(name, expected, number, value, payload) { name, expected, NULL, MN_COAP_POST, true, number, value, payload, MN_COAP_CON }
/* clang-format on */

/* What gateway and IN answer alike. */
static const struct message both[] = {
	METHOD("no path", "4.04", NULL, MN_COAP_GET),
	METHOD("a path of nothing", "4.04", "", MN_COAP_GET),
	METHOD("another path", "4.04", "in-cse/cnt", MN_COAP_POST),
	METHOD("a longer path", "4.04", "gsa/gsa", MN_COAP_GET),
	METHOD("discovery", "4.04", ".well-known/core", MN_COAP_GET),
	{ "another path, with an unknown critical option", "4.04", "x", MN_COAP_GET, false, 65001,
	  "", 0, MN_COAP_CON },
	{ "another path, NON", "4.04", "x", MN_COAP_GET, false, 0, "", 0, MN_COAP_NON },
	{ "another path and 16,000 bytes", "4.04", "x", MN_COAP_POST, false, 0, "", 16000,
	  MN_COAP_CON },
	{ "GET under OSCORE", "4.05", NULL, MN_COAP_GET, true, 0, "", 20, MN_COAP_CON },
	{ "FETCH under OSCORE", "4.05", NULL, MN_COAP_FETCH, true, 0, "", 20, MN_COAP_CON },
	{ "method 31 under OSCORE", "4.05", NULL, 31, true, 0, "", 20, MN_COAP_CON },
	OSCORE("OSCORE and If-None-Match", "4.02", MN_COAP_OPT_IF_NONE_MATCH, "", 20),
	OSCORE("OSCORE and Uri-Query", "4.02", MN_COAP_OPT_URI_QUERY, "61", 20),
	OSCORE("OSCORE and Proxy-Uri", "4.02", MN_COAP_OPT_PROXY_URI, "61", 20),
	OSCORE("OSCORE and Block1", "4.02", MN_COAP_OPT_BLOCK1, "0e", 20),
	OSCORE("OSCORE and Block2", "4.02", MN_COAP_OPT_BLOCK2, "06", 20),
	OSCORE("OSCORE and Accept", "4.02", MN_COAP_OPT_ACCEPT, "32", 20),
	OSCORE("OSCORE and an unknown critical option", "4.02", 65001, "", 20),
	OSCORE("OSCORE twice", "4.02", MN_COAP_OPT_OSCORE, "", 20),
	OSCORE("OSCORE and a Uri-Port of 3 bytes", "4.02", MN_COAP_OPT_URI_PORT, "010203", 20),
	OSCORE("a context that the IN does not know", "4.01", 0, "", 20),
	OSCORE("the same with Uri-Host", "4.01", MN_COAP_OPT_URI_HOST, "61", 20),
	OSCORE("the same with an unknown elective option", "4.01", 65000, "0102", 20),
	OSCORE("no payload", "4.02", 0, "", 0),
};

static const struct message of_gateway[] = {
	GSA("GET /gsa", "2.05", 0, ""),
	METHOD("POST /gsa", "4.05", "gsa", MN_COAP_POST),
	METHOD("PUT /gsa", "4.05", "gsa", MN_COAP_PUT),
	METHOD("DELETE /gsa", "4.05", "gsa", MN_COAP_DELETE),
	METHOD("FETCH /gsa", "4.05", "gsa", MN_COAP_FETCH),
	METHOD("PATCH /gsa", "4.05", "gsa", MN_COAP_PATCH),
	METHOD("method 31 /gsa", "4.05", "gsa", 31),
	{ "POST /gsa with 16,000 bytes", "4.05", "gsa", MN_COAP_POST, false, 0, "", 16000,
	  MN_COAP_CON },
	GSA("If-Match", "4.02", MN_COAP_OPT_IF_MATCH, ""),
	GSA("If-None-Match", "4.02", MN_COAP_OPT_IF_NONE_MATCH, ""),
	GSA("Uri-Query", "4.02", MN_COAP_OPT_URI_QUERY, "61"),
	GSA("Proxy-Uri", "4.02", MN_COAP_OPT_PROXY_URI, "61"),
	GSA("Proxy-Scheme", "4.02", MN_COAP_OPT_PROXY_SCHEME, "61"),
	GSA("Block1", "4.02", MN_COAP_OPT_BLOCK1, "0e"),
	GSA("an unknown critical option", "4.02", 65001, ""),
	GSA("the highest critical option", "4.02", 65535, ""),
	GSA("an unknown elective option", "2.05", 65000, "010203"),
	GSA("Uri-Host", "2.05", MN_COAP_OPT_URI_HOST, "61"),
	GSA("an empty Uri-Host", "4.02", MN_COAP_OPT_URI_HOST, ""),
	GSA("a Uri-Port of 3 bytes", "4.02", MN_COAP_OPT_URI_PORT, "010203"),
	GSA("Accept CBOR", "2.05", MN_COAP_OPT_ACCEPT, "3c"),
	GSA("Accept JSON", "4.06", MN_COAP_OPT_ACCEPT, "32"),
	GSA("an Accept of 3 bytes", "4.02", MN_COAP_OPT_ACCEPT, "00003c"),
	GSA("Block2, the first of 1,024 bytes", "2.05", MN_COAP_OPT_BLOCK2, "06"),
	GSA("Block2, the first of 64 bytes", "2.05", MN_COAP_OPT_BLOCK2, "02"),
	GSA("Block2, the first of 32 bytes", "4.02", MN_COAP_OPT_BLOCK2, "01"),
	GSA("Block2, the second", "4.02", MN_COAP_OPT_BLOCK2, "16"),
	GSA("Block2, the last there is", "4.02", MN_COAP_OPT_BLOCK2, "fffff6"),
	GSA("Block2 of size 7", "4.02", MN_COAP_OPT_BLOCK2, "07"),
	GSA("Block2 of 4 bytes", "4.02", MN_COAP_OPT_BLOCK2, "00000006"),
	GSA("Observe", "2.05", MN_COAP_OPT_OBSERVE, ""),
	GSA("Observe of 4 bytes", "2.05", MN_COAP_OPT_OBSERVE, "00000001"),
	GSA("Observe of a number without meaning", "2.05", MN_COAP_OPT_OBSERVE, "ffffff"),
	GSA("the end of it", "2.05", MN_COAP_OPT_OBSERVE, "01"),
	{ "GET /gsa, NON", "2.05", "gsa", MN_COAP_GET, false, 0, "", 0, MN_COAP_NON },
	{ "GET /gsa with a payload", "2.05", "gsa", MN_COAP_GET, false, 0, "", 16000, MN_COAP_CON },
	OSCORE("OSCORE and a path", "4.02", MN_COAP_OPT_URI_PATH, "61", 20),
	OSCORE("OSCORE of 1,300 bytes", "4.13", 0, "", 1300),
	OSCORE("OSCORE of 5,000 bytes", "4.13", 0, "", 5000),
	OSCORE("OSCORE of 16,300 bytes", "4.13", 0, "", 16300),
};

static const struct message of_in[] = {
	METHOD("GET /gsa", "4.04", "gsa", MN_COAP_GET),
	METHOD("POST /gsa", "4.04", "gsa", MN_COAP_POST),
	OSCORE("OSCORE of 5,000 bytes", "4.01", 0, "", 5000),
	OSCORE("OSCORE of 16,300 bytes", "4.01", 0, "", 16300),
};

/* Up to how many bytes of payload a request is carried; a byte more is 4.13. */
static void size_limit(void)
{
	struct message m = OSCORE("", "", 0, "", 0);
	static uint8_t buf[RECORD_MAX];
	char code[8];

	for (m.payload = 1080; m.payload < 1160; m.payload++) {
		int len;

		id++;
		len = write_message(&m, buf, sizeof(buf));
		psk_send(&peer, buf, (size_t)len);
		if (!strcmp(answer(0, ANSWER_MS, code), "4.13"))
			break;
	}
	printf("the first payload that is too large|%zu|%d\n", m.payload,
	       MN_COAP_MESSAGE_MAX - 4 - 6 - 2 - 22 - 1 + 1); /* header, token, option, marker */
	tried++;
}

/* ---- records ---- */

static void seal(const char *name, uint8_t type, const void *data, size_t len, const char *expected)
{
	struct wire w = { 0 };

	id++;
	psk_seal(&peer, type, data, len, &w);
	wire_send(peer.fd, w.data, w.len);
	expect(name, expected);
}

static void records(void)
{
	static const uint8_t hello_request[12], warning[2] = { 1, 90 }, three[3] = { 2, 40, 0 };
	static uint8_t large[RECORD_MAX + 1] = { 0x40, MN_COAP_GET, 0, 0, 0xff, 1 };
	struct wire w = { 0 };
	struct psk other;

	mn_put16(large + 2, (uint16_t)(id + 1));
	token_len = 0;
	seal("a record of 2^14 bytes", MNCSE_APPLICATION, large, RECORD_MAX, "4.04");
	token_len = 2;
	mn_put16(large + 2, (uint16_t)(id + 1));
	seal("a record of 2^14 + 1 bytes", MNCSE_APPLICATION, large, RECORD_MAX + 1, "none");
	seal("an empty record", MNCSE_APPLICATION, NULL, 0, "none");
	seal("a HelloRequest", MNCSE_HANDSHAKE, hello_request, sizeof(hello_request), "none");
	psk_init(&other, peer.fd, false);
	psk_hello(&other, &w);
	seal("a renegotiation", MNCSE_HANDSHAKE, w.data + MNCSE_RECORD_HEADER,
	     w.len - MNCSE_RECORD_HEADER, "none");
	seal("an empty handshake record", MNCSE_HANDSHAKE, NULL, 0, "none");
	seal("a warning", MNCSE_ALERT, warning, sizeof(warning), "none");
	seal("an alert of three bytes", MNCSE_ALERT, three, sizeof(three), "none");
	seal("an empty alert", MNCSE_ALERT, NULL, 0, "none");
	seal("a ChangeCipherSpec under the keys", MNCSE_CHANGE_CIPHER_SPEC, "\1", 1, "none");
}

/* Good messages with bytes changed at random, and nothing but random bytes. The same ones in each run. */
static void noise(void)
{
	const struct message seeds[] = { GSA("", "", MN_COAP_OPT_OBSERVE, ""),
					 GSA("", "", MN_COAP_OPT_BLOCK2, "06"),
					 OSCORE("", "", 0, "", 40) };
	static uint8_t buf[RECORD_MAX];
	uint64_t state = 1;

	for (unsigned int i = 0; i < NOISE; i++) {
		int len;

		id++;
		len = write_message(&seeds[i % 3], buf, sizeof(buf));
		for (unsigned int k = 0; k <= i % 4; k++) {
			state = state * 6364136223846793005u + 1442695040888963407u;
			buf[(state >> 33) % (unsigned int)len] = (uint8_t)(state >> 25);
		}
		if (i % 4 == 3)
			len = (int)((state >> 40) % (unsigned int)len) + 1;
		psk_send(&peer, buf, (size_t)len);
		if (i % 16 == 15) {
			uint8_t ping[16];
			char code[8];

			id++;
			psk_send(&peer, ping, mn_coap_empty(ping, MN_COAP_CON, id));
			if (strcmp(answer(0, ANSWER_MS, code), "RST"))
				break;
		}
	}
	raw("a ping after noise", "40 00 II", "RST");
}

static void try_all(const struct message *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		try_message(&list[i]);
}

int main(int argc, char **argv)
{
	uint8_t identity[MN_KPSA_ID_MAX], key[MN_KEY_MAX];
	size_t len;

	if (argc != 6) {
		fputs("usage: hostile_coap device|gateway SERVER ID-HEX KEY-HEX KID-HEX\n", stderr);
		return 2;
	}
	if (mn_crypto_init() || from_hex(argv[5], kid, sizeof(kid)) != sizeof(kid))
		die("kid");
	as_device = !strcmp(argv[1], "device");
	psk_init(&peer, wire_socket(NULL, argv[2]), false);
	len = from_hex(argv[3], identity, sizeof(identity));
	psk_connect(&peer, identity, len, key, from_hex(argv[4], key, sizeof(key)));
	malformed();
	tokens(as_device ? "2.05" : "4.04");
	try_all(both, sizeof(both) / sizeof(both[0]));
	if (as_device) {
		try_all(of_gateway, sizeof(of_gateway) / sizeof(of_gateway[0]));
		size_limit();
	} else {
		try_all(of_in, sizeof(of_in) / sizeof(of_in[0]));
	}
	records();
	noise();
	printf("%u tried\n", tried);
	seal("a fatal alert under the keys", MNCSE_ALERT, "\2\120", 2, "silence");
	return 0;
}
