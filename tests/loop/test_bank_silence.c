/* The bank's silence as the database shows it. The rule itself: unit/test_silence.c. */
#include "loop/watch_help.h"

static unsigned next_call;

static void call_ago(int64_t ago_s)
{
    ask("INSERT INTO inbox (event_id, kind, verdict, payload, received_at) VALUES (UNHEX(LPAD('%u', 64, '0')), "
        "'bank_notification', 'credited', '', UTC_TIMESTAMP(6) - INTERVAL %lld SECOND)",
        ++next_call, (long long)ago_s);
}

/* Each of the last weeks had `n` calls in the hour before this time of the day. */
static void make_history(unsigned weeks, int n)
{
    int64_t now_us = clock_now_us();
    for (unsigned week = 1; week <= weeks; week++) {
        struct silence_window window = silence_window(now_us, now_us - CLOCK_HOUR_US, week);
        for (int i = 0; i < n; i++)
            call_ago((now_us - window.to_us) / CLOCK_SECOND_US + 300 + i * 60);
    }
    call_ago((int64_t)(weeks + 1) * 7 * 24 * HOUR_S); /* so that the history reaches as far back */
}

static void listen_now(void)
{
    watch.turn = 0;
    assert_int_equal(watch_bank(&watch), 0);
}

static void a_silence_is_mailed_once_and_its_end_too(void **state)
{
    (void)state;
    make_history(4, 9);
    call_ago(50 * 60);
    listen_now();
    assert_asked(1, "SELECT COUNT(*) FROM alarms WHERE open_kind = 'BANK_SILENCE' AND since IS NOT NULL");
    assert_int_equal(n_alarm_mails(), 1);
    assert_int_equal(metrics_get(&help.metrics, METRIC_BANK_SILENCE), 1);
    assert_in_range(metrics_get(&help.metrics, METRIC_BANK_SILENCE_S), 3000, 3060);
    ask("UPDATE alarms SET mailed_at = UTC_TIMESTAMP(6) - INTERVAL 3 DAY");
    listen_now();
    assert_int_equal(n_alarm_mails(), 1); /* nobody is reminded of it */
    ask("DELETE FROM inbox WHERE received_at < UTC_TIMESTAMP(6) - INTERVAL 1 DAY");
    listen_now(); /* no history would make it a silence now, and still no call has come */
    assert_asked(1, "SELECT COUNT(*) FROM alarms WHERE open_kind = 'BANK_SILENCE'");
    call_ago(1);
    listen_now();
    assert_asked(0, "SELECT COUNT(*) FROM alarms WHERE ended_at IS NULL");
    assert_asked(1, "SELECT COUNT(*) FROM mail_outbox WHERE kind = 'OPERATOR_ALARM_ENDED'");
    assert_int_equal(metrics_get(&help.metrics, METRIC_BANK_SILENCE), 0);
    listen_now();
    assert_asked(2, "SELECT COUNT(*) FROM mail_outbox");
}

static void no_silence(void **state)
{
    (void)state;
    make_history(4, 7);
    call_ago(50 * 60);
    listen_now();
    assert_asked(0, "SELECT COUNT(*) FROM alarms");
    make_history(4, 9);
    metrics_set(&help.metrics, METRIC_STREAM_LAG, 3); /* calls wait in the stream */
    listen_now();
    metrics_set(&help.metrics, METRIC_STREAM_LAG, -1); /* Redis cannot tell */
    listen_now();
    metrics_set(&help.metrics, METRIC_STREAM_LAG, 0);
    metrics_set(&help.metrics, METRIC_REDIS_UP, 0);
    listen_now();
    assert_asked(0, "SELECT COUNT(*) FROM alarms");
    metrics_set(&help.metrics, METRIC_REDIS_UP, 1);
    listen_now();
    assert_asked(1, "SELECT COUNT(*) FROM alarms");
}

