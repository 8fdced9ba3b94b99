/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A gateway without sockets: the daemon's own sources over sessions that record what is sent, and a clock that the test
 * moves. The store is a real one, in a temporary folder. Messages that are sent are kept in order and taken one by one. */
#ifndef GATEWAY_FIXTURE_H
#define GATEWAY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../daemon/gateway.h"

#define FX_MESSAGE_MAX 2048

struct fx_message {
	size_t len;
	uint8_t data[FX_MESSAGE_MAX];
	struct mn_coap coap; /* read from data */
};

/* The gateway mn-cse-1 with devices D1, D2, ... of group g1 (and E1 of g2); the session to the IN is up when up. */
struct mnd_gateway *fx_new(unsigned int devices, bool up);
void fx_free(struct mnd_gateway *g);

/* Opens a session of the device, through mnd_device_open. */
struct mn_session *fx_connect(struct mnd_gateway *g, const char *entity);
/* As the endpoint would on close_notify. */
void fx_disconnect(struct mnd_gateway *g, struct mn_session *s);
struct mnd_device *fx_device(struct mn_session *s);
bool fx_closing(const struct mn_session *s);
/* The outer session, NULL when there is none; opened and closed by the test, as the endpoint would. */
struct mn_session *fx_outer(void);
void fx_outer_open(struct mnd_gateway *g);
void fx_outer_close(struct mnd_gateway *g, enum mn_close why);

/* The next `n` sends fail with that error. */
void fx_fail_sends(unsigned int n, int err);
/* While held, what is deferred waits, so that several messages come in one iteration of the loop; fx_run ends it. */
void fx_hold(void);
/* Runs deferred functions, then all timers up to now + ms, in their order. */
void fx_run(struct mnd_gateway *g, uint64_t ms);
uint64_t fx_now(void);

/* The oldest message sent on s and not taken yet; false when there is none. */
bool fx_take(struct mn_session *s, struct fx_message *out);
/* Fails the test when there is none. */
void fx_expect(struct mn_session *s, struct fx_message *out, enum mn_coap_type type, uint8_t code);
void fx_expect_nothing(struct mn_session *s);

/* Gives a message to the gateway: from a device, or from the IN. */
void fx_input(struct mnd_gateway *g, struct mn_session *s, const void *data, size_t len);
/* Builds one with a token of two bytes and gives it. with: option number, value; option 0 = none. */
struct fx_option {
	uint16_t number;
	const void *value;
	size_t len;
};
void fx_send(struct mnd_gateway *g, struct mn_session *s, enum mn_coap_type type, uint8_t code,
	     uint16_t id, const struct mn_coap_token *token, const struct fx_option *options,
	     size_t n, const void *payload, size_t payload_len);
void fx_send_empty(struct mnd_gateway *g, struct mn_session *s, enum mn_coap_type type,
		   uint16_t id);
/* A service request of the device under that generation, with its own kid, Partial IV 0. */
void fx_service(struct mnd_gateway *g, struct mn_session *s, enum mn_coap_type type, uint16_t id,
		uint32_t generation);
/* A rand-message of the IN for the group, as CON. */
void fx_rand(struct mnd_gateway *g, uint16_t id, const char *group, uint32_t generation,
	     uint8_t fill);
/* The IN answers a forwarded request. option: with an OSCORE option. */
void fx_answer(struct mnd_gateway *g, const struct fx_message *request, uint8_t code, bool option,
	       const char *payload);

#endif
