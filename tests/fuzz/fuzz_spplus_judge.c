/* Who may be credited: one seal fits every way of cutting the same bytes. The bank seals a genuine call, whose address
 * the parent chose; a forger cuts its values anew. Whatever the cuts, the forgery never credits a payment that the
 * genuine call does not credit.
 *
 * The input: the code, flags, the digits of refsfp, how far each cut is moved, a name to put in or leave out; the rest
 * is the address. */
#include "common/money.h"
#include "fuzz/sealed_call.h"

enum { NAMES = 14, VERSION = 11, EMAIL = 9, FORGED_MAX = NAMES + 1, BANK_REF_LEN = 8, EMAIL_MAX = 200 };
enum { WITHOUT_VERSION = 1, FORGED_WITHOUT_VERSION = 2, FORGED_WITH_EXTRA = 4, ESCAPED = 8 };

static const char *const names[NAMES] = {"siret", "reference", "langue", "devise",    "montant", "taxe", "validite",
                                         "moyen", "modalite",  "email",  "urlretour", "version", "etat", "refsfp"};
static const char *const codes[] = {"0",  "1",  "2",  "4",  "5",  "6",  "8",  "10", "11",
                                    "12", "15", "16", "17", "20", "21", "30", "99", "7"};
static struct buf sent, written, forged;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const struct gateway_payment payment = {
        .reference = STR("dem20261123061201ab1"),
        .amount_cents = 15850,
        .currency = STR("978"),
        .email = STR("jean.1@ecole.c1"),
        .means = STR("CBS"),
        .return_url = STR("https://cantine.example.org/retour-banque"),
        .valid_until = STR("24/11/2026"),
    };
    (void)argc;
    (void)argv;
    sealed_init();
    buf_init(&sent, GATEWAY_RAW_MAX);
    buf_init(&written, GATEWAY_RAW_MAX);
    buf_init(&forged, GATEWAY_RAW_MAX);
    return gateway_spplus.build_request(&sealed_contract, &payment, NULL, &sent);
}

struct call {
    struct str values[NAMES];
    const char *code;
    bool has_version;
};

/* The parent's address: anything but what would end its pair. */
static struct str read_email(struct str rest, struct arena *arena)
{
    char *email = arena_text(arena, rest.len < EMAIL_MAX ? rest : str_slice(rest.ptr, EMAIL_MAX));
    for (size_t i = 0; email[i]; i++) {
        if (email[i] == '&')
            email[i] = '1';
    }
    return str_from(email);
}

/* As the bank sends it: the values of the request, raw. */
static void make_genuine(struct call *call, struct str *rest, struct arena *arena, unsigned flags)
{
    struct spplus_pairs request;
    char digits[24];

    FUZZ_CHECK(spplus_read_pairs(buf_str(&sent), &request) == 0);
    for (size_t i = 0; i < NAMES - 2; i++) {
        struct str value = STR_NULL;
        FUZZ_CHECK(decode_percent(arena, request.items[i].value, false, &value) == 0);
        call->values[i] = flags & ESCAPED ? request.items[i].value : value;
    }
    call->code = codes[fuzz_byte(rest) % (sizeof codes / sizeof codes[0])];
    call->has_version = !(flags & WITHOUT_VERSION);
    snprintf(digits, sizeof digits, "%08u", (unsigned)(fuzz_number(rest) % 100000000u));
    call->values[NAMES - 2] = str_from(call->code);
    call->values[NAMES - 1] = arena_str(arena, str_from(digits));
}

static void put_pair(struct buf *out, const char *name, struct str value)
{
    if (out->len > 0)
        buf_append_char(out, '&');
    buf_append_text(out, name);
    buf_append_char(out, '=');
    buf_append(out, value);
}

static struct str write_call(const struct call *call, struct buf *out)
{
    buf_clear(out);
    for (size_t i = 0; i < NAMES; i++) {
        if (i != VERSION || call->has_version)
            put_pair(out, names[i], call->values[i]);
    }
    return buf_str(out);
}

/* The values of `original` under the same names, each cut moved by what the input says. */
static struct str forge(const struct call *genuine, struct str original, const int8_t moves[FORGED_MAX], unsigned flags,
                        struct arena *arena, struct buf *out)
{
    size_t pairs, seals, begin = 0, end = 0;
    struct str values = joined_values(original, arena, &pairs, &seals);

    buf_clear(out);
    for (size_t i = 0; i < NAMES; i++) {
        end += i != VERSION || genuine->has_version ? genuine->values[i].len : 0;
        if (i == VERSION && flags & FORGED_WITHOUT_VERSION)
            continue;
        int64_t cut = i == NAMES - 1 ? (int64_t)values.len : (int64_t)end + moves[i];
        size_t at = cut < (int64_t)begin ? begin : cut > (int64_t)values.len ? values.len : (size_t)cut;
        if (i == (uint8_t)moves[NAMES] % NAMES && flags & FORGED_WITH_EXTRA)
            put_pair(out, names[(uint8_t)moves[NAMES] / NAMES % NAMES], STR(""));
        put_pair(out, names[i], str_slice(values.ptr + begin, at - begin));
        begin = at;
    }
    return buf_str(out);
}

static bool credits(struct str raw, struct arena *arena, struct gateway_judgement *ret)
{
    struct payment_facts facts = {PAYMENT_PENDING, 15850, STR("978"), sealed_contract.id, STR_NULL, false};
    *ret = gateway_spplus.judge(&sealed_contract, buf_str(&sent), raw, arena);
    return ret->shape_ok && payment_decide(&facts, &ret->report).credit;
}

static void check_forgery(const struct call *genuine, struct str original, struct str forgery, struct arena *arena)
{
    struct gateway_judgement said, heard;
    size_t pairs, seals;

    FUZZ_CHECK(str_eq(joined_values(original, arena, &pairs, &seals), joined_values(forgery, arena, &pairs, &seals)));
    bool original_credits = credits(original, arena, &said);
    if (!credits(forgery, arena, &heard))
        return;
    /* The one exception that spplus_judge.c explains. */
    if (!genuine->has_version && strcmp(genuine->code, "11") == 0)
        return;
    FUZZ_CHECK(original_credits);
    FUZZ_CHECK(str_eq(said.report.bank_ref, heard.report.bank_ref));
    FUZZ_CHECK(said.report.amount_cents == heard.report.amount_cents);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = fuzz_str(data, size);
    struct call genuine;
    int8_t moves[FORGED_MAX];
    struct arena arena;

    arena_init(&arena, FUZZ_ARENA_MAX);
    unsigned flags = fuzz_byte(&rest);
    make_genuine(&genuine, &rest, &arena, flags);
    for (size_t i = 0; i < FORGED_MAX; i++)
        moves[i] = (int8_t)fuzz_byte(&rest);
    if (rest.len > 0)
        genuine.values[EMAIL] = read_email(rest, &arena);
    struct str original = write_call(&genuine, &written);
    check_forgery(&genuine, original, forge(&genuine, original, moves, flags, &arena, &forged), &arena);
    arena_done(&arena);
    return 0;
}
