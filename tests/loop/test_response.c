/* response and static_files: what an answer carries, and the embedded assets. */
#include "loop/http_peer.h"
#include "server/router.h"
#include "server/static_files.h"
#include "templates/assets.h"

#include <sys/wait.h>

const struct asset assets[] = {
    {"site.css",
     "/statique/site.0123456789abcdef.css",
     "\"0123456789abcdef\"",
     "text/css; charset=utf-8",
     {"body{}", 6}},
    {"robots.txt",
     "/statique/robots.fedcba9876543210.txt",
     "\"fedcba9876543210\"",
     "text/plain; charset=utf-8",
     {"User-agent: *\n", 14}},
};
const unsigned n_assets = 2;

static void page_redirect(struct request *request)
{
    response_redirect(request, STR("/accueil"));
}

static void page_moved(struct request *request)
{
    response_redirect_permanent(request, STR("/connexion"));
}

static void page_headers(struct request *request)
{
    struct response *response = response_new(request, 422);
    response_header(response, "Referrer-Policy", STR("no-referrer"));
    response_header(response, "Set-Cookie", STR("a=b"));
    response->content_type = "text/html; charset=utf-8";
    buf_append_text(&response->body, "page");
    response_send(response);
}

static void page_too_large(struct request *request)
{
    struct response *response = response_new(request, 200);
    response_header(response, "Set-Cookie", STR("a=b"));
    while (buf_ok(&response->body))
        buf_append_text(&response->body, "0123456789abcdef");
    response_send(response);
}

/* Begins one answer, then gives another. */
static void page_changes_its_mind(struct request *request)
{
    struct response *first = response_new(request, 200);
    response_header(first, "X-First", STR("yes"));
    buf_append_text(&first->body, "first");
    response_text(request, 500, STR("second"));
}

static void page_splits_headers(struct request *request)
{
    response_header(response_new(request, 200), "Location", STR("/a\r\nSet-Cookie: x=y"));
}

static void page_answers_twice(struct request *request)
{
    response_text(request, 200, STR("one"));
    response_text(request, 200, STR("two"));
}

static void error(struct request *request, unsigned status, const char *allow)
{
    (void)allow;
    response_text(request, status, STR("error"));
}

static const struct route routes[] = {
    {"/redirect", page_redirect, NULL, 0},
    {"/moved", page_moved, NULL, 0},
    {"/headers", page_headers, NULL, 0},
    {"/too-large", page_too_large, NULL, 0},
    {"/two-minds", page_changes_its_mind, NULL, 0},
    {"/split", page_splits_headers, NULL, 0},
    {"/twice", page_answers_twice, NULL, 0},
    {"/statique/{fichier}", static_files_get, NULL, 0},
    {"/favicon.ico", static_files_get_by_name, NULL, 0},
    {"/robots.txt", static_files_get_by_name, NULL, 0},
    {NULL, NULL, NULL, 0},
};

static const char *const always[] = {
    "\r\nDate: ",
    "\r\nX-Content-Type-Options: nosniff\r\n",
    "\r\nReferrer-Policy: same-origin\r\n",
    "\r\nCross-Origin-Opener-Policy: same-origin\r\n",
};

struct expected {
    const char *method_and_path, *more; /* further header lines of the request */
    unsigned status;
    const char *body;
    const char *has[3];
    const char *lacks;
};

static void check(struct server *server, const struct expected *expected, const char *policy)
{
    struct client client;
    char request[512];

    client_open(&client, server);
    snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: x\r\n%s\r\n", expected->method_and_path, expected->more);
    client_send(&client, request);
    struct answer answer = client_peek(&client, expected->method_and_path[0] == 'H' || expected->status == 304);
    assert_int_equal(answer.status, expected->status);
    assert_true(str_eq_text(answer.body, expected->body));
    assert_true(answer_has(&answer, policy));
    for (unsigned i = 0; i < sizeof always / sizeof always[0]; i++)
        assert_true(answer_has(&answer, always[i]));
    for (unsigned i = 0; i < 3 && expected->has[i]; i++)
        assert_true(answer_has(&answer, expected->has[i]));
    assert_false(expected->lacks && answer_has(&answer, expected->lacks));
    client_drop(&client, &answer);
    client_expect_silence(&client); /* not a byte more than announced */
    client_close(&client);
}

