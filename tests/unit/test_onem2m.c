// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/onem2m.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BUF_MAX 2048
#define CIN "{\"m2m:cin\":{\"con\":\"21\"}}"

#define NEW MN_NUMBERS_TS0008_V3_9
#define OLD MN_NUMBERS_BEFORE_2022

/* A message from a list of options in ascending order; number 0 ends it. */
struct opt {
	uint16_t number;
	const char *value;
	size_t len; /* 0: strlen(value) */
};

static struct mn_coap build(uint8_t *buf, uint8_t code, const struct opt *options,
			    const char *payload)
{
	struct mn_coap_writer w;
	struct mn_coap m;
	int n;

	mn_coap_begin(&w, buf, BUF_MAX, MN_COAP_CON, code, 0, NULL);
	for (; options->number; options++)
		mn_coap_put(&w, options->number, options->value,
			    options->len ? options->len : strlen(options->value));
	mn_coap_put_payload(&w, payload, strlen(payload));
	n = mn_coap_finish(&w);
	assert_true(n > 0);
	assert_int_equal(mn_coap_read(buf, (size_t)n, &m, NULL), 0);
	return m;
}

/* The RSC of a request made of these, or 0. */
static int verdict(uint8_t code, const struct opt *options, const char *payload)
{
	struct mn_onem2m_request r;
	uint8_t buf[BUF_MAX];
	struct mn_coap m = build(buf, code, options, payload);
	const char *why = NULL;
	int rsc = mn_onem2m_request_read(&m, &r, &why);

	assert_non_null(why);
	assert_int_equal(rsc != 0, why[0] != '\0');
	if (rsc)
		assert_null(r.content);
	mn_onem2m_request_fini(&r);
	return rsc;
}

static struct mn_coap parse(const uint8_t *buf, int len)
{
	struct mn_coap m;

	assert_true(len > 0);
	assert_int_equal(mn_coap_read(buf, (size_t)len, &m, NULL), 0);
	return m;
}

static void assert_json(const json_t *got, const char *text)
{
	json_t *want = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(want);
	assert_true(json_equal(got, want));
	json_decref(want);
}

static void a_create_is_read_in_both_numberings(void **state)
{
	static const struct opt new_options[] = {
		{ 11, "in-cse", 0 }, { 11, "cnt", 0 },     { 12, "\x32", 0 }, { 267, "\x04", 0 },
		{ 271, "3", 0 },     { 279, "C00001", 0 }, { 283, "r-1", 0 }, { 0 },
	};
	static const struct opt old_options[] = {
		{ 11, "in-cse", 0 }, { 11, "cnt", 0 },   { 12, "\x32", 0 }, { 256, "C00001", 0 },
		{ 257, "r-1", 0 },   { 267, "\x04", 0 }, { 271, "3", 0 },   { 0 },
	};
	int old;

	(void)state;
	for (old = 0; old < 2; old++) {
		struct mn_onem2m_request r;
		uint8_t buf[BUF_MAX];
		struct mn_coap m = build(buf, MN_COAP_POST, old ? old_options : new_options, CIN);
		const char *why;

		assert_int_equal(mn_onem2m_request_read(&m, &r, &why), 0);
		assert_int_equal(r.numbering, old ? OLD : NEW);
		assert_int_equal(r.op, MN_OP_CREATE);
		assert_string_equal(r.to, "in-cse/cnt");
		assert_true(r.has_from);
		assert_string_equal(r.from, "C00001");
		assert_string_equal(r.rqi, "r-1");
		assert_string_equal(r.rvi, "3");
		assert_int_equal(r.ty, 4);
		assert_int_equal(r.content_format, 50);
		assert_int_equal(r.accept, 0);
		assert_json(r.content, CIN);
		mn_onem2m_request_fini(&r);
		assert_null(r.content);
	}
}

