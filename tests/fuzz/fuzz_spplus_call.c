/* A bank's call as anybody can send it: a seal is good exactly when the key made it over these values; what is read
 * from a call before anyone believes it is text; nothing credits without a request that was sent. */
#include "fuzz/sealed_call.h"

static bool is_sealed(struct str raw, struct arena *arena)
{
    char digits[SPPLUS_SEAL_DIGITS + 1];
    size_t pairs, seals;
    struct str message = joined_values(raw, arena, &pairs, &seals);
    const char *seal = memmem(raw.ptr, raw.len, "hmac=", 5);

    while (seal && seal != raw.ptr && seal[-1] != '&') /* the end of another name */
        seal = memmem(seal + 1, (size_t)(raw.ptr + raw.len - seal) - 1, "hmac=", 5);
    if (!seal || seals != 1 || pairs > GATEWAY_PAIRS_MAX || raw.len > GATEWAY_RAW_MAX)
        return false;
    struct str rest = str_slice(seal + 5, (size_t)(raw.ptr + raw.len - seal) - 5);
    seal_of(message, digits);
    return str_eq_nocase(str_cut(rest, '&', &rest), str_from(digits));
}

static void check_verify(struct str raw, struct arena *arena)
{
    struct gateway_call call = gateway_spplus.read_call(raw, arena);
    bool good = gateway_spplus.verify(&sealed_contract, &call) == GATEWAY_SEAL_GOOD;
    FUZZ_CHECK(good == is_sealed(raw, arena));
}

static struct str unseal(struct str raw, struct arena *arena)
{
    return gateway_spplus.read_call(raw, arena).unsealed;
}

/* The call with a good seal, then with one bit of it turned: what the seal says must be what the second reading says.
 */
static void check_forgery(struct str unsealed, struct arena *arena)
{
    char digits[SPPLUS_SEAL_DIGITS + 1];
    size_t pairs, seals;

    seal_of(joined_values(unsealed, arena, &pairs, &seals), digits);
    struct str sealed = arena_printf(arena, "%.*s&hmac=%s", STR_ARG(unsealed), digits);
    if (sealed.len != unsealed.len + 6 + SPPLUS_SEAL_DIGITS)
        return; /* a NUL ended the text */
    check_verify(sealed, arena);
    FUZZ_CHECK(str_eq(unseal(sealed, arena), unsealed));
    char *forged = arena_text(arena, sealed);
    uint32_t h = fuzz_hash(sealed);
    forged[h % sealed.len] ^= (char)(1 << (h >> 16) % 8);
    check_verify(str_slice(forged, sealed.len), arena);
}

static void check_text(struct str text)
{
    FUZZ_CHECK(str_is_utf8(text) && str_find(text, '\0') < 0);
}

static void check_judgement(const struct gateway_judgement *judgement)
{
    FUZZ_CHECK(!judgement->shape_ok && judgement->shape_fault);
    FUZZ_CHECK(judgement->report.bank_ref.len <= GATEWAY_BANK_REF_MAX);
    FUZZ_CHECK(judgement->bank_code.len <= GATEWAY_BANK_CODE_MAX);
    FUZZ_CHECK(judgement->report.amount_cents >= 0);
    check_text(judgement->report.currency);
    check_text(judgement->report.bank_ref);
    check_text(judgement->bank_code);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    sealed_init();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str raw = fuzz_str(data, size);
    struct arena arena;

    arena_init(&arena, FUZZ_ARENA_MAX);
    check_verify(raw, &arena);
    struct str unsealed = unseal(raw, &arena);
    FUZZ_CHECK(str_eq(unseal(unsealed, &arena), unsealed));
    check_forgery(unsealed, &arena);
    struct gateway_call call = gateway_spplus.read_call(raw, &arena);
    check_text(call.merchant_id);
    check_text(call.reference);
    struct gateway_judgement judgement = gateway_spplus.judge(&sealed_contract, STR(""), raw, &arena);
    check_judgement(&judgement);
    arena_done(&arena);
    return 0;
}
