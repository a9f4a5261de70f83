#include "simulator/redis_server.h"

#include "common/event.h"
#include "simulator/nemesis.h"
#include "simulator/redis_id.h"
#include "simulator/redis_reply.h"
#include "simulator/sim.h"

enum { ENTRIES_MAX = 1024, CONSUMERS_MAX = SIM_PROCESSES_MAX };

struct entry {
    struct redis_id id;
    const struct str *fields;
    size_t n_fields;
};

struct pending {
    struct redis_id id;
    unsigned consumer;
    int64_t delivered_us;
    int64_t deliveries;
};

struct consumer {
    struct str name;
    int64_t seen_us;
};

/* Everything that a save or a replica holds. */
struct state {
    unsigned n_entries, n_pending, n_consumers;
    struct redis_id last_id, last_delivered;
    bool has_stream, has_group;
    struct entry entries[ENTRIES_MAX];
    struct pending pending[ENTRIES_MAX];
    struct consumer consumers[CONSUMERS_MAX];
};

const char redis_server_news;
static struct state now, replica;

static void copy_state(struct state *to, const struct state *from)
{
    memcpy(to, from, offsetof(struct state, entries));
    memcpy(to->entries, from->entries, from->n_entries * sizeof from->entries[0]);
    memcpy(to->pending, from->pending, from->n_pending * sizeof from->pending[0]);
    memcpy(to->consumers, from->consumers, from->n_consumers * sizeof from->consumers[0]);
}

static void forget(struct state *state)
{
    memset(state, 0, offsetof(struct state, entries));
}

void redis_server_reset(void)
{
    forget(&now);
    forget(&replica);
}

/* ---- entries ---- */

static const struct entry *find_entry(struct redis_id id)
{
    for (unsigned i = 0; i < now.n_entries; i++) {
        if (redis_id_compare(now.entries[i].id, id) == 0)
            return &now.entries[i];
    }
    return NULL;
}

/* Trimming destroys what is pending or was never delivered, and says nothing. */
static void check_trimmed(struct redis_id id)
{
    bool unfinished = !now.has_group || redis_id_compare(id, now.last_delivered) > 0;
    for (unsigned i = 0; i < now.n_pending && !unfinished; i++)
        unfinished = redis_id_compare(now.pending[i].id, id) == 0;
    if (unfinished)
        sim_violation("I7", "the stream was trimmed of an entry that nobody has finished");
}

static unsigned trim(struct redis_id least, unsigned count_max)
{
    unsigned n = 0;
    while (n < now.n_entries && (redis_id_compare(now.entries[n].id, least) < 0 || now.n_entries - n > count_max))
        check_trimmed(now.entries[n++].id);
    memmove(now.entries, now.entries + n, (now.n_entries - n) * sizeof now.entries[0]);
    now.n_entries -= n;
    return n;
}

static redisReply *add(const struct str *words, size_t n_words)
{
    size_t at = 2;
    unsigned count_max = ENTRIES_MAX;
    if (str_eq_text(words[at], "MAXLEN")) {
        count_max = (unsigned)redis_id_parse(words[at + 1]).ms;
        at += 2;
    }
    at++; /* "*" */
    if (now.n_entries == ENTRIES_MAX)
        sim_unable("a stream of more than %d entries", ENTRIES_MAX);
    struct redis_id id = {(uint64_t)(SIM_EPOCH_US + sim_now_us()) / US_PER_MS, 0};
    if (redis_id_compare(id, now.last_id) <= 0)
        id = (struct redis_id){now.last_id.ms, now.last_id.sequence + 1};
    struct str *fields = world_alloc((n_words - at) * sizeof *fields);
    for (size_t i = at; i < n_words; i++)
        fields[i - at] = world_str(words[i]);
    now.entries[now.n_entries++] = (struct entry){id, fields, n_words - at};
    now.last_id = id;
    now.has_stream = true;
    trim((struct redis_id){0, 0}, count_max);
    fiber_wake(&redis_server_news);
    return redis_id_reply(id);
}

static redisReply *trim_stream(const struct str *words)
{
    bool by_count = str_eq_text(words[2], "MAXLEN");
    struct redis_id bound = redis_id_parse(words[3]);
    return reply_integer(by_count ? trim((struct redis_id){0, 0}, (unsigned)bound.ms) : trim(bound, ENTRIES_MAX));
}

