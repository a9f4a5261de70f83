/* replay: runs a fuzz target over every file of the folders named, in order of their names. */
#include <dirent.h>

#include "fuzz/fuzz.h"

enum { FILE_MAX = 1 << 20, PATH_SIZE = 1024 };

int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

/* In memory of exactly its size, so that the sanitizer sees who reads beyond. */
static void run_file(const char *path)
{
    static uint8_t bytes[FILE_MAX];
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    uint8_t *exact = malloc(len ? len : 1);
    if (!exact)
        abort();
    memcpy(exact, bytes, len);
    fprintf(stderr, "%s\n", path); /* the last one named is the one that failed */
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
}

static unsigned run_folder(const char *folder)
{
    struct dirent **entries;
    unsigned n_run = 0;
    int n_entries = scandir(folder, &entries, NULL, alphasort);

    for (int i = 0; i < n_entries; i++) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') {
            run_file(path);
            n_run++;
        }
        free(entries[i]);
    }
    if (n_entries >= 0)
        free(entries);
    return n_run;
}

int main(int argc, char **argv)
{
    if (LLVMFuzzerInitialize)
        LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        unsigned n_run = run_folder(argv[i]);
        printf("%s: %u inputs\n", argv[i], n_run);
        if (n_run == 0)
            return EXIT_FAILURE; /* a corpus that is not there proves nothing */
    }
    return argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
