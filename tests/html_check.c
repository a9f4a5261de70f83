#include "tests/html_check.h"

#include <stdio.h>
#include <string.h>

enum {
    DEPTH_MAX = 64,
    NAMES_MAX = 256,
    ATTRIBUTES_MAX = 16,
    COMPLAINT_SIZE = 200,
};

struct names {
    struct str items[NAMES_MAX];
    unsigned n;
};

struct attribute {
    struct str name, value;
};

struct tag {
    struct str name;
    struct attribute attributes[ATTRIBUTES_MAX];
    unsigned n_attributes;
};

struct checker {
    enum html_kind kind;
    struct str open[DEPTH_MAX];
    unsigned depth;
    struct names ids;
    struct names references; /* must each be an id */
    struct names labelled;   /* values of for= */
    struct names controls;   /* ids of controls, must each be labelled */
    unsigned n_h1, n_main;
    bool in_post_form, csrf_seen, failed;
};

static char complaint[COMPLAINT_SIZE];

static void complain(struct checker *checker, const char *what, struct str where)
{
    if (!checker->failed) {
        snprintf(complaint, sizeof(complaint), "%s: %.*s", what, (int)(where.len < 120 ? where.len : 120),
                 where.ptr ? where.ptr : "");
    }
    checker->failed = true;
}

static bool names_have(const struct names *names, struct str name)
{
    for (unsigned i = 0; i < names->n; i++) {
        if (str_eq(names->items[i], name)) {
            return true;
        }
    }
    return false;
}

static void names_add(struct checker *checker, struct names *names, struct str name)
{
    if (names->n == NAMES_MAX) {
        complain(checker, "too many names", name);
        return;
    }
    names->items[names->n++] = name;
}

static const struct attribute *tag_find(const struct tag *tag, struct str name)
{
    for (unsigned i = 0; i < tag->n_attributes; i++) {
        if (str_eq(tag->attributes[i].name, name)) {
            return &tag->attributes[i];
        }
    }
    return NULL;
}

/* STR_NULL when the attribute is absent. */
static struct str tag_get(const struct tag *tag, const char *name)
{
    const struct attribute *attribute = tag_find(tag, str_from(name));

    return attribute != NULL ? attribute->value : STR_NULL;
}

static bool tag_is(const struct tag *tag, const char *name, const char *attribute, const char *value)
{
    return str_eq_text(tag->name, name) && str_eq_text(tag_get(tag, attribute), value);
}

static bool is_one_of(struct str name, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (str_eq_text(name, *list)) {
            return true;
        }
    }
    return false;
}

static bool is_void(struct str name)
{
    static const char *const list[] = {"meta", "link", "input", "img", "br", "hr", NULL};

    return is_one_of(name, list);
}

static bool is_open(const struct checker *checker, const char *name)
{
    for (unsigned i = 0; i < checker->depth; i++) {
        if (str_eq_text(checker->open[i], name)) {
            return true;
        }
    }
    return false;
}

/* A no-break space stands before : ; ! ? » and after «. */
static void check_text(struct checker *checker, struct str text)
{
    static const char *const wrong[] = {" :", " ;", " !", " ?", " »", "« ", " €", NULL};

    for (size_t i = 0; i < text.len; i++) {
        for (const char *const *w = wrong; *w != NULL; w++) {
            struct str tail = str_slice(text.ptr + i, text.len - i);
            if (str_starts_with(tail, str_from(*w))) {
                complain(checker, "ordinary space beside French punctuation", text);
            }
        }
    }
}

static void check_attribute(struct checker *checker, const struct attribute *attribute)
{
    bool style = str_eq_text(attribute->name, "style");

    if (str_starts_with(attribute->name, STR("on")) || (style && checker->kind == HTML_PAGE)) {
        complain(checker, "attribute that a page must not have", attribute->name);
    }
    if (str_find(attribute->name, '<') >= 0 || str_find(attribute->value, '<') >= 0) {
        complain(checker, "unescaped < in a tag", attribute->value);
    }
}

