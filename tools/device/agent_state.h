/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What agent.c (session), agent_rand.c (Rand and contexts) and agent_request.c (requests) share. */
#ifndef MNT_AGENT_STATE_H
#define MNT_AGENT_STATE_H

#include "agent.h"
#include "core/coap.h"
#include "core/oscore.h"
#include "core/rand_message.h"
#include "dtls/exchange.h"

#define MNT_SALT_LEN 8
#define MNT_BACKOFF_MIN_MS 2000
#define MNT_BACKOFF_MAX_MS 300000
#define MNT_WIRE_MAX 1280 /* a protected request: 1,152 bytes and what OSCORE adds */

/* clang-format off */
/* clang-format off */
#define mnt_container(p, type, member) ((type *)(void *)((char *)(p) - offsetof(type, member)))
/* clang-format on */
/* clang-format on */

struct mnt_rand {
	bool held;
	uint32_t generation;
	uint8_t rand[MN_RAND_LEN];
};

/* Messages of the gateway that were answered already (RFC 7252 4.5). code 0: by an empty ACK. */
struct mnt_seen {
	uint16_t id;
	uint8_t code;
	bool used;
};

struct mnt_open_request;

struct mnt_agent {
	struct mnt_agent_config config;
	struct mn_session *session; /* NULL when there is none, also while stopping */
	bool open;
	bool offered; /* a rand-message came on this session */
	bool stopped;
	bool hurry; /* the next handshake begins without delay */
	struct mn_messenger messenger;
	struct mnt_seen seen[16];
	unsigned int seen_at;
	uint64_t sent_ms;    /* last message of ours, for the ping */
	unsigned int silent; /* exchanges since the gateway was last heard of */
	uint32_t next_token;
	unsigned int connect_backoff_ms;
	struct mn_timer connect_timer;
	struct mn_timer ping_timer;

	/* Rand: newest is the last one taken; confirmed the last one under which an answer verified. */
	struct mnt_rand newest, confirmed;
	bool want_fresh;    /* the next protection installs a context first */
	bool use_confirmed; /* contexts are of the confirmed Rand, not of the newest */
	bool want_rand;     /* nothing is sent before a rand-message comes */
	unsigned int stage; /* failed contexts since the last answer that verified */
	unsigned int backoff_ms;
	uint64_t backoff_until_ms;

	bool has_context;
	struct mnt_rand context_rand;
	struct mn_oscore context;
	uint8_t salt
		[MNT_SALT_LEN]; /* of the context; of a direct agent its own, drawn once. RQIs begin with it */
	uint32_t rqi_count;

	/* GET /gsa with Observe (RFC 7641) */
	bool observing; /* a GET is under way or answered */
	bool has_sequence;
	uint32_t sequence; /* of the last notification taken */
	uint64_t sequence_ms;
	struct mn_coap_token observe_token;
	struct mn_timer observe_timer;

	struct mnt_open_request *request;
};

/* agent.c */
void mnt_agent_emit(struct mnt_agent *a, struct mnt_event *e);
void mnt_agent_timer(struct mnt_agent *a, struct mn_timer *t, uint64_t delay_ms);
int mnt_agent_send(struct mnt_agent *a, const uint8_t *data, size_t len);
/* A token not used for anything open. */
struct mn_coap_token mnt_agent_token(struct mnt_agent *a);
/* Counts an exchange that ended without a message from the gateway; after the second the session is given up. */
void mnt_agent_silence(struct mnt_agent *a);
/* A number below n, for jitter. */
uint64_t mnt_jitter(uint64_t n);

/* agent_rand.c */
/* Answers a request of the gateway's; returns the code of the answer. */
uint8_t mnt_rand_request(struct mnt_agent *a, const struct mn_coap *m);
void mnt_rand_opened(struct mnt_agent *a);
void mnt_rand_closed(struct mnt_agent *a);
void mnt_rand_observe_due(struct mn_timer *t);
bool mnt_rand_is_observe(const struct mnt_agent *a, const struct mn_coap *m);
/* An answer to GET /gsa or a notification. */
void mnt_rand_observed(struct mnt_agent *a, const struct mn_coap *m);
/* The context in use is not the one that the next protection should use. */
bool mnt_rand_stale(const struct mnt_agent *a);
/* Installs a context when one is wanted. 0, -EAGAIN when there is no Rand to take, -errno. */
int mnt_rand_context(struct mnt_agent *a);
/* The context in use did not work: chooses the next one. */
enum mnt_retry mnt_rand_context_failed(struct mnt_agent *a);
/* An answer verified under the context in use. */
void mnt_rand_confirm(struct mnt_agent *a);
/* Milliseconds to wait after another failure; doubles. */
uint64_t mnt_backoff(struct mnt_agent *a);

/* agent_request.c */
/* Sends the open request when nothing stands in its way. */
void mnt_request_kick(struct mnt_agent *a);
bool mnt_request_is(const struct mnt_agent *a, const struct mn_coap *m);
/* An answer in a message of its own. */
void mnt_request_answered(struct mnt_agent *a, const struct mn_coap *m);
/* The session has gone: what was under way starts anew with the next one. */
void mnt_request_closed(struct mnt_agent *a);
void mnt_request_drop(struct mnt_agent *a);

#endif
