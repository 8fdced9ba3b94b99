// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/netns/hostile/wire.c tests/netns/hostile/psk.c tools/device/agent_credentials.c */
/*
 * A gateway that has its key and changes what it carries, or a device that does so with what it sends to its gateway:
 *
 *	hostile_flip gateway IN GATEWAY-ID-HEX KPSAMI-HEX DEVICES.CSV DEVICE-ID
 *	hostile_flip device GATEWAY KPSAXM-ID-HEX KPSAXM-HEX DEVICES.CSV DEVICE-ID
 *
 * Behind that may stand GENERATION RAND-HEX. Takes that or the next Rand that is offered, makes protected CREATEs of in-cse/cnt as that device, and sends them in every wrong way. Prints
 * "good: ANSWER" for one that is as it was made, then "PART: N sent: ANSWER N, ANSWER N, ...", the answers as "4.00 Decryption failed",
 * "2.04 protected" or "none".
 */
#include <stdlib.h>
#include <string.h>

#include "../../tools/device/agent_credentials.h"
#include "core/coap.h"
#include "core/crypto.h"
#include "core/ksx.h"
#include "core/onem2m.h"
#include "core/oscore.h"
#include "core/rand_message.h"
#include "hostile/psk.h"

enum { ANSWER_MS = 60000, KINDS = 16, TOKEN_LEN = 4, OPTION_MAX = 64 };

static struct psk peer;
static struct mnt_credentials devices;
static struct mn_rand_message rand_message;
static struct mn_oscore context;
static char salt[17];
static unsigned int made, sent;
static enum mn_hop hop;

/* A protected request, its two parts. */
struct request {
	uint8_t option[OPTION_MAX], payload[512];
	size_t option_len, payload_len;
};

struct tally {
	unsigned int sent, n;
	struct {
		char answer[64];
		unsigned int count;
	} kinds[KINDS];
};

static void note(struct tally *t, const char *answer)
{
	unsigned int i = 0;

	t->sent++;
	while (i < t->n && strcmp(t->kinds[i].answer, answer))
		i++;
	if (i == KINDS)
		die("too many kinds of answers");
	if (i == t->n)
		snprintf(t->kinds[t->n++].answer, sizeof(t->kinds[0].answer), "%s", answer);
	t->kinds[i].count++;
}

static int by_answer(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void show(const char *part, struct tally *t)
{
	qsort(t->kinds, t->n, sizeof(t->kinds[0]), by_answer);
	printf("%s: %u sent: ", part, t->sent);
	for (unsigned int i = 0; i < t->n; i++)
		printf("%s%s %u", i ? ", " : "", t->kinds[i].answer, t->kinds[i].count);
	putchar('\n');
}

/* ---- the device ---- */

static void install(void)
{
	static const uint8_t in_kid = MN_OSCORE_IN_KID;
	const struct mnt_credential *c = &devices.list[0];
	uint8_t ksx[MN_KSX_LEN], prk[32], id[MN_OSCORE_KID_CONTEXT_LEN];

	if (mn_random(id, sizeof(id)))
		die("random");
	for (int i = 0; i < 4; i++)
		id[i] = (uint8_t)(rand_message.generation >> (24 - 8 * i));
	mn_hex_encode(id + 4, 8, salt);
	if (mn_ksx_derive(c->in_key, c->in_key_len, c->device_id, strlen(c->device_id),
			  rand_message.rand, ksx) ||
	    mn_oscore_extract(ksx, sizeof(ksx), NULL, 0, prk) ||
	    mn_oscore_derive(&context, prk, c->kid, sizeof(c->kid), &in_kid, 1, id, sizeof(id)))
		die("context");
}

static void make(struct request *out)
{
	struct mn_onem2m_request q = {
		.op = MN_OP_CREATE, .to = "in-cse/cnt", .rvi = "3", .ty = 4, .content_format = 50
	};
	const struct mn_coap_token token = { 0 };
	struct mn_oscore_request bound;
	uint8_t inner_buf[512], buf[1024];
	struct mn_coap_option o;
	struct mn_coap inner, m;
	int len;

	snprintf(q.rqi, sizeof(q.rqi), "%s-%u", salt, made++);
	q.content = json_pack("{s:{s:s}}", "m2m:cin", "con", "flip");
	len = mn_onem2m_request_write(&q, inner_buf, sizeof(inner_buf));
	json_decref(q.content);
	if (len < 0 || mn_coap_read(inner_buf, (size_t)len, &inner, NULL))
		die("request");
	len = mn_oscore_protect_request(&context, &inner, MN_COAP_NON, 0, &token, true, buf,
					sizeof(buf), &bound);
	if (len < 0 || mn_coap_read(buf, (size_t)len, &m, NULL) ||
	    !mn_coap_option_find(&m, MN_COAP_OPT_OSCORE, &o) || o.len > sizeof(out->option) ||
	    m.payload_len > sizeof(out->payload))
		die("protect");
	out->option_len = o.len;
	memcpy(out->option, o.value, o.len);
	out->payload_len = m.payload_len;
	memcpy(out->payload, m.payload, m.payload_len);
}

/* ---- the session ---- */

static void acknowledge(const struct mn_coap *m)
{
	struct mn_coap_writer w;
	uint8_t buf[32];

	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_ACK, MN_COAP_204, m->id, &m->token);
	psk_send(&peer, buf, (size_t)mn_coap_finish(&w));
}

