/* head_scan: where a head ends, and which bytes end the connection; whole and cut at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "server/head_scan.c"

#define BYTES(literal)               \
    {                                \
        literal, sizeof(literal) - 1 \
    }

static const struct {
    struct str bytes;
    enum head_scan_result result;
    size_t taken;
} cases[] = {
    {BYTES("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), HEAD_SCAN_DONE, 27},
    {BYTES("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET"), HEAD_SCAN_DONE, 27},
    {BYTES("GET / HTTP/1.1\r\n\r\n"), HEAD_SCAN_DONE, 18},
    {BYTES("\r\nGET / HTTP/1.1\r\n\r\n"), HEAD_SCAN_DONE, 20},
    {BYTES("\r\n\r\nGET / HTTP/1.1\r\n\r\n"), HEAD_SCAN_INVALID, 4},
    {BYTES("GET / HTTP/1.1\r\nHost: x\r\n\r"), HEAD_SCAN_MORE, 26},
    {BYTES(""), HEAD_SCAN_MORE, 0},
    {BYTES("GET / HTTP/1.1\nHost: x\r\n\r\n"), HEAD_SCAN_INVALID, 15},
    {BYTES("\nGET / HTTP/1.1\r\n\r\n"), HEAD_SCAN_INVALID, 1},
    {BYTES("GET / HTTP/1.1\r\nX:\rY: z\r\n\r\n"), HEAD_SCAN_INVALID, 20},
    {BYTES("GET / HTTP/1.1\r\n\rX"), HEAD_SCAN_INVALID, 18},
    {BYTES("GET / HTTP/1.1\r\n\r\r"), HEAD_SCAN_INVALID, 18},
    {BYTES("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n"), HEAD_SCAN_INVALID, 21},
    {BYTES("GET /\0 HTTP/1.1\r\n\r\n"), HEAD_SCAN_INVALID, 6},
    {BYTES("GET / HTTP/1.1\r\n folded: first\r\n\r\n"), HEAD_SCAN_INVALID, 17},
    {BYTES("GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n"), HEAD_SCAN_INVALID, 23},
    {BYTES("GET / HTTP/1.1\r\nX: a\r\n\tb\r\n\r\n"), HEAD_SCAN_INVALID, 23},
    {BYTES("GET / HTTP/1.1\r\n: nameless\r\n\r\n"), HEAD_SCAN_INVALID, 17},
    {BYTES(" GET / HTTP/1.1\r\n\r\n"), HEAD_SCAN_INVALID, 1},
};

/* Feeds in two pieces; as the caller would, stops at the first verdict. */
static enum head_scan_result scan_cut(struct str bytes, size_t cut, size_t *ret_taken)
{
    struct head_scan scan = {0};
    enum head_scan_result result;
    size_t taken = head_scan_feed(&scan, (struct str){bytes.ptr, cut}, &result);

    if (result == HEAD_SCAN_MORE)
        taken += head_scan_feed(&scan, (struct str){bytes.ptr + cut, bytes.len - cut}, &result);
    *ret_taken = taken;
    return result;
}

static void whole_and_cut_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t cut = 0; cut <= cases[i].bytes.len; cut++) {
            size_t taken;
            assert_int_equal(scan_cut(cases[i].bytes, cut, &taken), cases[i].result);
            assert_int_equal(taken, cases[i].taken);
        }
    }
}

/* "GET /aaa… HTTP/1.1" of line_len bytes, then n_headers headers of header_len bytes, CR and LF not counted. */
static enum head_scan_result scan_sized(size_t line_len, unsigned n_headers, size_t header_len)
{
    struct head_scan scan = {0};
    enum head_scan_result result = HEAD_SCAN_MORE;
    char *line = malloc(HEAD_SCAN_BYTES_MAX * 2);

    memset(line, 'a', HEAD_SCAN_BYTES_MAX * 2);
    for (unsigned i = 0; i <= n_headers && result == HEAD_SCAN_MORE; i++) {
        head_scan_feed(&scan, (struct str){line, i == 0 ? line_len : header_len}, &result);
        if (result == HEAD_SCAN_MORE)
            head_scan_feed(&scan, STR("\r\n"), &result);
    }
    if (result == HEAD_SCAN_MORE)
        head_scan_feed(&scan, STR("\r\n"), &result);
    free(line);
    return result;
}

static void limits(void **state)
{
    (void)state;
    assert_int_equal(scan_sized(14, REQUEST_HEADERS_MAX, 10), HEAD_SCAN_DONE);
    assert_int_equal(scan_sized(14, REQUEST_HEADERS_MAX + 1, 10), HEAD_SCAN_TOO_LARGE);
    assert_int_equal(scan_sized(HEAD_SCAN_REQUEST_LINE_MAX - 1, 1, 10), HEAD_SCAN_DONE);
    assert_int_equal(scan_sized(HEAD_SCAN_REQUEST_LINE_MAX + 1, 1, 10), HEAD_SCAN_LINE_TOO_LONG);
    assert_int_equal(scan_sized(14, 1, HEAD_SCAN_BYTES_MAX - 20), HEAD_SCAN_DONE); /* 14 + 2 + … + 2 + 2 */
    assert_int_equal(scan_sized(14, 1, HEAD_SCAN_BYTES_MAX - 19), HEAD_SCAN_TOO_LARGE);
}

/* Said with the byte that is one too many, though what is sent does not end a line. */
static void a_limit_does_not_wait_for_the_end_of_a_line(void **state)
{
    static char bytes[2 * HEAD_SCAN_BYTES_MAX];
    struct head_scan scan = {0};
    enum head_scan_result result;
    struct str start = STR("GET / HTTP/1.1\r\n");
    (void)state;

    memset(bytes, 'a', sizeof bytes);
    assert_int_equal(head_scan_feed(&scan, str_slice(bytes, sizeof bytes), &result), HEAD_SCAN_REQUEST_LINE_MAX + 1);
    assert_int_equal(result, HEAD_SCAN_LINE_TOO_LONG);
    memcpy(bytes, start.ptr, start.len);
    scan = (struct head_scan){0};
    assert_int_equal(head_scan_feed(&scan, str_slice(bytes, sizeof bytes), &result), HEAD_SCAN_BYTES_MAX + 1);
    assert_int_equal(result, HEAD_SCAN_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_and_cut_at_every_byte),
        cmocka_unit_test(limits),
        cmocka_unit_test(a_limit_does_not_wait_for_the_end_of_a_line),
    };
    return cmocka_run_group_tests_name("head_scan", tests, NULL, NULL);
}
