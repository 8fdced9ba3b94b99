// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tools/incsed/attribute.c tools/incsed/commit.c tools/incsed/container.c tools/incsed/instance.c tools/incsed/lineage.c tools/incsed/resource.c tools/incsed/row.c tools/incsed/table.c */
/* The embedded resource store on a real store file: TS-0004's operations, addressing, limits and who may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/incsed/attribute.h"
#include "../../tools/incsed/resource.h"
#include "core/crypto.h"
#include "log.h"

#define NOW 1700000000
#define AE "{\"m2m:ae\":{\"api\":\"N.test\",\"rr\":false,\"rn\":\"ae1\",\"poa\":[\"http://x\"]}}"

struct tree {
	char dir[64];
	struct mn_store *store;
	struct mnt_commit commit;
	struct mnt_resources r;
	json_t *content; /* of the last answer, inside its wrapper's object */
};

static char *open_paths[] = { "in-cse/cnt", "in-cse/site/log" };
static const struct mn_config_strings open_containers = { .items = open_paths, .n = 2 };

static int setup(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	char path[128], err[256];

	assert_non_null(t);
	assert_int_equal(mn_crypto_init(), 0);
	mn_log_init("test", MN_LOG_ERROR);
	strcpy(t->dir, "/tmp/resource.XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	snprintf(path, sizeof(path), "%s/in.db", t->dir);
	assert_int_equal(mn_store_create(path, MN_STORE_IN, "in1", false), 0);
	assert_int_equal(mn_store_open(path, MN_STORE_IN, true, &t->store, err), 0);
	mnt_commit_init(&t->commit, t->store, NULL);
	assert_int_equal(mnt_resources_start(&t->r, &t->commit, "in1", &open_containers, NOW), 0);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct tree *t = *state;
	char command[128];

	json_decref(t->content);
	mnt_resources_fini(&t->r);
	mn_store_close(t->store);
	snprintf(command, sizeof(command), "rm -rf %s", t->dir);
	assert_int_equal(system(command), 0);
	free(t);
	return 0;
}

static unsigned int run(struct tree *t, const char *from, enum mn_onem2m_op op, const char *to,
			unsigned int ty, const char *content)
{
	struct mn_onem2m_request r = { .op = op, .ty = ty };
	struct mnt_result out = { 0 };

	snprintf(r.to, sizeof(r.to), "%s", to);
	if (content) {
		r.content = json_loads(content, 0, NULL);
		assert_non_null(r.content);
	}
	json_decref(t->content);
	mnt_resource_execute(&t->r, &r, from, NOW, &out);
	assert_int_equal(mnt_commit_now(&t->commit), 0);
	json_decref(r.content);
	t->content = out.content;
	return out.rsc;
}

static unsigned int create(struct tree *t, const char *from, const char *to, unsigned int ty,
			   const char *content)
{
	return run(t, from, MN_OP_CREATE, to, ty, content);
}

static unsigned int get(struct tree *t, const char *from, const char *to)
{
	return run(t, from, MN_OP_RETRIEVE, to, 0, NULL);
}

static unsigned int take_away(struct tree *t, const char *from, const char *to)
{
	return run(t, from, MN_OP_DELETE, to, 0, NULL);
}

static const json_t *attribute(const struct tree *t, const char *name)
{
	const char *wrapper;
	json_t *inside;

	assert_int_equal(json_object_size(t->content), 1);
	wrapper = json_object_iter_key(json_object_iter(t->content));
	inside = json_object_get(t->content, wrapper);
	return json_object_get(inside, name);
}

static const char *text(const struct tree *t, const char *name)
{
	const char *s = json_string_value(attribute(t, name));

	return s ? s : "(none)";
}

static int64_t number(const struct tree *t, const char *name)
{
	const json_t *v = attribute(t, name);

	return json_is_integer(v) ? json_integer_value(v) : -1;
}

static void add_cin(struct tree *t, const char *from, const char *to, const char *con)
{
	char content[256];

	snprintf(content, sizeof(content), "{\"m2m:cin\":{\"con\":\"%s\"}}", con);
	assert_int_equal(create(t, from, to, 4, content), MN_RSC_CREATED);
}

static void start_makes_the_base_and_the_configured_containers_once(void **state)
{
	struct tree *t = *state;
	char ri[64];

	assert_int_equal(get(t, "D1", "in-cse"), MN_RSC_OK);
	assert_int_equal(number(t, "ty"), 5);
	assert_string_equal(text(t, "csi"), "/in1");
	assert_int_equal(get(t, "D1", "in-cse/site/log"), MN_RSC_OK);
	snprintf(ri, sizeof(ri), "%s", text(t, "ri"));
	assert_int_equal(mnt_resources_start(&t->r, &t->commit, "in1", &open_containers, NOW), 0);
	assert_int_equal(get(t, "D1", "in-cse/site/log"), MN_RSC_OK);
	assert_string_equal(text(t, "ri"), ri);
	/* what was only made to hold it is nobody's */
	assert_int_equal(get(t, "D1", "in-cse/site"), MN_RSC_NO_PRIVILEGE);
	assert_int_equal(create(t, "D1", "in-cse/site", 3, "{\"m2m:cnt\":{}}"),
			 MN_RSC_NO_PRIVILEGE);
}

static void instance_gets_its_attributes_and_the_container_counts_it(void **state)
{
	struct tree *t = *state;
	char pi[64];

	assert_int_equal(get(t, "D1", "in-cse/cnt"), MN_RSC_OK);
	snprintf(pi, sizeof(pi), "%s", text(t, "ri"));
	assert_int_equal(
		create(t, "D1", "in-cse/cnt", 4,
		       "{\"m2m:cin\":{\"con\":\"21.5\",\"cnf\":\"text/plain:0\",\"rn\":\"one\"}}"),
		MN_RSC_CREATED);
	assert_int_equal(number(t, "ty"), 4);
	assert_int_equal(number(t, "cs"), 4);
	assert_int_equal(number(t, "st"), 1);
	assert_string_equal(text(t, "rn"), "one");
	assert_string_equal(text(t, "pi"), pi);
	assert_string_equal(text(t, "ct"), "20231114T221320");
	assert_string_equal(text(t, "con"), "21.5");
	assert_null(attribute(t, "_o"));
	assert_int_equal(get(t, "D2", "in-cse/cnt"), MN_RSC_OK);
	assert_int_equal(number(t, "cni"), 1);
	assert_int_equal(number(t, "cbs"), 4);
	assert_int_equal(number(t, "st"), 1);
	assert_int_equal(take_away(t, "D1", "in-cse/cnt/one"), MN_RSC_DELETED);
	assert_int_equal(get(t, "D2", "in-cse/cnt"), MN_RSC_OK);
	assert_int_equal(number(t, "cni"), 0);
	assert_int_equal(number(t, "cbs"), 0);
}

static void every_form_of_address_leads_to_the_same_resource(void **state)
{
	static const char *const forms[] = { "in-cse/cnt/one", "/in1/in-cse/cnt/one",
					     "-/cnt/one",      "/in1/-/cnt/one",
					     "in-cse/cnt/la",  "in-cse/cnt/ol" };
	static const char *const none[] = { "",
					    "/",
					    "in-cse/",
					    "in-cse//cnt",
					    "cnt",
					    "/in2/in-cse/cnt/one",
					    "/in1x/in-cse/cnt/one",
					    "//sp/in1/in-cse/cnt/one",
					    "la",
					    "/lineage",
					    "in-cse/cnt/one/la",
					    "in-cse/la" };
	struct tree *t = *state;
	char ri[80];

	assert_int_equal(
		create(t, "D1", "in-cse/cnt", 4, "{\"m2m:cin\":{\"con\":\"1\",\"rn\":\"one\"}}"),
		MN_RSC_CREATED);
	snprintf(ri, sizeof(ri), "%s", text(t, "ri"));
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		assert_int_equal(get(t, "D1", forms[i]), MN_RSC_OK);
		assert_string_equal(text(t, "ri"), ri);
	}
	assert_int_equal(get(t, "D1", ri), MN_RSC_OK);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(get(t, "D1", none[i]), MN_RSC_NOT_FOUND);
	assert_int_equal(get(t, "D1", "/in1"), MN_RSC_OK);
	assert_int_equal(number(t, "ty"), 5);
	/* a container by its resource ID, with la behind it */
	assert_int_equal(get(t, "D1", "in-cse/cnt"), MN_RSC_OK);
	snprintf(ri, sizeof(ri), "%s/la", text(t, "ri"));
	assert_int_equal(get(t, "D1", ri), MN_RSC_OK);
	assert_string_equal(text(t, "rn"), "one");
}

