/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Objects of one size from slabs: no allocation in steady state, no header an object. Owned by one thread, no locks. */
#ifndef MN_CORE_POOL_H
#define MN_CORE_POOL_H

#include <stddef.h>

struct mn_slab;

struct mn_pool {
	size_t size;  /* of an object, rounded up to 8 */
	size_t limit; /* objects at most */
	size_t used;  /* handed out now */
	void *free;   /* linked through the first word */
	struct mn_slab *slabs;
};

void mn_pool_init(struct mn_pool *p, size_t size, size_t limit);
/* All objects must be back or no longer in use. Slabs are kept until here. */
void mn_pool_fini(struct mn_pool *p);
/* A zeroed object; NULL at the limit or without memory. */
void *mn_pool_get(struct mn_pool *p);
/* Zeroes it, since it may have held a key. */
void mn_pool_put(struct mn_pool *p, void *object);

#endif
