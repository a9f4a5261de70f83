/* payment_reference: the name of a payment at the bank: 20 characters, SP Plus's limit (bank-protocols §1.2). It is no
 * secret: every look-up carries its owner. */
#ifndef DP_SERVER_PAYMENT_REFERENCE_H
#define DP_SERVER_PAYMENT_REFERENCE_H

#include <stdint.h>

#include "common/str.h"

enum { PAYMENT_REFERENCE_LEN = 20 };

/* Prefix (3 characters), YYYYMMDDHHMMSS in the site's zone, 3 random base-32 characters; NUL-terminated. Two of the
 * same second and prefix are equal once in 32 768: the unique key decides, and the caller tries again. */
void payment_reference_make(struct str prefix, int64_t now_us, char out[PAYMENT_REFERENCE_LEN + 1]);
/* 1 to 20 letters and digits: what may stand in a path of ours. */
bool payment_reference_is_plausible(struct str text);

#endif
