/* A contract with the bank's demonstration key. */
#ifndef DP_TESTS_SPPLUS_FIXTURE_H
#define DP_TESTS_SPPLUS_FIXTURE_H

#include "common/err.h"
#include "common/gateway/spplus.h"

#define DEMO_KEY "58 6d fc 9c 34 91 9b 86 3f fd 64 63 c9 13 4a 26 ba 29 74 1e c7 e9 80 79"

struct fixture {
    struct gateway_contract contract;
    struct arena arena;
};

static void fixture_init(struct fixture *fixture)
{
    *fixture = (struct fixture){
        .contract =
            {
                .id = 7,
                .gateway = &gateway_spplus,
                .merchant_id = STR("00000000000001-01"),
                .currency = STR("978"),
                .means = STR("CBS, AMX,"),
                .bank_ref_len = 8,
            },
    };
    arena_init(&fixture->arena, 64 << 20);
    assert_int_equal(gateway_spplus.key_new(STR(DEMO_KEY), &fixture->contract.key), 0);
}

static void fixture_done(struct fixture *fixture)
{
    gateway_spplus.key_free(fixture->contract.key);
    arena_done(&fixture->arena);
}

static inline enum gateway_verdict fixture_verify(struct fixture *fixture, struct str raw)
{
    struct gateway_call call = gateway_spplus.read_call(raw, &fixture->arena);
    return gateway_spplus.verify(&fixture->contract, &call);
}

#endif
