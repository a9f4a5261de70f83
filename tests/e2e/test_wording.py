"""What pages and mails say: the next step, what went wrong and where, nothing that is not true, in French typography."""
import re

import pytest

NBSP, NARROW = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"

# page or mail: what stands there, in this order
SAID = {
    "connexion-refusee": ['<a href="#identifiant">Identifiant ou mot de passe incorrect', 'id="identifiant-erreur"', 'aria-invalid="true"'],
    "connexion-attendre": [f'<a href="#mot_de_passe">Plusieurs essais ont échoué{NBSP}: attendez 1{NBSP}seconde avant de recommencer.',
                           'value="impatient"', 'id="mot_de_passe-erreur"'],
    "connexion-vide": ['id="identifiant-erreur"', 'id="mot_de_passe-erreur"'],
    "connexion-nouveau-mot-de-passe": ["Votre nouveau mot de passe est enregistré."],
    "accueil": [f"À régler{NBSP}: 1{NARROW}317,00{NBSP}€</strong> en tout, pour 2{NBSP}créances", 'href="#a-regler"', "Créditer un compte",
                f"Échéance dépassée{NBSP}: 31{NBSP}janvier{NBSP}2026", "réglée par prélèvement"],
    "accueil-une-creance": [f"À régler{NBSP}: 158,50{NBSP}€</strong> pour Inès Benali, avant le 31{NBSP}janvier{NBSP}2027",
                            'href="/crediter?creance='],
    "accueil-sans-creance": ["Aucune créance n'est à régler par carte pour le moment."],
    "accueil-paiement-en-cours": ["n'est pas encore arrivée", ">Voir ou reprendre ce paiement<", ">l'abandonner<", f"À régler{NBSP}: 158,50{NBSP}€</strong> pour Jean-Baptiste",
                                  f"Votre paiement de cette créance est en cours{NBSP}: ne payez pas une seconde fois."],
    "accueil-deux-payeurs": [f"Déjà réglé par un autre payeur{NBSP}: 50,00{NBSP}€", "Votre paiement de cette créance est en cours",
                             "Reprendre ou voir ce paiement", "Réglées par un autre payeur", "Il ne reste rien à payer"],
    "crediter-deux-payeurs": ["Créances qui ne se règlent pas ici pour le moment", "Un autre payeur règle cette créance", "Votre paiement de cette créance",
                              "réglée par prélèvement"],
    "recapitulatif-refuse": ["Ce paiement ne peut pas partir maintenant", "Un autre payeur règle cette créance", "déjà réglée par un autre payeur",
                             f"Il ne reste que 160,00{NBSP}€", "Votre paiement de cette créance", ">modifier ce paiement</a>"],
    "crediter-creance-prise": ['<a href="#creance">Un autre payeur règle cette créance par carte', 'id="creance-erreur"'],
    "crediter-prelevement": [f'<a href="#creance">Cette créance est réglée par prélèvement{NBSP}: elle ne se paie pas par carte.'],
    "paiement-non-repris": ["Ce paiement ne peut plus être repris", "Un autre payeur règle cette créance"],
    "paiement-en-trop": [f"90,00{NBSP}€ de ce paiement dépassent ce qui restait dû", "l'imputera autrement ou vous la remboursera"],
    "courriel-parent-en-trop": [f"90,00{NBSP}€ de ce paiement dépassent ce qui restait dû", "vous la remboursera"],
    "courriel-gestionnaire-en-trop": [f"90,00{NBSP}€ de ce paiement dépassent ce qui restait dû", "Ne reportez que le reste"],
    "courriel-dossier-en-trop": ["Le paiement dépasse ce qui restait dû sur la créance"],
    "crediter": ['<option value="">Choisissez dans la liste</option>', f">1{NARROW}158,50{NBSP}€ – Anne-Sophie-Victoire"],
    "crediter-cinq-lignes": [f'<a href="#montant">Ligne 1{NBSP}: Il ne reste que', f'<a href="#creance_2">Ligne 2{NBSP}: Cette créance',
                             'role="group" aria-label="Ligne 2"'],
    "recapitulatif-quatre-lignes": ["à imputer par l'établissement", "Montant total"],
    "recapitulatif-creance-seule": ["Jean-Baptiste-Emmanuel", f"158,50{NBSP}€"],  # who chose a claim has chosen the account
    "recapitulatif-semblable": ["Ne continuez que si vous voulez vraiment payer une seconde fois"],
    "paiement-declined": [">Paiement refusé<", ">Payer à nouveau<", "<h2>Détail</h2>"],
    "paiement-pending": ["?actualisation=non\">Arrêter l'actualisation<"],
    "paiement-pending-arrete": ['?actualisation=non">Actualiser cette page<'],
    "paiement-pending-longtemps": ["La réponse de la banque tarde.", "nous posons nous-mêmes la question à la banque", "jusqu'au"],
    "paiement-cancelled": ["Vous avez quitté le site de la banque", "votre carte n'est pas débitée", ">Payer à nouveau<"],
    "paiement-abandonne": ["Vous avez abandonné ce paiement.", "attendez avant de payer de nouveau", "Nous continuons d'interroger la banque",
                           "Abandon à votre demande"],
    "paiement-abandonne-avant": ["rien n'a été débité, rien n'a été crédité", "<strong>Envoi à la banque</strong>", "jamais"],
    "paiement-abandon-en-cours": ['data-state="PENDING"', "en cours d'enregistrement", "s'actualise toute seule"],
    "paiement-abandon-tarde": ['data-state="PENDING"', "Nous n'avons pas encore pu l'enregistrer", "Abandonner ce paiement"],
    "paiement-expired": ["Regardez votre relevé de compte.", "signalez-le-nous", ">Payer à nouveau<", "Signaler un problème sur ce paiement"],
    "paiement-a-verifier": ["Vous n'avez rien à faire", "Signaler un problème sur ce paiement"],
    "paiement-probleme-signale": ["Problème signalé le", "Sa réponse viendra par courriel."],
    "probleme-erreurs": ['<a href="#message">Votre message est trop court', 'id="message-erreur"', "aïe</textarea>", "Ce qui sera envoyé"],
    "probleme-trop": ["Vous avez déjà envoyé 3"],
    "abandonner": ["N'abandonnez que si vous n'avez pas validé votre carte.", ">Abandonner ce paiement</button>", "Non, revenir à ce paiement"],
    "accueil-paiement-prepare": ["sans aller jusqu'à la banque", ">Le reprendre<"],
    "courriel-probleme": ["Un parent signale un problème", "<blockquote", "Référence transaction"],
    "paiement-reversed": ["(n'est plus valable)"],
    "historique-connexions": ["192.0.2.…", "Firefox sur Windows", ">Lignes plus anciennes<", ">Déconnecter les autres appareils<"],
    "historique-connexions-seul": ["Vos autres appareils sont déconnectés."],
    "premier-mot-de-passe": ["C'est votre première connexion."],
    "coordonnees-erreurs": [f"Prénom{NBSP}: 80{NBSP}caractères au plus.", f"Adresse{NBSP}: 120{NBSP}caractères au plus.",
                            f"Code postal{NBSP}: 10{NBSP}caractères au plus."],
    "courriel-gestionnaire": ["n'est pas relié à votre logiciel de gestion"],
}
NOT_SAID = {
    "accueil-ferme": ["/crediter?creance="],
    "crediter-creance": ["Choisissez dans la liste"],
    "crediter-un-compte": ["Choisissez dans la liste"],
    "recapitulatif": ["une seconde fois"],
    "recapitulatif-refuse": ["Paiement sécurisé par CB", "/payer"],
    "paiement-non-repris": ["/payer"],
    "accueil-deux-payeurs": ["Sébastien"],
    "recapitulatif-commensal": ["de l'élève"],
    "paiement-pending-arrete": ["s'actualise toute seule"],
    "paiement-a-verifier": ["Payer à nouveau"],
    "paiement-abandon-en-cours": ["Retourner sur le site de la banque", "Payer à nouveau"],
    "probleme-trop": ["<textarea"],
    "abandonner-avant": ["validé votre carte"],
    "mot-de-passe": ["première connexion"],
    "courriel-gestionnaire": ["rien à saisir"],
}


@pytest.mark.parametrize("name", SAID)
def test_what_is_said_and_in_which_order(walked, name):
    rest = walked.text(name)
    for text in SAID[name]:
        assert text in rest, text
        rest = rest[rest.index(text) + len(text):]


@pytest.mark.parametrize("name", NOT_SAID)
def test_what_is_not_said(walked, name):
    for text in NOT_SAID[name]:
        assert text not in walked.text(name)


def test_only_an_open_payment_asks_for_itself_again_and_that_can_be_stopped(walked):
    assert walked.refreshes == {"paiement-pending", "paiement-abandon-en-cours"}


def test_typography(walked):
    """No ordinary space beside French punctuation or in an amount, one kind of apostrophe; also in what C says."""
    found = []
    for name in walked.pages:
        if name in ("banque", "boite-aux-lettres"):
            continue
        text = re.sub(r"<[^>]*>", "\n", walked.text(name))
        found += [f"{name}: {wrong}" for wrong in re.findall(r".{0,30}(?: [:;!?»€%]|« |\d \d{3}\b|’).{0,10}", text)]
    assert not found, "\n".join(found)
