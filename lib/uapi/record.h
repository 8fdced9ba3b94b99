/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
/* DTLS 1.2 record and handshake layout (RFC 6347 4.1, 4.2.2), shared with kernel and BPF.
 *
 *   record     type 1 | version 2 | epoch 2 | sequence 6 | length 2 | body
 *   handshake  msg_type 1 | length 3 | message_seq 2 | fragment_offset 3 | fragment_length 3 | body
 *
 *   protected body  AEAD: explicit nonce 8 | ciphertext | tag 16 (GCM) or 8 (CCM_8)
 *                   CBC, encrypt-then-MAC (RFC 7366): IV 16 | ciphertext | HMAC-SHA-256 32
 */
#ifndef MNCSE_UAPI_RECORD_H
#define MNCSE_UAPI_RECORD_H

#include <linux/types.h>

#define MNCSE_RECORD_HEADER 13
#define MNCSE_RECORD_PLAIN_MAX 16384
#define MNCSE_RECORD_BODY_MAX 16640   /* 2^14 + 256 */
#define MNCSE_RECORD_PROTECTED_MIN 16 /* explicit nonce + shortest tag */
#define MNCSE_HANDSHAKE_HEADER 12
#define MNCSE_SEQUENCE_MAX ((1ULL << 48) - 1)

enum mncse_content {
	MNCSE_CHANGE_CIPHER_SPEC = 20,
	MNCSE_ALERT = 21,
	MNCSE_HANDSHAKE = 22,
	MNCSE_APPLICATION = 23,
};

enum mncse_handshake_type {
	MNCSE_CLIENT_HELLO = 1,
	MNCSE_HELLO_VERIFY_REQUEST = 3,
	MNCSE_CLIENT_KEY_EXCHANGE = 16,
	MNCSE_FINISHED = 20,
};

#define MNCSE_VERSION_DTLS10 0xfeff
#define MNCSE_VERSION_DTLS12 0xfefd

#endif
