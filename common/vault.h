/* vault: secrets at rest, and keys derived for one purpose each, under the master key of the installation.
 *
 * The master key is 32 random bytes in a file (hex, mode 0600 or a systemd credential). */
#ifndef DP_COMMON_VAULT_H
#define DP_COMMON_VAULT_H

#include <stdint.h>

#include "common/arena.h"
#include "common/str.h"

enum { VAULT_KEY_LEN = 32, VAULT_OVERHEAD = 40 };

struct vault; /* guarded memory */

/* ERR_IO when the file cannot be read, ERR_FORBIDDEN when others may read it, ERR_INVALID when it is not 64 hex digits.
 */
int vault_open(const char *key_file, struct vault **ret_vault);
void vault_free(struct vault *vault); /* NULL allowed; wipes */

/* libsodium secretbox: nonce and box, len + VAULT_OVERHEAD bytes, in `arena`. */
struct str vault_seal(const struct vault *vault, struct str secret, struct arena *arena);
/* ERR_CORRUPT when it is not ours. */
int vault_unseal(const struct vault *vault, struct str sealed, struct arena *arena, struct str *ret_secret);
/* A key for one purpose ("csrf", "contracts" …): keyed BLAKE2b of the purpose. */
void vault_derive(const struct vault *vault, const char *purpose, uint8_t out[VAULT_KEY_LEN]);

#endif
