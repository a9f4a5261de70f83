/* credit_form: what people type, what becomes of it, and what they are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/credit_form.c"
#include "server/form.c"
#include "server/open_claims.c"

static const struct account accounts[] = {{1, {"Julia Durand", 12}, {"3e B", 4}},
                                          {2, {"Charlie Durand", 14}, {"6e A", 4}}};
static const struct open_claim claims[] = {
    {.id = 10, .account_id = 1, .remaining_cents = 15850},
    {.id = 11, .account_id = 2, .remaining_cents = 80},
    {.id = 12, .account_id = 1, .remaining_cents = 5000, .direct_debit = true},
    {.id = 13, .account_id = 1, .remaining_cents = 5000, .held_since_us = 1, .held_until_us = 3600000001},
    {.id = 14,
     .account_id = 1,
     .remaining_cents = 5000,
     .held_since_us = 1,
     .held_until_us = 3600000001,
     .own_hold = {"dem20260329104212K7P", 20}},
    {.id = 15, .account_id = 1, .others_cents = 5000},
};

static const struct credit_rules rules = {
    .accounts = {accounts, 2},
    .claims = {claims, 6, 5},
    .amount_min_cents = 100,
    .amount_max_cents = 1000000,
};

static struct credit_form check(struct arena *arena, const char *encoded, const struct credit_rules *with)
{
    struct form fields;
    struct credit_form form;
    assert_int_equal(form_parse(arena, str_from(encoded), &fields), 0);
    credit_form_read(&form, arena, &fields);
    credit_form_check(&form, arena, with);
    return form;
}

#define MAIL "&courriel=a%40example.org"

static void accepted(void **state)
{
    static const struct {
        const char *encoded;
        int64_t total_cents;
        unsigned n_lines;
    } cases[] = {
        {"type=avance&compte=1&montant=158%2C5" MAIL, 15850, 1},
        {"type=avance&compte=1&montant=1%C2%A0158%2C50+%E2%82%AC" MAIL, 115850, 1},
        {"type=avance&compte=2&montant=1" MAIL, 100, 1},
        {"type=avance&compte=2&montant=10000" MAIL, 1000000, 1},
        {"type=avance&compte=1&creance=10&montant=5" MAIL, 500, 1},   /* a top-up ignores the claim */
        {"type=creance&compte=1&creance=10&montant=" MAIL, 15850, 1}, /* what remains */
        {"type=creance&compte=1&creance=10&montant=158.50" MAIL, 15850, 1},
        {"type=creance&compte=1&montant=20" MAIL, 2000, 1},        /* créance à imputer */
        {"type=creance&compte=2&creance=11&montant=" MAIL, 80, 1}, /* no minimum for a whole claim */
        {"type=avance&compte=1&montant=5&compte_2=2&montant_2=6&montant_20=7&compte_20=1" MAIL, 1800, 3},
    };
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct credit_form form = check(&arena, cases[i].encoded, &rules);
        assert_int_equal(form.n_errors, 0);
        assert_int_equal(form.total_cents, cases[i].total_cents);
        assert_int_equal(form.n_lines, cases[i].n_lines);
    }
    arena_done(&arena);
}

static struct str first_error(const struct credit_form *form)
{
    const struct credit_line *line = &form->lines[form->n_lines - 1];
    const struct str errors[] = {form->type_error,   line->account_error,         line->claim_error,
                                 line->amount_error, form->lines[0].amount_error, form->email_error,
                                 form->comment_error};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (errors[i].len > 0)
            return errors[i];
    }
    return STR_NULL;
}

