/* config: the INI file that all three programs read (inih). Every key is known, typed, bounded, and has a default or is
 * required; anything else is an error that names its line. The table in config.c is the reference. */
#ifndef DP_COMMON_CONFIG_H
#define DP_COMMON_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/log.h"
#include "common/str.h"

enum { CONFIG_CONSUMERS_MAX = 8 };

enum config_mode { CONFIG_PRODUCTION, CONFIG_DEMONSTRATION };
enum config_durability { CONFIG_DURABILITY_WARN, CONFIG_DURABILITY_REFUSE };
enum config_smtp_tls { CONFIG_SMTP_PLAIN, CONFIG_SMTP_STARTTLS };

/* Where a store is: a unix socket path, or an IP address and port. */
struct config_endpoint {
    const char *socket; /* NULL: use host and port */
    const char *host;
    unsigned port;
};

struct config_db_user {
    const char *user;
    const char *password_file; /* NULL: no password (socket authentication, development) */
};

/* Texts are owned by the config and live as long as it does. */
struct config {
    struct {
        const char *base_url; /* "https://cantine.example.org", no slash at the end */
        enum config_mode mode;
        const char *timezone;
        const char *operator_name, *operator_address, *host_name; /* for the legal notice; NULL: not said */
        const char *dpo_email;      /* the data protection officer; NULL: asked for through the school */
        const char *operator_email; /* NULL: operator notices only in the log */
        enum log_level log_level;
    } site;
    struct {
        const char *address;
        unsigned port;
        const char *admin_address;
        unsigned admin_port;
        const char *trusted_proxies; /* CIDR list, comma-separated; empty: none */
        unsigned connections_max, connections_per_address_max, connections_bank_reserve;
        unsigned head_timeout_ms, body_timeout_ms, keep_alive_timeout_ms, write_timeout_ms;
        unsigned requests_per_connection_max;
        unsigned rate_per_second, rate_burst; /* pages, per client address */
        unsigned drain_timeout_ms;
    } listen;
    struct {
        struct config_endpoint at;
        const char *name;
        struct config_db_user server, worker, admin;
        unsigned pool_size, waiters_max, query_timeout_ms, connect_timeout_ms;
    } database;
    struct {
        struct config_endpoint events;
        struct config_endpoint sessions; /* the same as events unless set */
        const char *password_file;
        enum config_durability durability;
        unsigned timeout_ms, wait_replicas;
    } redis;
    struct {
        const char *directory;
        unsigned size_max_mib, segment_size_kib, resend_after_s;
    } journal;
    struct {
        const char *smtp_host;
        unsigned smtp_port;
        enum config_smtp_tls smtp_tls;
        const char *ca_file, *user, *password_file;
        const char *from_address, *from_name, *message_id_domain;
        unsigned timeout_ms, attempts_max;
    } mail;
    struct {
        unsigned batch_max, consumers, claim_idle_ms, poll_ms, mail_poll_ms, lease_s, bank_poll_ms, bank_timeout_ms;
        const char *bank_ca_file;
        const char *admin_address;
        unsigned admin_port;
    } worker;
    struct {
        const char *master_key_file;
        unsigned hash_queue_max;
        unsigned session_idle_s, session_absolute_s;
    } security;
};

/* Reads and checks the file. On failure returns ERR_INVALID (or ERR_IO) and writes "FILE:LINE: what is wrong and what
 * is expected" into `error` (NUL-terminated, cut to size). */
int config_load(const char *path, struct config **ret_config, char *error, size_t error_size);
void config_free(struct config *config);
/* First line of a secret file without its newline, malloc'ed (wipe and free it). ERR_IO. */
int config_read_secret(const char *path, char **ret_secret);

#endif
