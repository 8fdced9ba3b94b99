// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/netns/hostile/wire.c tests/netns/hostile/psk.c */
/*
 * ClientHellos that no honest client sends, and too many of those that one does:
 *
 *	hostile_hello truncate SERVER		every truncation of a ClientHello, without and with a valid cookie
 *	hostile_hello fragment SERVER		a ClientHello in fragments, or not alone, without and with a valid cookie
 *	hostile_hello cookie SERVER OWN OTHER	a valid cookie in every hand but its own; two addresses of this machine
 *	hostile_hello flood SERVER N		N ClientHellos without a cookie, all different
 *	hostile_hello half SERVER N LOCAL...	N handshakes up to the server's flight from each of these addresses, a port each
 *
 * Prints a line "WHAT: N sent, N hello_verify, N server_hello" for each kind. Exit 1 when more bytes came than went before there was a
 * valid cookie. Each datagram has a record number of its own, which the HelloVerifyRequest repeats.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/crypto.h"
#include "hostile/psk.h"

enum {
	HEADERS = MNCSE_RECORD_HEADER + MNCSE_HANDSHAKE_HEADER,
	EXTENSIONS = 10, /* bytes of psk_hello */
	SERVER_HELLO = 2,
	BARRIER = 0xbaaa,
	SOCKETS = 64,
	IN_FLIGHT = 16,
	FIRST_PORT = 20000,
};

static size_t bytes_out, bytes_in; /* while there is no valid cookie */
static bool amplified;
static int linger_ms;

struct tally {
	unsigned int sent, hello_verify, server_hello;
};

static void show(const char *what, const struct tally *t)
{
	printf("%s: %u sent, %u hello_verify, %u server_hello\n", what, t->sent, t->hello_verify,
	       t->server_hello);
}

/* Counts what came; true when it is the barrier's answer. */
static bool count(struct tally *t, struct wire *w)
{
	struct mn_record r;
	size_t at = 0;

	while (mn_record_next(w->data, w->len, &at, &r) > 0) {
		if (r.type != MNCSE_HANDSHAKE || r.epoch)
			die("an answer that is no handshake message");
		if (r.body[0] == MNCSE_HELLO_VERIFY_REQUEST && r.sequence == BARRIER)
			return true;
		t->hello_verify += r.body[0] == MNCSE_HELLO_VERIFY_REQUEST;
		t->server_hello += r.body[0] == SERVER_HELLO;
	}
	return false;
}

/* The server reads in order: when it has answered this one it has dealt with all before. */
static void settle(int fd, struct tally *t)
{
	struct psk p;
	struct wire w;

	psk_init(&p, fd, false);
	p.record_seq = BARRIER;
	psk_hello(&p, &w);
	wire_send(fd, w.data, w.len);
	bytes_out += w.len;
	do {
		int n = wire_recv(fd, w.data, sizeof(w.data), PSK_PATIENCE_MS);

		if (n < 0)
			die("the server does not answer any more");
		w.len = (size_t)n;
		bytes_in += w.len;
	} while (!count(t, &w));
}

/* At the end of a kind. Where somebody else answers what is stateless, the order of the answers says nothing of the server: then
 * LINGER_MS in the environment says how long to listen on. */
static void finish(int fd, struct tally *t)
{
	struct wire w;
	int n;

	settle(fd, t);
	while (linger_ms && (n = wire_recv(fd, w.data, sizeof(w.data), linger_ms)) >= 0) {
		w.len = (size_t)n;
		bytes_in += w.len;
		count(t, &w);
	}
}

static void send_counted(int fd, struct tally *t, const struct wire *w)
{
	wire_send(fd, w->data, w->len);
	bytes_out += w->len;
	t->sent++;
}

static void check_bytes(void)
{
	printf("%zu bytes out, %zu in\n", bytes_out, bytes_in);
	amplified |= bytes_in > bytes_out;
}

/* A client with a cookie that the server takes. */
static void with_cookie(struct psk *p, const char *local, const char *server)
{
	psk_init(p, wire_socket(local, server), false);
	if (!psk_cookie(p, PSK_PATIENCE_MS))
		die("no HelloVerifyRequest");
}

/* ---- truncate ---- */

enum mend { AS_SENT, RECORD, ALL };

static void cut(struct wire *w, const struct wire *whole, size_t len, enum mend mend)
{
	w->len = len;
	memcpy(w->data, whole->data, len);
	if (mend >= RECORD)
		mn_put16(w->data + 11, (uint16_t)(len - MNCSE_RECORD_HEADER));
	if (mend == ALL) {
		mn_put16(w->data + MNCSE_RECORD_HEADER + 2, (uint16_t)(len - HEADERS));
		mn_put16(w->data + MNCSE_RECORD_HEADER + 10, (uint16_t)(len - HEADERS));
	}
}

