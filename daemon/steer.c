// SPDX-License-Identifier: GPL-2.0-or-later
#ifdef HAVE_BPF
#include "steer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "core/crypto.h"
#include "log.h"
#include "steer_maps.h"

enum {
	SECOND_NS = 1000000000,
	RAND_OUTER =
		MND_RAND_MESSAGE + 2, /* and the group's name: incsed's token has four octets */
	PRIORITY_FIRST = 6,           /* TC_PRIO_INTERACTIVE */
};

/* ---- may we? ---- */

static bool capable(const struct __user_cap_data_struct *d, unsigned int cap)
{
	return d[cap / 32].effective >> cap % 32 & 1;
}

/* Names what is missing, in one sentence. */
static int check_capabilities(char why[MND_STEER_TEXT])
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { 0 };
	bool admin, bpf, net;

	if (syscall(SYS_capget, &h, d))
		return 0; /* the kernel will say */
	admin = capable(d, CAP_SYS_ADMIN);
	bpf = admin || (capable(d, CAP_BPF) && capable(d, CAP_PERFMON));
	net = capable(d, CAP_NET_ADMIN);
	if (bpf && net)
		return 0;
	snprintf(why, MND_STEER_TEXT, "capabilities are missing:%s%s%s",
		 admin || capable(d, CAP_BPF) ? "" : " CAP_BPF",
		 admin || capable(d, CAP_PERFMON) ? "" : " CAP_PERFMON",
		 net ? "" : " CAP_NET_ADMIN");
	return -EPERM;
}

/* ---- configuration of the programs ---- */

void mnd_steer_push(struct mnd_steer *s)
{
	struct mncse_bpf_config c = s->image;
	uint32_t zero = 0;

	if (!s->serving)
		c.n_listeners = 0;
	if (bpf_map_update_elem(s->map.config, &zero, &c, BPF_ANY))
		mn_error("bpf: configuration: %s", strerror(errno));
}

static void classes(struct mncse_bpf_config *i, const struct mnd_steer_config *c)
{
	static const enum mncse_class first[] = { MNCSE_CLASS_HELLO, MNCSE_CLASS_HELLO_COOKIE,
						  MNCSE_CLASS_HANDSHAKE };
	static const enum mncse_class bulk[] = { MNCSE_CLASS_SERVICE, MNCSE_CLASS_ANSWER,
						 MNCSE_CLASS_APPLICATION };

	for (int k = 0; k < 3; k++) {
		i->priority[first[k]] = PRIORITY_FIRST;
		i->dscp[first[k]] = (uint8_t)c->dscp_handshake;
		i->dscp[bulk[k]] = (uint8_t)c->dscp_bulk;
	}
	i->priority[MNCSE_CLASS_RAND] = PRIORITY_FIRST;
	i->dscp[MNCSE_CLASS_RAND] = (uint8_t)c->dscp_rand;
}

static int fill(struct mnd_steer *s, const struct mnd_steer_config *c)
{
	struct mncse_bpf_config *i = &s->image;

	if (c->hellos) {
		i->hello_ns = SECOND_NS / c->hellos;
		i->burst_ns = SECOND_NS - i->hello_ns;
	}
	i->pending_ns = (uint64_t)c->half_open_ms * 1000000;
	i->mask4 = c->prefix4 ? htonl(~0u << (32 - c->prefix4)) : 0;
	for (uint32_t b = 0; b < c->prefix6; b++)
		((uint8_t *)&i->mask6)[b / 8] |= (uint8_t)(0x80 >> b % 8);
	i->upstream = mnd_steer_peer(&c->upstream, 0);
	i->outer_service_min = ~0u;
	classes(i, c);
	return mnd_steer_find_listeners(s, c);
}

/* ---- start and end ---- */

static int activate(struct mnd_steer *s, const struct mnd_steer_config *c)
{
	int err = check_capabilities(s->why);

	if (!err)
		err = mnd_steer_find_interfaces(s, c);
	if (!err)
		err = mnd_steer_maps_make(s, c);
	if (!err)
		err = fill(s, c);
	if (err)
		return err;
	for (size_t i = 0; i < c->n_relayed; i++) {
		uint32_t one = 1;

		if (bpf_map_update_elem(s->map.relayed, &c->relayed[i], &one, BPF_ANY))
			return -errno;
		s->image.flags |= MNCSE_CONFIG_RELAYED;
	}
	mnd_steer_push(s);
	return mnd_steer_attach(s, c);
}

static void deactivate(struct mnd_steer *s)
{
	mnd_steer_detach(s);
	mnd_steer_maps_close(s);
	s->active = false;
}

int mnd_steer_new(const struct mnd_steer_config *c, struct mnd_steer **out, char err[512])
{
	struct mnd_steer *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		goto no_memory;
	s->n_groups = c->groups ? c->groups : 1;
	s->n_sessions = c->sessions ? c->sessions : 1;
	s->groups = calloc(s->n_groups, sizeof(*s->groups));
	if (!s->groups)
		goto no_memory;
#define X(name) s->map.name = -1;
	MND_STEER_MAPS(X)
#undef X
	*out = s;
	if (c->mode == MND_BPF_OFF) {
		snprintf(s->why, sizeof(s->why), "bpf.mode is off");
		return 0;
	}
	s->active = true; /* for what activate calls */
	rc = activate(s, c);
	if (!rc) {
		char text[MND_STEER_TEXT];

		mnd_steer_layer(s, text);
		mn_info("bpf: %s", text);
		return 0;
	}
	if (!s->why[0])
		snprintf(s->why, sizeof(s->why), "%s", strerror(-rc));
	deactivate(s);
	if (c->mode == MND_BPF_AUTO) {
		mn_info("bpf: not active: %s", s->why);
		return 0;
	}
	snprintf(err, 512, "bpf.mode is on: %.480s", s->why);
	*out = NULL;
	mnd_steer_free(s);
	return rc;
no_memory:
	free(s);
	snprintf(err, 512, "out of memory");
	return -ENOMEM;
}

