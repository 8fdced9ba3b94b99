// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/unit/gateway_fixture.c daemon/relay.c daemon/reply.c daemon/device.c daemon/service.c daemon/gsa.c */
/* LINK: daemon/fanout.c daemon/group.c daemon/upstream.c daemon/upstream_gsa.c daemon/buffer.c daemon/keyring.c */
/* LINK: daemon/credentials.c */
/* The Rand on the inner hop: push, late joiners, what devices answer, GET /gsa and its observation (docs/protocol.md "Rand"). */
#include <errno.h>
#include <string.h>

#include "gateway_fixture.h"
#include "log.h"

static const uint8_t cbor = MN_COAP_FORMAT_CBOR;

static struct mnd_gateway *begin(void)
{
	struct mnd_gateway *g = fx_new(300, true);
	struct fx_message m;

	fx_rand(g, 1, "g1", 1000, 0x11);
	fx_expect(fx_outer(), &m, MN_COAP_ACK, MN_COAP_204);
	return g;
}

static enum mnd_state state_of(struct mn_session *s)
{
	return (enum mnd_state)fx_device(s)->state;
}

static void expect_push(struct mn_session *s, struct fx_message *m, uint32_t generation,
			uint8_t fill)
{
	struct mn_rand_message r;
	uint32_t format;

	fx_expect(s, m, MN_COAP_CON, MN_COAP_POST);
	assert_true(mn_coap_path_is(&m->coap, "gsa"));
	assert_int_equal(mn_coap_option_uint(&m->coap, MN_COAP_OPT_CONTENT_FORMAT, 2, &format), 0);
	assert_int_equal(format, MN_COAP_FORMAT_CBOR);
	assert_int_equal(
		mn_rand_message_decode(m->coap.payload, m->coap.payload_len, MN_HOP_INNER, &r), 0);
	assert_int_equal(r.generation, generation);
	assert_int_equal(r.rand[0], fill);
}

static void acknowledge(struct mnd_gateway *g, struct mn_session *s, const struct fx_message *m,
			uint8_t code)
{
	fx_send(g, s, MN_COAP_ACK, code, m->coap.id, &m->coap.token, NULL, 0, NULL, 0);
}

static void get(struct mnd_gateway *g, struct mn_session *s, uint16_t id, int observe)
{
	static const uint8_t one = 1;
	struct fx_option options[2] = { { MN_COAP_OPT_OBSERVE, &one, observe == 1 ? 1 : 0 },
					{ MN_COAP_OPT_URI_PATH, "gsa", 3 } };

	if (observe < 0)
		fx_send(g, s, MN_COAP_CON, MN_COAP_GET, id, NULL, options + 1, 1, NULL, 0);
	else
		fx_send(g, s, MN_COAP_CON, MN_COAP_GET, id, NULL, options, 2, NULL, 0);
}

static uint32_t observe_of(const struct fx_message *m)
{
	uint32_t v;

	assert_int_equal(mn_coap_option_uint(&m->coap, MN_COAP_OPT_OBSERVE, 3, &v), 0);
	return v;
}

static void pushed_to_those_that_are_connected_and_to_late_joiners(void **state)
{
	struct mnd_gateway *g = fx_new(3, true);
	struct mn_session *early = fx_connect(g, "D1"), *late, *other = fx_connect(g, "E1");
	struct fx_message m;

	(void)state;
	fx_run(g, 0);
	fx_expect_nothing(early);
	fx_rand(g, 1, "g1", 1000, 0x11);
	fx_expect(fx_outer(), &m, MN_COAP_ACK, MN_COAP_204);
	expect_push(early, &m, 1000, 0x11);
	assert_int_equal(state_of(early), MND_RAND_SENT);
	acknowledge(g, early, &m, MN_COAP_204);
	assert_int_equal(state_of(early), MND_CONFIRMED);
	fx_expect_nothing(other);

	late = fx_connect(g, "D2");
	fx_run(g, 0);
	expect_push(late, &m, 1000, 0x11);
	acknowledge(g, late, &m, MN_COAP_204);
	assert_int_equal(g->counters.inner_rand_out, 2);
	assert_int_equal(fx_device(late)->credential->group->n_confirmed, 2);
	fx_free(g);
}

