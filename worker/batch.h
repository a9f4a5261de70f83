/* batch: what a handful of events does, decided on plain structs. No I/O, no clock: facts.c fills it from the
 * database, batch_decide() turns events and facts into a plan of rows, apply.c writes the plan.
 *
 * Events are decided in the stream's order and each sees what the ones before it did, so a batch does what its entries
 * would have done one by one. Rules: design.md, "The life of a payment" 4 and "State machine". */
#ifndef DP_WORKER_BATCH_H
#define DP_WORKER_BATCH_H

#include "common/arena.h"
#include "common/event.h"
#include "common/payment_state.h"
#include "worker/contracts.h"
#include "worker/lookup.h"
#include "worker/stream.h"

enum { BATCH_ARENA_MAX = 256 * 1024 * 1024, BATCH_BANK_REF_MAX = 40 };
/* dp-server keeps to it (SQL_REPORT_RECORD); this is for who writes to Redis himself. */
enum { BATCH_REPORTS_PER_DAY_MAX = 3 };

/* What became of an event; the names go to inbox.verdict. */
enum batch_verdict {
    VERDICT_NONE,     /* not decided: malformed, or for another worker */
    VERDICT_REPEATED, /* stands in the inbox already: nothing to do but to acknowledge */
    VERDICT_CREDITED,
    VERDICT_CHANGED,   /* another state, without money */
    VERDICT_UNCHANGED, /* history only */
    VERDICT_REVERSED,
    VERDICT_REFUNDED,
    VERDICT_SUSPENSE, /* money booked to suspense, for a human */
    VERDICT_REVIEW,   /* for a human */
    VERDICT_BAD_SEAL,
    VERDICT_UNVERIFIABLE, /* no contract to check the seal with */
    VERDICT_RESET,        /* a password link was asked for */
    VERDICT_NOTICE,       /* a password or an address was changed: its owner is told */
    VERDICT_COUNT,
};
const char *batch_verdict_name(enum batch_verdict verdict);

/* ---- facts ---- */

struct batch_claim {
    int64_t id;
    int64_t amount_cents, settled_cents; /* settled: moves with each event of the batch */
};

struct batch_line {
    int64_t account_id;
    struct batch_claim *claim; /* NULL: a top-up, or a claim still to be attributed */
    int64_t amount_cents;
};

enum batch_book { BOOK_BANK, BOOK_ACCOUNT, BOOK_CLAIM, BOOK_SUSPENSE };

/* What a payment's money did in one place so far: the sum of its legs there. */
struct batch_holding {
    enum batch_book book;
    int64_t account_id; /* 0: none */
    int64_t claim_id;
    int64_t amount_cents; /* < 0: credited */
};

/* A row of transactions. Moves with each event of the batch. */
struct batch_payment {
    int64_t id, school_id;
    int64_t user_id;
    unsigned n_reports; /* that its payer made within the last day */
    struct str reference, email, bursar_email;
    struct str sent; /* bank_request */
    bool doubted;    /* a human was asked to look at it */
    struct payment_facts facts;
    const struct batch_line *lines;
    size_t n_lines;
    struct batch_holding *holdings; /* room for what n_holdings_max says */
    size_t n_holdings, n_holdings_max;
};

/* A bank reference that already carries money. */
struct batch_bank_ref {
    int64_t contract_id;
    struct str bank_ref;
    bool is_payment;        /* else an orphan */
    int64_t transaction_id; /* 0: none */
};

struct batch_entry {
    const struct stream_entry *source; /* borrowed; NULL: a bank's answer */
    int parse_err; /* 0; ERR_NOT_FOUND: of a newer dp-server, leave it; ERR_INVALID: malformed, or not its own id */
    struct event event;
    bool repeated;                   /* in the inbox, or earlier in this batch */
    bool unready;                    /* a gateway or a key that this worker does not have: another one may, leave it */
    struct str merchant_id;          /* what a bank's call says */
    struct str reference;            /* … before anyone believes it; or a payer's event */
    const struct contract *contract; /* NULL: unknown merchant */
    enum gateway_verdict seal;
    struct batch_payment *payment;          /* NULL: unknown reference */
    const struct gateway_judgement *judged; /* what it says of its payment; NULL: not read yet */
    enum batch_verdict verdict;             /* decided */
};

/* ---- the plan: rows to write ---- */

struct plan_change {
    const struct batch_payment *payment;
    struct payment_facts before;
    struct payment_facts after;
    /* What the row must say: for a credit as the bank reported it, so the UPDATE is a guard of its own. */
    int64_t contract_id, amount_cents;
    struct str currency;
    bool accepted; /* sets accepted_at */
    bool review;
};

struct plan_leg {
    const struct batch_entry *entry;
    int64_t school_id, contract_id, transaction_id; /* 0: NULL */
    const char *kind;
    unsigned leg;
    enum batch_book book;
    int64_t account_id, claim_id;
    int64_t amount_cents;
    struct str bank_ref;
};