/* Reads `name="value"` or `name` at the front of *rest. */
static bool read_attribute(struct checker *checker, struct str *rest, struct attribute *ret)
{
    size_t n = 0;
    ptrdiff_t end;

    while (n < rest->len && strchr(" \n\t=>\"'", rest->ptr[n]) == NULL) {
        n++;
    }
    *ret = (struct attribute){str_slice(rest->ptr, n), STR("")};
    *rest = str_slice(rest->ptr + n, rest->len - n);
    if (n > 0 && !str_starts_with(*rest, STR("="))) {
        return true;
    }
    if (n == 0 || !str_starts_with(*rest, STR("=\""))) {
        complain(checker, "attribute without double quotes", *rest);
        return false;
    }
    *rest = str_slice(rest->ptr + 2, rest->len - 2);
    end = str_find(*rest, '"');
    if (end < 0) {
        complain(checker, "attribute without end", *rest);
        return false;
    }
    ret->value = str_slice(rest->ptr, (size_t)end);
    *rest = str_slice(rest->ptr + end + 1, rest->len - (size_t)end - 1);
    return true;
}

/* *rest stands after "<"; afterwards after ">". */
static bool read_tag(struct checker *checker, struct str *rest, struct tag *ret)
{
    size_t n = 0;

    *ret = (struct tag){0};
    while (n < rest->len && strchr(" \n\t>", rest->ptr[n]) == NULL) {
        n++;
    }
    ret->name = str_slice(rest->ptr, n);
    *rest = str_slice(rest->ptr + n, rest->len - n);
    for (;;) {
        struct attribute attribute;
        *rest = str_trim(*rest);
        if (rest->len > 0 && rest->ptr[0] == '>') {
            *rest = str_slice(rest->ptr + 1, rest->len - 1);
            return true;
        }
        if (ret->n_attributes == ATTRIBUTES_MAX || !read_attribute(checker, rest, &attribute)) {
            complain(checker, "tag that cannot be read", ret->name);
            return false;
        }
        if (tag_find(ret, attribute.name) != NULL) {
            complain(checker, "attribute twice", attribute.name);
        }
        check_attribute(checker, &attribute);
        ret->attributes[ret->n_attributes++] = attribute;
    }
}

static void collect_references(struct checker *checker, struct str values)
{
    while (values.len > 0) {
        struct str one = str_cut(values, ' ', &values);
        if (one.len > 0) {
            names_add(checker, &checker->references, one);
        }
    }
}

static void check_names(struct checker *checker, const struct tag *tag)
{
    struct str id = tag_get(tag, "id");
    struct str href = tag_get(tag, "href");
    struct str labelled = tag_get(tag, "for");

    if (id.ptr != NULL) {
        if (names_have(&checker->ids, id)) {
            complain(checker, "id twice", id);
        }
        names_add(checker, &checker->ids, id);
    }
    if (labelled.ptr != NULL) {
        names_add(checker, &checker->labelled, labelled);
        names_add(checker, &checker->references, labelled);
    }
    if (str_starts_with(href, STR("#"))) {
        names_add(checker, &checker->references, str_slice(href.ptr + 1, href.len - 1));
    }
    collect_references(checker, tag_get(tag, "aria-describedby"));
    collect_references(checker, tag_get(tag, "aria-labelledby"));
}

static void check_control(struct checker *checker, const struct tag *tag)
{
    static const char *const controls[] = {"input", "select", "textarea", NULL};

    if (tag_is(tag, "input", "name", "csrf")) {
        checker->csrf_seen = checker->csrf_seen || tag_get(tag, "value").len > 0;
    }
    if (!is_one_of(tag->name, controls) || tag_is(tag, "input", "type", "hidden") ||
        str_eq_text(tag_get(tag, "aria-hidden"), "true") || is_open(checker, "label")) {
        return;
    }
    names_add(checker, &checker->controls, tag_get(tag, "id"));
}

