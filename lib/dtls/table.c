// SPDX-License-Identifier: GPL-2.0-or-later
#include "dtls/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"

enum { FIRST_SIZE = 64 };

int mn_table_init(struct mn_table *t)
{
	int err = mn_random(&t->key, sizeof(t->key));

	if (err)
		return err;
	t->size = FIRST_SIZE;
	t->count = 0;
	t->slots = calloc(t->size, sizeof(*t->slots));
	return t->slots ? 0 : -ENOMEM;
}

void mn_table_fini(struct mn_table *t)
{
	free(t->slots);
	memset(t, 0, sizeof(*t));
}

uint64_t mn_table_hash(const struct mn_table *t, const struct mn_udp *udp,
		       const union mn_addr *addr)
{
	__u64 words[4] = { (uintptr_t)udp };

	if (addr->sa.sa_family == AF_INET6) {
		memcpy(&words[1], &addr->in6.sin6_addr, 16);
		words[3] = (__u64)addr->in6.sin6_scope_id << 32 | addr->in6.sin6_port;
	} else {
		words[1] = addr->in.sin_addr.s_addr;
		words[3] = addr->in.sin_port;
	}
	return mncse_siphash(&t->key, words, 4);
}

struct mn_peer *mn_table_find(const struct mn_table *t, const struct mn_udp *udp,
			      const union mn_addr *addr)
{
	struct mn_peer *p = t->slots[mn_table_hash(t, udp, addr) & (t->size - 1)];

	while (p && (p->udp != udp || !mn_addr_equal(&p->addr, addr)))
		p = p->next;
	return p;
}

static void insert(struct mn_table *t, struct mn_peer *p)
{
	struct mn_peer **slot = &t->slots[mn_table_hash(t, p->udp, &p->addr) & (t->size - 1)];

	p->next = *slot;
	*slot = p;
}

/* Without memory for it the table goes on with longer chains. */
static void grow(struct mn_table *t)
{
	struct mn_table bigger = *t;

	bigger.size = t->size * 2;
	bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
	if (!bigger.slots)
		return;
	for (size_t i = 0; i < t->size; i++) {
		struct mn_peer *p = t->slots[i];

		while (p) {
			struct mn_peer *next = p->next;

			insert(&bigger, p);
			p = next;
		}
	}
	free(t->slots);
	*t = bigger;
}

void mn_table_add(struct mn_table *t, struct mn_peer *p)
{
	if (t->count >= t->size)
		grow(t);
	insert(t, p);
	t->count++;
}

void mn_table_del(struct mn_table *t, struct mn_peer *p)
{
	struct mn_peer **at = &t->slots[mn_table_hash(t, p->udp, &p->addr) & (t->size - 1)];

	while (*at && *at != p)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = p->next;
	t->count--;
}
