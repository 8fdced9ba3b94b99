// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/identity.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "core/crypto.h"

/* NFKC shrinks a text at most fivefold or so (a mathematical letter with two accents: 8 bytes to 2).
 * What is longer than this cannot fit any more and is not worth the work. */
#define ENTITY_INPUT_MAX (8 * MN_ENTITY_MAX)

static bool is_control(utf8proc_int32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

int mn_text_check(const void *text, size_t len)
{
	const utf8proc_uint8_t *p = text;
	int ret = 0;

	while (len) {
		utf8proc_int32_t c;
		utf8proc_ssize_t n = utf8proc_iterate(p, (utf8proc_ssize_t)len, &c);

		if (n <= 0)
			return -EILSEQ;
		if (is_control(c))
			ret = -EINVAL;
		p += n;
		len -= (size_t)n;
	}
	return ret;
}

/* Printable ASCII is its own NFKC: most IDs, and the IN looks at one a request. */
static bool is_printable_ascii(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] < 0x20 || p[i] > 0x7e)
			return false;
	return true;
}

static int from_utf8proc(utf8proc_ssize_t err)
{
	switch (err) {
	case UTF8PROC_ERROR_NOMEM:
		return -ENOMEM;
	case UTF8PROC_ERROR_OVERFLOW:
		return -E2BIG;
	default:
		return -EILSEQ;
	}
}

static int put_entity(const void *text, size_t len, char out[MN_ENTITY_MAX + 1], size_t *out_len)
{
	if (len == 0)
		return -ENODATA;
	if (len > MN_ENTITY_MAX)
		return -E2BIG;
	memcpy(out, text, len);
	out[len] = '\0';
	if (out_len)
		*out_len = len;
	return 0;
}

int mn_entity_normalise(const void *in, size_t len, char out[MN_ENTITY_MAX + 1], size_t *out_len)
{
	utf8proc_uint8_t *nfkc = NULL;
	utf8proc_ssize_t n;
	int ret;

	if (len == 0)
		return -ENODATA;
	if (len > ENTITY_INPUT_MAX)
		return -E2BIG;
	if (is_printable_ascii(in, len))
		return put_entity(in, len, out, out_len);
	ret = mn_text_check(in, len);
	if (ret)
		return ret;
	n = utf8proc_map(in, (utf8proc_ssize_t)len, &nfkc,
			 UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_REJECTNA);
	if (n < 0)
		return from_utf8proc(n);
	ret = mn_text_check(nfkc, (size_t)n);
	if (ret == 0)
		ret = put_entity(nfkc, (size_t)n, out, out_len);
	free(nfkc);
	return ret;
}

static bool is_fqdn_char(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '-' || c == '.';
}

int mn_kpsa_id_check(const void *id, size_t len)
{
	const uint8_t *start = id, *end = start + len, *at;
	int ret;

	if (len == 0)
		return -ENODATA;
	if (len > MN_KPSA_ID_MAX)
		return -E2BIG;
	ret = mn_text_check(id, len);
	if (ret)
		return ret;
	at = memrchr(start, '@', len);
	if (!at || at == start || at + 1 == end)
		return -EPROTO;
	while (++at < end)
		if (!is_fqdn_char(*at))
			return -EPROTO;
	return 0;
}

const char *mn_identity_strerror(int err)
{
	switch (err) {
	case 0:
		return "The name is valid.";
	case -EILSEQ:
		return "The name is not valid UTF-8 or has a code point that Unicode has not assigned.";
	case -EINVAL:
		return "The name has a NUL or another control character.";
	case -ENODATA:
		return "The name is empty.";
	case -E2BIG:
		return "The name is too long.";
	case -EPROTO:
		return "The identifier has not the form relative@Issuer-FQDN.";
	case -ENOMEM:
		return "There is no memory to check the name.";
	default:
		return "The name could not be checked.";
	}
}

int mn_kid(const void *kpsaxi_id, size_t len, uint8_t kid[MN_KID_LEN])
{
	uint8_t digest[MN_SHA256_LEN];
	int ret = mn_sha256(kpsaxi_id, len, digest);

	if (ret)
		return ret;
	memcpy(kid, digest, MN_KID_LEN);
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int mn_hex_decode(const char *hex, size_t hex_len, uint8_t *out, size_t max, size_t *out_len)
{
	if (hex_len % 2)
		return -EINVAL;
	for (size_t i = 0; i < hex_len; i++)
		if (hex_digit(hex[i]) < 0)
			return -EINVAL;
	if (hex_len / 2 > max)
		return -E2BIG;
	for (size_t i = 0; i < hex_len / 2; i++)
		out[i] = (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
	if (out_len)
		*out_len = hex_len / 2;
	return 0;
}

void mn_hex_encode(const void *in, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = in;

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 0xf];
	}
	*out = '\0';
}
