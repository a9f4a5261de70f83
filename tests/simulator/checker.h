/* checker: the invariants of reliability.md §4.2, asked of the database, the stream, the journals and the mail server
 * after a schedule. What the bank said and was answered is the measure; the product's own rules are not used. */
#ifndef DP_SIMULATOR_CHECKER_H
#define DP_SIMULATOR_CHECKER_H

#include <stdbool.h>

/* Everything has been applied, sent and released: there is nothing left to wait for. */
bool checker_is_quiet(void);
/* Some time after the healing: what a living worker was given it has dealt with. */
void checker_look_for_stuck(void);
/* Ends the program at the first violation. */
void checker_check(void);
/* What is not quiet yet. */
void checker_complain(void);

struct bank_call;
/* Set aside by the workers, for a human, after it seemed to crash them. */
bool checker_is_dead_letter(const struct bank_call *call);
void checker_check_money(void);
void checker_check_mail(void);

#endif
