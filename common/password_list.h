/* password_list: the words that people choose first, in French and English. */
#ifndef DP_COMMON_PASSWORD_LIST_H
#define DP_COMMON_PASSWORD_LIST_H

#include <stddef.h>

/* The i-th word, in small letters without accents; NULL after the last. */
const char *password_list_word(size_t i);

#endif