static void cut_everywhere(struct psk *p, const char *what)
{
	static const struct {
		const char *name;
		enum mend mend;
		size_t from;
	} kinds[] = {
		{ "as sent", AS_SENT, 1 },
		{ "record mended", RECORD, MNCSE_RECORD_HEADER + 1 },
		{ "all lengths mended", ALL, HEADERS },
	};
	struct wire whole, w;
	uint64_t number = 1;

	psk_hello(p, &whole);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct tally t = { 0 };
		char name[64];

		for (size_t len = kinds[i].from; len < whole.len; len++) {
			mn_put48(whole.data + 5, number++);
			cut(&w, &whole, len, kinds[i].mend);
			send_counted(p->fd, &t, &w);
			if (t.sent % IN_FLIGHT == 0)
				settle(p->fd, &t);
		}
		finish(p->fd, &t);
		snprintf(name, sizeof(name), "%s, %s", what, kinds[i].name);
		show(name, &t);
	}
}

static void truncate_hello(const char *server)
{
	struct psk p;

	psk_init(&p, wire_socket(NULL, server), false);
	cut_everywhere(&p, "no cookie");
	check_bytes();
	with_cookie(&p, NULL, server);
	cut_everywhere(&p, "cookie");
}

/* ---- fragment ---- */

/* A record with len bytes of the ClientHello from offset on. */
static void put_fragment(struct wire *w, const struct wire *hello, size_t offset, size_t len,
			 uint64_t number)
{
	size_t whole = hello->len - HEADERS;
	struct wire m = { 0 };

	put_number(&m, MNCSE_CLIENT_HELLO, 1);
	put_number(&m, whole, 3);
	put_bytes(&m, hello->data + MNCSE_RECORD_HEADER + 4, 2);
	put_number(&m, offset, 3);
	put_number(&m, len, 3);
	put_bytes(&m, hello->data + HEADERS + offset, len);
	put_record(w, MNCSE_HANDSHAKE, 0, number, m.data, m.len);
}

/* The whole hello in pieces of so many bytes, a datagram each or all in one, forwards or backwards. */
static void send_pieces(int fd, struct tally *t, const struct wire *hello, size_t size,
			bool together, bool backwards)
{
	size_t whole = hello->len - HEADERS, n = (whole + size - 1) / size;
	struct wire w = { 0 };

	for (size_t i = 0; i < n; i++) {
		size_t at = (backwards ? n - 1 - i : i) * size;

		put_fragment(&w, hello, at, whole - at < size ? whole - at : size, i);
		if (!together || i == n - 1) {
			send_counted(fd, t, &w);
			w.len = 0;
		}
	}
}

/* A whole ClientHello with something else beside it, or with a fragment of nothing. */
static void send_company(int fd, struct tally *t, const struct wire *hello)
{
	struct wire w = *hello;

	put_record(&w, MNCSE_HANDSHAKE, 0, 7, hello->data + MNCSE_RECORD_HEADER,
		   hello->len - MNCSE_RECORD_HEADER);
	send_counted(fd, t, &w); /* twice in a datagram */
	w.len = 0;
	put_message(&w, MNCSE_CLIENT_HELLO, 1, hello->data + HEADERS, hello->len - HEADERS);
	put_message(&w, MNCSE_CLIENT_HELLO, 2, hello->data + HEADERS, hello->len - HEADERS);
	{
		struct wire record = { 0 };

		put_record(&record, MNCSE_HANDSHAKE, 0, 8, w.data, w.len);
		send_counted(fd, t, &record); /* twice in a record */
	}
	w = *hello;
	put_record(&w, MNCSE_ALERT, 0, 9, "\1\0", 2);
	send_counted(fd, t, &w);
	w.len = 0;
	put_fragment(&w, hello, 0, 0, 10);
	send_counted(fd, t, &w);
	w.len = 0;
	put_fragment(&w, hello, hello->len - HEADERS, 0, 11);
	send_counted(fd, t, &w);
}

static void fragments(struct psk *p, const char *what)
{
	static const size_t sizes[] = { 1, 7, 32, 40 };
	struct tally t = { 0 };
	struct wire hello;

	psk_hello(p, &hello);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (int how = 0; how < 4; how++)
			send_pieces(p->fd, &t, &hello, sizes[i], how & 1, how & 2);
		settle(p->fd, &t);
	}
	send_company(p->fd, &t, &hello);
	finish(p->fd, &t);
	show(what, &t);
}

