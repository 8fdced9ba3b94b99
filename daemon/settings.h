/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mncsed.yaml (mncsed.yaml(5)): the table of keys for config/config.h, and which of them may change while the daemon runs. */
#ifndef MND_SETTINGS_H
#define MND_SETTINGS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/config.h"
#include "core/identity.h"
#include "core/rand_message.h"
#include "loop/loop.h"

#define MND_LISTEN_MAX 16
#define MND_PENDING_MAX 16384 /* limits.pending at its highest */
#define MND_COAP_MAX \
	1920 /* limits.coap_max at its highest: one record in a send buffer of the loop */
#define MND_HALF_OPEN_S_MAX 300 /* see MND_GRAVE_MS */

struct mnd_settings {
	char gateway_id[MN_GATEWAY_ID_MAX +
			1]; /* as written in the file; the store holds the normalised one */
	char store[PATH_MAX];
	struct mn_config_strings listen;
	struct mn_config_strings proxy_listen, proxy_sources;
	char upstream_address[MN_ADDR_TEXT];
	char in_id[MN_GATEWAY_ID_MAX + 1];
	struct mn_config_strings groups; /* none = every group that has a device in the store */
	uint32_t workers;                /* threads; 0: as many as there are processors */
	bool dhe;
	uint32_t half_open, half_open_s, idle_s, rate, coap_max, pending;
	int bpf_mode, bpf_xdp; /* enum mnd_steer_mode, mnd_steer_xdp */
	struct mn_config_strings bpf_interfaces;
	char bpf_pins[PATH_MAX];
	uint32_t bpf_sessions, bpf_hellos, bpf_prefix4, bpf_prefix6;
	uint32_t bpf_dscp_handshake, bpf_dscp_rand, bpf_dscp_bulk;
	char control[108];
	char metrics[MN_ADDR_TEXT]; /* "": none */
	int log;                    /* enum mn_log_level */
};

/* Reads and checks path; IDs and group names are normalised (NFKC). On error *out is zeroed and err says what is wrong. */
int mnd_settings_read(const char *path, struct mnd_settings *out, char err[512]);
void mnd_settings_free(struct mnd_settings *s);
/* A copy that owns nothing: its lists are empty. */
void mnd_settings_share(struct mnd_settings *to, const struct mnd_settings *from);
/* The configuration as YAML. */
void mnd_settings_print(FILE *f, const struct mnd_settings *s);
/* The first key that differs and that a running daemon cannot take over; NULL when all of `next` can be applied. */
const char *mnd_settings_fixed(const struct mnd_settings *now, const struct mnd_settings *next);

#endif
