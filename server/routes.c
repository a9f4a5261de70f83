/* Every address of the public port, and what stood there in 2009. */
#include "server/bank_callback.h"
#include "server/pages.h"
#include "server/response.h"
#include "server/school_file.h"
#include "server/static_files.h"

static void moved_to_root(struct request *request)
{
    response_redirect_permanent(request, STR("/"));
}

static void moved_to_credit(struct request *request)
{
    response_redirect_permanent(request, STR("/crediter"));
}

static void moved_to_history(struct request *request)
{
    response_redirect_permanent(request, STR("/historique"));
}

const struct route public_routes[] = {
    {"/", page_root, NULL, 0},
    {"/connexion", page_login, page_login, 0},
    {"/deconnexion", NULL, page_logout, 0},
    {"/mot-de-passe-oublie", page_forgotten, page_forgotten, 0},
    {"/mot-de-passe", page_password, page_password, ROUTE_LANDING},
    {"/mot-de-passe/{token}", page_reset, page_reset, 0},
    {"/accueil", page_home, NULL, 0},
    {"/coordonnees", page_contact, page_contact, ROUTE_LANDING},
    {"/crediter", page_credit, page_credit, ROUTE_LANDING},
    {"/paiement/{reference}", page_payment, NULL, ROUTE_LANDING},
    {"/paiement/{reference}/payer", NULL, page_pay, 0},
    {"/paiement/{reference}/abandonner", page_discard, page_discard, 0},
    {"/paiement/{reference}/probleme", page_problem, page_problem, 0},
    {"/paiement/{reference}/recu.pdf", page_receipt, NULL, 0},
    {"/retour-banque", page_bank_return, page_bank_return, 0},
    {"/historique", page_history, NULL, ROUTE_LANDING},
    {"/historique/paiements.csv", page_history_csv, NULL, 0},
    {"/historique/attestation", page_certificate, NULL, ROUTE_LANDING},
    {"/historique/connexions", page_logins, NULL, ROUTE_LANDING},
    {"/historique/connexions/deconnecter", NULL, page_logins_end_others, 0},
    {"/mes-donnees", page_my_data, NULL, ROUTE_LANDING},
    {"/mes-donnees.zip", page_my_data_zip, NULL, 0},
    {"/session", page_session, NULL, ROUTE_LANDING},
    {"/session/{fichier}", page_session_sheet, NULL, 0},
    {"/aide", page_help, NULL, 0},
    {"/accessibilite", page_accessibility, NULL, 0},
    {"/mentions-legales", page_legal_notice, NULL, 0},
    {"/donnees-personnelles", page_privacy, NULL, 0},
    {"/banque/spplus", bank_callback_spplus, bank_callback_spplus, ROUTE_BANK},
    {"/statique/{fichier}", static_files_get, NULL, 0},
    {"/ecole/{fichier}", school_file_get, NULL, 0},
    {"/favicon.ico", static_files_get_by_name, NULL, 0},
    {"/robots.txt", static_files_get_by_name, NULL, 0},
    /* bookmarks and printed notices of the 2009 product */
    {"/aliseIndexClient.php", moved_to_root, NULL, 0},
    {"/aliEncaissement.php", moved_to_credit, NULL, 0},
    {"/aliRecapEncaissement.php", moved_to_credit, NULL, 0},
    {"/aliConsultHisto.php", moved_to_history, NULL, 0},
    {NULL, NULL, NULL, 0},
};
