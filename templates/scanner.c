#include "templates/scanner.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Attributes that lead somewhere or load something. */
static const char *const url_attributes[] = {"href", "action", "formaction", "src",        "cite",
                                             "data", "poster", "background", "xlink:href", NULL};
/* Attributes with a language of their own, in which HTML's escaping protects nothing. */
static const char *const refused_attributes[] = {"style", "srcdoc", "srcset", "ping", "content", NULL};
static const char *const raw_elements[] = {"script", "style",     "iframe",   "noembed", "noframes",
                                           "xmp",    "plaintext", "noscript", NULL};
static const char *const escapable_elements[] = {"textarea", "title", NULL};

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool append_lower(char name[SCANNER_NAME_MAX], char c)
{
    size_t len = strlen(name);
    if (len + 1 == SCANNER_NAME_MAX)
        return false;
    name[len] = (char)tolower((unsigned char)c);
    return true;
}

static void enter_text(struct scanner *s)
{
    *s = (struct scanner){.state = SCANNER_TEXT};
}

static void enter_tag(struct scanner *s, char c, bool closing)
{
    *s = (struct scanner){.state = SCANNER_TAG_NAME, .closing = closing};
    (void)append_lower(s->element, c);
}

static void end_tag(struct scanner *s)
{
    struct scanner content = {.state = SCANNER_TEXT};
    if (!s->closing && is_one_of(s->element, raw_elements))
        content.state = SCANNER_RAW;
    else if (!s->closing && is_one_of(s->element, escapable_elements))
        content.state = SCANNER_ESCAPABLE;
    if (content.state != SCANNER_TEXT)
        memcpy(content.element, s->element, sizeof content.element);
    *s = content;
}

/* What was known about one attribute is forgotten before the next. */
static void end_attribute(struct scanner *s, enum scanner_state next)
{
    s->state = next;
    s->url = SCANNER_URL_NONE;
    s->quote = '\0';
    s->prefix_len = 0;
    memset(s->attribute, 0, sizeof s->attribute);
    memset(s->prefix, 0, sizeof s->prefix);
}

static const char *feed_markup(struct scanner *s, char c)
{
    if (is_letter(c))
        enter_tag(s, c, s->closing);
    else if (c == '/' && !s->closing)
        s->closing = true;
    else if (c == '!' || c == '?' || s->closing)
        *s = (struct scanner){.state = SCANNER_DECLARATION};
    else if (c != '<')
        enter_text(s);
    return NULL;
}

static const char *feed_declaration(struct scanner *s, char c)
{
    if (c == '>')
        enter_text(s);
    else if (c == '-' && ++s->matched == 2)
        s->state = SCANNER_COMMENT; /* matched stays 2: "<!-->" is a whole comment */
    else if (c != '-')
        s->matched = SCANNER_NAME_MAX; /* a hyphen further on begins no comment */
    return NULL;
}

static const char *feed_comment(struct scanner *s, char c)
{
    if (c == '>' && s->matched >= 2)
        enter_text(s);
    else
        s->matched = c == '-' ? s->matched + 1 : 0;
    return NULL;
}

static const char *feed_tag_name(struct scanner *s, char c)
{
    if (is_space(c) || c == '/')
        s->state = SCANNER_BEFORE_NAME;
    else if (c == '>')
        end_tag(s);
    else if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '-')
        return "a tag's name is of letters, digits and hyphens";
    else if (!append_lower(s->element, c))
        return "the tag's name is too long";
    return NULL;
}

static const char *feed_name(struct scanner *s, char c)
{
    if (c == '=' && s->state != SCANNER_BEFORE_NAME) {
        s->state = SCANNER_BEFORE_VALUE;
    } else if (c == '>') {
        end_tag(s);
    } else if (c == '/') {
        end_attribute(s, SCANNER_BEFORE_NAME);
    } else if (is_space(c)) {
        if (s->state == SCANNER_NAME)
            s->state = SCANNER_AFTER_NAME;
    } else if (strchr("\"'<=", c)) {
        return "an attribute's name cannot hold this character";
    } else {
        if (s->state != SCANNER_NAME)
            end_attribute(s, SCANNER_NAME);
        if (!append_lower(s->attribute, c))
            return "the attribute's name is too long";
    }
    return NULL;
}

