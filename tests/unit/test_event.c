/* event: what dp-server writes, dp-worker reads back; what it cannot read it refuses by the right name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/event.c"

#define ID_TEXT "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct event bank_event(void)
{
    struct event event = {
        .kind = EVENT_BANK_NOTIFICATION,
        .at_us = INT64_C(1795413121123456),
        .gateway = STR("spplus"),
        .raw = STR("siret=1&etat=1&x=\0\xff\r\n&hmac=AB"),
        .ip = STR("192.0.2.7"),
    };
    for (size_t i = 0; i < EVENT_ID_LEN; i++)
        event.id[i] = (uint8_t)((i % 16) * 0x11);
    return event;
}

static struct event reset_event(void)
{
    struct event event = bank_event();
    event.kind = EVENT_PASSWORD_RESET_REQUESTED;
    event.gateway = event.raw = STR_NULL;
    event.login = STR("durand@example.org");
    return event;
}

static struct event discard_event(void)
{
    struct event event = bank_event();
    event.kind = EVENT_PAYMENT_DISCARDED;
    event.gateway = event.raw = event.ip = STR_NULL;
    event.reference = STR("dem20260329104212K7P");
    event.user = STR("4711");
    return event;
}

static void assert_same(const struct event *a, const struct event *b)
{
    assert_memory_equal(a->id, b->id, EVENT_ID_LEN);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->at_us, b->at_us);
    assert_true(str_eq(a->gateway, b->gateway) && str_eq(a->raw, b->raw) && str_eq(a->ip, b->ip));
    assert_true(str_eq(a->reference, b->reference) && str_eq(a->user, b->user) && str_eq(a->message, b->message));
    assert_true(str_eq(a->login, b->login) && str_eq(a->email, b->email) && a->unverified == b->unverified);
}

static void check_both_ways(const struct event *event)
{
    struct event back;
    struct arena arena;
    struct buf buf;
    size_t count;

    arena_init(&arena, 65536);
    const struct str *fields = event_to_fields(event, &arena, &count);
    assert_int_equal(count % 2, 0);
    assert_true(count <= 2 * EVENT_FIELDS_MAX);
    assert_int_equal(event_from_fields(fields, count, &back), 0);
    assert_same(event, &back);
    arena_done(&arena);

    buf_init(&buf, 65536);
    event_encode(event, &buf);
    assert_int_equal(event_decode(buf_str(&buf), &back), 0);
    assert_same(event, &back);
    arena_init(&arena, 65536);
    back = event_copy(&back, &arena);
    buf_done(&buf); /* the copy has nothing of it */
    assert_same(event, &back);
    arena_done(&arena);
}

static void both_ways(void **state)
{
    struct event event = {.kind = EVENT_EMAIL_CHANGED, .login = STR("durand"), .email = STR("old@example.org")};
    char *raw = malloc(EVENT_RAW_MAX);
    (void)state;
    check_both_ways(&event);
    event = bank_event();
    check_both_ways(&event);
    event.unverified = true;
    check_both_ways(&event);
    event.ip = STR_NULL;
    check_both_ways(&event);
    memset(raw, 'a', EVENT_RAW_MAX);
    event.raw = str_slice(raw, EVENT_RAW_MAX);
    check_both_ways(&event);
    event = reset_event();
    check_both_ways(&event);
    event = discard_event();
    check_both_ways(&event);
    event.kind = EVENT_PROBLEM_REPORTED;
    event.message = STR("Débité\ndeux fois\0 ?");
    check_both_ways(&event);
    event.message = str_slice(raw, EVENT_MESSAGE_MAX);
    check_both_ways(&event);
    free(raw);
}

