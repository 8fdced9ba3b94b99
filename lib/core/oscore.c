// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/oscore.h"

#include <errno.h>
#include <string.h>

#include "core/crypto.h"

#define ALG_AES_CCM_16_64_128 10 /* RFC 9053 4.2 */
#define FLAG_PIV_LEN 0x07
#define FLAG_KID 0x08
#define FLAG_KID_CONTEXT 0x10
#define FLAG_RESERVED 0xe0
#define OPTION_MAX 255 /* RFC 8613 section 2 */
#define PAYLOAD_MARKER 0xff

/* What a Partial IV and IDs of our sizes need at most: flag, PIV, length and kid context, kid. */
#define OPTION_OURS_MAX (1 + MN_OSCORE_PIV_MAX + 1 + MN_OSCORE_ID_CONTEXT_MAX + MN_OSCORE_ID_MAX)

/* CBOR (RFC 8949 3): a byte string of less than 256 bytes. */
static size_t put_bstr(uint8_t *p, const void *data, size_t len)
{
	size_t n = 0;

	if (len < 24) {
		p[n++] = 0x40 | (uint8_t)len;
	} else {
		p[n++] = 0x58;
		p[n++] = (uint8_t)len;
	}
	if (len)
		memcpy(p + n, data, len);
	return n + len;
}

int mn_oscore_extract(const void *secret, size_t secret_len, const void *salt, size_t salt_len,
		      uint8_t prk[32])
{
	return mn_hkdf_extract(salt, salt_len, secret, secret_len, prk);
}

#define INFO_MAX (1 + 1 + MN_OSCORE_ID_MAX + 2 + MN_OSCORE_ID_CONTEXT_MAX + 1 + 4 + 1)

/* What an output of RFC 8613 3.2.1 is derived with: info = [id, id_context / nil, alg_aead, type, L]. Returns its length. */
static size_t put_info(uint8_t info[INFO_MAX], const struct mn_oscore *c, const void *id,
		       size_t id_len, const char *type, size_t out_len)
{
	size_t type_len = strlen(type);
	size_t n = 0;

	info[n++] = 0x85;
	n += put_bstr(info + n, id, id_len);
	if (c->has_id_context)
		n += put_bstr(info + n, c->id_context, c->id_context_len);
	else
		info[n++] = 0xf6;
	info[n++] = ALG_AES_CCM_16_64_128;
	info[n++] = 0x60 | (uint8_t)type_len;
	memcpy(info + n, type, type_len);
	n += type_len;
	info[n++] = (uint8_t)out_len;
	return n;
}

static bool ids_valid(const void *sender_id, size_t sender_id_len, const void *recipient_id,
		      size_t recipient_id_len)
{
	if (sender_id_len > MN_OSCORE_ID_MAX || recipient_id_len > MN_OSCORE_ID_MAX)
		return false;
	/* Equal IDs would give both directions one key and one nonce space (RFC 8613 3.3). */
	return sender_id_len != recipient_id_len ||
	       (sender_id_len && memcmp(sender_id, recipient_id, sender_id_len));
}

static int derive_keys(struct mn_oscore *c, const uint8_t prk[32])
{
	uint8_t info[3][INFO_MAX];
	struct mn_hkdf_output list[] = {
		{ { info[0], 0 }, c->sender_key, sizeof(c->sender_key) },
		{ { info[1], 0 }, c->recipient_key, sizeof(c->recipient_key) },
		{ { info[2], 0 }, c->common_iv, sizeof(c->common_iv) },
	};

	list[0].info.len =
		put_info(info[0], c, c->sender_id, c->sender_id_len, "Key", sizeof(c->sender_key));
	list[1].info.len = put_info(info[1], c, c->recipient_id, c->recipient_id_len, "Key",
				    sizeof(c->recipient_key));
	list[2].info.len = put_info(info[2], c, NULL, 0, "IV", sizeof(c->common_iv));
	return mn_hkdf_expand_each(prk, list, 3);
}

int mn_oscore_derive(struct mn_oscore *c, const uint8_t prk[32], const void *sender_id,
		     size_t sender_id_len, const void *recipient_id, size_t recipient_id_len,
		     const void *id_context, size_t id_context_len)
{
	int r;

	if (!ids_valid(sender_id, sender_id_len, recipient_id, recipient_id_len) ||
	    id_context_len > MN_OSCORE_ID_CONTEXT_MAX)
		return -EINVAL;

	memset(c, 0, sizeof(*c));
	c->sender_id_len = (uint8_t)sender_id_len;
	if (sender_id_len)
		memcpy(c->sender_id, sender_id, sender_id_len);
	c->recipient_id_len = (uint8_t)recipient_id_len;
	if (recipient_id_len)
		memcpy(c->recipient_id, recipient_id, recipient_id_len);
	c->has_id_context = id_context != NULL;
	if (id_context) {
		c->id_context_len = (uint8_t)id_context_len;
		memcpy(c->id_context, id_context, id_context_len);
	}

	r = derive_keys(c, prk);
	if (r)
		mn_oscore_fini(c);
	return r;
}

