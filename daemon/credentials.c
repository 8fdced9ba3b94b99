// SPDX-License-Identifier: GPL-2.0-or-later
#include "credentials.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"

enum { BUCKETS_MIN = 64 };

/* FNV-1a. Keys of the table are provisioned, never a stranger's: nobody can choose colliding ones. */
static size_t hash(const void *text, size_t len)
{
	const uint8_t *p = text;
	uint64_t h = 0xcbf29ce484222325ULL;

	while (len--)
		h = (h ^ *p++) * 0x100000001b3ULL;
	return (size_t)(h ^ h >> 32);
}

static struct mnd_credential **bucket_id(const struct mnd_credentials *t, const void *id,
					 size_t len)
{
	return &t->by_id[hash(id, len) & (t->buckets - 1)];
}

static struct mnd_credential **bucket_entity(const struct mnd_credentials *t, const char *entity)
{
	return &t->by_entity[hash(entity, strlen(entity)) & (t->buckets - 1)];
}

static void link_in(struct mnd_credentials *t, struct mnd_credential *c)
{
	struct mnd_credential **id = bucket_id(t, c->kpsa_id, strlen(c->kpsa_id));
	struct mnd_credential **entity = bucket_entity(t, c->entity);

	c->next_id = *id;
	*id = c;
	c->next_entity = *entity;
	*entity = c;
}

static void link_out(struct mnd_credentials *t, struct mnd_credential *c)
{
	struct mnd_credential **p = bucket_id(t, c->kpsa_id, strlen(c->kpsa_id));

	while (*p != c)
		p = &(*p)->next_id;
	*p = c->next_id;
	p = bucket_entity(t, c->entity);
	while (*p != c)
		p = &(*p)->next_entity;
	*p = c->next_entity;
}

static int set_buckets(struct mnd_credentials *t, size_t n)
{
	struct mnd_credential **by_id = calloc(n, sizeof(*by_id));
	struct mnd_credential **by_entity = calloc(n, sizeof(*by_entity));
	struct mnd_credential *c;

	if (!by_id || !by_entity) {
		free(by_id);
		free(by_entity);
		return -ENOMEM;
	}
	free(t->by_id);
	free(t->by_entity);
	t->by_id = by_id;
	t->by_entity = by_entity;
	t->buckets = n;
	TAILQ_FOREACH(c, &t->all, link)
	link_in(t, c);
	return 0;
}

int mnd_credentials_init(struct mnd_credentials *t)
{
	struct mnd_keyring own;
	/* one more: the gateway's own Kpsami lives in the same region */
	int err = mnd_keyring_init(&own, MND_CREDENTIALS_MAX + 1);

	if (err)
		return err;
	err = mnd_credentials_init_with(t, &own);
	t->own = own;
	t->keys = &t->own;
	if (err)
		mnd_credentials_fini(t);
	return err;
}

int mnd_credentials_init_with(struct mnd_credentials *t, struct mnd_keyring *keys)
{
	*t = (struct mnd_credentials){ .keys = keys };
	TAILQ_INIT(&t->all);
	TAILQ_INIT(&t->grave);
	return set_buckets(t, BUCKETS_MIN);
}

static void free_all(struct mnd_credential_list *list)
{
	struct mnd_credential *c;

	while ((c = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, c, link);
		free(c);
	}
}

void mnd_credentials_fini(struct mnd_credentials *t)
{
	if (!t->keys)
		return;
	free_all(&t->all);
	free_all(&t->grave);
	free(t->by_id);
	free(t->by_entity);
	mnd_keyring_fini(&t->own);
	*t = (struct mnd_credentials){ 0 };
}

struct mnd_credential *mnd_credentials_by_id(const struct mnd_credentials *t, const void *id,
					     size_t len)
{
	struct mnd_credential *c;

	if (len == 0 || len > MN_KPSA_ID_MAX)
		return NULL;
	for (c = *bucket_id(t, id, len); c; c = c->next_id)
		if (strlen(c->kpsa_id) == len && !memcmp(c->kpsa_id, id, len))
			return c; /* so that an identity with a NUL inside equals none */
	return NULL;
}

struct mnd_credential *mnd_credentials_by_entity(const struct mnd_credentials *t,
						 const char *entity)
{
	struct mnd_credential *c;

	for (c = *bucket_entity(t, entity); c; c = c->next_entity)
		if (!strcmp(c->entity, entity))
			return c;
	return NULL;
}

