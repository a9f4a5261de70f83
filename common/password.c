#include "common/password.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>

#include "common/err.h"
#include "common/password_guess.h"

static_assert(PASSWORD_HASH_SIZE >= crypto_pwhash_STRBYTES, "a PHC string must fit");

enum {
    DIGITS_LENGTH_MIN = 16, /* characters, where all are digits */
    COST_MIN = 7,        /* things to be found out (password_guess.h); a rare word has them, two common ones have not */
    GENERATED_PARTS = 3, /* of three syllables each */
};

static_assert((int)PASSWORD_LENGTH_MAX == (int)PASSWORD_GUESS_CHARACTERS_MAX, "all of a password is looked at");

static const size_t memory_bytes = (size_t)PASSWORD_MEMORY_KIB * 1024;

int password_hash(struct str password, char out[PASSWORD_HASH_SIZE])
{
    if (crypto_pwhash_str(out, password.ptr ? password.ptr : "", password.len, PASSWORD_OPS, memory_bytes))
        return ERR_UNAVAILABLE;
    return 0;
}

/* libsodium reads a hash as an array of its full size: shorter texts are padded with NULs. False for a longer one. */
static bool pad_hash(const char *hash, char out[crypto_pwhash_STRBYTES])
{
    size_t len = strlen(hash);
    memset(out, 0, crypto_pwhash_STRBYTES);
    if (len >= crypto_pwhash_STRBYTES)
        return false;
    memcpy(out, hash, len);
    return true;
}

int password_verify(const char *hash, struct str password)
{
    char padded[crypto_pwhash_STRBYTES];
    if (!pad_hash(hash, padded))
        return ERR_FORBIDDEN;
    return crypto_pwhash_str_verify(padded, password.ptr ? password.ptr : "", password.len) ? ERR_FORBIDDEN : 0;
}

const char *password_dummy_hash(void)
{
    /* Salt and tag were drawn at random; the parameters are today's, so that it costs what a real one costs. */
    return "$argon2id$v=19$m=19456,t=2,p=1$VnqduEAHdMow7hxPQrg7dQ$bw2SG21tgEO883FLvlRPUp5HlzwXHTEInTncMRQZ3cU";
}

static bool all_digits(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    }
    return true;
}

const char *password_refusal(struct str password, const struct password_owner *owner)
{
    const struct str own[] = {owner->login, owner->last_name, owner->first_name,
                              owner->email, owner->school,    owner->city};
    if (!str_is_utf8(password) || str_has_control(password, ""))
        return "Ce mot de passe contient un caractère qui ne se tape pas au clavier. Retapez-le sans ce caractère.";
    size_t length = str_utf8_length(password);
    if (length < PASSWORD_LENGTH_MIN)
        return "Le mot de passe doit compter au moins 12\u00a0caractères. Ajoutez-lui un ou deux mots.";
    if (length > PASSWORD_LENGTH_MAX)
        return "Le mot de passe doit compter au plus 128\u00a0caractères. Raccourcissez-le.";
    if (all_digits(password) && length < DIGITS_LENGTH_MIN)
        return "Un mot de passe fait seulement de chiffres doit en compter au moins\u00a016. Ajoutez-lui plutôt des "
               "mots.";
    if (password_guess_cost(password, NULL, 0) < COST_MIN)
        return "Ce mot de passe serait deviné parmi les premiers\u00a0: il est fait de mots très courants, de touches "
               "voisines ou de répétitions. Prenez plutôt trois mots sans rapport entre eux.";
    if (password_guess_cost(password, own, sizeof own / sizeof own[0]) < COST_MIN)
        return "Ce mot de passe est fait de votre identifiant, de votre nom, de votre adresse ou du nom de "
               "l'établissement. Prenez plutôt trois mots sans rapport avec vous.";
    return NULL;
}

/* What a letter from a school had better not say. */
static bool is_rude(const char *part)
{
    static const char *const rude[] = {"bite", "pute", "pipi", "kaka", "zizi", "nike", "pede", "tete", "nene", "gogo"};
    for (size_t i = 0; i < sizeof rude / sizeof rude[0]; i++) {
        if (strstr(part, rude[i]))
            return true;
    }
    return false;
}

/* "rolami": three syllables of 64 each, 18 bits. No letter that looks like another or like a digit. */
static void generate_part(char out[7])
{
    static const char consonants[] = "bdfgjkmnprstvzhc";
    static const char vowels[] = "aeiu";
    do {
        for (size_t i = 0; i < 6; i += 2) {
            out[i] = consonants[randombytes_uniform(sizeof consonants - 1)];
            out[i + 1] = vowels[randombytes_uniform(sizeof vowels - 1)];
        }
        out[6] = '\0';
    } while (is_rude(out));
}

void password_generate(char *out, size_t size)
{
    /* 3 × 18 bits and a number of 6.5 bits. */
    char parts[GENERATED_PARTS][7];
    for (size_t i = 0; i < GENERATED_PARTS; i++)
        generate_part(parts[i]);
    int len = snprintf(out, size, "%s-%u-%s-%s", parts[0], 10 + randombytes_uniform(90), parts[1], parts[2]);
    assert(len > 0 && (size_t)len < size);
    (void)len;
    sodium_memzero(parts, sizeof parts);
}
