// SPDX-License-Identifier: GPL-2.0-or-later
#include "dtls/handshake.h"

#include <wolfssl/options.h>
#include <wolfssl/error-ssl.h>
#include <wolfssl/ssl.h>
#include <wolfssl/internal.h>
#include <wolfssl/wolfcrypt/dh.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"
#include "log.h"

/* In the server's order of preference (docs/protocol.md "Inner authentication"). */
static const struct suite {
	uint16_t id;
	const char *name;
	bool dhe, cbc;
} suites[] = {
	{ MN_SUITE_DHE_PSK_AES_128_GCM, "DHE-PSK-AES128-GCM-SHA256", true, false },
	{ MN_SUITE_PSK_AES_128_GCM, "PSK-AES128-GCM-SHA256", false, false },
	{ MN_SUITE_PSK_AES_128_CCM_8, "PSK-AES128-CCM-8", false, false },
	{ MN_SUITE_PSK_AES_128_CBC, "PSK-AES128-CBC-SHA256", false, true },
};
enum { SUITES = sizeof(suites) / sizeof(suites[0]), LIST_MAX = 128 };

/* Contexts are not shared between threads: wolfSSL is built single-threaded and a context's RNG serves all its objects. */
struct mn_hs_factory {
	WOLFSSL_CTX
	*server[2]; /* [1]: the ClientHello offers encrypt_then_mac, so CBC may be chosen */
	WOLFSSL_CTX *client;
	bool dhe;
};

struct mn_hs {
	WOLFSSL *ssl;
	const struct mn_hs_ops *ops;
	void *arg;
	bool is_server, identified, hint_refused, sent_key_exchange;
	bool mute; /* no repetition may leave while the peer's message is not a new one */
	word16 expected_before; /* number of the peer's next message when the datagram came */
	uint8_t *in;            /* the datagram being read; NULL when it has been taken */
	size_t in_len;
	uint64_t write_sequence; /* of epoch 1, from our own records */
	uint8_t flight[MN_FLIGHT_MAX];
	size_t flight_len; /* sent since the last input; > MN_FLIGHT_MAX: too long to keep */
	char identity[MN_KPSA_ID_MAX + 1];
	uint8_t key[MN_KEY_MAX];
	size_t key_len;
};

static int receive(WOLFSSL *ssl, char *buf, int size, void *ctx)
{
	struct mn_hs *h = ctx;
	size_t n = h->in_len;

	(void)ssl;
	if (!h->in)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	if (n > (size_t)size)
		n = (size_t)size;
	memcpy(buf, h->in, n);
	h->in = NULL;
	return (int)n;
}

/* Notes what our records say; returns false for an alert that must not leave: after the identity is known an alert
 * would tell an unknown identity from a wrong key. */
static bool note_sent(struct mn_hs *h, uint8_t *data, size_t len)
{
	struct mn_record r;
	size_t at = 0;

	while (mn_record_next(data, len, &at, &r) > 0) {
		if (r.epoch == 1 && r.sequence >= h->write_sequence)
			h->write_sequence = r.sequence + 1;
		if (r.epoch == 0 && r.type == MNCSE_HANDSHAKE &&
		    r.body[0] == MNCSE_CLIENT_KEY_EXCHANGE)
			h->sent_key_exchange = true;
		if (r.type == MNCSE_ALERT && (!h->is_server || h->identified))
			return false;
	}
	return true;
}

static int transmit(WOLFSSL *ssl, char *buf, int size, void *ctx)
{
	struct mn_hs *h = ctx;
	size_t len = (size_t)size;

	/* wolfSSL answers a repeated flight with its own at once: two of them that are stuck would do so for ever */
	if (h->mute && ssl->keys.dtls_expected_peer_handshake_number == h->expected_before &&
	    !(h->is_server && ssl->options.clientState >= CLIENT_FINISHED_COMPLETE))
		return size; /* the answer to a Finished leaves before that number is moved on */
	if (!note_sent(h, (uint8_t *)buf, len))
		return size;
	if (h->flight_len + len <= MN_FLIGHT_MAX)
		memcpy(h->flight + h->flight_len, buf, len);
	h->flight_len += len;
	h->ops->send(h->arg, (uint8_t *)buf, len);
	return size;
}

/* wolfSSL hands the identity over as a C string. The array was filled with 0xff before the message came, so a second NUL means one
 * inside the identity. */
