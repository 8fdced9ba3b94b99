// SPDX-License-Identifier: GPL-2.0-or-later
#include "result.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- judged ---- */

struct mnt_messages mnt_result_expected(const struct mnt_run_result *r)
{
	uint64_t n = r->devices;
	uint64_t outer = r->fresh ? 1 : 0, rands = r->fresh ? r->groups : 0;

	if (r->proxy)
		return (struct mnt_messages){ .server_in = 2 * n,
					      .server_out = n,
					      .gateway_in = 3 * n,
					      .gateway_out = 3 * n };
	return (struct mnt_messages){ .server_in = n + outer,
				      .server_out = rands,
				      .gateway_in = 2 * n + rands,
				      .gateway_out = 2 * n + outer };
}

struct pair {
	const char *what;
	uint64_t measured, expected;
};

static bool equal(const struct pair *pairs, size_t n, char why[256])
{
	for (size_t i = 0; i < n; i++) {
		if (pairs[i].measured == pairs[i].expected)
			continue;
		snprintf(why, 256, "%s: %" PRIu64 ", expected %" PRIu64, pairs[i].what,
			 pairs[i].measured, pairs[i].expected);
		return false;
	}
	return true;
}

#define N(a) (sizeof(a) / sizeof((a)[0]))

static bool messages_exact(const struct mnt_run_result *r, char why[256])
{
	struct mnt_messages m = mnt_messages_of(&r->counts, r->proxy), x = mnt_result_expected(r);
	const uint64_t *g = r->counts.gateway.v, *in = r->counts.in.v;
	const struct pair gateway[] = {
		{ "messages, gateway in", m.gateway_in, x.gateway_in },
		{ "messages, gateway out", m.gateway_out, x.gateway_out },
	};
	const struct pair server[] = {
		{ "messages, server in", m.server_in, x.server_in },
		{ "messages, server out", m.server_out, x.server_out },
	};
	const struct pair group[] = {
		{ "handshakes at the IN, at the gateway", in[MNT_OUTER_HANDSHAKES_IN],
		  g[MNT_OUTER_HANDSHAKES_OUT] },
		{ "Rand at the IN, at the gateway", in[MNT_OUTER_RAND_OUT], g[MNT_OUTER_RAND_IN] },
		{ "service requests at the IN, at the gateway", in[MNT_OUTER_SERVICE_IN],
		  g[MNT_OUTER_SERVICE_OUT] },
	};
	const struct pair proxy[] = {
		{ "handshakes at the IN, at the gateway", in[MNT_OUTER_DIRECT_HANDSHAKES_IN],
		  g[MNT_PROXY_HANDSHAKES_OUT] },
		{ "replies at the IN, at the gateway", in[MNT_OUTER_DIRECT_REPLIES_OUT],
		  g[MNT_PROXY_REPLIES_IN] },
		{ "service requests at the IN, at the gateway", in[MNT_OUTER_DIRECT_SERVICE_IN],
		  g[MNT_PROXY_SERVICE_OUT] },
	};

	if (r->counts.gateway.known && !equal(gateway, N(gateway), why))
		return false;
	if (!r->counts.in.known)
		return true;
	return equal(server, N(server), why) &&
	       (r->proxy ? equal(proxy, N(proxy), why) : equal(group, N(group), why));
}

static bool kernel_exact(const struct mnt_run_result *r, char why[256])
{
	const struct mnt_kernel *d = &r->counts.devices_side, *i = &r->counts.in_side;
	const uint64_t *g = r->counts.gateway.v;
	const struct pair pairs[] = {
		{ "datagrams lost in socket buffers", d->lost + i->lost + r->counts.gateway_lost,
		  0 },
		{ "inner datagrams in, at the gateway and in the kernel", g[MNT_INNER_DATAGRAMS_IN],
		  d->out },
		{ "inner datagrams out, at the gateway and in the kernel",
		  g[MNT_INNER_DATAGRAMS_OUT], d->in },
		{ "outer datagrams in, at the gateway and in the kernel", g[MNT_OUTER_DATAGRAMS_IN],
		  i->out },
		{ "outer datagrams out, at the gateway and in the kernel",
		  g[MNT_OUTER_DATAGRAMS_OUT], i->in },
		{ "inner bytes in, at the gateway and in the kernel", g[MNT_INNER_BYTES_IN],
		  d->bytes_out },
		{ "inner bytes out, at the gateway and in the kernel", g[MNT_INNER_BYTES_OUT],
		  d->bytes_in },
		{ "outer bytes in, at the gateway and in the kernel", g[MNT_OUTER_BYTES_IN],
		  i->bytes_out },
		{ "outer bytes out, at the gateway and in the kernel", g[MNT_OUTER_BYTES_OUT],
		  i->bytes_in },
	};

	return !d->known || equal(pairs, N(pairs), why);
}