static struct mnd_credential *new_credential(const char *entity, const char *kpsa_id,
					     const uint8_t *kid, struct mnd_group *group)
{
	size_t entity_len = strlen(entity) + 1;
	size_t id_len = strlen(kpsa_id) + 1;
	struct mnd_credential *c = calloc(1, sizeof(*c) + entity_len + id_len);

	if (!c)
		return NULL;
	memcpy(c->text, entity, entity_len);
	memcpy(c->text + entity_len, kpsa_id, id_len);
	c->entity = c->text;
	c->kpsa_id = c->text + entity_len;
	c->group = group;
	memcpy(c->kid, kid, MN_KID_LEN);
	return c;
}

static int make_room(struct mnd_credentials *t)
{
	if (t->n >= MND_CREDENTIALS_MAX)
		return -ENOSPC;
	/* At twice the buckets the chains are still short: growth may fail. */
	if (t->n >= t->buckets && set_buckets(t, t->buckets * 2) && t->n >= t->buckets * 2)
		return -ENOMEM;
	return 0;
}

static void insert(struct mnd_credentials *t, struct mnd_credential *c)
{
	link_in(t, c);
	TAILQ_INSERT_TAIL(&t->all, c, link);
	t->n++;
}

int mnd_credentials_add(struct mnd_credentials *t, const struct mn_device_record *r,
			struct mnd_group *group, struct mnd_credential **out)
{
	struct mnd_credential *c;
	int err;

	if (!r->id[0] || !r->kpsa_id[0] || r->key.len == 0 || r->key.len > MN_KEY_MAX)
		return -EINVAL;
	if (mnd_credentials_by_id(t, r->kpsa_id, strlen(r->kpsa_id)) ||
	    mnd_credentials_by_entity(t, r->id))
		return -EEXIST;
	err = make_room(t);
	if (err)
		return err;
	c = new_credential(r->id, r->kpsa_id, r->kid, group);
	if (!c)
		return -ENOMEM;
	err = mnd_keyring_add(t->keys, r->key.bytes, r->key.len, &c->key_slot);
	if (err) {
		free(c);
		return err;
	}
	c->key_len = r->key.len;
	insert(t, c);
	*out = c;
	return 0;
}

int mnd_credentials_copy(struct mnd_credentials *t, const struct mnd_credential *from,
			 struct mnd_group *group)
{
	struct mnd_credential *c;
	int err = make_room(t);

	if (err)
		return err;
	c = new_credential(from->entity, from->kpsa_id, from->kid, group);
	if (!c)
		return -ENOMEM;
	c->key_slot = from->key_slot;
	c->key_len = from->key_len;
	insert(t, c);
	return 0;
}

uint32_t mnd_credentials_del(struct mnd_credentials *t, struct mnd_credential *c, uint64_t now_ms)
{
	link_out(t, c);
	TAILQ_REMOVE(&t->all, c, link);
	t->n--;
	c->removed = true;
	c->removed_ms = now_ms;
	TAILQ_INSERT_TAIL(&t->grave, c, link);
	return c->key_slot;
}

void mnd_credentials_bury(struct mnd_credentials *t, uint64_t now_ms)
{
	struct mnd_credential *c = TAILQ_FIRST(&t->grave);

	while (c && now_ms - c->removed_ms >= MND_GRAVE_MS) {
		struct mnd_credential *next = TAILQ_NEXT(c, link);

		if (c->refs == 0) {
			TAILQ_REMOVE(&t->grave, c, link);
			free(c);
		}
		c = next;
	}
}

bool mnd_credential_same(const struct mnd_credentials *t, const struct mnd_credential *c,
			 const struct mn_device_record *r)
{
	return !strcmp(c->entity, r->id) && !strcmp(c->kpsa_id, r->kpsa_id) &&
	       c->key_len == r->key.len && !memcmp(c->kid, r->kid, MN_KID_LEN) &&
	       mn_equal(mnd_keyring_key(t->keys, c->key_slot), r->key.bytes, r->key.len);
}

int mnd_credentials_psk(const struct mnd_credentials *t, const uint8_t *identity, size_t len,
			uint8_t key[MN_KEY_MAX], size_t *key_len, void **owner)
{
	struct mnd_credential *c = mnd_credentials_by_id(t, identity, len);

	if (!c)
		return -ENOENT;
	memcpy(key, mnd_keyring_key(t->keys, c->key_slot), c->key_len);
	*key_len = c->key_len;
	*owner = c;
	return 0;
}

void mnd_credential_get(struct mnd_credential *c)
{
	c->refs++;
}

void mnd_credential_put(struct mnd_credential *c)
{
	c->refs--;
}
