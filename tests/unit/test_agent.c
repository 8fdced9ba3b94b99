// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tools/device/agent.c tools/device/agent_credentials.c tools/device/agent_name.c tools/device/agent_rand.c */
/* LINK: tools/device/agent_request.c */
/* Agents against a gateway and IN of the test's own, over loopback. Each agent plays one scenario; all run at the same time,
 * because backoffs are real seconds. */
#include "../../tools/device/agent_state.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/crypto.h"
#include "core/ksx.h"

enum answer {
	END,
	OK,
	SEPARATE,   /* empty ACK, then a CON response, sent twice */
	BUSY,       /* 4.29, Max-Age 1 */
	NO_OUTER,   /* 5.03, Max-Age 1 */
	IN_SILENT,  /* 5.04 */
	NO_CONTEXT, /* 4.01 */
	REPLAY,     /* 4.01 */
	NO_DECRYPT, /* 4.00 */
	GARBAGE,    /* an OSCORE answer that does not verify */
	PLAIN,      /* 2.04 without OSCORE */
	TOO_LARGE,  /* 4.13 */
	FOREIGN,    /* a verified answer to another RQI */
	DROP,       /* closes the session instead */
	LIE,        /* NO_CONTEXT unless the generation is the first one */
};

#define SCRIPT 8
#define WAIT_S 25

struct scenario {
	const char *name;
	enum answer script[SCRIPT];
	unsigned int requests;    /* 0 = 1 */
	const char *tries;        /* what each further try was: see how() */
	enum mnt_result result;   /* of the last request */
	uint8_t code;             /* of the unprotected answer, when there is one */
	bool new_rand_at_2;       /* another Rand comes before the second request */
	bool new_rand_when_asked; /* another Rand comes after two NO_CONTEXT */
	bool observe;
	bool offers_lost; /* there is no Rand before a ping */
	unsigned int unverified;
};

struct player {
	const struct scenario *scenario;
	struct mnt_credential credential;
	struct mnt_agent *agent;
	/* the gateway's and IN's side */
	struct mn_session *session;
	struct mn_messenger messenger;
	uint32_t generation;
	uint8_t rands[4][MN_RAND_LEN];
	unsigned int at; /* in the script */
	char tries[32];
	uint8_t last[MNT_WIRE_MAX]; /* protected part of the last try */
	size_t last_len;
	uint8_t last_context[MN_OSCORE_KID_CONTEXT_LEN];
	char rqi[MN_RQI_MAX + 1];
	struct mn_coap_token observe_token;
	unsigned int gets, opens;
	uint8_t ack_code; /* the device's last answer */
	unsigned int acks, resets;
	/* the device's side */
	unsigned int done;
	enum mnt_result result;
	uint8_t code;
	bool ended, closed_unopened;
	enum mn_close closed;
};

static struct mn_loop *loop;
static struct mn_endpoint *server, *client;
static union mn_addr address;
static struct player players[64];
static size_t n_players, running;
static struct mn_timer guard;
static bool stepping; /* the loop stops at the device's next word */

enum { FIRST_GENERATION = 1000 };

/* ---- the gateway and the IN ---- */

static int psk(void *arg, const uint8_t *identity, size_t len, uint8_t key[MN_KEY_MAX],
	       size_t *key_len, void **owner)
{
	(void)arg;
	for (size_t i = 0; i < n_players; i++) {
		const struct mnt_credential *c = &players[i].credential;

		if (len != strlen(c->inner_id) || memcmp(identity, c->inner_id, len) != 0)
			continue;
		memcpy(key, c->inner_key, c->inner_key_len);
		*key_len = c->inner_key_len;
		*owner = &players[i];
		return 0;
	}
	return -ENOENT;
}

static void acked(void *arg, struct mn_messenger *m, enum mn_outcome outcome,
		  const struct mn_coap *msg)
{
	struct player *p = arg;

	(void)m;
	if (outcome != MN_OUTCOME_ACK)
		return;
	p->ack_code = msg->code;
	p->acks++;
	if (stepping)
		mn_loop_stop(loop);
}

