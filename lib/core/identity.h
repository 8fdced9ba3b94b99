/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of entities and of credentials (docs/protocol.md "Credentials", TS-0003 10.3). */
#ifndef MN_CORE_IDENTITY_H
#define MN_CORE_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#define MN_ENTITY_MAX 255     /* bytes of an entity ID after NFKC */
#define MN_GATEWAY_ID_MAX 128 /* a gateway's or IN's: it travels as a psk_identity_hint */
#define MN_KPSA_ID_MAX 128    /* bytes of KpsaxmId, KpsamiId, KpsaxiId */
#define MN_KEY_MIN 16
#define MN_KEY_MAX 64
#define MN_KID_LEN 7 /* first bytes of SHA-256(KsxId) */

/* Normalises an entity ID to NFKC. in need not be terminated; out is terminated, at most MN_ENTITY_MAX + 1;
 * out_len may be NULL.
 * Errors, out untouched: -EILSEQ invalid UTF-8 (overlong, surrogate, above U+10FFFF) or unassigned
 * code point, -EINVAL NUL or control character (Cc) before or after normalisation, -ENODATA empty,
 * -E2BIG too long after normalisation. */
int mn_entity_normalise(const void *in, size_t len, char out[MN_ENTITY_MAX + 1], size_t *out_len);

/* Checks a credential identifier byte for byte: UTF-8, `relative@Issuer-FQDN` (one or more characters on
 * both sides of the last '@'; the FQDN of letters, digits, '-', '.'), 1..MN_KPSA_ID_MAX bytes, no
 * NUL or control characters. Same errors; -EPROTO when the form is not relative@FQDN. */
int mn_kpsa_id_check(const void *id, size_t len);

/* Any text: strict UTF-8 (as above, unassigned code points are taken) of 0 or more bytes. -EILSEQ,
 * else -EINVAL when it has a NUL or control character (Cc). */
int mn_text_check(const void *text, size_t len);

/* One sentence that says what an error of the functions above means, for a user. */
const char *mn_identity_strerror(int err);

/* kid of a device: first MN_KID_LEN bytes of SHA-256(KpsaxiId). 0 or -errno. */
int mn_kid(const void *kpsaxi_id, size_t len, uint8_t kid[MN_KID_LEN]);

/* Hex both ways. decode: -EINVAL (odd length or another character), -E2BIG when longer than max. */
int mn_hex_decode(const char *hex, size_t hex_len, uint8_t *out, size_t max, size_t *out_len);
/* out has room for 2 * len + 1. Lower case, terminated. */
void mn_hex_encode(const void *in, size_t len, char *out);

#endif
