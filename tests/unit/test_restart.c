// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/unit/in_fixture.c tools/incsed/answer.c tools/incsed/attribute.c tools/incsed/change.c tools/incsed/commit.c */
/* LINK: tools/incsed/context.c tools/incsed/control.c tools/incsed/device.c tools/incsed/direct.c tools/incsed/duplicate.c tools/incsed/gateway.c */
/* LINK: tools/incsed/group.c tools/incsed/in.c tools/incsed/instance.c tools/incsed/lineage.c tools/incsed/peer.c tools/incsed/repeat.c tools/incsed/resource.c */
/* LINK: tools/incsed/container.c tools/incsed/quick.c */
/* LINK: tools/incsed/row.c tools/incsed/service.c tools/incsed/settings.c tools/incsed/stats.c tools/incsed/table.c tools/incsed/verify.c */
/* What of an IN outlives its process, and what an older copy of its store must not bring back. */
#include "in_fixture.h"

#include <stdio.h>
#include <stdlib.h>
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

/* ---- restarts ---- */

static void context_goes_on_after_an_orderly_stop(void **state)
{
	struct fixture *f = *state;
	struct context c;
	struct bytes old, b, answer;

	context_new(f, &c, "D1", 1);
	old = retrieve(&c, "r1", 9);
	assert_int_equal(ask(f, &c, &old, NULL), MN_RSC_OK);
	fixture_stop(f);
	fixture_start(f);
	assert_int_equal(fixture_group(f)->authenticated, 1);
	mnt_group_acked(fixture_group(f), fixture_group(f)->current.number);
	answer = exchange(f, &old);
	expect_error(&answer, MN_COAP_401, "Replay detected", 0, 9);
	b = retrieve(&c, "r2", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
}

static void every_context_is_spent_after_any_other_stop(void **state)
{
	struct fixture *f = *state;
	struct context c;
	struct bytes old, b;

	context_new(f, &c, "D1", 1);
	old = retrieve(&c, "r1", 9);
	assert_int_equal(ask(f, &c, &old, NULL), MN_RSC_OK);
	fixture_crash(f);
	fixture_start(f);
	mnt_group_acked(fixture_group(f), fixture_group(f)->current.number);
	b = exchange(f, &old);
	expect_error(&b, MN_COAP_401, NOT_FOUND, 0, 9);
	b = retrieve(&c, "r2", 9);
	b = exchange(f, &b);
	expect_error(&b, MN_COAP_401, NOT_FOUND, 0, 9);
	context_new(f, &c, "D1", 2);
	b = retrieve(&c, "r2", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
}

static void retry_after_a_crash_is_not_executed_again(void **state)
{
	struct fixture *f = *state;
	struct context c;
	struct bytes b;

	context_new(f, &c, "D1", 1);
	b = request(&c, MN_OP_CREATE, "in-cse/cnt", 4, CIN, "r1", "D1", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_CREATED);
	fixture_crash(f);
	fixture_start(f);
	mnt_group_acked(fixture_group(f), fixture_group(f)->current.number);
	context_new(f, &c, "D1", 2);
	b = request(&c, MN_OP_CREATE, "in-cse/cnt", 4, CIN, "r1", "D1", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_CREATED);
	assert_int_equal(fixture_instances(f), 1);
}

static void nothing_is_taken_after_a_start_before_the_gateway_confirms(void **state)
{
	struct fixture *f = *state;
	struct context c;
	struct bytes b;

	fixture_stop(f);
	fixture_start(f);
	context_new(f, &c, "D1", 1);
	b = retrieve(&c, "r1", 9);
	feed(&f->link, &b);
	mnt_commit_now(&f->in->commit);
	assert_int_equal(f->sent_n, 0);
	assert_int_equal(f->in->stats.drop_untrusted, 1);
	mnt_group_acked(fixture_group(f), fixture_group(f)->current.number);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK); /* the gateway's repetition */
	assert_int_equal(f->in->stats.service_in, 1);
}

static void older_copy_of_the_store_accepts_nothing_from_before(void **state)
{
	struct fixture *f = *state;
	struct mnt_group *g;
	struct context c, d;
	uint32_t old;
	struct bytes b;

	context_new(f, &c, "D1", 1);
	old = fixture_group(f)->current.number;
	fixture_stop(f);
	fixture_start(f);
	g = fixture_group(f);
	mnt_group_conflict(g); /* the gateway's 4.09 */
	b = retrieve(&c, "r1", 9);
	b = exchange(f, &b);
	expect_error(&b, MN_COAP_401, NOT_FOUND, 0, 9);
	assert_int_equal(mnt_group_draw(g), 0); /* the timer's */
	assert_int_equal(mnt_commit_now(&f->in->commit), 0);
	assert_true(g->current.number > old + 1);
	b = retrieve(&c, "r2", 9);
	b = exchange(f, &b);
	expect_error(&b, MN_COAP_401, NOT_FOUND, 0, 9);
	context_new(f, &d, "D1", 2);
	b = retrieve(&d, "r3", 9);
	assert_int_equal(ask(f, &d, &b, NULL), MN_RSC_OK);
	mnt_group_acked(g, g->current.number);
	b = retrieve(&c, "r3", 9); /* there is no grace for it */
	b = exchange(f, &b);
	expect_error(&b, MN_COAP_401, NOT_FOUND, 0, 9);
	/* nor after the next start */
	fixture_stop(f);
	fixture_start(f);
	mnt_group_acked(fixture_group(f), fixture_group(f)->current.number);
	b = retrieve(&c, "r4", 9);
	b = exchange(f, &b);
	expect_error(&b, MN_COAP_401, NOT_FOUND, 0, 9);
}

static void put_back(struct fixture *f, const char *command)
{
	char text[512];

	snprintf(text, sizeof(text), "cd %s && %s", f->dir, command);
	assert_int_equal(system(text), 0);
}

static void expect_only_a_new_rand_helps(struct fixture *f, struct context *c,
					 const struct bytes *old)
{
	struct bytes b = exchange(f, old);

	expect_error(&b, MN_COAP_401, NOT_FOUND, 0, 9);
	mnt_group_acked(fixture_group(f), fixture_group(f)->current.number); /* even so */
	b = retrieve(c, "r8", 9);
	b = exchange(f, &b);
	expect_error(&b, MN_COAP_401, NOT_FOUND, 0, 9);
	fixture_draw(fixture_group(f));
	context_new(f, c, "D1", 77);
	b = retrieve(c, "r9", 9);
	assert_int_equal(ask(f, c, &b, NULL), MN_RSC_OK);
}

static void copy_taken_after_an_orderly_stop_is_told_at_start(void **state)
{
	struct fixture *f = *state;
	struct context c;
	struct bytes b;

	context_new(f, &c, "D1", 1);
	b = retrieve(&c, "r1", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
	fixture_stop(f);
	put_back(f, "cp in.db copy.db");
	fixture_start(f);
	mnt_group_acked(fixture_group(f), fixture_group(f)->current.number);
	b = retrieve(&c, "r2", 9); /* of the same generation; the copy's window does not know it */
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
	fixture_stop(f);
	put_back(f, "cp copy.db in.db");
	fixture_start(f);
	expect_only_a_new_rand_helps(f, &c, &b);
}

static void copy_taken_while_running_is_told_after_a_crash(void **state)
{
	struct fixture *f = *state;
	struct context c;
	struct bytes b;

	put_back(f, "cp in.db copy.db; cp in.db-wal copy.db-wal");
	context_new(f, &c, "D1", 1); /* the copy does not know this context */
	b = retrieve(&c, "r1", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
	fixture_crash(f);
	put_back(f, "cp copy.db in.db; cp copy.db-wal in.db-wal; rm -f in.db-shm");
	fixture_start(f);
	expect_only_a_new_rand_helps(f, &c, &b);
}

static void store_without_its_lineage_counts_as_a_copy(void **state)
{
	struct fixture *f = *state;
	struct context c;
	struct bytes b;

	context_new(f, &c, "D1", 1);
	b = retrieve(&c, "r1", 9);
	fixture_stop(f);
	put_back(f, "rm in.db.lineage");
	fixture_start(f);
	expect_only_a_new_rand_helps(f, &c, &b);
}

static void crash_between_the_store_and_its_lineage_is_no_copy(void **state)
{
	struct fixture *f = *state;
	uint32_t number = fixture_group(f)->current.number;
	struct context c;
	struct bytes b;

	put_back(f, "cp in.db.lineage before");
	context_new(f, &c, "D1", 1);
	b = retrieve(&c, "r1", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
	fixture_crash(f);
	put_back(f, "cp before in.db.lineage");
	fixture_start(f);
	mnt_group_acked(fixture_group(f), number);
	context_new(f, &c, "D1", 2);
	b = retrieve(&c, "r2", 9);
	assert_int_equal(ask(f, &c, &b, NULL), MN_RSC_OK);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(context_goes_on_after_an_orderly_stop),
		T(every_context_is_spent_after_any_other_stop),
		T(retry_after_a_crash_is_not_executed_again),
		T(nothing_is_taken_after_a_start_before_the_gateway_confirms),
		T(older_copy_of_the_store_accepts_nothing_from_before),
		T(copy_taken_after_an_orderly_stop_is_told_at_start),
		T(copy_taken_while_running_is_told_after_a_crash),
		T(store_without_its_lineage_counts_as_a_copy),
		T(crash_between_the_store_and_its_lineage_is_no_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
