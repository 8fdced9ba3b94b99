/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices whose Kpsaxi is held for direct use: each has a DTLS session of its own with the IN, with psk_identity KpsaxiId (docs/protocol.md
 * "Message count", proxy mode), and sends plain oneM2M requests in it. The datagrams come through a gateway that cannot
 * read them, or from anywhere else: who a device is says its key alone.
 *
 * Life: a struct mnt_direct is the owner of its device's session. A revoked one is refused at once, but stays for MNT_GRAVE_MS and as
 * long as a session refers to it, because a half-open handshake still holds it. */
#ifndef MNT_INCSED_DIRECT_H
#define MNT_INCSED_DIRECT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/pool.h"
#include "dtls/endpoint.h"
#include "duplicate.h"
#include "peer.h"
#include "table.h"

#define MNT_GRAVE_MS 60000 /* twice the life of a half-open handshake */

struct mnt_device;
struct mnt_in;

struct mnt_direct {
	struct mnt_peer peer; /* first */
	uint16_t next_id;     /* message ID of the next answer to a NON */
	uint16_t held;        /* answers that wait for the commit */
	bool authenticated;   /* a request of this session was answered */
	struct mnt_node by_kpsa;
	struct mnt_direct *next;    /* in the grave */
	struct mnt_device *device;  /* NULL: revoked */
	struct mn_session *session; /* the live one, NULL = offline */
	uint64_t session_id;
	uint32_t requests, answers; /* of the session */
	uint64_t removed_ms;
};

struct mnt_directs {
	struct mnt_table by_kpsa;
	struct mnt_direct *grave;
	struct mnt_duplicates duplicates;
	struct mn_pool held;
	uint64_t connected;
	/* Sends one CoAP message; a unit test puts its own here. */
	int (*send)(struct mnt_direct *p, const uint8_t *data, size_t len);
};

int mnt_directs_init(struct mnt_directs *t); /* -ENOMEM */
/* No answer may be held. */
void mnt_directs_fini(struct mnt_directs *t);
/* d is for direct use and has none yet. -ENOMEM. */
int mnt_direct_add(struct mnt_directs *t, struct mnt_device *d);
/* Before its device goes: no answer may be held. Its session is closed. */
void mnt_direct_revoke(struct mnt_in *in, struct mnt_direct *p);
/* Frees what may go from the grave. */
void mnt_directs_bury(struct mnt_in *in);
/* "offline", "connected", "authenticated". */
const char *mnt_direct_state(const struct mnt_direct *p);

/* A session of p begins; session_id is unique. */
void mnt_direct_begin(struct mnt_in *in, struct mnt_direct *p, struct mn_session *s,
		      uint64_t session_id);
/* Takes one CoAP message of the device. */
void mnt_direct_input(struct mnt_in *in, struct mnt_direct *p, const uint8_t *data, size_t len);

/* The endpoint's callbacks (peer.c). */
int mnt_direct_psk(struct mnt_in *in, const uint8_t *identity, size_t len, uint8_t key[MN_KEY_MAX],
		   size_t *key_len, void **owner);
void mnt_direct_opened(struct mnt_in *in, struct mn_session *s);
void mnt_direct_message(struct mnt_in *in, struct mn_session *s, const uint8_t *data, size_t len);
void mnt_direct_closed(struct mnt_in *in, struct mn_session *s, enum mn_close why);

#endif
