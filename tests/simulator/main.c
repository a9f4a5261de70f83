/* simulator: runs schedules of a whole installation, each from one seed, and checks the invariants after each. */
#include <getopt.h>
#include <malloc.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "simulator/bank.h"
#include "simulator/checker.h"
#include "simulator/fake_disk.h"
#include "simulator/fake_mail.h"
#include "simulator/installation.h"
#include "simulator/nemesis.h"
#include "simulator/payers.h"
#include "simulator/redis_server.h"
#include "simulator/school.h"
#include "simulator/sim.h"
#include "simulator/sql.h"

enum { FAULTS_S = 20, LOOK_S = 12, QUIET_S_MAX = 1200, JOBS_MAX = 64, MMAP_FROM = 128 * 1024 };

static const char usage[] = "usage: simulator [--schedules N] [--seed S] [--jobs J] [--trace] [--schema DIR]\n"
                            "  --schedules N   how many (1000)\n"
                            "  --seed S        of the first; the others follow (1)\n"
                            "  --jobs J        so many processes at once (1)\n"
                            "  --trace         print what happens; with --schedules 1\n"
                            "  --expect        a violation: without one, say so and end with 4\n"
                            "  --schema DIR    of the migrations (schema)\n"
                            "Ends with 0, or with 3 and the seed of the schedule that violated an invariant.\n";

struct options {
    unsigned long long schedules, seed;
    unsigned jobs;
    bool trace, expect;
};

/* --- one schedule --- */

static int64_t next_look_us;

static bool is_over(void)
{
    if (sim_now_us() < next_look_us)
        return false;
    next_look_us = sim_now_us() + US_PER_S;
    return checker_is_quiet();
}

static void set_up(uint64_t seed)
{
    sim_reset();
    sim_seed(seed);
    fake_disk_reset();
    fake_mail_reset();
    redis_server_reset();
    nemesis_begin((int64_t)FAULTS_S * US_PER_S);
    sql_reset(nemesis.cluster);
    school_open();
    installation_begin();
    bank_begin((int64_t)FAULTS_S * US_PER_S);
    payers_begin((int64_t)FAULTS_S * US_PER_S);
}

static void run_schedule(uint64_t seed)
{
    int64_t healed_us = (int64_t)FAULTS_S * US_PER_S, looked_us = healed_us + (int64_t)LOOK_S * US_PER_S;
    set_up(seed);
    sim_run(healed_us, NULL);
    nemesis_heal();
    next_look_us = 0;
    sim_run(looked_us, is_over);
    if (sim_now_us() >= looked_us)
        checker_look_for_stuck();
    sim_run(looked_us + (int64_t)QUIET_S_MAX * US_PER_S, is_over);
    if (!checker_is_quiet())
        checker_complain();
    checker_check();
}

/* --- many --- */

static const char *schema = "schema";

static void explain(uint64_t seed)
{
    char number[32];
    snprintf(number, sizeof number, "%llu", (unsigned long long)seed);
    execl("/proc/self/exe", "simulator", "--schedules", "1", "--seed", number, "--trace", "--expect", "--schema",
          schema, (char *)NULL);
    sim_unable("cannot start itself again");
}

/* Every jobs-th seed. A violation ends the process, so each job has one of its own. */
static int run_job(const struct options *options, unsigned job)
{
    for (unsigned long long i = job; i < options->schedules; i += options->jobs)
        run_schedule(options->seed + i);
    return EXIT_SUCCESS;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int run_jobs(const struct options *options)
{
    pid_t children[JOBS_MAX];
    int worst = EXIT_SUCCESS;
    double began = seconds_now();
    for (unsigned job = 0; job < options->jobs; job++) {
        children[job] = fork();
        if (children[job] < 0)
            sim_unable("no process");
        if (children[job] == 0)
            _exit(run_job(options, job));
    }
    for (unsigned job = 0; job < options->jobs; job++) {
        int status;
        waitpid(children[job], &status, 0);
        int code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_VIOLATION;
        if (!WIFEXITED(status))
            fprintf(stderr, "violated ABORT: a job was ended by signal %d\n", WTERMSIG(status));
        worst = code > worst ? code : worst;
    }
    double took = seconds_now() - began;
    if (worst == EXIT_SUCCESS)
        printf("%llu schedules, 0 violations, %.1f s, %.0f a second\n", options->schedules, took,
               (double)options->schedules / took);
    return worst;
}

static unsigned long long read_number(const char *text)
{
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    if (*end || end == text) {
        fputs(usage, stderr);
        exit(2);
    }
    return number;
}

static struct options read_options(int argc, char **argv)
{
    static const struct option names[] = {
        {"schedules", 1, NULL, 'n'}, {"seed", 1, NULL, 's'},   {"jobs", 1, NULL, 'j'}, {"trace", 0, NULL, 't'},
        {"expect", 0, NULL, 'e'},    {"schema", 1, NULL, 'd'}, {"help", 0, NULL, 'h'}, {0}};
    struct options options = {1000, 1, 1, false, false};
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (option == 'n')
            options.schedules = read_number(optarg);
        else if (option == 's')
            options.seed = read_number(optarg);
        else if (option == 'j')
            options.jobs = (unsigned)read_number(optarg);
        else if (option == 't')
            options.trace = true;
        else if (option == 'e')
            options.expect = true;
        else if (option == 'd')
            schema = optarg;
        else {
            fputs(usage, option == 'h' ? stdout : stderr);
            exit(option == 'h' ? EXIT_SUCCESS : 2);
        }
    }
    if (options.jobs == 0 || options.jobs > JOBS_MAX)
        options.jobs = 1;
    return options;
}

int main(int argc, char **argv)
{
    struct options options = read_options(argc, argv);
    mallopt(M_MMAP_THRESHOLD, MMAP_FROM); /* the server's large tables come as untouched pages */
    if (sodium_init() < 0)
        sim_unable("no randomness");
    sql_read_schema(schema);
    school_init();
    if (!options.trace) {
        sim_on_violation(explain);
        return run_jobs(&options);
    }
    sim_tracing = true;
    run_schedule(options.seed);
    sim_print_trace();
    if (options.expect)
        sim_unable("the violation does not come again: the simulation depends on something but its seed");
    return EXIT_SUCCESS;
}