static void post(struct player *p, uint8_t code, const char *path, uint32_t format,
		 uint16_t critical, const void *payload, size_t len)
{
	struct mn_coap_token token = { .len = 2, .bytes = { 7, 7 } };
	struct mn_coap_writer w;
	uint8_t buf[256];
	int n;

	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_CON, code, mn_messenger_id(&p->messenger),
		      &token);
	mn_coap_put_path(&w, path);
	mn_coap_put_uint(&w, MN_COAP_OPT_CONTENT_FORMAT, format);
	if (critical)
		mn_coap_put_uint(&w, critical, 1);
	mn_coap_put_payload(&w, payload, len);
	n = mn_coap_finish(&w);
	assert_true(n > 0);
	assert_int_equal(mn_exchange_send(&p->messenger, buf, (size_t)n, acked, p), 0);
}

static size_t rand_message(struct player *p, uint32_t generation, uint8_t *out, size_t max)
{
	struct mn_rand_message m = { .generation = generation };
	int n;

	memcpy(m.rand, p->rands[generation - FIRST_GENERATION], MN_RAND_LEN);
	n = mn_rand_message_encode(&m, MN_HOP_INNER, out, max);
	assert_true(n > 0);
	return (size_t)n;
}

static void post_rand(struct player *p, uint32_t generation)
{
	uint8_t buf[MN_RAND_MESSAGE_MAX];

	post(p, MN_COAP_POST, "gsa", MN_COAP_FORMAT_CBOR, 0, buf,
	     rand_message(p, generation, buf, sizeof(buf)));
}

static void send_bytes(struct player *p, const uint8_t *data, int len)
{
	assert_true(len > 0);
	mn_session_send(p->session, data, (size_t)len);
}

static void notify(struct player *p, enum mn_coap_type type, uint16_t id, uint32_t sequence)
{
	uint8_t buf[128], message[MN_RAND_MESSAGE_MAX];
	size_t len = rand_message(p, p->generation, message, sizeof(message));
	struct mn_coap_writer w;
	int n;

	mn_coap_begin(&w, buf, sizeof(buf), type, MN_COAP_205, id, &p->observe_token);
	mn_coap_put_uint(&w, MN_COAP_OPT_OBSERVE, sequence);
	mn_coap_put_uint(&w, MN_COAP_OPT_CONTENT_FORMAT, MN_COAP_FORMAT_CBOR);
	mn_coap_put_uint(&w, MN_COAP_OPT_MAX_AGE, 86400);
	mn_coap_put_payload(&w, message, len);
	n = mn_coap_finish(&w);
	if (type == MN_COAP_CON)
		assert_int_equal(mn_exchange_send(&p->messenger, buf, (size_t)n, acked, p), 0);
	else
		send_bytes(p, buf, n);
}

static void give_rand(struct player *p)
{
	if (p->scenario->observe)
		notify(p, MN_COAP_CON, mn_messenger_id(&p->messenger), p->generation);
	else
		post_rand(p, p->generation);
}

/* GET /gsa: the first time there is no Rand. */
static void got_get(struct player *p, const struct mn_coap *m)
{
	struct mn_coap_writer w;
	uint8_t buf[32];

	p->observe_token = m->token;
	if (p->gets++) {
		notify(p, MN_COAP_ACK, m->id, p->generation);
		return;
	}
	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_ACK, MN_COAP_503, m->id, &m->token);
	mn_coap_put_uint(&w, MN_COAP_OPT_MAX_AGE, 1);
	send_bytes(p, buf, mn_coap_finish(&w));
}

static void answer_plain(struct player *p, const struct mn_coap *m, enum answer a)
{
	static const struct {
		uint8_t code;
		int max_age;
		const char *text;
	} plain[] = {
		[BUSY] = { MN_COAP_429, 1, "" },
		[NO_OUTER] = { MN_COAP_503, 1, "" },
		[IN_SILENT] = { MN_COAP_504, -1, "" },
		[NO_CONTEXT] = { MN_COAP_401, 0, "Security context not found" },
		[REPLAY] = { MN_COAP_401, 0, "Replay detected" },
		[NO_DECRYPT] = { MN_COAP_400, 0, "Decryption failed" },
		[PLAIN] = { MN_COAP_204, -1, "" },
		[TOO_LARGE] = { MN_COAP_413, -1, "" },
	};
	struct mn_coap_writer w;
	uint8_t buf[128];

	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_ACK, plain[a].code, m->id, &m->token);
	if (plain[a].max_age >= 0)
		mn_coap_put_uint(&w, MN_COAP_OPT_MAX_AGE, (uint32_t)plain[a].max_age);
	mn_coap_put_payload(&w, plain[a].text, strlen(plain[a].text));
	send_bytes(p, buf, mn_coap_finish(&w));
}

