/* payment_state: what a bank's report does to a payment. A pure function over a table; no I/O, no clock.
 *
 * The ranks and rules are those of the design ("State machine"): the rank never goes down, the first entry into rank >=
 * 3 credits and mails once, a later contradictory report is history or a review, never a loss. */
#ifndef DP_COMMON_PAYMENT_STATE_H
#define DP_COMMON_PAYMENT_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"

enum payment_state {
    PAYMENT_CREATED,
    PAYMENT_PENDING,
    PAYMENT_CANCELLED,
    PAYMENT_DECLINED,
    PAYMENT_EXPIRED,
    PAYMENT_AUTHORISED,
    PAYMENT_CAPTURED,
    PAYMENT_SETTLED,
    PAYMENT_REVERSED,
    PAYMENT_REFUNDED,
    PAYMENT_STATE_COUNT,
};

/* "CREATED" …: the name in the database, in data-state and in logs. */
const char *payment_state_name(enum payment_state state);
/* ERR_INVALID for a name that is none. */
int payment_state_from_name(struct str name, enum payment_state *ret);
/* What the parent reads: "En attente de paiement", "Paiement validé" … */
const char *payment_state_label(enum payment_state state);
/* 0 … 7 */
int payment_state_rank(enum payment_state state);
/* The bank accepted it, and neither took it back nor gave it back. */
bool payment_state_is_paid(enum payment_state state);
/* CREATED, PENDING: nobody has spoken the last word. */
bool payment_state_is_open(enum payment_state state);

/* What the bank reports, whatever the gateway. A gateway translates its codes into these. */
enum payment_report_kind {
    REPORT_ACCEPTED,         /* SP Plus 1 */
    REPORT_CAPTURED,         /* 4 */
    REPORT_SETTLED,          /* 10, 30 */
    REPORT_CANCELLED,        /* 12: abandoned by the payer */
    REPORT_REFUSED,          /* 2: authorisation refused */
    REPORT_REFUSED_LATER,    /* 5: instalment refused (before acceptance: a refusal; after: a reversal) */
    REPORT_REVERSED,         /* 11, 20 */
    REPORT_REFUND_OPENED,    /* 15 */
    REPORT_REFUND_CANCELLED, /* 16 */
    REPORT_REFUNDED,         /* 17 */
    REPORT_TEST,             /* 99: never credits */
    REPORT_UNCLEAR,          /* 21, 0, 6, 8 and every unknown code: kept and flagged */
    REPORT_KIND_COUNT,
};

/* Why a human must look. Names go to review_items.reason. */
enum review_reason {
    REVIEW_NONE,
    REVIEW_BAD_SHAPE, /* good seal, but not exactly what was sent: maybe a re-split seal */
    REVIEW_UNKNOWN_REFERENCE,
    REVIEW_AMOUNT_MISMATCH,
    REVIEW_CURRENCY_MISMATCH,
    REVIEW_CONTRACT_MISMATCH,
    REVIEW_NEVER_SENT,         /* the bank speaks of a payment still CREATED */
    REVIEW_SECOND_ACCEPTANCE,  /* accepted again with another bank reference: the card was charged twice */
    REVIEW_BANK_REF_REUSED,    /* the bank reference already paid another payment */
    REVIEW_REVERSAL_UNMATCHED, /* reversal or refund that names another bank reference than the accepted one */
    REVIEW_REFUND_OPENED,      /* a refund is under way (task; closed by 16 or 17) */
    REVIEW_TEST_PAYMENT,       /* code 99 */
    REVIEW_UNCLEAR_CODE,
    REVIEW_CLAIM_OVERPAID, /* a line exceeded what the claim still owed: the excess is in suspense */
    REVIEW_LINES_MISMATCH, /* the lines do not add up to the amount */
    REVIEW_UNVERIFIABLE,   /* no contract known for the call: the seal could not be checked */
    REVIEW_ACCEPTED_AFTER_REVERSAL,
    REVIEW_BANK_SILENT,   /* expired without a word of the bank that can be relied on */
    REVIEW_BAD_ANSWER,    /* asked, the bank says what fits neither the payment nor what it said before */
    REVIEW_PARENT_REPORT, /* a parent's own words: never a doubt about the money */
    REVIEW_REASON_COUNT,
};
const char *review_reason_name(enum review_reason reason);
/* In French, for the bursar: what happened and what to do. */
const char *review_reason_text(enum review_reason reason);

/* What is known of the payment when the report comes. */
struct payment_facts {
    enum payment_state state;
    int64_t amount_cents;
    struct str currency;
    int64_t contract_id;
    struct str bank_ref; /* accepted authorisation; empty before */
    bool refund_open;
};

struct payment_report {
    enum payment_report_kind kind;
    int64_t amount_cents;
    struct str currency;
    int64_t contract_id;
    struct str bank_ref;
    /* The sealed bytes can also be read as another report: it may confirm what is accepted already, never be the first
     * to accept. */
    bool confirms_only;
};

/* What to do; everything here happens in one SQL transaction. */
struct payment_decision {
    enum payment_state to; /* equal to facts->state: no state change */
    bool credit;     /* book PAYMENT, number a receipt, queue the two confirmations, set bank_ref and accepted_at */
    bool reverse;    /* book REVERSAL legs, tell the bursar */
    bool refund;     /* book REFUND legs for report->amount_cents */
    bool suspense;   /* book ORPHAN: money came that fits nothing */
    int refund_open; /* -1 unchanged, else the new value 0 or 1 */
    enum review_reason review; /* REVIEW_NONE: no human needed */
};

/* `facts` NULL: unknown reference. Never fails: whatever does not fit becomes a review. */
struct payment_decision payment_decide(const struct payment_facts *facts, const struct payment_report *report);

/* Whether a report of this kind says that money moved from the payer (kinds ACCEPTED, CAPTURED, SETTLED). */
bool payment_report_is_money(enum payment_report_kind kind);

#endif
