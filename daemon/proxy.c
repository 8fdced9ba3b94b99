// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dtls/filter.h"
#include "gateway.h"
#include "log.h"

/* Timers
 *   proxy.sweep   once a second: ends flows whose time is over, oldest first */

enum { SWEEP_MS = 1000 };

int mnd_prefix_parse(const char *text, struct mnd_prefix *out)
{
	struct mnd_prefix p = { 0 };
	const char *slash = strchr(text, '/');
	char host[INET6_ADDRSTRLEN], *end;
	unsigned long bits;

	if (!slash || (size_t)(slash - text) >= sizeof(host) || slash[1] < '0' || slash[1] > '9')
		return -EINVAL;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	p.v6 = strchr(host, ':') != NULL;
	if (inet_pton(p.v6 ? AF_INET6 : AF_INET, host, p.addr) != 1)
		return -EINVAL;
	bits = strtoul(slash + 1, &end, 10);
	if (*end || bits > (p.v6 ? 128 : 32))
		return -EINVAL;
	p.bits = (uint8_t)bits;
	for (unsigned int i = p.bits; i < (p.v6 ? 128u : 32u); i++)
		if (p.addr[i / 8] & 0x80 >> i % 8)
			return -EINVAL;
	*out = p;
	return 0;
}

bool mnd_prefix_has(const struct mnd_prefix *p, const union mn_addr *a)
{
	bool v6 = a->sa.sa_family == AF_INET6;
	const uint8_t *addr = v6 ? a->in6.sin6_addr.s6_addr : (const uint8_t *)&a->in.sin_addr;
	unsigned int bytes = p->bits / 8, rest = p->bits % 8;

	if (v6 != p->v6 || memcmp(addr, p->addr, bytes))
		return false;
	return !rest || !((addr[bytes] ^ p->addr[bytes]) >> (8 - rest));
}

/* ---- flows ---- */

static void add_traffic(struct mn_udp_stats *sum, const struct mn_udp_stats *s)
{
	sum->in += s->in;
	sum->in_bytes += s->in_bytes;
	sum->out += s->out;
	sum->out_bytes += s->out_bytes;
}

static bool is_fresh(const struct mnd_flow *f)
{
	return !f->from_device || !f->from_in;
}

static void unlink_flow(struct mnd_flow *f)
{
	struct mnd_proxy *p = f->proxy;

	if (is_fresh(f)) {
		TAILQ_REMOVE(&p->fresh, f, link);
		p->n_fresh--;
	} else {
		TAILQ_REMOVE(&p->open, f, link);
		p->n_open--;
	}
}

static void link_flow(struct mnd_flow *f)
{
	struct mnd_proxy *p = f->proxy;

	if (is_fresh(f)) {
		TAILQ_INSERT_TAIL(&p->fresh, f, link);
		p->n_fresh++;
	} else {
		TAILQ_INSERT_TAIL(&p->open, f, link);
		p->n_open++;
	}
}

static void end_flow(struct mnd_flow *f)
{
	struct mnd_proxy *p = f->proxy;

	unlink_flow(f);
	mn_table_del(&p->table, &f->peer);
	add_traffic(&p->gone, mn_udp_stats(f->up));
	mn_udp_free(f->up);
	mn_pool_put(&p->pool, f);
}

static void sweep(struct mn_timer *t)
{
	struct mnd_proxy *p = mnd_container(t, struct mnd_proxy, sweep);
	uint64_t now = mn_loop_now(p->gateway->loop);
	uint64_t idle = (uint64_t)p->gateway->settings.idle_s * 1000;
	struct mnd_flow *f;

	while ((f = TAILQ_FIRST(&p->fresh)) && now - f->active_ms >= MND_PROXY_NEW_MS) {
		p->gateway->counters.proxy_flows_unfinished++;
		end_flow(f);
	}
	while ((f = TAILQ_FIRST(&p->open)) && now - f->active_ms >= idle) {
		p->gateway->counters.proxy_flows_idle++;
		end_flow(f);
	}
	mn_timer_set(mn_loop_timers(p->gateway->loop), t, SWEEP_MS);
}

