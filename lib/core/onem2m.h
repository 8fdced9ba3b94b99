/* SPDX-License-Identifier: GPL-2.0-or-later */
/* oneM2M primitives in the CoAP binding (TS-0008 V3.9.0 and the numbers in use before 2022):
 * mapping between an (inner) CoAP message and a request or response primitive. Pure. */
#ifndef MN_CORE_ONEM2M_H
#define MN_CORE_ONEM2M_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/coap.h"
#include "core/identity.h"

#define MN_RQI_MAX 64
#define MN_TO_MAX 256
#define MN_RVI_MAX 15
#define MN_ONEM2M_CONTENT_MAX 16384 /* bytes of a primitive content */
#define MN_ONEM2M_CONTENT_DEPTH 32  /* arrays and objects in each other */

enum mn_onem2m_op { MN_OP_CREATE = 1, MN_OP_RETRIEVE, MN_OP_UPDATE, MN_OP_DELETE, MN_OP_NOTIFY };
enum mn_onem2m_numbering { MN_NUMBERS_TS0008_V3_9, MN_NUMBERS_BEFORE_2022 };

/* Response status codes (TS-0004 6.6.3) that this project makes; a response that is read may have
 * another. */
enum mn_rsc {
	MN_RSC_OK = 2000,
	MN_RSC_CREATED = 2001,
	MN_RSC_DELETED = 2002,
	MN_RSC_UPDATED = 2004,
	MN_RSC_BAD_REQUEST = 4000,
	MN_RSC_RELEASE_NOT_SUPPORTED = 4001,
	MN_RSC_NOT_FOUND = 4004,
	MN_RSC_OPERATION_NOT_ALLOWED = 4005,
	MN_RSC_REQUEST_TIMEOUT = 4008,
	MN_RSC_UNSUPPORTED_MEDIA = 4015,
	MN_RSC_CONTENTS_UNACCEPTABLE = 4102,
	MN_RSC_NO_PRIVILEGE = 4103,
	MN_RSC_CONFLICT = 4105,
	MN_RSC_ORIGINATOR_NOT_REGISTERED = 4106,
	MN_RSC_INVALID_CHILD = 4108,
	MN_RSC_INTERNAL = 5000,
	MN_RSC_NOT_IMPLEMENTED = 5001,
	MN_RSC_TARGET_NOT_REACHABLE = 5103,
	MN_RSC_RECEIVER_NO_PRIVILEGE = 5105,
	MN_RSC_ALREADY_EXISTS = 5106,
	MN_RSC_NOT_ACCEPTABLE = 5207,
};

struct mn_onem2m_request {
	enum mn_onem2m_op op;
	enum mn_onem2m_numbering numbering;
	/* The TO parameter: CSE-relative "in-cse/cnt", SP-relative "/cse-id/.." (Uri-Path "~",
	 * "cse-id", ..) or absolute "//sp/cse-id/.." (Uri-Path "_", "sp", ..), TS-0008 6.2.2.3 */
	char to[MN_TO_MAX + 1];
	char from[MN_ENTITY_MAX + 1]; /* raw UTF-8 as sent; has_from false: absent */
	bool has_from;
	char rqi[MN_RQI_MAX + 1];
	char rvi[MN_RVI_MAX + 1]; /* "" = absent */
	unsigned int ty;          /* CREATE only, else 0 */
	int content_format;       /* 50, 60 or -1 when there is no content */
	int accept;               /* 50 or 60, the format wanted for the answer; 0 = any */
	json_t *content;          /* primitive content or NULL; owned */
	/* The content's bytes in the message, NULL when there is none. After mn_onem2m_request_head they
	 * have not been looked at. */
	const void *raw;
	size_t raw_len;
};

/* Reads a request. Returns 0, or the RSC (positive) to answer with; *out is then filled as far as
 * op, RQI, RVI and numbering could be read, without content, and a text for the log is in *why (a
 * static string). After 0 the content is owned by the caller: mn_onem2m_request_fini. The number of
 * FR (else of RQI) decides the numbering.
 *
 * 4000  an option of the other numbering; RQI absent or not 1..MN_RQI_MAX bytes of text; FR or RVI
 *       empty, too long or no text; TY zero, longer than 2 bytes or on another method than POST; To
 *       empty, longer than MN_TO_MAX, or a segment of it empty, ".", ".." or with '/'; any
 *       Uri-Query; another critical option (Uri-Host, Uri-Port, OT, and EC and VSI of TS-0008 V3.9
 *       are taken and not looked at); content where the operation has none, or none where it has;
 *       content that is no strict JSON or CBOR object
 * 4005  another method than GET, POST, PUT, DELETE
 * 4015  content without Content-Format, or with another than 50 and 60
 * 5207  Accept with another format than 50 and 60
 *
 * Text is UTF-8 without control characters. Which RVIs are served is the caller's decision. */
