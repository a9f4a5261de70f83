/* smtp: hands finished messages to the mail server, one after the other over one connection (libesmtp 1.1.0, blocking,
 * with the precautions that experiments with this version showed to be necessary):
 *
 *   - a TLS context of our own, TLS 1.2 at most (1.3 sessions stall at random; the library's own context is used after
 * it was freed), STARTTLS required or off, never "if offered", the host's name checked by OpenSSL itself;
 *   - all five time-outs set; name look-up and connection, which the library does not bound, are tried out before;
 *   - what start_session() returns is not success: only a 2xx for the recipient and for the message, after the message
 *     was really sent, is;
 *   - addresses must pass mail_address_is_valid(): the library writes them into the dialogue as they are. */
#ifndef DP_WORKER_SMTP_H
#define DP_WORKER_SMTP_H

#include <stdbool.h>
#include <stddef.h>

#include "common/str.h"

enum { SMTP_ERROR_SIZE = 200, SMTP_HOST_MAX = 253 };

struct smtp_settings {
    const char *host; /* with TLS a name (its certificate is checked), else a name or an address */
    unsigned port;
    bool starttls;        /* required; else clear text */
    const char *ca_file;  /* NULL: the system's */
    const char *user;     /* NULL: no authentication */
    const char *password; /* borrowed, as all texts here */
    const char *helo_name;
    unsigned timeout_ms; /* of each step */
};

enum smtp_outcome {
    SMTP_SENT,    /* the server took responsibility */
    SMTP_RETRY,   /* not accepted, for a reason that may pass */
    SMTP_REFUSED, /* this recipient or this message, for good (5xx) */
    SMTP_UNKNOWN, /* the connection was lost after the message: it may have been accepted. Retry with the same
                     Message-ID */
};

struct smtp_client;

/* ERR_INVALID when ca_file cannot be used. The settings are borrowed and outlive the client. */
int smtp_client_new(const struct smtp_settings *settings, struct smtp_client **ret);
void smtp_client_free(struct smtp_client *client); /* NULL allowed */

struct smtp_mail {
    const char *to;
    const char *message; /* complete with Date and Message-ID, lines ending in CRLF */
};

/* Where the mails come from. `next` gives one that lives until it is done, or false when there are no more; `done` says
 * what became of it, before the next is asked for. `error` is the reason, printable ASCII, unless it was sent. */
struct smtp_work {
    bool (*next)(void *data, struct smtp_mail *ret);
    void (*done)(void *data, enum smtp_outcome outcome, const char *error);
    void *data;
};

/* Sends until there are no more. Each mail blocks for a few time-outs at most. A connection is left after anything but
 * success; a mail that could not even begin on one that had served others gets a fresh one. */
void smtp_send_all(struct smtp_client *client, const char *from, const struct smtp_work *work);

#endif
