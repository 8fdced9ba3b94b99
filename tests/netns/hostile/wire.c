// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/identity.h"

void die(const char *what)
{
	fflush(stdout);
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
	exit(2);
}

uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static union mn_addr address(const char *text)
{
	union mn_addr a;

	if (mn_addr_parse(text, 0, &a))
		die(text);
	return a;
}

int wire_socket(const char *local, const char *peer)
{
	union mn_addr a = address(peer ? peer : local);
	int fd = socket(a.sa.sa_family, SOCK_DGRAM, 0), size = 4 << 20;

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (local) {
		a = address(local);
		if (bind(fd, &a.sa, mn_addr_len(&a)))
			die("bind");
	}
	if (peer) {
		a = address(peer);
		if (connect(fd, &a.sa, mn_addr_len(&a)))
			die("connect");
	}
	return fd;
}

/* What an earlier datagram drew (ECONNREFUSED) comes with the next call. */
void wire_send(int fd, const void *data, size_t len)
{
	for (int i = 0; i < 10; i++)
		if (send(fd, data, len, 0) == (ssize_t)len)
			return;
	die("send");
}

int wire_recv_from(int fd, void *buf, size_t max, int ms, union mn_addr *from)
{
	uint64_t end = now_us() + (uint64_t)ms * 1000;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		socklen_t len = sizeof(*from);
		uint64_t now = now_us();
		ssize_t n;

		if (poll(&p, 1, now < end ? (int)((end - now + 999) / 1000) : 0) > 0) {
			n = recvfrom(fd, buf, max, MSG_DONTWAIT, from ? &from->sa : NULL,
				     from ? &len : NULL);
			if (n >= 0)
				return (int)n;
		} else if (now >= end) {
			return -1;
		}
	}
}

int wire_recv(int fd, void *buf, size_t max, int ms)
{
	return wire_recv_from(fd, buf, max, ms, NULL);
}

void put_bytes(struct wire *w, const void *data, size_t len)
{
	if (len > sizeof(w->data) - w->len)
		die("a datagram too long");
	if (len)
		memcpy(w->data + w->len, data, len);
	w->len += len;
}

void put_number(struct wire *w, uint64_t v, unsigned int bytes)
{
	while (bytes--) {
		uint8_t b = (uint8_t)(v >> 8 * bytes);

		put_bytes(w, &b, 1);
	}
}

void put_record(struct wire *w, uint8_t type, uint16_t epoch, uint64_t sequence, const void *body,
		size_t len)
{
	put_number(w, type, 1);
	put_number(w, MNCSE_VERSION_DTLS12, 2);
	put_number(w, epoch, 2);
	put_number(w, sequence, 6);
	put_number(w, len, 2);
	put_bytes(w, body, len);
}

void put_message(struct wire *w, uint8_t type, uint16_t message_seq, const void *body, size_t len)
{
	put_number(w, type, 1);
	put_number(w, len, 3);
	put_number(w, message_seq, 2);
	put_number(w, 0, 3);
	put_number(w, len, 3);
	put_bytes(w, body, len);
}

void wire_describe(FILE *f, uint8_t *data, size_t len)
{
	struct mn_record r;
	const char *sep = "";
	size_t at = 0;
	int more;

	while ((more = mn_record_next(data, len, &at, &r)) > 0) {
		fprintf(f, "%s%u/%u", sep, r.type, r.epoch);
		if (r.type == MNCSE_HANDSHAKE && r.epoch == 0)
			fprintf(f, "/%u", r.body[0]);
		fprintf(f, ":%zu", r.len);
		sep = " ";
	}
	if (more)
		fprintf(f, "%smalformed", sep);
}

size_t from_hex(const char *hex, uint8_t *out, size_t max)
{
	size_t len = 0;

	if (*hex && mn_hex_decode(hex, strlen(hex), out, max, &len))
		die("not hex, or too long");
	return len;
}
