// SPDX-License-Identifier: GPL-2.0-or-later
#include "coap.h"

#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/string.h>
#else
#include <errno.h>
#include <string.h>
#endif

/*
 *   |Ver 2| Type 2| TKL 4| Code 8 | Message ID 16 | Token | Options | 0xff | Payload
 */
enum {
	MARKER = 0xff,
	EXT_8 = 13, /* nibble 13: an extension of one byte, less 13; 14: of two, less 269 */
	EXT_16 = 269,
	URI_HOST = 3,
	URI_PORT = 7,
	OSCORE = 9,
	MAX_AGE = 14,
	NUMBER_MAX = 65535,
};

static int read_nibble(unsigned int nibble, const uint8_t **at, const uint8_t *end, uint32_t *out)
{
	const uint8_t *p = *at;
	size_t n = nibble < 13 ? 0 : nibble - 12;

	if (nibble == 15 || n > (size_t)(end - p))
		return -EBADMSG;
	if (n == 0)
		*out = nibble;
	else if (n == 1)
		*out = EXT_8 + (uint32_t)p[0];
	else
		*out = EXT_16 + ((uint32_t)p[0] << 8 | p[1]);
	*at = p + n;
	return 0;
}

static bool is_plain(uint32_t number, uint32_t len, bool repeated)
{
	if (number % 2 == 0)
		return true;
	if (repeated)
		return false;
	switch (number) {
	case URI_HOST:
		return len >= 1 && len <= 255;
	case URI_PORT:
		return len <= 2;
	case OSCORE:
		return len <= 255;
	default:
		return false;
	}
}

static void take_option(struct mnk_coap *m, uint32_t number, const uint8_t *value, uint32_t len,
			bool repeated)
{
	if (!is_plain(number, len, repeated))
		m->plain = false;
	if (repeated)
		return;
	if (number == OSCORE) {
		m->oscore = value;
		m->oscore_len = (uint16_t)len;
	} else if (number == MAX_AGE && len <= 4) {
		m->has_max_age = true;
		for (uint32_t i = 0; i < len; i++)
			m->max_age = m->max_age << 8 | value[i];
	}
}

static int read_options(const uint8_t *p, const uint8_t *end, struct mnk_coap *m)
{
	uint32_t number = 0, delta, len;

	m->plain = true;
	while (p < end && *p != MARKER) {
		unsigned int head = *p++;

		if (read_nibble(head >> 4, &p, end, &delta) ||
		    read_nibble(head & 15, &p, end, &len))
			return -EBADMSG;
		if (number + delta > NUMBER_MAX || len > NUMBER_MAX || len > (size_t)(end - p))
			return -EBADMSG;
		number += delta;
		/* no option has number 0, so a first delta of 0 repeats nothing */
		take_option(m, number, p, len, delta == 0);
		p += len;
	}
	if (p == end)
		return 0;
	if (++p == end)
		return -EBADMSG;
	m->payload = p;
	m->payload_len = (size_t)(end - p);
	return 0;
}

static bool code_fits(uint8_t type, uint8_t code)
{
	unsigned int class = code >> 5;

	if (class == 1 || class > 5)
		return false;
	switch (type) {
	case MNK_COAP_CON:
		return true;
	case MNK_COAP_NON:
		return code != MNK_COAP_EMPTY;
	case MNK_COAP_ACK:
		return code == MNK_COAP_EMPTY || class != 0;
	default:
		return code == MNK_COAP_EMPTY;
	}
}

