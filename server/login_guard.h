/* login_guard: slows down whoever guesses passwords, and nobody else. Stores floor.
 *
 * Failures are counted in Redis, so for all dp-servers together, by the account's name as typed (trimmed, ASCII letters
 * in lower case; whether it exists plays no part) and the client's network. After the first three each failure costs a
 * delay of 1, 2, 4 … 60 s, during which an attempt is refused unseen. Nobody is ever locked out: another network has
 * its own counter, a success or a new password set by mail clears it, and it is forgotten LOGIN_GUARD_MEMORY_S after
 * the last failure, a time in which whoever waits it out guesses no faster than at the longest delay.
 *
 * The guard is asked twice: before the password is hashed, and before anybody hears whether it was right. So a hundred
 * guesses at once tell no more than four, and a hundred right passwords at once are all welcome. Each question is one
 * Lua script, on Redis's own clock: the hosts' clocks need not agree. */
#ifndef DP_SERVER_LOGIN_GUARD_H
#define DP_SERVER_LOGIN_GUARD_H

#include <stdbool.h>

#include "common/str.h"
#include "server/redis_client.h"

enum {
    LOGIN_GUARD_FREE_FAILURES = 3,
    LOGIN_GUARD_DELAY_MAX_S = 60,
    LOGIN_GUARD_MEMORY_S = 15 * 60,
    LOGIN_GUARD_KEY_SIZE = 80,
};

/* err 0: wait_s 0, go on; else the attempt is to be refused, and may come again in so many seconds. ERR_UNAVAILABLE
 * (also when Redis answers an error, which is logged), ERR_TIMEOUT, ERR_BUSY, ERR_CANCELLED: nothing is known. Exactly
 * once, never before the function returned. */
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
/* Before the password is looked at. Counts nothing. */
void login_guard_ask(struct login_attempt *attempt, login_guard_cb done, void *data);
/* Once the password has been judged: counts a failure, or forgets those before a success. With wait_s > 0 a delay has
 * begun meanwhile: nothing was counted, and the client must not learn what the judgement was. */
void login_guard_settle(struct login_attempt *attempt, bool is_right, login_guard_cb done, void *data);
/* Forgets the failures, also while a delay runs: the account's owner has set a new password. wait_s is 0. */
void login_guard_clear(struct login_attempt *attempt, login_guard_cb done, void *data);

#endif
