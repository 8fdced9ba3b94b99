// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/unit/store_fixture.c */
#include "store_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/crypto.h"

/* ---- generations ---- */

struct generations {
	uint32_t numbers[8];
	int64_t acked[8];
	char groups[8][MN_GROUP_MAX + 1];
	size_t n;
};

static int take_generation(void *arg, const struct mn_generation *g)
{
	struct generations *all = arg;

	assert_true(all->n < 8);
	all->numbers[all->n] = g->generation;
	all->acked[all->n] = g->acked;
	strcpy(all->groups[all->n++], g->group);
	return 0;
}

static struct generations generations(struct mn_store *s)
{
	struct generations all = { 0 };

	assert_int_equal(mn_store_generation_each(s, take_generation, &all), 0);
	return all;
}

static struct mn_generation generation(struct mn_store *s, const char *group, uint32_t number)
{
	struct mn_generation g = { .generation = number, .created = 1700000000 };

	strcpy(g.group, group);
	if (mn_store_role(s) == MN_STORE_IN)
		strcpy(g.gateway_id, "mn-cse-1");
	memset(g.rand, (int)(number & 0xff), sizeof(g.rand));
	return g;
}

static int put_generation(struct mn_store *s, const char *group, uint32_t number)
{
	struct mn_generation g = generation(s, group, number);

	return mn_store_generation_put(s, &g);
}

static void generations_only_grow(void **state)
{
	struct fixture *f = *state;
	struct mn_generation g = generation(f->in, "g1", 10);

	assert_int_equal(put_generation(f->in, "g1", 10), 0);
	assert_int_equal(put_generation(f->in, "g1", 9), -ESTALE);
	assert_text(mn_store_error(f->in), "below");
	assert_int_equal(put_generation(f->in, "g1", 10), 0); /* the same again */
	g.rand[0] ^= 1;
	assert_int_equal(mn_store_generation_put(f->in, &g), -ESTALE);
	assert_text(mn_store_error(f->in), "another Rand");
	assert_int_equal(put_generation(f->in, "g2", 3), 0); /* each group on its own */
	strcpy(g.gateway_id, "mn-cse-2");
	assert_int_equal(mn_store_generation_put(f->in, &g), 0); /* each gateway too */
	assert_int_equal(put_generation(f->in, "g1", UINT32_MAX), 0);
	assert_int_equal(put_generation(f->in, "g1", 11), -ESTALE);
	assert_int_equal(put_generation(f->in, "", 1), -EINVAL);
	/* Also after another start. */
	mn_store_close(f->in);
	assert_int_equal(mn_store_open(f->in_path, MN_STORE_IN, false, &f->in, store_err), 0);
	assert_int_equal(put_generation(f->in, "g1", 11), -ESTALE);
}

static void last_generations_are_kept(void **state)
{
	struct fixture *f = *state;
	struct generations all;

	for (uint32_t i = 1; i <= 4; i++) {
		assert_int_equal(put_generation(f->in, "g1", i), 0);
		assert_int_equal(put_generation(f->gateway, "g1", i), 0);
	}
	assert_int_equal(put_generation(f->in, "g2", 1), 0);
	assert_int_equal(mn_store_generation_acked(f->in, "mn-cse-1", "g1", 3, 1700000009), 0);
	assert_int_equal(mn_store_generation_acked(f->in, "mn-cse-1", "g1", 2, 1), -ENOENT);
	all = generations(f->in);
	assert_int_equal(all.n, 3);
	assert_int_equal(all.numbers[0], 3);
	assert_int_equal(all.acked[0], 1700000009);
	assert_int_equal(all.numbers[1], 4);
	assert_int_equal(all.acked[1], 0);
	assert_string_equal(all.groups[2], "g2");
	all = generations(f->gateway);
	assert_int_equal(all.n, 1);
	assert_int_equal(all.numbers[0], 4);
	store_sql(f->in_path, "UPDATE generation SET rand = x'00' WHERE generation = 4");
	assert_int_equal(mn_store_generation_each(f->in, take_generation, &all), -EBADMSG);
	assert_int_equal(put_generation(f->in, "g1", 5), -EBADMSG);
}