/* Anybody can send what is not sealed. */
static void forged_calls_break_no_silence(void **state)
{
    (void)state;
    make_history(4, 9);
    call_ago(50 * 60);
    call_ago(60);
    ask("UPDATE inbox SET verdict = 'bad_seal' ORDER BY received_at DESC LIMIT 1");
    listen_now();
    assert_asked(1, "SELECT COUNT(*) FROM alarms WHERE open_kind = 'BANK_SILENCE'");
}

/* A new school: no call ever came, but families pay. */
static void payments_without_any_call(void **state)
{
    char reference[21];
    (void)state;
    for (int i = 0; i < SILENCE_PAYMENTS_ALONE_MIN; i++) {
        assert_asked(0, "SELECT COUNT(*) FROM alarms");
        snprintf(reference, sizeof reference, "dem20261123091702aa%c", 'a' + i);
        long long id = help_topup(reference, 1000);
        ask("UPDATE transactions SET sent_at = UTC_TIMESTAMP(6) - INTERVAL 14 MINUTE WHERE id = %lld", id);
        listen_now();
        assert_asked(0, "SELECT COUNT(*) FROM alarms"); /* still at the bank's page */
        ask("UPDATE transactions SET sent_at = UTC_TIMESTAMP(6) - INTERVAL 16 MINUTE WHERE id = %lld", id);
        listen_now();
    }
    assert_asked(1, "SELECT COUNT(*) FROM alarms WHERE open_kind = 'BANK_SILENCE' AND since IS NULL");
    assert_int_equal(metrics_get(&help.metrics, METRIC_BANK_SILENCE_S), -1);
    call_ago(1);
    listen_now();
    assert_asked(0, "SELECT COUNT(*) FROM alarms WHERE ended_at IS NULL");
}

/* Whether the optimiser takes that key for a statement whose parameters are the last two hours. */
static bool uses_key(enum statement statement, const char *key)
{
    char sql[HELP_SQL_SIZE] = "EXPLAIN ";
    size_t len = strlen(sql);
    int64_t moment_us = clock_now_us() - 3 * CLOCK_HOUR_US;
    bool found = false;
    for (const char *at = statement_sql(statement); *at; at++) {
        if (*at == '?')
            len += (size_t)snprintf(sql + len, sizeof sql - len, "%lld", (long long)(moment_us += CLOCK_HOUR_US));
        else
            sql[len++] = *at;
        sql[len] = '\0';
    }
    assert_int_equal(mysql_query(help.sql, sql), 0);
    MYSQL_RES *result = mysql_store_result(help.sql);
    for (MYSQL_ROW row; (row = mysql_fetch_row(result)) != NULL;) {
        /* id, select_type, table, type, possible_keys, key … and Extra, when no table had to be read */
        found = found || (row[5] && strcmp(row[5], key) == 0) ||
                (row[9] && strstr(row[9], "Select tables optimized away") && strcmp(key, "calls") == 0);
    }
    mysql_free_result(result);
    return found;
}

static void silence_is_read_by_index(void **state)
{
    (void)state;
    for (int i = 0; i < 500; i++)
        call_ago(i * 977);
    ask("UPDATE inbox SET kind = 'password_changed' WHERE MOD(CONV(RIGHT(HEX(event_id), 2), 16, 10), 2)");
    ask("ANALYZE TABLE inbox, transactions");
    assert_true(uses_key(STATEMENT_SILENCE_LAST_CALL, "calls"));
    assert_true(uses_key(STATEMENT_SILENCE_FIRST_CALL, "calls"));
    assert_true(uses_key(STATEMENT_SILENCE_CALLS, "calls"));
    assert_true(uses_key(STATEMENT_SILENCE_PAYMENTS, "sent"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_silence_is_mailed_once_and_its_end_too),
        TEST(no_silence),
        TEST(forged_calls_break_no_silence),
        TEST(payments_without_any_call),
        TEST(silence_is_read_by_index),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("bank_silence", tests, start, stop);
}
