// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/unit/in_fixture.c tools/incsed/answer.c tools/incsed/attribute.c tools/incsed/change.c tools/incsed/commit.c */
/* LINK: tools/incsed/context.c tools/incsed/control.c tools/incsed/device.c tools/incsed/direct.c tools/incsed/duplicate.c tools/incsed/gateway.c */
/* LINK: tools/incsed/group.c tools/incsed/in.c tools/incsed/instance.c tools/incsed/lineage.c tools/incsed/peer.c tools/incsed/repeat.c tools/incsed/resource.c */
/* LINK: tools/incsed/container.c tools/incsed/quick.c */
/* LINK: tools/incsed/row.c tools/incsed/service.c tools/incsed/settings.c tools/incsed/stats.c tools/incsed/table.c tools/incsed/verify.c */
/* OSCORE contexts and generations below the messages: limits, spent entries, what the store keeps. */
#include "in_fixture.h"

#include <errno.h>
#include <string.h>

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

static void salt_of(uint64_t n, uint8_t salt[MNT_SALT_LEN])
{
	for (int i = 0; i < MNT_SALT_LEN; i++)
		salt[i] = (uint8_t)(n >> (8 * (7 - i)));
}

/* Creates a context and ends the batch, as a message that authenticates does. */
static struct mnt_context *create(struct fixture *f, const char *device, uint64_t n)
{
	struct mnt_device *d = fixture_device(f, device);
	const struct mnt_generation *g = &d->group->current;
	struct mnt_ksx *k = mnt_device_ksx_get(d, g->number);
	struct mnt_context *ctx;
	uint8_t salt[MNT_SALT_LEN];
	struct mn_oscore o;

	salt_of(n, salt);
	assert_int_equal(mnt_context_derive(d, k, g->rand, salt, &o), 0);
	ctx = mnt_context_create(&f->in->commit, &f->in->devices, d, k, salt, &o, f->in->clock.ms,
				 0);
	assert_non_null(ctx);
	assert_int_equal(mnt_commit_now(&f->in->commit), 0);
	ctx->durable = true;
	return ctx;
}

static struct mnt_ksx *ksx(struct fixture *f, const char *device)
{
	return mnt_device_ksx(fixture_device(f, device), fixture_group(f)->current.number);
}

static void spent_entries_are_found_in_any_order_of_creation(void **state)
{
	struct fixture *f = *state;
	uint8_t salt[MNT_SALT_LEN];

	for (uint64_t i = 0; i < 200; i++)
		create(f, "D1", i * 0x9e3779b97f4a7c15ULL);
	assert_int_equal(ksx(f, "D1")->live_n, 16);
	assert_int_equal(ksx(f, "D1")->spent_n, 184);
	for (uint64_t i = 0; i < 200; i++) {
		salt_of(i * 0x9e3779b97f4a7c15ULL, salt);
		assert_int_equal(mnt_context_spent(ksx(f, "D1"), salt), i < 184);
		assert_int_equal(mnt_context_find(ksx(f, "D1"), salt) != NULL, i >= 184);
	}
	salt_of(12345, salt);
	assert_false(mnt_context_spent(ksx(f, "D1"), salt));
}

static void windows_and_spent_entries_survive_an_orderly_stop(void **state)
{
	struct fixture *f = *state;
	struct mnt_context *ctx;
	uint8_t salt[MNT_SALT_LEN];

	for (uint64_t i = 1; i <= 18; i++)
		ctx = create(f, "D1", i);
	ctx->oscore.window =
		(struct mn_replay){ .next = 1ULL << 39, .seen = 0x8000000000000005ULL };
	fixture_stop(f);
	fixture_start(f);
	assert_int_equal(ksx(f, "D1")->created, 18);
	assert_int_equal(ksx(f, "D1")->live_n, 16);
	salt_of(2, salt);
	assert_true(mnt_context_spent(ksx(f, "D1"), salt));
	salt_of(18, salt);
	ctx = mnt_context_find(ksx(f, "D1"), salt);
	assert_non_null(ctx);
	assert_true(ctx->oscore.window.next == 1ULL << 39);
	assert_true(ctx->oscore.window.seen == 0x8000000000000005ULL);
	assert_int_equal(mnt_context_key(fixture_device(f, "D1"), ksx(f, "D1"),
					 fixture_group(f)->current.rand, ctx),
			 0);
	assert_true(ctx->oscore.window.next == 1ULL << 39);
}

