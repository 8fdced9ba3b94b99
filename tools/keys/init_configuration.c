// SPDX-License-Identifier: GPL-2.0-or-later
#include "init.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "log.h"

/* A double-quoted YAML scalar. IDs have no control characters; what else YAML would take for a line break or leave out is
 * escaped. */
static void put_quoted(FILE *f, const char *text)
{
	static const struct {
		const char *utf8;
		const char *escape;
	} special[] = {
		{ "\"", "\\\"" },
		{ "\\", "\\\\" },
		{ "\xe2\x80\xa8", "\\L" },
		{ "\xe2\x80\xa9", "\\P" },
		{ "\xef\xbb\xbf", "\\uFEFF" },
	};
	const size_t n = sizeof(special) / sizeof(special[0]);

	putc('"', f);
	while (*text) {
		size_t i = 0;

		while (i < n && strncmp(text, special[i].utf8, strlen(special[i].utf8)))
			i++;
		if (i < n) {
			fputs(special[i].escape, f);
			text += strlen(special[i].utf8);
		} else {
			putc(*text++, f);
		}
	}
	putc('"', f);
}

/* Where devices come in. In proxy mode nobody authenticates to the gateway. */
static void write_listeners(FILE *f, const struct mnt_init *a)
{
	if (a->proxy)
		fprintf(f,
			"# Where devices come in that authenticate to the gateway: nowhere.\n"
			"listen: []\n\n"
			"# Devices that authenticate to the IN itself; their datagrams are relayed unopened. listen: addresses for them alone.\n"
			"# sources: prefixes (\"192.0.2.0/24\") at the addresses above.\n"
			"proxy: {listen: [\"%s\"], sources: []}\n\n",
			a->gateway_addr);
	else
		fprintf(f, "# Where devices come in: DTLS over UDP.\nlisten: [\"%s\"]\n\n",
			a->gateway_addr);
}

static void write_gateway(FILE *f, const struct mnt_init *a)
{
	fputs("# Configuration of the gateway (mncsed). Paths are relative to this file.\n\n"
	      "# Entity ID of this MN-CSE, as the store has it; devices get it as psk_identity_hint.\n"
	      "gateway_id: ",
	      f);
	put_quoted(f, a->gateway_id);
	fputs("\n\n# Credentials of devices and of the outer hop (mncse-keys list --store gateway.db).\n"
	      "store: gateway.db\n\n",
	      f);
	write_listeners(f, a);
	fprintf(f,
		"# The IN.\n"
		"upstream: {address: \"%s\", in_id: ",
		a->in_addr);
	put_quoted(f, a->in_id);
	fputs("}\n\n"
	      "# Groups to serve; empty: every group that has a device in the store.\n"
	      "groups: []\n\n"
	      "# Offer DHE-PSK first: forward secrecy, at a hundred times the work a handshake.\n"
	      "dhe: false\n\n"
	      "# half_open: unfinished handshakes at once; they end after half_open_s seconds.\n"
	      "# idle_s: a session without a message ends.  rate: service requests a second a device, 0: no limit.\n"
	      "# coap_max: bytes of a message to the IN.  pending: requests that wait for the IN.\n"
	      "limits: {half_open: 4096, half_open_s: 30, idle_s: 600, rate: 0, coap_max: 1152, pending: 1024}\n\n"
	      "# Control socket, for mncsectl.\n"
	      "control: mncsed.sock\n\n"
	      "# error, warn, info or debug.\n"
	      "log: info\n",
	      f);
}

static void write_in(FILE *f, const struct mnt_init *a)
{
	fputs("# Configuration of the IN (incsed). Paths are relative to this file.\n\n"
	      "# Entity ID of this IN-CSE, as the store has it; gateways get it as psk_identity_hint.\n"
	      "in_id: ",
	      f);
	put_quoted(f, a->in_id);
	fprintf(f,
		"\n\n# Credentials of gateways and devices (mncse-keys list --store in.db).\n"
		"store: in.db\n\n"
		"# Where gateways come in%s: DTLS over UDP.\n"
		"listen: [\"%s\"]\n\n"
		"# Take DHE-PSK from gateways that offer it: forward secrecy.\n"
		"dhe: false\n\n"
		"# How long the generation before the current one is accepted, in seconds.\n"
		"grace_s: 60\n\n"
		"# Seconds between two Rands of a group.\n"
		"rotate_s: 86400\n\n"
		"# Containers to have at start; every device of the groups may CREATE and RETRIEVE in them.\n"
		"containers: [\"in-cse/cnt\"]\n\n"
		"# Control socket, for mncsectl.\n"
		"control: incsed.sock\n\n"
		"# error, warn, info or debug.\n"
		"log: info\n",
		a->proxy ? ", and devices through their relay" : "", a->in_addr);
}

static int write_file(const struct mnt_init *a, const char *folder, const char *name,
		      void (*write)(FILE *f, const struct mnt_init *a))
{
	__attribute__((cleanup(mnt_file_fini))) struct mnt_file file = { 0 };
	char path[PATH_MAX];
	int err;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	err = mnt_file_new(&file, path);
	if (err)
		return err;
	write(file.f, a);
	return mnt_file_commit(&file);
}

int mnt_init_configuration(const struct mnt_init *a, const char *folder)
{
	int err = write_file(a, folder, "mncsed.yaml", write_gateway);

	return err ? err : write_file(a, folder, "incsed.yaml", write_in);
}
