/* wanted: which addresses a login may lead to: our own pages that need one, as we write them, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/wanted.c"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static void page(struct request *request)
{
    (void)request;
}

static const struct route routes[] = {
    {"/", page, NULL, 0},
    {"/connexion", page, page, 0},
    {"/deconnexion", NULL, page, 0},
    {"/mot-de-passe", page, page, ROUTE_LANDING},
    {"/mot-de-passe/{token}", page, page, 0},
    {"/crediter", page, page, ROUTE_LANDING},
    {"/paiement/{reference}", page, NULL, ROUTE_LANDING},
    {"/paiement/{reference}/payer", NULL, page, 0},
    {"/paiement/{reference}/recu.pdf", page, NULL, 0},
    {"/historique", page, NULL, ROUTE_LANDING},
    {"/historique/paiements.csv", page, NULL, 0},
    {"/historique/connexions", page, NULL, ROUTE_LANDING},
    {"/historique/connexions/deconnecter", NULL, page, 0},
    {"/mes-donnees", page, NULL, ROUTE_LANDING},
    {"/mes-donnees.zip", page, NULL, 0},
    {"/seulement-envoyer", NULL, page, ROUTE_LANDING},
    {NULL, NULL, NULL, 0},
};
static const struct router router = {.routes = routes};

static void test_pages_that_may_be_landed_on(void **state)
{
    static const char *const addresses[] = {
        "/crediter",
        "/crediter?creance=12",
        "/crediter?reference=dem20260329104212K7P",
        "/historique?compte=1&etat=valides&annee=2026&avant=1767323045123456-42",
        "/historique?compte=&etat=%41",
        "/historique/connexions",
        "/historique?",
        "/paiement/dem20260329104212K7P",
        "/paiement/dem20260329104212K7P?actualisation=non",
        "/mot-de-passe",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(addresses); i++) {
        if (!wanted_is_page(&router, str_from(addresses[i])))
            fail_msg("refused: %s", addresses[i]);
    }
}

static const char *const refused[] = {
    "",
    "/",
    "crediter",
    "?creance=1",
    "#",
    /* another host */
    "//evil.example",
    "//evil.example/crediter",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/crediter//evil.example",
    "//crediter",
    "https://evil.example/crediter",
    "HTTPS:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "/crediter@evil.example",
    "/.evil.example",
    "/@evil.example",
    "/crediter:80",
    /* hidden characters, decoded */
    "/historique?etat=%c2%90",
    "/historique?etat=%E2%80%AE",
    "/historique?etat=%7f",
    /* written so that a browser, a proxy and we may read it differently */
    "/%2f/evil.example",
    "/%2Fevil.example",
    "/%5cevil.example",
    "/cr%65diter",
    "/crediter%3fx=y",
    "/paiement/%2e%2e",
    "/paiement/..",
    "/paiement/../connexion",
    "/./crediter",
    "/crediter/.",
    "/crediter/",
    "/CREDITER",
    "/crediter;x=y",
    "/crediter#/evil.example",
    "/paiement/a b",
    "/paiement/\xc3\xa9",
    "/paiement/\xe2\x80\xae",
    "/paiement/",
    "/paiement//payer",
    /* what would split a header or end a cookie's value */
    "/crediter\r\nSet-Cookie: a=b",
    "/crediter\n",
    "/crediter?x=%0d%0aLocation:%20//evil.example",
    "/crediter?x=%0D%0A",
    "/crediter?x=%00",
    "/crediter?x=%1f",
    "/crediter?x=%7F",
    "/crediter?x=%7f",
    "/crediter?x=\r\n",
    "/crediter?x=\x7f",
    "/crediter?x=a;b",
    "/crediter?x=a,b",
    "/crediter?x=\"",
    "/crediter?x=<script>",
    "/crediter?x='",
    "/crediter?x=\\",
    "/crediter?x=//evil.example",
    "/crediter?x=https://evil.example",
    "/crediter?x=%",
    "/crediter?x=%4",
    "/crediter?x=%zz",
    "/crediter?x=\xc3\xa9",
    "/crediter?x=1?y=2",
    "!/crediter",
    /* ours, but not for that */
    "/nulle-part",
    "/connexion",
    "/deconnexion",
    "/mot-de-passe/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "/paiement/dem20260329104212K7P/payer",
    "/paiement/dem20260329104212K7P/recu.pdf",
    "/historique/paiements.csv",
    "/historique/connexions/deconnecter",
    "/mes-donnees.zip",
    "/seulement-envoyer",
};

