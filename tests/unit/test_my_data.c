/* my_data and archive: rows become one JSON text with every section, and files one zip. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <zip.h>

#include "common/err.h"
#include "server/archive.c"
#include "server/my_data.c"

static struct my_data begun(void)
{
    struct my_data data;
    my_data_init(&data, "https://cantine.example.org", "2026-03-29T08:42:00.000000Z");
    return data;
}

static void test_every_section_is_there(void **state)
{
    struct my_data data = begun();
    (void)state;
    my_data_finish(&data);
    assert_true(str_eq_text(buf_str(&data.json),
                            "{\n\"site\": \"https://cantine.example.org\",\n"
                            "\"fait_le\": \"2026-03-29T08:42:00.000000Z\",\n\"personne\": [],\n\"comptes\": [],\n"
                            "\"creances\": [],\n\"connexions\": [],\n\"courriels\": [],\n"
                            "\"demandes_mot_de_passe\": [],\n\"signalements\": [],\n\"paiements\": []\n}\n"));
    my_data_done(&data);
}

static void test_rows_go_to_their_sections(void **state)
{
    struct my_data data = begun();
    (void)state;
    my_data_add(&data, MY_DATA_PERSON, STR("{\"nom\": \"Durand\"}"));
    my_data_add(&data, MY_DATA_CLAIMS, STR("{}"));
    my_data_add(&data, MY_DATA_CLAIMS, STR("{}"));
    my_data_add(&data, MY_DATA_PAYMENTS, STR("{\"x\": 1}"));
    my_data_finish(&data);
    struct str json = buf_str(&data.json);
    static const char expected[] =
        "\"personne\": [\n  {\"nom\": \"Durand\"}\n],\n\"comptes\": [],\n"
        "\"creances\": [\n  {},\n  {}\n],\n\"connexions\": [],\n\"courriels\": [],\n"
        "\"demandes_mot_de_passe\": [],\n\"signalements\": [],\n\"paiements\": [\n  {\"x\": 1}\n]\n}\n";
    assert_true(str_ends_with(json, str_from(expected)));
    my_data_done(&data);
}

static void test_too_much_is_noticed(void **state)
{
    struct my_data data = begun();
    static char row[1 << 20];
    (void)state;
    memset(row, ' ', sizeof row);
    for (unsigned i = 0; i < MY_DATA_BYTES_MAX / sizeof row; i++)
        my_data_add(&data, MY_DATA_PAYMENTS, str_slice(row, sizeof row));
    my_data_finish(&data);
    assert_false(buf_ok(&data.json));
    my_data_done(&data);
}

static void check_file(zip_t *archive, const struct archive_file *expected)
{
    static char bytes[1 << 20];
    zip_file_t *file = zip_fopen(archive, expected->name, 0);

    assert_non_null(file);
    assert_int_equal(zip_fread(file, bytes, sizeof bytes), expected->bytes.len);
    assert_memory_equal(bytes, expected->bytes.ptr, expected->bytes.len);
    zip_fclose(file);
}

static void test_a_zip_gives_back_its_files(void **state)
{
    static char zeros[300000];
    const struct archive_file files[] = {
        {"LISEZ-MOI.txt", STR("été\n")}, {"donnees.json", {zeros, sizeof zeros}}, {"vide", STR("")}};
    struct buf zip;
    (void)state;
    buf_init(&zip, 1 << 20);
    assert_int_equal(archive_pack(files, 3, &zip), 0);
    assert_in_range(zip.len, 100, 5000); /* compressed */

    zip_t *archive = zip_open_from_source(zip_source_buffer_create(zip.ptr, zip.len, 0, NULL), ZIP_RDONLY, NULL);
    assert_non_null(archive);
    assert_int_equal(zip_get_num_entries(archive, 0), 3);
    for (unsigned i = 0; i < 3; i++)
        check_file(archive, &files[i]);
    zip_discard(archive);
    buf_done(&zip);
}

static void test_a_zip_larger_than_allowed(void **state)
{
    const struct archive_file file = {"a", STR("0123456789")};
    struct buf zip;
    (void)state;
    buf_init(&zip, 100);
    assert_int_equal(archive_pack(&file, 1, &zip), ERR_TOO_LARGE);
    buf_done(&zip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_section_is_there),    cmocka_unit_test(test_rows_go_to_their_sections),
        cmocka_unit_test(test_too_much_is_noticed),       cmocka_unit_test(test_a_zip_gives_back_its_files),
        cmocka_unit_test(test_a_zip_larger_than_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
