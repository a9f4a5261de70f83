/* Alarms: when they begin, mail and end, and what makes them. */
#include "loop/watch_help.h"

static void when_an_alarm_mails(void **state)
{
    static const struct {
        const char *what;
        enum alarm_kind kind;
        struct alarm_row row;
        int64_t count;
        enum alarm_step step;
    } cases[] = {
        {"nothing", ALARM_DEAD_MAILS, {0, 0, 0, 0, 0}, 0, ALARM_REST},
        {"a first one", ALARM_DEAD_MAILS, {0, 0, 0, 0, 0}, 1, ALARM_RAISE},
        {"raised, not mailed", ALARM_DEAD_MAILS, {1, 1, 0, 99 * HOUR_S, 0}, 1, ALARM_MAIL},
        {"raised again within the hour", ALARM_DEAD_MAILS, {1, 1, 0, HOUR_S - 1, 0}, 1, ALARM_REST},
        {"mailed, the same", ALARM_DEAD_MAILS, {1, 1, 1, 9, 0}, 1, ALARM_REST},
        {"worse at once", ALARM_DEAD_MAILS, {1, 1, 1, 9, 0}, 5, ALARM_NOTE},
        {"worse after an hour", ALARM_DEAD_MAILS, {1, 5, 1, HOUR_S, 0}, 5, ALARM_MAIL},
        {"better", ALARM_DEAD_MAILS, {1, 5, 5, HOUR_S, 0}, 2, ALARM_NOTE},
        {"a day later", ALARM_DEAD_MAILS, {1, 2, 5, 24 * HOUR_S, 0}, 2, ALARM_MAIL},
        {"over", ALARM_DEAD_MAILS, {1, 2, 5, 9, 0}, 0, ALARM_END},
        {"a silence of days", ALARM_BANK_SILENCE, {1, 1, 1, 72 * HOUR_S, 7}, 1, ALARM_REST},
        {"a silence that is over", ALARM_BANK_SILENCE, {1, 1, 1, 72 * HOUR_S, 7}, 0, ALARM_END},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (alarm_decide(cases[i].kind, &cases[i].row, cases[i].count) != cases[i].step)
            fail_msg("%s: %d", cases[i].what, (int)alarm_decide(cases[i].kind, &cases[i].row, cases[i].count));
    }
}

static void every_alarm_has_its_text(void **state)
{
    (void)state;
    for (int i = 0; i < ALARM_KIND_COUNT; i++) {
        enum alarm_kind kind = ALARM_KIND_COUNT;
        const struct alarm_text *text = alarm_text((enum alarm_kind)i);
        assert_int_equal(alarm_kind_from_name(str_from(alarm_kind_name((enum alarm_kind)i)), &kind), 0);
        assert_int_equal(kind, i);
        assert_true(text->subject && text->what_one && text->what_many && text->meaning && text->commands);
        assert_true(str_is_utf8(str_from(text->meaning)));
    }
    enum alarm_kind untouched = ALARM_DEAD_MAILS;
    assert_int_equal(alarm_kind_from_name(STR("NONSENSE"), &untouched), ERR_NOT_FOUND);
}

