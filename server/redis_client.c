#include "server/redis_client.h"

#include <hiredis/async.h>
#include <sodium.h>
#include <string.h>

#include "common/err.h"
#include "common/heap.h"
#include "server/done_queue.h"
#include "server/redis_adapter.h"
#include "server/redis_command.h"

enum { BACKOFF_MIN_MS = 50, BACKOFF_MAX_MS = 1000 };

enum redis_state { REDIS_AWAY, REDIS_CONNECTING, REDIS_GREETING, REDIS_READY, REDIS_CLOSING };

static const char *const state_names[] = {
    [REDIS_AWAY] = "away",   [REDIS_CONNECTING] = "connecting", [REDIS_GREETING] = "greeting",
    [REDIS_READY] = "ready", [REDIS_CLOSING] = "closing",
};

struct command {
    struct done_entry entry;
    struct redis_client *client;
    struct command *next, *previous; /* in flight */
    uint64_t deadline_at_ms;
    int err; /* decided before hiredis lets go of it */
    redis_cb done;
    void *data;
};

struct redis_client {
    uv_loop_t *loop;
    const char *name;
    char *socket, *host, *password; /* owned */
    unsigned port, timeout_ms;
    enum redis_state state;
    redisAsyncContext *context; /* NULL: none. hiredis frees it itself when it fails */
    uv_timer_t phase_timer;     /* AWAY: the next attempt; CONNECTING, GREETING: their deadline */
    uv_timer_t command_timer;   /* the earliest deadline in flight, or before it */
    uint64_t command_timer_at_ms;
    struct command *first, *last; /* in flight, oldest first */
    unsigned n_in_flight;
    struct buf command_bytes; /* owned; of the command that is being sent */
    unsigned backoff_ms;
    bool was_logged_away;
    int drop_err; /* what commands end with when the connection goes */
    struct done_queue done;
    struct done_entry ready_entry;
    bool ready_is_due;
    void (*ready)(void *data);
    void *ready_data;
    unsigned open_things; /* what must close before the done queue may */
    void (*closed)(void *data);
    void *closed_data;
};

static void on_phase_timer(uv_timer_t *timer);
static void on_command_timer(uv_timer_t *timer);
static void thing_closed(void *data);

/* --- the end of a command --- */

static void deliver(struct done_entry *entry)
{
    struct command *command = (struct command *)entry;
    command->done(command->data, command->err, NULL);
    free(command);
}

static void finish_later(struct command *command, int err)
{
    command->err = err;
    command->entry.run = deliver;
    done_queue_push(&command->client->done, &command->entry);
}

static void link_command(struct redis_client *client, struct command *command)
{
    command->previous = client->last;
    if (client->last)
        client->last->next = command;
    else
        client->first = command;
    client->last = command;
    client->n_in_flight++;
}

static void unlink_command(struct redis_client *client, struct command *command)
{
    if (command->previous)
        command->previous->next = command->next;
    else
        client->first = command->next;
    if (command->next)
        command->next->previous = command->previous;
    else
        client->last = command->previous;
    client->n_in_flight--;
}

/* --- the state --- */

static void set_state(struct redis_client *client, enum redis_state state)
{
    log_debug("redis_state", LOG_STR("client", client->name), LOG_STR("from", state_names[client->state]),
              LOG_STR("to", state_names[state]));
    client->state = state;
}

static void log_away(struct redis_client *client, const char *why)
{
    /* An outage is logged once, not at each attempt. */
    if (!client->was_logged_away)
        log_error("redis_unavailable", LOG_STR("client", client->name), LOG_STR("why", why),
                  LOG_STR("at", client->socket ? client->socket : client->host),
                  LOG_INT("port", client->socket ? 0 : client->port));
    client->was_logged_away = true;
}

/* The context is gone or going. */
static void go_away(struct redis_client *client, const char *why)
{
    client->context = NULL;
    if (client->state == REDIS_CLOSING || client->state == REDIS_AWAY)
        return;
    log_away(client, why);
    set_state(client, REDIS_AWAY);
    uv_timer_start(&client->phase_timer, on_phase_timer, client->backoff_ms, 0);
    client->backoff_ms = client->backoff_ms * 2 < BACKOFF_MAX_MS ? client->backoff_ms * 2 : BACKOFF_MAX_MS;
}

/* Ends the connection ourselves: every command in flight comes back with NULL, now, or once hiredis has left the
 * callback that we are in. */
static void drop(struct redis_client *client, int err, const char *why)
{
    redisAsyncContext *context = client->context;

    client->drop_err = err;
    go_away(client, why);
    if (context)
        redisAsyncFree(context);
}

/* --- connecting --- */

static void call_ready(struct done_entry *entry)
{
    struct redis_client *client = (struct redis_client *)((char *)entry - offsetof(struct redis_client, ready_entry));
    client->ready_is_due = false;
    if (client->ready && client->state == REDIS_READY)
        client->ready(client->ready_data);
}

