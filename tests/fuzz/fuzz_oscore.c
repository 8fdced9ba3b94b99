// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/fuzz/fuzz.c */
/* OSCORE, both roles. The input is a program: requests and answers are protected, damaged and opened. What opens must be what was
 * protected, once; the option's value alone is read too. */
#include <errno.h>

#include "core/identity.h"
#include "core/oscore.h"
#include "fuzz.h"

enum { ROOM = 1400, KEPT = 8 };

struct message {
	size_t len, payload_len;
	uint8_t bytes[ROOM], payload[256];
	uint8_t code;
	bool answered;
	struct mn_oscore_request rq;
};

static struct mn_oscore device, in;
static struct message kept[KEPT];
static unsigned int n_kept;

/* The key is of the input's making, so that what another input protected is a forgery here: the fuzzer remembers such bytes. */
static void start(const uint8_t *data, size_t size)
{
	static const uint8_t kid[MN_KID_LEN] = { 1, 2, 3, 4, 5, 6, 7 }, c = MN_OSCORE_IN_KID;
	static const uint8_t context[MN_OSCORE_KID_CONTEXT_LEN] = { 0x65, 0, 0, 1, 9 };
	uint8_t prk[32];

	memset(kept, 0, sizeof(kept));
	n_kept = 0;
	MUST(!mn_oscore_extract(data, size, NULL, 0, prk));
	MUST(!mn_oscore_derive(&device, prk, kid, sizeof(kid), &c, 1, context, sizeof(context)));
	MUST(!mn_oscore_derive(&in, prk, &c, 1, kid, sizeof(kid), context, sizeof(context)));
}

static size_t inner(struct fuzz *f, uint8_t code, uint8_t *buf, struct message *m)
{
	const uint8_t *payload = fuzz_bytes(f, sizeof(m->payload) - 1, &m->payload_len);
	struct mn_coap_writer w;
	int len;

	memcpy(m->payload, payload, m->payload_len);
	m->code = code;
	mn_coap_begin(&w, buf, ROOM, MN_COAP_CON, code, 0, &(struct mn_coap_token){ 0 });
	if (code < 32)
		mn_coap_put_path(&w, "in-cse/cnt");
	mn_coap_put_payload(&w, m->payload, m->payload_len);
	len = mn_coap_finish(&w);
	MUST(len > 0);
	return (size_t)len;
}

static void protect(struct fuzz *f)
{
	const struct mn_coap_token token = { .len = 2, .bytes = { 7, 8 } };
	struct message *m = &kept[n_kept % KEPT];
	uint8_t buf[ROOM], how = fuzz_u8(f);
	struct mn_coap plain;
	uint64_t before;
	int n;

	memset(m, 0, sizeof(*m));
	MUST(!mn_coap_read(buf, inner(f, 1 + how % 7, buf, m), &plain, NULL));
	if (how & 0x80)
		device.sender_seq += fuzz_u64(f) >> (24 + how / 8 % 16 * 2);
	before = device.sender_seq;
	n = mn_oscore_protect_request(&device, &plain, MN_COAP_NON, 1, &token, how & 0x40, m->bytes,
				      sizeof(m->bytes), &m->rq);
	MUST((n == -ERANGE) == (before > MN_OSCORE_SEQ_MAX));
	if (n < 0)
		return;
	MUST(device.sender_seq == before + 1);
	m->len = (size_t)n;
	n_kept++;
}

static bool same(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (!a_len || !memcmp(a, b, a_len));
}

/* A message that is not the original, byte for byte, in what is protected, must not open. */
static bool same_where_protected(const struct mn_coap *a, const struct mn_coap *b)
{
	struct mn_coap_option x, y;
	struct mn_oscore_option p, q;

	if (!mn_coap_option_find(a, MN_COAP_OPT_OSCORE, &x) ||
	    !mn_coap_option_find(b, MN_COAP_OPT_OSCORE, &y) ||
	    mn_oscore_option_read(x.value, x.len, &p) || mn_oscore_option_read(y.value, y.len, &q))
		return false;
	return same(p.piv, p.piv_len, q.piv, q.piv_len) &&
	       same(p.kid, p.kid_len, q.kid, q.kid_len) &&
	       same(a->payload, a->payload_len, b->payload, b->payload_len);
}

