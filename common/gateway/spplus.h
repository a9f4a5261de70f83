/* spplus: SP Plus (Caisse d'Épargne), what its five files share. Rules and vectors: bank-protocols.md §1.
 *
 *     spplus.c        the gateway itself: building the request, reading a call
 *     spplus_key.c    the merchant's key
 *     spplus_seal.c   names and values of the raw bytes, and the seal over the values
 *     spplus_judge.c  whether a well-sealed call says exactly what was asked, and what it reports
 *     spplus_query.c  asking about a payment that no call came for, and reading the answer */
#ifndef DP_COMMON_GATEWAY_SPPLUS_H
#define DP_COMMON_GATEWAY_SPPLUS_H

#include "common/digest.h"
#include "common/gateway/gateway.h"

enum { SPPLUS_SEAL_DIGITS = 2 * DIGEST_SHA1_LEN };

struct gateway_key {
    struct digest_hmac *hmac; /* owned */
};

int spplus_key_new(struct str material, struct gateway_key **ret_key);
void spplus_key_free(struct gateway_key *key);
bool spplus_key_is_demonstration(struct str material);

/* 14 digits, "-", site number of two or three digits. */
bool spplus_is_siret(struct str s);
/* What can be sent as a reference: nothing in it needs an escape. */
bool spplus_is_reference(struct str s);
/* A refsfp of that many digits. */
bool spplus_is_bank_ref(struct str s, size_t digits);

/* Raw bytes as they came, nothing decoded. */
struct spplus_pair {
    struct str name, value;
};

/* A call or request taken apart. The hmac pairs stand apart, wherever they were. */
struct spplus_pairs {
    size_t count;
    struct str seal;                             /* the last hmac's value */
    size_t seals;                                /* how many there were */
    struct spplus_pair items[GATEWAY_PAIRS_MAX]; /* last: kept only as far as it is filled */
};

/* Borrows from `raw`. Every "&" parts two pairs, so an empty one has an empty name. ERR_TOO_LARGE past GATEWAY_RAW_MAX
 * bytes or GATEWAY_PAIRS_MAX pairs; *ret is then undefined. */
int spplus_read_pairs(struct str raw, struct spplus_pairs *ret);
/* The first pair of that name, or NULL. */
const struct spplus_pair *spplus_find_pair(const struct spplus_pairs *pairs, const char *name);

/* The seal over values without separator, in upper-case digits, NUL-terminated. */
void spplus_seal(struct gateway_key *key, const struct str *values, size_t n_values, char out[SPPLUS_SEAL_DIGITS + 1]);
/* `raw` without its hmac pairs; `pairs` is what spplus_read_pairs() made of it, NULL when it failed. */
struct str spplus_unseal(struct str raw, const struct spplus_pairs *pairs, struct arena *arena);
enum gateway_verdict spplus_verify(const struct gateway_contract *contract, const struct gateway_call *call);

struct gateway_judgement spplus_judge(const struct gateway_contract *contract, struct str sent, struct str raw,
                                      struct arena *arena);

int spplus_build_query(const struct gateway_contract *contract, struct str reference, struct arena *arena,
                       struct str *ret_url);
struct gateway_answer spplus_read_answer(const struct gateway_contract *contract, struct str reference, struct str sent,
                                         struct str body, struct arena *arena);
const char *spplus_check_query_states(struct str states);

#endif
