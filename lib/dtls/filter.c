// SPDX-License-Identifier: GPL-2.0-or-later
#include "dtls/filter.h"

#include <errno.h>
#include <string.h>

int mn_record_next(uint8_t *data, size_t len, size_t *at, struct mn_record *out)
{
	uint8_t *p = data + *at;
	size_t left = len - *at;

	if (!left)
		return 0;
	if (left < MNCSE_RECORD_HEADER)
		return -EBADMSG;
	out->header = p;
	out->type = p[0];
	out->version = mn_get16(p + 1);
	out->epoch = mn_get16(p + 3);
	out->sequence = mn_get48(p + 5);
	out->len = mn_get16(p + 11);
	out->body = p + MNCSE_RECORD_HEADER;
	if (out->type < MNCSE_CHANGE_CIPHER_SPEC || out->type > MNCSE_APPLICATION)
		return -EBADMSG;
	if (out->version != MNCSE_VERSION_DTLS12 && out->version != MNCSE_VERSION_DTLS10)
		return -EBADMSG;
	if (out->epoch > 1 || !out->len || out->len > MNCSE_RECORD_BODY_MAX ||
	    out->len > left - MNCSE_RECORD_HEADER)
		return -EBADMSG;
	if (out->epoch == 1 &&
	    (out->len < MNCSE_RECORD_PROTECTED_MIN || out->version != MNCSE_VERSION_DTLS12))
		return -EBADMSG;
	*at += MNCSE_RECORD_HEADER + out->len;
	return 1;
}

bool mn_datagram_ok(uint8_t *data, size_t len)
{
	struct mn_record r;
	size_t at = 0;
	int more;

	if (!len)
		return false;
	while ((more = mn_record_next(data, len, &at, &r)) > 0)
		;
	return !more;
}

bool mn_is_client_hello(const struct mn_record *r)
{
	return r->type == MNCSE_HANDSHAKE && r->epoch == 0 && r->body[0] == MNCSE_CLIENT_HELLO;
}

/* Takes n bytes; false when they are not there. */
struct cursor {
	const uint8_t *p;
	size_t left;
};

static bool take(struct cursor *c, size_t n, const uint8_t **out)
{
	if (c->left < n)
		return false;
	*out = c->p;
	c->p += n;
	c->left -= n;
	return true;
}

static bool take8(struct cursor *c, const uint8_t **out, size_t *n)
{
	const uint8_t *len;

	if (!take(c, 1, &len))
		return false;
	*n = *len;
	return take(c, *n, out);
}

static bool take16(struct cursor *c, const uint8_t **out, size_t *n)
{
	const uint8_t *len;

	if (!take(c, 2, &len))
		return false;
	*n = mn_get16(len);
	return take(c, *n, out);
}

static int read_extensions(struct cursor *c, struct mn_client_hello *out)
{
	const uint8_t *all, *type, *value;
	struct cursor e;
	size_t n;

	if (!c->left)
		return 0;
	if (!take16(c, &all, &n) || c->left)
		return -EBADMSG;
	e = (struct cursor){ all, n };
	while (e.left) {
		if (!take(&e, 2, &type) || !take16(&e, &value, &n))
			return -EBADMSG;
		if (mn_get16(type) == 22) /* encrypt_then_mac */
			out->encrypt_then_mac = true;
	}
	return 0;
}

int mn_client_hello_read(const struct mn_record *r, struct mn_client_hello *out)
{
	struct mn_client_hello h = { .record_sequence = r->sequence };
	struct cursor c = { r->body, r->len };
	const uint8_t *head, *version, *field;
	size_t n;

	if (!take(&c, MNCSE_HANDSHAKE_HEADER, &head) || head[0] != MNCSE_CLIENT_HELLO)
		return -EBADMSG;
	if (mn_get24(head + 6) || mn_get24(head + 9) != mn_get24(head + 1))
		return -EMSGSIZE;
	if (mn_get24(head + 1) > c.left)
		return -EBADMSG;
	if (mn_get24(head + 1) < c.left)
		return -EMSGSIZE;
	h.message_seq = mn_get16(head + 4);
	if (!take(&c, 2, &version) || !take(&c, 32, &h.random))
		return -EBADMSG;
	h.version = mn_get16(version);
	if (version[0] != 0xfe)
		return -EBADMSG;
	if (!take8(&c, &field, &n) || n > 32) /* session ID */
		return -EBADMSG;
	if (!take8(&c, &h.cookie, &h.cookie_len))
		return -EBADMSG;
	if (!take16(&c, &field, &n) || n < 2 || n & 1) /* cipher suites */
		return -EBADMSG;
	if (!take8(&c, &field, &n) || !n || !memchr(field, 0, n)) /* compression: null is a must */
		return -EBADMSG;
	if (read_extensions(&c, &h))
		return -EBADMSG;
	*out = h;
	return 0;
}

/* The record's sequence number is that of the ClientHello, so that nothing need be remembered. */
size_t mn_hello_verify_write(const struct mn_client_hello *hello, const uint8_t *cookie,
			     size_t cookie_len, uint8_t *out, size_t max)
{
	size_t body = 3 + cookie_len;
	size_t len = MNCSE_RECORD_HEADER + MNCSE_HANDSHAKE_HEADER + body;
	uint8_t *p = out;

	if (len > max || cookie_len > 255)
		return 0;
	memset(out, 0, len);
	p[0] = MNCSE_HANDSHAKE;
	mn_put16(p + 1, MNCSE_VERSION_DTLS10);
	mn_put48(p + 5, hello->record_sequence);
	mn_put16(p + 11, (uint16_t)(MNCSE_HANDSHAKE_HEADER + body));
	p += MNCSE_RECORD_HEADER;
	p[0] = MNCSE_HELLO_VERIFY_REQUEST;
	mn_put16(p + 2, (uint16_t)body);
	mn_put16(p + 4, hello->message_seq);
	mn_put16(p + 10, (uint16_t)body);
	p += MNCSE_HANDSHAKE_HEADER;
	mn_put16(p, MNCSE_VERSION_DTLS10);
	p[2] = (uint8_t)cookie_len;
	memcpy(p + 3, cookie, cookie_len);
	return len;
}

void mn_alert_write(uint8_t description, uint64_t record_sequence, uint8_t out[MN_ALERT_LEN])
{
	out[0] = MNCSE_ALERT;
	mn_put16(out + 1, MNCSE_VERSION_DTLS12);
	mn_put16(out + 3, 0);
	mn_put48(out + 5, record_sequence);
	mn_put16(out + 11, 2);
	out[13] = MN_ALERT_FATAL;
	out[14] = description;
}
