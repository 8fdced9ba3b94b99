// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/ctl/codec.c: each way in which a message may be wrong is refused with a text of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <netlink/genl/genl.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/codec.h"

/* A message under construction, any content. */
static struct {
	uint8_t data[MN_CTL_MESSAGE_MAX + 64] __attribute__((aligned(8)));
	size_t len;
} m;

static struct nlattr *attrs[MNCSE_A_MAX + 1];
static enum mncse_cmd cmd;

static struct nlmsghdr *head(void)
{
	return (struct nlmsghdr *)m.data;
}

static struct genlmsghdr *genl(void)
{
	return (struct genlmsghdr *)(m.data + NLMSG_HDRLEN);
}

static void begin(enum mncse_cmd c, unsigned int flags)
{
	memset(&m, 0, sizeof(m));
	m.len = NLMSG_HDRLEN + GENL_HDRLEN;
	head()->nlmsg_len = (uint32_t)m.len;
	head()->nlmsg_type = MNCSE_UNIX_TYPE;
	head()->nlmsg_flags = (uint16_t)flags;
	head()->nlmsg_seq = 7;
	genl()->cmd = (uint8_t)c;
	genl()->version = MNCSE_GENL_VERSION;
}

static void put(unsigned int type, const void *data, size_t len)
{
	struct nlattr *a = (void *)(m.data + m.len);

	a->nla_type = (uint16_t)type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + len);
	memcpy((char *)a + NLA_HDRLEN, data, len);
	m.len += NLA_HDRLEN + NLA_ALIGN(len);
	head()->nlmsg_len = (uint32_t)m.len;
}

static void put_text(unsigned int type, const char *text)
{
	put(type, text, strlen(text) + 1);
}

/* Parses a copy of exactly the message's size, so that the sanitizer sees any read beyond it. */
static int parse(int *attr, const char **text)
{
	static uint8_t *copy;

	free(copy);
	copy = malloc(m.len ? m.len : 1);
	assert_non_null(copy);
	memcpy(copy, m.data, m.len);
	return mn_ctl_parse(copy, m.len, &cmd, attrs, attr, text);
}

static void taken(void)
{
	const char *text;
	int attr;

	if (parse(&attr, &text))
		fail_msg("refused: %s: %s", mn_ctl_attr_name(attr), text);
	assert_int_equal(attr, 0);
	assert_int_equal(cmd, genl()->cmd);
}

static void refused(int err, int attr, const char *text)
{
	const char *why;
	int which;

	assert_int_equal(parse(&which, &why), err);
	assert_string_equal(why, text);
	assert_int_equal(which, attr);
	assert_int_equal(cmd, MNCSE_CMD_UNSPEC);
}

static void every_attribute_has_a_name_and_a_policy(void **state)
{
	(void)state;
	for (int a = 1; a <= MNCSE_A_MAX; a++) {
		assert_non_null(mn_ctl_attr_name(a));
		for (int b = 1; b < a; b++)
			assert_string_not_equal(mn_ctl_attr_name(a), mn_ctl_attr_name(b));
	}
	assert_string_equal(mn_ctl_attr_name(MNCSE_A_SESSION_ID), "session_id");
	assert_string_equal(mn_ctl_attr_name(0), "unknown");
	assert_string_equal(mn_ctl_attr_name(MNCSE_A_MAX + 1), "unknown");
	assert_string_equal(mn_ctl_attr_name(-1), "unknown");
	assert_int_equal(mn_ctl_attr_type(MNCSE_A_ACTIVE), MN_CTL_U8);
	assert_int_equal(mn_ctl_attr_type(MNCSE_A_KEY), MN_CTL_BINARY);
}

