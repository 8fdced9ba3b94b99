/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One device of docs/protocol.md ("Device:"): authenticates to the gateway, takes Rand, derives Ksx, sends oneM2M requests
 * under OSCORE and judges the answers. Many agents share one client endpoint, each with a socket of its own. */
#ifndef MNT_AGENT_H
#define MNT_AGENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent_credentials.h"
#include "core/onem2m.h"
#include "dtls/endpoint.h"

struct mnt_agent;

enum mnt_event_type {
	MNT_EVENT_CONNECTING, /* a handshake begins */
	MNT_EVENT_OPENED,     /* the session is up: suite, took_us */
	MNT_EVENT_CLOSED, /* close, was_open; delay_ms until the next handshake, when it is not the end */
	MNT_EVENT_RAND,         /* rand-message taken, or already held (known): generation */
	MNT_EVENT_RAND_REFUSED, /* rand-message refused: code */
	MNT_EVENT_RAND_NONE, /* answer to GET /gsa without one: code, delay_ms until the next GET */
	MNT_EVENT_CONTEXT,   /* OSCORE context installed: generation, salt */
	MNT_EVENT_SENT,      /* service request sent: rqi, attempt (from 1), same_bytes */
	MNT_EVENT_ACKED,     /* the gateway has it, the answer comes separately */
	MNT_EVENT_UNPROTECTED, /* an answer that proves nothing: code, text */
	MNT_EVENT_UNVERIFIED,  /* an OSCORE answer that does not verify */
	MNT_EVENT_TIMEOUT,     /* no answer */
	MNT_EVENT_RETRY,       /* what comes next after the three above: retry, delay_ms */
	MNT_EVENT_DONE,        /* the request has ended: result, response, took_us, code, text */
	MNT_EVENT_GOT, /* GET /gsa has ended: code, MN_COAP_EMPTY when there was no answer */
};

enum mnt_retry {
	MNT_RETRY_SAME,      /* the same protected bytes */
	MNT_RETRY_PROTECT,   /* protected anew, same RQI */
	MNT_RETRY_CONTEXT,   /* under a fresh context of the newest Rand */
	MNT_RETRY_CONFIRMED, /* under a fresh context of the confirmed Rand */
	MNT_RETRY_RAND,      /* after the next rand-message */
};

enum mnt_result {
	MNT_RESULT_VERIFIED, /* response is set, proved by Ksx or the IN's own session; its RSC says whether the IN did it */
	MNT_RESULT_REFUSED, /* code and text of an unprotected answer that came from the gateway */
	MNT_RESULT_UNVERIFIED, /* the IN did not prove Ksx: an answer that does not verify, or an unprotected error of OSCORE */
	MNT_RESULT_SILENT, /* nothing */
	MNT_RESULT_FAILED, /* could not be built: too long */
};

struct mnt_event {
	enum mnt_event_type type;
	uint64_t now_us; /* CLOCK_MONOTONIC */
	enum mn_close close;
	bool was_open;
	bool known;
	bool same_bytes;
	enum mn_suite suite;
	uint32_t took_us;
	uint64_t delay_ms; /* UINT64_MAX: not by time */
	uint32_t generation;
	const uint8_t *salt; /* 8 bytes */
	uint8_t code;
	const uint8_t *text; /* diagnostic payload, hostile; not terminated */
	size_t text_len;
	const char *rqi;
	unsigned int attempt;
	enum mnt_retry retry;
	enum mnt_result result;
	const struct mn_onem2m_response *response;
};

/* In it mnt_agent_request and mnt_agent_stop may be called, mnt_agent_free may not. */
typedef void mnt_agent_fn(void *arg, struct mnt_agent *a, const struct mnt_event *e);

