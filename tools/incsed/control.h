/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket of the IN: the commands of uapi/mncse.h. What shows is in control.c, what changes in change.c. */
#ifndef MNT_INCSED_CONTROL_H
#define MNT_INCSED_CONTROL_H

#include "ctl/ctl.h"

struct mnt_in;

/* Error text in err (512 bytes). */
int mnt_control_start(struct mnt_in *in, char err[512]);

/* Handlers (mn_ctl_handler, arg: struct mnt_in). */
int mnt_change_rekey(void *arg, struct mn_ctl_request *r, struct nlattr **attrs);
int mnt_change_evict(void *arg, struct mn_ctl_request *r, struct nlattr **attrs);
int mnt_change_device_add(void *arg, struct mn_ctl_request *r, struct nlattr **attrs);
int mnt_change_device_del(void *arg, struct mn_ctl_request *r, struct nlattr **attrs);
int mnt_change_reload(void *arg, struct mn_ctl_request *r, struct nlattr **attrs);

struct mnt_group;
/* One GROUP answer. */
int mnt_control_group(struct mn_ctl_request *r, const struct mnt_group *g);

#endif
