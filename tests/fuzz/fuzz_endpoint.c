// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/fuzz/fuzz.c tests/unit/wire_fixture.c */
/* A server and up to three clients with the network between them in hostile hands: cookie exchange, handshake and records as the endpoint
 * is fed. The input is a program that delivers, loses, repeats, changes, mixes and makes up datagrams while the clients talk.
 * A message that comes out must be one that the other side sent on that session, once; a client with a wrong key never gets in;
 * and afterwards an honest client must still be served. */
#include "../unit/wire_fixture.h"

#include <arpa/inet.h>

#include "dtls/endpoint.h"
#include "fuzz.h"

enum { CLIENTS = 3, HISTORY = 16, NUMBERS = 64 };

static const uint8_t key[16] = "fuzzfuzzfuzzfuzz", wrong[16] = "wrong";

struct peer {
	unsigned int n;
	bool wrong_key, honest;
	struct mn_session *client; /* until closed */
	bool sent_up[NUMBERS], got_up[NUMBERS], sent_down[NUMBERS], got_down[NUMBERS];
};

static struct {
	struct mn_loop *loop;
	struct mn_endpoint *server, *client;
	union mn_addr address;
	struct peer peers[CLIENTS + 1];
	struct wire_datagram history[HISTORY];
	unsigned int n_history;
} t;

static int psk(void *arg, const uint8_t *identity, size_t len, uint8_t out[MN_KEY_MAX],
	       size_t *out_len, void **owner)
{
	(void)arg;
	if (len != 4 || memcmp(identity, "dev", 3) || identity[3] < '0' ||
	    identity[3] > '0' + CLIENTS)
		return -1;
	memcpy(out, key, sizeof(key));
	*out_len = sizeof(key);
	*owner = &t.peers[identity[3] - '0'];
	return 0;
}

static void server_opened(void *arg, struct mn_session *s)
{
	struct peer *p = mn_session_owner(s);

	(void)arg;
	MUST(p && !p->wrong_key);
}

/* up: 'u' and number; down: 'd' and number. Each number is sent once in a run. */
static void server_message(void *arg, struct mn_session *s, uint8_t *data, size_t len)
{
	struct peer *p = mn_session_owner(s);

	(void)arg;
	MUST(len == 2 && data[0] == 'u' && data[1] < NUMBERS);
	MUST(p->sent_up[data[1]] && !p->got_up[data[1]]);
	p->got_up[data[1]] = true;
}

static void server_closed(void *arg, struct mn_session *s, enum mn_close why, bool was_open)
{
	(void)arg;
	(void)s;
	MUST(was_open && *mn_close_name(why));
}

static void client_opened(void *arg, struct mn_session *s)
{
	const struct peer *p = mn_session_user(s);

	(void)arg;
	MUST(!p->wrong_key && p->client == s && *mn_suite_name(mn_session_suite(s)));
}

static void client_message(void *arg, struct mn_session *s, uint8_t *data, size_t len)
{
	struct peer *p = mn_session_user(s);

	(void)arg;
	MUST(len == 2 && data[0] == 'd' && data[1] < NUMBERS);
	MUST(p->sent_down[data[1]] && !p->got_down[data[1]]);
	p->got_down[data[1]] = true;
}

static void client_closed(void *arg, struct mn_session *s, enum mn_close why, bool was_open)
{
	struct peer *p = mn_session_user(s);

	(void)arg;
	(void)was_open;
	MUST(*mn_close_name(why) && p->client == s);
	p->client = NULL;
}

static void start(void)
{
	static const struct mn_endpoint_ops server = { psk, server_opened, server_message,
						       server_closed };
	static const struct mn_endpoint_ops client = { NULL, client_opened, client_message,
						       client_closed };
	const struct mn_endpoint_config c = { .hint = "mn-cse-1",
					      .half_open = 4,
					      .idle_ms = 600000 };
	const struct mn_endpoint_config d = { 0 };

	memset(&t, 0, sizeof(t));
	for (unsigned int i = 0; i <= CLIENTS; i++)
		t.peers[i].n = i;
	t.loop = wire_new();
	MUST(t.loop);
	t.address.in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(5684) };
	t.address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	MUST(!mn_endpoint_new(t.loop, &c, &server, NULL, &t.server));
	MUST(!mn_endpoint_new(t.loop, &d, &client, NULL, &t.client));
	MUST(!mn_endpoint_listen(t.server, &t.address, false));
}

static void dial(struct peer *p, uint8_t how)
{
	static const uint16_t suites[] = { MN_SUITE_PSK_AES_128_GCM, MN_SUITE_PSK_AES_128_CCM_8,
					   MN_SUITE_PSK_AES_128_CBC };
	const uint16_t list[] = { suites[how % 3], 0 };
	char identity[] = { 'd', 'e', 'v', (char)('0' + p->n), 0 };
	union mn_addr local = t.address; /* half-open handshakes of one address are held to a cap */
	const struct mn_connect c = { .peer = t.address,
				      .local = &local,
				      .identity = identity,
				      .key = p->wrong_key ? wrong : key,
				      .key_len = 16,
				      .user = p,
				      .suites = list };

	local.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + p->n);
	local.in.sin_port = 0;
	if (!p->client)
		MUST(!mn_endpoint_connect(t.client, &c, &p->client));
}

