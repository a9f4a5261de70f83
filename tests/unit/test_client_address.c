/* client_address and admission: whose word is believed about who is calling, and who may connect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/rand.h"
#include "server/admission.c"
#include "server/client_address.c"

static struct client_address address_of(const char *text)
{
    struct client_address address;
    assert_int_equal(client_address_parse(str_from(text), &address), 0);
    return address;
}

static void network_lists(void **state)
{
    static const struct {
        const char *list;
        int err;
        unsigned n_networks;
    } cases[] = {
        {NULL, 0, 0},
        {"", 0, 0},
        {"  ", 0, 0},
        {"127.0.0.1", 0, 1},
        {"127.0.0.1,::1", 0, 2},
        {" 10.0.0.0/8 , fd00::/8 ", 0, 2},
        {"0.0.0.0/0", 0, 1},
        {"::/0", 0, 1},
        {"10.0.0.1/8", ERR_INVALID, 0}, /* bits behind the prefix: a slip of the pen */
        {"10.0.0.0/33", ERR_INVALID, 0},
        {"fd00::/129", ERR_INVALID, 0},
        {"10.0.0.0/", ERR_INVALID, 0},
        {"10.0.0.0/-1", ERR_INVALID, 0},
        {"10.0.0", ERR_INVALID, 0},
        {"proxy.example.org", ERR_INVALID, 0},
        {"127.0.0.1,", ERR_INVALID, 0},
        {",127.0.0.1", ERR_INVALID, 0},
    };
    struct client_address_trust trust;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(client_address_trust_parse(cases[i].list, &trust), cases[i].err);
        if (cases[i].err == 0)
            assert_int_equal(trust.n_networks, cases[i].n_networks);
    }
}

static void trust_table(void **state)
{
    static const struct {
        const char *list, *address;
        bool trusted;
    } cases[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"10.0.0.0/9", "10.127.1.1", true},
        {"10.0.0.0/9", "10.128.0.1", false},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.6", false},
        {"10.0.0.0/8", "::ffff:10.1.1.1", true},
        {"0.0.0.0/0", "203.0.113.1", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::/0", "2001:db8::1", true},
        {"", "127.0.0.1", false},
    };
    struct client_address_trust trust;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client_address address = address_of(cases[i].address);
        assert_int_equal(client_address_trust_parse(cases[i].list, &trust), 0);
        assert_int_equal(client_address_is_trusted(&trust, &address), cases[i].trusted);
    }
}

static void forwarded_hops(void **state)
{
    static const struct {
        const char *peer, *name, *first, *second; /* one or two header lines of that name */
        const char *client;
    } cases[] = {
        {"203.0.113.9", "X-Forwarded-For", "1.2.3.4", NULL, "203.0.113.9"}, /* not our proxy: its word is nothing */
        {"10.0.0.1", "X-Forwarded-For", "1.2.3.4", NULL, "1.2.3.4"},
        {"10.0.0.1", "x-forwarded-for", "9.9.9.9, 1.2.3.4", NULL, "1.2.3.4"}, /* 9.9.9.9 is the client's invention */
        {"10.0.0.1", "X-Forwarded-For", "9.9.9.9, 1.2.3.4, 10.0.0.2", NULL, "1.2.3.4"},
        {"10.0.0.1", "X-Forwarded-For", "9.9.9.9", "1.2.3.4", "1.2.3.4"},
        {"10.0.0.1", "X-Forwarded-For", "1.2.3.4", "10.0.0.3, 10.0.0.2", "1.2.3.4"},
        {"10.0.0.1", "X-Forwarded-For", "10.0.0.3", NULL, "10.0.0.3"}, /* our own host calls through the proxy */
        {"10.0.0.1", "X-Forwarded-For", "1.2.3.4:5678", NULL, "1.2.3.4"},
        {"10.0.0.1", "X-Forwarded-For", "2001:db8::7", NULL, "2001:db8::7"},
        {"10.0.0.1", "X-Forwarded-For", "[2001:db8::7]:443", NULL, "2001:db8::7"},
        {"10.0.0.1", "X-Forwarded-For", "1.2.3.4, unknown", NULL, "10.0.0.1"},
        {"10.0.0.1", "X-Forwarded-For", "1.2.3.4, rubbish, 10.0.0.2", NULL, "10.0.0.2"},
        {"10.0.0.1", "X-Forwarded-For", "", NULL, "10.0.0.1"},
        {"10.0.0.1", "X-Forwarded-For", "1.2.3.4,", NULL, "10.0.0.1"},
        {"10.0.0.1", "Via", "1.2.3.4", NULL, "10.0.0.1"},
        {"fd00::1", "Forwarded", "for=1.2.3.4;proto=https", NULL, "1.2.3.4"},
        {"fd00::1", "Forwarded", "for=9.9.9.9, proto=https;For=\"[2001:db8::7]:443\"", NULL, "2001:db8::7"},
        {"fd00::1", "Forwarded", "for=\"1.2.3.4:80\"", NULL, "1.2.3.4"},
        {"fd00::1", "Forwarded", "for=_hidden", NULL, "fd00::1"},
        {"fd00::1", "Forwarded", "proto=https", NULL, "fd00::1"},
    };
    struct client_address_trust trust;
    (void)state;
    assert_int_equal(client_address_trust_parse("10.0.0.0/8, fd00::/8", &trust), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static struct request request;
        char text[INET6_ADDRSTRLEN];
        struct client_address peer = address_of(cases[i].peer);
        request.n_headers = 0;
        request.headers[request.n_headers++] = (struct header){str_from(cases[i].name), str_from(cases[i].first)};
        if (cases[i].second)
            request.headers[request.n_headers++] = (struct header){str_from(cases[i].name), str_from(cases[i].second)};
        struct client_address client = client_address_resolve(&trust, &peer, &request);
        client_address_print(&client, text);
        assert_string_equal(text, cases[i].client);
    }
}

