#include "server/event_queue.h"

#include <sodium.h>
#include <stdio.h>

#include "common/crash_point.h"
#include "common/err.h"
#include "common/heap.h"
#include "server/redis_client.h"

enum {
    /* WAIT holds up what is behind it on the connection, and one more push may stand before it: a third of the time
     * leaves room for both. */
    WAIT_SHARE = 3,
    FIELDS_BYTES_MAX = EVENT_RAW_MAX + (64 << 10), /* of one event as fields */
};

/* One event on its way. */
struct push {
    struct event_queue *queue;
    struct push *next;
    unsigned timeout_ms;
    unsigned n_answers_due; /* XADD's, and WAIT's with replicas: each may be refused alone */
    int err;                /* the first */
    event_queue_cb done;
    void *data;
};

struct push_list {
    struct push *first, *last;
};

enum finding { FINDING_UNKNOWN, FINDING_GOOD, FINDING_BAD };

/* What Redis must be set to, so that a confirmed XADD is on its disk and is never thrown away. */
static const struct {
    const char *name, *value;
} durable_settings[] = {
    {"appendonly", "yes"},
    {"appendfsync", "always"},
    {"maxmemory-policy", "noeviction"},
};
enum { N_DURABLE_SETTINGS = sizeof durable_settings / sizeof durable_settings[0] };

struct check {
    struct event_queue *queue;
    unsigned setting;
};

struct event_queue {
    struct redis_client *redis; /* owned */
    unsigned timeout_ms, wait_replicas;
    enum config_durability durability;
    struct check checks[N_DURABLE_SETTINGS];
    enum finding findings[N_DURABLE_SETTINGS];
    /* With replicas: pushed after the WAIT under way was sent; and those that it speaks for. */
    struct push_list uncovered, covered;
    bool is_waiting;
    void (*closed)(void *data);
    void *closed_data;
};

/* --- checks at each connection --- */

static bool is_refusing(const struct event_queue *queue)
{
    if (queue->durability != CONFIG_DURABILITY_REFUSE)
        return false;
    for (unsigned i = 0; i < N_DURABLE_SETTINGS; i++)
        if (queue->findings[i] == FINDING_BAD)
            return true;
    return false;
}

static void check_done(void *data, int err, const redisReply *reply)
{
    const struct check *check = data;
    const char *name = durable_settings[check->setting].name, *value = durable_settings[check->setting].value;
    enum finding *finding = &check->queue->findings[check->setting];
    bool is_pair = !err && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;

    if (!is_pair || reply->element[1]->type != REDIS_REPLY_STRING) {
        *finding = FINDING_UNKNOWN;
        if (err == 0 || err == ERR_INTERNAL) /* CONFIG is forbidden or unknown there */
            log_warn("redis_durability_unknown", LOG_STR("setting", name));
        return;
    }
    const redisReply *found = reply->element[1];
    *finding = str_eq_text(str_slice(found->str, found->len), value) ? FINDING_GOOD : FINDING_BAD;
    if (*finding == FINDING_GOOD)
        return;
    log_write(check->queue->durability == CONFIG_DURABILITY_REFUSE ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN,
              "redis_not_durable",
              LOG_FIELDS(LOG_STR("setting", name), LOG_SLICE("is", str_slice(found->str, found->len)),
                         LOG_STR("should_be", value)));
}

static void on_ready(void *data)
{
    struct event_queue *queue = data;

    for (unsigned i = 0; i < N_DURABLE_SETTINGS; i++) {
        const struct str argv[] = {STR("CONFIG"), STR("GET"), str_from(durable_settings[i].name)};
        queue->findings[i] = FINDING_UNKNOWN;
        redis_client_command(queue->redis, 0, check_done, &queue->checks[i], 3, argv);
    }
}

/* --- lists of pushes --- */

static void append(struct push_list *list, struct push *push)
{
    push->next = NULL;
    if (list->last)
        list->last->next = push;
    else
        list->first = push;
    list->last = push;
}

static void answered(struct push *push, int err)
{
    if (!push->err)
        push->err = err;
    if (--push->n_answers_due > 0)
        return;
    push->done(push->data, push->err);
    free(push);
}

/* --- WAIT --- */

static void wait_send(struct event_queue *queue);

static void wait_done(void *data, int err, const redisReply *reply)
{
    struct event_queue *queue = data;
    struct push *push = queue->covered.first;

    if (!err && (reply->type != REDIS_REPLY_INTEGER || reply->integer < queue->wait_replicas))
        err = ERR_TIMEOUT;
    queue->covered = (struct push_list){.first = NULL};
    queue->is_waiting = false;
    if (queue->uncovered.first)
        wait_send(queue);
    while (push) {
        struct push *next = push->next;
        answered(push, err);
        push = next;
    }
}

