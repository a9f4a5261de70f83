/* Who is at the other end. Lines of the input: the trusted networks, the peer, X-Forwarded-For (or, when that line is
 * empty, Forwarded), what a client writes in front of it. A peer that is not trusted is itself, whatever it says; an
 * address found behind trusted proxies does not change for what its owner writes further left. */
#include "fuzz/fuzz.h"
#include "server/client_address.h"

static bool same(const struct client_address *a, const struct client_address *b)
{
    return memcmp(a->bytes, b->bytes, CLIENT_ADDRESS_LEN) == 0;
}

static void check_text(const struct client_address *address)
{
    char text[INET6_ADDRSTRLEN];
    struct client_address again;

    client_address_print(address, text);
    FUZZ_CHECK(client_address_parse(str_from(text), &again) == 0 && same(address, &again));
    client_address_print_short(address, text);
    FUZZ_CHECK(str_is_utf8(str_from(text)) && str_ends_with(str_from(text), STR("…")));
    struct client_address key = client_address_limit_key(address);
    struct client_address again_key = client_address_limit_key(&key);
    FUZZ_CHECK(same(&key, &again_key));
}

static struct client_address resolve(const struct client_address_trust *trust, const struct client_address *peer,
                                     struct str name, struct str value)
{
    static struct request request;
    request.headers[0] = (struct header){name, value};
    request.n_headers = 1;
    return client_address_resolve(trust, peer, &request);
}

static void check_resolve(const struct client_address_trust *trust, const struct client_address *peer,
                          struct arena *arena, struct str rest)
{
    struct str list = fuzz_line(&rest), name = STR("X-Forwarded-For");
    if (list.len == 0) {
        name = STR("Forwarded");
        list = fuzz_line(&rest);
    }
    struct client_address found = resolve(trust, peer, name, list);
    check_text(&found);
    if (!client_address_is_trusted(trust, peer))
        FUZZ_CHECK(same(&found, peer));
    if (client_address_is_trusted(trust, &found))
        return; /* the walk came to the left end or to something unreadable */
    struct str more = fuzz_line(&rest);
    char *longer = arena_alloc(arena, more.len + list.len + 1);
    memcpy(longer, more.ptr, more.len);
    longer[more.len] = ',';
    memcpy(longer + more.len + 1, list.ptr, list.len);
    struct client_address again = resolve(trust, peer, name, str_slice(longer, more.len + list.len + 1));
    FUZZ_CHECK(same(&found, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = fuzz_str(data, size);
    struct client_address_trust trust;
    struct client_address peer;
    struct arena arena;

    arena_init(&arena, FUZZ_ARENA_MAX);
    int err = client_address_trust_parse(arena_text(&arena, fuzz_line(&rest)), &trust);
    if (err == 0 && client_address_parse(fuzz_line(&rest), &peer) == 0) {
        check_text(&peer);
        check_resolve(&trust, &peer, &arena, rest);
    }
    arena_done(&arena);
    return 0;
}
