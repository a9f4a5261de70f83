/* payment_state: every state × every report × (same, other bank reference) as one table, then what must hold over any
 * sequence of reports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/err.h"
#include "common/payment_state.c"

enum { AMOUNT = 15850, CONTRACT = 7 };

#define ACCEPTED_REF STR("36628282")
#define OTHER_REF    STR("40000001")
#define EUROS        STR("978")

static struct payment_facts facts_in(enum payment_state state)
{
    return (struct payment_facts){
        .state = state,
        .amount_cents = AMOUNT,
        .currency = EUROS,
        .contract_id = CONTRACT,
        .bank_ref = payment_state_rank(state) >= 3 ? ACCEPTED_REF : STR_NULL,
    };
}

static struct payment_report report_of(enum payment_report_kind kind, struct str bank_ref)
{
    return (struct payment_report){
        .kind = kind,
        .amount_cents = AMOUNT,
        .currency = EUROS,
        .contract_id = CONTRACT,
        .bank_ref = bank_ref,
    };
}

/* "AUTHORISED +credit ?REASON", or "-" when nothing happens. */
static const char *describe(const struct payment_facts *facts, struct payment_decision d)
{
    static char text[128];
    snprintf(text, sizeof text, "%s%s%s%s%s%s%s%s%s", facts && d.to != facts->state ? payment_state_name(d.to) : "-",
             d.credit ? " +credit" : "", d.reverse ? " +reverse" : "", d.refund ? " +refund" : "",
             d.suspense ? " +suspense" : "", d.refund_open == 1 ? " +open" : "", d.refund_open == 0 ? " +close" : "",
             d.review != REVIEW_NONE ? " ?" : "", d.review != REVIEW_NONE ? review_reason_name(d.review) : "");
    return text;
}

static void expect(const char *what, const struct payment_facts *facts, const struct payment_report *report,
                   const char *expected)
{
    const char *found = describe(facts, payment_decide(facts, report));
    if (strcmp(found, expected) != 0)
        fail_msg("%s: kind %d: expected \"%s\", found \"%s\"", what, report->kind, expected, found);
}

static const enum payment_report_kind kinds_in_order[] = {
    REPORT_ACCEPTED,         REPORT_CAPTURED,      REPORT_SETTLED,  REPORT_CANCELLED,
    REPORT_REFUSED,          REPORT_REFUSED_LATER, REPORT_REVERSED, REPORT_REFUND_OPENED,
    REPORT_REFUND_CANCELLED, REPORT_REFUNDED,      REPORT_TEST,     REPORT_UNCLEAR,
};
_Static_assert(sizeof kinds_in_order / sizeof kinds_in_order[0] == REPORT_KIND_COUNT, "every kind is in the tables");

