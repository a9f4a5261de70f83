/* bank_client: one question to a bank over HTTPS, by libcurl. Blocking, used by one thread.
 *
 * What may go wrong at the other end has a bound: a deadline for the whole of it, a size of the answer, no redirect, no
 * protocol but HTTPS (a demonstration: HTTP too), no proxy of the environment's, the certificate checked against the
 * name. */
#ifndef DP_WORKER_BANK_CLIENT_H
#define DP_WORKER_BANK_CLIENT_H

#include <stdbool.h>

#include "common/buf.h"
#include "worker/drain.h"

enum { BANK_CLIENT_ERROR_SIZE = 256 };

struct bank_client_settings {
    unsigned timeout_ms; /* from the look-up of the name to the answer's last byte */
    const char *ca_file; /* borrowed; NULL: the system's certificates */
    bool plain_allowed;  /* http:// too */
    struct drain *drain; /* borrowed; once it has begun, a question under way is given up */
};

struct bank_client;

/* Before the first thread is started, and once. */
void bank_client_init(void);

struct bank_client *bank_client_new(const struct bank_client_settings *settings);
void bank_client_free(struct bank_client *client); /* NULL allowed */

/* GETs `url` and appends the body of a 200 to `ret_body`, whose maximum is the limit of size. ERR_UNAVAILABLE: no
 * connection, no trusted certificate, or it broke; ERR_TIMEOUT; ERR_TOO_LARGE; ERR_INVALID: another status, or an
 * address that is not allowed; ERR_CANCELLED: the drain has begun. */
int bank_client_get(struct bank_client *client, const char *url, struct buf *ret_body);
/* What the last failure was: the name of the fault, never the address. */
const char *bank_client_error(const struct bank_client *client);

#endif
