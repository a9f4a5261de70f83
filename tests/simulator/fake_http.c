/* Requests and answers without a wire; and what the callback asks of contracts and of the server's database pool. The
 * server's contracts_…() are compiled under names of their own (CMakeLists.txt): the worker has the same ones. */
#include "simulator/fake_http.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/heap.h"
#include "server/bank_callback.h"
#include "server/contracts.h"
#include "server/request.h"
#include "server/response.h"
#include "server/statements.h"
#include "simulator/nemesis.h"
#include "simulator/school.h"
#include "simulator/sql.h"

enum { STEP_US_MAX = 1500, QUERY_US_MAX = 5000, RELOAD_US_MAX = 20000, PARTS_MAX = 2 };

/* In the world's memory: the bank waits also when the server is gone. */
struct exchange {
    struct process *server;
    struct str raw;
    http_answer_fn answered;
    void *data;
    int64_t began_us;
    unsigned status;
    struct str body;
    bool over;
};

/* --- requests --- */

void request_ref(struct request *request)
{
    request->refs++;
}

void request_unref(struct request *request)
{
    if (--request->refs > 0)
        return;
    arena_done(&request->arena);
    free(request);
}

static void give_answer(void *data)
{
    struct exchange *exchange = data;
    exchange->answered(exchange->data, exchange->status, exchange->body, sim_now_us() - exchange->began_us);
}

static void answer(struct request *request, unsigned status, struct str body)
{
    struct exchange *exchange = request->page;
    if (exchange->over)
        sim_violation("ABORT", "a request was answered twice");
    exchange->over = true;
    exchange->status = status;
    exchange->body = world_str(body);
    SIM_TRACE("%s answers %u %.*s", sim_self->name, status, STR_ARG(str_trim(body)));
    sim_at(NULL, sim_between(1, STEP_US_MAX), give_answer, exchange);
}

void response_text(struct request *request, unsigned status, struct str text)
{
    answer(request, status, text);
}

void response_abandon(struct request *request)
{
    answer(request, 0, STR(""));
}

static void take_call(void *data)
{
    struct exchange *exchange = data;
    struct request *request = HEAP_NEW(struct request);
    arena_init(&request->arena, REQUEST_ARENA_MAX);
    request->app = exchange->server->program;
    request->page = exchange;
    request->method = HTTP_GET_;
    request->query = exchange->raw;
    request->started_ms = request->dispatched_ms = clock_monotonic_ms();
    request->refs = 1;
    snprintf(request->address, sizeof request->address, "192.0.2.1");
    bank_callback_spplus(request);
    request_unref(request);
}

void http_call(struct process *server, struct str raw, http_answer_fn answered, void *data)
{
    struct exchange *exchange = world_alloc(sizeof *exchange);
    *exchange =
        (struct exchange){.server = server, .raw = raw, .answered = answered, .data = data, .began_us = sim_now_us()};
    sim_at(server, sim_between(1, STEP_US_MAX), take_call, exchange);
}

/* --- contracts --- */

struct contracts {
    bool loaded;
};

struct reload {
    struct contracts *contracts;
    contracts_cb done;
    void *data;
};

struct contracts *contracts_new(uv_loop_t *loop, const struct config *config, const struct vault *vault,
                                struct db_pool *db)
{
    struct contracts *contracts = HEAP_NEW(struct contracts);
    (void)loop;
    (void)config;
    (void)vault;
    (void)db;
    contracts->loaded = !sim_one_in(6);
    return contracts;
}

const struct gateway_contract *contracts_by_merchant(const struct contracts *contracts, const struct gateway *gateway,
                                                     struct str merchant_id)
{
    (void)gateway;
    return contracts->loaded && str_eq(merchant_id, school_contract()->merchant_id) ? school_contract() : NULL;
}

bool contracts_are_loaded(const struct contracts *contracts)
{
    return contracts->loaded;
}

static void reloaded(void *data)
{
    struct reload *reload = data;
    bool up = nemesis_is_up(STORE_DATABASE);
    reload->contracts->loaded = reload->contracts->loaded || up;
    reload->done(reload->data, up ? 0 : ERR_UNAVAILABLE);
    free(reload);
}