static const char *feed_before_value(struct scanner *s, char c)
{
    if (is_space(c))
        return NULL;
    if (strchr("><=`/", c))
        return "the attribute has no value";
    s->state = c == '"' || c == '\'' ? SCANNER_VALUE : SCANNER_UNQUOTED;
    if (s->state == SCANNER_VALUE) {
        s->quote = c;
        s->url = is_one_of(s->attribute, url_attributes) ? SCANNER_URL_EMPTY : SCANNER_URL_NONE;
    }
    return NULL;
}

/* "/" alone leaves open whether "//host" or "/\host" follows; letters alone may become a scheme. */
static bool fixes_target(const char *prefix, unsigned len)
{
    if (prefix[0] == '#' || prefix[0] == '?')
        return true;
    if (prefix[0] == '/' && len > 1)
        return isalnum((unsigned char)prefix[1]) || strchr("-._~?#", prefix[1]);
    return (len >= 7 && strncasecmp(prefix, "mailto:", 7) == 0) || (len >= 4 && strncasecmp(prefix, "tel:", 4) == 0);
}

static const char *feed_value(struct scanner *s, char c)
{
    if (c == s->quote) {
        end_attribute(s, SCANNER_AFTER_VALUE);
        return NULL;
    }
    if (s->url == SCANNER_URL_WHOLE)
        return "a URL that begins with {{}} must be that value alone";
    if (s->url != SCANNER_URL_EMPTY && s->url != SCANNER_URL_OPEN)
        return NULL;
    s->url = SCANNER_URL_OPEN;
    if (s->prefix_len < SCANNER_PREFIX_MAX)
        s->prefix[s->prefix_len++] = c;
    if (fixes_target(s->prefix, s->prefix_len))
        s->url = SCANNER_URL_SAFE;
    return NULL;
}

static const char *feed_unquoted(struct scanner *s, char c)
{
    if (is_space(c))
        end_attribute(s, SCANNER_BEFORE_NAME);
    else if (c == '>')
        end_tag(s);
    else if (strchr("\"'<=`", c))
        return "a value with this character must be quoted";
    return NULL;
}

static const char *feed_after_value(struct scanner *s, char c)
{
    if (is_space(c) || c == '/')
        s->state = SCANNER_BEFORE_NAME;
    else if (c == '>')
        end_tag(s);
    else
        return "white space must stand between attributes";
    return NULL;
}

/* Only "</name" and a delimiter end such content. */
static const char *feed_content(struct scanner *s, char c)
{
    if (s->matched == 2 + strlen(s->element) && (is_space(c) || c == '/' || c == '>')) {
        s->closing = true;
        s->matched = 0;
        s->state = SCANNER_TAG_NAME;
        return feed_tag_name(s, c);
    }
    char expected = s->matched < 2 ? "</"[s->matched] : s->element[s->matched - 2];
    if (tolower((unsigned char)c) == expected)
        s->matched++;
    else
        s->matched = c == '<';
    return NULL;
}

const char *scanner_feed(struct scanner *s, char c)
{
    switch (s->state) {
    case SCANNER_TEXT:
        if (c == '<')
            s->state = SCANNER_MARKUP;
        return NULL;
    case SCANNER_MARKUP:
        return feed_markup(s, c);
    case SCANNER_DECLARATION:
        return feed_declaration(s, c);
    case SCANNER_COMMENT:
        return feed_comment(s, c);
    case SCANNER_TAG_NAME:
        return feed_tag_name(s, c);
    case SCANNER_BEFORE_NAME:
    case SCANNER_NAME:
    case SCANNER_AFTER_NAME:
        return feed_name(s, c);
    case SCANNER_BEFORE_VALUE:
        return feed_before_value(s, c);
    case SCANNER_VALUE:
        return feed_value(s, c);
    case SCANNER_UNQUOTED:
        return feed_unquoted(s, c);
    case SCANNER_AFTER_VALUE:
        return feed_after_value(s, c);
    case SCANNER_RAW:
    case SCANNER_ESCAPABLE:
        return feed_content(s, c);
    }
    return "unknown state";
}

