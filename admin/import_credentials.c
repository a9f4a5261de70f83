/* The passwords of new people: hashed for the database, and once in clear for the letters to them. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/import.h"
#include "common/err.h"
#include "common/password.h"

enum { GENERATED_SIZE = 64 };

int import_make_passwords(struct import *import)
{
    for (size_t i = 0; i < import->n_persons; i++) {
        struct import_person *person = &import->persons[i];
        char password[GENERATED_SIZE], hash[PASSWORD_HASH_SIZE];
        if (person->action != IMPORT_CREATE)
            continue;
        if (person->password.len == 0) {
            password_generate(password, sizeof password);
            person->password = arena_str(&import->arena, str_from(password));
            person->generated = true;
            sodium_memzero(password, sizeof password);
        }
        if (password_hash(person->password, hash)) {
            admin_fail("not enough memory to hash a password");
            return ERR_UNAVAILABLE;
        }
        person->password_hash = arena_str(&import->arena, str_from(hash));
    }
    return 0;
}

/* Always quoted, its own quotes doubled. */
static void put_field(FILE *file, struct str text, const char *end)
{
    fputc('"', file);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            fputc('"', file);
        fputc(text.ptr[i], file);
    }
    fputc('"', file);
    fputs(end, file);
}

static void put_persons(FILE *file, const struct import *import)
{
    fputs("identifiant;nom;prenom;mot_de_passe\n", file);
    for (size_t i = 0; i < import->n_persons; i++) {
        const struct import_person *person = &import->persons[i];
        if (!person->generated)
            continue;
        put_field(file, person->fields[PERSON_LOGIN], ";");
        put_field(file, person->fields[PERSON_LAST_NAME], ";");
        put_field(file, person->fields[PERSON_FIRST_NAME], ";");
        put_field(file, person->password, "\n");
    }
}

int import_write_credentials(const struct import *import, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!file) {
        admin_fail("%s: %s", path, strerror(errno));
        return ERR_IO;
    }
    put_persons(file, import);
    bool written = !ferror(file) && fflush(file) == 0 && fsync(fd) == 0;
    int fault = errno;
    if (fclose(file) || !written) {
        unlink(path);
        admin_fail("%s: %s", path, strerror(fault));
        return ERR_IO;
    }
    return 0;
}
