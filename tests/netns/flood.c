// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * flood hello|junk|forged|mixed TARGET RATE SECONDS: UDP datagrams to TARGET (IPv4) from forged sources, a new one each, RATE a second
 * (0: as fast as it goes).
 *
 *	hello	a ClientHello without cookie
 *	junk	no DTLS record
 *	forged	an application record of epoch 1 that nobody can open
 *
 * Prints "flood: N sent in N ms" at the end, also when it is told to end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dtls/filter.h"
#include "loop/loop.h"

enum { BATCH = 64, HEADERS = 28, ROOM = 160, NS = 1000000000 };

static volatile sig_atomic_t stopped;

static void stop(int signo)
{
	(void)signo;
	stopped = 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

static size_t hello(uint8_t *p, uint32_t n)
{
	static const uint8_t tail[] = { 0, 0, 0, 4, 0xc0, 0xa8, 0, 0xa8, 1, 0, 0, 4, 0, 22, 0, 0 };
	const uint16_t body = 2 + 32 + sizeof(tail);

	memset(p, 0, 25);
	p[0] = MNCSE_HANDSHAKE;
	mn_put16(p + 1, MNCSE_VERSION_DTLS10);
	mn_put16(p + 11, MNCSE_HANDSHAKE_HEADER + body);
	p[13] = MNCSE_CLIENT_HELLO;
	mn_put16(p + 15, body);
	mn_put16(p + 23, body);
	mn_put16(p + 25, MNCSE_VERSION_DTLS12);
	memset(p + 27, 0x5a, 32);
	memcpy(p + 27, &n, sizeof(n));
	memcpy(p + 59, tail, sizeof(tail));
	return 59 + sizeof(tail);
}

static size_t junk(uint8_t *p, uint32_t n)
{
	memset(p, (int)(n * 7), 80);
	p[0] = (uint8_t)(n % 20);
	return 80;
}

static size_t forged(uint8_t *p, uint32_t n)
{
	memset(p, 0x33, 93);
	p[0] = MNCSE_APPLICATION;
	mn_put16(p + 1, MNCSE_VERSION_DTLS12);
	mn_put16(p + 3, 1);
	mn_put48(p + 5, n);
	mn_put16(p + 11, 80);
	return 93;
}

static size_t fill(const char *kind, uint8_t *p, uint32_t n)
{
	if (!strcmp(kind, "mixed"))
		kind = n % 3 == 0 ? "hello" : n % 3 == 1 ? "junk" : "forged";
	return *kind == 'h' ? hello(p, n) : *kind == 'j' ? junk(p, n) : forged(p, n);
}

/* Sources 10.x.y.z, ports that change with them. The kernel fills in the IP checksum and, as the UDP one may be 0, none is needed. */
static size_t build(const char *kind, uint8_t *p, const struct sockaddr_in *to, uint32_t n)
{
	uint32_t from = htonl(0x0a000001u + n * 2654435761u % 0xfffff0u);
	size_t len = fill(kind, p + HEADERS, n);

	memset(p, 0, HEADERS);
	p[0] = 0x45;
	mn_put16(p + 2, (uint16_t)(HEADERS + len));
	p[8] = 64;
	p[9] = IPPROTO_UDP;
	memcpy(p + 12, &from, 4);
	memcpy(p + 16, &to->sin_addr, 4);
	mn_put16(p + 20, (uint16_t)(1024 + n % 60000));
	memcpy(p + 22, &to->sin_port, 2);
	mn_put16(p + 24, (uint16_t)(8 + len));
	return HEADERS + len;
}

static void pause_until(uint64_t at)
{
	uint64_t now = now_ns();

	if (at > now) {
		struct timespec t = { (time_t)((at - now) / NS), (long)((at - now) % NS) };

		nanosleep(&t, NULL);
	}
}

int main(int argc, char **argv)
{
	static uint8_t bytes[BATCH][ROOM];
	struct mmsghdr m[BATCH] = { 0 };
	struct iovec v[BATCH];
	union mn_addr to;
	uint64_t began, rate, end, sent = 0;
	uint32_t n = 0;
	int fd;

	if (argc != 5 || mn_addr_parse(argv[2], 0, &to) || to.sa.sa_family != AF_INET) {
		fprintf(stderr, "usage: flood hello|junk|forged|mixed TARGET RATE SECONDS\n");
		return 2;
	}
	rate = strtoull(argv[3], NULL, 10);
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	if (fd < 0) {
		fprintf(stderr, "flood: raw socket: %s\n", strerror(errno));
		return 1;
	}
	signal(SIGTERM, stop);
	began = now_ns();
	end = began + strtoull(argv[4], NULL, 10) * NS;
	while (!stopped && now_ns() < end) {
		int done;

		for (int i = 0; i < BATCH; i++) {
			v[i] = (struct iovec){ bytes[i], build(argv[1], bytes[i], &to.in, n++) };
			m[i].msg_hdr = (struct msghdr){ .msg_name = &to.in,
							.msg_namelen = sizeof(to.in),
							.msg_iov = &v[i],
							.msg_iovlen = 1 };
		}
		done = sendmmsg(fd, m, BATCH, 0);
		sent += done > 0 ? (uint64_t)done : 0;
		if (rate)
			pause_until(began + sent * NS / rate);
	}
	printf("flood: %llu sent in %llu ms\n", (unsigned long long)sent,
	       (unsigned long long)((now_ns() - began) / 1000000));
	close(fd);
	return 0;
}
