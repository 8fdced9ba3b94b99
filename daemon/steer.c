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
#include "reuseport.skel.h"
#include "steer_maps.h"

enum {
	SECOND_NS = 1000000000,
	/* POST /gsa: header 4, token 2, Uri-Path 4, Content-Format 2, marker 1; payload with a generation of four octets 40 */
	RAND_MESSAGE = 4 + 2 + 4 + 2 + 1 + 40,
	RAND_OUTER = RAND_MESSAGE + 2, /* and the group's name: incsed's token has four octets */
	/* CoAP header 4, OSCORE option with Partial IV, kid context and kid 1 + 1 + 1 + 1 + 1 + 12 + 7, marker 1, code and tag 9: 38 */
	SERVICE_MESSAGE = 32,
	PRIORITY_FIRST = 6, /* TC_PRIO_INTERACTIVE */
	CHECK_BATCH = 256,
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

static void push(struct mnd_steer *s)
{
	uint32_t zero = 0;

	if (bpf_map_update_elem(s->map.config, &zero, &s->image, BPF_ANY))
		mn_error("bpf: configuration: %s", strerror(errno));
}

/* Octets of a record's body that carries n of plaintext. */
static size_t body(enum mn_suite suite, size_t n)
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
	push(s);
	mnd_steer_workers(s, 1);
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
	snprintf(text + at, 512 - at, "; sessions %llu of %u, %llu mismatches%s%s",
		 (unsigned long long)__atomic_load_n(&s->used, __ATOMIC_RELAXED), s->n_sessions,
		 (unsigned long long)(s->missing + s->stale), s->note[0] ? "; " : "", s->note);
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
		bpf_map_update_elem(s->map.slots, &slot, &w, BPF_ANY);
	}
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

void mnd_steer_session_add(struct mnd_steer *s, const union mn_addr *remote, unsigned int listener,
			   unsigned int worker, uint32_t group, enum mn_suite suite)
{
	struct mncse_bpf_peer key = mnd_steer_peer(remote, listener);
	struct mncse_bpf_session v = {
		.worker = worker,
		.group = group < s->n_groups ? group : ~0u,
		.rand_len = (uint16_t)body(suite, RAND_MESSAGE),
		.service_min = (uint16_t)body(suite, SERVICE_MESSAGE),
	};

	if (!s->active)
		return;
	if (!bpf_map_update_elem(s->map.sessions, &key, &v, BPF_NOEXIST))
		__atomic_add_fetch(&s->used, 1, __ATOMIC_RELAXED);
	else if (errno == EEXIST)
		bpf_map_update_elem(s->map.sessions, &key, &v, BPF_ANY);
	else if (!__atomic_fetch_add(&s->full, 1, __ATOMIC_RELAXED)) {
		mn_warn("bpf: the session map of %u is full: unknown peers pass (bpf.sessions)",
			s->n_sessions);
	}
}

/* Sessions are added by every worker; what the programs are told, worker 0 alone changes. */
void mnd_steer_tick(struct mnd_steer *s)
{
	if (!s->active || s->image.flags & MNCSE_CONFIG_OPEN ||
	    !__atomic_load_n(&s->full, __ATOMIC_RELAXED))
		return;
	s->image.flags |= MNCSE_CONFIG_OPEN;
	push(s);
}

void mnd_steer_session_del(struct mnd_steer *s, const union mn_addr *remote, unsigned int listener)
{
	struct mncse_bpf_peer key = mnd_steer_peer(remote, listener);

	if (s->active && !bpf_map_delete_elem(s->map.sessions, &key))
		__atomic_sub_fetch(&s->used, 1, __ATOMIC_RELAXED);
}

/* The length of a group's rand-message on the outer hop follows from its name. */
static void rand_lengths(struct mnd_steer *s, enum mn_suite suite)
{
	for (uint32_t g = 0; g < s->n_groups; g++) {
		size_t name = strlen(s->groups[g].name);
		size_t n = body(suite, RAND_OUTER + (name < 24 ? 1 : 2) + name);

		if (name && n < MNCSE_BPF_RAND_LENGTHS)
			s->image.rand_lengths[n / 8] |= (uint8_t)(1 << n % 8);
	}
}

void mnd_steer_upstream(struct mnd_steer *s, const union mn_addr *addr, enum mn_suite suite)
{
	if (!s->active)
		return;
	s->image.upstream = mnd_steer_peer(addr, 0);
	s->image.outer_service_min = (uint32_t)body(MN_SUITE_PSK_AES_128_CCM_8, SERVICE_MESSAGE);
	memset(s->image.rand_lengths, 0, sizeof(s->image.rand_lengths));
	if (suite) {
		s->image.outer_service_min = (uint32_t)body(suite, SERVICE_MESSAGE);
		rand_lengths(s, suite);
	} else {
		/* the IN may send its first Rand before we know which it is */
		rand_lengths(s, MN_SUITE_PSK_AES_128_GCM);
		rand_lengths(s, MN_SUITE_PSK_AES_128_CCM_8);
		rand_lengths(s, MN_SUITE_PSK_AES_128_CBC);
	}
	push(s);
}

/* ---- consistency ---- */

struct census {
	struct mnd_steer *steer;
	struct mncse_bpf_peer *keys; /* of the map, sorted */
	bool *seen;
	size_t n;
	uint64_t missing;
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct mncse_bpf_peer));
}

static void live(void *arg, const union mn_addr *remote, unsigned int listener)
{
	struct census *c = arg;
	struct mncse_bpf_peer key = mnd_steer_peer(remote, listener);
	struct mncse_bpf_peer *found = bsearch(&key, c->keys, c->n, sizeof(key), compare);

	if (found)
		c->seen[found - c->keys] = true;
	else
		c->missing++;
}

static size_t read_keys(struct mnd_steer *s, struct mncse_bpf_peer *keys, size_t max)
{
	static struct mncse_bpf_session ignored[CHECK_BATCH];
	uint32_t batch = 0, count;
	size_t n = 0;
	bool first = true;
	int err = 0;

	while (!err && n + CHECK_BATCH <= max) {
		LIBBPF_OPTS(bpf_map_batch_opts, o);

		count = CHECK_BATCH;
		err = bpf_map_lookup_batch(s->map.sessions, first ? NULL : &batch, &batch, keys + n,
					   ignored, &count, &o);
		if (err && errno != ENOENT)
			break;
		n += count;
		first = false;
	}
	return n;
}

void mnd_steer_check(struct mnd_steer *s,
		     void (*each)(void *arg, mnd_steer_session_fn *fn, void *fn_arg), void *arg)
{
	size_t max = s->n_sessions + CHECK_BATCH;
	struct census c = { .steer = s };

	if (!s->active)
		return;
	c.keys = calloc(max, sizeof(*c.keys));
	c.seen = calloc(max, sizeof(*c.seen));
	if (c.keys && c.seen) {
		c.n = read_keys(s, c.keys, max);
		qsort(c.keys, c.n, sizeof(*c.keys), compare);
		each(arg, live, &c);
		/* those of a map that is full are missing by right */
		if (!s->full)
			s->missing += c.missing;
		for (size_t i = 0; i < c.n; i++) {
			if (c.seen[i])
				continue;
			s->stale++;
			if (!bpf_map_delete_elem(s->map.sessions, &c.keys[i]))
				__atomic_sub_fetch(&s->used, 1, __ATOMIC_RELAXED);
		}
	}
	free(c.keys);
	free(c.seen);
}
#else
typedef int mnd_steer_is_not_built;
#endif