/* The policy agrees with the types that the header of the protocol states. */
static void sizes_are_those_of_the_protocol(void **state)
{
	uint8_t bytes[9] = { 0 };

	(void)state;
	for (unsigned int a = 1; a <= MNCSE_A_MAX; a++) {
		size_t right = 0;

		switch (mn_ctl_attr_type((int)a)) {
		case MN_CTL_STRING:
			continue;
		case MN_CTL_U8:
			right = 1;
			break;
		case MN_CTL_U32:
			right = 4;
			break;
		case MN_CTL_U64:
			right = 8;
			break;
		case MN_CTL_BINARY:
			right = 7;
			break;
		}
		begin(MNCSE_CMD_STATUS, 0);
		put(a, bytes, right);
		taken();
		if (a == MNCSE_A_KEY)
			continue;
		begin(MNCSE_CMD_STATUS, 0);
		put(a, bytes, right - 1);
		refused(-EINVAL, (int)a, "wrong size");
		begin(MNCSE_CMD_STATUS, 0);
		put(a, bytes, right + 1);
		refused(-EINVAL, (int)a, "wrong size");
	}
}

static void good_request_is_taken(void **state)
{
	const uint8_t key[64] = { 1 };
	uint64_t id = 0x1122334455667788;

	(void)state;
	begin(MNCSE_CMD_DEVICE_ADD, NLM_F_REQUEST | NLM_F_ACK);
	put_text(MNCSE_A_ENTITY, "C\xc3\xa4 1");
	put_text(MNCSE_A_GROUP, "g1");
	put(MNCSE_A_KEY, key, sizeof(key));
	put(MNCSE_A_SESSION_ID, &id, sizeof(id));
	taken();
	assert_string_equal(nla_get_string(attrs[MNCSE_A_ENTITY]), "C\xc3\xa4 1");
	assert_string_equal(nla_get_string(attrs[MNCSE_A_GROUP]), "g1");
	assert_int_equal(nla_len(attrs[MNCSE_A_KEY]), 64);
	assert_true(nla_get_u64(attrs[MNCSE_A_SESSION_ID]) == id);
	assert_null(attrs[MNCSE_A_KID]);

	begin(MNCSE_CMD_SESSION_GET, NLM_F_REQUEST | NLM_F_DUMP);
	taken();
}

static void message_of_libnl_is_taken(void **state)
{
	struct nl_msg *msg = mn_ctl_request_new(MNCSE_CMD_EVICT, false);
	const char *text;
	int attr;

	(void)state;
	assert_non_null(msg);
	assert_int_equal(nla_put_string(msg, MNCSE_A_ENTITY, "C00001"), 0);
	assert_int_equal(nla_put_u64(msg, MNCSE_A_SESSION_ID, 5), 0);
	assert_int_equal(
		mn_ctl_parse(nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len, &cmd, attrs, &attr, &text),
		0);
	assert_int_equal(cmd, MNCSE_CMD_EVICT);
	assert_string_equal(nla_get_string(attrs[MNCSE_A_ENTITY]), "C00001");
	mn_ctl_request_free(msg);
}

static void bad_header_is_refused(void **state)
{
	(void)state;
	begin(MNCSE_CMD_STATUS_GET, NLM_F_REQUEST);
	m.len = 0;
	refused(-EBADMSG, 0, "message is shorter than its header");
	m.len = NLMSG_HDRLEN - 1;
	refused(-EBADMSG, 0, "message is shorter than its header");
	m.len = NLMSG_HDRLEN;
	refused(-EBADMSG, 0, "message is shorter than nlmsg_len says");
	head()->nlmsg_len = NLMSG_HDRLEN;
	refused(-EBADMSG, 0, "message is shorter than its generic netlink header");

	begin(MNCSE_CMD_STATUS_GET, NLM_F_REQUEST);
	m.len += 4;
	refused(-EBADMSG, 0, "bytes follow the end that nlmsg_len says");
	begin(MNCSE_CMD_STATUS_GET, NLM_F_REQUEST);
	head()->nlmsg_len = UINT32_MAX;
	refused(-EBADMSG, 0, "message is shorter than nlmsg_len says");
	begin(MNCSE_CMD_STATUS_GET, NLM_F_REQUEST);
	head()->nlmsg_type = MNCSE_UNIX_TYPE + 1;
	refused(-EBADMSG, 0, "nlmsg_type is not 0x20");
	begin(MNCSE_CMD_STATUS_GET, NLM_F_REQUEST);
	genl()->version = 2;
	refused(-EPROTO, 0, "protocol version is not 1");
	begin(MNCSE_CMD_STATUS_GET, NLM_F_REQUEST);
	genl()->reserved = 1;
	refused(-EBADMSG, 0, "reserved field of the generic netlink header is not 0");
	begin(MNCSE_CMD_UNSPEC, NLM_F_REQUEST);
	refused(-EOPNOTSUPP, 0, "unknown command");
	begin(__MNCSE_CMD_MAX, NLM_F_REQUEST);
	refused(-EOPNOTSUPP, 0, "unknown command");
}

