// SPDX-License-Identifier: GPL-2.0-or-later
/* Which worker has a device's live session. */
#include <string.h>

#include "gateway.h"
#include "log.h"

enum { INDEX_BITS = 6 };

_Static_assert(MND_WORKERS_MAX == 1 << INDEX_BITS, "a tag's low bits are its worker");

void mnd_home_claim(struct mnd_device *d)
{
	struct mnd_gateway *g = d->gateway;
	const struct mnd_credential *c = d->credential;
	struct mnd_parcel *p;
	unsigned int before_at;
	uint64_t before;

	d->tag = ++g->last_tag << INDEX_BITS | g->index;
	before = __atomic_exchange_n(&g->crew->homes[c->key_slot], d->tag, __ATOMIC_ACQ_REL);
	before_at = before & (MND_WORKERS_MAX - 1);
	/* on this worker the endpoint has closed it already */
	if (!before || before_at == g->index)
		return;
	p = mnd_parcel_get(g, MND_PARCEL_LOST);
	if (!p) {
		mn_error("device %s: no memory to close its former session", c->entity);
		return;
	}
	p->tag = before;
	p->len = (uint16_t)(strlen(c->entity) + 1);
	memcpy(p->data, c->entity, p->len);
	mnd_parcel_send(g, p, before_at);
}

void mnd_home_release(struct mnd_device *d)
{
	uint64_t mine = d->tag;
	uint32_t slot = d->credential->key_slot;

	__atomic_compare_exchange_n(&d->gateway->crew->homes[slot], &mine, 0, false,
				    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

void mnd_home_lost(struct mnd_gateway *g, struct mnd_parcel *p)
{
	struct mnd_credential *c =
		mnd_credentials_by_entity(&g->credentials, (const char *)p->data);

	/* a session of it that has come here since has another tag */
	if (c && c->device && c->device->tag == p->tag)
		mn_session_replace(c->device->messenger.session);
}
