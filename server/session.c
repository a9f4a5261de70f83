#include "server/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/param.h>

#include "common/clock.h"
#include "common/digest.h"
#include "common/encode.h"
#include "common/err.h"
#include "common/heap.h"
#include "common/rand.h"

#define KEY_PREFIX "dp:session:"

/* A session that lives longer than its idle time by up to this share of it need not be extended: each extension is a
 * write that Redis syncs to its disk. */
enum { SPARE_SHARE = 64 };
enum { HASH_SIZE = 2 * DIGEST_SHA256_LEN + 1, NUMBER_SIZE = 24, SCRIPT_ARGS_MAX = 9 };
enum { KEY_SIZE = sizeof KEY_PREFIX - 1 + HASH_SIZE };

/* ARGV: session hash, user, school, now (µs), change, idle life (s), absolute life (s), sessions a user may have,
 * password. The set of a user's sessions lives as long as the youngest of them may; hashes of ended sessions leave it
 * here. */
static const char create_script[] =
    "local key, set = '" KEY_PREFIX "' .. ARGV[1], 'dp:user-sessions:' .. ARGV[2] "
    "redis.call('HSET', key, 'user', ARGV[2], 'school', ARGV[3], 'created', ARGV[4], 'change', ARGV[5], "
    "'password', ARGV[9]) "
    "redis.call('EXPIRE', key, ARGV[6]) "
    "if redis.call('SCARD', set) >= tonumber(ARGV[8]) then "
    "  for _, hash in ipairs(redis.call('SMEMBERS', set)) do "
    "    if redis.call('EXISTS', '" KEY_PREFIX "' .. hash) == 0 then redis.call('SREM', set, hash) end "
    "  end "
    "  while redis.call('SCARD', set) >= tonumber(ARGV[8]) do "
    "    redis.call('DEL', '" KEY_PREFIX "' .. redis.call('SPOP', set)) "
    "  end "
    "end "
    "redis.call('SADD', set, ARGV[1]) "
    "redis.call('EXPIRE', set, ARGV[7]) "
    "return 1";

/* ARGV: session hash. */
static const char destroy_script[] = "local key = '" KEY_PREFIX "' .. ARGV[1] "
                                     "local user = redis.call('HGET', key, 'user') "
                                     "if user then redis.call('SREM', 'dp:user-sessions:' .. user, ARGV[1]) end "
                                     "redis.call('DEL', key) "
                                     "return 1";

/* ARGV: user, session hash to keep or ''. */
static const char destroy_others_script[] =
    "local set = 'dp:user-sessions:' .. ARGV[1] "
    "for _, hash in ipairs(redis.call('SMEMBERS', set)) do "
    "  if hash ~= ARGV[2] then redis.call('DEL', '" KEY_PREFIX "' .. hash) redis.call('SREM', set, hash) end "
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

/* A look-up: two commands in one round trip. */
struct look_up {
    struct op op;
    char key[KEY_SIZE];
    unsigned n_due; /* answers, in any order: each command may be refused alone */
    int err;        /* the first */
    int64_t life_s; /* what the key has left; below 0 if it is gone by now */
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

static void log_answer(const redisReply *reply)
{
    log_error("session_command_failed", LOG_SLICE("answer", str_slice(reply->str, reply->len)));
}

/* `reply` is what a Redis that answered an error said. */
static void op_fail(struct op *op, int err, const redisReply *reply)
{
    if (err == ERR_INTERNAL)
        log_answer(reply);
    op->done(op->data, err == ERR_INTERNAL ? ERR_UNAVAILABLE : err, NULL);
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

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 5)
        return ERR_CORRUPT;
    if (reply->element[0]->type == REDIS_REPLY_NIL)
        return ERR_NOT_FOUND;
    if (read_number(reply->element[0], &session->user_id) || read_number(reply->element[1], &session->school_id) ||
        read_number(reply->element[2], &session->created_us) || read_number(reply->element[3], &change) ||
        read_mark(reply->element[4], session->password_mark))
        return ERR_CORRUPT;
    session->must_change_password = change != 0;
    return 0;
}

