/* my_data_statements: the parts of SQL_MY_DATA and SQL_MY_PAYMENTS, which turn rows into JSON objects. Included by
 * statements.c alone. */
#ifndef DP_SERVER_MY_DATA_STATEMENTS_H
#define DP_SERVER_MY_DATA_STATEMENTS_H

/* For JSON: the form of a moment. */
#define AS_MOMENT ", '%Y-%m-%dT%H:%i:%sZ')"

/* What is kept of a person, by enum section of page_my_data.c: no secret, and nothing that another payer brought about
 * (accounts.paid_cents adds up all payers; claims.reserved_for is a payment of one of them). */
#define MY_PERSON                                                                                                     \
    "SELECT 0 AS section, u.id AS id, JSON_OBJECT('identifiant', u.login, 'role', u.role, 'numero', u.external_id, "  \
    "'nom', u.last_name, 'prenom', u.first_name, 'adresse1', u.address1, 'adresse2', u.address2, 'code_postal', "     \
    "u.postcode, 'ville', u.city, 'telephone', u.phone, 'courriel', u.email, 'etablissement', s.name, 'uai', s.uai, " \
    "'mot_de_passe_a_changer', u.must_change_password <> 0, 'inscrit_le', DATE_FORMAT(u.created_at" AS_MOMENT         \
    ") AS json FROM users u JOIN schools s ON s.id = u.school_id WHERE u.id = ? AND u.school_id = ?"
#define MY_ACCOUNTS                                                                                                 \
    "SELECT 1, a.id, JSON_OBJECT('compte', a.id, 'numero', a.external_id, 'nom', a.last_name, 'prenom', "           \
    "a.first_name, 'classe', a.class_name, 'actif', a.active <> 0, 'solde_centimes', a.balance_cents, 'solde_le', " \
    "DATE_FORMAT(a.balance_at" AS_MOMENT ") FROM account_payers p "                                                 \
    "JOIN accounts a ON a.id = p.account_id WHERE p.user_id = ? AND a.school_id = ?"
#define MY_CLAIMS                                                                                                    \
    "SELECT 2, c.id, JSON_OBJECT('creance', c.id, 'compte', c.account_id, 'numero', c.number, 'libelle', c.label, "  \
    "'echeance', c.due_date, 'montant_centimes', c.amount_cents, 'regle_centimes', c.settled_cents, 'prelevement', " \
    "c.direct_debit <> 0) FROM account_payers p JOIN claims c ON c.account_id = p.account_id "                       \
    "WHERE p.user_id = ? AND c.school_id = ?"
#define MY_LOGINS                                                                                                  \
    "SELECT 3, l.id, JSON_OBJECT('date', DATE_FORMAT(l.at" AS_MOMENT ", 'reussie', l.success <> 0, 'adresse_ip', " \
    "l.address, 'navigateur', l.user_agent) FROM login_history l WHERE l.user_id = ?"
#define MAIL_OBJECT                                                                         \
    "JSON_OBJECT('genre', m.kind, 'adresse', m.recipient, 'etat', m.status, 'demande_le', " \
    "DATE_FORMAT(m.created_at" AS_MOMENT ", 'envoye_le', DATE_FORMAT(m.sent_at" AS_MOMENT ")"
#define MY_MAILS "SELECT 4, m.id, " MAIL_OBJECT " FROM mail_outbox m WHERE m.user_id = ? AND m.school_id = ?"
#define MY_PASSWORD_REQUESTS                                                                        \
    "SELECT 5, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', k.created_at), JSON_OBJECT('demandee_le', " \
    "DATE_FORMAT(k.created_at" AS_MOMENT ", 'valable_jusqu_au', DATE_FORMAT(k.expires_at" AS_MOMENT \
    ", 'utilisee_le', DATE_FORMAT(k.used_at" AS_MOMENT ") FROM password_tokens k WHERE k.user_id = ?"
#define MY_REPORTS                                                                                       \
    "SELECT 6, i.id, JSON_OBJECT('paiement', t.reference, 'recu_le', DATE_FORMAT(i.created_at" AS_MOMENT \
    ", 'message', i.detail) FROM transactions t FORCE INDEX (history) STRAIGHT_JOIN payer_reports i ON " \
    "i.transaction_id = t.id WHERE t.user_id = ? AND t.school_id = ?"

/* A payment's lists. Lines of all versions: what "Modifier" has replaced is kept too. */
#define LIST(select) "JSON_COMPACT(COALESCE((SELECT JSON_ARRAYAGG(" select "), '[]'))"
#define PAYMENT_LINES                                                                                           \
    LIST("JSON_OBJECT('version', l.revision, 'ligne', l.position, 'compte', l.account_id, 'nom', a.last_name, " \
         "'prenom', a.first_name, 'creance', l.claim_id, 'creance_numero', c.number, 'montant_centimes', "      \
         "l.amount_cents) ORDER BY l.revision, l.position) FROM transaction_lines l JOIN accounts a ON "        \
         "a.id = l.account_id LEFT JOIN claims c ON c.id = l.claim_id WHERE l.transaction_id = t.id")
#define PAYMENT_STATES                                                                                      \
    LIST("JSON_OBJECT('date', DATE_FORMAT(h.at" AS_MOMENT ", 'avant', h.from_state, 'apres', h.to_state, "  \
         "'code_banque', h.bank_code, 'reference_banque', h.bank_ref, 'note', h.note) ORDER BY h.id) FROM " \
         "transaction_history h WHERE h.transaction_id = t.id")
#define PAYMENT_MAILS \
    LIST(MAIL_OBJECT " ORDER BY m.id) FROM mail_outbox m WHERE m.transaction_id = t.id AND m.kind LIKE 'PARENT%'")
#define PAYMENT_SIGNS                                                                                              \
    LIST("JSON_OBJECT('genre', g.kind, 'numero', g.number, 'date', DATE_FORMAT(g.at" AS_MOMENT ") ORDER BY g.at, " \
         "g.kind, g.number) FROM payer_signs g WHERE g.transaction_id = t.id")
#define PAYMENT_OBJECT                                                                                             \
    "JSON_OBJECT('reference', t.reference, 'type', t.kind, 'etat', t.state, 'montant_centimes', t.amount_cents, "  \
    "'devise', t.currency, 'version', t.revision, 'courriel', t.email, 'commentaires', t.comment, 'cree_le', "     \
    "DATE_FORMAT(t.created_at" AS_MOMENT ", 'envoye_a_la_banque_le', DATE_FORMAT(t.sent_at" AS_MOMENT              \
    ", 'valable_jusqu_au', t.valid_until, 'accepte_le', DATE_FORMAT(t.accepted_at" AS_MOMENT                       \
    ", 'modifie_le', DATE_FORMAT(t.updated_at" AS_MOMENT ", 'reference_banque', t.bank_ref, "                      \
    "'remboursement_en_cours', t.refund_open <> 0, 'en_verification', t.review <> 0, 'recu', CONCAT(r.year, '-', " \
    "LPAD(r.number, 6, '0')), 'recu_adresse', IF(r.number IS NULL, NULL, CONCAT(?, '/paiement/', t.reference, "    \
    "'/recu.pdf')), 'lignes', " PAYMENT_LINES ", 'historique', " PAYMENT_STATES ", 'courriels', " PAYMENT_MAILS    \
    ", 'gestes', " PAYMENT_SIGNS ")"

#endif
