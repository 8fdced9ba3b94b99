// SPDX-License-Identifier: GPL-2.0-or-later
#include "selftest.h"

#include <linux/slab.h>

#include "../compat.h"
#include "../keyslot.h"
#include "../record.h"
#include "vectors.h"

static const char text[] = { 'h', 'e', 'l', 'l', 'o' };

static int key_new(u16 suite, struct mnk_key **out)
{
	struct mnk_key_config c = {
		.epoch = 1,
		.write_sequence = 7,
		.records_max = MNCSE_SEQUENCE_MAX + 1,
	};

	for (u8 i = 0; i < MNK_KEY_LEN; i++)
		c.write[i] = c.read[i] = i;
	for (u8 i = 0; i < MNK_SALT_LEN; i++)
		c.write_iv[i] = c.read_iv[i] = 0x10 + i;
	return mnk_key_new(mnk_suite_find(suite), &c, out);
}

/* One record, in place, whether the cipher is asynchronous or not. */
static int run(struct mnk_op *op, struct crypto_aead *a, const u8 *salt, u8 *record, bool open)
{
	DECLARE_CRYPTO_WAIT(wait);

	mnk_op_prepare(op, a, salt, record, sizeof(text), open, crypto_req_done);
	aead_request_set_callback(&op->req, 0, crypto_req_done, &wait);
	return crypto_wait_req(open ? crypto_aead_decrypt(&op->req) : crypto_aead_encrypt(&op->req),
			       &wait);
}

static bool record_is_known(struct mnk_key *k, struct mnk_op *op, u8 *buf,
			    const struct mncse_record_vector *v)
{
	enum { TEXT = MNCSE_RECORD_HEADER + MNK_EXPLICIT };

	memset(buf, 0, sizeof(v->record));
	memcpy(buf, v->record, TEXT);
	memcpy(buf + TEXT, text, sizeof(text));
	if (run(op, k->tx, k->tx_salt, buf, false) || memcmp(buf, v->record, v->len))
		return false;
	if (run(op, k->rx, k->rx_salt, buf, true) || memcmp(buf + TEXT, text, sizeof(text)))
		return false;
	/* a bit of header, ciphertext and tag each */
	for (unsigned int at = 3; at < v->len; at += at < TEXT ? TEXT - 3 : v->len - TEXT - 1) {
		memcpy(buf, v->record, v->len);
		buf[at] ^= 1;
		if (run(op, k->rx, k->rx_salt, buf, true) != -EBADMSG)
			return false;
	}
	return true;
}

static int test_record(const struct mncse_record_vector *v)
{
	struct mnk_key *k;
	struct mnk_op *op;
	u8 *buf;
	int err = key_new(v->suite, &k);

	if (err)
		return err;
	err = -ENOMEM;
	buf = kzalloc(sizeof(v->record), GFP_KERNEL);
	op = kzalloc(sizeof(*op) + max(crypto_aead_reqsize(k->tx), crypto_aead_reqsize(k->rx)),
		     GFP_KERNEL);
	if (buf && op) {
		op->key = k;
		err = record_is_known(k, op, buf, v) ? 0 : -EBADMSG;
		if (err)
			pr_err("mncse: selftest: records of suite %04x are not the known ones\n",
			       v->suite);
	}
	kfree(op);
	kfree(buf);
	mnk_key_put(k);
	return err;
}

static int test_replay(void)
{
	struct mnk_key *k;
	int err = key_new(0x00a8, &k);

	if (err)
		return err;
	for (size_t i = 0; i < ARRAY_SIZE(mncse_replay_vectors) && !err; i++) {
		const struct mncse_replay_vector *v = &mncse_replay_vectors[i];

		if ((mnk_key_opened(k, v->sequence) == 0) != v->taken) {
			pr_err("mncse: selftest: replay step %zu\n", i);
			err = -EBADMSG;
		}
	}
	mnk_key_put(k);
	return err;
}

/* The sequence space ends, and a refused number is not used. */
static int test_sequence(void)
{
	struct mnk_key *k;
	bool warn;
	u64 s;
	int err = key_new(0xc0a8, &k);

	if (err)
		return err;
	atomic64_set(&k->tx_next, MNCSE_SEQUENCE_MAX);
	if (mnk_key_next(k, &s, &warn) || s != MNCSE_SEQUENCE_MAX ||
	    mnk_key_next(k, &s, &warn) != -ERANGE || !warn ||
	    mnk_key_next(k, &s, &warn) != -ERANGE) {
		pr_err("mncse: selftest: the sequence space does not end\n");
		err = -EBADMSG;
	}
	mnk_key_put(k);
	return err;
}

int mnk_selftest(void)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(mncse_record_vectors) && !err; i++)
		err = test_record(&mncse_record_vectors[i]);
	return err ?: test_replay() ?: test_sequence();
}
