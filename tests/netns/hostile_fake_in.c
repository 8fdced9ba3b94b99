// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/netns/hostile/wire.c tests/netns/hostile/psk.c */
/*
 * An IN that answers one handshake of a gateway in a wrong way:
 *
 *	hostile_fake_in LISTEN HINT ATTEMPT [KEY-HEX]
 *
 * Without the key it does not know; `late` and `hint` have it: they show that the gateway would take a session at all. "ready" when it
 * listens. In every attempt it offers a Rand for group g1 under whatever keys it has, and prints "rand taken" when that is acknowledged, else
 * "rand refused".
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/coap.h"
#include "core/crypto.h"
#include "core/rand_message.h"
#include "hostile/psk.h"

enum {
	LISTEN_MS = 700,
	REFUSED_MS = 2000,
	UNEXPECTED_SUITE = 0x002f,
	NULL_SUITE = 0x00b0,
	GENERATION = 0xffffff00
};

static struct psk peer;
static const char *hint;
static uint8_t key[MN_KEY_MAX];
static size_t key_len;

static void transmit(struct wire *w)
{
	wire_send(peer.fd, w->data, w->len);
	w->len = 0;
}

/* POST /gsa under the keys that there are. */
static void offer_rand(struct wire *w)
{
	struct mn_rand_message m = { .generation = GENERATION, .group = "g1" };
	const struct mn_coap_token token = { 1, { 1 } };
	uint8_t payload[MN_RAND_MESSAGE_MAX], buf[256];
	struct mn_coap_writer c;
	int len = mn_rand_message_encode(&m, MN_HOP_OUTER, payload, sizeof(payload));

	mn_coap_begin(&c, buf, sizeof(buf), MN_COAP_CON, MN_COAP_POST, 1, &token);
	mn_coap_put_path(&c, "gsa");
	mn_coap_put_uint(&c, MN_COAP_OPT_CONTENT_FORMAT, MN_COAP_FORMAT_CBOR);
	mn_coap_put_payload(&c, payload, (size_t)len);
	len = mn_coap_finish(&c);
	len = mn_record_seal(&peer.rec, MNCSE_APPLICATION, buf, (size_t)len, w->data + w->len,
			     sizeof(w->data) - w->len);
	if (len < 0)
		die("seal");
	w->len += (size_t)len;
	transmit(w);
}

static bool acknowledged(int ms)
{
	uint8_t buf[2048];
	struct mn_coap m;
	int n;

	peer.open = true;
	while ((n = psk_recv(&peer, buf, sizeof(buf), ms)) >= 0)
		if (!mn_coap_read(buf, (size_t)n, &m, NULL) && m.type == MN_COAP_ACK)
			return true;
	return false;
}

/* Keys that somebody has who never learnt any. */
static void no_keys(bool derived)
{
	memset(peer.master, 0, sizeof(peer.master));
	psk_expand(&peer);
	if (!derived) {
		memset(&peer.rec.read, 0, sizeof(peer.rec.read));
		memset(&peer.rec.write, 0, sizeof(peer.rec.write));
	}
}

static void put_flight(struct wire *w)
{
	psk_put_server_hello(&peer, w);
	psk_put_hint(&peer, w, hint);
	psk_put_done(&peer, w);
}

/* ChangeCipherSpec and Finished before the client can have sent its key exchange; parted: a datagram each. */
static void early(struct wire *w, bool parted, bool derived)
{
	psk_put_server_hello(&peer, w);
	psk_put_hint(&peer, w, hint);
	if (parted)
		transmit(w);
	no_keys(derived);
	psk_put_finished(&peer, w);
	if (parted)
		transmit(w);
	offer_rand(w);
}

/* The whole flight, ChangeCipherSpec and Finished in one datagram: a client that reads all of it before it answers has no keys yet, and takes
 * the Finished of whoever has none either. */
static void early_done(struct wire *w, bool derived)
{
	put_flight(w);
	no_keys(derived);
	psk_put_finished(&peer, w);
	transmit(w);
	offer_rand(w);
}

/* Finished in a record that is not protected. */
static void clear_finished(struct wire *w, uint16_t epoch)
{
	struct wire m = { 0 };

	psk_change_cipher_spec(&peer, w);
	put_message(&m, MNCSE_FINISHED, peer.message_seq++, peer.master, 12);
	put_record(w, MNCSE_HANDSHAKE, epoch, epoch ? 0 : peer.record_seq++, m.data, m.len);
	transmit(w);
	no_keys(true);
	offer_rand(w);
}

