#include "templates/generator.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/err.h"
#include "templates/asset_file.h"
#include "templates/host_file.h"
#include "templates/source.h"

struct section {
    struct str path;      /* as written, to be closed by the same */
    unsigned line;        /* where it was opened */
    bool opens_scope;     /* names inside are those of the item or object */
    bool repeats;         /* a list */
    struct scanner begin; /* the place in the HTML before it */
};

/* A file being compiled: a template or a partial. */
struct frame {
    struct source source;
    unsigned floor; /* the scope that ".." cannot leave */
    unsigned n_sections;
    struct section sections[GENERATOR_SECTIONS_MAX];
};

/* A path turned into C. */
struct operand {
    struct str expr;
    struct str count; /* the number of items, if it is a list */
    enum view_field_kind kind;
};

static int compile_source(struct generator *g, const char *path, unsigned floor);

__attribute__((format(printf, 4, 5))) static int refuse(struct generator *g, const struct frame *f, unsigned line,
                                                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_printf(&g->errors, "%s:%u: ", f->source.path, line);
    buf_vprintf(&g->errors, format, args);
    buf_append_char(&g->errors, '\n');
    va_end(args);
    return ERR_INVALID;
}

/* ---- text ---- */

static void append_c_char(struct buf *out, char c, char before)
{
    if (c == '\n')
        buf_append_text(out, "\\n");
    else if (c == '\t')
        buf_append_text(out, "\\t");
    else if (c == '"' || c == '\\' || (c == '?' && before == '?')) /* "??" might begin a trigraph */
        buf_printf(out, "\\%c", c);
    else
        buf_append_char(out, c);
}

static void flush_literal(struct generator *g)
{
    struct str text = buf_str(&g->literal);
    if (!text.len)
        return;
    buf_append_text(&g->code, "    buf_append(out, STR(\"");
    for (size_t i = 0; i < text.len; i++) {
        append_c_char(&g->code, text.ptr[i], i ? text.ptr[i - 1] : '\0');
        if (text.ptr[i] == '\n' && i + 1 < text.len)
            buf_append_text(&g->code, "\"\n                        \"");
    }
    buf_append_text(&g->code, "\"));\n");
    buf_clear(&g->literal);
}

/* What the C compiler says about the next statement, it says about this line of the template. */
static void begin_statement(struct generator *g, const struct frame *f, unsigned line)
{
    flush_literal(g);
    buf_printf(&g->code, "#line %u \"%s\"\n    ", line, f->source.path);
}

static int put_literal_char(struct generator *g, const struct frame *f, char c)
{
    const char *why = g->is_plain ? NULL : scanner_feed(&g->html, c);
    if (why)
        return refuse(g, f, f->source.line, "%s", why);
    buf_append_char(&g->literal, c);
    return 0;
}

/* The text up to `end` goes to the page. */
static int put_literal(struct generator *g, struct frame *f, size_t end)
{
    for (; f->source.pos < end; f->source.pos++) {
        char c = f->source.text.ptr[f->source.pos];
        if (c == '}' && f->source.pos + 1 < end && f->source.text.ptr[f->source.pos + 1] == '}')
            return refuse(g, f, f->source.line, "stray }}");
        int err = put_literal_char(g, f, c);
        if (err)
            return err;
        f->source.line += c == '\n';
    }
    return 0;
}

/* ---- names ---- */

static bool is_c_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!isalnum((unsigned char)name.ptr[i]) && name.ptr[i] != '_')
            return false;
    return name.len > 0 && !isdigit((unsigned char)name.ptr[0]);
}

static int resolve_fields(struct generator *g, const struct frame *f, const struct source_tag *tag, struct str path,
                          struct operand *operand)
{
    const char *arrow = "->";
    bool more = true;
    while (more) {
        more = str_find(path, '.') >= 0;
        struct str name = str_cut(path, '.', &path);
        if (!is_c_name(name))
            return refuse(g, f, tag->line, "not a name: %.*s", STR_ARG(tag->body));
        operand->kind = view_fields_kind(g->fields, name);
        operand->count = arena_printf(g->arena, "%.*s%sn_%.*s", STR_ARG(operand->expr), arrow, STR_ARG(name));
        operand->expr = arena_printf(g->arena, "%.*s%s%.*s", STR_ARG(operand->expr), arrow, STR_ARG(name));
        arrow = operand->kind == VIEW_FIELD_OBJECT ? "->" : ".";
    }
    return 0;
}

