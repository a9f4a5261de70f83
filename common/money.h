/* money: amounts are int64_t cents, everywhere. Never a float. */
#ifndef DP_COMMON_MONEY_H
#define DP_COMMON_MONEY_H

#include <stdint.h>

#include "common/str.h"

/* Anything a person or bank can mean is below this (10 000 000,00 €): reading more is ERR_TOO_LARGE. */
#define MONEY_CENTS_MAX INT64_C(1000000000)

enum { MONEY_TEXT_SIZE = 48 }; /* holds INT64_MIN in the widest form */

/* Reads an amount as French people write it: "158,5", "158.50", "1 158,50 €", "1158", with any kind of space (U+0020,
 * U+00A0, U+202F, U+2009) between thousands, around, and before an optional "€" or "EUR". Not negative; at most two
 * decimals; a "." or "," followed by three digits is refused as ambiguous.
 * ERR_INVALID or ERR_TOO_LARGE; *ret_cents then untouched. */
int money_parse(struct str text, int64_t *ret_cents);
/* The same with "-" or U+2212 in front of it for a balance below zero. */
int money_parse_signed(struct str text, int64_t *ret_cents);

/* "1 158,50 €": U+202F between thousands, U+00A0 before the sign, U+2212 for minus. NUL-terminated. */
void money_format(int64_t cents, char out[MONEY_TEXT_SIZE]);
/* "1158,50": for a form field. */
void money_format_input(int64_t cents, char out[MONEY_TEXT_SIZE]);
/* "1158.50": SP Plus's montant (bank-protocols §1.2); cents >= 0. */
void money_format_bank(int64_t cents, char out[MONEY_TEXT_SIZE]);
/* Reads a bank's "1158.50", "1158.5" or "1158" strictly: digits, then optionally a point and one or two digits. */
int money_parse_bank(struct str text, int64_t *ret_cents);

#endif
