// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tools/bench/hist.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../tools/bench/hist.h"

static struct mnt_hist h;

static int clear(void **state)
{
	(void)state;
	memset(&h, 0, sizeof(h));
	return 0;
}

static void every_value_lies_in_its_slot(void **state)
{
	uint64_t v = 0;
	unsigned int last = 0;

	(void)state;
	while (v <= UINT32_MAX) {
		unsigned int slot = mnt_hist_slot((uint32_t)v);

		assert_in_range(slot, last, MNT_HIST_SLOTS - 1);
		assert_true(mnt_hist_highest(slot) >= v);
		if (slot)
			assert_true(mnt_hist_highest(slot - 1) < v);
		last = slot;
		v += v / 777 + 1;
	}
	assert_int_equal(mnt_hist_slot(UINT32_MAX), MNT_HIST_SLOTS - 1);
	assert_int_equal(mnt_hist_highest(MNT_HIST_SLOTS - 1), UINT32_MAX);
}

static void slots_have_no_gaps(void **state)
{
	(void)state;
	for (unsigned int i = 0; i + 1 < MNT_HIST_SLOTS; i++)
		assert_int_equal(mnt_hist_slot(mnt_hist_highest(i) + 1), i + 1);
}

static void three_digits_are_kept(void **state)
{
	(void)state;
	for (uint64_t v = 1; v <= UINT32_MAX; v = v * 3 / 2 + 1) {
		uint32_t got = mnt_hist_highest(mnt_hist_slot((uint32_t)v));

		assert_true(got - v <= v / 1000);
	}
}

static void percentiles_are_the_nearest_ranks(void **state)
{
	(void)state;
	for (unsigned int i = 1; i <= 1000; i++)
		mnt_hist_add(&h, i);
	assert_int_equal(mnt_hist_percentile(&h, 0), 1);
	assert_int_equal(mnt_hist_percentile(&h, 50), 500);
	assert_int_equal(mnt_hist_percentile(&h, 99), 990);
	assert_int_equal(mnt_hist_percentile(&h, 99.95), 1000);
	assert_int_equal(mnt_hist_percentile(&h, 100), 1000);
	assert_int_equal(h.sum, 500500);
}

static void the_largest_is_exact(void **state)
{
	(void)state;
	mnt_hist_add(&h, 3);
	mnt_hist_add(&h, 1234567);
	assert_int_equal(mnt_hist_percentile(&h, 100), 1234567);
	assert_int_equal(h.min, 3);
	assert_int_equal(h.max, 1234567);
}

static void what_is_too_long_is_counted_at_the_end(void **state)
{
	(void)state;
	mnt_hist_add(&h, UINT64_MAX);
	assert_int_equal(h.max, UINT32_MAX);
	assert_int_equal(mnt_hist_percentile(&h, 50), UINT32_MAX);
}

static void without_samples_there_is_none(void **state)
{
	(void)state;
	assert_int_equal(mnt_hist_percentile(&h, 50), 0);
}

int main(void)
{
#define CLEAN(t) cmocka_unit_test_setup(t, clear)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_lies_in_its_slot),
		cmocka_unit_test(slots_have_no_gaps),
		cmocka_unit_test(three_digits_are_kept),
		CLEAN(percentiles_are_the_nearest_ranks),
		CLEAN(the_largest_is_exact),
		CLEAN(what_is_too_long_is_counted_at_the_end),
		CLEAN(without_samples_there_is_none),
	};

	return cmocka_run_group_tests_name("hist", tests, NULL, NULL);
}
