// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/unit/in_fixture.c tools/incsed/answer.c tools/incsed/attribute.c tools/incsed/change.c tools/incsed/commit.c */
/* LINK: tools/incsed/context.c tools/incsed/control.c tools/incsed/device.c tools/incsed/direct.c tools/incsed/duplicate.c tools/incsed/gateway.c */
/* LINK: tools/incsed/group.c tools/incsed/in.c tools/incsed/instance.c tools/incsed/lineage.c tools/incsed/peer.c tools/incsed/repeat.c tools/incsed/resource.c */
/* LINK: tools/incsed/container.c tools/incsed/quick.c */
/* LINK: tools/incsed/row.c tools/incsed/service.c tools/incsed/settings.c tools/incsed/stats.c tools/incsed/table.c tools/incsed/verify.c */
/* Devices with a session of their own at the IN (proxy mode): who is let in, and what their plain requests are answered with. */
#include "in_fixture.h"

#include <errno.h>
#include <string.h>

#define CIN "{\"m2m:cin\":{\"con\":\"21.5\"}}"

static struct mnt_direct *e1;

static int setup(void **state)
{
	struct fixture *f = fixture_new();

	*state = f;
	e1 = fixture_direct(f, "E1", 0x31);
	mnt_direct_begin(f->in, e1, NULL, 1);
	return 0;
}

static int teardown(void **state)
{
	fixture_free(*state);
	return 0;
}

static struct bytes create(enum mn_coap_type type, uint16_t id, const char *rqi)
{
	return plain(type, id, 9, MN_OP_CREATE, "in-cse/cnt", CIN, rqi, "E1");
}

static struct bytes look(uint16_t id, const char *rqi, const char *from)
{
	return plain(MN_COAP_CON, id, 9, MN_OP_RETRIEVE, "in-cse", NULL, rqi, from);
}

/* What was sent since, taken off; *b is the first of it. Its number. */
static unsigned int input(struct fixture *f, const struct bytes *in, struct bytes *b)
{
	unsigned int n;

	mnt_direct_input(f->in, e1, in->data, in->len);
	mnt_commit_now(&f->in->commit);
	n = f->sent_n;
	f->sent_n = 0;
	b->len = n ? f->sent_len[0] : 0;
	memcpy(b->data, f->sent[0], b->len);
	return n;
}

/* The RSC of the answer to a CON: in its ACK, with its message ID and token. */
static unsigned int ask_direct(struct fixture *f, const struct bytes *in)
{
	struct mn_onem2m_response r = { 0 };
	struct mn_coap m, asked;
	struct bytes b;

	assert_int_equal(input(f, in, &b), 1);
	assert_int_equal(mn_coap_read(in->data, in->len, &asked, NULL), 0);
	assert_int_equal(mn_coap_read(b.data, b.len, &m, NULL), 0);
	assert_int_equal(m.type, MN_COAP_ACK);
	assert_int_equal(m.id, asked.id);
	assert_memory_equal(&m.token, &asked.token, sizeof(m.token));
	assert_int_equal(mn_onem2m_response_read(&m, &r), 0);
	mn_onem2m_response_fini(&r);
	return r.rsc;
}

static void expect_empty(const struct bytes *b, enum mn_coap_type type, uint16_t id)
{
	struct mn_coap m;

	assert_int_equal(mn_coap_read(b->data, b->len, &m, NULL), 0);
	assert_int_equal(m.code, MN_COAP_EMPTY);
	assert_int_equal(m.type, type);
	assert_int_equal(m.id, id);
}

/* ---- who is let in ---- */

static int psk(struct fixture *f, const char *identity, uint8_t *first)
{
	uint8_t key[MN_KEY_MAX];
	size_t len = 0;
	void *owner = NULL;
	int err = mnt_peer_ops.psk(f->in, (const uint8_t *)identity, strlen(identity), key, &len,
				   &owner);

	if (!err) {
		assert_int_equal(len, 16);
		assert_non_null(owner);
		*first = key[0];
	}
	return err;
}

static void direct_devices_and_gateways_have_a_psk_and_group_devices_have_none(void **state)
{
	uint8_t key = 0;

	assert_int_equal(psk(*state, "E1@in.example", &key), 0);
	assert_int_equal(key, 0x31);
	assert_int_equal(psk(*state, "gw1@in.example", &key), 0);
	assert_int_equal(key, 0x11);
	assert_int_equal(psk(*state, "D1@in.example", &key), -ENOENT);
	assert_int_equal(psk(*state, "E1", &key), -ENOENT);
	assert_int_equal(psk(*state, "E1@in.example.", &key), -ENOENT);
	assert_int_equal(psk(*state, "", &key), -ENOENT);
}

