// SPDX-License-Identifier: GPL-2.0-or-later
#include "counters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

enum {
	TIMEOUT_MS = 10000,
	TEXT_MAX = 65536,
	HEADERS = 28, /* IPv4 without options and UDP */
};

static const char *const names[MNT_COUNTERS] = {
	[MNT_INNER_HANDSHAKES_IN] = "inner.handshakes_in",
	[MNT_INNER_RAND_OUT] = "inner.rand_out",
	[MNT_INNER_SERVICE_IN] = "inner.service_in",
	[MNT_OUTER_HANDSHAKES_IN] = "outer.handshakes_in",
	[MNT_OUTER_HANDSHAKES_OUT] = "outer.handshakes_out",
	[MNT_OUTER_RAND_IN] = "outer.rand_in",
	[MNT_OUTER_RAND_OUT] = "outer.rand_out",
	[MNT_OUTER_SERVICE_IN] = "outer.service_in",
	[MNT_OUTER_SERVICE_OUT] = "outer.service_out",
	[MNT_OUTER_DIRECT_HANDSHAKES_IN] = "outer.direct_handshakes_in",
	[MNT_OUTER_DIRECT_REPLIES_OUT] = "outer.direct_replies_out",
	[MNT_OUTER_DIRECT_SERVICE_IN] = "outer.direct_service_in",
	[MNT_PROXY_HANDSHAKES_IN] = "proxy.handshakes_in",
	[MNT_PROXY_HANDSHAKES_OUT] = "proxy.handshakes_out",
	[MNT_PROXY_REPLIES_IN] = "proxy.replies_in",
	[MNT_PROXY_REPLIES_OUT] = "proxy.replies_out",
	[MNT_PROXY_SERVICE_IN] = "proxy.service_in",
	[MNT_PROXY_SERVICE_OUT] = "proxy.service_out",
	[MNT_INNER_DATAGRAMS_IN] = "inner.datagrams_in",
	[MNT_INNER_DATAGRAMS_OUT] = "inner.datagrams_out",
	[MNT_INNER_BYTES_IN] = "inner.bytes_in",
	[MNT_INNER_BYTES_OUT] = "inner.bytes_out",
	[MNT_OUTER_DATAGRAMS_IN] = "outer.datagrams_in",
	[MNT_OUTER_DATAGRAMS_OUT] = "outer.datagrams_out",
	[MNT_OUTER_BYTES_IN] = "outer.bytes_in",
	[MNT_OUTER_BYTES_OUT] = "outer.bytes_out",
	[MNT_CPU_US] = "process.cpu_us",
	[MNT_RSS_BYTES] = "process.rss_bytes",
	[MNT_RAND_SPAN_US] = "inner.rand_span_us",
	[MNT_ANSWERED] = "bpf.guard.answered",
};

struct mnt_counters {
	struct mn_ctl_client *gateway, *in;
	bool kernel;
	uint32_t gateway_pid, in_pid;
};

/* ---- daemons ---- */

static int take_pid(void *arg, enum mncse_cmd cmd, struct nlattr **attrs)
{
	if (cmd == MNCSE_CMD_STATUS && attrs[MNCSE_A_PID])
		*(uint32_t *)arg = nla_get_u32(attrs[MNCSE_A_PID]);
	return 0;
}

static int take_stat(void *arg, enum mncse_cmd cmd, struct nlattr **attrs)
{
	struct mnt_counts *counts = arg;

	if (cmd != MNCSE_CMD_STAT || !attrs[MNCSE_A_NAME] || !attrs[MNCSE_A_VALUE])
		return 0;
	for (int i = 0; i < MNT_COUNTERS; i++)
		if (!strcmp(names[i], nla_get_string(attrs[MNCSE_A_NAME])))
			counts->v[i] = nla_get_u64(attrs[MNCSE_A_VALUE]);
	return 0;
}

struct layers {
	bool bpf, kmod;
};

static int take_layer(void *arg, enum mncse_cmd cmd, struct nlattr **attrs)
{
	struct layers *l = arg;
	bool active;

	if (cmd != MNCSE_CMD_LAYERS || !attrs[MNCSE_A_LAYER] || !attrs[MNCSE_A_ACTIVE])
		return 0;
	active = nla_get_u8(attrs[MNCSE_A_ACTIVE]);
	if (!strcmp(nla_get_string(attrs[MNCSE_A_LAYER]), "classify"))
		l->bpf = active;
	else if (!strcmp(nla_get_string(attrs[MNCSE_A_LAYER]), "offload"))
		l->kmod = active;
	return 0;
}

