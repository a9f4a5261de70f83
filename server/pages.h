/* pages: the handlers of the parents' site, one file page_<name>.c each; routes.c lists their addresses. */
#ifndef DP_SERVER_PAGES_H
#define DP_SERVER_PAGES_H

#include "server/router.h"

void page_root(struct request *request);
void page_login(struct request *request);
void page_logout(struct request *request);
void page_home(struct request *request);
void page_password(struct request *request);
void page_contact(struct request *request);
void page_credit(struct request *request);
void page_payment(struct request *request);
void page_pay(struct request *request);
void page_discard(struct request *request);
void page_problem(struct request *request);
void page_receipt(struct request *request);
void page_bank_return(struct request *request);
void page_history(struct request *request);
void page_history_csv(struct request *request);
void page_certificate(struct request *request);
void page_logins(struct request *request);
void page_logins_end_others(struct request *request);
void page_my_data(struct request *request);
void page_my_data_zip(struct request *request);
void page_session(struct request *request);
void page_session_sheet(struct request *request);
void page_help(struct request *request);
void page_accessibility(struct request *request);
void page_legal_notice(struct request *request);
void page_privacy(struct request *request);
void page_forgotten(struct request *request);
void page_reset(struct request *request);

/* Every address of the public port; ends with path NULL. */
extern const struct route public_routes[];

#endif