static void a_new_generation_goes_to_all(void **state)
{
	struct mnd_gateway *g = begin();
	struct mn_session *a = fx_connect(g, "D1"), *b = fx_connect(g, "D2");
	struct mnd_group *group = fx_device(a)->credential->group;
	struct fx_message m;

	(void)state;
	fx_run(g, 0);
	expect_push(a, &m, 1000, 0x11);
	acknowledge(g, a, &m, MN_COAP_204);
	expect_push(b, &m, 1000, 0x11); /* not acknowledged */
	/* what joiners are offered is no fan-out */
	assert_int_equal(g->fanout.span_us, 0);
	fx_rand(g, 2, "g1", 1001, 0x22);
	fx_expect(fx_outer(), &m, MN_COAP_ACK, MN_COAP_204);
	assert_int_equal(group->n_confirmed, 0);
	fx_run(g, 0);
	assert_true(g->fanout.span_us > 0);
	assert_int_equal(g->fanout.began_us, 0);
	expect_push(a, &m, 1001, 0x22);
	expect_push(b, &m, 1001, 0x22);
	/* the old one is not retransmitted any more */
	fx_run(g, 3100);
	expect_push(b, &m, 1001, 0x22);
	fx_expect_nothing(b);
	assert_int_equal(g->counters.inner_rand_out, 4);
	fx_free(g);
}

static void retransmitted_until_acknowledged(void **state)
{
	struct mnd_gateway *g = begin();
	struct mn_session *s = fx_connect(g, "D1");
	struct fx_message first, m;

	(void)state;
	fx_run(g, 0);
	expect_push(s, &first, 1000, 0x11);
	fx_run(g, 3100);
	fx_expect(s, &m, MN_COAP_CON, MN_COAP_POST);
	assert_memory_equal(first.data, m.data, m.len);
	acknowledge(g, s, &m, MN_COAP_204);
	fx_run(g, 100000);
	fx_expect_nothing(s);
	assert_int_equal(g->counters.inner_rand_out, 1);
	fx_free(g);
}

static void a_service_request_of_the_generation_acknowledges(void **state)
{
	struct mnd_gateway *g = begin();
	struct mn_session *s = fx_connect(g, "D1");
	struct fx_message m;

	(void)state;
	fx_run(g, 0);
	expect_push(s, &m, 1000, 0x11);
	fx_service(g, s, MN_COAP_NON, 1, 999);
	assert_int_equal(state_of(s), MND_RAND_SENT);
	fx_service(g, s, MN_COAP_NON, 2, 1000);
	assert_int_equal(state_of(s), MND_CONFIRMED);
	fx_run(g, 20000);
	fx_expect_nothing(s);
	fx_free(g);
}

static void unconfirmed_is_offered_again_at_the_next_message(void **state)
{
	struct mnd_gateway *g = begin();
	struct mn_session *s = fx_connect(g, "D1");
	struct fx_message m;

	(void)state;
	fx_run(g, 100000);
	for (int i = 0; i < 5; i++)
		expect_push(s, &m, 1000, 0x11);
	fx_expect_nothing(s);
	assert_int_equal(state_of(s), MND_RAND_UNCONFIRMED);
	fx_run(g, 100000);
	fx_expect_nothing(s);
	fx_send_empty(g, s, MN_COAP_CON, 5);
	fx_expect(s, &m, MN_COAP_RST, MN_COAP_EMPTY);
	expect_push(s, &m, 1000, 0x11);
	assert_int_equal(state_of(s), MND_RAND_SENT);
	acknowledge(g, s, &m, MN_COAP_204);
	assert_int_equal(state_of(s), MND_CONFIRMED);
	assert_int_equal(g->counters.inner_rand_out, 1);
	assert_int_equal(g->counters.inner_rand_again, 1);
	fx_free(g);
}

