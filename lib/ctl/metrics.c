// SPDX-License-Identifier: GPL-2.0-or-later
#include "ctl/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A family's samples stand together, whatever order the daemon answers in: all are kept, then sorted. */
struct sample {
	char family[MN_METRIC_NAME];
	char *labels;
	const char *unit, *help;
	enum mn_metric_type type;
	unsigned int divisor;
	uint64_t value;
	size_t number; /* order of arrival, for equal families */
};

struct samples {
	struct sample *list;
	size_t n, room;
};

static int add(struct samples *s, const struct mn_metric *m, uint64_t value)
{
	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 256;
		struct sample *list = reallocarray(s->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		s->list = list;
		s->room = room;
	}
	s->list[s->n] = (struct sample){ .labels = strdup(m->labels),
					 .unit = m->unit,
					 .help = m->help,
					 .type = m->type,
					 .divisor = m->divisor,
					 .value = value,
					 .number = s->n };
	if (!s->list[s->n].labels)
		return -ENOMEM;
	memcpy(s->list[s->n].family, m->family, sizeof(m->family));
	s->n++;
	return 0;
}

static void samples_fini(struct samples *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->list[i].labels);
	free(s->list);
}

static int add_gauge(struct samples *s, struct mn_metric *m, const char *family, const char *help,
		     uint64_t value)
{
	m->type = MN_METRIC_GAUGE;
	m->help = help;
	m->divisor = m->divisor ? m->divisor : 1;
	snprintf(m->family, sizeof(m->family), "%s", family);
	return add(s, m, value);
}

static int on_stat(void *arg, enum mncse_cmd cmd, struct nlattr **attrs)
{
	struct mn_metric m;

	if (cmd != MNCSE_CMD_STAT || !attrs[MNCSE_A_NAME] || !attrs[MNCSE_A_VALUE])
		return 0;
	mn_metric_of_stat(nla_get_string(attrs[MNCSE_A_NAME]), &m);
	return add(arg, &m, nla_get_u64(attrs[MNCSE_A_VALUE]));
}

static const char *text_of(struct nlattr **attrs, int a)
{
	return attrs[a] ? nla_get_string(attrs[a]) : "";
}

static int on_status(void *arg, enum mncse_cmd cmd, struct nlattr **attrs)
{
	struct mn_metric info = { .family = "mncse_build",
				  .type = MN_METRIC_INFO,
				  .help = "The daemon",
				  .divisor = 1 },
			 m = { 0 }, uptime = { .unit = "seconds", .divisor = 1000 };
	int rc;

	if (cmd != MNCSE_CMD_STATUS)
		return 0;
	mn_metric_label(&info, "role", text_of(attrs, MNCSE_A_ROLE));
	mn_metric_label(&info, "name", text_of(attrs, MNCSE_A_NAME));
	mn_metric_label(&info, "version", text_of(attrs, MNCSE_A_VERSION));
	rc = add(arg, &info, 1);
	if (!rc && attrs[MNCSE_A_UPTIME_MS])
		rc = add_gauge(arg, &uptime, "mncse_uptime_seconds", "Since the start",
			       nla_get_u64(attrs[MNCSE_A_UPTIME_MS]));
	if (!rc && attrs[MNCSE_A_DEVICES])
		rc = add_gauge(arg, &m, "mncse_devices", "Devices of the store",
			       nla_get_u64(attrs[MNCSE_A_DEVICES]));
	if (!rc && attrs[MNCSE_A_UPSTREAM])
		rc = add_gauge(arg, &m, "mncse_upstream_up", "1: there is a session to the IN",
			       !strcmp(text_of(attrs, MNCSE_A_UPSTREAM), "up"));
	return rc;
}

static int on_layer(void *arg, enum mncse_cmd cmd, struct nlattr **attrs)
{
	struct mn_metric m = { 0 };

	if (cmd != MNCSE_CMD_LAYERS || !attrs[MNCSE_A_LAYER] || !attrs[MNCSE_A_ACTIVE])
		return 0;
	mn_metric_label(&m, "layer", text_of(attrs, MNCSE_A_LAYER));
	return add_gauge(arg, &m, "mncse_layer_active", "1: the layer is active",
			 nla_get_u8(attrs[MNCSE_A_ACTIVE]));
}

