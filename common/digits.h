/* digits: numbers in decimal, for texts that are made thousands of times a second: printf costs a thousand instructions
 * before it writes the first of them. */
#ifndef DP_COMMON_DIGITS_H
#define DP_COMMON_DIGITS_H

#include <stdint.h>

#include "common/arena.h"
#include "common/str.h"

enum { DIGITS_MAX = 20 }; /* of a uint64_t; a sign comes on top */

/* Writes the last `count` digits of the number, zeros in front; gives the end. */
char *digits_fixed(char *out, unsigned count, uint64_t number);
/* Writes the number with at least `least` digits, and no more than it has otherwise; gives the end. */
char *digits_least(char *out, unsigned least, uint64_t number);
/* Writes the number, with a minus if need be; gives the end. */
char *digits_signed(char *out, int64_t number);
/* The same as a text in the arena. */
struct str digits_text(struct arena *arena, int64_t number);

#endif
