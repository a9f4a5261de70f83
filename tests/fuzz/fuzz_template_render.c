/* Rendered pages and mails: data never becomes markup. The golden templates (everything that the language has) are
 * drawn twice, with hostile data and with "x" in its place: tags, quotes and comments are the same, byte for byte and
 * in the same order. The first byte chooses which parts are there; the lines are the texts. */
#include "fuzz/fuzz.h"
#include "golden_templates.h"

enum { TEXTS = 8, OUTPUT_MAX = 1 << 22 };

struct data {
    unsigned shape;
    struct str texts[TEXTS];
    const char *plain; /* of the first text */
    char reference[21];
};

static void draw_everything(const struct data *data, struct buf *out)
{
    const struct heading_view second = {.title = data->texts[1], .logged_in = data->shape & 1};
    const struct str tags[] = {data->texts[2], data->texts[3]};
    const struct line_view lines[] = {{data->texts[4], -7, {STR("/a?b=c")}, tags, data->shape >> 1 & 1},
                                      {data->texts[5], 8, {STR("/")}, tags, 2}};
    struct everything_view view = {
        .heading = {.title = data->texts[6], .logged_in = data->shape & 4},
        .second = data->shape & 8 ? &second : NULL,
        .text = data->texts[0],
        .plain_text = data->plain,
        .number = -7,
        .checked = data->shape & 16,
        .field_error = data->texts[7],
        .help = {STR("<em>help</em>")},
        .url = {STR("https://example.org/?a=1")},
        .lines = lines,
        .n_lines = data->shape >> 5 & 1,
    };
    memcpy(view.reference, data->reference, sizeof view.reference);
    template_page_everything(out, &view);
}

static void draw_notices(const struct data *data, struct buf *html, struct buf *text)
{
    const struct line_view lines[] = {{.label = data->texts[2], .tags = &data->texts[3], .n_tags = 1}};
    const struct notice_view view = {
        data->texts[0], data->texts[1], lines, data->shape >> 6 & 1, {STR("https://e.org/")}};
    template_mail_notice_html(html, &view);
    template_mail_notice_text(text, &view);
}

/* What parts markup from text: the same marks in the same order. No NUL is ever drawn, so both can be searched as
 * texts. */
static void check_same_marks(struct buf *hostile, struct buf *harmless)
{
    static const char marks[] = "<>\"'";
    buf_append_char(hostile, '\0');
    buf_append_char(harmless, '\0');
    FUZZ_CHECK(buf_ok(hostile) && buf_ok(harmless));
    const char *a = hostile->ptr, *b = harmless->ptr;
    FUZZ_CHECK(strlen(a) == hostile->len - 1);
    do {
        a += strcspn(a, marks);
        b += strcspn(b, marks);
        FUZZ_CHECK(*a == *b);
    } while (*a++ && *b++);
}

static void check_plain(const struct buf *text)
{
    for (size_t i = 0; i < text->len; i++) {
        unsigned char c = (unsigned char)text->ptr[i];
        FUZZ_CHECK((c >= 0x20 || c == '\n' || c == '\t') && c != 0x7f);
    }
}

static void read_data(struct str rest, struct arena *arena, struct data *hostile, struct data *harmless)
{
    hostile->shape = harmless->shape = fuzz_byte(&rest);
    for (size_t i = 0; i < TEXTS; i++) {
        hostile->texts[i] = fuzz_line(&rest);
        harmless->texts[i] = hostile->texts[i].len ? STR("x") : STR("");
    }
    hostile->plain = arena_text(arena, hostile->texts[0]);
    harmless->plain = hostile->plain[0] ? "x" : "";
    snprintf(hostile->reference, sizeof hostile->reference, "%s", hostile->plain);
    snprintf(harmless->reference, sizeof harmless->reference, "%s", harmless->plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct buf drawn[2], html[2], text[2];
    struct data hostile, harmless;
    struct arena arena;

    arena_init(&arena, FUZZ_ARENA_MAX);
    read_data(fuzz_str(data, size), &arena, &hostile, &harmless);
    for (unsigned i = 0; i < 2; i++) {
        drawn[i].max = html[i].max = text[i].max = OUTPUT_MAX;
        buf_clear(&drawn[i]);
        buf_clear(&html[i]);
        buf_clear(&text[i]);
        draw_everything(i ? &harmless : &hostile, &drawn[i]);
        draw_notices(i ? &harmless : &hostile, &html[i], &text[i]);
    }
    check_same_marks(&drawn[0], &drawn[1]);
    check_same_marks(&html[0], &html[1]);
    check_plain(&text[0]);
    arena_done(&arena);
    return 0;
}
