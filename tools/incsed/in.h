/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The IN as a whole. One thread, one loop: nothing here is shared or locked. */
#ifndef MNT_INCSED_IN_H
#define MNT_INCSED_IN_H

#include "clock.h"
#include "commit.h"
#include "core/pool.h"
#include "ctl/ctl.h"
#include "device.h"
#include "direct.h"
#include "gateway.h"
#include "group.h"
#include "lineage.h"
#include "resource.h"
#include "settings.h"
#include "stats.h"

#define MNT_SCRATCH 17000 /* an opened request: a record of 2^14 and what OSCORE needs beside it */

struct mnt_in {
	const char *settings_path;
	struct mnt_settings settings;
	struct mn_loop *loop;
	struct mnt_clock clock;
	struct mn_store *store;
	struct mn_endpoint *endpoint;
	struct mn_ctl_server *control;
	struct mnt_lineage lineage;
	struct mnt_commit commit;
	struct mnt_devices devices;
	struct mnt_directs directs;
	struct mnt_gateways gateways;
	struct mnt_groups groups;
	struct mnt_resources resources;
	struct mnt_stats stats;
	struct mn_timer expire; /* answers that need not be kept, and revoked direct devices */
	struct mn_pool held;    /* answers that wait for the batch (verify.c) */
	uint64_t started_ms;
	uint8_t scratch[MNT_SCRATCH];
};

/* Opens the store and loads what it has. in: zeroed but for settings, settings_path and loop (which may be NULL in unit tests: then
 * clock is the caller's and mnt_commit_now() ends a batch). Error text in err. */
int mnt_in_open(struct mnt_in *in, char err[512]);
/* The store opens, is this IN's, and all in it that a start reads can be read. It may be in use. */
int mnt_in_check(const struct mnt_settings *s, char err[512]);
/* Adds a device that the store has already. */
int mnt_in_device(struct mnt_in *in, const struct mn_device_record *d, struct mnt_device **out);
/* Serves gateways and the control socket. */
int mnt_in_serve(struct mnt_in *in, char err[512]);
/* Takes the configuration file anew. Text in err when nothing was changed. */
int mnt_in_reload(struct mnt_in *in, char err[512]);
/* Orderly stop: ends the batch, closes sessions, saves the windows. */
void mnt_in_close(struct mnt_in *in);

#endif