static void one_that_declines_is_left_alone_in_that_generation(void **state)
{
	static const struct {
		const char *entity;
		enum mn_coap_type type;
		uint8_t code;
	} cases[] = { { "D1", MN_COAP_ACK, MN_COAP_404 },
		      { "D2", MN_COAP_RST, MN_COAP_EMPTY },
		      { "D3", MN_COAP_ACK, MN_COAP_409 },
		      { "D4", MN_COAP_ACK, MN_COAP_405 } };
	struct mnd_gateway *g = begin();
	struct mn_session *s[4];
	struct fx_message m, out;

	(void)state;
	for (int i = 0; i < 4; i++) {
		s[i] = fx_connect(g, cases[i].entity);
		fx_run(g, 0);
		expect_push(s[i], &m, 1000, 0x11);
		if (cases[i].type == MN_COAP_RST)
			fx_send_empty(g, s[i], MN_COAP_RST, m.coap.id);
		else
			acknowledge(g, s[i], &m, cases[i].code);
		assert_int_equal(state_of(s[i]), MND_CONNECTED);
		fx_run(g, 40000);
		while (fx_take(fx_outer(), &out))
			;
		fx_send_empty(g, fx_outer(), MN_COAP_ACK, 0xffff);
		fx_service(g, s[i], MN_COAP_NON, 9, 990);
		fx_expect(fx_outer(), &out, MN_COAP_NON, MN_COAP_POST);
		fx_answer(g, &out, MN_COAP_401, false, "Security context not found");
		fx_expect(s[i], &m, MN_COAP_NON, MN_COAP_401);
		fx_expect_nothing(s[i]);
	}
	/* the next one is a new question */
	fx_rand(g, 2, "g1", 1001, 0x22);
	for (int i = 0; i < 4; i++) {
		expect_push(s[i], &m, 1001, 0x22);
		acknowledge(g, s[i], &m, MN_COAP_204);
	}
	while (fx_take(fx_outer(), &out))
		;
	fx_service(g, s[0], MN_COAP_NON, 10, 1001);
	fx_expect(fx_outer(), &out, MN_COAP_NON, MN_COAP_POST);
	fx_answer(g, &out, MN_COAP_401, false, "Security context not found");
	fx_expect(s[0], &m, MN_COAP_NON, MN_COAP_401);
	expect_push(s[0], &m, 1001, 0x22);
	fx_free(g);
}

static void a_separate_response_answers_too(void **state)
{
	struct mnd_gateway *g = begin();
	struct mn_session *s = fx_connect(g, "D1");
	struct fx_message push, m;

	(void)state;
	fx_run(g, 0);
	expect_push(s, &push, 1000, 0x11);
	fx_send_empty(g, s, MN_COAP_ACK, push.coap.id);
	assert_int_equal(state_of(s), MND_RAND_SENT);
	fx_send(g, s, MN_COAP_CON, MN_COAP_204, 44, &push.coap.token, NULL, 0, NULL, 0);
	fx_expect(s, &m, MN_COAP_ACK, MN_COAP_EMPTY);
	assert_int_equal(m.coap.id, 44);
	assert_int_equal(state_of(s), MND_CONFIRMED);
	fx_free(g);
}

static void a_separate_response_that_never_comes_is_unconfirmed(void **state)
{
	struct mnd_gateway *g = begin();
	struct mn_session *s = fx_connect(g, "D1");
	struct fx_message m;

	(void)state;
	fx_run(g, 0);
	expect_push(s, &m, 1000, 0x11);
	fx_send_empty(g, s, MN_COAP_ACK, m.coap.id);
	fx_run(g, 94000);
	fx_expect_nothing(s);
	fx_send_empty(g, s, MN_COAP_CON, 5);
	fx_expect(s, &m, MN_COAP_RST, MN_COAP_EMPTY);
	expect_push(s, &m, 1000, 0x11);
	fx_free(g);
}

