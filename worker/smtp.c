#include "worker/smtp.h"

/* libesmtp.h is not self-contained: it declares its TLS and AUTH calls only after these two. */
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <auth-client.h>

#include <libesmtp.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/crash_point.h"
#include "common/err.h"
#include "common/heap.h"
#include "common/log.h"
#include "common/mail_address.h"
#include "worker/smtp_reach.h"

enum { SERVER_SIZE = SMTP_HOST_MAX + 8 };

struct smtp_client {
    const struct smtp_settings *settings; /* borrowed */
    SSL_CTX *tls;                         /* owned; NULL without STARTTLS */
    struct smtp_reach *reach;             /* owned */
    bool proven;                          /* the last message went through: no need to try the connection out */
};

/* One connection, and the mail that is under way on it. */
struct dialogue {
    const struct smtp_settings *settings; /* borrowed, as the next two */
    const char *from;
    const struct smtp_work *work;
    smtp_session_t session;
    smtp_message_t message;
    smtp_recipient_t recipient;
    auth_context_t auth;
    struct smtp_mail mail; /* in hand while `has_mail` */
    bool has_mail;
    bool message_sent; /* all of it was written */
    bool data_begun;
    unsigned n_sent; /* over this connection */
};

static SSL_CTX *new_tls(const struct smtp_settings *settings)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (!tls)
        log_fatal("out_of_memory");
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(tls, TLS1_2_VERSION);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    int loaded = settings->ca_file ? SSL_CTX_load_verify_locations(tls, settings->ca_file, NULL)
                                   : SSL_CTX_set_default_verify_paths(tls);
    /* libesmtp compares with the name that DNS calls canonical; this one is the operator's. */
    if (loaded == 1 && X509_VERIFY_PARAM_set1_host(SSL_CTX_get0_param(tls), settings->host, 0) == 1)
        return tls;
    SSL_CTX_free(tls);
    return NULL;
}

int smtp_client_new(const struct smtp_settings *settings, struct smtp_client **ret)
{
    SSL_CTX *tls = settings->starttls ? new_tls(settings) : NULL;
    if (settings->starttls && !tls)
        return ERR_INVALID;
    struct smtp_client *client = HEAP_NEW(struct smtp_client);
    client->settings = settings;
    client->tls = tls;
    client->reach = smtp_reach_new(settings->host, settings->port);
    *ret = client;
    return 0;
}

void smtp_client_free(struct smtp_client *client)
{
    if (!client)
        return;
    smtp_reach_free(client->reach);
    SSL_CTX_free(client->tls);
    free(client);
}

static unsigned peer_port(int fd)
{
    struct sockaddr_storage name;
    socklen_t len = sizeof name;
    if (getpeername(fd, (struct sockaddr *)&name, &len) != 0)
        return 0;
    if (name.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)(void *)&name)->sin6_port);
    return name.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)(void *)&name)->sin_port) : 0;
}

/* The library writes a message in pieces of 2 kB without this option: the last one would wait until the server, which
 * has nothing to say yet, acknowledges those before, some 40 ms later. It keeps its socket to itself, so that is looked
 * for: whatever of this process is connected to the mail server's port. */
