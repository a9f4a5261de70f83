/* row_key: where a list shown newest first goes on, as its links carry it ("avant=…"): the moment and the id of the
 * last row seen, "microseconds.id". */
#ifndef DP_SERVER_ROW_KEY_H
#define DP_SERVER_ROW_KEY_H

#include "common/arena.h"
#include "common/str.h"

/* Later than any row: DATETIME ends with the year 9999. */
#define ROW_KEY_NEWEST_US INT64_C(32503680000000000)

/* An empty text gives what stands before the newest row. ERR_INVALID for what no page of ours links to. */
int row_key_read(struct str text, int64_t *ret_us, int64_t *ret_id);
struct str row_key_text(struct arena *arena, int64_t us, int64_t id);

#endif
