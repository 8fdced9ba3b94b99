// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/netns/hostile/wire.c tests/netns/hostile/psk.c */
/*
 * A peer that has the keys and offers a Rand in every wrong way:
 *
 *	hostile_rand in LISTEN IN-ID KPSAMI-HEX
 *		as the IN of the gateway that connects
 *	hostile_rand gateway LISTEN GATEWAY-ID KPSAXM-HEX IN KPSAMI-ID-HEX KPSAMI-HEX
 *		as the gateway of the device that connects. First the device gets the Rand of the real IN, and its request and the
 *		answer are carried, so that it has a confirmed generation.
 *
 * "ready" when it listens, then a line "NAME|ANSWER|EXPECTED" for each, the answer a code, RST, or none.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/coap.h"
#include "core/crypto.h"
#include "core/rand_message.h"
#include "hostile/psk.h"

enum { ANSWER_MS = 60000, SILENCE_MS = 200, NO_FORMAT = -1, LONG_FORMAT = -2 };

static struct psk peer, in;
static struct mn_rand_message rand_message; /* what the peer holds */
static uint16_t next_id = 0x7000;
static unsigned int tried;

/* ---- a message from a table ---- */

/* In a payload: hex in lower case, and G L H generation, the one below, the one above; R S Rand, another; T the group g1. */
struct variant {
	const char *name, *expected, *payload;
	int format; /* NO_FORMAT, LONG_FORMAT or a number */
	const char *path;
	uint16_t option;        /* one more, empty; 0 = none */
	uint8_t code;           /* 0 = POST */
	enum mn_coap_type type; /* CON */
};

static void put_payload(struct wire *w, const char *p)
{
	for (; *p; p++) {
		char two[3] = { p[0], p[1], 0 };
		uint8_t other[MN_RAND_LEN], byte;
		uint32_t generation = rand_message.generation;

		memcpy(other, rand_message.rand, sizeof(other));
		other[31] ^= 1;
		switch (*p) {
		case 'G':
		case 'L':
		case 'H':
			put_number(w, 0x1a, 1);
			put_number(w, generation + (*p == 'H') - (*p == 'L'), 4);
			break;
		case 'R':
		case 'S':
			put_number(w, 0x5820, 2);
			put_bytes(w, *p == 'R' ? rand_message.rand : other, MN_RAND_LEN);
			break;
		case 'T':
			put_number(w, 0x626731, 3);
			break;
		case ' ':
			break;
		default:
			from_hex(two, &byte, 1);
			put_bytes(w, &byte, 1);
			p++;
		}
	}
}

static int write_message(const struct variant *v, const struct wire *payload, uint8_t *buf,
			 size_t max)
{
	struct mn_coap_token token = { 2, { (uint8_t)(next_id >> 8), (uint8_t)next_id } };
	struct mn_coap_writer w;

	mn_coap_begin(&w, buf, max, v->type, v->code ? v->code : MN_COAP_POST, next_id, &token);
	if (v->option && v->option < MN_COAP_OPT_URI_PATH)
		mn_coap_put(&w, v->option, NULL, 0);
	if (*v->path)
		mn_coap_put_path(&w, v->path);
	if (v->format == LONG_FORMAT)
		mn_coap_put(&w, MN_COAP_OPT_CONTENT_FORMAT, "\0\0\74", 3);
	else if (v->format != NO_FORMAT)
		mn_coap_put_uint(&w, MN_COAP_OPT_CONTENT_FORMAT, (uint32_t)v->format);
	if (v->option > MN_COAP_OPT_URI_PATH)
		mn_coap_put(&w, v->option, NULL, 0);
	mn_coap_put_payload(&w, payload->data, payload->len);
	return mn_coap_finish(&w);
}

/* What the peer answers to the last message: a code, RST, or none. */
static const char *answer(int ms, char out[8])
{
	uint8_t buf[2048];
	struct mn_coap m;
	int n;

	while ((n = psk_recv(&peer, buf, sizeof(buf), ms)) >= 0) {
		if (mn_coap_read(buf, (size_t)n, &m, NULL))
			continue;
		if (m.type == MN_COAP_RST && m.id == next_id)
			return "RST";
		if (mn_coap_is_response(&m) && m.token.len == 2 &&
		    mn_get16(m.token.bytes) == next_id)
			return mn_coap_code_name(m.code, out);
	}
	return "none";
}

