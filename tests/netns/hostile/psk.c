// SPDX-License-Identifier: GPL-2.0-or-later
#include "psk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/crypto.h"

enum { SERVER_HELLO = 2, SERVER_KEY_EXCHANGE = 12, SERVER_HELLO_DONE = 14, FINISHED_LEN = 12 };

/* ---- key schedule (RFC 5246 5, RFC 4279 2) ---- */

static void prf(const void *secret, size_t secret_len, const char *label, const void *seed1,
		size_t len1, const void *seed2, size_t len2, uint8_t *out, size_t out_len)
{
	const struct mn_bytes seed[] = { { label, strlen(label) },
					 { seed1, len1 },
					 { seed2, len2 } };
	uint8_t a[MN_SHA256_LEN], block[MN_SHA256_LEN];
	struct mn_bytes parts[] = { { a, sizeof(a) }, seed[0], seed[1], seed[2] };

	mn_hmac_sha256(secret, secret_len, seed, 3, a);
	while (out_len) {
		size_t n = out_len < sizeof(block) ? out_len : sizeof(block);

		mn_hmac_sha256(secret, secret_len, parts, 4, block);
		memcpy(out, block, n);
		out += n;
		out_len -= n;
		mn_hmac_sha256(secret, secret_len, parts, 1, block);
		memcpy(a, block, sizeof(a));
	}
}

void psk_expand(struct psk *p)
{
	uint8_t block[40];
	struct mn_record_key *client = p->is_server ? &p->rec.read : &p->rec.write;
	struct mn_record_key *server = p->is_server ? &p->rec.write : &p->rec.read;

	prf(p->master, sizeof(p->master), "key expansion", p->random[1], 32, p->random[0], 32,
	    block, sizeof(block));
	memset(&p->rec, 0, sizeof(p->rec));
	p->rec.suite = MN_SUITE_PSK_AES_128_GCM;
	memcpy(client->key, block, 16);
	memcpy(server->key, block + 16, 16);
	memcpy(client->iv, block + 32, 4);
	memcpy(server->iv, block + 36, 4);
}

void psk_derive(struct psk *p, const uint8_t *key, size_t key_len)
{
	uint8_t premaster[4 + 2 * MN_KEY_MAX] = { 0 };

	mn_put16(premaster, (uint16_t)key_len);
	mn_put16(premaster + 2 + key_len, (uint16_t)key_len);
	memcpy(premaster + 4 + key_len, key, key_len);
	prf(premaster, 4 + 2 * key_len, "master secret", p->random[0], 32, p->random[1], 32,
	    p->master, sizeof(p->master));
	psk_expand(p);
}

static void verify_data(const struct psk *p, bool of_server, uint8_t out[FINISHED_LEN])
{
	uint8_t hash[MN_SHA256_LEN];

	mn_sha256(p->transcript.data, p->transcript.len, hash);
	prf(p->master, sizeof(p->master), of_server ? "server finished" : "client finished", hash,
	    sizeof(hash), NULL, 0, out, FINISHED_LEN);
}

/* ---- messages ---- */

void psk_init(struct psk *p, int fd, bool is_server)
{
	memset(p, 0, sizeof(*p));
	p->fd = fd;
	p->is_server = is_server;
	p->suite = MN_SUITE_PSK_AES_128_GCM;
	if (mn_random(p->random[is_server], 32))
		die("random");
}

static void transmit(struct psk *p, const struct wire *w)
{
	wire_send(p->fd, w->data, w->len);
	p->sent += w->len;
}

static int receive(struct psk *p, struct wire *w, int ms)
{
	int n = wire_recv(p->fd, w->data, sizeof(w->data), ms);

	w->len = n < 0 ? 0 : (size_t)n;
	if (n >= 0) {
		p->received += w->len;
		p->datagrams++;
	}
	return n;
}

static void put_handshake(struct psk *p, struct wire *out, uint8_t type, const struct wire *body)
{
	struct wire m = { 0 };

	put_message(&m, type, p->message_seq++, body->data, body->len);
	put_bytes(&p->transcript, m.data, m.len);
	put_record(out, MNCSE_HANDSHAKE, 0, p->record_seq++, m.data, m.len);
}

