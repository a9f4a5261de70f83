/* log: no value can forge a line or a field, and no address is written whole. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "common/log.c"

enum { CAPTURE_MAX = 256 * 1024 };

static char captured[CAPTURE_MAX];
static int saved_stderr;
static FILE *capture_file;

static void capture_start(void)
{
    capture_file = tmpfile();
    assert_non_null(capture_file);
    saved_stderr = dup(STDERR_FILENO);
    assert_true(dup2(fileno(capture_file), STDERR_FILENO) >= 0);
}

static struct str capture_end(void)
{
    assert_true(dup2(saved_stderr, STDERR_FILENO) >= 0);
    close(saved_stderr);
    ssize_t len = pread(fileno(capture_file), captured, sizeof captured - 1, 0);
    assert_true(len >= 0);
    captured[len] = '\0';
    fclose(capture_file);
    return str_slice(captured, (size_t)len);
}

/* What follows event=x in the one line that `field` makes. */
static const char *written(struct log_field field)
{
    capture_start();
    log_info("x", field);
    struct str line = capture_end();
    assert_int_equal(str_find(line, '\n'), (ptrdiff_t)line.len - 1); /* one line, ended */
    captured[line.len - 1] = '\0';
    const char *at = strstr(captured, " event=x ");
    assert_non_null(at);
    return at + strlen(" event=x ");
}

static void values(void **state)
{
    (void)state;
    assert_string_equal(written(LOG_STR("k", "plain")), "k=plain");
    assert_string_equal(written(LOG_STR("k", "été")), "k=été");
    assert_string_equal(written(LOG_STR("k", "")), "k=\"\"");
    assert_string_equal(written(LOG_STR("k", NULL)), "k=\"\"");
    assert_string_equal(written(LOG_STR("k", "two words")), "k=\"two words\"");
    assert_string_equal(written(LOG_STR("k", "a=b")), "k=\"a=b\"");
    assert_string_equal(written(LOG_STR("k", "a\"b\\c")), "k=\"a\\\"b\\\\c\"");
    assert_string_equal(written(LOG_STR("k", "a\nlevel=error event=forged")), "k=\"a\\x0alevel=error event=forged\"");
    assert_string_equal(written(LOG_STR("k", "\x1b[2J\x7f\r")), "k=\"\\x1b[2J\\x7f\\x0d\"");
    assert_string_equal(written(LOG_SLICE("k", STR("a\0b"))), "k=\"a\\x00b\"");
    assert_string_equal(written(LOG_INT("k", INT64_MIN)), "k=-9223372036854775808");
    assert_string_equal(written(LOG_HEX("k", "\x00\xff\x1a", 3)), "k=00ff1a");
    assert_string_equal(written(LOG_ERR(ERR_TIMEOUT)), "err=timeout");
    assert_string_equal(written(LOG_ERR(-99)), "err=unknown");
}

static void addresses(void **state)
{
    (void)state;
    assert_string_equal(written(LOG_MAIL("to", STR("durand@example.org"))), "to=d…@example.org");
    assert_string_equal(written(LOG_MAIL("to", STR("d@example.org"))), "to=d…@example.org");
    assert_string_equal(written(LOG_MAIL("to", STR("durand"))), "to=(hidden)");
    assert_string_equal(written(LOG_MAIL("to", STR("@example.org"))), "to=(hidden)");
    assert_string_equal(written(LOG_MAIL("to", STR_NULL)), "to=(hidden)");
    assert_null(strchr(written(LOG_MAIL("to", STR("\n@x\n"))), '\n'));
    assert_string_equal(written(LOG_MAIL("to", STR(" x@y event=forged"))), "to=\" …@y event=forged\"");
    assert_string_equal(written(LOG_MAIL("to", STR("=@example.org"))), "to=\"=…@example.org\"");
    assert_string_equal(written(LOG_MAIL("to", STR("été@example.org"))), "to=…@example.org");
}

