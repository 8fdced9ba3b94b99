// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/netns/hostile/wire.c tests/netns/hostile/psk.c */
/*
 * An IN that answers service requests in every wrong way. It is in a namespace of its own, so it takes two of these:
 *
 *	hostile_answer in LISTEN IN-ID KPSAMI-HEX
 *	hostile_answer device GATEWAY KPSAXM-ID-HEX KPSAXM-HEX KID-HEX
 *
 * The device sends one request for each of the IN's ways, the number of the way as its payload, and prints "NAME|ANSWER|EXPECTED"; ANSWER
 * is a code and the number of bytes behind it. "none" is not waited for: an answer all the same shows as "another's" of the next request,
 * since answers keep their order.
 */
#include <stdlib.h>
#include <string.h>

#include "core/coap.h"
#include "core/crypto.h"
#include "core/oscore.h"
#include "core/rand_message.h"
#include "hostile/psk.h"

enum { LONG = 16000, FITS = 1900, NOISE_N = 1500 };

/* What the IN sends, in order, for one request. Right is 2.04 with an OSCORE option and 10 bytes. */
enum step {
	END,
	RIGHT,
	TWICE,       /* right, two times */
	CONFIRMABLE, /* right, as CON; then the ACK must come */
	WITH_ACK,    /* right, as the ACK of a message that is NON */
	NO_TOKEN,
	SHORT_TOKEN,
	LONGER_TOKEN,
	OTHER_SLOT,
	OTHER_SERIAL,
	NO_ANSWER, /* an empty ACK and a RST of the request's message ID */
	TOO_LONG,
	FIT, /* FITS bytes */
	CLASS_3,
	CLASS_7,  /* malformed */
	HALF,     /* ends within its option */
	REQUEST,  /* a request with the token */
	STRANGER, /* an error without protection, with options that are not carried */
	CRITICAL, /* an unknown critical option */
	MAX_AGE,  /* of 5 bytes, too long */
	NOISE,
	PING, /* which must be answered */
};

