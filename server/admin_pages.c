#include "server/admin_pages.h"

#include "common/clock.h"
#include "server/app.h"
#include "server/response.h"

static void healthz(struct request *request)
{
    response_text(request, 200, STR("ok\n"));
}

/* Pages need all of it. A bank's call needs only the journal or a durable Redis: a balancer must not take the bank's
 * address away because of a 503 here (docs/operations.md). A journal that is late is said, but makes nothing unready.
 */
static void readyz(struct request *request)
{
    const struct app *app = request->app;
    struct journal_stats journal = journal_stats(app->journal);
    bool database = db_pool_ready(app->db) > 0;
    bool sessions = redis_client_is_ready(app->redis);
    bool events = event_queue_is_ready(app->events);
    bool contracts = contracts_are_loaded(app->contracts);
    bool ready = database && sessions && events && contracts && !journal.failing;
    struct response *response = response_new(request, ready ? 200 : 503);

    response->content_type = "application/json";
    response->cache = RESPONSE_NO_STORE;
    buf_printf(&response->body,
               "{\"ready\":%s,\"database\":%s,\"sessions\":%s,\"events\":%s,\"events_durable\":%s,\"contracts\":%s,"
               "\"journal\":%s,\"journal_late\":%s}\n",
               ready ? "true" : "false", database ? "true" : "false", sessions ? "true" : "false",
               events ? "true" : "false", event_queue_is_durable(app->events) ? "true" : "false",
               contracts ? "true" : "false", journal.failing ? "false" : "true",
               journal_oldest_age_s(&journal) > JOURNAL_LATE_S ? "true" : "false");
    response_send(response);
}

static void metric(struct buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name, (unsigned long long)value);
}

static void put_requests(struct buf *out, const struct listener_stats *stats)
{
    uint64_t sum = 0;

    buf_append_text(
        out, "# HELP dp_http_requests_total Answers by class of status.\n# TYPE dp_http_requests_total counter\n");
    for (unsigned i = 1; i < 6; i++)
        buf_printf(out, "dp_http_requests_total{class=\"%uxx\"} %llu\n", i,
                   (unsigned long long)stats->requests_by_class[i]);
    buf_append_text(out, "# HELP dp_http_duration_ms From the complete request to its answer.\n"
                         "# TYPE dp_http_duration_ms histogram\n");
    for (unsigned i = 0; i < LISTENER_DURATION_BUCKETS; i++) {
        sum += stats->durations[i];
        if (i + 1 < LISTENER_DURATION_BUCKETS)
            buf_printf(out, "dp_http_duration_ms_bucket{le=\"%u\"} %llu\n", listener_duration_bounds_ms[i],
                       (unsigned long long)sum);
        else
            buf_printf(out, "dp_http_duration_ms_bucket{le=\"+Inf\"} %llu\n", (unsigned long long)sum);
    }
    buf_printf(out, "dp_http_duration_ms_sum %llu\ndp_http_duration_ms_count %llu\n",
               (unsigned long long)stats->duration_ms_sum, (unsigned long long)sum);
    metric(out, "dp_http_connections", "gauge", "Open connections.", stats->connections_open);
    metric(out, "dp_http_connections_refused_total", "counter", "Connections over a limit.",
           stats->connections_refused);
    metric(out, "dp_http_connections_displaced_total", "counter", "Connections that gave way to new ones.",
           stats->connections_displaced);
    metric(out, "dp_http_timeouts_total", "counter", "Deadlines that passed.", stats->timeouts);
}

static void put_bank(struct buf *out, const struct app *app)
{
    buf_append_text(out,
                    "# HELP dp_bank_calls_total Calls of the banks by outcome.\n# TYPE dp_bank_calls_total counter\n");
    buf_printf(out, "dp_bank_calls_total{outcome=\"accepted\"} %llu\n", (unsigned long long)app->bank.accepted);
    buf_printf(out, "dp_bank_calls_total{outcome=\"repeated\"} %llu\n", (unsigned long long)app->bank.repeated);
    buf_printf(out, "dp_bank_calls_total{outcome=\"bad_seal\"} %llu\n", (unsigned long long)app->bank.bad_seal);
    buf_printf(out, "dp_bank_calls_total{outcome=\"unverified\"} %llu\n", (unsigned long long)app->bank.unverified);
    buf_printf(out, "dp_bank_calls_total{outcome=\"over_limit\"} %llu\n", (unsigned long long)app->bank.over_limit);
    buf_printf(out, "dp_bank_calls_total{outcome=\"abandoned\"} %llu\n", (unsigned long long)app->bank.abandoned);
}

