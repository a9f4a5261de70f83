/* user_agent: headers as browsers send them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/user_agent.c"

#define WEBKIT "AppleWebKit/537.36 (KHTML, like Gecko)"
#define IOS    "AppleWebKit/605.1.15 (KHTML, like Gecko)"

static void headers(void **state)
{
    static const struct {
        const char *header, *words;
    } cases[] = {
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0", "Firefox sur Windows"},
        {"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox sur Linux"},
        {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:131.0) Gecko/20100101 Firefox/131.0", "Firefox sur Mac"},
        {"Mozilla/5.0 (Android 14; Mobile; rv:131.0) Gecko/131.0 Firefox/131.0", "Firefox sur Android"},
        {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) " IOS " FxiOS/131.0 Mobile/15E148 Safari/605.1.15",
         "Firefox sur iPhone"},
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " WEBKIT " Chrome/129.0.0.0 Safari/537.36", "Chrome sur Windows"},
        {"Mozilla/5.0 (Linux; Android 10; K) " WEBKIT " Chrome/129.0.0.0 Mobile Safari/537.36", "Chrome sur Android"},
        {"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) " WEBKIT " Chrome/129.0.0.0 Safari/537.36", "Chrome sur ChromeOS"},
        {"Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) " IOS " CriOS/129.0.6668.69 Mobile/15E148 Safari/604.1",
         "Chrome sur iPad"},
        {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) " IOS " Version/17.6 Mobile/15E148 Safari/604.1",
         "Safari sur iPhone"},
        {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " IOS " Version/17.6 Safari/605.1.15", "Safari sur Mac"},
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " WEBKIT " Chrome/129.0.0.0 Safari/537.36 Edg/129.0.0.0",
         "Edge sur Windows"},
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " WEBKIT " Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763",
         "Edge sur Windows"},
        {"Mozilla/5.0 (Linux; Android 10; HD1913) " WEBKIT " Chrome/129.0.0.0 Mobile Safari/537.36 EdgA/129.0.0.0",
         "Edge sur Android"},
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " WEBKIT " Chrome/129.0.0.0 Safari/537.36 OPR/114.0.0.0",
         "Opera sur Windows"},
        {"Opera/9.80 (Windows NT 6.1; U; fr) Presto/2.10.289 Version/12.02", "Opera sur Windows"},
        {"Mozilla/5.0 (Linux; Android 14; SM-S918B) " WEBKIT " SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile "
         "Safari/537.36",
         "Samsung Internet sur Android"},
        {"Mozilla/5.0 (Linux; U; Android 4.0.3; fr-fr; GT-I9100 Build/IML74K) AppleWebKit/534.30 (KHTML, like Gecko) "
         "Version/4.0 Mobile Safari/534.30",
         "Navigateur sur Android"},
        {"Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko", "Internet Explorer sur Windows"},
        {"Mozilla/5.0 (X11; Linux x86_64) " IOS " Version/17.0 Safari/605.1.15 Epiphany/605.1.15",
         "Epiphany sur Linux"},
        {"Mozilla/5.0 (X11; Linux x86_64) " WEBKIT " HeadlessChrome/129.0.0.0 Safari/537.36",
         "Navigateur inconnu sur Linux"},
        {"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Navigateur inconnu"},
        {"curl/7.88.1", "Navigateur inconnu"},
        {"Firefox/131.0", "Firefox"},
        {"firefox sur windows", "Navigateur inconnu"},
        {"<b>Safari</b>", "Navigateur inconnu"},
        {"\xff\xfe\x00", "Navigateur inconnu"},
        {"", "Navigateur inconnu"},
        {NULL, "Navigateur inconnu"},
    };
    struct arena arena;
    (void)state;

    arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str words = user_agent_describe(&arena, str_from(cases[i].header));
        if (!str_eq_text(words, cases[i].words))
            fail_msg("%s: %.*s, expected %s", cases[i].header, STR_ARG(words), cases[i].words);
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(headers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
