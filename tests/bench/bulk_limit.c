/* bulk_limit: the rows of accepted payments straight into MariaDB, as fast as its client can hand them over: what the
 * worker would cost if there were no stream, no seal, nothing to look up and nothing to decide.
 *
 *     bulk_limit SOCKET FILE ROWS CONNECTIONS
 *
 * Waits until FILE is there. A line of it is a payment, its fields separated by tabs, in the order of enum field. Each
 * connection has a thread and the schools that fall to it, so that it knows how far their receipts are counted. ROWS
 * payments are one transaction: array-bound INSERTs, and UPDATEs of all of them in one statement, whichever is faster.
 * Takes FILE away when all is committed, and waits to be ended.
 */
#include <mysql.h>
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum field { PAYMENT, SCHOOL, ACCOUNT, CENTS, BANK_REF, EVENT, PAYER, BURSAR, RAW, N_FIELDS };
enum { ROWS_MAX = 1000, COLUMNS_MAX = 10, EVENT_LEN = 32, JSON_ROW_MAX = 160, SCHOOLS_MAX = 65536, WAIT_US = 2000 };

struct payment {
    int64_t id, school_id, account_id, cents;
    char *bank_ref, *payer, *bursar, *raw;
    unsigned char event[EVENT_LEN];
};

/* A column of a bulk: numbers, or texts with their lengths. */
struct column {
    int64_t numbers[2 * ROWS_MAX];
    char *texts[2 * ROWS_MAX];
    unsigned long lens[2 * ROWS_MAX];
    char indicators[2 * ROWS_MAX];
    enum enum_field_types type;
};

struct writer {
    MYSQL *mysql;
    struct column columns[COLUMNS_MAX];
    char json[ROWS_MAX * JSON_ROW_MAX];
    const struct payment *rows[ROWS_MAX];
    size_t n_rows;
    unsigned number;
};

static const char *socket_path;
static struct payment *payments;
static size_t n_payments, batch_rows, n_writers;
static int64_t receipts[SCHOOLS_MAX]; /* the last number of each school */
static int64_t year;

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "bulk_limit: %s: %s\n", what, why);
    exit(1);
}

static void run(struct writer *writer, const char *sql)
{
    if (mysql_query(writer->mysql, sql))
        fail(sql, mysql_error(writer->mysql));
}

/* ---- columns ---- */

static void put_number(struct column *column, size_t row, int64_t number)
{
    column->type = MYSQL_TYPE_LONGLONG;
    column->numbers[row] = number;
    column->indicators[row] = STMT_INDICATOR_NONE;
}

static void put_bytes(struct column *column, size_t row, const void *bytes, size_t len)
{
    column->type = MYSQL_TYPE_BLOB;
    column->texts[row] = (char *)(uintptr_t)bytes;
    column->lens[row] = len;
    column->indicators[row] = STMT_INDICATOR_NONE;
}

static void put_text(struct column *column, size_t row, const char *text)
{
    put_bytes(column, row, text, strlen(text));
    column->type = MYSQL_TYPE_STRING;
}

/* Runs `sql` once for `n_rows` rows of the first columns, prepared the first time. */
static void write_rows(struct writer *writer, MYSQL_STMT **slot, const char *sql, size_t n_rows)
{
    MYSQL_BIND binds[COLUMNS_MAX] = {0};
    unsigned rows = (unsigned)n_rows;
    if (!*slot) {
        *slot = mysql_stmt_init(writer->mysql);
        if (mysql_stmt_prepare(*slot, sql, strlen(sql)))
            fail(sql, mysql_stmt_error(*slot));
    }
    for (size_t i = 0; i < mysql_stmt_param_count(*slot); i++) {
        struct column *column = &writer->columns[i];
        bool number = column->type == MYSQL_TYPE_LONGLONG;
        binds[i] = (MYSQL_BIND){.buffer_type = column->type,
                                .buffer = number ? (void *)column->numbers : (void *)column->texts,
                                .length = column->lens,
                                .u.indicator = column->indicators};
    }
    mysql_stmt_attr_set(*slot, STMT_ATTR_ARRAY_SIZE, &rows);
    if (mysql_stmt_bind_param(*slot, binds) || mysql_stmt_execute(*slot))
        fail(sql, mysql_stmt_error(*slot));
}

