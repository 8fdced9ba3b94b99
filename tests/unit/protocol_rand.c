// SPDX-License-Identifier: GPL-2.0-or-later
/* Examples of docs/protocol.md: keys, ping, rand-messages and /gsa. */
#include "protocol_examples.h"

enum { KEY_KPSAXM, KEY_KPSAMI, KEY_KPSAXI, KEY_KID, KEY_RAND, KEY_RAND_NEXT };
enum { NO_OBSERVE = -1 };

static void make_key(const struct example *e, struct blob *out)
{
	switch (e->number) {
	case KEY_KPSAXM:
		*out = world_kpsaxm();
		break;
	case KEY_KPSAMI:
		*out = world_kpsami();
		break;
	case KEY_KPSAXI:
		*out = world_kpsaxi();
		break;
	case KEY_KID:
		*out = world_kid();
		break;
	case KEY_RAND:
		*out = world_rand();
		break;
	case KEY_RAND_NEXT:
		*out = world_rand_next();
		break;
	}
}

/* number: enum mn_coap_type */
static void make_empty(const struct example *e, struct blob *out)
{
	out->len = mn_coap_empty(out->bytes, (enum mn_coap_type)e->number, ID_PING);
}

static void make_post_reset(const struct example *e, struct blob *out)
{
	(void)e;
	out->len = mn_coap_empty(out->bytes, MN_COAP_RST, ID_POST_INNER);
}

/* ---- rand-messages ---- */

static void rand_message(struct blob *out, enum mn_hop hop, bool next)
{
	struct mn_rand_message m = { .generation =
					     next ? WORLD_GENERATION_NEXT : WORLD_GENERATION };
	struct mn_rand_message back;
	struct blob rand = next ? world_rand_next() : world_rand();
	int len;

	memcpy(m.rand, rand.bytes, rand.len);
	if (hop == MN_HOP_OUTER)
		strcpy(m.group, WORLD_GROUP);
	len = mn_rand_message_encode(&m, hop, out->bytes, sizeof(out->bytes));
	assert_true(len > 0);
	out->len = (size_t)len;
	assert_int_equal(mn_rand_message_decode(out->bytes, out->len, hop, &back), 0);
	assert_memory_equal(&back, &m, sizeof(m));
}

static void make_rand_message(const struct example *e, struct blob *out)
{
	rand_message(out, (enum mn_hop)e->number, false);
}

/* The token of a POST /gsa: the gateway's has 2 bytes, the IN's 4. */
static struct mn_coap_token post_token(enum mn_hop hop)
{
	return hop == MN_HOP_OUTER ? token_of("\x00\x00\x00\x01", 4) : token_of("\x00\x01", 2);
}

static void make_post(const struct example *e, struct blob *out)
{
	enum mn_hop hop = (enum mn_hop)e->number;
	struct mn_coap_token token = post_token(hop);
	struct blob payload = { 0 };
	struct mn_coap_writer w;

	rand_message(&payload, hop, false);
	mn_coap_begin(&w, out->bytes, sizeof(out->bytes), MN_COAP_CON, MN_COAP_POST,
		      hop == MN_HOP_OUTER ? ID_POST_OUTER : ID_POST_INNER, &token);
	mn_coap_put_path(&w, "gsa");
	mn_coap_put_uint(&w, MN_COAP_OPT_CONTENT_FORMAT, MN_COAP_FORMAT_CBOR);
	mn_coap_put_payload(&w, payload.bytes, payload.len);
	blob_finish(out, &w);
}

/* number: the code. text: any = outer hop */
static void make_post_answer(const struct example *e, struct blob *out)
{
	enum mn_hop hop = e->text ? MN_HOP_OUTER : MN_HOP_INNER;
	struct mn_coap_token token = post_token(hop);
	struct mn_coap_writer w;

	mn_coap_begin(&w, out->bytes, sizeof(out->bytes), MN_COAP_ACK, (uint8_t)e->number,
		      hop == MN_HOP_OUTER ? ID_POST_OUTER : ID_POST_INNER, &token);
	blob_finish(out, &w);
}

/* ---- GET /gsa ---- */

static struct mn_coap_token get_token(bool observe)
{
	return observe ? token_of("\xd0\x0d\x00\x01", 4) : token_of("\xd0\x0d\x00\x00", 4);
}

/* number: value of Observe, NO_OBSERVE = without it. */
static void make_get(const struct example *e, struct blob *out)
{
	bool observe = e->number != NO_OBSERVE;
	struct mn_coap_token token = get_token(observe);
	struct mn_coap_writer w;

	mn_coap_begin(&w, out->bytes, sizeof(out->bytes), MN_COAP_CON, MN_COAP_GET,
		      (uint16_t)(observe ? ID_OBSERVE + e->number : ID_GET_GSA), &token);
	if (observe)
		mn_coap_put_uint(&w, MN_COAP_OPT_OBSERVE, (uint32_t)e->number);
	mn_coap_put_path(&w, "gsa");
	blob_finish(out, &w);
}

