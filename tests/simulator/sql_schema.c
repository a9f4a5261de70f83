/* The schema, from the product's own migrations. */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <unistd.h>

#include "simulator/sim.h"
#include "simulator/sql_private.h"

enum { FILE_MAX = 256 * 1024, PATH_SIZE = 512 };

struct sql_table sql_tables[SQL_TABLES_MAX];
unsigned sql_n_tables;

struct sql_table *sql_find_table(struct str name)
{
    for (unsigned i = 0; i < sql_n_tables; i++) {
        if (str_eq(sql_tables[i].name, name))
            return &sql_tables[i];
    }
    return NULL;
}

/* An expression over the table's own columns; for a trigger NEW comes first, then OLD. NULL when it is not understood:
 * such a check lets every row pass. */
static const struct sql_expr *parse_own_expr(struct sql_reader *reader, struct sql_table *table)
{
    struct sql_statement names = {
        .n_sources = 2,
        .sources = {{.table = table, .alias = STR("NEW")}, {.table = table, .alias = STR("OLD")}},
        .is_understood = true,
    };
    const struct sql_expr *expr = sql_parse_expr(reader, &names);
    return names.is_understood ? expr : NULL;
}

static unsigned column_number(const struct sql_reader *reader, const struct sql_table *table, struct str name)
{
    for (unsigned i = 0; i < table->n_columns; i++) {
        if (str_eq(table->columns[i].name, name))
            return i;
    }
    sim_unable("%s: %.*s has no column %.*s", reader->what, STR_ARG(table->name), STR_ARG(name));
}

static struct sql_key *new_key(struct sql_table *table)
{
    if (table->n_keys == SQL_KEYS_MAX)
        sim_unable("%.*s has more than %d keys", STR_ARG(table->name), SQL_KEYS_MAX);
    return &table->keys[table->n_keys++];
}

static void read_key(struct sql_reader *reader, struct sql_table *table, struct str name)
{
    struct sql_key *key = new_key(table);
    key->name = name;
    sql_expect(reader, "(");
    do {
        key->columns[key->n_columns++] = column_number(reader, table, sql_take_name(reader));
    } while (key->n_columns < SQL_KEY_COLUMNS_MAX && sql_take(reader, ","));
    sql_expect(reader, ")");
}

/* To the comma or parenthesis that ends an item of CREATE TABLE. */
static void skip_item(struct sql_reader *reader)
{
    while (!sql_is(reader, ",") && !sql_is(reader, ")") && !sql_is(reader, ";") && reader->token.kind != TOKEN_END) {
        if (sql_is(reader, "("))
            sql_skip_parentheses(reader);
        else
            sql_skip(reader);
    }
}

/* A default is one word, text, number or function; NOW when a row is made. */
static const struct sql_expr *read_default(struct sql_reader *reader, struct sql_table *table)
{
    return parse_own_expr(reader, table);
}

static void read_column(struct sql_reader *reader, struct sql_table *table)
{
    if (table->n_columns == SQL_COLUMNS_MAX)
        sim_unable("%.*s has more than %d columns", STR_ARG(table->name), SQL_COLUMNS_MAX);
    struct sql_column *column = &table->columns[table->n_columns++];
    *column = (struct sql_column){.name = sql_take_name(reader)};
    sql_skip(reader); /* its type */
    while (!sql_is(reader, ",") && !sql_is(reader, ")") && !sql_is(reader, ";") && reader->token.kind != TOKEN_END) {
        if (sql_take(reader, "AUTO_INCREMENT"))
            column->counts = true;
        else if (sql_take(reader, "DEFAULT"))
            column->value_default = read_default(reader, table);
        else if (sql_take(reader, "AS"))
            column->generated = parse_own_expr(reader, table);
        else if (sql_take_words(reader, "PRIMARY", "KEY"))
            *new_key(table) = (struct sql_key){.n_columns = 1, .columns = {table->n_columns - 1}, .is_primary = true};
        else if (sql_is(reader, "("))
            sql_skip_parentheses(reader);
        else
            sql_skip(reader);
    }
}

