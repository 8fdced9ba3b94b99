/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one place where the gateway keeps keys (Kpsaxm of its devices, Kpsami): a region of 64-byte slots, kept out of swap
 * (mlock) and of core dumps, grown in steps. A slot is zeroed when its key goes. */
#ifndef MND_KEYRING_H
#define MND_KEYRING_H

#include <stddef.h>
#include <stdint.h>

struct mnd_keyring {
	uint8_t *base;
	size_t slots;   /* reserved address space */
	size_t used;    /* slots ever handed out */
	size_t locked;  /* bytes from base that are locked */
	uint32_t free;  /* first free slot below used, MND_KEYRING_NONE = none */
	int lock_error; /* errno of the first lock that failed, 0 = all is locked */
};

#define MND_KEYRING_NONE UINT32_MAX

/* Reserves room for that many keys (address space only). -ENOMEM. */
int mnd_keyring_init(struct mnd_keyring *k, size_t slots);
void mnd_keyring_fini(struct mnd_keyring *k);
/* Copies a key of 1..MN_KEY_MAX bytes into a slot. -EINVAL, -ENOSPC. */
int mnd_keyring_add(struct mnd_keyring *k, const uint8_t *key, size_t len, uint32_t *slot);
/* The bytes of a slot, valid until it is deleted. */
const uint8_t *mnd_keyring_key(const struct mnd_keyring *k, uint32_t slot);
void mnd_keyring_del(struct mnd_keyring *k, uint32_t slot);

#endif
