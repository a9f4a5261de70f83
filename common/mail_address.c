#include "common/mail_address.h"

enum { LOCAL_PART_MAX = 64, LABEL_MAX = 63 };

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* RFC 5322 §3.2.3 "atext". */
static bool is_atext(char c)
{
    return is_alphanumeric(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool is_atom(struct str atom)
{
    for (size_t i = 0; i < atom.len; i++) {
        if (!is_atext(atom.ptr[i]))
            return false;
    }
    return atom.len > 0;
}

static bool is_label(struct str label)
{
    if (label.len == 0 || label.len > LABEL_MAX || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++) {
        if (!is_alphanumeric(label.ptr[i]) && label.ptr[i] != '-')
            return false;
    }
    return true;
}

static bool is_number(struct str label)
{
    for (size_t i = 0; i < label.len; i++) {
        if (label.ptr[i] < '0' || label.ptr[i] > '9')
            return false;
    }
    return true;
}

static bool is_local_part(struct str local)
{
    bool ok = local.len <= LOCAL_PART_MAX;
    struct str rest = local;
    do
        ok = ok && is_atom(str_cut(rest, '.', &rest));
    while (ok && rest.ptr);
    return ok;
}

static bool is_domain(struct str domain)
{
    struct str label;
    struct str rest = domain;
    size_t labels = 0;

    do {
        label = str_cut(rest, '.', &rest);
        if (!is_label(label))
            return false;
        labels++;
    } while (rest.ptr);
    return labels >= 2 && !is_number(label);
}

bool mail_address_is_valid(struct str address)
{
    struct str domain;

    if (address.len == 0 || address.len > MAIL_ADDRESS_MAX)
        return false;
    struct str local = str_cut(address, '@', &domain);
    return domain.ptr && is_local_part(local) && is_domain(domain);
}
