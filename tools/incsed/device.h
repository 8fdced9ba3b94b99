/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device table: kid -> {entity, Kpsaxi, group at a gateway}, and what follows from Ksx of a generation: the PRK, derived at the
 * first message and zeroed when the generation ends, and the OSCORE contexts under it (context.h). */
#ifndef MNT_INCSED_DEVICE_H
#define MNT_INCSED_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/oscore.h"
#include "store/store.h"
#include "table.h"

#define MNT_SALT_LEN 8        /* the random bytes of a kid context */
#define MNT_CONTEXTS_LIVE 16  /* a device and generation (docs/protocol.md "IN") */
#define MNT_CONTEXTS_MAX 4096 /* ever, a device and generation */

struct mnt_direct;
struct mnt_group;

/* A live OSCORE context. */
struct mnt_context {
	uint8_t salt[MNT_SALT_LEN];
	bool keyed;        /* false: loaded at start, oscore holds only the window */
	bool durable;      /* its existence is committed; nothing is answered before */
	unsigned int held; /* answers waiting for the commit: it must not go before them */
	uint64_t used;     /* stamp for the least recently used */
	struct mn_oscore oscore;
};

/* Ksx of a device in one generation. */
struct mnt_ksx {
	uint32_t generation;
	bool has_prk;
	uint8_t prk[32];      /* HKDF-Extract of Ksx */
	unsigned int created; /* live and spent */
	unsigned int live_n;
	struct mnt_context *live[MNT_CONTEXTS_LIVE];
	uint64_t *spent; /* salts as big-endian numbers, ascending */
	unsigned int spent_n, spent_max;
};

struct mnt_device {
	struct mnt_node by_kid; /* only use `group` */
	struct mnt_node by_id;
	struct mnt_device *next; /* of the group */
	struct mnt_device **prev;
	struct mnt_group *group;
	struct mnt_direct *direct; /* only use `direct` (direct.h) */
	char *id;
	char *kpsa_id;
	struct mn_key key; /* Kpsaxi */
	enum mn_store_use use;
	uint8_t kid[MN_KID_LEN];
	bool outdated;          /* while loading: the store has contexts of ended generations */
	uint32_t authenticated; /* last generation with a proof of Ksx, 0 = none */
	uint64_t creation_ms;   /* when the creations so far are paid off at one a minute */
	uint64_t requests;
	struct mnt_ksx *ksx[2]; /* of the current generation and the one before, in any order */
};

struct mnt_devices {
	struct mnt_table by_kid;
	struct mnt_table by_id;
	uint64_t stamp; /* last mnt_context.used */
};

int mnt_devices_init(struct mnt_devices *t);
void mnt_devices_fini(struct mnt_devices *t); /* zeroes and frees the devices */

/* Takes a copy of the record; the device joins the group. -EEXIST, -ENOMEM. */
int mnt_device_add(struct mnt_devices *t, const struct mn_device_record *d, struct mnt_group *g,
		   struct mnt_device **out);
/* Its Ksx, contexts and key are zeroed. No answer may be held for it. */
void mnt_device_del(struct mnt_devices *t, struct mnt_device *d);
struct mnt_device *mnt_device_by_kid(const struct mnt_devices *t, const uint8_t *kid, size_t len);
struct mnt_device *mnt_device_by_id(const struct mnt_devices *t, const char *id);

/* The device's state in that generation, NULL when there is none yet. */
struct mnt_ksx *mnt_device_ksx(const struct mnt_device *d, uint32_t generation);
/* The same, made when absent; in place of the lower of two others. NULL without memory. */
struct mnt_ksx *mnt_device_ksx_get(struct mnt_device *d, uint32_t generation);
/* Zeroes and frees what is of a generation below older_than. True when there was something. */
bool mnt_device_forget(struct mnt_device *d, uint32_t older_than);

#endif
