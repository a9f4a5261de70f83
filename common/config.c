#include "common/config.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/heap.h"
#include "common/log.h"
#include "common/mail_address.h"

enum { CONFIG_BYTES_MAX = 1 << 20, SECRET_LEN_MAX = 4096 };

enum key_type {
    KEY_TEXT,   /* empty: NULL */
    KEY_LIST,   /* as KEY_TEXT, but empty is "" */
    KEY_PATH,   /* relative to the configuration file's directory */
    KEY_URL,    /* http or https, no slash at the end */
    KEY_MAIL,   /* an e-mail address */
    KEY_NAME,   /* a database name or user: it is written into SQL */
    KEY_NUMBER, /* unsigned, min … max */
    KEY_CHOICE, /* an enum: the index in `choices` */
};

struct key {
    const char *section, *name;
    enum key_type type;
    const char *fallback; /* NULL: required */
    size_t offset;        /* in struct config */
    unsigned min, max;
    const char *const *choices; /* NULL at the end */
    const char *expects;        /* for messages; NULL where type and bounds say it */
};

static const char *const modes[] = {"production", "demonstration", NULL};
static const char *const durabilities[] = {"warn", "refuse", NULL};
static const char *const smtp_tls_choices[] = {"none", "required", NULL};
static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};

/* The section and key stand as text because a few fields are spelt otherwise in the struct. */
#define AT(member) offsetof(struct config, member)
#define TEXT(section, name, type, fallback, member, expects)           \
    {                                                                  \
        section, name, type, fallback, AT(member), 0, 0, NULL, expects \
    }
#define NUMBER(section, name, fallback, min, max)                                     \
    {                                                                                 \
#section, #name, KEY_NUMBER, fallback, AT(section.name), min, max, NULL, NULL \
    }
#define PORT(section, name, fallback, member)                                 \
    {                                                                         \
        section, name, KEY_NUMBER, fallback, AT(member), 0, 65535, NULL, NULL \
    }

