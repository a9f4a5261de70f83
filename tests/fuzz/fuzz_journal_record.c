/* The journal: any bytes are read to their end without standing still. Records that were written and then damaged in
 * one place, or cut off, come back whole but for those that the damage touched; nothing else comes back, but what a
 * damaged record itself held.
 *
 * The input: where and how to damage, then the payloads, one a line. */
#include "common/journal_record.h"
#include "fuzz/fuzz.h"

enum { RECORDS_MAX = 8, SEGMENT_MAX = 1 << 20 };

static void read_all(struct str bytes)
{
    struct journal_record record;
    size_t offset = 0, before = 0;
    enum journal_record_status status;

    while ((status = journal_record_next(bytes, &offset, &record)) != JOURNAL_RECORD_END) {
        FUZZ_CHECK(offset > before && offset <= bytes.len);
        FUZZ_CHECK(status != JOURNAL_RECORD_TORN || offset == bytes.len);
        if (status == JOURNAL_RECORD_OK) {
            FUZZ_CHECK(record.offset == before && record.offset + record.length == offset);
            FUZZ_CHECK(record.length == record.payload.len + JOURNAL_RECORD_OVERHEAD);
        }
        before = offset;
    }
}

struct segment {
    struct buf bytes;
    struct str payloads[RECORDS_MAX];
    size_t begins[RECORDS_MAX + 1];
    bool found[RECORDS_MAX];
    size_t n_records;
};

static void write_records(struct segment *segment, struct str lines)
{
    while (lines.ptr && segment->n_records < RECORDS_MAX) {
        size_t n = segment->n_records++;
        const uint8_t id[EVENT_ID_LEN] = {(uint8_t)n};
        segment->payloads[n] = str_cut(lines, '\n', &lines);
        journal_record_encode(id, (int64_t)n, segment->payloads[n], &segment->bytes);
        segment->begins[n + 1] = segment->bytes.len;
    }
}

static size_t record_at(const struct segment *segment, size_t offset)
{
    size_t n = 0;
    while (n + 1 < segment->n_records && segment->begins[n + 1] <= offset)
        n++;
    return n;
}

/* A record that was read: one of ours, untouched; or inside the damaged one. */
static void check_record(struct segment *segment, const struct journal_record *record, size_t damaged)
{
    size_t n = record_at(segment, record->offset);
    if (n == damaged)
        return;
    FUZZ_CHECK(record->offset == segment->begins[n] && record->id[0] == n && record->at_us == (int64_t)n);
    FUZZ_CHECK(str_eq(record->payload, segment->payloads[n]));
    segment->found[n] = true;
}

/* Reads the first `len` bytes; all records before that but `damaged` must come, and a cut must be seen. */
static void check_segment(struct segment *segment, size_t len, size_t damaged)
{
    struct str bytes = str_slice(segment->bytes.ptr, len);
    struct journal_record record;
    size_t offset = 0;
    enum journal_record_status status;
    bool faulty = false;

    memset(segment->found, 0, sizeof segment->found);
    while ((status = journal_record_next(bytes, &offset, &record)) != JOURNAL_RECORD_END) {
        if (status == JOURNAL_RECORD_OK)
            check_record(segment, &record, damaged);
        faulty |= status != JOURNAL_RECORD_OK;
    }
    for (size_t n = 0; n < segment->n_records; n++)
        FUZZ_CHECK(n == damaged || segment->begins[n + 1] > len || segment->found[n]);
    bool is_cut = len < segment->bytes.len && len != segment->begins[record_at(segment, len)];
    FUZZ_CHECK(!is_cut || faulty);
}

static void check_damage(struct str rest)
{
    struct segment segment = {.n_records = 0};
    uint64_t where = fuzz_number(&rest);
    uint8_t how = fuzz_byte(&rest);

    buf_init(&segment.bytes, SEGMENT_MAX);
    write_records(&segment, rest);
    size_t at = (size_t)(where % segment.bytes.len);
    check_segment(&segment, segment.bytes.len, SIZE_MAX);
    check_segment(&segment, at, record_at(&segment, at));
    segment.bytes.ptr[at] ^= (char)(how ? how : 1);
    check_segment(&segment, segment.bytes.len, record_at(&segment, at));
    buf_done(&segment.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = fuzz_str(data, size);
    read_all(bytes);
    check_damage(bytes);
    return 0;
}
