/* worker_help: a school in a private MariaDB, payments at its bank, and a worker's runner over them, with the rights
 * that schema/grants.sql gives a worker. */
#ifndef DP_TESTS_WORKER_HELP_H
#define DP_TESTS_WORKER_HELP_H

#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop/private_server.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/gateway/spplus.h"
#include "common/log.h"
#include "common/rand.h"
#include "worker/runner.h"

#define HELP_MERCHANT "00000000000001-01"
#define HELP_KEY      "58 6d fc 9c 34 91 9b 86 3f fd 64 63 c9 13 4a 26 ba 29 74 1e c7 e9 80 79"
#define HELP_OPERATOR "operateur@example.org"

enum { HELP_ENTRIES_MAX = 64, HELP_SQL_SIZE = 2048, HELP_FILE_MAX = 1 << 20 };

struct help {
    struct private_server server;
    MYSQL *sql; /* as root */
    struct config config;
    struct vault *vault;
    struct gateway_key *key;
    struct arena arena;
    struct drain drain;
    struct metrics metrics;
    struct runner runner;
    unsigned next_entry;
};

static struct help help;

__attribute__((format(printf, 1, 2))) static long long ask(const char *format, ...)
{
    char sql[HELP_SQL_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    return private_server_query(help.sql, sql);
}

/* ---- the schema ---- */

static char *help_read_file(const char *path)
{
    char *text = calloc(1, HELP_FILE_MAX);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && read(fd, text, HELP_FILE_MAX - 1) > 0);
    close(fd);
    return text;
}

/* Replaces {database}, {server}, {worker}; then each statement up to a ";" at a line's end. */
static void help_run_sql_file(const char *path)
{
    static const char *const marks[][2] = {
        {"{database}", "dp_test"}, {"{server}", "'dp_server'@'localhost'"}, {"{worker}", "'dp_worker'@'localhost'"}};
    char *text = help_read_file(path), *filled = calloc(1, HELP_FILE_MAX), *out = filled;
    for (const char *at = text; *at;) {
        size_t mark = 0;
        while (mark < 3 && strncmp(at, marks[mark][0], strlen(marks[mark][0])) != 0)
            mark++;
        if (mark < 3) {
            memcpy(out, marks[mark][1], strlen(marks[mark][1]));
            out += strlen(marks[mark][1]);
            at += strlen(marks[mark][0]);
        } else {
            *out++ = *at++;
        }
    }
    mysql_set_server_option(help.sql, MYSQL_OPTION_MULTI_STATEMENTS_ON);
    if (mysql_query(help.sql, filled))
        fail_msg("%s: %s", path, mysql_error(help.sql));
    int more;
    do {
        MYSQL_RES *result = mysql_store_result(help.sql);
        if (result)
            mysql_free_result(result);
        more = mysql_next_result(help.sql);
    } while (more == 0);
    if (more > 0)
        fail_msg("%s: %s", path, mysql_error(help.sql));
    mysql_set_server_option(help.sql, MYSQL_OPTION_MULTI_STATEMENTS_OFF);
    free(text);
    free(filled);
}