struct mnt_agent_config {
	struct mn_loop *loop;
	struct mn_endpoint *endpoint;            /* made by mnt_agent_endpoint */
	const struct mnt_credential *credential; /* must outlive the agent */
	union mn_addr gateway;
	bool shared; /* all such agents of an endpoint have one socket, each its own address */
	union mn_addr local;    /* shared: that address, port 0; local to the machine */
	const uint16_t *suites; /* as struct mn_connect; NULL = all */
	/* Proxy mode: the session is with the IN itself, by Kpsaxi, and requests are plain in it. There is no Rand. */
	bool direct;
	bool observe; /* GET /gsa with Observe instead of waiting for POST /gsa */
	unsigned int
		ping_ms; /* CoAP ping while nothing else is sent (a NAT in between: 25,000); 0 = never */
	unsigned int rand_ms; /* the same while a session has had no rand-message; 0 = 30,000 */
	unsigned int handshake_ms; /* 0 = 30,000 */
	unsigned int
		request_ms; /* end of a request with its retries; 0 = 240,000, which is also the most */
	/* A request ends after so many tries that did not verify, or when only another Rand could help; 0 = no such end. */
	unsigned int unverified;
	mnt_agent_fn *fn;
	void *arg;
};

/* A client endpoint whose sessions are agents'. */
int mnt_agent_endpoint(struct mn_loop *l, struct mn_endpoint **out);

/* Names of suites ("gcm", "ccm8", "cbc", "dhe") behind commas, none twice, as mnt_agent_config has them. -EINVAL. */
#define MNT_SUITES_MAX 4
#define MNT_SUITES_NAMES "gcm, ccm8, cbc, dhe"
int mnt_suites_parse(const char *text, uint16_t out[MNT_SUITES_MAX + 1]);

/* Starts the first handshake from the loop, not inside this call. -ENOMEM. Lost sessions come back by themselves, after
 * a delay with jitter that doubles from 1 s to 60 s. */
int mnt_agent_new(const struct mnt_agent_config *c, struct mnt_agent **out);
/* Closes the session (close_notify) and begins nothing more. An open request ends without an event. True when there was a
 * session or a handshake: MNT_EVENT_CLOSED then comes from the loop. */
bool mnt_agent_stop(struct mnt_agent *a);
/* Call mnt_agent_stop and wait for the close first, or free the endpoint first. Zeroes keys. */
void mnt_agent_free(struct mnt_agent *a);

struct mnt_request {
	enum mn_onem2m_op op;
	const char *to;     /* "in-cse/cnt" */
	unsigned int ty;    /* CREATE only */
	json_t *content;    /* a reference is taken; NULL = none */
	int content_format; /* 50 or 60 */
};
/* One request at a time (NSTART of RFC 7252 4.7): -EBUSY. It is sent as soon as there are a session and a Rand. Ends in
 * MNT_EVENT_DONE. -EINVAL: to is too long. */
int mnt_agent_request(struct mnt_agent *a, const struct mnt_request *r);

/* One GET /gsa without Observe, ends in MNT_EVENT_GOT; several may be open. -ENOTCONN, -ENOMEM, -ENOBUFS. */
int mnt_agent_get(struct mnt_agent *a);
/* Gives up the session, if there is one, and begins a handshake at once: as a device that was switched off and on. */
void mnt_agent_reconnect(struct mnt_agent *a);

bool mnt_agent_is_open(const struct mnt_agent *a);
bool mnt_agent_has_rand(const struct mnt_agent *a);
bool mnt_agent_is_direct(const struct mnt_agent *a);
const struct mnt_credential *mnt_agent_credential(const struct mnt_agent *a);

/* CLOCK_MONOTONIC, as in the events. */
uint64_t mnt_now_us(void);

/* Stable names for output: "opened", "rand", ...; "verified", ... */
const char *mnt_event_name(enum mnt_event_type t);
const char *mnt_result_name(enum mnt_result r);
const char *mnt_retry_name(enum mnt_retry r);

/* "HOST:PORT", "HOST", "[v6]:PORT"; names by getaddrinfo. 0, or -EINVAL with a sentence in err (128 bytes). */
int mnt_agent_resolve(const char *text, union mn_addr *out, char err[128]);

#endif
