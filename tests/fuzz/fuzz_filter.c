// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/fuzz/fuzz.c */
/* A datagram as it comes from the network: the front filter, the ClientHello, and the cookie. */
#include "dtls/cookie.h"
#include "dtls/filter.h"
#include "fuzz.h"

static void check_hello(const struct mn_record *r, const union mn_addr *from)
{
	struct mn_client_hello hello;
	union mn_addr other = *from;
	struct mn_cookies keys;
	uint8_t cookie[MNCSE_COOKIE_LEN], *answer;
	size_t len, whole = MNCSE_RECORD_HEADER + r->len;

	if (mn_client_hello_read(r, &hello))
		return;
	MUST(hello.random >= r->body && hello.random + 32 <= r->body + r->len);
	MUST(hello.cookie >= r->body && hello.cookie + hello.cookie_len <= r->body + r->len);
	MUST(!mn_cookies_init(&keys, 1000));
	mn_cookie_make(&keys, 1000, from, &hello, cookie);

	/* never more bytes out than came in, before a cookie */
	answer = fuzz_copy("", 0);
	MUST(mn_hello_verify_write(&hello, cookie, sizeof(cookie), answer, 0) == 0);
	free(answer);
	answer = malloc(whole);
	MUST(answer);
	len = mn_hello_verify_write(&hello, cookie, sizeof(cookie), answer, whole);
	MUST(len == 28 + sizeof(cookie) && len <= whole);
	free(answer);

	hello.cookie = cookie;
	hello.cookie_len = sizeof(cookie);
	MUST(mn_cookie_check(&keys, 1000, from, &hello));
	MUST(mn_cookie_check(&keys, 1000 + MN_COOKIE_TURN_MS, from, &hello));
	MUST(!mn_cookie_check(&keys, 1000 + 3ULL * MN_COOKIE_TURN_MS, from, &hello));
	mn_cookies_init(&keys, 1000);
	mn_cookie_make(&keys, 1000, from, &hello, cookie);
	other.in.sin_port ^= 1;
	MUST(!mn_cookie_check(&keys, 1000, &other, &hello));
	mn_cookies_fini(&keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	union mn_addr from = { .in = { .sin_family = AF_INET, .sin_port = 5684 } };
	struct mn_record r;
	size_t at = 0, before = 0;
	uint8_t *p;
	int more;

	fuzz_start();
	p = fuzz_copy(data, size);
	while ((more = mn_record_next(p, size, &at, &r)) > 0) {
		MUST(at > before && at <= size);
		MUST(r.header == p + before && r.body == r.header + MNCSE_RECORD_HEADER);
		MUST(r.len && r.body + r.len == p + at && r.epoch <= 1);
		before = at;
		if (mn_is_client_hello(&r))
			check_hello(&r, &from);
	}
	MUST(at == before);
	MUST(mn_datagram_ok(p, size) == (size && !more));
	free(p);
	return 0;
}
