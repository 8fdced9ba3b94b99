/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gateway as a whole, and its threading model.
 *
 * `workers` threads serve devices. Each has a structure of its own (struct mnd_gateway) with a loop, sockets (SO_REUSEPORT: the kernel
 * gives all datagrams of one 5-tuple to one of them), sessions, devices, replies, counters, and copies of the tables of credentials and
 * groups. All of a worker's structure is touched by its thread alone: there is no lock, and sessions stay where they were made.
 *
 * Worker 0 is the main thread. What there is once is its: store, session to the IN, control socket, signals, the keys, and the truth
 * about groups and credentials, which the others are told of (tell.h). Service requests of the others reach it, and
 * their answers go back, by parcel (parcel.h). What all do, or are asked for, is a call (crew.h).
 *
 * Shared memory is no more than this: the keys, which worker 0 writes before it tells of them and zeroes when all have forgotten
 * them; the homes of devices (crew.h), one atomic word a device, touched when a session opens or closes; a parcel's `abandoned`.
 * With one worker there is no crew, no parcel and no copy. */
#ifndef MND_GATEWAY_H
#define MND_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "classify.h"
#include "credentials.h"
#include "crew.h"
#include "ctl/ctl.h"
#include "device.h"
#include "dtls/endpoint.h"
#include "fanout.h"
#include "group.h"
#include "loop/loop.h"
#include "parcel.h"
#include "buffer.h"
#include "proxy.h"
#include "relay.h"
#include "reply.h"
#include "settings.h"
#include "stats.h"
#include "store/store.h"
#include "upstream.h"

#define MND_DRAIN_MS 5000
#define MND_SESSION_AGE_MS (7ULL * 86400 * 1000)
#define MND_HOUSEKEEPING_MS 1000

/* clang-format off */
#define mnd_container(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))
/* clang-format on */

struct mnd_gateway {
	struct mnd_crew *crew; /* NULL: the only worker */
	unsigned int index;    /* of this worker */
	uint64_t last_tag;     /* crew.h */
	struct mnd_parcels parcels;
	const char *path; /* of the configuration */
	struct mnd_settings settings;
	struct mn_loop *loop;
	struct mn_store *store;
	struct mn_endpoint *inner;
	struct mn_ctl_server *control;
	struct mnd_metrics *metrics; /* NULL: none */
	struct mnd_credentials credentials;
	struct mnd_groups groups;
	struct mn_pool devices;
	struct mnd_buffers buffers;
	struct mnd_replies replies;
	struct mnd_fanout fanout;
	struct mnd_relay relay;
	struct mnd_upstream upstream;
	struct mnd_proxy proxy;
	struct mnd_classify classify;
	struct mnd_counters counters;
	struct mn_timer housekeeping, drain;
	uint64_t started_ms, drain_until_ms;
	bool draining;
	bool lock_told; /* that keys could not be locked */
	uint8_t scratch
		[MND_BUFFER_MAX]; /* for messages being written; nobody keeps a pointer into it */
};

/* Takes over settings (emptied). 0, or -errno with a text in err; *out is then untouched. path outlives the gateway. */
int mnd_gateway_new(const char *path, struct mnd_settings *settings, struct mnd_gateway **out,
		    char err[512]);
/* Closes all sessions with close_notify. */
void mnd_gateway_free(struct mnd_gateway *g);
/* What each worker has: prepare, then front makes the endpoint and opens the listeners (tables and settings are there), front_end undoes
 * both. */
void mnd_gateway_prepare(struct mnd_gateway *g);
int mnd_gateway_front(struct mnd_gateway *g, char err[512]);
void mnd_gateway_front_end(struct mnd_gateway *g);
/* The endpoint takes over the settings. 0 or -errno. */
int mnd_gateway_limits(struct mnd_gateway *g);
/* Worker 0: all workers drain. */
void mnd_gateway_drain_begin(struct mnd_gateway *g);
/* Checks what -t checks beyond the file itself: the store opens, is this gateway's, and has the IN's credential. */
int mnd_gateway_check(const struct mnd_settings *s, char err[512]);
/* Ends open exchanges, for up to 5 s, then stops the loop. A second call stops it at once. */
void mnd_gateway_drain(struct mnd_gateway *g);
/* Reads the configuration and the store again. On error nothing has changed. */
int mnd_gateway_reload(struct mnd_gateway *g, char err[512]);

/* At run time, persistent: the store first, then the table. err (256 bytes) as the store's. */
int mnd_gateway_add(struct mnd_gateway *g, const struct mn_device_record *r, char err[256]);
int mnd_gateway_del(struct mnd_gateway *g, const char *entity, char err[256]);

#endif
