// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/unit/gateway_fixture.c daemon/relay.c daemon/reply.c daemon/device.c daemon/service.c daemon/gsa.c */
/* LINK: daemon/fanout.c daemon/group.c daemon/upstream.c daemon/upstream_gsa.c daemon/buffer.c daemon/keyring.c */
/* LINK: daemon/credentials.c */
/* Service requests through the gateway: what leaves on either hop, and when (docs/protocol.md "Service request", Gateway). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/crypto.h"
#include "core/oscore.h"
#include "log.h"
#include "gateway_fixture.h"

enum { GENERATION = 1000 };

/* D1 connected, the Rand given and confirmed; both sessions have nothing left to take. */
static struct mnd_gateway *begin(struct mn_session **device)
{
	struct mnd_gateway *g = fx_new(3, true);
	struct fx_message m;

	fx_rand(g, 1, "g1", GENERATION, 0x11);
	fx_expect(fx_outer(), &m, MN_COAP_ACK, MN_COAP_204);
	*device = fx_connect(g, "D1");
	fx_run(g, 0);
	fx_expect(*device, &m, MN_COAP_CON, MN_COAP_POST);
	fx_send(g, *device, MN_COAP_ACK, MN_COAP_204, m.coap.id, &m.coap.token, NULL, 0, NULL, 0);
	assert_int_equal(fx_device(*device)->state, MND_CONFIRMED);
	return g;
}

static void assert_text(const struct fx_message *m, const char *text)
{
	assert_int_equal(m->coap.payload_len, strlen(text));
	assert_memory_equal(m->coap.payload, text, strlen(text));
}

/* Any record of the IN: without one its session is pinged. */
static void hear_the_in(struct mnd_gateway *g)
{
	fx_send_empty(g, fx_outer(), MN_COAP_ACK, 0xffff);
}

static void run_until(struct mnd_gateway *g, uint64_t when)
{
	fx_run(g, when - fx_now());
	hear_the_in(g);
}

static uint32_t max_age(const struct fx_message *m)
{
	uint32_t v;

	assert_int_equal(mn_coap_option_uint(&m->coap, MN_COAP_OPT_MAX_AGE, 4, &v), 0);
	return v;
}

static void a_request_and_its_answer(void **state)
{
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	struct fx_message out, back;
	struct mn_coap_option o;

	(void)state;
	fx_service(g, d, MN_COAP_CON, 7, GENERATION);
	fx_expect(fx_outer(), &out, MN_COAP_NON, MN_COAP_POST);
	assert_true(mn_coap_option_find(&out.coap, MN_COAP_OPT_OSCORE, &o));
	assert_int_equal(o.len, 1 + 1 + 1 + 12 + 7);
	assert_text(&out, "ciphertext");
	assert_int_equal(out.coap.token.len, 6);

	fx_answer(g, &out, MN_COAP_204, true, "sealed");
	fx_expect(d, &back, MN_COAP_ACK, MN_COAP_204);
	assert_int_equal(back.coap.id, 7);
	assert_int_equal(back.coap.token.len, 2);
	assert_int_equal(back.coap.token.bytes[0], 0xab);
	assert_true(mn_coap_option_find(&back.coap, MN_COAP_OPT_OSCORE, &o));
	assert_text(&back, "sealed");
	assert_int_equal(fx_device(d)->state, MND_AUTHENTICATED);
	assert_int_equal(g->counters.inner_service_in, 1);
	assert_int_equal(g->counters.outer_service_out, 1);
	assert_int_equal(g->relay.n_open, 0);
	fx_free(g);
}

static void a_non_request_gets_a_non_answer(void **state)
{
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	struct fx_message out, back;

	(void)state;
	fx_service(g, d, MN_COAP_NON, 7, GENERATION);
	fx_expect(fx_outer(), &out, MN_COAP_NON, MN_COAP_POST);
	fx_run(g, 1500);
	fx_expect_nothing(d);
	fx_answer(g, &out, MN_COAP_204, true, "sealed");
	fx_expect(d, &back, MN_COAP_NON, MN_COAP_204);
	/* a duplicate is ignored silently */
	fx_service(g, d, MN_COAP_NON, 7, GENERATION);
	fx_expect_nothing(d);
	fx_expect_nothing(fx_outer());
	fx_free(g);
}

