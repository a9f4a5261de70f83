#include "server/row_key.h"

#include "common/digits.h"
#include "common/err.h"

int row_key_read(struct str text, int64_t *ret_us, int64_t *ret_id)
{
    int64_t us = ROW_KEY_NEWEST_US, id = 0;
    struct str id_text;
    struct str us_text = str_cut(text, '.', &id_text);

    if (text.len > 0 && (str_to_u63(us_text, &us) || str_to_u63(id_text, &id)))
        return ERR_INVALID;
    if (us > ROW_KEY_NEWEST_US)
        return ERR_INVALID;
    *ret_us = us;
    *ret_id = id;
    return 0;
}

struct str row_key_text(struct arena *arena, int64_t us, int64_t id)
{
    return ARENA_CONCAT(arena, digits_text(arena, us), STR("."), digits_text(arena, id));
}
