// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/fuzz/fuzz.c */
/* Primitive content, the first byte says whether as JSON or CBOR: what is read must be written, in both formats, and read back the same. */
#include <errno.h>

#include "core/onem2m.h"
#include "fuzz.h"

static void again(int format, const json_t *content)
{
	void *out = NULL;
	size_t len = 0;
	json_t *back;
	int err = mn_onem2m_content_write(format, content, &out, &len);

	/* the other format may be the longer one */
	if (err == -EMSGSIZE)
		return;
	MUST(!err && len <= MN_ONEM2M_CONTENT_MAX);
	back = mn_onem2m_content_read(format, out, len);
	MUST(back && json_equal(back, content));
	json_decref(back);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *content;
	uint8_t *p;

	if (!size)
		return 0;
	fuzz_start();
	p = fuzz_copy(data + 1, size - 1);
	content = mn_onem2m_content_read(data[0] & 1 ? MN_COAP_FORMAT_CBOR : MN_COAP_FORMAT_JSON, p,
					 size - 1);
	free(p);
	if (!content)
		return 0;
	MUST(size - 1 <= MN_ONEM2M_CONTENT_MAX);
	again(MN_COAP_FORMAT_JSON, content);
	again(MN_COAP_FORMAT_CBOR, content);
	json_decref(content);
	return 0;
}