static void try_payload(const struct variant *v, const struct wire *payload)
{
	uint8_t buf[2048];
	char code[8];
	int n;

	next_id++;
	n = write_message(v, payload, buf, sizeof(buf));
	if (n < 0)
		die(v->name);
	psk_send(&peer, buf, (size_t)n);
	printf("%s|%s|%s\n", v->name,
	       answer(strcmp(v->expected, "none") ? ANSWER_MS : SILENCE_MS, code), v->expected);
	tried++;
}

static void try_variant(const struct variant *v)
{
	struct wire payload = { 0 };

	put_payload(&payload, v->payload);
	try_payload(v, &payload);
}

/* clang-format off */
#define BAD(name, payload) { name, "4.00", payload, 60, "gsa", 0, 0, MN_COAP_CON }
#define GOOD(name, payload) { name, "2.04", payload, 60, "gsa", 0, 0, MN_COAP_CON }
#define REFUSED(name, code, payload) { name, code, payload, 60, "gsa", 0, 0, MN_COAP_CON }
/* clang-format on */

/* Both hops: wrong in the same way. X stands for what follows the two elements, and n is their number. */
#define COMMON(n, X)                                                                                      \
	GOOD("the Rand that is held", n "G R" X),                                                         \
		REFUSED("another Rand of the same generation", "4.09", n "G S" X),                        \
		REFUSED("a lower generation", "4.09", n "L R" X),                                         \
		REFUSED("generation 0", "4.09", n "00 R" X), BAD("no payload", ""),                       \
		BAD("a Rand of 31 bytes",                                                                 \
		    n "H 581f 00112233445566778899aabbccddeeff00112233445566778899aabbccddee" X),         \
		BAD("a Rand of 33 bytes", n                                                               \
		    "H 5821 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00" X),       \
		BAD("a Rand of 16 bytes", n "H 50 00112233445566778899aabbccddeeff" X),                   \
		BAD("a Rand of no bytes", n "H 40" X),                                                    \
		BAD("a Rand that says more than there is", n "H 58ff 00" X),                              \
		BAD("a Rand that is text", n                                                              \
		    "H 7820 6161616161616161616161616161616161616161616161616161616161616161" X),         \
		BAD("a Rand that is a number", n "H 01" X),                                               \
		BAD("a Rand in two parts", n                                                              \
		    "H 5f 50 00112233445566778899aabbccddeeff 50 00112233445566778899aabbccddeeff ff" X), \
		BAD("a Rand whose length is not in shortest form", n                                      \
		    "H 590020 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" X),       \
		BAD("a generation that is not in shortest form", n "1a00000001 R" X),                     \
		BAD("a generation of 64 bits", n "1b0000000100000000 R" X),                               \
		BAD("a generation of 64 bits that would fit 32", n "1b00000000ffffffff R" X),             \
		BAD("a negative generation", n "3a00000001 R" X),                                         \
		BAD("a generation that is a float", n "fa4f000000 R" X),                                  \
		BAD("a generation that is text", n "6131 R" X),                                           \
		BAD("a generation that is null", n "f6 R" X),                                             \
		BAD("a tagged generation", n "c1 H R" X),                                                 \
		BAD("a tag before all", "d9d9f7" n "H R" X),                                              \
		BAD("a byte after the end", n "H R" X "00"),                                              \
		BAD("the same twice", n "H R" X n "H R" X),                                               \
		BAD("the elements in another order", n "R H" X),                                          \
		BAD("an array of unknown length", "9f H R" X "ff"), BAD("a map", "a1 H R" X),             \
		BAD("no array", "H R" X), BAD("an empty array", "80"),                                    \
		BAD("an array in the array", "81" n "H R" X),                                             \
		BAD("an array of 2^64 - 1", "9bffffffffffffffff H R" X),                                  \
		{ "no Content-Format", "4.15", n "H R" X, NO_FORMAT, "gsa", 0, 0, MN_COAP_CON },          \
		{ "JSON", "4.15", n "H R" X, 50, "gsa", 0, 0, MN_COAP_CON },                              \
		{ "text", "4.15", n "H R" X, 0, "gsa", 0, 0, MN_COAP_CON },                               \
		{ "a Content-Format of 3 bytes",                                                          \
		  "4.15",                                                                                 \
		  n "H R" X,                                                                              \
		  LONG_FORMAT,                                                                            \
		  "gsa",                                                                                  \
		  0,                                                                                      \
		  0,                                                                                      \
		  MN_COAP_CON },                                                                          \
		{ "GET", "4.05", "", NO_FORMAT, "gsa", 0, MN_COAP_GET, MN_COAP_CON },                     \
		{ "PUT", "4.05", n "H R" X, 60, "gsa", 0, MN_COAP_PUT, MN_COAP_CON },                     \
		{ "DELETE", "4.05", "", NO_FORMAT, "gsa", 0, MN_COAP_DELETE, MN_COAP_CON },               \
		{ "FETCH", "4.05", n "H R" X, 60, "gsa", 0, MN_COAP_FETCH, MN_COAP_CON },                 \
		{ "method 31", "4.05", n "H R" X, 60, "gsa", 0, 31, MN_COAP_CON },                        \
		{ "another path", "4.04", n "H R" X, 60, "gsb", 0, 0, MN_COAP_CON },                      \
		{ "a longer path", "4.04", n "H R" X, 60, "gsa/x", 0, 0, MN_COAP_CON },                   \
		{ "no path", "4.04", n "H R" X, 60, "", 0, 0, MN_COAP_CON },                              \
		{ "If-None-Match", "4.02", n "H R" X, 60, "gsa", 5, 0, MN_COAP_CON },                     \
		{ "Uri-Query", "4.02", n "H R" X, 60, "gsa", 15, 0, MN_COAP_CON },                        \
		{ "Block1", "4.02", n "H R" X, 60, "gsa", 27, 0, MN_COAP_CON },                           \
		{ "Proxy-Uri", "4.02", n "H R" X, 60, "gsa", 35, 0, MN_COAP_CON },                        \
		{ "an unknown critical option", "4.02", n "H R" X, 60, "gsa", 65001, 0, MN_COAP_CON },    \
		{ "an unknown elective option", "2.04", n "G R" X, 60, "gsa", 65000, 0, MN_COAP_CON },    \
		{ "NON", "2.04", n "G R" X, 60, "gsa", 0, 0, MN_COAP_NON },                               \
		{ "NON and malformed", "4.00", n "G" X, 60, "gsa", 0, 0, MN_COAP_NON },                   \
		{ "a request in an ACK", "none", n "H R" X, 60, "gsa", 0, 0, MN_COAP_ACK },               \
		{ "a request in a RST", "none", n "H R" X, 60, "gsa", 0, 0, MN_COAP_RST },                \
		{ "a code of class 1", "RST", n "H R" X, 60, "gsa", 0, 0x21, MN_COAP_CON },               \
	{                                                                                                 \
		"a code of class 7", "RST", n "H R" X, 60, "gsa", 0, 0xe1, MN_COAP_CON                    \
	}

