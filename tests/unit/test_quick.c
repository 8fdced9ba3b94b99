// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tools/incsed/answer.c tools/incsed/attribute.c tools/incsed/commit.c tools/incsed/container.c tools/incsed/instance.c tools/incsed/lineage.c */
/* LINK: tools/incsed/quick.c tools/incsed/resource.c tools/incsed/row.c tools/incsed/service.c tools/incsed/table.c */
/* The CREATE that is read and written as text does what the one with a JSON tree does: a blank in the content makes the difference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/incsed/container.h"
#include "../../tools/incsed/quick.h"
#include "../../tools/incsed/service.h"
#include "core/crypto.h"
#include "log.h"

#define NOW 1700000000
#define ID_LEN 13 /* hex digits of microseconds */

struct world {
	char dir[64];
	struct mn_store *store;
	struct mnt_commit commit;
	struct mnt_resources r;
	unsigned int rqi;
};

static char *open_paths[] = { "in-cse/cnt" };
static const struct mn_config_strings open_containers = { .items = open_paths, .n = 1 };

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct mn_device_record d = { .id = "D1", .kpsa_id = "D1@in1", .group = "g" };
	char path[128], err[256];

	assert_non_null(w);
	assert_int_equal(mn_crypto_init(), 0);
	mn_log_init("test", MN_LOG_ERROR);
	strcpy(w->dir, "/tmp/quick.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(path, sizeof(path), "%s/in.db", w->dir);
	assert_int_equal(mn_store_create(path, MN_STORE_IN, "in1", false), 0);
	assert_int_equal(mn_store_open(path, MN_STORE_IN, true, &w->store, err), 0);
	strcpy(d.gateway_id, "gw");
	d.key.len = 32;
	for (int i = 1; i <= 2; i++) {
		d.key.bytes[0] = (uint8_t)i;
		d.id[1] = d.kpsa_id[1] = (char)('0' + i);
		assert_int_equal(mn_kid(d.kpsa_id, strlen(d.kpsa_id), d.kid), 0);
		assert_int_equal(mn_store_device_add(w->store, &d), 0);
	}
	mnt_commit_init(&w->commit, w->store, NULL);
	assert_int_equal(mnt_resources_start(&w->r, &w->commit, "in1", &open_containers, NOW), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[128];

	mnt_resources_fini(&w->r);
	mn_store_close(w->store);
	snprintf(command, sizeof(command), "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

/* POST of raw content; the answer's payload in text, its RSC returned. The batch stays open. */
static unsigned int post(struct world *w, const char *from, const char *to, unsigned int ty,
			 const char *content, char text[MN_COAP_MESSAGE_MAX])
{
	struct mn_onem2m_response r = { 0 };
	struct mnt_service s;
	struct mn_coap_writer writer;
	struct mn_coap m;
	uint8_t buf[4096];
	char rqi[16];
	int n;

	snprintf(rqi, sizeof(rqi), "r%u", ++w->rqi);
	mn_coap_begin(&writer, buf, sizeof(buf), MN_COAP_CON, MN_COAP_POST, 0, NULL);
	mn_coap_put_path(&writer, to);
	mn_coap_put_uint(&writer, MN_COAP_OPT_CONTENT_FORMAT, MN_COAP_FORMAT_JSON);
	mn_coap_put_uint(&writer, 267, ty);
	mn_coap_put(&writer, 283, rqi, strlen(rqi));
	mn_coap_put_payload(&writer, content, strlen(content));
	n = mn_coap_finish(&writer);
	assert_true(n > 0);
	assert_int_equal(mn_coap_read(buf, (size_t)n, &m, NULL), 0);
	assert_int_equal(mnt_service_execute(&w->r, &w->commit, from, &m, NOW, &s), 0);
	assert_int_equal(mn_coap_read(s.answer, s.len, &m, NULL), 0);
	snprintf(text, MN_COAP_MESSAGE_MAX, "%.*s", (int)m.payload_len,
		 m.payload_len ? (const char *)m.payload : "");
	assert_int_equal(mn_onem2m_response_read(&m, &r), 0);
	mn_onem2m_response_fini(&r);
	return r.rsc;
}

static bool is_quick(const char *content)
{
	struct mn_onem2m_request r = {
		.op = MN_OP_CREATE,
		.ty = 4,
		.content_format = MN_COAP_FORMAT_JSON,
		.raw = content,
		.raw_len = strlen(content),
	};
	struct mnt_quick q;

	return mnt_quick_read(&r, &q);
}

static int take_json(void *arg, const struct mn_resource_record *r)
{
	snprintf(arg, 2048, "%s %s %u %s", r->parent, r->ri, r->ty, r->json);
	return 0;
}

/* The row of the newest instance of a container. */
static void newest(struct world *w, const char *container, char out[2048])
{
	assert_int_equal(mn_store_resource_edge(w->store, container, 4, true, take_json, out), 0);
}

static int64_t container_number(struct world *w, const char *path, const char *name)
{
	MNT_ROW row = { 0 };

	assert_int_equal(mnt_row_get(w->store, path, &row), 0);
	return mnt_row_number(&row, name, -1);
}

/* IDs are times and st counts: both become the same. */
static void level(char *text, unsigned int st)
{
	char number[32];
	char *at = text;

	while ((at = strstr(at, "cin_")))
		memset(at += 4, 'x', ID_LEN);
	snprintf(number, sizeof(number), "\"st\":%u,", st);
	at = strstr(text, number);
	assert_non_null(at);
	memset(at + 5, '0', strlen(number) - 6);
}

static void same_row_and_answer_as_the_tree_gives(void **state)
{
	static const char *const members[] = {
		"\"con\":\"25.3\"",
		"\"con\":\"\"",
		"\"cnf\":\"text/plain:0\",\"con\":\"a b/c<>&'\"",
		"\"con\":\"x\",\"cnf\":\"\"",
	};
	struct world *w = *state;

	for (unsigned int i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		char quick[2][2048], slow[2][2048], content[256];

		snprintf(content, sizeof(content), "{\"m2m:cin\":{%s}}", members[i]);
		assert_true(is_quick(content));
		assert_int_equal(post(w, "D1", "in-cse/cnt", 4, content, quick[0]), 2001);
		assert_int_equal(mnt_commit_now(&w->commit), 0);
		newest(w, "in-cse/cnt", quick[1]);
		snprintf(content, sizeof(content), "{\"m2m:cin\":{%s} }", members[i]);
		assert_false(is_quick(content));
		assert_int_equal(post(w, "D1", "in-cse/cnt", 4, content, slow[0]), 2001);
		assert_int_equal(mnt_commit_now(&w->commit), 0);
		newest(w, "in-cse/cnt", slow[1]);
		for (int j = 0; j < 2; j++) {
			level(quick[j], 2 * i + 1);
			level(slow[j], 2 * i + 2);
			assert_string_equal(quick[j], slow[j]);
		}
		assert_int_equal(container_number(w, "in-cse/cnt", "st"), 2 * i + 2);
		assert_int_equal(container_number(w, "in-cse/cnt", "cni"), 2 * i + 2);
	}
	assert_int_equal(container_number(w, "in-cse/cnt", "cbs"), 2 * (4 + 0 + 9 + 1));
}

static void only_the_plain_form_is_quick(void **state)
{
	static const char *const others[] = {
		"{\"m2m:cin\":{\"con\":\"a\\n\"}}",
		"{\"m2m:cin\":{\"con\":\"\xc3\xa9\"}}",
		"{\"m2m:cin\":{\"con\":\"\x7f\"}}",
		"{\"m2m:cin\":{\"con\":\"\x01\"}}",
		"{\"m2m:cin\":{\"con\":1}}",
		"{\"m2m:cin\":{\"con\":\"a\",\"con\":\"b\"}}",
		"{\"m2m:cin\":{\"cnf\":\"a\"}}",
		"{\"m2m:cin\":{}}",
		"{\"m2m:cin\":{\"con\":\"a\",}}",
		"{\"m2m:cin\":{\"con\":\"a\"}}x",
		"{\"m2m:cin\":{\"con\":\"a\"}",
		"{\"m2m:cin\":{\"con\":\"a",
		"{\"m2m:cin\":{,\"con\":\"a\"}}",
		"{\"m2m:cin\":{\"con\":\"a\"\"cnf\":\"b\"}}",
		"{\"m2m:cin\":{\"con\":\"a\",\"rn\":\"x\"}}",
		"{\"m2m:cnt\":{\"con\":\"a\"}}",
		"{\"m2m:cin\":{\"con\":\"a\"}, \"x\":1}",
		"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (is_quick(others[i]))
			fail_msg("quick: %s", others[i]);
}

static void who_may_not_is_refused_as_ever(void **state)
{
	struct world *w = *state;
	char text[MN_COAP_MESSAGE_MAX];
	const char *con = "{\"m2m:cin\":{\"con\":\"a\"}}";

	assert_int_equal(post(w, "D1", "in-cse", 2,
			      "{\"m2m:ae\":{\"api\":\"N.t\",\"rr\":false,\"rn\":\"ae\"}}", text),
			 2001);
	assert_int_equal(post(w, "D1", "in-cse/ae", 3, "{\"m2m:cnt\":{\"rn\":\"c\"}}", text), 2001);
	assert_int_equal(post(w, "D1", "in-cse/ae/c", 4, con, text), 2001);
	assert_int_equal(post(w, "D2", "in-cse/ae/c", 4, con, text), 4103);
	assert_int_equal(post(w, "D1", "in-cse/ae", 4, con, text), 4108);
	assert_int_equal(post(w, "D1", "in-cse/no", 4, con, text), 4004);
	assert_int_equal(post(w, "D1", "in-cse/ae/c/la", 4, con, text), 4005);
	assert_int_equal(mnt_commit_now(&w->commit), 0);
	assert_int_equal(container_number(w, "in-cse/ae/c", "cni"), 1);
}

static void failed_batch_is_counted_nowhere(void **state)
{
	struct world *w = *state;
	char text[MN_COAP_MESSAGE_MAX];
	const char *con = "{\"m2m:cin\":{\"con\":\"abc\"}}";

	assert_int_equal(post(w, "D1", "in-cse/cnt", 4, con, text), 2001);
	assert_int_equal(mnt_commit_now(&w->commit), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(post(w, "D1", "in-cse/cnt", 4, con, text), 2001);
	mnt_commit_fail(&w->commit);
	assert_int_equal(mnt_commit_now(&w->commit), -EIO);
	assert_int_equal(post(w, "D1", "in-cse/cnt", 4, con, text), 2001);
	assert_non_null(strstr(text, "\"st\":2,"));
	assert_int_equal(mnt_commit_now(&w->commit), 0);
	assert_int_equal(container_number(w, "in-cse/cnt", "cni"), 2);
	assert_int_equal(container_number(w, "in-cse/cnt", "cbs"), 6);
}

static void limits_and_other_operations_see_what_is_counted_in_memory(void **state)
{
	struct world *w = *state;
	char text[MN_COAP_MESSAGE_MAX], st[32];
	const char *con = "{\"m2m:cin\":{\"con\":\"abc\"}}";

	assert_int_equal(post(w, "D1", "in-cse", 2,
			      "{\"m2m:ae\":{\"api\":\"N.t\",\"rr\":false,\"rn\":\"ae\"}}", text),
			 2001);
	assert_int_equal(
		post(w, "D1", "in-cse/ae", 3, "{\"m2m:cnt\":{\"rn\":\"c\",\"mni\":3}}", text),
		2001);
	for (int i = 1; i <= 5; i++) {
		assert_int_equal(post(w, "D1", "in-cse/ae/c", 4, con, text), 2001);
		snprintf(st, sizeof(st), "\"st\":%d,", i);
		assert_non_null(strstr(text, st));
	}
	assert_int_equal(mnt_commit_now(&w->commit), 0);
	assert_int_equal(container_number(w, "in-cse/ae/c", "cni"), 3);
	assert_int_equal(container_number(w, "in-cse/ae/c", "cbs"), 9);
	assert_int_equal(container_number(w, "in-cse/ae/c", "st"), 5);
	assert_int_equal(post(w, "D1", "in-cse/ae/c", 3, "{\"m2m:cnt\":{\"rn\":\"d\"}}", text),
			 2001);
	assert_int_equal(mnt_commit_now(&w->commit), 0);
	assert_int_equal(container_number(w, "in-cse/ae/c", "_n"), 1);
	assert_int_equal(container_number(w, "in-cse/ae/c", "cni"), 3);
}

/* More containers than are held, all changed in one batch. */
static void containers_that_share_a_place_lose_nothing(void **state)
{
	struct world *w = *state;
	char text[MN_COAP_MESSAGE_MAX], path[64], content[64];

	for (int i = 0; i < 1200; i++) {
		snprintf(content, sizeof(content), "{\"m2m:cnt\":{\"rn\":\"c%d\"}}", i);
		assert_int_equal(post(w, "D1", "in-cse/cnt", 3, content, text), 2001);
	}
	for (int round = 1; round <= 2; round++)
		for (int i = 0; i < 1200; i++) {
			snprintf(path, sizeof(path), "in-cse/cnt/c%d", i);
			assert_int_equal(
				post(w, "D1", path, 4, "{\"m2m:cin\":{\"con\":\"a\"}}", text),
				2001);
		}
	assert_int_equal(mnt_commit_now(&w->commit), 0);
	for (int i = 0; i < 1200; i++) {
		snprintf(path, sizeof(path), "in-cse/cnt/c%d", i);
		assert_int_equal(container_number(w, path, "cni"), 2);
	}
}

#define QUICK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUICK_TEST(same_row_and_answer_as_the_tree_gives),
		QUICK_TEST(only_the_plain_form_is_quick),
		QUICK_TEST(who_may_not_is_refused_as_ever),
		QUICK_TEST(failed_batch_is_counted_nowhere),
		QUICK_TEST(limits_and_other_operations_see_what_is_counted_in_memory),
		QUICK_TEST(containers_that_share_a_place_lose_nothing),
	};

	return cmocka_run_group_tests_name("quick", tests, NULL, NULL);
}
