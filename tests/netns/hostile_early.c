// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/netns/hostile/wire.c tests/netns/hostile/psk.c */
/*
 * A client without the key that goes on after the server's flight as no honest one does:
 *
 *	hostile_early SERVER IDENTITY-HEX
 *
 * Each attempt is a handshake of its own. A line each: "NAME: nothing", or "NAME: taken" when the server changes its cipher. A fatal alert in
 * clear is nothing, too: before the identity has come it tells nobody anything.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/crypto.h"
#include "hostile/psk.h"

enum { BARRIER = 0x4242 };

static const char *server;
static int linger_ms; /* LINGER_MS in the environment */
static uint8_t identity[MN_KPSA_ID_MAX];
static size_t identity_len;
static const uint8_t zeros[MN_KEY_MAX];

static struct psk *begin(void)
{
	struct psk *p = malloc(sizeof(*p));

	if (!p)
		die("no memory");
	psk_init(p, wire_socket(NULL, server), false);
	if (!psk_cookie(p, PSK_PATIENCE_MS) || !psk_server_flight(p, PSK_PATIENCE_MS))
		die("no server's flight");
	return p;
}

static bool changes_cipher(struct wire *w, bool *is_barrier)
{
	struct mn_record r;
	size_t at = 0;
	bool taken = false;

	while (mn_record_next(w->data, w->len, &at, &r) > 0) {
		taken |= r.epoch == 1 || r.type == MNCSE_CHANGE_CIPHER_SPEC;
		*is_barrier |= r.type == MNCSE_HANDSHAKE && r.sequence == BARRIER;
	}
	return taken;
}

/* Sends a stateless ClientHello and looks at all that comes up to its answer. */
static void end(struct psk *p, const char *name)
{
	struct psk *other = malloc(sizeof(*other));
	bool taken = false, is_barrier = false;
	struct wire w;
	int n;

	if (!other)
		die("no memory");
	psk_init(other, p->fd, false);
	other->record_seq = BARRIER;
	psk_hello(other, &w);
	wire_send(p->fd, w.data, w.len);
	while (!is_barrier) {
		n = wire_recv(p->fd, w.data, sizeof(w.data), PSK_PATIENCE_MS);
		if (n < 0)
			die("the server does not answer any more");
		w.len = (size_t)n;
		taken |= changes_cipher(&w, &is_barrier);
	}
	/* where somebody else answers what is stateless, that answer may have overtaken the server's */
	while (linger_ms && (n = wire_recv(p->fd, w.data, sizeof(w.data), linger_ms)) >= 0) {
		w.len = (size_t)n;
		taken |= changes_cipher(&w, &is_barrier);
	}
	printf("%s: %s\n", name, taken ? "taken" : "nothing");
	close(p->fd);
	free(other);
	free(p);
}

static void put_key_exchange(struct psk *p, struct wire *w, size_t said, size_t len)
{
	struct wire b = { 0 }, m = { 0 };

	put_number(&b, said, 2);
	put_bytes(&b, identity, len);
	put_message(&m, MNCSE_CLIENT_KEY_EXCHANGE, p->message_seq++, b.data, b.len);
	put_bytes(&p->transcript, m.data, m.len);
	put_record(w, MNCSE_HANDSHAKE, 0, p->record_seq++, m.data, m.len);
}

/* Keys that somebody has who never learnt any: of a master secret of zeros, or zeros themselves. */
static void no_keys(struct psk *p, bool derived)
{
	memset(p->master, 0, sizeof(p->master));
	psk_expand(p);
	if (!derived) {
		memset(&p->rec.read, 0, sizeof(p->rec.read));
		memset(&p->rec.write, 0, sizeof(p->rec.write));
	}
}

static void early_cipher(bool key_exchange_after, bool derived, const char *name)
{
	struct psk *p = begin();
	struct wire w = { 0 };

	psk_change_cipher_spec(p, &w);
	if (key_exchange_after)
		put_key_exchange(p, &w, identity_len, identity_len);
	no_keys(p, derived);
	psk_put_finished(p, &w);
	wire_send(p->fd, w.data, w.len);
	end(p, name);
}

static void with_key(const uint8_t *key, size_t key_len, const char *name)
{
	struct psk *p = begin();
	struct wire w;

	psk_client_flight(p, identity, identity_len, key, key_len, &w);
	wire_send(p->fd, w.data, w.len);
	end(p, name);
}

/* The Finished as it should be, but for the key, in a record that is not protected. */
static void clear_finished(bool change, uint16_t epoch, const char *name)
{
	struct psk *p = begin();
	struct wire w = { 0 }, m = { 0 };

	put_key_exchange(p, &w, identity_len, identity_len);
	if (change)
		psk_change_cipher_spec(p, &w);
	put_message(&m, MNCSE_FINISHED, p->message_seq, zeros, 12);
	put_record(&w, MNCSE_HANDSHAKE, epoch, epoch ? 0 : p->record_seq, m.data, m.len);
	wire_send(p->fd, w.data, w.len);
	end(p, name);
}

