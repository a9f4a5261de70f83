/* password_guess: how much of a password somebody would still have to find out who tries first what people choose
 * first. Common passwords are shorter than ours must be, so they are recognised inside: repeated, strung together,
 * dressed up. */
#ifndef DP_COMMON_PASSWORD_GUESS_H
#define DP_COMMON_PASSWORD_GUESS_H

#include <stddef.h>

#include "common/str.h"

enum {
    PASSWORD_GUESS_CHARACTERS_MAX = 128, /* of the password; what follows is not looked at */
    PASSWORD_GUESS_WORDS_MAX = 32,       /* words of the texts; further ones count for nothing */
};

/* The fewest things to be found out: a character counts one, and so does a whole
 *   - common word (password_list.h) or word of one of `texts` (names, an address: split at whatever is no letter or
 *     digit; words of two letters count for nothing), in any case, with or without accents, with 0 1 3 4 5 7 @ $ for
 *     the letters they look like;
 *   - walk over three or more neighbouring keys (AZERTY or QWERTY), or along the alphabet or the digits, either way;
 *   - year, and anything of three or more characters that stood there before.
 * A separator costs nothing the second time; digits and signs before and after the letters cost two at most. All texts
 * are UTF-8. */
unsigned password_guess_cost(struct str password, const struct str *texts, size_t n_texts);

#endif
