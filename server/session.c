#include "server/session.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/digest.h"
#include "common/encode.h"
#include "common/err.h"
#include "common/heap.h"
#include "common/rand.h"

enum { HASH_SIZE = 2 * DIGEST_SHA256_LEN + 1, NUMBER_SIZE = 24, SCRIPT_ARGS_MAX = 9 };

/* ARGV: session hash, now, absolute life (both µs), idle life (s). Gives user, school, created, change, password, or
 * nothing. */
static const char load_script[] =
    "local key = 'dp:session:' .. ARGV[1] "
    "local s = redis.call('HMGET', key, 'user', 'school', 'created', 'change', 'password') "
    "if not (s[1] and s[2] and s[3] and s[4] and s[5]) then return false end "
    "local left = math.floor((tonumber(s[3]) + tonumber(ARGV[3]) - tonumber(ARGV[2])) / 1000000) "
    "if left <= 0 then "
    "  redis.call('DEL', key) redis.call('SREM', 'dp:user-sessions:' .. s[1], ARGV[1]) return false "
    "end "
    "redis.call('EXPIRE', key, string.format('%d', math.min(left, tonumber(ARGV[4])))) "
    "return s";

/* ARGV: session hash, user, school, now (µs), change, idle life (s), absolute life (s), sessions a user may have,
 * password. The set of a user's sessions lives as long as the youngest of them may; hashes of ended sessions leave it
 * here. */
static const char create_script[] =
    "local key, set = 'dp:session:' .. ARGV[1], 'dp:user-sessions:' .. ARGV[2] "
    "redis.call('HSET', key, 'user', ARGV[2], 'school', ARGV[3], 'created', ARGV[4], 'change', ARGV[5], "
    "'password', ARGV[9]) "
    "redis.call('EXPIRE', key, ARGV[6]) "
    "if redis.call('SCARD', set) >= tonumber(ARGV[8]) then "
    "  for _, hash in ipairs(redis.call('SMEMBERS', set)) do "
    "    if redis.call('EXISTS', 'dp:session:' .. hash) == 0 then redis.call('SREM', set, hash) end "
    "  end "
    "  while redis.call('SCARD', set) >= tonumber(ARGV[8]) do "
    "    redis.call('DEL', 'dp:session:' .. redis.call('SPOP', set)) "
    "  end "
    "end "
    "redis.call('SADD', set, ARGV[1]) "
    "redis.call('EXPIRE', set, ARGV[7]) "
    "return 1";

/* ARGV: session hash. */
static const char destroy_script[] = "local key = 'dp:session:' .. ARGV[1] "
                                     "local user = redis.call('HGET', key, 'user') "
                                     "if user then redis.call('SREM', 'dp:user-sessions:' .. user, ARGV[1]) end "
                                     "redis.call('DEL', key) "
                                     "return 1";

/* ARGV: user, session hash to keep or ''. */
static const char destroy_others_script[] =
    "local set = 'dp:user-sessions:' .. ARGV[1] "
    "for _, hash in ipairs(redis.call('SMEMBERS', set)) do "
    "  if hash ~= ARGV[2] then redis.call('DEL', 'dp:session:' .. hash) redis.call('SREM', set, hash) end "
    "end "
    "return 1";

struct session_store {
    struct redis_client *redis; /* borrowed */
    unsigned idle_s, absolute_s;
};

/* One operation, in the caller's arena. */
struct op {
    struct session_store *store;
    session_cb done;
    void *data;
    struct session *session; /* what is handed over on success; NULL for the two that end sessions */
};

/* --- texts --- */

static void hash_id(const uint8_t id[SESSION_ID_LEN], char out[HASH_SIZE])
{
    uint8_t hash[DIGEST_SHA256_LEN];
    digest_sha256(str_slice((const char *)id, SESSION_ID_LEN), hash);
    encode_hex(hash, sizeof hash, out);
}

static int hash_cookie(struct str cookie, char out[HASH_SIZE])
{
    uint8_t id[SESSION_ID_LEN];
    if (decode_base64url(cookie, id, sizeof id) != 0)
        return ERR_NOT_FOUND;
    hash_id(id, out);
    return 0;
}

static struct str number(char text[NUMBER_SIZE], int64_t n)
{
    return str_slice(text, (size_t)snprintf(text, NUMBER_SIZE, "%" PRId64, n));
}

void session_mark_password(struct session *session, struct str password_hash)
{
    uint8_t hash[DIGEST_SHA256_LEN];

    digest_sha256(password_hash, hash);
    encode_hex(hash, (SESSION_MARK_SIZE - 1) / 2, session->password_mark);
}

/* --- running scripts --- */

static struct op *new_op(struct session_store *store, struct arena *arena, session_cb done, void *data)
{
    struct op *op = ARENA_NEW(arena, struct op);
    *op = (struct op){.store = store, .done = done, .data = data};
    return op;
}

static void run_script(struct op *op, redis_cb done, const char *script, unsigned n_args, const struct str *args)
{
    struct str argv[3 + SCRIPT_ARGS_MAX] = {STR("EVAL"), str_from(script), STR("0")};

    memcpy(&argv[3], args, n_args * sizeof *args);
    redis_client_command(op->store->redis, 0, done, op, 3 + n_args, argv);
}

static void op_finish(struct op *op)
{
    op->done(op->data, 0, op->session);
}

static void op_fail(struct op *op, int err, const redisReply *reply)
{
    if (err == ERR_INTERNAL && reply) {
        log_error("session_script_failed", LOG_SLICE("answer", str_slice(reply->str, reply->len)));
        err = ERR_UNAVAILABLE;
    }
    op->done(op->data, err, NULL);
}

