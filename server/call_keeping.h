/* call_keeping: whether a bank's call may be acknowledged now: a pure function of where its two keepers, the journal
 * and the stream, stand. No loop, no store, no clock (design.md, "The life of a payment" 3). */
#ifndef DP_SERVER_CALL_KEEPING_H
#define DP_SERVER_CALL_KEEPING_H

#include <stdbool.h>

enum keeper { KEEPER_WAITING, KEEPER_KEPT, KEEPER_FAILED };

struct call_keeping {
    enum keeper journal, stream;
    bool stream_is_durable; /* a Redis that forgets nothing */
    bool waited;            /* the stream has had the time that it gets once the record is synced */
    bool due;               /* the bank waits no longer */
};

enum call_verdict {
    CALL_WAIT,
    CALL_ACKNOWLEDGE,
    CALL_ABANDON, /* nothing kept it: no answer at all, so that the bank may try again */
};

enum call_verdict call_keeping_decide(const struct call_keeping *keeping);

#endif