static void kid_of_a_direct_device_is_unknown_to_oscore(void **state)
{
	struct fixture *f = *state;
	struct context c;
	struct bytes b, answer;

	context_new(f, &c, "E1", 1);
	b = retrieve(&c, "r1", 9);
	answer = exchange(f, &b);
	expect_error(&answer, MN_COAP_401, "Security context not found", 0, 9);
}

static void revoked_device_is_refused_and_forgotten_only_after_half_open_handshakes(void **state)
{
	struct fixture *f = *state;
	struct mnt_device *d = e1->device;
	uint8_t key;

	mnt_direct_revoke(f->in, e1);
	mnt_device_del(&f->in->devices, d);
	assert_int_equal(psk(f, "E1@in.example", &key), -ENOENT);
	assert_null(mnt_device_by_id(&f->in->devices, "E1"));
	f->in->clock.ms += MNT_GRAVE_MS - 1;
	mnt_directs_bury(f->in);
	assert_ptr_equal(f->in->directs.grave, e1);
	assert_null(e1->device);
	f->in->clock.ms++;
	mnt_directs_bury(f->in);
	assert_null(f->in->directs.grave);
}

static void direct_devices_are_no_reason_for_a_rand(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_group(f)->members, 2);
	assert_int_equal(fixture_group(f)->direct, 1);
}

/* ---- requests ---- */

static void request_is_answered_in_the_ack(void **state)
{
	struct fixture *f = *state;
	struct bytes b = look(7, "r1", "E1");

	assert_string_equal(mnt_direct_state(e1), "offline"); /* the fixture has no sessions */
	assert_int_equal(ask_direct(f, &b), MN_RSC_OK);
	assert_true(e1->authenticated);
	assert_int_equal(f->in->stats.direct_service_in, 1);
	assert_int_equal(f->in->stats.direct_answers_out, 1);
	assert_int_equal(f->in->stats.service_in, 0);
	assert_int_equal(f->in->stats.direct_handshakes_in, 1);
	assert_int_equal(f->in->stats.direct_replies_out, 1);
}

static void from_is_the_device_itself_or_absent(void **state)
{
	struct fixture *f = *state;
	struct bytes b = look(1, "r1", NULL);

	assert_int_equal(ask_direct(f, &b), MN_RSC_OK);
	b = look(2, "r2", "\xef\xbc\xa5\x31"); /* fullwidth E: the same after NFKC */
	assert_int_equal(ask_direct(f, &b), MN_RSC_OK);
	b = look(3, "r3", "D1");
	assert_int_equal(ask_direct(f, &b), MN_RSC_NO_PRIVILEGE);
	b = plain(MN_COAP_CON, 4, 9, MN_OP_CREATE, "in-cse/cnt", CIN, "r4", "D1");
	assert_int_equal(ask_direct(f, &b), MN_RSC_NO_PRIVILEGE);
	assert_int_equal(fixture_instances(f), 0);
}

static void nothing_is_sent_before_the_batch_is_durable(void **state)
{
	struct fixture *f = *state;
	struct bytes b = create(MN_COAP_CON, 1, "r1");

	mnt_direct_input(f->in, e1, b.data, b.len);
	mnt_direct_input(f->in, e1, b.data,
			 b.len); /* a retransmission meanwhile gets nothing either */
	assert_int_equal(f->sent_n, 0);
	assert_int_equal(mnt_commit_now(&f->in->commit), 0);
	assert_int_equal(f->sent_n, 1);
	assert_int_equal(fixture_instances(f), 1);
}

static void retransmission_gets_the_same_bytes_and_is_not_executed(void **state)
{
	struct fixture *f = *state;
	struct bytes b = look(1, "r1", NULL), first, again;

	assert_int_equal(input(f, &b, &first), 1);
	assert_int_equal(input(f, &b, &again), 1);
	assert_int_equal(again.len, first.len);
	assert_memory_equal(again.data, first.data, first.len);
	assert_int_equal(f->in->stats.executed, 1);
	assert_int_equal(f->in->stats.direct_service_in, 1);
	assert_int_equal(f->in->stats.direct_duplicates, 1);
}

