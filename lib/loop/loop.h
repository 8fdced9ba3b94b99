/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One io_uring, one thread: the loop belongs to the thread that made it. UDP sockets with multishot receive and batched sends, readable descriptors and timers.
 * All functions are called on the loop's own thread but mn_loop_wake(). Nothing here allocates per datagram. */
#ifndef MN_LOOP_LOOP_H
#define MN_LOOP_LOOP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/timer.h"

struct mn_loop;
struct mn_udp;

struct mn_loop_config {
	unsigned int receive_buffers; /* power of two; 0 = 512 */
	unsigned int
		receive_size; /* largest datagram taken; 0 = 17,408 (a record of 2^14 + overhead) */
	unsigned int send_buffers; /* 0 = 4,096 */
	unsigned int send_size;    /* 0 = 2,048 */
};

/* -ENOSYS/-EPERM when the kernel refuses io_uring; why (may be NULL) gets a static text that says what to do. */
int mn_loop_new(const struct mn_loop_config *config, struct mn_loop **out, const char **why);
void mn_loop_free(struct mn_loop *l);
/* Runs until mn_loop_stop(). 0 or -errno of the ring. */
int mn_loop_run(struct mn_loop *l);
void mn_loop_stop(struct mn_loop *l);
/* From any thread or a signal handler: the loop wakes and calls the function set by mn_loop_on_wake. */
void mn_loop_wake(struct mn_loop *l);
void mn_loop_on_wake(struct mn_loop *l, void (*fn)(void *arg), void *arg);
/* Monotonic milliseconds, taken once an iteration: no system call. */
uint64_t mn_loop_now(const struct mn_loop *l);
struct mn_timers *mn_loop_timers(struct mn_loop *l);

/* Runs fn once at the end of this iteration, before sends are submitted (group commit, flushing). Idempotent while pending. */
struct mn_defer {
	struct mn_defer *next;
	void (*fn)(struct mn_defer *d);
	bool queued;
};
void mn_loop_defer(struct mn_loop *l, struct mn_defer *d);
void mn_loop_undefer(struct mn_loop *l,
		     struct mn_defer *d); /* takes it back, before d's memory goes */

/* An address of either family. Unused bytes are zero, so two can be compared by memcmp. */
union mn_addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};
socklen_t mn_addr_len(const union mn_addr *a);
/* "192.0.2.1:5684", "[2001:db8::1]:5684"; out has MN_ADDR_TEXT bytes. Returns out. */
#define MN_ADDR_TEXT 64
const char *mn_addr_text(const union mn_addr *a, char out[MN_ADDR_TEXT]);
/* The reverse; port may be absent when default_port > 0. No names are looked up. -EINVAL. */
int mn_addr_parse(const char *text, uint16_t default_port, union mn_addr *out);
bool mn_addr_equal(const union mn_addr *a, const union mn_addr *b);

/* Local side of a datagram, so that an answer leaves from the address that the question came to. ifindex 0 = any. */
struct mn_local {
	sa_family_t family; /* 0 = let the kernel choose */
	uint32_t ifindex;
	uint8_t addr[16];
};

/* data may be written to until the callback returns. from: the peer. */
typedef void mn_udp_fn(void *arg, struct mn_udp *u, uint8_t *data, size_t len,
		       const union mn_addr *from, const struct mn_local *to);

/* Binds local (port 0: any) and, when peer is given, connects. Receives at once. reuseport for several workers. */
int mn_udp_new(struct mn_loop *l, const union mn_addr *local, const union mn_addr *peer,
	       bool reuseport, mn_udp_fn *fn, void *arg, struct mn_udp **out);
/* Room for what waits to be read, where the system allows it (CAP_NET_ADMIN, or net.core.rmem_max); 8 MiB without. */
void mn_udp_receive_room(struct mn_udp *u, int bytes);
/* Closes; no callback after it returns (safe inside one). Queued sends are still made. */
void mn_udp_free(struct mn_udp *u);
/* A socket with a peer has the system's buffers: this gives it those of one without, for who speaks to that peer for many. */
void mn_udp_enlarge(struct mn_udp *u);
int mn_udp_fd(const struct mn_udp *u);
void mn_udp_bound(const struct mn_udp *u, union mn_addr *out);

/* A buffer to fill (send_size bytes) and hand to mn_udp_send. NULL when all are in flight: counted, drop the datagram. */
uint8_t *mn_send_buffer(struct mn_loop *l, size_t *size);
/* Queues data (a send buffer; ownership passes). to NULL on a connected socket. Submitted at the end of the iteration. */
void mn_udp_send(struct mn_udp *u, uint8_t *data, size_t len, const union mn_addr *to,
		 const struct mn_local *from);
void mn_send_buffer_put(struct mn_loop *l, uint8_t *data); /* gives an unused one back */

/* Datagrams and UDP payload bytes as handed over by / to the kernel, over all sockets of a mn_udp. */
struct mn_udp_stats {
	uint64_t in, in_bytes, out, out_bytes, send_errors, no_buffer, truncated;
};
const struct mn_udp_stats *mn_udp_stats(const struct mn_udp *u);

/* Calls fn whenever fd is readable (level: fn reads until EAGAIN). The fd stays the caller's. */
struct mn_poll;
int mn_poll_new(struct mn_loop *l, int fd, void (*fn)(void *arg, int fd), void *arg,
		struct mn_poll **out);
void mn_poll_free(struct mn_poll *p);

/* SIGTERM, SIGINT, SIGHUP as loop events (signalfd); blocks them for the thread. */
int mn_loop_signals(struct mn_loop *l, void (*fn)(void *arg, int signo), void *arg);

#endif
