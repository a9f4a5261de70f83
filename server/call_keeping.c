#include "server/call_keeping.h"

/* With a synced record the stream is only waited for, and not for long: the journal sends it again. Without one, Redis
 * must have confirmed, and must be one that forgets nothing; a disk that hangs is given up with the bank's patience. */
enum call_verdict call_keeping_decide(const struct call_keeping *keeping)
{
    bool stream_ended = keeping->stream != KEEPER_WAITING;

    if (keeping->journal == KEEPER_KEPT)
        return stream_ended || keeping->waited || keeping->due ? CALL_ACKNOWLEDGE : CALL_WAIT;
    if (!keeping->due && (keeping->journal == KEEPER_WAITING || !stream_ended))
        return CALL_WAIT;
    return keeping->stream == KEEPER_KEPT && keeping->stream_is_durable ? CALL_ACKNOWLEDGE : CALL_ABANDON;
}