static void test_what_a_login_never_leads_to(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        if (wanted_is_page(&router, str_from(refused[i])))
            fail_msg("accepted: %s", refused[i]);
        struct wanted wanted = wanted_from_cookie(&router, str_from(refused[i]));
        if (wanted.address.ptr && !str_eq_text(STR("!/crediter"), refused[i]))
            fail_msg("accepted from a cookie: %s", refused[i]);
    }
    assert_false(wanted_is_page(&router, STR("/crediter\0")));
    assert_false(wanted_is_page(&router, STR("/crediter?x=\0")));
    assert_false(wanted_is_page(&router, STR_NULL));
    /* The router knows none of these either; two locks are better than one. */
    assert_false(path_is_plain(STR("//crediter")));
    assert_false(path_is_plain(STR("/paiement/..")));
    assert_false(path_is_plain(STR("/crediter/")));
}

static void test_every_byte_of_an_address(void **state)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        char path[] = "/paiement/x_y", query[] = "/crediter?x_y";
        bool is_letter = c != 0 && strchr(plain, (int)c);
        path[11] = query[11] = (char)c;
        bool in_path = wanted_is_page(&router, str_slice(path, sizeof path - 1));
        bool in_query = wanted_is_page(&router, str_slice(query, sizeof query - 1));
        assert_int_equal(in_path, is_letter || c == '?'); /* "/paiement/x?y" */
        assert_int_equal(in_query, is_letter || c == '=' || c == '&' || c == '+');
    }
}

static void test_long_addresses(void **state)
{
    char text[WANTED_MAX + 2] = "/crediter?x=";
    (void)state;
    memset(text + strlen(text), 'a', sizeof text - strlen(text));
    assert_true(wanted_is_page(&router, str_slice(text, WANTED_MAX)));
    assert_false(wanted_is_page(&router, str_slice(text, WANTED_MAX + 1)));
}

static void test_what_a_request_was_after(void **state)
{
    static const struct {
        enum http_method method;
        const char *path, *query, *expected; /* NULL: nothing to land on */
        bool was_form;
    } cases[] = {
        {HTTP_GET_, "/crediter", "creance=12", "/crediter?creance=12", false},
        {HTTP_HEAD_, "/crediter", "", "/crediter", false},
        {HTTP_POST_, "/crediter", "", "/crediter", true},
        {HTTP_POST_, "/crediter", "reference=dem1", "/crediter?reference=dem1", true},
        {HTTP_GET_, "/crediter", "x=\"", "/crediter", false},
        {HTTP_GET_, "/paiement/dem1/recu.pdf", "", "/paiement/dem1", false},
        {HTTP_POST_, "/paiement/dem1/payer", "x=y", "/paiement/dem1", true},
        {HTTP_GET_, "/historique/paiements.csv", "annee=2026", "/historique", false},
        {HTTP_POST_, "/historique/connexions/deconnecter", "", "/historique/connexions", true},
        {HTTP_GET_, "/mes-donnees.zip", "", NULL, false},
        {HTTP_POST_, "/deconnexion", "", NULL, true},
        {HTTP_GET_, "/", "", NULL, false},
        {HTTP_GET_, "/cr%65diter", "", NULL, false},
        {HTTP_GET_, "/paiement/%2F%2Fevil.example", "", NULL, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct request request = {
            .method = cases[i].method, .path = str_from(cases[i].path), .query = str_from(cases[i].query)};
        arena_init(&request.arena, 1 << 16);
        struct wanted wanted = wanted_of_request(&router, &request);
        if (cases[i].expected)
            assert_true(str_eq_text(wanted.address, cases[i].expected));
        else
            assert_null(wanted.address.ptr);
        assert_int_equal(wanted.was_form, cases[i].was_form);
        if (wanted.address.ptr) { /* and a cookie gives it back */
            struct wanted again = wanted_from_cookie(&router, wanted_to_cookie(&request.arena, &wanted));
            assert_true(str_eq(again.address, wanted.address));
            assert_int_equal(again.was_form, wanted.was_form);
        }
        arena_done(&request.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_that_may_be_landed_on), cmocka_unit_test(test_what_a_login_never_leads_to),
        cmocka_unit_test(test_every_byte_of_an_address),    cmocka_unit_test(test_long_addresses),
        cmocka_unit_test(test_what_a_request_was_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
