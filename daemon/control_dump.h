/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The dumps of the control socket, and what its handlers share. */
#ifndef MND_CONTROL_DUMP_H
#define MND_CONTROL_DUMP_H

#include "core/identity.h"
#include "ctl/ctl.h"

mn_ctl_handler mnd_control_layers, mnd_control_sessions, mnd_control_groups, mnd_control_devices,
	mnd_control_stats;

/* Sends m, or frees it and fails when an attribute did not fit (rc != 0). */
int mnd_control_answer(struct mn_ctl_request *r, struct nl_msg *m, int rc);
/* The request's ENTITY, normalised; fails the request when it is no entity ID. */
int mnd_control_entity(struct mn_ctl_request *r, struct nlattr **attrs,
		       char out[MN_ENTITY_MAX + 1]);

#endif