/* In the order of their numbers, which is how glob() sorts. */
static void help_run_migrations(void)
{
    glob_t found;
    assert_int_equal(glob("schema/[0-9][0-9][0-9]_*.sql", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        help_run_sql_file(found.gl_pathv[i]);
    globfree(&found);
}

/* ---- the school ---- */

static void help_make_vault(void)
{
    char path[PRIVATE_SERVER_PATH_SIZE + 16];
    snprintf(path, sizeof path, "%s/master-key", help.server.directory);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    for (int i = 0; i < VAULT_KEY_LEN; i++)
        assert_int_equal(write(fd, "5a", 2), 2);
    close(fd);
    assert_int_equal(vault_open(path, &help.vault), 0);
}

static void help_make_school(void)
{
    struct str sealed = vault_seal(help.vault, STR(HELP_KEY), &help.arena);
    char hex[1025];
    for (size_t i = 0; i < sealed.len; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)sealed.ptr[i]);
    ask("INSERT INTO schools (id, uai, name, kind, bursar_email) VALUES (1, '0130001A', 'Lycée Jean-Monnet', 'LYCEE', "
        "'intendance@example.org'), (2, '0130002B', 'Collège', 'COLLEGE', 'college@example.org')");
    ask("INSERT INTO bank_contracts (id, gateway, merchant_id, payment_url, sealed_key) VALUES (1, 'spplus', '%s', "
        "'https://banque.example/', X'%s')",
        HELP_MERCHANT, hex);
    ask("INSERT INTO school_contracts VALUES (1, 1), (2, 1)");
    ask("INSERT INTO users (id, school_id, external_id, login, role, password_hash, last_name, first_name, email) "
        "VALUES "
        "(1, 1, 'p1', 'durand', 'PARENT', '', 'Durand', 'Jean', 'durand@example.org')");
    ask("INSERT INTO accounts (id, school_id, external_id, last_name, first_name, class_name) VALUES (1, 1, 'a1', "
        "'Durand', 'Julia', '3e B'), (2, 1, 'a2', 'Durand', 'Charlie', '6e A'), (3, 2, 'a3', 'Martin', 'Zoé', '4e C')");
}

static int help_start(void **state)
{
    (void)state;
    rand_init();
    log_init("test", LOG_LEVEL_ERROR + 1);
    assert_int_equal(clock_set_zone("Europe/Paris"), 0);
    arena_init(&help.arena, 256 << 20);
    private_server_start_mariadb(&help.server);
    help.sql = private_server_connect(&help.server);
    mysql_set_character_set(help.sql, "utf8mb4");
    help_run_migrations();
    ask("CREATE USER 'dp_worker'@'localhost'");
    ask("CREATE USER 'dp_server'@'localhost'");
    help_run_sql_file("schema/grants.sql");
    help_make_vault();
    help_make_school();
    assert_int_equal(gateway_spplus.key_new(STR(HELP_KEY), &help.key), 0);
    help.config.site.mode = CONFIG_DEMONSTRATION;
    help.config.site.operator_email = HELP_OPERATOR;
    help.config.site.base_url = "https://cantine.example.org";
    help.config.database.at.socket = help.server.socket;
    help.config.database.name = "dp_test";
    help.config.database.worker.user = "dp_worker";
    help.config.database.query_timeout_ms = 5000;
    help.config.database.connect_timeout_ms = 2000;
    drain_init(&help.drain);
    help.runner = (struct runner){&help.config, db_new(&help.config), contracts_new(help.vault, true), &help.drain,
                                  &help.metrics};
    return 0;
}

static int help_stop(void **state)
{
    (void)state;
    contracts_free(help.runner.contracts);
    db_free(help.runner.db);
    drain_done(&help.drain);
    gateway_spplus.key_free(help.key);
    vault_free(help.vault);
    arena_done(&help.arena);
    mysql_close(help.sql);
    private_server_done(&help.server);
    mysql_library_end();
    return 0;
}

/* ---- payments and calls ---- */

struct help_line {
    int account;
    long long claim; /* 0: none */
    long long amount_cents;
};

static inline long long help_claim(const char *number, long long amount_cents)
{
    ask("INSERT INTO claims (school_id, account_id, number, label, amount_cents) VALUES (1, 1, '%s', 'Forfait', %lld)",
        number, amount_cents);
    return ask("SELECT LAST_INSERT_ID()");
}

static struct str help_request(const char *reference, long long amount_cents)
{
    struct gateway_contract contract = {
        .id = 1,
        .gateway = &gateway_spplus,
        .merchant_id = STR(HELP_MERCHANT),
        .currency = STR("978"),
        .means = STR("CBS"),
        .bank_ref_len = 8,
        .key = help.key,
    };
    struct gateway_payment payment = {
        .reference = str_from(reference),
        .amount_cents = amount_cents,
        .currency = STR("978"),
        .email = STR("durand@example.org"),
        .means = STR("CBS"),
        .return_url = STR("https://cantine.example.org/retour-banque"),
        .valid_until = STR("24/11/2026"),
    };
    struct buf request;
    buf_init(&request, 4096);
    assert_int_equal(gateway_spplus.build_request(&contract, &payment, &help.arena, &request), 0);
    struct str copy = arena_str(&help.arena, buf_str(&request));
    buf_done(&request);
    return copy;
}

/* A payment sent to the bank. Returns its id. */
static long long help_payment(const char *reference, int school, long long amount_cents, const struct help_line *lines,
                              size_t n_lines)
{
    ask("INSERT INTO transactions (reference, school_id, user_id, contract_id, kind, amount_cents, email) VALUES "
        "('%s', "
        "%d, 1, 1, '%s', %lld, 'durand@example.org')",
        reference, school, lines[0].claim ? "CLAIM" : "ADVANCE", amount_cents);
    long long id = ask("SELECT LAST_INSERT_ID()");
    for (size_t i = 0; i < n_lines; i++)
        ask("INSERT INTO transaction_lines VALUES (%lld, 1, %zu, %d, NULLIF(%lld, 0), %lld)", id, i + 1,
            lines[i].account, lines[i].claim, lines[i].amount_cents);
    ask("UPDATE transactions SET state = 'PENDING', sent_at = UTC_TIMESTAMP(6), expires_at = UTC_TIMESTAMP(6) + "
        "INTERVAL 1 DAY, bank_request = '%s' WHERE id = %lld",
        help_request(reference, amount_cents).ptr, id);
    return id;
}

/* A payment in one line for account 1. */
static long long help_topup(const char *reference, long long amount_cents)
{
    struct help_line line = {1, 0, amount_cents};
    return help_payment(reference, 1, amount_cents, &line, 1);
}

static inline struct str help_seal(const char *call)
{
    struct str values[GATEWAY_PAIRS_MAX];
    char digits[SPPLUS_SEAL_DIGITS + 1];
    size_t n = 0;
    for (const char *at = call; (at = strchr(at, '=')) != NULL; n++) {
        at++;
        values[n] = str_slice(at, strcspn(at, "&"));
    }
    spplus_seal(help.key, values, n, digits);
    return arena_printf(&help.arena, "%s&hmac=%s", call, digits);
}

/* The bank's call about a request: everything that was sent, then what it says; sealed again. */
static inline struct str help_call(const char *reference, long long amount_cents, const char *code,
                                   const char *bank_ref)
{
    struct str sent = help_request(reference, amount_cents);
    const char *seal = strstr(sent.ptr, "&hmac=");
    size_t len = seal ? (size_t)(seal - sent.ptr) : sent.len;
    struct str call = arena_printf(&help.arena, "%.*s&etat=%s&refsfp=%s", (int)len, sent.ptr, code, bank_ref);
    return help_seal(call.ptr);
}

static inline struct stream_entry help_entry(const struct event *event)
{
    size_t n_fields;
    const struct str *fields = event_to_fields(event, &help.arena, &n_fields);
    struct str id = arena_printf(&help.arena, "1000-%u", ++help.next_entry);
    return (struct stream_entry){id, fields, n_fields, 1};
}

static inline struct stream_entry help_bank_entry(struct str raw)
{
    struct event event = {.kind = EVENT_BANK_NOTIFICATION,
                          .at_us = clock_now_us(),
                          .gateway = STR("spplus"),
                          .raw = raw,
                          .ip = STR("192.0.2.1")};
    event_id_for_bank(event.gateway, gateway_spplus.read_call(raw, &help.arena).unsealed, event.id);
    return help_entry(&event);
}

/* A notice under an id that is another entry's: whoever writes to Redis chooses it. */
static inline struct stream_entry help_notice_under_id_of(const struct stream_entry *other)
{
    struct event event = {.kind = EVENT_PASSWORD_CHANGED, .at_us = clock_now_us(), .login = STR("nobody")};
    struct event of_other;
    assert_int_equal(event_from_fields(other->fields, other->n_fields, &of_other), 0);
    memcpy(event.id, of_other.id, EVENT_ID_LEN);
    return help_entry(&event);
}

/* One entry through the runner; its outcome. */
static inline enum runner_outcome help_run(const struct stream_entry *entry)
{
    enum runner_outcome outcome;
    assert_int_equal(runner_run(&help.runner, entry, 1, &outcome), 0);
    return outcome;
}

/* A call through the runner, which must be acknowledged. */
static inline void help_bank_says(struct str raw)
{
    struct stream_entry entry = help_bank_entry(raw);
    assert_int_equal(help_run(&entry), RUNNER_ACK);
}

#define assert_asked(expected, ...) assert_int_equal(ask(__VA_ARGS__), (expected))
#define assert_state(id, name)      assert_asked(1, "SELECT state = '%s' FROM transactions WHERE id = %lld", (name), (id))

#endif
