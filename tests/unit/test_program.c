/* program: what the arguments and the configuration's own faults lead to, each in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/program.c"

enum { OUTPUT_MAX = 2048, ARGUMENTS_MAX = 6, BEGUN = 42 };

static char path[] = "/tmp/dp_program_XXXXXX";

static void write_config(const char *site)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file,
            "[site]\nbase_url = http://127.0.0.1:8080\nmode = demonstration\n%s\n[database]\nsocket = d\n"
            "[redis]\nsocket = r\n[journal]\ndirectory = j\n[mail]\nsmtp_host = 127.0.0.1\n"
            "from_address = a@example.org\n[security]\nmaster_key_file = k\n",
            site);
    assert_int_equal(fclose(file), 0);
}

/* Its exit status; `out` is all that it wrote. */
static int begin(const char *const *arguments, char out[OUTPUT_MAX])
{
    int argc = 0, ends[2], status;
    size_t len = 0;
    ssize_t n;

    while (arguments[argc])
        argc++;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        struct program program = program_begin("dp-test", "usage: dp-test\n", argc, (char **)(uintptr_t)arguments);
        log_info("hidden_above_info");
        log_warn("begun", LOG_INT("instance", program.instance));
        config_free(program.config);
        _exit(BEGUN);
    }
    close(ends[1]);
    while ((n = read(ends[0], out + len, OUTPUT_MAX - 1 - len)) > 0)
        len += (size_t)n;
    out[len] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void begins_or_says_why_not(void **state)
{
    static const struct {
        const char *arguments[ARGUMENTS_MAX];
        const char *site;
        int status;
        const char *says;
    } cases[] = {
        {{"dp-test", "--help"}, "", EXIT_SUCCESS, "usage: dp-test"},
        {{"dp-test"}, "", EXIT_USAGE, "usage: dp-test"},
        {{"dp-test", "--config"}, "", EXIT_USAGE, "usage: dp-test"},
        {{"dp-test", "--config", path, "more"}, "", EXIT_USAGE, "usage: dp-test"},
        {{"dp-test", "--config", path, "--nonsense"}, "", EXIT_USAGE, "usage: dp-test"},
        {{"dp-test", "--config", path, "--instance", "x"}, "", EXIT_USAGE, "usage: dp-test"},
        {{"dp-test", "--config", path, "--instance", "10"}, "", EXIT_USAGE, "usage: dp-test"},
        {{"dp-test", "--config", "/nonexistent"}, "", EXIT_USAGE, "dp-test: /nonexistent:0: cannot be opened"},
        {{"dp-test", "--config", path}, "sight = 1", EXIT_USAGE, ":4: [site] has no key"},
        {{"dp-test", "--config", path}, "timezone = Europe/Lutece", EXIT_USAGE, "\"Europe/Lutece\" is not installed"},
        {{"dp-test", "--config", path}, "", BEGUN, "instance=0"},
        {{"dp-test", "--config", path, "--instance=9"}, "", BEGUN, "instance=9"},
    };
    char out[OUTPUT_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_config(cases[i].site);
        int status = begin(cases[i].arguments, out);
        if (status != cases[i].status || !strstr(out, cases[i].says))
            fail_msg("case %zu: exit %d, \"%s\"", i, status, out);
    }
}

static void log_level_is_the_configured_one(void **state)
{
    const char *const arguments[] = {"dp-test", "--config", path, NULL};
    char out[OUTPUT_MAX];
    (void)state;
    write_config("log_level = info");
    assert_int_equal(begin(arguments, out), BEGUN);
    assert_non_null(strstr(out, "hidden_above_info"));
    write_config("log_level = warn");
    assert_int_equal(begin(arguments, out), BEGUN);
    assert_null(strstr(out, "hidden_above_info"));
    assert_non_null(strstr(out, "begun"));
}

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_or_says_why_not),
        cmocka_unit_test(log_level_is_the_configured_one),
    };
    return cmocka_run_group_tests_name("program", tests, make_file, remove_file);
}
