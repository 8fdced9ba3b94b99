/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stateless cookies: two keys that take turns every 60 s, so that a cookie lives 60 to 120 s (protocol.md: 60 s). */
#ifndef MN_DTLS_COOKIE_H
#define MN_DTLS_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dtls/filter.h"
#include "loop/loop.h"
#include "uapi/cookie.h"

#define MN_COOKIE_TURN_MS 60000

struct mn_cookies {
	struct mncse_cookie_key key[2]; /* [0] makes, both are accepted */
	uint64_t turned_ms;
};

int mn_cookies_init(struct mn_cookies *c, uint64_t now_ms); /* 0 or -errno of the generator */
void mn_cookies_turn(struct mn_cookies *c,
		     uint64_t now_ms);      /* when it is time; the others do it themselves */
void mn_cookies_fini(struct mn_cookies *c); /* zeroes */
void mn_cookie_make(struct mn_cookies *c, uint64_t now_ms, const union mn_addr *from,
		    const struct mn_client_hello *hello, uint8_t out[MNCSE_COOKIE_LEN]);
bool mn_cookie_check(struct mn_cookies *c, uint64_t now_ms, const union mn_addr *from,
		     const struct mn_client_hello *hello);

#endif