/* Before acceptance there is nothing to be the same as: one column. */
static void before_acceptance(void **state)
{
    /* clang-format off */
    static const struct {
        enum payment_state state;
        const char *decisions[REPORT_KIND_COUNT];
    } rows[] = {
        /* 1 ACCEPTED, 4 CAPTURED, 10 and 30 SETTLED | 12, 2, 5 | 11 and 20, 15, 16, 17 | 99, unclear */
        {PAYMENT_CREATED,
         {"- +suspense ?NEVER_SENT", "- +suspense ?NEVER_SENT", "- +suspense ?NEVER_SENT",
          "- ?NEVER_SENT", "- ?NEVER_SENT", "- ?NEVER_SENT",
          "- ?NEVER_SENT", "- ?NEVER_SENT", "- ?NEVER_SENT", "- ?NEVER_SENT",
          "- ?TEST_PAYMENT", "- ?NEVER_SENT"}},
        {PAYMENT_PENDING,
         {"AUTHORISED +credit", "CAPTURED +credit", "SETTLED +credit",
          "CANCELLED", "DECLINED", "DECLINED",
          "- ?REVERSAL_UNMATCHED", "- ?REVERSAL_UNMATCHED", "- ?REVERSAL_UNMATCHED", "- ?REVERSAL_UNMATCHED",
          "- ?TEST_PAYMENT", "- ?UNCLEAR_CODE"}},
        {PAYMENT_CANCELLED,
         {"AUTHORISED +credit", "CAPTURED +credit", "SETTLED +credit",
          "-", "DECLINED", "DECLINED",
          "- ?REVERSAL_UNMATCHED", "- ?REVERSAL_UNMATCHED", "- ?REVERSAL_UNMATCHED", "- ?REVERSAL_UNMATCHED",
          "- ?TEST_PAYMENT", "- ?UNCLEAR_CODE"}},
        {PAYMENT_DECLINED,
         {"AUTHORISED +credit", "CAPTURED +credit", "SETTLED +credit",
          "-", "-", "-",
          "- ?REVERSAL_UNMATCHED", "- ?REVERSAL_UNMATCHED", "- ?REVERSAL_UNMATCHED", "- ?REVERSAL_UNMATCHED",
          "- ?TEST_PAYMENT", "- ?UNCLEAR_CODE"}},
        {PAYMENT_EXPIRED,
         {"AUTHORISED +credit", "CAPTURED +credit", "SETTLED +credit",
          "-", "-", "-",
          "- ?REVERSAL_UNMATCHED", "- ?REVERSAL_UNMATCHED", "- ?REVERSAL_UNMATCHED", "- ?REVERSAL_UNMATCHED",
          "- ?TEST_PAYMENT", "- ?UNCLEAR_CODE"}},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t k = 0; k < REPORT_KIND_COUNT; k++) {
            struct payment_facts facts = facts_in(rows[i].state);
            struct payment_report report = report_of(kinds_in_order[k], ACCEPTED_REF);
            expect(payment_state_name(facts.state), &facts, &report, rows[i].decisions[k]);
            facts.bank_ref = OTHER_REF; /* a reference without an acceptance means nothing */
            expect(payment_state_name(facts.state), &facts, &report, rows[i].decisions[k]);
        }
    }
}

struct accepted_row {
    enum payment_state state;
    const char *same[REPORT_KIND_COUNT];
    const char *other[REPORT_KIND_COUNT];
};

/* clang-format off */
/* Under another bank reference the three paid states decide alike. */
#define OTHER_WHEN_PAID                                                                                            \
    {                                                                                                              \
        "- +suspense ?SECOND_ACCEPTANCE", "- +suspense ?SECOND_ACCEPTANCE", "- +suspense ?SECOND_ACCEPTANCE", "-", \
            "-", "-", "- ?REVERSAL_UNMATCHED", "- ?REVERSAL_UNMATCHED", "- ?REVERSAL_UNMATCHED",                   \
            "- ?REVERSAL_UNMATCHED", "- ?TEST_PAYMENT", "- ?UNCLEAR_CODE"                                          \
    }

static const struct accepted_row accepted_rows[] = {
    /* 1 ACCEPTED, 4 CAPTURED, 10 and 30 SETTLED | 12, 2, 5 | 11 and 20, 15, 16, 17 | 99, unclear */
    {PAYMENT_AUTHORISED,
     {"-", "CAPTURED", "SETTLED",
      "-", "-", "REVERSED +reverse",
      "REVERSED +reverse", "- +open ?REFUND_OPENED", "-", "REFUNDED +refund",
      "- ?TEST_PAYMENT", "- ?UNCLEAR_CODE"},
     OTHER_WHEN_PAID},
    {PAYMENT_CAPTURED,
     {"-", "-", "SETTLED",
      "-", "-", "REVERSED +reverse",
      "REVERSED +reverse", "- +open ?REFUND_OPENED", "-", "REFUNDED +refund",
      "- ?TEST_PAYMENT", "- ?UNCLEAR_CODE"},
     OTHER_WHEN_PAID},
    {PAYMENT_SETTLED,
     {"-", "-", "-",
      "-", "-", "REVERSED +reverse",
      "REVERSED +reverse", "- +open ?REFUND_OPENED", "-", "REFUNDED +refund",
      "- ?TEST_PAYMENT", "- ?UNCLEAR_CODE"},
     OTHER_WHEN_PAID},
    {PAYMENT_REVERSED,
     {"- ?ACCEPTED_AFTER_REVERSAL", "- ?ACCEPTED_AFTER_REVERSAL", "- ?ACCEPTED_AFTER_REVERSAL",
      "-", "-", "-",
      "-", "- +open ?REFUND_OPENED", "-", "- ?REVERSAL_UNMATCHED",
      "- ?TEST_PAYMENT", "- ?UNCLEAR_CODE"},
     {"- +suspense ?ACCEPTED_AFTER_REVERSAL",
      "- +suspense ?ACCEPTED_AFTER_REVERSAL",
      "- +suspense ?ACCEPTED_AFTER_REVERSAL",
      "-", "-", "-",
      "- ?REVERSAL_UNMATCHED", "- ?REVERSAL_UNMATCHED", "- ?REVERSAL_UNMATCHED", "- ?REVERSAL_UNMATCHED",
      "- ?TEST_PAYMENT", "- ?UNCLEAR_CODE"}},
    {PAYMENT_REFUNDED,
     {"-", "-", "-",
      "-", "-", "- ?REVERSAL_UNMATCHED",
      "- ?REVERSAL_UNMATCHED", "- +open ?REFUND_OPENED", "-", "- ?REVERSAL_UNMATCHED",
      "- ?TEST_PAYMENT", "- ?UNCLEAR_CODE"},
     OTHER_WHEN_PAID},
};

