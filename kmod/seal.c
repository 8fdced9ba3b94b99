// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/udp.h>

#include "compat.h"
#include "net.h"
#include "record.h"
#include "session.h"
#include "udp.h"

/* Sequence numbers that a dropped record took are not used again: that is what they are for. */
static int sealed(struct mnk_op *op, int err)
{
	if (!err)
		return mnk_udp_transmit(op->session, op->skb);
	mnk_count(op->session->net, MNK_TX_DROP_CIPHER);
	kfree_skb(op->skb);
	return err;
}

static void sealed_later(mnk_completion_arg arg, int err)
{
	struct mnk_op *op = mnk_completion_data(arg);

	if (err == -EINPROGRESS)
		return;
	local_bh_disable();
	rcu_read_lock();
	sealed(op, err);
	rcu_read_unlock();
	mnk_op_done(op, NULL);
	local_bh_enable();
}

/* header | nonce (= epoch and sequence, so it never repeats under a key) | data | room for the tag */
static u8 *write_record(struct sk_buff *skb, const struct mnk_key *k, u8 type, u64 sequence,
			const void *data, unsigned int len)
{
	unsigned int body = MNK_EXPLICIT + len + k->suite->tag;
	u8 *record = skb_put(skb, MNCSE_RECORD_HEADER + body);

	record[0] = type;
	put_unaligned_be16(MNCSE_VERSION_DTLS12, record + 1);
	put_unaligned_be64((u64)k->epoch << 48 | sequence, record + 3);
	put_unaligned_be16(body, record + 11);
	memcpy(record + MNCSE_RECORD_HEADER, record + 3, MNK_EXPLICIT);
	memcpy(record + MNCSE_RECORD_HEADER + MNK_EXPLICIT, data, len);
	return record;
}

/* 0: the record may be made */
static int ready(struct mnk_session *s, struct mnk_key *k)
{
	if (!k) {
		mnk_count(s->net, MNK_TX_DROP_KEY);
		return -ENOKEY;
	}
	if (!mnk_udp_writable(s->socket)) {
		mnk_count(s->net, MNK_TX_DROP_QUEUE);
		return -ENOBUFS;
	}
	if (atomic_read(&s->net->inflight) >= s->net->limits.inflight) {
		mnk_count(s->net, MNK_TX_DROP_LIMIT);
		return -EBUSY;
	}
	return 0;
}

int mnk_record_send(struct mnk_session *s, u8 type, const void *data, unsigned int len,
		    struct mnk_op **spare)
{
	struct mnk_key *k = rcu_dereference(s->key[0]);
	struct sk_buff *skb;
	struct mnk_op *op;
	bool warn;
	int err;

	err = ready(s, k);
	if (err)
		return err;
	skb = alloc_skb(MNK_UDP_HEADROOM + MNK_OVERHEAD + len, GFP_ATOMIC);
	op = mnk_op_new(s, k, k->tx, spare);
	if (!skb || !op) {
		mnk_count(s->net, MNK_TX_DROP_MEMORY);
		err = -ENOMEM;
		goto drop;
	}
	err = mnk_key_next(k, &op->sequence, &warn);
	if (warn)
		mnk_session_event(s, MNCSE_REASON_SEQUENCE, k->epoch);
	if (err) {
		mnk_count(s->net, MNK_TX_DROP_SEQUENCE);
		goto drop;
	}
	skb_reserve(skb, MNK_UDP_HEADROOM);
	op->skb = skb;
	mnk_op_prepare(op, k->tx, k->tx_salt, write_record(skb, k, type, op->sequence, data, len),
		       len, false, sealed_later);
	err = crypto_aead_encrypt(&op->req);
	if (err == -EINPROGRESS) {
		mnk_count(s->net, MNK_TX_ASYNC);
		return 0;
	}
	err = sealed(op, err);
	mnk_op_done(op, spare);
	return err;

drop:
	if (op)
		mnk_op_done(op, spare);
	kfree_skb(skb);
	return err;
}