static int resolve(struct generator *g, const struct frame *f, const struct source_tag *tag, struct str path,
                   struct operand *ret)
{
    unsigned scope = g->scope;
    for (; str_starts_with(path, STR("../")); path = str_slice(path.ptr + 3, path.len - 3))
        if (scope-- == f->floor)
            return refuse(g, f, tag->line, "no view so far out: %.*s", STR_ARG(tag->body));
    struct operand operand = {.expr = scope ? arena_printf(g->arena, "item%u", scope) : STR("view")};
    if (str_eq_text(path, ".")) {
        if (scope == f->floor)
            return refuse(g, f, tag->line, "{{.}} outside a list");
        operand.expr = arena_printf(g->arena, "(*%.*s)", STR_ARG(operand.expr));
    } else {
        int err = resolve_fields(g, f, tag, path, &operand);
        if (err)
            return err;
    }
    *ret = operand;
    return 0;
}

/* ---- values ---- */

static const char *const put_functions[] = {
    [SCANNER_PLACE_TEXT] = "template_put",
    [SCANNER_PLACE_QUOTED] = "template_put",
    [SCANNER_PLACE_URL] = "template_escape_url",
    [SCANNER_PLACE_URL_PART] = "template_put_url_part",
};

static int compile_value(struct generator *g, struct frame *f, const struct source_tag *tag)
{
    enum scanner_place place = SCANNER_PLACE_TEXT;
    const char *why = g->is_plain ? NULL : scanner_value(&g->html, &place);
    if (why)
        return refuse(g, f, tag->line, "%s", why);
    if (tag->sigil == '{' && (g->is_plain || place != SCANNER_PLACE_TEXT))
        return refuse(g, f, tag->line, "{{{}}} elsewhere than in HTML text");
    struct operand operand = {0};
    int err = resolve(g, f, tag, tag->body, &operand);
    if (err)
        return err;
    const char *function = tag->sigil == '{' ? "template_html"
                           : g->is_plain     ? "template_put_plain"
                                             : put_functions[place];
    begin_statement(g, f, tag->line);
    buf_printf(&g->code, "%s(out, %.*s);\n", function, STR_ARG(operand.expr));
    return 0;
}

static int compile_asset(struct generator *g, const struct frame *f, const struct source_tag *tag)
{
    struct asset_file asset;
    const char *why = "there are no assets";
    int err = g->assets_dir ? asset_file_load(g->arena, g->assets_dir, tag->body, &asset, &why) : ERR_NOT_FOUND;
    if (err)
        return refuse(g, f, tag->line, "asset %.*s: %s", STR_ARG(tag->body), why);
    for (size_t i = 0; i < asset.path.len && !err; i++)
        err = put_literal_char(g, f, asset.path.ptr[i]);
    return err;
}

/* ---- sections ---- */

static void begin_scope(struct generator *g, const char *type_of, const char *address_of, struct str expr,
                        const char *suffix)
{
    g->scope++;
    buf_printf(&g->code, "const __typeof__(%s%.*s) *item%u = %s%.*s%s; (void)item%u;\n", type_of, STR_ARG(expr),
               g->scope, address_of, STR_ARG(expr), suffix, g->scope);
}

static void begin_positive_section(struct generator *g, const struct operand *operand)
{
    char index[32];
    switch (operand->kind) {
    case VIEW_FIELD_LIST:
        (void)snprintf(index, sizeof index, "[i%u]", g->scope + 1);
        buf_printf(&g->code, "for (size_t i%u = 0; i%u < (size_t)%.*s; i%u++) { ", g->scope + 1, g->scope + 1,
                   STR_ARG(operand->count), g->scope + 1);
        begin_scope(g, "*", "&", operand->expr, index);
        break;
    case VIEW_FIELD_OBJECT:
        buf_printf(&g->code, "if (%.*s) { ", STR_ARG(operand->expr));
        begin_scope(g, "*", "", operand->expr, "");
        break;
    case VIEW_FIELD_VALUE:
        buf_printf(&g->code, "if (template_is_true(%.*s)) {\n", STR_ARG(operand->expr));
        break;
    }
}

static void begin_inverted_section(struct generator *g, const struct operand *operand)
{
    if (operand->kind == VIEW_FIELD_LIST)
        buf_printf(&g->code, "if (%.*s == 0) {\n", STR_ARG(operand->count));
    else
        buf_printf(&g->code, "if (!template_is_true(%.*s)) {\n", STR_ARG(operand->expr));
}

