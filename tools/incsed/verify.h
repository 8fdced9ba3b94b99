/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Service requests as a gateway hands them on: the checks of docs/protocol.md "IN" in their order, the proof of possession of Ksx, and the
 * answer, protected once and sent only when everything it depends on is durable. */
#ifndef MNT_INCSED_VERIFY_H
#define MNT_INCSED_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include "core/coap.h"
#include "gateway.h"

/* m was read from data, which may be changed. */
void mnt_verify_request(struct mnt_link *l, const struct mn_coap *m, uint8_t *data, size_t len);

#endif
