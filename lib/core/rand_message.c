// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/rand_message.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Initial bytes of CBOR (RFC 8949 3): the major type in the upper 3 bits, a value or the form of one in
 * the lower 5. */
enum major { UINT = 0, BYTES = 2, TEXT = 3, ARRAY = 4 };
#define FORM_8 24
#define FORM_16 25
#define FORM_32 26

/* Writes the shortest head. Returns its length, 1 to 5 bytes. */
static size_t put_head(uint8_t *p, enum major major, uint32_t value)
{
	const uint8_t type = (uint8_t)(major << 5);

	if (value < FORM_8) {
		p[0] = (uint8_t)(type | value);
		return 1;
	}
	if (value <= UINT8_MAX) {
		p[0] = type | FORM_8;
		p[1] = (uint8_t)value;
		return 2;
	}
	if (value <= UINT16_MAX) {
		p[0] = type | FORM_16;
		p[1] = (uint8_t)(value >> 8);
		p[2] = (uint8_t)value;
		return 3;
	}
	p[0] = type | FORM_32;
	p[1] = (uint8_t)(value >> 24);
	p[2] = (uint8_t)(value >> 16);
	p[3] = (uint8_t)(value >> 8);
	p[4] = (uint8_t)value;
	return 5;
}

struct cursor {
	const uint8_t *at;
	const uint8_t *end;
};

static size_t left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

/* Takes a head of that major type. -EBADMSG for another type, a missing byte, a form that is not
 * the shortest, a 64-bit or indefinite length. */
static int take_head(struct cursor *c, enum major major, uint32_t *value)
{
	unsigned int form;
	uint8_t again[5];
	size_t more;
	uint32_t v;

	if (left(c) == 0 || *c->at >> 5 != (int)major)
		return -EBADMSG;
	form = *c->at & 0x1f;
	if (form > FORM_32)
		return -EBADMSG;
	more = form < FORM_8 ? 0 : (size_t)1 << (form - FORM_8);
	if (left(c) < 1 + more)
		return -EBADMSG;
	v = more ? 0 : form;
	for (size_t i = 1; i <= more; i++)
		v = v << 8 | c->at[i];
	/* Only the shortest form has the length of what we would write. */
	if (put_head(again, major, v) != 1 + more)
		return -EBADMSG;
	c->at += 1 + more;
	*value = v;
	return 0;
}

static bool group_ok(const char *group, size_t len)
{
	return len >= 1 && len <= MN_GROUP_MAX && mn_text_check(group, len) == 0;
}

int mn_rand_message_encode(const struct mn_rand_message *m, enum mn_hop hop, uint8_t *out,
			   size_t max)
{
	uint8_t whole[MN_RAND_MESSAGE_MAX], *p = whole;
	size_t len;

	p += put_head(p, ARRAY, hop == MN_HOP_OUTER ? 3 : 2);
	p += put_head(p, UINT, m->generation);
	p += put_head(p, BYTES, MN_RAND_LEN);
	memcpy(p, m->rand, MN_RAND_LEN);
	p += MN_RAND_LEN;
	if (hop == MN_HOP_OUTER) {
		len = strnlen(m->group, sizeof(m->group));
		if (!group_ok(m->group, len))
			return -EINVAL;
		p += put_head(p, TEXT, (uint32_t)len);
		memcpy(p, m->group, len);
		p += len;
	}
	len = (size_t)(p - whole);
	if (len > max)
		return -EMSGSIZE;
	memcpy(out, whole, len);
	return (int)len;
}

int mn_rand_message_decode(const uint8_t *in, size_t len, enum mn_hop hop,
			   struct mn_rand_message *out)
{
	struct cursor c = { in, in + len };
	struct mn_rand_message m = { 0 };
	uint32_t n;

	if (take_head(&c, ARRAY, &n) || n != (hop == MN_HOP_OUTER ? 3 : 2))
		return -EBADMSG;
	if (take_head(&c, UINT, &m.generation))
		return -EBADMSG;
	if (take_head(&c, BYTES, &n) || n != MN_RAND_LEN || left(&c) < n)
		return -EBADMSG;
	memcpy(m.rand, c.at, MN_RAND_LEN);
	c.at += MN_RAND_LEN;
	if (hop == MN_HOP_OUTER) {
		if (take_head(&c, TEXT, &n) || n > MN_GROUP_MAX || left(&c) < n ||
		    !group_ok((const char *)c.at, n))
			return -EBADMSG;
		memcpy(m.group, c.at, n);
		c.at += n;
	}
	if (left(&c) != 0)
		return -EBADMSG;
	*out = m;
	return 0;
}