void contracts_reload(struct contracts *contracts, contracts_cb done, void *data)
{
    struct reload *reload = HEAP_NEW(struct reload);
    *reload = (struct reload){contracts, done, data};
    sim_at(sim_self, sim_between(1, RELOAD_US_MAX), reloaded, reload);
}

/* --- the pool: what the journal's keeper asks and reports, each a run of one step --- */

unsigned db_pool_ready(const struct db_pool *pool)
{
    (void)pool;
    return nemesis_is_up(STORE_DATABASE);
}

/* A statement, or the parts of "SELECT … UNION SELECT …". */
struct parts {
    const char *sql[PARTS_MAX];
    size_t n_params[PARTS_MAX];
    unsigned n;
};

static void split(const char *sql, struct parts *ret)
{
    static const char mark[] = " UNION ";
    for (const char *at = sql, *end; at && ret->n < PARTS_MAX; at = end ? end + strlen(mark) : NULL) {
        end = strstr(at, mark);
        size_t len = end ? (size_t)(end - at) : strlen(at);
        char *copy = calloc(1, len + 1);
        memcpy(copy, at, len);
        for (size_t i = 0; i < len; i++)
            ret->n_params[ret->n] += copy[i] == '?';
        ret->sql[ret->n++] = copy;
    }
}

static const struct parts *parts_of(unsigned statement)
{
    static struct parts all[SQL_COUNT];
    if (!all[statement].n) {
        struct process *self = sim_self; /* what is kept for ever is nobody's */
        sim_self = NULL;
        split(statements[statement].sql, &all[statement]);
        sim_self = self;
    }
    return &all[statement];
}

static struct sql_value value_of(const struct db_value *value)
{
    if (value->type == DB_NULL)
        return (struct sql_value){0};
    return value->type == DB_INT ? (struct sql_value){SQL_INT, value->number, STR_NULL}
                                 : (struct sql_value){SQL_TEXT, 0, value->text};
}

static void add_rows(struct db_result *to, const struct sql_result *from, struct arena *arena)
{
    size_t n_cols = from->n_cols, at = to->n_rows * n_cols;
    struct db_value *cells = ARENA_ARRAY(arena, at + from->n_rows * n_cols, struct db_value);
    if (at)
        memcpy(cells, to->cells, at * sizeof *cells);
    for (size_t i = 0; i < from->n_rows * n_cols; i++)
        cells[at + i] =
            from->cells[i].type == SQL_INT ? DB_I(from->cells[i].number) : DB_S(arena_str(arena, from->cells[i].text));
    to->cells = cells;
    to->n_rows += (unsigned)from->n_rows;
    to->n_columns = (unsigned)n_cols;
}

static int query(struct db_run *run)
{
    const struct parts *parts = parts_of(run->steps[0].statement);
    const struct db_value *params = run->steps[0].params;
    struct sql_session *session = sql_connect(sim_self);
    int err = 0;
    run->results = ARENA_NEW(run->arena, struct db_result);
    for (unsigned i = 0; i < parts->n; params += parts->n_params[i++]) {
        struct sql_value values[DB_PARAMS_MAX];
        struct sql_result rows;
        for (size_t j = 0; j < parts->n_params[i]; j++)
            values[j] = value_of(&params[j]);
        if (sql_run(session, parts->sql[i], values, parts->n_params[i], NULL, 0, &rows) == SQL_DONE)
            add_rows(run->results, &rows, run->arena);
        else
            err = ERR_UNAVAILABLE;
    }
    sql_disconnect(session);
    return err;
}

static void run_now(void *data)
{
    struct db_run *run = data;
    enum fate fate = nemesis_draw(STORE_DATABASE);
    bool works = nemesis_is_up(STORE_DATABASE) && (fate == FATE_GOOD || fate >= FATE_SLOW);
    run->done(run, works ? query(run) : ERR_UNAVAILABLE);
}

void db_pool_run(struct db_pool *pool, struct db_run *run)
{
    (void)pool;
    if (run->n_steps != 1)
        sim_unable("a run of %u steps is not expected here", run->n_steps);
    sim_at(sim_self, sim_between(1, QUERY_US_MAX), run_now, run);
}