static void duplicates_get_the_same_answer_and_are_not_forwarded(void **state)
{
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	struct fx_message out, first, second;

	(void)state;
	fx_service(g, d, MN_COAP_CON, 7, GENERATION);
	fx_expect(fx_outer(), &out, MN_COAP_NON, MN_COAP_POST);
	fx_answer(g, &out, MN_COAP_204, true, "sealed");
	fx_expect(d, &first, MN_COAP_ACK, MN_COAP_204);
	fx_service(g, d, MN_COAP_CON, 7, GENERATION);
	fx_expect(d, &second, MN_COAP_ACK, MN_COAP_204);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.data, second.data, first.len);
	fx_expect_nothing(fx_outer());
	assert_int_equal(g->counters.inner_service_in, 1);
	assert_int_equal(g->counters.inner_duplicates, 1);
	fx_free(g);
}

static void answers_are_forgotten_after_exchange_lifetime(void **state)
{
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	struct fx_message m;

	(void)state;
	fx_send(g, d, MN_COAP_CON, MN_COAP_GET, 7, NULL, NULL, 0, NULL, 0);
	fx_expect(d, &m, MN_COAP_ACK, MN_COAP_404);
	assert_int_equal(fx_device(d)->n_replies, 1);
	fx_run(g, MND_EXCHANGE_LIFETIME_MS - 100);
	fx_send(g, d, MN_COAP_CON, MN_COAP_GET, 8, NULL, NULL, 0, NULL, 0);
	fx_expect(d, &m, MN_COAP_ACK, MN_COAP_404);
	fx_run(g, 200);
	assert_int_equal(fx_device(d)->n_replies, 1);
	fx_run(g, MND_EXCHANGE_LIFETIME_MS);
	assert_int_equal(fx_device(d)->n_replies, 0);
	assert_int_equal(g->buffers.bytes, 0);
	fx_free(g);
}

static void sixteen_exchanges_are_remembered(void **state)
{
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	struct fx_message out;

	(void)state;
	for (uint16_t id = 0; id < 40; id++) {
		fx_service(g, d, MN_COAP_CON, id, GENERATION);
		fx_expect(fx_outer(), &out, MN_COAP_NON, MN_COAP_POST);
		fx_answer(g, &out, MN_COAP_204, true, "sealed");
		fx_expect(d, &out, MN_COAP_ACK, MN_COAP_204);
	}
	assert_int_equal(fx_device(d)->n_replies, 16); /* as many as may be open */
	fx_service(g, d, MN_COAP_CON, 24, GENERATION);
	fx_expect(d, &out, MN_COAP_ACK, MN_COAP_204);
	fx_expect_nothing(fx_outer());
	fx_free(g);
}

static void a_slow_answer_is_separate(void **state)
{
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	struct fx_message out, m, again;
	uint64_t start = fx_now();

	(void)state;
	fx_service(g, d, MN_COAP_CON, 7, GENERATION);
	fx_expect(fx_outer(), &out, MN_COAP_NON, MN_COAP_POST);
	run_until(g, start + 990);
	fx_expect_nothing(d);
	run_until(g, start + 1010);
	fx_expect(d, &m, MN_COAP_ACK, MN_COAP_EMPTY);
	assert_int_equal(m.coap.id, 7);
	/* the device has lost that */
	fx_service(g, d, MN_COAP_CON, 7, GENERATION);
	fx_expect(d, &m, MN_COAP_ACK, MN_COAP_EMPTY);

	fx_answer(g, &out, MN_COAP_204, true, "sealed");
	fx_expect(d, &m, MN_COAP_CON, MN_COAP_204);
	assert_int_equal(m.coap.token.bytes[1], 0xcd);
	/* retransmitted until acknowledged */
	run_until(g, start + 4100);
	fx_expect(d, &again, MN_COAP_CON, MN_COAP_204);
	assert_memory_equal(m.data, again.data, m.len);
	fx_send_empty(g, d, MN_COAP_ACK, m.coap.id);
	run_until(g, start + 14000);
	fx_expect_nothing(d);
	/* the request once more: an empty ACK, no second answer */
	fx_service(g, d, MN_COAP_CON, 7, GENERATION);
	fx_expect(d, &m, MN_COAP_ACK, MN_COAP_EMPTY);
	fx_expect_nothing(d);
	assert_int_equal(g->counters.inner_service_in, 1);
	fx_free(g);
}

