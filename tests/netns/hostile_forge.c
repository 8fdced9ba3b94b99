// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/netns/hostile/wire.c tests/netns/hostile/psk.c */
/*
 * Opens a session as a device of the gateway or as a gateway of the IN, and forges datagrams from its own address and port, as somebody
 * without the keys would who can write any sender:
 *
 *	hostile_forge SERVER IDENTITY-HEX KEY-HEX
 *
 * After each forgery a CoAP ping shows whether the session lives. A line each: "NAME: alive, N answers", "NAME: dead". N counts the
 * datagrams that the forgery drew.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/coap.h"
#include "core/crypto.h"
#include "hostile/psk.h"

enum { GARBAGE_MAX = 17000, SETTLED_MS = 300, FATAL = 2, HANDSHAKE_FAILURE = 40 };

static struct psk session, other; /* other: a handshake from the same port */
static const char *server;
static uint16_t ping_id = 0x5000;
static uint8_t garbage[GARBAGE_MAX];

/* Answers the offer of a Rand, so that it is not repeated amid the counting. */
static void acknowledge(const struct mn_coap *m)
{
	struct mn_coap_writer w;
	uint8_t buf[32];
	int len;

	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_ACK, MN_COAP_204, m->id, &m->token);
	len = mn_coap_finish(&w);
	psk_send(&session, buf, (size_t)len);
}

/* Waits for the RST to that ping. */
static bool answered(uint16_t id, int ms)
{
	uint8_t buf[2048];
	struct mn_coap m;
	int n;

	while ((n = psk_recv(&session, buf, sizeof(buf), ms)) >= 0) {
		if (mn_coap_read(buf, (size_t)n, &m, NULL))
			continue;
		if (m.type == MN_COAP_RST && m.id == id)
			return true;
		if (m.type == MN_COAP_CON)
			acknowledge(&m);
	}
	return false;
}

static bool ping(void)
{
	uint8_t buf[16];

	psk_send(&session, buf, mn_coap_empty(buf, MN_COAP_CON, ++ping_id));
	return answered(ping_id, PSK_PATIENCE_MS);
}

static void dead(const char *name)
{
	printf("%s: dead\n", name);
	exit(1);
}

/* The server reads in order: what the forgery drew comes before the answer to the ping. */
static void show(const char *name)
{
	unsigned int before = session.datagrams;

	if (ping())
		printf("%s: alive, %u answers\n", name, session.datagrams - before - 1);
	else
		dead(name);
}

static void forge(const char *name, uint8_t type, uint16_t epoch, uint64_t sequence,
		  const void *body, size_t len)
{
	struct wire w = { 0 };

	put_record(&w, type, epoch, sequence, body, len);
	wire_send(session.fd, w.data, w.len);
	show(name);
}

/* The ping's record as it would be sent next, with its number taken. */
static void next_record(struct wire *w)
{
	uint8_t buf[16];
	size_t len = mn_coap_empty(buf, MN_COAP_CON, ++ping_id);
	int n = mn_record_seal(&session.rec, MNCSE_APPLICATION, buf, len, w->data, sizeof(w->data));

	if (n < 0)
		die("seal");
	w->len = (size_t)n;
}

static void forge_short(void)
{
	static const size_t lengths[] = {
		0, 1, 7, 8, 9, 15, 16, 23, 24, 25, 26, 100, 16640, 16641
	};
	char name[64];

	for (uint8_t type = MNCSE_CHANGE_CIPHER_SPEC; type <= MNCSE_APPLICATION; type++) {
		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			snprintf(name, sizeof(name), "type %u of epoch 1 with %zu bytes", type,
				 lengths[i]);
			forge(name, type, 1, session.rec.write_sequence + 1, garbage, lengths[i]);
		}
	}
	forge("the highest record number", MNCSE_APPLICATION, 1, MNCSE_SEQUENCE_MAX, garbage, 40);
	forge("an unknown type", 24, 1, session.rec.write_sequence, garbage, 40);
	forge("type 0", 0, 1, session.rec.write_sequence, garbage, 40);
	forge("epoch 2", MNCSE_APPLICATION, 2, 0, garbage, 40);
	forge("the highest epoch", MNCSE_APPLICATION, 0xffff, 0, garbage, 40);
}

static void forge_clear(void)
{
	static const uint8_t fatal[2] = { FATAL, HANDSHAKE_FAILURE }, close_notify[2] = { 1, 0 };
	uint8_t coap[16];
	struct wire m = { 0 };

	forge("a fatal alert of epoch 0", MNCSE_ALERT, 0, 100, fatal, 2);
	forge("a close_notify of epoch 0", MNCSE_ALERT, 0, 101, close_notify, 2);
	forge("an alert of epoch 0 and one byte", MNCSE_ALERT, 0, 102, fatal, 1);
	forge("a ChangeCipherSpec", MNCSE_CHANGE_CIPHER_SPEC, 0, 103, "\1", 1);
	forge("another ChangeCipherSpec", MNCSE_CHANGE_CIPHER_SPEC, 0, 104, "\1", 1);
	forge("a ChangeCipherSpec of 2", MNCSE_CHANGE_CIPHER_SPEC, 0, 105, "\2", 1);
	forge("an application record in clear", MNCSE_APPLICATION, 0, 106, coap,
	      mn_coap_empty(coap, MN_COAP_CON, 1));
	for (unsigned int type = 0; type <= MNCSE_FINISHED; type++) {
		char name[64];

		if (type == MNCSE_CLIENT_HELLO)
			continue;
		m.len = 0;
		put_message(&m, (uint8_t)type, 5, garbage, 12);
		snprintf(name, sizeof(name), "handshake message %u in clear", type);
		forge(name, MNCSE_HANDSHAKE, 0, 110 + type, m.data, m.len);
	}
}