static void answer_protected(struct player *p, const struct mn_coap *m, struct mn_oscore *c,
			     const struct mn_oscore_request *bound,
			     const struct mn_onem2m_request *request, enum answer how)
{
	struct mn_onem2m_response response = { .rsc = MN_RSC_CREATED, .op = request->op };
	bool separate = how == SEPARATE;
	uint8_t plain[256], buf[512], empty[16];
	struct mn_coap inner;
	int n;

	strcpy(response.rqi, how == FOREIGN ? "another" : request->rqi);
	strcpy(response.rvi, request->rvi);
	n = mn_onem2m_response_write(&response, plain, sizeof(plain));
	assert_true(n > 0);
	assert_int_equal(mn_coap_read(plain, (size_t)n, &inner, NULL), 0);
	n = mn_oscore_protect_response(
		c, &inner, bound, false, separate ? MN_COAP_CON : MN_COAP_ACK,
		separate ? mn_messenger_id(&p->messenger) : m->id, &m->token, buf, sizeof(buf));
	if (how == GARBAGE)
		buf[n - 1] ^= 1;
	if (!separate) {
		send_bytes(p, buf, n);
		return;
	}
	send_bytes(p, empty, (int)mn_coap_empty(empty, MN_COAP_ACK, m->id));
	assert_int_equal(mn_exchange_send(&p->messenger, buf, (size_t)n, acked, p), 0);
	send_bytes(p, buf, n);
}

static uint32_t generation_of(const uint8_t *id_context)
{
	return (uint32_t)id_context[0] << 24 | (uint32_t)id_context[1] << 16 |
	       (uint32_t)id_context[2] << 8 | id_context[3];
}

/* s: the same bytes; p: protected anew in the same context; c: another context of the same generation; n, k: a higher, a lower
 * generation; upper case where it is not a retry but the next request. */
static char how(const struct player *p, const uint8_t *id_context, const struct mn_coap *m)
{
	uint32_t now = generation_of(id_context), before = generation_of(p->last_context);

	if (p->last_len == m->payload_len && !memcmp(p->last, m->payload, m->payload_len))
		return 's';
	if (!memcmp(p->last_context, id_context, sizeof(p->last_context)))
		return 'p';
	return now == before ? 'c' : now > before ? 'n' : 'k';
}

static void open_try(struct player *p, const struct mn_coap *m, const uint8_t *id_context,
		     struct mn_oscore *c, struct mn_onem2m_request *request,
		     struct mn_oscore_request *bound)
{
	static const uint8_t in_kid = MN_OSCORE_IN_KID;
	const struct mnt_credential *k = &p->credential;
	uint8_t ksx[MN_KSX_LEN], prk[32], buf[2048];
	uint32_t generation = generation_of(id_context);
	struct mn_coap inner;
	const char *why;

	assert_in_range(generation, FIRST_GENERATION, FIRST_GENERATION + 3);
	assert_int_equal(mn_ksx_derive(k->in_key, k->in_key_len, k->device_id, strlen(k->device_id),
				       p->rands[generation - FIRST_GENERATION], ksx),
			 0);
	assert_int_equal(mn_oscore_extract(ksx, sizeof(ksx), NULL, 0, prk), 0);
	assert_int_equal(mn_oscore_derive(c, prk, &in_kid, 1, k->kid, MN_KID_LEN, id_context,
					  MN_OSCORE_KID_CONTEXT_LEN),
			 0);
	assert_int_equal(mn_oscore_open_request(c, m, buf, sizeof(buf), &inner, bound), 0);
	assert_int_equal(mn_onem2m_request_read(&inner, request, &why), 0);
	assert_string_equal(request->from, k->device_id);
	assert_string_equal(request->to, "in-cse/cnt");
}

static void note_try(struct player *p, const struct mn_coap *m, const uint8_t *id_context,
		     const struct mn_onem2m_request *request)
{
	bool first = !p->last_len, next = strcmp(p->rqi, request->rqi) != 0;
	size_t n = strlen(p->tries);
	char letter = how(p, id_context, m);

	if (!first && n < sizeof(p->tries) - 1)
		p->tries[n] = next ? (char)(letter - 'a' + 'A') : letter;
	strcpy(p->rqi, request->rqi);
	memcpy(p->last, m->payload, m->payload_len);
	p->last_len = m->payload_len;
	memcpy(p->last_context, id_context, sizeof(p->last_context));
}

