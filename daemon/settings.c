// SPDX-License-Identifier: GPL-2.0-or-later
#include "settings.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crew.h"
#include "proxy.h"
#include "steer.h"

#define FIELD(member) \
	offsetof(struct mnd_settings, member), sizeof(((struct mnd_settings *)0)->member)

static const char *check_address(const char *text)
{
	union mn_addr a;

	return mn_addr_parse(text, 5684, &a) ?
		       "an address such as 192.0.2.1:5684 or [2001:db8::1]:5684" :
		       NULL;
}

/* Whoever may use loopback may ask; nobody else. */
static const char *check_loopback(const char *text)
{
	union mn_addr a;

	if (!*text)
		return NULL;
	if (!mn_addr_parse(text, 0, &a) &&
	    (a.sa.sa_family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&a.in6.sin6_addr) :
					  ntohl(a.in.sin_addr.s_addr) >> 24 == 127))
		return NULL;
	return "an address and port of loopback such as 127.0.0.1:9464 or [::1]:9464";
}

static const char *check_id(const char *text)
{
	char id[MN_ENTITY_MAX + 1];
	size_t len;
	int err = mn_entity_normalise(text, strlen(text), id, &len);

	if (err)
		return mn_identity_strerror(err);
	return len > MN_GATEWAY_ID_MAX ? "an entity ID of at most 128 bytes" : NULL;
}

static const char *check_group(const char *text)
{
	char id[MN_ENTITY_MAX + 1];
	size_t len;
	int err = mn_entity_normalise(text, strlen(text), id, &len);

	if (err)
		return mn_identity_strerror(err);
	return len > MN_GROUP_MAX ? "a group name of at most 64 bytes" : NULL;
}

static const char *check_prefix(const char *text)
{
	struct mnd_prefix p;

	return mnd_prefix_parse(text, &p) ? "a prefix as 198.18.7.0/24 or 2001:db8::/32" : NULL;
}

