// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tools/device/agent.c tools/device/agent_credentials.c tools/device/agent_get.c tools/device/agent_name.c tools/device/agent_rand.c */
/* LINK: tools/device/agent_request.c */
/* An agent in proxy mode against an IN of the test's own, over loopback: by which credential it gets in, and how it judges answers. */
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

enum answer {
	OK,
	SEPARATE,  /* empty ACK, then a CON response */
	FOREIGN,   /* an answer to another RQI */
	BUSY,      /* 5.03, Max-Age 1 */
	NO_OSCORE, /* 4.02 without RSC */
	NO_RSC,    /* 2.04 without RSC */
	CLOSE,     /* closes the session instead */
};

#define SCRIPT 4
#define WAIT_S 20

static struct mn_loop *loop;
static struct mn_endpoint *server, *client;
static union mn_addr address;
static struct mnt_credential credential;
static struct mnt_agent *agent;
static struct mn_timer guard;

/* the IN's side */
static enum answer script[SCRIPT];
static unsigned int tries, opens, acks;
static char rqi[SCRIPT][MN_RQI_MAX + 1];
static uint16_t next_id;
static uint8_t post_code; /* the device's answer to a POST /gsa, 0 = not yet */
static struct mn_session *session;

/* the device's side */
static unsigned int done, closes;
static enum mnt_result result;
static uint8_t code;
static unsigned int rsc;
static bool closed_unopened;

static int psk(void *arg, const uint8_t *identity, size_t len, uint8_t key[MN_KEY_MAX],
	       size_t *key_len, void **owner)
{
	(void)arg;
	if (len != strlen(credential.in_id) || memcmp(identity, credential.in_id, len) != 0)
		return -ENOENT;
	memcpy(key, credential.in_key, credential.in_key_len);
	*key_len = credential.in_key_len;
	*owner = &credential;
	return 0;
}

static void server_opened(void *arg, struct mn_session *s)
{
	(void)arg;
	session = s;
	opens++;
}

static void server_closed(void *arg, struct mn_session *s, enum mn_close why, bool was_open)
{
	(void)arg;
	(void)why;
	(void)was_open;
	if (session == s)
		session = NULL;
}

static void send_code(struct mn_session *s, const struct mn_coap *m, uint8_t c, int max_age)
{
	struct mn_coap_writer w;
	uint8_t buf[32];

	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_ACK, c, m->id, &m->token);
	if (max_age >= 0)
		mn_coap_put_uint(&w, MN_COAP_OPT_MAX_AGE, (uint32_t)max_age);
	assert_int_equal(mn_session_send(s, buf, (size_t)mn_coap_finish(&w)), 0);
}

/* The answer of an IN: in the ACK, or in a CON of its own. */
static void send_answer(struct mn_session *s, const struct mn_coap *m, const char *to_rqi,
			enum mn_coap_type type)
{
	struct mn_onem2m_response r = { .rsc = MN_RSC_CREATED, .op = MN_OP_CREATE };
	uint16_t id = type == MN_COAP_ACK ? m->id : next_id++;
	uint8_t inner[256], out[264];
	int n;

	snprintf(r.rqi, sizeof(r.rqi), "%s", to_rqi);
	n = mn_onem2m_response_write(&r, inner, sizeof(inner));
	assert_true(n > 4);
	out[0] = (uint8_t)(1 << 6 | type << 4 | m->token.len);
	out[1] = inner[1];
	out[2] = (uint8_t)(id >> 8);
	out[3] = (uint8_t)id;
	memcpy(out + 4, m->token.bytes, m->token.len);
	memcpy(out + 4 + m->token.len, inner + 4, (size_t)n - 4);
	assert_int_equal(mn_session_send(s, out, (size_t)n + m->token.len), 0);
}