void mn_oscore_fini(struct mn_oscore *c)
{
	mn_zero(c, sizeof(*c));
}

int mn_oscore_option_read(const uint8_t *value, size_t len, struct mn_oscore_option *out)
{
	struct mn_oscore_option o = { 0 };
	const uint8_t *p = value;
	uint8_t flags;

	if (len > OPTION_MAX)
		return -EBADMSG;
	if (!len) {
		*out = o;
		return 0;
	}
	flags = *p++;
	len--;
	if (!flags || flags & FLAG_RESERVED)
		return -EBADMSG;

	o.piv_len = flags & FLAG_PIV_LEN;
	if (o.piv_len > MN_OSCORE_PIV_MAX || o.piv_len > len)
		return -EBADMSG;
	if (o.piv_len) {
		o.piv = p;
		if (o.piv_len > 1 && !p[0])
			return -EBADMSG;
	}
	p += o.piv_len;
	len -= o.piv_len;

	if (flags & FLAG_KID_CONTEXT) {
		if (!len || p[0] > len - 1)
			return -EBADMSG;
		o.has_kid_context = true;
		o.kid_context_len = *p++;
		o.kid_context = p;
		p += o.kid_context_len;
		len -= 1 + o.kid_context_len;
	}
	if (flags & FLAG_KID) {
		o.has_kid = true;
		o.kid = p;
		o.kid_len = len;
	} else if (len) {
		return -EBADMSG;
	}
	*out = o;
	return 0;
}

int mn_oscore_option_write(const uint8_t *piv, size_t piv_len, const void *kid, size_t kid_len,
			   bool has_kid, const void *kid_context, size_t kid_context_len,
			   uint8_t *out, size_t max)
{
	uint8_t flags = (uint8_t)piv_len;
	size_t len = piv_len;
	size_t n = 0;

	if (piv_len > MN_OSCORE_PIV_MAX || kid_len > OPTION_MAX || kid_context_len > OPTION_MAX)
		return -EINVAL;
	if (kid_context) {
		flags |= FLAG_KID_CONTEXT;
		len += 1 + kid_context_len;
	}
	if (has_kid) {
		flags |= FLAG_KID;
		len += kid_len;
	}
	if (!flags)
		return 0;
	if (++len > OPTION_MAX)
		return -EINVAL;
	if (len > max)
		return -EMSGSIZE;

	out[n++] = flags;
	if (piv_len)
		memcpy(out + n, piv, piv_len);
	n += piv_len;
	if (kid_context) {
		out[n++] = (uint8_t)kid_context_len;
		memcpy(out + n, kid_context, kid_context_len);
		n += kid_context_len;
	}
	if (has_kid && kid_len)
		memcpy(out + n, kid, kid_len);
	return (int)len;
}

/* Shortest form; 0 is one byte 00 (RFC 8613 5: "value 0 encodes to 0x00"). */
static uint8_t piv_encode(uint64_t seq, uint8_t out[MN_OSCORE_PIV_MAX])
{
	uint8_t len = 1;
	uint8_t i;

	while (len < MN_OSCORE_PIV_MAX && seq >> (8 * len))
		len++;
	for (i = 0; i < len; i++)
		out[i] = (uint8_t)(seq >> (8 * (len - 1 - i)));
	return len;
}

void mn_oscore_nonce(const struct mn_oscore *c, const uint8_t *id, size_t id_len,
		     const uint8_t *piv, size_t piv_len, uint8_t out[MN_OSCORE_NONCE_LEN])
{
	size_t i;

	memset(out, 0, MN_OSCORE_NONCE_LEN);
	out[0] = (uint8_t)id_len;
	if (id_len)
		memcpy(out + 1 + MN_OSCORE_ID_MAX - id_len, id, id_len);
	if (piv_len)
		memcpy(out + MN_OSCORE_NONCE_LEN - piv_len, piv, piv_len);
	for (i = 0; i < MN_OSCORE_NONCE_LEN; i++)
		out[i] ^= c->common_iv[i];
}