bool mnt_result_exact(const struct mnt_run_result *r, char why[256])
{
	return (!r->counted || messages_exact(r, why)) && kernel_exact(r, why);
}

/* ---- figures ---- */

/* The first phase of that kind, NULL when there was none. */
static const struct mnt_phase_result *phase_of(const struct mnt_run_result *r,
					       enum mnt_phase_kind kind)
{
	for (unsigned int i = 0; i < r->phase_n; i++)
		if (r->phases[i].kind == kind)
			return &r->phases[i];
	return NULL;
}

static double percentile_ms(const struct mnt_phase_result *p, double percent)
{
	return p && p->hist.count ? mnt_hist_percentile(&p->hist, percent) / 1000.0 : NAN;
}

static double between_s(uint64_t from, uint64_t to)
{
	return from && to > from ? (double)(to - from) / 1e6 : 0;
}

static double seconds_of(const struct mnt_phase_result *p)
{
	return between_s(p->start_us, p->last_us);
}

static double rate(const struct mnt_phase_result *p)
{
	double seconds = p ? seconds_of(p) : 0;

	return seconds > 0 ? (double)p->done / seconds : NAN;
}

/* From the first ClientHello to the last answer. */
static double duration_s(const struct mnt_run_result *r)
{
	uint64_t end = 0;

	for (unsigned int i = 0; i < r->phase_n; i++)
		if (r->phases[i].end_us > end)
			end = r->phases[i].end_us;
	return r->phase_n ? between_s(r->phases[0].start_us, end) : 0;
}

/* Service requests: the wave, or the steady load where there was no wave. */
static const struct mnt_phase_result *service_phase(const struct mnt_run_result *r)
{
	const struct mnt_phase_result *p = phase_of(r, MNT_PHASE_REQUEST);

	return p ? p : phase_of(r, MNT_PHASE_STEADY);
}

/* ---- table ---- */

static void print_messages(const struct mnt_run_result *r)
{
	static const char *const fresh[] = { "n + 1", "G", "2n + G", "2n + 1" };
	static const char *const later[] = { "n", "0", "2n", "2n" };
	static const char *const proxy[] = { "2n", "n", "3n", "3n" };
	struct mnt_messages m = mnt_messages_of(&r->counts, r->proxy), x = mnt_result_expected(r);
	const char *const *formula = r->proxy ? proxy : r->fresh ? fresh : later;
	const struct {
		const char *name;
		bool known;
		uint64_t measured, expected;
	} rows[] = {
		{ "server in", r->counts.in.known, m.server_in, x.server_in },
		{ "server out", r->counts.in.known, m.server_out, x.server_out },
		{ "gateway in", r->counts.gateway.known, m.gateway_in, x.gateway_in },
		{ "gateway out", r->counts.gateway.known, m.gateway_out, x.gateway_out },
	};

	printf("\n%-28s %10s %10s\n", "messages", "measured", "expected");
	for (size_t i = 0; i < N(rows); i++) {
		printf("  %-12s %-13s ", rows[i].name, formula[i]);
		if (rows[i].known)
			printf("%10" PRIu64, rows[i].measured);
		else
			printf("%10s", "-");
		printf(" %10" PRIu64 "%s\n", rows[i].expected,
		       rows[i].known && rows[i].measured != rows[i].expected ? "  differs" : "");
	}
}

static void print_hop(const char *name, uint64_t in, uint64_t out, uint64_t bytes_in,
		      uint64_t bytes_out)
{
	printf("  %-26s %10" PRIu64 " %10" PRIu64 " %12" PRIu64 " %12" PRIu64 "\n", name, in, out,
	       bytes_in, bytes_out);
}

