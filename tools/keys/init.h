/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mncse-keys init: the files it writes, one file of code each. */
#ifndef MNT_KEYS_INIT_H
#define MNT_KEYS_INIT_H

#include "keys.h"

#define MNT_DEVICES_MAX 1000000
#define MNT_GROUPS_MAX 65535

struct mnt_init {
	const char *out;
	unsigned int devices;
	char in_id[MN_GATEWAY_ID_MAX + 1];
	char gateway_id[MN_GATEWAY_ID_MAX + 1];
	char group[MN_GROUP_MAX + 1];
	unsigned int groups; /* 0: the one of that name */
	const char *id_format;
	const char *gateway_addr;
	const char *in_addr;
	bool proxy; /* Kpsaxi is for direct use, and the gateway relays */
	bool force;
	char gateway_issuer[MN_GATEWAY_ID_MAX +
			    1]; /* the IDs in the form of an FQDN, for what follows the '@' */
	char in_issuer[MN_GATEWAY_ID_MAX + 1];
};

/* in.db, gateway.db and devices.csv in folder. Errors are printed. */
int mnt_init_credentials(const struct mnt_init *a, const char *folder);
/* mncsed.yaml and incsed.yaml in folder. */
int mnt_init_configuration(const struct mnt_init *a, const char *folder);

#endif
