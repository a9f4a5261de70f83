/* router: paths to handlers, parameters, 404, 405 with Allow, admission. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/router.c"

static const char *called; /* the handler that ran */
static unsigned error_status;
static const char *error_allow;

static void home(struct request *request)
{
    (void)request;
    called = "home";
}

static void form_get_handler(struct request *request)
{
    (void)request;
    called = "form-get";
}

static void form_post_handler(struct request *request)
{
    (void)request;
    called = "form-post";
}

static void pay(struct request *request)
{
    (void)request;
    called = "pay";
}

static void error(struct request *request, unsigned status, const char *allow)
{
    (void)request;
    error_status = status;
    error_allow = allow;
}

static unsigned admit_none_but_banks(struct request *request, const struct route *route)
{
    (void)request;
    return route->flags & ROUTE_BANK ? 0 : 429;
}

static const struct route routes[] = {
    {"/", home, NULL, 0},
    {"/connexion", form_get_handler, form_post_handler, 0},
    {"/paiement/{reference}", home, NULL, 0},
    {"/paiement/{reference}/payer", NULL, pay, 0},
    {"/a/{x}/{y}", home, NULL, 0},
    {"/banque/spplus", home, home, ROUTE_BANK},
    {NULL, NULL, NULL, 0},
};

static void dispatch(const struct router *router, struct request *request, enum http_method method, const char *path)
{
    called = NULL;
    error_status = 0;
    error_allow = NULL;
    *request = (struct request){.method = method, .path = str_from(path)};
    arena_init(&request->arena, 1 << 16);
    router_dispatch(router, request);
}

static void dispatch_table(void **state)
{
    static const struct {
        enum http_method method;
        const char *path;
        const char *called;
        unsigned status;
        const char *allow;
        const char *param;
    } cases[] = {
        {HTTP_GET_, "/", "home", 0, NULL, NULL},
        {HTTP_HEAD_, "/", "home", 0, NULL, NULL},
        {HTTP_POST_, "/", NULL, 405, "GET, HEAD", NULL},
        {HTTP_GET_, "/connexion", "form-get", 0, NULL, NULL},
        {HTTP_POST_, "/connexion", "form-post", 0, NULL, NULL},
        {HTTP_GET_, "/conne%78ion", "form-get", 0, NULL, NULL},
        {HTTP_OTHER_, "/connexion", NULL, 405, "GET, HEAD, POST", NULL},
        {HTTP_GET_, "/paiement/dem1", "home", 0, NULL, "dem1"},
        {HTTP_GET_, "/paiement/a%20%C3%A9+b", "home", 0, NULL, "a \xc3\xa9+b"},
        {HTTP_GET_, "/paiement/a%2Fb", "home", 0, NULL, "a/b"},
        {HTTP_POST_, "/paiement/dem1/payer", "pay", 0, NULL, "dem1"},
        {HTTP_GET_, "/paiement/dem1/payer", NULL, 405, "POST", NULL},
        {HTTP_OTHER_, "/rien", NULL, 404, NULL, NULL},
        {HTTP_GET_, "/connexion/", NULL, 404, NULL, NULL},
        {HTTP_GET_, "/connexio", NULL, 404, NULL, NULL},
        {HTTP_GET_, "/connexionn", NULL, 404, NULL, NULL},
        {HTTP_GET_, "//connexion", NULL, 404, NULL, NULL},
        {HTTP_GET_, "/paiement/", NULL, 404, NULL, NULL},
        {HTTP_GET_, "/paiement//payer", NULL, 404, NULL, NULL},
        {HTTP_GET_, "/paiement/%zz", NULL, 404, NULL, NULL},
        {HTTP_GET_, "/paiement/%0", NULL, 404, NULL, NULL},
        {HTTP_GET_, "/paiement/%00", NULL, 404, NULL, NULL},
        {HTTP_GET_, "/paiement/%C3", NULL, 404, NULL, NULL},
        {HTTP_GET_, "/connexion%", NULL, 404, NULL, NULL},
        {HTTP_GET_, "/conne%7", NULL, 404, NULL, NULL},
        {HTTP_GET_, "", NULL, 404, NULL, NULL},
    };
    const struct router router = {.routes = routes, .app = (void *)&cases, .error = error};
    struct request request;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dispatch(&router, &request, cases[i].method, cases[i].path);
        assert_int_equal(error_status, cases[i].status);
        assert_true(str_eq(str_from(called), str_from(cases[i].called)));
        assert_true(str_eq(str_from(error_allow), str_from(cases[i].allow)));
        if (cases[i].param)
            assert_true(str_eq_text(request.params[0], cases[i].param));
        assert_ptr_equal(request.app, router.app);
        arena_done(&request.arena);
    }
}

static void two_params_and_pattern(void **state)
{
    const struct router router = {.routes = routes, .error = error};
    struct request request;
    (void)state;
    dispatch(&router, &request, HTTP_GET_, "/a/1/2");
    assert_true(str_eq_text(request.params[0], "1"));
    assert_true(str_eq_text(request.params[1], "2"));
    assert_string_equal(request.route, "/a/{x}/{y}");
    arena_done(&request.arena);
}

static void admission(void **state)
{
    const struct router router = {.routes = routes, .error = error, .admit = admit_none_but_banks};
    struct request request;
    (void)state;
    dispatch(&router, &request, HTTP_GET_, "/");
    assert_null(called);
    assert_int_equal(error_status, 429);
    arena_done(&request.arena);
    dispatch(&router, &request, HTTP_POST_, "/banque/spplus");
    assert_string_equal(called, "home");
    assert_int_equal(error_status, 0);
    arena_done(&request.arena);
}

static void find_without_running(void **state)
{
    const struct router router = {.routes = routes, .error = error};
    (void)state;
    called = NULL;
    assert_true(router_find(&router, STR("/banque/spplus"))->flags & ROUTE_BANK);
    assert_string_equal(router_find(&router, STR("/paiement/x/payer"))->path, "/paiement/{reference}/payer");
    assert_null(router_find(&router, STR("/rien")));
    assert_null(router_find(&router, STR("")));
    assert_null(called);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dispatch_table),
        cmocka_unit_test(two_params_and_pattern),
        cmocka_unit_test(admission),
        cmocka_unit_test(find_without_running),
    };
    return cmocka_run_group_tests_name("router", tests, NULL, NULL);
}
