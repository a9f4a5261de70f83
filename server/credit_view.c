#include "server/credit_view.h"

#include "common/encode.h"
#include "common/french.h"
#include "common/rand.h"
#include "server/claim_bar.h"

enum { TOKEN_LEN = 32 };

static struct str id_text(struct arena *arena, int64_t id)
{
    return arena_printf(arena, "%lld", (long long)id);
}

/* The choices of every line: their texts are made once, however many lines there are. */
struct choices {
    struct option_view *accounts, *claims;
    bool *payable; /* of each claim */
    unsigned n_accounts, n_claims, n_payable;
};

static void list_accounts(struct arena *arena, const struct accounts *accounts, struct choices *choices)
{
    choices->accounts = ARENA_ARRAY(arena, accounts->n_items, struct option_view);
    for (unsigned i = 0; i < accounts->n_items; i++) {
        const struct account *account = &accounts->items[i];
        struct option_view *option = &choices->accounts[choices->n_accounts++];
        option->value = id_text(arena, account->id);
        option->label = account->class_name.len > 0
                            ? arena_printf(arena, "%.*s (%.*s)", STR_ARG(account->name), STR_ARG(account->class_name))
                            : account->name;
    }
}

static struct str claim_label(struct arena *arena, const struct open_claim *claim)
{
    struct str due = STR("");
    if (claim->due_date.len > 0)
        due = arena_printf(arena, ", échéance %.*s", STR_ARG(french_date_from_iso(arena, claim->due_date)));
    return arena_printf(arena, "%.*s – %.*s, %.*s%.*s", STR_ARG(french_money(arena, claim->remaining_cents)),
                        STR_ARG(claim->account_name), STR_ARG(claim->label), STR_ARG(due));
}

/* What was typed counts; ids come from a stored payment or a link. */
static struct option_view *select_one(struct arena *arena, const struct option_view *options, unsigned n_options,
                                      struct str typed, int64_t chosen)
{
    struct option_view *copy = ARENA_ARRAY(arena, n_options, struct option_view);
    struct str value = typed.len > 0 ? typed : id_text(arena, chosen);

    for (unsigned i = 0; i < n_options; i++) {
        copy[i] = options[i];
        copy[i].selected = str_eq(copy[i].value, value);
    }
    return copy;
}

static void list_claims(struct arena *arena, const struct open_claims *claims, struct choices *choices)
{
    choices->claims = ARENA_ARRAY(arena, claims->n_items, struct option_view);
    choices->payable = ARENA_ARRAY(arena, claims->n_items, bool);
    choices->n_claims = claims->n_items;
    for (unsigned i = 0; i < claims->n_items; i++) {
        choices->claims[i] = (struct option_view){
            .value = id_text(arena, claims->items[i].id),
            .label = claim_label(arena, &claims->items[i]),
        };
        choices->payable[i] = open_claims_bar(&claims->items[i], 0) == BAR_NONE;
        choices->n_payable += choices->payable[i];
    }
}

/* Those that can be paid, and the one that was chosen: were it left out, the browser would choose "Autre créance" by
 * itself, and the claim could be paid a second time under that name. */
static void offer_claims(struct arena *arena, const struct choices *choices, struct credit_line_view *view,
                         const struct credit_line *line)
{
    struct option_view *all = select_one(arena, choices->claims, choices->n_claims, line->claim_text, line->claim_id);

    view->claims = all;
    for (unsigned i = 0; i < choices->n_claims; i++) {
        if (choices->payable[i] || all[i].selected)
            all[view->n_claims++] = all[i];
    }
}

static bool is_one_selected(const struct option_view *options, unsigned n_options)
{
    for (unsigned i = 0; i < n_options; i++) {
        if (options[i].selected)
            return true;
    }
    return false;
}

