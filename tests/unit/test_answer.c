// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tools/incsed/answer.c tools/incsed/commit.c tools/incsed/lineage.c tools/incsed/repeat.c tools/incsed/table.c */
/* What makes a retry and a repetition harmless: answers by RQI in the store, answers by bytes in the session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/incsed/answer.h"
#include "../../tools/incsed/repeat.h"
#include "core/identity.h"
#include "log.h"

#define NOW 1700000000

static char dir[64];
static struct mn_store *store;
static struct mnt_commit commit;

static int setup(void **state)
{
	struct mn_device_record d = { .id = "D1",
				      .kpsa_id = "D1@in.example",
				      .group = "g1",
				      .gateway_id = "gw1",
				      .key.len = 16 };
	char path[128], err[256];

	(void)state;
	mn_log_init("test", MN_LOG_ERROR);
	assert_int_equal(mn_crypto_init(), 0);
	strcpy(dir, "/tmp/answer.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/in.db", dir);
	assert_int_equal(mn_store_create(path, MN_STORE_IN, "in1", false), 0);
	assert_int_equal(mn_store_open(path, MN_STORE_IN, true, &store, err), 0);
	assert_int_equal(mn_kid(d.kpsa_id, strlen(d.kpsa_id), d.kid), 0);
	assert_int_equal(mn_store_device_add(store, &d), 0);
	mnt_commit_init(&commit, store, NULL);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	mn_store_close(store);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static void keep(const char *rqi, uint8_t digest, int64_t when)
{
	uint8_t d[32];

	memset(d, digest, sizeof(d));
	mnt_answer_keep(&commit, "D1", rqi, d, when, (const uint8_t *)rqi, strlen(rqi));
	assert_int_equal(mnt_commit_now(&commit), 0);
}

static int find(const char *rqi, uint8_t digest)
{
	uint8_t d[32], buf[64];
	int n;

	memset(d, digest, sizeof(d));
	n = mnt_answer_find(store, "D1", rqi, d, buf, sizeof(buf));
	if (n > 0)
		assert_memory_equal(buf, rqi, (size_t)n);
	return n;
}

static void answer_is_found_by_its_rqi_and_digest_only(void **state)
{
	(void)state;
	assert_int_equal(find("r1", 1), -ENOENT);
	keep("r1", 1, NOW);
	assert_int_equal(find("r1", 1), 2);
	assert_int_equal(find("r1", 2), -EEXIST);
	assert_int_equal(find("r2", 1), -ENOENT);
}

static void answer_of_a_rolled_back_batch_is_not_kept(void **state)
{
	uint8_t d[32] = { 0 };

	(void)state;
	mnt_answer_keep(&commit, "D1", "r1", d, NOW, (const uint8_t *)"x", 1);
	commit.failed = true;
	assert_int_equal(mnt_commit_now(&commit), -EIO);
	assert_int_equal(find("r1", 0), -ENOENT);
	keep("r1", 0, NOW); /* the next batch is whole again */
	assert_int_equal(find("r1", 0), 2);
}

static void request_that_was_started_without_an_outcome_is_not_executed_again(void **state)
{
	struct mn_answer_record r = { .device_id = "D1", .rqi = "r1", .when = NOW };

	(void)state;
	assert_int_equal(mn_store_answer_put(store, &r), 0);
	assert_int_equal(find("r1", 0), -EINPROGRESS);
}

static void last_sixteen_stay_and_so_does_what_is_younger_than_300_s(void **state)
{
	char rqi[16];

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(rqi, sizeof(rqi), "r%02d", i);
		keep(rqi, 1, NOW);
	}
	assert_int_equal(mn_store_answer_expire(store, NOW + 299), 0);
	assert_int_equal(find("r00", 1), 3);
	assert_int_equal(mn_store_answer_expire(store, NOW + 301), 4);
	assert_int_equal(find("r03", 1), -ENOENT);
	assert_int_equal(find("r04", 1), 3);
}

