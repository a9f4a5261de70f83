/* call_keeping: every state of the two keepers at every moment that matters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/call_keeping.c"

enum { EARLY, WAITED, DUE };

static void decisions(void **state)
{
    static const struct {
        enum keeper journal, stream;
        bool durable;
        int moment;
        enum call_verdict verdict;
    } cases[] = {
        /* a synced record is enough once the stream has had its time, whatever it says */
        {KEEPER_KEPT, KEEPER_WAITING, true, EARLY, CALL_WAIT},
        {KEEPER_KEPT, KEEPER_KEPT, false, EARLY, CALL_ACKNOWLEDGE},
        {KEEPER_KEPT, KEEPER_FAILED, false, EARLY, CALL_ACKNOWLEDGE},
        {KEEPER_KEPT, KEEPER_WAITING, false, WAITED, CALL_ACKNOWLEDGE},
        {KEEPER_KEPT, KEEPER_WAITING, false, DUE, CALL_ACKNOWLEDGE},
        /* without one only a Redis that forgets nothing counts */
        {KEEPER_FAILED, KEEPER_WAITING, true, EARLY, CALL_WAIT},
        {KEEPER_FAILED, KEEPER_WAITING, true, WAITED, CALL_WAIT},
        {KEEPER_FAILED, KEEPER_KEPT, true, EARLY, CALL_ACKNOWLEDGE},
        {KEEPER_FAILED, KEEPER_KEPT, false, EARLY, CALL_ABANDON},
        {KEEPER_FAILED, KEEPER_FAILED, true, EARLY, CALL_ABANDON},
        {KEEPER_FAILED, KEEPER_WAITING, true, DUE, CALL_ABANDON},
        /* a disk that says nothing is waited for as long as the bank waits */
        {KEEPER_WAITING, KEEPER_WAITING, true, WAITED, CALL_WAIT},
        {KEEPER_WAITING, KEEPER_KEPT, true, WAITED, CALL_WAIT},
        {KEEPER_WAITING, KEEPER_FAILED, true, WAITED, CALL_WAIT},
        {KEEPER_WAITING, KEEPER_KEPT, true, DUE, CALL_ACKNOWLEDGE},
        {KEEPER_WAITING, KEEPER_KEPT, false, DUE, CALL_ABANDON},
        {KEEPER_WAITING, KEEPER_WAITING, true, DUE, CALL_ABANDON},
        {KEEPER_WAITING, KEEPER_FAILED, true, DUE, CALL_ABANDON},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct call_keeping keeping = {cases[i].journal, cases[i].stream, cases[i].durable,
                                             cases[i].moment != EARLY, cases[i].moment == DUE};
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
