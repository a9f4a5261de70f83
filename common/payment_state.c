#include "common/payment_state.h"

#include "common/err.h"

static const struct {
    const char *name;
    const char *label;
    int rank;
} states[PAYMENT_STATE_COUNT] = {
    [PAYMENT_CREATED] = {"CREATED", "En attente de paiement", 0},
    [PAYMENT_PENDING] = {"PENDING", "En attente de paiement", 1},
    [PAYMENT_CANCELLED] = {"CANCELLED", "Paiement abandonné", 2},
    [PAYMENT_DECLINED] = {"DECLINED", "Paiement refusé", 2},
    [PAYMENT_EXPIRED] = {"EXPIRED", "Paiement expiré", 2},
    [PAYMENT_AUTHORISED] = {"AUTHORISED", "Paiement validé", 3},
    [PAYMENT_CAPTURED] = {"CAPTURED", "Paiement validé", 4},
    [PAYMENT_SETTLED] = {"SETTLED", "Paiement validé", 5},
    [PAYMENT_REVERSED] = {"REVERSED", "Paiement rejeté", 6},
    [PAYMENT_REFUNDED] = {"REFUNDED", "Paiement remboursé", 7},
};

const char *payment_state_name(enum payment_state state)
{
    return states[state].name;
}

int payment_state_from_name(struct str name, enum payment_state *ret)
{
    for (int i = 0; i < PAYMENT_STATE_COUNT; i++) {
        if (str_eq_text(name, states[i].name)) {
            *ret = (enum payment_state)i;
            return 0;
        }
    }
    return ERR_INVALID;
}

const char *payment_state_label(enum payment_state state)
{
    return states[state].label;
}

int payment_state_rank(enum payment_state state)
{
    return states[state].rank;
}

bool payment_state_is_open(enum payment_state state)
{
    return state == PAYMENT_CREATED || state == PAYMENT_PENDING;
}

bool payment_state_is_paid(enum payment_state state)
{
    return states[state].rank >= states[PAYMENT_AUTHORISED].rank && states[state].rank <= states[PAYMENT_SETTLED].rank;
}

/* Sets of states and of report kinds, for the table of rules. */
#define IN(state)   (1u << PAYMENT_##state)
#define KIND(kind)  (1u << REPORT_##kind)
#define UNPAID      (IN(PENDING) | IN(CANCELLED) | IN(DECLINED) | IN(EXPIRED))
#define PAID        (IN(AUTHORISED) | IN(CAPTURED) | IN(SETTLED))
#define ACCEPTED    (PAID | IN(REVERSED) | IN(REFUNDED))
#define ANY_STATE   (~0u)
#define ANY_KIND    (~0u)
#define MONEY       (KIND(ACCEPTED) | KIND(CAPTURED) | KIND(SETTLED))
#define REFUND_WORK (KIND(REFUND_OPENED) | KIND(REFUND_CANCELLED) | KIND(REFUNDED))

/* How the report's bank reference stands to the accepted one. */
enum relation { SAME = 1, OTHER = 2, ANY_REF = SAME | OTHER };

enum { STAY = PAYMENT_STATE_COUNT };

enum effect { CREDIT = 1, REVERSE = 2, REFUND = 4, SUSPENSE = 8, OPEN_REFUND = 16, CLOSE_REFUND = 32 };

struct rule {
    unsigned kinds, in;
    enum relation ref;
    int to; /* a state, or STAY */
    unsigned effects;
    enum review_reason review;
};

