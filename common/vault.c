#include "common/vault.h"

#include <assert.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/encode.h"
#include "common/err.h"
#include "common/log.h"

static_assert(VAULT_OVERHEAD == crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES, "a box has nonce and tag");
static_assert(VAULT_KEY_LEN == crypto_secretbox_KEYBYTES && VAULT_KEY_LEN <= crypto_generichash_KEYBYTES_MAX,
              "one key length for all");

struct vault {
    uint8_t master[VAULT_KEY_LEN];
    uint8_t seal[VAULT_KEY_LEN]; /* derived: the master key itself seals nothing */
};

/* Nobody but the owner may read or write; the group may read, because systemd hands out credentials with an access list
 * whose mask shows as the group's read bit. */
static int check_mode(int fd)
{
    struct stat st;
    if (fstat(fd, &st))
        return ERR_IO;
    if (!S_ISREG(st.st_mode))
        return ERR_INVALID;
    return st.st_mode & (S_IRWXO | S_IWGRP | S_IXGRP) ? ERR_FORBIDDEN : 0;
}

/* 64 hex digits, white space around. */
static int read_key(int fd, uint8_t out[VAULT_KEY_LEN])
{
    char text[2 * VAULT_KEY_LEN + 16];
    ssize_t len = read(fd, text, sizeof text);
    int err = ERR_IO;

    if (len == sizeof text)
        err = ERR_INVALID;
    else if (len >= 0)
        err = decode_hex(str_trim(str_slice(text, (size_t)len)), out, VAULT_KEY_LEN);
    sodium_memzero(text, sizeof text);
    return err;
}

int vault_open(const char *key_file, struct vault **ret_vault)
{
    int fd = open(key_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    int err = check_mode(fd);
    if (!err) {
        struct vault *vault = sodium_malloc(sizeof *vault);
        if (!vault)
            log_fatal("out_of_memory", LOG_INT("bytes", sizeof *vault));
        err = read_key(fd, vault->master);
        if (!err) {
            vault_derive(vault, "seal", vault->seal);
            sodium_mprotect_readonly(vault);
            *ret_vault = vault;
        } else {
            vault_free(vault);
        }
    }
    close(fd);
    return err;
}

void vault_free(struct vault *vault)
{
    sodium_free(vault);
}

struct str vault_seal(const struct vault *vault, struct str secret, struct arena *arena)
{
    uint8_t *box = arena_alloc(arena, secret.len + VAULT_OVERHEAD);
    randombytes_buf(box, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(box + crypto_secretbox_NONCEBYTES, (const uint8_t *)secret.ptr, secret.len, box, vault->seal);
    return str_slice((const char *)box, secret.len + VAULT_OVERHEAD);
}

int vault_unseal(const struct vault *vault, struct str sealed, struct arena *arena, struct str *ret_secret)
{
    if (sealed.len < VAULT_OVERHEAD)
        return ERR_CORRUPT;
    const uint8_t *box = (const uint8_t *)sealed.ptr;
    size_t len = sealed.len - VAULT_OVERHEAD;
    uint8_t *secret = arena_alloc(arena, len);
    if (crypto_secretbox_open_easy(secret, box + crypto_secretbox_NONCEBYTES, len + crypto_secretbox_MACBYTES, box,
                                   vault->seal))
        return ERR_CORRUPT;
    *ret_secret = str_slice((const char *)secret, len);
    return 0;
}

void vault_derive(const struct vault *vault, const char *purpose, uint8_t out[VAULT_KEY_LEN])
{
    /* Keyed BLAKE2b is a pseudo-random function of the purpose, whatever its length (crypto_kdf cuts it at 8 bytes). */
    if (crypto_generichash(out, VAULT_KEY_LEN, (const uint8_t *)purpose, strlen(purpose), vault->master, VAULT_KEY_LEN))
        log_fatal("vault_derive_failed", LOG_STR("purpose", purpose));
}
