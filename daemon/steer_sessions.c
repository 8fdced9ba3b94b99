// SPDX-License-Identifier: GPL-2.0-or-later
/* The session map: a worker adds what it authenticates, deletes what it closes, and looks now and then whether the two agree. Workers share
 * the map; an entry is its worker's. */
#ifdef HAVE_BPF
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "log.h"
#include "steer_maps.h"

/* Octets of a record's body that carries n of plaintext. */
size_t mnd_steer_body(enum mn_suite suite, size_t n)
{
	switch (suite) {
	case MN_SUITE_PSK_AES_128_GCM:
	case MN_SUITE_DHE_PSK_AES_128_GCM:
		return n + 8 + 16;
	case MN_SUITE_PSK_AES_128_CCM_8:
		return n + 8 + 8;
	case MN_SUITE_PSK_AES_128_CBC:
		return 16 + (n / 16 + 1) * 16 + 32;
	}
	return n;
}

/* Neither step makes an entry that the other does not know of, so `used` stays exact whoever else is at the same key. */
static int put(struct mnd_steer *s, const struct mncse_bpf_peer *key,
	       const struct mncse_bpf_session *v)
{
	for (;;) {
		if (!bpf_map_update_elem(s->map.sessions, key, v, BPF_NOEXIST)) {
			__atomic_add_fetch(&s->used, 1, __ATOMIC_RELAXED);
			return 0;
		}
		if (errno != EEXIST)
			return -errno;
		if (!bpf_map_update_elem(s->map.sessions, key, v, BPF_EXIST))
			return 0;
		if (errno != ENOENT)
			return -errno;
	}
}

int mnd_steer_session_add(struct mnd_steer *s, const union mn_addr *remote, unsigned int listener,
			  unsigned int worker, uint32_t group, enum mn_suite suite)
{
	struct mncse_bpf_peer key = mnd_steer_peer(remote, listener);
	struct mncse_bpf_session v = {
		.worker = worker,
		.group = group < s->n_groups ? group : ~0u,
		.rand_len = (uint16_t)mnd_steer_body(suite, MND_RAND_MESSAGE),
		.service_min = (uint16_t)mnd_steer_body(suite, MND_SERVICE_MESSAGE),
	};

	if (!s->active || !put(s, &key, &v))
		return 0;
	if (!__atomic_fetch_add(&s->full, 1, __ATOMIC_RELAXED))
		mn_warn("bpf: the session map of %u is full: unknown peers pass (bpf.sessions)",
			s->n_sessions);
	return -ENOSPC;
}

static void take_out(struct mnd_steer *s, const struct mncse_bpf_peer *key, unsigned int worker)
{
	struct mncse_bpf_session v;

	if (s->n_workers > 1 &&
	    (bpf_map_lookup_elem(s->map.sessions, key, &v) || v.worker != worker))
		return;
	if (!bpf_map_delete_elem(s->map.sessions, key))
		__atomic_sub_fetch(&s->used, 1, __ATOMIC_RELAXED);
}

void mnd_steer_session_del(struct mnd_steer *s, const union mn_addr *remote, unsigned int listener,
			   unsigned int worker)
{
	struct mncse_bpf_peer key = mnd_steer_peer(remote, listener);

	if (s->active)
		take_out(s, &key, worker);
}

/* ---- consistency ---- */

/* False: a link-local address, whose interface the map does not have. */
static bool address(const struct mncse_bpf_peer *p, union mn_addr *out)
{
	static const uint8_t four[12] = { [10] = 0xff, [11] = 0xff };

	memset(out, 0, sizeof(*out));
	if (!memcmp(p->addr, four, sizeof(four))) {
		out->in.sin_family = AF_INET;
		out->in.sin_port = p->port;
		memcpy(&out->in.sin_addr, p->addr + 12, 4);
		return true;
	}
	out->in6.sin6_family = AF_INET6;
	out->in6.sin6_port = p->port;
	memcpy(&out->in6.sin6_addr, p->addr, 16);
	return !IN6_IS_ADDR_LINKLOCAL(&out->in6.sin6_addr);
}

size_t mnd_steer_entries(const struct mnd_steer *s)
{
	return __atomic_load_n(&s->used, __ATOMIC_RELAXED);
}

bool mnd_steer_check_entries(struct mnd_steer *s, struct mnd_steer_lap *lap, unsigned int worker,
			     mnd_steer_live_fn *live, void *arg)
{
	struct mncse_bpf_peer keys[MND_STEER_CHECK_BATCH];
	struct mncse_bpf_session values[MND_STEER_CHECK_BATCH];
	uint32_t n = MND_STEER_CHECK_BATCH;
	int err;

	if (!s->active)
		return true;
	err = bpf_map_lookup_batch(s->map.sessions, lap->begun ? &lap->at : NULL, &lap->at, keys,
				   values, &n, NULL);
	lap->begun = !err;
	if (err && errno != ENOENT)
		return true;
	for (uint32_t i = 0; i < n; i++) {
		union mn_addr a;

		if (values[i].worker != worker || !address(&keys[i], &a) ||
		    live(arg, &a, keys[i].listener))
			continue;
		__atomic_add_fetch(&s->stale, 1, __ATOMIC_RELAXED);
		take_out(s, &keys[i], worker);
	}
	return !lap->begun;
}

/* An entry that is another worker's stays: that one has heard of the peer later. */
int mnd_steer_check_session(struct mnd_steer *s, const union mn_addr *remote, unsigned int listener,
			    unsigned int worker)
{
	struct mncse_bpf_peer key = mnd_steer_peer(remote, listener);
	struct mncse_bpf_session v;
	bool found;

	if (!s->active)
		return 0;
	found = !bpf_map_lookup_elem(s->map.sessions, &key, &v);
	if (found && v.worker == worker)
		return 0;
	/* those that did not fit are missing by right */
	if (found || !__atomic_load_n(&s->full, __ATOMIC_RELAXED))
		__atomic_add_fetch(&s->missing, 1, __ATOMIC_RELAXED);
	return found ? 0 : -ENOENT;
}
#else
typedef int mnd_steer_sessions_are_not_built;
#endif