static const struct way {
	const char *name, *expected;
	enum step steps[3];
} ways[] = {
	{ "as it should be", "2.04 10", { RIGHT } },
	{ "the same answer twice", "2.04 10", { TWICE } },
	{ "a CON answer", "2.04 10", { CONFIRMABLE } },
	{ "an answer in an ACK", "none", { WITH_ACK } },
	{ "no token", "2.04 10", { NO_TOKEN, RIGHT } },
	{ "a token cut short", "2.04 10", { SHORT_TOKEN, RIGHT } },
	{ "a token with more", "2.04 10", { LONGER_TOKEN, RIGHT } },
	{ "a token of another slot", "2.04 10", { OTHER_SLOT, RIGHT } },
	{ "a token of another time", "2.04 10", { OTHER_SERIAL, RIGHT } },
	{ "an empty ACK and a RST", "2.04 10", { NO_ANSWER, RIGHT } },
	{ "an answer that no record holds behind the gateway", "2.04 10", { TOO_LONG, RIGHT } },
	{ "a long answer", "2.04 1900", { FIT } },
	{ "a code of class 3", "3.03 10", { CLASS_3 } },
	{ "a code of class 7", "2.04 10", { CLASS_7, RIGHT } },
	{ "a malformed answer", "2.04 10", { HALF, RIGHT } },
	{ "a request with that token", "2.04 10", { REQUEST, RIGHT } },
	{ "an error with options of all kinds", "4.01 10", { STRANGER } },
	{ "an unknown critical option", "2.04 10", { CRITICAL } },
	{ "a Max-Age of 5 bytes", "2.04 10", { MAX_AGE } },
	{ "noise", "2.04 10", { NOISE, RIGHT } },
	{ "a ping", "2.04 10", { PING, RIGHT } },
	{ "as it should be, at last", "2.04 10", { RIGHT } },
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static struct psk peer;
static uint16_t id = 0x3000;

/* ---- the IN ---- */

struct reply {
	enum mn_coap_type type;
	uint8_t code;
	struct mn_coap_token token;
	size_t payload, cut;
	enum step extra; /* STRANGER, CRITICAL or MAX_AGE */
};

static void send_reply(const struct reply *r)
{
	static uint8_t buf[17000], payload[LONG];
	struct mn_coap_writer w;
	int len;

	mn_coap_begin(&w, buf, sizeof(buf), r->type, r->code, ++id, &r->token);
	if (r->extra == STRANGER) {
		mn_coap_put(&w, MN_COAP_OPT_ETAG, "12345678", 8);
		mn_coap_put(&w, MN_COAP_OPT_OBSERVE, "1", 1);
	} else {
		mn_coap_put(&w, MN_COAP_OPT_OSCORE, NULL, 0);
	}
	if (r->extra == MAX_AGE)
		mn_coap_put(&w, MN_COAP_OPT_MAX_AGE, "12345", 5);
	if (r->extra == CRITICAL || r->extra == STRANGER)
		mn_coap_put(&w, 65001, "x", 1);
	mn_coap_put_payload(&w, payload, r->payload);
	len = mn_coap_finish(&w);
	if (len < 0)
		die("does not fit");
	psk_send(&peer, buf, r->cut ? r->cut : (size_t)len);
}

/* Waits for an empty message of that type and of our last message's ID. */
static void need(enum mn_coap_type type, const char *what)
{
	uint8_t buf[2048];
	struct mn_coap m;
	int n;

	while ((n = psk_recv(&peer, buf, sizeof(buf), PSK_PATIENCE_MS)) >= 0)
		if (!mn_coap_read(buf, (size_t)n, &m, NULL) && m.type == type && m.id == id &&
		    !m.code)
			return;
	printf("missing: %s\n", what);
}

static void empty(enum mn_coap_type type, uint16_t of)
{
	uint8_t buf[16];

	psk_send(&peer, buf, mn_coap_empty(buf, type, of));
}

/* More than a socket holds that nobody has given larger buffers. */
static void noise(void)
{
	uint8_t buf[64];

	for (size_t i = 0; i < NOISE_N; i++) {
		if (mn_random(buf, sizeof(buf)))
			die("random");
		buf[0] = (uint8_t)((buf[0] & 0x3f) | 0x40);
		psk_send(&peer, buf, i % sizeof(buf) + 1);
	}
}

static void do_step(enum step s, const struct mn_coap *request)
{
	struct reply r = { MN_COAP_NON, MN_COAP_204, request->token, 10, 0, s };

	switch (s) {
	case END:
		return;
	case TWICE:
		send_reply(&r);
		break;
	case CONFIRMABLE:
		r.type = MN_COAP_CON;
		send_reply(&r);
		need(MN_COAP_ACK, "the ACK of a CON answer");
		return;
	case WITH_ACK:
		r.type = MN_COAP_ACK;
		break;
	case NO_TOKEN:
		r.token.len = 0;
		break;
	case SHORT_TOKEN:
		r.token.len--;
		break;
	case LONGER_TOKEN:
		r.token.len++;
		break;
	case OTHER_SLOT:
		r.token.bytes[0] ^= 0xff;
		break;
	case OTHER_SERIAL:
		r.token.bytes[5] ^= 1;
		break;
	case NO_ANSWER:
		empty(MN_COAP_ACK, request->id);
		empty(MN_COAP_RST, request->id);
		return;
	case TOO_LONG:
		r.payload = LONG;
		break;
	case FIT:
		r.payload = FITS;
		break;
	case CLASS_3:
		r.code = MN_COAP_CODE(3, 3);
		break;
	case CLASS_7:
		r.code = MN_COAP_CODE(7, 1);
		break;
	case HALF:
		r.extra = CRITICAL;
		r.cut = 14;
		break;
	case REQUEST:
		r.code = MN_COAP_POST;
		break;
	case STRANGER:
		r.code = MN_COAP_401;
		break;
	case NOISE:
		noise();
		return;
	case PING:
		empty(MN_COAP_CON, ++id);
		need(MN_COAP_RST, "the RST of a ping");
		return;
	case RIGHT:
	case CRITICAL:
	case MAX_AGE:
		break;
	}
	send_reply(&r);
}

static void offer_rand(void)
{
	struct mn_rand_message m = { .generation = 0x80000000, .group = "g1" };
	const struct mn_coap_token token = { 1, { 1 } };
	uint8_t payload[MN_RAND_MESSAGE_MAX], buf[256];
	struct mn_coap_writer w;
	int len = mn_rand_message_encode(&m, MN_HOP_OUTER, payload, sizeof(payload));

	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_CON, MN_COAP_POST, ++id, &token);
	mn_coap_put_path(&w, "gsa");
	mn_coap_put_uint(&w, MN_COAP_OPT_CONTENT_FORMAT, MN_COAP_FORMAT_CBOR);
	mn_coap_put_payload(&w, payload, (size_t)len);
	psk_send(&peer, buf, (size_t)mn_coap_finish(&w));
}