static void changed(void *data, int err, const redisReply *reply)
{
    if (err)
        op_fail(data, err, reply);
    else
        op_finish(data);
}

/* --- loading --- */

static int read_number(const redisReply *reply, int64_t *ret)
{
    if (reply->type != REDIS_REPLY_STRING)
        return ERR_CORRUPT;
    return str_to_u63(str_slice(reply->str, reply->len), ret);
}

static int read_mark(const redisReply *reply, char mark[SESSION_MARK_SIZE])
{
    if (reply->type != REDIS_REPLY_STRING || reply->len >= SESSION_MARK_SIZE)
        return ERR_CORRUPT;
    memcpy(mark, reply->str, reply->len);
    mark[reply->len] = '\0';
    return 0;
}

static int read_session(const redisReply *reply, struct session *session)
{
    int64_t change;

    if (reply->type == REDIS_REPLY_NIL)
        return ERR_NOT_FOUND;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 5)
        return ERR_CORRUPT;
    if (read_number(reply->element[0], &session->user_id) || read_number(reply->element[1], &session->school_id) ||
        read_number(reply->element[2], &session->created_us) || read_number(reply->element[3], &change) ||
        read_mark(reply->element[4], session->password_mark))
        return ERR_CORRUPT;
    session->must_change_password = change != 0;
    return 0;
}

static void loaded(void *data, int err, const redisReply *reply)
{
    struct op *op = data;

    if (!err)
        err = read_session(reply, op->session);
    if (err == ERR_CORRUPT) { /* a session that nobody can read is none */
        log_error("session_corrupt");
        err = ERR_NOT_FOUND;
    }
    if (err)
        op_fail(op, err, reply);
    else
        op_finish(op);
}

void session_load(struct session_store *store, struct arena *arena, struct str cookie, session_cb done, void *data)
{
    struct op *op = new_op(store, arena, done, data);
    char hash[HASH_SIZE], now[NUMBER_SIZE], absolute[NUMBER_SIZE], idle[NUMBER_SIZE];

    if (hash_cookie(cookie, hash) != 0) {
        redis_client_refuse(store->redis, ERR_NOT_FOUND, changed, op);
        return;
    }
    op->session = ARENA_NEW(arena, struct session);
    memcpy(op->session->cookie, cookie.ptr, cookie.len);
    const struct str args[] = {
        str_from(hash),
        number(now, clock_now_us()),
        number(absolute, store->absolute_s * CLOCK_SECOND_US),
        number(idle, store->idle_s),
    };
    run_script(op, loaded, load_script, 4, args);
}

struct session_end session_end(const struct session_store *store, const struct session *session, int64_t now_us)
{
    struct session_end end = {
        .at_us = now_us + store->idle_s * CLOCK_SECOND_US,
        .last_us = session->created_us + store->absolute_s * CLOCK_SECOND_US,
    };
    if (end.at_us > end.last_us)
        end.at_us = end.last_us;
    return end;
}

/* --- creating and ending --- */

void session_create(struct session_store *store, struct arena *arena, const struct session *values, session_cb done,
                    void *data)
{
    struct op *op = new_op(store, arena, done, data);
    uint8_t id[SESSION_ID_LEN];
    char hash[HASH_SIZE], texts[6][NUMBER_SIZE];

    op->session = ARENA_NEW(arena, struct session);
    *op->session = *values;
    op->session->created_us = clock_now_us();
    rand_bytes(id, sizeof id);
    encode_base64url(id, sizeof id, op->session->cookie);
    hash_id(id, hash);
    const struct str args[] = {
        str_from(hash),
        number(texts[0], values->user_id),
        number(texts[1], values->school_id),
        number(texts[2], op->session->created_us),
        values->must_change_password ? STR("1") : STR("0"),
        number(texts[3], store->idle_s),
        number(texts[4], store->absolute_s),
        number(texts[5], SESSION_PER_USER_MAX),
        str_from(values->password_mark),
    };
    run_script(op, changed, create_script, 9, args);
}

void session_destroy(struct session_store *store, struct arena *arena, struct str cookie, session_cb done, void *data)
{
    struct op *op = new_op(store, arena, done, data);
    char hash[HASH_SIZE];

    if (hash_cookie(cookie, hash) != 0) {
        redis_client_refuse(store->redis, 0, changed, op);
        return;
    }
    const struct str args[] = {str_from(hash)};
    run_script(op, changed, destroy_script, 1, args);
}

void session_destroy_others(struct session_store *store, struct arena *arena, int64_t user_id, struct str keep_cookie,
                            session_cb done, void *data)
{
    struct op *op = new_op(store, arena, done, data);
    char user[NUMBER_SIZE], hash[HASH_SIZE] = "";

    /* A cookie that is no session's keeps none. */
    if (hash_cookie(keep_cookie, hash) != 0)
        hash[0] = '\0';
    const struct str args[] = {number(user, user_id), str_from(hash)};
    run_script(op, changed, destroy_others_script, 2, args);
}

/* --- the store --- */

struct session_store *session_store_new(struct redis_client *redis, const struct config *config)
{
    struct session_store *store = HEAP_NEW(struct session_store);
    *store = (struct session_store){
        .redis = redis,
        .idle_s = config->security.session_idle_s,
        .absolute_s = config->security.session_absolute_s,
    };
    return store;
}

void session_store_free(struct session_store *store)
{
    free(store);
}
