/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gateways: the table by KpsamiId, their DTLS sessions ("links"), the rand-messages sent to them and the CoAP layer of what they send
 * (docs/protocol.md "Outer authentication", "Rand"). */
#ifndef MNT_INCSED_GATEWAY_H
#define MNT_INCSED_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>

#include "dtls/exchange.h"
#include "peer.h"
#include "repeat.h"
#include "store/store.h"
#include "table.h"

struct mnt_group;
struct mnt_in;
struct mnt_link;

struct mnt_gateway {
	struct mnt_peer peer; /* first */
	struct mnt_node by_kpsa;
	struct mnt_node by_id;
	struct mnt_in *in;
	char id[MN_GATEWAY_ID_MAX + 1];
	char kpsa_id[MN_KPSA_ID_MAX + 1];
	struct mn_key key; /* Kpsami */
	struct mnt_group *groups;
	uint32_t group_n;
	struct mnt_link *link; /* the live session, NULL when offline */
};

/* A session with a gateway. */
struct mnt_link {
	struct mnt_gateway *gateway;
	struct mn_session *session;
	struct mn_messenger messenger;
	struct mnt_repeats repeats;
	unsigned int in_flight; /* rand-messages not yet answered */
	uint32_t next_token;
	uint64_t requests, answers;
	/* Sends one CoAP message; a unit test puts its own here. */
	int (*send)(struct mnt_link *l, const uint8_t *data, size_t len);
};

struct mnt_gateways {
	struct mnt_table by_kpsa;
	struct mnt_table by_id;
};

/* The endpoint's callbacks (peer.c). */
int mnt_gateway_psk(struct mnt_in *in, const uint8_t *identity, size_t len, uint8_t key[MN_KEY_MAX],
		    size_t *key_len, void **owner);
void mnt_gateway_opened(struct mnt_in *in, struct mn_session *s);
void mnt_gateway_message(struct mnt_in *in, struct mn_session *s, uint8_t *data, size_t len);
void mnt_gateway_closed(struct mnt_in *in, struct mn_session *s, enum mn_close why);

int mnt_gateways_init(struct mnt_gateways *t);
void mnt_gateways_fini(struct mnt_gateways *t);
int mnt_gateway_add(struct mnt_in *in, const struct mn_peer_record *p, struct mnt_gateway **out);
struct mnt_gateway *mnt_gateway_by_id(const struct mnt_gateways *t, const char *id);

int mnt_link_init(struct mnt_link *l, struct mnt_gateway *w, struct mn_session *s);
void mnt_link_fini(struct mnt_link *l);
/* Takes one CoAP message of the gateway. data may be changed. */
void mnt_link_input(struct mnt_link *l, uint8_t *data, size_t len);
/* A group has a new current generation: it goes to the gateway when that is connected. */
void mnt_gateway_offer(struct mnt_group *g);

#endif