/* One WAIT speaks for all writes of this connection before it, so at most one is under way: a slow replica delays the
 * pushes behind it once, not once each. */
static void wait_send(struct event_queue *queue)
{
    char replicas[16], ms[16];
    unsigned timeout_ms = queue->uncovered.first->timeout_ms;

    snprintf(replicas, sizeof replicas, "%u", queue->wait_replicas);
    /* 0 would mean for ever. */
    snprintf(ms, sizeof ms, "%u", timeout_ms / WAIT_SHARE + 1);
    const struct str argv[] = {STR("WAIT"), str_from(replicas), str_from(ms)};
    queue->covered = queue->uncovered;
    queue->uncovered = (struct push_list){.first = NULL};
    queue->is_waiting = true;
    redis_client_command(queue->redis, timeout_ms, wait_done, queue, 3, argv);
}

/* --- pushing --- */

static void add_done(void *data, int err, const redisReply *reply)
{
    (void)reply;
    answered(data, err);
}

static void add_send(struct push *push, const struct event *event)
{
    struct str argv[REDIS_ARGS_MAX] = {STR("XADD"), STR(EVENT_STREAM), STR("*")};
    struct arena arena;
    size_t n_fields;

    arena_init(&arena, FIELDS_BYTES_MAX);
    const struct str *fields = event_to_fields(event, &arena, &n_fields);
    memcpy(&argv[3], fields, n_fields * sizeof *fields);
    CRASH_POINT("server/stream_before_add");
    redis_client_command(push->queue->redis, push->timeout_ms, add_done, push, (unsigned)n_fields + 3, argv);
    CRASH_POINT("server/stream_add_asked");
    arena_done(&arena);
}

void event_queue_push(struct event_queue *queue, const struct event *event, unsigned timeout_ms, event_queue_cb done,
                      void *data)
{
    struct push *push = HEAP_NEW(struct push);

    *push = (struct push){.queue = queue, .n_answers_due = 1, .done = done, .data = data};
    push->timeout_ms = timeout_ms ? timeout_ms : queue->timeout_ms;
    if (!event_queue_is_ready(queue)) {
        redis_client_refuse(queue->redis, ERR_UNAVAILABLE, add_done, push);
        return;
    }
    add_send(push, event);
    if (queue->wait_replicas == 0)
        return;
    push->n_answers_due++;
    append(&queue->uncovered, push);
    if (!queue->is_waiting)
        wait_send(queue);
}

/* --- the queue --- */

struct event_queue *event_queue_new(uv_loop_t *loop, const struct config *config)
{
    struct event_queue *queue = HEAP_NEW(struct event_queue);
    const char *password_file = config->redis.password_file;
    char *password = NULL;

    if (password_file && config_read_secret(password_file, &password) != 0)
        log_error("secret_unreadable", LOG_STR("file", password_file));
    queue->timeout_ms = config->redis.timeout_ms;
    queue->wait_replicas = config->redis.wait_replicas;
    queue->durability = config->redis.durability;
    for (unsigned i = 0; i < N_DURABLE_SETTINGS; i++)
        queue->checks[i] = (struct check){queue, i};
    queue->redis = redis_client_new(loop, "events", &config->redis.events, password, config->redis.timeout_ms);
    redis_client_on_ready(queue->redis, on_ready, queue);
    if (password)
        sodium_memzero(password, strlen(password));
    free(password);
    return queue;
}

bool event_queue_is_ready(const struct event_queue *queue)
{
    return redis_client_is_ready(queue->redis) && !is_refusing(queue);
}

bool event_queue_is_durable(const struct event_queue *queue)
{
    if (!redis_client_is_ready(queue->redis))
        return false;
    for (unsigned i = 0; i < N_DURABLE_SETTINGS; i++)
        if (queue->findings[i] != FINDING_GOOD)
            return false;
    return true;
}

static void on_redis_closed(void *data)
{
    struct event_queue *queue = data;
    void (*closed)(void *data) = queue->closed;
    void *closed_data = queue->closed_data;

    free(queue);
    closed(closed_data);
}

void event_queue_close(struct event_queue *queue, void (*closed)(void *data), void *data)
{
    queue->closed = closed;
    queue->closed_data = data;
    redis_client_close(queue->redis, on_redis_closed, queue);
}
