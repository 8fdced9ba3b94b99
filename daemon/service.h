/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a device asks for: service requests (with the OSCORE option) are checked and handed to the relay, /gsa is answered
 * here, all else is 4.04 (docs/protocol.md "Service request", "Rand"). */
#ifndef MND_SERVICE_H
#define MND_SERVICE_H

#include "core/coap.h"

struct mnd_device;

/* A request that is no duplicate. */
void mnd_service_request(struct mnd_device *d, const struct mn_coap *msg);
/* A request for /gsa (gsa.c). */
void mnd_gsa_request(struct mnd_device *d, const struct mn_coap *msg);

#endif
