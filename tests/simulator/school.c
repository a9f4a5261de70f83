#include "simulator/school.h"

#include <stdio.h>

#include "common/gateway/spplus.h"
#include "simulator/sim.h"
#include "simulator/sql.h"

#define MERCHANT "00000000000001-01"
#define KEY                                                                                                  \
    "58 6d fc 9c 34 91 9b 86 3f fd 64 63 c9 13 4a 26 ba 29 74 1e c7 e9 80 79" /* SP Plus's demonstration key \
                                                                               */

enum { REFERENCE_SIZE = 32, REQUEST_MAX = 1024, CLAIM_CENTS = 6000, BANK_REF_DIGITS = 8 };

struct school school;
static struct gateway_contract contract;
static int64_t contract_id;

void school_init(void)
{
    contract = (struct gateway_contract){
        .gateway = &gateway_spplus,
        .merchant_id = STR(MERCHANT),
        .payment_url = STR("https://bank.example/"),
        .currency = STR("978"),
        .means = STR("CBS"),
        .bank_ref_len = BANK_REF_DIGITS,
        .callback_extra = STR(""),
        .query_url = STR(""),
        .query_states = STR(""),
    };
    if (gateway_spplus.key_new(STR(KEY), &contract.key) != 0)
        sim_unable("the bank's key cannot be made");
}

const struct gateway_contract *school_contract(void)
{
    contract.id = contract_id;
    return &contract;
}

#define INT(n)  ((struct sql_value){SQL_INT, (n), STR_NULL})
#define TEXT(s) ((struct sql_value){SQL_TEXT, 0, (s)})
#define NONE    ((struct sql_value){0})

static struct sql_session *session;

/* Returns the row's id. */
#define ADD(sql, ...)                                 \
    add(sql, (const struct sql_value[]){__VA_ARGS__}, \
        sizeof((const struct sql_value[]){__VA_ARGS__}) / sizeof(struct sql_value))

static int64_t add(const char *sql, const struct sql_value *values, size_t n_values)
{
    struct sql_result result;
    if (sql_run(session, sql, values, n_values, NULL, 0, &result) != SQL_DONE)
        sim_unable("refused: %s", sql);
    return result.n_rows ? result.cells[0].number : 0;
}

static int64_t add_people(int64_t *ret_user)
{
    contract_id = ADD("INSERT INTO bank_contracts (gateway, merchant_id, payment_url, sealed_key) VALUES (?, ?, "
                      "'https://bank.example/', 'x') RETURNING id",
                      TEXT(STR("spplus")), TEXT(STR(MERCHANT)));
    int64_t school_id =
        ADD("INSERT INTO schools (uai, name, kind, city, bursar_email) VALUES (?, 'Collège', 'COLLEGE', "
            "'Nantes', 'bursar@example.org') RETURNING id",
            TEXT(STR("0440001A")));
    *ret_user =
        ADD("INSERT INTO users (school_id, external_id, login, role, password_hash, last_name, email) VALUES (?, "
            "'1', 'durand', 'PARENT', 'x', 'Durand', 'durand@example.org') RETURNING id",
            INT(school_id));
    return school_id;
}

static void add_accounts(int64_t school_id, int64_t accounts[SCHOOL_ACCOUNTS], int64_t claims[SCHOOL_CLAIMS])
{
    for (int i = 0; i < SCHOOL_ACCOUNTS; i++)
        accounts[i] =
            ADD("INSERT INTO accounts (school_id, external_id, last_name, first_name) VALUES (?, ?, 'Durand', "
                "'Julia') RETURNING id",
                INT(school_id), INT(i));
    for (int i = 0; i < SCHOOL_CLAIMS; i++)
        claims[i] = ADD("INSERT INTO claims (school_id, account_id, number, label, amount_cents) VALUES (?, ?, ?, "
                        "'Cantine', ?) RETURNING id",
                        INT(school_id), INT(accounts[i]), INT(i), INT(CLAIM_CENTS));
}

