// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/fuzz/fuzz.c */
/* Names, credential identifiers, hex, addresses and text for the log, as they come from files, sockets and command lines. */
#include <strings.h>

#include "core/identity.h"
#include "fuzz.h"
#include "log.h"
#include "loop/loop.h"

static void entity(const uint8_t *p, size_t len)
{
	char id[MN_ENTITY_MAX + 1] = "untouched", again[MN_ENTITY_MAX + 1];
	size_t n = 77, m;
	int err = mn_entity_normalise(p, len, id, &n);

	MUST(*mn_identity_strerror(err));
	if (err) {
		MUST(!strcmp(id, "untouched") && n == 77);
		return;
	}
	MUST(n && n <= MN_ENTITY_MAX && strlen(id) == n && !mn_text_check(id, n));
	MUST(!mn_entity_normalise(id, n, again, &m) && m == n && !strcmp(id, again));
}

static void hex(const char *text, size_t len)
{
	uint8_t out[MN_KEY_MAX];
	char back[2 * MN_KEY_MAX + 1];
	size_t n;

	if (mn_hex_decode(text, len, out, sizeof(out), &n))
		return;
	MUST(n <= sizeof(out) && n * 2 == len);
	mn_hex_encode(out, n, back);
	MUST(!strncasecmp(back, text, len));
}

static void address(const char *text)
{
	union mn_addr a, b;
	char out[MN_ADDR_TEXT];

	if (mn_addr_parse(text, 5684, &a))
		return;
	MUST(!mn_addr_parse(mn_addr_text(&a, out), 0, &b) || a.in.sin_port == 0);
	if (a.in.sin_port && (a.sa.sa_family != AF_INET6 || !a.in6.sin6_scope_id))
		MUST(mn_addr_equal(&a, &b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *p = fuzz_copy(data, size), kid[MN_KID_LEN];
	char *text = (char *)fuzz_copy(data, size), quoted[40], *end;

	fuzz_start();
	entity(p, size);
	if (!mn_kpsa_id_check(p, size)) {
		MUST(size <= MN_KPSA_ID_MAX && memchr(p, '@', size) && !mn_text_check(p, size));
		MUST(!mn_kid(p, size, kid));
	}
	hex((char *)p, size);
	mn_log_quote(quoted, sizeof(quoted), p, size);
	for (const char *c = quoted; *c; c++)
		MUST(*c >= ' ' && *c <= '~');
	end = realloc(text, size + 1);
	MUST(end);
	end[size] = '\0';
	address(end);
	free(end);
	free(p);
	return 0;
}
