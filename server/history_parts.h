/* history_parts: which accounts a payment of the history is for and what each gets, from the text that SQL_HISTORY
 * makes of its lines. */
#ifndef DP_SERVER_HISTORY_PARTS_H
#define DP_SERVER_HISTORY_PARTS_H

#include "common/arena.h"
#include "server/credit_form.h"

struct history_part {
    struct str account_id, first_name, last_name;
    int64_t cents; /* of all its lines */
};

/* In the order of the lines, each account once. */
struct history_parts {
    struct history_part items[CREDIT_LINES_MAX];
    unsigned n_items;
};

/* HISTORY_PARTS's text, which the parts borrow. */
void history_parts_read(struct history_parts *parts, struct str text);
/* "Julia Durand, Charlie Durand" */
struct str history_parts_names(const struct history_parts *parts, struct arena *arena);

#endif
