#include "worker/bank_client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/heap.h"
#include "common/log.h"

enum { STATUS_OK = 200 };

struct bank_client {
    struct bank_client_settings settings;
    CURL *curl; /* owned: keeps the connection from one question to the next */
    char error[BANK_CLIENT_ERROR_SIZE];
};

void bank_client_init(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT))
        log_fatal("curl_unusable");
}

struct bank_client *bank_client_new(const struct bank_client_settings *settings)
{
    struct bank_client *client = HEAP_NEW(struct bank_client);
    client->settings = *settings;
    client->curl = curl_easy_init();
    if (!client->curl)
        log_fatal("curl_unusable");
    return client;
}

void bank_client_free(struct bank_client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->curl);
    free(client);
}

/* Anything but `len` makes libcurl break off with CURLE_WRITE_ERROR. */
static size_t take_body(char *bytes, size_t size, size_t len, void *context)
{
    struct buf *body = context;
    buf_append(body, str_slice(bytes, size * len));
    return buf_ok(body) ? size * len : 0;
}

static int give_up(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    struct bank_client *client = context;
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    return drain_begun(client->settings.drain);
}

/* The numbered options are of one kind each; a refused one would leave a guard out. */
static void set_number(CURL *curl, CURLoption option, long value)
{
    if (curl_easy_setopt(curl, option, value))
        log_fatal("curl_option_refused", LOG_INT("option", option));
}

static void set_text(CURL *curl, CURLoption option, const char *value)
{
    if (curl_easy_setopt(curl, option, value))
        log_fatal("curl_option_refused", LOG_INT("option", option));
}

static void set_guards(struct bank_client *client)
{
    const struct bank_client_settings *settings = &client->settings;
    CURL *curl = client->curl;
    set_text(curl, CURLOPT_PROTOCOLS_STR, settings->plain_allowed ? "https,http" : "https");
    set_number(curl, CURLOPT_FOLLOWLOCATION, 0);
    set_number(curl, CURLOPT_SSL_VERIFYPEER, 1);
    set_number(curl, CURLOPT_SSL_VERIFYHOST, 2);
    set_number(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    if (settings->ca_file) {
        set_text(curl, CURLOPT_CAINFO, settings->ca_file);
        set_text(curl, CURLOPT_CAPATH, NULL);
    }
    set_text(curl, CURLOPT_PROXY, "");
    set_number(curl, CURLOPT_NOSIGNAL, 1);
    set_number(curl, CURLOPT_TIMEOUT_MS, (long)settings->timeout_ms);
    set_number(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)settings->timeout_ms);
    set_number(curl, CURLOPT_NOPROGRESS, 0);
    if (curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, give_up) ||
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client))
        log_fatal("curl_option_refused");
}

static int translate(struct bank_client *client, CURLcode code, bool too_large)
{
    long status = 0;
    snprintf(client->error, sizeof client->error, "%s", curl_easy_strerror(code));
    switch ((int)code) {
    case CURLE_OK:
        curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
        snprintf(client->error, sizeof client->error, "status %ld", status);
        return status == STATUS_OK ? 0 : ERR_INVALID;
    case CURLE_OPERATION_TIMEDOUT:
        return ERR_TIMEOUT;
    case CURLE_WRITE_ERROR:
        return too_large ? ERR_TOO_LARGE : ERR_UNAVAILABLE;
    case CURLE_ABORTED_BY_CALLBACK:
        return ERR_CANCELLED;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
        return ERR_INVALID;
    default:
        return ERR_UNAVAILABLE;
    }
}

int bank_client_get(struct bank_client *client, const char *url, struct buf *ret_body)
{
    curl_easy_reset(client->curl);
    set_guards(client);
    if (curl_easy_setopt(client->curl, CURLOPT_URL, url) ||
        curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, take_body) ||
        curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, ret_body))
        log_fatal("curl_option_refused");
    CURLcode code = curl_easy_perform(client->curl);
    return translate(client, code, !buf_ok(ret_body));
}

const char *bank_client_error(const struct bank_client *client)
{
    return client->error;
}