static void tell_ready(struct redis_client *client)
{
    if (client->ready_is_due || !client->ready)
        return;
    client->ready_is_due = true;
    client->ready_entry.run = call_ready;
    done_queue_push(&client->done, &client->ready_entry);
}

static bool is_of(const struct redis_client *client, const redisAsyncContext *context)
{
    return client->context == context;
}

static void on_auth(redisAsyncContext *context, void *reply_, void *data)
{
    struct redis_client *client = context->data;
    const redisReply *reply = reply_;
    (void)data;

    if (reply && reply->type == REDIS_REPLY_ERROR && is_of(client, context))
        drop(client, ERR_UNAVAILABLE, "password refused");
}

static void on_ping(redisAsyncContext *context, void *reply_, void *data)
{
    struct redis_client *client = context->data;
    const redisReply *reply = reply_;
    (void)data;

    if (!reply || !is_of(client, context))
        return;
    if (reply->type != REDIS_REPLY_STATUS) {
        drop(client, ERR_UNAVAILABLE, reply->type == REDIS_REPLY_ERROR ? reply->str : "not a Redis");
        return;
    }
    uv_timer_stop(&client->phase_timer);
    client->backoff_ms = BACKOFF_MIN_MS;
    client->was_logged_away = false;
    log_info("redis_connected", LOG_STR("client", client->name));
    set_state(client, REDIS_READY);
    tell_ready(client);
}

/* A server that accepts but does not answer, or is still loading its data, is not ready: PING tells. */
static void greet(struct redis_client *client)
{
    const char *auth[] = {"AUTH", client->password};
    const char *ping[] = {"PING"};

    set_state(client, REDIS_GREETING);
    if (client->password)
        redisAsyncCommandArgv(client->context, on_auth, NULL, 2, auth, NULL);
    redisAsyncCommandArgv(client->context, on_ping, NULL, 1, ping, NULL);
}

static void on_connect(const redisAsyncContext *context, int status)
{
    struct redis_client *client = context->data;

    if (!is_of(client, context))
        return;
    if (status == REDIS_OK)
        greet(client);
    else /* hiredis frees the context after this */
        go_away(client, context->c.errstr);
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
    struct redis_client *client = context->data;
    (void)status;

    if (is_of(client, context))
        go_away(client, context->errstr ? context->errstr : "closed");
}

static void start_connecting(struct redis_client *client)
{
    redisAsyncContext *context =
        client->socket ? redisAsyncConnectUnix(client->socket) : redisAsyncConnect(client->host, (int)client->port);

    set_state(client, REDIS_CONNECTING);
    client->drop_err = ERR_UNAVAILABLE;
    if (!context)
        log_fatal("out_of_memory", LOG_STR("what", "redisAsyncConnect"));
    if (context->err) { /* a unix socket is refused here already */
        go_away(client, context->errstr);
        redisAsyncFree(context);
        return;
    }
    client->context = context;
    context->data = client;
    client->open_things++;
    redis_adapter_attach(context, client->loop, thing_closed, client);
    redisAsyncSetConnectCallback(context, on_connect);
    redisAsyncSetDisconnectCallback(context, on_disconnect);
    uv_timer_start(&client->phase_timer, on_phase_timer, client->timeout_ms, 0);
}

static void on_phase_timer(uv_timer_t *timer)
{
    struct redis_client *client = timer->data;

    if (client->state == REDIS_AWAY)
        start_connecting(client);
    else
        drop(client, ERR_UNAVAILABLE, "no answer");
}

/* --- commands --- */

