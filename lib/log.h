/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log lines on stderr: "<program>: <level>: text". When stderr is the journal (JOURNAL_STREAM) they go to the journal's own socket, with
 * PRIORITY, SYSLOG_IDENTIFIER and the MESSAGE_ID of an event, or, where that fails, to stderr with its "<N>" priority prefix. Never give it a key, a payload or a credential value;
 * text from the network goes through %s only after mn_log_quote(). Safe from several threads. */
#ifndef MN_LOG_H
#define MN_LOG_H

#include <stddef.h>

enum mn_log_level { MN_LOG_ERROR, MN_LOG_WARN, MN_LOG_INFO, MN_LOG_DEBUG };

/* program: a string that outlives all calls. */
void mn_log_init(const char *program, enum mn_log_level max);
void mn_log_set_level(enum mn_log_level max);
/* "error" | "warn" | "info" | "debug" -> level; -EINVAL otherwise. */
int mn_log_level_parse(const char *name, enum mn_log_level *out);

void mn_log(enum mn_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define mn_error(...) mn_log(MN_LOG_ERROR, __VA_ARGS__)
#define mn_warn(...) mn_log(MN_LOG_WARN, __VA_ARGS__)
#define mn_info(...) mn_log(MN_LOG_INFO, __VA_ARGS__)
#define mn_debug(...) mn_log(MN_LOG_DEBUG, __VA_ARGS__)

/* What somebody may wait for or alert on. In the journal each has a MESSAGE_ID, which never changes: journalctl MESSAGE_ID=...; X(name, ID).
 * docs/operations.md lists them. */
#define MN_EVENTS(X)                                                                      \
	X(STARTED, "fa4233d774a74de9a18741fba9f45f29") /* serves */                       \
	X(STOPPING, "a19fa12ae8d94691a6abc9c7d0baf527")                                   \
	X(RELOADED, "a80ad110f2f74845a9a9b22169015434")       /* the new configuration */ \
	X(RELOAD_REFUSED, "06a3b5dd39a44110af7a7a23c1e17efb") /* the old one stays */     \
	X(IN_UP, "774818d724204e5b94aca3b8a145b0dc")          /* session to the IN */     \
	X(IN_DOWN, "89807188b4f94c3c86d4ecab651b578c")                                    \
	X(GATEWAY_UP, "075cd6d49b0a416aa6e9b372ea3ab07e") /* at the IN */                 \
	X(GATEWAY_DOWN, "0c8e5fff0a8b4407a3cc97f5fd364e5c")                               \
	X(RAND, "f169daa9ec2b4acc90afc3b262cc8017") /* a group's new one */               \
	X(DEVICE_ADDED, "053e89c0d05f40c8baa3ac614f1777be")                               \
	X(DEVICE_REMOVED, "3065a8d3146846dbbe5302f52ff838ea")                             \
	X(STORE_FAILED, "0ea5704b017546f3ac7e404be6045512")  /* it did not take data */   \
	X(STORE_OLDER, "4f56507b81014163a505ad6de408114b")   /* a copy was put back */    \
	X(KEYS_UNLOCKED, "0f0f72771c1e4639b44b689b436f0b14") /* keys may reach swap */

enum mn_event {
#define X(name, id) MN_EVENT_##name,
	MN_EVENTS(X)
#undef X
};

/* Like mn_log. */
void mn_event(enum mn_event event, enum mn_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Another socket of the journal than its usual one, before mn_log_init. path outlives that. */
void mn_log_journal(const char *path);

/* Copies len bytes of hostile text into out as printable ASCII: others, and the backslash, become \xHH; cut with "..."
 * when it does not fit. Always terminates (out_size > 0). Returns out. */
const char *mn_log_quote(char *out, size_t out_size, const void *text, size_t len);

#endif
