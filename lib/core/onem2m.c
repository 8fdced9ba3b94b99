// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/onem2m.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#define SEGMENT_MAX 255 /* of Uri-Path, RFC 7252 5.10 */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Option numbers. TY and RVI are common to both numberings. */
enum { OPT_OT = 259, OPT_TY = 267, OPT_RVI = 271, OPT_EC = 303, OPT_VSI = 331 };

struct numbers {
	uint16_t fr;
	uint16_t rqi;
	uint16_t rsc;
	const uint16_t *own; /* numbers that only this numbering has */
	size_t own_len;
};

static const uint16_t own_v3_9[] = { 279, 283, 291, 295, 299,     OPT_EC, 307,
				     311, 319, 323, 327, OPT_VSI, 335,    339 };
static const uint16_t own_before[] = { 256, 257, 260, 261, 262, 264, 265,
				       266, 268, 269, 270, 272, 273, 274 };

static const struct numbers numbers[] = {
	[MN_NUMBERS_TS0008_V3_9] = { 279, 283, 307, own_v3_9, COUNT(own_v3_9) },
	[MN_NUMBERS_BEFORE_2022] = { 256, 257, 265, own_before, COUNT(own_before) },
};

static enum mn_onem2m_numbering other(enum mn_onem2m_numbering n)
{
	return n == MN_NUMBERS_TS0008_V3_9 ? MN_NUMBERS_BEFORE_2022 : MN_NUMBERS_TS0008_V3_9;
}

