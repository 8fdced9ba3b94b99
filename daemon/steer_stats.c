// SPDX-License-Identifier: GPL-2.0-or-later
#ifdef HAVE_BPF
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "steer_maps.h"

static const char *const class_names[] = {
#define X(NAME, name) [MNCSE_CLASS_##NAME] = #name,
	MNCSE_CLASSES(X)
#undef X
};
static const char *const verdict_names[] = {
#define X(NAME, name) [MNCSE_VERDICT_##NAME] = #name,
	MNCSE_VERDICTS(X)
#undef X
};
static const char *const message_names[] = {
#define X(NAME, name) [MNCSE_MESSAGE_##NAME] = #name,
	MNCSE_MESSAGES(X)
#undef X
};
static const char *const steer_names[] = {
#define X(NAME, name) [MNCSE_STEER_##NAME] = #name,
	MNCSE_STEERS(X)
#undef X
};
static const char *const hop_names[] = { "inner", "outer" };
static const char *const direction_names[] = { "in", "out" };

struct teller {
	int (*fn)(void *arg, const char *name, uint64_t value);
	void *arg;
	int rc;
};

/* The name is "bpf." and the four parts. */
static void tell(struct teller *t, uint64_t value, const char *a, const char *b, const char *c,
		 const char *d)
{
	char name[160];

	if (t->rc)
		return;
	snprintf(name, sizeof(name), "bpf.%s%s%s%s", a, b, c, d);
	t->rc = t->fn(t->arg, name, value);
}

/* Sum over the processors of a value made of 64-bit words. */
static bool read_sum(int map, uint32_t key, void *out, size_t size)
{
	int n = libbpf_num_possible_cpus();
	uint64_t *all = n > 0 ? calloc((size_t)n, size) : NULL, *sum = out;
	size_t words = size / sizeof(uint64_t);
	bool ok = all && !bpf_map_lookup_elem(map, &key, all);

	memset(out, 0, size);
	for (size_t i = 0; ok && i < (size_t)n * words; i++)
		sum[i % words] += all[i];
	free(all);
	return ok;
}

static void tell_cells(struct teller *t, const struct mncse_bpf_cell *cells, const char *where)
{
	for (int i = 0; i < __MNCSE_CLASS_MAX; i++) {
		tell(t, cells[i].packets, where, class_names[i], "_packets", "");
		tell(t, cells[i].bytes, where, class_names[i], "_bytes", "");
	}
}

static void tell_groups(struct teller *t, struct mnd_steer *s)
{
	struct mncse_bpf_share share;

	for (uint32_t g = 0; g < s->n_groups; g++) {
		const char *name = s->groups[g].name;

		if (!name[0] || !read_sum(s->map.shares, g, &share, sizeof(share)))
			continue;
		tell(t, share.rand_out.packets, "group.", name, ".rand_out", "_packets");
		tell(t, share.rand_out.bytes, "group.", name, ".rand_out", "_bytes");
		tell(t, share.service_in.packets, "group.", name, ".service_in", "_packets");
		tell(t, share.service_in.bytes, "group.", name, ".service_in", "_bytes");
	}
}

void mnd_steer_answered(struct mnd_steer *s, struct mnd_steer_answered *out)
{
	struct mncse_bpf_counters n;

	memset(out, 0, sizeof(*out));
	if (!s->active || !read_sum(s->map.counters, 0, &n, sizeof(n)))
		return;
	out->datagrams = n.verdict[MNCSE_VERDICT_ANSWERED];
	out->bytes_in = n.answered_bytes;
	out->bytes_out = out->datagrams * MNCSE_BPF_VERIFY_LEN;
}

int mnd_steer_stats(struct mnd_steer *s, int (*fn)(void *arg, const char *name, uint64_t value),
		    void *arg)
{
	struct teller t = { .fn = fn, .arg = arg };
	struct mncse_bpf_counters n;

	if (!s->active || !read_sum(s->map.counters, 0, &n, sizeof(n)))
		return 0;
	tell_cells(&t, n.guard, "guard.");
	for (int h = 0; h < __MNCSE_HOP_MAX; h++) {
		for (int d = 0; d < __MNCSE_DIRECTION_MAX; d++) {
			char where[16];

			snprintf(where, sizeof(where), "%s.%s.", hop_names[h], direction_names[d]);
			tell_cells(&t, n.wire[h][d], where);
		}
	}
	for (int i = 0; i < __MNCSE_VERDICT_MAX; i++)
		tell(&t, n.verdict[i], "guard.", verdict_names[i], "", "");
	for (int i = 0; i < __MNCSE_MESSAGE_MAX; i++)
		tell(&t, n.message[i], message_names[i], "", "", "");
	for (int i = 0; i < __MNCSE_STEER_MAX; i++)
		tell(&t, n.steer[i], "steer.", steer_names[i], "", "");
	tell(&t, __atomic_load_n(&s->strayed, __ATOMIC_RELAXED), "steer.wrong", "", "", "");
	tell_groups(&t, s);
	tell(&t, n.bad_cookie, "guard.bad_cookie", "", "", "");
	/* workers count these two */
	tell(&t, __atomic_load_n(&s->used, __ATOMIC_RELAXED), "sessions", "", "", "");
	tell(&t, s->n_sessions, "sessions_max", "", "", "");
	tell(&t, __atomic_load_n(&s->full, __ATOMIC_RELAXED), "sessions_full", "", "", "");
	tell(&t, __atomic_load_n(&s->missing, __ATOMIC_RELAXED), "sessions_missing", "", "", "");
	tell(&t, __atomic_load_n(&s->stale, __ATOMIC_RELAXED), "sessions_stale", "", "", "");
	tell(&t, s->leftovers, "leftovers", "", "", "");
	return t.rc;
}
#else
typedef int mnd_steer_stats_are_not_built;
#endif