static const struct variant outer[] = {
	COMMON("83", "T"),
	BAD("an array whose length is not in shortest form", "9803 H R T"),
	REFUSED("an unknown group", "4.04", "83 H R 626732"),
	REFUSED("a group that would draw on a terminal", "4.04", "83 H R 65 67 e280ae 31"),
	REFUSED("the group in other capitals", "4.04", "83 H R 624731"),
	BAD("no group", "82 H R"),
	BAD("an empty group", "83 H R 60"),
	BAD("a group that is bytes", "83 H R 426731"),
	BAD("a group with NUL", "83 H R 63673100"),
	BAD("a group with a control character", "83 H R 6367311b"),
	BAD("a group that is no UTF-8", "83 H R 6267ff"),
	BAD("a group of 65 bytes",
	    "83 H R 7841 6767676767676767676767676767676767676767676767676767676767676767"
	    "67676767676767676767676767676767676767676767676767676767676767676767"),
	BAD("a group whose length is not in shortest form", "83 H R 78026731"),
	BAD("a fourth element", "84 H R T 00"),
	GOOD("a higher generation", "83 H R T"),
};

static const struct variant inner[] = {
	COMMON("82", ""),
	BAD("an array whose length is not in shortest form", "9802 H R"),
	BAD("a group on the inner hop", "83 H R T"),
	GOOD("a higher generation, which nobody confirms", "82 H S"),
	REFUSED("still another Rand of the confirmed one", "4.09", "82 G S"),
	REFUSED("still a lower one", "4.09", "82 L R"),
	GOOD("the confirmed one again", "82 G R"),
};

/* Every beginning of the right payload. */
static void truncate_payload(const char *right)
{
	struct wire whole = { 0 }, cut = { 0 };

	put_payload(&whole, right);
	for (size_t len = 1; len < whole.len; len++) {
		char name[64];
		struct variant v = BAD(name, NULL);

		snprintf(name, sizeof(name), "its first %zu bytes", len);
		cut.len = len;
		memcpy(cut.data, whole.data, len);
		try_payload(&v, &cut);
	}
}

