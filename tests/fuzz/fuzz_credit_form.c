/* The form "Créditer un compte": what is judged good credits only the person's own accounts, for amounts that add up
 * and stay within the school's rules, and claims that may be paid so. */
#include "common/mail_address.h"
#include "common/money.h"
#include "fuzz/fuzz.h"
#include "server/credit_edit.h"
#include "server/credit_form.h"
#include "server/credit_start.h"

static const struct account accounts[] = {{1, STR("Julia Durand"), STR("6e")}, {2, STR("Charlie Durand"), STR("4e")}};
static const struct open_claim claims[] = {
    {.id = 5, .account_id = 1, .remaining_cents = 15850},
    {.id = 6, .account_id = 2, .remaining_cents = 80},
    {.id = 7, .account_id = 1, .remaining_cents = 900, .direct_debit = true},
    {.id = 8, .account_id = 2, .remaining_cents = 900, .held_until_us = 1},
    {.id = 9, .account_id = 2, .others_cents = 900},
};

static const struct open_claim *find_claim(int64_t id)
{
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        if (claims[i].id == id)
            return &claims[i];
    }
    return NULL;
}

static void check_line(const struct credit_form *form, const struct credit_line *line, const struct credit_rules *rules)
{
    const struct open_claim *claim = find_claim(line->claim_id);

    FUZZ_CHECK(line->account_id == 1 || line->account_id == 2);
    FUZZ_CHECK(line->amount_cents > 0 && line->amount_cents <= MONEY_CENTS_MAX);
    FUZZ_CHECK(line->claim_id == 0 || (claim && claim->account_id == line->account_id &&
                                       open_claims_bar(claim, line->amount_cents) == BAR_NONE));
    FUZZ_CHECK(!claim || (form->is_claim && line->amount_cents <= claim->remaining_cents));
    FUZZ_CHECK(!claim || rules->part_payment_allowed || line->amount_cents == claim->remaining_cents);
    for (const struct credit_line *other = form->lines; other < line; other++)
        FUZZ_CHECK(!claim || other->claim_id != line->claim_id);
}

static void check_good(const struct credit_form *form, const struct credit_rules *rules)
{
    int64_t total = 0;

    FUZZ_CHECK(form->type_chosen && form->n_lines >= 1 && form->n_lines <= CREDIT_LINES_MAX);
    for (unsigned i = 0; i < form->n_lines; i++) {
        check_line(form, &form->lines[i], rules);
        total += form->lines[i].amount_cents;
    }
    FUZZ_CHECK(form->total_cents == total && total <= rules->amount_max_cents);
    FUZZ_CHECK(mail_address_is_valid(form->email));
    FUZZ_CHECK(str_utf8_length(form->comment) <= CREDIT_COMMENT_MAX && !str_has_control(form->comment, "\n\t"));
}

static void check_shown(const struct credit_form *form)
{
    FUZZ_CHECK(form->n_lines >= 1 && form->n_lines <= CREDIT_LINES_MAX && form->n_errors == 0);
    for (unsigned i = 0; i < form->n_lines; i++)
        FUZZ_CHECK(form->lines[i].number == i + 1);
}

/* The form with a line more or less, and as a link opens it, is always one that can be shown and handed in. */
static void show(struct arena *arena, const struct form *fields, const struct credit_rules *rules)
{
    static struct credit_form form;
    struct credit_start start;

    form = (struct credit_form){.n_lines = 0};
    if (credit_edit_read(&form, arena, fields).kind != CREDIT_EDIT_NONE) {
        credit_form_weigh(&form, arena, rules);
        check_shown(&form);
    }
    form = (struct credit_form){.n_lines = 0};
    if (credit_start_fill(&form, arena, fields, rules, &start) == 0) {
        credit_form_weigh(&form, arena, rules);
        check_shown(&form);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct form fields;
    static struct credit_form form;
    struct str body = fuzz_str(data, size);
    const struct credit_rules rules = {
        .accounts = {accounts, 2},
        .claims = {claims, 5, 4},
        .amount_min_cents = 100,
        .amount_max_cents = 1000000,
        .part_payment_allowed = size % 2,
    };
    struct arena arena;

    arena_init(&arena, FUZZ_ARENA_MAX);
    if (form_parse(&arena, body, &fields) == 0) {
        credit_form_read(&form, &arena, &fields);
        credit_form_check(&form, &arena, &rules);
        if (form.n_errors == 0)
            check_good(&form, &rules);
        show(&arena, &fields, &rules);
    }
    arena_done(&arena);
    return 0;
}
