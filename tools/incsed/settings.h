/* SPDX-License-Identifier: GPL-2.0-or-later */
/* incsed.yaml (incsed.yaml(5)). */
#ifndef MNT_INCSED_SETTINGS_H
#define MNT_INCSED_SETTINGS_H

#include <stdio.h>

#include "config/config.h"
#include "core/identity.h"

struct mnt_settings {
	char in_id[MN_GATEWAY_ID_MAX + 1];
	char store[4096];
	struct mn_config_strings listen;
	bool dhe;
	uint32_t grace_s;
	uint32_t rotate_s; /* 0 = never */
	struct mn_config_strings containers;
	char control[108]; /* sun_path */
	int log;           /* enum mn_log_level */
};

/* As mn_config_read. */
int mnt_settings_read(const char *path, struct mnt_settings *out, char err[512]);
void mnt_settings_free(struct mnt_settings *s);
void mnt_settings_print(FILE *f, const struct mnt_settings *s);
/* Key whose change needs a restart, NULL when a reload can take all of to. */
const char *mnt_settings_fixed(const struct mnt_settings *from, const struct mnt_settings *to);

#endif
