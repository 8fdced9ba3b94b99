/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A gateway with one device and one session to the IN in the kernel; both ends are the test's, each byte of them OpenSSL's and lib/core's. */
#ifndef VM_CARRY_H
#define VM_CARRY_H

#include "core/coap.h"
#include "peer.h"

enum { VM_DEVICE = 1, VM_OUTER = 2, VM_HOP = 7, VM_GENERATION = 0x01020304, VM_MESSAGE = 17000 };

struct vm_carry {
	int nl, udp, outer_udp; /* both sockets are taken */
	uint32_t socket, outer_socket;
	struct vm_peer device, in;
	uint8_t kid[7];
};

/* OUTER_SET has been done, and the device's session carries. */
void vm_carry_start(struct vm_carry *c, int family, uint16_t device_suite, uint16_t in_suite);
void vm_carry_stop(struct vm_carry *c);

/* OUTER_SET of VM_HOP; session 0 is none. attr 0: no other attribute. 0 or -errno */
int vm_outer_set(int nl, uint32_t hop, uint64_t session, uint16_t attr, uint32_t value);
/* SESSION_SET of one attribute. */
int vm_session_set(int nl, uint64_t id, uint16_t attr, uint32_t value);
int vm_limit(int nl, uint16_t attr, uint32_t value);

/* A service request as devices write it. */
struct vm_request {
	enum mn_coap_type type;
	uint8_t code;
	uint16_t id;
	struct mn_coap_token token;
	uint8_t option[64]; /* OSCORE */
	size_t option_len;
	const void *payload;
	size_t payload_len;
	uint16_t extra; /* a further option with the value "x"; 0: none */
};
struct vm_request vm_request(const struct vm_carry *c, uint16_t id);
size_t vm_request_write(const struct vm_request *q, uint8_t out[VM_MESSAGE]);
/* Written, sealed, sent. */
void vm_ask(struct vm_carry *c, const struct vm_request *q);

/* The next message at a peer within 30 s, opened and read; asserts. The bytes live until the next call. */
struct mn_coap vm_message(struct vm_peer *p);
/* The request at the IN: a NON POST with a message ID and token of the kernel's, the device's option and payload; asserts. */
struct mn_coap vm_at_in(struct vm_carry *c, const struct vm_request *q);
/* The IN's answer to the token: code, the option (NULL: unprotected), Max-Age 5, payload, and an option that must not go on. */
void vm_answer_as(struct vm_carry *c, enum mn_coap_type type, uint16_t id,
		  const struct mn_coap_token *to, uint8_t code, const void *option,
		  const void *payload, size_t len);
/* The answer at the device: type, ID (0: one of the kernel's), code; with the request's token. Its ID; asserts. */
uint16_t vm_at_device(struct vm_carry *c, const struct vm_request *q, enum mn_coap_type type,
		      uint8_t code, const void *payload, size_t len);
void vm_empty(struct vm_peer *p, enum mn_coap_type type, uint16_t id);
/* The request comes out at the gateway's socket, whole; asserts. */
void vm_went_up(struct vm_carry *c, const struct vm_request *q);
/* Nothing has come there, and nothing at the peer: all that was sent before has been handled, for the peer has heard of something later. */
bool vm_silent(int fd);
/* A counter reaches the value, within 60 s; asserts. */
void vm_stat_reaches(int nl, const char *name, uint64_t value);

#endif