static const struct key keys[] = {
    TEXT("site", "base_url", KEY_URL, NULL, site.base_url,
         "the site's public address, e.g. https://cantine.example.org"),
    {"site", "mode", KEY_CHOICE, "production", AT(site.mode), 0, 0, modes, NULL},
    TEXT("site", "timezone", KEY_TEXT, "Europe/Paris", site.timezone, "a time zone, e.g. Europe/Paris"),
    TEXT("site", "operator_name", KEY_TEXT, "", site.operator_name, "the name of who runs the site"),
    TEXT("site", "operator_address", KEY_TEXT, "", site.operator_address, "a postal address"),
    TEXT("site", "host_name", KEY_TEXT, "", site.host_name, "the name and address of who hosts the site"),
    TEXT("site", "dpo_email", KEY_MAIL, "", site.dpo_email, "an e-mail address"),
    TEXT("site", "operator_email", KEY_MAIL, "", site.operator_email, "an e-mail address"),
    {"site", "log_level", KEY_CHOICE, "info", AT(site.log_level), 0, 0, log_levels, NULL},

    TEXT("listen", "address", KEY_TEXT, "127.0.0.1", listen.address, "an IP address"),
    NUMBER(listen, port, "8080", 1, 65535),
    TEXT("listen", "admin_address", KEY_TEXT, "127.0.0.1", listen.admin_address, "an IP address"),
    NUMBER(listen, admin_port, "9080", 1, 65535),
    TEXT("listen", "trusted_proxies", KEY_LIST, "", listen.trusted_proxies, "networks as 10.0.0.0/8, comma-separated"),
    NUMBER(listen, connections_max, "4000", 1, 100000),
    NUMBER(listen, connections_per_address_max, "50", 1, 100000),
    NUMBER(listen, connections_bank_reserve, "64", 0, 10000),
    NUMBER(listen, head_timeout_ms, "10000", 100, 600000),
    NUMBER(listen, body_timeout_ms, "20000", 100, 600000),
    NUMBER(listen, keep_alive_timeout_ms, "15000", 100, 600000),
    NUMBER(listen, write_timeout_ms, "20000", 100, 600000),
    NUMBER(listen, requests_per_connection_max, "1000", 1, 1000000),
    NUMBER(listen, rate_per_second, "20", 1, 100000),
    NUMBER(listen, rate_burst, "300", 1, 1000000),
    NUMBER(listen, drain_timeout_ms, "20000", 100, 600000),

    TEXT("database", "socket", KEY_PATH, "", database.at.socket, "the path of a unix socket"),
    TEXT("database", "host", KEY_TEXT, "", database.at.host, "an IP address"),
    PORT("database", "port", "3306", database.at.port),
    TEXT("database", "name", KEY_NAME, "demi_pension", database.name, NULL),
    TEXT("database", "server_user", KEY_NAME, "dp_server", database.server.user, NULL),
    TEXT("database", "server_password_file", KEY_PATH, "", database.server.password_file, "a file"),
    TEXT("database", "worker_user", KEY_NAME, "dp_worker", database.worker.user, NULL),
    TEXT("database", "worker_password_file", KEY_PATH, "", database.worker.password_file, "a file"),
    TEXT("database", "admin_user", KEY_NAME, "dp_admin", database.admin.user, NULL),
    TEXT("database", "admin_password_file", KEY_PATH, "", database.admin.password_file, "a file"),
    NUMBER(database, pool_size, "8", 1, 256),
    NUMBER(database, waiters_max, "512", 1, 100000),
    NUMBER(database, query_timeout_ms, "3000", 10, 600000),
    NUMBER(database, connect_timeout_ms, "2000", 10, 600000),

    TEXT("redis", "socket", KEY_PATH, "", redis.events.socket, "the path of a unix socket"),
    TEXT("redis", "host", KEY_TEXT, "", redis.events.host, "an IP address"),
    PORT("redis", "port", "6379", redis.events.port),
    TEXT("redis", "sessions_socket", KEY_PATH, "", redis.sessions.socket, "the path of a unix socket"),
    TEXT("redis", "sessions_host", KEY_TEXT, "", redis.sessions.host, "an IP address"),
    PORT("redis", "sessions_port", "6379", redis.sessions.port),
    TEXT("redis", "password_file", KEY_PATH, "", redis.password_file, "a file"),
    {"redis", "durability", KEY_CHOICE, "warn", AT(redis.durability), 0, 0, durabilities, NULL},
    NUMBER(redis, timeout_ms, "1000", 10, 600000),
    NUMBER(redis, wait_replicas, "0", 0, 16),

    TEXT("journal", "directory", KEY_PATH, NULL, journal.directory, "a directory that survives a restart"),
    NUMBER(journal, size_max_mib, "1024", 1, 1048576),
    NUMBER(journal, segment_size_kib, "8192", 64, 1048576),
    NUMBER(journal, resend_after_s, "60", 1, 86400),

    TEXT("mail", "smtp_host", KEY_TEXT, NULL, mail.smtp_host, "the mail server's name"),
    NUMBER(mail, smtp_port, "587", 1, 65535),
    {"mail", "smtp_tls", KEY_CHOICE, "required", AT(mail.smtp_tls), 0, 0, smtp_tls_choices, NULL},
    TEXT("mail", "ca_file", KEY_PATH, "", mail.ca_file, "a file"),
    TEXT("mail", "user", KEY_TEXT, "", mail.user, "the mail server's user"),
    TEXT("mail", "password_file", KEY_PATH, "", mail.password_file, "a file"),
    TEXT("mail", "from_address", KEY_MAIL, NULL, mail.from_address, "an e-mail address"),
    TEXT("mail", "from_name", KEY_TEXT, "Demi-Pension", mail.from_name, "a name"),
    TEXT("mail", "message_id_domain", KEY_TEXT, "", mail.message_id_domain, "a domain"),
    NUMBER(mail, timeout_ms, "20000", 100, 600000),
    NUMBER(mail, attempts_max, "16", 1, 1000),

    NUMBER(worker, batch_max, "256", 1, 1000),
    NUMBER(worker, consumers, "2", 1, CONFIG_CONSUMERS_MAX),
    NUMBER(worker, claim_idle_ms, "20000", 100, 3600000),
    NUMBER(worker, poll_ms, "1000", 1, 60000),
    NUMBER(worker, mail_poll_ms, "500", 1, 60000),
    NUMBER(worker, lease_s, "120", 1, 86400),
    NUMBER(worker, bank_poll_ms, "5000", 10, 60000),
    NUMBER(worker, bank_timeout_ms, "10000", 100, 60000),
    TEXT("worker", "bank_ca_file", KEY_PATH, "", worker.bank_ca_file, "a file"),
    TEXT("worker", "admin_address", KEY_TEXT, "127.0.0.1", worker.admin_address, "an IP address"),
    NUMBER(worker, admin_port, "9090", 1, 65535),

    TEXT("security", "master_key_file", KEY_PATH, NULL, security.master_key_file, "the file made by dp-admin secrets"),
    NUMBER(security, hash_queue_max, "64", 1, 10000),
    NUMBER(security, session_idle_s, "1800", 10, 86400),
    NUMBER(security, session_absolute_s, "43200", 10, 604800),
};

