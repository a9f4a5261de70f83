/* credit_view: from the form "Créditer un compte" to what its template shows. */
#ifndef DP_SERVER_CREDIT_VIEW_H
#define DP_SERVER_CREDIT_VIEW_H

#include "server/credit_form.h"
#include "server/page.h"

/* Everything but the page's head, its address and what is closed. Notes the errors for the summary in page->view. */
struct credit_view credit_view_make(struct page *page, const struct credit_form *form,
                                    const struct credit_rules *rules);

#endif
