/* config: every key has its default, every fault its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/config.c"

#define BASE                                                           \
    "[site]\nbase_url = http://127.0.0.1:8080\nmode = demonstration\n" \
    "[database]\nsocket = db.sock\n[redis]\nsocket = /run/r.sock\n"    \
    "[journal]\ndirectory = journal\n[mail]\nsmtp_host = 127.0.0.1\n"  \
    "from_address = cantine@example.org\n[security]\nmaster_key_file = master.key\n"

static char directory[] = "/tmp/dp_config_XXXXXX";
static char path[64];

static int load(const char *text, struct config **ret, char *error, size_t size)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    return config_load(path, ret, error, size);
}

static void defaults(void **state)
{
    struct config *config;
    char error[512] = "";
    (void)state;
    assert_int_equal(load("\xef\xbb\xbf; comment\n" BASE, &config, error, sizeof error), 0);
    assert_int_equal(config->site.mode, CONFIG_DEMONSTRATION);
    assert_string_equal(config->site.timezone, "Europe/Paris");
    assert_int_equal(config->site.log_level, LOG_LEVEL_INFO);
    assert_null(config->site.operator_email);
    assert_null(config->site.operator_name);
    assert_null(config->site.dpo_email);
    assert_string_equal(config->listen.trusted_proxies, "");
    assert_int_equal(config->listen.connections_max, 4000);
    assert_int_equal(config->listen.connections_per_address_max, 50);
    assert_int_equal(config->listen.connections_bank_reserve, 64);
    assert_int_equal(config->listen.head_timeout_ms, 10000);
    assert_int_equal(config->listen.body_timeout_ms, 20000);
    assert_int_equal(config->listen.keep_alive_timeout_ms, 15000);
    assert_int_equal(config->listen.rate_per_second, 20);
    assert_int_equal(config->listen.rate_burst, 300);
    assert_int_equal(config->security.session_idle_s, 1800);
    assert_int_equal(config->security.session_absolute_s, 43200);
    assert_int_equal(config->journal.size_max_mib, 1024);
    assert_int_equal(config->worker.batch_max, 256);
    assert_int_equal(config->worker.consumers, 2);
    assert_int_equal(config->worker.claim_idle_ms, 20000);
    assert_string_equal(config->redis.sessions.socket, "/run/r.sock");
    assert_int_equal(config->mail.smtp_tls, CONFIG_SMTP_STARTTLS);
    assert_string_equal(config->mail.message_id_domain, "example.org");
    assert_null(config->mail.user);
    config_free(config);
    config_free(NULL);
}

static void relative_paths(void **state)
{
    struct config *config;
    char error[512], expected[96];
    (void)state;
    assert_int_equal(load(BASE, &config, error, sizeof error), 0);
    snprintf(expected, sizeof expected, "%s/db.sock", directory);
    assert_string_equal(config->database.at.socket, expected);
    snprintf(expected, sizeof expected, "%s/journal", directory);
    assert_string_equal(config->journal.directory, expected);
    config_free(config);
}

static void values(void **state)
{
    struct config *config;
    char error[512];
    (void)state;
    assert_int_equal(load(BASE "[redis]\nsessions_host = 10.0.0.2\nsessions_port=6380\ndurability = refuse\n"
                               "[mail]\nsmtp_tls = none ; plain\nfrom_name = Collège É\n"
                               "[database]\nserver_user = front\n[site]\nlog_level = warn\n"
                               "operator_name = Région Sud\nhost_name = Hôte, 1 rue du Lac, Sète\n"
                               "dpo_email = dpo@example.org\n",
                          &config, error, sizeof error),
                     0);
    assert_null(config->redis.sessions.socket);
    assert_string_equal(config->redis.sessions.host, "10.0.0.2");
    assert_int_equal(config->redis.sessions.port, 6380);
    assert_int_equal(config->redis.durability, CONFIG_DURABILITY_REFUSE);
    assert_int_equal(config->mail.smtp_tls, CONFIG_SMTP_PLAIN);
    assert_string_equal(config->mail.from_name, "Collège É");
    assert_string_equal(config->site.operator_name, "Région Sud");
    assert_null(config->site.operator_address);
    assert_string_equal(config->site.host_name, "Hôte, 1 rue du Lac, Sète");
    assert_string_equal(config->site.dpo_email, "dpo@example.org");
    assert_string_equal(config->database.server.user, "front");
    assert_int_equal(config->site.log_level, LOG_LEVEL_WARN);
    config_free(config);
}

static void faults(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *says;
    } cases[] = {
        {"port = 1\n", 1, "before the first section"},
        {"[site]\n[sight]\n", 2, "no section [sight]"},
        {"[site\n", 1, "expected [section] or key = value"},
        {"[site]\njunk\n", 2, "expected [section] or key = value"},
        {"[listen]\nporte = 1\n", 2, "[listen] has no key \"porte\"; its keys are address, port"},
        {"[listen]\nport = 0\n", 2, "a whole number from 1 to 65535"},
        {"[listen]\nport = 65536\n", 2, "a whole number from 1 to 65535"},
        {"[listen]\nport = -1\n", 2, "a whole number"},
        {"[listen]\nport = 80x\n", 2, "a whole number"},
        {"[listen]\nport = 80\n\nport = 81\n", 4, "set in line 2 already"},
        {"[site]\nmode = test\n", 2, "production or demonstration"},
        {"[site]\nlog_level = loud\n", 2, "debug, info, warn or error"},
        {"[site]\nbase_url = cantine.example.org\n", 2, "public address"},
        {"[site]\nbase_url = https://cantine.example.org/\n", 2, "public address"},
        {"[site]\nbase_url =\n", 2, "public address"},
        {"[site]\noperator_email = x\n", 2, "an e-mail address"},
        {"[site]\ndpo_email = dpo\n", 2, "an e-mail address"},
        {"[site]\nhost_name = \x01\n", 2, "who hosts the site"},
        {"[site]\ntimezone = \xff\n", 2, "a time zone"},
        {"[database]\nname = a`b\n", 2, "letters, digits or _"},
        {"[database]\nserver_user =\n", 2, "letters, digits or _"},
        {"[journal]\ndirectory =\n", 2, "a directory"},
        {"[listen]\nport = 80\n  81\n", 3, "set in line 2 already"},
        {BASE "[database]\nhost = 127.0.0.1\n", 16, "socket and host"},
        {BASE "[redis]\nsessions_socket=a\nsessions_host = b\n", 17, "sessions_socket and sessions_host"},
        {BASE "[listen]\nconnections_max = 64\n", 16, "less than connections_max (64)"},
        {BASE "[mail]\nuser = u\nsmtp_tls = none\n", 16, "clear text"},
        {"[site]\nbase_url = http://a\n[database]\nsocket=d\n[redis]\nsocket=r\n[journal]\ndirectory=j\n[mail]\n"
         "smtp_host=h\nfrom_address=a@b.fr\n[security]\nmaster_key_file=m\n",
         2, "https://"},
        {"[site]\nbase_url = https://a\n", 2, "[journal] directory is missing"},
        {"", 0, "[site] base_url is missing"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config *config = NULL;
        char error[2048], prefix[96];
        print_message("%zu: %s\n", i, cases[i].says);
        assert_int_equal(load(cases[i].text, &config, error, sizeof error), ERR_INVALID);
        assert_null(config);
        snprintf(prefix, sizeof prefix, "%s:%u: ", path, cases[i].line);
        assert_memory_equal(error, prefix, strlen(prefix));
        assert_non_null(strstr(error, cases[i].says));
    }
}

static void long_line(void **state)
{
    char text[400], error[512];
    struct config *config = NULL;
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memcpy(text, "[site]\nbase_url = ", 18);
    assert_int_equal(load(text, &config, error, sizeof error), ERR_INVALID);
    assert_non_null(strstr(error, ":2: the line is too long; expected at most"));
}

static void zero_byte(void **state)
{
    static const char text[] = "[site]\nbase_url = https://a.example\0/hidden\n";
    struct config *config = NULL;
    char error[512] = "";
    FILE *file = fopen(path, "we");
    (void)state;
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, sizeof text - 1, file), sizeof text - 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(config_load(path, &config, error, sizeof error), ERR_INVALID);
    assert_non_null(strstr(error, ":2: the line holds a zero byte"));
}

static void missing_key_of_each_section(void **state)
{
    static const char *const required[] = {"base_url", "directory", "smtp_host", "from_address", "master_key_file"};
    (void)state;
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        char text[sizeof BASE], error[512];
        struct config *config = NULL;
        memcpy(text, BASE, sizeof BASE);
        *strstr(text, required[i]) = ';';
        assert_int_equal(load(text, &config, error, sizeof error), ERR_INVALID);
        assert_non_null(strstr(error, required[i]));
        assert_non_null(strstr(error, "is missing; expected"));
    }
}

static void missing_stores(void **state)
{
    static const char *const sections[] = {"[database]", "[redis]"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char text[sizeof BASE], error[512];
        struct config *config = NULL;
        memcpy(text, BASE, sizeof BASE);
        *strstr(strstr(text, sections[i]), "socket") = ';';
        assert_int_equal(load(text, &config, error, sizeof error), ERR_INVALID);
        assert_non_null(strstr(error, sections[i]));
        assert_non_null(strstr(error, "socket is missing; expected socket, or host and port"));
    }
}

static void unreadable(void **state)
{
    struct config *config = NULL;
    char error[512], tiny[8];
    (void)state;
    assert_int_equal(config_load("/nonexistent/dp.conf", &config, error, sizeof error), ERR_IO);
    assert_non_null(strstr(error, "/nonexistent/dp.conf:0: cannot be opened"));
    assert_int_equal(config_load("/nonexistent/dp.conf", &config, tiny, sizeof tiny), ERR_IO);
    assert_int_equal(strlen(tiny), sizeof tiny - 1);
    assert_int_equal(config_load("/tmp", &config, error, sizeof error), ERR_IO);
}

static void secrets(void **state)
{
    static const struct {
        const char *text;
        const char *secret;
    } cases[] = {{"abc\n", "abc"}, {"abc", "abc"}, {"a b\r\nrest\n", "a b"}, {"\n", ""}};
    char *secret = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        FILE *file = fopen(path, "we");
        fputs(cases[i].text, file);
        fclose(file);
        assert_int_equal(config_read_secret(path, &secret), 0);
        assert_string_equal(secret, cases[i].secret);
        free(secret);
    }
    fclose(fopen(path, "we"));
    assert_int_equal(config_read_secret(path, &secret), ERR_IO);
    assert_int_equal(config_read_secret("/nonexistent", &secret), ERR_IO);
}

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/dp.conf", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(relative_paths),
        cmocka_unit_test(values),
        cmocka_unit_test(faults),
        cmocka_unit_test(long_line),
        cmocka_unit_test(zero_byte),
        cmocka_unit_test(missing_key_of_each_section),
        cmocka_unit_test(missing_stores),
        cmocka_unit_test(unreadable),
        cmocka_unit_test(secrets),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