static redisReply *reply_entry(struct redis_id id)
{
    const struct entry *entry = find_entry(id);
    redisReply *reply = reply_array(2);
    reply->element[0] = redis_id_reply(id);
    reply->element[1] = entry ? reply_array(entry->n_fields) : reply_nil();
    for (size_t i = 0; entry && i < entry->n_fields; i++)
        reply->element[1]->element[i] = reply_text(entry->fields[i]);
    return reply;
}

/* ---- the group ---- */

static unsigned consumer_number(struct str name)
{
    unsigned i = 0;
    while (i < now.n_consumers && !str_eq(now.consumers[i].name, name))
        i++;
    if (i == CONSUMERS_MAX)
        sim_unable("more than %d consumers", CONSUMERS_MAX);
    if (i == now.n_consumers)
        now.consumers[now.n_consumers++] = (struct consumer){world_str(name), 0};
    now.consumers[i].seen_us = sim_now_us();
    return i;
}

static redisReply *no_group(void)
{
    return reply_error("NOGROUP No such key or consumer group");
}

static redisReply *create_group(struct str from)
{
    if (now.has_group)
        return reply_error("BUSYGROUP Consumer Group name already exists");
    now.has_group = now.has_stream = true;
    now.n_pending = now.n_consumers = 0;
    now.last_delivered = str_eq_text(from, "$") ? now.last_id : redis_id_parse(from);
    return reply_status("OK");
}

static redisReply *delete_consumer(struct str name)
{
    unsigned consumer = consumer_number(name), kept = 0, lost;
    for (unsigned i = 0; i < now.n_pending; i++) {
        if (now.pending[i].consumer != consumer)
            now.pending[kept++] = now.pending[i];
    }
    lost = now.n_pending - kept;
    now.n_pending = kept;
    now.consumers[consumer].name = STR("");
    return reply_integer(lost);
}

static redisReply *run_group(const struct str *words)
{
    if (str_eq_text(words[1], "CREATE"))
        return create_group(words[4]);
    return now.has_group ? delete_consumer(words[4]) : no_group();
}

static void deliver(struct pending *pending, unsigned consumer)
{
    pending->consumer = consumer;
    pending->delivered_us = sim_now_us();
    pending->deliveries++;
}

/* Pending entries stand in the order of their ids. */
static void add_pending(struct redis_id id, unsigned consumer)
{
    unsigned at = now.n_pending++;
    for (; at > 0 && redis_id_compare(now.pending[at - 1].id, id) > 0; at--)
        now.pending[at] = now.pending[at - 1];
    now.pending[at] = (struct pending){.id = id};
    deliver(&now.pending[at], consumer);
}

static redisReply *wrap_entries(struct redis_id *ids, size_t n)
{
    redisReply *list = reply_array(n), *stream = reply_array(2), *all = reply_array(1);
    for (size_t i = 0; i < n; i++)
        list->element[i] = reply_entry(ids[i]);
    stream->element[0] = reply_text(STR(EVENT_STREAM));
    stream->element[1] = list;
    all->element[0] = stream;
    return all;
}

static redisReply *read_new(unsigned consumer, size_t count)
{
    struct redis_id ids[ENTRIES_MAX];
    size_t n = 0;
    for (unsigned i = 0; i < now.n_entries && n < count; i++) {
        if (redis_id_compare(now.entries[i].id, now.last_delivered) > 0)
            ids[n++] = now.entries[i].id;
    }
    for (size_t i = 0; i < n; i++)
        add_pending(ids[i], consumer);
    if (n)
        now.last_delivered = ids[n - 1];
    return n ? wrap_entries(ids, n) : reply_nil();
}

static redisReply *read_own(unsigned consumer, struct redis_id after, size_t count)
{
    struct redis_id ids[ENTRIES_MAX];
    size_t n = 0;
    for (unsigned i = 0; i < now.n_pending && n < count; i++) {
        if (now.pending[i].consumer == consumer && redis_id_compare(now.pending[i].id, after) > 0)
            ids[n++] = now.pending[i].id;
    }
    return wrap_entries(ids, n);
}

/* XREADGROUP GROUP g consumer COUNT n [BLOCK ms] STREAMS key id */
static redisReply *read_group(const struct str *words, size_t n_words)
{
    if (!now.has_group)
        return no_group();
    unsigned consumer = consumer_number(words[3]);
    size_t count = (size_t)redis_id_parse(words[5]).ms;
    struct str from = words[n_words - 1];
    return str_eq_text(from, ">") ? read_new(consumer, count) : read_own(consumer, redis_id_parse(from), count);
}

