// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/fuzz/fuzz.c tests/unit/wire_fixture.c tools/device/agent.c tools/device/agent_credentials.c tools/device/agent_rand.c */
/* LINK: tools/device/agent_get.c tools/device/agent_name.c tools/device/agent_request.c */
/* A device with a hostile gateway, over whole DTLS sessions. The input is a program of what the gateway says; now and then the IN, which has
 * Kpsaxi, answers too. The device must take no answer for verified that the IN did not protect, and what it sends can be read. */
#include "../unit/wire_fixture.h"

#include <arpa/inet.h>

#include "../../tools/device/agent.h"
#include "core/ksx.h"
#include "core/oscore.h"
#include "fuzz.h"

enum { FIRST_GENERATION = 1000 };

static struct {
	struct mn_loop *loop;
	struct mn_endpoint *server, *client;
	union mn_addr address;
	struct mnt_credential credential;
	struct mnt_agent *agent;
	struct mn_session *session; /* the gateway's side */
	uint8_t last[2048];         /* the device's last message */
	size_t last_len;
	struct mn_coap request; /* read from it, when it was a request */
	uint16_t next_id;
	bool in_answered, direct;
} t;

static int psk(void *arg, const uint8_t *identity, size_t len, uint8_t key[MN_KEY_MAX],
	       size_t *key_len, void **owner)
{
	const char *id = t.direct ? t.credential.in_id : t.credential.inner_id;

	(void)arg;
	if (len != strlen(id) || memcmp(identity, id, len))
		return -1;
	*key_len = 16;
	memcpy(key, t.direct ? t.credential.in_key : t.credential.inner_key, 16);
	*owner = &t;
	return 0;
}

static void server_opened(void *arg, struct mn_session *s)
{
	(void)arg;
	t.session = s;
}

static void server_message(void *arg, struct mn_session *s, uint8_t *data, size_t len)
{
	struct mn_coap m;

	(void)arg;
	(void)s;
	MUST(len <= sizeof(t.last) && !mn_coap_read(data, len, &m, NULL));
	if (!mn_coap_is_request(&m))
		return;
	memcpy(t.last, data, len);
	t.last_len = len;
	MUST(!mn_coap_read(t.last, len, &t.request, NULL));
}

static void server_closed(void *arg, struct mn_session *s, enum mn_close why, bool was_open)
{
	(void)arg;
	(void)why;
	(void)was_open;
	if (t.session == s)
		t.session = NULL;
}

static void event(void *arg, struct mnt_agent *a, const struct mnt_event *e)
{
	(void)arg;
	(void)a;
	MUST(*mnt_event_name(e->type));
	if (e->type == MNT_EVENT_RAND)
		MUST(e->generation >= FIRST_GENERATION && e->generation < FIRST_GENERATION + 256);
	if (e->type != MNT_EVENT_DONE)
		return;
	MUST(*mnt_result_name(e->result));
	if (e->result == MNT_RESULT_VERIFIED)
		MUST(e->response && (t.in_answered || t.direct));
}

static void start(uint8_t how)
{
	static const struct mn_endpoint_ops ops = { psk, server_opened, server_message,
						    server_closed };
	const struct mn_endpoint_config c = { .hint = "gw1" };
	struct mnt_agent_config a = { .credential = &t.credential, .fn = event };

	memset(&t, 0, sizeof(t));
	t.direct = how & 2;
	strcpy(t.credential.device_id, "C1");
	strcpy(t.credential.gateway_id, "gw1");
	strcpy(t.credential.cse_id, "gw1"); /* of a direct device: the same server is its IN */
	strcpy(t.credential.inner_id, "C1@gw1");
	strcpy(t.credential.in_id, "C1@in1");
	memset(t.credential.inner_key, 1, t.credential.inner_key_len = 16);
	memset(t.credential.in_key, 2, t.credential.in_key_len = 16);
	MUST(!mn_kid("C1@in1", 6, t.credential.kid));
	t.loop = wire_new();
	MUST(t.loop);
	t.address.in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(5684) };
	t.address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	MUST(!mn_endpoint_new(t.loop, &c, &ops, NULL, &t.server));
	MUST(!mn_endpoint_listen(t.server, &t.address, false));
	MUST(!mnt_agent_endpoint(t.loop, &t.client));
	a.loop = t.loop;
	a.endpoint = t.client;
	a.gateway = t.address;
	a.direct = t.direct;
	a.observe = how & 1;
	a.ping_ms = how & 4 ? 25000 : 0;
	a.unverified = how & 8 ? 2 : 0;
	MUST(!mnt_agent_new(&a, &t.agent));
	wire_pass(t.loop, 10);
	wire_flow(t.loop, 100);
}

