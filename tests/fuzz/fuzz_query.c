/* The history's query: a filter that is read asks the database only for what a page of ours can ask, and its own link
 * reads back as the same filter. */
#include "common/clock.h"
#include "fuzz/fuzz.h"
#include "server/history_filter.h"
#include "server/row_key.h"

static void check_link(const struct history_filter *filter, struct arena *arena)
{
    static struct form form;
    struct history_filter again;
    struct str link = history_filter_query(filter, arena);

    FUZZ_CHECK((link.len > 0) == history_filter_is_set(filter));
    if (link.len == 0)
        return;
    FUZZ_CHECK(link.ptr[0] == '?' && !str_has_control(link, "") && str_find(link, '<') < 0 && str_find(link, '"') < 0);
    FUZZ_CHECK(form_parse(arena, str_slice(link.ptr + 1, link.len - 1), &form) == 0);
    FUZZ_CHECK(history_filter_read(&form, &again) == 0);
    FUZZ_CHECK(again.account_id == filter->account_id);
    FUZZ_CHECK(again.states == filter->states);
    FUZZ_CHECK(again.year == filter->year);
}

static void check_key(const struct history_filter *filter, struct arena *arena)
{
    int64_t us, id;
    FUZZ_CHECK(filter->before_us >= 0 && filter->before_us <= ROW_KEY_NEWEST_US && filter->before_id >= 0);
    FUZZ_CHECK(row_key_read(row_key_text(arena, filter->before_us, filter->before_id), &us, &id) == 0);
    FUZZ_CHECK(us == filter->before_us && id == filter->before_id);
}

static void check_params(const struct history_filter *filter)
{
    struct db_value params[HISTORY_PARAMS_MAX];
    unsigned n_params = history_filter_params(filter, SQL_HISTORY_CHOSEN, 3, 5, 20, params);
    FUZZ_CHECK(n_params == HISTORY_PARAMS_MAX && params[n_params - 1].number == 20);
    FUZZ_CHECK(params[0].number == 3 && params[1].number == 5); /* the owner is the session's, whatever was asked */
    FUZZ_CHECK(params[HISTORY_PARAMS_KEY].number < params[HISTORY_PARAMS_KEY + 1].number);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return clock_set_zone("Europe/Paris");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct form form;
    struct history_filter filter;
    struct arena arena;

    arena_init(&arena, FUZZ_ARENA_MAX);
    if (form_parse(&arena, fuzz_str(data, size), &form) == 0 && history_filter_read(&form, &filter) == 0) {
        check_link(&filter, &arena);
        check_key(&filter, &arena);
        check_params(&filter);
    }
    arena_done(&arena);
    return 0;
}