static void key_exchange(size_t said, size_t len, unsigned int times, const char *name)
{
	struct psk *p = begin();
	struct wire w = { 0 };

	while (times--)
		put_key_exchange(p, &w, said, len);
	psk_derive(p, zeros, 16);
	psk_put_finished(p, &w);
	wire_send(p->fd, w.data, w.len);
	end(p, name);
}

static void message_instead(uint8_t type, const char *name)
{
	struct psk *p = begin();
	struct wire w = { 0 }, m = { 0 };

	put_message(&m, type, p->message_seq++, zeros, 40);
	put_record(&w, MNCSE_HANDSHAKE, 0, p->record_seq++, m.data, m.len);
	no_keys(p, true);
	psk_put_finished(p, &w);
	wire_send(p->fd, w.data, w.len);
	end(p, name);
}

static void record_instead(uint8_t type, uint16_t epoch, const char *name)
{
	struct psk *p = begin();
	struct wire w = { 0 };

	put_record(&w, type, epoch, p->record_seq++, zeros, 40);
	wire_send(p->fd, w.data, w.len);
	end(p, name);
}

/* Fragments that contradict one another: lengths, places, and a part that is never sent. */
static void bad_fragments(const char *name)
{
	static const uint32_t parts[][3] = {
		/* length, offset, bytes */
		{ 20, 0, 10 },
		{ 4000, 10, 10 },
		{ 20, 5, 15 },
		{ 20, 19, 10 },
		{ 0xffffff, 0xfffff0, 15 },
		{ 0xffffff, 0, 30 },
		{ 0, 0, 0 },
		{ 20, 20, 0 },
	};
	struct psk *p = begin();

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct wire w = { 0 }, m = { 0 };

		put_number(&m, MNCSE_CLIENT_KEY_EXCHANGE, 1);
		put_number(&m, parts[i][0], 3);
		put_number(&m, p->message_seq, 2);
		put_number(&m, parts[i][1], 3);
		put_number(&m, parts[i][2], 3);
		put_bytes(&m, zeros, parts[i][2]);
		put_record(&w, MNCSE_HANDSHAKE, 0, p->record_seq++, m.data, m.len);
		wire_send(p->fd, w.data, w.len);
	}
	end(p, name);
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fputs("usage: hostile_early SERVER IDENTITY-HEX\n", stderr);
		return 2;
	}
	if (mn_crypto_init())
		die("cryptography");
	server = argv[1];
	if (getenv("LINGER_MS"))
		linger_ms = atoi(getenv("LINGER_MS"));
	identity_len = from_hex(argv[2], identity, sizeof(identity));
	early_cipher(false, true, "ChangeCipherSpec and Finished alone, a master secret of zeros");
	early_cipher(false, false, "ChangeCipherSpec and Finished alone, keys of zeros");
	early_cipher(true, true,
		     "ChangeCipherSpec before the key exchange, a master secret of zeros");
	early_cipher(true, false, "ChangeCipherSpec before the key exchange, keys of zeros");
	with_key(zeros, 0, "a key of no bytes");
	with_key(zeros, 16, "a key of 16 zeros");
	with_key(zeros, 32, "a key of 32 zeros");
	clear_finished(false, 0, "Finished in clear without ChangeCipherSpec");
	clear_finished(true, 0, "Finished in clear");
	clear_finished(true, 1, "Finished in clear that says epoch 1");
	key_exchange(identity_len + 1, identity_len, 1, "an identity that is shorter than it says");
	key_exchange(0xffff, identity_len, 1, "an identity that says it has 65,535 bytes");
	key_exchange(1, identity_len, 1, "an identity that is longer than it says");
	key_exchange(identity_len, identity_len, 2, "two key exchanges");
	for (unsigned int type = 0; type <= MNCSE_FINISHED; type++) {
		char name[64];

		snprintf(name, sizeof(name), "message %u instead of the key exchange", type);
		if (type != MNCSE_CLIENT_HELLO && type != MNCSE_CLIENT_KEY_EXCHANGE)
			message_instead((uint8_t)type, name);
	}
	record_instead(MNCSE_APPLICATION, 0, "an application record in clear");
	record_instead(MNCSE_APPLICATION, 1, "an application record of epoch 1");
	record_instead(MNCSE_ALERT, 0, "an alert of 40 bytes");
	record_instead(MNCSE_CHANGE_CIPHER_SPEC, 0, "a ChangeCipherSpec of 40 bytes");
	bad_fragments("fragments that contradict one another");
	return 0;
}
