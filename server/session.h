/* session: who is logged in, kept in Redis under the SHA-256 of a 256-bit id that only the browser's cookie holds.
 * Stores floor.
 *
 * Key "dp:session:<hex>": a hash with user, school, created (µs UTC), change (must change the password: 0, 1) and
 * password (the mark of the password that opened it). Idle 30 min (the key's expiry, up to a 64th more), absolute 12 h
 * (from created). Key "dp:user-sessions:<user>": the set of a user's session hashes, to end the others. What creates or
 * ends sessions is one Lua script, so that no half of it is ever seen or left behind; the sessions' Redis must allow
 * EVAL and be a single master (the scripts name keys that they read). */
#ifndef DP_SERVER_SESSION_H
#define DP_SERVER_SESSION_H

#include <uv.h>

#include "common/arena.h"
#include "common/config.h"
#include "server/redis_client.h"

enum { SESSION_ID_LEN = 32, SESSION_COOKIE_SIZE = 44, SESSION_PER_USER_MAX = 32, SESSION_MARK_SIZE = 17 };

struct session {
    char cookie[SESSION_COOKIE_SIZE]; /* base64url of the id: secret, never logged */
    int64_t user_id, school_id;
    int64_t created_us;
    bool must_change_password;
    /* Of the stored hash at login, see session_mark_password(): the session ends with its password, however and
     * whenever that is changed, also while Redis is away or a login is under way. */
    char password_mark[SESSION_MARK_SIZE];
};

struct session_store;
/* err 0 with a session; ERR_NOT_FOUND (none, expired, malformed cookie); ERR_UNAVAILABLE (also when Redis answers an
 * error, which is logged), ERR_TIMEOUT, ERR_BUSY, ERR_CANCELLED.
 * `session` is in the arena given. Exactly once, never before the function returned. */
typedef void (*session_cb)(void *data, int err, struct session *session);

struct session_store *session_store_new(struct redis_client *redis, const struct config *config);
void session_store_free(struct session_store *store); /* after the client is closed */

/* Sets `password_mark`: the first 16 hex digits of the SHA-256 of the stored hash, as SQL_USER_PAGE compares them. */
void session_mark_password(struct session *session, struct str password_hash);
/* Looks up, in one round trip; now and then a second one extends the life: at least the idle time is left then. */
void session_load(struct session_store *store, struct arena *arena, struct str cookie, session_cb done, void *data);
/* When a session ends that is extended now, and the moment beyond which nothing extends it: µs. */
struct session_end {
    int64_t at_us, last_us;
};
struct session_end session_end(const struct session_store *store, const struct session *session, int64_t now_us);
/* A new id (at login, and when the password was changed). `values` gives user, school, must_change_password and
 * password_mark. Beyond
 * SESSION_PER_USER_MAX sessions of the user, one of the others ends. */
void session_create(struct session_store *store, struct arena *arena, const struct session *values, session_cb done,
                    void *data);
/* session is NULL in the callback of these two. Destroying what is not there is no error. */
void session_destroy(struct session_store *store, struct arena *arena, struct str cookie, session_cb done, void *data);
/* Ends all sessions of a user but `keep_cookie` (STR_NULL: all). */
void session_destroy_others(struct session_store *store, struct arena *arena, int64_t user_id, struct str keep_cookie,
                            session_cb done, void *data);

#endif