/* UTF-8 without control characters. */
static bool is_text(const void *text, size_t len)
{
	const utf8proc_uint8_t *p = text;
	utf8proc_int32_t c;

	while (len && *p >= 0x20 && *p < 0x7f) {
		p++;
		len--;
	}
	while (len) {
		utf8proc_ssize_t n = utf8proc_iterate(p, (utf8proc_ssize_t)len, &c);

		if (n <= 0 || c < 0x20 || (c >= 0x7f && c < 0xa0))
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

/* A string option of 1..max bytes into out (max + 1). -ENOENT absent, -EBADMSG. */
static int take_text(const struct mn_coap_option *o, char *out, size_t max)
{
	if (!o->value)
		return -ENOENT;
	if (!o->len || o->len > max || !is_text(o->value, o->len))
		return -EBADMSG;
	memcpy(out, o->value, o->len);
	out[o->len] = '\0';
	return 0;
}

static int read_text(const struct mn_coap *m, uint16_t number, char *out, size_t max)
{
	struct mn_coap_option o = { .value = NULL };

	mn_coap_option_find(m, number, &o);
	return take_text(&o, out, max);
}

/* As mn_coap_option_uint, of at most two bytes. */
static int take_uint(const struct mn_coap_option *o, uint32_t *out)
{
	if (!o->value)
		return -ENOENT;
	if (o->len > 2)
		return -EBADMSG;
	*out = 0;
	for (size_t i = 0; i < o->len; i++)
		*out = *out << 8 | o->value[i];
	return 0;
}

static bool has(const struct mn_coap *m, uint16_t number)
{
	struct mn_coap_option o;

	return mn_coap_option_find(m, number, &o);
}

static bool has_any_of(const struct mn_coap *m, const uint16_t *list, size_t n)
{
	struct mn_coap_cursor at = { 0 };
	struct mn_coap_option o;
	size_t i;

	while (mn_coap_option_next(m, &at, &o))
		for (i = 0; i < n; i++)
			if (o.number == list[i])
				return true;
	return false;
}

/* Returns true when options of both numberings are there. */
static bool is_mixture(const struct mn_coap *m, enum mn_onem2m_numbering n)
{
	const struct numbers *not_ours = &numbers[other(n)];

	return has_any_of(m, not_ours->own, not_ours->own_len);
}

/* What a request has, from one walk over its options: the first of each number; value NULL = absent. */
struct options {
	struct mn_coap_option fr[2], rqi[2]; /* by numbering */
	struct mn_coap_option ty, rvi, format, accept;
	bool own[2]; /* any that only this numbering has */
	bool query;
};

static bool is_own(enum mn_onem2m_numbering n, uint16_t number)
{
	for (size_t i = 0; i < numbers[n].own_len; i++)
		if (numbers[n].own[i] == number)
			return true;
	return false;
}

static void take_first(struct mn_coap_option *to, const struct mn_coap_option *o)
{
	if (!to->value)
		*to = *o;
}

static void take_onem2m(struct options *all, const struct mn_coap_option *o)
{
	if (o->number == OPT_TY)
		take_first(&all->ty, o);
	else if (o->number == OPT_RVI)
		take_first(&all->rvi, o);
	for (int i = 0; i < 2; i++) {
		if (o->number == numbers[i].fr)
			take_first(&all->fr[i], o);
		else if (o->number == numbers[i].rqi)
			take_first(&all->rqi[i], o);
		else if (all->own[i] || !is_own((enum mn_onem2m_numbering)i, o->number))
			continue;
		all->own[i] = true;
	}
}

static void read_options(const struct mn_coap *m, struct options *all)
{
	struct mn_coap_cursor at = { 0 };
	struct mn_coap_option o;

	memset(all, 0, sizeof(*all));
	while (mn_coap_option_next(m, &at, &o)) {
		if (o.number == MN_COAP_OPT_CONTENT_FORMAT)
			take_first(&all->format, &o);
		else if (o.number == MN_COAP_OPT_ACCEPT)
			take_first(&all->accept, &o);
		else if (o.number == MN_COAP_OPT_URI_QUERY)
			all->query = true;
		else if (o.number >= 256)
			take_onem2m(all, &o);
	}
}

/* The number of FR decides, else that of RQI. */
static enum mn_onem2m_numbering request_numbering(const struct options *o)
{
	if (o->fr[MN_NUMBERS_TS0008_V3_9].value)
		return MN_NUMBERS_TS0008_V3_9;
	if (o->fr[MN_NUMBERS_BEFORE_2022].value)
		return MN_NUMBERS_BEFORE_2022;
	return !o->rqi[MN_NUMBERS_TS0008_V3_9].value && o->rqi[MN_NUMBERS_BEFORE_2022].value ?
		       MN_NUMBERS_BEFORE_2022 :
		       MN_NUMBERS_TS0008_V3_9;
}

static int refuse(enum mn_rsc rsc, const char *text, const char **why)
{
	*why = text;
	return (int)rsc;
}

static int read_op(const struct mn_coap *m, const struct options *o, struct mn_onem2m_request *out,
		   const char **why)
{
	switch (m->code) {
	case MN_COAP_GET:
		out->op = MN_OP_RETRIEVE;
		return 0;
	case MN_COAP_POST:
		out->op = o->ty.value ? MN_OP_CREATE : MN_OP_NOTIFY;
		return 0;
	case MN_COAP_PUT:
		out->op = MN_OP_UPDATE;
		return 0;
	case MN_COAP_DELETE:
		out->op = MN_OP_DELETE;
		return 0;
	default:
		break;
	}
	if (!mn_coap_is_request(m))
		return refuse(MN_RSC_BAD_REQUEST, "no request", why);
	return refuse(MN_RSC_OPERATION_NOT_ALLOWED, "method of no operation", why);
}

/* What the answer needs whatever else is wrong: RQI (of the other numbering where ours has none)
 * and RVI. */
static int read_reply_to(const struct options *o, struct mn_onem2m_request *out, const char **why)
{
	int rqi = take_text(&o->rqi[out->numbering], out->rqi, MN_RQI_MAX);
	int rvi = take_text(&o->rvi, out->rvi, MN_RVI_MAX);

	if (rqi == -ENOENT)
		rqi = take_text(&o->rqi[other(out->numbering)], out->rqi, MN_RQI_MAX);
	if (rqi)
		return refuse(MN_RSC_BAD_REQUEST,
			      rqi == -ENOENT ? "no request identifier" :
					       "request identifier of a wrong length or no text",
			      why);
	if (rvi == -EBADMSG)
		return refuse(MN_RSC_BAD_REQUEST, "release version of a wrong length or no text",
			      why);
	return 0;
}

static int check_options(const struct mn_coap *m, const struct options *o,
			 enum mn_onem2m_numbering n, const char **why)
{
	/* 256 is elective, so the list serves both: a number of the other numbering is refused
	 * before. */
	static const uint16_t known[] = { MN_COAP_OPT_URI_HOST,
					  MN_COAP_OPT_URI_PORT,
					  MN_COAP_OPT_URI_PATH,
					  MN_COAP_OPT_ACCEPT,
					  257,
					  279,
					  283,
					  OPT_OT,
					  OPT_TY,
					  OPT_RVI,
					  OPT_EC,
					  OPT_VSI };

	if (o->own[other(n)])
		return refuse(MN_RSC_BAD_REQUEST, "options of both numberings", why);
	if (o->query)
		return refuse(MN_RSC_BAD_REQUEST, "no query parameter is supported", why);
	if (mn_coap_critical_unknown(m, known, COUNT(known)))
		return refuse(MN_RSC_BAD_REQUEST, "unknown or repeated critical option", why);
	return 0;
}

static bool segment_valid(const struct mn_coap_option *o)
{
	return o->len && o->len <= SEGMENT_MAX && !memchr(o->value, '/', o->len) &&
	       is_text(o->value, o->len) &&
	       !(o->value[0] == '.' && (o->len == 1 || (o->len == 2 && o->value[1] == '.')));
}

/* Uri-Path to the TO parameter (TS-0008 6.2.2.3): a first segment "~" becomes "/", "_" becomes
 * "//". */
static bool read_to(const struct mn_coap *m, char out[MN_TO_MAX + 1])
{
	struct mn_coap_cursor at = { 0 };
	struct mn_coap_option o;
	const char *separator = "";
	bool first = true;
	size_t n = 0;

	while (mn_coap_option_next(m, &at, &o)) {
		if (o.number != MN_COAP_OPT_URI_PATH)
			continue;
		if (!segment_valid(&o))
			return false;
		if (first && o.len == 1 && (o.value[0] == '~' || o.value[0] == '_')) {
			first = false;
			separator = o.value[0] == '~' ? "/" : "//";
			continue;
		}
		if (strlen(separator) + o.len > MN_TO_MAX - n)
			return false;
		n = (size_t)(stpcpy(out + n, separator) - out);
		memcpy(out + n, o.value, o.len);
		n += o.len;
		out[n] = '\0';
		separator = "/";
		first = false;
	}
	return n > 0;
}

static int read_parameters(const struct mn_coap *m, const struct options *o,
			   struct mn_onem2m_request *out, const char **why)
{
	uint32_t v;
	int r;

	r = take_text(&o->fr[out->numbering], out->from, MN_ENTITY_MAX);
	if (r == -EBADMSG)
		return refuse(MN_RSC_BAD_REQUEST, "originator of a wrong length or no text", why);
	out->has_from = !r;

	r = take_uint(&o->ty, &v);
	if (r != -ENOENT) {
		if (r || !v || out->op != MN_OP_CREATE)
			return refuse(MN_RSC_BAD_REQUEST, "resource type out of place", why);
		out->ty = v;
	}
	if (!read_to(m, out->to))
		return refuse(MN_RSC_BAD_REQUEST, "no or no valid target path", why);

	r = take_uint(&o->accept, &v);
	if (r != -ENOENT) {
		if (r || (v != MN_COAP_FORMAT_JSON && v != MN_COAP_FORMAT_CBOR))
			return refuse(MN_RSC_NOT_ACCEPTABLE, "no format of ours is accepted", why);
		out->accept = (int)v;
	}
	return 0;
}

/* Content is mandatory for CREATE, UPDATE and NOTIFY (TS-0001 8.1.2); a RETRIEVE of single
 * attributes, which would have some, is not supported. */
static bool op_has_content(enum mn_onem2m_op op)
{
	return op == MN_OP_CREATE || op == MN_OP_UPDATE || op == MN_OP_NOTIFY;
}

static int read_format(const struct mn_coap *m)
{
	uint32_t v;

	if (mn_coap_option_uint(m, MN_COAP_OPT_CONTENT_FORMAT, 2, &v))
		return -1;
	return v == MN_COAP_FORMAT_JSON || v == MN_COAP_FORMAT_CBOR ? (int)v : -1;
}

static int find_content(const struct mn_coap *m, const struct options *o,
			struct mn_onem2m_request *out, const char **why)
{
	uint32_t format;

	if (!m->payload_len != !op_has_content(out->op))
		return refuse(MN_RSC_BAD_REQUEST,
			      m->payload_len ? "content in an operation that has none" :
					       "no content",
			      why);
	if (!m->payload_len)
		return 0;
	if (take_uint(&o->format, &format) ||
	    (format != MN_COAP_FORMAT_JSON && format != MN_COAP_FORMAT_CBOR))
		return refuse(MN_RSC_UNSUPPORTED_MEDIA, "content neither JSON nor CBOR", why);
	out->content_format = (int)format;
	out->raw = m->payload;
	out->raw_len = m->payload_len;
	return 0;
}

int mn_onem2m_request_content(struct mn_onem2m_request *r, const char **why)
{
	json_t *content;

	if (!r->raw)
		return 0;
	content = mn_onem2m_content_read(r->content_format, r->raw, r->raw_len);
	if (!json_is_object(content)) {
		json_decref(content);
		r->content_format = -1;
		return refuse(MN_RSC_BAD_REQUEST, "content malformed", why);
	}
	r->content = content;
	return 0;
}

int mn_onem2m_request_head(const struct mn_coap *m, struct mn_onem2m_request *out, const char **why)
{
	struct options o;
	int op;
	int r;

	memset(out, 0, sizeof(*out));
	out->content_format = -1;
	*why = "";
	read_options(m, &o);
	out->numbering = request_numbering(&o);
	op = read_op(m, &o, out, why);
	r = read_reply_to(&o, out, why);
	if (op || r)
		return op ? op : r;
	r = check_options(m, &o, out->numbering, why);
	if (!r)
		r = read_parameters(m, &o, out, why);
	if (!r)
		r = find_content(m, &o, out, why);
	return r;
}

int mn_onem2m_request_read(const struct mn_coap *m, struct mn_onem2m_request *out, const char **why)
{
	int r = mn_onem2m_request_head(m, out, why);

	return r ? r : mn_onem2m_request_content(out, why);
}

void mn_onem2m_request_fini(struct mn_onem2m_request *r)
{
	json_decref(r->content);
	r->content = NULL;
}

/* The TO parameter as the Uri-Path that mn_coap_put_path() takes apart. */
static bool to_path(const char *to, char out[MN_TO_MAX + 3])
{
	bool absolute = !strncmp(to, "//", 2);
	bool sp_relative = !absolute && to[0] == '/';
	const char *p = absolute ? to + 2 : sp_relative ? to + 1 : to;

	if (absolute || sp_relative)
		out = stpcpy(out, absolute ? "_/" : "~/");
	else if (p[0] && strchr("~_", p[0]) && (p[1] == '/' || !p[1]))
		return false; /* would come out as another form */
	strcpy(out, p);
	while (true) {
		size_t len = strcspn(p, "/");
		/* at most MN_TO_MAX, so the length fits */
		struct mn_coap_option o = { .len = (uint16_t)len, .value = (const uint8_t *)p };

		if (!segment_valid(&o))
			return false;
		if (!p[len])
			return true;
		p += len + 1;
	}
}

static uint8_t method(enum mn_onem2m_op op)
{
	switch (op) {
	case MN_OP_CREATE:
	case MN_OP_NOTIFY:
		return MN_COAP_POST;
	case MN_OP_RETRIEVE:
		return MN_COAP_GET;
	case MN_OP_UPDATE:
		return MN_COAP_PUT;
	case MN_OP_DELETE:
		return MN_COAP_DELETE;
	}
	return MN_COAP_EMPTY;
}

static bool text_fits(const char *text, size_t min, size_t max)
{
	size_t len = strlen(text);

	return len >= min && len <= max && is_text(text, len);
}

static bool format_valid(int format)
{
	return format == MN_COAP_FORMAT_JSON || format == MN_COAP_FORMAT_CBOR;
}

static bool request_valid(const struct mn_onem2m_request *r)
{
	if (!method(r->op) || (size_t)r->numbering >= COUNT(numbers))
		return false;
	if (!text_fits(r->rqi, 1, MN_RQI_MAX) || !text_fits(r->rvi, 0, MN_RVI_MAX) ||
	    (r->has_from && !text_fits(r->from, 1, MN_ENTITY_MAX)))
		return false;
	if (r->op == MN_OP_CREATE ? !r->ty || r->ty > UINT16_MAX : r->ty)
		return false;
	if (r->accept > 0 && !format_valid(r->accept))
		return false;
	if (!r->content)
		return !op_has_content(r->op);
	return op_has_content(r->op) && json_is_object(r->content) &&
	       format_valid(r->content_format);
}

static void put_text(struct mn_coap_writer *w, uint16_t number, const char *text)
{
	if (text[0])
		mn_coap_put(w, number, text, strlen(text));
}

int mn_onem2m_request_write(const struct mn_onem2m_request *r, uint8_t *buf, size_t max)
{
	const struct numbers *n;
	char path[MN_TO_MAX + 3];
	struct mn_coap_writer w;
	void *content = NULL;
	size_t len = 0;
	int err;

	if (!request_valid(r) || !to_path(r->to, path))
		return -EINVAL;
	n = &numbers[r->numbering];
	if (r->content) {
		err = mn_onem2m_content_write(r->content_format, r->content, &content, &len);
		if (err)
			return err;
	}

	mn_coap_begin(&w, buf, max, MN_COAP_CON, method(r->op), 0, NULL);
	mn_coap_put_path(&w, path);
	if (content)
		mn_coap_put_uint(&w, MN_COAP_OPT_CONTENT_FORMAT, (uint32_t)r->content_format);
	if (r->accept > 0)
		mn_coap_put_uint(&w, MN_COAP_OPT_ACCEPT, (uint32_t)r->accept);
	/* FR and RQI: 256 and 257 before TY and RVI, 279 and 283 behind. */
	if (n->fr < OPT_TY) {
		put_text(&w, n->fr, r->has_from ? r->from : "");
		put_text(&w, n->rqi, r->rqi);
	}
	if (r->ty)
		mn_coap_put_uint(&w, OPT_TY, r->ty);
	put_text(&w, OPT_RVI, r->rvi);
	if (n->fr > OPT_RVI) {
		put_text(&w, n->fr, r->has_from ? r->from : "");
		put_text(&w, n->rqi, r->rqi);
	}
	mn_coap_put_payload(&w, content, len);
	free(content);
	return mn_coap_finish(&w);
}

static bool response_valid(const struct mn_onem2m_response *r)
{
	unsigned int rsc = r->rsc;

	if ((size_t)r->numbering >= COUNT(numbers) || rsc < 1000 || rsc > 9999)
		return false;
	if (!text_fits(r->rqi, 0, MN_RQI_MAX) || !text_fits(r->rvi, 0, MN_RVI_MAX))
		return false;
	/* TS-0008 table 6.2.4-1: the answer to NOTIFY has no payload */
	return (!r->content && !r->raw) ||
	       (format_valid(r->content_format) && !(rsc == MN_RSC_OK && r->op == MN_OP_NOTIFY));
}

int mn_onem2m_response_write(const struct mn_onem2m_response *r, uint8_t *buf, size_t max)
{
	const struct numbers *n;
	struct mn_coap_writer w;
	void *written = NULL;
	const void *content = r->raw;
	size_t len = r->raw ? r->raw_len : 0;
	int err;

	if (!response_valid(r))
		return -EINVAL;
	n = &numbers[r->numbering];
	if (!content && r->content) {
		err = mn_onem2m_content_write(r->content_format, r->content, &written, &len);
		if (err)
			return err;
		content = written;
	}

	mn_coap_begin(&w, buf, max, MN_COAP_CON, mn_onem2m_code(r->rsc, r->op), 0, NULL);
	if (content)
		mn_coap_put_uint(&w, MN_COAP_OPT_CONTENT_FORMAT, (uint32_t)r->content_format);
	/* RQI 257, RSC 265, RVI 271 in one numbering, RVI 271, RQI 283, RSC 307 in the other */
	if (n->rqi < OPT_RVI) {
		put_text(&w, n->rqi, r->rqi);
		mn_coap_put_uint(&w, n->rsc, (uint32_t)r->rsc);
	}
	put_text(&w, OPT_RVI, r->rvi);
	if (n->rqi > OPT_RVI) {
		put_text(&w, n->rqi, r->rqi);
		mn_coap_put_uint(&w, n->rsc, (uint32_t)r->rsc);
	}
	mn_coap_put_payload(&w, content, len);
	free(written);
	return mn_coap_finish(&w);
}

static int response_parameters(const struct mn_coap *m, struct mn_onem2m_response *out)
{
	static const uint16_t known[] = {
		257, 265, 279, 283, 307, OPT_OT, OPT_RVI, OPT_EC, OPT_VSI
	};
	uint32_t rsc;

	out->numbering = has(m, numbers[MN_NUMBERS_TS0008_V3_9].rqi) ? MN_NUMBERS_TS0008_V3_9 :
								       MN_NUMBERS_BEFORE_2022;
	if (is_mixture(m, out->numbering) || mn_coap_critical_unknown(m, known, COUNT(known)))
		return -EBADMSG;
	if (read_text(m, numbers[out->numbering].rqi, out->rqi, MN_RQI_MAX) ||
	    read_text(m, OPT_RVI, out->rvi, MN_RVI_MAX) == -EBADMSG)
		return -EBADMSG;
	if (mn_coap_option_uint(m, numbers[out->numbering].rsc, 2, &rsc) ||
	    !mn_onem2m_code_fits(rsc, m->code))
		return -EBADMSG;
	out->rsc = (enum mn_rsc)rsc;
	return 0;
}

int mn_onem2m_response_read(const struct mn_coap *m, struct mn_onem2m_response *out)
{
	struct mn_onem2m_response r = { .content_format = -1 };

	if (!mn_coap_is_response(m) || response_parameters(m, &r))
		return -EBADMSG;
	if (m->payload_len) {
		r.content_format = read_format(m);
		r.content = mn_onem2m_content_read(r.content_format, m->payload, m->payload_len);
		if (!r.content)
			return -EBADMSG;
	}
	*out = r;
	return 0;
}

void mn_onem2m_response_fini(struct mn_onem2m_response *r)
{
	json_decref(r->content);
	r->content = NULL;
}
