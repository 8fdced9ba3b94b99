/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The embedded resource store (TS-0001, TS-0004): CSEBase, AE, container and contentInstance, as rows of mn_store_resource_*; attributes are one
 * JSON object each. No state of its own but the configuration: what is rolled back is gone.
 *
 *   in-cse                  ty 5   every device may RETRIEVE it and CREATE its one AE under it
 *   in-cse/NAME             ty 2   an AE: only for the device that created it, with all below
 *   in-cse/cnt              ty 3   a container of the configuration: every device may RETRIEVE, and CREATE below
 *   in-cse/cnt/cin_...      ty 4   contentInstance: DELETE by its creator
 */
#ifndef MNT_INCSED_RESOURCE_H
#define MNT_INCSED_RESOURCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "commit.h"
#include "config/config.h"
#include "core/onem2m.h"

#define MNT_BASE_NAME "in-cse"
#define MNT_NAME_MAX 64 /* bytes of a resourceName */

enum mnt_resource_type { MNT_TY_AE = 2, MNT_TY_CNT = 3, MNT_TY_CIN = 4, MNT_TY_CB = 5 };

/* What this IN takes at most, whatever a container's mni and mbs say. */
#define MNT_INSTANCES_SHARED 1000000
#define MNT_BYTES_SHARED (1LL << 30)
#define MNT_INSTANCES_OWN 10000
#define MNT_BYTES_OWN (16LL << 20)
#define MNT_CHILDREN_SHARED 10000 /* containers in a container of the configuration */
#define MNT_CHILDREN_OWN 64       /* containers in an AE or in a container of an AE */

struct mnt_resources {
	struct mnt_commit *commit;
	char cse_id[MN_GATEWAY_ID_MAX + 1];
	const struct mn_config_strings *open; /* the configuration's containers */
	uint64_t last_id;
	struct mnt_containers *containers; /* made at the first use (container.h) */
	int64_t time_s;                    /* of time */
	char time[16];
	char local[MN_TO_MAX + 16];
	char text[MN_ONEM2M_CONTENT_MAX + 2048]; /* the content of an answer (quick.h) */
};

#define MNT_NEVER "99991231T235959" /* et: nothing expires here (incsed(8)) */

struct mnt_result {
	enum mn_rsc rsc;
	json_t *content; /* owned by the caller, NULL when there is none */
};

/* "in-cse" and names of unreserved characters (RFC 3986), '/' between them, at most MN_TO_MAX bytes. */
bool mnt_resource_path_valid(const char *path);
bool mnt_resource_name_valid(const char *name);

/* Creates what is missing of the CSEBase and the configured containers, in one batch. 0 or -errno. */
int mnt_resources_start(struct mnt_resources *t, struct mnt_commit *c, const char *cse_id,
			const struct mn_config_strings *open, int64_t now);
/* Executes a request of the device with entity ID from. Writes into the open batch; a store that fails half-way fails the batch. */
void mnt_resource_execute(struct mnt_resources *t, const struct mn_onem2m_request *r,
			  const char *from, int64_t now, struct mnt_result *out);
void mnt_resources_fini(struct mnt_resources *t);

/* ---- for quick.c and container.c ---- */

/* TO as a path or resource ID of this CSE, valid until the next call; NULL: another CSE's. */
const char *mnt_resource_local(struct mnt_resources *t, const char *to);
/* The path is a container of the configuration or below one. */
bool mnt_resource_open(const struct mnt_resources *t, const char *path);
uint64_t mnt_resource_next_id(struct mnt_resources *t);
/* YYYYMMDDTHHMMSS of now. */
const char *mnt_resource_time(struct mnt_resources *t, int64_t now);

#endif
