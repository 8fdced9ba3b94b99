// SPDX-License-Identifier: GPL-2.0-or-later
#include "print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/coap.h"
#include "log.h"

enum { SALT_LEN = 8 };

static const char *quoted(const struct mnt_event *e, char out[160])
{
	return mn_log_quote(out, 160, e->text ? e->text : (const uint8_t *)"", e->text_len);
}

/* ---- text ---- */

static void print_retry(const struct mnt_event *e)
{
	static const char *const texts[] = {
		[MNT_RETRY_SAME] = "the same protected bytes again",
		[MNT_RETRY_PROTECT] = "protected anew under the same RQI",
		[MNT_RETRY_CONTEXT] = "under a fresh context",
		[MNT_RETRY_CONFIRMED] = "under a fresh context of the confirmed Rand",
		[MNT_RETRY_RAND] = "after the next rand-message",
	};

	printf("next: %s", texts[e->retry]);
	if (e->delay_ms != UINT64_MAX)
		printf(", in %.1f s", (double)e->delay_ms / 1000);
}

static void print_closed(const struct mnt_event *e)
{
	printf("%s: %s", e->was_open ? "session closed" : "handshake failed",
	       mn_close_name(e->close));
	if (e->delay_ms != UINT64_MAX)
		printf(", next handshake in %.1f s", (double)e->delay_ms / 1000);
}

static void print_done(const struct mnt_event *e)
{
	char text[160], code[8];

	switch (e->result) {
	case MNT_RESULT_VERIFIED:
		printf("answer verified: RSC %d %s, RQI %s, %.1f ms", (int)e->response->rsc,
		       mn_rsc_name(e->response->rsc), e->rqi, e->took_us / 1000.0);
		if (e->response->content) {
			printf("\n           ");
			json_dumpf(e->response->content, stdout, JSON_COMPACT);
		}
		break;
	case MNT_RESULT_REFUSED:
	case MNT_RESULT_UNVERIFIED:
		printf("request %s %s: %s %s", e->rqi, mnt_result_name(e->result),
		       mn_coap_code_name(e->code, code), quoted(e, text));
		break;
	case MNT_RESULT_SILENT:
		printf("request %s not answered", *e->rqi ? e->rqi : "(not sent)");
		break;
	case MNT_RESULT_FAILED:
		printf("request is too long for one message");
		break;
	}
}

static void print_salt(const uint8_t *salt)
{
	for (int i = 0; i < SALT_LEN; i++)
		printf("%02x", salt[i]);
}

static void print_text(const struct mnt_agent *a, const struct mnt_event *e, uint64_t start_us)
{
	const struct mnt_credential *c = mnt_agent_credential(a);
	bool direct = mnt_agent_is_direct(a);
	char text[160], code[8];

	printf("%8.3f  ", (double)(e->now_us - start_us) / 1e6);
	switch (e->type) {
	case MNT_EVENT_CONNECTING:
		printf("handshake with %s as %s", direct ? c->cse_id : c->gateway_id,
		       direct ? c->in_id : c->inner_id);
		break;
	case MNT_EVENT_OPENED:
		printf("session open: %s, handshake %.1f ms", mn_suite_name(e->suite),
		       e->took_us / 1000.0);
		break;
	case MNT_EVENT_CLOSED:
		print_closed(e);
		break;
	case MNT_EVENT_RAND:
		printf("Rand of generation %" PRIu32 "%s", e->generation,
		       e->known ? ", already held" : "");
		break;
	case MNT_EVENT_RAND_REFUSED:
		printf("rand-message refused: %s", mn_coap_code_name(e->code, code));
		break;
	case MNT_EVENT_RAND_NONE:
		printf("no Rand: %s, asking again in %.1f s", mn_coap_code_name(e->code, code),
		       (double)e->delay_ms / 1000);
		break;
	case MNT_EVENT_CONTEXT:
		printf("context of generation %" PRIu32 ", ", e->generation);
		print_salt(e->salt);
		break;
	case MNT_EVENT_SENT:
		printf("service request %s sent, try %u", e->rqi, e->attempt);
		break;
	case MNT_EVENT_ACKED:
		printf("acknowledged, the answer follows");
		break;
	case MNT_EVENT_UNPROTECTED:
		printf("unprotected answer: %s %s", mn_coap_code_name(e->code, code),
		       quoted(e, text));
		break;
	case MNT_EVENT_UNVERIFIED:
		printf("an answer that does not verify");
		break;
	case MNT_EVENT_TIMEOUT:
		printf("no answer");
		break;
	case MNT_EVENT_RETRY:
		print_retry(e);
		break;
	case MNT_EVENT_DONE:
		print_done(e);
		break;
	case MNT_EVENT_GOT:
		printf("GET /gsa: %s", mn_coap_code_name(e->code, code));
		break;
	}
	putchar('\n');
}

