/* arena and buf: memory that begins in a room of somebody else's, and chunks that are used again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/arena.h"
#include "common/buf.h"

enum { ARENA_MAX = 1 << 20 };

static void pieces_are_zeroed_whatever_was_there(void **state)
{
    (void)state;

    for (int round = 0; round < 3; round++) {
        struct arena arena;
        arena_init(&arena, ARENA_MAX);
        for (size_t size = 1; size < 20000; size = size * 3 + 1) {
            unsigned char *piece = arena_alloc(&arena, size);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(piece[i], 0);
            memset(piece, 0xa5, size);
            memset(arena_room(&arena, size), 0x5a, size);
        }
        assert_string_equal(arena_text(&arena, STR("abc")), "abc");
        assert_string_equal(arena_text(&arena, STR_NULL), "");
        arena_done(&arena);
    }
}

static void more_arenas_at_once_than_chunks_are_kept(void **state)
{
    struct arena arenas[200];
    (void)state;

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 200; i++) {
            arena_init(&arenas[i], ARENA_MAX);
            memset(arena_alloc(&arenas[i], 100), i, 100);
        }
        for (int i = 0; i < 200; i++)
            arena_done(&arenas[i]);
    }
}

static void outgrows_its_room(void **state)
{
    char room[10];
    struct buf buf;
    (void)state;

    buf_init_in(&buf, room, sizeof room, 1000);
    buf_append(&buf, STR("0123456789"));
    assert_ptr_equal(buf.ptr, room);
    buf_append(&buf, STR("ab"));
    assert_ptr_not_equal(buf.ptr, room);
    assert_true(str_eq(buf_str(&buf), STR("0123456789ab")));
    buf_done(&buf);
    buf_append(&buf, STR("again"));
    assert_true(str_eq(buf_str(&buf), STR("again")));
    buf_done(&buf);
}

static void room_is_bounded_as_the_rest(void **state)
{
    char room[10];
    struct buf buf;
    (void)state;

    buf_init_in(&buf, room, sizeof room, 4);
    buf_append(&buf, STR("0123"));
    assert_true(buf_ok(&buf));
    buf_append(&buf, STR("4"));
    assert_false(buf_ok(&buf));
    buf_done(&buf);
    buf_init_in(&buf, room, sizeof room, 1000);
    buf_printf(&buf, "%s", "0123456789"); /* the NUL needs a byte that is not there */
    assert_true(str_eq(buf_str(&buf), STR("0123456789")));
    buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_whatever_was_there),
        cmocka_unit_test(more_arenas_at_once_than_chunks_are_kept),
        cmocka_unit_test(outgrows_its_room),
        cmocka_unit_test(room_is_bounded_as_the_rest),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
