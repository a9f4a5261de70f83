/* app: everything one dp-server process has, made once by main.c and handed to each request. */
#ifndef DP_SERVER_APP_H
#define DP_SERVER_APP_H

#include <stdint.h>
#include <uv.h>

#include "common/config.h"
#include "common/vault.h"
#include "server/contracts.h"
#include "server/csrf.h"
#include "server/db_pool.h"
#include "server/event_queue.h"
#include "server/hash_pool.h"
#include "server/journal.h"
#include "server/rate_limit.h"
#include "server/redis_client.h"
#include "server/seen_calls.h"
#include "server/session.h"

#include "server/journal_keeper.h"
#include "server/listener.h"

/* Counters of the bank's calls, for /metrics. */
struct bank_stats {
    uint64_t accepted;   /* journalled (or confirmed by Redis alone) and acknowledged */
    uint64_t repeated;   /* the same sealed call within the hour */
    uint64_t bad_seal;   /* 403 */
    uint64_t unverified; /* no contract could be looked up: kept for the worker */
    uint64_t over_limit; /* too many of those: connection closed unanswered */
    uint64_t abandoned;  /* nothing could keep it: connection closed unanswered */
};

enum { APP_FORM_ACTION_SIZE = 2048 };

struct app {
    uv_loop_t *loop;
    const struct config *config;
    unsigned instance;
    struct vault *vault;             /* owned */
    struct db_pool *db;              /* owned */
    struct redis_client *redis;      /* owned; sessions */
    struct session_store *sessions;  /* owned */
    struct event_queue *events;      /* owned */
    struct journal *journal;         /* owned */
    struct contracts *contracts;     /* owned */
    struct hash_pool *hashes;        /* owned */
    struct rate_limit *rates;        /* owned */
    struct seen_calls *seen;         /* owned */
    struct journal_keeper *keeper;   /* owned */
    struct listener *pages;          /* owned; NULL once drained */
    struct listener *administration; /* owned */
    struct router pages_router, administration_router;
    struct csrf csrf;
    bool https;                             /* base_url begins with https:// */
    char form_action[APP_FORM_ACTION_SIZE]; /* origins of the banks' pages, for the security policy */
    unsigned close_step;                    /* how far app_close() has come */
    uv_timer_t close_timer;                 /* runs while a step is under way */
    struct bank_stats bank;
    int64_t unverified_minute; /* how many unverified calls were kept in this minute */
    unsigned unverified_count;
    bool unverified_limit_logged;
    struct rate_limit *unverified_rates; /* owned; by address */
    struct rate_limit *download_rates;   /* owned; of all that is kept of somebody (page_my_data.c) */
    unsigned n_downloads;                /* of these, under way */
};

/* Makes everything and starts listening. The stores connect in the background and for ever; only what this machine
 * alone decides can fail here: ERR_INVALID (configuration), ERR_FORBIDDEN (a secret cannot be used), ERR_IO (journal,
 * port). The reason is logged. */
int app_open(struct app *app, uv_loop_t *loop, const struct config *config, unsigned instance);
/* Drains: no new connection, no request cut, no event lost; then closes everything. The loop ends by itself. A step
 * that hangs is given up after APP_CLOSE_STEP_MS (the pages': after the drain's own time and that): the journal is
 * still closed, if the disk lets it, and the process ends with APP_EXIT_HUNG. */
void app_close(struct app *app);

enum { APP_CLOSE_STEP_MS = 5000, APP_EXIT_HUNG = 3 };

#endif