static int call(struct mn_ctl_client *c, enum mncse_cmd cmd, bool dump, mn_ctl_answer_fn *fn,
		void *arg, char err[256])
{
	struct nl_msg *msg = mn_ctl_request_new(cmd, dump);

	if (!msg) {
		snprintf(err, 256, "out of memory");
		return -ENOMEM;
	}
	return mn_ctl_call(c, msg, fn, arg, err);
}

static int read_counts(struct mn_ctl_client *c, struct mnt_counts *out, char err[256])
{
	*out = (struct mnt_counts){ .known = c };
	return c ? call(c, MNCSE_CMD_STATS_GET, true, take_stat, out, err) : 0;
}

static int connect_to(const char *path, struct mn_ctl_client **out, uint32_t *pid, char err[256])
{
	int rc;

	if (!path)
		return 0;
	rc = mn_ctl_connect(path, TIMEOUT_MS, out, err);
	return rc ? rc : call(*out, MNCSE_CMD_STATUS_GET, false, take_pid, pid, err);
}

/* ---- kernel ---- */

/* The word at *at, and moves on. NULL at the end of the line. */
static const char *word(const char **at, size_t *len)
{
	const char *w = *at + strspn(*at, " ");

	*len = strcspn(w, " \n");
	*at = w + *len;
	return *len ? w : NULL;
}

int mnt_snmp_value(const char *text, const char *group, const char *field, uint64_t *out)
{
	size_t group_len = strlen(group), len, value_len;
	const char *line = text, *name, *values;

	while (strncmp(line, group, group_len) != 0 || line[group_len] != ' ') {
		line = strchr(line, '\n');
		if (!line)
			return -ENOENT;
		line++;
	}
	values = strchr(line, '\n');
	if (!values || strncmp(++values, group, group_len) != 0)
		return -ENOENT;
	line += group_len;
	values += group_len;
	while ((name = word(&line, &len))) {
		const char *value = word(&values, &value_len);

		if (!value)
			return -ENOENT;
		if (len == strlen(field) && !memcmp(name, field, len)) {
			*out = strtoull(value, NULL, 10);
			return 0;
		}
	}
	return -ENOENT;
}

static int read_text(uint32_t pid, const char *file, char text[TEXT_MAX])
{
	char path[64];
	size_t n;
	FILE *f;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%u/net/%s", pid, file);
	else
		snprintf(path, sizeof(path), "/proc/self/net/%s", file);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	n = fread(text, 1, TEXT_MAX - 1, f);
	text[n] = '\0';
	fclose(f);
	return 0;
}

/* Datagrams are the UDP layer's own count: handed over by and delivered to sockets. Bytes are not counted there, but the IP layer counts
 * octets and packets; when UDP over IPv4 is all there is, payload = octets - 28 * packets. This holds with segmentation offload too,
 * where one packet carries several datagrams behind one header. It would not with fragments, of which these sizes make none.
 * ARP and ND are no IP packets of this table. */
static int read_kernel(uint32_t pid, struct mnt_kernel *out, char err[256])
{
	static char snmp[TEXT_MAX], netstat[TEXT_MAX];
	uint64_t octets_in, octets_out, packets_in, packets_out;

	*out = (struct mnt_kernel){ .known = true };
	if (read_text(pid, "snmp", snmp) || read_text(pid, "netstat", netstat) ||
	    mnt_snmp_value(snmp, "Udp:", "InDatagrams", &out->in) ||
	    mnt_snmp_value(snmp, "Udp:", "OutDatagrams", &out->out) ||
	    mnt_snmp_value(snmp, "Udp:", "InErrors", &out->lost) ||
	    mnt_snmp_value(snmp, "Ip:", "InReceives", &packets_in) ||
	    mnt_snmp_value(snmp, "Ip:", "OutRequests", &packets_out) ||
	    mnt_snmp_value(netstat, "IpExt:", "InOctets", &octets_in) ||
	    mnt_snmp_value(netstat, "IpExt:", "OutOctets", &octets_out)) {
		snprintf(err, 256, "the kernel's counters of process %u cannot be read", pid);
		return -EIO;
	}
	out->bytes_in = octets_in - HEADERS * packets_in;
	out->bytes_out = octets_out - HEADERS * packets_out;
	return 0;
}

/* A sender with UDP_SEGMENT counts one datagram a call, a receiver each one. The gateway and the IN send so, a device never has enough
 * for it. So what the IN sent is what arrived at the gateway without what the devices sent. */
static int read_kernels(struct mnt_counters *c, struct mnt_snapshot *s, char err[256])
{
	struct mnt_kernel gateway;
	int rc;

	if (!c->kernel)
		return 0;
	if ((rc = read_kernel(0, &s->devices_side, err)) ||
	    (rc = read_kernel(c->in_pid, &s->in_side, err)) ||
	    (rc = read_kernel(c->gateway_pid, &gateway, err)))
		return rc;
	s->in_side.out = gateway.in - s->devices_side.out;
	s->gateway_lost = gateway.lost;
	return 0;
}

