/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A key: both directions of one epoch of a session (RFC 5288, RFC 6655). */
#ifndef MNK_KEYSLOT_H
#define MNK_KEYSLOT_H

#include <crypto/aead.h>
#include <linux/kref.h>
#include <linux/spinlock.h>

#include "core/replay.h"
#include "uapi/record.h"

#define MNK_KEY_LEN 16
#define MNK_SALT_LEN 4
#define MNK_REPLAY_WINDOW 64

enum mnk_cipher { MNK_GCM, MNK_CCM };

struct mnk_suite {
	u16 number; /* IANA's */
	enum mnk_cipher cipher;
	u8 tag;
};
/* NULL: not one of ours */
const struct mnk_suite *mnk_suite_find(u16 number);

/* As it comes by netlink. Whoever has one on the stack zeroes it. */
struct mnk_key_config {
	u16 epoch;
	u8 write[MNK_KEY_LEN], read[MNK_KEY_LEN];
	u8 write_iv[MNK_SALT_LEN], read_iv[MNK_SALT_LEN];
	u64 write_sequence;
	struct mn_replay replay;
	u64 records_max;
};

struct mnk_key {
	const struct mnk_suite *suite;
	struct crypto_aead *tx, *rx;
	u8 tx_salt[MNK_SALT_LEN], rx_salt[MNK_SALT_LEN];
	u16 epoch;
	u64 tx_first, records_max;
	atomic64_t tx_next;
	spinlock_t lock; /* what follows, to tx_closed */
	struct mn_replay replay;
	u64 rx_opened;
	bool closed;   /* seals and opens no more */
	u64 tx_closed; /* tx_next when it was closed */
	struct kref ref;
	struct rcu_head rcu;
};

/* Sleeps. *out is untouched on failure. -ENOENT: the kernel has no such cipher. */
int mnk_key_new(const struct mnk_suite *suite, const struct mnk_key_config *c,
		struct mnk_key **out);
/* The ciphers go after a grace period, zeroed. Any context. */
void mnk_key_put(struct mnk_key *k);
/* false: it is being freed */
bool mnk_key_get(struct mnk_key *k);

/* The next sequence number to seal with; -ERANGE at the end of the space or of the key's records. *warn: seven eighths are used
 * (once), or all. */
int mnk_key_next(struct mnk_key *k, u64 *sequence, bool *warn);
/* Before opening: worth a try? 0, -EALREADY (replay), -ERANGE (the key's records are used up), -ESHUTDOWN (closed). */
int mnk_key_may_open(struct mnk_key *k, u64 sequence);
/* After authentication, exactly once a record: the same answers, and the number is taken. */
int mnk_key_opened(struct mnk_key *k, u64 sequence);

/* From now on it gives no number out and takes none: mnk_key_state tells the last state. Records that have their number are finished. */
void mnk_key_close(struct mnk_key *k);
void mnk_key_state(struct mnk_key *k, u64 *write_sequence, struct mn_replay *replay);

/* 16 bytes for gcm (12 used) and ccm. */
#define MNK_IV_LEN 16
void mnk_key_iv(const struct mnk_key *k, const u8 *salt, const u8 *explicit_nonce,
		u8 iv[MNK_IV_LEN]);

/* Names of the ciphers in use, for the log and the tests. */
int mnk_ciphers_init(void);
const char *mnk_cipher_driver(enum mnk_cipher c);

#endif