static const struct message *origin(const struct mn_coap *m)
{
	struct mn_coap o;

	for (unsigned int i = 0; i < KEPT; i++)
		if (kept[i].len && !mn_coap_read(kept[i].bytes, kept[i].len, &o, NULL) &&
		    same_where_protected(&o, m))
			return &kept[i];
	return NULL;
}

static void answer(struct fuzz *f, const struct mn_oscore_request *rq, const struct message *to)
{
	const struct mn_coap_token token = { .len = 1, .bytes = { 9 } };
	uint8_t buf[ROOM], out[ROOM], *bytes;
	struct mn_coap plain, m;
	struct message a = { 0 };
	bool own = fuzz_u8(f) & 1, damaged = fuzz_u8(f) & 1;
	size_t len;
	int n;

	MUST(!mn_coap_read(buf, inner(f, MN_COAP_205, buf, &a), &plain, NULL));
	n = mn_oscore_protect_response(&in, &plain, rq, own, MN_COAP_NON, 2, &token, out,
				       sizeof(out));
	MUST(n > 0);
	len = (size_t)n;
	bytes = fuzz_copy(out, len);
	if (damaged)
		fuzz_damage(f, &bytes, &len);
	if (!mn_coap_read(bytes, len, &m, NULL)) {
		n = mn_oscore_open_response(&device, &m, &to->rq, buf,
					    len + 16 < ROOM ? len + 16 : ROOM, &plain);
		MUST(damaged || !n);
		if (!n)
			MUST(plain.code == MN_COAP_205 &&
			     same(plain.payload, plain.payload_len, a.payload, a.payload_len));
	}
	free(bytes);
}

static void open_request(struct fuzz *f, uint8_t *bytes, size_t len)
{
	struct mn_replay before = in.window;
	struct mn_oscore_request rq;
	uint8_t *buf = malloc(len + 16);
	const struct message *o;
	struct mn_coap m, plain;
	int err;

	MUST(buf);
	if (!mn_coap_read(bytes, len, &m, NULL)) {
		err = mn_oscore_open_request(&in, &m, buf, len + 16, &plain, &rq);
		o = origin(&m);
		MUST(err || o);
		if (err && err != -EPROTO)
			MUST(!memcmp(&before, &in.window, sizeof(before)));
		if (!err) {
			MUST(plain.code == o->code);
			MUST(same(plain.payload, plain.payload_len, o->payload, o->payload_len));
			MUST(mn_oscore_open_request(&in, &m, buf, len + 16, &plain, &rq) ==
			     -EALREADY);
			answer(f, &o->rq, o);
		}
	}
	free(buf);
	free(bytes);
}

static void option(const uint8_t *value, size_t len)
{
	uint8_t *p = fuzz_copy(value, len), out[300];
	struct mn_oscore_option o;
	int n;

	if (!mn_oscore_option_read(p, len, &o)) {
		MUST(o.piv_len <= MN_OSCORE_PIV_MAX);
		n = mn_oscore_option_write(o.piv, o.piv_len, o.kid, o.kid_len, o.has_kid,
					   o.has_kid_context ? o.kid_context : NULL,
					   o.kid_context_len, out, sizeof(out));
		if (!o.has_kid_context || o.kid_context_len)
			MUST(n >= 0 && same(out, (size_t)n, p, len));
	}
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	const uint8_t *raw;
	struct message *m;
	uint8_t *p;
	size_t len;

	fuzz_start();
	start(data, size);
	while (f.left) {
		switch (fuzz_u8(&f) % 5) {
		case 0:
			protect(&f);
			break;
		case 1:
			m = &kept[fuzz_u8(&f) % KEPT];
			open_request(&f, fuzz_copy(m->bytes, m->len), m->len);
			break;
		case 2:
			m = &kept[fuzz_u8(&f) % KEPT];
			len = m->len;
			p = fuzz_copy(m->bytes, len);
			fuzz_damage(&f, &p, &len);
			open_request(&f, p, len);
			break;
		case 3:
			raw = fuzz_bytes(&f, 300, &len);
			open_request(&f, fuzz_copy(raw, len), len);
			break;
		case 4:
			raw = fuzz_bytes(&f, 255, &len);
			option(raw, len);
			break;
		}
	}
	mn_oscore_fini(&device);
	mn_oscore_fini(&in);
	return 0;
}
