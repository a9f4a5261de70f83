#include "simulator/redis_id.h"

#include <stdio.h>
#include <stdlib.h>

#include "simulator/redis_reply.h"

int redis_id_compare(struct redis_id a, struct redis_id b)
{
    if (a.ms != b.ms)
        return a.ms > b.ms ? 1 : -1;
    return (a.sequence > b.sequence) - (a.sequence < b.sequence);
}

struct redis_id redis_id_parse(struct str text)
{
    struct redis_id id = {0, 0};
    char copy[REDIS_ID_SIZE], *end;
    snprintf(copy, sizeof copy, "%.*s", STR_ARG(text));
    id.ms = strtoull(copy, &end, 10);
    if (*end == '-')
        id.sequence = strtoull(end + 1, NULL, 10);
    return id;
}

void redis_id_write(struct redis_id id, char out[REDIS_ID_SIZE])
{
    snprintf(out, REDIS_ID_SIZE, "%llu-%llu", (unsigned long long)id.ms, (unsigned long long)id.sequence);
}

redisReply *redis_id_reply(struct redis_id id)
{
    char text[REDIS_ID_SIZE];
    redis_id_write(id, text);
    return reply_text(str_from(text));
}
