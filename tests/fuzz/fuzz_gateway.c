// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/fuzz/fuzz.c tests/unit/gateway_fixture.c daemon/relay.c daemon/reply.c daemon/device.c daemon/service.c daemon/gsa.c */
/* LINK: daemon/fanout.c daemon/group.c daemon/upstream.c daemon/upstream_gsa.c daemon/buffer.c daemon/keyring.c */
/* LINK: daemon/credentials.c */
/* The gateway between hostile devices and a hostile IN, without sockets. The input is a program: who connects, what each says, when. What
 * the gateway sends must be CoAP that can be read; what it forwards must be an OSCORE request; and all memory comes back at the end. */
#include "../unit/gateway_fixture.h"

#include <errno.h>

#include "fuzz.h"

enum { DEVICES = 4 };

static struct {
	struct mnd_gateway *g;
	struct mn_session *device[DEVICES];
	struct fx_message forwarded[8], sent[8]; /* to the IN, to devices */
	unsigned int n_forwarded, n_sent;
} t;

static const uint16_t numbers[] = { MN_COAP_OPT_URI_HOST,       MN_COAP_OPT_OBSERVE,
				    MN_COAP_OPT_OSCORE,         MN_COAP_OPT_URI_PATH,
				    MN_COAP_OPT_CONTENT_FORMAT, MN_COAP_OPT_MAX_AGE,
				    MN_COAP_OPT_ACCEPT,         MN_COAP_OPT_SIZE1,
				    MN_COAP_OPT_PROXY_URI,      2049 };

static struct mn_session *session(struct fuzz *f)
{
	return t.device[fuzz_u8(f) % DEVICES];
}

/* The oldest that was sent to s, if any: it must be readable (fx_take looks), and it is kept for answers. */
static bool look(struct mn_session *s)
{
	struct fx_message m;
	struct mn_coap_option o;

	if (!fx_take(s, &m))
		return false;
	m.coap.options = m.coap.payload = NULL; /* they point into a copy that has gone */
	if (s != fx_outer()) {
		t.sent[t.n_sent++ % 8] = m;
		return true;
	}
	MUST(!mn_coap_read(m.data, m.len, &m.coap, NULL));
	if (m.coap.type == MN_COAP_NON && mn_coap_is_request(&m.coap)) {
		MUST(m.coap.code == MN_COAP_POST);
		MUST(mn_coap_option_find(&m.coap, MN_COAP_OPT_OSCORE, &o));
		MUST(!mn_coap_option_find(&m.coap, MN_COAP_OPT_URI_HOST, &o));
		MUST(!mn_coap_option_find(&m.coap, MN_COAP_OPT_PROXY_URI, &o));
		MUST(m.len <= 1152);
		t.forwarded[t.n_forwarded++ % 8] = m;
	}
	return true;
}

static void settle(void)
{
	struct mn_session *outer = fx_outer();

	if (outer && fx_closing(outer))
		fx_outer_close(t.g, MN_CLOSE_LOCAL);
	for (int i = 0; i < DEVICES; i++) {
		while (t.device[i] && look(t.device[i]))
			;
		if (t.device[i] && fx_closing(t.device[i])) {
			fx_disconnect(t.g, t.device[i]);
			t.device[i] = NULL;
		}
	}
	while (fx_outer() && look(fx_outer()))
		;
}

/* A message whose parts are known ones, with values of the input's. */
static void message(struct fuzz *f, struct mn_session *s)
{
	struct fx_option options[6];
	uint8_t form = fuzz_u8(f), code = fuzz_u8(f), n = fuzz_u8(f) % 6;
	uint16_t id = fuzz_u16(f), last = 0;
	struct mn_coap_token token = { .len = form >> 2 & 1 ? 8 : 2, .bytes = { form } };
	unsigned int used = 0;
	const uint8_t *payload;
	size_t len;

	for (uint8_t i = 0; i < n; i++) {
		uint8_t which = fuzz_u8(f);
		struct fx_option o = { .number = numbers[which % 10] };

		if (which & 0x80 && o.number == MN_COAP_OPT_URI_PATH) {
			o.value = "gsa";
			o.len = 3;
		} else {
			o.value = fuzz_bytes(f, 40, &o.len);
		}
		if (o.number < last)
			continue;
		last = o.number;
		options[used++] = o;
	}
	payload = fuzz_bytes(f, 1300, &len);
	if (code)
		fx_send(t.g, s, (enum mn_coap_type)(form & 3), code, id, &token, options, used,
			payload, len);
	else
		fx_send_empty(t.g, s, (enum mn_coap_type)(form & 3), id);
}

