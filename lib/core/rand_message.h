/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rand-message (docs/protocol.md "Rand"), strict CBOR (RFC 8949) both ways.
 *
 *   inner   82 1a GGGGGGGG 58 20 <32 bytes>
 *   outer   83 1a GGGGGGGG 58 20 <32 bytes> 6x <group> (or 78 LL)
 * generation in shortest form: 00..17 | 18 xx | 19 xxxx | 1a xxxxxxxx. */
#ifndef MN_CORE_RAND_MESSAGE_H
#define MN_CORE_RAND_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "core/identity.h"
#include "core/ksx.h"

#define MN_GROUP_MAX 64 /* bytes of a group's name: UTF-8, normalised as an entity ID is */
#define MN_RAND_MESSAGE_MAX (1 + 5 + 2 + MN_RAND_LEN + 2 + MN_GROUP_MAX)

enum mn_hop { MN_HOP_INNER, MN_HOP_OUTER };

struct mn_rand_message {
	uint32_t generation;
	uint8_t rand[MN_RAND_LEN];
	char group[MN_GROUP_MAX + 1]; /* outer hop only, else "" */
};

/* Returns the number of bytes written (<= max) or -EMSGSIZE, -EINVAL (outer without group, bad group). */
int mn_rand_message_encode(const struct mn_rand_message *m, enum mn_hop hop, uint8_t *out,
			   size_t max);
/* -EBADMSG for anything but exactly the elements of that hop in shortest definite form with nothing
 * after it (group: valid UTF-8 without control characters, 1..MN_GROUP_MAX bytes). out untouched on
 * error. */
int mn_rand_message_decode(const uint8_t *in, size_t len, enum mn_hop hop,
			   struct mn_rand_message *out);

#endif