/* ---- what the gateway says ---- */

static void say(const void *data, size_t len)
{
	if (t.session && len)
		mn_session_send(t.session, data, len);
	wire_flow(t.loop, 100);
}

static void raw(struct fuzz *f)
{
	size_t len;
	const uint8_t *p = fuzz_bytes(f, 1500, &len);

	say(p, len);
}

static void finish(struct mn_coap_writer *w, uint8_t *buf)
{
	int n = mn_coap_finish(w);

	if (n > 0)
		say(buf, (size_t)n);
}

static void rand_of(uint8_t generation, uint8_t out[MN_RAND_LEN])
{
	memset(out, generation, MN_RAND_LEN);
}

static void post_rand(struct fuzz *f)
{
	static const uint16_t formats[] = { MN_COAP_FORMAT_CBOR, MN_COAP_FORMAT_JSON };
	uint8_t n = fuzz_u8(f), how = fuzz_u8(f), buf[256], payload[MN_RAND_MESSAGE_MAX];
	const struct mn_coap_token token = { .len = 2, .bytes = { 1, n } };
	struct mn_rand_message m = { .generation = (uint32_t)FIRST_GENERATION + n };
	struct mn_coap_writer w;
	int len;

	rand_of(n, m.rand);
	if (how & 0x80)
		m.rand[0] ^= 1;
	len = mn_rand_message_encode(&m, MN_HOP_INNER, payload, sizeof(payload));
	MUST(len > 0);
	if (how & 0x40 && t.last_len) { /* as the answer to GET /gsa, or a notification */
		mn_coap_begin(&w, buf, sizeof(buf), how & 1 ? MN_COAP_ACK : MN_COAP_CON,
			      MN_COAP_205, how & 1 ? t.request.id : t.next_id++, &t.request.token);
		mn_coap_put_uint(&w, MN_COAP_OPT_OBSERVE, how >> 1 & 31);
	} else {
		mn_coap_begin(&w, buf, sizeof(buf), how & 1 ? MN_COAP_NON : MN_COAP_CON,
			      MN_COAP_POST, how & 2 ? 7 : t.next_id++, &token);
		mn_coap_put_path(&w, "gsa");
	}
	mn_coap_put_uint(&w, MN_COAP_OPT_CONTENT_FORMAT, formats[how & 0x20 ? 1 : 0]);
	mn_coap_put_payload(&w, payload, (size_t)len);
	finish(&w, buf);
}

static void answer(struct fuzz *f)
{
	static const uint8_t codes[] = { MN_COAP_204, MN_COAP_205, MN_COAP_400,  MN_COAP_401,
					 MN_COAP_403, MN_COAP_404, MN_COAP_413,  MN_COAP_429,
					 MN_COAP_503, MN_COAP_504, MN_COAP_EMPTY };
	static const char *const texts[] = { "Security context not found", "Replay detected",
					     "Decryption failed", "x" };
	uint8_t how = fuzz_u8(f), code = codes[fuzz_u8(f) % 11], age = fuzz_u8(f), buf[256];
	struct mn_coap_writer w;

	if (!t.last_len)
		return;
	if (code == MN_COAP_EMPTY) {
		say(buf, mn_coap_empty(buf, how & 1 ? MN_COAP_ACK : MN_COAP_RST, t.request.id));
		return;
	}
	mn_coap_begin(&w, buf, sizeof(buf), how & 1 ? MN_COAP_ACK : MN_COAP_CON, code,
		      how & 1 ? t.request.id : t.next_id++, &t.request.token);
	if (how & 2)
		mn_coap_put(&w, MN_COAP_OPT_OSCORE, NULL, 0);
	if (how & 4)
		mn_coap_put_uint(&w, MN_COAP_OPT_MAX_AGE, age);
	if (how & 8)
		mn_coap_put_payload(&w, texts[how >> 4 & 3], strlen(texts[how >> 4 & 3]));
	finish(&w, buf);
}

/* ---- the IN ---- */