static void ended(void *data, int err, const redisReply *reply)
{
    op_fail(data, err ? err : ERR_NOT_FOUND, reply);
}

static void end_session(struct look_up *look_up)
{
    const struct str args[] = {str_from(look_up->key + sizeof KEY_PREFIX - 1)};
    run_script(&look_up->op, ended, destroy_script, 1, args);
}

static void extend(struct look_up *look_up, int64_t life_s)
{
    char life[NUMBER_SIZE];
    const struct str argv[] = {STR("EXPIRE"), str_from(look_up->key), number(life, life_s)};
    redis_client_command(look_up->op.store->redis, 0, changed, &look_up->op, 3, argv);
}

/* It shall live for the idle time from now, and end with the absolute one. */
static void keep_alive(struct look_up *look_up)
{
    const struct session_store *store = look_up->op.store;
    int64_t end_us = look_up->op.session->created_us + store->absolute_s * CLOCK_SECOND_US;
    int64_t left_s = (end_us - clock_now_us()) / CLOCK_SECOND_US;
    int64_t idle_s = store->idle_s;
    int64_t least_s = MIN(left_s, idle_s);
    int64_t most_s = MIN(left_s, idle_s + idle_s / SPARE_SHARE);

    if (left_s <= 0)
        end_session(look_up);
    else if (look_up->life_s < least_s || look_up->life_s > most_s)
        extend(look_up, most_s);
    else
        op_finish(&look_up->op);
}

static void take_answer(struct look_up *look_up, int err, const redisReply *reply)
{
    if (err == ERR_INTERNAL)
        log_answer(reply);
    if (look_up->err == 0)
        look_up->err = err == ERR_INTERNAL ? ERR_UNAVAILABLE : err;
    if (--look_up->n_due > 0)
        return;
    if (look_up->err)
        op_fail(&look_up->op, look_up->err, NULL);
    else
        keep_alive(look_up);
}

static void fields_loaded(void *data, int err, const redisReply *reply)
{
    struct look_up *look_up = data;

    if (!err)
        err = read_session(reply, look_up->op.session);
    if (err == ERR_CORRUPT) { /* a session that nobody can read is none */
        log_error("session_corrupt");
        err = ERR_NOT_FOUND;
    }
    take_answer(look_up, err, reply);
}

static void life_loaded(void *data, int err, const redisReply *reply)
{
    struct look_up *look_up = data;

    if (!err)
        look_up->life_s = reply->integer;
    take_answer(look_up, err, reply);
}

void session_load(struct session_store *store, struct arena *arena, struct str cookie, session_cb done, void *data)
{
    struct look_up *look_up = ARENA_NEW(arena, struct look_up);
    struct op *op = &look_up->op;

    *look_up = (struct look_up){.op = {.store = store, .done = done, .data = data}, .n_due = 2};
    memcpy(look_up->key, KEY_PREFIX, sizeof KEY_PREFIX - 1);
    if (hash_cookie(cookie, look_up->key + sizeof KEY_PREFIX - 1) != 0) {
        redis_client_refuse(store->redis, ERR_NOT_FOUND, changed, op);
        return;
    }
    op->session = ARENA_NEW(arena, struct session);
    memcpy(op->session->cookie, cookie.ptr, cookie.len);
    const struct str fields[] = {STR("HMGET"),   str_from(look_up->key), STR("user"),    STR("school"),
                                 STR("created"), STR("change"),          STR("password")};
    const struct str life[] = {STR("TTL"), str_from(look_up->key)};
    redis_client_command(store->redis, 0, fields_loaded, look_up, 7, fields);
    redis_client_command(store->redis, 0, life_loaded, look_up, 2, life);
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