/* clang-format on */

static void after_acceptance(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof accepted_rows / sizeof accepted_rows[0]; i++) {
        struct payment_facts facts = facts_in(accepted_rows[i].state);
        for (size_t k = 0; k < REPORT_KIND_COUNT; k++) {
            struct payment_report same = report_of(kinds_in_order[k], ACCEPTED_REF);
            struct payment_report other = report_of(kinds_in_order[k], OTHER_REF);
            expect(payment_state_name(facts.state), &facts, &same, accepted_rows[i].same[k]);
            expect(payment_state_name(facts.state), &facts, &other, accepted_rows[i].other[k]);
            facts.bank_ref = STR_NULL; /* accepted by hand: no reference is the same as none */
            expect(payment_state_name(facts.state), &facts, &other, accepted_rows[i].other[k]);
            facts.bank_ref = ACCEPTED_REF;
        }
    }
}

static void refund_tasks(void **state)
{
    static const enum payment_state accepted[] = {PAYMENT_AUTHORISED, PAYMENT_CAPTURED, PAYMENT_SETTLED,
                                                  PAYMENT_REVERSED, PAYMENT_REFUNDED};
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        struct payment_facts facts = facts_in(accepted[i]);
        struct payment_report open = report_of(REPORT_REFUND_OPENED, ACCEPTED_REF);
        struct payment_report cancel = report_of(REPORT_REFUND_CANCELLED, ACCEPTED_REF);
        struct payment_report other = report_of(REPORT_REFUND_CANCELLED, OTHER_REF);
        facts.refund_open = true;
        expect("open twice", &facts, &open, "- ?REFUND_OPENED");
        expect("cancelled", &facts, &cancel, "- +close");
        expect("another's", &facts, &other, "- ?REVERSAL_UNMATCHED");
    }
    struct payment_facts facts = facts_in(PAYMENT_SETTLED);
    struct payment_report report = report_of(REPORT_REFUNDED, ACCEPTED_REF);
    facts.refund_open = true;
    expect("refunded", &facts, &report, "REFUNDED +refund +close");
    report.amount_cents = 1;
    expect("a part", &facts, &report, "REFUNDED +refund +close");
    report.amount_cents = AMOUNT + 1;
    expect("too much", &facts, &report, "- ?AMOUNT_MISMATCH");
    report.amount_cents = 0;
    expect("nothing", &facts, &report, "- ?AMOUNT_MISMATCH");
}

