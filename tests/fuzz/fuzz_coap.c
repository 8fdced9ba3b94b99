// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/fuzz/fuzz.c */
/* A CoAP message: every reader of it, and the same message written again from what was read. */
#include "core/coap.h"
#include "fuzz.h"

static void options(const struct mn_coap *m)
{
	static const uint16_t known[] = { MN_COAP_OPT_URI_PATH, MN_COAP_OPT_OSCORE };
	struct mn_coap_cursor at = { 0 };
	struct mn_coap_option o, found;
	uint16_t last = 0, bad;
	char path[64], name[8];
	uint32_t v;
	int len;

	while (mn_coap_option_next(m, &at, &o)) {
		MUST(o.number >= last);
		MUST(o.value >= m->options && o.value + o.len <= m->options + m->options_len);
		MUST(mn_coap_option_find(m, o.number, &found) && found.number == o.number);
		if (!mn_coap_option_uint(m, o.number, 3, &v))
			MUST(v <= 0xffffff && found.len <= 3);
		last = o.number;
	}
	MUST(at.at == m->options_len);
	bad = mn_coap_critical_unknown(m, known, 2);
	MUST(!bad || bad & 1);
	mn_coap_path_is(m, "gsa");
	mn_coap_path_is(m, "in-cse/cnt");
	len = mn_coap_path(m, path, sizeof(path));
	if (len > 0)
		MUST((size_t)len == strlen(path) && mn_coap_path_is(m, path));
	mn_coap_code_name(m->code, name);
}

static void again(const struct mn_coap *m)
{
	struct mn_coap_cursor at = { 0 }, a = { 0 }, b = { 0 };
	struct mn_coap_option o, p;
	struct mn_coap_writer w;
	struct mn_coap n;
	static uint8_t buf[70000];
	int len;

	mn_coap_begin(&w, buf, sizeof(buf), m->type, m->code, m->id, &m->token);
	while (mn_coap_option_next(m, &at, &o))
		mn_coap_put(&w, o.number, o.value, o.len);
	mn_coap_put_payload(&w, m->payload, m->payload_len);
	len = mn_coap_finish(&w);
	MUST(len > 0);
	MUST(!mn_coap_read(buf, (size_t)len, &n, NULL));
	MUST(n.type == m->type && n.code == m->code && n.id == m->id);
	MUST(n.token.len == m->token.len && !memcmp(n.token.bytes, m->token.bytes, n.token.len));
	MUST(n.payload_len == m->payload_len);
	MUST(!n.payload_len || !memcmp(n.payload, m->payload, n.payload_len));
	while (mn_coap_option_next(m, &a, &o)) {
		MUST(mn_coap_option_next(&n, &b, &p));
		MUST(o.number == p.number && o.len == p.len && !memcmp(o.value, p.value, o.len));
	}
	MUST(!mn_coap_option_next(&n, &b, &p));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mn_coap m = { 0 };
	uint8_t *p;
	bool headed;
	int err;

	if (size > 60000)
		return 0;
	fuzz_start();
	p = fuzz_copy(data, size);
	err = mn_coap_read(p, size, &m, &headed);
	MUST(!err || (size >= 4 || !headed));
	if (!err) {
		MUST(headed && m.token.len <= MN_COAP_TOKEN_MAX);
		options(&m);
		again(&m);
	}
	free(p);
	return 0;
}
