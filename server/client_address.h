/* client_address: who is at the other end, through the operator's own proxies and no others. Wire floor. */
#ifndef DP_SERVER_CLIENT_ADDRESS_H
#define DP_SERVER_CLIENT_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/str.h"
#include "server/request.h"

enum { CLIENT_ADDRESS_LEN = 16, CLIENT_ADDRESS_NETWORKS_MAX = 32 };

/* IPv4 is kept as ::ffff:a.b.c.d. */
struct client_address {
    uint8_t bytes[CLIENT_ADDRESS_LEN];
};

struct client_address_network {
    struct client_address address;
    unsigned prefix_len; /* of the 128 bits */
};

/* The networks whose forwarding headers are believed. */
struct client_address_trust {
    struct client_address_network networks[CLIENT_ADDRESS_NETWORKS_MAX];
    unsigned n_networks;
};

/* "127.0.0.1, 10.0.0.0/8, fd00::/8"; empty or NULL: none. ERR_INVALID for what is no network or has bits set behind
 * its prefix; ERR_TOO_LARGE. */
int client_address_trust_parse(const char *list, struct client_address_trust *ret_trust);
bool client_address_is_trusted(const struct client_address_trust *trust, const struct client_address *address);

/* An address without port. ERR_INVALID. */
int client_address_parse(struct str text, struct client_address *ret_address);
/* A family other than IPv4 and IPv6 gives ERR_INVALID. */
int client_address_from_socket(const struct sockaddr *socket, struct client_address *ret_address);
/* IPv4 in dotted form. */
void client_address_print(const struct client_address *address, char out[INET6_ADDRSTRLEN]);
/* The network of so many leading bits (of 32, of 128), its other bits zero. */
struct client_address client_address_network(const struct client_address *address, unsigned ipv4_bits,
                                             unsigned ipv6_bits);
/* What limits count by: an IPv4 address, or an IPv6 /64, because one household holds 2^64 addresses. */
struct client_address client_address_limit_key(const struct client_address *address);
/* Enough for people to recognise where they were, and no more: "192.0.2.…" (/24), "2001:db8:1:…" (/48). */
void client_address_print_short(const struct client_address *address, char out[INET6_ADDRSTRLEN]);

/* Behind a trusted peer: the rightmost hop of X-Forwarded-For (or of Forwarded, RFC 7239, where the former is absent)
 * that is not a trusted proxy itself; what stands left of it is the client's own word and is not read. An unreadable
 * hop ends the walk at the proxy that reported it. Any other peer: the peer. */
struct client_address client_address_resolve(const struct client_address_trust *trust,
                                             const struct client_address *peer, const struct request *request);

#endif
