#include "worker/mail_compose.h"

#include <assert.h>
#include <gmime/gmime.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/mail_address.h"
#include "worker/mail_words.h"

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

static void write_sender(const struct mail_letter *letter, struct arena *arena, struct buf *out)
{
    struct str name = mail_words(arena, letter->from_name);
    const char *gap = name.len == letter->from_name.len ? " " : "\r\n "; /* encoded words fill their line */
    buf_printf(out, "From: %.*s%s<%.*s>\r\n", STR_ARG(name), name.len ? gap : "", STR_ARG(letter->from_address));
}

/* Written here, not by GMime: it takes apart what stands in a text or an address and puts it together another way, with
 * lines that nobody wrote ("=?utf-8?q? …") and eight-bit bytes (punycode that IDNA forbids). */
static void write_head(const struct mail_letter *letter, struct arena *arena, struct buf *out)
{
    struct str id = mail_message_id(arena, letter->outbox_id, letter->kind, letter->message_id_domain);
    GDateTime *written = g_date_time_new_from_unix_utc(letter->written_us / CLOCK_SECOND_US);
    char *date = g_mime_utils_header_format_date(written);

    write_sender(letter, arena, out);
    buf_printf(out, "To: %.*s\r\n", STR_ARG(letter->to));
    if (mail_address_is_valid(letter->reply_to))
        buf_printf(out, "Reply-To: %.*s\r\n", STR_ARG(letter->reply_to));
    buf_printf(out, "Subject: %.*s\r\n", STR_ARG(mail_words(arena, letter->subject)));
    buf_printf(out, "Date: %s\r\nMessage-Id: <%.*s>\r\n", date, STR_ARG(id));
    buf_append_text(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"); /* RFC 3834 §5 */
    g_free(date);
    g_date_time_unref(written);
}

/* Its own field, the type, ends the head. */
static void write_body(GMimeMultipart *body, struct buf *out)
{
    GMimeFormatOptions *format = g_mime_format_options_clone(NULL);
    GMimeStream *stream = g_mime_stream_mem_new();
    g_mime_format_options_set_newline_format(format, GMIME_NEWLINE_FORMAT_DOS);
    g_mime_object_write_to_stream(GMIME_OBJECT(body), format, stream);
    GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
    buf_append(out, str_slice((const char *)bytes->data, bytes->len));
    g_object_unref(stream);
    g_mime_format_options_free(format);
}

char *mail_compose(const struct mail_letter *letter, struct arena *arena)
{
    GMimeMultipart *body = new_body(letter, arena);
    struct buf mail;

    buf_init(&mail, arena->max);
    write_head(letter, arena, &mail);
    write_body(body, &mail);
    assert(buf_ok(&mail));
    char *text = arena_text(arena, buf_str(&mail));
    buf_done(&mail);
    g_object_unref(body);
    return text;
}
