// SPDX-License-Identifier: GPL-2.0-or-later
#include "device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"
#include "group.h"

int mnt_devices_init(struct mnt_devices *t)
{
	*t = (struct mnt_devices){ 0 };
	if (mnt_table_init(&t->by_kid) || mnt_table_init(&t->by_id)) {
		mnt_table_fini(&t->by_kid);
		return -ENOMEM;
	}
	return 0;
}

static void ksx_free(struct mnt_ksx *k)
{
	if (!k)
		return;
	for (unsigned int i = 0; i < k->live_n; i++) {
		mn_oscore_fini(&k->live[i]->oscore);
		free(k->live[i]);
	}
	free(k->spent);
	mn_zero(k, sizeof(*k));
	free(k);
}

static void device_free(struct mnt_device *d)
{
	ksx_free(d->ksx[0]);
	ksx_free(d->ksx[1]);
	free(d->id);
	free(d->kpsa_id);
	mn_zero(d, sizeof(*d));
	free(d);
}

void mnt_devices_fini(struct mnt_devices *t)
{
	for (size_t i = 0; i < t->by_id.size; i++)
		while (t->by_id.buckets[i])
			mnt_device_del(t, mnt_of(t->by_id.buckets[i], struct mnt_device, by_id));
	mnt_table_fini(&t->by_kid);
	mnt_table_fini(&t->by_id);
}

static void join(struct mnt_device *d, struct mnt_group *g)
{
	d->group = g;
	d->next = g->devices;
	d->prev = &g->devices;
	if (d->next)
		d->next->prev = &d->next;
	g->devices = d;
	if (d->use == MN_USE_GROUP)
		g->members++;
	else
		g->direct++;
	if (d->authenticated && d->authenticated == g->current.number)
		g->authenticated++;
}

static void leave(struct mnt_device *d)
{
	*d->prev = d->next;
	if (d->next)
		d->next->prev = d->prev;
	if (d->use == MN_USE_GROUP)
		d->group->members--;
	else
		d->group->direct--;
	if (d->authenticated && d->authenticated == d->group->current.number)
		d->group->authenticated--;
}

int mnt_device_add(struct mnt_devices *t, const struct mn_device_record *r, struct mnt_group *g,
		   struct mnt_device **out)
{
	struct mnt_device *d;

	if (mnt_device_by_id(t, r->id) ||
	    (r->use == MN_USE_GROUP && mnt_device_by_kid(t, r->kid, sizeof(r->kid))))
		return -EEXIST;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->id = strdup(r->id);
	d->kpsa_id = strdup(r->kpsa_id);
	if (!d->id || !d->kpsa_id) {
		device_free(d);
		return -ENOMEM;
	}
	d->key = r->key;
	d->use = r->use;
	d->authenticated = r->auth_generation;
	memcpy(d->kid, r->kid, sizeof(d->kid));
	mnt_table_add(&t->by_id, &d->by_id, mnt_table_hash(d->id, strlen(d->id)));
	if (d->use == MN_USE_GROUP)
		mnt_table_add(&t->by_kid, &d->by_kid, mnt_table_hash(d->kid, sizeof(d->kid)));
	join(d, g);
	*out = d;
	return 0;
}

void mnt_device_del(struct mnt_devices *t, struct mnt_device *d)
{
	leave(d);
	mnt_table_del(&t->by_id, &d->by_id);
	if (d->use == MN_USE_GROUP)
		mnt_table_del(&t->by_kid, &d->by_kid);
	device_free(d);
}

struct mnt_device *mnt_device_by_kid(const struct mnt_devices *t, const uint8_t *kid, size_t len)
{
	struct mnt_node *n;

	if (len != MN_KID_LEN)
		return NULL;
	n = mnt_table_first(&t->by_kid, mnt_table_hash(kid, len));
	for (; n; n = mnt_table_next(n)) {
		struct mnt_device *d = mnt_of(n, struct mnt_device, by_kid);

		if (!memcmp(d->kid, kid, MN_KID_LEN))
			return d;
	}
	return NULL;
}

struct mnt_device *mnt_device_by_id(const struct mnt_devices *t, const char *id)
{
	struct mnt_node *n = mnt_table_first(&t->by_id, mnt_table_hash(id, strlen(id)));

	for (; n; n = mnt_table_next(n)) {
		struct mnt_device *d = mnt_of(n, struct mnt_device, by_id);

		if (!strcmp(d->id, id))
			return d;
	}
	return NULL;
}

struct mnt_ksx *mnt_device_ksx(const struct mnt_device *d, uint32_t generation)
{
	for (int i = 0; i < 2; i++)
		if (d->ksx[i] && d->ksx[i]->generation == generation)
			return d->ksx[i];
	return NULL;
}

struct mnt_ksx *mnt_device_ksx_get(struct mnt_device *d, uint32_t generation)
{
	struct mnt_ksx *k = mnt_device_ksx(d, generation);
	int at = 0;

	if (k)
		return k;
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->generation = generation;
	if (d->ksx[0] && (!d->ksx[1] || d->ksx[1]->generation < d->ksx[0]->generation))
		at = 1;
	ksx_free(d->ksx[at]);
	d->ksx[at] = k;
	return k;
}

bool mnt_device_forget(struct mnt_device *d, uint32_t older_than)
{
	bool any = false;

	for (int i = 0; i < 2; i++) {
		if (!d->ksx[i] || d->ksx[i]->generation >= older_than)
			continue;
		ksx_free(d->ksx[i]);
		d->ksx[i] = NULL;
		any = true;
	}
	return any;
}