/* ---- contexts ---- */

static struct mn_context_record context(unsigned int device_n, uint32_t generation_n, uint8_t salt)
{
	struct mn_context_record c = { .generation = generation_n, .used = 1700000000 };

	snprintf(c.device_id, sizeof(c.device_id), "C%05u", device_n);
	memset(c.salt, salt, sizeof(c.salt));
	return c;
}

struct contexts {
	struct mn_context_record all[8];
	size_t n;
};

static int take_context(void *arg, const struct mn_context_record *c)
{
	struct contexts *all = arg;

	assert_true(all->n < 8);
	all->all[all->n++] = *c;
	return 0;
}

static struct contexts contexts(struct mn_store *s)
{
	struct contexts all = { 0 };

	assert_int_equal(mn_store_context_each(s, take_context, &all), 0);
	return all;
}

static void start_spends_contexts_without_window(void **state)
{
	struct fixture *f = *state;
	struct mn_context_record saved = context(1, 5, 1), lost = context(1, 5, 2);
	struct contexts all;

	store_add(f->in, 1);
	saved.has_window = true;
	saved.window_next = 1ULL << 40;
	saved.window_seen = UINT64_MAX;
	assert_int_equal(mn_store_context_put(f->in, &saved), 0);
	assert_int_equal(mn_store_context_put(f->in, &lost), 0);
	all = contexts(f->in);
	assert_int_equal(all.n, 2);
	assert_string_equal(all.all[0].device_id, "C00001");
	assert_true(all.all[0].has_window);
	assert_int_equal(all.all[0].window_next, 1ULL << 40);
	assert_int_equal(all.all[0].window_seen, UINT64_MAX);
	assert_int_equal(all.all[0].used, 1700000000);
	assert_false(all.all[0].spent || all.all[1].spent || all.all[1].has_window);

	assert_int_equal(mn_store_context_start(f->in), 0);
	all = contexts(f->in);
	assert_false(all.all[0].spent);
	assert_false(all.all[0].has_window); /* a crash after this start must not bring it back */
	assert_int_equal(all.all[0].window_next, 0);
	assert_true(all.all[1].spent);

	assert_int_equal(mn_store_context_start(f->in), 0);
	all = contexts(f->in);
	assert_true(all.all[0].spent && all.all[1].spent);
}

static void spent_context_stays_spent(void **state)
{
	struct fixture *f = *state;
	struct mn_context_record c = context(1, 5, 1);
	struct contexts all;

	store_add(f->in, 1);
	c.spent = true;
	assert_int_equal(mn_store_context_put(f->in, &c), 0);
	assert_int_equal(mn_store_context_put(f->in, &c), 0);
	c.spent = false;
	c.has_window = true;
	assert_int_equal(mn_store_context_put(f->in, &c), -ESTALE);
	all = contexts(f->in);
	assert_int_equal(all.n, 1);
	assert_true(all.all[0].spent);
	c = context(2, 5, 1);
	assert_int_equal(mn_store_context_put(f->in, &c), -ENOENT);
}

static void old_contexts_go_with_generation_or_device(void **state)
{
	struct fixture *f = *state;
	struct contexts all;

	store_add(f->in, 1);
	store_add(f->in, 2);
	for (uint32_t g = 3; g <= 5; g++) {
		struct mn_context_record c = context(1, g, 1);

		assert_int_equal(mn_store_context_put(f->in, &c), 0);
		c = context(2, g, 1);
		assert_int_equal(mn_store_context_put(f->in, &c), 0);
	}
	assert_int_equal(mn_store_context_del_generation(f->in, "C00001", 5), 0);
	all = contexts(f->in);
	assert_int_equal(all.n, 4);
	assert_string_equal(all.all[0].device_id, "C00001");
	assert_int_equal(all.all[0].generation, 5);
	assert_int_equal(mn_store_device_del(f->in, "C00002"), 0);
	assert_int_equal(contexts(f->in).n, 1);
	store_sql(f->in_path, "UPDATE context SET salt = x'00'");
	assert_int_equal(mn_store_context_each(f->in, take_context, &all), -EBADMSG);
}

