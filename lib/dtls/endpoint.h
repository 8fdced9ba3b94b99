/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DTLS 1.2-PSK sessions over the loop's UDP sockets, both roles. The handshake is wolfSSL's (handshake.h), the
 * records are ours (record.h). One endpoint belongs to one loop. After Finished the WOLFSSL object is gone.
 * Server: stateless cookie first (cookie.h), then a half-open handshake beside whatever session the address has;
 * it replaces that session, and every other session of the same identity, only when complete. */
#ifndef MN_DTLS_ENDPOINT_H
#define MN_DTLS_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/identity.h"
#include "loop/loop.h"
#include "uapi/cookie.h"

struct mn_endpoint;
struct mn_session;

enum mn_suite {
	MN_SUITE_PSK_AES_128_GCM = 0x00a8,
	MN_SUITE_PSK_AES_128_CCM_8 = 0xc0a8,
	MN_SUITE_PSK_AES_128_CBC = 0x00ae,
	MN_SUITE_DHE_PSK_AES_128_GCM = 0x00aa,
};
const char *mn_suite_name(enum mn_suite s); /* IANA's */

enum mn_close {
	MN_CLOSE_PEER,     /* close_notify */
	MN_CLOSE_LOCAL,    /* mn_session_close */
	MN_CLOSE_REPLACED, /* a newer session of the same identity */
	MN_CLOSE_IDLE,
	MN_CLOSE_AGE,
	MN_CLOSE_SEQUENCE,  /* end of the record sequence space */
	MN_CLOSE_TIMEOUT,   /* client: handshake not answered */
	MN_CLOSE_HANDSHAKE, /* client: refused, wrong key, fatal alert */
};
const char *mn_close_name(enum mn_close c);

struct mn_endpoint_ops {
	/* Server: key of a psk_identity (raw bytes, may be anything). Writes key and len and *owner (kept in the session; one owner has
	 * one session at a time), 0; or -ENOENT: the handshake goes on with a decoy. */
	int (*psk)(void *arg, const uint8_t *identity, size_t identity_len, uint8_t key[MN_KEY_MAX],
		   size_t *key_len, void **owner);
	/* Session is up (both roles). The session's user pointer is NULL. */
	void (*opened)(void *arg, struct mn_session *s);
	/* One decrypted application record (len >= 1); data may be changed in place, valid until return. */
	void (*message)(void *arg, struct mn_session *s, uint8_t *data, size_t len);
	/* Called exactly once for a session that was opened, and for a client connection that never opened (was_open false).
	 * s is invalid after return; sending in it is ignored. */
	void (*closed)(void *arg, struct mn_session *s, enum mn_close why, bool was_open);
};

/* Server, when half_open handshakes are under way and a ClientHello with a valid cookie comes:
 *   - the oldest one yields if it has had its chance, half_chance_ms since its ClientHello;
 *   - else the oldest one of an address that has more than 1/256 of all places, and more than the newcomer's;
 *   - else the ClientHello waits until a handshake has ended. After 0.9 s it is dropped: its client sends it again after 1 s,
 *     and the cookie is still good. At most 4 times half_open wait, which is a fortieth of the memory of a handshake each.
 * So a storm of honest devices loses no handshake within its chance. One that takes longer, as when this process or its client stood
 * still for a second, may be lost to a newcomer, and its client begins again when its own patience (30 s) is over. A
 * peer that is silent holds a place no longer than its chance, and few addresses hold none against the others: it takes 256
 * and half_open handshakes a second to keep honest ones waiting, and those then share the places in proportion to
 * what they send. */
struct mn_endpoint_config {
	const char *hint;       /* server: psk_identity_hint; copied */
	bool dhe;               /* offer/accept DHE-PSK first */
	unsigned int half_open; /* cap in all; 0 = 4,096 */
	unsigned int
		half_open_addr;    /* cap an IP address; 0 = no cap of its own (half_open counts) */
	unsigned int half_open_ms; /* 0 = 30,000 */
	unsigned int half_chance_ms; /* see below; 0 = 1,000 */
	/* After which sessions end, at most a sixteenth of the shorter one late; below 40 days, 0 = never. */
	uint64_t idle_ms, age_ms;
	unsigned int sessions; /* cap; 0 = 1,048,576 */
	/* mn_session_id counts from first_id in steps: endpoints of one process need not share a number. 0 = 1. Not reconfigured. */
	unsigned int first_id, id_step;
};

int mn_endpoint_new(struct mn_loop *l, const struct mn_endpoint_config *c,
		    const struct mn_endpoint_ops *ops, void *arg, struct mn_endpoint **out);
/* Closes all sessions (close_notify, closed callbacks with MN_CLOSE_LOCAL), then frees. */
void mn_endpoint_free(struct mn_endpoint *e);
/* Takes new limits, hint and timeouts; live sessions stay (idle/age apply from their next check). */
int mn_endpoint_reconfigure(struct mn_endpoint *e, const struct mn_endpoint_config *c);
/* Server: the cookie keys in force, turned if their time has come, for who makes cookies in front of us. Zero out after use. */
void mn_endpoint_cookie_keys(struct mn_endpoint *e, struct mncse_cookie_key out[2]);
/* Server: the keys of another endpoint, for where datagrams of a peer may reach either. They turn by themselves when for two turns nobody
 * has set them. */
void mn_endpoint_set_cookie_keys(struct mn_endpoint *e, const struct mncse_cookie_key keys[2]);
/* Server: serve on this address; several may be added. reuseport as mn_udp_new. */
int mn_endpoint_listen(struct mn_endpoint *e, const union mn_addr *local, bool reuseport);
/* Server: fn sees every datagram of the listeners first and returns true when it has taken it (a relay). */
void mn_endpoint_divert(struct mn_endpoint *e,
			bool (*fn)(void *arg, struct mn_udp *u, uint8_t *data, size_t len,
				   const union mn_addr *from, const struct mn_local *to),
			void *arg);
