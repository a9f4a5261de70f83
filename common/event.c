#include "common/event.h"

#include <assert.h>

#include "common/clock.h"
#include "common/digest.h"
#include "common/encode.h"
#include "common/err.h"
#include "common/mail_address.h"
#include "common/rand.h"

enum { ID_HEX_LEN = 2 * EVENT_ID_LEN, GATEWAY_NAME_MAX = 16, IP_TEXT_MAX = 45, USER_TEXT_MAX = 19 };
enum { LENGTH_BYTES = 4, COMMON_FIELDS = 4 };
/* Of a sound event, encoded. */
enum { ENCODED_MAX = EVENT_RAW_MAX + EVENT_MESSAGE_MAX + 4096 };

static const char *const kind_names[EVENT_KIND_COUNT] = {
    [EVENT_BANK_NOTIFICATION] = "bank_notification",
    [EVENT_PASSWORD_RESET_REQUESTED] = "password_reset_requested",
    [EVENT_PASSWORD_CHANGED] = "password_changed",
    [EVENT_EMAIL_CHANGED] = "email_changed",
    [EVENT_PAYMENT_DISCARDED] = "payment_discarded",
    [EVENT_PROBLEM_REPORTED] = "problem_reported",
    [EVENT_BANK_ANSWER] = "bank_answer",
};

/* The fields of each kind, beside v, id, kind and at. An address is never required: a payment must not be lost for want
 * of one. "unverified" is no text and is read and written apart. */
static const struct field {
    const char *name;
    enum event_kind kind;
    size_t offset; /* of a struct str in struct event */
    size_t len_max;
    bool required;
} kind_fields[] = {
    {"gateway", EVENT_BANK_NOTIFICATION, offsetof(struct event, gateway), GATEWAY_NAME_MAX, true},
    {"raw", EVENT_BANK_NOTIFICATION, offsetof(struct event, raw), EVENT_RAW_MAX, true},
    {"ip", EVENT_BANK_NOTIFICATION, offsetof(struct event, ip), IP_TEXT_MAX, false},
    {"login", EVENT_PASSWORD_RESET_REQUESTED, offsetof(struct event, login), EVENT_LOGIN_MAX, true},
    {"login", EVENT_PASSWORD_CHANGED, offsetof(struct event, login), EVENT_LOGIN_MAX, true},
    {"login", EVENT_EMAIL_CHANGED, offsetof(struct event, login), EVENT_LOGIN_MAX, true},
    {"email", EVENT_EMAIL_CHANGED, offsetof(struct event, email), MAIL_ADDRESS_MAX, true},
    {"ip", EVENT_PASSWORD_RESET_REQUESTED, offsetof(struct event, ip), IP_TEXT_MAX, false},
    {"reference", EVENT_PAYMENT_DISCARDED, offsetof(struct event, reference), EVENT_REFERENCE_MAX, true},
    {"user", EVENT_PAYMENT_DISCARDED, offsetof(struct event, user), USER_TEXT_MAX, true},
    {"reference", EVENT_PROBLEM_REPORTED, offsetof(struct event, reference), EVENT_REFERENCE_MAX, true},
    {"user", EVENT_PROBLEM_REPORTED, offsetof(struct event, user), USER_TEXT_MAX, true},
    {"message", EVENT_PROBLEM_REPORTED, offsetof(struct event, message), EVENT_MESSAGE_MAX, true},
};

const char *event_kind_name(enum event_kind kind)
{
    return kind_names[kind];
}

bool event_is_of_bank(const struct event *event)
{
    return event->kind == EVENT_BANK_NOTIFICATION || event->kind == EVENT_BANK_ANSWER;
}

void event_id_for_bank(struct str gateway, struct str unsealed, uint8_t out[EVENT_ID_LEN])
{
    const struct str parts[] = {gateway, STR("\0"), unsealed};
    digest_sha256_parts(parts, sizeof parts / sizeof parts[0], out);
}

void event_id_for_answer(struct str gateway, struct str reference, struct str state, struct str bank_ref,
                         uint8_t out[EVENT_ID_LEN])
{
    const struct str nul = STR("\0");
    const struct str parts[] = {gateway, nul, STR("query"), nul, reference, nul, state, nul, bank_ref};
    digest_sha256_parts(parts, sizeof parts / sizeof parts[0], out);
}

void event_id_random(uint8_t out[EVENT_ID_LEN])
{
    rand_bytes(out, EVENT_ID_LEN);
}

