// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/unit/in_fixture.c tools/incsed/answer.c tools/incsed/attribute.c tools/incsed/change.c tools/incsed/commit.c */
/* LINK: tools/incsed/context.c tools/incsed/control.c tools/incsed/device.c tools/incsed/direct.c tools/incsed/duplicate.c tools/incsed/gateway.c */
/* LINK: tools/incsed/group.c tools/incsed/in.c tools/incsed/instance.c tools/incsed/lineage.c tools/incsed/peer.c tools/incsed/repeat.c tools/incsed/resource.c */
/* LINK: tools/incsed/container.c tools/incsed/quick.c */
/* LINK: tools/incsed/row.c tools/incsed/service.c tools/incsed/settings.c tools/incsed/stats.c tools/incsed/table.c tools/incsed/verify.c */
/* Service requests as the IN gets them from a gateway: the checks in their order, and what each is answered with. */
#include "in_fixture.h"

#include <string.h>

#define NOT_FOUND "Security context not found"
#define CIN "{\"m2m:cin\":{\"con\":\"21.5\"}}"

static int setup(void **state)
{
	*state = fixture_new();
	return 0;
}

static int teardown(void **state)
{
	fixture_free(*state);
	return 0;
}

/* ---- what is taken ---- */

static void first_valid_request_is_answered_under_the_context_and_authenticates(void **state)
{
	struct fixture *f = *state;
	struct context c;
	struct bytes b;

	context_new(f, &c, "D1", 1);
	b = retrieve(&c, "r1", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
	assert_int_equal(fixture_device(f, "D1")->authenticated, fixture_group(f)->current.number);
	assert_int_equal(fixture_group(f)->authenticated, 1);
	assert_int_equal(f->in->stats.authenticated, 1);
	assert_int_equal(f->in->stats.service_in, 1);
	b = retrieve(&c, "r2", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
	assert_int_equal(f->in->stats.authenticated, 1);
	assert_int_equal(f->in->stats.contexts_new, 1);
}

static void answer_has_the_content_format_of_the_request(void **state)
{
	struct fixture *f = *state;
	struct context c;
	struct bytes b;

	context_new(f, &c, "D1", 1);
	b = request(&c, MN_OP_CREATE, "in-cse/cnt", 4, CIN, "r1", NULL, 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_CREATED);
	assert_int_equal(c.format, MN_COAP_FORMAT_JSON);
	c.format = MN_COAP_FORMAT_CBOR;
	b = request(&c, MN_OP_CREATE, "in-cse/cnt", 4, CIN, "r2", NULL, 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_CREATED);
	assert_int_equal(c.format, MN_COAP_FORMAT_CBOR);
}

static void nothing_is_sent_before_the_batch_is_durable(void **state)
{
	struct fixture *f = *state;
	struct context c;
	struct bytes b;

	context_new(f, &c, "D1", 1);
	b = retrieve(&c, "r1", 9);
	feed(&f->link, &b);
	feed(&f->link, &b); /* a repetition meanwhile gets nothing either */
	assert_int_equal(f->sent_n, 0);
	assert_int_equal(mnt_commit_now(&f->in->commit), 0);
	assert_int_equal(f->sent_n, 1);
}

static void previous_generation_is_taken_for_the_grace_only(void **state)
{
	struct fixture *f = *state;
	struct mnt_group *g = fixture_group(f);
	struct context c;
	struct bytes b;

	context_new(f, &c, "D1", 1);
	fixture_draw(g);
	b = retrieve(&c, "r1", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
	assert_int_equal(g->authenticated, 0); /* of the new generation nothing was proven */
	f->in->clock.ms += 59999;
	b = retrieve(&c, "r2", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
	f->in->clock.ms += 1;
	b = retrieve(&c, "r3", 9);
	b = exchange(f, &b);
	expect_error(&b, MN_COAP_401, NOT_FOUND, 0, 9);
}

static void previous_generation_ends_after_ten_minutes_without_the_gateways_answer(void **state)
{
	struct fixture *f = *state;
	struct mnt_group *g = fixture_group(f);
	struct context c;
	struct bytes b;

	context_new(f, &c, "D1", 1);
	assert_int_equal(mnt_group_draw(g), 0);
	assert_int_equal(mnt_commit_now(&f->in->commit), 0);
	f->in->clock.ms += 599999;
	b = retrieve(&c, "r1", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
	f->in->clock.ms += 1;
	b = retrieve(&c, "r2", 9);
	b = exchange(f, &b);
	expect_error(&b, MN_COAP_401, NOT_FOUND, 0, 9);
}

/* ---- repetitions, replays, retries ---- */

static void repetition_of_the_gateway_gets_the_same_bytes(void **state)
{
	struct fixture *f = *state;
	struct bytes b, first, second;
	struct context c;

	context_new(f, &c, "D1", 1);
	b = request(&c, MN_OP_CREATE, "in-cse/cnt", 4, CIN, "r1", "D1", 9);
	first = exchange(f, &b);
	b.data[2] ^= 0x55; /* the gateway takes a new message ID */
	second = exchange(f, &b);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.data, second.data, 2);
	assert_memory_not_equal(first.data + 2, second.data + 2, 2);
	assert_memory_equal(first.data + 4, second.data + 4, first.len - 4);
	assert_int_equal(f->in->stats.service_in, 1);
	assert_int_equal(f->in->stats.repeats_in, 1);
	assert_int_equal(fixture_instances(f), 1);
}

static void used_partial_iv_in_any_other_message_is_a_replay(void **state)
{
	struct fixture *f = *state;
	struct context c;
	struct bytes b, other, answer;

	context_new(f, &c, "D1", 1);
	b = retrieve(&c, "r1", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
	other = b;
	other.data[4] = 10; /* another token */
	answer = exchange(f, &other);
	expect_error(&answer, MN_COAP_401, "Replay detected", 0, 10);
	/* the same bytes on another session, which has no right to the device either */
	f->link.gateway = f->gateway;
	mnt_repeats_fini(&f->link.repeats);
	assert_int_equal(mnt_repeats_init(&f->link.repeats), 0);
	answer = exchange(f, &b);
	expect_error(&answer, MN_COAP_401, "Replay detected", 0, 9);
}

static void partial_iv_below_the_window_is_a_replay(void **state)
{
	struct fixture *f = *state;
	struct context c;
	struct bytes b;

	context_new(f, &c, "D1", 1);
	c.o.sender_seq = 40;
	b = retrieve(&c, "r1", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
	c.o.sender_seq = 9;
	b = retrieve(&c, "r2", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK); /* the last that 32 numbers hold */
	c.o.sender_seq = 8;
	b = retrieve(&c, "r3", 9);
	b = exchange(f, &b);
	expect_error(&b, MN_COAP_401, "Replay detected", 0, 9);
}

static void retry_gets_the_stored_answer_and_is_not_executed_again(void **state)
{
	struct fixture *f = *state;
	json_t *first, *second;
	struct context c, d;
	struct bytes b;

	context_new(f, &c, "D1", 1);
	b = request(&c, MN_OP_CREATE, "in-cse/cnt", 4, CIN, "r1", "D1", 9);
	assert_int_equal(ask(f, &c, &b, &first), MN_RSC_CREATED);
	b = request(&c, MN_OP_CREATE, "in-cse/cnt", 4, CIN, "r1", "D1", 10);
	assert_int_equal(ask(f, &c, &b, &second), MN_RSC_CREATED);
	assert_true(json_equal(first, second));
	json_decref(second);
	context_new(f, &d, "D1", 2); /* also under another context */
	b = request(&d, MN_OP_CREATE, "in-cse/cnt", 4, CIN, "r1", "D1", 11);
	assert_int_equal(ask(f, &d, &b, &second), MN_RSC_CREATED);
	assert_true(json_equal(first, second));
	assert_int_equal(fixture_instances(f), 1);
	assert_int_equal(f->in->stats.retries, 2);
	json_decref(first);
	json_decref(second);
}

static void retry_in_the_same_batch_waits_for_the_outcome(void **state)
{
	struct fixture *f = *state;
	struct bytes b, answers[2];
	struct context c, first;

	context_new(f, &c, "D1", 1);
	b = request(&c, MN_OP_CREATE, "in-cse/cnt", 4, CIN, "r1", "D1", 9);
	first = c;
	feed(&f->link, &b);
	b = request(&c, MN_OP_CREATE, "in-cse/cnt", 4, CIN, "r1", "D1", 10);
	feed(&f->link, &b);
	assert_int_equal(mnt_commit_now(&f->in->commit), 0);
	assert_int_equal(f->sent_n, 2);
	for (int i = 0; i < 2; i++) {
		answers[i].len = f->sent_len[i];
		memcpy(answers[i].data, f->sent[i], f->sent_len[i]);
	}
	assert_int_equal(open_answer(&first, &answers[0], NULL), MN_RSC_CREATED);
	assert_int_equal(open_answer(&c, &answers[1], NULL), MN_RSC_CREATED);
	assert_int_equal(fixture_instances(f), 1);
}

static void another_request_with_a_used_rqi_is_4000(void **state)
{
	struct fixture *f = *state;
	struct context c;
	struct bytes b;

	context_new(f, &c, "D1", 1);
	b = request(&c, MN_OP_CREATE, "in-cse/cnt", 4, CIN, "r1", "D1", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_CREATED);
	b = request(&c, MN_OP_CREATE, "in-cse/cnt", 4, "{\"m2m:cin\":{\"con\":\"22\"}}", "r1", "D1",
		    9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_BAD_REQUEST);
	assert_int_equal(fixture_instances(f), 1);
	/* another device's RQIs are its own */
	context_new(f, &c, "D2", 1);
	b = request(&c, MN_OP_CREATE, "in-cse/cnt", 4, CIN, "r1", "D2", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_CREATED);
}

static void retrieve_is_executed_each_time(void **state)
{
	struct fixture *f = *state;
	struct context c;
	struct bytes b;
	json_t *content;

	context_new(f, &c, "D1", 1);
	b = request(&c, MN_OP_RETRIEVE, "in-cse/cnt", 0, NULL, "r1", "D1", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
	b = request(&c, MN_OP_CREATE, "in-cse/cnt", 4, CIN, "r2", "D1", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_CREATED);
	b = request(&c, MN_OP_RETRIEVE, "in-cse/cnt", 0, NULL, "r1", "D1", 9);
	assert_int_equal(ask(f, &c, &b, &content), MN_RSC_OK);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(content, "m2m:cnt"), "cni")), 1);
	json_decref(content);
}

/* ---- what is refused ---- */

static void unknown_foreign_and_revoked_devices_look_the_same(void **state)
{
	struct fixture *f = *state;
	struct context unknown, foreign, revoked;
	struct bytes b;

	context_new(f, &unknown, "D1", 1);
	unknown.o.sender_id[0] ^= 1;
	b = retrieve(&unknown, "r1", 9);
	b = exchange(f, &b);
	expect_error(&b, MN_COAP_401, NOT_FOUND, 0, 9);
	context_new(f, &foreign, "D3", 1); /* mapped to gw2 */
	b = retrieve(&foreign, "r1", 9);
	b = exchange(f, &b);
	expect_error(&b, MN_COAP_401, NOT_FOUND, 0, 9);
	context_new(f, &revoked, "D2", 1);
	b = retrieve(&revoked, "r1", 9);
	assert_int_equal(ask(f, &revoked, &b, NULL), MN_RSC_OK);
	mnt_device_del(&f->in->devices, fixture_device(f, "D2"));
	b = retrieve(&revoked, "r2", 9);
	b = exchange(f, &b);
	expect_error(&b, MN_COAP_401, NOT_FOUND, 0, 9);
	assert_int_equal(f->in->stats.refused_context, 3);
}

static void other_generations_are_not_found(void **state)
{
	struct fixture *f = *state;
	struct mnt_generation g = fixture_group(f)->current;
	struct context c;
	struct bytes b;

	g.number++;
	context_new_at(f, &c, "D1", &g, 1);
	b = retrieve(&c, "r1", 9);
	b = exchange(f, &b);
	expect_error(&b, MN_COAP_401, NOT_FOUND, 0, 9);
	g.number -= 2;
	context_new_at(f, &c, "D1", &g, 1);
	b = retrieve(&c, "r1", 9);
	b = exchange(f, &b);
	expect_error(&b, MN_COAP_401, NOT_FOUND, 0, 9);
}

/* A message with this OSCORE option and payload. */
static struct bytes with_option(uint8_t code, const void *option, size_t len, const char *payload,
				uint16_t more)
{
	const struct mn_coap_token t = { .len = 1, .bytes = { 9 } };
	struct mn_coap_writer w;
	struct bytes b;

	mn_coap_begin(&w, b.data, sizeof(b.data), MN_COAP_NON, code, 7, &t);
	if (option)
		mn_coap_put(&w, MN_COAP_OPT_OSCORE, option, len);
	if (more)
		mn_coap_put(&w, more, "x", 1);
	mn_coap_put_payload(&w, payload, strlen(payload));
	b.len = (size_t)mn_coap_finish(&w);
	return b;
}

static struct bytes with_context(struct fixture *f, size_t context_len, const char *payload)
{
	const struct mnt_device *d = fixture_device(f, "D1");
	uint8_t option[64], context[16] = { 0 };
	int n = mn_oscore_option_write((const uint8_t *)"\x05", 1, d->kid, sizeof(d->kid), true,
				       context_len ? context : NULL, context_len, option,
				       sizeof(option));

	assert_true(n > 0);
	return with_option(MN_COAP_POST, option, (size_t)n, payload, 0);
}

static void kid_context_that_is_absent_or_not_12_bytes_is_not_found(void **state)
{
	static const size_t lens[] = { 0, 1, 11, 13 };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		struct bytes b = with_context(f, lens[i], "0123456789");

		b = exchange(f, &b);
		expect_error(&b, MN_COAP_401, NOT_FOUND, 0, 9);
	}
}

static void malformed_cose_is_4_02(void **state)
{
	static const struct {
		const char *option;
		size_t len;
	} bad[] = {
		{ "", 0 },                /* neither kid nor Partial IV */
		{ "\x01\x05", 2 },        /* no kid */
		{ "\x08kkkkkkk", 8 },     /* no Partial IV */
		{ "\x89\x05kkkkkkk", 9 }, /* reserved bit */
		{ "\x0e"
		  "123456kkkkkkk",
		  14 }, /* Partial IV of 6 bytes */
		{ "\x19\x05\x20"
		  "1234kkkkkkk",
		  14 }, /* kid context beyond the end */
	};
	struct fixture *f = *state;
	struct bytes b;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		b = with_option(MN_COAP_POST, bad[i].option, bad[i].len, "0123456789", 0);
		b = exchange(f, &b);
		expect_error(&b, MN_COAP_402, "Failed to decode COSE", 0, 9);
	}
	b = with_context(f, 12, ""); /* no payload */
	b = exchange(f, &b);
	expect_error(&b, MN_COAP_402, "Failed to decode COSE", 0, 9);
}

static void outer_message_of_another_kind_is_refused(void **state)
{
	struct fixture *f = *state;
	struct context c;
	struct bytes b;

	b = with_option(MN_COAP_POST, NULL, 0, "x", 0);
	b = exchange(f, &b);
	expect_error(&b, MN_COAP_404, "No OSCORE option", 0, 9);
	b = with_option(MN_COAP_GET, "\x09\x05kkkkkkk", 9, "x", 0);
	b = exchange(f, &b);
	expect_error(&b, MN_COAP_405, "POST only", 0, 9);
	b = with_option(MN_COAP_POST, "\x09\x05kkkkkkk", 9, "x", MN_COAP_OPT_URI_PATH);
	b = exchange(f, &b);
	expect_error(&b, MN_COAP_402, "Unknown critical option", 0, 9);
	context_new(f, &c, "D1", 1);
	assert_int_equal(f->in->stats.service_in, 2); /* the one without the option is none */
}

static void tampered_message_is_decryption_failed_and_makes_no_context(void **state)
{
	struct fixture *f = *state;
	struct context c;
	struct bytes b, answer;

	context_new(f, &c, "D1", 1);
	b = retrieve(&c, "r1", 9);
	b.data[b.len - 1] ^= 1;
	answer = exchange(f, &b);
	expect_error(&answer, MN_COAP_400, "Decryption failed", 0, 9);
	assert_int_equal(f->in->stats.contexts_new, 0);
	assert_int_equal(fixture_device(f, "D1")->creation_ms, 0);
	assert_int_equal(fixture_device(f, "D1")->authenticated, 0);
	b.data[b.len - 1] ^= 1; /* and its Partial IV is not used up */
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
}

static void from_must_be_the_device_itself_after_normalisation(void **state)
{
	struct fixture *f = *state;
	struct context c;
	struct bytes b;

	context_new(f, &c, "D1", 1);
	b = request(&c, MN_OP_RETRIEVE, "in-cse", 0, NULL, "r1", "D2", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_NO_PRIVILEGE);
	b = request(&c, MN_OP_RETRIEVE, "in-cse", 0, NULL, "r2",
		    "\xef\xbc\xa4"
		    "1",
		    9); /* full-width D */
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
	b = request(&c, MN_OP_RETRIEVE, "in-cse", 0, NULL, "r3", NULL, 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
}

static void answer_that_does_not_fit_becomes_5207_and_the_effect_stands(void **state)
{
	struct fixture *f = *state;
	char content[1100];
	struct context c;
	struct bytes b;

	memset(content, 'x', sizeof(content));
	memcpy(content, "{\"m2m:cin\":{\"con\":\"", 19);
	memcpy(content + sizeof(content) - 4, "\"}}", 4);
	context_new(f, &c, "D1", 1);
	b = request(&c, MN_OP_CREATE, "in-cse/cnt", 4, content, "r1", "D1", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_NOT_ACCEPTABLE);
	assert_int_equal(fixture_instances(f), 1);
}

/* ---- contexts ---- */

static void seventeenth_context_makes_the_least_recently_used_one_spent(void **state)
{
	struct fixture *f = *state;
	struct context c[17];
	struct bytes b;

	for (int i = 0; i < 17; i++) {
		f->in->clock.ms += 60000;
		context_new(f, &c[i], "D1", (uint64_t)i + 1);
		b = retrieve(&c[i], "r1", 9);
		assert_int_equal(ask(f, &c[i], &b, NULL), MN_RSC_OK);
		if (i == 15) { /* the first is used once more: the second is the oldest */
			b = retrieve(&c[0], "r2", 9);
			assert_int_equal(ask(f, &c[0], &b, NULL), MN_RSC_OK);
		}
	}
	b = retrieve(&c[1], "r3", 9);
	b = exchange(f, &b);
	expect_error(&b, MN_COAP_401, NOT_FOUND, 0, 9);
	b = retrieve(&c[0], "r3", 9);
	assert_int_equal(ask(f, &c[0], &b, NULL), MN_RSC_OK);
	assert_int_equal(f->in->stats.contexts_spent, 1);
}

static void seventeen_contexts_in_one_batch_are_all_answered(void **state)
{
	struct fixture *f = *state;
	struct context c[17];
	struct bytes b;

	for (int i = 0; i < 17; i++) {
		f->in->clock.ms += 60000;
		context_new(f, &c[i], "D1", (uint64_t)i + 1);
		b = retrieve(&c[i], "r1", (uint8_t)i);
		feed(&f->link, &b);
	}
	assert_int_equal(mnt_commit_now(&f->in->commit), 0);
	assert_int_equal(f->sent_n, 17);
}

static void contexts_are_created_sixteen_at_once_then_one_a_minute(void **state)
{
	struct fixture *f = *state;
	struct context c;
	struct bytes b, answer;

	for (uint64_t i = 0; i < 16; i++) {
		context_new(f, &c, "D1", i);
		b = retrieve(&c, "r", 9);
		assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
	}
	context_new(f, &c, "D1", 16);
	b = retrieve(&c, "r", 9);
	answer = exchange(f, &b);
	expect_error(&answer, MN_COAP_429, "Too many new contexts", 60, 9);
	f->in->clock.ms += 59001;
	b = retrieve(&c, "r", 9);
	answer = exchange(f, &b);
	expect_error(&answer, MN_COAP_429, "Too many new contexts", 1, 9);
	f->in->clock.ms += 999;
	/* the same protected bytes are taken now */
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
	context_new(f, &c, "D2", 1); /* and other devices never noticed */
	b = retrieve(&c, "r", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
}

static void contexts_of_a_generation_end_at_4096_for_that_device_alone(void **state)
{
	struct fixture *f = *state;
	struct context c, d;
	struct bytes b;

	context_new(f, &c, "D1", 1);
	b = retrieve(&c, "r1", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
	mnt_device_ksx(fixture_device(f, "D1"), fixture_group(f)->current.number)->created = 4096;
	context_new(f, &d, "D1", 2);
	b = retrieve(&d, "r2", 9);
	b = exchange(f, &b);
	expect_error(&b, MN_COAP_403, "Too many contexts", 0, 9);
	b = retrieve(&c, "r3", 9); /* the live one goes on */
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
	context_new(f, &d, "D2", 2);
	b = retrieve(&d, "r1", 9);
	assert_int_equal(ask(f, &d, &b, NULL), MN_RSC_OK);
}

/* ---- the store fails ---- */

static void new_context_of_a_failed_batch_never_was(void **state)
{
	struct fixture *f = *state;
	struct context c;
	struct bytes b, answer;

	context_new(f, &c, "D1", 1);
	b = request(&c, MN_OP_CREATE, "in-cse/cnt", 4, CIN, "r1", "D1", 9);
	assert_int_equal(mn_store_begin(f->in->store), 0); /* in the way of the IN's own */
	answer = exchange(f, &b);
	expect_error(&answer, MN_COAP_503, "Store unavailable", 5, 9);
	mn_store_rollback(f->in->store);
	assert_int_equal(fixture_device(f, "D1")->authenticated, 0);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_CREATED); /* the same bytes */
	assert_int_equal(fixture_instances(f), 1);
}

static void failed_batch_is_5000_once_and_leaves_no_effect(void **state)
{
	struct fixture *f = *state;
	struct context c;
	struct bytes b;

	context_new(f, &c, "D1", 1);
	b = retrieve(&c, "r0", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
	b = request(&c, MN_OP_CREATE, "in-cse/cnt", 4, CIN, "r1", "D1", 9);
	assert_int_equal(mn_store_begin(f->in->store), 0);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_INTERNAL);
	mn_store_rollback(f->in->store);
	assert_int_equal(fixture_instances(f), 0);
	b = request(&c, MN_OP_CREATE, "in-cse/cnt", 4, CIN, "r1", "D1",
		    10); /* the device's retry */
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_CREATED);
}

/* ---- CoAP ---- */

static void ping_and_malformed_confirmable_messages_are_reset(void **state)
{
	struct fixture *f = *state;
	struct bytes ping = { .len = 4, .data = { 0x40, 0, 0x12, 0x34 } };
	struct bytes bad = { .len = 5, .data = { 0x40, 2, 0x12, 0x35, 0xf0 } };
	struct bytes unheard = { .len = 5, .data = { 0x50, 2, 0x12, 0x36, 0xf0 } };
	struct bytes answer;

	answer = exchange(f, &ping);
	assert_int_equal(answer.len, 4);
	assert_memory_equal(answer.data, "\x70\x00\x12\x34", 4);
	answer = exchange(f, &bad);
	assert_memory_equal(answer.data, "\x70\x00\x12\x35", 4);
	feed(&f->link, &unheard);
	assert_int_equal(f->sent_n, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(first_valid_request_is_answered_under_the_context_and_authenticates),
		T(answer_has_the_content_format_of_the_request),
		T(nothing_is_sent_before_the_batch_is_durable),
		T(previous_generation_is_taken_for_the_grace_only),
		T(previous_generation_ends_after_ten_minutes_without_the_gateways_answer),
		T(repetition_of_the_gateway_gets_the_same_bytes),
		T(used_partial_iv_in_any_other_message_is_a_replay),
		T(partial_iv_below_the_window_is_a_replay),
		T(retry_gets_the_stored_answer_and_is_not_executed_again),
		T(retry_in_the_same_batch_waits_for_the_outcome),
		T(another_request_with_a_used_rqi_is_4000),
		T(retrieve_is_executed_each_time),
		T(unknown_foreign_and_revoked_devices_look_the_same),
		T(other_generations_are_not_found),
		T(kid_context_that_is_absent_or_not_12_bytes_is_not_found),
		T(malformed_cose_is_4_02),
		T(outer_message_of_another_kind_is_refused),
		T(tampered_message_is_decryption_failed_and_makes_no_context),
		T(from_must_be_the_device_itself_after_normalisation),
		T(answer_that_does_not_fit_becomes_5207_and_the_effect_stands),
		T(seventeenth_context_makes_the_least_recently_used_one_spent),
		T(seventeen_contexts_in_one_batch_are_all_answered),
		T(contexts_are_created_sixteen_at_once_then_one_a_minute),
		T(contexts_of_a_generation_end_at_4096_for_that_device_alone),
		T(new_context_of_a_failed_batch_never_was),
		T(failed_batch_is_5000_once_and_leaves_no_effect),
		T(ping_and_malformed_confirmable_messages_are_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