/* Server: fn is told of each datagram that has neither session nor handshake here: begins when it is a ClientHello that makes one now, else it
 * is dropped. listener as mn_session_listener. */
void mn_endpoint_watch(struct mn_endpoint *e,
		       void (*fn)(void *arg, const union mn_addr *from, unsigned int listener,
				  bool begins),
		       void *arg);
/* Server: the socket of a listener, in the order of mn_endpoint_listen; it stays the endpoint's. */
int mn_endpoint_listener_fd(const struct mn_endpoint *e, unsigned int listener);
/* Takes no new handshakes any more (draining); sessions go on. */
void mn_endpoint_drain(struct mn_endpoint *e);

/* Client: opens a session. identity: terminated. On the psk hint: hint_ok(arg of the endpoint, user, hint, len) false ends the
 * handshake (MN_CLOSE_HANDSHAKE); NULL takes any. The result comes by opened/closed; user is set from the start. give_up_ms 0 =
 * 30,000. suites: 0-terminated list in order of preference, NULL = all. Without local, or with it and not shared, the
 * session has a socket of its own. shared: one socket of the endpoint speaks for all sessions to that peer, each from its own
 * local address (port 0; it must be local to the machine); -EEXIST when that address has a session. trunk: it carries the messages
 * of many, so its socket holds bursts of them. */
struct mn_connect {
	union mn_addr peer;
	const union mn_addr *local;
	bool shared;
	bool trunk;
	const char *identity;
	const uint8_t *key;
	size_t key_len;
	bool (*hint_ok)(void *arg, void *user, const uint8_t *hint, size_t len);
	void *user;
	unsigned int give_up_ms;
	const uint16_t *suites;
};
int mn_endpoint_connect(struct mn_endpoint *e, const struct mn_connect *c, struct mn_session **out);

/* Sends one application record of 1..mn_session_room() bytes. data is copied. -ENOTCONN, -EMSGSIZE, -ENOBUFS (dropped). */
int mn_session_send(struct mn_session *s, const void *data, size_t len);
size_t mn_session_room(const struct mn_session *s);
/* close_notify to the peer; closed() is called from the loop's deferred stage, not inside this call. Idempotent. */
void mn_session_close(struct mn_session *s);
/* The same without a word to the peer, as MN_CLOSE_REPLACED: its owner has a newer session, at another endpoint. */
void mn_session_replace(struct mn_session *s);

struct mn_loop *mn_session_loop(const struct mn_session *s);
void mn_session_set_user(struct mn_session *s, void *user);
void *mn_session_user(const struct mn_session *s);
void *mn_session_owner(const struct mn_session *s); /* server: as given by psk */
/* Server: whether a peer has a session at a listener, or one whose closed() is still to come. */
bool mn_endpoint_knows(const struct mn_endpoint *e, const union mn_addr *peer,
		       unsigned int listener);
/* Server: calls fn for the live sessions of n places of the table, from place `at` on; fn opens and closes none. Returns the next place, 0 at
 * the end. What comes or goes between two calls may be left out. */
size_t mn_endpoint_walk(struct mn_endpoint *e, size_t at, size_t n,
			void (*fn)(void *arg, struct mn_session *s), void *arg);
/* Finds the live session of an owner (server), NULL when none. */
struct mn_session *mn_endpoint_session(struct mn_endpoint *e, const void *owner);
const union mn_addr *mn_session_peer(const struct mn_session *s);
enum mn_suite mn_session_suite(const struct mn_session *s);
bool mn_session_is_open(const struct mn_session *s);
uint64_t mn_session_opened_ms(const struct mn_session *s); /* loop time */
uint64_t mn_session_active_ms(const struct mn_session *s); /* last authenticated record in */
/* Server: number of its listener, in the order of mn_endpoint_listen. */
unsigned int mn_session_listener(const struct mn_session *s);
/* Server: another live session has its address and listener. */
bool mn_session_has_heir(const struct mn_session *s);
uint64_t mn_session_id(const struct mn_session *s); /* unique in its endpoint, from 1 */
/* How long the handshake took, first datagram of ours or the cookie's ClientHello to Finished; microseconds. */
uint32_t mn_session_handshake_us(const struct mn_session *s);

/* Every datagram in ends in exactly one of in_handshake (given to a handshake, or refused one), in_session (a live session's), in_relayed (taken by
 * divert), hello_verify (answered so), drop_junk, drop_unknown, drop_fragment, drop_large and drop_buffer. The other drops are of records,
 * handshakes and cookies, of which such a datagram may hold several or none. */
struct mn_endpoint_stats {
	uint64_t datagrams_in, bytes_in, datagrams_out,
		bytes_out; /* UDP payload, from the sockets */
	uint64_t records_in, records_out;
	uint64_t sessions, half_open;           /* now */
	uint64_t handshakes, handshakes_failed; /* completed / ended without completing */
	uint64_t hello_verify;                  /* HelloVerifyRequests sent */
	uint64_t in_handshake, in_session, in_relayed;
	uint64_t drop_junk, drop_unknown, drop_epoch, drop_short, drop_replay, drop_auth,
		drop_cookie, drop_half_open, drop_fragment, drop_identity;
	uint64_t drop_large;  /* more than a receive buffer holds */
	uint64_t drop_buffer; /* no send buffer for the HelloVerifyRequest */
	uint64_t closed_idle, closed_age, closed_peer, replaced;
};
void mn_endpoint_stats(const struct mn_endpoint *e, struct mn_endpoint_stats *out);

#endif
