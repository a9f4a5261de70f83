/* notice: tells the workers what a logged-in person did that only they may act on. */
#ifndef DP_SERVER_NOTICE_H
#define DP_SERVER_NOTICE_H

#include "server/page.h"

/* All keep the event in the journal and push it to the stream, and wait for neither: the change is made, and the
 * journal sends again what the stream did not take. Texts are copied. */
void notice_password_changed(struct app *app, struct str login);
/* Nothing for an empty old address. */
void notice_email_changed(struct app *app, struct str login, struct str old_email);
/* `user`: the payer's id in decimal. Only of a payment that was looked up with its owner. */
void notice_payment_discarded(struct app *app, struct str reference, struct str user);
/* `message`: at most EVENT_MESSAGE_CHARS_MAX characters. */
void notice_problem_reported(struct app *app, struct str reference, struct str user, struct str message);

#endif
