/* The nightly comparison of the stream with the database. */
#include "loop/watch_help.h"

static int64_t minutes_ago_ms(int64_t minutes)
{
    return clock_now_us() / 1000 - minutes * 60000;
}

/* The entry in the stream, as old as `minutes`. */
static void publish(const struct stream_entry *entry, int64_t minutes, char ret_id[STREAM_ID_SIZE])
{
    static unsigned sequence;
    snprintf(ret_id, STREAM_ID_SIZE, "%lld-%u", (long long)minutes_ago_ms(minutes), ++sequence);
    const char *argv[2 * EVENT_FIELDS_MAX + 3] = {"XADD", EVENT_STREAM, ret_id};
    size_t lens[2 * EVENT_FIELDS_MAX + 3] = {4, strlen(EVENT_STREAM), strlen(ret_id)};
    for (size_t i = 0; i < entry->n_fields; i++) {
        argv[3 + i] = entry->fields[i].ptr ? entry->fields[i].ptr : "";
        lens[3 + i] = entry->fields[i].len;
    }
    redisContext *context = redisConnectUnix(redis_server.socket);
    redisReply *reply = redisCommandArgv(context, (int)entry->n_fields + 3, argv, lens);
    assert_true(reply && reply->type == REDIS_REPLY_STRING);
    freeReplyObject(reply);
    redisFree(context);
}

static void compare_now(void)
{
    ask("UPDATE worker_tasks SET finished_at = '1970-01-01', lease_until = '1970-01-01'");
    assert_int_equal(watch_compare(&watch), 0);
}

static void comparison_finds_what_is_missing(void **state)
{
    char id[STREAM_ID_SIZE];
    struct stream_entries read;
    const struct str junk[] = {STR("x"), STR("junk")};
    const struct stream_entry malformed = {STR("1-1"), junk, 2, 1};
    (void)state;
    help_topup("dem20261123091703aaa", 1000);
    struct stream_entry applied = help_bank_entry(help_call("dem20261123091703aaa", 1000, "1", "40009101"));
    struct stream_entry buried = help_bank_entry(help_call("dem20261123091703bbb", 1000, "1", "40009102"));
    struct stream_entry lost = help_bank_entry(help_call("dem20261123091703ccc", 1000, "1", "40009103"));
    struct stream_entry pending = help_bank_entry(help_call("dem20261123091703ddd", 1000, "1", "40009104"));
    struct stream_entry undelivered = help_bank_entry(help_call("dem20261123091703eee", 1000, "1", "40009105"));
    struct stream_entry young = help_bank_entry(help_call("dem20261123091703fff", 1000, "1", "40009106"));
    assert_int_equal(help_run(&applied), RUNNER_ACK);
    assert_int_equal(poison_bury(help.runner.db, &buried, "a fault", 5), 0);
    assert_int_equal(poison_bury(help.runner.db, &malformed, "malformed", 5), 0);
    /* Of another kind, applied and buried under the id of what is lost: the call is missing all the same. */
    struct stream_entry notice = help_notice_under_id_of(&lost);
    assert_int_equal(help_run(&notice), RUNNER_ACK);
    assert_int_equal(poison_bury(help.runner.db, &notice, "a fault", 5), 0);
    ask("UPDATE dead_letters SET dropped_at = UTC_TIMESTAMP(6) WHERE kind = 'password_changed'");
    publish(&applied, 60, id);
    publish(&buried, 50, id);
    publish(&malformed, 45, id);
    publish(&lost, 40, id);
    publish(&pending, 30, id);
    assert_int_equal(stream_read_new(stream, 100, 20, &help.arena, &read), 0);
    assert_int_equal(read.count, 5);
    for (int i = 0; i < 4; i++)
        assert_int_equal(stream_ack(stream, &read.items[i].id, 1), 0);
    publish(&undelivered, 20, id);
    publish(&young, 5, id);
    compare_now();
    assert_asked(1, "SELECT COUNT(*) FROM comparisons WHERE finished_at IS NOT NULL AND total = 7 AND checked = 6 AND "
                    "waiting = 2 AND missing = 1 AND resent = 1 AND worker = 'watcher'");
    assert_int_equal(redis("XLEN " EVENT_STREAM), 8);
    look();
    assert_asked(1, "SELECT count FROM alarms WHERE open_kind = 'EVENTS_MISSING'");
    assert_int_equal(metrics_get(&help.metrics, METRIC_EVENTS_MISSING), 1);
    assert_int_equal(n_alarm_mails(), 2); /* of the letters, too */
    /* What was sent again is applied, and the next comparison says so. */
    help_topup("dem20261123091703ccc", 1000);
    assert_int_equal(help_run(&lost), RUNNER_ACK);
    compare_now();
    look();
    assert_asked(0, "SELECT COUNT(*) FROM alarms WHERE open_kind = 'EVENTS_MISSING'");
    assert_int_equal(redis("XLEN " EVENT_STREAM), 8);
}

