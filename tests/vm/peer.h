/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other end of a kernel session: a UDP socket of its own and OpenSSL's AEADs, so that nothing of ours checks itself. */
#ifndef VM_PEER_H
#define VM_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nl.h"
#include "uapi/record.h"

enum { VM_GCM = 0x00a8, VM_CCM = 0xc0a4, VM_CCM_8 = 0xc0a8 };
#define VM_OVERHEAD 37

struct vm_peer {
	int fd; /* connected to the taken socket */
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} addr; /* its own */
	uint64_t id;
	uint16_t suite, epoch;
	uint8_t key_in[16], key_out[16], iv_in[4],
		iv_out[4]; /* as the kernel sees it: in = from us */
	uint64_t sequence; /* ours */
};

/* A bound UDP socket on the loopback of the family; asserts. */
int vm_udp(int family);
/* Taken over: its id. */
uint32_t vm_take(int nl, int fd);
void vm_peer_init(struct vm_peer *p, int gateway, uint64_t id, uint16_t suite);
void vm_peer_fini(struct vm_peer *p);
/* New random keys of that epoch; sequence 0. */
void vm_peer_rekey(struct vm_peer *p, uint16_t epoch);

/* The attributes of KEY, without what is in leave_out (a bit an attribute). */
void vm_put_key(struct vm_req *r, const struct vm_peer *p, unsigned int leave_out);
void vm_session_add_req(struct vm_req *r, const struct vm_peer *p, uint32_t socket);
/* 0 or -errno */
int vm_session_add(int nl, const struct vm_peer *p, uint32_t socket, uint32_t group);
int vm_session_del(int nl, uint64_t id, vm_each *each, void *arg);
int vm_send(int nl, uint64_t id, uint8_t content, const void *data, size_t len);
int vm_key_set(int nl, const struct vm_peer *p);
int vm_group(int nl, uint8_t cmd, uint32_t group);

/* Seals with the next number into out; its length. */
size_t vm_seal(struct vm_peer *p, uint8_t type, const void *data, size_t len, uint8_t *out);
/* Seals and sends. */
void vm_say(struct vm_peer *p, uint8_t type, const void *data, size_t len);
/* Receives a record and opens it: length, -1: none within 30 s, -2: does not authenticate. */
int vm_hear(struct vm_peer *p, uint8_t *type, uint64_t *sequence, uint8_t *out, size_t max);
/* Opens a record of n bytes, in place: length, or -2. */
int vm_open(const struct vm_peer *p, uint8_t *record, int n, uint8_t *type, uint64_t *sequence,
	    uint8_t *out, size_t max);
/* A datagram of the taken socket within ms: length, or -1. */
int vm_recv(int fd, uint8_t *out, size_t max, int ms);

#endif