static void repeated_after_2_6_and_14_seconds_then_5_04(void **state)
{
	static const unsigned int at[] = { 2000, 6000, 14000 };
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	struct fx_message first, m;
	uint64_t start = fx_now();

	(void)state;
	fx_service(g, d, MN_COAP_CON, 7, GENERATION);
	fx_expect(fx_outer(), &first, MN_COAP_NON, MN_COAP_POST);
	for (unsigned int i = 0; i < 3; i++) {
		run_until(g, start + at[i] - 5);
		fx_expect_nothing(fx_outer());
		run_until(g, start + at[i] + 5);
		fx_expect(fx_outer(), &m, MN_COAP_NON, MN_COAP_POST);
		assert_int_equal(m.len, first.len);
		assert_int_not_equal(m.coap.id, first.coap.id);
		assert_memory_equal(m.data + 4, first.data + 4, m.len - 4);
	}
	fx_expect(d, &m, MN_COAP_ACK, MN_COAP_EMPTY);
	run_until(g, start + 22000);
	run_until(g, start + 29990);
	fx_expect_nothing(d);
	run_until(g, start + 30010);
	fx_expect(d, &m, MN_COAP_CON, MN_COAP_504);
	assert_int_equal(g->counters.outer_service_repeats, 3);
	assert_int_equal(g->counters.outer_service_out, 1);
	assert_int_equal(g->relay.n_pending, 0);
	/* the answer that comes now is nobody's */
	fx_answer(g, &first, MN_COAP_204, true, "sealed");
	assert_int_equal(g->counters.outer_answers_late, 1);
	fx_free(g);
}

static void an_answer_keeps_max_age_and_loses_other_options(void **state)
{
	static const uint8_t age = 9, format = 60;
	const struct fx_option options[] = { { MN_COAP_OPT_ETAG, "e", 1 },
					     { MN_COAP_OPT_CONTENT_FORMAT, &format, 1 },
					     { MN_COAP_OPT_MAX_AGE, &age, 1 } };
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	struct fx_message out, back;
	struct mn_coap_option o;

	(void)state;
	fx_service(g, d, MN_COAP_CON, 7, GENERATION);
	fx_expect(fx_outer(), &out, MN_COAP_NON, MN_COAP_POST);
	fx_send(g, fx_outer(), MN_COAP_NON, MN_COAP_401, 77, &out.coap.token, options, 3,
		"Replay detected", 15);
	fx_expect(d, &back, MN_COAP_ACK, MN_COAP_401);
	assert_int_equal(max_age(&back), 9);
	assert_false(mn_coap_option_find(&back.coap, MN_COAP_OPT_ETAG, &o));
	assert_false(mn_coap_option_find(&back.coap, MN_COAP_OPT_CONTENT_FORMAT, &o));
	assert_text(&back, "Replay detected");
	fx_free(g);
}

static void a_con_answer_of_the_in_is_acknowledged_once_per_copy(void **state)
{
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	struct fx_message out, m;

	(void)state;
	fx_service(g, d, MN_COAP_CON, 7, GENERATION);
	fx_expect(fx_outer(), &out, MN_COAP_NON, MN_COAP_POST);
	for (int copy = 0; copy < 2; copy++) {
		fx_send(g, fx_outer(), MN_COAP_CON, MN_COAP_204, 77, &out.coap.token, NULL, 0, "x",
			1);
		fx_expect(fx_outer(), &m, MN_COAP_ACK, MN_COAP_EMPTY);
		assert_int_equal(m.coap.id, 77);
	}
	fx_expect(d, &m, MN_COAP_ACK, MN_COAP_204);
	fx_expect_nothing(d);
	fx_free(g);
}