/* Nothing runs, nothing comes from elsewhere, and what a screen reader needs is there. */
static void check_element(struct checker *checker, const struct tag *tag)
{
    static const char *const refused[] = {"script", "style", "iframe", "object", "embed", "base", NULL};
    struct str src = tag_get(tag, "src");

    if (is_one_of(tag->name, refused)) {
        complain(checker, "element that must not be there", tag->name);
    }
    if (src.ptr != NULL && !str_starts_with(src, STR("/statique/")) && !str_starts_with(src, STR("/ecole/"))) {
        complain(checker, "resource from elsewhere", src);
    }
    if ((str_eq_text(tag->name, "img") && tag_get(tag, "alt").ptr == NULL) ||
        (str_eq_text(tag->name, "th") && tag_get(tag, "scope").ptr == NULL) ||
        (str_eq_text(tag->name, "button") && !str_eq_text(tag_get(tag, "type"), "submit")) ||
        (str_eq_text(tag->name, "html") && !str_eq_text(tag_get(tag, "lang"), "fr"))) {
        complain(checker, "element without what it needs", tag->name);
    }
    checker->n_h1 += str_eq_text(tag->name, "h1");
    checker->n_main += str_eq_text(tag->name, "main");
}

static void open_tag(struct checker *checker, const struct tag *tag)
{
    check_names(checker, tag);
    check_element(checker, tag);
    check_control(checker, tag);
    if (tag_is(tag, "form", "method", "post")) {
        checker->in_post_form = true;
        checker->csrf_seen = false;
    }
    if (is_void(tag->name)) {
        return;
    }
    if (checker->depth == DEPTH_MAX) {
        complain(checker, "nested too deep", tag->name);
        return;
    }
    checker->open[checker->depth++] = tag->name;
}

static void close_tag(struct checker *checker, struct str name)
{
    if (checker->depth == 0 || !str_eq(checker->open[checker->depth - 1], name)) {
        complain(checker, "end tag that closes another element", name);
        return;
    }
    checker->depth--;
    if (str_eq_text(name, "form")) {
        if (checker->in_post_form && !checker->csrf_seen) {
            complain(checker, "POST form without csrf", name);
        }
        checker->in_post_form = false;
    }
}

/* *rest begins with "<". */
static void check_markup(struct checker *checker, struct str *rest)
{
    struct tag tag;

    if (str_starts_with(*rest, STR("<!DOCTYPE html>"))) {
        str_cut(*rest, '>', rest);
        return;
    }
    *rest = str_slice(rest->ptr + 1, rest->len - 1);
    if (str_starts_with(*rest, STR("/"))) {
        struct str name = str_cut(*rest, '>', rest);
        close_tag(checker, str_slice(name.ptr + 1, name.len - 1));
        return;
    }
    if (read_tag(checker, rest, &tag)) {
        open_tag(checker, &tag);
    }
}

static void check_end(struct checker *checker)
{
    if (checker->depth != 0) {
        complain(checker, "element left open", checker->open[checker->depth - 1]);
    }
    if (checker->n_h1 != 1 || checker->n_main != (checker->kind == HTML_PAGE)) {
        complain(checker, "not exactly one h1 and one main", STR_NULL);
    }
    for (unsigned i = 0; i < checker->references.n; i++) {
        if (!names_have(&checker->ids, checker->references.items[i])) {
            complain(checker, "reference to an id that is not there", checker->references.items[i]);
        }
    }
    for (unsigned i = 0; i < checker->controls.n; i++) {
        if (!names_have(&checker->labelled, checker->controls.items[i])) {
            complain(checker, "field without label", checker->controls.items[i]);
        }
    }
}

const char *html_check(struct str html, enum html_kind kind)
{
    struct checker checker = {.kind = kind};

    while (html.len > 0 && !checker.failed) {
        ptrdiff_t markup = str_find(html, '<');
        size_t n_text = markup < 0 ? html.len : (size_t)markup;

        check_text(&checker, str_slice(html.ptr, n_text));
        html = str_slice(html.ptr + n_text, html.len - n_text);
        if (html.len > 0) {
            check_markup(&checker, &html);
        }
    }
    check_end(&checker);
    return checker.failed ? complaint : NULL;
}
