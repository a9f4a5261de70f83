/* watch_help: what the janitor looks at for the operator, with a worker's rights on a real MariaDB and a real Redis. */
#ifndef DP_TESTS_WATCH_HELP_H
#define DP_TESTS_WATCH_HELP_H

#include "loop/worker_help.h"

#include <hiredis/hiredis.h>
#include <signal.h>

#include "common/encode.h"
#include "worker/alarm.h"
#include "worker/poison.h"
#include "worker/watch.h"

enum { WATCH_TIMEOUT_MS = 2000, HOUR_S = 3600 };

static struct private_server redis_server;
static struct stream *stream;
static struct watch watch;

__attribute__((format(printf, 1, 2))) static inline long long redis(const char *format, ...)
{
    va_list args;
    redisContext *context = redisConnectUnix(redis_server.socket);
    va_start(args, format);
    redisReply *reply = redisvCommand(context, format, args);
    va_end(args);
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    long long number = reply->type == REDIS_REPLY_INTEGER ? reply->integer : (long long)reply->elements;
    freeReplyObject(reply);
    redisFree(context);
    return number;
}

static int start(void **state)
{
    if (help_start(state))
        return -1;
    private_server_start_redis(&redis_server, "always", NULL);
    help.config.redis.events.socket = redis_server.socket;
    help.config.redis.timeout_ms = WATCH_TIMEOUT_MS;
    stream = stream_new(&help.config, "watcher");
    return 0;
}

static int stop(void **state)
{
    stream_free(stream);
    private_server_done(&redis_server);
    return help_stop(state);
}

/* Nothing that an earlier test left. */
static int set_up(void **state)
{
    (void)state;
    ask("DELETE FROM alarms");
    ask("DELETE FROM mail_outbox");
    ask("DELETE FROM dead_letters");
    ask("DELETE FROM journal_reports");
    ask("DELETE FROM comparisons");
    ask("DELETE FROM inbox");
    ask("UPDATE transactions SET state = 'EXPIRED' WHERE state = 'PENDING'");
    ask("UPDATE worker_tasks SET lease_until = '1970-01-01', finished_at = UTC_TIMESTAMP(6), requested_at = NULL");
    redis("DEL " EVENT_STREAM);
    metrics_set(&help.metrics, METRIC_STREAM_LAG, 0);
    metrics_set(&help.metrics, METRIC_REDIS_UP, 1);
    watch = (struct watch){&help.config, &help.metrics, &help.drain, help.runner.db, stream, 0, {.worker = "watcher"}};
    return 0;
}

static inline long long n_alarm_mails(void)
{
    return ask("SELECT COUNT(*) FROM mail_outbox WHERE kind = 'OPERATOR_ALARM' AND recipient = '" HELP_OPERATOR "'");
}

static inline void look(void)
{
    assert_int_equal(watch_database(&watch), 0);
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

#endif