static redisReply *acknowledge(const struct str *words, size_t n_words)
{
    unsigned n_before = now.n_pending, kept = 0;
    for (unsigned i = 0; i < now.n_pending; i++) {
        bool done = false;
        for (size_t word = 3; word < n_words && !done; word++)
            done = redis_id_compare(now.pending[i].id, redis_id_parse(words[word])) == 0;
        if (!done)
            now.pending[kept++] = now.pending[i];
    }
    now.n_pending = kept;
    return reply_integer(n_before - kept);
}

static redisReply *sum_up_pending(void)
{
    redisReply *reply = reply_array(4);
    reply->element[0] = reply_integer(now.n_pending);
    reply->element[1] = now.n_pending ? redis_id_reply(now.pending[0].id) : reply_nil();
    reply->element[2] = now.n_pending ? redis_id_reply(now.pending[now.n_pending - 1].id) : reply_nil();
    reply->element[3] = reply_nil();
    return reply;
}

/* XPENDING key g first last count consumer */
static redisReply *list_pending(const struct str *words, size_t n_words)
{
    if (!now.has_group)
        return no_group();
    if (n_words == 3)
        return sum_up_pending();
    unsigned consumer = consumer_number(words[6]);
    struct redis_id first = redis_id_parse(words[3]), last = redis_id_parse(words[4]);
    redisReply *reply = reply_array(now.n_pending);
    reply->elements = 0;
    for (unsigned i = 0; i < now.n_pending && reply->elements < redis_id_parse(words[5]).ms; i++) {
        const struct pending *pending = &now.pending[i];
        if (pending->consumer != consumer || redis_id_compare(pending->id, first) < 0 ||
            redis_id_compare(pending->id, last) > 0)
            continue;
        redisReply *row = reply->element[reply->elements++] = reply_array(4);
        row->element[0] = redis_id_reply(pending->id);
        row->element[1] = reply_text(words[6]);
        row->element[2] = reply_integer((sim_now_us() - pending->delivered_us) / US_PER_MS);
        row->element[3] = reply_integer(pending->deliveries);
    }
    return reply;
}

/* XAUTOCLAIM key g consumer idle start COUNT n: entries that were deleted leave the list of pending ones. */
static redisReply *claim(const struct str *words)
{
    if (!now.has_group)
        return no_group();
    unsigned consumer = consumer_number(words[3]), kept = 0;
    int64_t idle_us = (int64_t)redis_id_parse(words[4]).ms * US_PER_MS;
    struct redis_id from = redis_id_parse(words[5]), next = {0, 0};
    size_t count = (size_t)redis_id_parse(words[7]).ms, n_claimed = 0, n_deleted = 0;
    redisReply *claimed = reply_array(now.n_pending), *deleted = reply_array(now.n_pending), *reply = reply_array(3);
    for (unsigned i = 0; i < now.n_pending; i++) {
        struct pending *pending = &now.pending[i];
        bool idle = redis_id_compare(pending->id, from) >= 0 && sim_now_us() - pending->delivered_us >= idle_us;
        if (idle && n_claimed == count && next.ms == 0) {
            next = pending->id;
        } else if (idle && n_claimed < count && !find_entry(pending->id)) {
            deleted->element[n_deleted++] = redis_id_reply(pending->id);
            continue;
        } else if (idle && n_claimed < count) {
            deliver(pending, consumer);
            claimed->element[n_claimed++] = reply_entry(pending->id);
        }
        now.pending[kept++] = *pending;
    }
    now.n_pending = kept;
    claimed->elements = n_claimed;
    deleted->elements = n_deleted;
    reply->element[0] = redis_id_reply(next);
    reply->element[1] = claimed;
    reply->element[2] = deleted;
    return reply;
}

static unsigned count_undelivered(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < now.n_entries; i++)
        n += redis_id_compare(now.entries[i].id, now.last_delivered) > 0;
    return n;
}

static void set_pair(redisReply *map, size_t at, const char *name, redisReply *value)
{
    map->element[at] = reply_text(str_from(name));
    map->element[at + 1] = value;
}

static redisReply *describe_groups(void)
{
    if (!now.has_stream)
        return reply_error("ERR no such key");
    redisReply *groups = reply_array(now.has_group);
    if (!now.has_group)
        return groups;
    redisReply *group = groups->element[0] = reply_array(8);
    set_pair(group, 0, "name", reply_text(STR(EVENT_GROUP)));
    set_pair(group, 2, "pending", reply_integer(now.n_pending));
    set_pair(group, 4, "last-delivered-id", redis_id_reply(now.last_delivered));
    set_pair(group, 6, "lag", reply_integer(count_undelivered()));
    return groups;
}

