/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the gateway and the IN count, read over their control sockets, and what the kernel counts in the network namespaces
 * of the devices and of the IN. */
#ifndef MNT_COUNTERS_H
#define MNT_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mnt_counter {
	MNT_INNER_HANDSHAKES_IN,
	MNT_INNER_RAND_OUT,
	MNT_INNER_SERVICE_IN,
	MNT_OUTER_HANDSHAKES_IN,
	MNT_OUTER_HANDSHAKES_OUT,
	MNT_OUTER_RAND_IN,
	MNT_OUTER_RAND_OUT,
	MNT_OUTER_SERVICE_IN,
	MNT_OUTER_SERVICE_OUT,
	MNT_OUTER_DIRECT_HANDSHAKES_IN,
	MNT_OUTER_DIRECT_REPLIES_OUT,
	MNT_OUTER_DIRECT_SERVICE_IN,
	MNT_PROXY_HANDSHAKES_IN,
	MNT_PROXY_HANDSHAKES_OUT,
	MNT_PROXY_REPLIES_IN,
	MNT_PROXY_REPLIES_OUT,
	MNT_PROXY_SERVICE_IN,
	MNT_PROXY_SERVICE_OUT,
	MNT_INNER_DATAGRAMS_IN,
	MNT_INNER_DATAGRAMS_OUT,
	MNT_INNER_BYTES_IN,
	MNT_INNER_BYTES_OUT,
	MNT_OUTER_DATAGRAMS_IN,
	MNT_OUTER_DATAGRAMS_OUT,
	MNT_OUTER_BYTES_IN,
	MNT_OUTER_BYTES_OUT,
	MNT_CPU_US,
	MNT_RSS_BYTES,
	MNT_RAND_SPAN_US,
	MNT_ANSWERED, /* by the BPF guard, before the gateway's sockets */
	MNT_COUNTERS,
};

struct mnt_counts {
	bool known; /* the daemon was asked */
	uint64_t v[MNT_COUNTERS];
};

/* UDP of one network namespace as the kernel counts it. */
struct mnt_kernel {
	bool known;
	uint64_t in, out, bytes_in, bytes_out; /* datagrams and UDP payload */
	uint64_t lost;                         /* InErrors: full socket buffers among them */
};

struct mnt_snapshot {
	struct mnt_counts gateway, in;
	struct mnt_kernel devices_side, in_side;
	uint64_t gateway_lost; /* the kernel's InErrors in the gateway's namespace */
};

struct mnt_messages {
	uint64_t server_in, server_out, gateway_in, gateway_out;
};

struct mnt_counters;

/* gateway and in: paths of control sockets, NULL = not asked. kernel: read the kernel's counters too (needs both sockets, IPv4,
 * and namespaces without any other traffic). -errno with a sentence in err. */
int mnt_counters_open(const char *gateway, const char *in, bool kernel, struct mnt_counters **out,
		      char err[256]);
void mnt_counters_close(struct mnt_counters *c);
/* Reads all. The kernel's counters are read before and after the daemons'; *still is false when they moved meanwhile. */
int mnt_counters_read(struct mnt_counters *c, struct mnt_snapshot *out, bool *still, char err[256]);
/* after - before, counter by counter; memory is after's. */
struct mnt_snapshot mnt_snapshot_since(const struct mnt_snapshot *before,
				       const struct mnt_snapshot *after);
/* Messages of TR-0012 figure 8.2.1-2 in group authentication, or of the transparent proxy. server_* are 0 when the IN was not asked. */
struct mnt_messages mnt_messages_of(const struct mnt_snapshot *s, bool proxy);
/* Whether the gateway's layers classify and offload are active. */
int mnt_counters_layers(struct mnt_counters *c, bool *bpf, bool *kmod, char err[256]);

/* Value of a field in the text of /proc/net/snmp or netstat: a line of names and a line of values, both led by "Udp:" or the
 * like. -ENOENT. */
int mnt_snmp_value(const char *text, const char *group, const char *field, uint64_t *out);

#endif
