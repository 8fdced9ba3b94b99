// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/unit/protocol_page.c tests/unit/protocol_world.c tests/unit/protocol_dtls.c tests/unit/protocol_rand.c */
/* LINK: tests/unit/protocol_oscore.c tests/unit/protocol_answers.c */
/* Every example of docs/protocol.md is a test of its own: made anew with the library, it must be what the page shows, byte for byte. The
 * page has no example that is not made here, and lacks none. */
#include "protocol_examples.h"

#include <stdio.h>

#define PAGE "docs/protocol.md"

static struct page page;

static const struct {
	const struct example *list;
	const size_t *n;
} files[] = {
	{ rand_examples, &rand_examples_n },
	{ dtls_examples, &dtls_examples_n },
	{ oscore_examples, &oscore_examples_n },
	{ answer_examples, &answer_examples_n },
};
enum { FILES = sizeof(files) / sizeof(files[0]) };

static const struct example *known(const char *name)
{
	for (size_t i = 0; i < FILES; i++)
		for (size_t j = 0; j < *files[i].n; j++)
			if (!strcmp(files[i].list[j].name, name))
				return &files[i].list[j];
	return NULL;
}

static void print_hex(const char *what, const struct blob *b)
{
	char hex[2 * sizeof(b->bytes) + 1];

	mn_hex_encode(b->bytes, b->len, hex);
	print_error("%s %s\n", what, hex);
}

static void example_is_what_the_library_makes(void **state)
{
	const struct example *e = *state;
	const struct page_example *shown = page_find(&page, e->name);
	struct blob made = { 0 };
	size_t same = 0;

	e->make(e, &made);
	if (!shown) {
		print_hex("made:", &made);
		fail_msg(PAGE " has no example %s", e->name);
		return;
	}
	while (same < made.len && same < shown->blob.len &&
	       made.bytes[same] == shown->blob.bytes[same])
		same++;
	if (same == made.len && same == shown->blob.len)
		return;
	print_hex("made: ", &made);
	print_hex("shown:", &shown->blob);
	fail_msg(PAGE ":%u: example %s differs from byte %zu on", shown->line, e->name, same);
}

static void the_page_has_no_example_that_is_not_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < page.n; i++)
		if (!known(page.list[i].name))
			fail_msg(PAGE ":%u: nobody checks example %s", page.list[i].line,
				 page.list[i].name);
	assert_true(page.n > 0);
}

/* Every CoAP message of the page, put together again from what a reader finds in it, is the same bytes: no option is written in another
 * way than the shortest. */
static void every_message_is_in_its_only_form(void **state)
{
	size_t messages = 0;

	(void)state;
	for (size_t i = 0; i < page.n; i++) {
		const struct blob *b = &page.list[i].blob;
		struct mn_coap_cursor at = { 0 };
		struct mn_coap_writer w;
		struct mn_coap_option o;
		struct blob again = { 0 };
		struct mn_coap m;

		/* Records, plaintexts and keys of the page are none, by their first byte. */
		if (b->bytes[0] >> 6 != 1 || b->len < 4 || mn_coap_read(b->bytes, b->len, &m, NULL))
			continue;
		if (m.code == MN_COAP_EMPTY) {
			again.len = mn_coap_empty(again.bytes, m.type, m.id);
		} else {
			mn_coap_begin(&w, again.bytes, sizeof(again.bytes), m.type, m.code, m.id,
				      &m.token);
			while (mn_coap_option_next(&m, &at, &o))
				mn_coap_put(&w, o.number, o.value, o.len);
			mn_coap_put_payload(&w, m.payload, m.payload_len);
			blob_finish(&again, &w);
		}
		assert_int_equal(again.len, b->len);
		assert_memory_equal(again.bytes, b->bytes, b->len);
		messages++;
	}
	assert_true(messages >= 40);
}

static int setup(void **state)
{
	(void)state;
	page_read(&page, PAGE);
	return mn_crypto_init();
}

static int teardown(void **state)
{
	(void)state;
	page_free(&page);
	return 0;
}

int main(void)
{
	size_t n = 2, at = 2;

	for (size_t i = 0; i < FILES; i++)
		n += *files[i].n;

	struct CMUnitTest tests[n];

	memset(tests, 0, sizeof(tests));
	tests[0] = (struct CMUnitTest)cmocka_unit_test(the_page_has_no_example_that_is_not_checked);
	tests[1] = (struct CMUnitTest)cmocka_unit_test(every_message_is_in_its_only_form);
	for (size_t i = 0; i < FILES; i++)
		for (size_t j = 0; j < *files[i].n; j++)
			tests[at++] = (struct CMUnitTest){
				.name = files[i].list[j].name,
				.test_func = example_is_what_the_library_makes,
				.initial_state = (void *)(uintptr_t)&files[i].list[j],
			};
	return cmocka_run_group_tests(tests, setup, teardown);
}
