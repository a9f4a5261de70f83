/* claims.csv: what the families owe, one line a claim. */
#include "admin/import.h"

#include "admin/import_date.h"
#include "admin/import_index.h"
#include "admin/import_table.h"
#include "common/money.h"

enum column { COLUMN_NUMBER, COLUMN_ACCOUNT, COLUMN_LABEL, COLUMN_DUE, COLUMN_AMOUNT, COLUMN_DEBIT, COLUMN_COUNT };

static const struct import_column columns[COLUMN_COUNT] = {
    [COLUMN_NUMBER] = {"numero", true, 40},  [COLUMN_ACCOUNT] = {"compte", true, 64},
    [COLUMN_LABEL] = {"libelle", true, 160}, [COLUMN_DUE] = {"echeance", false, 10},
    [COLUMN_AMOUNT] = {"montant", true, 20}, [COLUMN_DEBIT] = {"prelevement", false, 3},
};

struct reader {
    struct import *import;
    struct import_table table;
    struct import_index accounts, numbers;
    size_t row;
};

#define FAULT(reader, column, ...) \
    import_table_fault(&(reader)->table, &(reader)->import->faults, (reader)->row, column, __VA_ARGS__)

static struct str cell(const struct reader *reader, size_t column)
{
    return import_table_cell(&reader->table, reader->row, column);
}

static bool is_one_of(struct str text, const char *const *words)
{
    for (; *words; words++) {
        if (str_eq_nocase(text, str_from(*words)))
            return true;
    }
    return false;
}

static void read_debit(struct reader *reader, struct import_claim *claim)
{
    static const char *const yes[] = {"oui", "o", "1", NULL};
    static const char *const no[] = {"", "non", "n", "0", NULL};
    struct str text = cell(reader, COLUMN_DEBIT);
    claim->direct_debit = is_one_of(text, yes);
    if (!claim->direct_debit && !is_one_of(text, no))
        FAULT(reader, COLUMN_DEBIT, "\"%.*s\" is not oui or non", STR_ARG(text));
}

static void take_row(struct reader *reader)
{
    struct import *import = reader->import;
    struct import_claim *claim = &import->claims[import->n_claims++];
    struct str due = cell(reader, COLUMN_DUE);

    *claim = (struct import_claim){.line = reader->table.lines[reader->row],
                                   .number = cell(reader, COLUMN_NUMBER),
                                   .label = cell(reader, COLUMN_LABEL),
                                   .account = import_index_find(&reader->accounts, cell(reader, COLUMN_ACCOUNT))};
    struct import_claim **first = (struct import_claim **)import_index_at(&reader->numbers, claim->number);
    if (*first && claim->number.len)
        FAULT(reader, COLUMN_NUMBER, "\"%.*s\" is in line %u already", STR_ARG(claim->number), (*first)->line);
    *first = claim;
    if (!claim->account && cell(reader, COLUMN_ACCOUNT).len)
        FAULT(reader, COLUMN_ACCOUNT, "\"%.*s\" is not an account of families.csv",
              STR_ARG(cell(reader, COLUMN_ACCOUNT)));
    if (due.len && !import_date_read(due, &import->arena, &claim->due_date))
        FAULT(reader, COLUMN_DUE, "\"%.*s\" is not a date, as 31/01/2027", STR_ARG(due));
    if (cell(reader, COLUMN_AMOUNT).len &&
        (money_parse(cell(reader, COLUMN_AMOUNT), &claim->amount_cents) || claim->amount_cents <= 0))
        FAULT(reader, COLUMN_AMOUNT, "\"%.*s\" is not an amount, as 158,50", STR_ARG(cell(reader, COLUMN_AMOUNT)));
    read_debit(reader, claim);
}

void import_read_claims(struct import *import)
{
    struct reader reader = {.import = import};
    struct arena *arena = &import->arena;

    import_table_read(&reader.table, import->directory, "claims.csv", columns, COLUMN_COUNT, arena, &import->faults);
    import->claim_account_column = reader.table.positions[COLUMN_ACCOUNT];
    import->claim_amount_column = reader.table.positions[COLUMN_AMOUNT];
    import->claims = ARENA_ARRAY(arena, reader.table.n_rows, struct import_claim);
    import_index_init(&reader.accounts, arena, import->n_accounts);
    import_index_init(&reader.numbers, arena, reader.table.n_rows);
    for (size_t i = 0; i < import->n_accounts; i++)
        *import_index_at(&reader.accounts, import->accounts[i].key) = &import->accounts[i];
    for (; reader.row < reader.table.n_rows; reader.row++)
        take_row(&reader);
}
