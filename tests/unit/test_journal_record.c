/* journal_record: every record that was written whole is found again, whatever happened to its neighbours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/journal_record.c"
#include "common/rand.h"

enum { RECORDS = 4, FILE_MAX = 4096 };

static const char *const payloads[RECORDS] = {"siret=1&montant=158.50&etat=1", "",
                                              "DPJ1 is no magic inside a payload DPJ1", "last"};

struct file {
    char bytes[FILE_MAX];
    size_t len;
    size_t ends[RECORDS]; /* where each record ends */
};

static void make_file(struct file *file)
{
    struct buf buf;

    buf_init(&buf, FILE_MAX);
    for (unsigned i = 0; i < RECORDS; i++) {
        uint8_t id[EVENT_ID_LEN];
        memset(id, 'a' + (int)i, sizeof id);
        journal_record_encode(id, 1000000 + i, str_from(payloads[i]), &buf);
        file->ends[i] = buf.len;
    }
    assert_true(buf_ok(&buf));
    memcpy(file->bytes, buf.ptr, buf.len);
    file->len = buf.len;
    buf_done(&buf);
}

struct found {
    unsigned mask; /* bit i: record i */
    unsigned ok, torn, corrupt;
};

/* Reads everything from an exact-size copy, so that a byte read too far is seen by the sanitizer. */
static struct found read_all(const char *bytes, size_t len)
{
    struct found found = {0};
    char *copy = malloc(len + 1);
    char *end = copy + 1;
    size_t offset = 0;

    memcpy(end, bytes, len);
    for (;;) {
        struct journal_record record;
        size_t before = offset;
        enum journal_record_status status = journal_record_next(str_slice(end, len), &offset, &record);
        if (status == JOURNAL_RECORD_END)
            break;
        assert_true(offset > before && offset <= len);
        if (status == JOURNAL_RECORD_OK) {
            unsigned i = record.id[0] - 'a';
            assert_true(i < RECORDS && str_eq_text(record.payload, payloads[i]));
            assert_int_equal(record.at_us, 1000000 + i);
            assert_int_equal(record.offset, before);
            assert_int_equal(record.offset + record.length, offset);
            found.mask |= 1u << i;
            found.ok++;
        }
        found.torn += status == JOURNAL_RECORD_TORN;
        found.corrupt += status == JOURNAL_RECORD_CORRUPT;
    }
    free(copy);
    return found;
}

static void whole_file(void **state)
{
    struct file file;
    (void)state;
    make_file(&file);
    struct found found = read_all(file.bytes, file.len);
    assert_int_equal(found.ok, RECORDS);
    assert_int_equal(found.mask, (1u << RECORDS) - 1);
    assert_int_equal(found.torn + found.corrupt, 0);
    assert_int_equal(read_all("", 0).ok, 0);
}

static unsigned whole_records(const struct file *file, size_t len)
{
    unsigned n = 0;

    while (n < RECORDS && file->ends[n] <= len)
        n++;
    return n;
}

static void torn_at_every_byte(void **state)
{
    struct file file;
    (void)state;
    make_file(&file);
    for (size_t len = 0; len <= file.len; len++) {
        struct found found = read_all(file.bytes, len);
        unsigned whole = whole_records(&file, len);
        bool clean = len == 0 || (whole > 0 && file.ends[whole - 1] == len);
        assert_int_equal(found.ok, whole);
        assert_int_equal(found.torn, clean ? 0 : 1);
        assert_int_equal(found.corrupt, 0);
    }
}

/* A file that was made longer before its data was written shows zeros. */
static void zeros_after_every_byte(void **state)
{
    struct file file;
    (void)state;
    make_file(&file);
    for (unsigned i = 0; i < RECORDS; i++) {
        char longer[FILE_MAX] = {0};
        memcpy(longer, file.bytes, file.ends[i]);
        struct found found = read_all(longer, file.ends[i] + 700);
        assert_int_equal(found.ok, i + 1);
        assert_int_equal(found.torn, 1);
        assert_int_equal(found.corrupt, 0);
    }
}

static void every_bit_flipped(void **state)
{
    struct file file;
    (void)state;
    make_file(&file);
    for (size_t at = 0; at < file.len; at++) {
        unsigned hit = whole_records(&file, at);
        for (int bit = 0; bit < 8; bit++) {
            file.bytes[at] ^= (char)(1 << bit);
            struct found found = read_all(file.bytes, file.len);
            assert_int_equal(found.mask, ((1u << RECORDS) - 1) & ~(1u << hit));
            assert_int_equal(found.ok, RECORDS - 1);
            assert_int_equal(found.torn, 0);
            assert_true(found.corrupt >= 1);
            file.bytes[at] ^= (char)(1 << bit);
        }
    }
}