int mn_onem2m_request_read(const struct mn_coap *m, struct mn_onem2m_request *out,
			   const char **why);
/* The same in two steps, for who can do without the tree: all but the form of the content, and the
 * content. */
int mn_onem2m_request_head(const struct mn_coap *m, struct mn_onem2m_request *out,
			   const char **why);
int mn_onem2m_request_content(struct mn_onem2m_request *r, const char **why);
void mn_onem2m_request_fini(struct mn_onem2m_request *r);

/* Writes a request as an inner CoAP message (CON, id 0, no token). content_format 50 or 60 when
 * there is content. Returns the length, -EMSGSIZE, -EINVAL for a request that
 * mn_onem2m_request_read would refuse, -ENOMEM. */
int mn_onem2m_request_write(const struct mn_onem2m_request *r, uint8_t *buf, size_t max);

struct mn_onem2m_response {
	enum mn_rsc rsc;
	/* Decides the code where RSC alone does not (2000 of NOTIFY is 2.04); not set by read,
	 * which takes both. */
	enum mn_onem2m_op op;
	enum mn_onem2m_numbering numbering;
	char rqi[MN_RQI_MAX + 1]; /* write: "" leaves it out (a request without a readable RQI) */
	char rvi[MN_RVI_MAX + 1];
	int content_format; /* of content: 50 or 60 */
	json_t *content;    /* borrowed by write; owned after read: mn_onem2m_response_fini */
	/* write: a content that is text of content_format already, instead of content; NULL = none */
	const void *raw;
	size_t raw_len;
};
/* Same form and errors as mn_onem2m_request_write. */
int mn_onem2m_response_write(const struct mn_onem2m_response *r, uint8_t *buf, size_t max);
/* -EBADMSG when RSC or RQI is missing or malformed, options of both numberings come together, the
 * inner code does not fit the RSC, or the content is not readable; out is then untouched. */
int mn_onem2m_response_read(const struct mn_coap *m, struct mn_onem2m_response *out);
void mn_onem2m_response_fini(struct mn_onem2m_response *r);

/* RSC -> CoAP code (TS-0008 table 6.2.4-1); 5.00 for what it does not know. */
uint8_t mn_onem2m_code(enum mn_rsc rsc, enum mn_onem2m_op op);
/* May an answer with that RSC have that code? Of an RSC that is not in the table only success
 * against error is compared. */
bool mn_onem2m_code_fits(unsigned int rsc, uint8_t code);
/* "ORIGINATOR_HAS_NO_PRIVILEGE"; never NULL. */
const char *mn_rsc_name(enum mn_rsc rsc);

/* Strict JSON (RFC 8259) / CBOR (RFC 8949) to json_t, an array or object; the caller owns it. NULL
 * on anything malformed, duplicate keys, U+0000, integers outside int64, more than
 * MN_ONEM2M_CONTENT_DEPTH or MN_ONEM2M_CONTENT_MAX, trailing bytes, another format than 50 and 60.
 * Of CBOR it takes definite lengths only (heads need not be shortest), text keys, integers, half to
 * double floats but for NaN and infinities, true, false and null; a byte string becomes its base64
 * text, as xs:base64Binary is written in JSON; tags, undefined and other simple values are
 * refused. */
json_t *mn_onem2m_content_read(int content_format, const void *data, size_t len);
/* Allocates *out (free()), at most MN_ONEM2M_CONTENT_MAX bytes. JSON without spaces; CBOR in
 * shortest definite form, floats in the shortest that keeps the value, members in json_t's order.
 * -EINVAL another format, or content that read would refuse; -EMSGSIZE, -ENOMEM. *out is untouched
 * on errors. */
int mn_onem2m_content_write(int content_format, const json_t *content, void **out, size_t *len);

#endif
