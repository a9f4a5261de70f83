/* Cookie headers (a line of the input is one): a value that is found holds only what RFC 6265 allows, stands in a
 * header after its own name, and is found as well where a proxy cut the header at its semicolons (RFC 9113 §8.2.3). */
#include "fuzz/fuzz.h"
#include "server/request.h"

#define NAME "dp_session"

static void add_header(struct request *request, struct str value)
{
    if (request->n_headers < REQUEST_HEADERS_MAX)
        request->headers[request->n_headers++] = (struct header){STR("Cookie"), value};
}

static void check_value(struct str value, struct str all)
{
    FUZZ_CHECK(value.ptr >= all.ptr && value.ptr + value.len <= all.ptr + all.len);
    for (size_t i = 0; i < value.len; i++)
        FUZZ_CHECK(value.ptr[i] > ' ' && value.ptr[i] < 0x7f && !memchr("\",;\\", value.ptr[i], 4));
    struct str before = str_slice(all.ptr, (size_t)(value.ptr - all.ptr));
    while (before.len > 0 && memchr("= \t\r\v\f\"", before.ptr[before.len - 1], 7))
        before.len--;
    FUZZ_CHECK(str_ends_with(before, STR(NAME)));
}

/* The same pairs, each in a header of its own; false when there are too many. */
static bool cut_at_semicolons(struct str all, struct request *ret)
{
    unsigned pairs = 0;
    while (all.ptr) {
        struct str line = str_cut(all, '\n', &all);
        while (line.ptr) {
            add_header(ret, str_cut(line, ';', &line));
            pairs++;
        }
    }
    return pairs <= REQUEST_HEADERS_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct request whole, cut;
    struct str all = fuzz_str(data, size), rest = all;

    whole.n_headers = cut.n_headers = 0;
    while (rest.ptr)
        add_header(&whole, str_cut(rest, '\n', &rest));
    struct str value = request_cookie(&whole, NAME);
    if (value.ptr)
        check_value(value, all);
    if (cut_at_semicolons(all, &cut)) {
        struct str again = request_cookie(&cut, NAME);
        FUZZ_CHECK(again.ptr == value.ptr && again.len == value.len);
    }
    return 0;
}