static const char *value_in_attribute(struct scanner *s, enum scanner_place *ret)
{
    if (strncmp(s->attribute, "on", 2) == 0)
        return "{{}} in an event attribute";
    if (is_one_of(s->attribute, refused_attributes))
        return "{{}} in an attribute that HTML escaping does not protect (style, srcdoc, srcset, ping, content)";
    if (s->url == SCANNER_URL_OPEN)
        return "a URL must begin with literal text that fixes where it leads (\"/x\", \"#\", \"?\", \"mailto:\", "
               "\"tel:\") or be one safe_url alone";
    if (s->url == SCANNER_URL_WHOLE)
        return "a URL that begins with {{}} must be that value alone";
    *ret = SCANNER_PLACE_QUOTED;
    if (s->url == SCANNER_URL_SAFE)
        *ret = SCANNER_PLACE_URL_PART;
    if (s->url == SCANNER_URL_EMPTY) {
        *ret = SCANNER_PLACE_URL;
        s->url = SCANNER_URL_WHOLE;
    }
    return NULL;
}

/* Why neither a value nor a section may stand in this state; NULL where it may. */
static const char *refuse_any_tag(const struct scanner *s)
{
    switch (s->state) {
    case SCANNER_MARKUP:
        return "{{}} in a tag's name";
    case SCANNER_DECLARATION:
        return "{{}} in a declaration";
    case SCANNER_COMMENT:
        return "{{}} in an HTML comment";
    case SCANNER_BEFORE_VALUE:
    case SCANNER_UNQUOTED:
        return "{{}} in an unquoted attribute";
    case SCANNER_RAW:
        return "{{}} in <script>, <style> or other raw text";
    case SCANNER_ESCAPABLE:
        return s->matched ? "{{}} in a tag's name" : NULL;
    case SCANNER_TEXT:
    case SCANNER_TAG_NAME:
    case SCANNER_BEFORE_NAME:
    case SCANNER_NAME:
    case SCANNER_AFTER_NAME:
    case SCANNER_VALUE:
    case SCANNER_AFTER_VALUE:
        return NULL;
    }
    return "unknown state";
}

const char *scanner_value(struct scanner *s, enum scanner_place *ret)
{
    const char *why = refuse_any_tag(s);
    if (why)
        return why;
    if (s->state == SCANNER_VALUE)
        return value_in_attribute(s, ret);
    if (s->state == SCANNER_TAG_NAME)
        return "{{}} in a tag's name";
    if (s->state != SCANNER_TEXT && s->state != SCANNER_ESCAPABLE)
        return "{{}} between attributes or in an attribute's name";
    *ret = s->state == SCANNER_TEXT ? SCANNER_PLACE_TEXT : SCANNER_PLACE_QUOTED;
    return NULL;
}

const char *scanner_boundary(struct scanner *s)
{
    if (s->state == SCANNER_TAG_NAME || s->state == SCANNER_NAME)
        end_attribute(s, SCANNER_AFTER_VALUE);
    else if (s->state == SCANNER_AFTER_NAME)
        end_attribute(s, SCANNER_BEFORE_NAME);
    return refuse_any_tag(s);
}

static bool is_same_place(const struct scanner *a, const struct scanner *b)
{
    return a->state == b->state && a->url == b->url && a->quote == b->quote && a->closing == b->closing &&
           a->matched == b->matched && strcmp(a->element, b->element) == 0 && strcmp(a->attribute, b->attribute) == 0 &&
           a->prefix_len == b->prefix_len && memcmp(a->prefix, b->prefix, a->prefix_len) == 0;
}

static bool is_url_text(const struct scanner *s)
{
    return s->url == SCANNER_URL_EMPTY || s->url == SCANNER_URL_OPEN || s->url == SCANNER_URL_SAFE;
}

/* A URL that begins in one way or another: no later text can make it safe for a value. */
static void forget_url_beginning(struct scanner *s)
{
    s->url = SCANNER_URL_OPEN;
    s->prefix_len = SCANNER_PREFIX_MAX;
    memset(s->prefix, 'x', sizeof s->prefix);
}

const char *scanner_join(struct scanner *s, const struct scanner *begin, bool repeats)
{
    struct scanner from = *begin;
    if (!repeats && (s->state == SCANNER_AFTER_VALUE || from.state == SCANNER_AFTER_VALUE)) {
        if (s->state == SCANNER_BEFORE_NAME)
            s->state = SCANNER_AFTER_VALUE;
        if (from.state == SCANNER_BEFORE_NAME)
            from.state = SCANNER_AFTER_VALUE;
    }
    if (!repeats && is_url_text(s) && is_url_text(&from) && !is_same_place(s, &from)) {
        forget_url_beginning(s);
        forget_url_beginning(&from);
    }
    return is_same_place(s, &from) ? NULL : "the section does not end in the place of the HTML in which it began";
}