static unsigned int server_psk(WOLFSSL *ssl, const char *identity, unsigned char *key,
			       unsigned int max)
{
	struct mn_hs *h = wolfSSL_GetIOReadCtx(ssl);
	size_t room = sizeof(ssl->arrays->client_identity), len = strnlen(identity, room);
	uint8_t decoy[MN_KEY_MIN], buf[MN_KEY_MAX];
	size_t key_len = 0;
	int err = -ENOENT;

	h->identified = true;
	/* drawn always: an unknown identity looks like a wrong key, in bytes and in time */
	if (mn_random(decoy, sizeof(decoy)))
		return 0;
	if (len && len <= MN_KPSA_ID_MAX &&
	    !(len + 1 < room && memchr(identity + len + 1, 0, room - len - 1)))
		err = h->ops->psk(h->arg, (const uint8_t *)identity, len, buf, &key_len);
	if (err || !key_len || key_len > max) {
		key_len = sizeof(decoy);
		memcpy(buf, decoy, key_len);
	}
	memcpy(key, buf, key_len);
	mn_zero(buf, sizeof(buf));
	mn_zero(decoy, sizeof(decoy));
	return (unsigned int)key_len;
}

static unsigned int client_psk(WOLFSSL *ssl, const char *hint, char *identity, unsigned int id_max,
			       unsigned char *key, unsigned int key_max)
{
	struct mn_hs *h = wolfSSL_GetIOReadCtx(ssl);
	size_t len = strnlen(hint, sizeof(ssl->arrays->server_hint));

	if ((h->ops->hint && !h->ops->hint(h->arg, (const uint8_t *)hint, len)) ||
	    strlen(h->identity) >= id_max || h->key_len > key_max) {
		h->hint_refused = true;
		return 0;
	}
	memcpy(identity, h->identity, strlen(h->identity) + 1);
	memcpy(key, h->key, h->key_len);
	return (unsigned int)h->key_len;
}

static void suite_list(char out[LIST_MAX], const uint16_t *ids, bool dhe, bool cbc)
{
	out[0] = 0;
	for (size_t i = 0; i < (ids ? 16 : SUITES); i++) {
		const struct suite *s = ids ? NULL : &suites[i];

		if (ids && !ids[i])
			break;
		for (size_t k = 0; ids && k < SUITES; k++)
			if (suites[k].id == ids[i])
				s = &suites[k];
		if (!s || (!ids && ((s->dhe && !dhe) || (s->cbc && !cbc))))
			continue;
		if (strlen(out) + strlen(s->name) + 2 > LIST_MAX)
			break;
		if (*out)
			strcat(out, ":");
		strcat(out, s->name);
	}
}

static int init_context(WOLFSSL_CTX *ctx)
{
	if (!ctx)
		return -ENOMEM;
	if (wolfSSL_CTX_new_rng(ctx) != WOLFSSL_SUCCESS)
		return -EIO;
	wolfSSL_SetIORecv(ctx, receive);
	wolfSSL_SetIOSend(ctx, transmit);
	wolfSSL_CTX_set_group_messages(ctx);
	return 0;
}

static int init_server(struct mn_hs_factory *f, const char *hint, bool etm)
{
	WOLFSSL_CTX *ctx = wolfSSL_CTX_new(wolfDTLSv1_2_server_method());
	char list[LIST_MAX];
	int err;

	f->server[etm] = ctx;
	err = init_context(ctx);
	if (err)
		return err;
	suite_list(list, NULL, f->dhe, etm);
	wolfSSL_CTX_set_psk_server_callback(ctx, server_psk);
	if (wolfSSL_CTX_use_psk_identity_hint(ctx, hint) != WOLFSSL_SUCCESS ||
	    wolfSSL_CTX_set_cipher_list(ctx, list) != WOLFSSL_SUCCESS)
		return -EINVAL;
	if (f->dhe) {
		const DhParams *group = wc_Dh_ffdhe2048_Get(); /* RFC 7919 */

		if (wolfSSL_CTX_SetTmpDH(ctx, group->p, (int)group->p_len, group->g,
					 (int)group->g_len) != WOLFSSL_SUCCESS)
			return -EINVAL;
	}
	return 0;
}

