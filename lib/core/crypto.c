// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/crypto.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/hmac.h>
#include <wolfssl/wolfcrypt/sha256.h>
#include <wolfssl/wolfcrypt/wc_port.h>

#define AES_KEY_LEN 16
/* wolfCrypt's CBC allocates a copy of an input that is not aligned to 16 bytes: ours goes through the
 * stack in pieces. */
#define CBC_PIECE 256

static int from_wolfcrypt(int ret)
{
	switch (ret) {
	case 0:
		return 0;
	case AES_GCM_AUTH_E:
	case AES_CCM_AUTH_E:
		return -EBADMSG;
	case BAD_FUNC_ARG:
		return -EINVAL;
	case MEMORY_E:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

/* wolfCrypt counts in 32 bits. */
static bool fits(size_t len)
{
	return len <= UINT32_MAX;
}

void mn_zero(void *p, size_t len)
{
	if (len)
		explicit_bzero(p, len);
}

bool mn_equal(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t diff = 0;

	for (size_t i = 0; i < len; i++)
		diff |= x[i] ^ y[i];
	return diff == 0;
}

int mn_random(void *out, size_t len)
{
	uint8_t *at = out;

	while (len) {
		ssize_t n = getrandom(at, len, 0);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -EIO;
		}
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int mn_sha256(const void *data, size_t len, uint8_t out[MN_SHA256_LEN])
{
	wc_Sha256 sha;
	int ret;

	if (!fits(len))
		return -EINVAL;
	ret = wc_InitSha256_ex(&sha, NULL, INVALID_DEVID);
	if (ret == 0 && len)
		ret = wc_Sha256Update(&sha, data, (word32)len);
	if (ret == 0)
		ret = wc_Sha256Final(&sha, out);
	wc_Sha256Free(&sha);
	mn_zero(&sha, sizeof(sha));
	return from_wolfcrypt(ret);
}

/* HMAC (RFC 2104) with the key's two blocks taken in. */
struct hmac_key {
	wc_Sha256 inner, outer;
};

static void hmac_key_fini(struct hmac_key *k)
{
	wc_Sha256Free(&k->inner);
	wc_Sha256Free(&k->outer);
	mn_zero(k, sizeof(*k));
}

/* A key of at most a block. */
static int hmac_key_init(struct hmac_key *k, const uint8_t *key, size_t len)
{
	uint8_t pad[WC_SHA256_BLOCK_SIZE] = { 0 };
	int ret = wc_InitSha256_ex(&k->inner, NULL, INVALID_DEVID);

	if (ret == 0)
		ret = wc_InitSha256_ex(&k->outer, NULL, INVALID_DEVID);
	if (len)
		memcpy(pad, key, len);
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36;
	if (ret == 0)
		ret = wc_Sha256Update(&k->inner, pad, sizeof(pad));
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	if (ret == 0)
		ret = wc_Sha256Update(&k->outer, pad, sizeof(pad));
	mn_zero(pad, sizeof(pad));
	return ret;
}

static int hmac_run(const struct hmac_key *k, const struct mn_bytes *parts, size_t n,
		    uint8_t out[MN_SHA256_LEN])
{
	wc_Sha256 sha;
	int ret = wc_Sha256Copy((wc_Sha256 *)&k->inner, &sha);

	for (size_t i = 0; ret == 0 && i < n; i++)
		if (parts[i].len)
			ret = wc_Sha256Update(&sha, parts[i].data, (word32)parts[i].len);
	if (ret == 0)
		ret = wc_Sha256Final(&sha, out);
	wc_Sha256Free(&sha);
	if (ret == 0)
		ret = wc_Sha256Copy((wc_Sha256 *)&k->outer, &sha);
	if (ret == 0)
		ret = wc_Sha256Update(&sha, out, MN_SHA256_LEN);
	if (ret == 0)
		ret = wc_Sha256Final(&sha, out);
	wc_Sha256Free(&sha);
	mn_zero(&sha, sizeof(sha));
	return ret;
}

int mn_hmac_sha256(const void *key, size_t key_len, const struct mn_bytes *parts, size_t n,
		   uint8_t out[MN_SHA256_LEN])
{
	uint8_t digest[MN_SHA256_LEN];
	struct hmac_key k;
	int ret;

	for (size_t i = 0; i < n; i++)
		if (!fits(parts[i].len))
			return -EINVAL;
	if (key_len > WC_SHA256_BLOCK_SIZE) { /* RFC 2104 2 */
		ret = mn_sha256(key, key_len, digest);
		if (ret)
			return ret;
		ret = hmac_key_init(&k, digest, sizeof(digest));
		mn_zero(digest, sizeof(digest));
	} else {
		ret = hmac_key_init(&k, key, key_len);
	}
	if (ret == 0)
		ret = hmac_run(&k, parts, n, out);
	hmac_key_fini(&k);
	return from_wolfcrypt(ret);
}

int mn_hkdf_extract(const void *salt, size_t salt_len, const void *ikm, size_t ikm_len,
		    uint8_t prk[MN_SHA256_LEN])
{
	static const uint8_t no_salt[MN_SHA256_LEN];
	struct mn_bytes part = { ikm, ikm_len };

	if (salt_len == 0)
		return mn_hmac_sha256(no_salt, sizeof(no_salt), &part, 1, prk);
	return mn_hmac_sha256(salt, salt_len, &part, 1, prk);
}

int mn_hkdf_expand(const uint8_t prk[MN_SHA256_LEN], const void *info, size_t info_len, void *out,
		   size_t out_len)
{
	/* RFC 5869 2.3 */
	if (out_len > 255 * MN_SHA256_LEN || !fits(info_len))
		return -EINVAL;
	if (out_len == 0)
		return 0;
	return from_wolfcrypt(wc_HKDF_Expand(WC_SHA256, prk, MN_SHA256_LEN, info, (word32)info_len,
					     out, (word32)out_len));
}

int mn_hkdf_expand_each(const uint8_t prk[MN_SHA256_LEN], const struct mn_hkdf_output *list,
			size_t n)
{
	static const uint8_t one = 1;
	uint8_t block[MN_SHA256_LEN];
	struct hmac_key key;
	int ret = hmac_key_init(&key, prk, MN_SHA256_LEN);

	for (size_t i = 0; ret == 0 && i < n; i++) {
		const struct mn_bytes parts[] = { list[i].info, { &one, 1 } };

		if (list[i].out_len > sizeof(block) || !fits(list[i].info.len)) {
			ret = BAD_FUNC_ARG;
			break;
		}
		ret = hmac_run(&key, parts, 2, block);
		if (ret == 0)
			memcpy(list[i].out, block, list[i].out_len);
	}
	hmac_key_fini(&key);
	mn_zero(block, sizeof(block));
	return from_wolfcrypt(ret);
}

static int aead_check(enum mn_aead alg, size_t nonce_len, size_t aad_len, size_t len,
		      size_t tag_len)
{
	if (!fits(aad_len) || !fits(len))
		return -EINVAL;
	switch (alg) {
	case MN_AEAD_AES_128_GCM:
		return nonce_len == 12 && tag_len == 16 ? 0 : -EINVAL;
	case MN_AEAD_AES_128_CCM:
		/* The length field has 15 - nonce_len bytes (RFC 3610 2.1). */
		if ((nonce_len != 12 && nonce_len != 13) || (tag_len != 8 && tag_len != 16) ||
		    len >= (size_t)1 << 8 * (15 - nonce_len))
			return -EINVAL;
		return 0;
	}
	return -EINVAL;
}

/* wc_AesFree leaves the key schedule where it is. */
static void aes_fini(Aes *aes)
{
	wc_AesFree(aes);
	mn_zero(aes, sizeof(*aes));
}

/* wc_AesGcmSetKey fills tables of which the AES-NI code makes no use; they are half the cost of a short
 * record. mn_crypto_init would see a wolfSSL in which this is no longer so. */
static int gcm_key(Aes *aes, const uint8_t key[16])
{
#ifdef WOLFSSL_AESNI
	int ret = wc_AesSetKey(aes, key, AES_KEY_LEN, NULL, AES_ENCRYPTION);

	if (ret || aes->use_aesni)
		return ret;
#endif
	return wc_AesGcmSetKey(aes, key, AES_KEY_LEN);
}

static int aead_key(Aes *aes, enum mn_aead alg, const uint8_t key[16])
{
	int ret = wc_AesInit(aes, NULL, INVALID_DEVID);

	if (ret)
		return ret;
	switch (alg) {
	case MN_AEAD_AES_128_GCM:
		return gcm_key(aes, key);
	case MN_AEAD_AES_128_CCM:
		return wc_AesCcmSetKey(aes, key, AES_KEY_LEN);
	}
	return BAD_FUNC_ARG;
}

int mn_aead_seal(enum mn_aead alg, const uint8_t key[16], const uint8_t *nonce, size_t nonce_len,
		 const void *aad, size_t aad_len, const void *in, size_t len, void *out,
		 uint8_t *tag, size_t tag_len)
{
	Aes aes;
	int ret = aead_check(alg, nonce_len, aad_len, len, tag_len);

	if (ret)
		return ret;
	ret = aead_key(&aes, alg, key);
	if (ret == 0 && alg == MN_AEAD_AES_128_GCM)
		ret = wc_AesGcmEncrypt(&aes, out, in, (word32)len, nonce, (word32)nonce_len, tag,
				       (word32)tag_len, aad, (word32)aad_len);
	else if (ret == 0)
		ret = wc_AesCcmEncrypt(&aes, out, in, (word32)len, nonce, (word32)nonce_len, tag,
				       (word32)tag_len, aad, (word32)aad_len);
	aes_fini(&aes);
	return from_wolfcrypt(ret);
}

int mn_aead_open(enum mn_aead alg, const uint8_t key[16], const uint8_t *nonce, size_t nonce_len,
		 const void *aad, size_t aad_len, const void *in, size_t len, void *out,
		 const uint8_t *tag, size_t tag_len)
{
	Aes aes;
	int ret = aead_check(alg, nonce_len, aad_len, len, tag_len);

	if (ret)
		return ret;
	ret = aead_key(&aes, alg, key);
	if (ret == 0 && alg == MN_AEAD_AES_128_GCM)
		ret = wc_AesGcmDecrypt(&aes, out, in, (word32)len, nonce, (word32)nonce_len, tag,
				       (word32)tag_len, aad, (word32)aad_len);
	else if (ret == 0)
		ret = wc_AesCcmDecrypt(&aes, out, in, (word32)len, nonce, (word32)nonce_len, tag,
				       (word32)tag_len, aad, (word32)aad_len);
	aes_fini(&aes);
	/* Both decrypt before they compare: nothing unverified leaves this function. */
	if (ret)
		mn_zero(out, len);
	return from_wolfcrypt(ret);
}

typedef int (*cbc_fn)(Aes *aes, byte *out, const byte *in, word32 len);

static int cbc(cbc_fn run, int direction, const uint8_t key[16], const uint8_t iv[16],
	       const void *in, size_t len, void *out)
{
	uint8_t piece[CBC_PIECE] __attribute__((aligned(16)));
	const uint8_t *from = in;
	uint8_t *to = out;
	Aes aes;
	int ret;

	if (len % AES_BLOCK_SIZE)
		return -EINVAL;
	ret = wc_AesInit(&aes, NULL, INVALID_DEVID);
	if (ret == 0)
		ret = wc_AesSetKey(&aes, key, AES_KEY_LEN, iv, direction);
	while (ret == 0 && len) {
		size_t n = len < CBC_PIECE ? len : CBC_PIECE;

		memcpy(piece, from, n);
		ret = run(&aes, piece, piece, (word32)n);
		memcpy(to, piece, n);
		from += n;
		to += n;
		len -= n;
	}
	aes_fini(&aes);
	mn_zero(piece, sizeof(piece));
	return from_wolfcrypt(ret);
}

int mn_cbc_encrypt(const uint8_t key[16], const uint8_t iv[16], const void *in, size_t len,
		   void *out)
{
	return cbc(wc_AesCbcEncrypt, AES_ENCRYPTION, key, iv, in, len, out);
}

int mn_cbc_decrypt(const uint8_t key[16], const uint8_t iv[16], const void *in, size_t len,
		   void *out)
{
	return cbc(wc_AesCbcDecrypt, AES_DECRYPTION, key, iv, in, len, out);
}

/* One use of each primitive, with a known answer: wolfCrypt then knows the CPU, before a second thread
 * can ask. */
int mn_crypto_init(void)
{
	static const uint8_t zero[AES_KEY_LEN];
	static const struct {
		enum mn_aead alg;
		uint8_t tag[16];
	} known[] = {
		{ MN_AEAD_AES_128_GCM, /* GCM specification, test case 2 */
		  { 0xab, 0x6e, 0x47, 0xd4, 0x2c, 0xec, 0x13, 0xbd, 0xf5, 0x3a, 0x67, 0xb2, 0x12,
		    0x57, 0xbd, 0xdf } },
		{ MN_AEAD_AES_128_CCM,
		  { 0x4d, 0x4f, 0xa3, 0xaf, 0x0b, 0xf6, 0xd3, 0x45, 0x41, 0x71, 0x30, 0x6f, 0xfa,
		    0xdd, 0x9a, 0xfd } },
	};
	const struct mn_bytes part = { zero, sizeof(zero) };
	uint8_t text[16], tag[16], digest[MN_SHA256_LEN];
	int ret = from_wolfcrypt(wolfCrypt_Init());

	if (ret)
		return ret;
	ret = mn_hmac_sha256(zero, sizeof(zero), &part, 1, digest);
	for (size_t i = 0; ret == 0 && i < sizeof(known) / sizeof(known[0]); i++) {
		ret = mn_aead_seal(known[i].alg, zero, zero, 12, NULL, 0, zero, sizeof(text), text,
				   tag, sizeof(tag));
		if (ret == 0)
			ret = mn_aead_open(known[i].alg, zero, zero, 12, NULL, 0, text,
					   sizeof(text), text, known[i].tag, sizeof(tag));
	}
	if (ret == 0)
		ret = mn_cbc_encrypt(zero, zero, text, sizeof(text), text);
	if (ret == 0)
		ret = mn_cbc_decrypt(zero, zero, text, sizeof(text), text);
	if (ret)
		return ret;
	return mn_equal(text, zero, sizeof(text)) ? 0 : -EIO;
}
