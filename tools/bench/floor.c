// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A child echoes by recvmmsg and sendmmsg on one socket; the parent is a closed loop of `window` datagrams over many
 * connected sockets, the same shape of load as many devices make. The child's CPU time is read from outside.
 */
#include "floor.h"

#include <argp.h>
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "report.h"

enum {
	EXIT_OK,
	EXIT_FAILED,
	EXIT_USAGE,
	BATCH = 64,
	SIZE_MAX_BYTES = 1400,
	SOCKET_BUFFER = 8 << 20,
	SILENT_MS = 1000, /* without any echo: datagrams were lost, the window is filled anew */
};

struct floor {
	unsigned long sockets, window, seconds, size;
	const char *json;
	struct sockaddr_in server;
	int *fds;
	int epoll;
	pid_t child;
	uint64_t echoed;
};

static double seconds_of(clockid_t clock)
{
	struct timespec t = { 0 };

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- the echo ---- */

static void echo(int fd)
{
	static uint8_t data[BATCH][SIZE_MAX_BYTES];
	static struct sockaddr_in from[BATCH];
	static struct mmsghdr m[BATCH];
	static struct iovec iov[BATCH];

	for (;;) {
		int n, sent = 0;

		for (int i = 0; i < BATCH; i++) {
			iov[i] = (struct iovec){ data[i], sizeof(data[i]) };
			m[i].msg_hdr = (struct msghdr){ .msg_name = &from[i],
							.msg_namelen = sizeof(from[i]),
							.msg_iov = &iov[i],
							.msg_iovlen = 1 };
		}
		n = recvmmsg(fd, m, BATCH, MSG_WAITFORONE, NULL);
		for (int i = 0; i < n; i++)
			iov[i].iov_len = m[i].msg_len;
		while (sent < n) {
			int k = sendmmsg(fd, m + sent, (unsigned int)(n - sent), 0);

			sent += k > 0 ? k : 1;
		}
	}
}

static int start_echo(struct floor *f)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = SOCKET_BUFFER;
	socklen_t len = sizeof(f->server);

	f->server = (struct sockaddr_in){ .sin_family = AF_INET,
					  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (fd < 0 || bind(fd, (struct sockaddr *)&f->server, sizeof(f->server)) ||
	    getsockname(fd, (struct sockaddr *)&f->server, &len))
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	f->child = fork();
	if (f->child < 0)
		return -errno;
	if (!f->child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		echo(fd);
	}
	close(fd);
	return 0;
}

/* ---- the clients ---- */

static int open_clients(struct floor *f)
{
	struct rlimit l = { .rlim_cur = f->sockets + 64, .rlim_max = f->sockets + 64 };
	struct rlimit old;

	getrlimit(RLIMIT_NOFILE, &old);
	if (old.rlim_max > l.rlim_max)
		l.rlim_max = old.rlim_max;
	if (old.rlim_cur < l.rlim_cur && setrlimit(RLIMIT_NOFILE, &l))
		return -errno;
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	f->fds = calloc(f->sockets, sizeof(*f->fds));
	if (!f->fds || f->epoll < 0)
		return -ENOMEM;
	for (unsigned long i = 0; i < f->sockets; i++) {
		struct sockaddr_in local = { .sin_family = AF_INET,
					     .sin_addr.s_addr =
						     htonl(0x7f010001 + (uint32_t)i % 250) };
		struct epoll_event e = { .events = EPOLLIN, .data.u64 = i };
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		f->fds[i] = fd;
		if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof(local)) ||
		    connect(fd, (struct sockaddr *)&f->server, sizeof(f->server)) ||
		    epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &e))
			return -errno;
	}
	return 0;
}

static void send_next(struct floor *f, unsigned long *next)
{
	static uint8_t data[SIZE_MAX_BYTES];

	send(f->fds[*next], data, f->size, 0);
	*next = *next + 1 == f->sockets ? 0 : *next + 1;
}