/* number: value of Observe, NO_OBSERVE = without it. From 2 on it is a notification, of the next generation. */
static void make_got(const struct example *e, struct blob *out)
{
	bool observe = e->number != NO_OBSERVE, next = e->number >= 2;
	struct mn_coap_token token = get_token(observe);
	struct blob payload = { 0 };
	struct mn_coap_writer w;

	rand_message(&payload, MN_HOP_INNER, next);
	mn_coap_begin(&w, out->bytes, sizeof(out->bytes), next ? MN_COAP_CON : MN_COAP_ACK,
		      MN_COAP_205,
		      next    ? ID_NOTIFICATION :
		      observe ? ID_OBSERVE :
				ID_GET_GSA,
		      &token);
	if (observe)
		mn_coap_put_uint(&w, MN_COAP_OPT_OBSERVE, (uint32_t)e->number);
	mn_coap_put_uint(&w, MN_COAP_OPT_CONTENT_FORMAT, MN_COAP_FORMAT_CBOR);
	mn_coap_put_uint(&w, MN_COAP_OPT_MAX_AGE, 86400);
	mn_coap_put_payload(&w, payload.bytes, payload.len);
	blob_finish(out, &w);
}

static void make_none(const struct example *e, struct blob *out)
{
	struct mn_coap_token token = get_token(false);
	struct mn_coap_writer w;

	mn_coap_begin(&w, out->bytes, sizeof(out->bytes), MN_COAP_ACK, MN_COAP_503, ID_GET_GSA,
		      &token);
	mn_coap_put_uint(&w, MN_COAP_OPT_MAX_AGE, (uint32_t)e->max_age);
	mn_coap_put_payload(&w, e->text, strlen(e->text));
	blob_finish(out, &w);
}

static void make_notification_ack(const struct example *e, struct blob *out)
{
	(void)e;
	out->len = mn_coap_empty(out->bytes, MN_COAP_ACK, ID_NOTIFICATION);
}

const struct example rand_examples[] = {
	{ .name = "kpsaxm", .make = make_key, .number = KEY_KPSAXM },
	{ .name = "kpsami", .make = make_key, .number = KEY_KPSAMI },
	{ .name = "kpsaxi", .make = make_key, .number = KEY_KPSAXI },
	{ .name = "kid", .make = make_key, .number = KEY_KID },
	{ .name = "rand", .make = make_key, .number = KEY_RAND },
	{ .name = "rand-next", .make = make_key, .number = KEY_RAND_NEXT },
	{ .name = "ping", .make = make_empty, .number = MN_COAP_CON },
	{ .name = "ping-answer", .make = make_empty, .number = MN_COAP_RST },
	{ .name = "rand-message-inner", .make = make_rand_message, .number = MN_HOP_INNER },
	{ .name = "rand-message-outer", .make = make_rand_message, .number = MN_HOP_OUTER },
	{ .name = "post-gsa-outer", .make = make_post, .number = MN_HOP_OUTER },
	{ .name = "post-gsa-outer-204",
	  .make = make_post_answer,
	  .text = "outer",
	  .number = MN_COAP_204 },
	{ .name = "post-gsa", .make = make_post, .number = MN_HOP_INNER },
	{ .name = "post-gsa-204", .make = make_post_answer, .number = MN_COAP_204 },
	{ .name = "post-gsa-400", .make = make_post_answer, .number = MN_COAP_400 },
	{ .name = "post-gsa-402", .make = make_post_answer, .number = MN_COAP_402 },
	{ .name = "post-gsa-404", .make = make_post_answer, .number = MN_COAP_404 },
	{ .name = "post-gsa-405", .make = make_post_answer, .number = MN_COAP_405 },
	{ .name = "post-gsa-409", .make = make_post_answer, .number = MN_COAP_409 },
	{ .name = "post-gsa-415", .make = make_post_answer, .number = MN_COAP_415 },
	{ .name = "post-gsa-reset", .make = make_post_reset },
	{ .name = "get-gsa", .make = make_get, .number = NO_OBSERVE },
	{ .name = "get-gsa-205", .make = make_got, .number = NO_OBSERVE },
	{ .name = "get-gsa-503", .make = make_none, .text = "No Rand yet", .max_age = 5 },
	{ .name = "observe-gsa", .make = make_get, .number = 0 },
	{ .name = "observe-gsa-205", .make = make_got, .number = 1 },
	{ .name = "notification", .make = make_got, .number = 2 },
	{ .name = "notification-ack", .make = make_notification_ack },
	{ .name = "observe-gsa-end", .make = make_get, .number = 1 },
};
const size_t rand_examples_n = sizeof(rand_examples) / sizeof(rand_examples[0]);