static void forge_datagrams(void)
{
	struct wire w = { 0 }, record;

	wire_send(session.fd, garbage, 0);
	show("an empty datagram");
	wire_send(session.fd, garbage, 1);
	show("a datagram of one byte");
	wire_send(session.fd, garbage, 12);
	show("a datagram shorter than a record's header");
	wire_send(session.fd, garbage, 1000);
	show("a datagram of garbage");
	wire_send(session.fd, garbage, sizeof(garbage));
	show("a datagram longer than any record");
	next_record(&record);
	put_record(&w, MNCSE_APPLICATION, 1, session.rec.write_sequence, garbage, 3);
	put_bytes(&w, record.data, record.len);
	wire_send(session.fd, w.data, w.len);
	show("a good record behind a short one");
	w = record;
	put_bytes(&w, garbage, 5);
	wire_send(session.fd, w.data, w.len);
	show("a good record before five bytes");
	wire_send(session.fd, record.data, record.len);
	printf("the same good record alone: %s\n",
	       answered(ping_id - 2, SETTLED_MS) ? "answered" : "no answer");
}

static void flip_bits(void)
{
	struct wire record, w;
	unsigned int before;
	uint16_t good_id;

	next_record(&record);
	good_id = ping_id;
	before = session.datagrams;
	for (size_t bit = 0; bit < record.len * 8; bit++) {
		w = record;
		w.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		wire_send(session.fd, w.data, w.len);
		/* no more than its socket holds */
		if (bit % 32 == 31) {
			if (!ping())
				dead("a good record with a bit flipped");
			before++;
		}
	}
	wire_send(session.fd, record.data, record.len);
	if (!answered(good_id, PSK_PATIENCE_MS))
		dead("a good record with each bit flipped");
	printf("a good record with each bit flipped: alive, %u answers\n",
	       session.datagrams - before - 1);
}

static void replay(void)
{
	struct wire record;

	next_record(&record);
	wire_send(session.fd, record.data, record.len);
	if (!answered(ping_id, PSK_PATIENCE_MS))
		dead("a good record");
	wire_send(session.fd, record.data, record.len);
	show("a record again");
	for (int i = 0; i < 70; i++)
		ping();
	wire_send(session.fd, record.data, record.len);
	show("a record again that is behind the window");
}

static void elsewhere(void)
{
	int fd = wire_socket(NULL, server);
	struct wire record;

	next_record(&record);
	wire_send(fd, record.data, record.len);
	show("a good record from another port");
	wire_send(session.fd, record.data, record.len);
	printf("the same from its own: %s\n",
	       answered(ping_id - 1, PSK_PATIENCE_MS) ? "answered" : "no answer");
	close(fd);
}

/* ---- handshakes beside the session ---- */

static void beside(const uint8_t *identity, size_t identity_len, uint8_t *key, size_t key_len)
{
	struct wire w;

	psk_init(&other, session.fd, false);
	psk_hello(&other, &w);
	wire_send(session.fd, w.data, w.len);
	show("a ClientHello without cookie");
	psk_init(&other, session.fd, false);
	if (!psk_cookie(&other, PSK_PATIENCE_MS) || !psk_server_flight(&other, PSK_PATIENCE_MS))
		die("no handshake beside the session");
	show("an unfinished handshake");
	key[0] ^= 1;
	psk_client_flight(&other, identity, identity_len, key, key_len, &w);
	key[0] ^= 1;
	wire_send(session.fd, w.data, w.len);
	show("a handshake with a wrong key");
	wire_send(session.fd, w.data, w.len);
	show("the same again");
	forge("a fatal alert of epoch 0 meanwhile", MNCSE_ALERT, 0, 7, "\2\50", 2);
	psk_init(&other, session.fd, false);
	if (!psk_cookie(&other, PSK_PATIENCE_MS) || !psk_server_flight(&other, PSK_PATIENCE_MS))
		die("no second handshake beside the session");
	w.len = 0;
	psk_change_cipher_spec(&other, &w);
	put_record(&w, MNCSE_HANDSHAKE, 1, 0, garbage, 48);
	wire_send(session.fd, w.data, w.len);
	show("a handshake with a ChangeCipherSpec too early");
	forge("garbage of epoch 1 meanwhile", MNCSE_HANDSHAKE, 1, 1, garbage, 48);
}

int main(int argc, char **argv)
{
	uint8_t identity[MN_KPSA_ID_MAX], key[MN_KEY_MAX];
	size_t identity_len, key_len;

	if (argc != 4) {
		fputs("usage: hostile_forge SERVER IDENTITY-HEX KEY-HEX\n", stderr);
		return 2;
	}
	if (mn_crypto_init() || mn_random(garbage, sizeof(garbage)))
		die("cryptography");
	server = argv[1];
	identity_len = from_hex(argv[2], identity, sizeof(identity));
	key_len = from_hex(argv[3], key, sizeof(key));
	psk_init(&session, wire_socket(NULL, server), false);
	psk_connect(&session, identity, identity_len, key, key_len);
	if (!ping() || !ping())
		die("the session is not open");
	forge_short();
	forge_clear();
	forge_datagrams();
	flip_bits();
	replay();
	elsewhere();
	beside(identity, identity_len, key, key_len);
	printf("alert: %u %u\n", session.alert[0], session.alert[1]);
	psk_close(&session);
	return 0;
}
