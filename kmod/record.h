/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records in the ciphers, both ways.
 *
 *	type 1 | version 2 | epoch 2 | sequence 6 | length 2 | explicit nonce 8 | ciphertext | tag 16 or 8
 */
#ifndef MNK_RECORD_H
#define MNK_RECORD_H

#include <crypto/aead.h>
#include <linux/scatterlist.h>
#include <linux/skbuff.h>

#include "keyslot.h"

struct mnk_session;

#define MNK_EXPLICIT 8
#define MNK_OVERHEAD (MNCSE_RECORD_HEADER + MNK_EXPLICIT + 16)
#define MNK_AAD 13

/* One record in a cipher. Holds session and key until it is done. */
struct mnk_op {
	struct mnk_session *session;
	struct mnk_key *key;
	struct sk_buff *skb;
	u64 sequence;
	unsigned int reqsize; /* room behind req */
	u8 aad[16], iv[MNK_IV_LEN];
	struct scatterlist sg[2];
	struct aead_request req; /* last: the cipher's part follows */
};

/* Takes references of both and counts the record; NULL: no memory, or too many (counted as `limit`). *spare, when there is one with room,
 * is used first. */
struct mnk_op *mnk_op_new(struct mnk_session *s, struct mnk_key *k, struct crypto_aead *a,
			  struct mnk_op **spare);
/* Lets go of session and key; the memory becomes *spare when that is empty (spare may be NULL). */
void mnk_op_done(struct mnk_op *op, struct mnk_op **spare);
/* aad, iv and sg of the record at `record`; len of the plaintext. decrypt or encrypt in place. */
void mnk_op_prepare(struct mnk_op *op, struct crypto_aead *a, const u8 *salt, u8 *record,
		    unsigned int len, bool open, crypto_completion_t done);

/* encap_rcv of a datagram of the session: skb->data is the UDP header. 1: opened in place, goes on; 0: taken. */
int mnk_record_receive(struct mnk_session *s, struct sk_buff *skb);

/* Seals and sends one record of len bytes in 1..2^14. Bottom halves off, under RCU. 0: sent or in the cipher. -ENOKEY, -ERANGE, -ENOBUFS
 * (send buffer full), -EBUSY (too many in the cipher), -ENOMEM, or of routing. */
int mnk_record_send(struct mnk_session *s, u8 type, const void *data, unsigned int len,
		    struct mnk_op **spare);

#endif
