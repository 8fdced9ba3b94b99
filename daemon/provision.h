/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices of the store in the gateway's table (mnd_gateway_add and mnd_gateway_del of gateway.h are here too). */
#ifndef MND_PROVISION_H
#define MND_PROVISION_H

struct mnd_gateway;

/* Marks the groups that the configuration names. -ENOMEM. */
int mnd_provision_groups(struct mnd_gateway *g);
/* Makes the table equal to the store and to `groups`: devices that are gone or changed lose their session, the others
 * notice nothing. 0 or -errno of the store. */
int mnd_provision_sync(struct mnd_gateway *g);

#endif
