/* redis_id: the number of an entry of a stream: "1795417200123-0". */
#ifndef DP_SIMULATOR_REDIS_ID_H
#define DP_SIMULATOR_REDIS_ID_H

#include <hiredis/hiredis.h>
#include <stdint.h>

#include "common/str.h"

enum { REDIS_ID_SIZE = 48 };

struct redis_id {
    uint64_t ms, sequence;
};

/* < 0, 0, > 0 */
int redis_id_compare(struct redis_id a, struct redis_id b);
/* Without a sequence: 0. Any other number reads as its ms. */
struct redis_id redis_id_parse(struct str text);
void redis_id_write(struct redis_id id, char out[REDIS_ID_SIZE]);
redisReply *redis_id_reply(struct redis_id id);

#endif