static void latest_and_oldest_follow_the_order_of_creation(void **state)
{
	struct tree *t = *state;

	assert_int_equal(get(t, "D1", "in-cse/cnt/la"), MN_RSC_NOT_FOUND);
	add_cin(t, "D1", "in-cse/cnt", "1");
	add_cin(t, "D1", "in-cse/cnt", "2");
	add_cin(t, "D1", "in-cse/cnt", "3");
	assert_int_equal(get(t, "D1", "in-cse/cnt/la"), MN_RSC_OK);
	assert_string_equal(text(t, "con"), "3");
	assert_int_equal(take_away(t, "D1", "in-cse/cnt/la"), MN_RSC_DELETED);
	assert_int_equal(take_away(t, "D1", "in-cse/cnt/ol"), MN_RSC_DELETED);
	assert_int_equal(get(t, "D1", "in-cse/cnt/la"), MN_RSC_OK);
	assert_string_equal(text(t, "con"), "2");
	assert_int_equal(create(t, "D1", "in-cse/cnt/la", 4, "{\"m2m:cin\":{\"con\":\"1\"}}"),
			 MN_RSC_OPERATION_NOT_ALLOWED);
}

static void application_entity_is_only_its_creators_with_all_below(void **state)
{
	struct tree *t = *state;

	assert_int_equal(create(t, "D1", "in-cse", 2, AE), MN_RSC_CREATED);
	assert_string_equal(text(t, "aei"), "D1");
	assert_string_equal(text(t, "ri"), "D1");
	assert_int_equal(get(t, "D1", "D1"), MN_RSC_OK); /* AE-ID as address */
	assert_int_equal(create(t, "D1", "in-cse", 2,
				"{\"m2m:ae\":{\"api\":\"N.x\",\"rr\":true,\"rn\":\"again\"}}"),
			 4117);
	assert_int_equal(create(t, "D1", "in-cse/ae1", 3, "{\"m2m:cnt\":{\"rn\":\"c\",\"mni\":2}}"),
			 MN_RSC_CREATED);
	add_cin(t, "D1", "in-cse/ae1/c", "1");
	assert_int_equal(get(t, "D2", "in-cse/ae1"), MN_RSC_NO_PRIVILEGE);
	assert_int_equal(get(t, "D2", "in-cse/ae1/c"), MN_RSC_NO_PRIVILEGE);
	assert_int_equal(get(t, "D2", "in-cse/ae1/c/la"), MN_RSC_NO_PRIVILEGE);
	assert_int_equal(create(t, "D2", "in-cse/ae1/c", 4, "{\"m2m:cin\":{\"con\":\"1\"}}"),
			 MN_RSC_NO_PRIVILEGE);
	assert_int_equal(take_away(t, "D2", "in-cse/ae1"), MN_RSC_NO_PRIVILEGE);
	assert_int_equal(create(t, "D2", "in-cse", 2, AE), MN_RSC_CONFLICT); /* the name is taken */
	assert_int_equal(take_away(t, "D1", "in-cse/ae1"), MN_RSC_DELETED);
	assert_int_equal(get(t, "D1", "in-cse/ae1/c"), MN_RSC_NOT_FOUND);
	assert_int_equal(create(t, "D2", "in-cse", 2, AE), MN_RSC_CREATED);
}