void mnd_steer_free(struct mnd_steer *s)
{
	if (!s)
		return;
	deactivate(s);
	free(s->groups);
	mn_zero(s, sizeof(*s));
	free(s);
}

bool mnd_steer_active(const struct mnd_steer *s)
{
	return s->active;
}

bool mnd_steer_layer(const struct mnd_steer *s, char text[512])
{
	size_t at = 0;

	if (!s->active) {
		snprintf(text, 512, "%s", s->why);
		return false;
	}
	text[0] = '\0';
	for (unsigned int n = 0; n < s->n_interfaces && at < 400; n++) {
		const struct mnd_interface *i = &s->interfaces[n];

		at += (size_t)snprintf(text + at, 512 - at, "%s%s: %s%s", n ? ", " : "", i->name,
				       i->xdp_link < 0 ? "" :
				       i->native       ? "native XDP, " :
							 "generic XDP, ",
				       i->tcx ? "tcx" : "clsact");
	}
	if (s->n_workers > 1)
		at += (size_t)snprintf(text + at, 512 - at, "; steering to %u workers",
				       s->n_workers);
	snprintf(text + at, 512 - at, "; sessions %llu of %u, %llu mismatches%s%s",
		 (unsigned long long)__atomic_load_n(&s->used, __ATOMIC_RELAXED), s->n_sessions,
		 (unsigned long long)(__atomic_load_n(&s->missing, __ATOMIC_RELAXED) +
				      __atomic_load_n(&s->stale, __ATOMIC_RELAXED)),
		 s->note[0] ? "; " : "", s->note);
	return true;
}

/* ---- feeding ---- */

void mnd_steer_cookie_keys(struct mnd_steer *s, const struct mncse_cookie_key key[2])
{
	uint32_t zero = 0;

	if (!s->active || !memcmp(s->keys.key, key, sizeof(s->keys.key)))
		return;
	memcpy(s->keys.key, key, sizeof(s->keys.key));
	if (bpf_map_update_elem(s->map.keys, &zero, &s->keys, BPF_ANY))
		mn_error("bpf: cookie keys: %s", strerror(errno));
}

void mnd_steer_serve(struct mnd_steer *s, unsigned int workers)
{
	if (!s->active)
		return;
	mnd_steer_workers(s, workers < MNCSE_BPF_WORKERS ? (1ull << workers) - 1 : ~0ull);
	s->serving = true;
	mnd_steer_push(s);
}

void mnd_steer_group(struct mnd_steer *s, uint32_t number, const char *name, uint32_t generation)
{
	struct mncse_bpf_group g = { .generation = generation };

	if (!s->active || number >= s->n_groups)
		return;
	if (s->groups[number].generation == generation && !strcmp(s->groups[number].name, name))
		return;
	s->groups[number].generation = generation;
	snprintf(s->groups[number].name, sizeof(s->groups[number].name), "%s", name);
	bpf_map_update_elem(s->map.groups, &number, &g, BPF_ANY);
}

void mnd_steer_open(struct mnd_steer *s)
{
	if (!s->active || s->image.flags & MNCSE_CONFIG_OPEN)
		return;
	s->image.flags |= MNCSE_CONFIG_OPEN;
	mnd_steer_push(s);
}

/* The length of a group's rand-message on the outer hop follows from its name. */
static void rand_lengths(struct mnd_steer *s, enum mn_suite suite)
{
	for (uint32_t g = 0; g < s->n_groups; g++) {
		size_t name = strlen(s->groups[g].name);
		size_t n = mnd_steer_body(suite, RAND_OUTER + (name < 24 ? 1 : 2) + name);

		if (name && n < MNCSE_BPF_RAND_LENGTHS)
			s->image.rand_lengths[n / 8] |= (uint8_t)(1 << n % 8);
	}
}

void mnd_steer_upstream(struct mnd_steer *s, const union mn_addr *addr, enum mn_suite suite)
{
	if (!s->active)
		return;
	s->image.upstream = mnd_steer_peer(addr, 0);
	s->image.outer_service_min =
		(uint32_t)mnd_steer_body(MN_SUITE_PSK_AES_128_CCM_8, MND_SERVICE_MESSAGE);
	memset(s->image.rand_lengths, 0, sizeof(s->image.rand_lengths));
	if (suite) {
		s->image.outer_service_min = (uint32_t)mnd_steer_body(suite, MND_SERVICE_MESSAGE);
		rand_lengths(s, suite);
	} else {
		/* the IN may send its first Rand before we know which it is */
		rand_lengths(s, MN_SUITE_PSK_AES_128_GCM);
		rand_lengths(s, MN_SUITE_PSK_AES_128_CCM_8);
		rand_lengths(s, MN_SUITE_PSK_AES_128_CBC);
	}
	mnd_steer_push(s);
}

#else
typedef int mnd_steer_is_not_built;
#endif