static void drive(struct floor *f, double until)
{
	uint8_t data[SIZE_MAX_BYTES];
	struct epoll_event e[BATCH];
	unsigned long next = 0;
	int n = 0;

	while (seconds_of(CLOCK_MONOTONIC) < until) {
		if (n <= 0)
			for (unsigned long i = 0; i < f->window; i++)
				send_next(f, &next);
		n = epoll_wait(f->epoll, e, BATCH, SILENT_MS);
		for (int i = 0; i < n; i++) {
			while (recv(f->fds[e[i].data.u64], data, sizeof(data), 0) > 0) {
				f->echoed++;
				send_next(f, &next);
			}
		}
	}
}

static int report(const struct floor *f, double cpu, double took)
{
	double us = f->echoed ? cpu / (double)f->echoed * 1e6 : 0;
	json_t *o;
	int fd, err;

	printf("floor: %llu datagrams of %lu bytes echoed to %lu sockets, %.0f a second, %.2f us of CPU each, %.0f %% busy\n",
	       (unsigned long long)f->echoed, f->size, f->sockets, (double)f->echoed / took, us,
	       100 * cpu / took);
	if (!f->json)
		return 0;
	o = json_pack("{s:I, s:I, s:I, s:I, s:f, s:f, s:f}", "sockets", (json_int_t)f->sockets,
		      "window", (json_int_t)f->window, "bytes", (json_int_t)f->size, "echoed",
		      (json_int_t)f->echoed, "rate_per_s", (double)f->echoed / took, "cpu_us", us,
		      "duration_s", took);
	fd = mnt_output_open(f->json);
	err = fd < 0 ? fd : mnt_output_json(fd, o);
	json_decref(o);
	return err;
}

static int measure(struct floor *f)
{
	double cpu, start, took;
	clockid_t clock;
	int err = start_echo(f);

	if (!err)
		err = open_clients(f);
	if (!err)
		err = -clock_getcpuclockid(f->child, &clock);
	if (err)
		return err;
	start = seconds_of(CLOCK_MONOTONIC);
	cpu = seconds_of(clock);
	drive(f, start + (double)f->seconds);
	cpu = seconds_of(clock) - cpu;
	took = seconds_of(CLOCK_MONOTONIC) - start;
	return f->echoed ? report(f, cpu, took) : -ETIMEDOUT;
}

/* ---- options ---- */

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct floor *f = state->input;
	unsigned long max = key == 'n' ? 20000 : key == 'b' ? SIZE_MAX_BYTES : 1000000;
	unsigned long *to = key == 'n' ? &f->sockets :
			    key == 'w' ? &f->window :
			    key == 's' ? &f->seconds :
			    key == 'b' ? &f->size :
					 NULL;
	char *rest;

	if (key == 'j') {
		f->json = arg;
		return 0;
	}
	if (key == ARGP_KEY_ARG)
		argp_error(state, "%s: unexpected argument", arg);
	if (!to)
		return ARGP_ERR_UNKNOWN;
	*to = strtoul(arg, &rest, 10);
	if (*rest || !*to || *to > max || arg[0] == '-')
		argp_error(state, "%s: expected 1 to %lu", arg, max);
	return 0;
}

int mnt_floor_main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "sockets", 'n', "N", 0, "Client sockets (1,000)", 0 },
		{ "window", 'w', "W", 0, "Datagrams under way (64)", 0 },
		{ "seconds", 's', "S", 0, "How long (3)", 0 },
		{ "size", 'b', "BYTES", 0, "Of a datagram (100)", 0 },
		{ "json", 'j', "FILE", 0, "Write the result as one JSON object", 0 },
		{ 0 },
	};
	static const struct argp argp = {
		options, parse_option,
		NULL,    "The machine's floor: CPU time of a UDP echo by recvmmsg and sendmmsg.",
		NULL,    NULL,
		NULL
	};
	struct floor f = { .sockets = 1000, .window = 64, .seconds = 3, .size = 100, .epoll = -1 };
	int err;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &f);
	err = measure(&f);
	if (err)
		mn_error("floor: %s", strerror(-err));
	if (f.child > 0) {
		kill(f.child, SIGKILL);
		waitpid(f.child, NULL, 0);
	}
	free(f.fds);
	return err ? EXIT_FAILED : EXIT_OK;
}