static void shared_container_is_open_but_its_contents_belong_to_their_creators(void **state)
{
	struct tree *t = *state;

	assert_int_equal(
		create(t, "D1", "in-cse/cnt", 4, "{\"m2m:cin\":{\"con\":\"1\",\"rn\":\"one\"}}"),
		MN_RSC_CREATED);
	assert_int_equal(get(t, "D2", "in-cse/cnt/one"), MN_RSC_OK);
	assert_int_equal(take_away(t, "D2", "in-cse/cnt/one"), MN_RSC_NO_PRIVILEGE);
	assert_int_equal(take_away(t, "D1", "in-cse/cnt"), MN_RSC_NO_PRIVILEGE);
	assert_int_equal(run(t, "D1", MN_OP_UPDATE, "in-cse/cnt", 0, "{\"m2m:cnt\":{\"mni\":1}}"),
			 MN_RSC_NO_PRIVILEGE);
	assert_int_equal(take_away(t, "D1", "in-cse"), MN_RSC_OPERATION_NOT_ALLOWED);
	assert_int_equal(create(t, "D1", "in-cse", 3, "{\"m2m:cnt\":{}}"), MN_RSC_NO_PRIVILEGE);
	assert_int_equal(create(t, "D1", "in-cse/cnt", 3, "{\"m2m:cnt\":{\"rn\":\"sub\"}}"),
			 MN_RSC_CREATED);
	add_cin(t, "D2", "in-cse/cnt/sub", "2");
}