int mnk_coap_read(const uint8_t *data, size_t len, struct mnk_coap *out)
{
	const uint8_t *p = data, *end = data + len;

	memset(out, 0, sizeof(*out));
	if (len < MNK_COAP_HEADER || p[0] >> 6 != 1)
		return -EBADMSG;
	out->type = p[0] >> 4 & 3;
	out->token_len = p[0] & 15;
	out->code = p[1];
	out->id = (uint16_t)(p[2] << 8 | p[3]);
	p += MNK_COAP_HEADER;
	if (out->token_len > MNK_COAP_TOKEN_MAX || out->token_len > (size_t)(end - p))
		return -EBADMSG;
	if (!code_fits(out->type, out->code))
		return -EBADMSG;
	if (out->code == MNK_COAP_EMPTY && len != MNK_COAP_HEADER)
		return -EBADMSG;
	memcpy(out->token, p, out->token_len);
	return read_options(p + out->token_len, end, out);
}

/* Writes at out + at, unless out is NULL. */
static size_t put(uint8_t *out, size_t at, const void *data, size_t len)
{
	if (out && len)
		memcpy(out + at, data, len);
	return at + len;
}

/* delta < 13 */
static size_t put_option(uint8_t *out, size_t at, unsigned int delta, const uint8_t *value,
			 size_t len)
{
	uint8_t head[3] = { (uint8_t)(delta << 4) };
	size_t n = 1;

	if (len < EXT_8) {
		head[0] |= (uint8_t)len;
	} else if (len < EXT_16) {
		head[0] |= 13;
		head[n++] = (uint8_t)(len - EXT_8);
	} else {
		head[0] |= 14;
		head[n++] = (uint8_t)((len - EXT_16) >> 8);
		head[n++] = (uint8_t)(len - EXT_16);
	}
	return put(out, put(out, at, head, n), value, len);
}

size_t mnk_coap_write(const struct mnk_coap *m, uint8_t *out)
{
	const uint8_t head[MNK_COAP_HEADER] = { (uint8_t)(1 << 6 | m->type << 4 | m->token_len),
						m->code, (uint8_t)(m->id >> 8), (uint8_t)m->id };
	static const uint8_t marker = MARKER;
	size_t at = put(out, 0, head, sizeof(head));

	at = put(out, at, m->token, m->token_len);
	if (m->oscore)
		at = put_option(out, at, OSCORE, m->oscore, m->oscore_len);
	if (m->has_max_age) {
		const uint8_t age[4] = { (uint8_t)(m->max_age >> 24), (uint8_t)(m->max_age >> 16),
					 (uint8_t)(m->max_age >> 8), (uint8_t)m->max_age };
		size_t zeroes = 0;

		while (zeroes < sizeof(age) && !age[zeroes])
			zeroes++;
		/* 14 alone does not fit a nibble */
		if (m->oscore) {
			at = put_option(out, at, MAX_AGE - OSCORE, age + zeroes,
					sizeof(age) - zeroes);
		} else {
			const uint8_t first[2] = { (uint8_t)(13 << 4 | (sizeof(age) - zeroes)),
						   MAX_AGE - EXT_8 };

			at = put(out, put(out, at, first, 2), age + zeroes, sizeof(age) - zeroes);
		}
	}
	if (m->payload_len)
		at = put(out, put(out, at, &marker, 1), m->payload, m->payload_len);
	return at;
}

/*   flags: 000 | h kid context | k kid | n length of the Partial IV 3 */
bool mnk_oscore_names(const uint8_t *value, size_t len, const uint8_t kid[MNK_KID_LEN],
		      uint32_t *generation)
{
	enum { CONTEXT = 12, PIV_MAX = 5 };
	size_t piv = len ? value[0] & 7 : 0, at = 1 + piv;

	if (!len || value[0] >> 3 != 3 || piv > PIV_MAX)
		return false;
	if (len != at + 1 + CONTEXT + MNK_KID_LEN || value[at] != CONTEXT)
		return false;
	/* shortest form, RFC 8613 6.1 */
	if (piv > 1 && !value[1])
		return false;
	if (memcmp(value + at + 1 + CONTEXT, kid, MNK_KID_LEN))
		return false;
	value += at + 1;
	*generation = (uint32_t)value[0] << 24 | (uint32_t)value[1] << 16 |
		      (uint32_t)value[2] << 8 | value[3];
	return true;
}