static bool in_context(struct mn_oscore *c, const struct mn_oscore_option *o)
{
	static const uint8_t in_kid = MN_OSCORE_IN_KID;
	uint8_t ksx[MN_KSX_LEN], prk[32], rand[MN_RAND_LEN];
	uint32_t generation;

	if (o->kid_context_len != MN_OSCORE_KID_CONTEXT_LEN)
		return false;
	generation = (uint32_t)o->kid_context[0] << 24 | (uint32_t)o->kid_context[1] << 16 |
		     (uint32_t)o->kid_context[2] << 8 | o->kid_context[3];
	rand_of((uint8_t)(generation - FIRST_GENERATION), rand);
	MUST(!mn_ksx_derive(t.credential.in_key, 16, "C1", 2, rand, ksx));
	MUST(!mn_oscore_extract(ksx, sizeof(ksx), NULL, 0, prk));
	MUST(!mn_oscore_derive(c, prk, &in_kid, 1, t.credential.kid, MN_KID_LEN, o->kid_context,
			       MN_OSCORE_KID_CONTEXT_LEN));
	return true;
}

static size_t in_says(struct fuzz *f, const struct mn_coap *request, uint8_t *buf, size_t max)
{
	struct mn_onem2m_response r = { .rsc = MN_RSC_CREATED };
	struct mn_onem2m_request rq;
	const char *why;
	const uint8_t *p;
	size_t len;
	uint8_t how = fuzz_u8(f);
	int n;

	if (how & 1) {
		p = fuzz_bytes(f, 300, &len);
		memcpy(buf, p, len);
		return len;
	}
	if (mn_onem2m_request_read(request, &rq, &why))
		return 0;
	r.op = rq.op;
	r.rsc = how & 2 ? MN_RSC_NO_PRIVILEGE : rq.op == MN_OP_CREATE ? MN_RSC_CREATED : MN_RSC_OK;
	snprintf(r.rqi, sizeof(r.rqi), "%s", how & 4 ? "other" : rq.rqi);
	mn_onem2m_request_fini(&rq);
	n = mn_onem2m_response_write(&r, buf, max);
	return n > 0 ? (size_t)n : 0;
}

static void in_answer(struct fuzz *f)
{
	struct mn_oscore_request rq;
	struct mn_oscore_option o;
	struct mn_coap_option v;
	struct mn_coap inner, plain;
	struct mn_oscore c = { 0 };
	uint8_t buf[2100], out[1400];
	size_t len;
	int n;

	if (!t.last_len || !mn_coap_option_find(&t.request, MN_COAP_OPT_OSCORE, &v))
		return;
	MUST(!mn_oscore_option_read(v.value, v.len, &o));
	if (!in_context(&c, &o) ||
	    mn_oscore_open_request(&c, &t.request, buf, sizeof(buf), &inner, &rq))
		return;
	len = in_says(f, &inner, out, sizeof(out));
	if (mn_coap_read(out, len, &plain, NULL))
		return;
	n = mn_oscore_protect_response(&c, &plain, &rq, false, MN_COAP_CON, t.next_id++,
				       &t.request.token, buf, sizeof(buf));
	if (n > 0) {
		t.in_answered = true;
		say(buf, (size_t)n);
	}
}

static void ask(struct fuzz *f)
{
	uint8_t how = fuzz_u8(f);
	struct mnt_request r = { .op = how & 1 ? MN_OP_CREATE : MN_OP_RETRIEVE,
				 .to = "in-cse/cnt",
				 .ty = how & 1 ? 4 : 0,
				 .content_format =
					 how & 2 ? MN_COAP_FORMAT_CBOR : MN_COAP_FORMAT_JSON };

	if (how & 1)
		r.content = json_pack("{s:{s:s}}", "m2m:cin", "con", "1");
	mnt_agent_request(t.agent, &r);
	json_decref(r.content);
	if (how & 0x80)
		mnt_agent_get(t.agent);
	if (how & 0x40)
		mnt_agent_reconnect(t.agent);
	wire_flow(t.loop, 100);
}

static void step(struct fuzz *f)
{
	switch (fuzz_u8(f) % 8) {
	case 0:
		raw(f);
		break;
	case 1:
		post_rand(f);
		break;
	case 2:
		answer(f);
		break;
	case 3:
		in_answer(f);
		break;
	case 4:
		ask(f);
		break;
	case 5:
		wire_pass(t.loop, fuzz_u16(f));
		wire_flow(t.loop, 100);
		break;
	case 6:
		if (t.session)
			mn_session_close(t.session);
		wire_flow(t.loop, 100);
		break;
	case 7:
		wire_starve(t.loop, fuzz_u8(f) % 4);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };

	fuzz_start();
	start(fuzz_u8(&f));
	for (int steps = 0; f.left && steps < 100; steps++)
		step(&f);
	mnt_agent_stop(t.agent);
	mn_endpoint_free(t.client);
	mnt_agent_free(t.agent);
	mn_endpoint_free(t.server);
	wire_free(t.loop);
	return 0;
}
