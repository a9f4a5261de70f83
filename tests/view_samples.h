/* view_samples: what the tests of pages and mails fill their views with. Included once a test. */
#ifndef DP_TESTS_VIEW_SAMPLES_H
#define DP_TESTS_VIEW_SAMPLES_H

#include <stdio.h>

#include "common/buf.h"
#include "templates/templates.h"
#include "tests/html_check.h"

enum { RENDERED_SIZE_MAX = 256 * 1024 };

#define HOSTILE     "</main><script>alert(1)</script>\"' onload=x <b>{{page.csrf}}&amp;\x01"
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* The three ways in which every view is filled. */
enum fill {
    FILL_EMPTY,   /* a zeroed struct but for the csrf token */
    FILL_FULL,    /* all flags and texts */
    FILL_HOSTILE, /* the same, each free text being HOSTILE */
};
static enum fill fill;

static inline struct str text(const char *ordinary)
{
    return fill == FILL_HOSTILE ? STR(HOSTILE) : str_from(ordinary);
}

static inline struct safe_url url(const char *ordinary)
{
    return (struct safe_url){str_from(ordinary)};
}

static inline const struct payment_line_view *two_lines(void)
{
    static struct payment_line_view lines[2];

    lines[0] = (struct payment_line_view){.last_name = text("Durand"),
                                          .first_name = text("Julia"),
                                          .class_name = text("2de B"),
                                          .claim = text("n° 150509, forfait avril–juin"),
                                          .amount = text("158,50 €")};
    lines[1] = (struct payment_line_view){.last_name = text("Durand"),
                                          .first_name = text("Charlie"),
                                          .unassigned_claim = true,
                                          .amount = text("40,00 €")};
    return lines;
}

/* What every page has; `wrong` is a field with a fault, or NULL. */
static inline struct page_view page(const char *title, const char *wrong)
{
    static struct field_error_view error;
    bool full = fill != FILL_EMPTY;

    if (!full) {
        return (struct page_view){.csrf = STR("token")};
    }
    error = (struct field_error_view){str_from(wrong != NULL ? wrong : ""), text("À corriger.")};
    return (struct page_view){.title = text(title),
                              .school_kind = text("du lycée"),
                              .school_name = text("Lycée Jean-Monnet"),
                              .sheet_url = url("/ecole/3f9a1c3f9a1c3f9a1c3f9a1c3f9a1c3f.css"),
                              .logo_url = url("/ecole/7c1d9e7c1d9e7c1d9e7c1d9e7c1d9e7c.png"),
                              .logo_width = 80,
                              .logged_in = true,
                              .user_name = text("Jean Durand"),
                              .csrf = text("token"),
                              .demonstration = true,
                              .notice = text("C'est enregistré."),
                              .errors = &error,
                              .n_errors = wrong != NULL};
}

static inline struct field_view field(const char *value)
{
    return (struct field_view){.value = text(value), .error = text("À corriger.")};
}

struct rendering {
    const char *name;
    void (*render)(struct buf *out);
};

/* Renders one in all three fills: NULL if all is well-formed and harmless. */
static inline const char *rendering_check(const struct rendering *rendering, enum html_kind kind)
{
    static const char *const names[] = {"empty", "full", "hostile"};
    const char *wrong = NULL;

    for (unsigned i = 0; i < COUNT(names) && wrong == NULL; i++) {
        struct buf out;
        buf_init(&out, RENDERED_SIZE_MAX);
        fill = (enum fill)i;
        rendering->render(&out);
        wrong = buf_ok(&out) ? html_check(buf_str(&out), kind) : "overflow";
        if (wrong != NULL) {
            printf("%s, %s: %s\n", rendering->name, names[i], wrong);
        }
        buf_done(&out);
    }
    return wrong;
}

/* Whether `texts` (up to NULL) stand in `whole` in that order; prints the first that does not. */
static inline bool holds_in_order(struct str whole, const char *const *texts)
{
    for (; *texts != NULL; texts++) {
        const char *at = memmem(whole.ptr, whole.len, *texts, strlen(*texts));
        if (at == NULL) {
            printf("missing or out of order: %s\n", *texts);
            return false;
        }
        whole = str_slice(at, whole.len - (size_t)(at - whole.ptr));
    }
    return true;
}

#endif
