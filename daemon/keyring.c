// SPDX-License-Identifier: GPL-2.0-or-later
#include "keyring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "core/crypto.h"
#include "core/identity.h"

enum { SLOT = MN_KEY_MAX, STEP = 64 * 1024 };

_Static_assert(STEP % SLOT == 0, "a step holds whole slots");

int mnd_keyring_init(struct mnd_keyring *k, size_t slots)
{
	size_t size = (slots * SLOT + STEP - 1) / STEP * STEP;
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return -ENOMEM;
	/* Not fatal where the kernel is too old: the process is undumpable besides. */
	madvise(p, size, MADV_DONTDUMP);
	madvise(p, size, MADV_WIPEONFORK);
	*k = (struct mnd_keyring){ .base = p, .slots = size / SLOT, .free = MND_KEYRING_NONE };
	return 0;
}

void mnd_keyring_fini(struct mnd_keyring *k)
{
	if (!k->base)
		return;
	mn_zero(k->base, k->used * SLOT);
	munmap(k->base, k->slots * SLOT);
	*k = (struct mnd_keyring){ .free = MND_KEYRING_NONE };
}

/* Locks the step that the next fresh slot lies in. A failure is remembered and the key kept all the same: whoever runs the
 * gateway decides by RLIMIT_MEMLOCK, and is told. */
static void lock_step(struct mnd_keyring *k)
{
	if (k->used * SLOT < k->locked)
		return;
	if (mlock(k->base + k->locked, STEP) && !k->lock_error)
		k->lock_error = errno;
	k->locked += STEP;
}

int mnd_keyring_add(struct mnd_keyring *k, const uint8_t *key, size_t len, uint32_t *slot)
{
	uint32_t at = k->free;

	if (len == 0 || len > SLOT)
		return -EINVAL;
	if (at != MND_KEYRING_NONE) {
		memcpy(&k->free, k->base + (size_t)at * SLOT, sizeof(k->free));
	} else {
		if (k->used == k->slots)
			return -ENOSPC;
		lock_step(k);
		at = (uint32_t)k->used++;
	}
	memset(k->base + (size_t)at * SLOT, 0, SLOT);
	memcpy(k->base + (size_t)at * SLOT, key, len);
	*slot = at;
	return 0;
}

const uint8_t *mnd_keyring_key(const struct mnd_keyring *k, uint32_t slot)
{
	return k->base + (size_t)slot * SLOT;
}

/* The list of free slots runs through their first four bytes. */
void mnd_keyring_del(struct mnd_keyring *k, uint32_t slot)
{
	mn_zero(k->base + (size_t)slot * SLOT, SLOT);
	memcpy(k->base + (size_t)slot * SLOT, &k->free, sizeof(k->free));
	k->free = slot;
}
