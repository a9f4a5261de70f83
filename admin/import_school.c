/* school.ini: the school and its contract with the bank. */
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/import.h"
#include "admin/import_text.h"
#include "common/err.h"
#include "common/gateway/gateway.h"
#include "common/mail_address.h"
#include "common/money.h"

enum { SCHOOL_FILE_MAX = 1 << 20, BANK_REF_LEN_MAX = 40 };

static const char file_name[] = "school.ini";

/* `check` is NULL where any text will do, or returns what is expected. */
struct key {
    const char *section, *name;
    const char *fallback; /* NULL: required */
    unsigned length_max;  /* characters */
    size_t offset;        /* of a struct str in struct raw */
    const char *(*check)(struct str value);
};

struct raw {
    struct str uai, name, kind, city, bursar_email, bursar_phone, reference_prefix, amount_min, amount_max,
        part_payment, couleur, logo;
    struct str gateway, merchant_id, key, key_file, payment_url, currency, bank_ref_len, callback_extra, means,
        query_url, query_states;
};

static bool all_of(struct str s, const char *allowed)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!strchr(allowed, s.ptr[i]))
            return false;
    }
    return true;
}

#define DIGITS   "0123456789"
#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static const char *check_uai(struct str s)
{
    bool good = s.len == 8 && all_of(str_slice(s.ptr, 7), DIGITS) && all_of(str_slice(s.ptr + 7, 1), CAPITALS);
    return good ? NULL : "seven digits and a capital letter, as 0130001A";
}

static const char *check_kind(struct str s)
{
    bool good = str_eq_text(s, "college") || str_eq_text(s, "lycee") || str_eq_text(s, "cite");
    return good ? NULL : "college, lycee or cite";
}

static const char *check_mail(struct str s)
{
    return mail_address_is_valid(s) ? NULL : "an e-mail address";
}

static const char *check_prefix(struct str s)
{
    return s.len == 3 && all_of(s, "abcdefghijklmnopqrstuvwxyz") ? NULL : "three letters from a to z";
}

static const char *check_money(struct str s)
{
    int64_t cents;
    return money_parse(s, &cents) == 0 && cents > 0 ? NULL : "an amount, as 10 000,00";
}

static const char *check_yes_no(struct str s)
{
    return str_eq_text(s, "yes") || str_eq_text(s, "no") ? NULL : "yes or no";
}

static const char *check_colour(struct str s)
{
    struct colour colour;
    return colour_parse(s, &colour) == 0 ? NULL : "a colour, as #7b2d5e";
}

static const char *check_gateway(struct str s)
{
    return gateway_find(s) ? NULL : "the name of a known bank gateway, as spplus";
}

static const char *check_currency(struct str s)
{
    return s.len == 3 && all_of(s, DIGITS) ? NULL : "an ISO 4217 number, as 978";
}

static const char *check_ref_len(struct str s)
{
    int64_t number;
    return str_to_u63(s, &number) == 0 && number >= 1 && number <= BANK_REF_LEN_MAX ? NULL : "a number from 1 to 40";
}

static const char *check_names(struct str s)
{
    return all_of(s, DIGITS CAPITALS "abcdefghijklmnopqrstuvwxyz_,") ? NULL : "names, comma-separated";
}

static const char *check_url(struct str s)
{
    bool good = (str_starts_with(s, STR("https://")) || str_starts_with(s, STR("http://"))) && str_find(s, ' ') < 0;
    return good ? NULL : "the address of the bank's payment page";
}

/* The question's own parameters follow a "?". */
static const char *check_query_url(struct str s)
{
    return check_url(s) || str_find(s, '?') >= 0 ? "the address where the bank answers questions, without \"?\"" : NULL;
}

#define KEY(section, name, fallback, length_max, check)                         \
    {                                                                           \
        section, #name, fallback, length_max, offsetof(struct raw, name), check \
    }

static const struct key keys[] = {
    KEY("school", uai, NULL, 8, check_uai),
    KEY("school", name, NULL, 120, NULL),
    KEY("school", kind, NULL, 8, check_kind),
    KEY("school", city, "", 80, NULL),
    KEY("school", bursar_email, NULL, MAIL_ADDRESS_MAX, check_mail),
    KEY("school", bursar_phone, "", 20, NULL),
    KEY("school", reference_prefix, "dem", 3, check_prefix),
    KEY("school", amount_min, "1", 20, check_money),
    KEY("school", amount_max, "10000", 20, check_money),
    KEY("school", part_payment, "no", 3, check_yes_no),
    KEY("school", couleur, "", 7, check_colour),
    KEY("school", logo, "", 200, NULL),
    KEY("bank", gateway, NULL, 16, check_gateway),
    KEY("bank", merchant_id, NULL, 40, NULL),
    KEY("bank", key, "", 400, NULL),
    KEY("bank", key_file, "", 200, NULL),
    KEY("bank", payment_url, NULL, 255, check_url),
    KEY("bank", currency, "978", 3, check_currency),
    KEY("bank", bank_ref_len, "8", 2, check_ref_len),
    KEY("bank", callback_extra, "", 255, check_names),
    KEY("bank", means, "CBS", 80, check_names),
    KEY("bank", query_url, "", 255, check_query_url),
    KEY("bank", query_states, "", 400, NULL),
};