static void oldest_instances_go_when_mni_or_mbs_is_exceeded(void **state)
{
	struct tree *t = *state;

	assert_int_equal(create(t, "D1", "in-cse", 2, AE), MN_RSC_CREATED);
	assert_int_equal(create(t, "D1", "in-cse/ae1", 3,
				"{\"m2m:cnt\":{\"rn\":\"c\",\"mni\":3,\"mbs\":10}}"),
			 MN_RSC_CREATED);
	for (int i = 1; i <= 4; i++)
		add_cin(t, "D1", "in-cse/ae1/c", i == 4 ? "4" : "x");
	assert_int_equal(get(t, "D1", "in-cse/ae1/c"), MN_RSC_OK);
	assert_int_equal(number(t, "cni"), 3);
	assert_int_equal(number(t, "cbs"), 3);
	add_cin(t, "D1", "in-cse/ae1/c", "123456789"); /* 9 bytes: one other may stay */
	assert_int_equal(get(t, "D1", "in-cse/ae1/c"), MN_RSC_OK);
	assert_int_equal(number(t, "cni"), 2);
	assert_int_equal(number(t, "cbs"), 10);
	assert_int_equal(get(t, "D1", "in-cse/ae1/c/ol"), MN_RSC_OK);
	assert_string_equal(text(t, "con"), "4");
	assert_int_equal(
		create(t, "D1", "in-cse/ae1/c", 4, "{\"m2m:cin\":{\"con\":\"12345678901\"}}"),
		MN_RSC_NOT_ACCEPTABLE);
	assert_int_equal(run(t, "D1", MN_OP_UPDATE, "in-cse/ae1/c", 0, "{\"m2m:cnt\":{\"mni\":1}}"),
			 MN_RSC_UPDATED);
	assert_int_equal(number(t, "cni"), 1);
	assert_int_equal(get(t, "D1", "in-cse/ae1/c/ol"), MN_RSC_OK);
	assert_string_equal(text(t, "con"), "123456789");
}