size_t mn_oscore_aad(const struct mn_oscore_request *rq, uint8_t out[MN_OSCORE_AAD_MAX])
{
	static const uint8_t head[] = { 0x83, 0x68, 'E', 'n', 'c', 'r', 'y', 'p', 't', '0', 0x40 };
	uint8_t external[4 + 1 + MN_OSCORE_ID_MAX + 1 + MN_OSCORE_PIV_MAX + 1];
	size_t n = 0;

	/* [oscore_version 1, [alg_aead], request_kid, request_piv, options h''] */
	external[n++] = 0x85;
	external[n++] = 0x01;
	external[n++] = 0x81;
	external[n++] = ALG_AES_CCM_16_64_128;
	n += put_bstr(external + n, rq->kid, rq->kid_len);
	n += put_bstr(external + n, rq->piv, rq->piv_len);
	external[n++] = 0x40;

	memcpy(out, head, sizeof(head));
	return sizeof(head) + put_bstr(out + sizeof(head), external, n);
}

/* Class U only (RFC 8613 figure 5): these travel outside. Observe has its own rules (4.1.3.5) and
 * is not supported. */
static bool belongs_outside(uint16_t number)
{
	return number == MN_COAP_OPT_URI_HOST || number == MN_COAP_OPT_URI_PORT ||
	       number == MN_COAP_OPT_OSCORE || number == MN_COAP_OPT_PROXY_URI ||
	       number == MN_COAP_OPT_PROXY_SCHEME;
}

static bool inner_may_be_sent(const struct mn_coap *inner)
{
	struct mn_coap_cursor at = { 0 };
	struct mn_coap_option o;

	while (mn_coap_option_next(inner, &at, &o))
		if (belongs_outside(o.number) || o.number == MN_COAP_OPT_OBSERVE)
			return false;
	return true;
}

/* An outer message as it is put together: header, OSCORE option, then the payload that seal()
 * makes. */
struct outer {
	enum mn_coap_type type;
	uint8_t code;
	uint16_t id;
	const struct mn_coap_token *token;
	const uint8_t *option;
	size_t option_len;
	uint8_t *out;
	size_t max;
};

/* Header, OSCORE option and payload marker; checks that ciphertext_len more bytes fit. Nothing is
 * encrypted yet. */
static int outer_begin(const struct outer *o, size_t ciphertext_len)
{
	struct mn_coap_writer w;
	int n;

	mn_coap_begin(&w, o->out, o->max, o->type, o->code, o->id, o->token);
	mn_coap_put(&w, MN_COAP_OPT_OSCORE, o->option, o->option_len);
	n = mn_coap_finish(&w);
	if (n < 0)
		return n;
	if ((size_t)n >= o->max || ciphertext_len > o->max - (size_t)n - 1)
		return -EMSGSIZE;
	o->out[n] = PAYLOAD_MARKER;
	return n + 1;
}

static size_t plaintext_len(const struct mn_coap *inner)
{
	return 1 + inner->options_len + (inner->payload_len ? 1 + inner->payload_len : 0);
}

/* Plaintext (RFC 8613 5.3) at p, encrypted in place, tag behind it. */
static int seal(const uint8_t key[16], const uint8_t nonce[MN_OSCORE_NONCE_LEN],
		const struct mn_oscore_request *rq, const struct mn_coap *inner, uint8_t *p)
{
	uint8_t aad[MN_OSCORE_AAD_MAX];
	size_t aad_len = mn_oscore_aad(rq, aad);
	size_t len = plaintext_len(inner);
	size_t n = 0;
	int r;

	p[n++] = inner->code;
	if (inner->options_len)
		memcpy(p + n, inner->options, inner->options_len);
	n += inner->options_len;
	if (inner->payload_len) {
		p[n++] = PAYLOAD_MARKER;
		memcpy(p + n, inner->payload, inner->payload_len);
	}
	r = mn_aead_seal(MN_AEAD_AES_128_CCM, key, nonce, MN_OSCORE_NONCE_LEN, aad, aad_len, p, len,
			 p, p + len, MN_OSCORE_TAG_LEN);
	if (r)
		mn_zero(p, len + MN_OSCORE_TAG_LEN);
	return r;
}

