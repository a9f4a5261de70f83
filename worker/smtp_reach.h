/* smtp_reach: finds the mail server's address and tries the connection out, both within a deadline; libesmtp's own
 * getaddrinfo() and connect() block for as long as the system likes. */
#ifndef DP_WORKER_SMTP_REACH_H
#define DP_WORKER_SMTP_REACH_H

#include <stdbool.h>

enum { SMTP_REACH_ADDRESS_SIZE = 46 };

struct smtp_reach;

/* `host` is borrowed. */
struct smtp_reach *smtp_reach_new(const char *host, unsigned port);
void smtp_reach_free(struct smtp_reach *reach); /* NULL allowed */

/* Looks the host up and, with `connect`, opens and closes a connection. ret_address: its IPv4 address, or "" when it
 * has only others. ERR_TIMEOUT, ERR_NOT_FOUND (no such name), ERR_UNAVAILABLE (no connection). */
int smtp_reach_try(struct smtp_reach *reach, bool connect, unsigned timeout_ms,
                   char ret_address[SMTP_REACH_ADDRESS_SIZE]);

#endif
