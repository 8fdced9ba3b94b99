/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The credential store of a gateway or of an IN; SQLite (WAL) behind it. A store knows whose it is and
 * refuses the other's keys. One process writes at a time (a lock is held while a daemon runs; mncse-keys then
 * asks the daemon). Not thread-safe: one handle a thread. Functions return 0 or -errno; text for a
 * user is in mn_store_error(). Keys in returned structures are zeroed by the _fini functions. */
#ifndef MN_STORE_STORE_H
#define MN_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/identity.h"
#include "core/ksx.h"
#include "core/rand_message.h"

enum mn_store_role { MN_STORE_GATEWAY, MN_STORE_IN };
/* A key serves one use (TS-0003 8.3.1.1). */
enum mn_store_use { MN_USE_GROUP, MN_USE_DIRECT };

struct mn_store;

struct mn_key {
	uint8_t len; /* 0 = none */
	uint8_t bytes[MN_KEY_MAX];
};

/* A device as its store sees it. gateway.db: inner_id, key = Kpsaxm, kid. in.db: in_id, key = Kpsaxi, gateway_id. */
struct mn_device_record {
	char id[MN_ENTITY_MAX + 1]; /* normalised entity ID */
	char kpsa_id[MN_KPSA_ID_MAX + 1];
	struct mn_key key;
	char group[MN_GROUP_MAX + 1];
	char gateway_id[MN_GATEWAY_ID_MAX + 1]; /* in.db only */
	uint8_t kid[MN_KID_LEN];
	enum mn_store_use use; /* in.db only */
	/* Read only, in.db: the last generation that was proven, by a context under it or mn_store_device_authenticated, and
	 * when (Unix seconds); 0 = none. */
	uint32_t auth_generation;
	int64_t auth_when;
};
void mn_device_record_fini(struct mn_device_record *d);

/* A peer over the outer hop: in gateway.db the IN (entity_id = IN's ID), in in.db a gateway. key = Kpsami. */
struct mn_peer_record {
	char entity_id[MN_GATEWAY_ID_MAX + 1];
	char kpsa_id[MN_KPSA_ID_MAX + 1];
	struct mn_key key;
};
void mn_peer_record_fini(struct mn_peer_record *p);

/* Creates a new file of mode 0600 (-EEXIST unless force; force replaces it whole). own_id: the gateway's or IN's entity ID. */
int mn_store_create(const char *path, enum mn_store_role role, const char *own_id, bool force);
/* Takes the daemon's lock of an existing store without opening it; closing *fd gives it back. -EBUSY. */
int mn_store_lock(const char *path, int *fd, char err[256]);
/* exclusive: take the daemon's lock (-EBUSY when another daemon has it) and check the file's structure. -ENOENT, -EPROTO (not a
 * store of ours, or the other role), -EBADMSG (damaged), -EACCES when the file's mode lets others read it. On error *out stays untouched and the text is in err (256 bytes). */
int mn_store_open(const char *path, enum mn_store_role role, bool exclusive, struct mn_store **out,
		  char err[256]);
void mn_store_close(struct mn_store *s);
const char *mn_store_error(const struct mn_store *s); /* of the last failed call */
enum mn_store_role mn_store_role(const struct mn_store *s);
const char *mn_store_own_id(const struct mn_store *s);
/* Role of a file without opening it for good, for tools that take either; -errno. */
int mn_store_probe(const char *path, enum mn_store_role *role, char err[256]);

/* For a tool that adds very many: random keys land all over an index, so a larger cache (at most 256 MiB, as needed). */
void mn_store_bulk(struct mn_store *s);

/* One transaction around several calls (group commit: begin, many writes, commit once). Nested begin is -EBUSY. */
int mn_store_begin(struct mn_store *s);
int mn_store_commit(struct mn_store *s);
void mn_store_rollback(struct mn_store *s);

/* Adds. IDs are normalised by the caller's mn_entity_normalise; checked again here. -EEXIST (ID, KpsaId, key value or kid is
 * there already; the text says which), -EINVAL (length, form, short key unless allow_short_keys), -EPERM (other role's field). */
int mn_store_device_add(struct mn_store *s, const struct mn_device_record *d);
int mn_store_device_del(struct mn_store *s,
			const char *id); /* -ENOENT; in.db: contexts, answers, state go too */
int mn_store_device_get(struct mn_store *s, const char *id, struct mn_device_record *out);
int mn_store_peer_add(struct mn_store *s, const struct mn_peer_record *p);
int mn_store_peer_del(struct mn_store *s, const char *entity_id);
void mn_store_allow_short_keys(struct mn_store *s, bool allow);
/* Calls fn for each; stops at the first non-zero, which is returned. Order: id. */
int mn_store_device_each(struct mn_store *s, int (*fn)(void *arg, const struct mn_device_record *d),
			 void *arg);
int mn_store_peer_each(struct mn_store *s, int (*fn)(void *arg, const struct mn_peer_record *p),
		       void *arg);
int mn_store_count(struct mn_store *s, uint64_t *devices);

/* Groups. gateway.db: the last rand-message taken for a group. in.db: the current and the one before it, per (gateway, group).
 * A generation never decreases: put with a lower one is -ESTALE. */
