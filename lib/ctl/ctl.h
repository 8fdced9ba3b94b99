/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket: netlink messages (uapi/mncse.h) over a SOCK_SEQPACKET unix socket, server on the loop and blocking
 * client. Messages are built and parsed with libnl's nlmsg_ and nla_ functions; requests are checked against a
 * strict policy (unknown, repeated, wrongly sized attributes are refused with a text) before a handler sees them. */
#ifndef MN_CTL_CTL_H
#define MN_CTL_CTL_H

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"
#include "uapi/mncse.h"

/* ---- server ---- */

struct mn_ctl_server;
struct mn_ctl_request; /* one request being answered */

/* attrs[MNCSE_A_MAX + 1], checked, NULL where absent (attrs[0] is for mn_ctl_next); valid, and not zeroed, until it returns. Returns 0 (the server sends ACK or DONE) or -errno (the server sends the error with
 * the text of mn_ctl_fail, if any). A handler that answers later returns MN_CTL_LATER and calls mn_ctl_finish. */
#define MN_CTL_LATER 1
typedef int mn_ctl_handler(void *arg, struct mn_ctl_request *r, struct nlattr **attrs);

struct mn_ctl_command {
	enum mncse_cmd cmd;
	bool change; /* needs a peer of uid 0, of our own uid, or of the socket's group */
	bool dump;
	const uint8_t
		*required; /* 0-terminated list of attributes that must be there, NULL = none */
	const uint8_t
		*allowed; /* likewise: all that may be there (required ones need not be repeated) */
	mn_ctl_handler *fn;
};

/* Creates the socket at path (mode 0660, group `mncse` where it exists; a stale socket is replaced, a live one is -EADDRINUSE),
 * commands[n] must outlive the server. Peers are checked by SO_PEERCRED and SO_PEERGROUPS when they connect; changes are for root, our own
 * user and the group `mncse` (another group that the socket may have is not asked). At most 64 clients (one that was idle for 10 s makes
 * room). A dump to a slow reader waits for it without blocking the loop: the answers are generated first, up to 64 MiB over
 * all clients, then -ENOBUFS; a client that takes nothing for 5 min is dropped. */
int mn_ctl_server_new(struct mn_loop *l, const char *path, const struct mn_ctl_command *commands,
		      size_t n, void *arg, struct mn_ctl_server **out, char err[256]);
/* Closes clients, unlinks the path. Before the loop, and never inside a handler. Requests that were answered MN_CTL_LATER stay
 * valid until mn_ctl_finish. */
void mn_ctl_server_free(struct mn_ctl_server *s);

/* Starts one answer message; put attributes with nla_put_* into it (64 KiB in STATUS and CONFIG, 4 KiB elsewhere); then mn_ctl_answer
 * queues (and frees) it. NULL = no memory; mn_ctl_answer takes that too. Errors of mn_ctl_answer: -ENOMEM, -ENOBUFS (above),
 * -EPIPE (the client went away), -EPROTO (the message breaks the policy: our bug, logged). The request then ends with that error,
 * whatever the handler returns. */
struct nl_msg *mn_ctl_message(struct mn_ctl_request *r, enum mncse_cmd cmd);
int mn_ctl_answer(struct mn_ctl_request *r, struct nl_msg *msg);
/* Sets the text of the error that the handler is about to return. Returns err, so that: return mn_ctl_fail(r, -ENOENT, "..."). */
int mn_ctl_fail(struct mn_ctl_request *r, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Ends a request whose handler returned MN_CTL_LATER (also when the client went away meanwhile). */
void mn_ctl_finish(struct mn_ctl_request *r, int err);

/* ---- client (blocking) ---- */

struct mn_ctl_client;

/* -ENOENT/-ECONNREFUSED (nobody there), -EACCES; err gets a sentence that says what to do. timeout_ms (0 = none) holds for each
 * message sent and received. */
int mn_ctl_connect(const char *path, unsigned int timeout_ms, struct mn_ctl_client **out,
		   char err[256]);
void mn_ctl_disconnect(struct mn_ctl_client *c);
/* A request to fill with nla_put_* (8 KiB); NULL = no memory. Freeing it zeroes it. */
struct nl_msg *mn_ctl_request_new(enum mncse_cmd cmd, bool dump);
void mn_ctl_request_free(struct nl_msg *msg);
/* Sends msg (frees and zeroes it), calls fn for each answer with its command and attributes until ACK, ERROR or DONE. Returns 0, fn's non-zero result, or
 * the server's -errno with its text in err. -ETIMEDOUT. Answers are checked like requests. */
typedef int mn_ctl_answer_fn(void *arg, enum mncse_cmd cmd, struct nlattr **attrs);
int mn_ctl_call(struct mn_ctl_client *c, struct nl_msg *msg, mn_ctl_answer_fn *fn, void *arg,
		char err[256]);

/* ---- codec, shared by both and by the fuzzers ---- */

/* Checks one whole netlink message of len bytes (data aligned to 4): header, genl header, attributes against the policy. 0 or -errno;
 * *attr is the offending attribute (0 = none) and text says why. Only MNCSE_A_LISTEN of a STATUS may come more than once:
 * attrs has the first. */
int mn_ctl_parse(const void *data, size_t len, enum mncse_cmd *cmd,
		 struct nlattr *attrs[MNCSE_A_MAX + 1], int *attr, const char **text);
/* The next attribute of a's type in the same message, NULL when a is the last. attrs as given to a handler or answer function. */
struct nlattr *mn_ctl_next(struct nlattr **attrs, const struct nlattr *a);
/* Stable lower-case name of an attribute ("group", "session_id"), as in `dump`, JSON and error texts; "unknown". */
const char *mn_ctl_attr_name(int attr);
enum mn_ctl_type { MN_CTL_STRING, MN_CTL_U8, MN_CTL_U32, MN_CTL_U64, MN_CTL_BINARY };
enum mn_ctl_type mn_ctl_attr_type(int attr);

#endif
