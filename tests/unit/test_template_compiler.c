/* The template compiler: what it refuses and where it says so, what it accepts, and that a wrong name or type is an
 * error of the C compiler at the template's own line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/err.h"
#include "templates/asset_file.h"
#include "templates/generator.h"
#include "templates/host_file.h"

extern char **environ;

/* The view of every template here; what the generator reads and what the C compiler sees. */
static const char views[] = "#include \"common/template.h\"\n"
                            "struct row { struct str name; struct safe_url link; int64_t number; };\n"
                            "struct page_part { struct str title; };\n"
                            "struct t_view {\n"
                            "    struct page_part page; /* not a list; n_page would make it one: n_page; */\n"
                            "    const struct row *rows;\n"
                            "    unsigned n_rows;\n"
                            "    const struct row *best;\n"
                            "    const struct str *words; // n_word;\n"
                            "    unsigned n_words;\n"
                            "    struct str name, city;\n"
                            "    const char *text;\n"
                            "    char reference[21];\n"
                            "    bool flag;\n"
                            "    double rate;\n"
                            "    struct safe_html body;\n"
                            "    struct safe_url link;\n"
                            "};\n";

static char dir[] = "/tmp/test_template_XXXXXX";

static char *path_in_dir(char *path, size_t size, const char *name)
{
    assert_in_range(snprintf(path, size, "%s/%s", dir, name), 1, (int)size - 1);
    return path;
}

static void write_file(const char *name, const char *text, size_t len)
{
    char path[PATH_MAX];
    struct buf content;
    buf_init(&content, 1 << 20);
    buf_append(&content, str_slice(text, len));
    assert_int_equal(host_file_write(path_in_dir(path, sizeof path, name), &content), 0);
    buf_done(&content);
}

static void write_text(const char *name, const char *text)
{
    write_file(name, text, strlen(text));
}

static const char *const fixed_files[][2] = {
    {"pages/_good.html", "<b>{{name}}</b>\n"},
    {"pages/_titled.html", "<b>{{title}}</b>\n"},
    {"pages/_outside.html", "{{../name}}"},
    {"pages/_unclosed.html", "<p>\n<a"},
    {"pages/_itself.html", "{{> itself}}"},
    {"pages/_wrong.html", "one\ntwo {{/name}}\n"},
    {"assets/site.css", "p { color: red }\n"},
    {"assets/far.css", "p { background: url(far.png) }\n"},
    {"assets/near.css", "p { background: url( 'data:image/png;base64,AA==') }\n"},
};

static int make_files(void **state)
{
    (void)state;
    static const char *const dirs[] = {"pages", "mail", "assets", "other"};
    if (!mkdtemp(dir))
        return -1;
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
        if (mkdir(path_in_dir(path, sizeof path, dirs[i]), 0700))
            return -1;
    for (size_t i = 0; i < sizeof fixed_files / sizeof fixed_files[0]; i++)
        write_text(fixed_files[i][0], fixed_files[i][1]);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    static const char *const others[] = {"pages/t.html", "mail/t.txt", "mail/t.html", "other/t.html",
                                         "pages/t.css",  "t.c",        "t.log",       "pages",
                                         "mail",         "assets",     "other",       ""};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof fixed_files / sizeof fixed_files[0]; i++)
        (void)remove(path_in_dir(path, sizeof path, fixed_files[i][0]));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        (void)remove(path_in_dir(path, sizeof path, others[i]));
    return access(dir, F_OK) == 0 ? -1 : 0;
}

struct run {
    struct arena arena;
    struct view_fields fields;
    struct generator generator;
    char path[PATH_MAX];
    char assets[PATH_MAX];
    int err;
};

static void compile(struct run *run, const char *name, const char *template, size_t len)
{
    arena_init(&run->arena, 1 << 24);
    assert_int_equal(view_fields_read(&run->arena, str_from(views), &run->fields), 0);
    generator_init(&run->generator, &run->arena, &run->fields, path_in_dir(run->assets, sizeof run->assets, "assets"));
    write_file(name, template, len);
    run->err = generator_compile(&run->generator, path_in_dir(run->path, sizeof run->path, name));
}

static void run_done(struct run *run)
{
    generator_done(&run->generator);
    arena_done(&run->arena);
}

/* The generated text as a C string, in the run's arena. */
static const char *text_of(struct run *run, const struct buf *buf)
{
    return arena_text(&run->arena, buf_str(buf));
}

