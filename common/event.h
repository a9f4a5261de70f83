/* event: what dp-server tells the workers. One entry of the Redis stream "dp:events", one payload of the journal.
 *
 * Fields of every event: v (1), id (64 hex digits), kind, at (RFC 3339 UTC); then per kind (see the table in event.c).
 */
#ifndef DP_COMMON_EVENT_H
#define DP_COMMON_EVENT_H

#include <stdint.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/str.h"

#define EVENT_STREAM "dp:events"
#define EVENT_GROUP  "workers"

/* EVENT_FIELDS_MAX: of an event of this version; an entry may have more, of a newer one. */
enum {
    EVENT_ID_LEN = 32,
    EVENT_FIELDS_MAX = 24,
    EVENT_ENTRY_FIELDS_MAX = 64,
    EVENT_VERSION = 1,
    EVENT_RAW_MAX = 16384,
    EVENT_LOGIN_MAX = 254
};
/* Characters of a parent's message, and bytes that they take at most. */
enum { EVENT_REFERENCE_MAX = 20, EVENT_MESSAGE_CHARS_MAX = 1000, EVENT_MESSAGE_MAX = 4 * EVENT_MESSAGE_CHARS_MAX };

enum event_kind {
    EVENT_BANK_NOTIFICATION,        /* gateway, raw, [ip], [unverified: "1" when dp-server could not check the seal] */
    EVENT_PASSWORD_RESET_REQUESTED, /* login (what the parent typed), [ip] */
    EVENT_PASSWORD_CHANGED,         /* login */
    EVENT_EMAIL_CHANGED,            /* login, email (the old address: it is told) */
    EVENT_PAYMENT_DISCARDED,        /* reference, user (id, in decimal): its payer wants it no more */
    EVENT_PROBLEM_REPORTED,         /* reference, user, message: for the bursar */
    EVENT_BANK_ANSWER, /* gateway, raw. Made by the worker that asked the bank, for itself: nobody vouches for
                          one that came out of the stream, and event_from_fields() refuses it */
    EVENT_KIND_COUNT,
};

struct event {
    uint8_t id[EVENT_ID_LEN];
    enum event_kind kind;
    int64_t at_us;
    /* Per kind; STR_NULL where the kind has none. Borrowed. */
    struct str gateway;
    struct str raw; /* the sealed bytes as received */
    struct str ip;
    bool unverified;
    struct str login;
    struct str email;
    struct str reference;
    struct str user;
    struct str message;
};

const char *event_kind_name(enum event_kind kind);
/* A call or an answer: its id is a digest of what the bank said. Any other event has the id that its sender chose; so
 * an event is known by its id and by this (schema/010_inbox_of_bank.sql). */
bool event_is_of_bank(const struct event *event);

/* The id of a bank's call: SHA-256 of gateway, NUL, and the raw call without its hmac pair (`unsealed`). */
void event_id_for_bank(struct str gateway, struct str unsealed, uint8_t out[EVENT_ID_LEN]);
/* The id of what a bank answered when asked: SHA-256 of gateway, "query", reference, state and the bank's reference,
 * NUL between them. The same word twice is one event. */
void event_id_for_answer(struct str gateway, struct str reference, struct str state, struct str bank_ref,
                         uint8_t out[EVENT_ID_LEN]);
/* SHA-256 of all that the event says, but for its time and address: what two of the same event have in common. Unlike
 * the id it cannot be borrowed for anything else: it holds the bank's seal. */
void event_digest(const struct event *event, uint8_t out[EVENT_ID_LEN]);
/* Of an entry, whose fields stand in `form` form-encoded: event_digest() if it is an event, whatever its id claims; of
 * `form` else. */
void event_entry_digest(const struct str *fields, size_t count, struct str form, uint8_t out[EVENT_ID_LEN]);
/* 32 random bytes. */
void event_id_random(uint8_t out[EVENT_ID_LEN]);

/* Its readers take it: it has what its kind needs, and no text is longer than they accept. */
bool event_is_sound(const struct event *event);

/* The stream entry's fields as name, value, name, value … in `arena`; *ret_count is even and at most
 * 2 * EVENT_FIELDS_MAX. Ready for XADD dp:events * … */
const struct str *event_to_fields(const struct event *event, struct arena *arena, size_t *ret_count);
/* The other way. Unknown names are ignored; ERR_INVALID for a missing or malformed field, ERR_NOT_FOUND for an
 * unknown kind or version (a newer dp-server: leave the entry to a newer worker). At most EVENT_ENTRY_FIELDS_MAX, and
 * no time before 1970. The event borrows from `fields`. */
int event_from_fields(const struct str *fields, size_t count, struct event *ret_event);

/* The same event with texts of its own, in `arena`. */
struct event event_copy(const struct event *event, struct arena *arena);

/* Binary form for the journal: each field as u32 little-endian length and bytes. What is not sound cannot be read back.
 */
void event_encode(const struct event *event, struct buf *out);
/* Borrows from `bytes`. ERR_CORRUPT, ERR_INVALID, ERR_NOT_FOUND as above. */
int event_decode(struct str bytes, struct event *ret_event);

#endif
