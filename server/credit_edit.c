#include "server/credit_edit.h"

static void number_lines(struct credit_form *form, struct arena *arena)
{
    for (unsigned i = 0; i < form->n_lines; i++)
        credit_line_number(&form->lines[i], arena, i + 1);
}

static struct credit_edit add_line(struct credit_form *form)
{
    if (form->n_lines == CREDIT_LINES_MAX)
        return (struct credit_edit){.kind = CREDIT_EDIT_FULL, .focus = CREDIT_LINES_MAX - 1};
    form->lines[form->n_lines++] = (struct credit_line){0};
    return (struct credit_edit){CREDIT_EDIT_ADDED, form->n_lines, form->n_lines - 1};
}

static void take_out(struct credit_form *form, unsigned index)
{
    if (form->n_lines == 1) {
        form->lines[0] = (struct credit_line){.account_text = form->lines[0].account_text};
        return;
    }
    form->n_lines--;
    for (unsigned i = index; i < form->n_lines; i++)
        form->lines[i] = form->lines[i + 1];
}

static struct credit_edit remove_line(struct credit_form *form, struct str number_text)
{
    int64_t number;

    if (str_to_u63(number_text, &number) != 0)
        return (struct credit_edit){.kind = CREDIT_EDIT_NO_LINE};
    for (unsigned i = 0; i < form->n_lines; i++) {
        if (form->lines[i].number != number)
            continue;
        take_out(form, i);
        return (struct credit_edit){CREDIT_EDIT_REMOVED, i + 1, i < form->n_lines ? i : form->n_lines - 1};
    }
    return (struct credit_edit){.kind = CREDIT_EDIT_NO_LINE};
}

struct credit_edit credit_edit_read(struct credit_form *form, struct arena *arena, const struct form *fields)
{
    struct str added = form_get(fields, "ajouter"), removed = form_get(fields, "retirer");
    struct credit_edit edit = {.kind = CREDIT_EDIT_NONE};

    if (!added.ptr && !removed.ptr)
        return edit;
    credit_form_read_shown(form, arena, fields);
    edit = removed.ptr ? remove_line(form, removed) : add_line(form);
    number_lines(form, arena);
    return edit;
}
