/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Byte buffers in a few sizes for the packet path, from pools. Owned by one worker, no locks. */
#ifndef MND_BUFFER_H
#define MND_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "core/pool.h"

#define MND_BUFFER_CLASSES 6
#define MND_BUFFER_MAX 2048 /* more than any CoAP message that is sent (MND_COAP_MAX) */

struct mnd_buffers {
	struct mn_pool pools[MND_BUFFER_CLASSES];
	size_t bytes; /* handed out now, by size class */
};

struct mnd_buffer {
	uint8_t *data; /* NULL = none */
	uint16_t len;  /* of the content, set by get */
	uint8_t class;
};

void mnd_buffers_init(struct mnd_buffers *b);
void mnd_buffers_fini(struct mnd_buffers *b);
/* Room for len bytes, content undefined. -EMSGSIZE above MND_BUFFER_MAX, -ENOMEM. */
int mnd_buffer_get(struct mnd_buffers *b, size_t len, struct mnd_buffer *out);
/* Takes it back; *buffer is then empty. An empty one is fine. */
void mnd_buffer_put(struct mnd_buffers *b, struct mnd_buffer *buffer);

#endif