static const struct expected answers[] = {
    {"GET /redirect",
     "",
     303,
     "",
     {"\r\nLocation: /accueil\r\n", "\r\nContent-Length: 0\r\n", "no-store"},
     "\r\nContent-Type"},
    {"GET /moved", "", 301, "", {"\r\nLocation: /connexion\r\n"}, NULL},
    {"GET /headers",
     "",
     422,
     "page",
     {"\r\nReferrer-Policy: same-origin\r\n", "\r\nReferrer-Policy: no-referrer\r\n", "\r\nSet-Cookie: a=b\r\n"},
     NULL},
    {"HEAD /headers",
     "",
     422,
     "",
     {"\r\nContent-Length: 4\r\n", "\r\nContent-Type: text/html; charset=utf-8\r\n"},
     NULL},
    {"GET /nothing", "", 404, "error", {"\r\nCache-Control: no-store\r\n"}, NULL},
    {"GET /two-minds", "", 500, "second", {NULL}, "X-First"},
    {"GET /too-large", "", 500, "Erreur interne. Réessayez plus tard.\n", {NULL}, "Set-Cookie"},
};

static const struct expected files[] = {
    {"GET /statique/site.0123456789abcdef.css",
     "",
     200,
     "body{}",
     {"\r\nCache-Control: public, max-age=31536000, immutable\r\n", "\r\nETag: \"0123456789abcdef\"\r\n",
      "\r\nContent-Type: text/css; charset=utf-8\r\n"},
     NULL},
    {"HEAD /statique/site.0123456789abcdef.css", "", 200, "", {"\r\nContent-Length: 6\r\n"}, NULL},
    {"GET /statique/site.0123456789abcdef.css",
     "If-None-Match: \"0123456789abcdef\"\r\n",
     304,
     "",
     {"\r\nETag: \"0123456789abcdef\"\r\n", "immutable"},
     "Content-Length"},
    {"GET /statique/site.0123456789abcdef.css",
     "If-None-Match: \"x\", W/\"0123456789abcdef\"\r\n",
     304,
     "",
     {NULL},
     NULL},
    {"GET /statique/site.0123456789abcdef.css", "If-None-Match: *\r\n", 304, "", {NULL}, NULL},
    {"GET /statique/site.0123456789abcdef.css", "If-None-Match: 0123456789abcdef\r\n", 200, "body{}", {NULL}, NULL},
    {"GET /statique/site.css", "", 404, "error", {"no-store"}, NULL},
    {"GET /statique/..%2Fsecret", "", 404, "error", {NULL}, NULL},
    {"GET /robots.txt", "", 200, "User-agent: *\n", {"\r\nCache-Control: no-cache\r\n", "\r\nETag: "}, NULL},
    {"GET /robots.txt", "If-None-Match: \"fedcba9876543210\"\r\n", 304, "", {NULL}, NULL},
    {"GET /favicon.ico", "", 404, "error", {NULL}, NULL},
};

static void check_all(const struct expected *table, size_t count, const char *policy)
{
    struct server server;

    server_init(&server, routes, error);
    server_open(&server);
    for (size_t i = 0; i < count; i++)
        check(&server, &table[i], policy);
    server_finish(&server);
}

static void answer_table(void **state)
{
    (void)state;
    check_all(answers, sizeof answers / sizeof answers[0],
              "\r\nContent-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
              "base-uri 'none'; frame-ancestors 'none'\r\n");
}

static void static_file_table(void **state)
{
    (void)state;
    check_all(files, sizeof files / sizeof files[0], "\r\nContent-Security-Policy: default-src 'none'");
}

static void policy_names_the_bank(void **state)
{
    static const struct expected plain = {"GET /nothing", "", 404, "error", {NULL}, "Strict-Transport-Security"};
    static const struct expected https = {"GET /nothing",
                                          "",
                                          404,
                                          "error",
                                          {"\r\nStrict-Transport-Security: max-age=63072000; includeSubDomains\r\n"},
                                          NULL};
    (void)state;
    response_set_policy(true, "https://paiement.example https://autre.example");
    check_all(&https, 1, " form-action 'self' https://paiement.example https://autre.example; ");
    response_set_policy(false, "http://127.0.0.1:8081");
    check_all(&plain, 1, " form-action 'self' http://127.0.0.1:8081; ");
}

static void expect_abort(const char *path)
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        struct server server;
        log_init("test", LOG_LEVEL_ERROR);
        (void)!freopen("/dev/null", "w", stderr);
        signal(SIGABRT, SIG_DFL);
        server_init(&server, routes, error);
        server_open(&server);
        peer_exchange(&server, path, 200, NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void our_bugs_abort(void **state)
{
    (void)state;
    expect_abort("GET /split HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_abort("GET /twice HTTP/1.1\r\nHost: x\r\n\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer_table),
        cmocka_unit_test(static_file_table),
        cmocka_unit_test(policy_names_the_bank),
        cmocka_unit_test(our_bugs_abort),
    };
    log_init("test", LOG_LEVEL_WARN);
    rand_init();
    return cmocka_run_group_tests_name("response", tests, NULL, NULL);
}