static void offered_again_when_the_in_has_no_context_at_most_every_30_s(void **state)
{
	struct mnd_gateway *g = begin();
	struct mn_session *s = fx_connect(g, "D1");
	struct fx_message m, out;

	(void)state;
	fx_run(g, 0);
	expect_push(s, &m, 1000, 0x11);
	acknowledge(g, s, &m, MN_COAP_204);
	for (uint16_t i = 0; i < 70; i++) {
		fx_service(g, s, MN_COAP_NON, i, 1000);
		while (!fx_take(fx_outer(), &out) || out.coap.code != MN_COAP_POST)
			;
		fx_answer(g, &out, i & 1 ? MN_COAP_401 : MN_COAP_400, false,
			  i & 1 ? "Security context not found" : "Decryption failed");
		fx_expect(s, &m, MN_COAP_NON, i & 1 ? MN_COAP_401 : MN_COAP_400);
		if (fx_take(s, &m))
			acknowledge(g, s, &m, MN_COAP_204);
		fx_run(g, 1000);
	}
	assert_int_equal(g->counters.inner_rand_again, 3); /* at 0, 30 and 60 s */
	assert_int_equal(g->counters.inner_rand_out, 1);
	/* what came too soon is postponed, not forgotten: the device may be waiting for just this */
	fx_run(g, 19000);
	assert_int_equal(g->counters.inner_rand_again, 3);
	fx_run(g, 2000);
	assert_int_equal(g->counters.inner_rand_again, 4);
	fx_send_empty(g, fx_outer(), MN_COAP_ACK, 0xffff); /* the IN is alive */
	while (fx_take(s, &m))
		acknowledge(g, s, &m, MN_COAP_204);
	/* other texts and protected answers do not count */
	fx_run(g, 40000);
	fx_send_empty(g, fx_outer(), MN_COAP_ACK, 0xffff);
	while (fx_take(fx_outer(), &out))
		;
	fx_service(g, s, MN_COAP_NON, 900, 1000);
	fx_expect(fx_outer(), &out, MN_COAP_NON, MN_COAP_POST);
	fx_answer(g, &out, MN_COAP_401, false, "Replay detected");
	fx_service(g, s, MN_COAP_NON, 901, 1000);
	fx_expect(fx_outer(), &out, MN_COAP_NON, MN_COAP_POST);
	fx_answer(g, &out, MN_COAP_401, true, "Security context not found");
	fx_run(g, 40000);
	assert_int_equal(g->counters.inner_rand_again, 4);
	fx_free(g);
}

static void an_answer_authenticates_and_an_offer_does_not_undo_it(void **state)
{
	struct mnd_gateway *g = begin();
	struct mn_session *s = fx_connect(g, "D1");
	struct fx_message m, out;

	(void)state;
	fx_run(g, 0);
	expect_push(s, &m, 1000, 0x11);
	fx_service(g, s, MN_COAP_NON, 1, 1000);
	fx_expect(fx_outer(), &out, MN_COAP_NON, MN_COAP_POST);
	fx_answer(g, &out, MN_COAP_204, false, "unprotected");
	assert_int_equal(state_of(s), MND_CONFIRMED);
	fx_service(g, s, MN_COAP_NON, 2, 999);
	fx_expect(fx_outer(), &out, MN_COAP_NON, MN_COAP_POST);
	fx_answer(g, &out, MN_COAP_204, true, "sealed");
	assert_int_equal(state_of(s), MND_CONFIRMED); /* another generation's */
	fx_service(g, s, MN_COAP_NON, 3, 1000);
	fx_expect(fx_outer(), &out, MN_COAP_NON, MN_COAP_POST);
	fx_answer(g, &out, MN_COAP_204, true, "sealed");
	assert_int_equal(state_of(s), MND_AUTHENTICATED);
	fx_service(g, s, MN_COAP_NON, 4, 1000);
	fx_expect(fx_outer(), &out, MN_COAP_NON, MN_COAP_POST);
	fx_answer(g, &out, MN_COAP_400, false, "Decryption failed");
	assert_int_equal(g->counters.inner_rand_again, 1);
	assert_int_equal(state_of(s), MND_AUTHENTICATED);
	assert_int_equal(fx_device(s)->credential->group->n_authenticated, 1);
	fx_run(g, 100000);
	assert_int_equal(state_of(s), MND_AUTHENTICATED);
	fx_free(g);
}

