#include "server/app.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/crash_point.h"
#include "common/err.h"
#include "common/log.h"
#include "server/admin_pages.h"
#include "server/page.h"
#include "server/pages.h"
#include "server/response.h"
#include "server/statements.h"
#include "server/static_files.h"

/* Of one address, half of what bank_callback.c keeps of all: see there. */
enum { UNVERIFIED_PER_SECOND = 5, UNVERIFIED_BURST = 300 };

/* A whole school behind one address may ask for its data; nobody needs it again and again. */
enum { DOWNLOADS_PER_SECOND = 1, DOWNLOADS_BURST = 20 };

/* --- opening -------------------------------------------------------------------------------------------------------
 */

/* Pages are limited per address; the bank never is, and an asset costs less than its bucket. */
static unsigned admit(struct request *request, const struct route *route)
{
    struct app *app = request->app;
    if (route->flags & ROUTE_BANK || route->get == static_files_get)
        return 0;
    return rate_limit_take(app->rates, request->address, clock_monotonic_ms()) ? 0 : 429;
}

/* Chrome applies form-action to the redirect that follows a POST: without the bank's origin nobody could pay. */
static void contracts_changed(void *data)
{
    struct app *app = data;
    struct arena arena;
    struct str list;

    arena_init(&arena, 1 << 20);
    list = contracts_form_action(app->contracts, &arena);
    snprintf(app->form_action, sizeof app->form_action, "%.*s", STR_ARG(list));
    response_set_policy(app->https, app->form_action);
    arena_done(&arena);
}

static int read_password(const char *path, char **ret_password)
{
    *ret_password = NULL;
    return path ? config_read_secret(path, ret_password) : 0;
}

static void wipe_password(char *password)
{
    if (password)
        sodium_memzero(password, strlen(password));
    free(password);
}

static int open_redis(struct app *app)
{
    const struct config *config = app->config;
    char *password;
    int err = read_password(config->redis.password_file, &password);

    if (err) {
        log_error("secret_unreadable", LOG_STR("file", config->redis.password_file), LOG_ERR(err));
        return ERR_FORBIDDEN;
    }
    app->redis = redis_client_new(app->loop, "sessions", &config->redis.sessions, password, config->redis.timeout_ms);
    wipe_password(password);
    app->sessions = session_store_new(app->redis, config);
    app->events = event_queue_new(app->loop, config);
    return 0;
}

static void open_stores(struct app *app)
{
    const struct config *config = app->config;

    app->db = db_pool_new(app->loop, config, statements, SQL_COUNT);
    app->contracts = contracts_new(app->loop, config, app->vault, app->db);
    contracts_on_change(app->contracts, contracts_changed, app);
    app->hashes = hash_pool_new(app->loop, config);
    app->rates = rate_limit_new(config->listen.rate_per_second, config->listen.rate_burst);
    app->unverified_rates = rate_limit_new(UNVERIFIED_PER_SECOND, UNVERIFIED_BURST);
    app->download_rates = rate_limit_new(DOWNLOADS_PER_SECOND, DOWNLOADS_BURST);
    app->seen = seen_calls_new();
    app->keeper = journal_keeper_new(app);
}

static int open_listeners(struct app *app, unsigned instance)
{
    const struct config *config = app->config;
    const struct listener_options pages = {
        .name = "pages",
        .address = config->listen.address,
        .port = config->listen.port,
        .shared = true,
        .config = config,
        .router = &app->pages_router,
    };
    const struct listener_options administration = {
        .name = "administration",
        .address = config->listen.admin_address,
        .port = config->listen.admin_port + instance,
        .config = config,
        .router = &app->administration_router,
    };
    int err;

    app->pages_router = (struct router){.routes = public_routes, .app = app, .error = page_draw_error, .admit = admit};
    app->administration_router = (struct router){.routes = admin_routes, .app = app, .error = admin_draw_error};
    err = listener_open(app->loop, &pages, &app->pages);
    if (err == 0)
        err = listener_open(app->loop, &administration, &app->administration);
    return err;
}