int mn_hs_factory_new(const struct mn_hs_factory_config *c, struct mn_hs_factory **out)
{
	struct mn_hs_factory *f = calloc(1, sizeof(*f));
	char list[LIST_MAX];
	int err;

	if (!f)
		return -ENOMEM;
	if (wolfSSL_Init() != WOLFSSL_SUCCESS) {
		free(f);
		return -EIO;
	}
	f->dhe = c->dhe;
	f->client = wolfSSL_CTX_new(wolfDTLSv1_2_client_method());
	err = init_context(f->client);
	if (err)
		goto fail;
	suite_list(list, NULL, f->dhe, true);
	wolfSSL_CTX_set_psk_client_callback(f->client, client_psk);
	if (wolfSSL_CTX_set_cipher_list(f->client, list) != WOLFSSL_SUCCESS) {
		err = -EINVAL;
		goto fail;
	}
	for (int etm = 0; c->hint && etm < 2; etm++) {
		err = init_server(f, c->hint, etm);
		if (err)
			goto fail;
	}
	*out = f;
	return 0;
fail:
	mn_hs_factory_free(f);
	return err;
}

void mn_hs_factory_free(struct mn_hs_factory *f)
{
	if (!f)
		return;
	wolfSSL_CTX_free(f->server[0]);
	wolfSSL_CTX_free(f->server[1]);
	wolfSSL_CTX_free(f->client);
	wolfSSL_Cleanup();
	free(f);
}

static int new_handshake(WOLFSSL_CTX *ctx, const struct mn_hs_ops *ops, void *arg,
			 struct mn_hs **out)
{
	struct mn_hs *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->ops = ops;
	h->arg = arg;
	h->ssl = wolfSSL_new(ctx);
	if (!h->ssl) {
		free(h);
		return -ENOMEM;
	}
	wolfSSL_SetIOReadCtx(h->ssl, h);
	wolfSSL_SetIOWriteCtx(h->ssl, h);
	wolfSSL_dtls_set_using_nonblock(h->ssl, 1);
	*out = h;
	return 0;
}

/* wolfSSL would now send a HelloVerifyRequest with a cookie of its own. This ClientHello has answered ours: the object is put where it
 * stands after that stage, with the numbers the client goes on with. */
int mn_hs_server(struct mn_hs_factory *f, const struct mn_client_hello *hello,
		 const struct mn_hs_ops *ops, void *arg, struct mn_hs **out)
{
	struct mn_hs *h;
	int err = new_handshake(f->server[hello->encrypt_then_mac], ops, arg, &h);

	if (err)
		return err;
	h->is_server = true;
	h->ssl->options.dtlsStateful = 1;
	h->ssl->keys.dtls_handshake_number = hello->message_seq;
	h->ssl->keys.dtls_expected_peer_handshake_number = hello->message_seq;
	h->ssl->keys.dtls_sequence_number_hi = (word16)(hello->record_sequence >> 32);
	h->ssl->keys.dtls_sequence_number_lo = (word32)hello->record_sequence;
	memset(h->ssl->arrays->client_identity, 0xff, sizeof(h->ssl->arrays->client_identity));
	*out = h;
	return 0;
}

int mn_hs_client(struct mn_hs_factory *f, const char *identity, const uint8_t *key, size_t key_len,
		 const uint16_t *ids, const struct mn_hs_ops *ops, void *arg, struct mn_hs **out)
{
	char list[LIST_MAX];
	struct mn_hs *h;
	int err;

	if (!key_len || key_len > MN_KEY_MAX || strlen(identity) > MN_KPSA_ID_MAX)
		return -EINVAL;
	err = new_handshake(f->client, ops, arg, &h);
	if (err)
		return err;
	strcpy(h->identity, identity);
	memcpy(h->key, key, key_len);
	h->key_len = key_len;
	if (ids) {
		suite_list(list, ids, true, true);
		if (wolfSSL_set_cipher_list(h->ssl, list) != WOLFSSL_SUCCESS) {
			mn_hs_free(h);
			return -EINVAL;
		}
	}
	*out = h;
	return 0;
}

void mn_hs_free(struct mn_hs *h)
{
	if (!h)
		return;
	wolfSSL_free(h->ssl);
	mn_zero(h, sizeof(*h));
	free(h);
}

/* What a ClientHello that is in order but cannot be served draws: wolfSSL keeps silent. It tells nothing of identities, which come later. */
static void refuse_hello(struct mn_hs *h, int err)
{
	uint64_t sequence = (uint64_t)h->ssl->keys.dtls_sequence_number_hi << 32 |
			    h->ssl->keys.dtls_sequence_number_lo;
	uint8_t alert[MN_ALERT_LEN];

	if (!h->is_server || h->identified || (err != MATCH_SUITE_ERROR && err != VERSION_ERROR))
		return;
	mn_alert_write(err == VERSION_ERROR ? MN_ALERT_PROTOCOL_VERSION :
					      MN_ALERT_HANDSHAKE_FAILURE,
		       sequence, alert);
	h->ops->send(h->arg, alert, sizeof(alert));
}

