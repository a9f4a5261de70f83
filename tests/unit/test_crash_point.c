/* crash point: counts, and dies at the pass that the environment names; each case in a process of its own. */
#define DP_CRASH_POINTS

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include "common/crash_point.c"

enum { TEXT_MAX = 512, THREADS = 4, ROUNDS = 1000 };

static char counts_path[] = "/tmp/dp_crash_point_XXXXXX";

static void pass_first(void)
{
    CRASH_POINT("test/first");
}

static void pass_second(void)
{
    CRASH_POINT("test/second");
}

static void *pass_often(void *data)
{
    for (int i = 0; i < ROUNDS; i++)
        pass_second();
    return data;
}

/* Passes the first point three times and the second one from several threads at once. */
static void run_program(const char *order)
{
    pthread_t threads[THREADS];

    close(STDERR_FILENO);
    if (order)
        setenv("DP_CRASH_POINT", order, 1);
    crash_points_begin();
    for (int i = 0; i < 3; i++)
        pass_first();
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, pass_often, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    exit(EXIT_SUCCESS);
}

/* How a program with this order ends; `counts` is what it wrote. */
static int end_of(const char *order, char counts[TEXT_MAX])
{
    int status, fd = open(counts_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    pid_t pid = fork();

    if (pid == 0)
        run_program(order);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    ssize_t n = read(fd, counts, TEXT_MAX - 1);
    counts[n > 0 ? n : 0] = '\0';
    close(fd);
    return status;
}

static void without_an_order_it_only_counts(void **state)
{
    char counts[TEXT_MAX];
    (void)state;
    assert_int_equal(end_of(NULL, counts), 0);
    assert_non_null(strstr(counts, "test/first 3\n"));
    assert_non_null(strstr(counts, "test/second 4000\n"));
    assert_int_equal(end_of("", counts), 0);
}

static void it_dies_at_the_pass_named(void **state)
{
    static const char *const orders[] = {"test/first:1", "test/first:3", "test/second:1", "test/second:4000"};
    char counts[TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        int status = end_of(orders[i], counts);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGKILL);
        assert_string_equal(counts, ""); /* nothing runs at the end, as with a kill from outside */
    }
}

static void a_pass_that_does_not_come_is_no_death(void **state)
{
    char counts[TEXT_MAX];
    (void)state;
    assert_int_equal(end_of("test/first:4", counts), 0);
    assert_int_equal(end_of("test/second:4001", counts), 0);
}

static void an_order_that_cannot_be_carried_out_is_refused(void **state)
{
    static const char *const orders[] = {"test/third:1",  "test/first",   "test/first:", "test/first:0",
                                         "test/first:-1", "test/first:x", ":1",          "test/first:4294967296"};
    char counts[TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        int status = end_of(orders[i], counts);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), EXIT_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_an_order_it_only_counts),
        cmocka_unit_test(it_dies_at_the_pass_named),
        cmocka_unit_test(a_pass_that_does_not_come_is_no_death),
        cmocka_unit_test(an_order_that_cannot_be_carried_out_is_refused),
    };
    close(mkstemp(counts_path));
    setenv("DP_CRASH_POINT_COUNT", counts_path, 1);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(counts_path);
    return failed;
}
