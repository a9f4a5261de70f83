/* credit_view: from the form "Créditer un compte" to what its template shows. */
#ifndef DP_SERVER_CREDIT_VIEW_H
#define DP_SERVER_CREDIT_VIEW_H

#include "server/credit_edit.h"
#include "server/credit_form.h"
#include "server/credit_start.h"
#include "server/page.h"

/* Everything but the page's head, its address, what is closed and the remarks. Notes the errors for the summary in
 * page->view. After an edit one of the lines has the focus. */
struct credit_view credit_view_make(struct page *page, const struct credit_form *form, const struct credit_rules *rules,
                                    const struct credit_edit *edit);
/* Adds what the person is told about the claims that were asked for, and about a line more or less. */
void credit_view_remark(struct page *page, struct credit_view *view, const struct credit_start *start,
                        const struct credit_edit *edit);

#endif