int app_open(struct app *app, uv_loop_t *loop, const struct config *config, unsigned instance)
{
    int err;

    *app = (struct app){.loop = loop, .config = config, .instance = instance};
    uv_timer_init(loop, &app->close_timer);
    app->close_timer.data = app;
    app->https = str_starts_with(str_from(config->site.base_url), STR("https://"));
    err = vault_open(config->security.master_key_file, &app->vault);
    if (err) {
        log_error("master_key_unusable", LOG_STR("file", config->security.master_key_file), LOG_ERR(err));
        return ERR_FORBIDDEN;
    }
    csrf_init(&app->csrf, app->vault);
    err = journal_open(loop, config, &app->journal);
    if (err == 0)
        err = open_redis(app);
    if (err)
        return err;
    open_stores(app);
    return open_listeners(app, instance);
}

/* --- closing -------------------------------------------------------------------------------------------------------
 */

/* Each step closes one part and goes on when it is closed: first what makes work, last what it needs. A start that
 * failed has not made them all. */
static void close_next(void *data);

static void close_pages(struct app *app)
{
    if (app->pages)
        listener_drain(app->pages, close_next, app);
    else
        close_next(app);
}

/* Its pages tell about all the others. */
static void close_administration(struct app *app)
{
    app->pages = NULL;
    if (app->administration)
        listener_drain(app->administration, close_next, app);
    else
        close_next(app);
}

static void close_keeper(struct app *app)
{
    if (app->keeper)
        journal_keeper_close(app->keeper, close_next, app);
    else
        close_next(app);
}

static void close_hashes(struct app *app)
{
    if (app->hashes)
        hash_pool_close(app->hashes, close_next, app);
    else
        close_next(app);
}

static void close_events(struct app *app)
{
    if (app->events)
        event_queue_close(app->events, close_next, app);
    else
        close_next(app);
}

static void close_redis(struct app *app)
{
    if (app->redis)
        redis_client_close(app->redis, close_next, app);
    else
        close_next(app);
}

static void close_db(struct app *app)
{
    if (app->db)
        db_pool_close(app->db, close_next, app);
    else
        close_next(app);
}

static void close_contracts(struct app *app)
{
    if (app->contracts)
        contracts_close(app->contracts, close_next, app);
    else
        close_next(app);
}

static void close_journal(struct app *app)
{
    if (app->journal)
        journal_close(app->journal, close_next, app);
    else
        close_next(app);
}

static void free_rest(struct app *app)
{
    uv_close((uv_handle_t *)&app->close_timer, NULL);
    session_store_free(app->sessions);
    rate_limit_free(app->rates);
    rate_limit_free(app->unverified_rates);
    rate_limit_free(app->download_rates);
    seen_calls_free(app->seen);
    csrf_done(&app->csrf);
    vault_free(app->vault);
    log_info("server_stopped");
}

static const struct close_step {
    const char *name;
    void (*run)(struct app *app);
    bool drains; /* has [listen] drain_timeout_ms of its own */
} close_steps[] = {
    {"pages", close_pages, true},      {"administration", close_administration, true},
    {"keeper", close_keeper, false},   {"hashes", close_hashes, false},
    {"events", close_events, false},   {"redis", close_redis, false},
    {"database", close_db, false},     {"contracts", close_contracts, false},
    {"journal", close_journal, false}, {"rest", free_rest, false},
};

static void leave(void *data)
{
    (void)data;
    log_flush();
    _exit(APP_EXIT_HUNG);
}

static void leave_at_once(uv_timer_t *timer)
{
    log_error("journal_not_closed");
    leave(timer->data);
}

/* Every acknowledged call is synced already; a journal that is closed spares the next server its adoption. Nothing else
 * may run after that, since the parts before it are still open. */
static void on_close_hung(uv_timer_t *timer)
{
    struct app *app = timer->data;
    const struct close_step *step = &close_steps[app->close_step - 1];

    log_error("close_hung", LOG_STR("step", step->name));
    uv_timer_start(timer, leave_at_once, APP_CLOSE_STEP_MS, 0);
    if (!app->journal || step->run == close_journal)
        leave(app);
    else
        journal_close(app->journal, leave, app);
}

static void close_next(void *data)
{
    struct app *app = data;
    const struct close_step *step = &close_steps[app->close_step++];
    unsigned drain_ms = step->drains ? app->config->listen.drain_timeout_ms : 0;

    CRASH_POINT("server/drain_step");
    uv_timer_start(&app->close_timer, on_close_hung, drain_ms + APP_CLOSE_STEP_MS, 0);
    step->run(app);
}

void app_close(struct app *app)
{
    if (app->close_step == 0)
        close_next(app);
}
