// SPDX-License-Identifier: GPL-2.0-or-later
#include "carry.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/oscore.h"

static struct vm_req r;

/* ---- commands ---- */

int vm_outer_set(int nl, uint32_t hop, uint64_t session, uint16_t attr, uint32_t value)
{
	vm_req(&r, MNCSE_KCMD_OUTER_SET);
	vm_put_u32(&r, MNCSE_KA_OUTER_ID, hop);
	vm_put_u64(&r, MNCSE_KA_SESSION_ID, session);
	if (attr)
		vm_put_u32(&r, attr, value);
	return vm_call(nl, &r, false, NULL, NULL);
}

int vm_session_set(int nl, uint64_t id, uint16_t attr, uint32_t value)
{
	vm_req(&r, MNCSE_KCMD_SESSION_SET);
	vm_put_u64(&r, MNCSE_KA_SESSION_ID, id);
	vm_put_u32(&r, attr, value);
	return vm_call(nl, &r, false, NULL, NULL);
}

int vm_limit(int nl, uint16_t attr, uint32_t value)
{
	vm_req(&r, MNCSE_KCMD_LIMITS_SET);
	vm_put_u32(&r, attr, value);
	return vm_call(nl, &r, false, NULL, NULL);
}

void vm_carry_start(struct vm_carry *c, int family, uint16_t device_suite, uint16_t in_suite)
{
	static const uint8_t kid[7] = "a kid.";

	*c = (struct vm_carry){ .nl = vm_nl_open(),
				.udp = vm_udp(family),
				.outer_udp = vm_udp(family) };
	memcpy(c->kid, kid, sizeof(kid));
	c->socket = vm_take(c->nl, c->udp);
	c->outer_socket = vm_take(c->nl, c->outer_udp);
	vm_peer_init(&c->device, c->udp, VM_DEVICE, device_suite);
	vm_peer_init(&c->in, c->outer_udp, VM_OUTER, in_suite);
	assert_int_equal(vm_session_add(c->nl, &c->in, c->outer_socket, 0), 0);
	assert_int_equal(vm_outer_set(c->nl, VM_HOP, VM_OUTER, 0, 0), 0);
	vm_session_add_req(&r, &c->device, c->socket);
	vm_put_key(&r, &c->device, 0);
	vm_put_u32(&r, MNCSE_KA_OUTER_ID, VM_HOP);
	vm_put(&r, MNCSE_KA_KID, c->kid, sizeof(c->kid));
	vm_put_u32(&r, MNCSE_KA_GENERATION, VM_GENERATION);
	assert_int_equal(vm_call(c->nl, &r, false, NULL, NULL), 0);
}

void vm_carry_stop(struct vm_carry *c)
{
	vm_peer_fini(&c->device);
	vm_peer_fini(&c->in);
	close(c->udp);
	close(c->outer_udp);
	assert_int_equal(vm_stat(c->nl, "kernel.sessions"), 0);
	assert_int_equal(vm_stat(c->nl, "kernel.carry_open"), 0);
	assert_int_equal(vm_stat(c->nl, "kernel.carry_replies"), 0);
	assert_int_equal(vm_stat(c->nl, "kernel.carry_bytes"), 0);
	vm_req(&r, MNCSE_KCMD_OUTER_DEL);
	vm_put_u32(&r, MNCSE_KA_OUTER_ID, VM_HOP);
	assert_int_equal(vm_call(c->nl, &r, false, NULL, NULL), 0);
	vm_nl_close(c->nl);
}

/* ---- messages ---- */

struct vm_request vm_request(const struct vm_carry *c, uint16_t id)
{
	static const uint8_t context[12] = { 1, 2, 3, 4, 'r', 'a', 'n', 'd', 'o', 'm', '.', '.' };
	struct vm_request q = {
		.type = MN_COAP_CON,
		.code = MN_COAP_POST,
		.id = id,
		.token = { 4, { 't', 'o', 'k', (uint8_t)id } },
		.payload = "protected request",
		.payload_len = 17,
	};
	const uint8_t piv[2] = { (uint8_t)(1 + (id >> 8)), (uint8_t)id };
	int len = mn_oscore_option_write(piv, sizeof(piv), c->kid, sizeof(c->kid), true, context,
					 sizeof(context), q.option, sizeof(q.option));

	assert_true(len > 0);
	q.option_len = (size_t)len;
	return q;
}

size_t vm_request_write(const struct vm_request *q, uint8_t out[VM_MESSAGE])
{
	struct mn_coap_writer w;
	int len;

	mn_coap_begin(&w, out, VM_MESSAGE, q->type, q->code, q->id, &q->token);
	if (q->extra && q->extra < MN_COAP_OPT_OSCORE)
		mn_coap_put(&w, q->extra, "x", 1);
	if (q->option_len)
		mn_coap_put(&w, MN_COAP_OPT_OSCORE, q->option, q->option_len);
	if (q->extra > MN_COAP_OPT_OSCORE)
		mn_coap_put(&w, q->extra, "x", 1);
	mn_coap_put_payload(&w, q->payload, q->payload_len);
	len = mn_coap_finish(&w);
	assert_true(len > 0);
	return (size_t)len;
}

