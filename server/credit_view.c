#include "server/credit_view.h"

#include "common/encode.h"
#include "common/french.h"
#include "common/rand.h"

enum { TOKEN_LEN = 32 };

static struct str id_text(struct arena *arena, int64_t id)
{
    return arena_printf(arena, "%lld", (long long)id);
}

/* What was typed counts; ids come from a stored payment or a link. */
static bool is_selected(struct str typed, int64_t chosen, struct str value, int64_t id)
{
    return typed.len > 0 ? str_eq(typed, value) : chosen == id;
}

static void fill_accounts(struct arena *arena, struct credit_line_view *view, const struct credit_line *line,
                          const struct accounts *accounts)
{
    struct option_view *options = ARENA_ARRAY(arena, accounts->n_items, struct option_view);
    view->must_choose = accounts->n_items > 1;
    for (unsigned i = 0; i < accounts->n_items; i++) {
        const struct account *account = &accounts->items[i];
        options[i].value = id_text(arena, account->id);
        options[i].label = account->class_name.len > 0 ? arena_printf(arena, "%.*s (%.*s)", STR_ARG(account->name),
                                                                      STR_ARG(account->class_name))
                                                       : account->name;
        options[i].selected = is_selected(line->account_text, line->account_id, options[i].value, account->id);
        view->must_choose = view->must_choose && !options[i].selected;
    }
    view->accounts = options;
    view->n_accounts = accounts->n_items;
}

static struct str claim_label(struct arena *arena, const struct open_claim *claim)
{
    struct str due = STR("");
    if (claim->due_date.len > 0)
        due = arena_printf(arena, ", échéance %.*s", STR_ARG(french_date_from_iso(arena, claim->due_date)));
    return arena_printf(arena, "%.*s – %.*s, %.*s%.*s", STR_ARG(french_money(arena, claim->remaining_cents)),
                        STR_ARG(claim->account_name), STR_ARG(claim->label), STR_ARG(due));
}

static void fill_claims(struct arena *arena, struct credit_line_view *view, const struct credit_line *line,
                        const struct open_claims *claims)
{
    struct option_view *options = ARENA_ARRAY(arena, claims->n_items, struct option_view);
    for (unsigned i = 0; i < claims->n_items; i++) {
        const struct open_claim *claim = &claims->items[i];
        if (claim->direct_debit)
            continue;
        struct option_view *option = &options[view->n_claims++];
        option->value = id_text(arena, claim->id);
        option->label = claim_label(arena, claim);
        option->selected = is_selected(line->claim_text, line->claim_id, option->value, claim->id);
    }
    view->claims = options;
}

static struct credit_line_view line_view(struct page *page, const struct credit_form *form, unsigned index,
                                         const struct credit_rules *rules)
{
    const struct credit_line *line = &form->lines[index];
    struct credit_line_view view = {
        .suffix = line->suffix,
        .numbered = form->n_lines > 1,
        .number = index + 1,
        .commensal = str_eq(page_user_text(page, USER_ROLE), STR("COMMENSAL")),
        .account_error = line->account_error,
        .claim_error = line->claim_error,
        .montant = {.value = line->amount_text, .error = line->amount_error},
    };
    fill_accounts(page->arena, &view, line, &rules->accounts);
    fill_claims(page->arena, &view, line, &rules->claims);
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

    note_errors(page, form);
    for (unsigned i = 0; i < form->n_lines; i++)
        lines[i] = line_view(page, form, i, rules);
    return (struct credit_view){
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
}
