/* Moments: a date that is read is written the same; every moment of the calendar reads back; a payment request is valid
 * for less than three days and for at least as long as the evening rule says. */
#include "common/clock.h"
#include "fuzz/fuzz.h"
#include "server/validity.h"

/* 2000-01-01 to 2100-01-01 */
#define FIRST_US INT64_C(946684800000000)
#define LAST_US  INT64_C(4102444800000000)

static void check_moment(int64_t us)
{
    char text[CLOCK_RFC3339_SIZE];
    int64_t again;

    clock_to_rfc3339(us, text);
    FUZZ_CHECK(strlen(text) == CLOCK_RFC3339_SIZE - 1);
    FUZZ_CHECK(clock_from_rfc3339(str_from(text), &again) == 0 && again == us);
    struct clock_local local = clock_to_local(us);
    FUZZ_CHECK(local.month >= 1 && local.month <= 12 && local.day >= 1 && local.day <= 31);
    int64_t back = clock_from_local(&local), off = us - us % CLOCK_SECOND_US - back;
    FUZZ_CHECK(off == 0 || off == CLOCK_HOUR_US || off == -CLOCK_HOUR_US); /* the hour that happens twice */
}

static void check_validity(int64_t now_us)
{
    struct validity validity = validity_from(now_us);
    struct clock_local now = clock_to_local(now_us);
    int day, month, year, n = 0;

    FUZZ_CHECK(sscanf(validity.bank_date, "%2d/%2d/%4d%n", &day, &month, &year, &n) == 3 && n == 10);
    FUZZ_CHECK(!validity.bank_date[10] && validity.sql_date[4] == '-' && strlen(validity.sql_date) == 10);
    FUZZ_CHECK(!validity_is_over(validity.expires_us, now_us));
    FUZZ_CHECK(validity.expires_us - now_us > 5 * CLOCK_HOUR_US - CLOCK_SECOND_US || now.hour < VALIDITY_LATE_HOUR);
    FUZZ_CHECK(validity.expires_us - now_us < 52 * CLOCK_HOUR_US);
    FUZZ_CHECK((day == now.day) == (now.hour < VALIDITY_LATE_HOUR));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return clock_set_zone("Europe/Paris");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = fuzz_str(data, size), rest = text;
    int64_t us, moment = FIRST_US + (int64_t)(fuzz_number(&rest) % (uint64_t)(LAST_US - FIRST_US));

    if (clock_from_rfc3339(text, &us) == 0) {
        char again[CLOCK_RFC3339_SIZE];
        clock_to_rfc3339(us, again);
        FUZZ_CHECK(memcmp(again, text.ptr, 19) == 0);
    }
    check_moment(moment);
    check_validity(moment);
    return 0;
}