static void print_traffic(const struct mnt_run_result *r)
{
	const struct mnt_kernel *d = &r->counts.devices_side, *i = &r->counts.in_side;
	const uint64_t *g = r->counts.gateway.v;

	if (!r->counts.gateway.known)
		return;
	printf("\n%-28s %10s %10s %12s %12s\n", "datagrams of the gateway", "in", "out", "bytes in",
	       "bytes out");
	print_hop("inner hop", g[MNT_INNER_DATAGRAMS_IN], g[MNT_INNER_DATAGRAMS_OUT],
		  g[MNT_INNER_BYTES_IN], g[MNT_INNER_BYTES_OUT]);
	if (d->known)
		print_hop("  the kernel", d->out, d->in, d->bytes_out, d->bytes_in);
	print_hop("outer hop", g[MNT_OUTER_DATAGRAMS_IN], g[MNT_OUTER_DATAGRAMS_OUT],
		  g[MNT_OUTER_BYTES_IN], g[MNT_OUTER_BYTES_OUT]);
	if (i->known)
		print_hop("  the kernel", i->out, i->in, i->bytes_out, i->bytes_in);
}

static void print_phase(const struct mnt_phase_result *p)
{
	printf("  %-12s %10" PRIu64 " %8" PRIu64, mnt_phase_name(p->kind), p->done, p->failed);
	if (p->hist.count)
		printf(" %10.0f %9.2f %9.2f %9.2f %9.2f %9.2f", rate(p), percentile_ms(p, 50),
		       percentile_ms(p, 90), percentile_ms(p, 99), percentile_ms(p, 99.9),
		       percentile_ms(p, 100));
	if (p->known && p->done)
		printf(" %9.2f %9.2f", (double)p->cpu_gateway_us / (double)p->done,
		       (double)p->cpu_in_us / (double)p->done);
	putchar('\n');
	if (p->rate > 0)
		printf("  %-12s %10.0f a second were to arrive; at most %" PRIu64
		       " waited for a device\n",
		       "", p->rate, p->backlog);
	if (p->kind == MNT_PHASE_RAND && p->done)
		printf("  %-12s first device after %.2f ms, last %.2f ms later\n", "",
		       1000 * between_s(p->start_us, p->first_us),
		       1000 * between_s(p->first_us, p->last_us));
	if (p->kind == MNT_PHASE_RAND && p->known && p->done)
		printf("  %-12s the gateway had sent it to all %.2f ms after it came\n", "",
		       (double)p->span_us / 1000);
}

static void print_times(const struct mnt_run_result *r)
{
	printf("\n%-14s %10s %8s %10s %9s %9s %9s %9s %9s %9s %9s\n", "phases", "done", "failed",
	       "per s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms", "us gw", "us IN");
	for (unsigned int i = 0; i < r->phase_n; i++)
		print_phase(&r->phases[i]);
	if (r->lost)
		printf("  %" PRIu64 " sessions ended by themselves\n", r->lost);
}

static void print_cost(const struct mnt_run_result *r)
{
	double n = (double)r->devices;

	if (!r->counts.gateway.known)
		return;
	printf("\ncost\n  %-26s %10.3f s %10.1f us a device\n", "CPU of the gateway",
	       (double)r->cpu_gateway_us / 1e6, (double)r->cpu_gateway_us / n);
	if (r->counts.in.known)
		printf("  %-26s %10.3f s %10.1f us a device\n", "CPU of the IN",
		       (double)r->cpu_in_us / 1e6, (double)r->cpu_in_us / n);
	printf("  %-26s %10.1f MiB %8.0f bytes a device more than before\n",
	       "memory of the gateway", (double)r->counts.gateway.v[MNT_RSS_BYTES] / 1048576,
	       (double)r->rss_grown / n);
	printf("  %-26s %10s\n", "layers",
	       r->bpf && r->kmod ? "bpf, kmod" :
	       r->bpf            ? "bpf" :
	       r->kmod           ? "kmod" :
				   "userspace alone");
}

