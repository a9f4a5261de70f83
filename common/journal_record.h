/* journal_record: how one record of the journal of bank calls stands on disk.
 *
 * A segment is records one after the other, numbers little-endian:
 *
 *     0   4  magic "DPJ1" (the digit is the version)
 *     4   4  length of the payload
 *     8   8  at: microseconds since 1970 UTC
 *    16  32  id
 *    48   8  SipHash-2-4 of bytes 0..47
 *    56   n  payload
 *  56+n   8  SipHash-2-4 of bytes 0..56+n-1
 *
 * The header has a sum of its own so that a length can be believed: a sound header whose record passes the end of the
 * file is a torn tail (a write cut by a crash, never acknowledged), and a damaged payload costs that one record only.
 * The sums find accidents, not forgers (their key is public): a worker verifies the bank's seal again. */
#ifndef DP_COMMON_JOURNAL_RECORD_H
#define DP_COMMON_JOURNAL_RECORD_H

#include <stdint.h>

#include "common/buf.h"
#include "common/event.h"
#include "common/str.h"

enum {
    JOURNAL_RECORD_HEAD = 56,
    JOURNAL_RECORD_OVERHEAD = JOURNAL_RECORD_HEAD + 8,
    JOURNAL_RECORD_PAYLOAD_MAX = 32768,
    JOURNAL_RECORD_MAX = JOURNAL_RECORD_OVERHEAD + JOURNAL_RECORD_PAYLOAD_MAX,
};

struct journal_record {
    uint8_t id[EVENT_ID_LEN];
    int64_t at_us;
    struct str payload; /* borrowed from the bytes read */
    size_t offset;      /* of the record in those bytes */
    size_t length;      /* of the whole record */
};

enum journal_record_status {
    JOURNAL_RECORD_OK,
    JOURNAL_RECORD_END,     /* nothing is left */
    JOURNAL_RECORD_TORN,    /* the bytes end before the record does, or only zeros follow */
    JOURNAL_RECORD_CORRUPT, /* these bytes are no record, or one that does not have its sum */
};

/* Appends the record; a payload over JOURNAL_RECORD_PAYLOAD_MAX overflows `out` (see buf_ok). */
void journal_record_encode(const uint8_t id[EVENT_ID_LEN], int64_t at_us, struct str payload, struct buf *out);

/* Looks at what stands at *offset of `bytes` and moves *offset on: behind the record (OK), to the end (END, TORN), or
 * to the next place where reading may go on (CORRUPT). *ret is filled only with OK. Every call but END moves forward.
 */
enum journal_record_status journal_record_next(struct str bytes, size_t *offset, struct journal_record *ret);

#endif
