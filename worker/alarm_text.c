/* What an operator reads in the night: what happened, what it means, what to type. */
#include "worker/alarm.h"

static const struct alarm_text texts[ALARM_KIND_COUNT] = {
    [ALARM_DEAD_LETTERS] =
        {
            .subject = "message de la banque non enregistré",
            .what_one = "Un événement n'a pas pu être enregistré, malgré cinq essais.",
            .what_many = "% événements n'ont pas pu être enregistrés, malgré cinq essais chacun.",
            .meaning = "Rien n'est perdu\u00a0: chaque événement est conservé tel quel en base. Mais s'il s'agit d'un "
                       "appel de la banque, "
                       "un paiement accepté n'est pas encore crédité. La cause est une anomalie du programme ou des "
                       "données\u00a0: "
                       "lisez la raison indiquée, corrigez, puis relancez. Un événement relancé deux fois n'est compté "
                       "qu'une fois.",
            .commands =
                "dp-admin dead-letters list\ndp-admin dead-letters show NUMÉRO\ndp-admin dead-letters retry NUMÉRO",
        },
    [ALARM_DEAD_MAILS] =
        {
            .subject = "courriels abandonnés",
            .what_one = "Un courriel a été abandonné\u00a0: refusé, ou sans succès après tous les essais.",
            .what_many = "% courriels ont été abandonnés\u00a0: refusés, ou sans succès après tous les essais.",
            .meaning = "Aucun paiement n'est touché\u00a0: seuls les messages ne sont pas partis. Si l'adresse est "
                       "fausse, prévenez "
                       "l'établissement et classez le courriel\u00a0; si le serveur de messagerie était en panne, "
                       "relancez tout.",
            .commands = "dp-admin mails list\ndp-admin mails retry --all\ndp-admin mails drop NUMÉRO --reason TEXTE",
        },
    [ALARM_LATE_MAILS] =
        {
            .subject = "courriels en retard",
            .what_one = "Un courriel attend depuis plus de deux heures.",
            .what_many = "% courriels attendent depuis plus de deux heures.",
            .meaning = "Aucun paiement n'est touché. Les essais continuent d'eux-mêmes, de plus en plus espacés. "
                       "Vérifiez le serveur "
                       "de messagerie\u00a0: la dernière erreur est dans la liste.",
            .commands = "dp-admin mails list\ndp-admin status",
        },
    [ALARM_LATE_JOURNAL] =
        {
            .subject = "appels de la banque pas encore enregistrés",
            .what_one = "Un appel de la banque attend sur le disque d'un serveur depuis plus de dix minutes.",
            .what_many =
                "% appels de la banque attendent sur le disque des serveurs, le premier depuis plus de dix minutes.",
            .meaning = "Rien n'est perdu tant que ce disque vit\u00a0: ne l'effacez pas. Si le serveur tourne, le "
                       "chemin vers la base est "
                       "coupé (Redis, dp-worker ou MariaDB)\u00a0; les appels repartent d'eux-mêmes une fois la panne "
                       "finie. S'il est "
                       "arrêté, redémarrez un dp-server sur cette machine et laissez-le finir.",
            .commands = "dp-admin journals list\ndp-admin status\nsystemctl status 'dp-server@*' 'dp-worker@*'",
        },
    [ALARM_EVENTS_MISSING] =
        {
            .subject = "comparaison de la nuit\u00a0: événements manquants",
            .what_one = "La comparaison a trouvé un événement terminé pour Redis, mais inconnu de la base.",
            .what_many = "La comparaison a trouvé % événements terminés pour Redis, mais inconnus de la base.",
            .meaning =
                "Ce qui manquait a été renvoyé et devrait être enregistré maintenant\u00a0; une nouvelle comparaison "
                "le dira. Mais cela "
                "ne devrait jamais arriver\u00a0: quelqu'un a touché au flux, la base a perdu des transactions "
                "(restauration, "
                "bascule), ou le programme a une anomalie. Comparez les paiements du jour avec le portail de la "
                "banque.",
            .commands = "dp-admin compare\ndp-admin status",
        },
    [ALARM_BANK_SILENCE] =
        {
            .subject = "la banque n'appelle plus",
            .what_one = "La banque n'a plus appelé depuis longtemps.",
            .what_many = "La banque n'a plus appelé depuis longtemps.",
            .meaning = "Sans ces appels, les paiements acceptés restent «\u00a0en attente\u00a0» et les familles "
                       "risquent de payer deux "
                       "fois. Vérifiez que l'adresse /banque/ répond depuis l'extérieur (certificat, pare-feu, DNS), "
                       "puis demandez à "
                       "la banque si elle reçoit des erreurs. Si tout va bien des deux côtés, personne ne paie en ce "
                       "moment\u00a0: "
                       "congés, grève, fin de période. Un message vous dira quand la banque appelle de nouveau.",
            .commands = "curl -i https://VOTRE-SITE/banque/spplus    (403 est la bonne réponse)\ndp-admin status",
        },
};

const struct alarm_text *alarm_text(enum alarm_kind kind)
{
    return &texts[kind];
}
