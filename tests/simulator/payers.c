#include "simulator/payers.h"

#include <stdio.h>

#include "simulator/redis_server.h"
#include "simulator/school.h"
#include "simulator/sim.h"

enum { WORDS_MAX = 8, ARENA_SIZE = 8192, USER_SIZE = 24 };

/* One parent's word; it may be said twice. */
struct word {
    const struct school_payment *payment;
    uint8_t id[EVENT_ID_LEN];
    bool is_owner;
};

static struct word words[WORDS_MAX];
static unsigned n_words;

static void say(void *data)
{
    const struct word *word = data;
    struct str line[3 + 2 * EVENT_FIELDS_MAX] = {STR("XADD"), STR(EVENT_STREAM), STR("*")};
    struct event event = {
        .kind = EVENT_PAYMENT_DISCARDED, .at_us = SIM_EPOCH_US + sim_now_us(), .reference = word->payment->reference};
    struct arena arena;
    char user[USER_SIZE];
    size_t n_fields;
    SIM_TRACE("a payer gives up payment %lld", (long long)word->payment->id);
    snprintf(user, sizeof user, "%lld", (long long)school.payer_id + !word->is_owner);
    event.user = str_from(user);
    memcpy(event.id, word->id, EVENT_ID_LEN);
    arena_init(&arena, ARENA_SIZE);
    const struct str *fields = event_to_fields(&event, &arena, &n_fields);
    memcpy(&line[3], fields, n_fields * sizeof *fields);
    freeReplyObject(redis_server_run(line, n_fields + 3));
    arena_done(&arena);
}

void payers_begin(int64_t until_us)
{
    n_words = 0;
    for (unsigned i = 0; i < school.n_payments && n_words < WORDS_MAX; i++) {
        struct word *word = &words[n_words];
        if (!sim_one_in(4))
            continue;
        n_words++;
        *word = (struct word){.payment = &school.payments[i], .is_owner = !sim_one_in(5)};
        for (size_t byte = 0; byte < EVENT_ID_LEN; byte++)
            word->id[byte] = (uint8_t)sim_below(256);
        sim_at(NULL, sim_between(0, until_us), say, word);
        if (sim_one_in(3))
            sim_at(NULL, sim_between(0, until_us), say, word);
    }
}

bool payers_have_said(const uint8_t id[EVENT_ID_LEN], bool *ret_is_owner)
{
    for (unsigned i = 0; i < n_words; i++) {
        if (memcmp(words[i].id, id, EVENT_ID_LEN) == 0) {
            *ret_is_owner = words[i].is_owner;
            return true;
        }
    }
    return false;
}