static void got_request(struct mn_session *s, const struct mn_coap *m)
{
	struct mn_onem2m_request r = { 0 };
	const char *why;
	uint8_t buf[16];

	assert_true(tries < SCRIPT);
	assert_int_equal(m->type, MN_COAP_CON);
	assert_int_equal(mn_onem2m_request_read(m, &r, &why), 0);
	assert_string_equal(r.from, credential.device_id);
	strcpy(rqi[tries], r.rqi);
	switch (script[tries++]) {
	case OK:
		send_answer(s, m, r.rqi, MN_COAP_ACK);
		break;
	case SEPARATE:
		mn_session_send(s, buf, mn_coap_empty(buf, MN_COAP_ACK, m->id));
		send_answer(s, m, r.rqi, MN_COAP_CON);
		break;
	case FOREIGN:
		send_answer(s, m, "another", MN_COAP_ACK);
		break;
	case BUSY:
		send_code(s, m, MN_COAP_503, 1);
		break;
	case NO_OSCORE:
		send_code(s, m, MN_COAP_402, -1);
		break;
	case NO_RSC:
		send_code(s, m, MN_COAP_204, -1);
		break;
	case CLOSE:
		mn_session_close(s);
		break;
	}
	mn_onem2m_request_fini(&r);
}

static void server_message(void *arg, struct mn_session *s, uint8_t *data, size_t len)
{
	struct mn_coap_option o;
	struct mn_coap m;

	(void)arg;
	assert_int_equal(mn_coap_read(data, len, &m, NULL), 0);
	assert_false(mn_coap_option_find(&m, MN_COAP_OPT_OSCORE, &o));
	if (m.type == MN_COAP_ACK) {
		acks++;
		post_code = m.code;
		if (m.code)
			mn_loop_stop(loop);
		return;
	}
	got_request(s, &m);
}

static void event(void *arg, struct mnt_agent *a, const struct mnt_event *e)
{
	(void)arg;
	(void)a;
	assert_int_not_equal(e->type, MNT_EVENT_CONTEXT);
	assert_int_not_equal(e->type, MNT_EVENT_RAND);
	if (e->type == MNT_EVENT_CLOSED) {
		closes++;
		closed_unopened = !e->was_open;
		if (closed_unopened)
			mn_loop_stop(loop);
	}
	if (e->type != MNT_EVENT_DONE)
		return;
	done++;
	result = e->result;
	code = e->code;
	rsc = e->response ? e->response->rsc : 0;
	mn_loop_stop(loop);
}

static void guard_due(struct mn_timer *t)
{
	(void)t;
	mn_loop_stop(loop);
}

/* Until the request, or the first handshake, has ended. */
static void run(void)
{
	bool in_time;

	mn_timer_init(&guard, guard_due);
	mn_timer_set(mn_loop_timers(loop), &guard, WAIT_S * 1000);
	assert_int_equal(mn_loop_run(loop), 0);
	in_time = mn_timer_pending(&guard);
	mn_timer_del(&guard);
	assert_true(in_time);
}

static void start(const struct mnt_credential *shown, unsigned int unverified)
{
	struct mnt_agent_config c = {
		.loop = loop,
		.endpoint = client,
		.credential = shown,
		.gateway = address,
		.direct = true,
		.unverified = unverified,
		.handshake_ms = 1500,
		.fn = event,
	};

	assert_int_equal(mnt_agent_new(&c, &agent), 0);
}

static void ask(void)
{
	struct mnt_request r = { .op = MN_OP_CREATE,
				 .to = "in-cse/cnt",
				 .ty = 4,
				 .content = json_pack("{s:{s:s}}", "m2m:cin", "con", "1"),
				 .content_format = MN_COAP_FORMAT_JSON };

	assert_int_equal(mnt_agent_request(agent, &r), 0);
	json_decref(r.content);
	run();
}