/* The first rule that fits decides. What none fits is history: the bank spoke and nothing changes. */
static const struct rule rules[] = {
    /* The bank cannot know a payment that was never sent to it. */
    {MONEY, IN(CREATED), ANY_REF, STAY, SUSPENSE, REVIEW_NEVER_SENT},
    {ANY_KIND, IN(CREATED), ANY_REF, STAY, 0, REVIEW_NEVER_SENT},

    {KIND(UNCLEAR), ANY_STATE, ANY_REF, STAY, 0, REVIEW_UNCLEAR_CODE},

    /* One accepting report is enough, whichever comes first and whatever was refused, abandoned or expired before it.
     */
    {KIND(ACCEPTED), UNPAID, ANY_REF, PAYMENT_AUTHORISED, CREDIT, REVIEW_NONE},
    {KIND(CAPTURED), UNPAID, ANY_REF, PAYMENT_CAPTURED, CREDIT, REVIEW_NONE},
    {KIND(SETTLED), UNPAID, ANY_REF, PAYMENT_SETTLED, CREDIT, REVIEW_NONE},

    /* Not paid: a refusal is worth more than having been abandoned, and expiry is the last word without money. */
    {KIND(CANCELLED), IN(PENDING), ANY_REF, PAYMENT_CANCELLED, 0, REVIEW_NONE},
    {KIND(REFUSED) | KIND(REFUSED_LATER), IN(PENDING) | IN(CANCELLED), ANY_REF, PAYMENT_DECLINED, 0, REVIEW_NONE},
    {KIND(REVERSED) | REFUND_WORK, UNPAID, ANY_REF, STAY, 0, REVIEW_REVERSAL_UNMATCHED},

    /* The accepted authorisation goes its way, up only: decide() leaves out a step to a lower rank. */
    {KIND(ACCEPTED), PAID, SAME, PAYMENT_AUTHORISED, 0, REVIEW_NONE},
    {KIND(CAPTURED), PAID, SAME, PAYMENT_CAPTURED, 0, REVIEW_NONE},
    {KIND(SETTLED), PAID, SAME, PAYMENT_SETTLED, 0, REVIEW_NONE},
    {KIND(REFUSED_LATER) | KIND(REVERSED), PAID, SAME, PAYMENT_REVERSED, REVERSE, REVIEW_NONE},
    {KIND(REFUNDED), PAID, SAME, PAYMENT_REFUNDED, REFUND | CLOSE_REFUND, REVIEW_NONE},

    /* Money under another bank reference is other money; after a reversal it may be the debt paid at last. */
    {MONEY, IN(REVERSED), SAME, STAY, 0, REVIEW_ACCEPTED_AFTER_REVERSAL},
    {MONEY, IN(REVERSED), OTHER, STAY, SUSPENSE, REVIEW_ACCEPTED_AFTER_REVERSAL},
    {MONEY, ACCEPTED, OTHER, STAY, SUSPENSE, REVIEW_SECOND_ACCEPTANCE},

    /* Reversals and refunds that do not fit: reversed and refunded, refunded twice, or of another authorisation. A late
     * instalment refused (5) under another reference is the refusal of another card: history. */
    {KIND(REFUSED_LATER) | KIND(REVERSED), IN(REFUNDED), SAME, STAY, 0, REVIEW_REVERSAL_UNMATCHED},
    {KIND(REVERSED), ACCEPTED, OTHER, STAY, 0, REVIEW_REVERSAL_UNMATCHED},
    {KIND(REFUNDED), IN(REVERSED) | IN(REFUNDED), SAME, STAY, CLOSE_REFUND, REVIEW_REVERSAL_UNMATCHED},
    {REFUND_WORK, ACCEPTED, OTHER, STAY, 0, REVIEW_REVERSAL_UNMATCHED},

    {KIND(REFUND_OPENED), ACCEPTED, SAME, STAY, OPEN_REFUND, REVIEW_REFUND_OPENED},
    {KIND(REFUND_CANCELLED), ACCEPTED, SAME, STAY, CLOSE_REFUND, REVIEW_NONE},
};

bool payment_report_is_money(enum payment_report_kind kind)
{
    return (MONEY & (1u << kind)) != 0;
}

static bool is_refund_work(enum payment_report_kind kind)
{
    return (REFUND_WORK & (1u << kind)) != 0;
}

static bool is_accepted(const struct payment_facts *facts)
{
    return (ACCEPTED & (1u << facts->state)) != 0;
}

/* Bank references are one contract's own numbers: under another contract the same digits mean nothing. */
static bool names_the_accepted(const struct payment_facts *facts, const struct payment_report *report)
{
    return is_accepted(facts) && report->contract_id == facts->contract_id && report->bank_ref.len > 0 &&
           str_eq(report->bank_ref, facts->bank_ref);
}

/* A refund may be of a part; everything else speaks of the whole amount. */
static bool amount_fits(const struct payment_facts *facts, const struct payment_report *report)
{
    if (is_refund_work(report->kind))
        return report->amount_cents > 0 && report->amount_cents <= facts->amount_cents;
    return report->amount_cents == facts->amount_cents;
}

/* What keeps a report from being judged by the rules at all; REVIEW_NONE when nothing does. `facts` may be NULL only
 * until here: an unknown reference is a mismatch. */
static enum review_reason find_mismatch(const struct payment_facts *facts, const struct payment_report *report)
{
    bool money = payment_report_is_money(report->kind);