static void raw(struct fuzz *f, struct mn_session *s)
{
	size_t len;
	const uint8_t *p = fuzz_bytes(f, 1500, &len);

	if (len)
		fx_input(t.g, s, p, len);
}

/* ACK, RST or a separate answer to something that the gateway sent. */
static void reply(struct fuzz *f, struct mn_session *s)
{
	const struct fx_message *m =
		s == fx_outer() ? &t.forwarded[fuzz_u8(f) % 8] : &t.sent[fuzz_u8(f) % 8];
	static const uint8_t codes[] = { 0,           MN_COAP_204, MN_COAP_400, MN_COAP_401,
					 MN_COAP_404, MN_COAP_409, MN_COAP_415, MN_COAP_503 };
	uint8_t how = fuzz_u8(f);

	if (how & 1)
		fx_send_empty(t.g, s, how & 2 ? MN_COAP_ACK : MN_COAP_RST, m->coap.id);
	else
		fx_send(t.g, s, how & 2 ? MN_COAP_ACK : MN_COAP_CON, codes[how / 4 % 8], m->coap.id,
			&m->coap.token, NULL, 0, "text", how & 32 ? 4 : 0);
}

static void device_step(struct fuzz *f, uint8_t op)
{
	static const char *const names[DEVICES] = { "D1", "D2", "D3", "E1" };
	struct mn_session *s;
	uint8_t n;

	if (op == 0) {
		n = fuzz_u8(f) % DEVICES;
		if (t.device[n])
			fx_disconnect(t.g, t.device[n]);
		t.device[n] = fuzz_u8(f) & 7 ? fx_connect(t.g, names[n]) : NULL;
		return;
	}
	s = session(f);
	if (!s)
		return;
	if (op == 1)
		raw(f, s);
	else if (op == 2)
		message(f, s);
	else if (op == 3)
		fx_service(t.g, s, (enum mn_coap_type)(fuzz_u8(f) & 1), fuzz_u16(f), fuzz_u8(f));
	else
		reply(f, s);
}

static void outer_step(struct fuzz *f, uint8_t op)
{
	static const char *const groups[] = { "g1", "g2", "other" };
	static const char *const texts[] = { "Security context not found", "Decryption failed",
					     "Replay detected", "x" };
	static const uint8_t codes[] = { MN_COAP_204, MN_COAP_401, MN_COAP_400, MN_COAP_402 };
	struct mn_session *s = fx_outer();
	const struct fx_message *m;
	uint8_t n;

	if (op == 0) {
		if (t.g->upstream.state == MND_UPSTREAM_CONNECTING)
			fx_outer_open(t.g);
		else if (s)
			fx_outer_close(t.g, MN_CLOSE_PEER);
		return;
	}
	if (!s || t.g->upstream.state != MND_UPSTREAM_UP)
		return;
	n = fuzz_u8(f);
	if (op == 1) {
		raw(f, s);
	} else if (op == 2) {
		message(f, s);
	} else if (op == 3) {
		fx_rand(t.g, fuzz_u16(f), groups[n % 3], fuzz_u8(f), n);
	} else if (op == 4) {
		m = &t.forwarded[n % 8];
		if (m->len)
			fx_answer(t.g, m, codes[n / 8 % 4], n & 0x80, texts[n / 32 % 4]);
	} else {
		reply(f, s);
	}
}

static void step(struct fuzz *f)
{
	uint8_t op = fuzz_u8(f) % 16;

	if (op < 5)
		device_step(f, op);
	else if (op < 11)
		outer_step(f, op - 5);
	else if (op == 11)
		fx_run(t.g, fuzz_u16(f));
	else if (op == 12)
		fx_fail_sends(fuzz_u8(f) % 4, fuzz_u8(f) & 1 ? -ENOBUFS : -ENOTCONN);
	else if (op == 13)
		fx_hold();
	else
		fx_run(t.g, op == 14 ? 2000 : 60000);
	settle();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };

	fuzz_start();
	memset(&t, 0, sizeof(t));
	t.g = fx_new(3, true);
	for (int steps = 0; f.left && steps < 200; steps++)
		step(&f);
	fx_fail_sends(0, 0);
	fx_run(t.g, 1);
	fx_free(t.g);
	return 0;
}
