// SPDX-License-Identifier: GPL-2.0-or-later
/* Which worker a datagram goes to: the workers' sockets and the table of slots for reuseport.bpf.c, and a look at whether it did. */
#ifdef HAVE_BPF
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "log.h"
#include "reuseport.skel.h"
#include "steer_maps.h"
#include "uapi/slot.h"

int mnd_steer_listener_fd(struct mnd_steer *s, unsigned int listener, unsigned int worker, int fd)
{
	uint32_t at = listener * MNCSE_BPF_WORKERS + worker;
	uint64_t value = (uint64_t)fd;
	int prog;

	if (!s->active || worker >= MNCSE_BPF_WORKERS || at >= MNCSE_BPF_SOCKETS)
		return -ENOTSUP;
	prog = bpf_program__fd(s->reuseport->progs.steer);
	if (bpf_map_update_elem(s->map.workers, &at, &value, BPF_ANY))
		return errno == EINVAL ? -ENOTSUP : -errno;
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &prog, sizeof(prog)) ? -errno :
											   0;
}

/* Every slot has a worker of its own; one that is away lends its slots to those that are there, and gets the same ones back. */
void mnd_steer_workers(struct mnd_steer *s, uint64_t present)
{
	uint32_t there[MNCSE_BPF_WORKERS], n = 0, all;

	if (!s->active || !present)
		return;
	for (uint32_t w = 0; w < MNCSE_BPF_WORKERS; w++)
		if (present >> w & 1)
			there[n++] = w;
	all = there[n - 1] + 1;
	if (all > s->n_workers)
		s->n_workers = all;
	for (uint32_t slot = 0; slot < MNCSE_BPF_SLOTS; slot++) {
		uint32_t w = slot % s->n_workers;

		if (!(present >> w & 1))
			w = there[slot / s->n_workers % n];
		s->slots[slot] = w;
		if (bpf_map_update_elem(s->map.slots, &slot, &w, BPF_ANY))
			mn_error("bpf: slot %u: %s", slot, strerror(errno));
	}
}

/* A look costs a system call: only where a datagram is a stranger, and only where it can have gone wrong. */
void mnd_steer_stray(struct mnd_steer *s, const union mn_addr *remote, unsigned int listener,
		     unsigned int worker, bool begins)
{
	struct mncse_bpf_peer key = mnd_steer_peer(remote, listener);
	struct mncse_bpf_session v;
	bool known;

	if (!s->active || s->n_workers < 2)
		return;
	known = !bpf_map_lookup_elem(s->map.sessions, &key, &v);
	if (known ? v.worker != worker : begins && s->slots[mncse_bpf_slot(&key)] != worker)
		__atomic_add_fetch(&s->strayed, 1, __ATOMIC_RELAXED);
}
#else
typedef int mnd_steer_workers_are_not_built;
#endif
