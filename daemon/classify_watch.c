// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel tells when interfaces and addresses change; the classify layer then looks again. What it tells is not read. */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway.h"
#include "log.h"

/* Timers: changed, once after the last of several changes in a row, or while they last. */
enum { SETTLE_MS = 50, READS_MAX = 64 };

static void changed(struct mn_timer *t)
{
	struct mnd_gateway *g = mnd_container(t, struct mnd_gateway, classify.changed);

	mnd_classify_refresh(g);
}

static void readable(void *arg, int fd)
{
	struct mnd_gateway *g = arg;
	uint8_t ignored[64];

	/* more than this comes as another event; an overrun (ENOBUFS) says the same as a message */
	for (int n = 0; n < READS_MAX; n++)
		if (recv(fd, ignored, sizeof(ignored), MSG_DONTWAIT) < 0 && errno != ENOBUFS)
			break;
	if (!mn_timer_pending(&g->classify.changed))
		mn_timer_set(mn_loop_timers(g->loop), &g->classify.changed, SETTLE_MS);
}

int mnd_classify_watch(struct mnd_gateway *g)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK,
				 .nl_groups =
					 RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE), err;

	if (fd < 0)
		return -errno;
	mn_timer_init(&g->classify.changed, changed);
	err = bind(fd, (const struct sockaddr *)&a, sizeof(a)) ? -errno : 0;
	if (!err)
		err = mn_poll_new(g->loop, fd, readable, g, &g->classify.watch);
	if (err) {
		close(fd);
		return err;
	}
	g->classify.watch_fd = fd;
	return 0;
}

void mnd_classify_unwatch(struct mnd_gateway *g)
{
	if (!g->classify.watch)
		return;
	mn_timer_del(&g->classify.changed);
	mn_poll_free(g->classify.watch);
	g->classify.watch = NULL;
	close(g->classify.watch_fd);
}
