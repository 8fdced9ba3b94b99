/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A DTLS 1.2-PSK peer of either role, written by hand and driven step by step over a blocking socket, so that a test may leave out, change
 * or repeat every datagram. Suite AES-128-GCM alone, no extended master secret. It repeats nothing by itself. */
#ifndef HOSTILE_PSK_H
#define HOSTILE_PSK_H

#include "dtls/record.h"
#include "wire.h"

/* For what must come. A machine that does much else may not run a program for many seconds. */
#define PSK_PATIENCE_MS 60000

struct psk {
	int fd;
	bool is_server;
	uint8_t random[2][32]; /* client's, server's */
	uint8_t cookie[255];
	size_t cookie_len;
	bool no_extensions;
	uint16_t suite;         /* offered or chosen */
	uint16_t message_seq;   /* our next */
	uint64_t record_seq;    /* our next of epoch 0 */
	struct wire transcript; /* what Finished is over */
	uint8_t master[48];
	struct mn_record_state rec;
	bool open;
	uint8_t alert[2];       /* the last one that came under our keys, 0 0 = none */
	size_t sent, received;  /* bytes so far */
	unsigned int datagrams; /* received */
};

/* Random drawn, all else zero. */
void psk_init(struct psk *p, int fd, bool is_server);

/* ---- client ---- */

/* The ClientHello with the cookie that p has, as one datagram, and it alone in the transcript. */
void psk_hello(struct psk *p, struct wire *out);
/* Sends it and takes the cookie of the HelloVerifyRequest. false: none came. */
bool psk_cookie(struct psk *p, int ms);
/* Sends it with the cookie and takes ServerHello to ServerHelloDone. */
bool psk_server_flight(struct psk *p, int ms);
/* ClientKeyExchange, ChangeCipherSpec and Finished in one datagram; the keys of the session are ready then. */
void psk_client_flight(struct psk *p, const void *identity, size_t identity_len, const uint8_t *key,
		       size_t key_len, struct wire *out);
/* Waits for the server's Finished and checks it. */
bool psk_finish(struct psk *p, int ms);
/* All of it. Ends the program when it fails. */
void psk_connect(struct psk *p, const void *identity, size_t identity_len, const uint8_t *key,
		 size_t key_len);

/* ---- server: answers the ClientHello without a cookie ---- */

/* Waits for a ClientHello from anybody and connects the socket to it. */
bool psk_client_hello(struct psk *p, int ms);
void psk_put_server_hello(struct psk *p, struct wire *out);
void psk_put_hint(struct psk *p, struct wire *out, const char *hint); /* ServerKeyExchange */
void psk_put_done(struct psk *p, struct wire *out);
/* Waits for the client's flight; derives the keys, opens the Finished and checks it. */
bool psk_client_finish(struct psk *p, const uint8_t *key, size_t key_len, int ms);
/* ChangeCipherSpec and Finished. */
void psk_put_finished(struct psk *p, struct wire *out);
/* All of it. false: no client came in time. Ends the program when the client does not have the key. */
bool psk_accept(struct psk *p, const char *hint, const uint8_t *key, size_t key_len, int ms);

/* ---- both ---- */

/* Master secret and keys of the session from key. */
void psk_derive(struct psk *p, const uint8_t *key, size_t key_len);
/* Keys from the master secret that p has. */
void psk_expand(struct psk *p);
void psk_change_cipher_spec(struct psk *p, struct wire *out);
/* A record of any type and of any length of plaintext, also one that no honest engine makes; its number is taken. */
void psk_seal(struct psk *p, uint8_t type, const void *data, size_t len, struct wire *out);
/* One application record. */
void psk_send(struct psk *p, const void *data, size_t len);
/* Length of the next application record that opens, -1 when none came or the session was closed by an alert. */
int psk_recv(struct psk *p, void *buf, size_t max, int ms);
/* close_notify */
void psk_close(struct psk *p);

#endif
