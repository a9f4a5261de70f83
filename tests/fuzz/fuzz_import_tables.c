/* The files of a school as the operator gives them: families.csv, and after a line "%%" claims.csv. They are accepted
 * with every row sound, or refused with faults that name file and line in words that a terminal shows harmlessly. */
#include "fuzz/memory_file.h"
/* After the files, which it opens. */
#include "admin/import_text.c"
/* After its header, so that only the faults go to the target's own stream. */
static FILE *faults_stream;
#undef stderr
#define stderr faults_stream
#include "admin/import_fault.c"
#undef stderr
#define stderr stderr

#include "admin/import.h"
#include "common/mail_address.h"
#include "common/money.h"

enum { MESSAGES_MAX = 1 << 18 };

static char messages[MESSAGES_MAX];

static bool is_fault_line(struct str line)
{
    struct str rest = line;
    int64_t number;
    struct str file = str_cut(line, ':', &rest);
    bool named = str_eq_text(file, "families.csv") || str_eq_text(file, "claims.csv");
    return named && str_to_u63(str_cut(rest, ':', &rest), &number) == 0 && rest.len > 1 && str_is_utf8(line) &&
           !str_has_control(line, "");
}

static void check_messages(const struct import *import)
{
    struct str rest;
    unsigned n_lines = 0;

    fflush(faults_stream);
    rest = str_slice(messages, (size_t)ftell(faults_stream));
    while (rest.len > 0) {
        FUZZ_CHECK(is_fault_line(str_cut(rest, '\n', &rest)));
        n_lines++;
    }
    FUZZ_CHECK(n_lines ==
               (import->faults.count < IMPORT_FAULTS_PRINTED_MAX ? import->faults.count : IMPORT_FAULTS_PRINTED_MAX));
}

static void check_text(struct str text)
{
    FUZZ_CHECK(str_is_utf8(text) && !str_has_control(text, ""));
}

static void check_person(const struct import *import, size_t i)
{
    const struct import_person *person = &import->persons[i];

    for (size_t field = 0; field < PERSON_FIELD_COUNT; field++)
        check_text(person->fields[field]);
    FUZZ_CHECK(person->key.len > 0 && person->fields[PERSON_LOGIN].len > 0 && person->fields[PERSON_LAST_NAME].len > 0);
    FUZZ_CHECK(person->fields[PERSON_EMAIL].len == 0 || mail_address_is_valid(person->fields[PERSON_EMAIL]));
    FUZZ_CHECK(person->password.len == 0);
    for (size_t other = 0; other < i; other++) {
        FUZZ_CHECK(!str_eq_nocase(person->key, import->persons[other].key));
        FUZZ_CHECK(!str_eq(person->fields[PERSON_LOGIN], import->persons[other].fields[PERSON_LOGIN]));
    }
}

static void check_claim(const struct import *import, size_t i)
{
    const struct import_claim *claim = &import->claims[i];

    check_text(claim->number);
    check_text(claim->label);
    FUZZ_CHECK(claim->amount_cents > 0 && claim->amount_cents <= MONEY_CENTS_MAX && claim->account);
    FUZZ_CHECK(claim->due_date.len == 0 || (claim->due_date.len == 10 && claim->due_date.ptr[4] == '-'));
    for (size_t other = 0; other < i; other++)
        FUZZ_CHECK(!str_eq_nocase(claim->number, import->claims[other].number));
}

static void check_accepted(const struct import *import)
{
    for (size_t i = 0; i < import->n_persons; i++)
        check_person(import, i);
    for (size_t i = 0; i < import->n_links; i++)
        FUZZ_CHECK(import->links[i].person && import->links[i].account);
    for (size_t i = 0; i < import->n_claims; i++)
        check_claim(import, i);
}

static void take_files(struct str input)
{
    const char *parted = memmem(input.ptr, input.len, "\n%%\n", 4);
    size_t first_len = parted ? (size_t)(parted - input.ptr) + 1 : input.len;

    memory_files[0].name = "families.csv";
    memory_files[0].bytes = str_slice(input.ptr, first_len);
    memory_files[1].name = parted ? "claims.csv" : NULL;
    memory_files[1].bytes = parted ? str_slice(parted + 4, input.len - first_len - 3) : STR("");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct config config = {.site = {.mode = CONFIG_PRODUCTION}};
    struct import import = {.config = &config, .directory = "/school"};

    if (!faults_stream)
        faults_stream = fmemopen(messages, sizeof messages, "w");
    rewind(faults_stream);
    take_files(fuzz_str(data, size));
    arena_init(&import.arena, FUZZ_ARENA_MAX);
    import_read_families(&import);
    if (memory_files[1].name)
        import_read_claims(&import);
    check_messages(&import);
    if (import.faults.count == 0)
        check_accepted(&import);
    arena_done(&import.arena);
    return 0;
}
