/* A User-Agent in people's words: nothing of the header itself is ever shown, and it is one of a few sentences. */
#include "fuzz/fuzz.h"
#include "server/user_agent.h"

enum { DESCRIPTION_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str header = fuzz_str(data, size), rest;
    struct arena arena;

    arena_init(&arena, FUZZ_ARENA_MAX);
    struct str text = user_agent_describe(&arena, header);
    FUZZ_CHECK(text.len > 0 && text.len <= DESCRIPTION_MAX);
    FUZZ_CHECK(text.ptr < header.ptr || text.ptr >= header.ptr + header.len);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        FUZZ_CHECK(c == ' ' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'));
    }
    /* Who says nothing of itself is not known; a robot is no browser. */
    if (memmem(header.ptr, header.len, "Bot", 3))
        FUZZ_CHECK(str_eq_text(str_cut(text, ' ', &rest), "Navigateur"));
    arena_done(&arena);
    return 0;
}