static void wrong_contents_are_4000(void **state)
{
	static const struct {
		unsigned int ty;
		const char *content;
	} bad[] = {
		{ 4, NULL },
		{ 4, "{}" },
		{ 4, "[]" },
		{ 4, "{\"m2m:cnt\":{}}" }, /* not what TY says */
		{ 4, "{\"m2m:cin\":{\"con\":\"1\"},\"x\":1}" },
		{ 4, "{\"m2m:cin\":{}}" }, /* con is mandatory */
		{ 4, "{\"m2m:cin\":{\"con\":null}}" },
		{ 4, "{\"m2m:cin\":{\"con\":\"1\",\"ri\":\"x\"}}" }, /* assigned by the CSE */
		{ 4, "{\"m2m:cin\":{\"con\":\"1\",\"xyz\":1}}" },
		{ 4, "{\"m2m:cin\":{\"con\":\"1\",\"_o\":\"D2\"}}" },
		{ 4, "{\"m2m:cin\":{\"con\":\"1\",\"cnf\":1}}" },
		{ 4, "{\"m2m:cin\":{\"con\":\"1\",\"rn\":\"a/b\"}}" },
		{ 4, "{\"m2m:cin\":{\"con\":\"1\",\"rn\":\"la\"}}" },
		{ 4, "{\"m2m:cin\":{\"con\":\"1\",\"rn\":\"\"}}" },
		{ 4, "{\"m2m:cin\":{\"con\":\"1\",\"et\":\"20200101T000000\"}}" }, /* past */
		{ 4, "{\"m2m:cin\":{\"con\":\"1\",\"lbl\":[1]}}" },
		{ 3, "{\"m2m:cnt\":{\"mni\":-1}}" },
		{ 3, "{\"m2m:cnt\":{\"mni\":\"3\"}}" },
		{ 3, "{\"m2m:cnt\":{\"cni\":0}}" },
	};
	struct tree *t = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(create(t, "D1", "in-cse/cnt", bad[i].ty, bad[i].content),
				 MN_RSC_BAD_REQUEST);
	assert_int_equal(create(t, "D1", "in-cse", 2, "{\"m2m:ae\":{\"rr\":false}}"),
			 MN_RSC_BAD_REQUEST);
	assert_int_equal(get(t, "D1", "in-cse/cnt"), MN_RSC_OK);
	assert_int_equal(number(t, "cni"), 0);
}

static void types_that_do_not_go_there_have_their_own_codes(void **state)
{
	struct tree *t = *state;

	assert_int_equal(create(t, "D1", "in-cse/none", 4, "{\"m2m:cin\":{\"con\":\"1\"}}"),
			 MN_RSC_NOT_FOUND);
	assert_int_equal(create(t, "D1", "in-cse", 4, "{\"m2m:cin\":{\"con\":\"1\"}}"),
			 MN_RSC_INVALID_CHILD);
	assert_int_equal(create(t, "D1", "in-cse/cnt", 2, AE), MN_RSC_INVALID_CHILD);
	assert_int_equal(create(t, "D1", "in-cse", 5, "{\"m2m:cb\":{}}"),
			 MN_RSC_OPERATION_NOT_ALLOWED);
	assert_int_equal(create(t, "D1", "in-cse/cnt", 23, "{\"m2m:sub\":{}}"),
			 MN_RSC_NOT_IMPLEMENTED);
	assert_int_equal(run(t, "D1", MN_OP_NOTIFY, "in-cse/cnt", 0, "{\"m2m:sgn\":{}}"),
			 MN_RSC_OPERATION_NOT_ALLOWED);
	add_cin(t, "D1", "in-cse/cnt", "1");
	assert_int_equal(create(t, "D1", "in-cse/cnt/la", 3, "{\"m2m:cnt\":{}}"),
			 MN_RSC_OPERATION_NOT_ALLOWED);
	assert_int_equal(
		create(t, "D1", "in-cse/cnt", 4, "{\"m2m:cin\":{\"con\":\"1\",\"rn\":\"n\"}}"),
		MN_RSC_CREATED);
	assert_int_equal(create(t, "D1", "in-cse/cnt/n", 4, "{\"m2m:cin\":{\"con\":\"1\"}}"),
			 MN_RSC_INVALID_CHILD);
	assert_int_equal(
		create(t, "D2", "in-cse/cnt", 4, "{\"m2m:cin\":{\"con\":\"1\",\"rn\":\"n\"}}"),
		MN_RSC_CONFLICT);
	assert_int_equal(get(t, "D2", "in-cse/cnt"), MN_RSC_OK);
	assert_int_equal(number(t, "cni"), 2);
}