static void take_rand(void)
{
	uint8_t buf[2048];
	struct mn_coap m;
	int n;

	while ((n = psk_recv(&peer, buf, sizeof(buf), PSK_PATIENCE_MS)) >= 0) {
		if (mn_coap_read(buf, (size_t)n, &m, NULL) || m.code != MN_COAP_POST ||
		    mn_rand_message_decode(m.payload, m.payload_len, hop, &rand_message))
			continue;
		acknowledge(&m);
		return;
	}
	die("no Rand");
}

/* Puts the answer to the request of that number into text. */
static void answer(uint32_t number, char text[64])
{
	uint8_t buf[2048], token[TOKEN_LEN];
	struct mn_coap_option o;
	struct mn_coap m;
	char code[8];
	int n;

	mn_put16(token, (uint16_t)(number >> 16));
	mn_put16(token + 2, (uint16_t)number);
	while ((n = psk_recv(&peer, buf, sizeof(buf), ANSWER_MS)) >= 0) {
		if (mn_coap_read(buf, (size_t)n, &m, NULL) || !mn_coap_is_response(&m) ||
		    m.token.len != TOKEN_LEN || memcmp(m.token.bytes, token, TOKEN_LEN))
			continue;
		mn_coap_code_name(m.code, code);
		if (mn_coap_option_find(&m, MN_COAP_OPT_OSCORE, &o))
			snprintf(text, 64, "%s protected", code);
		else
			snprintf(text, 64, "%s %.*s", code, (int)m.payload_len,
				 (const char *)m.payload);
		return;
	}
	strcpy(text, "none");
}

static void transmit(const struct request *r, uint8_t code, struct tally *t)
{
	struct mn_coap_token token = { .len = TOKEN_LEN };
	struct mn_coap_writer w;
	uint8_t buf[1024];
	char text[64];
	int len;

	sent++;
	mn_put16(token.bytes, (uint16_t)(sent >> 16));
	mn_put16(token.bytes + 2, (uint16_t)sent);
	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_NON, code, (uint16_t)sent, &token);
	mn_coap_put(&w, MN_COAP_OPT_OSCORE, r->option, r->option_len);
	mn_coap_put_payload(&w, r->payload, r->payload_len);
	len = mn_coap_finish(&w);
	if (len < 0)
		die("does not fit");
	psk_send(&peer, buf, (size_t)len);
	answer(sent, text);
	note(t, text);
}

/* A fresh request as it is: the context lives on, whatever was sent before. */
static void good(void)
{
	struct tally t = { 0 };
	struct request r;

	make(&r);
	transmit(&r, MN_COAP_POST, &t);
	show("good", &t);
}