static void digest_covers_code_options_and_payload(void **state)
{
	uint8_t a[] = { 0x40, 1, 0, 0, 0xb1, 'x', 0xff, 'p' };
	uint8_t first[32], d[32], whole[32];
	struct mn_coap m;
	const size_t at[] = { 1, 5, 7 };

	(void)state;
	assert_int_equal(mn_coap_read(a, sizeof(a), &m, NULL), 0);
	assert_int_equal(mnt_answer_digest(&m, first), 0);
	assert_int_equal(mn_sha256("\x01\xb1x\xffp", 5, whole), 0);
	assert_memory_equal(first, whole, 32);
	for (size_t i = 0; i < 3; i++) {
		a[at[i]] ^= 2;
		assert_int_equal(mn_coap_read(a, sizeof(a), &m, NULL), 0);
		assert_int_equal(mnt_answer_digest(&m, d), 0);
		assert_memory_not_equal(first, d, 32);
		a[at[i]] ^= 2;
	}
	a[2] = 9; /* the message ID is the hop's */
	assert_int_equal(mn_coap_read(a, sizeof(a), &m, NULL), 0);
	assert_int_equal(mnt_answer_digest(&m, d), 0);
	assert_memory_equal(first, d, 32);
}

static void digest_of(uint32_t n, uint8_t out[32])
{
	assert_int_equal(mn_sha256(&n, sizeof(n), out), 0);
}

static void repetitions_are_remembered_while_the_gateway_repeats(void **state)
{
	struct mnt_repeats r;
	struct mnt_repeat *e;
	uint8_t d[32];

	(void)state;
	assert_int_equal(mnt_repeats_init(&r), 0);
	digest_of(1, d);
	assert_null(mnt_repeat_find(&r, d));
	e = mnt_repeat_add(&r, d, 1000);
	mnt_repeat_answer(&r, e, (const uint8_t *)"answer", 6);
	assert_ptr_equal(mnt_repeat_find(&r, d), e);
	assert_memory_equal(e->bytes, "answer", 6);
	digest_of(2, d);
	mnt_repeat_add(&r, d, 1000 + MNT_REPEAT_MS);
	digest_of(1, d);
	assert_non_null(mnt_repeat_find(&r, d));
	digest_of(3, d);
	mnt_repeat_add(&r, d, 1001 + MNT_REPEAT_MS);
	digest_of(1, d);
	assert_null(mnt_repeat_find(&r, d));
	mnt_repeats_fini(&r);
}

static void repetitions_take_bounded_memory(void **state)
{
	static const uint8_t answer[1000];
	struct mnt_repeats r;
	uint8_t d[32];

	(void)state;
	assert_int_equal(mnt_repeats_init(&r), 0);
	for (uint32_t i = 0; i < 200000; i++) {
		digest_of(i, d);
		mnt_repeat_answer(&r, mnt_repeat_add(&r, d, 0), answer, sizeof(answer));
		assert_true(r.bytes <= MNT_REPEAT_BYTES);
	}
	assert_non_null(mnt_repeat_find(&r, d));
	for (uint32_t i = 0; i < MNT_REPEAT_MAX + 10; i++) {
		digest_of(i + 100000, d);
		mnt_repeat_add(&r, d, 0);
		assert_true(r.table.n <= MNT_REPEAT_MAX);
	}
	mnt_repeats_fini(&r);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(answer_is_found_by_its_rqi_and_digest_only),
		T(answer_of_a_rolled_back_batch_is_not_kept),
		T(request_that_was_started_without_an_outcome_is_not_executed_again),
		T(last_sixteen_stay_and_so_does_what_is_younger_than_300_s),
		T(digest_covers_code_options_and_payload),
		cmocka_unit_test(repetitions_are_remembered_while_the_gateway_repeats),
		cmocka_unit_test(repetitions_take_bounded_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