/* ---- device state and answers ---- */

static void authenticated_state_is_kept(void **state)
{
	struct fixture *f = *state;
	struct mn_device_record d;

	store_add(f->in, 1);
	assert_int_equal(mn_store_device_authenticated(f->in, "C00001", 17, 1700000001), 0);
	assert_int_equal(mn_store_device_get(f->in, "C00001", &d), 0);
	assert_int_equal(d.auth_generation, 17);
	assert_int_equal(d.auth_when, 1700000001);
	assert_int_equal(mn_store_device_authenticated(f->in, "C00002", 17, 1), -ENOENT);
	/* A context is a proof; what it proves stays when it goes. */
	for (uint32_t generation = 16; generation <= 20; generation += 2) {
		struct mn_context_record c = context(1, generation, 1);

		assert_int_equal(mn_store_context_put(f->in, &c), 0);
		assert_int_equal(mn_store_device_get(f->in, "C00001", &d), 0);
		assert_int_equal(d.auth_generation, generation < 17 ? 17 : generation);
		assert_int_equal(d.auth_when, generation < 17 ? 1700000001 : c.used);
	}
	assert_int_equal(mn_store_context_del_generation(f->in, "C00001", 18), 0);
	assert_int_equal(mn_store_context_del_generation(f->in, "C00001", 21), 0);
	assert_int_equal(contexts(f->in).n, 0);
	assert_int_equal(mn_store_device_get(f->in, "C00001", &d), 0);
	assert_int_equal(d.auth_generation, 20);
	assert_int_equal(d.auth_when, 1700000000);
}

static struct mn_answer_record request(unsigned int device_n, unsigned int rqi, int64_t when)
{
	struct mn_answer_record a = { .when = when };

	snprintf(a.device_id, sizeof(a.device_id), "C%05u", device_n);
	snprintf(a.rqi, sizeof(a.rqi), "r%u", rqi);
	memset(a.digest, (int)rqi, sizeof(a.digest));
	return a;
}

static void answer_comes_back(void **state)
{
	struct fixture *f = *state;
	struct mn_answer_record a = request(1, 1, 1000), got;
	uint8_t buf[8];

	store_add(f->in, 1);
	assert_int_equal(mn_store_answer_get(f->in, "C00001", "r1", &got, buf, 8), -ENOENT);
	assert_int_equal(mn_store_answer_put(f->in, &a), 0);
	assert_int_equal(mn_store_answer_get(f->in, "C00001", "r1", &got, buf, 8), 0);
	assert_null(got.answer); /* started */
	assert_int_equal(got.when, 1000);
	assert_memory_equal(got.digest, a.digest, 32);
	a.answer = (const uint8_t *)"\x45\0answer";
	a.answer_len = 8;
	a.when = 1001;
	assert_int_equal(mn_store_answer_put(f->in, &a), 0);
	assert_int_equal(mn_store_answer_get(f->in, "C00001", "r1", &got, buf, 8), 0);
	assert_ptr_equal(got.answer, buf);
	assert_int_equal(got.answer_len, 8);
	assert_memory_equal(buf, "\x45\0answer", 8);
	assert_int_equal(got.when, 1001);
	assert_string_equal(got.rqi, "r1");
	assert_int_equal(mn_store_answer_get(f->in, "C00001", "r1", &got, buf, 7), -EMSGSIZE);
	a.digest[0] ^= 1;
	assert_int_equal(mn_store_answer_put(f->in, &a), -EEXIST);
	assert_int_equal(mn_store_answer_get(f->in, "C00001", "r1", &got, buf, 8), 0);
	a = request(2, 1, 1000);
	assert_int_equal(mn_store_answer_put(f->in, &a), -ENOENT);
	a = request(1, 2, 1000);
	a.rqi[0] = '\0';
	assert_int_equal(mn_store_answer_put(f->in, &a), -EINVAL);
	assert_int_equal(mn_store_device_del(f->in, "C00001"), 0);
	assert_int_equal(store_sql_int(f->in_path, "SELECT count(*) FROM answer"), 0);
}

