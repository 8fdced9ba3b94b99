/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OSCORE (RFC 8613) with AES-CCM-16-64-128 and HKDF-SHA-256. Pure: contexts in, bytes out. Both
 * roles. */
#ifndef MN_CORE_OSCORE_H
#define MN_CORE_OSCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/coap.h"
#include "core/replay.h"

#define MN_OSCORE_ID_MAX 7          /* bytes of a Sender ID: nonce length 13 - 6 */
#define MN_OSCORE_ID_CONTEXT_MAX 32 /* ours are 12; vectors have 8 */
#define MN_OSCORE_PIV_MAX 5
#define MN_OSCORE_SEQ_MAX ((1ULL << 40) - 1)
#define MN_OSCORE_NONCE_LEN 13
#define MN_OSCORE_TAG_LEN 8
#define MN_OSCORE_AAD_MAX 32 /* Enc_structure around [1, [10], kid, piv, h''] */
#define MN_OSCORE_WINDOW 32
#define MN_OSCORE_KID_CONTEXT_LEN 12 /* generation, 8 random bytes (docs/protocol.md) */
#define MN_OSCORE_IN_KID 0x43

struct mn_oscore {
	uint8_t sender_key[16];
	uint8_t recipient_key[16];
	uint8_t common_iv[13];
	uint8_t sender_id[MN_OSCORE_ID_MAX];
	uint8_t sender_id_len;
	uint8_t recipient_id[MN_OSCORE_ID_MAX];
	uint8_t recipient_id_len;
	uint8_t id_context[MN_OSCORE_ID_CONTEXT_MAX];
	uint8_t id_context_len;
	bool has_id_context;
	uint64_t sender_seq; /* next Partial IV to use */
	struct mn_replay window;
};

/* HKDF-Extract(salt, secret), once a Ksx (RFC 8613 3.2.1). */
int mn_oscore_extract(const void *secret, size_t secret_len, const void *salt, size_t salt_len,
		      uint8_t prk[32]);
/* Derives keys and IV from prk for the given IDs; id_context NULL = absent. Sequence 0, empty
 * window. -EINVAL. */
int mn_oscore_derive(struct mn_oscore *c, const uint8_t prk[32], const void *sender_id,
		     size_t sender_id_len, const void *recipient_id, size_t recipient_id_len,
		     const void *id_context, size_t id_context_len);
void mn_oscore_fini(struct mn_oscore *c); /* zeroes */

/* The OSCORE option's value (RFC 8613 6.1), pointers into it. */
struct mn_oscore_option {
	const uint8_t *piv;
	uint8_t piv_len;
	bool has_kid;
	const uint8_t *kid;
	size_t kid_len;
	bool has_kid_context;
	const uint8_t *kid_context;
	size_t kid_context_len;
};
/* -EBADMSG: reserved bits, n of 6 or 7, a length that leaves the value, bytes left over without k,
 * all-zero flag byte given explicitly (the value is then empty, 6.1), Partial IV with a leading
 * zero of length > 1. */
int mn_oscore_option_read(const uint8_t *value, size_t len, struct mn_oscore_option *out);
static inline uint64_t mn_oscore_piv(const uint8_t *piv, size_t len)
{
	uint64_t v = 0;

	while (len--)
		v = v << 8 | *piv++;
	return v;
}

/* What binds an answer to its request: the request's kid and Partial IV. */
struct mn_oscore_request {
	uint8_t kid[MN_OSCORE_ID_MAX];
	uint8_t kid_len;
	uint8_t piv[MN_OSCORE_PIV_MAX];
	uint8_t piv_len;
};

/* Plaintext of OSCORE is: code, Class E options, 0xff payload. The inner message is given and
 * returned as an ordinary CoAP message (header with type/id/token is ignored inside), so that
 * mn_coap_* works on it: the caller builds one by mn_coap_begin()... with type CON, id 0, no
 * token. */

/* The AEAD nonce (RFC 8613 5.2) of the Partial IV piv that the endpoint named id chose: the parts
 * padded to 7 and 5 bytes, XOR common IV. Sizes as in struct mn_oscore_request. */
void mn_oscore_nonce(const struct mn_oscore *c, const uint8_t *id, size_t id_len,
		     const uint8_t *piv, size_t piv_len, uint8_t out[MN_OSCORE_NONCE_LEN]);
/* The additional authenticated data (RFC 8613 5.4) of rq and of its answer. Returns its length. */
size_t mn_oscore_aad(const struct mn_oscore_request *rq, uint8_t out[MN_OSCORE_AAD_MAX]);

/* Protects inner (a whole CoAP message; its options are all Class E but for Uri-Host, Uri-Port,
 * OSCORE, Proxy-*: those and Observe, which is not supported under OSCORE, are -EINVAL here) as a
 * request with outer type/id/token and code POST into out. Takes the next sender_seq (-ERANGE at
 * the end of the space: nothing is written). with_context: kid context in the option (-EINVAL when
 * c has none). rq is filled on success. inner must not lie in out. Returns the length; -EMSGSIZE,
 * with the sequence number not taken. */
int mn_oscore_protect_request(struct mn_oscore *c, const struct mn_coap *inner,
			      enum mn_coap_type type, uint16_t id,
			      const struct mn_coap_token *token, bool with_context, uint8_t *out,
			      size_t max, struct mn_oscore_request *rq);
/* The same for an answer to rq: own_piv = false uses the request's nonce and an empty
 * option value (docs/protocol.md); true takes the next sender_seq and puts it into the option
 * (C.8). Outer code 2.04, no other outer option. Without a Partial IV of its own the answer uses the
 * request's nonce up: the caller protects one such answer a request, ever. */
int mn_oscore_protect_response(struct mn_oscore *c, const struct mn_coap *inner,
			       const struct mn_oscore_request *rq, bool own_piv,
			       enum mn_coap_type type, uint16_t id,
			       const struct mn_coap_token *token, uint8_t *out, size_t max);

/* Opens a protected request. Checks kid = recipient ID, kid context where given, then replay
 * (-EALREADY), then decrypts, then updates the window. buf (max bytes, at least msg's size + 16;
 * apart from msg's datagram) receives the inner message, *inner points into it; its header has the
 * outer type, id and token. Errors: -EBADMSG decryption failed, -EPROTO malformed option or
 * plaintext, -EALREADY replay, -ENOENT another kid or kid context, -EMSGSIZE. The window is updated
 * as soon as decryption succeeds (RFC 8613 8.2 step 6), so a plaintext that decrypts but is no
 * request of Class E options (-EPROTO) has used its Partial IV; no other failure has. buf holds no
 * plaintext after a failure. Outer options are not merged into inner. */
int mn_oscore_open_request(struct mn_oscore *c, const struct mn_coap *msg, uint8_t *buf, size_t max,
			   struct mn_coap *inner, struct mn_oscore_request *rq);
/* Opens an answer to rq at the client. An answer with a Partial IV uses that nonce, else the
 * request's. Same errors; a message without the OSCORE option is -EPROTO. The caller takes one
 * answer a request: there is no window here. */
int mn_oscore_open_response(struct mn_oscore *c, const struct mn_coap *msg,
			    const struct mn_oscore_request *rq, uint8_t *buf, size_t max,
			    struct mn_coap *inner);

/* The option value of a request written by hand, for tests and for size computations: flag, PIV,
 * kid context, kid. */
int mn_oscore_option_write(const uint8_t *piv, size_t piv_len, const void *kid, size_t kid_len,
			   bool has_kid, const void *kid_context, size_t kid_context_len,
			   uint8_t *out, size_t max);

#endif