static void got_try(struct player *p, const struct mn_coap *m, const struct mn_coap_option *o)
{
	struct mn_oscore_option option;
	struct mn_oscore_request bound;
	struct mn_onem2m_request request;
	struct mn_oscore context;
	enum answer a = p->scenario->script[p->at];

	assert_int_equal(m->type, MN_COAP_CON);
	assert_int_equal(mn_oscore_option_read(o->value, o->len, &option), 0);
	assert_int_equal(option.kid_context_len, MN_OSCORE_KID_CONTEXT_LEN);
	open_try(p, m, option.kid_context, &context, &request, &bound);
	note_try(p, m, option.kid_context, &request);
	p->at += p->scenario->script[p->at + 1] != END;
	if (a == LIE)
		a = generation_of(option.kid_context) == FIRST_GENERATION ? OK : NO_CONTEXT;
	if (a == OK || a == SEPARATE || a == GARBAGE || a == FOREIGN)
		answer_protected(p, m, &context, &bound, &request, a);
	else if (a == DROP)
		mn_session_close(p->session);
	else
		answer_plain(p, m, a);
	if (a == NO_CONTEXT && p->scenario->new_rand_when_asked && p->at == 2) {
		p->generation++;
		give_rand(p);
	}
	mn_onem2m_request_fini(&request);
	mn_oscore_fini(&context);
}

static void server_opened(void *arg, struct mn_session *s)
{
	struct player *p = mn_session_owner(s);

	(void)arg;
	p->session = s;
	p->opens++;
	mn_messenger_init(&p->messenger, s);
	if (p->scenario && !p->scenario->observe && !p->scenario->offers_lost)
		post_rand(p, p->generation);
	if (stepping && p->opens > 1)
		mn_loop_stop(loop);
}

static void server_message(void *arg, struct mn_session *s, uint8_t *data, size_t len)
{
	struct player *p = mn_session_owner(s);
	struct mn_coap_option o;
	struct mn_coap m;

	(void)arg;
	assert_int_equal(mn_coap_read(data, len, &m, NULL), 0);
	if (m.type == MN_COAP_ACK || m.type == MN_COAP_RST) {
		p->resets += m.type == MN_COAP_RST;
		if (mn_exchange_input(&p->messenger, &m))
			return;
		if (m.type == MN_COAP_ACK)
			acked(p, NULL, MN_OUTCOME_ACK, &m);
		else if (stepping)
			mn_loop_stop(loop);
		return;
	}
	if (m.code == MN_COAP_EMPTY) {
		post_rand(p, p->generation);
		return;
	}
	assert_true(mn_coap_is_request(&m));
	if (mn_coap_option_find(&m, MN_COAP_OPT_OSCORE, &o)) {
		got_try(p, &m, &o);
	} else {
		assert_int_equal(m.code, MN_COAP_GET);
		assert_true(mn_coap_path_is(&m, "gsa"));
		got_get(p, &m);
	}
}

static void server_closed(void *arg, struct mn_session *s, enum mn_close why, bool was_open)
{
	struct player *p = mn_session_owner(s);

	(void)arg;
	(void)why;
	if (!was_open || !p || p->session != s)
		return;
	mn_messenger_fini(&p->messenger);
	p->session = NULL;
}

/* ---- the devices ---- */

static void ask(struct player *p)
{
	struct mnt_request r = { .op = MN_OP_CREATE,
				 .to = "in-cse/cnt",
				 .ty = 4,
				 .content = json_pack("{s:{s:s}}", "m2m:cin", "con", "1"),
				 .content_format = MN_COAP_FORMAT_JSON };

	assert_int_equal(mnt_agent_request(p->agent, &r), 0);
	assert_int_equal(mnt_agent_request(p->agent, &r), -EBUSY);
	json_decref(r.content);
}

static void end(struct player *p)
{
	if (p->ended)
		return;
	p->ended = true;
	if (!--running)
		mn_loop_stop(loop);
}

static void event(void *arg, struct mnt_agent *a, const struct mnt_event *e)
{
	struct player *p = arg;

	(void)a;
	if (e->type == MNT_EVENT_CLOSED) {
		p->closed = e->close;
		p->closed_unopened = !e->was_open;
		if (!p->scenario)
			end(p);
	}
	if (e->type == MNT_EVENT_RAND && p->scenario && p->done == 1 && p->scenario->new_rand_at_2)
		ask(p);
	if (e->type != MNT_EVENT_DONE)
		return;
	p->result = e->result;
	p->code = e->code;
	if (++p->done == (p->scenario->requests ? p->scenario->requests : 1)) {
		end(p);
	} else if (p->scenario->new_rand_at_2 && p->done == 1) {
		p->generation++;
		give_rand(p);
	} else {
		ask(p);
	}
}

