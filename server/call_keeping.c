#include "server/call_keeping.h"

/* With a synced record the stream is only waited for, and not for long: the journal sends it again. Without one, Redis
 * must have confirmed, and must be one that forgets nothing; a disk that hangs is given up with the bank's patience. */
enum call_verdict call_keeping_decide(const struct call_keeping *keeping)
{
    bool waited = keeping->asked_ms >= CALL_KEEPING_STREAM_WAIT_MS;
    bool too_late = waited && keeping->open_ms >= CALL_KEEPING_GIVE_UP_MS;
    bool stream_ended = keeping->stream != KEEPER_WAITING;

    if (keeping->journal == KEEPER_KEPT)
        return stream_ended || waited ? CALL_ACKNOWLEDGE : CALL_WAIT;
    if (!too_late && (keeping->journal == KEEPER_WAITING || !stream_ended))
        return CALL_WAIT;
    return keeping->stream == KEEPER_KEPT && keeping->stream_is_durable ? CALL_ACKNOWLEDGE : CALL_ABANDON;
}
