// SPDX-License-Identifier: GPL-2.0-or-later
/* Interfaces and addresses that come and go while the gateway runs. */
#ifdef HAVE_BPF
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "steer_maps.h"

static bool has(const struct mnd_steer *s, unsigned int index)
{
	for (unsigned int n = 0; n < s->n_interfaces; n++)
		if (s->interfaces[n].index == index)
			return true;
	return false;
}

/* The kernel has taken the programs off with the interface. */
static void forget_gone(struct mnd_steer *s)
{
	unsigned int kept = 0;

	for (unsigned int n = 0; n < s->n_interfaces; n++) {
		struct mnd_interface *i = &s->interfaces[n];
		char name[IF_NAMESIZE];

		if (if_indextoname(i->index, name)) {
			s->interfaces[kept++] = *i;
			continue;
		}
		mn_info("bpf: %s is gone", i->name);
		mnd_steer_detach_from(s, i);
	}
	s->n_interfaces = kept;
}

static void take_new(struct mnd_steer *s, const struct mnd_steer *now,
		     const struct mnd_steer_config *c)
{
	for (unsigned int n = 0; n < now->n_interfaces; n++) {
		struct mnd_interface *i = &s->interfaces[s->n_interfaces];

		if (has(s, now->interfaces[n].index) || s->n_interfaces == MND_STEER_INTERFACES)
			continue;
		*i = now->interfaces[n];
		if (mnd_steer_attach_to(s, i, c)) {
			mn_warn("bpf: %s", s->why);
			mnd_steer_detach_from(s, i);
			continue;
		}
		mn_info("bpf: attached to %s", i->name);
		s->n_interfaces++;
	}
}

void mnd_steer_refresh(struct mnd_steer *s, const struct mnd_steer_config *c)
{
	struct mnd_steer *now;

	if (!s->active)
		return;
	now = calloc(1, sizeof(*now));
	if (!now)
		return;
	forget_gone(s);
	now->refresh = true;
	if (!mnd_steer_find_interfaces(now, c))
		take_new(s, now, c);
	if (mnd_steer_find_listeners(now, c)) {
		mn_warn("bpf: %s", now->why);
	} else if (memcmp(now->image.listeners, s->image.listeners, sizeof(s->image.listeners))) {
		memcpy(s->image.listeners, now->image.listeners, sizeof(s->image.listeners));
		s->image.n_listeners = now->image.n_listeners;
		mnd_steer_push(s);
	}
	free(now);
}
#else
typedef int mnd_steer_refresh_is_not_built;
#endif
