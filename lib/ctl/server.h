/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What server.c (sockets, peers, clients) and request.c (one request and its answers) share. One thread, the loop's. */
#ifndef MN_CTL_SERVER_H
#define MN_CTL_SERVER_H

#include <sys/types.h>

#include "ctl/codec.h"
#include "loop/loop.h"

/* A message that waits to be sent. */
struct mn_ctl_out {
	struct mn_ctl_out *next;
	size_t len;
	uint8_t data[];
};

struct mn_ctl_peer {
	struct mn_ctl_peer *next;
	struct mn_ctl_server *server;
	struct mn_ctl_request
		*request; /* being answered; at most one, and nothing is read meanwhile */
	struct mn_poll *
		poll; /* NULL while a request runs or answers wait: the peer's requests wait in its socket */
	struct mn_ctl_out *first, **last;
	uint64_t active_ms; /* loop time when it last sent or took something */
	int fd;
	bool may_change;
};

struct mn_ctl_server {
	struct mn_loop *loop;
	const struct mn_ctl_command *commands;
	size_t n_commands;
	void *arg;
	char *path;
	dev_t dev; /* of the socket file, so that only ours is unlinked */
	ino_t ino;
	int fd;
	gid_t group;          /* may change things; (gid_t)-1 = none */
	struct mn_poll *poll; /* NULL for a moment when accept ran out of descriptors */
	int accept_errno;     /* why nobody could be let in, 0 since somebody was */
	struct mn_ctl_peer *peers;
	unsigned int n_peers;
	size_t queued; /* bytes over all peers */
	/* Goes on with what could not be sent (the loop tells of readable descriptors only) or polled; every RETRY_MS while needed. */
	struct mn_timer retry;
	uint8_t buffer[MN_CTL_MESSAGE_MAX] __attribute__((aligned(8)));
};

struct mn_ctl_request {
	struct mn_ctl_server *server;
	struct mn_ctl_peer *peer; /* NULL once it went away */
	struct nlmsghdr head;
	bool dump;
	bool running;  /* the handler has not returned */
	bool finished; /* mn_ctl_finish came while it ran */
	int err;       /* first failure of mn_ctl_answer */
	uint32_t offset;
	char text[MN_CTL_TEXT_MAX];
};

/* Handles the message of len bytes in s->buffer (len may be above its size: a longer message came) and queues what answers it. Returns
 * 0, or -ENOMEM when not even an error could be queued: drop the peer. */
int mn_ctl_request_handle(struct mn_ctl_peer *p, size_t len);
/* The peer goes: its request lives on without it until the handler is done. */
void mn_ctl_request_orphan(struct mn_ctl_request *r);

/* Copies one message to the end of the queue. -ENOMEM. */
int mn_ctl_peer_queue(struct mn_ctl_peer *p, const void *data, size_t len);
/* Sends what waits and reads on when nothing is left to do first. Frees the peer when it went away. */
void mn_ctl_peer_go_on(struct mn_ctl_peer *p);

#endif