struct mn_generation {
	char gateway_id[MN_GATEWAY_ID_MAX + 1]; /* "" in gateway.db */
	char group[MN_GROUP_MAX + 1];
	uint32_t generation;
	uint8_t rand[MN_RAND_LEN];
	int64_t created; /* Unix seconds */
	int64_t acked;   /* when the gateway's 2.04 came; 0 = not yet (in.db) */
};
/* Durable on return (synchronous=FULL commit) unless inside a transaction. The last one again is taken (another Rand for it is
 * -ESTALE too). Keeps two generations a group in in.db, one in gateway.db. */
int mn_store_generation_put(struct mn_store *s, const struct mn_generation *g);
int mn_store_generation_acked(struct mn_store *s, const char *gateway_id, const char *group,
			      uint32_t generation, int64_t when);
/* Order: gateway, group, generation (the current one last). */
int mn_store_generation_each(struct mn_store *s,
			     int (*fn)(void *arg, const struct mn_generation *g), void *arg);

/* in.db: OSCORE contexts (docs/protocol.md "IN"). A row says that the context exists; spent: nothing is accepted under it. */
struct mn_context_record {
	char device_id[MN_ENTITY_MAX + 1];
	uint32_t generation;
	uint8_t salt[8]; /* the kid context's random bytes */
	bool spent;
	bool has_window; /* saved at an orderly stop */
	uint64_t window_next;
	uint64_t window_seen;
	int64_t used; /* Unix seconds, when it was put first */
};
/* Insert or update. A spent context never comes back: -ESTALE. -ENOENT: no such device. */
int mn_store_context_put(struct mn_store *s, const struct mn_context_record *c);
int mn_store_context_each(struct mn_store *s,
			  int (*fn)(void *arg, const struct mn_context_record *c), void *arg);
/* Marks every context spent whose window was not saved, and forgets the saved windows (so that a crash after this start
 * spends them): call once at start, after context_each has loaded them. */
int mn_store_context_start(struct mn_store *s);
int mn_store_context_del_generation(struct mn_store *s, const char *device_id, uint32_t older_than);

/* in.db: device state, and answers for retries (a device's last 16, and all of the last 300 s). */
int mn_store_device_authenticated(struct mn_store *s, const char *device_id, uint32_t generation,
				  int64_t when);
struct mn_answer_record {
	char device_id[MN_ENTITY_MAX + 1];
	char rqi[65];
	uint8_t digest[32];    /* SHA-256 of the inner request */
	int64_t when;          /* Unix seconds */
	const uint8_t *answer; /* inner CoAP message; NULL = started, no outcome yet */
	size_t answer_len;
};
/* Insert, or the outcome of what was started. -EEXIST: the RQI is there with another digest. -ENOENT: no such device. */
int mn_store_answer_put(struct mn_store *s, const struct mn_answer_record *a);
/* -ENOENT. The answer's bytes are copied into buf; out->answer points there. -EMSGSIZE when max is too small. */
int mn_store_answer_get(struct mn_store *s, const char *device_id, const char *rqi,
			struct mn_answer_record *out, uint8_t *buf, size_t max);
/* Drops answers that are neither among a device's last 16 nor younger than 300 s. Bounded work a call; returns rows dropped. */
int mn_store_answer_expire(struct mn_store *s, int64_t now);

/* in.db: the embedded resource store's rows (tools/incsed/resource.c gives them meaning). Names are hierarchical paths
 * ("in-cse/cnt/cin1"). */
struct mn_resource_record {
	const char *path;
	const char *parent; /* "" for the CSEBase */
	const char *ri;     /* resource ID, unique */
	unsigned int ty;
	const char *json; /* all attributes as one JSON object, terminated */
	/* Creation order. put: not taken yet; 0 = one more than the highest. A contentInstance (ty 4) whose ri and last name are
	 * "cin_" and its serial in hex costs the least. */
	int64_t serial;
};
/* The highest serial, 0 = none. */
int mn_store_resource_last(struct mn_store *s, int64_t *serial);
int mn_store_resource_put(struct mn_store *s,
			  const struct mn_resource_record *r); /* new: -EEXIST */
int mn_store_resource_set(struct mn_store *s, const char *path, const char *json); /* -ENOENT */
/* Takes the row and all below it. Returns the number of rows, -ENOENT. */
int mn_store_resource_del(struct mn_store *s, const char *path);
/* fn is called at most once; strings are valid during the call. -ENOENT. By path, or by ri when path has no such row. */
typedef int mn_store_resource_fn(void *arg, const struct mn_resource_record *r);
int mn_store_resource_get(struct mn_store *s, const char *path, mn_store_resource_fn *fn,
			  void *arg);
/* Oldest (newest = false) or newest child of type ty. -ENOENT. */
int mn_store_resource_edge(struct mn_store *s, const char *parent, unsigned int ty, bool newest,
			   mn_store_resource_fn *fn, void *arg);
/* Order: type, then creation. */
int mn_store_resource_children(struct mn_store *s, const char *parent, mn_store_resource_fn *fn,
			       void *arg);

#endif