static void bytes_lost_in_the_middle(void **state)
{
    struct file file;
    (void)state;
    make_file(&file);
    for (size_t cut = 1; cut < file.ends[0]; cut++) {
        char rest[FILE_MAX];
        memcpy(rest, file.bytes + cut, file.len - cut);
        struct found found = read_all(rest, file.len - cut);
        assert_int_equal(found.mask, ((1u << RECORDS) - 1) & ~1u);
        assert_true(found.corrupt >= 1);
    }
}

/* A payload that holds the header of a record does not hide what follows, however the record around it is damaged. */
static void header_in_a_payload(void **state)
{
    static const size_t damaged_at[] = {0, JOURNAL_RECORD_HEAD};
    const uint8_t id[EVENT_ID_LEN] = {7}, next_id[EVENT_ID_LEN] = {8};
    (void)state;
    for (size_t length = 0; length < 4; length++) {
        for (size_t i = 0; i < 2; i++) {
            static const size_t lengths[] = {0, 60, 1000, JOURNAL_RECORD_PAYLOAD_MAX};
            struct buf inner, file;
            struct journal_record record;
            size_t offset = 0;
            enum journal_record_status status;
            bool found = false;
            char *payload = calloc(1, lengths[length] + 1);
            buf_init(&inner, JOURNAL_RECORD_MAX);
            buf_init(&file, 2 * JOURNAL_RECORD_MAX);
            journal_record_encode(id, 1, str_slice(payload, lengths[length]), &inner);
            journal_record_encode(id, 2, str_slice(inner.ptr, JOURNAL_RECORD_HEAD), &file);
            journal_record_encode(next_id, 3, STR("the next one"), &file);
            file.ptr[damaged_at[i]] ^= 1;
            while ((status = journal_record_next(buf_str(&file), &offset, &record)) != JOURNAL_RECORD_END)
                found |= status == JOURNAL_RECORD_OK && record.id[0] == 8;
            assert_true(found);
            free(payload);
            buf_done(&inner);
            buf_done(&file);
        }
    }
}

static void limits(void **state)
{
    static char large[JOURNAL_RECORD_PAYLOAD_MAX + 1];
    uint8_t id[EVENT_ID_LEN] = {7};
    struct journal_record record;
    size_t offset = 0;
    struct buf buf;
    (void)state;

    memset(large, 'x', sizeof large);
    buf_init(&buf, 2 * JOURNAL_RECORD_MAX);
    journal_record_encode(id, INT64_MIN, str_slice(large, JOURNAL_RECORD_PAYLOAD_MAX), &buf);
    assert_true(buf_ok(&buf));
    assert_int_equal(buf.len, JOURNAL_RECORD_MAX);
    assert_int_equal(journal_record_next(buf_str(&buf), &offset, &record), JOURNAL_RECORD_OK);
    assert_true(record.at_us == INT64_MIN);
    journal_record_encode(id, 0, str_slice(large, sizeof large), &buf);
    assert_false(buf_ok(&buf));
    assert_int_equal(buf.len, JOURNAL_RECORD_MAX);
    buf_done(&buf);
}

/* What no program of ours wrote is refused without a crash, and reading always comes to an end. */
static void noise(void **state)
{
    char bytes[512];
    (void)state;
    for (int round = 0; round < 2000; round++) {
        rand_bytes(bytes, sizeof bytes);
        for (size_t i = 0; i + MAGIC_LEN <= sizeof bytes; i += 64)
            memcpy(bytes + i, magic, MAGIC_LEN);
        assert_int_equal(read_all(bytes, sizeof bytes).ok, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_file),
        cmocka_unit_test(torn_at_every_byte),
        cmocka_unit_test(zeros_after_every_byte),
        cmocka_unit_test(every_bit_flipped),
        cmocka_unit_test(bytes_lost_in_the_middle),
        cmocka_unit_test(header_in_a_payload),
        cmocka_unit_test(limits),
        cmocka_unit_test(noise),
    };
    rand_init();
    return cmocka_run_group_tests_name("journal_record", tests, NULL, NULL);
}