static int on_group(void *arg, enum mncse_cmd cmd, struct nlattr **attrs)
{
	static const struct {
		int attr;
		const char *family, *help;
	} gauges[] = {
		{ MNCSE_A_MEMBERS, "mncse_group_members", "Devices of the group" },
		{ MNCSE_A_CONNECTED, "mncse_group_connected", "Those with a session" },
		{ MNCSE_A_CONFIRMED, "mncse_group_confirmed", "Those that took the Rand" },
		{ MNCSE_A_AUTHENTICATED, "mncse_group_authenticated",
		  "Those that were authenticated under the Rand" },
	};
	struct mn_metric m = { 0 };
	int rc = 0;

	if (cmd != MNCSE_CMD_GROUP)
		return 0;
	mn_metric_label(&m, "group", text_of(attrs, MNCSE_A_GROUP));
	mn_metric_label(&m, "gateway", text_of(attrs, MNCSE_A_GATEWAY));
	for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]) && !rc; i++)
		if (attrs[gauges[i].attr])
			rc = add_gauge(arg, &m, gauges[i].family, gauges[i].help,
				       nla_get_u64(attrs[gauges[i].attr]));
	if (!rc && attrs[MNCSE_A_GENERATION])
		rc = add_gauge(arg, &m, "mncse_group_generation", "Generation of the group's Rand",
			       nla_get_u32(attrs[MNCSE_A_GENERATION]));
	return rc;
}

static int compare(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	int order = strcmp(x->family, y->family);

	return order ? order : x->number < y->number ? -1 : x->number > y->number;
}

static void write_head(FILE *f, const struct sample *m)
{
	static const char *const types[] = {
		[MN_METRIC_COUNTER] = "counter",
		[MN_METRIC_GAUGE] = "gauge",
		[MN_METRIC_INFO] = "info",
	};

	fprintf(f, "# TYPE %s %s\n", m->family, types[m->type]);
	if (m->unit)
		fprintf(f, "# UNIT %s %s\n", m->family, m->unit);
	fprintf(f, "# HELP %s %s.\n", m->family, m->help);
}

static void write_sample(FILE *f, const struct sample *m)
{
	static const char *const suffixes[] = {
		[MN_METRIC_COUNTER] = "_total",
		[MN_METRIC_GAUGE] = "",
		[MN_METRIC_INFO] = "_info",
	};
	bool labels = m->labels[0];

	fprintf(f, "%s%s%s%s%s %" PRIu64, m->family, suffixes[m->type], labels ? "{" : "",
		m->labels, labels ? "}" : "", m->value / m->divisor);
	if (m->divisor > 1)
		fprintf(f, ".%0*" PRIu64, m->divisor == 1000 ? 3 : 6, m->value % m->divisor);
	fputc('\n', f);
}

static int ask(struct mn_ctl_client *c, enum mncse_cmd cmd, bool dump, mn_ctl_answer_fn *fn,
	       struct samples *s, char err[256])
{
	struct nl_msg *msg = mn_ctl_request_new(cmd, dump);
	int rc;

	if (!msg) {
		snprintf(err, 256, "not enough memory");
		return -ENOMEM;
	}
	rc = mn_ctl_call(c, msg, fn, s, err);
	return rc == -EOPNOTSUPP ? 0 : rc; /* a daemon without layers or groups */
}

int mn_metrics_write(struct mn_ctl_client *c, FILE *f, char err[256])
{
	__attribute__((cleanup(samples_fini))) struct samples s = { 0 };
	int rc = ask(c, MNCSE_CMD_STATUS_GET, false, on_status, &s, err);

	if (!rc)
		rc = ask(c, MNCSE_CMD_LAYERS_GET, true, on_layer, &s, err);
	if (!rc)
		rc = ask(c, MNCSE_CMD_GROUP_GET, true, on_group, &s, err);
	if (!rc)
		rc = ask(c, MNCSE_CMD_STATS_GET, true, on_stat, &s, err);
	if (rc)
		return rc;
	if (s.n)
		qsort(s.list, s.n, sizeof(*s.list), compare);
	for (size_t i = 0; i < s.n; i++) {
		if (i == 0 || strcmp(s.list[i - 1].family, s.list[i].family))
			write_head(f, &s.list[i]);
		write_sample(f, &s.list[i]);
	}
	fputs("# EOF\n", f);
	return ferror(f) ? -EIO : 0;
}
