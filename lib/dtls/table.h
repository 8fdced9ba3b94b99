/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hash table of peers with embedded nodes, keyed so that nobody can aim at one slot. */
#ifndef MN_DTLS_TABLE_H
#define MN_DTLS_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"
#include "uapi/cookie.h"

/* A peer as it is found: by its address and our socket. First member of what is in a table. */
struct mn_peer {
	struct mn_peer *next;
	struct mn_udp *udp;
	union mn_addr addr;
};

struct mn_table {
	struct mncse_cookie_key key;
	struct mn_peer **slots;
	size_t size; /* power of two */
	size_t count;
};
int mn_table_init(struct mn_table *t);
void mn_table_fini(struct mn_table *t); /* the nodes are their owners' */
struct mn_peer *mn_table_find(const struct mn_table *t, const struct mn_udp *udp,
			      const union mn_addr *addr);
void mn_table_add(struct mn_table *t, struct mn_peer *p);
void mn_table_del(struct mn_table *t, struct mn_peer *p);
uint64_t mn_table_hash(const struct mn_table *t, const struct mn_udp *udp,
		       const union mn_addr *addr);

#endif
