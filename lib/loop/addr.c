// SPDX-License-Identifier: GPL-2.0-or-later
#include "loop/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

socklen_t mn_addr_len(const union mn_addr *a)
{
	return a->sa.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in);
}

const char *mn_addr_text(const union mn_addr *a, char out[MN_ADDR_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "?";

	if (a->sa.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &a->in6.sin6_addr, host, sizeof(host));
		snprintf(out, MN_ADDR_TEXT, "[%s]:%u", host, ntohs(a->in6.sin6_port));
	} else {
		inet_ntop(AF_INET, &a->in.sin_addr, host, sizeof(host));
		snprintf(out, MN_ADDR_TEXT, "%s:%u", host, ntohs(a->in.sin_port));
	}
	return out;
}

static int parse_port(const char *text, uint16_t *out)
{
	unsigned long v = 0;

	if (!*text || strlen(text) > 5)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		v = v * 10 + (unsigned long)(*text - '0');
	}
	if (v > UINT16_MAX)
		return -EINVAL;
	*out = (uint16_t)v;
	return 0;
}

int mn_addr_parse(const char *text, uint16_t default_port, union mn_addr *out)
{
	union mn_addr a = { 0 };
	char host[INET6_ADDRSTRLEN];
	uint16_t port = default_port;
	const char *start = text, *end, *colon;

	if (*text == '[') {
		start++;
		end = strchr(start, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		colon = end[1] ? end + 1 : NULL;
		a.sa.sa_family = AF_INET6;
	} else {
		colon = strchr(text, ':');
		if (colon && strchr(colon + 1, ':'))
			colon = NULL; /* a bare IPv6 address */
		end = colon ? colon : text + strlen(text);
		a.sa.sa_family = memchr(start, ':', (size_t)(end - start)) ? AF_INET6 : AF_INET;
	}
	if ((size_t)(end - start) >= sizeof(host))
		return -EINVAL;
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = 0;
	if (colon ? parse_port(colon + 1, &port) : !default_port)
		return -EINVAL;
	if (a.sa.sa_family == AF_INET6) {
		a.in6.sin6_port = htons(port);
		if (inet_pton(AF_INET6, host, &a.in6.sin6_addr) != 1)
			return -EINVAL;
	} else {
		a.in.sin_port = htons(port);
		if (inet_pton(AF_INET, host, &a.in.sin_addr) != 1)
			return -EINVAL;
	}
	*out = a;
	return 0;
}

bool mn_addr_equal(const union mn_addr *a, const union mn_addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET6)
		return a->in6.sin6_port == b->in6.sin6_port &&
		       a->in6.sin6_scope_id == b->in6.sin6_scope_id &&
		       !memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 16);
	return a->in.sin_port == b->in.sin_port && a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
}
