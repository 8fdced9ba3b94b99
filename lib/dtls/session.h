/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the endpoint, shared by endpoint.c, half.c, session.c and table.c. */
#ifndef MN_DTLS_SESSION_H
#define MN_DTLS_SESSION_H

#include <sys/queue.h>

#include "core/pool.h"
#include "dtls/cookie.h"
#include "dtls/endpoint.h"
#include "dtls/handshake.h"
#include "dtls/record.h"
#include "dtls/table.h"

/* ---- sessions ---- */

enum mn_session_state { MN_SESSION_CONNECTING, MN_SESSION_OPEN, MN_SESSION_CLOSED };

/* A server's last flight. */
struct mn_flight {
	uint8_t len;
	uint8_t bytes[MN_FLIGHT_MAX];
};

/* One of our own addresses, and how many sessions talk from it. */
struct mn_local_ref {
	LIST_ENTRY(mn_local_ref) link; /* endpoint.locals */
	uint32_t refs;
	struct mn_local local;
};

/* There are 100,000 of these: what it does not need for itself is elsewhere. Times are the low 32 bits of the loop's: differences of
 * up to 49 days are right, and idle and age end a session before. */
struct mn_session {
	/* In endpoint.sessions: of a server while open, of a shared client always (then addr is our own address). */
	struct mn_peer peer;
	struct mn_endpoint *endpoint;
	struct mn_session *next, **prev; /* endpoint.all, then endpoint.dying */
	struct mn_session *owner_next;   /* chain of endpoint.owners */
	void *owner;
	void *user;
	struct mn_record_state record;
	union {
		struct mn_flight *flight; /* server: until the first application record */
		struct mn_half *half;     /* client: while connecting */
	};
	struct mn_local_ref *local; /* NULL: the kernel's choice, or of a shared client */
	uint64_t id;
	uint32_t opened_ms, active_ms;
	uint32_t handshake_us;
	uint8_t state : 2; /* enum mn_session_state */
	uint8_t why : 4;   /* enum mn_close, when closed */
	bool is_client : 1, was_open : 1, told : 1;
	uint8_t shared; /* client on endpoint.shared[shared - 1] */
};

/* ---- half-open handshakes ---- */

struct mn_half {
	struct mn_peer peer; /* server: in endpoint.halves */
	struct mn_endpoint *endpoint;
	struct mn_session *session; /* client: what it is for */
	struct mn_hs *hs;
	struct mn_half *older, *newer; /* server: by age */
	struct mn_timer repeat, end;
	unsigned int repeat_ms;
	unsigned int bucket; /* server: of endpoint.half_by_addr */
	void *owner;
	uint64_t began_us, began_ms, sent_ms;
	struct mn_local local;
	uint8_t random[32]; /* server: of its ClientHello */
	bool (*hint_ok)(void *arg, void *user, const uint8_t *hint, size_t len);
};

/* A ClientHello with a valid cookie that found no room. */
struct mn_waiting {
	struct mn_waiting *next;
	struct mn_udp *udp;
	union mn_addr from;
	struct mn_local to;
	uint64_t came_ms;
	uint16_t len;
	uint8_t hello[256]; /* the datagram; a longer one does not wait */
};

/* A socket that speaks for many client sessions to one peer. */
struct mn_shared {
	struct mn_udp *udp;
	union mn_addr peer;
};

enum { MN_LISTEN_MAX = 16, MN_SHARED_MAX = 8, MN_HALF_BUCKETS = 4096, MN_WAITING_TIMES = 4 };

struct mn_endpoint {
	struct mn_loop *loop;
	struct mn_endpoint_config config; /* hint is ours */
	char hint[MN_GATEWAY_ID_MAX + 1];
	struct mn_endpoint_ops ops;
	void *arg;
	struct mn_hs_factory *factory;
	bool (*divert)(void *arg, struct mn_udp *u, uint8_t *data, size_t len,
		       const union mn_addr *from, const struct mn_local *to);
	void *divert_arg;
	void (*watch)(void *arg, const union mn_addr *from, unsigned int listener, bool begins);
	void *watch_arg;
	struct mn_cookies cookies;
	bool draining;
	struct mn_udp *listeners[MN_LISTEN_MAX];
	unsigned int listener_n;
	struct mn_shared shared[MN_SHARED_MAX];
	unsigned int shared_n;

