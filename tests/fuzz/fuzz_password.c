/* New passwords. The first line is the password, the second holds the owner's names. A password costs at most its
 * characters; knowing more of its owner, and capital letters, never make it better; what is accepted keeps the rules.
 */
#include "common/password.h"
#include "common/password_guess.h"
#include "common/password_list.h"
#include "fuzz/fuzz.h"

/* A few of password_list.c's words: the target is how they are looked for. */
const char *password_list_word(size_t i)
{
    static const char *const words[] = {"password", "motdepasse", "azerty", "soleil", "canada", NULL};
    return words[i];
}

static struct str capitals(struct str s, struct arena *arena)
{
    char *text = arena_text(arena, s);
    for (size_t i = 0; i < s.len; i++)
        text[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - ('a' - 'A') : text[i]);
    return str_slice(text, s.len);
}

static void check_cost(struct str password, const struct str *names, struct arena *arena)
{
    unsigned cost = password_guess_cost(password, NULL, 0);
    unsigned known = password_guess_cost(password, names, 2);

    FUZZ_CHECK(cost <= str_utf8_length(password) && cost <= PASSWORD_GUESS_CHARACTERS_MAX);
    FUZZ_CHECK(cost > 0 || password.len == 0);
    FUZZ_CHECK(known <= cost);
    FUZZ_CHECK(password_guess_cost(capitals(password, arena), NULL, 0) == cost);
}

static void check_refusal(struct str password, const struct str *names)
{
    const struct password_owner owner = {.login = names[0], .last_name = names[1]};
    const char *refusal = password_refusal(password, &owner);
    size_t length = str_utf8_length(password);

    FUZZ_CHECK(refusal || (str_is_utf8(password) && !str_has_control(password, "")));
    FUZZ_CHECK(refusal || (length >= PASSWORD_LENGTH_MIN && length <= PASSWORD_LENGTH_MAX));
    FUZZ_CHECK(!refusal || str_is_utf8(str_from(refusal)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = fuzz_str(data, size);
    struct str password = fuzz_line(&rest), other;
    const struct str names[] = {str_cut(fuzz_line(&rest), ' ', &other), other};
    struct arena arena;

    arena_init(&arena, FUZZ_ARENA_MAX);
    if (str_is_utf8(password) && str_is_utf8(names[0]) && str_is_utf8(names[1])) {
        check_cost(password, names, &arena);
        check_refusal(password, names);
    }
    arena_done(&arena);
    return 0;
}