enum { KEY_COUNT = sizeof keys / sizeof keys[0] };

struct reader {
    struct import *import;
    struct str rest; /* of the file */
    struct raw raw;
    unsigned line;
    unsigned lines[KEY_COUNT]; /* 0: not set */
};

static void __attribute__((format(printf, 3, 4))) fault(struct reader *reader, unsigned line, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    import_fault(&reader->import->faults, file_name, line, 0, "%s", text);
}

static struct str *member(struct reader *reader, const struct key *key)
{
    return (struct str *)((char *)&reader->raw + key->offset);
}

static int on_pair(void *user, const char *section, const char *name, const char *text)
{
    struct reader *reader = user;
    struct str value = str_from(text);
    size_t i = 0;

    while (i < KEY_COUNT && (strcmp(keys[i].section, section) != 0 || strcmp(keys[i].name, name) != 0))
        i++;
    if (i == KEY_COUNT) {
        fault(reader, reader->line, "[%s] has no key \"%s\"", section, name);
        return 1;
    }
    const char *expected = keys[i].check && value.len ? keys[i].check(value) : NULL;
    if (reader->lines[i])
        fault(reader, reader->line, "[%s] %s was set in line %u already", section, name, reader->lines[i]);
    else if (value.len == 0 && !keys[i].fallback)
        fault(reader, reader->line, "[%s] %s is empty", section, name);
    else if (expected)
        fault(reader, reader->line, "[%s] %s: expected %s", section, name, expected);
    else if (str_has_control(value, "") || str_utf8_length(value) > keys[i].length_max)
        fault(reader, reader->line, "[%s] %s: expected at most %u characters", section, name, keys[i].length_max);
    else if (value.len)
        *member(reader, &keys[i]) = arena_str(&reader->import->arena, value);
    reader->lines[i] = reader->line;
    return 1;
}

/* As fgets, out of the text that is in memory already. A line that does not fit is a fault and left out. */
static char *read_line(char *line, int size, void *stream)
{
    struct reader *reader = stream;
    if (reader->rest.len == 0)
        return NULL;
    struct str text = str_cut(reader->rest, '\n', &reader->rest);
    reader->line++;
    if (text.len + 2 > (size_t)size) {
        fault(reader, reader->line, "the line is longer than %d bytes", size - 2);
        text.len = 0;
    }
    memcpy(line, text.ptr, text.len);
    memcpy(line + text.len, "\n", 2);
    return line;
}

static void check_required(struct reader *reader)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (!keys[i].fallback && !reader->lines[i])
            fault(reader, reader->line, "[%s] %s is missing", keys[i].section, keys[i].name);
    }
}

static unsigned line_of(const struct reader *reader, const char *name)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(keys[i].name, name) == 0 && reader->lines[i])
            return reader->lines[i];
    }
    return reader->line;
}

/* Paths in school.ini are relative to its directory. */
static const char *resolve_path(struct reader *reader, struct str path)
{
    if (path.ptr[0] == '/')
        return path.ptr;
    return arena_printf(&reader->import->arena, "%s/%.*s", reader->import->directory, STR_ARG(path)).ptr;
}

static struct str read_key_file(struct reader *reader)
{
    struct import *import = reader->import;
    char *secret = NULL;
    const char *path = resolve_path(reader, reader->raw.key_file);

    if (config_read_secret(path, &secret)) {
        fault(reader, line_of(reader, "key_file"), "[bank] key_file: %s cannot be read", path);
        return STR_NULL;
    }
    struct str key = arena_str(&import->arena, str_trim(str_from(secret)));
    explicit_bzero(secret, strlen(secret));
    free(secret);
    return key;
}

/* The key must be of the gateway's form, and the published demonstration shop must not take real families' payments. */
static void check_contract(struct reader *reader)
{
    struct import *import = reader->import;
    struct import_contract *contract = &import->contract;
    const struct gateway *gateway = gateway_find(contract->gateway);
    struct gateway_key *key = NULL;

    int err = gateway->key_new(contract->key, &key);
    if (err)
        fault(reader, line_of(reader, "key"), "[bank] key: %s",
              err == ERR_UNAVAILABLE ? "this host cannot decrypt it; give the working key"
                                     : "expected the bank's key in hex");
    gateway->key_free(key);
    if (import->config->site.mode == CONFIG_DEMONSTRATION)
        return;
    if (gateway->is_demonstration(contract->merchant_id, contract->key))
        fault(reader, line_of(reader, "merchant_id"),
              "[bank] is the bank's published demonstration shop; it needs [site] mode = demonstration");
    if (!str_starts_with(contract->payment_url, STR("https://")))
        fault(reader, line_of(reader, "payment_url"), "[bank] payment_url: expected https://");
    if (contract->query_url.len && !str_starts_with(contract->query_url, STR("https://")))
        fault(reader, line_of(reader, "query_url"), "[bank] query_url: expected https://");
}