static void retransmission_is_told_from_a_new_request_by_time_and_session(void **state)
{
	struct fixture *f = *state;
	struct bytes b = look(1, "r1", NULL);

	assert_int_equal(ask_direct(f, &b), MN_RSC_OK);
	f->in->clock.ms += MNT_DUPLICATE_MS;
	assert_int_equal(ask_direct(f, &b), MN_RSC_OK);
	assert_int_equal(f->in->stats.executed, 1);
	f->in->clock.ms++;
	assert_int_equal(ask_direct(f, &b), MN_RSC_OK);
	assert_int_equal(f->in->stats.executed, 2);
	mnt_direct_begin(f->in, e1, NULL, 2);
	assert_int_equal(ask_direct(f, &b), MN_RSC_OK);
	assert_int_equal(f->in->stats.executed, 3);
	assert_int_equal(f->in->stats.direct_service_in, 3);
}

static void retry_is_answered_and_never_executed_twice(void **state)
{
	struct fixture *f = *state;
	struct bytes b = create(MN_COAP_CON, 1, "r1");

	assert_int_equal(ask_direct(f, &b), MN_RSC_CREATED);
	b = create(MN_COAP_CON, 2, "r1");
	assert_int_equal(ask_direct(f, &b), MN_RSC_CREATED);
	mnt_direct_begin(f->in, e1, NULL, 2);
	b = create(MN_COAP_CON, 1, "r1");
	assert_int_equal(ask_direct(f, &b), MN_RSC_CREATED);
	assert_int_equal(f->in->stats.retries, 2);
	assert_int_equal(fixture_instances(f), 1);
	b = plain(MN_COAP_CON, 2, 9, MN_OP_CREATE, "in-cse/cnt", "{\"m2m:cin\":{\"con\":\"22\"}}",
		  "r1", "E1");
	assert_int_equal(ask_direct(f, &b), MN_RSC_BAD_REQUEST);
	assert_int_equal(fixture_instances(f), 1);
}

static void retry_after_a_crash_is_not_executed_again(void **state)
{
	struct fixture *f = *state;
	struct bytes b = create(MN_COAP_CON, 1, "r1");

	assert_int_equal(ask_direct(f, &b), MN_RSC_CREATED);
	fixture_crash(f);
	fixture_start(f);
	e1 = fixture_device(f, "E1")->direct;
	assert_non_null(e1);
	mnt_direct_begin(f->in, e1, NULL, 1);
	assert_int_equal(ask_direct(f, &b), MN_RSC_CREATED);
	assert_int_equal(f->in->stats.retries, 1);
	assert_int_equal(fixture_instances(f), 1);
}

static void failed_batch_is_5000_and_leaves_no_effect(void **state)
{
	struct fixture *f = *state;
	struct bytes b = create(MN_COAP_CON, 1, "r1");

	assert_int_equal(mn_store_begin(f->in->store), 0); /* in the way of the IN's own */
	assert_int_equal(ask_direct(f, &b), MN_RSC_INTERNAL);
	mn_store_rollback(f->in->store);
	assert_int_equal(fixture_instances(f), 0);
	b = create(MN_COAP_CON, 2, "r1"); /* the device's retry */
	assert_int_equal(ask_direct(f, &b), MN_RSC_CREATED);
}

static void session_that_ends_takes_its_answers_along(void **state)
{
	struct fixture *f = *state;
	struct bytes b = create(MN_COAP_CON, 1, "r1");

	mnt_direct_input(f->in, e1, b.data, b.len);
	assert_int_equal(e1->held, 1);
	mnt_direct_begin(f->in, e1, NULL, 2); /* answered on the session before */
	assert_int_equal(e1->held, 0);
	assert_int_equal(f->sent_n, 1);
	assert_int_equal(e1->answers, 0);
}

static void non_confirmable_request_is_answered_so_and_a_second_copy_ignored(void **state)
{
	struct fixture *f = *state;
	struct bytes b = create(MN_COAP_NON, 0x1234, "r1"), out;
	struct mn_coap m;

	assert_int_equal(input(f, &b, &out), 1);
	assert_int_equal(mn_coap_read(out.data, out.len, &m, NULL), 0);
	assert_int_equal(m.type, MN_COAP_NON);
	assert_int_equal(m.code, MN_COAP_201);
	assert_int_equal(m.token.bytes[0], 9);
	assert_int_equal(input(f, &b, &out), 0);
	assert_int_equal(fixture_instances(f), 1);
}

