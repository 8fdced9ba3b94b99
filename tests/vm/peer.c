// SPDX-License-Identifier: GPL-2.0-or-later
#include "peer.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

int vm_udp(int family)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = 4 << 20;

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (family == AF_INET)
		assert_int_equal(bind(fd, (void *)&in, sizeof(in)), 0);
	else
		assert_int_equal(bind(fd, (void *)&in6, sizeof(in6)), 0);
	return fd;
}

static void socket_id(void *arg, const struct vm_attrs *a)
{
	*(uint32_t *)arg = (uint32_t)vm_number(a, MNCSE_KA_SOCKET_ID);
}

uint32_t vm_take(int nl, int fd)
{
	static struct vm_req r;
	uint32_t id = 0;

	vm_req(&r, MNCSE_KCMD_SOCKET_ADD);
	vm_put_u32(&r, MNCSE_KA_FD, (uint32_t)fd);
	assert_int_equal(vm_call(nl, &r, false, socket_id, &id), 0);
	assert_int_not_equal(id, 0);
	return id;
}

void vm_peer_rekey(struct vm_peer *p, uint16_t epoch)
{
	p->epoch = epoch;
	p->sequence = 0;
	assert_int_equal(RAND_bytes(p->key_in, sizeof(p->key_in)), 1);
	assert_int_equal(RAND_bytes(p->key_out, sizeof(p->key_out)), 1);
	assert_int_equal(RAND_bytes(p->iv_in, sizeof(p->iv_in)), 1);
	assert_int_equal(RAND_bytes(p->iv_out, sizeof(p->iv_out)), 1);
}

void vm_peer_init(struct vm_peer *p, int gateway, uint64_t id, uint16_t suite)
{
	struct sockaddr_storage to;
	socklen_t len = sizeof(to);

	memset(p, 0, sizeof(*p));
	assert_int_equal(getsockname(gateway, (void *)&to, &len), 0);
	p->fd = vm_udp(to.ss_family);
	assert_int_equal(connect(p->fd, (void *)&to, len), 0);
	len = sizeof(p->addr);
	assert_int_equal(getsockname(p->fd, &p->addr.sa, &len), 0);
	p->id = id;
	p->suite = suite;
	vm_peer_rekey(p, 1);
}

void vm_peer_fini(struct vm_peer *p)
{
	close(p->fd);
}

/* ---- commands ---- */

void vm_put_key(struct vm_req *r, const struct vm_peer *p, unsigned int leave_out)
{
	size_t nest = vm_nest(r, MNCSE_KA_KEY);

	if (!(leave_out & 1 << MNCSE_KEY_EPOCH))
		vm_put_u16(r, MNCSE_KEY_EPOCH, p->epoch);
	if (!(leave_out & 1 << MNCSE_KEY_WRITE))
		vm_put(r, MNCSE_KEY_WRITE, p->key_out, 16);
	if (!(leave_out & 1 << MNCSE_KEY_WRITE_IV))
		vm_put(r, MNCSE_KEY_WRITE_IV, p->iv_out, 4);
	if (!(leave_out & 1 << MNCSE_KEY_READ))
		vm_put(r, MNCSE_KEY_READ, p->key_in, 16);
	if (!(leave_out & 1 << MNCSE_KEY_READ_IV))
		vm_put(r, MNCSE_KEY_READ_IV, p->iv_in, 4);
	vm_nest_end(r, nest);
}

void vm_session_add_req(struct vm_req *r, const struct vm_peer *p, uint32_t socket)
{
	vm_req(r, MNCSE_KCMD_SESSION_ADD);
	vm_put_u64(r, MNCSE_KA_SESSION_ID, p->id);
	vm_put_u32(r, MNCSE_KA_SOCKET_ID, socket);
	if (p->addr.sa.sa_family == AF_INET) {
		vm_put(r, MNCSE_KA_PEER_ADDR, &p->addr.in.sin_addr, 4);
		vm_put(r, MNCSE_KA_PEER_PORT, &p->addr.in.sin_port, 2);
	} else {
		vm_put(r, MNCSE_KA_PEER_ADDR, &p->addr.in6.sin6_addr, 16);
		vm_put(r, MNCSE_KA_PEER_PORT, &p->addr.in6.sin6_port, 2);
	}
	vm_put_u16(r, MNCSE_KA_SUITE, p->suite);
}

int vm_session_add(int nl, const struct vm_peer *p, uint32_t socket, uint32_t group)
{
	static struct vm_req r;

	vm_session_add_req(&r, p, socket);
	vm_put_key(&r, p, 0);
	if (group)
		vm_put_u32(&r, MNCSE_KA_GROUP_ID, group);
	return vm_call(nl, &r, false, NULL, NULL);
}

int vm_session_del(int nl, uint64_t id, vm_each *each, void *arg)
{
	static struct vm_req r;

	vm_req(&r, MNCSE_KCMD_SESSION_DEL);
	vm_put_u64(&r, MNCSE_KA_SESSION_ID, id);
	return vm_call(nl, &r, false, each, arg);
}

