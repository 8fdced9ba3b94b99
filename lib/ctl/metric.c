// SPDX-License-Identifier: GPL-2.0-or-later
/* Names, labels, types, units and help of the counters. */
#include "ctl/metrics.h"

#include <string.h>

#define GAUGES(X)          \
	X(sessions)        \
	X(half_open)       \
	X(replies)         \
	X(buffer_bytes)    \
	X(flows_now)       \
	X(service_pending) \
	X(service_waiting) \
	X(direct_sessions) \
	X(workers)         \
	X(rss_bytes)       \
	X(sessions_max)    \
	X(rand_span_us)

/* By what stands behind the hop. */
static const struct {
	const char *thing, *help;
} helps[] = {
	{ "handshakes_in", "Handshakes of peers that completed" },
	{ "handshakes_out", "Handshakes with the IN that completed" },
	{ "handshakes", "DTLS handshakes that completed" },
	{ "handshakes_failed", "DTLS handshakes that ended without completing" },
	{ "rand_in", "Rand messages of the IN" },
	{ "rand_out", "Rand messages sent, first transmissions" },
	{ "rand_again", "Rand offered again in the same session and generation" },
	{ "rand_confirmed", "Offers of a Rand that were taken" },
	{ "rand_unconfirmed", "Offers of a Rand that were never acknowledged" },
	{ "rand_declined", "Offers of a Rand that were declined" },
	{ "rand_refused", "Rand messages that were refused" },
	{ "rand_acked", "Rand messages that the gateway took" },
	{ "rand_timeout", "Rand messages without an answer" },
	{ "rand_conflict", "Gateways that have a newer generation than the IN" },
	{ "service_in", "Service requests taken, first transmissions" },
	{ "service_out", "Service requests forwarded, first transmissions" },
	{ "service_answers", "Answers of the IN that went to a device" },
	{ "service_us", "Time from service requests to their answers, summed" },
	{ "service_timeouts", "Service requests that the IN did not answer" },
	{ "service_interrupted", "Service requests open when the session to the IN ended" },
	{ "service_abandoned", "Service requests open when the device's session ended" },
	{ "service_repeats", "Repetitions of service requests" },
	{ "service_pending", "Service requests sent and not answered, now" },
	{ "service_waiting", "Service requests that wait to be sent, now" },
	{ "messages_in", "Decrypted CoAP messages" },
	{ "malformed", "Decrypted messages that are no CoAP" },
	{ "pings", "CoAP pings" },
	{ "acknowledgements", "Messages that acknowledge something" },
	{ "unmatched", "Messages that answer nothing" },
	{ "responses", "Separate responses to a Rand" },
	{ "duplicates", "Retransmissions, answered from memory" },
	{ "requests_gsa", "Requests for /gsa" },
	{ "requests_other", "Requests for anything else" },
	{ "refused", "Requests that were refused, by reason" },
	{ "drops", "Datagrams, records and handshakes that were dropped, by reason" },
	{ "closed", "Sessions that ended, by reason" },
	{ "replaced", "Sessions that a newer one of the same peer replaced" },
	{ "sessions_refused", "Handshakes of a credential that was removed meanwhile" },
	{ "send_failed", "Messages that found no send buffer" },
	{ "answers_late", "Answers to nothing that is open" },
	{ "answers_large", "Answers above limits.coap_max" },
	{ "pings_out", "Keepalive pings to the IN" },
	{ "pings_lost", "Keepalive pings without an answer" },
	{ "connects", "Attempts to reach the IN" },
	{ "flows", "Devices relayed unopened since the start" },
	{ "flows_now", "Devices relayed unopened, now" },
	{ "flows_unfinished", "Relayed devices that ended within their handshake" },
	{ "flows_idle", "Relayed devices that ended after idle_s of silence" },
	{ "flows_refused", "Relayed devices refused for want of descriptors or memory" },
	{ "replies_in", "Finished of the IN that came for relayed devices" },
	{ "replies_out", "Finished of the IN sent on to relayed devices" },
	{ "answers_out", "Protected answers sent, first transmissions" },
	{ "answers_again", "Protected answers sent again" },
	{ "repeats_in", "Repetitions of service requests by the gateway" },
	{ "pings_in", "CoAP pings" },
	{ "resets_out", "CoAP resets sent" },
	{ "direct_handshakes_in", "Handshakes of direct devices that completed" },
	{ "direct_replies_out", "Finished sent to direct devices" },
	{ "direct_service_in", "Requests of direct devices, first transmissions" },
	{ "direct_answers_out", "Answers to direct devices" },
	{ "direct_duplicates", "Retransmissions of direct devices, answered from memory" },
	{ "replies", "Answers kept for duplicates, now" },
	{ "buffer_bytes", "Message buffers in use, now" },
	{ "datagrams_in", "UDP datagrams received" },
	{ "datagrams_out", "UDP datagrams sent" },
	{ "received_bytes", "UDP payload received" },
	{ "sent_bytes", "UDP payload sent" },
	{ "records_in", "DTLS records opened" },
	{ "records_out", "DTLS records sent" },
	{ "sessions", "Sessions, now" },
	{ "half_open", "Unfinished handshakes, now" },
	{ "hello_verify", "HelloVerifyRequests sent" },
	{ "in_handshake", "Datagrams given to a handshake, or refused one" },
	{ "in_session", "Datagrams of live sessions" },
	{ "in_relayed", "Datagrams relayed unopened" },
	{ "executed", "Service requests executed" },
	{ "authenticated", "Devices authenticated by a service request" },
	{ "retries", "Service requests known by their request identifier, not executed again" },
	{ "contexts_new", "OSCORE contexts made" },
	{ "contexts_spent", "OSCORE contexts used up" },
	{ "direct_sessions", "Sessions of direct devices, now" },
	{ "commits", "Transactions of the store" },
	{ "failures", "Transactions that the store did not take" },
	{ "generations", "Rands drawn" },
	{ "workers", "Threads that serve devices" },
	{ "cpu_us", "Processor time, user and system" },
	{ "resident_bytes", "Resident memory" },
	{ "packets", "Packets that the BPF programs saw" },
	{ "steer", "Datagrams given to a worker by the BPF programs" },
};

