/* gateway: what every bank's payment page has in common. One struct of functions a bank (spplus.c …).
 *
 * The same module serves both programs: dp-server builds requests and checks seals; dp-worker checks the seal again and
 * judges the grammar. It knows no store and no loop. */
#ifndef DP_COMMON_GATEWAY_H
#define DP_COMMON_GATEWAY_H

#include <stdint.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/payment_state.h"
#include "common/str.h"

enum { GATEWAY_RAW_MAX = 8192, GATEWAY_PAIRS_MAX = 64, GATEWAY_BANK_REF_MAX = 40, GATEWAY_BANK_CODE_MAX = 8 };
/* Of a bank's answer to a question: bytes, and bytes of the words by which it names a payment's state. */
enum { GATEWAY_ANSWER_MAX = 8192, GATEWAY_ANSWER_STATE_MAX = 80 };

struct gateway;
struct gateway_key; /* a contract's key made ready for sealing; one user at a time */

/* A contract as the database describes it. Texts are borrowed from whoever loaded it. */
struct gateway_contract {
    int64_t id;
    const struct gateway *gateway;
    struct str merchant_id;
    struct str payment_url;
    struct str currency;
    struct str means; /* accepted card brands, comma-separated: "CBS,AMX" */
    unsigned bank_ref_len;
    struct str callback_extra; /* further names of this bank's calls, comma-separated, in order */
    struct str query_url;      /* where the bank is asked about a payment; empty: it is not asked */
    struct str query_states;   /* further words of its answers and what they mean: "ANNULE:abandoned,…" */
    struct gateway_key *key;   /* owned by the contract's owner */
};

/* A payment to be asked for. */
struct gateway_payment {
    struct str reference;
    int64_t amount_cents;
    struct str currency;
    struct str email;       /* a valid address */
    struct str means;       /* one of the contract's */
    struct str return_url;  /* absolute */
    struct str valid_until; /* "dd/mm/yyyy" */
};

/* A call taken apart once, before anyone believes it. It borrows from the raw bytes and from the arena. */
struct gateway_call {
    /* Enough to find contract and transaction. Decoded; empty when absent or malformed; the first one when there are
     * several. */
    struct str merchant_id;
    struct str reference;
    struct str unsealed; /* the part of the raw call that makes the event's id: without its seal */
    bool has_seal;       /* else nobody ever sealed it: all of it makes the id, which another call's may be */
    const void *parts;   /* what verify() looks at; NULL: it cannot be taken apart */
};

enum gateway_verdict {
    GATEWAY_SEAL_GOOD,
    GATEWAY_SEAL_BAD, /* missing, malformed or wrong */
};

/* How a good seal reads against the request that was sent. Whatever may go to a column of the database has its bounds.
 */
struct gateway_judgement {
    /* Exactly as the design's "Who may be credited" says, but for the amount: it must be well-formed, and
     * payment_decide compares it with the payment's (a refund may be of a part; other money goes to suspense). */
    bool shape_ok;
    const char *shape_fault;      /* static French text for review_items.detail when not */
    struct payment_report report; /* contract_id as given; filled as far as readable even when the shape is bad */
    struct str bank_code;         /* etat, as received; empty when over GATEWAY_BANK_CODE_MAX or not alphanumeric */
};

/* What came of asking the bank about a payment. */
enum gateway_answer_kind {
    GATEWAY_ANSWER_FAILED,   /* nothing came: not asked, no connection, no answer within its limits */
    GATEWAY_ANSWER_REPORTED, /* the judgement says what; it may still not fit the payment */
    GATEWAY_ANSWER_OPEN,     /* the payment is under way at the bank */
    GATEWAY_ANSWER_UNKNOWN,  /* the bank knows no such payment: nothing was paid so far */
    GATEWAY_ANSWER_UNCLEAR,  /* an error, or a form or a word that is not known: it decides nothing */
    GATEWAY_ANSWER_KIND_COUNT,
};
/* "failed" …: the name in the database, in metrics and in logs. */
const char *gateway_answer_name(enum gateway_answer_kind kind);

struct gateway_answer {
    enum gateway_answer_kind kind;
    const char *fault; /* why it is UNCLEAR: static text for the log; NULL else */
    struct str state;  /* the bank's words for the payment's state, bounded; a part of the event's id when REPORTED */
    /* REPORTED: as of a call. An answer that names no amount or currency has those of the sealed request, which are all
     * that the bank can have taken under its reference. */
    struct gateway_judgement judgement;
};

struct gateway {
    const char *name; /* "spplus" */

    /* The query string of the redirect, seal included, appended to `out`. ERR_INVALID when a value cannot be expressed.
     */
    int (*build_request)(const struct gateway_contract *contract, const struct gateway_payment *payment,
                         struct arena *arena, struct buf *out);

    /* Takes a raw call apart (bounded, never fails: absent is empty). */
    struct gateway_call (*read_call)(struct str raw, struct arena *arena);

    /* Checks the seal over the raw bytes in constant time. */
    enum gateway_verdict (*verify)(const struct gateway_contract *contract, const struct gateway_call *call);

    /* Judges a call whose seal is good against the stored request (`sent`, as build_request made it; empty when there
     * is none). Never fails: the judgement says what is wrong. */
    struct gateway_judgement (*judge)(const struct gateway_contract *contract, struct str sent, struct str raw,
                                      struct arena *arena);

    /* The address, in `arena`, that a GET asks about a payment; it carries a seal and belongs into no log.
     * ERR_NOT_FOUND when this contract's bank is not asked, ERR_INVALID when the question cannot be expressed. NULL
     * together with read_answer where the bank has no such service. */
    int (*build_query)(const struct gateway_contract *contract, struct str reference, struct arena *arena,
                       struct str *ret_url);

    /* Reads the body of the answer against the stored request (`sent`). Whoever asked vouches for where it came from:
     * it has no seal. Never fails: what it does not know is UNCLEAR. */
    struct gateway_answer (*read_answer)(const struct gateway_contract *contract, struct str reference, struct str sent,
                                         struct str body, struct arena *arena);

    /* NULL, or what is expected of query_states, for who configures it. */
    const char *(*check_query_states)(struct str states);

    /* `material` is what the operator configured (SP Plus: the 24-byte NT key or the 20-byte working key, in hex,
     * spaces allowed). ERR_INVALID for a wrong form, ERR_UNAVAILABLE when this host cannot decrypt it (no legacy
     * provider). */
    int (*key_new)(struct str material, struct gateway_key **ret_key);
    void (*key_free)(struct gateway_key *key); /* NULL allowed; wipes */
    /* True for the bank's published demonstration key or merchant: refused unless the site is a demonstration. */
    bool (*is_demonstration)(struct str merchant_id, struct str material);

    const char *ack_body; /* what the bank wants to read: "spcheckok" */
};

/* By name; NULL when there is none. */
const struct gateway *gateway_find(struct str name);

extern const struct gateway gateway_spplus;

#endif