static void flip(const char *part, const struct request *r, size_t from, size_t to, bool payload)
{
	struct tally t = { 0 };

	for (size_t bit = from * 8; bit < to * 8; bit++) {
		struct request x = *r;
		uint8_t *p = payload ? x.payload : x.option;

		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		transmit(&x, MN_COAP_POST, &t);
	}
	show(part, &t);
}

/* flag 1 | Partial IV 1 | length 1 | kid context 12 (generation 4, salt 8) | kid 7 */
static void flip_option(const struct request *r)
{
	if (r->option_len != 22)
		die("the option has another length than expected");
	flip("flags", r, 0, 1, false);
	flip("Partial IV", r, 1, 2, false);
	flip("length of the kid context", r, 2, 3, false);
	flip("generation", r, 3, 7, false);
	flip("salt", r, 7, 15, false);
	flip("kid", r, 15, 22, false);
}

static void cut(const struct request *r)
{
	struct tally option = { 0 }, payload = { 0 }, longer = { 0 };
	struct request x;

	for (size_t len = 0; len < r->option_len; len++) {
		x = *r;
		x.option_len = len;
		transmit(&x, MN_COAP_POST, &option);
	}
	show("option cut", &option);
	for (size_t len = 0; len < r->payload_len; len++) {
		x = *r;
		x.payload_len = len;
		transmit(&x, MN_COAP_POST, &payload);
	}
	show("payload cut", &payload);
	x = *r;
	x.payload[x.payload_len++] = 0;
	transmit(&x, MN_COAP_POST, &longer);
	show("payload longer", &longer);
}

/* The option of one and the payload of another. */
static void mix(void)
{
	struct tally t = { 0 };
	struct request a, b;

	make(&a);
	make(&b);
	memcpy(a.option, b.option, b.option_len);
	transmit(&a, MN_COAP_POST, &t);
	show("another's Partial IV", &t);
}

static void outer_code(void)
{
	struct tally t = { 0 };
	struct request r;

	make(&r);
	for (uint8_t code = 1; code < 32; code++)
		if (code != MN_COAP_POST)
			transmit(&r, code, &t);
	show("outer code", &t);
}

static void replay(void)
{
	struct tally t = { 0 };
	struct request r;

	make(&r);
	for (int i = 0; i < 3; i++)
		transmit(&r, MN_COAP_POST, &t);
	show("the same with another token", &t);
}

int main(int argc, char **argv)
{
	uint8_t identity[MN_KPSA_ID_MAX], key[MN_KEY_MAX];
	char err[MNT_CREDENTIALS_ERR];
	struct request first, r;
	struct tally t = { 0 };
	size_t len;

	if (argc != 7 && argc != 9) {
		fputs("usage: hostile_flip gateway|device SERVER ID-HEX KEY-HEX DEVICES.CSV DEVICE-ID [GENERATION RAND-HEX]\n",
		      stderr);
		return 2;
	}
	if (mn_crypto_init() || mnt_credentials_read(argv[5], argv[6], 0, &devices, err))
		die("credentials");
	hop = strcmp(argv[1], "device") ? MN_HOP_OUTER : MN_HOP_INNER;
	psk_init(&peer, wire_socket(NULL, argv[2]), false);
	len = from_hex(argv[3], identity, sizeof(identity));
	psk_connect(&peer, identity, len, key, from_hex(argv[4], key, sizeof(key)));
	if (argc == 9) {
		rand_message.generation = (uint32_t)strtoul(argv[7], NULL, 10);
		from_hex(argv[8], rand_message.rand, sizeof(rand_message.rand));
	} else {
		take_rand();
	}
	install();
	make(&first);
	make(&r);
	/* before there is a context, and when there is one */
	flip("payload, no context yet", &r, 0, r.payload_len, true);
	transmit(&first, MN_COAP_POST, &t);
	show("good", &t);
	flip("payload", &r, 0, r.payload_len, true);
	flip_option(&r);
	cut(&r);
	good();
	memset(&t, 0, sizeof(t));
	transmit(&r, MN_COAP_POST, &t);
	show("the one whose bits were flipped", &t);
	mix();
	outer_code();
	replay();
	good();
	mnt_credentials_fini(&devices);
	return 0;
}
