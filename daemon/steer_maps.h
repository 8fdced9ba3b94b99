/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of steer.h, shared by steer*.c: maps, and what is attached where. */
#ifndef MND_STEER_MAPS_H
#define MND_STEER_MAPS_H

#include <limits.h>
#include <net/if.h>

#include "core/rand_message.h"
#include "steer.h"
#include "uapi/bpf.h"

struct bpf_object;
struct tc_class;
struct xdp_guard;
struct reuseport;

/* X(name): file descriptors, in the programs' names */
#define MND_STEER_MAPS(X) \
	X(config)         \
	X(sessions)       \
	X(counters)       \
	X(keys)           \
	X(relayed)        \
	X(pending)        \
	X(prefixes)       \
	X(groups)         \
	X(shares)         \
	X(slots)          \
	X(workers)

struct mnd_steer_maps {
#define X(name) int name;
	MND_STEER_MAPS(X)
#undef X
};

enum { MND_STEER_INTERFACES = 16, MND_STEER_TEXT = 512 };

/* Plaintext of the messages that are told by their length. */
enum {
	/* POST /gsa: header 4, token 2, Uri-Path 4, Content-Format 2, marker 1; payload with a generation of four octets 40 */
	MND_RAND_MESSAGE = 4 + 2 + 4 + 2 + 1 + 40,
	/* CoAP header 4, OSCORE option with Partial IV, kid context and kid 1 + 1 + 1 + 1 + 1 + 12 + 7, marker 1, code and tag 9: 38 */
	MND_SERVICE_MESSAGE = 32,
};

struct mnd_interface {
	char name[IF_NAMESIZE];
	unsigned int index;
	bool inner; /* devices are there: guarded */
	bool loopback;
	bool native, tcx, clsact_made, filters;
	int xdp_link, in_link, out_link; /* -1: none */
};

struct mnd_steer_group {
	char name[MN_GROUP_MAX + 1];
	uint32_t generation;
};

struct mnd_steer {
	bool active;
	bool refresh; /* only to find what there is now: what is configured may be away */
	char why[MND_STEER_TEXT];  /* not active */
	char note[128];            /* active, but: not pinned, ... */
	char pins[PATH_MAX];       /* "" = not pinned */
	struct mnd_steer_maps map; /* -1: none */
	struct xdp_guard *guard;
	struct tc_class *class;
	struct reuseport *reuseport;
	struct mnd_interface interfaces[MND_STEER_INTERFACES];
	unsigned int n_interfaces;
	uint64_t leftovers; /* links of a predecessor that were taken away */
	struct mncse_bpf_config image;
	bool serving; /* the listeners are told: see mnd_steer_serve */
	uint32_t
		slots[MNCSE_BPF_SLOTS]; /* as in the map; only changed while no other worker runs */
	struct mncse_bpf_keys keys;
	struct mnd_steer_group *groups;
	uint32_t n_groups, n_sessions, n_workers;
	uint64_t used, full, missing, stale; /* of the session map; atomic */
	uint64_t strayed;                    /* atomic */
};

/* steer_maps.c */
int mnd_steer_maps_make(struct mnd_steer *s, const struct mnd_steer_config *c);
void mnd_steer_maps_close(struct mnd_steer *s);
/* Gives o's maps, which it would make for itself, their descriptors. */
int mnd_steer_maps_give(const struct mnd_steer *s, struct bpf_object *o);
struct mncse_bpf_peer mnd_steer_peer(const union mn_addr *a, unsigned int listener);

/* steer_sessions.c: octets of a record's body that carries n of plaintext */
size_t mnd_steer_body(enum mn_suite suite, size_t n);

/* steer_interface.c: which interfaces and which local addresses. 0 or -errno with why. */
int mnd_steer_find_interfaces(struct mnd_steer *s, const struct mnd_steer_config *c);
int mnd_steer_find_listeners(struct mnd_steer *s, const struct mnd_steer_config *c);
bool mnd_steer_is_veth(const char *name);

/* steer_attach.c */
int mnd_steer_attach(struct mnd_steer *s, const struct mnd_steer_config *c);
void mnd_steer_detach(struct mnd_steer *s);
/* One interface. */
int mnd_steer_attach_to(struct mnd_steer *s, struct mnd_interface *i,
			const struct mnd_steer_config *c);
void mnd_steer_detach_from(struct mnd_steer *s, struct mnd_interface *i);

/* steer.c: gives the programs the image */
void mnd_steer_push(struct mnd_steer *s);

#endif