static void unaligned_message_is_refused(void **state)
{
	uint8_t copy[64] __attribute__((aligned(8)));
	const char *text;
	int attr;

	(void)state;
	begin(MNCSE_CMD_STATUS_GET, NLM_F_REQUEST);
	memcpy(copy + 1, m.data, m.len);
	assert_int_equal(mn_ctl_parse(copy + 1, m.len, &cmd, attrs, &attr, &text), -EINVAL);
	assert_string_equal(text, "message is not aligned to 4 bytes");
}

static void bad_flags_are_refused(void **state)
{
	(void)state;
	begin(MNCSE_CMD_STATUS_GET, 0);
	refused(-EBADMSG, 0, "a request without NLM_F_REQUEST");
	begin(MNCSE_CMD_STATUS_GET, NLM_F_REQUEST | NLM_F_ECHO);
	refused(-EBADMSG, 0, "a request has unknown flags");
	begin(MNCSE_CMD_STATUS_GET, NLM_F_REQUEST | NLM_F_ROOT);
	refused(-EBADMSG, 0, "a request has half of NLM_F_DUMP");
	begin(MNCSE_CMD_STATUS, NLM_F_REQUEST);
	refused(-EBADMSG, 0, "an answer has flags other than NLM_F_MULTI");
	begin(MNCSE_CMD_STATUS, NLM_F_MULTI);
	taken();
}

static void bad_attributes_are_refused(void **state)
{
	const uint8_t big[65] = { 0 };
	uint32_t value = 1;

	(void)state;
	begin(MNCSE_CMD_EVICT, NLM_F_REQUEST);
	put_text(MNCSE_A_MAX + 1, "x");
	refused(-EINVAL, MNCSE_A_MAX + 1, "unknown attribute");
	begin(MNCSE_CMD_EVICT, NLM_F_REQUEST);
	put_text(MNCSE_A_UNSPEC, "x");
	refused(-EINVAL, 0, "unknown attribute");
	begin(MNCSE_CMD_EVICT, NLM_F_REQUEST);
	put_text(MNCSE_A_ENTITY, "a");
	put_text(MNCSE_A_ENTITY, "b");
	refused(-EINVAL, MNCSE_A_ENTITY, "attribute is repeated");
	begin(MNCSE_CMD_EVICT, NLM_F_REQUEST);
	put_text(MNCSE_A_ENTITY | NLA_F_NESTED, "a");
	refused(-EINVAL, MNCSE_A_ENTITY, "attribute has flags");
	begin(MNCSE_CMD_EVICT, NLM_F_REQUEST);
	put_text(MNCSE_A_ENTITY | NLA_F_NET_BYTEORDER, "a");
	refused(-EINVAL, MNCSE_A_ENTITY, "attribute has flags");
	begin(MNCSE_CMD_EVICT, NLM_F_REQUEST);
	put(MNCSE_A_PID, &value, 4);
	taken();

	begin(MNCSE_CMD_DEVICE_ADD, NLM_F_REQUEST);
	put(MNCSE_A_KEY, big, 0);
	refused(-EINVAL, MNCSE_A_KEY, "wrong size");
	begin(MNCSE_CMD_DEVICE_ADD, NLM_F_REQUEST);
	put(MNCSE_A_KEY, big, 65);
	refused(-EINVAL, MNCSE_A_KEY, "wrong size");
	begin(MNCSE_CMD_LAYERS, 0);
	put(MNCSE_A_ACTIVE, "\2", 1);
	refused(-EINVAL, MNCSE_A_ACTIVE, "neither 0 nor 1");
}