void mnt_result_print(const struct mnt_run_result *r)
{
	if (r->proxy)
		printf("transparent proxy: %zu devices: ", r->devices);
	else
		printf("group authentication: %zu devices, %u %s: ", r->devices, r->groups,
		       r->groups == 1 ? "group" : "groups");
	printf("%zu authenticated, %zu failed, %.3f s\n", r->authenticated, r->failed,
	       duration_s(r));
	if (r->counted)
		print_messages(r);
	print_traffic(r);
	print_times(r);
	print_cost(r);
	fflush(stdout);
}

/* ---- JSON ---- */

static json_t *number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static json_t *count(bool known, uint64_t v)
{
	return known ? json_integer((json_int_t)v) : json_null();
}

static json_t *times(const struct mnt_phase_result *p)
{
	return json_pack("{s:I, s:o, s:o, s:o, s:o}", "count", (json_int_t)(p ? p->done : 0),
			 "rate_per_s", number(rate(p)), "p50_ms", number(percentile_ms(p, 50)),
			 "p99_ms", number(percentile_ms(p, 99)), "max_ms",
			 number(percentile_ms(p, 100)));
}

static json_t *messages(const struct mnt_messages *m, bool gateway, bool in)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "server_in", count(in, m->server_in), "server_out",
			 count(in, m->server_out), "gateway_in", count(gateway, m->gateway_in),
			 "gateway_out", count(gateway, m->gateway_out));
}

static json_t *traffic(const struct mnt_run_result *r, enum mnt_counter in, enum mnt_counter out)
{
	bool known = r->counts.gateway.known;

	return json_pack("{s:o, s:o}", "in", count(known, r->counts.gateway.v[in]), "out",
			 count(known, r->counts.gateway.v[out]));
}

/* After the IN was told to draw it; without that phase, after the first session was open, which is when Rand was offered. */
static json_t *rand_fanout(const struct mnt_run_result *r)
{
	const struct mnt_phase_result *p = phase_of(r, MNT_PHASE_RAND);
	const struct mnt_phase_result *h = phase_of(r, MNT_PHASE_HANDSHAKE);
	bool any = p ? p->done > 0 : r->rands > 0;
	uint64_t from = p ? p->start_us : h ? h->first_us : 0;

	return json_pack(
		"{s:I, s:o, s:o}", "count", (json_int_t)(p ? p->done : r->rands), "first_ms",
		number(any ? 1000 * between_s(from, p ? p->first_us : r->first_rand_us) : NAN),
		"last_ms",
		number(any ? 1000 * between_s(from, p ? p->last_us : r->last_rand_us) : NAN));
}

/* Percentiles along the curve of a plot. */
static json_t *curve(const struct mnt_phase_result *p)
{
	static const double at[] = { 0,  10,   25,   50,    75,    90,     95, 97.5,
				     99, 99.5, 99.9, 99.95, 99.99, 99.999, 100 };
	json_t *a = json_array();

	for (size_t i = 0; i < N(at) && p->hist.count; i++)
		json_array_append_new(a, json_pack("[f, f]", at[i], percentile_ms(p, at[i])));
	return a;
}

static json_t *phase(const struct mnt_phase_result *p)
{
	bool any = p->done > 0;
	double n = (double)p->done;
	json_t *o = json_pack("{s:s, s:I, s:I, s:f, s:o}", "name", mnt_phase_name(p->kind), "count",
			      (json_int_t)p->done, "failed", (json_int_t)p->failed, "duration_s",
			      seconds_of(p), "rate_per_s", number(rate(p)));

	json_object_set_new(o, "wanted_per_s", p->rate > 0 ? json_real(p->rate) : json_null());
	json_object_set_new(o, "waited_max", json_integer((json_int_t)p->backlog));
	json_object_set_new(o, "mean_ms", number(any ? (double)p->hist.sum / n / 1000 : NAN));
	json_object_set_new(o, "p50_ms", number(percentile_ms(p, 50)));
	json_object_set_new(o, "p90_ms", number(percentile_ms(p, 90)));
	json_object_set_new(o, "p99_ms", number(percentile_ms(p, 99)));
	json_object_set_new(o, "p999_ms", number(percentile_ms(p, 99.9)));
	json_object_set_new(o, "max_ms", number(percentile_ms(p, 100)));
	json_object_set_new(o, "first_ms",
			    number(any ? 1000 * between_s(p->start_us, p->first_us) : NAN));
	json_object_set_new(o, "last_ms",
			    number(any ? 1000 * between_s(p->start_us, p->last_us) : NAN));
	json_object_set_new(o, "cpu_us_gateway",
			    number(any && p->known ? (double)p->cpu_gateway_us / n : NAN));
	json_object_set_new(o, "cpu_us_in",
			    number(any && p->known ? (double)p->cpu_in_us / n : NAN));
	json_object_set_new(o, "gateway_rss_bytes", count(p->known, p->rss_bytes));
	json_object_set_new(o, "gateway_span_ms",
			    number(p->kind == MNT_PHASE_RAND && any && p->known ?
					   (double)p->span_us / 1000 :
					   NAN));
	json_object_set_new(o, "curve", curve(p));
	return o;
}

