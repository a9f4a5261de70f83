/* The words of a text in SQL. */
#include <ctype.h>

#include "simulator/sim.h"
#include "simulator/sql_private.h"

enum { PERMANENT_SIZE = 4 * 1024 * 1024 };

void *sql_alloc(size_t size)
{
    static _Alignas(16) char memory[PERMANENT_SIZE];
    static size_t used;
    size = (size + 15) / 16 * 16;
    if (used + size > sizeof memory)
        sim_unable("the schema and the statements need more than %d bytes", PERMANENT_SIZE);
    used += size;
    return &memory[used - size];
}

static size_t skip_blanks_and_comments(struct str s)
{
    size_t at = 0;
    while (at < s.len) {
        if (isspace((unsigned char)s.ptr[at]))
            at++;
        else if (s.ptr[at] == '-' && at + 1 < s.len && s.ptr[at + 1] == '-')
            while (at < s.len && s.ptr[at] != '\n')
                at++;
        else
            break;
    }
    return at;
}

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The length of the sign at the start: the longest that there is. */
static size_t sign_len(struct str s)
{
    static const char *const signs[] = {"<=>", "<=", ">=", "<>", "!="};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (str_starts_with(s, str_from(signs[i])))
            return strlen(signs[i]);
    }
    return 1;
}

/* Of a text with its quotes; one that is doubled belongs to it (and stays so: nothing is decided by such texts). */
static size_t text_len(struct str s, const char *what)
{
    size_t at = 1;
    while (at < s.len && (s.ptr[at] != '\'' || (at + 1 < s.len && s.ptr[at + 1] == '\'')))
        at += s.ptr[at] == '\'' ? 2 : 1;
    if (at >= s.len)
        sim_unable("%s: a text without end", what);
    return at + 1;
}

void sql_skip(struct sql_reader *reader)
{
    size_t blank = skip_blanks_and_comments(reader->rest), len = 0;
    struct str s = {reader->rest.ptr + blank, reader->rest.len - blank};
    struct sql_token token = {TOKEN_END, {s.ptr, 0}};
    if (s.len == 0) {
        reader->token = token;
        return;
    }
    if (is_word_char(s.ptr[0])) {
        token.kind = isdigit((unsigned char)s.ptr[0]) ? TOKEN_NUMBER : TOKEN_WORD;
        while (len < s.len && is_word_char(s.ptr[len]))
            len++;
        token.text = str_slice(s.ptr, len);
    } else if (s.ptr[0] == '\'') {
        len = text_len(s, reader->what);
        token = (struct sql_token){TOKEN_TEXT, {s.ptr + 1, len - 2}};
    } else {
        len = sign_len(s);
        token = (struct sql_token){TOKEN_SIGN, {s.ptr, len}};
    }
    reader->token = token;
    reader->rest = (struct str){s.ptr + len, s.len - len};
}

void sql_reader_init(struct sql_reader *reader, struct str text, const char *what)
{
    *reader = (struct sql_reader){.rest = text, .what = what};
    sql_skip(reader);
}

bool sql_is(const struct sql_reader *reader, const char *word)
{
    return reader->token.kind != TOKEN_TEXT && str_eq_text(reader->token.text, word);
}

bool sql_take(struct sql_reader *reader, const char *word)
{
    if (!sql_is(reader, word))
        return false;
    sql_skip(reader);
    return true;
}

bool sql_take_words(struct sql_reader *reader, const char *first, const char *second)
{
    struct sql_reader before = *reader;
    if (sql_take(reader, first) && sql_take(reader, second))
        return true;
    *reader = before;
    return false;
}

void sql_expect(struct sql_reader *reader, const char *word)
{
    if (!sql_take(reader, word))
        sim_unable("%s: \"%s\" expected at \"%.*s%.60s\"", reader->what, word, STR_ARG(reader->token.text),
                   reader->rest.ptr ? reader->rest.ptr : "");
}

struct str sql_take_name(struct sql_reader *reader)
{
    struct str name = reader->token.text;
    if (reader->token.kind != TOKEN_WORD)
        sim_unable("%s: a name expected at \"%.*s\"", reader->what, STR_ARG(name));
    sql_skip(reader);
    return name;
}

void sql_skip_parentheses(struct sql_reader *reader)
{
    unsigned depth = 0;
    do {
        depth += sql_is(reader, "(");
        depth -= sql_is(reader, ")");
        if (reader->token.kind == TOKEN_END)
            sim_unable("%s: a parenthesis without end", reader->what);
        sql_skip(reader);
    } while (depth > 0);
}