/* False: it is neither. */
static bool read_key_or_check(struct sql_reader *reader, struct sql_table *table)
{
    if (sql_take_words(reader, "PRIMARY", "KEY")) {
        read_key(reader, table, STR_NULL);
        table->keys[table->n_keys - 1].is_primary = true;
    } else if (sql_take_words(reader, "UNIQUE", "KEY")) {
        struct str name = sql_take_name(reader);
        read_key(reader, table, name);
    } else if (sql_take(reader, "CHECK")) {
        if (table->n_checks == SQL_CHECKS_MAX)
            sim_unable("%.*s has more than %d checks", STR_ARG(table->name), SQL_CHECKS_MAX);
        table->checks[table->n_checks] = parse_own_expr(reader, table);
        table->n_checks += table->checks[table->n_checks] != NULL;
    } else if (sql_is(reader, "KEY") || sql_is(reader, "FOREIGN") || sql_is(reader, "CONSTRAINT")) {
        skip_item(reader);
    } else {
        return false;
    }
    return true;
}

static void read_create_table(struct sql_reader *reader)
{
    if (sql_n_tables == SQL_TABLES_MAX)
        sim_unable("%s: more than %d tables", reader->what, SQL_TABLES_MAX);
    struct sql_table *table = &sql_tables[sql_n_tables++];
    table->name = sql_take_name(reader);
    sql_expect(reader, "(");
    do {
        if (!read_key_or_check(reader, table))
            read_column(reader, table);
    } while (sql_take(reader, ","));
    sql_expect(reader, ")");
}

/* STR_NULL: PRIMARY. Keys that only make something faster are not known here. */
static void drop_key(struct sql_table *table, struct str name)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < table->n_keys; i++) {
        if (table->keys[i].is_primary ? name.ptr != NULL : !str_eq(table->keys[i].name, name))
            table->keys[kept++] = table->keys[i];
    }
    table->n_keys = kept;
}

static struct str take_name_that_exists(struct sql_reader *reader)
{
    (void)sql_take_words(reader, "IF", "EXISTS");
    return sql_take_name(reader);
}

static void read_drop(struct sql_reader *reader, struct sql_table *table)
{
    if (sql_take_words(reader, "PRIMARY", "KEY"))
        drop_key(table, STR_NULL);
    else if (sql_take(reader, "KEY"))
        drop_key(table, take_name_that_exists(reader));
    else
        skip_item(reader);
}

static void read_alter_table(struct sql_reader *reader)
{
    struct sql_table *table = sql_find_table(sql_take_name(reader));
    do {
        bool adds = table && sql_take(reader, "ADD");
        if (adds && sql_take(reader, "COLUMN")) {
            if (sql_take_words(reader, "IF", "NOT"))
                sql_expect(reader, "EXISTS");
            read_column(reader, table);
        } else if (adds)
            (void)read_key_or_check(reader, table);
        else if (table && sql_take(reader, "DROP"))
            read_drop(reader, table);
        else
            skip_item(reader);
    } while (sql_take(reader, ","));
}

/* CREATE TRIGGER name BEFORE UPDATE ON table FOR EACH ROW IF a THEN SIGNAL …; others are left out. */
static void read_trigger(struct sql_reader *reader)
{
    (void)sql_take_name(reader);
    if (!sql_take_words(reader, "BEFORE", "UPDATE"))
        return;
    sql_expect(reader, "ON");
    struct sql_table *table = sql_find_table(sql_take_name(reader));
    if (table && sql_take_words(reader, "FOR", "EACH") && sql_take_words(reader, "ROW", "IF"))
        table->trigger = parse_own_expr(reader, table);
}

static void read_statements(struct sql_reader *reader)
{
    while (reader->token.kind != TOKEN_END) {
        if (sql_take_words(reader, "CREATE", "TABLE"))
            read_create_table(reader);
        else if (sql_take_words(reader, "ALTER", "TABLE"))
            read_alter_table(reader);
        else if (sql_take_words(reader, "CREATE", "TRIGGER"))
            read_trigger(reader);
        while (reader->token.kind != TOKEN_END && !sql_is(reader, ";"))
            sql_skip(reader);
        (void)sql_take(reader, ";");
    }
}

static void read_file(const char *path)
{
    char *text = sql_alloc(FILE_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, FILE_MAX);
    struct sql_reader reader;
    if (len <= 0 || len == FILE_MAX)
        sim_unable("%s cannot be read", path);
    close(fd);
    sql_reader_init(&reader, str_slice(text, (size_t)len), path);
    read_statements(&reader);
}

void sql_read_schema(const char *directory)
{
    char pattern[PATH_SIZE];
    glob_t files;
    snprintf(pattern, sizeof pattern, "%s/[0-9]*.sql", directory);
    if (glob(pattern, 0, NULL, &files) != 0)
        sim_unable("no schema in %s", directory);
    for (size_t i = 0; i < files.gl_pathc; i++)
        read_file(files.gl_pathv[i]);
    globfree(&files);
}