/* ---- JSON ---- */

static void set_string(json_t *o, const char *key, const char *value)
{
	json_object_set_new(o, key, json_string(value));
}

static void set_code(json_t *o, const struct mnt_event *e, bool with_text)
{
	char text[160], code[8];

	set_string(o, "code", mn_coap_code_name(e->code, code));
	if (with_text)
		set_string(o, "text", quoted(e, text));
}

static void set_delay(json_t *o, const struct mnt_event *e)
{
	json_object_set_new(o, "delay_ms",
			    e->delay_ms == UINT64_MAX ? json_null() :
							json_integer((json_int_t)e->delay_ms));
}

static void set_done(json_t *o, const struct mnt_event *e)
{
	set_string(o, "result", mnt_result_name(e->result));
	set_string(o, "rqi", e->rqi);
	json_object_set_new(o, "tries", json_integer(e->attempt));
	json_object_set_new(o, "took_ms", json_real(e->took_us / 1000.0));
	switch (e->result) {
	case MNT_RESULT_VERIFIED:
		json_object_set_new(o, "rsc", json_integer(e->response->rsc));
		json_object_set(o, "content", e->response->content);
		break;
	case MNT_RESULT_REFUSED:
	case MNT_RESULT_UNVERIFIED:
		set_code(o, e, true);
		break;
	case MNT_RESULT_SILENT:
	case MNT_RESULT_FAILED:
		break;
	}
}

static void set_fields(json_t *o, const struct mnt_agent *a, const struct mnt_event *e)
{
	const struct mnt_credential *c = mnt_agent_credential(a);
	char salt[2 * SALT_LEN + 1];

	switch (e->type) {
	case MNT_EVENT_CONNECTING:
		if (mnt_agent_is_direct(a)) {
			set_string(o, "cse_id", c->cse_id);
			set_string(o, "in_id", c->in_id);
		} else {
			set_string(o, "gateway_id", c->gateway_id);
			set_string(o, "inner_id", c->inner_id);
		}
		break;
	case MNT_EVENT_OPENED:
		set_string(o, "suite", mn_suite_name(e->suite));
		json_object_set_new(o, "took_ms", json_real(e->took_us / 1000.0));
		break;
	case MNT_EVENT_CLOSED:
		set_string(o, "why", mn_close_name(e->close));
		json_object_set_new(o, "was_open", json_boolean(e->was_open));
		set_delay(o, e);
		break;
	case MNT_EVENT_RAND:
		json_object_set_new(o, "generation", json_integer(e->generation));
		json_object_set_new(o, "known", json_boolean(e->known));
		break;
	case MNT_EVENT_RAND_REFUSED:
	case MNT_EVENT_GOT:
		set_code(o, e, false);
		break;
	case MNT_EVENT_RAND_NONE:
		set_code(o, e, false);
		set_delay(o, e);
		break;
	case MNT_EVENT_CONTEXT:
		mn_hex_encode(e->salt, SALT_LEN, salt);
		json_object_set_new(o, "generation", json_integer(e->generation));
		set_string(o, "salt", salt);
		break;
	case MNT_EVENT_SENT:
		set_string(o, "rqi", e->rqi);
		json_object_set_new(o, "try", json_integer(e->attempt));
		json_object_set_new(o, "same_bytes", json_boolean(e->same_bytes));
		break;
	case MNT_EVENT_UNPROTECTED:
		set_code(o, e, true);
		break;
	case MNT_EVENT_RETRY:
		set_string(o, "how", mnt_retry_name(e->retry));
		set_delay(o, e);
		break;
	case MNT_EVENT_DONE:
		set_done(o, e);
		break;
	case MNT_EVENT_ACKED:
	case MNT_EVENT_UNVERIFIED:
	case MNT_EVENT_TIMEOUT:
		break;
	}
}

void mnt_print_event(const struct mnt_agent *a, const struct mnt_event *e, uint64_t start_us,
		     bool json)
{
	json_t *o;

	if (!json) {
		print_text(a, e, start_us);
	} else {
		o = json_object();
		json_object_set_new(o, "t_ms", json_real((double)(e->now_us - start_us) / 1000));
		set_string(o, "event", mnt_event_name(e->type));
		set_fields(o, a, e);
		json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
		putchar('\n');
		json_decref(o);
	}
	fflush(stdout);
}