void event_digest(const struct event *event, uint8_t out[EVENT_ID_LEN])
{
    struct event said = *event;
    struct buf bytes;

    said.at_us = 0;
    said.ip = STR_NULL;
    buf_init(&bytes, ENCODED_MAX);
    event_encode(&said, &bytes);
    assert(buf_ok(&bytes));
    const struct str parts[] = {STR("event"), STR("\0"), buf_str(&bytes)};
    digest_sha256_parts(parts, sizeof parts / sizeof parts[0], out);
    buf_done(&bytes);
}

void event_entry_digest(const struct str *fields, size_t count, struct str form, uint8_t out[EVENT_ID_LEN])
{
    const struct str parts[] = {STR("entry"), STR("\0"), form};
    struct event event;

    if (event_from_fields(fields, count, &event) == 0)
        event_digest(&event, out);
    else
        digest_sha256_parts(parts, sizeof parts / sizeof parts[0], out);
}

/* An event as names and values, with the memory of those values that are not texts of the event. */
struct listing {
    struct str fields[2 * EVENT_FIELDS_MAX];
    size_t count;
    char id[ID_HEX_LEN + 1];
    char at[CLOCK_RFC3339_SIZE];
};
_Static_assert(COMMON_FIELDS + sizeof kind_fields / sizeof kind_fields[0] + 1 <= EVENT_FIELDS_MAX, "a listing fits");

static void put(struct listing *listing, const char *name, struct str value)
{
    listing->fields[listing->count++] = str_from(name);
    listing->fields[listing->count++] = value;
}

static struct str *text_of(struct event *event, const struct field *field)
{
    return (struct str *)((char *)event + field->offset);
}

bool event_is_sound(const struct event *event)
{
    struct event copy = *event;

    for (size_t i = 0; i < sizeof kind_fields / sizeof kind_fields[0]; i++) {
        const struct field *field = &kind_fields[i];
        size_t len = text_of(&copy, field)->len;
        if (field->kind == event->kind && (len > field->len_max || (len == 0 && field->required)))
            return false;
    }
    return event->kind != EVENT_BANK_ANSWER;
}

static void list_fields(const struct event *event, struct listing *listing)
{
    struct event copy = *event;

    listing->count = 0;
    encode_hex(event->id, EVENT_ID_LEN, listing->id);
    clock_to_rfc3339(event->at_us, listing->at);
    put(listing, "v", STR("1"));
    put(listing, "id", str_from(listing->id));
    put(listing, "kind", str_from(event_kind_name(event->kind)));
    put(listing, "at", str_from(listing->at));
    for (size_t i = 0; i < sizeof kind_fields / sizeof kind_fields[0]; i++) {
        const struct field *field = &kind_fields[i];
        struct str value = *text_of(&copy, field);
        if (field->kind != event->kind)
            continue;
        if (value.len > 0 || field->required)
            put(listing, field->name, value);
    }
    if (event->kind == EVENT_BANK_NOTIFICATION && event->unverified)
        put(listing, "unverified", STR("1"));
}

struct event event_copy(const struct event *event, struct arena *arena)
{
    struct event copy = *event;

    for (size_t i = 0; i < sizeof kind_fields / sizeof kind_fields[0]; i++) {
        struct str *text = text_of(&copy, &kind_fields[i]);
        if (kind_fields[i].kind == event->kind && text->len > 0)
            *text = arena_str(arena, *text);
    }
    return copy;
}

const struct str *event_to_fields(const struct event *event, struct arena *arena, size_t *ret_count)
{
    struct listing *listing = ARENA_NEW(arena, struct listing);
    list_fields(event, listing);
    *ret_count = listing->count;
    return listing->fields;
}

/* The value of `name`, once. *ret is STR_NULL when it is absent; ERR_INVALID when it stands there twice or is too long.
 */
static int find_field(const struct str *fields, size_t count, const char *name, size_t len_max, struct str *ret)
{
    struct str found = STR_NULL;
    size_t times = 0;

    for (size_t i = 0; i + 1 < count; i += 2) {
        if (!str_eq_text(fields[i], name))
            continue;
        found = fields[i + 1];
        times++;
    }
    if (times > 1 || found.len > len_max)
        return ERR_INVALID;
    *ret = found;
    return 0;
}

