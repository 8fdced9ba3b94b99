// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/pool.h"

#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"

struct mn_slab {
	struct mn_slab *next;
	_Alignas(16) unsigned char objects[];
};

enum { SLAB_BYTES = 64 * 1024 - 64 };

void mn_pool_init(struct mn_pool *p, size_t size, size_t limit)
{
	*p = (struct mn_pool){ .size = (size + 7) & ~(size_t)7, .limit = limit };
}

void mn_pool_fini(struct mn_pool *p)
{
	while (p->slabs) {
		struct mn_slab *s = p->slabs;

		p->slabs = s->next;
		free(s);
	}
	p->free = NULL;
	p->used = 0;
}

#ifdef __SANITIZE_ADDRESS__

/* With the sanitizer each object is an allocation of its own, so that a late use is seen. */
void *mn_pool_get(struct mn_pool *p)
{
	void *object = p->used < p->limit ? calloc(1, p->size) : NULL;

	if (object)
		p->used++;
	return object;
}

void mn_pool_put(struct mn_pool *p, void *object)
{
	p->used--;
	mn_zero(object, p->size);
	free(object);
}

#else

static void grow(struct mn_pool *p)
{
	size_t n = SLAB_BYTES / p->size;
	struct mn_slab *s;

	if (n == 0)
		n = 1;
	s = calloc(1, sizeof(*s) + n * p->size);
	if (!s)
		return;
	s->next = p->slabs;
	p->slabs = s;
	while (n-- > 0) {
		void **object = (void **)(s->objects + n * p->size);

		*object = p->free;
		p->free = object;
	}
}

void *mn_pool_get(struct mn_pool *p)
{
	void *object;

	if (p->used >= p->limit)
		return NULL;
	if (!p->free)
		grow(p);
	object = p->free;
	if (!object)
		return NULL;
	p->free = *(void **)object;
	p->used++;
	*(void **)object = NULL;
	return object;
}

void mn_pool_put(struct mn_pool *p, void *object)
{
	mn_zero(object, p->size);
	*(void **)object = p->free;
	p->free = object;
	p->used--;
}

#endif
