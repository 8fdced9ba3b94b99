/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The classify layer: the BPF programs of bpf/ (uapi/bpf.h), loaded, attached, fed and read. Everything works without them. An object of
 * this type is always there; while it is not active its functions do nothing and mnd_steer_layer says why.
 *
 * Attached by links, pinned in <pins>/<name>, so that a guard outlives a crash of the daemon until the next start, which takes away what
 * it finds there. Functions that are called a session are safe on any thread; the others belong to the main one. */
#ifndef MND_STEER_H
#define MND_STEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "dtls/endpoint.h"
#include "loop/loop.h"
#include "uapi/bpf.h"

#define MND_STEER_PINS "/sys/fs/bpf/mncse"
#define MND_STEER_RANGES 64
#define MND_STEER_CHECK_BATCH 256

struct mnd_steer;

enum mnd_steer_mode { MND_BPF_AUTO, MND_BPF_ON, MND_BPF_OFF };
enum mnd_steer_xdp { MND_XDP_AUTO, MND_XDP_NATIVE, MND_XDP_GENERIC };

struct mnd_steer_config {
	enum mnd_steer_mode mode;
	enum mnd_steer_xdp xdp;
	/* None: those that carry the addresses of listen and the route to the IN, but for loopback. */
	const struct mn_config_strings *interfaces;
	const struct mn_config_strings *listen;
	union mn_addr upstream;
	const struct mncse_bpf_range *relayed; /* sources of proxy mode, at most MND_STEER_RANGES */
	size_t n_relayed;
	const char *pins;  /* folder on a BPF file system */
	const char *name;  /* of the sub-folder: one gateway's, the same after a restart */
	uint32_t sessions; /* size of the session map */
	uint32_t groups;   /* groups that are counted by themselves */
	uint32_t hellos;   /* a second and source prefix, 0 = no limit */
	uint32_t prefix4, prefix6;
	uint32_t half_open, half_open_ms;
	uint32_t dscp_handshake, dscp_rand, dscp_bulk; /* 0 = left alone */
};

/* 0, and *out is there, active or not; with MND_BPF_ON anything short of active is -errno with the reason in err. */
int mnd_steer_new(const struct mnd_steer_config *c, struct mnd_steer **out, char err[512]);
/* Interfaces and addresses may have changed: attaches to what is new, forgets what is gone. c as the first time, but for what a reload
 * may change. */
void mnd_steer_refresh(struct mnd_steer *s, const struct mnd_steer_config *c);
/* Detaches and unpins. */
void mnd_steer_free(struct mnd_steer *s);
bool mnd_steer_active(const struct mnd_steer *s);
/* Whether it is active; text says how (interfaces, modes, use of the session map), or why not. */
bool mnd_steer_layer(const struct mnd_steer *s, char text[512]);

/* The cookie keys in force. Cheap when they are the same as the last time. */
void mnd_steer_cookie_keys(struct mnd_steer *s, const struct mncse_cookie_key key[2]);
/* A worker's socket of a listener, in the order of `listen`; by any worker. 0; -ENOTSUP: not active, or the socket is no SO_REUSEPORT one. */
int mnd_steer_listener_fd(struct mnd_steer *s, unsigned int listener, unsigned int worker, int fd);
/* The workers that take new peers, a bit each; while no other worker runs. */
void mnd_steer_workers(struct mnd_steer *s, uint64_t present);
/* All workers that there will be have their sockets: the programs do their work from here on. Before this the guard answers nobody and
 * datagrams go where the kernel puts them: no worker begins what the next datagram would not find. */
void mnd_steer_serve(struct mnd_steer *s, unsigned int workers);
/* A datagram of a peer without a session has come to this worker; counted when it is another's. begins: it makes a handshake. */
void mnd_steer_stray(struct mnd_steer *s, const union mn_addr *remote, unsigned int listener,
		     unsigned int worker, bool begins);
/* A group's number (below `groups`), name and generation in force; before its Rand goes out. */
void mnd_steer_group(struct mnd_steer *s, uint32_t number, const char *name, uint32_t generation);
/* By worker 0, when a session did not fit: lets unknown peers pass the guard once the session map has been full. */
void mnd_steer_open(struct mnd_steer *s);
/* A device's session is up / over; by the worker that has it. -ENOSPC: it does not fit. */
int mnd_steer_session_add(struct mnd_steer *s, const union mn_addr *remote, unsigned int listener,
			  unsigned int worker, uint32_t group, enum mn_suite suite);
void mnd_steer_session_del(struct mnd_steer *s, const union mn_addr *remote, unsigned int listener,
			   unsigned int worker);
/* The IN, and the suite of the session with it (0: not known yet). The groups' names are those of mnd_steer_group. */
void mnd_steer_upstream(struct mnd_steer *s, const union mn_addr *addr, enum mn_suite suite);
/* Entries of the session map. */
size_t mnd_steer_entries(const struct mnd_steer *s);
/* Does the session map agree with the sessions that there are? Each worker looks at its own share, a little at a time; what differs is
 * counted and mended. A step of a lap over the map: takes out entries of the worker's that live() does not know. True: the lap is over. */
struct mnd_steer_lap {
	uint32_t at;
	bool begun;
};
typedef bool mnd_steer_live_fn(void *arg, const union mn_addr *remote, unsigned int listener);
bool mnd_steer_check_entries(struct mnd_steer *s, struct mnd_steer_lap *lap, unsigned int worker,
			     mnd_steer_live_fn *live, void *arg);
/* A live session of the worker's. -ENOENT: the map had it not, add it. */
int mnd_steer_check_session(struct mnd_steer *s, const union mn_addr *remote, unsigned int listener,
			    unsigned int worker);

/* What the guard has answered in the gateway's name. All 0 while it is not active. */
struct mnd_steer_answered {
	uint64_t datagrams, bytes_in, bytes_out;
};
void mnd_steer_answered(struct mnd_steer *s, struct mnd_steer_answered *out);

/* All counters, named "bpf....". Nothing while it is not active. fn as mnd_stats_each's. */
int mnd_steer_stats(struct mnd_steer *s, int (*fn)(void *arg, const char *name, uint64_t value),
		    void *arg);

#endif