static void only_listeners_of_a_status_repeat(void **state)
{
	struct nlattr *a;

	(void)state;
	begin(MNCSE_CMD_STATUS, 0);
	put_text(MNCSE_A_LISTEN, "one");
	put_text(MNCSE_A_ROLE, "in");
	put_text(MNCSE_A_LISTEN, "two");
	put_text(MNCSE_A_LISTEN, "three");
	taken();
	a = attrs[MNCSE_A_LISTEN];
	assert_string_equal(nla_get_string(a), "one");
	a = mn_ctl_next(attrs, a);
	assert_string_equal(nla_get_string(a), "two");
	a = mn_ctl_next(attrs, a);
	assert_string_equal(nla_get_string(a), "three");
	assert_null(mn_ctl_next(attrs, a));
	assert_null(mn_ctl_next(attrs, attrs[MNCSE_A_ROLE]));

	begin(MNCSE_CMD_SESSION, 0);
	put_text(MNCSE_A_LISTEN, "one");
	put_text(MNCSE_A_LISTEN, "two");
	refused(-EINVAL, MNCSE_A_LISTEN, "attribute is repeated");
}

static void bad_strings_are_refused(void **state)
{
	static const struct {
		unsigned int attr;
		size_t max;
	} limits[] = { { MNCSE_A_ENTITY, 255 }, { MNCSE_A_GROUP, 64 },   { MNCSE_A_KPSA_ID, 128 },
		       { MNCSE_A_ADDRESS, 64 }, { MNCSE_A_STORE, 4096 }, { MNCSE_A_GATEWAY, 128 } };
	char text[4098];

	(void)state;
	begin(MNCSE_CMD_EVICT, NLM_F_REQUEST);
	put(MNCSE_A_ENTITY, "abc", 3);
	refused(-EINVAL, MNCSE_A_ENTITY, "string is not terminated");
	begin(MNCSE_CMD_EVICT, NLM_F_REQUEST);
	put(MNCSE_A_ENTITY, "", 0);
	refused(-EINVAL, MNCSE_A_ENTITY, "string is not terminated");
	begin(MNCSE_CMD_EVICT, NLM_F_REQUEST);
	put(MNCSE_A_ENTITY, "a\0b", 4);
	refused(-EINVAL, MNCSE_A_ENTITY, "string ends before its attribute");
	begin(MNCSE_CMD_EVICT, NLM_F_REQUEST);
	put_text(MNCSE_A_ENTITY, "");
	refused(-EINVAL, MNCSE_A_ENTITY, "string is empty");
	begin(MNCSE_CMD_SESSION, 0);
	put_text(MNCSE_A_ADDRESS, "");
	taken();
	begin(MNCSE_CMD_EVICT, NLM_F_REQUEST);
	put_text(MNCSE_A_ENTITY, "a\nb");
	refused(-EINVAL, MNCSE_A_ENTITY, "string has control characters");
	begin(MNCSE_CMD_EVICT, NLM_F_REQUEST);
	put_text(MNCSE_A_ENTITY, "a\x7f");
	refused(-EINVAL, MNCSE_A_ENTITY, "string has control characters");
	begin(MNCSE_CMD_CONFIG, 0);
	put_text(MNCSE_A_TEXT, "a: 1\n\tb\n");
	taken();
	begin(MNCSE_CMD_CONFIG, 0);
	put_text(MNCSE_A_TEXT, "a: \x1b[1m\n");
	refused(-EINVAL, MNCSE_A_TEXT, "string has control characters");

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		memset(text, 'x', sizeof(text));
		text[limits[i].max] = '\0';
		begin(MNCSE_CMD_DEVICE_ADD, NLM_F_REQUEST);
		put_text(limits[i].attr, text);
		taken();
		text[limits[i].max] = 'x';
		text[limits[i].max + 1] = '\0';
		begin(MNCSE_CMD_DEVICE_ADD, NLM_F_REQUEST);
		put_text(limits[i].attr, text);
		refused(-EINVAL, (int)limits[i].attr, "string is too long");
	}
}