static const struct mn_config_key keys[] = {
	{ "gateway_id", MN_CONFIG_STRING, FIELD(gateway_id), 1, MN_GATEWAY_ID_MAX, NULL, true, NULL,
	  "entity ID of this gateway; it is the psk_identity_hint that devices see", check_id },
	{ "store", MN_CONFIG_PATH, FIELD(store), 1, PATH_MAX - 1, NULL, true, NULL,
	  "credential store, made by mncse-keys", NULL },
	{ "listen", MN_CONFIG_STRINGS, FIELD(listen), 0, MND_LISTEN_MAX, NULL, true, NULL,
	  "addresses and UDP ports that devices connect to", check_address },
	{ "upstream.address", MN_CONFIG_STRING, FIELD(upstream_address), 1, MN_ADDR_TEXT - 1, NULL,
	  true, NULL, "address and UDP port of the IN", check_address },
	{ "upstream.in_id", MN_CONFIG_STRING, FIELD(in_id), 1, MN_GATEWAY_ID_MAX, NULL, true, NULL,
	  "entity ID of the IN; its psk_identity_hint must be the same", check_id },
	{ "proxy.listen", MN_CONFIG_STRINGS, FIELD(proxy_listen), 0, MND_PROXY_LISTEN_MAX, NULL,
	  false, NULL, "addresses and UDP ports whose datagrams are relayed to the IN unopened",
	  check_address },
	{ "proxy.sources", MN_CONFIG_STRINGS, FIELD(proxy_sources), 0, MND_PROXY_PREFIXES, NULL,
	  false, NULL, "prefixes of devices that are relayed so on the ordinary listeners",
	  check_prefix },
	{ "groups", MN_CONFIG_STRINGS, FIELD(groups), 0, 65536, NULL, false, NULL,
	  "groups to serve; empty: every group that has a device in the store", check_group },
	{ "workers", MN_CONFIG_UINT, FIELD(workers), 0, MND_WORKERS_MAX, NULL, false, "0",
	  "threads that serve devices; 0: one a processor", NULL },
	{ "dhe", MN_CONFIG_BOOL, FIELD(dhe), 0, 0, NULL, false, "false",
	  "prefer DHE_PSK (forward secrecy; about 100 times the work a handshake)", NULL },
	{ "limits.half_open", MN_CONFIG_UINT, FIELD(half_open), 1, 1048576, NULL, false, "4096",
	  "unfinished handshakes at once; three quarters of it from one address", NULL },
	{ "limits.half_open_s", MN_CONFIG_UINT, FIELD(half_open_s), 1, MND_HALF_OPEN_S_MAX, NULL,
	  false, "30", "seconds after which an unfinished handshake ends", NULL },
	{ "limits.idle_s", MN_CONFIG_UINT, FIELD(idle_s), 1, 604800, NULL, false, "600",
	  "seconds without a record from the device after which its session ends", NULL },
	{ "limits.rate", MN_CONFIG_UINT, FIELD(rate), 0, 1000000, NULL, false, "0",
	  "service requests a second a device; 0: no limit", NULL },
	{ "limits.coap_max", MN_CONFIG_UINT, FIELD(coap_max), 128, MND_COAP_MAX, NULL, false,
	  "1152", "largest CoAP message on the outer hop, in bytes", NULL },
	{ "limits.pending", MN_CONFIG_UINT, FIELD(pending), 1, MND_PENDING_MAX, NULL, false, "1024",
	  "service requests that the IN has not answered; more wait", NULL },
	{ "bpf.mode", MN_CONFIG_CHOICE, FIELD(bpf_mode), 0, 0, "auto|on|off", false, "auto",
	  "BPF programs before and behind the sockets; on: not without them", NULL },
	{ "bpf.interfaces", MN_CONFIG_STRINGS, FIELD(bpf_interfaces), 0, 16, NULL, false, NULL,
	  "where they are attached; empty: where listen's addresses and the route to the IN are",
	  NULL },
	{ "bpf.xdp", MN_CONFIG_CHOICE, FIELD(bpf_xdp), 0, 0, "auto|native|generic", false, "auto",
	  "how the guard is attached; auto: native where the driver has it", NULL },
	{ "bpf.pins", MN_CONFIG_PATH, FIELD(bpf_pins), 1, PATH_MAX - 1, NULL, false, MND_STEER_PINS,
	  "folder on a BPF file system", NULL },
	{ "bpf.sessions", MN_CONFIG_UINT, FIELD(bpf_sessions), 0, 4194304, NULL, false, "0",
	  "size of the session map; 0: twice the devices that there are", NULL },
	{ "bpf.hellos", MN_CONFIG_UINT, FIELD(bpf_hellos), 0, 10000000, NULL, false, "50000",
	  "ClientHellos a second from one prefix; 0: no limit", NULL },
	{ "bpf.prefix4", MN_CONFIG_UINT, FIELD(bpf_prefix4), 1, 32, NULL, false, "24",
	  "length of such a prefix, IPv4", NULL },
	{ "bpf.prefix6", MN_CONFIG_UINT, FIELD(bpf_prefix6), 1, 64, NULL, false, "56",
	  "length of such a prefix, IPv6", NULL },
	{ "bpf.dscp_handshake", MN_CONFIG_UINT, FIELD(bpf_dscp_handshake), 0, 63, NULL, false, "34",
	  "DSCP of handshakes on the way out; 0: left alone", NULL },
	{ "bpf.dscp_rand", MN_CONFIG_UINT, FIELD(bpf_dscp_rand), 0, 63, NULL, false, "34",
	  "DSCP of Rand on the way out; 0: left alone", NULL },
	{ "bpf.dscp_bulk", MN_CONFIG_UINT, FIELD(bpf_dscp_bulk), 0, 63, NULL, false, "0",
	  "DSCP of service requests and answers on the way out; 0: left alone", NULL },
	{ "control", MN_CONFIG_PATH, FIELD(control), 1, 107, NULL, false, "/run/mncse/mncsed.sock",
	  "control socket for mncsectl", NULL },
	{ "metrics", MN_CONFIG_STRING, FIELD(metrics), 0, MN_ADDR_TEXT - 1, NULL, false, "",
	  "address and TCP port of loopback for HTTP: /metrics and /health; empty: none",
	  check_loopback },
	{ "log", MN_CONFIG_CHOICE, FIELD(log), 0, 0, "error|warn|info|debug", false, "info",
	  "what is logged", NULL },
};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