/* Sends a copy on; false when there is no room for it. */
static bool forward(struct mnd_proxy *p, struct mn_udp *u, const uint8_t *data, size_t len,
		    const union mn_addr *to, const struct mn_local *from)
{
	struct mn_loop *l = p->gateway->loop;
	size_t size;
	uint8_t *buf = mn_send_buffer(l, &size);

	if (buf && len <= size) {
		memcpy(buf, data, len);
		mn_udp_send(u, buf, len, to, from);
		return true;
	}
	if (buf)
		mn_send_buffer_put(l, buf);
	p->gateway->counters.proxy_drop_full++;
	return false;
}

/* What passes is counted by what record headers say (figure 8.2.1-2): the IN's first protected record, its Finished, is the server's
 * reply and says that the device's authentication before it was good; application records of the device are its service requests, but for repetitions (RFC 7252 4.2): of the same length, before
 * the IN has said anything. */
struct passing {
	bool handshake, reply;
	unsigned int services;
	uint16_t asked; /* length of the last of them */
	bool is_hello, answer;
};

static struct passing look(const struct mnd_flow *f, uint8_t *data, size_t len, bool device)
{
	struct passing seen = { 0 };
	struct mn_record r;
	size_t at = 0;

	while (mn_record_next(data, len, &at, &r) > 0) {
		if (device && mn_is_client_hello(&r))
			seen.is_hello = true;
		if (r.epoch != 1)
			continue;
		if (device && !f->from_device)
			seen.handshake = true;
		if (!device && !f->from_in)
			seen.reply = true;
		if (r.type != MNCSE_APPLICATION)
			continue;
		seen.answer = !device;
		if (device && r.len != (seen.asked ? seen.asked : f->asked)) {
			seen.services++;
			seen.asked = (uint16_t)r.len;
		}
	}
	return seen;
}

static void touch(struct mnd_flow *f, const struct passing *seen, bool device)
{
	unlink_flow(f);
	f->active_ms = mn_loop_now(f->proxy->gateway->loop);
	if (seen->is_hello)
		f->from_device = f->from_in = false; /* a new session of this device */
	if (seen->is_hello || seen->answer)
		f->asked = 0;
	else if (seen->asked)
		f->asked = seen->asked;
	f->from_device |= device && seen->handshake;
	f->from_in |= !device && seen->reply;
	link_flow(f);
}

static void from_in(void *arg, struct mn_udp *u, uint8_t *data, size_t len,
		    const union mn_addr *from, const struct mn_local *to)
{
	struct mnd_flow *f = arg;
	struct mnd_counters *c = &f->proxy->gateway->counters;
	struct passing seen;

	(void)u;
	(void)from;
	(void)to;
	if (!mn_datagram_ok(data, len)) {
		c->proxy_drop_junk++;
		return;
	}
	seen = look(f, data, len, false);
	touch(f, &seen, false);
	/* the IN's Finished says that the device's authentication, which passed before, was good */
	c->proxy_handshakes_in += seen.reply;
	c->proxy_handshakes_out += seen.reply;
	c->proxy_replies_in += seen.reply;
	if (forward(f->proxy, f->peer.udp, data, len, &f->peer.addr, &f->local))
		c->proxy_replies_out += seen.reply;
}

/* Only a ClientHello opens a flow, and only so many may be unfinished: what is past its handshake is never given up for a new one. */
static struct mnd_flow *new_flow(struct mnd_proxy *p, struct mn_udp *u, uint8_t *data, size_t len,
				 const union mn_addr *from, const struct mn_local *to)
{
	struct mnd_counters *c = &p->gateway->counters;
	struct mn_client_hello hello;
	struct mnd_flow *f;
	struct mn_record r;
	size_t at = 0;

	mn_record_next(data, len, &at, &r);
	if (!mn_is_client_hello(&r) || mn_client_hello_read(&r, &hello)) {
		c->proxy_drop_unknown++;
		return NULL;
	}
	if (p->gateway->draining)
		return NULL;
	if (p->n_fresh >= MND_PROXY_NEW_MAX) {
		c->proxy_flows_unfinished++;
		end_flow(TAILQ_FIRST(&p->fresh));
	}
	f = mn_pool_get(&p->pool);
	if (!f || mn_udp_new(p->gateway->loop, NULL, &p->gateway->upstream.address, false, from_in,
			     f, &f->up)) {
		c->proxy_flows_refused++;
		if (f)
			mn_pool_put(&p->pool, f);
		return NULL;
	}
	f->proxy = p;
	f->peer.udp = u;
	f->peer.addr = *from;
	f->local = *to;
	mn_table_add(&p->table, &f->peer);
	link_flow(f);
	c->proxy_flows++;
	return f;
}

