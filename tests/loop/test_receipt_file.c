/* Receipts as files: made once, whoever asks first; caught up with; and what happens when they cannot be made. */
#include "loop/worker_help.h"

#include <fontconfig/fontconfig.h>
#include <pthread.h>

#include "worker/receipt_file.h"

enum { RACERS = 4 };

static struct receipt_maker maker_new(void)
{
    return (struct receipt_maker){
        .db = db_new(&help.config), .metrics = &help.metrics, .base_url = help.config.site.base_url};
}

static void maker_free(struct receipt_maker *maker)
{
    receipt_maker_done(maker);
    db_free(maker->db);
}

/* An accepted payment's id. */
static long long paid(const char *reference, const char *bank_ref)
{
    long long id = help_topup(reference, 2000);
    help_bank_says(help_call(reference, 2000, "1", bank_ref));
    return id;
}

static void made_once(void **state)
{
    struct receipt_maker maker = maker_new();
    struct receipt_file first, second;
    (void)state;
    long long id = paid("dem20261123061301aaa", "50000001");
    assert_int_equal(receipt_file_get(&maker, id, &help.arena, &first), 0);
    assert_true(str_starts_with(first.bytes, STR("%PDF-")) && str_ends_with(first.bytes, STR("%%EOF\n")));
    assert_true(str_starts_with(first.name, STR("recu-20")) && str_ends_with(first.name, STR(".pdf")));
    ask("UPDATE users SET last_name = 'Dupont' WHERE id = 1"); /* what was given out stays as it was */
    assert_int_equal(receipt_file_get(&maker, id, &help.arena, &second), 0);
    assert_true(str_eq(first.bytes, second.bytes));
    ask("UPDATE users SET last_name = 'Durand' WHERE id = 1");
    assert_asked(
        1, "SELECT UNHEX(SHA2(bytes, 256)) = sha256 AND size = %zu FROM receipt_files WHERE transaction_id = %lld",
        first.bytes.len, id);
    assert_int_equal(metrics_get(&help.metrics, METRIC_RECEIPT_FILES), 1);
    maker_free(&maker);
}

static void without_a_receipt(void **state)
{
    struct receipt_maker maker = maker_new();
    struct receipt_file file = {.bytes = STR("untouched")};
    (void)state;
    long long id = help_topup("dem20261123061302aaa", 2000);
    assert_int_equal(receipt_file_get(&maker, id, &help.arena, &file), ERR_NOT_FOUND);
    assert_int_equal(receipt_file_get(&maker, id + 1000, &help.arena, &file), ERR_NOT_FOUND);
    assert_true(str_eq(file.bytes, STR("untouched")));
    maker_free(&maker);
}

struct racer {
    long long id;
    struct arena arena;
    struct receipt_file file;
    int err;
    pthread_barrier_t *start;
};

static void *race(void *arg)
{
    struct racer *racer = arg;
    struct receipt_maker maker = maker_new();
    pthread_barrier_wait(racer->start);
    racer->err = receipt_file_get(&maker, racer->id, &racer->arena, &racer->file);
    maker_free(&maker);
    return NULL;
}

static void made_by_several_at_once(void **state)
{
    struct racer racers[RACERS];
    pthread_t threads[RACERS];
    pthread_barrier_t start;
    (void)state;
    long long id = paid("dem20261123061303aaa", "50000003");
    pthread_barrier_init(&start, NULL, RACERS);
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.id = id, .start = &start};
        arena_init(&racers[i].arena, 4 << 20);
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(racers[i].err, 0);
        assert_true(str_eq(racers[i].file.bytes, racers[0].file.bytes));
    }
    assert_asked(1, "SELECT COUNT(*) FROM receipt_files WHERE transaction_id = %lld", id);
    for (int i = 0; i < RACERS; i++)
        arena_done(&racers[i].arena);
    pthread_barrier_destroy(&start);
}

/* More than a turn's, as after the migration; young ones are the mailer's. */
static void caught_up(void **state)
{
    struct receipt_maker maker = maker_new();
    bool done = true;
    (void)state;
    for (int i = 0; i < RECEIPT_FILES_TURN + 3; i++) {
        char reference[32], bank_ref[16];
        snprintf(reference, sizeof reference, "dem20261123061304b%02d", i);
        snprintf(bank_ref, sizeof bank_ref, "5100%04d", i);
        paid(reference, bank_ref);
    }
    assert_int_equal(receipt_files_catch_up(&maker, &done), 0);
    assert_true(done);
    assert_asked(0, "SELECT COUNT(*) FROM receipt_files f JOIN transactions t ON t.id = f.transaction_id WHERE "
                    "t.reference LIKE 'dem20261123061304%%'");
    ask("UPDATE receipts SET issued_at = issued_at - INTERVAL 2 MINUTE");
    assert_int_equal(receipt_files_catch_up(&maker, &done), 0);
    assert_false(done);
    assert_int_equal(receipt_files_catch_up(&maker, &done), 0);
    assert_true(done);
    assert_asked(0, "SELECT COUNT(*) FROM receipts r LEFT JOIN receipt_files f USING (transaction_id) WHERE "
                    "f.transaction_id IS NULL");
    assert_int_equal(maker.after_id, 0);
    maker_free(&maker);
}

/* The worker may add files, and no more. */
static void never_changed(void **state)
{
    (void)state;
    assert_asked(0, "SELECT COUNT(*) FROM information_schema.table_privileges WHERE table_name = 'receipt_files' AND "
                    "privilege_type NOT IN ('SELECT', 'INSERT') AND grantee LIKE '%%dp_%%'");
    assert_asked(1, "SELECT COUNT(*) FROM information_schema.table_privileges WHERE table_name = 'receipt_files' AND "
                    "privilege_type = 'INSERT' AND grantee LIKE '%%dp_worker%%'");
}

/* The last test: from here on this process knows no font. */
static void without_a_font(void **state)
{
    struct receipt_maker maker = maker_new();
    struct receipt_file file;
    bool done = false;
    (void)state;
    FcConfigSetCurrent(FcConfigCreate());
    long long id = paid("dem20261123061305aaa", "50000005");
    int64_t failed = metrics_get(&help.metrics, METRIC_RECEIPT_FILES_FAILED);
    assert_int_equal(receipt_file_get(&maker, id, &help.arena, &file), ERR_INTERNAL);
    assert_int_equal(metrics_get(&help.metrics, METRIC_RECEIPT_FILES_FAILED), failed + 1);
    ask("UPDATE receipts SET issued_at = issued_at - INTERVAL 2 MINUTE WHERE transaction_id = %lld", id);
    assert_int_equal(receipt_files_catch_up(&maker, &done), 0); /* passed over */
    assert_true(done);
    assert_asked(0, "SELECT COUNT(*) FROM receipt_files WHERE transaction_id = %lld", id);
    maker_free(&maker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_once), cmocka_unit_test(without_a_receipt), cmocka_unit_test(made_by_several_at_once),
        cmocka_unit_test(caught_up), cmocka_unit_test(never_changed),     cmocka_unit_test(without_a_font),
    };
    return cmocka_run_group_tests_name("receipt_file", tests, help_start, help_stop);
}
