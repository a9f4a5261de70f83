/* letter: a dead letter's entry, read back from the database. */
#ifndef DP_ADMIN_LETTER_H
#define DP_ADMIN_LETTER_H

#include "common/arena.h"
#include "common/event.h"
#include "common/gateway/gateway.h"

enum { LETTER_FIELDS_MAX = 256 };

struct letter {
    const struct str *fields; /* name, value, name, value … byte for byte as they stood in the stream */
    size_t n_fields;
    int event_err; /* 0; ERR_INVALID: malformed; ERR_NOT_FOUND: of a kind that this program does not know */
    struct event event;
    /* Of a bank's call, as far as readable; nothing of it is checked, and nothing of it is secret. */
    struct gateway_call call;
    struct str bank_code, bank_ref;
    int64_t amount_cents; /* 0: unreadable */
};

/* `text` is dead_letters.fields: form-encoded bytes. ERR_CORRUPT when it is not; ERR_TOO_LARGE. In the arena. */
int letter_read(struct str text, struct arena *arena, struct letter *ret);

#endif