static struct player *add_player(const struct scenario *s)
{
	size_t i = n_players++;
	struct player *p = &players[i];
	struct mnt_credential *c = &p->credential;

	assert_true(i < sizeof(players) / sizeof(players[0]));
	p->scenario = s;
	p->generation = FIRST_GENERATION;
	snprintf(c->device_id, sizeof(c->device_id), "C%zu", i);
	snprintf(c->inner_id, sizeof(c->inner_id), "C%zu@mn-cse-1", i);
	snprintf(c->in_id, sizeof(c->in_id), "C%zu@in-cse-1", i);
	strcpy(c->gateway_id, "mn-cse-1");
	c->inner_key_len = c->in_key_len = 16;
	mn_random(c->inner_key, 16);
	mn_random(c->in_key, 16);
	mn_random(p->rands, sizeof(p->rands));
	assert_int_equal(mn_kid(c->in_id, strlen(c->in_id), c->kid), 0);
	return p;
}

static void start_player(struct player *p, const struct mnt_credential *shown)
{
	struct mnt_agent_config c = {
		.loop = loop,
		.endpoint = client,
		.credential = shown,
		.gateway = address,
		.observe = p->scenario && p->scenario->observe,
		.unverified = p->scenario ? p->scenario->unverified : 0,
		.rand_ms = p->scenario && p->scenario->offers_lost ? 200 : 60000,
		.handshake_ms = 1500,
		.request_ms = WAIT_S * 1000,
		.fn = event,
		.arg = p,
	};

	running++;
	assert_int_equal(mnt_agent_new(&c, &p->agent), 0);
}

static void guard_due(struct mn_timer *t)
{
	(void)t;
	mn_loop_stop(loop);
}

/* False when it took too long. */
static bool run(void)
{
	bool in_time;

	mn_timer_init(&guard, guard_due);
	mn_timer_set(mn_loop_timers(loop), &guard, (WAIT_S + 2) * 1000);
	assert_int_equal(mn_loop_run(loop), 0);
	in_time = mn_timer_pending(&guard);
	mn_timer_del(&guard);
	return in_time;
}

static void step(void)
{
	stepping = true;
	assert_true(run());
	stepping = false;
}

/* A device that has sent one request under the second generation. */
static struct player *confirmed_device(void)
{
	static const struct scenario s = { .name = "one request", .script = { OK } };
	struct player *p = add_player(&s);

	p->generation = FIRST_GENERATION + 1;
	start_player(p, &p->credential);
	ask(p);
	assert_true(run());
	assert_int_equal(p->result, MNT_RESULT_VERIFIED);
	return p;
}

/* The device's answer to a request of the gateway. */
static uint8_t answer_to(struct player *p, uint8_t code, const char *path, uint32_t format,
			 uint16_t critical, const void *payload, size_t len)
{
	post(p, code, path, format, critical, payload, len);
	step();
	return p->ack_code;
}

static uint8_t answer_to_rand(struct player *p, uint32_t generation)
{
	uint8_t buf[MN_RAND_MESSAGE_MAX];
	size_t len = rand_message(p, generation, buf, sizeof(buf));

	return answer_to(p, MN_COAP_POST, "gsa", MN_COAP_FORMAT_CBOR, 0, buf, len);
}

