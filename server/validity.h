/* validity: until when a payment request may be paid at the bank, and when the worker may call it expired. */
#ifndef DP_SERVER_VALIDITY_H
#define DP_SERVER_VALIDITY_H

#include <stdbool.h>
#include <stdint.h>

/* From this hour on a request is valid for the next day too, so that nobody at the bank's page at midnight is cut off.
 */
enum { VALIDITY_LATE_HOUR = 21 };

struct validity {
    char bank_date[16]; /* "dd/mm/yyyy": SP Plus's validite, a day in the site's zone */
    char sql_date[16];  /* the same day as "yyyy-mm-dd" */
    int64_t expires_us; /* two hours after that day's end: the bank may still be calling */
};

struct validity validity_from(int64_t now_us);

/* Whether the bank no longer takes the request: its day has ended, be it that EXPIRED is not yet written. */
bool validity_is_over(int64_t expires_us, int64_t now_us);

#endif
