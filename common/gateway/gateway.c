#include "common/gateway/gateway.h"

static const struct gateway *const gateways[] = {
    &gateway_spplus,
};

const char *gateway_answer_name(enum gateway_answer_kind kind)
{
    static const char *const names[GATEWAY_ANSWER_KIND_COUNT] = {
        [GATEWAY_ANSWER_FAILED] = "failed",   [GATEWAY_ANSWER_REPORTED] = "reported", [GATEWAY_ANSWER_OPEN] = "open",
        [GATEWAY_ANSWER_UNKNOWN] = "unknown", [GATEWAY_ANSWER_UNCLEAR] = "unclear",
    };
    return names[kind];
}

const struct gateway *gateway_find(struct str name)
{
    for (size_t i = 0; i < sizeof gateways / sizeof gateways[0]; i++) {
        if (str_eq_text(name, gateways[i]->name))
            return gateways[i];
    }
    return NULL;
}