static void send_up(struct peer *p, uint8_t number)
{
	const uint8_t m[2] = { 'u', number % NUMBERS };

	if (p->client && !p->sent_up[m[1]] && !mn_session_send(p->client, m, sizeof(m)))
		p->sent_up[m[1]] = true;
}

static void send_down(struct peer *p, uint8_t number)
{
	struct mn_session *s = mn_endpoint_session(t.server, p);
	const uint8_t m[2] = { 'd', number % NUMBERS };

	if (s && !p->sent_down[m[1]] && !mn_session_send(s, m, sizeof(m)))
		p->sent_down[m[1]] = true;
}

/* What was seen on the wire stays in hostile hands. */
static bool take(struct wire_datagram *d)
{
	if (!wire_take(t.loop, d))
		return false;
	t.history[t.n_history++ % HISTORY] = *d;
	return true;
}

static void damaged(struct fuzz *f, struct wire_datagram *d)
{
	uint8_t *p = fuzz_copy(d->data, d->len);
	size_t len = d->len;

	fuzz_damage(f, &p, &len);
	d->len = len < sizeof(d->data) ? len : sizeof(d->data);
	memcpy(d->data, p, d->len);
	free(p);
	if (d->len)
		wire_deliver(t.loop, d);
}

static void made_up(struct fuzz *f, struct wire_datagram *d)
{
	const uint8_t *p;

	*d = t.history[fuzz_u8(f) % HISTORY];
	if (!d->len) {
		d->to = t.address;
		d->from = t.address;
		d->from.in.sin_port = htons(1);
	}
	p = fuzz_bytes(f, 400, &d->len);
	memcpy(d->data, p, d->len);
	if (d->len)
		wire_deliver(t.loop, d);
}

static void network(struct fuzz *f, uint8_t op)
{
	static struct wire_datagram d, e;
	size_t at;

	switch (op) {
	case 0:
		if (take(&d))
			wire_deliver(t.loop, &d);
		break;
	case 1:
		take(&d);
		break;
	case 2:
		if (take(&d)) {
			e = d;
			wire_deliver(t.loop, &d);
			wire_deliver(t.loop, &e);
		}
		break;
	case 3:
		if (take(&d))
			damaged(f, &d);
		break;
	case 4:
		d = t.history[fuzz_u8(f) % HISTORY];
		if (d.len)
			wire_deliver(t.loop, &d);
		break;
	case 5:
		d = t.history[fuzz_u8(f) % HISTORY];
		if (d.len)
			damaged(f, &d);
		break;
	case 6:
		made_up(f, &d);
		break;
	case 7: /* the front of one and the rest of another */
		d = t.history[fuzz_u8(f) % HISTORY];
		e = t.history[fuzz_u8(f) % HISTORY];
		at = fuzz_u16(f) % (d.len < e.len ? d.len + 1 : e.len + 1);
		memcpy(d.data, e.data, at);
		if (d.len)
			wire_deliver(t.loop, &d);
		break;
	}
}

static void people(struct fuzz *f, uint8_t op)
{
	struct peer *p = &t.peers[fuzz_u8(f) % CLIENTS];
	struct mn_session *s;

	switch (op) {
	case 0:
		if (!p->client)
			p->wrong_key = !p->honest && p->n == CLIENTS - 1;
		dial(p, fuzz_u8(f));
		break;
	case 1:
		send_up(p, fuzz_u8(f));
		break;
	case 2:
		send_down(p, fuzz_u8(f));
		break;
	case 3:
		if (p->client)
			mn_session_close(p->client);
		break;
	case 4:
		s = mn_endpoint_session(t.server, p);
		if (s)
			mn_session_close(s);
		break;
	case 5:
		wire_pass(t.loop, fuzz_u16(f));
		break;
	case 6:
		wire_starve(t.loop, fuzz_u8(f) % 8);
		break;
	case 7:
		wire_flow(t.loop, 32);
		break;
	}
}

/* Whatever came before. */
static void serves_still(void)
{
	struct peer *p = &t.peers[CLIENTS];
	struct wire_datagram d;

	while (wire_take(t.loop, &d))
		;
	wire_starve(t.loop, 0);
	p->honest = true;
	dial(p, 1);
	for (int i = 0; i < 20 && !mn_endpoint_session(t.server, p); i++) {
		wire_flow(t.loop, 200);
		if (!mn_endpoint_session(t.server, p))
			wire_pass(t.loop, 1100);
	}
	MUST(mn_endpoint_session(t.server, p) && p->client);
	wire_flow(t.loop, 200);
	send_up(p, 1);
	send_down(p, 2);
	wire_flow(t.loop, 200);
	MUST(p->got_up[1] && p->got_down[2]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	struct mn_endpoint_stats s;

	fuzz_start();
	start();
	for (int steps = 0; f.left && steps < 300; steps++) {
		uint8_t op = fuzz_u8(&f) % 16;

		if (op < 8)
			network(&f, op);
		else
			people(&f, op - 8);
	}
	serves_still();
	mn_endpoint_stats(t.server, &s);
	MUST(s.sessions <= CLIENTS + 1 && s.half_open <= 4);
	mn_endpoint_free(t.client);
	mn_endpoint_free(t.server);
	wire_free(t.loop);
	return 0;
}
