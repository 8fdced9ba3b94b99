// SPDX-License-Identifier: GPL-2.0-or-later
#include "peer.h"

#include "in.h"

/* No identifier is in both tables: the store refuses it. */
static int psk(void *arg, const uint8_t *identity, size_t len, uint8_t key[MN_KEY_MAX],
	       size_t *key_len, void **owner)
{
	struct mnt_in *in = arg;
	int err = mnt_gateway_psk(in, identity, len, key, key_len, owner);

	return err ? mnt_direct_psk(in, identity, len, key, key_len, owner) : 0;
}

static enum mnt_peer_kind kind(const struct mn_session *s)
{
	return ((const struct mnt_peer *)mn_session_owner(s))->kind;
}

static void opened(void *arg, struct mn_session *s)
{
	switch (kind(s)) {
	case MNT_PEER_GATEWAY:
		mnt_gateway_opened(arg, s);
		break;
	case MNT_PEER_DEVICE:
		mnt_direct_opened(arg, s);
		break;
	}
}

static void message(void *arg, struct mn_session *s, uint8_t *data, size_t len)
{
	switch (kind(s)) {
	case MNT_PEER_GATEWAY:
		mnt_gateway_message(arg, s, data, len);
		break;
	case MNT_PEER_DEVICE:
		mnt_direct_message(arg, s, data, len);
		break;
	}
}

/* A server's session was open. */
static void closed(void *arg, struct mn_session *s, enum mn_close why, bool was_open)
{
	(void)was_open;
	switch (kind(s)) {
	case MNT_PEER_GATEWAY:
		mnt_gateway_closed(arg, s, why);
		break;
	case MNT_PEER_DEVICE:
		mnt_direct_closed(arg, s, why);
		break;
	}
}

const struct mn_endpoint_ops mnt_peer_ops = {
	.psk = psk,
	.opened = opened,
	.message = message,
	.closed = closed,
};
