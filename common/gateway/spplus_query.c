/* Asking SP Plus about a payment: the action etatpaiement of its remote administration (bank-protocols.md §1.6).
 *
 * One public source shows the answer, two lines of names and two of values, with blanks where its line ends were:
 *
 *     reference;idtftpaie;etatpaie;libetatpaie;payscarte;numautopaie;mode
 *     spp20081124033511;36628282;TERMINE;Terminé;null;81290;auto
 *     idtftech;etatech;libetatech;numautoech;numremiseech
 *     43620908;EN_ATTENTE_DE_REMISE;En attente de remise;81290;
 *
 * A payment is asked for in one instalment, so one row of each is all that is believed. Words that the source does not
 * show mean nothing until the contract says what its bank means by them. The answer names no amount: the bank cannot
 * have taken another one than was sealed with the reference. */
#include "common/gateway/spplus.h"

#include "common/encode.h"
#include "common/err.h"
#include "common/money.h"

#define PAYMENT_NAMES    "reference;idtftpaie;etatpaie;libetatpaie;payscarte;numautopaie;mode"
#define INSTALMENT_NAMES "idtftech;etatech;libetatech;numautoech;numremiseech"
#define ERROR_TEXT       "spadminko"

enum { REFERENCE, BANK_REF, STATE, LABEL, PAYMENT_COLUMNS = 7 };
enum { INSTALMENT_STATE = 1, INSTALMENT_LABEL, INSTALMENT_COLUMNS = 5 };
enum { ENTITY_NAME_MAX = 8 };

/* What a word of the bank's says. */
enum meaning { MEANS_NOTHING, MEANS_ACCEPTED, MEANS_REFUSED, MEANS_ABANDONED, MEANS_OPEN, MEANS_UNKNOWN };

static const struct {
    const char *name; /* as query_states has it */
    enum meaning meaning;
} meanings[] = {
    {"accepted", MEANS_ACCEPTED}, {"refused", MEANS_REFUSED}, {"abandoned", MEANS_ABANDONED},
    {"open", MEANS_OPEN},         {"unknown", MEANS_UNKNOWN},
};

/* The words that the source shows. */
static const struct {
    const char *word;
    enum meaning meaning;
} words[] = {
    {"TERMINE", MEANS_ACCEPTED},
    {"EN_ATTENTE_DE_REMISE", MEANS_ACCEPTED},
    {"REFUSE", MEANS_REFUSED},
};

static enum meaning find_meaning(struct str name)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (str_eq_text(name, meanings[i].name))
            return meanings[i].meaning;
    }
    return MEANS_NOTHING;
}

static enum meaning meaning_of(const struct gateway_contract *contract, struct str word)
{
    struct str rest = contract->query_states, meaning;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (str_eq_text(word, words[i].word))
            return words[i].meaning;
    }
    while (rest.len > 0) {
        if (str_eq(str_cut(str_cut(rest, ',', &rest), ':', &meaning), word) && word.len > 0)
            return find_meaning(meaning);
    }
    return MEANS_NOTHING;
}

static bool is_word(struct str s)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\0' || !strchr(allowed, s.ptr[i]))
            return false;
    }
    return s.len > 0 && s.len <= GATEWAY_ANSWER_STATE_MAX / 2 - 1;
}

const char *spplus_check_query_states(struct str states)
{
    static const char expected[] =
        "WORD:meaning, comma-separated; a word is capitals or spadminko, a meaning accepted, "
        "refused, abandoned, open or unknown";
    while (states.len > 0) {
        struct str meaning, word = str_cut(str_cut(states, ',', &states), ':', &meaning);
        if ((!is_word(word) && !str_eq_text(word, ERROR_TEXT)) || find_meaning(meaning) == MEANS_NOTHING)
            return expected;
    }
    return NULL;
}

/* Sealed is the siret without its site number, sent is the whole one. */
int spplus_build_query(const struct gateway_contract *contract, struct str reference, struct arena *arena,
                       struct str *ret_url)
{
    char seal[SPPLUS_SEAL_DIGITS + 1];
    struct str site, siret = str_cut(contract->merchant_id, '-', &site);
    const struct str sealed[] = {STR("etatpaiement"), siret, reference};

