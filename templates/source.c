#include "templates/source.h"

#include "common/err.h"

static bool find_text(struct str text, size_t from, const char *wanted, size_t *ret)
{
    if (from > text.len)
        return false;
    const char *at = memmem(text.ptr + from, text.len - from, wanted, strlen(wanted));
    if (at)
        *ret = (size_t)(at - text.ptr);
    return at != NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* A section, partial or comment alone on its line takes the line with it. */
static void take_line_if_alone(struct str text, struct source_tag *tag)
{
    size_t begin = tag->begin;
    size_t end = tag->end;
    while (begin > 0 && is_blank(text.ptr[begin - 1]))
        begin--;
    while (end < text.len && is_blank(text.ptr[end]))
        end++;
    if ((begin > 0 && text.ptr[begin - 1] != '\n') || (end < text.len && text.ptr[end] != '\n'))
        return;
    tag->begin = begin;
    tag->end = end < text.len ? end + 1 : end;
}

static int refuse(const char *why, const char **ret_why)
{
    *ret_why = why;
    return ERR_INVALID;
}

int source_find_tag(const struct source *source, struct source_tag *ret, const char **ret_why)
{
    struct str text = source->text;
    struct source_tag tag = {0};
    if (!find_text(text, source->pos, "{{", &tag.begin))
        return ERR_NOT_FOUND;
    struct source until = *source;
    source_skip_to(&until, tag.begin);
    tag.line = ret->line = until.line;
    size_t body = tag.begin + 2;
    if (body < text.len && strchr("#^/>!@{", text.ptr[body]))
        tag.sigil = text.ptr[body++];
    const char *closer = tag.sigil == '{' ? "}}}" : "}}";
    if (!find_text(text, body, closer, &tag.end))
        return refuse("unclosed {{", ret_why);
    tag.body = str_slice(text.ptr + body, tag.end - body);
    tag.end += strlen(closer);
    if (tag.sigil != '!' && (str_find(tag.body, '\n') >= 0 || str_find(tag.body, '{') >= 0))
        return refuse("unclosed {{", ret_why);
    tag.body = str_trim(tag.body);
    if (!tag.body.len && tag.sigil != '!')
        return refuse("empty tag", ret_why);
    if (tag.sigil && strchr("#^/>!", tag.sigil))
        take_line_if_alone(text, &tag);
    *ret = tag;
    return 0;
}

void source_skip_to(struct source *source, size_t end)
{
    for (; source->pos < end; source->pos++)
        source->line += source->text.ptr[source->pos] == '\n';
}