enum { KEY_COUNT = sizeof keys / sizeof keys[0] };

struct loader {
    struct config config; /* first: a config is freed through its address */
    struct arena arena;
    const char *path;
    char *error;
    size_t error_size;
    bool failed;
    FILE *file;
    unsigned line;             /* of the last line read */
    unsigned lines[KEY_COUNT]; /* where each key was set; 0: not set */
};

/* Keeps the first fault: those after it are often its consequences. */
static void __attribute__((format(printf, 3, 4))) fault(struct loader *loader, unsigned line, const char *format, ...)
{
    va_list args;
    if (loader->failed)
        return;
    loader->failed = true;
    int len = snprintf(loader->error, loader->error_size, "%s:%u: ", loader->path, line);
    if (len < 0 || (size_t)len >= loader->error_size)
        return;
    va_start(args, format);
    vsnprintf(loader->error + len, loader->error_size - (size_t)len, format, args);
    va_end(args);
}

static void *member(struct loader *loader, const struct key *key)
{
    return (char *)&loader->config + key->offset;
}

static bool section_is_known(struct str name)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (str_eq_text(name, keys[i].section))
            return true;
    }
    return false;
}

/* "production or demonstration" */
static const char *choices_text(struct loader *loader, const char *const *choices)
{
    struct str text = str_from(choices[0]);
    for (size_t i = 1; choices[i]; i++)
        text = arena_printf(&loader->arena, "%.*s%s%s", STR_ARG(text), choices[i + 1] ? ", " : " or ", choices[i]);
    return arena_text(&loader->arena, text);
}

static const char *expectation(struct loader *loader, const struct key *key)
{
    if (key->type == KEY_NUMBER)
        return arena_printf(&loader->arena, "a whole number from %u to %u", key->min, key->max).ptr;
    if (key->type == KEY_NAME)
        return "1 to 32 letters, digits or _";
    return key->choices ? choices_text(loader, key->choices) : key->expects;
}

static int set_number(struct loader *loader, const struct key *key, struct str value)
{
    int64_t number;
    if (str_to_u63(value, &number) || number < key->min || number > key->max)
        return ERR_INVALID;
    *(unsigned *)member(loader, key) = (unsigned)number;
    return 0;
}

static int set_choice(struct loader *loader, const struct key *key, struct str value)
{
    for (size_t i = 0; key->choices[i]; i++) {
        if (!str_eq_text(value, key->choices[i]))
            continue;
        *(unsigned *)member(loader, key) = (unsigned)i;
        return 0;
    }
    return ERR_INVALID;
}

static bool url_is_good(struct str url)
{
    struct str rest = url;
    struct str scheme = str_cut(url, ':', &rest);
    if (!str_eq_text(scheme, "http") && !str_eq_text(scheme, "https"))
        return false;
    return str_starts_with(rest, STR("//")) && rest.len > 2 && rest.ptr[2] != '/' && !str_ends_with(url, STR("/")) &&
           str_find(url, ' ') < 0 && str_find(url, '?') < 0 && str_find(url, '#') < 0;
}

static bool name_is_good(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", name.ptr[i]))
            return false;
    }
    return name.len >= 1 && name.len <= 32;
}

static const char *resolve_path(struct loader *loader, struct str value)
{
    const char *slash = strrchr(loader->path, '/');
    if (value.ptr[0] == '/' || !slash)
        return arena_text(&loader->arena, value);
    return arena_printf(&loader->arena, "%.*s/%.*s", (int)(slash - loader->path), loader->path, STR_ARG(value)).ptr;
}