    if (contract->query_url.len == 0)
        return ERR_NOT_FOUND;
    if (!contract->key || !spplus_is_siret(contract->merchant_id) || !spplus_is_reference(reference))
        return ERR_INVALID;
    spplus_seal(contract->key, sealed, sizeof sealed / sizeof sealed[0], seal);
    *ret_url = arena_printf(arena, "%.*s?action=etatpaiement&siret=%.*s&reference=%.*s&hmac=%s",
                            STR_ARG(contract->query_url), STR_ARG(contract->merchant_id), STR_ARG(reference), seal);
    return 0;
}

/* An answer on its way through the grammar. */
struct reading {
    const struct gateway_contract *contract;
    struct str payment[PAYMENT_COLUMNS];
    struct str instalment[INSTALMENT_COLUMNS];
    bool has_instalment;
};

/* Whatever the encoding of its labels: no character below the space but line ends and tabs. */
static bool is_text(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == 0x7f || (c < ' ' && c != '\n' && c != '\r' && c != '\t'))
            return false;
    }
    return true;
}

/* "Refus&eacute;e" was seen in a label: that semicolon parts nothing. */
static bool ends_in_entity(struct str s)
{
    size_t len = 0;
    while (len < s.len && len <= ENTITY_NAME_MAX) {
        char c = s.ptr[s.len - 1 - len];
        if (c == '&')
            return len >= 2;
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '#'))
            return false;
        len++;
    }
    return false;
}

/* Exactly `count` fields, or one more that is empty. What decides stands before the labels, where every semicolon
 * parts, so that no label can move it. */
static bool split_row(struct str row, size_t count, size_t first_label, struct str *fields)
{
    size_t n = 0, begin = 0;
    for (size_t i = 0; i <= row.len; i++) {
        struct str field = str_slice(row.ptr + begin, i - begin);
        if (i < row.len && (row.ptr[i] != ';' || (n >= first_label && ends_in_entity(field))))
            continue;
        if (n == count)
            return field.len == 0 && i == row.len;
        fields[n++] = str_trim(field);
        begin = i + 1;
    }
    return n == count;
}

/* What follows the names, if they stand at the beginning; white space parts them from it. */
static bool take_names(struct str text, struct str names, struct str *ret_rest)
{
    if (!str_starts_with(text, names))
        return false;
    struct str rest = str_slice(text.ptr + names.len, text.len - names.len);
    *ret_rest = str_trim(rest);
    return rest.len > ret_rest->len && ret_rest->len > 0 && str_trim(str_slice(rest.ptr, 1)).len == 0;
}

static bool is_one_line(struct str s)
{
    return str_find(s, '\n') < 0 && str_find(s, '\r') < 0;
}

static const char *read_rows(struct str body, struct reading *reading)
{
    static const char fault_names[] = "the names are not those of etatpaiement";
    struct str names = STR(INSTALMENT_NAMES), row;
    const char *second = memmem(body.ptr, body.len, names.ptr, names.len);
    struct str payments = second ? str_slice(body.ptr, (size_t)(second - body.ptr)) : body;

    if (!take_names(payments, STR(PAYMENT_NAMES), &row))
        return fault_names;
    if (!is_one_line(row) || !split_row(row, PAYMENT_COLUMNS, LABEL, reading->payment))
        return "not exactly one row of a payment";
    reading->has_instalment = second && body.len > payments.len + names.len;
    if (!reading->has_instalment)
        return NULL;
    if (!take_names(str_slice(second, body.len - payments.len), names, &row))
        return fault_names;
    if (!is_one_line(row) || !split_row(row, INSTALMENT_COLUMNS, INSTALMENT_LABEL, reading->instalment))
        return "not exactly one row of an instalment";
    return NULL;
}

/* An instalment that says something else than the payment makes it say nothing. */
static enum meaning meaning_together(const struct reading *reading)
{
    enum meaning payment = meaning_of(reading->contract, reading->payment[STATE]);
    enum meaning instalment =
        reading->has_instalment ? meaning_of(reading->contract, reading->instalment[INSTALMENT_STATE]) : MEANS_NOTHING;
    if (payment == MEANS_ACCEPTED)
        return instalment == MEANS_ACCEPTED ? MEANS_ACCEPTED : MEANS_NOTHING;
    return !reading->has_instalment || instalment == payment ? payment : MEANS_NOTHING;
}

static struct str sent_value(const struct spplus_pairs *sent, const char *name)
{
    const struct spplus_pair *pair = spplus_find_pair(sent, name);
    return pair ? pair->value : STR_NULL;
}