/* The option written by hand: mn_oscore_option_write refuses a kid that is too long. */
static void send_with_kid(struct mnd_gateway *g, struct mn_session *s, const uint8_t *kid,
			  uint16_t id, size_t len)
{
	uint8_t option[64] = { 0x19, 0, MN_OSCORE_KID_CONTEXT_LEN };
	const struct fx_option o = { MN_COAP_OPT_OSCORE, option,
				     3 + MN_OSCORE_KID_CONTEXT_LEN + len };

	memcpy(option + 3 + MN_OSCORE_KID_CONTEXT_LEN, kid, len);
	fx_send(g, s, MN_COAP_CON, MN_COAP_POST, id, NULL, &o, 1, "ciphertext", 10);
}

static void another_kid_is_4_03(void **state)
{
	struct mn_session *d1, *d2;
	struct mnd_gateway *g = begin(&d1);
	struct fx_message m;

	(void)state;
	d2 = fx_connect(g, "D2");
	fx_run(g, 0);
	fx_expect(d2, &m, MN_COAP_CON, MN_COAP_POST);
	send_with_kid(g, d2, fx_device(d1)->credential->kid, 3, MN_KID_LEN);
	fx_expect(d2, &m, MN_COAP_ACK, MN_COAP_403);
	fx_expect_nothing(fx_outer());
	assert_int_equal(g->counters.inner_refused_kid, 1);
	assert_int_equal(g->counters.inner_service_in, 0);
	fx_free(g);
}

static void a_shorter_and_a_longer_kid_are_4_03(void **state)
{
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	uint8_t longer[MN_KID_LEN + 1] = { 0 };
	struct fx_message m;

	(void)state;
	memcpy(longer, fx_device(d)->credential->kid, MN_KID_LEN);
	send_with_kid(g, d, longer, 3, MN_KID_LEN - 1);
	fx_expect(d, &m, MN_COAP_ACK, MN_COAP_403);
	send_with_kid(g, d, longer, 4, MN_KID_LEN + 1);
	fx_expect(d, &m, MN_COAP_ACK, MN_COAP_403);
	fx_expect_nothing(fx_outer());
	fx_free(g);
}

static void an_option_without_kid_is_left_to_the_in(void **state)
{
	const struct fx_option o = { MN_COAP_OPT_OSCORE, "\x01\x05", 2 };
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	struct fx_message m;

	(void)state;
	fx_send(g, d, MN_COAP_CON, MN_COAP_POST, 3, NULL, &o, 1, "ciphertext", 10);
	fx_expect(fx_outer(), &m, MN_COAP_NON, MN_COAP_POST);
	fx_free(g);
}

