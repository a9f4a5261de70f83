/* The seal covers values without names or separators, so one seal fits every way of cutting the same bytes. What makes
 * the reading below the only one that credits:
 *
 *   - The names and their order are those of the request, so the cuts are the only freedom.
 *   - Each value must decode to what was sent. Of two cuts at which the same value could end, one is a prefix of the
 *     other; every raw unit decodes to exactly one byte and half an escape to none, so both cannot decode to the same
 *     text. From the first value on, each cut is where the bank made it.
 *   - refsfp has a fixed number of raw digits, counted from the end; what is left between is etat, compared raw.
 *
 * Two freedoms remain, and neither accepts a payment. The amount may be another: payment_decide refuses to credit it,
 * and the values that must follow in full leave its end where it was. And `version` may be missing: "version=1, etat=0"
 * then also reads as "etat=10". So a settlement (10, 30) behind a value that is not known beforehand, or a missing one,
 * may confirm an acceptance and never be the first. (11 without version also reads as version 1, etat 1; it comes from
 * the bank's own server, long after the parent's browser has left, and reverses the same reference.) */
#include "common/gateway/spplus.h"

#include "common/encode.h"
#include "common/money.h"

static const char fault_no_request[] = "aucune demande n'a été envoyée à la banque sous cette référence";
static const char fault_too_long[] = "le message est trop long";
static const char fault_names[] = "les paramètres ou leur ordre ne sont pas ceux de la demande";
static const char fault_values[] = "une valeur n'est pas celle de la demande";
static const char fault_amount[] = "le montant est illisible";
static const char fault_code[] = "le code «\u00a0etat\u00a0» est inconnu";
static const char fault_bank_ref[] = "«\u00a0refsfp\u00a0» n'a pas le nombre de chiffres prévu au contrat";

/* bank-protocols.md §1.5; what each does is the state machine's affair. */
static const struct {
    const char *code;
    enum payment_report_kind kind;
} codes[] = {
    {"0", REPORT_UNCLEAR},    {"1", REPORT_ACCEPTED},       {"2", REPORT_REFUSED},
    {"4", REPORT_CAPTURED},   {"5", REPORT_REFUSED_LATER},  {"6", REPORT_UNCLEAR},
    {"8", REPORT_UNCLEAR},    {"10", REPORT_SETTLED},       {"11", REPORT_REVERSED},
    {"12", REPORT_CANCELLED}, {"15", REPORT_REFUND_OPENED}, {"16", REPORT_REFUND_CANCELLED},
    {"17", REPORT_REFUNDED},  {"20", REPORT_REVERSED},      {"21", REPORT_UNCLEAR},
    {"30", REPORT_SETTLED},   {"99", REPORT_TEST},
};

static bool find_code(struct str code, enum payment_report_kind *ret_kind)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (str_eq_text(code, codes[i].code)) {
            *ret_kind = codes[i].kind;
            return true;
        }
    }
    return false;
}

/* A call on its way through the names that it must have. */
struct walk {
    const struct spplus_pairs *call;
    size_t at;
    struct arena *arena;
    bool cut_in_doubt; /* the bytes before etat are not those of a known value */
};

/* The next pair if it has that name, else NULL. */
static const struct spplus_pair *take(struct walk *walk, struct str name)
{
    if (walk->at == walk->call->count || !str_eq(walk->call->items[walk->at].name, name))
        return NULL;
    return &walk->call->items[walk->at++];
}

/* "+" is itself here: nothing that is sent holds a space, and an address may hold a plus sign. */
static bool decodes_alike(struct arena *arena, struct str a, struct str b)
{
    struct str text_a, text_b;
    if (decode_percent(arena, a, false, &text_a) != 0)
        return false;
    return str_eq(a, b) || (decode_percent(arena, b, false, &text_b) == 0 && str_eq(text_a, text_b));
}

static bool read_amount(struct arena *arena, struct str raw, int64_t *ret_cents)
{
    struct str text;
    return decode_percent(arena, raw, false, &text) == 0 && money_parse_bank(text, ret_cents) == 0;
}

