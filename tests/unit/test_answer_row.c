// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/unit/store_fixture.c */
/* Remembered answers as rows of the file and an index in memory: what a restart, a rollback, a revoked device and the moving of
 * records leave of them. */
#include "store_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/crypto.h"

static struct mn_answer_record request(unsigned int device_n, unsigned int rqi, int64_t when)
{
	static char text[32];
	struct mn_answer_record a = { .when = when };

	snprintf(a.device_id, sizeof(a.device_id), "C%05u", device_n);
	snprintf(a.rqi, sizeof(a.rqi), "r%u", rqi);
	memset(a.digest, (int)rqi, sizeof(a.digest));
	a.answer_len = (size_t)snprintf(text, sizeof(text), "secret of %u %u", device_n, rqi);
	a.answer = (const uint8_t *)text;
	return a;
}

static void put(struct mn_store *s, unsigned int device_n, unsigned int rqi, int64_t when)
{
	struct mn_answer_record a = request(device_n, rqi, when);

	assert_int_equal(mn_store_answer_put(s, &a), 0);
}

/* The answer is there, whole; or it is not. */
static bool has(struct mn_store *s, unsigned int device_n, unsigned int rqi)
{
	struct mn_answer_record want = request(device_n, rqi, 0), got;
	uint8_t buf[64];
	int err = mn_store_answer_get(s, want.device_id, want.rqi, &got, buf, sizeof(buf));

	if (err == -ENOENT)
		return false;
	assert_int_equal(err, 0);
	assert_int_equal(got.answer_len, want.answer_len);
	assert_memory_equal(buf, want.answer, want.answer_len);
	assert_memory_equal(got.digest, want.digest, sizeof(want.digest));
	return true;
}

/* Of device 1, those from first to last are there and no others of 0 to 199. */
static void has_just(struct mn_store *s, unsigned int first, unsigned int last)
{
	for (unsigned int i = 0; i < 200; i++)
		if (has(s, 1, i) != (i >= first && i <= last))
			fail_msg("r%u", i);
}

static void reopen(struct fixture *f)
{
	mn_store_close(f->in);
	assert_int_equal(mn_store_open(f->in_path, MN_STORE_IN, false, &f->in, store_err), 0);
}

static int64_t rows(const struct fixture *f)
{
	return store_sql_int(f->in_path, "SELECT count(*) FROM answer");
}

static void transaction_is_one_row_and_is_there_after_a_restart(void **state)
{
	struct fixture *f = *state;

	store_add(f->in, 1);
	store_add(f->in, 2);
	assert_int_equal(mn_store_begin(f->in), 0);
	for (unsigned int i = 0; i < 20; i++) {
		put(f->in, 1, i, 1000);
		put(f->in, 2, i, 1000);
		assert_true(has(f->in, 1, i)); /* before it is written */
	}
	assert_int_equal(mn_store_commit(f->in), 0);
	assert_int_equal(rows(f), 1);
	has_just(f->in, 0, 19);
	reopen(f);
	has_just(f->in, 0, 19);
	assert_true(has(f->in, 2, 19));
	assert_int_equal(mn_store_answer_expire(f->in, 1300), 8);
	has_just(f->in, 4, 19);
	reopen(f); /* what has expired is still in the row, and expires again */
	assert_int_equal(mn_store_answer_expire(f->in, 1300), 8);
	has_just(f->in, 4, 19);
}

static void large_transaction_is_several_rows(void **state)
{
	struct fixture *f = *state;
	unsigned int n = 0;

	store_add(f->in, 1);
	assert_int_equal(mn_store_begin(f->in), 0);
	for (; n < 2000; n++)
		put(f->in, 1, n, 1000);
	assert_int_equal(mn_store_commit(f->in), 0);
	assert_in_range(rows(f), 2, 10);
	for (unsigned int i = 0; i < n; i++)
		assert_true(has(f->in, 1, i));
	assert_int_equal(mn_store_begin(f->in), 0);
	for (unsigned int i = n; i < 2 * n; i++)
		put(f->in, 1, i, 1000);
	mn_store_rollback(f->in);
	for (unsigned int i = 0; i < 2 * n; i++)
		assert_int_equal(has(f->in, 1, i), i < n);
}

static void rollback_takes_back_what_was_added_and_what_was_taken(void **state)
{
	struct fixture *f = *state;
	struct mn_answer_record a;

	store_add(f->in, 1);
	store_add(f->in, 2);
	for (unsigned int i = 0; i < 20; i++)
		put(f->in, 1, i, 1000);
	put(f->in, 2, 1, 1000);
	assert_int_equal(mn_store_begin(f->in), 0);
	put(f->in, 1, 20, 1000);
	mn_store_rollback(f->in);
	has_just(f->in, 0, 19);

	assert_int_equal(mn_store_begin(f->in), 0);
	put(f->in, 1, 20, 1000);
	assert_int_equal(mn_store_answer_expire(f->in, 2000), 4);
	has_just(f->in, 4, 20);
	assert_int_equal(mn_store_device_del(f->in, "C00002"), 0);
	assert_false(has(f->in, 2, 1));
	mn_store_rollback(f->in);
	has_just(f->in, 0, 19);
	assert_true(has(f->in, 2, 1));

	assert_int_equal(mn_store_begin(f->in), 0);
	a = request(1, 5, 1500);
	assert_int_equal(mn_store_answer_put(f->in, &a), 0); /* the outcome again */
	mn_store_rollback(f->in);
	a = request(1, 5, 0);
	assert_int_equal(mn_store_answer_get(f->in, a.device_id, a.rqi, &a, NULL, 0), -EMSGSIZE);
	assert_int_equal(a.when, 1000);
}