/* Other programs read the stream: the contract's names and forms, word for word. */
static void stream_form(void **state)
{
    static const char *const expected[] = {
        "v",       "1",      "id",  ID_TEXT, "kind", "bank_notification", "at",         "2026-11-23T05:52:01.123456Z",
        "gateway", "spplus", "raw", NULL,    "ip",   "192.0.2.7",         "unverified", "1"};
    struct event event = bank_event();
    struct arena arena;
    size_t count;
    (void)state;
    event.unverified = true;
    arena_init(&arena, 65536);
    const struct str *fields = event_to_fields(&event, &arena, &count);
    assert_int_equal(count, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < count; i++) {
        if (!str_eq(fields[i], expected[i] ? str_from(expected[i]) : event.raw))
            fail_msg("%.*s", STR_ARG(fields[i]));
    }
    arena_done(&arena);
}

struct entry {
    const char *what;
    int err;
    const char *fields[EVENT_FIELDS_MAX]; /* names and values, NULL-terminated */
};

#define HEAD "v", "1", "id", ID_TEXT, "at", "2026-11-23T06:12:01Z"
#define BANK HEAD, "kind", "bank_notification"

static void entries(void **state)
{
    static const struct entry cases[] = {
        {"plain", 0, {BANK, "gateway", "spplus", "raw", "a=1"}},
        {"any order", 0, {"raw", "a=1", "gateway", "spplus", "kind", "bank_notification", HEAD}},
        {"unknown names", 0, {BANK, "gateway", "spplus", "raw", "a=1", "colour", "blue"}},
        {"reset", 0, {HEAD, "kind", "password_reset_requested", "login", "durand", "ip", "::1"}},
        {"newer version", ERR_NOT_FOUND, {"v", "2", "uuid", "7"}},
        {"unknown kind", ERR_NOT_FOUND, {HEAD, "kind", "import_requested"}},
        {"nothing", ERR_INVALID, {NULL}},
        {"no version", ERR_INVALID, {"id", ID_TEXT, "kind", "bank_notification"}},
        {"version not a number", ERR_INVALID, {"v", "one"}},
        {"version twice", ERR_INVALID, {"v", "1", "v", "1"}},
        {"no kind", ERR_INVALID, {HEAD}},
        {"no id",
         ERR_INVALID,
         {"v", "1", "at", "2026-11-23T06:12:01Z", "kind", "bank_notification", "gateway", "g", "raw", "r"}},
        {"short id",
         ERR_INVALID,
         {"v", "1", "id", "00ff", "at", "2026-11-23T06:12:01Z", "kind", "bank_notification", "gateway", "g", "raw",
          "r"}},
        {"bad moment",
         ERR_INVALID,
         {"v", "1", "id", ID_TEXT, "at", "yesterday", "kind", "bank_notification", "gateway", "g", "raw", "r"}},
        {"a moment before all of them",
         ERR_INVALID,
         {"v", "1", "id", ID_TEXT, "at", "0000-06-01T00:00:00Z", "kind", "bank_notification", "gateway", "g", "raw",
          "r"}},
        {"no raw", ERR_INVALID, {BANK, "gateway", "spplus"}},
        {"empty raw", ERR_INVALID, {BANK, "gateway", "spplus", "raw", ""}},
        {"raw twice", ERR_INVALID, {BANK, "gateway", "spplus", "raw", "a=1", "raw", "a=2"}},
        {"no gateway", ERR_INVALID, {BANK, "raw", "a=1"}},
        {"long gateway", ERR_INVALID, {BANK, "gateway", "a gateway of no bank", "raw", "a=1"}},
        {"unverified", 0, {BANK, "gateway", "spplus", "raw", "a=1", "unverified", "1"}},
        {"unverified, badly", ERR_INVALID, {BANK, "gateway", "spplus", "raw", "a=1", "unverified", "0"}},
        {"unverified, empty", ERR_INVALID, {BANK, "gateway", "spplus", "raw", "a=1", "unverified", ""}},
        {"no login", ERR_INVALID, {HEAD, "kind", "password_reset_requested", "ip", "::1"}},
        {"password changed", 0, {HEAD, "kind", "password_changed", "login", "durand"}},
        {"password changed, whose", ERR_INVALID, {HEAD, "kind", "password_changed"}},
        {"address changed", 0, {HEAD, "kind", "email_changed", "login", "durand", "email", "old@example.org"}},
        {"address changed, from where", ERR_INVALID, {HEAD, "kind", "email_changed", "login", "durand"}},
        {"discarded", 0, {HEAD, "kind", "payment_discarded", "reference", "dem20260329104212K7P", "user", "7"}},
        {"discarded, which", ERR_INVALID, {HEAD, "kind", "payment_discarded", "user", "7"}},
        {"discarded, by whom", ERR_INVALID, {HEAD, "kind", "payment_discarded", "reference", "dem20260329104212K7P"}},
        {"discarded, long reference",
         ERR_INVALID,
         {HEAD, "kind", "payment_discarded", "reference", "dem20260329104212K7PX", "user", "7"}},
        {"problem", 0, {HEAD, "kind", "problem_reported", "reference", "r", "user", "7", "message", "Rien reçu"}},
        {"problem, none",
         ERR_INVALID,
         {HEAD, "kind", "problem_reported", "reference", "r", "user", "7", "message", ""}},
        {"odd", ERR_INVALID, {BANK, "gateway", "spplus", "raw", "a=1", "ip"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str fields[EVENT_FIELDS_MAX];
        struct event event = {.at_us = -1};
        size_t count = 0;
        for (; count < EVENT_FIELDS_MAX && cases[i].fields[count]; count++)
            fields[count] = str_from(cases[i].fields[count]);
        int err = event_from_fields(fields, count, &event);
        if (err != cases[i].err)
            fail_msg("%s: %s", cases[i].what, err_name(err));
        assert_int_equal(event.at_us == -1, err != 0); /* untouched on failure */
    }
}

/* A journal record cut anywhere, or with one byte changed, is never read past its end. */
static void torn_records(void **state)
{
    struct event event = bank_event();
    struct event back;
    struct buf buf;
    (void)state;
    buf_init(&buf, 65536);
    event_encode(&event, &buf);
    for (size_t len = 0; len < buf.len; len++) {
        char *cut = malloc(len + 1);
        memcpy(cut, buf.ptr, len);
        int err = event_decode(str_slice(cut, len), &back);
        if (err == 0)
            assert_true(str_eq(back.raw, event.raw)); /* only the optional address was lost */
        else
            assert_true(err == ERR_CORRUPT || err == ERR_INVALID);
        free(cut);
    }
    for (size_t i = 0; i < buf.len; i++) {
        buf.ptr[i] ^= (char)0x80;
        (void)event_decode(buf_str(&buf), &back);
        buf.ptr[i] ^= (char)0x80;
    }
    assert_int_equal(event_decode(buf_str(&buf), &back), 0);
    buf_done(&buf);
}

static void too_many_fields(void **state)
{
    char bytes[(2 * EVENT_FIELDS_MAX + 1) * LENGTH_BYTES] = {0};
    struct event back;
    (void)state;
    assert_int_equal(event_decode(str_slice(bytes, sizeof bytes), &back), ERR_CORRUPT);
    assert_int_equal(event_decode(str_slice(bytes, sizeof bytes - LENGTH_BYTES), &back), ERR_INVALID);
    assert_int_equal(event_decode(str_slice("\xff\xff\xff\xff", 4), &back), ERR_CORRUPT);
}

/* An entry of a newer dp-server may have more than ours, not any number. */
static void entry_of_many_fields(void **state)
{
    struct event event = bank_event();
    struct str fields[2 * EVENT_ENTRY_FIELDS_MAX + 2];
    struct arena arena;
    size_t count;
    (void)state;
    arena_init(&arena, 65536);
    const struct str *own = event_to_fields(&event, &arena, &count);
    memcpy(fields, own, count * sizeof *fields);
    for (; count < sizeof fields / sizeof fields[0]; count++)
        fields[count] = STR("newer");
    assert_int_equal(event_from_fields(fields, count - 2, &event), 0);
    assert_int_equal(event_from_fields(fields, count, &event), ERR_INVALID);
    arena_done(&arena);
}

/* Whatever is said counts, and its id; when and from where does not. */
static void digests(void **state)
{
    const struct event event = bank_event();
    struct event later = event, others[] = {event, event, event, event, discard_event(), discard_event()};
    uint8_t digest[EVENT_ID_LEN], other[EVENT_ID_LEN];
    (void)state;
    event_digest(&event, digest);
    assert_memory_not_equal(digest, event.id, EVENT_ID_LEN);
    later.at_us++;
    later.ip = STR_NULL;
    event_digest(&later, other);
    assert_memory_equal(digest, other, EVENT_ID_LEN);
    others[0].id[0] ^= 1;
    others[1].raw = STR("siret=1&etat=1&x=\0\xff\r\n&hmac=AC");
    others[2].unverified = true;
    others[3].gateway = STR("other");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        event_digest(&others[i], other);
        assert_memory_not_equal(digest, other, EVENT_ID_LEN);
    }
    /* What ends in one field does not begin in the next. */
    others[4].reference = STR("ab");
    others[4].user = STR("c");
    others[5].reference = STR("a");
    others[5].user = STR("bc");
    event_digest(&others[4], digest);
    event_digest(&others[5], other);
    assert_memory_not_equal(digest, other, EVENT_ID_LEN);
}

static void ids(void **state)
{
    /* printf 'spplus\0siret=1&etat=1' | sha256sum */
    static const char known[] = "bc562ee410ff17efd50475cd7a713adff0ef6ea5ff813f17c5d5d5eca0d364a6";
    uint8_t id[EVENT_ID_LEN], again[EVENT_ID_LEN];
    char hex[ID_HEX_LEN + 1];
    (void)state;
    event_id_for_bank(STR("spplus"), STR("siret=1&etat=1"), id);
    encode_hex(id, sizeof id, hex);
    assert_string_equal(hex, known);
    event_id_random(id);
    event_id_random(again);
    assert_memory_not_equal(id, again, sizeof id);
    assert_string_equal(event_kind_name(EVENT_BANK_NOTIFICATION), "bank_notification");
    assert_string_equal(event_kind_name(EVENT_PASSWORD_RESET_REQUESTED), "password_reset_requested");
}

/* printf 'spplus\0query\0ref\0TERMINE/X\0%s' 36628282 | sha256sum. Who writes to the stream cannot make one. */
static void answers(void **state)
{
    static const char known[] = "b05a0085a670a5a4c0a1036d87f982310396cb47129b0a4599ed6c651d3273da";
    uint8_t id[EVENT_ID_LEN];
    char hex[ID_HEX_LEN + 1];
    (void)state;
    event_id_for_answer(STR("spplus"), STR("ref"), STR("TERMINE/X"), STR("36628282"), id);
    encode_hex(id, sizeof id, hex);
    assert_string_equal(hex, known);
    assert_string_equal(event_kind_name(EVENT_BANK_ANSWER), "bank_answer");
    const struct str fields[] = {STR("v"),       STR("1"),           STR("id"),  str_from(hex),
                                 STR("kind"),    STR("bank_answer"), STR("at"),  STR("2026-11-23T06:10:00Z"),
                                 STR("gateway"), STR("spplus"),      STR("raw"), STR("x")};
    struct event event;
    assert_int_equal(event_from_fields(fields, sizeof fields / sizeof fields[0], &event), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),       cmocka_unit_test(stream_form),
        cmocka_unit_test(entries),         cmocka_unit_test(torn_records),
        cmocka_unit_test(too_many_fields), cmocka_unit_test(entry_of_many_fields),
        cmocka_unit_test(digests),         cmocka_unit_test(ids),
        cmocka_unit_test(answers),
    };
    rand_init();
    return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
