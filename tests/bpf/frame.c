// SPDX-License-Identifier: GPL-2.0-or-later
#include "frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "dtls/filter.h"

#define PORT 5684
#define IN_PORT 5685
#define OUTER_PORT 40000

static const uint8_t gateway4[4] = { 198, 18, 1, 1 }, gateway_outer4[4] = { 198, 18, 2, 1 },
		     in4[4] = { 198, 18, 2, 2 };
static const uint8_t gateway6[16] = { 0x20, 1, 0xd, 0xb8, 0, 1, [15] = 1 },
		     gateway_outer6[16] = { 0x20, 1, 0xd, 0xb8, 0, 2, [15] = 1 },
		     in6[16] = { 0x20, 1, 0xd, 0xb8, 0, 2, [15] = 2 };

static union mn_addr address(bool six, const uint8_t *bytes, uint16_t port)
{
	union mn_addr a;

	memset(&a, 0, sizeof(a));
	if (six) {
		a.in6.sin6_family = AF_INET6;
		a.in6.sin6_port = htons(port);
		memcpy(&a.in6.sin6_addr, bytes, 16);
	} else {
		a.in.sin_family = AF_INET;
		a.in.sin_port = htons(port);
		memcpy(&a.in.sin_addr, bytes, 4);
	}
	return a;
}

union mn_addr frame_device(bool six, uint32_t device)
{
	uint8_t v4[4] = { 198, (uint8_t)(51 + (device >> 24)), (uint8_t)(device >> 8),
			  (uint8_t)(2 + device) };
	uint8_t v6[16] = { 0x20,
			   1,
			   0xd,
			   0xb8,
			   9,
			   (uint8_t)(device >> 16),
			   (uint8_t)(device >> 8),
			   [15] = (uint8_t)(2 + device) };

	return address(six, six ? v6 : v4, (uint16_t)(20000 + (device >> 8) % 40000));
}

struct mncse_bpf_peer frame_peer(const union mn_addr *a, uint16_t listener)
{
	struct mncse_bpf_peer p = { .listener = listener };

	if (a->sa.sa_family == AF_INET6) {
		memcpy(p.addr, &a->in6.sin6_addr, 16);
		p.port = a->in6.sin6_port;
	} else {
		p.addr[10] = p.addr[11] = 0xff;
		memcpy(p.addr + 12, &a->in.sin_addr, 4);
		p.port = a->in.sin_port;
	}
	return p;
}

uint32_t frame_sum(const void *p, size_t n, uint32_t sum)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? b[i] : (uint32_t)b[i] << 8;
	return sum;
}

uint16_t frame_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint16_t frame_udp_checksum(const struct frame *f)
{
	const uint8_t *ip = f->bytes + f->network, *udp = f->bytes + f->udp;
	size_t len = mn_get16(udp + 4);
	uint32_t sum = IPPROTO_UDP + (uint32_t)len;
	uint16_t check;

	sum = ip[0] >> 4 == 6 ? frame_sum(ip + 8, 32, sum) : frame_sum(ip + 12, 8, sum);
	sum = frame_sum(udp, 6, sum);
	check = frame_fold(frame_sum(udp + 8, len - 8, sum));
	return check ? check : 0xffff;
}

static void put(struct frame *f, const void *p, size_t n)
{
	assert_true(f->len + n <= FRAME_MAX);
	memcpy(f->bytes + f->len, p, n);
	f->len += n;
}

static void put16(struct frame *f, uint16_t v)
{
	uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	put(f, b, 2);
}

static void host(const union mn_addr *a, struct frame *f)
{
	if (a->sa.sa_family == AF_INET6)
		put(f, &a->in6.sin6_addr, 16);
	else
		put(f, &a->in.sin_addr, 4);
}