int mn_oscore_protect_request(struct mn_oscore *c, const struct mn_coap *inner,
			      enum mn_coap_type type, uint16_t id,
			      const struct mn_coap_token *token, bool with_context, uint8_t *out,
			      size_t max, struct mn_oscore_request *rq)
{
	size_t len = plaintext_len(inner) + MN_OSCORE_TAG_LEN;
	uint8_t nonce[MN_OSCORE_NONCE_LEN];
	struct mn_oscore_request mine = { 0 };
	uint8_t option[OPTION_OURS_MAX];
	struct outer o;
	int head;
	int n;
	int r;

	if (!mn_coap_is_request(inner) || !inner_may_be_sent(inner) ||
	    (with_context && !c->has_id_context))
		return -EINVAL;
	if (c->sender_seq > MN_OSCORE_SEQ_MAX)
		return -ERANGE;

	mine.kid_len = c->sender_id_len;
	memcpy(mine.kid, c->sender_id, c->sender_id_len);
	mine.piv_len = piv_encode(c->sender_seq, mine.piv);
	n = mn_oscore_option_write(mine.piv, mine.piv_len, mine.kid, mine.kid_len, true,
				   with_context ? c->id_context : NULL, c->id_context_len, option,
				   sizeof(option));
	if (n < 0)
		return n;
	o = (struct outer){ type, MN_COAP_POST, id, token, option, (size_t)n, out, max };
	head = outer_begin(&o, len);
	if (head < 0)
		return head;

	c->sender_seq++;
	mn_oscore_nonce(c, mine.kid, mine.kid_len, mine.piv, mine.piv_len, nonce);
	r = seal(c->sender_key, nonce, &mine, inner, out + head);
	if (r)
		return r;
	*rq = mine;
	return head + (int)len;
}

int mn_oscore_protect_response(struct mn_oscore *c, const struct mn_coap *inner,
			       const struct mn_oscore_request *rq, bool own_piv,
			       enum mn_coap_type type, uint16_t id,
			       const struct mn_coap_token *token, uint8_t *out, size_t max)
{
	size_t len = plaintext_len(inner) + MN_OSCORE_TAG_LEN;
	uint8_t nonce[MN_OSCORE_NONCE_LEN];
	uint8_t option[1 + MN_OSCORE_PIV_MAX];
	uint8_t piv[MN_OSCORE_PIV_MAX];
	uint8_t piv_len = 0;
	struct outer o;
	int head;
	int n = 0;
	int r;

	if (!mn_coap_is_response(inner) || !inner_may_be_sent(inner))
		return -EINVAL;
	if (own_piv) {
		if (c->sender_seq > MN_OSCORE_SEQ_MAX)
			return -ERANGE;
		piv_len = piv_encode(c->sender_seq, piv);
		n = mn_oscore_option_write(piv, piv_len, NULL, 0, false, NULL, 0, option,
					   sizeof(option));
		if (n < 0)
			return n;
	}
	o = (struct outer){ type, MN_COAP_204, id, token, option, (size_t)n, out, max };
	head = outer_begin(&o, len);
	if (head < 0)
		return head;

	if (own_piv) {
		c->sender_seq++;
		mn_oscore_nonce(c, c->sender_id, c->sender_id_len, piv, piv_len, nonce);
	} else {
		mn_oscore_nonce(c, rq->kid, rq->kid_len, rq->piv, rq->piv_len, nonce);
	}
	r = seal(c->sender_key, nonce, rq, inner, out + head);
	return r ? r : head + (int)len;
}

/* The one OSCORE option of msg, decompressed. A message without payload, or with two options, is
 * malformed (RFC 8613 section 2). */
static int outer_option(const struct mn_coap *msg, struct mn_oscore_option *out)
{
	struct mn_coap_cursor at = { 0 };
	struct mn_coap_option o;
	bool found = false;

	while (mn_coap_option_next(msg, &at, &o)) {
		if (o.number != MN_COAP_OPT_OSCORE)
			continue;
		if (found || mn_oscore_option_read(o.value, o.len, out))
			return -EPROTO;
		found = true;
	}
	return found && msg->payload_len ? 0 : -EPROTO;
}

/* The kid, and the kid context where there is one, name our recipient context. */
static bool names_us(const struct mn_oscore *c, const struct mn_oscore_option *o)
{
	if (o->has_kid && (o->kid_len != c->recipient_id_len ||
			   (o->kid_len && memcmp(o->kid, c->recipient_id, o->kid_len))))
		return false;
	if (!o->has_kid_context)
		return true;
	return c->has_id_context && o->kid_context_len == c->id_context_len &&
	       (!o->kid_context_len || !memcmp(o->kid_context, c->id_context, o->kid_context_len));
}

/* Where the plaintext goes in buf: its options come to lie right behind the token of the ordinary
 * message, and only the code byte in front of them has to move. */
static size_t plaintext_at(const struct mn_coap *msg)
{
	return 3 + msg->token.len;
}

