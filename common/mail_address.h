/* mail_address: a strict reading of e-mail addresses. libesmtp copies addresses into the SMTP dialogue verbatim, so
 * whatever passes here must be harmless there (reliability.md §3 row 28). */
#ifndef DP_COMMON_MAIL_ADDRESS_H
#define DP_COMMON_MAIL_ADDRESS_H

#include <stdbool.h>

#include "common/str.h"

enum { MAIL_ADDRESS_MAX = 254 };

/* ASCII addr-spec: dot-atom local part (1–64, RFC 5321 §4.5.3.1), "@", a domain of at least two LDH labels, the
 * last not a number (1.2.3.4 is no domain: RFC 3696 §2). No quoted string, no comment, no literal, no control
 * character, no white space. */
bool mail_address_is_valid(struct str address);

#endif