static int set_up(void **state)
{
	static const struct mn_endpoint_ops ops = { .psk = psk,
						    .opened = server_opened,
						    .message = server_message,
						    .closed = server_closed };
	const struct mn_endpoint_config config = { .hint = "mn-cse-1" };
	socklen_t len = sizeof(address);
	int probe = socket(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	memset(players, 0, sizeof(players));
	n_players = running = 0;
	stepping = false;
	assert_int_equal(mn_loop_new(NULL, &loop, NULL), 0);
	/* a free port */
	assert_int_equal(mn_addr_parse("127.0.0.1:0", 0, &address), 0);
	assert_int_equal(bind(probe, &address.sa, sizeof(address.in)), 0);
	assert_int_equal(getsockname(probe, &address.sa, &len), 0);
	close(probe);
	assert_int_equal(mn_endpoint_new(loop, &config, &ops, NULL, &server), 0);
	assert_int_equal(mn_endpoint_listen(server, &address, true), 0);
	assert_int_equal(mnt_agent_endpoint(loop, &client), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	mn_endpoint_free(client);
	for (size_t i = 0; i < n_players; i++)
		mnt_agent_free(players[i].agent);
	mn_endpoint_free(server);
	mn_loop_free(loop);
	return 0;
}

/* ---- tests ---- */

static void judges_answers_as_the_protocol_says(void **state)
{
	static const struct scenario scenarios[] = {
		{ .name = "answered at once", .script = { OK } },
		{ .name = "answered separately", .script = { SEPARATE } },
		{ .name = "three requests in one context",
		  .script = { OK },
		  .requests = 3,
		  .tries = "PP" },
		{ .name = "no outer session", .script = { NO_OUTER, OK }, .tries = "s" },
		{ .name = "rate limit", .script = { BUSY, OK }, .tries = "s" },
		{ .name = "silent IN", .script = { IN_SILENT, OK }, .tries = "p" },
		{ .name = "replay detected", .script = { REPLAY, OK }, .tries = "p" },
		{ .name = "context not found", .script = { NO_CONTEXT, OK }, .tries = "c" },
		{ .name = "decryption failed", .script = { NO_DECRYPT, OK }, .tries = "c" },
		{ .name = "does not verify", .script = { GARBAGE, OK }, .tries = "p" },
		{ .name = "answer to another request", .script = { FOREIGN, OK }, .tries = "p" },
		{ .name = "unprotected success", .script = { PLAIN, OK }, .tries = "p" },
		{ .name = "session lost", .script = { DROP, OK }, .tries = "p" },
		{ .name = "too large",
		  .script = { TOO_LARGE },
		  .result = MNT_RESULT_REFUSED,
		  .code = MN_COAP_413 },
		{ .name = "wrong key, no patience",
		  .script = { NO_DECRYPT },
		  .tries = "c",
		  .result = MNT_RESULT_UNVERIFIED,
		  .code = MN_COAP_400,
		  .unverified = 3 },
		{ .name = "next Rand helps",
		  .script = { NO_CONTEXT, NO_CONTEXT, OK },
		  .tries = "cn",
		  .new_rand_when_asked = true },
		{ .name = "new Rand",
		  .script = { OK },
		  .requests = 2,
		  .tries = "N",
		  .new_rand_at_2 = true },
		{ .name = "lying gateway, confirmed Rand is the fallback",
		  .script = { LIE },
		  .requests = 3,
		  .tries = "NckP",
		  .new_rand_at_2 = true },
		{ .name = "no offer arrives", .script = { OK }, .offers_lost = true },
		{ .name = "observes",
		  .script = { OK },
		  .requests = 2,
		  .tries = "N",
		  .observe = true,
		  .new_rand_at_2 = true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		struct player *p = add_player(&scenarios[i]);

		start_player(p, &p->credential);
		ask(p);
	}
	run();
	for (size_t i = 0; i < n_players; i++) {
		const struct player *p = &players[i];
		const struct scenario *s = p->scenario;

		if (!p->ended)
			fail_msg("%s: has not ended, tries '%s'", s->name, p->tries);
		if (p->result != s->result || (s->code && p->code != s->code))
			fail_msg("%s: ended with %s, code %u", s->name, mnt_result_name(p->result),
				 p->code);
		if (strcmp(p->tries, s->tries ? s->tries : "") != 0)
			fail_msg("%s: tries were '%s', expected '%s'", s->name, p->tries, s->tries);
	}
}

static void answers_requests_as_the_protocol_says(void **state)
{
	struct player *p = confirmed_device();
	uint8_t message[MN_RAND_MESSAGE_MAX], *rand = p->rands[1];
	size_t len = rand_message(p, FIRST_GENERATION + 1, message, sizeof(message));

	(void)state;
	assert_int_equal(
		answer_to(p, MN_COAP_POST, "gsa", MN_COAP_FORMAT_CBOR, 0, message, len - 1),
		MN_COAP_400);
	assert_int_equal(answer_to(p, MN_COAP_POST, "gsa", MN_COAP_FORMAT_JSON, 0, message, len),
			 MN_COAP_415);
	assert_int_equal(answer_to(p, MN_COAP_GET, "gsa", MN_COAP_FORMAT_CBOR, 0, "", 0),
			 MN_COAP_405);
	assert_int_equal(answer_to(p, MN_COAP_POST, "other", MN_COAP_FORMAT_CBOR, 0, message, len),
			 MN_COAP_404);
	assert_int_equal(answer_to(p, MN_COAP_POST, "gsa", MN_COAP_FORMAT_CBOR, MN_COAP_OPT_ACCEPT,
				   message, len),
			 MN_COAP_402);
	/* the confirmed one again, one below it, the same with another Rand */
	assert_int_equal(answer_to_rand(p, FIRST_GENERATION + 1), MN_COAP_204);
	assert_int_equal(answer_to_rand(p, FIRST_GENERATION), MN_COAP_409);
	rand[0] ^= 1;
	assert_int_equal(answer_to_rand(p, FIRST_GENERATION + 1), MN_COAP_409);
	rand[0] ^= 1;
	/* above the confirmed one the newest message counts */
	assert_int_equal(answer_to_rand(p, FIRST_GENERATION + 3), MN_COAP_204);
	assert_int_equal(answer_to_rand(p, FIRST_GENERATION + 2), MN_COAP_204);
	assert_int_equal(p->agent->newest.generation, FIRST_GENERATION + 2);
	assert_int_equal(p->agent->confirmed.generation, FIRST_GENERATION + 1);
}

static void repeats_the_answer_to_a_repeated_request(void **state)
{
	struct player *p = confirmed_device();
	uint16_t id = p->messenger.next_id;

	(void)state;
	assert_int_equal(answer_to_rand(p, FIRST_GENERATION + 2), MN_COAP_204);
	assert_int_equal(answer_to_rand(p, FIRST_GENERATION + 3), MN_COAP_204);
	p->ack_code = 0;
	p->messenger.next_id = id;
	assert_int_equal(answer_to_rand(p, FIRST_GENERATION + 2), MN_COAP_204);
	assert_int_equal(p->agent->newest.generation, FIRST_GENERATION + 3);
}

static void rejects_what_it_did_not_ask_for(void **state)
{
	struct player *p = confirmed_device();
	struct mn_coap_token token = { .len = 1, .bytes = { 0xee } };
	struct mn_coap_writer w;
	uint8_t buf[16];

	(void)state;
	assert_int_equal(mn_exchange_ping(&p->messenger, NULL, NULL), 0);
	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_CON, MN_COAP_205,
		      mn_messenger_id(&p->messenger), &token);
	send_bytes(p, buf, mn_coap_finish(&w));
	step();
	assert_int_equal(p->resets, 2);
}

static void handshakes_anew_after_two_silent_exchanges(void **state)
{
	struct player *p = confirmed_device();

	(void)state;
	mnt_agent_silence(p->agent);
	assert_true(mnt_agent_is_open(p->agent));
	/* a word from the gateway in between, and the count begins again */
	assert_int_equal(answer_to_rand(p, FIRST_GENERATION + 1), MN_COAP_204);
	mnt_agent_silence(p->agent);
	assert_true(mnt_agent_is_open(p->agent));
	mnt_agent_silence(p->agent);
	assert_false(mnt_agent_is_open(p->agent));
	step();
	assert_int_equal(p->opens, 2);
	p->ended = false;
	p->done = 0;
	running = 1;
	ask(p);
	assert_true(run());
	assert_int_equal(p->result, MNT_RESULT_VERIFIED);
}

static void gets_in_only_with_its_key_at_its_gateway(void **state)
{
	struct mnt_credential other[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct player *p = add_player(NULL);

		other[i] = p->credential;
		if (i)
			strcpy(other[i].gateway_id, "mn-cse-2");
		else
			other[i].inner_key[0] ^= 1;
		start_player(p, &other[i]);
		assert_true(run());
		assert_true(p->closed_unopened);
		assert_int_equal(p->opens, 0);
	}
	assert_int_equal(players[1].closed, MN_CLOSE_HANDSHAKE);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(judges_answers_as_the_protocol_says),
		TEST(answers_requests_as_the_protocol_says),
		TEST(repeats_the_answer_to_a_repeated_request),
		TEST(rejects_what_it_did_not_ask_for),
		TEST(handshakes_anew_after_two_silent_exchanges),
		TEST(gets_in_only_with_its_key_at_its_gateway),
	};

	if (mn_crypto_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
