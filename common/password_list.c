#include "common/password_list.h"

/* Sources: the yearly lists of leaked passwords (the same names come back every year), first names, and the vocabulary
 * of this site. Walks over the keyboard are not here: password_guess.c knows them all. */
/* clang-format off */
static const char *const words[] = {
    "password", "passwort", "motdepasse", "motpasse", "passe", "pass", "mdp", "passwd", "mypassword", "secret",
    "sesame", "bonjour", "bonsoir", "salut", "coucou", "hello", "bienvenue", "welcome", "letmein", "changeme",
    "changezmoi", "changez", "admin", "administrateur", "administrator", "root", "user", "utilisateur", "login",
    "connexion", "identifiant", "invite", "guest", "default", "test", "soleil", "sunshine", "doudou", "loulou",
    "chouchou", "nounours", "minou", "minette", "toutou", "cheval", "chien", "chat", "dauphin", "papillon", "licorne",
    "princesse", "princess", "prince", "cherie", "cheri", "amour", "jetaime", "trop", "iloveyou", "love", "monamour",
    "moncoeur", "coeur", "bisous", "bisou", "calin", "maman", "papa", "mamie", "papi", "papy", "bebe", "famille",
    "enfant", "mesenfants", "monbebe", "maison", "vacances", "voyage", "chocolat", "vanille", "fraise", "cerise",
    "caramel", "nutella", "pomme", "orange", "banane", "cantine", "lacantine", "demipension", "demi", "pension",
    "restaurant", "scolaire", "ecole", "college", "lycee", "eleve", "classe", "parent", "gestionnaire", "intendance",
    "intendant", "paiement", "payer", "carte", "cartebancaire", "cartebleue", "bancaire", "banque", "euro", "argent",
    "repas", "france", "paris", "marseille", "lyon", "toulouse", "bordeaux", "nantes", "lille", "nice", "rennes",
    "strasbourg", "montpellier", "bretagne", "corse", "provence", "olympique", "psg", "football", "foot", "rugby",
    "basket", "tennis", "zidane", "ronaldo", "messi", "mbappe", "neymar", "liverpool", "chelsea", "arsenal",
    "barcelona", "starwars", "pokemon", "pikachu", "naruto", "minecraft", "fortnite", "mario", "superman", "batman",
    "spiderman", "marvel", "matrix", "dragon", "master", "monkey", "shadow", "killer", "ninja", "trustno", "michael",
    "michel", "nicolas", "julien", "thomas", "alexandre", "camille", "marine", "pauline", "julie", "charlie",
    "charlotte", "sophie", "isabelle", "nathalie", "catherine", "caroline", "christine", "valerie", "sandrine",
    "celine", "stephanie", "aurelie", "laurent", "philippe", "patrick", "pierre", "jean", "marie", "daniel", "david",
    "sebastien", "guillaume", "antoine", "maxime", "romain", "vincent", "kevin", "jordan", "jessica", "ashley",
    "francois", "christophe", "frederic", "olivier", "alain", "bernard", "jacques", "claude", "sylvie", "martine",
    "monique", "francoise", "anne", "emilie", "emma", "louise", "jade", "alice", "chloe", "lea", "manon", "sarah",
    "laura", "lucas", "hugo", "louis", "gabriel", "arthur", "nathan", "theo", "enzo", "leo", "paul", "adam",
    "mohamed", "mehdi", "karim", "fatima", "google", "facebook", "instagram", "youtube", "whatsapp", "tiktok",
    "internet", "ordinateur", "computer", "samsung", "iphone", "apple", "windows", "microsoft", "android", "portable",
    "telephone", "janvier", "fevrier", "mars", "avril", "mai", "juin", "juillet", "aout", "septembre", "octobre",
    "novembre", "decembre", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche", "hiver",
    "printemps", "ete", "automne", "noel", "corona", "confinement", "liberte", "egalite", "fraternite", "blabla",
    "lalala", "tralala",
};
/* clang-format on */

const char *password_list_word(size_t i)
{
    return i < sizeof words / sizeof words[0] ? words[i] : NULL;
}