static void outer_codes_and_options(void **state)
{
	static const struct {
		uint8_t code;
		uint16_t extra; /* option, 0 = none */
		uint8_t answer; /* 0 = forwarded */
	} cases[] = {
		{ MN_COAP_GET, 0, MN_COAP_405 },
		{ MN_COAP_PUT, 0, MN_COAP_405 },
		{ MN_COAP_FETCH, 0, MN_COAP_405 },
		{ MN_COAP_POST, MN_COAP_OPT_URI_HOST, 0 },
		{ MN_COAP_POST, MN_COAP_OPT_OBSERVE, 0 },
		{ MN_COAP_POST, MN_COAP_OPT_URI_PORT, 0 },
		{ MN_COAP_POST, MN_COAP_OPT_SIZE1, 0 },
		{ MN_COAP_POST, MN_COAP_OPT_URI_PATH, MN_COAP_402 },
		{ MN_COAP_POST, MN_COAP_OPT_BLOCK1, MN_COAP_402 },
		{ MN_COAP_POST, MN_COAP_OPT_BLOCK2, MN_COAP_402 },
		{ MN_COAP_POST, MN_COAP_OPT_PROXY_URI, MN_COAP_402 },
		{ MN_COAP_POST, 65001, MN_COAP_402 },
		{ MN_COAP_POST, MN_COAP_OPT_OSCORE, MN_COAP_402 }, /* twice */
	};
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct fx_option oscore = { MN_COAP_OPT_OSCORE, "\x01\x05", 2 };
		const struct fx_option extra = { cases[i].extra, "a", 1 };
		bool first = cases[i].extra < MN_COAP_OPT_OSCORE;
		const struct fx_option options[] = { first ? extra : oscore,
						     first ? oscore : extra };
		struct fx_message m;
		struct mn_coap_option o;
		struct mn_coap_cursor at = { 0 };

		if (cases[i].extra)
			fx_send(g, d, MN_COAP_CON, cases[i].code, (uint16_t)i, NULL, options, 2,
				"c", 1);
		else
			fx_send(g, d, MN_COAP_CON, cases[i].code, (uint16_t)i, NULL, &oscore, 1,
				"c", 1);
		if (cases[i].answer) {
			fx_expect(d, &m, MN_COAP_ACK, cases[i].answer);
			fx_expect_nothing(fx_outer());
			continue;
		}
		fx_expect(fx_outer(), &m, MN_COAP_NON, MN_COAP_POST);
		assert_true(mn_coap_option_next(&m.coap, &at, &o));
		assert_int_equal(o.number, MN_COAP_OPT_OSCORE);
		assert_false(mn_coap_option_next(&m.coap, &at, &o));
		fx_answer(g, &m, MN_COAP_204, true, "x");
		fx_expect(d, &m, MN_COAP_ACK, MN_COAP_204);
	}
	fx_free(g);
}

static void what_has_no_oscore_option_is_4_04_whatever_its_options(void **state)
{
	const struct fx_option options[] = { { MN_COAP_OPT_URI_PATH, "in-cse", 6 },
					     { 65001, "a", 1 } };
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	struct fx_message m;

	(void)state;
	fx_send(g, d, MN_COAP_CON, MN_COAP_POST, 1, NULL, options, 2, "c", 1);
	fx_expect(d, &m, MN_COAP_ACK, MN_COAP_404);
	fx_send(g, d, MN_COAP_NON, MN_COAP_DELETE, 2, NULL, options, 1, NULL, 0);
	fx_expect(d, &m, MN_COAP_NON, MN_COAP_404);
	fx_free(g);
}

static void the_largest_message_is_coap_max_on_the_outer_hop(void **state)
{
	const struct fx_option o = { MN_COAP_OPT_OSCORE, "\x01\x05", 2 };
	static uint8_t payload[1200];
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	/* header, token, option (1 + 2), marker */
	size_t most = 1152 - 4 - 6 - 3 - 1;
	struct fx_message m;

	(void)state;
	fx_send(g, d, MN_COAP_CON, MN_COAP_POST, 1, NULL, &o, 1, payload, most);
	fx_expect(fx_outer(), &m, MN_COAP_NON, MN_COAP_POST);
	assert_int_equal(m.len, 1152);
	fx_send(g, d, MN_COAP_CON, MN_COAP_POST, 2, NULL, &o, 1, payload, most + 1);
	fx_expect(d, &m, MN_COAP_ACK, MN_COAP_413);
	fx_expect_nothing(fx_outer());
	assert_int_equal(g->counters.inner_refused_size, 1);
	fx_free(g);
}