static int set_text(struct loader *loader, const struct key *key, struct str value)
{
    const char **text = member(loader, key);
    bool good = !str_has_control(value, "") && str_is_utf8(value);

    if (key->type == KEY_URL)
        good = good && url_is_good(value);
    else if (key->type == KEY_MAIL && value.len > 0)
        good = good && mail_address_is_valid(value);
    else if (key->type == KEY_NAME)
        good = good && name_is_good(value);
    if (!good || (value.len == 0 && !key->fallback))
        return ERR_INVALID;
    if (value.len == 0)
        *text = key->type == KEY_LIST ? "" : NULL;
    else
        *text = key->type == KEY_PATH ? resolve_path(loader, value) : arena_text(&loader->arena, value);
    return 0;
}

static int set_value(struct loader *loader, const struct key *key, struct str value)
{
    if (key->type == KEY_NUMBER)
        return set_number(loader, key, value);
    return key->choices ? set_choice(loader, key, value) : set_text(loader, key, value);
}

static const struct key *find_key(const char *section, const char *name)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0)
            return &keys[i];
    }
    return NULL;
}

/* The keys of a section, for a message. */
static const char *section_keys(struct loader *loader, const char *section)
{
    struct str text = STR_NULL;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(keys[i].section, section) == 0)
            text = arena_printf(&loader->arena, "%.*s%s%s", STR_ARG(text), text.len ? ", " : "", keys[i].name);
    }
    return arena_text(&loader->arena, text);
}

static int on_pair(void *user, const char *section, const char *name, const char *value)
{
    struct loader *loader = user;
    const struct key *key = find_key(section, name);

    if (loader->failed)
        return 0;
    if (section[0] == '\0') {
        fault(loader, loader->line, "%s stands before the first section; expected [site] or another section", name);
    } else if (!key) {
        fault(loader, loader->line, "[%s] has no key \"%s\"; its keys are %s", section, name,
              section_keys(loader, section));
    } else if (loader->lines[key - keys]) {
        fault(loader, loader->line, "[%s] %s was set in line %u already; expected once", section, name,
              loader->lines[key - keys]);
    } else if (set_value(loader, key, str_from(value))) {
        fault(loader, loader->line, "[%s] %s: \"%s\" is not accepted; expected %s", section, name, value,
              expectation(loader, key));
    } else {
        loader->lines[key - keys] = loader->line;
    }
    return !loader->failed;
}

static void check_section(struct loader *loader, const char *line)
{
    struct str rest;
    struct str text = str_trim(str_from(line));
    if (!str_starts_with(text, STR("[")))
        return;
    struct str name = str_cut(str_slice(text.ptr + 1, text.len - 1), ']', &rest);
    if (!section_is_known(name))
        fault(loader, loader->line,
              "there is no section [%.*s]; expected [site] [listen] [database] [redis] [journal] [mail] [worker] "
              "[security]",
              STR_ARG(name));
}

/* As fgets, but a zero byte, which would hide the rest of its line, is a fault. 0: nothing is left. */
static size_t take_line(struct loader *loader, char *line, size_t size)
{
    size_t len = 0;
    int c = 0;
    while (c != '\n' && len + 1 < size && (c = getc(loader->file)) != EOF) {
        if (c == '\0')
            fault(loader, loader->line + 1, "the line holds a zero byte: this is not a text file");
        line[len++] = (char)c;
    }
    line[len] = '\0';
    return len;
}

/* inih hands out one line at a time: counting here is what gives each pair its line number. */
static char *read_line(char *line, int size, void *stream)
{
    struct loader *loader = stream;
    size_t len = loader->failed ? 0 : take_line(loader, line, (size_t)size);
    if (len == 0)
        return NULL;
    loader->line++;
    if (len + 1 == (size_t)size && line[len - 1] != '\n')
        fault(loader, loader->line, "the line is too long; expected at most %d bytes", size - 2);
    check_section(loader, line);
    return loader->failed ? NULL : line;
}

static void set_defaults(struct loader *loader)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (keys[i].fallback && set_value(loader, &keys[i], str_from(keys[i].fallback)))
            log_fatal("bad_default", LOG_STR("section", keys[i].section), LOG_STR("key", keys[i].name));
    }
}

