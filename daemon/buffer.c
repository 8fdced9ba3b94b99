// SPDX-License-Identifier: GPL-2.0-or-later
#include "buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const size_t buffer_sizes[MND_BUFFER_CLASSES] = { 64, 128, 256, 512, 1280, MND_BUFFER_MAX };

void mnd_buffers_init(struct mnd_buffers *b)
{
	for (size_t i = 0; i < MND_BUFFER_CLASSES; i++)
		mn_pool_init(&b->pools[i], buffer_sizes[i], SIZE_MAX);
	b->bytes = 0;
}

void mnd_buffers_fini(struct mnd_buffers *b)
{
	for (size_t i = 0; i < MND_BUFFER_CLASSES; i++)
		mn_pool_fini(&b->pools[i]);
}

int mnd_buffer_get(struct mnd_buffers *b, size_t len, struct mnd_buffer *out)
{
	for (uint8_t i = 0; i < MND_BUFFER_CLASSES; i++) {
		void *data;

		if (len > buffer_sizes[i])
			continue;
		data = mn_pool_get(&b->pools[i]);
		if (!data)
			return -ENOMEM;
		b->bytes += buffer_sizes[i];
		*out = (struct mnd_buffer){ .data = data, .len = (uint16_t)len, .class = i };
		return 0;
	}
	return -EMSGSIZE;
}

void mnd_buffer_put(struct mnd_buffers *b, struct mnd_buffer *buffer)
{
	if (!buffer->data)
		return;
	mn_pool_put(&b->pools[buffer->class], buffer->data);
	b->bytes -= buffer_sizes[buffer->class];
	*buffer = (struct mnd_buffer){ 0 };
}