static void the_rate_of_a_device_is_limited(void **state)
{
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	struct fx_message m;
	unsigned int passed = 0;

	(void)state;
	g->settings.rate = 5;
	fx_run(g, 2000);
	for (uint16_t id = 0; id < 12; id++) {
		fx_service(g, d, MN_COAP_CON, id, GENERATION);
		if (!fx_take(fx_outer(), &m)) {
			fx_expect(d, &m, MN_COAP_ACK, MN_COAP_429);
			assert_int_equal(max_age(&m), 1);
			continue;
		}
		passed++;
		fx_answer(g, &m, MN_COAP_204, true, "x");
		fx_expect(d, &m, MN_COAP_ACK, MN_COAP_204);
	}
	assert_int_equal(passed, 5);
	fx_run(g, 200);
	fx_service(g, d, MN_COAP_CON, 100, GENERATION);
	fx_expect(fx_outer(), &m, MN_COAP_NON, MN_COAP_POST);
	fx_free(g);
}

static void more_than_the_pending_limit_wait_their_turn(void **state)
{
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	struct fx_message m, sent[3];

	(void)state;
	g->settings.pending = 2;
	for (uint16_t id = 0; id < 4; id++)
		fx_service(g, d, MN_COAP_CON, id, GENERATION);
	fx_expect(fx_outer(), &sent[0], MN_COAP_NON, MN_COAP_POST);
	fx_expect(fx_outer(), &sent[1], MN_COAP_NON, MN_COAP_POST);
	fx_expect_nothing(fx_outer());
	assert_int_equal(g->relay.n_waiting, 2);
	fx_answer(g, &sent[0], MN_COAP_204, true, "x");
	fx_expect(d, &m, MN_COAP_ACK, MN_COAP_204);
	assert_int_equal(m.coap.id, 0);
	fx_expect(fx_outer(), &sent[2], MN_COAP_NON, MN_COAP_POST);
	fx_answer(g, &sent[2], MN_COAP_204, true, "x");
	fx_expect(d, &m, MN_COAP_ACK, MN_COAP_204);
	assert_int_equal(m.coap.id, 2);
	assert_int_equal(g->counters.outer_service_out, 4);
	fx_free(g);
}

static void a_device_has_at_most_16_open(void **state)
{
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	struct fx_message m;

	(void)state;
	for (uint16_t id = 0; id < 16; id++)
		fx_service(g, d, MN_COAP_CON, id, GENERATION);
	fx_expect_nothing(d);
	fx_service(g, d, MN_COAP_CON, 16, GENERATION);
	fx_expect(d, &m, MN_COAP_ACK, MN_COAP_429);
	fx_free(g);
}

static void never_more_than_30000_in_any_second(void **state)
{
	enum { STEP = 4, STEPS = 500 };
	static unsigned int sent[STEPS];
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	struct fx_message m;
	unsigned int window = 0, most = 0;
	uint16_t id = 0;

	(void)state;
	fx_run(g, 5000);
	for (unsigned int i = 0; i < STEPS; i++) {
		/* as fast as one device can: what is out is answered at once */
		for (unsigned int n = 0; n < 1200; n++) {
			fx_service(g, d, MN_COAP_NON, id++, GENERATION);
			if (!fx_take(fx_outer(), &m))
				break;
			sent[i]++;
			fx_answer(g, &m, MN_COAP_204, true, "x");
		}
		fx_run(g, STEP);
		while (fx_take(fx_outer(), &m)) {
			sent[i]++;
			fx_answer(g, &m, MN_COAP_204, true, "x");
		}
		while (fx_take(d, &m))
			;
		window += sent[i];
		if (i >= 1000 / STEP)
			window -= sent[i - 1000 / STEP];
		if (window > most)
			most = window;
	}
	assert_true(most <= 30000);
	assert_true(most > 25000);
	fx_free(g);
}

static void without_a_session_to_the_in_5_03(void **state)
{
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	struct fx_message m;

	(void)state;
	fx_outer_close(g, MN_CLOSE_PEER);
	fx_service(g, d, MN_COAP_CON, 7, GENERATION);
	fx_expect(d, &m, MN_COAP_ACK, MN_COAP_503);
	assert_in_range(max_age(&m), 1, 5);
	assert_int_equal(g->counters.inner_service_in, 0);
	/* the same bytes in a new exchange, once the session is back */
	fx_run(g, 2000);
	fx_outer_open(g);
	fx_service(g, d, MN_COAP_CON, 8, GENERATION);
	fx_expect(fx_outer(), &m, MN_COAP_NON, MN_COAP_POST);
	fx_free(g);
}