static void the_method_and_ty_say_the_operation(void **state)
{
	static const struct {
		uint8_t code;
		bool ty, content;
		int op; /* or an RSC */
	} cases[] = {
		{ MN_COAP_GET, false, false, MN_OP_RETRIEVE },
		{ MN_COAP_POST, true, true, MN_OP_CREATE },
		{ MN_COAP_POST, false, true, MN_OP_NOTIFY },
		{ MN_COAP_PUT, false, true, MN_OP_UPDATE },
		{ MN_COAP_DELETE, false, false, MN_OP_DELETE },
		{ MN_COAP_FETCH, false, false, 4005 },
		{ MN_COAP_PATCH, false, true, 4005 },
		{ MN_COAP_205, false, false, 4000 },
		/* TY only with CREATE */
		{ MN_COAP_GET, true, false, 4000 },
		{ MN_COAP_PUT, true, true, 4000 },
		{ MN_COAP_DELETE, true, false, 4000 },
		/* content exactly where the operation has some */
		{ MN_COAP_GET, false, true, 4000 },
		{ MN_COAP_DELETE, false, true, 4000 },
		{ MN_COAP_POST, true, false, 4000 },
		{ MN_COAP_POST, false, false, 4000 },
		{ MN_COAP_PUT, false, false, 4000 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct opt options[6] = { { 11, "in-cse", 0 }, { 12, "\x32", 0 } };
		struct mn_onem2m_request r;
		uint8_t buf[BUF_MAX];
		struct mn_coap m;
		const char *why;
		size_t n = 2;
		int rsc;

		if (cases[i].ty)
			options[n++] = (struct opt){ 267, "\x03", 0 };
		options[n++] = (struct opt){ 283, "r", 0 };
		m = build(buf, cases[i].code, options, cases[i].content ? CIN : "");
		rsc = mn_onem2m_request_read(&m, &r, &why);
		if ((rsc ? rsc : (int)r.op) != cases[i].op)
			fail_msg("case %zu: rsc %d op %d", i, rsc, (int)r.op);
		assert_string_equal(r.rqi, "r");
		assert_int_equal(r.content_format, !rsc && cases[i].content ? 50 : -1);
		mn_onem2m_request_fini(&r);
	}
}

/* clang-format off */
#define PATH { 11, "in-cse", 0 }
/* clang-format on */

static void a_mixture_of_numberings_is_refused(void **state)
{
	static const struct {
		struct opt options[6];
		enum mn_onem2m_numbering numbering;
		const char *rqi;
		int rsc;
	} cases[] = {
		{ { PATH, { 279, "C1", 0 }, { 283, "r", 0 } }, NEW, "r", 0 },
		{ { PATH, { 256, "C1", 0 }, { 257, "r", 0 } }, OLD, "r", 0 },
		{ { PATH, { 283, "r", 0 } }, NEW, "r", 0 },
		{ { PATH, { 257, "r", 0 } }, OLD, "r", 0 },
		{ { PATH, { 257, "r", 0 }, { 259, "20240101T000000", 0 } }, OLD, "r", 0 },
		{ { PATH, { 259, "20240101T000000", 0 }, { 283, "r", 0 } }, NEW, "r", 0 },
		/* FR decides, the RQI of the other numbering still names the request */
		{ { PATH, { 256, "C1", 0 }, { 283, "r", 0 } }, OLD, "r", 4000 },
		{ { PATH, { 257, "r", 0 }, { 279, "C1", 0 } }, NEW, "r", 4000 },
		{ { PATH, { 256, "C1", 0 }, { 279, "C1", 0 }, { 283, "r", 0 } }, NEW, "r", 4000 },
		{ { PATH, { 256, "C1", 0 }, { 257, "o", 0 }, { 283, "n", 0 } }, OLD, "o", 4000 },
		{ { PATH, { 257, "o", 0 }, { 279, "C1", 0 }, { 283, "n", 0 } }, NEW, "n", 4000 },
		{ { PATH, { 257, "o", 0 }, { 283, "n", 0 } }, NEW, "n", 4000 },
		{ { PATH, { 260, "x", 0 }, { 283, "n", 0 } }, NEW, "n", 4000 },
		{ { PATH, { 265, "x", 0 }, { 283, "n", 0 } }, NEW, "n", 4000 },
		{ { PATH, { 257, "o", 0 }, { 303, "\x01", 0 } }, OLD, "o", 4000 },
		{ { PATH, { 257, "o", 0 }, { 331, "x", 0 } }, OLD, "o", 4000 },
		/* 258 is No-Response (RFC 7967) in both */
		{ { PATH, { 258, "\x02", 0 }, { 283, "n", 0 } }, NEW, "n", 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct mn_onem2m_request r;
		uint8_t buf[BUF_MAX];
		struct mn_coap m;
		const char *why;
		int rsc;

		m = build(buf, MN_COAP_GET, cases[i].options, "");
		rsc = mn_onem2m_request_read(&m, &r, &why);
		if (rsc != cases[i].rsc || r.numbering != cases[i].numbering)
			fail_msg("case %zu: rsc %d numbering %d", i, rsc, (int)r.numbering);
		assert_string_equal(r.rqi, cases[i].rqi);
		mn_onem2m_request_fini(&r);
	}
}

static void the_request_identifier_is_1_to_64_bytes_of_text(void **state)
{
	static const char rqi64[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	static const struct {
		struct opt rqi;
		int rsc;
	} cases[] = {
		{ { 283, rqi64, 64 }, 0 },         { { 283, "\xc3\xa4", 2 }, 0 },
		{ { 283, rqi64, 65 }, 4000 }, /* with its terminator: too long and NUL */
		{ { 283, "", 0 }, 4000 },          { { 283, "a\0b", 3 }, 4000 },
		{ { 283, "a\nb", 3 }, 4000 },      { { 283, "a\x7f", 2 }, 4000 },
		{ { 283, "a\xc2\x85", 3 }, 4000 }, { { 283, "\xff", 1 }, 4000 },
		{ { 283, "\xc3", 1 }, 4000 },      { { 283, "\xed\xa0\x80", 3 }, 4000 },
		{ { 0, NULL, 0 }, 4000 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct opt options[] = { PATH, { 271, "3", 0 }, cases[i].rqi, { 0 } };
		struct mn_onem2m_request r;
		uint8_t buf[BUF_MAX];
		struct mn_coap m = build(buf, MN_COAP_GET, options, "");
		const char *why;
		int rsc = mn_onem2m_request_read(&m, &r, &why);

		if (rsc != cases[i].rsc)
			fail_msg("case %zu: %d", i, rsc);
		assert_string_equal(r.rvi, "3");
		assert_int_equal(r.op, MN_OP_RETRIEVE);
		if (rsc)
			assert_string_equal(r.rqi, "");
	}
}

static void parameters_of_a_wrong_form_are_refused(void **state)
{
	static char long_id[257];
	const struct {
		uint8_t code;
		struct opt options[7];
		int rsc;
	} cases[] = {
		/* FR: absent or 1..255 bytes of text */
		{ MN_COAP_GET, { PATH, { 283, "r", 0 } }, 0 },
		{ MN_COAP_GET, { PATH, { 279, long_id, 255 }, { 283, "r", 0 } }, 0 },
		{ MN_COAP_GET, { PATH, { 279, long_id, 256 }, { 283, "r", 0 } }, 4000 },
		{ MN_COAP_GET, { PATH, { 279, "", 0 }, { 283, "r", 0 } }, 4000 },
		{ MN_COAP_GET, { PATH, { 279, "C\0", 2 }, { 283, "r", 0 } }, 4000 },
		{ MN_COAP_GET, { PATH, { 279, "C\xff", 2 }, { 283, "r", 0 } }, 4000 },
		{ MN_COAP_GET, { PATH, { 256, "", 0 }, { 257, "r", 0 } }, 4000 },
		/* RVI */
		{ MN_COAP_GET, { PATH, { 271, "2a", 0 }, { 283, "r", 0 } }, 0 },
		{ MN_COAP_GET, { PATH, { 271, "123456789012345", 0 }, { 283, "r", 0 } }, 0 },
		{ MN_COAP_GET, { PATH, { 271, "1234567890123456", 0 }, { 283, "r", 0 } }, 4000 },
		{ MN_COAP_GET, { PATH, { 271, "", 0 }, { 283, "r", 0 } }, 4000 },
		{ MN_COAP_GET, { PATH, { 271, "\x01", 0 }, { 283, "r", 0 } }, 4000 },
		/* TY */
		{ MN_COAP_POST,
		  { PATH, { 12, "\x32", 0 }, { 267, "\x27\x11", 2 }, { 283, "r", 0 } },
		  0 },
		{ MN_COAP_POST,
		  { PATH, { 12, "\x32", 0 }, { 267, "", 0 }, { 283, "r", 0 } },
		  4000 },
		{ MN_COAP_POST,
		  { PATH, { 12, "\x32", 0 }, { 267, "\0", 1 }, { 283, "r", 0 } },
		  4000 },
		{ MN_COAP_POST,
		  { PATH, { 12, "\x32", 0 }, { 267, "\0\0\x04", 3 }, { 283, "r", 0 } },
		  4000 },
		/* queries, critical and elective options */
		{ MN_COAP_GET, { PATH, { 15, "rcn=1", 0 }, { 283, "r", 0 } }, 4000 },
		{ MN_COAP_GET, { { 5, "", 0 }, PATH, { 283, "r", 0 } }, 4000 },
		{ MN_COAP_GET, { PATH, { 27, "\x08", 0 }, { 283, "r", 0 } }, 4000 },
		{ MN_COAP_GET, { PATH, { 283, "r", 0 }, { 291, "20240101T000000", 0 } }, 4000 },
		{ MN_COAP_GET, { PATH, { 283, "r", 0 }, { 307, "\x07\xd0", 2 } }, 4000 },
		{ MN_COAP_GET, { PATH, { 283, "r", 0 }, { 65001, "x", 0 } }, 4000 },
		{ MN_COAP_GET, { PATH, { 283, "r", 0 }, { 65000, "x", 0 } }, 0 },
		{ MN_COAP_GET, { PATH, { 257, "r", 0 }, { 264, "\x01", 0 } }, 0 },
		{ MN_COAP_GET, { PATH, { 283, "r", 0 }, { 303, "\x01", 0 }, { 331, "x", 0 } }, 0 },
		{ MN_COAP_GET,
		  { { 3, "host", 0 }, { 7, "\x16\x34", 2 }, PATH, { 283, "r", 0 } },
		  0 },
		{ MN_COAP_GET, { PATH, { 283, "r", 0 }, { 283, "s", 0 } }, 4000 },
		{ MN_COAP_GET, { PATH, { 279, "a", 0 }, { 279, "b", 0 }, { 283, "s", 0 } }, 4000 },
		/* Accept */
		{ MN_COAP_GET, { PATH, { 17, "\x32", 0 }, { 283, "r", 0 } }, 0 },
		{ MN_COAP_GET, { PATH, { 17, "\x3c", 0 }, { 283, "r", 0 } }, 0 },
		{ MN_COAP_GET, { PATH, { 17, "\x29", 0 }, { 283, "r", 0 } }, 5207 },
		{ MN_COAP_GET, { PATH, { 17, "", 0 }, { 283, "r", 0 } }, 5207 },
		{ MN_COAP_GET, { PATH, { 17, "\x27\x11", 2 }, { 283, "r", 0 } }, 5207 },
		/* Content-Format */
		{ MN_COAP_PUT, { PATH, { 12, "\x32", 0 }, { 283, "r", 0 } }, 0 },
		{ MN_COAP_PUT,
		  { PATH, { 12, "\x3c", 0 }, { 283, "r", 0 } },
		  4000 }, /* JSON is no CBOR */
		{ MN_COAP_PUT, { PATH, { 283, "r", 0 } }, 4015 },
		{ MN_COAP_PUT, { PATH, { 12, "\x29", 0 }, { 283, "r", 0 } }, 4015 },
		{ MN_COAP_PUT, { PATH, { 12, "", 0 }, { 283, "r", 0 } }, 4015 },
		{ MN_COAP_PUT, { PATH, { 12, "\x27\x11", 2 }, { 283, "r", 0 } }, 4015 },
		{ MN_COAP_PUT, { PATH, { 12, "\0\0\x32", 3 }, { 283, "r", 0 } }, 4015 },
	};
	size_t i;

	(void)state;
	memset(long_id, 'C', sizeof(long_id) - 1);
	for (i = 0; i < COUNT(cases); i++) {
		bool content = cases[i].code == MN_COAP_POST || cases[i].code == MN_COAP_PUT;
		int rsc = verdict(cases[i].code, cases[i].options, content ? CIN : "");

		if (rsc != cases[i].rsc)
			fail_msg("case %zu: %d", i, rsc);
	}
}

static void content_is_an_object(void **state)
{
	static const struct opt options[] = { PATH, { 12, "\x32", 0 }, { 283, "r", 0 }, { 0 } };

	(void)state;
	assert_int_equal(verdict(MN_COAP_PUT, options, "{}"), 0);
	assert_int_equal(verdict(MN_COAP_PUT, options, "[]"), 4000);
	assert_int_equal(verdict(MN_COAP_PUT, options, "{"), 4000);
	assert_int_equal(verdict(MN_COAP_PUT, options, "{\"a\":1,\"a\":1}"), 4000);
}

static void the_target_is_cse_relative_sp_relative_or_absolute(void **state)
{
	static char segment[256], half[130];
	const struct {
		struct opt path[6];
		const char *to; /* NULL: refused */
	} cases[] = {
		{ { { 11, "in-cse", 0 } }, "in-cse" },
		{ { { 11, "in-cse", 0 }, { 11, "cnt", 0 } }, "in-cse/cnt" },
		{ { { 11, "~", 0 }, { 11, "in-cse-1", 0 }, { 11, "in-cse", 0 } },
		  "/in-cse-1/in-cse" },
		{ { { 11, "_", 0 }, { 11, "sp.org", 0 }, { 11, "in-cse-1", 0 }, { 11, "cnt", 0 } },
		  "//sp.org/in-cse-1/cnt" },
		{ { { 11, "in-cse", 0 }, { 11, "~", 0 }, { 11, "_", 0 } }, "in-cse/~/_" },
		{ { { 11, "~", 0 }, { 11, "~", 0 } }, "/~" },
		{ { { 11, "...", 0 }, { 11, "\xc3\xa4", 0 } }, ".../\xc3\xa4" },
		{ { { 11, segment, 255 } }, segment },
		{ { { 0 } }, NULL },
		{ { { 11, "~", 0 } }, NULL },
		{ { { 11, "_", 0 } }, NULL },
		{ { { 11, "", 0 } }, NULL },
		{ { { 11, "", 0 }, { 11, "in-cse", 0 } }, NULL },
		{ { { 11, "in-cse", 0 }, { 11, "", 0 } }, NULL },
		{ { { 11, ".", 0 } }, NULL },
		{ { { 11, "in-cse", 0 }, { 11, "..", 0 } }, NULL },
		{ { { 11, "in-cse/cnt", 0 } }, NULL },
		{ { { 11, "a\0b", 3 } }, NULL },
		{ { { 11, "a\tb", 3 } }, NULL },
		{ { { 11, "\xff", 0 } }, NULL },
		{ { { 11, half, 129 }, { 11, half, 127 } }, NULL },
		{ { { 11, segment, 255 }, { 11, "a", 0 } }, NULL },
	};
	size_t i;

	(void)state;
	memset(segment, 's', 255);
	memset(half, 'h', 129);
	for (i = 0; i < COUNT(cases); i++) {
		struct opt options[7] = { { 0 } };
		struct mn_onem2m_request r;
		uint8_t buf[BUF_MAX], again[BUF_MAX];
		const char *why;
		struct mn_coap m;
		size_t n = 0;
		int rsc;

		for (; cases[i].path[n].number; n++)
			options[n] = cases[i].path[n];
		options[n] = (struct opt){ 283, "r", 0 };
		m = build(buf, MN_COAP_GET, options, "");
		rsc = mn_onem2m_request_read(&m, &r, &why);
		if (rsc != (cases[i].to ? 0 : 4000))
			fail_msg("case %zu: %d", i, rsc);
		if (!cases[i].to)
			continue;
		assert_string_equal(r.to, cases[i].to);
		/* and back, byte for byte */
		assert_int_equal(mn_onem2m_request_write(&r, again, sizeof(again)),
				 (int)(m.options + m.options_len - buf));
		assert_memory_equal(again, buf, (size_t)(m.options + m.options_len - buf));
	}
}

static void a_path_of_256_bytes_is_the_longest(void **state)
{
	char half[130];
	struct opt options[] = { { 11, half, 129 }, { 11, half, 126 }, { 283, "r", 0 }, { 0 } };

	(void)state;
	memset(half, 'h', sizeof(half));
	assert_int_equal(verdict(MN_COAP_GET, options, ""), 0);
	options[1].len = 127;
	assert_int_equal(verdict(MN_COAP_GET, options, ""), 4000);
}

static struct mn_onem2m_request sample(enum mn_onem2m_op op, enum mn_onem2m_numbering numbering,
				       int format)
{
	struct mn_onem2m_request r = { .op = op,
				       .numbering = numbering,
				       .to = "in-cse/cnt",
				       .from = "C00001",
				       .has_from = true,
				       .rqi = "a1b2-7",
				       .rvi = "3",
				       .content_format = -1 };

	if (op == MN_OP_CREATE)
		r.ty = 4;
	if (op != MN_OP_RETRIEVE && op != MN_OP_DELETE) {
		r.content_format = format;
		r.content = json_loads(CIN, 0, NULL);
		assert_non_null(r.content);
	}
	return r;
}

static void requests_are_read_as_they_are_written(void **state)
{
	int op, numbering, format, accept;

	(void)state;
	for (op = MN_OP_CREATE; op <= MN_OP_NOTIFY; op++)
		for (numbering = NEW; numbering <= OLD; numbering++)
			for (format = 50; format <= 60; format += 10)
				for (accept = 0; accept < 3; accept++) {
					struct mn_onem2m_request in = sample(op, numbering, format);
					struct mn_onem2m_request out;
					uint8_t buf[BUF_MAX];
					struct mn_coap m;
					const char *why;

					in.accept = accept ? 40 + 10 * accept : 0;
					m = parse(buf,
						  mn_onem2m_request_write(&in, buf, sizeof(buf)));
					assert_int_equal(m.token.len, 0);
					assert_int_equal(m.id, 0);
					assert_int_equal(mn_onem2m_request_read(&m, &out, &why), 0);
					assert_int_equal(out.op, op);
					assert_int_equal(out.numbering, numbering);
					assert_string_equal(out.to, in.to);
					assert_string_equal(out.from, in.from);
					assert_string_equal(out.rqi, in.rqi);
					assert_string_equal(out.rvi, in.rvi);
					assert_int_equal(out.ty, in.ty);
					assert_int_equal(out.accept, in.accept);
					assert_int_equal(out.content_format, in.content_format);
					assert_int_equal(out.content != NULL, in.content != NULL);
					if (in.content)
						assert_true(json_equal(out.content, in.content));
					mn_onem2m_request_fini(&in);
					mn_onem2m_request_fini(&out);
				}
}

static void requests_that_cannot_be_are_not_written(void **state)
{
	struct mn_onem2m_request r, good = sample(MN_OP_CREATE, NEW, 50);
	struct mn_onem2m_request get = sample(MN_OP_RETRIEVE, OLD, 0);
	uint8_t buf[BUF_MAX];
	json_t *array = json_array();

	(void)state;
#define REFUSED(base, change)                                                             \
	do {                                                                              \
		r = base;                                                                 \
		change;                                                                   \
		assert_int_equal(mn_onem2m_request_write(&r, buf, sizeof(buf)), -EINVAL); \
	} while (0)

	assert_true(mn_onem2m_request_write(&good, buf, sizeof(buf)) > 0);
	assert_true(mn_onem2m_request_write(&get, buf, sizeof(buf)) > 0);
	REFUSED(good, r.op = 0);
	REFUSED(good, r.op = 6);
	REFUSED(good, r.numbering = 2);
	REFUSED(good, r.ty = 0);
	REFUSED(good, r.ty = 65536);
	REFUSED(get, r.ty = 4);
	REFUSED(good, r.content = NULL);
	REFUSED(get, (r.content = good.content, r.content_format = 50));
	REFUSED(good, r.content = array);
	REFUSED(good, r.content_format = 41);
	REFUSED(good, r.content_format = -1);
	REFUSED(good, r.accept = 41);
	REFUSED(good, r.rqi[0] = '\0');
	REFUSED(good, r.rqi[1] = '\n');
	REFUSED(good, memset(r.rqi, 'r', sizeof(r.rqi) - 1); r.rqi[0] = '\xff');
	REFUSED(good, r.rvi[0] = '\x01');
	REFUSED(good, r.from[0] = '\0');
	REFUSED(good, strcpy(r.to, ""));
	REFUSED(good, strcpy(r.to, "/"));
	REFUSED(good, strcpy(r.to, "//"));
	REFUSED(good, strcpy(r.to, "///a"));
	REFUSED(good, strcpy(r.to, "~"));
	REFUSED(good, strcpy(r.to, "~/a"));
	REFUSED(good, strcpy(r.to, "_/a"));
	REFUSED(good, strcpy(r.to, "a//b"));
	REFUSED(good, strcpy(r.to, "a/"));
	REFUSED(good, strcpy(r.to, "a/../b"));
	REFUSED(good, strcpy(r.to, "a/\xff"));
	REFUSED(good, memset(r.to, 'a', MN_TO_MAX)); /* no segment is that long */
	r = good;
	strcpy(r.to, "~a/_");
	assert_true(mn_onem2m_request_write(&r, buf, sizeof(buf)) > 0);
	json_decref(array);
	mn_onem2m_request_fini(&good);
}

static void a_message_that_does_not_fit_is_not_written(void **state)
{
	struct mn_onem2m_request r = sample(MN_OP_CREATE, NEW, 60);
	struct mn_onem2m_response a = { .rsc = MN_RSC_CREATED,
					.op = MN_OP_CREATE,
					.rqi = "r",
					.content_format = 50,
					.content = r.content };
	uint8_t buf[BUF_MAX], *out;
	int need = mn_onem2m_request_write(&r, buf, sizeof(buf));
	int max;

	(void)state;
	for (max = 1; max < need; max++) {
		out = malloc((size_t)max);
		assert_int_equal(mn_onem2m_request_write(&r, out, (size_t)max), -EMSGSIZE);
		free(out);
	}
	assert_int_equal(mn_onem2m_request_write(&r, buf, (size_t)need), need);
	need = mn_onem2m_response_write(&a, buf, sizeof(buf));
	for (max = 1; max < need; max++) {
		out = malloc((size_t)max);
		assert_int_equal(mn_onem2m_response_write(&a, out, (size_t)max), -EMSGSIZE);
		free(out);
	}
	mn_onem2m_request_fini(&r);
}

static void answers_are_read_as_they_are_written(void **state)
{
	static const struct {
		enum mn_rsc rsc;
		enum mn_onem2m_op op;
		uint8_t code;
		const char *content;
	} cases[] = {
		{ MN_RSC_OK, MN_OP_RETRIEVE, MN_COAP_205, CIN },
		{ MN_RSC_OK, MN_OP_NOTIFY, MN_COAP_204, NULL },
		{ MN_RSC_CREATED, MN_OP_CREATE, MN_COAP_201, CIN },
		{ MN_RSC_CREATED, MN_OP_CREATE, MN_COAP_201, NULL },
		{ MN_RSC_DELETED, MN_OP_DELETE, MN_COAP_202, NULL },
		{ MN_RSC_UPDATED, MN_OP_UPDATE, MN_COAP_204, CIN },
		{ MN_RSC_NO_PRIVILEGE, MN_OP_CREATE, MN_COAP_403, "{\"m2m:dbg\":\"no\"}" },
		{ MN_RSC_NOT_ACCEPTABLE, MN_OP_RETRIEVE, MN_COAP_406, NULL },
		{ MN_RSC_UNSUPPORTED_MEDIA, MN_OP_CREATE, MN_COAP_415, NULL },
	};
	int numbering, format;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		for (numbering = NEW; numbering <= OLD; numbering++)
			for (format = 50; format <= 60; format += 10) {
				struct mn_onem2m_response in = { .rsc = cases[i].rsc,
								 .op = cases[i].op,
								 .numbering = numbering,
								 .rqi = "r-1",
								 .rvi = "2a",
								 .content_format = format };
				struct mn_onem2m_response out;
				uint8_t buf[BUF_MAX];
				struct mn_coap_option o;
				struct mn_coap m;

				if (i % 2)
					in.rvi[0] = '\0';
				if (cases[i].content)
					in.content = json_loads(cases[i].content, 0, NULL);
				m = parse(buf, mn_onem2m_response_write(&in, buf, sizeof(buf)));
				assert_int_equal(m.code, cases[i].code);
				assert_true(
					mn_coap_option_find(&m, numbering == NEW ? 307 : 265, &o));
				assert_int_equal(o.len, 2);
				assert_int_equal(mn_onem2m_response_read(&m, &out), 0);
				assert_int_equal(out.rsc, cases[i].rsc);
				assert_int_equal(out.numbering, numbering);
				assert_string_equal(out.rqi, "r-1");
				assert_string_equal(out.rvi, in.rvi);
				assert_int_equal(out.content_format, in.content ? format : -1);
				assert_int_equal(out.content != NULL, in.content != NULL);
				if (in.content)
					assert_true(json_equal(out.content, in.content));
				json_decref(in.content);
				mn_onem2m_response_fini(&out);
			}
}

static void malformed_answers_are_refused(void **state)
{
	static const struct {
		uint8_t code;
		struct opt options[6];
		const char *payload;
		int err;
	} cases[] = {
		{ MN_COAP_205, { { 283, "r", 0 }, { 307, "\x07\xd0", 2 } }, "", 0 },
		{ MN_COAP_204, { { 257, "r", 0 }, { 265, "\x07\xd0", 2 } }, "", 0 },
		/* a status code of a later edition: only good or bad can be told */
		{ MN_COAP_400, { { 283, "r", 0 }, { 307, "\x10\x5f", 2 } }, "", 0 },
		{ MN_COAP_205, { { 283, "r", 0 }, { 307, "\x10\x5f", 2 } }, "", -EBADMSG },
		{ MN_COAP_400, { { 283, "r", 0 }, { 307, "\x07\xde", 2 } }, "", -EBADMSG },
		{ MN_COAP_GET, { { 283, "r", 0 }, { 307, "\x07\xd0", 2 } }, "", -EBADMSG },
		{ MN_COAP_205, { { 307, "\x07\xd0", 2 } }, "", -EBADMSG },
		{ MN_COAP_205, { { 283, "r", 0 } }, "", -EBADMSG },
		{ MN_COAP_205, { { 283, "", 0 }, { 307, "\x07\xd0", 2 } }, "", -EBADMSG },
		{ MN_COAP_205, { { 283, "r", 0 }, { 307, "\0\x07\xd0", 3 } }, "", -EBADMSG },
		{ MN_COAP_205, { { 283, "r", 0 }, { 307, "", 0 } }, "", -EBADMSG },
		{ MN_COAP_205, { { 257, "r", 0 }, { 307, "\x07\xd0", 2 } }, "", -EBADMSG },
		{ MN_COAP_205, { { 265, "\x07\xd0", 2 }, { 283, "r", 0 } }, "", -EBADMSG },
		{ MN_COAP_205,
		  { { 257, "r", 0 }, { 283, "r", 0 }, { 307, "\x07\xd0", 2 } },
		  "",
		  -EBADMSG },
		{ MN_COAP_205,
		  { { 271, "", 0 }, { 283, "r", 0 }, { 307, "\x07\xd0", 2 } },
		  "",
		  -EBADMSG },
		{ MN_COAP_201, { { 283, "r", 0 }, { 307, "\x07\xd0", 2 } }, "", -EBADMSG },
		{ MN_COAP_400, { { 283, "r", 0 }, { 307, "\x07\xd0", 2 } }, "", -EBADMSG },
		{ MN_COAP_205, { { 283, "r", 0 }, { 307, "\x10\x07", 2 } }, "", -EBADMSG },
		{ MN_COAP_205,
		  { { 27, "\x08", 0 }, { 283, "r", 0 }, { 307, "\x07\xd0", 2 } },
		  "",
		  -EBADMSG },
		{ MN_COAP_205, { { 283, "r", 0 }, { 307, "\x07\xd0", 2 } }, CIN, -EBADMSG },
		{ MN_COAP_205,
		  { { 12, "\x29", 0 }, { 283, "r", 0 }, { 307, "\x07\xd0", 2 } },
		  CIN,
		  -EBADMSG },
		{ MN_COAP_205,
		  { { 12, "\x32", 0 }, { 283, "r", 0 }, { 307, "\x07\xd0", 2 } },
		  "{",
		  -EBADMSG },
		{ MN_COAP_205,
		  { { 12, "\x32", 0 }, { 283, "r", 0 }, { 307, "\x07\xd0", 2 } },
		  CIN,
		  0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct mn_onem2m_response out = { .rsc = 77 };
		uint8_t buf[BUF_MAX];
		struct mn_coap m = build(buf, cases[i].code, cases[i].options, cases[i].payload);
		int r = mn_onem2m_response_read(&m, &out);

		if (r != cases[i].err)
			fail_msg("case %zu: %d", i, r);
		if (r)
			assert_int_equal(out.rsc, 77);
		mn_onem2m_response_fini(&out);
	}
}

static void answers_that_cannot_be_are_not_written(void **state)
{
	struct mn_onem2m_response r, good = { .rsc = MN_RSC_OK, .op = MN_OP_RETRIEVE, .rqi = "r" };
	uint8_t buf[BUF_MAX];
	struct mn_coap_option o;
	struct mn_coap m;

	(void)state;
#define REFUSED_ANSWER(change)                                                             \
	do {                                                                               \
		r = good;                                                                  \
		change;                                                                    \
		assert_int_equal(mn_onem2m_response_write(&r, buf, sizeof(buf)), -EINVAL); \
	} while (0)

	good.content = json_loads(CIN, 0, NULL);
	good.content_format = 50;
	REFUSED_ANSWER(r.rsc = 0);
	REFUSED_ANSWER(r.rsc = 10000);
	REFUSED_ANSWER(r.numbering = 2);
	REFUSED_ANSWER(r.op = MN_OP_NOTIFY);
	REFUSED_ANSWER(r.content_format = 0);
	REFUSED_ANSWER(r.rqi[0] = '\n');
	REFUSED_ANSWER(r.rvi[0] = '\n');
	/* the answer to a request whose RQI could not be read */
	r = good;
	r.rsc = MN_RSC_BAD_REQUEST;
	r.rqi[0] = '\0';
	m = parse(buf, mn_onem2m_response_write(&r, buf, sizeof(buf)));
	assert_int_equal(m.code, MN_COAP_400);
	assert_false(mn_coap_option_find(&m, 283, &o));
	json_decref(good.content);
}

static void status_codes_map_to_coap_as_ts_0008_says(void **state)
{
	static const struct {
		unsigned int rsc;
		enum mn_onem2m_op op;
		uint8_t code;
	} cases[] = {
		{ 2000, MN_OP_RETRIEVE, MN_COAP_205 }, { 2000, MN_OP_NOTIFY, MN_COAP_204 },
		{ 2001, MN_OP_CREATE, MN_COAP_201 },   { 2002, MN_OP_DELETE, MN_COAP_202 },
		{ 2004, MN_OP_UPDATE, MN_COAP_204 },   { 4000, MN_OP_CREATE, MN_COAP_400 },
		{ 4001, MN_OP_CREATE, MN_COAP_501 },   { 4004, MN_OP_CREATE, MN_COAP_404 },
		{ 4005, MN_OP_CREATE, MN_COAP_405 },   { 4008, MN_OP_CREATE, MN_COAP_504 },
		{ 4015, MN_OP_CREATE, MN_COAP_415 },   { 4102, MN_OP_CREATE, MN_COAP_400 },
		{ 4103, MN_OP_CREATE, MN_COAP_403 },   { 4105, MN_OP_CREATE, MN_COAP_403 },
		{ 4106, MN_OP_CREATE, MN_COAP_403 },   { 4107, MN_OP_CREATE, MN_COAP_403 },
		{ 4108, MN_OP_CREATE, MN_COAP_403 },   { 5000, MN_OP_CREATE, MN_COAP_500 },
		{ 5001, MN_OP_CREATE, MN_COAP_501 },   { 5103, MN_OP_CREATE, MN_COAP_404 },
		{ 5105, MN_OP_CREATE, MN_COAP_403 },   { 5106, MN_OP_CREATE, MN_COAP_400 },
		{ 5107, MN_OP_CREATE, MN_COAP_404 },   { 5207, MN_OP_CREATE, MN_COAP_406 },
		{ 9999, MN_OP_CREATE, MN_COAP_500 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(mn_onem2m_code(cases[i].rsc, cases[i].op), cases[i].code);
		assert_true(mn_onem2m_code_fits(cases[i].rsc, cases[i].code));
	}
	assert_string_equal(mn_rsc_name(4103), "ORIGINATOR_HAS_NO_PRIVILEGE");
	assert_string_equal(mn_rsc_name(1), "unknown status code");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_create_is_read_in_both_numberings),
		cmocka_unit_test(the_method_and_ty_say_the_operation),
		cmocka_unit_test(a_mixture_of_numberings_is_refused),
		cmocka_unit_test(the_request_identifier_is_1_to_64_bytes_of_text),
		cmocka_unit_test(parameters_of_a_wrong_form_are_refused),
		cmocka_unit_test(content_is_an_object),
		cmocka_unit_test(the_target_is_cse_relative_sp_relative_or_absolute),
		cmocka_unit_test(a_path_of_256_bytes_is_the_longest),
		cmocka_unit_test(requests_are_read_as_they_are_written),
		cmocka_unit_test(requests_that_cannot_be_are_not_written),
		cmocka_unit_test(a_message_that_does_not_fit_is_not_written),
		cmocka_unit_test(answers_are_read_as_they_are_written),
		cmocka_unit_test(malformed_answers_are_refused),
		cmocka_unit_test(answers_that_cannot_be_are_not_written),
		cmocka_unit_test(status_codes_map_to_coap_as_ts_0008_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
