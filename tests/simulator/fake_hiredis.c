/* What the worker uses of hiredis, over the Redis in memory: one blocking connection a context. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/heap.h"
#include "simulator/nemesis.h"
#include "simulator/redis_reply.h"
#include "simulator/redis_server.h"
#include "simulator/sim.h"

enum { STEP_US_MAX = 1000, SLOW_US_MAX = 3000000 };

/* ---- replies ---- */

static redisReply *new_reply(int type)
{
    redisReply *reply = HEAP_NEW(redisReply);
    reply->type = type;
    return reply;
}

static redisReply *new_string(int type, struct str text)
{
    redisReply *reply = new_reply(type);
    reply->str = malloc(text.len + 1);
    if (text.len)
        memcpy(reply->str, text.ptr, text.len);
    reply->str[text.len] = '\0';
    reply->len = text.len;
    return reply;
}

redisReply *reply_text(struct str text)
{
    return new_string(REDIS_REPLY_STRING, text);
}

redisReply *reply_status(const char *text)
{
    return new_string(REDIS_REPLY_STATUS, str_from(text));
}

redisReply *reply_error(const char *text)
{
    return new_string(REDIS_REPLY_ERROR, str_from(text));
}

redisReply *reply_integer(long long number)
{
    redisReply *reply = new_reply(REDIS_REPLY_INTEGER);
    reply->integer = number;
    return reply;
}

redisReply *reply_nil(void)
{
    return new_reply(REDIS_REPLY_NIL);
}

redisReply *reply_array(size_t n)
{
    redisReply *reply = new_reply(REDIS_REPLY_ARRAY);
    reply->elements = n;
    reply->element = HEAP_ARRAY(n, redisReply *);
    return reply;
}

void freeReplyObject(void *object)
{
    redisReply *reply = object;
    if (!reply)
        return;
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        freeReplyObject(reply->element[i]);
    free(reply->element);
    free(reply->str);
    free(reply);
}

/* ---- the connection; its fd is the epoch of the server it was made to ---- */

static redisContext *connect_now(void)
{
    redisContext *context = HEAP_NEW(redisContext);
    fiber_sleep(sim_between(1, STEP_US_MAX));
    context->fd = (int)nemesis_epoch(STORE_REDIS);
    if (!nemesis_is_up(STORE_REDIS)) {
        context->err = REDIS_ERR_IO;
        snprintf(context->errstr, sizeof context->errstr, "Connection refused");
    }
    return context;
}

redisContext *redisConnectUnixWithTimeout(const char *path, const struct timeval limit)
{
    (void)path;
    (void)limit;
    return connect_now();
}

redisContext *redisConnectWithTimeout(const char *host, int port, const struct timeval limit)
{
    (void)host;
    (void)port;
    (void)limit;
    return connect_now();
}

void redisFree(redisContext *context)
{
    free(context);
}

int redisSetTimeout(redisContext *context, const struct timeval limit)
{
    (void)context;
    (void)limit;
    return REDIS_OK;
}

void *redisCommand(redisContext *context, const char *format, ...)
{
    (void)context;
    sim_unable("an unexpected command: %s", format);
}

static void *fail(redisContext *context, const char *why)
{
    SIM_TRACE("%s: Redis: %s", sim_self->name, why);
    context->err = REDIS_ERR_IO;
    snprintf(context->errstr, sizeof context->errstr, "%s", why);
    return NULL;
}

static bool is_cut(const redisContext *context)
{
    return !nemesis_is_up(STORE_REDIS) || (unsigned)context->fd != nemesis_epoch(STORE_REDIS);
}

/* "BLOCK ms" of XREADGROUP … > */
static int64_t block_us_of(const struct str *words, size_t n_words)
{
    for (size_t i = 0; i + 1 < n_words && str_eq_text(words[n_words - 1], ">"); i++) {
        if (str_eq_text(words[i], "BLOCK"))
            return strtoll(words[i + 1].ptr, NULL, 10) * US_PER_MS;
    }
    return 0;
}

static void block(const redisContext *context, int64_t us)
{
    int64_t until_us = sim_now_us() + us;
    while (us && !redis_server_has_news() && sim_now_us() < until_us && !is_cut(context))
        fiber_wait(&redis_server_news, until_us - sim_now_us());
}

static void trace(const struct str *words, size_t n_words)
{
    if (!str_eq_text(words[0], "XREADGROUP") && !str_eq_text(words[0], "XAUTOCLAIM"))
        SIM_TRACE("%s: %.*s %.*s", sim_self->name, STR_ARG(words[0]), STR_ARG(words[n_words - 1]));
}

void *redisCommandArgv(redisContext *context, int n_words, const char **texts, const size_t *lens)
{
    struct str words[REDIS_WORDS_MAX];
    for (int i = 0; i < n_words; i++)
        words[i] = str_slice(texts[i], lens[i]);
    fiber_sleep(sim_between(1, STEP_US_MAX));
    enum fate fate = nemesis_draw(STORE_REDIS);
    if (fate == FATE_CRASH)
        nemesis_crash();
    if (fate == FATE_PAUSE)
        nemesis_pause();
    block(context, block_us_of(words, (size_t)n_words));
    if (is_cut(context) || fate == FATE_LOST)
        return fail(context, "Server closed the connection");
    if (fate == FATE_REFUSED)
        return reply_error("LOADING Redis is loading the dataset in memory");
    redisReply *reply = redis_server_run(words, (size_t)n_words);
    trace(words, (size_t)n_words);
    if (fate == FATE_CRASH_AFTER)
        nemesis_crash();
    if (fate == FATE_SLOW)
        fiber_sleep(sim_between(0, SLOW_US_MAX));
    if (fate == FATE_UNKNOWN || is_cut(context)) {
        freeReplyObject(reply);
        return fail(context, "Resource temporarily unavailable");
    }
    return reply;
}
