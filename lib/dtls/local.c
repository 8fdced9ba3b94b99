// SPDX-License-Identifier: GPL-2.0-or-later
/* Our own addresses that sessions talk from: few, so each is kept once. */
#include <string.h>

#include "dtls/session.h"

enum { LOOK = 64 }; /* a machine with more addresses in use keeps some of them twice */

struct mn_local_ref *mn_local_get(struct mn_endpoint *e, const struct mn_local *l)
{
	struct mn_local_ref *r;
	unsigned int n = 0;

	if (!l->family)
		return NULL;
	LIST_FOREACH(r, &e->locals, link)
	{
		if (n++ == LOOK)
			break;
		if (r->local.family == l->family && r->local.ifindex == l->ifindex &&
		    !memcmp(r->local.addr, l->addr, sizeof(l->addr))) {
			r->refs++;
			return r;
		}
	}
	r = mn_pool_get(&e->local_pool);
	if (!r)
		return NULL; /* the kernel chooses */
	r->local = *l;
	r->refs = 1;
	LIST_INSERT_HEAD(&e->locals, r, link);
	return r;
}

void mn_local_put(struct mn_endpoint *e, struct mn_local_ref *r)
{
	if (!r || --r->refs)
		return;
	LIST_REMOVE(r, link);
	mn_pool_put(&e->local_pool, r);
}

/* A client on a shared socket is found by its own address: its entry in the table has it. */
void mn_session_local(const struct mn_session *s, struct mn_local *out)
{
	const union mn_addr *own = &s->peer.addr;

	memset(out, 0, sizeof(*out));
	if (!s->shared) {
		if (s->local)
			*out = s->local->local;
		return;
	}
	out->family = own->sa.sa_family;
	if (out->family == AF_INET6)
		memcpy(out->addr, &own->in6.sin6_addr, 16);
	else
		memcpy(out->addr, &own->in.sin_addr, 4);
}
