/* password_list: what people choose first. A small list, of French and English words and keyboard walks. */
#ifndef DP_COMMON_PASSWORD_LIST_H
#define DP_COMMON_PASSWORD_LIST_H

#include <stdbool.h>

#include "common/str.h"

/* Whether `letters` (lower case) is such a word. */
bool password_list_has(struct str letters);
/* The i-th word, NULL after the last. */
const char *password_list_word(size_t i);

#endif