static void dead_letter_from_burial_to_inbox(void **state)
{
    (void)state;
    struct stream_entry entry = help_bank_entry(help_call("dem20261123091701aaa", 1000, "1", "40009001"));
    assert_int_equal(poison_bury(help.runner.db, &entry, "a fault", 5), 0);
    look();
    look();
    assert_asked(1, "SELECT count FROM alarms WHERE open_kind = 'DEAD_LETTERS' AND mailed_count = 1");
    assert_int_equal(n_alarm_mails(), 1);
    assert_asked(0, "SELECT COUNT(*) FROM mail_outbox WHERE kind = 'OPERATOR_ALARM' AND alarm_id IS NULL");
    assert_int_equal(metrics_get(&help.metrics, METRIC_ALARMS_OPEN), 1);
    /* Retried a moment ago: no alarm; ten minutes ago and still not applied: one again, but no mail within the hour. */
    ask("UPDATE dead_letters SET retried_at = UTC_TIMESTAMP(6)");
    look();
    assert_asked(0, "SELECT COUNT(*) FROM alarms WHERE ended_at IS NULL");
    ask("UPDATE dead_letters SET retried_at = UTC_TIMESTAMP(6) - INTERVAL 11 MINUTE");
    look();
    assert_asked(1, "SELECT COUNT(*) FROM alarms WHERE open_kind = 'DEAD_LETTERS' AND mailed_count = 0");
    assert_int_equal(n_alarm_mails(), 1);
    ask("UPDATE alarms SET mailed_at = UTC_TIMESTAMP(6) - INTERVAL 61 MINUTE");
    look();
    assert_int_equal(n_alarm_mails(), 2);
    struct stream_entry notice = help_notice_under_id_of(&entry);
    assert_int_equal(help_run(&notice), RUNNER_ACK);
    look();
    assert_asked(1,
                 "SELECT COUNT(*) FROM dead_letters WHERE applied_at IS NULL"); /* it settles nothing of the bank's */
    help_topup("dem20261123091701aaa", 1000);
    assert_int_equal(help_run(&entry), RUNNER_ACK);
    look();
    assert_asked(1, "SELECT COUNT(*) FROM dead_letters WHERE applied_at IS NOT NULL AND dropped_at IS NULL");
    assert_asked(0, "SELECT COUNT(*) FROM alarms WHERE ended_at IS NULL");
    assert_asked(2, "SELECT COUNT(*) FROM mail_outbox WHERE alarm_id IS NOT NULL"); /* an end is no mail */
}

/* Each has read the same row before the other wrote. */
static void two_workers_mail_once(void **state)
{
    (void)state;
    struct db *other = db_new(&help.config);
    struct alarm_finding finding = {ALARM_DEAD_MAILS, 3, 0, ""};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(alarm_update(help.runner.db, &finding, HELP_OPERATOR), 0);
        assert_int_equal(alarm_update(other, &finding, HELP_OPERATOR), 0);
    }
    assert_asked(1, "SELECT COUNT(*) FROM alarms");
    assert_int_equal(n_alarm_mails(), 1);
    /* What a worker does that decided on a row as it was before. */
    assert_asked(0, "SELECT COUNT(*) FROM alarms WHERE mailed_at <= UTC_TIMESTAMP(6) - INTERVAL %d SECOND",
                 (int)ALARM_MAIL_PAUSE_S);
    struct db_value late[] = {DB_INT(3), DB_TEXT(STR("")), DB_INT(3), DB_INT(ask("SELECT id FROM alarms")),
                              DB_INT(ALARM_MAIL_PAUSE_S)};
    struct db_result result;
    assert_int_equal(db_run(other, STATEMENT_ALARM_MAILED, late, 5, &help.arena, &result), 0);
    assert_int_equal(result.affected, 0);
    struct db_value name = DB_TEXT(STR("DEAD_MAILS"));
    struct db_value raise[] = {name, DB_INT(3), DB_TEXT(STR("")), DB_NULL, name};
    assert_int_equal(db_run(other, STATEMENT_ALARM_RAISE, raise, 5, &help.arena, NULL), ERR_CONFLICT);
    db_free(other);
}

/* The mail that tells of dead mails dies itself. */
static void a_dead_alarm_mail_makes_no_alarm(void **state)
{
    (void)state;
    ask("INSERT INTO mail_outbox (kind, recipient, status) VALUES ('PASSWORD_RESET', 'a@example.org', 'DEAD')");
    look();
    assert_int_equal(n_alarm_mails(), 1);
    ask("UPDATE mail_outbox SET status = 'DEAD', created_at = UTC_TIMESTAMP(6) - INTERVAL 1 DAY WHERE alarm_id IS NOT "
        "NULL");
    ask("UPDATE alarms SET mailed_at = UTC_TIMESTAMP(6) - INTERVAL 2 HOUR");
    look();
    assert_int_equal(n_alarm_mails(), 1);
    assert_asked(1, "SELECT count FROM alarms");
    ask("UPDATE mail_outbox SET settled_at = UTC_TIMESTAMP(6) WHERE alarm_id IS NULL");
    look();
    assert_asked(0, "SELECT COUNT(*) FROM alarms WHERE ended_at IS NULL");
}

