/* The configuration: a file is accepted with every value inside its bounds, or refused with a message that names a line
 * of it. */
#include "fuzz/memory_file.h"
/* After the files, which it opens. */
#include "common/config.c"

#define PATH "/etc/demi-pension/dp.conf"

static void check_key(const struct config *config, const struct key *key)
{
    const void *at = (const char *)config + key->offset;
    unsigned number = 0;
    const char *text = NULL;

    if (key->type == KEY_NUMBER || key->choices) {
        memcpy(&number, at, sizeof number);
        FUZZ_CHECK(key->choices || (number >= key->min && number <= key->max));
        FUZZ_CHECK(!key->choices || number < 4);
        return;
    }
    memcpy(&text, at, sizeof text);
    FUZZ_CHECK(text || (key->fallback && key->type != KEY_LIST && key->type != KEY_NAME));
    if (!text)
        return;
    FUZZ_CHECK(!str_has_control(str_from(text), "") && str_is_utf8(str_from(text)));
    FUZZ_CHECK(key->type != KEY_PATH || text[0] == '/');
    FUZZ_CHECK(key->type != KEY_MAIL || mail_address_is_valid(str_from(text)));
    FUZZ_CHECK(key->type != KEY_NAME || strcspn(text, "`'\"\\;- ") == strlen(text));
    FUZZ_CHECK(key->type != KEY_URL || strncmp(text, "http", 4) == 0);
}

static void check_config(const struct config *config)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        check_key(config, &keys[i]);
    FUZZ_CHECK(config->site.mode == CONFIG_DEMONSTRATION || strncmp(config->site.base_url, "https://", 8) == 0);
    FUZZ_CHECK(!config->database.at.socket != !config->database.at.host);
    FUZZ_CHECK(!config->redis.events.socket != !config->redis.events.host);
    FUZZ_CHECK(!config->redis.sessions.socket != !config->redis.sessions.host);
    FUZZ_CHECK(config->listen.connections_bank_reserve < config->listen.connections_max);
    FUZZ_CHECK(!config->mail.user || config->mail.smtp_tls == CONFIG_SMTP_STARTTLS);
    FUZZ_CHECK(config->mail.message_id_domain[0]);
}

/* "PATH:LINE: …" with a line that is there. */
static void check_message(const char *error, size_t size, struct str file)
{
    char *end;
    unsigned long lines = 1;

    FUZZ_CHECK(strnlen(error, size) < size && strncmp(error, PATH ":", sizeof PATH) == 0);
    for (size_t i = 0; i < file.len; i++)
        lines += file.ptr[i] == '\n';
    unsigned long line = strtoul(error + sizeof PATH, &end, 10);
    FUZZ_CHECK(strncmp(end, ": ", 2) == 0 && end[2] && line <= lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config;
    char error[256];

    memory_files[0].name = "dp.conf";
    memory_files[0].bytes = fuzz_str(data, size);
    int err = config_load(PATH, &config, error, sizeof error);
    FUZZ_CHECK(err == 0 || err == ERR_INVALID);
    if (err) {
        check_message(error, sizeof error, memory_files[0].bytes);
    } else {
        check_config(config);
        config_free(config);
    }
    return 0;
}
