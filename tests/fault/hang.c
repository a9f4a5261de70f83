/* hang: loaded before a program (LD_PRELOAD), makes the disk or the password hash hang as long as a file exists:
 * $DP_HANG_DISK holds up fdatasync(), $DP_HANG_HASH libsodium's verification. */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void hang_while(const char *variable)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    const char *path = getenv(variable);

    while (path && access(path, F_OK) == 0)
        nanosleep(&pause, NULL);
}

int fdatasync(int fd)
{
    static int (*real)(int fd);

    hang_while("DP_HANG_DISK");
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    return real(fd);
}

int crypto_pwhash_str_verify(const char *hash, const char *password, unsigned long long length)
{
    static int (*real)(const char *hash, const char *password, unsigned long long length);

    hang_while("DP_HANG_HASH");
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "crypto_pwhash_str_verify");
    return real(hash, password, length);
}
