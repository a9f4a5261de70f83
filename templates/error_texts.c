#include "templates/error_texts.h"

#include <stddef.h>

static const struct error_text error_texts[] = {
    {400, STR("Cette demande n'a pas été comprise"),
     STR("Revenez à la page précédente et recommencez. Si vous avez suivi un lien, il est peut-être incomplet."),
     false},
    {403, STR("Ce formulaire n'est plus valable"),
     STR("Il est resté ouvert trop longtemps, ou vous vous êtes reconnecté entre-temps. Rien n'a été enregistré : "
         "revenez à l'accueil et recommencez."),
     false},
    {404, STR("Cette page n'existe pas"),
     STR("L'adresse est peut-être incomplète, ou le paiement a été modifié et porte une nouvelle référence. Vos "
         "paiements se trouvent dans votre historique."),
     false},
    {405, STR("Cette action n'est pas possible ici"), STR("Revenez à l'accueil et recommencez à partir du menu."),
     false},
    {410, STR("Cette page n'est plus disponible"), STR("Son adresse a déjà servi ou a expiré."), false},
    {413, STR("Le texte envoyé est trop long"),
     STR("Revenez à la page précédente et raccourcissez ce que vous avez écrit."), false},
    {422, STR("Le formulaire contient une erreur"),
     STR("Revenez à la page précédente, corrigez ce que vous avez saisi et recommencez."), false},
    {429, STR("Trop de demandes en peu de temps"), STR("Par sécurité, patientez une minute avant de recommencer."),
     false},
    {500, STR("Le site a rencontré un problème"),
     STR("Ce n'est pas de votre fait. Réessayez dans quelques minutes ; si le problème persiste, donnez au "
         "gestionnaire de l'établissement le numéro de la demande inscrit plus bas."),
     true},
    {503, STR("Le site est momentanément indisponible"),
     STR("Il revient en général en quelques minutes. Réessayez un peu plus tard. Les paiements déjà faits à la banque "
         "ne sont pas perdus."),
     true},
};

static const struct error_text *find_exactly(unsigned status)
{
    for (size_t i = 0; i < sizeof(error_texts) / sizeof(error_texts[0]); i++) {
        if (error_texts[i].status == status) {
            return &error_texts[i];
        }
    }
    return NULL;
}

const struct error_text *error_text_find(unsigned status)
{
    const struct error_text *text = find_exactly(status);

    if (text != NULL) {
        return text;
    }
    return find_exactly(status < 500 ? 400 : 500);
}