static int advance(struct mn_hs *h)
{
	int ret = h->is_server ? wolfSSL_accept(h->ssl) : wolfSSL_connect(h->ssl);
	int err;

	if (ret == WOLFSSL_SUCCESS) {
		if (h->ssl->specs.bulk_cipher_algorithm == wolfssl_aes &&
		    !h->ssl->options.encThenMac)
			return -EPROTO; /* CBC only with encrypt_then_mac */
		return 1;
	}
	err = wolfSSL_get_error(h->ssl, ret);
	if (err == WOLFSSL_ERROR_WANT_READ || err == WOLFSSL_ERROR_WANT_WRITE)
		return 0;
	if (h->hint_refused)
		return -EKEYREJECTED;
	refuse_hello(h, err);
	mn_debug("handshake ended: wolfSSL error %d", err);
	return -EPROTO;
}

int mn_hs_start(struct mn_hs *h)
{
	h->flight_len = 0;
	return advance(h);
}

/* A client that acts on ChangeCipherSpec or epoch 1 before it has sent its own key exchange takes a server without the key for one that
 * has it (CVE-2026-93304). */
static bool too_early(const struct mn_hs *h, uint8_t *datagram, size_t len)
{
	struct mn_record r;
	size_t at = 0;

	if (h->is_server || h->sent_key_exchange)
		return false;
	while (mn_record_next(datagram, len, &at, &r) > 0)
		if (r.type == MNCSE_CHANGE_CIPHER_SPEC || r.epoch)
			return true;
	return false;
}

int mn_hs_input(struct mn_hs *h, uint8_t *datagram, size_t len, bool may_repeat)
{
	int ret;

	if (too_early(h, datagram, len))
		return 0;
	h->flight_len = 0;
	h->in = datagram;
	h->in_len = len;
	h->mute = !may_repeat;
	h->expected_before = h->ssl->keys.dtls_expected_peer_handshake_number;
	ret = advance(h);
	h->mute = false;
	h->in = NULL;
	return ret;
}

int mn_hs_repeat(struct mn_hs *h)
{
	h->flight_len = 0;
	return wolfSSL_dtls_got_timeout(h->ssl) == WOLFSSL_SUCCESS ? 0 : -ETIMEDOUT;
}

bool mn_hs_identified(const struct mn_hs *h)
{
	return h->identified;
}

size_t mn_hs_flight(const struct mn_hs *h, uint8_t out[MN_FLIGHT_MAX])
{
	if (h->flight_len > MN_FLIGHT_MAX)
		return 0;
	memcpy(out, h->flight, h->flight_len);
	return h->flight_len;
}

static int suite_of(WOLFSSL *ssl)
{
	uint16_t id = (uint16_t)(ssl->options.cipherSuite0 << 8 | ssl->options.cipherSuite);

	for (size_t i = 0; i < SUITES; i++)
		if (suites[i].id == id)
			return id;
	return -EPROTO;
}

int mn_hs_export(struct mn_hs *h, struct mn_record_state *out)
{
	const Keys *k = &h->ssl->keys;
	bool server = h->is_server;
	int suite = suite_of(h->ssl);

	if (suite < 0 || k->dtls_epoch != 1 || k->peerSeq[0].nextEpoch != 1)
		return -EPROTO;
	memset(out, 0, sizeof(*out));
	out->suite = (enum mn_suite)suite;
	if (suite == MN_SUITE_PSK_AES_128_CBC) {
		out->mac = calloc(1, sizeof(*out->mac));
		if (!out->mac)
			return -ENOMEM;
		memcpy(out->mac->write,
		       server ? k->server_write_MAC_secret : k->client_write_MAC_secret, 32);
		memcpy(out->mac->read,
		       server ? k->client_write_MAC_secret : k->server_write_MAC_secret, 32);
	}
	memcpy(out->write.key, server ? k->server_write_key : k->client_write_key, 16);
	memcpy(out->read.key, server ? k->client_write_key : k->server_write_key, 16);
	memcpy(out->write.iv, server ? k->server_write_IV : k->client_write_IV, 4);
	memcpy(out->read.iv, server ? k->client_write_IV : k->server_write_IV, 4);
	out->write_sequence = h->write_sequence;
	/* wolfSSL moves this on only for records that authenticate. All before it count as seen. */
	out->replay.next = (uint64_t)k->peerSeq[0].nextSeq_hi << 32 | k->peerSeq[0].nextSeq_lo;
	out->replay.seen = ~0ULL;
	return 0;
}
