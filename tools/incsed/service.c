// SPDX-License-Identifier: GPL-2.0-or-later
#include "service.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "log.h"
#include "quick.h"

/* Writes head with this outcome. What does not fit becomes 5207; what was executed stands. */
static int write_answer(struct mnt_service *s, enum mn_rsc rsc, json_t *content)
{
	int n;

	s->head.rsc = rsc;
	s->head.content = content;
	n = mn_onem2m_response_write(&s->head, s->answer, sizeof(s->answer));
	if (n == -EMSGSIZE) {
		s->head.rsc = MN_RSC_NOT_ACCEPTABLE;
		s->head.content = NULL;
		s->head.raw = NULL;
		n = mn_onem2m_response_write(&s->head, s->answer, sizeof(s->answer));
	}
	s->head.content = NULL;
	s->head.raw = NULL;
	if (n < 0)
		return -EBADMSG;
	s->len = (size_t)n;
	return 0;
}

int mnt_service_failed(struct mnt_service *s)
{
	return write_answer(s, MN_RSC_INTERNAL, NULL);
}

/* Format of the answer: Accept, else the request's, else JSON. -EINVAL: an Accept that is neither JSON nor CBOR. */
static int answer_format(const struct mn_coap *inner, const struct mn_onem2m_request *r)
{
	uint32_t accept;
	int err = mn_coap_option_uint(inner, MN_COAP_OPT_ACCEPT, 2, &accept);

	if (!err)
		return accept == MN_COAP_FORMAT_JSON || accept == MN_COAP_FORMAT_CBOR ?
			       (int)accept :
			       -EINVAL;
	if (err != -ENOENT)
		return -EINVAL;
	return r->content_format == MN_COAP_FORMAT_CBOR ? MN_COAP_FORMAT_CBOR : MN_COAP_FORMAT_JSON;
}

/* FR, normalised, is the authenticated device's own ID. */
static bool from_fits(const struct mn_onem2m_request *r, const char *device_id)
{
	char from[MN_ENTITY_MAX + 1];
	size_t len;

	if (!r->has_from || !strcmp(r->from, device_id)) /* which is normalised */
		return true;
	return !mn_entity_normalise(r->from, strlen(r->from), from, &len) &&
	       !strcmp(from, device_id);
}

/* quick: NULL when the request is not of that form, and has its content read. */
static int execute(struct mnt_resources *t, struct mn_onem2m_request *r,
		   const struct mnt_quick *quick, const char *device_id, int64_t now,
		   struct mnt_service *out)
{
	struct mnt_result result = { 0 };
	const char *text, *why = "";
	enum mn_rsc rsc;
	size_t len;
	int err;

	if (quick && mnt_quick_execute(t, r, quick, device_id, now, &rsc, &text, &len)) {
		out->executed = true;
		out->head.raw = text;
		out->head.raw_len = len;
		return write_answer(out, rsc, NULL);
	}
	if (quick && mn_onem2m_request_content(r, &why))
		return write_answer(out, MN_RSC_INTERNAL, NULL);
	mnt_resource_execute(t, r, device_id, now, &result);
	out->executed = true;
	err = write_answer(out, result.rsc, result.content);
	json_decref(result.content);
	return err;
}

/* CREATE, UPDATE, DELETE and NOTIFY: a retry gets the stored answer. RETRIEVE only looks whether the RQI is another request's. */
static int execute_once(struct mnt_resources *t, struct mnt_commit *c, struct mn_onem2m_request *r,
			const struct mnt_quick *quick, const char *device_id,
			const struct mn_coap *inner, int64_t now, struct mnt_service *out)
{
	uint8_t digest[MN_SHA256_LEN];
	int n = mnt_answer_digest(inner, digest);

	if (n)
		return write_answer(out, MN_RSC_INTERNAL, NULL);
	n = mnt_answer_find(c->store, device_id, r->rqi, digest, out->answer, sizeof(out->answer));
	if (n >= 0 && r->op != MN_OP_RETRIEVE) {
		out->len = (size_t)n;
		out->retry = true;
		return 0;
	}
	if (n == -EEXIST)
		return write_answer(out, MN_RSC_BAD_REQUEST, NULL);
	if (n < 0 && n != -ENOENT)
		return write_answer(out, MN_RSC_INTERNAL, NULL);
	n = execute(t, r, quick, device_id, now, out);
	if (!n && r->op != MN_OP_RETRIEVE)
		mnt_answer_keep(c, device_id, r->rqi, digest, now, out->answer, out->len);
	return n;
}

int mnt_service_execute(struct mnt_resources *t, struct mnt_commit *c, const char *device_id,
			const struct mn_coap *inner, int64_t now, struct mnt_service *out)
{
	struct mn_onem2m_request r = { 0 };
	const char *why = "";
	int rsc = mn_onem2m_request_head(inner, &r, &why);
	struct mnt_quick quick;
	bool is_quick;
	int format;
	int err;

	*out = (struct mnt_service){ .head = { .op = r.op, .numbering = r.numbering } };
	memcpy(out->head.rqi, r.rqi, sizeof(r.rqi));
	memcpy(out->head.rvi, r.rvi, sizeof(r.rvi));
	format = answer_format(inner, &r);
	out->head.content_format = format < 0 ? MN_COAP_FORMAT_JSON : format;
	is_quick = !rsc && format == MN_COAP_FORMAT_JSON && mnt_quick_read(&r, &quick);
	if (!rsc && !is_quick)
		rsc = mn_onem2m_request_content(&r, &why);
	if (rsc) {
		mn_debug("request refused, RSC %d: %s", rsc, why);
		err = write_answer(out, (enum mn_rsc)rsc, NULL);
	} else if (!from_fits(&r, device_id)) {
		err = write_answer(out, MN_RSC_NO_PRIVILEGE, NULL);
	} else if (format < 0) {
		err = write_answer(out, MN_RSC_NOT_ACCEPTABLE, NULL);
	} else {
		err = execute_once(t, c, &r, is_quick ? &quick : NULL, device_id, inner, now, out);
	}
	mn_onem2m_request_fini(&r);
	return err;
}