int vm_send(int nl, uint64_t id, uint8_t content, const void *data, size_t len)
{
	static struct vm_req r;

	vm_req(&r, MNCSE_KCMD_SEND);
	vm_put_u64(&r, MNCSE_KA_SESSION_ID, id);
	vm_put_u8(&r, MNCSE_KA_CONTENT, content);
	vm_put(&r, MNCSE_KA_PAYLOAD, data, len);
	return vm_call(nl, &r, false, NULL, NULL);
}

int vm_key_set(int nl, const struct vm_peer *p)
{
	static struct vm_req r;

	vm_req(&r, MNCSE_KCMD_KEY_SET);
	vm_put_u64(&r, MNCSE_KA_SESSION_ID, p->id);
	vm_put_key(&r, p, 0);
	return vm_call(nl, &r, false, NULL, NULL);
}

int vm_group(int nl, uint8_t cmd, uint32_t group)
{
	static struct vm_req r;

	vm_req(&r, cmd);
	vm_put_u32(&r, MNCSE_KA_GROUP_ID, group);
	return vm_call(nl, &r, false, NULL, NULL);
}

/* ---- records ---- */

static void put_be(uint8_t *at, uint64_t v, int n)
{
	while (n--)
		*at++ = (uint8_t)(v >> 8 * n);
}

static uint64_t get_be(const uint8_t *at, int n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *at++;
	return v;
}

static int tag_len(const struct vm_peer *p)
{
	return p->suite == VM_CCM_8 ? 8 : 16;
}

/* record: header, nonce, text, tag in place. false: OpenSSL refuses it. */
static bool aead(const struct vm_peer *p, const uint8_t *key, const uint8_t *iv, uint8_t *record,
		 int len, bool seal)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t nonce[12], aad[13], *text = record + 21;
	bool ccm = p->suite != VM_GCM, ok;
	int n, tag = tag_len(p);

	memcpy(nonce, iv, 4);
	memcpy(nonce + 4, record + 13, 8);
	memcpy(aad, record + 3, 8);
	memcpy(aad + 8, record, 3);
	put_be(aad + 11, (uint64_t)len, 2);
	ok = EVP_CipherInit_ex(c, ccm ? EVP_aes_128_ccm() : EVP_aes_128_gcm(), NULL, NULL, NULL,
			       seal) &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, 12, NULL) &&
	     (!(ccm || !seal) ||
	      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, tag, seal ? NULL : text + len)) &&
	     EVP_CipherInit_ex(c, NULL, NULL, key, nonce, seal) &&
	     (!ccm || EVP_CipherUpdate(c, NULL, &n, NULL, len)) &&
	     EVP_CipherUpdate(c, NULL, &n, aad, 13) && EVP_CipherUpdate(c, text, &n, text, len);
	if (ok && !(ccm && !seal))
		ok = EVP_CipherFinal_ex(c, text + len, &n);
	if (ok && seal)
		ok = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, tag, text + len);
	EVP_CIPHER_CTX_free(c);
	return ok;
}

size_t vm_seal(struct vm_peer *p, uint8_t type, const void *data, size_t len, uint8_t *out)
{
	size_t body = 8 + len + (size_t)tag_len(p);

	out[0] = type;
	put_be(out + 1, MNCSE_VERSION_DTLS12, 2);
	put_be(out + 3, p->epoch, 2);
	put_be(out + 5, p->sequence++, 6);
	put_be(out + 11, body, 2);
	memcpy(out + 13, out + 3, 8);
	if (len)
		memcpy(out + 21, data, len);
	assert_true(aead(p, p->key_in, p->iv_in, out, (int)len, true));
	return 13 + body;
}

void vm_say(struct vm_peer *p, uint8_t type, const void *data, size_t len)
{
	uint8_t out[MNCSE_RECORD_PLAIN_MAX + VM_OVERHEAD];
	size_t n = vm_seal(p, type, data, len, out);

	assert_int_equal(send(p->fd, out, n, 0), n);
}

int vm_recv(int fd, uint8_t *out, size_t max, int ms)
{
	struct pollfd poll_fd = { fd, POLLIN, 0 };

	if (poll(&poll_fd, 1, ms) != 1)
		return -1;
	return (int)recv(fd, out, max, 0);
}

int vm_open(const struct vm_peer *p, uint8_t *record, int n, uint8_t *type, uint64_t *sequence,
	    uint8_t *out, size_t max)
{
	int len = n - 21 - tag_len(p);

	if (len < 0 || (size_t)len > max || get_be(record + 1, 2) != MNCSE_VERSION_DTLS12 ||
	    get_be(record + 3, 2) != p->epoch || get_be(record + 11, 2) != (uint64_t)n - 13 ||
	    !aead(p, p->key_out, p->iv_out, record, len, false))
		return -2;
	*type = record[0];
	*sequence = get_be(record + 5, 6);
	memcpy(out, record + 21, (size_t)len);
	return len;
}

int vm_hear(struct vm_peer *p, uint8_t *type, uint64_t *sequence, uint8_t *out, size_t max)
{
	uint8_t record[MNCSE_RECORD_PLAIN_MAX + VM_OVERHEAD];
	int n = vm_recv(p->fd, record, sizeof(record), 30000);

	return n < 0 ? -1 : vm_open(p, record, n, type, sequence, out, max);
}
