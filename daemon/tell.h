/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What worker 0 decides and the others follow. Without other workers these do nothing. */
#ifndef MND_TELL_H
#define MND_TELL_H

#include <stdint.h>

#include "ctl/ctl.h"
#include "uapi/cookie.h"

struct mnd_credential;
struct mnd_gateway;
struct mnd_group;

/* The group's current Rand: theirs from now on, and offered to their devices of the group. */
void mnd_tell_rand(struct mnd_gateway *g, const struct mnd_group *group);
/* State and address of the outer hop. */
void mnd_tell_upstream(struct mnd_gateway *g);
void mnd_tell_drain(struct mnd_gateway *g);
/* limits and the like; their endpoints take them over. */
void mnd_tell_settings(struct mnd_gateway *g);
/* The cookie keys, for a classifier that makes cookies for all workers; nothing when they are the same as before. */
void mnd_tell_cookie_keys(struct mnd_gateway *g, const struct mncse_cookie_key keys[2]);
/* A credential of worker 0's table has come. */
void mnd_tell_add(struct mnd_gateway *g, const struct mnd_credential *c);
/* It has gone from worker 0's table: their sessions of it end, and when no worker can be reading its key any more the key is
 * zeroed. Also with one worker. */
void mnd_tell_del(struct mnd_gateway *g, const struct mnd_credential *c, uint32_t key_slot);
/* Ends a control request with err when all workers have done what they were told before. Returns MN_CTL_LATER, or -ENOMEM. */
int mnd_tell_finish(struct mnd_gateway *g, struct mn_ctl_request *r, int err);

#endif