static void forbid_delay(unsigned port)
{
    const int on = 1;
    DIR *files = opendir("/proc/self/fd");
    for (const struct dirent *file = files ? readdir(files) : NULL; file; file = readdir(files)) {
        int fd = (int)strtol(file->d_name, NULL, 10);
        if (file->d_name[0] != '.' && peer_port(fd) == port)
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (files)
        closedir(files);
}

static int on_credentials(auth_client_request_t request, char **result, int fields, void *arg)
{
    const struct smtp_settings *settings = arg;
    for (int i = 0; i < fields; i++) {
        const char *answer = NULL;
        if (request[i].flags & AUTH_USER)
            answer = settings->user;
        else if (request[i].flags & AUTH_PASS)
            answer = settings->password;
        result[i] = (char *)(uintptr_t)answer; /* the library only reads it */
        if (!answer)
            return 0;
    }
    return 1;
}

static void set_timeouts(smtp_session_t session, unsigned timeout_ms)
{
    static const int steps[] = {Timeout_GREETING, Timeout_ENVELOPE, Timeout_DATA, Timeout_TRANSFER, Timeout_DATA2};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        smtp_set_timeout(session, steps[i] | Timeout_OVERRIDE_RFC2822_MINIMUM, timeout_ms);
}

static bool set_security(const struct smtp_client *client, struct dialogue *dialogue)
{
    const struct smtp_settings *settings = client->settings;
    if (!smtp_starttls_enable(dialogue->session, settings->starttls ? Starttls_REQUIRED : Starttls_DISABLED))
        return false;
    if (client->tls && !smtp_starttls_set_ctx(dialogue->session, client->tls))
        return false;
    if (!settings->user)
        return true;
    dialogue->auth = auth_create_context();
    if (!dialogue->auth)
        return false;
    auth_set_mechanism_flags(dialogue->auth, AUTH_PLUGIN_PLAIN, 0);
    auth_set_interact_cb(dialogue->auth, on_credentials, (void *)(uintptr_t)settings);
    return smtp_auth_set_context(dialogue->session, dialogue->auth) != 0;
}

/* "step: 550 text", or the library's word when no server spoke. */
static void describe(char error[SMTP_ERROR_SIZE], const char *step, const smtp_status_t *status)
{
    char text[SMTP_ERROR_SIZE] = "";
    if (status && status->code)
        snprintf(error, SMTP_ERROR_SIZE, "%s: %d %s", step, status->code, status->text ? status->text : "");
    else
        snprintf(error, SMTP_ERROR_SIZE, "%s: %s", step, smtp_strerror(smtp_errno(), text, sizeof text));
    for (char *c = error; *c; c++) {
        if (*c < 0x20 || *c > 0x7e)
            *c = ' ';
    }
}

static int class_of(const smtp_status_t *status)
{
    return status ? status->code / 100 : 0;
}

/* Reads the dialogue's real end; the session's return value says nothing about it. */
static enum smtp_outcome judge(const struct dialogue *dialogue, char error[SMTP_ERROR_SIZE])
{
    const smtp_status_t *sender = smtp_reverse_path_status(dialogue->message);
    const smtp_status_t *recipient = smtp_recipient_status(dialogue->recipient);
    const smtp_status_t *transfer = smtp_message_transfer_status(dialogue->message);
    if (dialogue->message_sent && class_of(transfer) == 2 && class_of(recipient) == 2 &&
        smtp_recipient_check_complete(dialogue->recipient))
        return SMTP_SENT;
    if (class_of(recipient) == 5 || class_of(recipient) == 4) {
        describe(error, "recipient", recipient);
        return class_of(recipient) == 5 ? SMTP_REFUSED : SMTP_RETRY;
    }
    if (class_of(transfer) == 5 || class_of(transfer) == 4) {
        describe(error, "message", transfer);
        return class_of(transfer) == 5 ? SMTP_REFUSED : SMTP_RETRY;
    }
    /* A refused sender is our configuration or a missing login, not the fault of this mail. */
    if (class_of(sender) == 5 || class_of(sender) == 4) {
        describe(error, "sender", sender);
        return SMTP_RETRY;
    }
    describe(error, dialogue->data_begun ? "after the message" : "session", NULL);
    return dialogue->data_begun ? SMTP_UNKNOWN : SMTP_RETRY;
}

/* --- The mails of a connection --- */

static void finish_mail(struct dialogue *dialogue, enum smtp_outcome outcome, const char *error)
{
    dialogue->has_mail = false;
    dialogue->work->done(dialogue->work->data, outcome, error);
}

/* Takes the next mail in hand; false: there are no more. */
static bool take_mail(struct dialogue *dialogue)
{
    while (dialogue->work->next(dialogue->work->data, &dialogue->mail)) {
        dialogue->has_mail = true;
        if (mail_address_is_valid(str_from(dialogue->from)) && mail_address_is_valid(str_from(dialogue->mail.to)))
            return true;
        finish_mail(dialogue, SMTP_REFUSED, "not an e-mail address");
    }
    return false;
}

/* Puts the mail in hand into the session. False: out of memory. */
static bool add_mail(struct dialogue *dialogue)
{
    dialogue->message_sent = dialogue->data_begun = false;
    dialogue->message = smtp_add_message(dialogue->session);
    if (!dialogue->message || !smtp_set_reverse_path(dialogue->message, dialogue->from))
        return false;
    dialogue->recipient = smtp_add_recipient(dialogue->message, dialogue->mail.to);
    return dialogue->recipient && smtp_set_message_str(dialogue->message, (void *)(uintptr_t)dialogue->mail.message);
}

/* The library looks for a further message only after this: one that is added here goes over the same connection. */
static void end_mail(struct dialogue *dialogue)
{
    char error[SMTP_ERROR_SIZE];
    if (!dialogue->has_mail || judge(dialogue, error) != SMTP_SENT)
        return;
    dialogue->n_sent++;
    finish_mail(dialogue, SMTP_SENT, "");
    if (take_mail(dialogue) && !add_mail(dialogue))
        log_fatal("out_of_memory");
}

static void on_event(smtp_session_t session, int event, void *arg, ...)
{
    struct dialogue *dialogue = arg;
    (void)session;
    if (event == SMTP_EV_CONNECT) {
        forbid_delay(dialogue->settings->port);
    } else if (event == SMTP_EV_MESSAGEDATA) {
        CRASH_POINT("worker/mail_data_begun");
        dialogue->data_begun = true;
    } else if (event == SMTP_EV_MESSAGESENT) {
        CRASH_POINT("worker/mail_dot_sent");
        dialogue->message_sent = true;
        end_mail(dialogue);
    }
    /* Certificate events are left alone: not raising their flag means refusing. */
}

/* --- Connections --- */

static bool prepare(const struct smtp_client *client, const char *server, struct dialogue *dialogue)
{
    dialogue->session = smtp_create_session();
    if (!dialogue->session)
        return false;
    smtp_set_eventcb(dialogue->session, on_event, dialogue);
    set_timeouts(dialogue->session, client->settings->timeout_ms);
    return smtp_set_server(dialogue->session, server) &&
           smtp_set_hostname(dialogue->session, client->settings->helo_name) && set_security(client, dialogue) &&
           add_mail(dialogue);
}

/* What became of the mail that is still in hand when the connection has ended. */
static enum smtp_outcome talk(struct smtp_client *client, const char *server, struct dialogue *dialogue,
                              char error[SMTP_ERROR_SIZE])
{
    enum smtp_outcome outcome = SMTP_RETRY;
    if (!prepare(client, server, dialogue))
        describe(error, "preparation", NULL);
    else if (!smtp_start_session(dialogue->session))
        describe(error, "connection", NULL);
    else if (dialogue->has_mail)
        outcome = judge(dialogue, error);
    else
        outcome = SMTP_SENT;
    if (dialogue->session)
        smtp_destroy_session(dialogue->session);
    if (dialogue->auth)
        auth_destroy_context(dialogue->auth);
    return outcome;
}

/* With TLS the library checks the certificate against the name it was given, so it gets the name. */
static int find_server(struct smtp_client *client, char server[SERVER_SIZE])
{
    const struct smtp_settings *settings = client->settings;
    char address[SMTP_REACH_ADDRESS_SIZE];
    int err = smtp_reach_try(client->reach, !client->proven, settings->timeout_ms, address);
    if (!err)
        snprintf(server, SERVER_SIZE, "%s:%u", settings->starttls || !address[0] ? settings->host : address,
                 settings->port);
    return err;
}

/* One connection, for the mail in hand and as many more as it takes. */
static void send_over_one(struct smtp_client *client, struct dialogue *dialogue)
{
    char server[SERVER_SIZE], error[SMTP_ERROR_SIZE] = "";
    dialogue->session = NULL;
    dialogue->auth = NULL;
    dialogue->n_sent = 0;
    int err = find_server(client, server);
    if (err) {
        snprintf(error, sizeof error, "mail server not reachable: %s", err_name(err));
        client->proven = false;
        finish_mail(dialogue, SMTP_RETRY, error);
        return;
    }
    enum smtp_outcome outcome = talk(client, server, dialogue, error);
    client->proven = outcome == SMTP_SENT || outcome == SMTP_REFUSED;
    /* A server may end a connection that has carried enough. */
    bool again = outcome == SMTP_RETRY && dialogue->n_sent > 0 && !dialogue->data_begun;
    if (dialogue->has_mail && !again)
        finish_mail(dialogue, outcome, error);
}

void smtp_send_all(struct smtp_client *client, const char *from, const struct smtp_work *work)
{
    struct dialogue dialogue = {.settings = client->settings, .from = from, .work = work};
    while (dialogue.has_mail || take_mail(&dialogue))
        send_over_one(client, &dialogue);
}
