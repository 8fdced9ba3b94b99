// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: daemon/credentials.c daemon/keyring.c */
/* The gateway's table of devices and the region that holds their keys. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/credentials.h"

static struct mn_device_record record(unsigned int n)
{
	struct mn_device_record r = { .key.len = 32 };

	snprintf(r.id, sizeof(r.id), "D%u", n);
	snprintf(r.kpsa_id, sizeof(r.kpsa_id), "D%u@gw", n);
	snprintf(r.group, sizeof(r.group), "g1");
	memset(r.key.bytes, (int)(n % 251 + 1), 32);
	memset(r.kid, (int)n, sizeof(r.kid));
	return r;
}

static struct mnd_credential *add(struct mnd_credentials *t, unsigned int n)
{
	struct mn_device_record r = record(n);
	struct mnd_credential *c;

	assert_int_equal(mnd_credentials_add(t, &r, NULL, &c), 0);
	return c;
}

static void found_by_identity_and_by_entity(void **state)
{
	struct mnd_credentials t;
	uint8_t key[MN_KEY_MAX];
	size_t len;
	void *owner;

	(void)state;
	assert_int_equal(mnd_credentials_init(&t), 0);
	for (unsigned int i = 0; i < 5000; i++)
		add(&t, i);
	assert_int_equal(t.n, 5000);
	for (unsigned int i = 0; i < 5000; i++) {
		struct mn_device_record r = record(i);
		struct mnd_credential *c = mnd_credentials_by_entity(&t, r.id);

		assert_non_null(c);
		assert_int_equal(mnd_credentials_psk(&t, (uint8_t *)r.kpsa_id, strlen(r.kpsa_id),
						     key, &len, &owner),
				 0);
		assert_ptr_equal(owner, c);
		assert_int_equal(len, 32);
		assert_memory_equal(key, r.key.bytes, 32);
		assert_true(mnd_credential_same(&t, c, &r));
	}
	mnd_credentials_fini(&t);
}

static void strange_identities_are_unknown(void **state)
{
	static const uint8_t with_nul[] = "D1@gw\0x";
	uint8_t longest[MN_KPSA_ID_MAX + 1], key[MN_KEY_MAX];
	struct mnd_credentials t;
	size_t len;
	void *owner;

	(void)state;
	memset(longest, 'a', sizeof(longest));
	assert_int_equal(mnd_credentials_init(&t), 0);
	add(&t, 1);
	assert_int_equal(mnd_credentials_psk(&t, with_nul, 5, key, &len, &owner), 0);
	assert_int_equal(mnd_credentials_psk(&t, with_nul, 6, key, &len, &owner), -ENOENT);
	assert_int_equal(mnd_credentials_psk(&t, with_nul, 7, key, &len, &owner), -ENOENT);
	assert_int_equal(mnd_credentials_psk(&t, with_nul, 4, key, &len, &owner), -ENOENT);
	assert_int_equal(mnd_credentials_psk(&t, with_nul, 0, key, &len, &owner), -ENOENT);
	assert_int_equal(mnd_credentials_psk(&t, longest, sizeof(longest), key, &len, &owner),
			 -ENOENT);
	mnd_credentials_fini(&t);
}

static void doubles_and_impossible_keys_are_refused(void **state)
{
	struct mnd_credentials t;
	struct mn_device_record r = record(1);
	struct mnd_credential *c;

	(void)state;
	assert_int_equal(mnd_credentials_init(&t), 0);
	add(&t, 1);
	strcpy(r.id, "other");
	assert_int_equal(mnd_credentials_add(&t, &r, NULL, &c), -EEXIST);
	r = record(1);
	strcpy(r.kpsa_id, "other@gw");
	assert_int_equal(mnd_credentials_add(&t, &r, NULL, &c), -EEXIST);
	r = record(2);
	r.key.len = 0;
	assert_int_equal(mnd_credentials_add(&t, &r, NULL, &c), -EINVAL);
	r.key.len = MN_KEY_MAX + 1;
	assert_int_equal(mnd_credentials_add(&t, &r, NULL, &c), -EINVAL);
	assert_int_equal(t.n, 1);
	mnd_credentials_fini(&t);
}

static void a_removed_one_is_refused_at_once_and_its_key_is_gone(void **state)
{
	struct mnd_credentials t;
	struct mnd_credential *c, *again;
	const uint8_t *where;
	uint8_t key[MN_KEY_MAX];
	static const uint8_t zero[MN_KEY_MAX];
	size_t len;
	void *owner;

	(void)state;
	assert_int_equal(mnd_credentials_init(&t), 0);
	c = add(&t, 7);
	where = mnd_keyring_key(t.keys, c->key_slot);
	mnd_keyring_del(t.keys, mnd_credentials_del(&t, c, 1000));
	assert_int_equal(mnd_credentials_psk(&t, (const uint8_t *)"D7@gw", 5, key, &len, &owner),
			 -ENOENT);
	assert_null(mnd_credentials_by_entity(&t, "D7"));
	assert_true(c->removed);
	assert_memory_equal(where + 4, zero, MN_KEY_MAX - 4); /* the list of free slots has four */
	/* it can come back while the old one is still in its grave, and takes the slot */
	again = add(&t, 7);
	assert_ptr_not_equal(again, c);
	assert_ptr_equal(mnd_keyring_key(t.keys, again->key_slot), where);
	mnd_credentials_fini(&t);
}