/* In place: NFKC of a text that the table's check has passed. */
static void normalise(char *text, size_t size)
{
	char id[MN_ENTITY_MAX + 1];
	size_t len;

	if (!mn_entity_normalise(text, strlen(text), id, &len) && len < size)
		memcpy(text, id, len + 1);
}

static int normalise_groups(struct mn_config_strings *groups)
{
	for (size_t i = 0; i < groups->n; i++) {
		char id[MN_ENTITY_MAX + 1];
		size_t len;
		char *copy;

		if (mn_entity_normalise(groups->items[i], strlen(groups->items[i]), id, &len))
			continue;
		copy = strdup(id);
		if (!copy)
			return -ENOMEM;
		free(groups->items[i]);
		groups->items[i] = copy;
	}
	return 0;
}

int mnd_settings_read(const char *path, struct mnd_settings *out, char err[512])
{
	int rc = mn_config_read(path, keys, KEYS, out, sizeof(*out), err);

	if (rc)
		return rc;
	if (!out->listen.n && !out->proxy_listen.n) {
		snprintf(err, 512,
			 "%s:1: listen: expected an address, here or in proxy.listen, found none",
			 path);
		mnd_settings_free(out);
		return -EINVAL;
	}
	normalise(out->gateway_id, sizeof(out->gateway_id));
	normalise(out->in_id, sizeof(out->in_id));
	rc = normalise_groups(&out->groups);
	if (rc) {
		snprintf(err, 512, "%s: out of memory", path);
		mnd_settings_free(out);
	}
	return rc;
}

void mnd_settings_free(struct mnd_settings *s)
{
	mn_config_free(keys, KEYS, s);
	memset(s, 0, sizeof(*s));
}

void mnd_settings_share(struct mnd_settings *to, const struct mnd_settings *from)
{
	const struct mn_config_strings none = { 0 };

	*to = *from;
	to->listen = to->groups = to->proxy_listen = to->proxy_sources = none;
	to->bpf_interfaces = none;
}

void mnd_settings_print(FILE *f, const struct mnd_settings *s)
{
	mn_config_print(f, keys, KEYS, s, false);
}

static bool same_strings(const struct mn_config_strings *a, const struct mn_config_strings *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->items[i], b->items[i]))
			return false;
	return true;
}

const char *mnd_settings_fixed(const struct mnd_settings *now, const struct mnd_settings *next)
{
	if (strcmp(now->gateway_id, next->gateway_id))
		return "gateway_id";
	if (strcmp(now->store, next->store))
		return "store";
	if (!same_strings(&now->listen, &next->listen))
		return "listen";
	if (!same_strings(&now->proxy_listen, &next->proxy_listen) ||
	    !same_strings(&now->proxy_sources, &next->proxy_sources))
		return "proxy";
	if (now->bpf_mode != next->bpf_mode || now->bpf_xdp != next->bpf_xdp ||
	    !same_strings(&now->bpf_interfaces, &next->bpf_interfaces) ||
	    strcmp(now->bpf_pins, next->bpf_pins) || now->bpf_sessions != next->bpf_sessions ||
	    now->bpf_hellos != next->bpf_hellos || now->bpf_prefix4 != next->bpf_prefix4 ||
	    now->bpf_prefix6 != next->bpf_prefix6 ||
	    now->bpf_dscp_handshake != next->bpf_dscp_handshake ||
	    now->bpf_dscp_rand != next->bpf_dscp_rand || now->bpf_dscp_bulk != next->bpf_dscp_bulk)
		return "bpf";
	if (now->workers != next->workers)
		return "workers";
	if (strcmp(now->control, next->control))
		return "control";
	if (strcmp(now->metrics, next->metrics))
		return "metrics";
	return NULL;
}
