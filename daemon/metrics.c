// SPDX-License-Identifier: GPL-2.0-or-later
#include "metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_MICROHTTPD
#include <microhttpd.h>

#include "ctl/metrics.h"
#include "loop/loop.h"

enum {
	CONNECTIONS = 16,
	IDLE_S = 10,
	ASK_MS = 2000, /* for each message of the control socket */
};

struct mnd_metrics {
	struct MHD_Daemon *http;
	char control[108];
};

static enum MHD_Result respond(struct MHD_Connection *c, unsigned int status, const char *type,
			       char *text, size_t len)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	result = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result say(struct MHD_Connection *c, unsigned int status, const char *what)
{
	char text[300];
	int len = snprintf(text, sizeof(text), "%s\n", what);

	return respond(c, status, "text/plain; charset=utf-8", text, (size_t)len);
}

static enum MHD_Result metrics(struct mn_ctl_client *client, struct MHD_Connection *c)
{
	char *text = NULL, err[256] = "";
	enum MHD_Result result;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int rc;

	if (!f)
		return MHD_NO;
	rc = mn_metrics_write(client, f, err);
	if (fclose(f) && !rc)
		rc = -ENOMEM;
	if (rc)
		result = say(c, MHD_HTTP_SERVICE_UNAVAILABLE, err[0] ? err : strerror(-rc));
	else
		result = respond(c, MHD_HTTP_OK, MN_METRICS_TYPE, text, len);
	free(text);
	return result;
}

static int on_status(void *arg, enum mncse_cmd cmd, struct nlattr **attrs)
{
	char *upstream = arg;

	if (cmd == MNCSE_CMD_STATUS && attrs[MNCSE_A_UPSTREAM])
		snprintf(upstream, 32, "%s", nla_get_string(attrs[MNCSE_A_UPSTREAM]));
	return 0;
}

static enum MHD_Result health(struct mn_ctl_client *client, struct MHD_Connection *c)
{
	char upstream[32] = "", text[64], err[256] = "";
	int rc = mn_ctl_call(client, mn_ctl_request_new(MNCSE_CMD_STATUS_GET, false), on_status,
			     upstream, err);

	if (rc)
		return say(c, MHD_HTTP_SERVICE_UNAVAILABLE, err[0] ? err : strerror(-rc));
	if (!strcmp(upstream, "up"))
		return say(c, MHD_HTTP_OK, "ok");
	snprintf(text, sizeof(text), "the session to the IN is %s", upstream);
	return say(c, MHD_HTTP_SERVICE_UNAVAILABLE, text);
}

static enum MHD_Result request(void *arg, struct MHD_Connection *c, const char *url,
			       const char *method, const char *version, const char *upload,
			       size_t *upload_size, void **state)
{
	static int seen;
	struct mnd_metrics *m = arg;
	struct mn_ctl_client *client;
	enum MHD_Result result;
	bool is_metrics = !strcmp(url, "/metrics");
	char err[256];

	(void)version;
	(void)upload;
	/* The first call has the header only; what a request carries is read and left. */
	if (!*state || *upload_size) {
		*state = &seen;
		*upload_size = 0;
		return MHD_YES;
	}
	if (!is_metrics && strcmp(url, "/health") != 0)
		return say(c, MHD_HTTP_NOT_FOUND, "there are /metrics and /health");
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return say(c, MHD_HTTP_METHOD_NOT_ALLOWED, "GET or HEAD");
	if (mn_ctl_connect(m->control, ASK_MS, &client, err))
		return say(c, MHD_HTTP_SERVICE_UNAVAILABLE, err);
	result = is_metrics ? metrics(client, c) : health(client, c);
	mn_ctl_disconnect(client);
	return result;
}

int mnd_metrics_new(const char *address, const char *control, struct mnd_metrics **out,
		    char err[256])
{
	struct mnd_metrics *m;
	union mn_addr a;

	*out = NULL;
	if (!address[0])
		return 0;
	m = calloc(1, sizeof(*m));
	if (!m || mn_addr_parse(address, 0, &a)) {
		free(m);
		snprintf(err, 256, "metrics: %s: not enough memory, or no address", address);
		return -ENOMEM;
	}
	snprintf(m->control, sizeof(m->control), "%s", control);
	m->http = MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | (a.sa.sa_family == AF_INET6 ? MHD_USE_IPv6 : 0),
		0, NULL, NULL, request, m, MHD_OPTION_SOCK_ADDR, &a.sa, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_S,
		MHD_OPTION_END);
	if (!m->http) {
		snprintf(err, 256, "metrics: %s: %s", address, strerror(errno));
		free(m);
		return -EADDRINUSE;
	}
	*out = m;
	return 0;
}

void mnd_metrics_free(struct mnd_metrics *m)
{
	if (!m)
		return;
	MHD_stop_daemon(m->http);
	free(m);
}
#else
int mnd_metrics_new(const char *address, const char *control, struct mnd_metrics **out,
		    char err[256])
{
	(void)control;
	*out = NULL;
	if (!address[0])
		return 0;
	snprintf(err, 256, "metrics: this mncsed was built without libmicrohttpd");
	return -ENOSYS;
}

void mnd_metrics_free(struct mnd_metrics *m)
{
	(void)m;
}
#endif