static void a_grave_stays_while_somebody_may_hold_it(void **state)
{
	struct mnd_credentials t;
	struct mnd_credential *c, *held;

	(void)state;
	assert_int_equal(mnd_credentials_init(&t), 0);
	c = add(&t, 1);
	held = add(&t, 2);
	mnd_credential_get(held);
	mnd_credentials_del(&t, c, 1000);
	mnd_credentials_del(&t, held, 1000);
	mnd_credentials_bury(&t, 1000 + MND_GRAVE_MS - 1);
	assert_ptr_equal(TAILQ_FIRST(&t.grave), c);
	mnd_credentials_bury(&t, 1000 + MND_GRAVE_MS);
	assert_ptr_equal(TAILQ_FIRST(&t.grave), held);
	mnd_credential_put(held);
	mnd_credentials_bury(&t, 1000 + MND_GRAVE_MS);
	assert_true(TAILQ_EMPTY(&t.grave));
	mnd_credentials_fini(&t);
}

static void slots_of_keys_are_used_again(void **state)
{
	struct mnd_keyring k;
	uint8_t key[MN_KEY_MAX];
	uint32_t slot[100], fresh;

	(void)state;
	assert_int_equal(mnd_keyring_init(&k, 1024), 0);
	for (int i = 0; i < 100; i++) {
		memset(key, i + 1, sizeof(key));
		assert_int_equal(mnd_keyring_add(&k, key, 16 + (size_t)i % 48, &slot[i]), 0);
	}
	for (int i = 0; i < 100; i += 2)
		mnd_keyring_del(&k, slot[i]);
	memset(key, 0xff, sizeof(key));
	for (int i = 0; i < 50; i++)
		assert_int_equal(mnd_keyring_add(&k, key, 16, &fresh), 0);
	assert_int_equal(k.used, 100);
	for (int i = 1; i < 100; i += 2) {
		assert_int_equal(mnd_keyring_key(&k, slot[i])[0], i + 1);
		assert_int_equal(mnd_keyring_key(&k, slot[i])[15], i + 1);
	}
	assert_int_equal(mnd_keyring_add(&k, key, 0, &fresh), -EINVAL);
	assert_int_equal(mnd_keyring_add(&k, key, MN_KEY_MAX + 1, &fresh), -EINVAL);
	while (k.used < k.slots)
		assert_int_equal(mnd_keyring_add(&k, key, 16, &fresh), 0);
	assert_int_equal(mnd_keyring_add(&k, key, 16, &fresh), -ENOSPC);
	mnd_keyring_fini(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_by_identity_and_by_entity),
		cmocka_unit_test(strange_identities_are_unknown),
		cmocka_unit_test(doubles_and_impossible_keys_are_refused),
		cmocka_unit_test(a_removed_one_is_refused_at_once_and_its_key_is_gone),
		cmocka_unit_test(a_grave_stays_while_somebody_may_hold_it),
		cmocka_unit_test(slots_of_keys_are_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