static void ip4(struct frame *f, const struct shape *s, const union mn_addr *from,
		const union mn_addr *to, size_t len)
{
	uint8_t head[12] = {
		(uint8_t)(0x45 + s->options / 4), 0x10, 0, 0, 0x12, 0x34, 0x40, 0, 63, 17
	};
	uint8_t option[40] = { 1, 1, 1, 1 };
	uint16_t check;

	mn_put16(head + 2, (uint16_t)(20 + s->options + 8 + len));
	if (s->fragment)
		head[6] = 0x20;
	put(f, head, sizeof(head));
	host(from, f);
	host(to, f);
	put(f, option, s->options);
	check = frame_fold(frame_sum(f->bytes + f->network, 20 + s->options, 0));
	mn_put16(f->bytes + f->network + 10, check);
}

static void ip6(struct frame *f, const struct shape *s, const union mn_addr *from,
		const union mn_addr *to, size_t len)
{
	static const uint8_t kinds[] = { 0, 43, 60 };
	unsigned int n = s->extensions + s->fragment;
	uint8_t head[8] = { 0x60, 1, 2, 3, 0, 0, 17, 61 };

	mn_put16(head + 4, (uint16_t)(8 * n + 8 + len));
	if (n)
		head[6] = s->extensions ? kinds[0] : 44;
	put(f, head, sizeof(head));
	host(from, f);
	host(to, f);
	for (unsigned int i = 0; i < n; i++) {
		uint8_t x[8] = { 17, 0, 1, 4 };

		if (i + 1 < s->extensions)
			x[0] = kinds[(i + 1) % 3];
		else if (i + 1 < n)
			x[0] = 44;
		put(f, x, sizeof(x));
	}
}

void frame_build(struct frame *f, const struct shape *s, const void *payload, size_t len)
{
	static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	union mn_addr device = frame_device(s->six, s->device), own = device, from, to;

	if (s->outer) {
		device = address(s->six, s->six ? in6 : in4, IN_PORT);
		own = address(s->six, s->six ? gateway_outer6 : gateway_outer4, OUTER_PORT);
	} else {
		own = address(s->six, s->six ? gateway6 : gateway4, PORT);
	}
	from = s->out ? own : device;
	to = s->out ? device : own;
	memset(f, 0, sizeof(*f));
	put(f, macs, sizeof(macs));
	for (unsigned int i = 0; i < s->vlans; i++) {
		put16(f, i + 1 < s->vlans ? 0x88a8 : 0x8100);
		put16(f, (uint16_t)(100 + i));
	}
	put16(f, s->six ? 0x86dd : 0x0800);
	f->network = f->len;
	if (s->six)
		ip6(f, s, &from, &to, len);
	else
		ip4(f, s, &from, &to, len);
	f->udp = f->len;
	put(f, s->six ? &from.in6.sin6_port : &from.in.sin_port, 2);
	put(f, s->six ? &to.in6.sin6_port : &to.in.sin_port, 2);
	put16(f, (uint16_t)(8 + len));
	put16(f, 0);
	put(f, payload, len);
	mn_put16(f->bytes + f->udp + 6, frame_udp_checksum(f));
}

