#include "common/password_list.h"

/* The core words: a password that is one of them, repeated or dressed up with digits and signs, is refused. Sources:
 * the yearly lists of leaked passwords (the same names come back every year) and the vocabulary of this site. */
static const char *const words[] = {
    "password",      "passwort",   "motdepasse",   "mdp",           "azerty",      "azertyuiop", "qwerty",
    "qwertyuiop",    "qwertz",     "qsdfgh",       "qsdfghjklm",    "asdfgh",      "asdfghjkl",  "wxcvbn",
    "zxcvbn",        "zxcvbnm",    "abc",          "abcd",          "abcdef",      "abcdefgh",   "abcdefghijkl",
    "aqwzsx",        "azqsdwxc",   "qazwsx",       "qazwsxedc",     "letmein",     "welcome",    "bienvenue",
    "bonjour",       "bonsoir",    "salut",        "coucou",        "hello",       "admin",      "administrateur",
    "administrator", "root",       "user",         "utilisateur",   "login",       "connexion",  "identifiant",
    "secret",        "test",       "tests",        "demo",          "guest",       "invite",     "default",
    "changeme",      "changezmoi", "soleil",       "sunshine",      "doudou",      "loulou",     "loulous",
    "chouchou",      "nounours",   "minou",        "minette",       "toutou",      "cheval",     "dauphin",
    "papillon",      "licorne",    "princesse",    "princess",      "prince",      "cherie",     "chéri",
    "chérie",        "amour",      "jetaime",      "jetaimetrop",   "iloveyou",    "iloveu",     "love",
    "monamour",      "moncoeur",   "coeur",        "bisous",        "calin",       "maman",      "papa",
    "mamanpapa",     "papamaman",  "mamie",        "papi",          "bebe",        "bébé",       "famille",
    "enfant",        "enfants",    "mesenfants",   "monbebe",       "maison",      "vacances",   "voyage",
    "chocolat",      "vanille",    "fraise",       "cerise",        "caramel",     "nutella",    "pomme",
    "orange",        "banane",     "cantine",      "lacantine",     "demipension", "restaurant", "ecole",
    "école",         "college",    "collège",      "lycee",         "lycée",       "eleve",      "élève",
    "parent",        "parents",    "gestionnaire", "intendance",    "intendant",   "paiement",   "payer",
    "cartebancaire", "cartebleue", "banque",       "euro",          "euros",       "argent",     "france",
    "paris",         "marseille",  "lyon",         "toulouse",      "bordeaux",    "nantes",     "lille",
    "nice",          "bretagne",   "corse",        "provence",      "olympique",   "psg",        "om",
    "football",      "foot",       "rugby",        "basket",        "tennis",      "zidane",     "ronaldo",
    "messi",         "mbappe",     "neymar",       "liverpool",     "chelsea",     "arsenal",    "barcelona",
    "starwars",      "pokemon",    "pikachu",      "naruto",        "minecraft",   "fortnite",   "mario",
    "superman",      "batman",     "spiderman",    "marvel",        "matrix",      "dragon",     "master",
    "monkey",        "shadow",     "killer",       "ninja",         "trustno",     "michael",    "michel",
    "nicolas",       "julien",     "thomas",       "alexandre",     "camille",     "marine",     "pauline",
    "julie",         "charlie",    "charlotte",    "sophie",        "isabelle",    "nathalie",   "catherine",
    "caroline",      "christine",  "valerie",      "sandrine",      "celine",      "stephanie",  "aurelie",
    "laurent",       "philippe",   "patrick",      "pierre",        "jean",        "marie",      "daniel",
    "david",         "sebastien",  "guillaume",    "antoine",       "maxime",      "romain",     "vincent",
    "kevin",         "jordan",     "jessica",      "ashley",        "google",      "facebook",   "instagram",
    "youtube",       "whatsapp",   "internet",     "ordinateur",    "computer",    "samsung",    "iphone",
    "apple",         "windows",    "microsoft",    "android",       "portable",    "telephone",  "janvier",
    "fevrier",       "mars",       "avril",        "mai",           "juin",        "juillet",    "aout",
    "septembre",     "octobre",    "novembre",     "decembre",      "lundi",       "mardi",      "mercredi",
    "jeudi",         "vendredi",   "samedi",       "dimanche",      "hiver",       "printemps",  "ete",
    "automne",       "noel",       "corona",       "confinement",   "liberte",     "egalite",    "fraternite",
    "passe",         "motpasse",   "mypassword",   "monmotdepasse", "passpass",    "blablabla",  "lalala",
    "tralala",
};

const char *password_list_word(size_t i)
{
    return i < sizeof words / sizeof words[0] ? words[i] : NULL;
}
