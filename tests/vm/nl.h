/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's family, spoken by hand: the tests also send what no library would. */
#ifndef VM_NL_H
#define VM_NL_H

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uapi/mncse_kernel.h"

struct vm_req {
	struct nlmsghdr h;
	struct genlmsghdr g;
	uint8_t data[20000];
};

/* What the last call drew. */
struct vm_answer {
	char text[256];   /* extack */
	uint32_t missing; /* attribute that the kernel missed */
	bool marked;      /* an attribute of the request is named as the bad one */
	bool torn;        /* NLM_F_DUMP_INTR */
	unsigned int n;   /* messages but the last */
};
extern struct vm_answer vm_answer;

int vm_nl_open(void); /* asserts */
void vm_nl_close(int fd);
void vm_req(struct vm_req *r, uint8_t cmd);
void vm_put(struct vm_req *r, uint16_t type, const void *data, size_t len);
void vm_put_u8(struct vm_req *r, uint16_t type, uint8_t v);
void vm_put_u16(struct vm_req *r, uint16_t type, uint16_t v);
void vm_put_u32(struct vm_req *r, uint16_t type, uint32_t v);
void vm_put_u64(struct vm_req *r, uint16_t type, uint64_t v);
size_t vm_nest(struct vm_req *r, uint16_t type);
void vm_nest_end(struct vm_req *r, size_t at);

/* One answer's attributes. */
struct vm_attrs {
	uint8_t cmd;
	const uint8_t *data;
	size_t len;
};
typedef void vm_each(void *arg, const struct vm_attrs *a);
/* Sends and reads to the end. 0 or -errno; each may be NULL. */
int vm_call(int fd, struct vm_req *r, bool dump, vm_each *each, void *arg);
/* First attribute of the type; NULL. In a nest: {0, data, len} of it. */
const void *vm_find(const struct vm_attrs *a, uint16_t type, size_t *len);
uint64_t vm_number(const struct vm_attrs *a, uint16_t type); /* of any width; asserts */

/* The value of a counter of this namespace. */
uint64_t vm_stat(int fd, const char *name);
/* A socket that hears events; reads one with this reason or fails after 30 s without any. */
int vm_events_open(int fd);
bool vm_event_wait(int events, uint32_t reason, uint64_t session);

#endif