/* `file` is what stands before ":line:"; NULL for the template itself. */
static void refuses(const char *name, const char *template, const char *file, unsigned line, const char *message)
{
    struct run run;
    compile(&run, name, template, strlen(template));
    const char *errors = text_of(&run, &run.generator.errors);
    char expected[PATH_MAX];
    (void)snprintf(expected, sizeof expected, "%s/%s:%u: %s", dir, file ? file : name, line, message);
    if (run.err != ERR_INVALID || strncmp(errors, expected, strlen(expected)) != 0)
        fail_msg("template: %s\n  expected %s\n  got %d %s", template, expected, run.err, errors);
    run_done(&run);
}

static void refused_places(void **state)
{
    (void)state;
    static const struct {
        const char *template;
        unsigned line;
        const char *message;
    } cases[] = {
        {"<script>\nvar a = \"{{name}}\";</script>", 2, "{{}} in <script>, <style> or other raw text"},
        {"<SCRIPT src=\"/x.js\">{{name}}</SCRIPT>", 1, "{{}} in <script>, <style>"},
        {"<script>if (a</b) </scripted {{name}}", 1, "{{}} in <script>, <style>"},
        {"<style>\n\n{{#flag}}p{}{{/flag}}</style>", 3, "{{}} in <script>, <style>"},
        {"<noscript>{{name}}</noscript>", 1, "{{}} in <script>, <style>"},
        {"<iframe>{{name}}</iframe>", 1, "{{}} in <script>, <style>"},
        {"<p onclick=\"{{name}}\">", 1, "{{}} in an event attribute"},
        {"<p\nONCLICK = '{{name}}'>", 2, "{{}} in an event attribute"},
        {"<p style=\"color:{{name}}\">", 1, "{{}} in an attribute that HTML escaping does not protect"},
        {"<iframe srcdoc=\"{{name}}\">", 1, "{{}} in an attribute that HTML escaping does not protect"},
        {"<img srcset=\"{{link}}\">", 1, "{{}} in an attribute that HTML escaping does not protect"},
        {"<meta http-equiv=\"refresh\" content=\"{{name}}\">", 1, "{{}} in an attribute that HTML escaping"},
        {"<p title={{name}}>", 1, "{{}} in an unquoted attribute"},
        {"<p title= {{name}}>", 1, "{{}} in an unquoted attribute"},
        {"<p title=a{{name}}>", 1, "{{}} in an unquoted attribute"},
        {"<p title={{#flag}}a{{/flag}}>", 1, "{{}} in an unquoted attribute"},
        {"<{{name}}>", 1, "{{}} in a tag's name"},
        {"</{{name}}>", 1, "{{}} in a tag's name"},
        {"<h{{name}}>", 1, "{{}} in a tag's name"},
        {"<{{#flag}}b{{/flag}}>", 1, "{{}} in a tag's name"},
        {"<textarea></text{{name}}</textarea>", 1, "{{}} in a tag's name"},
        {"<p {{name}}>", 1, "{{}} between attributes"},
        {"<p data-{{name}}=\"x\">", 1, "{{}} between attributes"},
        {"<p title {{name}}>", 1, "{{}} between attributes"},
        {"<p title=\"x\"{{name}}>", 1, "{{}} between attributes"},
        {"<!-- {{name}} -->", 1, "{{}} in an HTML comment"},
        {"<!-- \n -> -- {{#flag}} -->", 2, "{{}} in an HTML comment"},
        {"<!doctype {{name}}>", 1, "{{}} in a declaration"},
        {"<p title=\"x\"class=\"y\">", 1, "white space must stand between attributes"},
        {"<input {{#flag}}checked{{/flag}}disabled>", 1, "white space must stand between attributes"},
        {"<input{{#rows}} a{{/rows}}b>", 1, "white space must stand between attributes"},
        {"<p title=\"{{name}}\n", 1, "a tag, attribute or comment is still open at the end"},
        {"<p a\"b>", 1, "an attribute's name cannot hold this character"},
        {"<p title=>", 1, "the attribute has no value"},
        {"<p title=a\"b>", 1, "a value with this character must be quoted"},
        {"<p title=\"{{{body}}}\">", 1, "{{{}}} elsewhere than in HTML text"},
        {"<textarea>{{{body}}}</textarea>", 1, "{{{}}} elsewhere than in HTML text"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuses("pages/t.html", cases[i].template, NULL, cases[i].line, cases[i].message);
}

static void refused_urls(void **state)
{
    (void)state;
    static const char *const open_urls[] = {
        "<a href=\"/{{name}}\">",
        "<a href=\"//{{name}}\">",
        "<a href=\"/\\{{name}}\">",
        "<a href=\"/\t{{name}}\">",
        "<a href=\"&#47;{{name}}\">",
        "<a href=\"javascript:{{name}}\">",
        "<a href=\"x{{name}}\">",
        "<a href=\"https://{{name}}\">",
        "<form action=\" {{name}}\">",
        "<button formaction=\"mail{{name}}\">",
        "<img src=\"data:{{name}}\">",
        "<a href=\"/{{#flag}}/{{/flag}}{{name}}\">",
        "<a HREF='/{{name}}'>",
        "<object data=\"/{{name}}\">",
        "<use xlink:href=\"/{{name}}\">",
        "<a href=\"{{#flag}}/a{{/flag}}{{name}}\">",
        "<a href=\"/{{#flag}}a{{/flag}}{{name}}\">",
        "<a href=\"{{#flag}}x{{/flag}}/a{{name}}\">",
    };
    for (size_t i = 0; i < sizeof open_urls / sizeof open_urls[0]; i++)
        refuses("pages/t.html", open_urls[i], NULL, 1, "a URL must begin with literal text");
    refuses("pages/t.html", "<a href=\"{{link}}{{name}}\">", NULL, 1, "a URL that begins with {{}} must be that");
    refuses("pages/t.html", "<a href=\"{{link}}?x\">", NULL, 1, "a URL that begins with {{}} must be that");
    refuses("pages/t.html", "<a href=\"{{#flag}}{{link}}{{/flag}}/x\">", NULL, 1, "the section does not end");
    refuses("pages/t.html", "<a href=\"{{#rows}}/x{{/rows}}\">", NULL, 1, "the section does not end");
}

static void refused_grammar(void **state)
{
    (void)state;
    static const struct {
        const char *template;
        const char *file;
        unsigned line;
        const char *message;
    } cases[] = {
        {"a\n{{#flag}}\nb", NULL, 2, "section flag is never closed"},
        {"{{/flag}}", NULL, 1, "{{/flag}} closes nothing"},
        {"{{#flag}}\n{{#name}}\n{{/flag}}{{/name}}", NULL, 3, "{{/flag}} closes {{name}} of line 2"},
        {"<p>\n{{#flag}}<b{{/flag}}>", NULL, 2, "the section does not end in the place of the HTML"},
        {"<p title=\"a{{#flag}}\" lang=\"{{/flag}}b\">", NULL, 1, "the section does not end in the place"},
        {"<p{{#rows}} a {{/rows}}>", NULL, 1, "the section does not end in the place"},
        {"{{#flag}}<textarea>{{/flag}}", NULL, 1, "the section does not end in the place"},
        {"\n\n a }} b", NULL, 3, "stray }}"},
        {"a\n{{name", NULL, 2, "unclosed {{"},
        {"a {{name\n}}", NULL, 1, "unclosed {{"},
        {"{{ {{name}}", NULL, 1, "unclosed {{"},
        {"{{{body}}", NULL, 1, "unclosed {{"},
        {"{{! a\nb", NULL, 1, "unclosed {{"},
        {"{{  }}", NULL, 1, "empty tag"},
        {"{{#}}", NULL, 1, "empty tag"},
        {"{{a b}}", NULL, 1, "not a name: a b"},
        {"{{a..b}}", NULL, 1, "not a name: a..b"},
        {"{{a.}}", NULL, 1, "not a name: a."},
        {"{{1a}}", NULL, 1, "not a name: 1a"},
        {"{{&name}}", NULL, 1, "not a name: &name"},
        {"{{name)}}", NULL, 1, "not a name: name)"},
        {"{{.}}", NULL, 1, "{{.}} outside a list"},
        {"{{../name}}", NULL, 1, "no view so far out: ../name"},
        {"{{#rows}}{{../../name}}{{/rows}}", NULL, 1, "no view so far out"},
        {"{{#flag}}{{../name}}{{/flag}}", NULL, 1, "no view so far out"},
        {"{{> outside page}}", "pages/_outside.html", 1, "no view so far out"},
        {"\n{{> nobody}}", NULL, 2, "unknown partial: no file"},
        {"{{> ../t}}", NULL, 1, "not the name of a partial: ../t"},
        {"{{> unclosed}}", NULL, 1, "the partial does not end in HTML text"},
        {"<p title=\"{{> good}}\">", NULL, 1, "a partial elsewhere than in HTML text"},
        {"{{> itself}}", "pages/_itself.html", 1, "more than 8 partials one in the other"},
        {"{{> wrong}}", "pages/_wrong.html", 2, "{{/name}} closes nothing"},
        {"{{#flag}}{{> wrong}}{{/flag}}", "pages/_wrong.html", 2, "{{/name}} closes nothing"},
        {"{{> titled rows}}", NULL, 1, "a partial of a list: put it in {{#rows}}"},
        {"\n<link href=\"{{@nothing.css}}\">", NULL, 2, "asset nothing.css: no such asset"},
        {"{{@../pages/t.html}}", NULL, 1, "asset ../pages/t.html: not the name of an asset"},
        {"{{@site.exe}}", NULL, 1, "asset site.exe: an asset with an unknown extension"},
        {"{{@far.css}}", NULL, 1, "asset far.css: a style sheet cannot name another file"},
        {"a\r\nb", NULL, 1, "not UTF-8, or a control character"},
        {"caf\xe9", NULL, 1, "not UTF-8, or a control character"},
        {"{{#flag}}{{#flag}}{{#flag}}{{#flag}}{{#flag}}{{#flag}}{{#flag}}{{#flag}}{{#flag}}{{#flag}}{{#flag}}{{#flag}}"
         "{{#flag}}{{#flag}}{{#flag}}{{#flag}}{{#flag}}",
         NULL, 1, "more than 16 sections one in the other"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuses("pages/t.html", cases[i].template, cases[i].file, cases[i].line, cases[i].message);
}

static void refused_files(void **state)
{
    (void)state;
    refuses("other/t.html", "", NULL, 1, "neither pages/x.html nor mail/x.html nor mail/x.txt");
    refuses("pages/t.css", "", NULL, 1, "a template's name is");
    refuses("mail/t.txt", "{{{body}}}", NULL, 1, "{{{}}} elsewhere than in HTML text");
    refuses("mail/t.txt", "{{> good}}", NULL, 1, "unknown partial: no file");

    struct run run;
    compile(&run, "pages/t.html", "a\0b", 3);
    assert_int_equal(run.err, ERR_INVALID);
    run_done(&run);

    compile(&run, "pages/t.html", "", 0);
    assert_int_equal(remove(run.path), 0);
    assert_int_equal(generator_compile(&run.generator, run.path), ERR_INVALID);
    assert_non_null(strstr(text_of(&run, &run.generator.errors), "t.html:1: no such file"));
    run_done(&run);
}

/* Every place that is allowed, with the function that writes there. */
static void accepted_places(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *template;
        const char *code;
    } cases[] = {
        {"pages/t.html", "a < b {{name}}", "template_put(out, view->name);"},
        {"pages/t.html", "{{{body}}}", "template_html(out, view->body);"},
        {"pages/t.html", "<p title=\"{{name}}\">", "template_put(out, view->name);"},
        {"pages/t.html", "<p title='\"{{name}}'>", "template_put(out, view->name);"},
        {"pages/t.html", "<title>a<b{{! the b is text }} {{name}}</title>", "template_put(out, view->name);"},
        {"pages/t.html", "<textarea>{{name}}</textarea>{{{body}}}", "template_html(out, view->body);"},
        {"pages/t.html", "<!-- a --><!doctype html><script>var a;</script >{{{body}}}", "template_html("},
        {"pages/t.html", "<!--> {{name}}", "template_put("},
        {"pages/t.html", "<a href=\"{{link}}\">", "template_escape_url(out, view->link);"},
        {"pages/t.html", "<a href=\"{{#flag}}/x/{{name}}{{/flag}}{{^flag}}/y{{/flag}}\">", "template_put_url_part("},
        {"pages/t.html", "<style>{{@site.css}}</style>", "/statique/site."},
        {"pages/t.html", "<a href=\"/x/{{name}}\">", "template_put_url_part(out, view->name);"},
        {"pages/t.html", "<a href=\"/?{{name}}\">", "template_put_url_part("},
        {"pages/t.html", "<a href=\"?a={{name}}&amp;b={{city}}\">", "template_put_url_part(out, view->city);"},
        {"pages/t.html", "<a href=\"#{{name}}\">", "template_put_url_part("},
        {"pages/t.html", "<a href=\"MailTo:{{name}}\">", "template_put_url_part("},
        {"pages/t.html", "<a href=\"tel:{{name}}\">", "template_put_url_part("},
        {"pages/t.html", "<img src=\"{{@site.css}}{{name}}\">", "template_put_url_part("},
        {"pages/t.html", "<a href=\"/x{{#flag}}?{{name}}{{/flag}}\">", "template_put_url_part("},
        {"pages/t.html", "<input{{#flag}} checked{{/flag}}>", "if (template_is_true(view->flag)) {"},
        {"pages/t.html", "<input {{#flag}}checked{{/flag}} title=\"{{name}}\"/>", "template_put("},
        {"pages/t.html", "<input a {{^flag}}b {{/flag}}>", "if (!template_is_true(view->flag)) {"},
        {"pages/t.html", "<p class=\"a{{#flag}} b{{/flag}}\">", "template_is_true("},
        {"pages/t.html", "{{#rows}}{{number}}{{/rows}}", "template_put(out, item1->number);"},
        {"pages/t.html", "{{#rows}}{{#../rows}}{{../name}}{{/../rows}}{{/rows}}", "template_put(out, item1->name);"},
        {"pages/t.html", "{{#rows}}{{#flag}}{{../name}}{{/flag}}{{/rows}}", "template_put(out, view->name);"},
        {"pages/t.html", "{{^rows}}-{{/rows}}", "if (view->n_rows == 0) {"},
        {"pages/t.html", "{{#best}}{{name}}{{/best}}", "template_put(out, item1->name);"},
        {"pages/t.html", "{{^best}}-{{/best}}", "if (!template_is_true(view->best)) {"},
        {"pages/t.html", "{{best.name}}{{page.title}}", "template_put(out, view->best->name);"},
        {"pages/t.html", "{{#words}}{{.}}{{/words}}", "template_put(out, (*item1));"},
        {"pages/t.html", "{{> good}}", "template_put(out, view->name);"},
        {"pages/t.html", "{{> titled page}}{{name}}", "template_put(out, item1->title);"},
        {"pages/t.html", "{{#rows}}{{> good}}{{/rows}}", "template_put(out, item1->name);"},
        {"pages/t.html", "{{#rows}}{{> titled ../page}}{{/rows}}", "template_put(out, item2->title);"},
        {"pages/t.html", "<link href=\"{{@near.css}}\">", "/statique/near."},
        {"pages/t.html", "\"a\\b?\?(\tc\"", "STR(\"\\\"a\\\\b?\\?(\\tc\\\"\")"},
        {"mail/t.txt", "<script>{{name}} <{{city}}", "template_put_plain(out, view->city);"},
        {"mail/t.html", "<p>{{name}}", "void template_mail_t_html(struct buf *out, const struct t_view *view)"},
        {"mail/t.txt", "", "void template_mail_t_text(struct buf *out, const struct t_view *view)"},
        {"pages/t.html", "", "void template_page_t(struct buf *out, const struct t_view *view)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct run run;
        compile(&run, cases[i].name, cases[i].template, strlen(cases[i].template));
        const char *code = text_of(&run, &run.generator.code);
        if (run.err || !strstr(code, cases[i].code))
            fail_msg("template: %s\n%s%s", cases[i].template, text_of(&run, &run.generator.errors), code);
        run_done(&run);
    }
}

static void names_a_hashed_asset(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    char path[PATH_MAX];
    struct asset_file asset;
    const char *why;
    assert_int_equal(asset_file_load(&arena, path_in_dir(path, sizeof path, "assets"), STR("site.css"), &asset, &why),
                     0);
    /* printf 'p{color:red}' | sha256sum */
    assert_string_equal(asset.path.ptr, "/statique/site.a746c5fae9f9c946.css");
    assert_string_equal(asset.content_type, "text/css; charset=utf-8");
    arena_done(&arena);
}

/* ---- the C compiler's part ---- */

/* Its exit status; what it says goes to `log`. */
static int run_c_compiler(const char *source, const char *log)
{
    char *argv[] = {DP_TEST_CC, "-std=gnu11", "-Wall",         "-Wextra",      "-Werror",
                    "-Wshadow", "-I.",        "-fsyntax-only", (char *)source, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status = -1;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_CREAT | O_TRUNC, 0600), 0);
    assert_int_equal(posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    while (waitpid(pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Compiles the template and then its C; `line` 0: the C must be clean, else an error stands at that line. */
static void check_c(const char *name, const char *template, const char *file, unsigned line, const char *message)
{
    struct run run;
    char source[PATH_MAX];
    char log[PATH_MAX];
    char place[PATH_MAX];
    struct str said;
    compile(&run, name, template, strlen(template));
    assert_int_equal(run.err, 0);
    struct str text = arena_printf(&run.arena, "%s%.*s%.*s", views, STR_ARG(buf_str(&run.generator.prototypes)),
                                   STR_ARG(buf_str(&run.generator.code)));
    write_text("t.c", text.ptr);
    int status = run_c_compiler(path_in_dir(source, sizeof source, "t.c"), path_in_dir(log, sizeof log, "t.log"));
    assert_int_equal(host_file_read(&run.arena, log, &said), 0);
    (void)snprintf(place, sizeof place, "%s/%s:%u:", dir, file ? file : name, line);
    bool as_expected = line ? status != 0 && strstr(said.ptr, place) && strstr(said.ptr, message) : status == 0;
    if (!as_expected)
        fail_msg("template: %s\nexpected %s %s\n%s", template, place, message, said.ptr);
    run_done(&run);
}

static void wrong_names_and_types(void **state)
{
    (void)state;
    static const struct {
        const char *template;
        const char *file;
        unsigned line;
        const char *message;
    } cases[] = {
        {"one\n\nthree {{nmae}}", NULL, 3, "nmae"},
        {"<p>\n{{! two\nthree }}{{page.titel}}", NULL, 3, "titel"},
        {"\n{{#rows}}\n{{city}}\n{{/rows}}", NULL, 3, "city"},
        {"\n{{#rwos}}\n{{/rwos}}", NULL, 2, "rwos"},
        {"\n\n{{^rwos}}\n{{/rwos}}", NULL, 3, "rwos"},
        {"\n\n\n{{> good page}}", "pages/_good.html", 1, "name"},
        {"\n{{> good pag}}", NULL, 2, "pag"},
        {"\n{{rows}}", NULL, 2, ""},
        {"\n{{flag}}", NULL, 2, ""},
        {"\n{{rate}}", NULL, 2, ""},
        {"\n{{body}}", NULL, 2, ""},
        {"\n{{{name}}}", NULL, 2, ""},
        {"\n<a href=\"{{name}}\">", NULL, 2, ""},
        {"\n<a href=\"/x{{link}}\">", NULL, 2, ""},
        {"\n{{#page}}x{{/page}}", NULL, 2, ""},
        {"\n{{#rate}}x{{/rate}}", NULL, 2, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_c("pages/t.html", cases[i].template, cases[i].file, cases[i].line, cases[i].message);
}

static void right_names_and_types(void **state)
{
    (void)state;
    check_c(
        "pages/t.html",
        "{{name}}{{city}}{{text}}{{reference}}{{n_rows}}{{link}}{{{body}}}{{page.title}}{{#rows}}{{number}}"
        "<a href=\"{{link}}\">{{#../words}}{{.}}{{../name}}{{../../name}}{{/../words}}</a>{{/rows}}{{^rows}}{{/rows}}"
        "{{#best}}{{name}}{{/best}}{{^best}}{{/best}}{{best.name}}{{#flag}}{{/flag}}{{#name}}{{/name}}{{#text}}"
        "{{/text}}{{#body}}{{/body}}{{#link}}{{/link}}{{#n_rows}}{{/n_rows}}{{#reference}}{{/reference}}"
        "{{> titled page}}<a href=\"/x{{name}}{{text}}{{n_rows}}{{reference}}\"></a>",
        NULL, 0, "");
    check_c("mail/t.txt", "{{name}}{{text}}{{n_rows}}{{link}}{{reference}}", NULL, 0, "");
    check_c("pages/t.html", "nothing of the view", NULL, 0, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_places),        cmocka_unit_test(refused_urls),
        cmocka_unit_test(refused_grammar),       cmocka_unit_test(refused_files),
        cmocka_unit_test(accepted_places),       cmocka_unit_test(names_a_hashed_asset),
        cmocka_unit_test(wrong_names_and_types), cmocka_unit_test(right_names_and_types),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