static void mails_that_wait_too_long(void **state)
{
    (void)state;
    ask("INSERT INTO mail_outbox (kind, recipient, status, created_at) VALUES "
        "('PASSWORD_RESET', 'a@example.org', 'PENDING', UTC_TIMESTAMP(6) - INTERVAL 119 MINUTE), "
        "('PASSWORD_RESET', 'a@example.org', 'SENDING', UTC_TIMESTAMP(6) - INTERVAL 121 MINUTE), "
        "('PASSWORD_RESET', 'a@example.org', 'SENT', UTC_TIMESTAMP(6) - INTERVAL 121 MINUTE)");
    look();
    assert_asked(1, "SELECT count FROM alarms WHERE open_kind = 'LATE_MAILS'");
    ask("UPDATE mail_outbox SET retried_at = UTC_TIMESTAMP(6) WHERE status = 'SENDING'");
    look();
    assert_asked(0, "SELECT COUNT(*) FROM alarms WHERE ended_at IS NULL");
}

static void without_an_operator_there_is_still_a_row(void **state)
{
    struct alarm_finding finding = {ALARM_DEAD_MAILS, 1, 0, ""};
    (void)state;
    assert_int_equal(alarm_update(help.runner.db, &finding, NULL), 0);
    assert_asked(1, "SELECT COUNT(*) FROM alarms WHERE open_kind = 'DEAD_MAILS'");
    assert_asked(0, "SELECT COUNT(*) FROM mail_outbox");
}

static void journals_that_are_late(void **state)
{
    static const struct {
        const char *what, *oldest, *reported;
        int other_reported_min; /* another instance of the host; -1: none */
        int late;
    } cases[] = {
        {"in time", "9 MINUTE", "0 MINUTE", -1, 0},
        {"late", "11 MINUTE", "0 MINUTE", -1, 1},
        {"a host that ended while records were new", "70 MINUTE", "69 MINUTE", -1, 0},
        {"a host that ended with old records", "70 MINUTE", "60 MINUTE", -1, 1},
        {"its records were adopted by its neighbour", "70 MINUTE", "60 MINUTE", 1, 0},
        {"silent for a moment", "11 MINUTE", "6 MINUTE", -1, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        set_up(NULL);
        ask("INSERT INTO journal_reports VALUES ('web1', 0, 3, UTC_TIMESTAMP(6) - INTERVAL %s, UTC_TIMESTAMP(6) - "
            "INTERVAL %s)",
            cases[i].oldest, cases[i].reported);
        if (cases[i].other_reported_min >= 0)
            ask("INSERT INTO journal_reports VALUES ('web1', 1, 0, NULL, UTC_TIMESTAMP(6) - INTERVAL %d MINUTE)",
                cases[i].other_reported_min);
        look();
        if (ask("SELECT COUNT(*) FROM alarms WHERE open_kind = 'LATE_JOURNAL' AND count = 3 AND detail LIKE "
                "'web1%%'") != cases[i].late)
            fail_msg("%s", cases[i].what);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(when_an_alarm_mails),
        TEST(every_alarm_has_its_text),
        TEST(dead_letter_from_burial_to_inbox),
        TEST(two_workers_mail_once),
        TEST(a_dead_alarm_mail_makes_no_alarm),
        TEST(mails_that_wait_too_long),
        TEST(without_an_operator_there_is_still_a_row),
        TEST(journals_that_are_late),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("alarm", tests, start, stop);
}
