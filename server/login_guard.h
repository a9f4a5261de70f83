/* login_guard: slows down whoever guesses passwords, and nobody else. Stores floor.
 *
 * Failures are counted in Redis, so for all dp-servers together, by the account's name as typed (trimmed, ASCII letters
 * in lower case; whether it exists plays no part) and the client's network. After the first three each failure costs a
 * delay of 1, 2, 4 … 60 s, during which an attempt is refused unseen. Nobody is ever locked out: another network has
 * its own counter, a success clears the counter, and it is forgotten LOGIN_GUARD_MEMORY_S after the last failure, a
 * time in which whoever waits it out guesses no faster than at the longest delay.
 *
 * An attempt counts as failed from its start, so that a hundred at once are not a hundred free ones; success or
 * forgiveness takes it back. One Lua script a question, on Redis's own clock: the hosts' clocks need not agree. */
#ifndef DP_SERVER_LOGIN_GUARD_H
#define DP_SERVER_LOGIN_GUARD_H

#include "common/str.h"
#include "server/redis_client.h"

enum {
    LOGIN_GUARD_FREE_FAILURES = 3,
    LOGIN_GUARD_DELAY_MAX_S = 60,
    LOGIN_GUARD_MEMORY_S = 15 * 60,
    LOGIN_GUARD_KEY_SIZE = 80,
};

/* err 0: wait_s 0, go on; else the attempt is refused and may come again in so many seconds. ERR_UNAVAILABLE (also when
 * Redis answers an error, which is logged), ERR_TIMEOUT, ERR_BUSY, ERR_CANCELLED: nothing is known. Exactly once,
 * never before the function returned. */
typedef void (*login_guard_cb)(void *data, int err, unsigned wait_s);

/* One attempt to log in, in the caller's memory; it must live until the callback. One question at a time. */
struct login_attempt {
    struct redis_client *redis; /* borrowed */
    char key[LOGIN_GUARD_KEY_SIZE];
    login_guard_cb done;
    void *data;
};

/* `network` is any text that names it; neither text is kept, nor stored anywhere but as a digest. */
void login_guard_init(struct login_attempt *attempt, struct redis_client *redis, struct str account,
                      struct str network);
/* Before the password is looked at. */
void login_guard_enter(struct login_attempt *attempt, login_guard_cb done, void *data);
/* The right password (or a new one, set by mail): forgets this account's failures from this network. wait_s is 0. */
void login_guard_clear(struct login_attempt *attempt, login_guard_cb done, void *data);
/* The password could not be judged (no database, too many hashes waiting): the attempt that had entered counts no more.
 * wait_s is 0. */
void login_guard_forgive(struct login_attempt *attempt, login_guard_cb done, void *data);

#endif