static void networks_and_short_forms(void **state)
{
    static const struct {
        const char *address, *network, *shortened; /* /24 or /56 */
    } cases[] = {
        {"192.0.2.77", "192.0.2.0", "192.0.2.…"},
        {"::ffff:192.0.2.77", "192.0.2.0", "192.0.2.…"},
        {"255.255.255.255", "255.255.255.0", "255.255.255.…"},
        {"2001:db8:1:2ff:ffff:ffff:ffff:ffff", "2001:db8:1:200::", "2001:db8:1:…"},
        {"2001:db8:abcd:12::1", "2001:db8:abcd::", "2001:db8:abcd:…"},
        {"::1", "::", "0:0:0:…"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client_address address = address_of(cases[i].address);
        struct client_address network = client_address_network(&address, 24, 56);
        char text[INET6_ADDRSTRLEN];
        client_address_print(&network, text);
        assert_string_equal(text, cases[i].network);
        client_address_print_short(&address, text);
        assert_string_equal(text, cases[i].shortened);
        network = client_address_network(&address, 0, 0);
        client_address_print(&network, text);
        assert_string_equal(text, strchr(cases[i].address, '.') ? "0.0.0.0" : "::");
    }
}

static void x_forwarded_for_goes_before_forwarded(void **state)
{
    static struct request request;
    struct client_address_trust trust;
    struct client_address peer = address_of("10.0.0.1");
    char text[INET6_ADDRSTRLEN];
    (void)state;
    assert_int_equal(client_address_trust_parse("10.0.0.1", &trust), 0);
    request.headers[request.n_headers++] = (struct header){STR("Forwarded"), STR("for=9.9.9.9")};
    request.headers[request.n_headers++] = (struct header){STR("X-Forwarded-For"), STR("1.2.3.4")};
    struct client_address client = client_address_resolve(&trust, &peer, &request);
    client_address_print(&client, text);
    assert_string_equal(text, "1.2.3.4");
}

static void limits_count_an_ipv6_network_as_one(void **state)
{
    struct client_address one = address_of("2001:db8:1:2::1"), two = address_of("2001:db8:1:2:ffff::2");
    struct client_address other = address_of("2001:db8:1:3::1"), four = address_of("192.0.2.1");
    struct client_address keys[4];
    (void)state;
    keys[0] = client_address_limit_key(&one);
    keys[1] = client_address_limit_key(&two);
    keys[2] = client_address_limit_key(&other);
    keys[3] = client_address_limit_key(&four);
    assert_memory_equal(&keys[0], &keys[1], sizeof keys[0]);
    assert_memory_not_equal(&keys[0], &keys[2], sizeof keys[0]);
    assert_memory_equal(&keys[3], &four, sizeof four);
}

static void init_admission(struct admission *admission)
{
    static const struct config config = {.listen = {.trusted_proxies = "10.0.0.1",
                                                    .connections_max = 8,
                                                    .connections_per_address_max = 2,
                                                    .connections_bank_reserve = 3}};
    assert_int_equal(admission_init(admission, &config), 0);
}

static void share_of_one_address(void **state)
{
    struct admission admission;
    struct admission_ticket tickets[8];
    struct client_address peer = address_of("192.0.2.1"), other = address_of("192.0.2.2");
    (void)state;
    init_admission(&admission);
    for (unsigned i = 0; i < 5; i++)
        tickets[i] = admission_enter(&admission, &peer);
    assert_int_equal(tickets[0].verdict, ADMISSION_OPEN);
    assert_int_equal(tickets[1].verdict, ADMISSION_OPEN);
    assert_int_equal(tickets[2].verdict, ADMISSION_BANK_ONLY);
    assert_int_equal(tickets[4].verdict, ADMISSION_BANK_ONLY); /* into no more than the reserve's number */
    tickets[5] = admission_enter(&admission, &peer);
    assert_int_equal(tickets[5].verdict, ADMISSION_REFUSED);
    tickets[6] = admission_enter(&admission, &other); /* five of eight are taken, three are kept for banks */
    assert_int_equal(tickets[6].verdict, ADMISSION_BANK_ONLY);
    for (unsigned i = 0; i < 7; i++)
        admission_leave(&admission, &tickets[i]);
    admission_leave(&admission, &tickets[0]); /* again: harmless */
    assert_int_equal(admission.n_connections, 0);
    assert_int_equal(admission.n_over_address, 0);
    tickets[0] = admission_enter(&admission, &peer);
    assert_int_equal(tickets[0].verdict, ADMISSION_OPEN);
    admission_leave(&admission, &tickets[0]);
    admission_done(&admission);
}

static void all_places_and_the_reserve(void **state)
{
    struct admission admission;
    struct admission_ticket tickets[9];
    (void)state;
    init_admission(&admission);
    for (unsigned i = 0; i < 9; i++) {
        struct client_address peer = address_of("192.0.2.0");
        peer.bytes[15] = (uint8_t)i;
        tickets[i] = admission_enter(&admission, &peer);
        assert_int_equal(tickets[i].verdict, i < 5 ? ADMISSION_OPEN : i < 8 ? ADMISSION_BANK_ONLY : ADMISSION_REFUSED);
    }
    for (unsigned i = 0; i < 9; i++)
        admission_leave(&admission, &tickets[i]);
    admission_done(&admission);
}

/* When the places get scarce, who has its share already gets none of the reserve. */
static void reserve_is_not_for_the_greedy(void **state)
{
    static const char *const peers[] = {"192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.3"};
    struct admission admission;
    struct admission_ticket tickets[5], greedy;
    struct client_address peer;
    (void)state;
    init_admission(&admission);
    for (unsigned i = 0; i < 5; i++) {
        peer = address_of(peers[i]);
        tickets[i] = admission_enter(&admission, &peer);
        assert_int_equal(tickets[i].verdict, ADMISSION_OPEN);
    }
    peer = address_of("192.0.2.1");
    greedy = admission_enter(&admission, &peer);
    assert_int_equal(greedy.verdict, ADMISSION_REFUSED);
    for (unsigned i = 0; i < 5; i++)
        admission_leave(&admission, &tickets[i]);
    admission_done(&admission);
}

static void requests_behind_a_proxy(void **state)
{
    struct admission admission;
    struct client_address proxy = address_of("10.0.0.1"), client = address_of("192.0.2.1");
    struct admission_ticket tickets[4];
    (void)state;
    init_admission(&admission);
    for (unsigned i = 0; i < 4; i++) {
        tickets[i] = admission_enter(&admission, &proxy);
        assert_int_equal(tickets[i].verdict, ADMISSION_OPEN);
    }
    assert_true(admission_enter_request(&admission, &client));
    assert_true(admission_enter_request(&admission, &client));
    assert_false(admission_enter_request(&admission, &client));
    admission_leave_request(&admission, &client);
    assert_true(admission_enter_request(&admission, &client));
    admission_leave_request(&admission, &client);
    admission_leave_request(&admission, &client);
    for (unsigned i = 0; i < 4; i++)
        admission_leave(&admission, &tickets[i]);
    admission_done(&admission);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(network_lists),
        cmocka_unit_test(trust_table),
        cmocka_unit_test(forwarded_hops),
        cmocka_unit_test(networks_and_short_forms),
        cmocka_unit_test(x_forwarded_for_goes_before_forwarded),
        cmocka_unit_test(limits_count_an_ipv6_network_as_one),
        cmocka_unit_test(share_of_one_address),
        cmocka_unit_test(all_places_and_the_reserve),
        cmocka_unit_test(reserve_is_not_for_the_greedy),
        cmocka_unit_test(requests_behind_a_proxy),
    };
    rand_init();
    return cmocka_run_group_tests_name("client_address", tests, NULL, NULL);
}
