/* mail_compose: a finished MIME message (RFC 5322, 2045–2047) from a subject and two bodies, by GMime. */
#ifndef DP_WORKER_MAIL_COMPOSE_H
#define DP_WORKER_MAIL_COMPOSE_H

#include <stdint.h>

#include "common/arena.h"
#include "common/str.h"

struct mail_letter {
    int64_t outbox_id;
    struct str kind; /* of the outbox row */
    int64_t written_us;
    struct str from_name;
    struct str from_address, to; /* mail addresses: nothing in them is escaped */
    struct str reply_to;         /* left out if it is none */
    struct str message_id_domain;
    struct str subject, text, html; /* UTF-8, lines ending in \n */
    /* application/pdf; empty: none. The name is ASCII letters, digits, "-" and "." */
    struct str pdf_name, pdf;
};

/* Once, before any thread is started. */
void mail_compose_init(void);

/* "outbox.17.PARENT_CONFIRMATION@example.org": the same for each attempt, so that a repeated mail is recognised. */
struct str mail_message_id(struct arena *arena, int64_t outbox_id, struct str kind, struct str domain);

/* NUL-terminated, in `arena`, lines ending in CRLF, 7-bit. The same letter gives the same bytes. */
char *mail_compose(const struct mail_letter *letter, struct arena *arena);

#endif
