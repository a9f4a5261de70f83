"""Consulter mon historique: choices, pages, the file for spreadsheets, and what it costs with years of payments."""
import re

import pytest
from client import Parent

ROW = re.compile(r'/paiement/(\w+)')


@pytest.fixture(scope="module")
def veteran(stack):
    """A parent with 3 000 payments over three school years, for one account, in all states."""
    stack.sql("INSERT INTO users (school_id, external_id, login, role, password_hash, must_change_password, last_name, first_name, email) "
              "SELECT school_id, 'veteran', 'veteran', role, password_hash, FALSE, '=Vétéran', 'Zoé', 'zoe@example.org' FROM users WHERE login = 'martin'")
    stack.sql("INSERT INTO accounts (school_id, external_id, last_name, first_name) SELECT school_id, CONCAT('veteran-', s.seq), '=SOMME(A1)', "
              "CONCAT('Enfant', s.seq) FROM users, seq_1_to_2 s WHERE login = 'veteran'")
    stack.sql("INSERT INTO account_payers (user_id, account_id) SELECT u.id, a.id FROM users u JOIN accounts a ON a.external_id LIKE 'veteran-%' "
              "WHERE u.login = 'veteran'")
    stack.sql("INSERT INTO transactions (reference, school_id, user_id, contract_id, kind, amount_cents, email, created_at) "
              "SELECT CONCAT('vet', LPAD(s.seq, 17, '0')), u.school_id, u.id, c.contract_id, 'ADVANCE', "
              "s.seq, 'zoe@example.org', '2023-09-01 00:00:00' + INTERVAL s.seq * 8 HOUR "
              "FROM seq_1_to_3000 s, users u JOIN school_contracts c ON c.school_id = u.school_id WHERE u.login = 'veteran'")
    stack.sql("INSERT INTO transaction_lines (transaction_id, revision, position, account_id, amount_cents) "
              "SELECT t.id, 1, 1, (SELECT MIN(id) FROM accounts WHERE external_id LIKE 'veteran-%') + t.amount_cents % 2, t.amount_cents "
              "FROM transactions t WHERE t.reference LIKE 'vet%'")
    stack.sql("UPDATE transactions SET state = ELT(1 + amount_cents % 10, 'CREATED', 'PENDING', 'CANCELLED', 'DECLINED', 'EXPIRED', "
              "'AUTHORISED', 'CAPTURED', 'SETTLED', 'REVERSED', 'REFUNDED') WHERE reference LIKE 'vet%'")
    return Parent(stack, "veteran").log_in()


def references(answer):
    return [reference for reference in dict.fromkeys(ROW.findall(answer.text)) if reference.startswith("vet")]


def walk(parent, path):
    """All references of a history, page by page."""
    seen = []
    while path:
        answer = parent.get(path)
        assert answer.status == 200
        seen += references(answer)
        older = re.search(r'href="(/historique\?[^"]*avant=[^"]*)"', answer.text)
        path = older.group(1).replace("&amp;", "&") if older else None
    return seen


def test_every_payment_once_and_in_order(veteran):
    seen = walk(veteran, "/historique")
    assert len(seen) == 3000 and seen == sorted(seen, reverse=True)


def test_choices_are_kept_from_page_to_page(stack, veteran):
    account = [value for value in veteran.get("/historique").page.options["compte"] if value][0]
    chosen = walk(veteran, f"/historique?compte={account}&etat=valides&annee=2024")
    expected = [row[0] for row in stack.sql(
        "SELECT t.reference FROM transactions t JOIN transaction_lines l ON l.transaction_id = t.id WHERE t.reference LIKE 'vet%' "
        f"AND l.account_id = {account} AND t.state IN ('AUTHORISED', 'CAPTURED', 'SETTLED') AND t.created_at >= '2024-08-31 22:00:00' "
        "AND t.created_at < '2025-08-31 22:00:00' ORDER BY t.created_at DESC")]
    assert chosen == expected and len(chosen) > 100


def test_a_choice_without_payments_says_so(veteran):
    answer = veteran.get("/historique?annee=2010")
    assert "Aucun paiement ne correspond" in answer.text and answer.status == 200
    assert veteran.get("/historique?etat=n-importe").status == 400


def test_the_file_for_spreadsheets(veteran):
    answer = veteran.get("/historique/paiements.csv?annee=2024")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8" and "attachment" in answer.headers["Content-Disposition"]
    lines = answer.body.decode("utf-8-sig").split("\r\n")
    assert lines[0] == "Date;Heure;Référence;Compte;Type;Montant;État;Reçu" and lines[-1] == ""
    assert len(lines) - 2 == len(walk(veteran, "/historique?annee=2024"))
    date, hour, reference, account, kind, amount, label, receipt = lines[1].split(";")
    assert re.fullmatch(r"\d\d/\d\d/\d{4}", date) and re.fullmatch(r"\d\d:\d\d", hour) and re.fullmatch(r"\d+,\d\d", amount)
    assert len(veteran.get("/historique/paiements.csv").body.decode().split("\r\n")) == 3002


def test_names_cannot_be_formulas(stack, veteran):
    account = [value for value in veteran.get("/historique").page.options["compte"] if value][0]
    stack.sql(f"UPDATE accounts SET first_name = '=cmd', last_name = '\"x\"' WHERE id = {account}")
    text = veteran.get(f"/historique/paiements.csv?compte={account}&annee=2024").body.decode("utf-8-sig")
    assert ';"\'=cmd ""x""";' in text and ";=cmd" not in text


def test_no_page_costs_more_than_five_statements(stack, veteran):
    def statements():
        return int(stack.sql("SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'")[0][1])

    # the journal's keeper and the contracts ask now and then: the least of a few tries is the page's own
    older = re.search(r'href="(/historique\?avant=[^"]*)"', veteran.get("/historique").text).group(1)
    for path in ("/accueil", "/crediter", "/historique", older, "/historique/connexions", "/coordonnees", "/paiement/vet00000000000003000",
                 "/aide"):
        costs = []
        for _ in range(4):
            before = statements()
            assert veteran.get(path).status == 200
            costs.append(statements() - before)
        assert min(costs) < 5, (path, costs)
