// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "core/crypto.h"
#include "core/identity.h"
#include "core/ksx.h"

#define VECTORS "tests/vectors/ksx.json"

struct vector {
	const char *id; /* as given, before normalisation */
	uint8_t nfkc[MN_ENTITY_MAX];
	size_t nfkc_len;
	uint8_t key[MN_KEY_MAX];
	size_t key_len;
	uint8_t rand[MN_RAND_LEN];
	uint8_t ksx[MN_KSX_LEN];
};

static size_t hex_member(json_t *o, const char *name, uint8_t *out, size_t max)
{
	const char *hex = json_string_value(json_object_get(o, name));
	size_t len;

	assert_non_null(hex);
	assert_int_equal(mn_hex_decode(hex, strlen(hex), out, max, &len), 0);
	return len;
}

static struct vector read_vector(json_t *o)
{
	struct vector v = { 0 };

	v.id = json_string_value(json_object_get(o, "enrolee_id"));
	assert_non_null(v.id);
	v.nfkc_len = hex_member(o, "enrolee_id_nfkc_utf8", v.nfkc, sizeof(v.nfkc));
	v.key_len = hex_member(o, "kpsa_hex", v.key, sizeof(v.key));
	assert_int_equal(hex_member(o, "rand_hex", v.rand, sizeof(v.rand)), MN_RAND_LEN);
	assert_int_equal(hex_member(o, "ksx_hex", v.ksx, sizeof(v.ksx)), MN_KSX_LEN);
	return v;
}

static int load(void **state)
{
	json_error_t err;
	json_t *root = json_load_file(VECTORS, 0, &err);

	if (!root) {
		print_error("%s:%d: %s\n", VECTORS, err.line, err.text);
		return -1;
	}
	*state = root;
	return 0;
}

static int unload(void **state)
{
	json_decref(*state);
	return 0;
}

static void ksx_of_every_vector_is_derived_from_the_normalised_id(void **state)
{
	json_t *vectors = json_object_get(*state, "vectors"), *o;
	size_t i;

	assert_true(json_array_size(vectors) >= 10);
	json_array_foreach(vectors, i, o)
	{
		struct vector v = read_vector(o);
		char id[MN_ENTITY_MAX + 1];
		uint8_t ksx[MN_KSX_LEN];
		size_t len;

		assert_int_equal(mn_entity_normalise(v.id, strlen(v.id), id, &len), 0);
		assert_int_equal(len, v.nfkc_len);
		assert_memory_equal(id, v.nfkc, len);
		assert_int_equal(mn_ksx_derive(v.key, v.key_len, id, len, v.rand, ksx), 0);
		assert_memory_equal(ksx, v.ksx, sizeof(ksx));
	}
}

static void ksx_changes_with_key_id_and_rand(void **state)
{
	struct vector v = read_vector(json_array_get(json_object_get(*state, "vectors"), 0));
	uint8_t ksx[MN_KSX_LEN];
	const char *id = (const char *)v.nfkc;

	v.key[0] ^= 1;
	assert_int_equal(mn_ksx_derive(v.key, v.key_len, id, v.nfkc_len, v.rand, ksx), 0);
	assert_memory_not_equal(ksx, v.ksx, sizeof(ksx));
	v.key[0] ^= 1;
	v.nfkc[v.nfkc_len - 1] ^= 1;
	assert_int_equal(mn_ksx_derive(v.key, v.key_len, id, v.nfkc_len, v.rand, ksx), 0);
	assert_memory_not_equal(ksx, v.ksx, sizeof(ksx));
	v.nfkc[v.nfkc_len - 1] ^= 1;
	v.rand[31] ^= 0x80;
	assert_int_equal(mn_ksx_derive(v.key, v.key_len, id, v.nfkc_len, v.rand, ksx), 0);
	assert_memory_not_equal(ksx, v.ksx, sizeof(ksx));
	v.rand[31] ^= 0x80;
	assert_int_equal(mn_ksx_derive(v.key, v.key_len, id, v.nfkc_len, v.rand, ksx), 0);
	assert_memory_equal(ksx, v.ksx, sizeof(ksx));
}

static void ksx_takes_keys_of_1_to_64_bytes_and_ids_of_1_to_255(void **state)
{
	uint8_t key[MN_KEY_MAX + 1] = { 1 }, rand[MN_RAND_LEN] = { 2 }, ksx[MN_KSX_LEN];
	char id[MN_ENTITY_MAX + 1];

	(void)state;
	memset(id, 'x', sizeof(id));
	assert_int_equal(mn_ksx_derive(key, 0, id, 1, rand, ksx), -EINVAL);
	assert_int_equal(mn_ksx_derive(key, 1, id, 1, rand, ksx), 0);
	assert_int_equal(mn_ksx_derive(key, MN_KEY_MAX, id, 1, rand, ksx), 0);
	assert_int_equal(mn_ksx_derive(key, MN_KEY_MAX + 1, id, 1, rand, ksx), -EINVAL);
	assert_int_equal(mn_ksx_derive(key, MN_KEY_MIN, id, 0, rand, ksx), -EINVAL);
	assert_int_equal(mn_ksx_derive(key, MN_KEY_MIN, id, MN_ENTITY_MAX, rand, ksx), 0);
	assert_int_equal(mn_ksx_derive(key, MN_KEY_MIN, id, MN_ENTITY_MAX + 1, rand, ksx), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ksx_of_every_vector_is_derived_from_the_normalised_id),
		cmocka_unit_test(ksx_changes_with_key_id_and_rand),
		cmocka_unit_test(ksx_takes_keys_of_1_to_64_bytes_and_ids_of_1_to_255),
	};

	if (mn_crypto_init())
		return 1;
	return cmocka_run_group_tests(tests, load, unload);
}