static void broken_attribute_lengths_are_refused(void **state)
{
	struct nlattr *a;
	size_t at;

	(void)state;
	for (uint16_t len = 0; len < NLA_HDRLEN; len++) {
		begin(MNCSE_CMD_EVICT, NLM_F_REQUEST);
		at = m.len;
		put_text(MNCSE_A_ENTITY, "abc");
		a = (void *)(m.data + at);
		a->nla_len = len;
		refused(-EBADMSG, 0, "bytes after the last attribute");
	}
	a->nla_len = 9;
	refused(-EBADMSG, 0, "bytes after the last attribute");
	a->nla_len = UINT16_MAX;
	refused(-EBADMSG, 0, "bytes after the last attribute");

	begin(MNCSE_CMD_EVICT, NLM_F_REQUEST);
	put_text(MNCSE_A_ENTITY, "abc");
	m.len += 3;
	head()->nlmsg_len = (uint32_t)m.len;
	refused(-EBADMSG, 0, "bytes after the last attribute");

	begin(MNCSE_CMD_EVICT, NLM_F_REQUEST);
	put_text(MNCSE_A_ENTITY, "abcd");
	m.data[m.len - 1] = 1;
	refused(-EBADMSG, MNCSE_A_ENTITY, "padding is not zero");
	m.data[m.len - 1] = 0;
	m.len -= 3;
	head()->nlmsg_len = (uint32_t)m.len;
	refused(-EBADMSG, MNCSE_A_ENTITY, "attribute is not padded");
}

static void message_above_64_kib_is_refused(void **state)
{
	static char text[60002];

	(void)state;
	memset(text, 'x', 60000);
	begin(MNCSE_CMD_CONFIG, 0);
	put_text(MNCSE_A_TEXT, text);
	taken();
	m.len = MN_CTL_MESSAGE_MAX + 4;
	head()->nlmsg_len = (uint32_t)m.len;
	refused(-EMSGSIZE, 0, "message is longer than 64 KiB");
}

/* No text may be read beyond the message, whatever its bytes are. */
static void any_truncation_or_flip_is_survived(void **state)
{
	const uint8_t key[16] = { 1 };
	uint8_t whole[256];
	const char *text;
	size_t len;
	int attr;

	(void)state;
	begin(MNCSE_CMD_DEVICE_ADD, NLM_F_REQUEST);
	put_text(MNCSE_A_ENTITY, "C00001");
	put(MNCSE_A_KEY, key, sizeof(key));
	put_text(MNCSE_A_GROUP, "g1");
	taken();
	len = m.len;
	memcpy(whole, m.data, len);
	for (size_t i = 0; i < len; i++) {
		for (unsigned int v = 0; v < 256; v++) {
			m.data[i] = (uint8_t)v;
			parse(&attr, &text);
		}
		m.data[i] = whole[i];
	}
	for (m.len = 0; m.len < len; m.len++) {
		assert_int_not_equal(parse(&attr, &text), 0);
		head()->nlmsg_len = (uint32_t)m.len;
		parse(&attr, &text);
		head()->nlmsg_len = (uint32_t)len;
	}
}

static void offending_attribute_has_its_offset(void **state)
{
	struct mn_ctl_fault fault;

	(void)state;
	begin(MNCSE_CMD_EVICT, NLM_F_REQUEST);
	put_text(MNCSE_A_GROUP, "abc");
	put_text(MNCSE_A_ENTITY, "");
	assert_int_equal(mn_ctl_check(m.data, m.len, &cmd, attrs, &fault), -EINVAL);
	assert_int_equal(fault.attr, MNCSE_A_ENTITY);
	assert_int_equal(fault.offset, NLMSG_HDRLEN + GENL_HDRLEN + 8);
}

