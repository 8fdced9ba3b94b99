// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/fuzz/fuzz.c */
/* An inner CoAP message as oneM2M request and response: what is taken can be written, and is read back the same. */
#include <errno.h>

#include "core/onem2m.h"
#include "fuzz.h"

enum { ROOM = 40000 };
static uint8_t buf[ROOM];

static void request(const struct mn_coap *m)
{
	struct mn_onem2m_request r, b;
	const char *why = NULL;
	struct mn_coap again;
	int rsc = mn_onem2m_request_read(m, &r, &why), len;

	MUST(rsc >= 0);
	if (rsc) {
		MUST(why && !r.content);
		MUST(rsc == MN_RSC_BAD_REQUEST || rsc == MN_RSC_OPERATION_NOT_ALLOWED ||
		     rsc == MN_RSC_UNSUPPORTED_MEDIA || rsc == MN_RSC_NOT_ACCEPTABLE);
		return;
	}
	MUST(r.rqi[0] && r.to[0] && (r.content_format == -1) == (r.content == NULL));
	len = mn_onem2m_request_write(&r, buf, sizeof(buf));
	MUST(len > 0);
	MUST(!mn_coap_read(buf, (size_t)len, &again, NULL));
	MUST(!mn_onem2m_request_read(&again, &b, &why));
	MUST(r.op == b.op && r.numbering == b.numbering && r.ty == b.ty && r.accept == b.accept);
	MUST(!strcmp(r.to, b.to) && !strcmp(r.rqi, b.rqi) && !strcmp(r.rvi, b.rvi));
	MUST(r.has_from == b.has_from && !strcmp(r.from, b.from));
	MUST((!r.content && !b.content) || json_equal(r.content, b.content));
	mn_onem2m_request_fini(&r);
	mn_onem2m_request_fini(&b);
}

static void response(const struct mn_coap *m)
{
	struct mn_onem2m_response r = { .rsc = 1 }, b = { 0 };
	struct mn_coap again;
	int err = mn_onem2m_response_read(m, &r), len;

	MUST(!err || err == -EBADMSG || err == -ENOMEM);
	if (err) {
		MUST(r.rsc == 1);
		return;
	}
	r.op = m->code == MN_COAP_204 ? MN_OP_NOTIFY : MN_OP_RETRIEVE;
	mn_rsc_name(r.rsc);
	len = mn_onem2m_response_write(&r, buf, sizeof(buf));
	/* one that we do not make ourselves is written as an error, whatever it is */
	if (len > 0 && mn_onem2m_code_fits(r.rsc, mn_onem2m_code(r.rsc, r.op))) {
		MUST(!mn_coap_read(buf, (size_t)len, &again, NULL));
		MUST(!mn_onem2m_response_read(&again, &b));
		MUST(r.rsc == b.rsc && !strcmp(r.rqi, b.rqi) && !strcmp(r.rvi, b.rvi));
		MUST((!r.content && !b.content) || json_equal(r.content, b.content));
		mn_onem2m_response_fini(&b);
	}
	mn_onem2m_response_fini(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mn_coap m;
	uint8_t *p;

	fuzz_start();
	p = fuzz_copy(data, size);
	if (!mn_coap_read(p, size, &m, NULL)) {
		request(&m);
		response(&m);
	}
	free(p);
	return 0;
}