    if (report->kind == REPORT_TEST)
        return REVIEW_TEST_PAYMENT; /* code 99 never credits, whatever it names */
    if (!facts)
        return REVIEW_UNKNOWN_REFERENCE;
    if (report->contract_id != facts->contract_id)
        return REVIEW_CONTRACT_MISMATCH;
    if (!str_eq(report->currency, facts->currency))
        return REVIEW_CURRENCY_MISMATCH;
    /* Nothing was asked for yet that an amount could differ from. */
    if (facts->state != PAYMENT_CREATED && !amount_fits(facts, report))
        return REVIEW_AMOUNT_MISMATCH;
    if (money && report->bank_ref.len == 0)
        return REVIEW_BAD_SHAPE;
    if (money && report->confirms_only && (UNPAID & (1u << facts->state)) != 0)
        return REVIEW_BAD_SHAPE;
    return REVIEW_NONE;
}

static const struct rule *find_rule(const struct payment_facts *facts, const struct payment_report *report)
{
    static const struct rule history = {ANY_KIND, ANY_STATE, ANY_REF, STAY, 0, REVIEW_NONE};
    enum relation ref = names_the_accepted(facts, report) ? SAME : OTHER;

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if ((rules[i].kinds & (1u << report->kind)) && (rules[i].in & (1u << facts->state)) && (rules[i].ref & ref))
            return &rules[i];
    }
    return &history;
}

/* The money of an unfit report is kept in suspense, unless it is the accepted authorisation's own, booked already. */
static struct payment_decision set_aside(const struct payment_facts *facts, const struct payment_report *report,
                                         enum review_reason reason)
{
    bool booked = facts && names_the_accepted(facts, report);
    return (struct payment_decision){
        .to = facts ? facts->state : PAYMENT_CREATED,
        .suspense = payment_report_is_money(report->kind) && !booked,
        .refund_open = -1,
        .review = reason,
    };
}

static enum payment_state rise(enum payment_state from, int to)
{
    if (to == STAY || states[to].rank < states[from].rank)
        return from;
    return (enum payment_state)to;
}

/* A task that is open already is not opened again, nor one closed that was not open. */
static int refund_open_after(const struct payment_facts *facts, unsigned effects)
{
    if ((effects & OPEN_REFUND) && !facts->refund_open)
        return 1;
    if ((effects & CLOSE_REFUND) && facts->refund_open)
        return 0;
    return -1;
}

struct payment_decision payment_decide(const struct payment_facts *facts, const struct payment_report *report)
{
    enum review_reason mismatch = find_mismatch(facts, report);
    if (mismatch != REVIEW_NONE)
        return set_aside(facts, report, mismatch);

    const struct rule *rule = find_rule(facts, report);
    return (struct payment_decision){
        .to = rise(facts->state, rule->to),
        .credit = (rule->effects & CREDIT) != 0,
        .reverse = (rule->effects & REVERSE) != 0,
        .refund = (rule->effects & REFUND) != 0,
        .suspense = (rule->effects & SUSPENSE) != 0,
        .refund_open = refund_open_after(facts, rule->effects),
        .review = rule->review,
    };
}

