#include "server/admission.h"

#include "common/err.h"

int admission_init(struct admission *admission, const struct config *config)
{
    struct client_address_trust trust;

    if (client_address_trust_parse(config->listen.trusted_proxies, &trust) != 0)
        return ERR_INVALID;
    *admission = (struct admission){
        .connections_max = config->listen.connections_max,
        .per_address_max = config->listen.connections_per_address_max,
        .bank_reserve = config->listen.connections_bank_reserve,
        .trust = trust,
        .counts = address_count_new(),
    };
    return 0;
}

void admission_done(struct admission *admission)
{
    address_count_free(admission->counts);
    admission->counts = NULL;
}

static enum admission_verdict judge(const struct admission *admission, bool over_address)
{
    unsigned n = admission->n_connections;
    bool in_reserve = n + admission->bank_reserve >= admission->connections_max;

    if (n >= admission->connections_max)
        return ADMISSION_REFUSED;
    if (over_address && (in_reserve || admission->n_over_address >= admission->bank_reserve))
        return ADMISSION_REFUSED;
    return in_reserve || over_address ? ADMISSION_BANK_ONLY : ADMISSION_OPEN;
}

struct admission_ticket admission_enter(struct admission *admission, const struct client_address *peer)
{
    struct admission_ticket ticket = {.key = client_address_limit_key(peer)};

    ticket.by_address = !client_address_is_trusted(&admission->trust, peer);
    ticket.over_address =
        ticket.by_address && address_count_get(admission->counts, &ticket.key) >= admission->per_address_max;
    ticket.verdict = judge(admission, ticket.over_address);
    if (ticket.verdict == ADMISSION_REFUSED)
        return ticket;
    admission->n_connections++;
    if (ticket.over_address)
        admission->n_over_address++;
    if (ticket.by_address)
        address_count_take(admission->counts, &ticket.key);
    return ticket;
}

void admission_leave(struct admission *admission, struct admission_ticket *ticket)
{
    if (ticket->verdict == ADMISSION_REFUSED)
        return;
    admission->n_connections--;
    if (ticket->over_address)
        admission->n_over_address--;
    if (ticket->by_address)
        address_count_release(admission->counts, &ticket->key);
    ticket->verdict = ADMISSION_REFUSED;
}

bool admission_enter_request(struct admission *admission, const struct client_address *client)
{
    struct client_address key = client_address_limit_key(client);

    if (address_count_get(admission->counts, &key) >= admission->per_address_max)
        return false;
    address_count_take(admission->counts, &key);
    return true;
}

void admission_leave_request(struct admission *admission, const struct client_address *client)
{
    struct client_address key = client_address_limit_key(client);
    address_count_release(admission->counts, &key);
}
