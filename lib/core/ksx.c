// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/ksx.h"

#include <errno.h>

#include "core/crypto.h"
#include "core/identity.h"

/* 45 ASCII bytes, without the NUL. */
static const char label[] = "oneM2M Group Secure Connection Key derivation";
_Static_assert(sizeof(label) - 1 == 45, "label of Ksx");

int mn_ksx_derive(const uint8_t *kpsaxi, size_t key_len, const char *id, size_t id_len,
		  const uint8_t rand[MN_RAND_LEN], uint8_t ksx[MN_KSX_LEN])
{
	/* Label and Rand have one length each: unambiguous without separators. */
	const struct mn_bytes parts[] = {
		{ label, sizeof(label) - 1 },
		{ id, id_len },
		{ rand, MN_RAND_LEN },
	};

	if (key_len == 0 || key_len > MN_KEY_MAX || id_len == 0 || id_len > MN_ENTITY_MAX)
		return -EINVAL;
	return mn_hmac_sha256(kpsaxi, key_len, parts, sizeof(parts) / sizeof(parts[0]), ksx);
}