static void mismatches(void **state)
{
    static const struct {
        int64_t amount, contract;
        const char *currency;
        const char *reason;
    } cases[] = {
        {AMOUNT - 1, CONTRACT, "978", "AMOUNT_MISMATCH"}, {AMOUNT * 100, CONTRACT, "978", "AMOUNT_MISMATCH"},
        {0, CONTRACT, "978", "AMOUNT_MISMATCH"},          {AMOUNT, CONTRACT, "756", "CURRENCY_MISMATCH"},
        {AMOUNT, CONTRACT, "", "CURRENCY_MISMATCH"},      {AMOUNT, CONTRACT + 1, "978", "CONTRACT_MISMATCH"},
        {1, CONTRACT + 1, "756", "CONTRACT_MISMATCH"},
    };
    char expected[64];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int s = 0; s < PAYMENT_STATE_COUNT; s++) {
            for (int k = 0; k < REPORT_KIND_COUNT; k++) {
                struct payment_facts facts = facts_in((enum payment_state)s);
                struct payment_report report = report_of((enum payment_report_kind)k, OTHER_REF);
                report.amount_cents = cases[i].amount;
                report.contract_id = cases[i].contract;
                report.currency = str_from(cases[i].currency);
                if (is_refund_work(report.kind) && i < 2)
                    continue; /* refunds of a part, or of too much: see refund_tasks */
                if (s == PAYMENT_CREATED && i < 3)
                    continue; /* see never_sent */
                snprintf(expected, sizeof expected, "-%s ?%s", payment_report_is_money(report.kind) ? " +suspense" : "",
                         k == REPORT_TEST ? "TEST_PAYMENT" : cases[i].reason);
                expect("mismatch", &facts, &report, expected);
            }
        }
    }
}

/* A payment that was never sent asked for no amount: whatever the bank says of it is money that came all the same. */
static void never_sent(void **state)
{
    struct payment_facts facts = facts_in(PAYMENT_CREATED);
    struct payment_report report = report_of(REPORT_ACCEPTED, OTHER_REF);
    (void)state;
    report.amount_cents = AMOUNT - 1;
    expect("less", &facts, &report, "- +suspense ?NEVER_SENT");
    report.kind = REPORT_REFUNDED;
    expect("refunded", &facts, &report, "- ?NEVER_SENT");
}

/* What is booked under the accepted reference is not booked again as an orphan, whatever the report says beside it. */
static void mismatch_of_the_accepted(void **state)
{
    struct payment_facts facts = facts_in(PAYMENT_AUTHORISED);
    struct payment_report report = report_of(REPORT_CAPTURED, ACCEPTED_REF);
    (void)state;
    report.amount_cents = AMOUNT - 1;
    expect("captured for less", &facts, &report, "- ?AMOUNT_MISMATCH");
    facts.bank_ref = STR_NULL; /* accepted by hand */
    report = report_of(REPORT_REVERSED, STR_NULL);
    expect("no reference is not the same reference", &facts, &report, "- ?REVERSAL_UNMATCHED");
    facts.bank_ref = ACCEPTED_REF;
    report = report_of(REPORT_CAPTURED, ACCEPTED_REF);
    report.contract_id++; /* the same digits under another contract are another reference */
    expect("another contract", &facts, &report, "- +suspense ?CONTRACT_MISMATCH");
}

static void unknown_reference(void **state)
{
    (void)state;
    for (int k = 0; k < REPORT_KIND_COUNT; k++) {
        struct payment_report report = report_of((enum payment_report_kind)k, ACCEPTED_REF);
        expect("unknown", NULL, &report,
               k == REPORT_TEST                       ? "- ?TEST_PAYMENT"
               : payment_report_is_money(report.kind) ? "- +suspense ?UNKNOWN_REFERENCE"
                                                      : "- ?UNKNOWN_REFERENCE");
    }
}

