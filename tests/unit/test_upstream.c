// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/unit/gateway_fixture.c daemon/relay.c daemon/reply.c daemon/device.c daemon/service.c daemon/gsa.c */
/* LINK: daemon/fanout.c daemon/group.c daemon/upstream.c daemon/upstream_gsa.c daemon/buffer.c daemon/keyring.c */
/* LINK: daemon/credentials.c */
/* The gateway's side of the outer hop: the IN's requests, keepalive, and coming back (docs/protocol.md "Outer authentication"). */
#include <string.h>

#include "gateway_fixture.h"
#include "log.h"

static void expect_ack(struct mnd_gateway *g, uint16_t id, uint8_t code)
{
	struct fx_message m;

	fx_run(g, 0);
	fx_expect(fx_outer(), &m, MN_COAP_ACK, code);
	assert_int_equal(m.coap.id, id);
	fx_expect_nothing(fx_outer());
}

static void post(struct mnd_gateway *g, uint16_t id, uint8_t code, uint8_t format,
		 const void *payload, size_t len)
{
	const struct fx_option options[] = { { MN_COAP_OPT_URI_PATH, "gsa", 3 },
					     { MN_COAP_OPT_CONTENT_FORMAT, &format, 1 } };

	fx_send(g, fx_outer(), MN_COAP_CON, code, id, NULL, options, format ? 2 : 1, payload, len);
}

static void generations_only_grow(void **state)
{
	struct mnd_gateway *g = fx_new(1, true);

	(void)state;
	fx_rand(g, 1, "g1", 1000, 0x11);
	expect_ack(g, 1, MN_COAP_204);
	fx_rand(g, 2, "g1", 1000, 0x11); /* already held */
	expect_ack(g, 2, MN_COAP_204);
	fx_rand(g, 3, "g1", 1000, 0x12); /* the same generation, another Rand */
	expect_ack(g, 3, MN_COAP_409);
	fx_rand(g, 4, "g1", 999, 0x13);
	expect_ack(g, 4, MN_COAP_409);
	fx_rand(g, 5, "g1", 1001, 0x14);
	expect_ack(g, 5, MN_COAP_204);
	fx_rand(g, 6, "g2", 1, 0x15); /* each group has its own */
	expect_ack(g, 6, MN_COAP_204);
	fx_rand(g, 7, "g3", 1, 0x15);
	expect_ack(g, 7, MN_COAP_404);
	assert_int_equal(g->counters.outer_rand_in, 7);
	assert_int_equal(g->counters.outer_rand_refused, 3);
	fx_free(g);
}

static void a_group_without_devices_is_unknown(void **state)
{
	struct mnd_gateway *g = fx_new(1, true);
	struct mnd_group *group = mnd_group_find(&g->groups, "g2", false);

	(void)state;
	assert_int_equal(mnd_groups_count(&g->groups), 2);
	group->members = 0;
	assert_int_equal(mnd_groups_count(&g->groups), 1);
	fx_rand(g, 1, "g2", 1000, 0x11);
	expect_ack(g, 1, MN_COAP_404);
	group->configured = true;
	fx_rand(g, 2, "g2", 1000, 0x11);
	expect_ack(g, 2, MN_COAP_204);
	fx_free(g);
}

static int generation_of(void *arg, const struct mn_generation *stored)
{
	uint32_t *found = arg;

	if (!strcmp(stored->group, "g1") && stored->generation > *found)
		*found = stored->generation;
	return 0;
}

static void a_generation_is_durable_before_it_is_acknowledged(void **state)
{
	struct mnd_gateway *g = fx_new(1, true);
	struct mnd_groups loaded;
	struct fx_message m;
	uint32_t found = 0;

	(void)state;
	fx_rand(g, 1, "g1", 1000, 0x11);
	expect_ack(g, 1, MN_COAP_204);
	fx_rand(g, 2, "g1", 1001, 0x12);
	expect_ack(g, 2, MN_COAP_204);
	assert_int_equal(mn_store_generation_each(g->store, generation_of, &found), 0);
	assert_int_equal(found, 1001);
	/* what the next start finds */
	mnd_groups_init(&loaded);
	assert_int_equal(mnd_groups_load(&loaded, g->store), 0);
	assert_int_equal(mnd_group_find(&loaded, "g1", false)->generation, 1001);
	assert_int_equal(mnd_group_find(&loaded, "g1", false)->rand[31], 0x12);
	mnd_groups_fini(&loaded);
	assert_false(fx_take(fx_outer(), &m));
	fx_free(g);
}

