/* french_number: whole numbers and sums in words, as receipts and cheques have them (traditional spelling: hyphens
 * below a hundred, "et" before un and onze; "cents" and "quatre-vingts" take their s at the end only, and before
 * "millions"). */
#ifndef DP_COMMON_FRENCH_NUMBER_H
#define DP_COMMON_FRENCH_NUMBER_H

#include <stdint.h>

#include "common/arena.h"
#include "common/str.h"

#define FRENCH_NUMBER_MAX INT64_C(999999999999)

/* "deux cent un"; 0 to FRENCH_NUMBER_MAX, anything else is our bug. In the arena. */
struct str french_number(struct arena *arena, int64_t number);
/* "cent cinquante-huit euros et cinquante centimes"; 0 to FRENCH_NUMBER_MAX euros. In the arena. */
struct str french_sum(struct arena *arena, int64_t cents);

#endif
