/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Proxy mode (docs/protocol.md "Proxy mode"): datagrams of some devices go to the IN and back unopened, one upstream port a device.
 * Which devices: those of proxy.listen's sockets, and those whose address lies in one of proxy.sources on ordinary listeners. */
#ifndef MND_PROXY_H
#define MND_PROXY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "core/pool.h"
#include "dtls/table.h"
#include "loop/loop.h"

#define MND_PROXY_NEW_MAX 1024 /* flows whose handshake is not complete; the oldest goes */
#define MND_PROXY_NEW_MS 30000 /* and ends after that */
#define MND_PROXY_PREFIXES 64
#define MND_PROXY_LISTEN_MAX 16

struct mnd_gateway;

struct mnd_prefix {
	uint8_t addr[16]; /* network order, IPv4 in the first 4 */
	uint8_t bits;
	bool v6;
};
/* "198.18.7.0/24", "2001:db8::/32"; host bits must be 0. -EINVAL. */
int mnd_prefix_parse(const char *text, struct mnd_prefix *out);
bool mnd_prefix_has(const struct mnd_prefix *p, const union mn_addr *a);

/* One device: its address at us, and a socket of its own to the IN. */
struct mnd_flow {
	struct mn_peer peer; /* first; in the table */
	struct mnd_proxy *proxy;
	TAILQ_ENTRY(mnd_flow)
	link; /* by activity, oldest first: proxy.fresh until the handshake is complete, then proxy.open */
	struct mn_udp *up;
	struct mn_local local;
	uint64_t active_ms;
	bool from_device, from_in; /* a record of epoch 1 was seen */
	uint16_t
		asked; /* length of the device's last application record, 0 when the IN has answered */
};

TAILQ_HEAD(mnd_flow_list, mnd_flow);

struct mnd_proxy {
	struct mnd_gateway *gateway;
	struct mn_table table;
	struct mn_pool pool;
	struct mnd_flow_list fresh, open;
	unsigned int n_fresh, n_open;
	struct mn_udp *listeners[MND_PROXY_LISTEN_MAX];
	unsigned int n_listeners;
	struct mnd_prefix prefixes[MND_PROXY_PREFIXES];
	unsigned int n_prefixes;
	struct mn_timer sweep;
	/* of upstream sockets that are gone */
	struct mn_udp_stats gone;
};

/* Opens the listeners of the settings. Before it, after mnd_proxy_fini and without proxy settings all other calls do nothing. */
int mnd_proxy_init(struct mnd_proxy *p, struct mnd_gateway *g, char err[512]);
void mnd_proxy_fini(struct mnd_proxy *p);
/* A datagram of an ordinary listener: true when its source is one of the proxied, and it was dealt with. */
bool mnd_proxy_take(struct mnd_proxy *p, struct mn_udp *u, uint8_t *data, size_t len,
		    const union mn_addr *from, const struct mn_local *to);
/* Datagrams and bytes on either hop, to be added to the endpoints' (ordinary listeners count theirs themselves). */
void mnd_proxy_traffic(const struct mnd_proxy *p, struct mn_udp_stats *inner,
		       struct mn_udp_stats *outer);

#endif
