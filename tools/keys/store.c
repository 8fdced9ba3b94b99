// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys.h"

#include <errno.h>
#include <string.h>

#include "log.h"

int mnt_store_open(const char *path, bool exclusive, struct mn_store **out)
{
	enum mn_store_role role;
	char text[256];
	int err = mn_store_probe(path, &role, text);

	if (!err)
		err = mn_store_open(path, role, exclusive, out, text);
	if (err && !(exclusive && err == -EBUSY))
		mn_error("%s", text);
	return err;
}

void mnt_store_close(struct mn_store **s)
{
	mn_store_close(*s);
}

struct only {
	char *out;
	unsigned int n;
};

static int take_peer(void *arg, const struct mn_peer_record *p)
{
	struct only *only = arg;

	only->n++;
	strcpy(only->out, p->entity_id);
	return 0;
}

bool mnt_only_peer(struct mn_store *s, char out[MN_GATEWAY_ID_MAX + 1])
{
	struct only only = { .out = out };

	return !mn_store_peer_each(s, take_peer, &only) && only.n == 1;
}
