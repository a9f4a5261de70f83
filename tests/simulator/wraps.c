/* What every process takes from the system, taken from the simulation instead (--wrap): the clocks, chance, sleep, the
 * process number, the log, and the end by an assertion. And the one key of the one bank, which is made once. */
#include <stdarg.h>
#include <stdio.h>
#include <sys/types.h>

#include "common/clock.h"
#include "common/gateway/contract.h"
#include "common/gateway/spplus.h"
#include "common/log.h"
#include "common/rand.h"
#include "simulator/school.h"
#include "simulator/sim.h"
#include "worker/drain.h"

enum { MONOTONIC_START_MS = 1000000 };

int64_t __wrap_clock_now_us(void);
int64_t __wrap_clock_monotonic_ms(void);
void __wrap_rand_bytes(void *out, size_t len);
void __wrap_log_write(enum log_level level, const char *event, const struct log_field *fields);
void __wrap_log_abort(const char *event, const struct log_field *fields) __attribute__((noreturn));
void __wrap___assert_fail(const char *text, const char *file, unsigned line, const char *function)
    __attribute__((noreturn));
void __wrap_drain_begin(struct drain *drain);
bool __wrap_drain_wait(struct drain *drain, unsigned ms);
pid_t __wrap_getpid(void);
int __wrap_contract_open(const struct contract_record *record, const struct vault *vault, bool demonstration,
                         struct arena *arena, struct gateway_contract *ret);
void __wrap_spplus_key_free(struct gateway_key *key);

int64_t __wrap_clock_now_us(void)
{
    return SIM_EPOCH_US + sim_now_us() + (sim_self ? sim_self->clock_offset_us : 0);
}

int64_t __wrap_clock_monotonic_ms(void)
{
    return MONOTONIC_START_MS + sim_now_us() / US_PER_MS;
}

void __wrap_rand_bytes(void *out, size_t len)
{
    unsigned char *bytes = out;
    for (size_t i = 0; i < len; i++)
        bytes[i] = (unsigned char)sim_below(256);
}

/* The text of the field of that name; empty: there is none. */
static struct str field(const struct log_field *fields, const char *key)
{
    for (; fields->kind != LOG_KIND_NONE; fields++) {
        if (str_eq_text(str_slice(fields->key.ptr + 1, fields->key.len - 2), key)) /* " key=" */
            return fields->text;
    }
    return STR("");
}

void __wrap_log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    if (level >= LOG_LEVEL_WARN)
        SIM_TRACE("%s: log: %s %.*s %.*s", sim_self ? sim_self->name : "?", event, STR_ARG(field(fields, "stream_id")),
                  STR_ARG(field(fields, "reason")));
}

void __wrap_log_abort(const char *event, const struct log_field *fields)
{
    (void)fields;
    sim_violation("ABORT", "a program ended itself: %s", event);
}

void __wrap___assert_fail(const char *text, const char *file, unsigned line, const char *function)
{
    sim_violation("ABORT", "%s:%u: %s: %s", file, line, function, text);
}

void __wrap_drain_begin(struct drain *drain)
{
    drain->begun = true;
    fiber_wake(drain);
}

bool __wrap_drain_wait(struct drain *drain, unsigned ms)
{
    int64_t until_us = sim_now_us() + (int64_t)ms * US_PER_MS;
    if (!drain->begun)
        fiber_wait(drain, until_us - sim_now_us());
    return drain->begun;
}

pid_t __wrap_getpid(void)
{
    return sim_self ? (pid_t)sim_self->number : 0;
}

int __wrap_contract_open(const struct contract_record *record, const struct vault *vault, bool demonstration,
                         struct arena *arena, struct gateway_contract *ret)
{
    (void)vault;
    (void)demonstration;
    *ret = *school_contract();
    ret->id = record->id;
    ret->merchant_id = arena_str(arena, record->merchant_id);
    ret->currency = arena_str(arena, record->currency);
    ret->callback_extra = arena_str(arena, record->callback_extra);
    return 0;
}

void __wrap_spplus_key_free(struct gateway_key *key)
{
    (void)key;
}
