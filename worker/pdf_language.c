#include "worker/pdf_language.h"

static const struct str catalog = {"<< /Type /Catalog\n", sizeof "<< /Type /Catalog\n" - 1};
static const struct str table = {"endobj\nxref\n", sizeof "endobj\nxref\n" - 1};
static const struct str address = {"startxref\n", sizeof "startxref\n" - 1};

/* Where `word` stands last; -1: nowhere. */
static ptrdiff_t find_last(struct str s, struct str word)
{
    for (size_t at = s.len; at >= word.len; at--) {
        if (memcmp(s.ptr + at - word.len, word.ptr, word.len) == 0)
            return (ptrdiff_t)(at - word.len);
    }
    return -1;
}

/* The table's address as the file's end gives it; false: not there, or not where `table_at` says. */
static bool address_is(struct str file, ptrdiff_t address_at, ptrdiff_t table_at)
{
    struct str rest = str_slice(file.ptr + address_at + address.len, file.len - (size_t)address_at - address.len);
    int64_t told;
    return str_to_u63(str_cut(rest, '\n', &rest), &told) == 0 && told == table_at && str_eq(rest, STR("%%EOF\n"));
}

void pdf_language_set(struct buf *pdf, const char *language)
{
    struct str file = buf_str(pdf);
    ptrdiff_t catalog_at = find_last(file, catalog), end_at = find_last(file, table),
              address_at = find_last(file, address);
    if (catalog_at < 0 || end_at < catalog_at || address_at < end_at)
        return;
    size_t head = (size_t)catalog_at + catalog.len, table_at = (size_t)end_at + STR("endobj\n").len;
    if (!address_is(file, address_at, (ptrdiff_t)table_at))
        return;
    struct buf changed;
    buf_init(&changed, pdf->max);
    buf_append(&changed, str_slice(file.ptr, head));
    buf_printf(&changed, "   /Lang (%s)\n   /ViewerPreferences << /DisplayDocTitle true >>\n", language);
    size_t moved = changed.len - head;
    buf_append(&changed, str_slice(file.ptr + head, (size_t)address_at + address.len - head));
    buf_printf(&changed, "%zu\n%%%%EOF\n", table_at + moved);
    buf_done(pdf);
    *pdf = changed;
}
