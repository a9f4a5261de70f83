#include "server/credit_form.h"

#include "common/err.h"
#include "common/french.h"
#include "common/mail_address.h"
#include "common/money.h"

/* --- reading -------------------------------------------------------------------------------------------------------
 */

struct accounts accounts_read(struct arena *arena, const struct db_result *result)
{
    struct account *items = ARENA_ARRAY(arena, result->n_rows, struct account);
    for (unsigned i = 0; i < result->n_rows; i++) {
        const struct db_value *row = result->cells + (size_t)i * result->n_columns;
        items[i] = (struct account){
            .id = row[0].number,
            .name = ARENA_CONCAT(arena, row[2].text, STR(" "), row[1].text),
            .class_name = row[3].text,
        };
    }
    return (struct accounts){items, result->n_rows};
}

bool accounts_have(const struct accounts *accounts, int64_t id)
{
    for (unsigned i = 0; i < accounts->n_items; i++) {
        if (accounts->items[i].id == id)
            return true;
    }
    return false;
}

static struct str line_field(struct arena *arena, const struct form *fields, const char *name, struct str suffix)
{
    struct str full = arena_printf(arena, "%s%.*s", name, STR_ARG(suffix));
    return str_trim(form_get(fields, full.ptr));
}

void credit_line_number(struct credit_line *line, struct arena *arena, unsigned number)
{
    line->number = number;
    line->suffix = number == 1 ? STR("") : arena_printf(arena, "_%u", number);
}

bool credit_line_is_blank(const struct credit_line *line)
{
    return line->claim_text.len + line->amount_text.len == 0;
}

static bool has_field(struct arena *arena, const struct form *fields, const char *name, struct str suffix)
{
    return form_get(fields, arena_printf(arena, "%s%.*s", name, STR_ARG(suffix)).ptr).ptr != NULL;
}

static void read_lines(struct credit_form *form, struct arena *arena, const struct form *fields, bool all_shown)
{
    for (unsigned i = 1; i <= CREDIT_LINES_MAX; i++) {
        struct credit_line line = {0};
        credit_line_number(&line, arena, i);
        line.account_text = line_field(arena, fields, "compte", line.suffix);
        line.claim_text = line_field(arena, fields, "creance", line.suffix);
        line.amount_text = line_field(arena, fields, "montant", line.suffix);
        if (i == 1 || line.account_text.len > 0 || !credit_line_is_blank(&line) ||
            (all_shown && has_field(arena, fields, "montant", line.suffix)))
            form->lines[form->n_lines++] = line;
    }
}

static void read_form(struct credit_form *form, struct arena *arena, const struct form *fields, bool all_shown)
{
    struct str type = form_get(fields, "type");

    *form = (struct credit_form){.n_lines = 0};
    form->type_chosen = str_eq(type, STR("avance")) || str_eq(type, STR("creance"));
    form->is_claim = str_eq(type, STR("creance"));
    form->email = str_trim(form_get(fields, "courriel"));
    form->comment = str_trim(form_unix_lines(arena, form_get(fields, "commentaires")));
    read_lines(form, arena, fields, all_shown);
}

void credit_form_read(struct credit_form *form, struct arena *arena, const struct form *fields)
{
    read_form(form, arena, fields, false);
}

void credit_form_read_shown(struct credit_form *form, struct arena *arena, const struct form *fields)
{
    read_form(form, arena, fields, true);
}

/* --- judging -------------------------------------------------------------------------------------------------------
 */

static void complain(struct credit_form *form, struct str *error, struct str message)
{
    if (error->len > 0)
        return;
    *error = message;
    form->n_errors++;
}

static void check_account(struct credit_form *form, struct credit_line *line, const struct credit_rules *rules)
{
    if (line->account_id != 0 && line->account_text.len == 0)
        return;
    if (line->account_text.len == 0 && rules->accounts.n_items == 1)
        line->account_id = rules->accounts.items[0].id;
    else if (line->account_text.len == 0)
        complain(form, &line->account_error, STR("Choisissez le compte à créditer."));
    else if (str_to_u63(line->account_text, &line->account_id) != 0 ||
             !accounts_have(&rules->accounts, line->account_id))
        complain(form, &line->account_error, STR("Ce compte n'est pas dans votre liste : choisissez-en un autre."));
}