static void try_all(const struct variant *list, size_t n, const char *right)
{
	truncate_payload(right);
	for (size_t i = 0; i < n; i++)
		try_variant(&list[i]);
	printf("%u tried\n", tried);
}

/* ---- the roles ---- */

static void listening(const char *address)
{
	psk_init(&peer, wire_socket(address, NULL), true);
	puts("ready");
	fflush(stdout);
}

static void as_in(char **argv)
{
	static const struct variant first = GOOD("the right one", "83 G R T");
	uint8_t key[MN_KEY_MAX];
	size_t len = from_hex(argv[2], key, sizeof(key));

	/* above what the real IN has drawn */
	rand_message.generation = 0x80000000;
	mn_random(rand_message.rand, sizeof(rand_message.rand));
	listening(argv[0]);
	if (!psk_accept(&peer, argv[1], key, len, PSK_PATIENCE_MS))
		die("no gateway");
	try_variant(&first);
	try_all(outer, sizeof(outer) / sizeof(outer[0]), "83 H R T");
}

/* Waits for a message of that type, or of that class of code when it is above 0. */
static int next(struct psk *p, uint8_t *buf, size_t max, struct mn_coap *m, bool request)
{
	int n;

	while ((n = psk_recv(p, buf, max, PSK_PATIENCE_MS)) >= 0)
		if (!mn_coap_read(buf, (size_t)n, m, NULL) &&
		    (request ? mn_coap_is_request(m) : mn_coap_is_response(m)))
			return n;
	die("nothing comes");
}

static void respond(struct psk *p, const struct mn_coap *to, enum mn_coap_type type, uint8_t code,
		    const struct mn_coap *from)
{
	struct mn_coap_option oscore;
	struct mn_coap_writer w;
	uint8_t buf[2048];
	int len;

	mn_coap_begin(&w, buf, sizeof(buf), type, code, to->id, &to->token);
	if (from && mn_coap_option_find(from, MN_COAP_OPT_OSCORE, &oscore))
		mn_coap_put(&w, MN_COAP_OPT_OSCORE, oscore.value, oscore.len);
	if (from)
		mn_coap_put_payload(&w, from->payload, from->payload_len);
	len = mn_coap_finish(&w);
	if (len < 0)
		die("does not fit");
	psk_send(p, buf, (size_t)len);
}

/* Carries one service request of the device to the IN and the answer back. */
static void carry(void)
{
	uint8_t request_buf[2048], answer_buf[2048];
	struct mn_coap request, response;

	next(&peer, request_buf, sizeof(request_buf), &request, true);
	respond(&in, &request, MN_COAP_NON, MN_COAP_POST, &request);
	next(&in, answer_buf, sizeof(answer_buf), &response, false);
	respond(&peer, &request, MN_COAP_ACK, response.code, &response);
}

static void as_gateway(char **argv)
{
	static const struct variant first = GOOD("the right one", "82 G R");
	uint8_t key[MN_KEY_MAX], in_key[MN_KEY_MAX], identity[MN_KPSA_ID_MAX], buf[2048];
	size_t len = from_hex(argv[2], key, sizeof(key));
	size_t in_len = from_hex(argv[5], in_key, sizeof(in_key));
	struct mn_coap m;

	psk_init(&in, wire_socket(NULL, argv[3]), false);
	psk_connect(&in, identity, from_hex(argv[4], identity, sizeof(identity)), in_key, in_len);
	next(&in, buf, sizeof(buf), &m, true);
	if (mn_rand_message_decode(m.payload, m.payload_len, MN_HOP_OUTER, &rand_message))
		die("the IN's Rand");
	respond(&in, &m, MN_COAP_ACK, MN_COAP_204, NULL);
	listening(argv[0]);
	if (!psk_accept(&peer, argv[1], key, len, PSK_PATIENCE_MS))
		die("no device");
	try_variant(&first);
	carry();
	try_all(inner, sizeof(inner) / sizeof(inner[0]), "82 H R");
	psk_close(&peer);
}

int main(int argc, char **argv)
{
	if (mn_crypto_init())
		die("cryptography");
	if (argc == 5 && !strcmp(argv[1], "in"))
		as_in(argv + 2);
	else if (argc == 8 && !strcmp(argv[1], "gateway"))
		as_gateway(argv + 2);
	else
		die("see its source for the arguments");
	return 0;
}