static void oscore_is_refused(void **state)
{
	struct fixture *f = *state;
	struct bytes b = { 0 }, out;
	struct context c;
	struct mn_coap m;

	context_new(f, &c, "D1", 1);
	b = retrieve(&c, "r1", 9);
	assert_int_equal(input(f, &b, &out), 1);
	assert_int_equal(mn_coap_read(out.data, out.len, &m, NULL), 0);
	assert_int_equal(m.code, MN_COAP_402);
	assert_int_equal(m.type, MN_COAP_NON);
	assert_int_equal(f->in->stats.contexts_new, 0);
	assert_int_equal(f->in->stats.executed, 0);
	assert_int_equal(f->in->stats.refused_option, 1);
	assert_false(e1->authenticated);
}

static void ping_and_what_cannot_be_read_are_reset(void **state)
{
	struct fixture *f = *state;
	const struct bytes ping = { .len = 4, .data = { 0x40, 0, 0, 5 } };
	const struct bytes bad_con = { .len = 5, .data = { 0x40, 1, 0, 6, 0xff } };
	const struct bytes bad_non = { .len = 5, .data = { 0x50, 1, 0, 7, 0xff } };
	const struct bytes response = { .len = 4, .data = { 0x40, 0x45, 0, 8 } };
	const struct bytes ack = { .len = 4, .data = { 0x60, 0, 0, 9 } };
	const struct bytes reset = { .len = 4, .data = { 0x70, 0, 0, 10 } };
	struct bytes out;

	assert_int_equal(input(f, &ping, &out), 1);
	expect_empty(&out, MN_COAP_RST, 5);
	assert_int_equal(input(f, &bad_con, &out), 1);
	expect_empty(&out, MN_COAP_RST, 6);
	assert_int_equal(input(f, &response, &out), 1);
	expect_empty(&out, MN_COAP_RST, 8);
	assert_int_equal(input(f, &bad_non, &out), 0);
	assert_int_equal(input(f, &ack, &out), 0);
	assert_int_equal(input(f, &reset, &out), 0);
	assert_int_equal(f->in->stats.pings_in, 1);
	assert_int_equal(f->in->stats.drop_coap, 5);
	assert_int_equal(f->in->stats.resets_out, 3);
	assert_int_equal(f->in->stats.direct_service_in, 0);
}

static void what_is_kept_of_duplicates_is_bounded(void **state)
{
	struct mnt_duplicates t;
	uint8_t answer[1152] = { 0 };
	struct mnt_duplicate *e;

	(void)state;
	assert_int_equal(mnt_duplicates_init(&t), 0);
	for (uint64_t i = 0; i < MNT_DUPLICATES_MAX + 10; i++) {
		uint64_t hash = mnt_duplicate_hash(i, (const uint8_t *)"x", 1);

		mnt_duplicate_add(&t, hash, i, 1, 0);
		e = mnt_duplicate_find(&t, hash, i, 1, 0);
		assert_non_null(e);
		assert_null(mnt_duplicate_find(&t, hash, i, 2, 0));
		mnt_duplicate_answer(&t, e, answer, sizeof(answer));
		assert_true(t.bytes <= MNT_DUPLICATE_BYTES);
	}
	assert_true(t.table.n >= MNT_DUPLICATE_BYTES / sizeof(answer));
	assert_true(t.table.n <= MNT_DUPLICATE_BYTES / sizeof(answer) + 1);
	assert_null(mnt_duplicate_find(&t, 0, 0, 0, MNT_DUPLICATE_MS + 1));
	assert_int_equal(t.table.n, 0);
	assert_int_equal(t.bytes, 0);
	mnt_duplicates_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(direct_devices_and_gateways_have_a_psk_and_group_devices_have_none),
		T(kid_of_a_direct_device_is_unknown_to_oscore),
		T(revoked_device_is_refused_and_forgotten_only_after_half_open_handshakes),
		T(direct_devices_are_no_reason_for_a_rand),
		T(request_is_answered_in_the_ack),
		T(from_is_the_device_itself_or_absent),
		T(nothing_is_sent_before_the_batch_is_durable),
		T(retransmission_gets_the_same_bytes_and_is_not_executed),
		T(retransmission_is_told_from_a_new_request_by_time_and_session),
		T(retry_is_answered_and_never_executed_twice),
		T(retry_after_a_crash_is_not_executed_again),
		T(failed_batch_is_5000_and_leaves_no_effect),
		T(session_that_ends_takes_its_answers_along),
		T(non_confirmable_request_is_answered_so_and_a_second_copy_ignored),
		T(oscore_is_refused),
		T(ping_and_what_cannot_be_read_are_reset),
		cmocka_unit_test(what_is_kept_of_duplicates_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
