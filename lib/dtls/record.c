// SPDX-License-Identifier: GPL-2.0-or-later
#include "dtls/record.h"

#include <errno.h>
#include <string.h>

#include "core/crypto.h"

enum { EXPLICIT = 8, IV = 16, MAC = 32, BLOCK = 16 };

static size_t tag_len(enum mn_suite suite)
{
	return suite == MN_SUITE_PSK_AES_128_CCM_8 ? 8 : 16;
}

static enum mn_aead aead(enum mn_suite suite)
{
	return suite == MN_SUITE_PSK_AES_128_CCM_8 ? MN_AEAD_AES_128_CCM : MN_AEAD_AES_128_GCM;
}

size_t mn_record_overhead(enum mn_suite suite)
{
	if (suite == MN_SUITE_PSK_AES_128_CBC)
		return MNCSE_RECORD_HEADER + IV + BLOCK + MAC;
	return MNCSE_RECORD_HEADER + EXPLICIT + tag_len(suite);
}

/* header's 8 bytes of epoch and sequence | type | version | length of the plaintext (AEAD) or of IV and ciphertext (EtM) */
static void additional(uint8_t out[13], const uint8_t *header, size_t len)
{
	memcpy(out, header + 3, 8);
	out[8] = header[0];
	mn_put16(out + 9, MNCSE_VERSION_DTLS12);
	mn_put16(out + 11, (uint16_t)len);
}

static int seal_aead(const struct mn_record_state *s, const void *data, size_t len, uint8_t *out)
{
	uint8_t nonce[12], aad[13];
	uint8_t *body = out + MNCSE_RECORD_HEADER;

	/* explicit nonce = epoch and sequence: never repeats under a key */
	memcpy(body, out + 3, EXPLICIT);
	memcpy(nonce, s->write.iv, 4);
	memcpy(nonce + 4, body, EXPLICIT);
	additional(aad, out, len);
	return mn_aead_seal(aead(s->suite), s->write.key, nonce, sizeof(nonce), aad, sizeof(aad),
			    data, len, body + EXPLICIT, body + EXPLICIT + len, tag_len(s->suite));
}

static int seal_cbc(const struct mn_record_state *s, const void *data, size_t len, uint8_t *out)
{
	uint8_t aad[13];
	uint8_t *iv = out + MNCSE_RECORD_HEADER, *text = iv + IV;
	size_t padding = BLOCK - len % BLOCK, whole = len + padding;
	struct mn_bytes parts[] = { { aad, sizeof(aad) }, { iv, IV + whole } };
	int err = mn_random(iv, IV);

	if (err)
		return err;
	memmove(text, data, len);
	memset(text + len, (int)(padding - 1), padding);
	err = mn_cbc_encrypt(s->write.key, iv, text, whole, text);
	if (err)
		return err;
	additional(aad, out, IV + whole);
	return mn_hmac_sha256(s->mac->write, MAC, parts, 2, text + whole);
}

int mn_record_seal(struct mn_record_state *s, uint8_t type, const void *data, size_t len,
		   uint8_t *out, size_t max)
{
	size_t body;
	int err;

	if (!len || len > MNCSE_RECORD_PLAIN_MAX || max < len + mn_record_overhead(s->suite))
		return -EMSGSIZE;
	if (s->write_sequence > MNCSE_SEQUENCE_MAX)
		return -ERANGE;
	if (s->suite == MN_SUITE_PSK_AES_128_CBC)
		body = IV + (len / BLOCK + 1) * BLOCK + MAC;
	else
		body = EXPLICIT + len + tag_len(s->suite);
	out[0] = type;
	mn_put16(out + 1, MNCSE_VERSION_DTLS12);
	mn_put16(out + 3, 1);
	mn_put48(out + 5, s->write_sequence);
	mn_put16(out + 11, (uint16_t)body);
	if (s->suite == MN_SUITE_PSK_AES_128_CBC)
		err = seal_cbc(s, data, len, out);
	else
		err = seal_aead(s, data, len, out);
	if (err)
		return err;
	s->write_sequence++;
	return (int)(MNCSE_RECORD_HEADER + body);
}

static int open_aead(const struct mn_record_state *s, struct mn_record *r, uint8_t **data)
{
	size_t tag = tag_len(s->suite), len;
	uint8_t nonce[12], aad[13];
	uint8_t *text = r->body + EXPLICIT;

	if (r->len < EXPLICIT + tag)
		return -EBADMSG;
	len = r->len - EXPLICIT - tag;
	if (len > MNCSE_RECORD_PLAIN_MAX)
		return -EBADMSG;
	memcpy(nonce, s->read.iv, 4);
	memcpy(nonce + 4, r->body, EXPLICIT);
	additional(aad, r->header, len);
	if (mn_aead_open(aead(s->suite), s->read.key, nonce, sizeof(nonce), aad, sizeof(aad), text,
			 len, text, text + len, tag))
		return -EBADMSG;
	*data = text;
	return (int)len;
}

/* The MAC is checked before anything is decrypted, so the padding tells an attacker nothing. */
static int open_cbc(const struct mn_record_state *s, struct mn_record *r, uint8_t **data)
{
	uint8_t aad[13], mac[MAC];
	uint8_t *iv = r->body, *text = iv + IV;
	struct mn_bytes parts[] = { { aad, sizeof(aad) }, { iv, r->len - MAC } };
	size_t whole, padding;

	if (r->len < IV + BLOCK + MAC || (r->len - IV - MAC) % BLOCK)
		return -EBADMSG;
	whole = r->len - IV - MAC;
	additional(aad, r->header, IV + whole);
	if (mn_hmac_sha256(s->mac->read, MAC, parts, 2, mac) || !mn_equal(mac, text + whole, MAC))
		return -EBADMSG;
	if (mn_cbc_decrypt(s->read.key, iv, text, whole, text))
		return -EBADMSG;
	padding = (size_t)text[whole - 1] + 1;
	if (padding > whole || whole - padding > MNCSE_RECORD_PLAIN_MAX)
		return -EBADMSG;
	for (size_t i = whole - padding; i < whole; i++)
		if (text[i] != padding - 1)
			return -EBADMSG;
	*data = text;
	return (int)(whole - padding);
}

int mn_record_open(const struct mn_record_state *s, struct mn_record *r, uint8_t **data)
{
	if (s->suite == MN_SUITE_PSK_AES_128_CBC)
		return open_cbc(s, r, data);
	return open_aead(s, r, data);
}