static struct str build_request(const struct school_payment *payment)
{
    struct arena arena;
    struct buf out;
    const struct gateway_payment asked = {
        .reference = payment->reference,
        .amount_cents = payment->amount_cents,
        .currency = STR("978"),
        .email = STR("durand@example.org"),
        .means = STR("CBS"),
        .return_url = STR("https://cantine.example.org/retour-banque"),
        .valid_until = STR("23/11/2026"),
    };
    arena_init(&arena, REQUEST_MAX);
    buf_init(&out, REQUEST_MAX);
    if (gateway_spplus.build_request(school_contract(), &asked, &arena, &out) != 0)
        sim_unable("a request cannot be built");
    struct str request = world_str(buf_str(&out));
    buf_done(&out);
    arena_done(&arena);
    return request;
}

/* Most are at the bank; some were never sent, some expire while the bank speaks. */
static void add_payment(struct school_payment *payment, unsigned number, int64_t school_id, int64_t user_id)
{
    char reference[REFERENCE_SIZE];
    bool sent = !sim_one_in(12), expires = sim_one_in(4);
    int64_t expires_us = SIM_EPOCH_US + (expires ? sim_between(0, 20 * US_PER_S) : INT64_C(7200) * US_PER_S);
    school.some_expire = school.some_expire || expires;
    snprintf(reference, sizeof reference, "sim20261123080000%03u", number);
    payment->reference = world_str(str_from(reference));
    payment->sent = sent ? build_request(payment) : STR_NULL;
    payment->id =
        ADD("INSERT INTO transactions (reference, school_id, user_id, contract_id, kind, state, amount_cents, "
            "email, bank_request, expires_at) VALUES (?, ?, ?, ?, 'ADVANCE', ?, ?, 'durand@example.org', ?, ?) "
            "RETURNING id",
            TEXT(payment->reference), INT(school_id), INT(user_id), INT(contract_id),
            TEXT(sent ? STR("PENDING") : STR("CREATED")), INT(payment->amount_cents), sent ? TEXT(payment->sent) : NONE,
            INT(expires_us));
}

static void add_line(const struct school_payment *payment, unsigned position, int64_t account, int64_t claim,
                     int64_t cents)
{
    ADD("INSERT INTO transaction_lines (transaction_id, revision, position, account_id, claim_id, amount_cents) VALUES "
        "(?, 1, ?, ?, ?, ?)",
        INT(payment->id), INT(position), INT(account), claim ? INT(claim) : NONE, INT(cents));
    if (claim && payment->sent.len)
        ADD("UPDATE claims SET reserved_for = ?, reserved_until = ? WHERE id = ?", TEXT(payment->reference),
            INT(SIM_EPOCH_US + INT64_C(3600) * US_PER_S), INT(claim));
}

static void add_payments(int64_t school_id, int64_t user_id, const int64_t *accounts, const int64_t *claims)
{
    school.some_expire = false;
    school.n_payments = 1 + sim_below(SCHOOL_PAYMENTS_MAX);
    for (unsigned i = 0; i < school.n_payments; i++) {
        struct school_payment *payment = &school.payments[i];
        int64_t cents[SCHOOL_LINES_MAX];
        unsigned n_lines = 1 + sim_below(SCHOOL_LINES_MAX);
        payment->amount_cents = 0;
        for (unsigned line = 0; line < n_lines; line++) /* odd cents: sums of floats show */
            payment->amount_cents += cents[line] = sim_between(100, 4999) * 2 + 1;
        payment->lines_fit = !sim_one_in(40);
        add_payment(payment, i, school_id, user_id);
        for (unsigned line = 0; line < n_lines; line++) {
            unsigned account = sim_below(SCHOOL_ACCOUNTS);
            add_line(payment, line + 1, accounts[account], sim_one_in(2) ? claims[account] : 0,
                     cents[line] + (line == 0 && !payment->lines_fit));
        }
    }
}

void school_open(void)
{
    int64_t user_id, accounts[SCHOOL_ACCOUNTS], claims[SCHOOL_CLAIMS];
    session = sql_connect(NULL);
    sql_begin(session);
    int64_t school_id = add_people(&user_id);
    school.payer_id = user_id;
    add_accounts(school_id, accounts, claims);
    add_payments(school_id, user_id, accounts, claims);
    if (sql_commit(session) != SQL_DONE)
        sim_unable("the school cannot be written");
    sql_disconnect(session);
}