	struct mn_table sessions, halves;
	struct mn_session **owners; /* by owner pointer */
	size_t owner_size;
	struct mn_pool session_pool, flight_pool, half_pool;
	struct mn_session *all, *dying;
	struct mn_session *sweep; /* the next of all to be looked at */
	struct mn_timer sweep_timer;
	LIST_HEAD(, mn_local_ref) locals;
	struct mn_pool local_pool;
	struct mn_half *oldest, *newest;
	uint32_t half_by_addr[MN_HALF_BUCKETS];
	struct mn_waiting *waiting, **waiting_tail; /* oldest first */
	struct mn_pool waiting_pool;
	struct mn_defer admit; /* the waiting, when a handshake has ended */
	struct mn_defer bury;  /* tells and frees the dying */
	uint64_t last_id, id_step;
	struct mn_endpoint_stats stats;
	struct mn_udp_stats gone; /* of client sockets that are closed */
};

/* session.c */
/* Where its datagrams go; NULL on a connected socket. */
const union mn_addr *mn_session_destination(const struct mn_session *s);
struct mn_session *mn_session_new(struct mn_endpoint *e, const struct mn_peer *peer);
/* Takes the record state (and its MAC keys). Links it, arms its timer, tells opened(). */
void mn_session_open(struct mn_session *s, struct mn_record_state *record);
/* Unlinks at once; closed() comes deferred, or, when now, before this returns. */
void mn_session_end(struct mn_session *s, enum mn_close why, bool now);
void mn_session_send_flight(struct mn_session *s);
/* Out of endpoint.all or endpoint.dying. */
void mn_session_unlink(struct mn_session *s);
/* Takes up idle and age limits that have changed. */
void mn_session_limits(struct mn_endpoint *e);
void mn_session_sweep(struct mn_timer *t);
/* One record of epoch 1. true when it is dealt with, false when it does not authenticate. s may be closed afterwards. */
bool mn_session_record(struct mn_session *s, struct mn_record *r);
void mn_session_bury(struct mn_defer *d);
void mn_session_transmit(struct mn_session *s, const uint8_t *data, size_t len);

/* local.c */
/* NULL for none, or without memory. */
struct mn_local_ref *mn_local_get(struct mn_endpoint *e, const struct mn_local *l);
void mn_local_put(struct mn_endpoint *e, struct mn_local_ref *r);
/* The address that it talks from; family 0: the kernel chooses. */
void mn_session_local(const struct mn_session *s, struct mn_local *out);

/* endpoint.c */
/* A ClientHello as it came: a whole datagram that passed mn_datagram_ok. */
void mn_endpoint_hello(struct mn_endpoint *e, struct mn_udp *u, uint8_t *data, size_t len,
		       const union mn_addr *from, const struct mn_local *to);

/* waiting.c */
void mn_waiting_add(struct mn_endpoint *e, struct mn_udp *udp, const uint8_t *hello, size_t len,
		    const union mn_addr *from, const struct mn_local *to);
void mn_waiting_admit(struct mn_defer *d);

/* half.c */
unsigned int mn_half_cap(const struct mn_endpoint *e);
/* -EBUSY: the address has too many; -EAGAIN: no room now. */
int mn_half_accept(struct mn_endpoint *e, struct mn_udp *udp, const union mn_addr *from,
		   const struct mn_local *to, const struct mn_client_hello *hello,
		   struct mn_half **out);
int mn_half_connect(struct mn_session *s, const struct mn_connect *c);
void mn_half_input(struct mn_half *h, uint8_t *data, size_t len);
void mn_half_repeat(struct mn_half *h);
void mn_half_free(struct mn_half *h);

#endif