static struct credit_line_view line_view(struct page *page, const struct credit_form *form, unsigned index,
                                         const struct choices *choices)
{
    const struct credit_line *line = &form->lines[index];
    const struct option_view *accounts =
        select_one(page->arena, choices->accounts, choices->n_accounts, line->account_text, line->account_id);

    struct credit_line_view view = {
        .suffix = line->suffix,
        .numbered = form->n_lines > 1,
        .number = index + 1,
        .commensal = str_eq(page_user_text(page, USER_ROLE), STR("COMMENSAL")),
        .must_choose = choices->n_accounts > 1 && !is_one_selected(accounts, choices->n_accounts),
        .accounts = accounts,
        .n_accounts = choices->n_accounts,
        .account_error = line->account_error,
        .claim_error = line->claim_error,
        .montant = {.value = line->amount_text, .error = line->amount_error},
    };
    offer_claims(page->arena, choices, &view, line);
    return view;
}

static void note_error(struct page *page, const char *field, struct str suffix, struct str error)
{
    if (error.len > 0)
        page_error(page, arena_printf(page->arena, "%s%.*s", field, STR_ARG(suffix)).ptr, error);
}

/* Among several lines the summary says which. */
static void note_line_error(struct page *page, const struct credit_form *form, unsigned index, const char *field,
                            struct str error)
{
    struct str said = error;
    if (error.len > 0 && form->n_lines > 1)
        said = arena_printf(page->arena, "Ligne %u\u00a0: %.*s", index + 1, STR_ARG(error));
    note_error(page, field, form->lines[index].suffix, said);
}

/* In the order of the fields on the page. */
static void note_errors(struct page *page, const struct credit_form *form)
{
    note_error(page, "type", STR(""), form->type_error);
    for (unsigned i = 0; i < form->n_lines; i++) {
        const struct credit_line *line = &form->lines[i];
        note_line_error(page, form, i, "compte", line->account_error);
        note_line_error(page, form, i, "creance", line->claim_error);
        note_line_error(page, form, i, "montant", line->amount_error);
    }
    note_error(page, "courriel", STR(""), form->email_error);
    note_error(page, "commentaires", STR(""), form->comment_error);
}

/* The open claims that cannot be paid now, each with its reason. */
static void list_bars(struct arena *arena, const struct open_claims *claims, struct credit_view *view)
{
    struct claim_bar_view *bars = ARENA_ARRAY(arena, claims->n_open, struct claim_bar_view);

    view->bars = bars;
    for (unsigned i = 0; i < claims->n_open; i++) {
        const struct open_claim *claim = &claims->items[i];
        const struct claim_bar_view *bar = claim_bar_view_make(arena, claim, 0, claim_label(arena, claim));
        if (bar)
            bars[view->n_bars++] = *bar;
    }
}

static struct str one_time_token(struct arena *arena)
{
    uint8_t bytes[TOKEN_LEN];
    char *text = arena_alloc(arena, ENCODE_BASE64URL_SIZE(TOKEN_LEN));
    rand_bytes(bytes, sizeof bytes);
    encode_base64url(bytes, sizeof bytes, text);
    return str_from(text);
}

struct credit_view credit_view_make(struct page *page, const struct credit_form *form, const struct credit_rules *rules)
{
    struct credit_line_view *lines = ARENA_ARRAY(page->arena, form->n_lines, struct credit_line_view);
    struct choices choices = {0};

    note_errors(page, form);
    list_accounts(page->arena, &rules->accounts, &choices);
    list_claims(page->arena, &rules->claims, &choices);
    for (unsigned i = 0; i < form->n_lines; i++)
        lines[i] = line_view(page, form, i, &choices);
    struct credit_view view = {
        .token = one_time_token(page->arena),
        .type_advance = form->type_chosen && !form->is_claim,
        .type_claim = form->type_chosen && form->is_claim,
        .type_error = form->type_error,
        .lines = lines,
        .n_lines = form->n_lines,
        .amount_min = french_money(page->arena, rules->amount_min_cents),
        .amount_max = french_money(page->arena, rules->amount_max_cents),
        .part_payment_allowed = rules->part_payment_allowed,
        .courriel = {.value = form->email, .error = form->email_error},
        .commentaires = {.value = form->comment, .error = form->comment_error},
    };
    list_bars(page->arena, &rules->claims, &view);
    return view;
}