/* Before all else: of an event of a newer version nothing else is known, not even that it has an id. */
static int read_version_and_kind(const struct str *fields, size_t count, enum event_kind *ret_kind)
{
    struct str version, kind;
    int64_t number;

    if (find_field(fields, count, "v", 18, &version) != 0 || str_to_u63(version, &number) != 0)
        return ERR_INVALID;
    if (number != EVENT_VERSION)
        return ERR_NOT_FOUND;
    if (find_field(fields, count, "kind", SIZE_MAX, &kind) != 0 || kind.len == 0)
        return ERR_INVALID;
    for (int i = 0; i < EVENT_KIND_COUNT; i++) {
        if (str_eq_text(kind, kind_names[i])) {
            *ret_kind = (enum event_kind)i;
            return i == EVENT_BANK_ANSWER ? ERR_INVALID : 0;
        }
    }
    return ERR_NOT_FOUND;
}

static int read_kind_fields(const struct str *fields, size_t count, struct event *event)
{
    for (size_t i = 0; i < sizeof kind_fields / sizeof kind_fields[0]; i++) {
        const struct field *field = &kind_fields[i];
        if (field->kind != event->kind)
            continue;
        if (find_field(fields, count, field->name, field->len_max, text_of(event, field)) != 0)
            return ERR_INVALID;
    }
    return event_is_sound(event) ? 0 : ERR_INVALID;
}

static int read_unverified(const struct str *fields, size_t count, struct event *event)
{
    struct str value;

    if (event->kind != EVENT_BANK_NOTIFICATION)
        return 0;
    if (find_field(fields, count, "unverified", 1, &value) != 0)
        return ERR_INVALID;
    event->unverified = str_eq_text(value, "1");
    return event->unverified || !value.ptr ? 0 : ERR_INVALID;
}

int event_from_fields(const struct str *fields, size_t count, struct event *ret_event)
{
    struct event event = {0};
    struct str id, at;

    if (count % 2 != 0)
        return ERR_INVALID;
    int err = read_version_and_kind(fields, count, &event.kind);
    if (err != 0)
        return err;
    if (count > 2 * EVENT_ENTRY_FIELDS_MAX)
        return ERR_INVALID;
    if (find_field(fields, count, "id", ID_HEX_LEN, &id) != 0 || decode_hex(id, event.id, EVENT_ID_LEN) != 0)
        return ERR_INVALID;
    if (find_field(fields, count, "at", CLOCK_RFC3339_SIZE, &at) != 0 || clock_from_rfc3339(at, &event.at_us) != 0 ||
        event.at_us < 0)
        return ERR_INVALID;
    if (read_kind_fields(fields, count, &event) != 0 || read_unverified(fields, count, &event) != 0)
        return ERR_INVALID;
    *ret_event = event;
    return 0;
}

static char *put_text(char *out, struct str text)
{
    uint32_t len = (uint32_t)text.len;
    const char bytes[LENGTH_BYTES] = {(char)len, (char)(len >> 8), (char)(len >> 16), (char)(len >> 24)};

    return str_put(str_put(out, str_slice(bytes, sizeof bytes)), text);
}

void event_encode(const struct event *event, struct buf *out)
{
    struct listing listing;
    size_t size = 0;

    list_fields(event, &listing);
    for (size_t i = 0; i < listing.count; i++)
        size += LENGTH_BYTES + listing.fields[i].len;
    char *at = buf_reserve(out, size);
    if (!at)
        return;
    for (size_t i = 0; i < listing.count; i++)
        at = put_text(at, listing.fields[i]);
    buf_commit(out, size);
}

static int take_text(struct str *bytes, struct str *ret)
{
    const unsigned char *p = (const unsigned char *)bytes->ptr;

    if (bytes->len < LENGTH_BYTES)
        return ERR_CORRUPT;
    size_t len = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
    if (len > bytes->len - LENGTH_BYTES)
        return ERR_CORRUPT;
    *ret = str_slice(bytes->ptr + LENGTH_BYTES, len);
    *bytes = str_slice(ret->ptr + len, bytes->len - LENGTH_BYTES - len);
    return 0;
}

int event_decode(struct str bytes, struct event *ret_event)
{
    struct str fields[2 * EVENT_FIELDS_MAX];
    size_t count = 0;

    while (bytes.len > 0) {
        if (count == 2 * EVENT_FIELDS_MAX || take_text(&bytes, &fields[count]) != 0)
            return ERR_CORRUPT;
        count++;
    }
    return event_from_fields(fields, count, ret_event);
}