static const struct {
    const char *name;
    const char *text;
} reviews[REVIEW_REASON_COUNT] = {
    [REVIEW_NONE] = {"NONE", "Rien à vérifier."},
    [REVIEW_BAD_SHAPE] = {"BAD_SHAPE",
                          "Un message de la banque porte un sceau valable mais ne correspond pas exactement à la "
                          "demande envoyée. Rien n'a été crédité. Vérifiez ce paiement sur l'espace de la banque."},
    [REVIEW_UNKNOWN_REFERENCE] = {"UNKNOWN_REFERENCE",
                                  "La banque annonce une opération dont la référence est inconnue ici. Si de l'argent "
                                  "a été reçu, il est en attente d'imputation. Recherchez le payeur avec la banque."},
    [REVIEW_AMOUNT_MISMATCH] =
        {"AMOUNT_MISMATCH",
         "La banque annonce un autre montant que celui du paiement. Ce message n'a rien crédité\u00a0; "
         "l'argent nouveau est en attente d'imputation. Comparez avec l'espace de la banque."},
    [REVIEW_CURRENCY_MISMATCH] =
        {"CURRENCY_MISMATCH",
         "La banque annonce ce paiement dans une autre monnaie. Ce message n'a rien crédité\u00a0; "
         "l'argent nouveau est en attente d'imputation. Comparez avec l'espace de la banque."},
    [REVIEW_CONTRACT_MISMATCH] =
        {"CONTRACT_MISMATCH", "Ce paiement est annoncé par un autre contrat bancaire que le sien. Ce message n'a rien "
                              "crédité\u00a0; l'argent reçu est en attente d'imputation. Interrogez la banque."},
    [REVIEW_NEVER_SENT] = {"NEVER_SENT",
                           "La banque parle d'un paiement qui ne lui a jamais été envoyé. Rien n'a été crédité\u00a0; "
                           "l'argent reçu est en attente d'imputation. Vérifiez sur l'espace de la banque."},
    [REVIEW_SECOND_ACCEPTANCE] =
        {"SECOND_ACCEPTANCE",
         "La banque a accepté ce paiement une seconde fois\u00a0: la carte a sans doute été débitée "
         "deux fois. La seconde somme est en attente\u00a0; remboursez-la à la famille."},
    [REVIEW_BANK_REF_REUSED] = {"BANK_REF_REUSED",
                                "La banque a donné à ce paiement un numéro d'opération qui a déjà servi à un autre. "
                                "Rien n'a été crédité. Vérifiez les deux paiements sur l'espace de la banque."},
    [REVIEW_REVERSAL_UNMATCHED] = {"REVERSAL_UNMATCHED",
                                   "La banque annonce un rejet ou un remboursement qui ne correspond pas à "
                                   "l'encaissement de ce paiement. Rien n'a été changé. Vérifiez sur l'espace de la "
                                   "banque."},
    [REVIEW_REFUND_OPENED] =
        {"REFUND_OPENED",
         "Un remboursement de ce paiement est en cours à la banque. Suivez-le\u00a0: le paiement passera "
         "à «\u00a0Paiement remboursé\u00a0» quand la banque l'aura exécuté."},
    [REVIEW_TEST_PAYMENT] =
        {"TEST_PAYMENT", "La banque a transmis un paiement de test. Rien n'a été crédité. Si vous n'avez fait aucun "
                         "essai, prévenez la banque\u00a0: la boutique est peut-être restée en mode test."},
    [REVIEW_UNCLEAR_CODE] = {"UNCLEAR_CODE",
                             "La banque a transmis un code qui ne permet pas de conclure. Rien n'a été changé. "
                             "Consultez l'opération sur l'espace de la banque."},
    [REVIEW_CLAIM_OVERPAID] = {"CLAIM_OVERPAID",
                               "Le paiement dépasse ce qui restait dû sur la créance. L'excédent est en attente\u00a0: "
                               "imputez-le à un compte ou remboursez-le à la famille."},
    [REVIEW_LINES_MISMATCH] = {"LINES_MISMATCH",
                               "Le détail du paiement ne correspond pas à son montant total. La différence est en "
                               "attente d'imputation. Prévenez le service technique."},
    [REVIEW_UNVERIFIABLE] =
        {"UNVERIFIABLE", "Un message qui dit venir de la banque n'a pas pu être vérifié\u00a0: aucun contrat ne lui "
                         "correspond. Rien n'a été crédité. Contrôlez le paramétrage du contrat bancaire."},
    [REVIEW_ACCEPTED_AFTER_REVERSAL] =
        {"ACCEPTED_AFTER_REVERSAL",
         "La banque confirme un paiement qu'elle avait rejeté. Le compte n'a pas été crédité "
         "de nouveau. Vérifiez sur l'espace de la banque ce qui a été réellement encaissé."},
    [REVIEW_BANK_SILENT] =
        {"BANK_SILENT", "La banque n'a jamais dit ce que ce paiement est devenu, et son délai est passé. Rien n'a été "
                        "crédité. Cherchez-le sur l'espace de la banque\u00a0: la famille a peut-être été débitée."},
    [REVIEW_BAD_ANSWER] = {"BAD_ANSWER",
                           "Interrogée sur ce paiement, la banque a donné une réponse qui ne s'accorde pas avec lui ou "
                           "avec ce qu'elle en avait dit. Cette réponse n'a rien crédité. Vérifiez sur l'espace de la "
                           "banque."},
    [REVIEW_PARENT_REPORT] = {"PARENT_REPORT",
                              "Un parent signale un problème sur un paiement. Ce signalement n'a rien changé au "
                              "paiement. Comparez avec l'espace de la banque, puis répondez à la famille."},
};

const char *review_reason_name(enum review_reason reason)
{
    return reviews[reason].name;
}

const char *review_reason_text(enum review_reason reason)
{
    return reviews[reason].text;
}
