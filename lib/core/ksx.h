/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ksx = HMAC-SHA-256(Kpsaxi, label || ID || Rand), TR-0012 8.2.1 and docs/protocol.md "Ksx". */
#ifndef MN_CORE_KSX_H
#define MN_CORE_KSX_H

#include <stddef.h>
#include <stdint.h>

#define MN_KSX_LEN 32
#define MN_RAND_LEN 32

/* id: the device's entity ID, already normalised. Key of 1..MN_KEY_MAX bytes and id of 1..MN_ENTITY_MAX
 * bytes, else -EINVAL. A key shorter than MN_KEY_MIN is the caller's policy: pass it only after the explicit
 * option. The caller zeroes ksx. */
int mn_ksx_derive(const uint8_t *kpsaxi, size_t key_len, const char *id, size_t id_len,
		  const uint8_t rand[MN_RAND_LEN], uint8_t ksx[MN_KSX_LEN]);

#endif
