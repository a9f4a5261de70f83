#include "server/client_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"

enum { IPV4_OFFSET = 12, IPV4_PREFIX_OFFSET = 96, IPV4_BITS = 32, LIMIT_IPV6_BITS = 64 };

static const uint8_t ipv4_mapped[IPV4_OFFSET] = {[10] = 0xff, [11] = 0xff};

static bool is_ipv4(const struct client_address *address)
{
    return memcmp(address->bytes, ipv4_mapped, IPV4_OFFSET) == 0;
}

static struct client_address from_ipv4(const void *four_bytes)
{
    struct client_address address;
    memcpy(address.bytes, ipv4_mapped, IPV4_OFFSET);
    memcpy(address.bytes + IPV4_OFFSET, four_bytes, 4);
    return address;
}

int client_address_parse(struct str text, struct client_address *ret_address)
{
    char terminated[INET6_ADDRSTRLEN];
    struct in_addr four;
    struct client_address address;

    if (text.len == 0 || text.len >= sizeof terminated || memchr(text.ptr, '\0', text.len))
        return ERR_INVALID;
    memcpy(terminated, text.ptr, text.len);
    terminated[text.len] = '\0';
    if (inet_pton(AF_INET, terminated, &four) == 1)
        address = from_ipv4(&four);
    else if (inet_pton(AF_INET6, terminated, address.bytes) != 1)
        return ERR_INVALID;
    *ret_address = address;
    return 0;
}

int client_address_from_socket(const struct sockaddr *socket, struct client_address *ret_address)
{
    if (socket->sa_family == AF_INET) {
        *ret_address = from_ipv4(&((const struct sockaddr_in *)socket)->sin_addr);
        return 0;
    }
    if (socket->sa_family != AF_INET6)
        return ERR_INVALID;
    memcpy(ret_address->bytes, &((const struct sockaddr_in6 *)socket)->sin6_addr, CLIENT_ADDRESS_LEN);
    return 0;
}

void client_address_print(const struct client_address *address, char out[INET6_ADDRSTRLEN])
{
    if (is_ipv4(address))
        inet_ntop(AF_INET, address->bytes + IPV4_OFFSET, out, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, address->bytes, out, INET6_ADDRSTRLEN);
}

struct client_address client_address_network(const struct client_address *address, unsigned ipv4_bits,
                                             unsigned ipv6_bits)
{
    struct client_address network = *address;
    unsigned prefix_len = is_ipv4(address) ? IPV4_PREFIX_OFFSET + ipv4_bits : ipv6_bits;

    for (unsigned bit = prefix_len; bit < CLIENT_ADDRESS_LEN * 8; bit++)
        network.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
    return network;
}

struct client_address client_address_limit_key(const struct client_address *address)
{
    return client_address_network(address, IPV4_BITS, LIMIT_IPV6_BITS);
}

void client_address_print_short(const struct client_address *address, char out[INET6_ADDRSTRLEN])
{
    const uint8_t *b = address->bytes;

    if (is_ipv4(address))
        snprintf(out, INET6_ADDRSTRLEN, "%u.%u.%u.…", b[IPV4_OFFSET], b[IPV4_OFFSET + 1], b[IPV4_OFFSET + 2]);
    else
        snprintf(out, INET6_ADDRSTRLEN, "%x:%x:%x:…", b[0] << 8 | b[1], b[2] << 8 | b[3], b[4] << 8 | b[5]);
}

/* --- Trusted networks --- */

static bool has_prefix(const struct client_address *address, const struct client_address_network *network)
{
    unsigned whole = network->prefix_len / 8, bits = network->prefix_len % 8;

    if (memcmp(address->bytes, network->address.bytes, whole) != 0)
        return false;
    if (bits == 0)
        return true;
    return (address->bytes[whole] ^ network->address.bytes[whole]) >> (8 - bits) == 0;
}

static bool ends_at_prefix(const struct client_address_network *network)
{
    for (unsigned bit = network->prefix_len; bit < CLIENT_ADDRESS_LEN * 8; bit++) {
        if (network->address.bytes[bit / 8] & (0x80 >> bit % 8))
            return false;
    }
    return true;
}

