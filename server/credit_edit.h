/* credit_edit: the form "Créditer un compte" between two presses of "Ajouter une ligne" and "Retirer cette ligne",
 * which need no script: they send the form, and it is shown again with one line more or less. */
#ifndef DP_SERVER_CREDIT_EDIT_H
#define DP_SERVER_CREDIT_EDIT_H

#include "server/credit_form.h"

enum credit_edit_kind {
    CREDIT_EDIT_NONE, /* neither was pressed: the form is handed in */
    CREDIT_EDIT_ADDED,
    CREDIT_EDIT_FULL, /* there were CREDIT_LINES_MAX already */
    CREDIT_EDIT_REMOVED,
    CREDIT_EDIT_NO_LINE, /* the line to be taken out is not there (any more) */
};

struct credit_edit {
    enum credit_edit_kind kind;
    unsigned line;  /* counted from 1, as it was shown: the one that was added or taken out */
    unsigned focus; /* counted from 0: the line on which to go on */
};

/* Reads the form into `form` when one of the buttons was pressed; its lines are then numbered without gaps. The only
 * line is not taken out but emptied of claim and amount. */
struct credit_edit credit_edit_read(struct credit_form *form, struct arena *arena, const struct form *fields);

#endif