/* Runs `sql` with one parameter, the JSON that was made. */
static void write_set(struct writer *writer, MYSQL_STMT **slot, const char *sql, size_t len)
{
    writer->json[len] = ']';
    put_bytes(&writer->columns[0], 0, writer->json, len + 1);
    writer->columns[0].type = MYSQL_TYPE_STRING;
    write_rows(writer, slot, sql, 1);
    if (mysql_stmt_affected_rows(*slot) == 0)
        fail(sql, "no row");
}

/* ---- tables ---- */

static __thread struct {
    MYSQL_STMT *inbox, *change, *accounts, *ledger, *history, *mails, *counters, *receipts;
} statements;

static void write_inbox(struct writer *writer)
{
    struct column *columns = writer->columns;
    for (size_t i = 0; i < writer->n_rows; i++) {
        const struct payment *payment = writer->rows[i];
        put_bytes(&columns[0], i, payment->event, EVENT_LEN);
        put_number(&columns[1], i, payment->school_id);
        put_number(&columns[2], i, payment->id);
        put_text(&columns[3], i, payment->raw);
    }
    write_rows(
        writer, &statements.inbox,
        "INSERT INTO inbox (event_id, kind, school_id, transaction_id, verdict, payload, received_at, applied_at) "
        "VALUES (?, 'bank_notification', ?, ?, 'credited', ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
        writer->n_rows);
}

static void write_changes(struct writer *writer)
{
    size_t len = 0;
    for (size_t i = 0; i < writer->n_rows; i++)
        len += (size_t)snprintf(writer->json + len, JSON_ROW_MAX, "%c[%lld,\"%s\"]", i ? ',' : '[',
                                (long long)writer->rows[i]->id, writer->rows[i]->bank_ref);
    write_set(writer, &statements.change,
              "UPDATE JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$[0]', bank_ref VARCHAR(40) PATH '$[1]')) j "
              "STRAIGHT_JOIN transactions t ON t.id = j.id SET t.state = 'AUTHORISED', t.bank_ref = j.bank_ref, "
              "t.accepted_at = UTC_TIMESTAMP(6), t.updated_at = UTC_TIMESTAMP(6) WHERE t.state = 'PENDING'",
              len);
}

static int compare_accounts(const void *a, const void *b)
{
    const struct payment *const *x = a, *const *y = b;
    return ((*x)->account_id > (*y)->account_id) - ((*x)->account_id < (*y)->account_id);
}

static void write_accounts(struct writer *writer)
{
    const struct payment *sorted[ROWS_MAX];
    size_t len = 0;
    memcpy(sorted, writer->rows, writer->n_rows * sizeof *sorted);
    qsort(sorted, writer->n_rows, sizeof *sorted, compare_accounts);
    for (size_t i = 0, next; i < writer->n_rows; i = next) {
        int64_t cents = 0;
        for (next = i; next < writer->n_rows && sorted[next]->account_id == sorted[i]->account_id; next++)
            cents += sorted[next]->cents;
        len += (size_t)snprintf(writer->json + len, JSON_ROW_MAX, "%c[%lld,%lld]", len ? ',' : '[',
                                (long long)sorted[i]->account_id, (long long)cents);
    }
    write_set(writer, &statements.accounts,
              "UPDATE JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$[0]', cents BIGINT PATH '$[1]')) j STRAIGHT_JOIN "
              "accounts a ON a.id = j.id SET a.paid_cents = a.paid_cents + j.cents",
              len);
}

static void write_ledger(struct writer *writer)
{
    struct column *columns = writer->columns;
    for (size_t i = 0; i < 2 * writer->n_rows; i++) {
        const struct payment *payment = writer->rows[i / 2];
        bool bank = i % 2 == 0;
        put_number(&columns[0], i, payment->school_id);
        put_number(&columns[1], i, payment->id);
        put_number(&columns[2], i, bank ? 0 : 1);
        put_text(&columns[3], i, bank ? "BANK" : "ACCOUNT");
        put_number(&columns[4], i, payment->account_id);
        columns[4].indicators[i] = bank ? STMT_INDICATOR_NULL : STMT_INDICATOR_NONE;
        put_number(&columns[5], i, bank ? payment->cents : -payment->cents);
        put_text(&columns[6], i, payment->bank_ref);
        put_bytes(&columns[7], i, payment->event, EVENT_LEN);
    }
    write_rows(writer, &statements.ledger,
               "INSERT INTO ledger_entries (school_id, contract_id, transaction_id, kind, leg, book, account_id, "
               "amount_cents, bank_ref, event_id, booked_at) VALUES (?, 1, ?, 'PAYMENT', ?, ?, ?, ?, ?, ?, "
               "UTC_TIMESTAMP(6))",
               2 * writer->n_rows);
}

