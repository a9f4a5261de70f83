/* claim_samples: claims as test_pages.c shows them, in every way at once. */
#ifndef DP_TESTS_CLAIM_SAMPLES_H
#define DP_TESTS_CLAIM_SAMPLES_H

#include "tests/view_samples.h"

static inline const struct option_view *two_options(void)
{
    static struct option_view options[2];

    options[0] = (struct option_view){text("12"), text("Julia Durand (2de B)"), true};
    options[1] = (struct option_view){text("13"), text("Charlie Durand (4e A)"), false};
    return options;
}

/* Says all that a bar can say. */
static inline const struct claim_bar_view *one_bar(void)
{
    static struct claim_bar_view bar;

    bar = (struct claim_bar_view){
        .claim = text("Julia Durand, forfait"),
        .is_settled = true,
        .is_direct_debit = true,
        .is_held = true,
        .is_too_much = true,
        .own_reference = text("dem20260329104212K7P"),
        .since = text("29 mars 2026 à 10 h 42"),
        .until = text("11 h 42"),
        .remaining = text("58,50 €"),
    };
    return &bar;
}

static inline const struct settled_claim_view *one_settled(void)
{
    static struct settled_claim_view settled;

    settled = (struct settled_claim_view){
        .account = text("Julia Durand"),
        .label = text("Voyage"),
        .number = text("150732"),
        .others = text("45,00 €"),
        .settled_at = text("29 mars 2026 à 10 h 42"),
    };
    return &settled;
}

#endif