static int open_section(struct generator *g, struct frame *f, const struct source_tag *tag)
{
    const char *why = g->is_plain ? NULL : scanner_boundary(&g->html);
    if (why)
        return refuse(g, f, tag->line, "%s", why);
    if (f->n_sections == GENERATOR_SECTIONS_MAX)
        return refuse(g, f, tag->line, "more than %d sections one in the other", GENERATOR_SECTIONS_MAX);
    struct operand operand = {0};
    int err = resolve(g, f, tag, tag->body, &operand);
    if (err)
        return err;
    bool positive = tag->sigil == '#';
    f->sections[f->n_sections++] = (struct section){
        .path = tag->body,
        .line = tag->line,
        .opens_scope = positive && operand.kind != VIEW_FIELD_VALUE,
        .repeats = positive && operand.kind == VIEW_FIELD_LIST,
        .begin = g->html,
    };
    begin_statement(g, f, tag->line);
    if (positive)
        begin_positive_section(g, &operand);
    else
        begin_inverted_section(g, &operand);
    return 0;
}

static int close_section(struct generator *g, struct frame *f, const struct source_tag *tag)
{
    if (f->n_sections == 0)
        return refuse(g, f, tag->line, "{{/%.*s}} closes nothing", STR_ARG(tag->body));
    struct section *section = &f->sections[--f->n_sections];
    if (!str_eq(section->path, tag->body))
        return refuse(g, f, tag->line, "{{/%.*s}} closes {{%.*s}} of line %u", STR_ARG(tag->body),
                      STR_ARG(section->path), section->line);
    const char *why = g->is_plain ? NULL : scanner_boundary(&g->html);
    if (!why && !g->is_plain)
        why = scanner_join(&g->html, &section->begin, section->repeats);
    if (why)
        return refuse(g, f, tag->line, "%s", why);
    begin_statement(g, f, tag->line);
    buf_append_text(&g->code, "}\n");
    g->scope -= section->opens_scope;
    return 0;
}

/* ---- partials ---- */

static int expand_partial(struct generator *g, const struct frame *f, const struct source_tag *tag, struct str name,
                          unsigned floor)
{
    int dir_len = (int)(host_file_name(f->source.path) - f->source.path);
    const char *extension = g->is_plain ? "txt" : "html";
    struct str path = arena_printf(g->arena, "%.*s_%.*s.%s", dir_len, f->source.path, STR_ARG(name), extension);
    if (g->n_partials == GENERATOR_PARTIALS_MAX)
        return refuse(g, f, tag->line, "more than %d partials one in the other", GENERATOR_PARTIALS_MAX);
    g->n_partials++;
    int err = compile_source(g, path.ptr, floor);
    g->n_partials--;
    if (err == ERR_NOT_FOUND)
        return refuse(g, f, tag->line, "unknown partial: no file %.*s", STR_ARG(path));
    if (!err && !g->is_plain && g->html.state != SCANNER_TEXT)
        return refuse(g, f, tag->line, "the partial does not end in HTML text");
    return err;
}

/* The names of the partial are the fields of `path`. */
static int expand_partial_of(struct generator *g, const struct frame *f, const struct source_tag *tag, struct str name,
                             struct str path)
{
    struct operand operand = {0};
    int err = resolve(g, f, tag, path, &operand);
    if (err)
        return err;
    if (operand.kind == VIEW_FIELD_LIST)
        return refuse(g, f, tag->line, "a partial of a list: put it in {{#%.*s}}", STR_ARG(path));
    bool is_object = operand.kind == VIEW_FIELD_OBJECT;
    begin_statement(g, f, tag->line);
    buf_append_text(&g->code, "{ ");
    begin_scope(g, is_object ? "*" : "", is_object ? "" : "&", operand.expr, "");
    err = expand_partial(g, f, tag, name, g->scope);
    begin_statement(g, f, tag->line);
    buf_append_text(&g->code, "}\n");
    g->scope--;
    return err;
}

static int compile_partial(struct generator *g, const struct frame *f, const struct source_tag *tag)
{
    if (!g->is_plain && g->html.state != SCANNER_TEXT)
        return refuse(g, f, tag->line, "a partial elsewhere than in HTML text");
    struct str path;
    struct str name = str_cut(tag->body, ' ', &path);
    path = str_trim(path);
    if (!is_c_name(name))
        return refuse(g, f, tag->line, "not the name of a partial: %.*s", STR_ARG(name));
    return path.len ? expand_partial_of(g, f, tag, name, path) : expand_partial(g, f, tag, name, f->floor);
}

/* ---- files ---- */

static int compile_tag(struct generator *g, struct frame *f, const struct source_tag *tag)
{
    switch (tag->sigil) {
    case '!':
        return 0;
    case '#':
    case '^':
        return open_section(g, f, tag);
    case '/':
        return close_section(g, f, tag);
    case '>':
        return compile_partial(g, f, tag);
    case '@':
        return compile_asset(g, f, tag);
    default:
        return compile_value(g, f, tag);
    }
}

