/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams and DTLS records written byte by byte, for tests that send what no honest peer sends. */
#ifndef HOSTILE_WIRE_H
#define HOSTILE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "dtls/filter.h"
#include "loop/loop.h"

#define WIRE_MAX 20000

/* A datagram being written. */
struct wire {
	size_t len;
	uint8_t data[WIRE_MAX];
};

/* Prints "NAME: WHAT" and ends the program with 2: the test could not be carried out. */
void die(const char *what) __attribute__((noreturn));
uint64_t now_us(void);

/* "198.18.1.1:5684"; local may be NULL, its port 0. Connected to peer unless that is NULL. Never fails. */
int wire_socket(const char *local, const char *peer);
void wire_send(int fd, const void *data, size_t len);
/* Length of the next datagram, -1 when none came in time. An ICMP error is passed over. */
int wire_recv(int fd, void *buf, size_t max, int ms);
/* The same on a socket without peer. */
int wire_recv_from(int fd, void *buf, size_t max, int ms, union mn_addr *from);

void put_bytes(struct wire *w, const void *data, size_t len);
void put_number(struct wire *w, uint64_t v, unsigned int bytes);
/* A record of DTLS 1.2 as it stands in clear. */
void put_record(struct wire *w, uint8_t type, uint16_t epoch, uint64_t sequence, const void *body,
		size_t len);
/* A handshake message: header (a fragment from 0 of all of len) and body. */
void put_message(struct wire *w, uint8_t type, uint16_t message_seq, const void *body, size_t len);

/* "22/0/2 20/0 22/1": content type, epoch, and of a clear handshake record the message's type; after each its length. */
void wire_describe(FILE *f, uint8_t *data, size_t len);

/* Hex of a word on the command line; "" is nothing. Ends the program when it is none. */
size_t from_hex(const char *hex, uint8_t *out, size_t max);

#endif
