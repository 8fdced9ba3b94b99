// SPDX-License-Identifier: GPL-2.0-or-later
#include "phase.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
	[MNT_PHASE_HANDSHAKE] = "handshake", [MNT_PHASE_RAND] = "rand",
	[MNT_PHASE_REQUEST] = "request",     [MNT_PHASE_GET] = "get",
	[MNT_PHASE_STEADY] = "steady",       [MNT_PHASE_RECONNECT] = "reconnect",
};

enum { KINDS = sizeof(names) / sizeof(names[0]) };

const char *mnt_phase_name(enum mnt_phase_kind k)
{
	return names[k];
}

static int find(const char *word, size_t len)
{
	for (int k = 0; k < KINDS; k++)
		if (strlen(names[k]) == len && !memcmp(names[k], word, len))
			return k;
	return -1;
}

int mnt_phases_parse(const char *text, struct mnt_phases *out, char err[256])
{
	struct mnt_phases p = { .n = 0 };

	for (;;) {
		size_t len = strcspn(text, ",");
		int k = find(text, len);

		if (k < 0) {
			snprintf(
				err, 256,
				"%.*s: expected handshake, rand, request, get, steady or reconnect",
				len > 40 ? 40 : (int)len, text);
			return -EINVAL;
		}
		if (p.n == MNT_PHASES_MAX) {
			snprintf(err, 256, "more than %d phases", MNT_PHASES_MAX);
			return -EINVAL;
		}
		if ((k == MNT_PHASE_HANDSHAKE) != !p.n) {
			snprintf(err, 256, "handshake is the first phase, and only the first");
			return -EINVAL;
		}
		p.kind[p.n++] = (enum mnt_phase_kind)k;
		if (!text[len])
			break;
		text += len + 1;
	}
	*out = p;
	return 0;
}

bool mnt_phases_are_counted(const struct mnt_phases *p)
{
	return p->n == 2 && p->kind[1] == MNT_PHASE_REQUEST;
}