static json_t *phases(const struct mnt_run_result *r)
{
	json_t *a = json_array();

	for (unsigned int i = 0; i < r->phase_n; i++)
		json_array_append_new(a, phase(&r->phases[i]));
	return a;
}

/* Seconds; handshakes, Rands, requests and GETs done until then. */
static json_t *timeline(const struct mnt_run_result *r)
{
	json_t *a = json_array();

	for (size_t i = 0; i < r->point_n; i++) {
		const struct mnt_point *p = &r->points[i];

		json_array_append_new(a, json_pack("[f, I, I, I, I]", (double)p->us / 1e6,
						   (json_int_t)p->handshakes, (json_int_t)p->rands,
						   (json_int_t)p->requests, (json_int_t)p->gets));
	}
	return a;
}

json_t *mnt_result_object(const struct mnt_run_result *r)
{
	struct mnt_messages m = mnt_messages_of(&r->counts, r->proxy), x = mnt_result_expected(r);
	const uint64_t *g = r->counts.gateway.v;
	bool gateway = r->counts.gateway.known, in = r->counts.in.known;
	json_t *o = json_pack("{s:s, s:I, s:I, s:I, s:f}", "mode", r->proxy ? "proxy" : "group",
			      "devices", (json_int_t)r->devices, "authenticated",
			      (json_int_t)r->authenticated, "failed", (json_int_t)r->failed,
			      "duration_s", duration_s(r));

	json_object_set_new(o, "inner_handshake", times(phase_of(r, MNT_PHASE_HANDSHAKE)));
	json_object_set_new(o, "rand_fanout", rand_fanout(r));
	json_object_set_new(o, "service_request", times(service_phase(r)));
	json_object_set_new(o, "messages", messages(&m, gateway, in));
	json_object_set_new(o, "expected", messages(&x, r->counted, r->counted));
	json_object_set_new(o, "outer_datagrams",
			    traffic(r, MNT_OUTER_DATAGRAMS_IN, MNT_OUTER_DATAGRAMS_OUT));
	json_object_set_new(o, "inner_datagrams",
			    traffic(r, MNT_INNER_DATAGRAMS_IN, MNT_INNER_DATAGRAMS_OUT));
	json_object_set_new(
		o, "bytes",
		json_pack("{s:o, s:o}", "outer",
			  count(gateway, g[MNT_OUTER_BYTES_IN] + g[MNT_OUTER_BYTES_OUT]), "inner",
			  count(gateway, g[MNT_INNER_BYTES_IN] + g[MNT_INNER_BYTES_OUT])));
	json_object_set_new(
		o, "cpu_s",
		json_pack("{s:o, s:o}", "in", in ? number((double)r->cpu_in_us / 1e6) : json_null(),
			  "gateway",
			  gateway ? number((double)r->cpu_gateway_us / 1e6) : json_null()));
	json_object_set_new(o, "gateway_rss_bytes", count(gateway, g[MNT_RSS_BYTES]));
	json_object_set_new(o, "layers", json_pack("{s:b, s:b}", "bpf", r->bpf, "kmod", r->kmod));
	json_object_set_new(o, "groups", json_integer(r->groups));
	json_object_set_new(o, "suite", r->suite ? json_string(r->suite) : json_null());
	json_object_set_new(o, "sessions_lost", json_integer((json_int_t)r->lost));
	json_object_set_new(o, "gateway_rss_grown_bytes",
			    gateway ? json_integer(r->rss_grown) : json_null());
	json_object_set_new(o, "phases", phases(r));
	json_object_set_new(o, "timeline", timeline(r));
	return o;
}
