/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log lines on stderr: "<program>: <level>: text", with the journal's "<N>" priority prefix when
 * stderr is the journal (JOURNAL_STREAM). Never give it a key, a payload or a credential value;
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

/* Copies len bytes of hostile text into out as printable ASCII: others, and the backslash, become \xHH; cut with "..."
 * when it does not fit. Always terminates (out_size > 0). Returns out. */
const char *mn_log_quote(char *out, size_t out_size, const void *text, size_t len);

#endif
