// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A lossy wire between UDP peers, for the tests: relay [OPTION...] LISTEN UPSTREAM, addresses as 198.18.1.1:5700.
 *
 *	--loss P --dup P --reorder P	percent of the datagrams, of each way
 *	--seed N			of the decisions (1): the n-th datagram of a way has the same fate in every run
 *
 * As a NAT does, it has one port towards UPSTREAM for each port that sends to LISTEN. A reordered datagram is held for up to
 * HOLD_MS, so that later ones overtake it. "relay: ready" on stderr; at SIGTERM two lines on stdout,
 * "up received N lost N duplicated N reordered N sent N clients N" and the same for "down".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS_MAX = 2048, HOLD_MS = 80, DATAGRAM_MAX = 65536, LISTEN = CLIENTS_MAX, SIGNALS };

struct client {
	struct sockaddr_in addr;
	int fd; /* connected to UPSTREAM */
};

struct held {
	TAILQ_ENTRY(held) link;
	uint64_t due_ms;
	unsigned int client;
	bool up;
	size_t len;
	uint8_t data[];
};

struct way {
	const char *name;
	uint64_t random; /* state of its generator */
	unsigned long received, lost, duplicated, reordered, sent;
};

static struct {
	unsigned int loss, dup, reorder;
	int listen, epoll;
	struct sockaddr_in upstream;
	struct client clients[CLIENTS_MAX];
	unsigned int n;
	struct way up, down;
	TAILQ_HEAD(, held) held;
} relay;

static void die(const char *what)
{
	fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* splitmix64 */
static uint32_t draw(struct way *w, uint32_t below)
{
	uint64_t z = w->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return (uint32_t)((z ^ z >> 31) % below);
}

static void put(struct way *w, unsigned int client, const uint8_t *data, size_t len)
{
	const struct client *c = &relay.clients[client];
	ssize_t n = w == &relay.up ? send(c->fd, data, len, 0) :
				     sendto(relay.listen, data, len, 0,
					    (const struct sockaddr *)&c->addr, sizeof(c->addr));

	w->sent += n == (ssize_t)len;
}

static void hold(struct way *w, unsigned int client, const uint8_t *data, size_t len)
{
	struct held *h = malloc(sizeof(*h) + len), *at;

	if (!h)
		die("memory");
	h->due_ms = now_ms() + 1 + draw(w, HOLD_MS);
	h->client = client;
	h->up = w == &relay.up;
	h->len = len;
	memcpy(h->data, data, len);
	TAILQ_FOREACH(at, &relay.held, link)
	if (at->due_ms > h->due_ms)
		break;
	if (at)
		TAILQ_INSERT_BEFORE(at, h, link);
	else
		TAILQ_INSERT_TAIL(&relay.held, h, link);
}

/* Always the same number of draws a datagram, so that the fate of the n-th does not depend on those before it. */
static void pass(struct way *w, unsigned int client, const uint8_t *data, size_t len)
{
	bool lost = draw(w, 100) < relay.loss;
	bool duplicated = draw(w, 100) < relay.dup;
	bool reordered = draw(w, 100) < relay.reorder;

	w->received++;
	if (lost) {
		w->lost++;
		return;
	}
	if (duplicated) {
		w->duplicated++;
		put(w, client, data, len);
	}
	if (reordered) {
		w->reordered++;
		hold(w, client, data, len);
	} else {
		put(w, client, data, len);
	}
}

/* Sends what is due; returns the milliseconds until more is, -1 when nothing is held. */
static int release(void)
{
	uint64_t now = now_ms();
	struct held *h;

	while ((h = TAILQ_FIRST(&relay.held)) && h->due_ms <= now) {
		TAILQ_REMOVE(&relay.held, h, link);
		put(h->up ? &relay.up : &relay.down, h->client, h->data, h->len);
		free(h);
	}
	return h ? (int)(h->due_ms - now) : -1;
}

static void watch(int fd, uint32_t what)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = what };

	if (epoll_ctl(relay.epoll, EPOLL_CTL_ADD, fd, &e))
		die("epoll");
}