static void a_large_group_is_paced(void **state)
{
	struct mnd_gateway *g = begin();
	struct mn_session *s[300];
	struct fx_message m;
	unsigned int sent = 0;
	char name[16];

	(void)state;
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "D%d", i + 1);
		s[i] = fx_connect(g, name);
	}
	g->fanout.defer.queued = true; /* this iteration's only */
	g->fanout.defer.fn(&g->fanout.defer);
	for (int i = 0; i < 300; i++)
		sent += fx_take(s[i], &m);
	assert_int_equal(sent, MND_FANOUT_BATCH);
	g->fanout.defer.queued = false;
	/* no send buffers: they come later */
	fx_fail_sends(1, -ENOBUFS);
	g->fanout.defer.fn(&g->fanout.defer);
	for (int i = 0; i < 300; i++)
		sent += fx_take(s[i], &m);
	assert_int_equal(sent, MND_FANOUT_BATCH);
	fx_run(g, 10);
	for (int i = 0; i < 300; i++)
		sent += fx_take(s[i], &m);
	assert_int_equal(sent, 300);
	assert_int_equal(g->counters.inner_rand_out, 300);
	fx_free(g);
}

static void get_before_and_after_the_rand(void **state)
{
	struct mnd_gateway *g = fx_new(2, true);
	struct mn_session *s = fx_connect(g, "D1");
	struct mn_rand_message r;
	struct mn_coap_option o;
	struct fx_message m;
	uint32_t v;

	(void)state;
	get(g, s, 1, 0);
	fx_expect(s, &m, MN_COAP_ACK, MN_COAP_503);
	assert_int_equal(mn_coap_option_uint(&m.coap, MN_COAP_OPT_MAX_AGE, 4, &v), 0);
	assert_true(v > 0);
	assert_false(fx_device(s)->observes);

	fx_rand(g, 1, "g1", 1000, 0x11);
	fx_expect(fx_outer(), &m, MN_COAP_ACK, MN_COAP_204);
	expect_push(s, &m, 1000, 0x11);
	get(g, s, 2, -1);
	fx_expect(s, &m, MN_COAP_ACK, MN_COAP_205);
	assert_int_equal(mn_coap_option_uint(&m.coap, MN_COAP_OPT_MAX_AGE, 4, &v), 0);
	assert_int_equal(v, 86400);
	assert_int_equal(mn_coap_option_uint(&m.coap, MN_COAP_OPT_CONTENT_FORMAT, 2, &v), 0);
	assert_int_equal(v, MN_COAP_FORMAT_CBOR);
	assert_false(mn_coap_option_find(&m.coap, MN_COAP_OPT_OBSERVE, &o));
	assert_int_equal(
		mn_rand_message_decode(m.coap.payload, m.coap.payload_len, MN_HOP_INNER, &r), 0);
	assert_int_equal(r.generation, 1000);
	assert_int_equal(g->counters.inner_rand_out, 1);
	fx_free(g);
}

