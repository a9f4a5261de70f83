#include "server/login_guard.h"

#include <stdio.h>

#include "common/digest.h"
#include "common/encode.h"
#include "common/err.h"
#include "common/log.h"

enum { ACCOUNT_MAX = 256, NUMBER_SIZE = 16, SCRIPT_ARGS_MAX = 4 };

/* The hash at KEYS[1]: n, failures; until, µs of Redis's clock before which nobody may try. Gives the seconds that are
 * left of a delay, rounded up. */
#define LEFT_OF_DELAY                                                           \
    "local time = redis.call('TIME') "                                          \
    "local now = time[1] * 1000000 + time[2] "                                  \
    "local left = (tonumber(redis.call('HGET', KEYS[1], 'until')) or 0) - now " \
    "if left > 0 then return math.ceil(left / 1000000) end "

static const char ask_script[] = LEFT_OF_DELAY "return 0";

/* ARGV: right (1) or wrong (0), free failures, longest delay (s), memory (s). */
static const char settle_script[] =
    LEFT_OF_DELAY "if ARGV[1] == '1' then redis.call('DEL', KEYS[1]) return 0 end "
                  "local n = redis.call('HINCRBY', KEYS[1], 'n', 1) "
                  "local delay = n > tonumber(ARGV[2]) and math.min(2 ^ (n - ARGV[2] - 1), tonumber(ARGV[3])) or 0 "
                  "redis.call('HSET', KEYS[1], 'until', string.format('%.0f', now + delay * 1000000)) "
                  "redis.call('EXPIRE', KEYS[1], ARGV[4]) "
                  "return 0";

static const char clear_script[] = "redis.call('DEL', KEYS[1]) "
                                   "return 0";

/* --- questions --- */

static void answered(void *data, int err, const redisReply *reply)
{
    struct login_attempt *attempt = data;

    if (!err && reply->type != REDIS_REPLY_INTEGER)
        err = ERR_INTERNAL;
    if (err == ERR_INTERNAL) {
        log_error("login_guard_failed", LOG_SLICE("answer", str_slice(reply->str, reply->len)));
        err = ERR_UNAVAILABLE;
    }
    attempt->done(attempt->data, err, err ? 0 : (unsigned)reply->integer);
}

static void run_script(struct login_attempt *attempt, const char *script, unsigned n_args, const struct str *args,
                       login_guard_cb done, void *data)
{
    struct str argv[4 + SCRIPT_ARGS_MAX] = {STR("EVAL"), str_from(script), STR("1"), str_from(attempt->key)};

    if (n_args > 0)
        memcpy(&argv[4], args, n_args * sizeof *args);
    attempt->done = done;
    attempt->data = data;
    redis_client_command(attempt->redis, 0, answered, attempt, 4 + n_args, argv);
}

static struct str number(char text[NUMBER_SIZE], unsigned n)
{
    return str_slice(text, (size_t)snprintf(text, NUMBER_SIZE, "%u", n));
}

void login_guard_ask(struct login_attempt *attempt, login_guard_cb done, void *data)
{
    run_script(attempt, ask_script, 0, NULL, done, data);
}

void login_guard_settle(struct login_attempt *attempt, bool is_right, login_guard_cb done, void *data)
{
    char texts[SCRIPT_ARGS_MAX][NUMBER_SIZE];
    const struct str args[] = {
        number(texts[0], is_right),
        number(texts[1], LOGIN_GUARD_FREE_FAILURES),
        number(texts[2], LOGIN_GUARD_DELAY_MAX_S),
        number(texts[3], LOGIN_GUARD_MEMORY_S),
    };
    run_script(attempt, settle_script, SCRIPT_ARGS_MAX, args, done, data);
}

void login_guard_clear(struct login_attempt *attempt, login_guard_cb done, void *data)
{
    run_script(attempt, clear_script, 0, NULL, done, data);
}

/* --- the key --- */

/* What a name is counted under: other spellings of one name must not be other counters. */
static struct str canonical(struct str account, char out[ACCOUNT_MAX])
{
    struct str trimmed = str_trim(account);
    size_t len = trimmed.len < ACCOUNT_MAX ? trimmed.len : ACCOUNT_MAX;

    for (size_t i = 0; i < len; i++) {
        char c = trimmed.ptr[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return str_slice(out, len);
}

void login_guard_init(struct login_attempt *attempt, struct redis_client *redis, struct str account, struct str network)
{
    char name[ACCOUNT_MAX], hex[2 * DIGEST_SHA256_LEN + 1];
    uint8_t digest[DIGEST_SHA256_LEN];
    const struct str parts[] = {network, STR("\0"), canonical(account, name)};

    *attempt = (struct login_attempt){.redis = redis};
    digest_sha256_parts(parts, sizeof parts / sizeof parts[0], digest);
    encode_hex(digest, sizeof digest, hex);
    snprintf(attempt->key, sizeof attempt->key, "dp:login:%s", hex);
}
