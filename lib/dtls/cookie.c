// SPDX-License-Identifier: GPL-2.0-or-later
#include "dtls/cookie.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/crypto.h"

int mn_cookies_init(struct mn_cookies *c, uint64_t now_ms)
{
	c->turned_ms = now_ms;
	return mn_random(c->key, sizeof(c->key));
}

void mn_cookies_fini(struct mn_cookies *c)
{
	mn_zero(c, sizeof(*c));
}

/* After a pause of two turns or more both keys are old: neither may be accepted again. */
void mn_cookies_turn(struct mn_cookies *c, uint64_t now_ms)
{
	struct mncse_cookie_key fresh[2];
	uint64_t turns = now_ms < c->turned_ms ? 0 : (now_ms - c->turned_ms) / MN_COOKIE_TURN_MS;

	if (!turns || mn_random(fresh, sizeof(fresh)))
		return;
	c->key[1] = turns == 1 ? c->key[0] : fresh[1];
	c->key[0] = fresh[0];
	c->turned_ms += turns * MN_COOKIE_TURN_MS;
	mn_zero(fresh, sizeof(fresh));
}

static void fill(struct mncse_cookie_input *in, const union mn_addr *from,
		 const struct mn_client_hello *hello)
{
	memset(in, 0, sizeof(*in));
	if (from->sa.sa_family == AF_INET6) {
		memcpy(in->addr, &from->in6.sin6_addr, 16);
		in->port = from->in6.sin6_port;
	} else {
		in->addr[10] = in->addr[11] = 0xff;
		memcpy(in->addr + 12, &from->in.sin_addr, 4);
		in->port = from->in.sin_port;
	}
	in->version = htons(hello->version);
	memcpy(in->random, hello->random, sizeof(in->random));
}

void mn_cookie_make(struct mn_cookies *c, uint64_t now_ms, const union mn_addr *from,
		    const struct mn_client_hello *hello, uint8_t out[MNCSE_COOKIE_LEN])
{
	struct mncse_cookie_input in;
	uint64_t v;

	mn_cookies_turn(c, now_ms);
	fill(&in, from, hello);
	v = mncse_cookie(&c->key[0], &in);
	memcpy(out, &v, sizeof(v));
}

bool mn_cookie_check(struct mn_cookies *c, uint64_t now_ms, const union mn_addr *from,
		     const struct mn_client_hello *hello)
{
	struct mncse_cookie_input in;

	if (hello->cookie_len != MNCSE_COOKIE_LEN)
		return false;
	mn_cookies_turn(c, now_ms);
	fill(&in, from, hello);
	for (int i = 0; i < 2; i++) {
		uint64_t v = mncse_cookie(&c->key[i], &in);

		if (mn_equal(&v, hello->cookie, sizeof(v)))
			return true;
	}
	return false;
}