/* Decrypts msg's payload into buf at plaintext_at(). Length of the plaintext. */
static int unseal(const struct mn_oscore *c, const struct mn_coap *msg,
		  const uint8_t nonce[MN_OSCORE_NONCE_LEN], const struct mn_oscore_request *rq,
		  uint8_t *buf, size_t max)
{
	uint8_t aad[MN_OSCORE_AAD_MAX];
	size_t aad_len = mn_oscore_aad(rq, aad);
	size_t at = plaintext_at(msg);
	size_t len;
	int r;

	if (msg->payload_len <= MN_OSCORE_TAG_LEN) /* not even a code */
		return -EBADMSG;
	len = msg->payload_len - MN_OSCORE_TAG_LEN;
	if (len > max || at > max - len)
		return -EMSGSIZE;
	r = mn_aead_open(MN_AEAD_AES_128_CCM, c->recipient_key, nonce, MN_OSCORE_NONCE_LEN, aad,
			 aad_len, msg->payload, len, buf + at, msg->payload + len,
			 MN_OSCORE_TAG_LEN);
	if (r) {
		mn_zero(buf + at, len);
		return r;
	}
	return (int)len;
}

/* The ordinary CoAP message around the plaintext in buf. The plaintext is zeroed when it is
 * none. */
static int inner_read(const struct mn_coap *msg, bool request, uint8_t *buf, size_t len,
		      struct mn_coap *inner)
{
	size_t total = plaintext_at(msg) + len;
	struct mn_coap_cursor at = { 0 };
	struct mn_coap_option o;
	struct mn_coap m;

	/* The code first: it lies where the last byte of ID or token goes. */
	buf[1] = buf[plaintext_at(msg)];
	buf[0] = (uint8_t)(0x40 | msg->type << 4 | msg->token.len);
	buf[2] = (uint8_t)(msg->id >> 8);
	buf[3] = (uint8_t)msg->id;
	memcpy(buf + 4, msg->token.bytes, msg->token.len);
	if (mn_coap_read(buf, total, &m, NULL))
		goto malformed;
	if (request ? !mn_coap_is_request(&m) : !mn_coap_is_response(&m))
		goto malformed;
	while (mn_coap_option_next(&m, &at, &o))
		if (belongs_outside(o.number))
			goto malformed;
	*inner = m;
	return 0;
malformed:
	mn_zero(buf, total);
	return -EPROTO;
}

int mn_oscore_open_request(struct mn_oscore *c, const struct mn_coap *msg, uint8_t *buf, size_t max,
			   struct mn_coap *inner, struct mn_oscore_request *rq)
{
	uint8_t nonce[MN_OSCORE_NONCE_LEN];
	struct mn_oscore_request theirs = { 0 };
	struct mn_oscore_option o;
	uint64_t seq;
	int r;

	r = outer_option(msg, &o);
	if (r)
		return r;
	if (!o.has_kid || !o.piv_len)
		return -EPROTO;
	if (!names_us(c, &o))
		return -ENOENT;
	seq = mn_oscore_piv(o.piv, o.piv_len);
	if (!mn_replay_check(&c->window, seq, MN_OSCORE_WINDOW))
		return -EALREADY;

	theirs.kid_len = (uint8_t)o.kid_len; /* names_us: at most MN_OSCORE_ID_MAX */
	memcpy(theirs.kid, c->recipient_id, c->recipient_id_len);
	theirs.piv_len = o.piv_len;
	memcpy(theirs.piv, o.piv, o.piv_len);
	mn_oscore_nonce(c, theirs.kid, theirs.kid_len, theirs.piv, theirs.piv_len, nonce);
	r = unseal(c, msg, nonce, &theirs, buf, max);
	if (r < 0)
		return r;

	/* RFC 8613 8.2 step 6: decryption alone updates the window, whatever the plaintext turns
	 * out to be. */
	mn_replay_update(&c->window, seq);
	r = inner_read(msg, true, buf, (size_t)r, inner);
	if (r)
		return r;
	*rq = theirs;
	return 0;
}

int mn_oscore_open_response(struct mn_oscore *c, const struct mn_coap *msg,
			    const struct mn_oscore_request *rq, uint8_t *buf, size_t max,
			    struct mn_coap *inner)
{
	uint8_t nonce[MN_OSCORE_NONCE_LEN];
	struct mn_oscore_option o;
	int r;

	r = outer_option(msg, &o);
	if (r)
		return r;
	if (!names_us(c, &o))
		return -ENOENT;
	if (o.piv_len)
		mn_oscore_nonce(c, c->recipient_id, c->recipient_id_len, o.piv, o.piv_len, nonce);
	else
		mn_oscore_nonce(c, rq->kid, rq->kid_len, rq->piv, rq->piv_len, nonce);
	r = unseal(c, msg, nonce, rq, buf, max);
	if (r < 0)
		return r;
	return inner_read(msg, false, buf, (size_t)r, inner);
}
