// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/crypto.h"
#include "core/identity.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT_MAX 256

struct blob {
	uint8_t data[TEXT_MAX];
	size_t len;
};

static struct blob unhex(const char *hex)
{
	struct blob b;

	assert_int_equal(mn_hex_decode(hex, strlen(hex), b.data, sizeof(b.data), &b.len), 0);
	return b;
}

static void assert_hex(const void *got, size_t len, const char *hex)
{
	struct blob want = unhex(hex);

	assert_int_equal(len, want.len);
	assert_memory_equal(got, want.data, len);
}

/* FIPS 180-4 and the examples that NIST publishes with it. */
static void sha256_gives_the_published_digests(void **state)
{
	static const struct {
		const char *text, *digest;
	} cases[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	uint8_t digest[MN_SHA256_LEN];
	char *million = malloc(1000000);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(mn_sha256(cases[i].text, strlen(cases[i].text), digest), 0);
		assert_hex(digest, sizeof(digest), cases[i].digest);
	}
	assert_non_null(million);
	memset(million, 'a', 1000000);
	assert_int_equal(mn_sha256(million, 1000000, digest), 0);
	free(million);
	assert_hex(digest, sizeof(digest),
		   "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	assert_int_equal(mn_sha256(NULL, 0, digest), 0);
	assert_hex(digest, sizeof(digest), cases[0].digest);
}

/* RFC 4231 section 4, cases 1-4, 6 and 7. Each is fed whole, and cut at every place. */
static void hmac_gives_the_digests_of_rfc_4231_in_any_parts(void **state)
{
	struct {
		size_t key_len;
		int key_byte; /* -1: 1, 2, 3, ... */
		const char *key, *text;
		size_t text_len;
		int text_byte;
		const char *mac;
	} cases[] = {
		{ 20, 0x0b, NULL, "Hi There", 8, 0,
		  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
		{ 4, 0, "Jefe", "what do ya want for nothing?", 28, 0,
		  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
		{ 20, 0xaa, NULL, NULL, 50, 0xdd,
		  "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
		{ 25, -1, NULL, NULL, 50, 0xcd,
		  "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
		{ 131, 0xaa, NULL, "Test Using Larger Than Block-Size Key - Hash Key First", 54, 0,
		  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
		{ 131, 0xaa, NULL,
		  "This is a test using a larger than block-size key and a larger than "
		  "block-size data. The key needs to be hashed before being used by the "
		  "HMAC algorithm.",
		  152, 0, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
	};
	uint8_t key[TEXT_MAX], text[TEXT_MAX], mac[MN_SHA256_LEN];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (size_t k = 0; k < cases[i].key_len; k++)
			key[k] = cases[i].key          ? (uint8_t)cases[i].key[k] :
				 cases[i].key_byte < 0 ? (uint8_t)(k + 1) :
							 (uint8_t)cases[i].key_byte;
		memset(text, cases[i].text_byte, cases[i].text_len);
		if (cases[i].text)
			memcpy(text, cases[i].text, cases[i].text_len);
		for (size_t cut = 0; cut <= cases[i].text_len; cut++) {
			struct mn_bytes parts[] = { { text, cut },
						    { NULL, 0 },
						    { text + cut, cases[i].text_len - cut } };

			assert_int_equal(
				mn_hmac_sha256(key, cases[i].key_len, parts, COUNT(parts), mac), 0);
			assert_hex(mac, sizeof(mac), cases[i].mac);
		}
	}
}

static void hmac_takes_an_empty_message_and_an_empty_key(void **state)
{
	uint8_t mac[MN_SHA256_LEN];

	(void)state;
	assert_int_equal(mn_hmac_sha256("", 0, NULL, 0, mac), 0);
	assert_hex(mac, sizeof(mac),
		   "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* RFC 5869 appendix A.1 - A.3 */
static void hkdf_gives_the_keys_of_rfc_5869(void **state)
{
	static const struct {
		const char *ikm, *salt, *info, *prk, *okm;
	} cases[] = {
		{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
		  "f0f1f2f3f4f5f6f7f8f9",
		  "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
		  "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
		  "34007208d5b887185865" },
		{ "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
		  "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
		  "404142434445464748494a4b4c4d4e4f",
		  "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
		  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
		  "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
		  "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
		  "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
		  "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
		  "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
		  "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
		  "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
		  "cc30c58179ec3e87c14c01d5c1f3434f1d87" },
		{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
		  "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
		  "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
		  "9d201395faa4b61a96c8" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct blob ikm = unhex(cases[i].ikm), salt = unhex(cases[i].salt);
		struct blob info = unhex(cases[i].info), okm = unhex(cases[i].okm);
		uint8_t prk[MN_SHA256_LEN], out[TEXT_MAX];

		assert_int_equal(mn_hkdf_extract(salt.len ? salt.data : NULL, salt.len, ikm.data,
						 ikm.len, prk),
				 0);
		assert_hex(prk, sizeof(prk), cases[i].prk);
		assert_int_equal(
			mn_hkdf_expand(prk, info.len ? info.data : NULL, info.len, out, okm.len),
			0);
		assert_memory_equal(out, okm.data, okm.len);
	}
}

static void hkdf_ends_at_255_blocks(void **state)
{
	static uint8_t out[255 * MN_SHA256_LEN + 1];
	uint8_t prk[MN_SHA256_LEN] = { 1 };

	(void)state;
	assert_int_equal(mn_hkdf_expand(prk, "x", 1, out, sizeof(out) - 1), 0);
	assert_int_equal(mn_hkdf_expand(prk, "x", 1, out, sizeof(out)), -EINVAL);
	assert_int_equal(mn_hkdf_expand(prk, "x", 1, out, 0), 0);
}

static void hkdf_of_several_outputs_is_that_of_each(void **state)
{
	uint8_t prk[MN_SHA256_LEN] = { 7 }, out[3][MN_SHA256_LEN], one[MN_SHA256_LEN];
	struct mn_hkdf_output list[] = {
		{ { "a", 1 }, out[0], 16 },
		{ { "", 0 }, out[1], MN_SHA256_LEN },
		{ { "the third", 9 }, out[2], 13 },
	};

	(void)state;
	assert_int_equal(mn_hkdf_expand_each(prk, list, 3), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(mn_hkdf_expand(prk, list[i].info.data, list[i].info.len, one,
						list[i].out_len),
				 0);
		assert_memory_equal(out[i], one, list[i].out_len);
	}
	list[1].out_len++;
	assert_int_equal(mn_hkdf_expand_each(prk, list, 3), -EINVAL);
}

struct aead_case {
	const char *name;
	enum mn_aead alg;
	const char *key, *nonce, *aad, *plain, *cipher, *tag;
};

static const struct aead_case aeads[] = {
	{ "GCM test case 1", MN_AEAD_AES_128_GCM, "00000000000000000000000000000000",
	  "000000000000000000000000", "", "", "", "58e2fccefa7e3061367f1d57a4e7455a" },
	{ "GCM test case 2", MN_AEAD_AES_128_GCM, "00000000000000000000000000000000",
	  "000000000000000000000000", "", "00000000000000000000000000000000",
	  "0388dace60b6a392f328c2b971b2fe78", "ab6e47d42cec13bdf53a67b21257bddf" },
	{ "GCM test case 3", MN_AEAD_AES_128_GCM, "feffe9928665731c6d6a8f9467308308",
	  "cafebabefacedbaddecaf888", "",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
	  "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
	  "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985",
	  "4d5c2af327cd64a62cf35abd2ba6fab4" },
	{ "GCM test case 4", MN_AEAD_AES_128_GCM, "feffe9928665731c6d6a8f9467308308",
	  "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
	  "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
	  "5bc94fbc3221a5db94fae95ae7121a47" },
	{ "RFC 3610 packet vector 1", MN_AEAD_AES_128_CCM, "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf",
	  "00000003020100a0a1a2a3a4a5", "0001020304050607",
	  "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e",
	  "588c979a61c663d2f066d0c2c0f989806d5f6b61dac384", "17e8d12cfdf926e0" },
	{ "SP 800-38C example 3", MN_AEAD_AES_128_CCM, "404142434445464748494a4b4c4d4e4f",
	  "101112131415161718191a1b", "000102030405060708090a0b0c0d0e0f10111213",
	  "202122232425262728292a2b2c2d2e2f3031323334353637",
	  "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5", "484392fbc1b09951" },
	/* By another implementation (OpenSSL): CCM with tags of 16 bytes. */
	{ "CCM nonce 12 tag 16", MN_AEAD_AES_128_CCM, "404142434445464748494a4b4c4d4e4f",
	  "101112131415161718191a1b", "000102030405060708090a0b0c0d0e0f1011121314",
	  "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f40",
	  "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5541bd1d416fa0ce3ec",
	  "8ce6fc715ef9d2397a53986275699ae6" },
	{ "CCM nonce 13 tag 16", MN_AEAD_AES_128_CCM, "404142434445464748494a4b4c4d4e4f",
	  "101112131415161718191a1b1c", "000102030405060708090a0b0c0d0e0f1011121314",
	  "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f40",
	  "69915dad1e84c6376a68c2967e4dab615ae0fd1faec44cc484828529463ccf7232",
	  "1ba315d846f2dd2938ecd261f32f0f9a" },
};

struct aead_run {
	struct blob key, nonce, aad, plain, cipher, tag;
};

static struct aead_run load(const struct aead_case *c)
{
	return (struct aead_run){ unhex(c->key),   unhex(c->nonce),  unhex(c->aad),
				  unhex(c->plain), unhex(c->cipher), unhex(c->tag) };
}

static int open_run(const struct aead_case *c, const struct aead_run *r, uint8_t *out)
{
	return mn_aead_open(c->alg, r->key.data, r->nonce.data, r->nonce.len, r->aad.data,
			    r->aad.len, r->cipher.data, r->cipher.len, out, r->tag.data,
			    r->tag.len);
}

static void aeads_give_the_published_vectors_both_ways_and_in_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(aeads); i++) {
		const struct aead_case *c = &aeads[i];
		struct aead_run r = load(c);
		uint8_t out[TEXT_MAX], tag[16];

		assert_int_equal(mn_aead_seal(c->alg, r.key.data, r.nonce.data, r.nonce.len,
					      r.aad.data, r.aad.len, r.plain.data, r.plain.len, out,
					      tag, r.tag.len),
				 0);
		assert_memory_equal(out, r.cipher.data, r.cipher.len);
		assert_memory_equal(tag, r.tag.data, r.tag.len);
		assert_int_equal(open_run(c, &r, out), 0);
		assert_memory_equal(out, r.plain.data, r.plain.len);

		memcpy(out, r.plain.data, r.plain.len);
		assert_int_equal(mn_aead_seal(c->alg, r.key.data, r.nonce.data, r.nonce.len,
					      r.aad.data, r.aad.len, out, r.plain.len, out, tag,
					      r.tag.len),
				 0);
		assert_memory_equal(out, r.cipher.data, r.cipher.len);
		assert_int_equal(mn_aead_open(c->alg, r.key.data, r.nonce.data, r.nonce.len,
					      r.aad.data, r.aad.len, out, r.plain.len, out, tag,
					      r.tag.len),
				 0);
		assert_memory_equal(out, r.plain.data, r.plain.len);
	}
}

static void assert_refused(const struct aead_case *c, const struct aead_run *r)
{
	static const uint8_t zero[16];
	uint8_t out[TEXT_MAX];

	memset(out, 0x5a, sizeof(out));
	assert_int_equal(open_run(c, r, out), -EBADMSG);
	/* What did not verify is not handed out (a plaintext of zeroes cannot tell). */
	for (size_t i = 0; i + 16 <= r->plain.len; i++)
		if (memcmp(r->plain.data + i, zero, 16) != 0)
			assert_memory_not_equal(out + i, r->plain.data + i, 16);
}

static void aeads_refuse_every_flipped_bit_and_release_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(aeads); i++) {
		const struct aead_case *c = &aeads[i];
		struct aead_run good = load(c), r = good;
		struct blob *parts[] = { &r.key, &r.nonce, &r.aad, &r.cipher, &r.tag };

		for (size_t p = 0; p < COUNT(parts); p++) {
			for (size_t bit = 0; bit < 8 * parts[p]->len; bit++) {
				parts[p]->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
				assert_refused(c, &r);
				r = good;
			}
		}
		if (r.aad.len) {
			r.aad.len--;
			assert_refused(c, &r);
		}
	}
}

static void aeads_work_at_every_length(void **state)
{
	static uint8_t in[1200], out[sizeof(in)], again[sizeof(in)];
	uint8_t key[16] = { 7 }, nonce[13] = { 9 }, tag[16];

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 31);
	for (size_t len = 0; len <= sizeof(in); len += len < 300 ? 1 : 97) {
		assert_int_equal(mn_aead_seal(MN_AEAD_AES_128_GCM, key, nonce, 12, in, len % 40, in,
					      len, out, tag, 16),
				 0);
		assert_int_equal(mn_aead_open(MN_AEAD_AES_128_GCM, key, nonce, 12, in, len % 40,
					      out, len, again, tag, 16),
				 0);
		assert_memory_equal(in, again, len);
		assert_int_equal(mn_aead_seal(MN_AEAD_AES_128_CCM, key, nonce, 13, in, len % 40, in,
					      len, out, tag, 8),
				 0);
		assert_int_equal(mn_aead_open(MN_AEAD_AES_128_CCM, key, nonce, 13, in, len % 40,
					      out, len, again, tag, 8),
				 0);
		assert_memory_equal(in, again, len);
	}
	assert_int_equal(
		mn_aead_seal(MN_AEAD_AES_128_CCM, key, nonce, 12, NULL, 0, NULL, 0, NULL, tag, 8),
		0);
	assert_int_equal(
		mn_aead_open(MN_AEAD_AES_128_CCM, key, nonce, 12, NULL, 0, NULL, 0, NULL, tag, 8),
		0);
}

static void aeads_refuse_parameters_that_the_protocol_does_not_use(void **state)
{
	static const struct {
		enum mn_aead alg;
		size_t nonce_len, tag_len, len;
	} cases[] = {
		{ MN_AEAD_AES_128_GCM, 13, 16, 4 },      { MN_AEAD_AES_128_GCM, 12, 8, 4 },
		{ MN_AEAD_AES_128_GCM, 0, 16, 4 },       { MN_AEAD_AES_128_CCM, 11, 8, 4 },
		{ MN_AEAD_AES_128_CCM, 14, 8, 4 },       { MN_AEAD_AES_128_CCM, 13, 0, 4 },
		{ MN_AEAD_AES_128_CCM, 13, 4, 4 },       { MN_AEAD_AES_128_CCM, 13, 17, 4 },
		{ MN_AEAD_AES_128_CCM, 13, 8, 0x10000 },
	};
	static uint8_t text[0x10000];
	uint8_t key[16] = { 0 }, nonce[16] = { 0 }, tag[32] = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(mn_aead_seal(cases[i].alg, key, nonce, cases[i].nonce_len, NULL, 0,
					      text, cases[i].len, text, tag, cases[i].tag_len),
				 -EINVAL);
		assert_int_equal(mn_aead_open(cases[i].alg, key, nonce, cases[i].nonce_len, NULL, 0,
					      text, cases[i].len, text, tag, cases[i].tag_len),
				 -EINVAL);
	}
}

/* With a nonce of 13 bytes the length has 2 (RFC 3610 2.1), with 12 it has 3. */
static void ccm_takes_messages_up_to_its_length_field(void **state)
{
	static uint8_t text[0x10000];
	uint8_t key[16] = { 0 }, nonce[13] = { 0 }, tag[8];

	(void)state;
	assert_int_equal(mn_aead_seal(MN_AEAD_AES_128_CCM, key, nonce, 13, NULL, 0, text, 0xffff,
				      text, tag, sizeof(tag)),
			 0);
	assert_int_equal(mn_aead_open(MN_AEAD_AES_128_CCM, key, nonce, 13, NULL, 0, text, 0xffff,
				      text, tag, sizeof(tag)),
			 0);
	assert_int_equal(mn_aead_seal(MN_AEAD_AES_128_CCM, key, nonce, 12, NULL, 0, text, 0x10000,
				      text, tag, sizeof(tag)),
			 0);
	assert_int_equal(mn_aead_open(MN_AEAD_AES_128_CCM, key, nonce, 12, NULL, 0, text, 0x10000,
				      text, tag, sizeof(tag)),
			 0);
	for (size_t i = 0; i < sizeof(text); i++)
		assert_int_equal(text[i], 0);
}

/* SP 800-38A F.2.1 */
static void cbc_gives_the_published_vector(void **state)
{
	struct blob key = unhex("2b7e151628aed2a6abf7158809cf4f3c");
	struct blob iv = unhex("000102030405060708090a0b0c0d0e0f");
	struct blob in = unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
			       "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
	uint8_t out[TEXT_MAX];

	(void)state;
	assert_int_equal(mn_cbc_encrypt(key.data, iv.data, in.data, in.len, out), 0);
	assert_hex(out, in.len,
		   "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
		   "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7");
	assert_int_equal(mn_cbc_decrypt(key.data, iv.data, out, in.len, out), 0);
	assert_memory_equal(out, in.data, in.len);
}

/* Chaining holds across the pieces that a long message is cut into, at every alignment. */
static void cbc_chains_over_long_messages_in_place(void **state)
{
	static uint8_t plain[1600 + 16], by_block[1600], work[1600 + 16];
	uint8_t key[16] = { 3 }, iv[16] = { 5 }, next[16];

	(void)state;
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)(i * 13);
	memcpy(next, iv, sizeof(next));
	for (size_t at = 0; at < sizeof(by_block); at += 16) {
		assert_int_equal(mn_cbc_encrypt(key, next, plain + at, 16, by_block + at), 0);
		memcpy(next, by_block + at, sizeof(next));
	}
	for (size_t shift = 0; shift < 16; shift++) {
		for (size_t len = 0; len <= sizeof(by_block); len += 16) {
			memcpy(work + shift, plain, len);
			assert_int_equal(mn_cbc_encrypt(key, iv, work + shift, len, work + shift),
					 0);
			assert_memory_equal(work + shift, by_block, len);
			assert_int_equal(mn_cbc_decrypt(key, iv, work + shift, len, work + shift),
					 0);
			assert_memory_equal(work + shift, plain, len);
		}
	}
	for (size_t len = 1; len < 16; len++) {
		assert_int_equal(mn_cbc_encrypt(key, iv, work, 16 + len, work), -EINVAL);
		assert_int_equal(mn_cbc_decrypt(key, iv, work, 16 + len, work), -EINVAL);
	}
}

static void equal_sees_every_byte(void **state)
{
	uint8_t a[64], b[64];

	(void)state;
	memset(a, 0x11, sizeof(a));
	memcpy(b, a, sizeof(b));
	assert_true(mn_equal(a, b, sizeof(a)));
	assert_true(mn_equal(a, b, 0));
	for (size_t i = 0; i < sizeof(a); i++) {
		b[i] ^= 0x80;
		assert_false(mn_equal(a, b, sizeof(a)));
		assert_true(mn_equal(a, b, i));
		b[i] ^= 0x80;
	}
}

static void zero_clears_just_what_it_is_given(void **state)
{
	uint8_t a[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	const uint8_t want[8] = { 1, 0, 0, 0, 0, 0, 1, 1 };

	(void)state;
	mn_zero(a + 1, 5);
	assert_memory_equal(a, want, sizeof(a));
	mn_zero(NULL, 0);
}

static void random_fills_the_whole_buffer_and_no_more(void **state)
{
	uint8_t a[1024 + 1] = { 0 }, b[1024 + 1] = { 0 };
	size_t seen[256] = { 0 };

	(void)state;
	assert_int_equal(mn_random(a, sizeof(a) - 1), 0);
	assert_int_equal(mn_random(b, sizeof(b) - 1), 0);
	assert_int_equal(a[sizeof(a) - 1], 0);
	assert_memory_not_equal(a, b, sizeof(a));
	for (size_t i = 0; i < sizeof(a) - 1; i++)
		seen[a[i]]++;
	/* 1024 even bytes: a value comes 4 times on average; 40 times never (p < 1e-20). */
	for (size_t i = 0; i < COUNT(seen); i++)
		assert_true(seen[i] < 40);
	assert_memory_not_equal(a + sizeof(a) - 17, a, 16);
	assert_int_equal(mn_random(NULL, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_gives_the_published_digests),
		cmocka_unit_test(hmac_gives_the_digests_of_rfc_4231_in_any_parts),
		cmocka_unit_test(hmac_takes_an_empty_message_and_an_empty_key),
		cmocka_unit_test(hkdf_gives_the_keys_of_rfc_5869),
		cmocka_unit_test(hkdf_ends_at_255_blocks),
		cmocka_unit_test(hkdf_of_several_outputs_is_that_of_each),
		cmocka_unit_test(aeads_give_the_published_vectors_both_ways_and_in_place),
		cmocka_unit_test(aeads_refuse_every_flipped_bit_and_release_nothing),
		cmocka_unit_test(aeads_work_at_every_length),
		cmocka_unit_test(aeads_refuse_parameters_that_the_protocol_does_not_use),
		cmocka_unit_test(ccm_takes_messages_up_to_its_length_field),
		cmocka_unit_test(cbc_gives_the_published_vector),
		cmocka_unit_test(cbc_chains_over_long_messages_in_place),
		cmocka_unit_test(equal_sees_every_byte),
		cmocka_unit_test(zero_clears_just_what_it_is_given),
		cmocka_unit_test(random_fills_the_whole_buffer_and_no_more),
	};

	if (mn_crypto_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
