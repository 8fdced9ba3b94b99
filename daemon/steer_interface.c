// SPDX-License-Identifier: GPL-2.0-or-later
#ifdef HAVE_BPF
#include "steer_maps.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool same_host(const struct sockaddr *a, const union mn_addr *b)
{
	const union mn_addr *x = (const void *)a;

	if (!a || a->sa_family != b->sa.sa_family)
		return false;
	if (a->sa_family == AF_INET6)
		return !memcmp(&x->in6.sin6_addr, &b->in6.sin6_addr, sizeof(b->in6.sin6_addr));
	return x->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
}

static bool is_any(const union mn_addr *a)
{
	if (a->sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
	return a->in.sin_addr.s_addr == INADDR_ANY;
}

static int ask(const char *name, unsigned long what, struct ifreq *r)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	snprintf(r->ifr_name, sizeof(r->ifr_name), "%s", name);
	err = ioctl(fd, what, r) ? -errno : 0;
	close(fd);
	return err;
}

bool mnd_steer_is_veth(const char *name)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq r = { .ifr_data = (void *)&info };

	return !ask(name, SIOCETHTOOL, &r) && !strcmp(info.driver, "veth");
}

static int add(struct mnd_steer *s, const char *name, bool inner)
{
	struct mnd_interface *i = s->interfaces;
	struct ifreq r = { 0 };

	for (; i < s->interfaces + s->n_interfaces; i++) {
		if (!strcmp(i->name, name)) {
			i->inner |= inner;
			return 0;
		}
	}
	if (s->n_interfaces == MND_STEER_INTERFACES) {
		snprintf(s->why, sizeof(s->why), "more than %d interfaces", MND_STEER_INTERFACES);
		return -ENOSPC;
	}
	*i = (struct mnd_interface){
		.xdp_link = -1, .in_link = -1, .out_link = -1, .inner = inner
	};
	snprintf(i->name, sizeof(i->name), "%s", name);
	i->index = if_nametoindex(name);
	if (!i->index && s->refresh)
		return 0;
	if (!i->index) {
		snprintf(s->why, sizeof(s->why), "there is no interface %s", name);
		return -ENODEV;
	}
	if (ask(name, SIOCGIFHWADDR, &r) ||
	    (r.ifr_hwaddr.sa_family != ARPHRD_ETHER && r.ifr_hwaddr.sa_family != ARPHRD_LOOPBACK)) {
		snprintf(s->why, sizeof(s->why), "%s is no Ethernet interface", name);
		return -EOPNOTSUPP;
	}
	i->loopback = r.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
	s->n_interfaces++;
	return 0;
}

/* Interfaces that carry an address (any: all of its family). */
static int add_by_address(struct mnd_steer *s, const struct ifaddrs *all, const union mn_addr *a,
			  bool inner)
{
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		int err;

		if (!i->ifa_addr || i->ifa_flags & IFF_LOOPBACK || !(i->ifa_flags & IFF_UP))
			continue;
		if (is_any(a) ? i->ifa_addr->sa_family != a->sa.sa_family :
				!same_host(i->ifa_addr, a))
			continue;
		err = add(s, i->ifa_name, inner);
		/* a tunnel among the others: what comes through it is not guarded */
		if (err && err != -EOPNOTSUPP)
			return err;
	}
	return 0;
}

/* The address from which the route to `to` leaves. */
static bool local_towards(const union mn_addr *to, union mn_addr *out)
{
	socklen_t len = sizeof(*out);
	int fd = socket(to->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok;

	if (fd < 0)
		return false;
	ok = !connect(fd, &to->sa, mn_addr_len(to)) && !getsockname(fd, &out->sa, &len);
	close(fd);
	return ok;
}

int mnd_steer_find_interfaces(struct mnd_steer *s, const struct mnd_steer_config *c)
{
	struct ifaddrs *all = NULL;
	union mn_addr a;
	int err = 0;

	for (size_t i = 0; i < c->interfaces->n && !err; i++)
		err = add(s, c->interfaces->items[i], true);
	if (err || c->interfaces->n)
		return err;
	if (getifaddrs(&all))
		return -errno;
	for (size_t i = 0; i < c->listen->n && !err; i++)
		if (!mn_addr_parse(c->listen->items[i], 5684, &a))
			err = add_by_address(s, all, &a, true);
	if (!err && !s->n_interfaces && !s->refresh) {
		if (!s->why[0])
			snprintf(
				s->why, sizeof(s->why),
				"no interface but loopback has an address of listen (bpf.interfaces names others)");
		err = -ENODEV;
	}
	if (!err && local_towards(&c->upstream, &a))
		err = add_by_address(s, all, &a, false);
	freeifaddrs(all);
	return err;
}

static int add_listener(struct mnd_steer *s, const union mn_addr *a, unsigned int number)
{
	struct mncse_bpf_config *c = &s->image;

	if (c->n_listeners == MNCSE_BPF_LISTENERS) {
		snprintf(s->why, sizeof(s->why), "more than %d addresses to listen at",
			 MNCSE_BPF_LISTENERS);
		return -ENOSPC;
	}
	c->listeners[c->n_listeners++] = mnd_steer_peer(a, number);
	return 0;
}

/* The kernel gives a datagram to the listener of that very address, if there is one. */
static bool listed(const struct mnd_steer_config *c, const union mn_addr *a)
{
	union mn_addr b;

	for (unsigned int n = 0; n < c->listen->n; n++)
		if (!mn_addr_parse(c->listen->items[n], 5684, &b) && same_host(&b.sa, a) &&
		    b.in.sin_port == a->in.sin_port)
			return true;
	return false;
}

/* A wildcard listener becomes one of each address that the machine has: the guard may not answer for others. */
int mnd_steer_find_listeners(struct mnd_steer *s, const struct mnd_steer_config *c)
{
	struct ifaddrs *all = NULL;
	union mn_addr a;
	int err = 0;

	if (getifaddrs(&all))
		return -errno;
	s->image.n_listeners = 0;
	for (unsigned int n = 0; n < c->listen->n && !err; n++) {
		if (mn_addr_parse(c->listen->items[n], 5684, &a))
			continue;
		if (!is_any(&a)) {
			err = add_listener(s, &a, n);
			continue;
		}
		for (const struct ifaddrs *i = all; i && !err; i = i->ifa_next) {
			union mn_addr own = a;

			if (!i->ifa_addr || i->ifa_addr->sa_family != a.sa.sa_family)
				continue;
			if (a.sa.sa_family == AF_INET6)
				own.in6.sin6_addr =
					((const union mn_addr *)(void *)i->ifa_addr)->in6.sin6_addr;
			else
				own.in.sin_addr =
					((const union mn_addr *)(void *)i->ifa_addr)->in.sin_addr;
			if (!listed(c, &own))
				err = add_listener(s, &own, n);
		}
	}
	freeifaddrs(all);
	return err;
}
#else
typedef int mnd_steer_interface_is_not_built;
#endif
