#include "common/gateway/spplus.h"

#include "common/encode.h"
#include "common/err.h"
#include "common/mail_address.h"
#include "common/money.h"

enum {
    SIRET_DIGITS = 14,
    SIRET_SUFFIX_MIN = 2,
    SIRET_SUFFIX_MAX = 3,
    REFERENCE_MAX = 20,
    URL_MAX = 255,
    BRAND_LEN = 3
};

/* calcul_hmac covers the first seven parameters, in this order, decoded (bank-protocols.md §1.3). */
enum { SEALED_VALUES = 7 };

#define DEMONSTRATION_SIRET "00000000000001"

static bool all_digits(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    }
    return true;
}

/* Sources have the site number with two and with three digits. */
bool spplus_is_siret(struct str s)
{
    struct str suffix;
    struct str number = str_cut(s, '-', &suffix);
    return number.len == SIRET_DIGITS && all_digits(number) && suffix.len >= SIRET_SUFFIX_MIN &&
           suffix.len <= SIRET_SUFFIX_MAX && all_digits(suffix);
}

bool spplus_is_reference(struct str s)
{
    static const char allowed[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-";
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\0' || !strchr(allowed, s.ptr[i]))
            return false;
    }
    return s.len > 0 && s.len <= REFERENCE_MAX;
}

static bool is_date(struct str s)
{
    return s.len == 10 && s.ptr[2] == '/' && s.ptr[5] == '/' && all_digits(str_slice(s.ptr, 2)) &&
           all_digits(str_slice(s.ptr + 3, 2)) && all_digits(str_slice(s.ptr + 6, 4));
}

static bool is_url(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
            return false;
    }
    return s.len <= URL_MAX && (str_starts_with(s, STR("https://")) || str_starts_with(s, STR("http://")));
}

static bool is_listed(struct str brand, struct str list)
{
    while (list.ptr) {
        if (str_eq(str_trim(str_cut(list, ',', &list)), brand))
            return brand.len == BRAND_LEN;
    }
    return false;
}

static bool can_be_sent(const struct gateway_contract *contract, const struct gateway_payment *payment)
{
    return spplus_is_siret(contract->merchant_id) && spplus_is_reference(payment->reference) &&
           payment->currency.len == 3 && all_digits(payment->currency) &&
           str_eq(payment->currency, contract->currency) && payment->amount_cents > 0 &&
           payment->amount_cents <= MONEY_CENTS_MAX && is_date(payment->valid_until) &&
           is_listed(payment->means, contract->means) && mail_address_is_valid(payment->email) &&
           is_url(payment->return_url);
}

static int build_request(const struct gateway_contract *contract, const struct gateway_payment *payment,
                         struct arena *arena, struct buf *out)
{
    char montant[MONEY_TEXT_SIZE], seal[SPPLUS_SEAL_DIGITS + 1];
    struct str sealed[SEALED_VALUES];

    if (!can_be_sent(contract, payment))
        return ERR_INVALID;
    money_format_bank(payment->amount_cents, montant);
    const struct spplus_pair fields[] = {
        {STR("siret"), contract->merchant_id},   {STR("reference"), payment->reference},  {STR("langue"), STR("FR")},
        {STR("devise"), payment->currency},      {STR("montant"), str_from(montant)},     {STR("taxe"), STR("0.00")},
        {STR("validite"), payment->valid_until}, {STR("moyen"), payment->means},          {STR("modalite"), STR("1x")},
        {STR("email"), payment->email},          {STR("urlretour"), payment->return_url}, {STR("version"), STR("1")},
    };
    (void)arena;
    for (size_t i = 0; i < SEALED_VALUES; i++)
        sealed[i] = fields[i].value;
    spplus_seal(contract->key, sealed, SEALED_VALUES, seal);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        buf_append(out, fields[i].name);
        buf_append_char(out, '=');
        encode_percent(out, fields[i].value);
        buf_append_char(out, '&');
    }
    buf_printf(out, "hmac=%s", seal);
    return buf_ok(out) ? 0 : ERR_TOO_LARGE;
}

static struct str read_value(const struct spplus_pairs *pairs, const char *name, struct arena *arena)
{
    const struct spplus_pair *pair = spplus_find_pair(pairs, name);
    struct str value = STR_NULL;

    if (!pair || decode_percent(arena, pair->value, false, &value) != 0)
        return STR_NULL;
    return value;
}

static struct gateway_call read_call(struct str raw, struct arena *arena)
{
    struct spplus_pairs pairs;
    struct str unsealed;

    if (spplus_read_pairs(raw, &pairs) != 0) {
        unsealed = spplus_unseal(raw, NULL, arena);
        return (struct gateway_call){.unsealed = unsealed, .has_seal = unsealed.len < raw.len};
    }
    unsealed = spplus_unseal(raw, &pairs, arena);
    size_t used = offsetof(struct spplus_pairs, items) + pairs.count * sizeof pairs.items[0];
    return (struct gateway_call){
        .merchant_id = read_value(&pairs, "siret", arena),
        .reference = read_value(&pairs, "reference", arena),
        .unsealed = unsealed,
        .has_seal = unsealed.len < raw.len,
        .parts = memcpy(arena_room(arena, used), &pairs, used),
    };
}

static bool is_demonstration(struct str merchant_id, struct str material)
{
    struct str suffix;
    return str_eq_text(str_cut(merchant_id, '-', &suffix), DEMONSTRATION_SIRET) ||
           spplus_key_is_demonstration(material);
}

const struct gateway gateway_spplus = {
    .name = "spplus",
    .build_request = build_request,
    .read_call = read_call,
    .verify = spplus_verify,
    .judge = spplus_judge,
    .build_query = spplus_build_query,
    .read_answer = spplus_read_answer,
    .check_query_states = spplus_check_query_states,
    .key_new = spplus_key_new,
    .key_free = spplus_key_free,
    .is_demonstration = is_demonstration,
    .ack_body = "spcheckok",
};
