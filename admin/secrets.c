/* dp-admin secrets: the files that an installation keeps to itself. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/admin.h"
#include "common/encode.h"
#include "common/rand.h"
#include "common/vault.h"

enum { DB_PASSWORD_CHARS = 40, SECRET_SIZE = 80, PATH_SIZE = 512 };

/* A file that is there is kept: a new master key would make every sealed bank key unreadable. */
static int write_secret(const char *directory, const char *name, const char *secret)
{
    char path[PATH_SIZE];
    int len = snprintf(path, sizeof path, "%s/%s", directory, name);
    if (len < 0 || (size_t)len >= sizeof path)
        return admin_fail("%s: the path is too long", directory);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) {
        printf("%s kept\n", path);
        return 0;
    }
    if (fd < 0)
        return admin_fail("%s: %s", path, strerror(errno));
    size_t size = strlen(secret);
    bool written = write(fd, secret, size) == (ssize_t)size && fsync(fd) == 0;
    int fault = errno;
    if (close(fd) || !written) {
        unlink(path);
        return admin_fail("%s: %s", path, strerror(fault));
    }
    printf("%s written\n", path);
    return 0;
}

static int write_master_key(const char *directory)
{
    char secret[SECRET_SIZE];
    uint8_t key[VAULT_KEY_LEN];
    rand_bytes(key, sizeof key);
    encode_hex(key, sizeof key, secret);
    memcpy(secret + 2 * sizeof key, "\n", 2);
    int status = write_secret(directory, "master-key", secret);
    sodium_memzero(key, sizeof key);
    sodium_memzero(secret, sizeof secret);
    return status;
}

static int write_db_password(const char *directory, const char *name)
{
    char secret[SECRET_SIZE];
    rand_base32(secret, DB_PASSWORD_CHARS);
    memcpy(secret + DB_PASSWORD_CHARS, "\n", 2);
    int status = write_secret(directory, name, secret);
    sodium_memzero(secret, sizeof secret);
    return status;
}

static int run_secrets(const struct config *config, int argc, char **argv)
{
    (void)config;
    if (argc != 1 || argv[0][0] == '-')
        return admin_usage(&command_secrets, "expected one directory");
    if (mkdir(argv[0], 0700) && errno != EEXIST)
        return admin_fail("%s: %s", argv[0], strerror(errno));
    if (write_master_key(argv[0]) || write_db_password(argv[0], "db-server") || write_db_password(argv[0], "db-worker"))
        return EXIT_FAILED;
    return EXIT_OK;
}

const struct command command_secrets = {
    .name = "secrets",
    .usage = "DIR",
    .help = "Writes master-key, db-server and db-worker into DIR, mode 0600, for [security] master_key_file and "
            "[database]\n"
            "server_password_file and worker_password_file. Files that are there are kept. Keep a copy of master-key:\n"
            "without it the banks' keys must be entered again.\n",
    .without_config = true,
    .run = run_secrets,
};