static const struct nlmsghdr request = { .nlmsg_len = 20,
					 .nlmsg_type = MNCSE_UNIX_TYPE,
					 .nlmsg_seq = 77,
					 .nlmsg_pid = 3 };

static void end_is_read_as_written(void **state)
{
	static const struct {
		bool dump;
		int err;
		uint32_t offset;
		const char *text;
		int type;
	} ends[] = {
		{ false, 0, 0, NULL, NLMSG_ERROR },
		{ true, 0, 0, NULL, NLMSG_DONE },
		{ false, -EINVAL, 28, "group: missing", NLMSG_ERROR },
		{ true, -ENOBUFS, 0, "too much", NLMSG_ERROR },
		{ false, -ENOENT, 0, NULL, NLMSG_ERROR },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		struct nl_msg *msg = mn_ctl_end_new(&request, ends[i].dump, ends[i].err,
						    ends[i].offset, ends[i].text);
		struct nlmsghdr *h;
		char text[MN_CTL_TEXT_MAX];
		int err = 1;

		assert_non_null(msg);
		h = nlmsg_hdr(msg);
		assert_int_equal(h->nlmsg_type, ends[i].type);
		assert_int_equal(h->nlmsg_seq, 77);
		assert_int_equal(h->nlmsg_pid, 3);
		assert_int_equal(mn_ctl_end_parse(h, h->nlmsg_len, &err, text), 0);
		assert_int_equal(err, ends[i].err);
		assert_string_equal(text, ends[i].text ? ends[i].text : "");
		nlmsg_free(msg);
	}
}

static void malformed_end_is_refused(void **state)
{
	struct nl_msg *msg = mn_ctl_end_new(&request, false, -EINVAL, 28, "group: missing");
	char text[MN_CTL_TEXT_MAX];
	struct nlmsghdr *h = nlmsg_hdr(msg);
	int err, positive = 5;

	(void)state;
	for (uint32_t len = 0; len < h->nlmsg_len; len++)
		assert_int_equal(mn_ctl_end_parse(h, len, &err, text), -EPROTO);
	memcpy((char *)h + NLMSG_HDRLEN, &positive, sizeof(positive));
	assert_int_equal(mn_ctl_end_parse(h, h->nlmsg_len, &err, text), -EPROTO);
	nlmsg_free(msg);

	/* A text without its NUL. */
	msg = mn_ctl_end_new(&request, false, -EINVAL, 0, "abc");
	h = nlmsg_hdr(msg);
	((char *)h)[h->nlmsg_len - 1] = 'd';
	assert_int_equal(mn_ctl_end_parse(h, h->nlmsg_len, &err, text), -EPROTO);
	nlmsg_free(msg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_attribute_has_a_name_and_a_policy),
		cmocka_unit_test(sizes_are_those_of_the_protocol),
		cmocka_unit_test(good_request_is_taken),
		cmocka_unit_test(message_of_libnl_is_taken),
		cmocka_unit_test(bad_header_is_refused),
		cmocka_unit_test(unaligned_message_is_refused),
		cmocka_unit_test(bad_flags_are_refused),
		cmocka_unit_test(bad_attributes_are_refused),
		cmocka_unit_test(only_listeners_of_a_status_repeat),
		cmocka_unit_test(bad_strings_are_refused),
		cmocka_unit_test(broken_attribute_lengths_are_refused),
		cmocka_unit_test(message_above_64_kib_is_refused),
		cmocka_unit_test(any_truncation_or_flip_is_survived),
		cmocka_unit_test(offending_attribute_has_its_offset),
		cmocka_unit_test(end_is_read_as_written),
		cmocka_unit_test(malformed_end_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
