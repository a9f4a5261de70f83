/* outbox: the rows of mail_outbox as the mailer sees them. A claimed row is leased: whoever claims it after the lease
 * has ended gets another attempt number, and the first one's updates then match nothing. */
#ifndef DP_WORKER_OUTBOX_H
#define DP_WORKER_OUTBOX_H

#include "worker/mail_content.h"

/* Claims up to `max` due mails for lease_s seconds; other workers skip them. Errors of db.h. */
int outbox_claim(struct db *db, size_t max, unsigned lease_s, struct arena *arena, const struct outbox_mail **ret,
                 size_t *ret_count);

/* Each: ERR_CONFLICT when the lease was lost meanwhile. */
int outbox_mark_sent(struct db *db, const struct outbox_mail *mail, struct arena *arena);
int outbox_mark_retry(struct db *db, const struct outbox_mail *mail, int64_t delay_s, const char *error,
                      struct arena *arena);
int outbox_mark_dead(struct db *db, const struct outbox_mail *mail, const char *error, struct arena *arena);
/* Gives a claimed mail back untried. */
int outbox_release(struct db *db, const struct outbox_mail *mail, struct arena *arena);

/* Seconds until the next attempt after `attempt` (1 …) have failed: 15 + n⁴ + a random part below 30. */
int64_t outbox_retry_delay_s(int64_t attempt, unsigned random);

#endif