static void lines(void **state)
{
    (void)state;
    capture_start();
    log_warn("started", LOG_INT("a", 1), LOG_STR("b", "2"));
    log_info("no_fields");
    struct str rest = capture_end();
    struct str first = str_cut(rest, '\n', &rest);
    struct str second = str_cut(rest, '\n', &rest);
    /* ts=2026-11-23T09:12:01.123Z */
    assert_true(str_starts_with(first, STR("ts=20")) && first.ptr[26] == 'Z');
    assert_true(
        str_eq(str_slice(first.ptr + 27, first.len - 27), STR(" level=warn program=test event=started a=1 b=2")));
    assert_true(str_ends_with(second, STR(" level=info program=test event=no_fields")));
    assert_int_equal(rest.len, 0);
}

static void levels(void **state)
{
    (void)state;
    capture_start();
    log_debug("hidden");
    assert_int_equal(capture_end().len, 0);
    log_init("test", LOG_LEVEL_ERROR);
    capture_start();
    log_warn("hidden");
    log_error("shown");
    struct str line = capture_end();
    log_init("test", LOG_LEVEL_INFO);
    assert_true(str_ends_with(line, STR("level=error program=test event=shown\n")));
    assert_null(strstr(line.ptr, "hidden"));
}

/* On a thread of its own: who holds, holds for ever. */
static void *hold_lines(void *arg)
{
    (void)arg;
    log_hold();
    capture_start();
    log_info("first");
    assert_int_equal(capture_end().len, 0);
    capture_start();
    log_flush();
    log_info("second");
    log_warn("third"); /* at once, and what waited before it */
    struct str rest = capture_end();
    assert_true(str_ends_with(str_cut(rest, '\n', &rest), STR("event=first")));
    assert_true(str_ends_with(str_cut(rest, '\n', &rest), STR("event=second")));
    assert_true(str_ends_with(str_cut(rest, '\n', &rest), STR("event=third")));
    assert_int_equal(rest.len, 0);
    return NULL;
}

static void lines_wait_for_the_end_of_a_turn(void **state)
{
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, hold_lines, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void *hold_too_much(void *arg)
{
    unsigned n_lines = 0;
    (void)arg;
    log_hold();
    capture_start();
    for (unsigned i = 0; i < 2000; i++)
        log_info("many", LOG_INT("n", i));
    log_flush();
    for (struct str rest = capture_end(), line; rest.len > 0; n_lines++) {
        line = str_cut(rest, '\n', &rest);
        assert_true(str_starts_with(line, STR("ts=20")));
    }
    assert_int_equal(n_lines, 2000);
    return NULL;
}

static void no_line_is_lost_or_cut_when_too_many_wait(void **state)
{
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, hold_too_much, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void long_lines_are_cut(void **state)
{
    static char value[3 * LINE_MAX_BYTES];
    (void)state;
    memset(value, '\n', sizeof value); /* each grows fourfold */
    capture_start();
    log_info("long", LOG_SLICE("k", str_slice(value, sizeof value)), LOG_STR("after", "x"));
    struct str line = capture_end();
    assert_int_equal(line.len, LINE_MAX_BYTES);
    assert_int_equal(str_find(line, '\n'), LINE_MAX_BYTES - 1);
}

static void fatal_writes_and_aborts(void **state)
{
    int status;
    (void)state;
    capture_start();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        log_fatal("impossible", LOG_INT("n", 3));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    struct str line = capture_end();
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_true(str_ends_with(line, STR("level=error program=test event=impossible n=3\n")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(addresses),
        cmocka_unit_test(lines),
        cmocka_unit_test(levels),
        cmocka_unit_test(lines_wait_for_the_end_of_a_turn),
        cmocka_unit_test(no_line_is_lost_or_cut_when_too_many_wait),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(fatal_writes_and_aborts),
    };
    log_init("test", LOG_LEVEL_INFO);
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