static const char *take_sent(struct walk *walk, const struct spplus_pairs *sent)
{
    int64_t cents;

    for (size_t i = 0; i < sent->count; i++) {
        const struct spplus_pair *pair = take(walk, sent->items[i].name);
        if (!pair && str_eq_text(sent->items[i].name, "version"))
            walk->cut_in_doubt = true;
        else if (!pair)
            return fault_names;
        else if (!str_eq_text(pair->name, "montant") && !decodes_alike(walk->arena, pair->value, sent->items[i].value))
            return fault_values;
        else if (str_eq_text(pair->name, "montant") && !read_amount(walk->arena, pair->value, &cents))
            return fault_amount;
    }
    return NULL;
}

/* Names that this contract's bank is known to add, in their order; their values may be anything. */
static const char *take_extra(struct walk *walk, struct str names)
{
    while (names.len > 0) {
        if (!take(walk, str_trim(str_cut(names, ',', &names))))
            return fault_names;
        walk->cut_in_doubt = true;
    }
    return NULL;
}

bool spplus_is_bank_ref(struct str s, size_t digits)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    }
    return s.len == digits && digits > 0 && digits <= GATEWAY_BANK_REF_MAX;
}

static const char *take_ending(struct walk *walk, size_t bank_ref_len)
{
    enum payment_report_kind kind;
    const struct spplus_pair *code = take(walk, STR("etat"));
    const struct spplus_pair *bank_ref = take(walk, STR("refsfp"));

    if (!code || !bank_ref || walk->at != walk->call->count)
        return fault_names;
    if (!find_code(code->value, &kind))
        return fault_code;
    return spplus_is_bank_ref(bank_ref->value, bank_ref_len) ? NULL : fault_bank_ref;
}

static const char *find_fault(struct walk *walk, const struct gateway_contract *contract,
                              const struct spplus_pairs *sent)
{
    if (sent->count == 0)
        return fault_no_request;
    const char *fault = take_sent(walk, sent);
    if (!fault)
        fault = take_extra(walk, contract->callback_extra);
    if (!fault)
        fault = take_ending(walk, contract->bank_ref_len);
    return fault;
}

static struct str raw_value(const struct spplus_pairs *call, const char *name)
{
    const struct spplus_pair *pair = spplus_find_pair(call, name);
    return pair ? pair->value : STR_NULL;
}

static struct str readable_code(struct str code)
{
    for (size_t i = 0; i < code.len; i++) {
        char c = code.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
            return STR_NULL;
    }
    return code.len <= GATEWAY_BANK_CODE_MAX ? code : STR_NULL;
}

/* What the call says, by the first pair of each name, whether or not its shape is right. */
static void read_report(const struct spplus_pairs *call, struct arena *arena, struct gateway_judgement *judgement)
{
    struct payment_report *report = &judgement->report;
    struct str bank_ref = raw_value(call, "refsfp");

    judgement->bank_code = readable_code(raw_value(call, "etat"));
    report->kind = REPORT_UNCLEAR;
    (void)find_code(judgement->bank_code, &report->kind);
    (void)read_amount(arena, raw_value(call, "montant"), &report->amount_cents);
    (void)decode_percent(arena, raw_value(call, "devise"), false, &report->currency);
    if (spplus_is_bank_ref(bank_ref, bank_ref.len))
        report->bank_ref = bank_ref;
}

struct gateway_judgement spplus_judge(const struct gateway_contract *contract, struct str sent, struct str raw,
                                      struct arena *arena)
{
    struct gateway_judgement judgement = {.report = {.kind = REPORT_UNCLEAR, .contract_id = contract->id}};
    struct spplus_pairs call, request;
    struct walk walk = {.call = &call, .arena = arena};

    if (spplus_read_pairs(raw, &call) != 0 || spplus_read_pairs(sent, &request) != 0) {
        judgement.shape_fault = fault_too_long;
        return judgement;
    }
    read_report(&call, arena, &judgement);
    judgement.shape_fault = find_fault(&walk, contract, &request);
    judgement.shape_ok = judgement.shape_fault == NULL;
    judgement.report.confirms_only = walk.cut_in_doubt && judgement.report.kind == REPORT_SETTLED;
    return judgement;
}
