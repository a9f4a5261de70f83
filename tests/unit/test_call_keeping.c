/* call_keeping: every state of the two keepers at every moment that matters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/call_keeping.c"

enum { EARLY = 10, WAITED = CALL_KEEPING_STREAM_WAIT_MS, LATE = CALL_KEEPING_GIVE_UP_MS };

static void decisions(void **state)
{
    static const struct {
        enum keeper journal, stream;
        bool durable;
        int64_t asked_ms, open_ms;
        enum call_verdict verdict;
    } cases[] = {
        /* a synced record is enough once the stream has had its time, whatever it says */
        {KEEPER_KEPT, KEEPER_WAITING, true, EARLY, EARLY, CALL_WAIT},
        {KEEPER_KEPT, KEEPER_KEPT, false, EARLY, EARLY, CALL_ACKNOWLEDGE},
        {KEEPER_KEPT, KEEPER_FAILED, false, EARLY, EARLY, CALL_ACKNOWLEDGE},
        {KEEPER_KEPT, KEEPER_WAITING, false, WAITED - 1, WAITED - 1, CALL_WAIT},
        {KEEPER_KEPT, KEEPER_WAITING, false, WAITED, WAITED, CALL_ACKNOWLEDGE},
        {KEEPER_KEPT, KEEPER_WAITING, false, LATE, LATE, CALL_ACKNOWLEDGE},
        /* without one only a Redis that forgets nothing counts */
        {KEEPER_FAILED, KEEPER_WAITING, true, WAITED, WAITED, CALL_WAIT},
        {KEEPER_FAILED, KEEPER_KEPT, true, EARLY, EARLY, CALL_ACKNOWLEDGE},
        {KEEPER_FAILED, KEEPER_KEPT, false, EARLY, EARLY, CALL_ABANDON},
        {KEEPER_FAILED, KEEPER_FAILED, true, EARLY, EARLY, CALL_ABANDON},
        {KEEPER_FAILED, KEEPER_WAITING, true, LATE, LATE, CALL_ABANDON},
        /* a disk that says nothing is waited for as long as the bank waits */
        {KEEPER_WAITING, KEEPER_WAITING, true, WAITED, WAITED, CALL_WAIT},
        {KEEPER_WAITING, KEEPER_KEPT, true, WAITED, LATE - 1, CALL_WAIT},
        {KEEPER_WAITING, KEEPER_KEPT, true, WAITED, LATE, CALL_ACKNOWLEDGE},
        {KEEPER_WAITING, KEEPER_KEPT, false, WAITED, LATE, CALL_ABANDON},
        {KEEPER_WAITING, KEEPER_WAITING, true, WAITED, LATE, CALL_ABANDON},
        /* a request that came slowly is not late before its keepers had a chance */
        {KEEPER_WAITING, KEEPER_KEPT, true, EARLY, LATE, CALL_WAIT},
        {KEEPER_WAITING, KEEPER_FAILED, true, EARLY, LATE, CALL_WAIT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct call_keeping keeping = {cases[i].journal, cases[i].stream, cases[i].durable, cases[i].asked_ms,
                                             cases[i].open_ms};
        if (call_keeping_decide(&keeping) != cases[i].verdict)
            fail_msg("case %zu: expected %d, found %d", i, cases[i].verdict, call_keeping_decide(&keeping));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions),
    };
    return cmocka_run_group_tests_name("call_keeping", tests, NULL, NULL);
}
