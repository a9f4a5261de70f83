/* request: headers, cookies, references. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/request.c"

static void cookie_table(void **state)
{
    static const struct {
        const char *header;
        const char *value; /* of "s"; NULL: none */
    } cases[] = {
        {"s=abc", "abc"},
        {"a=b; s=abc; c=d", "abc"},
        {"a=b;s=abc", "abc"},
        {"s=first; s=second", "first"},
        {"s=", ""},
        {"s=a=b", "a=b"},
        {"s=\"quoted\"", "quoted"},
        {" s = abc ", "abc"},
        {"xs=abc", NULL},
        {"S=abc", NULL},
        {"s", NULL},
        {"s; s=abc", "abc"},
        {"s=a b; s=ok", "ok"}, /* malformed: skipped */
        {"s=a,b", NULL},
        {"s=\xc3\xa9", NULL},
        {"=s", NULL},
        {";;;", NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct request *request = request_new(1);
        request->headers[request->n_headers++] = (struct header){STR("cookie"), str_from(cases[i].header)};
        struct str value = request_cookie(request, "s");
        assert_int_equal(value.ptr != NULL, cases[i].value != NULL);
        assert_true(str_eq(value, str_from(cases[i].value)));
        request_unref(request);
    }
}

static void cookies_in_several_headers(void **state)
{
    struct request *request = request_new(1);
    (void)state;
    assert_null(request_cookie(request, "s").ptr);
    request->headers[request->n_headers++] = (struct header){STR("Cookie"), STR("a=1")};
    request->headers[request->n_headers++] = (struct header){STR("X"), STR("s=no")};
    request->headers[request->n_headers++] = (struct header){STR("COOKIE"), STR("s=2")};
    assert_true(str_eq_text(request_cookie(request, "s"), "2"));
    assert_true(str_eq_text(request_cookie(request, "a"), "1"));
    request_unref(request);
}

static void first_header_of_a_name(void **state)
{
    struct request *request = request_new(1);
    (void)state;
    request->headers[request->n_headers++] = (struct header){STR("Accept"), STR("1")};
    request->headers[request->n_headers++] = (struct header){STR("accept"), STR("2")};
    assert_true(str_eq_text(request_header(request, "ACCEPT"), "1"));
    assert_null(request_header(request, "Accep").ptr);
    request_unref(request);
}

static void last_reference_frees(void **state)
{
    struct request *request = request_new(0x1f);
    (void)state;
    arena_alloc(&request->arena, 100);
    buf_append_text(&request->body_bytes, "body");
    request_ref(request);
    request_unref(request);
    assert_string_equal(request_method_name(request), "GET"); /* still there: the sanitizers watch */
    request_unref(request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cookie_table),
        cmocka_unit_test(cookies_in_several_headers),
        cmocka_unit_test(first_header_of_a_name),
        cmocka_unit_test(last_reference_frees),
    };
    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