static void many_groups_at_once_are_all_acknowledged(void **state)
{
	struct mnd_gateway *g = fx_new(1, true);
	unsigned int acks = 0;
	struct fx_message m;
	char name[16];

	(void)state;
	for (unsigned int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "many%u", i);
		mnd_group_find(&g->groups, name, true)->configured = true;
	}
	fx_hold();
	for (unsigned int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "many%u", i);
		fx_rand(g, (uint16_t)(100 + i), name, 1000, 0x11);
	}
	fx_run(g, 0);
	while (fx_take(fx_outer(), &m)) {
		assert_int_equal(m.coap.code, MN_COAP_204);
		acks++;
	}
	assert_int_equal(acks, 100);
	fx_free(g);
}

static void retransmissions_of_the_in_get_the_same_answer(void **state)
{
	struct mnd_gateway *g = fx_new(1, true);

	(void)state;
	fx_rand(g, 1, "g1", 1000, 0x11);
	expect_ack(g, 1, MN_COAP_204);
	fx_rand(g, 2, "g1", 1001, 0x12);
	expect_ack(g, 2, MN_COAP_204);
	fx_rand(g, 1, "g1", 1000, 0x11); /* delayed: it was taken then */
	expect_ack(g, 1, MN_COAP_204);
	assert_int_equal(g->counters.outer_rand_in, 2);
	fx_free(g);
}

static void malformed_rand_messages(void **state)
{
	uint8_t good[64] = { 0x83, 0x19, 0x03, 0xe8, 0x58, 0x20 };
	struct mnd_gateway *g = fx_new(1, true);

	(void)state;
	memset(good + 6, 0x11, 32);
	memcpy(good + 38, "\x62g1", 3);
	post(g, 1, MN_COAP_POST, 60, good, 40); /* cut */
	expect_ack(g, 1, MN_COAP_400);
	post(g, 2, MN_COAP_POST, 60, good, 42); /* a byte too many */
	expect_ack(g, 2, MN_COAP_400);
	good[5] = 31;
	post(g, 3, MN_COAP_POST, 60, good, 41);
	expect_ack(g, 3, MN_COAP_400);
	good[5] = 32;
	post(g, 4, MN_COAP_POST, 60, NULL, 0);
	expect_ack(g, 4, MN_COAP_400);
	post(g, 5, MN_COAP_POST, 50, good, 41);
	expect_ack(g, 5, MN_COAP_415);
	post(g, 6, MN_COAP_POST, 0, good, 41); /* none */
	expect_ack(g, 6, MN_COAP_415);
	post(g, 7, MN_COAP_GET, 0, NULL, 0);
	expect_ack(g, 7, MN_COAP_405);
	post(g, 8, MN_COAP_PUT, 60, good, 41);
	expect_ack(g, 8, MN_COAP_405);
	assert_false(mnd_group_find(&g->groups, "g1", false)->has_rand);
	post(g, 9, MN_COAP_POST, 60, good, 41);
	expect_ack(g, 9, MN_COAP_204);
	fx_free(g);
}

static void other_requests_of_the_in(void **state)
{
	const struct fx_option path = { MN_COAP_OPT_URI_PATH, "other", 5 };
	const struct fx_option critical[] = { { MN_COAP_OPT_URI_PATH, "gsa", 3 },
					      { MN_COAP_OPT_BLOCK1, "\x02", 1 } };
	struct mnd_gateway *g = fx_new(1, true);
	struct fx_message m;

	(void)state;
	fx_send(g, fx_outer(), MN_COAP_CON, MN_COAP_POST, 1, NULL, &path, 1, NULL, 0);
	expect_ack(g, 1, MN_COAP_404);
	fx_send(g, fx_outer(), MN_COAP_CON, MN_COAP_POST, 2, NULL, critical, 2, NULL, 0);
	expect_ack(g, 2, MN_COAP_402);
	fx_send(g, fx_outer(), MN_COAP_NON, MN_COAP_GET, 3, NULL, &path, 1, NULL, 0);
	fx_expect(fx_outer(), &m, MN_COAP_NON, MN_COAP_404);
	fx_send_empty(g, fx_outer(), MN_COAP_CON, 4);
	fx_expect(fx_outer(), &m, MN_COAP_RST, MN_COAP_EMPTY);
	assert_int_equal(m.coap.id, 4);
	fx_input(g, fx_outer(), "\x40\x01\x00\x05\xff", 5);
	fx_expect(fx_outer(), &m, MN_COAP_RST, MN_COAP_EMPTY);
	fx_send(g, fx_outer(), MN_COAP_CON, MN_COAP_205, 6, NULL, NULL, 0, NULL, 0);
	fx_expect(fx_outer(), &m, MN_COAP_RST, MN_COAP_EMPTY);
	fx_send(g, fx_outer(), MN_COAP_NON, MN_COAP_205, 7, NULL, NULL, 0, NULL, 0);
	fx_expect_nothing(fx_outer());
	fx_free(g);
}

