// SPDX-License-Identifier: GPL-2.0-or-later
/* A plain GET /gsa: what a load of requests that the gateway answers by itself is made of. It takes no Rand. */
#include "agent_state.h"

#include <errno.h>

static void got(void *arg, struct mn_messenger *m, enum mn_outcome outcome,
		const struct mn_coap *msg)
{
	struct mnt_agent *a = arg;
	struct mnt_event e = { .type = MNT_EVENT_GOT, .code = MN_COAP_EMPTY };

	(void)m;
	switch (outcome) {
	case MN_OUTCOME_ACK:
		e.code = msg->code;
		break;
	case MN_OUTCOME_TIMEOUT:
		mnt_agent_silence(a);
		break;
	case MN_OUTCOME_RST:
	case MN_OUTCOME_CLOSED:
		break;
	}
	mnt_agent_emit(a, &e);
}

int mnt_agent_get(struct mnt_agent *a)
{
	struct mn_coap_token token = mnt_agent_token(a);
	struct mn_coap_writer w;
	uint8_t buf[32];
	int len;

	if (!a->open)
		return -ENOTCONN;
	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_CON, MN_COAP_GET,
		      mn_messenger_id(&a->messenger), &token);
	mn_coap_put_path(&w, "gsa");
	len = mn_coap_finish(&w);
	if (len < 0)
		return len;
	a->sent_ms = mn_loop_now(a->config.loop);
	return mn_exchange_send(&a->messenger, buf, (size_t)len, got, a);
}