static void while_a_device_observes_it_gets_notifications_and_no_post(void **state)
{
	struct mnd_gateway *g = begin();
	struct mn_session *s = fx_connect(g, "D1");
	struct fx_message m;
	uint32_t seq, next;

	(void)state;
	fx_run(g, 0);
	expect_push(s, &m, 1000, 0x11);
	get(g, s, 1, 0);
	fx_expect(s, &m, MN_COAP_ACK, MN_COAP_205);
	seq = observe_of(&m);
	fx_run(g, 100000); /* the POST is over */
	fx_expect_nothing(s);

	fx_rand(g, 2, "g1", 1001, 0x22);
	fx_expect(s, &m, MN_COAP_CON, MN_COAP_205);
	assert_int_equal(m.coap.token.bytes[0], 0xab);
	next = observe_of(&m);
	assert_true(next > seq);
	assert_int_equal(state_of(s), MND_RAND_SENT);
	fx_send_empty(g, s, MN_COAP_ACK, m.coap.id);
	assert_int_equal(state_of(s), MND_CONFIRMED);
	assert_int_equal(g->counters.inner_rand_out, 2);

	/* Observe 1 ends it */
	get(g, s, 2, 1);
	fx_expect(s, &m, MN_COAP_ACK, MN_COAP_205);
	assert_false(fx_device(s)->observes);
	fx_rand(g, 3, "g1", 1002, 0x33);
	expect_push(s, &m, 1002, 0x33);
	fx_free(g);
}

static void an_observation_ends_by_reset_and_by_silence(void **state)
{
	struct mnd_gateway *g = begin();
	struct mn_session *s = fx_connect(g, "D1");
	struct fx_message m;

	(void)state;
	get(g, s, 1, 0);
	fx_expect(s, &m, MN_COAP_ACK, MN_COAP_205);
	fx_rand(g, 2, "g1", 1001, 0x22);
	fx_expect(s, &m, MN_COAP_CON, MN_COAP_205);
	fx_send_empty(g, s, MN_COAP_RST, m.coap.id);
	assert_false(fx_device(s)->observes);
	fx_run(g, 100000);
	fx_expect_nothing(s);

	get(g, s, 2, 0);
	fx_expect(s, &m, MN_COAP_ACK, MN_COAP_205);
	fx_outer_close(g, MN_CLOSE_PEER);
	fx_run(g, 2000);
	fx_outer_open(g);
	fx_rand(g, 3, "g1", 1002, 0x33);
	fx_run(g, 100000);
	for (int i = 0; i < 5; i++)
		fx_expect(s, &m, MN_COAP_CON, MN_COAP_205);
	assert_int_equal(state_of(s), MND_RAND_UNCONFIRMED);
	fx_send_empty(g, s, MN_COAP_CON, 5);
	fx_expect(s, &m, MN_COAP_RST, MN_COAP_EMPTY);
	expect_push(s, &m, 1002, 0x33);
	fx_free(g);
}

static void observe_numbers_have_24_bits(void **state)
{
	struct mnd_gateway *g = begin();
	struct mn_session *s = fx_connect(g, "D1");
	struct fx_message m;

	(void)state;
	fx_device(s)->observe_seq = 0xfffffe;
	get(g, s, 1, 0);
	fx_expect(s, &m, MN_COAP_ACK, MN_COAP_205);
	assert_int_equal(observe_of(&m), 0xffffff);
	fx_rand(g, 2, "g1", 1001, 0x22);
	fx_expect(s, &m, MN_COAP_CON, MN_COAP_205);
	assert_int_equal(observe_of(&m), 0);
	fx_free(g);
}