static int compile_text(struct generator *g, struct frame *f)
{
    struct source_tag tag = {0};
    const char *why = NULL;
    int err;
    while ((err = source_find_tag(&f->source, &tag, &why)) == 0) {
        if ((err = put_literal(g, f, tag.begin)) || (err = compile_tag(g, f, &tag)))
            return err;
        source_skip_to(&f->source, tag.end);
    }
    err = err == ERR_NOT_FOUND ? put_literal(g, f, f->source.text.len) : refuse(g, f, tag.line, "%s", why);
    if (!err && f->n_sections) {
        const struct section *open = &f->sections[f->n_sections - 1];
        err = refuse(g, f, open->line, "section %.*s is never closed", STR_ARG(open->path));
    }
    return err;
}

/* ERR_NOT_FOUND, without a message, if there is no such file. */
static int compile_source(struct generator *g, const char *path, unsigned floor)
{
    struct frame frame = {.source = {.path = path, .line = 1}, .floor = floor};
    int err = host_file_read(g->arena, path, &frame.source.text);
    if (err == ERR_NOT_FOUND)
        return err;
    if (err)
        return refuse(g, &frame, 1, "cannot be read: %s", err_name(err));
    if (!str_is_utf8(frame.source.text) || str_has_control(frame.source.text, "\n\t"))
        return refuse(g, &frame, 1, "not UTF-8, or a control character (\\r, NUL …) in it");
    return compile_text(g, &frame);
}

/* "pages/login.html" → "template_page_login" and "login". */
static int name_function(struct generator *g, const struct frame *f, struct str *ret_function, struct str *ret_name)
{
    struct str file = str_from(host_file_name(f->source.path));
    struct str dir = str_slice(f->source.path, (size_t)(file.ptr - f->source.path));
    struct str extension;
    struct str name = str_cut(file, '.', &extension);
    bool is_mail = str_ends_with(dir, STR("mail/"));
    bool is_text = str_eq_text(extension, "txt");
    if (!is_c_name(name) || (!is_text && !str_eq_text(extension, "html")))
        return refuse(g, f, 1, "a template's name is [a-z0-9_]+.html or .txt");
    if (is_mail)
        *ret_function = arena_printf(g->arena, "template_mail_%.*s_%s", STR_ARG(name), is_text ? "text" : "html");
    else if (str_ends_with(dir, STR("pages/")) && !is_text)
        *ret_function = arena_printf(g->arena, "template_page_%.*s", STR_ARG(name));
    else
        return refuse(g, f, 1, "neither pages/x.html nor mail/x.html nor mail/x.txt");
    g->is_plain = is_text;
    *ret_name = name;
    return 0;
}

int generator_compile(struct generator *g, const char *path)
{
    struct frame frame = {.source = {.path = path, .line = 1}};
    struct str function = STR_NULL;
    struct str name = STR_NULL;
    int err = name_function(g, &frame, &function, &name);
    if (err)
        return err;
    g->html = (struct scanner){.state = SCANNER_TEXT};
    g->scope = 0;
    g->n_partials = 0;
    buf_clear(&g->literal);
    struct str prototype = arena_printf(g->arena, "void %.*s(struct buf *out, const struct %.*s_view *view)",
                                        STR_ARG(function), STR_ARG(name));
    buf_printf(&g->prototypes, "%.*s;\n", STR_ARG(prototype));
    buf_printf(&g->code, "\n#line 1 \"%s\"\n%.*s\n{\n    (void)view;\n", path, STR_ARG(prototype));
    err = compile_source(g, path, 0);
    if (err == ERR_NOT_FOUND)
        return refuse(g, &frame, 1, "no such file");
    if (!err && g->html.state != SCANNER_TEXT)
        err = refuse(g, &frame, 1, "a tag, attribute or comment is still open at the end");
    flush_literal(g);
    buf_append_text(&g->code, "}\n");
    return err;
}

void generator_init(struct generator *g, struct arena *arena, const struct view_fields *fields, const char *assets_dir)
{
    *g = (struct generator){.arena = arena, .fields = fields, .assets_dir = assets_dir};
    buf_init(&g->code, HOST_OUTPUT_LEN_MAX);
    buf_init(&g->prototypes, HOST_OUTPUT_LEN_MAX);
    buf_init(&g->errors, HOST_OUTPUT_LEN_MAX);
    buf_init(&g->literal, HOST_OUTPUT_LEN_MAX);
}

void generator_done(struct generator *g)
{
    buf_done(&g->code);
    buf_done(&g->prototypes);
    buf_done(&g->errors);
    buf_done(&g->literal);
}