static const char *help_of(const char *thing)
{
	for (size_t i = 0; i < sizeof(helps) / sizeof(helps[0]); i++)
		if (!strcmp(helps[i].thing, thing))
			return helps[i].help;
	return "See COUNTERS in the manual page of the daemon";
}

static bool is_gauge(const char *thing)
{
#define X(name) #name,
	static const char *const gauges[] = { GAUGES(X) };
#undef X

	for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
		if (!strcmp(gauges[i], thing))
			return true;
	return false;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

void mn_metric_label(struct mn_metric *m, const char *name, const char *value)
{
	size_t start = strlen(m->labels), at = start, room = sizeof(m->labels) - 1;

	at += (size_t)snprintf(m->labels + at, sizeof(m->labels) - at, "%s%s=\"", at ? "," : "",
			       name);
	for (; *value && at + 3 < room; value++) {
		if (*value == '"' || *value == '\\' || *value == '\n')
			m->labels[at++] = '\\';
		m->labels[at++] = *value == '\n' ? 'n' : *value;
	}
	if (*value || at + 1 > room) {
		m->labels[start] = '\0';
		return;
	}
	m->labels[at++] = '"';
	m->labels[at] = '\0';
}

/* "PREFIXreason" becomes the family with a label: what comes after prefix, or NULL. */
static const char *reason(const char *thing, const char *prefix)
{
	size_t n = strlen(prefix);

	return !strncmp(thing, prefix, n) && thing[n] ? thing + n : NULL;
}

static const char *by_reason(struct mn_metric *m, const char *thing)
{
	static const struct {
		const char *prefix, *family;
	} reasons[] = {
		{ "drop_", "drops" },
		{ "refused_", "refused" },
		{ "closed_", "closed" },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		const char *why = reason(thing, reasons[i].prefix);

		if (why) {
			mn_metric_label(m, "reason", why);
			return reasons[i].family;
		}
	}
	return thing;
}

static const char *by_unit(const char *thing)
{
	static const struct {
		const char *ours, *theirs;
	} names[] = {
		{ "bytes_in", "received_bytes" },
		{ "bytes_out", "sent_bytes" },
		{ "rss_bytes", "resident_bytes" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i].ours, thing))
			return names[i].theirs;
	return thing;
}

