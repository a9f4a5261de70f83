#include "common/gateway/gateway.h"

static const struct gateway *const gateways[] = {
    &gateway_spplus,
};

const struct gateway *gateway_find(struct str name)
{
    for (size_t i = 0; i < sizeof gateways / sizeof gateways[0]; i++) {
        if (str_eq_text(name, gateways[i]->name))
            return gateways[i];
    }
    return NULL;
}
