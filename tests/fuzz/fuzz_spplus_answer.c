/* What the bank answers when it is asked about a payment. Whatever the body: it credits only if it names the payment
 * that was asked for, twice says in words that it was accepted, and carries a number of the contract's length; for the
 * amount that was sent, and never for another payment or another contract's request. */
#include "common/payment_state.h"
#include "fuzz/sealed_call.h"

#define REFERENCE  "dem20261123061201ab1"
#define SENT_SIRET "siret=12345678901234-01"
#define SENT_REST  "&reference=" REFERENCE "&langue=FR&devise=978&montant=158.50&taxe=0.00&version=1&hmac=00"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    sealed_init();
    sealed_contract.query_states =
        STR("ACCEPTE:accepted,ANNULE:abandoned,EN_COURS:open,INCONNU:unknown,spadminko:unknown");
    return gateway_spplus.check_query_states(sealed_contract.query_states) ? -1 : 0;
}

static size_t count(struct str body, struct str word)
{
    size_t n = 0;
    for (size_t i = 0; i + word.len <= body.len; i++)
        n += memcmp(body.ptr + i, word.ptr, word.len) == 0;
    return n;
}

static bool credits(struct str reference, struct str sent, struct str body, struct arena *arena,
                    struct gateway_answer *ret)
{
    struct payment_facts facts = {PAYMENT_PENDING, 15850, STR("978"), sealed_contract.id, STR_NULL, false};
    *ret = gateway_spplus.read_answer(&sealed_contract, reference, sent, body, arena);
    return ret->kind == GATEWAY_ANSWER_REPORTED && ret->judgement.shape_ok &&
           payment_decide(&facts, &ret->judgement.report).credit;
}

static void check_answer(const struct gateway_answer *answer)
{
    FUZZ_CHECK(answer->kind > GATEWAY_ANSWER_FAILED && answer->kind < GATEWAY_ANSWER_KIND_COUNT);
    FUZZ_CHECK((answer->kind == GATEWAY_ANSWER_UNCLEAR) == (answer->fault != NULL));
    FUZZ_CHECK(answer->state.len <= GATEWAY_ANSWER_STATE_MAX);
    if (answer->kind != GATEWAY_ANSWER_REPORTED)
        return;
    FUZZ_CHECK(str_is_utf8(answer->state) && !str_has_control(answer->state, ""));
    FUZZ_CHECK(answer->judgement.bank_code.len <= GATEWAY_BANK_CODE_MAX && str_is_utf8(answer->judgement.bank_code));
    FUZZ_CHECK(answer->judgement.report.bank_ref.len <= GATEWAY_BANK_REF_MAX);
}

static void check_credit(const struct gateway_answer *answer, struct str body, struct arena *arena)
{
    const struct payment_report *report = &answer->judgement.report;
    struct gateway_answer other;

    FUZZ_CHECK(count(body, STR(REFERENCE)) >= 1);
    FUZZ_CHECK(count(body, STR("TERMINE")) + count(body, STR("EN_ATTENTE_DE_REMISE")) + count(body, STR("ACCEPTE")) >=
               2);
    FUZZ_CHECK(report->amount_cents == 15850 && str_eq(report->currency, STR("978")));
    FUZZ_CHECK(report->bank_ref.len == sealed_contract.bank_ref_len && count(body, report->bank_ref) >= 1);
    FUZZ_CHECK(!credits(STR("dem20261123061201ab2"), STR(SENT_SIRET SENT_REST), body, arena, &other));
    FUZZ_CHECK(!credits(STR(REFERENCE), STR("siret=12345678901234-02" SENT_REST), body, arena, &other));
    FUZZ_CHECK(!credits(STR(REFERENCE), STR(""), body, arena, &other));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = fuzz_str(data, size);
    struct gateway_answer answer;
    struct arena arena;

    arena_init(&arena, FUZZ_ARENA_MAX);
    bool credited = credits(STR(REFERENCE), STR(SENT_SIRET SENT_REST), body, &arena, &answer);
    check_answer(&answer);
    if (credited)
        check_credit(&answer, body, &arena);
    (void)gateway_spplus.check_query_states(body);
    arena_done(&arena);
    return 0;
}
