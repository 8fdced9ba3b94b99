/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who authenticates to the IN by DTLS-PSK: gateways with Kpsami (gateway.h), and devices whose Kpsaxi is for direct use (direct.h). */
#ifndef MNT_INCSED_PEER_H
#define MNT_INCSED_PEER_H

#include "dtls/endpoint.h"

enum mnt_peer_kind { MNT_PEER_GATEWAY, MNT_PEER_DEVICE };

/* First member of what owns a session (mn_session_owner). */
struct mnt_peer {
	enum mnt_peer_kind kind;
};

extern const struct mn_endpoint_ops mnt_peer_ops; /* arg: struct mnt_in */

#endif