static void requests_for_gsa_that_are_refused(void **state)
{
	static const uint8_t json = 50, block_0_64 = 0x02, block_0_16 = 0x00, block_1 = 0x12;
	static const struct {
		uint8_t code;
		struct fx_option extra;
		uint8_t answer;
	} cases[] = {
		{ MN_COAP_GET, { MN_COAP_OPT_ACCEPT, &cbor, 1 }, MN_COAP_205 },
		{ MN_COAP_GET, { MN_COAP_OPT_ACCEPT, &json, 1 }, MN_COAP_406 },
		{ MN_COAP_GET, { MN_COAP_OPT_BLOCK2, &block_0_64, 1 }, MN_COAP_205 },
		{ MN_COAP_GET, { MN_COAP_OPT_BLOCK2, &block_0_16, 1 }, MN_COAP_402 },
		{ MN_COAP_GET, { MN_COAP_OPT_BLOCK2, &block_1, 1 }, MN_COAP_402 },
		{ MN_COAP_GET, { MN_COAP_OPT_BLOCK1, &block_0_64, 1 }, MN_COAP_402 },
		{ MN_COAP_GET, { MN_COAP_OPT_URI_QUERY, "a=b", 3 }, MN_COAP_402 },
		{ MN_COAP_GET, { MN_COAP_OPT_SIZE2, NULL, 0 }, MN_COAP_205 },
		{ MN_COAP_GET, { 65001, "x", 1 }, MN_COAP_402 },
		{ MN_COAP_POST, { MN_COAP_OPT_CONTENT_FORMAT, &cbor, 1 }, MN_COAP_405 },
		{ MN_COAP_PUT, { MN_COAP_OPT_CONTENT_FORMAT, &cbor, 1 }, MN_COAP_405 },
		{ MN_COAP_DELETE, { MN_COAP_OPT_CONTENT_FORMAT, &cbor, 1 }, MN_COAP_405 },
		{ MN_COAP_FETCH, { MN_COAP_OPT_CONTENT_FORMAT, &cbor, 1 }, MN_COAP_405 },
	};
	struct mnd_gateway *g = begin();
	struct mn_session *s = fx_connect(g, "D1");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct fx_option options[] = { { MN_COAP_OPT_URI_PATH, "gsa", 3 },
						     cases[i].extra };
		struct fx_message m;

		fx_send(g, s, MN_COAP_CON, cases[i].code, (uint16_t)i, NULL, options, 2, NULL, 0);
		fx_expect(s, &m, MN_COAP_ACK, cases[i].answer);
	}
	fx_free(g);
}

static void a_newer_session_takes_the_place_of_the_older(void **state)
{
	struct mnd_gateway *g = begin();
	struct mn_session *old = fx_connect(g, "D1"), *new;
	struct mnd_credential *c = fx_device(old)->credential;
	struct fx_message m;

	(void)state;
	new = fx_connect(g, "D1");
	fx_disconnect(g, old);
	assert_ptr_equal(c->device, fx_device(new));
	assert_int_equal(c->group->n_connected, 1);
	fx_run(g, 0);
	expect_push(new, &m, 1000, 0x11);
	fx_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pushed_to_those_that_are_connected_and_to_late_joiners),
		cmocka_unit_test(a_new_generation_goes_to_all),
		cmocka_unit_test(retransmitted_until_acknowledged),
		cmocka_unit_test(a_service_request_of_the_generation_acknowledges),
		cmocka_unit_test(unconfirmed_is_offered_again_at_the_next_message),
		cmocka_unit_test(one_that_declines_is_left_alone_in_that_generation),
		cmocka_unit_test(a_separate_response_answers_too),
		cmocka_unit_test(a_separate_response_that_never_comes_is_unconfirmed),
		cmocka_unit_test(offered_again_when_the_in_has_no_context_at_most_every_30_s),
		cmocka_unit_test(an_answer_authenticates_and_an_offer_does_not_undo_it),
		cmocka_unit_test(a_large_group_is_paced),
		cmocka_unit_test(get_before_and_after_the_rand),
		cmocka_unit_test(while_a_device_observes_it_gets_notifications_and_no_post),
		cmocka_unit_test(an_observation_ends_by_reset_and_by_silence),
		cmocka_unit_test(observe_numbers_have_24_bits),
		cmocka_unit_test(requests_for_gsa_that_are_refused),
		cmocka_unit_test(a_newer_session_takes_the_place_of_the_older),
	};

	mn_log_init("test_rand_push", MN_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