static void update_changes_what_it_may_and_null_takes_away(void **state)
{
	struct tree *t = *state;

	assert_int_equal(create(t, "D1", "in-cse", 2, AE), MN_RSC_CREATED);
	assert_int_equal(run(t, "D1", MN_OP_UPDATE, "in-cse/ae1", 0,
			     "{\"m2m:ae\":{\"rr\":true,\"poa\":null,\"lbl\":[\"a\"]}}"),
			 MN_RSC_UPDATED);
	assert_true(json_is_true(attribute(t, "rr")));
	assert_null(attribute(t, "poa"));
	assert_int_equal(
		run(t, "D1", MN_OP_UPDATE, "in-cse/ae1", 0, "{\"m2m:ae\":{\"api\":\"N.y\"}}"),
		MN_RSC_BAD_REQUEST);
	assert_int_equal(run(t, "D1", MN_OP_UPDATE, "in-cse/ae1", 0, "{\"m2m:ae\":{\"rr\":null}}"),
			 MN_RSC_BAD_REQUEST);
	assert_int_equal(run(t, "D2", MN_OP_UPDATE, "in-cse/ae1", 0, "{\"m2m:ae\":{\"rr\":false}}"),
			 MN_RSC_NO_PRIVILEGE);
}

static void containers_in_an_ae_are_limited(void **state)
{
	struct tree *t = *state;

	assert_int_equal(create(t, "D1", "in-cse", 2, AE), MN_RSC_CREATED);
	for (int i = 0; i < MNT_CHILDREN_OWN; i++)
		assert_int_equal(create(t, "D1", "in-cse/ae1", 3, "{\"m2m:cnt\":{}}"),
				 MN_RSC_CREATED);
	assert_int_equal(create(t, "D1", "in-cse/ae1", 3, "{\"m2m:cnt\":{}}"),
			 MN_RSC_NOT_ACCEPTABLE);
}

static void names_and_configured_paths_are_checked(void **state)
{
	(void)state;
	assert_true(mnt_resource_path_valid("in-cse/cnt"));
	assert_true(mnt_resource_path_valid("in-cse/a.b/c_d~e"));
	assert_false(mnt_resource_path_valid("in-cse"));
	assert_false(mnt_resource_path_valid("in-cse/"));
	assert_false(mnt_resource_path_valid("in-cse/a/"));
	assert_false(mnt_resource_path_valid("in-cse//a"));
	assert_false(mnt_resource_path_valid("other/cnt"));
	assert_false(mnt_resource_path_valid("in-cse/la"));
	assert_false(mnt_resource_path_valid("in-cse/a b"));
}

static void content_size_is_bytes_of_a_text_or_of_its_json(void **state)
{
	json_t *text_value = json_string("\xc3\xa4");
	json_t *object = json_pack("{s:i}", "a", 1);

	(void)state;
	assert_int_equal(mnt_attribute_content_size(text_value), 2);
	assert_int_equal(mnt_attribute_content_size(object), 7);
	json_decref(text_value);
	json_decref(object);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(start_makes_the_base_and_the_configured_containers_once),
		T(instance_gets_its_attributes_and_the_container_counts_it),
		T(every_form_of_address_leads_to_the_same_resource),
		T(latest_and_oldest_follow_the_order_of_creation),
		T(application_entity_is_only_its_creators_with_all_below),
		T(shared_container_is_open_but_its_contents_belong_to_their_creators),
		T(oldest_instances_go_when_mni_or_mbs_is_exceeded),
		T(wrong_contents_are_4000),
		T(types_that_do_not_go_there_have_their_own_codes),
		T(update_changes_what_it_may_and_null_takes_away),
		T(containers_in_an_ae_are_limited),
		cmocka_unit_test(names_and_configured_paths_are_checked),
		cmocka_unit_test(content_size_is_bytes_of_a_text_or_of_its_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
