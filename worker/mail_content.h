/* mail_content: what a mail of the outbox says: its subject and two bodies, rendered from the database as it is when
 * the mail is sent. */
#ifndef DP_WORKER_MAIL_CONTENT_H
#define DP_WORKER_MAIL_CONTENT_H

#include "common/config.h"
#include "worker/db.h"

enum { MAIL_BODY_MAX = 256 * 1024, MAIL_TOKEN_VALID_S = 30 * 60 };

/* A row of mail_outbox. */
struct outbox_mail {
    int64_t id, transaction_id, user_id, review_id, alarm_id; /* 0: none */
    struct str kind, recipient;
    int64_t attempt; /* this one included: the fence of all later updates */
    int64_t created_us;
};

struct mail_content {
    struct str subject, text, html, reply_to; /* in the arena */
};

/* What the mailer made for a mail before it is written. */
struct mail_extras {
    struct str token;      /* of PASSWORD_RESET's link; empty otherwise */
    bool receipt_attached; /* PARENT_CONFIRMATION: the receipt goes with it as a file */
};

/* ERR_NOT_FOUND: what the mail speaks of is not there, or its kind is unknown; ERR_TOO_LARGE; errors of db.h. */
int mail_content_load(const struct outbox_mail *mail, const struct config *config, struct db *db,
                      const struct mail_extras *extras, struct arena *arena, struct mail_content *ret);

#endif