/* bpf.guard.CLASS_packets, bpf.HOP.in.CLASS_bytes, bpf.group.GROUP.CLASS_packets: the class is a label of packets and bytes. */
static const char *by_class(struct mn_metric *m, const char *thing)
{
	static const char *const units[] = { "packets", "bytes" };
	char class[64];

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(thing), unit = strlen(units[i]) + 1;

		if (!ends_with(thing, units[i]) || n <= unit || n - unit >= sizeof(class))
			continue;
		memcpy(class, thing, n - unit);
		class[n - unit] = '\0';
		mn_metric_label(m, "class", class);
		return units[i];
	}
	return by_reason(m, thing);
}

/* Anything but letters and digits becomes '_'; a unit stands at the end, and times are in seconds. */
static void set_family(struct mn_metric *m, const char *prefix, const char *thing)
{
	snprintf(m->family, sizeof(m->family), "mncse_%s%s", prefix, thing);
	for (char *p = m->family; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')))
			*p = '_';
	if (ends_with(m->family, "_us") && strlen(m->family) + 6 < sizeof(m->family)) {
		strcpy(m->family + strlen(m->family) - 2, "seconds");
		m->divisor = 1000000;
	}
	if (ends_with(m->family, "_bytes"))
		m->unit = "bytes";
	else if (ends_with(m->family, "_seconds"))
		m->unit = "seconds";
}

/* "bpf.HEAD.REST", the part that REST names last; a group's name may have dots. */
static void bpf_metric(struct mn_metric *m, const char *name)
{
	const char *dot = strchr(name, '.'), *last = strrchr(name, '.');
	char head[32] = "", middle[256] = "", prefix[48];

	if (!dot || (size_t)(dot - name) >= sizeof(head)) {
		set_family(m, "bpf_", name);
		return;
	}
	memcpy(head, name, (size_t)(dot - name));
	if (last > dot && (size_t)(last - dot) <= sizeof(middle))
		memcpy(middle, dot + 1, (size_t)(last - dot) - 1);
	if (!strcmp(head, "inner") || !strcmp(head, "outer")) {
		mn_metric_label(m, "hop", head);
		if (middle[0])
			mn_metric_label(m, "direction", middle);
		set_family(m, "bpf_", by_class(m, last + 1));
		return;
	}
	if (!strcmp(head, "group"))
		mn_metric_label(m, "group", middle);
	if (!strcmp(head, "steer")) {
		mn_metric_label(m, "to", last + 1);
		set_family(m, "bpf_", head);
		return;
	}
	snprintf(prefix, sizeof(prefix), "bpf_%s_", head);
	set_family(m, prefix, by_class(m, last + 1));
}

void mn_metric_of_stat(const char *stat, struct mn_metric *out)
{
	static const char *const hops[] = { "inner", "outer", "proxy" };
	const char *dot = strchr(stat, '.'), *thing = dot ? dot + 1 : stat;
	size_t head = dot ? (size_t)(dot - stat) : 0;
	char prefix[64] = "";

	*out = (struct mn_metric){ .type = is_gauge(thing) ? MN_METRIC_GAUGE : MN_METRIC_COUNTER,
				   .divisor = 1 };
	if (head == 3 && !strncmp(stat, "bpf", 3)) {
		bpf_metric(out, thing);
		out->help = help_of(out->family + strlen("mncse_bpf_"));
		return;
	}
	for (size_t i = 0; i < 3; i++) {
		if (head == strlen(hops[i]) && !strncmp(stat, hops[i], head)) {
			mn_metric_label(out, "hop", hops[i]);
			head = 0;
			thing = by_reason(out, thing);
			break;
		}
	}
	if (head && head < sizeof(prefix) - 1)
		snprintf(prefix, sizeof(prefix), "%.*s_", (int)head, stat);
	thing = by_unit(thing);
	out->help = help_of(thing);
	set_family(out, prefix, thing);
}