static void write_history(struct writer *writer)
{
    struct column *columns = writer->columns;
    for (size_t i = 0; i < writer->n_rows; i++) {
        put_number(&columns[0], i, writer->rows[i]->id);
        put_bytes(&columns[1], i, writer->rows[i]->event, EVENT_LEN);
        put_text(&columns[2], i, writer->rows[i]->bank_ref);
    }
    write_rows(writer, &statements.history,
               "INSERT INTO transaction_history (transaction_id, event_id, from_state, to_state, bank_code, bank_ref, "
               "at) VALUES (?, ?, 'PENDING', 'AUTHORISED', '1', ?, UTC_TIMESTAMP(6))",
               writer->n_rows);
}

static void write_mails(struct writer *writer)
{
    struct column *columns = writer->columns;
    for (size_t i = 0; i < 2 * writer->n_rows; i++) {
        const struct payment *payment = writer->rows[i / 2];
        put_text(&columns[0], i, i % 2 ? "BURSAR_CONFIRMATION" : "PARENT_CONFIRMATION");
        put_number(&columns[1], i, payment->school_id);
        put_number(&columns[2], i, payment->id);
        put_text(&columns[3], i, i % 2 ? payment->bursar : payment->payer);
    }
    write_rows(
        writer, &statements.mails,
        "INSERT INTO mail_outbox (kind, school_id, transaction_id, recipient, next_attempt_at, created_at) VALUES "
        "(?, ?, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
        2 * writer->n_rows);
}

static int compare_schools(const void *a, const void *b)
{
    const struct payment *const *x = a, *const *y = b;
    return ((*x)->school_id > (*y)->school_id) - ((*x)->school_id < (*y)->school_id);
}

static void write_receipts(struct writer *writer)
{
    struct column *columns = writer->columns;
    const struct payment *sorted[ROWS_MAX];
    size_t n_schools = 0;
    memcpy(sorted, writer->rows, writer->n_rows * sizeof *sorted);
    qsort(sorted, writer->n_rows, sizeof *sorted, compare_schools);
    for (size_t i = 0, next; i < writer->n_rows; i = next) {
        for (next = i; next < writer->n_rows && sorted[next]->school_id == sorted[i]->school_id; next++)
            continue;
        put_number(&columns[0], n_schools, sorted[i]->school_id);
        put_number(&columns[1], n_schools, year);
        put_number(&columns[2], n_schools++, (int64_t)(next - i));
    }
    write_rows(writer, &statements.counters,
               "INSERT INTO receipt_counters (school_id, year, last_number) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE "
               "last_number = last_number + VALUES(last_number)",
               n_schools);
    for (size_t i = 0; i < writer->n_rows; i++) {
        put_number(&columns[0], i, sorted[i]->id);
        put_number(&columns[1], i, sorted[i]->school_id);
        put_number(&columns[2], i, year);
        put_number(&columns[3], i, ++receipts[sorted[i]->school_id]);
    }
    write_rows(writer, &statements.receipts,
               "INSERT INTO receipts (transaction_id, school_id, year, number, issued_at) VALUES (?, ?, ?, ?, "
               "UTC_TIMESTAMP(6))",
               writer->n_rows);
}

static void write_batch(struct writer *writer)
{
    static void (*const tables[])(struct writer *) = {write_inbox,   write_changes, write_accounts, write_ledger,
                                                      write_history, write_mails,   write_receipts};
    if (writer->n_rows == 0)
        return;
    run(writer, "START TRANSACTION");
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        tables[i](writer);
    run(writer, "COMMIT");
    writer->n_rows = 0;
}

/* ---- threads ---- */

