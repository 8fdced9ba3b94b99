/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices that the gateway knows: KpsaxmId -> entity ID, Kpsaxm, group, kid. Found by KpsaxmId (the psk_identity) and by
 * entity ID in constant time. A credential is the `owner` of its device's DTLS session.
 *
 * Life: a removed credential is refused at once, but the structure stays for MND_GRAVE_MS and as long as a
 * session refers to it, because a half-open handshake still holds it as its owner. */
#ifndef MND_CREDENTIALS_H
#define MND_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "core/identity.h"
#include "keyring.h"
#include "store/store.h"

#define MND_CREDENTIALS_MAX 1048576
#define MND_GRAVE_MS 600000 /* twice the longest limits.half_open_s */

struct mnd_device;
struct mnd_group;

struct mnd_credential {
	struct mnd_credential *next_id, *next_entity; /* hash chains */
	TAILQ_ENTRY(mnd_credential) link;             /* all of the table, or the grave */
	struct mnd_group *group;
	struct mnd_device *device; /* of the live session, NULL = offline */
	uint64_t removed_ms;
	uint32_t refs; /* sessions, the dying ones too */
	uint32_t
		key_slot; /* of the key's owner; stays that number when the credential is removed */
	uint8_t key_len;
	uint8_t kid[MN_KID_LEN];
	bool removed;
	bool seen;                    /* mark of a reload */
	const char *entity, *kpsa_id; /* in text */
	char text[];
};

TAILQ_HEAD(mnd_credential_list, mnd_credential);

struct mnd_credentials {
	struct mnd_credential **by_id, **by_entity;
	size_t buckets; /* of each, a power of two */
	size_t n;
	struct mnd_credential_list all, grave;
	struct mnd_keyring own;   /* empty where the keys are another table's */
	struct mnd_keyring *keys; /* only the owner adds and deletes */
};

int mnd_credentials_init(struct mnd_credentials *t);
/* A table on another thread, with the keys of this one. */
int mnd_credentials_init_with(struct mnd_credentials *t, struct mnd_keyring *keys);
void mnd_credentials_fini(struct mnd_credentials *t);
/* Adds a device. -EEXIST (KpsaxmId or entity ID is there), -EINVAL (a key, kid or name of impossible length), -ENOSPC, -ENOMEM. */
int mnd_credentials_add(struct mnd_credentials *t, const struct mn_device_record *r,
			struct mnd_group *group, struct mnd_credential **out);
/* The same as `from` of another table, with its key. Reads nothing of it that changes. */
int mnd_credentials_copy(struct mnd_credentials *t, const struct mnd_credential *from,
			 struct mnd_group *group);
/* Refused from now on. Returns the slot of its key, which is still there: mnd_keyring_del is the caller's, when no table has it. */
uint32_t mnd_credentials_del(struct mnd_credentials *t, struct mnd_credential *c, uint64_t now_ms);
/* Frees what may go from the grave. */
void mnd_credentials_bury(struct mnd_credentials *t, uint64_t now_ms);
struct mnd_credential *mnd_credentials_by_id(const struct mnd_credentials *t, const void *id,
					     size_t len);
struct mnd_credential *mnd_credentials_by_entity(const struct mnd_credentials *t,
						 const char *entity);
/* Whether c is exactly what r says (the store may have changed behind a reload). */
bool mnd_credential_same(const struct mnd_credentials *t, const struct mnd_credential *c,
			 const struct mn_device_record *r);
/* The psk callback's work (mn_endpoint_ops.psk): 0 or -ENOENT. The caller zeroes key. */
int mnd_credentials_psk(const struct mnd_credentials *t, const uint8_t *identity, size_t len,
			uint8_t key[MN_KEY_MAX], size_t *key_len, void **owner);
void mnd_credential_get(struct mnd_credential *c);
void mnd_credential_put(struct mnd_credential *c);

#endif