static void comparison_of_many_pages(void **state)
{
    char id[STREAM_ID_SIZE];
    const struct str junk[] = {STR("x"), STR("pages")};
    const struct stream_entry malformed = {STR("1-1"), junk, 2, 1};
    (void)state;
    assert_int_equal(poison_bury(help.runner.db, &malformed, "malformed", 5), 0);
    for (int i = 0; i < 2 * COMPARISON_PAGE + 3; i++)
        publish(&malformed, 60, id);
    redis("XGROUP CREATE " EVENT_STREAM " " EVENT_GROUP " $");
    compare_now();
    assert_asked(2 * COMPARISON_PAGE + 3,
                 "SELECT checked FROM comparisons WHERE finished_at IS NOT NULL AND missing = 0");
}

static void only_one_worker_compares(void **state)
{
    (void)state;
    struct comparison other = {.worker = "other"};
    ask("UPDATE worker_tasks SET finished_at = '1970-01-01', holder = 'other', lease_until = UTC_TIMESTAMP(6) + "
        "INTERVAL "
        "1 MINUTE");
    assert_int_equal(watch_compare(&watch), 0);
    assert_asked(0, "SELECT COUNT(*) FROM comparisons");
    ask("UPDATE worker_tasks SET lease_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND"); /* it died */
    assert_int_equal(watch_compare(&watch), 0);
    assert_asked(1, "SELECT COUNT(*) FROM comparisons WHERE finished_at IS NOT NULL");
    assert_int_equal(watch_compare(&watch), 0); /* once a night */
    assert_int_equal(comparison_turn(&other, help.runner.db, stream, &help.drain), 0);
    assert_asked(1, "SELECT COUNT(*) FROM comparisons");
    /* Until a human asks. Who asks while one is under way gets one that begins after it. */
    ask("UPDATE worker_tasks SET requested_at = UTC_TIMESTAMP(6)");
    assert_int_equal(watch_compare(&watch), 0);
    assert_asked(2, "SELECT COUNT(*) FROM comparisons");
    assert_asked(1, "SELECT requested_at IS NULL FROM worker_tasks");
    ask("UPDATE worker_tasks SET requested_at = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR");
    assert_int_equal(watch_compare(&watch), 0);
    assert_asked(0, "SELECT requested_at IS NULL FROM worker_tasks");
}

/* Its lease ended while it slept; whoever took it over must not be reported as finished by the first. */
static void a_lost_lease_is_noticed(void **state)
{
    (void)state;
    watch.comparison = (struct comparison){
        .worker = "watcher", .id = 1, .begun_ms = clock_monotonic_ms(), .from_id = "0", .to_id = "1"};
    ask("INSERT INTO comparisons (id, worker) VALUES (1, 'watcher')");
    ask("UPDATE worker_tasks SET holder = 'other', lease_until = UTC_TIMESTAMP(6) + INTERVAL 1 MINUTE, finished_at = "
        "'1970-01-01'");
    assert_int_equal(watch_compare(&watch), 0);
    assert_int_equal(watch.comparison.id, 0);
    assert_asked(1, "SELECT finished_at IS NULL AND error = 'conflict' FROM comparisons WHERE id = 1");
    assert_asked(1, "SELECT holder = 'other' FROM worker_tasks");
}

static void a_comparison_has_an_end(void **state)
{
    (void)state;
    watch.comparison = (struct comparison){
        .worker = "watcher", .id = 2, .begun_ms = clock_monotonic_ms() - (COMPARISON_RUN_MAX_S + 1) * 1000LL};
    ask("INSERT INTO comparisons (id, worker) VALUES (2, 'watcher')");
    assert_int_equal(watch_compare(&watch), 0);
    assert_asked(1, "SELECT error = 'timeout' FROM comparisons WHERE id = 2");
}

static void redis_away_during_a_comparison(void **state)
{
    (void)state;
    watch.comparison = (struct comparison){
        .worker = "watcher", .id = 3, .begun_ms = clock_monotonic_ms(), .from_id = "0", .to_id = "1"};
    ask("INSERT INTO comparisons (id, worker) VALUES (3, 'watcher')");
    private_server_stop(&redis_server, SIGKILL);
    assert_int_equal(watch_compare(&watch), ERR_UNAVAILABLE);
    assert_asked(1, "SELECT finished_at IS NULL AND error = 'unavailable' FROM comparisons WHERE id = 3");
    private_server_start_again(&redis_server);
    compare_now();
    assert_asked(1, "SELECT COUNT(*) FROM comparisons WHERE finished_at IS NOT NULL");
}

static void due_at_three(void **state)
{
    static const struct {
        struct clock_local now;
        int day; /* of November 2026 */
    } cases[] = {
        {{.year = 2026, .month = 11, .day = 23, .hour = 2, .minute = 59}, 22},
        {{.year = 2026, .month = 11, .day = 23, .hour = 3}, 23},
        {{.year = 2026, .month = 11, .day = 23, .hour = 23, .minute = 59}, 23},
        {{.year = 2026, .month = 12, .day = 1, .hour = 1}, 30},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct clock_local due = clock_to_local(comparison_due_us(clock_from_local(&cases[i].now)));
        assert_true(due.month == 11 && due.day == cases[i].day && due.hour == 3 && due.minute == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(comparison_finds_what_is_missing),
        TEST(comparison_of_many_pages),
        TEST(only_one_worker_compares),
        TEST(a_lost_lease_is_noticed),
        TEST(a_comparison_has_an_end),
        TEST(redis_away_during_a_comparison),
        TEST(due_at_three),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("comparison", tests, start, stop);
}
