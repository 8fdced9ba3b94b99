// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/replay.h"

/* What a receiver does with a message that authenticates. */
static bool accept(struct mn_replay *w, uint64_t seq, unsigned int size)
{
	if (!mn_replay_check(w, seq, size))
		return false;
	mn_replay_update(w, seq);
	return true;
}

static void a_number_is_accepted_once(void **state)
{
	struct mn_replay w = { 0 };

	(void)state;
	for (uint64_t seq = 0; seq < 200; seq++) {
		assert_true(accept(&w, seq, 32));
		assert_false(mn_replay_check(&w, seq, 32));
	}
	for (uint64_t seq = 0; seq < 200; seq++)
		assert_false(mn_replay_check(&w, seq, 32));
}

static void a_check_alone_changes_nothing(void **state)
{
	struct mn_replay w = { 0 };

	(void)state;
	assert_true(mn_replay_check(&w, 1000, 32));
	assert_true(mn_replay_check(&w, 0, 32));
	assert_int_equal(w.next, 0);
	assert_int_equal(w.seen, 0);
}

static void the_window_has_its_size_and_takes_disorder_within(void **state)
{
	(void)state;
	for (unsigned int size = 1; size <= 64; size++) {
		struct mn_replay w = { 0 };

		assert_true(accept(&w, 1000, size));
		for (unsigned int back = size - 1; back > 0; back--) {
			assert_true(accept(&w, 1000 - back, size));
			assert_false(mn_replay_check(&w, 1000 - back, size));
		}
		assert_false(mn_replay_check(&w, 1000 - size, size));
		assert_false(mn_replay_check(&w, 0, size));
		assert_false(mn_replay_check(&w, 1000, size));
		assert_true(mn_replay_check(&w, 1001, size));
	}
}

static void a_jump_keeps_what_stays_in_the_window(void **state)
{
	(void)state;
	for (uint64_t jump = 1; jump <= 130; jump++) {
		struct mn_replay w = { 0 };

		assert_true(accept(&w, 100, 64));
		assert_true(accept(&w, 98, 64));
		assert_true(accept(&w, 100 + jump, 64));
		assert_false(mn_replay_check(&w, 100, 64));
		assert_false(mn_replay_check(&w, 98, 64));
		/* 99 was never seen: it is taken while it is no more than 63 behind. */
		assert_int_equal(mn_replay_check(&w, 99, 64), 1 + jump < 64);
		if (jump > 1)
			assert_true(mn_replay_check(&w, 100 + jump - 1, 64));
	}
}

static void the_ends_of_the_sequence_spaces_work(void **state)
{
	const uint64_t ends[] = { (1ULL << 40) - 1, (1ULL << 48) - 1, UINT64_MAX - 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct mn_replay w = { 0 };

		assert_true(accept(&w, ends[i], 32));
		assert_false(mn_replay_check(&w, ends[i], 32));
		assert_true(accept(&w, ends[i] - 31, 32));
		assert_false(mn_replay_check(&w, ends[i] - 31, 32));
		assert_false(mn_replay_check(&w, ends[i] - 32, 32));
	}
}

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Against the definition: accepted when never accepted before and more than highest - size. */
static void the_window_agrees_with_its_definition(void **state)
{
	static bool seen[20000];
	uint32_t seed = 0x6d6e;

	(void)state;
	for (int round = 0; round < 64; round++) {
		const unsigned int size = 1 + (unsigned int)round % 64;
		struct mn_replay w = { 0 };
		uint64_t highest = 0, at = 0, accepted = 0;

		memset(seen, 0, sizeof(seen));
		for (int i = 0; i < 4000; i++) {
			uint32_t r = next_random(&seed);
			uint64_t seq;
			bool want;

			if (r % 200 == 0)
				at += r >> 8 & 127;
			else if (r % 3 == 0)
				at++;
			seq = at + (r >> 16) % 40;
			seq = seq > (r >> 24) % 80 ? seq - (r >> 24) % 80 : 0;
			assert_true(seq < sizeof(seen));
			want = !seen[seq] && (seq > highest || highest - seq < size);
			assert_int_equal(accept(&w, seq, size), want);
			if (!want)
				continue;
			seen[seq] = true;
			accepted++;
			highest = seq > highest ? seq : highest;
		}
		assert_true(accepted > 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_is_accepted_once),
		cmocka_unit_test(a_check_alone_changes_nothing),
		cmocka_unit_test(the_window_has_its_size_and_takes_disorder_within),
		cmocka_unit_test(a_jump_keeps_what_stays_in_the_window),
		cmocka_unit_test(the_ends_of_the_sequence_spaces_work),
		cmocka_unit_test(the_window_agrees_with_its_definition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
