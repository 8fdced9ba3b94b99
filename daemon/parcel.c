// SPDX-License-Identifier: GPL-2.0-or-later
#include "parcel.h"

#include <stdlib.h>
#include <string.h>

#include "gateway.h"

enum { A_SLAB = 32 };

struct mnd_parcel_slab {
	struct mnd_parcel_slab *next;
	struct mnd_parcel parcel[A_SLAB];
};

static void grow(struct mnd_parcels *t)
{
	struct mnd_parcel_slab *s = malloc(sizeof(*s));

	if (!s)
		return;
	s->next = t->slabs;
	t->slabs = s;
	for (int i = 0; i < A_SLAB; i++) {
		s->parcel[i].next = t->free;
		t->free = &s->parcel[i];
	}
}

struct mnd_parcel *mnd_parcel_get(struct mnd_gateway *g, enum mnd_parcel_kind kind)
{
	struct mnd_parcels *t = &g->parcels;
	struct mnd_parcel *p;

	if (!t->free)
		grow(t);
	p = t->free;
	if (!p)
		return NULL;
	t->free = p->next;
	t->used++;
	memset(p, 0, offsetof(struct mnd_parcel, data));
	p->owner = g;
	p->kind = kind;
	return p;
}

void mnd_parcel_put(struct mnd_gateway *g, struct mnd_parcel *p)
{
	p->next = g->parcels.free;
	g->parcels.free = p;
	g->parcels.used--;
}

/* At the owner. */
static void came_home(struct mn_loop *l, struct mn_mail *m)
{
	struct mnd_parcel *p = mnd_container(m, struct mnd_parcel, mail);
	struct mnd_gateway *g = p->owner;

	(void)l;
	if (p->request)
		mnd_relay_home(&g->relay, p);
	mnd_parcel_put(g, p);
}

static void arrived(struct mn_loop *l, struct mn_mail *m)
{
	struct mnd_parcel *p = mnd_container(m, struct mnd_parcel, mail);
	struct mnd_gateway *g = p->owner->crew->worker[p->to];

	(void)l;
	switch ((enum mnd_parcel_kind)p->kind) {
	case MND_PARCEL_REQUEST:
		mnd_relay_take(&g->relay, p);
		return;
	case MND_PARCEL_LOST:
		mnd_home_lost(g, p);
		mnd_parcel_home(g, p);
		return;
	}
}

void mnd_parcel_send(struct mnd_gateway *g, struct mnd_parcel *p, unsigned int to)
{
	p->to = to;
	p->mail.fn = arrived;
	mnd_crew_post(g, to, &p->mail);
}

void mnd_parcel_home(struct mnd_gateway *g, struct mnd_parcel *p)
{
	p->mail.fn = came_home;
	mnd_crew_post(g, p->owner->index, &p->mail);
}

void mnd_parcels_fini(struct mnd_parcels *t)
{
	while (t->slabs) {
		struct mnd_parcel_slab *s = t->slabs;

		t->slabs = s->next;
		free(s);
	}
	*t = (struct mnd_parcels){ 0 };
}
