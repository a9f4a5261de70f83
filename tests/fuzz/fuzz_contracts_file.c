/* The file of contracts beside the journal: any bytes are a list or refused; a list is written so that it reads back.
 */
#include "fuzz/memory_file.h"
#include "server/contracts.h"
/* So few that small files reach the limit, and that their room is quickly made. */
#define CONTRACTS_MAX 16
#include "server/contracts_file.c"

static void check_same(const struct contract_record *a, const struct contract_record *b)
{
    const struct str *texts[TEXTS], *others[TEXTS];

    list_texts(a, texts);
    list_texts(b, others);
    FUZZ_CHECK(a->id == b->id && a->bank_ref_len == b->bank_ref_len && a->id >= 0);
    for (size_t i = 0; i < TEXTS; i++)
        FUZZ_CHECK(str_eq(*texts[i], *others[i]));
}

static void check_written(const struct config *config, struct arena *arena, const struct contract_record *records,
                          unsigned n_records)
{
    struct contract_record *again;
    unsigned n_again;
    struct buf bytes;

    buf_init(&bytes, 2 * FILE_MAX);
    buf_append_text(&bytes, FIRST_LINE "\n");
    for (unsigned i = 0; i < n_records; i++)
        put_record(&bytes, &records[i]);
    memory_files[0].bytes = buf_str(&bytes);
    FUZZ_CHECK(contracts_file_read(config, arena, &again, &n_again) == 0 && n_again == n_records);
    for (unsigned i = 0; i < n_records; i++)
        check_same(&records[i], &again[i]);
    buf_done(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct config config = {.journal = {.directory = "/journal"}};
    struct contract_record *records;
    unsigned n_records;
    struct arena arena;

    arena_init(&arena, FUZZ_ARENA_MAX);
    memory_files[0].name = "/journal/contracts";
    memory_files[0].bytes = fuzz_str(data, size);
    int err = contracts_file_read(&config, &arena, &records, &n_records);
    FUZZ_CHECK(err == 0 || err == ERR_CORRUPT);
    if (err == 0) {
        FUZZ_CHECK(n_records <= CONTRACTS_MAX);
        check_written(&config, &arena, records, n_records);
    }
    arena_done(&arena);
    return 0;
}