static unsigned int client_of(const struct sockaddr_in *from)
{
	struct client *c;
	unsigned int i;

	for (i = 0; i < relay.n; i++)
		if (relay.clients[i].addr.sin_port == from->sin_port &&
		    relay.clients[i].addr.sin_addr.s_addr == from->sin_addr.s_addr)
			return i;
	if (relay.n == CLIENTS_MAX) {
		errno = EMFILE;
		die("clients");
	}
	c = &relay.clients[relay.n++];
	c->addr = *from;
	c->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&relay.upstream, sizeof(relay.upstream)))
		die("upstream");
	watch(c->fd, i);
	return i;
}

/* Errors of a socket are ICMP's news of earlier sends: the wire does not pass them on. */
static void readable(uint32_t what)
{
	static uint8_t data[DATAGRAM_MAX];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	int fd = what == LISTEN ? relay.listen : relay.clients[what].fd;
	ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &from_len);

	if (n < 0)
		return;
	if (what == LISTEN)
		pass(&relay.up, client_of(&from), data, (size_t)n);
	else
		pass(&relay.down, what, data, (size_t)n);
}

static void report(const struct way *w)
{
	printf("%s received %lu lost %lu duplicated %lu reordered %lu sent %lu clients %u\n",
	       w->name, w->received, w->lost, w->duplicated, w->reordered, w->sent, relay.n);
}

static void serve(void)
{
	struct epoll_event events[64];

	for (;;) {
		int n = epoll_wait(relay.epoll, events, 64, release());

		if (n < 0 && errno != EINTR)
			die("epoll");
		for (int i = 0; i < n; i++) {
			if (events[i].data.u32 == SIGNALS)
				return;
			readable(events[i].data.u32);
		}
	}
}

static struct sockaddr_in address(char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	char *port = strrchr(text, ':');

	if (port)
		*port++ = '\0';
	if (!port || inet_pton(AF_INET, text, &a.sin_addr) != 1) {
		errno = EINVAL;
		die(text);
	}
	a.sin_port = htons((uint16_t)atoi(port));
	return a;
}

static void start(const struct sockaddr_in *a)
{
	int room = 4 << 20, signals;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, 0);
	relay.epoll = epoll_create1(0);
	relay.listen = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (signals < 0 || relay.epoll < 0 || relay.listen < 0)
		die("start");
	/* what it loses it counts: no losses in the kernel */
	setsockopt(relay.listen, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (bind(relay.listen, (const struct sockaddr *)a, sizeof(*a)))
		die("bind");
	watch(relay.listen, LISTEN);
	watch(signals, SIGNALS);
	fputs("relay: ready\n", stderr);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "loss", 1, NULL, 'l' }, { "dup", 1, NULL, 'd' }, { "reorder", 1, NULL, 'r' },
		{ "seed", 1, NULL, 's' }, { NULL, 0, NULL, '\0' },
	};
	unsigned long seed = 1;
	struct sockaddr_in a;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned long v = optarg ? strtoul(optarg, NULL, 10) : 0;

		if (o == 'l')
			relay.loss = (unsigned int)v;
		else if (o == 'd')
			relay.dup = (unsigned int)v;
		else if (o == 'r')
			relay.reorder = (unsigned int)v;
		else if (o == 's')
			seed = v;
		else
			return 2;
	}
	if (argc - optind != 2) {
		fputs("usage: relay [--loss P] [--dup P] [--reorder P] [--seed N] LISTEN UPSTREAM\n",
		      stderr);
		return 2;
	}
	relay.up = (struct way){ .name = "up", .random = seed };
	relay.down = (struct way){ .name = "down", .random = ~seed };
	TAILQ_INIT(&relay.held);
	a = address(argv[optind]);
	relay.upstream = address(argv[optind + 1]);
	start(&a);
	serve();
	report(&relay.up);
	report(&relay.down);
	while (!TAILQ_EMPTY(&relay.held)) {
		struct held *h = TAILQ_FIRST(&relay.held);

		TAILQ_REMOVE(&relay.held, h, link);
		free(h);
	}
	return 0;
}
