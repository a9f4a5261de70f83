/* payers: parents who give up a payment, at whatever moment, and somebody who says so in their name. */
#ifndef DP_SIMULATOR_PAYERS_H
#define DP_SIMULATOR_PAYERS_H

#include <stdbool.h>

#include "common/event.h"

/* Draws who gives up what until then. Their events go to the stream alone, which may forget them: nobody was promised
 * anything. */
void payers_begin(int64_t until_us);

/* Whether that event is one of theirs; *ret_is_owner: it names the payment's own payer. */
bool payers_have_said(const uint8_t id[EVENT_ID_LEN], bool *ret_is_owner);

#endif