static void crash_after_an_orderly_start_spends_what_was_saved(void **state)
{
	struct fixture *f = *state;
	uint8_t salt[MNT_SALT_LEN];

	create(f, "D1", 1);
	fixture_stop(f);
	fixture_start(f);
	fixture_crash(f);
	fixture_start(f);
	salt_of(1, salt);
	assert_true(mnt_context_spent(ksx(f, "D1"), salt));
	assert_int_equal(ksx(f, "D1")->live_n, 0);
}

static void contexts_of_an_ended_generation_are_forgotten(void **state)
{
	struct fixture *f = *state;
	struct mnt_group *g = fixture_group(f);
	uint32_t old = g->current.number;

	create(f, "D1", 1);
	fixture_draw(g);
	assert_non_null(mnt_device_ksx(fixture_device(f, "D1"), old)); /* the grace */
	f->in->clock.ms += 60000;
	g->expire.fn(&g->expire);
	assert_null(mnt_device_ksx(fixture_device(f, "D1"), old));
	assert_int_equal(g->previous.number, 0);
	fixture_stop(f);
	fixture_start(f);
	assert_null(mnt_device_ksx(fixture_device(f, "D1"), old));
}

static void rand_gives_the_same_ksx_as_the_device_derives(void **state)
{
	struct fixture *f = *state;
	struct mnt_context *ctx = create(f, "D1", 7);
	struct context c;

	context_new(f, &c, "D1", 7);
	assert_memory_equal(ctx->oscore.recipient_key, c.o.sender_key, 16);
	assert_memory_equal(ctx->oscore.sender_key, c.o.recipient_key, 16);
}

static void generation_is_unix_time_or_one_more_and_never_comes_back(void **state)
{
	struct fixture *f = *state;
	struct mnt_group *g = fixture_group(f);
	uint8_t rand[MN_RAND_LEN];
	uint32_t last = g->current.number;

	assert_int_equal(last, f->in->clock.unix_s);
	memcpy(rand, g->current.rand, sizeof(rand));
	fixture_draw(g); /* in the same second */
	assert_int_equal(g->current.number, last + 1);
	assert_memory_not_equal(g->current.rand, rand, sizeof(rand));
	f->in->clock.unix_s -= 1000; /* the clock is set back */
	fixture_draw(g);
	assert_int_equal(g->current.number, last + 2);
	f->in->clock.unix_s += 5000;
	fixture_draw(g);
	assert_int_equal(g->current.number, f->in->clock.unix_s);
}

static void rand_that_the_store_did_not_take_is_never_current(void **state)
{
	struct fixture *f = *state;
	struct mnt_group *g = fixture_group(f);
	uint32_t last = g->current.number;

	assert_int_equal(mn_store_begin(f->in->store), 0); /* in the way of the IN's own */
	assert_int_equal(mnt_group_draw(g), 0);
	assert_int_equal(mnt_group_draw(g), -EINPROGRESS);
	assert_int_not_equal(mnt_commit_now(&f->in->commit), 0);
	mn_store_rollback(f->in->store);
	assert_int_equal(g->current.number, last);
	assert_true(g->current.trusted);
	fixture_draw(g);
	assert_true(g->current.number > last);
}

static void group_at_another_gateway_is_another_group(void **state)
{
	struct fixture *f = *state;
	struct mnt_group *here = fixture_group(f);
	struct mnt_group *there = mnt_group_find(&f->in->groups, f->other.gateway, "g1");
	uint32_t number = there->current.number;

	assert_ptr_not_equal(here, there);
	assert_memory_not_equal(here->current.rand, there->current.rand, MN_RAND_LEN);
	assert_int_equal(here->members, 2);
	assert_int_equal(there->members, 1);
	f->in->clock.unix_s += 10;
	fixture_draw(here);
	assert_int_equal(there->current.number, number);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(spent_entries_are_found_in_any_order_of_creation),
		T(windows_and_spent_entries_survive_an_orderly_stop),
		T(crash_after_an_orderly_start_spends_what_was_saved),
		T(contexts_of_an_ended_generation_are_forgotten),
		T(rand_gives_the_same_ksx_as_the_device_derives),
		T(generation_is_unix_time_or_one_more_and_never_comes_back),
		T(rand_that_the_store_did_not_take_is_never_current),
		T(group_at_another_gateway_is_another_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