/* Money without a reference cannot be told from other money; a report that reads two ways is no first acceptance. */
static void doubtful_money(void **state)
{
    struct payment_facts pending = facts_in(PAYMENT_PENDING);
    struct payment_facts paid = facts_in(PAYMENT_AUTHORISED);
    struct payment_report nameless = report_of(REPORT_ACCEPTED, STR_NULL);
    struct payment_report doubtful = report_of(REPORT_SETTLED, ACCEPTED_REF);
    (void)state;
    doubtful.confirms_only = true;
    expect("nameless", &pending, &nameless, "- +suspense ?BAD_SHAPE");
    expect("nameless", &paid, &nameless, "- +suspense ?BAD_SHAPE");
    expect("doubtful", &pending, &doubtful, "- +suspense ?BAD_SHAPE");
    expect("doubtful", &paid, &doubtful, "SETTLED");
    doubtful.bank_ref = OTHER_REF;
    expect("doubtful", &paid, &doubtful, "- +suspense ?SECOND_ACCEPTANCE");
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

static struct payment_report random_report(uint32_t *seed)
{
    static const char *const refs[] = {"36628282", "40000001", "50000002"};
    struct payment_report report = report_of((enum payment_report_kind)(next_random(seed) % REPORT_KIND_COUNT),
                                             str_from(refs[next_random(seed) % 3]));
    if (next_random(seed) % 16 == 0)
        report.amount_cents = next_random(seed) % (2 * AMOUNT);
    if (next_random(seed) % 32 == 0)
        report.contract_id++;
    if (next_random(seed) % 32 == 0)
        report.currency = STR("840");
    return report;
}

static void apply(struct payment_facts *facts, const struct payment_report *report, struct payment_decision d)
{
    facts->state = d.to;
    if (d.credit)
        facts->bank_ref = report->bank_ref;
    if (d.refund_open >= 0)
        facts->refund_open = d.refund_open == 1;
}

static void check_step(const struct payment_facts *before, const struct payment_report *report,
                       struct payment_decision d, int *credits)
{
    bool accepted = payment_state_rank(before->state) >= 3;
    bool money = payment_report_is_money(report->kind);
    bool repeat = accepted && report->contract_id == before->contract_id && str_eq(report->bank_ref, before->bank_ref);

    *credits += d.credit;
    assert_true(payment_state_rank(d.to) >= payment_state_rank(before->state));
    assert_true(*credits <= 1);
    assert_int_equal(d.credit, !accepted && payment_state_rank(d.to) >= 3);
    if (money)
        assert_int_equal(d.credit + repeat + d.suspense, 1); /* never dropped, never counted twice */
    else
        assert_false(d.credit || d.suspense);
    if (d.suspense)
        assert_int_not_equal(d.review, REVIEW_NONE);
    if (d.credit)
        assert_true(report->amount_cents == before->amount_cents && report->contract_id == before->contract_id &&
                    str_eq(report->currency, before->currency) && report->kind != REPORT_TEST);
    assert_int_equal(d.reverse, d.to == PAYMENT_REVERSED && before->state != PAYMENT_REVERSED);
    assert_int_equal(d.refund, d.to == PAYMENT_REFUNDED && before->state != PAYMENT_REFUNDED);
    if (d.reverse || d.refund)
        assert_true(repeat);
}

static void any_sequence(void **state)
{
    uint32_t seed = 2026;
    int paid = 0;
    (void)state;
    for (int run = 0; run < 3000; run++) {
        struct payment_facts facts = facts_in(run % 8 == 0 ? PAYMENT_CREATED : PAYMENT_PENDING);
        int credits = 0;
        for (int step = 0; step < 30; step++) {
            struct payment_report report = random_report(&seed);
            struct payment_decision decision = payment_decide(&facts, &report);
            check_step(&facts, &report, decision, &credits);
            apply(&facts, &report, decision);
        }
        paid += credits;
        assert_int_equal(credits, payment_state_rank(facts.state) >= 3);
    }
    assert_true(paid > 2000); /* the walk does reach what it checks */
}

struct story {
    const char *what;
    struct {
        enum payment_report_kind kind;
        const char *ref;
    } reports[5];
    size_t count;
    enum payment_state end;
    int credits, orphans;
};

static void stories(void **state)
{
    static const struct story table[] = {
        {"refused, then a second card", {{REPORT_REFUSED, "1"}, {REPORT_ACCEPTED, "2"}}, 2, PAYMENT_AUTHORISED, 1, 0},
        {"the same, reordered", {{REPORT_ACCEPTED, "2"}, {REPORT_REFUSED, "1"}}, 2, PAYMENT_AUTHORISED, 1, 0},
        {"the usual",
         {{REPORT_ACCEPTED, "1"}, {REPORT_CAPTURED, "1"}, {REPORT_SETTLED, "1"}},
         3,
         PAYMENT_SETTLED,
         1,
         0},
        {"backwards",
         {{REPORT_SETTLED, "1"}, {REPORT_CAPTURED, "1"}, {REPORT_ACCEPTED, "1"}},
         3,
         PAYMENT_SETTLED,
         1,
         0},
        {"twice", {{REPORT_ACCEPTED, "1"}, {REPORT_ACCEPTED, "1"}}, 2, PAYMENT_AUTHORISED, 1, 0},
        {"two cards charged", {{REPORT_ACCEPTED, "1"}, {REPORT_ACCEPTED, "2"}}, 2, PAYMENT_AUTHORISED, 1, 1},
        {"abandoned, then paid", {{REPORT_CANCELLED, "1"}, {REPORT_ACCEPTED, "2"}}, 2, PAYMENT_AUTHORISED, 1, 0},
        {"charge-back",
         {{REPORT_SETTLED, "1"}, {REPORT_UNCLEAR, "1"}, {REPORT_REVERSED, "1"}},
         3,
         PAYMENT_REVERSED,
         1,
         0},
        {"refused after acceptance", {{REPORT_ACCEPTED, "1"}, {REPORT_REFUSED_LATER, "1"}}, 2, PAYMENT_REVERSED, 1, 0},
        {"first card refused late", {{REPORT_ACCEPTED, "2"}, {REPORT_REFUSED_LATER, "1"}}, 2, PAYMENT_AUTHORISED, 1, 0},
        {"refunded",
         {{REPORT_SETTLED, "1"}, {REPORT_REFUND_OPENED, "1"}, {REPORT_REFUNDED, "1"}},
         3,
         PAYMENT_REFUNDED,
         1,
         0},
        {"only tests", {{REPORT_TEST, "1"}, {REPORT_TEST, "2"}}, 2, PAYMENT_PENDING, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct payment_facts facts = facts_in(PAYMENT_PENDING);
        int credits = 0, orphans = 0;
        for (size_t r = 0; r < table[i].count; r++) {
            struct payment_report report = report_of(table[i].reports[r].kind, str_from(table[i].reports[r].ref));
            struct payment_decision decision = payment_decide(&facts, &report);
            credits += decision.credit;
            orphans += decision.suspense;
            apply(&facts, &report, decision);
        }
        if (facts.state != table[i].end || credits != table[i].credits || orphans != table[i].orphans)
            fail_msg("%s: %s, %d credits, %d orphans", table[i].what, payment_state_name(facts.state), credits,
                     orphans);
    }
}

static void names_and_texts(void **state)
{
    static const int ranks[] = {0, 1, 2, 2, 2, 3, 4, 5, 6, 7};
    (void)state;
    for (int i = 0; i < PAYMENT_STATE_COUNT; i++) {
        enum payment_state back = PAYMENT_STATE_COUNT;
        assert_int_equal(payment_state_from_name(str_from(payment_state_name((enum payment_state)i)), &back), 0);
        assert_int_equal(back, i);
        assert_int_equal(payment_state_rank((enum payment_state)i), ranks[i]);
    }
    enum payment_state untouched = PAYMENT_SETTLED;
    assert_int_equal(payment_state_from_name(STR("settled"), &untouched), ERR_INVALID);
    assert_int_equal(payment_state_from_name(STR_NULL, &untouched), ERR_INVALID);
    assert_int_equal(untouched, PAYMENT_SETTLED);
    assert_string_equal(payment_state_label(PAYMENT_CREATED), "En attente de paiement");
    assert_string_equal(payment_state_label(PAYMENT_CAPTURED), "Paiement validé");
    assert_string_equal(payment_state_label(PAYMENT_REVERSED), "Paiement rejeté");
    for (int i = 0; i < REVIEW_REASON_COUNT; i++) {
        struct str name = str_from(review_reason_name((enum review_reason)i));
        struct str text = str_from(review_reason_text((enum review_reason)i));
        assert_in_range(name.len, 1, 40); /* review_items.reason */
        assert_in_range(text.len, 1, 500);
        assert_true(str_is_utf8(text));
        assert_true(text.ptr[text.len - 1] == '.');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_acceptance), cmocka_unit_test(after_acceptance),
        cmocka_unit_test(refund_tasks),      cmocka_unit_test(mismatches),
        cmocka_unit_test(never_sent),        cmocka_unit_test(mismatch_of_the_accepted),
        cmocka_unit_test(unknown_reference), cmocka_unit_test(doubtful_money),
        cmocka_unit_test(any_sequence),      cmocka_unit_test(stories),
        cmocka_unit_test(names_and_texts),
    };
    return cmocka_run_group_tests_name("payment_state", tests, NULL, NULL);
}
