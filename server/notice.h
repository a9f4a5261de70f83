/* notice: tells the workers that something was changed which its owner must hear of by mail. */
#ifndef DP_SERVER_NOTICE_H
#define DP_SERVER_NOTICE_H

#include "server/page.h"

/* Both keep the event in the journal and push it to the stream, and wait for neither: the change is made, and the
 * journal sends again what the stream did not take. `login` and `old_email` are copied. */
void notice_password_changed(struct app *app, struct str login);
/* Nothing for an empty old address. */
void notice_email_changed(struct app *app, struct str login, struct str old_email);

#endif
