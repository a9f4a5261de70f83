#include "common/journal_record.h"

#include <sodium.h>

enum { MAGIC_LEN = 4, LENGTH_AT = 4, MOMENT_AT = 8, ID_AT = 16, HEAD_SUM_AT = 48, SUM_LEN = 8 };

_Static_assert(SUM_LEN == crypto_shorthash_BYTES, "the sums are SipHash-2-4");
_Static_assert(HEAD_SUM_AT == ID_AT + EVENT_ID_LEN, "the id stands before the head's sum");

static const char magic[MAGIC_LEN] = {'D', 'P', 'J', '1'};
static const uint8_t sum_key[crypto_shorthash_KEYBYTES] = "dp-journal-sums";

static void put_number(uint8_t *out, uint64_t number, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(number >> (8 * i));
}

static uint64_t get_number(const char *in, size_t len)
{
    uint64_t number = 0;

    for (size_t i = 0; i < len; i++)
        number |= (uint64_t)(uint8_t)in[i] << (8 * i);
    return number;
}

static void make_sum(const void *bytes, size_t len, uint8_t out[SUM_LEN])
{
    crypto_shorthash(out, bytes, len, sum_key);
}

static bool has_sum(const char *bytes, size_t len)
{
    uint8_t sum[SUM_LEN];

    make_sum(bytes, len, sum);
    return memcmp(bytes + len, sum, SUM_LEN) == 0;
}

void journal_record_encode(const uint8_t id[EVENT_ID_LEN], int64_t at_us, struct str payload, struct buf *out)
{
    size_t length = JOURNAL_RECORD_OVERHEAD + payload.len;
    uint8_t *bytes;

    if (payload.len > JOURNAL_RECORD_PAYLOAD_MAX) {
        out->overflowed = true;
        return;
    }
    bytes = (uint8_t *)buf_reserve(out, length);
    if (!bytes)
        return;
    memcpy(bytes, magic, MAGIC_LEN);
    put_number(bytes + LENGTH_AT, payload.len, 4);
    put_number(bytes + MOMENT_AT, (uint64_t)at_us, 8);
    memcpy(bytes + ID_AT, id, EVENT_ID_LEN);
    make_sum(bytes, HEAD_SUM_AT, bytes + HEAD_SUM_AT);
    if (payload.len > 0)
        memcpy(bytes + JOURNAL_RECORD_HEAD, payload.ptr, payload.len);
    make_sum(bytes, length - SUM_LEN, bytes + length - SUM_LEN);
    buf_commit(out, length);
}

static bool is_head(struct str left)
{
    return left.len >= JOURNAL_RECORD_HEAD && memcmp(left.ptr, magic, MAGIC_LEN) == 0 &&
           has_sum(left.ptr, HEAD_SUM_AT) && get_number(left.ptr + LENGTH_AT, 4) <= JOURNAL_RECORD_PAYLOAD_MAX;
}

/* True for the start of a header that was cut, and for zeros: a file system may show them where a file was made longer
 * before its data was written. */
static bool is_torn_head(struct str left)
{
    size_t zeros = 0;

    while (zeros < left.len && left.ptr[zeros] == 0)
        zeros++;
    if (zeros == left.len)
        return true;
    return left.len < JOURNAL_RECORD_HEAD && memcmp(left.ptr, magic, left.len < MAGIC_LEN ? left.len : MAGIC_LEN) == 0;
}

/* The next sound header behind `offset`, or the end; with `torn_too` also a last piece that may be the start of one. */
static size_t find_head(struct str bytes, size_t offset, bool torn_too)
{
    for (offset++; offset < bytes.len; offset++) {
        const char *at = memchr(bytes.ptr + offset, magic[0], bytes.len - offset);
        struct str left;
        if (!at)
            return bytes.len;
        offset = (size_t)(at - bytes.ptr);
        left = str_slice(at, bytes.len - offset);
        if (is_head(left) || (torn_too && is_torn_head(left)))
            return offset;
    }
    return bytes.len;
}

enum journal_record_status journal_record_next(struct str bytes, size_t *offset, struct journal_record *ret)
{
    size_t start = *offset;
    struct str left;
    size_t length;

    if (start >= bytes.len)
        return JOURNAL_RECORD_END;
    left = str_slice(bytes.ptr + start, bytes.len - start);
    if (!is_head(left)) {
        bool torn = is_torn_head(left);
        *offset = torn ? bytes.len : find_head(bytes, start, true);
        return torn ? JOURNAL_RECORD_TORN : JOURNAL_RECORD_CORRUPT;
    }
    length = JOURNAL_RECORD_OVERHEAD + get_number(left.ptr + LENGTH_AT, 4);
    /* A sound header may stand in a payload, and what it says of its length would lead past the records behind. */
    if (left.len < length) {
        *offset = find_head(bytes, start, false);
        return *offset == bytes.len ? JOURNAL_RECORD_TORN : JOURNAL_RECORD_CORRUPT;
    }
    if (!has_sum(left.ptr, length - SUM_LEN)) {
        *offset = find_head(bytes, start, true);
        return JOURNAL_RECORD_CORRUPT;
    }
    *offset = start + length;
    memcpy(ret->id, left.ptr + ID_AT, EVENT_ID_LEN);
    ret->at_us = (int64_t)get_number(left.ptr + MOMENT_AT, 8);
    ret->payload = str_slice(left.ptr + JOURNAL_RECORD_HEAD, length - JOURNAL_RECORD_OVERHEAD);
    ret->offset = start;
    ret->length = length;
    return JOURNAL_RECORD_OK;
}
