#include "server/shared_rate.h"

#include <stdio.h>

#include "common/err.h"
#include "common/log.h"

enum { KEY_SIZE = 96, NUMBER_SIZE = 16 };

/* ARGV: µs that one request takes to come back, µs that a full bucket takes. Gives 1 or 0. */
static const char take_script[] =
    "redis.set_repl(redis.REPL_NONE) "
    "local time = redis.call('TIME') "
    "local now = time[1] * 1000000 + time[2] "
    "local full_at = math.max(tonumber(redis.call('GET', KEYS[1])) or 0, now) + ARGV[1] "
    "if full_at - now > tonumber(ARGV[2]) then return 0 end "
    "redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000)) "
    "return 1";

struct take {
    shared_rate_cb done;
    void *data;
};

static void answered(void *data, int err, const redisReply *reply)
{
    struct take *take = data;

    if (err == ERR_INTERNAL)
        log_error("shared_rate_failed", LOG_SLICE("answer", str_slice(reply->str, reply->len)));
    take->done(take->data, err || reply->type != REDIS_REPLY_INTEGER || reply->integer != 0);
}

void shared_rate_take(struct redis_client *redis, struct arena *arena, struct str client, unsigned per_second,
                      unsigned burst, shared_rate_cb done, void *data)
{
    struct take *take = ARENA_NEW(arena, struct take);
    char key[KEY_SIZE], one[NUMBER_SIZE], full[NUMBER_SIZE + 8];
    unsigned one_us = 1000000 / per_second;

    *take = (struct take){done, data};
    snprintf(key, sizeof key, "dp:rate:%.*s", STR_ARG(client));
    snprintf(one, sizeof one, "%u", one_us);
    snprintf(full, sizeof full, "%llu", (unsigned long long)one_us * burst);
    const struct str argv[] = {
        STR("EVAL"), str_from(take_script), STR("1"), str_from(key), str_from(one), str_from(full),
    };
    redis_client_command(redis, 0, answered, take, sizeof argv / sizeof argv[0], argv);
}
