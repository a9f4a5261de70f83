/* call_keeping: whether a bank's call may be acknowledged now: a pure function of where its two keepers, the journal
 * and the stream, stand and of how long the bank has waited. No loop, no store, no clock (design.md, "The life of a
 * payment" 3). */
#ifndef DP_SERVER_CALL_KEEPING_H
#define DP_SERVER_CALL_KEEPING_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CALL_KEEPING_STREAM_WAIT_MS = 400, /* for the stream, once the record is synced; also between two looks */
    CALL_KEEPING_GIVE_UP_MS = 2000,    /* of the bank's patience */
};

enum keeper { KEEPER_WAITING, KEEPER_KEPT, KEEPER_FAILED };

struct call_keeping {
    enum keeper journal, stream;
    bool stream_is_durable; /* a Redis that forgets nothing */
    int64_t asked_ms;       /* since both keepers were asked */
    int64_t open_ms;        /* since the bank's request began */
};

enum call_verdict {
    CALL_WAIT,
    CALL_ACKNOWLEDGE,
    CALL_ABANDON, /* nothing kept it: no answer at all, so that the bank may try again */
};

/* To be asked when a keeper has ended, and every CALL_KEEPING_STREAM_WAIT_MS after both were asked. */
enum call_verdict call_keeping_decide(const struct call_keeping *keeping);

#endif
