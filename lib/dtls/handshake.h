/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One DTLS 1.2-PSK handshake, either role: the only file that includes wolfSSL's TLS headers is handshake.c. Datagrams go in, flights come out
 * through a callback, keys are exported at the end; then the object is freed. No timers, no sockets. */
#ifndef MN_DTLS_HANDSHAKE_H
#define MN_DTLS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/identity.h"
#include "dtls/filter.h"
#include "dtls/record.h"

#define MN_FLIGHT_MAX 160 /* last flight of a server: ChangeCipherSpec and Finished, any suite */

struct mn_hs_factory; /* contexts; one a thread */
struct mn_hs;

struct mn_hs_factory_config {
	const char *hint; /* server's psk_identity_hint, NULL for clients only */
	bool dhe;
};
int mn_hs_factory_new(const struct mn_hs_factory_config *c, struct mn_hs_factory **out);
void mn_hs_factory_free(struct mn_hs_factory *f);

/* Who uses the handshake. arg is the one given to mn_hs_server / mn_hs_client. */
struct mn_hs_ops {
	void (*send)(void *arg, const uint8_t *datagram, size_t len);
	/* server: as mn_endpoint_ops.psk, called once */
	int (*psk)(void *arg, const uint8_t *identity, size_t len, uint8_t key[MN_KEY_MAX],
		   size_t *key_len);
	/* client: false ends the handshake */
	bool (*hint)(void *arg, const uint8_t *hint, size_t len);
};

/* One complete handshake in memory. wolfSSL detects the processor at its first use, without any lock: call it on the main thread before
 * there are others. 0 or -errno. */
int mn_hs_warm_up(void);

/* hello carries a cookie that our code has checked. */
int mn_hs_server(struct mn_hs_factory *f, const struct mn_client_hello *hello,
		 const struct mn_hs_ops *ops, void *arg, struct mn_hs **out);
/* identity, key and suites (0-terminated, NULL = all that the factory has) are copied. */
int mn_hs_client(struct mn_hs_factory *f, const char *identity, const uint8_t *key, size_t key_len,
		 const uint16_t *suites, const struct mn_hs_ops *ops, void *arg,
		 struct mn_hs **out);
void mn_hs_free(struct mn_hs *h);

/* Client: sends the first flight. Then, both roles, one datagram that passed mn_datagram_ok at a time (changed in place). 0 = goes on,
 * 1 = complete, -errno = over (-EKEYREJECTED: hint refused; -EPROTO). */
int mn_hs_start(struct mn_hs *h);
/* may_repeat: a repeated flight of the peer may draw ours again. */
int mn_hs_input(struct mn_hs *h, uint8_t *datagram, size_t len, bool may_repeat);
/* Repeats the last flight. 0 or -ETIMEDOUT. */
int mn_hs_repeat(struct mn_hs *h);
/* Server: the client's identity has come. */
bool mn_hs_identified(const struct mn_hs *h);
/* After completion: keys and counters into *out (mac allocated for CBC: the caller zeroes and frees it). */
int mn_hs_export(struct mn_hs *h, struct mn_record_state *out);
/* Server, after completion: the last flight's bytes. */
size_t mn_hs_flight(const struct mn_hs *h, uint8_t out[MN_FLIGHT_MAX]);

#endif