static void from_device(void *arg, struct mn_udp *u, uint8_t *data, size_t len,
			const union mn_addr *from, const struct mn_local *to)
{
	struct mnd_proxy *p = arg;
	struct mnd_counters *c = &p->gateway->counters;
	struct mnd_flow *f;
	struct passing seen;

	if (!mn_datagram_ok(data, len)) {
		c->proxy_drop_junk++;
		return;
	}
	f = (struct mnd_flow *)mn_table_find(&p->table, u, from);
	if (!f)
		f = new_flow(p, u, data, len, from, to);
	if (!f)
		return;
	seen = look(f, data, len, true);
	touch(f, &seen, true);
	c->proxy_service_in += seen.services;
	if (!forward(p, f->up, data, len, NULL, NULL))
		return;
	c->proxy_service_out += seen.services;
}

bool mnd_proxy_take(struct mnd_proxy *p, struct mn_udp *u, uint8_t *data, size_t len,
		    const union mn_addr *from, const struct mn_local *to)
{
	for (unsigned int i = 0; i < p->n_prefixes; i++) {
		if (mnd_prefix_has(&p->prefixes[i], from)) {
			from_device(p, u, data, len, from, to);
			return true;
		}
	}
	return false;
}

/* ---- start and end ---- */

static int open_listeners(struct mnd_proxy *p, const struct mn_config_strings *list, char err[512])
{
	for (size_t i = 0; i < list->n; i++) {
		union mn_addr a;
		int rc = mn_addr_parse(list->items[i], 5684, &a);

		if (!rc)
			rc = mn_udp_new(p->gateway->loop, &a, NULL, p->gateway->crew != NULL,
					from_device, p, &p->listeners[p->n_listeners]);
		if (rc) {
			snprintf(err, 512, "proxy.listen: %.64s: %s", list->items[i],
				 strerror(-rc));
			return rc;
		}
		p->n_listeners++;
	}
	return 0;
}

int mnd_proxy_init(struct mnd_proxy *p, struct mnd_gateway *g, char err[512])
{
	const struct mnd_settings *s = &g->settings;
	int rc;

	*p = (struct mnd_proxy){ .gateway = g };
	TAILQ_INIT(&p->fresh);
	TAILQ_INIT(&p->open);
	if (!s->proxy_listen.n && !s->proxy_sources.n)
		return 0;
	snprintf(err, 512, "proxy: out of memory");
	rc = mn_table_init(&p->table);
	if (rc)
		return rc;
	mn_pool_init(&p->pool, sizeof(struct mnd_flow), SIZE_MAX);
	for (size_t i = 0; i < s->proxy_sources.n; i++) {
		rc = mnd_prefix_parse(s->proxy_sources.items[i], &p->prefixes[i]);
		if (rc)
			return rc; /* the settings' check has let only good ones through */
		p->n_prefixes++;
	}
	rc = open_listeners(p, &s->proxy_listen, err);
	if (rc)
		return rc;
	mn_timer_init(&p->sweep, sweep);
	mn_timer_set(mn_loop_timers(g->loop), &p->sweep, SWEEP_MS);
	return 0;
}

void mnd_proxy_fini(struct mnd_proxy *p)
{
	struct mnd_flow *f;

	if (!p->table.slots)
		return;
	mn_timer_del(&p->sweep);
	while ((f = TAILQ_FIRST(&p->fresh)) || (f = TAILQ_FIRST(&p->open)))
		end_flow(f);
	for (unsigned int i = 0; i < p->n_listeners; i++)
		mn_udp_free(p->listeners[i]);
	mn_table_fini(&p->table);
	mn_pool_fini(&p->pool);
}

void mnd_proxy_traffic(const struct mnd_proxy *p, struct mn_udp_stats *inner,
		       struct mn_udp_stats *outer)
{
	const struct mnd_flow *f;

	if (!p->table.slots)
		return;
	for (unsigned int i = 0; i < p->n_listeners; i++)
		add_traffic(inner, mn_udp_stats(p->listeners[i]));
	add_traffic(outer, &p->gone);
	TAILQ_FOREACH(f, &p->fresh, link)
	add_traffic(outer, mn_udp_stats(f->up));
	TAILQ_FOREACH(f, &p->open, link)
	add_traffic(outer, mn_udp_stats(f->up));
}