struct plan_claim_move {
    int64_t claim_id;
    int64_t amount_cents; /* > 0: settled */
    struct str reference; /* whose reservation ends */
    bool release_only;
};

struct plan_account_move {
    int64_t account_id;
    int64_t amount_cents;
};

struct plan_history {
    const struct batch_entry *entry;
    int64_t transaction_id;
    enum payment_state from, to;
    struct str bank_code, bank_ref;
    const char *note;
};

struct plan_review {
    const struct batch_entry *entry;
    int64_t school_id, contract_id, transaction_id;
    enum review_reason reason;
    const char *detail;
    int64_t amount_cents;
};

struct plan_mail {
    const char *kind;
    int64_t school_id, transaction_id;
    struct str recipient;
};

/* A payment that its payer gave up after it was sent: the bank is asked all the same. */
struct plan_question {
    int64_t transaction_id;
};

struct plan_credit {
    int64_t transaction_id, school_id;
};

/* A growing array in the batch's arena, at first of an item an entry. */
#define BATCH_LIST(type)   \
    struct {               \
        type *items;       \
        size_t count, max; \
    }

struct batch_plan {
    BATCH_LIST(struct plan_change) changes;
    BATCH_LIST(struct plan_leg) legs;
    BATCH_LIST(struct plan_claim_move) claim_moves;
    BATCH_LIST(struct plan_account_move) account_moves;
    BATCH_LIST(struct plan_history) history;
    BATCH_LIST(struct plan_review) reviews;
    BATCH_LIST(struct plan_mail) mails;
    BATCH_LIST(struct plan_credit) credits;
    BATCH_LIST(struct plan_question) questions;
};

struct batch {
    struct arena arena;
    struct batch_entry *entries;
    size_t n_entries;
    BATCH_LIST(struct batch_payment) payments;
    BATCH_LIST(struct batch_claim) claims;
    BATCH_LIST(struct batch_bank_ref) bank_refs;
    /* Of what stands in the lists above, brought up to date by whoever looks something up. */
    struct lookup payments_by_reference, payments_by_id, bank_refs_by_key;
    size_t n_payments_indexed, n_bank_refs_indexed;
    struct batch_plan plan;
};

/* Appends one zeroed item to a BATCH_LIST and gives its address, valid until the next append. */
#define BATCH_ADD(batch, list)                                                                                      \
    ((void)((list)->count < (list)->max ||                                                                          \
            batch_grow((batch), (void **)&(list)->items, &(list)->max, (batch)->n_entries, sizeof *(list)->items)), \
     &(list)->items[(list)->count++])
/* First to `usual` items, then to twice as many: what grew before stays in the arena. */
bool batch_grow(struct batch *batch, void **items, size_t *max, size_t usual, size_t item_size);

/* Room is made at first for one holding a line, and what a claim leaves in suspense. */
void batch_add_holding(struct batch *batch, struct batch_payment *payment, struct batch_holding holding);

/* The event of an entry. parse_err as in struct batch_entry: a bank's call must bear its own id. */
int batch_read_event(const struct stream_entry *entry, struct event *ret);
/* Parses the entries; they are borrowed until batch_done(). */
void batch_init(struct batch *batch, const struct stream_entry *entries, size_t n_entries);
void batch_done(struct batch *batch);

/* One entry: what the bank answered when this worker asked it. It has no seal to check: that this process asked is what
 * vouches for it, so nothing that was read from the stream ever comes this way. All are borrowed until batch_done(). */
void batch_init_answer(struct batch *batch, const struct contract *contract, struct str reference, struct str body,
                       const struct gateway_answer *answer);

/* Finds contract and payment's reference of each bank's call and checks its seal. False when a merchant is unknown or
 * a seal bad: the contracts may have changed, so reload them once and ask again. A call whose seal is not good gets the
 * id of all its bytes, and what stands in the batch twice is marked as repeated. */
bool batch_verify(struct batch *batch, const struct contracts *contracts);

/* A bank's call or answer. */
bool batch_entry_is_of_bank(const struct batch_entry *entry);
/* Whether the facts of this entry are wanted: an answer, or a well-sealed call, of a bank, not yet applied. */
bool batch_entry_is_sealed_call(const struct batch_entry *entry);
/* What a payer asks about a payment, not yet applied. */
bool batch_entry_is_of_payer(const struct batch_entry *entry);
/* What an entry of a bank says of its payment; NULL: of one that is not known. Read once. */
const struct gateway_judgement *batch_judge(struct batch_entry *entry, const struct batch_payment *payment,
                                            struct arena *arena);
struct batch_payment *batch_find_payment(struct batch *batch, struct str reference);
struct batch_payment *batch_find_payment_by_id(struct batch *batch, int64_t id);
/* What carries money under this reference: a payment, or an orphan. */
const struct batch_bank_ref *batch_find_bank_ref(struct batch *batch, int64_t contract_id, struct str bank_ref,
                                                 bool is_payment);

/* Fills the plan and every entry's verdict. Once. */
void batch_decide(struct batch *batch);

#endif