static int set_up(void **state)
{
	static const struct mn_endpoint_ops ops = { .psk = psk,
						    .opened = server_opened,
						    .message = server_message,
						    .closed = server_closed };
	const struct mn_endpoint_config config = { .hint = "in-cse-1" };
	socklen_t len = sizeof(address);
	int probe = socket(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	tries = opens = acks = done = closes = 0;
	post_code = 0;
	session = NULL;
	agent = NULL;
	memset(script, 0, sizeof(script));
	memset(&credential, 0, sizeof(credential));
	strcpy(credential.device_id, "C1");
	strcpy(credential.inner_id, "C1@mn-cse-1");
	strcpy(credential.in_id, "C1@in-cse-1");
	strcpy(credential.gateway_id, "mn-cse-1");
	strcpy(credential.cse_id, "in-cse-1");
	credential.inner_key_len = 16;
	credential.in_key_len = 32;
	mn_random(credential.inner_key, 16);
	mn_random(credential.in_key, 32);
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
	mnt_agent_free(agent);
	mn_endpoint_free(server);
	mn_loop_free(loop);
	return 0;
}

/* ---- tests ---- */

static void gets_in_by_kpsaxi_and_needs_no_rand(void **state)
{
	(void)state;
	start(&credential, 0);
	ask();
	assert_int_equal(result, MNT_RESULT_VERIFIED);
	assert_int_equal(rsc, MN_RSC_CREATED);
	ask();
	assert_int_equal(result, MNT_RESULT_VERIFIED);
	assert_int_equal(tries, 2);
	assert_string_not_equal(rqi[0], rqi[1]);
	assert_int_equal(opens, 1);
}

static void takes_no_other_server_and_no_other_key(void **state)
{
	struct mnt_credential other[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		other[i] = credential;
		if (i == 0)
			strcpy(other[i].cse_id, "in-cse-2");
		else if (i == 1)
			other[i].in_key[0] ^= 1;
		else
			strcpy(other[i].cse_id, "in-cse-1x");
		start(&other[i], 0);
		run();
		assert_true(closed_unopened);
		mnt_agent_free(agent);
		agent = NULL;
	}
	assert_int_equal(opens, 0);
}

static void separate_answer_is_taken_and_acknowledged(void **state)
{
	(void)state;
	script[0] = SEPARATE;
	start(&credential, 0);
	ask();
	assert_int_equal(result, MNT_RESULT_VERIFIED);
	ask(); /* the acknowledgement went before */
	assert_int_equal(acks, 1);
}

static void answer_to_another_rqi_is_not_taken(void **state)
{
	(void)state;
	script[0] = FOREIGN;
	start(&credential, 0);
	ask();
	assert_int_equal(result, MNT_RESULT_VERIFIED);
	assert_int_equal(tries, 2);
	assert_string_equal(rqi[0], rqi[1]);
	script[2] = FOREIGN;
	agent->config.unverified = 1;
	ask();
	assert_int_equal(result, MNT_RESULT_UNVERIFIED);
	assert_int_equal(tries, 3);
}

static void busy_server_is_asked_again_under_the_same_rqi(void **state)
{
	(void)state;
	script[0] = BUSY;
	start(&credential, 0);
	ask();
	assert_int_equal(result, MNT_RESULT_VERIFIED);
	assert_int_equal(tries, 2);
	assert_string_equal(rqi[0], rqi[1]);
}

static void answer_that_is_no_primitive_ends_the_request(void **state)
{
	(void)state;
	script[0] = NO_OSCORE;
	script[1] = NO_RSC;
	start(&credential, 0);
	ask();
	assert_int_equal(result, MNT_RESULT_REFUSED);
	assert_int_equal(code, MN_COAP_402);
	ask();
	assert_int_equal(result, MNT_RESULT_REFUSED);
	assert_int_equal(code, MN_COAP_204);
	assert_int_equal(tries, 2);
}

static void lost_session_comes_back_with_the_same_request(void **state)
{
	(void)state;
	script[0] = CLOSE;
	start(&credential, 0);
	ask();
	assert_int_equal(result, MNT_RESULT_VERIFIED);
	assert_int_equal(opens, 2);
	assert_int_equal(tries, 2);
	assert_string_equal(rqi[0], rqi[1]);
}

static void rand_means_nothing_to_it(void **state)
{
	struct mn_coap_token token = { .len = 1, .bytes = { 1 } };
	struct mn_coap_writer w;
	uint8_t buf[64];

	(void)state;
	start(&credential, 0);
	ask();
	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_CON, MN_COAP_POST, 77, &token);
	mn_coap_put_path(&w, "gsa");
	assert_int_equal(mn_session_send(session, buf, (size_t)mn_coap_finish(&w)), 0);
	run();
	assert_int_equal(post_code, MN_COAP_404);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(gets_in_by_kpsaxi_and_needs_no_rand),
		T(takes_no_other_server_and_no_other_key),
		T(separate_answer_is_taken_and_acknowledged),
		T(answer_to_another_rqi_is_not_taken),
		T(busy_server_is_asked_again_under_the_same_rqi),
		T(answer_that_is_no_primitive_ends_the_request),
		T(lost_session_comes_back_with_the_same_request),
		T(rand_means_nothing_to_it),
	};

	if (mn_crypto_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