void vm_ask(struct vm_carry *c, const struct vm_request *q)
{
	uint8_t data[VM_MESSAGE];

	vm_say(&c->device, MNCSE_APPLICATION, data, vm_request_write(q, data));
}

struct mn_coap vm_message(struct vm_peer *p)
{
	static uint8_t data[VM_MESSAGE];
	struct pollfd fd = { p->fd, POLLIN, 0 };
	struct mn_coap m;
	uint64_t sequence;
	uint8_t type;
	int len;

	assert_int_equal(poll(&fd, 1, 30000), 1);
	len = vm_hear(p, &type, &sequence, data, sizeof(data));
	assert_true(len >= 0);
	assert_int_equal(type, MNCSE_APPLICATION);
	assert_int_equal(mn_coap_read(data, (size_t)len, &m, NULL), 0);
	return m;
}

struct mn_coap vm_at_in(struct vm_carry *c, const struct vm_request *q)
{
	struct mn_coap m = vm_message(&c->in);
	struct mn_coap_cursor at = { 0 };
	struct mn_coap_option o;

	assert_int_equal(m.type, MN_COAP_NON);
	assert_int_equal(m.code, MN_COAP_POST);
	assert_true(m.id >= MNCSE_KERNEL_MESSAGE_ID);
	assert_int_equal(m.token.len, 7);
	assert_true(mn_coap_option_next(&m, &at, &o));
	assert_int_equal(o.number, MN_COAP_OPT_OSCORE);
	assert_int_equal(o.len, q->option_len);
	assert_memory_equal(o.value, q->option, o.len);
	assert_false(mn_coap_option_next(&m, &at, &o));
	assert_int_equal(m.payload_len, q->payload_len);
	if (m.payload_len)
		assert_memory_equal(m.payload, q->payload, m.payload_len);
	return m;
}

void vm_answer_as(struct vm_carry *c, enum mn_coap_type type, uint16_t id,
		  const struct mn_coap_token *to, uint8_t code, const void *option,
		  const void *payload, size_t len)
{
	static uint8_t data[VM_MESSAGE];
	struct mn_coap_writer w;

	mn_coap_begin(&w, data, sizeof(data), type, code, id, to);
	mn_coap_put(&w, MN_COAP_OPT_ETAG, "elective", 8);
	if (option)
		mn_coap_put(&w, MN_COAP_OPT_OSCORE, option, strlen(option));
	mn_coap_put_uint(&w, MN_COAP_OPT_MAX_AGE, 5);
	mn_coap_put_payload(&w, payload, len);
	vm_say(&c->in, MNCSE_APPLICATION, data, (size_t)mn_coap_finish(&w));
}

uint16_t vm_at_device(struct vm_carry *c, const struct vm_request *q, enum mn_coap_type type,
		      uint8_t code, const void *payload, size_t len)
{
	struct mn_coap m = vm_message(&c->device);

	assert_int_equal(m.type, type);
	assert_int_equal(m.code, code);
	if (type == MN_COAP_ACK)
		assert_int_equal(m.id, q->id);
	else
		assert_true(m.id >= MNCSE_KERNEL_MESSAGE_ID);
	if (code == MN_COAP_EMPTY)
		return m.id;
	assert_int_equal(m.token.len, q->token.len);
	assert_memory_equal(m.token.bytes, q->token.bytes, m.token.len);
	assert_int_equal(m.payload_len, len);
	if (len)
		assert_memory_equal(m.payload, payload, len);
	return m.id;
}

void vm_empty(struct vm_peer *p, enum mn_coap_type type, uint16_t id)
{
	uint8_t data[16];

	vm_say(p, MNCSE_APPLICATION, data, mn_coap_empty(data, type, id));
}

void vm_went_up(struct vm_carry *c, const struct vm_request *q)
{
	static uint8_t want[VM_MESSAGE], got[VM_MESSAGE];
	size_t len = vm_request_write(q, want), head = sizeof(struct mncse_kernel_record);
	int n = vm_recv(c->udp, got, sizeof(got), 30000);

	assert_int_equal(n, head + len);
	assert_int_equal(got[0], MNCSE_KERNEL_MAGIC);
	assert_memory_equal(got + head, want, len);
}

bool vm_silent(int fd)
{
	uint8_t byte;

	return vm_recv(fd, &byte, 1, 0) < 0;
}

void vm_stat_reaches(int nl, const char *name, uint64_t value)
{
	for (int i = 0; i < 3000 && vm_stat(nl, name) < value; i++)
		usleep(20000);
	assert_int_equal(vm_stat(nl, name), value);
}
