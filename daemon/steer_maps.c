// SPDX-License-Identifier: GPL-2.0-or-later
#ifdef HAVE_BPF
#include "steer_maps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

enum { PREFIXES = 65536, PENDING_MIN = 1024 };

struct mncse_bpf_peer mnd_steer_peer(const union mn_addr *a, unsigned int listener)
{
	struct mncse_bpf_peer p = { .listener = (uint16_t)listener };

	if (a->sa.sa_family == AF_INET6) {
		memcpy(p.addr, &a->in6.sin6_addr, 16);
		p.port = a->in6.sin6_port;
	} else {
		p.addr[10] = p.addr[11] = 0xff;
		memcpy(p.addr + 12, &a->in.sin_addr, 4);
		p.port = a->in.sin_port;
	}
	return p;
}

struct shape {
	const char *name;
	enum bpf_map_type type;
	uint32_t key, value, entries;
	int *fd;
};

int mnd_steer_maps_make(struct mnd_steer *s, const struct mnd_steer_config *c)
{
	uint32_t pending = c->half_open * 4 < PENDING_MIN ? PENDING_MIN : c->half_open * 4;
	uint32_t peer = sizeof(struct mncse_bpf_peer);
	const struct shape shapes[] = {
		{ "config", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct mncse_bpf_config), 1,
		  &s->map.config },
		{ "sessions", BPF_MAP_TYPE_HASH, peer, sizeof(struct mncse_bpf_session),
		  s->n_sessions, &s->map.sessions },
		{ "counters", BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct mncse_bpf_counters), 1,
		  &s->map.counters },
		{ "keys", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct mncse_bpf_keys), 1, &s->map.keys },
		{ "relayed", BPF_MAP_TYPE_LPM_TRIE, sizeof(struct mncse_bpf_range), 4,
		  MND_STEER_RANGES, &s->map.relayed },
		{ "pending", BPF_MAP_TYPE_LRU_HASH, peer, 8, pending, &s->map.pending },
		{ "prefixes", BPF_MAP_TYPE_LRU_HASH, sizeof(struct mncse_bpf_prefix), 8, PREFIXES,
		  &s->map.prefixes },
		{ "groups", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct mncse_bpf_group), s->n_groups,
		  &s->map.groups },
		{ "shares", BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct mncse_bpf_share),
		  s->n_groups, &s->map.shares },
		{ "slots", BPF_MAP_TYPE_ARRAY, 4, 4, MNCSE_BPF_SLOTS, &s->map.slots },
		{ "workers", BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, MNCSE_BPF_SOCKETS,
		  &s->map.workers },
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const struct shape *m = &shapes[i];
		LIBBPF_OPTS(bpf_map_create_opts, o,
			    .map_flags = m->type == BPF_MAP_TYPE_LPM_TRIE ? BPF_F_NO_PREALLOC : 0);

		*m->fd = bpf_map_create(m->type, m->name, m->key, m->value, m->entries, &o);
		if (*m->fd < 0) {
			int err = -errno;

			snprintf(s->why, sizeof(s->why), "map %s of %u entries: %s", m->name,
				 m->entries, strerror(-err));
			*m->fd = -1;
			return err;
		}
	}
	return 0;
}

void mnd_steer_maps_close(struct mnd_steer *s)
{
#define X(name)                     \
	if (s->map.name >= 0)       \
		close(s->map.name); \
	s->map.name = -1;
	MND_STEER_MAPS(X)
#undef X
}

int mnd_steer_maps_give(const struct mnd_steer *s, struct bpf_object *o)
{
	const struct {
		const char *name;
		int fd;
	} have[] = {
#define X(name) { #name, s->map.name },
		MND_STEER_MAPS(X)
#undef X
	};

	for (size_t i = 0; i < sizeof(have) / sizeof(have[0]); i++) {
		struct bpf_map *m = bpf_object__find_map_by_name(o, have[i].name);
		int err = m ? bpf_map__reuse_fd(m, have[i].fd) : 0;

		if (err)
			return err;
	}
	return 0;
}
#else
typedef int mnd_steer_maps_are_not_built;
#endif