void psk_change_cipher_spec(struct psk *p, struct wire *out)
{
	put_record(out, MNCSE_CHANGE_CIPHER_SPEC, 0, p->record_seq++, "\1", 1);
}

/* Finished stands in the transcript in clear and leaves under the keys. */
void psk_put_finished(struct psk *p, struct wire *out)
{
	uint8_t data[FINISHED_LEN];
	struct wire m = { 0 };
	int n;

	psk_change_cipher_spec(p, out);
	verify_data(p, p->is_server, data);
	put_message(&m, MNCSE_FINISHED, p->message_seq++, data, sizeof(data));
	put_bytes(&p->transcript, m.data, m.len);
	n = mn_record_seal(&p->rec, MNCSE_HANDSHAKE, m.data, m.len, out->data + out->len,
			   sizeof(out->data) - out->len);
	if (n < 0)
		die("seal");
	out->len += (size_t)n;
}

static bool is_finished(struct psk *p, struct mn_record *r)
{
	uint8_t expected[FINISHED_LEN], *data;
	int n = mn_record_open(&p->rec, r, &data);

	if (n != MNCSE_HANDSHAKE_HEADER + FINISHED_LEN || data[0] != MNCSE_FINISHED)
		return false;
	verify_data(p, !p->is_server, expected);
	if (memcmp(data + MNCSE_HANDSHAKE_HEADER, expected, sizeof(expected)))
		return false;
	put_bytes(&p->transcript, data, (size_t)n);
	return true;
}

/* ---- client ---- */

void psk_hello(struct psk *p, struct wire *out)
{
	struct wire b = { 0 };

	p->transcript.len = 0;
	put_number(&b, MNCSE_VERSION_DTLS12, 2);
	put_bytes(&b, p->random[0], 32);
	put_number(&b, 0, 1);
	put_number(&b, p->cookie_len, 1);
	put_bytes(&b, p->cookie, p->cookie_len);
	put_number(&b, 2, 2);
	put_number(&b, p->suite, 2);
	put_number(&b, 0x0100, 2); /* one compression method, null */
	if (!p->no_extensions) {
		put_number(&b, 8, 2);
		put_number(&b, 0x000d0004,
			   4); /* signature_algorithms, which a PSK suite does not use */
		put_number(&b, 0x00020403, 4);
	}
	out->len = 0;
	put_handshake(p, out, MNCSE_CLIENT_HELLO, &b);
}

bool psk_cookie(struct psk *p, int ms)
{
	struct wire w;
	struct mn_record r;
	size_t at = 0;

	psk_hello(p, &w);
	transmit(p, &w);
	if (receive(p, &w, ms) < 0 || mn_record_next(w.data, w.len, &at, &r) <= 0 ||
	    r.body[0] != MNCSE_HELLO_VERIFY_REQUEST || r.len < MNCSE_HANDSHAKE_HEADER + 3)
		return false;
	p->cookie_len = r.body[MNCSE_HANDSHAKE_HEADER + 2];
	if (p->cookie_len > r.len - MNCSE_HANDSHAKE_HEADER - 3)
		return false;
	memcpy(p->cookie, r.body + MNCSE_HANDSHAKE_HEADER + 3, p->cookie_len);
	return true;
}

/* true at ServerHelloDone */
static bool take_server_message(struct psk *p, const struct mn_record *r)
{
	if (r->type != MNCSE_HANDSHAKE || r->epoch || r->len < MNCSE_HANDSHAKE_HEADER)
		return false;
	put_bytes(&p->transcript, r->body, r->len);
	if (r->body[0] == SERVER_HELLO && r->len >= MNCSE_HANDSHAKE_HEADER + 34)
		memcpy(p->random[1], r->body + MNCSE_HANDSHAKE_HEADER + 2, 32);
	return r->body[0] == SERVER_HELLO_DONE;
}