size_t frame_record(uint8_t *out, uint8_t type, uint16_t epoch, uint8_t first, size_t n)
{
	memset(out, 0, MNCSE_RECORD_HEADER);
	out[0] = type;
	mn_put16(out + 1, MNCSE_VERSION_DTLS12);
	mn_put16(out + 3, epoch);
	out[10] = 7;
	mn_put16(out + 11, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		out[MNCSE_RECORD_HEADER + i] = (uint8_t)(first + i);
	return MNCSE_RECORD_HEADER + n;
}

size_t frame_hello(uint8_t *out, uint8_t seed, const void *cookie, size_t cookie_len)
{
	static const uint8_t tail[] = { 0, 4, 0xc0, 0xa8, 0, 0xa8, 1, 0, 0, 4, 0, 22, 0, 0 };
	size_t body = 2 + 32 + 1 + 1 + cookie_len + sizeof(tail);
	uint8_t *p = out + MNCSE_RECORD_HEADER + MNCSE_HANDSHAKE_HEADER;

	frame_record(out, MNCSE_HANDSHAKE, 0, 0, MNCSE_HANDSHAKE_HEADER + body);
	mn_put16(out + 1, MNCSE_VERSION_DTLS10);
	out[10] = (uint8_t)(seed + 1);
	memset(out + MNCSE_RECORD_HEADER, 0, MNCSE_HANDSHAKE_HEADER);
	out[MNCSE_RECORD_HEADER] = MNCSE_CLIENT_HELLO;
	mn_put16(out + MNCSE_RECORD_HEADER + 2, (uint16_t)body);
	out[MNCSE_RECORD_HEADER + 5] = cookie_len ? 1 : 0;
	mn_put16(out + MNCSE_RECORD_HEADER + 10, (uint16_t)body);
	mn_put16(p, MNCSE_VERSION_DTLS12);
	for (int i = 0; i < 32; i++)
		p[2 + i] = (uint8_t)(seed * 31 + i * 7);
	p[34] = 0;
	p[35] = (uint8_t)cookie_len;
	if (cookie_len)
		memcpy(p + 36, cookie, cookie_len);
	memcpy(p + 36 + cookie_len, tail, sizeof(tail));
	return MNCSE_RECORD_HEADER + MNCSE_HANDSHAKE_HEADER + body;
}

void frame_config(struct mncse_bpf_config *c)
{
	union mn_addr four = address(false, gateway4, PORT), six = address(true, gateway6, PORT),
		      in = address(false, in4, IN_PORT);

	memset(c, 0, sizeof(*c));
	c->n_listeners = 2;
	c->listeners[0] = frame_peer(&four, 0);
	c->listeners[1] = frame_peer(&six, 1);
	c->upstream = frame_peer(&in, 0);
	c->pending_ns = 30000000000ull;
	c->mask4 = htonl(0xffffff00);
	c->mask6 = ~0ull;
	((uint8_t *)&c->mask6)[7] = 0;
}

void frame_counters(int map, struct mncse_bpf_counters *out)
{
	int n = libbpf_num_possible_cpus();
	struct mncse_bpf_counters *all = calloc((size_t)n, sizeof(*all));
	uint32_t zero = 0;

	assert_non_null(all);
	assert_int_equal(bpf_map_lookup_elem(map, &zero, all), 0);
	memset(out, 0, sizeof(*out));
	for (int i = 0; i < n; i++)
		for (size_t w = 0; w < sizeof(*out) / 8; w++)
			((uint64_t *)out)[w] += ((uint64_t *)&all[i])[w];
	free(all);
}

uint32_t frame_run(int prog, const struct frame *f, struct frame *out)
{
	static struct frame scratch;
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f->bytes, .data_size_in = (uint32_t)f->len,
		    .data_out = scratch.bytes, .data_size_out = FRAME_MAX, .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(prog, &o), 0);
	if (out) {
		*out = *f;
		memset(out->bytes, 0, sizeof(out->bytes));
		memcpy(out->bytes, scratch.bytes, o.data_size_out);
		out->len = o.data_size_out;
	}
	return o.retval;
}

unsigned int frame_time(int prog, const struct frame *f)
{
	unsigned int best = ~0u;

	for (int i = 0; i < 5; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f->bytes,
			    .data_size_in = (uint32_t)f->len, .repeat = 200000);

		assert_int_equal(bpf_prog_test_run_opts(prog, &o), 0);
		if (o.duration < best)
			best = o.duration;
	}
	return best;
}

void frame_need_bpf(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, o);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "probe", 4, 4, 1, &o);

	if (fd >= 0) {
		close(fd);
		return;
	}
	printf("# BPF may not be used here: %s\n", strerror(errno));
	exit(77);
}
