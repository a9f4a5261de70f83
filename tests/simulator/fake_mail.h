/* fake_mail: the mail server, and what it has accepted. */
#ifndef DP_SIMULATOR_FAKE_MAIL_H
#define DP_SIMULATOR_FAKE_MAIL_H

#include <stdbool.h>
#include <stdint.h>

enum { FAKE_MAILS_MAX = 512, FAKE_MESSAGE_ID_SIZE = 120 };

/* Accepted copies of one row of the outbox. */
struct fake_mail {
    int64_t outbox_id;
    char message_id[FAKE_MESSAGE_ID_SIZE];
    unsigned n_copies;
};

void fake_mail_reset(void);
const struct fake_mail *fake_mail_find(int64_t outbox_id); /* NULL: never accepted */
/* The i-th; NULL at the end. */
const struct fake_mail *fake_mail_at(unsigned i);
/* Refused for good by the server. */
bool fake_mail_was_refused(int64_t outbox_id);

#endif