static void loss_of_the_session_interrupts_what_is_open(void **state)
{
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	struct fx_message m;

	(void)state;
	g->settings.pending = 1;
	fx_service(g, d, MN_COAP_CON, 7, GENERATION);
	fx_service(g, d, MN_COAP_NON, 8, GENERATION);
	fx_outer_close(g, MN_CLOSE_PEER);
	fx_expect(d, &m, MN_COAP_ACK, MN_COAP_503);
	fx_expect(d, &m, MN_COAP_NON, MN_COAP_503);
	assert_int_equal(g->relay.n_open, 0);
	fx_free(g);
}

static void requests_die_with_their_device(void **state)
{
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	struct fx_message m;

	(void)state;
	fx_service(g, d, MN_COAP_CON, 7, GENERATION);
	fx_expect(fx_outer(), &m, MN_COAP_NON, MN_COAP_POST);
	fx_disconnect(g, d);
	assert_int_equal(g->relay.n_open, 0);
	fx_answer(g, &m, MN_COAP_204, true, "x");
	assert_int_equal(g->counters.outer_answers_late, 1);
	fx_run(g, 40000);
	fx_free(g);
}

static void a_late_answer_does_not_reach_the_next_request(void **state)
{
	struct mn_session *d1, *d2;
	struct mnd_gateway *g = begin(&d1);
	struct fx_message first, second, m;

	(void)state;
	g->settings.pending = 1; /* so that both have the same slot */
	fx_service(g, d1, MN_COAP_CON, 7, GENERATION);
	fx_expect(fx_outer(), &first, MN_COAP_NON, MN_COAP_POST);
	fx_disconnect(g, d1);
	d2 = fx_connect(g, "D2");
	fx_service(g, d2, MN_COAP_CON, 7, GENERATION);
	fx_expect(fx_outer(), &second, MN_COAP_NON, MN_COAP_POST);
	assert_int_equal(first.coap.token.bytes[1], second.coap.token.bytes[1]);
	fx_answer(g, &first, MN_COAP_204, true, "for D1");
	fx_expect_nothing(d2);
	fx_answer(g, &second, MN_COAP_204, true, "for D2");
	fx_expect(d2, &m, MN_COAP_ACK, MN_COAP_204);
	assert_text(&m, "for D2");
	fx_free(g);
}

static void a_full_queue_loses_nothing(void **state)
{
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	struct fx_message out, m;

	(void)state;
	fx_fail_sends(1, -ENOBUFS);
	fx_service(g, d, MN_COAP_NON, 7, GENERATION);
	fx_expect_nothing(fx_outer());
	fx_run(g, 8);
	fx_expect(fx_outer(), &out, MN_COAP_NON, MN_COAP_POST);
	/* an answer that could not be sent is fetched by the next repetition */
	fx_fail_sends(1, -ENOBUFS);
	fx_answer(g, &out, MN_COAP_204, true, "x");
	fx_expect_nothing(d);
	fx_run(g, 2010);
	fx_expect(fx_outer(), &out, MN_COAP_NON, MN_COAP_POST);
	fx_answer(g, &out, MN_COAP_204, true, "x");
	fx_expect(d, &m, MN_COAP_NON, MN_COAP_204);
	fx_free(g);
}