bool psk_server_flight(struct psk *p, int ms)
{
	struct wire w;

	psk_hello(p, &w);
	transmit(p, &w);
	while (receive(p, &w, ms) >= 0) {
		struct mn_record r;
		size_t at = 0;

		while (mn_record_next(w.data, w.len, &at, &r) > 0)
			if (take_server_message(p, &r))
				return true;
	}
	return false;
}

void psk_client_flight(struct psk *p, const void *identity, size_t identity_len, const uint8_t *key,
		       size_t key_len, struct wire *out)
{
	struct wire b = { 0 };

	put_number(&b, identity_len, 2);
	put_bytes(&b, identity, identity_len);
	out->len = 0;
	put_handshake(p, out, MNCSE_CLIENT_KEY_EXCHANGE, &b);
	psk_derive(p, key, key_len);
	psk_put_finished(p, out);
}

bool psk_finish(struct psk *p, int ms)
{
	struct wire w;

	while (!p->open && receive(p, &w, ms) >= 0) {
		struct mn_record r;
		size_t at = 0;

		while (mn_record_next(w.data, w.len, &at, &r) > 0)
			if (r.epoch == 1 && r.type == MNCSE_HANDSHAKE && is_finished(p, &r))
				p->open = true;
	}
	return p->open;
}

void psk_connect(struct psk *p, const void *identity, size_t identity_len, const uint8_t *key,
		 size_t key_len)
{
	struct wire w;

	if (!psk_cookie(p, PSK_PATIENCE_MS))
		die("no HelloVerifyRequest");
	if (!psk_server_flight(p, PSK_PATIENCE_MS))
		die("no ServerHello");
	psk_client_flight(p, identity, identity_len, key, key_len, &w);
	transmit(p, &w);
	if (!psk_finish(p, PSK_PATIENCE_MS))
		die("no Finished of the server");
}

/* ---- server ---- */

static bool take_client_hello(struct psk *p, const struct wire *w)
{
	struct mn_client_hello hello;
	struct mn_record r;
	size_t at = 0;

	if (mn_record_next((uint8_t *)w->data, w->len, &at, &r) <= 0 || !mn_is_client_hello(&r) ||
	    mn_client_hello_read(&r, &hello))
		return false;
	memcpy(p->random[0], hello.random, 32);
	p->message_seq = hello.message_seq;
	p->transcript.len = 0;
	put_bytes(&p->transcript, r.body, r.len);
	return true;
}

bool psk_client_hello(struct psk *p, int ms)
{
	uint64_t end = now_us() + (uint64_t)ms * 1000;
	union mn_addr from;
	struct wire w;

	while (now_us() < end) {
		int n = wire_recv_from(p->fd, w.data, sizeof(w.data), ms, &from);

		w.len = n < 0 ? 0 : (size_t)n;
		if (take_client_hello(p, &w))
			return !connect(p->fd, &from.sa, mn_addr_len(&from));
	}
	return false;
}

void psk_put_server_hello(struct psk *p, struct wire *out)
{
	struct wire b = { 0 };

	put_number(&b, MNCSE_VERSION_DTLS12, 2);
	put_bytes(&b, p->random[1], 32);
	put_number(&b, 0, 1);
	put_number(&b, p->suite, 2);
	put_number(&b, 0, 1);
	put_handshake(p, out, SERVER_HELLO, &b);
}

void psk_put_hint(struct psk *p, struct wire *out, const char *hint)
{
	struct wire b = { 0 };

	put_number(&b, strlen(hint), 2);
	put_bytes(&b, hint, strlen(hint));
	put_handshake(p, out, SERVER_KEY_EXCHANGE, &b);
}

void psk_put_done(struct psk *p, struct wire *out)
{
	const struct wire nothing = { 0 };

	put_handshake(p, out, SERVER_HELLO_DONE, &nothing);
}

