#include "server/history_parts.h"

#include "common/log.h"

static void add_line(struct history_parts *parts, struct str line)
{
    struct history_part part;
    unsigned i = 0;

    part.account_id = str_cut(line, '\t', &line);
    part.first_name = str_cut(line, '\t', &line);
    part.last_name = str_cut(line, '\t', &line);
    if (str_to_u63(line, &part.cents) != 0)
        log_fatal("unreadable_history_part", LOG_SLICE("cents", line));
    while (i < parts->n_items && !str_eq(parts->items[i].account_id, part.account_id))
        i++;
    if (i == parts->n_items)
        parts->items[parts->n_items++] = part;
    else
        parts->items[i].cents += part.cents;
}

void history_parts_read(struct history_parts *parts, struct str text)
{
    parts->n_items = 0;
    while (text.len > 0 && parts->n_items < CREDIT_LINES_MAX)
        add_line(parts, str_cut(text, '\n', &text));
}

struct str history_parts_names(const struct history_parts *parts, struct arena *arena)
{
    struct str names = STR("");

    for (unsigned i = 0; i < parts->n_items; i++)
        names = ARENA_CONCAT(arena, names, i ? STR(", ") : STR(""), parts->items[i].first_name, STR(" "),
                             parts->items[i].last_name);
    return names;
}