static void as_in(char **argv)
{
	uint8_t key[MN_KEY_MAX], buf[2048];
	size_t len = from_hex(argv[2], key, sizeof(key));
	bool done[WAYS] = { false };
	struct mn_coap m;
	int n;

	psk_init(&peer, wire_socket(argv[0], NULL), true);
	puts("ready");
	fflush(stdout);
	if (!psk_accept(&peer, argv[1], key, len, PSK_PATIENCE_MS))
		die("no gateway");
	offer_rand();
	while ((n = psk_recv(&peer, buf, sizeof(buf), PSK_PATIENCE_MS)) >= 0) {
		unsigned int way;

		if (mn_coap_read(buf, (size_t)n, &m, NULL) || !mn_coap_is_request(&m) ||
		    m.payload_len != 1)
			continue;
		way = m.payload[0];
		if (way >= WAYS || done[way]) /* the gateway's repetition */
			continue;
		done[way] = true;
		for (int i = 0; i < 3; i++)
			do_step(ways[way].steps[i], &m);
		if (way == WAYS - 1)
			break;
	}
}

/* ---- the device ---- */

static void acknowledge(const struct mn_coap *m)
{
	struct mn_coap_writer w;
	uint8_t buf[32];

	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_ACK, MN_COAP_204, m->id, &m->token);
	psk_send(&peer, buf, (size_t)mn_coap_finish(&w));
}

static void ask(uint8_t way, const uint8_t *option, size_t option_len)
{
	const struct mn_coap_token token = { 2, { 0x77, way } };
	uint8_t buf[128];
	struct mn_coap_writer w;

	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_NON, MN_COAP_POST, ++id, &token);
	mn_coap_put(&w, MN_COAP_OPT_OSCORE, option, option_len);
	mn_coap_put_payload(&w, &way, 1);
	psk_send(&peer, buf, (size_t)mn_coap_finish(&w));
}

static void show(uint8_t way)
{
	static uint8_t buf[17000];
	struct mn_coap m;
	char code[8];
	bool waits = strcmp(ways[way].expected, "none") != 0;
	int n = -1;

	printf("%s|", ways[way].name);
	while (waits && (n = psk_recv(&peer, buf, sizeof(buf), PSK_PATIENCE_MS)) >= 0) {
		if (mn_coap_read(buf, (size_t)n, &m, NULL))
			die("a malformed message of the gateway");
		if (m.type == MN_COAP_CON && mn_coap_is_request(&m))
			acknowledge(&m);
		if (!mn_coap_is_response(&m))
			continue;
		if (m.token.len != 2 || m.token.bytes[1] != way) {
			if (m.code != MN_COAP_504) /* the gateway's own, of what is not answered */
				printf("another's ");
			continue;
		}
		printf("%s %zu", mn_coap_code_name(m.code, code), m.payload_len);
		break;
	}
	printf("%s|%s\n", n < 0 ? "none" : "", ways[way].expected);
}

static void as_device(char **argv)
{
	static const uint8_t context[MN_OSCORE_KID_CONTEXT_LEN], piv[1];
	uint8_t identity[MN_KPSA_ID_MAX], key[MN_KEY_MAX], kid[MN_KID_LEN], option[64];
	size_t len = from_hex(argv[1], identity, sizeof(identity));
	int option_len;

	from_hex(argv[3], kid, sizeof(kid));
	option_len = mn_oscore_option_write(piv, sizeof(piv), kid, sizeof(kid), true, context,
					    sizeof(context), option, sizeof(option));
	psk_init(&peer, wire_socket(NULL, argv[0]), false);
	psk_connect(&peer, identity, len, key, from_hex(argv[2], key, sizeof(key)));
	for (uint8_t way = 0; way < WAYS; way++) {
		ask(way, option, (size_t)option_len);
		show(way);
	}
}

int main(int argc, char **argv)
{
	if (mn_crypto_init())
		die("cryptography");
	if (argc == 5 && !strcmp(argv[1], "in"))
		as_in(argv + 2);
	else if (argc == 6 && !strcmp(argv[1], "device"))
		as_device(argv + 2);
	else
		die("see its source for the arguments");
	return 0;
}