static struct writer *connect_writer(unsigned number)
{
    struct writer *writer = calloc(1, sizeof *writer);
    if (!writer || !(writer->mysql = mysql_init(NULL)))
        fail("memory", "none left");
    mysql_options(writer->mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(writer->mysql, MYSQL_INIT_COMMAND,
                  "SET SESSION tx_isolation = 'READ-COMMITTED', time_zone = '+00:00'");
    if (!mysql_real_connect(writer->mysql, NULL, "root", NULL, "demi_pension", 0, socket_path, 0))
        fail("connect", mysql_error(writer->mysql));
    writer->number = number;
    return writer;
}

static void *write_share(void *context)
{
    struct writer *writer = context;
    mysql_thread_init();
    for (size_t i = 0; i < n_payments; i++) {
        if ((size_t)payments[i].school_id % n_writers != writer->number)
            continue;
        writer->rows[writer->n_rows++] = &payments[i];
        if (writer->n_rows == batch_rows)
            write_batch(writer);
    }
    write_batch(writer);
    mysql_thread_end();
    return NULL;
}

static void read_counters(struct writer *writer)
{
    time_t now = time(NULL);
    struct tm local;
    char sql[128];
    MYSQL_ROW row;
    year = localtime_r(&now, &local)->tm_year + 1900;
    snprintf(sql, sizeof sql, "SELECT school_id, last_number FROM receipt_counters WHERE year = %lld", (long long)year);
    run(writer, sql);
    MYSQL_RES *result = mysql_store_result(writer->mysql);
    while (result && (row = mysql_fetch_row(result)))
        receipts[strtoll(row[0], NULL, 10) % SCHOOLS_MAX] = strtoll(row[1], NULL, 10);
    mysql_free_result(result);
}

/* ---- the file ---- */

static struct payment payment_of(char *fields[N_FIELDS])
{
    struct payment payment = {
        .id = strtoll(fields[PAYMENT], NULL, 10),
        .school_id = strtoll(fields[SCHOOL], NULL, 10),
        .account_id = strtoll(fields[ACCOUNT], NULL, 10),
        .cents = strtoll(fields[CENTS], NULL, 10),
        .bank_ref = fields[BANK_REF],
        .payer = fields[PAYER],
        .bursar = fields[BURSAR],
        .raw = fields[RAW],
    };
    size_t len;
    if (sodium_hex2bin(payment.event, EVENT_LEN, fields[EVENT], strlen(fields[EVENT]), NULL, &len, NULL))
        fail("event id", fields[EVENT]);
    return payment;
}

/* Its lines stay allocated: the payments point into them. */
static void read_payments(const char *path)
{
    FILE *file;
    char *line = NULL;
    size_t size = 0, max = 0;
    while (!(file = fopen(path, "r")))
        usleep(WAIT_US);
    while (getline(&line, &size, file) > 0) {
        char *fields[N_FIELDS] = {NULL}, *rest = line;
        for (size_t i = 0; i < N_FIELDS; i++) {
            if (!(fields[i] = strsep(&rest, "\t\n")))
                fail("line", "too few fields");
        }
        if (n_payments == max)
            payments = realloc(payments, (max = max ? 2 * max : 1024) * sizeof *payments);
        if (!payments)
            fail("memory", "none left");
        payments[n_payments++] = payment_of(fields);
        line = NULL;
        size = 0;
    }
    fclose(file);
}

int main(int argc, char **argv)
{
    pthread_t threads[16];
    struct writer *writers[16];
    if (argc != 5)
        fail("usage", "bulk_limit SOCKET FILE ROWS CONNECTIONS");
    socket_path = argv[1];
    batch_rows = strtoul(argv[3], NULL, 10);
    n_writers = strtoul(argv[4], NULL, 10);
    if (batch_rows < 1 || batch_rows > ROWS_MAX || n_writers < 1 || n_writers > 16)
        fail("usage", "ROWS or CONNECTIONS out of range");
    for (unsigned i = 0; i < n_writers; i++)
        writers[i] = connect_writer(i);
    read_payments(argv[2]);
    read_counters(writers[0]);
    for (unsigned i = 0; i < n_writers; i++) {
        if (pthread_create(&threads[i], NULL, write_share, writers[i]))
            fail("thread", "not started");
    }
    for (unsigned i = 0; i < n_writers; i++)
        pthread_join(threads[i], NULL);
    unlink(argv[2]);
    pause();
    return 0;
}
