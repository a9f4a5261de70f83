/* log: one line an event on stderr, in logfmt, never cut in two by another thread's.
 *
 *     log_info("callback_accepted", LOG_HEX("event_id", id, 32), LOG_INT("ms", 3));
 *     → ts=2026-11-23T09:12:01.123Z level=info program=dp-server event=callback_accepted event_id=…
 * ms=3
 *
 * Values are quoted and escaped here, so no value can forge a line or a field. Never pass a
 * password, a token, a sealed string or a whole e-mail address (LOG_MAIL masks one). Thread-safe.
 */
#ifndef DP_COMMON_LOG_H
#define DP_COMMON_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

enum log_kind { LOG_KIND_NONE, LOG_KIND_STR, LOG_KIND_INT, LOG_KIND_ID, LOG_KIND_HEX, LOG_KIND_ERR, LOG_KIND_MAIL };

struct log_field {
    struct str key; /* as it is written: " key=" */
    enum log_kind kind;
    struct str text;
    int64_t number;
};

#define LOG_KEY(k) STR(" " k "=")

/* Each makes one field; keys are literals, texts may be NULL. */
#define LOG_STR(k, v)   ((struct log_field){LOG_KEY(k), LOG_KIND_STR, str_from(v), 0})
#define LOG_SLICE(k, v) ((struct log_field){LOG_KEY(k), LOG_KIND_STR, (v), 0})
#define LOG_INT(k, v)   ((struct log_field){LOG_KEY(k), LOG_KIND_INT, STR_NULL, (v)})
/* A request's number, as error pages show it: 16 hex digits. */
#define LOG_REQUEST(id)  ((struct log_field){LOG_KEY("request"), LOG_KIND_ID, STR_NULL, (int64_t)(id)})
#define LOG_HEX(k, p, n) ((struct log_field){LOG_KEY(k), LOG_KIND_HEX, {(const char *)(p), (n)}, 0})
#define LOG_ERR(v)       ((struct log_field){LOG_KEY("err"), LOG_KIND_ERR, STR_NULL, (v)})
/* "durand@example.org" is written as "d…@example.org". */
#define LOG_MAIL(k, v) ((struct log_field){LOG_KEY(k), LOG_KIND_MAIL, (v), 0})

#define LOG_FIELDS(...)            \
    (const struct log_field[])     \
    {                              \
        __VA_ARGS__ __VA_OPT__(, ) \
        {                          \
            .kind = LOG_KIND_NONE  \
        }                          \
    }

#define log_debug(event, ...) log_write(LOG_LEVEL_DEBUG, event, LOG_FIELDS(__VA_ARGS__))
#define log_info(event, ...)  log_write(LOG_LEVEL_INFO, event, LOG_FIELDS(__VA_ARGS__))
#define log_warn(event, ...)  log_write(LOG_LEVEL_WARN, event, LOG_FIELDS(__VA_ARGS__))
#define log_error(event, ...) log_write(LOG_LEVEL_ERROR, event, LOG_FIELDS(__VA_ARGS__))
/* Writes the line, then aborts: for what must not happen. */
#define log_fatal(event, ...) log_abort(event, LOG_FIELDS(__VA_ARGS__))

/* The program's name in every line and the least level written. `program` is borrowed for ever.
 * Call it before any thread is started. */
void log_init(const char *program, enum log_level least);

/* From now on the calling thread's lines below LOG_LEVEL_WARN wait for log_flush(), for a line of a higher level, or
 * until LOG_HELD_MAX bytes wait: an event loop writes those of one turn together, with one system call. Once a thread.
 */
enum { LOG_HELD_MAX = 32 * 1024 };
void log_hold(void);
/* Writes what the calling thread holds. */
void log_flush(void);

/* `fields` ends with LOG_KIND_NONE. A line over 4 KiB is cut. */
void log_write(enum log_level level, const char *event, const struct log_field *fields);
void log_abort(const char *event, const struct log_field *fields) __attribute__((noreturn));

#endif