/* ---- both ---- */

int mnt_counters_open(const char *gateway, const char *in, bool kernel, struct mnt_counters **out,
		      char err[256])
{
	struct mnt_counters *c = calloc(1, sizeof(*c));
	int rc;

	if (!c) {
		snprintf(err, 256, "out of memory");
		return -ENOMEM;
	}
	c->kernel = kernel;
	rc = connect_to(gateway, &c->gateway, &c->gateway_pid, err);
	if (!rc)
		rc = connect_to(in, &c->in, &c->in_pid, err);
	if (rc) {
		mnt_counters_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

void mnt_counters_close(struct mnt_counters *c)
{
	if (!c)
		return;
	if (c->gateway)
		mn_ctl_disconnect(c->gateway);
	if (c->in)
		mn_ctl_disconnect(c->in);
	free(c);
}

int mnt_counters_read(struct mnt_counters *c, struct mnt_snapshot *out, bool *still, char err[256])
{
	struct mnt_snapshot again = { 0 };
	int rc;

	memset(out, 0, sizeof(*out));
	if ((rc = read_kernels(c, out, err)) ||
	    (rc = read_counts(c->gateway, &out->gateway, err)) ||
	    (rc = read_counts(c->in, &out->in, err)) || (rc = read_kernels(c, &again, err)))
		return rc;
	*still = !memcmp(&again.devices_side, &out->devices_side, sizeof(out->devices_side)) &&
		 !memcmp(&again.in_side, &out->in_side, sizeof(out->in_side));
	/* read_kernels takes all that the devices sent for delivered to a socket */
	out->in_side.out += out->gateway.v[MNT_ANSWERED];
	return 0;
}

static void subtract(struct mnt_counts *after, const struct mnt_counts *before)
{
	for (int i = 0; i < MNT_COUNTERS; i++)
		if (i != MNT_RSS_BYTES && i != MNT_RAND_SPAN_US)
			after->v[i] -= before->v[i];
}

static void subtract_kernel(struct mnt_kernel *after, const struct mnt_kernel *before)
{
	after->in -= before->in;
	after->out -= before->out;
	after->bytes_in -= before->bytes_in;
	after->bytes_out -= before->bytes_out;
	after->lost -= before->lost;
}

struct mnt_snapshot mnt_snapshot_since(const struct mnt_snapshot *before,
				       const struct mnt_snapshot *after)
{
	struct mnt_snapshot s = *after;

	subtract(&s.gateway, &before->gateway);
	subtract(&s.in, &before->in);
	subtract_kernel(&s.devices_side, &before->devices_side);
	subtract_kernel(&s.in_side, &before->in_side);
	s.gateway_lost -= before->gateway_lost;
	return s;
}

struct mnt_messages mnt_messages_of(const struct mnt_snapshot *s, bool proxy)
{
	const uint64_t *g = s->gateway.v, *in = s->in.v;

	if (proxy)
		return (struct mnt_messages){
			.server_in = in[MNT_OUTER_DIRECT_HANDSHAKES_IN] +
				     in[MNT_OUTER_DIRECT_SERVICE_IN],
			.server_out = in[MNT_OUTER_DIRECT_REPLIES_OUT],
			.gateway_in = g[MNT_PROXY_HANDSHAKES_IN] + g[MNT_PROXY_REPLIES_IN] +
				      g[MNT_PROXY_SERVICE_IN],
			.gateway_out = g[MNT_PROXY_HANDSHAKES_OUT] + g[MNT_PROXY_REPLIES_OUT] +
				       g[MNT_PROXY_SERVICE_OUT],
		};

	return (struct mnt_messages){
		.server_in = in[MNT_OUTER_HANDSHAKES_IN] + in[MNT_OUTER_SERVICE_IN],
		.server_out = in[MNT_OUTER_RAND_OUT],
		.gateway_in =
			g[MNT_INNER_HANDSHAKES_IN] + g[MNT_INNER_SERVICE_IN] + g[MNT_OUTER_RAND_IN],
		.gateway_out = g[MNT_OUTER_HANDSHAKES_OUT] + g[MNT_INNER_RAND_OUT] +
			       g[MNT_OUTER_SERVICE_OUT],
	};
}

int mnt_counters_layers(struct mnt_counters *c, bool *bpf, bool *kmod, char err[256])
{
	struct layers l = { false, false };
	int rc = 0;

	if (c->gateway)
		rc = call(c->gateway, MNCSE_CMD_LAYERS_GET, true, take_layer, &l, err);
	*bpf = l.bpf;
	*kmod = l.kmod;
	return rc;
}
