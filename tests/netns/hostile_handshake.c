// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/netns/hostile/wire.c tests/netns/hostile/psk.c */
/*
 * A handshake with any identity and key, and all that the server sends in it:
 *
 *	hostile_handshake SERVER IDENTITY-HEX KEY-HEX [TIMES]
 *
 * A line for each datagram (wire.h), then "open", or "silent" when the server has dealt with the client's Finished (which a stateless
 * ClientHello behind it tells) without an answer and has none in the time of a retransmission either, also not to the same flight again. Before that
 * "ClientHello again: N datagrams": what the same ClientHello with its cookie draws then, which tells whether the handshake goes on.
 * With TIMES it does so as often, without listening on, and prints "TIMES us: p10 N p50 N p90 N" from Finished to the answer of the
 * ClientHello.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/crypto.h"
#include "hostile/psk.h"

enum { IDENTITY_MAX = 16000, BARRIER = 0x4242, LISTEN_MS = 1100 };

struct attempt {
	const char *server;
	uint8_t identity[IDENTITY_MAX], key[MN_KEY_MAX];
	size_t identity_len, key_len;
	bool quiet;
};

static void show(const struct attempt *a, struct wire *w)
{
	if (a->quiet)
		return;
	wire_describe(stdout, w->data, w->len);
	putchar('\n');
}

static int next(struct psk *p, struct wire *w, int ms)
{
	int n = wire_recv(p->fd, w->data, sizeof(w->data), ms);

	w->len = n < 0 ? 0 : (size_t)n;
	return n;
}

/* A ClientHello without cookie from the same port; its HelloVerifyRequest has its record number. */
static void send_barrier(struct psk *p)
{
	struct psk other;
	struct wire w;

	psk_init(&other, p->fd, false);
	other.record_seq = BARRIER;
	psk_hello(&other, &w);
	wire_send(p->fd, w.data, w.len);
}

static bool is_barrier(struct wire *w)
{
	struct mn_record r;
	size_t at = 0;

	return mn_record_next(w->data, w->len, &at, &r) > 0 && r.type == MNCSE_HANDSHAKE &&
	       !r.epoch && r.sequence == BARRIER && r.body[0] == MNCSE_HELLO_VERIFY_REQUEST;
}

/* Sends the flight; how many datagrams come before the barrier's answer. */
static unsigned int answered(const struct attempt *a, struct psk *p, const struct wire *flight)
{
	unsigned int n = 0;
	struct wire w;

	wire_send(p->fd, flight->data, flight->len);
	send_barrier(p);
	while (next(p, &w, PSK_PATIENCE_MS) >= 0 && !is_barrier(&w)) {
		n++;
		show(a, &w);
	}
	if (!w.len)
		die("the server does not answer any more");
	return n;
}

/* Nothing, as the client does not repeat what it has gone beyond: unless the server has forgotten the handshake. */
static void hello_again(const struct attempt *a, struct psk *p)
{
	struct wire hello;

	p->message_seq = 1;
	psk_hello(p, &hello);
	printf("ClientHello again: %u datagrams\n", answered(a, p, &hello));
}

/* Returns the microseconds that the client's flight took. */
static uint64_t handshake(const struct attempt *a)
{
	struct psk *p = malloc(sizeof(*p));
	struct wire hello, flight, w;
	uint64_t began, took;
	bool any;

	if (!p)
		die("no memory");
	psk_init(p, wire_socket(NULL, a->server), false);
	psk_hello(p, &hello);
	if (!a->quiet)
		printf("hello %zu\n", hello.len);
	psk_init(p, p->fd, false);
	if (!psk_cookie(p, PSK_PATIENCE_MS) || !psk_server_flight(p, PSK_PATIENCE_MS))
		die("no handshake");
	if (!a->quiet)
		printf("server's flight: %u datagrams, %zu bytes\n", p->datagrams, p->received);
	psk_client_flight(p, a->identity, a->identity_len, a->key, a->key_len, &flight);
	began = now_us();
	any = answered(a, p, &flight) > 0;
	took = now_us() - began;
	if (!a->quiet && !any) {
		while (next(p, &w, LISTEN_MS) >= 0) {
			any = true;
			show(a, &w);
		}
		any |= answered(a, p, &flight) > 0;
		hello_again(a, p);
	}
	if (!a->quiet)
		puts(any ? "open" : "silent");
	close(p->fd);
	free(p);
	return took;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void distribution(struct attempt *a, size_t n)
{
	uint64_t *us = calloc(n, sizeof(*us));

	if (!us)
		die("no memory");
	a->quiet = true;
	for (size_t i = 0; i < n; i++)
		us[i] = handshake(a);
	qsort(us, n, sizeof(*us), by_value);
	printf("%zu us: p10 %lu p50 %lu p90 %lu\n", n, us[n / 10], us[n / 2], us[n * 9 / 10]);
	free(us);
}

int main(int argc, char **argv)
{
	struct attempt a = { 0 };

	if (argc < 4 || argc > 5) {
		fputs("usage: hostile_handshake SERVER IDENTITY-HEX KEY-HEX [TIMES]\n", stderr);
		return 2;
	}
	if (mn_crypto_init())
		die("cryptography");
	a.server = argv[1];
	a.identity_len = from_hex(argv[2], a.identity, sizeof(a.identity));
	a.key_len = from_hex(argv[3], a.key, sizeof(a.key));
	if (argc == 5)
		distribution(&a, strtoul(argv[4], NULL, 10));
	else
		handshake(&a);
	return 0;
}
