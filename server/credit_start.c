#include "server/credit_start.h"

#include "common/err.h"
#include "common/money.h"
#include "server/statements.h"

static struct str id_text(struct arena *arena, int64_t id)
{
    return arena_printf(arena, "%lld", (long long)id);
}

static struct credit_line *next_line(struct credit_form *form, struct arena *arena)
{
    struct credit_line *line = &form->lines[form->n_lines++];
    credit_line_number(line, arena, form->n_lines);
    return line;
}

/* As if the person had typed it, so that the form goes one way only. */
static void fill_line(struct credit_line *line, struct arena *arena, int64_t account_id, int64_t claim_id,
                      int64_t amount_cents)
{
    char amount[MONEY_TEXT_SIZE];

    money_format_input(amount_cents, amount);
    line->account_text = id_text(arena, account_id);
    line->claim_text = claim_id ? id_text(arena, claim_id) : STR("");
    line->amount_text = arena_str(arena, str_from(amount));
}

/* --- claims that were asked for ------------------------------------------------------------------------------------
 */

struct wanted {
    int64_t ids[FORM_FIELDS_MAX]; /* each once */
    unsigned n_ids;
    unsigned n_named, n_unread; /* creance=… in the query; of them no numbers */
    bool all;
};

static bool is_wanted(const struct wanted *wanted, int64_t id)
{
    for (unsigned i = 0; i < wanted->n_ids; i++) {
        if (wanted->ids[i] == id)
            return true;
    }
    return false;
}

static void read_wanted(const struct form *query, struct wanted *wanted)
{
    wanted->all = form_get(query, "tout").len > 0;
    for (unsigned i = 0; i < query->n_fields; i++) {
        int64_t id;
        if (!str_eq(query->fields[i].name, STR("creance")))
            continue;
        wanted->n_named++;
        if (str_to_u63(query->fields[i].value, &id) != 0)
            wanted->n_unread++;
        else if (!is_wanted(wanted, id))
            wanted->ids[wanted->n_ids++] = id;
    }
}

static bool takes(const struct wanted *wanted, const struct open_claim *claim)
{
    return open_claims_bar(claim, 0) == BAR_NONE && (wanted->all || is_wanted(wanted, claim->id));
}

/* In the order of the claims: the first due come first, and stay when there are too many. */
static void fill_claims(struct credit_form *form, struct arena *arena, const struct wanted *wanted,
                        const struct open_claims *claims, struct credit_start *start)
{
    unsigned n_found = 0;

    for (unsigned i = 0; i < claims->n_open; i++) {
        const struct open_claim *claim = &claims->items[i];
        if (!takes(wanted, claim) || ++n_found > CREDIT_LINES_MAX)
            continue;
        fill_line(next_line(form, arena), arena, claim->account_id, claim->id, claim->remaining_cents);
    }
    start->n_over = n_found > CREDIT_LINES_MAX ? n_found - CREDIT_LINES_MAX : 0;
    if (!wanted->all)
        start->n_gone = wanted->n_ids - n_found;
}

/* --- an account that was asked for ---------------------------------------------------------------------------------
 */

static void fill_account(struct credit_form *form, struct credit_line *line, struct arena *arena,
                         const struct form *query, const struct accounts *accounts)
{
    int64_t id;

    if (str_to_u63(form_get(query, "compte"), &id) == 0 && accounts_have(accounts, id)) {
        form->type_chosen = true;
        line->account_text = id_text(arena, id);
    } else if (accounts->n_items == 1) {
        line->account_text = id_text(arena, accounts->items[0].id);
    }
}

int credit_start_fill(struct credit_form *form, struct arena *arena, const struct form *query,
                      const struct credit_rules *rules, struct credit_start *ret)
{
    struct wanted wanted = {.n_ids = 0};
    struct credit_start start = {0};

    read_wanted(query, &wanted);
    if (wanted.n_named > 1 && wanted.n_unread > 0)
        return ERR_INVALID;
    fill_claims(form, arena, &wanted, &rules->claims, &start);
    start.none_ticked = wanted.n_named == 0 && form_get(query, "cochees").len > 0;
    form->type_chosen = form->is_claim = form->n_lines > 0 || start.none_ticked || start.n_gone > 0;
    if (form->n_lines == 0)
        fill_account(form, next_line(form, arena), arena, query, &rules->accounts);
    *ret = start;
    return 0;
}

/* --- a payment that is modified ------------------------------------------------------------------------------------
 */

void credit_start_modify(struct credit_form *form, struct arena *arena, const struct db_result *stored)
{
    for (unsigned i = 0; i < stored->n_rows && i < CREDIT_LINES_MAX; i++) {
        const struct db_value *row = stored->cells + (size_t)i * stored->n_columns;
        form->type_chosen = true;
        form->is_claim = str_eq(row[STORED_KIND].text, STR("CLAIM"));
        form->email = row[STORED_EMAIL].text;
        form->comment = row[STORED_COMMENT].text;
        fill_line(next_line(form, arena), arena, row[STORED_ACCOUNT_ID].number, row[STORED_CLAIM_ID].number,
                  row[STORED_AMOUNT].number);
    }
}
