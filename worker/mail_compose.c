#include "worker/mail_compose.h"

#include <gmime/gmime.h>

#include "common/clock.h"

void mail_compose_init(void)
{
    g_mime_init();
}

struct str mail_message_id(struct arena *arena, int64_t outbox_id, struct str kind, struct str domain)
{
    return arena_printf(arena, "outbox.%lld.%.*s@%.*s", (long long)outbox_id, STR_ARG(kind), STR_ARG(domain));
}

/* A text part whose charset stays UTF-8: GMimeTextPart would choose an older one where it fits. */
static GMimeObject *new_part(const char *subtype, struct str text)
{
    GMimePart *part = g_mime_part_new_with_type("text", subtype);
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(text.ptr ? text.ptr : "", text.len);
    GMimeDataWrapper *content = g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);
    g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset", "utf-8");
    g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
    g_mime_part_set_content(part, content);
    g_object_unref(content);
    g_object_unref(stream);
    return GMIME_OBJECT(part);
}

/* What the recipient sees as one file. */
static GMimeObject *new_pdf(const struct mail_letter *letter, struct arena *arena)
{
    GMimePart *part = g_mime_part_new_with_type("application", "pdf");
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(letter->pdf.ptr, letter->pdf.len);
    GMimeDataWrapper *content = g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);
    g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_BASE64);
    g_mime_part_set_filename(part, arena_text(arena, letter->pdf_name)); /* makes it an attachment */
    g_mime_part_set_content(part, content);
    g_object_unref(content);
    g_object_unref(stream);
    return GMIME_OBJECT(part);
}

static GMimeMultipart *new_texts(const struct mail_letter *letter, struct arena *arena)
{
    GMimeMultipart *body = g_mime_multipart_new_with_subtype("alternative");
    GMimeObject *text = new_part("plain", letter->text), *html = new_part("html", letter->html);
    /* "=_" stands in no quoted-printable line, and a fixed boundary makes a repeated mail identical. */
    g_mime_multipart_set_boundary(body, arena_printf(arena, "=_outbox_%lld", (long long)letter->outbox_id).ptr);
    g_mime_multipart_add(body, text);
    g_mime_multipart_add(body, html);
    g_object_unref(text);
    g_object_unref(html);
    return body;
}

/* The two texts; with a file, a mixture of them and it (RFC 2046 §5.1.3). */
static GMimeMultipart *new_body(const struct mail_letter *letter, struct arena *arena)
{
    GMimeMultipart *texts = new_texts(letter, arena);
    if (letter->pdf.len == 0)
        return texts;
    GMimeMultipart *body = g_mime_multipart_new_with_subtype("mixed");
    GMimeObject *pdf = new_pdf(letter, arena);
    /* Readers compare only as far as a boundary goes, so the inner one must not begin it. */
    g_mime_multipart_set_boundary(body, arena_printf(arena, "=_file_outbox_%lld", (long long)letter->outbox_id).ptr);
    g_mime_multipart_add(body, GMIME_OBJECT(texts));
    g_mime_multipart_add(body, pdf);
    g_object_unref(texts);
    g_object_unref(pdf);
    return body;
}

/* The address stands in the head as the mail server is told it. GMime would decode the domain's punycode and encode it
 * again, and leave it decoded, in eight bits, where IDNA forbids the characters. */
static void add_mailbox(GMimeMessage *message, GMimeAddressType type, const char *name, const char *address)
{
    InternetAddress *mailbox = internet_address_mailbox_new(name, address);
    char **as_written = &INTERNET_ADDRESS_MAILBOX(mailbox)->idn_addr;

    g_free(*as_written);
    *as_written = g_strdup(address);
    internet_address_list_add(g_mime_message_get_addresses(message, type), mailbox);
    g_object_unref(mailbox);
}

static void set_head(GMimeMessage *message, const struct mail_letter *letter, struct arena *arena)
{
    struct str id = mail_message_id(arena, letter->outbox_id, letter->kind, letter->message_id_domain);
    GDateTime *date = g_date_time_new_from_unix_utc(letter->written_us / CLOCK_SECOND_US);
    add_mailbox(message, GMIME_ADDRESS_TYPE_FROM, arena_text(arena, letter->from_name),
                arena_text(arena, letter->from_address));
    add_mailbox(message, GMIME_ADDRESS_TYPE_TO, NULL, arena_text(arena, letter->to));
    if (letter->reply_to.len)
        add_mailbox(message, GMIME_ADDRESS_TYPE_REPLY_TO, NULL, arena_text(arena, letter->reply_to));
    g_mime_message_set_subject(message, arena_text(arena, letter->subject), "utf-8");
    g_mime_message_set_date(message, date);
    g_mime_message_set_message_id(message, id.ptr);
    g_mime_object_append_header(GMIME_OBJECT(message), "Auto-Submitted", "auto-generated", NULL); /* RFC 3834 §5 */
    g_date_time_unref(date);
}

static char *write_message(GMimeMessage *message, struct arena *arena)
{
    GMimeFormatOptions *format = g_mime_format_options_clone(NULL);
    GMimeStream *stream = g_mime_stream_mem_new();
    g_mime_format_options_set_newline_format(format, GMIME_NEWLINE_FORMAT_DOS);
    g_mime_object_write_to_stream(GMIME_OBJECT(message), format, stream);
    GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
    char *text = arena_text(arena, str_slice((const char *)bytes->data, bytes->len));
    g_object_unref(stream);
    g_mime_format_options_free(format);
    return text;
}

char *mail_compose(const struct mail_letter *letter, struct arena *arena)
{
    GMimeMessage *message = g_mime_message_new(TRUE);
    GMimeMultipart *body = new_body(letter, arena);
    set_head(message, letter, arena);
    g_mime_message_set_mime_part(message, GMIME_OBJECT(body));
    char *text = write_message(message, arena);
    g_object_unref(body);
    g_object_unref(message);
    return text;
}
