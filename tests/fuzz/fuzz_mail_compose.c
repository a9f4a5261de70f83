/* Mails: whatever stands in a name, a subject or a body, the head has exactly the lines that we write, each once, and
 * ends where ours ends; the addresses are as they were given; every line is bounded and ends in CR LF. Lines of the
 * input: the sender's name, the recipient, the subject; the rest is the text. */
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

/* The whole value of the field, after its spaces and perhaps its fold, is the address as the mail server is told it. */
static void check_address(struct str head, const char *field, struct str address)
{
    struct str line, value;
    do {
        line = str_cut(head, '\n', &head);
        FUZZ_CHECK(line.ptr);
    } while (!str_eq_text(str_cut(line, ':', &value), field));
    value = str_trim(value);
    if (value.len == 0)
        value = str_trim(str_cut(head, '\n', &head));
    FUZZ_CHECK(str_eq(value, address));
}

/* What else may be there follows from the bytes: an address for answers, a file. */
static void choose_parts(struct mail_letter *letter, uint32_t choice)
{
    if (choice & 1)
        letter->reply_to = letter->to;
    if (choice & 2) {
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
    if (!mail_address_is_valid(letter.to))
        letter.to = STR("durand@example.org"); /* nothing else is ever stored */
    choose_parts(&letter, fuzz_hash(input) >> 8);
    arena_init(&arena, FUZZ_ARENA_MAX);
    struct str mail = str_from(mail_compose(&letter, &arena)), head = str_slice(mail.ptr, head_len(mail));
    check_lines(mail);
    check_head(head, letter.reply_to.len > 0);
    check_address(head, "To", letter.to);
    if (letter.reply_to.len > 0)
        check_address(head, "Reply-To", letter.reply_to);
    FUZZ_CHECK(str_ends_with(mail, letter.pdf.len ? STR("--=_file_outbox_17--\r\n") : STR("--=_outbox_17--\r\n")));
    arena_done(&arena);
    return 0;
}
