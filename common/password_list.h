/* password_list: what people choose first. A small list, of French and English words and keyboard walks. */
#ifndef DP_COMMON_PASSWORD_LIST_H
#define DP_COMMON_PASSWORD_LIST_H

#include <stddef.h>

/* The i-th word in lower case, NULL after the last. */
const char *password_list_word(size_t i);

#endif