static bool has_answer(struct mn_store *s, unsigned int device_n, unsigned int rqi)
{
	struct mn_answer_record a = request(device_n, rqi, 0), got;
	int code = mn_store_answer_get(s, a.device_id, a.rqi, &got, NULL, 0);

	assert_true(code == 0 || code == -ENOENT);
	return code == 0;
}

static void last_16_and_300_seconds_are_kept(void **state)
{
	struct fixture *f = *state;

	store_add(f->in, 1);
	store_add(f->in, 2);
	for (unsigned int i = 0; i < 20; i++) {
		struct mn_answer_record a = request(1, i, 1000 + i);

		assert_int_equal(mn_store_answer_put(f->in, &a), 0);
		a = request(2, i, 1000 + i);
		if (i < 16)
			assert_int_equal(mn_store_answer_put(f->in, &a), 0);
	}
	/* 20 s of 20 answers: the first four are surplus, at 1000 to 1003. */
	assert_int_equal(mn_store_answer_expire(f->in, 1299), 0);
	assert_int_equal(mn_store_answer_expire(f->in, 1301), 2);
	assert_false(has_answer(f->in, 1, 0) || has_answer(f->in, 1, 1));
	assert_true(has_answer(f->in, 1, 2));
	assert_int_equal(mn_store_answer_expire(f->in, 1000000), 2);
	for (unsigned int i = 0; i < 20; i++) {
		assert_int_equal(has_answer(f->in, 1, i), i >= 4);
		assert_int_equal(has_answer(f->in, 2, i), i < 16);
	}
	/* The outcome of one that is old already does not make it one of the last. */
	for (int i = 0; i < 3; i++) {
		struct mn_answer_record a = request(1, 4, 2000);

		a.answer = (const uint8_t *)"x";
		a.answer_len = 1;
		assert_int_equal(mn_store_answer_put(f->in, &a), 0);
	}
	assert_int_equal(mn_store_answer_expire(f->in, 1000000), 0);
}

static void expire_works_in_bounded_steps(void **state)
{
	struct fixture *f = *state;
	int n, steps = 0, all = 0;

	store_add(f->in, 1);
	assert_int_equal(mn_store_begin(f->in), 0);
	for (unsigned int i = 0; i < 2016; i++) {
		struct mn_answer_record a = request(1, i, 1);

		assert_int_equal(mn_store_answer_put(f->in, &a), 0);
	}
	assert_int_equal(mn_store_commit(f->in), 0);
	while ((n = mn_store_answer_expire(f->in, 1000)) > 0) {
		assert_true(n <= 512);
		all += n;
		steps++;
	}
	assert_int_equal(n, 0);
	assert_int_equal(all, 2000);
	assert_int_equal(steps, 4);
}

/* ---- resources ---- */

struct seen {
	char paths[256];
	char json[64];
	int64_t serial;
	int ret;
};

static int take_resource(void *arg, const struct mn_resource_record *r)
{
	struct seen *seen = arg;

	strcat(strcat(seen->paths, r->path), " ");
	snprintf(seen->json, sizeof(seen->json), "%s", r->json);
	seen->serial = r->serial;
	return seen->ret;
}

static int put(struct mn_store *s, const char *path, const char *parent, const char *ri,
	       unsigned int ty)
{
	struct mn_resource_record r = { path, parent, ri, ty, "{}", 0 };

	return mn_store_resource_put(s, &r);
}

