// SPDX-License-Identifier: GPL-2.0-or-later
/* Names: of events for output, of cipher suites for options, of gateways for the resolver. */
#include "agent.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *mnt_event_name(enum mnt_event_type t)
{
	switch (t) {
	case MNT_EVENT_CONNECTING:
		return "connecting";
	case MNT_EVENT_OPENED:
		return "opened";
	case MNT_EVENT_CLOSED:
		return "closed";
	case MNT_EVENT_RAND:
		return "rand";
	case MNT_EVENT_RAND_REFUSED:
		return "rand_refused";
	case MNT_EVENT_RAND_NONE:
		return "rand_none";
	case MNT_EVENT_CONTEXT:
		return "context";
	case MNT_EVENT_SENT:
		return "sent";
	case MNT_EVENT_ACKED:
		return "acked";
	case MNT_EVENT_UNPROTECTED:
		return "unprotected";
	case MNT_EVENT_UNVERIFIED:
		return "unverified";
	case MNT_EVENT_TIMEOUT:
		return "timeout";
	case MNT_EVENT_RETRY:
		return "retry";
	case MNT_EVENT_DONE:
		return "done";
	case MNT_EVENT_GOT:
		return "got";
	}
	return "?";
}

const char *mnt_result_name(enum mnt_result r)
{
	switch (r) {
	case MNT_RESULT_VERIFIED:
		return "verified";
	case MNT_RESULT_REFUSED:
		return "refused";
	case MNT_RESULT_UNVERIFIED:
		return "unverified";
	case MNT_RESULT_SILENT:
		return "silent";
	case MNT_RESULT_FAILED:
		return "failed";
	}
	return "?";
}

const char *mnt_retry_name(enum mnt_retry r)
{
	switch (r) {
	case MNT_RETRY_SAME:
		return "same_bytes";
	case MNT_RETRY_PROTECT:
		return "protect";
	case MNT_RETRY_CONTEXT:
		return "fresh_context";
	case MNT_RETRY_CONFIRMED:
		return "confirmed_context";
	case MNT_RETRY_RAND:
		return "next_rand";
	}
	return "?";
}

static uint16_t suite_of(const char *name, size_t len)
{
	static const struct {
		const char *name;
		enum mn_suite suite;
	} names[] = {
		{ "gcm", MN_SUITE_PSK_AES_128_GCM },
		{ "ccm8", MN_SUITE_PSK_AES_128_CCM_8 },
		{ "cbc", MN_SUITE_PSK_AES_128_CBC },
		{ "dhe", MN_SUITE_DHE_PSK_AES_128_GCM },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i].name) == len && !memcmp(names[i].name, name, len))
			return (uint16_t)names[i].suite;
	return 0;
}

int mnt_suites_parse(const char *text, uint16_t out[MNT_SUITES_MAX + 1])
{
	size_t n = 0, len;

	for (;; text += len + 1) {
		len = strcspn(text, ",");
		if (n == MNT_SUITES_MAX || !(out[n] = suite_of(text, len)))
			return -EINVAL;
		for (size_t i = 0; i < n; i++)
			if (out[i] == out[n])
				return -EINVAL;
		out[++n] = 0;
		if (!text[len])
			return 0;
	}
}

/* Splits "HOST:PORT"; an address with several colons and no brackets is an IPv6 address without port. */
static int split(const char *text, char host[256], char port[8])
{
	const char *colon = strrchr(text, ':');
	size_t len = strlen(text);

	strcpy(port, "5684");
	if (text[0] == '[') {
		const char *end = strchr(text, ']');

		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		colon = end[1] ? end + 1 : NULL;
		text++;
		len = (size_t)(end - text);
	} else if (colon && strchr(text, ':') == colon) {
		len = (size_t)(colon - text);
	} else {
		colon = NULL;
	}
	if (!len || len > 255 || (colon && (!colon[1] || strlen(colon + 1) > 5)))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (colon)
		strcpy(port, colon + 1);
	/* getaddrinfo takes the low 16 bits of anything */
	return port[strspn(port, "0123456789")] || atoi(port) < 1 || atoi(port) > 65535 ? -EINVAL :
											  0;
}

int mnt_agent_resolve(const char *text, union mn_addr *out, char err[128])
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_NUMERICSERV,
	};
	struct addrinfo *list;
	char host[256], port[8];
	int rc;

	if (split(text, host, port)) {
		snprintf(err, 128, "%.60s: expected HOST:PORT or [IPv6]:PORT", text);
		return -EINVAL;
	}
	rc = getaddrinfo(host, port, &hints, &list);
	if (rc) {
		snprintf(err, 128, "%.60s: %s", text, gai_strerror(rc));
		return -EINVAL;
	}
	memset(out, 0, sizeof(*out));
	memcpy(out, list->ai_addr,
	       list->ai_addrlen < sizeof(*out) ? list->ai_addrlen : sizeof(*out));
	freeaddrinfo(list);
	return 0;
}