static void check_query(struct reader *reader)
{
    const struct import_contract *contract = &reader->import->contract;
    const struct gateway *gateway = gateway_find(contract->gateway);
    const char *expected = gateway->check_query_states ? gateway->check_query_states(contract->query_states) : NULL;

    if (contract->query_url.len && !gateway->build_query)
        fault(reader, line_of(reader, "query_url"), "[bank] query_url: this gateway cannot be asked");
    if (expected)
        fault(reader, line_of(reader, "query_states"), "[bank] query_states: expected %s", expected);
}

/* Where "path" begins in "scheme://host:port/path". */
static size_t origin_len(struct str url)
{
    struct str rest;
    (void)str_cut(url, '/', &rest); /* scheme */
    (void)str_cut(rest, '/', &rest);
    (void)str_cut(rest, '/', &rest);
    return rest.ptr ? (size_t)(rest.ptr - url.ptr) - 1 : url.len;
}

/* Another payment page is another bank's: a simulator answers questions too. */
static void move_bank(struct reader *reader, struct str bank_url)
{
    struct import_contract *contract = &reader->import->contract;
    size_t len = origin_len(contract->query_url);
    contract->payment_url = bank_url;
    if (contract->query_url.len)
        contract->query_url = arena_printf(&reader->import->arena, "%.*s%.*s", (int)origin_len(bank_url), bank_url.ptr,
                                           (int)(contract->query_url.len - len), contract->query_url.ptr + len);
}

static void take_contract(struct reader *reader)
{
    struct raw *raw = &reader->raw;
    struct import_contract *contract = &reader->import->contract;

    *contract = (struct import_contract){.gateway = raw->gateway,
                                         .merchant_id = raw->merchant_id,
                                         .payment_url = raw->payment_url,
                                         .currency = raw->currency,
                                         .callback_extra = raw->callback_extra,
                                         .means = raw->means,
                                         .query_url = raw->query_url,
                                         .query_states = raw->query_states,
                                         .key = raw->key_file.len ? read_key_file(reader) : raw->key};
    str_to_u63(raw->bank_ref_len, &contract->bank_ref_len);
    if (reader->import->bank_url)
        move_bank(reader, str_from(reader->import->bank_url));
    check_query(reader);
    if (!raw->key.len == !raw->key_file.len)
        fault(reader, line_of(reader, "key"), "[bank] expected key or key_file");
    else if (contract->key.len)
        check_contract(reader);
}

static struct str upper(struct arena *arena, struct str s)
{
    char *text = arena_text(arena, s);
    for (size_t i = 0; i < s.len; i++)
        text[i] = (char)(text[i] - ('a' - 'A'));
    return str_slice(text, s.len);
}

static void take_identity(struct reader *reader)
{
    struct import_school *school = &reader->import->school;
    struct arena *arena = &reader->import->arena;
    struct colour colour;

    if (reader->raw.couleur.len && colour_parse(reader->raw.couleur, &colour) == 0) {
        school->colour = reader->raw.couleur;
        school->sheet = import_sheet(colour, arena);
    }
    if (reader->raw.logo.len == 0)
        return;
    const char *path = resolve_path(reader, reader->raw.logo);
    const char *expected = import_logo(path, arena, &school->logo);
    if (expected)
        fault(reader, line_of(reader, "logo"), "[school] logo: %s: expected %s", path, expected);
}

static void take_school(struct reader *reader)
{
    struct raw *raw = &reader->raw;
    struct import_school *school = &reader->import->school;

    *school = (struct import_school){.uai = raw->uai,
                                     .name = raw->name,
                                     .kind = upper(&reader->import->arena, raw->kind),
                                     .city = raw->city,
                                     .bursar_email = raw->bursar_email,
                                     .bursar_phone = raw->bursar_phone,
                                     .reference_prefix = raw->reference_prefix,
                                     .part_payment_allowed = str_eq_text(raw->part_payment, "yes")};
    money_parse(raw->amount_min, &school->amount_min_cents);
    money_parse(raw->amount_max, &school->amount_max_cents);
    if (school->amount_max_cents < school->amount_min_cents)
        fault(reader, line_of(reader, "amount_max"), "[school] amount_max is less than amount_min");
}

void import_read_school(struct import *import)
{
    struct reader reader = {.import = import};
    unsigned before = import->faults.count;

    if (!import_text_read(import->directory, file_name, SCHOOL_FILE_MAX, &import->arena, &import->faults, &reader.rest))
        return;
    for (size_t i = 0; i < KEY_COUNT; i++)
        *member(&reader, &keys[i]) = str_from(keys[i].fallback);
    int line = ini_parse_stream(read_line, &reader, on_pair, &reader);
    if (line > 0)
        fault(&reader, (unsigned)line, "expected [section] or key = value");
    check_required(&reader);
    if (import->faults.count > before)
        return;
    take_school(&reader);
    take_identity(&reader);
    take_contract(&reader);
}