static void three_lost_pings_end_the_session(void **state)
{
	struct mnd_gateway *g = fx_new(1, true);
	uint64_t start = fx_now();
	struct fx_message m;

	(void)state;
	fx_run(g, 14900);
	fx_expect_nothing(fx_outer());
	fx_run(g, 200);
	fx_expect(fx_outer(), &m, MN_COAP_CON, MN_COAP_EMPTY);
	/* answered: nothing is lost */
	fx_send_empty(g, fx_outer(), MN_COAP_RST, m.coap.id);
	fx_run(g, 16000);
	fx_expect(fx_outer(), &m, MN_COAP_CON, MN_COAP_EMPTY);
	fx_send_empty(g, fx_outer(), MN_COAP_RST, m.coap.id);
	start = fx_now();
	fx_run(g, 59000);
	assert_false(fx_closing(fx_outer()));
	fx_run(g, start + 60100 - fx_now());
	assert_true(fx_closing(fx_outer()));
	assert_int_equal(g->counters.outer_pings_lost, 3);
	fx_outer_close(g, MN_CLOSE_LOCAL);
	fx_run(g, 2000);
	assert_non_null(fx_outer());
	fx_free(g);
}

static void attempts_are_spaced_from_1_to_60_s(void **state)
{
	struct mnd_gateway *g = fx_new(1, false);
	uint64_t least = 1000;

	(void)state;
	for (int i = 0; i < 12; i++) {
		uint64_t start;

		assert_non_null(fx_outer());
		fx_outer_close(g, MN_CLOSE_TIMEOUT);
		start = fx_now();
		while (!fx_outer())
			fx_run(g, 4);
		assert_in_range(fx_now() - start, least, least * 3 / 2 + 8);
		least = least * 2 > 60000 ? 60000 : least * 2;
		if (least == 60000)
			assert_true(fx_now() - start <= 60008);
	}
	/* success starts again at 1 s */
	fx_outer_open(g);
	fx_outer_close(g, MN_CLOSE_PEER);
	fx_run(g, 1508);
	assert_non_null(fx_outer());
	fx_free(g);
}

static void an_aged_session_is_renewed_at_once(void **state)
{
	struct mnd_gateway *g = fx_new(1, true);

	(void)state;
	fx_outer_close(g, MN_CLOSE_AGE);
	fx_run(g, 8);
	assert_non_null(fx_outer());
	fx_free(g);
}

static void another_in_needs_a_credential(void **state)
{
	struct mnd_gateway *g = fx_new(1, true);
	char err[256];

	(void)state;
	assert_true(mnd_upstream_configure(&g->upstream, "192.0.2.1:5684", "in-cse-2", err) < 0);
	assert_non_null(strstr(err, "in-cse-2"));
	assert_false(fx_closing(fx_outer()));
	/* the same again changes nothing, another address makes a new session */
	assert_int_equal(mnd_upstream_configure(&g->upstream, "192.0.2.1", "in-cse-1", err), 0);
	assert_false(fx_closing(fx_outer()));
	assert_int_equal(mnd_upstream_configure(&g->upstream, "192.0.2.2", "in-cse-1", err), 0);
	assert_true(fx_closing(fx_outer()));
	fx_free(g);
}

static void a_session_lost_before_the_store_is_written(void **state)
{
	struct mnd_gateway *g = fx_new(1, true);
	struct fx_message m;

	(void)state;
	/* the deferred commit finds a newer session: the old one's ACK is not sent on it */
	fx_rand(g, 1, "g1", 1000, 0x11);
	while (fx_take(fx_outer(), &m))
		;
	g->upstream.acks[g->upstream.n_acks++] = (struct mnd_upstream_ack){ true, 2, { 0 } };
	fx_outer_close(g, MN_CLOSE_PEER);
	fx_run(g, 2000);
	fx_outer_open(g);
	mn_loop_defer(NULL, &g->upstream.commit);
	fx_run(g, 0);
	fx_expect_nothing(fx_outer());
	fx_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(generations_only_grow),
		cmocka_unit_test(a_group_without_devices_is_unknown),
		cmocka_unit_test(a_generation_is_durable_before_it_is_acknowledged),
		cmocka_unit_test(many_groups_at_once_are_all_acknowledged),
		cmocka_unit_test(retransmissions_of_the_in_get_the_same_answer),
		cmocka_unit_test(malformed_rand_messages),
		cmocka_unit_test(other_requests_of_the_in),
		cmocka_unit_test(three_lost_pings_end_the_session),
		cmocka_unit_test(attempts_are_spaced_from_1_to_60_s),
		cmocka_unit_test(an_aged_session_is_renewed_at_once),
		cmocka_unit_test(another_in_needs_a_credential),
		cmocka_unit_test(a_session_lost_before_the_store_is_written),
	};

	mn_log_init("test_upstream", MN_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
