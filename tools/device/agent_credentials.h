/* SPDX-License-Identifier: GPL-2.0-or-later */
/* devices.csv, as mncse-keys init and export write it: RFC 4180, columns found by their names. */
#ifndef MNT_AGENT_CREDENTIALS_H
#define MNT_AGENT_CREDENTIALS_H

#include <stddef.h>
#include <stdint.h>

#include "core/identity.h"
#include "core/rand_message.h"

#define MNT_CREDENTIALS_ERR 256

/* What one device holds. Entity IDs are normalised. */
struct mnt_credential {
	char device_id[MN_ENTITY_MAX + 1];
	char gateway_id[MN_GATEWAY_ID_MAX + 1]; /* the hint that the server must show */
	char cse_id[MN_GATEWAY_ID_MAX +
		    1]; /* the IN's, which proxy mode needs; "" where the file has none */
	char inner_id[MN_KPSA_ID_MAX + 1]; /* KpsaxmId */
	char in_id[MN_KPSA_ID_MAX + 1];    /* KpsaxiId */
	char group[MN_GROUP_MAX + 1];      /* "" where the file has no such column */
	uint8_t inner_key[MN_KEY_MAX];     /* Kpsaxm */
	uint8_t in_key[MN_KEY_MAX];        /* Kpsaxi */
	uint8_t inner_key_len, in_key_len;
	uint8_t kid[MN_KID_LEN];
};

struct mnt_credentials {
	struct mnt_credential *list;
	size_t n;
};

/* Reads at most max devices (0 = all), or only the one whose device_id is only (normalised; NULL = any). Needs the columns device_id,
 * inner_id, inner_key_hex, in_id, in_key_hex and gateway_id; group and cse_id are optional; others are passed over. A row with
 * Kpsaxm = Kpsaxi is refused. 0, or -errno with "FILE:LINE: ..." in err; *out is empty then. -ENOENT: no such device. */
int mnt_credentials_read(const char *path, const char *only, size_t max,
			 struct mnt_credentials *out, char err[MNT_CREDENTIALS_ERR]);
/* The same from memory; name stands in the errors. text is not kept. */
int mnt_credentials_parse(const char *name, const char *text, size_t len, const char *only,
			  size_t max, struct mnt_credentials *out, char err[MNT_CREDENTIALS_ERR]);
/* Zeroes the keys. */
void mnt_credentials_fini(struct mnt_credentials *c);

#endif
