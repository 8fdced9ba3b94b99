// SPDX-License-Identifier: GPL-2.0-or-later
#include "record.h"

#include <linux/slab.h>
#include <linux/udp.h>
#include <net/udp.h>

#include "carry.h"
#include "compat.h"
#include "net.h"
#include "session.h"
#include "udp.h"

/* ---- a record in a cipher ---- */

struct mnk_op *mnk_op_new(struct mnk_session *s, struct mnk_key *k, struct crypto_aead *a,
			  struct mnk_op **spare)
{
	unsigned int reqsize = crypto_aead_reqsize(a);
	struct mnk_op *op = spare ? *spare : NULL;

	if (op && op->reqsize >= reqsize) {
		*spare = NULL;
	} else {
		op = kmalloc(sizeof(*op) + reqsize, GFP_ATOMIC);
		if (!op)
			return NULL;
		op->reqsize = reqsize;
	}
	if (!mnk_session_get(s))
		goto free;
	if (!mnk_key_get(k))
		goto put_session;
	op->session = s;
	op->key = k;
	mnk_inflight_get(s->net);
	return op;

put_session:
	mnk_session_put(s);
free:
	kfree(op);
	return NULL;
}

/* The namespace is left last: it is waited for. */
void mnk_op_done(struct mnk_op *op, struct mnk_op **spare)
{
	struct mnk_net *n = op->session->net;

	mnk_key_put(op->key);
	mnk_session_put(op->session);
	memzero_explicit(op->iv, sizeof(op->iv));
	if (spare && !*spare)
		*spare = op;
	else
		kfree(op);
	mnk_inflight_put(n);
}

/* Additional data (RFC 5246 6.2.3.3): epoch and sequence 8 | type | version | length of the plaintext */
void mnk_op_prepare(struct mnk_op *op, struct crypto_aead *a, const u8 *salt, u8 *record,
		    unsigned int len, bool open, crypto_completion_t done)
{
	unsigned int tag = op->key->suite->tag;

	memcpy(op->aad, record + 3, 8);
	memcpy(op->aad + 8, record, 3);
	put_unaligned_be16(len, op->aad + 11);
	mnk_key_iv(op->key, salt, record + MNCSE_RECORD_HEADER, op->iv);
	sg_init_table(op->sg, 2);
	sg_set_buf(&op->sg[0], op->aad, MNK_AAD);
	sg_set_buf(&op->sg[1], record + MNCSE_RECORD_HEADER + MNK_EXPLICIT, len + tag);
	aead_request_set_tfm(&op->req, a);
	aead_request_set_callback(&op->req, 0, done, op);
	aead_request_set_ad(&op->req, MNK_AAD);
	aead_request_set_crypt(&op->req, op->sg, op->sg, len + (open ? tag : 0), op->iv);
}

/* ---- in ---- */

enum { UDP = sizeof(struct udphdr) };

/* The record becomes a datagram of its own for userspace. */
static void finish(struct mnk_op *op)
{
	struct sk_buff *skb = op->skb;
	u8 *record = skb->data + UDP;
	struct mncse_kernel_record head = {
		.magic = MNCSE_KERNEL_MAGIC,
		.type = record[0],
		.epoch = cpu_to_be16(op->key->epoch),
		.session_id = cpu_to_be64(op->session->id),
		.sequence = cpu_to_be64(op->sequence),
	};

	memcpy(record, &head, sizeof(head));
	skb_trim(skb, skb->len - op->key->suite->tag);
	udp_hdr(skb)->len = htons(skb->len);
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb->csum_level = 0;
}

/* The key refuses the number. */
static void refused(struct mnk_session *s, const struct mnk_key *k, int err)
{
	if (err == -ESHUTDOWN) {
		mnk_count(s->net, MNK_RX_DROP_EPOCH);
	} else if (err == -ERANGE) {
		mnk_count(s->net, MNK_RX_DROP_LIMIT);
		mnk_session_event(s, MNCSE_REASON_SEQUENCE, k->epoch);
	} else {
		mnk_count(s->net, MNK_RX_DROP_REPLAY);
		mnk_session_event(s, MNCSE_REASON_REPLAY, k->epoch);
	}
}

static bool carried(struct mnk_op *op)
{
	const u8 *record = op->skb->data + UDP;
	unsigned int around = UDP + MNCSE_RECORD_HEADER + MNK_EXPLICIT + op->key->suite->tag;

	if (record[0] != MNCSE_APPLICATION ||
	    !mnk_carry_receive(op->session, record + MNCSE_RECORD_HEADER + MNK_EXPLICIT,
			       op->skb->len - around))
		return false;
	mnk_count(op->session->net, MNK_RX_CARRIED);
	return true;
}

/* The cipher is done with it. 0: deliver it; 1: it was carried; < 0: it is counted, drop it. Under RCU. */
static int opened(struct mnk_op *op, int err)
{
	struct mnk_session *s = op->session;

	if (err) {
		mnk_count(s->net, err == -EBADMSG ? MNK_RX_DROP_AUTH : MNK_RX_DROP_MEMORY);
		if (err == -EBADMSG)
			mnk_session_event(s, MNCSE_REASON_AUTH, op->key->epoch);
		return err;
	}
	err = mnk_key_opened(op->key, op->sequence);
	if (err) {
		refused(s, op->key, err);
		return err;
	}
	mnk_count(s->net, MNK_RX_OPENED);
	atomic64_inc(&s->rx_records);
	WRITE_ONCE(s->active, jiffies);
	if (carried(op))
		return 1;
	finish(op);
	return 0;
}

