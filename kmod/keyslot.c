// SPDX-License-Identifier: GPL-2.0-or-later
#include "keyslot.h"

#include <linux/moduleparam.h>
#include <linux/slab.h>

static const struct mnk_suite suites[] = {
	{ 0x00a8, MNK_GCM, 16 }, /* TLS_PSK_WITH_AES_128_GCM_SHA256 */
	{ 0x00aa, MNK_GCM, 16 }, /* TLS_DHE_PSK_WITH_AES_128_GCM_SHA256 */
	{ 0xc0a8, MNK_CCM, 8 },  /* TLS_PSK_WITH_AES_128_CCM_8 */
	{ 0xc0a4, MNK_CCM, 16 }, /* TLS_PSK_WITH_AES_128_CCM */
};

/* Which implementation: the kernel's best unless named, as a test of the asynchronous path does. */
static char *gcm = "gcm(aes)";
module_param(gcm, charp, 0444);
MODULE_PARM_DESC(gcm, "AES-GCM, as a name of the kernel's crypto interface");
static char *ccm = "ccm(aes)";
module_param(ccm, charp, 0444);
MODULE_PARM_DESC(ccm, "AES-CCM, as a name of the kernel's crypto interface");

const struct mnk_suite *mnk_suite_find(u16 number)
{
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		if (suites[i].number == number)
			return &suites[i];
	return NULL;
}

static const char *cipher_name(enum mnk_cipher c)
{
	return c == MNK_GCM ? gcm : ccm;
}

/* Asynchronous ciphers are welcome: masking them out would also mask out AES-NI's. */
static int cipher_new(const struct mnk_suite *suite, const u8 *key, struct crypto_aead **out)
{
	struct crypto_aead *a = crypto_alloc_aead(cipher_name(suite->cipher), 0, 0);
	int err;

	if (IS_ERR(a))
		return PTR_ERR(a);
	err = crypto_aead_setkey(a, key, MNK_KEY_LEN);
	if (!err)
		err = crypto_aead_setauthsize(a, suite->tag);
	if (err) {
		crypto_free_aead(a);
		return err;
	}
	*out = a;
	return 0;
}

int mnk_key_new(const struct mnk_suite *suite, const struct mnk_key_config *c, struct mnk_key **out)
{
	struct mnk_key *k = kzalloc(sizeof(*k), GFP_KERNEL_ACCOUNT);
	int err;

	if (!k)
		return -ENOMEM;
	err = cipher_new(suite, c->write, &k->tx);
	if (err)
		goto free_key;
	err = cipher_new(suite, c->read, &k->rx);
	if (err)
		goto free_tx;
	k->suite = suite;
	k->epoch = c->epoch;
	memcpy(k->tx_salt, c->write_iv, MNK_SALT_LEN);
	memcpy(k->rx_salt, c->read_iv, MNK_SALT_LEN);
	k->tx_first = c->write_sequence;
	atomic64_set(&k->tx_next, c->write_sequence);
	k->records_max = c->records_max;
	k->replay = c->replay;
	spin_lock_init(&k->lock);
	kref_init(&k->ref);
	*out = k;
	return 0;

free_tx:
	crypto_free_aead(k->tx);
free_key:
	kfree_sensitive(k);
	return err;
}

/* crypto_free_aead zeroes what the ciphers hold of the keys. */
static void key_free_rcu(struct rcu_head *rcu)
{
	struct mnk_key *k = container_of(rcu, struct mnk_key, rcu);

	crypto_free_aead(k->tx);
	crypto_free_aead(k->rx);
	kfree_sensitive(k);
}

static void key_release(struct kref *ref)
{
	call_rcu(&container_of(ref, struct mnk_key, ref)->rcu, key_free_rcu);
}

void mnk_key_put(struct mnk_key *k)
{
	if (k)
		kref_put(&k->ref, key_release);
}

bool mnk_key_get(struct mnk_key *k)
{
	return kref_get_unless_zero(&k->ref);
}

/* The counter stops where it is refused, so that no number of refused calls brings it round. */
static u64 tx_end(const struct mnk_key *k)
{
	return min(k->tx_first + k->records_max, MNCSE_SEQUENCE_MAX + 1);
}

int mnk_key_next(struct mnk_key *k, u64 *sequence, bool *warn)
{
	u64 end = tx_end(k);
	u64 s = atomic64_fetch_add_unless(&k->tx_next, 1, end);

	*warn = s >= end || s == end - (end - k->tx_first) / 8;
	if (s >= end)
		return -ERANGE;
	*sequence = s;
	return 0;
}

static int check(const struct mnk_key *k, u64 sequence)
{
	if (k->closed)
		return -ESHUTDOWN;
	if (k->rx_opened >= k->records_max)
		return -ERANGE;
	return mn_replay_check(&k->replay, sequence, MNK_REPLAY_WINDOW) ? 0 : -EALREADY;
}

int mnk_key_may_open(struct mnk_key *k, u64 sequence)
{
	int err;

	spin_lock_bh(&k->lock);
	err = check(k, sequence);
	spin_unlock_bh(&k->lock);
	return err;
}

int mnk_key_opened(struct mnk_key *k, u64 sequence)
{
	int err;

	spin_lock_bh(&k->lock);
	err = check(k, sequence);
	if (!err) {
		mn_replay_update(&k->replay, sequence);
		k->rx_opened++;
	}
	spin_unlock_bh(&k->lock);
	return err;
}

void mnk_key_close(struct mnk_key *k)
{
	spin_lock_bh(&k->lock);
	if (!k->closed) {
		k->closed = true;
		k->tx_closed = atomic64_xchg(&k->tx_next, tx_end(k));
	}
	spin_unlock_bh(&k->lock);
}

void mnk_key_state(struct mnk_key *k, u64 *write_sequence, struct mn_replay *replay)
{
	spin_lock_bh(&k->lock);
	*replay = k->replay;
	*write_sequence = k->closed ? k->tx_closed : (u64)atomic64_read(&k->tx_next);
	spin_unlock_bh(&k->lock);
}

/* GCM: salt 4 | explicit nonce 8
 * CCM: L - 1 = 2 | salt 4 | explicit nonce 8 | counter 3, which the cipher fills (RFC 3610 2.3) */
void mnk_key_iv(const struct mnk_key *k, const u8 *salt, const u8 *explicit_nonce,
		u8 iv[MNK_IV_LEN])
{
	u8 *at = iv;

	memset(iv, 0, MNK_IV_LEN);
	if (k->suite->cipher == MNK_CCM)
		*at++ = 2;
	memcpy(at, salt, MNK_SALT_LEN);
	memcpy(at + MNK_SALT_LEN, explicit_nonce, 8);
}

static char drivers[2][CRYPTO_MAX_ALG_NAME];

static int cipher_show(enum mnk_cipher c)
{
	struct crypto_aead *a = crypto_alloc_aead(cipher_name(c), 0, 0);

	if (IS_ERR(a)) {
		pr_err("mncse: no cipher %s\n", cipher_name(c));
		return PTR_ERR(a);
	}
	strscpy(drivers[c], crypto_tfm_alg_driver_name(crypto_aead_tfm(a)), sizeof(drivers[c]));
	pr_info("mncse: %s by %s\n", cipher_name(c), drivers[c]);
	crypto_free_aead(a);
	return 0;
}

const char *mnk_cipher_driver(enum mnk_cipher c)
{
	return drivers[c];
}

int mnk_ciphers_init(void)
{
	return cipher_show(MNK_GCM) ?: cipher_show(MNK_CCM);
}