static void resources_make_a_tree(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { 0 };

	assert_int_equal(put(f->in, "in-cse", "", "in-cse", 5), 0);
	assert_int_equal(put(f->in, "in-cse/cnt", "in-cse", "c1", 3), 0);
	assert_int_equal(put(f->in, "in-cse/cnt", "in-cse", "c2", 3), -EEXIST);
	assert_int_equal(put(f->in, "in-cse/cnt2", "in-cse", "c1", 3), -EEXIST);
	assert_int_equal(put(f->in, "in-cse/cnt2", "in-cse", "c2", 3), 0);
	assert_int_equal(put(f->in, "in-cse/cnt/b", "in-cse/cnt", "i1", 4), 0);
	assert_int_equal(put(f->in, "in-cse/cnt/a", "in-cse/cnt", "i2", 4), 0);
	assert_int_equal(put(f->in, "in-cse/cnt/s", "in-cse/cnt", "s1", 23), 0);
	assert_int_equal(put(f->in, "", "", "x", 3), -EINVAL);

	assert_int_equal(
		mn_store_resource_edge(f->in, "in-cse/cnt", 4, false, take_resource, &seen), 0);
	assert_int_equal(mn_store_resource_edge(f->in, "in-cse/cnt", 4, true, take_resource, &seen),
			 0);
	assert_string_equal(seen.paths, "in-cse/cnt/b in-cse/cnt/a ");
	assert_int_equal(mn_store_resource_edge(f->in, "in-cse", 4, true, take_resource, &seen),
			 -ENOENT);
	seen = (struct seen){ 0 };
	assert_int_equal(mn_store_resource_children(f->in, "in-cse/cnt", take_resource, &seen), 0);
	assert_string_equal(seen.paths, "in-cse/cnt/b in-cse/cnt/a in-cse/cnt/s ");

	assert_int_equal(mn_store_resource_set(f->in, "in-cse/cnt", "{\"lbl\":[]}"), 0);
	assert_int_equal(mn_store_resource_set(f->in, "in-cse/x", "{}"), -ENOENT);
	seen = (struct seen){ 0 };
	assert_int_equal(mn_store_resource_get(f->in, "c1", take_resource, &seen), 0); /* by ri */
	assert_int_equal(mn_store_resource_get(f->in, "in-cse/cnt", take_resource, &seen), 0);
	assert_string_equal(seen.paths, "in-cse/cnt in-cse/cnt ");
	assert_string_equal(seen.json, "{\"lbl\":[]}");
	assert_int_equal(mn_store_resource_get(f->in, "nothing", take_resource, &seen), -ENOENT);
	seen = (struct seen){ .ret = -ENOENT }; /* the callback's, not the store's */
	assert_int_equal(mn_store_resource_get(f->in, "in-cse", take_resource, &seen), -ENOENT);
	assert_string_equal(seen.paths, "in-cse ");

	assert_int_equal(mn_store_resource_del(f->in, "in-cse/cnt"), 4); /* not in-cse/cnt2 */
	assert_int_equal(mn_store_resource_del(f->in, "in-cse/cnt"), -ENOENT);
	seen = (struct seen){ 0 };
	assert_int_equal(mn_store_resource_children(f->in, "in-cse", take_resource, &seen), 0);
	assert_string_equal(seen.paths, "in-cse/cnt2 ");
	store_sql(f->in_path, "UPDATE resource SET json = 'a' || char(0)");
	assert_int_equal(mn_store_resource_get(f->in, "in-cse", take_resource, &seen), -EBADMSG);
}

static int put_serial(struct mn_store *s, const char *path, const char *ri, int64_t serial)
{
	struct mn_resource_record r = { path, "in-cse/cnt", ri, 4, "{}", serial };

	return mn_store_resource_put(s, &r);
}

