/* mailer: the thread that sends what waits in mail_outbox. */
#ifndef DP_WORKER_MAILER_H
#define DP_WORKER_MAILER_H

#include "common/config.h"
#include "worker/drain.h"
#include "worker/metrics.h"

enum { MAILER_CLAIM_MAX = 32 };

struct mailer_settings {
    const struct config *config; /* borrowed, as all of these */
    struct drain *drain;
    struct metrics *metrics;
    const char *smtp_password; /* NULL: no authentication */
};

/* Sends until the drain begins; finishes the mail in hand and gives the claimed rest back. */
void mailer_run(const struct mailer_settings *settings);

#endif