static const char *find_fault(const struct reading *reading, struct str reference, const struct spplus_pairs *sent,
                              const struct payment_report *report)
{
    const struct gateway_contract *contract = reading->contract;
    if (!str_eq(reading->payment[REFERENCE], reference))
        return "la référence n'est pas celle qui a été demandée";
    if (!str_eq(sent_value(sent, "siret"), contract->merchant_id) ||
        !str_eq(sent_value(sent, "reference"), reference) || report->amount_cents <= 0)
        return "aucune demande n'a été envoyée à la banque sous cette référence";
    if (payment_report_is_money(report->kind) && !spplus_is_bank_ref(report->bank_ref, contract->bank_ref_len))
        return "le numéro d'opération n'a pas le nombre de chiffres prévu au contrat";
    return NULL;
}

static struct gateway_judgement judge(const struct reading *reading, enum meaning meaning, struct str reference,
                                      struct str sent)
{
    struct spplus_pairs request = {0};
    struct gateway_judgement judgement = {.report = {.contract_id = reading->contract->id}};
    struct payment_report *report = &judgement.report;
    struct str bank_ref = reading->payment[BANK_REF], state = reading->payment[STATE];

    if (spplus_read_pairs(sent, &request) != 0)
        request.count = 0;
    report->kind = meaning == MEANS_ACCEPTED  ? REPORT_ACCEPTED
                   : meaning == MEANS_REFUSED ? REPORT_REFUSED
                                              : REPORT_CANCELLED;
    (void)money_parse_bank(sent_value(&request, "montant"), &report->amount_cents);
    report->currency = sent_value(&request, "devise");
    if (spplus_is_bank_ref(bank_ref, bank_ref.len))
        report->bank_ref = bank_ref;
    judgement.bank_code = str_slice(state.ptr, state.len < GATEWAY_BANK_CODE_MAX ? state.len : GATEWAY_BANK_CODE_MAX);
    judgement.shape_fault = find_fault(reading, reference, &request, report);
    judgement.shape_ok = judgement.shape_fault == NULL;
    return judgement;
}

static struct gateway_answer unclear(const char *fault)
{
    return (struct gateway_answer){.kind = GATEWAY_ANSWER_UNCLEAR, .fault = fault};
}

/* The payment is not decided, or the bank has it not. */
static struct gateway_answer undecided(enum meaning meaning, struct str state)
{
    if (meaning == MEANS_OPEN)
        return (struct gateway_answer){.kind = GATEWAY_ANSWER_OPEN, .state = state};
    if (meaning == MEANS_UNKNOWN)
        return (struct gateway_answer){.kind = GATEWAY_ANSWER_UNKNOWN, .state = state};
    struct gateway_answer answer = unclear("words whose meaning is not known");
    answer.state = state;
    return answer;
}

/* "TERMINE/EN_ATTENTE_DE_REMISE" */
static struct str name_states(const struct reading *reading, struct arena *arena)
{
    static const size_t word_max = GATEWAY_ANSWER_STATE_MAX / 2 - 1;
    struct str payment = reading->payment[STATE], instalment = reading->instalment[INSTALMENT_STATE];
    payment.len = payment.len < word_max ? payment.len : word_max;
    instalment.len = instalment.len < word_max ? instalment.len : word_max;
    return arena_printf(arena, "%.*s/%.*s", STR_ARG(payment), STR_ARG(instalment));
}

struct gateway_answer spplus_read_answer(const struct gateway_contract *contract, struct str reference, struct str sent,
                                         struct str body, struct arena *arena)
{
    struct reading reading = {.contract = contract};
    struct str text = str_trim(body);

    if (body.len > GATEWAY_ANSWER_MAX || text.len == 0 || !is_text(text))
        return unclear("empty, too long, or not a text");
    if (str_starts_with(text, STR(ERROR_TEXT)))
        return undecided(meaning_of(contract, STR(ERROR_TEXT)), STR(ERROR_TEXT));
    const char *fault = read_rows(text, &reading);
    if (fault)
        return unclear(fault);
    enum meaning meaning = meaning_together(&reading);
    struct str states = name_states(&reading, arena);
    if (meaning == MEANS_NOTHING || meaning == MEANS_OPEN || meaning == MEANS_UNKNOWN)
        return undecided(meaning, states);
    return (struct gateway_answer){
        .kind = GATEWAY_ANSWER_REPORTED,
        .state = states,
        .judgement = judge(&reading, meaning, reference, sent),
    };
}
