// SPDX-License-Identifier: GPL-2.0-or-later
#include "exchange.h"

#include <linux/hashtable.h>
#include <linux/slab.h>

#include "compat.h"
#include "net.h"
#include "outer.h"
#include "session.h"

enum {
	REPLIES_A_DEVICE = 16, /* as many as may be open */
	TOKEN_MARK = 0x4b, /* first byte of our tokens; userspace has its own of another length */
};
#define EXCHANGE_LIFETIME (247 * HZ) /* RFC 7252 4.8.2 */

/* ---- memory ---- */

static bool has_room(struct mnk_net *n, size_t bytes)
{
	return n->carry.bytes + bytes <= READ_ONCE(n->limits.carry_bytes);
}

/* Counted memory. The oldest replies make room. */
static void *take(struct mnk_net *n, size_t size, gfp_t flags)
{
	void *p;

	while (!has_room(n, size) && !list_empty(&n->carry.replies))
		mnk_reply_forget(list_first_entry(&n->carry.replies, struct mnk_reply, fifo));
	if (!has_room(n, size))
		return NULL;
	p = kmalloc(size, GFP_ATOMIC | __GFP_NOWARN | flags);
	if (p)
		n->carry.bytes += size;
	return p;
}

static void give(struct mnk_net *n, void *p, size_t size)
{
	n->carry.bytes -= size;
	kfree(p);
}

/* ---- bytes ---- */

struct mnk_message *mnk_message_new(struct mnk_net *n, const struct mnk_coap *c)
{
	u32 len = mnk_coap_write(c, NULL);
	struct mnk_message *m = take(n, sizeof(*m) + len, 0);

	if (!m)
		return NULL;
	m->net = n;
	refcount_set(&m->ref, 1);
	m->len = len;
	mnk_coap_write(c, m->data);
	return m;
}

struct mnk_message *mnk_message_get(struct mnk_message *m)
{
	refcount_inc(&m->ref);
	return m;
}

void mnk_message_put(struct mnk_message *m)
{
	if (!m || !refcount_dec_and_test(&m->ref))
		return;
	give(m->net, m, sizeof(*m) + m->len);
}

/* ---- exchanges ---- */

struct mnk_exchange *mnk_exchange_new(struct mnk_session *s, struct mnk_outer *outer,
				      struct mnk_message *m)
{
	struct mnk_exchange *e = take(s->net, sizeof(*e), __GFP_ZERO);

	if (!e)
		return NULL;
	if (!mnk_session_get(s)) {
		give(s->net, e, sizeof(*e));
		return NULL;
	}
	e->session = s;
	e->outer = outer ? mnk_outer_get(outer) : NULL;
	e->message = m;
	e->arrived = jiffies;
	e->state = MNK_ENDED;
	INIT_LIST_HEAD(&e->all);
	INIT_LIST_HEAD(&e->mine);
	INIT_HLIST_NODE(&e->by_token);
	refcount_set(&e->ref, 1);
	return e;
}

void mnk_exchange_put(struct mnk_exchange *e)
{
	struct mnk_net *n;

	if (!refcount_dec_and_test(&e->ref))
		return;
	mnk_message_put(e->message);
	if (e->outer)
		mnk_outer_put(e->outer);
	n = e->session->net;
	mnk_session_put(e->session);
	give(n, e, sizeof(*e));
}

void mnk_exchange_begin(struct mnk_exchange *e, struct mnk_client *c)
{
	struct mnk_carry *carry = &e->session->net->carry;

	e->state = e->outer ? MNK_WAITS : MNK_CONFIRMS;
	list_add_tail(&e->all, &carry->exchanges);
	carry->n_exchanges++;
	if (e->outer) {
		hash_add(carry->tokens, &e->by_token, e->serial);
		list_add_tail(&e->mine, &c->open);
		c->n_open++;
		e->outer->n_pending++;
	} else {
		list_add_tail(&e->mine, &c->confirms);
		c->n_confirms++;
	}
}

void mnk_exchange_end(struct mnk_exchange *e)
{
	struct mnk_client *c = e->session->client;

	if (e->state == MNK_ENDED)
		return;
	e->state = MNK_ENDED;
	list_del_init(&e->all);
	list_del_init(&e->mine);
	e->session->net->carry.n_exchanges--;
	if (e->outer) {
		hash_del(&e->by_token);
		c->n_open--;
		e->outer->n_pending--;
	} else {
		c->n_confirms--;
	}
	mnk_exchange_put(e);
}

void mnk_token_write(u64 serial, u8 token[MNK_COAP_TOKEN_MAX])
{
	token[0] = TOKEN_MARK;
	put_unaligned_be16(serial >> 32, token + 1);
	put_unaligned_be32(serial, token + 3);
}

bool mnk_token_read(const struct mnk_coap *m, u64 *serial)
{
	if (m->token_len != MNK_TOKEN_LEN || m->token[0] != TOKEN_MARK)
		return false;
	*serial = (u64)get_unaligned_be16(m->token + 1) << 32 | get_unaligned_be32(m->token + 3);
	return true;
}

struct mnk_exchange *mnk_exchange_find(struct mnk_net *n, u64 serial)
{
	struct mnk_exchange *e;

	hash_for_each_possible(n->carry.tokens, e, by_token,
			       serial) if (e->serial == serial) return e;
	return NULL;
}

/* ---- replies ---- */

void mnk_reply_forget(struct mnk_reply *r)
{
	list_del(&r->fifo);
	list_del(&r->mine);
	r->client->n_replies--;
	r->net->carry.n_replies--;
	mnk_message_put(r->message);
	give(r->net, r, sizeof(*r));
}

void mnk_reply_remember(struct mnk_net *n, struct mnk_client *c, const struct mnk_origin *o,
			struct mnk_message *m, bool up)
{
	struct mnk_reply *r;

	if (c->gone)
		return;
	while (c->n_replies >= REPLIES_A_DEVICE)
		mnk_reply_forget(list_first_entry(&c->replies, struct mnk_reply, mine));
	r = take(n, sizeof(*r), 0);
	if (!r)
		return;
	*r = (struct mnk_reply){
		.client = c,
		.net = n,
		.message = m ? mnk_message_get(m) : NULL,
		.until = jiffies + EXCHANGE_LIFETIME,
		.id = o->id,
		.con = o->con,
		.up = up,
	};
	list_add_tail(&r->fifo, &n->carry.replies);
	list_add_tail(&r->mine, &c->replies);
	c->n_replies++;
	n->carry.n_replies++;
}

struct mnk_reply *mnk_reply_find(struct mnk_client *c, u16 id)
{
	struct mnk_reply *r;

	list_for_each_entry(r, &c->replies,
			    mine) if (r->id == id && time_before(jiffies, r->until)) return r;
	return NULL;
}