/* Who chose a claim has chosen the account too. */
static void take_account_of_claim(const struct credit_form *form, struct credit_line *line,
                                  const struct credit_rules *rules)
{
    const struct open_claim *claim;
    int64_t id;

    if (!form->is_claim || line->account_text.len > 0 || str_to_u63(line->claim_text, &id) != 0)
        return;
    claim = open_claims_find(&rules->claims, id);
    if (claim)
        line->account_id = claim->account_id;
}

static bool claim_is_taken(const struct credit_form *form, const struct credit_line *line)
{
    for (const struct credit_line *other = form->lines; other < line; other++) {
        if (other->claim_id == line->claim_id)
            return true;
    }
    return false;
}

/* Whoever comes second is told before anything is stored; what has to hold is looked at again when the payment is sent.
 */
static void check_bar(struct credit_form *form, struct arena *arena, struct credit_line *line,
                      const struct open_claim *claim)
{
    switch (open_claims_bar(claim, 0)) {
    case BAR_SETTLED:
        complain(form, &line->claim_error, STR("Cette créance est déjà réglée par un autre payeur."));
        break;
    case BAR_DIRECT_DEBIT:
        complain(form, &line->claim_error,
                 STR("Cette créance est réglée par prélèvement : elle ne se paie pas par carte."));
        break;
    case BAR_HELD:
        complain(form, &line->claim_error,
                 arena_printf(arena,
                              "%s règle cette créance par carte : elle lui est réservée jusqu'à %.*s au plus "
                              "tard. Ne payez pas une seconde fois.",
                              claim->own_hold.len > 0 ? "Un autre de vos paiements" : "Un autre payeur",
                              STR_ARG(french_hour(arena, claim->held_until_us))));
        break;
    case BAR_NONE:
    case BAR_TOO_MUCH:
        break;
    }
}

static const struct open_claim *check_claim(struct credit_form *form, struct arena *arena, struct credit_line *line,
                                            const struct credit_rules *rules)
{
    const struct open_claim *claim = NULL;

    if (!form->is_claim || line->claim_text.len == 0)
        return NULL;
    if (str_to_u63(line->claim_text, &line->claim_id) == 0)
        claim = open_claims_find(&rules->claims, line->claim_id);
    if (!claim)
        complain(form, &line->claim_error, STR("Cette créance est déjà réglée ou n'est pas dans votre liste."));
    else if (line->account_id != 0 && claim->account_id != line->account_id)
        complain(form, &line->claim_error, STR("Cette créance concerne un autre élève que celui choisi."));
    else
        check_bar(form, arena, line, claim);
    if (claim_is_taken(form, line))
        complain(form, &line->claim_error, STR("Cette créance figure deux fois dans ce paiement."));
    return line->claim_error.len > 0 ? NULL : claim;
}

static void check_claim_amount(struct credit_form *form, struct arena *arena, struct credit_line *line,
                               const struct open_claim *claim, const struct credit_rules *rules)
{
    struct str remaining = french_money(arena, claim->remaining_cents);
    if (line->amount_cents > claim->remaining_cents)
        complain(form, &line->amount_error,
                 arena_printf(arena, "Il ne reste que %.*s à régler sur cette créance.", STR_ARG(remaining)));
    else if (line->amount_cents < claim->remaining_cents && !rules->part_payment_allowed)
        complain(form, &line->amount_error,
                 arena_printf(arena,
                              "L'établissement n'accepte pas de paiement partiel : indiquez %.*s ou laissez vide.",
                              STR_ARG(remaining)));
}

