/* The template compiler: any template is refused at a line of one of its files, or becomes C whose text is harmless:
 * no control character, every string and brace closed. Parts of the input after "%%" lines are the partials "a" and
 * "b". */
#include "fuzz/memory_file.h"
/* After the files, which it opens. */
#include "templates/host_file.c"

#include "templates/generator.h"

#define VIEWS                                                                                                   \
    "struct row { struct str name; struct safe_url link; };\nstruct t_view { const struct row *rows; unsigned " \
    "n_rows; "                                                                                                  \
    "const struct row *best; struct str name; bool flag; struct safe_html body; struct safe_url link; };\n"

static struct view_fields fields;

static void take_files(struct str rest)
{
    static const char *const names[] = {"/t.html", "/_a.html", "/_b.html"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *parted = rest.len ? memmem(rest.ptr, rest.len, "\n%%\n", 4) : NULL;
        size_t len = parted ? (size_t)(parted - rest.ptr) + 1 : rest.len;
        memory_files[i].name = names[i];
        memory_files[i].bytes = str_slice(rest.ptr, len);
        rest = parted ? str_slice(parted + 4, rest.len - len - 3) : STR("");
    }
    memory_files[3].name = "/site.css";
    memory_files[3].bytes = STR("p{}");
}

/* Braces and parentheses outside strings are closed, strings end in their line, no control character stands anywhere.
 */
static void check_code(struct str code)
{
    int braces = 0, parentheses = 0;
    bool in_string = false;

    for (size_t i = 0; i < code.len; i++) {
        char c = code.ptr[i];
        FUZZ_CHECK(c == '\n' || ((unsigned char)c >= ' ' && c != 0x7f));
        if (c == '"')
            in_string = !in_string;
        else if (in_string && c == '\\')
            i++;
        else if (!in_string) {
            braces += (c == '{') - (c == '}');
            parentheses += (c == '(') - (c == ')');
        }
        FUZZ_CHECK(braces >= 0 && parentheses >= 0 && (c != '\n' || !in_string));
    }
    FUZZ_CHECK(braces == 0 && parentheses == 0 && !in_string);
}

static void check_errors(struct str errors)
{
    struct str rest = errors;
    int64_t line;
    FUZZ_CHECK(str_starts_with(errors, STR("/pages/")) && str_ends_with(errors, STR("\n")));
    str_cut(rest, ':', &rest);
    FUZZ_CHECK(str_to_u63(str_cut(rest, ':', &rest), &line) == 0 && line >= 1 && rest.len > 2);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static struct arena arena;
    (void)argc;
    (void)argv;
    arena_init(&arena, FUZZ_ARENA_MAX);
    return view_fields_read(&arena, STR(VIEWS), &fields);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct generator generator;
    struct arena arena;

    arena_init(&arena, FUZZ_ARENA_MAX);
    take_files(fuzz_str(data, size));
    generator_init(&generator, &arena, &fields, "/assets");
    int err = generator_compile(&generator, "/pages/t.html");
    FUZZ_CHECK(err == 0 || err == ERR_INVALID);
    if (err == 0) {
        FUZZ_CHECK(generator.errors.len == 0 && generator.code.len > 0);
        check_code(buf_str(&generator.code));
    } else {
        check_errors(buf_str(&generator.errors));
    }
    generator_done(&generator);
    arena_done(&arena);
    return 0;
}