static unsigned line_of(const struct loader *loader, const char *section, const char *name)
{
    unsigned line = loader->lines[find_key(section, name) - keys];
    return line ? line : loader->line;
}

static void check_required(struct loader *loader)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (!keys[i].fallback && !loader->lines[i])
            fault(loader, loader->line, "[%s] %s is missing; expected %s", keys[i].section, keys[i].name,
                  expectation(loader, &keys[i]));
    }
}

static void check_endpoint(struct loader *loader, const char *section, const struct config_endpoint *at)
{
    if (!at->socket && !at->host)
        fault(loader, loader->line, "[%s] socket is missing; expected socket, or host and port", section);
    if (at->socket && at->host)
        fault(loader, line_of(loader, section, "host"), "[%s] has socket and host; expected one of them", section);
}

/* What no single key can say. */
static void check_together(struct loader *loader)
{
    struct config *config = &loader->config;
    struct config_endpoint *sessions = &config->redis.sessions;

    check_endpoint(loader, "database", &config->database.at);
    check_endpoint(loader, "redis", &config->redis.events);
    if (sessions->socket && sessions->host)
        fault(loader, line_of(loader, "redis", "sessions_host"),
              "[redis] has sessions_socket and sessions_host; expected one of them");
    if (!sessions->socket && !sessions->host)
        *sessions = config->redis.events;
    if (config->site.mode == CONFIG_PRODUCTION && !str_starts_with(str_from(config->site.base_url), STR("https://")))
        fault(loader, line_of(loader, "site", "base_url"),
              "[site] base_url: expected https:// (http:// only with mode = demonstration)");
    if (config->listen.connections_bank_reserve >= config->listen.connections_max)
        fault(loader, line_of(loader, "listen", "connections_max"),
              "[listen] connections_bank_reserve: expected less than connections_max (%u)",
              config->listen.connections_max);
    if (config->mail.user && config->mail.smtp_tls == CONFIG_SMTP_PLAIN)
        fault(loader, line_of(loader, "mail", "user"),
              "[mail] user would be sent in clear text; expected smtp_tls = required");
    if (!config->mail.message_id_domain && config->mail.from_address)
        config->mail.message_id_domain = strchr(config->mail.from_address, '@') + 1;
}

static int parse(struct loader *loader)
{
    int line = ini_parse_stream(read_line, loader, on_pair, loader);
    if (ferror(loader->file)) {
        fault(loader, loader->line, "cannot be read: %s", strerror(errno));
        return ERR_IO;
    }
    if (line > 0)
        fault(loader, (unsigned)line, "expected [section] or key = value");
    if (!loader->failed)
        check_required(loader);
    if (!loader->failed)
        check_together(loader);
    return loader->failed ? ERR_INVALID : 0;
}

int config_load(const char *path, struct config **ret_config, char *error, size_t error_size)
{
    struct loader *loader = HEAP_NEW(struct loader);
    int err = ERR_IO;

    arena_init(&loader->arena, CONFIG_BYTES_MAX);
    loader->path = path;
    loader->error = error;
    loader->error_size = error_size;
    loader->file = fopen(path, "re");
    if (!loader->file) {
        fault(loader, 0, "cannot be opened: %s", strerror(errno));
    } else {
        set_defaults(loader);
        err = parse(loader);
        fclose(loader->file);
    }
    if (err)
        config_free(&loader->config);
    else
        *ret_config = &loader->config;
    return err;
}

void config_free(struct config *config)
{
    struct loader *loader = (struct loader *)config;
    if (!loader)
        return;
    arena_done(&loader->arena);
    free(loader);
}

int config_read_secret(const char *path, char **ret_secret)
{
    char bytes[SECRET_LEN_MAX + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    ssize_t len = read(fd, bytes, sizeof bytes - 1);
    close(fd);
    int err = ERR_IO;
    if (len > 0) {
        bytes[len] = '\0';
        bytes[strcspn(bytes, "\r\n")] = '\0';
        *ret_secret = strdup(bytes);
        if (!*ret_secret)
            log_fatal("out_of_memory", LOG_INT("bytes", (int64_t)len));
        err = 0;
    }
    sodium_memzero(bytes, sizeof bytes);
    return err;
}