/* A server that says so is of no use to this client, now or later; another may stand behind the same address. */
static bool is_wrong_server(const redisReply *reply)
{
    static const char *const prefixes[] = {"LOADING ", "READONLY ", "MASTERDOWN ", "NOAUTH "};

    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static void on_reply(redisAsyncContext *context, void *reply_, void *data)
{
    struct command *command = data;
    struct redis_client *client = command->client;
    const redisReply *reply = reply_;

    unlink_command(client, command);
    if (!reply) {
        finish_later(command, command->err ? command->err : client->drop_err);
        return;
    }
    if (is_wrong_server(reply)) {
        finish_later(command, ERR_UNAVAILABLE);
        if (is_of(client, context))
            drop(client, ERR_UNAVAILABLE, reply->str);
        return;
    }
    command->done(command->data, reply->type == REDIS_REPLY_ERROR ? ERR_INTERNAL : 0, reply);
    free(command);
}

static void arm_command_timer(struct redis_client *client, uint64_t at_ms)
{
    uint64_t now = uv_now(client->loop);

    if (uv_is_active((uv_handle_t *)&client->command_timer) && client->command_timer_at_ms <= at_ms)
        return;
    client->command_timer_at_ms = at_ms;
    uv_timer_start(&client->command_timer, on_command_timer, at_ms > now ? at_ms - now : 0, 0);
}

static void on_command_timer(uv_timer_t *timer)
{
    struct redis_client *client = timer->data;
    uint64_t now = uv_now(client->loop), next = UINT64_MAX;
    bool expired = false;

    for (struct command *command = client->first; command; command = command->next) {
        if (command->deadline_at_ms <= now) {
            command->err = ERR_TIMEOUT;
            expired = true;
        } else if (command->deadline_at_ms < next) {
            next = command->deadline_at_ms;
        }
    }
    if (expired)
        drop(client, ERR_UNAVAILABLE, "command timed out");
    else if (next != UINT64_MAX)
        arm_command_timer(client, next);
}

static struct command *new_command(struct redis_client *client, redis_cb done, void *data)
{
    struct command *command = HEAP_NEW(struct command);
    command->client = client;
    command->done = done;
    command->data = data;
    return command;
}

static int send_command(struct redis_client *client, struct command *command, unsigned argc, const struct str *argv)
{
    struct buf *bytes = &client->command_bytes;

    if (client->state == REDIS_CLOSING)
        return ERR_CANCELLED;
    if (client->state != REDIS_READY)
        return ERR_UNAVAILABLE;
    if (client->n_in_flight >= REDIS_IN_FLIGHT_MAX)
        return ERR_BUSY;
    buf_clear(bytes);
    redis_command_format(bytes, argc, argv);
    if (!buf_ok(bytes))
        return ERR_TOO_LARGE;
    if (redisAsyncFormattedCommand(client->context, on_reply, command, bytes->ptr, bytes->len) != REDIS_OK)
        return ERR_UNAVAILABLE;
    return 0;
}

void redis_client_command(struct redis_client *client, unsigned timeout_ms, redis_cb done, void *data, unsigned argc,
                          const struct str *argv)
{
    struct command *command = new_command(client, done, data);

    if (argc == 0 || argc > REDIS_ARGS_MAX)
        log_fatal("redis_arguments", LOG_INT("argc", argc));
    int err = send_command(client, command, argc, argv);
    if (err) {
        finish_later(command, err);
        return;
    }
    link_command(client, command);
    command->deadline_at_ms = uv_now(client->loop) + (timeout_ms ? timeout_ms : client->timeout_ms);
    arm_command_timer(client, command->deadline_at_ms);
}

void redis_client_refuse(struct redis_client *client, int err, redis_cb done, void *data)
{
    finish_later(new_command(client, done, data), err);
}

/* --- the client --- */

static char *copy_text(const char *text)
{
    if (!text)
        return NULL;
    size_t size = strlen(text) + 1;
    return memcpy(heap_array(size, 1), text, size);
}

struct redis_client *redis_client_new(uv_loop_t *loop, const char *name, const struct config_endpoint *at,
                                      const char *password, unsigned timeout_ms)
{
    struct redis_client *client = HEAP_NEW(struct redis_client);

    client->loop = loop;
    client->name = name;
    client->socket = copy_text(at->socket);
    client->host = copy_text(at->host);
    client->port = at->port;
    client->password = copy_text(password);
    client->timeout_ms = timeout_ms;
    client->backoff_ms = BACKOFF_MIN_MS;
    buf_init(&client->command_bytes, REDIS_COMMAND_MAX);
    done_queue_init(&client->done, loop);
    uv_timer_init(loop, &client->phase_timer);
    uv_timer_init(loop, &client->command_timer);
    client->phase_timer.data = client;
    client->command_timer.data = client;
    client->open_things = 2;
    uv_timer_start(&client->phase_timer, on_phase_timer, 0, 0);
    return client;
}

bool redis_client_is_ready(const struct redis_client *client)
{
    return client->state == REDIS_READY;
}

void redis_client_on_ready(struct redis_client *client, void (*ready)(void *data), void *data)
{
    client->ready = ready;
    client->ready_data = data;
    if (client->state == REDIS_READY)
        tell_ready(client);
}

/* --- the end of the client --- */

static void on_done_queue_closed(void *data)
{
    struct redis_client *client = data;
    void (*closed)(void *data) = client->closed;
    void *closed_data = client->closed_data;

    if (client->password)
        sodium_memzero(client->password, strlen(client->password));
    buf_done(&client->command_bytes);
    free(client->password);
    free(client->socket);
    free(client->host);
    free(client);
    closed(closed_data);
}

static void thing_closed(void *data)
{
    struct redis_client *client = data;
    if (--client->open_things == 0)
        done_queue_close(&client->done, on_done_queue_closed, client);
}

static void on_timer_closed(uv_handle_t *handle)
{
    thing_closed(handle->data);
}

void redis_client_close(struct redis_client *client, void (*closed)(void *data), void *data)
{
    if (client->state == REDIS_CLOSING)
        return;
    set_state(client, REDIS_CLOSING);
    client->closed = closed;
    client->closed_data = data;
    drop(client, ERR_CANCELLED, "closing");
    uv_close((uv_handle_t *)&client->phase_timer, on_timer_closed);
    uv_close((uv_handle_t *)&client->command_timer, on_timer_closed);
}
