/* fault_proxy: a TCP peer between a client and a real server that can be told to misbehave. A thread of its own. */
#ifndef DP_TESTS_FAULT_PROXY_H
#define DP_TESTS_FAULT_PROXY_H

/* What happens to a connection when it is accepted, and to one that exists when its client next sends something. */
enum fault {
    FAULT_NONE,       /* bytes are passed on */
    FAULT_RESET,      /* RST */
    FAULT_HALF_CLOSE, /* FIN; what the client sends is still read and thrown away */
    FAULT_SILENT,     /* never answers */
    FAULT_GARBAGE,    /* answers with what no protocol of ours begins with */
    FAULT_COUNT,
};

extern const char *const fault_names[FAULT_COUNT];

struct fault_proxy;
/* In front of the server at this unix socket. */
struct fault_proxy *fault_proxy_new(const char *upstream_socket);
/* On 127.0.0.1. */
unsigned fault_proxy_port(const struct fault_proxy *proxy);
void fault_proxy_set(struct fault_proxy *proxy, enum fault fault);
/* Closes all connections and joins the thread. */
void fault_proxy_free(struct fault_proxy *proxy);

/* A port of 127.0.0.1 at which nobody listens. */
unsigned fault_proxy_refused_port(void);

#endif