static void instance_named_by_its_serial_is_like_any_other(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { 0 };
	int64_t last;

	assert_int_equal(put(f->in, "in-cse/cnt", "in-cse", "c1", 3), 0);
	assert_int_equal(put_serial(f->in, "in-cse/cnt/cin_a1", "cin_a1", 0xa1), 0);
	assert_int_equal(put_serial(f->in, "in-cse/cnt/cin_a2", "cin_a2", 0xa2), 0);
	assert_int_equal(put_serial(f->in, "in-cse/cnt/x", "cin_a3", 0xa3), 0);
	assert_int_equal(put_serial(f->in, "in-cse/cnt/cin_a5", "cin_a4", 0xa4), 0);
	assert_int_equal(store_sql_int(f->in_path, "SELECT count(*) FROM resource"
						   " WHERE path IS NULL AND ri IS NULL"),
			 2);
	/* Each name is taken once, whichever way it is kept. */
	assert_int_equal(put_serial(f->in, "in-cse/cnt/cin_a1", "cin_a1", 0xa1), -EEXIST);
	assert_int_equal(put_serial(f->in, "in-cse/cnt/cin_a1", "y", 0xb1), -EEXIST);
	assert_int_equal(put_serial(f->in, "in-cse/cnt/y", "cin_a1", 0xb1), -EEXIST);
	assert_int_equal(put_serial(f->in, "in-cse/cnt/cin_a5", "cin_a5", 0xa5), -EEXIST);
	assert_int_equal(mn_store_resource_last(f->in, &last), 0);
	assert_int_equal(last, 0xa4);

	assert_int_equal(mn_store_resource_get(f->in, "in-cse/cnt/cin_a1", take_resource, &seen),
			 0);
	assert_int_equal(seen.serial, 0xa1);
	assert_int_equal(mn_store_resource_get(f->in, "cin_a1", take_resource, &seen), 0);
	assert_int_equal(mn_store_resource_get(f->in, "cin_a3", take_resource, &seen), 0);
	assert_string_equal(seen.paths, "in-cse/cnt/cin_a1 in-cse/cnt/cin_a1 in-cse/cnt/x ");
	assert_int_equal(mn_store_resource_get(f->in, "in-cse/cin_a1", take_resource, &seen),
			 -ENOENT);
	assert_int_equal(mn_store_resource_get(f->in, "in-cse/cnt/cin_0a1", take_resource, &seen),
			 -ENOENT);
	seen = (struct seen){ 0 };
	assert_int_equal(mn_store_resource_children(f->in, "in-cse/cnt", take_resource, &seen), 0);
	assert_string_equal(seen.paths, "in-cse/cnt/cin_a1 in-cse/cnt/cin_a2 in-cse/cnt/x "
					"in-cse/cnt/cin_a5 ");
	assert_int_equal(mn_store_resource_set(f->in, "in-cse/cnt/cin_a2", "{\"a\":1}"), 0);
	seen = (struct seen){ 0 };
	assert_int_equal(mn_store_resource_get(f->in, "cin_a2", take_resource, &seen), 0);
	assert_string_equal(seen.json, "{\"a\":1}");
	assert_int_equal(mn_store_resource_del(f->in, "in-cse/cnt/cin_a1"), 1);
	assert_int_equal(mn_store_resource_del(f->in, "in-cse/cnt/cin_a1"), -ENOENT);
	assert_int_equal(mn_store_resource_del(f->in, "in-cse"), 4); /* with what has no path */
	assert_int_equal(store_sql_int(f->in_path, "SELECT count(*) FROM resource"), 0);
}

static void effect_and_answer_are_one(void **state)
{
	struct fixture *f = *state;
	struct mn_answer_record a = request(1, 1, 1000);

	store_add(f->in, 1);
	assert_int_equal(mn_store_begin(f->in), 0);
	assert_int_equal(put(f->in, "in-cse", "", "cb", 5), 0);
	assert_int_equal(mn_store_answer_put(f->in, &a), 0);
	mn_store_rollback(f->in);
	assert_false(has_answer(f->in, 1, 1));
	assert_int_equal(mn_store_resource_del(f->in, "in-cse"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(generations_only_grow),
		STORE_TEST(last_generations_are_kept),
		STORE_TEST(start_spends_contexts_without_window),
		STORE_TEST(spent_context_stays_spent),
		STORE_TEST(old_contexts_go_with_generation_or_device),
		STORE_TEST(authenticated_state_is_kept),
		STORE_TEST(answer_comes_back),
		STORE_TEST(last_16_and_300_seconds_are_kept),
		STORE_TEST(expire_works_in_bounded_steps),
		STORE_TEST(resources_make_a_tree),
		STORE_TEST(instance_named_by_its_serial_is_like_any_other),
		STORE_TEST(effect_and_answer_are_one),
	};

	if (mn_crypto_init())
		return 1;
	return cmocka_run_group_tests_name("store_in", tests, NULL, NULL);
}
