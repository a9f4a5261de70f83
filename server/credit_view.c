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

/* What was typed counts; else what follows from it, as the only account or that of a claim. */
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

/* A claim among several lines is not chosen again but said: the list of all claims in each line would be long to read
 * and to fetch. */
static const struct claim_line_view *claim_line(struct page *page, const struct credit_line *line,
                                                const struct credit_rules *rules)
{
    const struct open_claim *claim = open_claims_find(&rules->claims, line->claim_id);
    struct claim_line_view *view;

    if (!claim)
        return NULL;
    view = ARENA_NEW(page->arena, struct claim_line_view);
    view->account = claim->account_name;
    view->label = claim->label;
    view->number = open_claim_number(claim);
    view->due_date = french_date_from_iso(page->arena, claim->due_date);
    view->account_value = line->account_text.len > 0 ? line->account_text : id_text(page->arena, line->account_id);
    view->claim_value = line->claim_text;
    if (!rules->part_payment_allowed)
        view->amount = french_money(page->arena, line->amount_cents);
    return view;
}

static struct credit_line_view line_view(struct page *page, const struct credit_form *form, unsigned index,
                                         const struct choices *choices, const struct credit_rules *rules, bool focus)
{
    const struct credit_line *line = &form->lines[index];
    const struct option_view *accounts =
        select_one(page->arena, choices->accounts, choices->n_accounts, line->account_text, line->account_id);
    bool settled = form->n_lines > 1 && line->is_good;

    struct credit_line_view view = {
        .suffix = line->suffix,
        .numbered = form->n_lines > 1,
        .focus = focus,
        .number = index + 1,
        .remove_value = id_text(page->arena, line->number),
        .commensal = str_eq(page_user_text(page, USER_ROLE), STR("COMMENSAL")),
        .claim_line = settled && form->is_claim ? claim_line(page, line, rules) : NULL,
        .must_choose = choices->n_accounts > 1 && !is_one_selected(accounts, choices->n_accounts),
        .accounts = accounts,
        .n_accounts = choices->n_accounts,
        .account_error = line->account_error,
        .claim_error = line->claim_error,
        .montant = {.value = line->amount_text, .error = line->amount_error},
    };
    if (!settled || form->is_claim)
        offer_claims(page->arena, choices, &view, line);
    return view;
}

/* One line explains what all have: the first that has it. */
static void place_hints(struct credit_line_view *lines, unsigned n_lines)
{
    bool amount = false, claim = false;

    for (unsigned i = 0; i < n_lines; i++) {
        if (lines[i].claim_line)
            continue;
        lines[i].amount_hint = !amount;
        amount = true;
        lines[i].claim_hint = !claim && lines[i].n_claims > 0;
        claim = claim || lines[i].n_claims > 0;
    }
}

/* What all lines come to; nothing while one of them is begun and not good. */
static struct str total_text(struct arena *arena, const struct credit_form *form)
{
    for (unsigned i = 0; i < form->n_lines; i++) {
        if (!form->lines[i].is_good && !credit_line_is_blank(&form->lines[i]))
            return STR("");
    }
    return form->n_lines > 1 && form->total_cents > 0 ? french_money(arena, form->total_cents) : STR("");
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
    note_error(page, "total", STR(""), form->total_error);
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

struct credit_view credit_view_make(struct page *page, const struct credit_form *form, const struct credit_rules *rules,
                                    const struct credit_edit *edit)
{
    bool edited = edit->kind == CREDIT_EDIT_ADDED || edit->kind == CREDIT_EDIT_REMOVED;
    struct credit_line_view *lines = ARENA_ARRAY(page->arena, form->n_lines, struct credit_line_view);
    struct choices choices = {0};

    note_errors(page, form);
    list_accounts(page->arena, &rules->accounts, &choices);
    list_claims(page->arena, &rules->claims, &choices);
    for (unsigned i = 0; i < form->n_lines; i++)
        lines[i] = line_view(page, form, i, &choices, rules, edited && edit->focus == i);
    place_hints(lines, form->n_lines);
    struct credit_view view = {
        .token = one_time_token(page->arena),
        .type_advance = form->type_chosen && !form->is_claim,
        .type_claim = form->type_chosen && form->is_claim,
        .type_error = form->type_error,
        .lines = lines,
        .n_lines = form->n_lines,
        .several_lines = form->n_lines > 1,
        .can_add = form->n_lines < CREDIT_LINES_MAX,
        .lines_max = CREDIT_LINES_MAX,
        .total = total_text(page->arena, form),
        .total_error = form->total_error,
        .amount_min = french_money(page->arena, rules->amount_min_cents),
        .amount_max = french_money(page->arena, rules->amount_max_cents),
        .part_payment_allowed = rules->part_payment_allowed,
        .courriel = {.value = form->email, .error = form->email_error},
        .commentaires = {.value = form->comment, .error = form->comment_error},
    };
    list_bars(page->arena, &rules->claims, &view);
    return view;
}

/* --- remarks -------------------------------------------------------------------------------------------------------
 */

enum { REMARKS_MAX = 4 };

static void remark(struct text_view *remarks, unsigned *n, bool applies, struct str text)
{
    if (applies)
        remarks[(*n)++].text = text;
}

static struct str gone_text(struct arena *arena, unsigned count)
{
    if (count == 1)
        return STR("Une créance choisie n'est pas reprise\u00a0: elle est déjà réglée, ou ne se paie pas ici.");
    return arena_printf(arena,
                        "%u\u00a0créances choisies ne sont pas reprises\u00a0: elles sont déjà réglées, ou ne se "
                        "paient pas ici.",
                        count);
}

static struct str over_text(struct arena *arena, unsigned count)
{
    if (count == 1)
        return arena_printf(arena,
                            "Un paiement règle %d\u00a0créances au plus. Les plus urgentes sont reprises ici\u00a0; il "
                            "en reste une, à régler ensuite par un second paiement.",
                            CREDIT_LINES_MAX);
    return arena_printf(arena,
                        "Un paiement règle %d\u00a0créances au plus. Les plus urgentes sont reprises ici\u00a0; il en "
                        "reste %u, à régler ensuite par un autre paiement.",
                        CREDIT_LINES_MAX, count);
}

void credit_view_remark(struct page *page, struct credit_view *view, const struct credit_start *start,
                        const struct credit_edit *edit)
{
    struct text_view *remarks = ARENA_ARRAY(page->arena, REMARKS_MAX, struct text_view);
    unsigned n = 0;

    remark(
        remarks, &n, start->none_ticked,
        STR("Aucune créance n'était cochée\u00a0: choisissez ici celle à régler, ou revenez à l'accueil en cocher."));
    remark(remarks, &n, start->n_gone > 0, gone_text(page->arena, start->n_gone));
    remark(remarks, &n, start->n_over > 0, over_text(page->arena, start->n_over));
    remark(remarks, &n, edit->kind == CREDIT_EDIT_FULL,
           arena_printf(page->arena,
                        "Aucune ligne n'est ajoutée\u00a0: un paiement en compte %d au plus. Réglez d'abord celles-ci, "
                        "puis faites un second paiement.",
                        CREDIT_LINES_MAX));
    view->remarks = remarks;
    view->n_remarks = n;
    if (edit->kind == CREDIT_EDIT_ADDED)
        page->view.notice = arena_printf(page->arena, "Ligne %u ajoutée.", edit->line);
    if (edit->kind == CREDIT_EDIT_REMOVED)
        page->view.notice = arena_printf(page->arena, "Ligne %u retirée.", edit->line);
}