static void put_journal(struct buf *out, const struct app *app)
{
    struct journal_stats stats = journal_stats(app->journal);

    metric(out, "dp_journal_records", "gauge", "Bank calls not yet seen in the inbox.", stats.live_records);
    metric(out, "dp_journal_disk_bytes", "gauge", "Size of the segments.", stats.disk_bytes);
    metric(out, "dp_journal_oldest_seconds", "gauge", "Age of the oldest record.",
           (uint64_t)journal_oldest_age_s(&stats));
    metric(out, "dp_journal_late", "gauge", "1 while a record has waited for more than ten minutes.",
           journal_oldest_age_s(&stats) > JOURNAL_LATE_S);
    metric(out, "dp_journal_appends_total", "counter", "Records written.", stats.appends);
    metric(out, "dp_journal_syncs_total", "counter", "Disk flushes.", stats.syncs);
    metric(out, "dp_journal_failures_total", "counter", "Writes or flushes that failed.", stats.failures);
    metric(out, "dp_journal_torn_records_total", "counter", "Incomplete records found at start.", stats.torn_records);
    metric(out, "dp_journal_corrupt_records_total", "counter", "Damaged records kept aside: a human must look.",
           stats.corrupt_records);
    metric(out, "dp_journal_failing", "gauge", "1 while the last write failed.", stats.failing);
    metric(out, "dp_journal_resent_total", "counter", "Events sent to the stream again.",
           journal_keeper_resent(app->keeper));
}

static void put_stores(struct buf *out, const struct app *app)
{
    struct db_pool_stats stats = db_pool_stats(app->db);

    metric(out, "dp_db_connections_ready", "gauge", "Connections to MariaDB.", stats.ready);
    metric(out, "dp_db_connections_busy", "gauge", "Of these, in use.", stats.busy);
    metric(out, "dp_db_waiting", "gauge", "Pages that wait for a connection.", stats.waiting);
    metric(out, "dp_db_runs_total", "counter", "Runs of statements.", stats.runs);
    metric(out, "dp_db_failures_total", "counter", "Runs that failed.", stats.failures);
    metric(out, "dp_db_reconnects_total", "counter", "Connections made anew.", stats.reconnects);
    metric(out, "dp_redis_sessions_ready", "gauge", "1 while the sessions' Redis answers.",
           redis_client_is_ready(app->redis));
    metric(out, "dp_redis_events_ready", "gauge", "1 while the events' Redis answers.",
           event_queue_is_ready(app->events));
    metric(out, "dp_redis_events_durable", "gauge", "1 when that Redis syncs every write.",
           event_queue_is_durable(app->events));
}

static void metrics(struct request *request)
{
    const struct app *app = request->app;
    struct response *response = response_new(request, 200);

    response->content_type = "text/plain; version=0.0.4; charset=utf-8";
    response->cache = RESPONSE_NO_STORE;
    if (app->pages)
        put_requests(&response->body, listener_stats(app->pages));
    put_bank(&response->body, app);
    put_journal(&response->body, app);
    put_stores(&response->body, app);
    response_send(response);
}

const struct route admin_routes[] = {
    {"/healthz", healthz, NULL, 0},
    {"/readyz", readyz, NULL, 0},
    {"/metrics", metrics, NULL, 0},
    {NULL, NULL, NULL, 0},
};

void admin_draw_error(struct request *request, unsigned status, const char *allow)
{
    struct response *response = response_new(request, status);
    response->content_type = "text/plain; charset=utf-8";
    response->cache = RESPONSE_NO_STORE;
    if (allow)
        response_header(response, "Allow", str_from(allow));
    buf_printf(&response->body, "%u\n", status);
    response_send(response);
}
