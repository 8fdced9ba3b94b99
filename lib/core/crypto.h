/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The primitives that the protocol uses, over wolfCrypt: the only place besides
 * dtls/handshake.c that includes wolfSSL's headers. All return 0 or -errno. */
#ifndef MN_CORE_CRYPTO_H
#define MN_CORE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MN_SHA256_LEN 32

/* Call once on the main thread before any worker starts (wolfCrypt detects the CPU lazily). -EBADMSG
 * or -EIO when wolfCrypt does not give the known answers. */
int mn_crypto_init(void);

/* len bytes from the kernel's generator (getrandom). Never fails short. -EIO. */
int mn_random(void *out, size_t len);

/* Zeroes memory so that the compiler cannot leave it out. */
void mn_zero(void *p, size_t len);

/* Constant-time comparison; true when equal. */
bool mn_equal(const void *a, const void *b, size_t len);

struct mn_bytes {
	const void *data;
	size_t len;
};

int mn_sha256(const void *data, size_t len, uint8_t out[MN_SHA256_LEN]);

/* HMAC-SHA-256 (RFC 2104) over the n parts in order. Key of any length. */
int mn_hmac_sha256(const void *key, size_t key_len, const struct mn_bytes *parts, size_t n,
		   uint8_t out[MN_SHA256_LEN]);

/* RFC 5869. salt may be NULL with salt_len 0. */
int mn_hkdf_extract(const void *salt, size_t salt_len, const void *ikm, size_t ikm_len,
		    uint8_t prk[MN_SHA256_LEN]);
int mn_hkdf_expand(const uint8_t prk[MN_SHA256_LEN], const void *info, size_t info_len, void *out,
		   size_t out_len);
/* The same for n outputs of at most MN_SHA256_LEN bytes each: the key is taken in once. -EINVAL for a longer one. */
struct mn_hkdf_output {
	struct mn_bytes info;
	void *out;
	size_t out_len;
};
int mn_hkdf_expand_each(const uint8_t prk[MN_SHA256_LEN], const struct mn_hkdf_output *list,
			size_t n);

/* AES-128 AEADs. nonce_len: 12 for GCM and CCM_8 of TLS, 13 for OSCORE's CCM-16-64-128. in and out may
 * be the same buffer. Seal writes len bytes to out and tag_len to tag; open verifies first and
 * leaves out undefined on failure (-EBADMSG). */
enum mn_aead { MN_AEAD_AES_128_GCM, MN_AEAD_AES_128_CCM };
int mn_aead_seal(enum mn_aead alg, const uint8_t key[16], const uint8_t *nonce, size_t nonce_len,
		 const void *aad, size_t aad_len, const void *in, size_t len, void *out,
		 uint8_t *tag, size_t tag_len);
int mn_aead_open(enum mn_aead alg, const uint8_t key[16], const uint8_t *nonce, size_t nonce_len,
		 const void *aad, size_t aad_len, const void *in, size_t len, void *out,
		 const uint8_t *tag, size_t tag_len);

/* AES-128-CBC without padding: len is a multiple of 16; in and out may be the same. */
int mn_cbc_encrypt(const uint8_t key[16], const uint8_t iv[16], const void *in, size_t len,
		   void *out);
int mn_cbc_decrypt(const uint8_t key[16], const uint8_t iv[16], const void *in, size_t len,
		   void *out);

#endif
