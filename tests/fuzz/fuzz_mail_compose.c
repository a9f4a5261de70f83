/* Mails: whatever stands in a name, a subject or a body, the head has exactly the lines that we write, each once, and
 * ends where ours ends; addresses stand there as they were given, texts read back the same; every line is bounded and
 * ends in CR LF. Lines of the input: the sender's name, the recipient, the subject; the rest is the text. */
#include <sodium.h>

#include "common/mail_address.h"
#include "fuzz/fuzz.h"
#include "worker/mail_compose.h"

enum { LINE_LEN_MAX = 998 }; /* RFC 5322 §2.1.1 */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    mail_compose_init();
    return 0;
}

static void check_lines(struct str mail)
{
    size_t begin = 0;
    for (size_t i = 0; i < mail.len; i++) {
        FUZZ_CHECK((mail.ptr[i] == '\n') == (i > 0 && mail.ptr[i - 1] == '\r'));
        FUZZ_CHECK(mail.ptr[i] > 0 && i - begin <= LINE_LEN_MAX);
        if (mail.ptr[i] == '\n')
            begin = i + 1;
    }
}

static size_t head_len(struct str mail)
{
    const char *end = memmem(mail.ptr, mail.len, "\r\n\r\n", 4);
    FUZZ_CHECK(end);
    return (size_t)(end - mail.ptr) + 2;
}

/* The names of the head's fields, each once. */
static void check_head(struct str head, bool has_reply_to)
{
    static const char *const names[] = {"From",         "To",           "Subject",        "Date",    "Message-Id",
                                        "MIME-Version", "Content-Type", "Auto-Submitted", "Reply-To"};
    enum { NAMES = sizeof names / sizeof names[0] };
    unsigned seen[NAMES] = {0};

    while (head.len > 0) {
        struct str rest, line = str_cut(head, '\n', &head);
        bool known = line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t'); /* folded */
        struct str name = known ? STR_NULL : str_cut(line, ':', &rest);
        for (size_t i = 0; i < NAMES && !known; i++) {
            known = str_eq_nocase(name, str_from(names[i]));
            seen[i] += known;
        }
        FUZZ_CHECK(known);
    }
    for (size_t i = 0; i < NAMES - 1; i++)
        FUZZ_CHECK(seen[i] == 1);
    FUZZ_CHECK(seen[NAMES - 1] == has_reply_to);
}

/* The whole value of the field, its folds too. */
static struct str field_value(struct str head, const char *field)
{
    struct str rest = head, value;
    while (!str_eq_text(str_cut(str_cut(rest, '\n', &rest), ':', &value), field))
        FUZZ_CHECK(rest.ptr);
    const char *end = rest.ptr;
    while (rest.len > 0 && rest.ptr[0] == ' ') {
        str_cut(rest, '\n', &rest);
        end = rest.ptr;
    }
    return str_slice(value.ptr + 1, (size_t)(end - value.ptr) - 3);
}

static size_t decode_word(struct str word, char *out, size_t room)
{
    size_t len;
    FUZZ_CHECK(str_starts_with(word, STR("=?utf-8?B?")) && str_ends_with(word, STR("?=")) && word.len <= 75 - 9);
    FUZZ_CHECK(sodium_base642bin((unsigned char *)out, room, word.ptr + 10, word.len - 12, NULL, &len, NULL,
                                 sodium_base64_VARIANT_ORIGINAL) == 0);
    FUZZ_CHECK(len > 0 && str_is_utf8(str_slice(out, len))); /* no character is cut */
    return len;
}

/* What a reader makes of the words is the text, its control characters as spaces. */
static void check_words(struct arena *arena, struct str words, struct str text)
{
    size_t len = 0, room = words.len + 1;
    char *read = arena_alloc(arena, room);

    if (str_starts_with(words, STR("=?"))) {
        while (words.len > 0)
            len += decode_word(str_trim(str_cut(words, '\n', &words)), read + len, room - len);
    } else {
        len = words.len;
        memcpy(read, words.ptr ? words.ptr : "", len);
    }
    FUZZ_CHECK(len == text.len);
    for (size_t i = 0; i < len; i++)
        FUZZ_CHECK(read[i] == text.ptr[i] || (read[i] == ' ' && (text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)));
}

static void check_sender(struct arena *arena, struct str value, const struct mail_letter *letter)
{
    struct str end = arena_printf(arena, "<%.*s>", STR_ARG(letter->from_address));
    FUZZ_CHECK(str_ends_with(value, end));
    check_words(arena, str_trim(str_slice(value.ptr, value.len - end.len)), letter->from_name);
}

/* What else may be there follows from the bytes: a file. */
static void choose_file(struct mail_letter *letter, uint32_t choice)
{
    if (choice & 1) {
        letter->pdf = letter->text.len ? letter->text : STR("%PDF");
        letter->pdf_name = STR("recu-17.pdf");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = fuzz_str(data, size), rest = input;
    struct arena arena;
    struct mail_letter letter = {
        .outbox_id = 17,
        .kind = STR("PARENT_CONFIRMATION"),
        .from_name = fuzz_line(&rest),
        .from_address = STR("cantine@example.org"),
        .to = fuzz_line(&rest),
        .message_id_domain = STR("example.org"),
        .subject = fuzz_line(&rest),
    };

    letter.text = letter.html = rest;
    if (!str_is_utf8(input))
        return 0; /* the database holds no other text */
    letter.reply_to = letter.to;
    if (!mail_address_is_valid(letter.to))
        letter.to = STR("durand@example.org"); /* smtp_send() refuses any other */
    bool has_reply_to = mail_address_is_valid(letter.reply_to);
    choose_file(&letter, fuzz_hash(input) >> 8);
    arena_init(&arena, FUZZ_ARENA_MAX);
    struct str mail = str_from(mail_compose(&letter, &arena)), head = str_slice(mail.ptr, head_len(mail));
    check_lines(mail);
    check_head(head, has_reply_to);
    FUZZ_CHECK(str_eq(field_value(head, "To"), letter.to));
    FUZZ_CHECK(!has_reply_to || str_eq(field_value(head, "Reply-To"), letter.reply_to));
    check_words(&arena, field_value(head, "Subject"), letter.subject);
    check_sender(&arena, field_value(head, "From"), &letter);
    FUZZ_CHECK(str_ends_with(mail, letter.pdf.len ? STR("--=_file_outbox_17--\r\n") : STR("--=_outbox_17--\r\n")));
    arena_done(&arena);
    return 0;
}