/* After the gateway's flight: Finished under a key that it does not have. */
static void wrong_key(struct wire *w, size_t len)
{
	put_flight(w);
	transmit(w);
	psk_client_finish(&peer, key, len, REFUSED_MS);
	psk_put_finished(&peer, w);
	offer_rand(w);
}

/* The right flight behind an early ChangeCipherSpec: somebody else may have forged that one. */
static void late(struct wire *w)
{
	struct wire forged = { 0 };
	uint64_t seq = peer.record_seq;

	psk_put_server_hello(&peer, w);
	psk_put_hint(&peer, w, hint);
	transmit(w);
	psk_change_cipher_spec(&peer, &forged);
	put_record(&forged, MNCSE_HANDSHAKE, 1, 0, peer.random[0], 32);
	transmit(&forged);
	peer.record_seq = seq;
	psk_put_done(&peer, w);
	transmit(w);
	if (!psk_client_finish(&peer, key, key_len, PSK_PATIENCE_MS)) {
		puts("the gateway does not finish");
		return;
	}
	psk_put_finished(&peer, w);
	transmit(w);
	offer_rand(w);
}

static void attempt(const char *what)
{
	struct wire w = { 0 };

	if (!strcmp(what, "first")) { /* nothing but ChangeCipherSpec and Finished */
		no_keys(true);
		psk_put_finished(&peer, &w);
		offer_rand(&w);
	} else if (!strcmp(what, "early")) {
		early(&w, true, true);
	} else if (!strcmp(what, "early-zero")) {
		early(&w, true, false);
	} else if (!strcmp(what, "early-one")) {
		early(&w, false, true);
	} else if (!strcmp(what, "early-done")) {
		early_done(&w, true);
	} else if (!strcmp(what, "early-done-zero")) {
		early_done(&w, false);
	} else if (!strcmp(what, "early-clear") || !strcmp(what, "early-clear-1")) {
		psk_put_server_hello(&peer, &w);
		psk_put_hint(&peer, &w, hint);
		transmit(&w);
		clear_finished(&w, what[11] != 0);
	} else if (!strcmp(what, "late-clear") || !strcmp(what, "late-clear-1")) {
		put_flight(&w);
		transmit(&w);
		clear_finished(&w, what[10] != 0);
	} else if (!strcmp(what, "empty-key")) {
		wrong_key(&w, 0);
	} else if (!strcmp(what, "zero-key")) {
		wrong_key(&w, 32);
	} else if (!strcmp(what, "null-suite") || !strcmp(what, "other-suite")) {
		peer.suite = *what == 'n' ? NULL_SUITE : UNEXPECTED_SUITE;
		wrong_key(&w, 32);
	} else if (!strcmp(what, "no-hint")) {
		psk_put_server_hello(&peer, &w);
		psk_put_done(&peer, &w);
		transmit(&w);
		psk_client_finish(&peer, key, key_len, REFUSED_MS);
	} else if (!strcmp(what, "late")) {
		late(&w);
	} else if (!strcmp(what, "right")) {
		put_flight(&w);
		transmit(&w);
		if (psk_client_finish(&peer, key, key_len, REFUSED_MS))
			psk_put_finished(&peer, &w);
		offer_rand(&w);
	} else {
		die("no such attempt");
	}
}

int main(int argc, char **argv)
{
	if (argc < 4 || argc > 5) {
		fputs("usage: hostile_fake_in LISTEN HINT ATTEMPT [KEY-HEX]\n", stderr);
		return 2;
	}
	if (mn_crypto_init())
		die("cryptography");
	hint = argv[2];
	key_len = argc == 5 ? from_hex(argv[4], key, sizeof(key)) : 0;
	psk_init(&peer, wire_socket(argv[1], NULL), true);
	puts("ready");
	fflush(stdout);
	if (!psk_client_hello(&peer, PSK_PATIENCE_MS))
		die("no ClientHello");
	attempt(argv[3]);
	puts(acknowledged(strcmp(argv[3], "late") ? LISTEN_MS : PSK_PATIENCE_MS) ? "rand taken" :
										   "rand refused");
	return 0;
}