static void discard(struct sk_buff *skb, int opened)
{
	if (opened > 0)
		consume_skb(skb);
	else
		kfree_skb(skb);
}

static void opened_later(mnk_completion_arg arg, int err)
{
	struct mnk_op *op = mnk_completion_data(arg);

	if (err == -EINPROGRESS)
		return;
	/* Some ciphers complete in process context; the receive queue and the counters want bottom halves off. */
	local_bh_disable();
	rcu_read_lock();
	err = opened(op, err);
	if (err)
		discard(op->skb, err);
	else
		mnk_udp_deliver(op->session, op->skb);
	rcu_read_unlock();
	mnk_op_done(op, NULL);
	local_bh_enable();
}

/* The header at skb->data + UDP is of a record whose epoch is not 0: find key and length, check what can be checked before the cipher. */
static struct mnk_key *usable(struct mnk_session *s, const u8 *record, unsigned int body,
			      u64 *sequence)
{
	struct mnk_key *k = mnk_session_key(s, get_unaligned_be16(record + 3));
	int err;

	if (!k) {
		mnk_count(s->net, MNK_RX_DROP_EPOCH);
		return NULL;
	}
	if (body < MNK_EXPLICIT + k->suite->tag ||
	    body > MNK_EXPLICIT + k->suite->tag + MNCSE_RECORD_PLAIN_MAX) {
		mnk_count(s->net, MNK_RX_DROP_LENGTH);
		return NULL;
	}
	*sequence = get_unaligned_be64(record + 3) & MNCSE_SEQUENCE_MAX;
	err = mnk_key_may_open(k, *sequence);
	if (err) {
		refused(s, k, err);
		return NULL;
	}
	return k;
}

/* skb holds one record, linear and not shared. 1: opened, 0: taken. */
static int receive_one(struct mnk_session *s, struct sk_buff *skb)
{
	u8 *record = skb->data + UDP;
	unsigned int body = skb->len - UDP - MNCSE_RECORD_HEADER;
	struct mnk_key *k;
	struct mnk_op *op;
	u64 sequence;
	int err;

	k = usable(s, record, body, &sequence);
	if (!k)
		goto drop;
	if (atomic_read(&s->net->inflight) >= s->net->limits.inflight) {
		mnk_count(s->net, MNK_RX_DROP_LIMIT);
		goto drop;
	}
	op = mnk_op_new(s, k, k->rx, NULL);
	if (!op) {
		mnk_count(s->net, MNK_RX_DROP_MEMORY);
		goto drop;
	}
	op->skb = skb;
	op->sequence = sequence;
	mnk_op_prepare(op, k->rx, k->rx_salt, record, body - MNK_EXPLICIT - k->suite->tag, true,
		       opened_later);
	err = crypto_aead_decrypt(&op->req);
	if (err == -EINPROGRESS) {
		/* op and skb may be gone */
		mnk_count(s->net, MNK_RX_ASYNC);
		return 0;
	}
	err = opened(op, err);
	mnk_op_done(op, NULL);
	if (!err)
		return 1;
	discard(skb, err);
	return 0;
drop:
	kfree_skb(skb);
	return 0;
}

/* A datagram of several records: each becomes one of its own, in order. */
static void receive_each(struct mnk_session *s, struct sk_buff *skb)
{
	unsigned int at = UDP, len;

	for (; at < skb->len; at += len) {
		const u8 *record = skb->data + at;
		struct sk_buff *one;

		if (skb->len - at < MNCSE_RECORD_HEADER)
			goto junk;
		len = MNCSE_RECORD_HEADER + get_unaligned_be16(record + 11);
		if (len > skb->len - at || get_unaligned_be16(record + 1) != MNCSE_VERSION_DTLS12 ||
		    record[0] < MNCSE_CHANGE_CIPHER_SPEC || record[0] > MNCSE_APPLICATION ||
		    !get_unaligned_be16(record + 3))
			goto junk;
		one = skb_copy(skb, GFP_ATOMIC);
		if (!one) {
			mnk_count(s->net, MNK_RX_DROP_MEMORY);
			continue;
		}
		memmove(one->data + UDP, one->data + at, len);
		skb_trim(one, UDP + len);
		/* skb_copy() leaves the route behind */
		one->skb_iif = skb->skb_iif;
		if (receive_one(s, one))
			mnk_udp_deliver(s, one);
	}
	return;
junk:
	mnk_count(s->net, MNK_RX_DROP_HEADER);
}

int mnk_record_receive(struct mnk_session *s, struct sk_buff *skb)
{
	unsigned int len;
	const u8 *record;

	if (skb_linearize_cow(skb)) {
		mnk_count(s->net, MNK_RX_DROP_MEMORY);
		kfree_skb(skb);
		return 0;
	}
	record = skb->data + UDP;
	len = MNCSE_RECORD_HEADER + get_unaligned_be16(record + 11);
	if (len == skb->len - UDP && get_unaligned_be16(record + 1) == MNCSE_VERSION_DTLS12)
		return receive_one(s, skb);
	receive_each(s, skb);
	consume_skb(skb);
	return 0;
}