static void check_amount(struct credit_form *form, struct arena *arena, struct credit_line *line,
                         const struct open_claim *claim, const struct credit_rules *rules)
{
    int err;

    if (line->amount_text.len == 0 && claim) {
        line->amount_cents = claim->remaining_cents;
        return;
    }
    err = money_parse(line->amount_text, &line->amount_cents);
    if (line->amount_text.len == 0)
        complain(form, &line->amount_error, STR("Indiquez un montant, par exemple 158,50."));
    else if (err == ERR_TOO_LARGE)
        complain(form, &line->amount_error, STR("Ce montant est trop élevé."));
    else if (err)
        complain(form, &line->amount_error, STR("Ce montant ne se lit pas : écrivez par exemple 158,50."));
    else if (line->amount_cents == 0)
        complain(form, &line->amount_error, STR("Le montant doit être supérieur à zéro."));
    else if (claim)
        check_claim_amount(form, arena, line, claim, rules);
}

/* A claim that is settled whole has no minimum: nobody can owe 0,80 € for ever. */
static void check_line(struct credit_form *form, struct arena *arena, struct credit_line *line,
                       const struct credit_rules *rules, bool *ret_whole_claim)
{
    const struct open_claim *claim;

    take_account_of_claim(form, line, rules);
    check_account(form, line, rules);
    claim = check_claim(form, arena, line, rules);
    if (line->claim_error.len == 0)
        check_amount(form, arena, line, claim, rules);
    line->is_good = line->account_error.len + line->claim_error.len + line->amount_error.len == 0;
    *ret_whole_claim = claim && line->amount_cents == claim->remaining_cents;
}

static void check_total(struct credit_form *form, struct arena *arena, const struct credit_rules *rules,
                        bool only_whole_claims)
{
    struct str *error = form->n_lines > 1 ? &form->total_error : &form->lines[0].amount_error;
    if (form->total_cents < rules->amount_min_cents && !only_whole_claims)
        complain(form, error,
                 arena_printf(arena, "Le montant minimal est de %.*s.",
                              STR_ARG(french_money(arena, rules->amount_min_cents))));
    else if (form->total_cents > rules->amount_max_cents)
        complain(form, error,
                 arena_printf(arena, "Le montant maximal d'un paiement est de %.*s.%s",
                              STR_ARG(french_money(arena, rules->amount_max_cents)),
                              form->n_lines > 1 ? " Retirez une ligne, et réglez-la par un second paiement." : ""));
}

static void check_email_and_comment(struct credit_form *form)
{
    if (form->email.len == 0)
        complain(form, &form->email_error, STR("Indiquez le courriel qui recevra la confirmation."));
    else if (!mail_address_is_valid(form->email))
        complain(form, &form->email_error,
                 STR("Ce courriel n'est pas valable : écrivez par exemple prenom.nom@exemple.fr."));
    if (str_utf8_length(form->comment) > CREDIT_COMMENT_MAX)
        complain(form, &form->comment_error,
                 STR("Vos commentaires dépassent 1\u202f000\u00a0caractères\u00a0: raccourcissez-les."));
    else if (str_has_control(form->comment, "\n\t"))
        complain(form, &form->comment_error,
                 STR("Vos commentaires contiennent des caractères invisibles : retapez-les."));
}

void credit_form_check(struct credit_form *form, struct arena *arena, const struct credit_rules *rules)
{
    bool only_whole_claims = true;

    if (!form->type_chosen)
        complain(form, &form->type_error, STR("Choisissez un paiement d'avance ou le règlement d'une créance."));
    for (unsigned i = 0; i < form->n_lines; i++) {
        bool whole_claim;
        check_line(form, arena, &form->lines[i], rules, &whole_claim);
        only_whole_claims = only_whole_claims && whole_claim;
        form->total_cents += form->lines[i].is_good ? form->lines[i].amount_cents : 0;
    }
    check_email_and_comment(form);
    if (form->n_errors == 0)
        check_total(form, arena, rules, only_whole_claims);
}

void credit_form_weigh(struct credit_form *form, struct arena *arena, const struct credit_rules *rules)
{
    struct credit_form judged = *form;

    credit_form_check(&judged, arena, rules);
    form->total_cents = judged.total_cents;
    for (unsigned i = 0; i < form->n_lines; i++) {
        struct credit_line *line = &form->lines[i];
        line->is_good = judged.lines[i].is_good;
        line->account_id = judged.lines[i].account_id;
        line->claim_id = judged.lines[i].claim_id;
        line->amount_cents = judged.lines[i].amount_cents;
    }
}