static void refused(void **state)
{
    static const struct {
        const char *encoded;
        const char *told; /* part of the message */
    } cases[] = {
        {"compte=1&montant=5" MAIL, "Choisissez un paiement d'avance"},
        {"type=autre&compte=1&montant=5" MAIL, "Choisissez un paiement d'avance"},
        {"type=avance&montant=5" MAIL, "Choisissez le compte"},
        {"type=avance&compte=3&montant=5" MAIL, "pas dans votre liste"}, /* somebody else's */
        {"type=avance&compte=x&montant=5" MAIL, "pas dans votre liste"},
        {"type=avance&compte=1&montant=" MAIL, "Indiquez un montant"},
        {"type=avance&compte=1&montant=abc" MAIL, "ne se lit pas"},
        {"type=avance&compte=1&montant=-5" MAIL, "ne se lit pas"},
        {"type=avance&compte=1&montant=0" MAIL, "supérieur à zéro"},
        {"type=avance&compte=1&montant=0%2C99" MAIL, "montant minimal"},
        {"type=avance&compte=1&montant=10000%2C01" MAIL, "montant maximal"},
        {"type=avance&compte=1&montant=99999999999" MAIL, "trop élevé"},
        {"type=avance&compte=1&montant=6000&compte_2=2&montant_2=6000" MAIL, "montant maximal"},
        {"type=creance&compte=1&creance=99&montant=" MAIL, "déjà réglée"},
        {"type=creance&compte=2&creance=10&montant=" MAIL, "un autre élève"},
        {"type=creance&compte=1&creance=12&montant=" MAIL, "prélèvement"},
        {"type=creance&compte=1&creance=13&montant=" MAIL, "Un autre payeur"},
        {"type=creance&compte=1&creance=13&montant=" MAIL, "une seconde fois"},
        {"type=creance&compte=1&creance=14&montant=" MAIL, "Un autre de vos paiements"},
        {"type=creance&compte=1&creance=15&montant=" MAIL, "par un autre payeur"},
        {"type=creance&compte=1&creance=10&montant=100" MAIL, "paiement partiel"},
        {"type=creance&compte=1&creance=10&montant=158%2C51" MAIL, "Il ne reste que"},
        {"type=creance&compte=1&creance=10&montant=&compte_2=1&creance_2=10" MAIL, "figure deux fois"},
        {"type=avance&compte=1&montant=5&courriel=", "Indiquez le courriel"},
        {"type=avance&compte=1&montant=5&courriel=a%40b", "pas valable"},
        {"type=avance&compte=1&montant=5&courriel=a%40example.org%0D%0ABcc%3Ax%40y.fr", "pas valable"},
        {"type=avance&compte=1&montant=5&commentaires=a%07b" MAIL, "invisibles"},
    };
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct credit_form form = check(&arena, cases[i].encoded, &rules);
        struct str told = first_error(&form);
        assert_true(form.n_errors > 0);
        if (!memmem(told.ptr, told.len, cases[i].told, strlen(cases[i].told)))
            fail_msg("%s: told \"%.*s\"", cases[i].encoded, STR_ARG(told));
    }
    arena_done(&arena);
}

static void part_payment_where_the_school_allows_it(void **state)
{
    struct credit_rules with = rules;
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 20);
    with.part_payment_allowed = true;
    assert_int_equal(check(&arena, "type=creance&compte=1&creance=10&montant=100" MAIL, &with).n_errors, 0);
    assert_int_equal(check(&arena, "type=creance&compte=1&creance=10&montant=0%2C50" MAIL, &with).n_errors, 1);
    assert_int_equal(check(&arena, "type=creance&compte=1&creance=10&montant=158%2C51" MAIL, &with).n_errors, 1);
    arena_done(&arena);
}

static void comment_keeps_its_lines_and_its_limit(void **state)
{
    struct arena arena;
    struct credit_form form;
    struct buf encoded;
    (void)state;
    arena_init(&arena, 1 << 20);
    form = check(&arena, "type=avance&compte=1&montant=5&commentaires=+a%0D%0Ab+" MAIL, &rules);
    assert_true(str_eq(form.comment, STR("a\nb")));
    buf_init(&encoded, 1 << 16);
    buf_append_text(&encoded, "type=avance&compte=1&montant=5" MAIL "&commentaires=");
    for (unsigned i = 0; i < CREDIT_COMMENT_MAX; i++)
        buf_append_text(&encoded, "%C3%A9"); /* characters are counted, not bytes */
    assert_int_equal(check(&arena, arena_text(&arena, buf_str(&encoded)), &rules).n_errors, 0);
    buf_append_char(&encoded, 'x');
    assert_int_equal(check(&arena, arena_text(&arena, buf_str(&encoded)), &rules).n_errors, 1);
    buf_done(&encoded);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted),
        cmocka_unit_test(refused),
        cmocka_unit_test(part_payment_where_the_school_allows_it),
        cmocka_unit_test(comment_keeps_its_lines_and_its_limit),
    };
    return cmocka_run_group_tests_name("credit_form", tests, NULL, NULL);
}