/* Rows of which little is left are written anew; the records keep their place among the device's requests. */
static void records_that_are_moved_stay_as_old_as_they_are(void **state)
{
	struct fixture *f = *state;

	store_add(f->in, 1);
	store_add(f->in, 2);
	assert_int_equal(mn_store_begin(f->in), 0);
	for (unsigned int i = 0; i < 100; i++)
		put(f->in, 1, i, 1000);
	put(f->in, 2, 1, 1000);
	assert_int_equal(mn_store_commit(f->in), 0);
	for (unsigned int i = 100; i < 108; i++)
		put(f->in, 1, i, 1000);
	assert_int_equal(rows(f), 9);
	assert_int_equal(mn_store_answer_expire(f->in, 2000), 92);
	assert_int_equal(rows(f), 9); /* the first one by another */
	assert_int_equal(
		store_sql_int(f->in_path, "SELECT max(length(records)) < 1000 FROM answer"), 1);
	has_just(f->in, 92, 107);
	assert_true(has(f->in, 2, 1));
	reopen(f);
	has_just(f->in, 92, 107);
	for (unsigned int i = 108; i < 112; i++)
		put(f->in, 1, i, 1000);
	assert_int_equal(mn_store_answer_expire(f->in, 2000), 4);
	has_just(f->in, 96, 111);
	reopen(f);
	assert_int_equal(mn_store_answer_expire(f->in, 2000), 0 + 4);
	has_just(f->in, 96, 111);
	assert_true(has(f->in, 2, 1));
}

static int64_t secrets_of(const struct fixture *f, unsigned int device_n)
{
	char sql[160];

	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM answer WHERE instr(records, CAST('secret of %u' AS BLOB))"
		 " OR instr(records, CAST('C%05u' AS BLOB))",
		 device_n, device_n);
	return store_sql_int(f->in_path, sql);
}

static void nothing_is_left_of_a_revoked_device(void **state)
{
	struct fixture *f = *state;

	store_add(f->in, 1);
	store_add(f->in, 2);
	assert_int_equal(mn_store_begin(f->in), 0);
	for (unsigned int i = 0; i < 20; i++) {
		put(f->in, 1, i, 1000);
		put(f->in, 2, i, 1000);
	}
	assert_int_equal(mn_store_commit(f->in), 0);
	put(f->in, 1, 20, 1000);
	assert_int_equal(secrets_of(f, 1), 2);
	assert_int_equal(mn_store_begin(f->in), 0);
	put(f->in, 1, 21, 1000);
	put(f->in, 2, 21, 1000);
	assert_int_equal(mn_store_device_del(f->in, "C00001"), 0);
	assert_int_equal(mn_store_commit(f->in), 0);
	assert_int_equal(secrets_of(f, 1), 0);
	assert_int_equal(secrets_of(f, 2), 2);
	store_add(f->in, 1); /* another one of the same name */
	has_just(f->in, 1, 0);
	reopen(f);
	has_just(f->in, 1, 0);
	assert_true(has(f->in, 2, 0) && has(f->in, 2, 19) && has(f->in, 2, 21));
	assert_int_equal(mn_store_answer_expire(f->in, 2000), 5);
	assert_int_equal(mn_store_device_del(f->in, "C00002"), 0);
	assert_int_equal(rows(f), 0);
}

static void damaged_rows_are_refused(void **state)
{
	static const char *const damage[] = {
		"UPDATE answer SET records = substr(records, 1, length(records) - 1)",
		"UPDATE answer SET records = x'00'",
		"UPDATE answer SET records = zeroblob(length(records))",
		"UPDATE answer SET records = x''",
		"UPDATE answer SET records = CAST(x'ffffffff' || substr(records, 5) AS BLOB)",
	};
	struct fixture *f = *state;

	store_add(f->in, 1);
	for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		struct mn_answer_record a = request(1, 1, 1000);

		assert_int_equal(mn_store_answer_put(f->in, &a), 0);
		reopen(f);
		store_sql(f->in_path, damage[i]);
		assert_int_equal(mn_store_answer_put(f->in, &a), -EBADMSG);
		assert_int_equal(mn_store_answer_get(f->in, "C00001", "r1", &a, NULL, 0), -EBADMSG);
		assert_int_equal(mn_store_answer_expire(f->in, 2000), -EBADMSG);
		store_sql(f->in_path, "DELETE FROM answer");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(transaction_is_one_row_and_is_there_after_a_restart),
		STORE_TEST(large_transaction_is_several_rows),
		STORE_TEST(rollback_takes_back_what_was_added_and_what_was_taken),
		STORE_TEST(records_that_are_moved_stay_as_old_as_they_are),
		STORE_TEST(nothing_is_left_of_a_revoked_device),
		STORE_TEST(damaged_rows_are_refused),
	};

	if (mn_crypto_init())
		return 1;
	return cmocka_run_group_tests_name("answer_row", tests, NULL, NULL);
}