static void malformed_messages(void **state)
{
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	struct fx_message m;

	(void)state;
	fx_input(g, d, "\x40\x01\x00\x05\xff", 5); /* marker without payload */
	fx_expect(d, &m, MN_COAP_RST, MN_COAP_EMPTY);
	assert_int_equal(m.coap.id, 5);
	fx_input(g, d, "\x50\x01\x00\x06\xff", 5); /* NON */
	fx_input(g, d, "\x40", 1);
	fx_input(g, d, "\x50\x00\x00\x07", 4); /* an empty NON */
	fx_send_empty(g, d, MN_COAP_ACK, 99);
	fx_send_empty(g, d, MN_COAP_RST, 99);
	fx_expect_nothing(d);
	fx_send_empty(g, d, MN_COAP_CON, 8); /* ping */
	fx_expect(d, &m, MN_COAP_RST, MN_COAP_EMPTY);
	assert_int_equal(m.coap.id, 8);
	fx_send(g, d, MN_COAP_CON, MN_COAP_205, 9, NULL, NULL, 0, NULL, 0); /* nobody asked */
	fx_expect(d, &m, MN_COAP_RST, MN_COAP_EMPTY);
	fx_send(g, d, MN_COAP_NON, MN_COAP_205, 10, NULL, NULL, 0, NULL, 0);
	fx_expect_nothing(d);
	assert_int_equal(g->counters.inner_malformed, 4);
	assert_int_equal(g->counters.inner_pings, 1);
	assert_int_equal(g->counters.inner_unmatched, 4);
	fx_free(g);
}

static void every_message_is_counted_once(void **state)
{
	struct mn_session *d;
	struct mnd_gateway *g = begin(&d);
	const struct mnd_counters *n = &g->counters;

	(void)state;
	for (unsigned int i = 0; i < 2000; i++) {
		uint8_t junk[12];

		assert_int_equal(mn_random(junk, sizeof(junk)), 0);
		junk[0] = (uint8_t)((junk[0] & 0x3f) | 0x40);
		fx_input(g, d, junk, 4 + junk[11] % 8);
		fx_service(g, d, MN_COAP_CON, (uint16_t)i, GENERATION);
	}
	assert_int_equal(n->inner_messages_in,
			 n->inner_malformed + n->inner_pings + n->inner_acknowledgements +
				 n->inner_unmatched + n->inner_responses + n->inner_duplicates +
				 n->inner_requests_gsa + n->inner_requests_other +
				 n->inner_service_in + n->inner_refused_method +
				 n->inner_refused_option + n->inner_refused_kid +
				 n->inner_refused_size + n->inner_refused_rate +
				 n->inner_refused_busy + n->inner_refused_unavailable);
	fx_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_and_its_answer),
		cmocka_unit_test(a_non_request_gets_a_non_answer),
		cmocka_unit_test(duplicates_get_the_same_answer_and_are_not_forwarded),
		cmocka_unit_test(answers_are_forgotten_after_exchange_lifetime),
		cmocka_unit_test(sixteen_exchanges_are_remembered),
		cmocka_unit_test(a_slow_answer_is_separate),
		cmocka_unit_test(repeated_after_2_6_and_14_seconds_then_5_04),
		cmocka_unit_test(an_answer_keeps_max_age_and_loses_other_options),
		cmocka_unit_test(a_con_answer_of_the_in_is_acknowledged_once_per_copy),
		cmocka_unit_test(another_kid_is_4_03),
		cmocka_unit_test(a_shorter_and_a_longer_kid_are_4_03),
		cmocka_unit_test(an_option_without_kid_is_left_to_the_in),
		cmocka_unit_test(outer_codes_and_options),
		cmocka_unit_test(what_has_no_oscore_option_is_4_04_whatever_its_options),
		cmocka_unit_test(the_largest_message_is_coap_max_on_the_outer_hop),
		cmocka_unit_test(the_rate_of_a_device_is_limited),
		cmocka_unit_test(more_than_the_pending_limit_wait_their_turn),
		cmocka_unit_test(a_device_has_at_most_16_open),
		cmocka_unit_test(never_more_than_30000_in_any_second),
		cmocka_unit_test(without_a_session_to_the_in_5_03),
		cmocka_unit_test(loss_of_the_session_interrupts_what_is_open),
		cmocka_unit_test(requests_die_with_their_device),
		cmocka_unit_test(a_late_answer_does_not_reach_the_next_request),
		cmocka_unit_test(a_full_queue_loses_nothing),
		cmocka_unit_test(malformed_messages),
		cmocka_unit_test(every_message_is_counted_once),
	};

	mn_log_init("test_relay", MN_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