bool psk_client_finish(struct psk *p, const uint8_t *key, size_t key_len, int ms)
{
	bool keyed = false;
	struct wire w;

	while (!p->open && receive(p, &w, ms) >= 0) {
		struct mn_record r;
		size_t at = 0;

		while (mn_record_next(w.data, w.len, &at, &r) > 0) {
			if (!r.epoch && r.type == MNCSE_HANDSHAKE && !keyed &&
			    r.body[0] == MNCSE_CLIENT_KEY_EXCHANGE) {
				put_bytes(&p->transcript, r.body, r.len);
				psk_derive(p, key, key_len);
				keyed = true;
			} else if (r.epoch && keyed && r.type == MNCSE_HANDSHAKE) {
				p->open = is_finished(p, &r);
			}
		}
	}
	return p->open;
}

bool psk_accept(struct psk *p, const char *hint, const uint8_t *key, size_t key_len, int ms)
{
	struct wire w = { 0 };

	if (!psk_client_hello(p, ms))
		return false;
	psk_put_server_hello(p, &w);
	psk_put_hint(p, &w, hint);
	psk_put_done(p, &w);
	transmit(p, &w);
	if (!psk_client_finish(p, key, key_len, PSK_PATIENCE_MS))
		die("the client does not finish");
	w.len = 0;
	psk_put_finished(p, &w);
	transmit(p, &w);
	return true;
}

/* ---- both ---- */

void psk_seal(struct psk *p, uint8_t type, const void *data, size_t len, struct wire *out)
{
	uint8_t header[13], nonce[12], tag[16], *text;
	struct wire aad = { 0 };

	put_number(&aad, (uint64_t)1 << 48 | p->rec.write_sequence, 8);
	put_number(&aad, type, 1);
	put_number(&aad, MNCSE_VERSION_DTLS12, 2);
	put_number(&aad, len, 2);
	memcpy(header, aad.data, sizeof(header));
	memcpy(nonce, p->rec.write.iv, 4);
	memcpy(nonce + 4, header, 8);
	put_number(out, type, 1);
	put_number(out, MNCSE_VERSION_DTLS12, 2);
	put_bytes(out, header, 8);
	put_number(out, 8 + len + sizeof(tag), 2);
	put_bytes(out, header, 8);
	text = out->data + out->len;
	put_bytes(out, data, len);
	if (mn_aead_seal(MN_AEAD_AES_128_GCM, p->rec.write.key, nonce, sizeof(nonce), header,
			 sizeof(header), text, len, text, tag, sizeof(tag)))
		die("seal");
	put_bytes(out, tag, sizeof(tag));
	p->rec.write_sequence++;
}

static void send_record(struct psk *p, uint8_t type, const void *data, size_t len)
{
	struct wire w = { 0 };

	psk_seal(p, type, data, len, &w);
	transmit(p, &w);
}

void psk_send(struct psk *p, const void *data, size_t len)
{
	send_record(p, MNCSE_APPLICATION, data, len);
}

void psk_close(struct psk *p)
{
	send_record(p, MNCSE_ALERT, "\1\0", 2);
	p->open = false;
}

/* One record; its plaintext when it is an application's, else -1. */
static int open_record(struct psk *p, struct mn_record *r, void *buf, size_t max)
{
	uint8_t *data;
	int n = r->epoch == 1 ? mn_record_open(&p->rec, r, &data) : -1;

	if (n == 2 && r->type == MNCSE_ALERT) {
		memcpy(p->alert, data, 2);
		p->open = false;
	}
	if (n < 0 || r->type != MNCSE_APPLICATION)
		return -1;
	if ((size_t)n > max)
		die("a record too long");
	memcpy(buf, data, (size_t)n);
	return n;
}

int psk_recv(struct psk *p, void *buf, size_t max, int ms)
{
	uint64_t end = now_us() + (uint64_t)ms * 1000;
	struct wire w;
	int left = ms;

	while (p->open && receive(p, &w, left) >= 0) {
		struct mn_record r;
		size_t at = 0;

		while (mn_record_next(w.data, w.len, &at, &r) > 0) {
			int n = open_record(p, &r, buf, max);

			if (n >= 0)
				return n;
		}
		left = now_us() < end ? (int)((end - now_us()) / 1000) : 0;
	}
	return -1;
}