static int parse_network(struct str text, struct client_address_network *ret_network)
{
    struct str prefix;
    int64_t prefix_len;
    struct client_address_network network;
    struct str host = str_cut(text, '/', &prefix);

    if (client_address_parse(host, &network.address) != 0)
        return ERR_INVALID;
    unsigned offset = is_ipv4(&network.address) && str_find(host, ':') < 0 ? IPV4_PREFIX_OFFSET : 0;
    unsigned prefix_len_max = CLIENT_ADDRESS_LEN * 8 - offset;
    if (!prefix.ptr)
        prefix_len = prefix_len_max;
    else if (str_to_u63(prefix, &prefix_len) != 0 || prefix_len > prefix_len_max)
        return ERR_INVALID;
    network.prefix_len = offset + (unsigned)prefix_len;
    if (!ends_at_prefix(&network))
        return ERR_INVALID;
    *ret_network = network;
    return 0;
}

int client_address_trust_parse(const char *list, struct client_address_trust *ret_trust)
{
    struct str rest = str_trim(str_from(list));
    struct client_address_trust trust = {.n_networks = 0};

    while (rest.ptr && (rest.len > 0 || trust.n_networks > 0)) {
        struct str text = str_trim(str_cut(rest, ',', &rest));
        if (trust.n_networks == CLIENT_ADDRESS_NETWORKS_MAX)
            return ERR_TOO_LARGE;
        if (parse_network(text, &trust.networks[trust.n_networks]) != 0)
            return ERR_INVALID;
        trust.n_networks++;
    }
    *ret_trust = trust;
    return 0;
}

bool client_address_is_trusted(const struct client_address_trust *trust, const struct client_address *address)
{
    for (unsigned i = 0; i < trust->n_networks; i++) {
        if (has_prefix(address, &trust->networks[i]))
            return true;
    }
    return false;
}

/* --- Forwarding headers --- */

/* Takes the last element off a comma-separated list. */
static struct str cut_last(struct str *list)
{
    size_t at = list->len;
    while (at > 0 && list->ptr[at - 1] != ',')
        at--;
    struct str last = {list->ptr + at, list->len - at};
    *list = at > 0 ? (struct str){list->ptr, at - 1} : STR_NULL;
    return str_trim(last);
}

/* The value of "for=" in an element of Forwarded, without its quotes. */
static struct str forwarded_for(struct str element)
{
    while (element.len > 0) {
        struct str value;
        struct str name = str_trim(str_cut(str_cut(element, ';', &element), '=', &value));
        if (!str_eq_nocase(name, STR("for")))
            continue;
        value = str_trim(value);
        if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
            return (struct str){value.ptr + 1, value.len - 2};
        return value;
    }
    return STR_NULL;
}

/* "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]:4711"; a port does not matter. */
static int parse_node(struct str node, struct client_address *ret_address)
{
    struct str rest;
    ptrdiff_t colon = str_find(node, ':');

    if (node.len > 0 && node.ptr[0] == '[') {
        struct str host = str_cut((struct str){node.ptr + 1, node.len - 1}, ']', &rest);
        return rest.ptr ? client_address_parse(host, ret_address) : ERR_INVALID;
    }
    if (colon >= 0 && str_find((struct str){node.ptr + colon + 1, node.len - (size_t)colon - 1}, ':') < 0)
        node.len = (size_t)colon;
    return client_address_parse(node, ret_address);
}

/* Walks one header line to the left while hops are trusted; false once the walk has ended. */
static bool walk(const struct client_address_trust *trust, struct str list, bool forwarded, struct client_address *hop)
{
    while (list.ptr && client_address_is_trusted(trust, hop)) {
        struct str element = cut_last(&list);
        struct client_address previous;
        if (parse_node(forwarded ? forwarded_for(element) : element, &previous) != 0)
            return false;
        *hop = previous;
    }
    return client_address_is_trusted(trust, hop);
}

struct client_address client_address_resolve(const struct client_address_trust *trust,
                                             const struct client_address *peer, const struct request *request)
{
    struct client_address hop = *peer;
    bool forwarded = !request_header(request, "X-Forwarded-For").ptr;
    struct str name = forwarded ? STR("Forwarded") : STR("X-Forwarded-For");

    if (!client_address_is_trusted(trust, peer))
        return hop;
    for (unsigned i = request->n_headers; i > 0; i--) {
        const struct header *header = &request->headers[i - 1];
        if (str_eq_nocase(header->name, name) && !walk(trust, header->value, forwarded, &hop))
            break;
    }
    return hop;
}
