// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compiled, linked and run against the chosen wolfSSL before anything else: a build without one of these
 * options would compile most of our code and fail in the field. Each message says what is missing;
 * wolfssl_check.sh prints the messages alone.
 */
#include <stdio.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#if __has_include(<wolfssl/internal.h>)
#include <wolfssl/internal.h>
#else
#error "no wolfssl/internal.h: copy it from its source tree beside ssl.h"
#define MAX_PSK_KEY_LEN 64
#define MAX_PSK_ID_LEN 128
struct WOLFSSL {
	int none;
};
#endif
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/dh.h>
#include <wolfssl/wolfcrypt/hmac.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/sha256.h>

/* This file is no place to fall over an option that is merely absent: every use below is guarded. */

#if LIBWOLFSSL_VERSION_HEX < 0x05007002
#error "too old: 5.7.2 or newer is needed"
#endif
#ifndef WOLFSSL_DTLS
#error "no DTLS: configure with --enable-dtls"
#endif
#ifdef WOLFSSL_NO_TLS12
#error "no DTLS 1.2: configure with --enable-tlsv12"
#endif
#ifdef NO_PSK
#error "no PSK: configure with --enable-psk"
#endif
#ifndef WOLFSSL_STATIC_PSK
#error "no static PSK suites, which CoAP and oneM2M make mandatory: add -DWOLFSSL_STATIC_PSK to its CFLAGS"
#endif
#ifndef HAVE_AESCCM
#error "no AES-CCM, which CoAP makes mandatory: configure with --enable-aesccm"
#endif
#ifndef HAVE_AESGCM
#error "no AES-GCM: configure with --enable-aesgcm"
#endif
#if defined(NO_AES_CBC) || defined(WOLFSSL_AEAD_ONLY)
#error "no AES-CBC suites: configure with --enable-aescbc"
#endif
#ifndef ATOMIC_USER
#error "the session keys cannot be read: configure with --enable-atomicuser"
#endif
#ifndef HAVE_EXTENDED_MASTER
#error "no extended master secret: configure with --enable-extended-master"
#endif
#ifndef HAVE_SERVER_RENEGOTIATION_INFO
#error "no renegotiation_info extension (RFC 5746), without which OpenSSL 3 refuses the server: see WOLFSSL_CFLAGS in tools/build/deps.sh"
#endif
#ifndef HAVE_ENCRYPT_THEN_MAC
#error "no encrypt-then-mac: configure with --enable-enc-then-mac"
#endif
#ifndef HAVE_HKDF
#error "no HKDF: configure with --enable-hkdf"
#endif
#if defined(NO_DH) || !defined(HAVE_FFDHE_2048)
#error "no ffdhe2048 for DHE-PSK: configure with --enable-dh and add -DHAVE_FFDHE_2048 to its CFLAGS"
#endif
#ifndef SINGLE_THREADED
#error "an object would cost a random generator of its own: configure with --enable-singlethreaded"
#endif
#ifndef NO_SESSION_CACHE
#error "master secrets would stay in its session cache: add -DNO_SESSION_CACHE to its CFLAGS"
#endif
#ifdef HAVE_SESSION_TICKET
#error "session tickets are on: configure with --disable-session-ticket"
#endif
#ifdef HAVE_SECURE_RENEGOTIATION
#error "renegotiation is on: configure with --disable-secure-renegotiation"
#endif
#if MAX_PSK_ID_LEN != 128
#error "identities of another length than 128: add -DMAX_PSK_ID_LEN=128 to its CFLAGS (DTLS 1.3 off)"
#endif

/* An enum constant, so it is no matter for #if. */
_Static_assert(MAX_PSK_KEY_LEN == 64, "keys of another length than 64: MAX_PSK_KEY_LEN must be 64");

/* What the archive must hold, not the headers alone. */
int main(void)
{
	const void *const used[] = {
		(const void *)wolfDTLSv1_2_server_method,
		(const void *)wolfDTLSv1_2_client_method,
#if defined(HAVE_AESCCM) && defined(HAVE_AESGCM)
		(const void *)wc_AesCcmEncrypt,
		(const void *)wc_AesCcmDecrypt,
		(const void *)wc_AesGcmEncrypt,
		(const void *)wc_AesGcmDecrypt,
#endif
#ifdef HAVE_HKDF
		(const void *)wc_HKDF_Extract,
		(const void *)wc_HKDF_Expand,
#endif
		(const void *)wc_HmacFinal,
		(const void *)wc_Sha256Final,
		(const void *)wc_RNG_GenerateBlock,
#ifdef ATOMIC_USER
		(const void *)wolfSSL_GetClientWriteKey,
#endif
	};

	if (wolfSSL_Init() != WOLFSSL_SUCCESS || !used[0])
		return 1;
	/* The layout that our options.h gives and the one the archive was compiled with. */
	if (wolfSSL_GetObjectSize() != (int)sizeof(struct WOLFSSL)) {
		fputs("error: \"its options.h is not the one it was compiled with: build it anew\"\n",
		      stderr);
		return 1;
	}
	return 0;
}
