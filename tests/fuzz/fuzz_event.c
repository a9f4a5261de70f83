/* Events: the journal's form of any bytes, and a stream entry whose fields are the lines of the input. What is read is
 * written and read the same in both forms; a call of a bank is believed only under its own id. */
#include "common/encode.h"
#include "common/gateway/gateway.h"
#include "common/mail_address.h"
#include "fuzz/fuzz.h"
#include "worker/batch.h"

static void check_same(const struct event *a, const struct event *b)
{
    FUZZ_CHECK(memcmp(a->id, b->id, EVENT_ID_LEN) == 0 && a->kind == b->kind && a->at_us == b->at_us);
    FUZZ_CHECK(str_eq(a->gateway, b->gateway) && str_eq(a->raw, b->raw) && str_eq(a->ip, b->ip));
    FUZZ_CHECK(str_eq(a->reference, b->reference) && str_eq(a->user, b->user) && str_eq(a->message, b->message));
    FUZZ_CHECK(str_eq(a->login, b->login) && str_eq(a->email, b->email) && a->unverified == b->unverified);
}

static void check_limits(const struct event *event)
{
    FUZZ_CHECK((unsigned)event->kind < EVENT_KIND_COUNT && event->kind != EVENT_BANK_ANSWER);
    FUZZ_CHECK(event->raw.len <= EVENT_RAW_MAX && event->login.len <= EVENT_LOGIN_MAX);
    FUZZ_CHECK(event->email.len <= MAIL_ADDRESS_MAX);
    FUZZ_CHECK(event->reference.len <= EVENT_REFERENCE_MAX && event->message.len <= EVENT_MESSAGE_MAX);
}

static void check_written(const struct event *event, struct arena *arena)
{
    struct event again;
    struct buf bytes;
    size_t count;

    check_limits(event);
    const struct str *fields = event_to_fields(event, arena, &count);
    FUZZ_CHECK(event_from_fields(fields, count, &again) == 0);
    check_same(event, &again);
    again = event_copy(event, arena);
    check_same(event, &again);
    buf_init(&bytes, 1 << 20);
    event_encode(event, &bytes);
    FUZZ_CHECK(event_decode(buf_str(&bytes), &again) == 0);
    check_same(event, &again);
    /* Cut anywhere, it is not taken for an event of its own with other fields of the same kind. */
    FUZZ_CHECK(event_decode(str_slice(bytes.ptr, bytes.len - 1), &again) != 0);
    buf_done(&bytes);
}

/* The entry as its own id would have it: read; with that id off by a bit, or without a seal: refused. */
static void check_own_id(struct event event, struct arena *arena)
{
    const struct gateway *gateway = gateway_find(event.gateway);
    struct stream_entry entry = {.id = STR("1-1")};
    struct event again;

    if (event.kind != EVENT_BANK_NOTIFICATION || !gateway)
        return;
    struct gateway_call call = gateway->read_call(event.raw, arena);
    event_id_for_bank(event.gateway, event.unverified ? event.raw : call.unsealed, event.id);
    entry.fields = event_to_fields(&event, arena, &entry.n_fields);
    FUZZ_CHECK(batch_read_event(&entry, &again) == (call.has_seal ? 0 : ERR_INVALID));
    event.id[fuzz_hash(event.raw) % EVENT_ID_LEN] ^= 1;
    entry.fields = event_to_fields(&event, arena, &entry.n_fields);
    FUZZ_CHECK(batch_read_event(&entry, &again) == ERR_INVALID);
}

static void check_entry(struct str lines, struct arena *arena)
{
    struct str fields[2 * EVENT_FIELDS_MAX + 4];
    struct stream_entry entry = {.id = STR("1-1"), .fields = fields};
    struct event event;

    while (lines.ptr && entry.n_fields < 2 * EVENT_FIELDS_MAX + 2)
        fields[entry.n_fields++] = str_cut(lines, '\n', &lines);
    int err = event_from_fields(fields, entry.n_fields, &event);
    if (err == 0) {
        check_written(&event, arena);
        check_own_id(event, arena);
        /* Unknown fields of a newer server change nothing; a known one twice is refused. */
        fields[entry.n_fields] = STR("later");
        fields[entry.n_fields + 1] = STR("x");
        FUZZ_CHECK(event_from_fields(fields, entry.n_fields + 2, &event) == 0);
        fields[entry.n_fields] = STR("id");
        FUZZ_CHECK(event_from_fields(fields, entry.n_fields + 2, &event) == ERR_INVALID);
    }
    FUZZ_CHECK(err == 0 || err == ERR_INVALID || err == ERR_NOT_FOUND);
    err = batch_read_event(&entry, &event);
    FUZZ_CHECK(err == 0 || err == ERR_INVALID || err == ERR_NOT_FOUND);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = fuzz_str(data, size);
    struct event event;
    struct arena arena;

    arena_init(&arena, FUZZ_ARENA_MAX);
    if (event_decode(bytes, &event) == 0)
        check_written(&event, &arena);
    check_entry(bytes, &arena);
    arena_done(&arena);
    return 0;
}