static void fragment_hello(const char *server)
{
	struct psk p;

	psk_init(&p, wire_socket(NULL, server), false);
	fragments(&p, "no cookie");
	check_bytes();
	with_cookie(&p, NULL, server);
	fragments(&p, "cookie");
}

/* ---- cookie ---- */

static void present(struct psk *p, struct tally *t)
{
	struct wire w;

	psk_hello(p, &w);
	send_counted(p->fd, t, &w);
	settle(p->fd, t);
}

static void from_elsewhere(const struct psk *own, const char *what, int fd)
{
	struct psk p = *own;
	struct tally t = { 0 };

	p.fd = fd;
	present(&p, &t);
	finish(p.fd, &t);
	show(what, &t);
}

static void damaged(const struct psk *own)
{
	struct tally t = { 0 };
	struct psk p = *own;

	for (size_t bit = 0; bit < own->cookie_len * 8; bit++) {
		p = *own;
		p.cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
		present(&p, &t);
	}
	for (p.cookie_len = 1; p.cookie_len < own->cookie_len; p.cookie_len++)
		present(&p, &t);
	p = *own;
	p.cookie_len++;
	present(&p, &t);
	p.cookie_len = sizeof(p.cookie);
	present(&p, &t);
	finish(p.fd, &t);
	show("damaged", &t);
}

static void other_hello(const struct psk *own)
{
	struct tally t = { 0 };
	struct psk p;
	struct wire w;

	for (size_t i = 0; i < sizeof(p.random[0]); i++) {
		p = *own;
		p.random[0][i] ^= 1;
		present(&p, &t);
	}
	p = *own;
	psk_hello(&p, &w);
	mn_put16(w.data + HEADERS, MNCSE_VERSION_DTLS10);
	send_counted(p.fd, &t, &w);
	finish(p.fd, &t);
	show("of another hello", &t);
}

static void cookie(const char *server, const char *address, const char *other)
{
	struct tally t = { 0 };
	struct psk own;
	union mn_addr a;
	socklen_t len = sizeof(a);
	char local[128];

	snprintf(local, sizeof(local), strchr(address, ':') ? "[%s]:0" : "%s:0", address);
	with_cookie(&own, local, server);
	if (getsockname(own.fd, &a.sa, &len))
		die("getsockname");
	snprintf(local, sizeof(local), strchr(other, ':') ? "[%s]:%u" : "%s:%u", other,
		 ntohs(a.in.sin_port)); /* the port is at the same place in both families */
	from_elsewhere(&own, "another address, the same port", wire_socket(local, server));
	from_elsewhere(&own, "another port", wire_socket(NULL, server));
	damaged(&own);
	other_hello(&own);
	check_bytes();
	present(&own, &t);
	finish(own.fd, &t);
	show("its own", &t);
}

/* ---- flood and half ---- */

static void flood(const char *server, unsigned long n)
{
	struct tally t = { 0 };
	int fds[SOCKETS];

	for (int i = 0; i < SOCKETS; i++)
		fds[i] = wire_socket(NULL, server);
	for (unsigned long i = 0; i < n; i++) {
		int fd = fds[i / IN_FLIGHT % SOCKETS];
		struct psk p;
		struct wire w;

		psk_init(&p, fd, false);
		p.record_seq = i % BARRIER;
		psk_hello(&p, &w);
		send_counted(fd, &t, &w);
		if (i % IN_FLIGHT == IN_FLIGHT - 1)
			settle(fd, &t);
	}
	show("flood", &t);
	check_bytes();
}

static void half(const char *server, unsigned long n, char **locals)
{
	struct tally t = { 0 };

	for (; *locals; locals++) {
		for (unsigned long i = 0; i < n; i++) {
			char local[128];
			struct psk p;

			snprintf(local, sizeof(local), "%s:%lu", *locals, FIRST_PORT + i);
			with_cookie(&p, local, server);
			present(&p, &t);
			close(p.fd);
		}
	}
	show("half", &t);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "", *linger = getenv("LINGER_MS");

	if (mn_crypto_init())
		die("cryptography");
	linger_ms = linger ? atoi(linger) : 0;
	if (!strcmp(what, "truncate") && argc == 3)
		truncate_hello(argv[2]);
	else if (!strcmp(what, "fragment") && argc == 3)
		fragment_hello(argv[2]);
	else if (!strcmp(what, "cookie") && argc == 5)
		cookie(argv[2], argv[3], argv[4]);
	else if (!strcmp(what, "flood") && argc == 4)
		flood(argv[2], strtoul(argv[3], NULL, 10));
	else if (!strcmp(what, "half") && argc > 4)
		half(argv[2], strtoul(argv[3], NULL, 10), argv + 4);
	else
		die("see its source for the arguments");
	if (amplified)
		puts("more bytes came than went");
	return amplified;
}
