#include "worker/poison.h"

#include <assert.h>

#include "common/buf.h"
#include "common/crash_point.h"
#include "common/encode.h"
#include "common/err.h"
#include "worker/batch.h"

enum {
    ARENA_MAX = 4 * 1024 * 1024,
    FIELDS_TEXT_MAX = 4 * STREAM_ENTRY_MAX, /* each byte may take three */
    REASON_MAX = 255,
    NAME_MAX_LEN = 40,
    ID_MAX_LEN = 64
};

bool poison_is_suspect(const struct stream_entry *entry)
{
    return entry->deliveries >= POISON_SUSPECT_DELIVERIES;
}

/* Cut to a column; what is not ASCII in a server's message may be half a character after the cut. */
static struct str fitting(struct arena *arena, struct str s, size_t len_max)
{
    char *copy = arena_text(arena, str_slice(s.ptr, s.len < len_max ? s.len : len_max));
    for (char *c = copy; *c; c++) {
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
    }
    return str_from(copy);
}

/* Adds to one of the two counts, then reads the one in column `col`. */
static int count(struct db *db, enum statement statement, const struct db_value *params, size_t n_params, size_t col,
                 int64_t *ret)
{
    struct arena arena;
    struct db_result found;
    arena_init(&arena, ARENA_MAX);
    int err = db_run(db, statement, params, n_params, &arena, NULL);
    CRASH_POINT("worker/failure_charged");
    if (!err)
        err = db_run(db, STATEMENT_FAILURE_FIND, params, 1, &arena, &found);
    if (!err)
        *ret = found.n_rows ? db_int(&found, 0, col) : 0;
    arena_done(&arena);
    return err;
}

int poison_add_failure(struct db *db, struct str stream_id, const char *reason, int64_t *ret_failures)
{
    struct arena arena;
    arena_init(&arena, ARENA_MAX);
    struct db_value params[] = {DB_TEXT(stream_id), DB_TEXT(fitting(&arena, str_from(reason), REASON_MAX))};
    int err = count(db, STATEMENT_FAILURE_ADD, params, 2, 0, ret_failures);
    arena_done(&arena);
    return err;
}

int poison_add_death(struct db *db, struct str stream_id, int64_t *ret_before)
{
    struct db_value id = DB_TEXT(stream_id);
    int64_t deaths;
    int err = count(db, STATEMENT_DEATH_ADD, &id, 1, 1, &deaths);
    if (!err)
        *ret_before = deaths - 1;
    return err;
}

int poison_forgive_deaths(struct db *db, struct str stream_id)
{
    struct db_value id = DB_TEXT(stream_id);
    struct arena arena;
    arena_init(&arena, ARENA_MAX);
    int err = db_run(db, STATEMENT_DEATHS_FORGIVE, &id, 1, &arena, NULL);
    arena_done(&arena);
    return err;
}

static struct str field(const struct stream_entry *entry, struct str name)
{
    for (size_t i = 0; i + 1 < entry->n_fields; i += 2) {
        if (str_eq(entry->fields[i], name))
            return entry->fields[i + 1];
    }
    return STR_NULL;
}

/* Only an id that may be the entry's own. It shows whoever reads the letters whether the event was applied, and proves
 * nothing more: a copy with another seal has it, too. */
static struct str own_id(const struct stream_entry *entry, struct arena *arena)
{
    struct event event;
    if (batch_read_event(entry, &event))
        return STR("");
    return fitting(arena, field(entry, STR("id")), ID_MAX_LEN);
}

static void encode_fields(const struct stream_entry *entry, struct buf *out)
{
    for (size_t i = 0; i < entry->n_fields; i++) {
        if (i)
            buf_append_char(out, i % 2 ? '=' : '&');
        encode_percent(out, entry->fields[i]);
    }
    assert(buf_ok(out));
}

static void digest_of(const struct stream_entry *entry, struct str fields, char *out)
{
    uint8_t digest[EVENT_ID_LEN];
    event_entry_digest(entry->fields, entry->n_fields, fields, digest);
    encode_hex(digest, sizeof digest, out);
}

void poison_same_as(const struct stream_entry *entry, char out[POISON_SAME_AS_SIZE])
{
    struct buf fields;
    buf_init(&fields, FIELDS_TEXT_MAX);
    encode_fields(entry, &fields);
    digest_of(entry, buf_str(&fields), out);
    buf_done(&fields);
}

int poison_bury(struct db *db, const struct stream_entry *entry, const char *reason, int64_t failures)
{
    struct arena arena;
    struct buf fields;
    char same_as[POISON_SAME_AS_SIZE];
    arena_init(&arena, ARENA_MAX);
    buf_init(&fields, FIELDS_TEXT_MAX);
    encode_fields(entry, &fields);
    digest_of(entry, buf_str(&fields), same_as);
    struct db_value params[] = {
        DB_TEXT(entry->id),
        DB_TEXT(own_id(entry, &arena)),
        DB_TEXT(fitting(&arena, field(entry, STR("kind")), NAME_MAX_LEN)),
        DB_TEXT(str_from(same_as)),
        DB_TEXT(buf_str(&fields)),
        DB_TEXT(fitting(&arena, str_from(reason), REASON_MAX)),
        DB_INT(failures),
    };
    CRASH_POINT("worker/before_bury");
    int err = db_run(db, STATEMENT_DEAD_LETTER_ADD, params, 7, &arena, NULL);
    CRASH_POINT("worker/buried");
    buf_done(&fields);
    arena_done(&arena);
    return err;
}