static redisReply *describe_consumers(void)
{
    if (!now.has_group)
        return no_group();
    redisReply *list = reply_array(now.n_consumers);
    list->elements = 0;
    for (unsigned i = 0; i < now.n_consumers; i++) {
        int64_t n_pending = 0;
        if (now.consumers[i].name.len == 0)
            continue;
        for (unsigned j = 0; j < now.n_pending; j++)
            n_pending += now.pending[j].consumer == i;
        redisReply *consumer = list->element[list->elements++] = reply_array(6);
        set_pair(consumer, 0, "name", reply_text(now.consumers[i].name));
        set_pair(consumer, 2, "pending", reply_integer(n_pending));
        set_pair(consumer, 4, "idle", reply_integer((sim_now_us() - now.consumers[i].seen_us) / US_PER_MS));
    }
    return list;
}

static redisReply *get_setting(struct str name)
{
    redisReply *pair = reply_array(2);
    bool fsync = str_eq_text(name, "appendfsync"), policy = str_eq_text(name, "maxmemory-policy");
    pair->element[0] = reply_text(name);
    pair->element[1] = reply_text(fsync    ? (nemesis.redis_is_durable ? STR("always") : STR("everysec"))
                                  : policy ? STR("noeviction")
                                           : STR("yes"));
    return pair;
}

/* Sometimes the replica is too slow. */
static redisReply *wait_for_replica(void)
{
    if (nemesis.redis_may_go_back && !nemesis.healed && sim_one_in(3))
        return reply_integer(0);
    copy_state(&replica, &now);
    return reply_integer(1);
}

static redisReply *answer(const struct str *words, size_t n_words)
{
    if (str_eq_text(words[0], "XADD"))
        return add(words, n_words);
    if (str_eq_text(words[0], "XREADGROUP"))
        return read_group(words, n_words);
    if (str_eq_text(words[0], "XACK"))
        return now.has_group ? acknowledge(words, n_words) : reply_integer(0);
    if (str_eq_text(words[0], "XAUTOCLAIM"))
        return claim(words);
    if (str_eq_text(words[0], "XPENDING"))
        return list_pending(words, n_words);
    if (str_eq_text(words[0], "XGROUP"))
        return run_group(words);
    if (str_eq_text(words[0], "XINFO"))
        return str_eq_text(words[1], "GROUPS") ? describe_groups() : describe_consumers();
    if (str_eq_text(words[0], "XTRIM"))
        return trim_stream(words);
    if (str_eq_text(words[0], "WAIT"))
        return wait_for_replica();
    if (str_eq_text(words[0], "CONFIG"))
        return get_setting(words[2]);
    sim_unable("Redis: what is %.*s?", STR_ARG(words[0]));
}

redisReply *redis_server_run(const struct str *words, size_t n_words)
{
    redisReply *reply = answer(words, n_words);
    if (nemesis.redis_may_go_back && sim_one_in(nemesis.copy_one_in))
        copy_state(&replica, &now);
    return reply;
}

bool redis_server_has_news(void)
{
    return !now.has_group ||
           (now.n_entries && redis_id_compare(now.entries[now.n_entries - 1].id, now.last_delivered) > 0);
}

/* ---- faults ---- */

void redis_server_empty(void)
{
    SIM_TRACE("Redis comes back empty");
    forget(&now);
    forget(&replica);
}

void redis_server_destroy_group(void)
{
    SIM_TRACE("the group is destroyed");
    now.has_group = false;
}

void redis_server_fail_over(void)
{
    SIM_TRACE("Redis goes back to %u of %u entries", replica.n_entries, now.n_entries);
    copy_state(&now, &replica);
}

bool redis_server_stands(unsigned i, struct redis_standing *ret)
{
    if (i >= now.n_entries)
        return false;
    const struct entry *entry = &now.entries[i];
    *ret = (struct redis_standing){.fields = entry->fields, .n_fields = entry->n_fields};
    redis_id_write(entry->id, ret->id);
    for (unsigned j = 0; j < now.n_pending; j++) {
        if (redis_id_compare(now.pending[j].id, entry->id) != 0)
            continue;
        ret->consumer = now.consumers[now.pending[j].consumer].name;
        ret->idle_us = sim_now_us() - now.pending[j].delivered_us;
    }
    return true;
}

struct redis_counts redis_server_counts(void)
{
    return (struct redis_counts){now.n_pending, now.has_group ? count_undelivered() : now.n_entries, now.has_group};
}
