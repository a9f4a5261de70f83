/* server/redis_client.h over the Redis in memory: commands travel in order, answers come back in order, and a broken
 * connection ends them all. */
#include "server/redis_client.h"

#include <stdlib.h>

#include "common/err.h"
#include "common/heap.h"
#include "simulator/nemesis.h"
#include "simulator/redis_server.h"
#include "simulator/sim.h"

enum { STEP_US_MAX = 1500, SLOW_US_MAX = 4000000, RECONNECT_US_MAX = 1000000 };

struct redis_client {
    struct process *process;
    bool ready;
    unsigned epoch;      /* of the server it is connected to */
    int64_t arrives_us;  /* of the last command sent */
    int64_t answered_us; /* of the last answer */
    struct command *first;
    void (*on_ready)(void *data);
    void *ready_data;
};

/* Outlives the process: what was sent arrives. */
struct command {
    struct redis_client *client;
    struct process *process;
    struct command *next;
    const struct str *words;
    size_t n_words;
    redis_cb done; /* NULL: ended */
    void *data;
    unsigned epoch;
    enum fate fate;
    int refused_as;
    redisReply *reply;
};

static void connect_later(struct redis_client *client);

static void end(struct command *command, int err, const redisReply *reply)
{
    redis_cb done = command->done;
    struct command **link = &command->client->first;
    command->done = NULL;
    while (*link && *link != command)
        link = &(*link)->next;
    if (*link)
        *link = command->next;
    done(command->data, err, reply);
}

static void break_connection(struct redis_client *client)
{
    client->ready = false;
    while (client->first)
        end(client->first, ERR_UNAVAILABLE, NULL);
    connect_later(client);
}

static void try_to_connect(void *data)
{
    struct redis_client *client = data;
    if (!nemesis_is_up(STORE_REDIS)) {
        connect_later(client);
        return;
    }
    client->epoch = nemesis_epoch(STORE_REDIS);
    client->ready = true;
    if (client->on_ready)
        client->on_ready(client->ready_data);
}

static void connect_later(struct redis_client *client)
{
    sim_at(client->process, sim_between(1, RECONNECT_US_MAX), try_to_connect, client);
}

struct redis_client *redis_client_new(uv_loop_t *loop, const char *name, const struct config_endpoint *at,
                                      const char *password, unsigned timeout_ms)
{
    struct redis_client *client = HEAP_NEW(struct redis_client);
    (void)loop;
    (void)name;
    (void)at;
    (void)password;
    (void)timeout_ms;
    client->process = sim_self;
    sim_at(sim_self, sim_between(1, STEP_US_MAX), try_to_connect, client);
    return client;
}

void redis_client_on_ready(struct redis_client *client, void (*ready)(void *data), void *data)
{
    client->on_ready = ready;
    client->ready_data = data;
}

bool redis_client_is_ready(const struct redis_client *client)
{
    return client->ready;
}

void redis_client_close(struct redis_client *client, void (*closed)(void *data), void *data)
{
    (void)client;
    closed(data);
}

static void refuse_now(void *data)
{
    struct command *command = data;
    command->done(command->data, command->refused_as, NULL);
}

void redis_client_refuse(struct redis_client *client, int err, redis_cb done, void *data)
{
    struct command *command = HEAP_NEW(struct command);
    *command = (struct command){.client = client, .done = done, .data = data, .refused_as = err};
    sim_at(sim_self, 0, refuse_now, command);
}

static void answer(void *data)
{
    struct command *command = data;
    if (!command->done) {
        freeReplyObject(command->reply);
        return;
    }
    if (command->client->epoch != nemesis_epoch(STORE_REDIS) || !nemesis_is_up(STORE_REDIS) ||
        command->fate == FATE_UNKNOWN) {
        freeReplyObject(command->reply);
        break_connection(command->client);
        return;
    }
    bool is_error = command->reply->type == REDIS_REPLY_ERROR;
    end(command, is_error ? ERR_INTERNAL : 0, command->reply);
    freeReplyObject(command->reply);
}

/* At the server, whether or not the sender still lives. */
static void arrive(void *data)
{
    struct command *command = data;
    struct process *process = command->process;
    if (!nemesis_is_up(STORE_REDIS) || command->epoch != nemesis_epoch(STORE_REDIS) || command->fate == FATE_LOST) {
        if (command->done && process->alive)
            sim_at(process, sim_between(1, STEP_US_MAX), answer, command);
        command->fate = FATE_UNKNOWN;
        return;
    }
    if (str_eq_text(command->words[0], "XADD"))
        SIM_TRACE("%s: XADD arrives", process->name);
    sim_self = process->alive ? process : NULL;
    command->reply = redis_server_run(command->words, command->n_words);
    sim_self = NULL;
    if (!process->alive) {
        freeReplyObject(command->reply);
        return;
    }
    int64_t at_us = sim_now_us() + sim_between(1, STEP_US_MAX);
    if (command->fate == FATE_SLOW)
        at_us += sim_between(0, SLOW_US_MAX);
    if (at_us <= command->client->answered_us)
        at_us = command->client->answered_us + 1;
    command->client->answered_us = at_us;
    sim_at(process, at_us - sim_now_us(), answer, command);
}

static void time_out(void *data)
{
    struct command *command = data;
    if (!command->done)
        return;
    struct redis_client *client = command->client;
    end(command, ERR_TIMEOUT, NULL);
    break_connection(client);
}

static struct command *new_command(struct redis_client *client, unsigned n_words, const struct str *words)
{
    struct command *command = world_alloc(sizeof *command);
    struct str *copies = world_alloc(n_words * sizeof *copies);
    for (unsigned i = 0; i < n_words; i++)
        copies[i] = world_str(words[i]);
    *command = (struct command){
        .client = client, .process = client->process, .words = copies, .n_words = n_words, .epoch = client->epoch};
    return command;
}

void redis_client_command(struct redis_client *client, unsigned timeout_ms, redis_cb done, void *data, unsigned argc,
                          const struct str *argv)
{
    if (!client->ready) {
        redis_client_refuse(client, ERR_UNAVAILABLE, done, data);
        return;
    }
    struct command *command = new_command(client, argc, argv), **link = &client->first;
    command->done = done;
    command->data = data;
    command->fate = nemesis_draw(STORE_REDIS);
    while (*link)
        link = &(*link)->next;
    *link = command;
    int64_t at_us = sim_now_us() + sim_between(1, STEP_US_MAX);
    if (at_us <= client->arrives_us)
        at_us = client->arrives_us + 1;
    client->arrives_us = at_us;
    sim_at(NULL, at_us - sim_now_us(), arrive, command);
    sim_at(client->process, (int64_t)(timeout_ms ? timeout_ms : 1000) * US_PER_MS, time_out, command);
}
