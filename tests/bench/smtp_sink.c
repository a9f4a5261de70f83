/* smtp_sink: a mail server that takes everything at once and writes down only which mails came.
 *
 *     smtp_sink PORT FILE
 *
 * One line of FILE is one accepted message, "Message-ID recipient", written before its 250. It knows what a sender
 * needs (EHLO, PIPELINING, several messages a connection) and answers all commands of one read with one write. */
#include <arpa/inet.h>
#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

enum { BACKLOG = 512, LINE_MAX_BYTES = 4096, REPLIES_SIZE = 8192, READ_SIZE = 64 * 1024, ID_SIZE = 256 };

struct sender {
    uv_tcp_t tcp;
    char line[LINE_MAX_BYTES]; /* as far as it has come */
    size_t line_len;
    bool in_data, in_head;
    char message_id[ID_SIZE], recipient[ID_SIZE];
    char replies[REPLIES_SIZE]; /* to what was read */
    size_t replies_len;
    bool quits;
};

static FILE *accepted;
static char bytes[READ_SIZE];

static void reply(struct sender *sender, const char *text)
{
    size_t len = strlen(text);

    assert(sender->replies_len + len <= sizeof sender->replies);
    memcpy(sender->replies + sender->replies_len, text, len);
    sender->replies_len += len;
}

/* What stands between < and >. */
static void copy_brackets(const char *line, char out[ID_SIZE])
{
    line += strcspn(line, "<");
    line += *line == '<';
    snprintf(out, ID_SIZE, "%.*s", (int)strcspn(line, ">"), line);
}

static void take_data_line(struct sender *sender, const char *line)
{
    static const char name[] = "Message-Id:";

    if (strcmp(line, ".") == 0) {
        fprintf(accepted, "%s %s\n", sender->message_id, sender->recipient);
        fflush(accepted);
        sender->in_data = false;
        reply(sender, "250 2.0.0 kept\r\n");
    } else if (line[0] == '\0') {
        sender->in_head = false;
    } else if (sender->in_head && strncasecmp(line, name, sizeof name - 1) == 0) {
        copy_brackets(line, sender->message_id);
    }
}

static void take_command(struct sender *sender, const char *line)
{
    if (strncasecmp(line, "EHLO", 4) == 0) {
        reply(sender, "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n");
    } else if (strncasecmp(line, "DATA", 4) == 0) {
        sender->in_data = sender->in_head = true;
        sender->message_id[0] = '\0';
        reply(sender, "354 go on\r\n");
    } else if (strncasecmp(line, "QUIT", 4) == 0) {
        sender->quits = true;
        reply(sender, "221 2.0.0 bye\r\n");
    } else {
        if (strncasecmp(line, "RCPT", 4) == 0)
            copy_brackets(line, sender->recipient);
        reply(sender, "250 2.0.0 ok\r\n");
    }
}

static void take_bytes(struct sender *sender, const char *from, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (from[i] != '\n') {
            assert(sender->line_len < sizeof sender->line);
            sender->line[sender->line_len++] = from[i];
            continue;
        }
        sender->line[sender->line_len - (sender->line_len > 0)] = '\0'; /* of the CR */
        sender->line_len = 0;
        (sender->in_data ? take_data_line : take_command)(sender, sender->line);
    }
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(bytes, sizeof bytes);
}

static void on_read(uv_stream_t *stream, ssize_t n_read, const uv_buf_t *buf)
{
    struct sender *sender = stream->data;

    if (n_read > 0)
        take_bytes(sender, buf->base, (size_t)n_read);
    uv_buf_t replies = uv_buf_init(sender->replies, (unsigned)sender->replies_len);
    bool sent = replies.len == 0 || uv_try_write(stream, &replies, 1) == (int)replies.len;
    sender->replies_len = 0;
    if (n_read < 0 || sender->quits || !sent)
        uv_close((uv_handle_t *)stream, on_closed);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct sender *sender = calloc(1, sizeof *sender);

    assert(sender && status == 0);
    uv_tcp_init(server->loop, &sender->tcp);
    sender->tcp.data = sender;
    assert(uv_accept(server, (uv_stream_t *)&sender->tcp) == 0);
    reply(sender, "220 sink ESMTP\r\n");
    uv_read_start((uv_stream_t *)&sender->tcp, on_alloc, on_read);
    on_read((uv_stream_t *)&sender->tcp, 0, NULL);
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    struct sockaddr_in address;
    uv_tcp_t server;

    accepted = argc == 3 ? fopen(argv[2], "a") : NULL;
    if (!accepted || uv_ip4_addr("127.0.0.1", (int)strtol(argv[1], NULL, 10), &address) != 0)
        return 2;
    uv_tcp_init(loop, &server);
    uv_tcp_nodelay(&server, 1);
    if (uv_tcp_bind(&server, (struct sockaddr *)&address, 0) != 0 ||
        uv_listen((uv_stream_t *)&server, BACKLOG, on_connection) != 0)
        return 1;
    return uv_run(loop, UV_RUN_DEFAULT);
}
